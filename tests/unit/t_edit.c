/* edit: whole messages in, edits out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/message.h"
#include "tests/unit/test.h"

static struct cm_edit make(struct test_world *w, const char *text)
{
	struct cm_edit edit = {0};
	struct cm_error err = {0};

	test_world_message(w, text, strlen(text));
	if (cm_edit_make(&w->request, w->arena, &edit, &err) != CM_OK)
		fail_msg("%s", err.text);
	return edit;
}

#define EN                                                                     \
	"You receive this e-mail because you agreed to receive \"Acme "        \
	"newsletter\"\r\nfrom Acme GmbH.\r\n\r\n"                              \
	"To stop it, open this page (one button, no login):\r\n" TEST_LINK     \
	"\r\n\r\nAcme GmbH, Main Street 1, 10115 Berlin\r\n"                   \
	"privacy@acme.example"

static void a_plain_text_gets_it_at_its_end(void **state)
{
	static const struct {
		const char *body;
		const char *want;
	} rows[] = {
		{"Hello\r\n", "Hello\r\n\r\n" EN "\r\n"},
		{"Hello\r\n\r\n", "Hello\r\n\r\n" EN "\r\n"},
		{"Hello", "Hello\r\n\r\n" EN}, /* no final line end */
		{"", EN},
		/* R3676-2: never under a signature */
		{"Hello\r\n-- \r\nThe Acme team\r\n",
		 "Hello\r\n\r\n" EN "\r\n-- \r\nThe Acme team\r\n"},
		{"Hello\r\n--\r\nno signature\r\n",
		 "Hello\r\n--\r\nno signature\r\n\r\n" EN "\r\n"},
	};
	struct test_world w;
	size_t i;

	(void)state;
	test_world_open(&w);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cm_edit edit;
		char text[1024];

		(void)snprintf(text, sizeof(text),
			       "Subject: x\r\n"
			       "\r\n%s",
			       rows[i].body);
		edit = make(&w, text);
		assert_int_equal(edit.outcome, CM_BODY_FOOTER);
		assert_true(edit.gmime_agreed);
		assert_string_equal(edit.splices[0].part, "1");
		assert_string_equal(edit.splices[0].what,
				    "text/plain 7bit us-ascii");
		assert_string_equal(edit.language, "en");
		assert_int_equal(edit.body.n, strlen(rows[i].want));
		assert_memory_equal(edit.body.p, rows[i].want, edit.body.n);
	}
	test_world_close(&w);
}

static const char alternative[] =
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/alternative; boundary=\"b\"\r\n"
	"\r\n"
	"preamble\r\n"
	"--b\r\n"
	"Content-Type: text/plain; charset=utf-8\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n"
	"\r\n"
	"Hell=C3=B6\r\n"
	"--b\r\n"
	"Content-Type: text/html; charset=utf-8\r\n"
	"Content-Transfer-Encoding: base64\r\n"
	"\r\n"
	"PGh0bWw+PGJvZHk+SGVsbG88L2JvZHk+PC9odG1sPg==\r\n"
	"--b--\r\n";

/* RMIME-5: every display alternative. */
static void both_alternatives_get_it(void **state)
{
	struct test_world w;
	struct cm_edit edit;

	(void)state;
	test_world_open(&w);
	w.request.language = "cs";
	edit = make(&w, alternative);
	assert_int_equal(edit.outcome, CM_BODY_FOOTER);
	assert_true(edit.gmime_agreed);
	assert_string_equal(edit.language, "cs");
	assert_int_equal(edit.nsplices, 2);
	assert_string_equal(edit.splices[0].what,
			    "text/plain quoted-printable utf-8");
	assert_string_equal(edit.splices[1].what, "text/html base64 utf-8");
	test_world_close(&w);
}

/* RMIME-11: a second pass changes nothing. */
static void once_only(void **state)
{
	struct test_world w;
	struct cm_edit edit;
	struct cm_span all;
	char *copy;

	(void)state;
	test_world_open(&w);
	edit = make(&w, alternative);
	all = test_world_apply(&w, &edit);
	copy = strndup(all.p, all.n);
	edit = make(&w, copy);
	assert_int_equal(edit.outcome, CM_BODY_NOT_WANTED);
	assert_string_equal(edit.why, "done");
	assert_int_equal(edit.nheaders, 0);
	free(copy);
	test_world_close(&w);
}

/* Wherever memory ends, it is said so, and nothing half-made comes out. */
static void memory_may_end_anywhere(void **state)
{
	struct test_world w;
	size_t max;
	int rc = CM_ENOMEM;

	(void)state;
	test_world_open(&w);
	w.request.language = "cs";
	test_world_message(&w, alternative, strlen(alternative));
	for (max = 64; rc != CM_OK; max += 64) {
		struct cm_arena *arena = NULL;
		struct cm_edit edit = {.outcome = CM_BODY_DISPROVED};

		assert_int_equal(cm_arena_new(max, &arena), CM_OK);
		rc = cm_edit_make(&w.request, arena, &edit, NULL);
		if (rc != CM_OK) {
			assert_int_equal(rc, CM_ENOMEM);
			assert_int_equal(edit.outcome, CM_BODY_DISPROVED);
			assert_null(edit.headers);
		}
		cm_arena_free(&arena);
	}
	assert_true(max > 1000);
	test_world_close(&w);
}

/* Contact, then Content-Language, then <html lang>, stream, config. */
static void the_language_of_the_footer(void **state)
{
	static const struct {
		const char *contact;
		const char *header;
		const char *html;
		const char *stream;
		const char *language;
	} rows[] = {
		{"cs", "Content-Language: en\r\n", "en", "en", "cs"},
		{NULL, "Content-Language: cs, en\r\n", "en", "en", "cs"},
		{"xx", "", "cs-CZ", "en", "cs"},
		{NULL, "Content-Language: xx\r\n", "yy", "cs", "cs"},
		{NULL, "", "yy", NULL, "en"},
	};
	struct test_world w;
	size_t i;

	(void)state;
	test_world_open(&w);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cm_edit edit;
		char text[512];

		(void)snprintf(text, sizeof(text),
			       "%sContent-Type: text/html\r\n\r\n<html "
			       "lang=\"%s\">Hello\r\n",
			       rows[i].header, rows[i].html);
		w.request.language = rows[i].contact;
		w.stream.language = rows[i].stream;
		edit = make(&w, text);
		assert_int_equal(edit.outcome, CM_BODY_FOOTER);
		assert_string_equal(edit.language, rows[i].language);
	}
	test_world_close(&w);
}

/* RFC 5322, 2.1.1: 998 octets, CRLF apart, whoever writes the line. */
static void a_line_may_be_as_long_as_mail_allows(void **state)
{
	static const char start[] = "Acme GmbH, ";
	char address[1024];
	struct test_world w;
	size_t n;

	(void)state;
	test_world_open(&w);
	memset(address, 'x', sizeof(address));
	w.config.controller_address = address;
	for (n = 990; n < 1005; n++) {
		size_t fill = n - strlen(start);
		struct cm_edit edit;

		address[fill] = '\0';
		edit = make(&w, "Subject: x\r\n\r\nHello\r\n");
		assert_int_equal(edit.outcome, n <= 998 ? CM_BODY_FOOTER
							: CM_BODY_UNEDITABLE);
		if (n > 998)
			assert_string_equal(edit.why, "line");
		address[fill] = 'x';
	}
	test_world_close(&w);
}

/* Values are an admin's words: never mark-up, lines or controls. */
static void values_stay_values(void **state)
{
	struct test_world w;
	struct cm_edit edit;
	char *body;

	(void)state;
	test_world_open(&w);
	w.config.controller_name = "A<script>&\x1b[31m\"B";
	edit = make(&w, "Content-Type: text/html\r\n\r\n<p>x</p>\r\n");
	assert_int_equal(edit.outcome, CM_BODY_FOOTER);
	body = strndup(edit.body.p, edit.body.n);
	assert_non_null(strstr(body, "A&lt;script&gt;&amp;[31m&quot;B"));
	free(body);
	w.config.controller_name = "caf\xe9";
	test_world_message(&w, "\r\nx", 3);
	assert_int_equal(cm_edit_make(&w.request, w.arena, &edit, NULL),
			 CM_ECONFIG);
	test_world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_text_gets_it_at_its_end),
		cmocka_unit_test(both_alternatives_get_it),
		cmocka_unit_test(once_only),
		cmocka_unit_test(memory_may_end_anywhere),
		cmocka_unit_test(the_language_of_the_footer),
		cmocka_unit_test(a_line_may_be_as_long_as_mail_allows),
		cmocka_unit_test(values_stay_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
