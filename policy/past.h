/*
 * past - what decisions take from the milter's memory of mail that left.
 */
#ifndef CM_POLICY_PAST_H
#define CM_POLICY_PAST_H

#include "policy/decide.h"
#include "policy/sent.h"

struct cm_past_known {
	struct cm_past past; /* points into mailed: not to be copied */
	int64_t mailed[CM_STREAM_PURPOSES_MAX];
};

/* Can a consent to one of them end because no mail used it? */
bool cm_past_matters(const struct cm_purpose *const *purposes, size_t count);

/*
 * Of a contact and these purposes; asked: also when they were asked to renew
 * the first.  sent NULL: nothing was ever remembered.
 */
CM_MUST_CHECK int cm_past_read(struct cm_sent *sent,
			       const struct cm_id *contact,
			       const struct cm_purpose *const *purposes,
			       size_t count, bool asked,
			       struct cm_past_known *ret_known,
			       struct cm_error *err);

#endif
