/* See renewal.h. */
#include "policy/renewal.h"

int64_t cm_renewal_asked(const struct cm_view *own,
			 const struct cm_purpose *purpose)
{
	struct cm_span path = cm_span(purpose->path);
	size_t i;

	for (i = 0; i < own->count; i++)
		if (own->facts[i].kind == CM_FACT_ASKED &&
		    cm_span_eq(own->facts[i].purpose, path))
			return own->facts[i].at;
	return 0;
}

/* Of any purpose: who said no to one thing is not to be asked for another. */
static bool ever_withdrew(const struct cm_view *view)
{
	size_t i;

	for (i = 0; i < view->count; i++)
		if (view->facts[i].kind == CM_FACT_WITHDRAWN)
			return true;
	return false;
}

static bool was_bought(const struct cm_view *own)
{
	size_t i;

	for (i = 0; i < own->count; i++)
		if (cm_span_eq(own->facts[i].source, cm_span("purchased")))
			return true;
	return false;
}

/* A consent or soft opt-in that is valid. */
static enum cm_reason of_valid(const struct cm_stream *stream,
			       const struct cm_decision *decision,
			       int64_t asked, int64_t now)
{
	int64_t until = decision->grants[0].until;

	if (until == 0 || cm_period_add(now, stream->renew_before) < until)
		return CM_REASON_NOT_DUE;
	/* It was this very consent that they were asked about. */
	if (asked >= decision->grants[0].at)
		return CM_REASON_ASKED_BEFORE;
	return CM_REASON_ALLOWED_RENEWAL;
}

static enum cm_reason of_unknown(const struct cm_stream *stream,
				 const struct cm_view *own,
				 const struct cm_view *family, int64_t asked,
				 int64_t now)
{
	if (!stream->ask_unknown)
		return CM_REASON_NO_EVIDENCE;
	if (ever_withdrew(own) || ever_withdrew(family))
		return CM_REASON_WITHDRAWN;
	if (was_bought(own))
		return CM_REASON_PURCHASED;
	if (asked > 0)
		return CM_REASON_ASKED_BEFORE;
	return now < stream->ask_until ? CM_REASON_ALLOWED_ASK_UNKNOWN
				       : CM_REASON_ASK_ENDED;
}

void cm_renewal_decide(const struct cm_stream *stream,
		       const struct cm_view *own, const struct cm_view *family,
		       int64_t asked, int64_t now, struct cm_decision *decision)
{
	int64_t recorded = cm_renewal_asked(own, stream->purposes[0]);

	if (recorded > asked)
		asked = recorded;
	if (decision->verdict == CM_VERDICT_ALLOW)
		decision->reason = of_valid(stream, decision, asked, now);
	else if (decision->reason == CM_REASON_NO_EVIDENCE)
		decision->reason = of_unknown(stream, own, family, asked, now);
	decision->verdict = cm_reason_verdict(decision->reason);
	if (decision->verdict != CM_VERDICT_ALLOW)
		decision->ngrants = 0;
}
