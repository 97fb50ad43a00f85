/*
 * burst - many people leaving at once, from one place or at one company.
 *
 * A security gateway that follows links "unsubscribes" all whom it protects
 * (pitfall row 2; hackwestern#846: 489 of 497 in two minutes).  Nothing tells
 * its clicks from a person's but their number: a burst is every withdrawal
 * that stands in some stretch of window_ms with at least so many different
 * people of one network, or of one recipient domain.  Pure.
 */
#ifndef CM_POLICY_BURST_H
#define CM_POLICY_BURST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/str.h"
#include "policy/id.h"

struct cm_config;

enum cm_burst_kind { CM_BURST_NETWORK, CM_BURST_DOMAIN, CM_BURST_KINDS };

enum {
	CM_BURST_OF_MAX = 63, /* of a longer domain, its end */
	CM_BURST_ID_MAX = 32, /* "20261122T081500-1f2e3d4c" */
	CM_BURST_PLACES = 2,  /* one withdrawal counts for both kinds */
};

/* One withdrawal, at one of its places. */
struct cm_burst_click {
	enum cm_burst_kind kind;
	char of[CM_BURST_OF_MAX + 1]; /* "192.0.2.0/24", "x.example" */
	struct cm_id contact;
	int64_t at;
	size_t item;  /* the caller's number for it */
	bool known;   /* the caller's: it was told of already */
	bool again;   /* set: the same person stands in this stretch before */
	bool is_part; /* set: of a burst */
};

struct cm_burst {
	size_t first, count; /* of the clicks, as they are sorted then */
	size_t people;
	char id[CM_BURST_ID_MAX + 1];
};

const char *cm_burst_kind_name(enum cm_burst_kind kind); /* "network" */

/*
 * The places of one withdrawal: evidence is its JSON ("" = none), canonical
 * the address ("" = not kept); domains that the config ignores are none.
 * Returns how many of ret_clicks were filled in, but for item and known.
 */
size_t cm_burst_places(const struct cm_config *config, struct cm_span evidence,
		       struct cm_span canonical, const struct cm_id *contact,
		       int64_t at,
		       struct cm_burst_click ret_clicks[CM_BURST_PLACES]);

/*
 * Sorts the clicks by place and time and marks those that belong to a burst;
 * *ret_bursts is for the caller to free().  people 0: there are none.
 */
CM_MUST_CHECK int cm_burst_find(struct cm_burst_click *clicks, size_t count,
				size_t people, int64_t window_ms,
				struct cm_burst **ret_bursts,
				size_t *ret_count);

#endif
