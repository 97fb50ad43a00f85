/* See decide_world.h. */
#include "tests/unit/decide_world.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

const char *const world_paths[NODES] = {"", "acme", "acme/a", "acme/a/b",
					"acme/c"};
const char *const world_sources[3] = {"order", "web-form", "unknown"};
static const char *const parties[] = {"", "Acme GmbH", "Partner Ltd"};
static const char *const categories[] = {"", "Shoes", "wine"};

void world_make(struct world *world)
{
	static const int parents[NODES] = {0, 0, 1, 2, 1};
	size_t i;

	memset(world, 0, sizeof(*world));
	for (i = 0; i < NODES; i++) {
		world->purposes[i].path = world_paths[i];
		if (i > 1)
			world->purposes[i].parent =
				&world->purposes[parents[i]];
	}
	world->advertised = "shoes";
	for (i = 0; i < NODES; i++) {
		world->purposes[i].product_categories.v = &world->advertised;
		world->purposes[i].product_categories.n = 1;
	}
	for (i = 1; i < TEXTS; i++)
		world->notices[i - 1].hash[0] = (uint8_t)i;
	world->notices[BUNDLED - 1].bundled = true;
	world->notices[CHILDREN - 1].for_children = true;
	world->notices[CHILDREN_CHECKED - 1].for_children = true;
	world->notices[CHILDREN_CHECKED - 1].age_check = true;
	world->notices[TELLS_PERIOD - 1].after_contract.ms = 90;
	world->config.notices = world->notices;
	world->config.nnotices = TEXTS - 1;
	world->config.controller_id = "acme";
	world->config.controller_name = "ACME GmbH";
	world->config.purposes = world->purposes + 1;
	world->config.npurposes = NODES - 1;
	world->stream.type = CM_STREAM_MARKETING;
	world->stream.purposes = world->asked;
	world->stream.npurposes = 1;
	world->asked[0] = &world->purposes[3];
	world->classified.class = CM_CLASS_STREAM;
	world->classified.stream = &world->stream;
	world->classified.purposes = world->asked;
	world->classified.npurposes = 1;
	world->now = 100;
}

void world_make_optin(struct world *world, int64_t now)
{
	world->stream.type = CM_STREAM_OPTIN;
	world->stream.npurposes = world->classified.npurposes = 0;
	world->now = now;
}

struct cm_event world_event(const struct raw *raw)
{
	struct cm_event event;

	memset(&event, 0, sizeof(event));
	event.type = raw->type;
	event.actor = raw->actor;
	event.basis = raw->basis;
	event.at = raw->at;
	event.mark = raw->mark;
	event.attested = raw->attested;
	(void)snprintf(event.purpose, sizeof(event.purpose), "%s",
		       world_paths[raw->node]);
	(void)snprintf(event.source, sizeof(event.source), "%s",
		       world_sources[raw->source]);
	if (event.type == CM_EVENT_CORRECTED)
		(void)snprintf(event.batch, sizeof(event.batch), "%s1",
			       CM_OPTIN_PREFIX);
	if (!cm_event_type_asks(event.type))
		return event;
	(void)snprintf(event.controller, sizeof(event.controller), "%s",
		       parties[raw->controller]);
	(void)snprintf(event.seller, sizeof(event.seller), "%s",
		       parties[raw->sale.seller]);
	(void)snprintf(event.category, sizeof(event.category), "%s",
		       categories[raw->sale.category]);
	event.has_sale_ref = raw->sale.ref;
	event.sold = raw->sale.sold;
	event.optout = raw->sale.optout;
	event.ended = raw->ended;
	event.has_notice = raw->text != NO_TEXT;
	event.notice.b[0] = (uint8_t)raw->text;
	return event;
}

void world_run(const struct world *world, const struct raw *raws, size_t n,
	       const size_t *order, struct cm_arena *arena,
	       struct cm_decision *decision)
{
	struct cm_view own = {0}, family = {0};
	int64_t mailed[2];
	const struct cm_past past = {.mailed = mailed};
	size_t i;

	cm_arena_reset(arena);
	for (i = 0; i < n; i++) {
		size_t at = order != NULL ? order[i] : i;
		struct cm_event event = world_event(&raws[at]);

		if (!raws[at].other)
			assert_int_equal(cm_view_apply(&own, &event, at, arena),
					 0);
		assert_int_equal(
			cm_view_apply_family(&family, &event, at, arena), 0);
	}
	assert_int_equal(cm_view_settle(&own, arena, &own), CM_OK);
	for (i = 0; i < world->classified.npurposes; i++)
		mailed[i] = world->mailed[world->asked[i] - world->purposes];
	cm_decide(&world->config, &world->classified, &own, &family, &past, 0,
		  world->now, decision);
}

size_t world_story(const char *story, struct raw *raws)
{
	static const struct {
		char letter;
		struct raw raw;
	} letters[] = {
		{'g', {.type = CM_EVENT_GRANTED, .attested = true}},
		{'p', {.type = CM_EVENT_CONFIRMED, .attested = true}},
		{'c',
		 {.type = CM_EVENT_CONFIRMED,
		  .attested = true,
		  .actor = CM_ACTOR_IMPORT}},
		{'s',
		 {.type = CM_EVENT_GRANTED,
		  .attested = true,
		  .basis = CM_BASIS_SOFT_OPT_IN,
		  .sale = SALE}},
		{'u', {.type = CM_EVENT_GRANTED}},
		{'r', {.type = CM_EVENT_REQUESTED}},
		{'R', {.type = CM_EVENT_REQUESTED, .actor = CM_ACTOR_IMPORT}},
		{'k', {.type = CM_EVENT_CORRECTED}},
		{'w', {.type = CM_EVENT_WITHDRAWN}},
		{'o', {.type = CM_EVENT_OBJECTED, .actor = CM_ACTOR_ADMIN}},
		{'m', {.type = CM_EVENT_COMPLAINED, .actor = CM_ACTOR_SYSTEM}},
		{'x', {.type = CM_EVENT_RESTRICTED, .actor = CM_ACTOR_ADMIN}},
		{'X',
		 {.type = CM_EVENT_CLEARED,
		  .actor = CM_ACTOR_ADMIN,
		  .mark = CM_EVENT_RESTRICTED}},
		{'d',
		 {.type = CM_EVENT_UNDELIVERABLE, .actor = CM_ACTOR_SYSTEM}},
		{'D',
		 {.type = CM_EVENT_CLEARED,
		  .actor = CM_ACTOR_ADMIN,
		  .mark = CM_EVENT_UNDELIVERABLE}},
		{'e', {.type = CM_EVENT_ERASED, .actor = CM_ACTOR_ADMIN}},
	};
	size_t i, n = 0;

	while (*story != '\0') {
		bool other = *story == 'F';

		story += other ? 1 : 0;
		for (i = 0; letters[i].letter != *story; i++)
			assert_true(i + 1 <
				    sizeof(letters) / sizeof(letters[0]));
		raws[n] = letters[i].raw;
		raws[n].other = other;
		raws[n].node = story[1] - '0';
		raws[n].at = (story[2] - '0') * 10;
		if (raws[n].sale.sold != 0)
			raws[n].sale.sold = raws[n].at;
		n++;
		story += story[3] == ' ' ? 4 : 3;
	}
	return n;
}

struct cm_decision world_tell(const struct world *world, const char *story)
{
	struct cm_arena *arena = NULL;
	struct cm_decision decision;
	struct raw raws[EVENTS_MAX];
	size_t n = world_story(story, raws);

	assert_int_equal(cm_arena_new(ARENA_MAX, &arena), CM_OK);
	world_run(world, raws, n, NULL, arena, &decision);
	decision.language = NULL; /* points into the arena */
	cm_arena_free(&arena);
	return decision;
}

struct cm_decision world_tell_one(const struct world *world, struct raw raw)
{
	struct cm_arena *arena = NULL;
	struct cm_decision decision;

	raw.attested = true;
	raw.node = 3;
	if (raw.at == 0)
		raw.at = 20;
	assert_int_equal(cm_arena_new(ARENA_MAX, &arena), CM_OK);
	world_run(world, &raw, 1, NULL, arena, &decision);
	decision.language = NULL;
	cm_arena_free(&arena);
	return decision;
}
