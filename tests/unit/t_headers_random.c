/*
 * headers, random: whatever header comes in and whatever the config may say,
 * exactly one of each goes out and everybody else's stays (R2369-1, R2369-2,
 * R5322-1, R5322-2, R8058-1).  CM_ROUNDS and CM_SEED as in chance.h, and
 * CM_LONG for as many times the usual.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/chance.h"
#include "tests/unit/header_case.h"
#include "tests/unit/test.h"

enum { ROUNDS = 20000, TEXT_MAX = 1 << 16 };

struct gen {
	uint64_t state;
	struct cm_buf out;
};

static unsigned below(struct gen *g, unsigned n)
{
	return chance_below(&g->state, n);
}

static void put(struct gen *g, const char *text)
{
	assert_int_equal(cm_buf_adds(&g->out, text), CM_OK);
}

static void put_any(struct gen *g, const char *const *words, unsigned n)
{
	put(g, words[below(g, n)]);
}
#define PUT(g, words) put_any(g, words, sizeof(words) / sizeof(*(words)))

/* ---- settings: mostly good, often not, sometimes hostile ----------------- */

/* R5322-2: the injection corpus. */
static const char *const hostile[] = {
	"\r",
	"%0d%0a",
	"\xe2\x80\xa8",
	"\xe2\x80\xa9",
	"\xc2\x85",
	"\x0b",
	"\x0c",
	"\t",
	"\x7f",
	"\x1b[2J",
	">",
	"<",
	"\"",
	",",
	";",
	":",
	" ",
	"\\",
	"=?utf-8?Q?=0D=0ABcc:_x?=",
	"\xff",
	"\xc0\x8a",
	"\xf0\x9f\x91\x9f",
	"\rBcc: x",
	"(c)",
	"\xc3\xa9",
	"'",
};

static void word(struct gen *g)
{
	static const char *const parts[] = {"a",  "news", "acme", "example",
					    "x1", "shop", "B",    "0"};
	static const char *const odd[] = {"-", "~", "+", "_", "%41"};
	unsigned n = 1 + below(g, 6);

	while (n-- > 0)
		PUT(g, parts);
	if (below(g, 30) == 0)
		PUT(g, odd);
}

static void words(struct gen *g, const char *between, unsigned max)
{
	unsigned n = 1 + below(g, max);

	while (n-- > 0) {
		word(g);
		if (n > 0)
			put(g, between);
		if (below(g, 40) == 0)
			PUT(g, hostile);
	}
}

static void long_word(struct gen *g, unsigned max)
{
	unsigned n = below(g, max);

	while (n-- > 0)
		put(g, n % 40 == 20 ? "." : "l");
}

static void random_settings(struct gen *g)
{
	static const char *const names[] = {
		"Acme",
		"Acme \"News\" & more",
		"Zpravodaj \xc5\xbd & syn",
		"\xd0\x9d\xd0\xbe\xd0\xb2\xd0\xbe\xd1\x81\xd1\x82\xd0\xb8",
		"M\xc3\xbcller und S\xc3\xb6hne, Fassmacher seit 1848, Trier",
		"\xe6\xa0\xaa\xe5\xbc\x8f\xe4\xbc\x9a\xe7\xa4\xbe",
		"=?utf-8?B?eA==?=",
		"a\\b",
		"x:y; <z>",
	};

	if (below(g, 8) > 0) {
		put(g, "base-url https://");
		words(g, ".", 4);
		put(g, ".example");
		if (below(g, 3) == 0) {
			put(g, "/");
			words(g, "/", 9);
		}
		if (below(g, 9) == 0)
			long_word(g, 160);
		put(g, "\n");
	}
	if (below(g, 3) == 0) {
		put(g, "domain ");
		words(g, ".", 4);
		put(g, ".example");
		if (below(g, 5) == 0)
			long_word(g, 260);
		put(g, "\n");
	}
	if (below(g, 2) == 0) {
		put(g, "list-id ");
		words(g, ".", 5);
		if (below(g, 5) == 0)
			long_word(g, 260);
		put(g, ".acme.example\nlist-name ");
		PUT(g, names);
		if (below(g, 4) == 0)
			PUT(g, hostile);
		put(g, "\n");
	}
	if (below(g, 2) == 0) {
		put(g, "feedback-id ");
		words(g, ":", 4);
		put(g, below(g, 3) == 0 ? ":acme1\n" : "\n");
	}
	if (below(g, 2) == 0) {
		put(g, "cfbl-address ");
		words(g, ".", 3);
		put(g, "@");
		words(g, ".", 3);
		put(g,
		    below(g, 2) == 0 ? ".example; report=arf\n" : ".example\n");
	}
	put(g, "\n");
}

/* ---- headers --------------------------------------------------------------
 */

static void random_name(struct gen *g)
{
	static const char *const names[] = {
		"List-Unsubscribe",
		"List-Unsubscribe-Post",
		"List-Id",
		"Feedback-ID",
		"CFBL-Address",
		"CFBL-Feedback-ID",
		"X-Consent-Purpose",
		"List-Unsubscribers",
		"List",
		"Subject",
		"From",
		"Content-Type",
		"Received",
	};
	size_t from = g->out.len;

	PUT(g, names);
	for (; from < g->out.len; from++)
		if (below(g, 4) == 0 && cm_ascii_alpha(g->out.data[from]))
			g->out.data[from] ^= 0x20;
}

static void random_value(struct gen *g)
{
	static const char *const values[] = {
		"List-Unsubscribe=One-Click",
		" List-Unsubscribe=One-Click",
		"List-Unsubscribe=One-Click ",
		"\r\n List-Unsubscribe=One-Click",
		"<https://tool.example/u?a=b&c=1>",
		"<https://tool.example/very\r\n /long>",
		"<mailto:l@tool.example?subject=x>,\r\n\t<https://x.y/>",
		"<news.acme.example>",
		"=?utf-8?Q?Gr=C3=BC=C3=9Fe?= <a.b>",
		"a:b:c:acme1",
		"\xfc\xff\xc3\xa9",
		"",
		" ",
		"\r\n ",
		"\r\n \r\n x",
		"a\rb",
		":",
	};
	unsigned n = below(g, 3);

	do
		PUT(g, values);
	while (n-- > 1);
}

static void random_headers(struct gen *g)
{
	static const char *const signatures[] = {
		"DKIM-Signature: v=1; d=tool.example; h=From:To; b=x\r\n",
		"DKIM-Signature: v=1; h=From:List-Unsubscribe; b=x\r\n",
		"ARC-Message-Signature: i=1; h=list-id : feedback-id; b=\r\n",
		"DomainKey-Signature: a=b\r\n",
	};
	unsigned n = below(g, 12);

	while (n-- > 0) {
		random_name(g);
		put(g, below(g, 20) == 0 ? " :" : ":");
		put(g, below(g, 4) == 0 ? "" : " ");
		random_value(g);
		put(g, below(g, 10) == 0 ? "\n" : "\r\n");
		if (below(g, 40) == 0)
			PUT(g, signatures);
	}
	if (below(g, 30) == 0)
		assert_int_equal(cm_buf_addc(&g->out, '\0'), CM_OK);
}

static void random_headers_and_settings(void **state)
{
	const struct chance_rounds rounds =
		chance_rounds(ROUNDS * chance_setting("CM_LONG", 1));
	struct header_case c;
	struct gen g;
	uint64_t configs = 0;
	uint64_t i;

	(void)state;
	header_case_open(&c);
	cm_buf_init(&g.out, TEXT_MAX);
	for (i = 0; i < rounds.count; i++) {
		const char *why;

		g.state = chance_of(rounds.first + i);
		cm_buf_reset(&g.out);
		random_settings(&g);
		random_headers(&g);
		(void)header_case_read(&c, cm_span_n(g.out.data, g.out.len));
		configs += c.base_url != NULL || c.domain != NULL;
		why = header_case_check(&c);
		if (why != NULL)
			fail_msg("CM_SEED=%llu: %s\n%s",
				 (unsigned long long)(rounds.first + i), why,
				 cm_buf_text(&g.out));
	}
	/* R2369-2: of 10,000 configs at least, if not cut short. */
	assert_true(rounds.count < ROUNDS || configs > rounds.count / 2);
	cm_buf_free(&g.out);
	header_case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_headers_and_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
