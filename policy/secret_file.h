/*
 * secret_file - files of the keys folder: who may read them, and how they are
 * changed.
 *
 * Mode 0640, of the group that may read it.  A change is whole or not there:
 * the new text is written to "NAME.new", synced, and renamed.  The fixed name
 * makes the next change clear away what a killed one left, secrets in it.
 * Nothing here ever quotes a file: errors name it, or a line's number.
 */
#ifndef CM_POLICY_SECRET_FILE_H
#define CM_POLICY_SECRET_FILE_H

#include <sys/types.h>

#include "lib/buf.h"
#include "lib/str.h"

enum { CM_SECRET_FILE_MODE = 0640, CM_SECRET_PATH_MAX = 4096 };

/* A buffer of max octets at once: growing would leave copies of secrets in
 * freed memory.  Wiped and freed by cm_secret_forget(), also after a failure.
 */
CM_MUST_CHECK int cm_secret_buf(struct cm_buf *buf, size_t max,
				struct cm_error *err);
void cm_secret_forget(struct cm_buf *buf);

int cm_secret_open(const char *path); /* to read; -1 and errno */
/* All of an open file; refuses one that others may read, or anybody but its
 * owner may write. */
CM_MUST_CHECK int cm_secret_read(int fd, struct cm_buf *buf,
				 struct cm_error *err);

/* Fill a new file and give it mode and group ((gid_t)-1: as made); durable. */
CM_MUST_CHECK int cm_secret_fill(int fd, struct cm_span text, gid_t group,
				 struct cm_error *err);
/* The file at path, old or new, whole.  Hold the lock. */
CM_MUST_CHECK int cm_secret_replace(const char *path, struct cm_span text,
				    gid_t group, struct cm_error *err);
/*
 * The folder, locked against a second change: it would lose one of the two.
 * CM_EAGAIN if somebody else has it.  close() ends it; fsync() it before.
 */
CM_MUST_CHECK int cm_secret_lock(const char *folder, int *ret_fd,
				 struct cm_error *err);

#endif
