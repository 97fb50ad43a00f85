/* See leaf.h: the piece, and the splices that put it there. */
#define _GNU_SOURCE /* memmem */
#include "milter/leaf.h"

#include <string.h>

#include "milter/codec.h"
#include "milter/upgrade.h"

/* What cm_leaf_make() was given. */
struct making {
	const struct cm_edit_request *request;
	const struct cm_mime *tree;
	const struct cm_mime_part *part;
	struct cm_arena *arena;
	struct cm_leaf *leaf;
	struct cm_leaf_edit *edit;
};

/* ---- the piece --------------------------------------------------------- */

/* RFC 1557: Korean only behind the designator, which a text has once. */
static bool lacks_designator(const struct cm_leaf *leaf)
{
	static const char designator[] = "\x1b$)C";
	const size_t n = sizeof(designator) - 1;

	return strcmp(leaf->charset->name, "iso-2022-kr") == 0 &&
	       memchr(leaf->octets_piece.p, '\x0e', leaf->octets_piece.n) !=
		       NULL &&
	       memmem(leaf->octets.p, leaf->octets_at, designator, n) == NULL;
}

/* Where in the octets; CM_EDATA: nowhere between characters and states. */
static int find_place(struct cm_leaf *leaf)
{
	leaf->octets_at = leaf->at;
	if (leaf->text.p == leaf->octets.p)
		return CM_OK;
	return cm_charset_cut(leaf->charset, leaf->octets, leaf->text, leaf->at,
			      &leaf->octets_at);
}

/* The piece in the leaf's charset; CM_EDATA: it cannot be written there. */
static int write_piece(struct making *m)
{
	struct cm_leaf *leaf = m->leaf;
	bool ascii = cm_ascii_only(leaf->piece.p, leaf->piece.n);
	struct cm_buf out;
	int rc;

	leaf->octets_piece = leaf->piece;
	if ((ascii && cm_charset_has_ascii(leaf->charset)) ||
	    (!leaf->lies &&
	     (leaf->guessed || leaf->charset->kind == CM_CHARSET_UTF8)))
		return CM_OK;
	if (leaf->lies)
		return CM_EDATA;
	cm_buf_init(&out, 8 * leaf->piece.n + 16);
	rc = cm_charset_encode(leaf->charset, leaf->piece, &out);
	if (rc == CM_OK) {
		const char *copy =
			cm_arena_dup(m->arena, cm_buf_text(&out), out.len);

		rc = copy != NULL ? CM_OK : CM_ENOMEM;
		leaf->octets_piece = cm_span_n(copy, out.len);
	}
	if (rc == CM_OK && lacks_designator(leaf))
		rc = CM_EDATA;
	cm_buf_free(&out);
	return rc;
}

/* R6152-1: an HTML piece that would be the first 8-bit on this path. */
static bool is_first_8bit(const struct cm_leaf *leaf)
{
	return cm_cte_is_plain(leaf->cte) && !leaf->has_8bit &&
	       !cm_ascii_only(leaf->octets_piece.p, leaf->octets_piece.n);
}

static int write_footer(struct making *m, const struct cm_footer *footer,
			bool ascii)
{
	struct cm_leaf *leaf = m->leaf;
	const struct cm_footer_shape shape = {
		.eol = leaf->lf ? "\n" : "\r\n",
		.ascii = ascii,
		.flowed = leaf->flowed,
		.html = leaf->html,
	};
	int rc = cm_footer_piece(footer, &shape, leaf->text, leaf->at, m->arena,
				 &leaf->piece);

	if (rc == CM_OK)
		rc = write_piece(m);
	if (rc == CM_OK && leaf->html && !ascii && is_first_8bit(leaf))
		rc = CM_EDATA;
	return rc;
}

/* Characters that nothing but their own charset shows in their places. */
static bool lays_out_alone(const struct cm_leaf *leaf,
			   const struct cm_footer *footer)
{
	return leaf->charset->visual &&
	       !cm_ascii_only(footer->text.p, footer->text.n);
}

/* Where they are surely needed; elsewhere it is tried without. */
static bool wants_entities(const struct cm_leaf *leaf)
{
	enum cm_charset_kind kind = leaf->charset->kind;

	if (kind == CM_CHARSET_ASCII || leaf->lies || leaf->charset->visual)
		return true;
	return leaf->has_8bit
		       ? leaf->cte == CM_CTE_7BIT
		       : kind == CM_CHARSET_UTF8 && cm_cte_is_plain(leaf->cte);
}

/*
 * HTML: as it is, else with entities, which say the same in any charset.
 * Plain: as it is, else the leaf becomes UTF-8.
 */
static int make_piece(struct making *m, const struct cm_footer *footer,
		      const char **ret_why)
{
	struct cm_leaf *leaf = m->leaf;
	bool ascii = leaf->html && wants_entities(leaf);
	int placed = find_place(leaf);
	int rc = write_footer(m, footer, ascii);

	if (rc == CM_EDATA && leaf->html && !ascii)
		rc = write_footer(m, footer, true);
	if (rc == CM_OK)
		rc = placed;
	if (rc != CM_OK && rc != CM_EDATA)
		return rc;
	if ((rc == CM_EDATA && (leaf->html || leaf->lies)) ||
	    lays_out_alone(leaf, footer)) {
		*ret_why = "charset";
		return CM_OK;
	}
	/* A leaf whose header changes anyway says UTF-8, and is. */
	leaf->recharset =
		rc == CM_EDATA ||
		(is_first_8bit(leaf) && leaf->charset->kind != CM_CHARSET_UTF8);
	leaf->reencode = !leaf->recharset && is_first_8bit(leaf);
	return CM_OK;
}

/* ---- a leaf that becomes UTF-8 ----------------------------------------- */

/* More than every sixth octet as "=XX": base64 is shorter. */
static enum cm_cte shorter_encoding(struct cm_span text)
{
	size_t high = 0;
	size_t i;

	for (i = 0; i < text.n; i++)
		high += (text.p[i] & 0x80) != 0;
	return high > text.n / 6 ? CM_CTE_BASE64 : CM_CTE_QP;
}

/* Planned on octets, each a character: the place moves with what is before. */
static int convert_octets(struct cm_leaf *leaf)
{
	struct cm_span head = cm_span_n(leaf->octets.p, leaf->at);
	struct cm_buf before;
	int rc;

	cm_buf_init(&before, CM_LEAF_UTF8_MAX(head.n));
	rc = cm_charset_decode(leaf->charset, head, &before);
	if (rc == CM_OK)
		rc = cm_leaf_read_as_utf8(leaf);
	if (rc == CM_OK) {
		leaf->at = before.len;
		if (before.len > leaf->text.n ||
		    memcmp(cm_buf_text(&before), leaf->text.p, before.len) != 0)
			rc = CM_EDATA;
	}
	cm_buf_free(&before);
	return rc;
}

/* ASCII is UTF-8; other texts are converted as their readers read them. */
static int upgrade(struct cm_leaf *leaf, const char **ret_why)
{
	int rc = CM_OK;

	leaf->convert = leaf->text.p != leaf->octets.p ||
			!cm_ascii_only(leaf->octets.p, leaf->octets.n);
	if (leaf->convert && leaf->text.p == leaf->octets.p)
		rc = convert_octets(leaf);
	if (rc == CM_EDATA) {
		*ret_why = "charset";
		return CM_OK;
	}
	leaf->octets = leaf->text;
	leaf->octets_piece = leaf->piece;
	leaf->octets_at = leaf->at;
	leaf->reencode =
		cm_cte_is_plain(leaf->cte) &&
		(!leaf->has_8bit || leaf->cte == CM_CTE_7BIT ||
		 cm_span_longest_line(leaf->octets) > CM_PROOF_LINE_MAX);
	return rc;
}

/* ---- the place, in octets ---------------------------------------------- */

/* Right if and only if it reads as the old text with the footer in it. */
static bool reads_right(const struct cm_leaf *leaf)
{
	const size_t at = leaf->octets_at;
	const struct cm_span octets[] = {
		cm_span_n(leaf->octets.p, at),
		leaf->octets_piece,
		cm_span_n(leaf->octets.p + at, leaf->octets.n - at),
	};
	const struct cm_span utf8[] = {
		cm_span_n(leaf->text.p, leaf->at),
		leaf->piece,
		cm_span_n(leaf->text.p + leaf->at, leaf->text.n - leaf->at),
	};

	return cm_charset_reads_as(leaf->charset, octets, 3, utf8, 3);
}

/* 7bit and 8bit take the piece as it is, within the line limit. */
static int fit(struct cm_leaf *leaf, const char **ret_why)
{
	int rc = CM_OK;

	if (leaf->recharset)
		rc = upgrade(leaf, ret_why);
	else if (leaf->text.p != leaf->octets.p && !reads_right(leaf))
		*ret_why = "charset";
	if (rc != CM_OK || *ret_why != NULL)
		return rc;
	if (leaf->reencode)
		leaf->cte = shorter_encoding(leaf->octets);
	if (cm_cte_is_plain(leaf->cte) &&
	    cm_span_longest_line(leaf->octets_piece) > CM_PROOF_LINE_MAX)
		*ret_why = "line";
	return CM_OK;
}

/* ---- the splices ------------------------------------------------------- */

static const char *describe(const struct making *m)
{
	const struct cm_leaf *leaf = m->leaf;
	const struct cm_mime_part *part = m->part;
	enum cm_cte cte =
		part->has_cte || leaf->has_8bit ? part->cte : CM_CTE_7BIT;
	struct cm_span label =
		part->charset.p != NULL ? part->charset : cm_span("us-ascii");

	return cm_arena_printf(m->arena, "%s %s %.*s",
			       leaf->html ? "text/html" : "text/plain",
			       cm_cte_name(cte), (int)label.n, label.p);
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
	int rc = cm_upgrade_plan(m->request, m->part,
				 m->leaf->reencode ? cm_cte_name(m->leaf->cte)
						   : NULL,
				 m->arena, &upgrade, ret_why);

	if (rc != CM_OK || *ret_why != NULL)
		return rc;
	for (i = 0; rc == CM_OK && i < upgrade.nsplices; i++)
		rc = add_splice(m, &upgrade.splices[i]);
	if (m->leaf->part == 0)
		m->edit->values = upgrade.values;
	return rc;
}

/* All of the text encoded anew, the piece in its place. */
static int encode_whole(struct making *m, struct cm_codec_splice *ret_coded)
{
	const struct cm_leaf *leaf = m->leaf;
	size_t at = leaf->octets_at;
	struct cm_span joined;
	struct cm_buf text;
	struct cm_buf out;
	int rc;

	cm_buf_init(&text, leaf->octets.n + leaf->octets_piece.n);
	/* "=XX" for each octet, and soft breaks, at the very worst. */
	cm_buf_init(&out, 4 * text.max + 16);
	(void)cm_buf_add(&text, leaf->octets.p, at);
	(void)cm_buf_add(&text, leaf->octets_piece.p, leaf->octets_piece.n);
	(void)cm_buf_add(&text, leaf->octets.p + at, leaf->octets.n - at);
	joined = cm_span_n(text.data, text.len);
	rc = cm_buf_ok(&text);
	if (rc == CM_OK)
		rc = cm_encode(leaf->cte, joined, &out);
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
	int rc =
		leaf->reencode || leaf->convert
			? encode_whole(m, &coded)
			: cm_codec_splice(part->cte, leaf->encoded,
					  leaf->octets, leaf->octets_at,
					  leaf->octets_piece, m->arena, &coded);

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

static enum cm_proof_reading reading_of(const struct cm_leaf *leaf)
{
	if (leaf->convert)
		return CM_PROOF_CONVERTED;
	if (leaf->text.p != leaf->octets.p)
		return CM_PROOF_TEXT;
	/* The same octets: ASCII, UTF-8. */
	return leaf->piece.p == leaf->octets_piece.p ? CM_PROOF_OCTETS
						     : CM_PROOF_PIECE;
}

int cm_leaf_make(const struct cm_edit_request *request,
		 const struct cm_mime *tree, const struct cm_footer *footer,
		 struct cm_arena *arena, struct cm_leaf *leaf,
		 struct cm_leaf_edit *edit, const char **ret_why)
{
	struct making m = {request, tree, &tree->parts[leaf->part],
			   arena,   leaf, edit};
	int rc = make_piece(&m, footer, ret_why);

	if (rc == CM_OK && *ret_why == NULL)
		rc = fit(leaf, ret_why);
	if (rc == CM_OK && *ret_why == NULL &&
	    (leaf->recharset || leaf->reencode))
		rc = add_upgrade(&m, ret_why);
	if (rc == CM_OK && *ret_why == NULL)
		rc = add_text(&m);
	/* While both texts are there to be told apart. */
	leaf->reading = reading_of(leaf);
	return rc;
}

/* ---- the claim --------------------------------------------------------- */

struct cm_proof_leaf cm_leaf_claim(const struct cm_leaf *leaf)
{
	struct cm_proof_leaf claim = {
		.part = leaf->part,
		.at = leaf->octets_at,
		.piece = leaf->octets_piece,
		.text = leaf->convert ? cm_span_n(NULL, 0) : leaf->octets,
		.reading = leaf->reading,
		.charset_was = leaf->charset,
		.utf8_at = leaf->at,
		.utf8_piece = leaf->piece,
		.upgraded = leaf->recharset || leaf->reencode,
		.cte = leaf->cte,
		.charset = cm_span("utf-8"),
	};

	return claim;
}
