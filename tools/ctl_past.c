/* See ctl_past.h. */
#include "tools/ctl_past.h"

#include <string.h>

int cm_ctl_sent(struct cm_ctl *ctl, struct cm_sent **ret_sent,
		struct cm_error *err)
{
	const struct cm_sent_options options = {
		.path = ctl->config->store_path,
		.map_size = ctl->config->store_map_size,
	};
	int rc = CM_OK;

	if (!ctl->sent_tried)
		rc = cm_sent_open(&options, &ctl->sent, err);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	ctl->sent_tried = true;
	*ret_sent = ctl->sent;
	return CM_OK;
}

/* What is known of a contact and these purposes. */
struct past {
	struct cm_past past;
	int64_t mailed[CM_STREAM_PURPOSES_MAX];
};

static int read_past(struct cm_ctl *ctl, const struct cm_id *contact,
		     const struct cm_purpose *const *purposes, size_t count,
		     bool asked, struct past *ret_past, struct cm_error *err)
{
	struct cm_sent *sent;
	int rc = cm_ctl_sent(ctl, &sent, err);

	memset(ret_past, 0, sizeof(*ret_past));
	ret_past->past.mailed = ret_past->mailed;
	if (rc != CM_OK || sent == NULL)
		return rc;
	rc = cm_sent_mailed(sent, contact, purposes, count, ret_past->mailed,
			    err);
	if (rc == CM_OK && asked)
		rc = cm_sent_asked(sent, contact, purposes[0],
				   &ret_past->past.asked, err);
	return rc;
}

static bool may_go_idle(const struct cm_purpose *const *purposes, size_t count)
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

int cm_ctl_decide(struct cm_ctl *ctl, const struct cm_stream *stream,
		  const struct cm_id *contact, const struct cm_view *own,
		  const struct cm_view *family, int64_t newest_rec,
		  struct cm_decision *ret_decision, struct cm_error *err)
{
	const struct cm_classified classified = {
		.class = CM_CLASS_STREAM,
		.stream = stream,
		.purposes = stream->purposes,
		.npurposes = stream->npurposes,
		.rule = "asked",
	};
	bool renewal = stream->type == CM_STREAM_RENEWAL;
	struct past past = {{NULL, 0}, {0}};
	int rc = CM_OK;

	if (renewal || may_go_idle(stream->purposes, stream->npurposes))
		rc = read_past(ctl, contact, stream->purposes,
			       stream->npurposes, renewal, &past, err);
	if (rc == CM_OK)
		cm_decide(ctl->config, &classified, own, family, &past.past,
			  newest_rec, ctl->now, ret_decision);
	return rc;
}

int cm_ctl_decide_purpose(struct cm_ctl *ctl, const struct cm_purpose *purpose,
			  const struct cm_id *contact,
			  const struct cm_view *own,
			  const struct cm_view *family, int64_t at,
			  struct cm_decision *ret_decision,
			  struct cm_error *err)
{
	struct past past = {{NULL, 0}, {0}};
	int rc = CM_OK;

	if (may_go_idle(&purpose, 1))
		rc = read_past(ctl, contact, &purpose, 1, false, &past, err);
	if (rc == CM_OK)
		cm_decide_purpose(ctl->config, purpose, own, family, &past.past,
				  at, ret_decision);
	return rc;
}
