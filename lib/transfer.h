/*
 * transfer - to another server and back: HTTP POST, and mail by SMTP.
 *
 * The only file that includes <curl/curl.h>.  No redirects, no cookies, no
 * passwords; one exchange at a time, with a deadline.  Not for threads.
 */
#ifndef CM_LIB_TRANSFER_H
#define CM_LIB_TRANSFER_H

#include "lib/buf.h"
#include "lib/str.h"

enum { CM_TRANSFER_SECONDS = 60 }; /* for all of one exchange */

/*
 * Post body; what a reply of status 200 holds is appended to out, whose .max
 * is the limit.  CM_EAGAIN for everything that may be better next time.
 */
CM_MUST_CHECK int cm_transfer_post(const char *url, const char *type,
				   struct cm_span body, struct cm_buf *out,
				   struct cm_error *err);
/* Hand a message in ("smtp://host:port"); lines end in CR LF. CM_EAGAIN. */
CM_MUST_CHECK int cm_transfer_mail(const char *url, const char *from,
				   const char *to, struct cm_span message,
				   struct cm_error *err);

#endif
