/*
 * release - what a message becomes whose recipients were judged, and making
 * it so.  Only marketing is edited.
 *
 * cm_release_plan() turns verdicts into a complete plan without touching the
 * MTA; cm_release_apply() carries it out in a fixed order: recipients out,
 * audit address in, headers out, headers in, body, quarantine.  Its first
 * failure makes the message 451, and the MTA then forgets what was asked
 * before.
 */
#ifndef CM_MILTER_RELEASE_H
#define CM_MILTER_RELEASE_H

#include "milter/decision_log.h"
#include "milter/engine.h"
#include "milter/mta.h"

struct cm_release_request {
	struct cm_engine *engine;
	const struct cm_snapshot *snapshot;
	const struct cm_classified *classified; /* of a stream, no service */
	struct cm_message *message;             /* verdicts in, fates out */
	struct cm_hmac *hmac;                   /* of the store key */
	const char *queue_id;                   /* NULL = unknown */
	int64_t now;
};

struct cm_reply {
	const char *code;
	const char *status;
	const char *text;
};
extern const struct cm_reply cm_reply_refused;    /* 550 5.7.1 */
extern const struct cm_reply cm_reply_tempfail;   /* 451 4.3.0 */
extern const struct cm_reply cm_reply_route;      /* 553 5.1.3 */
extern const struct cm_reply cm_reply_elusive;    /* 553 5.1.3 */
extern const struct cm_reply cm_reply_too_many;   /* 452 4.5.3 */
extern const struct cm_reply cm_reply_uneditable; /* 554 5.6.0 */

struct cm_release {
	enum cm_result result;
	enum cm_answer answer;
	const struct cm_reply *reply; /* NULL = none */
	const char *why;              /* for the log; NULL = nothing special */
	const char *audit;            /* recipient to add; NULL = none */
	const char *hold;             /* HELD: what the admin reads */
	bool has_edit;
	struct cm_edit edit;
};

/* scratch: for the edit; must live until the plan is applied and logged. */
CM_MUST_CHECK int cm_release_plan(const struct cm_release_request *request,
				  struct cm_arena *scratch,
				  struct cm_release *ret_release,
				  struct cm_error *err);

CM_MUST_CHECK int cm_release_apply(const struct cm_release *release,
				   const struct cm_message *message,
				   const struct cm_mta *mta);

#endif
