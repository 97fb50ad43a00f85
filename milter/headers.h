/*
 * headers - the header fields that show the way out: exactly one of each.
 *
 * RFC 2369, RFC 2919, RFC 8058, RFC 9477, and Google's Feedback-ID.  Whatever
 * a message brought, it leaves with ours alone; a message that has exactly
 * ours already is not touched.  What a DKIM signature made before us names in
 * its h= is not touched at all.  All that is added is ASCII, in SMTPUTF8
 * transactions too (milter/phrase.h says why).
 */
#ifndef CM_MILTER_HEADERS_H
#define CM_MILTER_HEADERS_H

#include "milter/edit.h"

enum {
	CM_HEADERS_LINE_MAX = 997, /* octets of a line, RFC 5322: 998 */
	/* Of all we add (requirement B14), MIME fields that were there apart.
	 * What the config may hold fits, so no message fails of it. */
	CM_HEADERS_ADDED_MAX = 2047
};

/* MIME fields that an edit of the body brings along; NULL = as it came. */
struct cm_header_values {
	const char *mime_version;
	const char *content_type;
	const char *content_transfer_encoding;
	bool content_moved; /* into a part: no Content-* field stays */
};

/* For .mime_version: "1.0" where there is none; NULL = as it came. */
const char *cm_headers_mime_version(const struct cm_edit_request *request);

/*
 * The header that readers of an edited body see, as far as MIME goes: the
 * values first, for where an MTA puts them is no matter.  In the arena;
 * CM_ENOMEM is the only failure.
 */
CM_MUST_CHECK int cm_headers_after(const struct cm_edit_request *request,
				   const struct cm_header_values *values,
				   struct cm_arena *arena,
				   const struct cm_facts_header **ret_headers,
				   size_t *ret_count);

/*
 * Edits in the arena: deletions first, from the last of a name upward.
 * values: NULL when the body stays as it came.
 */
CM_MUST_CHECK int cm_headers_plan(const struct cm_edit_request *request,
				  const struct cm_header_values *values,
				  struct cm_arena *arena,
				  struct cm_header_edit **ret_edits,
				  size_t *ret_count, struct cm_error *err);

/*
 * True where no way out can be shown: somebody else's signature covers the
 * fields (they cannot be added, either), and what is there is not ours.
 */
bool cm_headers_are_locked(const struct cm_edit_request *request,
			   struct cm_arena *arena);

#endif
