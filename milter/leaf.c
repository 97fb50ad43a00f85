/* See leaf.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/leaf.h"

#include <string.h>

#include "milter/codec.h"
#include "milter/display.h"
#include "milter/html_end.h"
#include "milter/upgrade.h"
#include "milter/way_out.h"

/* ---- reading ----------------------------------------------------------- */

/* RFC 2046, 4.1.2; no charset is us-ascii (RFC 2045, 5.2). */
static bool read_charset(struct cm_leaf *leaf, const struct cm_mime_part *part)
{
	struct cm_span charset = part->charset;

	leaf->utf8 =
		cm_span_is(charset, "utf-8") || cm_span_is(charset, "utf8");
	return leaf->utf8 || charset.p == NULL ||
	       cm_span_is(charset, "us-ascii") || cm_span_is(charset, "ascii");
}

/* RFC 3676, 4.1 and 4.2: other formats are unknown, so nobody's to edit. */
static bool read_format(struct cm_leaf *leaf, const struct cm_mime_part *part)
{
	leaf->flowed = cm_span_is(part->format, "flowed");
	return leaf->html || leaf->flowed || part->format.p == NULL ||
	       cm_span_is(part->format, "fixed");
}

static const char *read_type(struct cm_leaf *leaf,
			     const struct cm_mime_part *part)
{
	if (part->cte == CM_CTE_OTHER)
		return "encoding";
	if (!read_charset(leaf, part))
		return "charset";
	if (!read_format(leaf, part))
		return "format";
	return part->checksummed && part->depth > 0 ? "checksum" : NULL;
}

static int decode(struct cm_leaf *leaf, const struct cm_mime_part *part,
		  const char **ret_why)
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
	return rc;
}

static bool has(struct cm_span text, const char *what)
{
	return text.n > 0 && memmem(text.p, text.n, what, strlen(what)) != NULL;
}

static const char *read_text(struct cm_leaf *leaf)
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
	leaf->lang = end.lang;
	return end.unsure;
}

/* Re-encoded anyway, so its own line ends may go on: LF, if no CRLF. */
static bool uses_lf(const struct cm_leaf *leaf, enum cm_cte cte)
{
	const char *nl;

	if (cte != CM_CTE_BASE64 || leaf->text.n == 0)
		return false;
	nl = memchr(leaf->text.p, '\n', leaf->text.n);
	return nl != NULL && (nl == leaf->text.p || nl[-1] != '\r');
}

int cm_leaf_read(const struct cm_edit_request *request,
		 const struct cm_mime *tree, size_t index,
		 struct cm_arena *arena, struct cm_leaf *leaf,
		 const char **ret_why)
{
	const struct cm_mime_part *part = &tree->parts[index];
	const char *link = request->way_out.footer_link;
	int rc;

	memset(leaf, 0, sizeof(*leaf));
	leaf->part = index;
	leaf->html = cm_display_is_html(part);
	leaf->encoded = cm_span_n(
		request->body.n > 0 ? request->body.p + part->body_at : "",
		part->end - part->body_at);
	cm_buf_init(&leaf->scratch, leaf->encoded.n + 1);
	*ret_why = read_type(leaf, part);
	if (*ret_why != NULL)
		return CM_OK;
	rc = decode(leaf, part, ret_why);
	if (rc != CM_OK || *ret_why != NULL)
		return rc;
	*ret_why = read_text(leaf);
	leaf->lf = uses_lf(leaf, part->cte);
	leaf->done = cm_way_out_is_shown(request, link, leaf->text);
	if (leaf->html && !leaf->done && strchr(link, '&') != NULL) {
		link = cm_footer_link_html(link, arena);
		if (link == NULL)
			return CM_ENOMEM;
		leaf->done = cm_way_out_is_shown(request, link, leaf->text);
	}
	return CM_OK;
}

void cm_leaf_free(struct cm_leaf *leaf)
{
	cm_buf_free(&leaf->scratch);
}

void cm_leaf_forget_text(struct cm_leaf *leaf)
{
	cm_buf_free(&leaf->scratch);
	leaf->text = cm_span_n(NULL, 0);
}

/* ---- the piece --------------------------------------------------------- */

/* What cm_leaf_make() was given. */
struct making {
	const struct cm_edit_request *request;
	const struct cm_mime *tree;
	const struct cm_mime_part *part;
	struct cm_arena *arena;
	struct cm_leaf *leaf;
	struct cm_leaf_edit *edit;
};

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
static const char *fit(struct cm_leaf *leaf, enum cm_cte cte)
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

static int make_piece(struct making *m, const struct cm_footer *footer,
		      const char **ret_why)
{
	struct cm_leaf *leaf = m->leaf;
	enum cm_cte cte = m->part->cte;
	const struct cm_footer_shape shape = {
		.eol = leaf->lf ? "\n" : "\r\n",
		.ascii = !leaf->utf8 || cte == CM_CTE_7BIT ||
			 (cte == CM_CTE_8BIT && !leaf->has_8bit),
		.flowed = leaf->flowed,
		.html = leaf->html,
	};
	int rc = cm_footer_piece(footer, &shape, leaf->text, leaf->at, m->arena,
				 &leaf->piece);

	if (rc == CM_OK)
		*ret_why = fit(leaf, cte);
	return rc;
}

/* ---- the splices ------------------------------------------------------- */

static const char *describe(const struct making *m)
{
	const struct cm_leaf *leaf = m->leaf;
	enum cm_cte cte =
		m->part->has_cte || leaf->has_8bit ? m->part->cte : CM_CTE_7BIT;

	return cm_arena_printf(
		m->arena, "%s %s %s", leaf->html ? "text/html" : "text/plain",
		cm_cte_name(cte), leaf->utf8 ? "utf-8" : "us-ascii");
}

static int add_splice(struct making *m, const struct cm_splice *splice)
{
	struct cm_splice *added = &m->edit->splices[m->edit->nsplices++];

	*added = *splice;
	added->part = cm_mime_path(m->tree, m->leaf->part, m->arena);
	added->what = describe(m);
	return added->part != NULL && added->what != NULL ? CM_OK : CM_ENOMEM;
}

static int add_upgrade(struct making *m, const char **ret_why)
{
	struct cm_upgrade upgrade;
	size_t i;
	int rc = cm_upgrade_plan(m->request, m->part, m->leaf->reencode,
				 m->arena, &upgrade, ret_why);

	if (rc != CM_OK || *ret_why != NULL)
		return rc;
	for (i = 0; rc == CM_OK && i < upgrade.nsplices; i++)
		rc = add_splice(m, &upgrade.splices[i]);
	if (m->leaf->part == 0)
		m->edit->values = upgrade.values;
	return rc;
}

/* All of the text as quoted-printable, the piece in its place. */
static int reencode(struct making *m, struct cm_codec_splice *ret_coded)
{
	const struct cm_leaf *leaf = m->leaf;
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
	ret_coded->text.p = cm_arena_dup(m->arena, cm_buf_text(&out), out.len);
	ret_coded->text.n = out.len;
	cm_buf_free(&text);
	cm_buf_free(&out);
	return rc == CM_OK && ret_coded->text.p == NULL ? CM_ENOMEM : rc;
}

static int add_text(struct making *m)
{
	const struct cm_mime_part *part = m->part;
	const struct cm_leaf *leaf = m->leaf;
	struct cm_splice splice = {0};
	struct cm_codec_splice coded;
	int rc = leaf->reencode
			 ? reencode(m, &coded)
			 : cm_codec_splice(part->cte, leaf->encoded, leaf->text,
					   leaf->at, leaf->piece, m->arena,
					   &coded);

	if (rc != CM_OK)
		return rc;
	/* The empty line before it was the delimiter's too: one for each. */
	if (part->joined) {
		coded.text.p = cm_arena_printf(m->arena, "%.*s\r\n",
					       (int)coded.text.n, coded.text.p);
		coded.text.n += 2;
		if (coded.text.p == NULL)
			return CM_ENOMEM;
	}
	splice.at = part->body_at + coded.at;
	splice.remove = coded.remove;
	splice.insert = coded.text;
	return add_splice(m, &splice);
}

int cm_leaf_make(const struct cm_edit_request *request,
		 const struct cm_mime *tree, const struct cm_footer *footer,
		 struct cm_arena *arena, struct cm_leaf *leaf,
		 struct cm_leaf_edit *edit, const char **ret_why)
{
	struct making m = {request, tree, &tree->parts[leaf->part],
			   arena,   leaf, edit};
	int rc = make_piece(&m, footer, ret_why);

	if (rc == CM_OK && *ret_why == NULL &&
	    (leaf->recharset || leaf->reencode))
		rc = add_upgrade(&m, ret_why);
	if (rc == CM_OK && *ret_why == NULL)
		rc = add_text(&m);
	return rc;
}

/* ---- the claim --------------------------------------------------------- */

struct cm_proof_leaf cm_leaf_claim(const struct cm_leaf *leaf,
				   const struct cm_mime *tree)
{
	struct cm_proof_leaf claim = {
		.part = leaf->part,
		.at = leaf->at,
		.piece = leaf->piece,
		.text = leaf->text,
		.upgraded = leaf->recharset || leaf->reencode,
		.cte = leaf->reencode ? CM_CTE_QP : tree->parts[leaf->part].cte,
		.charset = cm_span("utf-8"),
	};

	return claim;
}
