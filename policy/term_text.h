/*
 * term_text - the terms of a grant as texts: whom it was given to, the sale of
 * a soft opt-in, the contract's end.  Pure.
 */
#ifndef CM_POLICY_TERM_TEXT_H
#define CM_POLICY_TERM_TEXT_H

#include "lib/clock.h"
#include "lib/json.h"
#include "policy/event.h"

enum { CM_TERM_TEXTS = 6 };

const char *cm_term_column(size_t i); /* "sale-date": of a list */
/* What the event says; "" = nothing.  Out is used for dates. */
const char *cm_term_text(const struct cm_event *event, size_t i,
			 char out[CM_CLOCK_TEXT]);
/* Members sale_date and so on, those that are said. */
void cm_term_json(struct cm_json_writer *w, const struct cm_event *event);

#endif
