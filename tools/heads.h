/*
 * heads - the folder of signed checkpoints (checkpoint.path).
 *
 *   vkey               the public key, in the words of c2sp.org/signed-note
 *   checkpoint         the newest; what may be signed next depends on it
 *   0000000042.checkpoint   each one ever signed, by its number of events
 *   0000000001.rotation     the first change of the key, signed by both
 *   0000000001.compromise   others may have had the first key
 *
 * Anybody may read them; only the signer's user writes.
 */
#ifndef CM_TOOLS_HEADS_H
#define CM_TOOLS_HEADS_H

#include "policy/rotation.h"
#include "tools/ctl.h"

struct cm_signed_head {
	struct cm_checkpoint checkpoint;
	struct cm_span note; /* the whole file; the arena's */
	const char *name;    /* "0000000042.checkpoint" */
	size_t key;          /* of the ring: the one that signed it */
};

struct cm_heads {
	struct cm_note_key key;
	struct cm_keyring ring;                   /* key is its newest */
	struct cm_span rotations[CM_KEYRING_MAX]; /* count: ring.count - 1 */
	struct cm_span stolen[CM_KEYRING_MAX];    /* of each key; empty: none */
	struct cm_signed_head *heads;             /* by size */
	size_t count;
};

/* "FOLDER/NAME" in ctl's arena; NULL without memory. */
const char *cm_heads_path(struct cm_ctl *ctl, const char *name);
/* "0000000042.checkpoint" */
const char *cm_heads_name(struct cm_ctl *ctl, uint64_t size);
/* "0000000001.rotation", of the first. */
const char *cm_heads_rotation(struct cm_ctl *ctl, size_t number);

/* "0000000001.compromise", of the first key. */
const char *cm_heads_compromise(struct cm_ctl *ctl, size_t number);

/* A small file, copied to the arena; CM_ENOTFOUND if there is none. */
CM_MUST_CHECK int cm_heads_file(struct cm_ctl *ctl, const char *path,
				struct cm_span *ret_text, struct cm_error *err);

/*
 * All of them, each with a good signature.  Without a checkpoint section or
 * a key yet: CM_ENOTFOUND with what to do.  CM_ECORRUPT names the file.
 */
CM_MUST_CHECK int cm_heads_read(struct cm_ctl *ctl, struct cm_heads *ret_heads,
				struct cm_error *err);

#endif
