/*
 * supervise - one child process per listener, kept alive.
 *
 * SIGTERM, SIGINT: have the children finish (SIGUSR2), then return; a second
 * one ends them at once.  SIGUSR1, SIGHUP: reload.  A child that dies is
 * started again, at once at first, then ever slower.  The listening sockets
 * stay open meanwhile, so connections wait instead of failing.
 */
#ifndef CM_MILTER_SUPERVISE_H
#define CM_MILTER_SUPERVISE_H

#include <stddef.h>

#include "lib/log.h"

struct cm_supervisor {
	struct cm_log *log;
	size_t count; /* children */
	void *ctx;
	/* In the child: returns its exit status.  Write one octet to ready_fd
	 * when the work has begun. */
	int (*run)(void *ctx, size_t index, int ready_fd);
	/* All run. */
	void (*ready)(void *ctx);
	/* CM_OK: tell the children to reload, too. */
	int (*reload)(void *ctx);
	/* No more work is to be taken on. */
	void (*stopping)(void *ctx);
};

/* Returns the exit status. Blocks signals; no threads may run. */
int cm_supervise(const struct cm_supervisor *supervisor);

#endif
