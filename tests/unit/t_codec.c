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
			if ((unsigned char)in[i] > 127)
				return CM_EDATA;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoted_printable_by_words_and_by_octets),
		cmocka_unit_test(a_decoder_reads_in_any_pieces),
		cmocka_unit_test(a_piece_decodes_where_it_was_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
