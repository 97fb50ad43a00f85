/*
 * try_report - what consentctl try says of a message, for a person or as
 * JSON: who gets it and why, and the plan in words.
 */
#ifndef CM_TOOLS_TRY_REPORT_H
#define CM_TOOLS_TRY_REPORT_H

#include <stdio.h>

#include "lib/json.h"
#include "milter/decision_log.h"

struct cm_try_report {
	const struct cm_config *config;
	const struct cm_decided *decided;
	const char *reply; /* the MTA's to the client; "" = none */
	struct cm_arena *arena;
};

void cm_try_report_text(const struct cm_try_report *report, FILE *out);
/* Members of an object that is open; the caller ends it. */
void cm_try_report_json(const struct cm_try_report *report,
			struct cm_json_writer *w);

#endif
