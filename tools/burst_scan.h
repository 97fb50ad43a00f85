/*
 * burst_scan - the ledger's bursts of withdrawals (policy/burst.h), and what
 * became of them.
 */
#ifndef CM_TOOLS_BURST_SCAN_H
#define CM_TOOLS_BURST_SCAN_H

#include "policy/burst.h"
#include "policy/event.h"
#include "tools/ctl.h"

/* A withdrawal that a program may have made (cm_event_is_machine_like()). */
struct cm_burst_item {
	struct cm_id contact;
	struct cm_id family;
	int64_t at;
	uint64_t seq;
	bool has_evidence;
	struct cm_hash evidence;
	char purpose[sizeof(((struct cm_event *)NULL)->purpose)];
	char channel[CM_CHANNEL_MAX + 1];
	char undone_by[CM_WHO_MAX + 1];
	int64_t undone_at; /* 0: it stands */
};

/* What somebody did, of whichever kind. */
struct cm_burst_act {
	struct cm_id contact;
	uint64_t seq;
};

struct cm_burst_scan {
	int64_t since;               /* older withdrawals are not looked at */
	struct cm_burst_item *items; /* by contact and time */
	size_t nitems, items_room;
	struct cm_burst_act *acts; /* by contact; since the first item */
	size_t nacts, acts_room;
	struct cm_event *undone; /* corrected events of bursts */
	size_t nundone, undone_room;
	/* The last row of a list that was taken in since. */
	uint64_t import_seq;
	char import_batch[CM_BATCH_MAX + 1];
	struct cm_burst_click *clicks; /* their item: an index into items */
	size_t nclicks;
	struct cm_burst *bursts;
	size_t nbursts;
};

/* By the config's rule.  Needs the store open for writing: it reads private.
 * Zeroed but for since before; cm_burst_scan_free() in any case. */
CM_MUST_CHECK int cm_burst_scan(struct cm_ctl *ctl, struct cm_burst_scan *scan,
				struct cm_error *err);
void cm_burst_scan_free(struct cm_burst_scan *scan);

/* The items of a burst, each once. */
const struct cm_burst_item *cm_burst_item(const struct cm_burst_scan *scan,
					  const struct cm_burst *burst,
					  size_t i);
/* Did somebody do something about this contact since, other than by this
 * burst?  Then what they said rests on what they were told. */
bool cm_burst_acted_since(const struct cm_burst_scan *scan,
			  const struct cm_burst *burst, size_t i);

#endif
