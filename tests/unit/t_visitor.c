/*
 * visitor: what people may do at a link: take a click back, say why, see and
 * stop what they get; and what nobody may do there.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/answer_kit.h"

/* The ticket in a page's form with that button; "" if there is none. */
static void ticket_of(struct cm_answer *answer, const char *act,
		      char out[CM_FORM_VALUE_MAX + 1])
{
	static const char field[] = "name=\"ticket\" value=\"";
	const char *text = cm_buf_text(&answer->page.body);
	const char *button = strstr(text, act);
	const char *at = NULL, *next;
	size_t n;

	out[0] = '\0';
	for (next = text; (next = strstr(next, field)) != NULL; next++)
		if (button != NULL && next < button)
			at = next + strlen(field);
	if (at == NULL)
		return;
	n = strcspn(at, "\"");
	assert_true(n <= CM_FORM_VALUE_MAX);
	memcpy(out, at, n);
	out[n] = '\0';
}

static void post_for_ticket(struct fixture *f, const char *url,
			    const char *body, const char *act,
			    char out[CM_FORM_VALUE_MAX + 1])
{
	struct cm_answer answer;

	web_ask(f, "POST", url, body, NULL, &answer);
	assert_int_equal(answer.status, 200);
	ticket_of(&answer, act, out);
	cm_answer_free(&answer);
}

static void undo_body(const char *ticket, char out[256])
{
	(void)snprintf(out, 256, "act=undo&ticket=%s", ticket);
}

/* Pitfall 42: the page of a click takes back that click and nothing else. */
static void a_click_can_be_taken_back(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	char ticket[CM_FORM_VALUE_MAX + 1], all[CM_FORM_VALUE_MAX + 1];
	char body[256];

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	post_for_ticket(f, link.url, BUTTON, "value=\"undo\"", ticket);
	assert_string_not_equal(ticket, "");
	post_for_ticket(f, link.url, "act=stop-all", "value=\"undo\"", all);
	assert_true(is_withdrawn(f, PETR, KIT_PURPOSE));
	undo_body(ticket, body);
	assert_answer(f, "POST", link.url, body, 200, "Vzato zpět");
	assert_false(is_withdrawn(f, PETR, KIT_PURPOSE));
	assert_true(is_withdrawn(f, PETR, "acme"));
	/* Once more says the same and writes nothing. */
	assert_int_equal(web_counts(f).events, 4);
	assert_answer(f, "POST", link.url, body, 200, "Vzato zpět");
	assert_int_equal(web_counts(f).events, 4);
	undo_body(all, body);
	assert_answer(f, "POST", link.url, body, 200, "Vzato zpět");
	assert_false(is_withdrawn(f, PETR, "acme"));
	kit_verify(&f->kit, true);
	/* And the next click counts again. */
	assert_answer(f, "POST", link.url, BUTTON, 200, "Hotovo");
	assert_true(is_withdrawn(f, PETR, KIT_PURPOSE));
	kit_verify(&f->kit, true);
}

/* What was said before the click, and what was said elsewhere, stays. */
static void undo_lifts_nothing_else(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);
	struct cm_event event = kit_event(&f->kit, PETR, CM_EVENT_WITHDRAWN);
	char ticket[CM_FORM_VALUE_MAX + 1], body[256];
	struct cm_view own, family;

	event.actor = CM_ACTOR_ADMIN;
	memcpy(event.purpose, "acme", 5);
	(void)kit_append(&f->kit, &event, KIT_NOW - 2 * CM_DAY_MS);
	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	event = kit_event(&f->kit, PETR, CM_EVENT_OBJECTED);
	(void)kit_append(&f->kit, &event, KIT_NOW - CM_DAY_MS);
	post_for_ticket(f, link.url, BUTTON, "value=\"undo\"", ticket);
	undo_body(ticket, body);
	assert_answer(f, "POST", link.url, body, 200, "Vzato zpět");
	kit_lookup(&f->kit, PETR, &own, &family);
	assert_non_null(kit_fact(&own, CM_FACT_OBJECTED));
	assert_non_null(kit_fact(&own, CM_FACT_WITHDRAWN));
	assert_true(
		cm_span_is(kit_fact(&own, CM_FACT_WITHDRAWN)->purpose, "acme"));
	assert_int_equal(own.count, 3);
	assert_true(own.person_at < KIT_NOW + CM_DAY_MS);
	kit_verify(&f->kit, true);
}

/* No ticket, somebody else's, an old one, that of a form: nothing. */
static void undo_needs_the_ticket_of_the_click(void **state)
{
	struct fixture *f = *state;
	struct link petr = petrs_link(f);
	struct link anna = link_of(f, CM_KEY_FOOTER, "anna@example.com",
				   KIT_PURPOSE, TODAY);
	char ticket[CM_FORM_VALUE_MAX + 1], body[256];
	struct cm_request request = {.method = "POST",
				     .url = cm_span(petr.url)};
	struct cm_answer answer;

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	web_grant(f, "anna@example.com", KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	/* One-click gets no ticket: its answer is read by machines. */
	post_for_ticket(f, anna.url, ONE_CLICK, "value=\"undo\"", ticket);
	assert_string_equal(ticket, "");
	post_for_ticket(f, petr.url, BUTTON, "value=\"undo\"", ticket);
	undo_body(ticket, body);
	assert_answer(f, "POST", anna.url, body, 400, "");
	assert_answer(f, "POST", petr.url, "act=undo", 400, "");
	assert_answer(f, "POST", petr.url, "act=undo&ticket=x", 400, "");
	/* Neither is a ticket a link, nor a link a ticket. */
	undo_body(petr.url + 3, body);
	assert_answer(f, "POST", petr.url, body, 400, "");
	(void)snprintf(body, sizeof(body), "/p/%s", ticket);
	assert_answer(f, "GET", body, "", 404, "");
	(void)snprintf(body, sizeof(body), "/u/%s", ticket);
	assert_answer(f, "GET", body, "", 404, "");
	undo_body(ticket, body);
	request.body = cm_span(body);
	cm_answer_make(&f->site, &request, KIT_NOW + 2 * CM_DAY_MS, &answer);
	assert_int_equal(answer.status, 400);
	cm_answer_free(&answer);
	assert_true(is_withdrawn(f, PETR, KIT_PURPOSE));
	cm_answer_make(&f->site, &request, KIT_NOW + CM_DAY_MS, &answer);
	assert_int_equal(answer.status, 200);
	cm_answer_free(&answer);
	assert_false(is_withdrawn(f, PETR, KIT_PURPOSE));
}

/* Pitfalls 2 and 42: which link, how old, by which method, from where; the
 * network is in private only. */
static void the_evidence_says_how(void **state)
{
	struct fixture *f = *state;
	struct link link =
		link_of(f, CM_KEY_FOOTER, PETR, KIT_PURPOSE, TODAY - 3);
	struct cm_request request = {
		.method = "POST",
		.url = cm_span(link.url),
		.body = cm_span(BUTTON),
		.peer = {true, {[10] = 0xff, 0xff, 192, 0, 2, 77}}};
	struct cm_answer answer;
	struct cm_span evidence, json;
	struct cm_store_reader *reader;
	struct cm_event event;
	struct cm_error err;
	size_t count;

	cm_answer_make(&f->site, &request, KIT_NOW, &answer);
	assert_int_equal(answer.status, 200);
	cm_answer_free(&answer);
	assert_int_equal(
		cm_store_fold_stop(f->kit.store, KIT_NOW, &count, &err), CM_OK);
	if (cm_store_evidence(f->kit.store, 0, f->kit.arena, &evidence, &err) !=
	    CM_OK)
		fail_msg("%s", err.text);
	assert_true(cm_span_is(evidence,
			       "{\"days\":3,\"link\":\"footer\",\"message\":"
			       "\"6d65737361676521\",\"method\":\"POST\","
			       "\"network\":\"192.0.2.0/24\"}"));
	assert_int_equal(
		cm_store_read_begin(f->kit.store, f->kit.arena, &reader, &err),
		CM_OK);
	assert_int_equal(cm_store_event(reader, 0, &json, &err), CM_OK);
	assert_int_equal(cm_event_decode(json, &event, &err), CM_OK);
	cm_store_read_end(&reader);
	assert_true(event.has_evidence);
	assert_null(strstr(cm_buf_text(&f->log), "192.0.2"));
	kit_verify(&f->kit, true);
}

/* Counted in the log without a name, and no record of anybody's. */
static void a_reason_is_nobodys(void **state)
{
	struct fixture *f = *state;
	struct link link = petrs_link(f);

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	assert_answer(f, "POST", link.url, BUTTON, 200, "value=\"too-many\"");
	assert_answer(f, "POST", link.url, "act=why&reason=too-many", 200,
		      "Děkujeme");
	assert_non_null(strstr(cm_buf_text(&f->log), "reason=too-many"));
	assert_answer(f, "POST", link.url, "act=why&reason=<b>", 200,
		      "Děkujeme");
	assert_non_null(strstr(cm_buf_text(&f->log), "reason=not-said"));
	assert_int_equal(web_counts(f).events, 1);
	assert_int_equal(web_counts(f).stop_pending, 1);
}

static struct link preferences_of(struct link link)
{
	link.url[1] = 'p';
	return link;
}

/* PREF-1, PREF-3: masked; less at once; a foreign form presses no button. */
static void preferences_stop_at_once(void **state)
{
	struct fixture *f = *state;
	struct link link = preferences_of(
		link_of(f, CM_KEY_FOOTER, PETR, KIT_PURPOSE, TODAY));
	char ticket[CM_FORM_VALUE_MAX + 1], body[256];
	struct cm_answer answer;

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	web_grant(f, PETR, "acme/offers", KIT_NOW - CM_DAY_MS);
	web_ask(f, "GET", link.url, "", NULL, &answer);
	assert_int_equal(answer.status, 200);
	assert_null(strstr(cm_buf_text(&answer.page.body), PETR));
	assert_null(strstr(cm_buf_text(&answer.page.body), "checked"));
	assert_true(strstr(cm_buf_text(&answer.page.body), "stop-all") <
		    strstr(cm_buf_text(&answer.page.body), "Odhlásit: "));
	assert_non_null(strstr(cm_buf_text(&answer.page.body),
			       "name=\"stop\" value=\"acme/offers\""));
	ticket_of(&answer, "acme/offers", ticket);
	cm_answer_free(&answer);
	assert_answer(f, "POST", link.url, "stop=acme/offers", 400,
		      "Nic se nezměnilo");
	assert_answer(f, "POST", link.url, "act=stop-all", 400,
		      "Nic se nezměnilo");
	assert_int_equal(web_counts(f).stop_pending, 0);
	(void)snprintf(body, sizeof(body), "stop=acme/nothing&ticket=%s",
		       ticket);
	assert_answer(f, "POST", link.url, body, 400, "");
	(void)snprintf(body, sizeof(body), "stop=acme/offers&ticket=%s",
		       ticket);
	web_ask(f, "POST", link.url, body, NULL, &answer);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(cm_buf_text(&answer.page.body),
			       "Hotovo: „Offers“ už nepřijde"));
	assert_null(strstr(cm_buf_text(&answer.page.body),
			   "value=\"acme/offers\""));
	ticket_of(&answer, "value=\"undo\"", ticket);
	cm_answer_free(&answer);
	assert_true(is_withdrawn(f, PETR, "acme/offers"));
	assert_false(is_withdrawn(f, PETR, KIT_PURPOSE));
	undo_body(ticket, body);
	assert_answer(f, "POST", link.url, body, 200, "value=\"acme/offers\"");
	assert_false(is_withdrawn(f, PETR, "acme/offers"));
	kit_verify(&f->kit, true);
}

static void preferences_stop_everything(void **state)
{
	struct fixture *f = *state;
	struct link way_out =
		link_of(f, CM_KEY_FOOTER, PETR, KIT_PURPOSE, TODAY);
	struct link header = preferences_of(petrs_link(f));
	struct link link = preferences_of(way_out);
	char ticket[CM_FORM_VALUE_MAX + 1], body[256];
	struct cm_answer answer;

	web_grant(f, PETR, "acme", KIT_NOW - CM_DAY_MS);
	/* A header's link can only withdraw. */
	assert_answer(f, "GET", header.url, "", 404, "");
	assert_answer(f, "GET", way_out.url, "", 200, link.url);
	web_ask(f, "GET", link.url, "", NULL, &answer);
	ticket_of(&answer, "stop-all", ticket);
	cm_answer_free(&answer);
	(void)snprintf(body, sizeof(body), "act=stop-all&ticket=%s", ticket);
	assert_answer(f, "POST", link.url, body, 200,
		      "Nedostáváte od nás žádnou reklamu");
	assert_true(is_withdrawn(f, PETR, "acme"));
	assert_answer(f, "POST", link.url, ONE_CLICK, 400, "");
	assert_non_null(strstr(cm_buf_text(&f->log), "place=preferences"));
	assert_null(strstr(cm_buf_text(&f->log), ticket));
}

/* PREF-1: the page says what consent-milter would do, which remembers the last
 * mail where silence ends a consent. */
static void idle_counts_the_last_mail(void **state)
{
	struct fixture *f = *state;
	struct cm_sent_options options = {.path = f->kit.options.path,
					  .map_size = f->kit.options.map_size,
					  .lock_wait_ms = 1000,
					  .write = true};
	struct link link =
		link_of(f, CM_KEY_FOOTER, PETR, "acme/digest", TODAY);
	struct cm_sent_mail mail = {.day = TODAY - 1};
	struct cm_id family;
	struct cm_sent *sent;

	link.url[1] = 'p';
	web_grant(f, PETR, "acme/digest", KIT_NOW - 700 * CM_DAY_MS);
	assert_page_lacks(f, link.url, "name=\"stop\"");
	kit_ids(&f->kit, PETR, &mail.contact, &family);
	assert_int_equal(cm_purpose_id(cm_span("acme/digest"), mail.purpose),
			 CM_OK);
	assert_int_equal(cm_sent_make(options.path, (uid_t)-1, (gid_t)-1, NULL),
			 CM_OK);
	assert_int_equal(cm_sent_open(&options, &sent, NULL), CM_OK);
	assert_int_equal(cm_sent_mails(sent, &mail, 1, NULL), CM_OK);
	cm_sent_close(&sent);
	assert_answer(f, "GET", link.url, "", 200,
		      "name=\"stop\" value=\"acme/digest\"");
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, web_set_up, web_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_click_can_be_taken_back),
		TEST(idle_counts_the_last_mail),
		TEST(undo_lifts_nothing_else),
		TEST(undo_needs_the_ticket_of_the_click),
		TEST(the_evidence_says_how),
		TEST(a_reason_is_nobodys),
		TEST(preferences_stop_at_once),
		TEST(preferences_stop_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
