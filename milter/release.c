/* See release.h. */
#include "milter/release.h"

#include <limits.h>
#include <string.h>

#include "milter/way_out.h"

const struct cm_reply cm_reply_refused = {
	CM_REPLY_REFUSED_CODE,
	CM_REPLY_REFUSED_STATUS,
	CM_REPLY_REFUSED_TEXT,
};
const struct cm_reply cm_reply_tempfail = {
	CM_REPLY_TEMPFAIL_CODE,
	CM_REPLY_TEMPFAIL_STATUS,
	CM_REPLY_TEMPFAIL_TEXT,
};
/* RFC 5321, 3.6.1 and appendix F.2: routes may be refused. */
const struct cm_reply cm_reply_route = {
	"553",
	"5.1.3",
	"Source routes are not accepted here",
};
const struct cm_reply cm_reply_elusive = {
	"553",
	"5.1.3",
	"A recipient address cannot be read",
};
/* RFC 5321, 4.5.3.1.10 */
const struct cm_reply cm_reply_too_many = {
	"452",
	"4.5.3",
	"Too many recipients, send the rest in another message",
};
const struct cm_reply cm_reply_uneditable = {
	"554",
	"5.6.0",
	"No unsubscribe footer can be put into this message",
};

/* ---- who gets it ------------------------------------------------------ */

static bool refuses(const struct cm_release_request *request)
{
	return request->classified->stream->mode == CM_MODE_ENFORCE;
}

/* The reason for a 451, or NULL; it counts in every mode but observe. */
static const char *unsure(const struct cm_message *message)
{
	size_t i;

	for (i = 0; i < message->nrcpts; i++)
		if (message->rcpts[i].fate == CM_FATE_PENDING &&
		    message->rcpts[i].verdict == CM_VERDICT_TEMPFAIL)
			return cm_reason_code(message->rcpts[i].reason);
	return NULL;
}

/* Pending recipients become allowed or refused; how many are allowed. */
static size_t settle(const struct cm_release_request *request)
{
	struct cm_message *message = request->message;
	size_t allowed = 0;
	size_t i;

	for (i = 0; i < message->nrcpts; i++) {
		struct cm_recipient *rcpt = &message->rcpts[i];

		if (rcpt->fate != CM_FATE_PENDING)
			continue;
		if (refuses(request) && rcpt->verdict == CM_VERDICT_REFUSE) {
			rcpt->fate = CM_FATE_REFUSED;
			continue;
		}
		rcpt->fate = CM_FATE_ALLOWED;
		allowed++;
	}
	return allowed;
}

static bool anybody_deleted(const struct cm_message *message)
{
	size_t i;

	for (i = 0; i < message->nrcpts; i++)
		if (message->rcpts[i].fate == CM_FATE_REFUSED)
			return true;
	return false;
}

/* Somebody refused may get the message all the same. */
static bool anybody_elusive(const struct cm_message *message)
{
	size_t i;

	for (i = 0; i < message->nrcpts; i++)
		if (message->rcpts[i].fate == CM_FATE_REFUSED &&
		    message->rcpts[i].elusive)
			return true;
	return false;
}

/*
 * The one person the message is for; NULL if there are several, or if one
 * cannot be told: no token may reach anybody else (requirements D1).  The
 * same address typed twice is one person.
 */
static const struct cm_recipient *only_recipient(
	const struct cm_message *message)
{
	const struct cm_recipient *only = NULL;
	size_t i;

	for (i = 0; i < message->nrcpts; i++) {
		const struct cm_recipient *rcpt = &message->rcpts[i];

		if (rcpt->fate != CM_FATE_ALLOWED)
			continue;
		if (!rcpt->has_contact)
			return NULL;
		if (only != NULL && memcmp(&only->contact, &rcpt->contact,
					   sizeof(only->contact)) != 0)
			return NULL;
		only = rcpt;
	}
	return only;
}

/* ---- the edit --------------------------------------------------------- */

static int make_way_out(const struct cm_release_request *request,
			const struct cm_edit_request *edit,
			struct cm_arena *scratch, struct cm_way_out *ret_out,
			struct cm_error *err)
{
	struct cm_way_out_request out = {
		.config = edit->config,
		.keys = edit->keys,
		.purpose = edit->purpose,
		.contact = edit->contact,
		.now = request->now,
	};
	int rc = cm_way_out_ref(request->hmac, cm_span(request->queue_id),
				request->now, out.message);

	if (rc != CM_OK)
		return cm_fail(err, (enum cm_code)rc,
			       "no message reference could be made");
	cm_way_out_reuse(&out, edit->headers, edit->nheaders);
	return cm_way_out_make(&out, scratch, ret_out, err);
}

static int make_with_keys(const struct cm_release_request *request,
			  struct cm_edit_request *edit,
			  struct cm_arena *scratch, struct cm_edit *ret_edit,
			  struct cm_error *err)
{
	int rc = make_way_out(request, edit, scratch, &edit->way_out, err);

	if (rc != CM_OK)
		return rc;
	/* Of a body that was not kept only the headers can be edited. */
	if (request->message->body_lost)
		edit->way_out.footer_link = NULL;
	return cm_edit_make(edit, scratch, ret_edit, err);
}

static int make_edit(const struct cm_release_request *request,
		     const struct cm_recipient *only, struct cm_arena *scratch,
		     struct cm_edit *ret_edit, struct cm_error *err)
{
	const struct cm_message *message = request->message;
	const struct cm_config *config = request->snapshot->config;
	struct cm_edit_request edit = {
		.config = config,
		.stream = request->classified->stream,
		.purpose = request->classified->purposes[0],
		.templates = request->snapshot->templates,
		.language = only != NULL ? only->language : NULL,
		.headers = message->headers,
		.nheaders = message->nheaders,
		.body = {cm_buf_text(&message->body), message->body.len},
		.contact = only != NULL ? &only->contact : NULL,
		.queue_id = request->queue_id,
		.prove_with_gmime =
			cm_engine_proof_is_due(request->engine, config->proof),
	};
	struct cm_loan loan;
	int rc;

	if (edit.templates == NULL)
		return cm_fail(err, CM_EIO, "there are no footer templates");
	rc = cm_engine_lend(request->engine, &loan, err);
	if (rc != CM_OK)
		return rc;
	edit.keys = loan.keys;
	rc = make_with_keys(request, &edit, scratch, ret_edit, err);
	cm_engine_return(request->engine, &loan, CM_OK, NULL);
	if (rc == CM_OK && message->body_lost &&
	    request->classified->stream->footer) {
		ret_edit->outcome = CM_BODY_UNEDITABLE;
		ret_edit->why = "size";
	}
	return rc;
}

/* Neither shows a footer; whether by its own fault or ours is all the same. */
static bool is_left_alone(const struct cm_edit *edit)
{
	return edit->outcome == CM_BODY_UNEDITABLE ||
	       edit->outcome == CM_BODY_DISPROVED;
}

static void plan_unacceptable(struct cm_release *release)
{
	release->result = CM_RESULT_REJECTED;
	release->answer = CM_ANSWER_REJECT;
	release->reply = &cm_reply_uneditable;
	release->why = "uneditable";
}

/* The reason stands in the MTA's log and queue: no address, no token. */
static int plan_hold(const struct cm_stream *stream, struct cm_arena *scratch,
		     struct cm_release *release, struct cm_error *err)
{
	const struct cm_edit *edit = &release->edit;

	release->hold = cm_arena_printf(
		scratch, "consent-milter: stream %s: no footer (%s)",
		stream->name,
		edit->outcome == CM_BODY_DISPROVED ? "disproved" : edit->why);
	if (release->hold == NULL)
		return cm_fail(err, CM_ENOMEM, "the message's memory is full");
	release->result = CM_RESULT_HELD;
	return CM_OK;
}

static int plan_edit(const struct cm_release_request *request, size_t allowed,
		     struct cm_arena *scratch, struct cm_release *release,
		     struct cm_error *err)
{
	const struct cm_stream *stream = request->classified->stream;
	/* The auditor is somebody else: no token for them to use. */
	const struct cm_recipient *only =
		release->audit == NULL ? only_recipient(request->message)
				       : NULL;
	int rc = make_edit(request, only, scratch, &release->edit, err);

	if (rc != CM_OK)
		return rc;
	release->has_edit = true;
	if (allowed == 0 || stream->mode == CM_MODE_OBSERVE ||
	    !is_left_alone(&release->edit))
		return CM_OK;
	if (stream->uneditable == CM_UNEDITABLE_REJECT)
		plan_unacceptable(release);
	if (stream->uneditable == CM_UNEDITABLE_HOLD)
		return plan_hold(stream, scratch, release, err);
	return CM_OK;
}

/* ---- the plan --------------------------------------------------------- */

/* Nobody may get it. */
static void plan_nobody(const struct cm_release_request *request,
			struct cm_release *release)
{
	switch (request->classified->stream->refuse) {
	case CM_REFUSE_REJECT:
		release->result = CM_RESULT_REJECTED;
		release->answer = CM_ANSWER_REJECT;
		release->reply = &cm_reply_refused;
		break;
	case CM_REFUSE_DROP:
		release->result = CM_RESULT_DISCARDED;
		release->answer = CM_ANSWER_DISCARD;
		break;
	case CM_REFUSE_REWRITE:
		break; /* the auditor gets it */
	}
}

/* To try again would not help: the same would be typed. */
static void plan_elusive(struct cm_release *release)
{
	release->result = CM_RESULT_REJECTED;
	release->answer = CM_ANSWER_REJECT;
	release->reply = &cm_reply_elusive;
	release->why = "unreadable-recipient";
}

static void plan_tempfail(struct cm_release *release, const char *why)
{
	release->result = CM_RESULT_TEMPFAIL;
	release->answer = CM_ANSWER_TEMPFAIL;
	release->reply = &cm_reply_tempfail;
	release->why = why;
}

int cm_release_plan(const struct cm_release_request *request,
		    struct cm_arena *scratch, struct cm_release *ret_release,
		    struct cm_error *err)
{
	const struct cm_stream *stream = request->classified->stream;
	struct cm_release release = {
		.result = stream->mode == CM_MODE_OBSERVE ? CM_RESULT_OBSERVED
							  : CM_RESULT_ACCEPTED,
	};
	const char *why = unsure(request->message);
	size_t allowed;
	int rc = CM_OK;

	if (why != NULL && stream->mode != CM_MODE_OBSERVE) {
		plan_tempfail(&release, why);
		*ret_release = release;
		return CM_OK;
	}
	release.why = why;
	allowed = settle(request);
	if (stream->refuse == CM_REFUSE_REWRITE &&
	    anybody_deleted(request->message))
		release.audit = stream->rewrite_to;
	if (allowed == 0 && refuses(request))
		plan_nobody(request, &release);
	if (release.answer == CM_ANSWER_CONTINUE &&
	    anybody_elusive(request->message))
		plan_elusive(&release);
	if (release.answer == CM_ANSWER_CONTINUE &&
	    cm_stream_is_marketing(stream))
		rc = plan_edit(request, allowed, scratch, &release, err);
	if (rc == CM_OK)
		*ret_release = release;
	return rc;
}

/* ---- carrying it out -------------------------------------------------- */

static int delete_refused(const struct cm_message *message,
			  const struct cm_mta *mta)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; i < message->nrcpts && rc == CM_OK; i++) {
		const struct cm_recipient *rcpt = &message->rcpts[i];

		if (rcpt->fate != CM_FATE_REFUSED)
			continue;
		rc = mta->ops->delete_recipient(mta->ctx, rcpt->kept);
	}
	return rc;
}

/* The next deletion below: the one with the highest nth, since the MTA may
 * count anew after each. */
static unsigned next_nth(const struct cm_edit *edit, unsigned below)
{
	unsigned next = 0;
	size_t i;

	for (i = 0; i < edit->nheaders; i++) {
		const struct cm_header_edit *header = &edit->headers[i];

		if (header->op == CM_HEADER_DELETE && header->nth < below &&
		    header->nth > next)
			next = header->nth;
	}
	return next;
}

static int delete_headers(const struct cm_edit *edit, const struct cm_mta *mta)
{
	unsigned nth = UINT_MAX;
	size_t i;
	int rc = CM_OK;

	while ((nth = next_nth(edit, nth)) > 0)
		for (i = 0; i < edit->nheaders && rc == CM_OK; i++) {
			const struct cm_header_edit *header = &edit->headers[i];

			if (header->op == CM_HEADER_DELETE &&
			    header->nth == nth)
				rc = mta->ops->delete_header(mta->ctx,
							     header->name, nth);
		}
	return rc;
}

/* Each at the top, so the last one first, to stand in the plan's order. */
static int insert_headers(const struct cm_edit *edit, const struct cm_mta *mta)
{
	size_t i;
	int rc = CM_OK;

	for (i = edit->nheaders; i > 0 && rc == CM_OK; i--) {
		const struct cm_header_edit *header = &edit->headers[i - 1];

		if (header->op == CM_HEADER_INSERT)
			rc = mta->ops->insert_header(mta->ctx, 1, header->name,
						     header->value);
	}
	return rc;
}

static int apply_edit(const struct cm_edit *edit, const struct cm_mta *mta)
{
	int rc = delete_headers(edit, mta);

	if (rc == CM_OK)
		rc = insert_headers(edit, mta);
	if (rc == CM_OK && cm_edit_has_body(edit))
		rc = mta->ops->replace_body(mta->ctx, edit->body);
	return rc;
}

int cm_release_apply(const struct cm_release *release,
		     const struct cm_message *message, const struct cm_mta *mta)
{
	int rc = CM_OK;

	if (release->result != CM_RESULT_ACCEPTED &&
	    release->result != CM_RESULT_HELD)
		return CM_OK;
	rc = delete_refused(message, mta);
	/* The auditor must not be told of bounces (RFC 3461, 4.1). */
	if (rc == CM_OK && release->audit != NULL)
		rc = mta->ops->add_recipient(mta->ctx, release->audit,
					     "NOTIFY=NEVER");
	if (rc == CM_OK && release->has_edit)
		rc = apply_edit(&release->edit, mta);
	if (rc == CM_OK && release->hold != NULL)
		rc = mta->ops->quarantine(mta->ctx, release->hold);
	return rc;
}
