/*
 * See decide.h.  For each purpose asked: marks, then withdrawals, then
 * grants (design 5, rules 2 to 4).  A withdrawal is answered by a consent of
 * the same address, later than it, at its node or between there and the
 * purpose; a grant allows only if every withdrawal on the path is older than
 * it and answered.  That is rule 3 (a) and (b) in one sentence: a later grant
 * at or below the withdrawal answers it itself, one above needs another.
 */
#include "policy/decide.h"

#include <string.h>

#include "policy/pending.h"
#include "policy/purpose.h"
#include "policy/renewal.h"
#include "policy/terms.h"

/* All that a judgement about one purpose looks at. */
struct ask {
	const struct cm_config *config;
	const struct cm_stream *stream; /* NULL for cm_decide_purpose() */
	const struct cm_purpose *purpose;
	struct cm_span path; /* of purpose */
	/* Whose complaints count (scope purpose): those of all asked. */
	const struct cm_purpose *const *asked;
	size_t nasked;
	const struct cm_view *own;
	const struct cm_view *family;
	const struct cm_past *past;
	int64_t mailed; /* the purpose's last mail; 0 = not known */
	int64_t now;
};

/* What came out for one purpose. */
struct answer {
	enum cm_reason reason;
	const struct cm_fact *fact; /* that it rests on; NULL if none */
	bool by_family;
	bool above; /* a mark: no purpose decided */
	int64_t until;
};

static const struct cm_view nothing; /* of a contact never heard of */
static const struct cm_past no_past;

/* ---- small questions ----------------------------------------------------- */

static bool on_path(const struct ask *ask, const struct cm_fact *fact)
{
	return cm_purpose_covers(fact->purpose, ask->path);
}

/* Consent strong enough for this purpose; soft opt-in is not consent. */
static bool is_consent(const struct ask *ask, const struct cm_fact *fact)
{
	if (fact->purpose.n == 0)
		return false; /* nobody consents to what has no name */
	return fact->kind == CM_FACT_CONFIRMED ||
	       fact->kind == CM_FACT_PERSON_CONFIRMED ||
	       (fact->kind == CM_FACT_GRANTED &&
		ask->purpose->level == CM_LEVEL_SINGLE);
}

/* Do its terms let it count for this purpose? */
static bool has_flaw(const struct ask *ask, const struct cm_fact *grant)
{
	return cm_terms_flaw(ask->config, ask->purpose, grant, ask->now) !=
	       CM_REASONS;
}

static const struct cm_fact *newer(const struct cm_fact *a,
				   const struct cm_fact *b)
{
	if (a == NULL)
		return b;
	return b->at > a->at || (b->at == a->at && b->seq > a->seq) ? b : a;
}

/* ---- rule 2: marks ------------------------------------------------------- */

/* The newest act on record that lifts a mark of this kind for the purpose. */
static int64_t lifted_at(const struct ask *ask, enum cm_fact_kind mark)
{
	enum cm_fact_kind by = CM_FACT_PERSON_CONFIRMED;
	int64_t at = -1;
	size_t i;

	if (mark == CM_FACT_RESTRICTED)
		by = CM_FACT_CLEARED_RESTRICTED;
	if (mark == CM_FACT_UNDELIVERABLE) {
		by = CM_FACT_CLEARED_UNDELIVERABLE;
		if (ask->own->person_at > 0)
			at = ask->own->person_at;
	}
	for (i = 0; i < ask->own->count; i++) {
		const struct cm_fact *fact = &ask->own->facts[i];

		if (fact->kind != by || fact->at <= at)
			continue;
		if (by != CM_FACT_PERSON_CONFIRMED ||
		    (fact->purpose.n > 0 && on_path(ask, fact) &&
		     !has_flaw(ask, fact)))
			at = fact->at;
	}
	return at;
}

/* complaint-scope = purpose: one about another kind of mail does not count. */
static bool is_about_this(const struct ask *ask, const struct cm_fact *fact)
{
	size_t i;

	if (fact->kind != CM_FACT_COMPLAINED ||
	    ask->config->complaint_scope == CM_COMPLAINT_ALL)
		return true;
	for (i = 0; i < ask->nasked; i++)
		if (cm_purpose_covers(fact->purpose,
				      cm_span(ask->asked[i]->path)))
			return true;
	return false;
}

/* The newest mark of a kind in a view that nothing has lifted. */
static const struct cm_fact *find_mark(const struct ask *ask,
				       const struct cm_view *view,
				       enum cm_fact_kind mark, int64_t lifted)
{
	const struct cm_fact *found = NULL;
	size_t i;

	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		if (fact->kind == mark && fact->at >= lifted &&
		    is_about_this(ask, fact))
			found = newer(found, fact);
	}
	return found;
}

static bool refused_by_mark(const struct ask *ask, struct answer *answer)
{
	static const struct {
		enum cm_fact_kind mark;
		enum cm_reason reason;
	} marks[] = {
		/* as in reason.def: the strongest first */
		{CM_FACT_OBJECTED, CM_REASON_OBJECTED},
		{CM_FACT_ERASED, CM_REASON_ERASED},
		{CM_FACT_COMPLAINED, CM_REASON_COMPLAINED},
		{CM_FACT_RESTRICTED, CM_REASON_RESTRICTED},
		{CM_FACT_UNDELIVERABLE, CM_REASON_UNDELIVERABLE},
	};
	size_t i;

	memset(answer, 0, sizeof(*answer));
	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		int64_t lifted = lifted_at(ask, marks[i].mark);

		answer->reason = marks[i].reason;
		answer->above = true;
		answer->by_family = false;
		answer->fact = find_mark(ask, ask->own, marks[i].mark, lifted);
		if (answer->fact != NULL)
			return true;
		answer->by_family = true;
		answer->fact =
			find_mark(ask, ask->family, marks[i].mark, lifted);
		if (answer->fact != NULL)
			return true;
	}
	return false;
}

const struct cm_fact *cm_decide_mark(const struct cm_config *config,
				     const struct cm_purpose *purpose,
				     const struct cm_view *view,
				     enum cm_fact_kind mark, int64_t now)
{
	const struct ask ask = {
		.config = config,
		.purpose = purpose,
		.path = cm_span(purpose->path),
		.asked = &purpose,
		.nasked = 1,
		.own = view,
		.now = now,
	};

	return find_mark(&ask, view, mark, lifted_at(&ask, mark));
}

/* ---- rule 3: withdrawals --------------------------------------------------
 */

/* Consented again, at the withdrawal's node or between there and here? */
static bool is_answered(const struct ask *ask, const struct cm_fact *withdrawal)
{
	size_t i;

	for (i = 0; i < ask->own->count; i++) {
		const struct cm_fact *fact = &ask->own->facts[i];

		if (fact->at > withdrawal->at && is_consent(ask, fact) &&
		    on_path(ask, fact) && !has_flaw(ask, fact) &&
		    cm_purpose_covers(withdrawal->purpose, fact->purpose))
			return true;
	}
	return false;
}

/* The newest withdrawal on the path, and the newest that nobody answered. */
static void find_withdrawals(const struct ask *ask, const struct cm_view *view,
			     const struct cm_fact **newest,
			     const struct cm_fact **unanswered)
{
	size_t i;

	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		if (fact->kind != CM_FACT_WITHDRAWN || !on_path(ask, fact))
			continue;
		*newest = newer(*newest, fact);
		if (!is_answered(ask, fact))
			*unanswered = newer(*unanswered, fact);
	}
}

/* ---- rules 3 and 4: grants ------------------------------------------------
 */

/* The end of a grant's validity by one period, if that is sooner. */
static int64_t sooner(int64_t until, int64_t at, struct cm_period period)
{
	int64_t end;

	if (cm_period_is_none(period))
		return until;
	end = cm_period_add(at, period);
	return until == 0 || end < until ? end : until;
}

static int64_t last_used(const struct ask *ask, const struct cm_fact *grant,
			 enum cm_use use)
{
	int64_t at = cm_terms_start(grant);

	if (ask->own->person_at > at)
		at = ask->own->person_at;
	if (use == CM_USE_MAILED && ask->mailed > at)
		at = ask->mailed;
	return at;
}

/* When a grant ends by the one and by the other; 0 = it does not. */
struct term {
	int64_t lifetime;
	int64_t idle;
	int64_t contract; /* and the use told for after it */
};

/*
 * The shortest from the grant's node down to the purpose.  Nodes that the
 * config does not name live as the nearest one above that it does, so the
 * walk goes on to there.
 */
static struct term term_of(const struct ask *ask, const struct cm_fact *grant)
{
	const struct cm_purpose *node = ask->purpose;
	struct term term = {.contract = cm_terms_end(ask->config, grant)};

	for (; node != NULL; node = node->parent) {
		term.lifetime = sooner(term.lifetime, cm_terms_start(grant),
				       node->lifetime);
		term.idle = sooner(term.idle,
				   last_used(ask, grant, node->idle_unless),
				   node->idle);
		if (cm_purpose_covers(cm_span(node->path), grant->purpose))
			break;
	}
	return term;
}

static bool is_over(const struct ask *ask, int64_t end)
{
	return end != 0 && ask->now >= end;
}

static int64_t first_of(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static int64_t end_of(struct term term)
{
	return first_of(first_of(term.lifetime, term.idle), term.contract);
}

static bool source_may_send(const struct ask *ask, const struct cm_fact *grant)
{
	const struct cm_strings *sources;
	size_t i;

	if (ask->stream == NULL || ask->stream->sources.n == 0)
		return true;
	sources = &ask->stream->sources;
	for (i = 0; i < sources->n; i++)
		if (cm_span_eq(grant->source, cm_span(sources->v[i])))
			return true;
	return false;
}

/* Grants of the path, sorted by what they come to. */
struct grants {
	const struct cm_fact *allows; /* the best */
	int64_t until;
	const struct cm_fact *blocked; /* only a withdrawal is in its way */
	const struct cm_fact *expired;
	const struct cm_fact *idle;
	const struct cm_fact *ended; /* and the use told for after that */
	const struct cm_fact *weak;  /* single where double is asked, pending */
	const struct cm_fact *flawed; /* by its terms */
	enum cm_reason flaw;          /* the strongest; of flawed */
	const struct cm_fact *unproven;
};

/* Consent before soft opt-in, then the newest, then the best proven. */
static bool is_better(const struct cm_fact *a, const struct cm_fact *b)
{
	bool soft_a = a->kind == CM_FACT_SOFT_OPT_IN;
	bool soft_b = b->kind == CM_FACT_SOFT_OPT_IN;

	if (soft_a != soft_b)
		return soft_b;
	if (a->at != b->at)
		return a->at > b->at;
	return a->kind != b->kind ? a->kind > b->kind : a->seq > b->seq;
}

/* Of several grants that do not count, the strongest reason is told. */
static void note_flaw(struct grants *grants, const struct cm_fact *grant,
		      enum cm_reason flaw)
{
	if (grants->flawed == NULL || flaw < grants->flaw)
		grants->flawed = grant;
	else if (flaw == grants->flaw)
		grants->flawed = newer(grants->flawed, grant);
	if (grants->flawed == grant)
		grants->flaw = flaw;
}

static void weigh_grant(const struct ask *ask, const struct cm_fact *grant,
			const struct cm_fact *withdrawn, bool answered,
			struct grants *grants)
{
	bool soft = grant->kind == CM_FACT_SOFT_OPT_IN;
	const struct term term = term_of(ask, grant);
	enum cm_reason flaw =
		cm_terms_flaw(ask->config, ask->purpose, grant, ask->now);

	if (soft ? ask->purpose->level == CM_LEVEL_DOUBLE
		 : !is_consent(ask, grant)) {
		grants->weak = newer(grants->weak, grant);
	} else if (flaw != CM_REASONS) {
		note_flaw(grants, grant, flaw);
	} else if (is_over(ask, term.lifetime)) {
		grants->expired = newer(grants->expired, grant);
	} else if (is_over(ask, term.idle)) {
		grants->idle = newer(grants->idle, grant);
	} else if (is_over(ask, term.contract)) {
		grants->ended = newer(grants->ended, grant);
	} else if (withdrawn != NULL &&
		   (soft || !answered || grant->at <= withdrawn->at)) {
		/* Rule 4: soft opt-in never comes after a withdrawal. */
		grants->blocked = newer(grants->blocked, grant);
	} else if (grants->allows == NULL || is_better(grant, grants->allows)) {
		grants->allows = grant;
		grants->until = end_of(term);
	}
}

static void weigh_fact(const struct ask *ask, const struct cm_fact *fact,
		       const struct cm_fact *withdrawn, bool answered,
		       struct grants *grants)
{
	if (fact->purpose.n == 0 || !on_path(ask, fact))
		return;
	switch (fact->kind) {
	case CM_FACT_SOFT_OPT_IN:
		if (!ask->purpose->soft_opt_in)
			return;
		/* fall through */
	case CM_FACT_GRANTED:
	case CM_FACT_CONFIRMED:
	case CM_FACT_PERSON_CONFIRMED:
		if (source_may_send(ask, fact))
			weigh_grant(ask, fact, withdrawn, answered, grants);
		return;
	case CM_FACT_REQUESTED:
	case CM_FACT_PERSON_REQUESTED:
		grants->weak = newer(grants->weak, fact);
		return;
	case CM_FACT_UNPROVEN:
		grants->unproven = newer(grants->unproven, fact);
		return;
	default:
		return;
	}
}

static void name_refusal(const struct grants *grants,
			 const struct cm_fact *withdrawn, bool answered,
			 struct answer *answer)
{
	const struct {
		enum cm_reason reason;
		const struct cm_fact *fact;
	} refusals[] = {
		{CM_REASON_WITHDRAWN,
		 !answered || grants->blocked != NULL ? withdrawn : NULL},
		/* An older grant may have ended by its lifetime, too. */
		{CM_REASON_IDLE, grants->idle},
		{CM_REASON_EXPIRED, grants->expired},
		{CM_REASON_CONTRACT_ENDED, grants->ended},
		{CM_REASON_UNCONFIRMED, grants->weak},
		{grants->flaw, grants->flawed},
		{CM_REASON_NO_EVIDENCE, grants->unproven},
	};
	size_t i;

	answer->reason = CM_REASON_NO_RECORD;
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (refusals[i].fact == NULL)
			continue;
		answer->reason = refusals[i].reason;
		answer->fact = refusals[i].fact;
		return;
	}
}

/* Grants against the withdrawals of this address, or also of its family. */
static void weigh_all(const struct ask *ask, bool with_family,
		      struct answer *answer)
{
	const struct cm_fact *withdrawn = NULL, *unanswered = NULL;
	struct grants grants = {0};
	bool answered;
	size_t i;

	memset(answer, 0, sizeof(*answer));
	find_withdrawals(ask, ask->own, &withdrawn, &unanswered);
	if (with_family)
		find_withdrawals(ask, ask->family, &withdrawn, &unanswered);
	answered = unanswered == NULL;
	for (i = 0; i < ask->own->count; i++)
		weigh_fact(ask, &ask->own->facts[i], withdrawn, answered,
			   &grants);
	if (grants.allows == NULL) {
		name_refusal(&grants, answered ? withdrawn : unanswered,
			     answered, answer);
		return;
	}
	answer->reason = grants.allows->kind == CM_FACT_SOFT_OPT_IN
				 ? CM_REASON_ALLOWED_SOFT_OPT_IN
				 : CM_REASON_ALLOWED_CONSENT;
	answer->fact = grants.allows;
	answer->until = grants.until;
}

/* ---- the decision ---------------------------------------------------------
 */

static void judge(const struct ask *ask, struct answer *answer)
{
	if (refused_by_mark(ask, answer))
		return;
	weigh_all(ask, false, answer);
	if (answer->reason == CM_REASON_WITHDRAWN || ask->family->count == 0)
		return;
	weigh_all(ask, true, answer);
	answer->by_family = answer->reason == CM_REASON_WITHDRAWN;
}

static void rest_on(struct cm_decision *decision, const struct answer *answer,
		    const struct cm_purpose *purpose)
{
	decision->reason = answer->reason;
	decision->verdict = cm_reason_verdict(answer->reason);
	decision->by_family = answer->by_family;
	decision->purpose = answer->above ? NULL : purpose;
	decision->has_event = answer->fact != NULL;
	decision->seq = answer->fact != NULL ? answer->fact->seq : 0;
	decision->at = answer->fact != NULL ? answer->fact->at : 0;
	decision->basis = answer->reason == CM_REASON_ALLOWED_SOFT_OPT_IN
				  ? CM_BASIS_SOFT_OPT_IN
				  : CM_BASIS_CONSENT;
}

static void add_grant(struct cm_decision *decision, const struct answer *answer,
		      const struct cm_purpose *purpose)
{
	size_t n = decision->ngrants++;

	decision->grants[n].purpose = purpose;
	decision->grants[n].basis =
		answer->reason == CM_REASON_ALLOWED_SOFT_OPT_IN
			? CM_BASIS_SOFT_OPT_IN
			: CM_BASIS_CONSENT;
	decision->grants[n].seq = answer->fact->seq;
	decision->grants[n].at = answer->fact->at;
	decision->grants[n].until = answer->until;
}

static void start(struct cm_decision *decision, enum cm_reason reason,
		  const struct cm_view *own)
{
	memset(decision, 0, sizeof(*decision));
	decision->reason = reason;
	decision->verdict = cm_reason_verdict(reason);
	if (own != NULL && own->language[0] != '\0')
		decision->language = own->language;
}

/* Of refusals the strongest is told, of allowing reasons the weakest (soft
 * opt-in): what the message rests on in the end. */
static bool tells_more(enum cm_reason a, enum cm_reason b)
{
	if (cm_reason_verdict(a) != cm_reason_verdict(b))
		return cm_reason_verdict(a) == CM_VERDICT_REFUSE;
	return cm_reason_verdict(a) == CM_VERDICT_ALLOW ? a > b : a < b;
}

/* All must allow. */
static void decide_all(struct ask *ask, const struct cm_purpose *const *asked,
		       size_t count, struct cm_decision *decision)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct answer answer;

		ask->purpose = asked[i];
		ask->path = cm_span(asked[i]->path);
		ask->mailed =
			ask->past->mailed != NULL ? ask->past->mailed[i] : 0;
		judge(ask, &answer);
		if (cm_reason_verdict(answer.reason) == CM_VERDICT_ALLOW)
			add_grant(decision, &answer, asked[i]);
		if (i == 0 || tells_more(answer.reason, decision->reason))
			rest_on(decision, &answer, asked[i]);
	}
	if (decision->verdict != CM_VERDICT_ALLOW)
		decision->ngrants = 0;
}

void cm_decide(const struct cm_config *config,
	       const struct cm_classified *classified,
	       const struct cm_view *own, const struct cm_view *family,
	       const struct cm_past *past, int64_t newest_rec, int64_t now,
	       struct cm_decision *ret_decision)
{
	const struct cm_stream *stream = classified->stream;
	struct ask ask = {
		.config = config,
		.stream = stream,
		.asked = stream->purposes,
		.nasked = stream->npurposes,
		.own = own != NULL ? own : &nothing,
		.family = family != NULL ? family : &nothing,
		.past = past != NULL ? past : &no_past,
		.now = now,
	};

	if (stream->type == CM_STREAM_SERVICE) {
		start(ret_decision, CM_REASON_ALLOWED_SERVICE, own);
		return;
	}
	if (now < newest_rec - CM_CLOCK_SLACK_MS) {
		start(ret_decision, CM_REASON_CLOCK_BEHIND, own);
		return;
	}
	if (stream->type == CM_STREAM_OPTIN) {
		start(ret_decision, CM_REASON_NO_REQUEST, own);
		cm_pending_decide(config, ask.own, ask.family, now,
				  ret_decision);
		return;
	}
	/* No purpose, or more than one stream may name: never an allow. */
	start(ret_decision, CM_REASON_NO_RECORD, own);
	if (classified->npurposes <= CM_STREAM_PURPOSES_MAX)
		decide_all(&ask, classified->purposes, classified->npurposes,
			   ret_decision);
	if (stream->type == CM_STREAM_RENEWAL)
		cm_renewal_decide(stream, ask.own, ask.family, ask.past->asked,
				  now, ret_decision);
}

void cm_decide_purpose(const struct cm_config *config,
		       const struct cm_purpose *purpose,
		       const struct cm_view *own, const struct cm_view *family,
		       const struct cm_past *past, int64_t now,
		       struct cm_decision *ret_decision)
{
	struct ask ask = {
		.config = config,
		.asked = &purpose,
		.nasked = 1,
		.own = own != NULL ? own : &nothing,
		.family = family != NULL ? family : &nothing,
		.past = past != NULL ? past : &no_past,
		.now = now,
	};

	start(ret_decision, CM_REASON_NO_RECORD, own);
	decide_all(&ask, &purpose, 1, ret_decision);
}
