/* words: of lists and options; what is no consent is never read as one. */
#include "tools/words.h"

#include <string.h>

#include "tests/unit/test.h"

/* G4-11: an empty, NULL or "enabled" cell is no consent. */
static void test_status(void **state)
{
	static const struct {
		const char *word;
		int want; /* CM_STATUSES = refused */
		const char *says;
	} cases[] = {
		{"granted", CM_STATUS_GRANTED, NULL},
		{" Granted ", CM_STATUS_GRANTED, NULL},
		{"CONFIRMED", CM_STATUS_CONFIRMED, NULL},
		{"pending", CM_STATUS_PENDING, NULL},
		{"withdrawn", CM_STATUS_WITHDRAWN, NULL},
		{"objected", CM_STATUS_OBJECTED, NULL},
		{"complained", CM_STATUS_COMPLAINED, NULL},
		{"undeliverable", CM_STATUS_UNDELIVERABLE, NULL},
		{"unknown", CM_STATUS_UNKNOWN, NULL},
		{"", CM_STATUS_UNKNOWN, NULL},
		{"  ", CM_STATUS_UNKNOWN, NULL},
		{"NULL", CM_STATUS_UNKNOWN, NULL},
		{"\\N", CM_STATUS_UNKNOWN, NULL},
		{"N/A", CM_STATUS_UNKNOWN, NULL},
		{"0x00", CM_STATUS_UNKNOWN, NULL},
		{"none", CM_STATUS_UNKNOWN, NULL},
		{"yes", CM_STATUSES, "does not say that the person consented"},
		{"1", CM_STATUSES, "does not say that the person consented"},
		{"Enabled", CM_STATUSES, "does not say"},
		{"subscribed", CM_STATUSES, "does not say"},
		{"withdrawen", CM_STATUSES, "did you mean \"withdrawn\"?"},
		{"0", CM_STATUSES, "is not a status"},
		{"zzzzzz", CM_STATUSES, "is not a status (granted, "},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum cm_status status = CM_STATUSES;
		struct cm_error err = {.code = CM_OK};
		int rc = cm_word_status(cm_span(cases[i].word), &status, &err);

		assert_int_equal(status, cases[i].want);
		assert_int_equal(rc, cases[i].says == NULL ? CM_OK : CM_EDATA);
		if (cases[i].says != NULL)
			assert_non_null(strstr(err.text, cases[i].says));
	}
}

static void test_source(void **state)
{
	static const struct {
		const char *word;
		const char *want; /* NULL = refused */
	} cases[] = {
		{"web-form", "web-form"},
		{" Web-Form ", "web-form"},
		{"", ""},
		{"order2", "order2"},
		{"12345678901234567890123456789012",
		 "12345678901234567890123456789012"},
		{"123456789012345678901234567890123", NULL},
		{"web form", NULL},
		{"web_form", NULL},
		{"sh\xC3\xB6p", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char source[CM_SOURCE_MAX + 1] = "untouched";
		struct cm_error err;
		int rc = cm_word_source(cm_span(cases[i].word), source, &err);

		assert_int_equal(rc, cases[i].want != NULL ? CM_OK : CM_EDATA);
		if (cases[i].want != NULL)
			assert_string_equal(source, cases[i].want);
	}
	assert_int_equal(cm_word_source(cm_span_n("a\0b", 3),
					(char[CM_SOURCE_MAX + 1]){0}, NULL),
			 CM_EDATA);
}

static void test_language(void **state)
{
	char language[CM_LANGUAGE_MAX + 1];

	(void)state;
	assert_int_equal(cm_word_language(cm_span("cs_CZ"), language, NULL),
			 CM_OK);
	assert_string_equal(language, "cs-cz");
	assert_int_equal(cm_word_language(cm_span(""), language, NULL), CM_OK);
	assert_string_equal(language, "");
	assert_int_equal(cm_word_language(cm_span("en, cs"), language, NULL),
			 CM_EDATA);
}

static void test_basis(void **state)
{
	struct cm_error err;
	enum cm_basis basis;

	(void)state;
	assert_int_equal(cm_word_basis(cm_span("Soft-Opt-In"), &basis, NULL),
			 CM_OK);
	assert_int_equal(basis, CM_BASIS_SOFT_OPT_IN);
	assert_int_equal(cm_word_basis(cm_span(" consent"), &basis, NULL),
			 CM_OK);
	assert_int_equal(basis, CM_BASIS_CONSENT);
	/* AT-HALFORDS: nothing else sends marketing. */
	assert_int_equal(
		cm_word_basis(cm_span("legitimate interest"), &basis, &err),
		CM_EDATA);
	assert_non_null(strstr(err.text, "\"legitimate interest\""));
}

static void test_purpose_and_stream(void **state)
{
	struct cm_purpose purposes[] = {{.path = "acme"},
					{.path = "acme/newsletter"}};
	struct cm_stream streams[] = {{.name = "newsletter"}};
	struct cm_config config = {.purposes = purposes,
				   .npurposes = 2,
				   .streams = streams,
				   .nstreams = 1};
	const struct cm_purpose *purpose;
	const struct cm_stream *stream;
	struct cm_error err;

	(void)state;
	assert_int_equal(cm_word_purpose(&config, cm_span(" acme/newsletter "),
					 &purpose, &err),
			 CM_OK);
	assert_ptr_equal(purpose, &purposes[1]);
	assert_int_equal(cm_word_purpose(&config, cm_span("acme/newsleter"),
					 &purpose, &err),
			 CM_EDATA);
	assert_non_null(strstr(err.text, "did you mean \"acme/newsletter\"?"));
	assert_int_equal(cm_word_stream(&config, "newsletter", &stream, &err),
			 CM_OK);
	assert_ptr_equal(stream, &streams[0]);
	assert_int_equal(cm_word_stream(&config, "newletter", &stream, &err),
			 CM_EUSAGE);
	assert_non_null(strstr(err.text, "did you mean \"newsletter\"?"));
	assert_int_equal(cm_word_stream(&config, "x", &stream, &err),
			 CM_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_language),
		cmocka_unit_test(test_basis),
		cmocka_unit_test(test_purpose_and_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
