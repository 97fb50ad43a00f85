/* codec: decoding by words says the same as decoding by octets. */
#include "milter/codec.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

enum { LONGEST = 80, RUNS = 200000 };

static int digit(char c)
{
	const char *digits = "0123456789ABCDEF0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	if (c >= 'a' && c <= 'f')
		at = strrchr(digits, c);
	return at != NULL ? (int)((at - digits) % 16) : -1;
}

/* RFC 2045, 6.7, an octet at a time. */
static int read_slowly(const char *in, size_t n, char *out, size_t *ret_n)
{
	size_t i = 0, k = 0;

	while (i < n) {
		if (in[i] != '=') {
			out[k++] = in[i++];
		} else if (i + 1 == n) {
			i++;
		} else if (in[i + 1] == '\n') {
			i += 2;
		} else if (i + 2 < n && in[i + 1] == '\r' &&
			   in[i + 2] == '\n') {
			i += 3;
		} else if (i + 2 < n && digit(in[i + 1]) >= 0 &&
			   digit(in[i + 2]) >= 0) {
			out[k++] = (char)(digit(in[i + 1]) * 16 +
					  digit(in[i + 2]));
			i += 3;
		} else {
			return CM_EDATA;
		}
	}
	*ret_n = k;
	return CM_OK;
}

static void read_in_pieces(struct cm_span in, size_t room, struct cm_span want)
{
	struct cm_decoder d;
	char out[LONGEST];
	size_t n, all = 0;

	cm_decoder_init(&d, CM_CTE_QP, in);
	do {
		assert_int_equal(cm_decoder_read(&d, out, room, &n), CM_OK);
		assert_in_range(n, 0, want.n - all);
		if (n > 0)
			assert_memory_equal(out, want.p + all, n);
		all += n;
	} while (n > 0);
	assert_int_equal(all, want.n);
}

static void quoted_printable_by_words_and_by_octets(void **state)
{
	static const char letters[] = "abcdefgh ABCDEF0123456789=\r\n<>>>=";
	int i;

	(void)state;
	srand(1);
	for (i = 0; i < RUNS; i++) {
		char in[LONGEST], want[LONGEST];
		size_t n = (size_t)rand() % LONGEST, k, want_n = 0;
		struct cm_buf got;
		int rc;

		for (k = 0; k < n; k++)
			in[k] = letters[(size_t)rand() % (sizeof(letters) - 1)];
		if (i % 4 == 0)
			for (k = 0; k < n; k++)
				if (rand() % 2 == 0 && in[k] == '=')
					in[k] = 'x';
		if (i % 7 == 0 && n > 0)
			in[(size_t)rand() % n] = (char)(128 + rand() % 128);
		rc = read_slowly(in, n, want, &want_n);
		cm_buf_init(&got, LONGEST);
		assert_int_equal(cm_decode(CM_CTE_QP, cm_span_n(in, n), &got),
				 rc);
		if (rc == CM_OK) {
			assert_int_equal(got.len, want_n);
			if (want_n > 0)
				assert_memory_equal(got.data, want, want_n);
		}
		cm_buf_free(&got);
		if (rc == CM_OK)
			read_in_pieces(cm_span_n(in, n),
				       1 + (size_t)rand() % LONGEST,
				       cm_span_n(want, want_n));
	}
}

/* RFC 2045, 6.7, an octet at a time: what cm_qp_encode() must write. */
static size_t write_slowly(const char *in, size_t n, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i, k = 0, column = 0;

	for (i = 0; i < n; i++) {
		bool at_end = i + 1 == n || (i + 2 < n && in[i + 1] == '\r' &&
					     in[i + 2] == '\n');
		unsigned char c = (unsigned char)in[i];
		int turn;

		if (c == '\r' && i + 1 < n && in[i + 1] == '\n') {
			out[k++] = '\r';
			out[k++] = '\n';
			column = 0;
			i++;
			continue;
		}
		for (turn = 0; turn < 2; turn++) {
			bool literal = c > ' ' && c < 127 && c != '=';

			if (c == ' ' || c == '\t')
				literal = !at_end;
			if (column == 0 &&
			    ((c == '.' && at_end) ||
			     (n - i >= 5 && memcmp(in + i, "From ", 5) == 0)))
				literal = false;
			if (column + (literal ? 1 : 3) > CM_CODEC_LINE - 1) {
				memcpy(out + k, "=\r\n", 3);
				k += 3;
				column = 0;
				continue;
			}
			column += literal ? 1 : 3;
			out[k++] = literal ? (char)c : '=';
			if (!literal) {
				out[k++] = digits[c >> 4];
				out[k++] = digits[c & 15];
			}
			break;
		}
	}
	return k;
}

static void quoted_printable_is_written_by_words_as_by_octets(void **state)
{
	static const char *const bits[] = {
		"From ", "\r\n", ".",    " ",
		"\t",    "=",    "\xc3", "a",
		"word",  "\r",   "\n",   "https://shop.acme.example/offers"};
	int i;

	(void)state;
	srand(2);
	for (i = 0; i < RUNS; i++) {
		char in[LONGEST + 40], want[8 * LONGEST];
		size_t n = 0, longest = (size_t)rand() % LONGEST, want_n;
		struct cm_buf got;

		while (n < longest) {
			const char *bit = bits[rand() % 12];

			memcpy(in + n, bit, strlen(bit));
			n += strlen(bit);
		}
		want_n = write_slowly(in, n, want);
		cm_buf_init(&got, sizeof(want));
		assert_int_equal(cm_qp_encode(cm_span_n(in, n), &got), CM_OK);
		assert_int_equal(got.len, want_n);
		if (want_n > 0)
			assert_memory_equal(got.data, want, want_n);
		cm_buf_free(&got);
	}
}

/* In pieces of any size the same text comes. */
static void a_decoder_reads_in_any_pieces(void **state)
{
	static const struct {
		enum cm_cte cte;
		const char *in;
		const char *out;
	} cases[] = {
		{CM_CTE_QP, "one =3D=\r\ntwo=0D=0A three four five six=",
		 "one =two\r\n three four five six"},
		{CM_CTE_QP, "=\r\n=\r\n=\r\na", "a"},
		{CM_CTE_BASE64, "b25lIHR3\r\nbyB0aHJl ZQ==\r\n",
		 "one two three"},
		{CM_CTE_7BIT, "one two three", "one two three"},
		{CM_CTE_8BIT, "\xc3\xbc two", "\xc3\xbc two"},
	};
	size_t i, room;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (room = 1; room < 40; room++) {
			struct cm_decoder d;
			char out[64], text[64];
			size_t n, all = 0;

			cm_decoder_init(&d, cases[i].cte, cm_span(cases[i].in));
			do {
				assert_int_equal(
					cm_decoder_read(&d, out, room, &n),
					CM_OK);
				assert_in_range(n, 0, room);
				memcpy(text + all, out, n);
				all += n;
			} while (n > 0);
			assert_int_equal(all, strlen(cases[i].out));
			assert_memory_equal(text, cases[i].out, all);
		}
	}
}

/* Wherever a line is put in, it decodes to the text with the line in it. */
static void a_piece_decodes_where_it_was_put(void **state)
{
	static const struct {
		enum cm_cte cte;
		const char *in;
	} cases[] = {
		{CM_CTE_QP, "a =3D b =\r\nsoft\r\n=C3=BC end\r\n"},
		{CM_CTE_BASE64, "bGluZSBvbmUNCmxpbmUgdHdvDQo=\r\n"},
		{CM_CTE_8BIT, "\xc3\xbc one\r\ntwo\r\n"},
	};
	const struct cm_span piece = cm_span("\r\nfoot = \xc3\xa9\r\n");
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_span in = cm_span(cases[i].in), text;
		struct cm_arena *arena = NULL;
		struct cm_buf decoded;

		assert_int_equal(cm_arena_new(1 << 20, &arena), CM_OK);
		cm_buf_init(&decoded, 1000);
		assert_int_equal(cm_decode(cases[i].cte, in, &decoded), CM_OK);
		text = cm_span_n(decoded.data, decoded.len);
		for (at = 0; at <= text.n; at++) {
			struct cm_codec_splice splice;
			struct cm_buf spliced, again;

			assert_int_equal(cm_codec_splice(cases[i].cte, in, text,
							 at, piece, arena,
							 &splice),
					 CM_OK);
			cm_buf_init(&spliced, 4000);
			cm_buf_init(&again, 4000);
			(void)cm_buf_add(&spliced, in.p, splice.at);
			(void)cm_buf_add(&spliced, splice.text.p,
					 splice.text.n);
			(void)cm_buf_add(&spliced,
					 in.p + splice.at + splice.remove,
					 in.n - splice.at - splice.remove);
			assert_int_equal(
				cm_decode(cases[i].cte,
					  cm_span_n(spliced.data, spliced.len),
					  &again),
				CM_OK);
			assert_int_equal(again.len, text.n + piece.n);
			assert_memory_equal(again.data, text.p, at);
			assert_memory_equal(again.data + at, piece.p, piece.n);
			assert_memory_equal(again.data + at + piece.n,
					    text.p + at, text.n - at);
			cm_buf_free(&spliced);
			cm_buf_free(&again);
		}
		cm_buf_free(&decoded);
		cm_arena_free(&arena);
	}
}

static struct cm_span s(const char *text)
{
	return cm_span(text);
}

static void no_encoded_line_is_too_long(struct cm_span text)
{
	while (text.n > 0) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t n = nl != NULL ? (size_t)(nl - text.p) : text.n;

		if (n > 0 && text.p[n - 1] == '\r')
			n--;
		assert_true(n <= CM_CODEC_LINE);
		n = nl != NULL ? (size_t)(nl - text.p) + 1 : text.n;
		text.p += n;
		text.n -= n;
	}
}

static void decodes_strictly(void **state)
{
	static const struct {
		enum cm_cte cte;
		const char *encoded;
		const char *text; /* NULL: readers differ, so CM_EDATA */
	} rows[] = {
		{CM_CTE_QP, "", ""},
		{CM_CTE_QP, "Caf=C3=A9", "Caf\xc3\xa9"},
		{CM_CTE_QP, "Caf=c3=a9", "Caf\xc3\xa9"},
		{CM_CTE_QP, "one=\r\ntwo\r\n", "onetwo\r\n"},
		{CM_CTE_QP, "one=\ntwo", "onetwo"},
		{CM_CTE_QP, "one=", "one"},
		{CM_CTE_QP, "=\r\n=\r\n=\r\n", ""},
		{CM_CTE_QP, "a b \r\n", "a b \r\n"},
		{CM_CTE_QP, "a=3Db", "a=b"},
		{CM_CTE_QP, "a=3", NULL},
		{CM_CTE_QP, "a=XY", NULL},
		{CM_CTE_QP, "a==", NULL},
		{CM_CTE_QP, "a= \r\n", NULL},
		{CM_CTE_QP, "a=\rb", NULL},
		{CM_CTE_QP, "Caf\xc3\xa9", "Caf\xc3\xa9"},
		{CM_CTE_QP, "long enough for eight\xc3\xa9=3D",
		 "long enough for eight\xc3\xa9="},
		{CM_CTE_BASE64, "", ""},
		{CM_CTE_BASE64, "SGVsbG8=", "Hello"},
		{CM_CTE_BASE64, "SGVs\r\nbG8=\r\n\r\n", "Hello"},
		{CM_CTE_BASE64, "SGV\r\nsbG8=", "Hello"},
		{CM_CTE_BASE64, "SGVsbA==", "Hell"},
		{CM_CTE_BASE64, "SGVs", "Hel"},
		{CM_CTE_BASE64, "SGVsbG8", NULL},
		{CM_CTE_BASE64, "SGVsbG8=x", NULL},
		{CM_CTE_BASE64, "SGVsbA==SGVs", NULL},
		{CM_CTE_BASE64, "SGVs=", NULL},
		{CM_CTE_BASE64, "S===", NULL},
		{CM_CTE_BASE64, "SG=s", NULL},
		{CM_CTE_BASE64, "SG-s", NULL},
		{CM_CTE_BASE64, "SG_s", NULL},
		/* RFC 2045, 6.8: what is not in the alphabet is ignored. */
		{CM_CTE_BASE64, "S*GV\xffsbG,8=", "Hello"},
		{CM_CTE_BASE64, "SGVsbG8=*", NULL},
		{CM_CTE_7BIT, "Hello", "Hello"},
		{CM_CTE_7BIT, "Caf\xc3\xa9", "Caf\xc3\xa9"},
		{CM_CTE_8BIT, "Caf\xc3\xa9", "Caf\xc3\xa9"},
		{CM_CTE_OTHER, "Hello", NULL},
	};
	struct cm_buf out;
	size_t i;

	(void)state;
	cm_buf_init(&out, 1000);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int rc;

		cm_buf_reset(&out);
		rc = cm_decode(rows[i].cte, s(rows[i].encoded), &out);
		if (rows[i].text == NULL) {
			assert_int_equal(rc, CM_EDATA);
			continue;
		}
		assert_int_equal(rc, CM_OK);
		assert_string_equal(cm_buf_text(&out), rows[i].text);
	}
	cm_buf_free(&out);
}

/* RFC 2045, 6.7: no blank at a line's end, lines within 76. */
static void quoted_printable_is_well_formed(void **state)
{
	static const struct {
		const char *text;
		const char *encoded;
	} rows[] = {
		{"Hello\r\n", "Hello\r\n"},
		{"a \r\nb\t\r\nc ", "a=20\r\nb=09\r\nc=20"},
		{"1=1", "1=3D1"},
		{"From here\r\n.\r\n..\r\nNot From\r\n",
		 "=46rom here\r\n=2E\r\n..\r\nNot From\r\n"},
		{"a\nb\rc", "a=0Ab=0Dc"},
		{"\xc5\xbe", "=C5=BE"},
	};
	struct cm_buf out;
	struct cm_buf text;
	size_t i;

	(void)state;
	cm_buf_init(&out, 100000);
	cm_buf_init(&text, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cm_buf_reset(&out);
		assert_int_equal(cm_qp_encode(s(rows[i].text), &out), CM_OK);
		assert_string_equal(cm_buf_text(&out), rows[i].encoded);
	}
	cm_buf_reset(&out);
	for (i = 0; i < 1000; i++)
		(void)cm_buf_adds(&text, i % 3 == 0 ? "\xc5\xbe" : "x ");
	assert_int_equal(cm_qp_encode(s(cm_buf_text(&text)), &out), CM_OK);
	no_encoded_line_is_too_long(s(cm_buf_text(&out)));
	cm_buf_free(&out);
	cm_buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_strictly),
		cmocka_unit_test(quoted_printable_is_well_formed),
		cmocka_unit_test(quoted_printable_by_words_and_by_octets),
		cmocka_unit_test(
			quoted_printable_is_written_by_words_as_by_octets),
		cmocka_unit_test(a_decoder_reads_in_any_pieces),
		cmocka_unit_test(a_piece_decodes_where_it_was_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
