/*
 * See worker.h.
 *
 * A thread of our own waits for signals, because libmilter's threads must
 * not: it reloads, or drains and ends the process.  smfi_stop() is not used:
 * it stops all sessions at once, and waits up to 5 s to do so (mta.md, 5).
 */
#include "milter/worker.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "milter/engine.h"
#include "milter/mta_libmilter.h"
#include "milter/sample.h"

enum {
	/* An end of message takes milliseconds; the client's DATA may take
	 * longer, but systemd kills after 90 s and admins lose patience. */
	CM_DRAIN_MS = 20000,
	CM_DRAIN_STEP_MS = 20,
	/* From our last answer to libmilter's write of it. */
	CM_DRAIN_GRACE_MS = 100,
	CM_TALLIES_EVERY = 3600, /* seconds */
};

struct worker {
	const struct cm_worker_options *options;
	struct cm_engine *engine;
	sigset_t signals;
};

/* ---- config ----------------------------------------------------------- */

static int load_texts(const struct cm_config *config,
		      struct cm_templates **ret_templates, struct cm_error *err)
{
	return cm_templates_load(config->templates, config->language,
				 ret_templates, err);
}

/* The listener cannot change while it is served. */
static int check_listener(const struct worker *worker,
			  const struct cm_config *config, struct cm_error *err)
{
	const struct cm_listener *old = worker->options->listening->listener;
	const struct cm_listener *now = cm_config_listener(config, old->name);

	if (now == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "listener \"%s\" is served and cannot go away "
			       "(restart to remove it)",
			       old->name);
	if (strcmp(now->socket, old->socket) != 0)
		cm_log(worker->options->log, CM_LOG_WARNING,
		       "reload: listener \"%s\" moves to \"%s\" at the next "
		       "restart",
		       old->name, now->socket);
	return CM_OK;
}

static int put_in_force(struct worker *worker, struct cm_config *config,
			struct cm_error *err)
{
	struct cm_templates *templates = NULL;
	int rc = check_listener(worker, config, err);

	if (rc == CM_OK && config->samples_path != NULL)
		rc = cm_sample_check(config->samples_path, geteuid(), err);
	if (rc == CM_OK)
		rc = load_texts(config, &templates, err);
	if (rc == CM_OK)
		rc = cm_engine_reload(worker->engine, config, templates, err);
	if (rc != CM_OK)
		cm_templates_free(&templates);
	return rc;
}

static void reload(struct worker *worker)
{
	struct cm_log *log = worker->options->log;
	struct cm_config *config = NULL;
	struct cm_error err;
	int rc = cm_config_load(worker->options->config->file, &config, &err);

	if (rc == CM_OK)
		rc = put_in_force(worker, config, &err);
	cm_config_unref(&config);
	if (rc != CM_OK)
		cm_log_error(log, CM_LOG_ERROR,
			     "reload failed, the old configuration stays",
			     &err);
	else
		cm_log(log, CM_LOG_NOTICE, "configuration reloaded");
}

/* Nobody should forget that this is on. */
static void say_unknown(const struct cm_stream *stream, struct cm_log *log)
{
	char last[CM_CLOCK_TEXT];
	bool over = cm_clock_now() >= stream->ask_until;

	(void)cm_clock_format(stream->ask_until - CM_DAY_MS, last);
	cm_log(log, over ? CM_LOG_WARNING : CM_LOG_NOTICE,
	       "stream \"%s\": ask-unknown %s %.10s, approved by \"%s\"%s",
	       stream->name,
	       over ? "ended on"
		    : "asks people of unknown "
		      "origin until",
	       last, stream->approved_by,
	       over ? ": they are refused; take the setting out, or the stream"
		    : "");
}

void cm_worker_say_modes(const struct cm_config *config, struct cm_log *log)
{
	static const char *const effects[] = {
		[CM_MODE_OBSERVE] = "mode is observe: nothing is refused or "
				    "changed",
		[CM_MODE_EDIT] = "mode is edit: nothing is refused",
		[CM_MODE_ENFORCE] = NULL,
	};
	size_t i;

	for (i = 0; i < config->nstreams; i++) {
		const struct cm_stream *stream = &config->streams[i];

		if (cm_stream_asks_store(stream) &&
		    effects[stream->mode] != NULL)
			cm_log(log, CM_LOG_NOTICE, "stream \"%s\": %s",
			       stream->name, effects[stream->mode]);
		if (stream->ask_unknown)
			say_unknown(stream, log);
	}
}

/* ---- the end ---------------------------------------------------------- */

static void pause_ms(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&t, NULL);
}

/*
 * libmilter polls its listening socket by number: put something there that
 * never has a connection.
 */
static void stop_accepting(const struct worker *worker)
{
	int never[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       never) != 0)
		return;
	(void)dup2(never[0], worker->options->listening->fd);
	(void)close(never[0]); /* never[1] stays open, so there is no EOF */
}

static void drain(struct worker *worker)
{
	struct cm_log *log = worker->options->log;
	long waited = 0;
	unsigned left;

	stop_accepting(worker);
	while ((left = cm_engine_in_flight(worker->engine)) > 0 &&
	       waited < CM_DRAIN_MS) {
		pause_ms(CM_DRAIN_STEP_MS);
		waited += CM_DRAIN_STEP_MS;
	}
	if (left > 0)
		cm_log(log, CM_LOG_WARNING,
		       "stopping with %u messages unfinished after %d s: their "
		       "clients hear 451 and send again",
		       left, CM_DRAIN_MS / 1000);
	cm_engine_log_tallies(worker->engine);
	cm_memory_stop(cm_engine_memory(worker->engine));
	pause_ms(CM_DRAIN_GRACE_MS);
	/* Threads of libmilter still run: no exit handlers under them. */
	_exit(EX_OK);
}

static void *wait_for_signals(void *ctx)
{
	struct worker *worker = ctx;
	const struct timespec wait = {.tv_sec = CM_TALLIES_EVERY};
	int signal_number;

	for (;;) {
		signal_number = sigtimedwait(&worker->signals, NULL, &wait);
		if (signal_number == SIGUSR1)
			reload(worker);
		else if (signal_number == SIGUSR2)
			drain(worker);
		else if (errno == EAGAIN)
			cm_engine_log_tallies(worker->engine);
	}
	return NULL;
}

/* ---- the beginning ---------------------------------------------------- */

enum {
	/* A newsletter's buffers are taken from and kept in the heap; of
	 * larger ones each free() gives the pages back. */
	CM_OWN_PAGES = 2 << 20,
	CM_HEAP_KEEPS = 4 << 20,
};

/*
 * glibc, left to itself, learns from a first large free() to keep up to
 * 64 MiB: a body of 25 MiB then takes four times its size instead of two.
 */
static void bound_memory(void)
{
#ifdef __GLIBC__
	(void)mallopt(M_MMAP_THRESHOLD, CM_OWN_PAGES);
	(void)mallopt(M_TRIM_THRESHOLD, CM_HEAP_KEEPS);
#endif
}

/* Before any thread, so that all of them inherit the mask. */
static int start_signals(struct worker *worker, struct cm_error *err)
{
	pthread_t thread;
	int errnum;

	(void)sigemptyset(&worker->signals);
	(void)sigaddset(&worker->signals, SIGUSR1);
	(void)sigaddset(&worker->signals, SIGUSR2);
	(void)pthread_sigmask(SIG_SETMASK, &worker->signals, NULL);
	errnum = pthread_create(&thread, NULL, wait_for_signals, worker);
	if (errnum != 0)
		return cm_fail_errno(err, errnum, "starting a thread");
	(void)pthread_detach(thread);
	return CM_OK;
}

/* So that a store nobody can read is known before the first message. */
static void try_store(struct cm_engine *engine)
{
	struct cm_loan loan;
	struct cm_error err;

	if (cm_engine_lend(engine, &loan, &err) == CM_OK)
		cm_engine_return(engine, &loan, CM_OK, NULL);
}

static int start(struct worker *worker, struct cm_error *err)
{
	const struct cm_worker_options *options = worker->options;
	int rc = cm_engine_new(options->config, options->log, cm_clock_now,
			       &worker->engine, err);

	if (rc == CM_OK)
		rc = put_in_force(worker, options->config, err);
	if (rc == CM_OK)
		rc = start_signals(worker, err);
	/* Its thread must not take the signals. */
	if (rc == CM_OK)
		rc = cm_engine_remember(worker->engine, err);
	if (rc == CM_OK)
		rc = cm_libmilter_open(worker->engine,
				       options->listening->listener->name,
				       options->listening->fd, err);
	if (rc != CM_OK)
		return rc;
	try_store(worker->engine);
	return CM_OK;
}

static void say_ready(int fd)
{
	while (write(fd, "", 1) < 0 && errno == EINTR)
		;
	(void)close(fd);
}

int cm_worker_run(const struct cm_worker_options *options)
{
	struct worker worker = {.options = options};
	struct cm_error err;
	int rc;

	bound_memory();
	rc = start(&worker, &err);

	if (rc == CM_OK) {
		say_ready(options->ready_fd);
		rc = cm_libmilter_run(&err);
	}
	if (rc != CM_OK) {
		cm_log_error(options->log, CM_LOG_ERROR,
			     options->listening->listener->name, &err);
		return cm_exit_code(rc);
	}
	cm_log(options->log, CM_LOG_WARNING,
	       "listener \"%s\" was told to stop at once: messages on their "
	       "way get 451",
	       options->listening->listener->name);
	return EX_OK;
}
