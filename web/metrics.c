/* See metrics.h. */
#include "config.h"

#include "web/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	CM_METRIC_VALUES = 8,   /* of one label, at most */
	CM_METRIC_CLASSES = 4,  /* of a status: 2xx to 5xx */
	CM_METRIC_BUCKETS = 12, /* of the histogram, without +Inf */
};

struct metric {
	const char *name, *type, *help;
	const char *label; /* NULL: none, and one value */
	const char *values[CM_METRIC_VALUES];
};

/* Names as Prometheus asks: base units, and _total for what only grows. */
static const struct metric table[CM_METRICS] = {
	[CM_METRIC_WITHDRAWALS] =
		{"consent_web_withdrawals_total",
		 "counter",
		 "Withdrawals that were new, by the way they came.",
		 "channel",
		 {"one-click", "page", "preferences", "other"}},
	[CM_METRIC_TAKEN_BACK] = {"consent_web_taken_back_total",
				  "counter",
				  "Clicks that the person took back.",
				  NULL,
				  {NULL}},
	[CM_METRIC_INVALID_TOKENS] = {"consent_web_invalid_tokens_total",
				      "counter",
				      "Requests with a link that is not ours.",
				      NULL,
				      {NULL}},
	[CM_METRIC_STORE_FAILURES] =
		{"consent_web_store_failures_total",
		 "counter",
		 "Answers of 503 because the store failed.",
		 NULL,
		 {NULL}},
	[CM_METRIC_FOLDED] = {"consent_web_folded_total",
			      "counter",
			      "Withdrawals moved from stop to the ledger.",
			      NULL,
			      {NULL}},
	[CM_METRIC_FOLD_FAILURES] =
		{"consent_web_fold_failures_total",
		 "counter",
		 "Rounds in which withdrawals could not be moved.",
		 NULL,
		 {NULL}},
	[CM_METRIC_BURSTS] =
		{"consent_web_bursts_total",
		 "counter",
		 "Bursts of withdrawals that were alarmed, by what they share.",
		 "of",
		 {"network", "domain"}},
	[CM_METRIC_CONNECTIONS] = {"consent_web_connections_total",
				   "counter",
				   "Connections accepted.",
				   NULL,
				   {NULL}},
	[CM_METRIC_CONNECTIONS_CUT] =
		{"consent_web_connections_cut_total",
		 "counter",
		 "Connections closed because one request took too long.",
		 NULL,
		 {NULL}},
	[CM_METRIC_RELOADS] = {"consent_web_reloads_total",
			       "counter",
			       "Reloads of the configuration.",
			       "result",
			       {"ok", "failed"}},
	[CM_METRIC_ACTS] = {"consent_web_acts_total",
			    "counter",
			    "What persons asked for and was done, or in vain.",
			    "kind",
			    {"request", "confirm", "cancel", "lost", "data"}},
	[CM_METRIC_OVER_LIMIT] =
		{"consent_web_over_limit_total",
		 "counter",
		 "Letters asked for and not written, by the limit.",
		 "limit",
		 {"pause", "day", "refused", "network", "domain", "all"}},
	[CM_METRIC_LETTERS] = {"consent_web_letters_total",
			       "counter",
			       "Letters, by what became of each try.",
			       "result",
			       {"sent", "later", "given-up", "no-address",
				"not-wanted"}},
	[CM_METRIC_ACTS_WAITING] = {"consent_web_acts_waiting",
				    "gauge",
				    "Requests that wait for the ledger.",
				    NULL,
				    {NULL}},
	[CM_METRIC_LETTERS_WAITING] = {"consent_web_letters_waiting",
				       "gauge",
				       "Letters that wait to be sent.",
				       NULL,
				       {NULL}},
	[CM_METRIC_CONNECTIONS_OPEN] = {"consent_web_connections_open",
					"gauge",
					"Connections open now.",
					NULL,
					{NULL}},
	[CM_METRIC_STOP_WAITING] =
		{"consent_web_stop_waiting",
		 "gauge",
		 "Withdrawals in force that wait to be moved to the ledger.",
		 NULL,
		 {NULL}},
	[CM_METRIC_EVENTS] = {"consent_web_ledger_events",
			      "gauge",
			      "Events in the ledger.",
			      NULL,
			      {NULL}},
	[CM_METRIC_LAST_FOLD] =
		{"consent_web_last_fold_timestamp_seconds",
		 "gauge",
		 "When stop was last seen empty or moved to the ledger.",
		 NULL,
		 {NULL}},
	[CM_METRIC_STORE_UP] = {"consent_web_store_up",
				"gauge",
				"Whether the store could be read just now.",
				NULL,
				{NULL}},
	[CM_METRIC_CERTIFICATE_ENDS] =
		{"consent_web_certificate_not_after_timestamp_seconds",
		 "gauge",
		 "When our own certificate ends; 0 if there is none.",
		 NULL,
		 {NULL}},
	[CM_METRIC_STARTED] = {"consent_web_start_timestamp_seconds",
			       "gauge",
			       "When consent-web started.",
			       NULL,
			       {NULL}},
};

/* Microseconds, and as the label says it. */
static const struct {
	uint64_t us;
	const char *le;
} buckets[CM_METRIC_BUCKETS] = {
	{500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
	{10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
	{250000, "0.25"}, {1000000, "1"},   {5000000, "5"},   {20000000, "20"},
};

struct histogram {
	atomic_uint_fast64_t bucket[CM_METRIC_BUCKETS + 1]; /* not summed up */
	atomic_uint_fast64_t sum_us;
};

struct cm_metrics {
	atomic_uint_fast64_t value[CM_METRICS][CM_METRIC_VALUES];
	atomic_uint_fast64_t requests[CM_PLACES][CM_METHODS][CM_METRIC_CLASSES];
	struct histogram took[CM_METHODS];
};

int cm_metrics_new(struct cm_metrics **ret_metrics)
{
	struct cm_metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics == NULL)
		return CM_ENOMEM;
	*ret_metrics = metrics;
	return CM_OK;
}

void cm_metrics_free(struct cm_metrics **metrics)
{
	free(*metrics);
	*metrics = NULL;
}

/* ---- counting ----------------------------------------------------------- */

/* Nothing is decided by a number, so no order is asked for. */
static void add(atomic_uint_fast64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

void cm_metrics_add(struct cm_metrics *metrics, enum cm_metric metric,
		    uint64_t n)
{
	if (metrics != NULL)
		add(&metrics->value[metric][0], n);
}

void cm_metrics_add_of(struct cm_metrics *metrics, enum cm_metric metric,
		       const char *value, uint64_t n)
{
	const char *const *values = table[metric].values;
	size_t i = 0;

	if (metrics == NULL)
		return;
	while (i + 1 < CM_METRIC_VALUES && values[i + 1] != NULL &&
	       strcmp(values[i], value) != 0)
		i++;
	add(&metrics->value[metric][i], n);
}

void cm_metrics_set(struct cm_metrics *metrics, enum cm_metric metric,
		    uint64_t value)
{
	if (metrics != NULL)
		atomic_store_explicit(&metrics->value[metric][0], value,
				      memory_order_relaxed);
}

uint64_t cm_metrics_get(const struct cm_metrics *metrics, enum cm_metric metric)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; metrics != NULL && i < CM_METRIC_VALUES; i++)
		sum += get(&metrics->value[metric][i]);
	return sum;
}

void cm_metrics_request(struct cm_metrics *metrics, enum cm_place place,
			enum cm_method method, int status, uint64_t us)
{
	int class = status / 100 - 2;
	size_t i = 0;

	if (metrics == NULL)
		return;
	if (class < 0 || class >= CM_METRIC_CLASSES)
		class = CM_METRIC_CLASSES - 1;
	add(&metrics->requests[place][method][class], 1);
	while (i < CM_METRIC_BUCKETS && us > buckets[i].us)
		i++;
	add(&metrics->took[method].bucket[i], 1);
	add(&metrics->took[method].sum_us, us);
}

/* ---- the text ----------------------------------------------------------- */

static void head(struct cm_buf *out, const char *name, const char *type,
		 const char *help)
{
	(void)cm_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
			  type);
}

static void write_metric(const struct cm_metrics *metrics, size_t i,
			 struct cm_buf *out)
{
	const struct metric *metric = &table[i];
	size_t k;

	head(out, metric->name, metric->type, metric->help);
	if (metric->label == NULL) {
		(void)cm_buf_addf(out, "%s %" PRIu64 "\n", metric->name,
				  get(&metrics->value[i][0]));
		return;
	}
	for (k = 0; k < CM_METRIC_VALUES && metric->values[k] != NULL; k++)
		(void)cm_buf_addf(out, "%s{%s=\"%s\"} %" PRIu64 "\n",
				  metric->name, metric->label,
				  metric->values[k],
				  get(&metrics->value[i][k]));
}

/* What was never asked has no row: there would be a hundred. */
static void write_requests(const struct cm_metrics *metrics, struct cm_buf *out)
{
	static const char name[] = "consent_web_requests_total";
	size_t place, method, class;

	head(out, name, "counter", "Requests answered.");
	for (place = 0; place < CM_PLACES; place++)
		for (method = 0; method < CM_METHODS; method++)
			for (class = 0; class < CM_METRIC_CLASSES; class ++) {
				uint64_t n =
					get(&metrics->requests[place][method]
							      [class]);

				if (n == 0)
					continue;
				(void)cm_buf_addf(
					out,
					"%s{place=\"%s\",method=\"%s\","
					"status=\"%zuxx\"} %" PRIu64 "\n",
					name,
					cm_place_name((enum cm_place)place),
					cm_method_name((enum cm_method)method),
					class + 2, n);
			}
}

static void write_histogram(const struct histogram *took, const char *name,
			    const char *method, struct cm_buf *out)
{
	uint64_t n = 0, us = get(&took->sum_us);
	size_t i;

	for (i = 0; i <= CM_METRIC_BUCKETS; i++) {
		n += get(&took->bucket[i]);
		(void)cm_buf_addf(
			out, "%s_bucket{method=\"%s\",le=\"%s\"} %" PRIu64 "\n",
			name, method,
			i < CM_METRIC_BUCKETS ? buckets[i].le : "+Inf", n);
	}
	(void)cm_buf_addf(out,
			  "%s_sum{method=\"%s\"} %" PRIu64 ".%06" PRIu64 "\n",
			  name, method, us / 1000000, us % 1000000);
	/* The same n as of +Inf, whatever is counted meanwhile. */
	(void)cm_buf_addf(out, "%s_count{method=\"%s\"} %" PRIu64 "\n", name,
			  method, n);
}

static void write_build(struct cm_buf *out)
{
	head(out, "consent_web_build_info", "gauge",
	     "The version that runs; always 1.");
	(void)cm_buf_adds(out,
			  "consent_web_build_info{version=\"" PACKAGE_VERSION
			  "\"} 1\n");
}

int cm_metrics_write(const struct cm_metrics *metrics, struct cm_buf *out)
{
	static const char name[] = "consent_web_request_duration_seconds";
	size_t i;

	write_build(out);
	write_requests(metrics, out);
	head(out, name, "histogram",
	     "From the request's last octet to the answer's first.");
	for (i = 0; i < CM_METHODS; i++)
		write_histogram(&metrics->took[i], name,
				cm_method_name((enum cm_method)i), out);
	for (i = 0; i < CM_METRICS; i++)
		write_metric(metrics, i, out);
	return cm_buf_ok(out);
}
