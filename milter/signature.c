/* See signature.h. */
#include "milter/signature.h"

#include <string.h>

enum {
	TAGS_MAX = 32, /* RFC 6376 knows fourteen */
};

struct tag {
	struct cm_span name;
	struct cm_span value;
};

struct tags {
	struct tag v[TAGS_MAX];
	size_t n;
};

/* Which fields are signatures, and what each must say. */
static const struct kind {
	const char *field;
	const char *required[8];
} kinds[] = {
	{"DKIM-Signature", {"v", "a", "b", "bh", "d", "h", "s", NULL}},
	{"ARC-Message-Signature", {"i", "a", "b", "bh", "d", "h", "s", NULL}},
	{"DomainKey-Signature", {"a", "b", "d", "h", "s", NULL}},
};

static const struct kind *find_kind(struct cm_span name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (cm_span_is(name, kinds[i].field))
			return &kinds[i];
	return NULL;
}

/* ---- tag lists (RFC 6376, 3.2) ----------------------------------------- */

static bool is_tag_name(struct cm_span name)
{
	size_t i;

	if (name.n == 0 || !cm_ascii_alpha(name.p[0]))
		return false;
	for (i = 1; i < name.n; i++)
		if (!cm_ascii_alpha(name.p[i]) && !cm_ascii_digit(name.p[i]) &&
		    name.p[i] != '_')
			return false;
	return true;
}

/* VALCHARs with blanks and folds between them. */
static bool is_tag_value(struct cm_span value)
{
	size_t i;

	for (i = 0; i < value.n; i++)
		if ((value.p[i] <= ' ' || value.p[i] > '~') &&
		    strchr(" \t\r\n", value.p[i]) == NULL)
			return false;
	return value.n == 0 || memchr(value.p, '\0', value.n) == NULL;
}

/* Names are told apart by case. */
static const struct tag *find_tag(const struct tags *tags, struct cm_span name)
{
	size_t i;

	for (i = 0; i < tags->n; i++)
		if (cm_span_eq(tags->v[i].name, name))
			return &tags->v[i];
	return NULL;
}

static bool take_tag(struct tags *tags, struct cm_span spec)
{
	struct cm_span name;

	if (spec.n == 0 || memchr(spec.p, '=', spec.n) == NULL)
		return false;
	name = cm_span_trim(cm_span_cut(&spec, '='));
	spec = cm_span_trim(spec);
	if (tags->n == TAGS_MAX || !is_tag_name(name) || !is_tag_value(spec) ||
	    find_tag(tags, name) != NULL)
		return false;
	tags->v[tags->n].name = name;
	tags->v[tags->n++].value = spec;
	return true;
}

/* One ";" too many may end it. */
static bool read_tags(struct cm_span text, struct tags *tags)
{
	tags->n = 0;
	while (cm_span_trim(text).n > 0)
		if (!take_tag(tags, cm_span_cut(&text, ';')))
			return false;
	return true;
}

/* ---- one signature ----------------------------------------------------- */

static bool has_required(const struct tags *tags, const struct kind *kind)
{
	const struct tag *version = find_tag(tags, cm_span("v"));
	size_t i;

	for (i = 0; kind->required[i] != NULL; i++) {
		const struct tag *tag =
			find_tag(tags, cm_span(kind->required[i]));

		if (tag == NULL || tag->value.n == 0)
			return false;
	}
	return version == NULL || cm_span_eq(version->value, cm_span("1"));
}

/* RFC 6376, 3.5: hdr-name *( [FWS] ":" [FWS] hdr-name ). */
static bool is_field_list(struct cm_span list)
{
	if (list.n > 0 && list.p[list.n - 1] == ':')
		return false;
	do {
		struct cm_span name = cm_span_trim(cm_span_cut(&list, ':'));
		size_t i;

		if (name.n == 0)
			return false;
		for (i = 0; i < name.n; i++)
			if (name.p[i] <= ' ' || name.p[i] > '~')
				return false;
	} while (list.n > 0);
	return true;
}

bool cm_signature_read(const struct cm_facts_header *header,
		       struct cm_signature *ret_signature)
{
	const struct kind *kind = find_kind(header->name);
	struct cm_signature signature = {.readable = false};
	struct tags tags;

	if (kind == NULL)
		return false;
	if (read_tags(header->value, &tags) && has_required(&tags, kind)) {
		signature.domain = find_tag(&tags, cm_span("d"))->value;
		signature.fields = find_tag(&tags, cm_span("h"))->value;
		signature.readable = is_field_list(signature.fields);
	}
	*ret_signature = signature;
	return true;
}

/* ---- all of a message -------------------------------------------------- */

static bool is_ours(const struct cm_edit_request *request,
		    const struct cm_facts_header *header,
		    const struct cm_signature *signature)
{
	const struct cm_strings *ours = &request->config->dkim_domains;
	size_t i;

	if (!signature->readable || !cm_span_is(header->name, kinds[0].field))
		return false;
	for (i = 0; i < ours->n; i++)
		if (cm_span_is(signature->domain, ours->v[i]))
			return true;
	return false;
}

enum cm_presigned_as cm_signature_presigned(
	const struct cm_edit_request *request)
{
	enum cm_presigned_as as = CM_PRESIGNED_NOT;
	struct cm_signature signature;
	size_t i;

	for (i = 0; i < request->nheaders; i++) {
		const struct cm_facts_header *header = &request->headers[i];

		if (!cm_signature_read(header, &signature))
			continue;
		if (request->stream->presigned == CM_PRESIGNED_IS_KEPT ||
		    !is_ours(request, header, &signature))
			return CM_PRESIGNED_KEEP;
		as = CM_PRESIGNED_RENEW;
	}
	return as;
}

static bool names(const struct cm_signature *signature, const char *field)
{
	struct cm_span list = signature->fields;

	if (!signature->readable)
		return true;
	while (list.n > 0)
		if (cm_span_is(cm_span_trim(cm_span_cut(&list, ':')), field))
			return true;
	return false;
}

bool cm_signature_covers(const struct cm_edit_request *request,
			 const char *field)
{
	struct cm_signature signature;
	size_t i;

	if (cm_signature_presigned(request) != CM_PRESIGNED_KEEP)
		return false;
	for (i = 0; i < request->nheaders; i++)
		if (cm_signature_read(&request->headers[i], &signature) &&
		    names(&signature, field))
			return true;
	return false;
}
