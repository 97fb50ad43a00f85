/* str: ASCII rules, numbers, UTF-8, suggestions. */
#include "lib/str.h"

#include "tests/unit/test.h"

static void numbers_are_strict(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int rc;
		uint64_t value;
	} cases[] = {
		{"0", 10, CM_OK, 0},
		{"10", 10, CM_OK, 10},
		{"11", 10, CM_ELIMIT, 0},
		{"", 10, CM_EDATA, 0},
		{"-1", 10, CM_EDATA, 0},
		{" 1", 10, CM_EDATA, 0},
		{"1x", 10, CM_EDATA, 0},
		{"18446744073709551615", UINT64_MAX, CM_OK, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, CM_ELIMIT, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 0;

		assert_int_equal(cm_parse_u64(cm_span(cases[i].text),
					      cases[i].max, &value),
				 cases[i].rc);
		assert_int_equal(value, cases[i].value);
	}
}

static void utf8_is_rfc_3629(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{"", true},
		{"plain", true},
		{"\xc3\xbc", true},
		{"\xe2\x82\xac", true},
		{"\xf0\x9f\x98\x80", true},
		{"\xc0\x80", false},         /* overlong NUL */
		{"\xe0\x80\x80", false},     /* overlong */
		{"\xed\xa0\x80", false},     /* surrogate */
		{"\xf4\x90\x80\x80", false}, /* over U+10FFFF */
		{"\xc3", false},             /* cut off */
		{"\xfc", false},             /* Latin-1 */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_span text = cm_span(cases[i].text);

		assert_int_equal(cm_utf8_valid(text.p, text.n), cases[i].valid);
	}
}

static void suggestions_are_near(void **state)
{
	static const char *const words[] = {"newsletter", "offers", "mode"};

	(void)state;
	assert_string_equal(cm_suggest("newletter", words, 3), "newsletter");
	assert_string_equal(cm_suggest("ofers", words, 3), "offers");
	assert_null(cm_suggest("password", words, 3));
}

static void spans_trim_and_compare(void **state)
{
	(void)state;
	assert_true(cm_span_eq(cm_span_trim(cm_span(" \t a b\r\n")),
			       cm_span("a b")));
	assert_true(cm_span_is(cm_span("ReSent"), "resent"));
	assert_false(cm_span_is(cm_span("resen"), "resent"));
	assert_true(cm_span_starts(cm_span("List-Id: x"), "list-"));
	assert_true(cm_span_cmp(cm_span("a"), cm_span("ab")) < 0);
	assert_true(cm_span_cmp(cm_span(""), cm_span("")) == 0);
}

static void a_list_is_cut_to_its_end(void **state)
{
	struct cm_span rest = cm_span("a,,b");

	(void)state;
	assert_true(cm_span_is(cm_span_cut(&rest, ','), "a"));
	assert_true(cm_span_is(cm_span_cut(&rest, ','), ""));
	assert_true(cm_span_is(cm_span_cut(&rest, ','), "b"));
	assert_int_equal(rest.n, 0);
	assert_true(cm_span_is(cm_span_cut(&rest, ','), ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(utf8_is_rfc_3629),
		cmocka_unit_test(suggestions_are_near),
		cmocka_unit_test(spans_trim_and_compare),
		cmocka_unit_test(a_list_is_cut_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
