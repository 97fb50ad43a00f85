/* See failures.h. */
#include "web/failures.h"

#include <string.h>

#include "lib/clock.h"

int cm_failures_init(struct cm_failures *failures, struct cm_error *err)
{
	int rc = pthread_mutex_init(&failures->mutex, NULL);

	memset(failures->places, 0, sizeof(failures->places));
	return rc == 0 ? CM_OK : cm_fail_errno(err, rc, "no lock can be made");
}

void cm_failures_deinit(struct cm_failures *failures)
{
	pthread_mutex_destroy(&failures->mutex);
}

/* FNV-1a: who collides on purpose only counts for two. */
static size_t place_of(const char *network)
{
	uint32_t hash = 2166136261U;

	for (; *network != '\0'; network++)
		hash = (hash ^ (unsigned char)*network) * 16777619U;
	return hash % CM_FAILURES_PLACES;
}

unsigned cm_failures_count(struct cm_failures *failures, const char *network,
			   int64_t now)
{
	size_t place = place_of(network);
	int64_t minute = now / (60 * CM_SECOND_MS);
	unsigned count;

	pthread_mutex_lock(&failures->mutex);
	if (failures->places[place].minute != minute)
		failures->places[place].count = 0;
	failures->places[place].minute = minute;
	count = ++failures->places[place].count;
	pthread_mutex_unlock(&failures->mutex);
	return count;
}
