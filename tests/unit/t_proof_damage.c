/*
 * proof, damaged: each reader alone says no to whatever changes what is read.
 *
 * Correct edits of messages of all shapes are proven (the twin), then damaged
 * in ways by chance and by design: octets flipped, lost, doubled and moved,
 * pieces misplaced, delimiters and parameters changed, encodings broken,
 * 8-bit let in.  What is read is asked of GMime here, in a few lines that
 * share nothing with milter/proof_gmime.c; where that differs, both readers
 * must say no.  CM_ROUNDS and CM_SEED as in chance.h.
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "milter/codec.h"
#include "milter/proof.h"

#include "tests/unit/chance.h"
#include "tests/unit/message.h"
#include "tests/unit/test.h"

#define HEAD "From: a@acme.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
#define PDF                                                                    \
	"Content-Type: application/pdf; name=\"x y.pdf\"\r\n"                  \
	"Content-Transfer-Encoding: base64\r\n"                                \
	"Content-Disposition: attachment; filename=\"x y.pdf\"\r\n\r\n"        \
	"JVBERi0xLjQK\r\nMSAwIG9iago8PA==\r\n"

enum { ROUNDS = 300, DAMAGED_MAX = 1 << 16 };

static const char *const messages[] = {
	/* one part, each encoding */
	HEAD "Content-Type: text/plain; charset=utf-8\r\n"
	     "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	     "Caf=C3=A9 one =\r\ntwo\r\nthree=20\r\n-- \r\nMe=\r\n",
	HEAD "Content-Type: text/plain; charset=\"utf-8\"; format=flowed\r\n"
	     "Content-Transfer-Encoding: 8bit\r\n\r\n"
	     "Caf\xc3\xa9 \r\n one\r\n> two\r\n",
	HEAD "Content-Type: text/plain; charset=us-ascii; x-a=\"b c\"\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\n"
	     "SGVsbG8gb25lDQp0d28gYW5kIHRocmVlDQpmb3VyIGFuZCBmaXZlIGFuZCBz\r\n"
	     "aXgNCg==\r\n",
	HEAD "Content-Type: text/html; charset=utf-8\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\n"
	     "PGh0bWw+PGJvZHk+PHA+SGVsbG88L3A+PC9ib2R5PjwvaHRtbD4=\r\n",
	HEAD "\r\nHello\r\n\r\nworld",
	/* becomes quoted-printable */
	HEAD "Content-Type: text/plain; x-a=1; charset=us-ascii;\r\n"
	     " format=flowed\r\n\r\nHello = \r\nworld\r\n",
	/* the usual two */
	HEAD "Content-Type: multipart/alternative; boundary=\"=_b\"\r\n\r\n"
	     "preamble\r\n--=_b\r\nContent-Type: text/plain; charset=utf-8;"
	     " format=flowed; delsp=yes\r\n"
	     "Content-Transfer-Encoding: quoted-printable\r\n"
	     "Content-ID: <one@x>\r\n\r\nHello =3D\r\n\r\n"
	     "--=_b\r\nContent-Type: text/html; charset=utf-8\r\n"
	     "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	     "<html><body><p class=3D\"a\">Hello</p></body></html>\r\n"
	     "--=_b--\r\nepilogue\r\n",
	/* all at once, nested */
	HEAD "Content-Type: multipart/mixed; boundary=m\r\n\r\n"
	     "--m\r\nContent-Type: multipart/related;\r\n\tboundary=r;"
	     " start=\"<s@x>\"; type=\"multipart/alternative\"\r\n\r\n"
	     "--r\r\nContent-ID: <s@x>\r\n"
	     "Content-Type: multipart/alternative; boundary=a\r\n\r\n"
	     "--a\r\nContent-Type: text/plain; charset=utf-8\r\n"
	     "X-Other: 1\r\n\r\nHello\r\n"
	     "--a\r\nContent-Type: text/x-amp-html\r\n\r\n<html amp4email>\r\n"
	     "--a\r\nContent-Type: text/html; charset=us-ascii\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\n"
	     "PHA+SGVsbG88L3A+\r\n--a--\r\n\r\n"
	     "--r\r\nContent-Type: image/gif\r\nContent-ID: <i@x>\r\n"
	     "Content-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQAB\r\n"
	     "--r--\r\n--m\r\n" PDF
	     "--m\r\nContent-Type: message/rfc822\r\n\r\n"
	     "Subject: inner\r\n\r\nHello inner\r\n"
	     "--m\r\nContent-Type: text/plain\r\n"
	     "Content-Disposition: attachment\r\n\r\nnot shown\r\n-- \r\nx\r\n"
	     "--m--\r\n",
	/* parts without header or content, folded headers */
	HEAD "Content-Type: multipart/mixed;\r\n boundary=\"b.1\"\r\n\r\n"
	     "--b.1\r\n\r\nHello\r\n--b.1\r\nContent-Type: text/csv;\r\n"
	     "\tname=\"a.csv\"\r\n\r\n\r\n--b.1--\r\n",
	HEAD "Content-Type: multipart/mixed; boundary=e\r\n\r\n"
	     "--e\r\nContent-Type: text/plain\r\n\r\n--e\r\n" PDF "--e--\r\n",
	/* fields that go, and such that stay */
	HEAD "Content-Length: 400\r\n"
	     "Content-Type: multipart/mixed; boundary=m\r\n\r\n"
	     "--m\r\nContent-Length: 200\r\n"
	     "Content-Type: multipart/alternative; boundary=a\r\n\r\n"
	     "--a\r\nLines: 1\r\nContent-Type: text/plain\r\n"
	     "X-Other: 1\r\nContent-MD5:\r\n XrY7u+Ae7tCTyyK7j1rNww==\r\n"
	     "\r\nHello\r\n--a\r\nContent-Length: 12\r\n"
	     "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Hello</p>\r\n"
	     "--a--\r\n--m\r\nContent-Length: 30\r\nLines: 2\r\n" PDF
	     "--m--\r\n",
};

/* ---- what is read ------------------------------------------------------ */

struct view {
	GString *text;
	const struct cm_proof *proof;
	size_t part;
};

static bool is_edited(const struct view *view, size_t part)
{
	size_t i;

	for (i = 0; i < view->proof->nleaves; i++)
		if (view->proof->leaves[i].part == part)
			return true;
	return false;
}

static void view_content(struct view *view, GMimePart *part, bool decoded)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *out = g_mime_stream_mem_new();
	GByteArray *bytes;

	if (content != NULL && decoded)
		g_mime_data_wrapper_write_to_stream(content, out);
	else if (content != NULL)
		g_mime_stream_write_to_stream(
			g_mime_data_wrapper_get_stream(content), out);
	bytes = g_mime_stream_mem_get_byte_array((GMimeStreamMem *)out);
	g_string_append_printf(view->text, "\n%u:", bytes->len);
	g_string_append_len(view->text, (const char *)bytes->data, bytes->len);
	g_object_unref(out);
}

/* Folding between words, and case where it is free, are nothing to read. */
static void view_field(struct view *view, GMimeHeader *header)
{
	char *name = g_ascii_strdown(g_mime_header_get_name(header), -1);
	const char *p = g_mime_header_get_raw_value(header);
	bool any_case = strcmp(name, "content-transfer-encoding") == 0;

	g_string_append_printf(view->text, "%s:", name);
	if (strcmp(name, "content-type") == 0)
		p = ""; /* of which view_type() has the sense */
	for (; *p != '\0'; p++) {
		if (any_case && !g_ascii_isspace(*p))
			g_string_append_c(view->text, g_ascii_tolower(*p));
		if (any_case)
			continue;
		if (p[0] == '\r' && p[1] == '\n' &&
		    (p[2] == ' ' || p[2] == '\t'))
			p++;
		else
			g_string_append_c(view->text, *p);
	}
	g_free(name);
}

static void view_type(struct view *view, GMimeObject *object)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);
	GMimeParamList *list = g_mime_content_type_get_parameters(type);
	char *text = g_mime_content_type_get_mime_type(type);
	int i;

	for (i = 0; text[i] != '\0'; i++)
		g_string_append_c(view->text, g_ascii_tolower(text[i]));
	g_free(text);
	for (i = 0; i < g_mime_param_list_length(list); i++) {
		GMimeParam *param = g_mime_param_list_get_parameter_at(list, i);

		char *name;
		const char *value = g_mime_param_get_value(param);

		name = g_ascii_strdown(g_mime_param_get_name(param), -1);
		text = strcmp(name, "charset") == 0 ? g_ascii_strdown(value, -1)
						    : g_strdup(value);
		g_string_append_printf(view->text, ";%s=%s", name, text);
		g_free(name);
		g_free(text);
	}
}

static void view_object(struct view *view, GMimeObject *object)
{
	size_t part = view->part++;
	GMimeHeaderList *list = g_mime_object_get_header_list(object);
	int i;

	view_type(view, object);
	for (i = 0; i < g_mime_header_list_get_count(list); i++)
		view_field(view, g_mime_header_list_get_header_at(list, i));
	if (GMIME_IS_MULTIPART(object)) {
		GMimeMultipart *all = (GMimeMultipart *)object;
		int n = g_mime_multipart_get_count(all);

		g_string_append_printf(view->text, "\n%d(", n);
		for (i = 0; i < n; i++)
			view_object(view, g_mime_multipart_get_part(all, i));
		g_string_append(view->text, ")");
	} else if (GMIME_IS_PART(object)) {
		view_content(view, (GMimePart *)object, is_edited(view, part));
	} else {
		char *text = g_mime_object_to_string(object, NULL);

		g_string_append(view->text, text);
		g_free(text);
	}
}

static GString *read_it(const struct cm_proof *proof)
{
	struct view view = {g_string_new(""), proof, 0};
	GString *all = g_string_new("");
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;
	size_t i;

	for (i = 0; i < proof->nheaders_after; i++) {
		const struct cm_facts_header *h = &proof->headers_after[i];

		g_string_append_printf(all, "%.*s: %.*s\r\n", (int)h->name.n,
				       h->name.p, (int)h->value.n, h->value.p);
	}
	g_string_append(all, "\r\n");
	g_string_append_len(all, proof->after.p, (gssize)proof->after.n);
	stream = g_mime_stream_mem_new_with_buffer(all->str, all->len);
	parser = g_mime_parser_new_with_stream(stream);
	message = g_mime_parser_construct_message(parser, NULL);
	assert_non_null(message);
	view_object(&view, g_mime_message_get_mime_part(message));
	g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(stream);
	g_string_free(all, TRUE);
	return view.text;
}

/* ---- damage ------------------------------------------------------------ */

struct damage {
	const struct cm_edit *edit;
	uint64_t *chance;
	char *p;
	size_t n;
};

static void cut(struct damage *d, size_t at, size_t n)
{
	if (at > d->n)
		at = d->n;
	if (n > d->n - at)
		n = d->n - at;
	memmove(d->p + at, d->p + at + n, d->n - at - n);
	d->n -= n;
}

static void put(struct damage *d, size_t at, const char *text, size_t n)
{
	if (d->n + n > DAMAGED_MAX || at > d->n)
		return;
	memmove(d->p + at + n, d->p + at, d->n - at);
	memcpy(d->p + at, text, n);
	d->n += n;
}

static size_t anywhere(struct damage *d)
{
	return chance_below(d->chance, (unsigned)d->n + 1);
}

static void flip_octet(struct damage *d)
{
	if (d->n > 0)
		d->p[chance_below(d->chance, (unsigned)d->n)] =
			(char)chance_below(d->chance, 256);
}

static void flip_bit(struct damage *d)
{
	if (d->n > 0)
		d->p[chance_below(d->chance, (unsigned)d->n)] ^=
			(char)(1 << chance_below(d->chance, 8));
}

static void lose_octets(struct damage *d)
{
	cut(d, anywhere(d), 1 + chance_below(d->chance, 4));
}

static void double_octets(struct damage *d)
{
	char copy[40];
	size_t at = anywhere(d);
	size_t n = 1 + chance_below(d->chance, sizeof(copy));

	if (n > d->n - at)
		n = d->n - at;
	memcpy(copy, d->p + at, n);
	put(d, chance_below(d->chance, 2) == 0 ? at : anywhere(d), copy, n);
}

static void put_word(struct damage *d)
{
	static const char *const words[] = {"=",
					    "=\r\n",
					    "=41",
					    "=C3",
					    "\xc3\xa9",
					    "\xff",
					    "A",
					    "QUJD",
					    "====",
					    " ",
					    "\t",
					    "\r\n",
					    "\n",
					    "\r",
					    "\r\n\r\n",
					    "\r\n--m\r\n\r\n",
					    "\r\n--m--\r\n",
					    "\r\n--=_b\r\n\r\n",
					    "\r\n--a--\r\n",
					    "--",
					    "; charset=latin1",
					    "Content-Type: text/html\r\n",
					    "</body>",
					    "<!--",
					    "-- \r\n",
					    "Lines: 1\r\n",
					    "Content-Length: 5\r\n",
					    "Stop"};
	const char *word =
		words[chance_below(d->chance, sizeof(words) / sizeof(*words))];

	put(d, anywhere(d), word, strlen(word));
}

static void lose_line_end(struct damage *d)
{
	size_t from = anywhere(d);
	char *nl = from < d->n ? memchr(d->p + from, '\n', d->n - from) : NULL;
	unsigned how = chance_below(d->chance, 3);

	if (nl == NULL || nl == d->p)
		return;
	/* both, CR alone, LF alone */
	cut(d, (size_t)(nl - d->p) - (how < 2), how == 0 ? 2 : 1);
}

static void swap_lines(struct damage *d)
{
	size_t from = anywhere(d);
	char *a = from < d->n ? memchr(d->p + from, '\n', d->n - from) : NULL;
	char *end = d->p + d->n;
	char *b = a != NULL && a + 1 < end
			  ? memchr(a + 1, '\n', (size_t)(end - a - 1))
			  : NULL;
	char line[1024];
	size_t n = b != NULL ? (size_t)(b - a) : 0;

	if (n == 0 || n > sizeof(line))
		return;
	memcpy(line, a + 1, n);
	cut(d, (size_t)(a + 1 - d->p), n);
	put(d, from, line, n);
}

static void change_delimiter(struct damage *d)
{
	size_t from = anywhere(d);
	char *at = from < d->n ? memmem(d->p + from, d->n - from, "\n--", 3)
			       : NULL;

	if (at != NULL)
		at[1 + chance_below(d->chance, 5)] =
			"x-=b \r"[chance_below(d->chance, 6)];
}

static void change_parameter(struct damage *d)
{
	static const char *const names[] = {"charset=", "format=", "boundary=",
					    "name=",    "start=",  "delsp="};
	const char *name =
		names[chance_below(d->chance, sizeof(names) / sizeof(*names))];
	char *at = memmem(d->p, d->n, name, strlen(name));

	if (at != NULL)
		at[chance_below(d->chance, 2) == 0 ? strlen(name) + 2 : 1] ^= 1;
}

/* Where the last splice ended up, and what it put there. */
static size_t splice_at(const struct damage *d, size_t index)
{
	const struct cm_splice *s = d->edit->splices;
	size_t at = s[index].at;
	size_t i;

	for (i = 0; i < index; i++)
		at = at + s[i].insert.n - s[i].remove;
	return at;
}

static void misplace_piece(struct damage *d)
{
	size_t index = chance_below(d->chance, d->edit->nsplices);
	struct cm_span piece = d->edit->splices[index].insert;
	size_t at = splice_at(d, index);
	unsigned how = chance_below(d->chance, 4);

	if (how < 3) /* lost, moved a little, moved far */
		cut(d, at, piece.n);
	if (how == 1)
		put(d, at > 8 ? at - 1 - chance_below(d->chance, 8) : 0,
		    piece.p, piece.n);
	else if (how >= 2) /* or doubled */
		put(d, how == 3 ? at : anywhere(d), piece.p, piece.n);
}

static void cut_off(struct damage *d)
{
	d->n = anywhere(d);
}

static void (*const damages[])(struct damage *) = {
	flip_octet,     flip_bit, lose_octets,      double_octets,
	put_word,       put_word, lose_line_end,    swap_lines,
	misplace_piece, cut_off,  change_delimiter, change_parameter,
};

/* ---- asking ------------------------------------------------------------ */

struct asked {
	const char *scan;
	const char *gmime;
};

static struct asked ask(struct test_world *w, const struct cm_proof *proof)
{
	struct asked asked = {NULL, NULL};

	assert_int_equal(cm_proof_scan(proof, w->arena, &asked.scan), CM_OK);
	assert_int_equal(cm_proof_gmime(proof, &asked.gmime), CM_OK);
	return asked;
}

static void refused_by_both(const struct cm_proof *proof, struct asked asked,
			    uint64_t seed, const char *how)
{
	FILE *file;

	if (asked.scan != NULL && asked.gmime != NULL)
		return;
	file = fopen("t_proof_damage.txt", "w");
	if (file != NULL) {
		(void)fwrite(proof->after.p, 1, proof->after.n, file);
		(void)fclose(file);
	}
	fail_msg("CM_SEED=%llu: %s, and our reader says %s, GMime %s; the "
		 "damaged body is in t_proof_damage.txt",
		 (unsigned long long)seed, how,
		 asked.scan != NULL ? asked.scan : "yes",
		 asked.gmime != NULL ? asked.gmime : "yes");
}

/* The text of the leaf as edit has it at hand, for the shorter way. */
static void with_texts(struct test_world *w, struct cm_proof *proof,
		       const struct cm_proof *claimed)
{
	struct cm_proof_leaf *leaves =
		cm_arena_array(w->arena, claimed->nleaves, sizeof(*leaves));
	size_t i;

	memcpy(leaves, claimed->leaves, claimed->nleaves * sizeof(*leaves));
	for (i = 0; i < claimed->nleaves; i++) {
		const struct cm_mime_part *part =
			&claimed->tree->parts[leaves[i].part];
		struct cm_buf text;

		cm_buf_init(&text, DAMAGED_MAX);
		assert_int_equal(
			cm_decode(part->cte,
				  cm_span_n(claimed->before.p + part->body_at,
					    part->end - part->body_at),
				  &text),
			CM_OK);
		leaves[i].text.p =
			cm_arena_dup(w->arena, cm_buf_text(&text), text.len);
		leaves[i].text.n = text.len;
		cm_buf_free(&text);
	}
	proof->leaves = leaves;
}

static void damage_once(struct test_world *w, const struct cm_edit *edit,
			const GString *undamaged, uint64_t seed)
{
	static char after[DAMAGED_MAX];
	uint64_t chance = chance_of(seed);
	struct damage d = {edit, &chance, after, edit->body.n};
	struct cm_proof proof = *edit->proof;
	struct asked asked;
	unsigned kind;
	GString *read;

	memcpy(after, edit->body.p, edit->body.n);
	kind = chance_below(&chance, sizeof(damages) / sizeof(*damages));
	damages[kind](&d);
	if (chance_below(&chance, 8) == 0)
		damages[chance_below(&chance,
				     sizeof(damages) / sizeof(*damages))](&d);
	proof.after = cm_span_n(after, d.n);
	if (d.n == edit->body.n && memcmp(after, edit->body.p, d.n) == 0)
		return;
	if (chance_below(&chance, 2) == 0)
		with_texts(w, &proof, edit->proof);
	read = read_it(&proof);
	asked = ask(w, &proof);
	if (!g_string_equal(read, undamaged))
		refused_by_both(&proof, asked, seed, "it reads otherwise");
	g_string_free(read, TRUE);
}

/* Issue 3, item 6; pitfalls 16 to 19. */
static void what_reads_otherwise_is_refused(void **state)
{
	const struct chance_rounds rounds = chance_rounds(ROUNDS);
	struct test_world w;
	size_t i;
	uint64_t seed;

	(void)state;
	test_world_open(&w);
	for (i = 0; i < 2 * sizeof(messages) / sizeof(*messages); i++) {
		const char *eml = messages[i / 2];
		struct cm_edit edit = {0};
		struct asked twin;
		GString *undamaged;

		w.request.language = i % 2 == 0 ? "cs" : "en";
		test_world_message(&w, eml, strlen(eml));
		assert_int_equal(cm_edit_make(&w.request, w.arena, &edit, NULL),
				 CM_OK);
		if (edit.outcome != CM_BODY_FOOTER)
			fail_msg("message %zu: %s", i / 2, edit.why);
		twin = ask(&w, edit.proof);
		assert_null(twin.scan);
		assert_null(twin.gmime);
		undamaged = read_it(edit.proof);
		for (seed = 0; seed < rounds.count; seed++)
			damage_once(&w, &edit, undamaged, rounds.first + seed);
		g_string_free(undamaged, TRUE);
	}
	test_world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_reads_otherwise_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
