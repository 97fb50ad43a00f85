/* See past.h. */
#include "policy/past.h"

#include <string.h>

bool cm_past_matters(const struct cm_purpose *const *purposes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct cm_purpose *node = purposes[i];

		for (; node != NULL; node = node->parent)
			if (!cm_period_is_none(node->idle))
				return true;
	}
	return false;
}

int cm_past_read(struct cm_sent *sent, const struct cm_id *contact,
		 const struct cm_purpose *const *purposes, size_t count,
		 bool asked, struct cm_past_known *ret_known,
		 struct cm_error *err)
{
	int rc;

	memset(ret_known, 0, sizeof(*ret_known));
	ret_known->past.mailed = ret_known->mailed;
	if (sent == NULL)
		return CM_OK;
	rc = cm_sent_mailed(sent, contact, purposes, count, ret_known->mailed,
			    err);
	if (rc == CM_OK && asked)
		rc = cm_sent_asked(sent, contact, purposes[0],
				   &ret_known->past.asked, err);
	return rc;
}
