/*
 * merkle: the published Certificate Transparency leaves and roots (F-2),
 * proofs and their checks (F-3), tiles (F-7), against a recursive model that
 * is RFC 6962, section 2.1, word for word.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/enc.h"
#include "policy/merkle.h"

#include "tests/unit/test.h"

enum { TILES = 600 }; /* enough for 70,000 leaves and one level more */

/* Tiles in memory; written[] says how often each was. */
struct memory {
	uint8_t keys[TILES][CM_MERKLE_KEY_LEN];
	uint8_t data[TILES][CM_MERKLE_TILE_MAX];
	size_t len[TILES];
	unsigned written[TILES];
	size_t count;
	bool fail;
};

static size_t find(const struct memory *memory, unsigned level, uint64_t index)
{
	uint8_t key[CM_MERKLE_KEY_LEN];
	size_t i;

	cm_merkle_key(level, index, key);
	for (i = 0; i < memory->count; i++)
		if (memcmp(memory->keys[i], key, sizeof(key)) == 0)
			break;
	return i;
}

static int memory_read(void *ctx, unsigned level, uint64_t index,
		       struct cm_span *ret_hashes)
{
	struct memory *memory = ctx;
	size_t i = find(memory, level, index);

	if (i == memory->count)
		return CM_ENOTFOUND;
	*ret_hashes = cm_span_n((char *)memory->data[i], memory->len[i]);
	return CM_OK;
}

static int memory_write(void *ctx, unsigned level, uint64_t index,
			struct cm_span hashes)
{
	struct memory *memory = ctx;
	size_t i = find(memory, level, index);

	if (memory->fail)
		return CM_EIO;
	assert_true(i < TILES);
	assert_true(hashes.n > 0 && hashes.n <= CM_MERKLE_TILE_MAX);
	cm_merkle_key(level, index, memory->keys[i]);
	memcpy(memory->data[i], hashes.p, hashes.n);
	memory->len[i] = hashes.n;
	memory->written[i]++;
	if (i == memory->count)
		memory->count++;
	return CM_OK;
}

struct fixture {
	struct memory *memory;
	struct cm_merkle_tiles tiles;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->memory = calloc(1, sizeof(*f->memory));
	assert_non_null(f->memory);
	f->tiles.ctx = f->memory;
	f->tiles.read = memory_read;
	f->tiles.write = memory_write;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->memory);
	free(f);
	return 0;
}

/* Leaves first .. last-1, the decimal text of their number, in one go. */
static struct cm_hash grow(struct fixture *f, uint64_t first, uint64_t last)
{
	struct cm_merkle_appender *appender = NULL;
	struct cm_hash root;
	uint64_t i, size;

	assert_int_equal(
		cm_merkle_append_begin(&f->tiles, first, &appender, NULL),
		CM_OK);
	for (i = first; i < last; i++) {
		char text[24];

		snprintf(text, sizeof(text), "%llu", (unsigned long long)i);
		assert_int_equal(
			cm_merkle_append(appender, cm_span(text), NULL), CM_OK);
	}
	assert_int_equal(cm_merkle_append_finish(appender, &size, &root, NULL),
			 CM_OK);
	assert_int_equal(size, last);
	cm_merkle_append_free(&appender);
	return root;
}

static void assert_root(const struct cm_hash *root, const char *want)
{
	char got[65];

	cm_hex_encode(root->b, sizeof(root->b), got);
	assert_string_equal(got, want);
}

/* F-2 */
static void the_published_leaves_give_the_published_roots(void **state)
{
	static const struct {
		const char *leaf; /* hex */
		const char *root; /* of the tree that ends with it */
	} cases[] = {
		{"", "6e340b9cffb37a989ca544e6bb780a2c"
		     "78901d3fb33738768511a30617afa01d"},
		{"00", "fac54203e7cc696cf0dfcb42c92a1d9d"
		       "baf70ad9e621f4bd8d98662f00e3c125"},
		{"10", "aeb6bcfe274b70a14fb067a5e5578264"
		       "db0fa9b51af5e0ba159158f329e06e77"},
		{"2021", "d37ee418976dd95753c1c73862b9398f"
			 "a2a2cf9b4ff0fdfe8b30cd95209614b7"},
		{"3031", "4e3bbb1f7b478dcfe71fb631631519a3"
			 "bca12c9aefca1612bfce4c13a86264d4"},
		{"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f"
			     "98dfb16fbce75277b5232a127f2087ef"},
		{"5051525354555657", "ddb89be403809e325750d3d263cd7892"
				     "9c2942b7942a34b77e122c9594a74c8c"},
		{"606162636465666768696a6b6c6d6e6f",
		 "5dc9da79a70659a9ad559cb701ded9a2"
		 "ab9d823aad2f4960cfe370eff4604328"},
	};
	struct fixture *f = *state;
	struct cm_hash root;
	uint64_t i;

	assert_int_equal(cm_merkle_root(&f->tiles, 0, &root, NULL), CM_OK);
	assert_root(&root, "e3b0c44298fc1c149afbf4c8996fb924"
			   "27ae41e4649b934ca495991b7852b855");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_merkle_appender *appender = NULL;
		struct cm_hash leaf;
		uint8_t bytes[16];
		uint64_t size;
		size_t n;

		assert_int_equal(cm_hex_decode(cm_span(cases[i].leaf), bytes,
					       sizeof(bytes), &n),
				 CM_OK);
		assert_int_equal(
			cm_merkle_leaf(cm_span_n((char *)bytes, n), &leaf),
			CM_OK);
		assert_int_equal(
			cm_merkle_append_begin(&f->tiles, i, &appender, NULL),
			CM_OK);
		assert_int_equal(cm_merkle_append_leaf(appender, &leaf, NULL),
				 CM_OK);
		assert_int_equal(
			cm_merkle_append_finish(appender, &size, &root, NULL),
			CM_OK);
		cm_merkle_append_free(&appender);
		assert_int_equal(size, i + 1);
		assert_root(&root, cases[i].root);
		assert_int_equal(cm_merkle_root(&f->tiles, size, &root, NULL),
				 CM_OK);
		assert_root(&root, cases[i].root);
	}
}

/*
 * Roots over the ends of tiles, from an independent implementation (RFC 6962,
 * section 2.1, in eight lines of Python).  F-7: what the tiles hold.
 */
static void tiles_fill_and_spill_over(void **state)
{
	static const struct {
		uint64_t size;
		const char *root;
	} cases[] = {
		{255, "32f85bcaa87d7bcd05728f09e9aeba35"
		      "0ba6a2f733830087f0597682848be5cb"},
		{256, "828515d033c19d8c901f37eccb8aed91"
		      "9667703486f8d2fff1cf7040321c5db1"},
		{257, "1eda049a4351d86f76252bd7ec0b7746"
		      "ad75b7fa0316ad5f541dbda458a312c4"},
		{1000, "638afa98022925bacfddadb15ef22fd0"
		       "199c1ac99c2973b6158243d13fce05c2"},
		{65535, "74f13a0e1a75689372efb990cf68c664"
			"e44c763d9304844955b2eaff624e8df1"},
		{65536, "f025d06ed804859fd274a1bdacadd6e4"
			"8ea87634aa91e1edb20143f9498cd02b"},
		{65537, "dc8795a25fd4bd52a0b84f639fd3139b"
			"a160824023d188e428eb5db0f3ce221a"},
		{70000, "1a4cdfcb66374a0c0dcbef49acbd4976"
			"d13ee864fb3cb241fc943cad04f02f7e"},
	};
	struct fixture *f = *state;
	struct cm_span tile;
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_hash root = grow(f, size, cases[i].size);

		size = cases[i].size;
		assert_root(&root, cases[i].root);
		assert_int_equal(cm_merkle_root(&f->tiles, size, &root, NULL),
				 CM_OK);
		assert_root(&root, cases[i].root);
	}
	/* Roots of the past stay within reach. */
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_hash root;

		assert_int_equal(
			cm_merkle_root(&f->tiles, cases[i].size, &root, NULL),
			CM_OK);
		assert_root(&root, cases[i].root);
	}
	/* 70000 = 273 * 256 + 112; 273 = 256 + 17 */
	assert_int_equal(memory_read(f->memory, 0, 273, &tile), CM_OK);
	assert_int_equal(tile.n, 112 * CM_HASH_LEN);
	assert_int_equal(memory_read(f->memory, 1, 0, &tile), CM_OK);
	assert_int_equal(tile.n, CM_MERKLE_TILE_MAX);
	assert_int_equal(memory_read(f->memory, 1, 1, &tile), CM_OK);
	assert_int_equal(tile.n, 17 * CM_HASH_LEN);
	assert_int_equal(memory_read(f->memory, 2, 0, &tile), CM_OK);
	assert_int_equal(tile.n, CM_HASH_LEN);
	assert_int_equal(memory_read(f->memory, 3, 0, &tile), CM_ENOTFOUND);
}

static void one_go_and_many_write_the_same_tiles(void **state)
{
	struct fixture *f = *state;
	void *other_state = NULL;
	struct fixture *other;
	uint64_t size, step;
	size_t i;

	assert_int_equal(setup(&other_state), 0);
	other = other_state;
	grow(f, 0, 1500);
	for (i = 0; i < f->memory->count; i++)
		assert_int_equal(f->memory->written[i], 1);
	for (size = 0, step = 0; size < 1500; size += step) {
		step = step % 7 + 1;
		if (size + step > 1500)
			step = 1500 - size;
		grow(other, size, size + step);
	}
	assert_int_equal(f->memory->count, other->memory->count);
	for (i = 0; i < f->memory->count; i++) {
		size_t j;

		for (j = 0; j < other->memory->count; j++)
			if (memcmp(f->memory->keys[i], other->memory->keys[j],
				   CM_MERKLE_KEY_LEN) == 0)
				break;
		assert_int_not_equal(j, other->memory->count);
		assert_int_equal(f->memory->len[i], other->memory->len[j]);
		assert_memory_equal(f->memory->data[i], other->memory->data[j],
				    f->memory->len[i]);
	}
	assert_int_equal(teardown(&other_state), 0);
}

/* ---- the model: RFC 6962, section 2.1, as it stands there --------------- */

static struct cm_hash model_node(struct cm_hash left, struct cm_hash right)
{
	uint8_t bytes[1 + 2 * CM_HASH_LEN] = {1};
	struct cm_hash hash;

	memcpy(bytes + 1, left.b, CM_HASH_LEN);
	memcpy(bytes + 1 + CM_HASH_LEN, right.b, CM_HASH_LEN);
	assert_int_equal(cm_sha256(bytes, sizeof(bytes), hash.b), CM_OK);
	return hash;
}

static uint64_t model_split(uint64_t n)
{
	uint64_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static struct cm_hash model_mth(const struct cm_hash *leaves, uint64_t n)
{
	uint64_t k;

	if (n == 1)
		return leaves[0];
	k = model_split(n);
	return model_node(model_mth(leaves, k), model_mth(leaves + k, n - k));
}

static void model_path(uint64_t m, const struct cm_hash *leaves, uint64_t n,
		       struct cm_merkle_proof *proof)
{
	uint64_t k;

	if (n == 1)
		return;
	k = model_split(n);
	if (m < k) {
		model_path(m, leaves, k, proof);
		proof->hashes[proof->count++] = model_mth(leaves + k, n - k);
	} else {
		model_path(m - k, leaves + k, n - k, proof);
		proof->hashes[proof->count++] = model_mth(leaves, k);
	}
}

static void model_subproof(uint64_t m, const struct cm_hash *leaves, uint64_t n,
			   bool whole, struct cm_merkle_proof *proof)
{
	uint64_t k;

	if (m == n) {
		if (!whole)
			proof->hashes[proof->count++] = model_mth(leaves, n);
		return;
	}
	k = model_split(n);
	if (m <= k) {
		model_subproof(m, leaves, k, whole, proof);
		proof->hashes[proof->count++] = model_mth(leaves + k, n - k);
	} else {
		model_subproof(m - k, leaves + k, n - k, false, proof);
		proof->hashes[proof->count++] = model_mth(leaves, k);
	}
}

enum { MODEL_SIZE = 40 };

static void make_leaves(struct cm_hash *leaves, uint64_t n)
{
	uint64_t i;

	for (i = 0; i < n; i++) {
		char text[24];

		snprintf(text, sizeof(text), "%llu", (unsigned long long)i);
		assert_int_equal(cm_merkle_leaf(cm_span(text), &leaves[i]),
				 CM_OK);
	}
}

static void assert_proofs_equal(const struct cm_merkle_proof *a,
				const struct cm_merkle_proof *b)
{
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->hashes, b->hashes, a->count * CM_HASH_LEN);
}

/* F-3: each inclusion proof up to 40 leaves, and each way to spoil it. */
static void inclusion_proofs(void **state)
{
	struct cm_hash leaves[MODEL_SIZE];
	struct fixture *f = *state;
	uint64_t size, index;
	size_t i;

	make_leaves(leaves, MODEL_SIZE);
	grow(f, 0, MODEL_SIZE);
	for (size = 1; size <= MODEL_SIZE; size++)
		for (index = 0; index < size; index++) {
			struct cm_hash root = model_mth(leaves, size);
			struct cm_merkle_proof proof, want = {.count = 0};

			model_path(index, leaves, size, &want);
			assert_int_equal(cm_merkle_inclusion(&f->tiles, size,
							     index, &proof,
							     NULL),
					 CM_OK);
			assert_proofs_equal(&proof, &want);
			assert_int_equal(
				cm_merkle_check_inclusion(&leaves[index], index,
							  size, &proof, &root),
				CM_OK);
			/* Spoiled: hash, leaf, index, root, length. */
			for (i = 0; i < proof.count; i++) {
				proof.hashes[i].b[i] ^= 1;
				assert_int_equal(cm_merkle_check_inclusion(
							 &leaves[index], index,
							 size, &proof, &root),
						 CM_EDATA);
				proof.hashes[i].b[i] ^= 1;
			}
			assert_int_equal(
				cm_merkle_check_inclusion(
					&root, index, size + 1, &proof, &root),
				CM_EDATA);
			assert_int_equal(
				cm_merkle_check_inclusion(&leaves[index], size,
							  size, &proof, &root),
				CM_EDATA);
			root.b[31] ^= 1;
			assert_int_equal(
				cm_merkle_check_inclusion(&leaves[index], index,
							  size, &proof, &root),
				CM_EDATA);
			root.b[31] ^= 1;
			proof.hashes[proof.count++] = root;
			assert_int_equal(
				cm_merkle_check_inclusion(&leaves[index], index,
							  size, &proof, &root),
				CM_EDATA);
			if (size == 1)
				continue;
			proof.count -= 2;
			assert_int_equal(
				cm_merkle_check_inclusion(&leaves[index], index,
							  size, &proof, &root),
				CM_EDATA);
		}
}

/* F-3: each consistency proof up to 40 leaves, and each way to spoil it. */
static void consistency_proofs(void **state)
{
	struct cm_hash leaves[MODEL_SIZE];
	struct fixture *f = *state;
	uint64_t m, n;
	size_t i;

	make_leaves(leaves, MODEL_SIZE);
	grow(f, 0, MODEL_SIZE);
	for (n = 1; n <= MODEL_SIZE; n++)
		for (m = 1; m <= n; m++) {
			struct cm_hash old_root = model_mth(leaves, m);
			struct cm_hash new_root = model_mth(leaves, n);
			struct cm_merkle_proof proof, want = {.count = 0};

			model_subproof(m, leaves, n, true, &want);
			assert_int_equal(cm_merkle_consistency(&f->tiles, m, n,
							       &proof, NULL),
					 CM_OK);
			assert_proofs_equal(&proof, &want);
			assert_int_equal(
				cm_merkle_check_consistency(m, &old_root, n,
							    &new_root, &proof),
				CM_OK);
			for (i = 0; i < proof.count; i++) {
				proof.hashes[i].b[i] ^= 1;
				assert_int_equal(cm_merkle_check_consistency(
							 m, &old_root, n,
							 &new_root, &proof),
						 CM_EDATA);
				proof.hashes[i].b[i] ^= 1;
			}
			old_root.b[0] ^= 1;
			assert_int_equal(
				cm_merkle_check_consistency(m, &old_root, n,
							    &new_root, &proof),
				CM_EDATA);
			old_root.b[0] ^= 1;
			new_root.b[0] ^= 1;
			assert_int_equal(
				cm_merkle_check_consistency(m, &old_root, n,
							    &new_root, &proof),
				CM_EDATA);
			new_root.b[0] ^= 1;
			proof.hashes[proof.count++] = new_root;
			assert_int_equal(
				cm_merkle_check_consistency(m, &old_root, n,
							    &new_root, &proof),
				CM_EDATA);
			if (m == n)
				continue;
			proof.count -= 2;
			assert_int_equal(
				cm_merkle_check_consistency(m, &old_root, n,
							    &new_root, &proof),
				CM_EDATA);
		}
}

/* Across tiles, where the model would be slow: what is made also checks. */
static void proofs_over_many_tiles(void **state)
{
	static const uint64_t sizes[] = {1,   255,   256,   257,  511,
					 512, 65535, 65536, 66000};
	enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
	struct cm_hash roots[COUNT], leaf;
	struct cm_merkle_proof proof;
	struct fixture *f = *state;
	size_t i, j;

	grow(f, 0, 66000);
	for (i = 0; i < COUNT; i++)
		assert_int_equal(
			cm_merkle_root(&f->tiles, sizes[i], &roots[i], NULL),
			CM_OK);
	for (i = 0; i < COUNT; i++) {
		uint64_t index = sizes[i] - 1;
		char text[24];

		snprintf(text, sizeof(text), "%llu", (unsigned long long)index);
		assert_int_equal(cm_merkle_leaf(cm_span(text), &leaf), CM_OK);
		for (j = i; j < COUNT; j++) {
			assert_int_equal(cm_merkle_inclusion(&f->tiles,
							     sizes[j], index,
							     &proof, NULL),
					 CM_OK);
			assert_int_equal(cm_merkle_check_inclusion(
						 &leaf, index, sizes[j], &proof,
						 &roots[j]),
					 CM_OK);
			assert_int_equal(
				cm_merkle_consistency(&f->tiles, sizes[i],
						      sizes[j], &proof, NULL),
				CM_OK);
			assert_int_equal(cm_merkle_check_consistency(
						 sizes[i], &roots[i], sizes[j],
						 &roots[j], &proof),
					 CM_OK);
		}
	}
}

/* F-3: an old tree of nothing, and hashes that are no SHA-256. */
static void what_proves_nothing_is_refused(void **state)
{
	struct cm_merkle_proof proof = {.count = 0};
	struct fixture *f = *state;
	struct cm_hash root = grow(f, 0, 3);
	struct cm_hash empty;
	struct cm_error err;

	assert_int_equal(cm_merkle_root(&f->tiles, 0, &empty, NULL), CM_OK);
	assert_int_equal(
		cm_merkle_check_consistency(0, &empty, 3, &root, &proof),
		CM_EDATA);
	assert_int_equal(
		cm_merkle_check_consistency(0, &empty, 0, &empty, &proof),
		CM_EDATA);
	assert_int_equal(
		cm_merkle_check_consistency(4, &root, 3, &root, &proof),
		CM_EDATA);
	assert_int_equal(cm_merkle_consistency(&f->tiles, 0, 3, &proof, &err),
			 CM_ENOTFOUND);
	assert_int_equal(cm_merkle_inclusion(&f->tiles, 3, 3, &proof, &err),
			 CM_ENOTFOUND);
	assert_string_equal(err.text, "no entry 3 in a tree of 3");
}

static void damaged_tiles_are_reported(void **state)
{
	struct cm_merkle_appender *appender = NULL;
	struct fixture *f = *state;
	struct cm_error err;
	struct cm_hash root;

	grow(f, 0, 300);
	f->memory->len[find(f->memory, 0, 1)] = 43 * CM_HASH_LEN;
	assert_int_equal(cm_merkle_root(&f->tiles, 300, &root, &err),
			 CM_ECORRUPT);
	assert_string_equal(err.text,
			    "hash tile 0/1 has 1376 octets, wanted 1408");
	assert_int_equal(
		cm_merkle_append_begin(&f->tiles, 300, &appender, &err),
		CM_ECORRUPT);
	assert_null(appender);
	assert_int_equal(cm_merkle_root(&f->tiles, 1000, &root, &err),
			 CM_ENOTFOUND);
	assert_int_equal(cm_merkle_root(&f->tiles, 256, &root, &err), CM_OK);
}

static void a_write_that_fails_is_passed_on(void **state)
{
	struct cm_merkle_appender *appender = NULL;
	struct fixture *f = *state;
	struct cm_error err;
	struct cm_hash root;
	uint64_t size = 77;

	f->memory->fail = true;
	assert_int_equal(cm_merkle_append_begin(&f->tiles, 0, &appender, NULL),
			 CM_OK);
	assert_int_equal(cm_merkle_append(appender, cm_span("x"), &err), CM_OK);
	assert_int_equal(cm_merkle_append_finish(appender, &size, &root, &err),
			 CM_EIO);
	assert_string_equal(err.text, "hash tile 0/0 cannot be written");
	assert_int_equal(size, 77);
	cm_merkle_append_free(&appender);
	cm_merkle_append_free(&appender);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_published_leaves_give_the_published_roots, setup,
			teardown),
		cmocka_unit_test_setup_teardown(tiles_fill_and_spill_over,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_go_and_many_write_the_same_tiles, setup, teardown),
		cmocka_unit_test_setup_teardown(inclusion_proofs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(consistency_proofs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(proofs_over_many_tiles, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_proves_nothing_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_tiles_are_reported,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_write_that_fails_is_passed_on,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
