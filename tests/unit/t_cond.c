/* lib/cond: waits end by a wake or by the steady clock, and say by which. */
#include "lib/cond.h"

#include "lib/clock.h"

#include "tests/unit/test.h"

struct bell {
	pthread_mutex_t mutex;
	pthread_cond_t rung;
	bool ring;
};

static void *ring(void *ctx)
{
	struct bell *bell = ctx;

	(void)pthread_mutex_lock(&bell->mutex);
	bell->ring = true;
	(void)pthread_cond_signal(&bell->rung);
	(void)pthread_mutex_unlock(&bell->mutex);
	return NULL;
}

static void ends_by_a_wake_or_by_time(void **state)
{
	struct bell bell = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	int64_t far = cm_clock_steady_ms() + CM_DAY_MS;
	int64_t soon = cm_clock_steady_ms() + 5;
	pthread_t thread;

	(void)state;
	assert_int_equal(cm_cond_init(&bell.rung), 0);
	(void)pthread_mutex_lock(&bell.mutex);
	while (cm_cond_wait(&bell.rung, &bell.mutex, soon))
		continue; /* woken for no reason: allowed */
	assert_true(cm_clock_steady_ms() >= soon);
	assert_false(cm_cond_wait(&bell.rung, &bell.mutex, 0));
	assert_int_equal(pthread_create(&thread, NULL, ring, &bell), 0);
	while (!bell.ring)
		assert_true(cm_cond_wait(&bell.rung, &bell.mutex, far));
	(void)pthread_mutex_unlock(&bell.mutex);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_cond_destroy(&bell.rung), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_by_a_wake_or_by_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
