/*
 * view - what a contact's events add up to.
 *
 * A view is a set of facts.  A fact says: of this kind, for this purpose,
 * from this source, on these terms, the newest event was at this time.
 * cm_view_apply() takes the maximum per (purpose, kind, source, terms) and
 * nothing else, so events give the same view in whatever order they arrive.
 * Nothing in a view depends on the config: what facts mean for a stream is
 * decide's business.
 *
 * A family's view is the same thing fed by every member with the facts that
 * refuse (cm_fact_refuses()) and those that take a click back, never with
 * those that allow or clear.
 *
 * A maximum cannot be taken back, so each click (cm_event_is_click()) is a
 * fact of its own, and another says that it was taken back.  Such a fact also
 * takes back requests, if its name begins with CM_OPTIN_PREFIX.
 *
 * Packed, a view is what the "contacts" and "family" databases hold, facts
 * sorted by (purpose, kind, source, terms); the MAC is the store's.  Pure.
 */
#ifndef CM_POLICY_VIEW_H
#define CM_POLICY_VIEW_H

#include "policy/event.h"

enum cm_fact_kind {
	CM_FACT_GRANTED,          /* proven, single opt-in */
	CM_FACT_CONFIRMED,        /* proven, double opt-in, as attested */
	CM_FACT_PERSON_CONFIRMED, /* double opt-in by the person's own token */
	CM_FACT_SOFT_OPT_IN,      /* proven, existing customer */
	CM_FACT_UNPROVEN,         /* said to be a grant, without evidence */
	CM_FACT_REQUESTED,        /* pending; never touches a grant */
	CM_FACT_WITHDRAWN,
	CM_FACT_OBJECTED,
	CM_FACT_COMPLAINED,
	CM_FACT_ERASED,
	CM_FACT_RESTRICTED,
	CM_FACT_UNDELIVERABLE,
	CM_FACT_CLEARED_RESTRICTED,
	CM_FACT_CLEARED_UNDELIVERABLE,
	CM_FACT_ASKED,      /* to renew: neither allows nor refuses */
	CM_FACT_TAKEN_BACK, /* by the person; see cm_view_settle() */
	/* Pending, by the person, or by who typed their address into a form:
	 * opt-in mail may ask them.  Others' lists are but REQUESTED. */
	CM_FACT_PERSON_REQUESTED,
	CM_FACT_KINDS
};

/*
 * What a proven grant was given under; empty for all other facts.  Whether
 * it may count on these terms is the config's to say (policy/terms.h).
 */
struct cm_terms {
	struct cm_span controller; /* "" = that of the purpose */
	struct cm_span notice;     /* SHA-256 of the text shown, or "" */
	/* Of a soft opt-in: */
	struct cm_span seller;
	struct cm_span category;
	bool has_sale_ref;
	enum cm_yes_no optout;
};

/*
 * The newest of its kind is the one of the latest time; of soft opt-ins that
 * of the latest sale, because the sale is what they rest on.  Of one time the
 * later in the ledger counts.
 */
struct cm_fact {
	enum cm_fact_kind kind;
	struct cm_span purpose; /* "" for what stands above all purposes */
	/* Of grants and requests; of clicks and what takes them back the
	 * click's name; else "". */
	struct cm_span source;
	struct cm_terms terms;
	int64_t at;    /* ms, the newest of its kind */
	uint64_t seq;  /* the event it rests on */
	int64_t sold;  /* of a soft opt-in; 0 = not said */
	int64_t ended; /* the contract of a grant; 0 = not said */
};

enum {
	/* Purposes times sources of one person; more is an attack or a bug. */
	CM_VIEW_FACTS_MAX = 4096,
};

struct cm_view {
	int64_t newest_at; /* of all events; a direct act comes after it */
	int64_t person_at; /* newest act by the person; 0 = none */
	int64_t language_at;
	char language[CM_LANGUAGE_MAX + 1];
	size_t count;
	size_t room;           /* facts allocated */
	struct cm_fact *facts; /* in the arena; sorted */
};

const char *cm_fact_kind_name(enum cm_fact_kind kind);
bool cm_fact_refuses(enum cm_fact_kind kind); /* withdrawn .. undeliverable */
bool cm_fact_is_pending(enum cm_fact_kind kind); /* requested, by whomever */
/* Refusals, and what takes one back. */
bool cm_fact_is_of_family(enum cm_fact_kind kind);

/* What kind of fact an event makes; CM_FACT_KINDS if none (corrected). */
enum cm_fact_kind cm_event_fact(const struct cm_event *event);
/* The fact itself, but for a click's name; its texts are the event's. */
struct cm_fact cm_fact_of(const struct cm_event *event, uint64_t seq);
/* By purpose, kind, source and terms; 0: a view has only one of the two. */
int cm_fact_cmp(const struct cm_fact *a, const struct cm_fact *b);
/* Would b take the place of a, being of the same key? */
bool cm_fact_is_newer(const struct cm_fact *a, const struct cm_fact *b);

/* The view's fact of the same key; NULL = none. */
const struct cm_fact *cm_view_find(const struct cm_view *view,
				   const struct cm_fact *like);
/* Does told, of the same key as the fact, say something later, or another end
 * of the contract? */
bool cm_fact_says_more(const struct cm_fact *fact, const struct cm_fact *told);
/* A copy whose facts may grow and move while the original stays. */
CM_MUST_CHECK int cm_view_copy(const struct cm_view *view,
			       struct cm_arena *arena,
			       struct cm_view *ret_copy);

/* Fold one event in; strings and facts grow in the arena. */
CM_MUST_CHECK int cm_view_apply(struct cm_view *view,
				const struct cm_event *event, uint64_t seq,
				struct cm_arena *arena);
/* Ditto for a family: facts that do not refuse are passed over. */
CM_MUST_CHECK int cm_view_apply_family(struct cm_view *view,
				       const struct cm_event *event,
				       uint64_t seq, struct cm_arena *arena);

/*
 * The view without clicks that were taken back and requests that their person
 * cancelled, as if they had never been, and without what says so: for who
 * wants to know what is allowed.  *ret_view may share facts with *view.
 */
CM_MUST_CHECK int cm_view_settle(const struct cm_view *view,
				 struct cm_arena *arena,
				 struct cm_view *ret_view);

CM_MUST_CHECK int cm_view_pack(const struct cm_view *view, struct cm_buf *out);
/* Spans point into bytes, which must live as long as the view. */
CM_MUST_CHECK int cm_view_unpack(struct cm_span bytes, struct cm_arena *arena,
				 struct cm_view *ret_view);

#endif
