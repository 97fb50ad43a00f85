/*
 * optin - a person's request for mail, as the ledger tells it.
 *
 * Somebody typed an address and ticked purposes: one requested event each, all
 * of one name, "ask-" and the request's reference in hex, which the mailed
 * link carries.  The button behind the link makes confirmed events of that
 * name (DOI-1), "I did not ask for this" a corrected one.  What a person
 * refused later ends a request, confirmed or not.
 */
#ifndef CM_POLICY_OPTIN_H
#define CM_POLICY_OPTIN_H

#include "policy/queue.h"
#include "policy/store.h"

enum {
	CM_OPTIN_DAYS = 7, /* how long the link is good (DOI-3) */
};

struct cm_optin {
	bool found;
	bool confirmed;
	bool cancelled;
	bool overtaken; /* refused or erased later */
	int64_t at;     /* of the request, ms */
	struct cm_span purposes[CM_ACT_PURPOSES_MAX]; /* as asked for */
	size_t npurposes;
	struct cm_id family;
	char language[CM_LANGUAGE_MAX + 1];
	char source[CM_SOURCE_MAX + 1];
	char channel[CM_CHANNEL_MAX + 1];
	struct cm_hash notice;
	bool has_notice;
};

/* The name of its events. */
void cm_optin_name(const uint8_t ref[CM_REQUEST_REF_LEN],
		   char out[CM_BATCH_MAX + 1]);

/* Nothing of the sort: found is false.  Texts are the arena's. */
CM_MUST_CHECK int cm_optin_read(struct cm_store_reader *reader,
				const struct cm_id *contact,
				const uint8_t ref[CM_REQUEST_REF_LEN],
				struct cm_arena *arena,
				struct cm_optin *ret_optin,
				struct cm_error *err);

/* May it still be confirmed? */
bool cm_optin_is_open(const struct cm_optin *optin, int64_t now);

/* When the person last said "I did not ask for this"; 0 = never. */
CM_MUST_CHECK int cm_optin_cancelled_at(struct cm_store_reader *reader,
					const struct cm_id *contact,
					int64_t *ret_at, struct cm_error *err);

#endif
