/* See heads.h. */
#include "tools/heads.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/config.h"
#include "tools/file.h"

enum { HEADS_FIRST = 64 };

static const char suffix[] = ".checkpoint";

const char *cm_heads_path(struct cm_ctl *ctl, const char *name)
{
	return cm_arena_printf(ctl->arena, "%s/%s",
			       ctl->config->checkpoint_path, name);
}

const char *cm_heads_name(struct cm_ctl *ctl, uint64_t size)
{
	return cm_arena_printf(ctl->arena, "%010" PRIu64 "%s", size, suffix);
}

const char *cm_heads_rotation(struct cm_ctl *ctl, size_t number)
{
	return cm_arena_printf(ctl->arena, "%010zu.rotation", number);
}

const char *cm_heads_compromise(struct cm_ctl *ctl, size_t number)
{
	return cm_arena_printf(ctl->arena, "%010zu.compromise", number);
}

int cm_heads_file(struct cm_ctl *ctl, const char *path,
		  struct cm_span *ret_text, struct cm_error *err)
{
	struct cm_buf buf;
	const char *copy;
	int rc;

	if (path == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return cm_fail(err, CM_ENOTFOUND, "there is no %s", path);
	cm_buf_init(&buf, CM_NOTE_MAX);
	rc = cm_file_read(path, &buf, err);
	if (rc == CM_EUSAGE)
		rc = err->code = CM_EIO;
	copy = rc == CM_OK
		       ? cm_arena_dup(ctl->arena, cm_buf_text(&buf), buf.len)
		       : NULL;
	if (rc == CM_OK && copy == NULL)
		rc = cm_fail(err, CM_ENOMEM, "out of memory");
	if (rc == CM_OK)
		*ret_text = cm_span_n(copy, buf.len);
	cm_buf_free(&buf);
	return rc;
}

static int read_key(struct cm_ctl *ctl, struct cm_note_key *key,
		    struct cm_error *err)
{
	const char *path;
	struct cm_span text;
	int rc;

	if (ctl->config->checkpoint_origin == NULL)
		return cm_fail(err, CM_ENOTFOUND,
			       "%s has no checkpoint section",
			       ctl->config->file);
	path = cm_heads_path(ctl, "vkey");
	rc = cm_heads_file(ctl, path, &text, err);
	if (rc == CM_ENOTFOUND)
		return cm_fail(err, rc,
			       "no key for checkpoints was made yet (make it "
			       "with: consentctl keys checkpoint)");
	if (rc == CM_OK)
		rc = cm_note_key_parse(text, key, err);
	if (rc == CM_EDATA) {
		(void)cm_error_prefix(err, "%s: ", path);
		rc = err->code = CM_ECORRUPT;
	}
	return rc;
}

/* Number counts from 1; CM_ENOTFOUND if there is none of that number. */
static int read_rotation(struct cm_ctl *ctl, size_t number,
			 struct cm_span *note, struct cm_rotation *rotation,
			 struct cm_error *err)
{
	const char *name = cm_heads_rotation(ctl, number);
	const char *path = name == NULL ? NULL : cm_heads_path(ctl, name);
	int rc = cm_heads_file(ctl, path, note, err);

	if (rc == CM_OK)
		rc = cm_rotation_open(*note, rotation, err);
	if (rc == CM_EDATA) {
		(void)cm_error_prefix(err, "%s: ", path);
		rc = err->code = CM_ECORRUPT;
	}
	return rc;
}

/*
 * From the newest change back.  The newest may be one that a crash left
 * behind before its key came into use: then it is none.
 */
static int read_rotations(struct cm_ctl *ctl, struct cm_heads *heads,
			  struct cm_error *err)
{
	struct cm_rotation rotation;
	struct cm_span note;
	size_t count = 0, i;
	int rc = CM_OK;

	cm_keyring_init(&heads->ring, &heads->key);
	while (rc == CM_OK && count < CM_KEYRING_MAX)
		rc = read_rotation(ctl, ++count, &note, &rotation, err);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	for (i = count - 1; i > 0; i--) {
		rc = read_rotation(ctl, i, &note, &rotation, err);
		if (rc != CM_OK)
			return rc;
		if (i == count - 1 &&
		    cm_note_key_same(&rotation.old_key, &heads->key))
			continue;
		heads->rotations[i - 1] = note;
		if (cm_keyring_add(&heads->ring, &rotation, err) != CM_OK) {
			(void)cm_error_prefix(
				err, "%s: ",
				cm_heads_path(ctl, cm_heads_rotation(ctl, i)));
			return err->code = CM_ECORRUPT;
		}
	}
	return CM_OK;
}

static int read_compromise(struct cm_ctl *ctl, struct cm_heads *heads,
			   size_t key, struct cm_error *err)
{
	const char *name = cm_heads_compromise(ctl, key + 1);
	const char *path = name == NULL ? NULL : cm_heads_path(ctl, name);
	struct cm_compromise compromise;
	struct cm_span note;
	int rc = cm_heads_file(ctl, path, &note, err);

	if (rc == CM_ENOTFOUND)
		return CM_OK;
	if (rc == CM_OK)
		rc = cm_compromise_open(note, &compromise, err);
	if (rc == CM_OK)
		rc = cm_keyring_compromise(&heads->ring, &compromise, err);
	if (rc == CM_EDATA) {
		(void)cm_error_prefix(err, "%s: ", path);
		rc = err->code = CM_ECORRUPT;
	}
	if (rc == CM_OK)
		heads->stolen[key] = note;
	return rc;
}

static int read_head(struct cm_ctl *ctl, const struct cm_keyring *ring,
		     const char *name, struct cm_signed_head *head,
		     struct cm_error *err)
{
	const char *path = cm_heads_path(ctl, name);
	const char *want;
	int rc = cm_heads_file(ctl, path, &head->note, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_keyring_open(ring, head->note, &head->checkpoint, &head->key,
			     err);
	if (rc == CM_OK) {
		want = cm_heads_name(ctl, head->checkpoint.size);
		head->name = cm_arena_strdup(ctl->arena, name);
		if (want == NULL || head->name == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		if (strcmp(name, want) != 0)
			rc = cm_fail(err, CM_EDATA,
				     "it is of %" PRIu64 " events, which its "
				     "name does not say",
				     head->checkpoint.size);
	}
	if (rc == CM_EDATA) {
		(void)cm_error_prefix(err, "%s: ", path);
		rc = err->code = CM_ECORRUPT;
	}
	return rc;
}

static bool is_head(const char *name)
{
	size_t n = strlen(name), end = strlen(suffix);

	return n > end && strcmp(name + n - end, suffix) == 0;
}

static int by_size(const void *a, const void *b)
{
	const struct cm_signed_head *x = a, *y = b;

	return x->checkpoint.size < y->checkpoint.size   ? -1
	       : x->checkpoint.size > y->checkpoint.size ? 1
							 : 0;
}

static int add_head(struct cm_ctl *ctl, struct cm_heads *heads, size_t *room,
		    const char *name, struct cm_error *err)
{
	if (heads->count == *room) {
		size_t more = *room == 0 ? HEADS_FIRST : *room * 2;
		struct cm_signed_head *grown =
			cm_arena_array(ctl->arena, more, sizeof(*grown));

		if (grown == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		if (heads->count > 0)
			memcpy(grown, heads->heads,
			       heads->count * sizeof(*grown));
		heads->heads = grown;
		*room = more;
	}
	return read_head(ctl, &heads->ring, name, &heads->heads[heads->count++],
			 err);
}

static int read_keys(struct cm_ctl *ctl, struct cm_heads *heads,
		     struct cm_error *err)
{
	size_t i;
	int rc = read_key(ctl, &heads->key, err);

	if (rc == CM_OK)
		rc = read_rotations(ctl, heads, err);
	for (i = 0; rc == CM_OK && i + 1 < heads->ring.count; i++)
		rc = read_compromise(ctl, heads, i, err);
	return rc;
}

static int read_all(struct cm_ctl *ctl, struct cm_heads *ret_heads,
		    struct cm_error *err)
{
	struct cm_heads heads = {.count = 0};
	const struct dirent *entry;
	size_t room = 0;
	DIR *folder;
	int rc = read_keys(ctl, &heads, err);

	if (rc != CM_OK)
		return rc;
	folder = opendir(ctl->config->checkpoint_path);
	if (folder == NULL)
		return cm_fail_errno(err, errno, "%s",
				     ctl->config->checkpoint_path);
	while (rc == CM_OK && (entry = readdir(folder)) != NULL) {
		if (is_head(entry->d_name))
			rc = add_head(ctl, &heads, &room, entry->d_name, err);
	}
	(void)closedir(folder);
	if (rc != CM_OK)
		return rc;
	if (heads.count > 1)
		qsort(heads.heads, heads.count, sizeof(*heads.heads), by_size);
	*ret_heads = heads;
	return CM_OK;
}

int cm_heads_read(struct cm_ctl *ctl, struct cm_heads *ret_heads,
		  struct cm_error *err)
{
	int rc = read_all(ctl, ret_heads, err);

	/* The key may change between one file and the next. */
	return rc == CM_ECORRUPT ? read_all(ctl, ret_heads, err) : rc;
}
