/*
 * decide_world - a small tree of purposes, events as a test writes them down,
 * and what decide says of them.
 */
#ifndef CM_TESTS_UNIT_DECIDE_WORLD_H
#define CM_TESTS_UNIT_DECIDE_WORLD_H

#include "policy/decide.h"

enum {
	NODES = 5, /* 0 "", 1 acme, 2 acme/a, 3 acme/a/b, 4 acme/c */
	EVENTS_MAX = 10,
	ARENA_MAX = 1 << 20,
};

extern const char *const world_paths[NODES];
extern const char *const world_sources[3];

/* Whom a grant was given to, or who sold: nobody said, us, somebody else. */
enum party { NOBODY, US, OTHERS };

/* The texts shown; the first is none, the last is as it should be. */
enum text { NO_TEXT, BUNDLED, CHILDREN, CHILDREN_CHECKED, TELLS_PERIOD, TEXTS };

struct sale {
	enum party seller;
	bool ref;
	int64_t sold;
	int category; /* 0 none, 1 is what the purposes advertise */
	enum cm_yes_no optout;
};
#define SALE                                                                   \
	{                                                                      \
		US, true, 10, 1, CM_SAID_YES                                   \
	}

/* An event as this file thinks of one. */
struct raw {
	enum cm_event_type type;
	enum cm_actor actor;
	enum cm_basis basis;
	int node;
	int source;
	int64_t at;
	bool attested;
	enum cm_event_type mark;
	bool other; /* of another address of the family */
	enum party controller;
	enum text text;
	struct sale sale;
	int64_t ended;
};

/* What the config says. */
struct world {
	struct cm_config config;
	struct cm_purpose purposes[NODES];
	struct cm_notice notices[TEXTS - 1];
	const char *advertised;
	struct cm_stream stream;
	struct cm_classified classified;
	const struct cm_purpose *asked[2];
	const char *allowed_source;
	int64_t mailed[NODES]; /* the last mail of each purpose */
	int64_t now;
};

/* Acme and its purposes; asked is node 3, single opt-in; now is 100. */
void world_make(struct world *world);
/* The stream is of type optin, and this is the time. */
void world_make_optin(struct world *world, int64_t now);
struct cm_event world_event(const struct raw *raw);
/* order: NULL = as listed.  seq is the place in the list. */
void world_run(const struct world *world, const struct raw *raws, size_t n,
	       const size_t *order, struct cm_arena *arena,
	       struct cm_decision *decision);

/* "TYPE NODE AT" words: g granted, p confirmed by the person, c confirmed as
 * attested, s soft opt-in, u unproven, r requested, R ditto, by a list, k that
 * cancelled, w withdrawn, o objected, m complained, x restricted, X restricted
 * cleared, d undeliverable, D that cleared, e erased; capital F before one = of
 * another address. */
size_t world_story(const char *story, struct raw *raws);
/* What decide says of a story, or of one proven grant at node 3. */
struct cm_decision world_tell(const struct world *world, const char *story);
struct cm_decision world_tell_one(const struct world *world, struct raw raw);

#endif
