/*
 * Copies of the store while it is written to; refusals from one store into
 * another; a store that takes another's place.
 */
#include "policy/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

enum { COPIES = 12 };

struct state {
	struct kit kit;
	char folder[160]; /* of the backup */
	struct cm_store_options beside;
	char beside_path[160];
};

static int set_up(void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	kit_new(&s->kit);
	kit_path(&s->kit, "copy", s->folder);
	kit_path(&s->kit, "beside", s->beside_path);
	s->beside = s->kit.options;
	s->beside.path = s->beside_path;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct state *s = *state;

	kit_free(&s->kit);
	free(s);
	return 0;
}

static void grant(struct kit *kit, const char *address)
{
	struct cm_event event = kit_event(kit, address, CM_EVENT_GRANTED);

	(void)kit_append(kit, &event, KIT_NOW);
}

static void back_up(struct state *s, struct cm_backup *made)
{
	struct cm_error err = {0};

	assert_int_equal(mkdir(s->folder, 0700), 0);
	if (cm_store_backup(s->kit.store, s->folder, NULL, NULL, made, &err) !=
	    CM_OK)
		fail_msg("%s", err.text);
}

/* The copy, opened as a store; the kit's own is closed meanwhile. */
static void open_at(struct state *s, const char *path,
		    struct cm_store **ret_store)
{
	struct cm_store_options options = s->kit.options;
	struct cm_error err = {0};

	options.path = path;
	if (cm_store_open(&options, CM_STORE_WRITE, s->kit.keys, ret_store,
			  &err) != CM_OK)
		fail_msg("%s", err.text);
}

static void verify(struct cm_store *store)
{
	struct cm_error err = {0};
	struct cm_buf report;

	cm_buf_init(&report, 1 << 16);
	if (cm_store_verify(store, &report, NULL, NULL, &err) != CM_OK)
		fail_msg("%s%s", cm_buf_text(&report), err.text);
	cm_buf_free(&report);
}

static bool refused(struct kit *kit, struct cm_store *store,
		    const char *address, enum cm_fact_kind kind)
{
	struct cm_store *own = kit->store;
	struct cm_view view, family;

	kit->store = store;
	kit_lookup(kit, address, &view, &family);
	kit->store = own;
	return kit_fact(&view, kind) != NULL;
}

/* ---- hot ---------------------------------------------------------------- */

struct writers {
	struct kit *kit;
	_Atomic bool done;
};

/* The lock goes to whoever asks first when it is free; let others ask. */
static void breathe(void)
{
	const struct timespec pause = {.tv_nsec = 3000000};

	(void)nanosleep(&pause, NULL);
}

/* Grants with addresses and evidence: all of private, then the ledger. */
static void *write_grants(void *arg)
{
	struct writers *w = arg;

	for (int i = 0; !atomic_load(&w->done); i++) {
		struct cm_store_entry entry = {0};
		struct cm_address address;
		char name[64];
		uint64_t seq;

		(void)snprintf(name, sizeof(name), "n%d@example.com", i % 500);
		entry.event = kit_event(w->kit, name, CM_EVENT_GRANTED);
		if (cm_address_parse(cm_span(name), &address, NULL) != CM_OK)
			abort();
		entry.address = &address;
		entry.as_given = cm_span(name);
		entry.evidence = cm_span("{\"ip\":\"192.0.2.1\"}");
		if (cm_store_append(w->kit->store, &entry, 1, KIT_NOW, &seq,
				    NULL) != CM_OK)
			abort();
		breathe();
	}
	return NULL;
}

static void *write_stops(void *arg)
{
	struct writers *w = arg;
	size_t n;

	for (int i = 0; !atomic_load(&w->done); i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "s%d@example.com", i % 50);
		kit_stop(w->kit, name, CM_EVENT_OBJECTED, KIT_NOW);
		breathe();
		/* Busy, mostly, and then it is the other's to do. */
		if (i % 7 == 0 && cm_store_fold_stop(w->kit->store, KIT_NOW, &n,
						     NULL) != CM_OK)
			continue;
	}
	return NULL;
}

/* Issue 4, 8: every copy is a state that was, whatever is going on. */
static void test_hot(void **state)
{
	struct state *s = *state;
	struct writers w = {.kit = &s->kit};
	pthread_t threads[2];
	uint64_t before = 0;

	s->kit.options.lock_wait_ms = 10000; /* flock(2) is not fair */
	kit_reopen(&s->kit, CM_STORE_WRITE);
	for (int i = 0; i < 40; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "n%d@example.com", i);
		grant(&s->kit, name);
	}
	assert_int_equal(pthread_create(&threads[0], NULL, write_grants, &w),
			 0);
	assert_int_equal(pthread_create(&threads[1], NULL, write_stops, &w), 0);
	for (int i = 0; i < COPIES; i++) {
		struct cm_store_counts counts;
		struct cm_store *copy = NULL;
		struct cm_error err = {0};
		struct cm_backup made;

		back_up(s, &made);
		open_at(s, s->folder, &copy);
		verify(copy);
		assert_int_equal(cm_store_count(copy, &counts, &err), CM_OK);
		assert_int_equal(counts.events, made.events);
		assert_memory_equal(&counts.root, &made.root,
				    sizeof(made.root));
		assert_true(made.events >= before);
		before = made.events;
		cm_store_close(&copy);
		cm_store_remove(s->folder);
		assert_int_equal(rmdir(s->folder), 0); /* nothing is left */
	}
	atomic_store(&w.done, true);
	assert_int_equal(pthread_join(threads[0], NULL), 0);
	assert_int_equal(pthread_join(threads[1], NULL), 0);
	assert_true(before > 40);
	kit_verify(&s->kit, true);
}

/* Who has left but is not folded yet has left in the copy, too. */
static void test_stop_is_in_it(void **state)
{
	struct state *s = *state;
	struct cm_store *copy = NULL;
	struct cm_backup made;

	grant(&s->kit, "eva@example.com");
	grant(&s->kit, "leo@example.com");
	kit_stop(&s->kit, "eva@example.com", CM_EVENT_OBJECTED, KIT_NOW);
	back_up(s, &made);
	kit_stop(&s->kit, "leo@example.com", CM_EVENT_OBJECTED, KIT_NOW);
	open_at(s, s->folder, &copy);
	assert_true(
		refused(&s->kit, copy, "eva@example.com", CM_FACT_OBJECTED));
	assert_false(
		refused(&s->kit, copy, "leo@example.com", CM_FACT_OBJECTED));
	cm_store_close(&copy);
}

static void test_no_room_leaves_nothing(void **state)
{
	struct state *s = *state;
	struct cm_error err = {0};
	struct cm_backup made;
	char path[200];

	assert_int_equal(mkdir(s->folder, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/store", s->folder);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(cm_store_backup(s->kit.store, s->folder, NULL, NULL,
					 &made, &err),
			 CM_EIO);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(access(path, F_OK), 0); /* not ours */
	kit_reopen(&s->kit, CM_STORE_READ);
	assert_int_equal(cm_store_backup(s->kit.store, s->folder, NULL, NULL,
					 &made, &err),
			 CM_EUSAGE);
}

/* ---- refusals ----------------------------------------------------------- */

struct collected {
	struct cm_event events[32];
	size_t count;
};

static int collect(void *ctx, const struct cm_event *event,
		   struct cm_error *err)
{
	struct collected *c = ctx;

	(void)err;
	assert_true(c->count < 32);
	c->events[c->count++] = *event;
	return CM_OK;
}

/* AT-ROYALMAIL: all six kinds, from ledger and stop; nothing that allows. */
static void test_refusals(void **state)
{
	static const enum cm_event_type types[] = {
		CM_EVENT_WITHDRAWN,     CM_EVENT_OBJECTED,
		CM_EVENT_COMPLAINED,    CM_EVENT_ERASED,
		CM_EVENT_UNDELIVERABLE, CM_EVENT_RESTRICTED};
	static const enum cm_fact_kind kinds[] = {
		CM_FACT_WITHDRAWN, CM_FACT_OBJECTED,      CM_FACT_COMPLAINED,
		CM_FACT_ERASED,    CM_FACT_UNDELIVERABLE, CM_FACT_RESTRICTED};
	struct state *s = *state;
	struct collected c = {.count = 0};
	struct cm_store *copy = NULL;
	struct cm_error err = {0};
	struct cm_backup made;
	uint64_t n = 0;

	for (int i = 0; i < 7; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "p%d@example.com", i);
		grant(&s->kit, name);
	}
	back_up(s, &made);
	for (int i = 0; i < 6; i++) {
		struct cm_event event;
		char name[64];

		(void)snprintf(name, sizeof(name), "p%d@example.com", i);
		event = kit_event(&s->kit, name, types[i]);
		if (i == 1)
			kit_stop(&s->kit, name, types[i], KIT_NOW);
		else
			(void)kit_append(&s->kit, &event, KIT_NOW);
	}
	assert_int_equal(cm_store_refusals(s->kit.store, collect, &c, &err),
			 CM_OK);
	assert_int_equal(c.count, 6);
	open_at(s, s->folder, &copy);
	assert_int_equal(
		cm_store_replay(copy, c.events, c.count, KIT_NOW + 5, &n, &err),
		CM_OK);
	assert_int_equal(n, 6);
	for (int i = 0; i < 7; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "p%d@example.com", i);
		for (int k = 0; k < 6; k++)
			assert_int_equal(refused(&s->kit, copy, name, kinds[k]),
					 i == k);
	}
	verify(copy);
	/* What is known is not written again. */
	assert_int_equal(
		cm_store_replay(copy, c.events, c.count, KIT_NOW + 9, &n, &err),
		CM_OK);
	assert_int_equal(n, 0);
	cm_store_close(&copy);
}

static void test_only_refusals_are_put_back(void **state)
{
	struct state *s = *state;
	struct cm_event event =
		kit_event(&s->kit, "eva@example.com", CM_EVENT_CONFIRMED);
	struct cm_error err = {0};
	uint64_t n = 0;

	event.at = KIT_NOW;
	assert_int_equal(
		cm_store_replay(s->kit.store, &event, 1, KIT_NOW, &n, &err),
		CM_EUSAGE);
	assert_false(refused(&s->kit, s->kit.store, "eva@example.com",
			     CM_FACT_PERSON_CONFIRMED));
}

/* ---- taking the place --------------------------------------------------- */

/* What a click on a page does, of whom that event is about. */
static int object(struct kit *kit, const struct cm_event *about)
{
	const struct cm_event event = {.type = CM_EVENT_OBJECTED,
				       .contact = about->contact,
				       .family = about->family,
				       .channel = "page"};

	return cm_store_stop(kit->store, &event, 1, KIT_NOW, NULL);
}

/* Design 6: another inode is a store that cannot be read, and 451. */
static void test_whoever_has_it_open_notices(void **state)
{
	struct state *s = *state;
	struct cm_event event =
		kit_event(&s->kit, "eva@example.com", CM_EVENT_GRANTED);
	struct cm_store_hold hold = CM_STORE_HOLD_NONE;
	struct cm_store_reader *reader = NULL;
	struct cm_store_entry entry = {.event = event};
	struct cm_error err = {0};
	struct cm_backup made;
	uint64_t seq;

	grant(&s->kit, "eva@example.com");
	back_up(s, &made);
	assert_int_equal(mkdir(s->beside_path, 0700), 0);
	assert_int_equal(cm_store_init_from(&s->beside, s->kit.keys, &made,
					    s->folder, &err),
			 CM_OK);
	assert_int_equal(
		cm_store_hold(&s->kit.options, s->kit.keys, &hold, &err),
		CM_OK);
	/* Nobody is told "done" while it is held. */
	assert_int_equal(
		cm_store_append(s->kit.store, &entry, 1, KIT_NOW, &seq, &err),
		CM_EAGAIN);
	assert_int_equal(object(&s->kit, &event), CM_EAGAIN);
	assert_int_equal(
		cm_store_take_place(s->kit.folder, s->beside_path, false, &err),
		CM_EIO); /* there is one */
	assert_int_equal(
		cm_store_take_place(s->kit.folder, s->beside_path, true, &err),
		CM_OK);
	cm_store_release(&hold);
	assert_int_equal(
		cm_store_read_begin(s->kit.store, s->kit.arena, &reader, &err),
		CM_ECORRUPT);
	assert_non_null(strstr(err.text, "was replaced"));
	assert_int_equal(
		cm_store_append(s->kit.store, &entry, 1, KIT_NOW, &seq, &err),
		CM_ECORRUPT);
	/* Refusals, too: nobody may think that they are done. */
	assert_int_not_equal(object(&s->kit, &event), CM_OK);
	kit_reopen(&s->kit, CM_STORE_WRITE);
	grant(&s->kit, "eva@example.com");
	kit_verify(&s->kit, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_hot),
		TEST(test_stop_is_in_it),
		TEST(test_no_room_leaves_nothing),
		TEST(test_refusals),
		TEST(test_only_refusals_are_put_back),
		TEST(test_whoever_has_it_open_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
