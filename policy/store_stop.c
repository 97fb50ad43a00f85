/*
 * Refusals in front of the ledger.
 *
 * A row of stop is an event that was acknowledged and is not yet in the
 * ledger.  Folding appends it, notes the row's id in the ledger's meta within
 * the same transaction, and then deletes the row; a crash in between leaves
 * a row whose id is noted, which is not appended again and not counted twice
 * by readers.  Ids of rows that are gone are forgotten at the next fold.
 *
 * A row: the event's JSON, and if it has evidence a NUL (JSON has none) and,
 * sealed, the row's id (so that equal texts look different) and the text.
 */
#include "policy/store_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/lockfile.h"

enum { FOLDED_KEY_LEN = 1 + CM_STOP_ID_LEN };

static void folded_key(struct cm_span stop_key, uint8_t out[FOLDED_KEY_LEN])
{
	out[0] = 'f';
	memcpy(out + 1, stop_key.p + stop_key.n - CM_STOP_ID_LEN,
	       CM_STOP_ID_LEN);
}

/* ---- writing ------------------------------------------------------------ */

/*
 * What one thread asks for.  Threads that come while another one writes wait
 * together, and the first of them then writes for all with one sync.
 */
struct cm_stop_request {
	const struct cm_event *events;
	size_t count;
	struct cm_span evidence; /* of a single event; else empty */
	int64_t now;
	bool done;
	int rc; /* when done */
	struct cm_error err;
	struct cm_stop_request *next;
};

/*
 * Whatever could be wrong with an event is found before it is in stop: there
 * it would keep every writer from folding, and others' refusals waiting.
 */
static int check_refusal(const struct cm_event *event, int64_t now,
			 struct cm_error *err)
{
	struct cm_event timed = *event;
	struct cm_rows probe = {0};
	struct cm_buf json;
	int rc = cm_rows_add(&probe, event, err);

	cm_rows_free(&probe);
	if (rc != CM_OK)
		return rc;
	if (!cm_fact_refuses(cm_event_fact(event)))
		return cm_fail(err, CM_EUSAGE,
			       "only refusals may go through stop, and %s is "
			       "none",
			       cm_event_type_name(event->type));
	timed.at = event->at != 0 ? event->at : now;
	timed.rec = now;
	cm_buf_init(&json, CM_STORE_JSON_MAX);
	rc = cm_event_encode(&timed, &json);
	cm_buf_free(&json);
	if (rc != CM_OK)
		return cm_fail(err, CM_EUSAGE,
			       "a %s event of time %lld is not well formed",
			       cm_event_type_name(event->type),
			       (long long)timed.at);
	return CM_OK;
}

/*
 * After all that is known of the contact.  A ledger that cannot be read must
 * not keep anybody from leaving: then it is simply now.
 */
static int64_t time_of(struct cm_store_reader *reader,
		       const struct cm_event *event, int64_t now)
{
	struct cm_view own, family;

	if (event->at != 0)
		return event->at;
	if (reader == NULL)
		return now;
	cm_arena_reset(reader->arena);
	if (cm_store_lookup(reader, &event->contact, &event->family, &own,
			    &family, NULL) != CM_OK)
		return now;
	return own.newest_at >= now ? own.newest_at + 1 : now;
}

/* Append NUL and the evidence, sealed. */
static int seal_evidence(const struct cm_siv *seal, const uint8_t *id,
			 struct cm_span evidence, struct cm_buf *value)
{
	char plain[CM_STOP_ID_LEN + CM_STOP_EVIDENCE_MAX];
	uint8_t sealed[CM_SIV_TAG_LEN + sizeof(plain)];
	size_t n = CM_STOP_ID_LEN + evidence.n;
	int rc;

	memcpy(plain, id, CM_STOP_ID_LEN);
	memcpy(plain + CM_STOP_ID_LEN, evidence.p, evidence.n);
	rc = cm_siv_seal(seal, cm_span_n(plain, n), sealed);
	if (rc == CM_OK)
		rc = cm_buf_addc(value, '\0');
	if (rc == CM_OK)
		rc = cm_buf_add(value, sealed, CM_SIV_TAG_LEN + n);
	return rc;
}

static int put_row(struct cm_kv_txn *txn, struct cm_hmac *hmac,
		   const struct cm_siv *seal, const struct cm_event *event,
		   struct cm_span evidence, struct cm_buf *value,
		   struct cm_error *err)
{
	uint8_t key[CM_STOP_KEY_LEN];
	struct cm_span k = cm_span_n((const char *)key, sizeof(key));
	int rc;

	memcpy(key, event->family.b, CM_CONTACT_ID_LEN);
	memcpy(key + CM_CONTACT_ID_LEN, event->contact.b, CM_CONTACT_ID_LEN);
	rc = cm_random(key + 2 * CM_CONTACT_ID_LEN, CM_STOP_ID_LEN, err);
	if (rc != CM_OK)
		return rc;
	cm_buf_reset(value);
	rc = cm_event_encode(event, value);
	if (rc == CM_OK && evidence.n > 0)
		rc = seal_evidence(seal, key + 2 * CM_CONTACT_ID_LEN, evidence,
				   value);
	if (rc == CM_OK)
		rc = cm_row_seal(hmac, CM_MAC_STOP, k, value);
	if (rc != CM_OK)
		return cm_fail(err, rc, "a %s event is not well formed",
			       cm_event_type_name(event->type));
	return cm_kv_put(txn, CM_DB_STOP, k, cm_span_n(value->data, value->len),
			 err);
}

static int put_request(struct cm_kv_txn *txn, struct cm_hmac *hmac,
		       const struct cm_siv *seal,
		       struct cm_store_reader *reader,
		       const struct cm_stop_request *request,
		       struct cm_buf *value, struct cm_error *err)
{
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < request->count; i++) {
		struct cm_event event = request->events[i];

		event.at = time_of(reader, &event, request->now);
		event.rec = request->now;
		rc = put_row(txn, hmac, seal, &event, request->evidence, value,
			     err);
	}
	return rc;
}

static int put_requests(struct cm_store *store, struct cm_store_reader *reader,
			const struct cm_stop_request *request,
			struct cm_error *err)
{
	struct cm_hmac *hmac = NULL;
	struct cm_kv_txn *txn = NULL;
	struct cm_buf value;
	int rc = cm_store_hmac(store, &hmac, err);

	cm_buf_init(&value, CM_STORE_JSON_MAX + 2 * CM_STOP_EVIDENCE_MAX);
	if (rc == CM_OK)
		rc = cm_kv_begin_write(store->stop, &txn, err);
	for (; rc == CM_OK && request != NULL; request = request->next)
		rc = put_request(txn, hmac, store->stop_seal, reader, request,
				 &value, err);
	if (rc == CM_OK)
		rc = cm_kv_commit(&txn, err);
	cm_kv_abort(&txn);
	cm_buf_free(&value);
	cm_hmac_free(&hmac);
	return rc;
}

static int write_requests(struct cm_store *store,
			  const struct cm_stop_request *requests,
			  struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_arena *arena = NULL;
	int lock = -1;
	int rc = cm_arena_new(CM_VIEW_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = cm_lockfile_take(store->stop_lock, store->lock_wait_ms, &lock,
			      err);
	if (rc == CM_OK) {
		if (cm_store_read_begin(store, arena, &reader, NULL) != CM_OK)
			reader = NULL; /* see time_of() */
		rc = put_requests(store, reader, requests, err);
		cm_store_read_end(&reader);
	}
	cm_lockfile_drop(&lock);
	cm_arena_free(&arena);
	return rc;
}

/* Write what has gathered; called and returns with the mutex held. */
static void lead(struct cm_store *store)
{
	struct cm_stop_request *requests = store->stop_waiting;
	struct cm_error err = {0};
	int rc;

	store->stop_waiting = NULL;
	store->stop_led = true;
	(void)pthread_mutex_unlock(&store->mutex);
	rc = write_requests(store, requests, &err);
	(void)pthread_mutex_lock(&store->mutex);
	store->stop_led = false;
	while (requests != NULL) {
		struct cm_stop_request *next = requests->next;

		/* Once done, the request is its own thread's again. */
		requests->rc = rc;
		requests->err = err;
		requests->done = true;
		requests = next;
	}
	(void)pthread_cond_broadcast(&store->stop_done);
}

static int submit(struct cm_store *store, struct cm_stop_request *request,
		  struct cm_error *err)
{
	if (store->access != CM_STORE_WRITE)
		return cm_fail(err, CM_EUSAGE, "%s is open for reading only",
			       store->folder);
	for (size_t i = 0; i < request->count; i++) {
		int rc = check_refusal(&request->events[i], request->now, err);

		if (rc != CM_OK)
			return rc;
	}
	(void)pthread_mutex_lock(&store->mutex);
	request->next = store->stop_waiting;
	store->stop_waiting = request;
	while (!request->done && store->stop_led)
		(void)pthread_cond_wait(&store->stop_done, &store->mutex);
	if (!request->done)
		lead(store);
	(void)pthread_mutex_unlock(&store->mutex);
	if (request->rc != CM_OK && err != NULL)
		*err = request->err;
	return request->rc;
}

int cm_store_stop(struct cm_store *store, const struct cm_event *events,
		  size_t count, int64_t now, struct cm_error *err)
{
	struct cm_stop_request request = {
		.events = events, .count = count, .now = now};

	return submit(store, &request, err);
}

int cm_store_stop_proven(struct cm_store *store, const struct cm_event *event,
			 struct cm_span evidence, int64_t now,
			 struct cm_error *err)
{
	struct cm_stop_request request = {
		.events = event, .count = 1, .evidence = evidence, .now = now};

	if (evidence.n > CM_STOP_EVIDENCE_MAX)
		return cm_fail(err, CM_ELIMIT,
			       "evidence of %zu octets; at most %d are kept",
			       evidence.n, (int)CM_STOP_EVIDENCE_MAX);
	return submit(store, &request, err);
}

/* ---- reading ------------------------------------------------------------ */

int cm_stop_open(struct cm_hmac *hmac, struct cm_span key, struct cm_span value,
		 struct cm_event *ret_event, struct cm_span *ret_sealed)
{
	struct cm_span sealed, json;
	int rc;

	if (key.n != CM_STOP_KEY_LEN)
		return CM_ECORRUPT;
	rc = cm_row_open(hmac, CM_MAC_STOP, key, value, &sealed);
	if (rc != CM_OK)
		return rc;
	json = cm_span_cut(&sealed, '\0');
	if (cm_event_decode(json, ret_event, NULL) != CM_OK)
		return CM_ECORRUPT;
	if (ret_sealed != NULL)
		*ret_sealed = sealed;
	return CM_OK;
}

static int is_folded(struct cm_hmac *hmac, struct cm_kv_txn *ledger,
		     struct cm_span key, bool *ret_folded, struct cm_error *err)
{
	uint8_t folded[FOLDED_KEY_LEN] = {0};
	struct cm_span note = cm_span_n((const char *)folded, sizeof(folded));
	struct cm_span value, nothing;
	int rc;

	folded_key(key, folded);
	rc = cm_kv_get(ledger, CM_DB_META, note, &value, err);
	if (rc == CM_ENOTFOUND) {
		*ret_folded = false;
		return CM_OK;
	}
	if (rc != CM_OK)
		return rc;
	/* A forged note would make a refusal disappear. */
	rc = cm_row_open(hmac, CM_MAC_META, note, value, &nothing);
	if (rc != CM_OK)
		return cm_fail(err, rc,
			       "the note of a folded refusal is damaged: run "
			       "\"consentctl verify\", then \"rebuild\"");
	*ret_folded = true;
	return CM_OK;
}

static int apply_row(struct cm_store_reader *reader, struct cm_span key,
		     struct cm_span value, const struct cm_id *contact,
		     struct cm_view *own, struct cm_view *of_family,
		     struct cm_error *err)
{
	struct cm_event event;
	bool folded;
	int rc = cm_stop_open(reader->hmac, key, value, &event, NULL);

	if (rc != CM_OK)
		return cm_fail(err, rc,
			       "a refusal in stop is damaged: run "
			       "\"consentctl verify\"");
	rc = is_folded(reader->hmac, reader->ledger, key, &folded, err);
	if (rc != CM_OK || folded)
		return rc;
	if (of_family != NULL)
		rc = cm_view_apply_family(of_family, &event,
					  CM_STORE_SEQ_PENDING, reader->arena);
	if (rc == CM_OK &&
	    memcmp(&event.contact, contact, sizeof(*contact)) == 0)
		rc = cm_view_apply(own, &event, CM_STORE_SEQ_PENDING,
				   reader->arena);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot apply a refusal in stop");
	return CM_OK;
}

/* The rows under one key prefix; of_family NULL: only the contact's own. */
static int apply_rows(struct cm_store_reader *reader, struct cm_span prefix,
		      const struct cm_id *contact, struct cm_view *own,
		      struct cm_view *of_family, struct cm_error *err)
{
	struct cm_kv_cursor *cursor;
	struct cm_span key, value;
	int rc = cm_kv_cursor_open(reader->stop, CM_DB_STOP, &cursor, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_seek(cursor, prefix, &key, &value, err);
	while (rc == CM_OK && key.n >= prefix.n &&
	       memcmp(key.p, prefix.p, prefix.n) == 0) {
		rc = apply_row(reader, key, value, contact, own, of_family,
			       err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

/*
 * Who could not be looked up when they left, or was unknown then, stands
 * under the contact alone, as a family of one.
 */
int cm_stop_apply(struct cm_store_reader *reader, const struct cm_id *contact,
		  const struct cm_id *family, struct cm_view *own,
		  struct cm_view *of_family, struct cm_error *err)
{
	int rc = apply_rows(reader, cm_id_span(family), contact, own, of_family,
			    err);

	if (rc == CM_OK && memcmp(contact, family, sizeof(*contact)) != 0)
		rc = apply_rows(reader, cm_id_span(contact), contact, own, NULL,
				err);
	return rc;
}

/*
 * Without its note a refusal is folded once more, which changes no view; who
 * was erased is noted again by rebuild.
 */
int cm_stop_drop_bad_notes(struct cm_writer *writer, struct cm_error *err)
{
	static const char first = CM_NOTE_ERASE;
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value, nothing;
	int rc = cm_kv_cursor_open(writer->txn, CM_DB_META, &cursor, err);

	if (rc == CM_OK)
		rc = cm_kv_seek(cursor, cm_span_n(&first, 1), &key, &value,
				err);
	while (rc == CM_OK && key.p[0] <= CM_NOTE_FOLDED) {
		if (cm_row_open(writer->hmac, CM_MAC_META, key, value,
				&nothing) != CM_OK)
			rc = cm_kv_cursor_del(cursor, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

/* ---- folding ------------------------------------------------------------ */

struct pending {
	struct cm_event event;
	struct cm_span sealed; /* in pendings.sealed */
	uint8_t id[CM_STOP_ID_LEN];
};

struct pendings {
	struct cm_arena *sealed;
	struct pending *row;
	size_t count;
	size_t room;
};

/* In the order in which they were acknowledged. */
static int compare(const void *a, const void *b)
{
	const struct pending *x = a;
	const struct pending *y = b;

	if (x->event.rec != y->event.rec)
		return x->event.rec < y->event.rec ? -1 : 1;
	return memcmp(x->id, y->id, sizeof(x->id));
}

static int take_row(struct cm_writer *writer, struct cm_span key,
		    struct cm_span value, struct pendings *pendings,
		    struct cm_error *err)
{
	struct pending *row;
	struct cm_span sealed;
	bool folded;
	int rc = cm_grow(&pendings->row, pendings->count, &pendings->room,
			 sizeof(*pendings->row));

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	row = &pendings->row[pendings->count];
	rc = cm_stop_open(writer->hmac, key, value, &row->event, &sealed);
	if (rc == CM_ECORRUPT)
		/* It stays: lookups of that family are refused, verify tells,
		 * and everybody else's records go on. */
		return CM_OK;
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot read stop");
	rc = is_folded(writer->hmac, writer->txn, key, &folded, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_buf_add(&writer->folded, key.p, key.n);
	row->sealed.n = sealed.n;
	row->sealed.p = cm_arena_dup(pendings->sealed, sealed.p, sealed.n);
	if (rc == CM_OK && row->sealed.p == NULL)
		rc = CM_ENOMEM;
	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	memcpy(row->id, key.p + key.n - CM_STOP_ID_LEN, CM_STOP_ID_LEN);
	pendings->count += folded ? 0 : 1;
	return CM_OK;
}

static int read_stop(struct cm_writer *writer, struct pendings *pendings,
		     struct cm_error *err)
{
	struct cm_kv_cursor *cursor = NULL;
	struct cm_kv_txn *txn;
	struct cm_span key, value;
	int rc = cm_kv_begin_read(writer->store->stop, &txn, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_cursor_open(txn, CM_DB_STOP, &cursor, err);
	if (rc == CM_OK)
		rc = cm_kv_seek(cursor, cm_span(""), &key, &value, err);
	while (rc == CM_OK) {
		rc = take_row(writer, key, value, pendings, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	cm_kv_abort(&txn);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, CM_STOP_ID_LEN);
}

/* Ids that are noted but whose rows are gone: the deletion has happened. */
static int forget_old_ids(struct cm_writer *writer, struct cm_error *err)
{
	size_t n = writer->folded.len / CM_STOP_KEY_LEN;
	uint8_t(*ids)[CM_STOP_ID_LEN] = malloc((n + 1) * sizeof(*ids));
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value;
	int rc;

	if (ids == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		memcpy(ids[i],
		       writer->folded.data + (i + 1) * CM_STOP_KEY_LEN -
			       CM_STOP_ID_LEN,
		       CM_STOP_ID_LEN);
	qsort(ids, n, sizeof(*ids), compare_ids);
	rc = cm_kv_cursor_open(writer->txn, CM_DB_META, &cursor, err);
	if (rc == CM_OK)
		rc = cm_kv_seek(cursor, cm_span("f"), &key, &value, err);
	while (rc == CM_OK && key.n == FOLDED_KEY_LEN && key.p[0] == 'f') {
		if (bsearch(key.p + 1, ids, n, sizeof(*ids), compare_ids) ==
		    NULL)
			rc = cm_kv_cursor_del(cursor, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	free(ids);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int note_ids(struct cm_writer *writer, const struct pendings *pendings,
		    struct cm_error *err)
{
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < pendings->count; i++) {
		uint8_t key[FOLDED_KEY_LEN] = {'f'};
		uint8_t mac[CM_MAC_LEN];
		struct cm_span k = cm_span_n((const char *)key, sizeof(key));

		memcpy(key + 1, pendings->row[i].id, CM_STOP_ID_LEN);
		rc = cm_row_mac(writer->hmac, CM_MAC_META, k, cm_span(""), mac);
		if (rc != CM_OK)
			return cm_fail(err, rc, "cannot note a folded row");
		rc = cm_kv_put(writer->txn, CM_DB_META, k,
			       cm_span_n((const char *)mac, sizeof(mac)), err);
	}
	return rc;
}

/*
 * The evidence of a row.  What does not open is left out: it must not keep
 * the refusal, nor those behind it, from the ledger.
 */
static struct cm_span unseal(const struct cm_siv *seal,
			     const struct pending *row, uint8_t *plain)
{
	size_t head = CM_SIV_TAG_LEN + CM_STOP_ID_LEN;

	if (row->sealed.n <= head ||
	    row->sealed.n > head + CM_STOP_EVIDENCE_MAX ||
	    cm_siv_open(seal, row->sealed, plain) != CM_OK ||
	    memcmp(plain, row->id, CM_STOP_ID_LEN) != 0)
		return cm_span("");
	return cm_span_n((const char *)plain + CM_STOP_ID_LEN,
			 row->sealed.n - head);
}

/* Who asked for it on our page is still to be erased from private. */
static int note_erased(struct cm_writer *writer,
		       const struct pendings *pendings, struct cm_error *err)
{
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < pendings->count; i++) {
		const struct cm_event *event = &pendings->row[i].event;

		if (event->type == CM_EVENT_ERASED)
			rc = cm_erase_note(writer, &event->contact, err);
	}
	return rc;
}

static int append_pendings(struct cm_writer *writer, struct pendings *pendings,
			   struct cm_error *err)
{
	uint8_t plain[CM_STOP_ID_LEN + CM_STOP_EVIDENCE_MAX];
	uint64_t first = writer->head.size;
	int rc = cm_store_batch_begin(writer->store, &writer->unsealed, err);

	if (rc != CM_OK)
		return rc;
	if (pendings->count > 0)
		qsort(pendings->row, pendings->count, sizeof(*pendings->row),
		      compare);
	for (size_t i = 0; rc == CM_OK && i < pendings->count; i++) {
		struct cm_store_entry entry = {
			.event = pendings->row[i].event,
			.evidence = unseal(writer->store->stop_seal,
					   &pendings->row[i], plain),
		};

		rc = cm_store_batch_add(writer->unsealed, &entry, err);
	}
	if (rc == CM_OK)
		rc = cm_writer_append(writer, &writer->unsealed->rows, err);
	if (rc == CM_OK)
		rc = note_erased(writer, pendings, err);
	cm_writer_keep(writer, writer->unsealed, first);
	return rc;
}

int cm_stop_fold(struct cm_writer *writer, struct cm_error *err)
{
	struct pendings pendings = {0};
	int rc = cm_arena_new(SIZE_MAX / 2, &pendings.sealed);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = read_stop(writer, &pendings, err);
	if (rc == CM_OK)
		rc = forget_old_ids(writer, err);
	if (rc == CM_OK)
		rc = append_pendings(writer, &pendings, err);
	if (rc == CM_OK)
		rc = note_ids(writer, &pendings, err);
	if (rc == CM_OK)
		writer->nfolded = pendings.count;
	free(pendings.row);
	cm_arena_free(&pendings.sealed);
	return rc;
}

void cm_stop_forget(struct cm_writer *writer)
{
	struct cm_store *store = writer->store;
	struct cm_kv_txn *txn = NULL;
	int lock = -1;
	int rc = CM_OK;

	if (writer->folded.len == 0)
		return;
	/* The rows are noted in the ledger: whatever fails here is made up
	 * for by the next fold, and nobody reads them meanwhile. */
	if (cm_lockfile_take(store->stop_lock, store->lock_wait_ms, &lock,
			     NULL) != CM_OK)
		return;
	if (cm_kv_begin_write(store->stop, &txn, NULL) == CM_OK) {
		for (size_t at = 0; rc == CM_OK && at < writer->folded.len;
		     at += CM_STOP_KEY_LEN) {
			rc = cm_kv_del(txn, CM_DB_STOP,
				       cm_span_n(writer->folded.data + at,
						 CM_STOP_KEY_LEN),
				       NULL);
			if (rc == CM_ENOTFOUND)
				rc = CM_OK;
		}
		if (rc == CM_OK)
			rc = cm_kv_commit(&txn, NULL);
		cm_kv_abort(&txn);
	}
	cm_lockfile_drop(&lock);
}

static int stop_is_empty(struct cm_store *store, bool *ret_empty,
			 struct cm_error *err)
{
	struct cm_kv_txn *txn;
	uint64_t count = 0;
	int rc = cm_kv_begin_read(store->stop, &txn, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_count(txn, CM_DB_STOP, &count, err);
	cm_kv_abort(&txn);
	*ret_empty = count == 0;
	return rc;
}

int cm_store_fold_stop(struct cm_store *store, int64_t now, size_t *ret_count,
		       struct cm_error *err)
{
	struct cm_writer writer;
	size_t count = 0;
	bool empty;
	int rc = stop_is_empty(store, &empty, err);

	if (rc != CM_OK)
		return rc;
	if (!empty) {
		rc = cm_writer_begin(store, now, 0, true, &writer, err);
		if (rc != CM_OK)
			return rc;
		rc = cm_stop_fold(&writer, err);
		if (rc == CM_OK)
			rc = cm_writer_commit(&writer, err);
		count = writer.nfolded;
		cm_writer_end(&writer);
	}
	if (rc == CM_OK)
		*ret_count = count;
	return rc;
}
