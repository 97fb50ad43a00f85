/* json: RFC 8785 out, nothing but well-formed and bounded JSON in. */
#include "lib/json.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

static void canonical_text_is_rfc_8785(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *want; /* NULL = refused */
	} cases[] = {
		{"", 0, "\"\""},
		{"a/b", 3, "\"a/b\""},
		/* RFC 8785, 3.2.2.2 and the sample of 3.2.2 */
		{"\xe2\x82\xac$\x0f\nA'B\"\\\\\"/", 14,
		 "\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\""},
		{"\b\t\n\f\r\0\x7f", 7, "\"\\b\\t\\n\\f\\r\\u0000\x7f\""},
		{"\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\""},
		{"\xfc", 1, NULL},
		{"\xed\xa0\x80", 3, NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_json_writer writer;
		struct cm_buf out;

		cm_buf_init(&out, 1000);
		cm_json_init(&writer, &out, CM_JSON_CANONICAL);
		cm_json_add_text(&writer, cm_span_n(cases[i].text, cases[i].n));
		if (cases[i].want == NULL) {
			assert_int_equal(cm_json_done(&writer), CM_EDATA);
		} else {
			assert_int_equal(cm_json_done(&writer), CM_OK);
			assert_string_equal(cm_buf_text(&out), cases[i].want);
		}
		cm_buf_free(&out);
	}
}

/* Wherever in a word of octets it stands, what jansson reads is the text. */
static void every_octet_at_every_place(void **state)
{
	size_t at, n;
	int c;

	(void)state;
	for (c = 1; c < 128; c++) {
		for (n = 1; n < 20; n++) {
			for (at = 0; at < n; at++) {
				struct cm_json_writer writer;
				struct cm_json *json = NULL;
				struct cm_span back;
				struct cm_buf out;
				char text[20];

				memset(text, 'a', n);
				text[at] = (char)c;
				cm_buf_init(&out, 200);
				cm_json_init(&writer, &out, CM_JSON_CANONICAL);
				cm_json_add_text(&writer, cm_span_n(text, n));
				assert_int_equal(cm_json_done(&writer), CM_OK);
				assert_int_equal(
					cm_json_read(
						cm_span_n(out.data, out.len),
						200, &json, NULL),
					CM_OK);
				back = cm_json_text(cm_json_root(json));
				assert_int_equal(back.n, n);
				assert_memory_equal(back.p, text, n);
				cm_json_free(&json);
				cm_buf_free(&out);
			}
		}
	}
}

static void write_sample(struct cm_json_writer *writer)
{
	cm_json_begin_object(writer);
	cm_json_put_int(writer, "at", -5);
	cm_json_name(writer, "flags");
	cm_json_begin_array(writer);
	cm_json_add_text(writer, cm_span("x"));
	cm_json_add_bool(writer, true);
	cm_json_end(writer);
	cm_json_name(writer, "nothing");
	cm_json_begin_object(writer);
	cm_json_end(writer);
	cm_json_put_text(writer, "who", NULL);
	cm_json_end(writer);
}

static void the_same_calls_in_three_styles(void **state)
{
	static const char *const want[] = {
		[CM_JSON_CANONICAL] = "{\"at\":-5,\"flags\":[\"x\",true],"
				      "\"nothing\":{},\"who\":null}",
		[CM_JSON_COMPACT] = "{\"at\":-5,\"flags\":[\"x\",true],"
				    "\"nothing\":{},\"who\":null}",
		[CM_JSON_PRETTY] = "{\n  \"at\": -5,\n  \"flags\": [\n"
				   "    \"x\",\n    true\n  ],\n"
				   "  \"nothing\": {},\n  \"who\": null\n}\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct cm_json_writer writer;
		struct cm_buf out;

		cm_buf_init(&out, 1000);
		cm_json_init(&writer, &out, (enum cm_json_style)i);
		write_sample(&writer);
		assert_int_equal(cm_json_done(&writer), CM_OK);
		assert_string_equal(cm_buf_text(&out), want[i]);
		cm_buf_free(&out);
	}
}

/* One letter a call: { [ ] (both end) a b (names) 1 (integer) B (big). */
static int play(const char *calls, enum cm_json_style style)
{
	struct cm_json_writer writer;
	struct cm_buf out;
	int rc;

	cm_buf_init(&out, 1000);
	cm_json_init(&writer, &out, style);
	for (; *calls != '\0'; calls++) {
		char name[2] = {*calls, '\0'};

		if (*calls == '{')
			cm_json_begin_object(&writer);
		else if (*calls == '[')
			cm_json_begin_array(&writer);
		else if (*calls == ']')
			cm_json_end(&writer);
		else if (*calls == '1')
			cm_json_add_int(&writer, CM_JSON_INT_MAX);
		else if (*calls == 'B')
			cm_json_add_int(&writer, CM_JSON_INT_MAX + 1);
		else
			cm_json_name(&writer, name);
	}
	rc = cm_json_done(&writer);
	cm_buf_free(&out);
	return rc;
}

static void a_wrong_call_fails_for_good(void **state)
{
	static const struct {
		const char *calls;
		int canonical;
		int compact;
	} cases[] = {
		{"1", CM_OK, CM_OK},
		{"{a1b1]", CM_OK, CM_OK},
		{"{b1a1]", CM_EDATA, CM_OK}, /* out of order */
		{"{a1a1]", CM_EDATA, CM_OK}, /* twice */
		{"{\"1]", CM_EDATA, CM_OK},  /* needs an escape */
		{"{\xfc"
		 "1]",
		 CM_EDATA, CM_EDATA},
		{"", CM_EDATA, CM_EDATA},      /* nothing written */
		{"{a1", CM_EDATA, CM_EDATA},   /* not ended */
		{"{a]", CM_EDATA, CM_EDATA},   /* no value */
		{"{1]", CM_EDATA, CM_EDATA},   /* no name */
		{"{ab1]", CM_EDATA, CM_EDATA}, /* two names */
		{"[a1]", CM_EDATA, CM_EDATA},  /* a name in an array */
		{"11", CM_EDATA, CM_EDATA},    /* two values */
		{"]", CM_EDATA, CM_EDATA},
		{"a", CM_EDATA, CM_EDATA},
		{"B", CM_EDATA, CM_EDATA}, /* over 53 bits */
		{"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", CM_OK, CM_OK},
		{"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", CM_ELIMIT, CM_ELIMIT},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(play(cases[i].calls, CM_JSON_CANONICAL),
				 cases[i].canonical);
		assert_int_equal(play(cases[i].calls, CM_JSON_COMPACT),
				 cases[i].compact);
	}
}

static void a_full_buffer_is_told(void **state)
{
	struct cm_json_writer writer;
	struct cm_buf out;
	size_t max;

	(void)state;
	for (max = 0; max < 44; max++) {
		cm_buf_init(&out, max);
		cm_json_init(&writer, &out, CM_JSON_CANONICAL);
		write_sample(&writer);
		assert_int_equal(cm_json_done(&writer), CM_ELIMIT);
		cm_buf_free(&out);
	}
}

static void the_reader_is_strict(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{"{}", CM_OK},
		{" [1, \"x\", null, true, {\"a\": {}}] \n", CM_OK},
		{"7", CM_OK},
		{"9007199254740991", CM_OK},
		{"9007199254740992", CM_EDATA},
		{"1.0", CM_EDATA},
		{"1e3", CM_EDATA},
		{"", CM_EDATA},
		{"{}{}", CM_EDATA},
		{"{\"a\":1,\"a\":2}", CM_EDATA},
		{"{\"a\":1,}", CM_EDATA},
		{"{'a':1}", CM_EDATA},
		{"[1", CM_EDATA},
		{"\"\xfc\"", CM_EDATA},
		{"\"\\ud800\"", CM_EDATA},
		{"\"\\u0000\"", CM_EDATA},
		{"99999999999999999999", CM_EDATA},
		{"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", CM_OK},
		{"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", CM_ELIMIT},
		{"{\"a\":{\"b\":1.5}}", CM_EDATA},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_json *json = NULL;
		struct cm_error err = {0};

		assert_int_equal(
			cm_json_read(cm_span(cases[i].text), 1000, &json, &err),
			cases[i].rc);
		assert_int_equal(err.code, cases[i].rc);
		assert_true((json != NULL) == (cases[i].rc == CM_OK));
		cm_json_free(&json);
	}
}

static void nuls_and_sizes_are_refused(void **state)
{
	struct cm_json *json = NULL;
	struct cm_error err;
	char deep[20000];

	(void)state;
	assert_int_equal(
		cm_json_read(cm_span_n("\"a\0b\"", 5), 100, &json, &err),
		CM_EDATA);
	assert_int_equal(cm_json_read(cm_span_n("[]\0", 3), 100, &json, &err),
			 CM_EDATA);
	assert_int_equal(cm_json_read(cm_span_n("[1]", 3), 2, &json, &err),
			 CM_ELIMIT);
	memset(deep, '[', sizeof(deep));
	assert_int_equal(cm_json_read(cm_span_n(deep, sizeof(deep)),
				      sizeof(deep), &json, &err),
			 CM_EDATA);
	assert_null(json);
}

static void values_come_back(void **state)
{
	const struct cm_json_value *root, *value;
	struct cm_json_iter iter = {NULL, false};
	struct cm_json *json = NULL;
	size_t members = 0;
	const char *name;

	(void)state;
	assert_int_equal(cm_json_read(cm_span("{\"n\":-7,\"t\":\"\xc3\xbc\","
					      "\"l\":[1,\"z\"],\"b\":true}"),
				      1000, &json, NULL),
			 CM_OK);
	root = cm_json_root(json);
	assert_int_equal(cm_json_kind(root), CM_JSON_OBJECT);
	assert_int_equal(cm_json_int(cm_json_member(root, "n")), -7);
	assert_true(cm_span_is(cm_json_text(cm_json_member(root, "t")),
			       "\xc3\xbc"));
	assert_true(cm_json_bool(cm_json_member(root, "b")));
	value = cm_json_member(root, "l");
	assert_int_equal(cm_json_count(value), 2);
	assert_true(cm_span_is(cm_json_text(cm_json_item(value, 1)), "z"));
	assert_null(cm_json_item(value, 2));
	/* what is not there is nothing, not a crash */
	assert_int_equal(cm_json_kind(cm_json_member(root, "x")),
			 CM_JSON_ABSENT);
	assert_int_equal(cm_json_int(cm_json_member(root, "t")), 0);
	assert_int_equal(cm_json_text(cm_json_member(root, "n")).n, 0);
	assert_null(cm_json_member(value, "n"));
	assert_null(cm_json_item(root, 0));
	while (cm_json_next(root, &iter, &name, &value)) {
		assert_ptr_equal(value, cm_json_member(root, name));
		members++;
	}
	assert_int_equal(members, 4);
	cm_json_free(&json);
	assert_null(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_text_is_rfc_8785),
		cmocka_unit_test(every_octet_at_every_place),
		cmocka_unit_test(the_same_calls_in_three_styles),
		cmocka_unit_test(a_wrong_call_fails_for_good),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(the_reader_is_strict),
		cmocka_unit_test(nuls_and_sizes_are_refused),
		cmocka_unit_test(values_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
