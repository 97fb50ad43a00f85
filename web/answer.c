/* See answer.h. */
#include "web/answer.h"

#include <string.h>

#include "lib/arena.h"
#include "policy/purpose.h"
#include "policy/token.h"
#include "web/form.h"
#include "web/leave.h"

enum {
	/* A view of CM_VIEW_FACTS_MAX facts and a contact's event list. */
	CM_ANSWER_ARENA_MAX = 8 << 20,
};

/* A request on its way to its answer. */
struct work {
	struct cm_site *site;
	const struct cm_request *request;
	enum cm_method method;
	struct cm_route route;
	int64_t now;
	struct cm_arena *arena;
	struct cm_token token;
	/* What the store says of the token's contact. */
	struct cm_view view;
	struct cm_view family_view;
	struct cm_id family;
	struct cm_span path; /* of the purpose */
	struct cm_line line; /* for the log */
	struct cm_answer *answer;
	const char *outcome;
};

int cm_site_init(struct cm_site *site, struct cm_error *err)
{
	size_t i;
	int rc = cm_keep_init(&site->keep, err);

	for (i = 0; rc == CM_OK && i < CM_SITE_LOCKS; i++) {
		int errnum = pthread_mutex_init(&site->one_post[i], NULL);

		if (errnum == 0)
			continue;
		while (i > 0)
			pthread_mutex_destroy(&site->one_post[--i]);
		cm_keep_deinit(&site->keep);
		rc = cm_fail_errno(err, errnum, "no lock can be made");
	}
	return rc;
}

void cm_site_deinit(struct cm_site *site)
{
	size_t i;

	for (i = 0; i < CM_SITE_LOCKS; i++)
		pthread_mutex_destroy(&site->one_post[i]);
	cm_keep_deinit(&site->keep);
}

static const struct cm_span no_purpose = {NULL, 0};

static void add_header(struct cm_answer *answer, const char *name,
		       const char *value)
{
	if (answer->nheaders == CM_ANSWER_HEADERS_MAX)
		return;
	answer->headers[answer->nheaders].name = name;
	answer->headers[answer->nheaders++].value = value;
}

/* R8058-16, and what keeps other sites off the page. */
static void add_common_headers(struct cm_answer *answer)
{
	static const char *const fields[][2] = {
		{"Cache-Control", "no-store"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Robots-Tag", "noindex, nofollow"},
	};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		add_header(answer, fields[i][0], fields[i][1]);
}

static void set_text(struct work *work, int status, const char *text)
{
	struct cm_answer *answer = work->answer;

	answer->status = status;
	(void)cm_buf_adds(&answer->page.body, text);
	add_header(answer, "Content-Type", "text/plain; charset=utf-8");
	add_header(answer, "Content-Security-Policy", "default-src 'none'");
}

/* Is there more to leave than the link's purpose? */
static bool may_stop_all(const struct work *work, struct cm_span purpose)
{
	struct cm_span root = cm_span(work->site->config->controller_id);

	return purpose.n > 0 && cm_purpose_covers(root, purpose) &&
	       !cm_span_eq(root, purpose) &&
	       !cm_leave_stands(&work->view, root);
}

static void set_page(struct work *work, int status, enum cm_template_kind kind,
		     struct cm_span purpose)
{
	struct cm_answer *answer = work->answer;
	const struct cm_page_want want = {
		.kind = kind,
		.language = work->view.language,
		.accept = work->request->accept_language,
		.purpose = purpose,
		.may_stop_all = may_stop_all(work, purpose),
	};

	cm_buf_reset(&answer->page.body);
	if (cm_page_make(work->site->config, work->site->templates, &want,
			 &answer->page) != CM_OK) {
		cm_buf_reset(&answer->page.body);
		work->outcome = "no-page";
		set_text(work, 500, "Internal error\n");
		return;
	}
	answer->status = status;
	add_header(answer, "Content-Type", "text/html; charset=utf-8");
	add_header(answer, "Content-Language", answer->page.language);
	add_header(answer, "Content-Security-Policy", answer->page.csp);
}

/* One answer for whatever is not ours, in the language asked for. */
static void set_invalid(struct work *work, const char *outcome)
{
	work->outcome = outcome;
	memset(work->view.language, 0, sizeof(work->view.language));
	set_page(work, 404, CM_TEMPLATE_PAGE_INVALID, no_purpose);
}

/* The store failed; what and why is in the log, not on the page. */
static void set_later(struct work *work, const struct cm_error *err)
{
	cm_log_error(work->site->log, CM_LOG_ERROR, "store", err);
	work->outcome = "store-failed";
	add_header(work->answer, "Retry-After", "120");
	set_page(work, 503, CM_TEMPLATE_PAGE_LATER, no_purpose);
}

/* ---- what the token says, and what the store knows ---------------------- */

/* Both kinds are always tried: time tells nothing about which it was. */
static int read_token(struct work *work)
{
	struct cm_span text = {work->route.token, work->route.token_n};
	struct cm_token header, footer;
	int as_header, as_footer;

	as_header =
		cm_token_read(work->site->keys, CM_KEY_HEADER, text, &header);
	as_footer =
		cm_token_read(work->site->keys, CM_KEY_FOOTER, text, &footer);
	if (as_header == CM_OK) {
		work->token = header;
		return CM_OK;
	}
	if (as_footer == CM_OK) {
		work->token = footer;
		return CM_OK;
	}
	return as_header != CM_EDATA ? as_header : as_footer;
}

/*
 * The family to record: the contact's last event has it.  Who was never
 * recorded (mode edit sends links to everybody) is a family of one.
 */
static int find_family(struct work *work, struct cm_store_reader *reader,
		       struct cm_error *err)
{
	const struct cm_id *contact = &work->token.contact;
	struct cm_event event;
	struct cm_span json;
	uint64_t *seqs;
	size_t count;
	int rc;

	rc = cm_store_events_of(reader, contact, &seqs, &count, err);
	work->family = *contact;
	if (rc != CM_OK || count == 0)
		return rc;
	rc = cm_store_event(reader, seqs[count - 1], &json, err);
	if (rc == CM_OK)
		rc = cm_event_decode(json, &event, err);
	if (rc == CM_OK)
		work->family = event.family;
	return rc;
}

static int look_up(struct work *work, struct cm_error *err)
{
	const struct cm_id *contact = &work->token.contact;
	struct cm_store_reader *reader = NULL;
	int rc;

	rc = cm_store_read_begin(work->site->store, work->arena, &reader, err);
	if (rc != CM_OK)
		return rc;
	rc = find_family(work, reader, err);
	/* What stop holds stands under the family. */
	if (rc == CM_OK)
		rc = cm_store_lookup(reader, contact, &work->family,
				     &work->view, &work->family_view, err);
	cm_store_read_end(&reader);
	return rc;
}

/* ---- the places --------------------------------------------------------- */

static void show(struct work *work, int status)
{
	bool stands = cm_leave_stands(&work->view, work->path);
	bool older =
		cm_leave_is_older(&work->view, work->path, work->token.day);

	work->outcome = stands ? "shown-done" : older ? "shown-again" : "shown";
	set_page(work, status,
		 stands  ? CM_TEMPLATE_PAGE_DONE
		 : older ? CM_TEMPLATE_PAGE_ASK_AGAIN
			 : CM_TEMPLATE_PAGE_ASK,
		 work->path);
}

static int withdraw(struct work *work, enum cm_form_act act,
		    struct cm_error *err)
{
	struct cm_event event = {
		.type = CM_EVENT_WITHDRAWN,
		.actor = CM_ACTOR_PERSON,
		.contact = work->token.contact,
		.family = work->family,
	};
	const char *channel = act == CM_FORM_ONE_CLICK ? "one-click" : "page";

	if (work->path.n >= sizeof(event.purpose))
		return cm_fail(err, CM_ECORRUPT, "a purpose is too long");
	memcpy(event.purpose, work->path.p, work->path.n);
	memcpy(event.channel, channel, strlen(channel));
	return cm_store_stop(work->site->store, &event, 1, work->now, err);
}

static void leave(struct work *work, enum cm_form_act act)
{
	struct cm_error err;

	cm_line_text(&work->line, "channel",
		     act == CM_FORM_ONE_CLICK ? "one-click" : "page");
	if (cm_leave_stands(&work->view, work->path)) {
		work->outcome = "already";
	} else if (withdraw(work, act, &err) == CM_OK) {
		work->outcome = "withdrawn";
		if (work->site->withdrawn != NULL)
			work->site->withdrawn(work->site->ctx);
	} else {
		set_later(work, &err);
		return;
	}
	set_page(work, 200, CM_TEMPLATE_PAGE_DONE, work->path);
}

static bool offers_to_keep(struct work *work, struct cm_keep_offer *offer)
{
	return cm_keep_offers(&work->site->keep, work->site->config,
			      &work->token, &work->view, &work->family_view,
			      work->now, offer);
}

static void ask_to_keep(struct work *work, int status)
{
	work->outcome = "shown-keep";
	set_page(work, status, CM_TEMPLATE_PAGE_KEEP, work->path);
}

/* What they were shown is made again: by the same texts, in their language. */
static void keep(struct work *work, const struct cm_keep_offer *offer)
{
	struct cm_answer *answer = work->answer;
	size_t nheaders = answer->nheaders;
	struct cm_error err;

	ask_to_keep(work, 200);
	if (answer->status != 200)
		return; /* nobody can have been shown such a page */
	answer->nheaders = nheaders;
	if (cm_keep_write(
		    work->site->store, offer, &work->token, &work->family,
		    cm_span_n(answer->page.body.data, answer->page.body.len),
		    answer->page.language, work->now, &err) != CM_OK) {
		set_later(work, &err);
		return;
	}
	work->outcome = "kept";
	set_page(work, 200, CM_TEMPLATE_PAGE_KEPT, work->path);
}

static void describe_token(struct work *work)
{
	const struct cm_token *token = &work->token;

	cm_line_text(&work->line, "link", cm_key_kind_name(token->kind));
	cm_line_hex(&work->line, "contact", token->contact.b,
		    sizeof(token->contact.b));
	cm_line_int(&work->line, "days", work->now / CM_DAY_MS - token->day);
	if (token->has_message)
		cm_line_hex(&work->line, "message", token->message,
			    sizeof(token->message));
}

/* What a POST without a known pair gets: the page, and no false 200. */
static int refused_status(const struct cm_request *request)
{
	return request->body_too_long ? 413 : 400;
}

/*
 * The ledger cannot be read.  That must not keep anybody from leaving what
 * the config names: stop is another file, and takes it.
 */
static void act_blindly(struct work *work, enum cm_form_act act,
			const struct cm_error *err)
{
	const struct cm_purpose *purpose = cm_config_purpose_by_id(
		work->site->config, work->token.purpose);

	if (act <= CM_FORM_KEEP || purpose == NULL) {
		set_later(work, err);
		return;
	}
	cm_log_error(work->site->log, CM_LOG_ERROR, "store", err);
	memset(&work->view, 0, sizeof(work->view));
	work->family = work->token.contact;
	work->path =
		cm_span(act == CM_FORM_ALL ? work->site->config->controller_id
					   : purpose->path);
	leave(work, act);
}

static enum cm_form_act act_of(const struct work *work)
{
	const struct cm_request *request = work->request;
	struct cm_form form;

	if (work->method != CM_METHOD_POST || request->body_too_long)
		return CM_FORM_NONE;
	cm_form_read(request->content_type, request->body, &form);
	return form.act;
}

static void act_on_token(struct work *work)
{
	struct cm_span root = cm_span(work->site->config->controller_id);
	enum cm_form_act act = act_of(work);
	struct cm_keep_offer offer;
	struct cm_error err;

	if (look_up(work, &err) != CM_OK) {
		act_blindly(work, act, &err);
		return;
	}
	if (cm_leave_path(work->site->config, &work->view, work->token.purpose,
			  &work->path) != CM_OK) {
		cm_line_hex(&work->line, "purpose", work->token.purpose,
			    sizeof(work->token.purpose));
		set_invalid(work, "unknown-purpose");
		return;
	}
	if (act == CM_FORM_ALL && cm_purpose_covers(root, work->path))
		work->path = root;
	cm_line_span(&work->line, "purpose", work->path);
	if (act > CM_FORM_KEEP) {
		leave(work, act);
		return;
	}
	if (offers_to_keep(work, &offer)) {
		if (act == CM_FORM_KEEP)
			keep(work, &offer);
		else
			ask_to_keep(work,
				    work->method == CM_METHOD_POST
					    ? refused_status(work->request)
					    : 200);
		return;
	}
	if (act == CM_FORM_KEEP &&
	    cm_keep_stands(work->site->config, &work->token, &work->view,
			   &work->family_view, work->now)) {
		work->outcome = "kept-already";
		set_page(work, 200, CM_TEMPLATE_PAGE_KEPT, work->path);
		return;
	}
	if (work->method != CM_METHOD_POST) {
		show(work, 200);
		return;
	}
	show(work, refused_status(work->request));
	work->outcome = "no-known-pair";
}

static void at_token(struct work *work)
{
	pthread_mutex_t *lock;
	int rc = read_token(work);

	if (rc == CM_EDATA) {
		set_invalid(work, "invalid");
		return;
	}
	if (rc != CM_OK) {
		struct cm_error err;

		(void)cm_fail(&err, rc, "a token cannot be checked");
		set_later(work, &err);
		return;
	}
	describe_token(work);
	if (work->method != CM_METHOD_POST) {
		act_on_token(work);
		return;
	}
	/* Ids are keyed digests, so any octet of one spreads evenly. */
	lock = &work->site->one_post[work->token.contact.b[0] % CM_SITE_LOCKS];
	pthread_mutex_lock(lock);
	act_on_token(work);
	pthread_mutex_unlock(lock);
}

static void at_no_token(struct work *work)
{
	work->outcome = "shown";
	set_page(work, 200, CM_TEMPLATE_PAGE_NO_TOKEN, no_purpose);
}

static void at_health(struct work *work)
{
	struct cm_store_reader *reader = NULL;
	struct cm_error err;

	if (cm_store_read_begin(work->site->store, work->arena, &reader,
				&err) != CM_OK) {
		cm_log_error(work->site->log, CM_LOG_ERROR, "store", &err);
		work->outcome = "store-failed";
		set_text(work, 503, "store unreadable\n");
		return;
	}
	cm_store_read_end(&reader);
	work->outcome = "ok";
	set_text(work, 200, "ok\n");
}

/* An SVG may hold styles; scripts it may not run, nor load anything. */
static void at_logo(struct work *work)
{
	const struct cm_logo *logo = work->site->logo;
	struct cm_answer *answer = work->answer;

	if (logo == NULL) {
		set_invalid(work, "not-found");
		return;
	}
	work->outcome = "shown";
	answer->status = 200;
	(void)cm_buf_add(&answer->page.body, logo->picture.data,
			 logo->picture.len);
	add_header(answer, "Content-Type", logo->type);
	add_header(answer, "Content-Security-Policy",
		   "default-src 'none'; style-src 'unsafe-inline'");
}

static void at_none(struct work *work)
{
	set_invalid(work, "not-found");
}

static void dispatch(struct work *work)
{
	static void (*const at[CM_PLACES])(struct work * work) = {
		[CM_PLACE_TOKEN] = at_token,
		[CM_PLACE_NO_TOKEN] = at_no_token,
		[CM_PLACE_HEALTH] = at_health,
		[CM_PLACE_LOGO] = at_logo,
		[CM_PLACE_NONE] = at_none,
	};
	enum cm_place place = work->route.place;

	if (!cm_route_allows(place, work->method)) {
		work->outcome = "method";
		add_header(work->answer, "Allow", cm_route_allow(place));
		set_text(work, 405, "Method not allowed\n");
		return;
	}
	if (work->method == CM_METHOD_OPTIONS && place != CM_PLACE_NONE) {
		work->outcome = "options";
		add_header(work->answer, "Allow", cm_route_allow(place));
		work->answer->status = 204;
		return;
	}
	at[place](work);
}

void cm_answer_make(struct cm_site *site, const struct cm_request *request,
		    int64_t now, struct cm_answer *answer)
{
	struct work work = {
		.site = site,
		.request = request,
		.method = cm_method_of(request->method),
		.route =
			cm_route_find(site->config->web_base_url, request->url),
		.now = now,
		.answer = answer,
		.outcome = "none",
	};

	memset(answer, 0, sizeof(*answer));
	cm_page_init(&answer->page);
	add_common_headers(answer);
	cm_line_init(&work.line, cm_span("request"));
	cm_line_text(&work.line, "method", request->method);
	cm_line_text(&work.line, "place", cm_place_name(work.route.place));
	if (cm_arena_new(CM_ANSWER_ARENA_MAX, &work.arena) == CM_OK)
		dispatch(&work);
	else
		set_text(&work, 503, "No memory\n");
	cm_line_int(&work.line, "status", answer->status);
	cm_line_text(&work.line, "outcome", work.outcome);
	cm_line_write(&work.line, site->log,
		      strcmp(work.outcome, "unknown-purpose") == 0
			      ? CM_LOG_WARNING
			      : CM_LOG_INFO);
	cm_line_free(&work.line);
	cm_arena_free(&work.arena);
}

void cm_answer_free(struct cm_answer *answer)
{
	cm_page_free(&answer->page);
}
