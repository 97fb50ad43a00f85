/* store: what is written is found, once, by everybody, after everything. */
#include "policy/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

static int set_up(void **state)
{
	struct kit *kit = malloc(sizeof(*kit));

	assert_non_null(kit);
	kit_new(kit);
	*state = kit;
	return 0;
}

static int tear_down(void **state)
{
	kit_free(*state);
	free(*state);
	return 0;
}

static void test_grant_then_withdraw(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "petr@example.com", CM_EVENT_GRANTED);
	struct cm_view own, family;

	assert_int_equal(kit_append(kit, &event, KIT_NOW), 0);
	kit_lookup(kit, "Petr@EXAMPLE.com", &own, &family);
	assert_int_equal(own.count, 1);
	assert_int_equal(own.facts[0].kind, CM_FACT_GRANTED);
	assert_int_equal(own.facts[0].at, KIT_NOW);
	assert_string_equal(own.language, "cs");
	assert_int_equal(family.count, 0);
	kit_verify(kit, true);

	event = kit_event(kit, "petr@example.com", CM_EVENT_WITHDRAWN);
	assert_int_equal(kit_append(kit, &event, KIT_NOW), 1);
	kit_reopen(kit, CM_STORE_READ);
	kit_lookup(kit, "petr+shop@example.com", &own, &family);
	assert_int_equal(own.count, 0);
	assert_int_equal(family.count, 1);
	/* The same clock reading, and yet after the grant. */
	assert_int_equal(family.facts[0].at, KIT_NOW + 1);
	assert_int_equal(family.facts[0].seq, 1);
	kit_reopen(kit, CM_STORE_WRITE);
	kit_verify(kit, true);
}

static void test_never_heard_of(void **state)
{
	struct cm_view own, family;

	kit_lookup(*state, "nobody@example.com", &own, &family);
	assert_int_equal(own.count, 0);
	assert_int_equal(own.newest_at, 0);
	assert_int_equal(family.count, 0);
	kit_verify(*state, true);
}

/* R8058-18, D7: acknowledged means obeyed from the next read on. */
static void test_stop_is_obeyed_before_it_is_folded(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "eva@example.com", CM_EVENT_GRANTED);
	struct cm_error err = {0};
	struct cm_view own, family;
	size_t count = 0;

	(void)kit_append(kit, &event, KIT_NOW);
	event = kit_event(kit, "eva@example.com", CM_EVENT_WITHDRAWN);
	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			 CM_OK);
	kit_lookup(kit, "eva@example.com", &own, &family);
	assert_int_equal(own.count, 2);
	assert_non_null(kit_fact(&own, CM_FACT_WITHDRAWN));
	assert_int_equal(kit_fact(&own, CM_FACT_WITHDRAWN)->at, KIT_NOW + 1);
	assert_true(kit_fact(&own, CM_FACT_WITHDRAWN)->seq ==
		    CM_STORE_SEQ_PENDING);
	assert_non_null(kit_fact(&family, CM_FACT_WITHDRAWN));
	kit_verify(kit, true);

	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK);
	assert_int_equal(count, 1);
	kit_lookup(kit, "eva@example.com", &own, &family);
	assert_int_equal(kit_fact(&own, CM_FACT_WITHDRAWN)->at, KIT_NOW + 1);
	assert_int_equal(kit_fact(&own, CM_FACT_WITHDRAWN)->seq, 1);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK);
	assert_int_equal(count, 0);
	kit_verify(kit, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_grant_then_withdraw),
		TEST(test_never_heard_of),
		TEST(test_stop_is_obeyed_before_it_is_folded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
