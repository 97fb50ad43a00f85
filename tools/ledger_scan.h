/*
 * ledger_scan - every event of the ledger, from the first on, for commands
 * that look for something that has no index.
 */
#ifndef CM_TOOLS_LEDGER_SCAN_H
#define CM_TOOLS_LEDGER_SCAN_H

#include "policy/store.h"
#include "tools/ctl.h"

/* event lives until the next call.  A code other than CM_OK ends the scan. */
typedef int cm_scan_fn(void *ctx, const struct cm_event *event, uint64_t seq,
		       struct cm_error *err);

/* In chunks, with a reader each, so that no writer waits for a long one; what
 * is written meanwhile is seen, too.  Shows its progress. */
CM_MUST_CHECK int cm_ledger_scan(struct cm_ctl *ctl, cm_scan_fn *each,
				 void *ctx, struct cm_error *err);

#endif
