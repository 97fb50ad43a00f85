/*
 * decide: the examples of design 5 by name, and then everything against a
 * model that was written from the rules over raw events, without views.
 * chance.h says how to repeat a random one; CM_LONG=N runs N times as many.
 */
#include "tests/unit/decide_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/pending.h"
#include "tests/unit/chance.h"
#include "tests/unit/decide_model.h"
#include "tests/unit/test.h"

enum { RANDOM_RUNS = 1000000 };

static void print_case(const struct world *w, const struct raw *e, size_t n)
{
	for (size_t i = 1; i < NODES; i++)
		print_message("%s level %d lifetime %d soft %d idle %d "
			      "unless %d mailed %d changed %d\n",
			      world_paths[i], w->purposes[i].level,
			      (int)w->purposes[i].lifetime.ms,
			      w->purposes[i].soft_opt_in,
			      (int)w->purposes[i].idle.ms,
			      w->purposes[i].idle_unless, (int)w->mailed[i],
			      (int)w->purposes[i].changed);
	for (size_t i = 0; i < w->stream.npurposes; i++)
		print_message("asked %s\n", w->asked[i]->path);
	for (size_t i = 0; i < n; i++)
		print_message(
			"%s \"%s\" at %d by %s basis %d source %s "
			"attested %d other %d mark %d to %d text %d "
			"sale %d %d %d %d %d ended %d\n",
			cm_event_type_name(e[i].type), world_paths[e[i].node],
			(int)e[i].at, cm_actor_name(e[i].actor), e[i].basis,
			world_sources[e[i].source], e[i].attested, e[i].other,
			e[i].mark, e[i].controller, e[i].text, e[i].sale.seller,
			e[i].sale.ref, (int)e[i].sale.sold, e[i].sale.category,
			e[i].sale.optout, (int)e[i].ended);
}

static bool agree(const struct world *w, const struct raw *e, size_t n,
		  const size_t *order, struct cm_arena *arena)
{
	struct cm_decision got;
	bool by_family = false;
	enum cm_reason want = world_model(w, e, n, &by_family);
	bool allowed = cm_reason_verdict(want) == CM_VERDICT_ALLOW;

	world_run(w, e, n, order, arena, &got);
	if (got.reason == want && got.by_family == by_family &&
	    got.verdict == cm_reason_verdict(want) &&
	    got.ngrants == (allowed ? w->stream.npurposes : 0))
		return true;
	print_case(w, e, n);
	print_message("decided %s (family %d), the model says %s (family %d)\n",
		      cm_reason_code(got.reason), got.by_family,
		      cm_reason_code(want), by_family);
	return false;
}

/* ---- all states of a small tree ------------------------------------------ */

/* One digit of the state number: its value below base. */
static int digit(unsigned long *number, int base)
{
	int value = (int)(*number % (unsigned long)base);

	*number /= (unsigned long)base;
	return value;
}

/* A grant, or none, at a node: kind (3) at one of two times. */
static size_t add_grant(struct raw *raw, int node, int choice)
{
	static const struct raw kinds[] = {
		{.type = CM_EVENT_GRANTED},
		{.type = CM_EVENT_CONFIRMED, .actor = CM_ACTOR_PERSON},
		{.type = CM_EVENT_GRANTED,
		 .basis = CM_BASIS_SOFT_OPT_IN,
		 .sale = SALE},
	};

	if (choice == 0)
		return 0;
	*raw = kinds[(choice - 1) / 2];
	raw->node = node;
	raw->attested = true;
	raw->at = (choice - 1) % 2 == 0 ? 20 : 40;
	return 1;
}

static size_t add_refusal(struct raw *raw, enum cm_event_type type, int node,
			  int choice, bool other)
{
	if (choice == 0)
		return 0;
	memset(raw, 0, sizeof(*raw));
	raw->type = type;
	raw->node = node;
	raw->at = choice == 1 ? 20 : 30; /* 20 ties with a grant */
	raw->other = other;
	return 1;
}

/* 7^3 grants x 3^4 withdrawals x own/family x objected x level: 333,396 */
static void every_state_of_a_small_tree(void **state)
{
	const unsigned long all = 7ul * 7 * 7 * 3 * 3 * 3 * 3 * 2 * 3 * 2;
	struct cm_arena *arena = NULL;
	struct world world;
	unsigned long number;
	int node;

	(void)state;
	assert_int_equal(cm_arena_new(ARENA_MAX, &arena), CM_OK);
	world_make(&world);
	world.purposes[3].soft_opt_in = true;
	for (number = 0; number < all; number++) {
		struct raw raws[EVENTS_MAX];
		unsigned long rest = number;
		bool other = digit(&rest, 2) == 1;
		size_t n = 0;

		world.purposes[3].level = (enum cm_level)digit(&rest, 2);
		for (node = 1; node <= 3; node++)
			n += add_grant(&raws[n], node, digit(&rest, 7));
		for (node = 0; node <= 3; node++)
			n += add_refusal(&raws[n], CM_EVENT_WITHDRAWN, node,
					 digit(&rest, 3), other);
		n += add_refusal(&raws[n], CM_EVENT_OBJECTED, 0,
				 digit(&rest, 3), other);
		assert_true(agree(&world, raws, n, NULL, arena));
	}
	cm_arena_free(&arena);
}

/* ---- random sequences in random orders ---------------------------------- */

static void random_world(struct world *world, uint64_t *seed)
{
	size_t i;

	world_make(world);
	for (i = 1; i < NODES; i++) {
		world->purposes[i].level =
			(enum cm_level)(chance_below(seed, 3) == 0);
		world->purposes[i].lifetime.ms =
			chance_below(seed, 3) == 0 ? 85 + chance_below(seed, 12)
						   : 0;
		world->purposes[i].soft_opt_in = chance_below(seed, 2) == 0;
		world->purposes[i].idle.ms =
			chance_below(seed, 3) == 0 ? 40 + chance_below(seed, 60)
						   : 0;
		world->purposes[i].idle_unless =
			(enum cm_use)chance_below(seed, 2);
		world->mailed[i] = chance_below(seed, 2) == 0
					   ? chance_below(seed, 100)
					   : 0;
		world->purposes[i].changed =
			chance_below(seed, 6) == 0 ? 1 + chance_below(seed, 13)
						   : 0;
		if (chance_below(seed, 40) == 0)
			world->purposes[i].changed = 101; /* not yet */
	}
	world->stream.npurposes = 1 + chance_below(seed, 2);
	world->classified.npurposes = world->stream.npurposes;
	world->asked[0] = &world->purposes[1 + chance_below(seed, NODES - 1)];
	world->asked[1] = &world->purposes[1 + chance_below(seed, NODES - 1)];
	world->config.complaint_scope =
		(enum cm_complaint_scope)chance_below(seed, 2);
	if (chance_below(seed, 8) == 0)
		world_make_optin(world, CM_REQUEST_OPEN_MS + 6);
	if (chance_below(seed, 4) == 0) {
		world->allowed_source = world_sources[chance_below(seed, 2)];
		world->stream.sources.v = &world->allowed_source;
		world->stream.sources.n = 1;
	}
}

/* Mostly as they should be, or nothing would ever be allowed. */
static void random_terms(struct raw *raw, uint64_t *seed)
{
	const struct sale sale = SALE;

	raw->controller = chance_below(seed, 6) == 0
				  ? (enum party)chance_below(seed, 3)
				  : US;
	raw->text = chance_below(seed, 3) == 0
			    ? (enum text)chance_below(seed, TEXTS)
			    : NO_TEXT;
	raw->ended =
		chance_below(seed, 4) == 0 ? 1 + chance_below(seed, 12) : 0;
	raw->sale = sale;
	raw->sale.sold =
		chance_below(seed, 8) == 0 ? 0 : 1 + chance_below(seed, 12);
	if (chance_below(seed, 8) == 0)
		raw->sale.seller = (enum party)chance_below(seed, 3);
	if (chance_below(seed, 8) == 0)
		raw->sale.ref = false;
	if (chance_below(seed, 8) == 0)
		raw->sale.category = (int)chance_below(seed, 3);
	if (chance_below(seed, 8) == 0)
		raw->sale.optout = (enum cm_yes_no)chance_below(seed, CM_SAIDS);
}

static struct raw random_event(uint64_t *seed)
{
	/* grants and withdrawals more often than marks */
	static const enum cm_event_type types[] = {
		CM_EVENT_REQUESTED,  CM_EVENT_GRANTED,
		CM_EVENT_GRANTED,    CM_EVENT_GRANTED,
		CM_EVENT_CONFIRMED,  CM_EVENT_CONFIRMED,
		CM_EVENT_CONFIRMED,  CM_EVENT_WITHDRAWN,
		CM_EVENT_WITHDRAWN,  CM_EVENT_WITHDRAWN,
		CM_EVENT_OBJECTED,   CM_EVENT_COMPLAINED,
		CM_EVENT_RESTRICTED, CM_EVENT_UNDELIVERABLE,
		CM_EVENT_ERASED,     CM_EVENT_CLEARED,
		CM_EVENT_ASKED,      CM_EVENT_CORRECTED,
		CM_EVENT_DISCLOSED,
	};
	struct raw raw = {0};

	raw.type = types[chance_below(seed, sizeof(types) / sizeof(types[0]))];
	raw.actor = (enum cm_actor)chance_below(seed, CM_ACTORS);
	raw.basis = chance_below(seed, 4) == 0 ? CM_BASIS_SOFT_OPT_IN
					       : CM_BASIS_CONSENT;
	raw.node = (int)chance_below(seed, NODES);
	raw.source =
		chance_below(seed, 8) == 0 ? 2 : (int)chance_below(seed, 2);
	raw.attested = chance_below(seed, 8) != 0;
	raw.at = 1 + chance_below(seed, 12);
	raw.other = chance_below(seed, 4) == 0;
	raw.mark = chance_below(seed, 2) == 0 ? CM_EVENT_RESTRICTED
					      : CM_EVENT_UNDELIVERABLE;
	random_terms(&raw, seed);
	return raw;
}

static void random_sequences_in_random_orders(void **state)
{
	const struct chance_rounds rounds =
		chance_rounds(RANDOM_RUNS * chance_setting("CM_LONG", 1));
	struct cm_arena *arena = NULL;
	uint64_t i;

	(void)state;
	assert_int_equal(cm_arena_new(ARENA_MAX, &arena), CM_OK);
	for (i = 0; i < rounds.count; i++) {
		uint64_t chance = chance_of(rounds.first + i);
		size_t n = chance_below(&chance, EVENTS_MAX), k,
		       order[EVENTS_MAX];
		struct raw raws[EVENTS_MAX];
		struct world world;

		random_world(&world, &chance);
		for (k = 0; k < n; k++) {
			size_t other = chance_below(&chance, (unsigned)k + 1);

			raws[k] = random_event(&chance);
			order[k] = order[other];
			order[other] = k;
		}
		if (!agree(&world, raws, n, order, arena))
			fail_msg("CM_SEED=%" PRIu64, rounds.first + i);
	}
	cm_arena_free(&arena);
}

/* ---- the design's own words, one row each ------------------------------- */

static void assert_told(const struct world *world, const char *story,
			enum cm_reason reason, bool by_family)
{
	struct cm_decision got = world_tell(world, story);

	if (got.reason != reason || got.by_family != by_family)
		fail_msg("\"%s\": got %s (family %d), want %s", story,
			 cm_reason_code(got.reason), got.by_family,
			 cm_reason_code(reason));
	assert_int_equal(got.verdict, cm_reason_verdict(reason));
}

static void the_design_by_its_examples(void **state)
{
	static const struct {
		const char *story; /* asked is node 3, single opt-in */
		enum cm_reason reason;
		bool by_family;
	} cases[] = {
		{"", CM_REASON_NO_RECORD, false},
		{"g31", CM_REASON_ALLOWED_CONSENT, false},
		{"g11", CM_REASON_ALLOWED_CONSENT, false}, /* all our brands */
		{"g41", CM_REASON_NO_RECORD, false},       /* another purpose */
		{"u31", CM_REASON_NO_EVIDENCE, false},
		{"r31", CM_REASON_UNCONFIRMED, false},
		{"r32 g31", CM_REASON_ALLOWED_CONSENT, false}, /* not touched */
		{"s31", CM_REASON_NO_RECORD, false}, /* soft opt-in is off */
		/* all of Acme in March does not revive what January refused */
		{"g31 w32 g13", CM_REASON_WITHDRAWN, false},
		/* nothing from Acme in May ends all below */
		{"g31 w15", CM_REASON_WITHDRAWN, false},
		/* a June grant below brings back that alone */
		{"g11 w15 g36", CM_REASON_ALLOWED_CONSENT, false},
		{"g11 w15 g46", CM_REASON_WITHDRAWN, false},
		{"g11 w35 g26", CM_REASON_WITHDRAWN, false},
		{"g11 w25 g26", CM_REASON_ALLOWED_CONSENT, false},
		{"g11 w25 g36", CM_REASON_ALLOWED_CONSENT, false},
		/* a withdrawal of everything, and a tie */
		{"g31 w05", CM_REASON_WITHDRAWN, false},
		{"w05 g36", CM_REASON_ALLOWED_CONSENT, false},
		{"g35 w35", CM_REASON_WITHDRAWN, false},
		{"w45 g31", CM_REASON_ALLOWED_CONSENT, false},
		/* marks: only the person's own confirmation lifts them */
		{"o01 g32", CM_REASON_OBJECTED, false},
		{"o01 c32", CM_REASON_OBJECTED, false},
		{"o01 p32", CM_REASON_ALLOWED_CONSENT, false},
		{"o01 p12", CM_REASON_ALLOWED_CONSENT, false},
		{"o01 g32 p42", CM_REASON_OBJECTED, false},
		{"o02 p32", CM_REASON_OBJECTED, false}, /* a tie */
		{"e01 g32", CM_REASON_ERASED, false},
		{"e01 p32", CM_REASON_ALLOWED_CONSENT, false},
		{"m01 g32", CM_REASON_COMPLAINED, false},
		{"m01 p32", CM_REASON_ALLOWED_CONSENT, false},
		{"o01 e01 m01 x01 d01 g32", CM_REASON_OBJECTED, false},
		{"x02 g31", CM_REASON_RESTRICTED, false},
		{"x02 p33", CM_REASON_RESTRICTED, false},
		{"g31 x02 X03", CM_REASON_ALLOWED_CONSENT, false},
		{"g31 X02 x03", CM_REASON_RESTRICTED, false},
		{"g31 x02 D03", CM_REASON_RESTRICTED, false},
		{"c31 d02", CM_REASON_UNDELIVERABLE, false},
		{"c31 d02 D03", CM_REASON_ALLOWED_CONSENT, false},
		{"c31 d02 p43", CM_REASON_ALLOWED_CONSENT, false},
		{"c31 d02 c33", CM_REASON_UNDELIVERABLE, false},
		/* the family: refusals reach far, grants do not */
		{"Fg31", CM_REASON_NO_RECORD, false},
		{"g31 Fw32", CM_REASON_WITHDRAWN, true},
		{"g31 Fw32 g33", CM_REASON_ALLOWED_CONSENT, false},
		{"g31 Fw32 Fg33", CM_REASON_WITHDRAWN, true},
		{"g31 w32 Fw33", CM_REASON_WITHDRAWN, false},
		{"g31 Fo02", CM_REASON_OBJECTED, true},
		{"g31 o01 Fo02", CM_REASON_OBJECTED, false},
		{"g31 Fo02 p33", CM_REASON_ALLOWED_CONSENT, false},
		{"g31 Fo02 Fp33", CM_REASON_OBJECTED, true},
		{"Fo02", CM_REASON_OBJECTED, true},
	};
	struct world world;
	size_t i;

	(void)state;
	world_make(&world);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_told(&world, cases[i].story, cases[i].reason,
			    cases[i].by_family);
}

/*
 * DOI-3, DOI-5: the letter that asks for a confirmation goes to who asked for
 * it in the last 7 days, objected or not before that; and to nobody else.
 */
static void only_who_asked_gets_opt_in_mail(void **state)
{
	static const struct {
		const char *story;
		enum cm_reason reason;
		bool by_family;
	} cases[] = {
		{"", CM_REASON_NO_REQUEST, false},
		{"g33", CM_REASON_NO_REQUEST, false},
		{"r33", CM_REASON_ALLOWED_REQUEST, false},
		{"r32", CM_REASON_REQUEST_ENDED, false},
		{"r32 r34", CM_REASON_ALLOWED_REQUEST, false},
		{"r32 r44", CM_REASON_ALLOWED_REQUEST, false},
		{"Fr33", CM_REASON_NO_REQUEST, false},
		/* a list of "pending" rows is nobody's own request (AT-HONDA)
		 */
		{"R33", CM_REASON_NO_REQUEST, false},
		{"r33 R34", CM_REASON_ALLOWED_REQUEST, false},
		/* confirmed: that, or what is above it */
		{"r33 p34", CM_REASON_REQUEST_CONFIRMED, false},
		{"r33 p14", CM_REASON_REQUEST_CONFIRMED, false},
		{"r33 p44", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 p32", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 c34", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 r43 p34", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 p34 r35", CM_REASON_ALLOWED_REQUEST, false},
		/* "I did not ask for this" */
		{"r33 k34", CM_REASON_NO_REQUEST, false},
		{"r33 k33", CM_REASON_NO_REQUEST, false},
		{"r33 k32", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 r43 k34", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 k34 r35", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 Fk34", CM_REASON_ALLOWED_REQUEST, false},
		/* refused before: their own fresh act asks again */
		{"o02 r33", CM_REASON_ALLOWED_REQUEST, false},
		{"e02 r33", CM_REASON_ALLOWED_REQUEST, false},
		{"m02 r33", CM_REASON_ALLOWED_REQUEST, false},
		{"d02 r33", CM_REASON_ALLOWED_REQUEST, false},
		{"w02 r33", CM_REASON_ALLOWED_REQUEST, false},
		{"Fo02 Fw02 r33", CM_REASON_ALLOWED_REQUEST, false},
		/* refused since */
		{"r33 o04", CM_REASON_OBJECTED, false},
		{"r33 o03", CM_REASON_OBJECTED, false},
		{"r33 e04", CM_REASON_ERASED, false},
		{"r33 m44", CM_REASON_COMPLAINED, false},
		{"r33 d04", CM_REASON_UNDELIVERABLE, false},
		{"r33 d04 D05", CM_REASON_UNDELIVERABLE, false},
		{"r33 w04", CM_REASON_WITHDRAWN, false},
		{"r33 w24", CM_REASON_WITHDRAWN, false},
		{"r33 w44", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 Fo04", CM_REASON_OBJECTED, true},
		{"r33 Fw34", CM_REASON_WITHDRAWN, true},
		/* restricted, whenever: nothing until cleared */
		{"x01 r33", CM_REASON_RESTRICTED, false},
		{"x01 X02 r33", CM_REASON_ALLOWED_REQUEST, false},
		{"r33 x04 X05", CM_REASON_ALLOWED_REQUEST, false},
		{"Fx01 r33", CM_REASON_RESTRICTED, true},
	};
	struct world world;
	size_t i;

	(void)state;
	world_make(&world);
	world_make_optin(&world, CM_REQUEST_OPEN_MS + 20);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_told(&world, cases[i].story, cases[i].reason,
			    cases[i].by_family);
	world.config.complaint_scope = CM_COMPLAINT_PURPOSE;
	assert_told(&world, "r33 m44", CM_REASON_ALLOWED_REQUEST, false);
	assert_told(&world, "r33 m24", CM_REASON_COMPLAINED, false);
}

static void an_open_request_is_named(void **state)
{
	struct cm_decision got;
	struct world world;

	(void)state;
	world_make(&world);
	world_make_optin(&world, CM_REQUEST_OPEN_MS + 20);
	got = world_tell(&world, "r33 r44 o02");
	assert_true(got.has_event);
	assert_int_equal(got.seq, 1);
	assert_int_equal(got.at, 40);
	assert_string_equal(got.purpose->path, "acme/c");
	assert_int_equal(got.ngrants, 0);
	assert_false(world_tell(&world, "g33").has_event);
	got = world_tell(&world, "r32 r43 w14");
	assert_int_equal(got.reason, CM_REASON_WITHDRAWN);
	assert_int_equal(got.seq, 2);
}

static void double_opt_in_asks_for_more(void **state)
{
	struct world world;

	(void)state;
	world_make(&world);
	world.purposes[3].level = CM_LEVEL_DOUBLE;
	assert_int_equal(world_tell(&world, "g31").reason,
			 CM_REASON_UNCONFIRMED);
	assert_int_equal(world_tell(&world, "c31").reason,
			 CM_REASON_ALLOWED_CONSENT);
	assert_int_equal(world_tell(&world, "p31").reason,
			 CM_REASON_ALLOWED_CONSENT);
	/* anyone can type an address into a form: that answers no refusal */
	assert_int_equal(world_tell(&world, "c31 w32 g33 c14").reason,
			 CM_REASON_WITHDRAWN);
	assert_int_equal(world_tell(&world, "c31 w32 c33").reason,
			 CM_REASON_ALLOWED_CONSENT);
	world.purposes[3].soft_opt_in = true;
	assert_int_equal(world_tell(&world, "s31").reason,
			 CM_REASON_UNCONFIRMED);
}

static void soft_opt_in_never_follows_a_refusal(void **state)
{
	struct cm_decision got;
	struct world world;

	(void)state;
	world_make(&world);
	world.purposes[3].soft_opt_in = true;
	got = world_tell(&world, "s31");
	assert_int_equal(got.reason, CM_REASON_ALLOWED_SOFT_OPT_IN);
	assert_int_equal(got.basis, CM_BASIS_SOFT_OPT_IN);
	assert_int_equal(got.grants[0].basis, CM_BASIS_SOFT_OPT_IN);
	assert_int_equal(world_tell(&world, "w31 s32").reason,
			 CM_REASON_WITHDRAWN);
	assert_int_equal(world_tell(&world, "s31 w02").reason,
			 CM_REASON_WITHDRAWN);
	assert_int_equal(world_tell(&world, "s31 w42").reason,
			 CM_REASON_ALLOWED_SOFT_OPT_IN);
	/* a consent that lifts the refusal does not revive the soft one */
	world.purposes[3].lifetime.ms = 60;
	assert_int_equal(world_tell(&world, "w31 g32 s35").reason,
			 CM_REASON_WITHDRAWN);
	assert_int_equal(world_tell(&world, "w31 g35").reason,
			 CM_REASON_ALLOWED_CONSENT);
	/* consent goes before soft opt-in, whichever is newer */
	got = world_tell(&world, "g35 s36");
	assert_int_equal(got.reason, CM_REASON_ALLOWED_CONSENT);
	assert_int_equal(got.seq, 0);
}

static void the_shortest_lifetime_on_the_way_counts(void **state)
{
	static const struct {
		int64_t lifetime[4]; /* of nodes 1 to 3; 0 = none */
		const char *story;
		int64_t until; /* 0 with an allow: does not expire */
		enum cm_reason reason;
	} cases[] = {
		{{0, 0, 0, 0}, "g31", 0, CM_REASON_ALLOWED_CONSENT},
		{{0, 0, 0, 91}, "g31", 101, CM_REASON_ALLOWED_CONSENT},
		{{0, 0, 0, 90}, "g31", 100, CM_REASON_EXPIRED},
		{{0, 95, 0, 91}, "g11", 101, CM_REASON_ALLOWED_CONSENT},
		{{0, 91, 0, 95}, "g11", 101, CM_REASON_ALLOWED_CONSENT},
		{{0, 50, 0, 95}, "g11", 60, CM_REASON_EXPIRED},
		/* what is above the grant does not shorten it */
		{{0, 50, 0, 95}, "g31", 105, CM_REASON_ALLOWED_CONSENT},
		{{0, 0, 50, 0}, "g11", 60, CM_REASON_EXPIRED},
		/* one allowing grant is enough */
		{{0, 50, 0, 0}, "g11 g31", 0, CM_REASON_ALLOWED_CONSENT},
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_decision got;
		struct world world;

		world_make(&world);
		for (k = 1; k < 4; k++)
			world.purposes[k].lifetime.ms = cases[i].lifetime[k];
		got = world_tell(&world, cases[i].story);
		assert_int_equal(got.reason, cases[i].reason);
		if (got.verdict == CM_VERDICT_ALLOW)
			assert_int_equal(got.grants[0].until, cases[i].until);
	}
}

/* acme/a is not in the config: it lives as acme does. */
static void a_node_the_config_lacks_lives_as_the_next_above(void **state)
{
	struct world world;

	(void)state;
	world_make(&world);
	world.purposes[3].parent = &world.purposes[1];
	world.purposes[3].lifetime.ms = 95;
	world.purposes[1].lifetime.ms = 50;
	assert_int_equal(world_tell(&world, "g21").reason, CM_REASON_EXPIRED);
	assert_int_equal(world_tell(&world, "g31").reason,
			 CM_REASON_ALLOWED_CONSENT);
	assert_int_equal(world_tell(&world, "g11").reason, CM_REASON_EXPIRED);
}

static void a_stream_may_want_its_own_sources(void **state)
{
	static const char *const order[] = {"order"};
	static const char *const form[] = {"web-form"};
	struct world world;

	(void)state;
	world_make(&world);
	world.stream.sources.n = 1;
	world.stream.sources.v = (const char **)(uintptr_t)order;
	assert_int_equal(world_tell(&world, "g31").reason,
			 CM_REASON_ALLOWED_CONSENT);
	world.stream.sources.v = (const char **)(uintptr_t)form;
	assert_int_equal(world_tell(&world, "g31").reason, CM_REASON_NO_RECORD);
}

static void complaints_reach_as_far_as_the_config_says(void **state)
{
	struct world world;

	(void)state;
	world_make(&world);
	assert_int_equal(world_tell(&world, "g31 m42").reason,
			 CM_REASON_COMPLAINED);
	world.config.complaint_scope = CM_COMPLAINT_PURPOSE;
	assert_int_equal(world_tell(&world, "g31 m42").reason,
			 CM_REASON_ALLOWED_CONSENT);
	assert_int_equal(world_tell(&world, "g31 m32").reason,
			 CM_REASON_COMPLAINED);
	assert_int_equal(world_tell(&world, "g31 m12").reason,
			 CM_REASON_COMPLAINED);
	assert_int_equal(world_tell(&world, "g31 m02").reason,
			 CM_REASON_COMPLAINED);
}

static void every_purpose_named_must_allow(void **state)
{
	struct cm_decision got;
	struct world world;

	(void)state;
	world_make(&world);
	world.asked[1] = &world.purposes[4];
	world.stream.npurposes = world.classified.npurposes = 2;
	got = world_tell(&world, "g31");
	assert_int_equal(got.reason, CM_REASON_NO_RECORD);
	assert_string_equal(got.purpose->path, "acme/c");
	assert_int_equal(got.ngrants, 0);
	got = world_tell(&world, "g31 g42");
	assert_int_equal(got.reason, CM_REASON_ALLOWED_CONSENT);
	assert_int_equal(got.ngrants, 2);
	assert_string_equal(got.grants[0].purpose->path, "acme/a/b");
	assert_int_equal(got.grants[0].seq, 0);
	assert_string_equal(got.grants[1].purpose->path, "acme/c");
	assert_int_equal(got.grants[1].seq, 1);
	/* one soft opt-in among them is what the message rests on */
	world.purposes[4].soft_opt_in = true;
	got = world_tell(&world, "g31 s42");
	assert_int_equal(got.reason, CM_REASON_ALLOWED_SOFT_OPT_IN);
	assert_string_equal(got.purpose->path, "acme/c");
	/* the strongest refusal is told */
	got = world_tell(&world, "u31 g41 w42");
	assert_int_equal(got.reason, CM_REASON_WITHDRAWN);
	assert_string_equal(got.purpose->path, "acme/c");
	assert_int_equal(got.seq, 2);
	/* no purpose at all is no consent */
	world.classified.npurposes = 0;
	assert_int_equal(world_tell(&world, "g11").reason, CM_REASON_NO_RECORD);
}

static void a_decision_names_its_event(void **state)
{
	static const struct {
		const char *story;
		uint64_t seq;
		int64_t at;
	} cases[] = {
		{"g31 g12", 1, 20},     /* the newest */
		{"g31 c31", 1, 10},     /* then the best proven */
		{"g31 w22 w13", 2, 30}, /* the newest that stands */
		{"g31 o02 o03", 2, 30},      {"u31 r32", 1, 20},
		{"g31 w13 Fw14 g32", 1, 30}, /* own before the family's */
	};
	struct cm_decision got;
	struct world world;
	size_t i;

	(void)state;
	world_make(&world);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		got = world_tell(&world, cases[i].story);
		assert_true(got.has_event);
		assert_int_equal(got.seq, cases[i].seq);
		assert_int_equal(got.at, cases[i].at);
	}
	assert_false(world_tell(&world, "").has_event);
	assert_null(world_tell(&world, "o01").purpose);
	assert_string_equal(world_tell(&world, "w31").purpose->path,
			    "acme/a/b");
}

static void a_clock_behind_stops_marketing_alone(void **state)
{
	static const struct {
		int64_t newest_rec;
		enum cm_stream_type type;
		enum cm_reason reason;
	} cases[] = {
		{100 + CM_CLOCK_SLACK_MS, CM_STREAM_MARKETING,
		 CM_REASON_NO_RECORD},
		{101 + CM_CLOCK_SLACK_MS, CM_STREAM_MARKETING,
		 CM_REASON_CLOCK_BEHIND},
		{101 + CM_CLOCK_SLACK_MS, CM_STREAM_SERVICE,
		 CM_REASON_ALLOWED_SERVICE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_decision got;
		struct world world;

		world_make(&world);
		world.stream.type = cases[i].type;
		cm_decide(&world.config, &world.classified, NULL, NULL, NULL,
			  cases[i].newest_rec, 100, &got);
		assert_int_equal(got.reason, cases[i].reason);
		assert_int_equal(got.verdict,
				 cm_reason_verdict(cases[i].reason));
	}
}

static void one_purpose_without_a_stream(void **state)
{
	struct cm_arena *arena = NULL;
	struct cm_decision got;
	struct cm_view view = {0};
	struct cm_event event;
	struct world world;
	struct raw raws[EVENTS_MAX];

	(void)state;
	assert_int_equal(cm_arena_new(ARENA_MAX, &arena), CM_OK);
	world_make(&world);
	world.config.complaint_scope = CM_COMPLAINT_PURPOSE;
	assert_int_equal(world_story("g11", raws), 1);
	event = world_event(&raws[0]);
	(void)snprintf(event.language, sizeof(event.language), "cs");
	assert_int_equal(cm_view_apply(&view, &event, 5, arena), CM_OK);
	cm_decide_purpose(&world.config, &world.purposes[4], &view, NULL, NULL,
			  100, &got);
	assert_int_equal(got.reason, CM_REASON_ALLOWED_CONSENT);
	assert_string_equal(got.language, "cs");
	assert_int_equal(got.seq, 5);
	assert_int_equal(world_story("m42", raws), 1);
	event = world_event(&raws[0]);
	assert_int_equal(cm_view_apply(&view, &event, 6, arena), CM_OK);
	cm_decide_purpose(&world.config, &world.purposes[4], &view, NULL, NULL,
			  100, &got);
	assert_int_equal(got.reason, CM_REASON_COMPLAINED);
	cm_decide_purpose(&world.config, &world.purposes[2], &view, NULL, NULL,
			  100, &got);
	assert_int_equal(got.reason, CM_REASON_ALLOWED_CONSENT);
	cm_decide_purpose(&world.config, &world.purposes[2], NULL, NULL, NULL,
			  100, &got);
	assert_int_equal(got.reason, CM_REASON_NO_RECORD);
	assert_null(got.language);
	cm_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_design_by_its_examples),
		cmocka_unit_test(only_who_asked_gets_opt_in_mail),
		cmocka_unit_test(an_open_request_is_named),
		cmocka_unit_test(double_opt_in_asks_for_more),
		cmocka_unit_test(soft_opt_in_never_follows_a_refusal),
		cmocka_unit_test(the_shortest_lifetime_on_the_way_counts),
		cmocka_unit_test(
			a_node_the_config_lacks_lives_as_the_next_above),
		cmocka_unit_test(a_stream_may_want_its_own_sources),
		cmocka_unit_test(complaints_reach_as_far_as_the_config_says),
		cmocka_unit_test(every_purpose_named_must_allow),
		cmocka_unit_test(a_decision_names_its_event),
		cmocka_unit_test(a_clock_behind_stops_marketing_alone),
		cmocka_unit_test(one_purpose_without_a_stream),
		cmocka_unit_test(every_state_of_a_small_tree),
		cmocka_unit_test(random_sequences_in_random_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
