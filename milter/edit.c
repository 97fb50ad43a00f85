/* See edit.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/edit.h"

#include <string.h>

#include "lib/buf.h"
#include "milter/codec.h"
#include "milter/display.h"
#include "milter/footer.h"
#include "milter/headers.h"
#include "milter/html_end.h"
#include "milter/mime.h"
#include "milter/proof.h"
#include "milter/upgrade.h"

enum {
	KEPT_MAX = 1024 * 1024, /* octets of a text kept until it is proven */
};

/* One display leaf on its way to a footer. */
struct leaf {
	size_t part;
	bool html;
	bool utf8;
	bool flowed;
	bool has_8bit; /* so its path takes 8-bit */
	bool done;     /* has this link already */
	bool lf;       /* base64 of a text with bare LFs */
	struct cm_span encoded;
	struct cm_buf scratch; /* of QP and base64, until it is planned */
	struct cm_span text;
	size_t at; /* in text */
	struct cm_span piece;
	bool recharset; /* us-ascii becomes utf-8 */
	bool reencode;  /* 7bit or 8bit becomes quoted-printable */
};

struct editor {
	const struct cm_edit_request *request;
	struct cm_arena *arena;
	struct cm_error *err;
	struct cm_mime tree;
	struct leaf leaves[CM_DISPLAY_MAX];
	size_t count;
	struct cm_span html_lang;
	struct cm_footer footer;
	struct cm_header_values values; /* of the message itself */
	struct cm_edit edit;
};

const char *cm_body_outcome_name(enum cm_body_outcome outcome)
{
	static const char *const names[] = {
		[CM_BODY_FOOTER] = "footer",
		[CM_BODY_NOT_WANTED] = "not-wanted",
		[CM_BODY_UNEDITABLE] = "uneditable",
		[CM_BODY_DISPROVED] = "disproved",
	};

	return names[outcome];
}

static bool leave(struct editor *e, enum cm_body_outcome outcome,
		  const char *why)
{
	e->edit.outcome = outcome;
	e->edit.why = why;
	return false;
}

static int no_memory(struct editor *e)
{
	return cm_fail(e->err, CM_ENOMEM, "no memory to edit a message");
}

/* ---- is it ours to edit ------------------------------------------------ */

static bool is_wanted(struct editor *e)
{
	const struct cm_edit_request *request = e->request;

	if (!request->stream->footer)
		return leave(e, CM_BODY_NOT_WANTED, "off");
	if (request->way_out.footer_link == NULL)
		return leave(e, CM_BODY_NOT_WANTED, "nolink");
	if (request->body.n > request->config->max_edit_size)
		return leave(e, CM_BODY_UNEDITABLE, "size");
	if (cm_headers_presigned(request->headers, request->nheaders))
		return leave(e, CM_BODY_UNEDITABLE, "dkim");
	return true;
}

/* RFC 2046, 4.1.2; no charset is us-ascii (RFC 2045, 5.2). */
static bool read_charset(struct leaf *leaf, const struct cm_mime_part *part)
{
	struct cm_span charset = part->charset;

	leaf->utf8 =
		cm_span_is(charset, "utf-8") || cm_span_is(charset, "utf8");
	return leaf->utf8 || charset.p == NULL ||
	       cm_span_is(charset, "us-ascii") || cm_span_is(charset, "ascii");
}

/* RFC 3676, 4.1 and 4.2: other formats are unknown, so nobody's to edit. */
static bool read_format(struct leaf *leaf, const struct cm_mime_part *part)
{
	leaf->flowed = cm_span_is(part->format, "flowed");
	return leaf->html || leaf->flowed || part->format.p == NULL ||
	       cm_span_is(part->format, "fixed");
}

static const char *read_type(struct leaf *leaf, const struct cm_mime_part *part)
{
	if (part->cte == CM_CTE_OTHER)
		return "encoding";
	if (!read_charset(leaf, part))
		return "charset";
	if (!read_format(leaf, part))
		return "format";
	return part->checksummed && part->depth > 0 ? "checksum" : NULL;
}

static int decode(struct editor *e, struct leaf *leaf,
		  const struct cm_mime_part *part, const char **ret_why)
{
	int rc;

	if (part->cte == CM_CTE_7BIT || part->cte == CM_CTE_8BIT) {
		leaf->has_8bit =
			!cm_ascii_only(leaf->encoded.p, leaf->encoded.n);
		leaf->text = leaf->encoded;
		if (leaf->has_8bit && part->cte == CM_CTE_7BIT)
			*ret_why = "encoding";
		return CM_OK;
	}
	rc = cm_decode(part->cte, leaf->encoded, &leaf->scratch);
	if (rc == CM_EDATA) {
		*ret_why = "encoding";
		return CM_OK;
	}
	leaf->text = cm_span_n(cm_buf_text(&leaf->scratch), leaf->scratch.len);
	return rc == CM_OK ? CM_OK : no_memory(e);
}

static bool has(struct cm_span text, const char *what)
{
	return text.n > 0 && memmem(text.p, text.n, what, strlen(what)) != NULL;
}

static const char *read_text(struct editor *e, struct leaf *leaf)
{
	struct cm_html_end end;

	if (leaf->utf8 ? !cm_utf8_valid(leaf->text.p, leaf->text.n)
		       : !cm_ascii_only(leaf->text.p, leaf->text.n))
		return "charset";
	if (leaf->text.n > 0 &&
	    memchr(leaf->text.p, '\0', leaf->text.n) != NULL)
		return "binary";
	if (!leaf->html && has(leaf->text, "-----BEGIN PGP "))
		return "pgp";
	if (!leaf->html) {
		leaf->at = cm_footer_place(leaf->text);
		return NULL;
	}
	end = cm_html_end(leaf->text);
	leaf->at = end.at;
	if (e->html_lang.p == NULL)
		e->html_lang = end.lang;
	return end.unsure;
}

/* Re-encoded anyway, so its own line ends may go on: LF, if no CRLF. */
static bool uses_lf(const struct leaf *leaf, enum cm_cte cte)
{
	const char *nl;

	if (cte != CM_CTE_BASE64 || leaf->text.n == 0)
		return false;
	nl = memchr(leaf->text.p, '\n', leaf->text.n);
	return nl != NULL && (nl == leaf->text.p || nl[-1] != '\r');
}

static int read_leaf(struct editor *e, size_t index, const char **ret_why)
{
	const struct cm_edit_request *request = e->request;
	const struct cm_mime_part *part = &e->tree.parts[index];
	struct leaf *leaf = &e->leaves[e->count++];
	const char *link = request->way_out.footer_link;
	int rc;

	leaf->part = index;
	leaf->html = cm_display_is_html(part);
	leaf->encoded = cm_span_n(
		request->body.n > 0 ? request->body.p + part->body_at : "",
		part->end - part->body_at);
	cm_buf_init(&leaf->scratch, leaf->encoded.n + 1);
	*ret_why = read_type(leaf, part);
	if (*ret_why != NULL)
		return CM_OK;
	rc = decode(e, leaf, part, ret_why);
	if (rc != CM_OK || *ret_why != NULL)
		return rc;
	*ret_why = read_text(e, leaf);
	leaf->lf = uses_lf(leaf, part->cte);
	/* RMIME-11: nobody can guess this link, so it is our footer's. */
	leaf->done = has(leaf->text, link);
	if (leaf->html && !leaf->done && strchr(link, '&') != NULL) {
		link = cm_footer_link_html(link, e->arena);
		if (link == NULL)
			return no_memory(e);
		leaf->done = has(leaf->text, link);
	}
	return CM_OK;
}

static int read_leaves(struct editor *e, bool *ret_go_on)
{
	struct cm_display display = cm_display_choose(&e->tree);
	const char *why = display.why;
	size_t todo = 0;
	size_t i;

	*ret_go_on = false;
	for (i = 0; why == NULL && i < display.count; i++) {
		int rc = read_leaf(e, display.parts[i], &why);

		if (rc != CM_OK)
			return rc;
		todo += !e->leaves[i].done;
	}
	if (why != NULL)
		(void)leave(e, CM_BODY_UNEDITABLE, why);
	else if (todo == 0)
		(void)leave(e, CM_BODY_NOT_WANTED, "done");
	else
		*ret_go_on = true;
	return CM_OK;
}

/* ---- the pieces -------------------------------------------------------- */

static size_t longest_line(struct cm_span text)
{
	size_t longest = 0;
	size_t line = 0;
	size_t i;

	for (i = 0; i < text.n; i++) {
		line = text.p[i] == '\n' ? 0 : line + 1;
		if (line > longest)
			longest = line;
	}
	return longest;
}

/*
 * 7bit and 8bit take the piece as it is, within R6152-1 and the line limit;
 * HTML has its entities, so only plain text is ever upgraded.
 */
static const char *fit(struct leaf *leaf, enum cm_cte cte)
{
	bool plain_cte = cte == CM_CTE_7BIT || cte == CM_CTE_8BIT;

	if (!cm_ascii_only(leaf->piece.p, leaf->piece.n)) {
		leaf->recharset = !leaf->utf8;
		leaf->reencode = plain_cte && !leaf->has_8bit;
	}
	if (plain_cte && !leaf->reencode &&
	    longest_line(leaf->piece) > CM_PROOF_LINE_MAX)
		return "line";
	return NULL;
}

static int make_piece(struct editor *e, struct leaf *leaf, const char **ret_why)
{
	enum cm_cte cte = e->tree.parts[leaf->part].cte;
	const struct cm_footer_shape shape = {
		.eol = leaf->lf ? "\n" : "\r\n",
		.ascii = !leaf->utf8 || cte == CM_CTE_7BIT ||
			 (cte == CM_CTE_8BIT && !leaf->has_8bit),
		.flowed = leaf->flowed,
		.html = leaf->html,
	};
	int rc = cm_footer_piece(&e->footer, &shape, leaf->text, leaf->at,
				 e->arena, &leaf->piece);

	if (rc != CM_OK)
		return cm_fail(e->err, (enum cm_code)rc,
			       "no room for the footer; shorten its template");
	*ret_why = fit(leaf, cte);
	return CM_OK;
}

static const char *describe(struct editor *e, const struct leaf *leaf)
{
	const struct cm_mime_part *part = &e->tree.parts[leaf->part];
	enum cm_cte cte =
		part->has_cte || leaf->has_8bit ? part->cte : CM_CTE_7BIT;

	return cm_arena_printf(
		e->arena, "%s %s %s", leaf->html ? "text/html" : "text/plain",
		cm_cte_name(cte), leaf->utf8 ? "utf-8" : "us-ascii");
}

static int add_splice(struct editor *e, const struct leaf *leaf,
		      const struct cm_splice *splice)
{
	struct cm_splice *added = &e->edit.splices[e->edit.nsplices++];

	*added = *splice;
	added->part = cm_mime_path(&e->tree, leaf->part, e->arena);
	added->what = describe(e, leaf);
	if (added->part == NULL || added->what == NULL)
		return no_memory(e);
	return CM_OK;
}

static int add_upgrade(struct editor *e, const struct leaf *leaf,
		       const char **ret_why)
{
	struct cm_upgrade upgrade;
	size_t i;
	int rc = cm_upgrade_plan(e->request, &e->tree.parts[leaf->part],
				 leaf->reencode, e->arena, &upgrade, ret_why);

	if (rc != CM_OK)
		return no_memory(e);
	if (*ret_why != NULL)
		return CM_OK;
	for (i = 0; rc == CM_OK && i < upgrade.nsplices; i++)
		rc = add_splice(e, leaf, &upgrade.splices[i]);
	if (leaf->part == 0)
		e->values = upgrade.values;
	return rc;
}

/* All of the text as quoted-printable, the piece in its place. */
static int reencode(struct editor *e, const struct leaf *leaf,
		    struct cm_codec_splice *ret_coded)
{
	struct cm_span joined;
	struct cm_buf text;
	struct cm_buf out;
	int rc;

	cm_buf_init(&text, leaf->text.n + leaf->piece.n);
	/* "=XX" for each octet, and soft breaks, at the very worst. */
	cm_buf_init(&out, 4 * text.max + 16);
	(void)cm_buf_add(&text, leaf->text.p, leaf->at);
	(void)cm_buf_add(&text, leaf->piece.p, leaf->piece.n);
	(void)cm_buf_add(&text, leaf->text.p + leaf->at,
			 leaf->text.n - leaf->at);
	joined = cm_span_n(text.data, text.len);
	rc = cm_buf_ok(&text);
	if (rc == CM_OK)
		rc = cm_qp_encode(joined, &out);
	ret_coded->at = 0;
	ret_coded->remove = leaf->encoded.n;
	ret_coded->text.p = cm_arena_dup(e->arena, cm_buf_text(&out), out.len);
	ret_coded->text.n = out.len;
	cm_buf_free(&text);
	cm_buf_free(&out);
	return rc == CM_OK && ret_coded->text.p == NULL ? CM_ENOMEM : rc;
}

static int add_text(struct editor *e, const struct leaf *leaf)
{
	const struct cm_mime_part *part = &e->tree.parts[leaf->part];
	struct cm_splice splice = {0};
	struct cm_codec_splice coded;
	int rc = leaf->reencode
			 ? reencode(e, leaf, &coded)
			 : cm_codec_splice(part->cte, leaf->encoded, leaf->text,
					   leaf->at, leaf->piece, e->arena,
					   &coded);

	if (rc != CM_OK)
		return no_memory(e);
	/* The empty line before it was the delimiter's too: one for each. */
	if (part->joined) {
		coded.text.p = cm_arena_printf(e->arena, "%.*s\r\n",
					       (int)coded.text.n, coded.text.p);
		coded.text.n += 2;
		if (coded.text.p == NULL)
			return no_memory(e);
	}
	splice.at = part->body_at + coded.at;
	splice.remove = coded.remove;
	splice.insert = coded.text;
	return add_splice(e, leaf, &splice);
}

static int splice_leaf(struct editor *e, struct leaf *leaf,
		       const char **ret_why)
{
	int rc = CM_OK;

	if (leaf->recharset || leaf->reencode)
		rc = add_upgrade(e, leaf, ret_why);
	if (rc == CM_OK && *ret_why == NULL)
		rc = add_text(e, leaf);
	return rc;
}

static void forget_text(struct leaf *leaf)
{
	cm_buf_free(&leaf->scratch);
	leaf->text = cm_span_n(NULL, 0);
}

/* All leaves get it, or none does. */
static int make_splices(struct editor *e, bool *ret_go_on)
{
	/* Two in a part's header, one in its text. */
	const size_t each = 3;
	const char *why = NULL;
	int rc = cm_footer_make(e->request, e->html_lang, e->arena, &e->footer,
				e->err);
	size_t i;

	*ret_go_on = false;
	e->edit.splices = cm_arena_array(e->arena, each * e->count,
					 sizeof(*e->edit.splices));
	if (rc == CM_OK && e->edit.splices == NULL)
		rc = no_memory(e);
	for (i = 0; rc == CM_OK && why == NULL && i < e->count; i++) {
		struct leaf *leaf = &e->leaves[i];

		if (!leaf->done)
			rc = make_piece(e, leaf, &why);
		if (!leaf->done && rc == CM_OK && why == NULL)
			rc = splice_leaf(e, leaf, &why);
		/* Before the new body is made: memory for one at a time. */
		if (leaf->text.n > KEPT_MAX)
			forget_text(leaf);
	}
	if (rc != CM_OK)
		return rc;
	if (why != NULL) {
		(void)leave(e, CM_BODY_UNEDITABLE, why);
		return CM_OK;
	}
	e->edit.language = e->footer.language;
	*ret_go_on = true;
	return CM_OK;
}

static int build(struct editor *e)
{
	struct cm_span body = e->request->body;
	size_t n = body.n;
	size_t from = 0;
	size_t i;
	char *out;
	char *p;

	for (i = 0; i < e->edit.nsplices; i++)
		n = n + e->edit.splices[i].insert.n - e->edit.splices[i].remove;
	out = p = cm_arena_alloc(e->arena, n);
	if (out == NULL)
		return no_memory(e);
	for (i = 0; i < e->edit.nsplices; i++) {
		const struct cm_splice *s = &e->edit.splices[i];

		if (s->at > from)
			memcpy(p, body.p + from, s->at - from);
		p += s->at - from;
		memcpy(p, s->insert.p, s->insert.n);
		p += s->insert.n;
		from = s->at + s->remove;
	}
	if (body.n > from)
		memcpy(p, body.p + from, body.n - from);
	e->edit.body = cm_span_n(out, n);
	return CM_OK;
}

/* ---- the proof --------------------------------------------------------- */

static void claim(const struct editor *e, const struct leaf *leaf,
		  struct cm_proof_leaf *ret_claim)
{
	const struct cm_mime_part *part = &e->tree.parts[leaf->part];

	memset(ret_claim, 0, sizeof(*ret_claim));
	ret_claim->part = leaf->part;
	ret_claim->at = leaf->at;
	ret_claim->piece = leaf->piece;
	ret_claim->text = leaf->text;
	ret_claim->upgraded = leaf->recharset || leaf->reencode;
	ret_claim->cte = leaf->reencode ? CM_CTE_QP : part->cte;
	ret_claim->charset = cm_span("utf-8");
}

/* The headers the readers of the result will see, as far as MIME goes. */
static int new_headers(struct editor *e, struct cm_proof *proof)
{
	const struct cm_edit_request *request = e->request;
	const struct {
		const char *name;
		const char *value;
	} values[] = {
		{"MIME-Version", e->values.mime_version},
		{"Content-Type", e->values.content_type},
		{"Content-Transfer-Encoding",
		 e->values.content_transfer_encoding},
	};
	struct cm_facts_header *headers;
	size_t i, v;
	size_t n = 0;

	headers = cm_arena_array(e->arena, request->nheaders + 3,
				 sizeof(*headers));
	if (headers == NULL)
		return no_memory(e);
	for (v = 0; v < 3; v++)
		if (values[v].value != NULL) {
			headers[n].name = cm_span(values[v].name);
			headers[n++].value = cm_span(values[v].value);
		}
	for (i = 0; i < request->nheaders; i++) {
		bool replaced = false;

		for (v = 0; v < 3; v++)
			replaced |= values[v].value != NULL &&
				    cm_span_is(request->headers[i].name,
					       values[v].name);
		if (!replaced)
			headers[n++] = request->headers[i];
	}
	proof->headers_after = headers;
	proof->nheaders_after = n;
	return CM_OK;
}

static int prove(struct editor *e)
{
	struct cm_proof_leaf leaves[CM_DISPLAY_MAX];
	struct cm_proof proof = {
		.headers = e->request->headers,
		.nheaders = e->request->nheaders,
		.before = e->request->body,
		.after = e->edit.body,
		.tree = &e->tree,
		.leaves = leaves,
	};
	const char *why = NULL;
	size_t i;
	int rc = new_headers(e, &proof);

	for (i = 0; i < e->count; i++)
		if (!e->leaves[i].done)
			claim(e, &e->leaves[i], &leaves[proof.nleaves++]);
	if (rc == CM_OK)
		rc = cm_proof_scan(&proof, e->arena, &why);
	if (rc == CM_OK && why == NULL && e->request->prove_with_gmime) {
		rc = cm_proof_gmime(&proof, &why);
		e->edit.gmime_agreed = rc == CM_OK && why == NULL;
	}
	if (rc != CM_OK)
		return no_memory(e);
	if (why != NULL)
		(void)leave(e, CM_BODY_DISPROVED, why);
	else
		e->edit.outcome = CM_BODY_FOOTER;
	return CM_OK;
}

static int edit_body(struct editor *e)
{
	const struct cm_edit_request *request = e->request;
	bool go_on;
	int rc;

	if (!is_wanted(e))
		return CM_OK;
	rc = cm_mime_scan(request->headers, request->nheaders, request->body,
			  e->arena, &e->tree);
	if (rc != CM_OK)
		return no_memory(e);
	if (e->tree.unsure != NULL) {
		(void)leave(e, CM_BODY_UNEDITABLE, e->tree.unsure);
		return CM_OK;
	}
	rc = read_leaves(e, &go_on);
	if (rc == CM_OK && go_on)
		rc = make_splices(e, &go_on);
	if (rc == CM_OK && go_on)
		rc = build(e);
	if (rc == CM_OK && go_on)
		rc = prove(e);
	return rc;
}

int cm_edit_make(const struct cm_edit_request *request, struct cm_arena *arena,
		 struct cm_edit *ret_edit, struct cm_error *err)
{
	struct editor e = {.request = request, .arena = arena, .err = err};
	size_t i;
	int rc = edit_body(&e);

	for (i = 0; i < e.count; i++)
		cm_buf_free(&e.leaves[i].scratch);
	if (rc == CM_OK) {
		bool edited = e.edit.outcome == CM_BODY_FOOTER;

		rc = cm_headers_plan(request, edited ? &e.values : NULL, arena,
				     &e.edit.headers, &e.edit.nheaders, err);
	}
	if (rc != CM_OK)
		return rc;
	if (e.edit.outcome != CM_BODY_FOOTER) {
		e.edit.body = cm_span_n(NULL, 0);
		e.edit.nsplices = 0;
	}
	*ret_edit = e.edit;
	return CM_OK;
}
