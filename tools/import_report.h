/*
 * import_report - what an import would do or has done, for a person or in
 * JSON.
 */
#ifndef CM_TOOLS_IMPORT_REPORT_H
#define CM_TOOLS_IMPORT_REPORT_H

#include "tools/import.h"

struct cm_import_outcome {
	bool dry_run;
	uint64_t events;     /* written, or that would be */
	uint64_t first_seq;  /* of those written */
	const char *rejects; /* file with the bad rows; NULL if there is none */
};

/* Bad rows, one a line, as many as a person reads. */
void cm_import_print_bad(const struct cm_import *import);
void cm_import_print(const struct cm_import *import,
		     const struct cm_import_outcome *outcome);
CM_MUST_CHECK int cm_import_print_json(const struct cm_import *import,
				       const struct cm_import_outcome *outcome,
				       struct cm_error *err);

#endif
