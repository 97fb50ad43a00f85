/*
 * lockfile - one holder at a time, with a deadline (flock(2)).
 *
 * The lock is of the open file, so two threads of one process exclude each
 * other as two processes do, and the system drops it when its holder dies.
 */
#ifndef CM_LIB_LOCKFILE_H
#define CM_LIB_LOCKFILE_H

#include "lib/err.h"

/*
 * Wait at most wait_ms for path, which must exist and be writable.
 * CM_EAGAIN: somebody else held it all the time.
 */
CM_MUST_CHECK int cm_lockfile_take(const char *path, int wait_ms, int *ret_fd,
				   struct cm_error *err);
void cm_lockfile_drop(int *fd); /* -1 inside is fine; leaves -1 */

#endif
