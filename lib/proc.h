/*
 * proc - being a daemon: users, privileges, lock and pid files, systemd.
 *
 * The order every daemon of ours keeps: read the config, cm_proc_user(),
 * bind and lock as root, cm_proc_detach(), cm_proc_drop(), open the store,
 * say cm_proc_ready() and cm_proc_notify("READY=1").  Not for threads: call
 * before the first one starts, cm_proc_notify() excepted.
 */
#ifndef CM_LIB_PROC_H
#define CM_LIB_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"

enum {
	CM_PROC_GROUPS_MAX = 64, /* supplementary groups of a system user */
};

struct cm_proc_user {
	char name[64];
	uid_t uid;
	gid_t gid; /* primary */
	gid_t groups[CM_PROC_GROUPS_MAX];
	int ngroups;
};

/* Who a user is, with all groups they are in; CM_ECONFIG if there is none. */
CM_MUST_CHECK int cm_proc_user(const char *name, struct cm_proc_user *ret_user,
			       struct cm_error *err);
CM_MUST_CHECK int cm_proc_group(const char *name, gid_t *ret_gid,
				struct cm_error *err);
/* Let the user have one group more; no-op if they are in it. */
CM_MUST_CHECK int cm_proc_add_group(struct cm_proc_user *user, gid_t gid,
				    struct cm_error *err);

/*
 * Become that user for good, with exactly those groups, and make sure that
 * there is no way back.  Without root it only checks that we are that user
 * already; CM_ECONFIG otherwise.
 */
CM_MUST_CHECK int cm_proc_drop(const struct cm_proc_user *user,
			       struct cm_error *err);

/*
 * Go into the background.  The command that was typed does not return before
 * the daemon says cm_proc_ready(), and then with that exit status; if the
 * daemon dies first, with EX_UNAVAILABLE, its last words being on stderr.
 * *ret_ready is for cm_proc_ready() alone.
 */
CM_MUST_CHECK int cm_proc_detach(int *ret_ready, struct cm_error *err);
/* Also lets go of the terminal.  Does nothing when *ready is -1. */
void cm_proc_ready(int *ready, int exit_status);
/* Read from and write to nowhere instead of the terminal. */
void cm_proc_let_go(void);

/* Have 0, 1 and 2 open, so that no socket becomes somebody's stderr. */
void cm_proc_std_fds(void);

/*
 * Take a lock that is held until the process and all its children end.
 * CM_EAGAIN, naming who holds it, if it is taken.  The file stays: removing
 * a lock file lets two processes lock two files of one name.
 */
CM_MUST_CHECK int cm_proc_lock(const char *file, int *ret_fd,
			       struct cm_error *err);

CM_MUST_CHECK int cm_proc_pid_file(const char *file, struct cm_error *err);

/* sd_notify(3): "READY=1", "STOPPING=1", "RELOADING=1", "STATUS=...". */
void cm_proc_notify(const char *state);

#endif
