/* See publish.h. */
#include "tools/publish.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/enc.h"
#include "lib/crypto.h"
#include "lib/transfer.h"
#include "policy/submit.h"
#include "policy/config.h"
#include "tools/file.h"
#include "tools/heads.h"

enum {
	PUBLIC_MODE = 0644,
	MAIL_MAX = 256 * 1024, /* a checkpoint and some words */
	BASE64_LINE = 76,      /* RFC 2045, 6.8 */
};

/* Which head went out by mail last. */
static const char mailed_name[] = "mailed";

/* ---- a time stamp ------------------------------------------------------- */

static const char *stamp_path(struct cm_ctl *ctl,
			      const struct cm_signed_head *head)
{
	const char *name = cm_arena_printf(ctl->arena, "%010" PRIu64 ".tsr",
					   head->checkpoint.size);

	return name == NULL ? NULL : cm_heads_path(ctl, name);
}

/* Is a stamp due?  The newest one's file tells when it was got. */
static bool stamp_is_due(struct cm_ctl *ctl, const struct cm_heads *heads)
{
	struct cm_period every = ctl->config->checkpoint_tsa_every;
	struct stat st;
	size_t i;

	for (i = heads->count; i-- > 0;) {
		const char *path = stamp_path(ctl, &heads->heads[i]);

		if (path == NULL || stat(path, &st) != 0)
			continue;
		return i + 1 < heads->count &&
		       cm_period_add((int64_t)st.st_mtime * CM_SECOND_MS,
				     every) <= ctl->now;
	}
	return true;
}

static int get_stamp(struct cm_ctl *ctl, const struct cm_signed_head *head,
		     struct cm_buf *request, struct cm_buf *answer,
		     struct cm_published *published, struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	const char *path = stamp_path(ctl, head);
	int rc = path == NULL ? cm_fail(err, CM_ENOMEM, "out of memory")
			      : cm_timestamp_ask(head->note, request, err);

	if (rc == CM_OK)
		rc = cm_transfer_post(config->checkpoint_tsa_url,
				      "application/timestamp-query",
				      cm_span_n(request->data, request->len),
				      answer, err);
	if (rc == CM_OK)
		rc = cm_timestamp_check(
			head->note, cm_span_n(request->data, request->len),
			cm_span_n(cm_buf_text(answer), answer->len),
			config->checkpoint_tsa_ca, &published->stamp_at, err);
	if (rc == CM_EDATA)
		rc = cm_error_prefix(err, "%s: ", config->checkpoint_tsa_url);
	if (rc == CM_OK)
		rc = cm_file_replace(path, cm_span_n(answer->data, answer->len),
				     PUBLIC_MODE, err);
	published->stamped = rc == CM_OK;
	return rc;
}

static int stamp(struct cm_ctl *ctl, const struct cm_heads *heads,
		 struct cm_published *published, struct cm_error *err)
{
	const struct cm_signed_head *newest = &heads->heads[heads->count - 1];
	struct cm_buf request, answer;
	int rc;

	if (ctl->config->checkpoint_tsa_url == NULL ||
	    newest->checkpoint.size == 0 || !stamp_is_due(ctl, heads))
		return CM_OK;
	cm_buf_init(&request, CM_TIMESTAMP_MAX);
	cm_buf_init(&answer, CM_TIMESTAMP_MAX);
	rc = get_stamp(ctl, newest, &request, &answer, published, err);
	cm_buf_free(&request);
	cm_buf_free(&answer);
	return rc;
}

/* ---- copies in a folder ------------------------------------------------- */

static int copy_file(struct cm_ctl *ctl, const char *name, struct cm_span text,
		     struct cm_published *published, struct cm_error *err)
{
	const char *path =
		name == NULL
			? NULL
			: cm_arena_printf(ctl->arena, "%s/%s",
					  ctl->config->checkpoint_drop, name);
	int rc;

	if (path == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (access(path, F_OK) == 0)
		return CM_OK;
	rc = cm_file_replace(path, text, PUBLIC_MODE, err);
	published->copied += rc == CM_OK;
	return rc;
}

/* Every head that is not there yet, and its stamp; changes of the key. */
static int copy(struct cm_ctl *ctl, const struct cm_heads *heads,
		struct cm_published *published, struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	if (ctl->config->checkpoint_drop == NULL)
		return CM_OK;
	for (i = 0; rc == CM_OK && i + 1 < heads->ring.count; i++) {
		rc = copy_file(ctl, cm_heads_rotation(ctl, i + 1),
			       heads->rotations[i], published, err);
		if (rc == CM_OK && heads->stolen[i].n > 0)
			rc = copy_file(ctl, cm_heads_compromise(ctl, i + 1),
				       heads->stolen[i], published, err);
	}
	for (i = 0; rc == CM_OK && i < heads->count; i++) {
		const struct cm_signed_head *head = &heads->heads[i];
		const char *from = stamp_path(ctl, head);
		struct cm_span token;

		rc = copy_file(ctl, head->name, head->note, published, err);
		if (rc != CM_OK)
			return rc;
		rc = cm_heads_file(ctl, from, &token, err);
		if (rc == CM_OK)
			rc = copy_file(ctl, cm_file_name(from), token,
				       published, err);
		else if (rc == CM_ENOTFOUND)
			rc = CM_OK;
	}
	return rc;
}

/* ---- mail --------------------------------------------------------------- */

static int put_base64(struct cm_span data, struct cm_arena *arena,
		      struct cm_buf *out)
{
	char *text = cm_arena_alloc(arena, CM_BASE64_LEN(data.n) + 1);
	size_t n, i;

	if (text == NULL)
		return CM_ENOMEM;
	n = cm_base64_encode(data.p, data.n, text);
	for (i = 0; i < n; i += BASE64_LINE)
		(void)cm_buf_addf(out, "%.*s\r\n", BASE64_LINE, text + i);
	return cm_buf_ok(out);
}

/* The note goes as a file: a line that a mail server wrapped is no proof. */
static int compose(struct cm_ctl *ctl, const struct cm_signed_head *head,
		   const char *from, struct cm_buf *out)
{
	const struct cm_config *config = ctl->config;
	char root[CM_HEX_LEN(CM_HASH_LEN) + 1], date[CM_CLOCK_TEXT];

	(void)cm_hex_encode(head->checkpoint.root.b, CM_HASH_LEN, root);
	(void)cm_buf_addf(out,
			  "From: %s\r\nTo: %s\r\n"
			  "Subject: Checkpoint of a consent ledger: %" PRIu64
			  " events\r\n"
			  "Message-ID: <checkpoint.%" PRIu64 ".%.16s@%s>\r\n",
			  from, config->checkpoint_mail_to,
			  head->checkpoint.size, head->checkpoint.size, root,
			  config->mail_domain);
	(void)cm_buf_addf(out, "Date: %s\r\n", cm_clock_mail(ctl->now, date));
	(void)cm_buf_addf(
		out,
		"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=\"=_%.32s\"\r\n\r\n"
		"--=_%.32s\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n"
		"Please keep the file below.  With it you can tell later, with "
		"the program\r\nconsent-verify and our public key, whether "
		"anything among the first\r\n%" PRIu64
		" events of our ledger of consents was changed or taken "
		"away.\r\n\r\n"
		"--=_%.32s\r\n"
		"Content-Type: application/octet-stream\r\n"
		"Content-Disposition: attachment; filename=\"%s\"\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		root, root, head->checkpoint.size, root, head->name);
	if (put_base64(head->note, ctl->arena, out) != CM_OK)
		return CM_ENOMEM;
	return cm_buf_addf(out, "--=_%.32s--\r\n", root);
}

static bool was_mailed(struct cm_ctl *ctl, const struct cm_signed_head *head)
{
	struct cm_span text;

	return cm_heads_file(ctl, cm_heads_path(ctl, mailed_name), &text,
			     NULL) == CM_OK &&
	       cm_span_eq(cm_span_trim(text), cm_span(head->name));
}

static int note_mailed(struct cm_ctl *ctl, const struct cm_signed_head *head,
		       struct cm_error *err)
{
	const char *path = cm_heads_path(ctl, mailed_name);
	const char *text = cm_arena_printf(ctl->arena, "%s\n", head->name);

	if (path == NULL || text == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return cm_file_replace(path, cm_span(text), PUBLIC_MODE, err);
}

static int hand_in(struct cm_ctl *ctl, const char *from, struct cm_span message,
		   struct cm_error *err)
{
	struct cm_transfer_server server = {.url = NULL};
	int rc = cm_submit_server(ctl->config, ctl->arena, &server, err);

	if (rc == CM_OK)
		rc = cm_transfer_mail(&server, from,
				      ctl->config->checkpoint_mail_to, message,
				      err);
	cm_submit_forget(&server);
	return rc;
}

/* The newest alone: it vouches for all before it. */
static int mail(struct cm_ctl *ctl, const struct cm_heads *heads,
		struct cm_published *published, struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	const struct cm_signed_head *newest = &heads->heads[heads->count - 1];
	const char *from;
	struct cm_buf message;
	int rc;

	if (config->checkpoint_mail_to == NULL ||
	    newest->checkpoint.size == 0 || was_mailed(ctl, newest))
		return CM_OK;
	from = cm_arena_printf(ctl->arena, "checkpoint@%s",
			       config->mail_domain);
	if (from == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	cm_buf_init(&message, MAIL_MAX);
	rc = compose(ctl, newest, from, &message);
	rc = rc != CM_OK ? cm_fail(err, rc, "no room for a mail")
			 : hand_in(ctl, from,
				   cm_span_n(message.data, message.len), err);
	cm_buf_free(&message);
	published->mailed = rc == CM_OK;
	return rc == CM_OK ? note_mailed(ctl, newest, err) : rc;
}

/* ---- all ---------------------------------------------------------------- */

typedef int way_fn(struct cm_ctl *ctl, const struct cm_heads *heads,
		   struct cm_published *published, struct cm_error *err);

int cm_publish(struct cm_ctl *ctl, struct cm_published *ret_published,
	       struct cm_error *err)
{
	static const struct {
		const char *what;
		way_fn *go;
	} ways[] = {
		{"not stamped", stamp},
		{"not copied", copy},
		{"not mailed", mail},
	};
	struct cm_heads heads;
	struct cm_error why;
	char said[CM_ERROR_MAX] = "";
	size_t i, used = 0;
	int rc = cm_heads_read(ctl, &heads, err);

	memset(ret_published, 0, sizeof(*ret_published));
	for (i = 0; rc == CM_OK && heads.count > 0 &&
		    i < sizeof(ways) / sizeof(ways[0]);
	     i++) {
		if (ways[i].go(ctl, &heads, ret_published, &why) == CM_OK)
			continue;
		(void)snprintf(said + used, sizeof(said) - used, "%s%s: %.300s",
			       used > 0 ? "; " : "", ways[i].what, why.text);
		used = strlen(said);
	}
	if (rc == CM_OK && used > 0)
		rc = cm_fail(err, CM_EAGAIN, "%.900s", said);
	return rc;
}
