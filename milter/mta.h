/*
 * mta - all that a session may ask of the MTA, as a struct of functions.
 *
 * milter/mta_libmilter.c is the one that mail goes through;
 * milter/mta_record.c keeps the calls and shows what would become of the
 * message: for consentctl try and tests.
 *
 * Except macro and set_reply, they may be called at end of message only, and
 * none of them says whether the MTA could really do it (mta.md, 5).  CM_OK or
 * CM_EIO; after a failure the message must not be accepted.
 */
#ifndef CM_MILTER_MTA_H
#define CM_MILTER_MTA_H

#include "lib/str.h"

struct cm_mta_ops {
	/* NULL if the MTA has not sent it; valid until the next callback. */
	const char *(*macro)(void *ctx, const char *name);
	/* rcpt: byte for byte as in RCPT TO, or nothing is deleted. */
	int (*delete_recipient)(void *ctx, const char *rcpt);
	/* params: ESMTP parameters such as "NOTIFY=NEVER"; NULL = none. */
	int (*add_recipient)(void *ctx, const char *rcpt, const char *params);
	/* index 1 = just below the MTA's own Received. */
	int (*insert_header)(void *ctx, int index, const char *name,
			     const char *value);
	/* nth: 1 = first of that name, whatever its case. */
	int (*delete_header)(void *ctx, const char *name, unsigned nth);
	/* May be called again for the next piece of the new body. */
	int (*replace_body)(void *ctx, struct cm_span piece);
	/* Keep the message until an admin releases it; reason: for them. */
	int (*quarantine)(void *ctx, const char *reason);
	/* What the client hears with the REJECT or TEMPFAIL that follows. */
	int (*set_reply)(void *ctx, const char *code, const char *status,
			 const char *text);
};

struct cm_mta {
	const struct cm_mta_ops *ops;
	void *ctx;
};

/* What a session answers to a step. */
enum cm_answer {
	CM_ANSWER_CONTINUE,
	CM_ANSWER_REJECT,   /* RCPT: this recipient; EOM: the message */
	CM_ANSWER_TEMPFAIL, /* ditto, try again later */
	CM_ANSWER_DISCARD,  /* EOM: say 250 and deliver to nobody */
};

#endif
