/* See api.h. */
#include "web/api.h"

#include <stdio.h>
#include <string.h>

#include "web/failures.h"
#include "web/gate.h"

static const struct call {
	const char *name; /* of the place, below /api/v1/ */
	enum cm_api_right right;
	void (*run)(struct cm_api *api);
} calls[CM_API_CALLS] = {
	[CM_API_GRANTS] = {"grants", CM_API_GRANT, cm_api_grant},
	[CM_API_REQUESTS] = {"requests", CM_API_REQUEST, cm_api_request},
	[CM_API_WITHDRAWALS] = {"withdrawals", CM_API_WITHDRAW,
				cm_api_withdraw},
	[CM_API_LOOKUPS] = {"lookups", CM_API_LOOK_UP, cm_api_look_up},
};

/* ---- answers ------------------------------------------------------------ */

void cm_api_begin(struct cm_api *api, struct cm_json_writer *w)
{
	struct cm_buf *body = &api->work->answer->page.body;

	cm_buf_reset(body);
	cm_json_init(w, body, CM_JSON_COMPACT);
	cm_json_begin_object(w);
}

static void finish(struct cm_api *api, struct cm_json_writer *w, int status,
		   const char *type, const char *outcome)
{
	struct cm_work *work = api->work;

	cm_json_end(w);
	if (cm_json_done(w) != CM_OK) {
		cm_buf_reset(&work->answer->page.body);
		status = 500;
		outcome = "no-answer";
	}
	(void)cm_buf_addc(&work->answer->page.body, '\n');
	work->answer->status = status;
	work->outcome = outcome;
	cm_work_header(work, "Content-Type", type);
	cm_work_header(work, "Content-Security-Policy", "default-src 'none'");
}

void cm_api_finish(struct cm_api *api, struct cm_json_writer *w, int status,
		   const char *outcome)
{
	finish(api, w, status, "application/json", outcome);
}

/* RFC 9110, 15: RFC 9457 wants them as titles where there is no type. */
static const char *phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
	};
	size_t i;

	for (i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Internal Server Error";
}

void cm_api_problem(struct cm_api *api, int status, const char *code,
		    const char *field, const char *detail)
{
	struct cm_json_writer w;

	cm_api_begin(api, &w);
	cm_json_put_text(&w, "title", phrase(status));
	cm_json_put_int(&w, "status", status);
	cm_json_put_text(&w, "code", code);
	cm_json_put_text(&w, "detail", detail);
	if (field[0] != '\0') {
		cm_json_put_text(&w, "field", field);
		cm_line_text(&api->work->line, "field", field);
	}
	finish(api, &w, status, "application/problem+json", code);
}

void cm_api_tell_fault(struct cm_api *api)
{
	const struct cm_api_fault *fault = &api->fault;
	char detail[CM_API_FIELD_MAX + CM_ERROR_MAX + 8];

	(void)snprintf(detail, sizeof(detail), "%s%s%s", fault->field,
		       fault->field[0] != '\0' ? ": " : "", fault->err.text);
	cm_api_problem(api, fault->status, fault->code, fault->field, detail);
}

void cm_api_later(struct cm_api *api, const struct cm_error *err)
{
	struct cm_work *work = api->work;
	bool busy = err->code == CM_EAGAIN;

	cm_log_error(work->site->log, busy ? CM_LOG_WARNING : CM_LOG_ERROR,
		     "api", err);
	cm_work_header(work, "Retry-After", busy ? "5" : "120");
	cm_api_problem(api, 503, busy ? "busy" : "store-failed", "",
		       busy ? "the ledger cannot be written at this moment; "
			      "nothing was recorded: send the same again"
			    : "nothing can be recorded or read now; send the "
			      "same again");
}

/* ---- who calls ---------------------------------------------------------- */

/* RFC 6750, 2.1; the scheme's case does not matter (RFC 9110, 11.1). */
static struct cm_span bearer(struct cm_span field)
{
	static const char scheme[] = "Bearer ";

	if (!cm_span_starts(field, scheme))
		return cm_span_n("", 0);
	field.p += sizeof(scheme) - 1;
	field.n -= sizeof(scheme) - 1;
	return cm_span_trim(field);
}

/* One answer for none, a wrong one and one that was removed. */
static void refuse_key(struct cm_api *api)
{
	struct cm_work *work = api->work;
	unsigned count = cm_failures_count(&work->site->failures, api->network,
					   work->now);

	/* The first over the limit is told, so that the log says so. */
	work->quiet = count > CM_FAILURES_A_MINUTE + 1;
	if (count > CM_FAILURES_A_MINUTE) {
		cm_work_header(work, "Retry-After", "60");
		cm_api_problem(api, 429, "too-many-failures", "",
			       "too many calls without a key");
		return;
	}
	cm_work_header(work, "WWW-Authenticate", "Bearer");
	cm_api_problem(api, 401, "no-key", "",
		       "send the secret of a key, as Authorization: Bearer");
}

static bool find_key(struct cm_api *api)
{
	struct cm_work *work = api->work;

	api->key = cm_api_keys_find(work->site->api_keys,
				    bearer(work->request->authorization));
	if (api->key == NULL) {
		refuse_key(api);
		return false;
	}
	cm_line_text(&work->line, "key", api->key->name);
	return true;
}

static const struct call *find_call(struct cm_api *api)
{
	const struct cm_route *route = &api->work->route;
	struct cm_span name = cm_span_n(route->token, route->token_n);
	size_t i;

	for (i = 0; i < CM_API_CALLS; i++)
		if (cm_span_eq(name, cm_span(calls[i].name)))
			return &calls[i];
	cm_api_problem(api, 404, "no-such-call", "",
		       "there are grants, requests, withdrawals and lookups");
	return NULL;
}

/* ---- may they? ---------------------------------------------------------- */

static bool may_call(struct cm_api *api, const struct call *call)
{
	char detail[128];

	if (cm_api_key_may(api->key, call->right))
		return true;
	(void)snprintf(detail, sizeof(detail),
		       "this key does not have the right \"%s\"",
		       cm_api_right_name(call->right));
	cm_api_problem(api, 403, "right-missing", "", detail);
	return false;
}

static bool may_all_roots(struct cm_api *api)
{
	const struct cm_config *config = api->work->site->config;
	size_t i;

	for (i = 0; i < config->npurposes; i++)
		if (!cm_api_key_covers(api->key,
				       cm_span(config->purposes[i].path)))
			return false;
	return true;
}

static bool may_purposes(struct cm_api *api)
{
	char field[CM_API_FIELD_MAX];
	size_t i;

	for (i = 0; i < api->call.npurposes; i++) {
		struct cm_span path = cm_span(api->call.purposes[i]->path);

		if (cm_api_key_covers(api->key, path))
			continue;
		(void)snprintf(field, sizeof(field), "purposes/%zu", i);
		cm_api_problem(api, 403, "purpose-not-allowed", field,
			       "this key is not for that purpose");
		return false;
	}
	if (api->call.kind != CM_API_WITHDRAWALS || api->call.npurposes > 0 ||
	    may_all_roots(api))
		return true;
	cm_api_problem(api, 403, "purpose-not-allowed", "purposes",
		       "this key is not for every purpose: name those to "
		       "withdraw from");
	return false;
}

/* ---- the call ----------------------------------------------------------- */

/* "application/json", whatever parameters follow. */
static bool is_json(struct cm_span type)
{
	return cm_span_is(cm_span_trim(cm_span_cut(&type, ';')),
			  "application/json");
}

static bool read_body(struct cm_api *api, enum cm_api_call_kind kind)
{
	const struct cm_request *request = api->work->request;

	if (request->body_too_long) {
		cm_api_problem(api, 413, "too-long", "",
			       "a body has at most 64 KiB");
		return false;
	}
	if (!is_json(request->content_type)) {
		cm_api_problem(api, 415, "not-json", "",
			       "the Content-Type has to be application/json");
		return false;
	}
	if (cm_api_body_read(api->work->site->config, kind, request->body,
			     api->work->now, &api->call, &api->fault) == CM_OK)
		return true;
	cm_api_tell_fault(api);
	return false;
}

/* The address to ids; what is wrong with it never quotes more than its
 * domain. */
static bool find_person(struct cm_api *api)
{
	struct cm_work *work = api->work;
	const struct cm_key *key =
		cm_keys_current(work->site->keys, CM_KEY_STORE);
	struct cm_hmac *hmac = NULL;
	struct cm_error err;
	int rc = cm_hmac_new(key->bytes, key->len, &hmac, &err);

	if (rc == CM_OK)
		rc = cm_person_of(work->site->config, hmac, api->call.address,
				  &api->person, &err);
	cm_hmac_free(&hmac);
	if (rc == CM_OK) {
		cm_line_hex(&work->line, "contact", api->person.contact.b,
			    sizeof(api->person.contact.b));
		return true;
	}
	if (rc == CM_EDATA)
		cm_api_problem(api, 422, "bad-field", "address", err.text);
	else
		cm_api_later(api, &err);
	return false;
}

static void run(struct cm_api *api)
{
	const struct call *call;

	if (!find_key(api))
		return;
	call = find_call(api);
	if (call != NULL && may_call(api, call) &&
	    read_body(api, (enum cm_api_call_kind)(call - calls)) &&
	    may_purposes(api) && find_person(api))
		call->run(api);
}

void cm_api(struct cm_work *work)
{
	struct cm_api api = {.work = work};

	if (work->client.known)
		cm_client_network(&work->client, api.network);
	if (work->method == CM_METHOD_POST) {
		run(&api);
	} else {
		cm_work_header(work, "Allow", "POST, OPTIONS");
		cm_api_problem(
			&api, 405, "method", "",
			"every call is a POST, so that no address stands "
			"in a URL");
	}
	cm_api_call_free(&api.call);
}
