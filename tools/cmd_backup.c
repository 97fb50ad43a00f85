/*
 * consentctl backup: the whole store in a folder, as it was at one moment;
 * or only who must not get mail, for the times between two backups.
 */
#include "tools/ctl_commands.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/enc.h"
#include "lib/path.h"
#include "policy/config.h"
#include "policy/store.h"
#include "tools/backup.h"
#include "tools/ctl_output.h"
#include "tools/ctl_past.h"
#include "tools/file.h"
#include "tools/refusals.h"

/* ---- the folder --------------------------------------------------------- */

/* Whoever may read it reads people's addresses, who made it or not. */
static int make_folder(const char *path, bool *ret_made, struct cm_error *err)
{
	int rc = cm_file_new_folder(path, ret_made, err);

	if (rc == CM_OK && chmod(path, 0700) != 0)
		rc = cm_fail_errno(err, errno, "%s", path);
	return rc;
}

/* ---- the manifest ------------------------------------------------------- */

static void add_files(struct cm_json_writer *w, const struct cm_backup *made)
{
	cm_json_name(w, "files");
	cm_json_begin_array(w);
	for (size_t i = 0; i < CM_BACKUP_FILES; i++) {
		char hex[CM_HEX_LEN(CM_HASH_LEN) + 1];

		(void)cm_hex_encode(made->files[i].sha256, CM_HASH_LEN, hex);
		cm_json_begin_object(w);
		cm_json_put_text(w, "name", cm_backup_file_name(i));
		cm_json_put_int(w, "octets", (int64_t)made->files[i].octets);
		cm_json_put_text(w, "sha256", hex);
		cm_json_end(w);
	}
	cm_json_end(w);
}

static void add_manifest(const struct cm_ctl *ctl, struct cm_json_writer *w,
			 const struct cm_backup *made)
{
	char root[CM_HEX_LEN(CM_HASH_LEN) + 1];

	(void)cm_hex_encode(made->root.b, CM_HASH_LEN, root);
	cm_json_begin_object(w);
	cm_json_put_int(w, "format", CM_BACKUP_FORMAT);
	cm_json_put_time(w, "made", ctl->now);
	cm_json_put_text(w, "of", ctl->config->store_path);
	cm_json_put_int(w, "events", (int64_t)made->events);
	cm_json_put_time(w, "newest", made->newest_rec);
	cm_json_put_text(w, "root", root);
	add_files(w, made);
	cm_json_end(w);
}

/* The last file: a folder without it is no backup. */
static int write_manifest(struct cm_ctl *ctl, const char *folder,
			  const struct cm_backup *made, struct cm_error *err)
{
	const char *path = cm_arena_printf(ctl->arena, "%s/%s", folder,
					   CM_BACKUP_MANIFEST);
	struct cm_json_writer w;
	struct cm_buf text;
	int rc;

	cm_buf_init(&text, CM_BACKUP_MANIFEST_MAX);
	cm_json_init(&w, &text, CM_JSON_PRETTY);
	add_manifest(ctl, &w, made);
	if (path == NULL || cm_json_done(&w) != CM_OK)
		rc = cm_fail(err, CM_ENOMEM, "cannot make the manifest");
	else
		rc = cm_file_write_new(
			path, cm_span_n(cm_buf_text(&text), text.len), err);
	cm_buf_free(&text);
	return rc == CM_OK ? cm_path_sync_folder(folder, err) : rc;
}

/* ---- the commands ------------------------------------------------------- */

static int answer_json(const struct cm_ctl *ctl, const struct cm_backup *made,
		       struct cm_error *err)
{
	struct cm_out_json json;

	cm_out_json_begin(&json);
	add_manifest(ctl, &json.w, made);
	return cm_out_json_end(&json, ctl->out, err);
}

static void answer_text(const struct cm_ctl *ctl, const char *folder,
			const struct cm_backup *made)
{
	char root[CM_HEX_LEN(CM_HASH_LEN) + 1];
	uint64_t octets = 0;

	for (size_t i = 0; i < CM_BACKUP_FILES; i++)
		octets += made->files[i].octets;
	(void)cm_hex_encode(made->root.b, CM_HASH_LEN, root);
	(void)fprintf(ctl->out, "%s: ", folder);
	cm_out_plural(ctl->out, made->events, "event");
	(void)fprintf(ctl->out, ", %" PRIu64 " MB, tree root %s\n",
		      (octets + 500000) / 1000000, root);
	(void)fprintf(ctl->out,
		      "The keys are not in it.  Keep a copy of %s in another "
		      "place: without\nits store key nobody can read this "
		      "backup, and with it, who finds both can.\n",
		      ctl->config->keys_path);
}

/* A memory of mails that is a moment newer than the store does no harm. */
static int backup_sent(struct cm_ctl *ctl, const char *folder,
		       struct cm_error *err)
{
	struct cm_sent *sent;
	int rc = cm_ctl_sent(ctl, &sent, err);

	return rc == CM_OK && sent != NULL ? cm_sent_backup(sent, folder, err)
					   : rc;
}

static void remove_sent(struct cm_ctl *ctl, const char *folder)
{
	const char *into = cm_arena_printf(ctl->arena, "%s/milter", folder);
	const char *file = cm_arena_printf(ctl->arena, "%s/data.mdb", into);

	if (into == NULL || file == NULL)
		return;
	(void)unlink(file);
	(void)rmdir(into);
}

static int backup_all(struct cm_ctl *ctl, const char *folder,
		      struct cm_error *err)
{
	struct cm_progress progress;
	struct cm_backup made;
	bool new_folder = false;
	int rc = make_folder(folder, &new_folder, err);

	if (rc != CM_OK)
		return rc;
	cm_progress_init(&progress, ctl->notes);
	progress.what = "copying";
	rc = cm_store_backup(ctl->store, folder, cm_progress_show, &progress,
			     &made, err);
	cm_progress_end(&progress);
	if (rc == CM_OK)
		rc = backup_sent(ctl, folder, err);
	if (rc == CM_OK)
		rc = write_manifest(ctl, folder, &made, err);
	if (rc != CM_OK) {
		remove_sent(ctl, folder);
		cm_store_remove(folder);
		if (new_folder)
			(void)rmdir(folder);
		return rc;
	}
	if (ctl->json)
		return answer_json(ctl, &made, err);
	answer_text(ctl, folder, &made);
	return CM_OK;
}

static int backup_refusals(struct cm_ctl *ctl, const char *path,
			   struct cm_error *err)
{
	struct cm_out_json json;
	uint64_t count = 0;
	int rc = cm_refusals_write(ctl, path, &count, err);

	if (rc != CM_OK)
		return rc;
	if (ctl->json) {
		cm_out_json_begin(&json);
		cm_json_begin_object(&json.w);
		cm_json_put_time(&json.w, "made", ctl->now);
		cm_json_put_text(&json.w, "file", path);
		cm_json_put_int(&json.w, "refusals", (int64_t)count);
		cm_json_end(&json.w);
		return cm_out_json_end(&json, ctl->out, err);
	}
	(void)fprintf(ctl->out, "%s: ", path);
	cm_out_plural(ctl->out, count, "refusal");
	(void)fputs("; no addresses in it\n", ctl->out);
	return CM_OK;
}

int cm_cmd_backup(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	const char *refusals = cm_args_get(args, "refusals-only");

	if ((cm_args_count(args) == 1) == (refusals != NULL))
		return cm_fail(err, CM_EUSAGE,
			       "usage: consentctl backup DIR, or consentctl "
			       "backup --refusals-only FILE");
	if (refusals != NULL)
		return backup_refusals(ctl, refusals, err);
	return backup_all(ctl, cm_args_word(args, 0), err);
}
