/*
 * See merkle.h.
 *
 * A perfect subtree of 2^b leaves that starts at a multiple of 2^b lies in
 * one tile: it is the fold of 2^(b mod 8) hashes of a tile of level b/8.
 * Any range of leaves that a proof asks for falls into such subtrees, one for
 * each bit of its length.
 */
#include "policy/merkle.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"

enum { CM_MERKLE_TILE_BITS = 8 }; /* 2^8 = CM_MERKLE_TILE_WIDTH */

static const char leaf_prefix[] = {0};
static const char node_prefix[] = {1};

void cm_merkle_key(unsigned level, uint64_t index,
		   uint8_t out[CM_MERKLE_KEY_LEN])
{
	size_t i;

	out[0] = (uint8_t)level;
	for (i = 0; i < 8; i++)
		out[1 + i] = (uint8_t)(index >> (56 - 8 * i));
}

static struct cm_span hash_span(const struct cm_hash *hash)
{
	return cm_span_n((const char *)hash->b, CM_HASH_LEN);
}

int cm_merkle_leaf(struct cm_span entry, struct cm_hash *ret_hash)
{
	const struct cm_span parts[] = {{leaf_prefix, 1}, entry};

	return cm_sha256_parts(parts, 2, ret_hash->b);
}

/* *left = SHA-256(0x01 | left | right) */
static int join(struct cm_hasher *hasher, struct cm_hash *left,
		const struct cm_hash *right)
{
	const struct cm_span parts[] = {
		{node_prefix, 1}, hash_span(left), hash_span(right)};

	return cm_hasher_sum(hasher, parts, 3, left->b);
}

/* The root of a perfect tree over count hashes, a power of two <= 256. */
static int fold(struct cm_hasher *hasher, const struct cm_hash *hashes,
		size_t count, struct cm_hash *ret_root)
{
	struct cm_hash work[CM_MERKLE_TILE_WIDTH / 2];
	const struct cm_hash *from = hashes;

	while (count > 1) {
		size_t i;

		count /= 2;
		for (i = 0; i < count; i++) {
			int rc;

			work[i] = from[2 * i];
			rc = join(hasher, &work[i], &from[2 * i + 1]);
			if (rc != CM_OK)
				return rc;
		}
		from = work;
	}
	*ret_root = from[0];
	return CM_OK;
}

/* ---- appending ---------------------------------------------------------- */

struct tile {
	size_t count;   /* hashes held, below CM_MERKLE_TILE_WIDTH */
	bool changed;   /* since begin */
	uint64_t index; /* of this tile in its level */
	struct cm_hash hashes[CM_MERKLE_TILE_WIDTH];
};

struct cm_merkle_appender {
	const struct cm_merkle_tiles *tiles;
	struct cm_hasher *hasher;
	uint64_t size;
	struct tile levels[CM_MERKLE_LEVELS]; /* the last tile of each */
};

/* Read a tile that must hold at least count hashes. */
static int read_tile(const struct cm_merkle_tiles *tiles, unsigned level,
		     uint64_t index, size_t count, struct cm_span *ret_hashes,
		     struct cm_error *err)
{
	struct cm_span found = {NULL, 0};
	int rc = tiles->read(tiles->ctx, level, index, &found);

	if (rc != CM_OK)
		return cm_fail(err, rc, "hash tile %u/%llu cannot be read",
			       level, (unsigned long long)index);
	if (found.n % CM_HASH_LEN != 0 || found.n > CM_MERKLE_TILE_MAX ||
	    found.n < count * CM_HASH_LEN)
		return cm_fail(err, CM_ECORRUPT,
			       "hash tile %u/%llu has %zu octets, wanted %zu",
			       level, (unsigned long long)index, found.n,
			       count * CM_HASH_LEN);
	*ret_hashes = found;
	return CM_OK;
}

static int load_last_tiles(struct cm_merkle_appender *appender,
			   struct cm_error *err)
{
	unsigned level;

	for (level = 0; level < CM_MERKLE_LEVELS; level++) {
		uint64_t n = appender->size >> (CM_MERKLE_TILE_BITS * level);
		struct tile *tile = &appender->levels[level];
		struct cm_span found;
		int rc;

		tile->index = n / CM_MERKLE_TILE_WIDTH;
		tile->count = n % CM_MERKLE_TILE_WIDTH;
		if (tile->count == 0)
			continue;
		rc = read_tile(appender->tiles, level, tile->index, tile->count,
			       &found, err);
		if (rc != CM_OK)
			return rc;
		memcpy(tile->hashes, found.p, tile->count * CM_HASH_LEN);
	}
	return CM_OK;
}

int cm_merkle_append_begin(const struct cm_merkle_tiles *tiles, uint64_t size,
			   struct cm_merkle_appender **ret,
			   struct cm_error *err)
{
	struct cm_merkle_appender *appender = calloc(1, sizeof(*appender));
	int rc;

	if (appender == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for the hash tree");
	appender->tiles = tiles;
	appender->size = size;
	rc = cm_hasher_new(&appender->hasher, err);
	if (rc == CM_OK)
		rc = load_last_tiles(appender, err);
	if (rc != CM_OK) {
		cm_merkle_append_free(&appender);
		return rc;
	}
	*ret = appender;
	return CM_OK;
}

static int write_tile(struct cm_merkle_appender *appender, unsigned level,
		      struct cm_error *err)
{
	const struct cm_merkle_tiles *tiles = appender->tiles;
	struct tile *tile = &appender->levels[level];
	struct cm_span hashes = {(const char *)tile->hashes,
				 tile->count * CM_HASH_LEN};
	int rc = tiles->write(tiles->ctx, level, tile->index, hashes);

	if (rc != CM_OK)
		return cm_fail(err, rc, "hash tile %u/%llu cannot be written",
			       level, (unsigned long long)tile->index);
	tile->changed = false;
	return CM_OK;
}

int cm_merkle_append_leaf(struct cm_merkle_appender *appender,
			  const struct cm_hash *leaf, struct cm_error *err)
{
	struct cm_hash hash = *leaf;
	unsigned level;
	int rc;

	for (level = 0; level < CM_MERKLE_LEVELS; level++) {
		struct tile *tile = &appender->levels[level];

		tile->hashes[tile->count++] = hash;
		tile->changed = true;
		if (tile->count < CM_MERKLE_TILE_WIDTH)
			break;
		/* Full: out with it, and its root goes one level up. */
		rc = write_tile(appender, level, err);
		if (rc != CM_OK)
			return rc;
		if (fold(appender->hasher, tile->hashes, tile->count, &hash) !=
		    CM_OK)
			return cm_fail(err, CM_ECRYPTO, "SHA-256 failed");
		tile->count = 0;
		tile->index++;
	}
	appender->size++;
	return CM_OK;
}

int cm_merkle_append(struct cm_merkle_appender *appender, struct cm_span entry,
		     struct cm_error *err)
{
	const struct cm_span parts[] = {{leaf_prefix, 1}, entry};
	struct cm_hash leaf;

	if (cm_hasher_sum(appender->hasher, parts, 2, leaf.b) != CM_OK)
		return cm_fail(err, CM_ECRYPTO, "SHA-256 failed");
	return cm_merkle_append_leaf(appender, &leaf, err);
}

/*
 * Take in, from the right, the perfect subtrees that count hashes of one tile
 * make: *have says whether *acc already stands for what is right of them.
 */
static int fold_tail(struct cm_hasher *hasher, const struct cm_hash *hashes,
		     size_t count, bool *have, struct cm_hash *acc)
{
	size_t end = count;
	size_t bit;

	for (bit = 1; bit <= count; bit *= 2) {
		struct cm_hash left;
		int rc;

		if ((count & bit) == 0)
			continue;
		end -= bit;
		rc = fold(hasher, hashes + end, bit, &left);
		if (rc == CM_OK && *have)
			rc = join(hasher, &left, acc);
		if (rc != CM_OK)
			return rc;
		*acc = left;
		*have = true;
	}
	return CM_OK;
}

int cm_merkle_append_finish(struct cm_merkle_appender *appender,
			    uint64_t *ret_size, struct cm_hash *ret_root,
			    struct cm_error *err)
{
	struct cm_hash root;
	bool have = false;
	unsigned level;
	int rc;

	for (level = 0; level < CM_MERKLE_LEVELS; level++) {
		struct tile *tile = &appender->levels[level];

		if (fold_tail(appender->hasher, tile->hashes, tile->count,
			      &have, &root) != CM_OK)
			return cm_fail(err, CM_ECRYPTO, "SHA-256 failed");
		if (!tile->changed || tile->count == 0)
			continue;
		rc = write_tile(appender, level, err);
		if (rc != CM_OK)
			return rc;
	}
	if (!have && cm_sha256("", 0, root.b) != CM_OK)
		return cm_fail(err, CM_ECRYPTO, "SHA-256 failed");
	*ret_size = appender->size;
	*ret_root = root;
	return CM_OK;
}

void cm_merkle_append_free(struct cm_merkle_appender **appender)
{
	if (*appender == NULL)
		return;
	cm_hasher_free(&(*appender)->hasher);
	free(*appender);
	*appender = NULL;
}

/* ---- roots and proofs --------------------------------------------------- */

struct reader {
	const struct cm_merkle_tiles *tiles;
	struct cm_hasher *hasher;
	struct cm_error *err;
};

/* The hash over 2^bits leaves from first, a multiple of 2^bits. */
static int perfect(struct reader *reader, uint64_t first, unsigned bits,
		   struct cm_hash *ret_hash)
{
	struct cm_hash hashes[CM_MERKLE_TILE_WIDTH];
	unsigned level = bits / CM_MERKLE_TILE_BITS;
	size_t count = (size_t)1 << bits % CM_MERKLE_TILE_BITS;
	uint64_t entry = first >> (CM_MERKLE_TILE_BITS * level);
	size_t offset = entry % CM_MERKLE_TILE_WIDTH;
	struct cm_span tile;
	int rc;

	rc = read_tile(reader->tiles, level, entry / CM_MERKLE_TILE_WIDTH,
		       offset + count, &tile, reader->err);
	if (rc != CM_OK)
		return rc;
	/* A store's pages promise no alignment. */
	memcpy(hashes, tile.p + offset * CM_HASH_LEN, count * CM_HASH_LEN);
	if (fold(reader->hasher, hashes, count, ret_hash) != CM_OK)
		return cm_fail(reader->err, CM_ECRYPTO, "SHA-256 failed");
	return CM_OK;
}

/*
 * MTH(D[first : first + n]) of RFC 6962, 2.1.  n > 0, and first a multiple of
 * the power of two at or above n, as in every range that a proof names.
 */
static int range(struct reader *reader, uint64_t first, uint64_t n,
		 struct cm_hash *ret_hash)
{
	struct cm_hash acc;
	bool have = false;
	unsigned bits;

	for (bits = 0; bits < 64 && n >> bits != 0; bits++) {
		uint64_t width = UINT64_C(1) << bits;
		struct cm_hash left;
		int rc;

		if ((n & width) == 0)
			continue;
		/* What is left of this subtree is n's higher bits. */
		rc = perfect(reader, first + (n & ~(2 * width - 1)), bits,
			     &left);
		if (rc != CM_OK)
			return rc;
		if (have && join(reader->hasher, &left, &acc) != CM_OK)
			return cm_fail(reader->err, CM_ECRYPTO,
				       "SHA-256 failed");
		acc = left;
		have = true;
	}
	*ret_hash = acc;
	return CM_OK;
}

/* The largest power of two below n (RFC 6962's k); n > 1. */
static uint64_t split(uint64_t n)
{
	uint64_t k = 1;

	while (k < n - k)
		k *= 2;
	return k;
}

int cm_merkle_root(const struct cm_merkle_tiles *tiles, uint64_t size,
		   struct cm_hash *ret_root, struct cm_error *err)
{
	struct reader reader = {tiles, NULL, err};
	int rc;

	if (size == 0)
		return cm_sha256("", 0, ret_root->b);
	rc = cm_hasher_new(&reader.hasher, err);
	if (rc == CM_OK)
		rc = range(&reader, 0, size, ret_root);
	cm_hasher_free(&reader.hasher);
	return rc;
}

static int push_range(struct reader *reader, uint64_t first, uint64_t n,
		      struct cm_merkle_proof *proof)
{
	int rc = range(reader, first, n, &proof->hashes[proof->count]);

	if (rc == CM_OK)
		proof->count++;
	return rc;
}

/* We walk from the root down, and a proof is read from the leaf up. */
static void reverse(struct cm_merkle_proof *proof)
{
	size_t i;

	for (i = 0; i < proof->count / 2; i++) {
		struct cm_hash swap = proof->hashes[i];

		proof->hashes[i] = proof->hashes[proof->count - 1 - i];
		proof->hashes[proof->count - 1 - i] = swap;
	}
}

static int walk_to_leaf(struct reader *reader, uint64_t size, uint64_t index,
			struct cm_merkle_proof *proof)
{
	uint64_t first = 0;
	int rc;

	while (size > 1) {
		uint64_t k = split(size);

		if (index - first < k) {
			rc = push_range(reader, first + k, size - k, proof);
			size = k;
		} else {
			rc = push_range(reader, first, k, proof);
			first += k;
			size -= k;
		}
		if (rc != CM_OK)
			return rc;
	}
	return CM_OK;
}

int cm_merkle_inclusion(const struct cm_merkle_tiles *tiles, uint64_t size,
			uint64_t index, struct cm_merkle_proof *ret_proof,
			struct cm_error *err)
{
	struct reader reader = {tiles, NULL, err};
	struct cm_merkle_proof proof;
	int rc;

	if (index >= size)
		return cm_fail(err, CM_ENOTFOUND,
			       "no entry %llu in a tree of "
			       "%llu",
			       (unsigned long long)index,
			       (unsigned long long)size);
	proof.count = 0;
	rc = cm_hasher_new(&reader.hasher, err);
	if (rc == CM_OK)
		rc = walk_to_leaf(&reader, size, index, &proof);
	cm_hasher_free(&reader.hasher);
	if (rc != CM_OK)
		return rc;
	reverse(&proof);
	*ret_proof = proof;
	return CM_OK;
}

/* SUBPROOF(m, D[n], b) of RFC 9162, 2.1.4.1, without the recursion. */
static int walk_to_size(struct reader *reader, uint64_t m, uint64_t n,
			struct cm_merkle_proof *proof)
{
	uint64_t first = 0;
	bool whole = true; /* m is still all of the old tree */
	int rc;

	while (m < n) {
		uint64_t k = split(n);

		if (m <= k) {
			rc = push_range(reader, first + k, n - k, proof);
			n = k;
		} else {
			rc = push_range(reader, first, k, proof);
			first += k;
			m -= k;
			n -= k;
			whole = false;
		}
		if (rc != CM_OK)
			return rc;
	}
	return whole ? CM_OK : push_range(reader, first, m, proof);
}

int cm_merkle_consistency(const struct cm_merkle_tiles *tiles,
			  uint64_t old_size, uint64_t new_size,
			  struct cm_merkle_proof *ret_proof,
			  struct cm_error *err)
{
	struct reader reader = {tiles, NULL, err};
	struct cm_merkle_proof proof;
	int rc;

	if (old_size == 0 || old_size > new_size)
		return cm_fail(err, CM_ENOTFOUND,
			       "no proof from a tree of "
			       "%llu to one of %llu",
			       (unsigned long long)old_size,
			       (unsigned long long)new_size);
	proof.count = 0;
	rc = cm_hasher_new(&reader.hasher, err);
	if (rc == CM_OK)
		rc = walk_to_size(&reader, old_size, new_size, &proof);
	cm_hasher_free(&reader.hasher);
	if (rc != CM_OK)
		return rc;
	reverse(&proof);
	*ret_proof = proof;
	return CM_OK;
}

/* ---- checking ----------------------------------------------------------- */

static int same(const struct cm_hash *a, const struct cm_hash *b)
{
	return memcmp(a->b, b->b, CM_HASH_LEN) == 0 ? CM_OK : CM_EDATA;
}

/* *right = node(left, right) */
static int join_left(struct cm_hasher *hasher, const struct cm_hash *left,
		     struct cm_hash *right)
{
	struct cm_hash node = *left;
	int rc = join(hasher, &node, right);

	*right = node;
	return rc;
}

/* RFC 9162, 2.1.3.2, steps 3 and 4; fn, sn and r are the RFC's names. */
static int climb(struct cm_hasher *hasher, uint64_t fn, uint64_t sn,
		 const struct cm_merkle_proof *proof, struct cm_hash *r)
{
	size_t i;
	int rc;

	for (i = 0; i < proof->count; i++) {
		const struct cm_hash *p = &proof->hashes[i];

		if (sn == 0)
			return CM_EDATA;
		if ((fn & 1) == 1 || fn == sn) {
			rc = join_left(hasher, p, r);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			rc = join(hasher, r, p);
		}
		if (rc != CM_OK)
			return rc;
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 ? CM_OK : CM_EDATA;
}

int cm_merkle_check_inclusion(const struct cm_hash *leaf, uint64_t index,
			      uint64_t size,
			      const struct cm_merkle_proof *proof,
			      const struct cm_hash *root)
{
	struct cm_hasher *hasher = NULL;
	struct cm_hash r = *leaf;
	int rc;

	if (index >= size || proof->count > CM_MERKLE_PROOF_MAX)
		return CM_EDATA;
	rc = cm_hasher_new(&hasher, NULL);
	if (rc == CM_OK)
		rc = climb(hasher, index, size - 1, proof, &r);
	cm_hasher_free(&hasher);
	return rc == CM_OK ? same(&r, root) : rc;
}

/*
 * RFC 9162, 2.1.4.2, steps 4 to 6.  *fr and *sr begin as the proof's first
 * hash; i is the first of the proof's hashes not yet used.
 */
static int climb_both(struct cm_hasher *hasher, uint64_t fn, uint64_t sn,
		      const struct cm_merkle_proof *proof, size_t i,
		      struct cm_hash *fr, struct cm_hash *sr)
{
	for (; i < proof->count; i++) {
		const struct cm_hash *c = &proof->hashes[i];
		int rc;

		if (sn == 0)
			return CM_EDATA;
		if ((fn & 1) == 1 || fn == sn) {
			rc = join_left(hasher, c, fr);
			if (rc == CM_OK)
				rc = join_left(hasher, c, sr);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			rc = join(hasher, sr, c);
		}
		if (rc != CM_OK)
			return rc;
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 ? CM_OK : CM_EDATA;
}

static bool is_power_of_two(uint64_t n)
{
	return (n & (n - 1)) == 0;
}

int cm_merkle_check_consistency(uint64_t old_size,
				const struct cm_hash *old_root,
				uint64_t new_size,
				const struct cm_hash *new_root,
				const struct cm_merkle_proof *proof)
{
	struct cm_hasher *hasher = NULL;
	struct cm_hash fr, sr;
	uint64_t fn, sn;
	size_t used = 0;
	int rc;

	if (old_size == 0 || old_size > new_size ||
	    proof->count > CM_MERKLE_PROOF_MAX)
		return CM_EDATA;
	if (old_size == new_size)
		return proof->count == 0 ? same(old_root, new_root) : CM_EDATA;
	if (proof->count == 0)
		return CM_EDATA;
	/* Step 2: an old tree that is perfect is its own first hash. */
	fr = is_power_of_two(old_size) ? *old_root : proof->hashes[used++];
	sr = fr;
	for (fn = old_size - 1, sn = new_size - 1; (fn & 1) == 1; fn >>= 1)
		sn >>= 1;
	rc = cm_hasher_new(&hasher, NULL);
	if (rc == CM_OK)
		rc = climb_both(hasher, fn, sn, proof, used, &fr, &sr);
	cm_hasher_free(&hasher);
	if (rc == CM_OK)
		rc = same(&fr, old_root);
	return rc == CM_OK ? same(&sr, new_root) : rc;
}
