/*
 * address: R5321-1 (one key for one mailbox), R6532-1 (U-label and A-label,
 * NFC and NFD), and what is no address at all.
 */
#include "policy/address.h"

#include <string.h>

#include "tests/unit/test.h"

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16
#define L63 A16 A16 A16 "aaaaaaaaaaaaaaa"

static const struct {
	const char *text;
	const char *canonical;
} readable[] = {
	{"user@example.com", "user@example.com"},
	{"User@EXAMPLE.Com", "user@example.com"},
	{"<user@example.com>", "user@example.com"},
	{"  <user@example.com> ", "user@example.com"},
	{"< user@example.com >", "user@example.com"},
	{"User <user@example.com>", "user@example.com"},
	{"User<user@example.com>", "user@example.com"},
	{"\"Doe, J. <x>\" <user@example.com>", "user@example.com"},
	{"\"a\\\"b<\" <user@example.com>", "user@example.com"},
	{"J\xc3\xbcrgen <user@example.com>", "user@example.com"},
	{"=?utf-8?q?J=C3=BCrgen?=\r\n <user@example.com>", "user@example.com"},
	{"other@example.org <user@example.com>", "user@example.com"},
	{"user@example.com\r\n", "user@example.com"},
	{"user@example.com.", "user@example.com"},
	{"user@localhost", "user@localhost"},
	{"user@a.b.c.d.example", "user@a.b.c.d.example"},
	{"user@r3---sn.example", "user@r3---sn.example"},
	{"user@1.example", "user@1.example"},
	{"user@123.456.example1", "user@123.456.example1"},
	/* local parts */
	{"first.last@example.com", "first.last@example.com"},
	{"user+tag@example.com", "user+tag@example.com"},
	{"u%d@h.example", "u%d@h.example"},
	{"a!b@h.example", "a!b@h.example"},
	{"!#$%&'*+-/=?^_`{|}~@h.example", "!#$%&'*+-/=?^_`{|}~@h.example"},
	{"\"user\"@example.com", "user@example.com"},
	{"\"us\\er\"@example.com", "user@example.com"},
	{"\"first\".last@example.com", "first.last@example.com"},
	{"first.\"last\"@example.com", "first.last@example.com"},
	{"\"first.last\"@example.com", "first.last@example.com"},
	{"\"a b\"@example.com", "\"a b\"@example.com"},
	{"\"A B\"@example.com", "\"a b\"@example.com"},
	{"\"a@b\"@example.com", "\"a@b\"@example.com"},
	{"\"a>b\"@example.com", "\"a>b\"@example.com"},
	{"<\"a<b\"@example.com>", "\"a<b\"@example.com"},
	{"\"a\\\"b\"@example.com", "\"a\\\"b\"@example.com"},
	{"\"a\\\\b\"@example.com", "\"a\\\\b\"@example.com"},
	{"\"a\\@b\"@example.com", "\"a@b\"@example.com"},
	/* no dot-atoms, yet given out and mailed to */
	{"a..b@example.com", "\"a..b\"@example.com"},
	{"\"a..b\"@example.com", "\"a..b\"@example.com"},
	{"a.@example.com", "\"a.\"@example.com"},
	{".a@example.com", "\".a\"@example.com"},
	{A64 "@example.com", A64 "@example.com"},
	{"\"" A64 "\"@example.com", A64 "@example.com"},
	/* IDNA: U-labels, A-labels, mappings */
	{"u@b\xc3\xbc"
	 "cher.example",
	 "u@xn--bcher-kva.example"},
	{"u@B\xc3\x9c"
	 "CHER.example",
	 "u@xn--bcher-kva.example"},
	{"u@bu\xcc\x88"
	 "cher.example",
	 "u@xn--bcher-kva.example"},
	{"u@xn--bcher-kva.example", "u@xn--bcher-kva.example"},
	{"u@XN--BCHER-KVA.Example", "u@xn--bcher-kva.example"},
	{"u@b\xc3\xbc"
	 "cher.example.",
	 "u@xn--bcher-kva.example"},
	{"u@stra\xc3\x9f"
	 "e.example",
	 "u@xn--strae-oqa.example"},
	{"u@b\xc3\xbc"
	 "cher\xe3\x80\x82"
	 "example",
	 "u@xn--bcher-kva.example"},
	{"u@\xef\xbd\x85xample.com", "u@example.com"}, /* full-width e */
	{"u@\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80."
	 "\xd1\x80\xd1\x84",
	 "u@xn--e1afmkfd.xn--p1ai"},
	/* RFC 6532 local parts */
	{"\xc3\xbc@example.com", "\xc3\xbc@example.com"},
	{"u\xcc\x88@example.com", "\xc3\xbc@example.com"}, /* NFD */
	{"\xc3\x9c@example.com", "\xc3\x9c@example.com"},  /* ASCII case only */
	{"\"\xc3\xbc\"@example.com", "\xc3\xbc@example.com"},
	{"\"u\xcc\x88 x\"@example.com", "\"\xc3\xbc x\"@example.com"},
	{"\xe7\x94\xa8\xe6\x88\xb7@example.com",
	 "\xe7\x94\xa8\xe6\x88\xb7@example.com"},
	{"\xf0\x9f\x98\x80@example.com", "\xf0\x9f\x98\x80@example.com"},
	{"u@" L63 "." L63 "." L63 "." L63, "u@" L63 "." L63 "." L63 "." L63},
};

static void readable_addresses_have_one_form(void **state)
{
	struct cm_address address, again;
	struct cm_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
		if (cm_address_parse(cm_span(readable[i].text), &address,
				     &err) != CM_OK)
			fail_msg("%s: %s", readable[i].text, err.text);
		assert_string_equal(address.canonical, readable[i].canonical);
		assert_int_equal(address.n, strlen(address.canonical));
		assert_int_equal(address.canonical[address.at], '@');
		/* and it is its own canonical form */
		assert_int_equal(cm_address_parse(cm_span_n(address.canonical,
							    address.n),
						  &again, &err),
				 CM_OK);
		assert_string_equal(again.canonical, address.canonical);
		assert_int_equal(again.at, address.at);
	}
}

#define T(text)                                                                \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

static const struct {
	const char *text;
	size_t n;
} unreadable[] = {
	T(""),
	T(" \r\n"),
	T("<>"),
	T("< >"),
	T("Name <>"),
	T("user"),
	T("a!b"),
	T("@example.com"),
	T("user@"),
	T("user@."),
	T("user@@example.com"),
	T("user@a@example.com"),
	T("user@.example.com"),
	T("user@example..com"),
	T("user@example.com.."),
	T("user@-x.example"),
	T("user@x-.example"),
	T("user@x_y.example"),
	T("user@exam ple.com"),
	T("user@example.com, b@example.com"),
	T("a@example.com, B <user@example.com>"),
	T("A <a@example.com>, B <user@example.com>"),
	T("group: a@example.com;"),
	T("us er@example.com"),
	T("us\"er@example.com"),
	T("\"user@example.com"),
	T("\"us\"er@example.com"),
	T("\"user\\\"@example.com"),
	T("\"\"@example.com"),
	T("a(comment)@example.com"),
	T("a,b@example.com"),
	T("a\\b@example.com"),
	T("<user@example.com"),
	T("user@example.com>"),
	T("<<user@example.com>>"),
	T("user@[192.0.2.1]"),
	T("user@[IPv6:2001:db8::1]"),
	T("user@192.0.2.1"),
	T("user@2"),
	T("<@relay.example:user@example.com>"),
	T("@a.example,@b.example:user@example.com"),
	T("user\0@example.com"),
	T("user@example.com\0.evil.example"),
	T("us\rer@example.com"),
	T("user\n@example.com"),
	T("user\t@example.com"),
	T("user\x7f@example.com"),
	T("\"us\ter\"@example.com"),
	T("N\0ame <user@example.com>"),
	T("N\x1b"
	  "ame <user@example.com>"),
	T("user\xfc@example.com"),
	T("user\xc0\x80@example.com"),
	T("user\xed\xa0\x80@example.com"),
	T("user\xe2\x80\x8b@example.com"), /* zero-width space */
	T("\xef\xbb\xbfuser@example.com"), /* byte order mark */
	T("user\xe2\x80\xae@example.com"), /* right-to-left override */
	T("user\xe2\x80\xa8@example.com"), /* R5322-2: line separator */
	T("user\xc2\xa0@example.com"),     /* no-break space */
	T("user\xc2\x85@example.com"),     /* C1 control */
	T("user\xc2\xad@example.com"),     /* soft hyphen */
	T("user@xn--a.example"),           /* decodes to nothing allowed */
	T("user@xn--zzzzzzzz99999.example"),
	T("user@xn--.example"),
	T("user@\xe2\x98\x83\xef\xbf\xbd.example"),
	T("a" A64 "@example.com"),
	T("user@a" L63 ".example"),
	T("u@" L63 "." L63 "." L63 "." L63 ".a"),
};

static void the_unreadable_is_refused_with_a_reason(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
		struct cm_address address;
		struct cm_error err = {0};

		memset(&address, 0x5a, sizeof(address));
		if (cm_address_parse(
			    cm_span_n(unreadable[i].text, unreadable[i].n),
			    &address, &err) != CM_EDATA)
			fail_msg("taken: %s", unreadable[i].text);
		assert_true(err.text[0] != '\0');
		assert_null(strstr(err.text, "user"));
		assert_int_equal(address.canonical[0], 0x5a);
	}
}

static void huge_input_ends_soon(void **state)
{
	static char huge[1 << 20];
	static const char *const fills = "a.@<>\"\\ ,";
	struct cm_address address;
	const char *fill;

	(void)state;
	for (fill = fills; *fill != '\0'; fill++) {
		memset(huge, *fill, sizeof(huge));
		assert_int_equal(cm_address_parse(cm_span_n(huge, sizeof(huge)),
						  &address, NULL),
				 CM_EDATA);
		assert_int_equal(
			cm_address_parse(cm_span_n(huge, 4000), &address, NULL),
			CM_EDATA);
	}
}

static void routes_are_told_apart(void **state)
{
	(void)state;
	assert_true(cm_address_has_route(cm_span("<@a.example:u@d.example>")));
	assert_true(cm_address_has_route(
		cm_span(" <@a.example,@b.example:u@d.example>")));
	assert_true(cm_address_has_route(cm_span("@a.example:u@d.example")));
	assert_false(cm_address_has_route(cm_span("<u@d.example>")));
	assert_false(cm_address_has_route(cm_span("\"@a:b\"@d.example")));
	assert_false(cm_address_has_route(cm_span("")));
}

static void a_family_is_wider_never_narrower(void **state)
{
	static const char *const dots[] = {"gmail.com", "googlemail.com"};
	static const struct {
		const char *text;
		const char *family;
	} cases[] = {
		{"user@example.com", "user@example.com"},
		{"User+Tag@example.com", "user@example.com"},
		{"user+a+b@example.com", "user@example.com"},
		{"first.last@example.com", "first.last@example.com"},
		{"first.last@gmail.com", "firstlast@gmail.com"},
		{"f.i.r.s.t+x.y@Gmail.com", "first@gmail.com"},
		{"a..b@gmail.com", "ab@gmail.com"},
		{"a..b+c@example.com", "\"a..b\"@example.com"},
		{"+tag@example.com", "+tag@example.com"},
		{"...@gmail.com", "\"...\"@gmail.com"},
		{"\"a b+c\"@example.com", "\"a b\"@example.com"},
		{"\"a+ b\"@example.com", "a@example.com"},
		{"first.last@mail.gmail.com", "first.last@mail.gmail.com"},
	};
	struct cm_address address, family;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(cm_address_parse(cm_span(cases[i].text),
						  &address, NULL),
				 CM_OK);
		cm_address_family(&address, dots, 2, &family);
		assert_string_equal(family.canonical, cases[i].family);
		assert_int_equal(family.n, strlen(family.canonical));
		assert_int_equal(family.canonical[family.at], '@');
	}
	assert_int_equal(
		cm_address_parse(cm_span("a.b@gmail.com"), &address, NULL),
		CM_OK);
	cm_address_family(&address, NULL, 0, &family);
	assert_string_equal(family.canonical, "a.b@gmail.com");
}

static void ids_follow_the_key_and_the_canonical_form(void **state)
{
	struct cm_hmac *one = NULL, *two = NULL;
	struct cm_address a, b;
	struct cm_id ia, ib;

	(void)state;
	assert_int_equal(cm_hmac_new("k1", 2, &one, NULL), CM_OK);
	assert_int_equal(cm_hmac_new("k2", 2, &two, NULL), CM_OK);
	/* R6532-1, word for word */
	assert_int_equal(cm_address_parse(cm_span("\xc3\xbc@b\xc3\xbc"
						  "cher.example"),
					  &a, NULL),
			 CM_OK);
	assert_int_equal(
		cm_address_parse(cm_span("u\xcc\x88@xn--bcher-kva.example"), &b,
				 NULL),
		CM_OK);
	assert_int_equal(cm_address_id(&a, one, &ia), CM_OK);
	assert_int_equal(cm_address_id(&b, one, &ib), CM_OK);
	assert_memory_equal(&ia, &ib, sizeof(ia));
	assert_int_equal(cm_address_id(&b, two, &ib), CM_OK);
	assert_memory_not_equal(&ia, &ib, sizeof(ia));
	cm_hmac_free(&one);
	cm_hmac_free(&two);
}

/* PREF-1 */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readable_addresses_have_one_form),
		cmocka_unit_test(the_unreadable_is_refused_with_a_reason),
		cmocka_unit_test(huge_input_ends_soon),
		cmocka_unit_test(routes_are_told_apart),
		cmocka_unit_test(a_family_is_wider_never_narrower),
		cmocka_unit_test(ids_follow_the_key_and_the_canonical_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
