/* See ctl_past.h. */
#include "tools/ctl_past.h"

#include "policy/past.h"

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

/* The milter's memory is opened only where it is asked. */
static int read_past(struct cm_ctl *ctl, const struct cm_id *contact,
		     const struct cm_purpose *const *purposes, size_t count,
		     bool asked, struct cm_past_known *ret_known,
		     struct cm_error *err)
{
	struct cm_sent *sent = NULL;
	int rc = CM_OK;

	if (asked || cm_past_matters(purposes, count))
		rc = cm_ctl_sent(ctl, &sent, err);
	return rc == CM_OK ? cm_past_read(sent, contact, purposes, count, asked,
					  ret_known, err)
			   : rc;
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
	struct cm_past_known known;
	int rc = read_past(ctl, contact, stream->purposes, stream->npurposes,
			   renewal, &known, err);

	if (rc == CM_OK)
		cm_decide(ctl->config, &classified, own, family, &known.past,
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
	struct cm_past_known known;
	int rc = read_past(ctl, contact, &purpose, 1, false, &known, err);

	if (rc == CM_OK)
		cm_decide_purpose(ctl->config, purpose, own, family,
				  &known.past, at, ret_decision);
	return rc;
}
