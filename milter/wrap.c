/* See wrap.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/wrap.h"

#include <string.h>

#include "lib/crypto.h"
#include "lib/enc.h"
#include "milter/codec.h"
#include "milter/footer.h"
#include "milter/proof.h"
#include "milter/way_out.h"

enum {
	/* Two that are in the content by chance is already unheard of. */
	CANDIDATES = 16,
	DIGEST_USED = 15, /* octets of the digest in a boundary: 30 digits */
	BOUNDARY_MAX = 48,
};

/* Cannot stand in quoted-printable or base64 (RFC 2046, 5.1.1). */
#define BOUNDARY_START "=_cm_"
#define FOOTER_HEADER                                                          \
	"Content-Type: text/plain; charset=utf-8\r\n"                          \
	"Content-Transfer-Encoding: quoted-printable\r\n"                      \
	"Content-Disposition: inline\r\n\r\n"

static bool has(struct cm_span text, struct cm_span what)
{
	return text.n > 0 && memmem(text.p, text.n, what.p, what.n) != NULL;
}

static bool is_content(struct cm_span name)
{
	return cm_span_starts(name, "Content-");
}

/* ---- pieces ------------------------------------------------------------ */

/* LF between the lines of a folded field becomes CRLF. */
static void add_value(struct cm_buf *out, struct cm_span value)
{
	size_t i;

	for (i = 0; i < value.n; i++) {
		if (value.p[i] == '\n' && (i == 0 || value.p[i - 1] != '\r'))
			(void)cm_buf_addc(out, '\r');
		(void)cm_buf_addc(out, value.p[i]);
	}
}

static void add_fields(struct cm_buf *out,
		       const struct cm_edit_request *request)
{
	size_t i;

	for (i = 0; i < request->nheaders; i++) {
		const struct cm_facts_header *header = &request->headers[i];

		if (!is_content(header->name))
			continue;
		(void)cm_buf_add(out, header->name.p, header->name.n);
		(void)cm_buf_add(out, ": ", 2);
		add_value(out, header->value);
		(void)cm_buf_add(out, "\r\n", 2);
	}
}

static int make_boundary(const struct cm_edit_request *request, unsigned nth,
			 char out[BOUNDARY_MAX])
{
	const char number = (char)nth;
	const struct cm_span parts[] = {
		cm_span(request->queue_id),
		cm_span(request->way_out.footer_link),
		{&number, 1},
	};
	uint8_t digest[CM_SHA256_LEN];
	int rc = cm_sha256_parts(parts, 3, digest);

	if (rc != CM_OK)
		return rc;
	memset(out, 0, BOUNDARY_MAX);
	memcpy(out, BOUNDARY_START, sizeof(BOUNDARY_START));
	(void)cm_hex_encode(digest, DIGEST_USED, out + strlen(BOUNDARY_START));
	return CM_OK;
}

/* The first candidate that stands nowhere in it (RFC 2046, 5.1.1). */
static int choose_boundary(const struct cm_edit_request *request,
			   struct cm_span fields, char out[BOUNDARY_MAX],
			   bool *ret_found)
{
	unsigned i;

	*ret_found = false;
	for (i = 0; i < CANDIDATES && !*ret_found; i++) {
		int rc = make_boundary(request, i, out);

		if (rc != CM_OK)
			return rc;
		*ret_found = !has(request->body, cm_span(out)) &&
			     !has(fields, cm_span(out));
	}
	return CM_OK;
}

/* MTAs would make it a line end, and then the body is another. */
static bool has_bare_lf(struct cm_span body)
{
	const char *p = body.p;
	const char *end = p + body.n;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (p == body.p || p[-1] != '\r')
			return true;
		p++;
	}
	return false;
}

/* A part's header is read more strictly than a message's. */
static bool is_sure(const struct cm_facts_header *header)
{
	struct cm_span value = header->value;
	size_t i;

	for (i = 0; i < header->name.n; i++) {
		char c = header->name.p[i];

		if (!cm_ascii_alpha(c) && !cm_ascii_digit(c) && c != '-' &&
		    c != '_' && c != '.')
			return false;
	}
	for (i = 0; i < value.n; i++) {
		char next = i + 1 < value.n ? value.p[i + 1] : '\0';

		if (value.p[i] == '\0' || (value.p[i] == '\r' && next != '\n'))
			return false;
		if (value.p[i] == '\n' && next != ' ' && next != '\t')
			return false;
	}
	return true;
}

static bool fields_are_sure(const struct cm_edit_request *request)
{
	size_t i;

	for (i = 0; i < request->nheaders; i++)
		if (is_content(request->headers[i].name) &&
		    !is_sure(&request->headers[i]))
			return false;
	return true;
}

/* One level and two parts more than there were. */
static bool is_within_limits(const struct cm_mime *tree)
{
	size_t i;

	for (i = 0; i < tree->count; i++)
		if (cm_mime_is_multipart(&tree->parts[i]) &&
		    tree->parts[i].depth + 2 > CM_MIME_DEPTH_MAX)
			return false;
	return tree->count + 2 <= CM_MIME_PARTS_MAX;
}

static bool is_possible(const struct cm_edit_request *request,
			const struct cm_mime *tree)
{
	/*
	 * RFC 2046, 5.2.2: only a whole message is put together again; and
	 * readers that look into a message may end it otherwise in a part.
	 */
	return !cm_mime_is(&tree->parts[0], "message", NULL) &&
	       is_within_limits(tree) && fields_are_sure(request) &&
	       (request->body.n == 0 || !has_bare_lf(request->body));
}

/* ---- the whole --------------------------------------------------------- */

static int make_text(const struct cm_edit_request *request,
		     struct cm_span html_lang, struct cm_arena *arena,
		     struct cm_wrap *wrap, struct cm_error *err)
{
	const struct cm_footer_shape shape = {.eol = "\r\n"};
	struct cm_footer footer;
	int rc = cm_footer_make(request, html_lang, arena, &footer, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_footer_piece(&footer, &shape, cm_span_n("", 0), 0, arena,
			     &wrap->footer);
	if (rc != CM_OK)
		return cm_fail(err, (enum cm_code)rc,
			       "no room for the footer; shorten its template");
	wrap->language = footer.language;
	return CM_OK;
}

static int make_values(const struct cm_edit_request *request,
		       const char *boundary, struct cm_arena *arena,
		       struct cm_header_values *values)
{
	values->content_moved = true;
	values->mime_version = cm_headers_mime_version(request);
	/* RFC 2045, 6.4: 8bit if anything inside is; 7bit need not be said. */
	if (!cm_ascii_only(request->body.p, request->body.n))
		values->content_transfer_encoding = "8bit";
	values->content_type = cm_arena_printf(
		arena, "multipart/mixed;\n boundary=\"%s\"", boundary);
	return values->content_type != NULL ? CM_OK : CM_ENOMEM;
}

static int make_body(const struct cm_edit_request *request,
		     struct cm_span fields, const char *boundary,
		     struct cm_arena *arena, struct cm_wrap *wrap)
{
	struct cm_buf out;
	struct cm_buf text;
	const char *copy = NULL;
	int rc;

	/* "=XX" for each octet, and soft breaks, at the very worst. */
	cm_buf_init(&text, 4 * wrap->footer.n + 16);
	cm_buf_init(&out, request->body.n + fields.n + text.max +
				  8 * BOUNDARY_MAX + sizeof(FOOTER_HEADER));
	rc = cm_qp_encode(wrap->footer, &text);
	(void)cm_buf_addf(&out, "--%s\r\n", boundary);
	(void)cm_buf_add(&out, fields.p, fields.n);
	(void)cm_buf_add(&out, "\r\n", 2);
	(void)cm_buf_add(&out, request->body.p, request->body.n);
	(void)cm_buf_addf(&out, "\r\n--%s\r\n" FOOTER_HEADER, boundary);
	(void)cm_buf_add(&out, text.data, text.len);
	(void)cm_buf_addf(&out, "\r\n--%s--\r\n", boundary);
	if (rc == CM_OK)
		rc = cm_buf_ok(&out);
	if (rc == CM_OK)
		copy = cm_arena_dup(arena, out.data, out.len);
	wrap->body = cm_span_n(copy, out.len);
	cm_buf_free(&text);
	cm_buf_free(&out);
	return rc == CM_OK && copy == NULL ? CM_ENOMEM : rc;
}

int cm_wrap_make(const struct cm_edit_request *request,
		 const struct cm_mime *tree, struct cm_span html_lang,
		 struct cm_arena *arena, struct cm_wrap *ret_wrap,
		 bool *ret_made, struct cm_error *err)
{
	struct cm_wrap wrap = {0};
	char boundary[BOUNDARY_MAX];
	struct cm_span all = {0};
	struct cm_buf fields;
	int rc;

	*ret_made = false;
	if (!is_possible(request, tree))
		return CM_OK;
	rc = make_text(request, html_lang, arena, &wrap, err);
	if (rc != CM_OK)
		return rc;
	cm_buf_init(&fields, CM_MIME_HEADER_MAX);
	add_fields(&fields, request);
	/* More than a part's header may have: no reader is sure to see it. */
	if (cm_buf_ok(&fields) == CM_ELIMIT)
		goto out;
	rc = cm_buf_ok(&fields);
	all = cm_span_n(cm_buf_text(&fields), fields.len);
	if (rc == CM_OK)
		rc = choose_boundary(request, all, boundary, ret_made);
	if (rc == CM_OK && *ret_made)
		rc = make_values(request, boundary, arena, &wrap.values);
	if (rc == CM_OK && *ret_made)
		rc = make_body(request, all, boundary, arena, &wrap);
	if (rc != CM_OK)
		rc = cm_fail(err, CM_ENOMEM, "no memory to edit a message");
	if (rc == CM_OK && *ret_made)
		*ret_wrap = wrap;
out:
	cm_buf_free(&fields);
	return rc;
}

/* ---- the proof --------------------------------------------------------- */

int cm_wrap_prove(const struct cm_edit_request *request,
		  const struct cm_mime *tree, const struct cm_wrap *wrap,
		  struct cm_arena *arena, const char **ret_why)
{
	struct cm_proof proof = {
		.headers = request->headers,
		.nheaders = request->nheaders,
		.before = request->body,
		.after = wrap->body,
		.tree = tree,
	};
	int rc = cm_headers_after(request, &wrap->values, arena,
				  &proof.headers_after, &proof.nheaders_after);

	*ret_why = NULL;
	if (rc == CM_OK)
		rc = cm_proof_wrap_scan(&proof, wrap->footer, arena, ret_why);
	if (rc == CM_OK && *ret_why == NULL && request->prove_with_gmime)
		rc = cm_proof_wrap_gmime(&proof, wrap->footer, ret_why);
	return rc;
}

/* ---- done before ------------------------------------------------------- */

/* The second of a mixed's two parts; NULL if it is no such thing. */
static const struct cm_mime_part *second_text(const struct cm_mime *tree)
{
	const struct cm_mime_part *last = &tree->parts[tree->count - 1];

	if (!cm_mime_is(&tree->parts[0], "multipart", "mixed") ||
	    tree->parts[0].children != 2 || last->depth != 1 ||
	    last->number != 2 || !cm_mime_is(last, "text", "plain"))
		return NULL;
	return last->cte == CM_CTE_QP ? last : NULL;
}

int cm_wrap_is_done(const struct cm_edit_request *request,
		    const struct cm_mime *tree, bool *ret_done)
{
	const struct cm_mime_part *part = second_text(tree);
	struct cm_span encoded;
	struct cm_buf text;
	int rc;

	*ret_done = false;
	if (part == NULL)
		return CM_OK;
	encoded = cm_span_n(request->body.p + part->body_at,
			    part->end - part->body_at);
	cm_buf_init(&text, encoded.n + 1);
	rc = cm_decode(part->cte, encoded, &text);
	if (rc == CM_OK)
		*ret_done = cm_way_out_is_shown(
			request, request->way_out.footer_link,
			cm_span_n(cm_buf_text(&text), text.len));
	cm_buf_free(&text);
	return rc == CM_EDATA ? CM_OK : rc;
}
