/*
 * Erasure (GDPR 17): see cm_store_erase() in store.h.
 *
 * The ledger keeps the event and, until all is done, a note in meta that this
 * contact is to be erased.  Then private is written anew, row by row, without
 * what goes, beside the old file, and takes its name: LMDB's freed pages, and
 * the gaps inside pages in use, keep old octets, and a file that never held
 * them cannot.  A kill leaves either file, and the note; whoever opens the
 * store next for writing does it once more.
 *
 * Nobody has the old file open meanwhile: private is opened under
 * private.lock only, for one use (store_private.c).
 */
#include "policy/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/lockfile.h"
#include "lib/path.h"

enum { NOTE_KEY_LEN = 1 + CM_CONTACT_ID_LEN, PATH_ROOM = 4096 };

struct seqs {
	uint64_t *v;
	size_t count;
	size_t room;
};

/* What has to go, and what went. */
struct erasure {
	struct cm_writer *writer;
	struct cm_id *contacts; /* in the order of keys */
	bool *back;             /* that person has come back since */
	size_t count, room, back_room;
	struct seqs evidence; /* ascending */
	bool settled;         /* else every row is asked for its event */
	struct cm_erased done;
};

static void erasure_free(struct erasure *e)
{
	free(e->contacts);
	free(e->back);
	free(e->evidence.v);
}

/* ---- notes: who is not erased yet --------------------------------------- */

static void note_key(const struct cm_id *contact, uint8_t out[NOTE_KEY_LEN])
{
	out[0] = CM_NOTE_ERASE;
	memcpy(out + 1, contact->b, CM_CONTACT_ID_LEN);
}

int cm_erase_note(struct cm_writer *writer, const struct cm_id *contact,
		  struct cm_error *err)
{
	uint8_t key[NOTE_KEY_LEN];
	uint8_t mac[CM_MAC_LEN];
	struct cm_span k = cm_span_n((const char *)key, sizeof(key));
	int rc;

	note_key(contact, key);
	rc = cm_row_mac(writer->hmac, CM_MAC_META, k, cm_span(""), mac);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot seal an erasure's note");
	return cm_kv_put(writer->txn, CM_DB_META, k,
			 cm_span_n((const char *)mac, sizeof(mac)), err);
}

static bool is_note(struct cm_span key)
{
	return key.n == NOTE_KEY_LEN && key.p[0] == CM_NOTE_ERASE;
}

/* The first note; CM_ENOTFOUND: none. */
static int first_note(struct cm_kv_cursor *cursor, struct cm_span *ret_key,
		      struct cm_span *ret_value, struct cm_error *err)
{
	static const char start = CM_NOTE_ERASE;
	int rc = cm_kv_seek(cursor, cm_span_n(&start, 1), ret_key, ret_value,
			    err);

	return rc == CM_OK && !is_note(*ret_key) ? CM_ENOTFOUND : rc;
}

int cm_erase_pending(struct cm_kv_txn *ledger, uint64_t *ret_count,
		     struct cm_error *err)
{
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value;
	uint64_t count = 0;
	int rc = cm_kv_cursor_open(ledger, CM_DB_META, &cursor, err);

	if (rc == CM_OK)
		rc = first_note(cursor, &key, &value, err);
	while (rc == CM_OK && is_note(key)) {
		count++;
		rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	*ret_count = count;
	return CM_OK;
}

static int add_contact(struct erasure *e, struct cm_span key,
		       struct cm_error *err)
{
	int rc =
		cm_grow(&e->contacts, e->count, &e->room, sizeof(*e->contacts));

	if (rc == CM_OK)
		rc = cm_grow(&e->back, e->count, &e->back_room,
			     sizeof(*e->back));
	if (rc != CM_OK)
		return cm_fail(err, rc, "no room for the list of erasures");
	memcpy(e->contacts[e->count].b, key.p + 1, CM_CONTACT_ID_LEN);
	e->back[e->count++] = false;
	return CM_OK;
}

static int read_notes(struct erasure *e, struct cm_error *err)
{
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value, nothing;
	int rc = cm_kv_cursor_open(e->writer->txn, CM_DB_META, &cursor, err);

	if (rc == CM_OK)
		rc = first_note(cursor, &key, &value, err);
	while (rc == CM_OK && is_note(key)) {
		rc = cm_row_open(e->writer->hmac, CM_MAC_META, key, value,
				 &nothing);
		if (rc != CM_OK)
			rc = cm_fail(err, rc,
				     "the list of who is to be erased is "
				     "damaged: run \"consentctl rebuild\"");
		if (rc == CM_OK)
			rc = add_contact(e, key, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int drop_notes(struct erasure *e, struct cm_error *err)
{
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < e->count; i++) {
		uint8_t key[NOTE_KEY_LEN];

		note_key(&e->contacts[i], key);
		rc = cm_kv_del(e->writer->txn, CM_DB_META,
			       cm_span_n((const char *)key, sizeof(key)), err);
	}
	return rc;
}

/* ---- what goes ---------------------------------------------------------- */

static int add_seq(struct seqs *seqs, uint64_t seq, struct cm_error *err)
{
	int rc = cm_grow(&seqs->v, seqs->count, &seqs->room, sizeof(*seqs->v));

	if (rc != CM_OK)
		return cm_fail(err, rc, "no room for the list of evidence");
	seqs->v[seqs->count++] = seq;
	return CM_OK;
}

static int event_at(struct cm_kv_txn *ledger, uint64_t seq,
		    struct cm_event *ret_event, struct cm_error *err)
{
	uint8_t key[CM_SEQ_LEN];
	struct cm_span json;
	int rc;

	cm_put_u64(seq, key);
	rc = cm_kv_get(ledger, CM_DB_LEDGER,
		       cm_span_n((const char *)key, sizeof(key)), &json, err);
	if (rc == CM_OK)
		rc = cm_event_decode(json, ret_event, err);
	if (rc == CM_ENOTFOUND || rc == CM_EDATA)
		return cm_fail(err, CM_ECORRUPT,
			       "event %llu is missing or damaged: restore a "
			       "backup",
			       (unsigned long long)seq);
	return rc;
}

/*
 * Asked for or confirmed by the person: then they have given it anew.  Not by
 * looking at what is left of them, nor by taking back a click.
 */
static bool comes_back(const struct cm_event *event)
{
	return event->actor == CM_ACTOR_PERSON &&
	       cm_event_type_asks(event->type);
}

/* Evidence before the last erasure goes; what was given since stays. */
static int evidence_of(struct erasure *e, size_t i, struct seqs *since,
		       struct cm_kv_cursor *cursor, struct cm_error *err)
{
	struct cm_span id = cm_id_span(&e->contacts[i]);
	struct cm_span key, value;
	int rc = cm_kv_seek(cursor, id, &key, &value, err);

	since->count = 0;
	while (rc == CM_OK && key.n == id.n + CM_SEQ_LEN &&
	       memcmp(key.p, id.p, id.n) == 0) {
		uint64_t seq = cm_get_u64(key.p + id.n);
		struct cm_event event;

		rc = event_at(e->writer->txn, seq, &event, err);
		if (rc == CM_OK && event.has_evidence)
			rc = add_seq(since, seq, err);
		if (rc == CM_OK && event.type == CM_EVENT_ERASED) {
			for (size_t n = 0; rc == CM_OK && n < since->count; n++)
				rc = add_seq(&e->evidence, since->v[n], err);
			since->count = 0;
			e->back[i] = false;
		}
		if (rc == CM_OK && comes_back(&event))
			e->back[i] = true;
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int compare_seqs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int find_evidence(struct erasure *e, struct cm_error *err)
{
	struct cm_kv_cursor *cursor = NULL;
	struct seqs since = {0};
	int rc = cm_kv_cursor_open(e->writer->txn, CM_DB_BY_CONTACT, &cursor,
				   err);

	for (size_t i = 0; rc == CM_OK && i < e->count; i++)
		rc = evidence_of(e, i, &since, cursor, err);
	cm_kv_cursor_close(&cursor);
	free(since.v);
	if (rc == CM_OK && e->evidence.count > 0)
		qsort(e->evidence.v, e->evidence.count, sizeof(uint64_t),
		      compare_seqs);
	return rc;
}

/* ---- private anew ------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, CM_CONTACT_ID_LEN);
}

/*
 * CM_ENOTFOUND: this row goes.  An orphan of a write that was never followed
 * by its ledger commit may be anybody's: it goes, too.
 */
static int keep_address(struct erasure *e, struct cm_span key,
			struct cm_span value)
{
	const struct cm_id *found =
		key.n != CM_CONTACT_ID_LEN
			? NULL
			: bsearch(key.p, e->contacts, e->count,
				  sizeof(*e->contacts), compare_ids);
	struct cm_span view;

	(void)value;
	if (found != NULL && !e->back[found - e->contacts]) {
		e->done.addresses++;
		return CM_ENOTFOUND;
	}
	if (e->settled)
		return CM_OK;
	return cm_kv_get(e->writer->txn, CM_DB_CONTACTS, key, &view, NULL);
}

static int keep_evidence(struct erasure *e, struct cm_span key,
			 struct cm_span value)
{
	uint64_t seq = key.n == CM_SEQ_LEN ? cm_get_u64(key.p) : UINT64_MAX;
	int rc;

	if (e->evidence.count > 0 &&
	    bsearch(&seq, e->evidence.v, e->evidence.count, sizeof(seq),
		    compare_seqs) != NULL) {
		e->done.evidence++;
		return CM_ENOTFOUND;
	}
	if (e->settled)
		return CM_OK;
	rc = cm_evidence_check(e->writer->txn, key, value);
	return rc == CM_ECORRUPT ? CM_ENOTFOUND : rc;
}

static int keep_meta(struct erasure *e, struct cm_span key,
		     struct cm_span value)
{
	(void)e, (void)key, (void)value;
	return CM_OK;
}

static int copy_db(struct erasure *e, struct cm_kv_txn *from,
		   struct cm_kv_txn *to, enum cm_private_db db,
		   struct cm_error *err)
{
	static int (*const keep[CM_PRIVATE_DBS])(
		struct erasure *, struct cm_span, struct cm_span) = {
		[CM_DB_ADDRESSES] = keep_address,
		[CM_DB_EVIDENCE] = keep_evidence,
		[CM_DB_PRIVATE_META] = keep_meta,
	};
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value;
	int rc = cm_kv_cursor_open(from, db, &cursor, err);

	if (rc == CM_OK)
		rc = cm_kv_seek(cursor, cm_span(""), &key, &value, err);
	while (rc == CM_OK) {
		rc = keep[db](e, key, value);
		if (rc == CM_OK)
			rc = cm_kv_append(to, db, key, value, err);
		else if (rc != CM_ENOTFOUND)
			rc = cm_fail(err, rc, "cannot check private's rows");
		if (rc == CM_OK || rc == CM_ENOTFOUND)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int copy_rows(struct erasure *e, struct cm_kv *from, struct cm_kv *to,
		     struct cm_error *err)
{
	struct cm_kv_txn *in = NULL;
	struct cm_kv_txn *out = NULL;
	int rc = cm_kv_begin_read(from, &in, err);

	if (rc == CM_OK) {
		rc = cm_private_settled(in, e->writer->hmac, &e->writer->head,
					&e->settled, err);
		if (rc == CM_ECORRUPT) {
			e->settled = false;
			rc = CM_OK;
		}
	}
	if (rc == CM_OK)
		rc = cm_kv_begin_write(to, &out, err);
	for (int db = 0; rc == CM_OK && db < CM_PRIVATE_DBS; db++)
		rc = copy_db(e, in, out, (enum cm_private_db)db, err);
	if (rc == CM_OK)
		rc = cm_kv_commit(&out, err);
	cm_kv_abort(&out);
	cm_kv_abort(&in);
	return rc;
}

/* ---- files -------------------------------------------------------------- */

struct paths {
	char old[PATH_ROOM]; /* private/data.mdb */
	char folder[PATH_ROOM];
	char data[PATH_ROOM];
	char lock[PATH_ROOM];
};

static int make_path(char out[PATH_ROOM], const char *folder, const char *name,
		     struct cm_error *err)
{
	int n = snprintf(out, PATH_ROOM, "%s/%s", folder, name);

	if (n < 0 || n >= PATH_ROOM)
		return cm_fail(err, CM_ECONFIG, "%s: the path is too long",
			       folder);
	return CM_OK;
}

static int make_paths(const struct cm_store *store, struct paths *p,
		      struct cm_error *err)
{
	const char *private = store->env_path[CM_ENV_PRIVATE];
	int rc = make_path(p->old, private, "data.mdb", err);

	if (rc == CM_OK)
		rc = make_path(p->folder, private, "new", err);
	if (rc == CM_OK)
		rc = make_path(p->data, p->folder, "data.mdb", err);
	return rc == CM_OK ? make_path(p->lock, p->folder, "lock.mdb", err)
			   : rc;
}

/* What an earlier attempt, or this one, left. */
static int clean(const struct paths *p, struct cm_error *err)
{
	if ((unlink(p->data) != 0 && errno != ENOENT && errno != ENOTDIR) ||
	    (unlink(p->lock) != 0 && errno != ENOENT && errno != ENOTDIR) ||
	    (rmdir(p->folder) != 0 && errno != ENOENT))
		return cm_fail_errno(err, errno, "cannot remove %s", p->folder);
	return CM_OK;
}

static int sync_file(const char *path, struct cm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = CM_OK;

	if (fd < 0)
		return cm_fail_errno(err, errno, "cannot open %s", path);
	if (fsync(fd) != 0)
		rc = cm_fail_errno(err, errno, "cannot sync %s", path);
	(void)close(fd);
	return rc;
}

/* As the old file: consent-web must be able to go on. */
static int give_as_old(const struct paths *p, struct cm_error *err)
{
	struct stat st;

	if (stat(p->old, &st) != 0)
		return cm_fail_errno(err, errno, "%s", p->old);
	if (lchown(p->data, st.st_uid, st.st_gid) != 0 &&
	    lchown(p->data, (uid_t)-1, st.st_gid) != 0)
		return cm_fail_errno(err, errno,
				     "cannot give %s to the group of %s",
				     p->data, p->old);
	if (chmod(p->data, st.st_mode & 07777) != 0)
		return cm_fail_errno(err, errno, "cannot set the mode of %s",
				     p->data);
	return CM_OK;
}

static int put_in_place(const struct cm_store *store, const struct paths *p,
			struct cm_error *err)
{
	int rc = give_as_old(p, err);

	if (rc == CM_OK)
		rc = sync_file(p->data, err);
	if (rc == CM_OK && rename(p->data, p->old) != 0)
		rc = cm_fail_errno(err, errno, "cannot rename %s", p->data);
	if (rc == CM_OK)
		rc = clean(p, err);
	if (rc == CM_OK)
		rc = cm_path_sync_folder(store->env_path[CM_ENV_PRIVATE], err);
	return rc;
}

static int write_new(struct erasure *e, struct cm_kv *old,
		     const struct paths *p, struct cm_error *err)
{
	struct cm_kv *kv = NULL;
	int rc = clean(p, err);

	if (rc != CM_OK)
		return rc;
	if (mkdir(p->folder, 0700) != 0)
		return cm_fail_errno(err, errno, "cannot make %s", p->folder);
	rc = cm_store_open_private_at(e->writer->store, p->folder, &kv, err);
	if (rc == CM_OK)
		rc = copy_rows(e, old, kv, err);
	cm_kv_close(&kv);
	return rc;
}

static int rewrite(struct erasure *e, struct cm_error *err)
{
	const struct cm_store *store = e->writer->store;
	struct cm_kv *old = NULL;
	struct paths paths;
	int lock = -1;
	int rc = make_paths(store, &paths, err);

	if (rc == CM_OK)
		rc = cm_private_open(store, true, &lock, &old, err);
	if (rc != CM_OK)
		return rc;
	rc = write_new(e, old, &paths, err);
	cm_kv_close(&old);
	if (rc == CM_OK)
		rc = put_in_place(store, &paths, err);
	if (rc != CM_OK) /* of no use to anybody; err tells the first reason */
		(void)clean(&paths, NULL);
	cm_lockfile_drop(&lock);
	return rc;
}

/* ---- erasing ------------------------------------------------------------ */

/* writer: begun; its lock is held throughout. */
static int finish(struct cm_writer *writer, struct cm_erased *ret_erased,
		  struct cm_error *err)
{
	struct erasure e = {.writer = writer};
	int rc = read_notes(&e, err);

	if (rc == CM_OK && e.count > 0) {
		rc = find_evidence(&e, err);
		if (rc == CM_OK)
			rc = rewrite(&e, err);
		if (rc == CM_OK)
			rc = drop_notes(&e, err);
		if (rc == CM_OK)
			rc = cm_kv_commit(&writer->txn, err);
	}
	if (rc == CM_OK)
		*ret_erased = e.done;
	erasure_free(&e);
	return rc;
}

int cm_store_erase_finish(struct cm_store *store, struct cm_erased *ret_erased,
			  struct cm_error *err)
{
	struct cm_erased none = {0};
	struct cm_kv_txn *txn = NULL;
	struct cm_writer writer;
	uint64_t pending = 0;
	int rc = cm_kv_begin_read(store->ledger, &txn, err);

	if (rc == CM_OK)
		rc = cm_erase_pending(txn, &pending, err);
	cm_kv_abort(&txn);
	if (rc != CM_OK)
		return rc;
	if (pending == 0) {
		*ret_erased = none;
		return CM_OK;
	}
	rc = cm_writer_begin(store, 0, store->lock_wait_ms, true, &writer, err);
	if (rc != CM_OK)
		return rc;
	rc = finish(&writer, ret_erased, err);
	cm_writer_end(&writer);
	return rc;
}

void cm_erase_resume(struct cm_store *store)
{
	struct cm_erased erased;
	int rc = cm_store_erase_finish(store, &erased, NULL);

	(void)rc; /* see store_internal.h */
}

static int write_events(struct cm_writer *writer, struct cm_rows *rows,
			uint64_t *ret_first, struct cm_error *err)
{
	int rc = cm_stop_fold(writer, err);

	*ret_first = writer->head.size;
	if (rc == CM_OK)
		rc = cm_writer_append(writer, rows, err);
	for (size_t i = 0; rc == CM_OK && i < rows->count; i++)
		rc = cm_erase_note(writer, &rows->row[i].contact, err);
	return rc == CM_OK ? cm_writer_commit(writer, err) : rc;
}

static int erase_rows(struct cm_store *store, struct cm_rows *rows, int64_t now,
		      uint64_t *ret_first, struct cm_erased *ret_erased,
		      struct cm_error *err)
{
	struct cm_writer writer;
	uint64_t first = 0;
	int rc = cm_writer_begin(store, now, store->lock_wait_ms, true, &writer,
				 err);

	if (rc != CM_OK)
		return rc;
	rc = write_events(&writer, rows, &first, err);
	if (rc == CM_OK) {
		rc = cm_kv_begin_write(store->ledger, &writer.txn, err);
		if (rc == CM_OK)
			rc = finish(&writer, ret_erased, err);
		if (rc != CM_OK)
			(void)cm_error_prefix(
				err, "no marketing goes there any more, but "
				     "the addresses are not erased yet; "
				     "opening the store again will try: ");
	}
	cm_writer_end(&writer);
	if (rc == CM_OK)
		*ret_first = first;
	return rc;
}

int cm_store_erase(struct cm_store *store, const struct cm_event *events,
		   size_t count, int64_t now, uint64_t *ret_first_seq,
		   struct cm_erased *ret_erased, struct cm_error *err)
{
	struct cm_rows rows = {0};
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < count; i++)
		rc = events[i].type == CM_EVENT_ERASED
			     ? cm_rows_add(&rows, &events[i], err)
			     : cm_fail(err, CM_EUSAGE,
				       "cm_store_erase: event %zu is %s", i,
				       cm_event_type_name(events[i].type));
	if (rc == CM_OK)
		rc = cm_rows_sort(&rows, err);
	if (rc == CM_OK)
		rc = erase_rows(store, &rows, now, ret_first_seq, ret_erased,
				err);
	cm_rows_free(&rows);
	return rc;
}
