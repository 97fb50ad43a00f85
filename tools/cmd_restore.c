/*
 * consentctl restore: a backup becomes the store, and nobody who refused
 * since gets mail again (AT-ROYALMAIL).
 *
 * The backup becomes a whole store in a folder beside, checked, with every
 * newer refusal put back into it; only then it takes the place of the other,
 * in one step.  Until that step the old store is in use and complete, and its
 * writers are kept out from the moment its refusals are read.  Programs that
 * have the old one open notice that their files are not in their place any
 * more, and give up on it (lib/kv.c).
 */
#include "tools/ctl_commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/proc.h"
#include "policy/config.h"
#include "policy/sent.h"
#include "policy/store.h"
#include "tools/backup.h"
#include "tools/ctl_output.h"
#include "tools/file.h"
#include "tools/refusals.h"

enum {
	REPORT_MAX = 1 << 16,
	PUT_BACK_AT_ONCE = 4096, /* an erasure among them copies private */
};

struct restore {
	struct cm_ctl *ctl;
	const char *folder; /* the backup */
	const char *path;   /* of the store, as in the config */
	const char *beside; /* where the new one is made */
	struct cm_backup backup;
	int64_t made; /* when the backup was */
	bool there;   /* a store is to be replaced */
	struct cm_store_options options;
	struct cm_store_hold hold;
	struct cm_store *store; /* the new one */
	struct cm_event *events;
	size_t nevents;
	uint64_t from_store, from_file; /* put back */
	int64_t file_made;              /* 0: no file was given */
	bool stuck;                     /* the new store takes nothing */
	bool old_read;
	struct cm_progress progress;
};

/* ---- the manifest ------------------------------------------------------- */

static bool take_hash(const struct cm_json_value *of, const char *name,
		      uint8_t out[CM_HASH_LEN])
{
	struct cm_span hex = cm_json_text(cm_json_member(of, name));
	size_t n = 0;

	return cm_hex_decode(hex, out, CM_HASH_LEN, &n) == CM_OK &&
	       n == CM_HASH_LEN;
}

static bool take_file(const struct cm_json_value *file, size_t i,
		      struct cm_backup_file *ret_file)
{
	int64_t octets = cm_json_int(cm_json_member(file, "octets"));

	ret_file->octets = (uint64_t)octets;
	return octets > 0 && take_hash(file, "sha256", ret_file->sha256) &&
	       cm_span_eq(cm_json_text(cm_json_member(file, "name")),
			  cm_span(cm_backup_file_name(i)));
}

static bool take_manifest(struct restore *r, const struct cm_json_value *root)
{
	const struct cm_json_value *files = cm_json_member(root, "files");
	int64_t events = cm_json_int(cm_json_member(root, "events"));
	bool good = cm_clock_parse(cm_json_text(cm_json_member(root, "made")),
				   &r->made) == CM_OK &&
		    events >= 0 && take_hash(root, "root", r->backup.root.b) &&
		    cm_json_count(files) == CM_BACKUP_FILES;

	r->backup.events = (uint64_t)events;
	for (size_t i = 0; good && i < CM_BACKUP_FILES; i++)
		good = take_file(cm_json_item(files, i), i,
				 &r->backup.files[i]);
	return good;
}

static int parse_manifest(struct restore *r, const char *path,
			  struct cm_span text, struct cm_error *err)
{
	const struct cm_json_value *root;
	struct cm_json *json = NULL;
	int64_t format;
	int rc = cm_json_read(text, CM_BACKUP_MANIFEST_MAX, &json, err);

	if (rc != CM_OK) {
		(void)cm_error_prefix(err, "%s: ", path);
		return rc;
	}
	root = cm_json_root(json);
	format = cm_json_int(cm_json_member(root, "format"));
	if (format > CM_BACKUP_FORMAT)
		rc = cm_fail(err, CM_EDATA,
			     "%s: a backup of format %" PRId64
			     ", made by a newer consentctl; this one knows %d",
			     path, format, CM_BACKUP_FORMAT);
	else if (format != CM_BACKUP_FORMAT || !take_manifest(r, root))
		rc = cm_fail(err, CM_EDATA, "%s is no manifest of a backup",
			     path);
	cm_json_free(&json);
	return rc;
}

static int read_manifest(struct restore *r, struct cm_error *err)
{
	const char *path = cm_arena_printf(r->ctl->arena, "%s/%s", r->folder,
					   CM_BACKUP_MANIFEST);
	struct cm_buf text;
	int rc;

	if (path == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	cm_buf_init(&text, CM_BACKUP_MANIFEST_MAX);
	rc = cm_file_read(path, &text, err);
	if (rc == CM_EUSAGE)
		(void)cm_error_prefix(err, "no backup, or one that was not "
					   "finished: ");
	if (rc == CM_OK)
		rc = parse_manifest(
			r, path, cm_span_n(cm_buf_text(&text), text.len), err);
	cm_buf_free(&text);
	return rc;
}

/* ---- the new store, beside ---------------------------------------------- */

static int make_folder(const char *path, mode_t mode, bool may_be_there,
		       struct cm_error *err)
{
	if (mkdir(path, mode) == 0 || (errno == EEXIST && may_be_there))
		return CM_OK;
	return cm_fail_errno(err, errno, "cannot make %s", path);
}

static int check_store(struct restore *r, struct cm_error *err)
{
	struct cm_store_counts counts;
	struct cm_buf report;
	int rc;

	cm_buf_init(&report, REPORT_MAX);
	r->progress.what = "checking the backup";
	rc = cm_store_verify(r->store, &report, cm_progress_show, &r->progress,
			     err);
	if (rc == CM_ECORRUPT) {
		(void)fwrite(cm_buf_text(&report), 1, report.len,
			     r->ctl->notes);
		(void)cm_error_prefix(err, "the backup is damaged, nothing was "
					   "changed: ");
	}
	cm_buf_free(&report);
	if (rc == CM_OK)
		rc = cm_store_count(r->store, &counts, err);
	if (rc == CM_OK &&
	    (counts.events != r->backup.events ||
	     memcmp(&counts.root, &r->backup.root, sizeof(counts.root)) != 0))
		rc = cm_fail(err, CM_ECORRUPT,
			     "the ledger of %s is not the one that its "
			     "manifest tells of; nothing was changed",
			     r->folder);
	return rc;
}

static int make_store(struct restore *r, struct cm_error *err)
{
	const struct cm_config *config = r->ctl->config;
	struct cm_store_options *options = &r->options;
	int rc;

	*options = (struct cm_store_options){
		.path = r->beside,
		.map_size = config->store_map_size,
		.lock_wait_ms = config->store_lock_wait * 1000,
	};
	rc = cm_ctl_groups(config, &options->group, &options->write_group, err);
	if (rc == CM_OK)
		rc = make_folder(r->path, 0755, true, err);
	if (rc == CM_OK)
		rc = make_folder(r->beside, 0700, false, err);
	if (rc == CM_OK)
		rc = cm_store_init_from(options, r->ctl->keys, &r->backup,
					r->folder, err);
	if (rc == CM_OK)
		rc = cm_store_open(options, CM_STORE_REBUILD, r->ctl->keys,
				   &r->store, err);
	/* A backup that an older version made. */
	if (rc == CM_OK && cm_store_is_old(r->store))
		rc = cm_store_rebuild(r->store, NULL, NULL, err);
	return rc == CM_OK ? check_store(r, err) : rc;
}

/* ---- refusals that are newer -------------------------------------------- */

static int put_back(struct restore *r, uint64_t *count, struct cm_error *err)
{
	uint64_t appended = 0;
	int rc = cm_store_replay(r->store, r->events, r->nevents, r->ctl->now,
				 &appended, err);

	r->nevents = 0;
	r->stuck = rc != CM_OK;
	*count += appended;
	return rc;
}

static int put_back_one(struct restore *r, const struct cm_event *event,
			uint64_t *count, struct cm_error *err)
{
	r->events[r->nevents++] = *event;
	return r->nevents == PUT_BACK_AT_ONCE ? put_back(r, count, err) : CM_OK;
}

static int from_store(void *ctx, const struct cm_event *event,
		      struct cm_error *err)
{
	struct restore *r = ctx;

	return put_back_one(r, event, &r->from_store, err);
}

static int from_file(void *ctx, const struct cm_event *event,
		     struct cm_error *err)
{
	struct restore *r = ctx;

	return put_back_one(r, event, &r->from_file, err);
}

static int read_old(struct restore *r, struct cm_error *err)
{
	struct cm_store_options options = r->options;
	struct cm_store *old = NULL;
	int rc;

	options.path = r->path;
	r->progress.what = "reading the refusals since";
	rc = cm_store_hold(&options, r->ctl->keys, &r->hold, err);
	if (rc == CM_OK)
		rc = cm_store_open(&options, CM_STORE_READ, r->ctl->keys, &old,
				   err);
	if (rc == CM_OK)
		rc = cm_store_refusals(old, from_store, r, err);
	cm_store_close(&old);
	if (rc == CM_OK)
		rc = put_back(r, &r->from_store, err);
	return rc;
}

static int no_refusals(const struct restore *r, const struct cm_error *why,
		       struct cm_error *err)
{
	char made[CM_CLOCK_TEXT];

	return cm_fail(err, CM_EREFUSED,
		       "%.400s%snothing tells who has refused since this "
		       "backup was made (%s), and they would get mail again: "
		       "give --refusals FILE (see consentctl(1), RESTORE); "
		       "nothing was changed",
		       why != NULL ? why->text : "", why != NULL ? ": " : "",
		       cm_clock_format(r->made, made));
}

/*
 * All that is known: of the store that goes as much as can be read, and of
 * the file.  One of them must be whole, or the admin answers for it.
 */
static int put_back_all(struct restore *r, const struct cm_args *args,
			struct cm_error *err)
{
	const char *file = cm_args_get(args, "refusals");
	bool answered = cm_args_has(args, "without-refusals");
	struct cm_error why = {0};
	int rc = r->there ? read_old(r, &why) : CM_ENOTFOUND;

	r->old_read = rc == CM_OK;
	/* No word of the old store; and a writer at work has one that lives. */
	if (r->stuck || rc == CM_EAGAIN)
		return cm_fail(err, rc, "%s", why.text);
	if (!r->old_read && file == NULL && !answered)
		return no_refusals(r, r->there ? &why : NULL, err);
	if (!r->old_read && r->there)
		(void)fprintf(r->ctl->notes,
			      "WARNING: the store that is replaced cannot be "
			      "read: %s\n",
			      why.text);
	rc = put_back(r, &r->from_store, err);
	if (rc == CM_OK && file != NULL)
		rc = cm_refusals_read(r->ctl, file, from_file, r, &r->file_made,
				      err);
	if (rc == CM_OK && file != NULL)
		rc = put_back(r, &r->from_file, err);
	return rc;
}

/* ---- the answer --------------------------------------------------------- */

static int answer_json(const struct restore *r, const char *aside,
		       const struct cm_store_counts *counts,
		       struct cm_error *err)
{
	struct cm_out_json json;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_time(&json.w, "made", r->made);
	cm_json_put_int(&json.w, "events", (int64_t)counts->events);
	cm_json_put_int(&json.w, "put_back_from_store", (int64_t)r->from_store);
	cm_json_put_int(&json.w, "put_back_from_file", (int64_t)r->from_file);
	cm_json_put_time(&json.w, "file_made", r->file_made);
	cm_json_put_text(&json.w, "replaced", aside);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, r->ctl->out, err);
}

static void answer_text(const struct restore *r, const char *aside,
			const struct cm_store_counts *counts)
{
	FILE *out = r->ctl->out;
	char made[CM_CLOCK_TEXT];

	(void)fprintf(out, "%s/store: the backup of %s, ", r->path,
		      cm_clock_format(r->made, made));
	cm_out_plural(out, counts->events, "event");
	(void)fputs("\nput back: ", out);
	cm_out_plural(out, r->from_store, "refusal");
	(void)fputs(" of the store that was replaced, ", out);
	(void)fprintf(out, "%" PRIu64 " more of the file\n", r->from_file);
	if (aside != NULL)
		(void)fprintf(out,
			      "The store before is in %s.  It holds people's "
			      "addresses: remove it\nwhen nobody needs it.\n",
			      aside);
	(void)fputs(
		"Restart consent-milter and consent-web: those that run "
		"have the store before open\nand answer 451 to marketing.\n",
		out);
}

/* ---- the command -------------------------------------------------------- */

static int swap(struct restore *r, const char **ret_aside, struct cm_error *err)
{
	char when[CM_CLOCK_TEXT];
	const char *aside;
	int rc;

	cm_store_close(&r->store);
	rc = cm_store_take_place(r->path, r->beside, r->there, err);
	if (rc != CM_OK)
		return rc;
	if (!r->there) {
		(void)rmdir(r->beside);
		return CM_OK;
	}
	/* Done; a name that says what it is is a courtesy. */
	aside = cm_arena_printf(r->ctl->arena, "%s/replaced-%s", r->path,
				cm_clock_format(r->ctl->now, when));
	*ret_aside = aside != NULL && rename(r->beside, aside) == 0 ? aside
								    : r->beside;
	return CM_OK;
}

/* LMDB leaves one where it reads. */
static void remove_lock(const struct restore *r)
{
	const char *lock =
		cm_arena_printf(r->ctl->arena, "%s/milter/lock.mdb", r->folder);

	if (lock != NULL)
		(void)unlink(lock);
}

/* What consent-milter remembers: what is there stays, what the backup has more
 * comes back.  A store that is in its place is not undone for its sake. */
static int merge_sent(const struct restore *r, struct cm_error *err)
{
	const struct cm_config *config = r->ctl->config;
	struct cm_sent_options options = {
		.path = r->folder,
		.map_size = config->store_map_size,
		.lock_wait_ms = config->store_lock_wait * 1000,
	};
	struct cm_proc_user user = {.uid = (uid_t)-1};
	struct cm_sent *from = NULL, *into = NULL;
	int rc = cm_sent_open(&options, &from, err);

	if (rc != CM_OK)
		return rc == CM_ENOTFOUND ? CM_OK : rc;
	options.path = r->path;
	options.write = true;
	if (geteuid() == 0)
		rc = cm_proc_user(config->milter_user, &user, err);
	if (rc == CM_OK)
		rc = cm_sent_make(r->path, user.uid, r->options.group, err);
	if (rc == CM_OK)
		rc = cm_sent_open(&options, &into, err);
	if (rc == CM_OK)
		rc = cm_sent_merge(into, from, err);
	cm_sent_close(&into);
	cm_sent_close(&from);
	remove_lock(r);
	return rc;
}

static void put_sent_back(const struct restore *r)
{
	struct cm_error err;

	if (merge_sent(r, &err) != CM_OK)
		(void)fprintf(r->ctl->notes,
			      "WARNING: whom mail was sent to, and who was "
			      "asked to renew, did not come back: %s\n",
			      err.text);
}

/* Else the milter would take it for an older copy, which it is. */
static void forget_head(const struct restore *r)
{
	const struct cm_config *config = r->ctl->config;
	struct cm_error err;

	if (cm_sent_forget_head(r->path, config->store_map_size,
				config->store_lock_wait * 1000, &err) != CM_OK)
		(void)fprintf(
			r->ctl->notes,
			"WARNING: consent-milter will take it for an older "
			"copy and answer 451: %s\n",
			err.text);
}

static int restore(struct restore *r, const struct cm_args *args,
		   struct cm_error *err)
{
	struct cm_store_counts counts = {0};
	const char *aside = NULL;
	int rc = make_store(r, err);

	if (rc == CM_OK)
		rc = put_back_all(r, args, err);
	if (rc == CM_OK)
		rc = cm_store_count(r->store, &counts, err);
	if (rc == CM_OK)
		rc = swap(r, &aside, err);
	cm_store_close(&r->store);
	cm_progress_end(&r->progress);
	cm_store_release(&r->hold);
	if (rc != CM_OK) {
		cm_store_remove(r->beside);
		(void)rmdir(r->beside);
		return rc;
	}
	put_sent_back(r);
	forget_head(r);
	if (r->ctl->json)
		return answer_json(r, aside, &counts, err);
	answer_text(r, aside, &counts);
	return CM_OK;
}

static int look(struct restore *r, const struct cm_args *args,
		struct cm_error *err)
{
	struct cm_arena *arena = r->ctl->arena;
	char when[CM_CLOCK_TEXT];
	struct stat st;
	const char *store = cm_arena_printf(arena, "%s/store", r->path);

	r->beside = cm_arena_printf(arena, "%s/restore-%s", r->path,
				    cm_clock_format(r->ctl->now, when));
	r->events = cm_arena_array(arena, PUT_BACK_AT_ONCE, sizeof(*r->events));
	if (store == NULL || r->beside == NULL || r->events == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	r->there = lstat(store, &st) == 0;
	if (!r->there && errno != ENOENT && errno != ENOTDIR)
		return cm_fail_errno(err, errno, "%s", store);
	if (r->there && !cm_args_has(args, "yes"))
		return cm_fail(err, CM_EREFUSED,
			       "%s is there: the backup would take its place, "
			       "with everything since lost but refusals; again "
			       "with --yes (nothing was changed)",
			       store);
	return CM_OK;
}

int cm_cmd_restore(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	struct restore r = {
		.ctl = ctl,
		.folder = cm_args_word(args, 0),
		.path = ctl->config->store_path,
		.hold = CM_STORE_HOLD_NONE,
	};
	int rc = look(&r, args, err);

	if (rc == CM_OK)
		rc = read_manifest(&r, err);
	if (rc != CM_OK)
		return rc;
	cm_progress_init(&r.progress, ctl->notes);
	return restore(&r, args, err);
}
