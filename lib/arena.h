/*
 * arena - memory that is freed whole.
 *
 * One arena lives as long as one thing (a message, a command, a config
 * snapshot); nothing in it is freed singly.  Allocation fails with NULL when
 * the system has no memory or the limit given at creation is reached; a NULL
 * arena is never accepted.  Not thread safe: one thread at a time.
 */
#ifndef CM_LIB_ARENA_H
#define CM_LIB_ARENA_H

#include <stddef.h>

#include "lib/str.h"

struct cm_arena;

/* max: octets in all, bookkeeping not counted. */
CM_MUST_CHECK int cm_arena_new(size_t max, struct cm_arena **ret_arena);
void cm_arena_free(struct cm_arena **arena); /* NULL inside is fine */
void cm_arena_reset(struct cm_arena *arena); /* forget all, keep little */

/* Zeroed and aligned for any type. */
void *cm_arena_alloc(struct cm_arena *arena, size_t n);
/* As cm_arena_alloc(), but for what is written at once: not zeroed. */
void *cm_arena_room(struct cm_arena *arena, size_t n);
/* A zeroed array; the product is checked for overflow. */
void *cm_arena_array(struct cm_arena *arena, size_t count, size_t size);
/* Copies get a closing NUL that does not count. */
char *cm_arena_dup(struct cm_arena *arena, const void *data, size_t n);
char *cm_arena_strdup(struct cm_arena *arena, const char *text);
char *cm_arena_printf(struct cm_arena *arena, const char *fmt, ...)
	CM_PRINTF(2, 3);

#endif
