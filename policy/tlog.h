/*
 * tlog - proofs about the tree as texts that travel.
 *
 * An inclusion proof is c2sp.org/tlog-proof: "this event stands at this place
 * under this signed checkpoint".  A consistency proof has no such format of
 * its own there; ours is alike: "the ledger of the second size begins with
 * the ledger of the first".  There is one way to write each: what was changed
 * by a single octet is refused, or proves something else.  Pure.
 */
#ifndef CM_POLICY_TLOG_H
#define CM_POLICY_TLOG_H

#include "lib/buf.h"
#include "policy/merkle.h"

enum { CM_TLOG_MAX = 128 * 1024 }; /* octets; a checkpoint and 66 hashes fit */

struct cm_tlog_inclusion {
	uint64_t index;
	struct cm_merkle_proof path;
	struct cm_span checkpoint; /* the signed note, borrowed */
};
CM_MUST_CHECK int cm_tlog_print_inclusion(const struct cm_tlog_inclusion *proof,
					  struct cm_buf *out);
/* CM_EDATA with the reason; "extra" lines are not ours and refused. */
CM_MUST_CHECK int cm_tlog_parse_inclusion(struct cm_span text,
					  struct cm_tlog_inclusion *ret_proof,
					  struct cm_error *err);

struct cm_tlog_consistency {
	uint64_t from, to;
	struct cm_merkle_proof path;
};
CM_MUST_CHECK int cm_tlog_print_consistency(
	const struct cm_tlog_consistency *proof, struct cm_buf *out);
CM_MUST_CHECK int cm_tlog_parse_consistency(
	struct cm_span text, struct cm_tlog_consistency *ret_proof,
	struct cm_error *err);

/* One hash as base64 and a newline, and back (CM_EDATA). */
int cm_tlog_print_hash(const struct cm_hash *hash, struct cm_buf *out);
CM_MUST_CHECK int cm_tlog_parse_hash(struct cm_span line,
				     struct cm_hash *ret_hash);

#endif
