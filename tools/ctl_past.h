/*
 * ctl_past - decisions as the milter takes them, with what it remembers.
 *
 * Its memory is opened when a decision can depend on it, and not before: who
 * may not read it can still ask everything else.
 */
#ifndef CM_TOOLS_CTL_PAST_H
#define CM_TOOLS_CTL_PAST_H

#include "policy/decide.h"
#include "policy/sent.h"
#include "tools/ctl.h"

/* Open for reading; NULL if consent-milter never remembered anything. */
CM_MUST_CHECK int cm_ctl_sent(struct cm_ctl *ctl, struct cm_sent **ret_sent,
			      struct cm_error *err);

/* As cm_decide(), for a contact, at ctl->now. */
CM_MUST_CHECK int cm_ctl_decide(
	struct cm_ctl *ctl, const struct cm_stream *stream,
	const struct cm_id *contact, const struct cm_view *own,
	const struct cm_view *family, int64_t newest_rec,
	struct cm_decision *ret_decision, struct cm_error *err);
/* Ditto cm_decide_purpose(), at any moment. */
CM_MUST_CHECK int cm_ctl_decide_purpose(
	struct cm_ctl *ctl, const struct cm_purpose *purpose,
	const struct cm_id *contact, const struct cm_view *own,
	const struct cm_view *family, int64_t at,
	struct cm_decision *ret_decision, struct cm_error *err);

#endif
