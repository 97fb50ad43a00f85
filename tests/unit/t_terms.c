/* terms: the grants that count for nothing, and beside each one that does. */
#include "policy/terms.h"

#include <string.h>

#include "tests/unit/decide_world.h"
#include "tests/unit/test.h"

/* EP13-2, AT-HALFORDS, AT-PAPAJOHNS: each condition dropped in turn. */
static void a_soft_opt_in_needs_every_condition(void **state)
{
	static const struct {
		struct sale sale;
		enum cm_reason reason;
	} cases[] = {
		{SALE, CM_REASON_ALLOWED_SOFT_OPT_IN},
		{{NOBODY, true, 10, 1, CM_SAID_YES}, CM_REASON_NO_SELLER},
		{{OTHERS, true, 10, 1, CM_SAID_YES}, CM_REASON_OTHER_SELLER},
		{{US, false, 10, 1, CM_SAID_YES}, CM_REASON_NO_SALE_REF},
		{{US, true, 0, 1, CM_SAID_YES}, CM_REASON_NO_SALE_DATE},
		{{US, true, 10, 0, CM_SAID_YES}, CM_REASON_NO_CATEGORY},
		{{US, true, 10, 2, CM_SAID_YES}, CM_REASON_OTHER_CATEGORY},
		{{US, true, 10, 1, CM_SAID_NO}, CM_REASON_NO_OPT_OUT},
		{{US, true, 10, 1, CM_SAID_NOTHING}, CM_REASON_NO_OPT_OUT},
		{{NOBODY, false, 0, 0, CM_SAID_NOTHING}, CM_REASON_NO_SELLER},
	};
	struct world world;
	size_t i;

	(void)state;
	world_make(&world);
	world.purposes[3].soft_opt_in = true;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raw raw = {.type = CM_EVENT_GRANTED,
				  .basis = CM_BASIS_SOFT_OPT_IN,
				  .sale = cases[i].sale};

		assert_int_equal(world_tell_one(&world, raw).reason,
				 cases[i].reason);
		/* of a consent nothing of it is asked */
		raw.basis = CM_BASIS_CONSENT;
		assert_int_equal(world_tell_one(&world, raw).reason,
				 CM_REASON_ALLOWED_CONSENT);
	}
}

/* C-CA2: two years from the purchase, whenever it was written down. */
static void a_soft_opt_in_is_as_old_as_the_sale(void **state)
{
	struct raw raw = {.type = CM_EVENT_GRANTED,
			  .basis = CM_BASIS_SOFT_OPT_IN,
			  .sale = SALE,
			  .at = 99};
	struct raw newer = raw;
	struct cm_arena *arena = NULL;
	struct cm_decision got;
	struct world world;

	(void)state;
	world_make(&world);
	world.purposes[3].soft_opt_in = true;
	world.purposes[3].lifetime.ms = 90;
	assert_int_equal(world_tell_one(&world, raw).reason, CM_REASON_EXPIRED);
	raw.sale.sold = 11;
	got = world_tell_one(&world, raw);
	assert_int_equal(got.reason, CM_REASON_ALLOWED_SOFT_OPT_IN);
	assert_int_equal(got.grants[0].until, 101);
	/* the newest sale counts, in whatever order lists told of them */
	newer.sale.sold = 50;
	newer.at = 60;
	{
		struct raw both[2] = {raw, newer};

		both[0].attested = both[1].attested = true;
		both[0].node = both[1].node = 3;
		assert_int_equal(cm_arena_new(ARENA_MAX, &arena), CM_OK);
		world_run(&world, both, 2, NULL, arena, &got);
		cm_arena_free(&arena);
	}
	assert_int_equal(got.grants[0].until, 140);
	assert_int_equal(got.seq, 1);
}

/* AT-TRIBOO, E-2: who was named is who may. */
static void a_consent_is_for_its_controller(void **state)
{
	struct raw raw = {.type = CM_EVENT_CONFIRMED};
	struct world world;
	struct raw raws[EVENTS_MAX];
	struct cm_arena *arena = NULL;
	struct cm_decision got;

	(void)state;
	world_make(&world);
	assert_int_equal(world_tell_one(&world, raw).reason,
			 CM_REASON_ALLOWED_CONSENT);
	raw.controller = US;
	assert_int_equal(world_tell_one(&world, raw).reason,
			 CM_REASON_ALLOWED_CONSENT);
	raw.controller = OTHERS;
	assert_int_equal(world_tell_one(&world, raw).reason,
			 CM_REASON_OTHER_CONTROLLER);
	/* it answers no withdrawal, and lifts no objection */
	assert_int_equal(world_story("g11 w32 p33 g33", raws), 4);
	raws[2].controller = raws[3].controller = OTHERS;
	assert_int_equal(cm_arena_new(ARENA_MAX, &arena), CM_OK);
	world_run(&world, raws, 4, NULL, arena, &got);
	assert_int_equal(got.reason, CM_REASON_WITHDRAWN);
	raws[1].type = CM_EVENT_OBJECTED;
	raws[1].node = 0;
	world_run(&world, raws, 4, NULL, arena, &got);
	assert_int_equal(got.reason, CM_REASON_OBJECTED);
	raws[2].controller = NOBODY;
	world_run(&world, raws, 4, NULL, arena, &got);
	assert_int_equal(got.reason, CM_REASON_ALLOWED_CONSENT);
	cm_arena_free(&arena);
}

/* AT-HELLOFRESH, G4-11, G8: a consent is worth what its text is. */
static void a_text_may_be_no_consent(void **state)
{
	static const struct {
		enum text text;
		int64_t ended;
		enum cm_reason reason;
	} cases[] = {
		{NO_TEXT, 0, CM_REASON_ALLOWED_CONSENT},
		{BUNDLED, 0, CM_REASON_BUNDLED},
		{CHILDREN, 0, CM_REASON_NO_AGE_CHECK},
		{CHILDREN_CHECKED, 0, CM_REASON_ALLOWED_CONSENT},
		{TELLS_PERIOD, 0, CM_REASON_ALLOWED_CONSENT},
		{TELLS_PERIOD, 10, CM_REASON_CONTRACT_ENDED},
		{TELLS_PERIOD, 11, CM_REASON_ALLOWED_CONSENT},
		{NO_TEXT, 10, CM_REASON_ALLOWED_CONSENT},
	};
	struct world world;
	size_t i;

	(void)state;
	world_make(&world);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raw raw = {.type = CM_EVENT_GRANTED,
				  .text = cases[i].text,
				  .ended = cases[i].ended};
		struct cm_decision got = world_tell_one(&world, raw);

		assert_int_equal(got.reason, cases[i].reason);
		if (cases[i].ended == 11)
			assert_int_equal(got.grants[0].until, 101);
	}
}

/* G7-4: a material change voids what was said before it. */
static void a_change_of_the_text_asks_again(void **state)
{
	struct world world;

	(void)state;
	world_make(&world);
	world.purposes[2].changed = 30;
	assert_int_equal(world_tell(&world, "g12").reason,
			 CM_REASON_TEXT_CHANGED);
	assert_int_equal(world_tell(&world, "g22").reason,
			 CM_REASON_TEXT_CHANGED);
	assert_int_equal(world_tell(&world, "g23").reason,
			 CM_REASON_ALLOWED_CONSENT);
	/* what is above the grant was not its text */
	assert_int_equal(world_tell(&world, "g32").reason,
			 CM_REASON_ALLOWED_CONSENT);
	assert_int_equal(world_tell(&world, "g12 g33").reason,
			 CM_REASON_ALLOWED_CONSENT);
	world.purposes[2].changed = 101; /* not yet */
	assert_int_equal(world_tell(&world, "g22").reason,
			 CM_REASON_ALLOWED_CONSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_soft_opt_in_needs_every_condition),
		cmocka_unit_test(a_soft_opt_in_is_as_old_as_the_sale),
		cmocka_unit_test(a_consent_is_for_its_controller),
		cmocka_unit_test(a_text_may_be_no_consent),
		cmocka_unit_test(a_change_of_the_text_asks_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
