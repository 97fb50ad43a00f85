/* See cond.h. */
#define _GNU_SOURCE /* pthread_condattr_setclock */
#include "lib/cond.h"

#include <errno.h>
#include <time.h>

int cm_cond_init(pthread_cond_t *ret_cond)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc != 0)
		return rc;
	/* The clock of cm_clock_steady_ms(). */
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(ret_cond, &attr);
	(void)pthread_condattr_destroy(&attr);
	return rc;
}

bool cm_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
		  int64_t until_ms)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000) * 1000000,
	};

	return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}
