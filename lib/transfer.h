/*
 * transfer - to another server and back: HTTP POST, and mail by SMTP.
 *
 * The only file that includes <curl/curl.h>.  No redirects, no cookies; one
 * exchange at a time, with a deadline.
 */
#ifndef CM_LIB_TRANSFER_H
#define CM_LIB_TRANSFER_H

#include <stdbool.h>

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
/* ---- mail --------------------------------------------------------------- */

enum cm_transfer_tls {
	CM_TRANSFER_TLS_NONE,
	CM_TRANSFER_TLS_WHEN_OFFERED, /* STARTTLS if there is, to whoever */
	/* And to nobody but who has a good certificate of that name. */
	CM_TRANSFER_TLS_REQUIRED,
};

struct cm_transfer_server {
	const char *url;   /* "smtp://host:port", "smtps://host:port" */
	const char *hello; /* our name there; NULL = the host's */
	enum cm_transfer_tls tls;
	const char *ca;              /* PEM file; NULL = the system's */
	const char *user, *password; /* NULL = none */
};

/* One connection for many messages, made when the first is sent and again
 * when it was lost.  One thread at a time. */
struct cm_mailer;
CM_MUST_CHECK int cm_mailer_open(const struct cm_transfer_server *server,
				 struct cm_mailer **ret_mailer,
				 struct cm_error *err);
void cm_mailer_close(struct cm_mailer **mailer);
/* True from it, asked now and then by cm_mailer_send(), ends that in vain. */
void cm_mailer_interrupt(struct cm_mailer *mailer, bool (*wanted)(void *ctx),
			 void *ctx);

/*
 * Hand a message in; lines end in CR LF.  from: "" for <>.  CM_EREFUSED: the
 * server says that the recipient's address is no good (5.1.x, RFC 3463), and
 * will always; CM_EAGAIN for all else, also what is said of the sender's.
 * Texts of *err hold no address.
 */
CM_MUST_CHECK int cm_mailer_send(struct cm_mailer *mailer, const char *from,
				 const char *to, struct cm_span message,
				 struct cm_error *err);

/* The same for one message. */
CM_MUST_CHECK int cm_transfer_mail(const struct cm_transfer_server *server,
				   const char *from, const char *to,
				   struct cm_span message,
				   struct cm_error *err);

#endif
