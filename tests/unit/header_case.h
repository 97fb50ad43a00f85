/*
 * header_case - header fields of any kind, settings of any kind, and an MTA
 * of each habit: for the random trees of t_headers_random and for
 * fuzz_headers, which must not disagree about what is right.
 */
#ifndef CM_TESTS_UNIT_HEADER_CASE_H
#define CM_TESTS_UNIT_HEADER_CASE_H

#include "milter/edit.h"

struct header_case {
	struct cm_arena *arena;
	struct cm_stream stream;
	struct cm_edit_request request;
	const char *base_url; /* what the config took; NULL = nothing */
	const char *domain;
};

void header_case_open(struct header_case *c);
void header_case_close(struct header_case *c);
/* No settings, no headers; the arena is empty. */
void header_case_reset(struct header_case *c);

/*
 * "name value" lines of settings, an empty line, a message's header.  What
 * the config would not load is left out; how many it took is returned.
 */
unsigned header_case_read(struct header_case *c, struct cm_span text);
/* What is wrong with what becomes of the headers; NULL if all is right. */
const char *header_case_check(struct header_case *c);

#endif
