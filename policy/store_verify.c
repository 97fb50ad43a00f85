/*
 * Recompute everything from the ledger and compare it with what is there.
 *
 * Goes on after a disagreement as far as that makes sense: an event that
 * cannot be read ends the walk, since nothing behind it can be trusted to be
 * in its place.
 */
#include "policy/store_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/lockfile.h"

enum { LINES_MAX = 100, LINE_MAX_LEN = 400 };

struct verify {
	struct cm_store *store;
	struct cm_buf *report;
	struct cm_hmac *hmac;
	struct cm_kv_txn *stop;
	struct cm_kv_txn *ledger;
	struct cm_head head;
	bool has_head;
	uint64_t bad;
	struct cm_rows rows;
	int64_t newest_rec;
	bool walked; /* the whole ledger was read */
	uint64_t tiles;
	struct cm_tile_store stored;
	/* One cursor a database while views are compared. */
	struct cm_kv_cursor *cursor[CM_LEDGER_DBS];
	struct cm_span key[CM_LEDGER_DBS];
	struct cm_span value[CM_LEDGER_DBS];
	bool end[CM_LEDGER_DBS];
};

static void say(struct verify *v, const char *fmt, ...) CM_PRINTF(2, 3);

static void say(struct verify *v, const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list ap;

	if (++v->bad > LINES_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)cm_buf_adds(v->report, line);
	(void)cm_buf_addc(v->report, '\n');
}

/* The key of a row as a person can look it up. */
static const char *name_key(struct cm_span key, char *out, size_t size)
{
	enum { SHOW = 24 };
	size_t n = key.n > SHOW ? SHOW : key.n;

	if (size > 2 * n)
		(void)cm_hex_encode(key.p, n, out);
	return out;
}

/* ---- the ledger and its hashes ------------------------------------------ */

static int compare_leaves(struct verify *v, uint64_t index, struct cm_span want,
			  struct cm_span got)
{
	for (size_t i = 0; i < want.n / CM_HASH_LEN; i++) {
		size_t at = i * CM_HASH_LEN;

		if (got.n < at + CM_HASH_LEN ||
		    memcmp(want.p + at, got.p + at, CM_HASH_LEN) != 0)
			say(v, "event %llu: not what its hash was made of",
			    (unsigned long long)index * CM_MERKLE_TILE_WIDTH +
				    i);
	}
	if (got.n > want.n)
		say(v, "hashes: more leaves than events from event %llu on",
		    (unsigned long long)index * CM_MERKLE_TILE_WIDTH +
			    want.n / CM_HASH_LEN);
	return CM_OK;
}

/* In the place of writing a tile: is it the one that is there? */
static int check_tile(void *ctx, unsigned level, uint64_t index,
		      struct cm_span hashes)
{
	struct verify *v = ctx;
	struct cm_span got = {0};
	int rc = v->stored.tiles.read(&v->stored, level, index, &got);

	if (rc == CM_ENOTFOUND) {
		say(v, "hashes: tile %u/%llu is missing", level,
		    (unsigned long long)index);
		return CM_OK;
	}
	if (rc != CM_OK)
		return rc;
	v->tiles++;
	if (cm_span_eq(hashes, got))
		return CM_OK;
	if (level == 0)
		return compare_leaves(v, index, hashes, got);
	say(v, "hashes: tile %u/%llu differs", level,
	    (unsigned long long)index);
	return CM_OK;
}

static int no_tile(void *ctx, unsigned level, uint64_t index,
		   struct cm_span *ret_hashes)
{
	(void)ctx;
	(void)level;
	(void)index;
	(void)ret_hashes;
	return CM_ENOTFOUND;
}

static int walk(struct verify *v, struct cm_ledger_walk *ledger,
		struct cm_merkle_appender *appender, struct cm_error *err)
{
	struct cm_event event;
	struct cm_span json;
	int rc;

	while ((rc = cm_ledger_next(ledger, &event, &json, err)) == CM_OK) {
		if (event.rec > v->newest_rec)
			v->newest_rec = event.rec;
		rc = cm_merkle_append(appender, json, err);
		if (rc == CM_OK)
			rc = cm_rows_add(&v->rows, &event, err);
		if (rc != CM_OK)
			return rc;
	}
	if (rc == CM_ECORRUPT)
		say(v, "%s", err->text);
	v->walked = rc == CM_ENOTFOUND;
	return rc == CM_ENOTFOUND || rc == CM_ECORRUPT ? CM_OK : rc;
}

static int check_size(struct verify *v, uint64_t size,
		      const struct cm_hash *root, struct cm_error *err)
{
	uint64_t tiles;
	int rc = cm_kv_count(v->ledger, CM_DB_HASHES, &tiles, err);

	if (rc != CM_OK)
		return rc;
	if (tiles > v->tiles)
		say(v, "hashes: %llu rows that belong to no tile of the tree",
		    (unsigned long long)(tiles - v->tiles));
	if (!v->has_head)
		return CM_OK;
	if (v->head.size != size)
		say(v, "head: says %llu events, the ledger has %llu",
		    (unsigned long long)v->head.size, (unsigned long long)size);
	else if (memcmp(root, &v->head.root, sizeof(*root)) != 0)
		say(v, "head: another root than that of the ledger's events");
	if (v->head.newest_rec != v->newest_rec)
		say(v, "head: another newest time than the ledger's events");
	return CM_OK;
}

static int check_ledger(struct verify *v, cm_progress_fn progress, void *ctx,
			struct cm_error *err)
{
	const struct cm_merkle_tiles compare = {
		.ctx = v, .read = no_tile, .write = check_tile};
	struct cm_ledger_walk ledger = {.progress = progress, .ctx = ctx};
	struct cm_merkle_appender *appender = NULL;
	struct cm_hash root;
	uint64_t size = 0;
	int rc = cm_kv_count(v->ledger, CM_DB_LEDGER, &ledger.total, err);

	cm_tile_store_init(&v->stored, v->ledger);
	if (rc == CM_OK)
		rc = cm_kv_cursor_open(v->ledger, CM_DB_LEDGER, &ledger.cursor,
				       err);
	if (rc == CM_OK)
		rc = cm_merkle_append_begin(&compare, 0, &appender, err);
	if (rc == CM_OK)
		rc = walk(v, &ledger, appender, err);
	if (rc == CM_OK && v->walked)
		rc = cm_merkle_append_finish(appender, &size, &root, err);
	if (rc == CM_OK && v->walked)
		rc = check_size(v, size, &root, err);
	cm_merkle_append_free(&appender);
	cm_kv_cursor_close(&ledger.cursor);
	return cm_tile_store_why(&v->stored, rc, err);
}

/* ---- the views ---------------------------------------------------------- */

static const char *const view_names[CM_LEDGER_DBS] = {
	[CM_DB_CONTACTS] = "contact",
	[CM_DB_FAMILY] = "family",
	[CM_DB_BY_CONTACT] = "index by contact",
};

static int step(struct verify *v, enum cm_ledger_db db, struct cm_error *err)
{
	int rc = cm_kv_next(v->cursor[db], &v->key[db], &v->value[db], err);

	v->end[db] = rc == CM_ENOTFOUND;
	return v->end[db] ? CM_OK : rc;
}

static int extra(struct verify *v, enum cm_ledger_db db, struct cm_error *err)
{
	char name[64] = "";

	say(v, "%s %s: follows from no event", view_names[db],
	    name_key(v->key[db], name, sizeof(name)));
	return step(v, db, err);
}

/* In the place of writing a row: is it the one that is there? */
static int check_row(void *ctx, enum cm_ledger_db db, struct cm_span key,
		     struct cm_span value, struct cm_error *err)
{
	struct verify *v = ctx;
	char name[64] = "";
	int rc = CM_OK;

	while (rc == CM_OK && !v->end[db] && cm_span_cmp(v->key[db], key) < 0)
		rc = extra(v, db, err);
	if (rc != CM_OK)
		return rc;
	if (v->end[db] || !cm_span_eq(v->key[db], key)) {
		say(v, "%s %s: missing", view_names[db],
		    name_key(key, name, sizeof(name)));
		return CM_OK;
	}
	if (!cm_span_eq(v->value[db], value))
		say(v, "%s %s: not what the events add up to", view_names[db],
		    name_key(key, name, sizeof(name)));
	return step(v, db, err);
}

static int open_cursors(struct verify *v, struct cm_error *err)
{
	int rc = CM_OK;

	for (int db = 0; rc == CM_OK && db < CM_LEDGER_DBS; db++) {
		if (view_names[db] == NULL)
			continue;
		rc = cm_kv_cursor_open(v->ledger, (unsigned)db, &v->cursor[db],
				       err);
		if (rc != CM_OK)
			return rc;
		rc = cm_kv_seek(v->cursor[db], cm_span(""), &v->key[db],
				&v->value[db], err);
		v->end[db] = rc == CM_ENOTFOUND;
		rc = v->end[db] ? CM_OK : rc;
	}
	return rc;
}

static int check_views(struct verify *v, struct cm_error *err)
{
	const struct cm_view_sink sink = {.ctx = v, .emit = check_row};
	int rc;

	if (!v->walked)
		return CM_OK;
	rc = open_cursors(v, err);
	if (rc == CM_OK)
		rc = cm_rows_to_views(&v->rows, 0, 0, 0, v->hmac, &sink, err);
	for (int db = 0; rc == CM_OK && db < CM_LEDGER_DBS; db++)
		while (rc == CM_OK && v->cursor[db] != NULL && !v->end[db])
			rc = extra(v, (enum cm_ledger_db)db, err);
	for (int db = 0; db < CM_LEDGER_DBS; db++)
		cm_kv_cursor_close(&v->cursor[db]);
	return rc;
}

/* ---- rows that stand for themselves ------------------------------------- */

/* CM_ECORRUPT: say so; another code ends the check. */
typedef int (*check_fn)(struct verify *v, struct cm_span key,
			struct cm_span value);

static int check_notice(struct verify *v, struct cm_span key,
			struct cm_span value)
{
	uint8_t hash[CM_HASH_LEN];
	int rc = cm_sha256(value.p, value.n, hash);

	(void)v;
	if (rc != CM_OK)
		return rc;
	return cm_span_eq(key, cm_span_n((const char *)hash, sizeof(hash)))
		       ? CM_OK
		       : CM_ECORRUPT;
}

static int check_meta(struct verify *v, struct cm_span key,
		      struct cm_span value)
{
	struct cm_span bytes;

	if (cm_span_is(key, "head"))
		return CM_OK; /* check_head() has looked */
	if (key.n == 0 ||
	    (key.p[0] != CM_NOTE_FOLDED && key.p[0] != CM_NOTE_ERASE))
		return CM_ECORRUPT;
	return cm_row_open(v->hmac, CM_MAC_META, key, value, &bytes);
}

static int check_stop(struct verify *v, struct cm_span key,
		      struct cm_span value)
{
	struct cm_event event;

	return cm_stop_open(v->hmac, key, value, &event, NULL);
}

static int check_address(struct verify *v, struct cm_span key,
			 struct cm_span value)
{
	struct cm_span canonical, as_given;

	return cm_address_open(v->hmac, key, value, &canonical, &as_given);
}

static int check_evidence(struct verify *v, struct cm_span key,
			  struct cm_span value)
{
	return cm_evidence_check(v->ledger, key, value);
}

static int each_row(struct verify *v, struct cm_kv_txn *txn, unsigned db,
		    const char *what, check_fn check, struct cm_error *err)
{
	struct cm_kv_cursor *cursor;
	struct cm_span key, value;
	char name[64] = "";
	int rc = cm_kv_cursor_open(txn, db, &cursor, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_seek(cursor, cm_span(""), &key, &value, err);
	while (rc == CM_OK) {
		rc = check(v, key, value);
		if (rc == CM_ECORRUPT)
			say(v, "%s %s: damaged", what,
			    name_key(key, name, sizeof(name)));
		else if (rc != CM_OK)
			cm_fail(err, rc, "cannot check a row of %s", what);
		if (rc == CM_OK || rc == CM_ECORRUPT)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int check_rows(struct verify *v, struct cm_error *err)
{
	int rc = each_row(v, v->ledger, CM_DB_NOTICES, "notice", check_notice,
			  err);

	if (rc == CM_OK)
		rc = each_row(v, v->ledger, CM_DB_META, "meta", check_meta,
			      err);
	if (rc == CM_OK)
		rc = each_row(v, v->stop, CM_DB_STOP, "stop", check_stop, err);
	return rc;
}

/* ---- private ------------------------------------------------------------ */

/*
 * With the marks apart, the last write to private has no ledger commit (yet):
 * what it left is swept by the next, and no disagreement.
 */
static int check_private_rows(struct verify *v, struct cm_kv_txn *txn,
			      struct cm_error *err)
{
	bool settled = false;
	int rc = cm_private_settled(txn, v->hmac, &v->head, &settled, err);

	if (rc == CM_ECORRUPT)
		say(v, "private: %s", err->text);
	else if (rc != CM_OK)
		return rc;
	rc = each_row(v, txn, CM_DB_ADDRESSES, "address of contact",
		      check_address, err);
	if (rc == CM_OK && settled)
		rc = each_row(v, txn, CM_DB_EVIDENCE, "evidence of event",
			      check_evidence, err);
	return rc;
}

static int check_private(struct verify *v, struct cm_error *err)
{
	struct cm_kv *kv = NULL;
	struct cm_kv_txn *txn = NULL;
	int lock = -1;
	int rc;

	if (v->store->access != CM_STORE_WRITE)
		return CM_OK;
	rc = cm_private_open(v->store, true, &lock, &kv, err);
	if (rc == CM_OK)
		rc = cm_kv_begin_read(kv, &txn, err);
	/* The ledger of no earlier than this moment: see struct last_write. */
	cm_kv_abort(&v->ledger);
	if (rc == CM_OK)
		rc = cm_kv_begin_read(v->store->ledger, &v->ledger, err);
	if (rc == CM_OK && v->has_head)
		rc = cm_head_get(v->store, v->ledger, v->hmac, &v->head, err);
	if (rc == CM_OK)
		rc = check_private_rows(v, txn, err);
	cm_kv_abort(&txn);
	cm_kv_close(&kv);
	cm_lockfile_drop(&lock);
	return rc;
}

/* ---- all ---------------------------------------------------------------- */

static int check_head(struct verify *v, struct cm_error *err)
{
	int rc = cm_head_get(v->store, v->ledger, v->hmac, &v->head, err);

	v->has_head = rc == CM_OK;
	if (rc != CM_ECORRUPT)
		return rc;
	say(v, "%s", err->text);
	return CM_OK;
}

static int verify_all(struct verify *v, cm_progress_fn progress, void *ctx,
		      struct cm_error *err)
{
	int rc = cm_store_hmac(v->store, &v->hmac, err);

	if (rc == CM_OK)
		rc = cm_kv_begin_read(v->store->stop, &v->stop, err);
	if (rc == CM_OK)
		rc = cm_kv_begin_read(v->store->ledger, &v->ledger, err);
	if (rc == CM_OK)
		rc = check_head(v, err);
	if (rc == CM_OK)
		rc = check_ledger(v, progress, ctx, err);
	if (rc == CM_OK)
		rc = check_views(v, err);
	if (rc == CM_OK)
		rc = check_rows(v, err);
	if (rc == CM_OK)
		rc = check_private(v, err);
	return rc;
}

int cm_store_verify(struct cm_store *store, struct cm_buf *report,
		    cm_progress_fn progress, void *ctx, struct cm_error *err)
{
	struct verify v = {.store = store, .report = report};
	struct cm_error own;
	int rc = verify_all(&v, progress, ctx, err == NULL ? &own : err);

	if (rc == CM_OK && v.bad > 0)
		rc = cm_fail(err, CM_ECORRUPT,
			     "%llu disagreements in the store of %zu events",
			     (unsigned long long)v.bad, v.rows.count);
	(void)cm_buf_addf(report, "%zu events checked, %llu disagreements%s\n",
			  v.rows.count, (unsigned long long)v.bad,
			  v.bad > LINES_MAX ? ", the first 100 named" : "");
	cm_kv_abort(&v.ledger);
	cm_kv_abort(&v.stop);
	cm_hmac_free(&v.hmac);
	cm_rows_free(&v.rows);
	return rc;
}
