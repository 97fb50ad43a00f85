/* See queue.h. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "policy/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/enc.h"
#include "lib/lockfile.h"
#include "lib/path.h"
#include "policy/queue_act.h"
#include "policy/queue_internal.h"

enum {
	FORMAT = 1,
	NUMBER_LEN = 8,
	ACT_ROW_MAX = 16384, /* every text as long as it may be */
};

static const char *const db_names[CM_QUEUE_DBS] = {
	[CM_QUEUE_ACTS] = "acts",
	[CM_QUEUE_LETTERS] = "letters",
	[CM_QUEUE_LIMITS] = "limits",
	[CM_QUEUE_META] = "meta",
};

/* ---- open --------------------------------------------------------------- */

int cm_queue_make(const char *store_path, gid_t write_group,
		  struct cm_error *err)
{
	char *folder = cm_path_join(store_path, "web");
	int rc = CM_OK;

	if (folder == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (mkdir(folder, 0700) != 0) {
		if (errno == ENOENT)
			rc = cm_fail(err, CM_ENOTFOUND, "%s is not there",
				     store_path);
		else if (errno != EEXIST)
			rc = cm_fail_errno(err, errno, "cannot make %s",
					   folder);
		goto out;
	}
	if (chown(folder, (uid_t)-1, write_group) != 0 ||
	    chmod(folder, CM_QUEUE_FOLDER_MODE) != 0)
		rc = cm_fail_errno(err, errno, "cannot give %s away", folder);
out:
	free(folder);
	return rc;
}

/* Whoever makes a file opens it to the others of the folder's group. */
static void open_to_group(const struct cm_queue *queue)
{
	static const char *const names[] = {"data.mdb", "lock.mdb",
					    "writer.lock"};
	struct stat st;
	size_t i;

	if (stat(queue->folder, &st) != 0)
		return;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = cm_path_join(queue->folder, names[i]);

		if (path == NULL)
			return;
		if (geteuid() == 0)
			(void)!chown(path, st.st_uid, st.st_gid);
		(void)chmod(path, CM_QUEUE_FILE_MODE);
		free(path);
	}
}

static int make_lock(const struct cm_queue *queue, struct cm_error *err)
{
	int fd = open(queue->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      CM_QUEUE_FILE_MODE);

	if (fd < 0)
		return errno == ENOENT
			       ? cm_fail(err, CM_ENOTFOUND, "%s is not there",
					 queue->folder)
			       : cm_fail_errno(err, errno, "cannot make %s",
					       queue->lock);
	(void)close(fd);
	return CM_OK;
}

int cm_queue_begin(struct cm_queue *queue, struct cm_queue_change *change,
		   struct cm_error *err)
{
	int rc;

	*change = (struct cm_queue_change){.lock = -1};
	rc = cm_lockfile_take(queue->lock, queue->lock_wait_ms, &change->lock,
			      err);
	if (rc == CM_OK)
		rc = cm_kv_begin_write(queue->kv, &change->txn, err);
	if (rc != CM_OK)
		cm_lockfile_drop(&change->lock);
	return rc;
}

int cm_queue_end(struct cm_queue_change *change, int rc, struct cm_error *err)
{
	if (rc == CM_OK)
		rc = cm_kv_commit(&change->txn, err);
	cm_kv_abort(&change->txn);
	cm_lockfile_drop(&change->lock);
	return rc;
}

int cm_queue_damaged(const struct cm_queue *queue, struct cm_error *err)
{
	return cm_fail(err, CM_ECORRUPT, "%s holds a row that is none of ours",
		       queue->folder);
}

static int check_format(struct cm_queue *queue, struct cm_error *err)
{
	static const char name[] = "format", mine = FORMAT;
	struct cm_queue_change change;
	struct cm_span value;
	int rc = cm_queue_begin(queue, &change, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_get(change.txn, CM_QUEUE_META, cm_span(name), &value, err);
	if (rc == CM_ENOTFOUND)
		rc = cm_kv_put(change.txn, CM_QUEUE_META, cm_span(name),
			       cm_span_n(&mine, 1), err);
	else if (rc == CM_OK && (value.n != 1 || value.p[0] != mine))
		rc = cm_fail(err, CM_ECORRUPT,
			     "%s is of another version of consent-milter",
			     queue->folder);
	return cm_queue_end(&change, rc, err);
}

/* Two processes that begin together would both make the databases. */
static int open_env(struct cm_queue *queue, uint64_t map_size,
		    struct cm_error *err)
{
	const struct cm_kv_options options = {
		.path = queue->folder,
		.dbs = db_names,
		.ndbs = CM_QUEUE_DBS,
		.map_size = map_size,
		.create = true,
	};
	int lock = -1;
	int rc = make_lock(queue, err);

	if (rc == CM_OK)
		rc = cm_lockfile_take(queue->lock, queue->lock_wait_ms, &lock,
				      err);
	if (rc == CM_OK)
		rc = cm_kv_open(&options, &queue->kv, err);
	if (rc == CM_OK)
		open_to_group(queue);
	cm_lockfile_drop(&lock);
	return rc;
}

static int queue_alloc(const struct cm_queue_options *options,
		       struct cm_queue **ret_queue, struct cm_error *err)
{
	struct cm_queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (pthread_mutex_init(&queue->keys_mutex, NULL) != 0 ||
	    pthread_mutex_init(&queue->mutex, NULL) != 0 ||
	    pthread_cond_init(&queue->done, NULL) != 0) {
		free(queue);
		return cm_fail(err, CM_ENOMEM, "no lock can be made");
	}
	*ret_queue = queue;
	queue->lock_wait_ms = options->lock_wait_ms;
	queue->folder = cm_path_join(options->path, "web");
	if (queue->folder != NULL)
		queue->lock = cm_path_join(queue->folder, "writer.lock");
	return queue->lock != NULL ? CM_OK
				   : cm_fail(err, CM_ENOMEM, "out of memory");
}

int cm_queue_open(const struct cm_queue_options *options,
		  const struct cm_keys *keys, struct cm_queue **ret_queue,
		  struct cm_error *err)
{
	struct cm_queue *queue = NULL;
	int rc = queue_alloc(options, &queue, err);

	if (rc == CM_OK)
		rc = cm_queue_use_keys(queue, keys, err);
	if (rc == CM_OK)
		rc = open_env(queue, options->map_size, err);
	if (rc == CM_OK)
		rc = check_format(queue, err);
	if (rc != CM_OK) {
		cm_queue_close(&queue);
		return rc;
	}
	*ret_queue = queue;
	return CM_OK;
}

static void free_seals(struct cm_queue_seal *seals, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		cm_siv_free(&seals[i].siv);
}

void cm_queue_close(struct cm_queue **queue_p)
{
	struct cm_queue *queue = *queue_p;

	if (queue == NULL)
		return;
	cm_kv_close(&queue->kv);
	free_seals(queue->seals, queue->nseals);
	cm_hmac_free(&queue->digest);
	free(queue->folder);
	free(queue->lock);
	(void)pthread_cond_destroy(&queue->done);
	(void)pthread_mutex_destroy(&queue->mutex);
	(void)pthread_mutex_destroy(&queue->keys_mutex);
	free(queue);
	*queue_p = NULL;
}

int cm_queue_reap(struct cm_queue *queue, struct cm_error *err)
{
	return cm_kv_reap(queue->kv, err);
}

/* ---- keys --------------------------------------------------------------- */

/* Not the tokens' associated text: no row can be read as a token. */
static int make_seals(const struct cm_keys *keys, struct cm_queue_seal *seals,
		      size_t *ret_n, struct cm_error *err)
{
	size_t n = cm_keys_count(keys, CM_KEY_MAILED), i;
	int rc = CM_OK;

	*ret_n = 0;
	for (i = 0; rc == CM_OK && i < n && i < CM_KEY_IDS; i++) {
		const struct cm_key *key = cm_keys_at(keys, CM_KEY_MAILED, i);

		seals[i].id = key->id;
		rc = cm_siv_new(key->bytes, cm_span("queued act"),
				&seals[i].siv, err);
		if (rc == CM_OK)
			*ret_n = i + 1;
	}
	if (rc == CM_OK && *ret_n == 0)
		rc = cm_fail(err, CM_ECONFIG,
			     "the mailed key cannot be read: it is the write "
			     "group's, and what people ask for is sealed with "
			     "it");
	return rc;
}

static int make_digest(const struct cm_keys *keys, struct cm_hmac **ret_hmac,
		       struct cm_error *err)
{
	const struct cm_key *key = cm_keys_current(keys, CM_KEY_STORE);
	const struct cm_span label = cm_span("consent-milter 1 web limits");
	uint8_t derived[CM_SHA256_LEN];
	struct cm_hmac *hmac = NULL;
	int rc;

	if (key == NULL)
		return cm_fail(err, CM_ECONFIG, "there is no store key");
	rc = cm_hmac_new(key->bytes, key->len, &hmac, err);
	if (rc == CM_OK && cm_hmac(hmac, &label, 1, derived) != CM_OK)
		rc = cm_fail(err, CM_ECRYPTO, "cannot derive a key");
	cm_hmac_free(&hmac);
	if (rc == CM_OK)
		rc = cm_hmac_new(derived, sizeof(derived), ret_hmac, err);
	cm_wipe(derived, sizeof(derived));
	return rc;
}

int cm_queue_use_keys(struct cm_queue *queue, const struct cm_keys *keys,
		      struct cm_error *err)
{
	struct cm_queue_seal seals[CM_KEY_IDS] = {{0}};
	struct cm_queue_seal old[CM_KEY_IDS];
	struct cm_hmac *digest = NULL, *old_digest;
	size_t n = 0, nold;
	int rc = make_seals(keys, seals, &n, err);

	if (rc == CM_OK)
		rc = make_digest(keys, &digest, err);
	if (rc != CM_OK) {
		free_seals(seals, n);
		return rc;
	}
	(void)pthread_mutex_lock(&queue->keys_mutex);
	memcpy(old, queue->seals, sizeof(old));
	nold = queue->nseals;
	old_digest = queue->digest;
	memcpy(queue->seals, seals, sizeof(seals));
	queue->nseals = n;
	queue->digest = digest;
	(void)pthread_mutex_unlock(&queue->keys_mutex);
	free_seals(old, nold);
	cm_hmac_free(&old_digest);
	return CM_OK;
}

int cm_queue_digest(struct cm_queue *queue, struct cm_span what,
		    struct cm_id *ret_id, struct cm_error *err)
{
	uint8_t sum[CM_SHA256_LEN];
	int rc;

	(void)pthread_mutex_lock(&queue->keys_mutex);
	rc = cm_hmac(queue->digest, &what, 1, sum);
	(void)pthread_mutex_unlock(&queue->keys_mutex);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot make a digest");
	memcpy(ret_id->b, sum, sizeof(ret_id->b));
	return CM_OK;
}

/* plain begins with its number, so that equal acts look different, and none
 * can stand in the place of another. */
static int seal(struct cm_queue *queue, const struct cm_buf *plain,
		struct cm_buf *row, struct cm_error *err)
{
	uint8_t sealed[CM_SIV_TAG_LEN + ACT_ROW_MAX];
	uint8_t id = 0;
	int rc;

	(void)pthread_mutex_lock(&queue->keys_mutex);
	id = queue->seals[queue->nseals - 1].id;
	rc = cm_siv_seal(queue->seals[queue->nseals - 1].siv,
			 cm_span_n(plain->data, plain->len), sealed);
	(void)pthread_mutex_unlock(&queue->keys_mutex);
	if (rc == CM_OK)
		rc = cm_buf_addc(row, (char)id);
	if (rc == CM_OK)
		rc = cm_buf_add(row, sealed, CM_SIV_TAG_LEN + plain->len);
	return rc == CM_OK ? rc : cm_fail(err, rc, "an act cannot be sealed");
}

static int unseal(struct cm_queue *queue, struct cm_span row, char *out)
{
	struct cm_span sealed = cm_span_n(row.p + 1, row.n - 1);
	int rc = CM_ECORRUPT;
	size_t i;

	(void)pthread_mutex_lock(&queue->keys_mutex);
	for (i = 0; i < queue->nseals; i++)
		if (queue->seals[i].id == (uint8_t)row.p[0])
			rc = cm_siv_open(queue->seals[i].siv, sealed,
					 (uint8_t *)out);
	(void)pthread_mutex_unlock(&queue->keys_mutex);
	return rc;
}

/* ---- numbers ------------------------------------------------------------ */

struct cm_span cm_queue_key(uint64_t number, struct cm_queue_key *room)
{
	cm_put_u64(number, room->b);
	return cm_span_n((const char *)room->b, sizeof(room->b));
}

/* Never the same again, though rows go: letters are named by theirs. */
int cm_queue_number(struct cm_queue *queue, struct cm_kv_txn *txn,
		    uint64_t *ret_number, struct cm_error *err)
{
	static const char name[] = "number";
	struct cm_queue_key room;
	struct cm_span value;
	uint64_t number = 0;
	int rc = cm_kv_get(txn, CM_QUEUE_META, cm_span(name), &value, err);

	if (rc == CM_OK && value.n != NUMBER_LEN)
		return cm_queue_damaged(queue, err);
	if (rc == CM_OK)
		number = cm_get_u64(value.p);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	number++;
	rc = cm_kv_put(txn, CM_QUEUE_META, cm_span(name),
		       cm_queue_key(number, &room), err);
	if (rc == CM_OK)
		*ret_number = number;
	return rc;
}

/* ---- putting ------------------------------------------------------------ */

/* What one thread asks for; as those of cm_store_stop(), who comes while
 * another one writes waits, and the first of them then writes for all. */
struct cm_queue_put {
	const struct cm_buf *packed;
	bool done;
	int rc; /* when done */
	struct cm_error err;
	struct cm_queue_put *next;
};

static int put_one(struct cm_queue *queue, struct cm_kv_txn *txn,
		   const struct cm_buf *packed, struct cm_error *err)
{
	struct cm_queue_key room;
	struct cm_buf plain, row;
	uint64_t number = 0;
	int rc = cm_queue_number(queue, txn, &number, err);

	cm_buf_init(&plain, ACT_ROW_MAX);
	cm_buf_init(&row, 1 + CM_SIV_TAG_LEN + ACT_ROW_MAX);
	if (rc == CM_OK) {
		(void)cm_queue_key(number, &room);
		(void)cm_buf_add(&plain, room.b, sizeof(room.b));
		rc = cm_buf_add(&plain, packed->data, packed->len);
	}
	if (rc == CM_OK)
		rc = seal(queue, &plain, &row, err);
	if (rc == CM_OK)
		rc = cm_kv_append(txn, CM_QUEUE_ACTS,
				  cm_queue_key(number, &room),
				  cm_span_n(row.data, row.len), err);
	cm_buf_free(&plain);
	cm_buf_free(&row);
	return rc;
}

static int put_all(struct cm_queue *queue, const struct cm_queue_put *put,
		   struct cm_error *err)
{
	struct cm_queue_change change;
	uint64_t count = 0;
	int rc = cm_queue_begin(queue, &change, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_count(change.txn, CM_QUEUE_ACTS, &count, err);
	if (rc == CM_OK && count >= CM_QUEUE_ACTS_MAX)
		rc = cm_fail(err, CM_ELIMIT,
			     "%llu requests wait in %s already: is the ledger "
			     "held by another program?",
			     (unsigned long long)count, queue->folder);
	for (; rc == CM_OK && put != NULL; put = put->next)
		rc = put_one(queue, change.txn, put->packed, err);
	return cm_queue_end(&change, rc, err);
}

/* Newest first as they gathered: turn them round. */
static struct cm_queue_put *in_order(struct cm_queue_put *put)
{
	struct cm_queue_put *first = NULL;

	while (put != NULL) {
		struct cm_queue_put *next = put->next;

		put->next = first;
		first = put;
		put = next;
	}
	return first;
}

/* Called and returns with the mutex held. */
static void lead(struct cm_queue *queue)
{
	struct cm_queue_put *puts = in_order(queue->waiting);
	struct cm_error err = {0};
	int rc;

	queue->waiting = NULL;
	queue->led = true;
	(void)pthread_mutex_unlock(&queue->mutex);
	rc = put_all(queue, puts, &err);
	(void)pthread_mutex_lock(&queue->mutex);
	queue->led = false;
	while (puts != NULL) {
		struct cm_queue_put *next = puts->next;

		/* Once done, it is its own thread's again. */
		puts->rc = rc;
		puts->err = err;
		puts->done = true;
		puts = next;
	}
	(void)pthread_cond_broadcast(&queue->done);
}

int cm_queue_put(struct cm_queue *queue, const struct cm_act *act,
		 struct cm_error *err)
{
	struct cm_buf packed;
	struct cm_queue_put put = {.packed = &packed};
	int rc;

	cm_buf_init(&packed, ACT_ROW_MAX - NUMBER_LEN);
	rc = cm_act_pack(act, &packed, err);
	if (rc != CM_OK)
		goto out;
	(void)pthread_mutex_lock(&queue->mutex);
	put.next = queue->waiting;
	queue->waiting = &put;
	while (!put.done && queue->led)
		(void)pthread_cond_wait(&queue->done, &queue->mutex);
	if (!put.done)
		lead(queue);
	(void)pthread_mutex_unlock(&queue->mutex);
	rc = put.rc;
	if (rc != CM_OK && err != NULL)
		*err = put.err;
out:
	cm_buf_free(&packed);
	return rc;
}

/* ---- taking ------------------------------------------------------------- */

static int open_act(struct cm_queue *queue, struct cm_span key,
		    struct cm_span row, struct cm_arena *arena,
		    struct cm_act *ret_act, struct cm_error *err)
{
	size_t n;
	char *plain;

	if (row.n < 1 + CM_SIV_TAG_LEN + NUMBER_LEN + 1)
		return cm_queue_damaged(queue, err);
	n = row.n - 1 - CM_SIV_TAG_LEN;
	plain = cm_arena_alloc(arena, n);
	if (plain == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (unseal(queue, row, plain) != CM_OK ||
	    memcmp(plain, key.p, NUMBER_LEN) != 0 ||
	    cm_act_unpack(cm_span_n(plain + NUMBER_LEN, n - NUMBER_LEN),
			  ret_act) != CM_OK)
		return cm_fail(err, CM_ECORRUPT,
			       "a request in %s cannot be read with our keys",
			       queue->folder);
	return CM_OK;
}

int cm_queue_take(struct cm_queue *queue, uint64_t after,
		  struct cm_arena *arena, uint64_t *ret_number,
		  struct cm_act *ret_act, struct cm_error *err)
{
	struct cm_queue_key room;
	struct cm_kv_txn *txn = NULL;
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, row;
	int rc = cm_kv_begin_read(queue->kv, &txn, err);

	if (rc == CM_OK)
		rc = cm_kv_cursor_open(txn, CM_QUEUE_ACTS, &cursor, err);
	if (rc == CM_OK)
		rc = cm_kv_seek(cursor, cm_queue_key(after + 1, &room), &key,
				&row, err);
	if (rc == CM_OK && key.n != NUMBER_LEN)
		rc = cm_queue_damaged(queue, err);
	else if (rc == CM_OK) {
		*ret_number = cm_get_u64(key.p);
		rc = open_act(queue, key, row, arena, ret_act, err);
	}
	cm_kv_cursor_close(&cursor);
	cm_kv_abort(&txn);
	return rc;
}
