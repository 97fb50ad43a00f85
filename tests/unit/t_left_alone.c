/*
 * What is left alone goes its stream's way: uneditable = headers-only, wrap,
 * hold, reject.  The second reader is this file's, so that a proof can fail.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/proof.h"
#include "milter/sample.h"

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

int cm_proof_wrap_gmime(const struct cm_proof *proof, struct cm_span footer,
			const char **ret_why)
{
	assert_non_null(proof->tree);
	assert_true(footer.n > 0);
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

/* On a connection of its own. */
static enum cm_answer send_eml(struct world *w, const char *eml,
			       const char *const *rcpts)
{
	world_dial(w, eml);
	return world_mail_to(w, "<news@acme.example>", rcpts);
}

static enum cm_answer send(struct world *w, const char *policy, size_t i,
			   const char *const *rcpts)
{
	char setting[64];

	(void)snprintf(setting, sizeof(setting), "uneditable = %s", policy);
	world_begin(w, setting, cases[i].global);
	w->quiet_rcpt = true;
	return send_eml(w, cases[i].eml, rcpts);
}

/* To two; whoever may have it has it, with header fields. */
static void send_to_anna(struct world *w, const char *policy, size_t i)
{
	assert_int_equal(send(w, policy, i, TO(CARL, ANNA)),
			 CM_ANSWER_CONTINUE);
	world_check_left(w, TO(ANNA));
	assert_true(world_has_call(w, "List-Unsubscribe-Post"));
}

/* What became of the first case; the caller's, as the world is. */
static char *wrap_signed(struct world *w)
{
	char *result;

	assert_int_equal(send(w, "wrap", 0, TO(BERT)), CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_message(w->record, &w->out), CM_OK);
	result = strdup(cm_buf_text(&w->out));
	assert_non_null(result);
	return result;
}

static void check_word(const struct world *w, const char *key, size_t i)
{
	char want[64];

	(void)snprintf(want, sizeof(want), " %s=%s ", key, cases[i].word);
	world_check_line(w, want);
}

/* ---- limits ------------------------------------------------------------ */

/* Each n parts, levels, octets of header, octets of body. */
static void many_parts(struct cm_buf *out, size_t n)
{
	(void)cm_buf_adds(out, "Content-Type: multipart/mixed; boundary=b\r\n"
			       "\r\n");
	while (n-- > 1)
		(void)cm_buf_adds(out, "--b\r\n\r\nx\r\n");
	(void)cm_buf_adds(out, "--b--\r\n");
}

static void many_levels(struct cm_buf *out, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		(void)cm_buf_addf(out,
				  "Content-Type: multipart/mixed; "
				  "boundary=l%02zux\r\n\r\n--l%02zux\r\n",
				  i, i);
	(void)cm_buf_adds(out, "\r\nHello\r\n");
	while (i-- > 0)
		(void)cm_buf_addf(out, "--l%02zux--\r\n", i);
}

static void long_header(struct cm_buf *out, size_t n)
{
	size_t i;

	(void)cm_buf_adds(out, "Content-Type: multipart/mixed; boundary=b\r\n"
			       "\r\n--b\r\n");
	/* A line has 64 octets, the empty one two. */
	for (i = 2; i + 64 <= n; i += 64)
		(void)cm_buf_addf(out, "X: %058d.\r\n", 0);
	(void)cm_buf_adds(out, "\r\nHello\r\n--b--\r\n");
}

static void long_body(struct cm_buf *out, size_t n)
{
	(void)cm_buf_adds(out, "\r\n");
	for (; n > 0; n -= 8)
		(void)cm_buf_adds(out, "a line\r\n");
}

static const struct limit {
	void (*make)(struct cm_buf *out, size_t n);
	size_t most;
	size_t step;
	const char *word;
} limits[] = {
	{many_parts, CM_MIME_PARTS_MAX, 1, "parts"},
	{many_levels, CM_MIME_DEPTH_MAX, 1, "depth"},
	{long_header, CM_MIME_HEADER_MAX - 64, 128, "header"},
	{long_body, 1 << 20, 8, "size"},
};

static enum cm_answer send_limit(struct world *w, const struct limit *limit,
				 size_t n)
{
	struct cm_buf eml;
	enum cm_answer answer;

	cm_buf_init(&eml, 4 << 20);
	(void)cm_buf_adds(&eml, HEAD);
	limit->make(&eml, n);
	assert_int_equal(cm_buf_ok(&eml), CM_OK);
	answer = send_eml(w, cm_buf_text(&eml), TO(BERT));
	cm_buf_free(&eml);
	return answer;
}

/* RMIME-1: up to the limit it is edited, beyond it goes its stream's way. */
static void limits_go_their_way(void **state)
{
	struct world w;
	char want[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct limit *limit = &limits[i];

		(void)snprintf(want, sizeof(want), " edit=%s ", limit->word);
		world_begin(&w, "uneditable = reject", "max-edit-size = 1M");
		assert_int_equal(send_limit(&w, limit, limit->most),
				 CM_ANSWER_CONTINUE);
		world_check_line(&w, " edit=footer ");
		assert_int_equal(
			send_limit(&w, limit, limit->most + limit->step),
			CM_ANSWER_REJECT);
		world_check_line(&w, want);
		world_reload(&w, "uneditable = hold", "max-edit-size = 1M");
		assert_int_equal(
			send_limit(&w, limit, limit->most + limit->step),
			CM_ANSWER_CONTINUE);
		assert_true(world_has_call(&w, "quarantine "));
		/* Wrapped, it would be too large for anybody, too. */
		world_reload(&w, "uneditable = wrap", "max-edit-size = 1M");
		assert_int_equal(
			send_limit(&w, limit, limit->most + limit->step),
			CM_ANSWER_CONTINUE);
		world_check_line(&w, want);
		assert_false(world_has_call(&w, "body "));
		world_end(&w);
	}
}

/* ---- each way ---------------------------------------------------------- */

static void headers_only(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < CASES; i++) {
		send_to_anna(&w, "headers-only", i);
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
		send_to_anna(&w, "hold", i);
		calls = cm_record_calls(w.record);
		(void)snprintf(want, sizeof(want),
			       "quarantine consent-milter: stream newsletter: "
			       "no footer (%s)\n",
			       cases[i].word);
		assert_non_null(strstr(calls, want));
		assert_true(strstr(calls, "delete " CARL) <
			    strstr(calls, "quarantine"));
		assert_false(world_has_call(&w, "body "));
		world_check_log(&w, "held", 2, 1, 1);
		check_word(&w, "edit", i);
		/* Twins: nobody is left; there is a footer. */
		assert_int_equal(send_eml(&w, cases[i].eml, TO(CARL)),
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
		send_to_anna(&w, "wrap", i);
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
	char *text = wrap_signed(&w);
	const char *body;

	(void)state;
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
	free(text);
	world_end(&w);
}

/* RMIME-11: by another queue id, too. */
static void wrapped_once(void **state)
{
	struct world w;
	char *once = wrap_signed(&w);

	(void)state;
	world_dial(&w, once);
	cm_record_set_macro(w.record, "i", "another");
	assert_int_equal(world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_string_equal(cm_record_calls(w.record), "");
	world_check_line(&w, " edit=headers ");
	/* Nor do the other policies find anything to do. */
	world_reload(&w, "uneditable = reject", "");
	assert_int_equal(send_eml(&w, once, TO(BERT)), CM_ANSWER_CONTINUE);
	free(once);
	world_end(&w);
}

static void retries_are_the_same(void **state)
{
	struct world w;
	char *once = wrap_signed(&w);

	(void)state;
	assert_int_equal(send_eml(&w, SIGNED, TO(BERT)), CM_ANSWER_CONTINUE);
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
	assert_int_equal(send_eml(&w, cm_buf_text(&twice), TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_string_equal(cm_record_calls(w.record), "");
	assert_int_equal(send_eml(&w, cm_buf_text(&twice), TO(ANNA)),
			 CM_ANSWER_CONTINUE);
	assert_true(world_has_call(&w, "remove 1 DKIM-Signature\n"));
	/* Kept, it is done all the same: no reason to reject it. */
	world_reload(&w, "uneditable = reject", "");
	assert_int_equal(send_eml(&w, cm_buf_text(&twice), TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_string_equal(cm_record_calls(w.record), "");
	cm_buf_free(&twice);
	world_end(&w);
}

/* ---- samples ----------------------------------------------------------- */

static unsigned files_in(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned n = 0;
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static void read_sample(const char *folder, const char *name, char *out,
			size_t size)
{
	char path[128];
	struct stat st;
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(out, 1, size - 1, file);
	out[n] = '\0';
	(void)fclose(file);
}

static void samples_are_kept(void **state)
{
	char folder[] = "/tmp/t_samples.XXXXXX";
	char setting[128];
	char text[8192];
	char command[64];
	struct world w;
	unsigned i;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(setting, sizeof(setting),
		       "samples { path = \"%s\" keep = 2 }", folder);
	world_begin(&w, "", setting);
	assert_int_equal(world_newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	assert_int_equal(files_in(folder), 0);
	planted = "between";
	assert_int_equal(world_newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	world_check_line(&w, "/1795000000000-4bX1-between.*.eml\n");
	read_sample(folder, "1795000000000-4bX1-between.before.eml", text,
		    sizeof(text));
	assert_string_equal(text, NEWSLETTER);
	read_sample(folder, "1795000000000-4bX1-between.after.eml", text,
		    sizeof(text));
	assert_non_null(strstr(text, "Hello\r\n"));
	assert_non_null(strstr(text, "https://c.acme.example/u/"));
	/* The same name again, then another, then there are enough. */
	for (i = 0; i < 3; i++) {
		world_dial(&w, NEWSLETTER);
		cm_record_set_macro(w.record, "i", i == 0 ? "4bX1" : "../x");
		assert_int_equal(
			world_mail_to(&w, "<news@acme.example>", TO(BERT)),
			CM_ANSWER_CONTINUE);
		assert_true(world_has_call(&w, "List-Unsubscribe-Post"));
		if (i == 0)
			world_check_line(&w, "no sample was kept: making");
		if (i == 1)
			world_check_line(&w, "000-x-between.*.eml");
		if (i == 2)
			world_check_line(&w, "there are enough samples");
		assert_int_equal(files_in(folder), i == 0 ? 2 : 4);
	}
	planted = NULL;
	cm_buf_reset(&w.lines);
	cm_engine_log_tallies(w.engine);
	world_check_line(&w, "footer=1 wrapped=0 left-alone=4 disproved=4 "
			     "held=0\n");
	cm_buf_reset(&w.lines);
	cm_engine_log_tallies(w.engine);
	assert_string_equal(cm_buf_text(&w.lines), "");
	world_end(&w);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

/* A full disk leaves no half of a sample, and delays no mail. */
static void a_full_disk_is_a_line(void **state)
{
	char folder[] = "/tmp/t_samples.XXXXXX";
	const struct rlimit small = {100, RLIM_INFINITY};
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	const struct cm_sample sample = {
		.word = "text",
		.before = {"short", 5},
		.after = {NEWSLETTER, sizeof(NEWSLETTER) - 1},
	};
	char name[CM_SAMPLE_NAME_MAX];
	char command[64];
	struct cm_error err;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(cm_sample_keep(folder, 9, &sample, name, &err),
			 CM_EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(files_in(folder), 0);
	assert_int_equal(cm_sample_keep(folder, 9, &sample, name, &err), CM_OK);
	assert_string_equal(name, "0-NOQUEUE-text");
	assert_int_equal(files_in(folder), 2);
	assert_int_equal(cm_sample_keep("/nowhere", 9, &sample, name, &err),
			 CM_EIO);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

static void the_folder_is_checked(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} modes[] = {
		{0700, true},  {0750, true},  {0755, false}, {0770, false},
		{0701, false}, {0500, false}, {0704, false},
	};
	char folder[] = "/tmp/t_samples.XXXXXX";
	struct cm_error err;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(folder, modes[i].mode), 0);
		assert_int_equal(cm_sample_check(folder, geteuid(), &err),
				 modes[i].good ? CM_OK : CM_ECONFIG);
	}
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(cm_sample_check(folder, geteuid() + 1, &err),
			 CM_ECONFIG);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(cm_sample_check(folder, geteuid(), &err), CM_ECONFIG);
	assert_int_equal(cm_sample_check("/dev/null", geteuid(), &err),
			 CM_ECONFIG);
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
		assert_int_equal(send_eml(&w, SIGNED, TO(ANNA, CARL)),
				 CM_ANSWER_CONTINUE);
		world_check_untouched(&w, SIGNED);
		world_check_log(&w, "observed", 2, 2, 0);
		world_end(&w);
	}
	/* edit refuses no person; what becomes of a message it says as well. */
	world_begin(&w, "mode = edit uneditable = hold", "");
	assert_int_equal(send_eml(&w, SIGNED, TO(CARL)), CM_ANSWER_CONTINUE);
	world_check_left(&w, TO(CARL));
	assert_true(world_has_call(&w, "quarantine "));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_go_their_way),
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
		cmocka_unit_test(samples_are_kept),
		cmocka_unit_test(a_full_disk_is_a_line),
		cmocka_unit_test(the_folder_is_checked),
		cmocka_unit_test(modes_keep_their_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
