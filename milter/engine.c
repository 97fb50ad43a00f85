/*
 * See engine.h.
 *
 * Everything that is lent is counted.  LMDB must not have one environment
 * open twice in a process, so a store that turned out bad is closed by its
 * last user and only then opened again; who asks in between hears CM_EAGAIN.
 */
#include "milter/engine.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "milter/head.h"

enum {
	/* A missing store costs a message two system calls, not each. */
	CM_REOPEN_WAIT_MS = 1000,
	CM_READER_LOCK_WAIT_MS = 1000, /* readers never take writer.lock */
	CM_CHECK_ARENA_MAX = 1 << 20,  /* a reader, and a path of hashes */
};

struct cm_keyring {
	struct cm_keys *keys;
	uint64_t generation;
	int users;
};

struct cm_engine {
	struct cm_log *log;
	int64_t (*now)(void);
	char *keys_path;
	char *store_path;
	uint64_t map_size;
	struct cm_memory *memory;

	pthread_mutex_t lock; /* of all below, atomics excepted */
	struct cm_snapshot *snapshot;
	struct cm_keyring *keyring; /* NULL until the keys could be read */
	uint64_t generation;
	struct cm_store *store;           /* NULL while it cannot be read */
	struct cm_keyring *store_keyring; /* that the store was opened with */
	int store_users;
	bool store_bad;     /* close it when its last user is done */
	bool store_was_bad; /* said so in the log */
	int64_t try_again;  /* not before this time */
	uint64_t seen;      /* events of the longest ledger so far */

	atomic_uint in_flight;
	atomic_uint proofs;
	atomic_ullong tallies[CM_TALLIES];
	atomic_ullong tallied; /* all of them when last logged */
};

static void keyring_unref(struct cm_keyring **keyring)
{
	if (*keyring != NULL && --(*keyring)->users == 0) {
		cm_keys_free(&(*keyring)->keys);
		free(*keyring);
	}
	*keyring = NULL;
}

static void snapshot_unref(struct cm_snapshot **snapshot)
{
	if (*snapshot != NULL && --(*snapshot)->users == 0) {
		cm_config_unref(&(*snapshot)->config);
		cm_templates_free(&(*snapshot)->templates);
		free(*snapshot);
	}
	*snapshot = NULL;
}

static struct cm_snapshot *snapshot_new(struct cm_config *config)
{
	struct cm_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL)
		return NULL;
	snapshot->config = cm_config_ref(config);
	snapshot->users = 1;
	return snapshot;
}

static int make_memory(struct cm_engine *engine, bool write,
		       struct cm_memory **ret_memory, struct cm_error *err)
{
	const struct cm_memory_options options = {
		.store_path = engine->store_path,
		.map_size = engine->map_size,
		.write = write,
		.log = engine->log,
		.now = engine->now,
	};

	return cm_memory_new(&options, ret_memory, err);
}

int cm_engine_new(struct cm_config *config, struct cm_log *log,
		  int64_t (*now)(void), struct cm_engine **ret_engine,
		  struct cm_error *err)
{
	struct cm_engine *engine = calloc(1, sizeof(*engine));
	size_t i;

	if (engine == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	(void)pthread_mutex_init(&engine->lock, NULL);
	atomic_init(&engine->in_flight, 0);
	atomic_init(&engine->proofs, 0);
	for (i = 0; i < CM_TALLIES; i++)
		atomic_init(&engine->tallies[i], 0);
	atomic_init(&engine->tallied, 0);
	engine->log = log;
	engine->now = now;
	engine->map_size = config->store_map_size;
	engine->keys_path = strdup(config->keys_path);
	engine->store_path = strdup(config->store_path);
	engine->snapshot = snapshot_new(config);
	if (engine->keys_path == NULL || engine->store_path == NULL ||
	    engine->snapshot == NULL ||
	    make_memory(engine, false, &engine->memory, err) != CM_OK) {
		cm_engine_free(&engine);
		return cm_fail(err, CM_ENOMEM, "out of memory");
	}
	*ret_engine = engine;
	return CM_OK;
}

void cm_engine_free(struct cm_engine **engine)
{
	struct cm_engine *e = *engine;

	if (e == NULL)
		return;
	if (e->memory != NULL)
		cm_memory_stop(e->memory);
	cm_memory_free(&e->memory);
	cm_store_close(&e->store);
	keyring_unref(&e->store_keyring);
	keyring_unref(&e->keyring);
	snapshot_unref(&e->snapshot);
	(void)pthread_mutex_destroy(&e->lock);
	free(e->keys_path);
	free(e->store_path);
	free(e);
	*engine = NULL;
}

struct cm_memory *cm_engine_memory(const struct cm_engine *engine)
{
	return engine->memory;
}

int cm_engine_remember(struct cm_engine *engine, struct cm_error *err)
{
	struct cm_memory *memory = NULL;
	int rc = make_memory(engine, true, &memory, err);

	if (rc == CM_OK)
		rc = cm_memory_start(memory, err);
	if (rc != CM_OK) {
		cm_memory_free(&memory);
		return rc;
	}
	cm_memory_free(&engine->memory);
	engine->memory = memory;
	return CM_OK;
}

struct cm_log *cm_engine_log(const struct cm_engine *engine)
{
	return engine->log;
}

int64_t cm_engine_now(const struct cm_engine *engine)
{
	return engine->now();
}

bool cm_engine_proof_is_due(struct cm_engine *engine, unsigned n)
{
	return n > 0 && atomic_fetch_add(&engine->proofs, 1) % n == 0;
}

void cm_engine_begin(struct cm_engine *engine)
{
	(void)atomic_fetch_add(&engine->in_flight, 1);
}

void cm_engine_end(struct cm_engine *engine)
{
	(void)atomic_fetch_sub(&engine->in_flight, 1);
}

void cm_engine_count(struct cm_engine *engine, enum cm_tally tally)
{
	(void)atomic_fetch_add(&engine->tallies[tally], 1);
}

void cm_engine_log_tallies(struct cm_engine *engine)
{
	static const char *const names[CM_TALLIES] = {
		[CM_TALLY_FOOTER] = "footer",
		[CM_TALLY_WRAPPED] = "wrapped",
		[CM_TALLY_LEFT_ALONE] = "left-alone",
		[CM_TALLY_DISPROVED] = "disproved",
		[CM_TALLY_HELD] = "held",
	};
	unsigned long long all = 0;
	struct cm_line line;
	size_t i;

	cm_line_init(&line, cm_span("bodies since the start"));
	for (i = 0; i < CM_TALLIES; i++) {
		unsigned long long n = atomic_load(&engine->tallies[i]);

		cm_line_int(&line, names[i], (int64_t)n);
		all += n;
	}
	if (atomic_exchange(&engine->tallied, all) != all)
		cm_line_write(&line, engine->log, CM_LOG_NOTICE);
	cm_line_free(&line);
}

unsigned cm_engine_in_flight(const struct cm_engine *engine)
{
	return atomic_load(&engine->in_flight);
}

/* ---- config ----------------------------------------------------------- */

struct cm_snapshot *cm_engine_pin(struct cm_engine *engine)
{
	struct cm_snapshot *snapshot;

	(void)pthread_mutex_lock(&engine->lock);
	snapshot = engine->snapshot;
	snapshot->users++;
	(void)pthread_mutex_unlock(&engine->lock);
	return snapshot;
}

void cm_engine_unpin(struct cm_engine *engine, struct cm_snapshot **snapshot)
{
	(void)pthread_mutex_lock(&engine->lock);
	snapshot_unref(snapshot);
	(void)pthread_mutex_unlock(&engine->lock);
}

static int keyring_open(struct cm_engine *engine,
			struct cm_keyring **ret_keyring, struct cm_error *err)
{
	struct cm_keyring *keyring = calloc(1, sizeof(*keyring));
	int rc;

	if (keyring == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_keys_open(engine->keys_path, &keyring->keys, err);
	if (rc != CM_OK) {
		free(keyring);
		return rc;
	}
	keyring->users = 1;
	*ret_keyring = keyring;
	return CM_OK;
}

static void warn_of_paths(struct cm_engine *engine,
			  const struct cm_config *config)
{
	if (strcmp(config->store_path, engine->store_path) != 0 ||
	    strcmp(config->keys_path, engine->keys_path) != 0)
		cm_log(engine->log, CM_LOG_WARNING,
		       "reload: a changed store or keys path takes effect at "
		       "the next restart");
}

static bool has_keys(struct cm_engine *engine)
{
	bool has;

	(void)pthread_mutex_lock(&engine->lock);
	has = engine->keyring != NULL;
	(void)pthread_mutex_unlock(&engine->lock);
	return has;
}

static bool same_store_key(const struct cm_keys *a, const struct cm_keys *b)
{
	const struct cm_key *x = cm_keys_current(a, CM_KEY_STORE);
	const struct cm_key *y = cm_keys_current(b, CM_KEY_STORE);

	return x != NULL && y != NULL && x->len == y->len &&
	       cm_equal_ct(x->bytes, y->bytes, x->len);
}

/*
 * With the lock held.  By another store key nobody would be found in the
 * store that is open, and everybody be refused for good.
 */
static bool take_keyring(struct cm_engine *engine, struct cm_keyring *keyring)
{
	if (engine->store != NULL &&
	    !same_store_key(engine->store_keyring->keys, keyring->keys)) {
		keyring_unref(&keyring);
		return false;
	}
	keyring_unref(&engine->keyring);
	keyring->generation = ++engine->generation;
	engine->keyring = keyring;
	return true;
}

int cm_engine_reload(struct cm_engine *engine, struct cm_config *config,
		     struct cm_templates *templates, struct cm_error *err)
{
	struct cm_snapshot *snapshot = snapshot_new(config);
	struct cm_keyring *keyring = NULL;
	struct cm_error why;
	bool taken = true;

	if (snapshot == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	snapshot->templates = templates;
	warn_of_paths(engine, config);
	/* The old keys serve as long as new ones cannot be read. */
	if (has_keys(engine) && keyring_open(engine, &keyring, &why) != CM_OK)
		cm_log_error(engine->log, CM_LOG_ERROR, "reading the keys anew",
			     &why);
	(void)pthread_mutex_lock(&engine->lock);
	snapshot_unref(&engine->snapshot);
	engine->snapshot = snapshot;
	if (keyring != NULL)
		taken = take_keyring(engine, keyring);
	(void)pthread_mutex_unlock(&engine->lock);
	if (!taken)
		cm_log(engine->log, CM_LOG_ERROR,
		       "reload: %s holds the store key of another store: the "
		       "old keys stay in use, put the right file back",
		       engine->keys_path);
	return CM_OK;
}

/* ---- keys and store --------------------------------------------------- */

static void close_store(struct cm_engine *engine)
{
	cm_store_close(&engine->store);
	keyring_unref(&engine->store_keyring);
	engine->store_bad = false;
}

static void say_bad(struct cm_engine *engine, const struct cm_error *err)
{
	if (!engine->store_was_bad)
		cm_log_error(engine->log, CM_LOG_ERROR,
			     "consent cannot be checked, marketing gets 451",
			     err);
	engine->store_was_bad = true;
}

static void say_good(struct cm_engine *engine)
{
	if (engine->store_was_bad)
		cm_log(engine->log, CM_LOG_NOTICE,
		       "the consent store can be read again");
	engine->store_was_bad = false;
}

static int open_keys(struct cm_engine *engine, struct cm_error *err)
{
	int rc;

	if (engine->keyring != NULL)
		return CM_OK;
	rc = keyring_open(engine, &engine->keyring, err);
	if (rc == CM_OK)
		engine->keyring->generation = ++engine->generation;
	return rc;
}

/* What was signed for has been there: a shorter ledger is an older copy. */
static int see_checkpoint(struct cm_engine *engine, struct cm_error *err)
{
	const struct cm_config *config = engine->snapshot->config;
	uint64_t events = 0;
	int rc;

	if (config->checkpoint_origin == NULL)
		return CM_OK;
	rc = cm_head_events(config->checkpoint_path, &events, err);
	if (rc == CM_OK && events > engine->seen)
		engine->seen = events;
	return rc;
}

static int older(uint64_t events, uint64_t seen, struct cm_error *err)
{
	return cm_fail(err, CM_ECORRUPT,
		       "the store has %" PRIu64 " events where it had %" PRIu64
		       ": an older copy took its place; put back the refusals "
		       "since then (consentctl restore) and restart",
		       events, seen);
}

static int compare(struct cm_store_reader *reader,
		   const struct cm_sent_head *head, struct cm_error *err)
{
	struct cm_hash root;
	int rc;

	if (cm_store_size(reader) < head->size)
		return older(cm_store_size(reader), head->size, err);
	rc = cm_store_root_at(reader, head->size, &root, err);
	if (rc == CM_OK && memcmp(&root, &head->root, sizeof(root)) != 0)
		rc = cm_fail(err, CM_ECORRUPT,
			     "the first %" PRIu64
			     " events of the store are not "
			     "those that were there: another one took its "
			     "place; put the right one back (consentctl "
			     "restore) and restart",
			     head->size);
	return rc;
}

/* What cannot be remembered has been said, and is no reason not to send. */
static int check_remembered(struct cm_engine *engine, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_arena *arena = NULL;
	struct cm_sent_head head;
	int rc;

	if (cm_memory_head(engine->memory, &head, NULL) != CM_OK ||
	    head.size == 0)
		return CM_OK;
	rc = cm_arena_new(CM_CHECK_ARENA_MAX, &arena);
	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = cm_store_read_begin(engine->store, arena, &reader, err);
	if (rc == CM_OK)
		rc = compare(reader, &head, err);
	cm_store_read_end(&reader);
	cm_arena_free(&arena);
	if (rc == CM_OK && head.size > engine->seen)
		engine->seen = head.size;
	return rc;
}

static int open_store(struct cm_engine *engine, struct cm_error *err)
{
	const struct cm_store_options options = {
		.path = engine->store_path,
		.map_size = engine->map_size,
		.lock_wait_ms = CM_READER_LOCK_WAIT_MS,
		.group = (gid_t)-1,
		.write_group = (gid_t)-1,
	};
	int rc = see_checkpoint(engine, err);

	if (rc == CM_OK)
		rc = cm_store_open(&options, CM_STORE_READ,
				   engine->keyring->keys, &engine->store, err);
	if (rc == CM_OK)
		rc = check_remembered(engine, err);
	if (rc != CM_OK) {
		cm_store_close(&engine->store);
		/* Perhaps it was restored together with its keys. */
		keyring_unref(&engine->keyring);
		return rc;
	}
	/* The store may go on using the keys it was opened with. */
	engine->store_keyring = engine->keyring;
	engine->store_keyring->users++;
	return CM_OK;
}

/* With the lock held: have keys and store open, or say why not. */
static int make_ready(struct cm_engine *engine, struct cm_error *err)
{
	int64_t now;
	int rc;

	if (engine->store_bad && engine->store_users == 0)
		close_store(engine);
	if (engine->store_bad)
		return cm_fail(err, CM_EAGAIN, "the store is being reopened");
	if (engine->store != NULL)
		return CM_OK;
	now = engine->now();
	if (now < engine->try_again &&
	    now > engine->try_again - 2 * CM_REOPEN_WAIT_MS)
		return cm_fail(err, CM_EAGAIN,
			       "the store was not readable "
			       "a moment ago");
	rc = open_keys(engine, err);
	if (rc == CM_OK)
		rc = open_store(engine, err);
	if (rc != CM_OK) {
		engine->try_again = now + CM_REOPEN_WAIT_MS;
		say_bad(engine, err);
	}
	return rc;
}

int cm_engine_lend(struct cm_engine *engine, struct cm_loan *ret_loan,
		   struct cm_error *err)
{
	int rc;

	(void)pthread_mutex_lock(&engine->lock);
	rc = make_ready(engine, err);
	if (rc == CM_OK) {
		engine->store_users++;
		engine->keyring->users++;
		ret_loan->keyring = engine->keyring;
		ret_loan->keys = engine->keyring->keys;
		ret_loan->generation = engine->keyring->generation;
		ret_loan->store = engine->store;
		ret_loan->seen = engine->seen;
	}
	(void)pthread_mutex_unlock(&engine->lock);
	return rc;
}

int cm_engine_saw(struct cm_engine *engine, const struct cm_loan *loan,
		  struct cm_store_reader *reader, struct cm_error *err)
{
	struct cm_sent_head head = {.size = cm_store_size(reader)};
	int rc;

	/* With what was seen before the loan: a reader that began earlier
	 * than another may rightly see less than that one. */
	if (head.size < loan->seen)
		return older(head.size, loan->seen, err);
	if (head.size == loan->seen)
		return CM_OK;
	rc = cm_store_root(reader, &head.root, err);
	if (rc != CM_OK)
		return rc;
	cm_memory_saw(engine->memory, &head);
	(void)pthread_mutex_lock(&engine->lock);
	if (head.size > engine->seen)
		engine->seen = head.size;
	(void)pthread_mutex_unlock(&engine->lock);
	return CM_OK;
}

void cm_engine_return(struct cm_engine *engine, struct cm_loan *loan,
		      int failure, const struct cm_error *err)
{
	if (loan->keyring == NULL)
		return;
	(void)pthread_mutex_lock(&engine->lock);
	if (failure == CM_OK && !engine->store_bad) {
		say_good(engine);
	} else if (failure == CM_EIO || failure == CM_ECORRUPT) {
		say_bad(engine, err);
		engine->store_bad = true;
	}
	keyring_unref(&loan->keyring);
	if (--engine->store_users == 0 && engine->store_bad)
		close_store(engine);
	(void)pthread_mutex_unlock(&engine->lock);
}
