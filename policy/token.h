/*
 * token - who and what a link is about, in one opaque word (design 8).
 *
 * AES-256-SIV under the key of its kind, the kind as associated data:
 *   key id 1 | tag 16 | sealed{contact 12, purpose 4, day 2 [, message 8]}
 * In a URL base64url with the message reference, 58 characters; in a mail
 * address lower-case base32 without it, 56 characters.  Any spelling but the
 * one we make is refused.  Deterministic.  Says nothing in clear.
 */
#ifndef CM_POLICY_TOKEN_H
#define CM_POLICY_TOKEN_H

#include "lib/str.h"
#include "policy/id.h"
#include "policy/keys.h"

enum {
	CM_MESSAGE_REF_LEN = 8, /* first octets of SHA-256(queue-id etc.) */
	CM_TOKEN_URL_LEN = 58,
	CM_TOKEN_MAIL_LEN = 56,
};

struct cm_token {
	enum cm_key_kind kind;
	struct cm_id contact;
	uint8_t purpose[CM_PURPOSE_ID_LEN];
	uint16_t day;     /* days since 1970-01-01 when it was made */
	bool has_message; /* in mail addresses there is no room for it */
	uint8_t message[CM_MESSAGE_REF_LEN];
};

CM_MUST_CHECK int cm_token_url(const struct cm_keys *keys,
			       const struct cm_token *token,
			       char out[CM_TOKEN_URL_LEN + 1],
			       struct cm_error *err);
CM_MUST_CHECK int cm_token_mail(const struct cm_keys *keys,
				const struct cm_token *token,
				char out[CM_TOKEN_MAIL_LEN + 1],
				struct cm_error *err);

/*
 * Read a token of the wanted kind, in either form.  CM_EDATA for whatever is
 * not ours, always after the same work (no telling which check failed).
 */
CM_MUST_CHECK int cm_token_read(const struct cm_keys *keys,
				enum cm_key_kind kind, struct cm_span text,
				struct cm_token *ret_token);

#endif
