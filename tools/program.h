/*
 * program - another program's words: run it, wait, keep what it printed.
 */
#ifndef CM_TOOLS_PROGRAM_H
#define CM_TOOLS_PROGRAM_H

#include "lib/arena.h"
#include "lib/err.h"

/*
 * Run argv[0], found by PATH, without a shell; standard input is empty,
 * standard error is dropped.  Its standard output, ended by a NUL, is the
 * arena's.  ret_status: its exit status.  CM_ENOTFOUND: there is no such
 * program; CM_EAGAIN: it did not end in time, and was killed; CM_ELIMIT: it
 * said more than a megabyte; CM_EIO: a signal ended it.
 */
CM_MUST_CHECK int cm_program_run(const char *const *argv,
				 struct cm_arena *arena, char **ret_out,
				 int *ret_status, struct cm_error *err);

#endif
