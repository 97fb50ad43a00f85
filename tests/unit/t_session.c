/* session: who is refused, when and how; what the rest gets. */
#include "policy/token.h"

#include "tests/unit/session_world.h"

/* ---- RCPT ------------------------------------------------------------- */

/* R3463-1, R5321-3: the refused are told at once, all in the same words. */
static void refused_in_the_dialogue(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	assert_int_equal(cm_record_rcpt(w.record, w.session, CARL),
			 CM_ANSWER_REJECT);
	assert_string_equal(cm_record_reply(w.record),
			    "550 5.7.1 No consent on record for this "
			    "recipient");
	assert_int_equal(cm_record_rcpt(w.record, w.session, DORA),
			 CM_ANSWER_REJECT);
	assert_string_equal(cm_record_reply(w.record),
			    "550 5.7.1 No consent on record for this "
			    "recipient");
	assert_int_equal(cm_record_rcpt(w.record, w.session, ANNA),
			 CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(ANNA));
	world_check_log(&w, "accepted", 3, 1, 2);
	assert_int_equal(world_logged(&w, "withdrawn"), 1);
	assert_int_equal(world_logged(&w, "no-record"), 1);
	assert_non_null(strstr(cm_buf_text(&w.lines),
			       "reason=withdrawn stage=rcpt event=17 "
			       "stream=newsletter\n"));
	world_end(&w);
}

/* mta.md, 1: a refused RCPT would stick in maildrop. */
static void sendmail_hears_nothing_at_rcpt(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	w.local = true;
	assert_int_equal(world_newsletter(&w, TO(CARL, ANNA)),
			 CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(ANNA));
	assert_true(world_has_call(&w, "delete " CARL "\n"));
	world_check_log(&w, "accepted", 2, 1, 1);
	world_end(&w);
}

static void the_aborted_are_accounted_for(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, CARL);
	cm_session_abort(w.session);
	world_check_log(&w, "rejected", 1, 0, 1);
	cm_buf_reset(&w.lines);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, CARL);
	(void)cm_record_rcpt(w.record, w.session, ANNA);
	cm_session_abort(w.session);
	assert_non_null(strstr(cm_buf_text(&w.lines), " result=aborted "));
	assert_int_equal(world_logged(&w, "refused"), 1);
	assert_int_equal(world_logged(&w, "unsent"), 1);
	cm_buf_reset(&w.lines);
	/* Nobody was refused: nothing to tell. */
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, ANNA);
	cm_session_abort(w.session);
	assert_string_equal(cm_buf_text(&w.lines), "");
	assert_int_equal(cm_engine_in_flight(w.engine), 0);
	world_end(&w);
}

static void source_routes_do_not_leak(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	assert_int_equal(
		cm_record_rcpt(w.record, w.session, "<@hop.test:anna@x.test>"),
		CM_ANSWER_REJECT);
	assert_string_equal(cm_record_reply(w.record),
			    "553 5.1.3 Source routes are not accepted here");
	/* Without a reply at RCPT the mailbox behind it decides, and the form
	 * that the MTA knows is deleted. */
	w.quiet_rcpt = true;
	assert_int_equal(
		world_newsletter(&w, TO("<@a.test,@b.test:carl@x.test>",
					"<@a.test:anna@x.test>", BERT)),
		CM_ANSWER_CONTINUE);
	assert_true(world_has_call(&w, "delete <carl@x.test>\n"));
	world_check_left(&w, TO("<@a.test:anna@x.test>", BERT));
	world_check_log(&w, "accepted", 3, 2, 1);
	/* What may not be found to be deleted is not left to chance. */
	assert_int_equal(world_newsletter(&w, TO("<@a.test", BERT)),
			 CM_ANSWER_REJECT);
	assert_int_equal(
		world_newsletter(&w, TO("<@[:anna@x.test]:carl@x.test>", BERT)),
		CM_ANSWER_REJECT);
	world_end(&w);
}

/* ---- refusals at the end ---------------------------------------------- */

static const struct {
	const char *stream;
	enum cm_answer some, none; /* somebody, nobody may get it */
	const char *reply;         /* of none */
	const char *result;        /* of none */
	const char *left;          /* after none; NULL = nobody */
} refusals[] = {
	{"refuse = reject", CM_ANSWER_CONTINUE, CM_ANSWER_REJECT,
	 "550 5.7.1 No consent on record for this recipient", "rejected", NULL},
	{"refuse = drop", CM_ANSWER_CONTINUE, CM_ANSWER_DISCARD, "",
	 "discarded", NULL},
	{"refuse = rewrite rewrite-to = \"audit@acme.example\"",
	 CM_ANSWER_CONTINUE, CM_ANSWER_CONTINUE, "", "accepted",
	 "audit@acme.example"},
};

static void each_refusal_at_the_end(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		world_begin(&w, refusals[i].stream, "");
		w.quiet_rcpt = true;
		assert_int_equal(world_newsletter(&w, TO(CARL, ANNA, DORA)),
				 refusals[i].some);
		assert_true(world_has_call(&w, "delete " CARL "\n"));
		assert_true(world_has_call(&w, "delete " DORA "\n"));
		assert_false(world_has_call(&w, "delete " ANNA "\n"));
		world_check_log(&w, "accepted", 3, 1, 2);
		assert_non_null(strstr(cm_buf_text(&w.lines), "stage=eom"));
		assert_int_equal(world_newsletter(&w, TO(CARL, DORA)),
				 refusals[i].none);
		assert_string_equal(cm_record_reply(w.record),
				    refusals[i].reply);
		world_check_log(&w, refusals[i].result, 2, 0, 2);
		world_check_left(&w, TO(refusals[i].left));
		world_end(&w);
	}
}

static void rewriting_tells_the_auditor_once(void **state)
{
	struct world w;
	const char *calls;

	(void)state;
	world_begin(&w, refusals[2].stream, "");
	assert_int_equal(world_newsletter(&w, TO(CARL, ANNA, DORA)),
			 CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(ANNA, "audit@acme.example"));
	calls = strstr(cm_record_calls(w.record),
		       "add audit@acme.example NOTIFY=NEVER\n");
	assert_non_null(calls);
	assert_null(strstr(calls + 1, "add audit"));
	assert_true(world_has_call(&w, "remove 1 X-Consent-Purpose\n"));
	/* The auditor reads it, too: nobody's token may be in it. */
	assert_false(world_has_call(&w, "/u/"));
	assert_false(world_has_call(&w, "List-Unsubscribe-Post"));
	/* Nor does our own header leave when only the auditor gets it. */
	assert_int_equal(world_newsletter(&w, TO(DORA)), CM_ANSWER_CONTINUE);
	assert_true(world_has_call(&w, "remove 1 X-Consent-Purpose\n"));
	world_end(&w);
}

static void duplicates_go_as_typed(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "refuse = drop", "");
	assert_int_equal(
		world_newsletter(&w, TO(CARL, "<Carl@X.test>", "carl@x.test",
					CARL, ANNA, "<ANNA@x.TEST>")),
		CM_ANSWER_CONTINUE);
	assert_true(world_has_call(&w, "delete " CARL "\n"));
	assert_true(world_has_call(&w, "delete <Carl@X.test>\n"));
	assert_true(world_has_call(&w, "delete carl@x.test\n"));
	world_check_left(&w, TO(ANNA, "<ANNA@x.TEST>"));
	/* One person, typed twice: the token is theirs. */
	assert_true(world_has_call(&w, "List-Unsubscribe-Post"));
	world_check_log(&w, "accepted", 6, 2, 4);
	world_end(&w);
}

/* Design 5: refused although RCPT had allowed. */
static void who_leaves_meanwhile_gets_nothing(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	assert_int_equal(cm_record_rcpt(w.record, w.session, ANNA),
			 CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_rcpt(w.record, w.session, BERT),
			 CM_ANSWER_CONTINUE);
	fake.people[0].withdrawn = true;
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(BERT));
	world_check_log(&w, "accepted", 2, 1, 1);
	world_end(&w);
}

/* ---- edits ------------------------------------------------------------ */

/* The token that follows the nth of our links in the released message. */
static void read_token(const struct world *w, const char *text,
		       enum cm_key_kind kind, struct cm_token *ret_token)
{
	static const char base[] = "https://c.acme.example/u/";
	struct cm_keys *keys = NULL;
	struct cm_error err;
	const char *uri = strstr(text, base);

	assert_non_null(uri);
	assert_int_equal(cm_keys_open(w->keys, &keys, &err), CM_OK);
	assert_int_equal(
		cm_token_read(keys, kind,
			      cm_span_n(uri + strlen(base), CM_TOKEN_URL_LEN),
			      ret_token),
		CM_OK);
	cm_keys_free(&keys);
}

/* R8058-1, R8058-3, requirements D1. */
static void one_recipient_gets_their_own_token(void **state)
{
	struct world w;
	struct cm_buf out;
	struct cm_token header;
	struct cm_token footer;
	const struct cm_purpose *purpose;
	const char *text;

	(void)state;
	world_begin(&w, "", "");
	purpose = cm_config_purpose(w.config, cm_span("acme/newsletter"));
	assert_int_equal(world_newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	cm_buf_init(&out, 1 << 20);
	assert_int_equal(cm_record_message(w.record, &out), CM_OK);
	text = strstr(cm_buf_text(&out), "List-Unsubscribe: <https:");
	assert_non_null(text);
	assert_non_null(strstr(text, "List-Unsubscribe-Post: "
				     "List-Unsubscribe=One-Click\r\n"));
	read_token(&w, text, CM_KEY_HEADER, &header);
	text = strstr(text, "\r\n\r\n");
	assert_non_null(text);
	read_token(&w, text, CM_KEY_FOOTER, &footer);
	assert_memory_equal(header.purpose, purpose->id, CM_PURPOSE_ID_LEN);
	assert_memory_equal(footer.purpose, purpose->id, CM_PURPOSE_ID_LEN);
	assert_memory_equal(&header.contact, &footer.contact,
			    sizeof(header.contact));
	assert_memory_equal(header.message, footer.message, CM_MESSAGE_REF_LEN);
	assert_null(strstr(cm_buf_text(&out), "X-Consent-Purpose"));
	cm_buf_free(&out);
	world_end(&w);
}

static void the_footer_speaks_their_language(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w,
		   "MIME-Version: 1.0\r\n"
		   "Content-Type: text/plain; charset=utf-8\r\n"
		   "Content-Transfer-Encoding: 8bit\r\n\r\nHell\xc3\xb6\r\n");
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(ANNA)),
			 CM_ANSWER_CONTINUE);
	world_check_line(&w, "edit=footer lang=cs proof=gmime ms=");
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_non_null(strstr(cm_buf_text(&w.lines), "edit=footer lang=en"));
	world_end(&w);
}

static void several_get_no_token(void **state)
{
	struct world w;
	struct cm_buf out;

	(void)state;
	world_begin(&w, "", "");
	assert_int_equal(world_newsletter(&w, TO(ANNA, BERT)),
			 CM_ANSWER_CONTINUE);
	cm_buf_init(&out, 1 << 20);
	assert_int_equal(cm_record_message(w.record, &out), CM_OK);
	assert_non_null(strstr(cm_buf_text(&out),
			       "List-Unsubscribe: "
			       "<https://c.acme.example/u>\r\n"));
	assert_null(strstr(cm_buf_text(&out), "List-Unsubscribe-Post"));
	assert_null(strstr(cm_buf_text(&out), "/u/"));
	assert_non_null(
		strstr(cm_buf_text(&out), "\r\nhttps://c.acme.example/u\r\n"));
	cm_buf_free(&out);
	world_end(&w);
}

static void each_mode_does_its_part(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "mode = observe", "");
	assert_int_equal(world_newsletter(&w, TO(ANNA, CARL)),
			 CM_ANSWER_CONTINUE);
	world_check_untouched(&w, NEWSLETTER);
	world_check_left(&w, TO(ANNA, CARL));
	world_check_log(&w, "observed", 2, 2, 0);
	assert_int_equal(world_logged(&w, "would-refuse"), 1);
	assert_int_equal(world_logged(&w, "withdrawn"), 1);
	assert_non_null(strstr(cm_buf_text(&w.lines), "edit=footer"));
	/* Even without a store. */
	fake.fail_begin = CM_ECORRUPT;
	assert_int_equal(world_newsletter(&w, TO(ANNA, CARL)),
			 CM_ANSWER_CONTINUE);
	world_check_untouched(&w, NEWSLETTER);
	assert_non_null(strstr(cm_buf_text(&w.lines), "why=store-unreadable"));
	world_end(&w);

	world_begin(&w, "mode = edit", "");
	assert_int_equal(world_newsletter(&w, TO(CARL)), CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(CARL));
	world_check_log(&w, "accepted", 1, 1, 0);
	assert_true(world_has_call(&w, "List-Unsubscribe-Post"));
	fake.fail_begin = CM_ECORRUPT;
	assert_int_equal(world_newsletter(&w, TO(CARL)), CM_ANSWER_TEMPFAIL);
	world_end(&w);
}

/* ---- opt-in mail ------------------------------------------------------ */

#define CONSENT "<consent@acme.example>"

static enum cm_answer confirm(struct world *w, const char *const *rcpts)
{
	world_dial(w, CONFIRM);
	return world_mail_to(w, CONSENT, rcpts);
}

/* DOI-3, DOI-5: to who asked, though objected before; to nobody else. */
static void opt_in_mail_goes_to_who_asked(void **state)
{
	static const struct {
		const char *rcpt;
		const char *reason;
	} refused[] = {
		{FINN, "request-ended"}, {ANNA, "no-request"},
		{CARL, "no-request"},    {DORA, "no-request"},
		{"<@x>", "bad-address"},
	};
	struct world w;
	size_t i;

	(void)state;
	world_begin(&w, "", "");
	assert_int_equal(confirm(&w, TO(EMIL)), CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(EMIL));
	/* R8058-15, DE-2: no one-click, no footer, not an octet. */
	world_check_untouched(&w, CONFIRM);
	world_check_log(&w, "accepted", 1, 1, 0);
	world_check_line(&w, "4bX1: stream=confirm type=optin mode=enforce "
			     "rule=sender result=accepted ");
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		world_dial(&w, CONFIRM);
		cm_record_mail(w.record, w.session, CONSENT);
		assert_int_equal(
			cm_record_rcpt(w.record, w.session, refused[i].rcpt),
			CM_ANSWER_REJECT);
		cm_session_abort(w.session);
		world_check_log(&w, "rejected", 1, 0, 1);
		assert_int_equal(world_logged(&w, refused[i].reason), 1);
		/* and where nothing can be said before the end */
		w.quiet_rcpt = true;
		assert_int_equal(confirm(&w, TO(refused[i].rcpt)),
				 CM_ANSWER_REJECT);
		assert_int_equal(world_logged(&w, refused[i].reason), 1);
		w.quiet_rcpt = false;
	}
	/* The newsletter still does not reach them. */
	world_dial(&w, NEWSLETTER);
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(EMIL)),
			 CM_ANSWER_REJECT);
	assert_int_equal(world_logged(&w, "objected"), 1);
	world_end(&w);
}

/* The link in it is one person's, and nobody knows whose. */
static void opt_in_mail_goes_to_one(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, CONFIRM);
	cm_record_mail(w.record, w.session, CONSENT);
	assert_int_equal(cm_record_rcpt(w.record, w.session, EMIL),
			 CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_rcpt(w.record, w.session, ANNA),
			 CM_ANSWER_REJECT);
	assert_string_equal(cm_record_reply(w.record),
			    "550 5.7.1 No consent on record for this "
			    "recipient");
	assert_int_equal(cm_record_data(w.record, w.session), CM_ANSWER_REJECT);
	world_check_log(&w, "rejected", 2, 0, 2);
	assert_int_equal(world_logged(&w, "not-alone"), 2);
	w.local = true;
	assert_int_equal(confirm(&w, TO(EMIL, EMIL)), CM_ANSWER_REJECT);
	world_check_log(&w, "rejected", 2, 0, 2);
	assert_int_equal(world_logged(&w, "not-alone"), 2);
	assert_int_equal(confirm(&w, TO(EMIL)), CM_ANSWER_CONTINUE);
	world_end(&w);
}

/* As marketing, and unlike service: without a store nothing goes. */
static void opt_in_mail_needs_the_store(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	w.quiet_rcpt = true;
	fake.fail_begin = CM_ECORRUPT;
	assert_int_equal(confirm(&w, TO(EMIL)), CM_ANSWER_TEMPFAIL);
	assert_int_equal(world_logged(&w, "deferred"), 1);
	fake.fail_begin = CM_OK;
	fake.newest_rec = NOW + CM_CLOCK_SLACK_MS + 1;
	assert_int_equal(confirm(&w, TO(EMIL)), CM_ANSWER_TEMPFAIL);
	world_check_line(&w, "result=tempfail why=clock-behind");
	w.quiet_rcpt = false;
	fake.newest_rec = GRANT;
	w.optin = "mode = observe";
	world_reload(&w, "", "");
	assert_int_equal(confirm(&w, TO(ANNA, CARL)), CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(ANNA, CARL));
	world_check_untouched(&w, CONFIRM);
	world_check_log(&w, "observed", 2, 2, 0);
	assert_int_equal(world_logged(&w, "would-refuse"), 2);
	world_end(&w);
}

static void too_large_or_uneditable(void **state)
{
	struct world w;
	char *eml = calloc(1, 20000);
	size_t n;

	(void)state;
	assert_non_null(eml);
	n = (size_t)snprintf(eml, 20000, "Subject: x\r\n\r\n");
	while (n < 10000)
		n += (size_t)snprintf(eml + n, 20000 - n, "a line\r\n");
	world_begin(&w, "", "max-edit-size = 4K");
	world_dial(&w, eml);
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(ANNA)),
			 CM_ANSWER_CONTINUE);
	assert_true(world_has_call(&w, "List-Unsubscribe-Post"));
	assert_false(world_has_call(&w, "body "));
	assert_non_null(strstr(cm_buf_text(&w.lines), " edit=size "));
	world_end(&w);

	world_begin(&w, "uneditable = reject", "max-edit-size = 4K");
	world_dial(&w, eml);
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(ANNA)),
			 CM_ANSWER_REJECT);
	assert_true(strncmp(cm_record_reply(w.record), "554 5.6.0 ", 10) == 0);
	assert_string_equal(cm_record_calls(w.record), "");
	world_check_log(&w, "rejected", 1, 0, 1);
	assert_int_equal(world_newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	world_end(&w);
	free(eml);
}

/* R2369-1: whatever the tool brought, ours is the only one. */
static void the_tools_own_links_go(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, "", "");
	world_dial(&w, "List-Unsubscribe: <https://tool.test/1>\r\n"
		       "list-unsubscribe: <https://tool.test/2>\r\n"
		       "Subject: x\r\n"
		       "LIST-UNSUBSCRIBE: <mailto:x@tool.test>,\r\n"
		       " <https://tool.test/3>\r\n\r\nHello\r\n");
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_message(w.record, &w.out), CM_OK);
	assert_null(strstr(cm_buf_text(&w.out), "tool.test/"));
	assert_non_null(strstr(cm_buf_text(&w.out), "Subject: x\r\n"));
	world_end(&w);
}

/* RMIME-11: no second footer, no second header, the same links. */
static void a_second_pass_changes_nothing(void **state)
{
	struct world w;
	char *once;

	(void)state;
	world_begin(&w, "", "");
	assert_int_equal(world_newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_message(w.record, &w.out), CM_OK);
	once = strdup(cm_buf_text(&w.out));
	assert_non_null(once);
	world_dial(&w, once);
	cm_record_set_macro(w.record, "i", "another");
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	cm_buf_reset(&w.out);
	assert_int_equal(cm_record_message(w.record, &w.out), CM_OK);
	assert_string_equal(cm_buf_text(&w.out), once);
	/* Sent on to somebody else, it gets that person's. */
	world_dial(&w, once);
	cm_record_set_macro(w.record, "i", "another");
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(ANNA)),
			 CM_ANSWER_CONTINUE);
	assert_true(world_has_call(&w, "insert 1 List-Unsubscribe: "));
	free(once);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_in_the_dialogue),
		cmocka_unit_test(sendmail_hears_nothing_at_rcpt),
		cmocka_unit_test(the_aborted_are_accounted_for),
		cmocka_unit_test(source_routes_do_not_leak),
		cmocka_unit_test(each_refusal_at_the_end),
		cmocka_unit_test(rewriting_tells_the_auditor_once),
		cmocka_unit_test(duplicates_go_as_typed),
		cmocka_unit_test(who_leaves_meanwhile_gets_nothing),
		cmocka_unit_test(one_recipient_gets_their_own_token),
		cmocka_unit_test(the_footer_speaks_their_language),
		cmocka_unit_test(several_get_no_token),
		cmocka_unit_test(each_mode_does_its_part),
		cmocka_unit_test(opt_in_mail_goes_to_who_asked),
		cmocka_unit_test(opt_in_mail_goes_to_one),
		cmocka_unit_test(opt_in_mail_needs_the_store),
		cmocka_unit_test(too_large_or_uneditable),
		cmocka_unit_test(the_tools_own_links_go),
		cmocka_unit_test(a_second_pass_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
