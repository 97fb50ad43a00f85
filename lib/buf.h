/*
 * buf - a growing byte buffer with a limit that must be named.
 *
 * The bytes may hold NULs; one NUL that does not count always follows them,
 * so .data can be printed.  An addition that fails (no memory, over .max)
 * adds nothing and makes the buffer fail for good: callers may add freely
 * and ask once at the end with cm_buf_ok().  Not thread safe.
 */
#ifndef CM_LIB_BUF_H
#define CM_LIB_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct cm_buf {
	char *data; /* owned; NULL until the first addition */
	size_t len; /* octets in use, without the closing NUL */
	size_t cap; /* octets allocated */
	size_t max; /* len never grows beyond this */
	int failed; /* CM_OK, CM_ENOMEM or CM_ELIMIT; sticks until reset */
};

void cm_buf_init(struct cm_buf *buf, size_t max);
void cm_buf_free(struct cm_buf *buf);  /* leaves it initialised and empty */
void cm_buf_reset(struct cm_buf *buf); /* empty again, memory kept */
/* Forget what is behind the first len octets; a failure stays one. */
void cm_buf_cut(struct cm_buf *buf, size_t len);

int cm_buf_add(struct cm_buf *buf, const void *data, size_t len);
int cm_buf_adds(struct cm_buf *buf, const char *text);
int cm_buf_addc(struct cm_buf *buf, char c);
int cm_buf_add_int(struct cm_buf *buf, int64_t value); /* "-17"; no printf */
int cm_buf_addf(struct cm_buf *buf, const char *fmt, ...) CM_PRINTF(2, 3);

/* Make room for len octets more without adding them. */
int cm_buf_reserve(struct cm_buf *buf, size_t len);

/* CM_OK if nothing was ever refused since the last reset. */
CM_MUST_CHECK int cm_buf_ok(const struct cm_buf *buf);

/* The text, "" if empty; valid until the next addition. */
const char *cm_buf_text(const struct cm_buf *buf);

#endif
