/*
 * failures - how often each network fails to show a key of the API.
 *
 * Secrets of 256 bits are not guessed; but whoever tries, or has forgotten to
 * change a key, shall not fill the log.  A table of fixed size: networks that
 * share a place share its count, and only ever those who fail.
 */
#ifndef CM_WEB_FAILURES_H
#define CM_WEB_FAILURES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

enum {
	CM_FAILURES_PLACES = 1024,
	CM_FAILURES_A_MINUTE = 20,
};

struct cm_failures {
	pthread_mutex_t mutex;
	struct {
		int64_t minute; /* since 1970 */
		unsigned count;
	} places[CM_FAILURES_PLACES];
};

CM_MUST_CHECK int cm_failures_init(struct cm_failures *failures,
				   struct cm_error *err);
void cm_failures_deinit(struct cm_failures *failures);

/* One more of this network ("192.0.2.0/24"); how many in this minute. */
unsigned cm_failures_count(struct cm_failures *failures, const char *network,
			   int64_t now);

#endif
