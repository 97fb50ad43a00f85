/* phrase: a name in a header field, which mail programs read back. */
#include "lib/phrase.h"

#include <string.h>

#include "milter/codec.h"
#include "tests/unit/test.h"

#define COLUMN 9 /* "List-Id: " */

/* RFC 2047, 6.2: words joined without the blanks between them. */
static void read_back(const char *phrase, char *out, size_t room)
{
	struct cm_buf text;
	const char *p = phrase;

	cm_buf_init(&text, room);
	while (*p != '\0') {
		const char *end;

		if (strncmp(p, "\n ", 2) == 0)
			p += 2;
		assert_memory_equal(p, "=?utf-8?B?", 10);
		end = strstr(p + 10, "?=");
		assert_non_null(end);
		assert_true(end + 2 - p <= 75); /* RFC 2047, 2 */
		assert_int_equal(
			cm_decode(CM_CTE_BASE64,
				  cm_span_n(p + 10, (size_t)(end - p - 10)),
				  &text),
			CM_OK);
		/* RFC 2047, 5: no character is cut in two. */
		assert_true(cm_utf8_valid(text.data, text.len));
		p = end + 2;
	}
	assert_true(text.len < room);
	memcpy(out, cm_buf_text(&text), text.len + 1);
	cm_buf_free(&text);
}

static void lines_fit(const char *phrase)
{
	size_t column = COLUMN;

	for (; *phrase != '\0'; phrase++) {
		column = *phrase == '\n' ? 0 : column + 1;
		assert_true(column <= 76);
	}
}

static void forms(void **state)
{
	static const struct {
		const char *text;
		const char *phrase;
	} rows[] = {
		{"Acme", "Acme"},
		{"Acme News & more!", "Acme News & more!"},
		{"Acme, Inc.", "\"Acme, Inc.\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"News <x>", "\"News <x>\""},
		{"\xc5\xbd", "=?utf-8?B?xb0=?="},
		/* Else it would be read as what it only looks like. */
		{"=?utf-8?B?eA==?=", "=?utf-8?B?PT91dGYtOD9CP2VBPT0/PQ==?="},
	};
	struct cm_arena *arena = NULL;
	size_t i;

	(void)state;
	assert_int_equal(cm_arena_new(1 << 20, &arena), CM_OK);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(cm_phrase(rows[i].text, COLUMN, arena),
				    rows[i].phrase);
	cm_arena_free(&arena);
}

/* Every length, of characters of two, three and four octets. */
static void long_names(void **state)
{
	static const char *const letters[] = {"\xc5\xbd", "\xe6\xa0\xaa",
					      "\xf0\x9f\x91\x9f", "a\xc3\xa9"};
	struct cm_arena *arena = NULL;
	char text[512];
	char back[512];
	size_t i, n;

	(void)state;
	assert_int_equal(cm_arena_new(1 << 20, &arena), CM_OK);
	for (i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		for (n = 0, text[0] = '\0'; n < 100; n++) {
			const char *phrase;

			memcpy(text + n * strlen(letters[i]), letters[i],
			       strlen(letters[i]) + 1);
			phrase = cm_phrase(text, COLUMN, arena);
			assert_non_null(phrase);
			lines_fit(phrase);
			read_back(phrase, back, sizeof(back));
			assert_string_equal(back, text);
			cm_arena_reset(arena);
		}
	cm_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
