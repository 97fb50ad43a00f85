/*
 * quote - a value from outside as an error or an answer may show it: printable,
 * so that a list or a request cannot write to the admin's terminal.
 */
#ifndef CM_LIB_QUOTE_H
#define CM_LIB_QUOTE_H

#include "lib/str.h"

enum { CM_QUOTE_LEN = 120 }; /* room; a longer text is cut with "..." */

/* Cut to fit, without quotes around it; control characters become "?", as does
 * what is not ASCII in a text that is not UTF-8.  Returns out. */
char *cm_quote(struct cm_span text, char out[CM_QUOTE_LEN]);

#endif
