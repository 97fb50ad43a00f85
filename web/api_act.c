/* What is done about a call; see api.h. */
#include "web/api.h"

#include <stdio.h>
#include <string.h>

#include "lib/enc.h"
#include "policy/grant.h"
#include "policy/past.h"
#include "policy/queue.h"
#include "web/gate.h"
#include "web/keep.h"
#include "web/leave.h"

enum { ROOTS_MAX = 64 }; /* brands of one controller */

/* ---- what stands -------------------------------------------------------- */

static struct cm_past_known past_of(struct cm_api *api,
				    const struct cm_purpose *purpose)
{
	struct cm_site *site = api->work->site;
	struct cm_past_known known = {.past = {.asked = 0}};
	int64_t asked;

	if (cm_past_matters(&purpose, 1))
		cm_keep_recall(&site->keep, site->config, &api->person.contact,
			       purpose, &asked, &known.mailed[0]);
	return known;
}

static int read_person(struct cm_api *api, struct cm_store_reader **reader,
		       struct cm_error *err)
{
	struct cm_work *work = api->work;
	int rc = cm_store_read_begin(work->site->store, work->arena, reader,
				     err);

	return rc == CM_OK ? cm_person_look_up(*reader, &api->person, err) : rc;
}

static int standing_of(struct cm_api *api, struct cm_store_reader *reader,
		       const struct cm_purpose *purpose,
		       struct cm_standing *standing, struct cm_error *err)
{
	struct cm_past_known known = past_of(api, purpose);

	known.past.mailed = known.mailed;
	standing->purpose = purpose;
	cm_decide_purpose(api->work->site->config, purpose, &api->person.own,
			  &api->person.family_view, &known.past, api->work->now,
			  &standing->decision);
	return cm_standing_read(reader, standing, err);
}

/* Of all purposes that the key is for, or of those that the call names. */
static int read_standings(struct cm_api *api, bool named,
			  struct cm_standing **ret_standings, size_t *ret_count,
			  struct cm_error *err)
{
	const struct cm_config *config = api->work->site->config;
	struct cm_standing *standings = cm_arena_array(
		api->work->arena, config->npurposes + 1, sizeof(*standings));
	struct cm_store_reader *reader = NULL;
	size_t count = named ? api->call.npurposes : config->npurposes;
	size_t n = 0;
	size_t i;
	int rc;

	if (standings == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for the answer");
	rc = read_person(api, &reader, err);
	for (i = 0; rc == CM_OK && i < count; i++) {
		const struct cm_purpose *purpose =
			named ? api->call.purposes[i] : &config->purposes[i];

		if (cm_api_key_covers(api->key, cm_span(purpose->path)))
			rc = standing_of(api, reader, purpose, &standings[n++],
					 err);
	}
	cm_store_read_end(&reader);
	*ret_standings = standings;
	*ret_count = n;
	return rc;
}

void cm_api_look_up(struct cm_api *api)
{
	struct cm_standing *standings;
	struct cm_json_writer w;
	struct cm_error err;
	size_t count;

	if (read_standings(api, false, &standings, &count, &err) != CM_OK) {
		cm_api_later(api, &err);
		return;
	}
	cm_api_begin(api, &w);
	cm_person_json(&w, api->work->site->config, &api->person, standings,
		       count, api->work->now);
	cm_api_finish(api, &w, 200, "looked-up");
}

static void put_contact(struct cm_api *api, struct cm_json_writer *w)
{
	char id[CM_HEX_LEN(CM_CONTACT_ID_LEN) + 1];

	(void)cm_hex_encode(api->person.contact.b,
			    sizeof(api->person.contact.b), id);
	cm_json_put_text(w, "contact", id);
}

/* ---- what they were shown ----------------------------------------------- */

/* A text for one person is no text for all, and is kept for ever. */
static bool names_the_person(const struct cm_api *api)
{
	struct cm_span text = api->call.notice;
	struct cm_span address = cm_span(api->person.address.canonical);
	size_t i;

	for (i = 0; i + address.n <= text.n; i++)
		if (cm_span_caseeq(cm_span_n(text.p + i, address.n), address))
			return true;
	return false;
}

static int is_kept(struct cm_api *api, const struct cm_hash *hash,
		   struct cm_error *err)
{
	struct cm_work *work = api->work;
	struct cm_store_reader *reader = NULL;
	struct cm_span text;
	int rc = cm_store_read_begin(work->site->store, work->arena, &reader,
				     err);

	if (rc == CM_OK)
		rc = cm_store_notice(reader, hash, &text, err);
	cm_store_read_end(&reader);
	return rc;
}

static bool notice_fault(struct cm_api *api, const char *field,
			 const char *detail)
{
	cm_api_problem(api, 422, "bad-field", field, detail);
	return false;
}

/*
 * The hash of what was shown, once the text is in the store; false: the answer
 * is made.  *ret_new: the text is not there yet, and to be put inside the
 * gate.
 */
static bool find_notice(struct cm_api *api, struct cm_hash *ret_hash,
			bool *ret_new)
{
	struct cm_span text = api->call.notice;
	struct cm_error err;
	int rc = CM_OK;

	*ret_hash = api->call.notice_hash;
	if (text.n > 0) {
		if (names_the_person(api))
			return notice_fault(
				api, "notice",
				"notice: it holds the address; give the text "
				"that everybody is shown");
		rc = cm_sha256(text.p, text.n, ret_hash->b);
		if (rc != CM_OK)
			(void)cm_fail(&err, rc, "no SHA-256");
	}
	if (rc == CM_OK)
		rc = is_kept(api, ret_hash, &err);
	*ret_new = rc == CM_ENOTFOUND;
	if (rc == CM_OK || (*ret_new && text.n > 0))
		return true;
	if (*ret_new)
		return notice_fault(
			api, "notice_sha256",
			"notice_sha256: no text with this hash is kept; give "
			"the text itself once, as \"notice\"");
	cm_api_later(api, &err);
	return false;
}

static int put_notice(struct cm_api *api, struct cm_hash *hash,
		      struct cm_error *err)
{
	return cm_store_put_notice(api->work->site->store, api->call.notice,
				   hash, err);
}

/* ---- evidence ----------------------------------------------------------- */

static bool make_evidence(struct cm_api *api, struct cm_buf *out)
{
	const char *network = api->network[0] != '\0' ? api->network : NULL;

	if (cm_api_evidence(&api->call, api->key->name, network, out,
			    &api->fault) == CM_OK)
		return true;
	cm_api_tell_fault(api);
	return false;
}

/* What every event by this key says of itself. */
static void sign_event(const struct cm_api *api, enum cm_event_type type,
		       struct cm_span path, struct cm_event *event)
{
	event->type = type;
	event->actor = CM_ACTOR_ADMIN;
	event->contact = api->person.contact;
	event->family = api->person.family;
	(void)snprintf(event->purpose, sizeof(event->purpose), "%.*s",
		       (int)path.n, path.p);
	(void)snprintf(event->channel, sizeof(event->channel), "api");
	(void)snprintf(event->who, sizeof(event->who), "%s", api->key->name);
}

/* ---- grants ------------------------------------------------------------- */

struct grants {
	struct cm_api *api;
	struct cm_hash notice;
	bool new_notice;
	struct cm_buf evidence;
	struct cm_store_entry *entries;
	size_t count;
	bool told; /* the answer is made */
};

static void tell_barred(struct cm_api *api, size_t which,
			const struct cm_decision *before)
{
	char field[CM_API_FIELD_MAX], detail[256], since[CM_CLOCK_TEXT];

	(void)snprintf(field, sizeof(field), "purposes/%zu", which);
	(void)snprintf(detail, sizeof(detail),
		       "%s: %s%s%s%s; only evidence newer than that, or the "
		       "person by a link in a mail to them, can lift it; "
		       "nothing was recorded",
		       field, cm_reason_text(before->reason),
		       before->by_family ? ", by another address of the same "
					   "mailbox"
					 : "",
		       before->has_event ? " since " : "",
		       before->has_event ? cm_clock_format(before->at, since)
					 : "");
	cm_api_problem(api, 409, cm_reason_code(before->reason), field, detail);
}

static int plan_grant(struct grants *g, size_t which, struct cm_error *err)
{
	struct cm_api *api = g->api;
	const struct cm_purpose *purpose = api->call.purposes[which];
	struct cm_past_known known = past_of(api, purpose);
	struct cm_store_entry *entry = &g->entries[g->count];
	struct cm_grant_effect effect;
	int rc;

	memset(entry, 0, sizeof(*entry));
	entry->event = api->call.event;
	sign_event(api, CM_EVENT_GRANTED, cm_span(purpose->path),
		   &entry->event);
	entry->event.at = api->call.at;
	entry->event.notice = g->notice;
	entry->event.has_notice = true;
	entry->address = &api->person.address;
	entry->as_given = api->call.address;
	entry->evidence = cm_span_n(g->evidence.data, g->evidence.len);
	known.past.mailed = known.mailed;
	rc = cm_grant_try(api->work->site->config, purpose, &entry->event,
			  &api->person.own, &api->person.family_view,
			  &known.past, api->work->now, api->work->arena,
			  &effect);
	if (rc != CM_OK)
		return cm_fail(err, rc, "too many records of one person");
	g->told = cm_grant_is_barred(&effect.before, &effect.after);
	if (g->told)
		tell_barred(api, which, &effect.before);
	g->count += !effect.known;
	return CM_OK;
}

/* Inside the gate: what was read stays true until it is written, but for what
 * people do, which wins by its time. */
static int write_grants(struct grants *g, struct cm_error *err)
{
	struct cm_api *api = g->api;
	struct cm_store_reader *reader = NULL;
	uint64_t seq;
	size_t i;
	int rc = read_person(api, &reader, err);

	cm_store_read_end(&reader);
	for (i = 0; rc == CM_OK && i < api->call.npurposes && !g->told; i++)
		rc = plan_grant(g, i, err);
	if (rc != CM_OK || g->told)
		return rc;
	if (g->new_notice)
		rc = put_notice(api, &g->notice, err);
	if (rc == CM_OK && g->count > 0)
		rc = cm_store_append(api->work->site->store, g->entries,
				     g->count, api->work->now, &seq, err);
	return rc;
}

static void answer_grants(struct grants *g)
{
	struct cm_api *api = g->api;
	struct cm_standing *standings;
	struct cm_json_writer w;
	struct cm_error err;
	size_t count;

	if (read_standings(api, true, &standings, &count, &err) != CM_OK) {
		cm_api_later(api, &err);
		return;
	}
	cm_api_begin(api, &w);
	put_contact(api, &w);
	cm_json_put_int(&w, "recorded", (int64_t)g->count);
	cm_json_name(&w, "purposes");
	cm_standing_json(&w, standings, count);
	cm_api_finish(api, &w, 200, g->count > 0 ? "granted" : "known");
}

static void grant(struct grants *g)
{
	struct cm_gate *gate = &g->api->work->site->gate;
	struct cm_error err;
	int rc = cm_gate_enter(gate, &err);

	if (rc == CM_OK) {
		rc = write_grants(g, &err);
		cm_gate_leave(gate, rc == CM_EAGAIN);
	}
	if (rc != CM_OK)
		cm_api_later(g->api, &err);
	else if (!g->told)
		answer_grants(g);
}

void cm_api_grant(struct cm_api *api)
{
	struct grants g = {.api = api};
	struct cm_error err;

	g.entries = cm_arena_array(api->work->arena, api->call.npurposes,
				   sizeof(*g.entries));
	if (g.entries == NULL) {
		(void)cm_fail(&err, CM_ENOMEM, "no memory for grants");
		cm_api_later(api, &err);
		return;
	}
	cm_buf_init(&g.evidence, CM_ACT_EVIDENCE_MAX);
	if (find_notice(api, &g.notice, &g.new_notice) &&
	    make_evidence(api, &g.evidence))
		grant(&g);
	cm_buf_free(&g.evidence);
}

/* ---- withdrawals -------------------------------------------------------- */

/* Durable one by one; who repeats a call that failed gets the rest done. */
static int leave(struct cm_api *api, struct cm_span path,
		 const struct cm_buf *evidence, size_t *recorded,
		 struct cm_error *err)
{
	struct cm_site *site = api->work->site;
	struct cm_event event;
	int rc;

	if (cm_leave_stands(&api->person.own, path))
		return CM_OK;
	memset(&event, 0, sizeof(event));
	sign_event(api, CM_EVENT_WITHDRAWN, path, &event);
	rc = cm_store_stop_proven(site->store, &event,
				  cm_span_n(evidence->data, evidence->len),
				  api->work->now, err);
	*recorded += rc == CM_OK;
	return rc;
}

static int leave_all(struct cm_api *api, const struct cm_buf *evidence,
		     size_t *recorded, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_span paths[ROOTS_MAX];
	size_t count = api->call.npurposes;
	size_t i;
	int rc = read_person(api, &reader, err);

	cm_store_read_end(&reader);
	for (i = 0; i < count; i++)
		paths[i] = cm_span(api->call.purposes[i]->path);
	if (count == 0 && rc == CM_OK)
		count = cm_person_roots(api->work->site->config,
					&api->person.own, paths, ROOTS_MAX);
	for (i = 0; rc == CM_OK && i < count; i++)
		rc = leave(api, paths[i], evidence, recorded, err);
	return rc;
}

static void withdraw(struct cm_api *api, const struct cm_buf *evidence)
{
	struct cm_site *site = api->work->site;
	pthread_mutex_t *one = cm_site_lock(site, &api->person.contact);
	struct cm_json_writer w;
	struct cm_error err;
	size_t recorded = 0;
	int rc;

	pthread_mutex_lock(one);
	rc = leave_all(api, evidence, &recorded, &err);
	pthread_mutex_unlock(one);
	if (recorded > 0 && site->withdrawn != NULL)
		site->withdrawn(site->ctx);
	if (rc != CM_OK) {
		cm_api_later(api, &err);
		return;
	}
	cm_api_begin(api, &w);
	put_contact(api, &w);
	cm_json_put_int(&w, "recorded", (int64_t)recorded);
	cm_api_finish(api, &w, 200,
		      recorded > 0 ? "withdrawn" : "withdrawn-before");
}

void cm_api_withdraw(struct cm_api *api)
{
	struct cm_buf evidence;

	cm_buf_init(&evidence, CM_STOP_EVIDENCE_MAX);
	if (make_evidence(api, &evidence))
		withdraw(api, &evidence);
	cm_buf_free(&evidence);
}

/* ---- requests ----------------------------------------------------------- */

static int keep_notice(struct cm_api *api, struct cm_hash *hash,
		       struct cm_error *err)
{
	struct cm_gate *gate = &api->work->site->gate;
	int rc = cm_gate_enter(gate, err);

	if (rc != CM_OK)
		return rc;
	rc = put_notice(api, hash, err);
	cm_gate_leave(gate, rc == CM_EAGAIN);
	return rc;
}

static int ask(struct cm_api *api, struct cm_act *act, struct cm_error *err)
{
	struct cm_site *site = api->work->site;
	size_t i;
	int rc = CM_OK;

	act->kind = CM_ACT_REQUEST;
	act->at = api->work->now;
	act->address = api->call.address;
	for (i = 0; i < api->call.npurposes; i++)
		act->purposes[i] = cm_span(api->call.purposes[i]->path);
	act->npurposes = api->call.npurposes;
	act->language = cm_span(api->call.event.language);
	act->source = cm_span(api->call.event.source);
	act->channel = cm_span("api");
	act->has_notice = true;
	if (api->network[0] != '\0')
		rc = cm_queue_digest(site->queue, cm_span(api->network),
				     &act->network, err);
	if (rc == CM_OK)
		rc = cm_random(act->request, sizeof(act->request), err);
	return rc == CM_OK ? cm_queue_put(site->queue, act, err) : rc;
}

/* The same for whoever it is: known, unknown, or somebody who refused. */
static void request(struct cm_api *api, struct cm_act *act, bool new_notice)
{
	struct cm_site *site = api->work->site;
	struct cm_json_writer w;
	struct cm_error err;
	int rc = CM_OK;

	if (new_notice)
		rc = keep_notice(api, &act->notice, &err);
	if (rc == CM_OK)
		rc = ask(api, act, &err);
	if (rc != CM_OK) {
		cm_api_later(api, &err);
		return;
	}
	if (site->asked != NULL)
		site->asked(site->asked_ctx);
	cm_api_begin(api, &w);
	cm_json_put_text(&w, "status", "asked");
	cm_api_finish(api, &w, 202, "asked");
}

void cm_api_request(struct cm_api *api)
{
	struct cm_act act;
	struct cm_buf evidence;
	bool new_notice;

	if (api->work->site->queue == NULL) {
		cm_api_problem(api, 501, "no-mail", "",
			       "nobody can be asked: the configuration has no "
			       "mail section");
		return;
	}
	memset(&act, 0, sizeof(act));
	cm_buf_init(&evidence, CM_ACT_EVIDENCE_MAX);
	if (find_notice(api, &act.notice, &new_notice) &&
	    make_evidence(api, &evidence)) {
		act.evidence = cm_span_n(evidence.data, evidence.len);
		request(api, &act, new_notice);
	}
	cm_buf_free(&evidence);
}
