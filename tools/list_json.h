/*
 * list_json - a list that is JSON, as CSV.  Pure.
 */
#ifndef CM_TOOLS_LIST_JSON_H
#define CM_TOOLS_LIST_JSON_H

#include "lib/buf.h"
#include "lib/str.h"

bool cm_list_is_json(struct cm_span text);

/*
 * Append to out what the JSON says, with a header row; entry N is row N + 1.
 * CM_EDATA, with a text that goes on after the file's name: not JSON, not of
 * Amazon SES, or not all of a list.
 */
CM_MUST_CHECK int cm_list_from_json(struct cm_span text, struct cm_buf *out,
				    struct cm_error *err);

#endif
