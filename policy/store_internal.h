/*
 * store_internal - what the store's files share; nobody else includes it.
 *
 *   store.c          open, close, paths, MACs, the head row
 *   store_init.c     make a new store, with the modes that keep readers out
 *   store_read.c     readers: lookups and what an audit asks
 *   store_proof.c    roots, inclusion and consistency for outsiders
 *   store_rows.c     events as small rows; from rows to views, sorted
 *   store_write.c    one write transaction: lock, fold, append, commit
 *   store_stop.c     refusals in front of the ledger
 *   store_private.c  addresses and evidence
 *   store_erase.c    private without those who are erased
 *   store_upkeep.c   rebuild, count
 *   store_verify.c   recompute and compare
 *   store_sample.c   the same for a few rows; how full it is
 *   store_backup.c   copies of all of it, and a store made of one
 *   store_replay.c   refusals out of one store and into another
 *
 * Every function here wants a CM_STORE_WRITE store unless said otherwise.
 */
#ifndef CM_POLICY_STORE_INTERNAL_H
#define CM_POLICY_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/enc.h"
#include "lib/kv.h"
#include "policy/merkle.h"
#include "policy/store.h"

enum {
	CM_STORE_FORMAT = 2, /* 2: views know the terms of grants */
	CM_STORE_FORMAT_FIRST = 1,
	CM_MAC_LEN = 8, /* per row; a forger has one try per 451 */
	CM_SEQ_LEN = 8, /* big-endian: memcmp order is the ledger's */
	CM_STOP_ID_LEN = 16,
	CM_STOP_KEY_LEN = 2 * CM_CONTACT_ID_LEN + CM_STOP_ID_LEN,
	CM_MARK_LEN = 16,
	CM_SALT_LEN = CM_SALT_OPEN_LEN,
	CM_SALTS = 128,
	CM_PACKED_MAX = 1 << 22,     /* of one view: 4,096 facts at most */
	CM_VIEW_ARENA_MAX = 1 << 24, /* ditto, unpacked */
	CM_STORE_JSON_MAX = 1 << 13, /* an event's fields at their longest */
	CM_EVIDENCE_MAX = 1 << 16,   /* a reply mail's headers fit */
	CM_AS_GIVEN_MAX = 1 << 11,   /* a display name and an address */
};

enum cm_ledger_db {
	CM_DB_LEDGER,     /* seq(8) -> event JSON */
	CM_DB_HASHES,     /* cm_merkle_key -> tile */
	CM_DB_CONTACTS,   /* contact -> packed view | MAC */
	CM_DB_FAMILY,     /* family -> packed view | MAC */
	CM_DB_BY_CONTACT, /* contact | seq(8) -> nothing */
	CM_DB_NOTICES,    /* SHA-256 -> text */
	/* "head" -> head; "f" | stop row id -> MAC; "e" | contact -> MAC */
	CM_DB_META,
	CM_LEDGER_DBS
};

/* First octet of a note in meta; both are followed by an id. */
enum cm_note {
	CM_NOTE_ERASE = 'e',  /* private may still hold this contact */
	CM_NOTE_FOLDED = 'f', /* this row of stop is in the ledger */
};

enum { CM_DB_STOP, CM_STOP_DBS };

enum cm_private_db {
	CM_DB_ADDRESSES, /* contact -> MAC | length(2) | canonical | given */
	CM_DB_EVIDENCE,  /* seq(8) -> salt(16) | text */
	CM_DB_PRIVATE_META,
	CM_PRIVATE_DBS
};

enum cm_env {
	CM_ENV_LEDGER,
	CM_ENV_STOP,
	CM_ENV_PRIVATE,
	CM_ENVS = CM_BACKUP_FILES
};

/* The databases whose rows carry a MAC; the tag is hashed with the row. */
enum cm_mac_tag {
	CM_MAC_CONTACTS = 'c',
	CM_MAC_FAMILY = 'f',
	CM_MAC_META = 'm',
	CM_MAC_STOP = 's',
	CM_MAC_ADDRESSES = 'a',
};

struct cm_store {
	enum cm_store_access access;
	uint64_t map_size;
	int lock_wait_ms;
	char *folder; /* PATH/store */
	char *env_path[CM_ENVS];
	char *writer_lock;
	char *stop_lock;
	char *private_lock;
	struct cm_kv *ledger;
	struct cm_kv *stop;
	uint8_t mac_key[CM_SHA256_LEN];
	struct cm_siv *stop_seal; /* of evidence while it is in stop */
	uint8_t key_check[CM_MAC_LEN];
	_Atomic int64_t reaped_at; /* cm_clock_steady_ms() */
	pthread_mutex_t mutex;     /* of all below */
	struct cm_store_reader *idle;
	unsigned nidle;
	struct cm_stop_request *stop_waiting; /* to be written together */
	bool stop_led;                        /* somebody is writing */
	pthread_cond_t stop_done;
};

/* ---- store.c ------------------------------------------------------------ */

/* Paths and keys only; nothing is opened. */
int cm_store_prepare(const struct cm_store_options *options,
		     enum cm_store_access access, const struct cm_keys *keys,
		     struct cm_store **ret_store, struct cm_error *err);
int cm_store_open_env(const struct cm_store *store, enum cm_env env,
		      bool read_only, bool create, struct cm_kv **ret_kv,
		      struct cm_error *err);
/* A new private environment in a folder of its own. */
int cm_store_open_private_at(const struct cm_store *store, const char *path,
			     struct cm_kv **ret_kv, struct cm_error *err);
int cm_store_hmac(const struct cm_store *store, struct cm_hmac **ret_hmac,
		  struct cm_error *err);

struct cm_span cm_id_span(const struct cm_id *id);
void cm_id_hex(const struct cm_id *id, char out[2 * CM_CONTACT_ID_LEN + 1]);

int cm_row_mac(struct cm_hmac *hmac, enum cm_mac_tag tag, struct cm_span key,
	       struct cm_span bytes, uint8_t out[CM_MAC_LEN]);
/* The row's bytes without the MAC at its end; CM_ECORRUPT, no text. */
int cm_row_open(struct cm_hmac *hmac, enum cm_mac_tag tag, struct cm_span key,
		struct cm_span value, struct cm_span *ret_bytes);
/* Append the MAC of what is in buf. */
int cm_row_seal(struct cm_hmac *hmac, enum cm_mac_tag tag, struct cm_span key,
		struct cm_buf *buf);

/* The ledger's state in one row. */
struct cm_head {
	uint64_t size; /* events */
	int64_t newest_rec;
	struct cm_hash root;
	uint8_t private_mark[CM_MARK_LEN]; /* of the last private commit */
};
int cm_head_get(const struct cm_store *store, struct cm_kv_txn *txn,
		struct cm_hmac *hmac, struct cm_head *ret_head,
		struct cm_error *err);
/*
 * The same for who asks again and again: the row that was found whole last
 * time is not looked through again where it is that one, octet for octet.
 */
enum {
	/* format | key check | size | newest rec | root | mark | MAC */
	CM_HEAD_ROW_LEN =
		4 + CM_MAC_LEN + 8 + 8 + CM_HASH_LEN + CM_MARK_LEN + CM_MAC_LEN,
};
struct cm_head_seen {
	bool good;
	uint8_t row[CM_HEAD_ROW_LEN];
};
int cm_head_get_again(const struct cm_store *store, struct cm_kv_txn *txn,
		      struct cm_hmac *hmac, struct cm_head_seen *seen,
		      struct cm_head *ret_head, struct cm_error *err);
int cm_head_put(const struct cm_store *store, struct cm_kv_txn *txn,
		struct cm_hmac *hmac, const struct cm_head *head,
		struct cm_error *err);
/*
 * CM_ECORRUPT if the store was made with another store key, or is of another
 * format.  old_too: not if that is one that rebuild makes ours.
 */
int cm_head_check_key(const struct cm_store *store, struct cm_kv_txn *txn,
		      bool old_too, struct cm_error *err);

/* Tiles in a transaction. */
struct cm_tile_store {
	struct cm_merkle_tiles tiles;
	struct cm_kv_txn *txn;
	struct cm_error why; /* what the last failure was about */
};
void cm_tile_store_init(struct cm_tile_store *tiles, struct cm_kv_txn *txn);
/* The tree says which tile failed; a person wants to know why. Returns rc. */
int cm_tile_store_why(const struct cm_tile_store *tiles, int rc,
		      struct cm_error *err);

/* ---- store_read.c ------------------------------------------------------- */

struct cm_store_reader {
	struct cm_store *store;
	struct cm_arena *arena;
	struct cm_hmac *hmac;
	struct cm_kv_txn *stop;   /* opened first: see store.h */
	struct cm_kv_txn *ledger; /* opened second */
	uint64_t nstop;
	struct cm_head head;
	struct cm_head_seen seen;
	struct cm_store_reader *next; /* while idle */
};

void cm_readers_free(struct cm_store *store); /* the idle ones */

/* ---- store_rows.c ------------------------------------------------------- */

/* An event without what many have in common. */
struct cm_row {
	int64_t at; /* 0: a direct act, timed when it is applied */
	struct cm_id contact;
	struct cm_id family;
	uint32_t kind;     /* index into kinds */
	uint32_t evidence; /* index + 1 into evidence; 0 = none */
	uint32_t address;  /* the batch's, index + 1; 0 = none */
	uint32_t dates;    /* index + 1 into dates; 0 = none */
	bool undone;       /* by a corrected row; not in any view */
	/* After cm_rows_to_views(): of an erased person, keep nothing. */
	bool erased;
};

/* When things were that not every row has. */
struct cm_row_dates {
	int64_t sold;
	int64_t ended;
};

struct cm_rows {
	struct cm_row *row;
	size_t count;
	size_t room;
	struct cm_event *kinds; /* ids, times and evidence zero */
	size_t nkinds;
	size_t kinds_room;
	uint32_t *table; /* open addressing: index + 1 into kinds */
	size_t table_size;
	struct cm_hash *evidence;
	size_t nevidence;
	size_t evidence_room;
	struct cm_row_dates *dates;
	size_t ndates;
	size_t dates_room;
	uint32_t *by_contact; /* row numbers; of cm_rows_sort() */
	size_t sorted;        /* rows it holds */
};

/*
 * Room for one more of an array that *items_p (any T **) points to:
 * CM_ENOMEM, or CM_ELIMIT over INT32_MAX items.
 */
int cm_grow(void *items_p, size_t count, size_t *room, size_t size);

void cm_rows_free(struct cm_rows *rows); /* leaves it empty; zeroed is fine */
/* CM_EUSAGE for an event that no store can hold. */
int cm_rows_add(struct cm_rows *rows, const struct cm_event *event,
		struct cm_error *err);
/* The event again; rec is the caller's. */
void cm_rows_event(const struct cm_rows *rows, size_t i, int64_t rec,
		   struct cm_event *ret_event);
bool cm_rows_refuses(const struct cm_rows *rows, size_t i);
/* Does any row take back what others said?  (A click is taken back by a fact
 * of its own, and views need not be made anew.) */
bool cm_rows_correct(const struct cm_rows *rows);
/* Fill by_contact: by contact, then by number. Nothing to do if it is. */
int cm_rows_sort(struct cm_rows *rows, struct cm_error *err);

/*
 * From rows to views.  load gives a row's present value (CM_ENOTFOUND: none;
 * NULL function: there is nothing yet); emit takes the new ones, each database
 * in the order of its keys.  Both return CM_OK or a code that is passed on.
 */
struct cm_view_sink {
	void *ctx;
	int (*load)(void *ctx, enum cm_ledger_db db, struct cm_span key,
		    struct cm_span *ret_value, struct cm_error *err);
	int (*emit)(void *ctx, enum cm_ledger_db db, struct cm_span key,
		    struct cm_span value, struct cm_error *err);
};
/* Sets .at of direct acts.  first: the seq of row 0.  A corrected row works
 * on rows beside it only: with one, all of the ledger must be there. */
int cm_rows_to_views(struct cm_rows *rows, uint64_t first, int64_t now,
		     int64_t rec, struct cm_hmac *hmac,
		     const struct cm_view_sink *sink, struct cm_error *err);

/* ---- store_write.c ------------------------------------------------------ */

/* Things to keep in private, by row. */
struct cm_private_text {
	size_t at; /* offset into texts */
	uint32_t n;
	uint32_t canonical; /* addresses: octets of it, the rest is as given */
};

struct cm_store_batch {
	struct cm_store *store;
	struct cm_hasher *hasher; /* NULL until there is evidence */
	struct cm_rows rows;
	bool grants; /* some row does not refuse */
	int64_t rec; /* after commit */
	struct cm_buf texts;
	struct cm_private_text *addresses;
	size_t naddresses, addresses_room;
	struct cm_private_text *evidence; /* as rows.evidence; salt | text */
	size_t nevidence, evidence_room;
	/* Drawn by the hundred: asking for one costs as much. */
	uint8_t salts[CM_SALTS][CM_SALT_LEN];
	size_t nsalts; /* not yet used */
};

/* What one transaction brings to private: of stop, and of a batch. */
enum { CM_PRIVATE_PARTS = 2 };
struct cm_private_part {
	const struct cm_store_batch *batch;
	uint64_t first; /* seq of its row 0 */
};

/* One write transaction on the ledger, under writer.lock. */
struct cm_writer {
	struct cm_store *store;
	int lock;
	struct cm_hmac *hmac;
	struct cm_kv_txn *txn;
	struct cm_head head;
	int64_t now;
	int64_t rec;
	struct cm_buf folded; /* stop keys this transaction takes over */
	size_t nfolded;       /* of them new to the ledger */
	/* Their rows with what was sealed in stop; NULL if nothing was. */
	struct cm_store_batch *unsealed;
	struct cm_private_part parts[CM_PRIVATE_PARTS];
	size_t nparts;
};
/* load_head: false for rebuild, which makes a new one. */
int cm_writer_begin(struct cm_store *store, int64_t now, int wait_ms,
		    bool load_head, struct cm_writer *writer,
		    struct cm_error *err);
int cm_writer_append(struct cm_writer *writer, struct cm_rows *rows,
		     struct cm_error *err);
/* Private texts of a batch that was appended from first on, for the commit;
 * the batch has to live so long. */
void cm_writer_keep(struct cm_writer *writer,
		    const struct cm_store_batch *batch, uint64_t first);
/* Write private and the head, commit, then empty stop of what was folded. */
int cm_writer_commit(struct cm_writer *writer, struct cm_error *err);
void cm_writer_end(struct cm_writer *writer); /* after either; aborts */
/*
 * All views anew from the ledger, in this transaction: for corrections, which
 * no view can be made to forget by.
 */
int cm_writer_all_views(struct cm_writer *writer, struct cm_error *err);
/* The databases that follow from the ledger's rows, hashes apart. */
enum { CM_VIEW_DBS = 3 };
extern const enum cm_ledger_db cm_view_dbs[CM_VIEW_DBS];
/* Views of rows that stand in the ledger from first on. */
int cm_writer_views(struct cm_writer *writer, struct cm_rows *rows,
		    uint64_t first, struct cm_error *err);

/* ---- store_stop.c ------------------------------------------------------- */

int cm_stop_fold(struct cm_writer *writer, struct cm_error *err);
/* For rebuild: notes of either kind that fail their MAC. */
int cm_stop_drop_bad_notes(struct cm_writer *writer, struct cm_error *err);
/* After the commit; what cannot be deleted now is skipped next time. */
void cm_stop_forget(struct cm_writer *writer);
/* Fold what stop holds of this family into both views. */
int cm_stop_apply(struct cm_store_reader *reader, const struct cm_id *contact,
		  const struct cm_id *family, struct cm_view *own,
		  struct cm_view *of_family, struct cm_error *err);
/* CM_ECORRUPT if the row is not one that we wrote.  ret_sealed: of value,
 * empty if there is no evidence; may be NULL. */
int cm_stop_open(struct cm_hmac *hmac, struct cm_span key, struct cm_span value,
		 struct cm_event *ret_event, struct cm_span *ret_sealed);

/* ---- store_private.c ---------------------------------------------------- */

/* The writer's parts, in the order of their seqs.  Synced on return; sweeps
 * what an earlier crash left.  Sets the mark. */
int cm_private_write(struct cm_writer *writer, struct cm_error *err);
int cm_private_open(const struct cm_store *store, bool read_only, int *ret_lock,
		    struct cm_kv **ret_kv, struct cm_error *err);
/*
 * CM_ECORRUPT unless the row is what its event says.  An event may have lost
 * its evidence (erasure), but no evidence comes without an event.
 */
int cm_evidence_check(struct cm_kv_txn *ledger, struct cm_span key,
		      struct cm_span value);
int cm_evidence_hash(struct cm_span salted, struct cm_hash *ret_hash);
/* CM_ECORRUPT if the row is not the one that was written for the contact. */
int cm_address_open(struct cm_hmac *hmac, struct cm_span key,
		    struct cm_span value, struct cm_span *ret_canonical,
		    struct cm_span *ret_as_given);
/*
 * Was the last write here followed by its ledger commit?  CM_ECORRUPT if what
 * tells is damaged or gone.
 */
int cm_private_settled(struct cm_kv_txn *txn, struct cm_hmac *hmac,
		       const struct cm_head *head, bool *ret_settled,
		       struct cm_error *err);

/* ---- store_erase.c ------------------------------------------------------ */

/* To be erased, by this process or the next; in the writer's transaction. */
int cm_erase_note(struct cm_writer *writer, const struct cm_id *contact,
		  struct cm_error *err);
/* At open: failing must not keep consent-web from taking refusals; until it
 * is done, `consentctl status` says so. */
void cm_erase_resume(struct cm_store *store);
int cm_erase_pending(struct cm_kv_txn *ledger, uint64_t *ret_count,
		     struct cm_error *err);

/* ---- store_backup.c ----------------------------------------------------- */

/* One environment's file out of a backup's folder; CM_ECORRUPT if it is not
 * what the backup says. */
int cm_backup_copy_env(const struct cm_backup *backup, const char *folder,
		       enum cm_env env, const char *into, struct cm_error *err);

/* ---- store_upkeep.c ----------------------------------------------------- */

/* The ledger from its first event on. */
struct cm_ledger_walk {
	struct cm_kv_cursor *cursor; /* the caller's, on CM_DB_LEDGER */
	uint64_t seq;                /* of the next event */
	uint64_t total;
	cm_progress_fn progress; /* may be NULL */
	void *ctx;
};
/* CM_ENOTFOUND behind the last; CM_ECORRUPT names the event. */
int cm_ledger_next(struct cm_ledger_walk *walk, struct cm_event *ret_event,
		   struct cm_span *ret_json, struct cm_error *err);

#endif
