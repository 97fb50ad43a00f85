/*
 * person - one person as programs speak of them: ids, views, and what they add
 * up to for a purpose.
 */
#ifndef CM_POLICY_PERSON_H
#define CM_POLICY_PERSON_H

#include "lib/json.h"
#include "policy/address.h"
#include "policy/decide.h"
#include "policy/store.h"

struct cm_person {
	struct cm_address address;
	struct cm_id contact;
	struct cm_id family;
	struct cm_view own;         /* after cm_person_look_up() */
	struct cm_view family_view; /* ditto */
	int64_t newest_rec;         /* of the ledger, ditto */
};

/* Address to ids, by the store key's hmac.  CM_EDATA names what is wrong. */
CM_MUST_CHECK int cm_person_of(const struct cm_config *config,
			       struct cm_hmac *hmac, struct cm_span text,
			       struct cm_person *ret_person,
			       struct cm_error *err);
/* Fill in the views of the reader's moment. */
CM_MUST_CHECK int cm_person_look_up(struct cm_store_reader *reader,
				    struct cm_person *person,
				    struct cm_error *err);

/* Has the store ever heard of exactly this address? */
bool cm_person_known(const struct cm_person *person);

/*
 * A mark that still stands, by the fact that makes it (objected, complained,
 * erased, restricted, undeliverable); NULL if none of that kind does.
 */
const struct cm_fact *cm_person_has_mark(const struct cm_config *config,
					 const struct cm_view *view,
					 enum cm_fact_kind kind, int64_t now);
/* The kinds it knows, CM_FACT_KINDS at the end. */
extern const enum cm_fact_kind cm_person_marks[];

/* The next purpose of the view that the config has no more: *at starts as 0
 * and grows by one after each, *ret_purpose as empty; false at the end. */
bool cm_person_next_orphan(const struct cm_config *config,
			   const struct cm_view *view, size_t *at,
			   struct cm_span *ret_purpose);

/* Every root that they could leave: of the config, and of consents on record
 * to purposes that it has no more.  At most max; how many there are. */
size_t cm_person_roots(const struct cm_config *config,
		       const struct cm_view *view, struct cm_span *ret_roots,
		       size_t max);

/* Where they stand with one purpose. */
struct cm_standing {
	const struct cm_purpose *purpose;
	struct cm_decision decision;
	struct cm_event event; /* that it rests on; zeros without one */
	int64_t until;         /* 0 = does not end by time */
};
/* The rest of what the decision, filled in, rests on. */
CM_MUST_CHECK int cm_standing_read(struct cm_store_reader *reader,
				   struct cm_standing *standing,
				   struct cm_error *err);

/* An object, a member a purpose: what `show --json` says of it. */
void cm_standing_json(struct cm_json_writer *w,
		      const struct cm_standing *standings, size_t count);
/* The members of what `show --json` prints. */
void cm_person_json(struct cm_json_writer *w, const struct cm_config *config,
		    const struct cm_person *person,
		    const struct cm_standing *standings, size_t count,
		    int64_t now);

#endif
