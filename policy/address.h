/*
 * address - the one place that says when two mail addresses are the same.
 *
 * Canonical form (requirements R5321-1, R6532-1): domain lower case, as
 * A-labels (IDNA2008 through libidn2, UTS 46 non-transitional), trailing dot
 * removed; local part NFC, ASCII letters lower case, needless quotes and
 * escapes removed; angle brackets and a display name dropped.  Dots and +tag
 * stay: a consent is for exactly the address it was given for.
 *
 * Misplaced dots ("a..b@d", which some providers gave out) are read, and
 * written in quotes.  Characters that nobody sees (zero-width, bidi marks,
 * no-break space, C1 controls) make an address unreadable.
 *
 * Family form: as canonical, without "+tag", and without dots where the
 * domain is in dots_ignored.  It only ever makes refusals reach further.
 *
 * The only file that includes <idn2.h> and <uninorm.h>.  Pure, thread safe.
 */
#ifndef CM_POLICY_ADDRESS_H
#define CM_POLICY_ADDRESS_H

#include "lib/crypto.h"
#include "lib/str.h"
#include "policy/id.h"

enum {
	/* RFC 5321, 4.5.3.1: local part 64, domain 255 octets, and "@". */
	CM_LOCAL_MAX = 64,
	CM_DOMAIN_MAX = 255,
	CM_ADDRESS_MAX = CM_LOCAL_MAX + 1 + CM_DOMAIN_MAX,
};

struct cm_address {
	char canonical[CM_ADDRESS_MAX + 1];
	size_t n;  /* octets of canonical */
	size_t at; /* offset of the "@" that splits it */
};

/*
 * Parse an address as it stands in RCPT TO, a From header or a CSV cell:
 * "u@d", "<u@d>", "Name <u@d>".  CM_EDATA with the reason for anything else:
 * empty, no domain, domain literal "[192.0.2.1]", source route "<@h:u@d>",
 * UUCP "a!b", percent hack "u%d@h" is an ordinary local part, control
 * characters, invalid UTF-8, too long, label not valid in IDNA.
 * The text of *err never holds more of the address than its domain.
 */
CM_MUST_CHECK int cm_address_parse(struct cm_span text,
				   struct cm_address *ret_address,
				   struct cm_error *err);

/* The domain part of a parsed address. */
struct cm_span cm_address_domain(const struct cm_address *address);
struct cm_span cm_address_local(const struct cm_address *address);

/* True for RFC 5321 source routes, "<@a,@b:u@d>": the milter refuses them. */
bool cm_address_has_route(struct cm_span text);

/* The family form; dots_ignored: count canonical domains, may be NULL. */
void cm_address_family(const struct cm_address *address,
		       const char *const *dots_ignored, size_t count,
		       struct cm_address *ret_family);

/* First CM_CONTACT_ID_LEN octets of HMAC(store key, canonical). */
CM_MUST_CHECK int cm_address_id(const struct cm_address *address,
				struct cm_hmac *store_key,
				struct cm_id *ret_id);

/* The ids of an address and of its family; most people are their own. */
CM_MUST_CHECK int cm_address_ids(const struct cm_address *address,
				 const char *const *dots_ignored, size_t count,
				 struct cm_hmac *store_key,
				 struct cm_id *ret_contact,
				 struct cm_id *ret_family);

#endif
