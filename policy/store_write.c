/*
 * One write transaction: lock, fold stop, append, private first, commit.
 *
 * Private data is synced before the ledger, so an event's evidence is there
 * when the event is; what a crash between the two leaves is swept by the
 * next write to private (store_private.c).
 */
#include "policy/store_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lockfile.h"
#include "policy/decide.h"
#include "policy/event_form.h"

/* ---- the transaction ---------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int cm_writer_begin(struct cm_store *store, int64_t now, int wait_ms,
		    bool load_head, struct cm_writer *writer,
		    struct cm_error *err)
{
	int rc;

	memset(writer, 0, sizeof(*writer));
	writer->store = store;
	writer->lock = -1;
	writer->now = now;
	cm_buf_init(&writer->folded, SIZE_MAX - 1);
	if (store->access != CM_STORE_WRITE)
		return cm_fail(err, CM_EUSAGE, "%s is open for reading only",
			       store->folder);
	rc = cm_lockfile_take(store->writer_lock, wait_ms, &writer->lock, err);
	if (rc == CM_OK)
		rc = cm_store_hmac(store, &writer->hmac, err);
	if (rc == CM_OK)
		rc = cm_kv_begin_write(store->ledger, &writer->txn, err);
	if (rc == CM_OK && load_head)
		rc = cm_head_get(store, writer->txn, writer->hmac,
				 &writer->head, err);
	writer->rec = later(now, writer->head.newest_rec);
	if (rc != CM_OK)
		cm_writer_end(writer);
	return rc;
}

void cm_writer_end(struct cm_writer *writer)
{
	cm_kv_abort(&writer->txn);
	cm_hmac_free(&writer->hmac);
	cm_buf_free(&writer->folded);
	cm_store_batch_free(&writer->unsealed);
	cm_lockfile_drop(&writer->lock);
}

void cm_writer_keep(struct cm_writer *writer,
		    const struct cm_store_batch *batch, uint64_t first)
{
	if (batch->naddresses + batch->nevidence == 0)
		return;
	writer->parts[writer->nparts].batch = batch;
	writer->parts[writer->nparts++].first = first;
}

int cm_writer_commit(struct cm_writer *writer, struct cm_error *err)
{
	int rc = CM_OK;

	if (writer->nparts > 0)
		rc = cm_private_write(writer, err);
	if (rc == CM_OK)
		rc = cm_head_put(writer->store, writer->txn, writer->hmac,
				 &writer->head, err);
	if (rc == CM_OK)
		rc = cm_kv_commit(&writer->txn, err);
	if (rc == CM_OK)
		cm_stop_forget(writer);
	return rc;
}

/* ---- events ------------------------------------------------------------- */

/* Kinds take turns in a batch, but few at a time. */
enum { FORMS = 64 };

struct forms {
	struct cm_event_form form[FORMS];
	uint32_t of[FORMS]; /* kind + 1; 0 = none yet */
};

static int form_of(struct forms *forms, const struct cm_rows *rows,
		   uint32_t kind, struct cm_event_form **ret_form)
{
	size_t slot = kind % FORMS;
	int rc = CM_OK;

	if (forms->of[slot] != kind + 1)
		rc = cm_event_form_set(&forms->form[slot], &rows->kinds[kind]);
	forms->of[slot] = rc == CM_OK ? kind + 1 : 0;
	*ret_form = &forms->form[slot];
	return rc;
}

static int encode_row(struct forms *forms, const struct cm_rows *rows, size_t i,
		      int64_t rec, struct cm_buf *json, struct cm_error *err)
{
	static const struct cm_row_dates none;
	const struct cm_row *row = &rows->row[i];
	const struct cm_row_dates *dates =
		row->dates != 0 ? &rows->dates[row->dates - 1] : &none;
	const struct cm_event_own own = {
		.contact = &row->contact,
		.family = &row->family,
		.evidence = row->evidence != 0
				    ? &rows->evidence[row->evidence - 1]
				    : NULL,
		.at = row->at,
		.rec = rec,
		.sold = dates->sold,
		.ended = dates->ended,
	};
	struct cm_event_form *form;
	int rc = form_of(forms, rows, row->kind, &form);

	cm_buf_reset(json);
	if (rc == CM_OK)
		rc = cm_event_form_write(form, &own, json);
	if (rc == CM_OK)
		return rc;
	return cm_fail(err, rc, "a %s event of %" PRId64 " is not well formed",
		       cm_event_type_name(rows->kinds[row->kind].type),
		       row->at);
}

static int append_event(struct cm_writer *writer, uint64_t seq,
			struct cm_span bytes,
			struct cm_merkle_appender *appender,
			struct cm_error *err)
{
	uint8_t key[CM_SEQ_LEN];
	int rc;

	cm_put_u64(seq, key);
	rc = cm_kv_append(writer->txn, CM_DB_LEDGER,
			  cm_span_n((const char *)key, sizeof(key)), bytes,
			  err);
	return rc == CM_OK ? cm_merkle_append(appender, bytes, err) : rc;
}

static int append_events(struct cm_writer *writer, const struct cm_rows *rows,
			 struct cm_merkle_appender *appender,
			 struct cm_error *err)
{
	struct forms *forms = calloc(1, sizeof(*forms));
	struct cm_buf json;
	int rc = CM_OK;

	if (forms == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	cm_buf_init(&json, CM_STORE_JSON_MAX);
	for (size_t i = 0; rc == CM_OK && i < rows->count; i++) {
		rc = encode_row(forms, rows, i, writer->rec, &json, err);
		if (rc == CM_OK)
			rc = append_event(writer, writer->head.size + i,
					  cm_span_n(json.data, json.len),
					  appender, err);
	}
	cm_buf_free(&json);
	for (size_t i = 0; i < FORMS; i++)
		cm_event_form_free(&forms->form[i]);
	free(forms);
	return rc;
}

static int append_to_ledger(struct cm_writer *writer,
			    const struct cm_rows *rows, struct cm_error *err)
{
	struct cm_merkle_appender *appender = NULL;
	struct cm_tile_store tiles;
	int rc;

	cm_tile_store_init(&tiles, writer->txn);
	rc = cm_merkle_append_begin(&tiles.tiles, writer->head.size, &appender,
				    err);
	if (rc == CM_OK)
		rc = append_events(writer, rows, appender, err);
	if (rc == CM_OK)
		rc = cm_merkle_append_finish(appender, &writer->head.size,
					     &writer->head.root, err);
	cm_merkle_append_free(&appender);
	return cm_tile_store_why(&tiles, rc, err);
}

/* ---- views -------------------------------------------------------------- */

const enum cm_ledger_db cm_view_dbs[CM_VIEW_DBS] = {
	CM_DB_CONTACTS, CM_DB_FAMILY, CM_DB_BY_CONTACT};

struct view_store {
	struct cm_kv_txn *txn;
	bool empty[CM_LEDGER_DBS]; /* was, before these rows */
};

static int load_row(void *ctx, enum cm_ledger_db db, struct cm_span key,
		    struct cm_span *ret_value, struct cm_error *err)
{
	struct view_store *views = ctx;

	if (views->empty[db])
		return CM_ENOTFOUND;
	return cm_kv_get(views->txn, db, key, ret_value, err);
}

static int emit_row(void *ctx, enum cm_ledger_db db, struct cm_span key,
		    struct cm_span value, struct cm_error *err)
{
	struct view_store *views = ctx;

	if (views->empty[db])
		return cm_kv_append(views->txn, db, key, value, err);
	return cm_kv_put(views->txn, db, key, value, err);
}

int cm_writer_views(struct cm_writer *writer, struct cm_rows *rows,
		    uint64_t first, struct cm_error *err)
{
	struct view_store views = {.txn = writer->txn};
	const struct cm_view_sink sink = {
		.ctx = &views, .load = load_row, .emit = emit_row};

	for (size_t i = 0; i < CM_VIEW_DBS; i++) {
		enum cm_ledger_db db = cm_view_dbs[i];
		uint64_t count;
		int rc = cm_kv_count(writer->txn, db, &count, err);

		if (rc != CM_OK)
			return rc;
		views.empty[db] = count == 0;
	}
	return cm_rows_to_views(rows, first, writer->now, writer->rec,
				writer->hmac, &sink, err);
}

/* A view cannot forget, so what was undone makes all of them anew. */
static int append_corrections(struct cm_writer *writer,
			      const struct cm_rows *rows, struct cm_error *err)
{
	int rc;

	for (size_t i = 0; i < rows->count; i++) {
		if (rows->row[i].at == 0)
			return cm_fail(err, CM_EUSAGE,
				       "a correction, and what is written "
				       "with it, needs its time");
	}
	rc = append_to_ledger(writer, rows, err);
	return rc == CM_OK ? cm_writer_all_views(writer, err) : rc;
}

int cm_writer_append(struct cm_writer *writer, struct cm_rows *rows,
		     struct cm_error *err)
{
	int rc;

	if (rows->count == 0)
		return CM_OK;
	if (cm_rows_correct(rows)) {
		rc = append_corrections(writer, rows, err);
	} else {
		/* Views first: they give direct acts their time. */
		rc = cm_writer_views(writer, rows, writer->head.size, err);
		if (rc == CM_OK)
			rc = append_to_ledger(writer, rows, err);
	}
	if (rc == CM_OK)
		writer->head.newest_rec = writer->rec;
	return rc;
}

/* ---- batches ------------------------------------------------------------ */

int cm_store_batch_begin(struct cm_store *store,
			 struct cm_store_batch **ret_batch,
			 struct cm_error *err)
{
	struct cm_store_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	batch->store = store;
	cm_buf_init(&batch->texts, SIZE_MAX - 1);
	*ret_batch = batch;
	return CM_OK;
}

void cm_store_batch_free(struct cm_store_batch **batch)
{
	if (*batch == NULL)
		return;
	cm_hasher_free(&(*batch)->hasher);
	cm_rows_free(&(*batch)->rows);
	cm_buf_free(&(*batch)->texts);
	free((*batch)->addresses);
	free((*batch)->evidence);
	free(*batch);
	*batch = NULL;
}

static int keep_address(struct cm_store_batch *batch,
			const struct cm_store_entry *entry, uint32_t *ret_index)
{
	struct cm_private_text text = {
		.at = batch->texts.len,
		.n = (uint32_t)(entry->address->n + entry->as_given.n),
		.canonical = (uint32_t)entry->address->n,
	};
	int rc = cm_grow(&batch->addresses, batch->naddresses,
			 &batch->addresses_room, sizeof(text));

	if (rc == CM_OK)
		rc = cm_buf_add(&batch->texts, entry->address->canonical,
				entry->address->n);
	if (rc == CM_OK)
		rc = cm_buf_add(&batch->texts, entry->as_given.p,
				entry->as_given.n);
	if (rc != CM_OK)
		return rc;
	batch->addresses[batch->naddresses++] = text;
	*ret_index = (uint32_t)batch->naddresses;
	return CM_OK;
}

static int next_salt(struct cm_store_batch *batch, const uint8_t **ret_salt,
		     struct cm_error *err)
{
	int rc;

	if (batch->nsalts == 0) {
		rc = cm_random(batch->salts, sizeof(batch->salts), err);
		if (rc != CM_OK)
			return rc;
		batch->nsalts = CM_SALTS;
	}
	*ret_salt = batch->salts[--batch->nsalts];
	return CM_OK;
}

/* Salted, so that nobody can try likely texts against the ledger. */
static int keep_evidence(struct cm_store_batch *batch, struct cm_span evidence,
			 struct cm_event *event, struct cm_error *err)
{
	struct cm_private_text text = {
		.at = batch->texts.len,
		.n = (uint32_t)(CM_SALT_LEN + evidence.n),
	};
	const uint8_t *salt = NULL;
	struct cm_span salted;
	int rc = next_salt(batch, &salt, err);

	if (rc == CM_OK && batch->hasher == NULL)
		rc = cm_hasher_new(&batch->hasher, err);
	if (rc == CM_OK)
		rc = cm_grow(&batch->evidence, batch->nevidence,
			     &batch->evidence_room, sizeof(text));
	if (rc == CM_OK)
		rc = cm_buf_add(&batch->texts, salt, CM_SALT_LEN);
	if (rc == CM_OK)
		rc = cm_buf_add(&batch->texts, evidence.p, evidence.n);
	if (rc != CM_OK)
		return rc;
	salted = cm_span_n(batch->texts.data + text.at, text.n);
	rc = cm_hasher_sum(batch->hasher, &salted, 1, event->evidence.b);
	if (rc != CM_OK)
		return rc;
	event->has_evidence = true;
	batch->evidence[batch->nevidence++] = text;
	return CM_OK;
}

static int check_entry(const struct cm_store_entry *entry, struct cm_error *err)
{
	if (entry->evidence.n > CM_EVIDENCE_MAX)
		return cm_fail(err, CM_ELIMIT,
			       "evidence of %zu octets; at most %d are kept",
			       entry->evidence.n, CM_EVIDENCE_MAX);
	if (entry->as_given.n > CM_AS_GIVEN_MAX)
		return cm_fail(err, CM_ELIMIT,
			       "an address as given of %zu octets; at most %d "
			       "are kept",
			       entry->as_given.n, CM_AS_GIVEN_MAX);
	return CM_OK;
}

int cm_store_batch_add(struct cm_store_batch *batch,
		       const struct cm_store_entry *entry, struct cm_error *err)
{
	struct cm_event event = entry->event;
	uint32_t address = 0;
	int rc = check_entry(entry, err);

	if (rc != CM_OK)
		return rc;
	event.has_evidence = false;
	if (entry->evidence.n > 0)
		rc = keep_evidence(batch, entry->evidence, &event, err);
	if (rc == CM_OK && entry->address != NULL)
		rc = keep_address(batch, entry, &address);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot keep an event's private data");
	rc = cm_rows_add(&batch->rows, &event, err);
	if (rc != CM_OK)
		return rc;
	batch->rows.row[batch->rows.count - 1].address = address;
	if (!cm_rows_refuses(&batch->rows, batch->rows.count - 1))
		batch->grants = true;
	return CM_OK;
}

/* A clock set back would let an old grant look newer than a refusal. */
static int check_clock(const struct cm_store_batch *batch,
		       const struct cm_writer *writer, struct cm_error *err)
{
	int64_t behind = writer->head.newest_rec - writer->now;

	if (!batch->grants || behind <= CM_CLOCK_SLACK_MS)
		return CM_OK;
	return cm_fail(err, CM_EAGAIN,
		       "the clock is %" PRId64
		       " s behind the newest record: only refusals are "
		       "taken until it is right",
		       behind / 1000);
}

static int write_batch(struct cm_store_batch *batch, struct cm_writer *writer,
		       uint64_t *ret_first, struct cm_error *err)
{
	uint64_t first;
	int rc = check_clock(batch, writer, err);

	if (rc == CM_OK)
		rc = cm_stop_fold(writer, err);
	if (rc != CM_OK)
		return rc;
	first = writer->head.size;
	rc = cm_writer_append(writer, &batch->rows, err);
	cm_writer_keep(writer, batch, first);
	if (rc == CM_OK)
		rc = cm_writer_commit(writer, err);
	if (rc == CM_OK)
		*ret_first = first;
	return rc;
}

int cm_store_batch_commit(struct cm_store_batch *batch, int64_t now,
			  uint64_t *ret_first_seq, struct cm_error *err)
{
	struct cm_writer writer;
	int rc = cm_rows_sort(&batch->rows, err); /* before others must wait */

	if (rc == CM_OK)
		rc = cm_writer_begin(batch->store, now,
				     batch->store->lock_wait_ms, true, &writer,
				     err);
	if (rc != CM_OK)
		return rc;
	rc = write_batch(batch, &writer, ret_first_seq, err);
	batch->rec = writer.rec;
	cm_writer_end(&writer);
	return rc;
}

/* Tell the caller what the store has set. */
static void report_back(const struct cm_store_batch *batch,
			struct cm_store_entry *entries)
{
	for (size_t i = 0; i < batch->rows.count; i++)
		cm_rows_event(&batch->rows, i, batch->rec, &entries[i].event);
}

int cm_store_append(struct cm_store *store, struct cm_store_entry *entries,
		    size_t count, int64_t now, uint64_t *ret_first_seq,
		    struct cm_error *err)
{
	struct cm_store_batch *batch = NULL;
	int rc = cm_store_batch_begin(store, &batch, err);

	if (rc != CM_OK)
		return rc;
	for (size_t i = 0; rc == CM_OK && i < count; i++)
		rc = cm_store_batch_add(batch, &entries[i], err);
	if (rc == CM_OK)
		rc = cm_store_batch_commit(batch, now, ret_first_seq, err);
	if (rc == CM_OK)
		report_back(batch, entries);
	cm_store_batch_free(&batch);
	return rc;
}

/* ---- notices ------------------------------------------------------------ */

static int has_notice(struct cm_store *store, struct cm_span key,
		      bool *ret_there, struct cm_error *err)
{
	struct cm_kv_txn *txn;
	struct cm_span text;
	int rc = cm_kv_begin_read(store->ledger, &txn, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_get(txn, CM_DB_NOTICES, key, &text, err);
	cm_kv_abort(&txn);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	*ret_there = rc == CM_OK;
	return CM_OK;
}

static int put_notice(struct cm_store *store, struct cm_span key,
		      struct cm_span text, struct cm_error *err)
{
	struct cm_writer writer;
	int rc = cm_writer_begin(store, 0, store->lock_wait_ms, true, &writer,
				 err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_put(writer.txn, CM_DB_NOTICES, key, text, err);
	if (rc == CM_OK)
		rc = cm_writer_commit(&writer, err);
	cm_writer_end(&writer);
	return rc;
}

int cm_store_catch_up(struct cm_store *store, int64_t now, struct cm_error *err)
{
	struct cm_writer writer;
	int rc = cm_writer_begin(store, now, store->lock_wait_ms, false,
				 &writer, err);

	if (rc == CM_OK)
		cm_writer_end(&writer);
	return rc;
}

int cm_store_put_notice(struct cm_store *store, struct cm_span text,
			struct cm_hash *ret_hash, struct cm_error *err)
{
	struct cm_hash hash = {0};
	struct cm_span key = cm_span_n((const char *)hash.b, sizeof(hash.b));
	bool there = false;
	int rc = cm_sha256(text.p, text.n, hash.b);

	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot hash a notice");
	rc = has_notice(store, key, &there, err);
	if (rc == CM_OK && !there)
		rc = put_notice(store, key, text, err);
	if (rc == CM_OK)
		*ret_hash = hash;
	return rc;
}
