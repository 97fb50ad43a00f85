/*
 * From libConfuse's tree to ours (config_raw.h).  The only file that includes
 * <confuse.h>.
 *
 * Every option is a pointer option: its value carries the line it stood on,
 * which libConfuse itself forgets.  libConfuse hands callbacks no context of
 * ours, so it travels as a hidden option that every section has.
 */
#include "policy/config_raw.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config_value.h"

/* A name that no file can hold: config_text refuses control characters. */
static const char context_name[] = "\001";

/* In cfg_opt_t.flags, above libConfuse's own: a value was assigned. */
enum { ASSIGNED = 1 << 24 };

struct load {
	struct cm_raw *raw;
	struct cm_arena *arena;
	struct cm_error *err;
	bool failed;
	struct cm_buf sections; /* struct cm_raw_section, closed so far */
};

/* ---- errors ------------------------------------------------------------ */

int cm_raw_fail(const struct cm_config_text *text, enum cm_section_kind kind,
		const char *title, int line, struct cm_error *err,
		const char *fmt, ...)
{
	struct cm_config_line where = cm_config_text_where(text, line);
	const char *section = cm_section(kind)->name;
	char message[CM_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (kind == CM_SECTION_GLOBAL)
		return cm_fail(err, CM_ECONFIG, "%s:%d: %s", where.file,
			       where.line, message);
	if (title == NULL || title[0] == '\0')
		return cm_fail(err, CM_ECONFIG, "%s:%d: %s: %s", where.file,
			       where.line, section, message);
	return cm_fail(err, CM_ECONFIG, "%s:%d: %s \"%s\": %s", where.file,
		       where.line, section, title, message);
}

static struct load *context_of(cfg_t *cfg)
{
	cfg_opt_t *opt;

	for (opt = cfg->opts; opt->name != NULL; opt++)
		if (strcmp(opt->name, context_name) == 0)
			return (struct load *)(void *)opt->simple_value.ptr;
	return NULL;
}

static enum cm_section_kind kind_of(cfg_t *cfg)
{
	enum cm_section_kind kind = cm_section_find(cfg->name);

	return kind == CM_SECTIONS ? CM_SECTION_GLOBAL : kind;
}

/* The first error is the one that counts. */
static int fail(cfg_t *cfg, const char *text)
{
	struct load *load = context_of(cfg);

	if (!load->failed)
		cm_raw_fail(&load->raw->text, kind_of(cfg), cfg->title,
			    cfg->line, load->err, "%s", text);
	load->failed = true;
	return -1;
}

/* Names that may stand where an unknown one was found. */
static const char *suggest(enum cm_section_kind kind, const char *name)
{
	const char *words[128];
	const struct cm_setting *s;
	enum cm_section_kind k;
	size_t n = 0, i;

	for (i = 0; (s = cm_setting_at(i)) != NULL && n < 100; i++)
		if (s->section == kind)
			words[n++] = s->name;
	if (kind == CM_SECTION_GLOBAL)
		for (k = CM_SECTION_CONTROLLER; k < CM_SECTIONS; k++)
			words[n++] = cm_section(k)->name;
	return cm_suggest(name, words, n);
}

static void unknown_name(cfg_t *cfg, const char *name)
{
	const char *near = suggest(kind_of(cfg), name);
	char text[CM_ERROR_MAX];

	snprintf(text, sizeof(text), "unknown setting \"%s\"%s%s%s", name,
		 near == NULL ? "" : " (did you mean \"",
		 near == NULL ? "" : near, near == NULL ? "" : "\"?)");
	fail(cfg, text);
}

/* libConfuse's words for what a person can get wrong, and ours. */
static const struct {
	const char *theirs; /* takes one name, or none */
	const char *before, *after;
} messages[] = {
	{"missing equal sign after option '%s'",
	 "\"=\" and a value must "
	 "follow \"",
	 "\""},
	{"missing opening brace for section '%s'", "\"{\" must follow \"",
	 "\" (only listener, purpose, notice, form, stream and controller "
	 "have a name)"},
	{"missing title for section '%s'", "a name in quotes must follow \"",
	 "\""},
	{"found duplicate title '%s'", "there are two sections of the name \"",
	 "\""},
	{"attempt to append to non-list option '%s'", "\"+=\" is for lists, \"",
	 "\" takes one value"},
	{"unexpected token '%s'", "\"", "\" cannot stand here"},
	{"premature end of file", "the file ends too early", NULL},
};

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg,
							   const char *fmt,
							   va_list ap)
{
	char text[CM_ERROR_MAX];
	size_t i;

	if (strcmp(fmt, "no such option '%s'") == 0) {
		unknown_name(cfg, va_arg(ap, const char *));
		return;
	}
	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (strcmp(fmt, messages[i].theirs) != 0)
			continue;
		if (messages[i].after == NULL)
			snprintf(text, sizeof(text), "%s", messages[i].before);
		else
			snprintf(text, sizeof(text), "%s%s%s",
				 messages[i].before, va_arg(ap, const char *),
				 messages[i].after);
		fail(cfg, text);
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	fail(cfg, text);
}

/* ---- values -------------------------------------------------------------- */

/* One value was read: check it and keep it with its line. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	struct load *load = context_of(cfg);
	const struct cm_setting *setting =
		cm_setting_find(kind_of(cfg), opt->name);
	struct cm_value_context context = {load->arena, NULL, opt->name};
	struct cm_raw_text *value;
	struct cm_error why;
	union cm_value scratch;

	if ((opt->flags & ASSIGNED) != 0 && opt->nvalues == 1) {
		snprintf(why.text, sizeof(why.text), "\"%s\" is set twice",
			 opt->name);
		return fail(cfg, why.text);
	}
	opt->flags |= ASSIGNED;
	if (cm_value_convert(&context, setting, text, &scratch, &why) !=
	    CM_OK) {
		cm_error_prefix(&why, "%s: ", opt->name);
		return fail(cfg, why.text);
	}
	value = calloc(1, sizeof(*value));
	if (value == NULL)
		return fail(cfg, "out of memory");
	value->line = cfg->line;
	value->text = cm_arena_strdup(load->arena, text);
	if (value->text == NULL) {
		free(value);
		return fail(cfg, "out of memory");
	}
	*(void **)result = value;
	return 0;
}

/* Copy what libConfuse kept of one option. */
static int take_value(struct load *load, enum cm_section_kind kind,
		      cfg_opt_t *opt, struct cm_raw_value *ret_value)
{
	struct cm_raw_value value = {NULL, NULL, NULL, opt->nvalues};
	unsigned i;

	value.setting = cm_setting_find(kind, opt->name);
	value.name = cm_arena_strdup(load->arena, opt->name);
	value.texts =
		cm_arena_array(load->arena, opt->nvalues, sizeof(*value.texts));
	if (value.name == NULL || value.texts == NULL)
		return CM_ENOMEM;
	for (i = 0; i < opt->nvalues; i++)
		value.texts[i] =
			*(const struct cm_raw_text *)cfg_opt_getnptr(opt, i);
	*ret_value = value;
	return CM_OK;
}

/* Copy a finished section. */
static int take_section(struct load *load, cfg_t *cfg, int line)
{
	struct cm_raw_section section = {kind_of(cfg), "", line, NULL, 0};
	cfg_opt_t *opt;
	size_t n = 0;
	int rc = CM_OK;

	for (opt = cfg->opts; opt->name != NULL; opt++)
		if (opt->type == CFGT_PTR && opt->nvalues > 0)
			n++;
	section.values =
		cm_arena_array(load->arena, n + 1, sizeof(*section.values));
	if (cfg->title != NULL)
		section.title = cm_arena_strdup(load->arena, cfg->title);
	if (section.values == NULL || section.title == NULL)
		return CM_ENOMEM;
	for (opt = cfg->opts; rc == CM_OK && opt->name != NULL; opt++)
		if (opt->type == CFGT_PTR && opt->nvalues > 0)
			rc = take_value(load, section.kind, opt,
					&section.values[section.nvalues++]);
	if (rc != CM_OK)
		return rc;
	return cm_buf_add(&load->sections, &section, sizeof(section));
}

/* A section was closed: sections come here in the order of the file. */
static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	struct load *load = context_of(cfg);
	cfg_t *section = cfg_opt_getnsec(opt, opt->nvalues - 1);
	size_t nth = load->sections.len / sizeof(struct cm_raw_section);
	int line = cm_config_text_section(&load->raw->text, nth);

	if (opt->nvalues > 1 && !cm_section(kind_of(section))->many) {
		section->line = line;
		return fail(section, "there are two sections of this kind");
	}
	if (take_section(load, section, line) != CM_OK)
		return fail(section, "out of memory");
	return 0;
}

/* ---- what libConfuse must know ------------------------------------------ */

/* A quote, and behind it what may be a setting with a language. */
static bool starts_name(const char *quoted)
{
	const struct cm_setting *s;
	size_t i;

	if (quoted[0] != '\'')
		return false;
	for (i = 0; (s = cm_setting_at(i)) != NULL; i++)
		if (s->type == CM_SETTING_TITLE &&
		    strncmp(quoted + 1, s->name,
			    strlen(s->name) - strlen("XX")) == 0)
			return true;
	return false;
}

/* Names as title-cs that the text holds; libConfuse needs each declared. */
static int find_titles(const struct cm_config_text *text,
		       struct cm_arena *arena, struct cm_strings *ret_names)
{
	struct cm_strings names = {NULL, 0};
	const char *p = cm_buf_text(&text->text);
	size_t i, max = 0;

	for (i = 0; i < text->text.len; i++)
		max += starts_name(p + i);
	names.v = cm_arena_array(arena, max + 1, sizeof(*names.v));
	if (names.v == NULL)
		return CM_ENOMEM;
	for (; (p = strchr(p, '\'')) != NULL; p++) {
		size_t n = strcspn(p + 1, "'");
		const char *name;
		bool known;

		if (!starts_name(p))
			continue;
		name = cm_arena_dup(arena, p + 1, n);
		if (name == NULL)
			return CM_ENOMEM;
		known = !cm_setting_has_language(name);
		for (i = 0; i < names.n && !known; i++)
			known = strcmp(names.v[i], name) == 0;
		if (!known)
			names.v[names.n++] = name;
	}
	*ret_names = names;
	return CM_OK;
}

static cfg_opt_t value_option(const char *name, const struct cm_setting *s)
{
	cfg_flag_t flags = CFGF_NODEFAULT;
	cfg_opt_t opt = CFG_PTR_CB(name, NULL, 0, on_value, free);

	if ((s->flags & CM_SETTING_LIST) != 0)
		flags |= CFGF_LIST;
	opt.flags = flags;
	return opt;
}

static cfg_opt_t section_option(enum cm_section_kind kind, cfg_opt_t *inside)
{
	const struct cm_section *section = cm_section(kind);
	cfg_opt_t opt = CFG_SEC(section->name, inside, CFGF_MULTI);

	if (section->title != NULL)
		opt.flags |= CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	opt.validcb = on_section;
	return opt;
}

/* The options of one section, without the closing one. */
static size_t add_options(enum cm_section_kind kind, struct load *load,
			  const struct cm_strings *titles, cfg_opt_t *opts)
{
	cfg_opt_t context = CFG_STR(context_name, NULL, CFGF_NODEFAULT);
	const struct cm_setting *s;
	size_t n = 0, i, t;

	context.simple_value.ptr = (void **)(void *)load;
	opts[n++] = context;
	for (i = 0; (s = cm_setting_at(i)) != NULL; i++) {
		if (s->section != kind)
			continue;
		if (s->type != CM_SETTING_TITLE)
			opts[n++] = value_option(s->name, s);
		for (t = 0; t < titles->n; t++)
			if (cm_setting_language(s, titles->v[t]) != NULL)
				opts[n++] = value_option(titles->v[t], s);
	}
	return n;
}

/* All options; in the arena. */
static int make_options(struct load *load, const struct cm_strings *titles,
			cfg_opt_t **ret_opts)
{
	cfg_opt_t end = CFG_END();
	enum cm_section_kind kind;
	cfg_opt_t *opts = NULL;
	size_t max = titles->n + CM_SECTIONS + 2, n, i;
	cfg_opt_t *inside[CM_SECTIONS];

	for (i = 0; cm_setting_at(i) != NULL; i++)
		max++;
	for (kind = CM_SECTION_GLOBAL; kind < CM_SECTIONS; kind++) {
		opts = cm_arena_array(load->arena, max, sizeof(*opts));
		if (opts == NULL)
			return CM_ENOMEM;
		n = add_options(kind, load, titles, opts);
		opts[n] = end;
		inside[kind] = opts;
	}
	opts = inside[CM_SECTION_GLOBAL];
	for (n = 0; opts[n].name != NULL; n++)
		;
	for (kind = CM_SECTION_CONTROLLER; kind < CM_SECTIONS; kind++)
		opts[n++] = section_option(kind, inside[kind]);
	opts[n] = end;
	*ret_opts = opts;
	return CM_OK;
}

/* ---- reading ------------------------------------------------------------- */

static int parse(struct load *load, cfg_opt_t *opts)
{
	cfg_t *cfg = cfg_init(opts, CFGF_NONE);
	int rc = CM_OK;

	if (cfg == NULL)
		return cm_fail(load->err, CM_ENOMEM, "out of memory");
	cfg_set_error_function(cfg, on_error);
	if (cfg_parse_buf(cfg, cm_buf_text(&load->raw->text.text)) !=
	    CFG_SUCCESS)
		rc = CM_ECONFIG;
	if (rc == CM_OK && take_section(load, cfg, 1) != CM_OK)
		rc = CM_ENOMEM;
	if (rc != CM_OK && !load->failed)
		cm_fail(load->err, rc, "the configuration cannot be parsed");
	cfg_free(cfg);
	return rc;
}

static int take_sections(struct load *load)
{
	struct cm_raw *raw = load->raw;

	raw->sections = (struct cm_raw_section *)(void *)cm_arena_dup(
		load->arena, load->sections.data, load->sections.len);
	raw->nsections = load->sections.len / sizeof(*raw->sections);
	if (raw->sections == NULL)
		return cm_fail(load->err, CM_ENOMEM, "out of memory");
	return CM_OK;
}

int cm_raw_read(const char *file, struct cm_arena *arena, struct cm_raw *raw,
		struct cm_error *err)
{
	struct load load = {.raw = raw, .arena = arena, .err = err};
	struct cm_strings titles;
	cfg_opt_t *opts;
	int rc;

	cm_buf_init(&load.sections,
		    CM_CONFIG_TEXT_MAX * sizeof(struct cm_raw_section));
	rc = cm_config_text_read(file, arena, &raw->text, err);
	if (rc != CM_OK)
		goto out;
	rc = find_titles(&raw->text, arena, &titles);
	if (rc == CM_OK)
		rc = make_options(&load, &titles, &opts);
	if (rc != CM_OK) {
		cm_fail(err, rc, "out of memory");
		goto out;
	}
	rc = parse(&load, opts);
	if (rc == CM_OK)
		rc = take_sections(&load);
out:
	cm_buf_free(&load.sections);
	return rc;
}

void cm_raw_free(struct cm_raw *raw)
{
	cm_config_text_free(&raw->text);
}

const struct cm_raw_value *cm_raw_value(const struct cm_raw_section *section,
					const struct cm_setting *setting)
{
	size_t i;

	for (i = 0; i < section->nvalues; i++)
		if (section->values[i].setting == setting)
			return &section->values[i];
	return NULL;
}
