/*
 * limits - how many letters may leave, whoever asks for them (DOI-5).
 *
 * A form that mails whoever is typed into it is a weapon: against a person
 * (list bombing), against a provider, against our own good name.  One table of
 * rules; a count is a span of time and how many were in it.  Pure: who keeps
 * counts is policy/queue.h.
 */
#ifndef CM_POLICY_LIMITS_H
#define CM_POLICY_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/id.h"

/* By what a rule counts. */
enum cm_limit_by {
	CM_LIMIT_BY_ADDRESS, /* contact and kind of letter */
	CM_LIMIT_BY_NETWORK,
	CM_LIMIT_BY_DOMAIN,
	CM_LIMIT_BY_NOTHING, /* all together */
};

enum cm_limit {
	CM_LIMIT_PAUSE,   /* between two letters of a kind to one address */
	CM_LIMIT_DAY,     /* letters of a kind to one address in a day */
	CM_LIMIT_REFUSED, /* opt-in letters to who refused, or is dead */
	CM_LIMIT_NETWORK,
	CM_LIMIT_DOMAIN,
	CM_LIMIT_ALL, /* web.letters-per-hour */
	CM_LIMITS
};

struct cm_limit_rule {
	const char *name; /* for the log: "pause" */
	enum cm_limit_by by;
	int64_t span; /* ms */
	uint32_t max; /* in a span; 0 = the setting */
};
extern const struct cm_limit_rule cm_limit_rules[CM_LIMITS];

struct cm_limit_count {
	enum cm_limit limit;
	struct cm_id whom;
	int64_t since; /* the span began, ms */
	uint32_t n;
};

/* May one more leave?  max: of the rule whose own is 0. */
bool cm_limit_room(const struct cm_limit_count *count, uint32_t max,
		   int64_t now);
/* One did. */
void cm_limit_spend(struct cm_limit_count *count, int64_t now);
/* Nothing is left of it. */
bool cm_limit_is_over(const struct cm_limit_count *count, int64_t now);

#endif
