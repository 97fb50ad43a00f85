/* See arena.h. */
#include "lib/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CM_ARENA_CHUNK = 8192, /* a small message's facts fit in one */
	CM_ARENA_BRIEF = 256,  /* a link with its token: formatted only once */
};

struct chunk {
	struct chunk *next;
	size_t size;
	size_t used;
	max_align_t data[];
};

struct cm_arena {
	struct chunk *chunks; /* the newest first */
	size_t max;
	size_t used;
};

int cm_arena_new(size_t max, struct cm_arena **ret_arena)
{
	struct cm_arena *arena = calloc(1, sizeof(*arena));

	if (arena == NULL)
		return CM_ENOMEM;
	arena->max = max;
	*ret_arena = arena;
	return CM_OK;
}

static void free_chunks(struct chunk *chunk)
{
	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

void cm_arena_free(struct cm_arena **arena)
{
	if (*arena == NULL)
		return;
	free_chunks((*arena)->chunks);
	free(*arena);
	*arena = NULL;
}

void cm_arena_reset(struct cm_arena *arena)
{
	struct chunk *first = arena->chunks;

	arena->used = 0;
	if (first == NULL)
		return;
	/* One big message must not make an idle session big for ever. */
	if (first->size > CM_ARENA_CHUNK) {
		free_chunks(first);
		arena->chunks = NULL;
		return;
	}
	free_chunks(first->next);
	first->next = NULL;
	first->used = 0;
}

void *cm_arena_room(struct cm_arena *arena, size_t n)
{
	const size_t align = sizeof(max_align_t);
	struct chunk *chunk = arena->chunks;
	void *out;

	if (n > arena->max - arena->used)
		return NULL;
	arena->used += n;
	if (n > SIZE_MAX - align - sizeof(*chunk))
		return NULL;
	n = (n + align - 1) / align * align;
	if (chunk == NULL || chunk->size - chunk->used < n) {
		size_t size = n > CM_ARENA_CHUNK ? n : CM_ARENA_CHUNK;

		chunk = malloc(sizeof(*chunk) + size);
		if (chunk == NULL)
			return NULL;
		chunk->size = size;
		chunk->used = 0;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	out = (char *)chunk->data + chunk->used;
	chunk->used += n;
	return out;
}

void *cm_arena_alloc(struct cm_arena *arena, size_t n)
{
	void *out = cm_arena_room(arena, n);

	if (out != NULL)
		memset(out, 0, n);
	return out;
}

void *cm_arena_array(struct cm_arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		return NULL;
	return cm_arena_alloc(arena, count * size);
}

char *cm_arena_dup(struct cm_arena *arena, const void *data, size_t n)
{
	char *out;

	if (n == SIZE_MAX)
		return NULL;
	out = cm_arena_room(arena, n + 1);
	if (out == NULL)
		return NULL;
	if (n > 0)
		memcpy(out, data, n);
	out[n] = '\0';
	return out;
}

char *cm_arena_strdup(struct cm_arena *arena, const char *text)
{
	return cm_arena_dup(arena, text, strlen(text));
}

char *cm_arena_printf(struct cm_arena *arena, const char *fmt, ...)
{
	char brief[CM_ARENA_BRIEF];
	va_list ap;
	char *out;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(brief, sizeof(brief), fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	if ((size_t)n < sizeof(brief))
		return cm_arena_dup(arena, brief, (size_t)n);
	out = cm_arena_room(arena, (size_t)n + 1);
	if (out == NULL)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(out, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return out;
}
