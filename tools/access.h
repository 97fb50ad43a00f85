/*
 * access - what consentctl access tells one person, and the files it makes of
 * that (cmd_access.c writes them).
 *
 * It is for the person, so it says nothing about others: no administrator's
 * login, no other address of the mailbox, no id but their own.  What was kept
 * as proof of their consent is shown as it was kept.
 */
#ifndef CM_TOOLS_ACCESS_H
#define CM_TOOLS_ACCESS_H

#include "policy/sent.h"
#include "tools/evidence.h"

struct cm_access {
	struct cm_evidence record; /* events, texts, standings */
	struct cm_span as_given;   /* n = 0: no address is kept */
	struct cm_span canonical;
	/* What consent-milter remembers of them. */
	struct cm_asked *asked;
	size_t nasked;
	struct cm_sent_mail *mailed;
	size_t nmailed;
};

/* May this event's evidence be shown?  Not if it names another address. */
bool cm_access_shows_evidence(const struct cm_evidence_event *item);
/* Who wrote it down, and by which way, in words for the person. */
const char *cm_access_actor(const struct cm_event *event);
const char *cm_access_way(const struct cm_event *event);

/* What the purpose of such a row is called; its id if the config lacks it. */
const char *cm_access_purpose(const struct cm_access *access,
			      const uint8_t id[CM_PURPOSE_ID_LEN]);

/* Each appends a whole file to out; the buffer's state says the rest. */
void cm_access_page(const struct cm_access *access, struct cm_buf *out);
void cm_access_json(const struct cm_access *access, struct cm_buf *out);
void cm_access_csv(const struct cm_access *access, struct cm_buf *out);

#endif
