/*
 * queue: what was put is there after a restart, sealed; an act is done once,
 * with its letter and its counts; nobody fills the disk.
 */
#include "policy/queue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "policy/queue_act.h"
#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

struct fixture {
	struct kit kit;
	struct cm_queue *queue;
};

static void open_queue(struct fixture *f)
{
	const struct cm_queue_options options = {
		.path = f->kit.folder,
		.map_size = 64 << 20,
		.lock_wait_ms = 10000,
	};
	struct cm_error err;

	if (cm_queue_open(&options, f->kit.keys, &f->queue, &err) != CM_OK)
		fail_msg("%s", err.text);
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct cm_error err;

	*state = f;
	kit_new(&f->kit);
	assert_int_equal(cm_queue_make(f->kit.folder, (gid_t)-1, &err), CM_OK);
	open_queue(f);
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	cm_queue_close(&f->queue);
	kit_free(&f->kit);
	free(f);
	return 0;
}

static struct cm_act an_act(const char *address)
{
	struct cm_act act = {
		.kind = CM_ACT_REQUEST,
		.at = KIT_NOW,
		.address = cm_span(address),
		.network = {{7}},
		.request = {1, 2, 3, 4, 5, 6, 7, 8},
		.npurposes = 2,
		.language = cm_span("cs"),
		.source = cm_span("web-form"),
		.channel = cm_span("form"),
		.notice = {{9}},
		.has_notice = true,
		.evidence = cm_span("{\"form\":\"shop\"}"),
	};

	act.purposes[0] = cm_span("acme/news");
	act.purposes[1] = cm_span("acme/offers");
	return act;
}

static void put(struct fixture *f, const char *address)
{
	struct cm_act act = an_act(address);
	struct cm_error err;

	if (cm_queue_put(f->queue, &act, &err) != CM_OK)
		fail_msg("%s", err.text);
}

static int take(struct fixture *f, uint64_t after, uint64_t *number,
		struct cm_act *act)
{
	struct cm_error err;

	return cm_queue_take(f->queue, after, f->kit.arena, number, act, &err);
}

static void assert_span(struct cm_span got, const char *want)
{
	assert_true(cm_span_eq(got, cm_span(want)));
}

static void what_was_put_is_there(void **state)
{
	struct fixture *f = *state;
	struct cm_act act, same;
	uint64_t first = 0, second = 0;

	put(f, "Petra <petra@example.com>");
	put(f, "pavel@example.com");
	cm_queue_close(&f->queue);
	open_queue(f);
	assert_int_equal(take(f, 0, &first, &act), CM_OK);
	assert_int_equal(act.kind, CM_ACT_REQUEST);
	assert_int_equal(act.at, KIT_NOW);
	assert_span(act.address, "Petra <petra@example.com>");
	assert_span(act.purposes[1], "acme/offers");
	assert_int_equal(act.npurposes, 2);
	assert_span(act.language, "cs");
	assert_span(act.source, "web-form");
	assert_span(act.channel, "form");
	assert_span(act.evidence, "{\"form\":\"shop\"}");
	assert_true(act.has_notice && act.notice.b[0] == 9);
	assert_int_equal(act.network.b[0], 7);
	assert_int_equal(act.request[7], 8);
	assert_int_equal(take(f, first, &second, &same), CM_OK);
	assert_true(second > first);
	assert_span(same.address, "pavel@example.com");
	assert_int_equal(take(f, second, &second, &same), CM_ENOTFOUND);
}

/* Whoever reads the file, a disk's thief or the milter, reads no address. */
static void addresses_are_sealed(void **state)
{
	struct fixture *f = *state;
	char path[160], command[320];
	struct stat st;

	put(f, "petra@example.com");
	kit_path(&f->kit, "web/data.mdb", path);
	(void)snprintf(command, sizeof(command), "grep -q -a petra@ %s", path);
	assert_int_not_equal(system(command), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, CM_QUEUE_FILE_MODE);
	kit_path(&f->kit, "web", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0007, 0);
}

/* A rotated key opens what the old one sealed. */
static void a_new_key(void **state)
{
	struct fixture *f = *state;
	struct cm_keys *keys = NULL;
	struct cm_error err;
	struct cm_act act;
	uint64_t number;
	uint8_t id;

	put(f, "petra@example.com");
	assert_int_equal(cm_keys_rotate(f->kit.keys_path, CM_KEY_MAILED,
					(gid_t)-1, (gid_t)-1, &id, &err),
			 CM_OK);
	assert_int_equal(cm_keys_open(f->kit.keys_path, &keys, &err), CM_OK);
	assert_int_equal(cm_queue_use_keys(f->queue, keys, &err), CM_OK);
	put(f, "pavel@example.com");
	assert_int_equal(take(f, 0, &number, &act), CM_OK);
	assert_span(act.address, "petra@example.com");
	assert_int_equal(take(f, number, &number, &act), CM_OK);
	assert_span(act.address, "pavel@example.com");
	/* Who only has the old one can read the old act, and no other. */
	assert_int_equal(cm_queue_use_keys(f->queue, f->kit.keys, &err), CM_OK);
	assert_int_equal(take(f, 0, &number, &act), CM_OK);
	assert_int_equal(take(f, number, &number, &act), CM_ECORRUPT);
	cm_keys_free(&keys);
}

static struct cm_letter a_letter(void)
{
	return (struct cm_letter){
		.kind = CM_LETTER_CONFIRM,
		.contact = {{1, 2}},
		.request = {1, 2, 3, 4, 5, 6, 7, 8},
		.purpose = {4, 3, 2, 1},
		.language = "cs",
		.made = KIT_NOW,
		.due = KIT_NOW,
	};
}

static void done_is_done_once(void **state)
{
	struct fixture *f = *state;
	struct cm_limit_count counts[2] = {
		{.limit = CM_LIMIT_DAY,
		 .whom = {{1}},
		 .since = KIT_NOW,
		 .n = 1},
		{.limit = CM_LIMIT_ALL},
	};
	struct cm_letter letter = a_letter(), due;
	struct cm_queue_counts seen;
	struct cm_error err;
	struct cm_act act;
	uint64_t number = 0;
	int64_t next = 0;

	put(f, "petra@example.com");
	assert_int_equal(take(f, 0, &number, &act), CM_OK);
	assert_int_equal(
		cm_queue_done(f->queue, number, &letter, counts, 1, &err),
		CM_OK);
	assert_int_equal(
		cm_queue_done(f->queue, number, &letter, counts, 1, &err),
		CM_ENOTFOUND);
	assert_int_equal(cm_queue_count(f->queue, &seen, &err), CM_OK);
	assert_int_equal(seen.acts, 0);
	assert_int_equal(seen.letters, 1);
	assert_int_equal(seen.limits, 1);
	counts[0].n = 0;
	counts[1].n = 7;
	assert_int_equal(cm_queue_counts(f->queue, counts, 2, &err), CM_OK);
	assert_int_equal(counts[0].n, 1);
	assert_int_equal(counts[0].since, KIT_NOW);
	assert_int_equal(counts[1].n, 0);
	assert_int_equal(cm_queue_due(f->queue, 0, KIT_NOW, &due, &next, &err),
			 CM_OK);
	assert_memory_equal(due.request, letter.request, CM_REQUEST_REF_LEN);
	assert_memory_equal(due.purpose, letter.purpose, CM_PURPOSE_ID_LEN);
	assert_memory_equal(&due.contact, &letter.contact, sizeof(due.contact));
	assert_string_equal(due.language, "cs");
	assert_int_equal(due.kind, CM_LETTER_CONFIRM);
	due.due += 5;
	due.tries++;
	assert_int_equal(cm_queue_later(f->queue, &due, &err), CM_OK);
	assert_int_equal(
		cm_queue_due(f->queue, 0, KIT_NOW, &letter, &next, &err),
		CM_ENOTFOUND);
	assert_int_equal(next, KIT_NOW + 5);
	assert_int_equal(cm_queue_due(f->queue, 0, next, &letter, &next, &err),
			 CM_OK);
	assert_int_equal(letter.tries, 1);
	assert_int_equal(cm_queue_sent(f->queue, letter.number, &err), CM_OK);
	assert_int_equal(cm_queue_due(f->queue, 0, next, &letter, &next, &err),
			 CM_ENOTFOUND);
	assert_true(next == INT64_MAX);
}

static void counts_are_forgotten(void **state)
{
	struct fixture *f = *state;
	const struct cm_limit_count counts[2] = {
		{.limit = CM_LIMIT_PAUSE, .since = KIT_NOW, .n = 1},
		{.limit = CM_LIMIT_DAY, .since = KIT_NOW, .n = 1},
	};
	struct cm_queue_counts seen;
	struct cm_error err;
	struct cm_act act;
	uint64_t number;

	put(f, "petra@example.com");
	assert_int_equal(take(f, 0, &number, &act), CM_OK);
	assert_int_equal(cm_queue_done(f->queue, number, NULL, counts, 2, &err),
			 CM_OK);
	assert_int_equal(cm_queue_forget(f->queue, KIT_NOW + 3600000, &err),
			 CM_OK);
	assert_int_equal(cm_queue_count(f->queue, &seen, &err), CM_OK);
	assert_int_equal(seen.limits, 1);
	assert_int_equal(cm_queue_forget(f->queue, KIT_NOW + CM_DAY_MS, &err),
			 CM_OK);
	assert_int_equal(cm_queue_count(f->queue, &seen, &err), CM_OK);
	assert_int_equal(seen.limits, 0);
}

static void too_long_is_said(void **state)
{
	struct fixture *f = *state;
	static char text[CM_ACT_EVIDENCE_MAX + 1];
	struct cm_act act = an_act("petra@example.com");
	struct cm_error err;

	memset(text, ' ', sizeof(text));
	act.evidence = cm_span_n(text, sizeof(text));
	assert_int_equal(cm_queue_put(f->queue, &act, &err), CM_ELIMIT);
	assert_non_null(strstr(err.text, "evidence"));
	act.evidence.n--;
	act.address = cm_span_n(text, CM_ACT_ADDRESS_MAX);
	act.npurposes = CM_ACT_PURPOSES_MAX;
	for (size_t i = 0; i < CM_ACT_PURPOSES_MAX; i++)
		act.purposes[i] = cm_span_n(text, 120);
	if (cm_queue_put(f->queue, &act, &err) != CM_OK)
		fail_msg("%s", err.text);
}

/* No row, whatever is in it, is read beyond its end. */
static void half_a_row(void **state)
{
	struct fixture *f = *state;
	struct cm_act act = an_act("petra@example.com"), got;
	uint8_t row[CM_LETTER_ROW_MAX];
	struct cm_letter letter = a_letter(), read;
	struct cm_buf packed;
	size_t n, i;

	(void)f;
	cm_buf_init(&packed, 16384);
	assert_int_equal(cm_act_pack(&act, &packed, NULL), CM_OK);
	for (i = 0; i < packed.len; i++)
		assert_int_equal(cm_act_unpack(cm_span_n(packed.data, i), &got),
				 CM_ECORRUPT);
	assert_int_equal(cm_buf_addc(&packed, 0), CM_OK);
	assert_int_equal(
		cm_act_unpack(cm_span_n(packed.data, packed.len), &got),
		CM_ECORRUPT);
	cm_buf_free(&packed);
	n = cm_letter_pack(&letter, row);
	for (i = 0; i < CM_LETTER_HEAD; i++)
		assert_int_equal(
			cm_letter_unpack(cm_span_n((char *)row, i), &read),
			CM_ECORRUPT);
	assert_int_equal(cm_letter_unpack(cm_span_n((char *)row, n), &read),
			 CM_OK);
}

enum { THREADS = 8, EACH = 25 };

static void *put_many(void *ctx)
{
	struct cm_act act = an_act("petra@example.com");

	for (int i = 0; i < EACH; i++)
		if (cm_queue_put(ctx, &act, NULL) != CM_OK)
			return ctx;
	return NULL;
}

static void threads_share_a_sync(void **state)
{
	struct fixture *f = *state;
	struct cm_queue_counts seen;
	pthread_t threads[THREADS];
	struct cm_error err;
	void *failed;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, put_many, f->queue),
			0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(cm_queue_count(f->queue, &seen, &err), CM_OK);
	assert_int_equal(seen.acts, THREADS * EACH);
}

/* ---- limits ------------------------------------------------------------- */

static void spans_end(void **state)
{
	struct cm_limit_count day = {.limit = CM_LIMIT_DAY};
	struct cm_limit_count all = {.limit = CM_LIMIT_ALL};
	int i;

	(void)state;
	for (i = 0; i < 4; i++) { /* DOI-5 */
		assert_true(cm_limit_room(&day, 0, KIT_NOW + i));
		cm_limit_spend(&day, KIT_NOW + i);
	}
	assert_false(cm_limit_room(&day, 0, KIT_NOW + 5));
	assert_false(cm_limit_room(&day, 0, KIT_NOW + CM_DAY_MS - 1));
	assert_true(cm_limit_room(&day, 0, KIT_NOW + CM_DAY_MS));
	cm_limit_spend(&day, KIT_NOW + CM_DAY_MS);
	assert_int_equal(day.n, 1);
	/* the clock was years ahead, and is right again */
	day.n = 4;
	assert_false(cm_limit_room(&day, 0, KIT_NOW));
	assert_true(cm_limit_room(&day, 0, KIT_NOW - 9 * CM_DAY_MS));
	cm_limit_spend(&all, KIT_NOW);
	assert_true(cm_limit_room(&all, 2, KIT_NOW));
	assert_false(cm_limit_room(&all, 1, KIT_NOW));
}

/* DOI-5: as consent-web(8) has them. */
static void limits_are_those_of_the_manual(void **state)
{
	static const struct {
		enum cm_limit limit;
		uint32_t max;
		int minutes;
	} rows[] = {
		{CM_LIMIT_PAUSE, 1, 10},
		{CM_LIMIT_DAY, 4, 24 * 60},
		{CM_LIMIT_REFUSED, 1, 30 * 24 * 60},
		{CM_LIMIT_NETWORK, 30, 60},
		{CM_LIMIT_DOMAIN, 300, 60},
		{CM_LIMIT_ALL, 7, 60}, /* of the config */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cm_limit_count count = {.limit = rows[i].limit};
		int64_t end = KIT_NOW + (int64_t)rows[i].minutes * 60000;

		while (count.n < rows[i].max) {
			assert_true(cm_limit_room(&count, 7, KIT_NOW));
			cm_limit_spend(&count, KIT_NOW);
		}
		assert_false(cm_limit_room(&count, 7, end - 1));
		assert_true(cm_limit_room(&count, 7, end));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_put_is_there, begin,
						end),
		cmocka_unit_test_setup_teardown(addresses_are_sealed, begin,
						end),
		cmocka_unit_test_setup_teardown(a_new_key, begin, end),
		cmocka_unit_test_setup_teardown(done_is_done_once, begin, end),
		cmocka_unit_test_setup_teardown(counts_are_forgotten, begin,
						end),
		cmocka_unit_test_setup_teardown(too_long_is_said, begin, end),
		cmocka_unit_test_setup_teardown(half_a_row, begin, end),
		cmocka_unit_test_setup_teardown(threads_share_a_sync, begin,
						end),
		cmocka_unit_test(spans_end),
		cmocka_unit_test(limits_are_those_of_the_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
