/* See visitor.h. */
#include "web/visitor.h"

#include <stdio.h>
#include <string.h>

#include "lib/enc.h"
#include "lib/json.h"
#include "policy/header_value.h"
#include "policy/purpose.h"
#include "web/client.h"
#include "web/leave.h"

enum {
	/* Whoever has so many on record clicks no more on "undo": a view has
	 * room for CM_VIEW_FACTS_MAX facts, and each click takes two. */
	CM_VISITOR_EVENTS_MAX = 1000,
	CM_VISITOR_AGENT_MAX = 200,
	CM_TICKET_DAYS = 1, /* how old one may be, in whole days */
};

/* ---- who it is ---------------------------------------------------------- */

bool cm_visitor_find(struct cm_work *work, const enum cm_key_kind *kinds,
		     size_t count)
{
	struct cm_span text = {work->route.token, work->route.token_n};
	struct cm_error err;
	int rc = CM_EDATA;
	size_t i;

	for (i = 0; i < count; i++) {
		struct cm_token token;
		int found =
			cm_token_read(work->site->keys, kinds[i], text, &token);

		/* A message in a preference token makes it a ticket. */
		if (found == CM_OK && kinds[i] == CM_KEY_PREFERENCE &&
		    token.has_message)
			found = CM_EDATA;
		if (found == CM_OK)
			work->token = token;
		if (found == CM_OK || (found != CM_EDATA && rc != CM_OK))
			rc = found;
	}
	if (rc == CM_OK)
		return true;
	if (rc == CM_EDATA) {
		cm_work_invalid(work, "invalid");
	} else {
		(void)cm_fail(&err, rc, "a token cannot be checked");
		cm_work_later(work, &err);
	}
	return false;
}

void cm_visitor_meet(struct cm_work *work, const enum cm_key_kind *kinds,
		     size_t count, void (*at)(struct cm_work *work))
{
	pthread_mutex_t *lock = NULL;

	if (!cm_visitor_find(work, kinds, count))
		return;
	cm_work_describe(work);
	if (work->method == CM_METHOD_POST)
		lock = cm_site_lock(work->site, &work->token.contact);
	if (lock != NULL)
		pthread_mutex_lock(lock);
	at(work);
	if (lock != NULL)
		pthread_mutex_unlock(lock);
}

/*
 * The family to record: the contact's last event has it.  Who was never
 * recorded (mode edit sends links to everybody) is a family of one.
 */
static int find_family(struct cm_work *work, struct cm_store_reader *reader,
		       struct cm_error *err)
{
	const struct cm_id *contact = &work->token.contact;
	struct cm_event event;
	struct cm_span json;
	uint64_t *seqs;
	int rc;

	rc = cm_store_events_of(reader, contact, &seqs, &work->nevents, err);
	work->family = *contact;
	if (rc != CM_OK || work->nevents == 0)
		return rc;
	rc = cm_store_event(reader, seqs[work->nevents - 1], &json, err);
	if (rc == CM_OK)
		rc = cm_event_decode(json, &event, err);
	if (rc == CM_OK)
		work->family = event.family;
	return rc;
}

int cm_visitor_read(struct cm_work *work, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	int rc;

	rc = cm_store_read_begin(work->site->store, work->arena, &reader, err);
	if (rc != CM_OK)
		return rc;
	rc = find_family(work, reader, err);
	/* What stop holds stands under the family. */
	if (rc == CM_OK)
		rc = cm_store_lookup(reader, &work->token.contact,
				     &work->family, &work->view,
				     &work->of_family, err);
	cm_store_read_end(&reader);
	return rc;
}

/* One UTF-8 character from the beginning. */
static size_t first_char(struct cm_span text)
{
	size_t n = text.n > 0;

	while (n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

void cm_visitor_masked(struct cm_work *work, char out[CM_MASKED_MAX])
{
	static const char dots[] = "\u2022\u2022\u2022";
	struct cm_span canonical, as_given, local, domain;
	size_t top;

	out[0] = '\0';
	if (cm_store_address(work->site->store, &work->token.contact,
			     work->arena, &canonical, &as_given, NULL) != CM_OK)
		return;
	domain = canonical;
	local = cm_span_cut(&domain, '@');
	for (top = domain.n; top > 0 && domain.p[top - 1] != '.'; top--)
		continue;
	(void)snprintf(out, CM_MASKED_MAX, "%.*s%s@%.*s%s.%.*s",
		       (int)first_char(local), local.p, dots,
		       (int)first_char(domain), domain.p, dots,
		       (int)(domain.n - top), domain.p + top);
}

/* ---- what they do ------------------------------------------------------- */

/* What the browser says it is: no more than what one may read (DOI-2). */
static struct cm_span agent_of(const struct cm_work *work)
{
	struct cm_span agent = work->request->user_agent;

	if (agent.n > CM_VISITOR_AGENT_MAX)
		agent.n = CM_VISITOR_AGENT_MAX;
	return cm_ascii_only(agent.p, agent.n) && cm_text_is_plain(agent)
		       ? agent
		       : cm_span("");
}

int cm_visitor_evidence(const struct cm_work *work, const char *form,
			struct cm_buf *out)
{
	bool linked = work->token.kind != CM_KEY_STORE;
	char network[CM_CLIENT_TEXT_MAX];
	char message[CM_HEX_LEN(CM_MESSAGE_REF_LEN) + 1];
	struct cm_json_writer w;

	cm_json_init(&w, out, CM_JSON_CANONICAL);
	cm_json_begin_object(&w);
	if (form != NULL)
		cm_json_put_span(&w, "agent", agent_of(work));
	if (linked)
		cm_json_put_int(&w, "days",
				work->now / CM_DAY_MS - work->token.day);
	if (form != NULL && form[0] != '\0')
		cm_json_put_text(&w, "form", form);
	if (linked)
		cm_json_put_text(&w, "link",
				 cm_key_kind_name(work->token.kind));
	if (work->token.has_message) {
		(void)cm_hex_encode(work->token.message, CM_MESSAGE_REF_LEN,
				    message);
		cm_json_put_text(&w, "message", message);
	}
	cm_json_put_text(&w, "method", work->request->method);
	if (work->client.known) {
		cm_client_network(&work->client, network);
		cm_json_put_text(&w, "network", network);
	}
	cm_json_end(&w);
	return cm_json_done(&w);
}

static int make_event(const struct cm_work *work, enum cm_event_type type,
		      const char *channel, struct cm_event *event,
		      struct cm_error *err)
{
	memset(event, 0, sizeof(*event));
	event->type = type;
	event->actor = CM_ACTOR_PERSON;
	event->contact = work->token.contact;
	event->family = work->family;
	if (work->path.n >= sizeof(event->purpose))
		return cm_fail(err, CM_ECORRUPT, "a purpose is too long");
	memcpy(event->purpose, work->path.p, work->path.n);
	memcpy(event->channel, channel, strlen(channel));
	return CM_OK;
}

int cm_visitor_leave(struct cm_work *work, const char *channel, bool *ret_new,
		     struct cm_error *err)
{
	struct cm_event event;
	struct cm_buf evidence;
	int rc;

	cm_line_text(&work->line, "channel", channel);
	if (cm_leave_is_repeat(&work->view, work->path, work->now)) {
		*ret_new = false;
		return CM_OK;
	}
	rc = make_event(work, CM_EVENT_WITHDRAWN, channel, &event, err);
	if (rc != CM_OK)
		return rc;
	cm_buf_init(&evidence, CM_STOP_EVIDENCE_MAX);
	/* No evidence is better than no way out. */
	if (cm_visitor_evidence(work, NULL, &evidence) != CM_OK)
		cm_buf_reset(&evidence);
	rc = cm_store_stop_proven(work->site->store, &event,
				  cm_span_n(evidence.data, evidence.len),
				  work->now, err);
	cm_buf_free(&evidence);
	if (rc != CM_OK)
		return rc;
	cm_metrics_add_of(work->site->metrics, CM_METRIC_WITHDRAWALS, channel,
			  1);
	if (work->site->withdrawn != NULL)
		work->site->withdrawn(work->site->ctx);
	*ret_new = true;
	return CM_OK;
}

/* ---- tickets ------------------------------------------------------------ */

static void make_ticket(const struct cm_work *work, struct cm_span path,
			uint64_t number, struct cm_ticket *ret_ticket)
{
	struct cm_token token = {
		.kind = CM_KEY_PREFERENCE,
		.contact = work->token.contact,
		.day = (uint16_t)(work->now / CM_DAY_MS),
		.has_message = true,
	};
	size_t i;

	ret_ticket->text[0] = '\0';
	for (i = 0; i < CM_MESSAGE_REF_LEN; i++)
		token.message[i] = (uint8_t)(number >> (56 - 8 * i));
	if (cm_purpose_id(path, token.purpose) != CM_OK ||
	    cm_token_url(work->site->keys, &token, ret_ticket->text, NULL) !=
		    CM_OK)
		ret_ticket->text[0] = '\0';
}

/* The ticket in the form, if it is good and this person's. */
static bool read_ticket(const struct cm_work *work, struct cm_token *ret_token,
			uint64_t *ret_number)
{
	const struct cm_form_value *sent = &work->form.ticket;
	int64_t today = work->now / CM_DAY_MS;
	struct cm_token token;
	uint64_t number = 0;
	size_t i;

	if (cm_token_read(work->site->keys, CM_KEY_PREFERENCE,
			  cm_span_n(sent->text, sent->n), &token) != CM_OK ||
	    !token.has_message ||
	    !cm_equal_ct(token.contact.b, work->token.contact.b,
			 sizeof(token.contact.b)) ||
	    token.day > today || token.day + CM_TICKET_DAYS < today)
		return false;
	for (i = 0; i < CM_MESSAGE_REF_LEN; i++)
		number = number << 8 | token.message[i];
	*ret_token = token;
	*ret_number = number;
	return true;
}

/* The first octet; that of a time is 0 for ages. */
static uint64_t number_of(enum cm_step step)
{
	return (uint64_t)step << 56;
}

void cm_visitor_step_ticket(const struct cm_work *work, enum cm_step step,
			    struct cm_ticket *ret_ticket)
{
	make_ticket(work, cm_span(work->site->config->controller_id),
		    number_of(step), ret_ticket);
}

bool cm_visitor_has_step(const struct cm_work *work, enum cm_step step)
{
	struct cm_token token;
	uint64_t number;

	return read_ticket(work, &token, &number) && number == number_of(step);
}

void cm_visitor_form_ticket(const struct cm_work *work,
			    struct cm_ticket *ret_ticket)
{
	cm_visitor_step_ticket(work, CM_STEP_FORM, ret_ticket);
}

bool cm_visitor_has_form_ticket(const struct cm_work *work)
{
	return cm_visitor_has_step(work, CM_STEP_FORM);
}

static bool is_click(const struct cm_fact *fact, struct cm_span path)
{
	return fact->kind == CM_FACT_WITHDRAWN && fact->source.n > 0 &&
	       cm_span_eq(fact->purpose, path);
}

void cm_visitor_click_ticket(const struct cm_work *work,
			     struct cm_ticket *ret_ticket)
{
	int64_t newest = 0;
	size_t i;

	ret_ticket->text[0] = '\0';
	if (work->nevents > CM_VISITOR_EVENTS_MAX)
		return;
	for (i = 0; i < work->view.count; i++)
		if (is_click(&work->view.facts[i], work->path) &&
		    work->view.facts[i].at > newest)
			newest = work->view.facts[i].at;
	if (newest > 0)
		make_ticket(work, work->path, (uint64_t)newest, ret_ticket);
}

/* ---- taking back -------------------------------------------------------- */

static bool stands(const struct cm_work *work, const char *name)
{
	size_t i;

	for (i = 0; i < work->view.count; i++)
		if (is_click(&work->view.facts[i], work->path) &&
		    cm_span_is(work->view.facts[i].source, name))
			return true;
	return false;
}

static int append(struct cm_work *work, const struct cm_event *event,
		  struct cm_error *err)
{
	struct cm_store_entry entry = {.event = *event};
	struct cm_buf evidence;
	uint64_t seq;
	int rc;

	cm_buf_init(&evidence, CM_STOP_EVIDENCE_MAX);
	if (cm_visitor_evidence(work, NULL, &evidence) == CM_OK)
		entry.evidence = cm_span_n(evidence.data, evidence.len);
	rc = cm_store_append(work->site->store, &entry, 1, work->now, &seq,
			     err);
	cm_buf_free(&evidence);
	return rc;
}

int cm_visitor_take_back(struct cm_work *work, const char *channel,
			 struct cm_error *err)
{
	struct cm_event event, click = {.contact = work->token.contact};
	struct cm_token ticket;
	uint64_t number;
	int rc;

	if (!read_ticket(work, &ticket, &number) ||
	    number >= number_of(CM_STEP_FORM) ||
	    cm_leave_path(work->site->config, &work->view, ticket.purpose,
			  &work->path) != CM_OK)
		return cm_fail(err, CM_EDATA, "no ticket of a click");
	rc = make_event(work, CM_EVENT_CORRECTED, channel, &event, err);
	if (rc != CM_OK)
		return rc;
	click.at = (int64_t)number;
	cm_event_click_name(&click, event.batch);
	if (!stands(work, event.batch))
		return CM_OK;
	return append(work, &event, err);
}
