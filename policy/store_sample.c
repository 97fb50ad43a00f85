/*
 * A few rows instead of all of them, and how full the files are: what
 * `consentctl doctor` asks of a store that is in use.  See store.h.
 */
#include "policy/store_internal.h"

#include <string.h>

/* xorshift64*: any spread will do, and the same one again for a test. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

/* The events are as many as the head says, and the tree's root is its. */
static int check_head(struct cm_store_reader *reader, struct cm_error *err)
{
	uint64_t rows;
	struct cm_hash root;
	int rc = cm_kv_count(reader->ledger, CM_DB_LEDGER, &rows, err);

	if (rc == CM_OK && rows != reader->head.size)
		return cm_fail(err, CM_ECORRUPT,
			       "the ledger holds %llu events, its head says "
			       "%llu",
			       (unsigned long long)rows,
			       (unsigned long long)reader->head.size);
	if (rc == CM_OK)
		rc = cm_store_root_at(reader, reader->head.size, &root, err);
	if (rc == CM_OK &&
	    memcmp(root.b, reader->head.root.b, sizeof(root.b)) != 0)
		return cm_fail(err, CM_ECORRUPT,
			       "the root of the hash tree is not the one that "
			       "the ledger's head holds");
	return rc;
}

static int check_event(struct cm_store_reader *reader, uint64_t seq,
		       struct cm_error *err)
{
	struct cm_merkle_proof proof;
	struct cm_event event;
	struct cm_span json;
	struct cm_hash leaf;
	int rc = cm_store_event(reader, seq, &json, err);

	if (rc == CM_OK)
		rc = cm_event_decode(json, &event, err);
	if (rc == CM_OK)
		rc = cm_merkle_leaf(json, &leaf);
	if (rc == CM_OK)
		rc = cm_store_inclusion(reader, reader->head.size, seq, &proof,
					err);
	if (rc == CM_OK &&
	    cm_merkle_check_inclusion(&leaf, seq, reader->head.size, &proof,
				      &reader->head.root) != CM_OK)
		return cm_fail(err, CM_ECORRUPT,
			       "event %llu is not under the root of the hash "
			       "tree",
			       (unsigned long long)seq);
	return rc;
}

/* The first id from a random one on, or the first of all; CM_ENOTFOUND. */
static int pick_id(struct cm_store_reader *reader, enum cm_ledger_db db,
		   uint64_t *seed, struct cm_id *ret_id, struct cm_error *err)
{
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value;
	uint8_t from[8];
	int rc = cm_kv_cursor_open(reader->ledger, db, &cursor, err);

	if (rc != CM_OK)
		return rc;
	cm_put_u64(next_random(seed), from);
	rc = cm_kv_seek(cursor, cm_span_n((const char *)from, sizeof(from)),
			&key, &value, err);
	if (rc == CM_ENOTFOUND)
		rc = cm_kv_seek(cursor, cm_span_n(NULL, 0), &key, &value, err);
	if (rc == CM_OK && key.n != sizeof(ret_id->b))
		rc = cm_fail(err, CM_ECORRUPT, "a view has no id");
	if (rc == CM_OK)
		memcpy(ret_id->b, key.p, sizeof(ret_id->b));
	cm_kv_cursor_close(&cursor);
	return rc;
}

/* One of each kind; looking them up checks their MACs. */
static int check_views(struct cm_store_reader *reader, uint64_t *seed,
		       struct cm_error *err)
{
	struct cm_view own, of_family;
	struct cm_id contact, family;
	int rc = pick_id(reader, CM_DB_CONTACTS, seed, &contact, err);

	if (rc == CM_ENOTFOUND) /* a store of nobody */
		return CM_OK;
	if (rc == CM_OK)
		rc = pick_id(reader, CM_DB_FAMILY, seed, &family, err);
	/* Families are kept for those who refused, so there may be none. */
	if (rc == CM_ENOTFOUND) {
		family = contact;
		rc = CM_OK;
	}
	if (rc != CM_OK)
		return rc;
	return cm_store_lookup(reader, &contact, &family, &own, &of_family,
			       err);
}

int cm_store_sample(struct cm_store *store, size_t count, uint64_t seed,
		    struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_arena *arena = NULL;
	size_t i;
	int rc = cm_arena_new(CM_VIEW_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	seed |= 1; /* of 0 comes nothing but 0 */
	rc = cm_store_read_begin(store, arena, &reader, err);
	if (rc == CM_OK)
		rc = check_head(reader, err);
	for (i = 0; rc == CM_OK && i < count && reader->head.size > 0; i++) {
		rc = check_event(reader, next_random(&seed) % reader->head.size,
				 err);
		if (rc == CM_OK)
			rc = check_views(reader, &seed, err);
		cm_arena_reset(arena);
	}
	cm_store_read_end(&reader);
	cm_arena_free(&arena);
	return rc;
}

int cm_store_usage(struct cm_store *store,
		   struct cm_store_usage ret_usage[CM_STORE_USAGES],
		   struct cm_error *err)
{
	struct cm_kv *const open[CM_STORE_USAGES] = {store->ledger,
						     store->stop};
	static const char *const names[] = {"ledger", "stop"};
	struct cm_store_usage usage[CM_STORE_USAGES];
	struct cm_kv_usage kv;
	int i, rc;

	for (i = 0; i < CM_STORE_USAGES; i++) {
		rc = cm_kv_usage(open[i], &kv, err);
		if (rc != CM_OK)
			return rc;
		usage[i] = (struct cm_store_usage){
			.name = names[i],
			.map_size = kv.map_size,
			.bytes = kv.bytes,
			.slots = kv.slots,
			.slots_max = CM_KV_READERS,
			.lag = kv.lag,
		};
	}
	memcpy(ret_usage, usage, sizeof(usage));
	return CM_OK;
}
