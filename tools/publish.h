/*
 * publish - bring signed heads into the hands of others: a time stamp on the
 * newest, copies in a folder, a mail.
 *
 * Everything is tried, and what failed is tried again by the next run: what
 * is done already is seen from the files that are there.
 */
#ifndef CM_TOOLS_PUBLISH_H
#define CM_TOOLS_PUBLISH_H

#include "tools/ctl.h"

struct cm_published {
	size_t copied; /* files, to checkpoint.drop */
	bool mailed;   /* to checkpoint.mail-to */
	bool stamped;
	int64_t stamp_at; /* what the authority said, if stamped */
};

/* CM_EAGAIN names all that could not be done; *ret_published is set then. */
CM_MUST_CHECK int cm_publish(struct cm_ctl *ctl,
			     struct cm_published *ret_published,
			     struct cm_error *err);

#endif
