/*
 * consent-verify: does this proof hold?  With a public key alone: no store,
 * no network (design 2).
 *
 * A PROOF is a folder that consentctl evidence or export-proof wrote, or a
 * checkpoint that somebody kept, which every folder is held against.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "tools/file.h"
#include "tools/proof.h"

enum {
	FILE_MAX_LEN = INT32_MAX, /* a ledger of ten million events */
	FILES_MAX = 1000000,
	DEPTH_MAX = 3, /* heads/, events/, ledger/ */
	NOT_VALID = 1,
};

static const char usage[] =
	"usage: consent-verify -k KEY [-t CA.pem] PROOF...\n"
	"  -k KEY  the public key that you trust, or a file with it\n"
	"  -t CA   certificates of the time stamp authority, in PEM\n"
	"  PROOF   a folder made by consentctl evidence or export-proof, or a\n"
	"          checkpoint that you kept, or a change of the key\n"
	"          (N.rotation), or a note that one was stolen\n"
	"          (N.compromise); all of one ledger\n"
	"exit: 0 valid, 1 not valid, 64 wrong command line, 65 not a proof\n";

static const char rotation_suffix[] = ".rotation";

struct verify {
	struct cm_arena *arena;
	struct cm_note_key key;
	struct cm_keyring ring; /* key, and what is known to be of its line */
	char **folders;
	size_t nfolders;
	struct cm_proof_head *held;
	size_t nheld;
	const char *ca; /* of time stamps; NULL = not to be checked */
	bool bad;       /* something given is not valid */
};

static int complain(const struct cm_error *err)
{
	(void)fprintf(stderr, "consent-verify: %s\n", err->text);
	return err->code;
}

/* ---- files -------------------------------------------------------------- */

static int read_file(struct cm_arena *arena, const char *path,
		     struct cm_span *ret_text, struct cm_error *err)
{
	struct cm_buf buf;
	const char *copy = NULL;
	int rc;

	cm_buf_init(&buf, FILE_MAX_LEN);
	rc = cm_file_read(path, &buf, err);
	if (rc == CM_OK)
		copy = cm_arena_dup(arena, cm_buf_text(&buf), buf.len);
	if (rc == CM_OK && copy == NULL)
		rc = cm_fail(err, CM_ENOMEM, "%s: out of memory", path);
	if (rc == CM_OK)
		*ret_text = cm_span_n(copy, buf.len);
	cm_buf_free(&buf);
	return rc;
}

struct folder {
	struct cm_arena *arena;
	const char *path;
	struct cm_proof_file *files;
	size_t count, room;
};

static int add_file(struct folder *folder, const char *path, const char *name,
		    struct cm_error *err)
{
	struct cm_proof_file *file;

	if (folder->count == folder->room) {
		size_t room = folder->room == 0 ? 64 : folder->room * 2;
		void *more = room > FILES_MAX
				     ? NULL
				     : realloc(folder->files,
					       room * sizeof(*folder->files));

		if (more == NULL)
			return cm_fail(err, CM_ELIMIT, "%s: too many files",
				       folder->path);
		folder->files = more;
		folder->room = room;
	}
	file = &folder->files[folder->count++];
	file->name = name;
	return read_file(folder->arena, path, &file->text, err);
}

static int read_folder(struct folder *folder, const char *prefix, int depth,
		       struct cm_error *err);

static int read_entry(struct folder *folder, const char *prefix,
		      const char *entry, int depth, struct cm_error *err)
{
	const char *name =
		cm_arena_printf(folder->arena, "%s%s", prefix, entry);
	const char *path = name == NULL
				   ? NULL
				   : cm_arena_printf(folder->arena, "%s/%s",
						     folder->path, name);
	const char *inside =
		name == NULL ? NULL
			     : cm_arena_printf(folder->arena, "%s/", name);
	struct stat st;

	if (path == NULL || inside == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (lstat(path, &st) != 0)
		return cm_fail_errno(err, errno, "%s", path);
	if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
		return read_folder(folder, inside, depth + 1, err);
	if (!S_ISREG(st.st_mode))
		return cm_fail(err, CM_EREFUSED,
			       "%s is no plain file: it does not belong into "
			       "a proof",
			       path);
	return add_file(folder, path, name, err);
}

static int read_folder(struct folder *folder, const char *prefix, int depth,
		       struct cm_error *err)
{
	const char *path =
		cm_arena_printf(folder->arena, "%s/%s", folder->path, prefix);
	const struct dirent *entry;
	DIR *dir = path == NULL ? NULL : opendir(path);
	int rc = CM_OK;

	if (dir == NULL)
		return cm_fail_errno(err, errno, "%s", folder->path);
	while (rc == CM_OK && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		rc = read_entry(folder, prefix, entry->d_name, depth, err);
	}
	(void)closedir(dir);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cm_proof_file *)a)->name,
		      ((const struct cm_proof_file *)b)->name);
}

/* ---- a folder ----------------------------------------------------------- */

static void tell(const struct cm_proof *proof, const char *path)
{
	const struct cm_checkpoint *newest;

	(void)printf("%s: ", path);
	if (proof->nfaults > 0) {
		(void)printf("NOT VALID\n%s", cm_buf_text(&proof->faults));
		if (proof->nfaults > CM_PROOF_FAULTS_MAX)
			(void)printf("and %llu faults more\n",
				     (unsigned long long)proof->nfaults -
					     CM_PROOF_FAULTS_MAX);
		return;
	}
	newest = &proof->heads[proof->nheads - 1].checkpoint;
	(void)printf("VALID\n"
		     "%s %llu event%s as recorded in the ledger of %s, signed "
		     "with the key that you trust: nothing was changed, taken "
		     "out or moved\n",
		     proof->whole          ? "all"
		     : proof->nevents == 1 ? "this"
					   : "these",
		     (unsigned long long)proof->nevents,
		     proof->nevents == 1 ? " stands" : "s stand",
		     newest->origin);
	if (proof->nopenings > 0)
		(void)printf("evidence of %llu of them is what was recorded "
			     "with them\n",
			     (unsigned long long)proof->nopenings);
	if (proof->nnotices > 0)
		(void)printf("texts shown: %llu, letter for letter\n",
			     (unsigned long long)proof->nnotices);
	(void)printf("%s", cm_buf_text(&proof->facts));
	if (proof->nstamps == 0)
		(void)puts("when they were recorded rests on the word of who "
			   "signed: there is no time stamp");
	else if (proof->stamp == NULL)
		(void)puts("there are time stamps; give -t CA.pem to check "
			   "them");
}

static int check_stamp(void *ctx, struct cm_span note, struct cm_span token,
		       int64_t *ret_ms, struct cm_error *err)
{
	const struct verify *verify = ctx;

	return cm_timestamp_check(note, cm_span_n(NULL, 0), token, verify->ca,
				  ret_ms, err);
}

static int check_folder(struct verify *verify, const char *path,
			struct cm_error *err)
{
	struct folder folder = {.arena = verify->arena, .path = path};
	struct cm_proof proof = {
		.key = &verify->key,
		.known = &verify->ring,
		.arena = verify->arena,
		.held = verify->held,
		.nheld = verify->nheld,
		.stamp = verify->ca != NULL ? check_stamp : NULL,
		.stamp_ctx = verify,
	};
	int rc = read_folder(&folder, "", 0, err);

	cm_buf_init(&proof.faults, FILE_MAX_LEN);
	cm_buf_init(&proof.facts, FILE_MAX_LEN);
	if (rc == CM_OK && folder.count == 0)
		rc = cm_fail(err, CM_EDATA, "%s is empty: not a proof", path);
	if (rc == CM_OK) {
		qsort(folder.files, folder.count, sizeof(*folder.files),
		      by_name);
		proof.files = folder.files;
		proof.nfiles = folder.count;
		rc = cm_proof_check(&proof, err);
	}
	if (rc == CM_OK) {
		tell(&proof, path);
		verify->bad |= proof.nfaults > 0;
	}
	cm_buf_free(&proof.faults);
	cm_buf_free(&proof.facts);
	free(folder.files);
	return rc;
}

/* ---- checkpoints -------------------------------------------------------- */

static int take_held(struct verify *verify, const char *path,
		     struct cm_error *err)
{
	struct cm_proof_head *head = &verify->held[verify->nheld];
	char at[CM_CLOCK_TEXT];
	struct cm_span text;
	size_t i;
	int rc = read_file(verify->arena, path, &text, err);

	if (rc != CM_OK)
		return rc;
	if (cm_keyring_open(&verify->ring, text, &head->checkpoint, &head->key,
			    err) != CM_OK) {
		(void)printf("%s: NOT VALID\nthis checkpoint is not genuine: "
			     "%s\n",
			     path, err->text);
		verify->bad = true;
		return CM_OK;
	}
	head->name = path;
	head->stamped_at = 0;
	verify->nheld++;
	(void)printf("%s: VALID\nsigned with the key that you trust, for the "
		     "first %llu events of %s\n",
		     path, (unsigned long long)head->checkpoint.size,
		     head->checkpoint.origin);
	if (verify->ring.since[head->key] != 0)
		(void)printf(
			"others may have had that key since %s: it counts "
			"only if you have had this checkpoint since "
			"before\n",
			cm_clock_format(verify->ring.since[head->key], at));
	for (i = 0; i + 1 < verify->nheld; i++) {
		if (!cm_proof_forked(&verify->held[i], head))
			continue;
		verify->bad = true;
		(void)printf("NOT VALID: there are two histories: %s and %s "
			     "are both signed for %llu events, but not for "
			     "the same ones\n",
			     verify->held[i].name, path,
			     (unsigned long long)head->checkpoint.size);
	}
	return CM_OK;
}

/* ---- changes of the key ------------------------------------------------- */

static bool ends_in(const char *path, const char *suffix)
{
	size_t n = strlen(path), end = strlen(suffix);

	return n > end && strcmp(path + n - end, suffix) == 0;
}

/* One that does not hold is named later, where it stands. */
static int link_file(struct verify *verify, const char *path,
		     struct cm_error *err)
{
	struct cm_rotation rotation;
	struct cm_span text;
	int rc = read_file(verify->arena, path, &text, err);

	if (rc == CM_OK && cm_rotation_open(text, &rotation, NULL) == CM_OK &&
	    cm_keyring_add(&verify->ring, &rotation, NULL) != CM_OK)
		return CM_OK; /* of another line */
	return rc;
}

/* Numbered from 1. */
static int link_folder(struct verify *verify, const char *folder,
		       struct cm_error *err)
{
	struct stat st;
	unsigned long long number;
	int rc = CM_OK;

	for (number = 1; rc == CM_OK && number < CM_KEYRING_MAX; number++) {
		const char *path = cm_arena_printf(
			verify->arena,
			"%s/" CM_PROOF_KEYS "/" CM_PROOF_NAME ".rotation",
			folder, number);

		if (path == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
			break;
		rc = link_file(verify, path, err);
	}
	return rc;
}

/* Of all that was given, until no more of them joins the line. */
static int link_keys(struct verify *verify, char **paths, size_t count,
		     struct cm_error *err)
{
	struct stat st;
	size_t before, i;
	int rc = CM_OK;

	do {
		before = verify->ring.count;
		for (i = 0; rc == CM_OK && i < count; i++) {
			if (stat(paths[i], &st) != 0)
				continue;
			if (S_ISDIR(st.st_mode))
				rc = link_folder(verify, paths[i], err);
			else if (ends_in(paths[i], rotation_suffix))
				rc = link_file(verify, paths[i], err);
		}
	} while (rc == CM_OK && verify->ring.count > before);
	return rc;
}

static int take_rotation(struct verify *verify, const char *path,
			 struct cm_error *err)
{
	char text[CM_NOTE_KEY_TEXT];
	struct cm_rotation rotation;
	struct cm_span note;
	int rc = read_file(verify->arena, path, &note, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_rotation_open(note, &rotation, err);
	if (rc == CM_OK)
		rc = cm_keyring_add(&verify->ring, &rotation, err);
	if (rc != CM_OK) {
		(void)printf("%s: NOT VALID\nthis change of the key does not "
			     "hold: %s\n",
			     path, err->text);
		verify->bad = true;
		return CM_OK;
	}
	cm_note_key_public(&rotation.new_key, text);
	(void)printf("%s: VALID\nthe key changed at %llu events: from then on "
		     "it is %s\n",
		     path, (unsigned long long)rotation.head.size, text);
	return CM_OK;
}

/* Before anything else is judged. */
static int take_compromise(struct verify *verify, const char *path,
			   struct cm_error *err)
{
	char text[CM_NOTE_KEY_TEXT], at[CM_CLOCK_TEXT];
	struct cm_compromise compromise;
	struct cm_span note;
	int rc = read_file(verify->arena, path, &note, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_compromise_open(note, &compromise, err);
	if (rc == CM_OK)
		rc = cm_keyring_compromise(&verify->ring, &compromise, err);
	if (rc != CM_OK) {
		(void)printf("%s: NOT VALID\nthis note that a key was stolen "
			     "does not hold: %s\n",
			     path, err->text);
		verify->bad = true;
		return CM_OK;
	}
	cm_note_key_public(&compromise.key, text);
	(void)printf("%s: VALID\nothers may have had the key %s since %s\n",
		     path, text, cm_clock_format(compromise.since, at));
	return CM_OK;
}

static int take_compromises(struct verify *verify, char **paths, size_t count,
			    struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < count; i++) {
		if (ends_in(paths[i], CM_PROOF_STOLEN))
			rc = take_compromise(verify, paths[i], err);
	}
	return rc;
}

/* Checkpoints first: folders are held against all of them. */
static int check_all(struct verify *verify, char **paths, size_t count,
		     struct cm_error *err)
{
	struct stat st;
	size_t i;
	int rc = link_keys(verify, paths, count, err);

	if (rc == CM_OK)
		rc = take_compromises(verify, paths, count, err);
	for (i = 0; rc == CM_OK && i < count; i++) {
		if (ends_in(paths[i], CM_PROOF_STOLEN))
			continue;
		if (stat(paths[i], &st) != 0)
			rc = cm_fail_errno(err, errno, "%s", paths[i]);
		else if (S_ISDIR(st.st_mode))
			verify->folders[verify->nfolders++] = paths[i];
		else if (ends_in(paths[i], rotation_suffix))
			rc = take_rotation(verify, paths[i], err);
		else
			rc = take_held(verify, paths[i], err);
	}
	for (i = 0; rc == CM_OK && i < verify->nfolders; i++)
		rc = check_folder(verify, verify->folders[i], err);
	return rc;
}

/* ---- the command line --------------------------------------------------- */

static int read_key(struct verify *verify, const char *word,
		    struct cm_error *err)
{
	struct cm_span text = cm_span(word);
	struct stat st;
	int rc = CM_OK;

	if (stat(word, &st) == 0)
		rc = read_file(verify->arena, word, &text, err);
	if (rc == CM_OK)
		rc = cm_note_key_parse(text, &verify->key, err);
	if (rc == CM_OK && verify->key.can_sign) {
		cm_wipe(&verify->key.seed, sizeof(verify->key.seed));
		return cm_fail(err, CM_EUSAGE,
			       "-k: this is a private key; it must never "
			       "leave the signer");
	}
	if (rc != CM_OK) {
		(void)cm_error_prefix(err, "-k: ");
		err->code = CM_EUSAGE;
	}
	if (rc == CM_OK)
		cm_keyring_init(&verify->ring, &verify->key);
	return rc == CM_OK ? CM_OK : CM_EUSAGE;
}

static int run(struct verify *verify, const char *key, char **paths,
	       size_t count)
{
	struct cm_error err;
	int rc = cm_arena_new(SIZE_MAX / 2, &verify->arena);

	if (rc != CM_OK)
		return cm_exit_code(rc);
	verify->folders = cm_arena_array(verify->arena, count + 1,
					 sizeof(*verify->folders));
	verify->held =
		cm_arena_array(verify->arena, count + 1, sizeof(*verify->held));
	if (verify->folders == NULL || verify->held == NULL)
		rc = cm_fail(&err, CM_ENOMEM, "out of memory");
	if (rc == CM_OK)
		rc = read_key(verify, key, &err);
	if (rc == CM_OK)
		rc = check_all(verify, paths, count, &err);
	if (rc != CM_OK)
		(void)complain(&err);
	cm_arena_free(&verify->arena);
	if (rc == CM_EUSAGE)
		return EX_USAGE;
	if (rc == CM_EREFUSED || (rc == CM_OK && verify->bad))
		return NOT_VALID;
	return rc == CM_OK ? EX_OK : EX_DATAERR;
}

int main(int argc, char **argv)
{
	struct verify verify = {.bad = false};
	const char *key = NULL;
	int c;

	while ((c = getopt(argc, argv, "hk:t:")) != -1) {
		if (c == 'k' && key == NULL) {
			key = optarg;
		} else if (c == 't' && verify.ca == NULL) {
			verify.ca = optarg;
		} else if (c == 'h') {
			(void)fputs(usage, stdout);
			return EX_OK;
		} else {
			(void)fputs(usage, stderr);
			return EX_USAGE;
		}
	}
	if (key == NULL || optind == argc) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	return run(&verify, key, argv + optind, (size_t)(argc - optind));
}
