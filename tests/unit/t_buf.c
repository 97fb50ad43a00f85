/* buf and arena: limits hold, failure sticks, bytes come back. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"

#include "tests/unit/test.h"

static void a_full_buffer_fails_for_good(void **state)
{
	struct cm_buf buf;

	(void)state;
	cm_buf_init(&buf, 4);
	assert_string_equal(cm_buf_text(&buf), "");
	assert_int_equal(cm_buf_adds(&buf, "abc"), CM_OK);
	assert_int_equal(cm_buf_adds(&buf, "de"), CM_ELIMIT);
	assert_int_equal(cm_buf_addc(&buf, 'd'), CM_ELIMIT);
	assert_int_equal(cm_buf_ok(&buf), CM_ELIMIT);
	assert_string_equal(cm_buf_text(&buf), "abc");
	cm_buf_reset(&buf);
	assert_int_equal(cm_buf_addf(&buf, "%d", 1234), CM_OK);
	assert_string_equal(cm_buf_text(&buf), "1234");
	cm_buf_free(&buf);
}

static void a_buffer_keeps_nuls_and_grows(void **state)
{
	struct cm_buf buf;
	size_t i;

	(void)state;
	cm_buf_init(&buf, 1 << 20);
	for (i = 0; i < 100000; i++)
		assert_int_equal(cm_buf_add(&buf, "a\0b", 3), CM_OK);
	assert_int_equal(buf.len, 300000);
	assert_memory_equal(buf.data + 299997, "a\0b", 3);
	cm_buf_free(&buf);
}

/* Short and long, into an empty, a roomy and a full buffer: the same text. */
static void formatted_text_is_whole_at_any_length(void **state)
{
	struct cm_arena *arena = NULL;
	char text[1001];
	size_t before, n;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(cm_arena_new(10000000, &arena), CM_OK);
	for (n = 0; n < sizeof(text); n += n < 270 ? 1 : 73) {
		char *copy = cm_arena_printf(arena, "%.*s!", (int)n, text);

		assert_int_equal(strlen(copy), n + 1);
		assert_memory_equal(copy, text, n);
		assert_int_equal(copy[n], '!');
		for (before = 0; before < 300; before += 37) {
			struct cm_buf buf;

			cm_buf_init(&buf, before + n);
			assert_int_equal(cm_buf_add(&buf, text, before), CM_OK);
			assert_int_equal(
				cm_buf_addf(&buf, "%.*s!", (int)n, text),
				CM_ELIMIT);
			assert_int_equal(buf.len, before);
			assert_int_equal(strlen(cm_buf_text(&buf)), before);
			cm_buf_reset(&buf);
			buf.max++;
			assert_int_equal(cm_buf_add(&buf, text, before), CM_OK);
			assert_int_equal(
				cm_buf_addf(&buf, "%.*s!", (int)n, text),
				CM_OK);
			assert_int_equal(buf.len, before + n + 1);
			assert_memory_equal(buf.data + before, text, n);
			assert_string_equal(buf.data + before + n, "!");
			cm_buf_free(&buf);
		}
	}
	cm_arena_free(&arena);
}

static void an_arena_stops_at_its_limit(void **state)
{
	struct cm_arena *arena = NULL;
	char *text;
	int i;

	(void)state;
	assert_int_equal(cm_arena_new(100000, &arena), CM_OK);
	text = cm_arena_printf(arena, "%s-%d", "part", 7);
	assert_string_equal(text, "part-7");
	assert_non_null(cm_arena_alloc(arena, 50000));
	assert_null(cm_arena_alloc(arena, 50000));
	assert_null(cm_arena_array(arena, SIZE_MAX / 2, 4));
	assert_string_equal(text, "part-7");
	for (i = 0; i < 1000; i++) {
		cm_arena_reset(arena);
		assert_non_null(cm_arena_alloc(arena, 90000));
	}
	cm_arena_free(&arena);
	assert_null(arena);
}

static void what_is_cut_is_gone(void **state)
{
	struct cm_buf buf;

	(void)state;
	cm_buf_init(&buf, 8);
	cm_buf_cut(&buf, 0);
	assert_int_equal(cm_buf_adds(&buf, "abcdef"), CM_OK);
	cm_buf_cut(&buf, 7);
	assert_string_equal(cm_buf_text(&buf), "abcdef");
	cm_buf_cut(&buf, 2);
	assert_string_equal(cm_buf_text(&buf), "ab");
	assert_int_equal(cm_buf_adds(&buf, "xyzxyzxyz"), CM_ELIMIT);
	cm_buf_cut(&buf, 0);
	assert_int_equal(cm_buf_ok(&buf), CM_ELIMIT);
	cm_buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_buffer_fails_for_good),
		cmocka_unit_test(a_buffer_keeps_nuls_and_grows),
		cmocka_unit_test(formatted_text_is_whole_at_any_length),
		cmocka_unit_test(an_arena_stops_at_its_limit),
		cmocka_unit_test(what_is_cut_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
