/* See reason.h. */
#include "policy/reason.h"

#include <stddef.h>

static const struct {
	const char *code;
	const char *text;
	enum cm_verdict verdict;
} reasons[CM_REASONS] = {
#define CM_REASON(symbol, code, verdict, text)                                 \
	[CM_REASON_##symbol] = {code, text, CM_VERDICT_##verdict},
#include "policy/reason.def"
#undef CM_REASON
};

const char *cm_verdict_name(enum cm_verdict verdict)
{
	static const char *const names[] = {
		[CM_VERDICT_ALLOW] = "allow",
		[CM_VERDICT_REFUSE] = "refuse",
		[CM_VERDICT_TEMPFAIL] = "tempfail",
	};

	return names[verdict];
}

const char *cm_reason_code(enum cm_reason reason)
{
	return reasons[reason].code;
}

const char *cm_reason_text(enum cm_reason reason)
{
	return reasons[reason].text;
}

enum cm_verdict cm_reason_verdict(enum cm_reason reason)
{
	return reasons[reason].verdict;
}
