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
#include "milter/edit.h"
#include "milter/footer.h"
#include "milter/headers.h"
#include "milter/mime.h"
#include "milter/proof.h"

/* Two in a part's header, one in its text. */
enum { CM_LEAF_SPLICES = 3 };

struct cm_leaf {
	size_t part; /* index in the tree */
	bool html;
	bool utf8;
	bool flowed;
	bool has_8bit; /* so its path takes 8-bit */
	bool done;     /* has this link already */
	bool lf;       /* base64 of a text with bare LFs */
	struct cm_span encoded;
	struct cm_buf scratch; /* of QP and base64, until it is planned */
	struct cm_span text;
	size_t at;           /* in text */
	struct cm_span lang; /* of <html lang=...>; as written */
	struct cm_span piece;
	bool recharset; /* us-ascii becomes utf-8 */
	bool reencode;  /* 7bit or 8bit becomes quoted-printable */
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
struct cm_proof_leaf cm_leaf_claim(const struct cm_leaf *leaf,
				   const struct cm_mime *tree);

#endif
