/* What the tree proves: see store.h, "proofs". */
#include "policy/store_internal.h"

int cm_store_root_at(struct cm_store_reader *reader, uint64_t size,
		     struct cm_hash *ret_root, struct cm_error *err)
{
	struct cm_tile_store tiles;
	int rc;

	if (size > reader->head.size)
		return cm_fail(err, CM_ENOTFOUND,
			       "the ledger has no more than %llu events",
			       (unsigned long long)reader->head.size);
	cm_tile_store_init(&tiles, reader->ledger);
	rc = cm_merkle_root(&tiles.tiles, size, ret_root, err);
	return cm_tile_store_why(&tiles, rc, err);
}

int cm_store_inclusion(struct cm_store_reader *reader, uint64_t size,
		       uint64_t seq, struct cm_merkle_proof *ret_proof,
		       struct cm_error *err)
{
	struct cm_tile_store tiles;
	int rc;

	if (size > reader->head.size || seq >= size)
		return cm_fail(err, CM_ENOTFOUND,
			       "event %llu is not among the first %llu of %llu",
			       (unsigned long long)seq,
			       (unsigned long long)size,
			       (unsigned long long)reader->head.size);
	cm_tile_store_init(&tiles, reader->ledger);
	rc = cm_merkle_inclusion(&tiles.tiles, size, seq, ret_proof, err);
	return cm_tile_store_why(&tiles, rc, err);
}

int cm_store_consistency(struct cm_store_reader *reader, uint64_t old_size,
			 uint64_t new_size, struct cm_merkle_proof *ret_proof,
			 struct cm_error *err)
{
	struct cm_tile_store tiles;
	int rc;

	if (new_size > reader->head.size || old_size > new_size ||
	    old_size == 0)
		return cm_fail(err, CM_ENOTFOUND,
			       "there is no proof from %llu to %llu of %llu "
			       "events",
			       (unsigned long long)old_size,
			       (unsigned long long)new_size,
			       (unsigned long long)reader->head.size);
	cm_tile_store_init(&tiles, reader->ledger);
	rc = cm_merkle_consistency(&tiles.tiles, old_size, new_size, ret_proof,
				   err);
	return cm_tile_store_why(&tiles, rc, err);
}
