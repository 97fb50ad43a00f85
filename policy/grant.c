/* See grant.h. */
#include "policy/grant.h"

#include <string.h>

#include "policy/store.h"

int cm_grant_check_source(const char *source, struct cm_error *err)
{
	if (source[0] != '\0' && strcmp(source, "unknown") != 0 &&
	    strcmp(source, "purchased") != 0)
		return CM_OK;
	return cm_fail(err, CM_EREFUSED,
		       "marketing may not rest on the source \"%s\"", source);
}

static bool is_persons_word(enum cm_reason reason)
{
	return reason == CM_REASON_OBJECTED || reason == CM_REASON_ERASED ||
	       reason == CM_REASON_COMPLAINED ||
	       reason == CM_REASON_RESTRICTED || reason == CM_REASON_WITHDRAWN;
}

bool cm_grant_is_barred(const struct cm_decision *before,
			const struct cm_decision *after)
{
	return is_persons_word(before->reason) &&
	       after->verdict == CM_VERDICT_REFUSE;
}

int cm_grant_try(const struct cm_config *config,
		 const struct cm_purpose *purpose, const struct cm_event *event,
		 const struct cm_view *own, const struct cm_view *family,
		 const struct cm_past *past, int64_t now,
		 struct cm_arena *arena, struct cm_grant_effect *ret_effect)
{
	const struct cm_fact told = cm_fact_of(event, CM_STORE_SEQ_PENDING);
	const struct cm_fact *fact = cm_view_find(own, &told);
	struct cm_view view;
	int rc = cm_view_copy(own, arena, &view);

	if (rc == CM_OK)
		rc = cm_view_apply(&view, event, CM_STORE_SEQ_PENDING, arena);
	if (rc != CM_OK)
		return rc;
	ret_effect->known = fact != NULL && !cm_fact_says_more(fact, &told);
	cm_decide_purpose(config, purpose, own, family, past, now,
			  &ret_effect->before);
	cm_decide_purpose(config, purpose, &view, family, past, now,
			  &ret_effect->after);
	return CM_OK;
}
