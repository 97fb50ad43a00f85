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
#include "web/certificate.h"

struct cm_http;

struct cm_http_options {
	int listen_fd;                            /* taken in any case */
	bool admin;                               /* serves monitors only */
	const struct cm_certificate *certificate; /* NULL: plain HTTP */
};

/* site outlives it, or its replacement; options need not. */
CM_MUST_CHECK int cm_http_start(const struct cm_http_options *options,
				struct cm_site *site, struct cm_http **ret_http,
				struct cm_error *err);
/*
 * From now on another certificate, on the same socket.  Who is connected ends
 * with the old one; on failure it stays for all.
 */
CM_MUST_CHECK int cm_http_renew(struct cm_http *http,
				const struct cm_certificate *certificate,
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
