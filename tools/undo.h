/*
 * undo - what taking back a list and taking back a burst have in common.
 */
#ifndef CM_TOOLS_UNDO_H
#define CM_TOOLS_UNDO_H

#include <stdbool.h>

#include "policy/event.h"
#include "tools/ctl.h"

/* An import or our own mail to the person is not what they did. */
bool cm_undo_is_an_act(const struct cm_event *event);

/* What both end with: nothing to do is a no, and so is nothing done for want of
 * --yes. */
CM_MUST_CHECK int cm_undo_end(const struct cm_args *args, bool dry_run,
			      uint64_t events, struct cm_error *err);

/* "undo --burst ID"; tools/cmd_bursts.c */
CM_MUST_CHECK int cm_undo_burst(struct cm_ctl *ctl, const struct cm_args *args,
				struct cm_error *err);

#endif
