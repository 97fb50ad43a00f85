/* See supervise.h. */
#define _GNU_SOURCE /* pipe2 */
#include "milter/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

enum {
	START_MS = 30000, /* for all children to say that they are ready */
	FIRST_DELAY_MS = 500,
	LONGEST_DELAY_MS = 30000,
	STEADY_MS = 60000, /* lived so long: its next death is a new matter */
	/* A little longer than a worker waits for its messages. */
	STOP_MS = 25000,
	IDLE_MS = 3600000,
};

struct child {
	pid_t pid; /* 0 = not running */
	int64_t began;
	int64_t delay;    /* before the next start */
	int64_t start_at; /* when pid is 0 */
};

struct state {
	const struct cm_supervisor *with;
	struct child *children;
	sigset_t signals;
	sigset_t before;
	bool stopping;
	int64_t deadline; /* of stopping */
};

/* ---- starting --------------------------------------------------------- */

static void be_child(struct state *state, size_t index, int ready_fd,
		     pid_t parent)
{
	/* Ctrl-C and a dying terminal are for the parent alone. */
	(void)setpgid(0, 0);
	/* No worker without its supervisor: it could not be stopped. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EX_OSERR);
	(void)sigprocmask(SIG_SETMASK, &state->before, NULL);
	_exit(state->with->run(state->with->ctx, index, ready_fd));
}

/* *ret_ready: becomes readable when the child is ready or gone. */
static int spawn(struct state *state, size_t index, int *ret_ready)
{
	struct child *child = &state->children[index];
	pid_t parent = getpid();
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return CM_EIO;
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		be_child(state, index, ends[1], parent);
	}
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return CM_EIO;
	}
	child->pid = pid;
	child->began = cm_clock_steady_ms();
	*ret_ready = ends[0];
	return CM_OK;
}

static bool wait_ready(int fd, int64_t until)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char octet;
	int64_t left = until - cm_clock_steady_ms();
	bool ready;

	ready = poll(&pfd, 1, left > 0 ? (int)left : 0) == 1 &&
		read(fd, &octet, 1) == 1;
	(void)close(fd);
	return ready;
}

static int start_all(struct state *state)
{
	int64_t until = cm_clock_steady_ms() + START_MS;
	size_t i;
	int ready;

	for (i = 0; i < state->with->count; i++) {
		if (spawn(state, i, &ready) != CM_OK) {
			cm_log(state->with->log, CM_LOG_ERROR,
			       "starting a process failed");
			return EX_OSERR;
		}
		if (!wait_ready(ready, until))
			return EX_UNAVAILABLE;
	}
	return EX_OK;
}

/* ---- ending ----------------------------------------------------------- */

static void signal_all(struct state *state, int signal_number)
{
	size_t i;

	for (i = 0; i < state->with->count; i++)
		if (state->children[i].pid > 0)
			(void)kill(state->children[i].pid, signal_number);
}

static bool anybody_left(const struct state *state)
{
	size_t i;

	for (i = 0; i < state->with->count; i++)
		if (state->children[i].pid > 0)
			return true;
	return false;
}

/* What a start that failed leaves; the status of the one that failed. */
static int clean_up(struct state *state, int status)
{
	size_t i;

	signal_all(state, SIGUSR2);
	for (i = 0; i < state->with->count; i++) {
		int how;

		if (state->children[i].pid <= 0 ||
		    waitpid(state->children[i].pid, &how, 0) < 0)
			continue;
		if (WIFEXITED(how) && WEXITSTATUS(how) != EX_OK)
			status = WEXITSTATUS(how);
	}
	return status;
}

static void begin_stop(struct state *state)
{
	if (state->stopping) {
		signal_all(state, SIGKILL);
		return;
	}
	state->stopping = true;
	state->deadline = cm_clock_steady_ms() + STOP_MS;
	state->with->stopping(state->with->ctx);
	signal_all(state, SIGUSR2);
}

/* ---- between ---------------------------------------------------------- */

static void mourn(struct state *state, struct child *child, int how)
{
	int64_t now = cm_clock_steady_ms();

	child->pid = 0;
	if (state->stopping)
		return;
	child->delay = now - child->began >= STEADY_MS || child->delay == 0
			       ? FIRST_DELAY_MS
			       : child->delay * 2;
	if (child->delay > LONGEST_DELAY_MS)
		child->delay = LONGEST_DELAY_MS;
	child->start_at = now + child->delay;
	if (WIFSIGNALED(how))
		cm_log(state->with->log, CM_LOG_ERROR,
		       "worker killed by signal %d, restart in %d ms",
		       WTERMSIG(how), (int)child->delay);
	else
		cm_log(state->with->log, CM_LOG_ERROR,
		       "worker ended with status %d, restart in %d ms",
		       WEXITSTATUS(how), (int)child->delay);
}

static void reap(struct state *state)
{
	pid_t pid;
	size_t i;
	int how;

	while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
		for (i = 0; i < state->with->count; i++)
			if (state->children[i].pid == pid)
				mourn(state, &state->children[i], how);
}

static void restart_due(struct state *state)
{
	int64_t now = cm_clock_steady_ms();
	size_t i;
	int ready;

	for (i = 0; i < state->with->count; i++) {
		struct child *child = &state->children[i];

		if (child->pid > 0 || child->start_at > now)
			continue;
		if (spawn(state, i, &ready) == CM_OK)
			(void)close(ready);
		else
			child->start_at = now + LONGEST_DELAY_MS;
	}
}

static int64_t next_event(const struct state *state)
{
	int64_t next = cm_clock_steady_ms() + IDLE_MS;
	size_t i;

	if (state->stopping)
		return state->deadline;
	for (i = 0; i < state->with->count; i++)
		if (state->children[i].pid == 0 &&
		    state->children[i].start_at < next)
			next = state->children[i].start_at;
	return next;
}

static void wait_for_event(struct state *state)
{
	int64_t left = next_event(state) - cm_clock_steady_ms();
	struct timespec t = {0, 0};

	if (left > 0) {
		t.tv_sec = (time_t)(left / 1000);
		t.tv_nsec = (long)(left % 1000) * 1000000;
	}
	switch (sigtimedwait(&state->signals, NULL, &t)) {
	case SIGTERM:
	case SIGINT:
		begin_stop(state);
		break;
	case SIGUSR1:
	case SIGHUP:
		if (state->with->reload(state->with->ctx) == CM_OK)
			signal_all(state, SIGUSR1);
		break;
	default:
		break; /* a child, or time has come */
	}
}

static void watch(struct state *state)
{
	for (;;) {
		wait_for_event(state);
		reap(state);
		if (!state->stopping) {
			restart_due(state);
			continue;
		}
		if (!anybody_left(state))
			return;
		if (cm_clock_steady_ms() >= state->deadline) {
			signal_all(state, SIGKILL);
			state->deadline += STOP_MS;
		}
	}
}

static void block_signals(struct state *state)
{
	static const int numbers[] = {SIGTERM, SIGINT,  SIGHUP,
				      SIGUSR1, SIGUSR2, SIGCHLD};
	size_t i;

	(void)sigemptyset(&state->signals);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sigaddset(&state->signals, numbers[i]);
	(void)sigprocmask(SIG_BLOCK, &state->signals, &state->before);
}

int cm_supervise(const struct cm_supervisor *supervisor)
{
	struct state state = {.with = supervisor};
	int status;

	state.children = calloc(supervisor->count, sizeof(*state.children));
	if (state.children == NULL)
		return EX_OSERR;
	block_signals(&state);
	status = start_all(&state);
	if (status == EX_OK) {
		supervisor->ready(supervisor->ctx);
		watch(&state);
	} else {
		status = clean_up(&state, status);
	}
	free(state.children);
	return status;
}
