/*
 * wrap - a body that must stay as it is, with a footer beside it.
 *
 * The message becomes the first part of a new multipart/mixed: its Content-*
 * fields move into the part's header, in their order and as the MTA gave them
 * (one blank behind the colon), and no octet of the body changes, so an
 * S/MIME or PGP/MIME signature inside stays good (RFC 1847, 2.1).  The second
 * part is the footer: text/plain, quoted-printable, inline, as mailing lists
 * have done it for decades; an alternative there would be one more attachment
 * to the readers that show no second text.
 *
 * The boundary follows from queue id and link alone, so that the same message
 * is wrapped the same way again.
 */
#ifndef CM_MILTER_WRAP_H
#define CM_MILTER_WRAP_H

#include "milter/edit.h"
#include "milter/headers.h"
#include "milter/mime.h"

struct cm_wrap {
	struct cm_span body;
	struct cm_header_values values;
	struct cm_span footer; /* the second part's text */
	const char *language;
};

/*
 * *ret_made is false where a reader may not see what is wrapped around: then
 * the message stays as it is.  tree: of the message, and sure.
 */
CM_MUST_CHECK int cm_wrap_make(const struct cm_edit_request *request,
			       const struct cm_mime *tree,
			       struct cm_span html_lang, struct cm_arena *arena,
			       struct cm_wrap *ret_wrap, bool *ret_made,
			       struct cm_error *err);

/*
 * Reads the result again, with both readers if the request says so.  *ret_why
 * is NULL if it holds what the wrap claims, else one word.
 */
CM_MUST_CHECK int cm_wrap_prove(const struct cm_edit_request *request,
				const struct cm_mime *tree,
				const struct cm_wrap *wrap,
				struct cm_arena *arena, const char **ret_why);

/* Wrapped before, with this recipient's own link (RMIME-11)? */
CM_MUST_CHECK int cm_wrap_is_done(const struct cm_edit_request *request,
				  const struct cm_mime *tree, bool *ret_done);

#endif
