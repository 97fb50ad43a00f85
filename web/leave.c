/* See leave.h. */
#include "web/leave.h"

#include <string.h>

#include "policy/purpose.h"

enum { CM_LEAVE_REPEAT_MS = 60 * 60 * 1000 };

static bool has_id(struct cm_span path, const uint8_t id[CM_PURPOSE_ID_LEN])
{
	uint8_t have[CM_PURPOSE_ID_LEN];

	return cm_purpose_id(path, have) == CM_OK &&
	       memcmp(have, id, sizeof(have)) == 0;
}

int cm_leave_path(const struct cm_config *config, const struct cm_view *view,
		  const uint8_t id[CM_PURPOSE_ID_LEN], struct cm_span *ret_path)
{
	const struct cm_purpose *purpose = cm_config_purpose_by_id(config, id);
	size_t i;

	if (purpose != NULL) {
		*ret_path = cm_span(purpose->path);
		return CM_OK;
	}
	for (i = 0; i < view->count; i++) {
		struct cm_span path = view->facts[i].purpose;

		for (; path.n > 0; path = cm_purpose_parent(path)) {
			if (!has_id(path, id))
				continue;
			*ret_path = path;
			return CM_OK;
		}
	}
	return CM_ENOTFOUND;
}

/* Facts after which a new withdrawal says something new. */
static bool goes_the_other_way(enum cm_fact_kind kind)
{
	switch (kind) {
	case CM_FACT_GRANTED:
	case CM_FACT_CONFIRMED:
	case CM_FACT_PERSON_CONFIRMED:
	case CM_FACT_SOFT_OPT_IN:
	case CM_FACT_UNPROVEN:
	case CM_FACT_REQUESTED:
	case CM_FACT_PERSON_REQUESTED:
		return true;
	default:
		return false;
	}
}

static bool related(struct cm_span a, struct cm_span b)
{
	return cm_purpose_covers(a, b) || cm_purpose_covers(b, a);
}

bool cm_leave_stands(const struct cm_view *view, struct cm_span path)
{
	int64_t left = -1, came = -1;
	size_t i;

	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		if ((fact->kind == CM_FACT_WITHDRAWN ||
		     fact->kind == CM_FACT_ERASED) &&
		    cm_purpose_covers(fact->purpose, path) && fact->at > left)
			left = fact->at;
		if (goes_the_other_way(fact->kind) &&
		    related(fact->purpose, path) && fact->at > came)
			came = fact->at;
	}
	return left >= 0 && left > came;
}

bool cm_leave_is_repeat(const struct cm_view *view, struct cm_span path,
			int64_t now)
{
	size_t i;

	if (!cm_leave_stands(view, path))
		return false;
	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		/* Of who was erased nothing more is kept. */
		if (fact->kind == CM_FACT_ERASED ||
		    (fact->kind == CM_FACT_WITHDRAWN &&
		     cm_purpose_covers(fact->purpose, path) &&
		     now - fact->at < CM_LEAVE_REPEAT_MS))
			return true;
	}
	return false;
}

bool cm_leave_is_older(const struct cm_view *view, struct cm_span path,
		       uint16_t day)
{
	size_t i;

	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		if (goes_the_other_way(fact->kind) &&
		    !cm_fact_is_pending(fact->kind) &&
		    fact->kind != CM_FACT_UNPROVEN &&
		    cm_purpose_covers(fact->purpose, path) &&
		    fact->at / CM_DAY_MS > day)
			return true;
	}
	return false;
}
