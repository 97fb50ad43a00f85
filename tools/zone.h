/*
 * zone - what the clocks of a place showed, for times written without one.
 *
 * "+01:00", "Z", "UTC", or a name of the system's time zone database,
 * "Europe/Berlin".  The process's own TZ is neither used nor changed.
 */
#ifndef CM_TOOLS_ZONE_H
#define CM_TOOLS_ZONE_H

#include "lib/arena.h"
#include "lib/str.h"

struct cm_zone;

/*
 * now: the last instant asked for, ms.  CM_EUSAGE says what a zone may be.
 * The zone is the arena's.
 */
CM_MUST_CHECK int cm_zone_open(const char *text, int64_t now,
			       struct cm_arena *arena,
			       const struct cm_zone **ret_zone,
			       struct cm_error *err);

/* The name of this machine's zone; "UTC" if it has none. */
const char *cm_zone_here(struct cm_arena *arena);

/*
 * The instants at which clocks there showed a local time, as ms since
 * 1970-01-01T00:00:00 by those clocks: twice in the hour that autumn repeats,
 * never in the one that spring leaves out; then what either side of the gap
 * would make of it.
 */
void cm_zone_instants(const struct cm_zone *zone, int64_t local,
		      int64_t *ret_first, int64_t *ret_last);

#endif
