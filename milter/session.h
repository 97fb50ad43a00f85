/*
 * session - one connection of the MTA, from connect to close; free of
 * libmilter, so consentctl try and the tests run the same code.
 *
 * Steps come in the MTA's order; any may be missing.  Only rcpt and eom
 * answer.  One thread at a time, not always the same one.
 */
#ifndef CM_MILTER_SESSION_H
#define CM_MILTER_SESSION_H

#include "milter/decision_log.h"
#include "milter/engine.h"
#include "milter/mta.h"

struct cm_session;

struct cm_session_options {
	struct cm_engine *engine; /* outlives the session */
	const char *listener;     /* its name in the config */
	struct cm_mta mta;
	bool answers_rcpt; /* false: negotiated away, all is decided at EOM */
	/* For consentctl try; both NULL in the daemon. */
	const char *stream; /* every message belongs to it, whatever it is */
	void (*report)(void *ctx, const struct cm_decided *decided);
	void *report_ctx; /* report: instead of the log */
};

/* True if a stream of the config can refuse at RCPT: else why answer it? */
bool cm_session_may_refuse_rcpt(const struct cm_config *config);

CM_MUST_CHECK int cm_session_new(const struct cm_session_options *options,
				 struct cm_session **ret_session);
void cm_session_free(struct cm_session **session); /* the MTA hung up */

/*
 * address: 16 octets, v4-mapped for IPv4, NULL if unknown.  port 0 is mail
 * of sendmail(1), whose recipients cannot be refused singly (mta.md, 1).
 */
void cm_session_connect(struct cm_session *session, const uint8_t *address,
			unsigned port);
void cm_session_mail(struct cm_session *session, const char *sender);
enum cm_answer cm_session_rcpt(struct cm_session *session, const char *rcpt);
void cm_session_header(struct cm_session *session, const char *name,
		       const char *value);
void cm_session_body(struct cm_session *session, const void *data, size_t n);
enum cm_answer cm_session_eom(struct cm_session *session);
void cm_session_abort(struct cm_session *session); /* also after a reset */

#endif
