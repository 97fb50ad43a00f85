/*
 * signature - who signed a message before us, and which fields (RFC 6376).
 *
 * DKIM-Signature, ARC-Message-Signature (RFC 8617) and DomainKey-Signature
 * are read strictly (RFC 6376, 3.2): one that cannot be read counts as
 * somebody else's, over every field there is.
 *
 * A stream with presigned = resign gives up signatures whose d= is one of
 * dkim-domains, because the signer behind us makes another one.  It does so
 * only where every signature is such a one: next to one that must hold, a
 * message stays as it is, or ours would be lost for nothing.  ARC vouches for
 * how a message came to us, and is never ours to take out.
 */
#ifndef CM_MILTER_SIGNATURE_H
#define CM_MILTER_SIGNATURE_H

#include "milter/edit.h"

struct cm_signature {
	bool readable;
	struct cm_span domain; /* d= */
	struct cm_span fields; /* h=, names parted by ":" */
};

/* False if the field is no signature. */
bool cm_signature_read(const struct cm_facts_header *header,
		       struct cm_signature *ret_signature);

enum cm_presigned_as {
	CM_PRESIGNED_NOT,
	CM_PRESIGNED_RENEW, /* by us alone: the signatures may go */
	CM_PRESIGNED_KEEP   /* must hold: what they cover stays */
};
enum cm_presigned_as cm_signature_presigned(
	const struct cm_edit_request *request);

/* Does one that must hold cover the field?  Whether it is there or not: a
 * name that h= has once too often says that no other may be added. */
bool cm_signature_covers(const struct cm_edit_request *request,
			 const char *field);

#endif
