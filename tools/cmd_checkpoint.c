/*
 * consentctl keys, checkpoint: the key that signs the ledger's head, the
 * signing, and copies of what was signed in the hands of others.
 *
 * A copy that could not be made (a share that is not mounted) does not undo
 * the signature: the exit code says so, and the next run makes it.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/log.h"
#include "lib/proc.h"
#include "policy/config.h"
#include "tools/ctl_output.h"
#include "tools/publish.h"
#include "tools/signer.h"

/* ---- keys --------------------------------------------------------------- */

static int no_section(const struct cm_ctl *ctl, struct cm_error *err)
{
	if (ctl->config->checkpoint_origin != NULL)
		return CM_OK;
	return cm_fail(err, CM_ECONFIG,
		       "%s has no checkpoint section (see checkpoint in "
		       "consent-milter.conf(5))",
		       ctl->config->file);
}

static int print_key_json(struct cm_ctl *ctl, const char *key,
			  struct cm_error *err)
{
	struct cm_out_json json;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "key", key);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

static int rotate_key(struct cm_ctl *ctl, struct cm_error *err)
{
	struct cm_rotation rotation;
	char text[CM_NOTE_KEY_TEXT];
	int rc = cm_ctl_open(ctl, CM_CTL_READ, err);

	if (rc == CM_OK)
		rc = cm_signer_rotate(ctl, &rotation, err);
	if (rc != CM_OK)
		return rc;
	cm_note_key_public(&rotation.new_key, text);
	if (ctl->json)
		rc = print_key_json(ctl, text, err);
	else
		(void)fprintf(ctl->out, "%s\n", text);
	(void)fprintf(ctl->notes,
		      "the key was changed at %" PRIu64
		      " events; the old one is wiped\n"
		      "give the line above to whoever checks the ledger, by a "
		      "way of its own; who\n"
		      "has the old key only is led on by the .rotation files "
		      "in %s\n",
		      rotation.head.size, ctl->config->checkpoint_path);
	return rc;
}

/* Whole seconds, as the note has it. */
static int read_since(const struct cm_ctl *ctl, const struct cm_args *args,
		      int64_t *ret_since, struct cm_error *err)
{
	const char *text = cm_args_get(args, "compromised");
	char quoted[CM_QUOTE_LEN];
	int64_t since = 0;

	if (text != NULL &&
	    (cm_clock_parse(cm_span(text), &since) != CM_OK || since <= 0))
		return cm_fail(err, CM_EUSAGE,
			       "--compromised: \"%s\" is not a time like "
			       "2026-01-31T12:00:00Z",
			       cm_quote(cm_span(text), quoted));
	if (since > ctl->now)
		return cm_fail(err, CM_EUSAGE,
			       "--compromised: %s is yet to come", text);
	*ret_since = since - since % CM_SECOND_MS;
	return CM_OK;
}

static int say_compromised(struct cm_ctl *ctl, int64_t since,
			   struct cm_error *err)
{
	struct cm_compromise compromise;
	char key[CM_NOTE_KEY_TEXT];
	char at[CM_CLOCK_TEXT];
	int rc = cm_ctl_open(ctl, CM_CTL_READ, err);

	if (rc == CM_OK)
		rc = cm_signer_compromised(ctl, since, &compromise, err);
	if (rc != CM_OK)
		return rc;
	cm_note_key_public(&compromise.key, key);
	(void)fprintf(ctl->notes,
		      "others may have had %s since %s: what it signed counts "
		      "only where a later\ncheckpoint, a time stamp from "
		      "before or a kept one bears it out\n"
		      "give the .compromise file in %s to whoever checks the "
		      "ledger, with\nthe new key\n",
		      key, cm_clock_format(since, at),
		      ctl->config->checkpoint_path);
	return CM_OK;
}

int cm_cmd_keys_checkpoint(struct cm_ctl *ctl, const struct cm_args *args,
			   struct cm_error *err)
{
	char text[CM_NOTE_KEY_TEXT];
	struct cm_note_key key;
	bool made = false;
	int64_t since = 0;
	int rc;

	if (cm_args_count(args) > 1)
		return cm_fail(err, CM_EUSAGE,
			       "keys checkpoint: \"%.40s\" is one word too "
			       "many",
			       cm_args_word(args, 1));
	rc = no_section(ctl, err);
	if (rc == CM_OK)
		rc = read_since(ctl, args, &since, err);
	if (rc == CM_OK && cm_args_has(args, "rotate")) {
		rc = rotate_key(ctl, err);
		return rc == CM_OK && since != 0
			       ? say_compromised(ctl, since, err)
			       : rc;
	}
	if (rc == CM_OK && since != 0)
		return say_compromised(ctl, since, err);
	if (rc == CM_OK)
		rc = cm_signer_make(ctl, &key, &made, err);
	if (rc != CM_OK)
		return rc;
	cm_note_key_public(&key, text);
	if (ctl->json)
		rc = print_key_json(ctl, text, err);
	else
		(void)fprintf(ctl->out, "%s\n", text);
	if (made)
		(void)fprintf(ctl->notes,
			      "made %s\ngive the line above to whoever shall "
			      "check the ledger, by a way of its own\n",
			      ctl->config->checkpoint_key);
	return rc;
}

/* ---- checkpoint --------------------------------------------------------- */

/* Root becomes the signer's user, which cannot write to the store. */
static int become_signer(struct cm_ctl *ctl, struct cm_error *err)
{
	struct cm_proc_user user;
	int rc;

	if (geteuid() != 0)
		return CM_OK;
	rc = cm_proc_user(ctl->config->checkpoint_user, &user, err);
	return rc == CM_OK ? cm_proc_drop(&user, err) : rc;
}

/* One line that a log server keeps: all that the note says, in hex. */
static void log_head(struct cm_log *log, const struct cm_signature *signature)
{
	struct cm_line line;

	cm_line_init(&line, cm_span("checkpoint"));
	cm_line_text(&line, "origin", signature->checkpoint.origin);
	cm_line_int(&line, "size", (int64_t)signature->checkpoint.size);
	cm_line_hex(&line, "root", signature->checkpoint.root.b, CM_HASH_LEN);
	cm_line_hex(&line, "sig", signature->sig, sizeof(signature->sig));
	cm_line_write(&line, log, CM_LOG_NOTICE);
	cm_line_free(&line);
}

static int print_json(struct cm_ctl *ctl, const struct cm_signature *signature,
		      const struct cm_published *published,
		      struct cm_error *err)
{
	const struct cm_checkpoint *checkpoint = &signature->checkpoint;
	char root[CM_HEX_LEN(CM_HASH_LEN) + 1];
	struct cm_out_json json;

	(void)cm_hex_encode(checkpoint->root.b, CM_HASH_LEN, root);
	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "origin", checkpoint->origin);
	cm_json_put_int(&json.w, "size", (int64_t)checkpoint->size);
	cm_json_put_text(&json.w, "root", root);
	cm_json_put_bool(&json.w, "new", signature->fresh);
	cm_json_put_span(&json.w, "note", signature->note);
	cm_json_put_int(&json.w, "copied", (int64_t)published->copied);
	cm_json_put_bool(&json.w, "mailed", published->mailed);
	cm_json_put_time(&json.w, "stamped",
			 published->stamped ? published->stamp_at : 0);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

static int print_signature(struct cm_ctl *ctl,
			   const struct cm_signature *signature,
			   const struct cm_published *published,
			   struct cm_error *err)
{
	char at[CM_CLOCK_TEXT];

	if (ctl->json)
		return print_json(ctl, signature, published, err);
	(void)fwrite(signature->note.p, 1, signature->note.n, ctl->out);
	if (!signature->fresh)
		(void)fputs("nothing new since this was signed\n", ctl->notes);
	if (published->stamped)
		(void)fprintf(ctl->notes, "time stamp of %s\n",
			      cm_clock_format(published->stamp_at, at));
	return CM_OK;
}

/* What is refused is an alarm: somebody has to look (F-6). */
static int sign_and_log(struct cm_ctl *ctl, struct cm_log *log,
			struct cm_signature *signature, struct cm_error *err)
{
	int rc = cm_signer_sign(ctl, signature, err);

	if (rc == CM_ECORRUPT)
		cm_log_error(log, CM_LOG_ERROR, "checkpoint", err);
	if (rc == CM_OK && signature->fresh)
		log_head(log, signature);
	return rc;
}

int cm_cmd_checkpoint(struct cm_ctl *ctl, const struct cm_args *args,
		      struct cm_error *err)
{
	struct cm_signature signature;
	struct cm_log *log = NULL;
	struct cm_error why;
	struct cm_published published;
	int publish, rc;

	(void)args;
	rc = no_section(ctl, err);
	if (rc == CM_OK)
		rc = become_signer(ctl, err);
	if (rc == CM_OK)
		rc = cm_ctl_open(ctl, CM_CTL_READ, err);
	if (rc == CM_OK && ctl->config->checkpoint_syslog)
		rc = cm_log_syslog("consentctl", ctl->config->syslog_facility,
				   &log, err);
	if (rc == CM_OK)
		rc = sign_and_log(ctl, log, &signature, err);
	if (rc == CM_OK) {
		publish = cm_publish(ctl, &published, &why);
		rc = print_signature(ctl, &signature, &published, err);
		if (rc == CM_OK && publish != CM_OK) {
			cm_log_error(log, CM_LOG_WARNING, "checkpoint", &why);
			rc = cm_fail(err, CM_EAGAIN,
				     "signed, but %.900s (the next run tries "
				     "again)",
				     why.text);
		}
	}
	cm_log_free(&log);
	return rc;
}
