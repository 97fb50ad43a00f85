/* See proc.h. */
#define _GNU_SOURCE /* setresuid, setresgid, getgrouplist */
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/str.h"

enum {
	NAME_LOOKUP_MAX = 65536, /* a group line with thousands of members */
};

/* ---- names ------------------------------------------------------------ */

int cm_proc_user(const char *name, struct cm_proc_user *ret_user,
		 struct cm_error *err)
{
	struct cm_proc_user user = {.ngroups = CM_PROC_GROUPS_MAX};
	struct passwd pw;
	struct passwd *found = NULL;
	char *memory = malloc(NAME_LOOKUP_MAX);
	int errnum;

	if (memory == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	errnum = getpwnam_r(name, &pw, memory, NAME_LOOKUP_MAX, &found);
	if (found != NULL) {
		user.uid = pw.pw_uid;
		user.gid = pw.pw_gid;
	}
	free(memory);
	if (found == NULL && errnum != 0)
		return cm_fail_errno(err, errnum, "looking up user \"%.40s\"",
				     name);
	if (found == NULL || strlen(name) >= sizeof(user.name))
		return cm_fail(err, CM_ECONFIG,
			       "there is no user \"%.40s\" (make one with "
			       "\"adduser --system --group %.40s\", or name "
			       "another in the config)",
			       name, name);
	(void)snprintf(user.name, sizeof(user.name), "%s", name);
	if (getgrouplist(name, user.gid, user.groups, &user.ngroups) < 0)
		return cm_fail(err, CM_ECONFIG,
			       "user \"%s\" is in more than %d groups", name,
			       CM_PROC_GROUPS_MAX);
	*ret_user = user;
	return CM_OK;
}

int cm_proc_group(const char *name, gid_t *ret_gid, struct cm_error *err)
{
	struct group gr;
	struct group *found = NULL;
	char *memory = malloc(NAME_LOOKUP_MAX);
	gid_t gid = (gid_t)-1;
	int errnum;

	if (memory == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	errnum = getgrnam_r(name, &gr, memory, NAME_LOOKUP_MAX, &found);
	if (found != NULL)
		gid = gr.gr_gid;
	free(memory);
	if (found == NULL && errnum != 0)
		return cm_fail_errno(err, errnum, "looking up group \"%.40s\"",
				     name);
	if (found == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "there is no group \"%.40s\" (make one with "
			       "\"addgroup --system %.40s\", or name another "
			       "in the config)",
			       name, name);
	*ret_gid = gid;
	return CM_OK;
}

int cm_proc_add_group(struct cm_proc_user *user, gid_t gid,
		      struct cm_error *err)
{
	int i;

	for (i = 0; i < user->ngroups; i++)
		if (user->groups[i] == gid)
			return CM_OK;
	if (user->ngroups == CM_PROC_GROUPS_MAX)
		return cm_fail(err, CM_ECONFIG,
			       "user \"%s\" is in %d groups already",
			       user->name, CM_PROC_GROUPS_MAX);
	user->groups[user->ngroups++] = gid;
	return CM_OK;
}

/* ---- privileges ------------------------------------------------------- */

int cm_proc_drop(const struct cm_proc_user *user, struct cm_error *err)
{
	uid_t real, effective, saved;

	if (geteuid() != 0) {
		if (geteuid() == user->uid)
			return CM_OK;
		return cm_fail(err, CM_ECONFIG,
			       "cannot become user \"%s\": start as root or "
			       "as that user",
			       user->name);
	}
	if (setgroups((size_t)user->ngroups, user->groups) != 0 ||
	    setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0)
		return cm_fail_errno(err, errno, "becoming user \"%s\"",
				     user->name);
	if (getresuid(&real, &effective, &saved) != 0 || real != user->uid ||
	    effective != user->uid || saved != user->uid ||
	    (user->uid != 0 && setuid(0) == 0))
		return cm_fail(err, CM_EIO,
			       "privileges were not given up for user \"%s\"",
			       user->name);
	return CM_OK;
}

/* ---- background ------------------------------------------------------- */

void cm_proc_std_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

/* The command that was typed: wait for the daemon's word, then end. */
static void wait_for_ready(int fd, pid_t child)
{
	unsigned char status;
	ssize_t n;

	(void)waitpid(child, NULL, 0);
	do
		n = read(fd, &status, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? status : EX_UNAVAILABLE);
}

int cm_proc_detach(int *ret_ready, struct cm_error *err)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return cm_fail_errno(err, errno, "making a pipe");
	child = fork();
	if (child < 0) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		return cm_fail_errno(err, errno, "fork");
	}
	if (child > 0) {
		(void)close(ends[1]);
		wait_for_ready(ends[0], child);
	}
	(void)close(ends[0]);
	(void)setsid();
	/* Not a session leader, so it never gets a terminal again. */
	child = fork();
	if (child != 0)
		_exit(child < 0 ? EX_OSERR : EX_OK);
	if (chdir("/") != 0)
		return cm_fail_errno(err, errno, "chdir /");
	*ret_ready = ends[1];
	return CM_OK;
}

void cm_proc_let_go(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)dup2(fd, STDIN_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

void cm_proc_ready(int *ready, int exit_status)
{
	unsigned char status = (unsigned char)exit_status;

	if (*ready < 0)
		return;
	cm_proc_let_go();
	while (write(*ready, &status, 1) < 0 && errno == EINTR)
		;
	(void)close(*ready);
	*ready = -1;
}

/* ---- files ------------------------------------------------------------ */

static int write_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return -1;
	return 0;
}

int cm_proc_lock(const char *file, int *ret_fd, struct cm_error *err)
{
	char pid[24] = "";
	ssize_t n;
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return cm_fail_errno(err, errno, "opening lock file \"%s\"",
				     file);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (write_pid(fd) != 0) {
			int errnum = errno;

			(void)close(fd);
			return cm_fail_errno(err, errnum,
					     "writing lock file \"%s\"", file);
		}
		*ret_fd = fd;
		return CM_OK;
	}
	n = pread(fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	(void)close(fd);
	return cm_fail(err, CM_EAGAIN,
		       "\"%s\" is locked: another instance is running%s%s",
		       file, pid[0] != '\0' ? ", process " : "", pid);
}

int cm_proc_pid_file(const char *file, struct cm_error *err)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	int rc = CM_OK;

	if (fd < 0)
		return cm_fail_errno(err, errno, "opening pid file \"%s\"",
				     file);
	if (write_pid(fd) != 0)
		rc = cm_fail_errno(err, errno, "writing pid file \"%s\"", file);
	(void)close(fd);
	return rc;
}

/* ---- systemd ---------------------------------------------------------- */

void cm_proc_notify(const char *state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path != NULL ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, n);
	if (to.sun_path[0] == '@') /* Linux's abstract names */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		     (const struct sockaddr *)&to,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	(void)close(fd);
}
