/*
 * metrics: what is counted, as text.  A reader of Prometheus' own reads the
 * daemon's answer in tests/e2e/test_admin.py.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "web/metrics.h"

#include "tests/unit/test.h"

enum { THREADS = 4, ROUNDS = 10000, TEXT_MAX = 1 << 16 };

struct fixture {
	struct cm_metrics *metrics;
	struct cm_buf text;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL || cm_metrics_new(&f->metrics) != CM_OK)
		return -1;
	cm_buf_init(&f->text, TEXT_MAX);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	cm_buf_free(&f->text);
	cm_metrics_free(&f->metrics);
	free(f);
	return 0;
}

static void assert_line(struct fixture *f, const char *line)
{
	cm_buf_reset(&f->text);
	assert_int_equal(cm_metrics_write(f->metrics, &f->text), CM_OK);
	if (strstr(cm_buf_text(&f->text), line) == NULL)
		fail_msg("no \"%s\" in:\n%s", line, cm_buf_text(&f->text));
}

static void what_was_counted_is_there(void **state)
{
	struct fixture *f = *state;

	assert_line(f, "\nconsent_web_withdrawals_total{channel=\"page\"} 0\n");
	cm_metrics_add_of(f->metrics, CM_METRIC_WITHDRAWALS, "page", 2);
	cm_metrics_add_of(f->metrics, CM_METRIC_WITHDRAWALS, "pigeon", 1);
	cm_metrics_add(f->metrics, CM_METRIC_FOLDED, 7);
	cm_metrics_set(f->metrics, CM_METRIC_STOP_WAITING, 3);
	cm_metrics_add(f->metrics, CM_METRIC_CONNECTIONS_OPEN, 1);
	cm_metrics_add(f->metrics, CM_METRIC_CONNECTIONS_OPEN, UINT64_MAX);
	assert_line(f, "\nconsent_web_withdrawals_total{channel=\"page\"} 2\n");
	assert_line(f,
		    "\nconsent_web_withdrawals_total{channel=\"other\"} 1\n");
	assert_line(f, "\nconsent_web_folded_total 7\n");
	assert_line(f, "\nconsent_web_stop_waiting 3\n");
	assert_line(f, "\nconsent_web_connections_open 0\n");
	assert_int_equal(cm_metrics_get(f->metrics, CM_METRIC_WITHDRAWALS), 3);
}

/* Buckets add up, a limit belongs to its bucket, +Inf is the count. */
static void requests_fall_into_buckets(void **state)
{
	static const uint64_t us[] = {0, 500, 501, 1000000, 20000001};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(us) / sizeof(us[0]); i++)
		cm_metrics_request(f->metrics, CM_PLACE_TOKEN, CM_METHOD_POST,
				   i == 0 ? 404 : 200, us[i]);
#define TOOK "\nconsent_web_request_duration_seconds"
	assert_line(f, TOOK "_bucket{method=\"POST\",le=\"0.0005\"} 2\n");
	assert_line(f, TOOK "_bucket{method=\"POST\",le=\"0.001\"} 3\n");
	assert_line(f, TOOK "_bucket{method=\"POST\",le=\"1\"} 4\n");
	assert_line(f, TOOK "_bucket{method=\"POST\",le=\"20\"} 4\n");
	assert_line(f, TOOK "_bucket{method=\"POST\",le=\"+Inf\"} 5\n");
	assert_line(f, TOOK "_sum{method=\"POST\"} 21.001002\n");
	assert_line(f, TOOK "_count{method=\"POST\"} 5\n");
	assert_line(f, TOOK "_count{method=\"GET\"} 0\n");
	assert_line(f, "\nconsent_web_requests_total{place=\"token\","
		       "method=\"POST\",status=\"2xx\"} 4\n");
	assert_line(f, "\nconsent_web_requests_total{place=\"token\","
		       "method=\"POST\",status=\"4xx\"} 1\n");
}

static void *count(void *ctx)
{
	struct cm_metrics *metrics = ctx;
	int i;

	for (i = 0; i < ROUNDS; i++)
		cm_metrics_add(metrics, CM_METRIC_INVALID_TOKENS, 1);
	return NULL;
}

static void threads_count_together(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, count, f->metrics),
			0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(cm_metrics_get(f->metrics, CM_METRIC_INVALID_TOKENS),
			 THREADS * ROUNDS);
}

static void nobody_counts_without_metrics(void **state)
{
	(void)state;
	cm_metrics_add(NULL, CM_METRIC_FOLDED, 1);
	cm_metrics_add_of(NULL, CM_METRIC_WITHDRAWALS, "page", 1);
	cm_metrics_set(NULL, CM_METRIC_EVENTS, 1);
	cm_metrics_request(NULL, CM_PLACE_NONE, CM_METHOD_GET, 200, 1);
	assert_int_equal(cm_metrics_get(NULL, CM_METRIC_FOLDED), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_counted_is_there,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(requests_fall_into_buckets,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads_count_together, set_up,
						tear_down),
		cmocka_unit_test(nobody_counts_without_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
