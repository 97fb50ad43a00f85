/* See purpose.h. */
#include "policy/purpose.h"

#include <string.h>

#include "lib/crypto.h"

enum { CM_PURPOSE_SEGMENT_MAX = 32 };

static bool is_segment_char(char c)
{
	return (c >= 'a' && c <= 'z') || cm_ascii_digit(c) || c == '-';
}

/* Octets up to the next "/" or the end. */
static size_t segment_length(struct cm_span path)
{
	size_t n = 0;

	while (n < path.n && path.p[n] != '/')
		n++;
	return n;
}

static int check_segment(struct cm_span path, struct cm_span segment,
			 struct cm_error *err)
{
	size_t i;

	if (segment.n == 0)
		return cm_fail(err, CM_EDATA,
			       "purpose \"%.*s\" has an empty segment: write "
			       "it as \"brand/newsletter\"",
			       (int)path.n, path.p);
	if (segment.n > CM_PURPOSE_SEGMENT_MAX)
		return cm_fail(err, CM_EDATA,
			       "purpose \"%.*s\": \"%.*s\" is longer than %d",
			       (int)path.n, path.p, (int)segment.n, segment.p,
			       CM_PURPOSE_SEGMENT_MAX);
	for (i = 0; i < segment.n; i++)
		if (!is_segment_char(segment.p[i]))
			return cm_fail(err, CM_EDATA,
				       "purpose \"%.*s\": only a-z, 0-9, \"-\" "
				       "and \"/\" are allowed",
				       (int)path.n, path.p);
	return CM_OK;
}

int cm_purpose_check(struct cm_span path, struct cm_error *err)
{
	struct cm_span rest = path;
	size_t depth = 0;

	if (path.n == 0)
		return cm_fail(err, CM_EDATA, "a purpose may not be empty");
	if (path.n > CM_PURPOSE_MAX)
		return cm_fail(err, CM_EDATA,
			       "a purpose of %zu octets is longer than %d",
			       path.n, CM_PURPOSE_MAX);
	for (;;) {
		size_t n = segment_length(rest);
		int rc = check_segment(path, cm_span_n(rest.p, n), err);

		if (rc != CM_OK)
			return rc;
		if (++depth > CM_PURPOSE_DEPTH)
			return cm_fail(err, CM_EDATA,
				       "purpose \"%.*s\" is deeper than %d "
				       "segments",
				       (int)path.n, path.p, CM_PURPOSE_DEPTH);
		if (n == rest.n)
			return CM_OK;
		rest.p += n + 1;
		rest.n -= n + 1;
	}
}

bool cm_purpose_covers(struct cm_span node, struct cm_span path)
{
	if (node.n == 0)
		return true;
	if (node.n > path.n || memcmp(node.p, path.p, node.n) != 0)
		return false;
	return node.n == path.n || path.p[node.n] == '/';
}

size_t cm_purpose_depth(struct cm_span path)
{
	size_t depth = path.n > 0 ? 1 : 0;
	size_t i;

	for (i = 0; i < path.n; i++)
		depth += path.p[i] == '/';
	return depth;
}

struct cm_span cm_purpose_parent(struct cm_span path)
{
	while (path.n > 0 && path.p[path.n - 1] != '/')
		path.n--;
	if (path.n > 0)
		path.n--;
	return path;
}

int cm_purpose_id(struct cm_span path, uint8_t out[CM_PURPOSE_ID_LEN])
{
	uint8_t digest[CM_SHA256_LEN];
	int rc = cm_sha256(path.p, path.n, digest);

	if (rc == CM_OK)
		memcpy(out, digest, CM_PURPOSE_ID_LEN);
	return rc;
}
