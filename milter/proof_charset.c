/* See proof.h: what an edited leaf says, in its own charset. */
#include "milter/proof.h"

#include "milter/codec.h"

static int decode(enum cm_cte cte, struct cm_span encoded, struct cm_buf *out)
{
	/* Decoding makes no text longer. */
	cm_buf_init(out, encoded.n + 1);
	return cm_decode(cte, encoded, out);
}

static struct cm_span span_of(const struct cm_buf *buf)
{
	return cm_span_n(cm_buf_text(buf), buf->len);
}

int cm_proof_old_utf8(const struct cm_proof_leaf *leaf, enum cm_cte cte,
		      struct cm_span encoded, struct cm_buf *out)
{
	struct cm_buf octets;
	int rc = decode(cte, encoded, &octets);

	if (rc == CM_OK)
		rc = cm_charset_decode(leaf->charset_was, span_of(&octets),
				       out);
	cm_buf_free(&octets);
	return rc;
}

static bool says(const struct cm_charset *charset, struct cm_span octets,
		 const struct cm_proof_leaf *leaf, struct cm_span old)
{
	size_t at = leaf->utf8_at;
	const struct cm_span utf8[] = {
		cm_span_n(old.p, at),
		leaf->utf8_piece,
		cm_span_n(old.p + at, old.n - at),
	};

	return cm_charset_reads_as(charset, &octets, 1, utf8, 3);
}

static bool text_says(const struct cm_proof_leaf *leaf, enum cm_cte cte_was,
		      struct cm_span was, enum cm_cte cte_is, struct cm_span is)
{
	const struct cm_charset *charset =
		leaf->reading == CM_PROOF_CONVERTED
			? cm_charset_find(leaf->charset)
			: leaf->charset_was;
	struct cm_buf old;
	struct cm_buf new;
	bool ok;

	/* At most 4 octets of UTF-8 for one (UTF-7, a charset's letters). */
	cm_buf_init(&old, 4 * was.n + 16);
	ok = cm_proof_old_utf8(leaf, cte_was, was, &old) == CM_OK &&
	     leaf->utf8_at <= old.len;
	ok = decode(cte_is, is, &new) == CM_OK && ok &&
	     says(charset, span_of(&new), leaf, span_of(&old));
	cm_buf_free(&old);
	cm_buf_free(&new);
	return ok;
}

/* 8-bit without a label that is UTF-8 already: so is ours. */
static bool is_unlabelled_utf8(enum cm_cte cte_was, struct cm_span was,
			       enum cm_cte cte_is, struct cm_span is)
{
	struct cm_buf old;
	struct cm_buf new;
	bool ok = decode(cte_was, was, &old) == CM_OK &&
		  !cm_ascii_only(cm_buf_text(&old), old.len);

	ok = decode(cte_is, is, &new) == CM_OK && ok &&
	     cm_utf8_valid(cm_buf_text(&new), new.len);
	cm_buf_free(&old);
	cm_buf_free(&new);
	return ok;
}

const char *cm_proof_characters(const struct cm_proof_leaf *leaf,
				enum cm_cte cte_was, struct cm_span was,
				enum cm_cte cte_is, struct cm_span is)
{
	const struct cm_charset *now = leaf->upgraded
					       ? cm_charset_find(leaf->charset)
					       : leaf->charset_was;
	bool ok = true;

	if (now == NULL)
		return "charset";
	switch (leaf->reading) {
	case CM_PROOF_OCTETS:
		if (cm_ascii_only(leaf->piece.p, leaf->piece.n))
			ok = cm_charset_has_ascii(now);
		else if (now->kind == CM_CHARSET_ASCII)
			ok = is_unlabelled_utf8(cte_was, was, cte_is, is);
		else
			ok = now->kind == CM_CHARSET_UTF8;
		break;
	case CM_PROOF_PIECE:
		if (now != leaf->charset_was)
			return "charset";
		ok = cm_charset_reads_as(leaf->charset_was, &leaf->piece, 1,
					 &leaf->utf8_piece, 1);
		break;
	case CM_PROOF_TEXT:
		if (now != leaf->charset_was)
			return "charset";
		ok = text_says(leaf, cte_was, was, cte_is, is);
		break;
	case CM_PROOF_CONVERTED:
		ok = text_says(leaf, cte_was, was, cte_is, is);
		break;
	}
	return ok ? NULL : "charset";
}
