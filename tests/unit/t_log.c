/* log: lines stay one line, and hold no address and no token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

#include "tests/unit/test.h"

#define TOKEN58 "AbCdEfGhIjKlMnOpQrStUvWxYz-_AbCdEfGhIjKlMnOpQrStUvWxYz0123"
#define TOKEN56 "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx"
#define HEX64   "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"

static const struct {
	const char *text;
	const char *want;
} redactions[] = {
	{"nothing here", "nothing here"},
	{"to=<jane.doe@shop.example>, x", "to=<*@shop.example>, x"},
	{"jane@shop.example", "*@shop.example"},
	{"bounce+jane=shop.example@m.example gone", "*@m.example gone"},
	{"a@b@c", "*@*@c"},
	{"<@hop.example:jane@shop.example>", "<@hop.example:*@shop.example>"},
	{"x \"jane doe\"@shop.example", "x *@shop.example"},
	{"x \"jane \\\"j\\\" doe\"@shop.example", "x *@shop.example"},
	{"@shop.example", "@shop.example"},
	{"j\xc3\xbcrgen@shop.example", "*@shop.example"},
	{"inet:8025@127.0.0.1 busy", "inet:8025@127.0.0.1 busy"},
	{"inet6:8025@::1", "inet6:8025@::1"},
	{"inet:jane@shop.example", "inet:*@shop.example"},
	{"12345@shop.example", "*@shop.example"},
	{"https://h/u/" TOKEN58 " gone", "https://h/u/[...] gone"},
	{"u+" TOKEN56 "@m.example", "*@m.example"},
	{TOKEN56, "[...]"},
	{TOKEN58 "@m.example", "*@m.example"},
	{"root=" HEX64, "root=" HEX64},
	{"", ""},
};

static void lines_hold_no_address_and_no_token(void **state)
{
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(redactions) / sizeof(redactions[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s", redactions[i].text);
		cm_log_redact(text);
		assert_string_equal(text, redactions[i].want);
	}
}

static void keep(void *ctx, enum cm_log_level level, const char *line)
{
	(void)level;
	(void)cm_buf_addf(ctx, "%s\n", line);
}

struct fixture {
	struct cm_buf out;
	struct cm_log *log;
};

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	cm_buf_init(&f->out, 1 << 16);
	assert_int_equal(cm_log_call(keep, &f->out, &f->log), CM_OK);
}

static void teardown(struct fixture *f)
{
	cm_log_free(&f->log);
	cm_buf_free(&f->out);
}

static void a_line_is_key_value(void **state)
{
	struct fixture f;
	struct cm_line line;

	(void)state;
	setup(&f);
	cm_line_init(&line, cm_span("4bX1"));
	cm_line_text(&line, "stream", "newsletter");
	cm_line_int(&line, "rcpts", -5);
	cm_line_text(&line, "rule", "listener default");
	cm_line_span(&line, "evil", cm_span_n("a\"\n\0b", 5));
	cm_line_text(&line, "none", "");
	cm_line_text(&line, "who", "jane@shop.example");
	cm_line_hex(&line, "contact", "\x01\xfe", 2);
	cm_line_ms(&line, "ms", 1399);
	cm_line_write(&line, f.log, CM_LOG_INFO);
	cm_line_free(&line);
	assert_string_equal(cm_buf_text(&f.out),
			    "4bX1: stream=newsletter rcpts=-5 "
			    "rule=\"listener default\" "
			    "evil=\"a\\\"\\x0a\\x00b\" none=\"\" "
			    "who=\"*@shop.example\" contact=01fe ms=1.3\n");
	teardown(&f);
}

static void a_message_cannot_forge_a_line(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	cm_log(f.log, CM_LOG_WARNING, "%s", "a\nb\r\x1b[1m\x7f");
	assert_string_equal(cm_buf_text(&f.out), "a\\x0ab\\x0d\\x1b[1m\\x7f\n");
	teardown(&f);
}

/* What no longer fits is cut, in front of an escape or within a word. */
static void escapes_do_not_lengthen_a_line(void **state)
{
	char text[CM_LOG_LINE_MAX];
	struct fixture f;
	size_t n;

	(void)state;
	setup(&f);
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	cm_log(f.log, CM_LOG_INFO, "%s", text);
	assert_int_equal(f.out.len, CM_LOG_LINE_MAX);
	for (n = 0; n < 12; n++) {
		cm_buf_reset(&f.out);
		memset(text, '\n', 600);
		memset(text, 'a', n);
		cm_log(f.log, CM_LOG_INFO, "%s", text);
		assert_in_range(f.out.len, CM_LOG_LINE_MAX - 3,
				CM_LOG_LINE_MAX + 1);
		assert_memory_equal(f.out.data + n, "\\x0a\\x0a", 8);
	}
	teardown(&f);
}

static void a_line_on_stderr_names_the_program(void **state)
{
	struct cm_log *log = NULL;
	char got[64] = "";
	int saved = dup(STDERR_FILENO);
	int pipes[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
	(void)unsetenv("JOURNAL_STREAM");
	assert_int_equal(cm_log_stderr("prog", &log), CM_OK);
	cm_log(log, CM_LOG_INFO, "one");
	cm_log_free(&log);
	(void)setenv("JOURNAL_STREAM", "1:2", 1);
	assert_int_equal(cm_log_stderr("prog", &log), CM_OK);
	cm_log(log, CM_LOG_ERROR, "two");
	cm_log_free(&log);
	(void)unsetenv("JOURNAL_STREAM");
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	(void)close(pipes[1]);
	n = read(pipes[0], got, sizeof(got) - 1);
	(void)close(pipes[0]);
	assert_true(n > 0);
	assert_string_equal(got, "prog: one\n<3>two\n");
}

static void levels_and_length_are_limited(void **state)
{
	struct fixture f;
	struct cm_line line;
	int i;

	(void)state;
	setup(&f);
	cm_log(f.log, CM_LOG_DEBUG, "not said");
	cm_log(f.log, CM_LOG_INFO, "said");
	assert_string_equal(cm_buf_text(&f.out), "said\n");
	cm_buf_reset(&f.out);
	cm_line_init(&line, cm_span(NULL));
	for (i = 0; i < 10000; i++)
		cm_line_int(&line, "n", i);
	cm_line_write(&line, f.log, CM_LOG_INFO);
	cm_line_free(&line);
	assert_true(f.out.len > 1000 && f.out.len <= CM_LOG_LINE_MAX + 1);
	cm_log(NULL, CM_LOG_ERROR, "into the void");
	teardown(&f);
}

static void unknown_facilities_are_named(void **state)
{
	struct cm_log *log = NULL;
	struct cm_error err;
	int facility;

	(void)state;
	assert_int_equal(cm_log_syslog("t", "male", &log, &err), CM_ECONFIG);
	assert_non_null(strstr(err.text, "\"male\""));
	assert_int_equal(cm_log_facility("mail", &facility), CM_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_hold_no_address_and_no_token),
		cmocka_unit_test(a_line_is_key_value),
		cmocka_unit_test(a_message_cannot_forge_a_line),
		cmocka_unit_test(escapes_do_not_lengthen_a_line),
		cmocka_unit_test(a_line_on_stderr_names_the_program),
		cmocka_unit_test(levels_and_length_are_limited),
		cmocka_unit_test(unknown_facilities_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
