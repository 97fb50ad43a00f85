/* page: the policy names exactly the styles that stand in the page. */
#include <string.h>

#include "web/page.h"

#include "tests/unit/test.h"

#define NONE                                                                   \
	"default-src 'none'; form-action 'self'; frame-ancestors 'none'; "     \
	"base-uri 'none'"
/* printf 'p{}\n' | openssl dgst -sha256 -binary | base64 */
#define HASH "'sha256-ENciTu8dY6ZA4nEGXBqyKSkyCEnyvmHRBTrJoNuRdwE='"

static void styles_are_named_by_their_hash(void **state)
{
	static const struct {
		const char *html, *csp;
	} cases[] = {
		{"", NONE},
		{"<p>no style</p>", NONE},
		{"<style>p{}\n</style>", NONE "; style-src " HASH},
		/* What the browser hashes has LF, whatever the file has. */
		{"<style>p{}\r\n</style>", NONE "; style-src " HASH},
		{"<style>p{}\n</style>x<style>p{}\n</style>",
		 NONE "; style-src " HASH " " HASH},
		{"<style>p{}\n", NONE}, /* not closed */
	};
	char csp[CM_PAGE_CSP_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			cm_page_csp(cm_span(cases[i].html), false, NULL, csp),
			CM_OK);
		assert_string_equal(csp, cases[i].csp);
	}
}

static void many_styles_do_not_overrun(void **state)
{
	struct cm_buf html;
	char csp[CM_PAGE_CSP_MAX];
	int i;

	(void)state;
	cm_buf_init(&html, 100000);
	for (i = 0; i < 1000; i++)
		(void)cm_buf_adds(&html, "<style>p{}\n</style>");
	assert_int_equal(
		cm_page_csp(cm_span_n(html.data, html.len), false, NULL, csp),
		CM_OK);
	assert_true(strlen(csp) < CM_PAGE_CSP_MAX);
	cm_buf_free(&html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(styles_are_named_by_their_hash),
		cmocka_unit_test(many_styles_do_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
