/*
 * proof_internal - what the files of proof share; nobody else includes it.
 *
 *   proof.c         the list of files, the key, heads, heads that others kept
 *   proof_events.c  single events, their evidence, texts shown
 *   proof_ledger.c  all events of a ledger
 */
#ifndef CM_TOOLS_PROOF_INTERNAL_H
#define CM_TOOLS_PROOF_INTERNAL_H

#include "tools/proof.h"

/* A line that a person understands; also counted. */
void cm_proof_fault(struct cm_proof *proof, const char *fmt, ...)
	CM_PRINTF(2, 3);
void cm_proof_fact(struct cm_proof *proof, const char *fmt, ...)
	CM_PRINTF(2, 3);

/* NULL if the folder has no such file. */
const struct cm_proof_file *cm_proof_find(const struct cm_proof *proof,
					  const char *name);
/* "FOLDER/NUMBER.SUFFIX": true and the number. */
bool cm_proof_numbered(const char *name, const char *folder, const char *suffix,
		       uint64_t *ret_number);
/* "FOLDER/NUMBER.SUFFIX" in the arena. */
const char *cm_proof_name(const struct cm_proof *proof, const char *folder,
			  uint64_t number, const char *suffix);
const struct cm_proof_head *cm_proof_head_of(const struct cm_proof *proof,
					     uint64_t size);

int cm_proof_check_events(struct cm_proof *proof, struct cm_error *err);
int cm_proof_check_ledger(struct cm_proof *proof, struct cm_error *err);

#endif
