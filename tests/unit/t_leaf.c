/*
 * leaf: every charset of the table, in every encoding, plain and HTML, with
 * footers of three scripts.  Each result says in its own charset what it said
 * before, and the footer once (RMIME-2, RMIME-3, pitfall 18).
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/charset.h"
#include "milter/codec.h"
#include "milter/mime.h"

#include "tests/unit/message.h"
#include "tests/unit/test.h"

enum { MAX = 64 * 1024 };

/* Of each charset as much as it has. */
static const char *const words[] = {
	"Hello",
	"Gr\xc3\xbc\xc3\x9f",
	"\xc4\x8dten\xc3\xad",
	"\xd0\xb2\xd0\xb5\xd1\x81\xd0\xbd\xd0\xb0",
	"\xe6\x98\xa5\xe3\x81\x82",
	"\xe4\xb8\xad\xe6\x96\x87",
	"\xed\x95\x9c",
	"\xd7\x90",
	"\xce\xb1\xce\xb2",
	"\xe0\xb8\x81",
};

static const char *const controllers[] = {
	"Acme GmbH", "\xd0\x90\xd0\xba\xd0\xbc\xd0\xb5", /* Cyrillic */
	"\xc4\x8c"
	"ern\xc3\xbd\xe2\x80\x93\xe4\xb8\xad", /* of no single one */
};

static void add_words(const struct cm_charset *charset, struct cm_buf *text)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct cm_buf trial;

		cm_buf_init(&trial, MAX);
		if (cm_charset_encode(charset, cm_span(words[i]), &trial) ==
		    CM_OK) {
			(void)cm_buf_adds(text, words[i]);
			(void)cm_buf_adds(text, " x\r\n");
		}
		cm_buf_free(&trial);
	}
}

static void make_text(const struct cm_charset *charset, bool html, bool ascii,
		      struct cm_buf *text)
{
	cm_buf_init(text, MAX);
	if (html)
		(void)cm_buf_adds(text, "<html><body><p>");
	if (ascii)
		(void)cm_buf_adds(text, "Hello\r\n");
	else
		add_words(charset, text);
	if (html)
		(void)cm_buf_adds(text, "</p></body></html>\r\n");
}

static int make_message(const struct cm_charset *charset, bool html,
			enum cm_cte cte, const struct cm_buf *text,
			struct cm_buf *out)
{
	const char *head =
		strcmp(charset->name, "iso-2022-kr") == 0 ? "\x1b$)C" : "";
	struct cm_buf octets;
	int rc;

	cm_buf_init(&octets, MAX);
	cm_buf_init(out, 4 * MAX);
	(void)cm_buf_adds(&octets, head);
	rc = cm_charset_encode(charset, cm_span_n(text->data, text->len),
			       &octets);
	/* Seven bits take only what has seven. */
	if (rc == CM_OK && cte == CM_CTE_7BIT &&
	    !cm_ascii_only(octets.data, octets.len))
		rc = CM_EDATA;
	(void)cm_buf_addf(out,
			  "From: a@acme.example\r\nMIME-Version: 1.0\r\n"
			  "Content-Type: text/%s; charset=\"%s\"; x=\"y;z\"\r\n"
			  "Content-Transfer-Encoding: %s\r\n\r\n",
			  html ? "html" : "plain", charset->name,
			  cm_cte_name(cte));
	if (rc == CM_OK)
		rc = cm_encode(cte, cm_span_n(octets.data, octets.len), out);
	cm_buf_free(&octets);
	return rc;
}

static size_t count(struct cm_span text, const char *what)
{
	size_t n = 0;
	const char *p = text.p;
	const char *end = text.p + text.n;

	while ((p = memmem(p, (size_t)(end - p), what, strlen(what))) != NULL) {
		p++;
		n++;
	}
	return n;
}

/* The result as its own label says: all lines of the old text, our link. */
static void check_result(struct test_world *w, const struct cm_edit *edit,
			 const struct cm_buf *text, bool html, const char *name)
{
	struct cm_span all = test_world_apply(w, edit);
	char *copy = malloc(all.n);
	struct cm_mime tree;
	struct cm_buf octets, utf8;
	const struct cm_charset *charset;
	size_t n;

	assert_non_null(copy);
	memcpy(copy, all.p, all.n); /* the arena is reset now */
	cm_buf_init(&octets, 8 * MAX);
	cm_buf_init(&utf8, 8 * MAX);
	test_world_message(w, copy, all.n);
	free(copy);
	assert_int_equal(cm_mime_scan(w->request.headers, w->request.nheaders,
				      w->request.body, w->arena, &tree),
			 CM_OK);
	assert_null(tree.unsure);
	assert_int_equal(cm_decode(tree.parts[0].cte, w->request.body, &octets),
			 CM_OK);
	charset = cm_charset_find(tree.parts[0].charset);
	assert_non_null(charset);
	if (cm_charset_decode(charset, cm_span_n(octets.data, octets.len),
			      &utf8) != CM_OK)
		fail_msg("%s: the result is not %s", name, charset->name);
	if (count(cm_span_n(utf8.data, utf8.len), TEST_LINK) != 1)
		fail_msg("%s: %s", name, utf8.data);
	if (!html && memmem(utf8.data, utf8.len, w->config.controller_name,
			    strlen(w->config.controller_name)) == NULL)
		fail_msg("%s: no controller: %s", name, utf8.data);
	/* Before the footer, it is the old text. */
	n = text->len - (html ? strlen("</p></body></html>\r\n") : 0);
	if (utf8.len < n || memcmp(utf8.data, text->data, n) != 0)
		fail_msg("%s: lost text: %s", name, utf8.data);
	assert_non_null(memmem(tree.parts[0].type_field.p,
			       tree.parts[0].type_field.n, "x=\"y;z\"", 7));
	cm_buf_free(&octets);
	cm_buf_free(&utf8);
}

/* Those that are rightly left alone: "><" of UTF-7 has no state between. */
static bool is_editable(const struct cm_charset *charset, bool html,
			enum cm_cte cte, const char *controller)
{
	if (html && strcmp(charset->name, "utf-7") == 0)
		return false;
	if (charset->kind == CM_CHARSET_WIDE)
		return charset->readers[0] != NULL &&
		       (cte == CM_CTE_QP || cte == CM_CTE_BASE64);
	return !charset->visual ||
	       cm_ascii_only(controller, strlen(controller));
}

static void edit_one(struct test_world *w, const struct cm_charset *charset,
		     bool html, bool ascii, enum cm_cte cte,
		     const char *controller)
{
	struct cm_buf text, message;
	struct cm_edit edit = {0};
	char name[128];
	int rc;

	(void)snprintf(name, sizeof(name), "%s %s %s %s", charset->name,
		       html ? "html" : "plain", cm_cte_name(cte), controller);
	make_text(charset, html, ascii, &text);
	rc = make_message(charset, html, cte, &text, &message);
	if (rc == CM_OK) {
		w->config.controller_name = controller;
		test_world_message(w, message.data, message.len);
		assert_int_equal(
			cm_edit_make(&w->request, w->arena, &edit, NULL),
			CM_OK);
		if (!is_editable(charset, html, cte, controller))
			assert_int_equal(edit.outcome, CM_BODY_UNEDITABLE);
		else if (edit.outcome != CM_BODY_FOOTER)
			fail_msg("%s: %s", name, edit.why);
		else
			check_result(w, &edit, &text, html, name);
	}
	cm_buf_free(&text);
	cm_buf_free(&message);
}

static void every_charset_gets_a_footer(void **state)
{
	static const enum cm_cte ctes[] = {CM_CTE_7BIT, CM_CTE_8BIT, CM_CTE_QP,
					   CM_CTE_BASE64};
	const struct cm_charset *charset;
	struct test_world w;
	size_t i, c, k;

	(void)state;
	test_world_open(&w);
	for (i = 0; (charset = cm_charset_at(i)) != NULL; i++)
		for (c = 0; c < 4; c++)
			for (k = 0; k < 12; k++)
				edit_one(&w, charset, k % 2 == 1,
					 k / 2 % 2 == 1, ctes[c],
					 controllers[k / 4]);
	test_world_close(&w);
}

/* No memory is an error, never half an edit: also where text is converted. */
static void memory_may_end_anywhere(void **state)
{
	static const char message[] =
		"From: a@acme.example\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=iso-2022-jp\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\n"
		"\x1b$B$3$s\x1b(B\r\n";
	struct test_world w;
	size_t max;
	int rc = CM_ENOMEM;

	(void)state;
	test_world_open(&w);
	w.request.language = "cs";
	test_world_message(&w, message, sizeof(message) - 1);
	for (max = 64; rc != CM_OK; max += 64) {
		struct cm_arena *arena = NULL;
		struct cm_edit edit = {.outcome = CM_BODY_DISPROVED};

		assert_int_equal(cm_arena_new(max, &arena), CM_OK);
		rc = cm_edit_make(&w.request, arena, &edit, NULL);
		assert_true(rc == CM_OK || rc == CM_ENOMEM);
		assert_int_equal(edit.outcome, rc == CM_OK ? CM_BODY_FOOTER
							   : CM_BODY_DISPROVED);
		cm_arena_free(&arena);
	}
	test_world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_charset_gets_a_footer),
		cmocka_unit_test(memory_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
