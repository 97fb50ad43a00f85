/* clock: RFC 3339 both ways, and calendar arithmetic as law counts. */
#include "lib/clock.h"

#include "tests/unit/test.h"

static void rfc_3339_texts(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *again; /* what we write for it */
	} cases[] = {
		{"1970-01-01T00:00:00Z", CM_OK, "1970-01-01T00:00:00Z"},
		{"2026-01-10T12:34:56.789Z", CM_OK, "2026-01-10T12:34:56.789Z"},
		{"2026-01-10T12:34:56.7Z", CM_OK, "2026-01-10T12:34:56.700Z"},
		{"2026-01-10T12:34:56.0009Z", CM_OK, "2026-01-10T12:34:56Z"},
		{"2026-01-10t12:34:56z", CM_OK, "2026-01-10T12:34:56Z"},
		{"2026-01-10 12:34:56Z", CM_OK, "2026-01-10T12:34:56Z"},
		{"2026-01-01T00:30:00+01:00", CM_OK, "2025-12-31T23:30:00Z"},
		{"2025-12-31T23:30:00-05:30", CM_OK, "2026-01-01T05:00:00Z"},
		{"2024-02-29T00:00:00Z", CM_OK, "2024-02-29T00:00:00Z"},
		{"2000-02-29T00:00:00Z", CM_OK, "2000-02-29T00:00:00Z"},
		{"2016-12-31T23:59:60Z", CM_OK, "2016-12-31T23:59:59Z"},
		{"9999-12-31T23:59:59.999Z", CM_OK, "9999-12-31T23:59:59.999Z"},
		{"2025-02-29T00:00:00Z", CM_EDATA, NULL},
		{"2100-02-29T00:00:00Z", CM_EDATA, NULL},
		{"1969-12-31T23:59:59Z", CM_EDATA, NULL},
		{"1970-01-01T00:00:00+00:01", CM_EDATA, NULL},
		{"9999-12-31T23:59:59-00:01", CM_EDATA, NULL},
		{"2026-01-10T12:34:56", CM_EDATA, NULL}, /* no offset */
		{"2026-01-10", CM_EDATA, NULL},
		{"2026-1-10T12:34:56Z", CM_EDATA, NULL},
		{"2026-00-10T12:34:56Z", CM_EDATA, NULL},
		{"2026-13-10T12:34:56Z", CM_EDATA, NULL},
		{"2026-01-00T12:34:56Z", CM_EDATA, NULL},
		{"2026-01-32T12:34:56Z", CM_EDATA, NULL},
		{"2026-01-10T24:00:00Z", CM_EDATA, NULL},
		{"2026-01-10T12:60:00Z", CM_EDATA, NULL},
		{"2026-01-10T12:34:61Z", CM_EDATA, NULL},
		{"2026-01-10T12:34:56.Z", CM_EDATA, NULL},
		{"2026-01-10T12:34:56+0100", CM_EDATA, NULL},
		{"2026-01-10T12:34:56+24:00", CM_EDATA, NULL},
		{"2026-01-10T12:34:56Z ", CM_EDATA, NULL},
		{"+026-01-10T12:34:56Z", CM_EDATA, NULL},
		{"10.01.2026", CM_EDATA, NULL},
		{"NULL", CM_EDATA, NULL},
		{"", CM_EDATA, NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[CM_CLOCK_TEXT];
		int64_t ms = -7;

		if (cm_clock_parse(cm_span(cases[i].text), &ms) != cases[i].rc)
			fail_msg("%s: want %d", cases[i].text, cases[i].rc);
		if (cases[i].rc != CM_OK) {
			assert_int_equal(ms, -7);
			continue;
		}
		assert_string_equal(cm_clock_format(ms, out), cases[i].again);
	}
}

/* A NUL in the middle is one more bad character. */
static void a_nul_is_no_separator(void **state)
{
	int64_t ms;

	(void)state;
	assert_int_equal(cm_clock_parse(cm_span_n("2026-01-10\0"
						  "12:34:56Z",
						  20),
					&ms),
			 CM_EDATA);
}

/* Known instants, as `date -u -d ... +%s` gives them. */
static void instants_are_right(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{"1999-12-31T23:59:59Z", 946684799},
		{"2000-03-01T00:00:00Z", 951868800},
		{"2026-11-21T22:14:08Z", 1795299248},
		{"2038-01-19T03:14:08Z", 2147483648},
		{"9999-12-31T23:59:59Z", 253402300799},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = 0;

		assert_int_equal(cm_clock_parse(cm_span(cases[i].text), &ms),
				 CM_OK);
		assert_int_equal(ms, cases[i].seconds * CM_SECOND_MS);
	}
}

static void every_day_comes_back(void **state)
{
	int64_t day;

	(void)state;
	for (day = 0; day < 2932897; day += 17) { /* to the end of 9999 */
		char out[CM_CLOCK_TEXT];
		int64_t ms = -1;

		cm_clock_format(day * CM_DAY_MS, out);
		assert_int_equal(cm_clock_parse(cm_span(out), &ms), CM_OK);
		assert_int_equal(ms, day * CM_DAY_MS);
	}
}

static void formatting_never_overruns(void **state)
{
	char out[CM_CLOCK_TEXT];

	(void)state;
	assert_string_equal(cm_clock_format(INT64_MIN, out),
			    "1970-01-01T00:00:00Z");
	assert_string_equal(cm_clock_format(INT64_MAX, out),
			    "9999-12-31T23:59:59.999Z");
}

static void periods_as_admins_write_them(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint32_t months;
		int64_t ms;
	} cases[] = {
		{"3y", CM_OK, 36, 0},
		{"6m", CM_OK, 6, 0},
		{"30d", CM_OK, 0, 30 * CM_DAY_MS},
		{"2w", CM_OK, 0, 14 * CM_DAY_MS},
		{"12h", CM_OK, 0, 12 * 3600 * CM_SECOND_MS},
		{"5min", CM_OK, 0, 300 * CM_SECOND_MS},
		{"90s", CM_OK, 0, 90 * CM_SECOND_MS},
		{"0d", CM_OK, 0, 0},
		{"1000y", CM_OK, 12000, 0},
		{"1001y", CM_EDATA, 0, 0},
		{"99999999999999999999s", CM_EDATA, 0, 0},
		{"3", CM_EDATA, 0, 0},
		{"y", CM_EDATA, 0, 0},
		{"-3y", CM_EDATA, 0, 0},
		{"3 y", CM_EDATA, 0, 0},
		{"3Y", CM_EDATA, 0, 0},
		{"3mo", CM_EDATA, 0, 0},
		{"", CM_EDATA, 0, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_period period = {0, 0};

		if (cm_period_parse(cm_span(cases[i].text), &period) !=
		    cases[i].rc)
			fail_msg("%s: want %d", cases[i].text, cases[i].rc);
		assert_int_equal(period.months, cases[i].months);
		assert_int_equal(period.ms, cases[i].ms);
	}
}

/* C-CA2: boundaries, 29 February. */
static void months_and_years_are_the_calendars(void **state)
{
	static const struct {
		const char *from, *period, *until;
	} cases[] = {
		{"2026-01-31T10:00:00Z", "1m", "2026-02-28T10:00:00Z"},
		{"2024-01-31T10:00:00Z", "1m", "2024-02-29T10:00:00Z"},
		{"2024-02-29T10:00:00Z", "1y", "2025-02-28T10:00:00Z"},
		{"2024-02-29T10:00:00Z", "4y", "2028-02-29T10:00:00Z"},
		{"2026-11-30T23:59:59.999Z", "3m", "2027-02-28T23:59:59.999Z"},
		{"2026-12-15T00:00:00Z", "1m", "2027-01-15T00:00:00Z"},
		{"2026-03-28T00:00:00Z", "30d", "2026-04-27T00:00:00Z"},
		{"2026-03-28T00:00:00Z", "0d", "2026-03-28T00:00:00Z"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_period period;
		char out[CM_CLOCK_TEXT];
		int64_t from = 0;

		assert_int_equal(cm_clock_parse(cm_span(cases[i].from), &from),
				 CM_OK);
		assert_int_equal(
			cm_period_parse(cm_span(cases[i].period), &period),
			CM_OK);
		assert_string_equal(
			cm_clock_format(cm_period_add(from, period), out),
			cases[i].until);
		assert_int_equal(cm_period_is_none(period),
				 cases[i].period[0] == '0');
	}
}

static void now_is_after_this_was_written(void **state)
{
	int64_t written = 0;

	(void)state;
	assert_int_equal(
		cm_clock_parse(cm_span("2026-01-01T00:00:00Z"), &written),
		CM_OK);
	assert_true(cm_clock_now() > written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_3339_texts),
		cmocka_unit_test(a_nul_is_no_separator),
		cmocka_unit_test(instants_are_right),
		cmocka_unit_test(every_day_comes_back),
		cmocka_unit_test(formatting_never_overruns),
		cmocka_unit_test(periods_as_admins_write_them),
		cmocka_unit_test(months_and_years_are_the_calendars),
		cmocka_unit_test(now_is_after_this_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
