/* See terms.h. */
#include "policy/terms.h"

#include <string.h>

#include "policy/purpose.h"

static bool is_controller(const struct cm_config *config, struct cm_span name)
{
	return cm_span_caseeq(name, cm_span(config->controller_id)) ||
	       cm_span_caseeq(name, cm_span(config->controller_name));
}

static bool is_among(struct cm_span name, const struct cm_strings *names)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (cm_span_caseeq(name, cm_span(names->v[i])))
			return true;
	return false;
}

static const struct cm_notice *find_notice(const struct cm_config *config,
					   const struct cm_fact *grant)
{
	size_t i;

	if (grant->terms.notice.n != CM_HASH_LEN)
		return NULL;
	for (i = 0; i < config->nnotices; i++)
		if (memcmp(config->notices[i].hash, grant->terms.notice.p,
			   CM_HASH_LEN) == 0)
			return &config->notices[i];
	return NULL;
}

/* A consent must be free and specific, a child's with a guardian (G4-11, G8) */
static enum cm_reason notice_flaw(const struct cm_config *config,
				  const struct cm_fact *grant)
{
	const struct cm_notice *notice = find_notice(config, grant);

	if (notice == NULL)
		return CM_REASONS;
	if (notice->bundled)
		return CM_REASON_BUNDLED;
	if (notice->for_children && !notice->age_check)
		return CM_REASON_NO_AGE_CHECK;
	return CM_REASONS;
}

/*
 * G7-4: what people are told about a purpose between the grant's node and the
 * one asked has changed since.  The walk is that of lifetimes (decide.c).
 */
static bool has_changed(const struct cm_purpose *purpose,
			const struct cm_fact *grant, int64_t now)
{
	/* Of a soft opt-in without its sale's date that is the flaw. */
	if (grant->kind == CM_FACT_SOFT_OPT_IN && grant->sold == 0)
		return false;
	for (; purpose != NULL; purpose = purpose->parent) {
		if (purpose->changed != 0 && now >= purpose->changed &&
		    cm_terms_start(grant) < purpose->changed)
			return true;
		if (cm_purpose_covers(cm_span(purpose->path), grant->purpose))
			break;
	}
	return false;
}

/* ePrivacy 13(2), EP13-2: every condition, or it is no soft opt-in. */
static enum cm_reason sale_flaw(const struct cm_config *config,
				const struct cm_purpose *purpose,
				const struct cm_fact *grant)
{
	const struct cm_terms *terms = &grant->terms;

	if (terms->seller.n == 0)
		return CM_REASON_NO_SELLER;
	if (!is_controller(config, terms->seller))
		return CM_REASON_OTHER_SELLER;
	if (!terms->has_sale_ref)
		return CM_REASON_NO_SALE_REF;
	if (grant->sold == 0)
		return CM_REASON_NO_SALE_DATE;
	if (terms->category.n == 0)
		return CM_REASON_NO_CATEGORY;
	if (!is_among(terms->category, &purpose->product_categories))
		return CM_REASON_OTHER_CATEGORY;
	if (terms->optout != CM_SAID_YES)
		return CM_REASON_NO_OPT_OUT;
	return CM_REASONS;
}

enum cm_reason cm_terms_flaw(const struct cm_config *config,
			     const struct cm_purpose *purpose,
			     const struct cm_fact *grant, int64_t now)
{
	enum cm_reason flaw;

	if (grant->terms.controller.n > 0 &&
	    !is_controller(config, grant->terms.controller))
		return CM_REASON_OTHER_CONTROLLER;
	if (has_changed(purpose, grant, now))
		return CM_REASON_TEXT_CHANGED;
	flaw = notice_flaw(config, grant);
	if (flaw == CM_REASONS && grant->kind == CM_FACT_SOFT_OPT_IN)
		flaw = sale_flaw(config, purpose, grant);
	return flaw;
}

int64_t cm_terms_end(const struct cm_config *config,
		     const struct cm_fact *grant)
{
	const struct cm_notice *notice = find_notice(config, grant);

	if (grant->ended == 0 || notice == NULL ||
	    cm_period_is_none(notice->after_contract))
		return 0;
	return cm_period_add(grant->ended, notice->after_contract);
}

int64_t cm_terms_start(const struct cm_fact *grant)
{
	return grant->sold != 0 ? grant->sold : grant->at;
}
