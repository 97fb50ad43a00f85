/*
 * reason - why a recipient gets the message or not; one table, reason.def.
 */
#ifndef CM_POLICY_REASON_H
#define CM_POLICY_REASON_H

enum cm_verdict { CM_VERDICT_ALLOW, CM_VERDICT_REFUSE, CM_VERDICT_TEMPFAIL };

enum cm_reason {
#define CM_REASON(symbol, code, verdict, text) CM_REASON_##symbol,
#include "policy/reason.def"
#undef CM_REASON
	CM_REASONS
};

const char *cm_verdict_name(enum cm_verdict verdict); /* "allow" */
const char *cm_reason_code(enum cm_reason reason);    /* "no-record" */
const char *cm_reason_text(enum cm_reason reason);
enum cm_verdict cm_reason_verdict(enum cm_reason reason);

/* One reply for every refusal and one for every failure of ours (R3463-1,
 * R3463-2): the sender learns nothing about the person. */
#define CM_REPLY_REFUSED_CODE    "550"
#define CM_REPLY_REFUSED_STATUS  "5.7.1"
#define CM_REPLY_REFUSED_TEXT    "No consent on record for this recipient"
#define CM_REPLY_TEMPFAIL_CODE   "451"
#define CM_REPLY_TEMPFAIL_STATUS "4.3.0"
#define CM_REPLY_TEMPFAIL_TEXT   "Consent cannot be checked now, try again later"

#endif
