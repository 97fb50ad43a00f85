/*
 * footer_law - does the footer carry what the law wants to see (FT-1)?
 *
 * Who sends, where they are, where a "stop" may be written to, why the person
 * gets it, the link, the privacy notice, and where it is asked for that this
 * is advertising: in every language, in the text and in HTML, and nothing of
 * it hidden.  Which laws apply is said by the countries of the marketing
 * streams' readers; where none is known, it is the union of all that ask the
 * same of everybody.  That the link is there is template's to see to.
 *
 * The templates are filled and looked at as a reader would, not as source.
 */
#ifndef CM_POLICY_FOOTER_LAW_H
#define CM_POLICY_FOOTER_LAW_H

#include "policy/config.h"
#include "policy/template.h"

struct cm_country_law {
	const char *country; /* "CZ" */
	const char *law;     /* as its profile in conf/countries says */
	bool notice;         /* asks for a privacy notice: GDPR and its kind */
	bool marker;         /* asks that advertising be called that */
};

/* NULL if there is no profile of it. */
const struct cm_country_law *cm_country_law(const char *country);

/* text: what is missing, in which file, by which law; a line. */
typedef void cm_footer_gap_fn(void *ctx, const char *text);

CM_MUST_CHECK int cm_footer_law_check(const struct cm_config *config,
				      const struct cm_templates *templates,
				      cm_footer_gap_fn *tell, void *ctx,
				      struct cm_error *err);

#endif
