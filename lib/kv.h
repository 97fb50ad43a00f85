/*
 * kv - ordered keys and values in files: the only file that includes <lmdb.h>.
 *
 * One environment is one folder with data.mdb and lock.mdb, holding named
 * databases.  Readers never wait; one writer at a time, and LMDB's own write
 * lock has no deadline, so callers take a lock file first (cm_lockfile_*).
 * A commit is synced when it returns.
 *
 * Opened after fork, and once per path and process: LMDB's locks are the
 * process's, and a second close would drop the first one's.  Both rules are
 * checked (the second as far as /proc is there).
 *
 * Every transaction checks that data.mdb is still the file that was opened
 * and holds all its pages.  A
 * file cut short while a transaction runs can still end the process by SIGBUS:
 * the supervisor starts it again and the MTA answers 451 meanwhile.
 *
 * An environment may be shared by threads; a transaction and its cursors are
 * one thread's at a time.  Values point into the map: they live as long as
 * the transaction and, in a writing one, until its next change.
 */
#ifndef CM_LIB_KV_H
#define CM_LIB_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/str.h"

enum {
	CM_KV_DBS_MAX = 16,
	CM_KV_READERS = 1024, /* slots of lock.mdb, all processes together */
	CM_KV_KEY_MAX = 511,  /* octets; LMDB's limit */
};

struct cm_kv;
struct cm_kv_txn;
struct cm_kv_cursor;

struct cm_kv_options {
	const char *path;       /* the folder; must exist */
	const char *const *dbs; /* names; functions below go by the index */
	unsigned ndbs;
	uint64_t map_size; /* octets; the same in every process */
	bool read_only;
	bool create; /* make files and databases (mode 0600 less umask) */
};

/*
 * CM_ENOTFOUND: nothing there (and not asked to create); CM_EREFUSED: open in
 * this process already; CM_ECORRUPT, CM_EIO: cannot be used.
 */
CM_MUST_CHECK int cm_kv_open(const struct cm_kv_options *options,
			     struct cm_kv **ret_kv, struct cm_error *err);
void cm_kv_close(struct cm_kv **kv); /* after all transactions */

/* Free the reader slots of processes that died. */
CM_MUST_CHECK int cm_kv_reap(struct cm_kv *kv, struct cm_error *err);

/* Octets of pages in use or free inside the file, without its slack. */
uint64_t cm_kv_bytes(struct cm_kv *kv);

struct cm_kv_usage {
	uint64_t map_size; /* octets */
	uint64_t bytes;    /* cm_kv_bytes() */
	unsigned slots;    /* of CM_KV_READERS, ever taken at one time */
	/* Commits since the oldest reading transaction began; pages of all
	 * of them cannot be used again until it ends. */
	uint64_t lag;
};
CM_MUST_CHECK int cm_kv_usage(struct cm_kv *kv, struct cm_kv_usage *ret_usage,
			      struct cm_error *err);

/*
 * A copy of one moment, compact: only pages in use, so nothing that was
 * deleted.  begin returns when the moment is fixed; writers go on from then
 * on.  It takes one reader slot and a thread until end, which comes before
 * cm_kv_close().
 */
struct cm_kv_copy;
CM_MUST_CHECK int cm_kv_copy_begin(struct cm_kv *kv,
				   struct cm_kv_copy **ret_copy,
				   struct cm_error *err);
/*
 * Write it to fd, in order; wrote() (may be NULL) is told how far it is.  Not
 * synced.  On failure what stands in fd is no copy.
 */
CM_MUST_CHECK int cm_kv_copy_write(struct cm_kv_copy *copy, int fd,
				   void (*wrote)(void *ctx, uint64_t octets),
				   void *ctx, struct cm_error *err);
void cm_kv_copy_end(struct cm_kv_copy **copy); /* NULL inside is fine */

CM_MUST_CHECK int cm_kv_begin_read(struct cm_kv *kv, struct cm_kv_txn **ret_txn,
				   struct cm_error *err);
CM_MUST_CHECK int cm_kv_begin_write(struct cm_kv *kv,
				    struct cm_kv_txn **ret_txn,
				    struct cm_error *err);
/* Durable when it returns CM_OK; on failure nothing has happened. */
CM_MUST_CHECK int cm_kv_commit(struct cm_kv_txn **txn, struct cm_error *err);
void cm_kv_abort(struct cm_kv_txn **txn); /* NULL inside is fine */

/* CM_ENOTFOUND is an answer: *err is left alone. */
CM_MUST_CHECK int cm_kv_get(struct cm_kv_txn *txn, unsigned db,
			    struct cm_span key, struct cm_span *ret_value,
			    struct cm_error *err);
/* Number of rows. */
CM_MUST_CHECK int cm_kv_count(struct cm_kv_txn *txn, unsigned db,
			      uint64_t *ret_count, struct cm_error *err);

CM_MUST_CHECK int cm_kv_put(struct cm_kv_txn *txn, unsigned db,
			    struct cm_span key, struct cm_span value,
			    struct cm_error *err);
/* As put, for a key behind all others: several times faster, and packed. */
CM_MUST_CHECK int cm_kv_append(struct cm_kv_txn *txn, unsigned db,
			       struct cm_span key, struct cm_span value,
			       struct cm_error *err);
/* CM_ENOTFOUND is an answer: *err is left alone. */
CM_MUST_CHECK int cm_kv_del(struct cm_kv_txn *txn, unsigned db,
			    struct cm_span key, struct cm_error *err);
CM_MUST_CHECK int cm_kv_clear(struct cm_kv_txn *txn, unsigned db,
			      struct cm_error *err);

/*
 * Rows in memcmp order of their keys.  seek goes to the first row whose key
 * is not less; "" is before all.  CM_ENOTFOUND behind the last (*err is left
 * alone).  Close before the transaction ends.
 */
CM_MUST_CHECK int cm_kv_cursor_open(struct cm_kv_txn *txn, unsigned db,
				    struct cm_kv_cursor **ret_cursor,
				    struct cm_error *err);
void cm_kv_cursor_close(struct cm_kv_cursor **cursor);
CM_MUST_CHECK int cm_kv_seek(struct cm_kv_cursor *cursor, struct cm_span key,
			     struct cm_span *ret_key, struct cm_span *ret_value,
			     struct cm_error *err);
CM_MUST_CHECK int cm_kv_next(struct cm_kv_cursor *cursor,
			     struct cm_span *ret_key, struct cm_span *ret_value,
			     struct cm_error *err);
/* Delete the row just returned; next then gives the one after it. */
CM_MUST_CHECK int cm_kv_cursor_del(struct cm_kv_cursor *cursor,
				   struct cm_error *err);

#endif
