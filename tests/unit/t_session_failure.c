/* session: what is not ours, what fails, what is too much. */
#include "tests/unit/session_world.h"

/* ---- not ours --------------------------------------------------------- */

static void service_mail_needs_no_store(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	fake.fail_open = CM_EIO;
	world_dial(&w, RESET);
	assert_int_equal(
		world_mail_to(&w, "<shop@acme.example>", TO(ANNA, CARL)),
		CM_ANSWER_CONTINUE);
	world_check_untouched(&w, RESET);
	world_check_left(&w, TO(ANNA, CARL));
	world_check_log(&w, "passed", 2, 2, 0);
	assert_non_null(
		strstr(cm_buf_text(&w.lines), "stream=receipts type=service"));
	assert_int_equal(fake.opens, 0);
	assert_int_equal(fake.reads, 0);
	world_end(&w);
}

static void people_write_to_people(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w,
		   "From: a@acme.example\r\nSubject: lunch?\r\n\r\nNoon\r\n");
	assert_int_equal(world_mail_to(&w, "<a@acme.example>", TO(CARL)),
			 CM_ANSWER_CONTINUE);
	assert_string_equal(cm_record_calls(w.record), "");
	world_check_log(&w, "passed", 1, 1, 0);
	assert_int_equal(fake.opens, 0);
	world_end(&w);
}

static void unmatched_bulk_as_configured(void **state)
{
	static const char bulk[] =
		"From: x@acme.example\r\nPrecedence: bulk\r\n\r\nBuy\r\n";
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, bulk);
	assert_int_equal(world_mail_to(&w, "<x@acme.example>", TO(CARL)),
			 CM_ANSWER_CONTINUE);
	world_check_untouched(&w, bulk);
	assert_non_null(strstr(cm_buf_text(&w.lines), "class=bulk"));
	world_end(&w);
	world_begin(&w, "", "unmatched-bulk = tempfail");
	world_dial(&w, bulk);
	assert_int_equal(world_mail_to(&w, "<x@acme.example>", TO(CARL)),
			 CM_ANSWER_TEMPFAIL);
	world_check_log(&w, "tempfail", 1, 0, 0);
	world_end(&w);
	world_begin(&w, "", "unmatched-bulk = newsletter");
	world_dial(&w, bulk);
	assert_int_equal(world_mail_to(&w, "<x@acme.example>", TO(CARL)),
			 CM_ANSWER_REJECT);
	world_check_log(&w, "rejected", 1, 0, 1);
	world_end(&w);
}

/* ---- failures --------------------------------------------------------- */

static void an_unreadable_store_defers(void **state)
{
	static int *const faults[] = {&fake.fail_open, &fake.fail_begin,
				      &fake.fail_lookup};
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		world_begin(&w, "", "");
		*faults[i] = CM_ECORRUPT;
		world_dial(&w, NEWSLETTER);
		cm_record_mail(w.record, w.session, "<news@acme.example>");
		assert_int_equal(cm_record_rcpt(w.record, w.session, ANNA),
				 CM_ANSWER_TEMPFAIL);
		assert_string_equal(cm_record_reply(w.record),
				    "451 4.3.0 Consent cannot be checked now, "
				    "try again later");
		w.quiet_rcpt = true;
		assert_int_equal(world_newsletter(&w, TO(ANNA)),
				 CM_ANSWER_TEMPFAIL);
		world_check_log(&w, "tempfail", 1, 0, 0);
		assert_string_equal(cm_record_calls(w.record), "");
		world_end(&w);
	}
}

/* Said once, not at every message; without the address in the reason. */
static void a_store_is_tried_again_and_said_once(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	fake.fail_open = CM_EIO;
	world_dial(&w, NEWSLETTER);
	for (i = 0; i < 3; i++)
		(void)world_mail_to(&w, "<news@acme.example>", TO(ANNA));
	assert_non_null(strstr(cm_buf_text(&w.lines),
			       "marketing gets 451: no store for *@x.test\n"));
	assert_null(strstr(strstr(cm_buf_text(&w.lines), "marketing gets") + 1,
			   "marketing gets"));
	assert_int_equal(fake.opens, 1); /* this test's clock stands still */
	world_end(&w);

	/* Replaced while we run: 451, opened anew, and all is well. */
	world_begin(&w, "refuse = drop", "");
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	fake.fail_begin = CM_ECORRUPT;
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_TEMPFAIL);
	fake.fail_begin = CM_OK;
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	assert_int_equal(fake.opens, 2);
	assert_non_null(strstr(cm_buf_text(&w.lines), "read again"));
	world_end(&w);
}

/* A backup put back lacks the refusals since then: 451, not their mail. */
static void an_older_store_is_noticed(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	fake.size = 10;
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	fake.size = 9;
	for (i = 0; i < 3; i++)
		assert_int_equal(world_newsletter(&w, TO(ANNA)),
				 CM_ANSWER_TEMPFAIL);
	fake.size = 10;
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	fake.size = 11;
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	world_end(&w);
}

/* The same, by a process that starts on it, without any checkpoint. */
static void an_older_store_is_remembered(void **state)
{
	static const struct {
		uint64_t size;
		uint8_t history;
		enum cm_answer answer;
		const char *says;
	} rows[] = {
		{10, 0, CM_ANSWER_CONTINUE, ""},
		{9, 0, CM_ANSWER_TEMPFAIL,
		 "has 9 events where it had 10: an older copy"},
		{10, 1, CM_ANSWER_TEMPFAIL, "first 10 events of the store"},
		{20, 1, CM_ANSWER_TEMPFAIL, "are not those that were there"},
		{11, 0, CM_ANSWER_CONTINUE, ""},
		{10, 0, CM_ANSWER_TEMPFAIL, "where it had 11"},
	};
	struct world w;
	size_t i;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_restart(&w);
		fake.size = rows[i].size;
		fake.history = rows[i].history;
		assert_int_equal(world_newsletter(&w, TO(ANNA)),
				 rows[i].answer);
		if (rows[i].says[0] != '\0')
			world_check_line(&w, rows[i].says);
	}
	cm_memory_stop(cm_engine_memory(w.engine));
	world_end(&w);
}

/* Not 550 for everybody, as if nobody had ever consented. */
static void another_store_key_is_not_taken(void **state)
{
	char command[512];
	struct world w;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	(void)snprintf(command, sizeof(command),
		       "tr abcdef bcdefa <%s/store.key >%s/new && "
		       "cat %s/new >%s/store.key",
		       w.keys, w.folder, w.folder, w.keys);
	assert_int_equal(system(command), 0);
	world_reload(&w, "refuse = drop", "");
	world_check_line(&w, "store key of another store");
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	world_end(&w);
}

static void a_clock_behind_the_ledger_defers(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	fake.newest_rec = NOW + 61000;
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_TEMPFAIL);
	assert_non_null(strstr(cm_buf_text(&w.lines), "why=clock-behind"));
	world_check_log(&w, "tempfail", 1, 0, 0);
	fake.newest_rec = NOW + 59000;
	assert_int_equal(world_newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	world_end(&w);
}

/* Whichever change the MTA does not take: 451, and never accepted. */
static void any_failing_change_defers(void **state)
{
	struct world w;
	unsigned nth;
	enum cm_answer answer = CM_ANSWER_TEMPFAIL;

	(void)state;
	world_begin(&w, "refuse = rewrite rewrite-to = \"audit@acme.example\"",
		    "");
	for (nth = 1; nth < 30 && answer == CM_ANSWER_TEMPFAIL; nth++) {
		world_dial(&w, NEWSLETTER);
		cm_record_fail_at(w.record, nth);
		answer = world_mail_to(&w, "<news@acme.example>",
				       TO(CARL, ANNA, DORA));
		if (answer == CM_ANSWER_TEMPFAIL) {
			world_check_log(&w, "tempfail", 3, 0, 0);
			world_check_left(&w, TO(NULL));
		}
	}
	assert_int_equal(answer, CM_ANSWER_CONTINUE);
	/* 2 deletions, the auditor, 1 header out, 1 or more in, the body */
	assert_true(nth > 6 && nth < 30);
	world_end(&w);
}

static void crowd(struct world *w, int count)
{
	char rcpt[40];
	int i;

	world_dial(w, NEWSLETTER);
	cm_record_mail(w->record, w->session, "<news@acme.example>");
	for (i = 0; i < count; i++) {
		(void)snprintf(rcpt, sizeof(rcpt), "<p%d@x.test>", i);
		(void)cm_session_rcpt(w->session, rcpt);
	}
}

/* R5321-2, memory bounded: over the limit nobody is lost silently. */
static void crowds_are_deferred(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	w.quiet_rcpt = true;
	crowd(&w, CM_MESSAGE_RCPTS_MAX + 1);
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_TEMPFAIL);
	world_check_log(&w, "tempfail", CM_MESSAGE_RCPTS_MAX + 1, 0, 0);
	world_check_line(&w, "smaller batches");
	/* Where RCPT can be answered, only those too many are. */
	w.quiet_rcpt = false;
	crowd(&w, CM_MESSAGE_RCPTS_MAX);
	assert_int_equal(cm_session_rcpt(w.session, ANNA), CM_ANSWER_TEMPFAIL);
	assert_memory_equal(cm_record_reply(w.record), "452 4.5.3 ", 10);
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_DISCARD);
	world_check_log(&w, "discarded", CM_MESSAGE_RCPTS_MAX + 1, 0,
			CM_MESSAGE_RCPTS_MAX);
	world_end(&w);
}

static void five_thousand_are_decided_each(void **state)
{
	struct world w;
	char rcpt[40];
	int i;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	world_dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	for (i = 0; i < 5000; i++) {
		(void)snprintf(rcpt, sizeof(rcpt), "<p%d@x.test>", i);
		(void)cm_record_rcpt(w.record, w.session, rcpt);
	}
	(void)cm_record_rcpt(w.record, w.session, ANNA);
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(ANNA));
	world_check_log(&w, "accepted", 5001, 1, 5000);
	world_end(&w);
}

static void lost_headers_are_not_trusted(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, RESET);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, ANNA);
	for (i = 0; i < CM_MESSAGE_HEADERS_MAX; i++)
		cm_session_header(w.session, "X", "y");
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_TEMPFAIL);
	cm_record_mail(w.record, w.session, "<shop@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, ANNA);
	for (i = 0; i < CM_MESSAGE_HEADERS_MAX; i++)
		cm_session_header(w.session, "X", "y");
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_CONTINUE);
	world_end(&w);
}

/* ---- config ----------------------------------------------------------- */

static void a_message_keeps_its_config(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	world_dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, CARL);
	world_reload(&w, "mode = observe", "");
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_DISCARD);
	assert_int_equal(world_newsletter(&w, TO(CARL)), CM_ANSWER_CONTINUE);
	world_check_log(&w, "observed", 1, 1, 0);
	world_end(&w);
}

static void rcpt_is_answered_only_where_needed(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	assert_true(cm_session_may_refuse_rcpt(w.config));
	world_end(&w);
	world_begin(&w, "refuse = drop", "");
	assert_true(cm_session_may_refuse_rcpt(w.config)); /* opt-in mail */
	w.optin = "mode = observe";
	world_reload(&w, "refuse = drop", "");
	assert_false(cm_session_may_refuse_rcpt(w.config));
	world_reload(&w, "mode = edit", "");
	assert_false(cm_session_may_refuse_rcpt(w.config));
	world_end(&w);
}

/*
 * D2: Postfix delivered "<friends: u@d;>" and "<u@d>>" to u, and did not find
 * them to delete.  So they are refused, or nobody gets the message.
 */
static void what_may_not_be_deleted_is_not_taken(void **state)
{
	static const char *const odd[] = {
		"<friends: carl@x.test;>", "<carl@x.test>>",
		"(c) dora@x.test",         "<carl@[192.0.2.1]>",
		"<a@x.test,b@x.test>",
	};
	static const char *const plain[] = {"<carl>", "postmaster", "<c@@x>"};
	struct world w;
	size_t i;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		w.quiet_rcpt = false;
		world_dial(&w, NEWSLETTER);
		cm_record_mail(w.record, w.session, "<news@acme.example>");
		assert_int_equal(cm_record_rcpt(w.record, w.session, odd[i]),
				 CM_ANSWER_REJECT);
		assert_string_equal(cm_record_reply(w.record),
				    "553 5.1.3 A recipient address cannot be "
				    "read");
		(void)cm_record_rcpt(w.record, w.session, ANNA);
		assert_int_equal(cm_record_data(w.record, w.session),
				 CM_ANSWER_CONTINUE);
		world_check_left(&w, TO(ANNA));
		w.quiet_rcpt = true;
		assert_int_equal(world_newsletter(&w, TO(ANNA, odd[i])),
				 CM_ANSWER_REJECT);
		assert_string_equal(cm_record_calls(w.record), "");
		world_check_line(&w, "why=unreadable-recipient");
		/* With nobody left nothing is to be deleted. */
		assert_int_equal(world_newsletter(&w, TO(CARL, odd[i])),
				 CM_ANSWER_DISCARD);
	}
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		assert_int_equal(world_newsletter(&w, TO(ANNA, plain[i])),
				 CM_ANSWER_CONTINUE);
		world_check_left(&w, TO(ANNA));
	}
	world_end(&w);
}

/* Steps that no MTA sends in this order; nothing may break. */
static void odd_orders_are_harmless(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, NEWSLETTER);
	assert_int_equal(cm_session_eom(w.session), CM_ANSWER_CONTINUE);
	assert_int_equal(cm_session_rcpt(w.session, ANNA), CM_ANSWER_CONTINUE);
	cm_session_header(w.session, "a", "b");
	cm_session_body(w.session, "x", 1);
	cm_session_abort(w.session);
	cm_session_mail(w.session, "");
	cm_session_mail(w.session, "<>");
	cm_session_body(w.session, "\0", 1);
	(void)cm_session_eom(w.session);
	assert_int_equal(cm_engine_in_flight(w.engine), 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_mail_needs_no_store),
		cmocka_unit_test(people_write_to_people),
		cmocka_unit_test(unmatched_bulk_as_configured),
		cmocka_unit_test(an_unreadable_store_defers),
		cmocka_unit_test(a_store_is_tried_again_and_said_once),
		cmocka_unit_test(an_older_store_is_noticed),
		cmocka_unit_test(an_older_store_is_remembered),
		cmocka_unit_test(another_store_key_is_not_taken),
		cmocka_unit_test(a_clock_behind_the_ledger_defers),
		cmocka_unit_test(any_failing_change_defers),
		cmocka_unit_test(crowds_are_deferred),
		cmocka_unit_test(five_thousand_are_decided_each),
		cmocka_unit_test(lost_headers_are_not_trusted),
		cmocka_unit_test(a_message_keeps_its_config),
		cmocka_unit_test(rcpt_is_answered_only_where_needed),
		cmocka_unit_test(what_may_not_be_deleted_is_not_taken),
		cmocka_unit_test(odd_orders_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
