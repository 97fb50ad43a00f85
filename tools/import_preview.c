/*
 * What the rows would change; see import.h.
 *
 * Rows stand sorted by person.  For each person the store's views are read,
 * the rows' events are folded into a copy as the store itself would, and the
 * decision before is compared with the decision after for every purpose the
 * rows speak of.  So what the preview says is what the store will say, except
 * for what people do in between.
 */
#include "tools/import.h"

#include <string.h>

#include "policy/decide.h"
#include "policy/purpose.h"
#include "tools/ctl_person.h"

enum {
	PREVIEW_CHUNK = 5000, /* people per reader: keep it short */
	PREVIEW_ARENA_MAX = 1024 * 1024 * 1024,
};

/* One person's rows, and what the store says of them before and after. */
struct person {
	struct cm_import *import;
	struct cm_import_row *rows;
	size_t count;
	struct cm_view own;
	struct cm_view family;
	struct cm_arena *arena;
	const struct cm_decision *before; /* by purpose index */
	const bool *touched;              /* ditto */
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

/* ---- is it new?
 * -------------------------------------------------------------- */

static bool same_words(const struct cm_fact *fact, const struct cm_event *event)
{
	return cm_span_eq(fact->purpose, cm_span(event->purpose)) &&
	       (fact->kind > CM_FACT_REQUESTED ||
		cm_span_eq(fact->source, cm_span(event->source)));
}

static const struct cm_fact *find_fact(const struct cm_view *view,
				       const struct cm_event *event)
{
	enum cm_fact_kind kind = cm_event_fact(event);
	size_t i;

	for (i = 0; i < view->count; i++) {
		if (view->facts[i].kind == kind &&
		    same_words(&view->facts[i], event))
			return &view->facts[i];
	}
	return NULL;
}

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
	const struct cm_fact *fact = find_fact(view, event);

	if (fact == NULL)
		return false;
	if (row->at != 0)
		return fact->at >= row->at;
	return !refuses(row) || !consent_since(view, fact->at);
}

/* ---- fold
 * ----------------------------------------------------------------------- */

static const struct cm_purpose *purpose_at(const struct person *person,
					   size_t index)
{
	return &person->import->ctl->config->purposes[index];
}

/* Fold a row's event in; nothing happens if every part of it is known. */
static int fold(struct person *person, struct cm_import_row *row,
		const char *purpose, const struct cm_view *stored,
		bool *ret_news)
{
	struct cm_event event;
	int rc;

	cm_import_event(person->import, row, purpose, &event);
	if (is_known(stored, row, &event))
		return CM_OK;
	*ret_news = true;
	rc = cm_view_apply(&person->own, &event, CM_STORE_SEQ_PENDING,
			   person->arena);
	if (rc == CM_OK)
		rc = cm_view_apply_family(&person->family, &event,
					  CM_STORE_SEQ_PENDING, person->arena);
	return rc;
}

static int fold_row(struct person *person, struct cm_import_row *row,
		    const struct cm_view *stored)
{
	const struct cm_config *config = person->import->ctl->config;
	bool news = false;
	size_t i;
	int rc = CM_OK;

	if (row->purpose != CM_IMPORT_ALL_ROOTS) {
		rc = fold(person, row, cm_import_purpose(person->import, row),
			  stored, &news);
	} else {
		for (i = 0; rc == CM_OK && i < config->npurposes; i++) {
			if (config->purposes[i].parent == NULL)
				rc = fold(person, row, config->purposes[i].path,
					  stored, &news);
		}
	}
	row->fate = news ? CM_IMPORT_WRITE : CM_IMPORT_NOTHING_NEW;
	return rc;
}

/* A copy whose facts may grow and move while the original stays. */
static int copy_view(const struct cm_view *view, struct cm_arena *arena,
		     struct cm_view *ret_copy)
{
	struct cm_view copy = *view;

	if (view->count > 0) {
		copy.facts =
			cm_arena_array(arena, view->count, sizeof(*copy.facts));
		if (copy.facts == NULL)
			return CM_ENOMEM;
		memcpy(copy.facts, view->facts,
		       view->count * sizeof(*copy.facts));
	}
	copy.room = copy.count;
	*ret_copy = copy;
	return CM_OK;
}

/* ---- findings
 * -------------------------------------------------------------------- */

/* Purposes the rows speak of; marks and "all" speak of the roots. */
static void touch(const struct person *person, bool *touched)
{
	const struct cm_config *config = person->import->ctl->config;
	size_t i;
	size_t k;

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

static void decide(const struct person *person, size_t purpose,
		   struct cm_decision *ret_decision)
{
	const struct cm_ctl *ctl = person->import->ctl;

	cm_decide_purpose(ctl->config, purpose_at(person, purpose),
			  &person->own, &person->family, ctl->now,
			  ret_decision);
}

/* Refusals that an import may never lift, unless it is newer. */
static bool is_persons_word(enum cm_reason reason)
{
	return reason == CM_REASON_OBJECTED || reason == CM_REASON_ERASED ||
	       reason == CM_REASON_COMPLAINED ||
	       reason == CM_REASON_RESTRICTED || reason == CM_REASON_WITHDRAWN;
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

static void find_conflicts(const struct person *person,
			   const struct cm_decision *after)
{
	size_t i;

	for (i = 0; i < person->count; i++) {
		const struct cm_import_row *row = &person->rows[i];
		const struct cm_decision *before;

		if (!asks_for_more(row))
			continue;
		before = &person->before[row->purpose];
		if (is_persons_word(before->reason) &&
		    after[row->purpose].verdict == CM_VERDICT_REFUSE)
			note_conflict(person->import, row, before);
	}
}

static void find_doubles(const struct person *person)
{
	struct cm_import *import = person->import;
	size_t i;

	for (i = 1; i < person->count; i++) {
		struct cm_import_row *row = &person->rows[i];

		if (row->purpose != row[-1].purpose)
			continue;
		if (import->doubles < CM_IMPORT_KEPT) {
			import->twice[import->doubles].first = row - 1;
			import->twice[import->doubles].second = row;
		}
		import->doubles++;
	}
}

static void count_changes(const struct person *person,
			  const struct cm_decision *after)
{
	struct cm_import *import = person->import;
	size_t i;

	for (i = 0; i < import->ctl->config->npurposes; i++) {
		if (person->touched[i])
			import->change[person->before[i].reason]
				      [after[i].reason]++;
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

/* ---- one person
 * ---------------------------------------------------------------------- */

static int decide_touched(const struct person *person,
			  struct cm_decision *decisions)
{
	size_t i;

	for (i = 0; i < person->import->ctl->config->npurposes; i++) {
		if (person->touched[i])
			decide(person, i, &decisions[i]);
	}
	return CM_OK;
}

/* Data of an erased person is not taken in again, whatever the row says. */
static bool is_erased(const struct person *person)
{
	return cm_person_mark(person->import->ctl->config, &person->own,
			      CM_FACT_ERASED) != NULL;
}

static int fold_rows(struct person *person)
{
	struct cm_view stored_own;
	struct cm_view stored_family = person->family;
	bool erased = is_erased(person);
	size_t i;
	int rc = copy_view(&person->own, person->arena, &stored_own);

	if (rc == CM_OK)
		rc = copy_view(&stored_family, person->arena, &person->family);
	for (i = 0; rc == CM_OK && i < person->count; i++) {
		if (erased)
			person->rows[i].fate = CM_IMPORT_ERASED;
		else
			rc = fold_row(person, &person->rows[i], &stored_own);
	}
	return rc;
}

static int preview_person(struct person *person, struct cm_store_reader *reader,
			  struct cm_error *err)
{
	size_t n = person->import->ctl->config->npurposes;
	struct cm_decision *before =
		cm_arena_array(person->arena, n + 1, sizeof(*before));
	struct cm_decision *after =
		cm_arena_array(person->arena, n + 1, sizeof(*after));
	bool *touched = cm_arena_array(person->arena, n + 1, sizeof(*touched));
	int rc;

	if (before == NULL || after == NULL || touched == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_store_lookup(reader, &person->rows->contact,
			     &person->rows->family, &person->own,
			     &person->family, err);
	if (rc != CM_OK)
		return rc;
	person->before = before;
	person->touched = touched;
	touch(person, touched);
	(void)decide_touched(person, before);
	rc = fold_rows(person);
	if (rc != CM_OK)
		return cm_fail(err, rc,
			       "%s:row %u: this person has too many records "
			       "(at most %d)",
			       person->import->list->path, person->rows->number,
			       CM_VIEW_FACTS_MAX);
	(void)decide_touched(person, after);
	find_conflicts(person, after);
	find_doubles(person);
	count_changes(person, after);
	count_rows(person);
	return CM_OK;
}

/* ---- all people
 * ------------------------------------------------------------------------ */

/* How many rows from here on are the same person's. */
static size_t group_at(const struct cm_import *import, size_t at)
{
	const struct cm_import_row *rows = &import->rows[at];
	size_t left = import->nrows - at;
	size_t n = 1;

	while (n < left && memcmp(rows[n].contact.b, rows->contact.b,
				  sizeof(rows->contact.b)) == 0)
		n++;
	return n;
}

static int preview_chunk(struct cm_import *import, struct cm_arena *arena,
			 size_t *at, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	size_t n;
	int rc = cm_store_read_begin(import->ctl->store, arena, &reader, err);

	for (n = 0; rc == CM_OK && n < PREVIEW_CHUNK && *at < import->nrows;
	     n++) {
		struct person person = {
			.import = import,
			.rows = &import->rows[*at],
			.count = group_at(import, *at),
			.arena = arena,
		};

		rc = preview_person(&person, reader, err);
		*at += person.count;
	}
	cm_store_read_end(&reader);
	cm_arena_reset(arena);
	return rc;
}

int cm_import_preview(struct cm_import *import, struct cm_error *err)
{
	struct cm_arena *arena = NULL;
	size_t at = 0;
	int rc = cm_arena_new(PREVIEW_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	import->progress.what = "comparing with the store";
	while (rc == CM_OK && at < import->nrows) {
		rc = preview_chunk(import, arena, &at, err);
		cm_progress_show(&import->progress, at, import->nrows);
	}
	cm_progress_end(&import->progress);
	cm_arena_free(&arena);
	return rc;
}
