/* See request.h. */
#include "policy/request.h"

#include <string.h>

#include "lib/clock.h"

void cm_request_apply(struct cm_right_request *request,
		      const struct cm_event *event)
{
	if (!cm_event_type_is_request(event->type) ||
	    strcmp(request->right, event->right) != 0)
		return;
	switch (event->type) {
	case CM_EVENT_REQUEST_OPENED:
		request->received = event->at;
		request->open = true;
		request->extended = false;
		break;
	case CM_EVENT_REQUEST_EXTENDED:
		request->extended = true;
		break;
	default:
		request->open = false;
	}
}

int64_t cm_request_late_at(int64_t received, bool extended)
{
	const struct cm_period period = {.months = extended ? 3 : 1};
	int64_t day = received - received % CM_DAY_MS;

	return cm_period_add(day, period) + CM_DAY_MS;
}
