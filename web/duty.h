/*
 * duty - a thread of consent-web that does its work when woken, and now and
 * then unasked, so that nobody who answers HTTP waits for it.
 */
#ifndef CM_WEB_DUTY_H
#define CM_WEB_DUTY_H

#include <stdbool.h>

#include "lib/err.h"

struct cm_duty;

/* Does what there is to do; how long to sleep then unless woken, ms. */
typedef int cm_duty_fn(void *ctx, struct cm_duty *duty);

CM_MUST_CHECK int cm_duty_start(cm_duty_fn *work, void *ctx,
				struct cm_duty **ret_duty,
				struct cm_error *err);
/* A struct cm_duty; returns at once. */
void cm_duty_wake(void *duty);
/* Ends the thread after what it is at. */
void cm_duty_end(struct cm_duty **duty);

/* Between these two it does nothing: what it works with may change. */
void cm_duty_hold(struct cm_duty *duty);
void cm_duty_release(struct cm_duty *duty);
/* For work that takes long: does somebody wait for it to end? */
bool cm_duty_is_pressed(struct cm_duty *duty);

#endif
