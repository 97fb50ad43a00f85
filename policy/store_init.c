/* A new store, with the modes that make "the milter cannot write" true. */
#include "policy/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/path.h"

const struct cm_store_file cm_store_files[] = {
	/* Everyone of ours enters; readers are "others" of data.mdb, and take
	 * slots in lock.mdb. */
	{"store", true, 0750, false},
	{"store/ledger", true, 0750, false},
	{"store/ledger/data.mdb", false, 0664, true},
	{"store/ledger/lock.mdb", false, 0660, false},
	{"store/stop", true, 0750, false},
	{"store/stop/data.mdb", false, 0664, true},
	{"store/stop/lock.mdb", false, 0660, false},
	/* Erasure makes files here. */
	{"store/private", true, 0770, true},
	{"store/private/data.mdb", false, 0660, true},
	{"store/private/lock.mdb", false, 0660, true},
	{"store/private/private.lock", false, 0660, true},
	{"store/writer.lock", false, 0660, true},
	{"store/stop.lock", false, 0660, true},
};
const size_t cm_nstore_files =
	sizeof(cm_store_files) / sizeof(cm_store_files[0]);

static const gid_t nobodys = (gid_t)-1;

/* The row of a path of ours. */
static const struct cm_store_file *file_of(
	const struct cm_store_options *options, const char *path)
{
	const char *below = path + strlen(options->path) + 1;
	size_t i = 0;

	while (i + 1 < cm_nstore_files &&
	       strcmp(cm_store_files[i].path, below) != 0)
		i++;
	return &cm_store_files[i];
}

static int give(const char *path, const struct cm_store_options *options,
		struct cm_error *err)
{
	const struct cm_store_file *file = file_of(options, path);
	gid_t group = file->writers ? options->write_group : options->group;

	if (group != nobodys && chown(path, (uid_t)-1, group) != 0)
		return cm_fail_errno(err, errno, "cannot give %s to group %ld",
				     path, (long)group);
	if (chmod(path, (mode_t)file->mode) != 0)
		return cm_fail_errno(err, errno, "cannot set the mode of %s",
				     path);
	return CM_OK;
}

static int make_folder(const char *path, const struct cm_store_options *options,
		       struct cm_error *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return cm_fail_errno(err, errno, "cannot make %s", path);
	return give(path, options, err);
}

/* One that is there belongs to somebody who makes a store as we do. */
static int make_new_folder(const char *path,
			   const struct cm_store_options *options,
			   struct cm_error *err)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST
			       ? cm_fail(err, CM_EREFUSED,
					 "%s is being made by another program",
					 path)
			       : cm_fail_errno(err, errno, "cannot make %s",
					       path);
	return give(path, options, err);
}

static int make_lock(const char *path, const struct cm_store_options *options,
		     struct cm_error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return cm_fail_errno(err, errno, "cannot make %s", path);
	(void)close(fd);
	return give(path, options, err);
}

static int give_in(const char *folder, const char *name,
		   const struct cm_store_options *options, struct cm_error *err)
{
	char *path = cm_path_join(folder, name);
	int rc;

	if (path == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = give(path, options, err);
	free(path);
	return rc;
}

/* The state of a ledger without events. */
static int put_first_head(struct cm_store *store, struct cm_kv *kv,
			  struct cm_error *err)
{
	struct cm_head head = {0};
	struct cm_hmac *hmac = NULL;
	struct cm_kv_txn *txn = NULL;
	struct cm_tile_store tiles;
	int rc = cm_store_hmac(store, &hmac, err);

	if (rc == CM_OK)
		rc = cm_kv_begin_write(kv, &txn, err);
	if (rc == CM_OK) {
		cm_tile_store_init(&tiles, txn);
		rc = cm_merkle_root(&tiles.tiles, 0, &head.root, err);
	}
	if (rc == CM_OK)
		rc = cm_head_put(store, txn, hmac, &head, err);
	if (rc == CM_OK)
		rc = cm_kv_commit(&txn, err);
	cm_kv_abort(&txn);
	cm_hmac_free(&hmac);
	return rc;
}

/* What a new store is made of; NULL folder: of nothing. */
struct origin {
	const struct cm_backup *backup;
	const char *folder;
};

static int make_env(struct cm_store *store, enum cm_env env,
		    const struct cm_store_options *options,
		    const struct origin *origin, struct cm_error *err)
{
	const char *path = store->env_path[env];
	struct cm_kv *kv = NULL;
	int rc = make_new_folder(path, options, err);

	if (rc == CM_OK && origin->folder != NULL)
		rc = cm_backup_copy_env(origin->backup, origin->folder, env,
					path, err);
	if (rc == CM_OK)
		rc = cm_store_open_env(store, env, false,
				       origin->folder == NULL, &kv, err);
	if (rc == CM_OK && env == CM_ENV_LEDGER && origin->folder == NULL)
		rc = put_first_head(store, kv, err);
	cm_kv_close(&kv);
	if (rc == CM_OK)
		rc = give_in(path, "data.mdb", options, err);
	if (rc == CM_OK)
		rc = give_in(path, "lock.mdb", options, err);
	return rc == CM_OK ? cm_path_sync_folder(path, err) : rc;
}

static int check_new(const struct cm_store *store, struct cm_error *err)
{
	for (int i = 0; i < CM_ENVS; i++) {
		struct stat st;

		if (lstat(store->env_path[i], &st) == 0)
			return cm_fail(err, CM_EREFUSED,
				       "%s is there already: a store is made "
				       "once",
				       store->env_path[i]);
		if (errno != ENOENT && errno != ENOTDIR)
			return cm_fail_errno(err, errno, "%s",
					     store->env_path[i]);
	}
	return CM_OK;
}

static int make_all(struct cm_store *store,
		    const struct cm_store_options *options,
		    const struct origin *origin, struct cm_error *err)
{
	int rc = check_new(store, err);

	if (rc == CM_OK && mkdir(options->path, 0755) != 0 && errno != EEXIST)
		rc = cm_fail_errno(err, errno, "cannot make %s", options->path);
	if (rc == CM_OK)
		rc = make_folder(store->folder, options, err);
	/* The ledger last: without it, nobody takes the rest for a store. */
	for (int i = CM_ENVS - 1; rc == CM_OK && i >= 0; i--)
		rc = make_env(store, (enum cm_env)i, options, origin, err);
	if (rc == CM_OK)
		rc = make_lock(store->writer_lock, options, err);
	if (rc == CM_OK)
		rc = make_lock(store->stop_lock, options, err);
	if (rc == CM_OK)
		rc = make_lock(store->private_lock, options, err);
	if (rc == CM_OK)
		rc = cm_path_sync_folder(store->folder, err);
	return rc == CM_OK ? cm_path_sync_folder(options->path, err) : rc;
}

static int init(const struct cm_store_options *options,
		const struct cm_keys *keys, const struct origin *origin,
		struct cm_error *err)
{
	struct cm_store *store = NULL;
	int rc = cm_store_prepare(options, CM_STORE_WRITE, keys, &store, err);

	if (rc == CM_OK)
		rc = make_all(store, options, origin, err);
	cm_store_close(&store);
	return rc;
}

int cm_store_init(const struct cm_store_options *options,
		  const struct cm_keys *keys, struct cm_error *err)
{
	const struct origin nothing = {0};

	return init(options, keys, &nothing, err);
}

int cm_store_init_from(const struct cm_store_options *options,
		       const struct cm_keys *keys,
		       const struct cm_backup *backup, const char *folder,
		       struct cm_error *err)
{
	const struct origin origin = {.backup = backup, .folder = folder};

	return init(options, keys, &origin, err);
}
