/*
 * renewal - may this person be asked to renew a consent?
 *
 * To ask is marketing (UK-2), so who may be asked is who may be written to,
 * and less (design 5): those whose consent or soft opt-in ends within
 * renew-before, each once for what they have agreed to.  With ask-unknown also
 * those on record without evidence, each once, ever; of them nobody who ever
 * refused anything, and nobody whose address was bought.  Nobody else, and
 * nobody of whom there is no record at all.  Pure.
 */
#ifndef CM_POLICY_RENEWAL_H
#define CM_POLICY_RENEWAL_H

#include "policy/decide.h"

/*
 * decision: what ordinary marketing of the stream's one purpose would come to;
 * it becomes what the renewal stream says.  asked: when the milter last asked
 * for it, 0 = never; what the view says of that counts, too.
 */
void cm_renewal_decide(const struct cm_stream *stream,
		       const struct cm_view *own, const struct cm_view *family,
		       int64_t asked, int64_t now,
		       struct cm_decision *decision);

/* When the person was last asked for the purpose, by the ledger; 0 = never. */
int64_t cm_renewal_asked(const struct cm_view *own,
			 const struct cm_purpose *purpose);

#endif
