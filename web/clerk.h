/*
 * clerk - does what persons asked for: acts of the queue become events of the
 * ledger and letters.
 *
 * One act at a time, oldest first.  The event is in the ledger before the act
 * leaves the queue, and it has the request's name, so that a crash in between
 * repeats nothing.  Who asks too often gets nothing, and is told nothing
 * (policy/limits.h).
 */
#ifndef CM_WEB_CLERK_H
#define CM_WEB_CLERK_H

#include "web/answer.h"
#include "web/duty.h"

struct cm_clerk;

/* site: until another is given.  letters: woken when there is one to send. */
CM_MUST_CHECK int cm_clerk_start(const struct cm_site *site,
				 struct cm_duty *letters,
				 struct cm_clerk **ret_clerk,
				 struct cm_error *err);
void cm_clerk_wake(void *clerk); /* a struct cm_clerk; returns at once */
/* Waits for the act that it is at. */
void cm_clerk_use(struct cm_clerk *clerk, const struct cm_site *site);
void cm_clerk_end(struct cm_clerk **clerk);

#endif
