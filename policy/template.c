/* See template.h. */
#include "policy/template.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"

enum {
	TEMPLATE_MAX = 64 * 1024,   /* octets of a file; a page is 5 KB */
	LANGUAGES_MAX = 64,         /* folders; the EU has 24 languages */
	ALL_MAX = 64 * 1024 * 1024, /* octets of everything loaded */
	TAG_MAX = 35, /* RFC 5646, 4.4.1: buffers of at least 35 */
};

enum name {
	NAME_CONTROLLER,
	NAME_ADDRESS,
	NAME_CONTACT,
	NAME_PURPOSE,
	NAME_LINK,
	NAME_LANGUAGE,
	NAME_DIR,
	NAMES
};

static const char *const names[NAMES] = {
	[NAME_CONTROLLER] = "controller",
	[NAME_ADDRESS] = "address",
	[NAME_CONTACT] = "contact",
	[NAME_PURPOSE] = "purpose",
	[NAME_LINK] = "link",
	[NAME_LANGUAGE] = "language",
	[NAME_DIR] = "dir",
};

static const struct {
	const char *file;
	bool html;
	bool needs_link; /* useless, and against the law, without it */
} kinds[CM_TEMPLATE_KINDS] = {
	[CM_TEMPLATE_FOOTER_TEXT] = {"footer.txt", false, true},
	[CM_TEMPLATE_FOOTER_HTML] = {"footer.html", true, true},
	[CM_TEMPLATE_PAGE_ASK] = {"ask.html", true, false},
	[CM_TEMPLATE_PAGE_ASK_AGAIN] = {"ask-again.html", true, false},
	[CM_TEMPLATE_PAGE_DONE] = {"done.html", true, false},
	[CM_TEMPLATE_PAGE_INVALID] = {"invalid.html", true, false},
	[CM_TEMPLATE_PAGE_NO_TOKEN] = {"no-token.html", true, false},
	[CM_TEMPLATE_PAGE_LATER] = {"later.html", true, false},
};

/* Literal text, then a value unless .name is NAMES (the last piece). */
struct piece {
	struct cm_span text;
	enum name name;
};

struct text {
	struct piece *pieces;
	size_t count;
};

struct language {
	char tag[TAG_MAX + 1]; /* lower case */
	struct text texts[CM_TEMPLATE_KINDS];
};

struct cm_templates {
	struct cm_arena *arena;
	struct language *languages;
	size_t count;
	const struct language *fallback;
};

/* What is being read, for messages. */
struct reading {
	struct cm_arena *arena;
	const char *path;
	enum cm_template_kind kind;
	struct cm_span all;
	struct cm_error *err;
};

static int read_all(FILE *file, const char *path, struct cm_buf *buf,
		    struct cm_error *err)
{
	if (cm_buf_reserve(buf, TEMPLATE_MAX + 1) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "no memory for template %s",
			       path);
	buf->len = fread(buf->data, 1, TEMPLATE_MAX + 1, file);
	if (ferror(file))
		return cm_fail_errno(err, errno, "cannot read template %s",
				     path);
	if (buf->len > TEMPLATE_MAX)
		return cm_fail(err, CM_ECONFIG,
			       "template %s is over %d octets; shorten it",
			       path, (int)TEMPLATE_MAX);
	return CM_OK;
}

static int read_file(const char *path, struct cm_arena *arena,
		     struct cm_span *ret_all, struct cm_error *err)
{
	struct cm_buf buf;
	FILE *file = fopen(path, "re");
	const char *copy;
	int rc;

	if (file == NULL)
		return cm_fail_errno(err, errno, "cannot read template %s",
				     path);
	cm_buf_init(&buf, TEMPLATE_MAX + 1);
	rc = read_all(file, path, &buf, err);
	(void)fclose(file);
	if (rc == CM_OK) {
		copy = cm_arena_dup(arena, buf.data, buf.len);
		if (copy != NULL)
			*ret_all = cm_span_n(copy, buf.len);
		else
			rc = cm_fail(err, CM_ENOMEM,
				     "no memory for template %s", path);
	}
	cm_buf_free(&buf);
	return rc;
}

static int line_of(const struct reading *r, const char *p)
{
	int line = 1;
	const char *q;

	for (q = r->all.p; q < p; q++)
		line += *q == '\n';
	return line;
}

static int find_name(struct cm_span word)
{
	int i;

	for (i = 0; i < NAMES; i++)
		if (cm_span_eq(word, cm_span(names[i])))
			return i;
	return NAMES;
}

static int bad_name(const struct reading *r, struct cm_span word)
{
	char text[32];
	const char *like;

	(void)snprintf(text, sizeof(text), "%.*s",
		       (int)(word.n < 31 ? word.n : 31), word.p);
	like = cm_suggest(text, names, NAMES);
	return cm_fail(r->err, CM_ECONFIG,
		       "%s:%d: unknown name {{%s}}%s%s%s; known are "
		       "controller, address, contact, purpose, link, language, "
		       "dir",
		       r->path, line_of(r, word.p), text,
		       like != NULL ? " (did you mean {{" : "",
		       like != NULL ? like : "", like != NULL ? "}}?)" : "");
}

static const char *find2(const char *p, const char *end, const char *what)
{
	for (; p + 2 <= end; p++)
		if (p[0] == what[0] && p[1] == what[1])
			return p;
	return NULL;
}

static size_t count_pieces(struct cm_span all)
{
	const char *end = all.p + all.n;
	const char *p = all.p;
	size_t n = 1;

	while ((p = find2(p, end, "{{")) != NULL) {
		p += 2;
		n++;
	}
	return n;
}

/* Cut r->all into pieces; every name must be known and closed. */
static int cut(const struct reading *r, struct text *text)
{
	const char *p = r->all.p;
	const char *end = p + r->all.n;
	const char *open;
	size_t n = 0;

	text->pieces = cm_arena_array(r->arena, count_pieces(r->all),
				      sizeof(*text->pieces));
	if (text->pieces == NULL)
		return cm_fail(r->err, CM_ENOMEM, "no memory for %s", r->path);
	while ((open = find2(p, end, "{{")) != NULL) {
		const char *close = find2(open + 2, end, "}}");
		struct cm_span word;
		int name;

		if (close == NULL)
			return cm_fail(r->err, CM_ECONFIG,
				       "%s:%d: \"{{\" without \"}}\"", r->path,
				       line_of(r, open));
		word = cm_span_n(open + 2, (size_t)(close - open - 2));
		name = find_name(cm_span_trim(word));
		if (name == NAMES)
			return bad_name(r, cm_span_trim(word));
		text->pieces[n].text = cm_span_n(p, (size_t)(open - p));
		text->pieces[n++].name = (enum name)name;
		p = close + 2;
	}
	text->pieces[n].text = cm_span_n(p, (size_t)(end - p));
	text->pieces[n++].name = NAMES;
	text->count = n;
	return CM_OK;
}

static bool has_link(const struct text *text)
{
	size_t i;

	for (i = 0; i < text->count; i++)
		if (text->pieces[i].name == NAME_LINK)
			return true;
	return false;
}

static int load_text(struct reading *r, struct text *text)
{
	int rc = read_file(r->path, r->arena, &r->all, r->err);

	if (rc != CM_OK)
		return rc;
	if (!cm_utf8_valid(r->all.p, r->all.n) ||
	    memchr(r->all.p, '\0', r->all.n) != NULL)
		return cm_fail(r->err, CM_ECONFIG,
			       "template %s is not UTF-8 text; save it as "
			       "UTF-8",
			       r->path);
	rc = cut(r, text);
	if (rc != CM_OK)
		return rc;
	if (kinds[r->kind].needs_link && !has_link(text))
		return cm_fail(r->err, CM_ECONFIG,
			       "template %s has no {{link}}: a footer must "
			       "show the way out",
			       r->path);
	return CM_OK;
}

static int load_language(struct cm_templates *t, const char *folder,
			 const char *name, struct cm_error *err)
{
	struct language *language = &t->languages[t->count];
	struct reading r = {.arena = t->arena, .err = err};
	int kind;

	memcpy(language->tag, name, strlen(name)); /* is_tag() saw to room */
	cm_ascii_lower_n(language->tag, strlen(name));
	for (kind = 0; kind < CM_TEMPLATE_KINDS; kind++) {
		int rc;

		r.kind = (enum cm_template_kind)kind;
		r.path = cm_arena_printf(t->arena, "%s/%s/%s", folder, name,
					 kinds[kind].file);
		if (r.path == NULL)
			return cm_fail(err, CM_ENOMEM, "no memory for %s",
				       name);
		rc = load_text(&r, &language->texts[kind]);
		if (rc != CM_OK)
			return rc;
	}
	t->count++;
	return CM_OK;
}

/* RFC 5646, 2.1: subtags of letters and digits, "-" between them. */
static bool is_tag(const char *name)
{
	size_t i;
	size_t run = 0;

	for (i = 0; name[i] != '\0'; i++) {
		if (name[i] == '-' && run > 0)
			run = 0;
		else if (cm_ascii_alpha(name[i]) ||
			 (cm_ascii_digit(name[i]) && i > run))
			run++;
		else
			return false;
		if (run > 8)
			return false;
	}
	return i >= 2 && i <= TAG_MAX && run > 0;
}

static const struct language *find_language(const struct cm_templates *t,
					    struct cm_span tag)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (cm_span_is(tag, t->languages[i].tag))
			return &t->languages[i];
	return NULL;
}

/* scandir's order is the disk's: sorted, so that errors are repeatable. */
static int only_tags(const struct dirent *entry)
{
	return is_tag(entry->d_name);
}

static bool is_folder(const char *folder, const char *name)
{
	char path[4096];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	return n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int load_folder(struct cm_templates *t, const char *folder,
		       struct cm_error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, only_tags, alphasort);
	int rc = CM_OK;
	int i;

	if (n < 0)
		return cm_fail_errno(err, errno,
				     "cannot read templates folder %s", folder);
	if (n > LANGUAGES_MAX)
		rc = cm_fail(err, CM_ECONFIG,
			     "%s has over %d languages; remove some", folder,
			     (int)LANGUAGES_MAX);
	for (i = 0; i < n; i++) {
		if (rc == CM_OK && is_folder(folder, entries[i]->d_name))
			rc = load_language(t, folder, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

int cm_templates_load(const char *folder, const char *default_language,
		      struct cm_templates **ret_templates, struct cm_error *err)
{
	struct cm_templates *t = calloc(1, sizeof(*t));
	int rc = CM_ENOMEM;

	if (t == NULL || cm_arena_new(ALL_MAX, &t->arena) != CM_OK)
		goto out;
	t->languages =
		cm_arena_array(t->arena, LANGUAGES_MAX, sizeof(*t->languages));
	if (t->languages == NULL)
		goto out;
	rc = load_folder(t, folder, err);
	if (rc != CM_OK)
		goto out;
	t->fallback = find_language(t, cm_span(default_language));
	if (t->fallback == NULL) {
		rc = cm_fail(err, CM_ECONFIG,
			     "no templates for the default language \"%s\": "
			     "%s/%s does not exist",
			     default_language, folder, default_language);
		goto out;
	}
	*ret_templates = t;
	return CM_OK;
out:
	if (rc == CM_ENOMEM)
		(void)cm_fail(err, CM_ENOMEM, "no memory for templates");
	cm_templates_free(&t);
	return rc;
}

void cm_templates_free(struct cm_templates **templates)
{
	if (*templates == NULL)
		return;
	cm_arena_free(&(*templates)->arena);
	free(*templates);
	*templates = NULL;
}

/* RFC 4647, 3.4: the tag, then ever shorter beginnings of it. */
static const struct language *look_up(const struct cm_templates *t,
				      struct cm_span tag)
{
	while (tag.n > 0) {
		const struct language *found = find_language(t, tag);

		if (found != NULL)
			return found;
		while (tag.n > 0 && tag.p[tag.n - 1] != '-')
			tag.n--;
		if (tag.n > 0)
			tag.n--;
	}
	return NULL;
}

/* RFC 9110, 12.4.2: ";q=0.8" as 800; no weight is 1000, nonsense is 0. */
static int weight(struct cm_span parameters)
{
	int value = 0;
	int unit = 1000;
	size_t i;

	parameters = cm_span_trim(parameters);
	if (parameters.n == 0)
		return 1000;
	if (!cm_span_starts(parameters, "q="))
		return 0;
	for (i = 2; i < parameters.n && unit > 0; i++) {
		char c = parameters.p[i];

		if (c == '.' && i == 3)
			continue;
		if (!cm_ascii_digit(c))
			return 0;
		value += (c - '0') * unit;
		unit /= 10;
	}
	return value > 1000 ? 1000 : value;
}

static const struct language *best_of(const struct cm_templates *t,
				      struct cm_span list)
{
	const struct language *best = NULL;
	int best_weight = 0;

	while (list.n > 0) {
		struct cm_span item = cm_span_cut(&list, ',');
		struct cm_span tag = cm_span_trim(cm_span_cut(&item, ';'));
		int w = weight(item);

		if (w > best_weight && look_up(t, tag) != NULL) {
			best = look_up(t, tag);
			best_weight = w;
		}
	}
	return best;
}

static const struct language *choose(const struct cm_templates *t,
				     const char *const *wanted, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct language *best = best_of(t, cm_span(wanted[i]));

		if (best != NULL)
			return best;
	}
	return t->fallback;
}

const char *cm_templates_language(const struct cm_templates *templates,
				  const char *const *wanted, size_t count)
{
	return choose(templates, wanted, count)->tag;
}

static void add_escaped(struct cm_buf *out, const char *value)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {
		{'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},
		{'"', "&quot;"}, {'\'', "&#39;"},
	};
	size_t i;

	for (;;) {
		size_t run = strcspn(value, "&<>\"'");

		(void)cm_buf_add(out, value, run);
		value += run;
		if (*value == '\0')
			return;
		for (i = 0; entities[i].c != *value; i++)
			continue;
		(void)cm_buf_adds(out, entities[i].entity);
		value++;
	}
}

static const char *value_of(const struct language *language, enum name name,
			    const struct cm_template_value *values,
			    size_t count)
{
	size_t i;

	if (name == NAME_LANGUAGE)
		return language->tag;
	if (name == NAME_DIR)
		return cm_language_is_rtl(language->tag) ? "rtl" : "ltr";
	for (i = 0; i < count; i++)
		if (strcmp(values[i].name, names[name]) == 0)
			return values[i].value != NULL ? values[i].value : "";
	return "";
}

int cm_template_fill(const struct cm_templates *templates,
		     enum cm_template_kind kind, const char *language,
		     const struct cm_template_value *values, size_t count,
		     struct cm_buf *out)
{
	const struct language *l = choose(templates, &language, 1);
	const struct text *text = &l->texts[kind];
	size_t i;

	for (i = 0; i < text->count; i++) {
		const struct piece *piece = &text->pieces[i];
		const char *value;

		(void)cm_buf_add(out, piece->text.p, piece->text.n);
		if (piece->name == NAMES)
			break;
		value = value_of(l, piece->name, values, count);
		if (kinds[kind].html)
			add_escaped(out, value);
		else
			(void)cm_buf_adds(out, value);
	}
	return cm_buf_ok(out);
}

static bool among(struct cm_span word, const char *const *words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (cm_span_is(word, words[i]))
			return true;
	return false;
}

bool cm_language_is_rtl(const char *language)
{
	static const char *const primary[] = {"ar",  "arc", "ckb", "dv", "fa",
					      "he",  "iw",  "ji",  "ps", "sd",
					      "syr", "ug",  "ur",  "yi"};
	static const char *const scripts[] = {"adlm", "arab", "hebr", "nkoo",
					      "rohg", "syrc", "thaa"};
	struct cm_span rest = cm_span(language);
	struct cm_span first = cm_span_cut(&rest, '-');

	/* A script, when named, says more than the language: "ur-latn". */
	while (rest.n > 0) {
		struct cm_span subtag = cm_span_cut(&rest, '-');

		if (subtag.n == 4 && cm_ascii_alpha(subtag.p[0]))
			return among(subtag, scripts,
				     sizeof(scripts) / sizeof(*scripts));
	}
	return among(first, primary, sizeof(primary) / sizeof(*primary));
}
