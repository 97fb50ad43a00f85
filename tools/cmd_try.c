/*
 * consentctl try: what would become of this message?
 *
 * The session code of the daemon runs with an MTA of memory
 * (milter/mta_record.h); the store is asked for real and nothing is written.
 * The message goes to standard output as it would be released, everything
 * else to standard error.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "milter/mta_record.h"
#include "tools/ctl_output.h"
#include "tools/file.h"
#include "tools/words.h"

enum {
	TRY_PORT = 25, /* any: 0 would mean sendmail(1) */
};

struct trial {
	struct cm_ctl *ctl;
	const struct cm_args *args;
	struct cm_buf eml;
	struct cm_log *log;
	struct cm_engine *engine;
	struct cm_record *record;
	struct cm_session *session;
	bool deferred; /* somebody is to be asked again */
};

/* ---- what a person reads ----------------------------------------------- */

static const char *fate_of(const struct cm_recipient *rcpt)
{
	switch (rcpt->fate) {
	case CM_FATE_REFUSED:
	case CM_FATE_REFUSED_RCPT:
		return "refused";
	case CM_FATE_DEFERRED_RCPT:
		return "deferred";
	default:
		return rcpt->verdict == CM_VERDICT_REFUSE ? "would be refused"
							  : "allowed";
	}
}

static void tell_recipient(FILE *notes, const struct cm_recipient *rcpt)
{
	char typed[CM_QUOTE_LEN];

	(void)fprintf(notes, "%s: %s",
		      cm_out_quote(cm_span(rcpt->typed), typed), fate_of(rcpt));
	if (rcpt->verdict == CM_VERDICT_REFUSE || rcpt->has_event)
		(void)fprintf(notes, ", %s", cm_reason_text(rcpt->reason));
	if (rcpt->by_family)
		(void)fputs(" (of an address of the same family)", notes);
	if (rcpt->has_event)
		(void)fprintf(notes, ", event %" PRIu64, rcpt->seq);
	(void)fputc('\n', notes);
}

static void tell_edit(FILE *notes, const struct cm_edit *edit)
{
	size_t i;

	(void)fprintf(notes, "body: %s", cm_body_outcome_name(edit->outcome));
	if (edit->why != NULL)
		(void)fprintf(notes, ", %s", edit->why);
	if (edit->outcome == CM_BODY_FOOTER && edit->language != NULL)
		(void)fprintf(notes, " in %s", edit->language);
	(void)fputc('\n', notes);
	for (i = 0; i < edit->nsplices; i++)
		(void)fprintf(notes, "  part %s, %s\n", edit->splices[i].part,
			      edit->splices[i].what);
}

static void tell_stream(FILE *notes, const struct cm_classified *classified)
{
	static const char *const modes[] = {
		[CM_MODE_OBSERVE] = "observe",
		[CM_MODE_EDIT] = "edit",
		[CM_MODE_ENFORCE] = "enforce",
	};
	const struct cm_stream *stream = classified->stream;

	if (stream == NULL)
		(void)fputs("stream: none\n", notes);
	else if (stream->type == CM_STREAM_SERVICE)
		(void)fprintf(notes, "stream: %s, service: untouched\n",
			      stream->name);
	else
		(void)fprintf(notes, "stream: %s, mode %s\n", stream->name,
			      modes[stream->mode]);
}

static void report(void *ctx, const struct cm_decided *decided)
{
	struct trial *trial = ctx;
	FILE *notes = trial->ctl->notes;
	size_t i;

	trial->deferred = decided->result == CM_RESULT_TEMPFAIL;
	if (decided->classified != NULL)
		tell_stream(notes, decided->classified);
	for (i = 0; i < decided->message->nrcpts; i++) {
		const struct cm_recipient *rcpt = &decided->message->rcpts[i];

		tell_recipient(notes, rcpt);
		if (rcpt->fate == CM_FATE_DEFERRED_RCPT)
			trial->deferred = true;
	}
	if (decided->edit != NULL)
		tell_edit(notes, decided->edit);
	if (decided->why != NULL)
		(void)fprintf(notes, "because: %s\n", decided->why);
	if (decided->result != CM_RESULT_ACCEPTED &&
	    cm_record_reply(trial->record)[0] != '\0')
		(void)fprintf(notes, "reply: %s\n",
			      cm_record_reply(trial->record));
	(void)fprintf(notes, "result: %s\n",
		      decided->result == CM_RESULT_ABORTED
			      ? "nobody is left"
			      : cm_result_name(decided->result));
}

static void note(void *ctx, enum cm_log_level level, const char *line)
{
	struct trial *trial = ctx;

	(void)level;
	(void)fprintf(trial->ctl->notes, "%s\n", line);
}

/* ---- running ----------------------------------------------------------- */

static int make_engine(struct trial *trial, struct cm_error *err)
{
	struct cm_config *config = trial->ctl->config;
	struct cm_templates *templates = NULL;
	int rc;

	if (cm_log_call(note, trial, &trial->log) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_engine_new(config, trial->log, cm_clock_now, &trial->engine,
			   err);
	if (rc == CM_OK)
		rc = cm_templates_load(config->templates, config->language,
				       &templates, err);
	if (rc == CM_OK)
		rc = cm_engine_reload(trial->engine, config, templates, err);
	if (rc != CM_OK)
		cm_templates_free(&templates);
	return rc;
}

static const struct cm_listener *pick_listener(const struct trial *trial,
					       struct cm_error *err)
{
	const struct cm_config *config = trial->ctl->config;
	const char *name = cm_args_get(trial->args, "listener");
	const struct cm_listener *listener =
		config->nlisteners > 0 ? &config->listeners[0] : NULL;

	if (name != NULL)
		listener = cm_config_listener(config, name);
	if (listener == NULL)
		(void)cm_fail(err, CM_EUSAGE,
			      "the config has no listener \"%.60s\"",
			      name != NULL ? name : "");
	return listener;
}

/* One of our own machines: this one, if it counts as such. */
static const uint8_t *pick_client(const struct cm_config *config)
{
	static const uint8_t here[16] = {0, 0, 0,    0,    0,   0, 0, 0,
					 0, 0, 0xff, 0xff, 127, 0, 0, 1};

	if (config->nown_networks == 0 ||
	    cm_network_has(config->own_networks, config->nown_networks, here))
		return here;
	return config->own_networks[0].addr;
}

static int connect_session(struct trial *trial, struct cm_error *err)
{
	const struct cm_config *config = trial->ctl->config;
	const struct cm_listener *listener = pick_listener(trial, err);
	const char *name = cm_args_get(trial->args, "stream");
	const struct cm_stream *stream = NULL;
	struct cm_session_options options = {
		.engine = trial->engine,
		.mta = cm_record_mta(trial->record),
		.answers_rcpt = true,
		.report = report,
		.report_ctx = trial,
	};
	int rc;

	if (listener == NULL)
		return err->code;
	options.listener = listener->name;
	if (name != NULL) {
		rc = cm_word_stream(config, name, &stream, err);
		if (rc != CM_OK)
			return rc;
		options.stream = stream->name;
	}
	if (cm_session_new(&options, &trial->session) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	cm_session_connect(trial->session, pick_client(config), TRY_PORT);
	return CM_OK;
}

static int read_message(struct trial *trial, struct cm_error *err)
{
	int rc = cm_file_read(cm_args_word(trial->args, 0), &trial->eml, err);

	if (rc != CM_OK)
		return rc;
	return cm_record_new(
		cm_span_n(cm_buf_text(&trial->eml), trial->eml.len),
		&trial->record, err);
}

/* What an SMTP client does: without recipients there is no DATA. */
static void converse(struct trial *trial)
{
	size_t count;
	const char *const *rcpts = cm_args_all(trial->args, "rcpt", &count);
	size_t taken = 0;
	size_t i;

	cm_record_mail(trial->record, trial->session,
		       cm_args_get(trial->args, "from"));
	for (i = 0; i < count; i++)
		if (cm_record_rcpt(trial->record, trial->session, rcpts[i]) ==
		    CM_ANSWER_CONTINUE)
			taken++;
	if (taken > 0)
		(void)cm_record_data(trial->record, trial->session);
	else
		cm_session_abort(trial->session);
}

static int print_message(struct trial *trial, struct cm_error *err)
{
	struct cm_buf out;
	int rc;

	cm_buf_init(&out, 2 * (size_t)CM_RECORD_MAX);
	rc = cm_record_message(trial->record, &out);
	if (rc != CM_OK)
		rc = cm_fail(err, (enum cm_code)rc,
			     "the message is too large for this program");
	else if (fwrite(out.data, 1, out.len, trial->ctl->out) != out.len)
		rc = cm_fail(err, CM_EIO, "the message could not be written");
	cm_buf_free(&out);
	return rc;
}

static int conclude(struct trial *trial, struct cm_error *err)
{
	if (cm_record_left(trial->record, 0) != NULL)
		return print_message(trial, err);
	if (trial->deferred)
		return cm_fail(err, CM_EAGAIN,
			       "the message would be deferred with 451");
	return CM_EREFUSED;
}

int cm_cmd_try(struct cm_ctl *ctl, const struct cm_args *args,
	       struct cm_error *err)
{
	struct trial trial = {.ctl = ctl, .args = args};
	int rc;

	cm_buf_init(&trial.eml, CM_RECORD_MAX);
	rc = read_message(&trial, err);
	if (rc == CM_OK)
		rc = make_engine(&trial, err);
	if (rc == CM_OK)
		rc = connect_session(&trial, err);
	if (rc == CM_OK) {
		converse(&trial);
		rc = conclude(&trial, err);
	}
	cm_session_free(&trial.session);
	cm_engine_free(&trial.engine);
	cm_log_free(&trial.log);
	cm_record_free(&trial.record);
	cm_buf_free(&trial.eml);
	return rc;
}
