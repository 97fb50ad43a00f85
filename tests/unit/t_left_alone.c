/*
 * What is left alone goes its stream's way: uneditable = headers-only, wrap,
 * hold, reject.  The second reader is this file's, so that a proof can fail.
 */
#include "milter/proof.h"

#include "tests/unit/session_world.h"

/* What GMime finds next; NULL = it agrees. */
static const char *planted;
static const char *planted_wrap;

int cm_proof_gmime(const struct cm_proof *proof, const char **ret_why)
{
	assert_non_null(proof->tree);
	*ret_why = planted;
	return CM_OK;
}

int cm_proof_wrap_gmime(const struct cm_proof_wrap *proof, const char **ret_why)
{
	assert_non_null(proof->tree);
	*ret_why = planted_wrap;
	return CM_OK;
}

#define HEAD                                                                   \
	"From: Acme <news@acme.example>\r\n"                                   \
	"Subject: Autumn\r\n"

#define SIGNED                                                                 \
	HEAD "MIME-Version: 1.0\r\n"                                           \
	     "Content-Language: cs\r\n"                                        \
	     "content-type: multipart/signed; boundary=\"s\";\r\n"             \
	     "\tprotocol=\"application/pgp-signature\"\r\n"                    \
	     "X-Between: 1\r\n"                                                \
	     "Content-Description: a letter\r\n"                               \
	     "\r\n" SIGNED_BODY
#define SIGNED_BODY                                                            \
	"--s\r\n\r\nHello\r\n"                                                 \
	"--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n"          \
	"--s--\r\n"

static const struct {
	const char *name;
	const char *eml;
	const char *global;
	const char *word;
	bool wraps;
} cases[] = {
	{"signed", SIGNED, "", "signed", true},
	{"inline pgp", HEAD "\r\n-----BEGIN PGP MESSAGE-----\r\n", "", "pgp",
	 true},
	{"no text",
	 HEAD "Content-Type: application/pdf\r\n"
	      "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
	 "", "notext", true},
	{"broken",
	 HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	      "--b\r\n\r\nHello\r\n",
	 "", "boundary", false},
	{"dkim",
	 "DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s; h=From;\r\n"
	 " bh=YQ==; b=YQ==\r\n" HEAD "\r\nHello\r\n",
	 "", "dkim", false},
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static enum cm_answer send(struct world *w, const char *policy, size_t i,
			   const char *const *rcpts)
{
	char setting[64];

	(void)snprintf(setting, sizeof(setting), "uneditable = %s", policy);
	world_begin(w, setting, cases[i].global);
	w->quiet_rcpt = true;
	world_dial(w, cases[i].eml);
	return world_mail_to(w, "<news@acme.example>", rcpts);
}

static void check_word(const struct world *w, const char *key, size_t i)
{
	char want[64];

	(void)snprintf(want, sizeof(want), " %s=%s ", key, cases[i].word);
	world_check_line(w, want);
}

static void headers_only(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < CASES; i++) {
		assert_int_equal(send(&w, "headers-only", i, TO(ANNA, CARL)),
				 CM_ANSWER_CONTINUE);
		world_check_left(&w, TO(ANNA));
		assert_true(world_has_call(&w, "List-Unsubscribe-Post"));
		assert_false(world_has_call(&w, "body "));
		assert_false(world_has_call(&w, "quarantine"));
		world_check_log(&w, "accepted", 2, 1, 1);
		check_word(&w, "edit", i);
		world_end(&w);
	}
}

/* R3463-2, and its twin: what can be edited is not rejected. */
static void reject(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < CASES; i++) {
		assert_int_equal(send(&w, "reject", i, TO(ANNA, CARL)),
				 CM_ANSWER_REJECT);
		assert_int_equal(
			strncmp(cm_record_reply(w.record), "554 5.6.0 ", 10),
			0);
		assert_string_equal(cm_record_calls(w.record), "");
		world_check_log(&w, "rejected", 2, 0, 2);
		check_word(&w, "edit", i);
		assert_int_equal(world_newsletter(&w, TO(BERT)),
				 CM_ANSWER_CONTINUE);
		world_end(&w);
	}
}

/* The refused are out before anybody can release it. */
static void hold(void **state)
{
	struct world w;
	char want[96];
	const char *calls;
	size_t i;

	(void)state;
	for (i = 0; i < CASES; i++) {
		assert_int_equal(send(&w, "hold", i, TO(CARL, ANNA)),
				 CM_ANSWER_CONTINUE);
		world_check_left(&w, TO(ANNA));
		calls = cm_record_calls(w.record);
		(void)snprintf(want, sizeof(want),
			       "quarantine consent-milter: stream newsletter: "
			       "no footer (%s)\n",
			       cases[i].word);
		assert_non_null(strstr(calls, want));
		assert_true(strstr(calls, "delete " CARL) <
			    strstr(calls, "quarantine"));
		assert_true(world_has_call(&w, "List-Unsubscribe-Post"));
		assert_false(world_has_call(&w, "body "));
		world_check_log(&w, "held", 2, 1, 1);
		check_word(&w, "edit", i);
		/* Twins: nobody is left; there is a footer. */
		world_dial(&w, cases[i].eml);
		assert_int_equal(
			world_mail_to(&w, "<news@acme.example>", TO(CARL)),
			CM_ANSWER_REJECT);
		assert_string_equal(cm_record_calls(w.record), "");
		assert_int_equal(world_newsletter(&w, TO(BERT)),
				 CM_ANSWER_CONTINUE);
		assert_false(world_has_call(&w, "quarantine"));
		/* An MTA that cannot hold it must not deliver it. */
		world_dial(&w, SIGNED);
		cm_record_fail_at(w.record, 4);
		assert_int_equal(world_mail_to(&w, "<news@acme.example>",
					       TO(CARL, ANNA)),
				 CM_ANSWER_TEMPFAIL);
		world_end(&w);
	}
}

static void wrap(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < CASES; i++) {
		assert_int_equal(send(&w, "wrap", i, TO(ANNA, CARL)),
				 CM_ANSWER_CONTINUE);
		world_check_left(&w, TO(ANNA));
		assert_true(world_has_call(&w, "List-Unsubscribe-Post"));
		assert_true(world_has_call(&w, "body ") == cases[i].wraps);
		world_check_log(&w, "accepted", 2, 1, 1);
		check_word(&w, cases[i].wraps ? "word" : "edit", i);
		if (cases[i].wraps)
			world_check_line(&w, " edit=wrapped lang=cs "
					     "proof=gmime word=");
		world_end(&w);
	}
}

/* All Content-* fields, in order and as they came; the rest stays outside. */
static void wrapped_as_it_came(void **state)
{
	struct world w;
	const char *text;
	const char *body;

	(void)state;
	assert_int_equal(send(&w, "wrap", 0, TO(BERT)), CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_message(w.record, &w.out), CM_OK);
	text = cm_buf_text(&w.out);
	body = strstr(text, "\r\n\r\n");
	assert_non_null(body);
	assert_non_null(strstr(text, "Content-Type: multipart/mixed;\r\n"
				     " boundary=\"=_cm_"));
	assert_non_null(strstr(body,
			       "\r\nContent-Language: cs\r\n"
			       "content-type: multipart/signed; "
			       "boundary=\"s\";\r\n"
			       "\tprotocol=\"application/pgp-signature\"\r\n"
			       "Content-Description: a letter\r\n"
			       "\r\n" SIGNED_BODY "\r\n--=_cm_"));
	assert_true(strstr(text, "X-Between: 1\r\n") < body);
	assert_true(strstr(text, "Content-Language") > body);
	assert_true(strstr(text, "Content-Description") > body);
	assert_null(strstr(strstr(text, "MIME-Version") + 1, "MIME-Version"));
	/* The language is the message's, which the person did not choose. */
	world_check_line(&w, " lang=cs ");
	world_end(&w);
}

/* RMIME-11: by another queue id, too. */
static void wrapped_once(void **state)
{
	struct world w;
	char *once;

	(void)state;
	assert_int_equal(send(&w, "wrap", 0, TO(BERT)), CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_message(w.record, &w.out), CM_OK);
	once = strdup(cm_buf_text(&w.out));
	assert_non_null(once);
	world_dial(&w, once);
	cm_record_set_macro(w.record, "i", "another");
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_string_equal(cm_record_calls(w.record), "");
	world_check_line(&w, " edit=headers ");
	/* Nor do the other policies find anything to do. */
	world_reload(&w, "uneditable = reject", "");
	world_dial(&w, once);
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	free(once);
	world_end(&w);
}

static void retries_are_the_same(void **state)
{
	struct world w;
	char *once;

	(void)state;
	assert_int_equal(send(&w, "wrap", 0, TO(BERT)), CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_message(w.record, &w.out), CM_OK);
	once = strdup(cm_buf_text(&w.out));
	assert_non_null(once);
	world_dial(&w, SIGNED);
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	cm_buf_reset(&w.out);
	assert_int_equal(cm_record_message(w.record, &w.out), CM_OK);
	assert_string_equal(cm_buf_text(&w.out), once);
	free(once);
	world_end(&w);
}

/* Design 12: our own bug goes the same way, and is told of. */
static void disproved(void **state)
{
	static const struct {
		const char *setting;
		enum cm_answer answer;
		const char *line;
	} ways[] = {
		{"uneditable = headers-only", CM_ANSWER_CONTINUE,
		 "edit=disproved disproof=between "},
		{"uneditable = reject", CM_ANSWER_REJECT,
		 "edit=disproved disproof=between "},
		{"uneditable = hold", CM_ANSWER_CONTINUE,
		 "edit=disproved disproof=between "},
		{"uneditable = wrap", CM_ANSWER_CONTINUE,
		 "edit=wrapped lang=en proof=gmime disproof=between "},
		{"mode = observe uneditable = reject", CM_ANSWER_CONTINUE,
		 "edit=disproved disproof=between "},
	};
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		planted = "between";
		world_begin(&w, ways[i].setting, "");
		assert_int_equal(world_newsletter(&w, TO(BERT)),
				 ways[i].answer);
		world_check_line(&w, ways[i].line);
		world_check_line(&w, "did not pass its proof");
		assert_true(world_has_call(&w, "quarantine ") == (i == 2));
		assert_true(world_has_call(&w, "body ") == (i == 3));
		planted = NULL;
		assert_int_equal(world_newsletter(&w, TO(BERT)),
				 CM_ANSWER_CONTINUE);
		world_check_line(&w, "edit=footer ");
		world_end(&w);
	}
}

/* Then there is nothing left but the headers. */
static void wrapper_disproved(void **state)
{
	struct world w;

	(void)state;
	planted_wrap = "other";
	assert_int_equal(send(&w, "wrap", 0, TO(BERT)), CM_ANSWER_CONTINUE);
	world_check_line(&w, "edit=disproved disproof=other ");
	assert_false(world_has_call(&w, "body "));
	assert_true(world_has_call(&w, "List-Unsubscribe-Post"));
	planted_wrap = NULL;
	world_end(&w);
}

/*
 * Two hops: our signer signed behind the first, and at the second there is
 * nothing to do, so the signature stays; one who is somebody else gets a
 * footer of their own, and the signature has to go.
 */
static void resigned_once(void **state)
{
	static const char signature[] =
		"DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s; "
		"h=From:List-Unsubscribe:List-Unsubscribe-Post; bh=YQ==; "
		"b=YQ==\r\n";
	struct world w;
	struct cm_buf twice;

	(void)state;
	cm_buf_init(&twice, 1 << 20);
	world_begin(&w, "presigned = resign uneditable = reject",
		    "dkim-domains = {\"acme.example\"}");
	assert_int_equal(world_newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_message(w.record, &w.out), CM_OK);
	(void)cm_buf_adds(&twice, signature);
	(void)cm_buf_adds(&twice, cm_buf_text(&w.out));
	world_dial(&w, cm_buf_text(&twice));
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_string_equal(cm_record_calls(w.record), "");
	world_dial(&w, cm_buf_text(&twice));
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(ANNA)),
			 CM_ANSWER_CONTINUE);
	assert_true(world_has_call(&w, "remove 1 DKIM-Signature\n"));
	/* Kept, it is done all the same: no reason to reject it. */
	world_reload(&w, "uneditable = reject", "");
	world_dial(&w, cm_buf_text(&twice));
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_string_equal(cm_record_calls(w.record), "");
	cm_buf_free(&twice);
	world_end(&w);
}

static void modes_keep_their_word(void **state)
{
	static const char *const policies[] = {"headers-only", "wrap", "hold",
					       "reject"};
	struct world w;
	char setting[64];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		(void)snprintf(setting, sizeof(setting),
			       "mode = observe uneditable = %s", policies[i]);
		world_begin(&w, setting, "");
		world_dial(&w, SIGNED);
		assert_int_equal(world_mail_to(&w, "<news@acme.example>",
					       TO(ANNA, CARL)),
				 CM_ANSWER_CONTINUE);
		world_check_untouched(&w, SIGNED);
		world_check_log(&w, "observed", 2, 2, 0);
		world_end(&w);
	}
	/* edit refuses no person; what becomes of a message it says as well. */
	world_begin(&w, "mode = edit uneditable = hold", "");
	world_dial(&w, SIGNED);
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(CARL)),
			 CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(CARL));
	assert_true(world_has_call(&w, "quarantine "));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_only),
		cmocka_unit_test(reject),
		cmocka_unit_test(hold),
		cmocka_unit_test(wrap),
		cmocka_unit_test(wrapped_as_it_came),
		cmocka_unit_test(wrapped_once),
		cmocka_unit_test(retries_are_the_same),
		cmocka_unit_test(disproved),
		cmocka_unit_test(wrapper_disproved),
		cmocka_unit_test(resigned_once),
		cmocka_unit_test(modes_keep_their_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
