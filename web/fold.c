/* See fold.h. */
#include "web/fold.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/cond.h"
#include "web/watch.h"

enum {
	CM_FOLD_GATHER_MS = 200, /* a burst's first wakes, the rest joins in */
	CM_FOLD_AGAIN_MS = 2000, /* another writer had the lock */
	CM_FOLD_IDLE_MS = 30000, /* what other programs left behind */
};

struct cm_fold {
	struct cm_store *store;
	struct cm_log *log;
	struct cm_metrics *metrics;
	struct cm_watch *watch;   /* NULL: nobody watches */
	struct cm_config *config; /* of watch; changes under the mutex */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool wanted; /* somebody wrote to stop */
	bool ending;
};

/* Sleep until woken or the time is over; with the mutex held. */
static void sleep_for(struct cm_fold *fold, int ms, bool wake_when_wanted)
{
	int64_t until = cm_clock_steady_ms() + ms;

	while (!fold->ending && !(wake_when_wanted && fold->wanted))
		if (!cm_cond_wait(&fold->changed, &fold->mutex, until))
			return;
}

static int fold_stop(struct cm_fold *fold)
{
	struct cm_error err;
	size_t count = 0;
	int rc = cm_store_fold_stop(fold->store, cm_clock_now(), &count, &err);

	cm_metrics_add(fold->metrics, CM_METRIC_FOLDED, count);
	if (rc == CM_OK)
		cm_metrics_set(fold->metrics, CM_METRIC_LAST_FOLD,
			       (uint64_t)(cm_clock_now() / CM_SECOND_MS));
	if (rc != CM_OK && rc != CM_EAGAIN) {
		cm_metrics_add(fold->metrics, CM_METRIC_FOLD_FAILURES, 1);
		cm_log_error(fold->log, CM_LOG_ERROR,
			     "withdrawals cannot be moved to the ledger now",
			     &err);
	}
	return rc;
}

/* GDPR 17: who had themselves erased is refused already; now every file. */
static int finish_erasures(struct cm_fold *fold)
{
	struct cm_erased erased = {0, 0};
	struct cm_error err;
	int rc = cm_store_erase_finish(fold->store, &erased, &err);

	if (rc != CM_OK && rc != CM_EAGAIN)
		cm_log_error(fold->log, CM_LOG_ERROR,
			     "people cannot be erased from the files now",
			     &err);
	if (rc == CM_OK && erased.addresses + erased.evidence > 0)
		cm_log(fold->log, CM_LOG_NOTICE,
		       "erased from the files: addresses=%" PRIu64
		       " evidence=%" PRIu64,
		       erased.addresses, erased.evidence);
	return rc;
}

/* Returns how long to sleep before the next try. */
static int fold_once(struct cm_fold *fold)
{
	if (fold_stop(fold) == CM_EAGAIN || finish_erasures(fold) == CM_EAGAIN)
		return CM_FOLD_AGAIN_MS;
	return CM_FOLD_IDLE_MS;
}

static void watch(struct cm_fold *fold)
{
	struct cm_config *config;

	if (fold->watch == NULL)
		return;
	pthread_mutex_lock(&fold->mutex);
	config = cm_config_ref(fold->config);
	pthread_mutex_unlock(&fold->mutex);
	cm_watch_look(fold->watch, config, cm_clock_now());
	cm_config_unref(&config);
}

static void *run(void *ctx)
{
	struct cm_fold *fold = ctx;
	bool ending = false;

	while (!ending) {
		int pause = fold_once(fold);

		watch(fold);
		pthread_mutex_lock(&fold->mutex);
		sleep_for(fold, pause, pause == CM_FOLD_IDLE_MS);
		if (fold->wanted)
			sleep_for(fold, CM_FOLD_GATHER_MS, false);
		fold->wanted = false;
		ending = fold->ending;
		pthread_mutex_unlock(&fold->mutex);
	}
	(void)fold_stop(fold); /* what is noted, the next start finishes */
	return NULL;
}

static int begin_watch(struct cm_fold *fold, struct cm_config *config,
		       struct cm_error *err)
{
	int rc;

	if (config == NULL)
		return CM_OK;
	rc = cm_watch_new(fold->store, fold->log, fold->metrics, &fold->watch,
			  err);
	if (rc == CM_OK)
		fold->config = cm_config_ref(config);
	return rc;
}

static void end_watch(struct cm_fold *fold)
{
	cm_watch_free(&fold->watch);
	cm_config_unref(&fold->config);
}

int cm_fold_start(struct cm_store *store, struct cm_config *config,
		  struct cm_log *log, struct cm_metrics *metrics,
		  struct cm_fold **ret_fold, struct cm_error *err)
{
	struct cm_fold *fold = calloc(1, sizeof(*fold));
	int rc;

	if (fold == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for a thread");
	fold->store = store;
	fold->log = log;
	fold->metrics = metrics;
	rc = begin_watch(fold, config, err);
	if (rc != CM_OK) {
		free(fold);
		return rc;
	}
	rc = cm_cond_init(&fold->changed);
	if (rc != 0)
		goto no_condition;
	rc = pthread_mutex_init(&fold->mutex, NULL);
	if (rc != 0)
		goto no_mutex;
	rc = pthread_create(&fold->thread, NULL, run, fold);
	if (rc != 0)
		goto no_thread;
	*ret_fold = fold;
	return CM_OK;
no_thread:
	pthread_mutex_destroy(&fold->mutex);
no_mutex:
	pthread_cond_destroy(&fold->changed);
no_condition:
	end_watch(fold);
	free(fold);
	return cm_fail_errno(err, rc, "no thread can be started");
}

void cm_fold_use(struct cm_fold *fold, struct cm_config *config)
{
	struct cm_config *old;

	pthread_mutex_lock(&fold->mutex);
	old = fold->config;
	fold->config = cm_config_ref(config);
	pthread_mutex_unlock(&fold->mutex);
	cm_config_unref(&old);
}

void cm_fold_wake(void *ctx)
{
	struct cm_fold *fold = ctx;

	pthread_mutex_lock(&fold->mutex);
	fold->wanted = true;
	pthread_cond_signal(&fold->changed);
	pthread_mutex_unlock(&fold->mutex);
}

void cm_fold_end(struct cm_fold **fold)
{
	if (*fold == NULL)
		return;
	pthread_mutex_lock(&(*fold)->mutex);
	(*fold)->ending = true;
	pthread_cond_signal(&(*fold)->changed);
	pthread_mutex_unlock(&(*fold)->mutex);
	pthread_join((*fold)->thread, NULL);
	pthread_mutex_destroy(&(*fold)->mutex);
	pthread_cond_destroy(&(*fold)->changed);
	end_watch(*fold);
	free(*fold);
	*fold = NULL;
}
