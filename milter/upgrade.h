/*
 * upgrade - a plain leaf that its charset or encoding does not let say more.
 *
 * A footer that has "Müller" in it cannot go into us-ascii or 7bit text.
 * HTML takes entities; a text/plain leaf gets charset=utf-8 and, unless it is
 * encoded already, quoted-printable or base64; its other parameters and
 * fields stay (requirements RMIME-3, R6152-1).  This is about its header;
 * milter/leaf converts the text.
 */
#ifndef CM_MILTER_UPGRADE_H
#define CM_MILTER_UPGRADE_H

#include "milter/edit.h"
#include "milter/headers.h"
#include "milter/mime.h"

struct cm_upgrade {
	/* A part within the body: changes in its header, in any order. */
	struct cm_splice splices[2];
	size_t nsplices;
	/* The message itself: fields it leaves with; NULL = as they came. */
	struct cm_header_values values;
};

/*
 * encoding: that it gets, NULL = as it came.  *ret_why is set to one word if
 * the header cannot be changed surely.
 */
CM_MUST_CHECK int cm_upgrade_plan(const struct cm_edit_request *request,
				  const struct cm_mime_part *part,
				  const char *encoding, struct cm_arena *arena,
				  struct cm_upgrade *ret_upgrade,
				  const char **ret_why);

#endif
