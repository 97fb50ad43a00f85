/*
 * fuzz_template: a page as an admin may write it, and values as strangers may.
 *
 * First octet: the page's template ("p") or one of its texts ("w") is what
 * follows, up to a NUL; then come the values of {{purpose}} and {{email}}, up
 * to a NUL each.  What loads is filled as a second reading of template.h says:
 * no octet of a value or a text is ever mark-up, no placeholder is left, and
 * no value is taken for a template.  What does not load says in which file
 * and line.
 */
#define _GNU_SOURCE /* memmem */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "policy/template.h"

#include "tests/fuzz/fuzz.h"

enum { PATH_LEN = 400, TEXT_MAX = 1 << 20, VALUES = 2 };

static const char page_file[] = "ask.html";
static const char words_file[] = "en/pages.txt";
static const char words_key[] = "ask-head";

static char folder[] = "/tmp/fuzz_template.XXXXXX";
static char words[TEXT_MAX]; /* of the shipped words, without words_key */

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_template: %s\n", what);
	abort();
}

/* ---- files -------------------------------------------------------------- */

static void put(const char *name, const char *data, size_t n)
{
	char path[PATH_LEN];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	must(file != NULL && fwrite(data, 1, n, file) == n && fclose(file) == 0,
	     "cannot write");
}

static size_t get(const char *name, char out[TEXT_MAX])
{
	char path[PATH_LEN];
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/conf/templates/%s", CM_SRCDIR,
		       name);
	file = fopen(path, "re");
	must(file != NULL, path);
	n = fread(out, 1, TEXT_MAX - 1, file);
	(void)fclose(file);
	out[n] = '\0';
	return n;
}

/* Files of conf/templates, or of one language's folder in it. */
static void copy_folder(const char *below)
{
	static char text[TEXT_MAX];
	char path[PATH_LEN];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/conf/templates/%s", CM_SRCDIR,
		       below);
	dir = opendir(path);
	must(dir != NULL, path);
	while ((entry = readdir(dir)) != NULL) {
		if (strchr(entry->d_name, '.') == NULL ||
		    entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%.10s%.200s", below,
			       entry->d_name);
		put(path, text, get(path, text));
	}
	(void)closedir(dir);
}

static void drop_folder(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char name[PATH_LEN];

		(void)snprintf(name, sizeof(name), "%.100s/%.250s", path,
			       entry->d_name);
		(void)unlink(name);
	}
	if (dir != NULL)
		(void)closedir(dir);
	(void)rmdir(path);
}

static void drop_all(void)
{
	char path[PATH_LEN];

	(void)snprintf(path, sizeof(path), "%s/en", folder);
	drop_folder(path);
	drop_folder(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char all[TEXT_MAX];
	char path[PATH_LEN];
	struct cm_span rest;
	size_t n = 0;

	(void)argc;
	(void)argv;
	must(mkdtemp(folder) != NULL, "no folder");
	(void)atexit(drop_all);
	(void)snprintf(path, sizeof(path), "%s/en", folder);
	must(mkdir(path, 0700) == 0, path);
	copy_folder("");
	copy_folder("en/");
	rest = cm_span_n(all, get(words_file, all));
	while (rest.n > 0) {
		struct cm_span line = cm_span_cut(&rest, '\n');

		if (cm_span_starts(line, words_key) &&
		    line.p[sizeof(words_key) - 1] == ' ')
			continue;
		memcpy(words + n, line.p, line.n);
		n += line.n;
		words[n++] = '\n';
	}
	return 0;
}

/* ---- template.h, read a second time --------------------------------------
 */

struct model {
	struct cm_span head; /* the text of words_key */
	struct cm_span values[VALUES];
	struct cm_buf *out;
};

static void add_words(struct model *m, struct cm_span text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '<' || c == '>')
			(void)cm_buf_adds(m->out, c == '<' ? "&lt;" : "&gt;");
		else if (c == '&')
			(void)cm_buf_adds(m->out, "&amp;");
		else if (c == '"' || c == '\'')
			(void)cm_buf_adds(m->out,
					  c == '"' ? "&quot;" : "&#39;");
		else
			(void)cm_buf_addc(m->out, c);
	}
}

static struct cm_span word_of(const struct model *m, struct cm_span key)
{
	struct cm_span rest = cm_span(words);

	if (cm_span_is(key, words_key) && m->head.p != NULL)
		return m->head;
	while (rest.n > 0) {
		struct cm_span text = cm_span_cut(&rest, '\n');

		if (cm_span_eq(cm_span_trim(cm_span_cut(&text, '=')), key))
			return cm_span_trim(text);
	}
	return cm_span("");
}

static void model_fill(struct model *m, struct cm_span text, bool is_words);

static void model_name(struct model *m, struct cm_span name)
{
	if (cm_span_starts(name, "text:"))
		model_fill(m, word_of(m, cm_span_n(name.p + 5, name.n - 5)),
			   true);
	else if (cm_span_is(name, "language"))
		add_words(m, cm_span("en"));
	else if (cm_span_is(name, "dir"))
		add_words(m, cm_span("ltr"));
	else if (cm_span_is(name, "purpose"))
		add_words(m, m->values[0]);
	else if (cm_span_is(name, "email"))
		add_words(m, m->values[1]);
}

static const char *find(struct cm_span text, const char *two)
{
	return text.n > 0 ? memmem(text.p, text.n, two, 2) : NULL;
}

static void model_fill(struct model *m, struct cm_span text, bool is_words)
{
	const char *open;

	while ((open = find(text, "{{")) != NULL) {
		struct cm_span before = {text.p, (size_t)(open - text.p)};
		struct cm_span rest = {open + 2, text.n - before.n - 2};
		const char *close = find(rest, "}}");

		must(close != NULL, "an open placeholder was loaded");
		if (is_words)
			add_words(m, before);
		else
			(void)cm_buf_add(m->out, before.p, before.n);
		model_name(m, cm_span_trim(cm_span_n(
				      rest.p, (size_t)(close - rest.p))));
		text = cm_span_n(close + 2,
				 rest.n - (size_t)(close + 2 - rest.p));
	}
	if (is_words)
		add_words(m, text);
	else
		(void)cm_buf_add(m->out, text.p, text.n);
}

/* ---- one input ---------------------------------------------------------- */

static void check_filled(const struct cm_templates *templates,
			 struct cm_span page, struct model *m)
{
	char values[VALUES][4096];
	const struct cm_template_value given[] = {
		{"purpose", values[0]},
		{"email", values[1]},
	};
	struct cm_buf want, got;
	size_t i;

	for (i = 0; i < VALUES; i++) {
		if (m->values[i].n >= sizeof(values[i]))
			m->values[i].n = sizeof(values[i]) - 1;
		(void)snprintf(values[i], sizeof(values[i]), "%.*s",
			       (int)m->values[i].n, m->values[i].p);
	}
	cm_buf_init(&want, TEXT_MAX * 8);
	cm_buf_init(&got, TEXT_MAX * 8);
	m->out = &want;
	model_fill(m, page, false);
	must(cm_template_fill(templates, CM_TEMPLATE_PAGE_ASK, "en", given,
			      VALUES, &got) == CM_OK,
	     "not filled");
	must(want.len == got.len && memcmp(cm_buf_text(&want),
					   cm_buf_text(&got), got.len) == 0,
	     "filled otherwise");
	cm_buf_free(&want);
	cm_buf_free(&got);
}

static void put_words(struct cm_span head)
{
	struct cm_buf all;

	cm_buf_init(&all, TEXT_MAX * 2);
	(void)cm_buf_addf(&all, "%s = ", words_key);
	(void)cm_buf_add(&all, head.p, head.n);
	(void)cm_buf_addf(&all, "\n%s", words);
	put(words_file, cm_buf_text(&all), all.len);
	cm_buf_free(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char shipped[] = "<h1>{{text:ask-head}}</h1>{{email}}";
	struct cm_span rest = {(const char *)data, size};
	struct cm_span text, page = cm_span(shipped);
	struct cm_templates *templates = NULL;
	struct cm_error err = {CM_OK, ""};
	struct model m = {.head = cm_span("x")};
	bool is_page;

	if (size == 0 || (data[0] != 'p' && data[0] != 'w'))
		return -1;
	is_page = data[0] == 'p';
	rest = cm_span_n(rest.p + 1, rest.n - 1);
	text = cm_span_cut(&rest, '\0');
	m.values[0] = cm_span_cut(&rest, '\0');
	m.values[1] = cm_span_cut(&rest, '\0');
	if (is_page)
		page = text;
	else if (memchr(text.p, '\n', text.n) != NULL)
		return -1;
	else
		m.head = cm_span_trim(text);
	put(page_file, page.p, page.n);
	put_words(m.head);
	if (cm_templates_load(folder, "en", &templates, &err) == CM_OK)
		check_filled(templates, page, &m);
	else
		must(strstr(err.text, is_page ? page_file : words_file) != NULL,
		     err.text);
	cm_templates_free(&templates);
	return 0;
}
