/*
 * form_token - the hidden field of a form that anybody may fill in.
 *
 * It says that a page of ours made this form, for this place, and when: so a
 * page of others cannot send it for its visitors, and machines that send in no
 * time, or a thousand times from one page for days, are told from people.  No
 * cookie, nothing kept.  Sealed with the preference key (AES-SIV, policy/
 * token.h), key id 1 | tag 16 | sealed{time 8, nonce 8, digest of the place 8},
 * base64url; links' tokens have other lengths, so neither is taken for the
 * other.  Pure.
 */
#ifndef CM_WEB_FORM_TOKEN_H
#define CM_WEB_FORM_TOKEN_H

#include "lib/str.h"
#include "policy/keys.h"

enum {
	CM_FORM_TOKEN_LEN = 55,
	CM_FORM_NONCE_LEN = 8,
	/* Nobody types an address and ticks a box sooner. */
	CM_FORM_AGE_MIN_MS = 2000,
	/* A page that was left open over a working day is still good. */
	CM_FORM_AGE_MAX_MS = 12 * 60 * 60 * 1000,
};

enum cm_form_token {
	CM_FORM_TOKEN_GOOD,
	CM_FORM_TOKEN_EARLY,
	CM_FORM_TOKEN_OLD,
	CM_FORM_TOKEN_BAD, /* missing, damaged, another form's, not ours */
};

/* place: "s/newsletter", "lost"; nonce: random.  CM_ECONFIG without a key. */
CM_MUST_CHECK int cm_form_token_make(const struct cm_keys *keys,
				     struct cm_span place, int64_t now,
				     const uint8_t nonce[CM_FORM_NONCE_LEN],
				     char out[CM_FORM_TOKEN_LEN + 1],
				     struct cm_error *err);
/* Whatever cannot be checked is BAD: then a person presses once more. */
enum cm_form_token cm_form_token_check(const struct cm_keys *keys,
				       struct cm_span place,
				       struct cm_span text, int64_t now);
const char *cm_form_token_name(enum cm_form_token said); /* for the log */

#endif
