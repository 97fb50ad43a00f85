/* See pending.h. */
#include "policy/pending.h"

#include "policy/purpose.h"

struct hearing {
	const struct cm_config *config;
	const struct cm_view *own;
	const struct cm_view *family;
	int64_t now;
	const struct cm_fact *request;
};

/* What came out for one request. */
struct answer {
	enum cm_reason reason;
	const struct cm_fact *fact; /* that it rests on */
	bool by_family;
};

static const struct cm_fact *newer(const struct cm_fact *a,
				   const struct cm_fact *b)
{
	return a == NULL || cm_fact_is_newer(a, b) ? b : a;
}

static int64_t cleared_at(const struct cm_view *own)
{
	int64_t at = -1;
	size_t i;

	for (i = 0; i < own->count; i++)
		if (own->facts[i].kind == CM_FACT_CLEARED_RESTRICTED &&
		    own->facts[i].at > at)
			at = own->facts[i].at;
	return at;
}

/* Marks stand above all purposes, but for a complaint about other mail. */
static bool concerns(const struct hearing *h, const struct cm_fact *refusal)
{
	bool limited = refusal->kind == CM_FACT_WITHDRAWN ||
		       (refusal->kind == CM_FACT_COMPLAINED &&
			h->config->complaint_scope == CM_COMPLAINT_PURPOSE);

	return !limited ||
	       cm_purpose_covers(refusal->purpose, h->request->purpose);
}

/* The newest fact of a kind, at this time or later, that concerns it. */
static const struct cm_fact *since(const struct hearing *h,
				   const struct cm_view *view,
				   enum cm_fact_kind kind, int64_t at)
{
	const struct cm_fact *found = NULL;
	size_t i;

	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		if (fact->kind == kind && fact->at >= at && concerns(h, fact))
			found = newer(found, fact);
	}
	return found;
}

static bool is_refused(const struct hearing *h, struct answer *answer)
{
	const struct {
		enum cm_fact_kind kind;
		enum cm_reason reason;
		int64_t at;
	} refusals[] = {
		/* as in reason.def: the strongest first */
		{CM_FACT_OBJECTED, CM_REASON_OBJECTED, h->request->at},
		{CM_FACT_ERASED, CM_REASON_ERASED, h->request->at},
		{CM_FACT_COMPLAINED, CM_REASON_COMPLAINED, h->request->at},
		{CM_FACT_RESTRICTED, CM_REASON_RESTRICTED, cleared_at(h->own)},
		{CM_FACT_UNDELIVERABLE, CM_REASON_UNDELIVERABLE,
		 h->request->at},
		{CM_FACT_WITHDRAWN, CM_REASON_WITHDRAWN, h->request->at},
	};
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		answer->reason = refusals[i].reason;
		answer->by_family = false;
		answer->fact =
			since(h, h->own, refusals[i].kind, refusals[i].at);
		if (answer->fact != NULL)
			return true;
		answer->by_family = true;
		answer->fact =
			since(h, h->family, refusals[i].kind, refusals[i].at);
		if (answer->fact != NULL)
			return true;
	}
	answer->by_family = false;
	return false;
}

static const struct cm_fact *confirmation(const struct hearing *h)
{
	const struct cm_fact *found = NULL;
	size_t i;

	for (i = 0; i < h->own->count; i++) {
		const struct cm_fact *fact = &h->own->facts[i];

		if (fact->kind == CM_FACT_PERSON_CONFIRMED &&
		    fact->at >= h->request->at &&
		    cm_purpose_covers(fact->purpose, h->request->purpose))
			found = newer(found, fact);
	}
	return found;
}

static struct answer hear(const struct hearing *h)
{
	struct answer answer = {CM_REASON_NO_REQUEST, NULL, false};

	if (is_refused(h, &answer))
		return answer;
	answer.fact = confirmation(h);
	if (answer.fact != NULL) {
		answer.reason = CM_REASON_REQUEST_CONFIRMED;
		return answer;
	}
	answer.fact = h->request;
	if (h->request->kind != CM_FACT_PERSON_REQUESTED)
		answer.reason = CM_REASON_NO_REQUEST; /* somebody's list */
	else if (h->now >= h->request->at + CM_REQUEST_OPEN_MS)
		answer.reason = CM_REASON_REQUEST_ENDED;
	else
		answer.reason = CM_REASON_ALLOWED_REQUEST;
	return answer;
}

static void rest_on(const struct hearing *h, const struct answer *answer,
		    struct cm_decision *decision)
{
	decision->reason = answer->reason;
	decision->verdict = cm_reason_verdict(answer->reason);
	decision->by_family = answer->by_family;
	decision->has_event = true;
	decision->seq = answer->fact->seq;
	decision->at = answer->fact->at;
	decision->purpose = cm_config_purpose(h->config, h->request->purpose);
}

void cm_pending_decide(const struct cm_config *config,
		       const struct cm_view *own, const struct cm_view *family,
		       int64_t now, struct cm_decision *decision)
{
	struct hearing h = {config, own, family, now, NULL};
	struct answer told = {CM_REASONS, NULL, false};
	size_t i;

	for (i = 0; i < own->count; i++) {
		struct answer answer;

		h.request = &own->facts[i];
		if (!cm_fact_is_pending(h.request->kind) ||
		    h.request->purpose.n == 0)
			continue;
		answer = hear(&h);
		/* What allows stands first in the table. */
		if (answer.reason > told.reason ||
		    (answer.reason == told.reason &&
		     newer(told.fact, answer.fact) != answer.fact))
			continue;
		told = answer;
		rest_on(&h, &told, decision);
	}
}
