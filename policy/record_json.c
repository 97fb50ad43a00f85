/* A record as JSON: see record.h. */
#include "policy/record.h"

#include "lib/enc.h"
#include "lib/json.h"
#include "policy/term_text.h"

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
		       const struct cm_record_event *item)
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
		 cm_record_shows_evidence(item) ? cm_record_evidence(item)
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

static void json_standings(struct cm_json_writer *w, const struct cm_record *r)
{
	const struct cm_config *config = r->config;
	size_t i;

	cm_json_name(w, "purposes");
	cm_json_begin_array(w);
	for (i = 0; i < config->npurposes; i++) {
		const struct cm_standing *standing = &r->standings[i];
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

/* What the purpose of such a row is called. */
static const char *path_of(const struct cm_record *record,
			   const uint8_t id[CM_PURPOSE_ID_LEN])
{
	const char *path = cm_record_purpose(record, id);

	return path != NULL ? path : "no longer offered";
}

static void json_sent(struct cm_json_writer *w, const struct cm_record *r)
{
	size_t i;

	cm_json_name(w, "asked");
	cm_json_begin_array(w);
	for (i = 0; i < r->nasked; i++) {
		cm_json_begin_object(w);
		cm_json_put_text(w, "purpose", path_of(r, r->asked[i].purpose));
		cm_json_put_time(w, "at", r->asked[i].at);
		cm_json_put_span(w, "stream", r->asked[i].stream);
		cm_json_end(w);
	}
	cm_json_end(w);
	cm_json_name(w, "last_mailed");
	cm_json_begin_array(w);
	for (i = 0; i < r->nmailed; i++) {
		cm_json_begin_object(w);
		cm_json_put_text(w, "purpose",
				 path_of(r, r->mailed[i].purpose));
		cm_json_put_time(w, "day", r->mailed[i].day * CM_DAY_MS);
		cm_json_end(w);
	}
	cm_json_end(w);
}

void cm_record_json(const struct cm_record *r, struct cm_buf *out)
{
	struct cm_json_writer w;
	char id[CM_HEX_LEN(CM_CONTACT_ID_LEN) + 1];
	size_t i;

	cm_json_init(&w, out, CM_JSON_PRETTY);
	cm_json_begin_object(&w);
	cm_json_put_int(&w, "version", 1);
	cm_json_put_time(&w, "made", r->now);
	json_controller(&w, r->config);
	cm_json_put_text(&w, "email", r->email);
	put_text(&w, "email_kept", r->canonical);
	put_text(&w, "email_as_given", r->as_given);
	(void)cm_hex_encode(r->contact.b, sizeof(r->contact.b), id);
	cm_json_put_text(&w, "keyed_id", id);
	cm_json_put_text(&w, "language", cm_json_or_null(r->own.language));
	json_standings(&w, r);
	cm_json_name(&w, "events");
	cm_json_begin_array(&w);
	for (i = 0; i < r->count; i++)
		json_event(&w, &r->events[i]);
	cm_json_end(&w);
	json_sent(&w, r);
	cm_json_end(&w);
	if (cm_json_done(&w) != CM_OK)
		out->failed = CM_EDATA;
}
