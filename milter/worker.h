/*
 * worker - the process that serves one listener.
 *
 * SIGUSR1: read the config again.  SIGUSR2: take no more connections, let
 * the messages on their way end, then go.  SIGTERM, SIGINT and SIGHUP are
 * libmilter's and cut messages short (the MTA then says 451): the supervisor
 * sends SIGUSR2 instead.
 */
#ifndef CM_MILTER_WORKER_H
#define CM_MILTER_WORKER_H

#include "lib/log.h"
#include "milter/listen.h"
#include "policy/config.h"

struct cm_worker_options {
	struct cm_config *config;
	struct cm_log *log;
	const struct cm_listening *listening;
	int ready_fd; /* gets one octet when mail can come; then closed */
};

/* Runs until told to stop; returns the exit status. */
int cm_worker_run(const struct cm_worker_options *options);

/* Names every stream that does not refuse, as somebody may have forgotten. */
void cm_worker_say_modes(const struct cm_config *config, struct cm_log *log);

#endif
