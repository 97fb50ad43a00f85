/*
 * fuzz_codec: any octets as an encoded text, and a piece put in its middle.
 *
 * The first octet says which encoding, the second which piece and how much
 * room a decoder has; the rest is the text.  What our decoder takes must
 * decode to the same in pieces of any size, and a piece spliced in at any
 * legal place must decode to the old text with the piece in it (pitfalls 17
 * and 19).  GMime, which shares nothing with us, must read the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "milter/codec.h"

#include "tests/fuzz/fuzz.h"

enum { ARENA_MAX = 64 * 1024 * 1024, PLACES = 64 };

static struct cm_arena *arena;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return cm_arena_new(ARENA_MAX, &arena);
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_codec: %s\n", what);
	abort();
}

static struct cm_span text_of(const struct cm_buf *buf)
{
	return cm_span_n(cm_buf_text(buf), buf->len);
}

/* ---- decoding ---------------------------------------------------------- */

static void decode_slowly(enum cm_cte cte, struct cm_span encoded, size_t room,
			  struct cm_span want)
{
	struct cm_decoder d;
	char out[64];
	size_t at = 0;
	size_t n;

	cm_decoder_init(&d, cte, encoded);
	do {
		must(cm_decoder_read(&d, out, room, &n) == CM_OK,
		     "in pieces it does not decode");
		must(n <= room && n <= want.n - at &&
			     memcmp(out, want.p + at, n) == 0,
		     "in pieces it decodes to something else");
		at += n;
	} while (n > 0);
	must(at == want.n, "in pieces it ends early");
}

/* What GMime makes of it, in steps as a parser would feed it. */
static void gmime_agrees(enum cm_cte cte, struct cm_span encoded,
			 struct cm_span want)
{
	GMimeEncoding state;
	char *out;
	size_t n;

	g_mime_encoding_init_decode(
		&state, cte == CM_CTE_QP
				? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE
				: GMIME_CONTENT_ENCODING_BASE64);
	out = malloc(g_mime_encoding_outlen(&state, encoded.n) + 1);
	must(out != NULL, "no memory");
	n = g_mime_encoding_step(&state, encoded.p, encoded.n, out);
	n += g_mime_encoding_flush(&state, NULL, 0, out + n);
	must(n == want.n && memcmp(out, want.p, n) == 0,
	     "GMime decodes to something else");
	free(out);
}

static bool is_encoded(enum cm_cte cte)
{
	return cte == CM_CTE_QP || cte == CM_CTE_BASE64;
}

/*
 * The one thing on which GMime differs: "=" as the very last octet, whose
 * line end is the delimiter's, so that only the parser of a message sees it.
 */
static bool ends_in_half_a_break(enum cm_cte cte, struct cm_span encoded)
{
	return cte == CM_CTE_QP && encoded.n > 0 &&
	       encoded.p[encoded.n - 1] == '=';
}

/* ---- splicing ---------------------------------------------------------- */

static struct cm_span arena_join(const struct cm_span *pieces, size_t count)
{
	size_t n = 0;
	size_t i;
	char *out;
	char *p;

	for (i = 0; i < count; i++)
		n += pieces[i].n;
	out = p = cm_arena_alloc(arena, n + 1);
	must(out != NULL, "no memory");
	for (i = 0; i < count; i++) {
		if (pieces[i].n > 0)
			memcpy(p, pieces[i].p, pieces[i].n);
		p += pieces[i].n;
	}
	return cm_span_n(out, n);
}

static size_t longest_line(struct cm_span text)
{
	size_t longest = 0, line = 0, i;

	for (i = 0; i < text.n; i++) {
		line = text.p[i] == '\n' ? 0 : line + (text.p[i] != '\r');
		if (line > longest)
			longest = line;
	}
	return longest;
}

/* codec.h: with a line end before it and, but at the very end, behind it. */
static struct cm_span legal_piece(struct cm_span text, size_t at,
				  struct cm_span core)
{
	const struct cm_span eol = cm_span("\r\n");
	const struct cm_span none = {0};
	bool open = at > 0 && text.p[at - 1] != '\n';
	const struct cm_span pieces[] = {open ? eol : none, core,
					 at < text.n ? eol : none};

	return arena_join(pieces, 3);
}

static void splice_at(enum cm_cte cte, struct cm_span encoded,
		      struct cm_span text, size_t at, struct cm_span core)
{
	struct cm_span piece = legal_piece(text, at, core);
	const struct cm_span wanted[] = {
		{text.p, at}, piece, {text.p + at, text.n - at}};
	struct cm_span want = arena_join(wanted, 3);
	struct cm_codec_splice s;
	struct cm_span parts[3];
	struct cm_span after;
	struct cm_buf got;

	must(cm_codec_splice(cte, encoded, text, at, piece, arena, &s) == CM_OK,
	     "it cannot be spliced");
	must(s.at <= encoded.n && s.remove <= encoded.n - s.at,
	     "a splice outside the text");
	parts[0] = cm_span_n(encoded.p, s.at);
	parts[1] = s.text;
	parts[2] = cm_span_n(encoded.p + s.at + s.remove,
			     encoded.n - s.at - s.remove);
	after = arena_join(parts, 3);
	cm_buf_init(&got, 2 * after.n + 64);
	must(cm_decode(cte, after, &got) == CM_OK, "spliced, it is broken");
	must(got.len == want.n &&
		     memcmp(cm_buf_text(&got), want.p, want.n) == 0,
	     "spliced, it is not the old text and the piece");
	cm_buf_free(&got);
	if (!is_encoded(cte))
		return;
	must(cm_ascii_only(s.text.p, s.text.n), "8-bit in an encoded text");
	must(longest_line(s.text) <= CM_CODEC_LINE, "a long line");
	if (!ends_in_half_a_break(cte, after))
		gmime_agrees(cte, after, want);
}

static void splice_everywhere(enum cm_cte cte, struct cm_span encoded,
			      struct cm_span text, struct cm_span core)
{
	size_t step = text.n / PLACES + 1;
	size_t at;

	for (at = 0; at < text.n; at += step)
		splice_at(cte, encoded, text, at, core);
	splice_at(cte, encoded, text, text.n, core);
}

/* ---- encoding ---------------------------------------------------------- */

static void qp_comes_back(struct cm_span text)
{
	struct cm_buf coded;
	struct cm_buf back;

	cm_buf_init(&coded, 4 * text.n + 16);
	must(cm_qp_encode(text, &coded) == CM_OK, "it cannot be encoded");
	must(cm_ascii_only(coded.data, coded.len), "8-bit in what we encode");
	must(longest_line(text_of(&coded)) <= CM_CODEC_LINE, "a long line");
	cm_buf_init(&back, coded.len + 16);
	must(cm_decode(CM_CTE_QP, text_of(&coded), &back) == CM_OK &&
		     back.len == text.n &&
		     memcmp(cm_buf_text(&back), text.p, text.n) == 0,
	     "encoded, it does not come back");
	gmime_agrees(CM_CTE_QP, text_of(&coded), text);
	cm_buf_free(&coded);
	cm_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum cm_cte ctes[] = {CM_CTE_QP, CM_CTE_BASE64,
					   CM_CTE_7BIT, CM_CTE_8BIT};
	static const char *const cores[] = {
		"x",
		"",
		"Stop: https://consent.acme.example/u/AQID=BAUG \t",
		"Ж = 株 \xff\xfe",
		".\r\nFrom \r\n.\r\n=\r\n=41 ",
		"one line of more than quoted-printable or base64 has: = 1 ="};
	struct cm_span encoded;
	struct cm_span core;
	struct cm_buf text;
	enum cm_cte cte;

	if (size < 2)
		return 0;
	cm_arena_reset(arena);
	cte = ctes[data[0] % 4];
	core = cm_span(cores[data[1] % 6]);
	if (cte == CM_CTE_7BIT && !cm_ascii_only(core.p, core.n))
		core = cm_span("x");
	encoded = cm_span_n((const char *)data + 2, size - 2);
	cm_buf_init(&text, size + 16);
	if (cm_decode(cte, encoded, &text) == CM_OK) {
		decode_slowly(cte, encoded, 1 + data[1] % 61, text_of(&text));
		if (is_encoded(cte) && !ends_in_half_a_break(cte, encoded))
			gmime_agrees(cte, encoded, text_of(&text));
		splice_everywhere(cte, encoded, text_of(&text), core);
	}
	cm_buf_free(&text);
	qp_comes_back(encoded);
	return 0;
}
