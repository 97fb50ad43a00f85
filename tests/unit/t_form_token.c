/* form_token: a form is of our page, for its place, and neither too young nor
 * too old (PREF-3). */
#include <string.h>

#include "lib/enc.h"
#include "policy/token.h"
#include "web/form_token.h"

#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

static const uint8_t nonce[CM_FORM_NONCE_LEN] = "nonce678";

struct fixture {
	struct kit kit;
	char text[CM_FORM_TOKEN_LEN + 1]; /* of "s/news", made at KIT_NOW */
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	kit_new(&f.kit);
	assert_int_equal(cm_form_token_make(f.kit.keys, cm_span("s/news"),
					    KIT_NOW, nonce, f.text, NULL),
			 CM_OK);
	assert_int_equal(strlen(f.text), CM_FORM_TOKEN_LEN);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	kit_free(&f->kit);
	return 0;
}

static enum cm_form_token says(const struct fixture *f, const char *place,
			       struct cm_span text, int64_t age)
{
	return cm_form_token_check(f->kit.keys, cm_span(place), text,
				   KIT_NOW + age);
}

static void it_is_good_from_two_seconds_to_twelve_hours(void **state)
{
	static const struct {
		int64_t age;
		enum cm_form_token said;
	} cases[] = {
		{2000, CM_FORM_TOKEN_GOOD},
		{60000, CM_FORM_TOKEN_GOOD},
		{CM_FORM_AGE_MAX_MS, CM_FORM_TOKEN_GOOD},
		{0, CM_FORM_TOKEN_EARLY},
		{1999, CM_FORM_TOKEN_EARLY},
		{-100000, CM_FORM_TOKEN_EARLY}, /* the clock went back */
		{CM_FORM_AGE_MAX_MS + 1, CM_FORM_TOKEN_OLD},
		{INT64_C(400) * 86400000, CM_FORM_TOKEN_OLD},
	};
	const struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			says(f, "s/news", cm_span(f->text), cases[i].age),
			cases[i].said);
}

static void it_is_for_one_place(void **state)
{
	static const char *const others[] = {"s/offers", "lost", "", "s/new",
					     "s/news/"};
	const struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(says(f, others[i], cm_span(f->text), 60000),
				 CM_FORM_TOKEN_BAD);
	assert_int_equal(says(f, "s/news", cm_span(f->text), 60000),
			 CM_FORM_TOKEN_GOOD);
}

/* Every bit of it counts, and every letter, and its length. */
static void a_damaged_one_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[64];
	size_t n, bit;

	assert_int_equal(
		cm_base64url_decode(cm_span(f->text), bytes, sizeof(bytes), &n),
		CM_OK);
	for (bit = 0; bit < 8 * n; bit++) {
		char text[CM_FORM_TOKEN_LEN + 1];

		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		cm_base64url_encode(bytes, n, text);
		assert_int_equal(says(f, "s/news", cm_span(text), 60000),
				 CM_FORM_TOKEN_BAD);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (n = 0; n < CM_FORM_TOKEN_LEN; n++)
		assert_int_equal(
			says(f, "s/news", cm_span_n(f->text, n), 60000),
			CM_FORM_TOKEN_BAD);
	assert_int_equal(says(f, "s/news", cm_span("\0\xff="), 60000),
			 CM_FORM_TOKEN_BAD);
}

/* Neither is the other, nor is one of another company's keys. */
static void links_are_no_forms(void **state)
{
	struct fixture *f = *state;
	struct cm_token token = {.kind = CM_KEY_PREFERENCE, .day = 20000};
	char link[CM_TOKEN_URL_LEN + 1], foreign[CM_FORM_TOKEN_LEN + 1];
	struct kit other;

	assert_int_equal(cm_token_url(f->kit.keys, &token, link, NULL), CM_OK);
	assert_int_equal(says(f, "s/news", cm_span(link), 60000),
			 CM_FORM_TOKEN_BAD);
	assert_int_equal(cm_token_read(f->kit.keys, CM_KEY_PREFERENCE,
				       cm_span(f->text), &token),
			 CM_EDATA);
	kit_new(&other);
	assert_int_equal(cm_form_token_make(other.keys, cm_span("s/news"),
					    KIT_NOW, nonce, foreign, NULL),
			 CM_OK);
	kit_free(&other);
	assert_int_equal(says(f, "s/news", cm_span(foreign), 60000),
			 CM_FORM_TOKEN_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			it_is_good_from_two_seconds_to_twelve_hours, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(it_is_for_one_place, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_one_is_refused,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(links_are_no_forms, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
