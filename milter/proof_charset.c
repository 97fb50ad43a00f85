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
		rc = cm_charset_decode(leaf->charset_was, span_of(&octets), out);
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

const char *cm_proof_characters(const struct cm_proof_leaf *leaf,
				enum cm_cte cte_was, struct cm_span was,
				enum cm_cte cte_is, struct cm_span is)
{
	bool ok = true;

	switch (leaf->reading) {
	case CM_PROOF_OCTETS:
		break;
	case CM_PROOF_PIECE:
		ok = cm_charset_reads_as(leaf->charset_was, &leaf->piece, 1,
					 &leaf->utf8_piece, 1);
		break;
	case CM_PROOF_TEXT:
	case CM_PROOF_CONVERTED:
		ok = text_says(leaf, cte_was, was, cte_is, is);
		break;
	}
	return ok ? NULL : "charset";
}
