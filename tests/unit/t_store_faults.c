/*
 * store, when LMDB fails: every call that a write makes fails once, as a full
 * disk or a broken one would have it.  What was asked for is then done, whole,
 * or not at all and said so; nothing in between, and the next try works (D7).
 *
 * LMDB's functions are wrapped by the linker (--wrap, tests/Makefile.inc).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/queue.h"
#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

enum { PEOPLE = 6, CALLS_MAX = 2000 };

#define BATCH "20261121T101500-1f2e3d4c"
#define GONE  "gone@example.com"

/* ---- LMDB --------------------------------------------------------------- */

/* Calls until one fails, once; 0 = none does. */
static int countdown;
static bool failed;

static bool fails_now(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	return true;
}

#define WRAP(name, why, parameters, arguments)                                 \
	int __real_##name parameters;                                          \
	int __wrap_##name parameters;                                          \
	int __wrap_##name parameters                                           \
	{                                                                      \
		return fails_now() ? (why) : __real_##name arguments;          \
	}

WRAP(mdb_env_open, EIO,
     (void *env, const char *path, unsigned flags, unsigned mode),
     (env, path, flags, mode))
WRAP(mdb_txn_begin, ENOMEM,
     (void *env, void *parent, unsigned flags, void **txn),
     (env, parent, flags, txn))
WRAP(mdb_dbi_open, EIO,
     (void *txn, const char *name, unsigned flags, unsigned *dbi),
     (txn, name, flags, dbi))
WRAP(mdb_stat, EIO, (void *txn, unsigned dbi, void *stat), (txn, dbi, stat))
WRAP(mdb_drop, ENOSPC, (void *txn, unsigned dbi, int del), (txn, dbi, del))
WRAP(mdb_get, EIO, (void *txn, unsigned dbi, void *key, void *value),
     (txn, dbi, key, value))
WRAP(mdb_put, ENOSPC,
     (void *txn, unsigned dbi, void *key, void *value, unsigned flags),
     (txn, dbi, key, value, flags))
WRAP(mdb_del, ENOSPC, (void *txn, unsigned dbi, void *key, void *value),
     (txn, dbi, key, value))
WRAP(mdb_cursor_open, ENOMEM, (void *txn, unsigned dbi, void **cursor),
     (txn, dbi, cursor))
WRAP(mdb_cursor_get, EIO, (void *cursor, void *key, void *value, unsigned op),
     (cursor, key, value, op))
WRAP(mdb_cursor_del, ENOSPC, (void *cursor, unsigned flags), (cursor, flags))

int __real_mdb_txn_commit(void *txn);
int __wrap_mdb_txn_commit(void *txn);
void mdb_txn_abort(void *txn);

/* A commit that fails has ended its transaction. */
int __wrap_mdb_txn_commit(void *txn)
{
	if (!fails_now())
		return __real_mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return ENOSPC;
}

/* ---- what is tried ------------------------------------------------------ */

static void person(unsigned i, char out[64])
{
	(void)snprintf(out, 64, "p%u%s@example.com", i, i % 2 ? "+tag" : "");
}

static int add_row(struct kit *kit, struct cm_store_batch *batch, unsigned i,
		   struct cm_error *err)
{
	struct cm_store_entry entry = {.evidence = cm_span("{\"row\":1}")};
	struct cm_address address;
	char text[64];
	int rc;

	person(i, text);
	rc = cm_address_parse(cm_span(text), &address, err);
	if (rc != CM_OK)
		return rc;
	entry.event = kit_event(
		kit, text, i % 3 == 0 ? CM_EVENT_WITHDRAWN : CM_EVENT_GRANTED);
	entry.event.actor = CM_ACTOR_IMPORT;
	entry.event.at = KIT_NOW - 1000;
	(void)snprintf(entry.event.batch, sizeof(entry.event.batch), BATCH);
	entry.address = &address;
	entry.as_given = cm_span(text);
	return cm_store_batch_add(batch, &entry, err);
}

static int do_import(struct kit *kit, struct cm_error *err)
{
	struct cm_store_batch *batch = NULL;
	uint64_t seq;
	int rc = cm_store_batch_begin(kit->store, &batch, err);

	for (unsigned i = 0; rc == CM_OK && i < PEOPLE; i++)
		rc = add_row(kit, batch, i, err);
	if (rc == CM_OK)
		rc = cm_store_batch_commit(batch, KIT_NOW, &seq, err);
	cm_store_batch_free(&batch);
	return rc;
}

static int do_act(struct kit *kit, struct cm_error *err)
{
	struct cm_store_entry entry = {
		.event = kit_event(kit, GONE, CM_EVENT_OBJECTED),
		.evidence = cm_span("{\"note\":\"by letter\"}"),
	};
	uint64_t seq;

	return cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, err);
}

static int do_stop(struct kit *kit, struct cm_error *err)
{
	struct cm_event event = kit_event(kit, GONE, CM_EVENT_COMPLAINED);

	return cm_store_stop(kit->store, &event, 1, KIT_NOW, err);
}

static int do_fold(struct kit *kit, struct cm_error *err)
{
	size_t count;

	return cm_store_fold_stop(kit->store, KIT_NOW, &count, err);
}

static int do_undo(struct kit *kit, struct cm_error *err)
{
	struct cm_store_entry entry = {
		.event = {.type = CM_EVENT_CORRECTED,
			  .actor = CM_ACTOR_ADMIN,
			  .at = KIT_NOW + 1},
	};
	uint64_t seq;
	char text[64];

	person(1, text);
	kit_ids(kit, text, &entry.event.contact, &entry.event.family);
	(void)snprintf(entry.event.batch, sizeof(entry.event.batch), BATCH);
	(void)snprintf(entry.event.channel, sizeof(entry.event.channel), "cli");
	return cm_store_append(kit->store, &entry, 1, KIT_NOW + 1, &seq, err);
}

static int do_rebuild(struct kit *kit, struct cm_error *err)
{
	return cm_store_rebuild(kit->store, NULL, NULL, err);
}

/* ---- what is left ------------------------------------------------------- */

static void dump(struct kit *kit, struct cm_buf *out)
{
	static const char *const dbs[] = {"contacts", "family", "by_contact",
					  "hashes",   "ledger", "meta"};

	cm_buf_reset(out);
	kit_close(kit);
	for (size_t i = 0; i < sizeof(dbs) / sizeof(dbs[0]); i++)
		kit_dump(kit, "ledger", dbs[i], out);
	kit_dump(kit, "stop", "stop", out);
	kit_reopen(kit, CM_STORE_WRITE);
}

static const struct trial {
	const char *what;
	int (*run)(struct kit *kit, struct cm_error *err);
	int least; /* calls it makes, so that the test tries what it says */
} trials[] = {
	/* Each starts from what the one before has done. */
	{"import", do_import, 60}, {"act", do_act, 20},
	{"undo", do_undo, 40},     {"stop", do_stop, 4},
	{"fold", do_fold, 15},     {"rebuild", do_rebuild, 40},
};

static void must_say(const struct trial *trial, int call, int rc,
		     const struct cm_error *err)
{
	if (rc != CM_EIO && rc != CM_ENOMEM)
		fail_msg("%s, call %d: code %d: %s", trial->what, call, rc,
			 err->text);
	/* Which file, and what about it. */
	assert_non_null(strstr(err->text, "store"));
	assert_true(strstr(err->text, "No space left") != NULL ||
		    strstr(err->text, "Input/output error") != NULL ||
		    strstr(err->text, "out of memory") != NULL);
}

/* True while there are calls to fail. */
static bool try_once(struct kit *kit, const struct trial *trial, int call,
		     const struct cm_buf *before, struct cm_buf *after)
{
	struct cm_error err = {0};
	int rc;

	failed = false;
	countdown = call;
	rc = trial->run(kit, &err);
	countdown = 0;
	if (!failed) {
		assert_int_equal(rc, CM_OK);
		return false;
	}
	dump(kit, after);
	kit_verify(kit, true);
	if (rc != CM_OK) {
		must_say(trial, call, rc, &err);
		if (strcmp(cm_buf_text(before), cm_buf_text(after)) != 0)
			fail_msg("%s, call %d: failed, and yet changed",
				 trial->what, call);
		return true;
	}
	/* Done all the same: what came behind the commit is for later. */
	if (trial->run != do_rebuild &&
	    strcmp(cm_buf_text(before), cm_buf_text(after)) == 0)
		fail_msg("%s, call %d: done, and nothing there", trial->what,
			 call);
	return true;
}

/* From the same state each time; private is in it, too. */
static int fail_each_call(struct kit *kit, const struct trial *trial)
{
	struct cm_buf before, after;
	int call = 0;
	bool more = true;

	cm_buf_init(&before, 1 << 24);
	cm_buf_init(&after, 1 << 24);
	kit_close(kit);
	kit_copy(kit, "store", "from");
	kit_reopen(kit, CM_STORE_WRITE);
	while (more) {
		dump(kit, &before);
		assert_true(++call < CALLS_MAX);
		more = try_once(kit, trial, call, &before, &after);
		if (more &&
		    strcmp(cm_buf_text(&before), cm_buf_text(&after)) != 0) {
			kit_close(kit);
			kit_copy(kit, "from", "store");
			kit_reopen(kit, CM_STORE_WRITE);
		}
	}
	cm_buf_free(&before);
	cm_buf_free(&after);
	return call - 1;
}

static void every_call_fails_once(void **state)
{
	struct kit kit;

	(void)state;
	kit_new(&kit);
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		int calls = fail_each_call(&kit, &trials[i]);

		print_message("%s: %d calls failed\n", trials[i].what, calls);
		assert_true(calls >= trials[i].least);
		kit_verify(&kit, true);
	}
	kit_free(&kit);
}

/* ---- what people ask for ------------------------------------------------ */

static struct cm_queue *open_queue(struct kit *kit)
{
	const struct cm_queue_options options = {
		.path = kit->folder,
		.map_size = 64 << 20,
		.lock_wait_ms = 1000,
	};
	struct cm_queue *queue = NULL;
	struct cm_error err;

	assert_int_equal(cm_queue_make(kit->folder, (gid_t)-1, &err), CM_OK);
	if (cm_queue_open(&options, kit->keys, &queue, &err) != CM_OK)
		fail_msg("%s", err.text);
	return queue;
}

static struct cm_queue_counts counts_of(struct cm_queue *queue)
{
	struct cm_queue_counts counts;

	assert_int_equal(cm_queue_count(queue, &counts, NULL), CM_OK);
	return counts;
}

static int do_put(struct cm_queue *queue, uint64_t number, struct cm_error *err)
{
	const struct cm_act act = {.kind = CM_ACT_LOST,
				   .address = cm_span(GONE)};

	(void)number;
	return cm_queue_put(queue, &act, err);
}

static int do_done(struct cm_queue *queue, uint64_t number,
		   struct cm_error *err)
{
	const struct cm_letter letter = {.kind = CM_LETTER_LOST};
	const struct cm_limit_count count = {.since = KIT_NOW, .n = 1};

	return cm_queue_done(queue, number, &letter, &count, 1, err);
}

static bool are_same(struct cm_queue_counts a, struct cm_queue_counts b)
{
	return a.acts == b.acts && a.letters == b.letters &&
	       a.limits == b.limits;
}

/* Until it has no more calls to fail; how many there were. */
static int fail_each(struct cm_queue *queue,
		     int (*run)(struct cm_queue *queue, uint64_t number,
				struct cm_error *err),
		     uint64_t number)
{
	int call = 0;

	for (;;) {
		struct cm_queue_counts before = counts_of(queue);
		struct cm_error err = {0};
		int rc;

		failed = false;
		countdown = ++call;
		rc = run(queue, number, &err);
		countdown = 0;
		if (!failed) {
			assert_int_equal(rc, CM_OK);
			return call - 1;
		}
		if (rc != CM_OK && !are_same(before, counts_of(queue)))
			fail_msg("call %d: failed, and yet changed", call);
		assert_true(rc == CM_EIO || rc == CM_ENOMEM);
	}
}

/* A full disk: who asked hears that it failed, and nothing is half done. */
static void the_queue_as_well(void **state)
{
	struct cm_queue *queue;
	struct kit kit;
	struct cm_act act;
	uint64_t number = 0;

	(void)state;
	kit_new(&kit);
	queue = open_queue(&kit);
	assert_true(fail_each(queue, do_put, 0) >= 5);
	assert_int_equal(counts_of(queue).acts, 1);
	assert_int_equal(
		cm_queue_take(queue, 0, kit.arena, &number, &act, NULL), CM_OK);
	assert_true(fail_each(queue, do_done, number) >= 6);
	assert_int_equal(counts_of(queue).acts, 0);
	assert_int_equal(counts_of(queue).letters, 1);
	assert_int_equal(counts_of(queue).limits, 1);
	cm_queue_close(&queue);
	kit_free(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_fails_once),
		cmocka_unit_test(the_queue_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
