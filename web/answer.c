/* See answer.h. */
#include "web/answer.h"

#include <string.h>

#include "lib/arena.h"
#include "web/confirm.h"
#include "web/lost.h"
#include "web/my_data.h"
#include "web/subscribe.h"
#include "web/api_body.h"
#include "web/work.h"

enum {
	/* A view of CM_VIEW_FACTS_MAX facts and a contact's event list. */
	CM_ANSWER_ARENA_MAX = 8 << 20,
};

static int init_locks(struct cm_site *site, struct cm_error *err)
{
	size_t i;

	for (i = 0; i < CM_SITE_LOCKS; i++) {
		int errnum = pthread_mutex_init(&site->one_post[i], NULL);

		if (errnum == 0)
			continue;
		while (i > 0)
			pthread_mutex_destroy(&site->one_post[--i]);
		return cm_fail_errno(err, errnum, "no lock can be made");
	}
	return CM_OK;
}

static void deinit_locks(struct cm_site *site)
{
	size_t i;

	for (i = 0; i < CM_SITE_LOCKS; i++)
		pthread_mutex_destroy(&site->one_post[i]);
}

int cm_site_init(struct cm_site *site, struct cm_error *err)
{
	int rc = cm_keep_init(&site->keep, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_gate_init(&site->gate, err);
	if (rc != CM_OK)
		goto no_gate;
	rc = cm_failures_init(&site->failures, err);
	if (rc != CM_OK)
		goto no_failures;
	rc = init_locks(site, err);
	if (rc == CM_OK)
		return CM_OK;
	cm_failures_deinit(&site->failures);
no_failures:
	cm_gate_deinit(&site->gate);
no_gate:
	cm_keep_deinit(&site->keep);
	return rc;
}

void cm_site_deinit(struct cm_site *site)
{
	deinit_locks(site);
	cm_failures_deinit(&site->failures);
	cm_gate_deinit(&site->gate);
	cm_keep_deinit(&site->keep);
}

pthread_mutex_t *cm_site_lock(struct cm_site *site, const struct cm_id *contact)
{
	/* Ids are keyed digests, so any octet of one spreads evenly. */
	return &site->one_post[contact->b[0] % CM_SITE_LOCKS];
}

size_t cm_answer_body_max(const struct cm_site *site, const char *url)
{
	return cm_route_find(site->config->web_base_url, cm_span(url)).place ==
			       CM_PLACE_API
		       ? CM_API_BODY_MAX
		       : CM_FORM_MAX;
}

static void add_header(struct cm_answer *answer, const char *name,
		       const char *value)
{
	if (answer->nheaders == CM_ANSWER_HEADERS_MAX)
		return;
	answer->headers[answer->nheaders].name = name;
	answer->headers[answer->nheaders++].value = value;
}

void cm_work_header(struct cm_work *work, const char *name, const char *value)
{
	add_header(work->answer, name, value);
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

static void set_text(struct cm_work *work, int status, const char *text)
{
	struct cm_answer *answer = work->answer;

	answer->status = status;
	(void)cm_buf_adds(&answer->page.body, text);
	add_header(answer, "Content-Type", "text/plain; charset=utf-8");
	add_header(answer, "Content-Security-Policy", "default-src 'none'");
}

void cm_work_page(struct cm_work *work, int status,
		  const struct cm_page_want *want)
{
	struct cm_answer *answer = work->answer;
	struct cm_page_want full = *want;

	full.language = work->view.language;
	full.accept = work->request->accept_language;
	cm_buf_reset(&answer->page.body);
	if (cm_page_make(work->site->config, work->site->templates, &full,
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

/* A page that is about nobody. */
static void set_page(struct cm_work *work, int status,
		     enum cm_template_kind kind)
{
	const struct cm_page_want want = {
		.kind = kind,
		.may_lose = work->site->queue != NULL,
	};

	cm_work_page(work, status, &want);
}

void cm_work_invalid(struct cm_work *work, const char *outcome)
{
	work->outcome = outcome;
	if (strcmp(outcome, "invalid") == 0)
		cm_metrics_add(work->site->metrics, CM_METRIC_INVALID_TOKENS,
			       1);
	memset(work->view.language, 0, sizeof(work->view.language));
	set_page(work, 404, CM_TEMPLATE_PAGE_INVALID);
}

void cm_work_later(struct cm_work *work, const struct cm_error *err)
{
	cm_log_error(work->site->log, CM_LOG_ERROR, "store", err);
	cm_metrics_add(work->site->metrics, CM_METRIC_STORE_FAILURES, 1);
	work->outcome = "store-failed";
	add_header(work->answer, "Retry-After", "120");
	set_page(work, 503,
		 cm_place_has_form(work->route.place)
			 ? CM_TEMPLATE_PAGE_LATER_FORM
			 : CM_TEMPLATE_PAGE_LATER);
}

void cm_work_describe(struct cm_work *work)
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

/* ---- the places --------------------------------------------------------- */

static void at_no_token(struct cm_work *work)
{
	work->outcome = "shown";
	set_page(work, 200, CM_TEMPLATE_PAGE_NO_TOKEN);
}

static void at_health(struct cm_work *work)
{
	struct cm_store_reader *reader = NULL;
	struct cm_error err;

	if (cm_store_read_begin(work->site->store, work->arena, &reader,
				&err) != CM_OK) {
		cm_log_error(work->site->log, CM_LOG_ERROR, "store", &err);
		cm_metrics_add(work->site->metrics, CM_METRIC_STORE_FAILURES,
			       1);
		work->outcome = "store-failed";
		set_text(work, 503, "store unreadable\n");
		return;
	}
	cm_store_read_end(&reader);
	work->outcome = "ok";
	set_text(work, 200, "ok\n");
}

/* What is not counted, but looked up when somebody asks. */
static void measure_store(struct cm_work *work)
{
	struct cm_metrics *metrics = work->site->metrics;
	struct cm_store_reader *reader = NULL;
	bool up = cm_store_read_begin(work->site->store, work->arena, &reader,
				      NULL) == CM_OK;

	if (up) {
		cm_metrics_set(metrics, CM_METRIC_STOP_WAITING,
			       cm_store_waiting(reader));
		cm_metrics_set(metrics, CM_METRIC_EVENTS,
			       cm_store_size(reader));
	}
	cm_metrics_set(metrics, CM_METRIC_STORE_UP, up);
	cm_store_read_end(&reader);
}

static void at_metrics(struct cm_work *work)
{
	struct cm_answer *answer = work->answer;

	if (work->site->metrics == NULL) {
		cm_work_invalid(work, "not-found");
		return;
	}
	measure_store(work);
	work->outcome = "shown";
	answer->status = 200;
	if (cm_metrics_write(work->site->metrics, &answer->page.body) !=
	    CM_OK) {
		cm_buf_reset(&answer->page.body);
		answer->status = 500;
	}
	add_header(answer, "Content-Type", CM_METRICS_TYPE);
}

/* An SVG may hold styles; scripts it may not run, nor load anything. */
static void at_logo(struct cm_work *work)
{
	const struct cm_logo *logo = work->site->logo;
	struct cm_answer *answer = work->answer;

	if (logo == NULL) {
		cm_work_invalid(work, "not-found");
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

static void at_none(struct cm_work *work)
{
	cm_work_invalid(work, "not-found");
}

static void dispatch(struct cm_work *work)
{
	static void (*const at[CM_PLACES])(struct cm_work * work) = {
		[CM_PLACE_TOKEN] = cm_way_out,
		[CM_PLACE_PREFERENCES] = cm_preferences,
		[CM_PLACE_NO_TOKEN] = at_no_token,
		[CM_PLACE_SUBSCRIBE] = cm_subscribe,
		[CM_PLACE_CONFIRM] = cm_confirm,
		[CM_PLACE_LOST] = cm_lost,
		[CM_PLACE_MY_DATA] = cm_my_data,
		[CM_PLACE_HEALTH] = at_health,
		[CM_PLACE_LOGO] = at_logo,
		[CM_PLACE_METRICS] = at_metrics,
		[CM_PLACE_API] = cm_api,
		[CM_PLACE_NONE] = at_none,
	};
	const struct cm_request *request = work->request;
	enum cm_place place = work->route.place;

	if (request->ambiguous) {
		work->outcome = "ambiguous";
		add_header(work->answer, "Connection", "close");
		set_text(work, 400, "Bad request\n");
		return;
	}
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
	if (work->method == CM_METHOD_POST && !request->body_too_long &&
	    place != CM_PLACE_API)
		cm_form_read(request->content_type, request->body, &work->form);
	at[place](work);
}

void cm_answer_make(struct cm_site *site, const struct cm_request *request,
		    int64_t now, struct cm_answer *answer)
{
	struct cm_work work = {
		.site = site,
		.request = request,
		.method = cm_method_of(request->method),
		.route = request->admin
				 ? cm_route_find_admin(request->url)
				 : cm_route_find(site->config->web_base_url,
						 request->url),
		.now = now,
		.client = cm_client_find(site->config, &request->peer,
					 request->forwarded_for,
					 request->forwarded),
		.answer = answer,
		.outcome = "none",
	};

	memset(answer, 0, sizeof(*answer));
	cm_page_init(&answer->page);
	answer->place = work.route.place;
	answer->method = work.method;
	add_common_headers(answer);
	cm_line_init(&work.line, cm_span("request"));
	cm_line_text(&work.line, "method", cm_method_name(work.method));
	cm_line_text(&work.line, "place", cm_place_name(work.route.place));
	if (cm_arena_new(CM_ANSWER_ARENA_MAX, &work.arena) == CM_OK)
		dispatch(&work);
	else
		set_text(&work, 503, "No memory\n");
	cm_line_int(&work.line, "status", answer->status);
	cm_line_text(&work.line, "outcome", work.outcome);
	/* A monitor asks for ever; what fails has a line of its own. */
	if (!work.quiet && !request->admin)
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
