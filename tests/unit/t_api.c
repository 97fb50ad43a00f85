/*
 * api: each call and each way to get it wrong, without HTTP; what is recorded,
 * and by whom; nothing about the person in the log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/api_keys.h"
#include "tests/unit/answer_kit.h"
#include "web/api_body.h"

/* 2026-11-21T00:00:00Z */
#define NOW INT64_C(1795219200000)

#define ANNA   "\"address\":\"anna@example.org\""
#define NEWS   "\"purposes\":[\"acme/newsletter\"]"
#define SAYS   "\"source\":\"order\",\"at\":\"2026-11-20T10:00:00Z\""
#define NOTICE "\"notice\":\"Yes, send me news.\""
#define GRANT  "{" ANNA "," NEWS "," SAYS "," NOTICE "}"

struct api {
	struct fixture *f;
	struct cm_queue *queue; /* not the site's: no mail section */
	struct cm_api_keys *keys;
	char secret[CM_API_SECRET_LEN + 1];
	int64_t now;
};

/* A key by which the next calls come. */
static void use_key(struct api *api, const char *name, unsigned rights,
		    const char *purpose)
{
	struct cm_api_key key = {.rights = rights};
	struct cm_error err;

	(void)snprintf(key.name, sizeof(key.name), "%s", name);
	if (purpose != NULL)
		key.purposes[key.npurposes++] = cm_span(purpose);
	if (cm_api_keys_add(api->f->kit.keys_path, &key, NOW, (gid_t)-1,
			    api->secret, &err) != CM_OK)
		fail_msg("%s", err.text);
	cm_api_keys_free(&api->keys);
	if (cm_api_keys_open(api->f->kit.keys_path, &api->keys, &err) != CM_OK)
		fail_msg("%s", err.text);
	api->f->site.api_keys = api->keys;
}

static int set_up(void **state)
{
	struct api *api = calloc(1, sizeof(*api));
	void *f;

	assert_non_null(api);
	assert_int_equal(web_set_up(&f), 0);
	api->f = f;
	api->now = NOW;
	api->queue = api->f->site.queue;
	api->f->site.queue = NULL;
	use_key(api, "shop", (1U << CM_API_RIGHTS) - 1, NULL);
	*state = api;
	return 0;
}

static int tear_down(void **state)
{
	struct api *api = *state;
	void *f = api->f;

	api->f->site.queue = api->queue;
	cm_api_keys_free(&api->keys);
	(void)web_tear_down(&f);
	free(api);
	return 0;
}

/* ---- asking ------------------------------------------------------------- */

static struct cm_request request_of(const char *url, const char *authorization,
				    struct cm_span body)
{
	struct cm_request request = {
		.method = "POST",
		.url = cm_span(url),
		.content_type = cm_span("application/json; charset=utf-8"),
		.authorization = cm_span(authorization),
		.body = body,
		.peer = {.known = true, .address = {[15] = 1}},
	};

	return request;
}

static void ask_span(struct api *api, const char *call, struct cm_span body,
		     struct cm_answer *answer)
{
	char url[64], authorization[96];
	struct cm_request request;

	(void)snprintf(url, sizeof(url), "/api/v1/%s", call);
	(void)snprintf(authorization, sizeof(authorization), "Bearer %s",
		       api->secret);
	request = request_of(url, authorization, body);
	cm_answer_make(&api->f->site, &request, api->now, answer);
}

static void assert_told(const struct cm_answer *answer, const char *what,
			int status, const char *says)
{
	const char *body = cm_buf_text(&answer->page.body);

	if (answer->status != status || strstr(body, says) == NULL)
		fail_msg("%s: %d, want %d and %s:\n%s", what, answer->status,
			 status, says, body);
	assert_string_equal(web_header(answer, "Content-Type"),
			    status < 300 ? "application/json"
					 : "application/problem+json");
	assert_string_equal(web_header(answer, "Cache-Control"), "no-store");
}

static void call(struct api *api, const char *name, const char *body,
		 int status, const char *says)
{
	struct cm_answer answer;

	ask_span(api, name, cm_span(body), &answer);
	assert_told(&answer, body, status, says);
	cm_answer_free(&answer);
}

/* ---- bodies ------------------------------------------------------------- */

static const struct {
	const char *call, *body;
	int status;
	const char *says;
} bad[] = {
	{"grants", "", 400, "not-json"},
	{"grants", "{", 400, "not-json"},
	{"grants", "[]", 400, "has to be a JSON object"},
	{"grants", "null", 400, "has to be a JSON object"},
	{"grants", GRANT "x", 400, "not-json"},
	{"grants", "{" ANNA "," ANNA "}", 400, "not-json"},
	{"grants", "{\"address\":\"\\u0000@x\"}", 400, "not-json"},
	{"grants", "{\"address\":\"\xff@x\"}", 400, "not-json"},
	{"grants", "{" ANNA ",\"at\":1.5}", 400, "not-json"},
	{"grants", "{}", 422, "\"field\":\"address\""},
	{"grants", "{\"address\":7}", 422, "address: has to be a text"},
	{"grants", "{" ANNA "}", 422, "purposes: has to be given"},
	{"grants", "{" ANNA "," NEWS "}", 422, "source: has to be given"},
	{"grants", "{" ANNA "," NEWS ",\"source\":\"order\"}", 422,
	 "at: has to be given"},
	{"grants", "{" ANNA "," NEWS "," SAYS "}", 422, "what were they shown"},
	{"grants", "{" ANNA ",\"purposes\":\"acme\"}", 422,
	 "purposes: has to be an array"},
	{"grants", "{" ANNA ",\"purposes\":[]}", 422, "one to 32"},
	{"grants", "{" ANNA ",\"purposes\":[\"acme\",3]}", 422, "purposes/1"},
	{"grants", "{" ANNA ",\"purposes\":[\"acme\",\"acme\"]}", 422,
	 "stands twice"},
	{"grants", "{" ANNA ",\"purposes\":[\"acme/newsleter\"]}", 422,
	 "did you mean \\\"acme/newsletter\\\"?"},
	{"grants", "{" ANNA ",\"purposes\":[\"acme/newsleter\"]}", 422,
	 "\"code\":\"unknown-purpose\""},
	{"grants", "{" ANNA ",\"purpose\":\"acme\"}", 422,
	 "did you mean \\\"purposes\\\"?"},
	{"grants", "{" ANNA ",\"confirmed\":true}", 422, "unknown-field"},
	{"grants", "{\"source\":\"web-from\"}", 422,
	 "did you mean \\\"web-form\\\"?"},
	{"grants", "{\"source\":\"Web Form\"}", 422, "letters a-z"},
	{"grants", "{\"source\":\"\"}", 422, "may not rest on"},
	{"grants", "{\"source\":\"purchased\"}", 422, "may not rest on"},
	{"grants", "{\"source\":\"unknown\"}", 422, "may not rest on"},
	{"grants", "{\"at\":\"yesterday\"}", 422, "is no time as"},
	{"grants", "{\"at\":\"2026-11-20\"}", 422, "is no time as"},
	{"grants", "{\"at\":\"1970-01-01T00:00:00Z\"}", 422, "is no time as"},
	{"grants", "{\"at\":\"2026-11-21T00:01:01Z\"}", 422, "is yet to come"},
	{"grants", "{\"at\":1795212000}", 422, "at: has to be a text"},
	{"grants", "{\"basis\":\"legitimate-interest\"}", 422,
	 "is not a basis"},
	{"grants", "{\"language\":\"Czech!\"}", 422, "language: language"},
	{"grants", "{\"notice\":\"\"}", 422, "has 0 octets"},
	{"grants", "{\"notice_sha256\":\"12\"}", 422, "64 hex digits"},
	{"grants", "{\"sale_date\":\"2026-13-01\"}", 422, "is no date as"},
	{"grants", "{\"sale_date\":\"2026-11-22\"}", 422, "is yet to come"},
	{"grants", "{\"seller\":\"a\\nb\"}", 422, "is not printable"},
	{"grants", "{\"opt_out_offered\":\"yes\"}", 422,
	 "has to be true or false"},
	{"grants", "{\"evidence\":[]}", 422, "evidence: has to be an object"},
	{"grants", "{\"evidence\":{\"a\":{}}}", 422, "has to be a text, an"},
	{"grants", "{\"evidence\":{\"A b\":1}}", 422, "cannot be a name"},
	{"grants", "{\"evidence\":{\"\":1}}", 422, "cannot be a name"},
	{"grants", "{\"evidence\":{\"api_key\":\"x\"}}", 422,
	 "put there by us"},
	{"grants", "{\"address\":\"anna\"," NEWS "," SAYS "," NOTICE "}", 422,
	 "\"field\":\"address\""},
	{"grants",
	 "{" ANNA "," NEWS "," SAYS ",\"notice\":\"I, Anna@Example.org, "
	 "agree\"}",
	 422, "it holds the address"},
	{"grants",
	 "{" ANNA "," NEWS "," SAYS "," NOTICE ",\"notice_sha256\":\""
	 "0000000000000000000000000000000000000000000000000000000000000000\"}",
	 422, "not both"},
	{"grants",
	 "{" ANNA "," NEWS "," SAYS ",\"notice_sha256\":\""
	 "0000000000000000000000000000000000000000000000000000000000000000\"}",
	 422, "no text with this hash is kept"},
	{"withdrawals", "{" ANNA ",\"at\":\"2026-11-20T10:00:00Z\"}", 422,
	 "unknown-field"},
	{"withdrawals", "{" ANNA ",\"purposes\":[]}", 422, "one to 32"},
	{"lookups", "{" ANNA ",\"purposes\":[\"acme\"]}", 422, "unknown-field"},
	{"lookups", "{\"address\":\"@\"}", 422, "\"field\":\"address\""},
	{"requests", "{" ANNA "," NEWS ",\"source\":\"order\"," NOTICE "}", 501,
	 "no-mail"},
	{"requests", "{" ANNA "," NEWS "," SAYS "}", 422, "unknown-field"},
	{"nothing", GRANT, 404, "no-such-call"},
	{"", GRANT, 404, "no-such-call"},
};

static void test_bad_bodies(void **state)
{
	struct api *api = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		call(api, bad[i].call, bad[i].body, bad[i].status, bad[i].says);
	assert_int_equal(web_counts(api->f).events, 0);
	assert_int_equal(web_counts(api->f).stop_pending, 0);
	assert_null(strstr(cm_buf_text(&api->f->log), "anna"));
	assert_null(strstr(cm_buf_text(&api->f->log), "newsleter"));
}

static void test_long_bodies(void **state)
{
	struct api *api = *state;
	size_t n = CM_API_BODY_MAX + 1;
	char *body = malloc(n);
	struct cm_request request;
	struct cm_answer answer;
	char authorization[96];

	assert_non_null(body);
	memset(body, ' ', n);
	memcpy(body, GRANT, strlen(GRANT));
	ask_span(api, "grants", cm_span_n(body, n), &answer);
	assert_told(&answer, "too long for JSON", 400, "not-json");
	cm_answer_free(&answer);
	(void)snprintf(authorization, sizeof(authorization), "Bearer %s",
		       api->secret);
	request = request_of("/api/v1/grants", authorization,
			     cm_span_n(body, n - 1));
	request.body_too_long = true;
	cm_answer_make(&api->f->site, &request, api->now, &answer);
	assert_told(&answer, "too long", 413, "at most 64 KiB");
	cm_answer_free(&answer);
	ask_span(api, "grants", cm_span_n(body, n - 1), &answer);
	assert_told(&answer, "long", 200, "\"recorded\":1");
	cm_answer_free(&answer);
	assert_int_equal(cm_answer_body_max(&api->f->site, "/api/v1/grants"),
			 CM_API_BODY_MAX);
	assert_int_equal(cm_answer_body_max(&api->f->site, "/u/x"),
			 CM_FORM_MAX);
	free(body);
}

/* ---- keys --------------------------------------------------------------- */

static void ask_as(struct api *api, const char *method, const char *type,
		   const char *authorization, int status, const char *says)
{
	struct cm_request request = request_of("/api/v1/lookups", authorization,
					       cm_span("{" ANNA "}"));
	struct cm_answer answer;

	request.method = method;
	request.content_type = cm_span(type);
	cm_answer_make(&api->f->site, &request, api->now, &answer);
	assert_told(&answer, authorization, status, says);
	if (status == 401)
		assert_string_equal(web_header(&answer, "WWW-Authenticate"),
				    "Bearer");
	if (status == 405)
		assert_string_equal(web_header(&answer, "Allow"),
				    "POST, OPTIONS");
	cm_answer_free(&answer);
}

/* Wrong, none, cut, of another scheme: one answer for all. */
static void test_who(void **state)
{
	static const char json[] = "application/json";
	struct api *api = *state;
	char text[128];
	char cut[128];

	(void)snprintf(text, sizeof(text), "bearer  %s ", api->secret);
	ask_as(api, "POST", json, text, 200, "\"known\":false");
	ask_as(api, "POST", "text/plain", text, 415, "application/json");
	ask_as(api, "POST", "", text, 415, "application/json");
	ask_as(api, "GET", json, text, 405, "every call is a POST");
	ask_as(api, "DELETE", json, text, 405, "every call is a POST");
	(void)snprintf(text, sizeof(text), "Bearer %s", api->secret);
	(void)snprintf(cut, sizeof(cut), "Bearer %.*s", CM_API_SECRET_LEN - 1,
		       api->secret);
	ask_as(api, "POST", json, cut, 401, "no-key");
	ask_as(api, "POST", json, "", 401, "no-key");
	ask_as(api, "POST", json, "Bearer ", 401, "no-key");
	ask_as(api, "POST", json, api->secret, 401, "no-key");
	text[0] = 'X';
	ask_as(api, "POST", json, text, 401, "no-key");
	assert_null(strstr(cm_buf_text(&api->f->log), api->secret));
	assert_non_null(strstr(cm_buf_text(&api->f->log), "key=shop"));
}

/* Over the limit strangers are sent away unlogged; who has a key never is. */
static void test_strangers(void **state)
{
	struct api *api = *state;
	size_t logged;
	int i;

	for (i = 0; i < CM_FAILURES_A_MINUTE; i++)
		ask_as(api, "POST", "application/json", "Bearer x", 401,
		       "no-key");
	ask_as(api, "POST", "application/json", "Bearer x", 429,
	       "too-many-failures");
	logged = api->f->log.len;
	for (i = 0; i < 100; i++)
		ask_as(api, "POST", "application/json", "Bearer x", 429,
		       "too-many-failures");
	assert_int_equal(api->f->log.len, logged);
	call(api, "lookups", "{" ANNA "}", 200, "\"known\":false");
	api->now += 60 * CM_SECOND_MS;
	ask_as(api, "POST", "application/json", "Bearer x", 401, "no-key");
}

/* Each right opens its call and no other. */
static void test_rights(void **state)
{
	static const struct {
		const char *call, *body;
		enum cm_api_right right;
		int status;
	} calls[] = {
		{"grants", GRANT, CM_API_GRANT, 200},
		{"requests",
		 "{" ANNA "," NEWS ",\"source\":\"order\"," NOTICE "}",
		 CM_API_REQUEST, 501},
		{"withdrawals", "{" ANNA "}", CM_API_WITHDRAW, 200},
		{"lookups", "{" ANNA "}", CM_API_LOOK_UP, 200},
	};
	struct api *api = *state;
	char name[8];
	size_t i;
	int right;

	for (right = 0; right < CM_API_RIGHTS; right++) {
		(void)snprintf(name, sizeof(name), "k%d", right);
		use_key(api, name, 1U << right, NULL);
		for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			bool may = (int)calls[i].right == right;

			call(api, calls[i].call, calls[i].body,
			     may ? calls[i].status : 403,
			     may ? "" : "right-missing");
		}
	}
}

/* A key for one purpose and what is below it. */
static void test_purposes_of_a_key(void **state)
{
	struct api *api = *state;
	struct cm_answer answer;

	use_key(api, "news", (1U << CM_API_RIGHTS) - 1, "acme/newsletter");
	call(api, "grants", GRANT, 200, "\"recorded\":1");
	call(api, "grants",
	     "{" ANNA
	     ",\"purposes\":[\"acme/newsletter\",\"acme/offers\"]," SAYS
	     "," NOTICE "}",
	     403, "\"field\":\"purposes/1\"");
	call(api, "grants",
	     "{" ANNA ",\"purposes\":[\"acme\"]," SAYS "," NOTICE "}", 403,
	     "purpose-not-allowed");
	call(api, "withdrawals", "{" ANNA "}", 403, "name those");
	call(api, "withdrawals", "{" ANNA "," NEWS "}", 200, "\"recorded\":1");
	ask_span(api, "lookups", cm_span("{" ANNA "}"), &answer);
	assert_told(&answer, "", 200, "acme/newsletter");
	assert_null(strstr(cm_buf_text(&answer.page.body), "acme/offers"));
	cm_answer_free(&answer);
}

/* ---- what is recorded --------------------------------------------------- */

static void read_event(struct api *api, uint64_t seq, struct cm_event *event)
{
	struct cm_store_reader *reader = NULL;
	struct cm_error err;
	struct cm_span json;

	assert_int_equal(cm_store_read_begin(api->f->kit.store,
					     api->f->kit.arena, &reader, &err),
			 CM_OK);
	assert_int_equal(cm_store_event(reader, seq, &json, &err), CM_OK);
	assert_int_equal(cm_event_decode(json, event, &err), CM_OK);
	cm_store_read_end(&reader);
}

static const char *evidence_of(struct api *api, uint64_t seq)
{
	struct cm_error err;
	struct cm_span text;

	if (cm_store_evidence(api->f->kit.store, seq, api->f->kit.arena, &text,
			      &err) != CM_OK)
		fail_msg("%s", err.text);
	return cm_arena_printf(api->f->kit.arena, "%.*s", (int)text.n, text.p);
}

/* Whose word it is: never the person's own; and what it rests on. */
static void test_grant(void **state)
{
	struct api *api = *state;
	struct cm_event event;

	call(api, "grants",
	     "{" ANNA ",\"purposes\":[\"acme/newsletter\",\"acme/offers\"],"
	     "\"language\":\"cs\"," SAYS "," NOTICE
	     ",\"evidence\":{\"order\":4711,\"z\":true,\"a\":\"\xc5\x99\"}}",
	     200, "\"recorded\":2");
	assert_int_equal(web_counts(api->f).events, 2);
	read_event(api, 1, &event);
	assert_int_equal(event.type, CM_EVENT_GRANTED);
	assert_int_equal(event.actor, CM_ACTOR_ADMIN);
	assert_string_equal(event.who, "shop");
	assert_string_equal(event.channel, "api");
	assert_string_equal(event.purpose, "acme/offers");
	assert_string_equal(event.source, "order");
	assert_string_equal(event.language, "cs");
	assert_int_equal(event.at, NOW - 14 * 3600 * 1000);
	assert_true(event.has_notice && cm_event_is_proven(&event));
	assert_non_null(strstr(evidence_of(api, 1),
			       "{\"a\":\"\xc5\x99\",\"api_key\":\"shop\","
			       "\"network\":\"::/48\","
			       "\"order\":4711,\"z\":true}"));
	call(api, "lookups", "{" ANNA "}", 200,
	     "\"acme/newsletter\":{\"state\":\"consent\",\"allowed\":true");
}

/* The same again is not recorded twice; a later time is. */
static void test_again(void **state)
{
	struct api *api = *state;

	call(api, "grants", GRANT, 200, "\"recorded\":1");
	call(api, "grants", GRANT, 200, "\"recorded\":0");
	call(api, "grants",
	     "{" ANNA "," NEWS ",\"source\":\"order\",\"at\":"
	     "\"2026-11-21T00:00:30Z\",\"notice_sha256\":\""
	     "84a16a2db4d77dbe1dbf0d1ee7e09e2a6c5f3b8b6d3a1a5ee8a3a6dc35b4a6f0"
	     "\"}",
	     422, "no text with this hash");
	call(api, "grants",
	     "{" ANNA "," NEWS ",\"source\":\"order\",\"at\":"
	     "\"2026-11-21T00:00:30Z\"," NOTICE "}",
	     200, "\"recorded\":1");
	assert_int_equal(web_counts(api->f).events, 2);
}

static void happen(struct api *api, enum cm_event_type type, int64_t now)
{
	struct cm_event event =
		kit_event(&api->f->kit, "anna@example.org", type);

	if (type != CM_EVENT_WITHDRAWN)
		event.purpose[0] = '\0';
	(void)kit_append(&api->f->kit, &event, now);
}

/* Design 5, rules 2 and 4: evidence newer than the withdrawal; and the marks
 * that only the person lifts, whatever the evidence. */
static void test_refusals_stand(void **state)
{
	static const enum cm_event_type marks[] = {
		CM_EVENT_RESTRICTED, CM_EVENT_COMPLAINED, CM_EVENT_OBJECTED};
	static const char *const codes[] = {"restricted", "complained",
					    "objected"};
	struct api *api = *state;
	char says[64];
	size_t i;

	happen(api, CM_EVENT_WITHDRAWN, NOW - 20 * 3600 * 1000);
	call(api, "grants", GRANT, 200, "\"allowed\":true");
	happen(api, CM_EVENT_WITHDRAWN, NOW - 3600 * 1000);
	call(api, "grants",
	     "{" ANNA "," NEWS ",\"source\":\"phone\",\"at\":"
	     "\"2026-11-20T22:00:00Z\"," NOTICE "}",
	     409, "\"code\":\"withdrawn\"");
	call(api, "grants",
	     "{" ANNA
	     ",\"purposes\":[\"acme/offers\",\"acme/newsletter\"]," SAYS
	     "," NOTICE ",\"basis\":\"soft-opt-in\"}",
	     409, "\"field\":\"purposes/1\"");
	call(api, "grants",
	     "{" ANNA "," NEWS ",\"source\":\"phone\",\"at\":"
	     "\"2026-11-20T23:30:00Z\"," NOTICE "}",
	     200, "\"allowed\":true");
	assert_int_equal(web_counts(api->f).events, 4);
	for (i = 0; i < 3; i++) {
		happen(api, marks[i], NOW + (int64_t)i);
		(void)snprintf(says, sizeof(says), "\"code\":\"%s\"", codes[i]);
		api->now = NOW + 3600 * 1000;
		call(api, "grants",
		     "{" ANNA "," NEWS ",\"source\":\"phone\",\"at\":"
		     "\"2026-11-21T00:59:00Z\"," NOTICE "}",
		     409, says);
	}
	assert_int_equal(web_counts(api->f).events, 7);
}

static void test_withdraw(void **state)
{
	struct api *api = *state;
	struct cm_event event;
	size_t count;

	call(api, "grants", GRANT, 200, "\"allowed\":true");
	call(api, "withdrawals",
	     "{" ANNA "," NEWS ",\"evidence\":{\"ticket\":9}}", 200,
	     "\"recorded\":1");
	assert_int_equal(api->f->told, 1);
	call(api, "withdrawals", "{" ANNA "," NEWS "}", 200, "\"recorded\":0");
	call(api, "withdrawals", "{" ANNA "}", 200, "\"recorded\":1");
	call(api, "withdrawals", "{" ANNA "}", 200, "\"recorded\":0");
	call(api, "lookups", "{" ANNA "}", 200, "\"state\":\"withdrawn\"");
	assert_true(is_withdrawn(api->f, "anna@example.org", "acme"));
	assert_int_equal(
		cm_store_fold_stop(api->f->kit.store, api->now, &count, NULL),
		CM_OK);
	read_event(api, 1, &event);
	assert_int_equal(event.actor, CM_ACTOR_ADMIN);
	assert_string_equal(event.who, "shop");
	/* Of one instant: in no order. */
	assert_true((strstr(evidence_of(api, 1), "\"ticket\":9") != NULL) !=
		    (strstr(evidence_of(api, 2), "\"ticket\":9") != NULL));
	/* Nobody ever heard of them: refused from now on all the same. */
	call(api, "withdrawals", "{\"address\":\"bob@example.org\"}", 200,
	     "\"recorded\":1");
	assert_true(is_withdrawn(api->f, "bob@example.org", "acme"));
}

static void test_long_evidence(void **state)
{
	struct api *api = *state;
	char body[4096];
	char text[2100];

	memset(text, 'x', sizeof(text));
	text[1100] = '\0';
	(void)snprintf(body, sizeof(body),
		       "{" ANNA ",\"evidence\":{\"t\":\"%s\"}}", text);
	call(api, "withdrawals", body, 422, "more than the 1024 octets");
	(void)snprintf(body, sizeof(body),
		       "{" ANNA "," NEWS "," SAYS "," NOTICE
		       ",\"evidence\":{\"t\":\"%s\"}}",
		       text);
	call(api, "grants", body, 200, "\"recorded\":1");
	text[1100] = 'x';
	text[2090] = '\0';
	(void)snprintf(body, sizeof(body),
		       "{" ANNA "," NEWS "," SAYS "," NOTICE
		       ",\"evidence\":{\"t\":\"%s\"}}",
		       text);
	call(api, "grants", body, 422, "more than the 2048 octets");
}

/* The terms of a soft opt-in come as an import has them. */
static void test_terms(void **state)
{
	struct api *api = *state;
	struct cm_event event;

	call(api, "grants",
	     "{" ANNA "," NEWS "," SAYS "," NOTICE
	     ",\"basis\":\"soft-opt-in\",\"seller\":\"Acme GmbH\",\"sale_ref\":"
	     "\"4711\",\"sale_date\":\"2026-11-01\",\"product_category\":"
	     "\"bicycles\",\"opt_out_offered\":true,\"controller\":\"acme\","
	     "\"contract_end\":\"2027-01-01T00:00:00+01:00\"}",
	     200, "\"recorded\":1");
	read_event(api, 0, &event);
	assert_int_equal(event.basis, CM_BASIS_SOFT_OPT_IN);
	assert_true(event.has_sale_ref && event.optout == CM_SAID_YES);
	assert_int_equal(event.sold, NOW - 20 * CM_DAY_MS);
	assert_true(event.ended > NOW);
	assert_string_equal(event.category, "bicycles");
	assert_non_null(strstr(evidence_of(api, 0), "\"sale_ref\":\"4711\""));
}

/* ---- requests ------------------------------------------------------------ */

#define ASK                                                                    \
	",\"purposes\":[\"acme/offers\",\"acme/newsletter\"],\"language\":"    \
	"\"cs\",\"source\":\"order\"," NOTICE ",\"evidence\":{\"n\":7}}"

/* DOI-4: known, unknown or refused, it is one act and the same answer. */
static void test_request(void **state)
{
	static const char *const bodies[] = {
		"{\"address\":\"new@example.org\"" ASK,
		"{\"address\":\"Anna <anna@example.org>\"" ASK,
		"{\"address\":\"gone@example.org\"" ASK,
	};
	struct api *api = *state;
	uint64_t number = 0;
	struct cm_answer answer;
	struct cm_act act;
	size_t i;

	api->f->site.queue = api->queue;
	call(api, "grants", GRANT, 200, "\"recorded\":1");
	call(api, "withdrawals", "{\"address\":\"gone@example.org\"}", 200, "");
	for (i = 0; i < 3; i++) {
		ask_span(api, "requests", cm_span(bodies[i]), &answer);
		assert_told(&answer, bodies[i], 202, "");
		assert_string_equal(cm_buf_text(&answer.page.body),
				    "{\"status\":\"asked\"}\n");
		cm_answer_free(&answer);
		assert_int_equal(cm_queue_take(api->queue, number,
					       api->f->kit.arena, &number, &act,
					       NULL),
				 CM_OK);
		assert_int_equal(act.kind, CM_ACT_REQUEST);
		assert_int_equal(act.at, NOW);
		assert_int_equal(act.npurposes, 2);
		assert_true(cm_span_is(act.purposes[0], "acme/offers"));
		assert_true(cm_span_is(act.language, "cs"));
		assert_true(cm_span_is(act.source, "order"));
		assert_true(cm_span_is(act.channel, "api"));
		assert_true(act.has_notice);
		assert_true(cm_span_is(act.evidence,
				       "{\"api_key\":\"shop\",\"n\":7,"
				       "\"network\":\"::/48\"}"));
	}
	assert_true(cm_span_is(act.address, "gone@example.org"));
	assert_int_equal(api->f->asked, 3);
	assert_int_equal(web_counts(api->f).events, 1);
}

/* ---- the ledger is held ------------------------------------------------- */

static void test_held(void **state)
{
	struct api *api = *state;
	struct cm_gate *gate = &api->f->site.gate;
	struct cm_answer answer;

	assert_int_equal(cm_gate_enter(gate, NULL), CM_OK);
	cm_gate_leave(gate, true);
	ask_span(api, "grants", cm_span(GRANT), &answer);
	assert_told(&answer, GRANT, 503, "\"code\":\"busy\"");
	assert_string_equal(web_header(&answer, "Retry-After"), "5");
	cm_answer_free(&answer);
	assert_int_equal(web_counts(api->f).events, 0);
	call(api, "withdrawals", "{" ANNA "}", 200, "\"recorded\":1");
	call(api, "lookups", "{" ANNA "}", 200, "\"state\":\"withdrawn\"");
	gate->closed_until = 0;
	call(api, "grants", "{" ANNA "," NEWS "," SAYS "," NOTICE "}", 409,
	     "withdrawn");
}

int main(void)
{
#define API(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		API(test_bad_bodies),
		API(test_long_bodies),
		API(test_who),
		API(test_strangers),
		API(test_rights),
		API(test_purposes_of_a_key),
		API(test_grant),
		API(test_again),
		API(test_refusals_stand),
		API(test_withdraw),
		API(test_long_evidence),
		API(test_terms),
		API(test_request),
		API(test_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
