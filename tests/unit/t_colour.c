/* colour: what is read on what, as WCAG 2.1 counts. */
#include <stdint.h>
#include <stdlib.h>

#include "lib/colour.h"

#include "tests/unit/test.h"

static void colours_are_read_strictly(void **state)
{
	static const char *const bad[] = {"",        "#",        "0b57d0",
					  "#0b57d",  "#0b57d0f", "#0b57dg",
					  "#0b57d ", "blue",     "#-00001"};
	uint32_t rgb = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cm_colour_parse(bad[i], &rgb), CM_EDATA);
	assert_int_equal(rgb, 7);
	assert_int_equal(cm_colour_parse("#0b57d0", &rgb), CM_OK);
	assert_int_equal(rgb, 0x0b57d0);
	assert_int_equal(cm_colour_parse("#0B57D0", &rgb), CM_OK);
	assert_int_equal(rgb, 0x0b57d0);
}

/* Ratios that any WCAG tool tells. */
static void contrast_is_that_of_wcag(void **state)
{
	static const struct {
		uint32_t a, b;
		int want;
	} cases[] = {
		{0x000000, 0xffffff, 2100}, {0xffffff, 0xffffff, 100},
		{0x767676, 0xffffff, 454},  {0x777777, 0xffffff, 447},
		{0xff0000, 0xffffff, 399},  {0x0000ff, 0xffffff, 859},
		{0x0b57d0, 0xffffff, 638},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int got = cm_colour_contrast(cases[i].a, cases[i].b);

		if (abs(got - cases[i].want) > 1)
			fail_msg("#%06x on #%06x: %d, want %d", cases[i].a,
				 cases[i].b, got, cases[i].want);
		assert_int_equal(cm_colour_contrast(cases[i].b, cases[i].a),
				 got);
	}
}

/* Words on a button of any colour can be read. */
static void there_is_always_one_to_read(void **state)
{
	uint32_t rgb;

	(void)state;
	for (rgb = 0; rgb <= 0xffffff; rgb += 4099) {
		uint32_t on;

		assert_int_equal(cm_colour_parse(cm_colour_on(rgb), &on),
				 CM_OK);
		assert_true(cm_colour_contrast(on, rgb) >= CM_CONTRAST_TEXT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(colours_are_read_strictly),
		cmocka_unit_test(contrast_is_that_of_wcag),
		cmocka_unit_test(there_is_always_one_to_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
