/*
 * optin: a request read back from the ledger: asked, confirmed, cancelled,
 * overtaken by a refusal (DOI-1, DOI-3).
 */
#include "policy/optin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

#define PETRA  "petra@example.com"
#define OFFERS "acme/offers"

static const uint8_t ref[CM_REQUEST_REF_LEN] = {0xab, 1, 2, 3, 4, 5, 6, 7};
static const uint8_t other[CM_REQUEST_REF_LEN] = {0xcd};

static int begin(void **state)
{
	struct kit *kit = calloc(1, sizeof(*kit));

	kit_new(kit);
	*state = kit;
	return 0;
}

static int end(void **state)
{
	kit_free(*state);
	free(*state);
	return 0;
}

/* An event of the person's, of a request. */
static void say(struct kit *kit, enum cm_event_type type, const char *purpose,
		const uint8_t *name, int64_t now)
{
	struct cm_event event = kit_event(kit, PETRA, type);

	(void)snprintf(event.purpose, sizeof(event.purpose), "%s", purpose);
	(void)snprintf(event.language, sizeof(event.language), "cs");
	(void)snprintf(event.source, sizeof(event.source), "web-form");
	(void)snprintf(event.channel, sizeof(event.channel), "form");
	if (type == CM_EVENT_CORRECTED)
		event.mark = CM_EVENT_REQUESTED;
	if (name != NULL)
		cm_optin_name(name, event.batch);
	(void)kit_append(kit, &event, now);
}

static struct cm_optin read(struct kit *kit, const uint8_t *name)
{
	struct cm_store_reader *reader = NULL;
	struct cm_id contact, family;
	struct cm_optin optin;
	struct cm_error err;

	kit_ids(kit, PETRA, &contact, &family);
	assert_int_equal(
		cm_store_read_begin(kit->store, kit->arena, &reader, &err),
		CM_OK);
	assert_int_equal(
		cm_optin_read(reader, &contact, name, kit->arena, &optin, &err),
		CM_OK);
	cm_store_read_end(&reader);
	return optin;
}

static int64_t cancelled_at(struct kit *kit)
{
	struct cm_store_reader *reader = NULL;
	struct cm_id contact, family;
	struct cm_error err;
	int64_t at = -1;

	kit_ids(kit, PETRA, &contact, &family);
	assert_int_equal(
		cm_store_read_begin(kit->store, kit->arena, &reader, &err),
		CM_OK);
	assert_int_equal(cm_optin_cancelled_at(reader, &contact, &at, &err),
			 CM_OK);
	cm_store_read_end(&reader);
	return at;
}

static bool is_pending(struct kit *kit)
{
	struct cm_view own, family;

	kit_lookup(kit, PETRA, &own, &family);
	return kit_fact(&own, CM_FACT_PERSON_REQUESTED) != NULL;
}

static void its_name(void **state)
{
	char name[CM_BATCH_MAX + 1];

	(void)state;
	cm_optin_name(ref, name);
	assert_string_equal(name, "ask-ab01020304050607");
}

static void asked_and_confirmed(void **state)
{
	struct kit *kit = *state;
	struct cm_optin optin;

	assert_false(read(kit, ref).found);
	say(kit, CM_EVENT_REQUESTED, KIT_PURPOSE, ref, KIT_NOW);
	say(kit, CM_EVENT_REQUESTED, OFFERS, ref, KIT_NOW);
	optin = read(kit, ref);
	assert_true(optin.found);
	assert_false(optin.confirmed || optin.cancelled || optin.overtaken);
	assert_int_equal(optin.npurposes, 2);
	assert_true(cm_span_eq(optin.purposes[1], cm_span(OFFERS)));
	assert_string_equal(optin.language, "cs");
	assert_string_equal(optin.source, "web-form");
	assert_true(cm_optin_is_open(&optin, KIT_NOW + 7 * CM_DAY_MS));
	assert_false(cm_optin_is_open(&optin, KIT_NOW + 9 * CM_DAY_MS));
	assert_false(read(kit, other).found);
	say(kit, CM_EVENT_CONFIRMED, KIT_PURPOSE, ref, KIT_NOW + 5);
	assert_true(read(kit, ref).confirmed);
	kit_verify(kit, true);
}

/* Who typed the address is not known to be its owner. */
static void asking_is_no_act_of_theirs(void **state)
{
	struct kit *kit = *state;
	struct cm_view own, family;

	say(kit, CM_EVENT_REQUESTED, KIT_PURPOSE, ref, KIT_NOW);
	kit_lookup(kit, PETRA, &own, &family);
	assert_int_equal(own.person_at, 0);
	assert_string_equal(own.language, "");
	say(kit, CM_EVENT_CONFIRMED, KIT_PURPOSE, ref, KIT_NOW + 5);
	kit_lookup(kit, PETRA, &own, &family);
	assert_int_equal(own.person_at, KIT_NOW + 5);
	assert_string_equal(own.language, "cs");
}

static void a_refusal_ends_it(void **state)
{
	struct kit *kit = *state;

	say(kit, CM_EVENT_WITHDRAWN, "acme", NULL, KIT_NOW);
	say(kit, CM_EVENT_REQUESTED, KIT_PURPOSE, ref, KIT_NOW + 10);
	assert_false(read(kit, ref).overtaken);
	say(kit, CM_EVENT_WITHDRAWN, OFFERS, NULL, KIT_NOW + 20);
	assert_false(read(kit, ref).overtaken);
	kit_stop(kit, PETRA, CM_EVENT_OBJECTED, KIT_NOW + 30);
	assert_true(read(kit, ref).overtaken);
}

static void i_did_not_ask(void **state)
{
	struct kit *kit = *state;

	say(kit, CM_EVENT_GRANTED, OFFERS, NULL, KIT_NOW);
	say(kit, CM_EVENT_REQUESTED, KIT_PURPOSE, ref, KIT_NOW + 10);
	assert_true(is_pending(kit));
	assert_int_equal(cancelled_at(kit), 0);
	say(kit, CM_EVENT_CORRECTED, KIT_PURPOSE, ref, KIT_NOW + 20);
	assert_true(read(kit, ref).cancelled);
	assert_false(is_pending(kit));
	assert_int_equal(cancelled_at(kit), KIT_NOW + 20);
	/* What they agreed to before stays, and they may ask again. */
	assert_int_equal(read(kit, other).npurposes, 0);
	say(kit, CM_EVENT_REQUESTED, KIT_PURPOSE, other, KIT_NOW + 30);
	assert_true(is_pending(kit));
	assert_false(read(kit, other).cancelled);
	kit_verify(kit, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_name),
		cmocka_unit_test_setup_teardown(asked_and_confirmed, begin,
						end),
		cmocka_unit_test_setup_teardown(asking_is_no_act_of_theirs,
						begin, end),
		cmocka_unit_test_setup_teardown(a_refusal_ends_it, begin, end),
		cmocka_unit_test_setup_teardown(i_did_not_ask, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
