/* leave: what a link means, by what the contact's facts say. */
#include <string.h>

#include "lib/clock.h"
#include "policy/purpose.h"
#include "web/leave.h"

#include "tests/unit/test.h"

enum { DAY = 20000 };
#define AT(day) ((day)*CM_DAY_MS + 1000)

struct row {
	enum cm_fact_kind kind;
	const char *purpose;
	int64_t at;
};

static struct cm_view view_of(const struct row *rows, size_t count,
			      struct cm_fact *facts)
{
	struct cm_view view = {.count = count, .facts = facts};
	size_t i;

	for (i = 0; i < count; i++) {
		facts[i].kind = rows[i].kind;
		facts[i].purpose = cm_span(rows[i].purpose);
		facts[i].source = cm_span("");
		facts[i].at = rows[i].at;
		facts[i].seq = i;
	}
	return view;
}

/* R8058-13, pitfalls 6 and 8 */
static void standing_withdrawals(void **state)
{
	static const struct {
		struct row rows[3];
		size_t count;
		bool stands;
	} cases[] = {
		{{{0}}, 0, false},
		{{{CM_FACT_GRANTED, "a/n", AT(DAY)}}, 1, false},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)}}, 1, true},
		{{{CM_FACT_WITHDRAWN, "a", AT(DAY)}}, 1, true},
		{{{CM_FACT_WITHDRAWN, "a/n/x", AT(DAY)}}, 1, false},
		{{{CM_FACT_WITHDRAWN, "a/other", AT(DAY)}}, 1, false},
		{{{CM_FACT_ERASED, "", AT(DAY)}}, 1, true},
		{{{CM_FACT_OBJECTED, "", AT(DAY)}}, 1, false},
		{{{CM_FACT_GRANTED, "a/n", AT(DAY)},
		  {CM_FACT_WITHDRAWN, "a/n", AT(DAY + 1)}},
		 2,
		 true},
		/* consented anew: the next click says something new */
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)},
		  {CM_FACT_GRANTED, "a/n", AT(DAY + 1)}},
		 2,
		 false},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)},
		  {CM_FACT_GRANTED, "a/n", AT(DAY)}},
		 2,
		 false},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)},
		  {CM_FACT_PERSON_CONFIRMED, "a", AT(DAY + 1)}},
		 2,
		 false},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)},
		  {CM_FACT_SOFT_OPT_IN, "a/n/x", AT(DAY + 1)}},
		 2,
		 false},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)},
		  {CM_FACT_REQUESTED, "a/n", AT(DAY + 1)}},
		 2,
		 false},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)},
		  {CM_FACT_GRANTED, "a/other", AT(DAY + 1)}},
		 2,
		 true},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)},
		  {CM_FACT_GRANTED, "a/n", AT(DAY + 1)},
		  {CM_FACT_WITHDRAWN, "a", AT(DAY + 2)}},
		 3,
		 true},
	};
	struct cm_fact facts[3];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_view view =
			view_of(cases[i].rows, cases[i].count, facts);

		if (cm_leave_stands(&view, cm_span("a/n")) != cases[i].stands)
			fail_msg("case %zu", i);
	}
}

static void links_older_than_the_grant(void **state)
{
	static const struct {
		struct row row;
		bool older;
	} cases[] = {
		{{CM_FACT_GRANTED, "a/n", AT(DAY - 1)}, false},
		{{CM_FACT_GRANTED, "a/n", AT(DAY)}, false}, /* the same day */
		{{CM_FACT_GRANTED, "a/n", AT(DAY + 1)}, true},
		{{CM_FACT_CONFIRMED, "a", AT(DAY + 1)}, true},
		{{CM_FACT_PERSON_CONFIRMED, "a/n", AT(DAY + 1)}, true},
		{{CM_FACT_SOFT_OPT_IN, "a/n", AT(DAY + 1)}, true},
		{{CM_FACT_UNPROVEN, "a/n", AT(DAY + 1)}, false},
		{{CM_FACT_REQUESTED, "a/n", AT(DAY + 1)}, false},
		{{CM_FACT_WITHDRAWN, "a/n", AT(DAY + 1)}, false},
		{{CM_FACT_GRANTED, "a/other", AT(DAY + 1)}, false},
		{{CM_FACT_GRANTED, "a/n/x", AT(DAY + 1)}, false},
	};
	struct cm_fact fact;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_view view = view_of(&cases[i].row, 1, &fact);

		if (cm_leave_is_older(&view, cm_span("a/n"), DAY) !=
		    cases[i].older)
			fail_msg("case %zu", i);
	}
}

/* A way out outlives the config (pitfalls 7 and 30). */
static void purposes_that_the_config_no_longer_has(void **state)
{
	static const struct {
		const char *fact, *wanted;
		int rc;
	} cases[] = {
		{"a/old/x", "a/old/x", CM_OK},
		{"a/old/x", "a/old", CM_OK},
		{"a/old/x", "a", CM_OK},
		{"a/old/x", "a/other", CM_ENOTFOUND},
		{"a/old/x", "a/old/x/y", CM_ENOTFOUND},
		{"", "a", CM_ENOTFOUND},
	};
	struct cm_config config;
	struct cm_fact fact;
	size_t i;

	(void)state;
	memset(&config, 0, sizeof(config));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct row row = {CM_FACT_GRANTED, cases[i].fact, 1};
		struct cm_view view = view_of(&row, 1, &fact);
		struct cm_span path = cm_span("untouched");
		uint8_t id[CM_PURPOSE_ID_LEN];

		assert_int_equal(cm_purpose_id(cm_span(cases[i].wanted), id),
				 CM_OK);
		assert_int_equal(cm_leave_path(&config, &view, id, &path),
				 cases[i].rc);
		assert_true(cm_span_eq(path, cm_span(cases[i].rc == CM_OK
							     ? cases[i].wanted
							     : "untouched")));
	}
}

/* R8058-13 for an hour; what comes later is an act of its own, or a burst that
 * is taken back would take it with it. */
static void repeats(void **state)
{
	enum { HOUR = 60 * 60 * 1000 };
	static const struct {
		struct row rows[2];
		size_t count;
		int64_t after;
		bool repeat;
	} cases[] = {
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)}}, 1, 0, true},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)}}, 1, HOUR - 1, true},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)}}, 1, HOUR, false},
		{{{CM_FACT_WITHDRAWN, "a", AT(DAY)}}, 1, 1, true},
		{{{CM_FACT_WITHDRAWN, "a/other", AT(DAY)}}, 1, 1, false},
		{{{CM_FACT_WITHDRAWN, "a/n", AT(DAY)},
		  {CM_FACT_GRANTED, "a/n", AT(DAY) + 1}},
		 2,
		 2,
		 false},
		{{{CM_FACT_ERASED, "", AT(DAY)}}, 1, 100 * HOUR, true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_fact facts[2] = {0};
		struct cm_view view =
			view_of(cases[i].rows, cases[i].count, facts);

		if (cm_leave_is_repeat(&view, cm_span("a/n"),
				       AT(DAY) + cases[i].after) !=
		    cases[i].repeat)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standing_withdrawals),
		cmocka_unit_test(repeats),
		cmocka_unit_test(links_older_than_the_grant),
		cmocka_unit_test(purposes_that_the_config_no_longer_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
