/*
 * edit, random: MIME trees and footers nobody thought of.
 *
 * A well-formed editable message is never left untouched, and the proof holds
 * with both readers; a damaged one is edited provably or left alone, never
 * disproved.  CM_ROUNDS and CM_SEED in the environment run it longer, or one
 * case again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/enc.h"
#include "milter/codec.h"

#include "tests/unit/message.h"
#include "tests/unit/test.h"

enum { ROUNDS = 1500, TEXT_MAX = 400, MESSAGE_MAX = 1 << 20 };

struct gen {
	uint64_t state;
	struct cm_buf out;
	unsigned boundaries;
	unsigned editable; /* display leaves written */
};

/* xorshift64*, Vigna 2016: repeatable on every machine. */
static unsigned below(struct gen *g, unsigned n)
{
	g->state ^= g->state >> 12;
	g->state ^= g->state << 25;
	g->state ^= g->state >> 27;
	return (unsigned)((g->state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static void put(struct gen *g, const char *text)
{
	assert_int_equal(cm_buf_adds(&g->out, text), CM_OK);
}

static const char *pick(struct gen *g, const char *const *words, unsigned n)
{
	return words[below(g, n)];
}

#define PICK(g, words) pick(g, words, sizeof(words) / sizeof(*(words)))

/* ---- texts ------------------------------------------------------------- */

static void random_plain(struct gen *g, bool ascii, struct cm_buf *text)
{
	static const char *const any[] = {
		"Hello ",
		"a",
		"=",
		".",
		"From ",
		"\r\n",
		"\r\n\r\n",
		"-- ",
		"--",
		"> ",
		"\t",
		" ",
		"offer ",
		"\r\n.",
		"=3D",
		"<b>",
		"&amp;",
		"100% ",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	static const char *const more[] = {"\xc3\xa9", "\xe2\x82\xac",
					   "\xf0\x9f\x98\x80", "\xc5\xbe"};
	unsigned n = below(g, 60);

	while (n-- > 0)
		(void)cm_buf_adds(text, !ascii && below(g, 4) == 0
						? PICK(g, more)
						: PICK(g, any));
}

/* Balanced, so that the place is certain. */
static void random_html(struct gen *g, bool ascii, struct cm_buf *text)
{
	static const char *const any[] = {
		"<p>Hello</p>",
		"<!-- </body> -->",
		"<!-->",
		"<br/>",
		"\r\n",
		"a &lt; b ",
		"<script>x=\"</body>\"</script>",
		"<style>p>a{}</style>",
		"<table><tr><td>x</td></tr></table>",
		"<table><tr><td>x<td>y</table>",
		"<!--[if mso]><table><![endif]-->",
		"<div style=\"display:none\">pre</div>",
		"<img alt='a>b' src=x>",
		"<textarea></body></textarea>",
		"< ",
		"<a href=\"https://x.example/?a=1&amp;b=2\">x</a>"};
	static const char *const heads[] = {
		"", "<html><body>", "<!DOCTYPE html>\r\n<html lang=cs><body>",
		"<html><head><title>x</title></head><body bgcolor=#fff>"};
	static const char *const tails[] = {"", "</body></html>", "</body>",
					    "</body></html>\r\n", "\r\n"};
	unsigned n = below(g, 30);

	(void)cm_buf_adds(text, PICK(g, heads));
	while (n-- > 0)
		(void)cm_buf_adds(text, !ascii && below(g, 4) == 0
						? "\xc5\xbelu\xc5\xa5 "
						: PICK(g, any));
	(void)cm_buf_adds(text, PICK(g, tails));
}

static void put_base64(struct gen *g, const struct cm_buf *text)
{
	unsigned width = below(g, 3) == 0 ? 4 + below(g, 90) : 76;
	char *coded = malloc(CM_BASE64_LEN(text->len) + 1);
	size_t n;
	size_t i;

	assert_non_null(coded);
	n = cm_base64_encode(cm_buf_text(text), text->len, coded);
	for (i = 0; i < n; i += width) {
		size_t step = n - i < width ? n - i : width;

		if (i > 0)
			put(g, "\r\n");
		assert_int_equal(cm_buf_add(&g->out, coded + i, step), CM_OK);
	}
	if (below(g, 2) == 0)
		put(g, "\r\n");
	free(coded);
}

static void put_qp(struct gen *g, const struct cm_buf *text)
{
	assert_int_equal(
		cm_qp_encode(cm_span_n(cm_buf_text(text), text->len), &g->out),
		CM_OK);
	if (below(g, 4) == 0)
		put(g, below(g, 2) == 0 ? "=\r\n" : "=");
}

/* ---- parts ------------------------------------------------------------- */

static const char *eol_or_fold(struct gen *g)
{
	return below(g, 4) == 0 ? ";\r\n\t" : "; ";
}

/* Header fields of a leaf in random order, then its text. */
static void put_leaf(struct gen *g, bool html)
{
	static const char *const ctes[] = {"7bit", "8bit", "quoted-printable",
					   "base64"};
	bool ascii = below(g, 2) == 0;
	bool flowed = !html && below(g, 4) == 0;
	unsigned cte = ascii ? below(g, 4) : 1 + below(g, 3);
	bool utf8 = !ascii || below(g, 2) == 0;
	struct cm_buf text;

	cm_buf_init(&text, 1 << 16);
	if (html)
		random_html(g, ascii, &text);
	else
		random_plain(g, ascii, &text);
	if (cte != 0 || below(g, 2) == 0) {
		put(g, "Content-Transfer-Encoding: ");
		put(g, ctes[cte]);
		put(g, "\r\n");
	}
	put(g, html ? "Content-Type: text/html" : "Content-Type: text/plain");
	if (flowed) {
		put(g, eol_or_fold(g));
		put(g, below(g, 2) == 0 ? "format=flowed"
					: "format=flowed; delsp=yes");
	}
	if (utf8 || below(g, 2) == 0) {
		put(g, eol_or_fold(g));
		put(g, utf8 ? "charset=\"utf-8\"" : "charset=us-ascii");
	}
	put(g, below(g, 8) == 0 ? ";\r\n\r\n" : "\r\n\r\n");
	if (cte == 3)
		put_base64(g, &text);
	else if (cte == 2)
		put_qp(g, &text);
	else
		assert_int_equal(
			cm_buf_add(&g->out, cm_buf_text(&text), text.len),
			CM_OK);
	cm_buf_free(&text);
	g->editable++;
}

static void put_attachment(struct gen *g)
{
	static const char *const kinds[] = {
		"Content-Type: application/pdf; name=\"x.pdf\"\r\n"
		"Content-Transfer-Encoding: base64\r\n"
		"Content-Disposition: attachment; filename=\"x.pdf\"\r\n\r\n"
		"JVBERi0xLjQK\r\n",
		"Content-Type: text/plain\r\n"
		"Content-Disposition: attachment\r\n\r\nnot shown\r\n-- \r\n",
		"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nHello",
		"Content-Type: image/gif\r\nContent-ID: <i@x>\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAACw="
		"\r\n\r\n",
		"Content-Type: text/html; charset=windows-1250; name=a.html\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\n\x9e\r\n"};

	put(g, PICK(g, kinds));
}

static void put_display(struct gen *g, unsigned depth);

static void open_multipart(struct gen *g, const char *subtype,
			   char boundary[32])
{
	static const char *const heads[] = {"=_", "b", "----=_P_", ""};
	static const char *const tails[] = {"_x", ".", "-", "'()+_,-./:=?"};

	/* The number's end must differ, so that none begins another. */
	g->boundaries++;
	(void)snprintf(boundary, 32, "%s%u%s", PICK(g, heads), g->boundaries,
		       PICK(g, tails));
	put(g, "Content-Type: multipart/");
	put(g, subtype);
	put(g, eol_or_fold(g));
	put(g, "boundary=\"");
	put(g, boundary);
	put(g, "\"\r\n\r\n");
	if (below(g, 3) == 0)
		put(g, "This is a multipart message.\r\n");
}

static void delimiter(struct gen *g, const char *boundary, bool first,
		      bool last)
{
	if (!first)
		put(g, "\r\n");
	put(g, "--");
	put(g, boundary);
	put(g, last ? "--" : "");
	put(g, below(g, 10) == 0 ? " \t\r\n" : "\r\n");
}

static void put_alternative(struct gen *g, unsigned depth)
{
	char boundary[32];
	unsigned n = 1 + below(g, 2);

	open_multipart(g, "alternative", boundary);
	delimiter(g, boundary, true, false);
	put_leaf(g, false);
	if (below(g, 4) == 0) {
		delimiter(g, boundary, false, false);
		put(g, "Content-Type: text/x-amp-html\r\n\r\n<html amp4email>");
	}
	while (n-- > 0) {
		delimiter(g, boundary, false, false);
		put_display(g, depth + 1);
	}
	delimiter(g, boundary, false, true);
}

static void put_collection(struct gen *g, bool related, unsigned depth)
{
	char boundary[32];
	unsigned n = below(g, 4);

	open_multipart(g, related ? "related" : "mixed", boundary);
	delimiter(g, boundary, true, false);
	if (!related && below(g, 4) == 0) {
		put_attachment(g);
		delimiter(g, boundary, false, false);
	}
	put_display(g, depth + 1);
	while (n-- > 0) {
		delimiter(g, boundary, false, false);
		put_attachment(g);
	}
	delimiter(g, boundary, false, true);
	if (below(g, 3) == 0)
		put(g, "epilogue");
}

/* Anything that has a text a person is shown. */
static void put_display(struct gen *g, unsigned depth)
{
	unsigned kind = below(g, depth > 3 ? 2 : 5);

	if (kind < 2 || g->editable > 3)
		put_leaf(g, kind == 0);
	else if (kind == 2)
		put_alternative(g, depth);
	else
		put_collection(g, kind == 3, depth);
}

static void random_message(struct gen *g)
{
	cm_buf_reset(&g->out);
	g->boundaries = 0;
	g->editable = 0;
	put(g, "From: a@acme.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n");
	put_display(g, 0);
}

/* ---- checks ------------------------------------------------------------ */

static void keep(const struct gen *g, uint64_t seed)
{
	FILE *file = fopen("t_edit_random.eml", "w");

	if (file != NULL) {
		(void)fwrite(cm_buf_text(&g->out), 1, g->out.len, file);
		(void)fclose(file);
	}
	print_error("CM_SEED=%llu, message in t_edit_random.eml\n",
		    (unsigned long long)seed);
}

static struct cm_edit edit_it(struct test_world *w, const struct gen *g,
			      uint64_t seed)
{
	struct cm_edit edit = {0};

	test_world_message(w, cm_buf_text(&g->out), g->out.len);
	if (cm_edit_make(&w->request, w->arena, &edit, NULL) != CM_OK) {
		keep(g, seed);
		fail_msg("it fails");
	}
	return edit;
}

/* Each display leaf has one splice in its text; upgrades have more. */
static unsigned parts_edited(const struct cm_edit *edit)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < edit->nsplices; i++)
		n += i == 0 || strcmp(edit->splices[i].part,
				      edit->splices[i - 1].part) != 0;
	return n;
}

static void well_formed(struct test_world *w, const struct gen *g,
			uint64_t seed)
{
	struct cm_edit edit = edit_it(w, g, seed);
	struct cm_span all;
	char *copy;

	if (edit.outcome != CM_BODY_FOOTER || !edit.gmime_agreed ||
	    parts_edited(&edit) != g->editable) {
		keep(g, seed);
		fail_msg("well-formed, and %s (%s), %u of %u parts",
			 cm_body_outcome_name(edit.outcome),
			 edit.why != NULL ? edit.why : "-", parts_edited(&edit),
			 g->editable);
	}
	all = test_world_apply(w, &edit);
	copy = malloc(all.n);
	assert_non_null(copy);
	memcpy(copy, all.p, all.n);
	test_world_message(w, copy, all.n);
	free(copy);
	assert_int_equal(cm_edit_make(&w->request, w->arena, &edit, NULL),
			 CM_OK);
	if (edit.outcome != CM_BODY_NOT_WANTED || edit.nheaders != 0) {
		keep(g, seed);
		fail_msg("a second pass changes it");
	}
}

static void damaged(struct test_world *w, struct gen *g, uint64_t seed)
{
	static const char *const junk[] = {"\r\n", "--", "=", "\n", "\"", ";",
					   "\xff", "<",  ">", " ",  "/"};
	unsigned n = 1 + below(g, 4);
	struct cm_edit edit;

	while (n-- > 0) {
		size_t at = below(g, (unsigned)g->out.len);
		const char *bytes = PICK(g, junk);

		if (at + strlen(bytes) <= g->out.len)
			memcpy(g->out.data + at, bytes, strlen(bytes));
	}
	if (below(g, 4) == 0)
		g->out.len = below(g, (unsigned)g->out.len);
	edit = edit_it(w, g, seed);
	if (edit.outcome == CM_BODY_DISPROVED) {
		keep(g, seed);
		fail_msg("damaged, and disproved (%s)", edit.why);
	}
}

static void random_footer(struct test_world *w, struct gen *g)
{
	static const char *const names[] = {
		"Acme", "M\xc3\xbcller & S\xc3\xb6hne", "A<b>\"c'",
		"\xd0\x9e\xd0\x9e\xd0\x9e \xd0\x90",
		"\xe6\xa0\xaa\xe5\xbc\x8f\xe4\xbc\x9a\xe7\xa4\xbe"};

	w->config.controller_name = PICK(g, names);
	w->request.language = below(g, 2) == 0 ? "cs" : NULL;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value = otherwise;

	if (text != NULL)
		assert_int_equal(
			cm_parse_u64(cm_span(text), UINT64_MAX, &value), CM_OK);
	return value;
}

static void random_messages(void **state)
{
	uint64_t first = number_of("CM_SEED", 1);
	uint64_t rounds =
		number_of("CM_ROUNDS", getenv("CM_SEED") != NULL ? 1 : ROUNDS);
	struct test_world w;
	struct gen g;
	uint64_t i;

	(void)state;
	test_world_open(&w);
	cm_buf_init(&g.out, MESSAGE_MAX);
	for (i = 0; i < rounds; i++) {
		uint64_t seed = first + i;

		g.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		random_footer(&w, &g);
		random_message(&g);
		well_formed(&w, &g, seed);
		damaged(&w, &g, seed);
	}
	cm_buf_free(&g.out);
	test_world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
