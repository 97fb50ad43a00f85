/*
 * my_data: everything on record is on the page, in words, and nothing of it
 * is HTML (G15); a record of any kind and size has a page.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/answer_kit.h"

static struct link mailed(struct fixture *f, const char *address)
{
	struct link link = link_of(f, CM_KEY_MAILED, address, "acme", TODAY);

	link.url[1] = 'm';
	return link;
}

static void has(struct fixture *f, const char *url, const char *text)
{
	assert_answer(f, "GET", url, "", 200, text);
}

/* A row each: what happened, in the words of the page. */
static void every_event_has_words(void **state)
{
	static const struct {
		enum cm_event_type type;
		enum cm_actor actor;
		const char *words;
	} rows[] = {
		{CM_EVENT_REQUESTED, CM_ACTOR_PERSON, "You were signed up"},
		{CM_EVENT_GRANTED, CM_ACTOR_ADMIN, "You agreed"},
		{CM_EVENT_CONFIRMED, CM_ACTOR_PERSON, "You confirmed"},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_PERSON, "took your consent back"},
		{CM_EVENT_OBJECTED, CM_ACTOR_ADMIN, "You objected"},
		{CM_EVENT_COMPLAINED, CM_ACTOR_SYSTEM, "as spam"},
		{CM_EVENT_UNDELIVERABLE, CM_ACTOR_SYSTEM, "came back"},
		{CM_EVENT_RESTRICTED, CM_ACTOR_ADMIN, "was restricted"},
		{CM_EVENT_CLEARED, CM_ACTOR_ADMIN, "A mark was lifted"},
		{CM_EVENT_ASKED, CM_ACTOR_SYSTEM, "asked whether to go on"},
		{CM_EVENT_DISCLOSED, CM_ACTOR_ADMIN, "The auditors"},
		{CM_EVENT_REQUEST_OPENED, CM_ACTOR_ADMIN, "You asked us"},
		{CM_EVENT_REQUEST_EXTENDED, CM_ACTOR_ADMIN, "took more time"},
		{CM_EVENT_REQUEST_CLOSED, CM_ACTOR_ADMIN, "We answered"},
	};
	struct fixture *f = *state;
	struct link link = mailed(f, PETR);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cm_event event = kit_event(&f->kit, PETR, rows[i].type);

		event.actor = rows[i].actor;
		(void)snprintf(event.language, sizeof(event.language), "%s",
			       event.language[0] != '\0' ? "en" : "");
		if (rows[i].type == CM_EVENT_DISCLOSED)
			(void)snprintf(event.to, sizeof(event.to),
				       "The auditors <b>");
		(void)kit_append(&f->kit, &event, KIT_NOW + (int64_t)i);
		has(f, link.url, rows[i].words);
	}
	has(f, link.url, "The auditors &lt;b&gt;");
	assert_page_lacks(f, link.url, "{{");
}

static void keep_text(struct fixture *f, struct cm_event *event,
		      const char *text)
{
	assert_int_equal(cm_store_put_notice(f->kit.store, cm_span(text),
					     &event->notice, NULL),
			 CM_OK);
	event->has_notice = true;
}

/* Texts shown and kept are text, once; a page that was shown is readable. */
static void what_was_shown_is_text(void **state)
{
	struct fixture *f = *state;
	struct cm_event event = kit_event(&f->kit, PETR, CM_EVENT_GRANTED);
	struct link link = mailed(f, PETR);
	struct cm_answer answer;
	char *first;

	event.language[0] = '\0';
	keep_text(f, &event, "I want <script>alert(1)</script> & news.");
	(void)kit_append(&f->kit, &event, KIT_NOW);
	(void)kit_append(&f->kit, &event, KIT_NOW + 1);
	keep_text(f, &event, "<main lang=\"en\"><p>Yes &amp; no</p></main>");
	(void)kit_append(&f->kit, &event, KIT_NOW + 2);
	web_ask(f, "GET", link.url, "", NULL, &answer);
	first = strstr(cm_buf_text(&answer.page.body),
		       "I want &lt;script&gt;alert(1)&lt;/script&gt; &amp; "
		       "news.");
	assert_non_null(first);
	assert_null(strstr(strstr(first, "alert") + 1, "alert"));
	assert_non_null(strstr(first, "the same text as in no. 1"));
	assert_non_null(strstr(first, "<dd>Yes &amp; no"));
	assert_null(strstr(cm_buf_text(&answer.page.body), "<script"));
	assert_string_equal(web_header(&answer, "Cache-Control"), "no-store");
	assert_string_equal(web_header(&answer, "Referrer-Policy"),
			    "no-referrer");
	cm_answer_free(&answer);
}

/* Nobody on record; and somebody with a thousand events. */
static void of_any_size(void **state)
{
	struct fixture *f = *state;
	struct cm_event event = kit_event(&f->kit, PETR, CM_EVENT_WITHDRAWN);
	struct cm_store_entry entries[1000];
	struct link link = mailed(f, PETR);
	uint64_t seq;
	size_t i;

	has(f, link.url, "Nothing is on record");
	memset(entries, 0, sizeof(entries));
	for (i = 0; i < 1000; i++)
		entries[i].event = event;
	assert_int_equal(cm_store_append(f->kit.store, entries, 1000, KIT_NOW,
					 &seq, NULL),
			 CM_OK);
	has(f, link.url, "<h3>1000. You took your consent back");
}

/* Another day's or a forged one says nothing of who it is about. */
static void links_that_are_none(void **state)
{
	struct fixture *f = *state;
	struct link link = mailed(f, PETR);
	struct link old = link_of(f, CM_KEY_MAILED, PETR, "acme", TODAY - 2);
	struct link next = link_of(f, CM_KEY_MAILED, PETR, "acme", TODAY + 1);
	struct cm_queue *queue = f->site.queue;

	old.url[1] = 'm';
	next.url[1] = 'm';
	assert_answer(f, "GET", old.url, "", 410, "This link has ended");
	assert_answer(f, "GET", next.url, "", 410, "This link has ended");
	assert_answer(f, "GET", "/m/", "", 404, "This link does not work");
	link.url[10] = link.url[10] == 'A' ? 'B' : 'A';
	assert_answer(f, "GET", link.url, "", 404, "This link does not work");
	assert_answer(f, "POST", link.url, "act=erase", 404, "does not work");
	assert_answer(f, "GET", "/lost", "", 200, "Lost the e-mail?");
	f->site.queue = NULL;
	assert_answer(f, "GET", "/lost", "", 404, "does not work");
	assert_answer(f, "GET", old.url, "", 410, "This link has ended");
	assert_page_lacks(f, old.url, "/lost");
	f->site.queue = queue;
	assert_answer(f, "PUT", mailed(f, PETR).url, "", 405, "");
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, web_set_up, web_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_event_has_words),
		TEST(what_was_shown_is_text),
		TEST(of_any_size),
		TEST(links_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
