/*
 * terms_text - the terms of a grant as people and programs read them: whom it
 * was given to, the sale of a soft opt-in, the contract's end.
 */
#ifndef CM_TOOLS_TERMS_TEXT_H
#define CM_TOOLS_TERMS_TEXT_H

#include <stdio.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "policy/event.h"

enum { CM_TERM_TEXTS = 6 };

const char *cm_term_column(size_t i); /* "sale-date": of a list */
/* What the event says; "" = nothing.  Out is used for dates. */
const char *cm_term_text(const struct cm_event *event, size_t i,
			 char out[CM_CLOCK_TEXT]);
/* "  seller acme" for each that is said, on the line that is being written. */
void cm_term_print(FILE *out, const struct cm_event *event);
/* Rows of a page's table, those that are said. */
void cm_term_rows(struct cm_buf *out, const struct cm_event *event);
/* Members sale_date and so on, ditto. */
void cm_term_json(struct cm_json_writer *w, const struct cm_event *event);

#endif
