/*
 * listen - the sockets that the MTA connects to.
 *
 * "unix:/path", "inet:port@host", "inet6:port@host", as libmilter and
 * Postfix write them.  The host is never left out, so that no filter ever
 * listens to the world by accident.
 */
#ifndef CM_MILTER_LISTEN_H
#define CM_MILTER_LISTEN_H

#include <sys/types.h>

#include "policy/config.h"

struct cm_listening {
	const struct cm_listener *listener;
	int fd;
	int lock_fd; /* of unix sockets; held for life; else -1 */
};

/* CM_ECONFIG if it is none of these forms. */
CM_MUST_CHECK int cm_listen_check(const char *socket, struct cm_error *err);

/*
 * Lock, bind and listen.  A unix socket's folder is made if only it is
 * missing, a stale socket is removed, one that is served is not touched
 * (CM_EAGAIN).  owner: of the folder and the lock; (uid_t)-1 leaves it.
 */
CM_MUST_CHECK int cm_listen_open(const struct cm_listener *listener,
				 uid_t owner, struct cm_listening *ret,
				 struct cm_error *err);
void cm_listen_close(struct cm_listening *listening);

#endif
