/*
 * See kv.h.
 *
 * LMDB writes only the pages that end up in use, so after a commit its page
 * count may reach beyond the end of the file.  To tell that from a file cut
 * short, a writer keeps the file longer than its pages: SLACK_PAGES of holes
 * that cost no disk space.
 */
/* pipe2, fallocate */
#define _GNU_SOURCE
#include "lib/kv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/path.h"

enum {
	SLACK_PAGES = 1024, /* more than one commit leaves unwritten */
	/* A commit is extended at once; this long it may look cut short. */
	SHORT_TRIES = 5,
	SHORT_WAIT_MS = 2,
	META_PAGES = 2, /* LMDB's own, at the start of every file */
	PAGE_MIN = 4096,
	CREATE_MODE = 0600,
	/* What LMDB's lock file needs: 64 octets a reader, and its head. */
	LOCK_ROOM = CM_KV_READERS * 64 + PAGE_MIN,
};

struct cm_kv {
	MDB_env *env;
	MDB_dbi dbi[CM_KV_DBS_MAX];
	unsigned ndbs;
	bool read_only;
	char *path;      /* owned; the folder */
	char *data_path; /* owned; its data.mdb */
	pid_t pid;       /* that opened it */
	dev_t dev;       /* of data.mdb */
	ino_t ino;
	mdb_filehandle_t fd; /* LMDB's, of data.mdb */
	uint64_t page_size;
};

struct cm_kv_txn {
	struct cm_kv *kv;
	MDB_txn *txn;
	bool writes;
};

struct cm_kv_cursor {
	struct cm_kv *kv;
	MDB_cursor *cursor;
};

static const struct {
	int lmdb;
	enum cm_code code;
	const char *text;
} failures[] = {
	/* No CM_ELIMIT: nothing is wrong with what is written, and it waits. */
	{MDB_MAP_FULL, CM_EIO,
	 "the map is full: raise store.map-size in every program's "
	 "configuration and restart them"},
	{MDB_MAP_RESIZED, CM_EIO,
	 "another program uses a larger store.map-size: make them equal and "
	 "restart"},
	{MDB_READERS_FULL, CM_EIO, "all reader slots are taken"},
	{MDB_CORRUPTED, CM_ECORRUPT, "the file is damaged"},
	{MDB_PAGE_NOTFOUND, CM_ECORRUPT, "a page is missing"},
	{MDB_INVALID, CM_ECORRUPT, "not a database file"},
	{MDB_VERSION_MISMATCH, CM_ECORRUPT, "made by another LMDB version"},
	{MDB_PANIC, CM_EIO, "an earlier write failed: restart the program"},
	{MDB_NOTFOUND, CM_ECORRUPT, "a database is missing"},
	{ENOMEM, CM_ENOMEM, "out of memory"},
};

static int fail_lmdb(struct cm_error *err, int rc, const char *path,
		     const char *what)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].lmdb == rc)
			return cm_fail(err, failures[i].code, "%s: %s: %s",
				       path, what, failures[i].text);
	if (rc > 0)
		return cm_fail_errno(err, rc, "%s: %s", path, what);
	return cm_fail(err, CM_EIO, "%s: %s: %s", path, what, mdb_strerror(rc));
}

/* ---- opening ----------------------------------------------------------- */

/* Does this process hold the file of st open? */
static bool held_by_us(const struct stat *st)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	bool held = false;

	if (dir == NULL) /* no /proc in this chroot */
		return false;
	while (!held && (entry = readdir(dir)) != NULL) {
		struct stat other;

		/* fstatat follows the link: it is the open file's stat. */
		if (fstatat(dirfd(dir), entry->d_name, &other, 0) == 0)
			held = other.st_dev == st->st_dev &&
			       other.st_ino == st->st_ino;
	}
	(void)closedir(dir);
	return held;
}

static int check_unopened(const struct cm_kv_options *options,
			  struct cm_error *err)
{
	char *lock = cm_path_join(options->path, "lock.mdb");
	struct stat st;
	int rc = CM_OK;

	if (lock == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (stat(lock, &st) == 0 && held_by_us(&st))
		rc = cm_fail(err, CM_EREFUSED,
			     "%s is open in this process already, or was "
			     "opened before it forked",
			     options->path);
	free(lock);
	return rc;
}

/*
 * LMDB would make a fresh database of an empty file, and read beyond the end
 * of one without its first pages.
 */
static int check_there(const struct cm_kv *kv,
		       const struct cm_kv_options *options,
		       struct cm_error *err)
{
	struct stat st;

	if (options->create)
		return CM_OK;
	if (stat(kv->data_path, &st) != 0)
		return errno == ENOENT
			       ? cm_fail(err, CM_ENOTFOUND, "no %s",
					 kv->data_path)
			       : cm_fail_errno(err, errno, "%s", kv->data_path);
	if (st.st_size < META_PAGES * PAGE_MIN)
		return cm_fail(err, CM_ECORRUPT,
			       "%s has only %lld octets: it was cut short",
			       kv->data_path, (long long)st.st_size);
	return CM_OK;
}

/*
 * LMDB writes to its lock file by a map: where the disk has no room for a page
 * of it, that is SIGBUS.  So take the room before, or fail.  Nobody here has
 * the file open (its locks would go with our close).
 */
static int reserve_lock_file(const struct cm_kv_options *options,
			     struct cm_error *err)
{
	int flags = O_RDWR | O_CLOEXEC | (options->create ? O_CREAT : 0);
	char *lock = cm_path_join(options->path, "lock.mdb");
	int rc = CM_OK, fd = -1;
	struct stat st;

	if (lock == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	fd = open(lock, flags, CREATE_MODE);
	if (fd < 0) /* LMDB finds out the same, and says what it means */
		goto out;
	if (fstat(fd, &st) == 0 &&
	    fallocate(fd, 0, 0, st.st_size > 0 ? st.st_size : LOCK_ROOM) != 0 &&
	    errno != EOPNOTSUPP)
		rc = cm_fail_errno(err, errno, "%s", lock);
	(void)close(fd);
out:
	free(lock);
	return rc;
}

static int open_env(struct cm_kv *kv, const struct cm_kv_options *options,
		    struct cm_error *err)
{
	/* The same everywhere (design 6): see shared/perf.md for NORDAHEAD. */
	unsigned flags = MDB_NORDAHEAD | MDB_NOTLS;
	int rc = mdb_env_create(&kv->env);

	if (rc != 0)
		return fail_lmdb(err, rc, kv->path, "cannot make a handle");
	if (options->read_only)
		flags |= MDB_RDONLY;
	if ((rc = mdb_env_set_maxdbs(kv->env, CM_KV_DBS_MAX)) != 0 ||
	    (rc = mdb_env_set_maxreaders(kv->env, CM_KV_READERS)) != 0 ||
	    (rc = mdb_env_set_mapsize(kv->env, options->map_size)) != 0 ||
	    (rc = mdb_env_open(kv->env, kv->path, flags, CREATE_MODE)) != 0)
		return fail_lmdb(err, rc, kv->path, "cannot open");
	return CM_OK;
}

/* What later transactions compare the file with. */
static int remember_file(struct cm_kv *kv, struct cm_error *err)
{
	struct stat st;
	MDB_stat stat;
	int rc;

	if ((rc = mdb_env_get_fd(kv->env, &kv->fd)) != 0 ||
	    (rc = mdb_env_stat(kv->env, &stat)) != 0)
		return fail_lmdb(err, rc, kv->path, "cannot open");
	if (fstat(kv->fd, &st) != 0)
		return cm_fail_errno(err, errno, "%s", kv->data_path);
	kv->dev = st.st_dev;
	kv->ino = st.st_ino;
	kv->page_size = stat.ms_psize;
	return CM_OK;
}

static int open_dbs(struct cm_kv *kv, const struct cm_kv_options *options,
		    struct cm_error *err)
{
	struct cm_kv_txn *txn = NULL;
	int rc = options->create ? cm_kv_begin_write(kv, &txn, err)
				 : cm_kv_begin_read(kv, &txn, err);

	if (rc != CM_OK)
		return rc;
	for (unsigned i = 0; i < options->ndbs; i++) {
		int mdb = mdb_dbi_open(txn->txn, options->dbs[i],
				       options->create ? MDB_CREATE : 0,
				       &kv->dbi[i]);

		if (mdb != 0) {
			cm_kv_abort(&txn);
			return fail_lmdb(err, mdb, kv->path, options->dbs[i]);
		}
	}
	kv->ndbs = options->ndbs;
	return cm_kv_commit(&txn, err); /* keeps the handles */
}

static int open_all(struct cm_kv *kv, const struct cm_kv_options *options,
		    struct cm_error *err)
{
	int rc;

	kv->path = strdup(options->path);
	kv->data_path = cm_path_join(options->path, "data.mdb");
	if (kv->path == NULL || kv->data_path == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	kv->read_only = options->read_only;
	kv->pid = getpid();
	if ((rc = check_unopened(options, err)) != CM_OK ||
	    (rc = check_there(kv, options, err)) != CM_OK ||
	    (rc = reserve_lock_file(options, err)) != CM_OK ||
	    (rc = open_env(kv, options, err)) != CM_OK ||
	    (rc = remember_file(kv, err)) != CM_OK ||
	    (rc = cm_kv_reap(kv, err)) != CM_OK)
		return rc;
	return open_dbs(kv, options, err);
}

int cm_kv_open(const struct cm_kv_options *options, struct cm_kv **ret_kv,
	       struct cm_error *err)
{
	struct cm_kv *kv;
	int rc;

	if (options->ndbs > CM_KV_DBS_MAX ||
	    (options->create && options->read_only))
		return cm_fail(err, CM_EUSAGE, "cm_kv_open: bad options");
	kv = calloc(1, sizeof(*kv));
	if (kv == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = open_all(kv, options, err);
	if (rc != CM_OK) {
		cm_kv_close(&kv);
		return rc;
	}
	*ret_kv = kv;
	return CM_OK;
}

void cm_kv_close(struct cm_kv **kv)
{
	if (*kv == NULL)
		return;
	if ((*kv)->env != NULL)
		mdb_env_close((*kv)->env);
	free((*kv)->path);
	free((*kv)->data_path);
	free(*kv);
	*kv = NULL;
}

int cm_kv_reap(struct cm_kv *kv, struct cm_error *err)
{
	int dead;
	int rc = mdb_reader_check(kv->env, &dead);

	if (rc != 0)
		return fail_lmdb(err, rc, kv->path, "cannot check readers");
	return CM_OK;
}

static uint64_t pages(struct cm_kv *kv)
{
	MDB_envinfo info;

	(void)mdb_env_info(kv->env, &info); /* fails for NULL only */
	return (uint64_t)info.me_last_pgno + 1;
}

uint64_t cm_kv_bytes(struct cm_kv *kv)
{
	return pages(kv) * kv->page_size;
}

/* A line is "PID THREAD TXNID", with "-" for a slot that waits; or a title. */
static int oldest(const char *line, void *ctx)
{
	struct cm_span rest = cm_span_trim(cm_span(line));
	uint64_t *txnid = ctx;
	uint64_t id;

	while (rest.n > 0) {
		struct cm_span word = cm_span_cut(&rest, ' ');

		if (rest.n == 0 &&
		    cm_parse_u64(word, UINT64_MAX, &id) == CM_OK && id < *txnid)
			*txnid = id;
	}
	return 0;
}

int cm_kv_usage(struct cm_kv *kv, struct cm_kv_usage *ret_usage,
		struct cm_error *err)
{
	MDB_envinfo info;
	uint64_t txnid;
	int rc;

	(void)mdb_env_info(kv->env, &info); /* fails for NULL only */
	txnid = info.me_last_txnid;
	rc = mdb_reader_list(kv->env, oldest, &txnid);
	if (rc < 0)
		return fail_lmdb(err, rc, kv->path, "cannot list readers");
	*ret_usage = (struct cm_kv_usage){
		.map_size = info.me_mapsize,
		.bytes = cm_kv_bytes(kv),
		.slots = info.me_numreaders,
		.lag = info.me_last_txnid - txnid,
	};
	return CM_OK;
}

/* ---- is it still the file we opened? ----------------------------------- */

/*
 * Before anything reads the map; ret_size: octets of the file.  The path is
 * looked up each time (1 us): a withdrawal acknowledged in the store that
 * took this one's place must be seen by the next reader.
 */
static int check_file(const struct cm_kv *kv, uint64_t *ret_size,
		      struct cm_error *err)
{
	struct stat st;

	if (kv->pid != getpid())
		return cm_fail(err, CM_EREFUSED,
			       "%s was opened before this process forked",
			       kv->path);
	if (stat(kv->data_path, &st) != 0)
		return cm_fail_errno(err, errno, "%s", kv->data_path);
	if (st.st_dev != kv->dev || st.st_ino != kv->ino)
		return cm_fail(err, CM_ECORRUPT,
			       "%s was replaced since it was opened: restart "
			       "the program",
			       kv->data_path);
	if ((uint64_t)st.st_size < META_PAGES * kv->page_size)
		return cm_fail(err, CM_ECORRUPT,
			       "%s was cut short to %lld octets", kv->data_path,
			       (long long)st.st_size);
	*ret_size = (uint64_t)st.st_size;
	return CM_OK;
}

/* The open file's; check_file() has seen that it is the one of that name. */
static int file_size(const struct cm_kv *kv, uint64_t *ret_size,
		     struct cm_error *err)
{
	struct stat st;

	if (fstat(kv->fd, &st) != 0)
		return cm_fail_errno(err, errno, "%s", kv->data_path);
	*ret_size = (uint64_t)st.st_size;
	return CM_OK;
}

/* size: as seen before the transaction; a commit may have made it longer. */
static int check_pages(struct cm_kv *kv, uint64_t size, struct cm_error *err)
{
	const struct timespec pause = {.tv_nsec = SHORT_WAIT_MS * 1000000L};

	for (int i = 0;; i++) {
		uint64_t want = cm_kv_bytes(kv);
		int rc;

		if (size >= want)
			return CM_OK;
		if (i == SHORT_TRIES)
			return cm_fail(err, CM_ECORRUPT,
				       "%s has %llu octets where %llu are "
				       "needed: it was cut short",
				       kv->data_path, (unsigned long long)size,
				       (unsigned long long)want);
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		rc = file_size(kv, &size, err);
		if (rc != CM_OK)
			return rc;
	}
}

/*
 * Under LMDB's write lock, so nobody else changes the size.  Where it fails
 * the writes themselves will say so.
 */
static void keep_slack(struct cm_kv *kv, uint64_t size)
{
	uint64_t want = cm_kv_bytes(kv) + SLACK_PAGES * kv->page_size;

	if (size >= want)
		return;
	while (ftruncate(kv->fd, (off_t)(want + SLACK_PAGES * kv->page_size)) !=
		       0 &&
	       errno == EINTR)
		continue;
}

/* ---- transactions ------------------------------------------------------- */

/* ret_size: of the file, before the transaction began. */
static int begin(struct cm_kv *kv, bool writes, struct cm_kv_txn **ret_txn,
		 uint64_t *ret_size, struct cm_error *err)
{
	struct cm_kv_txn *txn;
	int rc = check_file(kv, ret_size, err);

	if (rc != CM_OK)
		return rc;
	txn = calloc(1, sizeof(*txn));
	if (txn == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	txn->kv = kv;
	txn->writes = writes;
	rc = mdb_txn_begin(kv->env, NULL, writes ? 0 : MDB_RDONLY, &txn->txn);
	if (rc != 0) {
		free(txn);
		return fail_lmdb(err, rc, kv->path,
				 "cannot begin a transaction");
	}
	*ret_txn = txn;
	return CM_OK;
}

int cm_kv_begin_read(struct cm_kv *kv, struct cm_kv_txn **ret_txn,
		     struct cm_error *err)
{
	struct cm_kv_txn *txn;
	uint64_t size = 0;
	int rc = begin(kv, false, &txn, &size, err);

	if (rc != CM_OK)
		return rc;
	rc = check_pages(kv, size, err);
	if (rc != CM_OK) {
		cm_kv_abort(&txn);
		return rc;
	}
	*ret_txn = txn;
	return CM_OK;
}

/*
 * Where a writer goes on stands in lock.mdb, which readers can write too: one
 * that lies there would have the last commit overwritten.
 */
static int check_last(const struct cm_kv_txn *txn, struct cm_error *err)
{
	MDB_envinfo info;

	(void)mdb_env_info(txn->kv->env, &info); /* fails for NULL only */
	if (mdb_txn_id(txn->txn) == info.me_last_txnid + 1)
		return CM_OK;
	return cm_fail(err, CM_ECORRUPT,
		       "%s/lock.mdb does not name the last transaction: stop "
		       "all programs, remove it and start them again",
		       txn->kv->path);
}

int cm_kv_begin_write(struct cm_kv *kv, struct cm_kv_txn **ret_txn,
		      struct cm_error *err)
{
	struct cm_kv_txn *txn;
	uint64_t size = 0;
	int rc;

	if (kv->read_only)
		return cm_fail(err, CM_EUSAGE, "%s is open for reading only",
			       kv->path);
	rc = begin(kv, true, &txn, &size, err);
	if (rc != CM_OK)
		return rc;
	rc = check_last(txn, err);
	if (rc == CM_OK)
		rc = check_pages(kv, size, err);
	if (rc == CM_OK) /* again, now that nobody else writes */
		rc = file_size(kv, &size, err);
	if (rc != CM_OK) {
		cm_kv_abort(&txn);
		return rc;
	}
	keep_slack(kv, size);
	*ret_txn = txn;
	return CM_OK;
}

/* A commit so large that it ate the slack: get new one. */
static void extend(struct cm_kv *kv)
{
	struct cm_kv_txn *txn;
	uint64_t size = 0;

	if (file_size(kv, &size, NULL) != CM_OK || size >= cm_kv_bytes(kv))
		return;
	if (begin(kv, true, &txn, &size, NULL) != CM_OK)
		return;
	if (file_size(kv, &size, NULL) == CM_OK)
		keep_slack(kv, size);
	cm_kv_abort(&txn);
}

int cm_kv_commit(struct cm_kv_txn **txn, struct cm_error *err)
{
	struct cm_kv *kv = (*txn)->kv;
	bool writes = (*txn)->writes;
	int rc = mdb_txn_commit((*txn)->txn);

	free(*txn);
	*txn = NULL;
	/* LMDB calls a write that was cut short an I/O error. */
	if (rc != 0)
		return fail_lmdb(err, rc, kv->path,
				 rc == EIO ? "cannot write (is the disk full?)"
					   : "cannot write");
	if (writes)
		extend(kv);
	return CM_OK;
}

void cm_kv_abort(struct cm_kv_txn **txn)
{
	if (*txn == NULL)
		return;
	mdb_txn_abort((*txn)->txn);
	free(*txn);
	*txn = NULL;
}

/* ---- copies ------------------------------------------------------------- */

enum { COPY_CHUNK = 1 << 16 };

/*
 * LMDB copies to a file descriptor and does not say when its transaction has
 * begun; but it writes nothing before, so the first octets out of a pipe tell.
 */
struct cm_kv_copy {
	struct cm_kv *kv;
	pthread_t thread;
	int from; /* the pipe's reading end */
	int into; /* the thread's */
	int rc;   /* LMDB's; read after the thread's end */
	bool joined;
	size_t n; /* octets of chunk that are not written yet */
	char chunk[COPY_CHUNK];
};

static void *copy_thread(void *arg)
{
	struct cm_kv_copy *copy = arg;

	copy->rc = mdb_env_copyfd2(copy->kv->env, copy->into, MDB_CP_COMPACT);
	(void)close(copy->into);
	return NULL;
}

static void copy_join(struct cm_kv_copy *copy)
{
	if (!copy->joined)
		(void)pthread_join(copy->thread, NULL);
	copy->joined = true;
}

/* n = 0 at the end, which is good only if LMDB says so. */
static int copy_read(struct cm_kv_copy *copy, struct cm_error *err)
{
	ssize_t n;

	do
		n = read(copy->from, copy->chunk, sizeof(copy->chunk));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return cm_fail_errno(err, errno, "%s: cannot copy",
				     copy->kv->path);
	copy->n = (size_t)n;
	if (n > 0)
		return CM_OK;
	copy_join(copy);
	if (copy->rc == 0)
		return CM_OK;
	return fail_lmdb(err, copy->rc, copy->kv->path, "cannot copy");
}

int cm_kv_copy_begin(struct cm_kv *kv, struct cm_kv_copy **ret_copy,
		     struct cm_error *err)
{
	struct cm_kv_txn *txn;
	struct cm_kv_copy *copy;
	int ends[2];
	int rc = cm_kv_begin_read(kv, &txn, err); /* is it our file, whole? */

	if (rc != CM_OK)
		return rc;
	cm_kv_abort(&txn);
	copy = calloc(1, sizeof(*copy));
	if (copy == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (pipe2(ends, O_CLOEXEC) != 0) {
		free(copy);
		return cm_fail_errno(err, errno, "cannot make a pipe");
	}
	copy->kv = kv;
	copy->from = ends[0];
	copy->into = ends[1];
	rc = pthread_create(&copy->thread, NULL, copy_thread, copy);
	if (rc != 0) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		free(copy);
		return cm_fail_errno(err, rc, "cannot start a thread");
	}
	rc = copy_read(copy, err);
	if (rc != CM_OK) {
		cm_kv_copy_end(&copy);
		return rc;
	}
	*ret_copy = copy;
	return CM_OK;
}

static int write_chunk(const struct cm_kv_copy *copy, int fd,
		       struct cm_error *err)
{
	size_t at = 0;

	while (at < copy->n) {
		ssize_t n = write(fd, copy->chunk + at, copy->n - at);

		if (n < 0 && errno != EINTR)
			return cm_fail_errno(err, errno,
					     "cannot write the copy of %s",
					     copy->kv->path);
		at += n > 0 ? (size_t)n : 0;
	}
	return CM_OK;
}

int cm_kv_copy_write(struct cm_kv_copy *copy, int fd,
		     void (*wrote)(void *ctx, uint64_t octets), void *ctx,
		     struct cm_error *err)
{
	uint64_t octets = 0;
	int rc = CM_OK;

	while (rc == CM_OK && copy->n > 0) {
		rc = write_chunk(copy, fd, err);
		octets += copy->n;
		if (rc == CM_OK && wrote != NULL)
			wrote(ctx, octets);
		if (rc == CM_OK)
			rc = copy_read(copy, err);
	}
	return rc;
}

/* Closing the pipe ends the thread: LMDB holds SIGPIPE back itself. */
void cm_kv_copy_end(struct cm_kv_copy **copy)
{
	if (*copy == NULL)
		return;
	(void)close((*copy)->from);
	copy_join(*copy);
	free(*copy);
	*copy = NULL;
}

/* ---- rows --------------------------------------------------------------- */

static MDB_val to_val(struct cm_span span)
{
	MDB_val val = {.mv_size = span.n, .mv_data = (void *)(uintptr_t)span.p};

	return val;
}

static struct cm_span to_span(const MDB_val *val)
{
	return cm_span_n(val->mv_data, val->mv_size);
}

int cm_kv_get(struct cm_kv_txn *txn, unsigned db, struct cm_span key,
	      struct cm_span *ret_value, struct cm_error *err)
{
	MDB_val k = to_val(key);
	MDB_val v;
	int rc = mdb_get(txn->txn, txn->kv->dbi[db], &k, &v);

	if (rc == MDB_NOTFOUND)
		return CM_ENOTFOUND;
	if (rc != 0)
		return fail_lmdb(err, rc, txn->kv->path, "cannot read");
	*ret_value = to_span(&v);
	return CM_OK;
}

int cm_kv_count(struct cm_kv_txn *txn, unsigned db, uint64_t *ret_count,
		struct cm_error *err)
{
	MDB_stat stat;
	int rc = mdb_stat(txn->txn, txn->kv->dbi[db], &stat);

	if (rc != 0)
		return fail_lmdb(err, rc, txn->kv->path, "cannot count");
	*ret_count = stat.ms_entries;
	return CM_OK;
}

static int put(struct cm_kv_txn *txn, unsigned db, struct cm_span key,
	       struct cm_span value, unsigned flags, struct cm_error *err)
{
	MDB_val k = to_val(key);
	MDB_val v = to_val(value);
	int rc = mdb_put(txn->txn, txn->kv->dbi[db], &k, &v, flags);

	if (rc == MDB_KEYEXIST)
		return cm_fail(err, CM_ECORRUPT,
			       "%s: a row was to be appended that is not last",
			       txn->kv->path);
	if (rc != 0)
		return fail_lmdb(err, rc, txn->kv->path, "cannot write");
	return CM_OK;
}

int cm_kv_put(struct cm_kv_txn *txn, unsigned db, struct cm_span key,
	      struct cm_span value, struct cm_error *err)
{
	return put(txn, db, key, value, 0, err);
}

int cm_kv_append(struct cm_kv_txn *txn, unsigned db, struct cm_span key,
		 struct cm_span value, struct cm_error *err)
{
	return put(txn, db, key, value, MDB_APPEND, err);
}

int cm_kv_del(struct cm_kv_txn *txn, unsigned db, struct cm_span key,
	      struct cm_error *err)
{
	MDB_val k = to_val(key);
	int rc = mdb_del(txn->txn, txn->kv->dbi[db], &k, NULL);

	if (rc == MDB_NOTFOUND)
		return CM_ENOTFOUND;
	if (rc != 0)
		return fail_lmdb(err, rc, txn->kv->path, "cannot delete");
	return CM_OK;
}

int cm_kv_clear(struct cm_kv_txn *txn, unsigned db, struct cm_error *err)
{
	int rc = mdb_drop(txn->txn, txn->kv->dbi[db], 0);

	if (rc != 0)
		return fail_lmdb(err, rc, txn->kv->path, "cannot clear");
	return CM_OK;
}

/* ---- cursors ------------------------------------------------------------ */

int cm_kv_cursor_open(struct cm_kv_txn *txn, unsigned db,
		      struct cm_kv_cursor **ret_cursor, struct cm_error *err)
{
	struct cm_kv_cursor *cursor = calloc(1, sizeof(*cursor));
	int rc;

	if (cursor == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	cursor->kv = txn->kv;
	rc = mdb_cursor_open(txn->txn, txn->kv->dbi[db], &cursor->cursor);
	if (rc != 0) {
		free(cursor);
		return fail_lmdb(err, rc, txn->kv->path, "cannot read");
	}
	*ret_cursor = cursor;
	return CM_OK;
}

void cm_kv_cursor_close(struct cm_kv_cursor **cursor)
{
	if (*cursor == NULL)
		return;
	mdb_cursor_close((*cursor)->cursor);
	free(*cursor);
	*cursor = NULL;
}

static int cursor_get(struct cm_kv_cursor *cursor, MDB_val k, MDB_cursor_op op,
		      struct cm_span *ret_key, struct cm_span *ret_value,
		      struct cm_error *err)
{
	MDB_val v;
	int rc = mdb_cursor_get(cursor->cursor, &k, &v, op);

	if (rc == MDB_NOTFOUND)
		return CM_ENOTFOUND;
	if (rc != 0)
		return fail_lmdb(err, rc, cursor->kv->path, "cannot read");
	*ret_key = to_span(&k);
	*ret_value = to_span(&v);
	return CM_OK;
}

int cm_kv_seek(struct cm_kv_cursor *cursor, struct cm_span key,
	       struct cm_span *ret_key, struct cm_span *ret_value,
	       struct cm_error *err)
{
	return cursor_get(cursor, to_val(key),
			  key.n == 0 ? MDB_FIRST : MDB_SET_RANGE, ret_key,
			  ret_value, err);
}

int cm_kv_next(struct cm_kv_cursor *cursor, struct cm_span *ret_key,
	       struct cm_span *ret_value, struct cm_error *err)
{
	return cursor_get(cursor, to_val(cm_span_n(NULL, 0)), MDB_NEXT, ret_key,
			  ret_value, err);
}

int cm_kv_cursor_del(struct cm_kv_cursor *cursor, struct cm_error *err)
{
	int rc = mdb_cursor_del(cursor->cursor, 0);

	if (rc != 0)
		return fail_lmdb(err, rc, cursor->kv->path, "cannot delete");
	return CM_OK;
}
