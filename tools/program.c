/* See program.h. */
#define _GNU_SOURCE /* pipe2 */
#include "tools/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"

enum {
	OUT_MAX = 1 << 20,
	WAIT_SECONDS = 10, /* postconf takes some 10 ms */
	NO_PROGRAM = 127,  /* what a failed exec exits with */
};

extern char **environ;

static int start(const char *const *argv, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return rc;
	rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO,
					      "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, out,
						      STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
						      "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		/* It takes char *const *, and changes nothing. */
		rc = posix_spawnp(ret_pid, argv[0], &actions, NULL,
				  (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int read_all(int fd, const char *name, struct cm_buf *out,
		    struct cm_error *err)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int64_t end = cm_clock_steady_ms() + WAIT_SECONDS * CM_SECOND_MS;
	char chunk[4096];

	for (;;) {
		int64_t left = end - cm_clock_steady_ms();
		ssize_t n;

		if (left <= 0 || poll(&poll_fd, 1, (int)left) == 0)
			return cm_fail(err, CM_EAGAIN,
				       "%s did not end within %d s", name,
				       WAIT_SECONDS);
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return CM_OK;
		if (cm_buf_add(out, chunk, (size_t)n) != CM_OK)
			return cm_fail(err, CM_ELIMIT, "%s says too much",
				       name);
	}
}

static int end(pid_t pid, const char *name, int rc, int *ret_status,
	       struct cm_error *err)
{
	int status;

	if (rc != CM_OK)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cm_fail_errno(err, errno, "waiting for %s",
					     name);
	if (rc != CM_OK)
		return rc;
	if (!WIFEXITED(status))
		return cm_fail(err, CM_EIO, "%s was ended by a signal", name);
	*ret_status = WEXITSTATUS(status);
	if (*ret_status == NO_PROGRAM)
		return cm_fail(err, CM_ENOTFOUND, "there is no program %s",
			       name);
	return CM_OK;
}

int cm_program_run(const char *const *argv, struct cm_arena *arena,
		   char **ret_out, int *ret_status, struct cm_error *err)
{
	struct cm_buf out;
	int ends[2], rc, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return cm_fail_errno(err, errno, "pipe");
	rc = start(argv, ends[1], &pid);
	(void)close(ends[1]);
	if (rc != 0) {
		(void)close(ends[0]);
		return rc == ENOENT ? cm_fail(err, CM_ENOTFOUND,
					      "there is no program %s", argv[0])
				    : cm_fail_errno(err, rc, "%s", argv[0]);
	}
	cm_buf_init(&out, OUT_MAX);
	rc = read_all(ends[0], argv[0], &out, err);
	(void)close(ends[0]);
	rc = end(pid, argv[0], rc, &status, err);
	if (rc == CM_OK) {
		char *copy = cm_arena_strdup(arena, cm_buf_text(&out));

		if (copy == NULL)
			rc = cm_fail(err, CM_ENOMEM, "out of memory");
		else
			*ret_out = copy;
		*ret_status = status;
	}
	cm_buf_free(&out);
	return rc;
}
