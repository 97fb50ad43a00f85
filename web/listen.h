/*
 * listen - the socket that consent-web answers on.
 */
#ifndef CM_WEB_LISTEN_H
#define CM_WEB_LISTEN_H

#include "lib/err.h"

/*
 * "127.0.0.1:8025", "[::1]:8025": numeric, so that no resolver decides who
 * may reach us.  CM_ECONFIG for another form, CM_EIO if it cannot be bound.
 * setting: its name, for errors.
 */
CM_MUST_CHECK int cm_listen_check(const char *setting, const char *address,
				  struct cm_error *err);
CM_MUST_CHECK int cm_listen_open(const char *setting, const char *address,
				 int *ret_fd, struct cm_error *err);

#endif
