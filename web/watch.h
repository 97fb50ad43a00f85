/*
 * watch - warns when many people leave at once from one place.
 *
 * Looks at what came to the ledger since its last look, so no answer waits for
 * it, and what other programs wrote counts, too.  The rule is policy/burst.h;
 * a burst that goes on is told of once.
 */
#ifndef CM_WEB_WATCH_H
#define CM_WEB_WATCH_H

#include "lib/log.h"
#include "policy/config.h"
#include "policy/store.h"
#include "web/metrics.h"

struct cm_watch;

/* store, log (or NULL) and metrics (or NULL) outlive it. */
CM_MUST_CHECK int cm_watch_new(struct cm_store *store, struct cm_log *log,
			       struct cm_metrics *metrics,
			       struct cm_watch **ret_watch,
			       struct cm_error *err);
void cm_watch_free(struct cm_watch **watch);

/* By the config's rule of now.  Of one thread at a time. */
void cm_watch_look(struct cm_watch *watch, const struct cm_config *config,
		   int64_t now);

#endif
