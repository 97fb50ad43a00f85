/*
 * rotation - a new key in the place of the one that signs checkpoints.
 *
 *     consent-milter rotation 1
 *     acme.example/consent+db6ee219+Aa8...     the old key
 *     acme.example/consent+0f0e2b7c+Ad0...     the new one
 *     4711                                     events at the change
 *     CsUYapGGPo4dkMgI...                      base64 of the root
 *
 * A signed note (c2sp.org/signed-note) with the signatures of both keys.  A
 * checkpoint may have no lines of ours, so this is a note of its own; its
 * first line has spaces, which an origin cannot have, so it is never taken
 * for a checkpoint.  Since both signed, who trusts one of them knows the
 * other: the new for what comes, the old for what was.  Pure.
 */
#ifndef CM_POLICY_ROTATION_H
#define CM_POLICY_ROTATION_H

#include "policy/note.h"

enum { CM_KEYRING_MAX = 40 }; /* keys in the life of one ledger */

struct cm_rotation {
	struct cm_note_key old_key, new_key;
	struct cm_checkpoint head;
};

/* The whole note; both keys can sign. */
CM_MUST_CHECK int cm_rotation_sign(const struct cm_rotation *rotation,
				   struct cm_buf *out, struct cm_error *err);
/* CM_EDATA: no such note, or not signed by both keys that it names. */
CM_MUST_CHECK int cm_rotation_open(struct cm_span note,
				   struct cm_rotation *ret_rotation,
				   struct cm_error *err);

/* Keys that followed each other. */
struct cm_keyring {
	struct cm_note_key keys[CM_KEYRING_MAX]; /* oldest first */
	/* The most events that the key may have signed for. */
	uint64_t until[CM_KEYRING_MAX];
	size_t count;
};

bool cm_note_key_same(const struct cm_note_key *a, const struct cm_note_key *b);

void cm_keyring_init(struct cm_keyring *ring, const struct cm_note_key *key);
/* -1 if it is not there. */
int cm_keyring_find(const struct cm_keyring *ring,
		    const struct cm_note_key *key);
/*
 * The key before the oldest, or after the newest; CM_OK as well if the ring
 * has this change.  CM_EDATA: neither of its keys is known, or one key was
 * followed by two.
 */
CM_MUST_CHECK int cm_keyring_add(struct cm_keyring *ring,
				 const struct cm_rotation *rotation,
				 struct cm_error *err);
/* As cm_checkpoint_open(), by whichever key signed it in its time. */
CM_MUST_CHECK int cm_keyring_open(const struct cm_keyring *ring,
				  struct cm_span note,
				  struct cm_checkpoint *ret_checkpoint,
				  size_t *ret_key, struct cm_error *err);

#endif
