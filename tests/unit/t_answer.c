/*
 * answer: requests to consent-web over a real store, without HTTP: who may
 * withdraw what, when something is written, and what people see.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "policy/token.h"
#include "web/fold.h"

#include "tests/unit/answer_kit.h"

/* R8058-3, R8058-13: one click withdraws, the next ones change nothing. */
static void one_click_withdraws_once(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	int i;

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	for (i = 0; i < 5; i++)
		assert_answer(f, "POST", link.url, ONE_CLICK, 200,
			      "Hotovo: „Zpravodaj Acme“");
	assert_true(is_withdrawn(f, PETR, KIT_PURPOSE));
	assert_int_equal(web_counts(f).stop_pending, 1);
	assert_int_equal(f->told, 1);
	assert_non_null(strstr(cm_buf_text(&f->log),
			       "purpose=acme/newsletter channel=one-click "
			       "status=200 outcome=withdrawn"));
	assert_non_null(strstr(cm_buf_text(&f->log), "outcome=already"));
}

/* The same where contact and family differ. */
static void one_click_withdraws_once_with_a_tag(void **state)
{
	struct fixture *f = *state;
	const char *address = "anna+shop@gmail.com";
	struct link link =
		link_of(f, CM_KEY_HEADER, address, KIT_PURPOSE, TODAY);
	int i;

	web_grant(f, address, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	for (i = 0; i < 5; i++)
		assert_answer(f, "POST", link.url, ONE_CLICK, 200, "");
	assert_true(is_withdrawn(f, address, KIT_PURPOSE));
	assert_int_equal(web_counts(f).stop_pending, 1);
	assert_int_equal(f->told, 1);
}

enum { TWINS = 8 };

struct twin {
	struct fixture *f;
	const char *url;
	int bad;
};

static void *post_often(void *ctx)
{
	struct twin *twin = ctx;
	int i;

	for (i = 0; i < 20; i++) {
		struct cm_answer answer;

		web_ask(twin->f, "POST", twin->url, ONE_CLICK, NULL, &answer);
		twin->bad += answer.status != 200;
		cm_answer_free(&answer);
	}
	return NULL;
}

/* R8058-13: providers send twins at the same moment; still one event. */
static void twins_make_one_event(void **state)
{
	struct fixture *f = *state;
	struct link petr = petrs_link(f);
	struct link anna = link_of(f, CM_KEY_HEADER, "anna@example.com",
				   KIT_PURPOSE, TODAY);
	struct twin twins[TWINS];
	pthread_t threads[TWINS];
	int i;

	cm_log_free(&f->site.log); /* the test's log is for one thread */
	f->site.withdrawn = NULL;
	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	for (i = 0; i < TWINS; i++) {
		twins[i].f = f;
		twins[i].url = i % 2 ? petr.url : anna.url;
		twins[i].bad = 0;
		assert_int_equal(pthread_create(&threads[i], NULL, post_often,
						&twins[i]),
				 0);
	}
	for (i = 0; i < TWINS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(twins[i].bad, 0);
	}
	assert_int_equal(web_counts(f).stop_pending, 2);
}

/* The event says who did it, by which way, and for which family. */
static void the_event_says_person_and_channel(void **state)
{
	static const struct {
		const char *body, *channel;
	} cases[] = {{ONE_CLICK, "one-click"}, {BUTTON, "page"}};
	struct fixture *f = *state;
	const char *address = "anna+shop@gmail.com";
	struct link link =
		link_of(f, CM_KEY_FOOTER, address, "acme/offers", TODAY);
	struct cm_id contact, family;
	size_t i, count;

	kit_ids(&f->kit, address, &contact, &family);
	for (i = 0; i < 2; i++) {
		struct cm_store_reader *reader;
		struct cm_event event;
		struct cm_error err;
		struct cm_span json;
		uint64_t *seqs;

		web_grant(f, address, "acme/offers", KIT_NOW);
		assert_answer(f, "POST", link.url, cases[i].body, 200, "");
		assert_int_equal(
			cm_store_fold_stop(f->kit.store, KIT_NOW, &count, &err),
			CM_OK);
		assert_int_equal(count, 1);
		assert_int_equal(cm_store_read_begin(f->kit.store, f->kit.arena,
						     &reader, &err),
				 CM_OK);
		assert_int_equal(cm_store_events_of(reader, &contact, &seqs,
						    &count, &err),
				 CM_OK);
		assert_int_equal(count, 2 * i + 2);
		assert_int_equal(
			cm_store_event(reader, seqs[count - 1], &json, &err),
			CM_OK);
		assert_int_equal(cm_event_decode(json, &event, &err), CM_OK);
		cm_store_read_end(&reader);
		assert_int_equal(event.type, CM_EVENT_WITHDRAWN);
		assert_int_equal(event.actor, CM_ACTOR_PERSON);
		assert_string_equal(event.purpose, "acme/offers");
		assert_string_equal(event.channel, cases[i].channel);
		assert_memory_equal(&event.family, &family, sizeof(family));
	}
	kit_verify(&f->kit, true);
}

/* R8058-8: reading changes nothing, however often. */
static void reading_never_writes(void **state)
{
	static const char *const methods[] = {
		"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"};
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct cm_store_counts before, after;
	struct cm_answer answer;
	size_t i;
	int n;

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	before = web_counts(f);
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		for (n = 0; n < 100; n++) {
			web_ask(f, methods[i], link.url, ONE_CLICK, NULL,
				&answer);
			assert_int_equal(answer.status, i < 2    ? 200
							: i == 2 ? 204
								 : 405);
			cm_answer_free(&answer);
		}
	after = web_counts(f);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_false(is_withdrawn(f, PETR, KIT_PURPOSE));
	assert_int_equal(f->told, 0);
}

/* R8058-4, R8058-13: forged, foreign, unknown: one answer, no write. */
static void whatever_is_not_ours_gets_one_answer(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct link other =
		link_of(f, CM_KEY_CONFIRM, PETR, KIT_PURPOSE, TODAY);
	struct link gone =
		link_of(f, CM_KEY_HEADER, PETR, "acme/unheard-of", TODAY);
	const char *const urls[] = {other.url,   gone.url,     "/u/x",
				    "/nowhere",  "/",          "/u/a/b",
				    "/u/%00%00", "/robots.txt"};
	struct cm_answer want, answer;
	size_t i;

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	web_ask(f, "GET", "/u/forged", "", NULL, &want);
	assert_int_equal(want.status, 404);
	assert_non_null(strstr(cm_buf_text(&want.page.body),
			       "This link does not work"));
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		web_ask(f, i % 2 ? "GET" : "POST", urls[i], ONE_CLICK, NULL,
			&answer);
		assert_int_equal(answer.status, 404);
		assert_string_equal(cm_buf_text(&answer.page.body),
				    cm_buf_text(&want.page.body));
		assert_int_equal(answer.nheaders, want.nheaders);
		cm_answer_free(&answer);
	}
	for (i = 3; link.url[i] != '\0'; i++) {
		char was = link.url[i];

		link.url[i] = was == 'A' ? 'B' : 'A';
		web_ask(f, "POST", link.url, ONE_CLICK, NULL, &answer);
		assert_int_equal(answer.status, 404);
		assert_string_equal(cm_buf_text(&answer.page.body),
				    cm_buf_text(&want.page.body));
		cm_answer_free(&answer);
		link.url[i] = was;
	}
	cm_answer_free(&want);
	assert_int_equal(web_counts(f).stop_pending, 0);
	assert_answer(f, "POST", link.url, ONE_CLICK, 200, "Hotovo");
}

/* R8058-4: the newsletter's link leaves the offers alone, and other people. */
static void a_link_reaches_its_purpose_and_person_alone(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	web_grant(f, PETR, "acme/offers", KIT_NOW);
	web_grant(f, "anna@example.com", KIT_PURPOSE, KIT_NOW);
	assert_answer(f, "POST", link.url, ONE_CLICK, 200, "");
	assert_true(is_withdrawn(f, PETR, KIT_PURPOSE));
	assert_false(is_withdrawn(f, PETR, "acme/offers"));
	assert_false(is_withdrawn(f, PETR, "acme"));
	assert_false(is_withdrawn(f, "anna@example.com", KIT_PURPOSE));
}

/* R8058-9, pitfalls 8 and 29: what the page says depends on what is true. */
static void pages_say_what_is_true(void **state)
{
	struct fixture *f = *state;
	struct link now = petrs_link(f);
	struct link old =
		link_of(f, CM_KEY_FOOTER, PETR, KIT_PURPOSE, TODAY - 400);

	/* Never recorded: mode edit sends links to everybody. */
	assert_answer(f, "GET", now.url, "", 200,
		      "<h1>Stop “Acme newsletter”?</h1>");
	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	assert_answer(f, "GET", now.url, "", 200,
		      "<h1>Odhlásit „Zpravodaj Acme“?</h1>");
	assert_answer(f, "GET", now.url, "", 200,
		      "<button type=\"submit\" name=\"act\" "
		      "value=\"stop\">Odhlásit tyto e-maily</button>");
	assert_answer(f, "GET", now.url, "", 200, "<form method=\"post\">");
	/* R8058-14: old links work; on the page they ask once more. */
	assert_answer(f, "GET", old.url, "", 200, "ze staršího e-mailu");
	assert_answer(f, "POST", old.url, BUTTON, 200, "Hotovo");
	assert_answer(f, "GET", now.url, "", 200, "Hotovo");
	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW + 10 * CM_DAY_MS);
	assert_answer(f, "GET", now.url, "", 200, "ze staršího e-mailu");
	/* One-click still acts (pitfall 8). */
	assert_answer(f, "POST", now.url, ONE_CLICK, 200, "Hotovo");
	assert_int_equal(f->told, 2);
}

static void languages(void **state)
{
	static const struct {
		const char *accept, *language;
	} cases[] = {
		{NULL, "en"},
		{"", "en"},
		{"cs", "cs"},
		{"de, cs;q=0.5, en;q=0.1", "cs"},
		{"cs-CZ,en;q=0.9", "cs"},
		{"xx", "en"},
		{";;;,,,q=;\xff", "en"},
	};
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct cm_answer answer;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		web_ask(f, "GET", link.url, "", cases[i].accept, &answer);
		assert_string_equal(answer.page.language, cases[i].language);
		cm_answer_free(&answer);
	}
	/* The contact's own goes before the browser's. */
	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	web_ask(f, "GET", link.url, "", "en", &answer);
	assert_string_equal(answer.page.language, "cs");
	assert_non_null(strstr(cm_buf_text(&answer.page.body), "lang=\"cs\""));
	/* Config values are text, not HTML. */
	assert_non_null(
		strstr(cm_buf_text(&answer.page.body), "Acme &lt;GmbH&gt;"));
	cm_answer_free(&answer);
}

/* R8058-10, pitfall 14: the page, a status that claims nothing, no change. */
static void a_post_without_a_known_pair_changes_nothing(void **state)
{
	static const char *const bodies[] = {"", "List-Unsubscribe=Yes",
					     "act=go", "x"};
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct cm_request request = {.method = "POST",
				     .url = cm_span(link.url),
				     .body = cm_span(ONE_CLICK),
				     .body_too_long = true};
	struct cm_answer answer;
	size_t i;

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_answer(f, "POST", link.url, bodies[i], 400,
			      "value=\"stop\"");
	cm_answer_make(&f->site, &request, KIT_NOW, &answer);
	assert_int_equal(answer.status, 413);
	cm_answer_free(&answer);
	assert_int_equal(web_counts(f).stop_pending, 0);
	assert_non_null(strstr(cm_buf_text(&f->log), "outcome=no-known-pair"));
}

/* Pitfall 29: all of it is one more button away, and one-click is not it. */
static void everything_is_one_step_away(void **state)
{
	static const char button[] =
		"Odhlásit vše od Acme &lt;GmbH&gt;</button>";
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct link root = link_of(f, CM_KEY_FOOTER, PETR, "acme", TODAY);

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	web_grant(f, PETR, "acme", KIT_NOW);
	assert_answer(f, "GET", link.url, "", 200, button);
	assert_answer(f, "POST", link.url, ONE_CLICK "&act=stop-all", 200,
		      button);
	assert_false(is_withdrawn(f, PETR, "acme"));
	assert_answer(f, "POST", link.url, "act=stop-all", 200,
		      "Hotovo: „Everything“");
	assert_true(is_withdrawn(f, PETR, "acme"));
	assert_int_equal(f->told, 2);
	assert_page_lacks(f, link.url, "stop-all");
	assert_page_lacks(f, root.url, "stop-all");
}

/* The picture is ours; its mark-up can load or run nothing. */
static void the_logo_is_served_by_us(void **state)
{
	static char svg[] = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
	struct cm_logo logo = {.type = "image/svg+xml"};
	struct fixture *f = *state;
	struct cm_answer answer;

	assert_answer(f, "GET", "/logo", "", 404, "This link does not work");
	cm_buf_init(&logo.picture, 100);
	assert_int_equal(cm_buf_adds(&logo.picture, svg), CM_OK);
	f->site.logo = &logo;
	web_ask(f, "GET", "/logo", "", NULL, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(cm_buf_text(&answer.page.body), svg);
	assert_string_equal(web_header(&answer, "Content-Type"),
			    "image/svg+xml");
	assert_memory_equal(web_header(&answer, "Content-Security-Policy"),
			    "default-src 'none'", 18);
	cm_answer_free(&answer);
	assert_answer(f, "POST", "/logo", "", 405, "");
	f->site.logo = NULL;
	cm_buf_free(&logo.picture);
}

/* A purpose that the config lost is still withdrawn (pitfall 30). */
static void a_way_out_outlives_the_config(void **state)
{
	struct fixture *f = *state;
	struct link link =
		link_of(f, CM_KEY_HEADER, PETR, "acme/magazine", TODAY);

	assert_answer(f, "POST", link.url, ONE_CLICK, 404, "");
	assert_non_null(strstr(cm_buf_text(&f->log), "1 request: "));
	assert_non_null(
		strstr(cm_buf_text(&f->log), "outcome=unknown-purpose"));
	web_grant(f, PETR, "acme/magazine", KIT_NOW);
	assert_answer(f, "GET", link.url, "", 200, "acme/magazine");
	assert_answer(f, "POST", link.url, ONE_CLICK, 200, "");
	assert_true(is_withdrawn(f, PETR, "acme/magazine"));
}

/* R8058-13: after erasure 200, and the tombstone stays as it is. */
static void after_erasure_there_is_nothing_to_add(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct cm_event event = kit_event(&f->kit, PETR, CM_EVENT_ERASED);

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	(void)kit_append(&f->kit, &event, KIT_NOW);
	assert_answer(f, "POST", link.url, ONE_CLICK, 200, "");
	assert_int_equal(web_counts(f).stop_pending, 0);
	assert_int_equal(web_counts(f).events, 2);
}

static void pages_without_a_token(void **state)
{
	struct fixture *f = *state;

	assert_answer(f, "GET", "/u", "", 200, "several people");
	assert_answer(f, "GET", "/u/", "", 200, "several people");
	assert_answer(f, "POST", "/u", ONE_CLICK, 405, "Method not allowed");
	assert_answer(f, "GET", "/healthz", "", 200, "ok\n");
	assert_answer(f, "POST", "/healthz", "", 405, "");
}

/* R8058-6, R8058-7, R8058-16, over every place and method. */
static void headers_and_statuses(void **state)
{
	static const char *const methods[] = {"GET",     "HEAD", "POST",
					      "OPTIONS", "PUT",  "BREW"};
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	const char *const urls[] = {link.url, "/u",  "/u/", "/u/x", "/healthz",
				    "/",      "/u?", "*",   "",     "//"};
	size_t i, j;

	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		for (j = 0; j < sizeof(methods) / sizeof(methods[0]); j++) {
			struct cm_answer answer;

			web_ask(f, methods[j], urls[i], ONE_CLICK, NULL,
				&answer);
			assert_true(answer.status >= 200);
			assert_false(answer.status >= 300 &&
				     answer.status < 400);
			assert_string_equal(
				web_header(&answer, "Cache-Control"),
				"no-store");
			assert_string_equal(
				web_header(&answer, "Referrer-Policy"),
				"no-referrer");
			assert_string_equal(
				web_header(&answer, "X-Content-Type-Options"),
				"nosniff");
			assert_string_equal(web_header(&answer, "Set-Cookie"),
					    "");
			assert_string_equal(web_header(&answer, "Location"),
					    "");
			if (answer.status == 405 || answer.status == 204)
				assert_string_not_equal(
					web_header(&answer, "Allow"), "");
			if (answer.page.body.len > 0)
				assert_memory_equal(
					web_header(&answer,
						   "Content-Security-Policy"),
					"default-src 'none'", 18);
			cm_answer_free(&answer);
		}
}

/* R8058-16: neither tokens nor addresses, whatever is asked. */
static void the_log_holds_no_token(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct link forged = link;

	forged.url[20] = forged.url[20] == 'x' ? 'y' : 'x';
	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	assert_answer(f, "GET", link.url, "", 200, "");
	assert_answer(f, "GET", forged.url, "", 404, "");
	assert_answer(f, "PUT", link.url, "", 405, "");
	assert_answer(f, "POST", link.url, ONE_CLICK, 200, "");
	assert_null(strstr(cm_buf_text(&f->log), link.url + 3));
	assert_null(strstr(cm_buf_text(&f->log), forged.url + 3));
	assert_null(strstr(cm_buf_text(&f->log), "petr"));
	assert_non_null(strstr(cm_buf_text(&f->log), "link=header contact="));
	assert_non_null(strstr(cm_buf_text(&f->log), " days=0 "));
}

/* R8058-18 and its reverse: a ledger that is away does not stop anybody. */
static void when_the_ledger_cannot_be_read(void **state)
{
	const char *const tagged = "anna+shop@gmail.com";
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct link annas =
		link_of(f, CM_KEY_HEADER, tagged, KIT_PURPOSE, TODAY);
	char ledger[160], away[160];

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	web_grant(f, tagged, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	kit_path(&f->kit, "store/ledger", ledger);
	kit_path(&f->kit, "store/away", away);
	assert_int_equal(rename(ledger, away), 0);
	assert_answer(f, "GET", "/healthz", "", 503, "store unreadable");
	assert_answer(f, "GET", link.url, "", 503, "Nothing has changed yet");
	assert_answer(f, "POST", link.url, "x", 503, "Nothing has changed");
	assert_answer(f, "POST", link.url, ONE_CLICK, 200, "Done");
	assert_answer(f, "POST", annas.url, ONE_CLICK, 200, "Done");
	assert_int_equal(rename(away, ledger), 0);
	assert_answer(f, "GET", "/healthz", "", 200, "ok");
	assert_true(is_withdrawn(f, PETR, KIT_PURPOSE));
	assert_true(is_withdrawn(f, tagged, KIT_PURPOSE));
}

/*
 * Put back from a backup while we run: the open files are nobody's any more,
 * so a 200 would promise what the milter will never see.
 */
static void when_the_store_was_replaced(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	char command[512];

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	(void)snprintf(command, sizeof(command),
		       "cd %s && cp -a store copy && mv store old && "
		       "mv copy store",
		       f->kit.folder);
	assert_int_equal(system(command), 0);
	assert_answer(f, "POST", link.url, ONE_CLICK, 503, "not");
	assert_answer(f, "GET", link.url, "", 503, "");
	assert_answer(f, "GET", "/healthz", "", 503, "");
	kit_reopen(&f->kit, CM_STORE_WRITE);
	f->site.store = f->kit.store;
	assert_false(is_withdrawn(f, PETR, KIT_PURPOSE));
	assert_answer(f, "POST", link.url, ONE_CLICK, 200, "");
	assert_true(is_withdrawn(f, PETR, KIT_PURPOSE));
}

/* A store that takes nothing: 503, and no promise. */
static void when_nothing_can_be_written(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW);
	kit_reopen(&f->kit, CM_STORE_READ);
	f->site.store = f->kit.store;
	assert_answer(f, "POST", link.url, ONE_CLICK, 503, "naše chyba");
	assert_false(is_withdrawn(f, PETR, KIT_PURPOSE));
	assert_non_null(strstr(cm_buf_text(&f->log), "outcome=store-failed"));
}

/* Nothing stays in stop, and nothing is lost on the way. */
static void folding_behind_the_answers(void **state)
{
	struct fixture *f = *state;
	struct cm_fold *fold = NULL;
	struct cm_error err;
	int i;

	assert_int_equal(cm_fold_start(f->kit.store, NULL, f->site.log, NULL,
				       &fold, &err),
			 CM_OK);
	f->site.withdrawn = cm_fold_wake;
	f->site.ctx = fold;
	for (i = 0; i < 20; i++) {
		char address[32];
		struct link link;

		(void)snprintf(address, sizeof(address), "p%d@example.com", i);
		link = link_of(f, CM_KEY_HEADER, address, KIT_PURPOSE, TODAY);
		assert_answer(f, "POST", link.url, ONE_CLICK, 200, "");
	}
	for (i = 0; i < 500 && web_counts(f).stop_pending > 0; i++)
		(void)usleep(10000);
	assert_int_equal(web_counts(f).stop_pending, 0);
	assert_int_equal(web_counts(f).events, 20);
	cm_fold_end(&fold);
	assert_null(fold);
	kit_verify(&f->kit, true);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, web_set_up, web_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one_click_withdraws_once),
		TEST(one_click_withdraws_once_with_a_tag),
		TEST(twins_make_one_event),
		TEST(the_event_says_person_and_channel),
		TEST(reading_never_writes),
		TEST(whatever_is_not_ours_gets_one_answer),
		TEST(a_link_reaches_its_purpose_and_person_alone),
		TEST(pages_say_what_is_true),
		TEST(languages),
		TEST(a_post_without_a_known_pair_changes_nothing),
		TEST(everything_is_one_step_away),
		TEST(the_logo_is_served_by_us),
		TEST(a_way_out_outlives_the_config),
		TEST(after_erasure_there_is_nothing_to_add),
		TEST(pages_without_a_token),
		TEST(headers_and_statuses),
		TEST(the_log_holds_no_token),
		TEST(when_the_ledger_cannot_be_read),
		TEST(when_the_store_was_replaced),
		TEST(when_nothing_can_be_written),
		TEST(folding_behind_the_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
