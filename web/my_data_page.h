/*
 * my_data_page - what is on record about a person, in their words and their
 * language: the values of the page at /m (GDPR 12 and 15).  Pure.
 */
#ifndef CM_WEB_MY_DATA_PAGE_H
#define CM_WEB_MY_DATA_PAGE_H

#include "policy/record.h"
#include "policy/template.h"

enum { CM_MY_DATA_VALUES = 4 };

/* about-person, standings, events, sent; the arena's. */
CM_MUST_CHECK int cm_my_data_values(
	const struct cm_templates *templates, const struct cm_record *record,
	const char *language, struct cm_arena *arena,
	struct cm_template_value ret_values[CM_MY_DATA_VALUES],
	struct cm_error *err);

#endif
