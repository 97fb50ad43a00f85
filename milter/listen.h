/*
 * listen - the sockets that the MTA connects to.
 *
 * The host of a place (place.h) is never left out, so that no filter ever
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

/*
 * Lock, bind and listen.  A unix socket's folder is made if only it is
 * missing, a stale socket is removed, one that is served is not touched
 * (CM_EAGAIN).  owner: of the folder and the lock; (uid_t)-1 leaves it.
 */
CM_MUST_CHECK int cm_listen_open(const struct cm_listener *listener,
				 uid_t owner, struct cm_listening *ret,
				 struct cm_error *err);
void cm_listen_close(struct cm_listening *listening);

/*
 * Say in the lock file which configuration is served by, for `consentctl
 * doctor`: "PID\nDIGEST\n", the digest in hex.  Does its best.
 */
void cm_listen_note(const struct cm_listening *listening,
		    const struct cm_config *config);

#endif
