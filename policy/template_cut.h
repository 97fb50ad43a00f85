/*
 * template_cut - a text, and the places in it where something else comes.
 *
 * "{{name}}" stands for a value that the caller of cm_template_fill() gives,
 * "{{text:key}}" for a text in the reader's language.  What is neither is an
 * error with its file and line, so that nobody ever reads a placeholder.
 */
#ifndef CM_POLICY_TEMPLATE_CUT_H
#define CM_POLICY_TEMPLATE_CUT_H

#include <stdbool.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/str.h"

enum {
	CM_TEMPLATE_FILE_MAX = 64 * 1024, /* octets; the largest has 8 KB */
};

/* What a name may be used in, those of footers in pages, too.  Optional: a
 * footer's line with it goes where it is empty. */
enum cm_template_use {
	CM_TEMPLATE_USE_FOOTER,
	CM_TEMPLATE_USE_OPTIONAL,
	CM_TEMPLATE_USE_PAGE
};

struct cm_template_name {
	const char *name;
	enum cm_template_use use;
	bool html; /* the value is HTML: it was made of templates itself */
};
size_t cm_template_names(void);
const struct cm_template_name *cm_template_name_at(size_t index);

enum cm_piece_kind { CM_PIECE_END, CM_PIECE_VALUE, CM_PIECE_TEXT };

/* Literal text, then a value or a text; the last piece has neither. */
struct cm_piece {
	struct cm_span literal;
	enum cm_piece_kind kind;
	size_t index; /* of a name, or as find_text gave it */
};
struct cm_pieces {
	struct cm_piece *list;
	size_t count;
};

/* A file, and what may stand in it. */
struct cm_template_file {
	struct cm_arena *arena;
	const char *path;
	struct cm_span all;
	enum cm_template_use use;
	/* The number of a text by its key; NULL where none may be named. */
	int (*find_text)(void *ctx, struct cm_span key,
			 const struct cm_template_file *file, int line,
			 size_t *ret_index, struct cm_error *err);
	void *ctx;
};

/* Fills all: UTF-8 without NUL, at most CM_TEMPLATE_FILE_MAX octets. */
CM_MUST_CHECK int cm_template_file_read(struct cm_template_file *file,
					struct cm_error *err);
/* part: of file->all. */
CM_MUST_CHECK int cm_template_cut(const struct cm_template_file *file,
				  struct cm_span part,
				  struct cm_pieces *ret_pieces,
				  struct cm_error *err);
int cm_template_line(const struct cm_template_file *file, const char *at);

#endif
