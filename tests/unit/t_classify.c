/* classify: table of messages against one config that has every condition. */
#include "policy/classify.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

static const char text[] =
	"controller \"a\" { name = \"A\" address = \"B\" contact = "
	"\"p@a.example\" }\n"
	"web { base-url = \"https://c.a.example\" }\n"
	"own-networks = {\"127.0.0.0/8\", \"10.0.0.0/8\"}\n"
	"%s\n"
	"listener mixed { socket = \"unix:/m\" }\n"
	"listener bulk { socket = \"unix:/b\" unmatched = unknown }\n"
	"listener tools { socket = \"unix:/t\" }\n"
	"purpose a { title = \"All\" }\n"
	"purpose \"a/news\" { title = \"News\" }\n"
	"purpose \"a/offers\" { title = \"Offers\" }\n"
	"stream shop { type = service sender = {\"shop@a.example\"}\n"
	"  client = {\"10.0.0.1\"} approved-by = me }\n"
	"stream resets { type = service sender = {\"login@a.example\"}\n"
	"  auth = {crm} client = {\"10.2.0.0/16\"} from = "
	"{\"login@a.example\"} approved-by = me }\n"
	"stream headed { type = marketing sender = {\"early@a.example\"}\n"
	"  header = {\"X-Campaign: Spring sale\"} purpose = {\"a/offers\"} }\n"
	"stream early { type = marketing sender = {\"early@a.example\"}\n"
	"  purpose = {\"a/news\"} }\n"
	"stream news { type = marketing purpose = {\"a/news\"}\n"
	"  sender = {\"news+*@a.example\", \"@news.a.example\"} }\n"
	"stream both { type = marketing sender = {\"both@a.example\"}\n"
	"  purpose = {\"a/news\", \"a/offers\"} }\n"
	"stream login { type = marketing auth = {mailer}\n"
	"  client = {\"127.0.0.0/8\"} purpose = {a} }\n"
	"stream byfrom { type = marketing purpose = {\"a/news\"}\n"
	"  from = {\"promo@a.example\"} client = {\"127.0.0.0/8\"} }\n"
	"stream box { type = marketing client = {\"192.0.2.0/24\"}\n"
	"  purpose = {\"a/news\"} }\n"
	"stream tool { type = marketing listener = {tools}\n"
	"  sender = {\"@tool.example\"} purpose = {\"a/news\"} }\n"
	"stream unknown { type = marketing purpose = {a} }\n";

struct mail {
	const char *listener; /* NULL = mixed */
	const char *client;   /* NULL = 127.0.0.1 */
	const char *auth;
	const char *sender; /* "<>" = none */
	/* "Name: value" lines, parted by "|"; NULL = at RCPT. */
	const char *headers;
	const char *stream; /* of STREAM */
	enum cm_class class;
	const char *rule; /* NULL = not looked at */
};

#define STREAM(name, rule) name, CM_CLASS_STREAM, rule
#define PASS               NULL, CM_CLASS_PASS, NULL
#define BULK(rule)         NULL, CM_CLASS_BULK, rule
#define LATER              NULL, CM_CLASS_LATER, NULL
#define REPLY              NULL, CM_CLASS_AUTO_REPLY, NULL
#define NONE               "Subject: hello"

static struct cm_config *load(const char *more)
{
	char template[] = "/tmp/t_classify.XXXXXX";
	int fd = mkstemp(template);
	FILE *fp = fd < 0 ? NULL : fdopen(fd, "w");
	struct cm_config *config = NULL;
	struct cm_error err = {CM_OK, ""};

	assert_non_null(fp);
	/* The one %s of the text is where a case adds a line. */
	fprintf(fp, "%.*s%s%s", (int)(strstr(text, "%s") - text), text, more,
		strstr(text, "%s") + 2);
	assert_int_equal(fclose(fp), 0);
	(void)!cm_config_load(template, &config, &err);
	unlink(template);
	assert_string_equal(err.text, "");
	return config;
}

static void set_client(struct cm_facts *facts, const char *ip)
{
	char mapped[64];

	if (ip == NULL)
		ip = "127.0.0.1";
	if (strcmp(ip, "local") == 0)
		return;
	snprintf(mapped, sizeof(mapped), "%s%s",
		 strchr(ip, ':') == NULL ? "::ffff:" : "", ip);
	assert_int_equal(inet_pton(AF_INET6, mapped, facts->client), 1);
	facts->has_client = true;
}

enum { HEADERS_MAX = 16 };

static size_t cut_headers(const char *lines, struct cm_facts_header *headers)
{
	size_t n = 0;

	while (lines != NULL && *lines != '\0') {
		size_t len = strcspn(lines, "|");
		size_t colon = strcspn(lines, ":");

		assert_true(n < HEADERS_MAX && colon < len);
		headers[n].name = cm_span_n(lines, colon);
		headers[n++].value =
			cm_span_n(lines + colon + 1, len - colon - 1);
		lines += len + (lines[len] == '|');
	}
	return n;
}

static struct cm_classified classify(const struct cm_config *config,
				     const struct mail *mail)
{
	struct cm_facts_header headers[HEADERS_MAX];
	struct cm_facts facts = {.headers = headers};
	struct cm_classified class;

	facts.listener = cm_config_listener(
		config, mail->listener == NULL ? "mixed" : mail->listener);
	set_client(&facts, mail->client);
	facts.auth = cm_span(mail->auth);
	facts.sender = cm_span(mail->sender);
	facts.null_sender = strcmp(mail->sender, "<>") == 0;
	facts.headers_known = mail->headers != NULL;
	facts.nheaders = cut_headers(mail->headers, headers);
	cm_classify(config, &facts, &class);
	return class;
}

static void check(const struct cm_config *config, const struct mail *mails,
		  size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct mail *m = &mails[i];
		struct cm_classified class = classify(config, m);

		if (class.class != m->class)
			fail_msg("row %zu (%s): class %d (%s)", i, m->sender,
				 (int)class.class, class.rule);
		if (m->stream == NULL)
			assert_null(class.stream);
		else
			assert_string_equal(class.stream->name, m->stream);
		assert_non_null(class.rule);
		if (m->rule != NULL)
			assert_string_equal(class.rule, m->rule);
	}
}

#define CHECK(more, mails)                                                     \
	do {                                                                   \
		struct cm_config *config_ = load(more);                        \
		check(config_, mails, sizeof(mails) / sizeof(mails[0]));       \
		cm_config_unref(&config_);                                     \
	} while (0)

static void the_first_match_in_file_order_wins(void **state)
{
	static const struct mail mails[] = {
		{NULL, NULL, "", "<news@a.example>", NONE,
		 STREAM("news", "sender")},
		{NULL, NULL, "", "NEWS@A.Example.", NONE,
		 STREAM("news", "sender")},
		{NULL, NULL, "", "<news+b2=c.example@a.example>", NONE,
		 STREAM("news", "sender")},
		{NULL, NULL, "", "<newsletter@a.example>", NONE, PASS},
		{NULL, NULL, "", "<any@news.a.example>", NONE,
		 STREAM("news", "sender")},
		{NULL, NULL, "", "<any@deep.news.a.example>", NONE, PASS},
		{NULL, "10.0.0.1", "", "<shop@a.example>", NONE,
		 STREAM("shop", "sender")},
		{NULL, "10.0.0.2", "", "<shop@a.example>", NONE, PASS},
		{NULL, NULL, "mailer", "<x@other.example>", NONE,
		 STREAM("login", "auth")},
		{NULL, NULL, "Mailer", "<x@other.example>", NONE, PASS},
		{NULL, "192.0.2.9", "", "<x@other.example>", NONE,
		 STREAM("box", "client")},
		{NULL, "2001:db8::1", "", "<x@other.example>", NONE, PASS},
		{"tools", NULL, "", "<x@tool.example>", NONE,
		 STREAM("tool", "sender")},
		{"mixed", NULL, "", "<x@tool.example>", NONE, PASS},
	};

	(void)state;
	CHECK("", mails);
}

/* Design 5: sender and From count only for our own. */
static void only_our_own_are_believed(void **state)
{
	static const struct mail mails[] = {
		{NULL, "203.0.113.5", "", "<news@a.example>", NONE, PASS},
		{NULL, "203.0.113.5", "crm", "<news@a.example>", NONE,
		 STREAM("news", "sender")},
		{NULL, "10.9.9.9", "", "<news@a.example>", NONE,
		 STREAM("news", "sender")},
		{NULL, "local", "", "<news@a.example>", NONE, PASS},
		/* Somebody else's newsletter comes in: not ours to judge. */
		{NULL, "203.0.113.5", "", "<n@other.example>",
		 "List-Id: <x.other.example>|Precedence: bulk", PASS},
		{NULL, "203.0.113.5", "", "<early@a.example>",
		 "X-Campaign: Spring sale", PASS},
		{NULL, "203.0.113.5", "", "<x@other.example>",
		 "From: promo@a.example", PASS},
		/* A listener that only tools use: unknown is marketing. */
		{"bulk", "203.0.113.5", "", "<n@other.example>", NONE,
		 STREAM("unknown", "listener default")},
		{"bulk", NULL, "", "<n@other.example>", NONE,
		 STREAM("unknown", "listener default")},
		{"bulk", NULL, "", "<news@a.example>", NONE,
		 STREAM("news", "sender")},
		/* An envelope condition needs no belief. */
		{NULL, "192.0.2.9", "", "<news@a.example>", NONE,
		 STREAM("box", "client")},
		/* A sender that is no address matches nothing. */
		{NULL, NULL, "", "<news@a.example@>", NONE, PASS},
		{NULL, NULL, "", "news", NONE, PASS},
		{NULL, NULL, "", "", NONE, PASS},
	};

	(void)state;
	CHECK("", mails);
}

static void headers_and_from_choose(void **state)
{
	static const struct mail mails[] = {
		{NULL, NULL, "", "<early@a.example>", "X-Campaign: spring SALE",
		 STREAM("headed", "sender")},
		{NULL, NULL, "", "<early@a.example>",
		 "x-campaign:  Spring\r\n\tsale ", STREAM("headed", "sender")},
		{NULL, NULL, "", "<early@a.example>", "X-Campaign: Springsale",
		 STREAM("early", "sender")},
		{NULL, NULL, "", "<early@a.example>",
		 "X-Campaign: other|X-Campaign: Spring sale",
		 STREAM("headed", "sender")},
		{NULL, NULL, "", "<x@y.example>", "From: promo@a.example",
		 STREAM("byfrom", "from")},
		{NULL, NULL, "", "<x@y.example>",
		 "From: \"Acme, Inc. <x>\" (we, <us>) <Promo@A.example>",
		 STREAM("byfrom", "from")},
		{NULL, NULL, "", "<x@y.example>",
		 "From: Boss <b@a.example>,\r\n promo@a.example",
		 STREAM("byfrom", "from")},
		{NULL, NULL, "", "<x@y.example>",
		 "From: Team: b@a.example, promo@a.example;",
		 STREAM("byfrom", "from")},
		{NULL, NULL, "", "<x@y.example>",
		 "From: b@a.example|From: promo@a.example",
		 STREAM("byfrom", "from")},
		{NULL, NULL, "", "<x@y.example>",
		 "From: \"promo@a.example\" <b@a.example>", PASS},
		{NULL, NULL, "", "<x@y.example>",
		 "From: (promo@a.example) b@a.example", PASS},
		{NULL, NULL, "", "<x@y.example>", "From: ", PASS},
		{NULL, NULL, "", "<x@y.example>", "From: \"(<\\", PASS},
		{NULL, NULL, "", "<x@y.example>", "From: ,;,<>,:", PASS},
	};

	(void)state;
	CHECK("", mails);
}

/* A message names several authors: for service each must be the right one. */
static void service_needs_every_from(void **state)
{
	static const struct mail mails[] = {
		{NULL, "10.2.0.1", "crm", "<login@a.example>",
		 "From: Login <login@a.example>", STREAM("resets", "sender")},
		{NULL, "10.2.0.1", "crm", "<login@a.example>",
		 "From: login@a.example, promo@b.example", PASS},
		{NULL, "10.2.0.1", "crm", "<login@a.example>",
		 "From: login@a.example|From: other@b.example", PASS},
		{NULL, "10.2.0.1", "crm", "<login@a.example>",
		 "From: login@a.example, not-an-address", PASS},
		{NULL, "10.2.0.1", "crm", "<login@a.example>", NONE, PASS},
		{NULL, "10.2.0.1", "other", "<login@a.example>",
		 "From: login@a.example", PASS},
		/* A header never makes marketing into service. */
		{NULL, "10.2.0.1", "crm", "<news@a.example>",
		 "From: login@a.example|X-Consent-Purpose: service",
		 STREAM("news", "sender; purpose header ignored")},
	};

	(void)state;
	CHECK("", mails);
}

/* At RCPT: certain, or not yet. */
static void rcpt_answers_only_what_is_certain(void **state)
{
	static const struct mail mails[] = {
		{NULL, NULL, "", "<news@a.example>", NULL,
		 STREAM("news", "sender")},
		/* "headed" stands before "early" and could still match. */
		{NULL, NULL, "", "<early@a.example>", NULL, LATER},
		/* "byfrom" could match, but only after this one. */
		{NULL, NULL, "mailer", "<x@y.example>", NULL,
		 STREAM("login", "auth")},
		{NULL, NULL, "", "<x@y.example>", NULL, LATER},
		{"bulk", NULL, "", "<x@y.example>", NULL, LATER},
		{"bulk", "10.0.0.9", "", "<x@y.example>", NULL,
		 STREAM("unknown", "listener default")},
		{"bulk", "203.0.113.5", "", "<x@y.example>", NULL,
		 STREAM("unknown", "listener default")},
		/* Several purposes: the header may ask for one of them. */
		{NULL, NULL, "", "<both@a.example>", NULL, LATER},
		/* Own, unmatched: bulk marks may yet come. */
		{NULL, "10.0.0.9", "", "<x@y.example>", NULL, LATER},
		{NULL, "203.0.113.5", "", "<x@y.example>", NULL, PASS},
		{NULL, "10.0.0.1", "", "<shop@a.example>", NULL,
		 STREAM("shop", "sender")},
		{NULL, NULL, "", "<>", NULL, LATER},
		{"bulk", NULL, "", "<>", NULL, LATER},
	};

	(void)state;
	CHECK("", mails);
}

/* MAIL FROM:<> passes only as a real automatic reply or report. */
static void empty_senders_must_be_replies(void **state)
{
	static const struct mail mails[] = {
		{NULL, NULL, "", "<>",
		 "Content-Type: multipart/report; report-type=delivery-status",
		 REPLY},
		{"bulk", NULL, "", "<>", "Content-Type: Multipart/Report",
		 REPLY},
		{NULL, NULL, "mailer", "<>",
		 "Auto-Submitted: auto-replied (vacation)|In-Reply-To: <1@x>",
		 REPLY},
		{NULL, NULL, "", "<>",
		 "Auto-Submitted: auto-generated; x=y|References: <1@x>",
		 REPLY},
		/* The vacation message of the newsletter's own mailbox. */
		{NULL, NULL, "", "<>",
		 "From: promo@a.example|Auto-Submitted: auto-replied|"
		 "In-Reply-To: <1@x>",
		 REPLY},
		{NULL, NULL, "", "<>", NONE,
		 BULK("empty sender, no automatic reply")},
		{NULL, NULL, "", "<>", "Auto-Submitted: auto-generated",
		 BULK("empty sender, no automatic reply")},
		{NULL, NULL, "", "<>", "Auto-Submitted: no|In-Reply-To: <1@x>",
		 BULK("empty sender, no automatic reply")},
		{NULL, NULL, "", "<>", "Content-Type: multipart/reporting",
		 BULK("empty sender, no automatic reply")},
		{NULL, NULL, "", "<>",
		 "Auto-Submitted: auto-replied|In-Reply-To: <1@x>|"
		 "Precedence: bulk",
		 BULK("unmatched bulk")},
		{NULL, NULL, "", "<>",
		 "Content-Type: multipart/report|List-Id: <x.y>",
		 BULK("unmatched bulk")},
		{"bulk", NULL, "", "<>", NONE,
		 STREAM("unknown", "listener default")},
		{NULL, NULL, "mailer", "<>", NONE, STREAM("login", "auth")},
		{NULL, NULL, "", "<>", "From: promo@a.example",
		 STREAM("byfrom", "from")},
		/* Bounces that come in are not ours to judge. */
		{NULL, "203.0.113.5", "", "<>", NONE, PASS},
		{NULL, "203.0.113.5", "", "<>",
		 "Content-Type: multipart/report", REPLY},
		/* Only an empty sender is asked for it. */
		{NULL, NULL, "", "<me@a.example>",
		 "Content-Type: multipart/report|Precedence: bulk",
		 BULK("unmatched bulk")},
	};

	(void)state;
	CHECK("", mails);
}

/* The main leak: tools send with VERP senders that match no stream. */
static void bulk_without_a_stream_is_noticed(void **state)
{
	static const struct mail mails[] = {
		{NULL, NULL, "", "<bounce-1@verp.example>",
		 "List-Unsubscribe: <https://x.example>",
		 BULK("unmatched bulk")},
		{NULL, NULL, "", "<b@v.example>", "LIST-ID: <x.y>",
		 BULK("unmatched bulk")},
		{NULL, NULL, "", "<b@v.example>", "Precedence: Bulk",
		 BULK("unmatched bulk")},
		{NULL, NULL, "", "<b@v.example>", "Precedence: list",
		 BULK("unmatched bulk")},
		{NULL, NULL, "", "<b@v.example>", "Precedence: junk (really)",
		 BULK("unmatched bulk")},
		{NULL, NULL, "", "<b@v.example>", "Feedback-ID: 1:2:3:x",
		 BULK("unmatched bulk")},
		{NULL, "203.0.113.5", "crm", "<b@v.example>",
		 "Precedence: bulk", BULK("unmatched bulk")},
		{NULL, NULL, "", "<b@v.example>", "Precedence: first-class",
		 PASS},
		{NULL, NULL, "", "<b@v.example>", "X-List-Id: <x.y>", PASS},
		{NULL, NULL, "", "<b@v.example>", NONE, PASS},
		{NULL, "203.0.113.5", "", "<b@v.example>", "Precedence: bulk",
		 PASS},
	};
	static const struct mail streamed[] = {
		{NULL, NULL, "", "<b@v.example>", "Precedence: bulk",
		 STREAM("news", "unmatched bulk")},
		{NULL, NULL, "", "<>", NONE,
		 STREAM("news", "empty sender, no automatic reply")},
		{NULL, NULL, "", "<b@v.example>", NONE, PASS},
		{NULL, "203.0.113.5", "", "<b@v.example>", "Precedence: bulk",
		 PASS},
		{NULL, "10.0.0.9", "", "<b@v.example>", NULL, LATER},
	};

	(void)state;
	CHECK("", mails);
	CHECK("unmatched-bulk = tempfail", mails);
	CHECK("unmatched-bulk = news", streamed);
}

/* X-Consent-Purpose: one of the stream's, or nothing. */
static void a_header_chooses_among_purposes(void **state)
{
	static const struct {
		const char *client;
		const char *headers;
		const char *first;
		size_t count;
		const char *rule;
	} cases[] = {
		{NULL, NONE, "a/news", 2, "sender"},
		{NULL, "X-Consent-Purpose: a/offers", "a/offers", 1,
		 "sender; purpose by header"},
		{NULL, "x-consent-purpose:  a/news\r\n ", "a/news", 1,
		 "sender; purpose by header"},
		/* Defined, but not what this stream is for. */
		{NULL, "X-Consent-Purpose: a", "a/news", 2,
		 "sender; purpose header ignored"},
		{NULL, "X-Consent-Purpose: a/offers/x", "a/news", 2,
		 "sender; purpose header ignored"},
		{NULL, "X-Consent-Purpose: ", "a/news", 2,
		 "sender; purpose header ignored"},
		{NULL, "X-Consent-Purpose: a/news, a/offers", "a/news", 2,
		 "sender; purpose header ignored"},
		{NULL,
		 "X-Consent-Purpose: a/offers|X-Consent-Purpose: a/offers",
		 "a/news", 2, "sender; purpose header ignored"},
	};
	struct cm_config *config = load("");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mail mail = {NULL,
				    cases[i].client,
				    "",
				    "<both@a.example>",
				    cases[i].headers,
				    PASS};
		struct cm_classified class = classify(config, &mail);

		assert_int_equal(class.class, CM_CLASS_STREAM);
		assert_string_equal(class.rule, cases[i].rule);
		assert_int_equal(class.npurposes, cases[i].count);
		assert_string_equal(class.purposes[0]->path, cases[i].first);
	}
	cm_config_unref(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_match_in_file_order_wins),
		cmocka_unit_test(only_our_own_are_believed),
		cmocka_unit_test(headers_and_from_choose),
		cmocka_unit_test(service_needs_every_from),
		cmocka_unit_test(rcpt_answers_only_what_is_certain),
		cmocka_unit_test(empty_senders_must_be_replies),
		cmocka_unit_test(bulk_without_a_stream_is_noticed),
		cmocka_unit_test(a_header_chooses_among_purposes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
