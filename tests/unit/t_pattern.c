/* config_pattern: what matches, and whether two patterns share anything. */
#include "policy/config_pattern.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

static struct cm_arena *arena;

static int make_arena(void **state)
{
	(void)state;
	return cm_arena_new(1 << 20, &arena);
}

static int drop_arena(void **state)
{
	(void)state;
	cm_arena_free(&arena);
	return 0;
}

static struct cm_sender_pattern sender(const char *text)
{
	struct cm_sender_pattern pattern;
	struct cm_error err = {CM_OK, ""};
	int rc = cm_sender_pattern_parse(cm_span(text), arena, &pattern, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(rc, CM_OK);
	return pattern;
}

static bool matches(const struct cm_sender_pattern *pattern, const char *text)
{
	struct cm_address address;

	assert_int_equal(cm_address_parse(cm_span(text), &address, NULL),
			 CM_OK);
	return cm_sender_pattern_has(pattern, &address);
}

/* R6532-1: U-label and A-label, any case, NFC or not, are one. */
static void senders_are_compared_canonically(void **state)
{
	static const struct {
		const char *pattern, *address;
		bool match;
	} cases[] = {
		{"News@B\xc3\xbc\x63her.example", "news@xn--bcher-kva.example",
		 true},
		{"@xn--bcher-kva.example", "x@b\xc3\xbc\x63her.example.", true},
		{"\"news\"@a.example", "news@a.example", true},
		{"j\xc3\xb6rg@a.example", "jo\xcc\x88rg@a.example", true},
		{"news@a.example", "news+x@a.example", false},
		{"news+*@a.example", "news@a.example", true},
		{"news+*@a.example", "news+@a.example", true},
		{"news+*@a.example", "NEWS+a+b@a.example", true},
		{"news+*@a.example", "newsletter+x@a.example", false},
		{"news+a+*@a.example", "news+a+b@a.example", true},
		{"news+a+*@a.example", "news+b@a.example", false},
		{"@a.example", "x@b.a.example", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_sender_pattern p = sender(cases[i].pattern);

		if (matches(&p, cases[i].address) != cases[i].match)
			fail_msg("%s and %s", cases[i].pattern,
				 cases[i].address);
	}
}

/*
 * Two patterns overlap if, and only if, some address matches both; looked for
 * among all local parts that these patterns can tell apart.
 */
static void overlap_is_what_brute_force_finds(void **state)
{
	static const char *const patterns[] = {
		"@a.example",       "@b.example",      "n@a.example",
		"n@b.example",      "n+*@a.example",   "n+x@a.example",
		"n+x+*@a.example",  "n+x+y@a.example", "n+y+*@a.example",
		"nn+*@a.example",   "nn@a.example",    "n+xy@a.example",
		"n+xy+*@a.example",
	};
	static const char *const locals[] = {
		"n",       "nn",    "n+x",  "n+y",    "n+xy", "n+x+y",
		"n+x+y+z", "n+y+x", "nn+x", "n+xy+z", "z",    "n+",
	};
	enum {
		PATTERNS = sizeof(patterns) / sizeof(patterns[0]),
		LOCALS = sizeof(locals) / sizeof(locals[0])
	};
	size_t i, j, k, overlapping = 0;

	(void)state;
	for (i = 0; i < PATTERNS; i++) {
		for (j = 0; j < PATTERNS; j++) {
			struct cm_sender_pattern a = sender(patterns[i]);
			struct cm_sender_pattern b = sender(patterns[j]);
			bool found = false;
			char text[64];

			for (k = 0; k < 2 * (size_t)LOCALS; k++) {
				snprintf(text, sizeof(text), "%s@%c.example",
					 locals[k / 2], "ab"[k % 2]);
				found |= matches(&a, text) && matches(&b, text);
			}
			if (cm_sender_pattern_overlaps(&a, &b) != found)
				fail_msg("%s and %s", patterns[i], patterns[j]);
			overlapping += found;
		}
	}
	assert_in_range(overlapping, PATTERNS + 1, PATTERNS * PATTERNS - 1);
}

static struct cm_network network(const char *text)
{
	struct cm_network n = {{0}, 0};

	assert_int_equal(cm_network_parse(cm_span(text), &n, NULL), CM_OK);
	return n;
}

static void networks_have_their_addresses(void **state)
{
	static const struct {
		const char *network, *address;
		bool has;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.128/25", "192.0.2.128", true},
		{"192.0.2.7", "192.0.2.7", true},
		{"192.0.2.7", "192.0.2.6", false},
		{"192.0.2.7/32", "192.0.2.7", true},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::ffff:192.0.2.7", "192.0.2.7", true},
		{"2001:db8::/32", "2001:db8:ffff::1", true},
		{"2001:db8::/32", "2001:db9::", false},
		{"2001:db8::/33", "2001:db8:8000::", false},
		{"::1", "::1", true},
		{"::1", "127.0.0.1", false},
		{"10.0.0.0/8", "::a00:1", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_network a = network(cases[i].network);
		struct cm_network b = network(cases[i].address);

		assert_int_equal(b.prefix, 128);
		assert_int_equal(cm_network_has(&a, 1, b.addr), cases[i].has);
		assert_int_equal(cm_network_overlaps(&a, &b), cases[i].has);
		assert_int_equal(cm_network_overlaps(&b, &a), cases[i].has);
	}
	assert_false(cm_network_has(NULL, 0, network("::1").addr));
}

static void what_is_no_network(void **state)
{
	static const char *const cases[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0/8",
		"10.0.0.0/-1",
		"10.0.0.0/33",
		"10.0.0.0/8/8",
		"::1/129",
		"2001:db8::1/32",
		"10.0.0.0 /8",
		"[::1]",
		"localhost",
		"10.0.0.256",
		"010.0.0.1",
		"2001:db8::%eth0",
		"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_network n;
		struct cm_error err = {CM_OK, ""};

		if (cm_network_parse(cm_span(cases[i]), &n, &err) != CM_ECONFIG)
			fail_msg("\"%s\" is taken for a network", cases[i]);
		assert_true(err.text[0] != '\0');
	}
}

static void headers_are_compared_unfolded(void **state)
{
	static const struct {
		const char *pattern, *name, *value;
		bool match;
	} cases[] = {
		{"X-Campaign: *", "x-campaign", "", true},
		{"X-Campaign: *", "X-Campaigns", "a", false},
		{"X-Campaign: summer sale", "X-Campaign", " Summer\r\n\t SALE ",
		 true},
		{"X-Campaign: summer sale", "X-Campaign", "summersale", false},
		{"X-Campaign: summer", "X-Campaign", "summer sale", false},
		{"X-Campaign: summer sale", "X-Campaign", "summer", false},
		/* R2919-2: only what stands in brackets, in any case. */
		{"List-Id: <shop.a.example>", "List-ID",
		 "The \"shop\" <Shop.A.example>", true},
		{"List-Id: shop.a.example", "List-ID", "<shop.a.example>",
		 true},
		{"List-Id: <shop.a.example>", "List-ID", "<news.a.example>",
		 false},
		{"List-Id: <a.b>", "List-ID", ">", false},
		{"List-Id: <a.b>", "List-ID", "a.b>", true},
		{"List-Id: *", "List-ID", "", true},
		{"Subject: <a>", "Subject", "x <a>", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_header_pattern p;

		assert_int_equal(
			cm_header_pattern_parse(cm_span(cases[i].pattern),
						arena, &p, NULL),
			CM_OK);
		if (cm_header_pattern_has(&p, cm_span(cases[i].name),
					  cm_span(cases[i].value)) !=
		    cases[i].match)
			fail_msg("%s and %s: %s", cases[i].pattern,
				 cases[i].name, cases[i].value);
	}
}

static void what_is_no_header(void **state)
{
	static const char *const cases[] = {
		"",       ":",    "X-A",    ": x",
		"X A: b", "X-A:", "X-A:  ", "X-\xc3\xa4: b",
	};
	struct cm_header_pattern p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (cm_header_pattern_parse(cm_span(cases[i]), arena, &p,
					    NULL) != CM_ECONFIG)
			fail_msg("\"%s\" is taken for a header", cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_are_compared_canonically),
		cmocka_unit_test(overlap_is_what_brute_force_finds),
		cmocka_unit_test(networks_have_their_addresses),
		cmocka_unit_test(what_is_no_network),
		cmocka_unit_test(headers_are_compared_unfolded),
		cmocka_unit_test(what_is_no_header),
	};

	return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
