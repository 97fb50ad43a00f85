/*
 * terms_text - the terms of a grant as people read them.
 */
#ifndef CM_TOOLS_TERMS_TEXT_H
#define CM_TOOLS_TERMS_TEXT_H

#include <stdio.h>

#include "policy/term_text.h"

/* "  seller acme" for each that is said, on the line that is being written. */
void cm_term_print(FILE *out, const struct cm_event *event);
/* Rows of a page's table, those that are said. */
void cm_term_rows(struct cm_buf *out, const struct cm_event *event);

#endif
