/* mime: trees by offsets, and one word where readers could differ. */
#include <string.h>

#include "milter/display.h"
#include "milter/field.h"

#include "tests/unit/test.h"

#define B     "Content-Type: multipart/mixed; boundary=b"
#define MIXED "multipart/mixed; boundary=b"
#define PLAIN "Content-Type: text/plain\r\n"

struct world {
	struct cm_arena *arena;
	struct cm_facts_header headers[4];
	size_t nheaders;
	struct cm_mime mime;
	const char *body;
};

static void scan(struct world *w, const char *type, const char *body)
{
	w->nheaders = 0;
	if (type != NULL) {
		w->headers[0].name = cm_span("Content-Type");
		w->headers[0].value = cm_span(type);
		w->nheaders = 1;
	}
	w->body = body;
	assert_int_equal(cm_mime_scan(w->headers, w->nheaders, cm_span(body),
				      w->arena, &w->mime),
			 CM_OK);
}

static void open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(cm_arena_new(1 << 26, &w->arena), CM_OK);
}

static struct cm_span content(const struct world *w, size_t part)
{
	const struct cm_mime_part *p = &w->mime.parts[part];

	return cm_span_n(w->body + p->body_at, p->end - p->body_at);
}

static void a_tree_by_offsets(void **state)
{
	static const char body[] =
		"preamble\r\n--b\r\n" PLAIN "\r\none\r\n"
		"--b\r\nContent-Type: multipart/alternative; boundary=\"a c\""
		"\r\n\r\n--a c\r\n\r\n\r\n--a c\r\nContent-Type: text/html;\r\n"
		" charset=\"UTF\\-8\"\r\n"
		"Content-Transfer-Encoding: Base64\r\n\r\nWA==\r\n--a c--\r\n"
		"inner epilogue\r\n--b\r\n\r\n--b--\r\nepilogue --b\r\n";
	static const char *const paths[] = {NULL, "1", NULL, "2.1", "2.2", "3"};
	static const char *const texts[] = {NULL, "one", NULL, "", "WA==", ""};
	struct world w;
	size_t i;

	(void)state;
	open_world(&w);
	scan(&w, MIXED, body);
	assert_null(w.mime.unsure);
	assert_int_equal(w.mime.count, 6);
	for (i = 0; i < 6; i++) {
		if (paths[i] == NULL)
			continue;
		assert_string_equal(cm_mime_path(&w.mime, i, w.arena),
				    paths[i]);
		assert_true(cm_span_eq(content(&w, i), cm_span(texts[i])));
	}
	assert_false(w.mime.parts[3].joined);
	assert_true(w.mime.parts[5].joined);
	assert_true(cm_mime_is(&w.mime.parts[3], "text", "plain"));
	assert_true(cm_mime_is(&w.mime.parts[4], "TEXT", "html"));
	assert_true(cm_span_is(w.mime.parts[4].charset, "utf-8"));
	assert_int_equal(w.mime.parts[4].cte, CM_CTE_BASE64);
	assert_int_equal(w.mime.parts[0].children, 3);
	cm_arena_free(&w.arena);
}

/* RFC 2045, 5.2: nothing said is text/plain us-ascii 7bit. */
static void a_message_without_mime(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	scan(&w, NULL, "Hello\r\n--b\r\n");
	assert_null(w.mime.unsure);
	assert_int_equal(w.mime.count, 1);
	assert_true(cm_mime_is(&w.mime.parts[0], "text", "plain"));
	assert_false(w.mime.parts[0].has_cte);
	assert_string_equal(cm_mime_path(&w.mime, 0, w.arena), "1");
	assert_int_equal(w.mime.parts[0].end, 12);
	scan(&w, NULL, "");
	assert_null(w.mime.unsure);
	assert_int_equal(w.mime.parts[0].end, 0);
	cm_arena_free(&w.arena);
}

static void one_word_when_not_sure(void **state)
{
	static const struct {
		const char *type;
		const char *body;
		const char *why; /* NULL = sure */
	} rows[] = {
		{MIXED, "--b\r\n\r\nx\r\n--b--\r\n", NULL},
		{MIXED, "--b\r\n\r\nx\r\n--b-- \t\r\n", NULL},
		{MIXED, "--b\r\n\r\nx\r\n--b--", "boundary"},
		{MIXED, "--b\r\n\r\nx\r\n", "boundary"},
		{MIXED, "", "boundary"},
		{MIXED, "--b--\r\n", "boundary"},
		{MIXED, "--b\r\n\r\nx\r\n--bx\r\n--b--\r\n", "boundary"},
		{MIXED, "--b x\r\n\r\nx\r\n--b--\r\n", "boundary"},
		{MIXED, "--b\r\n\r\nx\n--b--\r\n", "line"},
		{MIXED, "--b\n\nx\r\n--b--\r\n", "line"},
		{MIXED, "--b\r\nA: b\n\r\nx\r\n--b--\r\n", "line"},
		{MIXED, "--b\r\nA: b\rc\r\n\r\nx\r\n--b--\r\n", "line"},
		{MIXED, "--b\r\nnone\r\n\r\nx\r\n--b--\r\n", "header"},
		{MIXED, "--b\r\n: x\r\n\r\nx\r\n--b--\r\n", "header"},
		{MIXED, "--b\r\nA : x\r\n\r\nx\r\n--b--\r\n", "header"},
		{MIXED, "--b\r\nA/B: x\r\n\r\nx\r\n--b--\r\n", "header"},
		{MIXED, "--b\r\n x: y\r\n\r\nx\r\n--b--\r\n", "header"},
		{MIXED, "--b\r\nA: x\r\n--b--\r\n", "header"},
		{MIXED, "--b\r\nA: x\r\n", "header"},
		{MIXED,
		 "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: "
		 "multipart/mixed; boundary=b\r\n\r\nx\r\n--b--\r\n",
		 "boundary"},
		{MIXED,
		 "--b\r\n" B "b\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n--b--\r\n",
		 "boundary"},
		{"text/plain; charset=utf-8;", "x", NULL},
		{"text/plain; charset=\"\"", "x", NULL},
		{"text/plain;;", "x", "header"},
		{"text/plain; charset", "x", "header"},
		{"text/plain; charset =x", "x", "header"},
		{"text/plain; charset=\"x", "x", "header"},
		{"text/plain; charset=\"x\r\n y\"", "x", "header"},
		{"text/plain; charset=a; CHARSET=b", "x", "duplicate"},
		{"text/plain; charset*0=a", "x", "parameter"},
		{"text/plain; name*0*=utf-8''a; name*1=b", "x", NULL},
		{"text/plain; na*me=a", "x", "header"},
		{"text/plain; name**=a", "x", "header"},
		{"text/plain (x)", "x", "header"},
		{"text", "x", "header"},
		{"", "x", "header"},
		{"image/x; name=a b", "x", NULL},
		{"image/x y", "x", "header"},
		{"multipart/mixed", "x", "boundary"},
		{"multipart/mixed; boundary=\"\"", "x", "boundary"},
		{"multipart/mixed; boundary=\"x \"", "x", "boundary"},
	};
	struct world w;
	size_t i;

	(void)state;
	open_world(&w);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *why;

		scan(&w, rows[i].type, rows[i].body);
		why = w.mime.unsure;
		if (why == NULL)
			why = w.mime.parts[0].unsure;
		if ((why == NULL) != (rows[i].why == NULL) ||
		    (why != NULL && strcmp(why, rows[i].why) != 0))
			fail_msg("%s | %s: %s", rows[i].type, rows[i].body,
				 why != NULL ? why : "sure");
	}
	cm_arena_free(&w.arena);
}

/* R3030-1: a NUL anywhere, and lines mean nothing. */
static void nuls_are_not_text(void **state)
{
	struct world w;
	static const char body[] = "a\0b";

	(void)state;
	open_world(&w);
	assert_int_equal(
		cm_mime_scan(NULL, 0, cm_span_n(body, 3), w.arena, &w.mime),
		CM_OK);
	assert_string_equal(w.mime.unsure, "binary");
	w.headers[0].name = cm_span("Content-Type");
	w.headers[0].value = cm_span_n("text/plain\0", 11);
	assert_int_equal(
		cm_mime_scan(w.headers, 1, cm_span("x"), w.arena, &w.mime),
		CM_OK);
	assert_string_equal(w.mime.unsure, "header");
	cm_arena_free(&w.arena);
}

/* R3030-1: called binary, but lines; and what is none. */
static void binary_may_be_lines(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	w.headers[0].name = cm_span("Content-Transfer-Encoding");
	w.headers[0].value = cm_span(" binary");
	assert_int_equal(cm_mime_scan(w.headers, 1, cm_span("a\r\nb\r\n"),
				      w.arena, &w.mime),
			 CM_OK);
	assert_null(w.mime.unsure);
	assert_int_equal(w.mime.parts[0].cte, CM_CTE_8BIT);
	assert_int_equal(cm_mime_scan(w.headers, 1, cm_span("a\r\nb\n"),
				      w.arena, &w.mime),
			 CM_OK);
	assert_string_equal(w.mime.unsure, "binary");
	assert_int_equal(cm_mime_scan(w.headers, 1, cm_span("a\rb\r\n"),
				      w.arena, &w.mime),
			 CM_OK);
	assert_string_equal(w.mime.unsure, "binary");
	cm_arena_free(&w.arena);
}

/* RFC 5322, 2.1.1: a name is one line's at most; GMime loses a longer one. */
static void a_name_fits_its_line(void **state)
{
	struct world w;
	char name[CM_FIELD_NAME_MAX + 1];

	(void)state;
	open_world(&w);
	memset(name, 'x', sizeof(name));
	w.headers[0].name = cm_span_n(name, CM_FIELD_NAME_MAX);
	w.headers[0].value = cm_span(" y");
	assert_int_equal(
		cm_mime_scan(w.headers, 1, cm_span("x"), w.arena, &w.mime),
		CM_OK);
	assert_null(w.mime.unsure);
	w.headers[0].name.n++;
	assert_int_equal(
		cm_mime_scan(w.headers, 1, cm_span("x"), w.arena, &w.mime),
		CM_OK);
	assert_string_equal(w.mime.unsure, "header");
	cm_arena_free(&w.arena);
}

static void limits_hold(void **state)
{
	struct world w;
	struct cm_buf body;
	int i;

	(void)state;
	open_world(&w);
	cm_buf_init(&body, 1 << 22);
	for (i = 0; i < CM_MIME_PARTS_MAX + 10; i++)
		(void)cm_buf_adds(&body, "--b\r\n\r\n\r\n");
	(void)cm_buf_adds(&body, "--b--\r\n");
	scan(&w, MIXED, cm_buf_text(&body));
	assert_string_equal(w.mime.unsure, "parts");
	cm_buf_reset(&body);
	(void)cm_buf_adds(&body, "--b\r\n");
	while (body.len < CM_MIME_HEADER_MAX + 100)
		(void)cm_buf_adds(&body, "X-Long: abcdefghijklmnopqrstuvw\r\n");
	(void)cm_buf_adds(&body, "\r\nx\r\n--b--\r\n");
	scan(&w, MIXED, cm_buf_text(&body));
	assert_string_equal(w.mime.unsure, "header");
	cm_buf_free(&body);
	cm_arena_free(&w.arena);
}

static void no_memory_is_said(void **state)
{
	struct cm_arena *arena = NULL;
	struct cm_mime mime;

	(void)state;
	assert_int_equal(cm_arena_new(100, &arena), CM_OK);
	assert_int_equal(cm_mime_scan(NULL, 0, cm_span("x"), arena, &mime),
			 CM_ENOMEM);
	cm_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_by_offsets),
		cmocka_unit_test(a_message_without_mime),
		cmocka_unit_test(one_word_when_not_sure),
		cmocka_unit_test(nuls_are_not_text),
		cmocka_unit_test(binary_may_be_lines),
		cmocka_unit_test(a_name_fits_its_line),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(no_memory_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
