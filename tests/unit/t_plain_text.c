/*
 * plain_text: what a person reads of a page, and never a tag (G15).
 */
#include "web/plain_text.h"

#include "tests/unit/test.h"

static void what_is_read(void **state)
{
	static const struct {
		const char *html, *text;
	} rows[] = {
		{"", ""},
		{"<main><h1>News</h1>\n<p>Yes, <b>send</b> them.</p></main>",
		 "News\nYes, send them.\n"},
		{"<!DOCTYPE html><html><head><title>x</title><style>p { a }"
		 "</style></head><body><p>a &lt;b&gt; &amp;amp; &quot;c&quot; "
		 "&#39;d&#39; &eacute;</p></body></html>",
		 "a <b> &amp; \"c\" 'd' &eacute;\n"},
		{"<p>one\n   two</p>\n\n<ul><li>three</li><li>four</li></ul>",
		 "one two\nthree\nfour\n"},
		{"<STYLE>x</STYLE>y<script>z</scr<p></script>!", "y!"},
		{"a<br>b<", "a\nb\n"},
		{"<style>never closed", ""},
		{"<p", ""},
		{"&", "&"},
		{"&am", "&am"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cm_buf out;

		cm_buf_init(&out, 4096);
		cm_plain_text(cm_span(rows[i].html), &out);
		assert_string_equal(cm_buf_text(&out), rows[i].text);
		cm_buf_free(&out);
	}
}

static void what_is_a_page(void **state)
{
	(void)state;
	assert_true(cm_plain_text_is_html(cm_span(" <!doctype HTML>")));
	assert_true(cm_plain_text_is_html(cm_span("<main lang=\"cs\">")));
	assert_false(cm_plain_text_is_html(cm_span("I want <b>news</b>.")));
	assert_false(cm_plain_text_is_html(cm_span("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(what_is_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
