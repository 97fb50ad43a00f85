/* purpose: which paths there are, and who stands above whom. */
#include <string.h>

#include "policy/purpose.h"

#include "tests/unit/test.h"

#define TEN "abcdefghi/"

static void paths_that_are_and_are_not(void **state)
{
	static const struct {
		const char *path;
		const char *error; /* NULL: fine */
	} cases[] = {
		{"acme", NULL},
		{"acme/shoes/newsletter", NULL},
		{"a-1/b-2", NULL},
		{"a/b/c/d/e/f/g/h", NULL},
		{"abcdefghijklmnopqrstuvwxyz012345", NULL},
		{"", "a purpose may not be empty"},
		{"/", "purpose \"/\" has an empty segment: write it as "
		      "\"brand/newsletter\""},
		{"acme/", "purpose \"acme/\" has an empty segment: write it "
			  "as \"brand/newsletter\""},
		{"acme//x", "purpose \"acme//x\" has an empty segment: write "
			    "it as \"brand/newsletter\""},
		{"Acme", "purpose \"Acme\": only a-z, 0-9, \"-\" and \"/\" are "
			 "allowed"},
		{"acme/new letter",
		 "purpose \"acme/new letter\": only a-z, 0-9, \"-\" and \"/\" "
		 "are allowed"},
		{"acm\xc3\xa9", "purpose \"acm\xc3\xa9\": only a-z, 0-9, \"-\" "
				"and \"/\" are allowed"},
		{"a/b/c/d/e/f/g/h/i", "purpose \"a/b/c/d/e/f/g/h/i\" is deeper "
				      "than 8 segments"},
		{"abcdefghijklmnopqrstuvwxyz0123456",
		 "purpose \"abcdefghijklmnopqrstuvwxyz0123456\": "
		 "\"abcdefghijklmnopqrstuvwxyz0123456\" is longer than 32"},
		{TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "a",
		 "a purpose of 121 octets is longer than 120"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_error err = {CM_OK, ""};
		int rc = cm_purpose_check(cm_span(cases[i].path), &err);

		if (cases[i].error == NULL) {
			assert_int_equal(rc, CM_OK);
			continue;
		}
		assert_int_equal(rc, CM_EDATA);
		assert_string_equal(err.text, cases[i].error);
	}
}

static void a_node_covers_itself_and_what_is_below(void **state)
{
	static const struct {
		const char *node, *path;
		bool covers;
	} cases[] = {
		{"", "acme", true},
		{"", "", true},
		{"acme", "acme", true},
		{"acme", "acme/shoes", true},
		{"acme", "acme/shoes/newsletter", true},
		{"acme/shoes", "acme/shoes/newsletter", true},
		{"acme", "acmeplus", false}, /* a name's beginning only */
		{"acme/shoe", "acme/shoes", false},
		{"acme/shoes", "acme", false},
		{"acme", "", false},
		{"other", "acme", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(cm_purpose_covers(cm_span(cases[i].node),
						   cm_span(cases[i].path)),
				 cases[i].covers);
}

static void parents_and_depth(void **state)
{
	struct cm_span path = cm_span("acme/shoes/newsletter");

	(void)state;
	assert_int_equal(cm_purpose_depth(path), 3);
	path = cm_purpose_parent(path);
	assert_true(cm_span_eq(path, cm_span("acme/shoes")));
	assert_int_equal(cm_purpose_depth(path), 2);
	path = cm_purpose_parent(path);
	assert_true(cm_span_eq(path, cm_span("acme")));
	path = cm_purpose_parent(path);
	assert_true(cm_span_eq(path, cm_span("")));
	assert_int_equal(cm_purpose_depth(path), 0);
	path = cm_purpose_parent(path);
	assert_true(cm_span_eq(path, cm_span("")));
}

/* printf acme/newsletter | sha256sum */
static void ids_are_the_first_octets_of_the_digest(void **state)
{
	static const uint8_t want[] = {0x04, 0xca, 0x5f, 0xbc};
	uint8_t id[CM_PURPOSE_ID_LEN];

	(void)state;
	assert_int_equal(cm_purpose_id(cm_span("acme/newsletter"), id), CM_OK);
	assert_memory_equal(id, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_that_are_and_are_not),
		cmocka_unit_test(a_node_covers_itself_and_what_is_below),
		cmocka_unit_test(parents_and_depth),
		cmocka_unit_test(ids_are_the_first_octets_of_the_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
