/*
 * See config.h.  Load: the file's sections (config_raw.h) are given room,
 * filled with defaults, then with what the file says, each value through its
 * converter (config_value.h), then linked and checked (config_check.h).
 */
#include "policy/config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "policy/config_check.h"
#include "policy/config_value.h"
#include "policy/purpose.h"

/* Far more than a file of CM_CONFIG_TEXT_MAX octets can ask for. */
#define SNAPSHOT_MAX ((size_t)1 << 30)

struct snapshot {
	struct cm_config config; /* first: what callers hold */
	struct cm_arena *arena;
	atomic_uint refs;
};

struct build {
	struct cm_config *config;
	struct cm_arena *arena;
	struct cm_raw raw;
	struct cm_error *err;
};

static int no_memory(struct build *b)
{
	return cm_fail(b->err, CM_ENOMEM, "out of memory");
}

/* ---- room ------------------------------------------------------------------
 */

/* Words that a list may have in settings.c's table. */
enum { CM_DEFAULTS_MAX = 32 };

static size_t count_of(const struct cm_raw *raw, enum cm_section_kind kind)
{
	size_t n = 0, i;

	for (i = 0; i < raw->nsections; i++)
		n += raw->sections[i].kind == kind;
	return n;
}

static int make_room(struct build *b)
{
	struct cm_config *c = b->config;

	c->npurposes = count_of(&b->raw, CM_SECTION_PURPOSE);
	c->nnotices = count_of(&b->raw, CM_SECTION_NOTICE);
	c->nforms = count_of(&b->raw, CM_SECTION_FORM);
	c->nstreams = count_of(&b->raw, CM_SECTION_STREAM);
	c->nlisteners = count_of(&b->raw, CM_SECTION_LISTENER);
	c->purposes = cm_arena_array(b->arena, c->npurposes + 1,
				     sizeof(*c->purposes));
	c->notices =
		cm_arena_array(b->arena, c->nnotices + 1, sizeof(*c->notices));
	c->forms = cm_arena_array(b->arena, c->nforms + 1, sizeof(*c->forms));
	c->streams =
		cm_arena_array(b->arena, c->nstreams + 1, sizeof(*c->streams));
	c->listeners = cm_arena_array(b->arena, c->nlisteners + 1,
				      sizeof(*c->listeners));
	if (c->purposes == NULL || c->notices == NULL || c->forms == NULL ||
	    c->streams == NULL || c->listeners == NULL)
		return no_memory(b);
	return CM_OK;
}

/* The struct that a section's values go to; nth of its kind. */
static void *target(const struct cm_config *c, enum cm_section_kind kind,
		    size_t nth)
{
	if (kind == CM_SECTION_PURPOSE)
		return &c->purposes[nth];
	if (kind == CM_SECTION_NOTICE)
		return &c->notices[nth];
	if (kind == CM_SECTION_FORM)
		return &c->forms[nth];
	if (kind == CM_SECTION_STREAM)
		return &c->streams[nth];
	if (kind == CM_SECTION_LISTENER)
		return &c->listeners[nth];
	return (void *)(uintptr_t)c;
}

static void set_names(struct build *b)
{
	struct cm_config *c = b->config;
	size_t seen[CM_SECTIONS] = {0}, i;

	for (i = 0; i < b->raw.nsections; i++) {
		const struct cm_raw_section *s = &b->raw.sections[i];
		size_t nth = seen[s->kind]++;
		int line = cm_config_text_where(&b->raw.text, s->line).line;

		if (s->kind == CM_SECTION_PURPOSE) {
			c->purposes[nth].path = s->title;
			c->purposes[nth].line = line;
		} else if (s->kind == CM_SECTION_STREAM) {
			c->streams[nth].name = s->title;
			c->streams[nth].line = line;
		} else if (s->kind == CM_SECTION_FORM) {
			c->forms[nth].name = s->title;
			c->forms[nth].line = line;
		} else if (s->kind == CM_SECTION_LISTENER) {
			c->listeners[nth].name = s->title;
			c->listeners[nth].line = line;
		} else if (s->kind == CM_SECTION_NOTICE) {
			/* cm_config_check_names() tells of a bad one */
			if (cm_notice_hash(s->title, c->notices[nth].hash) !=
			    CM_OK)
				continue;
		} else if (s->kind == CM_SECTION_CONTROLLER) {
			c->controller_id = s->title;
		}
	}
}

/* ---- values ----------------------------------------------------------------
 */

static bool is_many(const struct cm_setting *setting)
{
	return (setting->flags & CM_SETTING_LIST) != 0 ||
	       setting->type == CM_SETTING_TITLE;
}

/* Put an array and its length where the table says. */
static void put_array(void *base, const struct cm_setting *setting, void *array,
		      size_t count)
{
	memcpy((char *)base + setting->offset, &array, sizeof(array));
	memcpy((char *)base + setting->count_offset, &count, sizeof(count));
}

/* One more element at the end of an array that grows a section's title-XX. */
static int add_title(struct build *b, void *base,
		     const struct cm_setting *setting, const union cm_value *v)
{
	struct cm_title *old;
	struct cm_title *grown;
	size_t count;

	memcpy(&old, (char *)base + setting->offset, sizeof(old));
	memcpy(&count, (char *)base + setting->count_offset, sizeof(count));
	grown = cm_arena_array(b->arena, count + 1, sizeof(*grown));
	if (grown == NULL)
		return no_memory(b);
	if (count > 0)
		memcpy(grown, old, count * sizeof(*grown));
	grown[count] = v->title;
	put_array(base, setting, grown, count + 1);
	return CM_OK;
}

static int put_list(struct build *b, void *base,
		    const struct cm_raw_section *section,
		    const struct cm_raw_value *value)
{
	const struct cm_setting *setting = value->setting;
	struct cm_value_context context = {b->arena, b->config, value->name};
	size_t size = cm_value_size(setting->type), i;
	char *array = cm_arena_array(b->arena, value->ntexts, size);
	struct cm_error why;
	int rc;

	if (array == NULL)
		return no_memory(b);
	if ((int64_t)value->ntexts > setting->max)
		return cm_raw_fail(&b->raw.text, section->kind, section->title,
				   value->texts[0].line, b->err,
				   "%s: more than %d values", value->name,
				   (int)setting->max);
	for (i = 0; i < value->ntexts; i++) {
		rc = cm_value_convert(&context, setting, value->texts[i].text,
				      array + i * size, &why);
		if (rc != CM_OK)
			return cm_raw_fail(&b->raw.text, section->kind,
					   section->title, value->texts[i].line,
					   b->err, "%s", why.text);
	}
	put_array(base, setting, array, value->ntexts);
	return CM_OK;
}

static int put_value(struct build *b, void *base,
		     const struct cm_raw_section *section,
		     const struct cm_raw_value *value)
{
	const struct cm_setting *setting = value->setting;
	struct cm_value_context context = {b->arena, b->config, value->name};
	union cm_value converted;
	struct cm_error why;
	int rc;

	if ((setting->flags & CM_SETTING_LIST) != 0)
		return put_list(b, base, section, value);
	rc = cm_value_convert(&context, setting, value->texts[0].text,
			      &converted, &why);
	if (rc != CM_OK)
		return cm_raw_fail(&b->raw.text, section->kind, section->title,
				   value->texts[0].line, b->err, "%s",
				   why.text);
	if (setting->type == CM_SETTING_TITLE)
		return add_title(b, base, setting, &converted);
	memcpy((char *)base + setting->offset, &converted,
	       cm_value_size(setting->type));
	return CM_OK;
}

/* The table's own words go through the same converters. */
static int put_default(struct build *b, void *base,
		       const struct cm_setting *setting)
{
	const struct cm_raw_section nowhere = {.title = ""};
	struct cm_raw_text texts[CM_DEFAULTS_MAX];
	struct cm_raw_value value = {setting, setting->name, texts, 0};
	char *p = cm_arena_strdup(b->arena, setting->fallback);

	if (p == NULL)
		return no_memory(b);
	texts[value.ntexts++] = (struct cm_raw_text){1, p};
	while (is_many(setting) && value.ntexts < CM_DEFAULTS_MAX &&
	       (p = strchr(p, ' ')) != NULL) {
		*p++ = '\0';
		texts[value.ntexts++] = (struct cm_raw_text){1, p};
	}
	return put_value(b, base, &nowhere, &value);
}

static int put_defaults_of(struct build *b, const struct cm_setting *setting)
{
	size_t count = 1, i;
	int rc = CM_OK;

	if (cm_section(setting->section)->many)
		count = count_of(&b->raw, setting->section);
	for (i = 0; rc == CM_OK && i < count; i++)
		rc = put_default(b, target(b->config, setting->section, i),
				 setting);
	return rc;
}

static int put_defaults(struct build *b)
{
	const struct cm_setting *setting;
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && (setting = cm_setting_at(i)) != NULL; i++)
		if (setting->fallback != NULL)
			rc = put_defaults_of(b, setting);
	return rc;
}

static int put_values(struct build *b)
{
	size_t seen[CM_SECTIONS] = {0}, i, j;
	int rc = CM_OK;

	for (i = 0; i < b->raw.nsections; i++) {
		const struct cm_raw_section *s = &b->raw.sections[i];
		void *base = target(b->config, s->kind, seen[s->kind]++);

		for (j = 0; rc == CM_OK && j < s->nvalues; j++)
			rc = put_value(b, base, s, &s->values[j]);
		if (rc != CM_OK)
			return rc;
	}
	return CM_OK;
}

/* ---- purposes
 * ---------------------------------------------------------------- */

/* The nearest ancestor that has a section of its own. */
static const struct cm_purpose *parent_of(const struct cm_config *c,
					  const char *path)
{
	struct cm_span up = cm_span(path);
	const struct cm_purpose *found = NULL;

	while (found == NULL && up.n > 0) {
		up = cm_purpose_parent(up);
		found = up.n > 0 ? cm_config_purpose(c, up) : NULL;
	}
	return found;
}

static int link_purposes(struct build *b)
{
	struct cm_config *c = b->config;
	size_t i;

	for (i = 0; i < c->npurposes; i++) {
		struct cm_purpose *p = &c->purposes[i];

		p->parent = parent_of(c, p->path);
		if (cm_purpose_id(cm_span(p->path), p->id) != CM_OK)
			return cm_fail(b->err, CM_ECRYPTO,
				       "SHA-256 of a purpose failed");
	}
	return CM_OK;
}

static void inherit_value(struct cm_purpose *p, const struct cm_setting *s)
{
	const char *parent = (const char *)p->parent;

	if (!is_many(s)) {
		memcpy((char *)p + s->offset, parent + s->offset,
		       cm_value_size(s->type));
		return;
	}
	memcpy((char *)p + s->offset, parent + s->offset, sizeof(void *));
	memcpy((char *)p + s->count_offset, parent + s->count_offset,
	       sizeof(size_t));
}

/* What a purpose does not say, its parent says; parents first. */
static void inherit_one(struct cm_purpose *p, const struct cm_raw_section *raw)
{
	const struct cm_setting *s;
	size_t i;

	for (i = 0; (s = cm_setting_at(i)) != NULL; i++) {
		if ((s->flags & CM_SETTING_INHERITED) == 0 ||
		    cm_raw_value(raw, s) != NULL || p->parent == NULL)
			continue;
		inherit_value(p, s);
	}
}

static void inherit(struct build *b)
{
	size_t depth, i, nth;

	for (depth = 1; depth <= CM_PURPOSE_DEPTH; depth++) {
		for (i = nth = 0; i < b->raw.nsections; i++) {
			const struct cm_raw_section *s = &b->raw.sections[i];

			if (s->kind != CM_SECTION_PURPOSE)
				continue;
			if (cm_purpose_depth(cm_span(s->title)) == depth)
				inherit_one(&b->config->purposes[nth], s);
			nth++;
		}
	}
}

/* ---- loading
 * ------------------------------------------------------------------ */

/* Fields that the table cannot fill alone. */
static void settle(struct build *b)
{
	struct cm_config *c = b->config;
	const struct cm_raw_section *s;
	const struct cm_raw_value *v;
	size_t i;

	for (i = 0; i < c->nstreams; i++)
		if (c->streams[i].refuse != CM_REFUSE_REWRITE ||
		    !cm_stream_is_marketing(&c->streams[i]))
			c->streams[i].rewrite_to = NULL;
	if (c->unmatched_bulk != CM_BULK_STREAM)
		return;
	s = &b->raw.sections[b->raw.nsections - 1];
	for (i = 0; i < s->nvalues; i++) {
		v = &s->values[i];
		if (v->setting->type == CM_SETTING_BULK)
			c->unmatched_bulk_stream =
				cm_config_stream(c, v->texts[0].text);
	}
}

static int build(struct build *b)
{
	int rc = make_room(b);

	if (rc != CM_OK)
		return rc;
	set_names(b);
	rc = cm_config_check_names(b->config, &b->raw, b->err);
	if (rc == CM_OK)
		rc = put_defaults(b);
	if (rc == CM_OK)
		rc = put_values(b);
	if (rc == CM_OK)
		rc = link_purposes(b);
	if (rc != CM_OK)
		return rc;
	inherit(b);
	settle(b);
	return cm_config_check(b->config, &b->raw, b->err);
}

/* Words stand in quotes, so line ends, which comments make, mean nothing. */
static int take_digest(struct build *b)
{
	const struct cm_buf *words = &b->raw.text.text;
	struct cm_span rest = cm_span_n(words->data, words->len);
	struct cm_buf all;
	int rc;

	cm_buf_init(&all, CM_CONFIG_TEXT_MAX * 2);
	while (rest.n > 0) {
		struct cm_span line = cm_span_cut(&rest, '\n');

		(void)cm_buf_add(&all, line.p, line.n);
	}
	rc = cm_buf_ok(&all);
	if (rc == CM_OK)
		rc = cm_sha256(cm_buf_text(&all), all.len, b->config->digest);
	cm_buf_free(&all);
	return rc == CM_OK ? rc : cm_fail(b->err, rc, "cannot make a digest");
}

static int load(struct snapshot *snapshot, const char *file,
		struct cm_error *err)
{
	struct build b = {
		&snapshot->config, snapshot->arena, {.nsections = 0}, err};
	int rc;

	snapshot->config.file = cm_arena_strdup(snapshot->arena, file);
	if (snapshot->config.file == NULL)
		return no_memory(&b);
	rc = cm_raw_read(file, snapshot->arena, &b.raw, err);
	if (rc == CM_OK)
		rc = take_digest(&b);
	if (rc == CM_OK)
		rc = build(&b);
	cm_raw_free(&b.raw);
	return rc;
}

int cm_config_load(const char *file, struct cm_config **ret_config,
		   struct cm_error *err)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	struct cm_error why = {CM_OK, ""};
	int rc;

	if (snapshot == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	atomic_init(&snapshot->refs, 1);
	rc = cm_arena_new(SNAPSHOT_MAX, &snapshot->arena);
	if (rc == CM_OK)
		rc = load(snapshot, file, &why);
	if (rc != CM_OK) {
		struct cm_config *config = &snapshot->config;

		cm_config_unref(&config);
		/* Whatever was in the way, the admin must mend it. */
		return cm_fail(err, rc == CM_ENOMEM ? CM_ENOMEM : CM_ECONFIG,
			       "%s", why.text);
	}
	*ret_config = &snapshot->config;
	return CM_OK;
}

struct cm_config *cm_config_ref(struct cm_config *config)
{
	atomic_fetch_add(&((struct snapshot *)config)->refs, 1);
	return config;
}

void cm_config_unref(struct cm_config **config)
{
	struct snapshot *snapshot = (struct snapshot *)*config;

	*config = NULL;
	if (snapshot == NULL || atomic_fetch_sub(&snapshot->refs, 1) != 1)
		return;
	cm_arena_free(&snapshot->arena);
	free(snapshot);
}

/* ---- lookups
 * ------------------------------------------------------------------ */

bool cm_stream_is_marketing(const struct cm_stream *stream)
{
	return stream->type == CM_STREAM_MARKETING ||
	       stream->type == CM_STREAM_RENEWAL;
}

bool cm_stream_asks_store(const struct cm_stream *stream)
{
	return stream->type != CM_STREAM_SERVICE;
}

const char *cm_stream_type_name(enum cm_stream_type type)
{
	static const char *const names[] = {
		[CM_STREAM_MARKETING] = "marketing",
		[CM_STREAM_SERVICE] = "service",
		[CM_STREAM_RENEWAL] = "renewal",
		[CM_STREAM_OPTIN] = "optin",
	};

	return names[type];
}

const struct cm_stream *cm_config_stream(const struct cm_config *config,
					 const char *name)
{
	size_t i;

	for (i = 0; i < config->nstreams; i++)
		if (strcmp(config->streams[i].name, name) == 0)
			return &config->streams[i];
	return NULL;
}

const struct cm_purpose *cm_config_purpose(const struct cm_config *config,
					   struct cm_span path)
{
	size_t i;

	for (i = 0; i < config->npurposes; i++)
		if (cm_span_eq(cm_span(config->purposes[i].path), path))
			return &config->purposes[i];
	return NULL;
}

const struct cm_purpose *cm_config_purpose_by_id(
	const struct cm_config *config, const uint8_t id[CM_PURPOSE_ID_LEN])
{
	size_t i;

	for (i = 0; i < config->npurposes; i++)
		if (memcmp(config->purposes[i].id, id, CM_PURPOSE_ID_LEN) == 0)
			return &config->purposes[i];
	return NULL;
}

const struct cm_listener *cm_config_listener(const struct cm_config *config,
					     const char *name)
{
	size_t i;

	for (i = 0; i < config->nlisteners; i++)
		if (strcmp(config->listeners[i].name, name) == 0)
			return &config->listeners[i];
	return NULL;
}

const struct cm_subscribe_form *cm_config_form(const struct cm_config *config,
					       struct cm_span name)
{
	size_t i;

	for (i = 0; i < config->nforms; i++)
		if (name.n == 0 ||
		    cm_span_eq(cm_span(config->forms[i].name), name))
			return &config->forms[i];
	return NULL;
}

const char *cm_title_in(const char *text, const struct cm_title *titles,
			size_t count, const char *language)
{
	struct cm_span wanted = cm_span(language), primary = wanted;
	const char *found = text;
	size_t i;

	for (primary.n = 0; primary.n < wanted.n && wanted.p[primary.n] != '-';
	     primary.n++)
		;
	for (i = 0; i < count; i++) {
		if (cm_span_is(wanted, titles[i].language))
			return titles[i].text;
		if (cm_span_is(primary, titles[i].language))
			found = titles[i].text;
	}
	return found;
}

const char *cm_purpose_title(const struct cm_purpose *purpose,
			     const char *language)
{
	return cm_title_in(purpose->title, purpose->titles, purpose->ntitles,
			   language);
}
