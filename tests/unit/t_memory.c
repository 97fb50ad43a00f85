/* memory: a stream that stopped is told of, each by itself, once an hour; what
 * cannot be written is told of, too. */
#include "milter/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void remove_in(const char *folder, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/milter/%s", folder, name);
	(void)remove(path);
}

/* What a daemon says that lets so many people's mail go, and ends. */
static void let_go(struct cm_memory_options *options, unsigned people,
		   struct cm_buf *ret_said)
{
	const struct cm_purpose news = {.path = "acme/news", .id = {1}};
	const struct cm_purpose *const of_news[] = {&news};
	struct cm_memory *memory = NULL;
	struct cm_error err;
	unsigned i;

	cm_buf_reset(ret_said);
	assert_int_equal(cm_memory_new(options, &memory, &err), CM_OK);
	for (i = 0; i < people; i++) {
		const struct cm_id id = {{(uint8_t)(i >> 8), (uint8_t)i}};

		cm_memory_note(memory, &id, of_news, 1);
	}
	assert_int_equal(cm_memory_start(memory, &err), CM_OK);
	cm_memory_stop(memory);
	cm_memory_free(&memory);
}

static void a_full_environment_is_told_of(void **state)
{
	char folder[] = "/tmp/cm-memory-XXXXXX";
	struct cm_memory_options options = {.store_path = folder,
					    .map_size = 128 * 1024,
					    .write = true,
					    .now = now};
	struct cm_buf said;

	(void)state;
	assert_non_null(mkdtemp(folder));
	cm_buf_init(&said, 1 << 16);
	assert_int_equal(cm_log_call(keep_line, &said, &options.log), CM_OK);
	let_go(&options, 10, &said);
	assert_string_equal(cm_buf_text(&said), "");
	let_go(&options, 10000, &said);
	assert_int_equal(lines(&said), 1);
	assert_non_null(strstr(cm_buf_text(&said),
			       "last-mailed days are not remembered: "));
	cm_log_free(&options.log);
	cm_buf_free(&said);
	remove_in(folder, "data.mdb");
	remove_in(folder, "lock.mdb");
	remove_in(folder, "writer.lock");
	remove_in(folder, "");
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stopped_stream_is_told_of),
		cmocka_unit_test(a_full_environment_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
