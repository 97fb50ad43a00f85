/*
 * pending - may the mail go that asks a person to confirm?
 *
 * What streams of type optin answer (design 5).  The letter is no marketing,
 * and it goes to people whom marketing must not reach: who objected, or was
 * erased, may well ask again, and must confirm it (DOI-5; how often is
 * consent-web's to limit).  So nothing counts but an open request:
 * - of the person's own: to write to a list of "pending" people is what Honda
 *   was fined for;
 * - younger than CM_REQUEST_OPEN_MS (DOI-3);
 * - not confirmed, at its purpose or above, at its time or later;
 * - with no refusal at its time or later, on the way to its purpose, of this
 *   address or its family;
 * - not cancelled (cm_view_settle() leaves out those that were);
 * - and while processing is restricted (Article 18), none.
 * One open request is enough.  Of several the newest is told; if there is
 * none, the strongest reason.  Pure.
 */
#ifndef CM_POLICY_PENDING_H
#define CM_POLICY_PENDING_H

#include "policy/decide.h"
#include "policy/optin.h"

/* As long as the link in the letter is good (DOI-3). */
#define CM_REQUEST_OPEN_MS (CM_OPTIN_DAYS * CM_DAY_MS)

/* decision: begun by decide with NO_REQUEST; own and family are settled. */
void cm_pending_decide(const struct cm_config *config,
		       const struct cm_view *own, const struct cm_view *family,
		       int64_t now, struct cm_decision *decision);

#endif
