/*
 * config_text - a config file and its includes as one text for libConfuse.
 *
 * libConfuse's own reader expands ${HOME}, miscounts lines after comments,
 * refuses comments inside lists, drops characters it does not know, keeps
 * include state in globals and takes a missing "}" at the end for granted
 * (all tried, 3.3).  So the words are cut here, strictly, and handed on with
 * every one in single quotes, each on a line of which it is known where it
 * came from.  What the words mean is none of this file's business.
 */
#ifndef CM_POLICY_CONFIG_TEXT_H
#define CM_POLICY_CONFIG_TEXT_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

enum {
	CM_CONFIG_TEXT_MAX = 4 << 20, /* octets of all files: 30,000 streams */
	CM_CONFIG_INCLUDES = 8,       /* deep; more is a loop */
};

struct cm_config_text {
	struct cm_arena *arena;
	struct cm_buf text;     /* what libConfuse reads */
	struct cm_buf lines;    /* struct cm_config_line, one a line of text */
	struct cm_buf sections; /* int: line of text where each begins */
};

struct cm_config_line {
	const char *file; /* as the person named it */
	int line;
};

/* Names of files go to the arena.  Free the text in any case. */
CM_MUST_CHECK int cm_config_text_read(const char *file, struct cm_arena *arena,
				      struct cm_config_text *text,
				      struct cm_error *err);
void cm_config_text_free(struct cm_config_text *text);

/* Where a line of text (1 = first) came from. */
struct cm_config_line cm_config_text_where(const struct cm_config_text *text,
					   int line);
/* The line of text where the nth section (0 = first) begins; 0 = none. */
int cm_config_text_section(const struct cm_config_text *text, size_t nth);

#endif
