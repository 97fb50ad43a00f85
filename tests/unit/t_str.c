/* str: ASCII rules, numbers, UTF-8, suggestions. */
#include <stdlib.h>
#include <string.h>

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

/* Octet by octet, what the reader of words must say as well. */
static bool is_ascii(struct cm_span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] > 127)
			return false;
	return true;
}

/* The table of RFC 3629, 4, by code point. */
static bool is_utf8(struct cm_span text)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t i = 0;

	while (i < text.n) {
		size_t len = p[i] < 0x80   ? 1
			     : p[i] < 0xc0 ? 0
			     : p[i] < 0xe0 ? 2
			     : p[i] < 0xf0 ? 3
			     : p[i] < 0xf8 ? 4
					   : 0;
		static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
		unsigned point = p[i] & (0xffu >> (len + 1));
		size_t j;

		if (len == 0 || len > text.n - i)
			return false;
		for (j = 1; j < len; j++) {
			if (p[i + j] >> 6 != 2)
				return false;
			point = point << 6 | (p[i + j] & 0x3f);
		}
		if (len > 1 && (point < least[len] || point > 0x10ffff ||
				(point >= 0xd800 && point <= 0xdfff)))
			return false;
		i += len;
	}
	return true;
}

/* Mostly ASCII in runs, then what begins, continues and breaks UTF-8. */
static size_t random_text(char *out, size_t max)
{
	static const char *const bits[] = {
		"a",
		"\xc3\xa1",
		"\xe2\x82\xac",
		"\xf0\x9f\x98\x80",
		"0123456789abcdef",
		"\x80",
		"\xc3",
		"\xed\xa0\x80",
	};
	size_t want = (size_t)rand() % max;
	size_t kinds = rand() % 4 == 0 ? 8 : 5;
	size_t n = 0;

	while (n < want) {
		struct cm_span bit = cm_span(bits[(size_t)rand() % kinds]);

		if (bit.n > want - n)
			break;
		memcpy(out + n, bit.p, bit.n);
		n += bit.n;
	}
	return n;
}

static void many_octets_at_once_are_read_as_one_by_one(void **state)
{
	unsigned valid = 0;
	int round;

	(void)state;
	srand(1);
	for (round = 0; round < 50000; round++) {
		char room[160];
		size_t from = (size_t)rand() % 8;
		struct cm_span text = {room + from, 0};

		text.n = random_text(room + from, 150);
		assert_int_equal(cm_ascii_only(text.p, text.n), is_ascii(text));
		assert_int_equal(cm_utf8_valid(text.p, text.n), is_utf8(text));
		valid += is_utf8(text);
	}
	assert_in_range(valid, 10000, 49000);
}

static size_t dashes_by_lines(struct cm_span text, size_t at)
{
	while (at < text.n) {
		const char *nl = memchr(text.p + at, '\n', text.n - at);

		if (text.n - at >= 2 && memcmp(text.p + at, "--", 2) == 0)
			return at;
		if (nl == NULL)
			break;
		at = (size_t)(nl - text.p) + 1;
	}
	return text.n;
}

static void dashes_are_found_at_lines_starts_only(void **state)
{
	static const char *const bits[] = {"\n",   "-",   "--",  "\n--",
					   "\r\n", "a-b", "\n-", "\n-a"};
	unsigned found = 0;
	int round;

	(void)state;
	srand(1);
	for (round = 0; round < 30000; round++) {
		char room[400];
		size_t gap = (size_t)rand() % 90, at = 0;
		struct cm_span text = {room, 0};

		while (text.n < 300) {
			const char *bit = bits[rand() % 8];

			memcpy(room + text.n, bit, strlen(bit));
			text.n += strlen(bit);
			memset(room + text.n, 'x', 90);
			text.n += gap > 0 ? (size_t)rand() % gap : 0;
		}
		text.n -= (size_t)rand() % 100;
		while (at < text.n) {
			size_t want = dashes_by_lines(text, at);
			const char *nl;

			assert_int_equal(cm_span_dashes(text, at), want);
			found += want < text.n;
			nl = memchr(room + want, '\n', text.n - want);
			at = nl != NULL ? (size_t)(nl - room) + 1 : text.n;
		}
	}
	assert_true(found > 10000);
	assert_int_equal(cm_span_dashes(cm_span_n(NULL, 0), 0), 0);
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
	assert_false(cm_span_is(cm_span("resents"), "resent"));
	assert_false(cm_span_is(cm_span("\022esent"), "resent"));
	assert_false(cm_span_is(cm_span(" "), ""));
	assert_true(cm_span_is(cm_span(""), ""));
	assert_false(cm_span_is(cm_span(""), "resent"));
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

static void the_longest_line_of_a_text(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} rows[] = {
		{"", 0},
		{"\r\n", 0},
		{"abc", 3},
		{"abc\r\n", 3},
		{"a\nabc\nab", 3},
		{"abc\r\nab\r", 3},
		{"a\r\nabcd\r", 4},
		{"a\rb\r\n", 3},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(cm_span_longest_line(cm_span(rows[i].text)),
				 rows[i].n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_line_of_a_text),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(utf8_is_rfc_3629),
		cmocka_unit_test(many_octets_at_once_are_read_as_one_by_one),
		cmocka_unit_test(dashes_are_found_at_lines_starts_only),
		cmocka_unit_test(suggestions_are_near),
		cmocka_unit_test(spans_trim_and_compare),
		cmocka_unit_test(a_list_is_cut_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
