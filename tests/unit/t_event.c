/* event: one canonical spelling, nothing else read; what proves a grant. */
#include "policy/event.h"
#include "policy/event_form.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

#define SET(field, text) (void)snprintf(field, sizeof(field), "%s", text)

#define CONTACT "000102030405060708090a0b"
#define FAMILY  "101112131415161718191a1b"
#define HASH                                                                   \
	"202122232425262728292a2b2c2d2e2f"                                     \
	"303132333435363738393a3b3c3d3e3f"

static struct cm_event plain(enum cm_event_type type)
{
	struct cm_event event;
	uint8_t i;

	memset(&event, 0, sizeof(event));
	event.type = type;
	event.actor = CM_ACTOR_ADMIN;
	event.at = 1000;
	event.rec = 2000;
	for (i = 0; i < CM_CONTACT_ID_LEN; i++)
		event.contact.b[i] = i;
	event.family = event.contact;
	return event;
}

static struct cm_event full(void)
{
	struct cm_event event = plain(CM_EVENT_CONFIRMED);
	uint8_t i;

	for (i = 0; i < CM_CONTACT_ID_LEN; i++)
		event.family.b[i] = (uint8_t)(0x10 + i);
	for (i = 0; i < CM_HASH_LEN; i++)
		event.notice.b[i] = event.evidence.b[i] = (uint8_t)(0x20 + i);
	event.has_notice = event.has_evidence = true;
	event.attested = event.untimed = true;
	event.basis = CM_BASIS_SOFT_OPT_IN;
	SET(event.purpose, "acme/news");
	SET(event.source, "web-form");
	SET(event.language, "pt-br");
	SET(event.channel, "import");
	SET(event.who, "J\xc3\xbcrgen \"J\"");
	SET(event.batch, "20261121T101500-1f2e3d4c");
	SET(event.controller, "Acme GmbH");
	SET(event.seller, "acme");
	SET(event.category, "Fahrr\xc3\xa4"
			    "der");
	event.optout = CM_SAID_NO;
	event.has_sale_ref = true;
	event.sold = 500;
	event.ended = 3000;
	return event;
}

static void assert_bytes(const struct cm_event *event, const char *want)
{
	struct cm_event back;
	struct cm_buf out;

	cm_buf_init(&out, 4096);
	assert_int_equal(cm_event_encode(event, &out), CM_OK);
	assert_string_equal(cm_buf_text(&out), want);
	assert_int_equal(cm_event_decode(cm_span(want), &back, NULL), CM_OK);
	assert_memory_equal(&back, event, sizeof(back));
	cm_buf_free(&out);
}

/* A form made of any event of the kind, filled in, is the event.  False for
 * what is no event. */
static bool assert_form(struct cm_event_form *form,
			const struct cm_event *event)
{
	const struct cm_event_own own = {
		.contact = &event->contact,
		.family = &event->family,
		.evidence = event->has_evidence ? &event->evidence : NULL,
		.at = event->at,
		.rec = event->rec,
		.sold = event->sold,
		.ended = event->ended,
	};
	struct cm_event kind = *event;
	struct cm_buf want, got;
	int rc;

	cm_buf_init(&want, 4096);
	cm_buf_init(&got, 4096);
	memset(&kind.contact, 0x5a, sizeof(kind.contact));
	kind.family = kind.contact;
	kind.has_evidence = !event->has_evidence;
	kind.at = 253402300799999;
	kind.sold = kind.ended = 0;
	rc = cm_event_encode(event, &want);
	assert_int_equal(cm_event_form_set(form, &kind), rc);
	if (rc == CM_OK) {
		assert_int_equal(cm_event_form_write(form, &own, &got), CM_OK);
		assert_string_equal(cm_buf_text(&got), cm_buf_text(&want));
	}
	cm_buf_free(&want);
	cm_buf_free(&got);
	return rc == CM_OK;
}

static void no_terms(struct cm_event *event)
{
	event->controller[0] = event->seller[0] = event->category[0] = '\0';
	event->optout = CM_SAID_NOTHING;
	event->has_sale_ref = false;
	event->sold = event->ended = 0;
}

static void a_form_gives_the_same_bytes(void **state)
{
	static const char *const who[] = {"",
					  "root",
					  ",\"rec\":7",
					  "\\",
					  "\\\",\"at\":0,\"family\":\"x",
					  "\x01,\"evidence\":\"",
					  "J\xc3\xbcrgen"};
	static const int64_t times[] = {0, 7, 1795212000000, 253402300799999};
	struct cm_event_form form = {0};
	struct cm_event event;
	struct cm_buf out;
	size_t i, k, n;
	size_t done = 0;

	(void)state;
	for (i = 0; i < CM_EVENT_TYPES; i++) {
		event = i % 2 == 0 ? full() : plain(CM_EVENT_GRANTED);
		if (!cm_event_type_asks((enum cm_event_type)i))
			no_terms(&event);
		event.type = (enum cm_event_type)i;
		SET(event.batch, "20261121T101500-1f2e3d4c");
		SET(event.purpose, i <= CM_EVENT_WITHDRAWN ? "acme" : "");
		event.mark = i == CM_EVENT_CLEARED ? CM_EVENT_RESTRICTED
						   : CM_EVENT_REQUESTED;
		for (k = 0; k < sizeof(who) / sizeof(who[0]); k++) {
			SET(event.who, who[k]);
			for (n = 0; n < 4; n++) {
				event.at = times[n];
				event.rec = times[(n + k) % 4];
				event.has_evidence = (n & 1) != 0;
				if (event.has_sale_ref) {
					event.sold = times[n];
					event.ended = times[(n + k) % 4];
				}
				done += assert_form(&form, &event);
			}
		}
	}
	assert_true(done >= 12 * 7 * 4);
	event = full();
	assert_true(assert_form(&form, &event));
	/* What no event may be, no form is, nor makes. */
	cm_buf_init(&out, 4096);
	assert_int_equal(cm_event_form_write(&form,
					     &(struct cm_event_own){
						     .contact = &event.contact,
						     .family = &event.family,
						     .at = 253402300799999 + 1},
					     &out),
			 CM_EDATA);
	/* Nor has a withdrawal a sale. */
	event = plain(CM_EVENT_WITHDRAWN);
	assert_int_equal(cm_event_form_set(&form, &event), CM_OK);
	assert_int_equal(cm_event_form_write(&form,
					     &(struct cm_event_own){
						     .contact = &event.contact,
						     .family = &event.family,
						     .sold = 7},
					     &out),
			 CM_EDATA);
	SET(event.channel, "Not A Word");
	assert_int_equal(cm_event_form_set(&form, &event), CM_EDATA);
	cm_event_form_free(&form);
	cm_buf_free(&out);
}

static void bytes_are_canonical(void **state)
{
	struct cm_event event = plain(CM_EVENT_WITHDRAWN);

	(void)state;
	assert_bytes(&event,
		     "{\"actor\":\"admin\",\"at\":1000,\"contact\":\"" CONTACT
		     "\",\"rec\":2000,\"type\":\"withdrawn\",\"v\":1}");
	event = plain(CM_EVENT_CLEARED);
	event.mark = CM_EVENT_UNDELIVERABLE;
	assert_bytes(&event,
		     "{\"actor\":\"admin\",\"at\":1000,\"contact\":\"" CONTACT
		     "\",\"mark\":\"undeliverable\",\"rec\":2000,"
		     "\"type\":\"cleared\",\"v\":1}");
	event = full();
	assert_bytes(
		&event,
		"{\"actor\":\"admin\",\"at\":1000,\"attested\":1,"
		"\"basis\":\"soft-opt-in\","
		"\"batch\":\"20261121T101500-1f2e3d4c\","
		"\"category\":\"Fahrr\xc3\xa4"
		"der\","
		"\"channel\":\"import\",\"contact\":\"" CONTACT
		"\",\"controller\":\"Acme GmbH\",\"ended\":3000,"
		"\"evidence\":\"" HASH "\",\"family\":\"" FAMILY
		"\",\"language\":\"pt-br\",\"notice\":\"" HASH
		"\",\"optout\":\"no\",\"purpose\":\"acme/news\","
		"\"rec\":2000,\"saleref\":1,\"seller\":\"acme\","
		"\"sold\":500,\"source\":\"web-form\",\"type\":\"confirmed\","
		"\"untimed\":1,\"v\":1,\"who\":\"J\xc3\xbcrgen \\\"J\\\"\"}");
}

static void every_type_and_actor_comes_back(void **state)
{
	int type, actor;

	(void)state;
	for (type = 0; type < CM_EVENT_TYPES; type++) {
		for (actor = 0; actor < CM_ACTORS; actor++) {
			struct cm_event back, event;
			struct cm_buf out;

			event = plain((enum cm_event_type)type);
			event.actor = (enum cm_actor)actor;
			if (type <= CM_EVENT_CONFIRMED)
				SET(event.purpose, "acme");
			if (type == CM_EVENT_CLEARED)
				event.mark = CM_EVENT_RESTRICTED;
			if (type == CM_EVENT_CORRECTED) {
				SET(event.batch, "b1");
				event.mark = actor % 2 ? CM_EVENT_WITHDRAWN : 0;
			}
			if (type == CM_EVENT_DISCLOSED)
				SET(event.to, "Gr\xc3\xbcn & Co");
			if (cm_event_type_is_request(event.type))
				SET(event.right, "access");
			cm_buf_init(&out, 4096);
			assert_int_equal(cm_event_encode(&event, &out), CM_OK);
			assert_int_equal(
				cm_event_decode(cm_span_n(out.data, out.len),
						&back, NULL),
				CM_OK);
			assert_memory_equal(&back, &event, sizeof(back));
			cm_buf_free(&out);
		}
	}
}

/* G19, G12: whom, and which right; no address, and nothing elsewhere. */
static void remarks_say_what_they_must(void **state)
{
	struct cm_event event = plain(CM_EVENT_DISCLOSED);
	struct cm_buf out;

	(void)state;
	cm_buf_init(&out, 4096);
	assert_int_equal(cm_event_encode(&event, &out), CM_EDATA);
	SET(event.to, "auditor@law.example");
	assert_int_equal(cm_event_encode(&event, &out), CM_EDATA);
	event = plain(CM_EVENT_DISCLOSED);
	SET(event.to, "Auditor");
	assert_bytes(&event,
		     "{\"actor\":\"admin\",\"at\":1000,\"contact\":\"" CONTACT
		     "\",\"rec\":2000,\"to\":\"Auditor\","
		     "\"type\":\"disclosed\",\"v\":1}");
	event.type = CM_EVENT_WITHDRAWN;
	assert_int_equal(cm_event_encode(&event, &out), CM_EDATA);
	event = plain(CM_EVENT_REQUEST_OPENED);
	assert_int_equal(cm_event_encode(&event, &out), CM_EDATA);
	SET(event.right, "erasure");
	assert_bytes(&event,
		     "{\"actor\":\"admin\",\"at\":1000,\"contact\":\"" CONTACT
		     "\",\"rec\":2000,\"right\":\"erasure\","
		     "\"type\":\"request-opened\",\"v\":1}");
	SET(event.purpose, "acme");
	assert_int_equal(cm_event_encode(&event, &out), CM_EDATA);
	cm_buf_free(&out);
}

/* Each row spoils one thing of a good event. */
static void a_bad_event_is_not_written(void **state)
{
	struct cm_event bad[18];
	struct cm_buf out;
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < 18; i++)
		bad[i] = full();
	bad[n++].type = CM_EVENT_TYPES;
	bad[n++].actor = CM_ACTORS;
	bad[n++].basis = CM_BASES;
	bad[n++].at = -1;
	bad[n++].rec = INT64_MAX;
	bad[n++].purpose[0] = '\0'; /* confirmed what? */
	SET(bad[n++].purpose, "Acme News");
	SET(bad[n++].purpose, "acme//x");
	SET(bad[n++].source, "Web Form");
	SET(bad[n++].language, "cs\n");
	SET(bad[n++].channel, "a\"b");
	SET(bad[n++].who, "\xfc");
	SET(bad[n++].batch, "\xc3\xbc");
	bad[n++].type = CM_EVENT_OBJECTED; /* cannot name a purpose */
	bad[n].type = CM_EVENT_CLEARED;
	bad[n].mark = CM_EVENT_OBJECTED; /* cannot be cleared */
	bad[n++].purpose[0] = '\0';
	bad[n].type = CM_EVENT_CORRECTED; /* which batch? */
	bad[n].batch[0] = '\0';
	bad[n++].purpose[0] = '\0';
	bad[n].type = CM_EVENT_CORRECTED; /* never takes that back */
	bad[n].mark = CM_EVENT_OBJECTED;
	bad[n++].purpose[0] = '\0';
	cm_buf_init(&out, 4096);
	for (i = 0; i < n; i++)
		assert_int_equal(cm_event_encode(&bad[i], &out), CM_EDATA);
	assert_int_equal(cm_event_encode(&bad[17], &out), CM_OK);
	cm_buf_free(&out);
}

/* G21: what only the person can lift is in no row of this table. */
static void what_a_correction_takes_back(void **state)
{
	static const struct {
		enum cm_event_type type;
		enum cm_actor actor;
		const char *batch;
		bool asks, also_refusals;
	} rows[] = {
		{CM_EVENT_REQUESTED, CM_ACTOR_IMPORT, "b1", true, true},
		{CM_EVENT_GRANTED, CM_ACTOR_IMPORT, "b1", true, true},
		{CM_EVENT_CONFIRMED, CM_ACTOR_IMPORT, "b1", true, true},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_IMPORT, "b1", false, true},
		{CM_EVENT_UNDELIVERABLE, CM_ACTOR_IMPORT, "b1", false, true},
		{CM_EVENT_OBJECTED, CM_ACTOR_IMPORT, "b1", false, false},
		{CM_EVENT_COMPLAINED, CM_ACTOR_IMPORT, "b1", false, false},
		{CM_EVENT_ERASED, CM_ACTOR_IMPORT, "b1", false, false},
		{CM_EVENT_RESTRICTED, CM_ACTOR_IMPORT, "b1", false, false},
		{CM_EVENT_CORRECTED, CM_ACTOR_IMPORT, "b1", false, false},
		{CM_EVENT_GRANTED, CM_ACTOR_IMPORT, "b2", false, false},
		{CM_EVENT_GRANTED, CM_ACTOR_PERSON, "b1", false, false},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_ADMIN, "b1", false, false},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_SYSTEM, "b1", false, false},
	};
	struct cm_event correction = {.type = CM_EVENT_CORRECTED,
				      .actor = CM_ACTOR_ADMIN};
	size_t i;

	(void)state;
	SET(correction.batch, "b1");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cm_event event = {.type = rows[i].type,
					 .actor = rows[i].actor};

		SET(event.batch, rows[i].batch);
		correction.mark = 0;
		assert_int_equal(cm_event_undoes(&correction, &event),
				 rows[i].asks);
		correction.mark = CM_EVENT_WITHDRAWN;
		assert_int_equal(cm_event_undoes(&correction, &event),
				 rows[i].also_refusals);
		assert_false(cm_event_undoes(&event, &correction));
	}
}

#define HEAD "{\"actor\":\"admin\",\"at\":1,\"contact\":\"" CONTACT "\","
#define TAIL "\"rec\":2,\"type\":\"withdrawn\",\"v\":1}"

static void only_our_own_bytes_are_read(void **state)
{
	static const struct {
		const char *json;
		int rc;
	} cases[] = {
		{HEAD TAIL, CM_OK},
		{HEAD "\"purpose\":\"acme\"," TAIL, CM_OK},
		{"", CM_EDATA},
		{"null", CM_EDATA},
		{"[]", CM_EDATA},
		{"{}", CM_EDATA},
		{HEAD TAIL " ", CM_EDATA},
		{HEAD " " TAIL, CM_EDATA},
		{HEAD TAIL "x", CM_EDATA},
		{HEAD "\"nonsense\":1," TAIL, CM_EDATA},
		{HEAD "\"purpose\":\"\"," TAIL, CM_EDATA},
		{HEAD "\"purpose\":\"Acme\"," TAIL, CM_EDATA},
		{HEAD "\"purpose\":7," TAIL, CM_EDATA},
		{HEAD "\"purpose\":null," TAIL, CM_EDATA},
		{HEAD "\"purpose\":\"\\u0061cme\"," TAIL, CM_EDATA},
		{HEAD "\"basis\":\"consent\"," TAIL, CM_EDATA},
		{HEAD "\"mark\":\"restricted\"," TAIL, CM_EDATA},
		{HEAD "\"family\":\"" CONTACT "\"," TAIL, CM_EDATA},
		{HEAD "\"family\":\"" FAMILY "\"," TAIL, CM_OK},
		{HEAD "\"family\":\"10\"," TAIL, CM_EDATA},
		{HEAD "\"notice\":\"" HASH "00\"," TAIL, CM_EDATA},
		{HEAD "\"language\":\"a-language-far-too-long\"," TAIL,
		 CM_EDATA},
		{HEAD "\"rec\":2.0,\"type\":\"withdrawn\",\"v\":1}", CM_EDATA},
		{HEAD "\"rec\":-2,\"type\":\"withdrawn\",\"v\":1}", CM_EDATA},
		{HEAD "\"rec\":2,\"type\":\"withdrew\",\"v\":1}", CM_EDATA},
		{HEAD "\"rec\":2,\"type\":\"withdrawn\",\"v\":2}", CM_EDATA},
		{HEAD "\"rec\":2,\"type\":\"withdrawn\"}", CM_EDATA},
		{HEAD "\"rec\":2,\"type\":\"withdrawn\",\"untimed\":1,\"v\":1}",
		 CM_OK},
		{HEAD "\"rec\":2,\"type\":\"withdrawn\",\"untimed\":0,\"v\":1}",
		 CM_EDATA},
		{HEAD "\"rec\":2,\"type\":\"withdrawn\",\"v\":1,\"v\":1}",
		 CM_EDATA},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_event event;
		struct cm_error err = {0};

		memset(&event, 0x5a, sizeof(event));
		assert_int_equal(
			cm_event_decode(cm_span(cases[i].json), &event, &err),
			cases[i].rc);
		assert_int_equal(err.code, cases[i].rc);
		if (cases[i].rc != CM_OK) {
			assert_int_equal(event.at, 0x5a5a5a5a5a5a5a5aLL);
			assert_true(err.text[0] != '\0');
		}
	}
}

static void every_cut_and_flip_is_refused_or_equal(void **state)
{
	struct cm_event event = full(), back;
	struct cm_buf out, again;
	size_t i, bit;

	(void)state;
	cm_buf_init(&out, 4096);
	cm_buf_init(&again, 4096);
	assert_int_equal(cm_event_encode(&event, &out), CM_OK);
	for (i = 0; i < out.len; i++)
		assert_int_not_equal(
			cm_event_decode(cm_span_n(out.data, i), &back, NULL),
			CM_OK);
	for (i = 0; i < out.len * 8; i++) {
		bit = 1u << (i % 8);
		out.data[i / 8] = (char)(out.data[i / 8] ^ (int)bit);
		if (cm_event_decode(cm_span_n(out.data, out.len), &back,
				    NULL) == CM_OK) {
			cm_buf_reset(&again);
			assert_int_equal(cm_event_encode(&back, &again), CM_OK);
			assert_string_equal(again.data, out.data);
		}
		out.data[i / 8] = (char)(out.data[i / 8] ^ (int)bit);
	}
	cm_buf_free(&out);
	cm_buf_free(&again);
}

/* Design 5, rule 4. */
static void proof_needs_source_time_and_text(void **state)
{
	static const struct {
		const char *source;
		bool timed, notice, attested, proven;
	} cases[] = {
		{"web-form", true, true, false, true},
		{"import", true, false, true, true},
		{"their-own-word", true, true, true, true},
		{"web-form", true, false, false, false},
		{"web-form", false, true, true, false},
		{"", true, true, true, false},
		{"unknown", true, true, true, false},
		{"purchased", true, true, true, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_event event = plain(CM_EVENT_GRANTED);

		SET(event.source, cases[i].source);
		event.untimed = !cases[i].timed;
		event.has_notice = cases[i].notice;
		event.attested = cases[i].attested;
		assert_int_equal(cm_event_is_proven(&event), cases[i].proven);
		event.type = CM_EVENT_CONFIRMED;
		assert_int_equal(cm_event_is_proven(&event), cases[i].proven);
		event.type = CM_EVENT_REQUESTED;
		assert_false(cm_event_is_proven(&event));
	}
}

static void names_are_exact(void **state)
{
	enum cm_basis basis = CM_BASES;

	(void)state;
	assert_int_equal(cm_basis_parse(cm_span("soft-opt-in"), &basis), CM_OK);
	assert_int_equal(basis, CM_BASIS_SOFT_OPT_IN);
	assert_int_equal(cm_basis_parse(cm_span("Consent"), &basis), CM_EDATA);
	assert_string_equal(cm_actor_name(CM_ACTOR_PERSON), "person");
	assert_string_equal(cm_basis_name(CM_BASIS_CONSENT), "consent");
}

/* Of a burst an admin takes back the click that is named, and no other. */
static void a_burst_names_its_clicks(void **state)
{
	static const struct {
		enum cm_event_type type;
		enum cm_actor actor;
		const char *channel;
		bool undone;
	} cases[] = {
		{CM_EVENT_WITHDRAWN, CM_ACTOR_PERSON, "one-click", true},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_PERSON, "page", true},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_PERSON, "preferences", false},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_PERSON, "mail", false},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_ADMIN, "one-click", false},
		{CM_EVENT_WITHDRAWN, CM_ACTOR_IMPORT, "page", false},
		{CM_EVENT_OBJECTED, CM_ACTOR_PERSON, "page", false},
		{CM_EVENT_COMPLAINED, CM_ACTOR_PERSON, "one-click", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_event back = {.type = CM_EVENT_CORRECTED,
					.actor = CM_ACTOR_ADMIN,
					.mark = CM_EVENT_WITHDRAWN,
					.channel = CM_CHANNEL_BURST};
		struct cm_event event = {.type = cases[i].type,
					 .actor = cases[i].actor,
					 .contact = {{1, 2, 3}},
					 .at = 1767225600000};

		(void)snprintf(event.channel, sizeof(event.channel), "%s",
			       cases[i].channel);
		cm_event_click_name(&event, back.batch);
		if (cm_event_undoes(&back, &event) != cases[i].undone)
			fail_msg("case %zu", i);
		event.at++;
		assert_false(cm_event_undoes(&back, &event));
		event.at--;
		event.contact.b[0]++;
		assert_false(cm_event_undoes(&back, &event));
		event.contact.b[0]--;
		back.channel[0] = '\0';
		assert_false(cm_event_undoes(&back, &event));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_canonical),
		cmocka_unit_test(a_form_gives_the_same_bytes),
		cmocka_unit_test(every_type_and_actor_comes_back),
		cmocka_unit_test(remarks_say_what_they_must),
		cmocka_unit_test(a_bad_event_is_not_written),
		cmocka_unit_test(what_a_correction_takes_back),
		cmocka_unit_test(only_our_own_bytes_are_read),
		cmocka_unit_test(every_cut_and_flip_is_refused_or_equal),
		cmocka_unit_test(proof_needs_source_time_and_text),
		cmocka_unit_test(names_are_exact),
		cmocka_unit_test(a_burst_names_its_clicks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
