/*
 * place - where a listener's socket is, out of its name.
 *
 * "unix:/path" ("local:" is the same), "inet:port@host", "inet6:port@host",
 * as libmilter writes them.  Pure.
 */
#ifndef CM_MILTER_PLACE_H
#define CM_MILTER_PLACE_H

#include <sys/socket.h>
#include <sys/un.h>

#include "lib/err.h"

struct cm_place {
	int family; /* AF_UNIX, AF_INET, AF_INET6 */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char host[256];
	char port[8];
};

/* CM_ECONFIG if it is none of these forms. */
CM_MUST_CHECK int cm_place_parse(const char *socket, struct cm_place *ret_place,
				 struct cm_error *err);

#endif
