/*
 * request - what people asked of us and when it is due (GDPR 12(3)): one
 * month, two more for a written reason.
 *
 * A request is its events in the ledger: opened (its time is when it was
 * received), extended, closed; of one person and one right at most one is
 * open.  A month ends on the day of the same number, or on the month's last
 * (Regulation 1182/71, article 3(2)(c)); that whole day still counts.  Days
 * off are not added: whoever answers in time by this is in time by law.  Pure.
 */
#ifndef CM_POLICY_REQUEST_H
#define CM_POLICY_REQUEST_H

#include "policy/event.h"

struct cm_right_request {
	struct cm_id contact;
	struct cm_id family;
	char right[CM_RIGHT_MAX + 1];
	int64_t received;
	bool open;
	bool extended;
};

/* Fold one event of this person and right in; others are passed over. */
void cm_request_apply(struct cm_right_request *request,
		      const struct cm_event *event);
/* The first moment at which an answer would be late. */
int64_t cm_request_late_at(int64_t received, bool extended);

#endif
