/*
 * leave - what a link to leave means for one contact.  Pure.
 */
#ifndef CM_WEB_LEAVE_H
#define CM_WEB_LEAVE_H

#include "policy/config.h"
#include "policy/view.h"

/*
 * The purpose that a token's id stands for: the config's, or, since a way out
 * outlives the config, one that the contact's own facts name or one above it.
 * CM_ENOTFOUND if nobody knows the id.  The span is the config's or view's.
 */
CM_MUST_CHECK int cm_leave_path(const struct cm_config *config,
				const struct cm_view *view,
				const uint8_t id[CM_PURPOSE_ID_LEN],
				struct cm_span *ret_path);

/*
 * Has the person already left, so that another withdrawal would change
 * nothing?  True while no grant or request on the path, above or below, is as
 * new as the withdrawal.
 */
bool cm_leave_stands(const struct cm_view *view, struct cm_span path);

/*
 * Is saying so now no more than a repeat (R8058-13)?  Not an hour later: then
 * it is an act of its own.  What said it first may have been a scanner, whose
 * burst gets taken back (policy/burst.h), and must not take this with it.
 */
bool cm_leave_is_repeat(const struct cm_view *view, struct cm_span path,
			int64_t now);

/* Was the link made on a day before that of the newest grant of the path? */
bool cm_leave_is_older(const struct cm_view *view, struct cm_span path,
		       uint16_t day);

#endif
