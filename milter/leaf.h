/*
 * leaf - one display leaf on its way to a footer.
 *
 * Read: is its encoding and charset one in which we can be sure, where does
 * the footer go, has it this link already.  Made: the piece in the leaf's
 * own words, and the splices that put it there.  milter/edit keeps the
 * order: all leaves are read before any is made.
 */
#ifndef CM_MILTER_LEAF_H
#define CM_MILTER_LEAF_H

#include "lib/buf.h"
#include "lib/charset.h"
#include "milter/edit.h"
#include "milter/footer.h"
#include "milter/headers.h"
#include "milter/mime.h"
#include "milter/proof.h"

/* Two in a part's header, one in its text: of each part in body order, but
 * for the measures that milter/edit takes out of it. */
enum { CM_LEAF_SPLICES = 3 };

struct cm_leaf {
	size_t part; /* index in the tree */
	bool html;
	bool flowed;
	bool has_8bit;                    /* so its path takes 8-bit */
	bool done;                        /* has this link already */
	bool lf;                          /* base64 of a text with bare LFs */
	const struct cm_charset *charset; /* NULL: none that we know */
	bool lies;    /* is not in its charset: only ASCII is sure to be read */
	bool guessed; /* us-ascii by label, and everyone sees UTF-8 */
	struct cm_span encoded;
	struct cm_buf decoded; /* of QP and base64, until it is planned */
	struct cm_buf as_utf8; /* of a charset in which octets say little */
	struct cm_span octets; /* in the leaf's charset */
	struct cm_span text;   /* the same to plan on: octets or as_utf8 */
	size_t at;             /* in text */
	struct cm_span lang;   /* of <html lang=...>; as written */
	struct cm_span piece;  /* UTF-8 */
	size_t octets_at;
	struct cm_span octets_piece;
	bool recharset;  /* becomes utf-8 */
	bool convert;    /* ... and that changes octets of its text */
	bool reencode;   /* 7bit or 8bit becomes what .cte says */
	enum cm_cte cte; /* that it leaves with */
	enum cm_proof_reading reading;
};

/*
 * *ret_why is one word if the leaf must be left alone, else NULL.  The leaf
 * must be freed even then; CM_ENOMEM is the only failure.
 */
CM_MUST_CHECK int cm_leaf_read(const struct cm_edit_request *request,
			       const struct cm_mime *tree, size_t part,
			       struct cm_arena *arena, struct cm_leaf *leaf,
			       const char **ret_why);
void cm_leaf_free(struct cm_leaf *leaf);

/* Octets that become one of UTF-8: at most 4, of UTF-7 and the like. */
#define CM_LEAF_UTF8_MAX(n) (4 * (n) + 16)

/* The leaf's .octets to its .text; CM_EDATA: they are not in its charset. */
CM_MUST_CHECK int cm_leaf_read_as_utf8(struct cm_leaf *leaf);

/* What a leaf adds to the edit; room for CM_LEAF_SPLICES splices. */
struct cm_leaf_edit {
	struct cm_splice *splices;
	size_t nsplices;
	struct cm_header_values values; /* of the message; NULL = as they are */
};

/* *ret_why as above, once the footer is known. */
CM_MUST_CHECK int cm_leaf_make(const struct cm_edit_request *request,
			       const struct cm_mime *tree,
			       const struct cm_footer *footer,
			       struct cm_arena *arena, struct cm_leaf *leaf,
			       struct cm_leaf_edit *edit, const char **ret_why);

/* Lets the text go; the proof then decodes it again. */
void cm_leaf_forget_text(struct cm_leaf *leaf);

/* What the proof must find. */
struct cm_proof_leaf cm_leaf_claim(const struct cm_leaf *leaf);

#endif
