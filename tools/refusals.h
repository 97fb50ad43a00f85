/*
 * refusals - a file of all that refuses, to go with an older backup.
 *
 * Lines of text: what it is, when it was made and of how many events; each
 * refusing event in its canonical JSON; their number and an HMAC with the
 * store key over all before it, so that a cut-off file is found out.  Holds
 * no addresses.  Small and quickly made: a cron job's.
 */
#ifndef CM_TOOLS_REFUSALS_H
#define CM_TOOLS_REFUSALS_H

#include "policy/event.h"
#include "tools/ctl.h"

typedef int cm_refusal_fn(void *ctx, const struct cm_event *event,
			  struct cm_error *err);

/* Of ctl->store; an older file in its place is replaced. */
CM_MUST_CHECK int cm_refusals_write(struct cm_ctl *ctl, const char *path,
				    uint64_t *ret_count, struct cm_error *err);
/* Nothing is told before all of the file is known to be good.  Wants
 * CM_CTL_KEYS only. */
CM_MUST_CHECK int cm_refusals_read(struct cm_ctl *ctl, const char *path,
				   cm_refusal_fn *each, void *ctx,
				   int64_t *ret_made, struct cm_error *err);

#endif
