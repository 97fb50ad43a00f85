/*
 * consentctl try: what would become of this message?
 *
 * The session code of the daemon runs with an MTA of memory
 * (milter/mta_record.h); the store is asked for real and nothing is written.
 * The message goes to standard output as it would be released, everything
 * else to standard error; with --json one document has it all.
 */
#include "tools/ctl_commands.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "milter/mta_record.h"
#include "tools/ctl_output.h"
#include "tools/file.h"
#include "tools/try_report.h"
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
	struct cm_out_json json;
	bool deferred; /* somebody is to be asked again */
};

static void report(void *ctx, const struct cm_decided *decided)
{
	struct trial *trial = ctx;
	const struct cm_try_report said = {
		.config = trial->ctl->config,
		.decided = decided,
		.reply = cm_record_reply(trial->record),
		.arena = trial->ctl->arena,
	};
	size_t i;

	trial->deferred = decided->result == CM_RESULT_TEMPFAIL;
	for (i = 0; i < decided->message->nrcpts; i++)
		if (decided->message->rcpts[i].fate == CM_FATE_DEFERRED_RCPT)
			trial->deferred = true;
	if (trial->ctl->json)
		cm_try_report_json(&said, &trial->json.w);
	else
		cm_try_report_text(&said, trial->ctl->notes);
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
	const char *path = cm_args_word(trial->args, 0);
	const char *oddity;
	int rc = cm_file_read(path, &trial->eml, err);

	if (rc != CM_OK)
		return rc;
	if (trial->eml.len == 0)
		return cm_fail(err, CM_EDATA, "%s is empty: no message", path);
	rc = cm_record_new(cm_span_n(cm_buf_text(&trial->eml), trial->eml.len),
			   &trial->record, err);
	if (rc != CM_OK)
		return rc;
	oddity = cm_record_oddity(trial->record);
	if (oddity != NULL)
		(void)fprintf(trial->ctl->notes, "note: %s\n", oddity);
	return CM_OK;
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

/* The message as it would be released; in JSON, as base64. */
static int put_message(struct trial *trial, struct cm_error *err)
{
	struct cm_buf out;
	char *text;
	int rc;

	cm_buf_init(&out, 2 * (size_t)CM_RECORD_MAX);
	rc = cm_record_message(trial->record, &out);
	if (rc != CM_OK) {
		cm_buf_free(&out);
		return cm_fail(err, (enum cm_code)rc,
			       "the message is too large for this program");
	}
	if (!trial->ctl->json) {
		/* finish() of main() says so if it was not written. */
		(void)fwrite(out.data, 1, out.len, trial->ctl->out);
		cm_buf_free(&out);
		return CM_OK;
	}
	text = malloc(CM_BASE64_LEN(out.len) + 1);
	if (text != NULL) {
		size_t n = cm_base64_encode(out.data, out.len, text);

		cm_json_put_span(&trial->json.w, "message", cm_span_n(text, n));
	}
	free(text);
	cm_buf_free(&out);
	return text != NULL ? CM_OK : cm_fail(err, CM_ENOMEM, "out of memory");
}

static int conclude(struct trial *trial, struct cm_error *err)
{
	if (cm_record_left(trial->record, 0) != NULL)
		return put_message(trial, err);
	if (trial->ctl->json)
		cm_json_put_text(&trial->json.w, "message", NULL);
	if (!trial->deferred)
		return CM_EREFUSED;
	return cm_fail(err, CM_EAGAIN,
		       "the message would be deferred with 451");
}

/* One document, whatever it says; an error about it comes first. */
static int converse_and_tell(struct trial *trial, struct cm_error *err)
{
	struct cm_error unwritten = {CM_OK, ""};
	int written;
	int rc;

	if (!trial->ctl->json) {
		converse(trial);
		return conclude(trial, err);
	}
	cm_out_json_begin(&trial->json);
	cm_json_begin_object(&trial->json.w);
	converse(trial);
	rc = conclude(trial, err);
	cm_json_end(&trial->json.w);
	written = cm_out_json_end(&trial->json, trial->ctl->out, &unwritten);
	if (written == CM_OK)
		return rc;
	*err = unwritten;
	return written;
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
	if (rc == CM_OK)
		rc = converse_and_tell(&trial, err);
	cm_session_free(&trial.session);
	cm_engine_free(&trial.engine);
	cm_log_free(&trial.log);
	cm_record_free(&trial.record);
	cm_buf_free(&trial.eml);
	return rc;
}
