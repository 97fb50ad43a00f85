/*
 * id - the fixed-size names that everything else goes by.
 */
#ifndef CM_POLICY_ID_H
#define CM_POLICY_ID_H

#include <stdint.h>

enum {
	CM_CONTACT_ID_LEN = 12, /* of HMAC-SHA-256(store key, canonical) */
	CM_PURPOSE_ID_LEN = 4,  /* of SHA-256(purpose path) */
	CM_HASH_LEN = 32,
};

/* A contact, or a family (the same construction over the family form). */
struct cm_id {
	uint8_t b[CM_CONTACT_ID_LEN];
};

struct cm_hash {
	uint8_t b[CM_HASH_LEN];
};

#endif
