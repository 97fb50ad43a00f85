/* html_end: the place a footer is seen at, and what hides it. */
#include "milter/html_end.h"

#include <string.h>

#include "tests/unit/test.h"

/* "|" marks the place and is not part of the text. */
static void the_last_visible_place(void **state)
{
	static const struct {
		const char *html;
		const char *unsure;
	} cases[] = {
		{"|", NULL},
		{"text|", NULL},
		{"<p>a</p>|", NULL},
		{"<html><body><p>a</p>|</body></html>", NULL},
		{"<HTML><BODY>a|</BODY></HTML>\r\n", NULL},
		{"<html>a|</html>", NULL},
		{"<body>a</body>b</body>c|", NULL},
		{"<body>a</body><body>b|</body>", NULL},
		{"<body>a</body><img src=x>|</body>", NULL},
		{"<body>a<!-- </body> -->|</body>", NULL},
		{"<body>a<!--></body>b|", NULL},
		{"<body><script>'</body>'</script>|</body>", NULL},
		{"<script><!--<script></script>--></script>a|</body>", NULL},
		{"<style></body></style>a|</body>", NULL},
		{"<textarea></body></textarea>a|</body>", NULL},
		{"<title></body></TITLE >a|</body>", NULL},
		{"<a title=\"</body>\">a</a>|</body>", NULL},
		{"<a title='>' href=x>a</a>|</body>", NULL},
		{"<p a=b/c>|</body>", NULL},
		{"<br><img src=a><hr>|</body>", NULL},
		{"<table><tr><td>a</td></tr></table>|</body>", NULL},
		{"<x-tag><subject>a|</body>", NULL}, /* none of ours */
		{"<table><tr><td>a</body>|", NULL},  /* stays in its cell */
		{"<div hidden>a</body>", "hidden"},
		{"<frameset></frameset>", "frameset"},
		{"<plaintext>a", "plaintext"},
		{"<p>a<|", NULL},
		{"<p>a</", "html"},
		{"<p>a</p", "html"},
		{"<script>a", "html"},
		{"<!-- a", "html"},
		{"<p a='b", "html"},
		{"<svg><style></style>", "html"},
		{"<svg><p></p></svg>", "html"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *mark = strchr(cases[i].html, '|');
		struct cm_html_end end;
		char text[200];
		size_t n = 0;
		const char *p;

		for (p = cases[i].html; *p != '\0'; p++)
			if (p != mark)
				text[n++] = *p;
		end = cm_html_end(cm_span_n(text, n));
		if (cases[i].unsure != NULL) {
			if (end.unsure == NULL)
				fail_msg("%s: taken", cases[i].html);
			assert_string_equal(end.unsure, cases[i].unsure);
			continue;
		}
		if (end.unsure != NULL)
			fail_msg("%s: unsure: %s", cases[i].html, end.unsure);
		if (end.at != (size_t)(mark - cases[i].html))
			fail_msg("%s: at %zu", cases[i].html, end.at);
	}
}

static void styles_that_hide(void **state)
{
	static const struct {
		const char *style;
		bool hides;
	} cases[] = {
		{"display:none", true},
		{"DISPLAY : None ;", true},
		{"color:red;display:\r\n\tnone", true},
		{"d i s p l a y:none", false}, /* no property of CSS */
		{"visibility:hidden", true},
		{"mso-hide: all", true},
		{"max-height:0", true},
		{"max-height:0px;overflow:hidden", true},
		{"opacity:0", true},
		{"opacity : 0 ; x", true},
		{"a:b;c:d;e:f;opacity:0", true},
		{"", false},
		{":", false},
		{":none", false},
		{"display:", false},
		{"display:block", false},
		{"margin:0;color:#222", false},
		{"font-weight:normal;text-align:none", false},
		{"opacity:0.5", false},
		{"max-height:0.5em", false},
		{"overflow:hidden", false},
		{"none:display", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_html_end end;
		char text[300];
		size_t n = 0;

		memcpy(text, "<div style=\"", 12);
		memcpy(text + 12, cases[i].style, strlen(cases[i].style));
		n = 12 + strlen(cases[i].style);
		memcpy(text + n, "\">a", 3);
		end = cm_html_end(cm_span_n(text, n + 3));
		if ((end.unsure != NULL) != cases[i].hides)
			fail_msg("style \"%s\"", cases[i].style);
	}
}

static void more_colons_than_anybody_counts(void **state)
{
	struct cm_html_end end;
	char text[1000];

	(void)state;
	memset(text, ':', sizeof(text));
	memcpy(text, "<p style='", 10);
	memcpy(text + sizeof(text) - 30, ";display:none", 13);
	memcpy(text + sizeof(text) - 3, "'>a", 3);
	memset(text + sizeof(text) - 17, ' ', 14);
	end = cm_html_end(cm_span_n(text, sizeof(text)));
	assert_non_null(end.unsure);
	assert_string_equal(end.unsure, "hidden");
}

static void the_language_is_the_documents(void **state)
{
	struct cm_html_end end;

	(void)state;
	end = cm_html_end(cm_span("<html lang=cs><p lang=en>a</body>"));
	assert_true(cm_span_is(end.lang, "cs"));
	end = cm_html_end(cm_span("<HTML Lang='pt-BR'>a"));
	assert_true(cm_span_is(end.lang, "pt-br"));
	end = cm_html_end(cm_span("<p lang=en>a"));
	assert_int_equal(end.lang.n, 0);
}

/* Cut anywhere, it answers, with a place inside what there is. */
static void every_beginning_of_a_text_is_read(void **state)
{
	static const char html[] =
		"<!DOCTYPE html><html lang=\"en\"><head><style>p{}</style>"
		"<title>a</title></head><body style='margin:0'><!-- c -->"
		"<script>if(a<b){'<!--<script>'}</script><table><tr><td>x"
		"</td></tr></table><p hidden>y</p></body></html>";
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(html); n++) {
		struct cm_html_end end = cm_html_end(cm_span_n(html, n));

		assert_true(end.unsure != NULL || end.at <= n);
	}
}

static const char *const places[] = {
	"|",
	"Hello|",
	"<p>Hello</p>\r\n|",
	"<html><body>Hello|</body></html>\r\n",
	"<html><p>Hello|</html>",
	"<HTML><BoDy>Hello|</BODY\n></HTML>",
	"<body>a</body><p>b|</body>",
	"<body>a</body>b|",
	"<body>a</body><p>b</p>|",
	"<body>a|</body>\r\n<!-- b --></html> \t",
	"<body>a|</body></html><img src=x>",
	"<body>a|</body><style>p{}</style>",
	"<body><!-- </body> -->a|</body>",
	"<body><!-->a|</body>",
	"<body><!--->a|</body>",
	"<body><!---->a|</body>",
	"<body><!-- x --!>a|</body>",
	"<body><!-- x --!y --> </body -->a|</body>",
	"<body><!--<!-->a|</body>",
	"<body><!x </body>a|</body>",
	"<body><?x </body>a|</body>",
	"<body></3 </body>a|</body>",
	"<body></>a|</body>",
	"<body>1 < 2|</body>",
	"<body>a <|",
	"<body><script>'</body>'</script>|</body>",
	"<body><script><!--<script></script></body>--></script>|</"
	"body>",
	"<body><script><!--</script>|</body>",
	"<body><script><!-->'<script>'</script>|</body>",
	"<body><script></scripty></body></script >|</body>",
	"<body><STYLE>/*</body>*/</style>|</body>",
	"<body><textarea></body></textarea>|</body>",
	"<head><title></body></title></head><body>|</body>",
	"<body><xmp></body></xmp>|</body>",
	"<body><iframe></body></iframe>|</body>",
	"<body><noembed></body></noembed>|</body>",
	"<body><noframes></body></noframes>|</body>",
	"<body><template></body></template>|</body>",
	"<body><img alt='</body>'>|</body>",
	"<body><img alt=\"</body>\"/>|</body>",
	"<body><img alt=</body>|</body>",
	"<body><a =\"></body>\">|</body>",
	"<!DOCTYPE html PUBLIC \"-//W3C\" \"x\"><body>|</body>",
	"<body><p hidden>x</p>|</body>",
	"<body><p style lang>x|</body>",
	"<body><p style='display:none'>x</p>y|</body>",
	"<body><div style=\"color:red; DISPLAY : NONE !important\">"
	"x</div>|</body>",
	"<body><div style='opacity:0.9'>x|</body>",
	"<body><div style='max-height:05px'>x|</body>",
	"<body><div style='font-size:0'>x|</body>",
	"<body><table><tr><td>a<td>b<tr><td>c</table>|</body>",
	"<body><table><tr><td><table><tr><td></table></table>|</body>",
	"<body><table><td></div></td></table>|</body>",
	"<body><b><p></b></p>|</body>",
	"<body><svg><circle/></svg>|</body>",
	"<body><svg/>|</body>",
	"<body><select><option>x</select>|</body>",
	"<body><ul><li>a<li>b</ul>|</body>",
	"<body><svg><style>p{}</style><title>a</title></svg>|</body>",
	"<body><math><![CDATA[</body>]]></math>|</body>",
	"<body><svg><![CDATA[>]]</svg>]]></svg>|</body>",
	"<body><svg width=5 /><svg/>|</body>",
	"<body><noscript><p>a</p></noscript>|</body>",
	"<body><select><optgroup><option>a<optgroup></select>|</body>",
	"<body><p hidden>a<p>b|</body>",
	"<body><p hidden>a<div>b</div>|</body>",
	"<body><ul><li hidden>a<li>b</ul>|</body>",
	"<body><h1 hidden>a</h2>b|</body>",
	"<body><b><p>a</b>b|</body>",
	"<body><a href=a><div><a href=b>c</a></div>|</body>",
	"<body><table><tr><td><div hidden>a</td></tr></table>|</body>",
	"<body><table><tr><td>a<table><tr><td>b</body></html>\n|",
	"<body><table><table><tr><td></table>|</body>",
	"<body></td></tr></table>|</body>",
	"<body><td><div>a</div>|</body>",
	"<body>a<blockquote>b</BLOCKQUOTE>|</body>",
	"<body><!-- -- > --!x> -->|</body>",
	"<body><!--!> </body> -->|</body>",
	"<body><p a=\"x\"b='>'/>|</body>",
	"<body><p a = \">\">|</body>",
	"<body><p\ta\n=\n'>'\n>|</body>",
	"<body><p a\"b>|</body>",
	"<body><p =\"a>|</body>",
};

static void the_place(void **state)
{
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		size_t at = strcspn(places[i], "|");
		struct cm_html_end end;

		memcpy(text, places[i], at);
		memcpy(text + at, places[i] + at + 1, strlen(places[i]) - at);
		end = cm_html_end(cm_span(text));
		if (end.unsure != NULL || end.at != at)
			fail_msg("%s: %s at %zu", places[i],
				 end.unsure != NULL ? end.unsure : "sure",
				 end.at);
	}
}

static void not_sure(void **state)
{
	static const struct {
		const char *html;
		const char *why;
	} rows[] = {
		{"<body>a<!-- </body>", "html"},
		{"<body>a<! ", "html"},
		{"<body>a<!-- x --", "html"},
		{"<body>a<script></body>", "html"},
		{"<body>a<script><!--<script></script></body>", "html"},
		{"<body>a<style></body></styl>", "html"},
		{"<body>a<textarea></body>", "html"},
		{"<body>a<title></body>", "html"},
		{"<body>a<a href='x></body>", "html"},
		{"<body>a<a href", "html"},
		{"<body>a</bo", "html"},
		{"<body>a</", "html"},
		{"<body>a<plaintext></body>", "plaintext"},
		{"<frameset></frameset>", "frameset"},
		{"<body>a<template></body>", "html"},
		{"<body>a<select></body>", "html"},
		{"<body>a<table></body>", "html"},
		{"<body>a<table><tr><td></td></body>", "html"},
		{"<body>a<table><tr><td></td><caption>b</body>", "html"},
		{"<body>a<svg></body>", "html"},
		{"<body>a<svg width=5/></body>", "html"},
		{"<body>a<svg><p></p></svg></body>", "html"},
		{"<body>a<svg></p></svg></body>", "html"},
		{"<body>a<svg><title><b>b</b></title></svg></body>", "html"},
		{"<body>a<svg></body></svg>", "html"},
		{"<body>a<select><p></select></body>", "html"},
		{"<body>a<noscript><!--</noscript>--></noscript></body>",
		 "html"},
		{"<body><div><b hidden>a</div>b</body>", "hidden"},
		{"<body><b><p hidden></b>a</body>", "hidden"},
		{"<body><b hidden><ol><b></ol></b>a</body>", "hidden"},
		{"<noscript><rp></noscript>a</body>", "html"},
		{"<body><p hidden><table></table>a</body>", "hidden"},
		{"<body><table><b hidden><tr></table>a</body>", "hidden"},
		{"<body><p><div hidden></p>a</body>", "hidden"},
		{"<body><span><div hidden></span>a</body>", "hidden"},
		{"<body><form hidden><div></form>a</body>", "hidden"},
		{"<body><div hidden><b><div></b></div>a</body>", "hidden"},
		{"<body style='opacity:0'>a</body>", "hidden"},
		{"<body>a</body><body hidden>", "hidden"},
		{"<body><div style='position:absolute;left:-999px'>a</body>",
		 "hidden"},
		{"<body><div popover>a</body>", "hidden"},
		{"<body>a<object></body>", "html"},
		{"<body>a<details></body>", "html"},
		{"<body>a<video></body>", "html"},
		{"<body>a<noscript></body>", "html"},
		{"<body hidden>a</body>", "hidden"},
		{"<body><div style='display:none'>a</body>", "hidden"},
		{"<body><div style='x:y;mso-hide:all'>a</body>", "hidden"},
		{"<body><div style='max-height:0'>a</body>", "hidden"},
		{"<body><div style='opacity: 0 '>a</body>", "hidden"},
		{"<body><div style=visibility:hidden>a</body>", "hidden"},
		{"<body><p><b hidden>a</p>b</body>", "hidden"},
		{"<body><div hidden><table><td></div></table>b</body>",
		 "hidden"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cm_html_end end = cm_html_end(cm_span(rows[i].html));

		if (end.unsure == NULL || strcmp(end.unsure, rows[i].why) != 0)
			fail_msg("%s: %s", rows[i].html,
				 end.unsure != NULL ? end.unsure : "sure");
	}
}

/* Opens the elements, and closes them again. */
static const char *nested(size_t opens, size_t closes)
{
	static char text[CM_HTML_DEPTH_MAX * 8];
	char *p = text;

	for (; opens > 0; opens--, p += 3)
		memcpy(p, "<b>", 3);
	for (; closes > 0; closes--, p += 4)
		memcpy(p, "</b>", 4);
	return cm_html_end(cm_span_n(text, (size_t)(p - text))).unsure;
}

/* Where the footer goes there is room for it, too; elsewhere none is needed. */
static void a_bomb_is_not_followed(void **state)
{
	const size_t most = CM_HTML_DEPTH_MAX - CM_HTML_DEPTH_FOOTER - 1;

	(void)state;
	assert_string_equal(nested(CM_HTML_DEPTH_MAX + 1, 0), "depth");
	assert_null(nested(CM_HTML_DEPTH_MAX, CM_HTML_DEPTH_MAX));
	assert_null(nested(most, 0));
	assert_string_equal(nested(most + 1, 0), "depth");
	assert_null(nested(most + 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_place),
		cmocka_unit_test(not_sure),
		cmocka_unit_test(a_bomb_is_not_followed),
		cmocka_unit_test(the_last_visible_place),
		cmocka_unit_test(styles_that_hide),
		cmocka_unit_test(more_colons_than_anybody_counts),
		cmocka_unit_test(the_language_is_the_documents),
		cmocka_unit_test(every_beginning_of_a_text_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
