/* See my_data.h. */
#include "web/my_data.h"

#include <string.h>

#include "policy/record.h"
#include "policy/request.h"
#include "web/my_data_page.h"
#include "web/visitor.h"

enum {
	/* Thousands of events with the texts shown and their page. */
	CM_MY_DATA_ARENA_MAX = 128 << 20,
};

struct visit {
	struct cm_work *work;
	struct cm_arena *arena;
	struct cm_record record;
	bool known;      /* anything is on record */
	bool gone;       /* erased, and not back since */
	bool restricted; /* nothing may be erased (GDPR 18(2)) */
};

/* ---- what is on record -------------------------------------------------- */

static bool came_back(const struct cm_record *r, int64_t erased)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (r->events[i].event.actor == CM_ACTOR_PERSON &&
		    cm_event_type_asks(r->events[i].event.type) &&
		    r->events[i].event.at > erased)
			return true;
	return false;
}

/* Refused at once, removed from the files a moment later: shown no more. */
static void hide(struct cm_record *r, int64_t erased)
{
	size_t i;

	r->canonical.n = r->as_given.n = 0;
	for (i = 0; i < r->count; i++) {
		struct cm_record_event *item = &r->events[i];

		if (item->event.at > erased)
			continue;
		item->salted.n = 0;
		item->evidence_erased = item->event.has_evidence;
	}
}

static void judge(struct visit *visit)
{
	const struct cm_config *config = visit->work->site->config;
	struct cm_record *r = &visit->record;
	const struct cm_fact *erased = cm_person_has_mark(
		config, &r->own, CM_FACT_ERASED, visit->work->now);

	visit->restricted =
		cm_person_has_mark(config, &r->own, CM_FACT_RESTRICTED,
				   visit->work->now) != NULL;
	visit->gone = erased != NULL && !came_back(r, erased->at);
	if (visit->gone)
		hide(r, erased->at);
	if (r->canonical.n > 0)
		r->email = cm_arena_dup(visit->arena, r->canonical.p,
					r->canonical.n);
}

static int read_record(struct visit *visit, struct cm_error *err)
{
	struct cm_work *work = visit->work;
	struct cm_record_source source = {
		.config = work->site->config,
		.store = work->site->store,
		.sent = cm_keep_borrow(&work->site->keep, work->site->config),
		.arena = visit->arena,
		.now = work->now,
	};
	int rc = cm_record_read(&source, &work->token.contact, &work->family,
				&visit->record, err);

	cm_keep_return(&work->site->keep, rc == CM_OK || rc == CM_ENOTFOUND);
	visit->known = rc == CM_OK;
	if (rc == CM_OK)
		judge(visit);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

/* ---- pages -------------------------------------------------------------- */

static const char *language_of(const struct cm_work *work)
{
	const char *const wanted[] = {work->view.language,
				      work->request->accept_language};

	return cm_templates_language(work->site->templates, wanted, 2);
}

static enum cm_template_kind kind_of(const struct visit *visit)
{
	if (!visit->known)
		return CM_TEMPLATE_PAGE_MY_DATA_NONE;
	return visit->gone ? CM_TEMPLATE_PAGE_MY_DATA_GONE
			   : CM_TEMPLATE_PAGE_MY_DATA;
}

/* to_keep: as a file, which has no buttons. */
static void show(struct visit *visit, int status, enum cm_page_said said,
		 bool to_keep)
{
	struct cm_work *work = visit->work;
	struct cm_template_value values[CM_MY_DATA_VALUES];
	struct cm_ticket ticket;
	struct cm_page_want want = {
		.kind = kind_of(visit),
		.said = said,
		.ticket = ticket.text,
		.values = values,
		.may_erase = !visit->restricted,
		.to_keep = to_keep,
	};
	struct cm_error err;

	cm_visitor_step_ticket(work, CM_STEP_DATA, &ticket);
	if (visit->known) {
		if (cm_my_data_values(work->site->templates, &visit->record,
				      language_of(work), visit->arena, values,
				      &err) != CM_OK) {
			cm_work_later(work, &err);
			return;
		}
		want.nvalues = CM_MY_DATA_VALUES;
	}
	cm_work_page(work, status, &want);
}

static void again(struct visit *visit, const char *outcome)
{
	show(visit, visit->work->request->body_too_long ? 413 : 400,
	     CM_PAGE_SAID_AGAIN, false);
	visit->work->outcome = outcome;
}

/* ---- what they do ------------------------------------------------------- */

enum { TAKEN_MAX = 3 }; /* the copy, and the requests that it answers */

static struct cm_event event_of(const struct visit *visit,
				enum cm_event_type type)
{
	return (struct cm_event){
		.type = type,
		.actor = CM_ACTOR_PERSON,
		.contact = visit->record.contact,
		.family = visit->record.family,
		.channel = "page",
	};
}

/* An import may hold the ledger: few threads wait for it, and clicks never. */
static int append(struct visit *visit, struct cm_store_entry *entries,
		  size_t count, struct cm_error *err)
{
	struct cm_site *site = visit->work->site;
	uint64_t seq;
	int rc = cm_gate_enter(&site->gate, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_store_append(site->store, entries, count, visit->work->now,
			     &seq, err);
	cm_gate_leave(&site->gate, rc == CM_EAGAIN);
	return rc;
}

/* An open request of that right; false if there is none. */
static bool answers(const struct visit *visit, const char *right,
		    struct cm_store_entry *entry)
{
	struct cm_right_request request = {.open = false};
	size_t i, n = strlen(right);

	memcpy(request.right, right, n);
	for (i = 0; i < visit->record.count; i++)
		cm_request_apply(&request, &visit->record.events[i].event);
	if (!request.open)
		return false;
	entry->event = event_of(visit, CM_EVENT_REQUEST_CLOSED);
	memcpy(entry->event.right, right, n);
	return true;
}

/* As consentctl access does: GDPR 15 and 20 are answered with it. */
static int note_taken(struct visit *visit, struct cm_error *err)
{
	struct cm_store_entry entries[TAKEN_MAX];
	struct cm_work *work = visit->work;
	struct cm_buf evidence;
	size_t n = 1;
	int rc;

	memset(entries, 0, sizeof(entries));
	cm_buf_init(&evidence, CM_STOP_EVIDENCE_MAX);
	entries[0].event = event_of(visit, CM_EVENT_DISCLOSED);
	memcpy(entries[0].event.to, CM_TO_PERSON, sizeof(CM_TO_PERSON));
	/* Of who is erased nothing is kept again. */
	if (!visit->gone && cm_visitor_evidence(work, NULL, &evidence) == CM_OK)
		entries[0].evidence = cm_span_n(evidence.data, evidence.len);
	n += answers(visit, "access", &entries[n]);
	n += answers(visit, "portability", &entries[n]);
	rc = append(visit, entries, n, err);
	cm_buf_free(&evidence);
	return rc;
}

static void give_file(struct visit *visit)
{
	struct cm_work *work = visit->work;
	struct cm_buf *body = &work->answer->page.body;
	struct cm_error err;

	cm_record_json(&visit->record, body);
	if (cm_buf_ok(body) != CM_OK) {
		(void)cm_fail(&err, cm_buf_ok(body),
			      "a record does not fit in a file");
		cm_work_later(work, &err);
		return;
	}
	work->answer->status = 200;
	cm_work_header(work, "Content-Type", "application/json");
	cm_work_header(work, "Content-Disposition",
		       "attachment; filename=\"my-data.json\"");
	cm_work_header(work, "Content-Security-Policy", "default-src 'none'");
}

static void take(struct visit *visit)
{
	struct cm_work *work = visit->work;
	struct cm_error err;

	if (!cm_visitor_has_step(work, CM_STEP_DATA) || !visit->known) {
		again(visit, "no-ticket");
		return;
	}
	if (note_taken(visit, &err) != CM_OK) {
		cm_work_later(work, &err);
		return;
	}
	work->outcome = "taken";
	if (work->form.act == CM_FORM_TAKE_FILE) {
		give_file(visit);
		return;
	}
	show(visit, 200, CM_PAGE_SAID_NOTHING, true);
	if (work->answer->status == 200)
		cm_work_header(work, "Content-Disposition",
			       "attachment; filename=\"my-data.html\"");
}

/* ---- erasing ------------------------------------------------------------ */

static void ask_to_erase(struct visit *visit)
{
	struct cm_work *work = visit->work;
	struct cm_ticket ticket;
	const struct cm_page_want want = {
		.kind = CM_TEMPLATE_PAGE_ERASE,
		.ticket = ticket.text,
	};

	if (!cm_visitor_has_step(work, CM_STEP_DATA)) {
		again(visit, "no-ticket");
		return;
	}
	cm_visitor_step_ticket(work, CM_STEP_ERASE, &ticket);
	cm_work_page(work, 200, &want);
	work->outcome = "shown-erase";
}

/* GDPR 19: the admin has to tell them; the log is where they look. */
static void name_recipients(const struct visit *visit)
{
	const struct cm_record *r = &visit->record;
	size_t i, k;

	for (i = 0; i < r->count; i++) {
		const struct cm_event *event = &r->events[i].event;

		if (event->type != CM_EVENT_DISCLOSED ||
		    strcmp(event->to, CM_TO_PERSON) == 0)
			continue;
		for (k = 0; k < i; k++)
			if (strcmp(r->events[k].event.to, event->to) == 0)
				break;
		if (k == i)
			cm_log(visit->work->site->log, CM_LOG_WARNING,
			       "somebody had themselves erased whose data "
			       "\"%s\" was given: tell them, too (GDPR 19)",
			       event->to);
	}
}

static void close_request(struct visit *visit)
{
	struct cm_store_entry entry = {.address = NULL};
	struct cm_error err;

	if (answers(visit, "erasure", &entry) &&
	    append(visit, &entry, 1, &err) != CM_OK)
		cm_log_error(visit->work->site->log, CM_LOG_WARNING,
			     "a request for erasure was fulfilled, but is "
			     "still open (close it: consentctl requests done)",
			     &err);
}

/* Obeyed by the milter when this returns, whoever holds the ledger. */
static int erase(struct visit *visit, struct cm_error *err)
{
	const struct cm_event event = event_of(visit, CM_EVENT_ERASED);
	struct cm_site *site = visit->work->site;
	int rc = cm_store_stop(site->store, &event, 1, visit->work->now, err);

	if (rc != CM_OK)
		return rc;
	if (site->withdrawn != NULL)
		site->withdrawn(site->ctx);
	name_recipients(visit);
	close_request(visit);
	rc = cm_visitor_read(visit->work, err);
	return rc == CM_OK ? read_record(visit, err) : rc;
}

static void do_erase(struct visit *visit)
{
	struct cm_work *work = visit->work;
	struct cm_error err;

	if (!cm_visitor_has_step(work, CM_STEP_ERASE)) {
		again(visit, "no-ticket");
		return;
	}
	if (erase(visit, &err) != CM_OK) {
		cm_work_later(work, &err);
		return;
	}
	show(visit, 200, CM_PAGE_SAID_ERASED, false);
	work->outcome = "erased";
}

/* Only what is there and not restricted can be erased. */
static void act_on_erasure(struct visit *visit)
{
	struct cm_work *work = visit->work;

	if (!visit->known || visit->gone) {
		show(visit, 200, CM_PAGE_SAID_NOTHING, false);
		work->outcome = "already";
	} else if (visit->restricted) {
		show(visit, 409, CM_PAGE_SAID_KEPT, false);
		work->outcome = "restricted";
	} else if (work->form.act == CM_FORM_ERASE) {
		do_erase(visit);
	} else {
		ask_to_erase(visit);
	}
}

static void at_persons(struct visit *visit)
{
	struct cm_work *work = visit->work;
	struct cm_error err;

	if (read_record(visit, &err) != CM_OK) {
		cm_work_later(work, &err);
		return;
	}
	switch (work->form.act) {
	case CM_FORM_TAKE_PAGE:
	case CM_FORM_TAKE_FILE:
		take(visit);
		break;
	case CM_FORM_ERASE_ASK:
	case CM_FORM_ERASE:
		act_on_erasure(visit);
		break;
	default:
		if (work->method == CM_METHOD_POST) {
			again(visit, "no-known-pair");
			break;
		}
		work->outcome = "shown";
		show(visit, 200, CM_PAGE_SAID_NOTHING, false);
	}
}

/* ---- the link ----------------------------------------------------------- */

static bool has_ended(const struct cm_work *work)
{
	int64_t today = work->now / CM_DAY_MS;

	return work->token.day > today ||
	       work->token.day + CM_MY_DATA_DAYS < today;
}

static void visit(struct cm_work *work)
{
	const struct cm_page_want ended = {
		.kind = CM_TEMPLATE_PAGE_MY_DATA_ENDED,
		.may_lose = work->site->queue != NULL,
	};
	struct visit v = {.work = work};
	struct cm_error err;
	int rc = cm_visitor_read(work, &err);

	if (rc == CM_OK && has_ended(work)) {
		work->outcome = "ended";
		cm_work_page(work, 410, &ended);
		return;
	}
	if (rc == CM_OK &&
	    cm_arena_new(CM_MY_DATA_ARENA_MAX, &v.arena) != CM_OK)
		rc = cm_fail(&err, CM_ENOMEM, "out of memory");
	if (rc == CM_OK)
		at_persons(&v);
	else
		cm_work_later(work, &err);
	cm_arena_free(&v.arena);
}

void cm_my_data(struct cm_work *work)
{
	static const enum cm_key_kind kinds[] = {CM_KEY_MAILED};

	cm_visitor_meet(work, kinds, sizeof(kinds) / sizeof(kinds[0]), visit);
}
