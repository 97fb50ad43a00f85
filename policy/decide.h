/*
 * decide - may this message go to this person?
 *
 * Pure and total: no clock, no I/O (design 5).  tests/unit checks it against
 * an independent model over all state combinations and event orders.
 *
 * How the rules of design 5 are read where they leave room:
 * - Refusals are those of this address and of its family; only what this
 *   address did later lifts either.  by_family: the family's refuses, and
 *   this address alone would not have been refused for the same reason.
 * - Of one instant the restrictive one wins: a withdrawal or mark at the time
 *   of a grant stands against it.
 * - Objected, erased and complained are lifted, for a purpose, by the
 *   person's own confirmation at it or above, strictly later; restricted by
 *   being cleared; undeliverable by being cleared or by any act of the
 *   person, of which asking by a form is none.  With complaint-scope =
 *   purpose a complaint about a purpose counts where it is at or above one of
 *   the stream's; one without always.
 * - A withdrawal is answered by a consent at its node or between there and
 *   the purpose, strictly later, of the level the purpose asks; whether that
 *   consent is still within its lifetime or from a source of the stream does
 *   not matter for the answer.  A withdrawal of "" stands on every path.
 * - Soft opt-in counts only where it is on, never at level double, and never
 *   while any withdrawal stands on the path, answered or not.  Its lifetime
 *   begins with the sale.
 * - A grant whose terms have a flaw (policy/terms.h) answers and lifts nothing.
 *   One whose contract has ended does, as one does that is expired.
 * - Idle (purpose setting) is counted from the newest of the grant (or its
 *   sale), the person's own acts of any kind, and, unless only these count,
 *   the last mail of the purpose.  It ends a consent as a lifetime does, at
 *   the shortest on the way; who acts again later is taken to have never left.
 * - A grant must name a purpose.  A purpose that the config does not know
 *   lives as long as the nearest one above it that it does.
 * - Of several allowing grants: consent before soft opt-in, then the newest,
 *   then the best proven.  Of several purposes the strongest refusal is told.
 */
#ifndef CM_POLICY_DECIDE_H
#define CM_POLICY_DECIDE_H

#include "policy/classify.h"
#include "policy/reason.h"
#include "policy/view.h"

enum {
	CM_STREAM_PURPOSES_MAX = 16, /* named by one stream */
	/* The clock may run this far behind the newest event. */
	CM_CLOCK_SLACK_MS = 60000,
};

/*
 * What is known of a contact besides its views; the milter keeps it.  No
 * pointer, or a time of 0: not known, and then nothing is taken for granted.
 */
struct cm_past {
	const int64_t *mailed; /* ms, last mail of each purpose asked */
	int64_t asked;         /* ms, last asked to renew the first of them */
};

struct cm_decision {
	enum cm_verdict verdict;
	enum cm_reason reason;
	bool by_family; /* a refusal of another address of the family */
	/* What it rests on; seq is meaningless without has_event. */
	bool has_event;
	uint64_t seq;
	int64_t at;
	enum cm_basis basis;              /* of ALLOW */
	const struct cm_purpose *purpose; /* that decided; NULL for marks */
	const char *language; /* of the contact, NULL if unknown; the view's */
	/* ALLOW: each purpose and its grant, for why and for the log. */
	struct {
		const struct cm_purpose *purpose;
		enum cm_basis basis;
		uint64_t seq;
		int64_t at;
		int64_t until; /* ms; 0 = does not expire */
	} grants[CM_STREAM_PURPOSES_MAX];
	size_t ngrants;
};

/*
 * classified: STREAM, of any type; for renewal see policy/renewal.h, for optin
 * policy/pending.h.  own and family may be NULL (nothing known), as may past.
 * newest_rec: of the whole ledger.
 */
void cm_decide(const struct cm_config *config,
	       const struct cm_classified *classified,
	       const struct cm_view *own, const struct cm_view *family,
	       const struct cm_past *past, int64_t newest_rec, int64_t now,
	       struct cm_decision *ret_decision);

/*
 * The newest mark of a kind (CM_FACT_OBJECTED, _COMPLAINED, _ERASED,
 * _RESTRICTED, _UNDELIVERABLE) that nothing has lifted for the purpose; NULL
 * if there is none.  For the words of `show`; cm_decide() obeys it anyway.
 */
const struct cm_fact *cm_decide_mark(const struct cm_config *config,
				     const struct cm_purpose *purpose,
				     const struct cm_view *view,
				     enum cm_fact_kind mark, int64_t now);

/*
 * The state of one purpose for `show` and pages: the same rules, one purpose,
 * no stream.
 */
void cm_decide_purpose(const struct cm_config *config,
		       const struct cm_purpose *purpose,
		       const struct cm_view *own, const struct cm_view *family,
		       const struct cm_past *past, int64_t now,
		       struct cm_decision *ret_decision);

#endif
