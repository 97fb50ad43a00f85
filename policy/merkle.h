/*
 * merkle - the hash tree over the ledger (RFC 6962 section 2.1, RFC 9162).
 *
 * The tree is kept as tiles of 256 hashes, the layout of c2sp.org/tlog-tiles:
 * tile (0, i) holds leaf hashes 256*i onward; entry j of tile (l, i) is the
 * root of the full tile (l-1, 256*i + j).  The last tile of a level may be
 * shorter; a tile without hashes does not exist.  Where tiles live is the
 * caller's business (struct cm_merkle_tiles); this module does no I/O.
 *
 * An appender, and a proof, are used by one thread at a time.
 */
#ifndef CM_POLICY_MERKLE_H
#define CM_POLICY_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/str.h"
#include "policy/id.h"

enum {
	CM_MERKLE_TILE_WIDTH = 256, /* hashes of a full tile */
	CM_MERKLE_TILE_MAX = CM_MERKLE_TILE_WIDTH * CM_HASH_LEN, /* octets */
	CM_MERKLE_LEVELS = 8, /* 256^8 leaves: every 64-bit size */
	CM_MERKLE_KEY_LEN = 9,
	CM_MERKLE_PROOF_MAX = 66, /* 64 levels, and one more for RFC 9162 */
};

/* level(1) | index(8, big-endian): a level's tiles sort by index. */
void cm_merkle_key(unsigned level, uint64_t index,
		   uint8_t out[CM_MERKLE_KEY_LEN]);

/*
 * Where tiles are.  Both return CM_OK or a code that is passed on; read gives
 * octets that stay valid until the next call of either, CM_ECORRUPT or
 * CM_ENOTFOUND if there is no such tile.  write replaces a shorter tile of
 * the same name; NULL where nothing is ever appended.
 */
struct cm_merkle_tiles {
	void *ctx;
	int (*read)(void *ctx, unsigned level, uint64_t index,
		    struct cm_span *ret_hashes);
	int (*write)(void *ctx, unsigned level, uint64_t index,
		     struct cm_span hashes);
};

/* SHA-256(0x00 | entry). */
CM_MUST_CHECK int cm_merkle_leaf(struct cm_span entry,
				 struct cm_hash *ret_hash);

/*
 * Append to a tree of `size` leaves; 64 KiB of memory, however many leaves.
 * begin reads the last tile of each level.  A full tile is written when its
 * last hash comes, shorter ones by finish, each once; so a checker that
 * starts at size 0 may compare in its write instead of storing.
 * After any failure only free is allowed: the caller aborts its transaction.
 */
struct cm_merkle_appender;
CM_MUST_CHECK int cm_merkle_append_begin(const struct cm_merkle_tiles *tiles,
					 uint64_t size,
					 struct cm_merkle_appender **ret,
					 struct cm_error *err);
CM_MUST_CHECK int cm_merkle_append(struct cm_merkle_appender *appender,
				   struct cm_span entry, struct cm_error *err);
CM_MUST_CHECK int cm_merkle_append_leaf(struct cm_merkle_appender *appender,
					const struct cm_hash *leaf,
					struct cm_error *err);
/* Write the shorter tiles; the tree's size and root now. */
CM_MUST_CHECK int cm_merkle_append_finish(struct cm_merkle_appender *appender,
					  uint64_t *ret_size,
					  struct cm_hash *ret_root,
					  struct cm_error *err);
void cm_merkle_append_free(struct cm_merkle_appender **appender);

/* The root at any size up to the present one; SHA-256("") for 0. */
CM_MUST_CHECK int cm_merkle_root(const struct cm_merkle_tiles *tiles,
				 uint64_t size, struct cm_hash *ret_root,
				 struct cm_error *err);

struct cm_merkle_proof {
	size_t count;
	struct cm_hash hashes[CM_MERKLE_PROOF_MAX];
};

/* "Leaf `index` is in the tree of `size`": RFC 9162, 2.1.3.1. */
CM_MUST_CHECK int cm_merkle_inclusion(const struct cm_merkle_tiles *tiles,
				      uint64_t size, uint64_t index,
				      struct cm_merkle_proof *ret_proof,
				      struct cm_error *err);
/* "The tree of new_size extends that of old_size": RFC 9162, 2.1.4.1. */
CM_MUST_CHECK int cm_merkle_consistency(const struct cm_merkle_tiles *tiles,
					uint64_t old_size, uint64_t new_size,
					struct cm_merkle_proof *ret_proof,
					struct cm_error *err);

/* RFC 9162, 2.1.3.2 and 2.1.4.2: CM_EDATA if the proof does not hold. */
CM_MUST_CHECK int cm_merkle_check_inclusion(const struct cm_hash *leaf,
					    uint64_t index, uint64_t size,
					    const struct cm_merkle_proof *proof,
					    const struct cm_hash *root);
/* An old tree of 0 leaves proves nothing and is refused (F-3). */
CM_MUST_CHECK int cm_merkle_check_consistency(
	uint64_t old_size, const struct cm_hash *old_root, uint64_t new_size,
	const struct cm_hash *new_root, const struct cm_merkle_proof *proof);

#endif
