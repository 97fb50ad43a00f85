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
 * other: the new for what comes, the old for what was.
 *
 *     consent-milter compromise 1
 *     acme.example/consent+db6ee219+Aa8...     the key, an old one
 *     acme.example/consent+0f0e2b7c+Ad0...     a later one, which says so
 *     2026-01-31T12:00:00Z                     others may have had it since
 *     4711                                     events when that was said
 *     CsUYapGGPo4dkMgI...                      base64 of the root
 *
 * Signed by the later key alone: who has the old one would sign what suits
 * them.  From then on the old key's signature is no reason to believe a head
 * (F-14); what else may be one, tools/proof.h says.  Pure.
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

struct cm_compromise {
	struct cm_note_key key, by;
	int64_t since; /* ms, whole seconds */
	struct cm_checkpoint head;
};

/* The whole note; compromise->by can sign. */
CM_MUST_CHECK int cm_compromise_sign(const struct cm_compromise *compromise,
				     struct cm_buf *out, struct cm_error *err);
/* CM_EDATA: no such note, or not signed by the key that it names for that. */
CM_MUST_CHECK int cm_compromise_open(struct cm_span note,
				     struct cm_compromise *ret_compromise,
				     struct cm_error *err);

/* Keys that followed each other. */
struct cm_keyring {
	struct cm_note_key keys[CM_KEYRING_MAX]; /* oldest first */
	/* The most events that the key may have signed for, and their root,
	 * which the next key signed, too. */
	uint64_t until[CM_KEYRING_MAX];
	struct cm_hash root[CM_KEYRING_MAX];
	/* Others may have had the key; 0 = nobody said so. */
	int64_t since[CM_KEYRING_MAX];
	struct cm_checkpoint said[CM_KEYRING_MAX]; /* the head of that note */
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
/*
 * Note that others may have had a key.  CM_EDATA: it is not in the ring, the
 * one that says so did not follow it, or another note says otherwise.
 */
CM_MUST_CHECK int cm_keyring_compromise(struct cm_keyring *ring,
					const struct cm_compromise *compromise,
					struct cm_error *err);
/* Did a key that followed this one, and that nobody else had, sign this head
 * when it took over, or when it said that others may have had this one? */
bool cm_keyring_confirms(const struct cm_keyring *ring, size_t key,
			 const struct cm_checkpoint *head);
/* As cm_checkpoint_open(), by whichever key signed it in its time. */
CM_MUST_CHECK int cm_keyring_open(const struct cm_keyring *ring,
				  struct cm_span note,
				  struct cm_checkpoint *ret_checkpoint,
				  size_t *ret_key, struct cm_error *err);

#endif
