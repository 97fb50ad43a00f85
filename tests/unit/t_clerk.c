/*
 * clerk: what was asked for is done, once, and only for whom it may be.
 */
#include "web/clerk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "policy/optin.h"
#include "tests/unit/answer_kit.h"
#include "web/post.h"

#define NEWS   "acme/newsletter"
#define OFFERS "acme/offers"

static const uint8_t ref[CM_REQUEST_REF_LEN] = {0xab, 1, 2, 3};

static struct cm_id id_of(struct fixture *f, const char *address)
{
	struct cm_id contact, family;

	kit_ids(&f->kit, address, &contact, &family);
	return contact;
}

static void put(struct fixture *f, enum cm_act_kind kind, const char *address,
		const char *purpose, bool by_link, uint8_t number)
{
	struct cm_act act = {
		.kind = kind,
		.at = cm_clock_now(),
		.language = cm_span("cs"),
		.source = cm_span("web-form"),
		.channel = cm_span("form"),
		.evidence = cm_span("{\"form\":\"shop\"}"),
	};
	struct cm_error err;

	if (by_link)
		act.contact = id_of(f, address);
	else
		act.address = cm_span(address);
	if (kind == CM_ACT_REQUEST)
		act.purposes[act.npurposes++] = cm_span(purpose);
	memcpy(act.request, ref, sizeof(ref));
	act.request[7] = number;
	act.has_notice = true;
	assert_int_equal(cm_store_put_notice(f->kit.store, cm_span("shown"),
					     &act.notice, NULL),
			 CM_OK);
	if (cm_queue_put(f->site.queue, &act, &err) != CM_OK)
		fail_msg("%s", err.text);
}

static struct cm_queue_counts waiting(struct fixture *f)
{
	struct cm_queue_counts counts;

	assert_int_equal(cm_queue_count(f->site.queue, &counts, NULL), CM_OK);
	return counts;
}

static int do_nothing(void *ctx, struct cm_duty *duty)
{
	(void)ctx;
	(void)duty;
	return 60000;
}

/* rounds: of one act each, or 0 until nothing waits. */
static void work(struct fixture *f, int rounds)
{
	const struct timespec moment = {0, 1000000};
	struct cm_duty *letters = NULL;
	struct cm_clerk *clerk = NULL;
	struct cm_error err;

	assert_int_equal(cm_duty_start(do_nothing, NULL, &letters, &err),
			 CM_OK);
	do {
		assert_int_equal(
			cm_clerk_start(&f->site, letters, &clerk, &err), CM_OK);
		while (rounds == 0 && waiting(f).acts > 0)
			(void)nanosleep(&moment, NULL);
		cm_clerk_end(&clerk);
	} while (--rounds > 0);
	cm_duty_end(&letters);
}

/* The one letter that waits, which then does not. */
static struct cm_letter the_letter(struct fixture *f)
{
	struct cm_letter letter;

	assert_int_equal(waiting(f).letters, 1);
	assert_int_equal(
		cm_queue_due(f->site.queue, 0, INT64_MAX, &letter, NULL, NULL),
		CM_OK);
	assert_int_equal(cm_queue_sent(f->site.queue, letter.number, NULL),
			 CM_OK);
	return letter;
}

static struct cm_optin optin_of(struct fixture *f, const char *address,
				uint8_t number)
{
	struct cm_store_reader *reader = NULL;
	uint8_t name[CM_REQUEST_REF_LEN];
	struct cm_id contact = id_of(f, address);
	struct cm_optin optin;

	memcpy(name, ref, sizeof(name));
	name[7] = number;
	assert_int_equal(
		cm_store_read_begin(f->kit.store, f->kit.arena, &reader, NULL),
		CM_OK);
	assert_int_equal(cm_optin_read(reader, &contact, name, f->kit.arena,
				       &optin, NULL),
			 CM_OK);
	cm_store_read_end(&reader);
	return optin;
}

static bool has_fact(struct fixture *f, const char *address,
		     enum cm_fact_kind kind)
{
	struct cm_view own, family;

	kit_lookup(&f->kit, address, &own, &family);
	return kit_fact(&own, kind) != NULL;
}

static bool log_has(const struct fixture *f, const char *text)
{
	return strstr(cm_buf_text(&f->log), text) != NULL;
}

/* DOI-1: both steps are on record, with the text and the language. */
static void asked_and_confirmed(void **state)
{
	struct fixture *f = *state;
	struct cm_letter letter;
	struct cm_span canonical, as_given;
	struct cm_id petr = id_of(f, PETR);

	put(f, CM_ACT_REQUEST, "Petr <PETR@example.com>", NEWS, false, 1);
	work(f, 0);
	letter = the_letter(f);
	assert_int_equal(letter.kind, CM_LETTER_CONFIRM);
	assert_string_equal(letter.language, "cs");
	assert_memory_equal(&letter.contact, &petr, sizeof(petr));
	assert_int_equal(letter.request[7], 1);
	assert_false(has_fact(f, PETR, CM_FACT_PERSON_CONFIRMED));
	assert_int_equal(cm_store_address(f->kit.store, &petr, f->kit.arena,
					  &canonical, &as_given, NULL),
			 CM_OK);
	assert_true(cm_span_eq(canonical, cm_span(PETR)));
	put(f, CM_ACT_CONFIRM, PETR, NULL, true, 1);
	put(f, CM_ACT_CONFIRM, PETR, NULL, true, 1);
	work(f, 0);
	assert_true(optin_of(f, PETR, 1).confirmed);
	assert_int_equal(web_counts(f).events, 2);
	assert_int_equal(waiting(f).letters, 0);
	assert_true(log_has(f, "outcome=confirmed"));
	assert_false(log_has(f, "@"));
	kit_verify(&f->kit, true);
}

/* Killed behind the ledger, before the queue: nothing is there twice. */
static void a_killed_clerk(void **state)
{
	struct fixture *f = *state;
	struct cm_event event = kit_event(&f->kit, PETR, CM_EVENT_REQUESTED);
	uint8_t name[CM_REQUEST_REF_LEN];

	memcpy(name, ref, sizeof(name));
	name[7] = 1;
	cm_optin_name(name, event.batch);
	(void)kit_append(&f->kit, &event, cm_clock_now());
	put(f, CM_ACT_REQUEST, PETR, NEWS, false, 1);
	work(f, 0);
	assert_int_equal(web_counts(f).events, 1);
	(void)the_letter(f);
	put(f, CM_ACT_CANCEL, PETR, NULL, true, 1);
	put(f, CM_ACT_CANCEL, PETR, NULL, true, 1);
	work(f, 0);
	assert_int_equal(web_counts(f).events, 2);
	assert_true(optin_of(f, PETR, 1).cancelled);
}

/* A confirmation that waited while they left must not bring them back. */
static void a_refusal_overtakes(void **state)
{
	struct fixture *f = *state;

	put(f, CM_ACT_REQUEST, PETR, NEWS, false, 1);
	work(f, 0);
	put(f, CM_ACT_CONFIRM, PETR, NULL, true, 1);
	kit_stop(&f->kit, PETR, CM_EVENT_OBJECTED, cm_clock_now());
	work(f, 0);
	assert_false(has_fact(f, PETR, CM_FACT_PERSON_CONFIRMED));
	assert_true(log_has(f, "outcome=too-late"));
	/* The other way round they stay. */
	put(f, CM_ACT_REQUEST, "jana@example.com", NEWS, false, 2);
	put(f, CM_ACT_CONFIRM, "jana@example.com", NULL, true, 2);
	work(f, 0);
	assert_true(has_fact(f, "jana@example.com", CM_FACT_PERSON_CONFIRMED));
	/* And who presses both buttons wants no mail. */
	put(f, CM_ACT_CANCEL, "jana@example.com", NULL, true, 2);
	work(f, 0);
	assert_true(has_fact(f, "jana@example.com", CM_FACT_WITHDRAWN));
}

/* DOI-4, PREF-1: links to who is on record, and to nobody else. */
static void links_by_letter(void **state)
{
	struct fixture *f = *state;

	put(f, CM_ACT_LOST, PETR, NULL, false, 1);
	put(f, CM_ACT_DATA, "nobody at all", NULL, false, 1);
	work(f, 0);
	assert_int_equal(waiting(f).letters, 0);
	put(f, CM_ACT_REQUEST, PETR, NEWS, false, 1);
	work(f, 0);
	(void)the_letter(f);
	put(f, CM_ACT_LOST, PETR, NULL, false, 2);
	work(f, 0);
	assert_int_equal(the_letter(f).kind, CM_LETTER_LOST);
	put(f, CM_ACT_DATA, PETR, NULL, true, 2);
	work(f, 0);
	assert_int_equal(the_letter(f).kind, CM_LETTER_DATA);
	assert_int_equal(web_counts(f).events, 1);
}

/* DOI-5: who refused is reminded once a month at most by strangers; and asks
 * with a link of their own as they like. */
static void who_refused(void **state)
{
	struct fixture *f = *state;
	struct cm_limit_count spent[] = {{.limit = CM_LIMIT_REFUSED}};
	struct cm_event left = kit_event(&f->kit, PETR, CM_EVENT_WITHDRAWN);
	char whom[64], hex[2 * CM_CONTACT_ID_LEN + 1];
	struct cm_id petr = id_of(f, PETR);
	size_t i;

	web_grant(f, PETR, NEWS, cm_clock_now());
	(void)kit_append(&f->kit, &left, cm_clock_now() + 1);
	for (i = 0; i < CM_CONTACT_ID_LEN; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", petr.b[i]);
	(void)snprintf(whom, sizeof(whom), "letter 0 %s", hex);
	assert_int_equal(cm_queue_digest(f->site.queue, cm_span(whom),
					 &spent[0].whom, NULL),
			 CM_OK);
	put(f, CM_ACT_REQUEST, PETR, NEWS, false, 1);
	work(f, 0);
	(void)the_letter(f);
	assert_int_equal(cm_queue_counts(f->site.queue, spent, 1, NULL), CM_OK);
	assert_int_equal(spent[0].n, 1);
	put(f, CM_ACT_REQUEST, PETR, NEWS, false, 2);
	work(f, 0);
	assert_int_equal(waiting(f).letters, 0);
	assert_false(optin_of(f, PETR, 2).found);
	assert_true(log_has(f, "outcome=over-limit"));
}

/* The ledger refuses while the clock is behind: then it waits. */
static void a_clock_that_is_behind(void **state)
{
	struct fixture *f = *state;
	struct cm_event event =
		kit_event(&f->kit, "jana@example.com", CM_EVENT_GRANTED);

	(void)kit_append(&f->kit, &event, cm_clock_now() + 3600000);
	put(f, CM_ACT_REQUEST, PETR, NEWS, false, 1);
	work(f, 2);
	assert_int_equal(waiting(f).acts, 1);
	assert_int_equal(waiting(f).letters, 0);
	assert_false(optin_of(f, PETR, 1).found);
}

/* What the configuration no longer has cannot be asked for. */
static void what_is_gone(void **state)
{
	struct fixture *f = *state;

	put(f, CM_ACT_REQUEST, PETR, "acme/gone", false, 1);
	put(f, CM_ACT_CONFIRM, PETR, NULL, true, 9);
	put(f, CM_ACT_CANCEL, PETR, NULL, true, 9);
	work(f, 0);
	assert_int_equal(web_counts(f).events, 0);
	assert_int_equal(waiting(f).letters, 0);
	assert_int_equal(waiting(f).limits, 0);
}

static void pauses_grow(void **state)
{
	(void)state;
	assert_int_equal(cm_post_pause(1), 5000);
	assert_int_equal(cm_post_pause(2), 10000);
	assert_int_equal(cm_post_pause(30), 7200000);
	assert_int_equal(cm_post_pause(UINT32_MAX), 7200000);
}

static bool put_more(struct fixture *f, unsigned number)
{
	struct cm_event event =
		kit_event(&f->kit, "full@example.com", CM_EVENT_WITHDRAWN);
	struct cm_store_entry entry = {.event = event};
	struct cm_hash hash;
	char text[16];
	uint64_t seq;
	bool put = cm_store_append(f->kit.store, &entry, 1, cm_clock_now(),
				   &seq, NULL) == CM_OK;

	(void)snprintf(text, sizeof(text), "%u", number);
	return cm_store_put_notice(f->kit.store, cm_span(text), &hash, NULL) ==
		       CM_OK ||
	       put;
}

/* Until neither a row nor a text fits any more. */
static void fill_ledger(struct fixture *f)
{
	unsigned n = 0;

	kit_close(&f->kit);
	f->kit.options.map_size = 60 * 4096;
	kit_reopen(&f->kit, CM_STORE_WRITE);
	f->site.store = f->kit.store;
	while (put_more(f, n))
		n++;
}

static void make_room(struct fixture *f)
{
	kit_close(&f->kit);
	f->kit.options.map_size = UINT64_C(1) << 30;
	kit_reopen(&f->kit, CM_STORE_WRITE);
	f->site.store = f->kit.store;
}

/* What was asked for waits until the admin has made store.map-size larger. */
static void a_full_ledger(void **state)
{
	struct fixture *f = *state;

	put(f, CM_ACT_REQUEST, PETR, NEWS, false, 1);
	fill_ledger(f);
	work(f, 1);
	assert_true(log_has(f, "store.map-size"));
	assert_int_equal(waiting(f).acts, 1);
	make_room(f);
	work(f, 0);
	assert_true(optin_of(f, PETR, 1).found);
	(void)the_letter(f);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, web_set_up, web_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(asked_and_confirmed),
		TEST(a_killed_clerk),
		TEST(a_refusal_overtakes),
		TEST(links_by_letter),
		TEST(who_refused),
		TEST(a_clock_that_is_behind),
		TEST(what_is_gone),
		TEST(a_full_ledger),
		cmocka_unit_test(pauses_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
