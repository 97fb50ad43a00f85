/*
 * session: whole messages against an MTA of memory and a store of this file,
 * so that every failure can be had at will.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/mta_record.h"
#include "policy/token.h"

#include "tests/unit/test.h"

#define NOW   INT64_C(1795000000000)
#define GRANT (NOW - 86400000)

/* ---- a store ---------------------------------------------------------- */

struct person {
	const char *address;
	bool granted;
	bool withdrawn;
	const char *language;
};

static struct {
	struct person people[8];
	size_t count;
	int fail_open, fail_begin, fail_lookup;
	int64_t newest_rec;
	unsigned opens, reads;
	struct cm_hmac *hmac;
	struct cm_arena *arena;
} fake;

struct cm_store {
	int unused;
};
struct cm_store_reader {
	int unused;
};

int cm_store_open(const struct cm_store_options *options,
		  enum cm_store_access access, const struct cm_keys *keys,
		  struct cm_store **ret_store, struct cm_error *err)
{
	const struct cm_key *key = cm_keys_current(keys, CM_KEY_STORE);

	(void)options;
	assert_int_equal(access, CM_STORE_READ);
	fake.opens++;
	if (fake.fail_open != CM_OK)
		return cm_fail(err, fake.fail_open, "no store for jane@x.test");
	cm_hmac_free(&fake.hmac);
	assert_int_equal(cm_hmac_new(key->bytes, key->len, &fake.hmac, err),
			 CM_OK);
	*ret_store = calloc(1, sizeof(**ret_store));
	return CM_OK;
}

void cm_store_close(struct cm_store **store)
{
	free(*store);
	*store = NULL;
}

int cm_store_read_begin(struct cm_store *store, struct cm_arena *arena,
			struct cm_store_reader **ret_reader,
			struct cm_error *err)
{
	assert_non_null(store);
	fake.reads++;
	if (fake.fail_begin != CM_OK)
		return cm_fail(err, fake.fail_begin, "the store was replaced");
	fake.arena = arena;
	*ret_reader = calloc(1, sizeof(**ret_reader));
	return CM_OK;
}

void cm_store_read_end(struct cm_store_reader **reader)
{
	free(*reader);
	*reader = NULL;
}

int64_t cm_store_newest_rec(const struct cm_store_reader *reader)
{
	(void)reader;
	return fake.newest_rec;
}

static void add_fact(struct cm_view *view, enum cm_fact_kind kind, int64_t at)
{
	struct cm_fact *fact;

	if (view->facts == NULL)
		view->facts = cm_arena_array(fake.arena, 4, sizeof(*fact));
	fact = &view->facts[view->count++];
	fact->kind = kind;
	fact->purpose = cm_span("acme/newsletter");
	fact->source = cm_span(kind == CM_FACT_GRANTED ? "web-form" : "");
	fact->at = at;
	fact->seq = 17;
}

int cm_store_lookup(struct cm_store_reader *reader, const struct cm_id *contact,
		    const struct cm_id *family, struct cm_view *ret_own,
		    struct cm_view *ret_family, struct cm_error *err)
{
	size_t i;

	(void)reader;
	(void)family;
	memset(ret_own, 0, sizeof(*ret_own));
	memset(ret_family, 0, sizeof(*ret_family));
	if (fake.fail_lookup != CM_OK)
		return cm_fail(err, fake.fail_lookup, "a view fails its MAC");
	for (i = 0; i < fake.count; i++) {
		const struct person *p = &fake.people[i];
		struct cm_address address;
		struct cm_id id;

		assert_int_equal(
			cm_address_parse(cm_span(p->address), &address, NULL),
			CM_OK);
		assert_int_equal(cm_address_id(&address, fake.hmac, &id),
				 CM_OK);
		if (memcmp(&id, contact, sizeof(id)) != 0)
			continue;
		if (p->granted)
			add_fact(ret_own, CM_FACT_GRANTED, GRANT);
		if (p->withdrawn)
			add_fact(ret_own, CM_FACT_WITHDRAWN, GRANT + 1);
		if (p->language != NULL)
			(void)snprintf(ret_own->language,
				       sizeof(ret_own->language), "%s",
				       p->language);
	}
	return CM_OK;
}

/* ---- a world ---------------------------------------------------------- */

#define NEWSLETTER                                                             \
	"From: Acme <news@acme.example>\r\n"                                   \
	"To: list@acme.example\r\n"                                            \
	"Subject: Autumn\r\n"                                                  \
	"X-Consent-Purpose: acme/newsletter\r\n"                               \
	"\r\n"                                                                 \
	"Hello\r\n"
#define RESET                                                                  \
	"From: shop@acme.example\r\n"                                          \
	"Subject: Your password\r\n"                                           \
	"List-Unsubscribe: <https://tool.example/u>\r\n"                       \
	"\r\n"                                                                 \
	"Click\r\n"

#define ANNA "<anna@x.test>" /* granted */
#define BERT "<bert@x.test>" /* granted */
#define CARL "<carl@x.test>" /* withdrawn */
#define DORA "<dora@x.test>" /* unknown to us */

struct world {
	char folder[64];
	char config_file[96];
	char keys[96];
	struct cm_config *config;
	struct cm_log *log;
	struct cm_buf lines;
	struct cm_engine *engine;
	struct cm_record *record;
	struct cm_session *session;
	bool local; /* as sendmail(1) */
	bool quiet_rcpt;
};

static void keep_line(void *ctx, enum cm_log_level level, const char *line)
{
	struct world *w = ctx;

	(void)level;
	(void)cm_buf_addf(&w->lines, "%s\n", line);
}

static int64_t now(void)
{
	return NOW;
}

static void write_config(const struct world *w, const char *stream,
			 const char *global)
{
	FILE *out = fopen(w->config_file, "w");

	assert_non_null(out);
	(void)fprintf(
		out,
		"controller \"acme\" { name = \"Acme GmbH\" address = \"Main "
		"Street 1\" contact = \"privacy@acme.example\" }\n"
		"store { path = \"%s\" }\nkeys { path = \"%s\" }\n"
		"templates = \"" CM_SRCDIR "/conf/templates\"\n"
		"own-networks = {\"127.0.0.0/8\"}\n%s\n"
		"listener \"main\" { socket = \"unix:%s/s\" }\n"
		"web { base-url = \"https://c.acme.example\" }\n"
		"purpose \"acme\" { title = \"All\" }\n"
		"purpose \"acme/newsletter\" { title = \"Acme news\" }\n"
		"stream \"newsletter\" { type = marketing sender = "
		"{\"news@acme.example\"} purpose = {\"acme/newsletter\"} %s }\n"
		"stream \"receipts\" { type = service sender = "
		"{\"shop@acme.example\"} client = {\"127.0.0.1\"} "
		"approved-by = \"DPO\" }\n",
		w->folder, w->keys, global, w->folder, stream);
	assert_int_equal(fclose(out), 0);
}

static void load_config(struct world *w)
{
	struct cm_error err;

	cm_config_unref(&w->config);
	if (cm_config_load(w->config_file, &w->config, &err) != CM_OK)
		fail_msg("%s", err.text);
}

static void put_in_force(struct world *w)
{
	struct cm_templates *templates = NULL;
	struct cm_error err;

	if (cm_templates_load(w->config->templates, "en", &templates, &err) !=
		    CM_OK ||
	    cm_engine_reload(w->engine, w->config, templates, &err) != CM_OK)
		fail_msg("%s", err.text);
}

static void people(void)
{
	static const struct person all[] = {
		{"anna@x.test", true, false, "cs"},
		{"bert@x.test", true, false, NULL},
		{"carl@x.test", true, true, NULL},
	};

	memset(&fake, 0, sizeof(fake));
	memcpy(fake.people, all, sizeof(all));
	fake.count = sizeof(all) / sizeof(all[0]);
	fake.newest_rec = GRANT;
}

/* stream, global: settings to add to the newsletter and to the file. */
static void begin(struct world *w, const char *stream, const char *global)
{
	struct cm_error err;

	people();
	memset(w, 0, sizeof(*w));
	(void)snprintf(w->folder, sizeof(w->folder), "/tmp/t_session.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	(void)snprintf(w->config_file, sizeof(w->config_file), "%s/c",
		       w->folder);
	(void)snprintf(w->keys, sizeof(w->keys), "%s/keys", w->folder);
	if (cm_keys_init(w->keys, (gid_t)-1, (gid_t)-1, &err) != CM_OK)
		fail_msg("%s", err.text);
	write_config(w, stream, global);
	load_config(w);
	cm_buf_init(&w->lines, 64 << 20);
	assert_int_equal(cm_log_call(keep_line, w, &w->log), CM_OK);
	assert_int_equal(
		cm_engine_new(w->config, w->log, now, &w->engine, &err), CM_OK);
	put_in_force(w);
}

static void hang_up(struct world *w)
{
	cm_session_free(&w->session);
	cm_record_free(&w->record);
}

static void end(struct world *w)
{
	char command[128];

	hang_up(w);
	cm_engine_free(&w->engine);
	cm_config_unref(&w->config);
	cm_log_free(&w->log);
	cm_buf_free(&w->lines);
	cm_hmac_free(&fake.hmac);
	(void)snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	assert_int_equal(system(command), 0);
}

/* A new connection that will carry this message. */
static void dial(struct world *w, const char *eml)
{
	static const uint8_t localhost[16] = {0, 0, 0,    0,    0,   0, 0, 0,
					      0, 0, 0xff, 0xff, 127, 0, 0, 1};
	struct cm_session_options options = {
		.engine = w->engine,
		.listener = "main",
		.answers_rcpt = !w->quiet_rcpt,
	};
	struct cm_error err;

	hang_up(w);
	cm_buf_reset(&w->lines);
	assert_int_equal(cm_record_new(cm_span(eml), &w->record, &err), CM_OK);
	cm_record_set_macro(w->record, "i", "4bX1");
	options.mta = cm_record_mta(w->record);
	assert_int_equal(cm_session_new(&options, &w->session), CM_OK);
	cm_session_connect(w->session, localhost, w->local ? 0 : 40000);
}

static enum cm_answer mail_to(struct world *w, const char *sender,
			      const char *const *rcpts)
{
	cm_record_mail(w->record, w->session, sender);
	for (; *rcpts != NULL; rcpts++)
		(void)cm_record_rcpt(w->record, w->session, *rcpts);
	return cm_record_data(w->record, w->session);
}

#define TO(...)                                                                \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

static enum cm_answer newsletter(struct world *w, const char *const *rcpts)
{
	dial(w, NEWSLETTER);
	return mail_to(w, "<news@acme.example>", rcpts);
}

/* The number behind " key=" in the log, 0 if it is not there. */
static unsigned long long logged(const struct world *w, const char *key)
{
	char want[40];
	const char *at;

	(void)snprintf(want, sizeof(want), " %s=", key);
	at = strstr(cm_buf_text(&w->lines), want);
	return at != NULL ? strtoull(at + strlen(want), NULL, 10) : 0;
}

/* R5321-4, and what no line may hold (log.h). */
static void check_log(const struct world *w, const char *result, unsigned rcpts,
		      unsigned allowed, unsigned refused)
{
	char want[40];
	const char *text = cm_buf_text(&w->lines);

	(void)snprintf(want, sizeof(want), " result=%s ", result);
	if (strstr(text, want) == NULL)
		fail_msg("no \"%s\" in: %s", want, text);
	assert_int_equal(logged(w, "rcpts"), rcpts);
	assert_int_equal(logged(w, "allowed"), allowed);
	assert_int_equal(logged(w, "refused"), refused);
	assert_int_equal(logged(w, "deferred"), rcpts - allowed - refused);
	assert_null(strstr(text, "anna"));
	assert_null(strstr(text, "carl"));
	assert_null(strstr(text, "/u/"));
}

static void check_left(const struct world *w, const char *const *want)
{
	size_t i;

	for (i = 0; want[i] != NULL; i++) {
		assert_non_null(cm_record_left(w->record, i));
		assert_string_equal(cm_record_left(w->record, i), want[i]);
	}
	assert_null(cm_record_left(w->record, i));
}

static bool has_call(const struct world *w, const char *text)
{
	return strstr(cm_record_calls(w->record), text) != NULL;
}

/* Fails if the released message differs from eml. */
static void check_untouched(const struct world *w, const char *eml)
{
	struct cm_buf out;

	assert_string_equal(cm_record_calls(w->record), "");
	cm_buf_init(&out, 1 << 20);
	assert_int_equal(cm_record_message(w->record, &out), CM_OK);
	assert_string_equal(cm_buf_text(&out), eml);
	cm_buf_free(&out);
}

/* ---- RCPT ------------------------------------------------------------- */

/* R3463-1, R5321-3: the refused are told at once, all in the same words. */
static void refused_in_the_dialogue(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	dial(&w, NEWSLETTER);
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
	check_left(&w, TO(ANNA));
	check_log(&w, "accepted", 3, 1, 2);
	assert_int_equal(logged(&w, "withdrawn"), 1);
	assert_int_equal(logged(&w, "no-record"), 1);
	assert_non_null(strstr(cm_buf_text(&w.lines),
			       "reason=withdrawn stage=rcpt event=17\n"));
	end(&w);
}

/* mta.md, 1: a refused RCPT would stick in maildrop. */
static void sendmail_hears_nothing_at_rcpt(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	w.local = true;
	assert_int_equal(newsletter(&w, TO(CARL, ANNA)), CM_ANSWER_CONTINUE);
	check_left(&w, TO(ANNA));
	assert_true(has_call(&w, "delete " CARL "\n"));
	check_log(&w, "accepted", 2, 1, 1);
	end(&w);
}

static void the_aborted_are_accounted_for(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, CARL);
	cm_session_abort(w.session);
	check_log(&w, "aborted", 1, 0, 1);
	cm_buf_reset(&w.lines);
	/* Nobody was refused: nothing to tell. */
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, ANNA);
	cm_session_abort(w.session);
	assert_string_equal(cm_buf_text(&w.lines), "");
	assert_int_equal(cm_engine_in_flight(w.engine), 0);
	end(&w);
}

static void source_routes_do_not_leak(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	assert_int_equal(
		cm_record_rcpt(w.record, w.session, "<@hop.test:anna@x.test>"),
		CM_ANSWER_REJECT);
	assert_string_equal(cm_record_reply(w.record),
			    "553 5.1.3 Source routes are not accepted here");
	/* Without a reply at RCPT the form that the MTA knows is deleted. */
	w.quiet_rcpt = true;
	assert_int_equal(
		newsletter(&w, TO("<@a.test,@[IPv6:::1]:anna@x.test>", BERT)),
		CM_ANSWER_CONTINUE);
	assert_true(has_call(&w, "delete <anna@x.test>\n"));
	check_log(&w, "accepted", 2, 1, 1);
	assert_int_equal(logged(&w, "bad-address"), 1);
	end(&w);
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
		begin(&w, refusals[i].stream, "");
		w.quiet_rcpt = true;
		assert_int_equal(newsletter(&w, TO(CARL, ANNA, DORA)),
				 refusals[i].some);
		assert_true(has_call(&w, "delete " CARL "\n"));
		assert_true(has_call(&w, "delete " DORA "\n"));
		assert_false(has_call(&w, "delete " ANNA "\n"));
		check_log(&w, "accepted", 3, 1, 2);
		assert_non_null(strstr(cm_buf_text(&w.lines), "stage=eom"));
		assert_int_equal(newsletter(&w, TO(CARL, DORA)),
				 refusals[i].none);
		assert_string_equal(cm_record_reply(w.record),
				    refusals[i].reply);
		check_log(&w, refusals[i].result, 2, 0, 2);
		check_left(&w, TO(refusals[i].left));
		end(&w);
	}
}

static void rewriting_tells_the_auditor_once(void **state)
{
	struct world w;
	const char *calls;

	(void)state;
	begin(&w, refusals[2].stream, "");
	assert_int_equal(newsletter(&w, TO(CARL, ANNA, DORA)),
			 CM_ANSWER_CONTINUE);
	check_left(&w, TO(ANNA, "audit@acme.example"));
	calls = strstr(cm_record_calls(w.record),
		       "add audit@acme.example NOTIFY=NEVER\n");
	assert_non_null(calls);
	assert_null(strstr(calls + 1, "add audit"));
	/* The auditor reads it, too: nobody's token may be in it. */
	assert_false(has_call(&w, "/u/"));
	assert_false(has_call(&w, "List-Unsubscribe-Post"));
	end(&w);
}

static void duplicates_go_as_typed(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "refuse = drop", "");
	assert_int_equal(newsletter(&w, TO(CARL, "<Carl@X.test>", "carl@x.test",
					   CARL, ANNA, "<ANNA@x.TEST>")),
			 CM_ANSWER_CONTINUE);
	assert_true(has_call(&w, "delete " CARL "\n"));
	assert_true(has_call(&w, "delete <Carl@X.test>\n"));
	assert_true(has_call(&w, "delete carl@x.test\n"));
	check_left(&w, TO(ANNA, "<ANNA@x.TEST>"));
	/* One person, typed twice: the token is theirs. */
	assert_true(has_call(&w, "List-Unsubscribe-Post"));
	check_log(&w, "accepted", 6, 2, 4);
	end(&w);
}

/* Design 5: refused although RCPT had allowed. */
static void who_leaves_meanwhile_gets_nothing(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	assert_int_equal(cm_record_rcpt(w.record, w.session, ANNA),
			 CM_ANSWER_CONTINUE);
	assert_int_equal(cm_record_rcpt(w.record, w.session, BERT),
			 CM_ANSWER_CONTINUE);
	fake.people[0].withdrawn = true;
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_CONTINUE);
	check_left(&w, TO(BERT));
	check_log(&w, "accepted", 2, 1, 1);
	end(&w);
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
	begin(&w, "", "");
	purpose = cm_config_purpose(w.config, cm_span("acme/newsletter"));
	assert_int_equal(newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
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
	end(&w);
}

static void check_line(const struct world *w, const char *want)
{
	if (strstr(cm_buf_text(&w->lines), want) == NULL)
		fail_msg("no \"%s\" in: %s", want, cm_buf_text(&w->lines));
}

static void the_footer_speaks_their_language(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	dial(&w, "MIME-Version: 1.0\r\n"
		 "Content-Type: text/plain; charset=utf-8\r\n"
		 "Content-Transfer-Encoding: 8bit\r\n\r\nHell\xc3\xb6\r\n");
	assert_int_equal(mail_to(&w, "<news@acme.example>", TO(ANNA)),
			 CM_ANSWER_CONTINUE);
	check_line(&w, "edit=footer lang=cs proof=gmime ms=");
	assert_int_equal(mail_to(&w, "<news@acme.example>", TO(BERT)),
			 CM_ANSWER_CONTINUE);
	assert_non_null(strstr(cm_buf_text(&w.lines), "edit=footer lang=en"));
	end(&w);
}

static void several_get_no_token(void **state)
{
	struct world w;
	struct cm_buf out;

	(void)state;
	begin(&w, "", "");
	assert_int_equal(newsletter(&w, TO(ANNA, BERT)), CM_ANSWER_CONTINUE);
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
	end(&w);
}

static void each_mode_does_its_part(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "mode = observe", "");
	assert_int_equal(newsletter(&w, TO(ANNA, CARL)), CM_ANSWER_CONTINUE);
	check_untouched(&w, NEWSLETTER);
	check_left(&w, TO(ANNA, CARL));
	check_log(&w, "observed", 2, 2, 0);
	assert_int_equal(logged(&w, "would-refuse"), 1);
	assert_int_equal(logged(&w, "withdrawn"), 1);
	assert_non_null(strstr(cm_buf_text(&w.lines), "edit=footer"));
	/* Even without a store. */
	fake.fail_begin = CM_ECORRUPT;
	assert_int_equal(newsletter(&w, TO(ANNA, CARL)), CM_ANSWER_CONTINUE);
	check_untouched(&w, NEWSLETTER);
	assert_non_null(strstr(cm_buf_text(&w.lines), "why=store-unreadable"));
	end(&w);

	begin(&w, "mode = edit", "");
	assert_int_equal(newsletter(&w, TO(CARL)), CM_ANSWER_CONTINUE);
	check_left(&w, TO(CARL));
	check_log(&w, "accepted", 1, 1, 0);
	assert_true(has_call(&w, "List-Unsubscribe-Post"));
	fake.fail_begin = CM_ECORRUPT;
	assert_int_equal(newsletter(&w, TO(CARL)), CM_ANSWER_TEMPFAIL);
	end(&w);
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
	begin(&w, "", "max-edit-size = 4K");
	dial(&w, eml);
	assert_int_equal(mail_to(&w, "<news@acme.example>", TO(ANNA)),
			 CM_ANSWER_CONTINUE);
	assert_true(has_call(&w, "List-Unsubscribe-Post"));
	assert_false(has_call(&w, "body "));
	assert_non_null(strstr(cm_buf_text(&w.lines), " edit=size "));
	end(&w);

	begin(&w, "uneditable = reject", "max-edit-size = 4K");
	dial(&w, eml);
	assert_int_equal(mail_to(&w, "<news@acme.example>", TO(ANNA)),
			 CM_ANSWER_REJECT);
	assert_true(strncmp(cm_record_reply(w.record), "554 5.6.0 ", 10) == 0);
	assert_string_equal(cm_record_calls(w.record), "");
	check_log(&w, "rejected", 1, 0, 1);
	assert_int_equal(newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	end(&w);
	free(eml);
}

/* ---- not ours --------------------------------------------------------- */

static void service_mail_needs_no_store(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	fake.fail_open = CM_EIO;
	dial(&w, RESET);
	assert_int_equal(mail_to(&w, "<shop@acme.example>", TO(ANNA, CARL)),
			 CM_ANSWER_CONTINUE);
	check_untouched(&w, RESET);
	check_left(&w, TO(ANNA, CARL));
	check_log(&w, "passed", 2, 2, 0);
	assert_non_null(
		strstr(cm_buf_text(&w.lines), "stream=receipts type=service"));
	assert_int_equal(fake.opens, 0);
	assert_int_equal(fake.reads, 0);
	end(&w);
}

static void people_write_to_people(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	dial(&w, "From: a@acme.example\r\nSubject: lunch?\r\n\r\nNoon\r\n");
	assert_int_equal(mail_to(&w, "<a@acme.example>", TO(CARL)),
			 CM_ANSWER_CONTINUE);
	assert_string_equal(cm_record_calls(w.record), "");
	check_log(&w, "passed", 1, 1, 0);
	assert_int_equal(fake.opens, 0);
	end(&w);
}

static void unmatched_bulk_as_configured(void **state)
{
	static const char bulk[] =
		"From: x@acme.example\r\nPrecedence: bulk\r\n\r\nBuy\r\n";
	struct world w;

	(void)state;
	begin(&w, "", "");
	dial(&w, bulk);
	assert_int_equal(mail_to(&w, "<x@acme.example>", TO(CARL)),
			 CM_ANSWER_CONTINUE);
	check_untouched(&w, bulk);
	assert_non_null(strstr(cm_buf_text(&w.lines), "class=bulk"));
	end(&w);
	begin(&w, "", "unmatched-bulk = tempfail");
	dial(&w, bulk);
	assert_int_equal(mail_to(&w, "<x@acme.example>", TO(CARL)),
			 CM_ANSWER_TEMPFAIL);
	check_log(&w, "tempfail", 1, 0, 0);
	end(&w);
	begin(&w, "", "unmatched-bulk = newsletter");
	dial(&w, bulk);
	assert_int_equal(mail_to(&w, "<x@acme.example>", TO(CARL)),
			 CM_ANSWER_REJECT);
	check_log(&w, "rejected", 1, 0, 1);
	end(&w);
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
		begin(&w, "", "");
		*faults[i] = CM_ECORRUPT;
		dial(&w, NEWSLETTER);
		cm_record_mail(w.record, w.session, "<news@acme.example>");
		assert_int_equal(cm_record_rcpt(w.record, w.session, ANNA),
				 CM_ANSWER_TEMPFAIL);
		assert_string_equal(cm_record_reply(w.record),
				    "451 4.3.0 Consent cannot be checked now, "
				    "try again later");
		w.quiet_rcpt = true;
		assert_int_equal(newsletter(&w, TO(ANNA)), CM_ANSWER_TEMPFAIL);
		check_log(&w, "tempfail", 1, 0, 0);
		assert_string_equal(cm_record_calls(w.record), "");
		end(&w);
	}
}

/* Said once, not at every message; without the address in the reason. */
static void a_store_is_tried_again_and_said_once(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	begin(&w, "refuse = drop", "");
	fake.fail_open = CM_EIO;
	dial(&w, NEWSLETTER);
	for (i = 0; i < 3; i++)
		(void)mail_to(&w, "<news@acme.example>", TO(ANNA));
	assert_non_null(strstr(cm_buf_text(&w.lines),
			       "marketing gets 451: no store for *@x.test\n"));
	assert_null(strstr(strstr(cm_buf_text(&w.lines), "marketing gets") + 1,
			   "marketing gets"));
	assert_int_equal(fake.opens, 1); /* this test's clock stands still */
	end(&w);

	/* Replaced while we run: 451, opened anew, and all is well. */
	begin(&w, "refuse = drop", "");
	assert_int_equal(newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	fake.fail_begin = CM_ECORRUPT;
	assert_int_equal(newsletter(&w, TO(ANNA)), CM_ANSWER_TEMPFAIL);
	fake.fail_begin = CM_OK;
	assert_int_equal(newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	assert_int_equal(fake.opens, 2);
	assert_non_null(strstr(cm_buf_text(&w.lines), "read again"));
	end(&w);
}

static void a_clock_behind_the_ledger_defers(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "refuse = drop", "");
	fake.newest_rec = NOW + 61000;
	assert_int_equal(newsletter(&w, TO(ANNA)), CM_ANSWER_TEMPFAIL);
	assert_non_null(strstr(cm_buf_text(&w.lines), "why=clock-behind"));
	check_log(&w, "tempfail", 1, 0, 0);
	fake.newest_rec = NOW + 59000;
	assert_int_equal(newsletter(&w, TO(ANNA)), CM_ANSWER_CONTINUE);
	end(&w);
}

/* Whichever change the MTA does not take: 451, and never accepted. */
static void any_failing_change_defers(void **state)
{
	struct world w;
	unsigned nth;
	enum cm_answer answer = CM_ANSWER_TEMPFAIL;

	(void)state;
	begin(&w, refusals[2].stream, "");
	for (nth = 1; nth < 30 && answer == CM_ANSWER_TEMPFAIL; nth++) {
		dial(&w, NEWSLETTER);
		cm_record_fail_at(w.record, nth);
		answer = mail_to(&w, "<news@acme.example>",
				 TO(CARL, ANNA, DORA));
		if (answer == CM_ANSWER_TEMPFAIL) {
			check_log(&w, "tempfail", 3, 0, 0);
			check_left(&w, TO(NULL));
		}
	}
	assert_int_equal(answer, CM_ANSWER_CONTINUE);
	/* 2 deletions, the auditor, 1 header out, 1 or more in, the body */
	assert_true(nth > 6 && nth < 30);
	end(&w);
}

/* R5321-2, memory bounded: over the limit nobody is lost silently. */
static void crowds_are_deferred_whole(void **state)
{
	struct world w;
	char rcpt[40];
	int i;

	(void)state;
	begin(&w, "refuse = drop", "");
	w.quiet_rcpt = true;
	dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	for (i = 0; i < CM_MESSAGE_RCPTS_MAX + 1; i++) {
		(void)snprintf(rcpt, sizeof(rcpt), "<p%d@x.test>", i);
		(void)cm_session_rcpt(w.session, rcpt);
	}
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_TEMPFAIL);
	check_log(&w, "tempfail", CM_MESSAGE_RCPTS_MAX + 1, 0, 0);
	assert_non_null(strstr(cm_buf_text(&w.lines), "smaller batches"));
	end(&w);
}

static void five_thousand_are_decided_each(void **state)
{
	struct world w;
	char rcpt[40];
	int i;

	(void)state;
	begin(&w, "refuse = drop", "");
	dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	for (i = 0; i < 5000; i++) {
		(void)snprintf(rcpt, sizeof(rcpt), "<p%d@x.test>", i);
		(void)cm_record_rcpt(w.record, w.session, rcpt);
	}
	(void)cm_record_rcpt(w.record, w.session, ANNA);
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_CONTINUE);
	check_left(&w, TO(ANNA));
	check_log(&w, "accepted", 5001, 1, 5000);
	end(&w);
}

static void lost_headers_are_not_trusted(void **state)
{
	struct world w;
	int i;

	(void)state;
	begin(&w, "", "");
	dial(&w, RESET);
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
	end(&w);
}

/* ---- config ----------------------------------------------------------- */

static void a_message_keeps_its_config(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "refuse = drop", "");
	dial(&w, NEWSLETTER);
	cm_record_mail(w.record, w.session, "<news@acme.example>");
	(void)cm_record_rcpt(w.record, w.session, CARL);
	write_config(&w, "mode = observe", "");
	load_config(&w);
	put_in_force(&w);
	assert_int_equal(cm_record_data(w.record, w.session),
			 CM_ANSWER_DISCARD);
	assert_int_equal(newsletter(&w, TO(CARL)), CM_ANSWER_CONTINUE);
	check_log(&w, "observed", 1, 1, 0);
	end(&w);
}

static void rcpt_is_answered_only_where_needed(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	assert_true(cm_session_may_refuse_rcpt(w.config));
	end(&w);
	begin(&w, "refuse = drop", "");
	assert_false(cm_session_may_refuse_rcpt(w.config));
	end(&w);
	begin(&w, "mode = edit", "");
	assert_false(cm_session_may_refuse_rcpt(w.config));
	end(&w);
}

/* Steps that no MTA sends in this order; nothing may break. */
static void odd_orders_are_harmless(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "", "");
	dial(&w, NEWSLETTER);
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
	end(&w);
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
		cmocka_unit_test(too_large_or_uneditable),
		cmocka_unit_test(service_mail_needs_no_store),
		cmocka_unit_test(people_write_to_people),
		cmocka_unit_test(unmatched_bulk_as_configured),
		cmocka_unit_test(an_unreadable_store_defers),
		cmocka_unit_test(a_store_is_tried_again_and_said_once),
		cmocka_unit_test(a_clock_behind_the_ledger_defers),
		cmocka_unit_test(any_failing_change_defers),
		cmocka_unit_test(crowds_are_deferred_whole),
		cmocka_unit_test(five_thousand_are_decided_each),
		cmocka_unit_test(lost_headers_are_not_trusted),
		cmocka_unit_test(a_message_keeps_its_config),
		cmocka_unit_test(rcpt_is_answered_only_where_needed),
		cmocka_unit_test(odd_orders_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
