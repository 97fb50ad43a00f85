/*
 * Copies of the whole store, and a store made of one.
 *
 * All three environments are copied as they were at one moment: under
 * writer.lock nobody commits to the ledger or to private, and nothing is
 * deleted from stop, so reading transactions that begin meanwhile see what a
 * power cut at that moment would have left.  Refusals may come into stop at
 * any time; each is in the copy or came after it.  The lock is dropped as
 * soon as these transactions have begun, that of private when its copy is
 * written.
 */
#define _GNU_SOURCE /* renameat2 */
#include "policy/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/lockfile.h"
#include "lib/path.h"

enum { PATH_ROOM = 4096, COPY_CHUNK = 1 << 16, SECRET_MODE = 0600 };

static const char *const file_names[CM_ENVS] = {
	[CM_ENV_LEDGER] = "store/ledger/data.mdb",
	[CM_ENV_STOP] = "store/stop/data.mdb",
	[CM_ENV_PRIVATE] = "store/private/data.mdb",
};

const char *cm_backup_file_name(size_t i)
{
	return file_names[i];
}

static int join(char out[PATH_ROOM], const char *folder, const char *name,
		struct cm_error *err)
{
	if (snprintf(out, PATH_ROOM, "%s/%s", folder, name) < PATH_ROOM)
		return CM_OK;
	return cm_fail(err, CM_EUSAGE, "%s: the name is too long", folder);
}

static int open_new(const char *path, int *ret_fd, struct cm_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		      SECRET_MODE);

	if (fd < 0)
		return cm_fail_errno(err, errno, "%s", path);
	*ret_fd = fd;
	return CM_OK;
}

static int close_synced(int fd, const char *path, struct cm_error *err)
{
	int why = fsync(fd) != 0 ? errno : 0;

	if (close(fd) != 0 && why == 0)
		why = errno;
	return why == 0 ? CM_OK : cm_fail_errno(err, why, "%s", path);
}

static int hash_file(const char *path, struct cm_backup_file *ret_file,
		     struct cm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;
	int rc;

	if (fd < 0 || fstat(fd, &st) != 0) {
		rc = cm_fail_errno(err, errno, "%s", path);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	map = st.st_size == 0 ? MAP_FAILED
			      : mmap(NULL, (size_t)st.st_size, PROT_READ,
				     MAP_PRIVATE, fd, 0);
	(void)close(fd);
	if (map == MAP_FAILED)
		return cm_fail(err, CM_ECORRUPT, "%s: empty or unreadable",
			       path);
	ret_file->octets = (uint64_t)st.st_size;
	rc = cm_sha256(map, (size_t)st.st_size, ret_file->sha256);
	(void)munmap(map, (size_t)st.st_size);
	return rc == CM_OK ? CM_OK : cm_fail(err, rc, "no SHA-256");
}

/* ---- backup ------------------------------------------------------------- */

struct backup {
	struct cm_store *store;
	const char *folder;
	int writer_lock;
	int private_lock;
	struct cm_kv *private_kv;
	struct cm_kv_copy *copy[CM_ENVS];
	cm_progress_fn progress;
	void *ctx;
	uint64_t done, total; /* octets */
	struct cm_backup made;
};

static int read_head(struct backup *b, struct cm_error *err)
{
	struct cm_hmac *hmac = NULL;
	struct cm_kv_txn *txn = NULL;
	struct cm_head head;
	int rc = cm_store_hmac(b->store, &hmac, err);

	if (rc == CM_OK)
		rc = cm_kv_begin_read(b->store->ledger, &txn, err);
	if (rc == CM_OK)
		rc = cm_head_get(b->store, txn, hmac, &head, err);
	cm_kv_abort(&txn);
	cm_hmac_free(&hmac);
	if (rc != CM_OK)
		return rc;
	b->made.events = head.size;
	b->made.newest_rec = head.newest_rec;
	b->made.root = head.root;
	return CM_OK;
}

/* One moment of all three; see above. */
static int fix_moment(struct backup *b, struct cm_error *err)
{
	struct cm_store *store = b->store;
	int rc = cm_lockfile_take(store->writer_lock, store->lock_wait_ms,
				  &b->writer_lock, err);

	if (rc == CM_OK)
		rc = cm_private_open(store, true, &b->private_lock,
				     &b->private_kv, err);
	if (rc == CM_OK)
		rc = read_head(b, err);
	if (rc == CM_OK)
		rc = cm_kv_copy_begin(b->private_kv, &b->copy[CM_ENV_PRIVATE],
				      err);
	if (rc == CM_OK)
		rc = cm_kv_copy_begin(store->stop, &b->copy[CM_ENV_STOP], err);
	if (rc == CM_OK)
		rc = cm_kv_copy_begin(store->ledger, &b->copy[CM_ENV_LEDGER],
				      err);
	if (rc != CM_OK)
		return rc;
	b->total = cm_kv_bytes(b->private_kv) + cm_kv_bytes(store->stop) +
		   cm_kv_bytes(store->ledger);
	cm_lockfile_drop(&b->writer_lock);
	return CM_OK;
}

static void wrote(void *ctx, uint64_t octets)
{
	const struct backup *b = ctx;

	if (b->progress != NULL)
		b->progress(b->ctx, b->done + octets, b->total);
}

static int write_env(struct backup *b, enum cm_env env, struct cm_error *err)
{
	struct cm_backup_file *file = &b->made.files[env];
	char path[PATH_ROOM];
	int fd = -1;
	int rc = join(path, b->folder, file_names[env], err);

	if (rc == CM_OK)
		rc = open_new(path, &fd, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_kv_copy_write(b->copy[env], fd, wrote, b, err);
	if (rc != CM_OK) {
		(void)close(fd);
		return cm_error_prefix(err, "%s: ", path);
	}
	rc = close_synced(fd, path, err);
	if (rc == CM_OK)
		rc = hash_file(path, file, err);
	b->done += file->octets;
	cm_kv_copy_end(&b->copy[env]);
	return rc;
}

static int write_all(struct backup *b, struct cm_error *err)
{
	/* First the one that others wait for. */
	int rc = write_env(b, CM_ENV_PRIVATE, err);

	cm_kv_copy_end(&b->copy[CM_ENV_PRIVATE]);
	cm_kv_close(&b->private_kv);
	cm_lockfile_drop(&b->private_lock);
	if (rc == CM_OK)
		rc = write_env(b, CM_ENV_STOP, err);
	if (rc == CM_OK)
		rc = write_env(b, CM_ENV_LEDGER, err);
	return rc;
}

static const char *const folders[] = {"store", "store/ledger", "store/stop",
				      "store/private"};
static const char *const lock_files[] = {"store/writer.lock", "store/stop.lock",
					 "store/private/private.lock"};

enum {
	NFOLDERS = sizeof(folders) / sizeof(folders[0]),
	NLOCKS = sizeof(lock_files) / sizeof(lock_files[0]),
};

/* Folders and lock files, so that the copy is a store that can be opened. */
static int make_shell(const char *folder, struct cm_error *err)
{
	char path[PATH_ROOM];
	int fd = -1;

	for (size_t i = 0; i < NFOLDERS; i++) {
		int rc = join(path, folder, folders[i], err);

		if (rc != CM_OK)
			return rc;
		if (mkdir(path, 0700) != 0)
			return cm_fail_errno(err, errno, "%s", path);
	}
	for (size_t i = 0; i < NLOCKS; i++) {
		int rc = join(path, folder, lock_files[i], err);

		if (rc == CM_OK)
			rc = open_new(path, &fd, err);
		if (rc == CM_OK)
			rc = close_synced(fd, path, err);
		if (rc != CM_OK)
			return rc;
	}
	return CM_OK;
}

static int sync_shell(const char *folder, struct cm_error *err)
{
	char path[PATH_ROOM];
	int rc = CM_OK;

	for (size_t i = NFOLDERS; rc == CM_OK && i-- > 0;) {
		rc = join(path, folder, folders[i], err);
		if (rc == CM_OK)
			rc = cm_path_sync_folder(path, err);
	}
	return rc == CM_OK ? cm_path_sync_folder(folder, err) : rc;
}

static const char *const left_files[] = {"store/ledger/lock.mdb",
					 "store/stop/lock.mdb",
					 "store/private/lock.mdb"};

/* Only what we make: a wrong name costs nobody a folder. */
void cm_store_remove(const char *folder)
{
	char path[PATH_ROOM];

	for (size_t i = 0; i < CM_ENVS; i++)
		if (join(path, folder, file_names[i], NULL) == CM_OK)
			(void)unlink(path);
	for (size_t i = 0; i < NLOCKS; i++)
		if (join(path, folder, lock_files[i], NULL) == CM_OK)
			(void)unlink(path);
	for (size_t i = 0; i < sizeof(left_files) / sizeof(left_files[0]); i++)
		if (join(path, folder, left_files[i], NULL) == CM_OK)
			(void)unlink(path);
	for (size_t i = NFOLDERS; i-- > 0;)
		if (join(path, folder, folders[i], NULL) == CM_OK)
			(void)rmdir(path);
}

int cm_store_backup(struct cm_store *store, const char *folder,
		    cm_progress_fn progress, void *ctx,
		    struct cm_backup *ret_backup, struct cm_error *err)
{
	struct backup b = {
		.store = store,
		.folder = folder,
		.writer_lock = -1,
		.private_lock = -1,
		.progress = progress,
		.ctx = ctx,
	};
	int rc;

	if (store->access != CM_STORE_WRITE)
		return cm_fail(err, CM_EUSAGE, "%s is open for reading only",
			       store->folder);
	rc = make_shell(folder, err);
	if (rc == CM_OK)
		rc = fix_moment(&b, err);
	cm_lockfile_drop(&b.writer_lock);
	if (rc == CM_OK)
		rc = write_all(&b, err);
	for (size_t i = 0; i < CM_ENVS; i++)
		cm_kv_copy_end(&b.copy[i]);
	cm_kv_close(&b.private_kv);
	cm_lockfile_drop(&b.private_lock);
	if (rc == CM_OK)
		rc = sync_shell(folder, err);
	if (rc != CM_OK)
		cm_store_remove(folder);
	else
		*ret_backup = b.made;
	return rc;
}

/* ---- a store made of a backup ------------------------------------------- */

static int copy_octets(int from, int into, const char *path,
		       struct cm_error *err)
{
	char chunk[COPY_CHUNK];
	ssize_t n;

	while ((n = read(from, chunk, sizeof(chunk))) != 0) {
		for (ssize_t at = 0; n > 0 && at < n;) {
			ssize_t w = write(into, chunk + at, (size_t)(n - at));

			if (w < 0 && errno != EINTR)
				return cm_fail_errno(err, errno, "%s", path);
			at += w > 0 ? w : 0;
		}
		if (n < 0 && errno != EINTR)
			return cm_fail_errno(err, errno, "%s", path);
	}
	return CM_OK;
}

int cm_backup_copy_env(const struct cm_backup *backup, const char *folder,
		       enum cm_env env, const char *into, struct cm_error *err)
{
	const struct cm_backup_file *want = &backup->files[env];
	struct cm_backup_file got;
	char from_path[PATH_ROOM], into_path[PATH_ROOM];
	int from, fd = -1;
	int rc = join(from_path, folder, file_names[env], err);

	if (rc == CM_OK)
		rc = join(into_path, into, "data.mdb", err);
	if (rc != CM_OK)
		return rc;
	from = open(from_path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return cm_fail_errno(err, errno, "%s", from_path);
	rc = open_new(into_path, &fd, err);
	if (rc == CM_OK) {
		rc = copy_octets(from, fd, into_path, err);
		if (close_synced(fd, into_path, rc == CM_OK ? err : NULL) !=
			    CM_OK &&
		    rc == CM_OK)
			rc = CM_EIO;
	}
	(void)close(from);
	if (rc == CM_OK)
		rc = hash_file(into_path, &got, err);
	if (rc != CM_OK)
		return rc;
	if (got.octets != want->octets ||
	    memcmp(got.sha256, want->sha256, sizeof(got.sha256)) != 0)
		return cm_fail(err, CM_ECORRUPT,
			       "%s is not what the backup's manifest says: it "
			       "was damaged or changed; take another backup",
			       from_path);
	return CM_OK;
}

/* ---- taking a store's place --------------------------------------------- */

int cm_store_hold(const struct cm_store_options *options,
		  const struct cm_keys *keys, struct cm_store_hold *ret_hold,
		  struct cm_error *err)
{
	struct cm_store_hold hold = CM_STORE_HOLD_NONE;
	struct cm_store *store = NULL;
	int rc = cm_store_prepare(options, CM_STORE_WRITE, keys, &store, err);

	if (rc == CM_OK)
		rc = cm_lockfile_take(store->writer_lock, store->lock_wait_ms,
				      &hold.writer, err);
	if (rc == CM_OK)
		rc = cm_lockfile_take(store->stop_lock, store->lock_wait_ms,
				      &hold.stop, err);
	cm_store_close(&store);
	if (rc != CM_OK) {
		cm_store_release(&hold);
		return rc;
	}
	*ret_hold = hold;
	return CM_OK;
}

void cm_store_release(struct cm_store_hold *hold)
{
	cm_lockfile_drop(&hold->stop);
	cm_lockfile_drop(&hold->writer);
}

int cm_store_take_place(const char *path, const char *with, bool replace,
			struct cm_error *err)
{
	char there[PATH_ROOM], new[PATH_ROOM];
	int rc = join(there, path, "store", err);

	if (rc == CM_OK)
		rc = join(new, with, "store", err);
	if (rc != CM_OK)
		return rc;
	if (renameat2(AT_FDCWD, new, AT_FDCWD, there,
		      replace ? RENAME_EXCHANGE : RENAME_NOREPLACE) == 0) {
		rc = cm_path_sync_folder(with, err);
		return rc == CM_OK ? cm_path_sync_folder(path, err) : rc;
	}
	if (errno == EINVAL || errno == ENOSYS)
		return cm_fail(err, CM_EREFUSED,
			       "the file system of %s cannot swap two folders "
			       "at once: stop all programs, move %s away, and "
			       "restore again with --refusals",
			       path, there);
	return cm_fail_errno(err, errno, "cannot put %s in the place of %s",
			     new, there);
}
