/* See my_data_page.h. */
#include "web/my_data_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/json.h"
#include "policy/purpose.h"
#include "policy/term_text.h"
#include "web/page.h"
#include "web/plain_text.h"

enum {
	WORD_MAX = 4096, /* octets of a text of a language */
	VALUES_MAX = 4,
	DATE_MAX = 24, /* "2026-01-31 12:00 UTC" */
};

struct making {
	const struct cm_templates *templates;
	const struct cm_record *record;
	const char *language;
	struct cm_arena *arena;
	int rc; /* the first failure */
};

/* ---- pieces ------------------------------------------------------------- */

static const char *keep(struct making *m, const struct cm_buf *buf)
{
	const char *copy = cm_arena_dup(m->arena, buf->data, buf->len);

	if (m->rc == CM_OK && buf->failed != CM_OK)
		m->rc = buf->failed;
	if (m->rc == CM_OK && copy == NULL)
		m->rc = CM_ENOMEM;
	return copy != NULL ? copy : "";
}

static const char *word(struct making *m, enum cm_template_word which)
{
	struct cm_buf out;
	const char *text;
	int rc;

	cm_buf_init(&out, WORD_MAX);
	rc = cm_template_word(m->templates, which, m->language, &out);
	if (m->rc == CM_OK)
		m->rc = rc;
	text = keep(m, &out);
	cm_buf_free(&out);
	return text;
}

static const char *text_of(struct making *m, struct cm_span span)
{
	const char *text = cm_arena_dup(m->arena, span.p, span.n);

	if (text == NULL && m->rc == CM_OK)
		m->rc = CM_ENOMEM;
	return text != NULL ? text : "";
}

static const char *date(struct making *m, int64_t at)
{
	char text[CM_CLOCK_TEXT], out[DATE_MAX];

	(void)cm_clock_format(at, text);
	(void)snprintf(out, sizeof(out), "%.10s %.5s UTC", text, text + 11);
	return text_of(m, cm_span(out));
}

static void fill(struct making *m, enum cm_template_kind kind,
		 const struct cm_template_value *values, size_t count,
		 struct cm_buf *out)
{
	if (m->rc == CM_OK)
		m->rc = cm_template_fill(m->templates, kind, m->language,
					 values, count, out);
}

static void add_row(struct making *m, struct cm_buf *rows,
		    enum cm_template_word label, const char *value)
{
	const struct cm_template_value values[] = {
		{"label", word(m, label)},
		{"value", value},
	};

	if (value != NULL && value[0] != '\0')
		fill(m, CM_TEMPLATE_PART_DATA_ROW, values, 2, rows);
}

static const char *title_of(struct making *m, const char *path)
{
	const struct cm_purpose *purpose;

	if (path == NULL)
		return word(m, CM_WORD_NOT_OFFERED);
	if (path[0] == '\0')
		return word(m, CM_WORD_ALL_MARKETING);
	purpose = cm_config_purpose(m->record->config, cm_span(path));
	return purpose != NULL ? cm_purpose_title(purpose, m->language) : path;
}

/* ---- who ---------------------------------------------------------------- */

static const char *about_person(struct making *m)
{
	const struct cm_record *r = m->record;
	char id[CM_HEX_LEN(CM_CONTACT_ID_LEN) + 1];
	struct cm_buf rows;
	const char *text;

	cm_buf_init(&rows, CM_PAGE_MAX);
	(void)cm_hex_encode(r->contact.b, sizeof(r->contact.b), id);
	add_row(m, &rows, CM_WORD_LABEL_ADDRESS,
		r->canonical.n > 0 ? text_of(m, r->canonical)
				   : word(m, CM_WORD_NOT_KEPT));
	if (!cm_span_eq(r->as_given, r->canonical))
		add_row(m, &rows, CM_WORD_LABEL_AS_GIVEN,
			text_of(m, r->as_given));
	add_row(m, &rows, CM_WORD_LABEL_LANGUAGE, r->own.language);
	add_row(m, &rows, CM_WORD_LABEL_ID, id);
	text = keep(m, &rows);
	cm_buf_free(&rows);
	return text;
}

/* ---- where they stand --------------------------------------------------- */

/* What the person need not tell apart has one word. */
static enum cm_template_word state_of(const struct cm_decision *decision)
{
	switch (decision->reason) {
	case CM_REASON_WITHDRAWN:
		return CM_WORD_NOT_WITHDRAWN;
	case CM_REASON_OBJECTED:
		return CM_WORD_NOT_OBJECTED;
	case CM_REASON_COMPLAINED:
		return CM_WORD_NOT_COMPLAINED;
	case CM_REASON_ERASED:
		return CM_WORD_NOT_ERASED;
	case CM_REASON_RESTRICTED:
		return CM_WORD_NOT_RESTRICTED;
	case CM_REASON_UNDELIVERABLE:
		return CM_WORD_NOT_UNDELIVERABLE;
	case CM_REASON_IDLE:
	case CM_REASON_EXPIRED:
	case CM_REASON_CONTRACT_ENDED:
		return CM_WORD_NOT_ENDED;
	case CM_REASON_UNCONFIRMED:
		return CM_WORD_NOT_CONFIRMED;
	case CM_REASON_NO_RECORD:
		return CM_WORD_NOT_AGREED;
	default:
		if (decision->verdict != CM_VERDICT_ALLOW)
			return CM_WORD_NOT_PROVEN;
		return decision->reason == CM_REASON_ALLOWED_SOFT_OPT_IN
			       ? CM_WORD_MAY_CUSTOMER
			       : CM_WORD_MAY_CONSENT;
	}
}

static void add_standing(struct making *m, const struct cm_standing *standing,
			 struct cm_buf *out)
{
	const struct cm_decision *decision = &standing->decision;
	struct cm_template_value values[VALUES_MAX] = {
		{"purpose", cm_purpose_title(standing->purpose, m->language)},
		{"value", word(m, state_of(decision))},
	};
	struct cm_buf rows;

	cm_buf_init(&rows, CM_PAGE_MAX);
	if (decision->has_event)
		add_row(m, &rows, CM_WORD_LABEL_SINCE, date(m, decision->at));
	if (decision->verdict == CM_VERDICT_ALLOW && standing->until != 0)
		add_row(m, &rows, CM_WORD_LABEL_UNTIL,
			date(m, standing->until));
	values[2] = (struct cm_template_value){"rows", keep(m, &rows)};
	cm_buf_free(&rows);
	fill(m, CM_TEMPLATE_PART_DATA_STANDING, values, 3, out);
}

static const char *standings(struct making *m)
{
	struct cm_buf out;
	const char *text;
	size_t i;

	cm_buf_init(&out, CM_PAGE_MAX);
	for (i = 0; i < m->record->config->npurposes; i++)
		add_standing(m, &m->record->standings[i], &out);
	text = keep(m, &out);
	cm_buf_free(&out);
	return text;
}

/* ---- what happened ------------------------------------------------------ */

static enum cm_template_word heading_of(const struct cm_event *event)
{
	static const enum cm_template_word headings[CM_EVENT_TYPES] = {
		[CM_EVENT_REQUESTED] = CM_WORD_REQUESTED,
		[CM_EVENT_GRANTED] = CM_WORD_GRANTED,
		[CM_EVENT_CONFIRMED] = CM_WORD_CONFIRMED,
		[CM_EVENT_WITHDRAWN] = CM_WORD_WITHDRAWN,
		[CM_EVENT_OBJECTED] = CM_WORD_OBJECTED,
		[CM_EVENT_COMPLAINED] = CM_WORD_COMPLAINED,
		[CM_EVENT_UNDELIVERABLE] = CM_WORD_UNDELIVERABLE,
		[CM_EVENT_RESTRICTED] = CM_WORD_RESTRICTED,
		[CM_EVENT_CLEARED] = CM_WORD_CLEARED,
		[CM_EVENT_ERASED] = CM_WORD_ERASED,
		[CM_EVENT_ASKED] = CM_WORD_ASKED,
		[CM_EVENT_CORRECTED] = CM_WORD_CORRECTED,
		[CM_EVENT_DISCLOSED] = CM_WORD_DISCLOSED,
		[CM_EVENT_REQUEST_OPENED] = CM_WORD_OPENED,
		[CM_EVENT_REQUEST_EXTENDED] = CM_WORD_EXTENDED,
		[CM_EVENT_REQUEST_CLOSED] = CM_WORD_CLOSED,
	};

	if (cm_event_type_grants(event->type) && !cm_event_is_proven(event))
		return CM_WORD_UNPROVEN;
	if (event->type == CM_EVENT_GRANTED &&
	    event->basis == CM_BASIS_SOFT_OPT_IN)
		return CM_WORD_CUSTOMER;
	if (cm_event_fact(event) == CM_FACT_TAKEN_BACK)
		return CM_WORD_TAKEN_BACK;
	if (event->type == CM_EVENT_CORRECTED &&
	    event->actor == CM_ACTOR_PERSON)
		return CM_WORD_CANCELLED;
	return headings[event->type];
}

static const char *actor_of(struct making *m, const struct cm_event *event)
{
	static const enum cm_template_word actors[CM_ACTORS] = {
		[CM_ACTOR_PERSON] = CM_WORD_BY_PERSON,
		[CM_ACTOR_ADMIN] = CM_WORD_BY_ADMIN,
		[CM_ACTOR_IMPORT] = CM_WORD_BY_IMPORT,
		[CM_ACTOR_SYSTEM] = CM_WORD_BY_SYSTEM,
	};

	return word(m, actors[event->actor]);
}

/* A word of the channel or of the right; what is not known as it stands. */
struct known {
	const char *name;
	enum cm_template_word word;
};

static const char *known_word(struct making *m, const struct known *known,
			      size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(known[i].name, name) == 0)
			return word(m, known[i].word);
	return name;
}

static const char *way_of(struct making *m, const struct cm_event *event)
{
	static const struct known ways[] = {
		{"cli", CM_WORD_WAY_CLI},
		{"import", CM_WORD_WAY_IMPORT},
		{"one-click", CM_WORD_WAY_ONE_CLICK},
		{"page", CM_WORD_WAY_PAGE},
		{"preferences", CM_WORD_WAY_PREFERENCES},
		{"form", CM_WORD_WAY_FORM},
		{"confirm", CM_WORD_WAY_CONFIRM},
		{"api", CM_WORD_WAY_API},
		{"access", CM_WORD_WAY_COPY},
		{"merge", CM_WORD_WAY_OTHER_ADDRESS},
		{"correct", CM_WORD_WAY_OTHER_ADDRESS},
		{"retired", CM_WORD_WAY_OTHER_ADDRESS},
	};

	return known_word(m, ways, sizeof(ways) / sizeof(ways[0]),
			  event->channel);
}

static const char *right_of(struct making *m, const struct cm_event *event)
{
	static const struct known rights[] = {
		{"access", CM_WORD_RIGHT_ACCESS},
		{"correction", CM_WORD_RIGHT_CORRECTION},
		{"erasure", CM_WORD_RIGHT_ERASURE},
		{"restriction", CM_WORD_RIGHT_RESTRICTION},
		{"portability", CM_WORD_RIGHT_PORTABILITY},
		{"objection", CM_WORD_RIGHT_OBJECTION},
	};

	return known_word(m, rights, sizeof(rights) / sizeof(rights[0]),
			  event->right);
}

static const char *recipient_of(struct making *m, const struct cm_event *event)
{
	static const struct known recipients[] = {
		{CM_TO_PERSON, CM_WORD_TO_YOU},
	};

	return known_word(m, recipients, 1, event->to);
}

/* Those of a grant, in the order of cm_term_text(). */
static void add_terms(struct making *m, const struct cm_event *event,
		      struct cm_buf *rows)
{
	static const enum cm_template_word labels[CM_TERM_TEXTS] = {
		CM_WORD_LABEL_CONTROLLER, CM_WORD_LABEL_SELLER,
		CM_WORD_LABEL_SOLD,       CM_WORD_LABEL_CATEGORY,
		CM_WORD_LABEL_OPT_OUT,    CM_WORD_LABEL_CONTRACT_END,
	};
	static const struct known answers[] = {
		{"yes", CM_WORD_YES},
		{"no", CM_WORD_NO},
	};
	char text[CM_CLOCK_TEXT];
	size_t i;

	for (i = 0; i < CM_TERM_TEXTS; i++) {
		const char *value = cm_term_text(event, i, text);

		if (labels[i] == CM_WORD_LABEL_OPT_OUT)
			value = known_word(m, answers, 2, value);
		add_row(m, rows, labels[i], value);
	}
}

/* The first event that showed the same text; i itself if it is the first. */
static size_t first_shown(const struct cm_record *r, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (r->events[k].notice.n > 0 &&
		    memcmp(&r->events[k].event.notice,
			   &r->events[i].event.notice,
			   sizeof(struct cm_hash)) == 0)
			return k;
	return i;
}

static void add_notice(struct making *m, size_t i, struct cm_buf *rows)
{
	const struct cm_record *r = m->record;
	size_t first = first_shown(r, i);
	struct cm_buf text;

	if (r->events[i].notice.n == 0)
		return;
	cm_buf_init(&text, CM_PAGE_MAX);
	if (first < i)
		(void)cm_buf_addf(&text, "%s %zu", word(m, CM_WORD_SAME_TEXT),
				  first + 1);
	else if (cm_plain_text_is_html(r->events[i].notice))
		cm_plain_text(r->events[i].notice, &text);
	else
		(void)cm_buf_add(&text, r->events[i].notice.p,
				 r->events[i].notice.n);
	add_row(m, rows, CM_WORD_LABEL_SHOWN, keep(m, &text));
	cm_buf_free(&text);
}

static void put_member(const char *name, const struct cm_json_value *value,
		       struct cm_buf *out)
{
	struct cm_span text = cm_json_text(value);

	(void)cm_buf_addf(out, "%s: ", name);
	if (cm_json_kind(value) == CM_JSON_INT)
		(void)cm_buf_addf(out, "%" PRId64, cm_json_int(value));
	else if (cm_json_kind(value) == CM_JSON_BOOL)
		(void)cm_buf_adds(out, cm_json_bool(value) ? "true" : "false");
	else
		(void)cm_buf_add(out, text.p, text.n);
	(void)cm_buf_addc(out, '\n');
}

/* Evidence is named texts and numbers, a line each; else as it was kept. */
static void put_evidence(struct cm_span evidence, struct cm_buf *out)
{
	struct cm_json_iter iter = {NULL, false};
	const struct cm_json_value *root, *value;
	struct cm_json *json = NULL;
	const char *name;

	if (cm_json_read(evidence, evidence.n, &json, NULL) != CM_OK ||
	    cm_json_kind(cm_json_root(json)) != CM_JSON_OBJECT) {
		(void)cm_buf_add(out, evidence.p, evidence.n);
	} else {
		root = cm_json_root(json);
		while (cm_json_next(root, &iter, &name, &value))
			put_member(name, value, out);
	}
	cm_json_free(&json);
}

static void add_proof(struct making *m, const struct cm_record_event *item,
		      struct cm_buf *rows)
{
	struct cm_buf text;

	if (item->evidence_erased) {
		add_row(m, rows, CM_WORD_LABEL_PROOF,
			word(m, CM_WORD_PROOF_ERASED));
	} else if (cm_record_shows_evidence(item)) {
		cm_buf_init(&text, CM_PAGE_MAX);
		put_evidence(cm_record_evidence(item), &text);
		add_row(m, rows, CM_WORD_LABEL_PROOF, keep(m, &text));
		cm_buf_free(&text);
	}
}

static void add_rows(struct making *m, size_t i, struct cm_buf *rows)
{
	const struct cm_record_event *item = &m->record->events[i];
	const struct cm_event *event = &item->event;

	add_row(m, rows, CM_WORD_LABEL_TO, recipient_of(m, event));
	add_row(m, rows, CM_WORD_LABEL_RIGHT, right_of(m, event));
	if (!cm_event_type_is_remark(event->type))
		add_row(m, rows, CM_WORD_LABEL_FOR,
			title_of(m, event->purpose));
	add_row(m, rows, CM_WORD_LABEL_WHEN,
		event->untimed ? word(m, CM_WORD_NOT_KNOWN)
			       : date(m, event->at));
	if (event->untimed || event->rec - event->at > CM_DAY_MS)
		add_row(m, rows, CM_WORD_LABEL_WRITTEN, date(m, event->rec));
	add_row(m, rows, CM_WORD_LABEL_BY, actor_of(m, event));
	add_row(m, rows, CM_WORD_LABEL_WAY, way_of(m, event));
	add_row(m, rows, CM_WORD_LABEL_SOURCE, event->source);
	add_terms(m, event, rows);
	if (event->actor == CM_ACTOR_IMPORT)
		add_row(m, rows, CM_WORD_LABEL_LIST, event->batch);
	add_notice(m, i, rows);
	add_proof(m, item, rows);
}

static const char *events(struct making *m)
{
	const struct cm_record *r = m->record;
	struct cm_buf out, rows;
	const char *text;
	char number[CM_CLOCK_TEXT];
	size_t i;

	cm_buf_init(&out, CM_PAGE_MAX);
	cm_buf_init(&rows, CM_PAGE_MAX);
	for (i = 0; i < r->count; i++) {
		struct cm_template_value values[VALUES_MAX] = {
			{"number", number},
			{"heading", word(m, heading_of(&r->events[i].event))},
		};

		(void)snprintf(number, sizeof(number), "%zu", i + 1);
		cm_buf_reset(&rows);
		add_rows(m, i, &rows);
		values[2] = (struct cm_template_value){"rows", keep(m, &rows)};
		fill(m, CM_TEMPLATE_PART_DATA_EVENT, values, 3, &out);
	}
	text = keep(m, &out);
	cm_buf_free(&rows);
	cm_buf_free(&out);
	return text;
}

/* ---- mail that left ----------------------------------------------------- */

static void add_sent(struct making *m, enum cm_template_word label,
		     const uint8_t id[CM_PURPOSE_ID_LEN], int64_t at,
		     struct cm_buf *rows)
{
	const char *title = title_of(m, cm_record_purpose(m->record, id));
	const char *text =
		cm_arena_printf(m->arena, "%s, %s", title, date(m, at));

	if (text == NULL && m->rc == CM_OK)
		m->rc = CM_ENOMEM;
	add_row(m, rows, label, text);
}

static const char *sent(struct making *m)
{
	const struct cm_record *r = m->record;
	struct cm_template_value value;
	struct cm_buf rows, out;
	const char *text = "";
	size_t i;

	if (r->nmailed + r->nasked == 0)
		return text;
	cm_buf_init(&rows, CM_PAGE_MAX);
	cm_buf_init(&out, CM_PAGE_MAX);
	for (i = 0; i < r->nmailed; i++)
		add_sent(m, CM_WORD_LABEL_LAST_MAIL, r->mailed[i].purpose,
			 r->mailed[i].day * CM_DAY_MS, &rows);
	for (i = 0; i < r->nasked; i++)
		add_sent(m, CM_WORD_LABEL_ASKED, r->asked[i].purpose,
			 r->asked[i].at, &rows);
	value = (struct cm_template_value){"rows", keep(m, &rows)};
	fill(m, CM_TEMPLATE_PART_DATA_SENT, &value, 1, &out);
	text = keep(m, &out);
	cm_buf_free(&out);
	cm_buf_free(&rows);
	return text;
}

int cm_my_data_values(const struct cm_templates *templates,
		      const struct cm_record *record, const char *language,
		      struct cm_arena *arena,
		      struct cm_template_value ret_values[CM_MY_DATA_VALUES],
		      struct cm_error *err)
{
	struct making m = {templates, record, language, arena, CM_OK};
	const struct cm_template_value values[CM_MY_DATA_VALUES] = {
		{"about-person", about_person(&m)},
		{"standings", standings(&m)},
		{"events", events(&m)},
		{"sent", sent(&m)},
	};

	if (m.rc != CM_OK)
		return cm_fail(err, m.rc,
			       "what is on record about a person does not "
			       "fit on a page");
	memcpy(ret_values, values, sizeof(values));
	return CM_OK;
}
