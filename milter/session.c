/*
 * See session.h.
 *
 * A message is decided at its end, whatever was said before: RCPT only spares
 * the client the body where the envelope alone tells the stream.  What is not
 * marketing is never edited, and but for optin streams no store is asked.
 */
#include "milter/session.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "milter/asking.h"
#include "milter/judge.h"
#include "milter/release.h"
#include "milter/sample.h"

enum {
	/* The edit's memory: the old body, the new one, and both readers'
	 * notes, besides something for the headers. */
	CM_EDIT_BODIES = 6,
	CM_EDIT_BASE = 16 << 20,
};

struct cm_session {
	struct cm_engine *engine;
	char *listener_name;
	struct cm_mta mta;
	bool answers_rcpt;
	const char *stream;
	void (*report)(void *ctx, const struct cm_decided *decided);
	void *report_ctx;

	bool has_client;
	uint8_t client[16];
	bool is_local; /* sendmail(1) */

	struct cm_judge judge;
	struct cm_message *message;

	/* From MAIL to the end of the message; NULL in between. */
	struct cm_snapshot *snapshot;
	const struct cm_listener *listener;
	const char *auth;
	bool lame; /* something of the envelope could not be kept */
	bool classified_envelope;
	bool classified_message;
	struct cm_classified envelope; /* by the envelope alone */
	struct cm_classified whole;    /* with the headers */
};

bool cm_session_may_refuse_rcpt(const struct cm_config *config)
{
	size_t i;

	for (i = 0; i < config->nstreams; i++) {
		const struct cm_stream *stream = &config->streams[i];

		if (cm_stream_asks_store(stream) &&
		    stream->mode == CM_MODE_ENFORCE &&
		    stream->refuse == CM_REFUSE_REJECT)
			return true;
	}
	return false;
}

int cm_session_new(const struct cm_session_options *options,
		   struct cm_session **ret_session)
{
	struct cm_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return CM_ENOMEM;
	session->engine = options->engine;
	session->mta = options->mta;
	session->answers_rcpt = options->answers_rcpt;
	session->stream = options->stream;
	session->report = options->report;
	session->report_ctx = options->report_ctx;
	session->is_local = true; /* until a client port is known */
	cm_judge_init(&session->judge, options->engine);
	session->listener_name = strdup(options->listener);
	if (session->listener_name == NULL ||
	    cm_message_new(&session->message) != CM_OK) {
		cm_session_free(&session);
		return CM_ENOMEM;
	}
	*ret_session = session;
	return CM_OK;
}

void cm_session_free(struct cm_session **session)
{
	if (*session == NULL)
		return;
	cm_session_abort(*session);
	cm_judge_free(&(*session)->judge);
	cm_message_free(&(*session)->message);
	free((*session)->listener_name);
	free(*session);
	*session = NULL;
}

void cm_session_connect(struct cm_session *session, const uint8_t *address,
			unsigned port)
{
	session->has_client = address != NULL;
	if (address != NULL)
		memcpy(session->client, address, sizeof(session->client));
	session->is_local = address == NULL || port == 0;
}

static const char *macro(const struct cm_session *session, const char *name)
{
	return session->mta.ops->macro(session->mta.ctx, name);
}

static enum cm_answer answer(struct cm_session *session, enum cm_answer what,
			     const struct cm_reply *reply)
{
	/* Without our text the MTA still refuses, in its own words. */
	if (reply != NULL)
		(void)session->mta.ops->set_reply(session->mta.ctx, reply->code,
						  reply->status, reply->text);
	return what;
}

/* ---- envelope --------------------------------------------------------- */

static void end_message(struct cm_session *session)
{
	if (session->snapshot == NULL)
		return;
	cm_message_end(session->message);
	cm_engine_unpin(session->engine, &session->snapshot);
	cm_engine_end(session->engine);
	session->listener = NULL;
	session->auth = NULL;
	session->lame = false;
	session->classified_envelope = false;
	session->classified_message = false;
}

void cm_session_mail(struct cm_session *session, const char *sender)
{
	struct cm_message *message = session->message;
	const char *auth;

	cm_session_abort(session);
	session->snapshot = cm_engine_pin(session->engine);
	cm_engine_begin(session->engine);
	session->listener = cm_config_listener(session->snapshot->config,
					       session->listener_name);
	if (session->listener == NULL ||
	    cm_message_begin(message, sender,
			     session->snapshot->config->max_edit_size) != CM_OK)
		session->lame = true;
	auth = macro(session, "{auth_authen}");
	if (auth == NULL)
		return;
	session->auth = cm_arena_strdup(message->arena, auth);
	if (session->auth == NULL)
		session->lame = true;
}

static struct cm_facts facts_of(const struct cm_session *session,
				bool with_headers)
{
	const struct cm_message *message = session->message;
	struct cm_facts facts = {
		.listener = session->listener,
		.has_client = session->has_client,
		.auth = cm_span(session->auth),
		.sender = cm_span(message->sender),
		.headers_known = with_headers,
	};

	memcpy(facts.client, session->client, sizeof(facts.client));
	facts.null_sender = facts.sender.n == 0 ||
			    cm_span_is(cm_span_trim(facts.sender), "<>");
	if (with_headers) {
		facts.headers = message->headers;
		facts.nheaders = message->nheaders;
	}
	return facts;
}

static void classify(struct cm_session *session, const struct cm_facts *facts,
		     struct cm_classified *ret)
{
	const struct cm_config *config = session->snapshot->config;
	const struct cm_stream *stream = NULL;

	if (session->stream != NULL)
		stream = cm_config_stream(config, session->stream);
	if (stream == NULL) {
		cm_classify(config, facts, ret);
		return;
	}
	memset(ret, 0, sizeof(*ret));
	ret->class = CM_CLASS_STREAM;
	ret->stream = stream;
	ret->purposes = stream->purposes;
	ret->npurposes = stream->npurposes;
	ret->rule = "named";
}

static const struct cm_classified *by_envelope(struct cm_session *session)
{
	if (!session->classified_envelope) {
		const struct cm_facts facts = facts_of(session, false);

		classify(session, &facts, &session->envelope);
		session->classified_envelope = true;
	}
	return &session->envelope;
}

/* Headers that were cut short prove nothing: then the envelope must do. */
static const struct cm_classified *by_all(struct cm_session *session)
{
	if (session->message->headers_lost)
		return by_envelope(session);
	if (!session->classified_message) {
		const struct cm_facts facts = facts_of(session, true);

		classify(session, &facts, &session->whole);
		session->classified_message = true;
	}
	return &session->whole;
}

static bool asks_store(const struct cm_classified *classified)
{
	return (classified->class == CM_CLASS_STREAM ||
		classified->class == CM_CLASS_BULK) &&
	       classified->stream != NULL &&
	       cm_stream_asks_store(classified->stream);
}

static bool is_marketing(const struct cm_classified *classified)
{
	return asks_store(classified) &&
	       cm_stream_is_marketing(classified->stream);
}

static bool is_optin(const struct cm_classified *classified)
{
	return asks_store(classified) &&
	       classified->stream->type == CM_STREAM_OPTIN;
}

/* It holds a link that is one person's, and nobody knows whose. */
static void refuse_company(struct cm_recipient *rcpt)
{
	rcpt->verdict = CM_VERDICT_REFUSE;
	rcpt->reason = CM_REASON_NOT_ALONE;
	rcpt->by_family = false;
	rcpt->has_event = false;
}

/* ---- RCPT ------------------------------------------------------------- */

/* True where a recipient may be answered at once (design 7). */
static bool decides_at_rcpt(struct cm_session *session)
{
	const struct cm_classified *classified;

	if (!session->answers_rcpt || session->is_local || session->lame)
		return false;
	classified = by_envelope(session);
	return classified->class == CM_CLASS_STREAM && asks_store(classified) &&
	       classified->stream->mode == CM_MODE_ENFORCE;
}

static enum cm_answer refuse_rcpt(struct cm_session *session,
				  struct cm_recipient *rcpt,
				  const struct cm_reply *reply)
{
	rcpt->fate = CM_FATE_REFUSED_RCPT;
	return answer(session, CM_ANSWER_REJECT, reply);
}

static enum cm_answer defer_rcpt(struct cm_session *session,
				 struct cm_recipient *rcpt)
{
	rcpt->fate = CM_FATE_DEFERRED_RCPT;
	return answer(session, CM_ANSWER_TEMPFAIL, &cm_reply_tempfail);
}

/* People of this message who were told yes, besides the last one. */
static size_t told_yes(const struct cm_message *message)
{
	size_t i, n = 0;

	for (i = 0; i + 1 < message->nrcpts; i++)
		n += message->rcpts[i].fate == CM_FATE_PENDING &&
		     message->rcpts[i].verdict == CM_VERDICT_ALLOW;
	return n;
}

static enum cm_answer judge_rcpt(struct cm_session *session,
				 struct cm_recipient *rcpt)
{
	struct cm_error err;

	if (cm_judge_all(&session->judge, session->snapshot->config,
			 &session->envelope, rcpt, 1,
			 told_yes(session->message), session->message->arena,
			 &err) != CM_OK)
		return defer_rcpt(session, rcpt);
	if (rcpt->verdict == CM_VERDICT_TEMPFAIL)
		return defer_rcpt(session, rcpt);
	if (rcpt->verdict == CM_VERDICT_REFUSE)
		return refuse_rcpt(session, rcpt, &cm_reply_refused);
	return CM_ANSWER_CONTINUE;
}

enum cm_answer cm_session_rcpt(struct cm_session *session, const char *typed)
{
	struct cm_recipient *rcpt;

	if (session->snapshot == NULL)
		return CM_ANSWER_CONTINUE;
	rcpt = cm_message_rcpt(session->message, typed);
	if (!decides_at_rcpt(session))
		return CM_ANSWER_CONTINUE;
	if (rcpt == NULL) {
		session->message->rcpts_lost--;
		session->message->rcpts_deferred++;
		return answer(session, CM_ANSWER_TEMPFAIL, &cm_reply_too_many);
	}
	if (rcpt->routed) {
		rcpt->verdict = CM_VERDICT_REFUSE;
		rcpt->reason = CM_REASON_BAD_ADDRESS;
		return refuse_rcpt(session, rcpt, &cm_reply_route);
	}
	if (rcpt->elusive) {
		rcpt->verdict = CM_VERDICT_REFUSE;
		rcpt->reason = CM_REASON_BAD_ADDRESS;
		return refuse_rcpt(session, rcpt, &cm_reply_elusive);
	}
	if (is_optin(&session->envelope) && session->message->nrcpts > 1) {
		refuse_company(rcpt);
		return refuse_rcpt(session, rcpt, &cm_reply_refused);
	}
	if (session->envelope.stream->refuse != CM_REFUSE_REJECT)
		return CM_ANSWER_CONTINUE;
	return judge_rcpt(session, rcpt);
}

/* ---- content ---------------------------------------------------------- */

void cm_session_header(struct cm_session *session, const char *name,
		       const char *value)
{
	if (session->snapshot != NULL)
		cm_message_header(session->message, name, value);
}

void cm_session_body(struct cm_session *session, const void *data, size_t n)
{
	/* Only marketing is edited: other bodies need no memory. */
	if (session->snapshot != NULL && !session->lame &&
	    is_marketing(by_all(session)))
		cm_message_body(session->message, data, n);
}

/* ---- end of message --------------------------------------------------- */

struct ending {
	struct cm_release release;
	struct cm_arena *scratch; /* of the edit; NULL = none */
	const char *queue_id;
	const struct cm_classified *classified;
};

static void tempfail(struct ending *ending, const char *why)
{
	ending->release.result = CM_RESULT_TEMPFAIL;
	ending->release.answer = CM_ANSWER_TEMPFAIL;
	ending->release.reply = &cm_reply_tempfail;
	ending->release.why = why;
}

static void pass(struct ending *ending, const char *why)
{
	ending->release.result = CM_RESULT_PASSED;
	ending->release.answer = CM_ANSWER_CONTINUE;
	ending->release.reply = NULL;
	ending->release.why = why;
}

/* Something of ours failed: 451, but observe lets everything through. */
static void fail(struct ending *ending, int code)
{
	const char *why = "store-unreadable";

	if (code == CM_ENOMEM || code == CM_ELIMIT)
		why = "limit";
	if (ending->classified->stream->mode != CM_MODE_OBSERVE) {
		tempfail(ending, why);
		return;
	}
	pass(ending, why);
	ending->release.result = CM_RESULT_OBSERVED;
}

static void log_failure(struct cm_session *session, const struct ending *ending,
			const struct cm_error *err)
{
	/* The store's state is said once by the engine. */
	if (err->code == CM_EAGAIN || err->code == CM_EIO ||
	    err->code == CM_ECORRUPT)
		return;
	cm_log(cm_engine_log(session->engine), CM_LOG_WARNING, "%s: %s",
	       ending->queue_id != NULL ? ending->queue_id : "NOQUEUE",
	       err->text);
}

static int judge_message(struct cm_session *session, struct ending *ending,
			 struct cm_error *err)
{
	struct cm_message *message = session->message;
	size_t i;
	int rc;

	if (message->rcpts_lost > 0 || message->headers_lost)
		return cm_fail(err, CM_ELIMIT,
			       "too many recipients or headers (%zu and %zu "
			       "kept): send smaller batches",
			       message->nrcpts, message->nheaders);
	rc = cm_judge_all(&session->judge, session->snapshot->config,
			  ending->classified, message->rcpts, message->nrcpts,
			  0, message->arena, err);
	if (!is_optin(ending->classified) || message->nrcpts == 1)
		return rc;
	for (i = 0; i < message->nrcpts; i++)
		if (message->rcpts[i].fate == CM_FATE_PENDING)
			refuse_company(&message->rcpts[i]);
	return rc;
}

static int plan(struct cm_session *session, struct ending *ending,
		struct cm_error *err)
{
	const struct cm_release_request request = {
		.engine = session->engine,
		.snapshot = session->snapshot,
		.classified = ending->classified,
		.message = session->message,
		.hmac = session->judge.hmac,
		.queue_id = ending->queue_id,
		.now = cm_engine_now(session->engine),
	};
	size_t max = CM_EDIT_BASE + CM_EDIT_BODIES * session->message->body.len;
	int rc = cm_arena_new(max, &ending->scratch);

	if (rc != CM_OK)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return cm_release_plan(&request, ending->scratch, &ending->release,
			       err);
}

/* Worth no mail: what goes wrong here is a line in the log. */
static void keep_sample(struct cm_session *session, const struct ending *ending)
{
	const struct cm_config *config = session->snapshot->config;
	const struct cm_message *message = session->message;
	const struct cm_edit *edit = &ending->release.edit;
	const struct cm_sample sample = {
		.now = cm_engine_now(session->engine),
		.queue_id = ending->queue_id,
		.word = edit->disproof,
		.headers = message->headers,
		.nheaders = message->nheaders,
		.before = {cm_buf_text(&message->body), message->body.len},
		.after = edit->disproved,
	};
	char name[CM_SAMPLE_NAME_MAX];
	struct cm_error err;

	if (config->samples_path == NULL || session->report != NULL)
		return;
	if (cm_sample_keep(config->samples_path, config->samples_keep, &sample,
			   name, &err) == CM_OK)
		cm_log(cm_engine_log(session->engine), CM_LOG_WARNING,
		       "%s: kept for you to report as %s/%s.*.eml",
		       ending->queue_id != NULL ? ending->queue_id : "NOQUEUE",
		       config->samples_path, name);
	else
		cm_log_error(cm_engine_log(session->engine), CM_LOG_WARNING,
			     "no sample was kept", &err);
}

static void count_body(struct cm_session *session, const struct ending *ending)
{
	static const enum cm_tally tallies[] = {
		[CM_BODY_FOOTER] = CM_TALLY_FOOTER,
		[CM_BODY_WRAPPED] = CM_TALLY_WRAPPED,
		[CM_BODY_UNEDITABLE] = CM_TALLY_LEFT_ALONE,
		[CM_BODY_DISPROVED] = CM_TALLY_LEFT_ALONE,
	};
	const struct cm_release *release = &ending->release;

	if (!release->has_edit)
		return;
	if (release->edit.outcome != CM_BODY_NOT_WANTED)
		cm_engine_count(session->engine,
				tallies[release->edit.outcome]);
	if (release->edit.disproof != NULL)
		cm_engine_count(session->engine, CM_TALLY_DISPROVED);
	if (release->hold != NULL)
		cm_engine_count(session->engine, CM_TALLY_HELD);
}

static void warn_of_proof(struct cm_session *session,
			  const struct ending *ending)
{
	const char *disproof = ending->release.edit.disproof;

	if (!ending->release.has_edit || disproof == NULL)
		return;
	cm_log(cm_engine_log(session->engine), CM_LOG_WARNING,
	       "%s: the footer did not pass its proof (%s) and was "
	       "left out; please report this message",
	       ending->queue_id != NULL ? ending->queue_id : "NOQUEUE",
	       disproof);
	keep_sample(session, ending);
}

/* Would it go out, and be an ask that counts? */
static bool asks(const struct cm_session *session, const struct ending *ending)
{
	const struct cm_stream *stream = ending->classified->stream;
	enum cm_result result = ending->release.result;

	return stream->type == CM_STREAM_RENEWAL &&
	       stream->mode == CM_MODE_ENFORCE && session->report == NULL &&
	       (result == CM_RESULT_ACCEPTED || result == CM_RESULT_HELD);
}

/* After the plan, so that what cannot go out costs nobody their one ask. */
static int spend_asks(struct cm_session *session, struct ending *ending,
		      struct cm_error *err)
{
	bool again;
	int rc = cm_asking_spend(session->engine, ending->classified->stream,
				 session->message, &again, err);

	if (rc != CM_OK || !again)
		return rc;
	cm_arena_free(&ending->scratch);
	memset(&ending->release, 0, sizeof(ending->release));
	return plan(session, ending, err);
}

/* Mail that leaves keeps a consent from going idle; an ask to renew does not,
 * or nobody's silence would ever end anything. */
static void remember(struct cm_session *session, const struct ending *ending)
{
	const struct cm_classified *classified = ending->classified;
	const struct cm_message *message = session->message;
	size_t i;

	if (classified->stream->type != CM_STREAM_MARKETING ||
	    ending->release.result != CM_RESULT_ACCEPTED)
		return;
	for (i = 0; i < message->nrcpts; i++) {
		const struct cm_recipient *rcpt = &message->rcpts[i];

		if (rcpt->fate == CM_FATE_ALLOWED && rcpt->has_contact &&
		    rcpt->verdict == CM_VERDICT_ALLOW)
			cm_memory_note(cm_engine_memory(session->engine),
				       &rcpt->contact, classified->purposes,
				       classified->npurposes);
	}
}

static void judged(struct cm_session *session, struct ending *ending)
{
	struct cm_error err = {CM_OK, ""};
	int rc = judge_message(session, ending, &err);

	if (rc == CM_OK)
		rc = plan(session, ending, &err);
	if (rc == CM_OK && asks(session, ending))
		rc = spend_asks(session, ending, &err);
	if (rc != CM_OK) {
		log_failure(session, ending, &err);
		fail(ending, rc);
		return;
	}
	count_body(session, ending);
	warn_of_proof(session, ending);
	if (cm_release_apply(&ending->release, session->message,
			     &session->mta) != CM_OK)
		tempfail(ending, "mta-refused-change");
	else
		remember(session, ending);
}

static void decide_end(struct cm_session *session, struct ending *ending)
{
	const struct cm_classified *classified = by_all(session);
	const struct cm_config *config = session->snapshot->config;

	ending->classified = classified;
	if (asks_store(classified))
		judged(session, ending);
	else if (classified->class == CM_CLASS_BULK &&
		 config->unmatched_bulk == CM_BULK_TEMPFAIL)
		tempfail(ending, "unmatched-bulk");
	else if (classified->class == CM_CLASS_LATER)
		tempfail(ending, "limit"); /* headers were lost */
	else
		pass(ending, NULL);
}

static void log_end(struct cm_session *session, const struct ending *ending,
		    int64_t us)
{
	const struct cm_decided decided = {
		.queue_id = ending->queue_id,
		.classified = ending->classified,
		.message = session->message,
		.result = ending->release.result,
		.why = ending->release.why,
		.edit = ending->release.has_edit ? &ending->release.edit : NULL,
		.us = us,
	};

	if (session->report != NULL)
		session->report(session->report_ctx, &decided);
	else
		cm_decision_log(cm_engine_log(session->engine), &decided);
}

enum cm_answer cm_session_eom(struct cm_session *session)
{
	struct ending ending = {.release = {.result = CM_RESULT_PASSED}};
	int64_t began = cm_clock_steady_us();
	enum cm_answer said;

	if (session->snapshot == NULL)
		return CM_ANSWER_CONTINUE;
	ending.queue_id = macro(session, "i");
	if (session->lame)
		tempfail(&ending, "limit");
	else
		decide_end(session, &ending);
	said = answer(session, ending.release.answer, ending.release.reply);
	log_end(session, &ending, cm_clock_steady_us() - began);
	cm_arena_free(&ending.scratch);
	end_message(session);
	return said;
}

/* ---- the client thinks better of it ----------------------------------- */

static bool anybody_answered(const struct cm_message *message)
{
	size_t i;

	for (i = 0; i < message->nrcpts; i++)
		if (message->rcpts[i].fate != CM_FATE_PENDING)
			return true;
	return message->rcpts_deferred > 0;
}

/* Of all recipients refused nothing could follow: that is our doing. */
static enum cm_result result_without_end(const struct cm_message *message)
{
	size_t i;

	for (i = 0; i < message->nrcpts; i++)
		if (message->rcpts[i].fate != CM_FATE_REFUSED_RCPT)
			return CM_RESULT_ABORTED;
	return CM_RESULT_REJECTED;
}

void cm_session_abort(struct cm_session *session)
{
	struct ending ending = {.classified = NULL};

	if (session->snapshot == NULL)
		return;
	/* Refused people are accounted for even if no message follows. */
	if (anybody_answered(session->message)) {
		ending.release.result = result_without_end(session->message);
		ending.classified = &session->envelope;
		ending.queue_id = macro(session, "i");
		log_end(session, &ending, 0);
	}
	end_message(session);
}
