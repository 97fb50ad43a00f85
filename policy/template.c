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
#include "policy/template_cut.h"

enum {
	LANGUAGES_MAX = 64,         /* folders; the EU has 24 languages */
	TEXTS_MAX = 512,            /* keys; the pages need a hundred */
	ALL_MAX = 64 * 1024 * 1024, /* octets of everything loaded */
	TAG_MAX = 35, /* RFC 5646, 4.4.1: buffers of at least 35 */
};

/* The texts of one language, by the beginning of their keys; the pages are
 * the same for all. */
static const struct {
	const char *prefix;
	const char *file;
} text_files[] = {
	{"data-", "data.txt"},
	{"", "pages.txt"},
};
enum { TEXT_FILES = sizeof(text_files) / sizeof(text_files[0]) };

static const char *const word_keys[CM_TEMPLATE_WORDS] = {
#define CM_TEMPLATE_WORD(symbol, key) [CM_WORD_##symbol] = key,
#include "policy/template_word.def"
#undef CM_TEMPLATE_WORD
};

static const struct {
	const char *file;
	bool html;
	bool footer;       /* one a language, with a link, or against the law */
	const char *title; /* key of the page's title; NULL: a part of pages */
} kinds[CM_TEMPLATE_KINDS] = {
	[CM_TEMPLATE_FOOTER_TEXT] = {"footer.txt", false, true, NULL},
	[CM_TEMPLATE_FOOTER_HTML] = {"footer.html", true, true, NULL},
	[CM_TEMPLATE_LAYOUT] = {"layout.html", true, false, NULL},
	[CM_TEMPLATE_PAGE_ASK] = {"ask.html", true, false, "ask-title"},
	[CM_TEMPLATE_PAGE_ASK_AGAIN] = {"ask-again.html", true, false,
					"ask-title"},
	[CM_TEMPLATE_PAGE_DONE] = {"done.html", true, false, "done-title"},
	[CM_TEMPLATE_PAGE_KEEP] = {"keep.html", true, false, "keep-title"},
	[CM_TEMPLATE_PAGE_KEPT] = {"kept.html", true, false, "kept-title"},
	[CM_TEMPLATE_PAGE_BACK] = {"back.html", true, false, "back-title"},
	[CM_TEMPLATE_PAGE_THANKS] = {"thanks.html", true, false,
				     "thanks-title"},
	[CM_TEMPLATE_PAGE_PREFERENCES] = {"preferences.html", true, false,
					  "preferences-title"},
	[CM_TEMPLATE_PAGE_SUBSCRIBE] = {"subscribe.html", true, false,
					"subscribe-head"},
	[CM_TEMPLATE_PAGE_ASKED] = {"asked.html", true, false, "asked-title"},
	[CM_TEMPLATE_PAGE_CONFIRM] = {"confirm.html", true, false,
				      "confirm-title"},
	[CM_TEMPLATE_PAGE_CONFIRMED] = {"confirmed.html", true, false,
					"confirmed-title"},
	[CM_TEMPLATE_PAGE_CANCELLED] = {"cancelled.html", true, false,
					"cancelled-title"},
	[CM_TEMPLATE_PAGE_CONFIRM_OLD] = {"confirm-old.html", true, false,
					  "confirm-old-title"},
	[CM_TEMPLATE_PAGE_CONFIRM_OVER] = {"confirm-over.html", true, false,
					   "confirm-over-title"},
	[CM_TEMPLATE_PAGE_MY_DATA] = {"my-data.html", true, false,
				      "data-title"},
	[CM_TEMPLATE_PAGE_MY_DATA_GONE] = {"my-data-gone.html", true, false,
					   "data-gone-title"},
	[CM_TEMPLATE_PAGE_MY_DATA_NONE] = {"my-data-none.html", true, false,
					   "data-none-title"},
	[CM_TEMPLATE_PAGE_MY_DATA_ENDED] = {"my-data-ended.html", true, false,
					    "data-ended-title"},
	[CM_TEMPLATE_PAGE_ERASE] = {"erase.html", true, false,
				    "data-ask-title"},
	[CM_TEMPLATE_PAGE_LOST] = {"lost.html", true, false, "data-lost-title"},
	[CM_TEMPLATE_PAGE_LOST_SENT] = {"lost-sent.html", true, false,
					"data-lost-sent-title"},
	[CM_TEMPLATE_PAGE_INVALID] = {"invalid.html", true, false,
				      "invalid-title"},
	[CM_TEMPLATE_PAGE_NO_TOKEN] = {"no-token.html", true, false,
				       "no-token-title"},
	[CM_TEMPLATE_PAGE_LATER] = {"later.html", true, false, "later-title"},
	[CM_TEMPLATE_PAGE_LATER_FORM] = {"later-form.html", true, false,
					 "later-title"},
	[CM_TEMPLATE_PART_WHO] = {"who.html", true, false, NULL},
	[CM_TEMPLATE_PART_LOGO] = {"logo.html", true, false, NULL},
	[CM_TEMPLATE_PART_PRIVACY] = {"privacy.html", true, false, NULL},
	[CM_TEMPLATE_PART_ALL] = {"all.html", true, false, NULL},
	[CM_TEMPLATE_PART_MANAGE] = {"manage.html", true, false, NULL},
	[CM_TEMPLATE_PART_UNDO] = {"undo.html", true, false, NULL},
	[CM_TEMPLATE_PART_REASONS] = {"reasons.html", true, false, NULL},
	[CM_TEMPLATE_PART_STOP_ALL] = {"stop-all.html", true, false, NULL},
	[CM_TEMPLATE_PART_NOTHING] = {"nothing.html", true, false, NULL},
	[CM_TEMPLATE_PART_CHOICE_ON] = {"choice-on.html", true, false, NULL},
	[CM_TEMPLATE_PART_CHOICE_OFF] = {"choice-off.html", true, false, NULL},
	[CM_TEMPLATE_PART_CHOICE_MORE] = {"choice-more.html", true, false,
					  NULL},
	[CM_TEMPLATE_PART_INTRO] = {"intro.html", true, false, NULL},
	[CM_TEMPLATE_PART_BOX] = {"box.html", true, false, NULL},
	[CM_TEMPLATE_PART_ABOUT] = {"about.html", true, false, NULL},
	[CM_TEMPLATE_PART_SAID_CHECK] = {"said-check.html", true, false, NULL},
	[CM_TEMPLATE_PART_SAID_NO_ADDRESS] = {"said-no-address.html", true,
					      false, NULL},
	[CM_TEMPLATE_PART_SAID_NO_BOX] = {"said-no-box.html", true, false,
					  NULL},
	[CM_TEMPLATE_PART_SAID_ASKED] = {"said-asked.html", true, false, NULL},
	[CM_TEMPLATE_PART_ITEM] = {"item.html", true, false, NULL},
	[CM_TEMPLATE_PART_AGAIN] = {"again.html", true, false, NULL},
	[CM_TEMPLATE_PART_EMBED] = {"embed.html", true, false, NULL},
	[CM_TEMPLATE_PART_FRAME] = {"frame.html", true, false, NULL},
	[CM_TEMPLATE_PART_LOST_LINK] = {"lost-link.html", true, false, NULL},
	[CM_TEMPLATE_PART_DATA_SEND] = {"data-send.html", true, false, NULL},
	[CM_TEMPLATE_PART_DATA_ROW] = {"data-row.html", true, false, NULL},
	[CM_TEMPLATE_PART_DATA_STANDING] = {"data-standing.html", true, false,
					    NULL},
	[CM_TEMPLATE_PART_DATA_EVENT] = {"data-event.html", true, false, NULL},
	[CM_TEMPLATE_PART_DATA_SENT] = {"data-sent.html", true, false, NULL},
	[CM_TEMPLATE_PART_DATA_RIGHTS] = {"data-rights.html", true, false,
					  NULL},
	[CM_TEMPLATE_PART_DATA_TAKE] = {"data-take.html", true, false, NULL},
	[CM_TEMPLATE_PART_DATA_ERASE] = {"data-erase.html", true, false, NULL},
	[CM_TEMPLATE_PART_DATA_KEPT] = {"data-kept.html", true, false, NULL},
	[CM_TEMPLATE_PART_SAID_SENT] = {"said-sent.html", true, false, NULL},
	[CM_TEMPLATE_PART_SAID_ERASED] = {"said-erased.html", true, false,
					  NULL},
	[CM_TEMPLATE_PART_SAID_KEPT] = {"said-kept.html", true, false, NULL},
	[CM_TEMPLATE_PART_SAID_STOPPED] = {"said-stopped.html", true, false,
					   NULL},
	[CM_TEMPLATE_PART_SAID_BACK] = {"said-back.html", true, false, NULL},
	[CM_TEMPLATE_PART_SAID_AGAIN] = {"said-again.html", true, false, NULL},
	[CM_TEMPLATE_LETTER_TEXT] = {"letter.txt", false, false, NULL},
	[CM_TEMPLATE_LETTER_HTML] = {"letter.html", true, false, NULL},
	[CM_TEMPLATE_LETTER_CONFIRM_TEXT] = {"letter-confirm.txt", false, false,
					     "letter-confirm-subject"},
	[CM_TEMPLATE_LETTER_CONFIRM_HTML] = {"letter-confirm.html", true, false,
					     "letter-confirm-subject"},
	[CM_TEMPLATE_LETTER_LOST_TEXT] = {"letter-lost.txt", false, false,
					  "letter-lost-subject"},
	[CM_TEMPLATE_LETTER_LOST_HTML] = {"letter-lost.html", true, false,
					  "letter-lost-subject"},
	[CM_TEMPLATE_LETTER_DATA_TEXT] = {"letter-data.txt", false, false,
					  "letter-data-subject"},
	[CM_TEMPLATE_LETTER_DATA_HTML] = {"letter-data.html", true, false,
					  "letter-data-subject"},
	[CM_TEMPLATE_LETTER_PURPOSE_TEXT] = {"letter-purpose.txt", false, false,
					     NULL},
	[CM_TEMPLATE_LETTER_PURPOSE_HTML] = {"letter-purpose.html", true, false,
					     NULL},
};

struct language {
	char tag[TAG_MAX + 1]; /* lower case */
	struct cm_pieces footers[CM_TEMPLATE_KINDS];
	struct cm_pieces *texts; /* as keys */
};

/* A text that a page needs, and the first place where it does. */
struct key {
	const char *name;
	const char *path;
	int line;
};

struct cm_templates {
	struct cm_arena *arena;
	struct cm_pieces pages[CM_TEMPLATE_KINDS];
	size_t titles[CM_TEMPLATE_KINDS]; /* number of the key */
	size_t words[CM_TEMPLATE_WORDS];  /* ditto */
	struct key keys[TEXTS_MAX];
	size_t nkeys;
	struct language *languages;
	size_t count;
	const struct language *fallback;
};

/* ---- pages -------------------------------------------------------------- */

static int no_memory(const char *path, struct cm_error *err)
{
	return cm_fail(err, CM_ENOMEM, "no memory for template %s", path);
}

static int add_key(struct cm_templates *t, struct cm_span name,
		   const char *path, int line, size_t *ret_index,
		   struct cm_error *err)
{
	struct key *key = &t->keys[t->nkeys];
	size_t i;

	for (i = 0; i < t->nkeys; i++) {
		if (cm_span_eq(name, cm_span(t->keys[i].name))) {
			*ret_index = i;
			return CM_OK;
		}
	}
	if (t->nkeys == TEXTS_MAX)
		return cm_fail(err, CM_ECONFIG,
			       "%s:%d: over %d texts are named; remove some",
			       path, line, (int)TEXTS_MAX);
	key->name = cm_arena_dup(t->arena, name.p, name.n);
	if (key->name == NULL)
		return no_memory(path, err);
	key->path = path;
	key->line = line;
	*ret_index = t->nkeys++;
	return CM_OK;
}

static int find_text(void *ctx, struct cm_span key,
		     const struct cm_template_file *file, int line,
		     size_t *ret_index, struct cm_error *err)
{
	return add_key(ctx, key, file->path, line, ret_index, err);
}

static bool has_link(const struct cm_pieces *pieces)
{
	size_t i;

	for (i = 0; i < pieces->count; i++)
		if (pieces->list[i].kind == CM_PIECE_VALUE &&
		    strcmp(cm_template_name_at(pieces->list[i].index)->name,
			   "link") == 0)
			return true;
	return false;
}

/* Of those that go out; their frame and rows have no link. */
static bool is_letter(int kind)
{
	return kind >= CM_TEMPLATE_LETTER_CONFIRM_TEXT &&
	       kind <= CM_TEMPLATE_LETTER_DATA_HTML;
}

static int load_page(struct cm_templates *t, const char *folder, int kind,
		     struct cm_error *err)
{
	struct cm_template_file file = {
		.arena = t->arena,
		.use = CM_TEMPLATE_USE_PAGE,
		.find_text = find_text,
		.ctx = t,
	};
	int rc;

	file.path =
		cm_arena_printf(t->arena, "%s/%s", folder, kinds[kind].file);
	if (file.path == NULL)
		return no_memory(kinds[kind].file, err);
	rc = cm_template_file_read(&file, err);
	if (rc == CM_OK)
		rc = cm_template_cut(&file, file.all, &t->pages[kind], err);
	if (rc == CM_OK && is_letter(kind) && !has_link(&t->pages[kind]))
		rc = cm_fail(err, CM_ECONFIG,
			     "template %s has no {{link}}, which is all that "
			     "the letter is for",
			     file.path);
	if (rc != CM_OK || kinds[kind].title == NULL)
		return rc;
	return add_key(t, cm_span(kinds[kind].title), file.path, 1,
		       &t->titles[kind], err);
}

static int load_pages(struct cm_templates *t, const char *folder,
		      struct cm_error *err)
{
	int kind, rc = CM_OK;

	for (kind = 0; rc == CM_OK && kind < CM_TEMPLATE_KINDS; kind++)
		if (!kinds[kind].footer)
			rc = load_page(t, folder, kind, err);
	return rc;
}

static int name_words(struct cm_templates *t, struct cm_error *err)
{
	int i, rc = CM_OK;

	for (i = 0; rc == CM_OK && i < CM_TEMPLATE_WORDS; i++)
		rc = add_key(t, cm_span(word_keys[i]), "consent-web", 0,
			     &t->words[i], err);
	return rc;
}

/* ---- the texts of a language -------------------------------------------- */

/* "key = text", a line each; empty lines and those with "#" say nothing. */
static int load_line(const struct cm_templates *t, struct language *language,
		     const struct cm_template_file *file, struct cm_span line,
		     struct cm_error *err)
{
	struct cm_span text = cm_span_trim(line);
	const char *at = text.p;
	struct cm_span key;
	size_t i;

	if (text.n == 0 || text.p[0] == '#')
		return CM_OK;
	key = cm_span_trim(cm_span_cut(&text, '='));
	text = cm_span_trim(text);
	if (key.n == 0 || text.n == 0)
		return cm_fail(err, CM_ECONFIG,
			       "%s:%d: write \"key = text\" in one line",
			       file->path, cm_template_line(file, at));
	for (i = 0; i < t->nkeys; i++)
		if (cm_span_eq(key, cm_span(t->keys[i].name)))
			break;
	if (i == t->nkeys) /* no page needs it; a typo is missed below */
		return CM_OK;
	if (language->texts[i].count > 0)
		return cm_fail(err, CM_ECONFIG,
			       "%s:%d: the text \"%s\" stands here twice",
			       file->path, cm_template_line(file, at),
			       t->keys[i].name);
	return cm_template_cut(file, text, &language->texts[i], err);
}

/* The key in the file that is most like one that is missing from it. */
static const char *like_key(const struct cm_template_file *file,
			    const char *wanted)
{
	struct cm_span rest = file->all;
	const char **found =
		cm_arena_array(file->arena, TEXTS_MAX, sizeof(*found));
	size_t n = 0;

	while (found != NULL && rest.n > 0 && n < TEXTS_MAX) {
		struct cm_span line = cm_span_cut(&rest, '\n');
		struct cm_span key = cm_span_trim(cm_span_cut(&line, '='));
		char *copy = cm_arena_dup(file->arena, key.p, key.n);

		if (copy != NULL && key.n > 0)
			found[n++] = copy;
	}
	return found != NULL ? cm_suggest(wanted, found, n) : NULL;
}

static size_t file_of(const char *key)
{
	size_t i = 0;

	while (!cm_span_starts(cm_span(key), text_files[i].prefix))
		i++;
	return i;
}

static int check_texts(const struct cm_templates *t,
		       const struct language *language,
		       const struct cm_template_file *files,
		       struct cm_error *err)
{
	size_t i;

	for (i = 0; i < t->nkeys; i++) {
		const struct key *key = &t->keys[i];
		const struct cm_template_file *file =
			&files[file_of(key->name)];
		const char *like;

		if (language->texts[i].count > 0)
			continue;
		like = like_key(file, key->name);
		return cm_fail(err, CM_ECONFIG,
			       "%s has no text \"%s\", which %s:%d asks "
			       "for%s%s%s",
			       file->path, key->name, key->path, key->line,
			       like != NULL ? " (is \"" : "",
			       like != NULL ? like : "",
			       like != NULL ? "\" meant?)" : "");
	}
	return CM_OK;
}

static int load_text_file(struct cm_templates *t, struct language *language,
			  struct cm_template_file *file, struct cm_error *err)
{
	struct cm_span rest;
	int rc = cm_template_file_read(file, err);

	rest = file->all;
	while (rc == CM_OK && rest.n > 0)
		rc = load_line(t, language, file, cm_span_cut(&rest, '\n'),
			       err);
	return rc;
}

static int load_texts(struct cm_templates *t, struct language *language,
		      const char *folder, const char *name,
		      struct cm_error *err)
{
	struct cm_template_file files[TEXT_FILES];
	size_t i;
	int rc = CM_OK;

	language->texts = cm_arena_array(t->arena, t->nkeys + 1,
					 sizeof(*language->texts));
	for (i = 0; rc == CM_OK && i < TEXT_FILES; i++) {
		files[i] = (struct cm_template_file){
			.arena = t->arena,
			.use = CM_TEMPLATE_USE_PAGE,
			.path = cm_arena_printf(t->arena, "%s/%s/%s", folder,
						name, text_files[i].file),
		};
		rc = files[i].path != NULL && language->texts != NULL
			     ? load_text_file(t, language, &files[i], err)
			     : no_memory(text_files[i].file, err);
	}
	return rc == CM_OK ? check_texts(t, language, files, err) : rc;
}

/* ---- languages ---------------------------------------------------------- */

static int load_footer(struct cm_templates *t, struct language *language,
		       const char *folder, const char *name, int kind,
		       struct cm_error *err)
{
	struct cm_template_file file = {
		.arena = t->arena,
		.use = CM_TEMPLATE_USE_FOOTER,
		.path = cm_arena_printf(t->arena, "%s/%s/%s", folder, name,
					kinds[kind].file),
	};
	int rc;

	if (file.path == NULL)
		return no_memory(kinds[kind].file, err);
	rc = cm_template_file_read(&file, err);
	if (rc == CM_OK)
		rc = cm_template_cut(&file, file.all, &language->footers[kind],
				     err);
	if (rc == CM_OK && !has_link(&language->footers[kind]))
		rc = cm_fail(err, CM_ECONFIG,
			     "template %s has no {{link}}: a footer must "
			     "show the way out",
			     file.path);
	return rc;
}

static int load_language(struct cm_templates *t, const char *folder,
			 const char *name, struct cm_error *err)
{
	struct language *language = &t->languages[t->count];
	int kind, rc = CM_OK;

	memcpy(language->tag, name, strlen(name)); /* is_tag() saw to room */
	cm_ascii_lower_n(language->tag, strlen(name));
	for (kind = 0; rc == CM_OK && kind < CM_TEMPLATE_KINDS; kind++)
		if (kinds[kind].footer)
			rc = load_footer(t, language, folder, name, kind, err);
	if (rc == CM_OK)
		rc = load_texts(t, language, folder, name, err);
	if (rc == CM_OK)
		t->count++;
	return rc;
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
	rc = load_pages(t, folder, err);
	if (rc == CM_OK)
		rc = name_words(t, err);
	if (rc == CM_OK)
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

size_t cm_templates_count(const struct cm_templates *templates)
{
	return templates->count;
}

const char *cm_templates_at(const struct cm_templates *templates, size_t i)
{
	return templates->languages[i].tag;
}

static void add_escaped_n(struct cm_buf *out, struct cm_span value)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {
		{'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},
		{'"', "&quot;"}, {'\'', "&#39;"},
	};
	size_t i, k;

	for (i = 0; i < value.n; i++) {
		const char *entity = NULL;

		for (k = 0; k < sizeof(entities) / sizeof(entities[0]); k++)
			if (value.p[i] == entities[k].c)
				entity = entities[k].entity;
		if (entity != NULL)
			(void)cm_buf_adds(out, entity);
		else
			(void)cm_buf_addc(out, value.p[i]);
	}
}

static void add_escaped(struct cm_buf *out, const char *value)
{
	add_escaped_n(out, cm_span(value));
}

struct filling {
	const struct language *language;
	const struct cm_template_value *values;
	size_t count;
	bool html;
	struct cm_buf *out;
};

static const char *value_of(const struct filling *f, const char *name)
{
	size_t i;

	if (strcmp(name, "language") == 0)
		return f->language->tag;
	if (strcmp(name, "dir") == 0)
		return cm_language_is_rtl(f->language->tag) ? "rtl" : "ltr";
	for (i = f->count; i > 0; i--)
		if (strcmp(f->values[i - 1].name, name) == 0)
			return f->values[i - 1].value != NULL
				       ? f->values[i - 1].value
				       : "";
	return "";
}

static void add_value(const struct filling *f, const struct cm_piece *piece)
{
	const struct cm_template_name *name = cm_template_name_at(piece->index);
	const char *value = value_of(f, name->name);

	if (f->html && !name->html)
		add_escaped(f->out, value);
	else
		(void)cm_buf_adds(f->out, value);
}

/*
 * A text is words: in HTML, all of it is escaped.  A template is HTML itself,
 * and names texts, which name none.
 */
static void fill_pieces(const struct filling *f, const struct cm_pieces *pieces,
			bool words)
{
	size_t i;

	for (i = 0; i < pieces->count; i++) {
		const struct cm_piece *piece = &pieces->list[i];

		if (words && f->html)
			add_escaped_n(f->out, piece->literal);
		else
			(void)cm_buf_add(f->out, piece->literal.p,
					 piece->literal.n);
		if (piece->kind == CM_PIECE_VALUE)
			add_value(f, piece);
		else if (piece->kind == CM_PIECE_TEXT)
			fill_pieces(f, &f->language->texts[piece->index], true);
	}
}

static bool is_missing(const struct filling *f, const struct cm_piece *piece)
{
	const struct cm_template_name *name = cm_template_name_at(piece->index);

	return name->use == CM_TEMPLATE_USE_OPTIONAL &&
	       value_of(f, name->name)[0] == '\0';
}

/* Without the lines of what is optional and not given. */
static void fill_footer(const struct filling *f, const struct cm_pieces *pieces)
{
	size_t line = f->out->len;
	bool gone = false;
	size_t i;

	for (i = 0; i < pieces->count; i++) {
		const struct cm_piece *piece = &pieces->list[i];
		struct cm_span rest = piece->literal;

		while (rest.n > 0) {
			const char *nl = memchr(rest.p, '\n', rest.n);
			size_t n =
				nl != NULL ? (size_t)(nl - rest.p) + 1 : rest.n;

			(void)cm_buf_add(f->out, rest.p, n);
			rest = cm_span_n(rest.p + n, rest.n - n);
			if (nl == NULL)
				continue;
			if (gone)
				cm_buf_cut(f->out, line);
			gone = false;
			line = f->out->len;
		}
		if (piece->kind != CM_PIECE_VALUE)
			continue;
		gone = gone || is_missing(f, piece);
		add_value(f, piece);
	}
	if (gone)
		cm_buf_cut(f->out, line);
}

int cm_template_fill(const struct cm_templates *templates,
		     enum cm_template_kind kind, const char *language,
		     const struct cm_template_value *values, size_t count,
		     struct cm_buf *out)
{
	const struct filling f = {
		.language = choose(templates, &language, 1),
		.values = values,
		.count = count,
		.html = kinds[kind].html,
		.out = out,
	};

	if (kinds[kind].footer)
		fill_footer(&f, &f.language->footers[kind]);
	else
		fill_pieces(&f, &templates->pages[kind], false);
	return cm_buf_ok(out);
}

int cm_template_title(const struct cm_templates *templates,
		      enum cm_template_kind kind, const char *language,
		      const struct cm_template_value *values, size_t count,
		      struct cm_buf *out)
{
	const struct filling f = {
		.language = choose(templates, &language, 1),
		.values = values,
		.count = count,
		.out = out,
	};

	if (kinds[kind].title != NULL)
		fill_pieces(&f, &f.language->texts[templates->titles[kind]],
			    true);
	return cm_buf_ok(out);
}

int cm_template_word(const struct cm_templates *templates,
		     enum cm_template_word word, const char *language,
		     struct cm_buf *out)
{
	const struct filling f = {
		.language = choose(templates, &language, 1),
		.out = out,
	};

	fill_pieces(&f, &f.language->texts[templates->words[word]], true);
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
