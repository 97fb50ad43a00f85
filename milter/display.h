/*
 * display - which parts of a message a person is shown, and so get a footer.
 *
 * Every text/plain and text/html of the display alternative, the root of a
 * related, the first text of a mixed (or of a multipart that nobody knows)
 * that is not an attachment; never attachments, calendar, AMP, messages,
 * reports, digests, forms.  A signed or
 * encrypted part anywhere leaves the whole message alone (RFC 1847, 2.1).
 * Requirements RMIME-5 to RMIME-7, R1847-1, R8551-1, R3156-1.
 */
#ifndef CM_MILTER_DISPLAY_H
#define CM_MILTER_DISPLAY_H

#include "milter/mime.h"

enum { CM_DISPLAY_MAX = 16 }; /* alternatives of one text; two is usual */

struct cm_display {
	size_t parts[CM_DISPLAY_MAX]; /* indexes, in message order */
	size_t count;
	const char *why; /* one word if there is none to edit; else NULL */
};

struct cm_display cm_display_choose(const struct cm_mime *mime);

bool cm_display_is_html(const struct cm_mime_part *part);

#endif
