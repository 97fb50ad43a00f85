/*
 * purpose - paths of what people agreed to: "acme/shoes/newsletter".
 *
 * Segments are [a-z0-9-], 1 to 32 octets, joined by "/"; the first is the
 * controller.  The empty path stands above all purposes: marks such as an
 * objection hang there.  Pure.
 */
#ifndef CM_POLICY_PURPOSE_H
#define CM_POLICY_PURPOSE_H

#include "lib/str.h"
#include "policy/id.h"

enum {
	CM_PURPOSE_MAX = 120, /* octets of a path; fits a header and a page */
	CM_PURPOSE_DEPTH = 8, /* segments; deeper trees nobody can explain */
};

CM_MUST_CHECK int cm_purpose_check(struct cm_span path, struct cm_error *err);

/* True if node is path itself or an ancestor of it ("" is above all). */
bool cm_purpose_covers(struct cm_span node, struct cm_span path);

/* Segments in the path; 0 for "". */
size_t cm_purpose_depth(struct cm_span path);

/* The parent; "" for a root and for "". */
struct cm_span cm_purpose_parent(struct cm_span path);

/* First CM_PURPOSE_ID_LEN octets of SHA-256(path). */
CM_MUST_CHECK int cm_purpose_id(struct cm_span path,
				uint8_t out[CM_PURPOSE_ID_LEN]);

#endif
