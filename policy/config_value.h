/*
 * config_value - one value of the config, from text to what it means.
 *
 * One converter a type of policy/settings.h.  Pure, but for memory.
 */
#ifndef CM_POLICY_CONFIG_VALUE_H
#define CM_POLICY_CONFIG_VALUE_H

#include "lib/arena.h"
#include "policy/config.h"
#include "policy/settings.h"

struct cm_value_context {
	struct cm_arena *arena; /* what a value points to */
	/* Whose purposes, streams and listeners names refer to; NULL while
	 * they are not known: then only their form is checked. */
	const struct cm_config *config;
	const char *name; /* of the setting, as written: "title-cs" */
};

/* Large and aligned enough for any one value. */
union cm_value {
	const void *pointer;
	uint64_t number;
	struct cm_period period;
	struct cm_sender_pattern sender;
	struct cm_network network;
	struct cm_header_pattern header;
	struct cm_title title;
};

size_t cm_value_size(enum cm_setting_type type);

/* CM_ECONFIG with a text that names the value; CM_ENOMEM. */
CM_MUST_CHECK int cm_value_convert(const struct cm_value_context *context,
				   const struct cm_setting *setting,
				   const char *text, void *ret_value,
				   struct cm_error *err);

/* " (did you mean "x"?)" or "", appended to *err; returns its code. */
int cm_value_suggest(struct cm_error *err, const char *word,
		     const char *const *words, size_t count);

#endif
