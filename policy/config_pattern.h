/*
 * config_pattern - senders, networks and headers as streams name them:
 * reading, matching, and whether two could match the same mail.  Pure.
 */
#ifndef CM_POLICY_CONFIG_PATTERN_H
#define CM_POLICY_CONFIG_PATTERN_H

#include "lib/arena.h"
#include "policy/address.h"
#include "policy/config.h"

CM_MUST_CHECK int cm_sender_pattern_parse(struct cm_span text,
					  struct cm_arena *arena,
					  struct cm_sender_pattern *ret_pattern,
					  struct cm_error *err);
bool cm_sender_pattern_has(const struct cm_sender_pattern *pattern,
			   const struct cm_address *address);
bool cm_sender_pattern_overlaps(const struct cm_sender_pattern *a,
				const struct cm_sender_pattern *b);

CM_MUST_CHECK int cm_network_parse(struct cm_span text,
				   struct cm_network *ret_network,
				   struct cm_error *err);
bool cm_network_overlaps(const struct cm_network *a,
			 const struct cm_network *b);

CM_MUST_CHECK int cm_header_pattern_parse(struct cm_span text,
					  struct cm_arena *arena,
					  struct cm_header_pattern *ret_pattern,
					  struct cm_error *err);
/* value: as sent, folding included. */
bool cm_header_pattern_has(const struct cm_header_pattern *pattern,
			   struct cm_span name, struct cm_span value);

/* The canonical form of a domain, in the arena. */
CM_MUST_CHECK int cm_domain_parse(struct cm_span text, struct cm_arena *arena,
				  const char **ret_domain,
				  struct cm_error *err);

#endif
