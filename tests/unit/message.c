/* See message.h. */
#include "tests/unit/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

enum { ARENA_MAX = 256 * 1024 * 1024 };

void test_world_open(struct test_world *w)
{
	struct cm_error err = {0};

	memset(w, 0, sizeof(*w));
	w->config.controller_name = "Acme GmbH";
	w->config.controller_address = "Main Street 1, 10115 Berlin";
	w->config.controller_contact = "privacy@acme.example";
	w->config.language = "en";
	w->config.max_edit_size = 64 * 1024 * 1024;
	w->ours = "acme.example";
	w->config.dkim_domains.v = &w->ours;
	w->config.dkim_domains.n = 1;
	w->stream.name = "newsletter";
	w->stream.footer = true;
	w->purpose.path = "acme/newsletter";
	w->purpose.title = "Acme newsletter";
	w->purpose.titles = &w->title_cs;
	w->purpose.ntitles = 1;
	w->title_cs.language = "cs";
	w->title_cs.text = "Zpravodaj \xc5\xbd & syn";
	assert_int_equal(cm_arena_new(ARENA_MAX, &w->arena), CM_OK);
	if (cm_templates_load(CM_SRCDIR "/conf/templates", "en", &w->templates,
			      &err) != CM_OK)
		fail_msg("%s", err.text);
	w->request.config = &w->config;
	w->request.stream = &w->stream;
	w->request.purpose = &w->purpose;
	w->request.templates = w->templates;
	w->request.way_out.https = TEST_HTTPS;
	w->request.way_out.mailto = TEST_MAILTO;
	w->request.way_out.one_click = true;
	w->request.way_out.footer_link = TEST_LINK;
	w->request.prove_with_gmime = true;
}

void test_world_close(struct test_world *w)
{
	cm_templates_free(&w->templates);
	cm_arena_free(&w->arena);
}

static size_t count_lines(const char *p, size_t n)
{
	size_t lines = 1;

	while (n-- > 0)
		lines += *p++ == '\n';
	return lines;
}

static const char *line_end(const char *p, const char *end)
{
	const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

	return nl != NULL ? nl : end;
}

/* What an MTA takes for a header field; others it would not hand to us. */
static bool is_name(const char *p, const char *end)
{
	if (p == end)
		return false;
	for (; p < end; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return true;
}

void test_world_message(struct test_world *w, const void *data, size_t n)
{
	const char *p;
	const char *end;
	struct cm_facts_header *headers;
	size_t count = 0;

	cm_arena_reset(w->arena);
	p = cm_arena_dup(w->arena, data, n);
	end = p + n;
	headers = cm_arena_array(w->arena, count_lines(p, n), sizeof(*headers));
	while (p < end && *p != '\n' &&
	       !(*p == '\r' && end - p > 1 && p[1] == '\n')) {
		const char *nl = line_end(p, end);
		const char *colon;

		while (nl < end - 1 && (nl[1] == ' ' || nl[1] == '\t'))
			nl = line_end(nl + 1, end);
		colon = memchr(p, ':', (size_t)(nl - p));
		if (colon != NULL && is_name(p, colon)) {
			const char *last = nl;

			if (last > colon + 1 && last[-1] == '\r')
				last--;
			headers[count].name = cm_span_n(p, (size_t)(colon - p));
			colon += colon + 1 < last && colon[1] == ' ' ? 2 : 1;
			headers[count++].value =
				cm_span_n(colon, (size_t)(last - colon));
		}
		p = nl < end ? nl + 1 : end;
	}
	if (p < end)
		p = line_end(p, end) + 1;
	w->request.headers = headers;
	w->request.nheaders = count;
	w->request.body = cm_span_n(p, p < end ? (size_t)(end - p) : 0);
}

/* The nth (1-based) of a name, in any case, is deleted. */
static bool is_deleted(const struct test_world *w, const struct cm_edit *edit,
		       size_t index)
{
	const struct cm_facts_header *headers = w->request.headers;
	unsigned nth = 0;
	size_t i;

	for (i = 0; i <= index; i++)
		nth += cm_span_caseeq(headers[i].name, headers[index].name);
	for (i = 0; i < edit->nheaders; i++)
		if (edit->headers[i].op == CM_HEADER_DELETE &&
		    edit->headers[i].nth == nth &&
		    cm_span_is(headers[index].name, edit->headers[i].name))
			return true;
	return false;
}

struct cm_span test_world_apply(struct test_world *w,
				const struct cm_edit *edit)
{
	struct cm_span body =
		cm_edit_has_body(edit) ? edit->body : w->request.body;
	struct cm_buf out;
	struct cm_span all;
	size_t i;

	cm_buf_init(&out, ARENA_MAX);
	for (i = edit->nheaders; i > 0; i--)
		if (edit->headers[i - 1].op == CM_HEADER_INSERT)
			(void)cm_buf_addf(&out, "%s: %s\r\n",
					  edit->headers[i - 1].name,
					  edit->headers[i - 1].value);
	for (i = 0; i < w->request.nheaders; i++) {
		if (is_deleted(w, edit, i))
			continue;
		(void)cm_buf_add(&out, w->request.headers[i].name.p,
				 w->request.headers[i].name.n);
		(void)cm_buf_adds(&out, ": ");
		(void)cm_buf_add(&out, w->request.headers[i].value.p,
				 w->request.headers[i].value.n);
		(void)cm_buf_adds(&out, "\r\n");
	}
	(void)cm_buf_adds(&out, "\r\n");
	(void)cm_buf_add(&out, body.p, body.n);
	assert_int_equal(cm_buf_ok(&out), CM_OK);
	all.p = cm_arena_dup(w->arena, out.data, out.len);
	all.n = out.len;
	cm_buf_free(&out);
	return all;
}

int test_splices(const struct cm_edit *edit, struct cm_buf *out)
{
	size_t i, k;

	for (i = 0; i < edit->nsplices; i++) {
		const struct cm_splice *s = &edit->splices[i];

		(void)cm_buf_addf(out, "%zu %zu ", s->at, s->remove);
		for (k = 0; k < s->insert.n; k++)
			(void)cm_buf_addf(out, "%02x",
					  (unsigned char)s->insert.p[k]);
		(void)cm_buf_adds(out, "\n");
	}
	return cm_buf_ok(out);
}
