/*
 * Refusals out of one store and into another: what a restore must not lose.
 *
 * A refusal is put back without its batch and its evidence: the batch's
 * correction may stand in the other ledger, and would undo it there in
 * rebuild but not in a view that it came to later; the evidence stays in the
 * store that was replaced.
 */
#define _GNU_SOURCE /* memmem */
#include "policy/store_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- out of a store ----------------------------------------------------- */

struct correction {
	struct cm_id contact;
	char batch[CM_BATCH_MAX + 1];
};

typedef int event_fn(void *ctx, const struct cm_event *event,
		     struct cm_error *err);

struct out {
	struct cm_store_reader *reader;
	struct correction *corrections; /* sorted after the first pass */
	size_t count, room;
	event_fn *each;
	void *ctx;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct correction));
}

static void correction_of(const struct cm_event *event,
			  struct correction *ret_correction)
{
	memset(ret_correction, 0, sizeof(*ret_correction)); /* for memcmp */
	ret_correction->contact = event->contact;
	memcpy(ret_correction->batch, event->batch, strlen(event->batch));
}

static int note_correction(void *ctx, const struct cm_event *event,
			   struct cm_error *err)
{
	struct out *out = ctx;
	int rc;

	if (event->type != CM_EVENT_CORRECTED ||
	    (event->mark != CM_EVENT_WITHDRAWN &&
	     event->actor != CM_ACTOR_PERSON))
		return CM_OK;
	rc = cm_grow(&out->corrections, out->count, &out->room,
		     sizeof(*out->corrections));
	if (rc != CM_OK)
		return cm_fail(err, rc, "no room for the list of corrections");
	correction_of(event, &out->corrections[out->count++]);
	return CM_OK;
}

static void key_of_click(const struct cm_event *click,
			 struct correction *ret_correction)
{
	struct cm_event named = *click;

	cm_event_click_name(click, named.batch);
	correction_of(&named, ret_correction);
}

static bool is_corrected(const struct out *out, const struct correction *key)
{
	return bsearch(key, out->corrections, out->count, sizeof(*key),
		       compare) != NULL;
}

static bool undone(const struct out *out, const struct cm_event *event)
{
	struct cm_event corrected = {.type = CM_EVENT_CORRECTED,
				     .actor = CM_ACTOR_ADMIN,
				     .mark = CM_EVENT_WITHDRAWN};
	struct correction key;

	if (out->count == 0)
		return false;
	if (cm_event_is_click(event) || cm_event_is_machine_like(event)) {
		key_of_click(event, &key);
		return is_corrected(out, &key);
	}
	memcpy(corrected.batch, event->batch, sizeof(corrected.batch));
	correction_of(event, &key);
	return cm_event_undoes(&corrected, event) && is_corrected(out, &key);
}

static int pass_on(void *ctx, const struct cm_event *event,
		   struct cm_error *err)
{
	struct out *out = ctx;

	if (!cm_fact_refuses(cm_event_fact(event)) || undone(out, event))
		return CM_OK;
	return out->each(out->ctx, event, err);
}

/*
 * Most events allow something.  Their bytes are canonical, and no text in them
 * has a quote that is not escaped: whose bytes have none of these is passed
 * over, which is ten times as fast as reading it.
 */
static bool may_matter(struct cm_span json)
{
	static const char *const types[] = {
		"\"type\":\"granted\"", "\"type\":\"confirmed\"",
		"\"type\":\"requested\"", "\"type\":\"asked\""};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (memmem(json.p, json.n, types[i], strlen(types[i])) != NULL)
			return false;
	return true;
}

static int each_event(struct out *out, event_fn *each, struct cm_error *err)
{
	const uint64_t total = out->reader->head.size;
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, json;
	uint64_t seq = 0;
	int rc = cm_kv_cursor_open(out->reader->ledger, CM_DB_LEDGER, &cursor,
				   err);

	if (rc == CM_OK)
		rc = cm_kv_seek(cursor, cm_span(""), &key, &json, err);
	for (; rc == CM_OK; seq++) {
		struct cm_event event;

		if (key.n != CM_SEQ_LEN || cm_get_u64(key.p) != seq)
			break;
		if (may_matter(json)) {
			rc = cm_event_decode(json, &event, err);
			if (rc == CM_OK)
				rc = each(out, &event, err);
		}
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &json, err);
	}
	cm_kv_cursor_close(&cursor);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	if (seq == total)
		return CM_OK;
	return cm_fail(err, CM_ECORRUPT,
		       "the ledger has %llu events in a row where its head "
		       "says %llu",
		       (unsigned long long)seq, (unsigned long long)total);
}

/* A row that was folded meanwhile is told twice, which does no harm. */
static int each_in_stop(struct out *out, struct cm_error *err)
{
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value;
	int rc = cm_kv_cursor_open(out->reader->stop, CM_DB_STOP, &cursor, err);

	if (rc == CM_OK)
		rc = cm_kv_seek(cursor, cm_span(""), &key, &value, err);
	while (rc == CM_OK) {
		struct cm_event event;

		rc = cm_stop_open(out->reader->hmac, key, value, &event, NULL);
		if (rc != CM_OK)
			rc = cm_fail(err, rc,
				     "a refusal in stop is damaged: run "
				     "\"consentctl verify\"");
		if (rc == CM_OK)
			rc = pass_on(out, &event, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

int cm_store_refusals(struct cm_store *store, event_fn *each, void *ctx,
		      struct cm_error *err)
{
	struct out out = {.each = each, .ctx = ctx};
	struct cm_arena *arena = NULL;
	int rc = cm_arena_new(CM_VIEW_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = cm_store_read_begin(store, arena, &out.reader, err);
	if (rc == CM_OK)
		rc = each_event(&out, note_correction, err);
	if (rc == CM_OK && out.count > 0)
		qsort(out.corrections, out.count, sizeof(*out.corrections),
		      compare);
	if (rc == CM_OK)
		rc = each_event(&out, pass_on, err);
	if (rc == CM_OK)
		rc = each_in_stop(&out, err);
	cm_store_read_end(&out.reader);
	cm_arena_free(&arena);
	free(out.corrections);
	return rc;
}

/* ---- into a store ------------------------------------------------------- */

/* Does the person's view say this, or something later of the kind? */
static int is_known(struct cm_store_reader *reader,
		    const struct cm_event *event, bool *ret_known,
		    struct cm_error *err)
{
	struct cm_view own, family;
	enum cm_fact_kind kind = cm_event_fact(event);
	int rc;

	cm_arena_reset(reader->arena);
	rc = cm_store_lookup(reader, &event->contact, &event->family, &own,
			     &family, err);
	if (rc != CM_OK)
		return rc;
	*ret_known = false;
	for (size_t i = 0; !*ret_known && i < own.count; i++) {
		const struct cm_fact *fact = &own.facts[i];

		*ret_known = fact->kind == kind && fact->at >= event->at &&
			     cm_span_eq(fact->purpose, cm_span(event->purpose));
	}
	return CM_OK;
}

struct in {
	struct cm_event *erased;
	size_t nerased, erased_room;
	struct cm_store_batch *batch;
	size_t nbatch;
};

static int take_one(struct in *in, const struct cm_event *event,
		    struct cm_error *err)
{
	struct cm_store_entry entry = {.event = *event};
	int rc;

	entry.event.batch[0] = '\0';
	entry.event.has_evidence = false;
	if (event->type == CM_EVENT_ERASED) {
		rc = cm_grow(&in->erased, in->nerased, &in->erased_room,
			     sizeof(*in->erased));
		if (rc != CM_OK)
			return cm_fail(err, rc, "no room for erasures");
		in->erased[in->nerased++] = entry.event;
		return CM_OK;
	}
	in->nbatch++;
	return cm_store_batch_add(in->batch, &entry, err);
}

static int sort_out(struct cm_store *store, const struct cm_event *events,
		    size_t count, struct in *in, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_arena *arena = NULL;
	int rc = cm_arena_new(CM_VIEW_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = cm_store_read_begin(store, arena, &reader, err);
	for (size_t i = 0; rc == CM_OK && i < count; i++) {
		bool known = false;

		if (!cm_fact_refuses(cm_event_fact(&events[i])))
			rc = cm_fail(err, CM_EUSAGE,
				     "only refusals are put back, and %s is "
				     "none",
				     cm_event_type_name(events[i].type));
		if (rc == CM_OK)
			rc = is_known(reader, &events[i], &known, err);
		if (rc == CM_OK && !known)
			rc = take_one(in, &events[i], err);
	}
	cm_store_read_end(&reader);
	cm_arena_free(&arena);
	return rc;
}

int cm_store_replay(struct cm_store *store, const struct cm_event *events,
		    size_t count, int64_t now, uint64_t *ret_new,
		    struct cm_error *err)
{
	struct in in = {0};
	struct cm_erased erased;
	uint64_t first;
	int rc = cm_store_batch_begin(store, &in.batch, err);

	if (rc == CM_OK)
		rc = sort_out(store, events, count, &in, err);
	if (rc == CM_OK && in.nbatch > 0)
		rc = cm_store_batch_commit(in.batch, now, &first, err);
	if (rc == CM_OK && in.nerased > 0)
		rc = cm_store_erase(store, in.erased, in.nerased, now, &first,
				    &erased, err);
	if (rc == CM_OK)
		*ret_new = in.nbatch + in.nerased;
	cm_store_batch_free(&in.batch);
	free(in.erased);
	return rc;
}
