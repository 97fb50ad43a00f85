/* See import_report.h. */
#include "tools/import_report.h"

#include <inttypes.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "tools/file.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void cm_import_print_bad(const struct cm_import *import)
{
	FILE *notes = import->ctl->notes;
	uint64_t shown = least(import->bad, CM_IMPORT_SHOWN);
	uint64_t i;
	char count[CM_COUNT_LEN];

	for (i = 0; i < shown; i++)
		(void)fprintf(notes, "%s\n", import->bad_texts[i]);
	if (import->bad > shown)
		(void)fprintf(notes, "... and %s more\n",
			      cm_out_count(import->bad - shown, count));
}

/* ---- for a person ------------------------------------------------------- */

static void line(FILE *out, const char *what, uint64_t n, const char *remark)
{
	char count[CM_COUNT_LEN];

	(void)fprintf(out, "  %-14s %12s%s%s\n", what, cm_out_count(n, count),
		      remark[0] != '\0' ? "  " : "", remark);
}

static void print_rows(const struct cm_import *import)
{
	FILE *out = import->ctl->out;
	char count[CM_COUNT_LEN];
	size_t i;

	(void)fprintf(out, "%s (%s): ", import->list->path,
		      import->dialect->title);
	cm_out_plural(out, import->read, "row");
	(void)fprintf(out, ", %s different people\n",
		      cm_out_count(import->people, count));
	for (i = 0; i < CM_STATUSES; i++) {
		if (import->by_status[i] > 0)
			line(out, cm_status_name((enum cm_status)i),
			     import->by_status[i], "");
	}
	(void)fputs(import->nrows == import->read
			    ? "of these rows\n"
			    : "of these (some rows say two things)\n",
		    out);
	line(out, "new", import->by_fate[CM_IMPORT_WRITE], "");
	if (import->by_fate[CM_IMPORT_NOTHING_NEW] > 0)
		line(out, "known already",
		     import->by_fate[CM_IMPORT_NOTHING_NEW],
		     "not written again");
	if (import->by_fate[CM_IMPORT_ERASED] > 0)
		line(out, "erased", import->by_fate[CM_IMPORT_ERASED],
		     "left out: these people had their data erased");
	if (import->bad > 0)
		line(out, "bad", import->bad, "left out");
}

static const char *said(enum cm_reason reason)
{
	return cm_reason_verdict(reason) == CM_VERDICT_ALLOW ? "yes" : "no";
}

static void print_change(FILE *out, enum cm_reason before, enum cm_reason after,
			 uint64_t n)
{
	char count[CM_COUNT_LEN];

	(void)fprintf(out, "  %12s  %-3s %-14s ->  %-3s %s\n",
		      cm_out_count(n, count), said(before),
		      cm_reason_code(before), said(after),
		      cm_reason_code(after));
}

static void print_changes(const struct cm_import *import)
{
	FILE *out = import->ctl->out;
	uint64_t same = 0;
	size_t i;
	size_t k;

	(void)fputs("may they be sent marketing, by person and purpose\n", out);
	for (i = 0; i < CM_REASONS; i++) {
		same += import->change[i][i];
		for (k = 0; k < CM_REASONS; k++) {
			if (i != k && import->change[i][k] > 0)
				print_change(out, (enum cm_reason)i,
					     (enum cm_reason)k,
					     import->change[i][k]);
		}
	}
	if (same > 0) {
		char count[CM_COUNT_LEN];

		(void)fprintf(out, "  %12s  as before\n",
			      cm_out_count(same, count));
	}
}

static void print_unproven(const struct cm_import *import)
{
	FILE *out = import->ctl->out;

	if (import->unproven == 0)
		return;
	cm_out_plural(out, import->unproven, "grant");
	(void)fputs(" without proof: kept, but not counted as consent\n", out);
	if (import->attest == NULL)
		(void)fputs("  nobody answers for this list (--attest WHO)\n",
			    out);
	if (!cm_import_has(import, CM_ROLE_TIME))
		(void)fputs("  the list has no column \"time\"\n", out);
	if (!cm_import_has(import, CM_ROLE_SOURCE) && import->source[0] == '\0')
		(void)fputs("  the list has no column \"source\" (--source S "
			    "says it for all)\n",
			    out);
	(void)fputs("  proof is: a source that may send, the time, and who "
		    "answers for it\n",
		    out);
}

/* "granted of 2026-01-10T12:00:00Z" */
static void print_row(FILE *out, const struct cm_import_row *row)
{
	char at[CM_CLOCK_TEXT];

	(void)fprintf(out, "%s %s%s",
		      cm_status_name((enum cm_status)row->status),
		      row->at != 0 ? "of " : "without a time",
		      row->at != 0 ? cm_clock_format(row->at, at) : "");
}

static void print_who(const struct cm_import *import,
		      const struct cm_import_row *row)
{
	const char *purpose = cm_import_purpose(import, row);
	char quoted[CM_QUOTE_LEN];

	(void)fprintf(
		import->ctl->out, "  %s  %s%s",
		cm_quote(cm_span_n(row->canonical, row->canonical_n), quoted),
		purpose, purpose[0] != '\0' ? "  " : "");
}

static void print_more(FILE *out, uint64_t all)
{
	char count[CM_COUNT_LEN];

	if (all > CM_IMPORT_SHOWN)
		(void)fprintf(out, "  ... and %s more (--json lists %d)\n",
			      cm_out_count(all - CM_IMPORT_SHOWN, count),
			      CM_IMPORT_KEPT);
}

static void print_conflicts(const struct cm_import *import)
{
	FILE *out = import->ctl->out;
	uint64_t shown = least(import->conflicts, CM_IMPORT_SHOWN);
	char at[CM_CLOCK_TEXT];
	uint64_t i;

	if (import->conflicts == 0)
		return;
	(void)fputs("conflicts: ", out);
	cm_out_plural(out, import->conflicts, "row");
	(void)fputs(" asking for more than the person allows; what the person "
		    "said stands\n",
		    out);
	for (i = 0; i < shown; i++) {
		const struct cm_import_conflict *c = &import->conflict[i];

		print_who(import, c->row);
		(void)fprintf(out, "row %" PRIu32 " says ", c->row->number);
		print_row(out, c->row);
		(void)fprintf(
			out, "; on record: %s%s%s\n", cm_reason_code(c->reason),
			c->since != 0 ? " since " : "",
			c->since != 0 ? cm_clock_format(c->since, at) : "");
	}
	print_more(out, import->conflicts);
}

static void print_doubles(const struct cm_import *import)
{
	FILE *out = import->ctl->out;
	uint64_t shown = least(import->doubles, CM_IMPORT_SHOWN);
	uint64_t i;

	if (import->doubles == 0)
		return;
	(void)fputs("twice in the list: ", out);
	cm_out_plural(out, import->doubles, "row");
	(void)fputs("; the newest counts, of the same time the most "
		    "restrictive\n",
		    out);
	for (i = 0; i < shown; i++) {
		const struct cm_import_double *d = &import->twice[i];

		print_who(import, d->first);
		(void)fprintf(out, "row %" PRIu32 " ", d->first->number);
		print_row(out, d->first);
		(void)fprintf(out, ", row %" PRIu32 " ", d->second->number);
		print_row(out, d->second);
		(void)fputc('\n', out);
	}
	print_more(out, import->doubles);
}

static void print_outcome(const struct cm_import *import,
			  const struct cm_import_outcome *outcome)
{
	FILE *out = import->ctl->out;

	if (outcome->rejects != NULL)
		(void)fprintf(out, "bad rows %s in %s\n",
			      outcome->dry_run ? "would be" : "are",
			      outcome->rejects);
	if (outcome->dry_run) {
		(void)fputs("dry run: nothing was written; ", out);
		cm_out_plural(out, outcome->events, "event");
		(void)fputs(" would be\n", out);
	} else if (outcome->events == 0) {
		(void)fputs("nothing new: nothing was written\n", out);
	} else {
		cm_out_plural(out, outcome->events, "event");
		(void)fprintf(out, " written, batch %s\n", import->batch);
	}
}

void cm_import_print(const struct cm_import *import,
		     const struct cm_import_outcome *outcome)
{
	print_rows(import);
	print_changes(import);
	print_unproven(import);
	print_conflicts(import);
	print_doubles(import);
	print_outcome(import, outcome);
}

/* ---- JSON --------------------------------------------------------------- */

static void json_row(struct cm_json_writer *w, const struct cm_import *import,
		     const struct cm_import_row *row)
{
	cm_json_put_int(w, "row", row->number);
	cm_json_put_text(w, "status",
			 cm_status_name((enum cm_status)row->status));
	cm_json_put_time(w, "time", row->at);
	cm_json_put_span(w, "address",
			 cm_span_n(row->canonical, row->canonical_n));
	cm_json_put_text(w, "purpose", cm_import_purpose(import, row));
}

static void json_changes(struct cm_json_writer *w,
			 const struct cm_import *import)
{
	size_t i;
	size_t k;

	cm_json_name(w, "changes");
	cm_json_begin_array(w);
	for (i = 0; i < CM_REASONS; i++) {
		for (k = 0; k < CM_REASONS; k++) {
			if (import->change[i][k] == 0)
				continue;
			cm_json_begin_object(w);
			cm_json_put_text(w, "before",
					 cm_reason_code((enum cm_reason)i));
			cm_json_put_text(w, "after",
					 cm_reason_code((enum cm_reason)k));
			cm_json_put_int(w, "count",
					(int64_t)import->change[i][k]);
			cm_json_end(w);
		}
	}
	cm_json_end(w);
}

static void json_conflicts(struct cm_json_writer *w,
			   const struct cm_import *import)
{
	uint64_t i;

	cm_json_put_int(w, "conflicts", (int64_t)import->conflicts);
	cm_json_name(w, "conflict_rows");
	cm_json_begin_array(w);
	for (i = 0; i < least(import->conflicts, CM_IMPORT_KEPT); i++) {
		const struct cm_import_conflict *c = &import->conflict[i];

		cm_json_begin_object(w);
		json_row(w, import, c->row);
		cm_json_put_text(w, "on_record", cm_reason_code(c->reason));
		cm_json_put_time(w, "since", c->since);
		cm_json_put_bool(w, "by_family", c->by_family);
		cm_json_end(w);
	}
	cm_json_end(w);
}

static void json_doubles(struct cm_json_writer *w,
			 const struct cm_import *import)
{
	uint64_t i;

	cm_json_put_int(w, "doubles", (int64_t)import->doubles);
	cm_json_name(w, "double_rows");
	cm_json_begin_array(w);
	for (i = 0; i < least(import->doubles, CM_IMPORT_KEPT); i++) {
		const struct cm_import_double *d = &import->twice[i];

		cm_json_begin_object(w);
		json_row(w, import, d->second);
		cm_json_put_int(w, "first_row", d->first->number);
		cm_json_put_text(
			w, "first_status",
			cm_status_name((enum cm_status)d->first->status));
		cm_json_put_time(w, "first_time", d->first->at);
		cm_json_end(w);
	}
	cm_json_end(w);
}

static void json_counts(struct cm_json_writer *w,
			const struct cm_import *import)
{
	size_t i;

	cm_json_put_text(w, "format", import->dialect->name);
	cm_json_put_int(w, "rows", (int64_t)import->read);
	cm_json_put_int(w, "people", (int64_t)import->people);
	cm_json_put_int(w, "bad", (int64_t)import->bad);
	cm_json_put_int(w, "new", (int64_t)import->by_fate[CM_IMPORT_WRITE]);
	cm_json_put_int(w, "known",
			(int64_t)import->by_fate[CM_IMPORT_NOTHING_NEW]);
	cm_json_put_int(w, "erased",
			(int64_t)import->by_fate[CM_IMPORT_ERASED]);
	cm_json_put_int(w, "unproven", (int64_t)import->unproven);
	cm_json_name(w, "status");
	cm_json_begin_object(w);
	for (i = 0; i < CM_STATUSES; i++) {
		if (import->by_status[i] > 0)
			cm_json_put_int(w, cm_status_name((enum cm_status)i),
					(int64_t)import->by_status[i]);
	}
	cm_json_end(w);
}

int cm_import_print_json(const struct cm_import *import,
			 const struct cm_import_outcome *outcome,
			 struct cm_error *err)
{
	char sha256[CM_HEX_LEN(CM_SHA256_LEN) + 1];
	bool written = !outcome->dry_run && outcome->events > 0;
	struct cm_out_json json;

	(void)cm_hex_encode(import->list->sha256, CM_SHA256_LEN, sha256);
	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "file", cm_file_name(import->list->path));
	cm_json_put_text(&json.w, "sha256", sha256);
	cm_json_put_bool(&json.w, "dry_run", outcome->dry_run);
	cm_json_put_text(&json.w, "batch", written ? import->batch : NULL);
	cm_json_put_int(&json.w, "events", (int64_t)outcome->events);
	cm_json_put_text(&json.w, "rejected_to", outcome->rejects);
	json_counts(&json.w, import);
	json_changes(&json.w, import);
	json_conflicts(&json.w, import);
	json_doubles(&json.w, import);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, import->ctl->out, err);
}
