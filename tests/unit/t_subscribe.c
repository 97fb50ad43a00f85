/*
 * subscribe, confirm: requests to the forms and to the letter's link, over a
 * real store and queue, without HTTP (DOI-1, DOI-3, DOI-4, DOI-6, PREF-1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/address.h"
#include "policy/optin.h"
#include "web/form_token.h"

#include "tests/unit/answer_kit.h"

#define TYPED "email=petr%40example.com"
#define BOTH  "&purpose=acme%2Fnewsletter&purpose=acme/offers"
#define SEND  "&act=subscribe"

static const uint8_t ref[CM_REQUEST_REF_LEN] = "message!";

/* A body with a form's token of that age, of that place. */
static const char *body_of(struct fixture *f, const char *place, int64_t age,
			   const char *rest)
{
	static const uint8_t nonce[CM_FORM_NONCE_LEN];
	char token[CM_FORM_TOKEN_LEN + 1];

	assert_int_equal(cm_form_token_make(f->kit.keys, cm_span(place),
					    KIT_NOW - age, nonce, token, NULL),
			 CM_OK);
	return cm_arena_printf(f->kit.arena, "form=%s&%s", token, rest);
}

static const char *good(struct fixture *f, const char *rest)
{
	return body_of(f, "s/shop", 60000, rest);
}

static struct cm_queue_counts queued(struct fixture *f)
{
	struct cm_queue_counts counts;

	assert_int_equal(cm_queue_count(f->site.queue, &counts, NULL), CM_OK);
	return counts;
}

/* The only act there is; it is gone then. */
static struct cm_act take(struct fixture *f)
{
	struct cm_act act;
	uint64_t number;

	assert_int_equal(queued(f).acts, 1);
	assert_int_equal(cm_queue_take(f->site.queue, 0, f->kit.arena, &number,
				       &act, NULL),
			 CM_OK);
	assert_int_equal(
		cm_queue_done(f->site.queue, number, NULL, NULL, 0, NULL),
		CM_OK);
	return act;
}

static char *page_of(struct fixture *f, const char *method, const char *url,
		     const char *body, int status)
{
	struct cm_answer answer;
	char *page;

	web_ask(f, method, url, body, NULL, &answer);
	if (answer.status != status)
		fail_msg("%s %s %s: %d, want %d", method, url, body,
			 answer.status, status);
	page = strdup(cm_buf_text(&answer.page.body));
	assert_non_null(page);
	cm_answer_free(&answer);
	return page;
}

static void assert_span(struct cm_span got, const char *want)
{
	if (!cm_span_eq(got, cm_span(want)))
		fail_msg("\"%.*s\", want \"%s\"", (int)got.n, got.p, want);
}

/* ---- the form ----------------------------------------------------------- */

static void the_form_has_a_box_a_purpose_none_ticked(void **state)
{
	static const struct {
		const char *url, *text;
	} cases[] = {
		{"/s", "value=\"acme/newsletter\"><span>Acme newsletter<"},
		{"/s/", "value=\"acme/offers\">"},
		{"/s/shop", "<h1>E-mails from Acme &lt;GmbH&gt;</h1>"},
		{"/s/shop/cs", "<span>Zpravodaj Acme</span>"},
		{"/s/shop/xx", "Subscribe"},
		{"/s/contest/cs", "<h1>Sout\304\233\305\276</h1>"},
	};
	static const char *const others[] = {"/s/sho",
					     "/s/shop/cs/x",
					     "/s/shop%2f",
					     "/s/<x>",
					     "/s/shop/x0123456789012345",
					     "/sx",
					     "/c/",
					     "/c"};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_answer(f, "GET", cases[i].url, "", 200, cases[i].text);
		assert_page_lacks(f, cases[i].url, "checked");
		assert_page_lacks(f, cases[i].url, "<script");
	}
	assert_page_lacks(f, "/s/contest", "acme/newsletter");
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_answer(f, "GET", others[i], "", 404, "");
}

/* G4, PREF-1: what is sent is one act in the queue, and nothing else yet. */
static void a_subscription_waits_in_the_queue(void **state)
{
	struct fixture *f = *state;
	struct cm_store_counts before = web_counts(f);
	struct cm_store_counts after;
	struct cm_hash notice;
	struct cm_act act;

	assert_answer(f, "POST", "/s/shop/cs", good(f, TYPED BOTH SEND), 200,
		      "<strong>Zat\303\255m nejste p\305\231ihl\303\241\305"
		      "\241eni.</strong>");
	act = take(f);
	assert_int_equal(act.kind, CM_ACT_REQUEST);
	assert_span(act.address, "petr@example.com");
	assert_int_equal(act.npurposes, 2);
	assert_span(act.purposes[0], "acme/newsletter");
	assert_span(act.purposes[1], "acme/offers");
	assert_span(act.language, "cs");
	assert_span(act.source, "web-form");
	assert_span(act.channel, "form");
	assert_int_equal(act.at, KIT_NOW);
	assert_true(
		cm_shown_form(f->shown, &f->config->forms[0], "cs", &notice));
	assert_true(act.has_notice);
	assert_memory_equal(&act.notice, &notice, sizeof(notice));
	assert_span(act.evidence,
		    "{\"agent\":\"\",\"form\":\"shop\",\"method\":\"POST\"}");
	after = web_counts(f);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(f->asked, 1);
	/* One box, another form, its source. */
	assert_answer(f, "POST", "/s/contest",
		      body_of(f, "s/contest", 60000,
			      TYPED "&purpose=acme/offers" SEND),
		      200, "not subscribed yet");
	act = take(f);
	assert_int_equal(act.npurposes, 1);
	assert_span(act.source, "contest");
}

/* The text whose hash is in the event can be had from the ledger (G7-1). */
static void what_was_shown_is_kept(void **state)
{
	struct fixture *f = *state;
	char *page = page_of(f, "GET", "/s/shop/cs", "", 200);
	struct cm_store_reader *reader = NULL;
	struct cm_hash hash;
	struct cm_span text;
	const char *line;

	assert_int_equal(cm_shown_put(f->shown, f->kit.store, NULL), CM_OK);
	assert_true(cm_shown_form(f->shown, &f->config->forms[0], "cs", &hash));
	assert_int_equal(
		cm_store_read_begin(f->kit.store, f->kit.arena, &reader, NULL),
		CM_OK);
	assert_int_equal(cm_store_notice(reader, &hash, &text, NULL), CM_OK);
	assert_true(cm_span_starts(text, "<main lang=\"cs\">\n<h1>E-maily od"));
	/* Every line of it was on the page, but that of the form's token. */
	while ((line = cm_arena_dup(f->kit.arena, text.p,
				    cm_span_cut(&text, '\n').n)) != NULL &&
	       text.n > 0)
		if (strstr(line, "name=\"form\"") == NULL &&
		    strstr(line, "<main") == NULL)
			assert_non_null(strstr(page, line));
	cm_store_read_end(&reader);
	free(page);
}

static void what_is_not_complete_is_shown_again(void **state)
{
	static const struct {
		const char *rest;
		int status;
		const char *text;
	} cases[] = {
		{"email=petr" BOTH SEND, 400, "no complete e-mail address"},
		{"email=" BOTH SEND, 400, "no complete e-mail address"},
		{"email=petr%40" BOTH SEND, 400, "value=\"petr@\""},
		{TYPED SEND, 400, "Please tick"},
		{TYPED "&purpose=acme&purpose=acme/secret" SEND, 400,
		 "Please tick"},
		{"email=a%40b%40c" BOTH SEND, 400,
		 "value=\"acme/offers\" checked>"},
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_answer(f, "POST", "/s/shop", good(f, cases[i].rest),
			      cases[i].status, cases[i].text);
	assert_int_equal(queued(f).acts, 0);
	assert_int_equal(f->asked, 0);
}

/*
 * PREF-3, G4: what another site sends brings an address and no choice; who is
 * too fast is asked again, with the same form, so that it is old enough then.
 */
static void a_form_that_is_not_ours_is_shown_first(void **state)
{
	struct fixture *f = *state;
	const char *const bodies[] = {
		TYPED BOTH SEND, "form=x&" TYPED BOTH SEND,
		body_of(f, "s/contest", 60000, TYPED BOTH SEND),
		body_of(f, "lost", 60000, TYPED BOTH SEND)};
	const char *young = body_of(f, "s/shop", 500, TYPED BOTH SEND);
	const char *old =
		body_of(f, "s/shop", CM_FORM_AGE_MAX_MS + 1, TYPED BOTH SEND);
	char token[CM_FORM_TOKEN_LEN + 1];
	size_t i;
	char *page;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		page = page_of(f, "POST", "/s/shop", bodies[i], 200);
		assert_non_null(strstr(page, "value=\"petr@example.com\""));
		assert_non_null(strstr(page, "Please check everything"));
		assert_null(strstr(page, "checked"));
		free(page);
	}
	memcpy(token, young + strlen("form="), CM_FORM_TOKEN_LEN);
	token[CM_FORM_TOKEN_LEN] = '\0';
	page = page_of(f, "POST", "/s/shop", young, 200);
	assert_non_null(strstr(page, "value=\"acme/offers\" checked>"));
	assert_non_null(strstr(page, token));
	free(page);
	memcpy(token, old + strlen("form="), CM_FORM_TOKEN_LEN);
	page = page_of(f, "POST", "/s/shop", old, 200);
	assert_non_null(strstr(page, "value=\"acme/offers\" checked>"));
	assert_null(strstr(page, token));
	free(page);
	assert_int_equal(queued(f).acts, 0);
}

/* DOI-4: the same octets whoever it is, and for machines in the trap. */
static void everybody_gets_the_same_page(void **state)
{
	static const char *const others[] = {
		"email=anna%40example.com", "email=nobody%40nowhere.test",
		"email=Petr+%3Cpetr%40example.com%3E",
		"email=%C5%99%40h%C3%A1%C4%8Dek.cz",
		"website=http://x&email=petr%40example.com"};
	struct fixture *f = *state;
	char *want, *page;
	size_t i;

	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	kit_stop(&f->kit, "anna@example.com", CM_EVENT_OBJECTED, KIT_NOW);
	want = page_of(f, "POST", "/s/shop", good(f, TYPED BOTH SEND), 200);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *rest = cm_arena_printf(f->kit.arena, "%s%s",
						   others[i], BOTH SEND);

		page = page_of(f, "POST", "/s/shop", good(f, rest), 200);
		assert_string_equal(page, want);
		free(page);
	}
	free(want);
	assert_int_equal(queued(f).acts, 5); /* the trapped one is not there */
	assert_null(strstr(cm_buf_text(&f->log), "example.com"));
	assert_non_null(strstr(cm_buf_text(&f->log), "outcome=trapped"));
}

/* DOI-1, R8058-8: reading, however often, writes nothing anywhere. */
static void reading_asks_for_nothing(void **state)
{
	struct fixture *f = *state;
	struct cm_store_counts before = web_counts(f), after;
	struct cm_answer answer;
	int i;

	for (i = 0; i < 1000; i++) {
		web_ask(f, i % 2 ? "GET" : "HEAD", "/s/shop",
			good(f, TYPED BOTH SEND), NULL, &answer);
		assert_int_equal(answer.status, 200);
		cm_answer_free(&answer);
	}
	after = web_counts(f);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(queued(f).acts, 0);
	assert_int_equal(f->asked, 0);
}

/* What strangers type stays text, wherever it is shown. */
static void nothing_typed_becomes_html_or_a_header(void **state)
{
	static const struct {
		const char *rest, *shown;
	} cases[] = {
		{"email=%22%3E%3Cscript%3Ealert(1)%3C/script%3E" SEND,
		 "value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\""},
		{"email=a%0d%0aX-Evil:%201" SEND, "value=\"\""},
		{"email=a%00b" SEND, "value=\"\""},
		{"email=%ff%fe" SEND, "value=\"\""},
		{"email=%e2%80%ae%7b%7bcontroller%7d%7d" SEND, "required"},
		{"email={{controller}}" SEND, "value=\"{{controller}}\""},
	};
	struct fixture *f = *state;
	struct cm_answer answer;
	size_t i, h;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		web_ask(f, "POST", "/s/shop", good(f, cases[i].rest),
			"\r\nX-Evil: 1", &answer);
		assert_int_equal(answer.status, 400);
		if (strstr(cm_buf_text(&answer.page.body), cases[i].shown) ==
		    NULL)
			fail_msg("%s: %s", cases[i].rest,
				 cm_buf_text(&answer.page.body));
		assert_null(strstr(cm_buf_text(&answer.page.body), "<script"));
		for (h = 0; h < answer.nheaders; h++)
			assert_null(strpbrk(answer.headers[h].value, "\r\n"));
		cm_answer_free(&answer);
	}
}

/* Only the sites that the admin names may frame a form, and nothing else. */
static void a_form_may_stand_in_a_frame_of_the_shop(void **state)
{
	static const struct {
		const char *url, *sites;
	} cases[] = {
		{"/s/shop", "; frame-ancestors https://shop.example;"},
		{"/s/contest", "; frame-ancestors 'none';"},
		{"/u", "; frame-ancestors 'none';"},
	};
	struct fixture *f = *state;
	struct cm_answer answer;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		web_ask(f, "GET", cases[i].url, "", NULL, &answer);
		assert_non_null(
			strstr(web_header(&answer, "Content-Security-Policy"),
			       cases[i].sites));
		cm_answer_free(&answer);
	}
}

/* Without a mail section nobody could be asked. */
static void without_a_queue_there_is_no_form(void **state)
{
	struct fixture *f = *state;
	struct cm_queue *queue = f->site.queue;

	f->site.queue = NULL;
	assert_answer(f, "GET", "/s/shop", "", 404, "");
	assert_answer(f, "POST", "/s/shop", good(f, TYPED BOTH SEND), 404, "");
	f->site.queue = queue;
}

/* ---- the letter's link -------------------------------------------------- */

static void append(struct fixture *f, enum cm_event_type type,
		   const char *purpose, bool of_request, int64_t at)
{
	struct cm_event event = kit_event(&f->kit, PETR, type);

	(void)snprintf(event.purpose, sizeof(event.purpose), "%s", purpose);
	(void)snprintf(event.language, sizeof(event.language), "cs");
	(void)snprintf(event.source, sizeof(event.source), "web-form");
	(void)snprintf(event.channel, sizeof(event.channel), "form");
	if (type == CM_EVENT_CORRECTED)
		event.mark = CM_EVENT_REQUESTED;
	if (of_request)
		cm_optin_name(ref, event.batch);
	(void)kit_append(&f->kit, &event, at);
}

/* Petr was asked for both, so many days ago; the link that he got. */
static struct link ask_petr(struct fixture *f, uint16_t days)
{
	struct link link = link_of(f, CM_KEY_CONFIRM, PETR, "acme/newsletter",
				   (uint16_t)(TODAY - days));

	append(f, CM_EVENT_REQUESTED, "acme/newsletter", true,
	       KIT_NOW - days * CM_DAY_MS);
	append(f, CM_EVENT_REQUESTED, "acme/offers", true,
	       KIT_NOW - days * CM_DAY_MS);
	link.url[1] = 'c';
	return link;
}

#define CONFIRM_HEAD "<h1>Chcete tyto e-maily?</h1>"
#define THANKS       "<h1>Jste p\305\231ihl\303\241\305\241eni</h1>"
#define OVER         "<h1>Tento odkaz u\305\276 neplat\303\255</h1>"
#define TOO_OLD                                                                \
	"<h1>Tento odkaz je p\305\231\303\255li\305\241 star\303\275</h1>"

/* DOI-1: scanners follow links; they press no button. */
static void the_link_shows_and_does_nothing(void **state)
{
	struct fixture *f = *state;
	struct link link = ask_petr(f, 0);
	struct cm_store_counts before = web_counts(f), after;
	char *page = page_of(f, "GET", link.url, "", 200);
	int i;

	assert_non_null(strstr(page, CONFIRM_HEAD));
	assert_non_null(strstr(page, "Zat\303\255m nejste"));
	assert_non_null(strstr(page, "Zpravodaj Acme"));
	assert_non_null(strstr(page, "Offers"));
	assert_null(strstr(page, PETR));
	for (i = 0; i < 1000; i++) {
		struct cm_answer answer;

		web_ask(f, i % 2 ? "GET" : "HEAD", link.url, "act=confirm",
			NULL, &answer);
		assert_int_equal(answer.status, 200);
		cm_answer_free(&answer);
	}
	free(page);
	assert_answer(f, "POST", link.url, "", 400, CONFIRM_HEAD);
	assert_answer(f, "POST", link.url, "act=subscribe", 400, CONFIRM_HEAD);
	after = web_counts(f);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(queued(f).acts, 0);
}

static void the_button_confirms(void **state)
{
	struct fixture *f = *state;
	struct link link = ask_petr(f, 7);
	struct cm_id contact, family;
	struct cm_act act;

	kit_ids(&f->kit, PETR, &contact, &family);
	assert_answer(f, "POST", link.url, "act=confirm", 200, THANKS);
	act = take(f);
	assert_int_equal(act.kind, CM_ACT_CONFIRM);
	assert_memory_equal(&act.contact, &contact, sizeof(contact));
	assert_memory_equal(act.request, ref, sizeof(ref));
	assert_int_equal(act.address.n, 0);
	assert_int_equal(f->asked, 1);
	/* Confirmed: the same happy page, and no second act (DOI-3). */
	append(f, CM_EVENT_CONFIRMED, "acme/newsletter", true, KIT_NOW);
	append(f, CM_EVENT_CONFIRMED, "acme/offers", true, KIT_NOW);
	assert_answer(f, "POST", link.url, "act=confirm", 200, THANKS);
	assert_answer(f, "GET", link.url, "", 200, THANKS);
	assert_answer(f, "GET", link.url, "", 200, "href=\"/p/");
	assert_int_equal(queued(f).acts, 0);
}

static void who_did_not_ask_says_so(void **state)
{
	struct fixture *f = *state;
	struct link link = ask_petr(f, 0);

	assert_answer(f, "POST", link.url, "act=cancel&act=confirm", 200,
		      "<h1>Nic v\303\241m nep\305\231ijde</h1>");
	assert_int_equal(take(f).kind, CM_ACT_CANCEL);
	append(f, CM_EVENT_CORRECTED, "", true, KIT_NOW);
	assert_answer(f, "GET", link.url, "", 200, OVER);
	assert_answer(f, "POST", link.url, "act=confirm", 200, OVER);
	assert_answer(f, "POST", link.url, "act=cancel", 200, "Nic v");
	assert_int_equal(queued(f).acts, 0);
}

/* DOI-3: 7 days; then, and after a refusal, it says so and leads to /s. */
static void a_link_ends(void **state)
{
	struct fixture *f = *state;
	struct link link = ask_petr(f, 9);

	assert_answer(f, "GET", link.url, "", 200, TOO_OLD);
	assert_answer(f, "GET", link.url, "", 200, "<a href=\"/s\">");
	assert_answer(f, "POST", link.url, "act=confirm", 200, TOO_OLD);
	assert_int_equal(queued(f).acts, 0);
	append(f, CM_EVENT_WITHDRAWN, "acme/offers", false, KIT_NOW);
	assert_answer(f, "POST", link.url, "act=confirm", 200, OVER);
	assert_int_equal(queued(f).acts, 0);
}

/* DOI-6: for the address it was mailed to, and what was asked. */
static void a_link_of_something_else_is_none(void **state)
{
	struct fixture *f = *state;
	struct link good_one = ask_petr(f, 0);
	struct link links[] = {
		link_of(f, CM_KEY_CONFIRM, "anna@example.com",
			"acme/newsletter", TODAY),
		link_of(f, CM_KEY_CONFIRM, PETR, "acme/offers", TODAY),
		link_of(f, CM_KEY_CONFIRM, PETR, "acme", TODAY),
		link_of(f, CM_KEY_HEADER, PETR, "acme/newsletter", TODAY),
		link_of(f, CM_KEY_PREFERENCE, PETR, "acme/newsletter", TODAY),
		link_of(f, CM_KEY_MAILED, PETR, "acme/newsletter", TODAY),
	};
	size_t i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		links[i].url[1] = 'c';
		assert_answer(f, "POST", links[i].url, "act=confirm", 404,
			      "This link does not work");
	}
	for (i = 3; good_one.url[i] != '\0'; i++) {
		char was = good_one.url[i];

		good_one.url[i] = was == 'A' ? 'B' : 'A';
		assert_answer(f, "POST", good_one.url, "act=confirm", 404, "");
		good_one.url[i] = was;
	}
	assert_int_equal(queued(f).acts, 0);
	assert_answer(f, "POST", good_one.url, "act=confirm", 200, THANKS);
}

/* Nothing is put for a purpose that the config lost since. */
static void a_purpose_that_is_gone(void **state)
{
	struct fixture *f = *state;
	struct link link = ask_petr(f, 0);

	append(f, CM_EVENT_REQUESTED, "acme/magazine", true, KIT_NOW);
	assert_answer(f, "POST", link.url, "act=confirm", 404,
		      "This link does not work");
	assert_non_null(
		strstr(cm_buf_text(&f->log), "outcome=unknown-purpose"));
	assert_int_equal(queued(f).acts, 0);
}

/* ---- preferences: more -------------------------------------------------- */

static char *ticket_in(const char *page)
{
	const char *at = strstr(page, "name=\"ticket\" value=\"");

	assert_non_null(at);
	at += strlen("name=\"ticket\" value=\"");
	return strndup(at, strcspn(at, "\""));
}

/* Petr's address, in private. */
static void put_on_record(struct fixture *f)
{
	struct cm_address address;
	struct cm_store_entry entry = {
		.event = kit_event(&f->kit, PETR, CM_EVENT_GRANTED),
		.address = &address,
		.as_given = cm_span(PETR),
	};
	uint64_t seq;

	(void)snprintf(entry.event.purpose, sizeof(entry.event.purpose), "%s",
		       KIT_PURPOSE);
	assert_int_equal(cm_address_parse(cm_span(PETR), &address, NULL),
			 CM_OK);
	assert_int_equal(cm_store_append(f->kit.store, &entry, 1,
					 KIT_NOW - CM_DAY_MS, &seq, NULL),
			 CM_OK);
}

/* PREF-1, PREF-3: more is a letter, by a form of ours, to who is on record. */
static void more_is_asked_by_mail(void **state)
{
	struct fixture *f = *state;
	struct link link = link_of(f, CM_KEY_FOOTER, PETR, KIT_PURPOSE, TODAY);
	struct cm_store_counts before, after;
	char *page, *ticket;
	struct cm_act act;

	link.url[1] = 'p';
	web_grant(f, PETR, KIT_PURPOSE, KIT_NOW - CM_DAY_MS);
	assert_page_lacks(f, link.url, "name=\"more\"");
	put_on_record(f);
	page = page_of(f, "GET", link.url, "", 200);
	assert_non_null(strstr(page, "name=\"more\" value=\"acme/offers\""));
	assert_null(strstr(page, "name=\"more\" value=\"acme/newsletter\""));
	ticket = ticket_in(page);
	before = web_counts(f);
	assert_answer(f, "POST", link.url, "more=acme/offers", 400, "");
	assert_answer(f, "POST", link.url,
		      cm_arena_printf(f->kit.arena,
				      "more=acme/secret&ticket=%s", ticket),
		      400, "");
	assert_int_equal(queued(f).acts, 0);
	assert_answer(f, "POST", link.url,
		      cm_arena_printf(f->kit.arena,
				      "more=acme%%2Foffers&ticket=%s", ticket),
		      200, "<bdi>p\342\200\242\342\200\242\342\200\242@e");
	act = take(f);
	assert_int_equal(act.kind, CM_ACT_REQUEST);
	assert_int_equal(act.address.n, 0);
	assert_int_equal(act.npurposes, 1);
	assert_span(act.purposes[0], "acme/offers");
	assert_span(act.source, "preferences");
	assert_true(act.has_notice);
	after = web_counts(f);
	assert_memory_equal(&before, &after, sizeof(before));
	free(ticket);
	free(page);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, web_set_up, web_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_form_has_a_box_a_purpose_none_ticked),
		TEST(a_subscription_waits_in_the_queue),
		TEST(what_was_shown_is_kept),
		TEST(what_is_not_complete_is_shown_again),
		TEST(a_form_that_is_not_ours_is_shown_first),
		TEST(everybody_gets_the_same_page),
		TEST(reading_asks_for_nothing),
		TEST(nothing_typed_becomes_html_or_a_header),
		TEST(a_form_may_stand_in_a_frame_of_the_shop),
		TEST(without_a_queue_there_is_no_form),
		TEST(the_link_shows_and_does_nothing),
		TEST(the_button_confirms),
		TEST(a_purpose_that_is_gone),
		TEST(who_did_not_ask_says_so),
		TEST(a_link_ends),
		TEST(a_link_of_something_else_is_none),
		TEST(more_is_asked_by_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
