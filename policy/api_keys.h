/*
 * api_keys - who may use the API of consent-web, and for what.
 *
 * The file "api" of the keys folder, mode 0640 of the write group, a line a
 * key:
 *
 *   NAME SHA-256 RIGHT[,RIGHT...] DAY [PURPOSE...]
 *
 * The secret itself, 256 random bits, is shown once and kept nowhere; without
 * purposes the key is for all of them.  The name stands in every event that
 * comes by the key.
 */
#ifndef CM_POLICY_API_KEYS_H
#define CM_POLICY_API_KEYS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/crypto.h"
#include "lib/str.h"

enum cm_api_right {
	CM_API_GRANT,    /* record consents */
	CM_API_REQUEST,  /* have a person asked by mail */
	CM_API_WITHDRAW, /* record withdrawals */
	CM_API_LOOK_UP,  /* read what is on record */
	CM_API_RIGHTS
};

enum {
	CM_API_NAME_MAX = 32,     /* "webshop"; [a-z0-9-] */
	CM_API_PURPOSES_MAX = 32, /* that one key is limited to */
	CM_API_KEYS_MAX = 64,     /* shops and systems of one controller */
	/* "consent-api-" and 256 bits in base64url: so long that no log line
	 * keeps it (CM_LOG_WORD_MAX). */
	CM_API_SECRET_LEN = 12 + 43,
};

struct cm_api_key {
	char name[CM_API_NAME_MAX + 1];
	uint8_t hash[CM_SHA256_LEN]; /* of the secret's text */
	unsigned rights;             /* 1 << enum cm_api_right */
	int64_t made;                /* ms, midnight of its day */
	struct cm_span purposes[CM_API_PURPOSES_MAX];
	size_t npurposes; /* 0 = all */
};

struct cm_api_keys; /* read-only after opening; may be shared by threads */

const char *cm_api_right_name(enum cm_api_right right); /* "look-up" */
/* CM_EDATA names the nearest. */
CM_MUST_CHECK int cm_api_right_parse(const char *word,
				     enum cm_api_right *ret_right,
				     struct cm_error *err);

/* A missing file has no keys.  Refuses a file that others may read, and a line
 * that it does not understand. */
CM_MUST_CHECK int cm_api_keys_open(const char *folder,
				   struct cm_api_keys **ret_keys,
				   struct cm_error *err);
void cm_api_keys_free(struct cm_api_keys **keys);
size_t cm_api_keys_count(const struct cm_api_keys *keys);
const struct cm_api_key *cm_api_keys_at(const struct cm_api_keys *keys,
					size_t n);

/*
 * Whose secret is it?  NULL: nobody's.  All are compared always, so that time
 * tells nothing; keys NULL has none.
 */
const struct cm_api_key *cm_api_keys_find(const struct cm_api_keys *keys,
					  struct cm_span secret);
bool cm_api_key_may(const struct cm_api_key *key, enum cm_api_right right);
/* Is the purpose one of the key's, or below one? */
bool cm_api_key_covers(const struct cm_api_key *key, struct cm_span path);

/*
 * Put a key into the file: name, rights and purposes of *key; its hash and day
 * are made.  now: for the day.  CM_EREFUSED if the name is taken.  The file is
 * the old one or the new one, whole; group: as cm_keys_init().
 */
CM_MUST_CHECK int cm_api_keys_add(const char *folder,
				  const struct cm_api_key *key, int64_t now,
				  gid_t group,
				  char out_secret[CM_API_SECRET_LEN + 1],
				  struct cm_error *err);
/* CM_ENOTFOUND, naming the most similar one. */
CM_MUST_CHECK int cm_api_keys_remove(const char *folder, const char *name,
				     gid_t group, struct cm_error *err);
/* CM_EDATA unless it can be the name of a key. */
CM_MUST_CHECK int cm_api_name_check(const char *name, struct cm_error *err);

#endif
