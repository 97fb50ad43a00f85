/* Readers: see store.h. */
#include "policy/store_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

enum {
	REAP_MS = 3600 * 1000,
	/* Kept for the next message; an MTA rarely has more at one instant. */
	IDLE_MAX = 64,
};

/* ---- begin and end ------------------------------------------------------ */

static struct cm_store_reader *take_idle(struct cm_store *store)
{
	struct cm_store_reader *reader;

	(void)pthread_mutex_lock(&store->mutex);
	reader = store->idle;
	if (reader != NULL) {
		store->idle = reader->next;
		store->nidle--;
	}
	(void)pthread_mutex_unlock(&store->mutex);
	return reader;
}

static void free_reader(struct cm_store_reader *reader)
{
	cm_hmac_free(&reader->hmac);
	free(reader);
}

static void give_back(struct cm_store_reader *reader)
{
	struct cm_store *store = reader->store;
	bool keep;

	(void)pthread_mutex_lock(&store->mutex);
	keep = store->nidle < IDLE_MAX;
	if (keep) {
		reader->next = store->idle;
		store->idle = reader;
		store->nidle++;
	}
	(void)pthread_mutex_unlock(&store->mutex);
	if (!keep)
		free_reader(reader);
}

void cm_readers_free(struct cm_store *store)
{
	struct cm_store_reader *reader;

	while ((reader = take_idle(store)) != NULL)
		free_reader(reader);
}

static int new_reader(struct cm_store *store,
		      struct cm_store_reader **ret_reader, struct cm_error *err)
{
	struct cm_store_reader *reader = take_idle(store);
	int rc;

	if (reader != NULL) {
		*ret_reader = reader;
		return CM_OK;
	}
	reader = calloc(1, sizeof(*reader));
	if (reader == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	reader->store = store;
	rc = cm_store_hmac(store, &reader->hmac, err);
	if (rc != CM_OK) {
		free(reader);
		return rc;
	}
	*ret_reader = reader;
	return CM_OK;
}

/* Slots of readers that died keep old pages from being used again. */
static int reap(struct cm_store *store, struct cm_error *err)
{
	int64_t now = cm_clock_steady_ms();
	int64_t then = atomic_load(&store->reaped_at);
	int rc;

	if (then != 0 && now - then < REAP_MS)
		return CM_OK;
	if (!atomic_compare_exchange_strong(&store->reaped_at, &then, now))
		return CM_OK; /* another thread does it */
	if (then == 0)        /* opening has just done it */
		return CM_OK;
	rc = cm_kv_reap(store->ledger, err);
	return rc == CM_OK ? cm_kv_reap(store->stop, err) : rc;
}

static int begin_txns(struct cm_store_reader *reader, struct cm_error *err)
{
	struct cm_store *store = reader->store;
	int rc = cm_kv_begin_read(store->stop, &reader->stop, err);

	if (rc == CM_OK)
		rc = cm_kv_begin_read(store->ledger, &reader->ledger, err);
	if (rc == CM_OK)
		rc = cm_kv_count(reader->stop, CM_DB_STOP, &reader->nstop, err);
	if (rc == CM_OK)
		rc = cm_head_get_again(store, reader->ledger, reader->hmac,
				       &reader->seen, &reader->head, err);
	return rc;
}

int cm_store_read_begin(struct cm_store *store, struct cm_arena *arena,
			struct cm_store_reader **ret_reader,
			struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	int rc = reap(store, err);

	if (rc == CM_OK)
		rc = new_reader(store, &reader, err);
	if (rc != CM_OK)
		return rc;
	reader->arena = arena;
	rc = begin_txns(reader, err);
	if (rc != CM_OK) {
		cm_store_read_end(&reader);
		return rc;
	}
	*ret_reader = reader;
	return CM_OK;
}

void cm_store_read_end(struct cm_store_reader **reader)
{
	if (*reader == NULL)
		return;
	cm_kv_abort(&(*reader)->ledger);
	cm_kv_abort(&(*reader)->stop);
	(*reader)->arena = NULL;
	give_back(*reader);
	*reader = NULL;
}

int64_t cm_store_newest_rec(const struct cm_store_reader *reader)
{
	return reader->head.newest_rec;
}

uint64_t cm_store_size(const struct cm_store_reader *reader)
{
	return reader->head.size;
}

uint64_t cm_store_waiting(const struct cm_store_reader *reader)
{
	return reader->nstop;
}

/* ---- views -------------------------------------------------------------- */

static int fail_view(const char *what, const struct cm_id *id, int rc,
		     struct cm_error *err)
{
	char hex[2 * CM_CONTACT_ID_LEN + 1];

	cm_id_hex(id, hex);
	if (rc == CM_ENOMEM)
		return cm_fail(err, rc, "out of memory");
	return cm_fail(err, CM_ECORRUPT,
		       "the view of %s %s is damaged: run \"consentctl "
		       "verify\", then \"rebuild\"",
		       what, hex);
}

static int load_view(struct cm_store_reader *reader, enum cm_ledger_db db,
		     enum cm_mac_tag tag, const struct cm_id *id,
		     struct cm_view *ret_view, struct cm_error *err)
{
	const char *what = db == CM_DB_CONTACTS ? "contact" : "family";
	struct cm_span key = cm_id_span(id);
	struct cm_span value, bytes;
	int rc = cm_kv_get(reader->ledger, db, key, &value, err);

	memset(ret_view, 0, sizeof(*ret_view));
	if (rc == CM_ENOTFOUND)
		return CM_OK;
	if (rc != CM_OK)
		return rc;
	rc = cm_row_open(reader->hmac, tag, key, value, &bytes);
	if (rc != CM_OK)
		return fail_view(what, id, rc, err);
	/* The map's bytes go when the transaction ends. */
	bytes.p = cm_arena_dup(reader->arena, bytes.p, bytes.n);
	if (bytes.p == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_view_unpack(bytes, reader->arena, ret_view);
	return rc == CM_OK ? CM_OK : fail_view(what, id, rc, err);
}

int cm_store_lookup(struct cm_store_reader *reader, const struct cm_id *contact,
		    const struct cm_id *family, struct cm_view *ret_own,
		    struct cm_view *ret_family, struct cm_error *err)
{
	struct cm_view own, of_family;
	int rc = load_view(reader, CM_DB_CONTACTS, CM_MAC_CONTACTS, contact,
			   &own, err);

	if (rc == CM_OK)
		rc = load_view(reader, CM_DB_FAMILY, CM_MAC_FAMILY, family,
			       &of_family, err);
	if (rc == CM_OK && reader->nstop > 0)
		rc = cm_stop_apply(reader, contact, family, &own, &of_family,
				   err);
	if (rc != CM_OK)
		return rc;
	if (cm_view_settle(&own, reader->arena, ret_own) != CM_OK ||
	    cm_view_settle(&of_family, reader->arena, ret_family) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return CM_OK;
}

/* ---- the ledger itself -------------------------------------------------- */

int cm_store_root(struct cm_store_reader *reader, struct cm_hash *ret_root,
		  struct cm_error *err)
{
	struct cm_tile_store tiles;
	struct cm_hash root;
	int rc;

	cm_tile_store_init(&tiles, reader->ledger);
	rc = cm_merkle_root(&tiles.tiles, reader->head.size, &root, err);
	if (rc != CM_OK)
		return cm_tile_store_why(&tiles, rc, err);
	if (memcmp(root.b, reader->head.root.b, sizeof(root.b)) != 0)
		return cm_fail(err, CM_ECORRUPT,
			       "the hash tree does not have the root that was "
			       "written last: run \"consentctl verify\"");
	*ret_root = root;
	return CM_OK;
}

/* An event is what we wrote only if its leaf says so. */
static int check_leaf(struct cm_store_reader *reader, uint64_t seq,
		      struct cm_span json, struct cm_error *err)
{
	size_t at = (size_t)(seq % CM_MERKLE_TILE_WIDTH) * CM_HASH_LEN;
	struct cm_tile_store tiles;
	struct cm_span tile;
	struct cm_hash leaf;
	int rc;

	cm_tile_store_init(&tiles, reader->ledger);
	rc = cm_merkle_leaf(json, &leaf);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot hash event %llu",
			       (unsigned long long)seq);
	rc = tiles.tiles.read(&tiles, 0, seq / CM_MERKLE_TILE_WIDTH, &tile);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return cm_tile_store_why(&tiles, rc, err);
	if (rc == CM_ENOTFOUND || tile.n < at + CM_HASH_LEN ||
	    memcmp(tile.p + at, leaf.b, CM_HASH_LEN) != 0)
		return cm_fail(err, CM_ECORRUPT,
			       "event %llu is not the one that was recorded: "
			       "run \"consentctl verify\"",
			       (unsigned long long)seq);
	return CM_OK;
}

int cm_store_event(struct cm_store_reader *reader, uint64_t seq,
		   struct cm_span *ret_json, struct cm_error *err)
{
	uint8_t key[CM_SEQ_LEN];
	struct cm_span json;
	char *copy;
	int rc;

	cm_put_u64(seq, key);
	rc = cm_kv_get(reader->ledger, CM_DB_LEDGER,
		       cm_span_n((const char *)key, sizeof(key)), &json, err);
	if (rc == CM_ENOTFOUND && seq < reader->head.size)
		return cm_fail(err, CM_ECORRUPT,
			       "event %llu is missing: restore a backup",
			       (unsigned long long)seq);
	if (rc == CM_ENOTFOUND)
		return cm_fail(err, CM_ENOTFOUND, "there is no event %llu",
			       (unsigned long long)seq);
	if (rc == CM_OK)
		rc = check_leaf(reader, seq, json, err);
	if (rc != CM_OK)
		return rc;
	copy = cm_arena_dup(reader->arena, json.p, json.n);
	if (copy == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	*ret_json = cm_span_n(copy, json.n);
	return CM_OK;
}

static bool is_of(struct cm_span key, const struct cm_id *contact)
{
	return key.n == CM_CONTACT_ID_LEN + CM_SEQ_LEN &&
	       memcmp(key.p, contact->b, CM_CONTACT_ID_LEN) == 0;
}

static int grow(struct cm_arena *arena, uint64_t **seqs, size_t count,
		size_t *room, struct cm_error *err)
{
	uint64_t *more;

	if (count < *room)
		return CM_OK;
	more = cm_arena_array(arena, *room == 0 ? 16 : *room * 2,
			      sizeof(*more));
	if (more == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (count > 0)
		memcpy(more, *seqs, count * sizeof(*more));
	*seqs = more;
	*room = *room == 0 ? 16 : *room * 2;
	return CM_OK;
}

int cm_store_events_of(struct cm_store_reader *reader,
		       const struct cm_id *contact, uint64_t **ret_seqs,
		       size_t *ret_count, struct cm_error *err)
{
	struct cm_kv_cursor *cursor;
	struct cm_span key, value;
	uint64_t *seqs = NULL;
	size_t count = 0, room = 0;
	int rc = cm_kv_cursor_open(reader->ledger, CM_DB_BY_CONTACT, &cursor,
				   err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_seek(cursor, cm_id_span(contact), &key, &value, err);
	while (rc == CM_OK && is_of(key, contact)) {
		rc = grow(reader->arena, &seqs, count, &room, err);
		if (rc != CM_OK)
			break;
		seqs[count++] = cm_get_u64(key.p + CM_CONTACT_ID_LEN);
		rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	*ret_seqs = seqs;
	*ret_count = count;
	return CM_OK;
}

int cm_store_notice(struct cm_store_reader *reader, const struct cm_hash *hash,
		    struct cm_span *ret_text, struct cm_error *err)
{
	struct cm_span key = cm_span_n((const char *)hash->b, sizeof(hash->b));
	struct cm_span text;
	struct cm_hash got;
	char *copy;
	int rc = cm_kv_get(reader->ledger, CM_DB_NOTICES, key, &text, err);

	if (rc == CM_ENOTFOUND)
		return cm_fail(err, rc, "no notice of that hash was kept");
	if (rc != CM_OK)
		return rc;
	rc = cm_sha256(text.p, text.n, got.b);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot hash a notice");
	if (memcmp(got.b, hash->b, sizeof(got.b)) != 0)
		return cm_fail(err, CM_ECORRUPT,
			       "the notice is not the text that was kept: run "
			       "\"consentctl verify\"");
	copy = cm_arena_dup(reader->arena, text.p, text.n);
	if (copy == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	*ret_text = cm_span_n(copy, text.n);
	return CM_OK;
}
