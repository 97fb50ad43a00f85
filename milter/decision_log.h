/*
 * decision_log - the one line a message, and one for each person refused.
 *
 *   QUEUEID: stream=newsletter type=marketing mode=enforce rule=sender
 *     result=accepted rcpts=5 allowed=3 refused=2 deferred=0 withdrawn=1
 *     no-record=1 edit=footer lang=cs proof=gmime ms=1.3
 *   QUEUEID: refused contact=HEX reason=withdrawn stage=rcpt event=17
 *     stream=newsletter
 *
 * allowed + refused + deferred = rcpts, always (R5321-4).  In the modes that
 * refuse nobody the reasons are counted all the same, and "would-refuse" says
 * how many.  A contact is named by its id, never by its address.
 */
#ifndef CM_MILTER_DECISION_LOG_H
#define CM_MILTER_DECISION_LOG_H

#include "lib/log.h"
#include "milter/edit.h"
#include "milter/message.h"

enum cm_result {
	CM_RESULT_PASSED,   /* not ours, or service: untouched */
	CM_RESULT_OBSERVED, /* mode observe: untouched */
	CM_RESULT_ACCEPTED,
	CM_RESULT_HELD,      /* in quarantine, for those who are left */
	CM_RESULT_REJECTED,  /* 5xx */
	CM_RESULT_DISCARDED, /* 250, and nobody gets it */
	CM_RESULT_TEMPFAIL,  /* 451 */
	CM_RESULT_ABORTED,   /* the client ended it after RCPTs were refused */
};

struct cm_decided {
	const char *queue_id; /* NULL = the MTA has not said */
	const struct cm_classified *classified; /* NULL = not known */
	const struct cm_message *message;
	enum cm_result result;
	const char *why;            /* of TEMPFAIL and REJECTED; or NULL */
	const struct cm_edit *edit; /* NULL = none was planned */
	int64_t us;                 /* time spent at end of message */
};

void cm_decision_log(struct cm_log *log, const struct cm_decided *decided);

const char *cm_result_name(enum cm_result result);

/* ---- read again (consentctl refused) ------------------------------------ */

struct cm_refused_line {
	struct cm_span queue_id;
	struct cm_span stream; /* empty in lines of older versions */
	bool has_contact;      /* else the address could not be read */
	struct cm_id contact;
	enum cm_reason reason;
	bool at_rcpt;
};

/* text: a line without what syslog puts in front.  CM_ENOTFOUND: of another
 * kind; CM_EDATA: of this kind, but damaged. */
CM_MUST_CHECK int cm_decision_log_refused(struct cm_span text,
					  struct cm_refused_line *ret_line);

#endif
