/* access as JSON, and as CSV that an import reads again: see access.h. */
#include "tools/access.h"

#include <string.h>

#include "lib/clock.h"
#include "policy/config.h"
#include "policy/reason.h"
#include "tools/csv.h"
#include "tools/terms_text.h"

bool cm_access_shows_evidence(const struct cm_evidence_event *item)
{
	static const char *const of_two[] = {"merge", "correct", "retired"};
	size_t i;

	for (i = 0; i < sizeof(of_two) / sizeof(of_two[0]); i++) {
		if (strcmp(item->event.channel, of_two[i]) == 0)
			return false;
	}
	return item->salted.n > 0;
}

const char *cm_access_actor(const struct cm_event *event)
{
	static const char *const actors[CM_ACTORS] = {
		[CM_ACTOR_PERSON] = "you, by the link in a mail to you",
		[CM_ACTOR_ADMIN] = "somebody of ours, for you",
		[CM_ACTOR_IMPORT] = "a list that we took over",
		[CM_ACTOR_SYSTEM] = "the mail system",
	};

	return actors[event->actor];
}

const char *cm_access_way(const struct cm_event *event)
{
	static const struct {
		const char *channel, *words;
	} ways[] = {
		{"cli", "entered by hand"},
		{"import", "taken over from a list"},
		{"one-click", "your mail program's unsubscribe button"},
		{"page", "our unsubscribe page"},
		{"merge", "brought along from another address of yours"},
		{"correct", "brought along from the address that was wrong"},
		{"retired", "given up for another address of yours"},
	};
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].channel, event->channel) == 0)
			return ways[i].words;
	}
	return event->channel;
}

/* ---- JSON --------------------------------------------------------------- */

static void put_text(struct cm_json_writer *w, const char *name,
		     struct cm_span text)
{
	cm_json_name(w, name);
	if (text.n > 0 && cm_utf8_valid(text.p, text.n))
		cm_json_add_text(w, text);
	else
		cm_json_add_null(w);
}

static void json_event(struct cm_json_writer *w,
		       const struct cm_evidence_event *item)
{
	const struct cm_event *event = &item->event;
	bool asks = cm_event_type_asks(event->type);

	cm_json_begin_object(w);
	cm_json_put_text(w, "event", cm_event_type_name(event->type));
	cm_json_put_text(w, "purpose", cm_json_or_null(event->purpose));
	cm_json_put_time(w, "at", event->untimed ? 0 : event->at);
	cm_json_put_time(w, "recorded", event->rec);
	cm_json_put_text(w, "by", cm_actor_name(event->actor));
	cm_json_put_text(w, "way", cm_json_or_null(event->channel));
	cm_json_put_text(w, "source", cm_json_or_null(event->source));
	cm_json_put_text(w, "basis", asks ? cm_basis_name(event->basis) : NULL);
	cm_json_put_text(w, "to", cm_json_or_null(event->to));
	cm_json_put_text(w, "right", cm_json_or_null(event->right));
	cm_term_json(w, event);
	cm_json_put_text(w, "language", cm_json_or_null(event->language));
	cm_json_put_text(w, "import", cm_json_or_null(event->batch));
	put_text(w, "text_shown", item->notice);
	put_text(w, "evidence",
		 cm_access_shows_evidence(item) ? cm_evidence_text(item)
						: cm_span_n(NULL, 0));
	cm_json_put_bool(w, "evidence_erased", item->evidence_erased);
	cm_json_end(w);
}

static void json_controller(struct cm_json_writer *w,
			    const struct cm_config *config)
{
	cm_json_name(w, "controller");
	cm_json_begin_object(w);
	cm_json_put_text(w, "name", config->controller_name);
	cm_json_put_text(w, "address", config->controller_address);
	cm_json_put_text(w, "contact", config->controller_contact);
	cm_json_end(w);
}

static void json_standings(struct cm_json_writer *w, const struct cm_access *a)
{
	const struct cm_config *config = a->record.ctl->config;
	size_t i;

	cm_json_name(w, "purposes");
	cm_json_begin_array(w);
	for (i = 0; i < config->npurposes; i++) {
		const struct cm_standing *standing = &a->record.standings[i];
		const struct cm_decision *d = &standing->decision;
		bool allowed = d->verdict == CM_VERDICT_ALLOW;

		cm_json_begin_object(w);
		cm_json_put_text(w, "purpose", config->purposes[i].path);
		cm_json_put_text(w, "title", config->purposes[i].title);
		cm_json_put_bool(w, "allowed", allowed);
		cm_json_put_text(w, "state", cm_reason_code(d->reason));
		cm_json_put_text(w, "source",
				 cm_json_or_null(standing->event.source));
		cm_json_put_time(w, "since", d->has_event ? d->at : 0);
		cm_json_put_time(w, "until", allowed ? standing->until : 0);
		cm_json_end(w);
	}
	cm_json_end(w);
}

const char *cm_access_purpose(const struct cm_access *a,
			      const uint8_t id[CM_PURPOSE_ID_LEN])
{
	const struct cm_purpose *purpose =
		cm_config_purpose_by_id(a->record.ctl->config, id);

	return purpose != NULL ? purpose->path : "no longer offered";
}

static void json_sent(struct cm_json_writer *w, const struct cm_access *a)
{
	size_t i;

	cm_json_name(w, "asked");
	cm_json_begin_array(w);
	for (i = 0; i < a->nasked; i++) {
		cm_json_begin_object(w);
		cm_json_put_text(w, "purpose",
				 cm_access_purpose(a, a->asked[i].purpose));
		cm_json_put_time(w, "at", a->asked[i].at);
		cm_json_put_span(w, "stream", a->asked[i].stream);
		cm_json_end(w);
	}
	cm_json_end(w);
	cm_json_name(w, "last_mailed");
	cm_json_begin_array(w);
	for (i = 0; i < a->nmailed; i++) {
		cm_json_begin_object(w);
		cm_json_put_text(w, "purpose",
				 cm_access_purpose(a, a->mailed[i].purpose));
		cm_json_put_time(w, "day", a->mailed[i].day * CM_DAY_MS);
		cm_json_end(w);
	}
	cm_json_end(w);
}

void cm_access_json(const struct cm_access *a, struct cm_buf *out)
{
	const struct cm_evidence *e = &a->record;
	struct cm_json_writer w;
	char id[CM_ID_TEXT_LEN];
	size_t i;

	cm_json_init(&w, out, CM_JSON_PRETTY);
	cm_json_begin_object(&w);
	cm_json_put_int(&w, "version", 1);
	cm_json_put_time(&w, "made", e->ctl->now);
	json_controller(&w, e->ctl->config);
	cm_json_put_text(&w, "email", e->person.address.canonical);
	put_text(&w, "email_kept", a->canonical);
	put_text(&w, "email_as_given", a->as_given);
	cm_json_put_text(&w, "keyed_id", cm_out_id(&e->person.contact, id));
	cm_json_put_text(&w, "language",
			 cm_json_or_null(e->person.own.language));
	json_standings(&w, a);
	cm_json_name(&w, "events");
	cm_json_begin_array(&w);
	for (i = 0; i < e->count; i++)
		json_event(&w, &e->events[i]);
	cm_json_end(&w);
	json_sent(&w, a);
	cm_json_end(&w);
	if (cm_json_done(&w) != CM_OK)
		out->failed = CM_EDATA;
}

/* ---- CSV ---------------------------------------------------------------- */

/* The words of a plain import list; the others say nothing about consent. */
static const char *status_of(const struct cm_event *event)
{
	static const char *const words[CM_EVENT_TYPES] = {
		[CM_EVENT_REQUESTED] = "pending",
		[CM_EVENT_GRANTED] = "granted",
		[CM_EVENT_CONFIRMED] = "confirmed",
		[CM_EVENT_WITHDRAWN] = "withdrawn",
		[CM_EVENT_OBJECTED] = "objected",
		[CM_EVENT_COMPLAINED] = "complained",
		[CM_EVENT_UNDELIVERABLE] = "undeliverable",
	};

	return words[event->type] != NULL ? words[event->type] : "unknown";
}

static void csv_cell(struct cm_span cell, bool first, struct cm_buf *out)
{
	int rc;

	if (!first)
		(void)cm_buf_addc(out, ',');
	rc = cm_csv_put(out, cell, ',', true);
	(void)rc; /* the buffer remembers */
}

static void csv_row(const struct cm_access *a,
		    const struct cm_evidence_event *item, struct cm_buf *out)
{
	const struct cm_event *event = &item->event;
	bool grants = cm_event_type_grants(event->type);
	char at[CM_CLOCK_TEXT], rec[CM_CLOCK_TEXT];
	char dates[CM_TERM_TEXTS][CM_CLOCK_TEXT];
	const struct cm_span cells[] = {
		cm_span(a->record.person.address.canonical),
		cm_span(event->purpose),
		cm_span(status_of(event)),
		cm_span(event->source),
		cm_span(grants ? cm_basis_name(event->basis) : ""),
		cm_span(event->untimed ? "" : cm_clock_format(event->at, at)),
		cm_span(event->language),
		cm_span(cm_event_type_name(event->type)),
		cm_span(cm_clock_format(event->rec, rec)),
		cm_span(cm_actor_name(event->actor)),
		cm_span(event->channel),
		item->notice,
		cm_access_shows_evidence(item) ? cm_evidence_text(item)
					       : cm_span(""),
	};
	size_t n = sizeof(cells) / sizeof(cells[0]);
	size_t i;

	for (i = 0; i < n; i++)
		csv_cell(cells[i], i == 0, out);
	for (i = 0; i < CM_TERM_TEXTS; i++)
		csv_cell(cm_span(cm_term_text(event, i, dates[i])), false, out);
	(void)cm_buf_adds(out, "\r\n");
}

void cm_access_csv(const struct cm_access *a, struct cm_buf *out)
{
	size_t i;

	(void)cm_buf_adds(out, "email,purpose,status,source,basis,time,"
			       "language,event,recorded,by,way,text_shown,"
			       "evidence");
	for (i = 0; i < CM_TERM_TEXTS; i++)
		(void)cm_buf_addf(out, ",%s", cm_term_column(i));
	(void)cm_buf_adds(out, "\r\n");
	/* A list of what they said; what was asked of us is no part of it. */
	for (i = 0; i < a->record.count; i++)
		if (!cm_event_type_is_remark(a->record.events[i].event.type))
			csv_row(a, &a->record.events[i], out);
}
