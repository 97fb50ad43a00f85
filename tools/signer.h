/*
 * signer - what signs the ledger's head, and remembers what it signed.
 *
 * It has its own key (checkpoint.key, mode 0600) and user, reads the store
 * and cannot write to it.  c2sp.org/tlog-checkpoint: a log must not sign what
 * is inconsistent with anything it signed before.  So the last checkpoint is
 * its memory: it is made together with the key (of no events), is on disk
 * before a signature is shown, and without it nothing is signed.
 */
#ifndef CM_TOOLS_SIGNER_H
#define CM_TOOLS_SIGNER_H

#include "policy/rotation.h"
#include "tools/ctl.h"

/* Make the key, its folder and the first checkpoint; *ret_made is false if
 * all is there already.  Never overwrites a key. */
CM_MUST_CHECK int cm_signer_make(struct cm_ctl *ctl,
				 struct cm_note_key *ret_public, bool *ret_made,
				 struct cm_error *err);

struct cm_signature {
	struct cm_checkpoint checkpoint;
	struct cm_span note; /* the arena's */
	uint8_t sig[CM_ED25519_SIG_LEN];
	bool fresh; /* false: nothing new, this was signed before */
};

/*
 * Sign what the ledger is now.  CM_ECORRUPT: it does not extend what was
 * signed before; nothing is signed.  Needs ctl->store.
 */
CM_MUST_CHECK int cm_signer_sign(struct cm_ctl *ctl,
				 struct cm_signature *ret_signature,
				 struct cm_error *err);

/*
 * Sign what the ledger is now, by the key and by a new one, which takes its
 * place; the note of the change stays in checkpoint.path.  A crash leaves the
 * old key or the new one.  Errors as of cm_signer_sign().
 */
CM_MUST_CHECK int cm_signer_rotate(struct cm_ctl *ctl,
				   struct cm_rotation *ret_rotation,
				   struct cm_error *err);

/*
 * Say, by the key in use, that others may have had the one before it since
 * then; the note stays in checkpoint.path.  CM_EREFUSED: no key was before
 * it, or that was said already.  Other errors as of cm_signer_sign().
 */
CM_MUST_CHECK int cm_signer_compromised(struct cm_ctl *ctl, int64_t since,
					struct cm_compromise *ret_compromise,
					struct cm_error *err);

#endif
