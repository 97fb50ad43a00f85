/*
 * terms - may a proven grant count on the terms it was given under?
 *
 * A grant has everything that is on record of it and may still not count:
 * given to another controller, on a text that was registered as no consent at
 * all, before a material change of what people are told, or as a soft opt-in
 * that lacks one of the conditions of ePrivacy 13(2).  Such a grant is kept;
 * it allows nothing, answers no withdrawal and lifts no mark.
 *
 * Pure; what the terms mean is the config's, so nothing of it is in a view.
 */
#ifndef CM_POLICY_TERMS_H
#define CM_POLICY_TERMS_H

#include "policy/config.h"
#include "policy/reason.h"
#include "policy/view.h"

/* What keeps the grant from counting for the purpose; CM_REASONS = nothing. */
enum cm_reason cm_terms_flaw(const struct cm_config *config,
			     const struct cm_purpose *purpose,
			     const struct cm_fact *grant, int64_t now);

/* When the use ends that people were told of for after their contract, ms;
 * 0 = the contract goes on, or nothing was told about that. */
int64_t cm_terms_end(const struct cm_config *config,
		     const struct cm_fact *grant);

/* From when on a lifetime counts: a sale is what a soft opt-in rests on. */
int64_t cm_terms_start(const struct cm_fact *grant);

#endif
