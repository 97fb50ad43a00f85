/*
 * mta_libmilter - the MTA as libmilter shows it: callbacks become steps of a
 * cm_session, cm_mta_ops become smfi_ calls.  One listener a process, because
 * libmilter has one.
 */
#ifndef CM_MILTER_MTA_LIBMILTER_H
#define CM_MILTER_MTA_LIBMILTER_H

#include "milter/engine.h"

/*
 * Serve a socket that listens already.  engine and listener (its name in the
 * config) must live as long as the process.
 */
CM_MUST_CHECK int cm_libmilter_open(struct cm_engine *engine,
				    const char *listener, int fd,
				    struct cm_error *err);

/* Serves until SIGTERM, SIGINT or SIGHUP, which libmilter takes for itself;
 * does not wait for running callbacks.  CM_EIO if it could not go on. */
CM_MUST_CHECK int cm_libmilter_run(struct cm_error *err);

#endif
