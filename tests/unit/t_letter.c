/*
 * letter: every kind in every language is a whole RFC 5322 message, with its
 * link, and nothing of a mailing in it (R8058-15, DE-2).
 */
#include "web/letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

#define LINK "https://consent.acme.example/c/0123456789"
#define NOW  INT64_C(1795335338000)

static struct cm_templates *templates;
static struct cm_purpose purposes[] = {
	{.path = "acme", .title = "Everything from Acme"},
	{.path = "acme/news", .title = "Zpr\u00e1vy <b> & \"novinky\""},
};

static struct cm_config config(void)
{
	return (struct cm_config){
		.controller_id = "acme",
		.controller_name = "Acme GmbH",
		.controller_address = "Main Street 1, 10115 Berlin",
		.controller_contact = "privacy@acme.example",
		.web_colour = "#0b57d0",
		.mail_domain = "m.acme.example",
		.purposes = purposes,
		.npurposes = 2,
	};
}

static int begin(void **state)
{
	struct cm_error err;

	(void)state;
	if (cm_templates_load(CM_SRCDIR "/conf/templates", "en", &templates,
			      &err) != CM_OK)
		fail_msg("%s", err.text);
	return 0;
}

static int end(void **state)
{
	(void)state;
	cm_templates_free(&templates);
	return 0;
}

static void make(const struct cm_config *c, enum cm_letter_kind kind,
		 const char *language, struct cm_buf *out)
{
	const struct cm_span asked[] = {cm_span("acme/news"),
					cm_span("acme/gone")};
	const struct cm_letter_want want = {
		.kind = kind,
		.language = language,
		.to = "petra@example.com",
		.link = LINK,
		.purposes = asked,
		.npurposes = kind == CM_LETTER_CONFIRM ? 2 : 0,
		.number = 17,
		.request = {0xab, 1},
		.made = NOW,
	};
	struct cm_error err;

	cm_buf_init(out, CM_LETTER_MAX);
	if (cm_letter_make(c, templates, &want, out, &err) != CM_OK)
		fail_msg("%s", err.text);
}

/* All lines end in CR LF, and fit (RFC 5322, 2.1.1). */
static void check_lines(const struct cm_buf *letter)
{
	struct cm_span rest = cm_span_n(letter->data, letter->len);

	while (rest.n > 0) {
		struct cm_span line = cm_span_cut(&rest, '\n');

		assert_true(line.n > 0 && line.p[line.n - 1] == '\r');
		assert_true(line.n <= 79);
		assert_null(memchr(line.p, '\r', line.n - 1));
		assert_true(cm_ascii_only(line.p, line.n));
	}
}

static void every_kind_in_every_language(void **state)
{
	static const char *const languages[] = {"en", "cs", "bg",
						"pl", "ru", "sv"};
	const struct cm_config c = config();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
		for (int kind = 0; kind < CM_LETTERS; kind++) {
			char content[64];
			struct cm_buf letter;
			const char *text;

			make(&c, (enum cm_letter_kind)kind, languages[i],
			     &letter);
			text = cm_buf_text(&letter);
			check_lines(&letter);
			(void)snprintf(content, sizeof(content),
				       "\r\nContent-Language: %s\r\n",
				       languages[i]);
			assert_non_null(strstr(text, content));
			assert_null(strstr(text, "\r\nList-"));
			assert_null(strstr(text, "Precedence"));
			assert_null(strstr(text, "<img"));
			assert_null(strstr(text, "{{"));
			assert_non_null(
				strstr(text, kind == CM_LETTER_CONFIRM
						     ? "Auto-Submitted: "
						       "auto-generated\r\n"
						     : "Auto-Submitted: "
						       "auto-replied\r\n"));
			cm_buf_free(&letter);
		}
	}
}

static void what_it_says(void **state)
{
	const struct cm_config c = config();
	struct cm_buf letter;
	const char *text;

	(void)state;
	make(&c, CM_LETTER_CONFIRM, "en", &letter);
	text = cm_buf_text(&letter);
	assert_non_null(strstr(
		text, "From: Acme GmbH <consent@m.acme.example>\r\n"
		      "To: petra@example.com\r\n"
		      "Subject: Please confirm: e-mails from Acme GmbH\r\n"
		      "Date: Sun, 22 Nov 2026 08:15:38 +0000\r\n"
		      "Message-ID: <letter.17.ab01000000000000@"
		      "m.acme.example>\r\n"));
	assert_non_null(strstr(text, "\r\n" LINK "\r\n"));
	assert_non_null(strstr(text, "href=3D\"" LINK));
	assert_non_null(strstr(text, "continue on this page"));
	assert_non_null(strstr(text, "7 days"));
	/* Titles are text; a purpose that is gone is named as it was. */
	assert_non_null(strstr(text, "  * Zpr=C3=A1vy <b> & \"novinky\"\r\n"
				     "  * acme/gone\r\n"));
	assert_non_null(strstr(text, "&lt;b&gt; &amp; &quot;novinky&quot;"));
	assert_non_null(strstr(text, "Main Street 1, 10115 Berlin"));
	cm_buf_free(&letter);
}

/* Whoever may set names cannot add a header. */
static void who_it_is_from(void **state)
{
	static const struct {
		const char *from, *want;
	} rows[] = {
		{"Acme <hello@acme.example>",
		 "From: Acme <hello@acme.example>\r\n"},
		{"\"Acme, Shoes\" <hello@acme.example>",
		 "From: \"Acme, Shoes\" <hello@acme.example>\r\n"},
		{"hello@acme.example", "From: Acme GmbH <hello@acme.example>"},
		{"\u017dlu\u0165 <hello@acme.example>",
		 "From: =?utf-8?B?xb1sdcWl?= <hello@acme.example>\r\n"},
	};
	struct cm_config c = config();
	struct cm_address address;
	struct cm_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cm_buf letter;

		c.mail_from = rows[i].from;
		make(&c, CM_LETTER_LOST, "en", &letter);
		if (strstr(cm_buf_text(&letter), rows[i].want) == NULL)
			fail_msg("no \"%s\" in:\n%s", rows[i].want,
				 cm_buf_text(&letter));
		cm_buf_free(&letter);
	}
	assert_int_equal(cm_letter_from(&c, &address, &err), CM_OK);
	assert_string_equal(cm_letter_sender(CM_LETTER_CONFIRM, &address),
			    "hello@acme.example");
	assert_string_equal(cm_letter_sender(CM_LETTER_LOST, &address), "");
	assert_string_equal(cm_letter_sender(CM_LETTER_DATA, &address), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_in_every_language),
		cmocka_unit_test(what_it_says),
		cmocka_unit_test(who_it_is_from),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
