/*
 * renewal: who may be asked to renew, and what the config must say for it.
 * UK-2, AT-FLYBE, AT-HONDA, AT-MORRISONS, AT-VIRGIN, AT-SPORTSDIRECT, AT-GOLF:
 * those people are never asked; beside each stands who is.
 */
#include "policy/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define DAY  CM_DAY_MS
#define NOW  (INT64_C(20000) * DAY)
#define YEAR (365 * DAY)

#define HEAD                                                                   \
	"controller \"acme\" { name = \"A\" address = \"B\" contact = "        \
	"\"p@a.example\" }\n"                                                  \
	"web { base-url = \"https://c.a.example\" }\n"                         \
	"purpose \"acme\" { title = \"x\" }\n"                                 \
	"purpose \"acme/news\" { title = \"n\" lifetime = \"730d\" }\n"        \
	"purpose \"acme/idle\" { title = \"n\" idle = \"730d\" }\n"            \
	"purpose \"acme/ever\" { title = \"n\" soft-opt-in = yes "             \
	"product-category = {\"shoes\"} }\n"
#define RENEWAL                                                                \
	"type = renewal sender = {\"keep@a.example\"} purpose = "              \
	"{\"acme/news\"}\n"
#define UNKNOWN                                                                \
	RENEWAL "ask-unknown = yes approved-by = \"DPO\" legal-note = \"x\" "  \
		"ask-until = \"2024-10-20\"\n"

static int load(const char *text, struct cm_config **config,
		struct cm_error *err)
{
	char name[] = "/tmp/t_renewal.XXXXXX";
	int fd = mkstemp(name);
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
	*config = NULL;
	err->text[0] = '\0';
	rc = cm_config_load(name, config, err);
	(void)unlink(name);
	return rc;
}

static struct cm_config *good(const char *stream)
{
	struct cm_config *config;
	struct cm_error err;
	char text[4096];

	(void)snprintf(text, sizeof(text), HEAD "stream \"keep\" {\n%s }\n",
		       stream);
	if (load(text, &config, &err) != CM_OK)
		fail_msg("%s", err.text);
	return config;
}

/* ---- the config --------------------------------------------------------- */

static void a_renewal_stream_loads(void **state)
{
	struct cm_config *config = good(RENEWAL);
	const struct cm_stream *stream = &config->streams[0];

	(void)state;
	assert_int_equal(stream->type, CM_STREAM_RENEWAL);
	assert_true(cm_stream_is_marketing(stream));
	assert_int_equal(stream->renew_before.ms, 60 * DAY);
	assert_int_equal(stream->wave_size, 1000);
	assert_int_equal(stream->wave_every.ms, DAY);
	assert_int_equal(stream->cap, 0);
	assert_int_equal(stream->stop_complaints, 3);
	assert_false(stream->ask_unknown);
	cm_config_unref(&config);
	config = good(UNKNOWN "wave-size = 100 wave-every = 7d cap = 5000\n"
			      "renew-before = 1m stop-complaints = 0 refuse = "
			      "drop footer = no");
	stream = &config->streams[0];
	assert_true(stream->ask_unknown);
	assert_string_equal(stream->approved_by, "DPO");
	/* All of the last day counts: 20,016 days after 1970 it is over. */
	assert_int_equal(stream->ask_until, 20017 * DAY);
	assert_int_equal(stream->wave_size, 100);
	assert_int_equal(stream->cap, 5000);
	assert_int_equal(stream->renew_before.months, 1);
	cm_config_unref(&config);
}

static void what_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *stream;
		const char *says;
	} cases[] = {
		{RENEWAL "ask-unknown = yes",
		 "ask-unknown = yes needs \"approved-by\": who answers"},
		{RENEWAL "ask-unknown = yes approved-by = me",
		 "ask-unknown = yes needs \"legal-note\": why is it"},
		{RENEWAL "ask-unknown = yes approved-by = me legal-note = x",
		 "ask-unknown = yes needs \"ask-until\": when does it"},
		{"type = renewal auth = {\"crm\"} purpose = {\"acme/news\"}\n"
		 "ask-unknown = yes approved-by = me legal-note = x\n"
		 "ask-until = 2027-01-01",
		 "ask-unknown = yes needs \"sender\": whose mail"},
		{RENEWAL "approved-by = me",
		 "\"approved-by\" means nothing without ask-unknown = yes"},
		{RENEWAL "legal-note = me",
		 "\"legal-note\" means nothing without ask-unknown = yes"},
		{RENEWAL "ask-until = 2027-01-01",
		 "\"ask-until\" means nothing without ask-unknown = yes"},
		{RENEWAL "ask-until = 2027-02-30",
		 "\"2027-02-30\" is not a date (write 2027-03-31)"},
		{RENEWAL "ask-until = \"2027-02-03T00:00:00Z\"",
		 "is not a date (write 2027-03-31)"},
		{RENEWAL "mode = edit", "a renewal stream in mode edit would"},
		{RENEWAL "renew-before = none", "none is not possible"},
		{RENEWAL "wave-every = none", "none is not possible"},
		{RENEWAL "wave-size = 0", "is not a number from 1 to"},
		{"type = renewal sender = {\"k@a.example\"}\n"
		 "purpose = {\"acme/news\", \"acme/idle\"}",
		 "a renewal stream asks for one purpose"},
		{"type = renewal sender = {\"k@a.example\"}",
		 "a renewal stream needs a purpose"},
		{"type = renewal purpose = {\"acme/news\"}",
		 "nothing says which mail belongs to it"},
		{"type = marketing sender = {\"k@a.example\"}\n"
		 "purpose = {\"acme/news\"} wave-size = 3",
		 "\"wave-size\" means nothing in a stream of type marketing"},
		{UNKNOWN "}\nstream \"n\" { type = marketing\n"
			 "sender = {\"@a.example\"} purpose = {\"acme/news\"}",
		 "mail of renewal stream \"keep\" (line 7) could be of this "
		 "stream too"},
		{RENEWAL "}\nlistener \"m\" { socket = \"inet:1@::1\"\n"
			 "unmatched = keep",
		 "stream \"keep\" is of type renewal: unknown mail must not "
		 "pass as renewal"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_config *config;
		struct cm_error err;
		char text[4096];

		(void)snprintf(text, sizeof(text),
			       HEAD "stream \"keep\" {\n%s }\n",
			       cases[i].stream);
		assert_int_equal(load(text, &config, &err), CM_ECONFIG);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("%zu: %s", i, err.text);
	}
	/* Its own sender apart, marketing may stand beside ask-unknown. */
	{
		struct cm_config *config =
			good(UNKNOWN "}\nstream \"n\" { type = marketing\n"
				     "sender = {\"n@a.example\"} "
				     "purpose = {\"acme/news\"}");

		cm_config_unref(&config);
	}
}

/* ---- who is asked ------------------------------------------------------- */

struct person {
	struct cm_fact facts[6];
	size_t n;
	int64_t asked; /* by the milter */
};

static enum cm_reason decide(const struct cm_config *config,
			     const struct person *person,
			     const struct person *family, int64_t mailed)
{
	const struct cm_stream *stream = &config->streams[0];
	const struct cm_classified classified = {
		.class = CM_CLASS_STREAM,
		.stream = stream,
		.purposes = stream->purposes,
		.npurposes = stream->npurposes,
	};
	struct cm_view own = {.facts = (struct cm_fact *)person->facts,
			      .count = person->n};
	struct cm_view others = {0};
	const struct cm_past past = {.mailed = &mailed, .asked = person->asked};
	struct cm_decision decision;

	if (family != NULL) {
		others.facts = (struct cm_fact *)family->facts;
		others.count = family->n;
	}
	cm_decide(config, &classified, &own, &others, &past, 0, NOW, &decision);
	assert_int_equal(decision.verdict, cm_reason_verdict(decision.reason));
	assert_int_equal(decision.ngrants,
			 decision.reason == CM_REASON_ALLOWED_RENEWAL);
	return decision.reason;
}

#define FACT(k, path, when)                                                    \
	{                                                                      \
		.kind = CM_FACT_##k, .purpose = {path, sizeof(path) - 1},      \
		.source = {"order", 5}, .at = NOW - (when)                     \
	}
#define BOUGHT(k, path, when)                                                  \
	{                                                                      \
		.kind = CM_FACT_##k, .purpose = {path, sizeof(path) - 1},      \
		.source = {"purchased", 9}, .at = NOW - (when)                 \
	}
/* A customer, and all that a soft opt-in needs to be on record. */
#define SOLD(path, when)                                                       \
	{                                                                      \
		.kind = CM_FACT_SOFT_OPT_IN,                                   \
		.purpose = {path, sizeof(path) - 1}, .source = {"order", 5},   \
		.terms = {.seller = {"acme", 4},                               \
			  .category = {"shoes", 5},                            \
			  .has_sale_ref = true,                                \
			  .optout = CM_SAID_YES},                              \
		.at = NOW - (when), .sold = NOW - (when)                       \
	}
#define NEWS "acme/news"

/* lifetime 730 days, asked 60 days before */
static const struct {
	struct person person;
	enum cm_reason plain;   /* without ask-unknown */
	enum cm_reason unknown; /* with it */
} people[] = {
	/* 0: the window, to the day */
	{{{FACT(GRANTED, NEWS, 670 * DAY)}, 1, 0},
	 CM_REASON_ALLOWED_RENEWAL,
	 CM_REASON_ALLOWED_RENEWAL},
	{{{FACT(GRANTED, NEWS, 669 * DAY)}, 1, 0},
	 CM_REASON_NOT_DUE,
	 CM_REASON_NOT_DUE},
	{{{FACT(GRANTED, NEWS, 730 * DAY - 1)}, 1, 0},
	 CM_REASON_ALLOWED_RENEWAL,
	 CM_REASON_ALLOWED_RENEWAL},
	/* silence: the old consent ends at its end */
	{{{FACT(GRANTED, NEWS, 730 * DAY)}, 1, 0},
	 CM_REASON_EXPIRED,
	 CM_REASON_EXPIRED},
	/* 4: once for each consent, by the milter's memory or the ledger */
	{{{FACT(GRANTED, NEWS, 700 * DAY)}, 1, NOW - DAY},
	 CM_REASON_ASKED_BEFORE,
	 CM_REASON_ASKED_BEFORE},
	{{{FACT(GRANTED, NEWS, 700 * DAY), FACT(ASKED, NEWS, DAY)}, 2, 0},
	 CM_REASON_ASKED_BEFORE,
	 CM_REASON_ASKED_BEFORE},
	{{{FACT(GRANTED, NEWS, 700 * DAY), FACT(ASKED, NEWS, 720 * DAY)},
	  2,
	  NOW - 710 * DAY},
	 CM_REASON_ALLOWED_RENEWAL,
	 CM_REASON_ALLOWED_RENEWAL},
	{{{FACT(GRANTED, NEWS, 700 * DAY), FACT(ASKED, "acme/idle", DAY)},
	  2,
	  0},
	 CM_REASON_ALLOWED_RENEWAL,
	 CM_REASON_ALLOWED_RENEWAL},
	/* 8: AT-FLYBE, AT-VIRGIN, AT-MORRISONS and the other marks */
	{{{FACT(GRANTED, NEWS, 700 * DAY), FACT(OBJECTED, "", 400 * DAY)},
	  2,
	  0},
	 CM_REASON_OBJECTED,
	 CM_REASON_OBJECTED},
	{{{FACT(GRANTED, NEWS, 700 * DAY), FACT(WITHDRAWN, NEWS, 1)}, 2, 0},
	 CM_REASON_WITHDRAWN,
	 CM_REASON_WITHDRAWN},
	{{{FACT(GRANTED, NEWS, 700 * DAY), FACT(COMPLAINED, "", 1)}, 2, 0},
	 CM_REASON_COMPLAINED,
	 CM_REASON_COMPLAINED},
	{{{FACT(UNPROVEN, NEWS, DAY), FACT(ERASED, "", 2 * DAY)}, 2, 0},
	 CM_REASON_ERASED,
	 CM_REASON_ERASED},
	{{{FACT(UNPROVEN, NEWS, DAY), FACT(RESTRICTED, "", DAY)}, 2, 0},
	 CM_REASON_RESTRICTED,
	 CM_REASON_RESTRICTED},
	{{{FACT(GRANTED, NEWS, 700 * DAY), FACT(UNDELIVERABLE, "", 1)}, 2, 0},
	 CM_REASON_UNDELIVERABLE,
	 CM_REASON_UNDELIVERABLE},
	/* 14: AT-HONDA, AT-SPORTSDIRECT: nothing proves it */
	{{{FACT(UNPROVEN, NEWS, 700 * DAY)}, 1, 0},
	 CM_REASON_NO_EVIDENCE,
	 CM_REASON_ALLOWED_ASK_UNKNOWN},
	{{{FACT(UNPROVEN, NEWS, 700 * DAY)}, 1, NOW - 3000 * DAY},
	 CM_REASON_NO_EVIDENCE,
	 CM_REASON_ASKED_BEFORE},
	{{{FACT(UNPROVEN, NEWS, DAY), FACT(ASKED, NEWS, 3000 * DAY)}, 2, 0},
	 CM_REASON_NO_EVIDENCE,
	 CM_REASON_ASKED_BEFORE},
	{{{BOUGHT(UNPROVEN, NEWS, DAY)}, 1, 0},
	 CM_REASON_NO_EVIDENCE,
	 CM_REASON_PURCHASED},
	{{{FACT(UNPROVEN, NEWS, DAY), BOUGHT(UNPROVEN, "acme", DAY)}, 2, 0},
	 CM_REASON_NO_EVIDENCE,
	 CM_REASON_PURCHASED},
	/* a no to anything, answered or not */
	{{{FACT(UNPROVEN, NEWS, DAY), FACT(WITHDRAWN, "acme/ever", 9 * DAY)},
	  2,
	  0},
	 CM_REASON_NO_EVIDENCE,
	 CM_REASON_WITHDRAWN},
	/* 20: pending is no "unknown", and no record is no record */
	{{{FACT(UNPROVEN, NEWS, DAY), FACT(REQUESTED, NEWS, DAY)}, 2, 0},
	 CM_REASON_UNCONFIRMED,
	 CM_REASON_UNCONFIRMED},
	{{{FACT(UNPROVEN, "acme/ever", DAY)}, 1, 0},
	 CM_REASON_NO_RECORD,
	 CM_REASON_NO_RECORD},
	{{{{0}}, 0, 0}, CM_REASON_NO_RECORD, CM_REASON_NO_RECORD},
};

static void only_these_people_are_asked(void **state)
{
	struct cm_config *plain = good(RENEWAL);
	struct cm_config *unknown = good(UNKNOWN);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		const struct person *p = &people[i].person;
		enum cm_reason got = decide(plain, p, NULL, 0);
		enum cm_reason asked = decide(unknown, p, NULL, 0);

		if (got != people[i].plain || asked != people[i].unknown)
			fail_msg("%zu: %s, with ask-unknown %s", i,
				 cm_reason_code(got), cm_reason_code(asked));
	}
	cm_config_unref(&plain);
	cm_config_unref(&unknown);
}

/* What another address of theirs refused holds for this one. */
static void the_family_is_not_asked_either(void **state)
{
	static const struct person left = {{FACT(WITHDRAWN, NEWS, 1)}, 1, 0};
	static const struct person other = {
		{FACT(WITHDRAWN, "acme/ever", 1)}, 1, 0};
	struct cm_config *plain = good(RENEWAL);
	struct cm_config *unknown = good(UNKNOWN);

	(void)state;
	assert_int_equal(decide(plain, &people[0].person, &left, 0),
			 CM_REASON_WITHDRAWN);
	assert_int_equal(decide(plain, &people[0].person, &other, 0),
			 CM_REASON_ALLOWED_RENEWAL);
	assert_int_equal(decide(unknown, &people[14].person, &other, 0),
			 CM_REASON_WITHDRAWN);
	cm_config_unref(&plain);
	cm_config_unref(&unknown);
}

/* AT-GOLF: by idle, too, and mail that left puts the end off. */
static void an_idle_end_is_an_end(void **state)
{
	static const struct person idle = {
		{FACT(GRANTED, "acme/idle", 729 * DAY)}, 1, 0};
	static const struct person gone = {
		{FACT(GRANTED, "acme/idle", 4 * YEAR)}, 1, 0};
	struct cm_config *config =
		good("type = renewal sender = {\"keep@a.example\"} purpose = "
		     "{\"acme/idle\"}");

	(void)state;
	assert_int_equal(decide(config, &idle, NULL, 0),
			 CM_REASON_ALLOWED_RENEWAL);
	assert_int_equal(decide(config, &idle, NULL, NOW - DAY),
			 CM_REASON_NOT_DUE);
	assert_int_equal(decide(config, &gone, NULL, 0), CM_REASON_IDLE);
	cm_config_unref(&config);
}

/* Soft opt-in is a basis; what has no end needs no asking. */
static void what_never_ends_is_never_due(void **state)
{
	static const struct person consent = {
		{FACT(GRANTED, "acme/ever", 9 * YEAR)}, 1, 0};
	static const struct person customer = {
		{SOLD("acme/ever", 9 * YEAR)}, 1, 0};
	struct cm_config *config =
		good("type = renewal sender = {\"keep@a.example\"} purpose = "
		     "{\"acme/ever\"}");

	(void)state;
	assert_int_equal(decide(config, &consent, NULL, 0), CM_REASON_NOT_DUE);
	assert_int_equal(decide(config, &customer, NULL, 0), CM_REASON_NOT_DUE);
	config->purposes[3].lifetime.ms = 9 * YEAR + DAY;
	assert_int_equal(decide(config, &customer, NULL, 0),
			 CM_REASON_ALLOWED_RENEWAL);
	cm_config_unref(&config);
}

/* Its last day is NOW's neighbour: see UNKNOWN. */
static void asking_unknown_people_ends(void **state)
{
	struct cm_config *config = good(UNKNOWN);
	struct cm_stream *stream = &config->streams[0];

	(void)state;
	stream->ask_until = NOW + 1;
	assert_int_equal(decide(config, &people[14].person, NULL, 0),
			 CM_REASON_ALLOWED_ASK_UNKNOWN);
	stream->ask_until = NOW;
	assert_int_equal(decide(config, &people[14].person, NULL, 0),
			 CM_REASON_ASK_ENDED);
	/* who has a consent that ends is asked all the same */
	assert_int_equal(decide(config, &people[0].person, NULL, 0),
			 CM_REASON_ALLOWED_RENEWAL);
	cm_config_unref(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_renewal_stream_loads),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(only_these_people_are_asked),
		cmocka_unit_test(the_family_is_not_asked_either),
		cmocka_unit_test(an_idle_end_is_an_end),
		cmocka_unit_test(what_never_ends_is_never_due),
		cmocka_unit_test(asking_unknown_people_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
