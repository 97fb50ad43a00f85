/*
 * header_value - settings that become header fields: what may stand in them.
 *
 * Checked when the config is read, so that no message fails of it: a value
 * that passes here is printable, has no line end in any encoding, and fits
 * (milter/headers).  Pure.
 */
#ifndef CM_POLICY_HEADER_VALUE_H
#define CM_POLICY_HEADER_VALUE_H

#include "lib/arena.h"
#include "lib/str.h"

enum {
	CM_LIST_ID_MAX = 255,     /* RFC 2919, 3 */
	CM_LIST_NAME_MAX = 100,   /* some five encoded-words */
	CM_FEEDBACK_ID_MAX = 128, /* of four fields; Google names no limit */
	CM_CFBL_MAX = 254,        /* RFC 5321, 4.5.3.1.3, without its "<>" */
};

/*
 * Text for people: UTF-8 without control characters, C1 and the line and
 * paragraph separators of Unicode (U+2028, U+2029) among them (R5322-2).
 */
bool cm_text_is_plain(struct cm_span text);

/* Why it will not do, as "it ..." or "write ..."; NULL if it will. */
const char *cm_list_id_fault(struct cm_span id);
const char *cm_feedback_id_fault(struct cm_span id);

/*
 * RFC 9477, 5.1: an address, or an address and "; report=arf" (or xarf).
 * The field's value, with the address as it was written.
 */
CM_MUST_CHECK int cm_cfbl_parse(struct cm_span text, struct cm_arena *arena,
				const char **ret_value, struct cm_error *err);

#endif
