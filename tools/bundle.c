/* See bundle.h. */
#include "tools/bundle.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "lib/enc.h"
#include "lib/path.h"
#include "tools/file.h"
#include "tools/proof.h"

enum { FOLDERS_MAX = 8, SUMS_MAX = 1 << 28 };

struct written {
	const char *name;
	char hex[CM_HEX_LEN(CM_SHA256_LEN) + 1];
};

struct cm_bundle {
	struct cm_arena *arena;
	const char *path;
	bool made_path;
	bool finished;
	struct written *files;
	size_t count, room;
	const char *folders[FOLDERS_MAX]; /* made in it */
	size_t nfolders;
};

static const char *path_of(const struct cm_bundle *bundle, const char *name)
{
	return cm_arena_printf(bundle->arena, "%s/%s", bundle->path, name);
}

int cm_bundle_begin(const char *path, struct cm_arena *arena,
		    struct cm_bundle **ret_bundle, struct cm_error *err)
{
	struct cm_bundle *bundle = cm_arena_alloc(arena, sizeof(*bundle));
	int rc;

	if (bundle == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	bundle->arena = arena;
	bundle->path = path;
	rc = cm_file_new_folder(path, &bundle->made_path, err);
	if (rc == CM_OK)
		*ret_bundle = bundle;
	return rc;
}

static int need_folder(struct cm_bundle *bundle, const char *name,
		       struct cm_error *err)
{
	const char *slash = strchr(name, '/');
	const char *folder;
	size_t i, n;

	if (slash == NULL)
		return CM_OK;
	n = (size_t)(slash - name);
	for (i = 0; i < bundle->nfolders; i++) {
		if (strlen(bundle->folders[i]) == n &&
		    memcmp(bundle->folders[i], name, n) == 0)
			return CM_OK;
	}
	folder = cm_arena_dup(bundle->arena, name, n);
	if (folder == NULL || bundle->nfolders == FOLDERS_MAX)
		return cm_fail(err, CM_ELIMIT, "too many folders");
	if (mkdir(path_of(bundle, folder), 0700) != 0)
		return cm_fail_errno(err, errno, "%s/%s", bundle->path, folder);
	bundle->folders[bundle->nfolders++] = folder;
	return CM_OK;
}

static int note_file(struct cm_bundle *bundle, const char *name,
		     struct cm_span text, struct cm_error *err)
{
	uint8_t hash[CM_SHA256_LEN];
	struct written *file;

	if (bundle->count == bundle->room) {
		size_t room = bundle->room == 0 ? 64 : bundle->room * 2;
		void *more = realloc(bundle->files, room * sizeof(*file));

		if (more == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		bundle->files = more;
		bundle->room = room;
	}
	if (cm_sha256(text.p, text.n, hash) != CM_OK)
		return cm_fail(err, CM_ECRYPTO, "no SHA-256");
	file = &bundle->files[bundle->count];
	file->name = cm_arena_strdup(bundle->arena, name);
	if (file->name == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	(void)cm_hex_encode(hash, sizeof(hash), file->hex);
	bundle->count++;
	return CM_OK;
}

int cm_bundle_add(struct cm_bundle *bundle, const char *name,
		  struct cm_span text, struct cm_error *err)
{
	const char *path = path_of(bundle, name);
	int rc = path == NULL ? cm_fail(err, CM_ENOMEM, "out of memory")
			      : need_folder(bundle, name, err);

	if (rc == CM_OK)
		rc = note_file(bundle, name, text, err);
	if (rc == CM_OK)
		rc = cm_file_write_new(path, text, err);
	return rc;
}

int cm_bundle_add_printed(struct cm_bundle *bundle, const char *name,
			  const struct cm_buf *text, struct cm_error *err)
{
	int rc = cm_buf_ok(text);

	if (rc != CM_OK)
		return cm_fail(err, rc, "no room for %s", name);
	return cm_bundle_add(bundle, name,
			     cm_span_n(cm_buf_text(text), text->len), err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct written *)a)->name,
		      ((const struct written *)b)->name);
}

int cm_bundle_finish(struct cm_bundle *bundle, struct cm_error *err)
{
	struct cm_buf sums;
	size_t i;
	int rc;

	qsort(bundle->files, bundle->count, sizeof(*bundle->files), by_name);
	cm_buf_init(&sums, SUMS_MAX);
	for (i = 0; i < bundle->count; i++)
		(void)cm_buf_addf(&sums, "%s  %s\n", bundle->files[i].hex,
				  bundle->files[i].name);
	rc = cm_buf_ok(&sums) == CM_OK
		     ? cm_file_write_new(
			       path_of(bundle, CM_PROOF_SUMS),
			       cm_span_n(cm_buf_text(&sums), sums.len), err)
		     : cm_fail(err, CM_ELIMIT, "too many files");
	cm_buf_free(&sums);
	for (i = 0; rc == CM_OK && i < bundle->nfolders; i++)
		rc = cm_path_sync_folder(path_of(bundle, bundle->folders[i]),
					 err);
	if (rc == CM_OK)
		rc = cm_path_sync_folder(bundle->path, err);
	bundle->finished = rc == CM_OK;
	return rc;
}

void cm_bundle_end(struct cm_bundle *bundle)
{
	size_t i;

	if (bundle == NULL)
		return;
	if (!bundle->finished) {
		for (i = 0; i < bundle->count; i++)
			(void)unlink(path_of(bundle, bundle->files[i].name));
		(void)unlink(path_of(bundle, CM_PROOF_SUMS));
		for (i = 0; i < bundle->nfolders; i++)
			(void)rmdir(path_of(bundle, bundle->folders[i]));
		if (bundle->made_path)
			(void)rmdir(bundle->path);
	}
	free(bundle->files);
	bundle->files = NULL;
}
