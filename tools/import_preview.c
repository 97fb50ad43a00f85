/*
 * What the rows would change; see import.h.
 *
 * Rows stand sorted by family and person.  For each person the store's views
 * are read, the rows' events are folded into a copy as the store itself would,
 * and the decision before is compared with the decision after for every
 * purpose the rows speak of.  So what the preview says is what the store will
 * say, except for what people do in between.
 */
#include "tools/import.h"

#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/grant.h"
#include "policy/purpose.h"
#include "tools/ctl_person.h"

enum {
	PREVIEW_CHUNK = 5000, /* families per reader: keep it short */
	PREVIEW_ARENA_MAX = 1024 * 1024 * 1024,
};

/* By purpose index; made once, for a decision is large. */
struct tables {
	struct cm_decision *before;
	struct cm_decision *after;
	bool *touched;
};

/* The rows of people whose refusals reach each other (design 4). */
struct family {
	struct cm_import *import;
	struct cm_store_reader *reader;
	struct cm_arena *arena;
	struct cm_import_row *rows;
	size_t count;
	struct cm_view stored; /* in the store */
	struct cm_view after;  /* and with what the rows refuse */
	struct cm_view own;    /* of the person read last */
	struct tables *tables;
};

/* One person's rows, and what the store says of them before and after. */
struct person {
	const struct family *family;
	struct cm_import *import;
	const struct cm_import_row *rows;
	size_t count;
	struct cm_view stored;
	struct cm_view after;
	const struct tables *tables;
};

static bool asks_for_more(const struct cm_import_row *row)
{
	return row->status == CM_STATUS_GRANTED ||
	       row->status == CM_STATUS_CONFIRMED;
}

static bool refuses(const struct cm_import_row *row)
{
	return row->status >= CM_STATUS_WITHDRAWN &&
	       row->status <= CM_STATUS_UNDELIVERABLE;
}

/* ---- is it new? --------------------------------------------------------- */

static bool consent_since(const struct cm_view *view, int64_t at)
{
	size_t i;

	for (i = 0; i < view->count; i++) {
		if (view->facts[i].kind <= CM_FACT_SOFT_OPT_IN &&
		    view->facts[i].at > at)
			return true;
	}
	return view->person_at > at;
}

/*
 * The store has this fact, as new or newer.  Without a time it says nothing
 * new if the store has it at all; but a refusal without a time is news where
 * the person consented, or did anything, since the one on record.
 */
static bool is_known(const struct cm_view *view,
		     const struct cm_import_row *row,
		     const struct cm_event *event)
{
	const struct cm_fact told = cm_fact_of(event, 0);
	const struct cm_fact *fact = cm_view_find(view, &told);

	if (fact == NULL)
		return false;
	if (row->at != 0)
		return !cm_fact_says_more(fact, &told);
	return !refuses(row) || !consent_since(view, fact->at);
}

/* ---- pass one: which rows are news -------------------------------------- */

static size_t same_people(const struct family *family, size_t at)
{
	const struct cm_import_row *rows = &family->rows[at];
	size_t left = family->count - at;
	size_t n = 1;

	while (n < left && memcmp(rows[n].contact.b, rows->contact.b,
				  sizeof(rows->contact.b)) == 0)
		n++;
	return n;
}

static bool is_news(const struct family *family,
		    const struct cm_import_row *row)
{
	struct cm_event event;
	const char *purpose;
	size_t at = 0;

	while ((purpose = cm_import_each(family->import, row, &at)) != NULL) {
		cm_import_event(family->import, row, purpose, &event);
		if (!is_known(&family->own, row, &event))
			return true;
	}
	return false;
}

static int fold_into_family(struct family *family,
			    const struct cm_import_row *row)
{
	struct cm_event event;
	const char *purpose;
	size_t at = 0;
	int rc = CM_OK;

	while (rc == CM_OK &&
	       (purpose = cm_import_each(family->import, row, &at)) != NULL) {
		cm_import_event(family->import, row, purpose, &event);
		rc = cm_view_apply_family(&family->after, &event,
					  CM_STORE_SEQ_PENDING, family->arena);
	}
	return rc;
}

/* Data of an erased person is not taken in again, whatever the row says. */
static bool is_erased(const struct family *family)
{
	return cm_person_mark(family->import->ctl, &family->own,
			      CM_FACT_ERASED) != NULL;
}

static int read_person(struct family *family, const struct cm_import_row *row,
		       struct cm_error *err)
{
	return cm_store_lookup(family->reader, &row->contact, &row->family,
			       &family->own, &family->stored, err);
}

static int settle_fates(struct family *family, struct cm_error *err)
{
	size_t at = 0;
	size_t end;
	bool erased;
	int rc = CM_OK;

	while (rc == CM_OK && at < family->count) {
		end = at + same_people(family, at);
		rc = read_person(family, &family->rows[at], err);
		if (rc != CM_OK)
			return rc;
		if (at == 0)
			rc = cm_view_copy(&family->stored, family->arena,
					  &family->after);
		erased = is_erased(family);
		for (; rc == CM_OK && at < end; at++) {
			struct cm_import_row *row = &family->rows[at];

			row->fate = CM_IMPORT_NOTHING_NEW;
			if (erased)
				row->fate = CM_IMPORT_ERASED;
			else if (is_news(family, row) ||
				 (family->import->repeat && refuses(row)))
				row->fate = CM_IMPORT_WRITE;
			if (row->fate == CM_IMPORT_WRITE && refuses(row))
				rc = fold_into_family(family, row);
		}
	}
	return rc;
}

/* ---- findings ----------------------------------------------------------- */

/* Purposes the rows speak of; marks and "all" speak of the roots. */
static void touch(const struct person *person)
{
	bool *touched = person->tables->touched;
	const struct cm_config *config = person->import->ctl->config;
	size_t i;
	size_t k;

	memset(touched, 0, config->npurposes * sizeof(*touched));
	for (i = 0; i < person->count; i++) {
		uint16_t purpose = person->rows[i].purpose;

		if (purpose < CM_IMPORT_ALL_ROOTS) {
			touched[purpose] = true;
			continue;
		}
		for (k = 0; k < config->npurposes; k++) {
			if (config->purposes[k].parent == NULL)
				touched[k] = true;
		}
	}
}

static void note_conflict(struct cm_import *import,
			  const struct cm_import_row *row,
			  const struct cm_decision *before)
{
	if (import->conflicts < CM_IMPORT_KEPT) {
		struct cm_import_conflict *conflict =
			&import->conflict[import->conflicts];

		conflict->row = row;
		conflict->reason = before->reason;
		conflict->since = before->has_event ? before->at : 0;
		conflict->by_family = before->by_family;
	}
	import->conflicts++;
}

static void find_conflicts(const struct person *person)
{
	const struct tables *tables = person->tables;
	size_t i;

	for (i = 0; i < person->count; i++) {
		const struct cm_import_row *row = &person->rows[i];
		const struct cm_decision *before;

		if (!asks_for_more(row))
			continue;
		before = &tables->before[row->purpose];
		if (cm_grant_is_barred(before, &tables->after[row->purpose]))
			note_conflict(person->import, row, before);
	}
}

static void find_doubles(const struct person *person)
{
	struct cm_import *import = person->import;
	size_t i;

	for (i = 1; i < person->count; i++) {
		const struct cm_import_row *row = &person->rows[i];

		if (row->purpose != row[-1].purpose ||
		    row->number == row[-1].number)
			continue;
		if (import->doubles < CM_IMPORT_KEPT) {
			import->twice[import->doubles].first = row - 1;
			import->twice[import->doubles].second = row;
		}
		import->doubles++;
	}
}

static void count_changes(const struct person *person)
{
	const struct tables *tables = person->tables;
	struct cm_import *import = person->import;
	size_t i;

	for (i = 0; i < import->ctl->config->npurposes; i++) {
		if (tables->touched[i])
			import->change[tables->before[i].reason]
				      [tables->after[i].reason]++;
	}
}

static void count_rows(const struct person *person)
{
	struct cm_import *import = person->import;
	struct cm_event event;
	size_t i;

	import->people++;
	for (i = 0; i < person->count; i++) {
		const struct cm_import_row *row = &person->rows[i];

		import->by_fate[row->fate]++;
		if (!asks_for_more(row))
			continue;
		cm_import_event(import, row, cm_import_purpose(import, row),
				&event);
		import->unproven += !cm_event_is_proven(&event);
	}
}

/* ---- pass two: what each person's rows change --------------------------- */

static void decide_touched(const struct person *person,
			   const struct cm_view *own,
			   const struct cm_view *family,
			   struct cm_decision *decisions)
{
	const struct cm_ctl *ctl = person->import->ctl;
	size_t i;

	for (i = 0; i < ctl->config->npurposes; i++) {
		if (person->tables->touched[i])
			cm_decide_purpose(
				ctl->config, &ctl->config->purposes[i], own,
				family, NULL, ctl->now, &decisions[i]);
	}
}

static int fold_rows(struct person *person)
{
	struct cm_arena *arena = person->family->arena;
	struct cm_event event;
	const char *purpose;
	size_t i;
	int rc = cm_view_copy(&person->stored, arena, &person->after);

	for (i = 0; rc == CM_OK && i < person->count; i++) {
		const struct cm_import_row *row = &person->rows[i];
		size_t at = 0;

		if (row->fate != CM_IMPORT_WRITE)
			continue;
		while (rc == CM_OK &&
		       (purpose = cm_import_each(person->import, row, &at)) !=
			       NULL) {
			cm_import_event(person->import, row, purpose, &event);
			rc = cm_view_apply(&person->after, &event,
					   CM_STORE_SEQ_PENDING, arena);
		}
	}
	return rc;
}

static int preview_person(struct person *person, struct cm_error *err)
{
	const struct family *family = person->family;
	int rc = fold_rows(person);

	if (rc != CM_OK)
		return cm_fail(err, rc,
			       "%s:row %u: this person, or the list, has too "
			       "many records (at most %d for one)",
			       person->import->list->path, person->rows->number,
			       CM_VIEW_FACTS_MAX);
	touch(person);
	decide_touched(person, &person->stored, &family->stored,
		       person->tables->before);
	decide_touched(person, &person->after, &family->after,
		       person->tables->after);
	find_conflicts(person);
	find_doubles(person);
	count_changes(person);
	count_rows(person);
	return CM_OK;
}

static int preview_family(struct family *family, struct cm_error *err)
{
	size_t at = 0;
	int rc = settle_fates(family, err);

	while (rc == CM_OK && at < family->count) {
		struct person person = {
			.family = family,
			.import = family->import,
			.rows = &family->rows[at],
			.count = same_people(family, at),
			.tables = family->tables,
		};

		/* Nearly every family is one person, read in pass one. */
		if (person.count < family->count)
			rc = read_person(family, person.rows, err);
		person.stored = family->own;
		if (rc == CM_OK)
			rc = preview_person(&person, err);
		at += person.count;
	}
	return rc;
}

/* ---- all ---------------------------------------------------------------- */

static size_t family_at(const struct cm_import *import, size_t at)
{
	const struct cm_import_row *rows = &import->rows[at];
	size_t left = import->nrows - at;
	size_t n = 1;

	while (n < left && memcmp(rows[n].family.b, rows->family.b,
				  sizeof(rows->family.b)) == 0)
		n++;
	return n;
}

static int preview_chunk(struct cm_import *import, struct tables *tables,
			 struct cm_arena *arena, size_t *at,
			 struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	size_t n;
	int rc = cm_store_read_begin(import->ctl->store, arena, &reader, err);

	for (n = 0; rc == CM_OK && n < PREVIEW_CHUNK && *at < import->nrows;
	     n++) {
		struct family family = {
			.import = import,
			.reader = reader,
			.arena = arena,
			.rows = &import->rows[*at],
			.count = family_at(import, *at),
			.tables = tables,
		};

		rc = preview_family(&family, err);
		*at += family.count;
	}
	cm_store_read_end(&reader);
	cm_arena_reset(arena);
	return rc;
}

static int preview_all(struct cm_import *import, struct tables *tables,
		       struct cm_error *err)
{
	struct cm_arena *arena = NULL;
	size_t at = 0;
	int rc = cm_arena_new(PREVIEW_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	import->progress.what = "comparing with the store";
	while (rc == CM_OK && at < import->nrows) {
		rc = preview_chunk(import, tables, arena, &at, err);
		cm_progress_show(&import->progress, at, import->nrows);
	}
	cm_progress_end(&import->progress);
	cm_arena_free(&arena);
	return rc;
}

static int compare_numbers(const struct cm_import_row *a,
			   const struct cm_import_row *b)
{
	return (a->number > b->number) - (a->number < b->number);
}

static int compare_conflicts(const void *a, const void *b)
{
	return compare_numbers(((const struct cm_import_conflict *)a)->row,
			       ((const struct cm_import_conflict *)b)->row);
}

static int compare_doubles(const void *a, const void *b)
{
	return compare_numbers(((const struct cm_import_double *)a)->second,
			       ((const struct cm_import_double *)b)->second);
}

static size_t kept(uint64_t found)
{
	return found < CM_IMPORT_KEPT ? (size_t)found : CM_IMPORT_KEPT;
}

/* Found by contact, whose ids are nobody's order; shown as in the list. */
static void order_findings(struct cm_import *import)
{
	qsort(import->conflict, kept(import->conflicts),
	      sizeof(*import->conflict), compare_conflicts);
	qsort(import->twice, kept(import->doubles), sizeof(*import->twice),
	      compare_doubles);
}

int cm_import_preview(struct cm_import *import, struct cm_error *err)
{
	int rc;
	size_t n = import->ctl->config->npurposes + 1; /* never 0 */
	struct tables tables = {
		.before = cm_arena_array(import->arena, n,
					 sizeof(*tables.before)),
		.after =
			cm_arena_array(import->arena, n, sizeof(*tables.after)),
		.touched = cm_arena_array(import->arena, n,
					  sizeof(*tables.touched)),
	};

	if (tables.before == NULL || tables.after == NULL ||
	    tables.touched == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = preview_all(import, &tables, err);
	if (rc == CM_OK)
		order_findings(import);
	return rc;
}
