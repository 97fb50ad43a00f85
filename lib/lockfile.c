/* See lockfile.h. */
#include "lib/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

enum {
	/* flock has no deadline: ask again this often, in ms. */
	POLL_FIRST_MS = 1,
	POLL_MAX_MS = 20,
};

static void sleep_ms(int ms)
{
	struct timespec ts = {.tv_nsec = (long)ms * 1000000};

	(void)nanosleep(&ts, NULL);
}

static int wait_for(int fd, const char *path, int wait_ms, struct cm_error *err)
{
	int64_t deadline = cm_clock_steady_ms() + wait_ms;
	int pause = POLL_FIRST_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cm_fail_errno(err, errno, "cannot lock %s",
					     path);
		if (cm_clock_steady_ms() >= deadline)
			return cm_fail(err, CM_EAGAIN,
				       "%s is held by another program for "
				       "more than %d ms: try again",
				       path, wait_ms);
		sleep_ms(pause);
		pause = pause * 2 > POLL_MAX_MS ? POLL_MAX_MS : pause * 2;
	}
	return CM_OK;
}

int cm_lockfile_take(const char *path, int wait_ms, int *ret_fd,
		     struct cm_error *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int rc;

	if (fd < 0)
		return cm_fail_errno(err, errno, "cannot open lock file %s",
				     path);
	rc = wait_for(fd, path, wait_ms, err);
	if (rc != CM_OK) {
		(void)close(fd);
		return rc;
	}
	*ret_fd = fd;
	return CM_OK;
}

void cm_lockfile_drop(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
