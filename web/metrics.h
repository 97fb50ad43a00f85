/*
 * metrics - what consent-web counts, for Prometheus.
 *
 * One table says every metric: name, type, help, the label and its values.
 * A new one is a row in metrics.c and a word in enum cm_metric.  Labels are
 * words of ours, never anything of a person, a link or a network.  Counters
 * are atomic: any thread counts, nobody waits.  They outlive a reload.
 *
 * All functions take NULL for "nobody counts".
 */
#ifndef CM_WEB_METRICS_H
#define CM_WEB_METRICS_H

#include "lib/buf.h"
#include "web/route.h"

enum cm_metric {
	CM_METRIC_WITHDRAWALS,     /* label: the channel */
	CM_METRIC_TAKEN_BACK,      /* clicks, by the person */
	CM_METRIC_INVALID_TOKENS,  /* links that are not ours */
	CM_METRIC_STORE_FAILURES,  /* answers that the store failed */
	CM_METRIC_FOLDED,          /* rows moved from stop to the ledger */
	CM_METRIC_FOLD_FAILURES,   /* rounds that failed */
	CM_METRIC_BURSTS,          /* alarms; label: cm_burst_kind_name() */
	CM_METRIC_CONNECTIONS,     /* accepted */
	CM_METRIC_CONNECTIONS_CUT, /* that took too long for one request */
	CM_METRIC_RELOADS,         /* label: ok, failed */
	CM_METRIC_ACTS,            /* done; label: cm_act_kind_name() */
	CM_METRIC_OVER_LIMIT,      /* not done; label: the limit's name */
	CM_METRIC_LETTERS,         /* label: what became of one */
	/* Gauges: */
	CM_METRIC_CONNECTIONS_OPEN,
	CM_METRIC_ACTS_WAITING,     /* in the queue */
	CM_METRIC_LETTERS_WAITING,  /* ditto */
	CM_METRIC_STOP_WAITING,     /* rows not folded yet */
	CM_METRIC_EVENTS,           /* of the ledger */
	CM_METRIC_LAST_FOLD,        /* when, seconds since 1970 */
	CM_METRIC_STORE_UP,         /* 1 if it could be read for this answer */
	CM_METRIC_CERTIFICATE_ENDS, /* seconds since 1970; 0 = none of ours */
	CM_METRIC_STARTED,          /* ditto */
	CM_METRICS
};

struct cm_metrics;

CM_MUST_CHECK int cm_metrics_new(struct cm_metrics **ret_metrics);
void cm_metrics_free(struct cm_metrics **metrics);

void cm_metrics_add(struct cm_metrics *metrics, enum cm_metric metric,
		    uint64_t n);
/* value: one of the metric's label values; another counts as the last. */
void cm_metrics_add_of(struct cm_metrics *metrics, enum cm_metric metric,
		       const char *value, uint64_t n);
void cm_metrics_set(struct cm_metrics *metrics, enum cm_metric metric,
		    uint64_t value);
uint64_t cm_metrics_get(const struct cm_metrics *metrics,
			enum cm_metric metric);
/* An answered request: status as sent, microseconds it took. */
void cm_metrics_request(struct cm_metrics *metrics, enum cm_place place,
			enum cm_method method, int status, uint64_t us);

/* All of it, in Prometheus' text format 0.0.4. */
#define CM_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
CM_MUST_CHECK int cm_metrics_write(const struct cm_metrics *metrics,
				   struct cm_buf *out);

#endif
