/*
 * request - consentctl's way to what people asked of us (policy/request.h).
 */
#ifndef CM_TOOLS_REQUEST_H
#define CM_TOOLS_REQUEST_H

#include "policy/request.h"
#include "tools/ctl.h"

/* CM_EUSAGE with the most similar one. */
CM_MUST_CHECK int cm_request_right(const char *word, const char **ret_right,
				   struct cm_error *err);

/* How it stands with one person's request. */
CM_MUST_CHECK int cm_request_read(struct cm_ctl *ctl,
				  const struct cm_id *contact,
				  const char *right,
				  struct cm_right_request *ret_request,
				  struct cm_error *err);

/* Has this person any that is open? */
CM_MUST_CHECK int cm_request_any_open(struct cm_ctl *ctl,
				      const struct cm_id *contact,
				      bool *ret_open, struct cm_error *err);

/*
 * A command did what was asked for: close the request, if one is open.  A
 * failure is a remark to the admin, for the thing itself is done.
 */
void cm_request_fulfil(struct cm_ctl *ctl, const struct cm_id *contact,
		       const char *right);

#endif
