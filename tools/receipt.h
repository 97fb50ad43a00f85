/*
 * receipt - a consent as others' programs read it: a Kantara Consent Receipt
 * 1.1, and a record of ISO/IEC TS 27560 in the Data Privacy Vocabulary
 * (https://w3id.org/dpv/schema/dpv-27560#record).
 *
 * One consent each.  Nothing is made up: what neither the ledger nor the
 * config says is "unknown".  Pure.
 */
#ifndef CM_TOOLS_RECEIPT_H
#define CM_TOOLS_RECEIPT_H

#include "tools/evidence.h"

/* May a receipt be given for it: a consent, with what proves it? */
bool cm_receipt_fits(const struct cm_event *event);

/* Each appends a whole file to out; the buffer's state says the rest. */
void cm_receipt_kantara(const struct cm_evidence *evidence,
			const struct cm_evidence_event *item,
			struct cm_buf *out);
void cm_receipt_dpv(const struct cm_evidence *evidence,
		    const struct cm_evidence_event *item, struct cm_buf *out);

#endif
