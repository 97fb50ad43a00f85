/*
 * ctl_output - how consentctl's answers look.
 *
 * Text for a person is aligned, in plain words, with times in ISO 8601 UTC.
 * Whatever comes from outside (cells, addresses) is shown by cm_quote().
 */
#ifndef CM_TOOLS_CTL_OUTPUT_H
#define CM_TOOLS_CTL_OUTPUT_H

#include <stdint.h>

#include "lib/json.h"
#include "lib/quote.h"
#include "lib/str.h"
#include "policy/id.h"
#include "tools/ctl.h"

enum {
	CM_COUNT_LEN = 32, /* "18,446,744,073,709,551,615" */
	CM_ID_TEXT_LEN = 2 * CM_CONTACT_ID_LEN + 1,
};

/* 1234567 as "1,234,567".  Returns out. */
char *cm_out_count(uint64_t n, char out[CM_COUNT_LEN]);
char *cm_out_id(const struct cm_id *id, char out[CM_ID_TEXT_LEN]);

/* "1 row", "2,000 rows": regular plurals only.  Prints to f. */
void cm_out_plural(FILE *f, uint64_t n, const char *noun);

/* ---- JSON: one document a command --------------------------------------- */

struct cm_out_json {
	struct cm_buf buf;
	struct cm_json_writer w;
};
void cm_out_json_begin(struct cm_out_json *json);
/* Print it and free it; an error only if it could not be made. */
CM_MUST_CHECK int cm_out_json_end(struct cm_out_json *json, FILE *f,
				  struct cm_error *err);

/* "name": ["text", ...] */
void cm_out_json_texts(struct cm_json_writer *w, const char *name,
		       const char *const *texts, size_t n);

/* ---- progress: on a terminal only --------------------------------------- */

struct cm_progress {
	FILE *f;
	const char *what; /* "hashing" */
	int64_t shown_at; /* ms; not more than a few times a second */
	bool on;
	bool dirty; /* something stands on the line */
};
void cm_progress_init(struct cm_progress *progress, FILE *f);
/* Of type cm_progress_fn (policy/store.h); ctx is a struct cm_progress. */
void cm_progress_show(void *ctx, uint64_t done, uint64_t total);
/* For a step that cannot say how far it is. */
void cm_progress_say(struct cm_progress *progress, const char *what);
/* Wipe the line. */
void cm_progress_end(struct cm_progress *progress);

#endif
