/*
 * grant - what others than the person may put on record of a consent.
 *
 * Lists, admins and programs may lower consent at any time, and raise it only
 * with evidence newer than what the person last said; the marks of design 5,
 * rule 2, they never lift.  Pure.
 */
#ifndef CM_POLICY_GRANT_H
#define CM_POLICY_GRANT_H

#include "policy/decide.h"

/* May marketing rest on a consent from this source?  CM_EREFUSED. */
CM_MUST_CHECK int cm_grant_check_source(const char *source,
					struct cm_error *err);

/* Was it refused by the person's own word, and would still be? */
bool cm_grant_is_barred(const struct cm_decision *before,
			const struct cm_decision *after);

struct cm_grant_effect {
	bool known; /* the record says so already: nothing to write */
	struct cm_decision before;
	struct cm_decision after;
};
/* What a granted event would change for its purpose; past may be NULL. */
CM_MUST_CHECK int cm_grant_try(
	const struct cm_config *config, const struct cm_purpose *purpose,
	const struct cm_event *event, const struct cm_view *own,
	const struct cm_view *family, const struct cm_past *past, int64_t now,
	struct cm_arena *arena, struct cm_grant_effect *ret_effect);

#endif
