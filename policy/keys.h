/*
 * keys - the secret keys of one instance.
 *
 * One file a kind in the keys folder, "header.key", mode 0640, lines
 * "ID HEX DATE", the day it was made (it may be missing); the last line is
 * the current key, earlier ones are for verification only.  The store key has
 * exactly one line, for ever.
 */
#ifndef CM_POLICY_KEYS_H
#define CM_POLICY_KEYS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/crypto.h"
#include "policy/secret_file.h"

enum cm_key_kind {
	CM_KEY_STORE,   /* 32 octets: contact ids and view MACs */
	CM_KEY_HEADER,  /* 64: List-Unsubscribe tokens */
	CM_KEY_FOOTER,  /* 64: links in footers */
	CM_KEY_VERP,    /* 64 */
	CM_KEY_CONFIRM, /* 64; write group only, as are those below */
	CM_KEY_PREFERENCE,
	CM_KEY_MAILED,
	CM_KEY_KINDS
};

enum { CM_KEY_MAX_LEN = 64, CM_KEY_IDS = 256 };

struct cm_key {
	uint8_t id;
	size_t len;
	int64_t made; /* ms, midnight of its day; 0 = not on record */
	uint8_t bytes[CM_KEY_MAX_LEN];
	struct cm_siv *siv; /* with the kind's name as associated data;
			     * NULL for the store key */
};

struct cm_keys; /* read-only after opening; may be shared by threads */

const char *cm_key_kind_name(enum cm_key_kind kind); /* "header" */
/* Only those who write the store may read it: group of its file. */
bool cm_key_kind_is_writers(enum cm_key_kind kind);
enum { CM_KEYS_FOLDER_MODE = 0750, CM_KEYS_FILE_MODE = CM_SECRET_FILE_MODE };

/*
 * Read what this process may read.  A key file of the write group that this
 * process may not read is no error; the store key missing is.  Refuses files
 * that others may read or anybody but owner may write.
 */
CM_MUST_CHECK int cm_keys_open(const char *folder, struct cm_keys **ret_keys,
			       struct cm_error *err);
void cm_keys_free(struct cm_keys **keys); /* wiped */

/* The current key; NULL if this process has none of the kind. */
const struct cm_key *cm_keys_current(const struct cm_keys *keys,
				     enum cm_key_kind kind);
const struct cm_key *cm_keys_find(const struct cm_keys *keys,
				  enum cm_key_kind kind, uint8_t id);

/* All that this process has of a kind, oldest first; the last is current. */
size_t cm_keys_count(const struct cm_keys *keys, enum cm_key_kind kind);
const struct cm_key *cm_keys_at(const struct cm_keys *keys,
				enum cm_key_kind kind, size_t n);

/* A key that nothing was ever sealed with: to do the same work in vain. */
const struct cm_key *cm_keys_decoy(const struct cm_keys *keys);

/*
 * Make folder and all files that are missing, never overwriting one.
 * group/write_group: (gid_t)-1 leaves the creator's.
 */
CM_MUST_CHECK int cm_keys_init(const char *folder, gid_t group,
			       gid_t write_group, struct cm_error *err);

/*
 * Put a new current key into the file of a kind; the old ones stay in it.
 * Whatever happens on the way, the file is the old one or the new one, whole.
 * Groups as above.  Refuses the store key: no record could be found again.
 * Programs that run learn of it when they are told to reload.
 */
CM_MUST_CHECK int cm_keys_rotate(const char *folder, enum cm_key_kind kind,
				 gid_t group, gid_t write_group,
				 uint8_t *ret_id, struct cm_error *err);

#endif
