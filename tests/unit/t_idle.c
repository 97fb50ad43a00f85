/*
 * decide: a consent that nobody uses ends, and what counts as use.  DE-3,
 * FR-1, AT-GOLF, G7-4 (last used).
 */
#include <string.h>

#include "policy/decide.h"
#include "tests/unit/test.h"

enum { ROOT, NEWS, NODES };

struct world {
	struct cm_config config;
	struct cm_purpose purposes[NODES];
	struct cm_fact fact; /* consent to news, or to all */
	struct cm_view view;
	int64_t mailed;
	int64_t now;
};

static void make_world(struct world *w, const char *path, int64_t granted)
{
	memset(w, 0, sizeof(*w));
	w->purposes[ROOT].path = "acme";
	w->purposes[NEWS].path = "acme/news";
	w->purposes[NEWS].parent = &w->purposes[ROOT];
	w->config.purposes = w->purposes;
	w->config.npurposes = NODES;
	w->fact.kind = CM_FACT_GRANTED;
	w->fact.purpose = cm_span(path);
	w->fact.at = granted;
	w->view.facts = &w->fact;
	w->view.count = 1;
	w->now = 100;
}

static struct cm_decision decide(const struct world *w)
{
	const struct cm_past past = {.mailed = &w->mailed};
	struct cm_decision got;

	cm_decide_purpose(&w->config, &w->purposes[NEWS], &w->view, NULL, &past,
			  w->now, &got);
	return got;
}

static int64_t until(const struct world *w)
{
	struct cm_decision got = decide(w);

	assert_int_equal(got.reason, CM_REASON_ALLOWED_CONSENT);
	return got.grants[0].until;
}

/* The newest of the three counts; what the setting leaves out does not. */
static void an_unused_consent_goes_idle(void **state)
{
	static const struct {
		int64_t granted, person, mailed;
		enum cm_use unless;
		int64_t until; /* 0: refused */
	} cases[] = {
		{60, 0, 0, CM_USE_MAILED, 110},
		{51, 0, 0, CM_USE_MAILED, 101},
		{50, 0, 0, CM_USE_MAILED, 0},
		{50, 0, 51, CM_USE_MAILED, 101},
		{50, 0, 50, CM_USE_MAILED, 0},
		{60, 0, 20, CM_USE_MAILED, 110},
		{50, 0, 99, CM_USE_PERSON, 0},
		{50, 60, 0, CM_USE_PERSON, 110},
		{50, 60, 99, CM_USE_MAILED, 149},
		{50, 60, 55, CM_USE_MAILED, 110},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		make_world(&w, "acme/news", cases[i].granted);
		w.purposes[NEWS].idle.ms = 50;
		w.purposes[NEWS].idle_unless = cases[i].unless;
		w.view.person_at = cases[i].person;
		w.mailed = cases[i].mailed;
		if (cases[i].until > 0)
			assert_int_equal(until(&w), cases[i].until);
		else
			assert_int_equal(decide(&w).reason, CM_REASON_IDLE);
	}
}

static int64_t day(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(cm_clock_parse(cm_span(text), &ms), CM_OK);
	return ms;
}

/* By the calendar, to the day, and of 29 February. */
static void idle_ends_on_the_day(void **state)
{
	static const struct {
		uint32_t years;
		const char *granted, *last_day, *over;
	} cases[] = {
		{4, "2022-06-15T09:00:00Z", "2026-06-15T08:59:59.999Z",
		 "2026-06-15T09:00:00Z"},
		{4, "2024-02-29T09:00:00Z", "2028-02-29T08:59:59Z",
		 "2028-02-29T09:00:00Z"},
		{3, "2024-02-29T09:00:00Z", "2027-02-28T08:59:59Z",
		 "2027-02-28T09:00:00Z"},
		{3, "2023-03-01T00:00:00Z", "2026-02-28T23:59:59Z",
		 "2026-03-01T00:00:00Z"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		make_world(&w, "acme/news", day(cases[i].granted));
		w.purposes[NEWS].idle.months = 12 * cases[i].years;
		w.now = day(cases[i].last_day);
		assert_int_equal(until(&w), day(cases[i].over));
		w.now = day(cases[i].over);
		assert_int_equal(decide(&w).reason, CM_REASON_IDLE);
	}
}

/* Whichever ends first; what is over by both has expired. */
static void lifetime_and_idle_both_end_it(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, "acme/news", 50);
	w.purposes[NEWS].lifetime.ms = 80;
	w.purposes[NEWS].idle.ms = 60;
	assert_int_equal(until(&w), 110);
	w.mailed = 90;
	assert_int_equal(until(&w), 130);
	w.mailed = 0;
	w.fact.at = 40;
	assert_int_equal(decide(&w).reason, CM_REASON_IDLE);
	w.fact.at = 20;
	assert_int_equal(decide(&w).reason, CM_REASON_EXPIRED);
}

/* As a lifetime: the shortest on the way, each counted by its node's rule. */
static void the_shortest_idle_on_the_way_counts(void **state)
{
	struct world w;

	(void)state;
	make_world(&w, "acme", 50);
	w.purposes[NEWS].idle.ms = 90;
	w.purposes[ROOT].idle.ms = 55;
	w.purposes[ROOT].idle_unless = CM_USE_PERSON;
	w.mailed = 99;
	assert_int_equal(until(&w), 105);
	/* what is above the grant does not shorten it */
	w.fact.purpose = cm_span("acme/news");
	assert_int_equal(until(&w), 189);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unused_consent_goes_idle),
		cmocka_unit_test(idle_ends_on_the_day),
		cmocka_unit_test(lifetime_and_idle_both_end_it),
		cmocka_unit_test(the_shortest_idle_on_the_way_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
