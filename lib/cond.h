/*
 * cond - condition variables whose deadlines no change of the clock moves.
 *
 * pthread's wait for the wall clock unless told otherwise: after a step of an
 * hour a thread would sleep an hour too long, or not at all.
 */
#ifndef CM_LIB_COND_H
#define CM_LIB_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/* 0 or an errno, as pthread_cond_init(); pthread_cond_destroy() ends it. */
CM_MUST_CHECK int cm_cond_init(pthread_cond_t *ret_cond);

/*
 * Wait, the mutex held, until woken (true; for whatever reason, so ask again
 * what was waited for) or until cm_clock_steady_ms() has come to until_ms.
 */
bool cm_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
		  int64_t until_ms);

#endif
