/*
 * advice - what a configuration may be without, but hardly should: said in the
 * log at start and reload, by consent-milter -t, and by consentctl doctor.
 */
#ifndef CM_MILTER_ADVICE_H
#define CM_MILTER_ADVICE_H

#include "lib/log.h"
#include "policy/config.h"
#include "policy/footer_law.h"

/* The mail that asks for a confirmation, and no stream that takes it: it would
 * be refused where unknown mail is marketing.  False: text says what to do. */
bool cm_advice_optin(const struct cm_config *config, char text[CM_ERROR_MAX]);

/* What footers lack (policy/footer_law.h); templates are read for it. */
CM_MUST_CHECK int cm_advice_footers(const struct cm_config *config,
				    cm_footer_gap_fn *tell, void *ctx,
				    struct cm_error *err);

/* All of it, as warnings. */
void cm_advice_log(const struct cm_config *config, struct cm_log *log);

#endif
