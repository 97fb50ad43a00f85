/* See signer.h. */
#include "tools/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/lockfile.h"
#include "lib/path.h"
#include "lib/proc.h"
#include "policy/config.h"
#include "policy/store.h"
#include "tools/file.h"
#include "tools/heads.h"

enum {
	LOCK_WAIT_MS = 10000, /* another signature takes milliseconds */
	PUBLIC_MODE = 0644,   /* what is signed is meant to be shown */
};

struct signer {
	struct cm_ctl *ctl;
	struct cm_note_key key;
	struct cm_checkpoint last;
	struct cm_span note; /* of last */
	int lock;
};

static void signer_end(struct signer *signer)
{
	cm_lockfile_drop(&signer->lock);
	cm_wipe(&signer->key, sizeof(signer->key));
}

/* ---- the key ------------------------------------------------------------ */

static int check_key_file(const char *path, struct cm_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0 && errno == ENOENT)
		return cm_fail(err, CM_ECONFIG,
			       "there is no key %s (make it with: consentctl "
			       "keys checkpoint)",
			       path);
	if (stat(path, &st) != 0)
		return cm_fail_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		return cm_fail(err, CM_ECONFIG,
			       "%s: its mode %04o lets others in: chmod 0600 "
			       "it, and think of who may have read it",
			       path, (unsigned)st.st_mode & 07777U);
	return CM_OK;
}

static int read_key(struct cm_ctl *ctl, struct cm_note_key *ret_key,
		    struct cm_error *err)
{
	const char *path = ctl->config->checkpoint_key;
	struct cm_note_key key;
	struct cm_buf buf;
	int rc = check_key_file(path, err);

	if (rc != CM_OK)
		return rc;
	memset(&key, 0, sizeof(key));
	cm_buf_init(&buf, CM_NOTE_KEY_TEXT);
	/* At once: growing would leave copies of the key in freed memory. */
	rc = cm_buf_reserve(&buf, CM_NOTE_KEY_TEXT - 2);
	if (rc == CM_OK)
		rc = cm_file_read(path, &buf, err);
	if (rc == CM_EUSAGE)
		rc = err->code = CM_EIO;
	if (rc == CM_OK)
		rc = cm_note_key_parse(cm_span_n(cm_buf_text(&buf), buf.len),
				       &key, err);
	if (rc == CM_OK && !key.can_sign)
		rc = cm_fail(err, CM_EDATA, "it is a public key");
	if (rc == CM_OK &&
	    strcmp(key.name, ctl->config->checkpoint_origin) != 0)
		rc = cm_fail(err, CM_EDATA,
			     "it is the key of \"%s\", but checkpoint.origin "
			     "is \"%s\"",
			     key.name, ctl->config->checkpoint_origin);
	if (buf.data != NULL)
		cm_wipe(buf.data, buf.cap);
	cm_buf_free(&buf);
	if (rc == CM_EDATA) {
		(void)cm_error_prefix(err, "%s: ", path);
		rc = err->code = CM_ECONFIG;
	}
	if (rc == CM_OK)
		*ret_key = key;
	cm_wipe(&key, sizeof(key));
	return rc;
}

static int random_key(struct cm_ctl *ctl, struct cm_note_key *key,
		      struct cm_error *err)
{
	uint8_t seed[CM_ED25519_SEED_LEN];
	int rc = cm_random(seed, sizeof(seed), err);

	if (rc == CM_OK)
		rc = cm_note_key_make(cm_span(ctl->config->checkpoint_origin),
				      seed, key, err);
	cm_wipe(seed, sizeof(seed));
	return rc;
}

static struct cm_note_key public_half(const struct cm_note_key *key)
{
	struct cm_note_key half = *key;

	cm_wipe(half.seed, sizeof(half.seed));
	half.can_sign = false;
	return half;
}

/* ---- the folder --------------------------------------------------------- */

static bool there(const char *path)
{
	return path != NULL && access(path, F_OK) == 0;
}

/*
 * Record a signed note as the last one, then under its own name.  What has
 * that name stays as it is: a time stamp is of its very octets.
 */
static int record(struct signer *signer, const struct cm_checkpoint *checkpoint,
		  struct cm_span note, struct cm_error *err)
{
	struct cm_ctl *ctl = signer->ctl;
	const char *newest = cm_heads_path(ctl, "checkpoint");
	const char *name = cm_heads_name(ctl, checkpoint->size);
	const char *own = name == NULL ? NULL : cm_heads_path(ctl, name);
	int rc;

	if (newest == NULL || own == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_file_replace(newest, note, PUBLIC_MODE, err);
	if (rc == CM_OK && !there(own))
		rc = cm_file_replace(own, note, PUBLIC_MODE, err);
	return rc;
}

/* next, if there is one, signs too. */
static int sign(const struct signer *signer,
		const struct cm_checkpoint *checkpoint,
		const struct cm_note_key *next, struct cm_span *ret_note,
		struct cm_error *err)
{
	struct cm_buf text, note;
	const char *copy = NULL;
	int rc;

	cm_buf_init(&text, CM_NOTE_MAX);
	cm_buf_init(&note, CM_NOTE_MAX);
	rc = cm_checkpoint_text(checkpoint, &text);
	if (rc == CM_OK)
		rc = cm_note_sign(&signer->key,
				  cm_span_n(cm_buf_text(&text), text.len),
				  &note, err);
	if (rc == CM_OK && next != NULL)
		rc = cm_note_cosign(next,
				    cm_span_n(cm_buf_text(&text), text.len),
				    &note, err);
	if (rc == CM_OK)
		copy = cm_arena_dup(signer->ctl->arena, cm_buf_text(&note),
				    note.len);
	if (rc == CM_OK && copy == NULL)
		rc = cm_fail(err, CM_ENOMEM, "out of memory");
	if (rc == CM_OK)
		*ret_note = cm_span_n(copy, note.len);
	cm_buf_free(&text);
	cm_buf_free(&note);
	return rc;
}

/* Root makes these for the signer's user, whose folder it is: no links. */
static int give(const char *path, const struct cm_proc_user *user,
		struct cm_error *err)
{
	if (geteuid() == 0 && lchown(path, user->uid, user->gid) != 0)
		return cm_fail_errno(err, errno, "%s: chown", path);
	return CM_OK;
}

static int make_folder(struct cm_ctl *ctl, const struct cm_proc_user *user,
		       struct cm_error *err)
{
	const char *path = ctl->config->checkpoint_path;
	const char *lock = cm_heads_path(ctl, "lock");
	int fd, rc;

	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return cm_fail_errno(err, errno, "%s cannot be made", path);
	rc = give(path, user, err);
	if (rc != CM_OK)
		return rc;
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return cm_fail_errno(err, errno, "%s", lock);
	(void)close(fd);
	return give(lock, user, err);
}

static void end_line(char text[CM_NOTE_KEY_TEXT])
{
	size_t n = strlen(text);

	text[n] = '\n';
	text[n + 1] = '\0';
}

static int write_public(struct cm_ctl *ctl, const struct cm_note_key *key,
			const struct cm_proc_user *user, struct cm_error *err)
{
	const char *path = cm_heads_path(ctl, "vkey");
	char text[CM_NOTE_KEY_TEXT];
	int rc;

	if (path == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	cm_note_key_public(key, text);
	end_line(text);
	rc = cm_file_replace(path, cm_span(text), PUBLIC_MODE, err);
	return rc == CM_OK ? give(path, user, err) : rc;
}

/* A new file. */
static int write_private(const char *path, const struct cm_note_key *key,
			 const struct cm_proc_user *user, struct cm_error *err)
{
	char text[CM_NOTE_KEY_TEXT];
	int rc;

	cm_note_key_private(key, text);
	end_line(text);
	rc = cm_file_write_new(path, cm_span(text), err);
	cm_wipe(text, sizeof(text));
	return rc == CM_OK ? give(path, user, err) : rc;
}

/* In this order, so that a key file is never without its memory. */
static int make_all(struct signer *signer, const struct cm_proc_user *user,
		    struct cm_error *err)
{
	struct cm_ctl *ctl = signer->ctl;
	const char *newest = cm_heads_path(ctl, "checkpoint");
	const char *first = cm_heads_path(ctl, cm_heads_name(ctl, 0));
	struct cm_checkpoint none = {.size = 0};
	int rc;

	(void)snprintf(none.origin, sizeof(none.origin), "%s",
		       ctl->config->checkpoint_origin);
	rc = cm_sha256("", 0, none.root.b);
	if (rc == CM_OK)
		rc = sign(signer, &none, NULL, &signer->note, err);
	if (rc == CM_OK)
		rc = record(signer, &none, signer->note, err);
	if (rc == CM_OK)
		rc = write_public(ctl, &signer->key, user, err);
	if (rc == CM_OK)
		rc = give(newest, user, err);
	if (rc == CM_OK)
		rc = give(first, user, err);
	return rc == CM_OK ? write_private(ctl->config->checkpoint_key,
					   &signer->key, user, err)
			   : rc;
}

/* CM_OK and true: a key is there, with all that belongs to it. */
static int is_made(struct cm_ctl *ctl, struct cm_note_key *ret_public,
		   bool *ret_made, struct cm_error *err)
{
	const char *key = ctl->config->checkpoint_key;
	const char *newest = cm_heads_path(ctl, "checkpoint");
	struct cm_heads heads;
	int rc;

	*ret_made = there(key);
	if (there(key) && !there(newest))
		return cm_fail(err, CM_ECORRUPT,
			       "the key %s is there, but not %s, which says "
			       "what it signed: bring it back from a backup "
			       "(or from where copies went)",
			       key, newest);
	if (there(newest) && !there(key))
		return cm_fail(err, CM_ECORRUPT,
			       "%s is there, but not its key %s: bring the key "
			       "back from a backup (a new key cannot sign for "
			       "the old one; to begin anew, choose another "
			       "checkpoint.path and origin)",
			       newest, key);
	if (!there(key))
		return CM_OK;
	rc = cm_heads_read(ctl, &heads, err);
	if (rc == CM_OK)
		*ret_public = heads.key;
	return rc;
}

/* Whose folder it is: the signer's, whoever makes it. */
static int find_user(struct cm_ctl *ctl, struct cm_proc_user *ret_user,
		     struct cm_error *err)
{
	memset(ret_user, 0, sizeof(*ret_user));
	ret_user->uid = geteuid();
	ret_user->gid = getegid();
	if (geteuid() != 0)
		return CM_OK;
	return cm_proc_user(ctl->config->checkpoint_user, ret_user, err);
}

static int take_lock(struct signer *signer, struct cm_error *err)
{
	const char *lock = cm_heads_path(signer->ctl, "lock");

	if (lock == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return cm_lockfile_take(lock, LOCK_WAIT_MS, &signer->lock, err);
}

/* Two at once: the second waits, and finds the key of the first. */
static int make_first(struct signer *signer, struct cm_note_key *ret_public,
		      bool *ret_made, struct cm_error *err)
{
	struct cm_ctl *ctl = signer->ctl;
	struct cm_proc_user user;
	bool made = false;
	int rc = find_user(ctl, &user, err);

	if (rc == CM_OK)
		rc = make_folder(ctl, &user, err);
	if (rc == CM_OK)
		rc = take_lock(signer, err);
	if (rc == CM_OK)
		rc = is_made(ctl, ret_public, &made, err);
	*ret_made = rc == CM_OK && !made;
	if (rc != CM_OK || made)
		return rc;
	rc = random_key(ctl, &signer->key, err);
	if (rc == CM_OK)
		rc = make_all(signer, &user, err);
	if (rc == CM_OK)
		*ret_public = public_half(&signer->key);
	return rc;
}

int cm_signer_make(struct cm_ctl *ctl, struct cm_note_key *ret_public,
		   bool *ret_made, struct cm_error *err)
{
	struct signer signer = {.ctl = ctl, .lock = -1};
	bool made;
	int rc;

	*ret_made = false;
	if (there(ctl->config->checkpoint_key)) /* made last */
		return is_made(ctl, ret_public, &made, err);
	rc = make_first(&signer, ret_public, ret_made, err);
	signer_end(&signer);
	return rc;
}

/* ---- signing ------------------------------------------------------------ */

/* A rotation that was killed may have left the public key behind. */
static int mend_public(const struct signer *signer, struct cm_error *err)
{
	struct cm_ctl *ctl = signer->ctl;
	struct cm_note_key shown;
	struct cm_proc_user user;
	struct cm_span text;

	if (cm_heads_file(ctl, cm_heads_path(ctl, "vkey"), &text, NULL) ==
		    CM_OK &&
	    cm_note_key_parse(text, &shown, NULL) == CM_OK &&
	    cm_note_key_same(&shown, &signer->key))
		return CM_OK;
	if (find_user(ctl, &user, err) != CM_OK)
		return err->code;
	return write_public(ctl, &signer->key, &user, err);
}

static int signer_begin(struct cm_ctl *ctl, struct signer *signer,
			struct cm_error *err)
{
	const char *newest = cm_heads_path(ctl, "checkpoint");
	int rc = read_key(ctl, &signer->key, err);

	if (rc == CM_OK)
		rc = take_lock(signer, err);
	if (rc == CM_OK) /* again: it may just have been changed */
		rc = read_key(ctl, &signer->key, err);
	if (rc == CM_OK)
		rc = cm_heads_file(ctl, newest, &signer->note, err);
	if (rc == CM_ENOTFOUND)
		return cm_fail(err, CM_ECORRUPT,
			       "nothing was signed: %s, which says what was "
			       "signed last, is gone; bring it back from a "
			       "backup or from where copies went",
			       newest);
	if (rc == CM_OK)
		rc = cm_checkpoint_open(&signer->key, signer->note,
					&signer->last, err);
	if (rc == CM_EDATA) {
		(void)cm_error_prefix(err, "nothing was signed: %s: ", newest);
		rc = err->code = CM_ECORRUPT;
	}
	return rc == CM_OK ? mend_public(signer, err) : rc;
}

static int not_consistent(const struct signer *signer, uint64_t size,
			  struct cm_error *err)
{
	if (size < signer->last.size)
		return cm_fail(err, CM_ECORRUPT,
			       "nothing was signed: the ledger has %" PRIu64
			       " events, but a checkpoint of %" PRIu64
			       " was signed before: its end was cut off, or an "
			       "old copy was put in its place",
			       size, signer->last.size);
	return cm_fail(err, CM_ECORRUPT,
		       "nothing was signed: the ledger does not extend the "
		       "checkpoint of %" PRIu64 " events that was signed "
		       "before: something among these events was changed",
		       signer->last.size);
}

/* What the ledger is now, if it extends what was signed last. */
static int look(const struct signer *signer, struct cm_store_reader *reader,
		struct cm_checkpoint *now, struct cm_error *err)
{
	const struct cm_checkpoint *last = &signer->last;
	struct cm_merkle_proof proof;
	int rc;

	*now = *last;
	now->size = cm_store_size(reader);
	if (now->size < last->size)
		return not_consistent(signer, now->size, err);
	rc = cm_store_root(reader, &now->root, err);
	if (rc != CM_OK || last->size == 0)
		return rc;
	rc = cm_store_consistency(reader, last->size, now->size, &proof, err);
	if (rc == CM_OK &&
	    cm_merkle_check_consistency(last->size, &last->root, now->size,
					&now->root, &proof) != CM_OK)
		rc = not_consistent(signer, now->size, err);
	return rc;
}

static int sign_new(struct signer *signer, struct cm_signature *signature,
		    struct cm_error *err)
{
	struct cm_ctl *ctl = signer->ctl;
	struct cm_store_reader *reader = NULL;
	struct cm_span text;
	int rc = cm_store_read_begin(ctl->store, ctl->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	rc = look(signer, reader, &signature->checkpoint, err);
	cm_store_read_end(&reader);
	signature->fresh = signature->checkpoint.size != signer->last.size;
	signature->note = signer->note;
	if (rc == CM_OK && signature->fresh)
		rc = sign(signer, &signature->checkpoint, NULL,
			  &signature->note, err);
	/* The last one again, too: a crash may have left it half recorded. */
	if (rc == CM_OK)
		rc = record(signer, &signature->checkpoint, signature->note,
			    err);
	if (rc == CM_OK)
		rc = cm_note_open(&signer->key, signature->note, &text,
				  signature->sig, err);
	return rc;
}

int cm_signer_sign(struct cm_ctl *ctl, struct cm_signature *ret_signature,
		   struct cm_error *err)
{
	struct signer signer = {.ctl = ctl, .lock = -1};
	struct cm_signature signature;
	int rc;

	memset(&signature, 0, sizeof(signature));
	rc = signer_begin(ctl, &signer, err);
	if (rc == CM_OK)
		rc = sign_new(&signer, &signature, err);
	signer_end(&signer);
	if (rc == CM_OK)
		*ret_signature = signature;
	return rc;
}

/* ---- a new key ---------------------------------------------------------- */

/* Which change is the next; what a killed run left of it is written over. */
static int next_rotation(struct signer *signer, const char **ret_path,
			 struct cm_error *err)
{
	struct cm_ctl *ctl = signer->ctl;
	struct cm_heads *heads = cm_arena_alloc(ctl->arena, sizeof(*heads));
	const char *name;
	int rc = heads == NULL ? cm_fail(err, CM_ENOMEM, "out of memory")
			       : cm_heads_read(ctl, heads, err);

	if (rc != CM_OK)
		return rc;
	if (heads->ring.count == CM_KEYRING_MAX)
		return cm_fail(err, CM_EREFUSED,
			       "the key was changed %d times already: choose "
			       "another checkpoint.path and origin",
			       CM_KEYRING_MAX - 1);
	name = cm_heads_rotation(ctl, heads->ring.count);
	*ret_path = name == NULL ? NULL : cm_heads_path(ctl, name);
	return *ret_path == NULL ? cm_fail(err, CM_ENOMEM, "out of memory")
				 : CM_OK;
}

static int write_given(const char *path, struct cm_span text,
		       const struct cm_proc_user *user, struct cm_error *err)
{
	int rc = cm_file_replace(path, text, PUBLIC_MODE, err);

	return rc == CM_OK ? give(path, user, err) : rc;
}

/* The note of the change, and the last checkpoint as both keys sign it: so
 * that it is good beside the old vkey and beside the new one. */
static int write_notes(struct signer *signer,
		       const struct cm_rotation *rotation, const char *path,
		       const struct cm_proc_user *user, struct cm_error *err)
{
	struct cm_span both;
	struct cm_buf note;
	int rc = sign(signer, &rotation->head, &rotation->new_key, &both, err);

	cm_buf_init(&note, CM_NOTE_MAX);
	if (rc == CM_OK)
		rc = cm_rotation_sign(rotation, &note, err);
	if (rc == CM_OK)
		rc = write_given(path, cm_span_n(cm_buf_text(&note), note.len),
				 user, err);
	if (rc == CM_OK)
		rc = write_given(cm_heads_path(signer->ctl, "checkpoint"), both,
				 user, err);
	cm_buf_free(&note);
	return rc;
}

/* The octets of the old key, once nothing has its name any more. */
static int overwrite(int fd, const char *path, struct cm_error *err)
{
	static const char nothing[CM_NOTE_KEY_TEXT];

	if (pwrite(fd, nothing, sizeof(nothing), 0) != sizeof(nothing) ||
	    fsync(fd) != 0)
		return cm_fail_errno(err, errno,
				     "the new key is in use, but the old one, "
				     "%s, could not be wiped",
				     path);
	return CM_OK;
}

/* The old octets go when the new name is on disk, never before. */
static int swap_keys(struct cm_ctl *ctl, const char *next, const char *path,
		     struct cm_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *folder = slash == NULL ? "."
			     : slash == path
				     ? "/"
				     : cm_arena_dup(ctl->arena, path,
						    (size_t)(slash - path));
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = CM_OK;

	if (fd < 0)
		return cm_fail_errno(err, errno, "%s", path);
	if (folder == NULL)
		rc = cm_fail(err, CM_ENOMEM, "out of memory");
	else if (rename(next, path) != 0)
		rc = cm_fail_errno(err, errno, "%s", path);
	else
		rc = cm_path_sync_folder(folder, err);
	if (rc == CM_OK)
		rc = overwrite(fd, path, err);
	(void)close(fd);
	return rc;
}

/*
 * The renaming is what changes the key: killed before it, the old one goes on
 * and the note of the change is no link to any key in use; killed after it,
 * the next signature mends vkey.
 */
static int rotate(struct signer *signer, struct cm_rotation *rotation,
		  struct cm_error *err)
{
	struct cm_ctl *ctl = signer->ctl;
	const char *key = ctl->config->checkpoint_key;
	const char *next = cm_arena_printf(ctl->arena, "%s.next", key);
	struct cm_proc_user user;
	const char *path = NULL;
	int rc = find_user(ctl, &user, err);

	if (rc == CM_OK && next == NULL)
		rc = cm_fail(err, CM_ENOMEM, "out of memory");
	if (rc == CM_OK) /* root may just have written it */
		rc = give(cm_heads_path(
				  ctl, cm_heads_name(ctl, rotation->head.size)),
			  &user, err);
	if (rc == CM_OK)
		rc = next_rotation(signer, &path, err);
	if (rc == CM_OK)
		rc = random_key(ctl, &rotation->new_key, err);
	if (rc != CM_OK)
		return rc;
	(void)unlink(next); /* of a run that was killed */
	rc = write_private(next, &rotation->new_key, &user, err);
	if (rc == CM_OK)
		rc = write_notes(signer, rotation, path, &user, err);
	if (rc == CM_OK)
		rc = swap_keys(ctl, next, key, err);
	else
		(void)unlink(next);
	return rc == CM_OK ? write_public(ctl, &rotation->new_key, &user, err)
			   : rc;
}

int cm_signer_rotate(struct cm_ctl *ctl, struct cm_rotation *ret_rotation,
		     struct cm_error *err)
{
	struct signer signer = {.ctl = ctl, .lock = -1};
	struct cm_signature signature;
	struct cm_rotation rotation;
	int rc;

	memset(&signature, 0, sizeof(signature));
	memset(&rotation, 0, sizeof(rotation));
	rc = signer_begin(ctl, &signer, err);
	if (rc == CM_OK)
		rc = sign_new(&signer, &signature, err);
	if (rc == CM_OK) {
		rotation.old_key = signer.key;
		rotation.head = signature.checkpoint;
		rc = rotate(&signer, &rotation, err);
	}
	signer_end(&signer);
	if (rc == CM_OK) {
		ret_rotation->old_key = public_half(&rotation.old_key);
		ret_rotation->new_key = public_half(&rotation.new_key);
		ret_rotation->head = rotation.head;
	}
	cm_wipe(&rotation, sizeof(rotation));
	return rc;
}

/* ---- a key that others may have had ------------------------------------- */

static int find_stolen(struct signer *signer, struct cm_note_key *ret_key,
		       const char **ret_path, struct cm_error *err)
{
	struct cm_ctl *ctl = signer->ctl;
	struct cm_heads *heads = cm_arena_alloc(ctl->arena, sizeof(*heads));
	const char *name;
	size_t count;
	int rc = heads == NULL ? cm_fail(err, CM_ENOMEM, "out of memory")
			       : cm_heads_read(ctl, heads, err);

	if (rc != CM_OK)
		return rc;
	count = heads->ring.count;
	if (count < 2)
		return cm_fail(err, CM_EREFUSED,
			       "there is no key before the one in use: say it "
			       "with --rotate, which makes a new one");
	if (heads->stolen[count - 2].n > 0)
		return cm_fail(err, CM_EREFUSED,
			       "that was said already of the key before the "
			       "one in use (see %s in %s)",
			       cm_heads_compromise(ctl, count - 1),
			       ctl->config->checkpoint_path);
	*ret_key = heads->ring.keys[count - 2];
	name = cm_heads_compromise(ctl, count - 1);
	*ret_path = name == NULL ? NULL : cm_heads_path(ctl, name);
	return *ret_path == NULL ? cm_fail(err, CM_ENOMEM, "out of memory")
				 : CM_OK;
}

static int write_compromise(struct signer *signer,
			    struct cm_compromise *compromise,
			    struct cm_error *err)
{
	struct cm_proc_user user;
	const char *path = NULL;
	struct cm_buf note;
	int rc = find_user(signer->ctl, &user, err);

	if (rc == CM_OK)
		rc = find_stolen(signer, &compromise->key, &path, err);
	cm_buf_init(&note, CM_NOTE_MAX);
	if (rc == CM_OK)
		rc = cm_compromise_sign(compromise, &note, err);
	if (rc == CM_OK)
		rc = write_given(path, cm_span_n(cm_buf_text(&note), note.len),
				 &user, err);
	cm_buf_free(&note);
	return rc;
}

int cm_signer_compromised(struct cm_ctl *ctl, int64_t since,
			  struct cm_compromise *ret_compromise,
			  struct cm_error *err)
{
	struct signer signer = {.ctl = ctl, .lock = -1};
	struct cm_compromise compromise;
	struct cm_signature signature;
	int rc;

	memset(&compromise, 0, sizeof(compromise));
	memset(&signature, 0, sizeof(signature));
	rc = signer_begin(ctl, &signer, err);
	if (rc == CM_OK)
		rc = sign_new(&signer, &signature, err);
	if (rc == CM_OK) {
		compromise.by = signer.key;
		compromise.since = since;
		compromise.head = signature.checkpoint;
		rc = write_compromise(&signer, &compromise, err);
	}
	signer_end(&signer);
	if (rc == CM_OK) {
		*ret_compromise = compromise;
		ret_compromise->by = public_half(&compromise.by);
	}
	cm_wipe(&compromise, sizeof(compromise));
	return rc;
}
