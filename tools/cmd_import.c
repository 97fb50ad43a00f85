/*
 * consentctl import: a list of people into the store, all or nothing.
 *
 * Read, check, hash, sort and compare first; then one transaction.  Killed at
 * any moment, the store is as it was before.
 */
#include "tools/ctl_commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "tools/ctl_person.h"
#include "tools/file.h"
#include "tools/import.h"
#include "tools/import_report.h"

/* Strings of rows that the list's own text does not hold. */
#define IMPORT_ARENA_MAX (UINT64_C(4) * 1024 * 1024 * 1024)

enum { WRITE_PROGRESS = 4096 }; /* entries between looks at the clock */

/* ---- options ------------------------------------------------------------ */

static int read_purpose(struct cm_import *import, const struct cm_args *args,
			struct cm_error *err)
{
	const char *text = cm_args_get(args, "purpose");

	if (text == NULL || cm_word_purpose(import->ctl->config, cm_span(text),
					    &import->purpose, err) == CM_OK)
		return CM_OK;
	return cm_word_bad_option("--purpose", err);
}

static int read_source(struct cm_import *import, const struct cm_args *args,
		       struct cm_error *err)
{
	const char *text = cm_args_get(args, "source");

	if (text == NULL ||
	    cm_word_source(cm_span(text), import->source, err) == CM_OK)
		return CM_OK;
	return cm_word_bad_option("--source", err);
}

static int read_basis(struct cm_import *import, const struct cm_args *args,
		      struct cm_error *err)
{
	const char *text = cm_args_get(args, "basis");

	import->basis = CM_BASIS_CONSENT;
	if (text == NULL ||
	    cm_word_basis(cm_span(text), &import->basis, err) == CM_OK)
		return CM_OK;
	return cm_word_bad_option("--basis", err);
}

/* What is the same of all grants, where the list has no column for it. */
static int read_terms(struct cm_import *import, const struct cm_args *args,
		      struct cm_error *err)
{
	const struct {
		const char *name;
		uint16_t *index;
	} names[] = {
		{"--controller", &import->all.controller},
		{"--seller", &import->all.seller},
		{"--product-category", &import->all.category},
	};
	const char *offered = cm_args_get(args, "opt-out-offered");
	enum cm_yes_no said = CM_SAID_NOTHING;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text =
			cm_args_get(args, names[i].name + strlen("--"));

		if (text != NULL &&
		    cm_import_name(import, cm_span(text), names[i].index,
				   err) != CM_OK)
			return cm_word_bad_option(names[i].name, err);
	}
	if (offered != NULL &&
	    cm_dialect_said(cm_span(offered), &said, err) != CM_OK)
		return cm_word_bad_option("--opt-out-offered", err);
	import->all.optout = (uint8_t)said;
	import->notice_file = cm_args_get(args, "notice");
	return CM_OK;
}

static int read_attest(struct cm_import *import, const struct cm_args *args,
		       struct cm_error *err)
{
	import->attest = cm_args_get(args, "attest");
	if (import->attest != NULL &&
	    cm_span_trim(cm_span(import->attest)).n == 0)
		return cm_fail(err, CM_EUSAGE,
			       "--attest: name who answers for the list");
	return CM_OK;
}

static int read_status(struct cm_import *import, const struct cm_args *args,
		       struct cm_error *err)
{
	const char *text = cm_args_get(args, "status");
	enum cm_status status;

	if (text == NULL)
		return CM_OK;
	if (cm_word_status(cm_span(text), &status, err) != CM_OK)
		return cm_word_bad_option("--status", err);
	import->says = cm_says_of(status);
	return CM_OK;
}

/* How its times are to be read. */
static int read_times(struct cm_import *import, const struct cm_args *args,
		      struct cm_error *err)
{
	const char *dates = cm_args_get(args, "dates");
	const char *zone = cm_args_get(args, "zone");
	int rc = CM_OK;

	if (dates != NULL && strcmp(dates, "dmy") == 0)
		import->how.dates = CM_DATES_DMY;
	else if (dates != NULL && strcmp(dates, "mdy") == 0)
		import->how.dates = CM_DATES_MDY;
	else if (dates != NULL)
		return cm_fail(err, CM_EUSAGE,
			       "--dates: \"%s\" is neither dmy (31/12/2026) "
			       "nor mdy (12/31/2026)",
			       dates);
	if (zone != NULL)
		rc = cm_zone_open(zone, import->ctl->now, import->arena,
				  &import->how.zone, err);
	return rc == CM_OK ? rc : cm_error_prefix(err, "--zone: ");
}

/* Before an hour of reading, not after it. */
static int check_rejects(const char *path, struct cm_error *err)
{
	if (path != NULL && access(path, F_OK) == 0)
		return cm_fail(err, CM_EUSAGE,
			       "--reject-to: %s exists; name a new file, or "
			       "remove it",
			       path);
	return CM_OK;
}

static int read_options(struct cm_import *import, const struct cm_args *args,
			struct cm_error *err)
{
	int rc = read_purpose(import, args, err);

	if (rc == CM_OK)
		rc = read_source(import, args, err);
	if (rc == CM_OK)
		rc = read_basis(import, args, err);
	if (rc == CM_OK)
		rc = read_terms(import, args, err);
	if (rc == CM_OK)
		rc = read_attest(import, args, err);
	if (rc == CM_OK)
		rc = read_status(import, args, err);
	if (rc == CM_OK)
		rc = read_times(import, args, err);
	if (rc == CM_OK && cm_args_has(args, "map") &&
	    cm_args_has(args, "format"))
		rc = cm_fail(err, CM_EUSAGE,
			     "--map says what the columns are, and so does "
			     "--format: give one of them");
	if (rc == CM_OK)
		rc = check_rejects(cm_args_get(args, "reject-to"), err);
	import->keep_rejects = cm_args_has(args, "reject-to");
	import->repeat = cm_args_has(args, "repeat");
	return rc;
}

/* ---- batch -------------------------------------------------------------- */

/* "20261121T101500-1f2e3d4c": sorts by time, never twice the same. */
static int name_batch(struct cm_import *import, struct cm_error *err)
{
	uint8_t random[4];
	int rc = cm_random(random, sizeof(random), err);

	if (rc == CM_OK)
		cm_word_batch(import->ctl->now, random, import->batch);
	return rc;
}

static int add_entries(struct cm_import *import, struct cm_store_batch *batch,
		       uint64_t events, struct cm_error *err)
{
	struct cm_import_cursor cursor;
	struct cm_store_entry entry;
	uint64_t n = 0;
	int rc = cm_import_begin(import, &cursor, err);

	import->progress.what = "preparing";
	while (rc == CM_OK &&
	       cm_import_next(import, &cursor, &entry) == CM_OK) {
		rc = cm_store_batch_add(batch, &entry, err);
		if (++n % WRITE_PROGRESS == 0)
			cm_progress_show(&import->progress, n, events);
	}
	cm_progress_end(&import->progress);
	return rc;
}

static int write_batch(struct cm_import *import,
		       struct cm_import_outcome *outcome, struct cm_error *err)
{
	struct cm_store_batch *batch = NULL;
	int rc = cm_store_batch_begin(import->ctl->store, &batch, err);

	if (rc == CM_OK)
		rc = add_entries(import, batch, outcome->events, err);
	cm_progress_say(&import->progress, "writing");
	if (rc == CM_OK)
		rc = cm_store_batch_commit(batch, import->ctl->now,
					   &outcome->first_seq, err);
	cm_progress_end(&import->progress);
	cm_store_batch_free(&batch);
	return rc;
}

/* Bad rows are safe in their file before the good ones are in the store. */
static int write_all(struct cm_import *import,
		     struct cm_import_outcome *outcome, struct cm_error *err)
{
	int rc = CM_OK;

	if (outcome->rejects != NULL)
		rc = cm_file_write_new(
			outcome->rejects,
			cm_span_n(import->rejects.data, import->rejects.len),
			err);
	if (rc != CM_OK || outcome->events == 0)
		return rc;
	rc = write_batch(import, outcome, err);
	if (rc != CM_OK && outcome->rejects != NULL)
		(void)unlink(outcome->rejects);
	return rc;
}

/* ---- the steps ---------------------------------------------------------- */

static int check_bad(struct cm_import *import, struct cm_error *err)
{
	char count[CM_COUNT_LEN];

	if (import->nrows == 0 && import->bad == 0)
		return cm_fail(err, CM_ENOTFOUND,
			       "%s has a header, but no rows: nothing was "
			       "imported",
			       import->list->path);
	if (import->bad == 0 || (import->keep_rejects && import->nrows > 0))
		return CM_OK;
	cm_import_print_bad(import);
	if (import->keep_rejects)
		return cm_fail(err, CM_EDATA,
			       "%s: every row is bad: nothing was imported",
			       import->list->path);
	return cm_fail(err, CM_EDATA,
		       "%s bad row%s: nothing was imported (mend the list, or "
		       "import the others with --reject-to FILE)",
		       cm_out_count(import->bad, count),
		       import->bad == 1 ? "" : "s");
}

/* Columns of one name can be told apart by --map only. */
static int find_dialect(struct cm_import *import, const struct cm_args *args,
			struct cm_error *err)
{
	const char *map = cm_args_get(args, "map");
	int rc;

	if (map != NULL)
		return cm_dialect_map(import->list, map, &import->dialect, err);
	rc = cm_list_check_names(import->list, err);
	if (rc == CM_OK)
		rc = cm_dialect_find(import->list, cm_args_get(args, "format"),
				     &import->dialect, err);
	return rc;
}

/* --status is for lists that do not say it themselves. */
static int check_status(const struct cm_import *import, struct cm_error *err)
{
	bool plain = import->dialect == &cm_dialect_plain ||
		     import->dialect == &cm_dialect_lines ||
		     strcmp(import->dialect->name, "map") == 0;

	if (import->says == CM_SAYS_NOTHING ||
	    (plain && !cm_import_has(import, CM_ROLE_STATUS)))
		return CM_OK;
	return cm_fail(err, CM_EUSAGE,
		       "--status: this list (%s) says it itself",
		       import->dialect->title);
}

static int bind_list(struct cm_import *import, const struct cm_args *args,
		     struct cm_error *err)
{
	static const char utc[] = "UTC";
	bool status = import->says != CM_SAYS_NOTHING;
	int rc = find_dialect(import, args, err);

	if (rc == CM_OK && import->how.zone == NULL && import->dialect->utc)
		rc = cm_zone_open(utc, import->ctl->now, import->arena,
				  &import->how.zone, err);
	import->of_sale = import->how;
	if (rc == CM_OK && import->how.zone == NULL)
		rc = cm_zone_open(utc, import->ctl->now, import->arena,
				  &import->of_sale.zone, err);
	if (rc == CM_OK)
		rc = cm_import_columns(import, err);
	if (rc == CM_OK && status)
		rc = check_status(import, err);
	return rc;
}

static int read_list(struct cm_import *import, const struct cm_args *args,
		     struct cm_error *err)
{
	int rc = cm_list_open(cm_args_word(args, 0),
			      cm_args_get(args, "charset"), import->arena,
			      &import->list, err);

	if (rc == CM_OK)
		rc = bind_list(import, args, err);
	if (rc == CM_OK)
		rc = cm_import_read(import, err);
	if (rc == CM_OK)
		rc = check_bad(import, err);
	if (rc != CM_OK)
		return rc;
	cm_import_sort(import);
	return cm_import_preview(import, err);
}

static int run(struct cm_import *import, const struct cm_args *args,
	       struct cm_error *err)
{
	bool dry_run = cm_args_has(args, "dry-run");
	struct cm_import_outcome outcome = {.dry_run = dry_run};
	int rc = read_options(import, args, err);

	if (rc == CM_OK)
		rc = cm_ctl_open(import->ctl,
				 dry_run ? CM_CTL_READ : CM_CTL_WRITE, err);
	if (rc == CM_OK && import->notice_file != NULL)
		rc = cm_ctl_notice(import->ctl, import->notice_file, !dry_run,
				   &import->notice, err);
	if (rc == CM_OK)
		rc = name_batch(import, err);
	if (rc == CM_OK)
		rc = read_list(import, args, err);
	if (rc != CM_OK)
		return rc;
	outcome.events = cm_import_events(import);
	if (import->bad > 0)
		outcome.rejects = cm_args_get(args, "reject-to");
	if (!dry_run)
		rc = write_all(import, &outcome, err);
	if (rc != CM_OK)
		return rc;
	if (import->ctl->json)
		return cm_import_print_json(import, &outcome, err);
	cm_import_print(import, &outcome);
	return CM_OK;
}

int cm_cmd_import(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	struct cm_import *import = calloc(1, sizeof(*import));
	int rc;

	if (import == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	import->ctl = ctl;
	import->who = cm_ctl_who(ctl);
	cm_progress_init(&import->progress, ctl->notes);
	rc = cm_arena_new(IMPORT_ARENA_MAX, &import->arena);
	if (rc == CM_OK)
		rc = run(import, args, err);
	else
		rc = cm_fail(err, rc, "out of memory");
	cm_list_close(&import->list);
	cm_buf_free(&import->rejects);
	cm_arena_free(&import->arena);
	free(import->rows);
	free(import->terms);
	free(import);
	return rc;
}
