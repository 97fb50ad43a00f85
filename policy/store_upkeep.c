/* Rebuilding what follows from the ledger, and counting. */
#include "policy/store_internal.h"

#include <string.h>

#include "lib/lockfile.h"

enum { PROGRESS_EVERY = 1 << 14 };

int cm_ledger_next(struct cm_ledger_walk *walk, struct cm_event *ret_event,
		   struct cm_span *ret_json, struct cm_error *err)
{
	unsigned long long seq = walk->seq;
	struct cm_span key, json;
	int rc = walk->seq == 0 ? cm_kv_seek(walk->cursor, cm_span(""), &key,
					     &json, err)
				: cm_kv_next(walk->cursor, &key, &json, err);

	if (rc != CM_OK)
		return rc;
	if (key.n != CM_SEQ_LEN || cm_get_u64(key.p) != walk->seq)
		return cm_fail(err, CM_ECORRUPT,
			       "event %llu is missing from the ledger: "
			       "restore a backup",
			       seq);
	rc = cm_event_decode(json, ret_event, err);
	if (rc != CM_OK) {
		(void)cm_error_prefix(err, "event %llu: ", seq);
		return CM_ECORRUPT;
	}
	walk->seq++;
	*ret_json = json;
	if (walk->progress != NULL && walk->seq % PROGRESS_EVERY == 0)
		walk->progress(walk->ctx, walk->seq, walk->total);
	return CM_OK;
}

/* ---- rebuild ------------------------------------------------------------ */

static int walk_ledger(struct cm_writer *writer, struct cm_ledger_walk *walk,
		       struct cm_rows *rows,
		       struct cm_merkle_appender *appender,
		       struct cm_error *err)
{
	struct cm_event event;
	struct cm_span json;
	int rc;

	while ((rc = cm_ledger_next(walk, &event, &json, err)) == CM_OK) {
		if (event.rec > writer->head.newest_rec)
			writer->head.newest_rec = event.rec;
		rc = cm_merkle_append(appender, json, err);
		if (rc == CM_OK)
			rc = cm_rows_add(rows, &event, err);
		if (rc != CM_OK)
			return rc;
	}
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int rebuild_hashes(struct cm_writer *writer, struct cm_rows *rows,
			  cm_progress_fn progress, void *ctx,
			  struct cm_error *err)
{
	struct cm_ledger_walk walk = {.progress = progress, .ctx = ctx};
	struct cm_merkle_appender *appender = NULL;
	struct cm_tile_store tiles;
	int rc = cm_kv_count(writer->txn, CM_DB_LEDGER, &walk.total, err);

	cm_tile_store_init(&tiles, writer->txn);
	if (rc == CM_OK)
		rc = cm_kv_cursor_open(writer->txn, CM_DB_LEDGER, &walk.cursor,
				       err);
	if (rc == CM_OK)
		rc = cm_merkle_append_begin(&tiles.tiles, 0, &appender, err);
	if (rc == CM_OK)
		rc = walk_ledger(writer, &walk, rows, appender, err);
	if (rc == CM_OK)
		rc = cm_merkle_append_finish(appender, &writer->head.size,
					     &writer->head.root, err);
	cm_merkle_append_free(&appender);
	cm_kv_cursor_close(&walk.cursor);
	return cm_tile_store_why(&tiles, rc, err);
}

static int clear_views(struct cm_writer *writer, struct cm_error *err)
{
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < CM_VIEW_DBS; i++)
		rc = cm_kv_clear(writer->txn, cm_view_dbs[i], err);
	return rc;
}

static int read_ledger(struct cm_writer *writer, struct cm_rows *rows,
		       struct cm_error *err)
{
	struct cm_ledger_walk walk = {.total = writer->head.size};
	struct cm_event event;
	struct cm_span json;
	int rc =
		cm_kv_cursor_open(writer->txn, CM_DB_LEDGER, &walk.cursor, err);

	while (rc == CM_OK) {
		rc = cm_ledger_next(&walk, &event, &json, err);
		if (rc == CM_OK)
			rc = cm_rows_add(rows, &event, err);
	}
	cm_kv_cursor_close(&walk.cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

int cm_writer_all_views(struct cm_writer *writer, struct cm_error *err)
{
	struct cm_rows rows = {0};
	int rc = clear_views(writer, err);

	if (rc == CM_OK)
		rc = read_ledger(writer, &rows, err);
	if (rc == CM_OK)
		rc = cm_writer_views(writer, &rows, 0, err);
	cm_rows_free(&rows);
	return rc;
}

/* Private may be an old backup, or the notes damaged: erase all again. */
static int note_erased(struct cm_writer *writer, const struct cm_rows *rows,
		       struct cm_error *err)
{
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < rows->count; i++) {
		const struct cm_row *row = &rows->row[i];

		if (rows->kinds[row->kind].type == CM_EVENT_ERASED)
			rc = cm_erase_note(writer, &row->contact, err);
	}
	return rc;
}

static int rebuild_all(struct cm_writer *writer, cm_progress_fn progress,
		       void *ctx, struct cm_error *err)
{
	struct cm_rows rows = {0};
	struct cm_head old;
	int rc;

	/* Only the mark is not in the ledger; without it, the next write to
	 * private looks for orphans. */
	if (cm_head_get(writer->store, writer->txn, writer->hmac, &old, NULL) ==
	    CM_OK)
		memcpy(writer->head.private_mark, old.private_mark,
		       CM_MARK_LEN);
	rc = clear_views(writer, err);
	if (rc == CM_OK)
		rc = cm_kv_clear(writer->txn, CM_DB_HASHES, err);
	if (rc == CM_OK)
		rc = cm_stop_drop_bad_notes(writer, err);
	if (rc == CM_OK)
		rc = rebuild_hashes(writer, &rows, progress, ctx, err);
	if (rc == CM_OK)
		rc = cm_writer_views(writer, &rows, 0, err);
	if (rc == CM_OK)
		rc = note_erased(writer, &rows, err);
	cm_rows_free(&rows);
	return rc == CM_OK ? cm_writer_commit(writer, err) : rc;
}

int cm_store_rebuild(struct cm_store *store, cm_progress_fn progress, void *ctx,
		     struct cm_error *err)
{
	struct cm_erased erased;
	struct cm_writer writer;
	int rc = cm_writer_begin(store, 0, store->lock_wait_ms, false, &writer,
				 err);

	if (rc != CM_OK)
		return rc;
	rc = cm_head_check_key(store, writer.txn, true, err);
	if (rc == CM_OK)
		rc = rebuild_all(&writer, progress, ctx, err);
	cm_writer_end(&writer);
	return rc == CM_OK ? cm_store_erase_finish(store, &erased, err) : rc;
}

/* ---- counting ----------------------------------------------------------- */

static int count_private(struct cm_store *store, uint64_t *ret_addresses,
			 struct cm_error *err)
{
	struct cm_kv *kv = NULL;
	struct cm_kv_txn *txn = NULL;
	int lock = -1;
	int rc = cm_private_open(store, true, &lock, &kv, err);

	if (rc == CM_OK)
		rc = cm_kv_begin_read(kv, &txn, err);
	if (rc == CM_OK)
		rc = cm_kv_count(txn, CM_DB_ADDRESSES, ret_addresses, err);
	cm_kv_abort(&txn);
	cm_kv_close(&kv);
	cm_lockfile_drop(&lock);
	return rc;
}

static int count_ledger(struct cm_store_reader *reader,
			struct cm_store_counts *counts, struct cm_error *err)
{
	int rc = cm_kv_count(reader->ledger, CM_DB_CONTACTS, &counts->contacts,
			     err);

	counts->events = reader->head.size;
	counts->stop_pending = reader->nstop;
	counts->newest_rec = reader->head.newest_rec;
	if (rc == CM_OK)
		rc = cm_kv_count(reader->ledger, CM_DB_FAMILY,
				 &counts->families, err);
	if (rc == CM_OK)
		rc = cm_erase_pending(reader->ledger, &counts->erase_pending,
				      err);
	return rc == CM_OK ? cm_store_root(reader, &counts->root, err) : rc;
}

int cm_store_count(struct cm_store *store, struct cm_store_counts *ret_counts,
		   struct cm_error *err)
{
	struct cm_store_counts counts = {0};
	struct cm_store_reader *reader = NULL;
	struct cm_arena *arena = NULL;
	int rc = cm_arena_new(CM_VIEW_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = cm_store_read_begin(store, arena, &reader, err);
	if (rc == CM_OK)
		rc = count_ledger(reader, &counts, err);
	cm_store_read_end(&reader);
	cm_arena_free(&arena);
	if (rc == CM_OK && store->access == CM_STORE_WRITE)
		rc = count_private(store, &counts.addresses, err);
	if (rc == CM_OK)
		*ret_counts = counts;
	return rc;
}
