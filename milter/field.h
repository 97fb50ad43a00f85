/*
 * field - the structured header fields of MIME, strictly (RFC 2045, 5.1).
 *
 * Every function takes one field's value, folding included, and says NULL or
 * the one word for what two readers could read differently.
 */
#ifndef CM_MILTER_FIELD_H
#define CM_MILTER_FIELD_H

#include "milter/mime.h"

/* Octets; with its colon a line, for a name cannot be folded: RFC 5322, 2.1.1
 */
enum { CM_FIELD_NAME_MAX = 997 };

/* For values with escapes that must be copied; nomem tells a failure. */
struct cm_field_ctx {
	struct cm_arena *arena;
	bool nomem;
	bool binary; /* so one of the fields called its content */
};

/*
 * Takes in one field if it is one of MIME's; others are passed over, but for
 * the name of any.
 */
const char *cm_field_take(struct cm_field_ctx *ctx, struct cm_span name,
			  struct cm_span value, struct cm_mime_part *part);

/*
 * Content-MD5 (RFC 1864), Content-Length, Lines: true of a part until it, or
 * something in it, is edited (RMIME-10).
 */
bool cm_field_is_measure(struct cm_span name);

/* The next field of a part's header, its line ends included; the empty line
 * counts as one.  Empty at the end. */
struct cm_span cm_field_next(struct cm_span *rest);
/* What stands before its colon. */
struct cm_span cm_field_name(struct cm_span field);

/* MIME-Version: 1.0, comments allowed (RFC 2045, 4). */
bool cm_field_version_ok(struct cm_span value);

#endif
