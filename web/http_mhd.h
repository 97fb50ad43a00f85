/*
 * http_mhd - HTTP for consent-web; the only file that includes <microhttpd.h>.
 *
 * It reads requests, hands them to cm_answer_make(), and sends what that
 * says.  Each limit on what a client may take is a constant in http_mhd.c.
 */
#ifndef CM_WEB_HTTP_MHD_H
#define CM_WEB_HTTP_MHD_H

#include "lib/err.h"
#include "web/answer.h"

struct cm_http;

/* Takes listen_fd in any case; site outlives it, or its replacement. */
CM_MUST_CHECK int cm_http_start(int listen_fd, struct cm_site *site,
				struct cm_http **ret_http,
				struct cm_error *err);
/* From now on another site; when it returns, nobody uses the old one. */
void cm_http_use(struct cm_http *http, struct cm_site *site);
/*
 * Close connections whose request takes too long.  To be called about once a
 * second: the library's time-out only counts silence, and a client that sends
 * an octet now and then is never silent.
 */
void cm_http_reap(struct cm_http *http);
/* Lets requests that have begun end, for a moment. */
void cm_http_stop(struct cm_http **http);

#endif
