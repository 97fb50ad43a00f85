/*
 * bench_edit: our body step beside GMime's parse, footer and write.
 *
 *     bench_edit [ROUNDS]
 *
 * Prints one line of JSON, of which bench.py makes words.
 *
 * A 50 KB newsletter (alternative, quoted-printable), in one run and
 * interleaved, since only ratios of the same moment mean anything: ours
 * without the second reader, ours with it, and what a filter that parses,
 * decodes, appends and writes with GMime does.  Then the memory that a
 * message of 25 MB takes.  CPU time, medians.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gmime/gmime.h>

#include "lib/json.h"
#include "tests/unit/message.h"

enum { ROUNDS = 200, KINDS = 3, BIG = 25 * 1024 * 1024 };

static uint64_t cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "bench_edit: %s\n", what);
	exit(1);
}

static const char head[] =
	"From: news@acme.example\r\nTo: ann@example.org\r\nSubject: Offers\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n";

static void newsletter(struct cm_buf *out)
{
	int i;

	(void)cm_buf_adds(out, head);
	(void)cm_buf_adds(out, "--b1\r\nContent-Type: text/plain; "
			       "charset=utf-8\r\nContent-Transfer-Encoding: "
			       "quoted-printable\r\n\r\n");
	for (i = 0; out->len < 15000; i++)
		(void)cm_buf_addf(
			out,
			"Nab=C3=ADdka %d: boty za polovinu, jen tento "
			"t=C3=BDden\r\nhttps://shop.acme.example/%d\r\n",
			i, i);
	(void)cm_buf_adds(out, "\r\n--b1\r\nContent-Type: text/html; "
			       "charset=utf-8\r\nContent-Transfer-Encoding: "
			       "quoted-printable\r\n\r\n<html><body>\r\n");
	for (i = 0; out->len < 50000; i++)
		(void)cm_buf_addf(
			out,
			"<table width=3D\"600\"><tr><td style=3D\"padding:8px;"
			"color:=\r\n#333333\"><a href=3D\"https://shop.acme."
			"example/%d\">Nab=C3=ADdka %d=\r\n</a><br>boty za "
			"polovinu</td></tr></table>\r\n",
			i, i);
	(void)cm_buf_adds(out, "</body></html>\r\n--b1--\r\n");
}

static uint64_t ours(struct test_world *w, const struct cm_buf *message,
		     bool gmime)
{
	struct cm_edit edit = {0};
	uint64_t start;

	test_world_message(w, message->data, message->len);
	w->request.prove_with_gmime = gmime;
	start = cpu_ns();
	must(cm_edit_make(&w->request, w->arena, &edit, NULL) == CM_OK &&
		     edit.outcome == CM_BODY_FOOTER && edit.nsplices == 2,
	     "the newsletter was not edited");
	return cpu_ns() - start;
}

static void append(GMimeObject *parent, GMimeObject *object, gpointer data)
{
	GMimeTextPart *part = (GMimeTextPart *)object;
	GMimeContentEncoding encoding;
	char *text;
	char *more;

	(void)parent;
	if (!GMIME_IS_TEXT_PART(object))
		return;
	encoding = g_mime_part_get_content_encoding((GMimePart *)part);
	text = g_mime_text_part_get_text(part);
	more = g_strconcat(text, (const char *)data, NULL);
	g_mime_text_part_set_text(part, more);
	g_mime_part_set_content_encoding((GMimePart *)part, encoding);
	g_free(text);
	g_free(more);
}

static uint64_t with_gmime(const struct cm_buf *message)
{
	char footer[801];
	uint64_t start;
	GMimeStream *in;
	GMimeStream *out;
	GMimeParser *parser;
	GMimeMessage *read;

	memset(footer, 'x', 800);
	footer[800] = '\0';
	start = cpu_ns();
	in = g_mime_stream_mem_new_with_buffer(message->data, message->len);
	parser = g_mime_parser_new_with_stream(in);
	read = g_mime_parser_construct_message(parser, NULL);
	g_mime_message_foreach(read, append, footer);
	out = g_mime_stream_mem_new();
	must(g_mime_object_write_to_stream((GMimeObject *)read, NULL, out) > 0,
	     "GMime did not write");
	g_object_unref(out);
	g_object_unref(read);
	g_object_unref(parser);
	g_object_unref(in);
	return cpu_ns() - start;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_size);
	return values[n / 2];
}

/* VmHWM or VmRSS of /proc/self/status, in KB. */
static uint64_t status_kb(const char *key)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t kb = 0;

	must(file != NULL, "no /proc");
	while (fgets(line, sizeof(line), file) != NULL)
		if (cm_span_starts(cm_span(line), key)) {
			struct cm_span value = cm_span(line + strlen(key) + 1);

			value = cm_span_trim(value);
			value.n -= 3; /* " kB" */
			must(cm_parse_u64(value, UINT64_MAX, &kb) == CM_OK,
			     "status is not as expected");
		}
	(void)fclose(file);
	return kb;
}

static void forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "we");

	must(file != NULL && fputs("5", file) >= 0, "cannot reset the peak");
	(void)fclose(file);
}

/* One text of 25 MB, the worst there is: all of it is decoded. */
static int64_t memory_percent(struct test_world *w)
{
	struct cm_buf message;
	struct cm_edit edit = {0};
	uint64_t before;

	cm_buf_init(&message, BIG + 4096);
	(void)cm_buf_adds(&message, "Content-Type: text/html; charset=utf-8\r\n"
				    "Content-Transfer-Encoding: "
				    "quoted-printable\r\n\r\n");
	while (message.len < BIG)
		(void)cm_buf_adds(&message, "<p>Nab=C3=ADdka boty za polovinu, "
					    "jen tento t=C3=BDden</p>\r\n");
	test_world_message(w, message.data, message.len);
	cm_buf_free(&message);
	w->request.prove_with_gmime = false;
	forget_peak();
	before = status_kb("VmRSS");
	must(cm_edit_make(&w->request, w->arena, &edit, NULL) == CM_OK &&
		     edit.outcome == CM_BODY_FOOTER,
	     "25 MB were not edited");
	return (int64_t)((status_kb("VmHWM") - before) * 1024 * 100 / BIG);
}

static void report(size_t octets, uint64_t *times, uint64_t rounds,
		   int64_t percent)
{
	static const char *const names[KINDS] = {"ours_ns", "proved_ns",
						 "gmime_ns"};
	struct cm_json_writer writer;
	struct cm_buf out;
	size_t i;

	cm_buf_init(&out, 4096);
	cm_json_init(&writer, &out, CM_JSON_COMPACT);
	cm_json_begin_object(&writer);
	cm_json_put_int(&writer, "octets", (int64_t)octets);
	for (i = 0; i < KINDS; i++)
		cm_json_put_int(&writer, names[i],
				(int64_t)median(times + i * rounds, rounds));
	cm_json_put_int(&writer, "memory_percent", percent);
	cm_json_end(&writer);
	must(cm_json_done(&writer) == CM_OK, "no JSON");
	(void)printf("%s\n", cm_buf_text(&out));
	cm_buf_free(&out);
}

int main(int argc, char **argv)
{
	uint64_t rounds = ROUNDS;
	uint64_t *times;
	struct test_world w;
	struct cm_buf message;
	size_t octets;
	uint64_t i;

	if (argc > 1)
		must(cm_parse_u64(cm_span(argv[1]), 1000000, &rounds) ==
				     CM_OK &&
			     rounds > 0,
		     "ROUNDS is a number");
	times = calloc(KINDS * rounds, sizeof(*times));
	must(times != NULL, "no memory");
	test_world_open(&w);
	cm_buf_init(&message, BIG);
	newsletter(&message);
	for (i = 0; i < rounds; i++) {
		times[i] = ours(&w, &message, false);
		times[rounds + i] = ours(&w, &message, true);
		times[2 * rounds + i] = with_gmime(&message);
	}
	octets = message.len;
	cm_buf_free(&message);
	report(octets, times, rounds, memory_percent(&w));
	free(times);
	test_world_close(&w);
	return 0;
}
