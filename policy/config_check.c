/*
 * See config_check.h.
 *
 * The rule that keeps marketing from passing as service (design 5): for every
 * marketing and every service stream there must be a kind of envelope fact,
 * named by both, that they share no value of: sender, login, client or
 * listener.  The same for optin streams beside both of them.  A header or From
 * condition keeps nothing apart, because whoever writes the message writes
 * those; nor does the order of the streams, because then a line moved in the
 * file would free a mailing.
 */
#include "policy/config_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/enc.h"
#include "policy/config_pattern.h"
#include "policy/config_value.h"
#include "policy/purpose.h"
#include "policy/submit.h"

enum {
	NAME_MAX_LEN = 64, /* of streams and listeners: log lines hold them */
	BOXES_MAX = 2800,  /* of CM_FORM_MAX; the rest is for the address */
};

struct check {
	const struct cm_config *config;
	const struct cm_raw *raw;
	struct cm_error *err;
};

#define FAIL(c, s, line, ...)                                                  \
	cm_raw_fail(&(c)->raw->text, (s)->kind, (s)->title, line, (c)->err,    \
		    __VA_ARGS__)

/* The row of the table whose value goes to a member of a section's struct. */
#define ROW(kind, type, member) row(kind, offsetof(struct type, member))
#define STREAM_ROW(member)      ROW(CM_SECTION_STREAM, cm_stream, member)

static const struct cm_setting *row(enum cm_section_kind kind, size_t offset)
{
	const struct cm_setting *s;
	size_t i;

	for (i = 0; (s = cm_setting_at(i)) != NULL; i++)
		if (s->section == kind && s->offset == offset)
			return s;
	return NULL;
}

/* The line a setting stands on; its section's if it does not. */
static int line_of(const struct cm_raw_section *section,
		   const struct cm_setting *setting)
{
	const struct cm_raw_value *value = cm_raw_value(section, setting);

	return value == NULL ? section->line : value->texts[0].line;
}

/* The nth section of a kind. */
static const struct cm_raw_section *section_at(const struct check *c,
					       enum cm_section_kind kind,
					       size_t nth)
{
	size_t i;

	for (i = 0; i < c->raw->nsections; i++)
		if (c->raw->sections[i].kind == kind && nth-- == 0)
			return &c->raw->sections[i];
	return &c->raw->sections[c->raw->nsections - 1];
}

/* ---- names
 * ------------------------------------------------------------------- */

static int check_name(struct check *c, const struct cm_raw_section *s)
{
	static const char *const reserved[] = {"pass", "report", "tempfail"};
	struct cm_span name = cm_span(s->title);
	size_t i;

	for (i = 0; i < name.n; i++)
		if (!cm_ascii_alpha(name.p[i]) && !cm_ascii_digit(name.p[i]) &&
		    strchr("-_.", name.p[i]) == NULL)
			break;
	if (name.n == 0 || name.n > NAME_MAX_LEN || i < name.n)
		return FAIL(c, s, s->line,
			    "a name has 1 to %d letters, digits, \"-\", \"_\" "
			    "or \".\"",
			    NAME_MAX_LEN);
	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(s->title, reserved[i]) == 0)
			return FAIL(c, s, s->line,
				    "the name has a meaning of its own (choose "
				    "another)");
	return CM_OK;
}

/* It stands in a URL, perhaps with a language behind it: s/NAME/cs. */
static int check_form_name(struct check *c, const struct cm_raw_section *s)
{
	struct cm_span name = cm_span(s->title);
	size_t i;

	for (i = 0; i < name.n; i++)
		if ((!cm_ascii_alpha(name.p[i]) || name.p[i] < 'a') &&
		    !cm_ascii_digit(name.p[i]) && name.p[i] != '-')
			break;
	if (name.n > 0 && name.n <= CM_SOURCE_MAX && i == name.n)
		return CM_OK;
	return FAIL(c, s, s->line,
		    "the name of a form stands in its address: 1 to %d of a-z, "
		    "0-9 and \"-\"",
		    CM_SOURCE_MAX);
}

int cm_notice_hash(const char *title, uint8_t out[CM_HASH_LEN])
{
	size_t n = 0;

	if (cm_hex_decode(cm_span(title), out, CM_HASH_LEN, &n) != CM_OK ||
	    n != CM_HASH_LEN)
		return CM_EDATA;
	return CM_OK;
}

static int check_notice(struct check *c, const struct cm_raw_section *s)
{
	uint8_t hash[CM_HASH_LEN];

	if (cm_notice_hash(s->title, hash) == CM_OK)
		return CM_OK;
	return FAIL(c, s, s->line,
		    "a notice is called by the SHA-256 of its text, %d hex "
		    "digits in lower case (sha256sum prints it)",
		    2 * CM_HASH_LEN);
}

static int check_purpose_path(struct check *c, const struct cm_raw_section *s)
{
	struct cm_span path = cm_span(s->title);
	struct cm_error why;

	if (cm_purpose_check(path, &why) != CM_OK)
		return FAIL(c, s, s->line, "%s", why.text);
	if (s->kind == CM_SECTION_CONTROLLER && cm_purpose_depth(path) != 1)
		return FAIL(c, s, s->line, "the id must not hold a \"/\"");
	if (!cm_purpose_covers(cm_span(c->config->controller_id), path))
		return FAIL(c, s, s->line,
			    "every purpose lies below the controller: "
			    "\"%s/...\"",
			    c->config->controller_id);
	return CM_OK;
}

int cm_config_check_names(const struct cm_config *config,
			  const struct cm_raw *raw, struct cm_error *err)
{
	struct check c = {config, raw, err};
	int rc = CM_OK;
	size_t i;

	if (config->controller_id == NULL)
		return FAIL(&c, &raw->sections[raw->nsections - 1], 1,
			    "no controller section says who sends");
	for (i = 0; rc == CM_OK && i < raw->nsections; i++) {
		const struct cm_raw_section *s = &raw->sections[i];

		if (s->kind == CM_SECTION_STREAM ||
		    s->kind == CM_SECTION_LISTENER)
			rc = check_name(&c, s);
		else if (s->kind == CM_SECTION_FORM)
			rc = check_form_name(&c, s);
		else if (s->kind == CM_SECTION_NOTICE)
			rc = check_notice(&c, s);
		else if (s->kind == CM_SECTION_PURPOSE ||
			 s->kind == CM_SECTION_CONTROLLER)
			rc = check_purpose_path(&c, s);
	}
	return rc;
}

static int check_required(struct check *c)
{
	const struct cm_setting *setting;
	size_t i, j;

	for (i = 0; i < c->raw->nsections; i++) {
		const struct cm_raw_section *s = &c->raw->sections[i];

		for (j = 0; (setting = cm_setting_at(j)) != NULL; j++)
			if (setting->section == s->kind &&
			    (setting->flags & CM_SETTING_REQUIRED) != 0 &&
			    cm_raw_value(s, setting) == NULL)
				return FAIL(c, s, s->line, "\"%s\" is missing",
					    setting->name);
	}
	return CM_OK;
}

/* ---- purposes and languages
 * --------------------------------------------------- */

static int check_ids(struct check *c)
{
	size_t i, j;

	for (i = 0; i < c->config->npurposes; i++)
		for (j = 0; j < i; j++) {
			const struct cm_raw_section *s =
				section_at(c, CM_SECTION_PURPOSE, i);

			if (memcmp(c->config->purposes[i].id,
				   c->config->purposes[j].id,
				   CM_PURPOSE_ID_LEN) == 0)
				return FAIL(c, s, s->line,
					    "its short id is the same as that "
					    "of \"%s\" (rename one of them)",
					    c->config->purposes[j].path);
		}
	return CM_OK;
}

/* The official languages of the Union, and those we ship texts in. */
static const char *const languages[] = {
	"bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr",
	"hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
	"no", "nb", "nn", "is", "ru", "uk", "tr", "ar", "he", "ca", "sr",
};
enum { LANGUAGES = sizeof(languages) / sizeof(languages[0]) };

static bool has_templates(const struct cm_config *config, const char *language)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", config->templates, language);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int check_language(struct check *c, const struct cm_raw_section *s,
			  int line, const char *tag)
{
	struct cm_span primary = cm_span(tag);
	struct cm_error why;
	size_t i;

	for (i = 0; i < primary.n; i++)
		if (tag[i] == '-')
			primary.n = i;
	for (i = 0; i < LANGUAGES; i++)
		if (cm_span_is(primary, languages[i]))
			return CM_OK;
	if (has_templates(c->config, tag))
		return CM_OK;
	cm_fail(&why, CM_ECONFIG,
		"\"%s\" is no language of the European Union, and there are "
		"no templates in it",
		tag);
	cm_value_suggest(&why, tag, languages, LANGUAGES);
	return FAIL(c, s, line, "%s", why.text);
}

static int check_languages(struct check *c)
{
	size_t i, j;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < c->raw->nsections; i++) {
		const struct cm_raw_section *s = &c->raw->sections[i];

		for (j = 0; rc == CM_OK && j < s->nvalues; j++) {
			const struct cm_raw_value *v = &s->values[j];

			if (v->setting->type == CM_SETTING_TITLE)
				rc = check_language(
					c, s, v->texts[0].line,
					cm_setting_language(v->setting,
							    v->name));
			else if (v->setting->type == CM_SETTING_LANGUAGE)
				rc = check_language(c, s, v->texts[0].line,
						    v->texts[0].text);
		}
	}
	return rc;
}

/* ---- one stream
 * ------------------------------------------------------------------ */

/* Settings that mean nothing in a stream of this type. */
static int check_foreign(struct check *c, const struct cm_raw_section *s,
			 const struct cm_stream *stream)
{
	static const unsigned own[] = {
		[CM_STREAM_MARKETING] = CM_SETTING_MARKETING,
		[CM_STREAM_SERVICE] = CM_SETTING_SERVICE,
		[CM_STREAM_RENEWAL] = CM_SETTING_MARKETING | CM_SETTING_RENEWAL,
		[CM_STREAM_OPTIN] = CM_SETTING_OPTIN,
	};
	const unsigned any = CM_SETTING_MARKETING | CM_SETTING_SERVICE |
			     CM_SETTING_RENEWAL | CM_SETTING_OPTIN;
	size_t i;

	for (i = 0; i < s->nvalues; i++) {
		unsigned of = s->values[i].setting->flags & any;

		if (of != 0 && (of & own[stream->type]) == 0)
			return FAIL(c, s, s->values[i].texts[0].line,
				    "\"%s\" means nothing in a stream "
				    "of type %s (remove it)",
				    s->values[i].name,
				    cm_stream_type_name(stream->type));
	}
	return CM_OK;
}

static bool has_condition(const struct cm_raw_section *s)
{
	size_t i;

	for (i = 0; i < s->nvalues; i++)
		if ((s->values[i].setting->flags & CM_SETTING_CONDITION) != 0)
			return true;
	return false;
}

/* A stream that takes what no other takes needs no condition. */
static bool is_target(const struct cm_config *config,
		      const struct cm_stream *stream)
{
	size_t i;

	for (i = 0; i < config->nlisteners; i++)
		if (config->listeners[i].unmatched == stream)
			return true;
	return config->unmatched_bulk_stream == stream;
}

static bool any_overlap(const struct cm_network *a, size_t na,
			const struct cm_network *b, size_t nb)
{
	size_t i, j;

	for (i = 0; i < na; i++)
		for (j = 0; j < nb; j++)
			if (cm_network_overlaps(&a[i], &b[j]))
				return true;
	return false;
}

/* Clients whose sender nobody would believe: the stream would stay idle. */
static int check_clients(struct check *c, const struct cm_raw_section *s,
			 const struct cm_stream *stream)
{
	const struct cm_config *config = c->config;

	if (stream->nclients == 0 || stream->auth.n > 0 ||
	    stream->nsenders + stream->nfroms + stream->nheaders == 0)
		return CM_OK;
	if (any_overlap(stream->clients, stream->nclients, config->own_networks,
			config->nown_networks))
		return CM_OK;
	return FAIL(c, s, line_of(s, STREAM_ROW(clients)),
		    "no client here is in own-networks, so its sender and "
		    "headers are not believed (add it there)");
}

/* Article 13(2) is about similar products, so they must have a name. */
static int check_soft_opt_in(struct check *c, const struct cm_purpose *purpose)
{
	const struct cm_raw_section *s = section_at(
		c, CM_SECTION_PURPOSE, (size_t)(purpose - c->config->purposes));

	if (!purpose->soft_opt_in || purpose->product_categories.n > 0)
		return CM_OK;
	return FAIL(
		c, s,
		line_of(s, ROW(CM_SECTION_PURPOSE, cm_purpose, soft_opt_in)),
		"soft-opt-in = yes needs product-category: what its mails "
		"advertise, as your lists call it (only who bought such a "
		"thing may get them)");
}

static int check_purposes(struct check *c, const struct cm_raw_section *s,
			  const struct cm_stream *stream)
{
	size_t i, j;

	if (stream->npurposes == 0)
		return FAIL(c, s, s->line,
			    "a %s stream needs a purpose: what must "
			    "people have agreed to?",
			    cm_stream_type_name(stream->type));
	for (i = 0; i < stream->npurposes; i++) {
		int rc = check_soft_opt_in(c, stream->purposes[i]);

		if (rc != CM_OK)
			return rc;
	}
	for (i = 0; i < stream->npurposes; i++)
		for (j = 0; j < i; j++)
			if (stream->purposes[i] == stream->purposes[j])
				return FAIL(c, s,
					    line_of(s, STREAM_ROW(purposes)),
					    "purpose \"%s\" is named twice",
					    stream->purposes[i]->path);
	return CM_OK;
}

static int check_marketing(struct check *c, const struct cm_raw_section *s,
			   const struct cm_stream *stream)
{
	int rc = check_purposes(c, s, stream);

	if (rc != CM_OK)
		return rc;
	if (!has_condition(s) && !is_target(c->config, stream))
		return FAIL(c, s, s->line,
			    "nothing says which mail belongs to it (give it a "
			    "sender or another condition, or name it in a "
			    "listener's \"unmatched\")");
	if (stream->refuse == CM_REFUSE_REWRITE && stream->rewrite_to == NULL)
		return FAIL(c, s, s->line,
			    "refuse = rewrite needs \"rewrite-to\"");
	if (stream->list_name != NULL && stream->list_id == NULL)
		return FAIL(c, s, line_of(s, STREAM_ROW(list_name)),
			    "\"list-name\" is shown in front of a \"list-id\" "
			    "(add one)");
	if (stream->presigned == CM_PRESIGNED_IS_RENEWED &&
	    c->config->dkim_domains.n == 0)
		return FAIL(c, s, line_of(s, STREAM_ROW(presigned)),
			    "presigned = resign needs \"dkim-domains\": whose "
			    "signatures may be taken out?");
	if (stream->mode != CM_MODE_OBSERVE && c->config->web_base_url == NULL)
		return FAIL(c, s, line_of(s, STREAM_ROW(mode)),
			    "its mail would have no way out: add a web section "
			    "with base-url (or set mode = observe)");
	return CM_OK;
}

/* What must be said, and only may be, where people are asked of whom nothing
 * proves a consent. */
static int check_unknown(struct check *c, const struct cm_raw_section *s,
			 const struct cm_stream *stream)
{
	const struct {
		const struct cm_setting *setting;
		const char *what;
		bool there;
	} needed[] = {
		{STREAM_ROW(approved_by), "who answers for it?",
		 stream->approved_by != NULL},
		{STREAM_ROW(legal_note), "why is it lawful?",
		 stream->legal_note != NULL},
		{STREAM_ROW(ask_until), "when does it end?",
		 stream->ask_until != 0},
		{STREAM_ROW(senders), "whose mail is it?",
		 stream->nsenders > 0},
	};
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		const char *name = needed[i].setting->name;

		if (stream->ask_unknown && !needed[i].there)
			return FAIL(c, s, line_of(s, STREAM_ROW(ask_unknown)),
				    "ask-unknown = yes needs \"%s\": %s", name,
				    needed[i].what);
		if (!stream->ask_unknown && needed[i].there &&
		    (needed[i].setting->flags & CM_SETTING_RENEWAL) != 0)
			return FAIL(c, s, line_of(s, needed[i].setting),
				    "\"%s\" means nothing without "
				    "ask-unknown = yes (remove it)",
				    name);
	}
	return CM_OK;
}

static int check_renewal(struct check *c, const struct cm_raw_section *s,
			 const struct cm_stream *stream)
{
	int rc = check_marketing(c, s, stream);

	if (rc != CM_OK)
		return rc;
	if (stream->npurposes > 1)
		return FAIL(c, s, line_of(s, STREAM_ROW(purposes)),
			    "a renewal stream asks for one purpose (make a "
			    "stream for each)");
	if (!has_condition(s))
		return FAIL(c, s, s->line,
			    "nothing says which mail belongs to it (give it a "
			    "sender or another condition)");
	if (stream->mode == CM_MODE_EDIT)
		return FAIL(c, s, line_of(s, STREAM_ROW(mode)),
			    "a renewal stream in mode edit would ask everybody "
			    "and again and again (set observe or enforce)");
	if (cm_period_is_none(stream->renew_before) ||
	    cm_period_is_none(stream->wave_every))
		return FAIL(c, s, s->line,
			    "renew-before and wave-every are times, as 60d and "
			    "1d; none is not possible");
	return check_unknown(c, s, stream);
}

/* Of a stream whose mail goes to people who have not consented. */
static int check_envelope(struct check *c, const struct cm_raw_section *s,
			  const struct cm_stream *stream)
{
	const char *type = cm_stream_type_name(stream->type);

	if (stream->nsenders == 0)
		return FAIL(c, s, s->line,
			    "a stream of type %s needs \"sender\": consent is "
			    "not asked for its mail",
			    type);
	if (stream->auth.n + stream->nclients + stream->listeners.n == 0)
		return FAIL(c, s, s->line,
			    "a stream of type %s needs \"auth\", \"client\" or "
			    "\"listener\" besides the sender, which anybody "
			    "can write",
			    type);
	return CM_OK;
}

static int check_optin(struct check *c, const struct cm_raw_section *s,
		       const struct cm_stream *stream)
{
	if (stream->mode == CM_MODE_EDIT)
		return FAIL(c, s, line_of(s, STREAM_ROW(mode)),
			    "mail of an optin stream is never edited (set "
			    "observe or enforce)");
	return check_envelope(c, s, stream);
}

static int check_service(struct check *c, const struct cm_raw_section *s,
			 const struct cm_stream *stream)
{
	int rc = check_envelope(c, s, stream);

	if (rc != CM_OK)
		return rc;
	if (stream->approved_by == NULL)
		return FAIL(c, s, s->line,
			    "a service stream needs \"approved-by\": who says "
			    "that its mail needs no consent?");
	return CM_OK;
}

/* ---- each by its envelope
 * ------------------------------------------------ */

static bool share_sender(const struct cm_stream *a, const struct cm_stream *b)
{
	size_t i, j;

	for (i = 0; i < a->nsenders; i++)
		for (j = 0; j < b->nsenders; j++)
			if (cm_sender_pattern_overlaps(&a->senders[i],
						       &b->senders[j]))
				return true;
	return a->nsenders == 0 || b->nsenders == 0;
}

static bool share_text(const struct cm_strings *a, const struct cm_strings *b)
{
	size_t i, j;

	for (i = 0; i < a->n; i++)
		for (j = 0; j < b->n; j++)
			if (strcmp(a->v[i], b->v[j]) == 0)
				return true;
	return a->n == 0 || b->n == 0;
}

static bool share_envelope(const struct cm_stream *a, const struct cm_stream *b)
{
	bool clients =
		a->nclients == 0 || b->nclients == 0 ||
		any_overlap(a->clients, a->nclients, b->clients, b->nclients);

	return clients && share_sender(a, b) &&
	       share_text(&a->auth, &b->auth) &&
	       share_text(&a->listeners, &b->listeners);
}

/* Goes to people whose consent nobody asks for: other mail must not get in. */
static bool is_guarded(const struct cm_stream *stream)
{
	return stream->type == CM_STREAM_SERVICE ||
	       stream->type == CM_STREAM_OPTIN || stream->ask_unknown;
}

/* A target without conditions takes only what no stream takes. */
static int check_apart(struct check *c, const struct cm_raw_section *s,
		       const struct cm_stream *stream)
{
	size_t i;

	if (!has_condition(s))
		return CM_OK;
	for (i = 0; i < c->config->nstreams; i++) {
		const struct cm_stream *other = &c->config->streams[i];

		if (other == stream || !is_guarded(other) ||
		    (other->type == stream->type &&
		     other->type == CM_STREAM_OPTIN) ||
		    !share_envelope(stream, other))
			continue;
		return FAIL(c, s, s->line,
			    "mail of %s stream \"%s\" (line %d) could be "
			    "of this stream too: sender, auth, client or "
			    "listener must keep them apart (headers and From "
			    "do not count)",
			    cm_stream_type_name(other->type), other->name,
			    other->line);
	}
	return CM_OK;
}

static int check_by_type(struct check *c, const struct cm_raw_section *s,
			 const struct cm_stream *stream)
{
	static int (*const checks[])(struct check *,
				     const struct cm_raw_section *,
				     const struct cm_stream *) = {
		[CM_STREAM_MARKETING] = check_marketing,
		[CM_STREAM_SERVICE] = check_service,
		[CM_STREAM_RENEWAL] = check_renewal,
		[CM_STREAM_OPTIN] = check_optin,
	};

	return checks[stream->type](c, s, stream);
}

static int check_streams(struct check *c)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < c->config->nstreams; i++) {
		const struct cm_stream *stream = &c->config->streams[i];
		const struct cm_raw_section *s =
			section_at(c, CM_SECTION_STREAM, i);

		rc = check_foreign(c, s, stream);
		if (rc == CM_OK)
			rc = check_by_type(c, s, stream);
		if (rc == CM_OK)
			rc = check_clients(c, s, stream);
		if (rc == CM_OK && cm_stream_asks_store(stream))
			rc = check_apart(c, s, stream);
	}
	return rc;
}

/* ---- listeners
 * ------------------------------------------------------------------ */

static int check_target(struct check *c, const struct cm_raw_section *s,
			int line, const struct cm_stream *stream)
{
	if (stream == NULL || stream->type == CM_STREAM_MARKETING)
		return CM_OK;
	return FAIL(c, s, line,
		    "stream \"%s\" is of type %s: unknown mail must not "
		    "pass as %s",
		    stream->name, cm_stream_type_name(stream->type),
		    cm_stream_type_name(stream->type));
}

static int check_listener(struct check *c, size_t nth)
{
	const struct cm_listener *listener = &c->config->listeners[nth];
	const struct cm_raw_section *s =
		section_at(c, CM_SECTION_LISTENER, nth);
	size_t i;

	for (i = 0; i < nth; i++)
		if (strcmp(c->config->listeners[i].socket, listener->socket) ==
		    0)
			return FAIL(c, s,
				    line_of(s, ROW(CM_SECTION_LISTENER,
						   cm_listener, socket)),
				    "listener \"%s\" has the same socket",
				    c->config->listeners[i].name);
	return check_target(
		c, s,
		line_of(s, ROW(CM_SECTION_LISTENER, cm_listener, unmatched)),
		listener->unmatched);
}

static int check_listeners(struct check *c)
{
	const struct cm_raw_section *global =
		&c->raw->sections[c->raw->nsections - 1];
	int rc = CM_OK;
	size_t i;

	for (i = 0; rc == CM_OK && i < c->config->nlisteners; i++)
		rc = check_listener(c, i);
	if (rc != CM_OK)
		return rc;
	return check_target(c, global,
			    line_of(global, ROW(CM_SECTION_GLOBAL, cm_config,
						unmatched_bulk)),
			    c->config->unmatched_bulk_stream);
}

/* A form with all boxes ticked fits into what consent-web reads (R8058-17):
 * "&purpose=" and a path each, its slashes as three octets. */
static size_t boxes_length(const struct cm_subscribe_form *form)
{
	size_t n = 0, i;

	for (i = 0; i < form->npurposes; i++) {
		struct cm_span path = cm_span(form->purposes[i]->path);

		n += strlen("&purpose=") + path.n +
		     2 * (cm_purpose_depth(path) - 1);
	}
	return n;
}

static int check_form(struct check *c, const struct cm_subscribe_form *form,
		      const struct cm_raw_section *s)
{
	int line =
		line_of(s, ROW(CM_SECTION_FORM, cm_subscribe_form, purposes));
	size_t i, j;

	if (c->config->web_base_url == NULL || c->config->mail_domain == NULL)
		return FAIL(c, s, s->line, "a form needs a %s section (%s)",
			    c->config->web_base_url == NULL ? "web" : "mail",
			    c->config->web_base_url == NULL
				    ? "where people reach it"
				    : "who subscribes is asked by a letter");
	for (i = 0; i < form->npurposes; i++)
		for (j = 0; j < i; j++)
			if (form->purposes[i] == form->purposes[j])
				return FAIL(c, s, line,
					    "purpose \"%s\" is named twice",
					    form->purposes[i]->path);
	if (boxes_length(form) > BOXES_MAX)
		return FAIL(c, s, line,
			    "these boxes, all ticked, are more than a form may "
			    "send (make two forms, or shorter paths)");
	return CM_OK;
}

static int check_forms(struct check *c)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < c->config->nforms; i++)
		rc = check_form(c, &c->config->forms[i],
				section_at(c, CM_SECTION_FORM, i));
	return rc;
}

/* A password in clear over a network is everybody's. */
static int check_submission(struct check *c)
{
	const struct cm_config *config = c->config;
	const struct cm_raw_section *s;

	if (config->mail_domain == NULL)
		return CM_OK;
	s = section_at(c, CM_SECTION_MAIL, 0);
	if ((config->mail_submit_user == NULL) !=
	    (config->mail_submit_password_file == NULL))
		return FAIL(c, s, s->line,
			    "submit-user and submit-password-file go together");
	if (config->mail_submit_user != NULL && !cm_submit_is_private(config))
		return FAIL(c, s, s->line,
			    "the password would go over the network in clear, "
			    "or to whoever answers: submit-tls = required, or "
			    "a server on this host");
	return CM_OK;
}

/* What a checkpoint's ways out need. */
static int check_checkpoint(struct check *c)
{
	const struct cm_config *config = c->config;
	const struct cm_raw_section *s;

	if (config->checkpoint_origin == NULL)
		return CM_OK;
	s = section_at(c, CM_SECTION_CHECKPOINT, 0);
	if (config->checkpoint_tsa_url != NULL &&
	    config->checkpoint_tsa_ca == NULL)
		return FAIL(c, s, s->line,
			    "tsa-url needs tsa-ca: without the authority's "
			    "certificates nobody can check its stamps");
	if (config->checkpoint_mail_to != NULL && config->mail_domain == NULL)
		return FAIL(c, s, s->line,
			    "mail-to needs a mail section, which says whom "
			    "mail is from and where it is handed in");
	return CM_OK;
}

int cm_config_check(const struct cm_config *config, const struct cm_raw *raw,
		    struct cm_error *err)
{
	static int (*const checks[])(struct check *) = {
		check_required,   check_ids,        check_languages,
		check_streams,    check_listeners,  check_forms,
		check_submission, check_checkpoint,
	};
	struct check c = {config, raw, err};
	int rc = CM_OK;
	size_t i;

	for (i = 0; rc == CM_OK && i < sizeof(checks) / sizeof(checks[0]); i++)
		rc = checks[i](&c);
	return rc;
}
