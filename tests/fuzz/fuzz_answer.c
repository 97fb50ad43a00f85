/*
 * fuzz_answer: whole requests as strangers send them, over a real store.
 *
 * Lines: "METHOD URL", Content-Type, Accept-Language, X-Forwarded-For,
 * Forwarded, Authorization; then the body.  An octet below 8 stands for what
 * only we can make: links of each kind, a form's token (see made_here()).
 *
 * Nothing but a POST writes (R8058-8); without a link of ours not even that
 * refuses anything.  What is answered is a page of our own elements and
 * attributes, all of them closed, so that no name, reason or language becomes
 * mark-up; header fields of one line; lines for the log, without tokens;
 * and never a redirect or an error of ours.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/form_token.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/answer_kit.h"

enum {
	MADE = 8,
	MADE_MAX = 128,
	REQUEST_MAX = 16384,
	WORDS_MAX = 200,
	WORD_LEN = 32,
	DEPTH_MAX = 64,
	/* A store of its own for so many withdrawals and requests. */
	ACTS_MAX = 2000,
};

static struct fixture *f;
static char made[MADE][MADE_MAX];
/* Elements and attributes of conf/templates. */
static char ours[WORDS_MAX][WORD_LEN];
static size_t nours;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_answer: %s\n", what);
	abort();
}

/* ---- what is ours -------------------------------------------------------
 */

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '-')
		n++;
	return n;
}

static bool is_ours(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < nours; i++)
		if (strlen(ours[i]) == n && memcmp(ours[i], p, n) == 0)
			return true;
	return false;
}

static void learn(const char *p)
{
	size_t n = word_length(p);

	if (n == 0 || n >= WORD_LEN || is_ours(p, n))
		return;
	must(nours < WORDS_MAX, "too many elements");
	memcpy(ours[nours++], p, n);
}

static void learn_file(const char *path)
{
	static char text[65536];
	FILE *file = fopen(path, "re");
	bool inside = false;
	const char *p;

	must(file != NULL, path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	(void)fclose(file);
	for (p = text; *p != '\0'; p++) {
		if (*p == '<')
			inside = true;
		if (*p == '>')
			inside = false;
		if (inside && (*p == '<' || *p == ' '))
			learn(p + 1);
	}
}

static void learn_templates(void)
{
	static const char folder[] = CM_SRCDIR "/conf/templates";
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[512];

	must(dir != NULL, folder);
	while ((entry = readdir(dir)) != NULL) {
		if (strstr(entry->d_name, ".html") == NULL)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
			       entry->d_name);
		learn_file(path);
	}
	(void)closedir(dir);
	learn("checked"); /* {{ticked}} of web/page.c */
}

/* ---- the world ---------------------------------------------------------- */

static void make_link(size_t i, enum cm_key_kind kind, const char *address)
{
	struct link link = link_of(f, kind, address, KIT_PURPOSE, TODAY);

	(void)snprintf(made[i], MADE_MAX, "%s", link.url + 3);
}

static void made_here(void)
{
	const uint8_t nonce[CM_FORM_NONCE_LEN] = {1};

	make_link(1, CM_KEY_HEADER, PETR);
	make_link(2, CM_KEY_FOOTER, PETR);
	make_link(3, CM_KEY_PREFERENCE, PETR);
	make_link(4, CM_KEY_CONFIRM, PETR);
	make_link(5, CM_KEY_MAILED, PETR);
	make_link(6, CM_KEY_HEADER, "stranger@example.com");
	must(cm_form_token_make(f->kit.keys, cm_span("s/shop"), KIT_NOW - 60000,
				nonce, made[7], NULL) == CM_OK,
	     "no form token");
}

static void begin(void)
{
	void *state = NULL;

	must(web_set_up(&state) == 0, "no world");
	f = state;
	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - 1000);
	made_here();
}

static void end(void)
{
	void *state = f;

	(void)web_tear_down(&state);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	learn_templates();
	begin();
	(void)atexit(end);
	return 0;
}

/* ---- what an answer may be ------------------------------------------------
 */

/* One attribute; where it ends. */
static const char *check_attribute(const char *p)
{
	size_t n = word_length(p);

	must(n > 0 && is_ours(p, n), "a strange attribute");
	p += n;
	if (*p != '=')
		return p;
	must(p[1] == '"', "an attribute without quotes");
	p = strchr(p + 2, '"');
	must(p != NULL, "an open quote");
	return p + 1;
}

static bool stays_open(const char *name, size_t n)
{
	static const char *const closed[] = {"meta",  "br",   "img",
					     "input", "link", "hr"};
	size_t i;

	for (i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		if (strlen(closed[i]) == n && memcmp(name, closed[i], n) == 0)
			return false;
	return true;
}

struct open_elements {
	struct cm_span names[DEPTH_MAX];
	size_t depth;
};

static const char *check_tag(const char *p, struct open_elements *open)
{
	bool closing = *p == '/';
	struct cm_span name = {p + closing, word_length(p + closing)};

	must(name.n > 0 && is_ours(name.p, name.n), "a strange element");
	p = name.p + name.n;
	if (closing) {
		must(open->depth > 0 &&
			     cm_span_eq(open->names[--open->depth], name),
		     "elements cross");
		must(*p == '>', "an end tag with more");
		return p + 1;
	}
	while (*p == ' ')
		p = check_attribute(p + 1);
	must(*p == '>', "an open tag");
	if (!stays_open(name.p, name.n))
		return p + 1;
	must(open->depth < DEPTH_MAX, "too deep");
	open->names[open->depth++] = name;
	if (cm_span_is(name, "style"))
		p = strstr(p, "</style>") - 1;
	return p + 1;
}

static void check_page(const char *text)
{
	static const char doctype[] = "<!DOCTYPE html>";
	struct open_elements open = {.depth = 0};
	const char *p = text + sizeof(doctype) - 1;

	must(strncmp(text, doctype, sizeof(doctype) - 1) == 0, "no doctype");
	must(strstr(text, "{{") == NULL, "a placeholder");
	while ((p = strchr(p, '<')) != NULL)
		p = check_tag(p + 1, &open);
	must(open.depth == 0, "an element is not closed");
}

static void check_answer(const struct cm_answer *answer)
{
	const char *body = cm_buf_text(&answer->page.body);
	size_t i;

	must(answer->status >= 200 && answer->status < 500 &&
		     answer->status / 100 != 3,
	     "a status that it cannot be");
	must(strlen(body) == answer->page.body.len, "a NUL");
	for (i = 0; i < answer->nheaders; i++) {
		const char *p = answer->headers[i].value;

		for (; *p != '\0'; p++)
			must(*p >= ' ' && *p < 127, "a strange header field");
	}
	if (strncmp(web_header(answer, "Content-Type"), "text/html", 9) == 0)
		check_page(body);
	must(strcmp(web_header(answer, "Cache-Control"), "no-store") == 0,
	     "may be kept");
}

/* Who tries keys too often gets 429, and fills no log. */
static void check_log(int status)
{
	const char *text = cm_buf_text(&f->log);
	size_t i, n = f->log.len;

	must(n > 0 ? text[n - 1] == '\n' : status == 429, "no line");
	for (i = 1; i < MADE; i++)
		must(strstr(text, made[i]) == NULL, "a token in the log");
	for (i = 0; i < n; i++)
		must(text[i] == '\n' || (text[i] >= ' ' && text[i] < 127),
		     "raw octets in the log");
}

/* ---- a request ----------------------------------------------------------- */

/* The text with its low octets replaced; in room of its own. */
static struct cm_span expand(struct cm_span text, char *room, bool *uses_link)
{
	struct cm_buf out;
	size_t i;

	cm_buf_init(&out, REQUEST_MAX - 1);
	for (i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c > 0 && c < MADE) {
			(void)cm_buf_adds(&out, made[c]);
			*uses_link = *uses_link || c < MADE - 1;
		} else {
			(void)cm_buf_addc(&out, text.p[i]);
		}
	}
	memcpy(room, cm_buf_text(&out), out.len + 1);
	text = cm_span_n(room, out.len);
	cm_buf_free(&out);
	return text;
}

static bool same_counts(const struct cm_store_counts *a,
			const struct cm_store_counts *b)
{
	return a->events == b->events && a->stop_pending == b->stop_pending;
}

static void ask(const struct cm_request *request, bool uses_link)
{
	struct cm_store_counts before = web_counts(f), after;
	struct cm_queue_counts asked_before, asked_after;
	struct cm_answer answer;

	must(cm_queue_count(f->site.queue, &asked_before, NULL) == CM_OK,
	     "queue");
	cm_buf_reset(&f->log);
	cm_answer_make(&f->site, request, KIT_NOW, &answer);
	after = web_counts(f);
	must(cm_queue_count(f->site.queue, &asked_after, NULL) == CM_OK,
	     "queue");
	check_answer(&answer);
	check_log(answer.status);
	must(same_counts(&before, &after) ||
		     (strcmp(request->method, "POST") == 0 && uses_link),
	     "a write");
	must(asked_before.acts == asked_after.acts ||
		     strcmp(request->method, "POST") == 0,
	     "an act");
	cm_answer_free(&answer);
	if (after.stop_pending + asked_after.acts < ACTS_MAX)
		return;
	end();
	begin();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char rooms[3][REQUEST_MAX * 2], texts[2][REQUEST_MAX];
	struct cm_span rest = {(const char *)data, size}, line, method;
	struct cm_request request = {0};
	bool uses_link = false;

	if (size > 8192)
		return -1;
	line = cm_span_cut(&rest, '\n');
	method = cm_span_cut(&line, ' ');
	(void)snprintf(texts[0], sizeof(texts[0]), "%.*s", (int)method.n,
		       method.p);
	request.method = texts[0];
	request.url = expand(line, rooms[0], &uses_link);
	request.content_type = cm_span_cut(&rest, '\n');
	line = cm_span_cut(&rest, '\n');
	(void)snprintf(texts[1], sizeof(texts[1]), "%.*s", (int)line.n, line.p);
	request.accept_language = texts[1];
	request.forwarded_for = cm_span_cut(&rest, '\n');
	request.forwarded = cm_span_cut(&rest, '\n');
	request.authorization = cm_span_cut(&rest, '\n');
	request.body = expand(rest, rooms[1], &uses_link);
	request.body_too_long = request.body.n > CM_FORM_MAX;
	if (request.body_too_long)
		request.body.n = CM_FORM_MAX;
	ask(&request, uses_link);
	return 0;
}
