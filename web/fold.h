/*
 * fold - moves what stop holds into the ledger, behind the answers.
 *
 * A thread of its own, so that no answer waits for the ledger's lock.  It
 * works soon after each cm_fold_wake(), once for a burst of them, and now and
 * then unasked, so that nothing stays in stop because another writer was
 * busy.  Refusals in stop are obeyed by every reader all the same.
 *
 * The same thread then removes from all files whoever had themselves erased;
 * what a kill interrupts is finished after the next start.
 */
#ifndef CM_WEB_FOLD_H
#define CM_WEB_FOLD_H

#include "lib/log.h"
#include "policy/config.h"
#include "policy/store.h"
#include "web/metrics.h"

struct cm_fold;

/*
 * store, log and metrics (or NULL) outlive it.  With a config, which is kept
 * alive, it also watches for bursts (web/watch.h).
 */
CM_MUST_CHECK int cm_fold_start(struct cm_store *store,
				struct cm_config *config, struct cm_log *log,
				struct cm_metrics *metrics,
				struct cm_fold **ret_fold,
				struct cm_error *err);
/* From now on by another config. */
void cm_fold_use(struct cm_fold *fold, struct cm_config *config);
void cm_fold_wake(void *fold); /* a struct cm_fold; returns at once */
/* Folds a last time and ends the thread. */
void cm_fold_end(struct cm_fold **fold);

#endif
