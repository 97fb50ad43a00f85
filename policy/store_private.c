/*
 * Addresses and evidence: a folder that the milter cannot enter.
 *
 * Opened for each use under private.lock, because erasure replaces the file.
 * Every write leaves a random mark, here and (once the ledger commits) in the
 * ledger's head.  Marks that differ mean that the last write here was never
 * followed by its ledger commit: the next write sweeps what it left.
 */
#include "policy/store_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/lockfile.h"

/* mark(16) | first seq(8) | seq after the last(8) | MAC, under this key */
static const char last_key[] = "last";
enum { LAST_FIXED = CM_MARK_LEN + 2 * CM_SEQ_LEN };

struct last_write {
	uint8_t mark[CM_MARK_LEN];
	uint64_t from;
	uint64_t to;
};

int cm_private_open(const struct cm_store *store, bool read_only, int *ret_lock,
		    struct cm_kv **ret_kv, struct cm_error *err)
{
	int lock = -1;
	int rc = cm_lockfile_take(store->private_lock, store->lock_wait_ms,
				  &lock, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_store_open_env(store, CM_ENV_PRIVATE, read_only, false, ret_kv,
			       err);
	if (rc == CM_ENOTFOUND)
		rc = CM_EIO; /* not an answer: init made it */
	if (rc != CM_OK) {
		cm_lockfile_drop(&lock);
		return rc;
	}
	*ret_lock = lock;
	return CM_OK;
}

int cm_evidence_hash(struct cm_span salted, struct cm_hash *ret_hash)
{
	return cm_sha256(salted.p, salted.n, ret_hash->b);
}

/* ---- writing ------------------------------------------------------------ */

static int get_last(struct cm_kv_txn *txn, struct cm_hmac *hmac,
		    const struct cm_head *head, struct last_write *ret_last,
		    struct cm_error *err)
{
	static const uint8_t none[CM_MARK_LEN];
	struct cm_span value, bytes;
	int rc = cm_kv_get(txn, CM_DB_PRIVATE_META, cm_span(last_key), &value,
			   err);

	/* A new store. */
	if (rc == CM_ENOTFOUND &&
	    memcmp(head->private_mark, none, sizeof(none)) == 0) {
		memset(ret_last, 0, sizeof(*ret_last));
		return CM_OK;
	}
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	if (rc == CM_OK)
		rc = cm_row_open(hmac, CM_MAC_META, cm_span(last_key), value,
				 &bytes);
	if (rc != CM_OK || bytes.n != LAST_FIXED)
		return cm_fail(err, CM_ECORRUPT,
			       "the row that tells of the last write is "
			       "missing or damaged");
	memcpy(ret_last->mark, bytes.p, CM_MARK_LEN);
	ret_last->from = cm_get_u64(bytes.p + CM_MARK_LEN);
	ret_last->to = cm_get_u64(bytes.p + CM_MARK_LEN + CM_SEQ_LEN);
	return CM_OK;
}

int cm_private_settled(struct cm_kv_txn *txn, struct cm_hmac *hmac,
		       const struct cm_head *head, bool *ret_settled,
		       struct cm_error *err)
{
	struct last_write last;
	int rc = get_last(txn, hmac, head, &last, err);

	if (rc == CM_OK)
		*ret_settled =
			memcmp(last.mark, head->private_mark, CM_MARK_LEN) == 0;
	return rc;
}

static int put_last(struct cm_kv_txn *txn, struct cm_hmac *hmac,
		    const struct last_write *last, struct cm_error *err)
{
	uint8_t row[LAST_FIXED + CM_MAC_LEN];
	struct cm_span bytes = cm_span_n((const char *)row, LAST_FIXED);
	int rc;

	memcpy(row, last->mark, CM_MARK_LEN);
	cm_put_u64(last->from, row + CM_MARK_LEN);
	cm_put_u64(last->to, row + CM_MARK_LEN + CM_SEQ_LEN);
	rc = cm_row_mac(hmac, CM_MAC_META, cm_span(last_key), bytes,
			row + LAST_FIXED);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot seal private's state");
	return cm_kv_put(txn, CM_DB_PRIVATE_META, cm_span(last_key),
			 cm_span_n((const char *)row, sizeof(row)), err);
}

int cm_evidence_check(struct cm_kv_txn *ledger, struct cm_span key,
		      struct cm_span value)
{
	struct cm_event event;
	struct cm_span json;
	struct cm_hash hash;
	int rc = cm_kv_get(ledger, CM_DB_LEDGER, key, &json, NULL);

	if (rc == CM_ENOTFOUND ||
	    (rc == CM_OK && cm_event_decode(json, &event, NULL) != CM_OK))
		return CM_ECORRUPT;
	if (rc == CM_OK)
		rc = cm_evidence_hash(value, &hash);
	if (rc != CM_OK)
		return rc;
	if (!event.has_evidence ||
	    memcmp(&hash, &event.evidence, sizeof(hash)) != 0)
		return CM_ECORRUPT;
	return CM_OK;
}

/*
 * Each row is asked for its event: the file may also be an old backup, and
 * then its last write is no orphan.
 */
static int sweep_evidence(struct cm_writer *writer, struct cm_kv_txn *txn,
			  const struct last_write *last, struct cm_error *err)
{
	struct cm_kv_cursor *cursor;
	struct cm_span key, value;
	uint8_t from[CM_SEQ_LEN];
	int rc = cm_kv_cursor_open(txn, CM_DB_EVIDENCE, &cursor, err);

	if (rc != CM_OK)
		return rc;
	cm_put_u64(last->from, from);
	rc = cm_kv_seek(cursor, cm_span_n((const char *)from, sizeof(from)),
			&key, &value, err);
	while (rc == CM_OK && cm_get_u64(key.p) < last->to) {
		rc = cm_evidence_check(writer->txn, key, value);
		if (rc == CM_ECORRUPT)
			rc = cm_kv_cursor_del(cursor, err);
		else if (rc != CM_OK)
			rc = cm_fail(err, rc, "cannot check evidence");
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

/* Addresses of contacts that the ledger has never heard of. */
static int sweep_addresses(struct cm_writer *writer, struct cm_kv_txn *txn,
			   struct cm_error *err)
{
	struct cm_kv_cursor *cursor;
	struct cm_span key, value, view;
	int rc = cm_kv_cursor_open(txn, CM_DB_ADDRESSES, &cursor, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_seek(cursor, cm_span(""), &key, &value, err);
	while (rc == CM_OK) {
		rc = cm_kv_get(writer->txn, CM_DB_CONTACTS, key, &view, err);
		if (rc == CM_ENOTFOUND)
			rc = cm_kv_cursor_del(cursor, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int sweep(struct cm_writer *writer, struct cm_kv_txn *txn,
		 struct cm_error *err)
{
	struct last_write last;
	int rc = get_last(txn, writer->hmac, &writer->head, &last, err);

	if (rc == CM_ECORRUPT) /* nobody knows: look at all */
		last = (struct last_write){.to = UINT64_MAX};
	else if (rc != CM_OK)
		return rc;
	else if (memcmp(last.mark, writer->head.private_mark, CM_MARK_LEN) == 0)
		return CM_OK;
	rc = sweep_evidence(writer, txn, &last, err);
	return rc == CM_OK ? sweep_addresses(writer, txn, err) : rc;
}

/* MAC | length(2) | canonical | as given */
static int put_address(struct cm_writer *writer, struct cm_kv_txn *txn,
		       const struct cm_store_batch *batch,
		       const struct cm_row *row, bool append,
		       struct cm_error *err)
{
	const struct cm_private_text *text =
		&batch->addresses[row->address - 1];
	char value[CM_MAC_LEN + 2 + CM_ADDRESS_MAX + CM_AS_GIVEN_MAX];
	struct cm_span key = cm_id_span(&row->contact);
	struct cm_span all = cm_span_n(value, CM_MAC_LEN + 2 + text->n);
	struct cm_span bytes = cm_span_n(value + CM_MAC_LEN, 2 + text->n);
	uint8_t mac[CM_MAC_LEN];
	int rc;

	value[CM_MAC_LEN] = (char)(text->canonical >> 8);
	value[CM_MAC_LEN + 1] = (char)text->canonical;
	memcpy(value + CM_MAC_LEN + 2, batch->texts.data + text->at, text->n);
	rc = cm_row_mac(writer->hmac, CM_MAC_ADDRESSES, key, bytes, mac);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot seal an address");
	memcpy(value, mac, CM_MAC_LEN);
	if (append)
		return cm_kv_append(txn, CM_DB_ADDRESSES, key, all, err);
	return cm_kv_put(txn, CM_DB_ADDRESSES, key, all, err);
}

static bool same_contact(const struct cm_row *a, const struct cm_row *b)
{
	return memcmp(&a->contact, &b->contact, sizeof(a->contact)) == 0;
}

/* In the order of the keys, and of several of one contact the last. */
static int put_addresses(struct cm_writer *writer, struct cm_kv_txn *txn,
			 const struct cm_store_batch *batch,
			 struct cm_error *err)
{
	const struct cm_rows *rows = &batch->rows;
	const struct cm_row *found = NULL;
	uint64_t count;
	int rc = cm_kv_count(txn, CM_DB_ADDRESSES, &count, err);

	for (size_t i = 0; rc == CM_OK && i < rows->count; i++) {
		const struct cm_row *row = &rows->row[rows->by_contact[i]];

		if (found != NULL && !same_contact(row, found)) {
			rc = put_address(writer, txn, batch, found, count == 0,
					 err);
			found = NULL;
		}
		if (row->address != 0 && !row->erased)
			found = row;
	}
	if (rc == CM_OK && found != NULL)
		rc = put_address(writer, txn, batch, found, count == 0, err);
	return rc;
}

/* Numbers only rise, but private may be of a newer ledger than ours. */
static int is_behind_all(struct cm_kv_txn *txn, uint64_t first, bool *ret_is,
			 struct cm_error *err)
{
	struct cm_kv_cursor *cursor;
	struct cm_span row, value;
	uint8_t key[CM_SEQ_LEN];
	int rc = cm_kv_cursor_open(txn, CM_DB_EVIDENCE, &cursor, err);

	if (rc != CM_OK)
		return rc;
	cm_put_u64(first, key);
	rc = cm_kv_seek(cursor, cm_span_n((const char *)key, sizeof(key)), &row,
			&value, err);
	cm_kv_cursor_close(&cursor);
	*ret_is = rc == CM_ENOTFOUND;
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int put_evidence(struct cm_kv_txn *txn,
			const struct cm_store_batch *batch, uint64_t first,
			struct cm_error *err)
{
	bool append = false;
	int rc = is_behind_all(txn, first, &append, err);

	for (size_t i = 0; rc == CM_OK && i < batch->rows.count; i++) {
		uint32_t evidence = batch->rows.row[i].evidence;
		const struct cm_private_text *text;
		struct cm_span k, value;
		uint8_t key[CM_SEQ_LEN];

		if (evidence == 0 || batch->rows.row[i].erased)
			continue;
		text = &batch->evidence[evidence - 1];
		cm_put_u64(first + i, key);
		k = cm_span_n((const char *)key, sizeof(key));
		value = cm_span_n(batch->texts.data + text->at, text->n);
		rc = append ? cm_kv_append(txn, CM_DB_EVIDENCE, k, value, err)
			    : cm_kv_put(txn, CM_DB_EVIDENCE, k, value, err);
	}
	return rc;
}

static int write_all(struct cm_writer *writer, struct cm_kv_txn *txn,
		     const struct last_write *last, struct cm_error *err)
{
	int rc = sweep(writer, txn, err);

	for (size_t i = 0; rc == CM_OK && i < writer->nparts; i++) {
		const struct cm_private_part *part = &writer->parts[i];

		if (part->batch->naddresses > 0)
			rc = put_addresses(writer, txn, part->batch, err);
		if (rc == CM_OK)
			rc = put_evidence(txn, part->batch, part->first, err);
	}
	if (rc == CM_OK)
		rc = put_last(txn, writer->hmac, last, err);
	return rc;
}

int cm_private_write(struct cm_writer *writer, struct cm_error *err)
{
	const struct cm_private_part *end = &writer->parts[writer->nparts - 1];
	struct last_write last = {
		.from = writer->parts[0].first,
		.to = end->first + end->batch->rows.count,
	};
	struct cm_kv *kv = NULL;
	struct cm_kv_txn *txn = NULL;
	int lock = -1;
	int rc = cm_random(last.mark, sizeof(last.mark), err);

	if (rc == CM_OK)
		rc = cm_private_open(writer->store, false, &lock, &kv, err);
	if (rc == CM_OK)
		rc = cm_kv_begin_write(kv, &txn, err);
	if (rc == CM_OK)
		rc = write_all(writer, txn, &last, err);
	if (rc == CM_OK)
		rc = cm_kv_commit(&txn, err);
	if (rc == CM_OK)
		memcpy(writer->head.private_mark, last.mark, CM_MARK_LEN);
	cm_kv_abort(&txn);
	cm_kv_close(&kv);
	cm_lockfile_drop(&lock);
	return rc;
}

/* ---- reading ------------------------------------------------------------ */

int cm_address_open(struct cm_hmac *hmac, struct cm_span key,
		    struct cm_span value, struct cm_span *ret_canonical,
		    struct cm_span *ret_as_given)
{
	uint8_t mac[CM_MAC_LEN];
	struct cm_span bytes;
	size_t n;
	int rc;

	if (value.n < CM_MAC_LEN + 2)
		return CM_ECORRUPT;
	bytes = cm_span_n(value.p + CM_MAC_LEN, value.n - CM_MAC_LEN);
	rc = cm_row_mac(hmac, CM_MAC_ADDRESSES, key, bytes, mac);
	if (rc != CM_OK)
		return rc;
	n = (size_t)(uint8_t)bytes.p[0] << 8 | (uint8_t)bytes.p[1];
	if (!cm_equal_ct(mac, value.p, CM_MAC_LEN) || n > bytes.n - 2)
		return CM_ECORRUPT;
	*ret_canonical = cm_span_n(bytes.p + 2, n);
	*ret_as_given = cm_span_n(bytes.p + 2 + n, bytes.n - 2 - n);
	return CM_OK;
}

/* A look at private; after end_look(), what was read is gone. */
struct private_look {
	struct cm_kv *kv;
	struct cm_kv_txn *txn;
	int lock;
};

static int begin_look(const struct cm_store *store, struct private_look *look,
		      struct cm_error *err)
{
	int rc;

	*look = (struct private_look){.lock = -1};
	if (store->access != CM_STORE_WRITE)
		return cm_fail(err, CM_EUSAGE, "%s is open for reading only",
			       store->folder);
	rc = cm_private_open(store, true, &look->lock, &look->kv, err);
	return rc == CM_OK ? cm_kv_begin_read(look->kv, &look->txn, err) : rc;
}

static void end_look(struct private_look *look)
{
	cm_kv_abort(&look->txn);
	cm_kv_close(&look->kv);
	cm_lockfile_drop(&look->lock);
}

/* One row, copied to the arena; CM_ENOTFOUND is an answer. */
static int get_row(struct cm_store *store, enum cm_private_db db,
		   struct cm_span key, struct cm_arena *arena,
		   struct cm_span *ret_value, struct cm_error *err)
{
	struct private_look look;
	struct cm_span value;
	int rc = begin_look(store, &look, err);

	if (rc == CM_OK)
		rc = cm_kv_get(look.txn, db, key, &value, err);
	if (rc == CM_OK) {
		ret_value->n = value.n;
		ret_value->p = cm_arena_dup(arena, value.p, value.n);
		if (ret_value->p == NULL)
			rc = cm_fail(err, CM_ENOMEM, "out of memory");
	}
	end_look(&look);
	return rc;
}

int cm_store_address(struct cm_store *store, const struct cm_id *contact,
		     struct cm_arena *arena, struct cm_span *ret_canonical,
		     struct cm_span *ret_as_given, struct cm_error *err)
{
	struct cm_hmac *hmac = NULL;
	struct cm_span value;
	int rc = get_row(store, CM_DB_ADDRESSES, cm_id_span(contact), arena,
			 &value, err);

	if (rc == CM_ENOTFOUND)
		return cm_fail(err, rc, "no address is kept for this contact");
	if (rc == CM_OK)
		rc = cm_store_hmac(store, &hmac, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_address_open(hmac, cm_id_span(contact), value, ret_canonical,
			     ret_as_given);
	cm_hmac_free(&hmac);
	if (rc != CM_OK)
		return cm_fail(err, rc,
			       "the address of this contact is damaged: run "
			       "\"consentctl verify\"");
	return CM_OK;
}

typedef int address_fn(void *ctx, const struct cm_id *contact,
		       struct cm_span canonical, struct cm_error *err);

static int each_address(struct cm_kv_cursor *cursor, struct cm_hmac *hmac,
			address_fn *each, void *ctx, struct cm_error *err)
{
	struct cm_span key, value, canonical, as_given;
	struct cm_id contact;
	int rc = cm_kv_seek(cursor, cm_span(""), &key, &value, err);

	while (rc == CM_OK) {
		if (key.n != sizeof(contact.b) ||
		    cm_address_open(hmac, key, value, &canonical, &as_given) !=
			    CM_OK)
			return cm_fail(err, CM_ECORRUPT,
				       "an address is damaged: run "
				       "\"consentctl verify\"");
		memcpy(contact.b, key.p, sizeof(contact.b));
		rc = each(ctx, &contact, canonical, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

int cm_store_addresses(struct cm_store *store, address_fn *each, void *ctx,
		       struct cm_error *err)
{
	struct cm_kv_cursor *cursor = NULL;
	struct cm_hmac *hmac = NULL;
	struct private_look look;
	int rc = begin_look(store, &look, err);

	if (rc == CM_OK)
		rc = cm_kv_cursor_open(look.txn, CM_DB_ADDRESSES, &cursor, err);
	if (rc == CM_OK)
		rc = cm_store_hmac(store, &hmac, err);
	if (rc == CM_OK)
		rc = each_address(cursor, hmac, each, ctx, err);
	cm_hmac_free(&hmac);
	cm_kv_cursor_close(&cursor);
	end_look(&look);
	return rc;
}

/* What the ledger says the evidence must be; CM_ENOTFOUND: there is none. */
static int commitment(struct cm_store *store, uint64_t seq,
		      struct cm_arena *arena, struct cm_hash *ret_hash,
		      struct cm_error *err)
{
	struct cm_store_reader *reader;
	struct cm_event event;
	struct cm_span json;
	int rc = cm_store_read_begin(store, arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_store_event(reader, seq, &json, err);
	cm_store_read_end(&reader);
	if (rc == CM_OK)
		rc = cm_event_decode(json, &event, err);
	if (rc != CM_OK)
		return rc;
	if (!event.has_evidence)
		return cm_fail(err, CM_ENOTFOUND, "event %llu has no evidence",
			       (unsigned long long)seq);
	*ret_hash = event.evidence;
	return CM_OK;
}

int cm_store_opening(struct cm_store *store, uint64_t seq,
		     struct cm_arena *arena, struct cm_span *ret_salted,
		     struct cm_error *err)
{
	struct cm_hash want, got;
	struct cm_span value;
	uint8_t key[CM_SEQ_LEN];
	int rc = commitment(store, seq, arena, &want, err);

	if (rc != CM_OK)
		return rc;
	cm_put_u64(seq, key);
	rc = get_row(store, CM_DB_EVIDENCE,
		     cm_span_n((const char *)key, sizeof(key)), arena, &value,
		     err);
	if (rc == CM_ENOTFOUND)
		return cm_fail(err, rc, "the evidence of event %llu was erased",
			       (unsigned long long)seq);
	if (rc == CM_OK)
		rc = cm_evidence_hash(value, &got);
	if (rc != CM_OK)
		return rc;
	if (value.n < CM_SALT_LEN || memcmp(&got, &want, sizeof(got)) != 0)
		return cm_fail(err, CM_ECORRUPT,
			       "the evidence of event %llu is not what was "
			       "recorded: run \"consentctl verify\"",
			       (unsigned long long)seq);
	*ret_salted = value;
	return CM_OK;
}

int cm_store_evidence(struct cm_store *store, uint64_t seq,
		      struct cm_arena *arena, struct cm_span *ret_evidence,
		      struct cm_error *err)
{
	struct cm_span value;
	int rc = cm_store_opening(store, seq, arena, &value, err);

	if (rc == CM_OK)
		*ret_evidence =
			cm_span_n(value.p + CM_SALT_LEN, value.n - CM_SALT_LEN);
	return rc;
}

/* ---- many at once ------------------------------------------------------- */

/* "" if it was erased, or is not what was recorded. */
static int trace_evidence(struct private_look *look,
			  const struct cm_store_trace *trace,
			  struct cm_span *ret_evidence, struct cm_error *err)
{
	struct cm_hash got;
	struct cm_span value;
	uint8_t key[CM_SEQ_LEN];
	int rc;

	*ret_evidence = cm_span("");
	if (!trace->has_evidence)
		return CM_OK;
	cm_put_u64(trace->seq, key);
	rc = cm_kv_get(look->txn, CM_DB_EVIDENCE,
		       cm_span_n((const char *)key, sizeof(key)), &value, err);
	if (rc == CM_ENOTFOUND)
		return CM_OK;
	if (rc == CM_OK)
		rc = cm_evidence_hash(value, &got);
	if (rc == CM_OK && value.n >= CM_SALT_LEN &&
	    memcmp(&got, &trace->evidence, sizeof(got)) == 0)
		*ret_evidence =
			cm_span_n(value.p + CM_SALT_LEN, value.n - CM_SALT_LEN);
	return rc;
}

static int trace_address(struct private_look *look, struct cm_hmac *hmac,
			 const struct cm_id *contact,
			 struct cm_span *ret_canonical, struct cm_error *err)
{
	struct cm_span value, as_given;
	int rc = cm_kv_get(look->txn, CM_DB_ADDRESSES, cm_id_span(contact),
			   &value, err);

	*ret_canonical = cm_span("");
	if (rc == CM_OK && cm_address_open(hmac, cm_id_span(contact), value,
					   ret_canonical, &as_given) != CM_OK)
		*ret_canonical = cm_span("");
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

int cm_store_traces(struct cm_store *store, const struct cm_store_trace *traces,
		    size_t count,
		    int (*each)(void *ctx, size_t i, struct cm_span evidence,
				struct cm_span canonical, struct cm_error *err),
		    void *ctx, struct cm_error *err)
{
	struct cm_hmac *hmac = NULL;
	struct private_look look;
	size_t i;
	int rc = begin_look(store, &look, err);

	if (rc == CM_OK)
		rc = cm_store_hmac(store, &hmac, err);
	for (i = 0; rc == CM_OK && i < count; i++) {
		struct cm_span evidence, canonical;

		rc = trace_evidence(&look, &traces[i], &evidence, err);
		if (rc == CM_OK)
			rc = trace_address(&look, hmac, &traces[i].contact,
					   &canonical, err);
		if (rc == CM_OK)
			rc = each(ctx, i, evidence, canonical, err);
	}
	cm_hmac_free(&hmac);
	end_look(&look);
	return rc;
}
