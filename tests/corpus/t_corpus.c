/*
 * corpus: every tests/corpus/NAME.eml, edited as NAME.expect says.
 *
 * A .expect file is "key: value" lines: outcome, why, parts, gone (fields that
 * go from parts' headers, each behind its part), language, what (the first
 * splice in words) and list (what becomes of the list headers: "kept" or
 * "ours") are compared; contact-language, controller, link, footer,
 * presigned and max set the request; signatures says how many DKIM-Signature
 * fields are left; charset, what the edited leaves are labelled with in the
 * end, is for check.py.  Bytes outside the splices must be as they came, and
 * a second pass must change nothing.
 * What is left alone is edited once more with uneditable = wrap, and must be
 * wrapped then, unless it says "wrap: no".
 * With CM_CORPUS_OUT=DIR the results are written there for check.py, what was
 * wrapped with ".wrapped" behind its name.
 */
#define _GNU_SOURCE /* memmem */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/edit_word.h"
#include "tests/unit/message.h"
#include "tests/unit/test.h"

#define FOLDER CM_SRCDIR "/tests/corpus"

#define CONTROLLER "Acme GmbH"

enum { FILE_MAX = 8 * 1024 * 1024 };

struct expect {
	char outcome[32];
	char why[32];
	char parts[64];
	char gone[128];
	char language[16];
	char list[16];
	char contact_language[16];
	char link[256];
	char footer[8];
	char max[16];
	char wrap[8];
	char presigned[16];
	char signatures[8];
	char what[96];
	char charset[32];
	char controller[96];
};

static const struct {
	const char *key;
	size_t at;
	size_t size;
} keys[] = {
#define KEY(name, field)                                                       \
	{                                                                      \
		name, offsetof(struct expect, field),                          \
			sizeof(((struct expect *)0)->field)                    \
	}
	KEY("outcome", outcome),
	KEY("why", why),
	KEY("parts", parts),
	KEY("gone", gone),
	KEY("language", language),
	KEY("list", list),
	KEY("contact-language", contact_language),
	KEY("link", link),
	KEY("footer", footer),
	KEY("max", max),
	KEY("wrap", wrap),
	KEY("presigned", presigned),
	KEY("signatures", signatures),
	KEY("what", what),
	KEY("charset", charset),
	KEY("controller", controller),
#undef KEY
};

static struct cm_buf read_whole(const char *folder, const char *name,
				const char *suffix)
{
	struct cm_buf buf;
	char path[512];
	char chunk[4096];
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	cm_buf_init(&buf, FILE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		assert_int_equal(cm_buf_add(&buf, chunk, n), CM_OK);
	(void)fclose(file);
	return buf;
}

static void take_line(struct expect *expect, const char *name, char *line)
{
	char *value = strchr(line, ':');
	size_t i;

	if (value == NULL)
		fail_msg("%s.expect: \"%s\" is not key: value", name, line);
	*value++ = '\0';
	value += strspn(value, " ");
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strcmp(keys[i].key, line) != 0)
			continue;
		(void)snprintf((char *)expect + keys[i].at, keys[i].size, "%s",
			       value);
		return;
	}
	fail_msg("%s.expect: unknown key \"%s\"", name, line);
}

static struct expect read_expect(const char *name)
{
	struct cm_buf buf = read_whole(FOLDER, name, ".expect");
	struct expect expect = {0};
	char *rest = buf.data;

	while (rest != NULL && *rest != '\0') {
		char *line = rest;

		rest = strchr(rest, '\n');
		if (rest != NULL)
			*rest++ = '\0';
		if (*line != '\0' && *line != '#')
			take_line(&expect, name, line);
	}
	cm_buf_free(&buf);
	return expect;
}

static void set_request(struct test_world *w, const struct expect *expect)
{
	w->request.language = *expect->contact_language != '\0'
				      ? expect->contact_language
				      : NULL;
	w->config.controller_name =
		*expect->controller != '\0' ? expect->controller : CONTROLLER;
	w->request.way_out.footer_link = TEST_LINK;
	if (strcmp(expect->link, "none") == 0)
		w->request.way_out.footer_link = NULL;
	else if (*expect->link != '\0')
		w->request.way_out.footer_link = expect->link;
	w->stream.presigned = strcmp(expect->presigned, "resign") == 0
				      ? CM_PRESIGNED_IS_RENEWED
				      : CM_PRESIGNED_IS_KEPT;
	w->stream.footer = strcmp(expect->footer, "off") != 0;
	w->config.max_edit_size = *expect->max != '\0'
					  ? strtoul(expect->max, NULL, 10)
					  : FILE_MAX;
}

static bool differs(const char *name, const char *what, const char *have,
		    const char *want)
{
	if (strcmp(have, want) == 0)
		return false;
	print_error("%s: %s is \"%s\", expected \"%s\"\n", name, what, have,
		    want);
	return true;
}

/* Where something was inserted. */
static void join_parts(const struct cm_edit *edit, char *out, size_t size)
{
	const char *last = "";
	size_t i;
	size_t n = 0;

	*out = '\0';
	for (i = 0; i < edit->nsplices; i++) {
		const char *part = edit->splices[i].part;

		if (edit->splices[i].insert.n == 0 || strcmp(part, last) == 0)
			continue;
		last = part;
		n += (size_t)snprintf(out + n, size - n, "%s%s",
				      n > 0 ? " " : "", part);
	}
}

/* Fields that went, "1.1 Lines 1.2 Lines". */
static void join_gone(const struct cm_edit *edit, char *out, size_t size)
{
	size_t i;
	size_t n = 0;

	*out = '\0';
	for (i = 0; i < edit->nsplices; i++)
		if (edit->splices[i].insert.n == 0)
			n += (size_t)snprintf(
				out + n, size - n, "%s%s %s", n > 0 ? " " : "",
				edit->splices[i].part, edit->splices[i].what);
}

/* What was outside the splices is where it was, octet by octet. */
static bool outside_is_kept(const struct cm_span old,
			    const struct cm_edit *edit)
{
	struct cm_span new = edit->body;
	size_t from = 0;
	size_t at = 0;
	size_t i;

	for (i = 0; i <= edit->nsplices; i++) {
		size_t to = i < edit->nsplices ? edit->splices[i].at : old.n;

		if (to < from || new.n - at < to - from ||
		    memcmp(old.p + from, new.p + at, to - from) != 0)
			return false;
		at += to - from;
		if (i == edit->nsplices)
			break;
		at += edit->splices[i].insert.n;
		from = to + edit->splices[i].remove;
	}
	return at == new.n;
}

static unsigned count_headers(struct cm_span all, const char *name)
{
	const char *p = all.p;
	const char *end = all.p + all.n;
	unsigned n = 0;

	while (p < end && *p != '\r' && *p != '\n') {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct cm_span line =
			cm_span_n(p, (size_t)((nl != NULL ? nl : end) - p));

		n += cm_span_starts(line, name);
		p = nl != NULL ? nl + 1 : end;
	}
	return n;
}

static bool headers_are_wrong(const char *name, const struct expect *expect,
			      struct cm_span all)
{
	char signatures[16];

	(void)snprintf(signatures, sizeof(signatures), "%u",
		       count_headers(all, "DKIM-Signature:"));
	if (*expect->signatures != '\0' &&
	    differs(name, "signatures", signatures, expect->signatures))
		return true;
	if (strcmp(expect->list, "kept") == 0)
		return false;
	/* R2369-1, R8058-1: exactly one out, whatever came in. */
	if (count_headers(all, "List-Unsubscribe:") == 1 &&
	    count_headers(all, "List-Unsubscribe-Post:") == 1 &&
	    count_headers(all, CM_PURPOSE_HEADER) == 0)
		return false;
	print_error("%s: list headers are not one of each\n", name);
	return true;
}

static void write_file(const char *name, const char *suffix,
		       struct cm_span text)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s%s", getenv("CM_CORPUS_OUT"),
		       name, suffix);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
	(void)fclose(file);
}

/* The result, and what was declared of it, for others to apply. */
static void write_result(const char *name, const struct cm_edit *edit,
			 struct cm_span all)
{
	struct cm_buf splices;

	if (getenv("CM_CORPUS_OUT") == NULL)
		return;
	cm_buf_init(&splices, FILE_MAX);
	assert_int_equal(test_splices(edit, &splices), CM_OK);
	write_file(name, ".new", all);
	write_file(name, ".splices",
		   cm_span_n(cm_buf_text(&splices), splices.len));
	cm_buf_free(&splices);
}

static bool second_pass_changes(struct test_world *w, const char *name,
				struct cm_span all)
{
	struct cm_edit edit = {0};
	char *copy = malloc(all.n);
	bool changes;

	assert_non_null(copy);
	memcpy(copy, all.p, all.n);
	test_world_message(w, copy, all.n);
	assert_int_equal(cm_edit_make(&w->request, w->arena, &edit, NULL),
			 CM_OK);
	changes = edit.nheaders > 0 || cm_edit_has_body(&edit);
	if (changes)
		print_error("%s: a second pass changes it again\n", name);
	free(copy);
	return changes;
}

/* The old body in one piece, and both readers content. */
static bool is_wrapped_around(const struct cm_edit *edit, struct cm_span old)
{
	return edit->gmime_agreed && edit->body.n > old.n &&
	       (old.n == 0 ||
		memmem(edit->body.p, edit->body.n, old.p, old.n) != NULL);
}

/* R1847-1, RMIME-9: as the first part of a new message, or not at all. */
static bool check_wrap(struct test_world *w, const char *name,
		       const struct expect *expect)
{
	struct cm_buf eml = read_whole(FOLDER, name, ".eml");
	struct cm_edit edit = {0};
	struct cm_span all;
	char file[300];
	bool bad;

	test_world_message(w, eml.data, eml.len);
	cm_buf_free(&eml);
	set_request(w, expect);
	w->stream.uneditable = CM_UNEDITABLE_WRAP;
	assert_int_equal(cm_edit_make(&w->request, w->arena, &edit, NULL),
			 CM_OK);
	bad = differs(name, "outcome", cm_body_outcome_name(edit.outcome),
		      strcmp(expect->wrap, "no") == 0 ? "uneditable"
						      : "wrapped");
	if (edit.outcome == CM_BODY_WRAPPED &&
	    !is_wrapped_around(&edit, w->request.body)) {
		print_error("%s: changed by its wrapper\n", name);
		bad = true;
	}
	if (edit.outcome == CM_BODY_WRAPPED) {
		(void)snprintf(file, sizeof(file), "%s.wrapped", name);
		all = test_world_apply(w, &edit);
		write_result(file, &edit, all);
		bad |= second_pass_changes(w, file, all);
	}
	w->stream.uneditable = CM_UNEDITABLE_HEADERS_ONLY;
	return bad;
}

static bool check(struct test_world *w, const char *name)
{
	struct cm_buf eml = read_whole(FOLDER, name, ".eml");
	struct expect expect = read_expect(name);
	struct cm_edit edit = {0};
	struct cm_error err = {0};
	struct cm_span all;
	char parts[64];
	char gone[128];
	bool bad = false;

	test_world_message(w, eml.data, eml.len);
	cm_buf_free(&eml);
	set_request(w, &expect);
	if (cm_edit_make(&w->request, w->arena, &edit, &err) != CM_OK)
		fail_msg("%s: %s", name, err.text);
	join_parts(&edit, parts, sizeof(parts));
	join_gone(&edit, gone, sizeof(gone));
	bad |= differs(name, "outcome", cm_body_outcome_name(edit.outcome),
		       expect.outcome);
	bad |= differs(name, "why", edit.why != NULL ? edit.why : "",
		       expect.why);
	if (edit.outcome != CM_BODY_FOOTER && cm_edit_word_of(&edit) == NULL) {
		print_error("%s: \"%s\" is not in milter/edit_word.c\n", name,
			    edit.why);
		bad = true;
	}
	bad |= differs(name, "parts", parts, expect.parts);
	bad |= differs(name, "gone", gone, expect.gone);
	if (*expect.what != '\0')
		bad |= differs(name, "what",
			       edit.nsplices > 0 ? edit.splices[0].what : "",
			       expect.what);
	if (*expect.language != '\0')
		bad |= differs(name, "language",
			       edit.language != NULL ? edit.language : "",
			       expect.language);
	if (edit.outcome == CM_BODY_FOOTER &&
	    (!outside_is_kept(w->request.body, &edit) || !edit.gmime_agreed)) {
		print_error("%s: changed outside its splices\n", name);
		bad = true;
	}
	all = test_world_apply(w, &edit);
	bad |= headers_are_wrong(name, &expect, all);
	write_result(name, &edit, all);
	bad |= second_pass_changes(w, name, all);
	if (edit.outcome == CM_BODY_UNEDITABLE)
		bad |= check_wrap(w, name, &expect);
	return bad;
}

static int is_eml(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".eml") == 0;
}

static void every_message_as_expected(void **state)
{
	struct dirent **entries = NULL;
	struct test_world w;
	int n = scandir(FOLDER, &entries, is_eml, alphasort);
	int bad = 0;
	int i;

	(void)state;
	test_world_open(&w);
	assert_true(n > 0);
	for (i = 0; i < n; i++) {
		*strrchr(entries[i]->d_name, '.') = '\0';
		bad += check(&w, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	test_world_close(&w);
	print_message("%d messages, %d not as expected\n", n, bad);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_as_expected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
