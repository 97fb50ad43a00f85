/*
 * submit - where our own mail is handed in, as the configuration says.
 */
#ifndef CM_POLICY_SUBMIT_H
#define CM_POLICY_SUBMIT_H

#include "lib/arena.h"
#include "lib/transfer.h"
#include "policy/config.h"

/* Can nobody on the way read what is said there?  Pure. */
bool cm_submit_is_private(const struct cm_config *config);

/*
 * The server, with its password read.  Texts are the arena's and the config's;
 * wipe the password when done (cm_submit_forget()).  CM_ECONFIG: a password
 * file that others may read or write, or that has no line.
 */
CM_MUST_CHECK int cm_submit_server(const struct cm_config *config,
				   struct cm_arena *arena,
				   struct cm_transfer_server *ret_server,
				   struct cm_error *err);
void cm_submit_forget(struct cm_transfer_server *server);

#endif
