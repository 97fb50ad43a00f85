/* memory: a stream that stopped is told of, each by itself, once an hour. */
#include "milter/memory.h"

#include <string.h>

#include "lib/buf.h"

#include "tests/unit/test.h"

static int64_t hour; /* of the test's clock */

static int64_t now(void)
{
	return INT64_C(1795000000000) + hour * 3600 * CM_SECOND_MS;
}

static void keep_line(void *ctx, enum cm_log_level level, const char *line)
{
	(void)level;
	(void)cm_buf_addf(ctx, "%s\n", line);
}

static size_t lines(const struct cm_buf *buf)
{
	size_t i, n = 0;

	for (i = 0; i < buf->len; i++)
		n += buf->data[i] == '\n';
	return n;
}

static void each_stopped_stream_is_told_of(void **state)
{
	const char *const names[] = {"a", "b", "c", "d", "e",
				     "f", "g", "h", "i", "j"};
	const struct cm_campaign campaign = {.asked = 1000, .complained = 4};
	struct cm_memory_options options = {.store_path = "/nowhere",
					    .now = now};
	struct cm_stream stream = {.stop_complaints = 3};
	struct cm_memory *memory = NULL;
	struct cm_error err;
	struct cm_buf said;
	size_t i;

	(void)state;
	cm_buf_init(&said, 1 << 16);
	assert_int_equal(cm_log_call(keep_line, &said, &options.log), CM_OK);
	assert_int_equal(cm_memory_new(&options, &memory, &err), CM_OK);
	for (i = 0; i < 6; i++) {
		stream.name = names[i % 2];
		cm_memory_say_stopped(memory, &stream, &campaign);
	}
	assert_int_equal(lines(&said), 2);
	assert_non_null(strstr(cm_buf_text(&said), "stream \"a\" is stopped"));
	assert_non_null(strstr(cm_buf_text(&said), "stream \"b\" is stopped"));
	hour++;
	cm_memory_say_stopped(memory, &stream, &campaign);
	assert_int_equal(lines(&said), 3);
	/* More of them than it keeps apart: nobody is passed over. */
	hour++;
	cm_buf_reset(&said);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		stream.name = names[i];
		cm_memory_say_stopped(memory, &stream, &campaign);
	}
	assert_int_equal(lines(&said), 10);
	cm_memory_free(&memory);
	cm_log_free(&options.log);
	cm_buf_free(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stopped_stream_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
