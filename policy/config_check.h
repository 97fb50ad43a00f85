/*
 * config_check - do the parts of a config fit together?
 *
 * Called once, on a snapshot that is complete but for these answers.
 */
#ifndef CM_POLICY_CONFIG_CHECK_H
#define CM_POLICY_CONFIG_CHECK_H

#include "policy/config.h"
#include "policy/config_raw.h"

/* CM_ECONFIG with "file:line: section "title": what is wrong". */
CM_MUST_CHECK int cm_config_check(const struct cm_config *config,
				  const struct cm_raw *raw,
				  struct cm_error *err);

/* Names of sections, before anything refers to them. */
CM_MUST_CHECK int cm_config_check_names(const struct cm_config *config,
					const struct cm_raw *raw,
					struct cm_error *err);

/* The hash that a notice section is called by: CM_EDATA if it is none. */
CM_MUST_CHECK int cm_notice_hash(const char *title, uint8_t out[CM_HASH_LEN]);

#endif
