/* view: the same facts in any order, one packed form, hostile bytes. */
#include "policy/view.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

#define SET(field, text) (void)snprintf(field, sizeof(field), "%s", text)

enum { EVENTS = 7, ARENA = 1 << 22 };

static struct cm_event make(enum cm_event_type type, const char *purpose,
			    int64_t at)
{
	struct cm_event event;

	memset(&event, 0, sizeof(event));
	event.type = type;
	event.actor = CM_ACTOR_IMPORT;
	event.attested = true;
	event.at = at;
	event.mark = CM_EVENT_RESTRICTED;
	SET(event.purpose, purpose);
	if (type <= CM_EVENT_CONFIRMED)
		SET(event.source, "web-form");
	return event;
}

static struct cm_arena *new_arena(void)
{
	struct cm_arena *arena = NULL;

	assert_int_equal(cm_arena_new(ARENA, &arena), CM_OK);
	return arena;
}

static void an_event_makes_one_fact_at_most(void **state)
{
	static const struct {
		enum cm_event_type type;
		enum cm_actor actor;
		enum cm_basis basis;
		bool proven;
		enum cm_fact_kind kind;
	} cases[] = {
		{CM_EVENT_REQUESTED, CM_ACTOR_PERSON, 0, true,
		 CM_FACT_PERSON_REQUESTED},
		{CM_EVENT_REQUESTED, CM_ACTOR_IMPORT, 0, true,
		 CM_FACT_REQUESTED},
		{CM_EVENT_GRANTED, 0, 0, true, CM_FACT_GRANTED},
		{CM_EVENT_GRANTED, 0, 0, false, CM_FACT_UNPROVEN},
		{CM_EVENT_GRANTED, 0, CM_BASIS_SOFT_OPT_IN, true,
		 CM_FACT_SOFT_OPT_IN},
		{CM_EVENT_GRANTED, 0, CM_BASIS_SOFT_OPT_IN, false,
		 CM_FACT_UNPROVEN},
		{CM_EVENT_CONFIRMED, CM_ACTOR_PERSON, 0, true,
		 CM_FACT_PERSON_CONFIRMED},
		{CM_EVENT_CONFIRMED, CM_ACTOR_IMPORT, 0, true,
		 CM_FACT_CONFIRMED},
		{CM_EVENT_CONFIRMED, CM_ACTOR_ADMIN, 0, true,
		 CM_FACT_CONFIRMED},
		{CM_EVENT_CONFIRMED, CM_ACTOR_PERSON, 0, false,
		 CM_FACT_UNPROVEN},
		{CM_EVENT_WITHDRAWN, 0, 0, false, CM_FACT_WITHDRAWN},
		{CM_EVENT_OBJECTED, 0, 0, false, CM_FACT_OBJECTED},
		{CM_EVENT_COMPLAINED, 0, 0, false, CM_FACT_COMPLAINED},
		{CM_EVENT_ERASED, 0, 0, false, CM_FACT_ERASED},
		{CM_EVENT_RESTRICTED, 0, 0, false, CM_FACT_RESTRICTED},
		{CM_EVENT_UNDELIVERABLE, 0, 0, false, CM_FACT_UNDELIVERABLE},
		{CM_EVENT_CLEARED, 0, 0, false, CM_FACT_CLEARED_RESTRICTED},
		{CM_EVENT_ASKED, 0, 0, false, CM_FACT_ASKED},
		{CM_EVENT_CORRECTED, CM_ACTOR_ADMIN, 0, false, CM_FACT_KINDS},
		{CM_EVENT_CORRECTED, CM_ACTOR_PERSON, 0, false,
		 CM_FACT_TAKEN_BACK},
		{CM_EVENT_DISCLOSED, 0, 0, true, CM_FACT_KINDS},
		{CM_EVENT_REQUEST_OPENED, 0, 0, true, CM_FACT_KINDS},
		{CM_EVENT_REQUEST_EXTENDED, 0, 0, true, CM_FACT_KINDS},
		{CM_EVENT_REQUEST_CLOSED, 0, 0, true, CM_FACT_KINDS},
	};
	struct cm_event event;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		event = make(cases[i].type, "acme", 1);
		SET(event.source, "web-form");
		event.actor = cases[i].actor;
		event.basis = cases[i].basis;
		event.attested = cases[i].proven;
		assert_int_equal(cm_event_fact(&event), cases[i].kind);
	}
	event = make(CM_EVENT_CLEARED, "", 1);
	event.mark = CM_EVENT_UNDELIVERABLE;
	assert_int_equal(cm_event_fact(&event), CM_FACT_CLEARED_UNDELIVERABLE);
	assert_true(cm_fact_refuses(CM_FACT_WITHDRAWN));
	assert_true(cm_fact_refuses(CM_FACT_UNDELIVERABLE));
	assert_false(cm_fact_refuses(CM_FACT_REQUESTED));
	assert_false(cm_fact_refuses(CM_FACT_CLEARED_RESTRICTED));
}

static void make_events(struct cm_event events[EVENTS])
{
	events[0] = make(CM_EVENT_GRANTED, "acme/news", 10);
	SET(events[0].language, "cs");
	events[1] = make(CM_EVENT_GRANTED, "acme/news", 30);
	SET(events[1].source, "order");
	events[2] = make(CM_EVENT_WITHDRAWN, "acme/news", 20);
	events[2].actor = CM_ACTOR_PERSON;
	events[3] = make(CM_EVENT_WITHDRAWN, "acme/news", 20); /* twice */
	SET(events[3].language, "en");
	events[4] = make(CM_EVENT_OBJECTED, "", 25);
	events[5] = make(CM_EVENT_GRANTED, "acme", 20);
	SET(events[5].language, "de");
	events[6] = make(CM_EVENT_GRANTED, "acme/news", 40);
	SET(events[6].source, "unknown");
}

/* seqs: of the event, or (NULL) in order of arrival. */
static void pack_in_order(const struct cm_event *events,
			  const size_t order[EVENTS], bool own_seq, bool family,
			  struct cm_buf *out)
{
	struct cm_arena *arena = new_arena();
	struct cm_view view = {0};
	size_t i;

	for (i = 0; i < EVENTS; i++) {
		const struct cm_event *event = &events[order[i]];
		uint64_t seq = own_seq ? order[i] : i;

		assert_int_equal(
			(family ? cm_view_apply_family
				: cm_view_apply)(&view, event, seq, arena),
			CM_OK);
	}
	for (i = 0; i < view.count && !own_seq; i++)
		view.facts[i].seq = 0;
	assert_int_equal(cm_view_pack(&view, out), CM_OK);
	cm_arena_free(&arena);
}

static void compare_order(const struct cm_event *events,
			  const size_t order[EVENTS])
{
	static const size_t straight[EVENTS] = {0, 1, 2, 3, 4, 5, 6};
	struct cm_buf want, got;
	unsigned how;

	cm_buf_init(&want, 4096);
	cm_buf_init(&got, 4096);
	for (how = 0; how < 4; how++) {
		cm_buf_reset(&want);
		cm_buf_reset(&got);
		pack_in_order(events, straight, how & 1, how & 2, &want);
		pack_in_order(events, order, how & 1, how & 2, &got);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, want.len);
	}
	cm_buf_free(&want);
	cm_buf_free(&got);
}

/* Design 5, "Time": any order of arrival gives the same state. */
static void all_5040_orders_pack_alike(void **state)
{
	size_t order[EVENTS] = {0, 1, 2, 3, 4, 5, 6}, counter[EVENTS] = {0};
	struct cm_event events[EVENTS];
	size_t i = 1, n = 1;

	(void)state;
	make_events(events);
	compare_order(events, order);
	while (i < EVENTS) { /* Heap's algorithm */
		if (counter[i] < i) {
			size_t from = i % 2 == 0 ? 0 : counter[i];
			size_t kept = order[from];

			order[from] = order[i];
			order[i] = kept;
			compare_order(events, order);
			n++;
			counter[i]++;
			i = 1;
		} else {
			counter[i++] = 0;
		}
	}
	assert_int_equal(n, 5040);
}

static void a_view_says_what_happened(void **state)
{
	struct cm_arena *arena = new_arena();
	struct cm_view view = {0}, family = {0};
	struct cm_event events[EVENTS];
	size_t i;

	(void)state;
	make_events(events);
	for (i = 0; i < EVENTS; i++) {
		assert_int_equal(cm_view_apply(&view, &events[i], i, arena), 0);
		assert_int_equal(
			cm_view_apply_family(&family, &events[i], i, arena), 0);
	}
	assert_int_equal(view.count, 6);
	assert_int_equal(view.newest_at, 40);
	assert_int_equal(view.person_at, 20);
	assert_string_equal(view.language, "en"); /* of de and en at 20 */
	assert_int_equal(view.facts[0].kind, CM_FACT_OBJECTED);
	assert_int_equal(view.facts[1].purpose.n, 4);
	assert_int_equal(view.facts[5].kind, CM_FACT_WITHDRAWN);
	assert_int_equal(view.facts[5].at, 20);
	assert_int_equal(view.facts[5].seq, 3);
	/* the family hears of refusals alone */
	assert_int_equal(family.count, 2);
	assert_int_equal(family.facts[0].kind, CM_FACT_OBJECTED);
	assert_int_equal(family.facts[1].kind, CM_FACT_WITHDRAWN);
	assert_int_equal(family.person_at, 0);
	assert_string_equal(family.language, "");
	cm_arena_free(&arena);
}

static struct cm_event soft(int64_t at, int64_t sold)
{
	struct cm_event event = make(CM_EVENT_GRANTED, "acme/news", at);

	event.basis = CM_BASIS_SOFT_OPT_IN;
	SET(event.seller, "acme");
	SET(event.category, "shoes");
	event.optout = CM_SAID_YES;
	event.has_sale_ref = true;
	event.sold = sold;
	return event;
}

/* Grants on other terms are other facts, and of sales the newest counts. */
static void terms_make_facts_of_their_own(void **state)
{
	struct cm_event events[EVENTS];
	size_t order[EVENTS] = {6, 5, 4, 3, 2, 1, 0};
	struct cm_buf one, other;
	struct cm_arena *arena = new_arena();
	struct cm_view view;
	size_t i;

	(void)state;
	events[0] = soft(40, 10);
	events[1] = soft(20, 30); /* told earlier, sold later */
	events[2] = soft(40, 10);
	events[2].optout = CM_SAID_NO;
	events[3] = make(CM_EVENT_GRANTED, "acme/news", 10);
	events[4] = make(CM_EVENT_GRANTED, "acme/news", 20);
	SET(events[4].controller, "Partner Ltd");
	events[5] = make(CM_EVENT_GRANTED, "acme/news", 15);
	events[5].has_notice = true;
	events[5].notice.b[31] = 7;
	events[6] = make(CM_EVENT_GRANTED, "acme/news", 15);
	events[6].has_notice = true;
	events[6].notice.b[31] = 7;
	events[6].ended = 99; /* of one time the later in the ledger */
	cm_buf_init(&one, 4096);
	cm_buf_init(&other, 4096);
	pack_in_order(events, order, true, false, &one);
	for (i = 0; i < EVENTS; i++)
		order[i] = i;
	pack_in_order(events, order, true, false, &other);
	assert_int_equal(one.len, other.len);
	assert_memory_equal(one.data, other.data, one.len);
	assert_int_equal(
		cm_view_unpack(cm_span_n(one.data, one.len), arena, &view),
		CM_OK);
	assert_int_equal(view.count, 5);
	assert_int_equal(view.facts[0].at, 10); /* on no terms of its own */
	assert_int_equal(view.facts[0].terms.controller.n, 0);
	assert_int_equal(view.facts[1].terms.notice.n, CM_HASH_LEN);
	assert_int_equal(view.facts[1].ended, 99);
	assert_int_equal(view.facts[1].seq, 6);
	assert_true(cm_span_is(view.facts[2].terms.controller, "Partner Ltd"));
	assert_int_equal(view.facts[3].terms.optout, CM_SAID_NO);
	assert_int_equal(view.facts[4].sold, 30);
	assert_int_equal(view.facts[4].at, 20);
	assert_int_equal(view.facts[4].seq, 1);
	assert_true(view.facts[4].terms.has_sale_ref);
	assert_true(cm_span_is(view.facts[4].terms.category, "shoes"));
	/* every octet of it is checked */
	for (i = 0; i < one.len; i++) {
		struct cm_span cut = cm_span_n(one.data, i);

		assert_int_equal(cm_view_unpack(cut, arena, &view),
				 CM_ECORRUPT);
	}
	cm_buf_free(&one);
	cm_buf_free(&other);
	cm_arena_free(&arena);
}

static void a_usual_contact_is_small(void **state)
{
	struct cm_arena *arena = new_arena();
	struct cm_view view = {0}, back;
	struct cm_event event;
	struct cm_buf out;

	(void)state;
	event = make(CM_EVENT_GRANTED, "acme/newsletter", 1700000000000);
	SET(event.language, "cs");
	assert_int_equal(cm_view_apply(&view, &event, 987654, arena), CM_OK);
	cm_buf_init(&out, 4096);
	assert_int_equal(cm_view_pack(&view, &out), CM_OK);
	/* with a key of 12, a MAC of 8 and LMDB's 10: under 100 a contact */
	assert_in_range(out.len, 30, 60);
	assert_int_equal(
		cm_view_unpack(cm_span_n(out.data, out.len), arena, &back),
		CM_OK);
	assert_int_equal(back.facts[0].at, 1700000000000);
	assert_int_equal(back.facts[0].seq, 987654);
	assert_string_equal(back.language, "cs");
	/* an unpacked view goes on growing */
	SET(event.purpose, "acme/offers");
	assert_int_equal(cm_view_apply(&back, &event, 987655, arena), CM_OK);
	assert_int_equal(back.count, 2);
	cm_buf_free(&out);
	cm_arena_free(&arena);
}

static void an_empty_view_packs_too(void **state)
{
	struct cm_arena *arena = new_arena();
	struct cm_view view = {0}, back;
	struct cm_buf out;

	(void)state;
	memset(&back, 0x5a, sizeof(back));
	cm_buf_init(&out, 4096);
	assert_int_equal(cm_view_pack(&view, &out), CM_OK);
	assert_int_equal(
		cm_view_unpack(cm_span_n(out.data, out.len), arena, &back),
		CM_OK);
	assert_int_equal(back.count, 0);
	assert_int_equal(back.newest_at, 0);
	cm_buf_free(&out);
	cm_arena_free(&arena);
}

/* Unpacks to something that packs to the same bytes, or not at all. */
static bool check_hostile(const char *bytes, size_t n)
{
	struct cm_arena *arena = new_arena();
	struct cm_view view;
	struct cm_buf again;
	/* of its very own, so that a sanitizer sees a read behind the end */
	char *copy = malloc(n + 1);
	int rc;

	assert_non_null(copy);
	copy = realloc(copy, n > 0 ? n : 1);
	memcpy(copy, bytes, n);
	cm_buf_init(&again, 1 << 20);
	rc = cm_view_unpack(cm_span_n(copy, n), arena, &view);
	if (rc == CM_OK) {
		assert_int_equal(cm_view_pack(&view, &again), CM_OK);
		assert_int_equal(again.len, n);
		assert_memory_equal(again.data, copy, n);
	} else {
		assert_int_equal(rc, CM_ECORRUPT);
	}
	free(copy);
	cm_buf_free(&again);
	cm_arena_free(&arena);
	return rc == CM_OK;
}

static void hostile_bytes_are_refused_or_exact(void **state)
{
	static const size_t straight[EVENTS] = {0, 1, 2, 3, 4, 5, 6};
	struct cm_event events[EVENTS];
	struct cm_buf out;
	char noise[64];
	size_t i, k;

	(void)state;
	make_events(events);
	cm_buf_init(&out, 4096);
	pack_in_order(events, straight, true, false, &out);
	assert_true(check_hostile(out.data, out.len));
	for (i = 0; i < out.len; i++)
		assert_false(check_hostile(out.data, i));
	for (i = 0; i < out.len; i++) {
		char kept = out.data[i];

		for (k = 0; k < 256; k++) {
			out.data[i] = (char)k;
			(void)check_hostile(out.data, out.len);
		}
		out.data[i] = kept;
	}
	(void)cm_buf_addc(&out, '\0');
	assert_false(check_hostile(out.data, out.len));
	srand(1);
	for (i = 0; i < 20000; i++) {
		for (k = 0; k < sizeof(noise); k++)
			noise[k] = (char)rand();
		noise[0] = 1;
		(void)check_hostile(noise, (size_t)rand() % sizeof(noise));
	}
	cm_buf_free(&out);
}

static void more_facts_than_a_person_has_are_refused(void **state)
{
	struct cm_arena *arena = new_arena();
	struct cm_view view = {0}, back;
	struct cm_event event = make(CM_EVENT_WITHDRAWN, "", 1);
	struct cm_buf out;
	int i;

	(void)state;
	for (i = 0; i < CM_VIEW_FACTS_MAX; i++) {
		event.purpose[0] = (char)('a' + i % 16);
		event.purpose[1] = (char)('a' + i / 16 % 16);
		event.purpose[2] = (char)('a' + i / 256);
		assert_int_equal(cm_view_apply(&view, &event, 1, arena), CM_OK);
	}
	event.purpose[0] = 'z';
	assert_int_equal(cm_view_apply(&view, &event, 1, arena), CM_ELIMIT);
	event.purpose[0] = 'a'; /* one that is there goes on */
	event.at = 99;
	assert_int_equal(cm_view_apply(&view, &event, 1, arena), CM_OK);
	cm_buf_init(&out, 1 << 20);
	assert_int_equal(cm_view_pack(&view, &out), CM_OK);
	assert_int_equal(
		cm_view_unpack(cm_span_n(out.data, out.len), arena, &back),
		CM_OK);
	assert_int_equal(back.count, CM_VIEW_FACTS_MAX);
	cm_buf_free(&out);
	cm_arena_free(&arena);
}

/*
 * G7-3, pitfall 42: a click that was taken back is as if it had never been, in
 * any order of arrival; what else refuses stays, in the family, too.
 */
static void a_click_is_taken_back_alone(void **state)
{
	static const unsigned char orders[][4] = {
		{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};
	struct cm_event events[4];
	struct cm_view views[2], settled;
	struct cm_arena *arena;
	size_t o, i, v;

	(void)state;
	assert_int_equal(cm_arena_new(1 << 20, &arena), CM_OK);
	for (i = 0; i < 3; i++) {
		events[i] = make(CM_EVENT_WITHDRAWN, "acme", 10 + (int)i);
		events[i].actor = CM_ACTOR_PERSON;
		SET(events[i].channel, "page");
	}
	SET(events[0].channel, "one-click");
	events[3] = make(CM_EVENT_CORRECTED, "acme", 20);
	events[3].actor = CM_ACTOR_PERSON;
	cm_event_click_name(&events[2], events[3].batch);
	for (o = 0; o < 4; o++) {
		memset(views, 0, sizeof(views));
		for (i = 0; i < 4; i++) {
			const struct cm_event *event = &events[orders[o][i]];

			assert_int_equal(
				cm_view_apply(&views[0], event, i, arena),
				CM_OK);
			assert_int_equal(cm_view_apply_family(&views[1], event,
							      i, arena),
					 CM_OK);
		}
		for (v = 0; v < 2; v++) {
			assert_int_equal(
				cm_view_settle(&views[v], arena, &settled),
				CM_OK);
			assert_int_equal(views[v].count, 4);
			assert_int_equal(settled.count, 2);
			assert_int_equal(settled.facts[0].at, 10);
			assert_int_equal(settled.facts[1].at, 11);
		}
		assert_int_equal(views[0].person_at, 12);
	}
	/* Another purpose's name is another click's. */
	SET(events[3].purpose, "acme/x");
	memset(views, 0, sizeof(views));
	for (i = 0; i < 4; i++)
		assert_int_equal(cm_view_apply(&views[0], &events[i], i, arena),
				 CM_OK);
	assert_int_equal(cm_view_settle(&views[0], arena, &settled), CM_OK);
	assert_int_equal(settled.count, 3);
	cm_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_makes_one_fact_at_most),
		cmocka_unit_test(all_5040_orders_pack_alike),
		cmocka_unit_test(a_view_says_what_happened),
		cmocka_unit_test(terms_make_facts_of_their_own),
		cmocka_unit_test(a_usual_contact_is_small),
		cmocka_unit_test(an_empty_view_packs_too),
		cmocka_unit_test(hostile_bytes_are_refused_or_exact),
		cmocka_unit_test(more_facts_than_a_person_has_are_refused),
		cmocka_unit_test(a_click_is_taken_back_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
