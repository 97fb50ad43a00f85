/* See duty.h. */
#include "web/duty.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/cond.h"

struct cm_duty {
	cm_duty_fn *work;
	void *ctx;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool wanted; /* woken since the work began */
	bool working;
	bool held;
	bool ending;
};

/* With the mutex held. */
static void sleep_until(struct cm_duty *duty, int64_t until)
{
	while (!duty->ending && (duty->held || !duty->wanted))
		if (!cm_cond_wait(&duty->changed, &duty->mutex, until) &&
		    !duty->held)
			return;
}

static void *run(void *ctx)
{
	struct cm_duty *duty = ctx;

	(void)pthread_mutex_lock(&duty->mutex);
	do {
		int pause;

		duty->wanted = false;
		duty->working = true;
		(void)pthread_mutex_unlock(&duty->mutex);
		pause = duty->work(duty->ctx, duty);
		(void)pthread_mutex_lock(&duty->mutex);
		duty->working = false;
		(void)pthread_cond_broadcast(&duty->changed);
		sleep_until(duty, cm_clock_steady_ms() + pause);
	} while (!duty->ending);
	(void)pthread_mutex_unlock(&duty->mutex);
	return NULL;
}

int cm_duty_start(cm_duty_fn *work, void *ctx, struct cm_duty **ret_duty,
		  struct cm_error *err)
{
	struct cm_duty *duty = calloc(1, sizeof(*duty));
	int rc;

	if (duty == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for a thread");
	duty->work = work;
	duty->ctx = ctx;
	rc = cm_cond_init(&duty->changed);
	if (rc != 0)
		goto no_condition;
	rc = pthread_mutex_init(&duty->mutex, NULL);
	if (rc != 0)
		goto no_mutex;
	rc = pthread_create(&duty->thread, NULL, run, duty);
	if (rc != 0)
		goto no_thread;
	*ret_duty = duty;
	return CM_OK;
no_thread:
	(void)pthread_mutex_destroy(&duty->mutex);
no_mutex:
	(void)pthread_cond_destroy(&duty->changed);
no_condition:
	free(duty);
	return cm_fail_errno(err, rc, "no thread can be started");
}

void cm_duty_wake(void *ctx)
{
	struct cm_duty *duty = ctx;

	(void)pthread_mutex_lock(&duty->mutex);
	duty->wanted = true;
	(void)pthread_cond_broadcast(&duty->changed);
	(void)pthread_mutex_unlock(&duty->mutex);
}

void cm_duty_end(struct cm_duty **duty_p)
{
	struct cm_duty *duty = *duty_p;

	if (duty == NULL)
		return;
	(void)pthread_mutex_lock(&duty->mutex);
	duty->ending = true;
	(void)pthread_cond_broadcast(&duty->changed);
	(void)pthread_mutex_unlock(&duty->mutex);
	(void)pthread_join(duty->thread, NULL);
	(void)pthread_mutex_destroy(&duty->mutex);
	(void)pthread_cond_destroy(&duty->changed);
	free(duty);
	*duty_p = NULL;
}

void cm_duty_hold(struct cm_duty *duty)
{
	(void)pthread_mutex_lock(&duty->mutex);
	duty->held = true;
	while (duty->working)
		(void)pthread_cond_wait(&duty->changed, &duty->mutex);
	(void)pthread_mutex_unlock(&duty->mutex);
}

void cm_duty_release(struct cm_duty *duty)
{
	(void)pthread_mutex_lock(&duty->mutex);
	duty->held = false;
	duty->wanted = true;
	(void)pthread_cond_broadcast(&duty->changed);
	(void)pthread_mutex_unlock(&duty->mutex);
}

bool cm_duty_is_pressed(struct cm_duty *duty)
{
	bool pressed;

	(void)pthread_mutex_lock(&duty->mutex);
	pressed = duty->held || duty->ending;
	(void)pthread_mutex_unlock(&duty->mutex);
	return pressed;
}
