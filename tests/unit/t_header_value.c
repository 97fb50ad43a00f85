/* header_value: what may become a header field. */
#include "policy/header_value.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct row {
	const char *text;
	bool good;
};

static void check(const struct row *rows, size_t count,
		  const char *(*fault)(struct cm_span))
{
	size_t i;

	for (i = 0; i < count; i++)
		if ((fault(cm_span(rows[i].text)) == NULL) != rows[i].good)
			fail_msg("\"%s\" is %s", rows[i].text,
				 rows[i].good ? "refused" : "taken");
}
#define CHECK(rows, fault) check(rows, sizeof(rows) / sizeof(*(rows)), fault)

/* R2919-1 */
static void list_ids(void **state)
{
	static const struct row rows[] = {
		{"news.acme.example", true},
		{"a.b", true},
		{"News+1.Acme.EXAMPLE", true},
		{"{news}.`x`.acme.example", true}, /* atext, all of it */
		{"news.localhost", true},          /* RFC 2919, 3 */
		{A63 "." A63 "." A63 "." A63, true},
		{A63 "." A63 "." A63 "." A63 "a", false},
		{"", false},
		{"news", false},
		{".acme.example", false},
		{"news.acme.example.", false},
		{"news..example", false},
		{"<news.acme.example>", false},
		{"Acme <news.acme.example>", false},
		{"news.acme.example (x)", false},
		{"news.acme .example", false},
		{"news@acme.example", false},
		{"news.acme.ex_ample", false},
		{"news.acme.-example", false},
		{"news.b\xc3\xbc"
		 "cher.example",
		 false},
		{"news.acme.example\r\nBcc: x", false},
		{"news.acme.example\n", false},
		{"news.acme.example\xc2\x85", false},
		{"news.acme.example\xe2\x80\xa8", false},
	};

	(void)state;
	CHECK(rows, cm_list_id_fault);
	assert_non_null(cm_list_id_fault(cm_span_n("a.b\0.c", 6)));
}

static void feedback_ids(void **state)
{
	static const struct row rows[] = {
		{"acme1", true},
		{"spring:newsletter:shop:acme1", true},
		{"newsletter:acme1", true},
		{"::newsletter:acme1",
		 true}, /* any but the last may be empty */
		{"a+b=c._-:123456789012345", true},
		{"", false},
		{":", false},
		{"acme", false},             /* 5 to 15 */
		{"1234567890123456", false}, /* ditto */
		{"newsletter:", false},
		{"a:b:c:d:acme1", false},
		{"same1:same1", false},
		{"anna@x.test:acme1", false}, /* nobody's address */
		{"a b:acme1", false},
		{"a;b:acme1", false},
		{"n\xc3\xa9w:acme1", false},
		{"x:acme1\r\nBcc: x", false},
		{"x:acme1%0d%0a", false},
		{"x:acme1\xe2\x80\xa8", false},
	};
	char longest[256];

	(void)state;
	CHECK(rows, cm_feedback_id_fault);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest + CM_FEEDBACK_ID_MAX - 6, ":acme1", 7);
	assert_null(cm_feedback_id_fault(cm_span(longest)));
	memset(longest, 'x', sizeof(longest));
	memcpy(longest + CM_FEEDBACK_ID_MAX - 5, ":acme1", 7);
	assert_non_null(cm_feedback_id_fault(cm_span(longest)));
}

/* RFC 9477, 5.1 */
static void cfbl_addresses(void **state)
{
	static const struct {
		const char *text;
		const char *value;
	} rows[] = {
		{"fbl@acme.example", "fbl@acme.example"},
		{"Fbl+1@Acme.example", "Fbl+1@Acme.example"},
		{"fbl@acme.example; report=arf",
		 "fbl@acme.example; report=arf"},
		{" fbl@acme.example ;report=xarf ",
		 "fbl@acme.example; report=xarf"},
		{"fbl@acme.example;", NULL},
		{"fbl@acme.example; report=ARF", NULL}, /* %s: case counts */
		{"fbl@acme.example; report=arf; x=y", NULL},
		{"fbl@acme.example; format=arf", NULL},
		{"", NULL},
		{"fbl", NULL},
		{"@acme.example", NULL},
		{"<fbl@acme.example>", NULL},
		{"Acme <fbl@acme.example>", NULL},
		{"\"f b\"@acme.example", NULL},
		{"fbl@[192.0.2.1]", NULL},
		{"fbl@b\xc3\xbc"
		 "cher.example",
		 NULL},
		{"f\xc3\xbc@acme.example", NULL},
		{"fbl@acme.example\r\nBcc: x", NULL},
		{"fbl@acme.example\n", "fbl@acme.example"}, /* trimmed */
		{"fbl@acme.example\xe2\x80\xa8", NULL},
	};
	struct cm_arena *arena = NULL;
	struct cm_error err;
	size_t i;

	(void)state;
	assert_int_equal(cm_arena_new(1 << 20, &arena), CM_OK);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *value = NULL;
		int rc = cm_cfbl_parse(cm_span(rows[i].text), arena, &value,
				       &err);

		if ((rc == CM_OK) != (rows[i].value != NULL))
			fail_msg("\"%s\" is %d", rows[i].text, rc);
		if (rc == CM_OK)
			assert_string_equal(value, rows[i].value);
	}
	assert_int_not_equal(cm_cfbl_parse(cm_span_n("a@b.c\0d", 7), arena,
					   &(const char *){NULL}, &err),
			     CM_OK);
	cm_arena_free(&arena);
}

/* R5322-2: every line end that anything ever took for one. */
static void plain_text(void **state)
{
	static const struct row rows[] = {
		{"", true},
		{"Zpravodaj \xc5\xbd & syn %0d%0a", true},
		{"\xf0\x9f\x91\x9f \xe2\x80\xa6 \xc2\xa0", true},
		{"a\rb", false},
		{"a\nb", false},
		{"a\tb", false},
		{"a\x0b"
		 "b",
		 false},
		{"a\x7f", false},
		{"a\xc2\x85", false},
		{"a\xc2\x9b", false},
		{"a\xe2\x80\xa8", false},
		{"a\xe2\x80\xa9", false},
		{"a\xff", false},
		{"a\xe2\x80", false},
		{"a\xc0\x8d", false}, /* CR, but longer */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(cm_text_is_plain(cm_span(rows[i].text)),
				 rows[i].good);
	assert_false(cm_text_is_plain(cm_span_n("a\0b", 3)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_ids),
		cmocka_unit_test(feedback_ids),
		cmocka_unit_test(cfbl_addresses),
		cmocka_unit_test(plain_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
