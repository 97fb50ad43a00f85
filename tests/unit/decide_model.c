/* See decide_model.h. */
#include "tests/unit/decide_model.h"

#include <string.h>

/* ---- the model: design 5, rules 2 to 4, over raw events ------------------ */

static const int up[NODES] = {-1, 0, 1, 2, 1};

static bool over(int node, int below)
{
	for (; below >= 0; below = up[below])
		if (below == node)
			return true;
	return false;
}

static bool proven(const struct raw *e)
{
	return (e->type == CM_EVENT_GRANTED || e->type == CM_EVENT_CONFIRMED) &&
	       (e->attested || e->text != NO_TEXT) &&
	       strcmp(world_sources[e->source], "unknown") != 0;
}

/* Article 13(2), condition after condition. */
static enum cm_reason sale_lacks(const struct sale *sale)
{
	return sale->seller == NOBODY        ? CM_REASON_NO_SELLER
	       : sale->seller == OTHERS      ? CM_REASON_OTHER_SELLER
	       : !sale->ref                  ? CM_REASON_NO_SALE_REF
	       : sale->sold == 0             ? CM_REASON_NO_SALE_DATE
	       : sale->category == 0         ? CM_REASON_NO_CATEGORY
	       : sale->category == 2         ? CM_REASON_OTHER_CATEGORY
	       : sale->optout != CM_SAID_YES ? CM_REASON_NO_OPT_OUT
					     : CM_REASONS;
}

/* Why a proven grant does not count for p; CM_REASONS: it may. */
static enum cm_reason flaw(const struct world *w, const struct raw *e, int p)
{
	bool soft = e->basis == CM_BASIS_SOFT_OPT_IN;
	int64_t from = soft ? e->sale.sold : e->at;
	int node;

	if (e->controller == OTHERS)
		return CM_REASON_OTHER_CONTROLLER;
	for (node = p; from > 0 && over(e->node, node); node = up[node])
		if (w->purposes[node].changed > from &&
		    w->now >= w->purposes[node].changed)
			return CM_REASON_TEXT_CHANGED;
	if (e->text == BUNDLED)
		return CM_REASON_BUNDLED;
	if (e->text == CHILDREN)
		return CM_REASON_NO_AGE_CHECK;
	return soft ? sale_lacks(&e->sale) : CM_REASONS;
}

/* Consent of the level asked, whatever its terms. */
static bool strong(const struct world *w, const struct raw *e, int p)
{
	return !e->other && proven(e) && e->node > 0 && over(e->node, p) &&
	       e->basis == CM_BASIS_CONSENT &&
	       (w->purposes[p].level == CM_LEVEL_SINGLE ||
		e->type == CM_EVENT_CONFIRMED);
}

static bool own_act(const struct raw *e)
{
	return e->actor == CM_ACTOR_PERSON && e->type != CM_EVENT_CORRECTED &&
	       e->type != CM_EVENT_REQUESTED;
}

static bool consents(const struct world *w, const struct raw *e, int p)
{
	return strong(w, e, p) && flaw(w, e, p) == CM_REASONS;
}

static bool lifts(const struct world *w, const struct raw *mark,
		  const struct raw *e, int p)
{
	if (e->other || e->at <= mark->at || cm_event_type_is_remark(e->type))
		return false;
	if (mark->type == CM_EVENT_RESTRICTED)
		return e->type == CM_EVENT_CLEARED && e->mark == mark->type;
	if (mark->type == CM_EVENT_UNDELIVERABLE)
		return own_act(e) ||
		       (e->type == CM_EVENT_CLEARED && e->mark == mark->type);
	return e->type == CM_EVENT_CONFIRMED && proven(e) && e->node > 0 &&
	       own_act(e) && over(e->node, p) && e->basis == CM_BASIS_CONSENT &&
	       flaw(w, e, p) == CM_REASONS;
}

static bool marked(const struct world *w, const struct raw *e, size_t n,
		   enum cm_event_type type, bool family, int p)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		bool lifted = false, about = type != CM_EVENT_COMPLAINED;

		if (e[i].type != type || (e[i].other && !family))
			continue;
		for (k = 0; k < n; k++)
			lifted = lifted || lifts(w, &e[i], &e[k], p);
		for (k = 0; k < w->stream.npurposes; k++)
			about = about || over(e[i].node,
					      (int)(w->asked[k] - w->purposes));
		if (!lifted &&
		    (about || w->config.complaint_scope == CM_COMPLAINT_ALL))
			return true;
	}
	return false;
}

/* Does withdrawal w stand against grant g, (a) and (b) of rule 3? */
static bool stands(const struct world *w, const struct raw *e, size_t n,
		   const struct raw *gone, const struct raw *g, int p)
{
	size_t i;

	if (g->basis == CM_BASIS_SOFT_OPT_IN || gone->at >= g->at)
		return true;
	if (gone->node == g->node || !over(g->node, gone->node))
		return false;
	for (i = 0; i < n; i++)
		if (consents(w, &e[i], p) && e[i].at > gone->at &&
		    over(gone->node, e[i].node))
			return false;
	return true;
}

/* A soft opt-in is as old as the sale. */
static bool outlived(const struct world *w, const struct raw *g, int p)
{
	int64_t from = g->basis == CM_BASIS_SOFT_OPT_IN ? g->sale.sold : g->at;
	int node;

	for (node = p; over(g->node, node); node = up[node])
		if (w->purposes[node].lifetime.ms > 0 &&
		    w->now >= from + w->purposes[node].lifetime.ms)
			return true;
	return false;
}

/* Idle: the grant, whatever the person did, and perhaps our mail of p. */
static bool unused(const struct world *w, const struct raw *e, size_t n,
		   const struct raw *g, int p)
{
	int64_t end,
		at = g->basis == CM_BASIS_SOFT_OPT_IN ? g->sale.sold : g->at;
	int node;

	for (size_t i = 0; i < n; i++)
		if (!e[i].other && own_act(&e[i]) && e[i].at > at &&
		    !cm_event_type_is_remark(e[i].type))
			at = e[i].at;
	for (node = p; over(g->node, node); node = up[node]) {
		end = at + w->purposes[node].idle.ms;
		if (w->purposes[node].idle_unless == CM_USE_MAILED &&
		    w->mailed[p] > at)
			end += w->mailed[p] - at;
		if (w->purposes[node].idle.ms > 0 && w->now >= end)
			return true;
	}
	return false;
}

/* The same kind of grant, given to the same, on the same terms. */
static bool same_grant(const struct raw *a, const struct raw *b)
{
	bool soft = a->basis == CM_BASIS_SOFT_OPT_IN;

	return proven(b) && !b->other && a->node == b->node &&
	       a->source == b->source && a->basis == b->basis &&
	       a->controller == b->controller && a->text == b->text &&
	       (soft || (a->type == b->type &&
			 (a->type == CM_EVENT_GRANTED ||
			  (a->actor == CM_ACTOR_PERSON) ==
				  (b->actor == CM_ACTOR_PERSON)))) &&
	       (!soft || (a->sale.seller == b->sale.seller &&
			  a->sale.ref == b->sale.ref &&
			  a->sale.category == b->sale.category &&
			  a->sale.optout == b->sale.optout));
}

/*
 * The contract's end, as the newest record of this grant has it (of a soft
 * opt-in that of the newest sale), and how long the text said that the mail
 * goes on.
 */
static bool contract_is_over(const struct world *w, const struct raw *e,
			     size_t n, const struct raw *g)
{
	const struct raw *last = g;
	size_t i;

	if (g->text != TELLS_PERIOD)
		return false;
	for (i = 0; i < n; i++) {
		bool soft = g->basis == CM_BASIS_SOFT_OPT_IN;

		if (!same_grant(g, &e[i]))
			continue;
		if (soft && e[i].sale.sold != last->sale.sold) {
			if (e[i].sale.sold > last->sale.sold)
				last = &e[i];
		} else if (e[i].at > last->at ||
			   (e[i].at == last->at && &e[i] > last)) {
			last = &e[i];
		}
	}
	return last->ended != 0 && w->now >= last->ended + 90;
}

/* "I did not ask for this", said at the time of a request or later. */
static bool cancelled(const struct raw *e, size_t n, const struct raw *request)
{
	for (size_t i = 0; i < n; i++)
		if (!e[i].other && e[i].type == CM_EVENT_CORRECTED &&
		    e[i].actor == CM_ACTOR_PERSON && e[i].at >= request->at &&
		    e[i].node == request->node)
			return true;
	return false;
}

/* Nothing that stands on the path is answered: as if no grant were left. */
static bool unanswered(const struct world *w, const struct raw *e, size_t n,
		       const struct raw *gone, int p)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (consents(w, &e[i], p) && e[i].at > gone->at &&
		    over(gone->node, e[i].node))
			return false;
	return true;
}

static enum cm_reason model(const struct world *w, const struct raw *e,
			    size_t n, bool family, int p)
{
	static const struct {
		enum cm_event_type type;
		enum cm_reason reason;
	} marks[] = {
		{CM_EVENT_OBJECTED, CM_REASON_OBJECTED},
		{CM_EVENT_ERASED, CM_REASON_ERASED},
		{CM_EVENT_COMPLAINED, CM_REASON_COMPLAINED},
		{CM_EVENT_RESTRICTED, CM_REASON_RESTRICTED},
		{CM_EVENT_UNDELIVERABLE, CM_REASON_UNDELIVERABLE},
	};
	bool consent = false, soft = false, gone = false, expired = false;
	bool weak = false, claimed = false, idle = false, ended = false;
	enum cm_reason flawed = CM_REASONS;
	size_t i, k;

	for (i = 0; i < 5; i++)
		if (marked(w, e, n, marks[i].type, family, p))
			return marks[i].reason;
	for (i = 0; i < n; i++) {
		bool is_soft = e[i].basis == CM_BASIS_SOFT_OPT_IN;
		bool blocked = false;

		if (e[i].type == CM_EVENT_WITHDRAWN && over(e[i].node, p) &&
		    (family || !e[i].other))
			gone = gone || unanswered(w, e, n, &e[i], p);
		if (e[i].other || e[i].node == 0 || !over(e[i].node, p))
			continue;
		weak = weak || (e[i].type == CM_EVENT_REQUESTED &&
				!cancelled(e, n, &e[i]));
		if (e[i].type != CM_EVENT_GRANTED &&
		    e[i].type != CM_EVENT_CONFIRMED)
			continue;
		claimed = claimed || !proven(&e[i]);
		if (!proven(&e[i]) ||
		    (is_soft && !w->purposes[p].soft_opt_in) ||
		    (w->allowed_source != NULL &&
		     strcmp(w->allowed_source, world_sources[e[i].source]) !=
			     0))
			continue;
		for (k = 0; k < n; k++)
			blocked = blocked || (e[k].type == CM_EVENT_WITHDRAWN &&
					      over(e[k].node, p) &&
					      (family || !e[k].other) &&
					      stands(w, e, n, &e[k], &e[i], p));
		if (is_soft ? w->purposes[p].level == CM_LEVEL_DOUBLE
			    : !strong(w, &e[i], p))
			weak = true;
		else if (flaw(w, &e[i], p) != CM_REASONS)
			flawed = flaw(w, &e[i], p) < flawed ? flaw(w, &e[i], p)
							    : flawed;
		else if (outlived(w, &e[i], p))
			expired = true;
		else if (unused(w, e, n, &e[i], p))
			idle = true;
		else if (contract_is_over(w, e, n, &e[i]))
			ended = true;
		else if (blocked)
			gone = true;
		else if (is_soft)
			soft = true;
		else
			consent = true;
	}
	/* A grant that stands makes all that was before it past. */
	return consent                ? CM_REASON_ALLOWED_CONSENT
	       : soft                 ? CM_REASON_ALLOWED_SOFT_OPT_IN
	       : gone                 ? CM_REASON_WITHDRAWN
	       : idle                 ? CM_REASON_IDLE
	       : expired              ? CM_REASON_EXPIRED
	       : ended                ? CM_REASON_CONTRACT_ENDED
	       : weak                 ? CM_REASON_UNCONFIRMED
	       : flawed != CM_REASONS ? flawed
	       : claimed              ? CM_REASON_NO_EVIDENCE
				      : CM_REASON_NO_RECORD;
}

static bool allows(enum cm_reason reason)
{
	return cm_reason_verdict(reason) == CM_VERDICT_ALLOW;
}

/* All asked purposes; told is the strongest refusal or the weakest allow. */
static enum cm_reason model_all(const struct world *w, const struct raw *e,
				size_t n, bool *ret_by_family)
{
	enum cm_reason told = CM_REASONS;
	size_t i;

	for (i = 0; i < w->stream.npurposes; i++) {
		int p = (int)(w->asked[i] - w->purposes);
		enum cm_reason all = model(w, e, n, true, p);

		if (told != CM_REASONS && allows(told) == allows(all) &&
		    (allows(all) ? all <= told : all >= told))
			continue;
		if (told != CM_REASONS && !allows(told) && allows(all))
			continue;
		told = all;
		*ret_by_family = !allows(all) && all <= CM_REASON_WITHDRAWN &&
				 model(w, e, n, false, p) != all;
	}
	return told;
}

/* ---- the model of opt-in mail ------------------------------------------- */

/* Does a refusal stand in the way of a request, by its kind? */
static bool ends(const struct world *w, const struct raw *e, size_t n,
		 const struct raw *refusal, const struct raw *request)
{
	bool cleared = false;

	switch (refusal->type) {
	case CM_EVENT_OBJECTED:
	case CM_EVENT_ERASED:
	case CM_EVENT_UNDELIVERABLE:
		return refusal->at >= request->at;
	case CM_EVENT_COMPLAINED:
		return refusal->at >= request->at &&
		       (w->config.complaint_scope == CM_COMPLAINT_ALL ||
			over(refusal->node, request->node));
	case CM_EVENT_WITHDRAWN:
		return refusal->at >= request->at &&
		       over(refusal->node, request->node);
	case CM_EVENT_RESTRICTED:
		for (size_t i = 0; i < n; i++)
			cleared = cleared || lifts(w, refusal, &e[i], 1);
		return !cleared;
	default:
		return false;
	}
}

/* What came out for one request: why, and by which event. */
struct outcome {
	enum cm_reason reason;
	const struct raw *by;
};

static const struct raw *later(const struct raw *a, const struct raw *b)
{
	return a == NULL || b->at > a->at || (b->at == a->at && b > a) ? b : a;
}

static struct outcome of_request(const struct world *w, const struct raw *e,
				 size_t n, const struct raw *request)
{
	static const struct {
		enum cm_event_type type;
		enum cm_reason reason;
	} kinds[] = {
		{CM_EVENT_OBJECTED, CM_REASON_OBJECTED},
		{CM_EVENT_ERASED, CM_REASON_ERASED},
		{CM_EVENT_COMPLAINED, CM_REASON_COMPLAINED},
		{CM_EVENT_RESTRICTED, CM_REASON_RESTRICTED},
		{CM_EVENT_UNDELIVERABLE, CM_REASON_UNDELIVERABLE},
		{CM_EVENT_WITHDRAWN, CM_REASON_WITHDRAWN},
	};
	struct outcome out = {CM_REASON_NO_REQUEST, NULL};
	bool confirmed = false;
	size_t i, k;

	for (k = 0; k < 12 && out.by == NULL; k++)
		for (i = 0; i < n; i++)
			if (e[i].type == kinds[k / 2].type &&
			    e[i].other == (k % 2 == 1) &&
			    ends(w, e, n, &e[i], request)) {
				out.reason = kinds[k / 2].reason;
				out.by = later(out.by, &e[i]);
			}
	if (out.by != NULL)
		return out;
	for (i = 0; i < n; i++) {
		if (e[i].other || !own_act(&e[i]) || e[i].at < request->at ||
		    cm_event_type_is_remark(e[i].type))
			continue;
		if (e[i].type != CM_EVENT_CONFIRMED || !proven(&e[i]) ||
		    e[i].basis != CM_BASIS_CONSENT ||
		    !over(e[i].node, request->node))
			continue;
		confirmed = true;
		out.by = later(out.by, &e[i]);
	}
	if (!confirmed)
		out.by = request;
	out.reason = confirmed ? CM_REASON_REQUEST_CONFIRMED
		     : request->actor != CM_ACTOR_PERSON ? CM_REASON_NO_REQUEST
		     : w->now - request->at >= 7 * CM_DAY_MS
			     ? CM_REASON_REQUEST_ENDED
			     : CM_REASON_ALLOWED_REQUEST;
	return out;
}

static enum cm_reason model_optin(const struct world *w, const struct raw *e,
				  size_t n, bool *ret_by_family)
{
	struct outcome told = {CM_REASON_NO_REQUEST, NULL};
	size_t i, k;

	for (i = 0; i < n; i++) {
		bool counts = e[i].type == CM_EVENT_REQUESTED && !e[i].other &&
			      e[i].node > 0 && !cancelled(e, n, &e[i]);
		struct outcome out;

		/* Of the same thing, asked by the same way, the last. */
		for (k = 0; k < n; k++)
			if (e[k].type == CM_EVENT_REQUESTED && !e[k].other &&
			    e[k].node == e[i].node &&
			    e[k].source == e[i].source &&
			    (e[k].actor == CM_ACTOR_PERSON) ==
				    (e[i].actor == CM_ACTOR_PERSON) &&
			    later(&e[i], &e[k]) == &e[k])
				counts = counts && k == i;
		if (!counts)
			continue;
		out = of_request(w, e, n, &e[i]);
		if (told.by == NULL || out.reason < told.reason ||
		    (out.reason == told.reason &&
		     later(told.by, out.by) == out.by))
			told = out;
	}
	*ret_by_family = told.by != NULL && told.by->other;
	return told.reason;
}

enum cm_reason world_model(const struct world *world, const struct raw *raws,
			   size_t n, bool *ret_by_family)
{
	return world->stream.type == CM_STREAM_OPTIN
		       ? model_optin(world, raws, n, ret_by_family)
		       : model_all(world, raws, n, ret_by_family);
}
