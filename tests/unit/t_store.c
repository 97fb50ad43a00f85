/* store: what is written is found, once, by everybody, after everything. */
#include "policy/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/lockfile.h"
#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

static int set_up(void **state)
{
	struct kit *kit = malloc(sizeof(*kit));

	assert_non_null(kit);
	kit_new(kit);
	*state = kit;
	return 0;
}

static int tear_down(void **state)
{
	kit_free(*state);
	free(*state);
	return 0;
}

static void test_grant_then_withdraw(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "petr@example.com", CM_EVENT_GRANTED);
	struct cm_view own, family;

	assert_int_equal(kit_append(kit, &event, KIT_NOW), 0);
	kit_lookup(kit, "Petr@EXAMPLE.com", &own, &family);
	assert_int_equal(own.count, 1);
	assert_int_equal(own.facts[0].kind, CM_FACT_GRANTED);
	assert_int_equal(own.facts[0].at, KIT_NOW);
	assert_string_equal(own.language, "cs");
	assert_int_equal(family.count, 0);
	kit_verify(kit, true);

	event = kit_event(kit, "petr@example.com", CM_EVENT_WITHDRAWN);
	assert_int_equal(kit_append(kit, &event, KIT_NOW), 1);
	kit_reopen(kit, CM_STORE_READ);
	kit_lookup(kit, "petr+shop@example.com", &own, &family);
	assert_int_equal(own.count, 0);
	assert_int_equal(family.count, 1);
	/* The same clock reading, and yet after the grant. */
	assert_int_equal(family.facts[0].at, KIT_NOW + 1);
	assert_int_equal(family.facts[0].seq, 1);
	kit_reopen(kit, CM_STORE_WRITE);
	kit_verify(kit, true);
}

static void test_never_heard_of(void **state)
{
	struct cm_view own, family;

	kit_lookup(*state, "nobody@example.com", &own, &family);
	assert_int_equal(own.count, 0);
	assert_int_equal(own.newest_at, 0);
	assert_int_equal(family.count, 0);
	kit_verify(*state, true);
}

/* R8058-18, D7: acknowledged means obeyed from the next read on. */
static void test_stop_is_obeyed_before_it_is_folded(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "eva@example.com", CM_EVENT_GRANTED);
	struct cm_error err = {0};
	struct cm_view own, family;
	size_t count = 0;

	(void)kit_append(kit, &event, KIT_NOW);
	event = kit_event(kit, "eva@example.com", CM_EVENT_WITHDRAWN);
	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			 CM_OK);
	kit_lookup(kit, "eva@example.com", &own, &family);
	assert_int_equal(own.count, 2);
	assert_non_null(kit_fact(&own, CM_FACT_WITHDRAWN));
	assert_int_equal(kit_fact(&own, CM_FACT_WITHDRAWN)->at, KIT_NOW + 1);
	assert_true(kit_fact(&own, CM_FACT_WITHDRAWN)->seq ==
		    CM_STORE_SEQ_PENDING);
	assert_non_null(kit_fact(&family, CM_FACT_WITHDRAWN));
	kit_verify(kit, true);

	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK);
	assert_int_equal(count, 1);
	kit_lookup(kit, "eva@example.com", &own, &family);
	assert_int_equal(kit_fact(&own, CM_FACT_WITHDRAWN)->at, KIT_NOW + 1);
	assert_int_equal(kit_fact(&own, CM_FACT_WITHDRAWN)->seq, 1);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK);
	assert_int_equal(count, 0);
	kit_verify(kit, true);
}

/*
 * A refusal that was recorded for a family of one, because the ledger could
 * not be read or had never heard of the person, counts before it is folded
 * as it does after.
 */
static void test_stop_of_a_family_of_one(void **state)
{
	const char *const address = "anna+shop@gmail.com";
	struct kit *kit = *state;
	struct cm_event event = kit_event(kit, address, CM_EVENT_GRANTED);
	struct cm_error err = {0};
	struct cm_view own, family;
	size_t count = 0;
	int i;

	(void)kit_append(kit, &event, KIT_NOW);
	event = kit_event(kit, address, CM_EVENT_WITHDRAWN);
	event.family = event.contact;
	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			 CM_OK);
	for (i = 0; i < 2; i++) {
		kit_lookup(kit, address, &own, &family);
		assert_non_null(kit_fact(&own, CM_FACT_WITHDRAWN));
		/* Of nobody else. */
		kit_lookup(kit, "anna@gmail.com", &own, &family);
		assert_null(kit_fact(&own, CM_FACT_WITHDRAWN));
		assert_null(kit_fact(&family, CM_FACT_WITHDRAWN));
		assert_int_equal(
			cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			CM_OK);
	}
	kit_verify(kit, true);
}

/* ---- opening ------------------------------------------------------------ */

static void test_a_store_is_made_once(void **state)
{
	struct kit *kit = *state;
	struct cm_error err = {0};

	kit_close(kit);
	assert_int_equal(cm_store_init(&kit->options, kit->keys, &err),
			 CM_EREFUSED);
	assert_non_null(strstr(err.text, kit->folder));
	kit_reopen(kit, CM_STORE_WRITE);
	kit_verify(kit, true);
}

/* However many try at once, one makes it, and none of it is made twice. */
static void test_many_make_a_store_at_once(void **state)
{
	enum { ROUNDS = 20, MAKERS = 4 };
	struct kit *kit = *state;
	struct cm_store_options options = kit->options;
	char path[160];

	options.path = path;
	for (int round = 0; round < ROUNDS; round++) {
		pid_t pids[MAKERS];
		int made = 0;

		(void)snprintf(path, sizeof(path), "%s/new%d", kit->folder,
			       round);
		for (int i = 0; i < MAKERS; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				_exit(-cm_store_init(&options, kit->keys,
						     NULL));
		}
		for (int i = 0; i < MAKERS; i++) {
			int status;

			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_true(WIFEXITED(status));
			made += WEXITSTATUS(status) == CM_OK;
			if (WEXITSTATUS(status) != CM_OK)
				assert_int_equal(WEXITSTATUS(status),
						 -CM_EREFUSED);
		}
		assert_int_equal(made, 1);
	}
}

static void test_no_store(void **state)
{
	struct kit *kit = *state;
	struct cm_store_options options = kit->options;
	struct cm_store *store = NULL;
	struct cm_error err = {0};

	options.path = "/tmp/there/is/no/store";
	assert_int_equal(
		cm_store_open(&options, CM_STORE_READ, kit->keys, &store, &err),
		CM_EIO);
	assert_null(store);
	assert_non_null(strstr(err.text, "consentctl init"));
}

static void test_once_per_process(void **state)
{
	struct kit *kit = *state;
	struct cm_store *store = NULL;
	struct cm_error err = {0};

	assert_int_equal(cm_store_open(&kit->options, CM_STORE_READ, kit->keys,
				       &store, &err),
			 CM_EREFUSED);
	assert_null(store);
}

static void test_the_key_of_another_store(void **state)
{
	struct kit *kit = *state;
	struct cm_keys *keys = NULL;
	struct cm_store *store = NULL;
	struct cm_error err = {0};
	char path[160];

	kit_close(kit);
	kit_path(kit, "other-keys", path);
	assert_int_equal(cm_keys_init(path, (gid_t)-1, (gid_t)-1, &err), CM_OK);
	assert_int_equal(cm_keys_open(path, &keys, &err), CM_OK);
	for (int access = CM_STORE_READ; access <= CM_STORE_WRITE; access++) {
		assert_int_equal(cm_store_open(&kit->options, access, keys,
					       &store, &err),
				 CM_ECORRUPT);
		assert_non_null(strstr(err.text, "another store key"));
	}
	cm_keys_free(&keys);
	kit_reopen(kit, CM_STORE_READ);
}

static void test_readers_do_not_write(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "petr@example.com", CM_EVENT_WITHDRAWN);
	struct cm_store_entry entry = {.event = event};
	struct cm_error err = {0};
	struct cm_span a, b;
	struct cm_hash hash;
	uint64_t seq;
	size_t count;

	kit_reopen(kit, CM_STORE_READ);
	assert_int_equal(
		cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err),
		CM_EUSAGE);
	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			 CM_EUSAGE);
	assert_int_equal(
		cm_store_put_notice(kit->store, cm_span("x"), &hash, &err),
		CM_EUSAGE);
	assert_int_equal(cm_store_address(kit->store, &event.contact,
					  kit->arena, &a, &b, &err),
			 CM_EUSAGE);
	assert_int_equal(cm_store_rebuild(kit->store, NULL, NULL, &err),
			 CM_EUSAGE);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK); /* nothing to fold */
	kit_verify(kit, true);
}

/* ---- appending ---------------------------------------------------------- */

static void test_private_data_comes_back(void **state)
{
	struct kit *kit = *state;
	struct cm_error err = {0};
	struct cm_address address;
	struct cm_store_entry entry = {
		.event = kit_event(kit, "eva@example.com", CM_EVENT_GRANTED),
		.address = &address,
		.as_given = cm_span("Eva <Eva@Example.COM>"),
		.evidence = cm_span("{\"ip\":\"192.0.2.7\"}"),
	};
	struct cm_store_reader *reader;
	struct cm_span canonical, given, evidence, json;
	struct cm_event event;
	uint64_t seq;

	assert_int_equal(cm_address_parse(entry.as_given, &address, &err),
			 CM_OK);
	assert_int_equal(
		cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err),
		CM_OK);
	assert_true(entry.event.has_evidence);
	assert_int_equal(entry.event.at, KIT_NOW);
	assert_int_equal(entry.event.rec, KIT_NOW);
	assert_int_equal(cm_store_address(kit->store, &entry.event.contact,
					  kit->arena, &canonical, &given, &err),
			 CM_OK);
	assert_true(cm_span_is(canonical, "eva@example.com"));
	assert_true(cm_span_eq(given, entry.as_given));
	assert_int_equal(
		cm_store_evidence(kit->store, seq, kit->arena, &evidence, &err),
		CM_OK);
	assert_true(cm_span_eq(evidence, entry.evidence));

	/* The ledger holds the commitment, and none of the person. */
	assert_int_equal(
		cm_store_read_begin(kit->store, kit->arena, &reader, &err),
		CM_OK);
	assert_int_equal(cm_store_event(reader, seq, &json, &err), CM_OK);
	assert_null(strstr(json.p, "192.0.2.7"));
	assert_null(strstr(json.p, "eva"));
	assert_int_equal(cm_event_decode(json, &event, &err), CM_OK);
	assert_memory_equal(&event.evidence, &entry.event.evidence,
			    sizeof(event.evidence));
	assert_int_equal(cm_store_event(reader, seq + 1, &json, &err),
			 CM_ENOTFOUND);
	cm_store_read_end(&reader);

	kit_ids(kit, "nobody@example.com", &event.contact, &event.family);
	assert_int_equal(cm_store_address(kit->store, &event.contact,
					  kit->arena, &canonical, &given, &err),
			 CM_ENOTFOUND);
	assert_int_equal(cm_store_evidence(kit->store, seq + 1, kit->arena,
					   &evidence, &err),
			 CM_ENOTFOUND);
	kit_verify(kit, true);
}

/* Several acts of one contact in one batch, in their order. */
static void test_a_batch_keeps_its_order(void **state)
{
	static const enum cm_event_type types[] = {
		CM_EVENT_GRANTED, CM_EVENT_WITHDRAWN, CM_EVENT_CONFIRMED,
		CM_EVENT_OBJECTED};
	enum { N = 40 };
	struct kit *kit = *state;
	struct cm_store_entry entries[N] = {0};
	struct cm_store_reader *reader;
	struct cm_error err = {0};
	struct cm_id contact, family;
	uint64_t first, *seqs;
	size_t count;

	for (size_t i = 0; i < N; i++)
		entries[i].event = kit_event(
			kit, i % 2 ? "a@example.com" : "b@example.com",
			types[i / 2 % 4]);
	assert_int_equal(
		cm_store_append(kit->store, entries, N, KIT_NOW, &first, &err),
		CM_OK);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(entries[i].event.at, KIT_NOW + (int64_t)i / 2);
	kit_ids(kit, "a@example.com", &contact, &family);
	assert_int_equal(
		cm_store_read_begin(kit->store, kit->arena, &reader, &err),
		CM_OK);
	assert_int_equal(
		cm_store_events_of(reader, &contact, &seqs, &count, &err),
		CM_OK);
	assert_int_equal(count, N / 2);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(seqs[i], first + 2 * i + 1);
	assert_int_equal(cm_store_size(reader), N);
	assert_int_equal(cm_store_newest_rec(reader), KIT_NOW);
	cm_store_read_end(&reader);
	kit_verify(kit, true);
}

static void test_imports_keep_their_own_time(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "old@example.com", CM_EVENT_GRANTED);
	struct cm_view own, family;

	event.actor = CM_ACTOR_IMPORT;
	event.at = KIT_NOW - 86400000;
	(void)kit_append(kit, &event, KIT_NOW);
	event = kit_event(kit, "untimed@example.com", CM_EVENT_GRANTED);
	event.actor = CM_ACTOR_IMPORT;
	event.untimed = true;
	(void)kit_append(kit, &event, KIT_NOW + 5);
	kit_lookup(kit, "old@example.com", &own, &family);
	assert_int_equal(own.facts[0].at, KIT_NOW - 86400000);
	kit_lookup(kit, "untimed@example.com", &own, &family);
	assert_int_equal(own.facts[0].kind, CM_FACT_UNPROVEN);
	assert_int_equal(own.facts[0].at, KIT_NOW + 5);
	kit_verify(kit, true);
}

static void test_what_no_store_can_hold(void **state)
{
	static char long_text[1 << 17];
	struct kit *kit = *state;
	struct cm_event good =
		kit_event(kit, "petr@example.com", CM_EVENT_GRANTED);
	struct cm_store_entry cases[6];
	struct cm_store_counts counts;
	struct cm_address address;
	struct cm_error err = {0};
	uint64_t seq = 77;

	memset(long_text, 'x', sizeof(long_text));
	assert_int_equal(
		cm_address_parse(cm_span("petr@example.com"), &address, &err),
		CM_OK);
	for (size_t i = 0; i < 6; i++)
		cases[i] = (struct cm_store_entry){.event = good};
	memset(&cases[0].event.family, 0, sizeof(struct cm_id));
	cases[1].event.purpose[0] = '\0'; /* a grant for nothing */
	memset(cases[2].event.who, 'x', sizeof(cases[2].event.who));
	cases[3].evidence = cm_span_n(long_text, sizeof(long_text));
	cases[4].address = &address;
	cases[4].as_given = cm_span_n(long_text, sizeof(long_text));
	cases[5].event.type = CM_EVENT_TYPES;
	for (size_t i = 0; i < 6; i++) {
		struct cm_store_entry two[2] = {{.event = good}, cases[i]};

		err.text[0] = '\0';
		assert_int_equal(cm_store_append(kit->store, two, 2, KIT_NOW,
						 &seq, &err),
				 i == 3 || i == 4 ? CM_ELIMIT : CM_EUSAGE);
		assert_true(strlen(err.text) > 10);
		assert_int_equal(seq, 77);
	}
	assert_int_equal(cm_store_count(kit->store, &counts, &err), CM_OK);
	assert_int_equal(counts.events, 0); /* nor the good one beside it */
}

static void test_notices(void **state)
{
	struct kit *kit = *state;
	struct cm_store_reader *reader;
	struct cm_error err = {0};
	struct cm_hash hash, again;
	struct cm_span text;

	assert_int_equal(cm_store_put_notice(kit->store, cm_span("We mail you"),
					     &hash, &err),
			 CM_OK);
	assert_int_equal(cm_store_put_notice(kit->store, cm_span("We mail you"),
					     &again, &err),
			 CM_OK);
	assert_memory_equal(&hash, &again, sizeof(hash));
	assert_int_equal(
		cm_store_read_begin(kit->store, kit->arena, &reader, &err),
		CM_OK);
	assert_int_equal(cm_store_notice(reader, &hash, &text, &err), CM_OK);
	assert_true(cm_span_eq(text, cm_span("We mail you")));
	hash.b[0] ^= 1;
	assert_int_equal(cm_store_notice(reader, &hash, &text, &err),
			 CM_ENOTFOUND);
	cm_store_read_end(&reader);
	kit_verify(kit, true);
}

/* ---- locks and clocks --------------------------------------------------- */

/* Another program that holds a lock until it is killed. */
static pid_t hold(const struct kit *kit, const char *name)
{
	char path[160];
	int ready[2];
	char byte;
	pid_t pid;

	kit_path(kit, name, path);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd;

		if (cm_lockfile_take(path, 1000, &fd, NULL) != CM_OK ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static void let_go(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* R8058-18: the write lock is held, and the withdrawal goes through at once. */
static void test_withdrawals_pass_a_held_writer_lock(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "eva@example.com", CM_EVENT_GRANTED);
	struct cm_store_entry entry = {.event = event};
	struct cm_error err = {0};
	struct cm_view own, family;
	uint64_t seq;
	size_t count;
	int64_t start;
	pid_t pid;

	(void)kit_append(kit, &event, KIT_NOW);
	pid = hold(kit, "store/writer.lock");
	start = cm_clock_now();
	assert_int_equal(
		cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err),
		CM_EAGAIN);
	assert_true(cm_clock_now() - start >= kit->options.lock_wait_ms);
	assert_non_null(strstr(err.text, "writer.lock"));
	/* Whoever waited for that lock would have failed. */
	kit_stop(kit, "eva@example.com", CM_EVENT_WITHDRAWN, KIT_NOW);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_EAGAIN);
	kit_lookup(kit, "eva@example.com", &own, &family);
	assert_non_null(kit_fact(&own, CM_FACT_WITHDRAWN));
	let_go(pid);
	/* The next writer folds it, before what it writes itself. */
	entry.event = kit_event(kit, "eva@example.com", CM_EVENT_CONFIRMED);
	assert_int_equal(
		cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err),
		CM_OK);
	assert_int_equal(seq, 2);
	assert_int_equal(entry.event.at, KIT_NOW + 2);
	kit_verify(kit, true);
}

static void test_stop_has_a_deadline_too(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "eva@example.com", CM_EVENT_WITHDRAWN);
	struct cm_error err = {0};
	pid_t pid = hold(kit, "store/stop.lock");

	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			 CM_EAGAIN);
	let_go(pid);
	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			 CM_OK);
}

static void test_clock_behind(void **state)
{
	static const struct {
		enum cm_event_type type;
		int64_t behind;
		int want;
	} cases[] = {
		{CM_EVENT_GRANTED, 60000, CM_OK},
		{CM_EVENT_GRANTED, 60001, CM_EAGAIN},
		{CM_EVENT_CONFIRMED, 60001, CM_EAGAIN},
		{CM_EVENT_CLEARED, 60001, CM_EAGAIN},
		{CM_EVENT_WITHDRAWN, 60001, CM_OK},
		{CM_EVENT_OBJECTED, 86400000, CM_OK},
		{CM_EVENT_ERASED, 86400000, CM_OK},
	};
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "first@example.com", CM_EVENT_GRANTED);

	(void)kit_append(kit, &event, KIT_NOW);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_store_entry entry = {
			.event = kit_event(kit, "eva@example.com",
					   cases[i].type)};
		struct cm_error err = {0};
		uint64_t seq;

		assert_int_equal(cm_store_append(kit->store, &entry, 1,
						 KIT_NOW - cases[i].behind,
						 &seq, &err),
				 cases[i].want);
		if (cases[i].want == CM_OK) /* never earlier than the last */
			assert_int_equal(entry.event.rec, KIT_NOW);
		else
			assert_non_null(strstr(err.text, "clock"));
	}
	kit_stop(kit, "eva@example.com", CM_EVENT_WITHDRAWN, 1000);
	kit_verify(kit, true);
}

static void test_only_refusals_go_through_stop(void **state)
{
	struct kit *kit = *state;

	for (int type = 0; type < CM_EVENT_TYPES; type++) {
		struct cm_event event = kit_event(kit, "eva@example.com",
						  (enum cm_event_type)type);
		struct cm_error err = {0};
		bool refuses = cm_fact_refuses(cm_event_fact(&event));

		assert_int_equal(
			cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			refuses ? CM_OK : CM_EUSAGE);
	}
	kit_verify(kit, true);
}

/* ---- rebuilding --------------------------------------------------------- */

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static struct cm_event random_event(struct kit *kit, uint32_t *seed)
{
	static const char *const purposes[] = {"acme", "acme/news",
					       "acme/news/weekly", "other"};
	enum cm_event_type type = next_random(seed) % CM_EVENT_TYPES;
	struct cm_event event;
	char address[64];

	(void)snprintf(address, sizeof(address), "p%u%s@%s.com",
		       next_random(seed) % 20,
		       next_random(seed) % 3 ? "" : "+tag",
		       next_random(seed) % 2 ? "gmail" : "example");
	event = kit_event(kit, address, type);
	if (event.purpose[0] != '\0')
		(void)snprintf(event.purpose, sizeof(event.purpose), "%s",
			       purposes[next_random(seed) % 4]);
	if (next_random(seed) % 2)
		event.at = KIT_NOW - (int64_t)(next_random(seed) % 5) * 1000;
	if (next_random(seed) % 3 == 0)
		event.actor = CM_ACTOR_IMPORT;
	return event;
}

/* Every event of an import is of a batch of ten; a correction takes one of
 * those back that are complete. */
static void set_batch(struct cm_event *event, unsigned run, unsigned i,
		      uint32_t *seed)
{
	unsigned batch = i / 10;

	if (event->type == CM_EVENT_CORRECTED) {
		batch = batch > 0 ? next_random(seed) % batch : 1000;
		event->mark = next_random(seed) % 2 ? CM_EVENT_WITHDRAWN : 0;
		event->at = KIT_NOW;
	} else if (event->actor != CM_ACTOR_IMPORT) {
		return;
	}
	(void)snprintf(event->batch, sizeof(event->batch), "b%u-%u", run,
		       batch);
}

static void random_history(struct kit *kit, uint32_t seed)
{
	struct cm_store_entry entries[7] = {0};
	struct cm_error err = {0};
	unsigned run = seed;
	uint64_t seq;
	size_t n = 0;

	for (int i = 0; i < 300; i++) {
		struct cm_event event = random_event(kit, &seed);

		set_batch(&event, run, (unsigned)i, &seed);
		if (event.type == CM_EVENT_CORRECTED && n > 0)
			continue; /* it is written alone */
		if (cm_fact_refuses(cm_event_fact(&event)) &&
		    next_random(&seed) % 2) {
			assert_int_equal(cm_store_stop(kit->store, &event, 1,
						       KIT_NOW + i, &err),
					 CM_OK);
			continue;
		}
		entries[n++].event = event;
		if (event.type != CM_EVENT_CORRECTED &&
		    n < 1 + next_random(&seed) % 7)
			continue;
		if (cm_store_append(kit->store, entries, n, KIT_NOW + i, &seq,
				    &err) != CM_OK)
			fail_msg("append: %s", err.text);
		n = 0;
	}
}

static void dump_views(struct kit *kit, struct cm_buf *out)
{
	static const char *const dbs[] = {"contacts", "family", "by_contact",
					  "hashes",   "ledger", "meta"};

	kit_close(kit);
	for (size_t i = 0; i < sizeof(dbs) / sizeof(dbs[0]); i++)
		kit_dump(kit, "ledger", dbs[i], out);
	kit_reopen(kit, CM_STORE_WRITE);
}

static void test_rebuild_byte_for_byte(void **state)
{
	struct kit *kit = *state;
	struct cm_error err = {0};
	struct cm_erased erased;
	struct cm_buf before, after;

	cm_buf_init(&before, 1 << 26);
	cm_buf_init(&after, 1 << 26);
	for (uint32_t seed = 1; seed <= 3; seed++) {
		random_history(kit, seed);
		kit_verify(kit, true);
		assert_int_equal(
			cm_store_erase_finish(kit->store, &erased, &err),
			CM_OK);
		dump_views(kit, &before);
		assert_int_equal(cm_store_rebuild(kit->store, NULL, NULL, &err),
				 CM_OK);
		dump_views(kit, &after);
		assert_true(before.len > 10000);
		assert_string_equal(cm_buf_text(&before), cm_buf_text(&after));
		kit_verify(kit, true);
		cm_buf_reset(&before);
		cm_buf_reset(&after);
	}
	cm_buf_free(&before);
	cm_buf_free(&after);
}

/* ---- many at once ------------------------------------------------------- */

struct reading {
	struct kit *kit;
	struct cm_id contact;
	struct cm_id family;
	_Atomic int64_t acknowledged; /* newest refusal that was answered */
	atomic_bool done;
	atomic_int bad;
};

static bool sees(struct reading *reading, struct cm_arena *arena)
{
	int64_t want = atomic_load(&reading->acknowledged);
	struct cm_store_reader *reader;
	struct cm_view own, family;
	const struct cm_fact *fact;
	int rc;

	cm_arena_reset(arena);
	if (cm_store_read_begin(reading->kit->store, arena, &reader, NULL) !=
	    CM_OK)
		return false;
	rc = cm_store_lookup(reader, &reading->contact, &reading->family, &own,
			     &family, NULL);
	cm_store_read_end(&reader);
	if (rc != CM_OK)
		return false;
	fact = kit_fact(&own, CM_FACT_WITHDRAWN);
	return want == 0 || (fact != NULL && fact->at >= want);
}

static void *read_on(void *ctx)
{
	struct reading *reading = ctx;
	struct cm_arena *arena;

	if (cm_arena_new(1 << 20, &arena) != CM_OK)
		return NULL;
	while (!atomic_load(&reading->done))
		if (!sees(reading, arena))
			(void)atomic_fetch_add(&reading->bad, 1);
	cm_arena_free(&arena);
	return NULL;
}

/* D7: while refusals are stopped and folded, no reader ever misses one. */
static void test_readers_never_miss_a_refusal(void **state)
{
	struct kit *kit = *state;
	struct reading reading = {.kit = kit};
	struct cm_error err = {0};
	pthread_t threads[2];
	size_t count;

	kit_ids(kit, "eva@example.com", &reading.contact, &reading.family);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_on, &reading),
			0);
	for (int i = 0; i < 60; i++) {
		kit_stop(kit, "eva@example.com", CM_EVENT_WITHDRAWN,
			 KIT_NOW + i * 10);
		atomic_store(&reading.acknowledged, KIT_NOW + i * 10);
		if (i % 3 == 0)
			assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW,
							    &count, &err),
					 CM_OK);
	}
	atomic_store(&reading.done, true);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&reading.bad), 0);
	kit_verify(kit, true);
}

struct stopper {
	struct kit *kit;
	unsigned number;
	int bad;
};

enum { STOPPERS = 8, STOPS = 12 };

static void *stop_some(void *ctx)
{
	struct stopper *stopper = ctx;

	for (unsigned i = 0; i < STOPS; i++) {
		struct cm_error err = {0};
		struct cm_event event;
		char address[64];

		(void)snprintf(address, sizeof(address), "p%u-%u@example.com",
			       stopper->number, i);
		event = kit_event(stopper->kit, address, CM_EVENT_OBJECTED);
		if (cm_store_stop(stopper->kit->store, &event, 1, KIT_NOW,
				  &err) != CM_OK)
			stopper->bad++;
		/* One in between that is refused harms nobody else. */
		event.type = CM_EVENT_GRANTED;
		if (cm_store_stop(stopper->kit->store, &event, 1, KIT_NOW,
				  &err) != CM_EUSAGE)
			stopper->bad++;
	}
	return NULL;
}

static void test_threads_share_a_sync(void **state)
{
	struct kit *kit = *state;
	struct kit kits[STOPPERS];
	struct stopper stoppers[STOPPERS];
	pthread_t threads[STOPPERS];
	struct cm_store_counts counts;
	struct cm_error err = {0};
	size_t count;

	for (unsigned i = 0; i < STOPPERS; i++) {
		const struct cm_key *key =
			cm_keys_current(kit->keys, CM_KEY_STORE);

		kits[i] = *kit; /* but an HMAC of its own */
		assert_int_equal(
			cm_hmac_new(key->bytes, key->len, &kits[i].hmac, &err),
			CM_OK);
		stoppers[i] = (struct stopper){.kit = &kits[i], .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, stop_some,
						&stoppers[i]),
				 0);
	}
	for (unsigned i = 0; i < STOPPERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(stoppers[i].bad, 0);
		cm_hmac_free(&kits[i].hmac);
	}
	assert_int_equal(cm_store_count(kit->store, &counts, &err), CM_OK);
	assert_int_equal(counts.stop_pending, STOPPERS * STOPS);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK);
	assert_int_equal(count, STOPPERS * STOPS);
	kit_verify(kit, true);
}

/* What stop takes, every writer must be able to fold. */
static void test_stop_takes_nothing_that_cannot_be_folded(void **state)
{
	struct kit *kit = *state;
	struct cm_event good =
		kit_event(kit, "eva@example.com", CM_EVENT_WITHDRAWN);
	struct cm_error err = {0};
	struct cm_event bad[5];

	for (size_t i = 0; i < 5; i++)
		bad[i] = good;
	memset(&bad[0].family, 0, sizeof(bad[0].family));
	memset(&bad[1].contact, 0, sizeof(bad[1].contact));
	(void)snprintf(bad[2].purpose, sizeof(bad[2].purpose), "No Such/x");
	bad[3].at = INT64_MAX;
	memset(bad[4].channel, 'x', sizeof(bad[4].channel));
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(
			cm_store_stop(kit->store, &bad[i], 1, KIT_NOW, &err),
			CM_EUSAGE);
	assert_int_equal(cm_store_stop(kit->store, &good, 1, KIT_NOW, &err),
			 CM_OK);
	(void)kit_append(kit, &good, KIT_NOW);
	kit_verify(kit, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_grant_then_withdraw),
		TEST(test_never_heard_of),
		TEST(test_stop_is_obeyed_before_it_is_folded),
		TEST(test_stop_of_a_family_of_one),
		TEST(test_a_store_is_made_once),
		TEST(test_many_make_a_store_at_once),
		TEST(test_no_store),
		TEST(test_once_per_process),
		TEST(test_the_key_of_another_store),
		TEST(test_readers_do_not_write),
		TEST(test_private_data_comes_back),
		TEST(test_a_batch_keeps_its_order),
		TEST(test_imports_keep_their_own_time),
		TEST(test_what_no_store_can_hold),
		TEST(test_notices),
		TEST(test_withdrawals_pass_a_held_writer_lock),
		TEST(test_stop_has_a_deadline_too),
		TEST(test_clock_behind),
		TEST(test_only_refusals_go_through_stop),
		TEST(test_rebuild_byte_for_byte),
		TEST(test_readers_never_miss_a_refusal),
		TEST(test_threads_share_a_sync),
		TEST(test_stop_takes_nothing_that_cannot_be_folded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
