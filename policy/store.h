/*
 * store - where consent is kept (design 6).
 *
 *   PATH/store/ledger   the truth and its views; the milter reads only this
 *   PATH/store/stop     refusals acknowledged but not yet folded
 *   PATH/store/private  addresses and evidence; not readable by the milter
 *
 * An event, its tree hashes and its views change in one synced transaction.
 * A store that is missing, truncated, replaced, of another key, or whose
 * records fail their MAC is "unreadable": CM_ECORRUPT or CM_EIO, which the
 * milter answers with 451, never with an allow.
 */
#ifndef CM_POLICY_STORE_H
#define CM_POLICY_STORE_H

#include <sys/types.h>

#include "policy/address.h"
#include "policy/keys.h"
#include "policy/merkle.h"
#include "policy/view.h"

struct cm_store;

enum cm_store_access {
	CM_STORE_READ,  /* the milter: ledger and stop, read-only */
	CM_STORE_WRITE, /* web, intake, consentctl: everything */
	/* As WRITE; a store of an older format opens, too, and then only
	 * cm_store_rebuild() works on it, which makes it one of ours. */
	CM_STORE_REBUILD,
};

struct cm_store_options {
	const char *path;  /* config store.path */
	uint64_t map_size; /* octets of each environment's map */
	int lock_wait_ms;  /* how long a writer waits for writer.lock */
	gid_t group;       /* init only; (gid_t)-1 = leave */
	gid_t write_group; /* ditto */
};

/* Make what is missing; fails if any environment is already there. */
CM_MUST_CHECK int cm_store_init(const struct cm_store_options *options,
				const struct cm_keys *keys,
				struct cm_error *err);

/* What a store is made of, and the modes that keep readers from writing. */
struct cm_store_file {
	const char *path; /* below options->path */
	bool folder;
	unsigned mode;
	bool writers; /* of the write group; else of the one that reads */
};
extern const struct cm_store_file cm_store_files[];
extern const size_t cm_nstore_files;

/* One cm_store per path and process, opened after fork; thread safe. */
CM_MUST_CHECK int cm_store_open(const struct cm_store_options *options,
				enum cm_store_access access,
				const struct cm_keys *keys,
				struct cm_store **ret_store,
				struct cm_error *err);
void cm_store_close(struct cm_store **store);
/* Of an older format, and not rebuilt yet; see CM_STORE_REBUILD. */
bool cm_store_is_old(const struct cm_store *store);

/* ---- reading ---------------------------------------------------------- */

/*
 * One reader sees one moment.  It reads stop first, then opens the ledger's
 * transaction, so no acknowledged refusal is missed.  Keep it short; one
 * thread; begin checks that the files are still those that were opened.
 */
struct cm_store_reader;
CM_MUST_CHECK int cm_store_read_begin(struct cm_store *store,
				      struct cm_arena *arena,
				      struct cm_store_reader **ret_reader,
				      struct cm_error *err);
void cm_store_read_end(struct cm_store_reader **reader);

/*
 * The views of one contact and its family, refusals in stop folded in, clicks
 * that were taken back left out;
 * a contact never heard of gives empty views (count 0).  Memory is the
 * arena's, so views stay valid after read_end.  A fact that stands in stop
 * has no place in the ledger yet: its seq is CM_STORE_SEQ_PENDING.
 */
#define CM_STORE_SEQ_PENDING UINT64_MAX
CM_MUST_CHECK int cm_store_lookup(struct cm_store_reader *reader,
				  const struct cm_id *contact,
				  const struct cm_id *family,
				  struct cm_view *ret_own,
				  struct cm_view *ret_family,
				  struct cm_error *err);
int64_t cm_store_newest_rec(const struct cm_store_reader *reader);
uint64_t cm_store_size(const struct cm_store_reader *reader); /* events */
/* Refusals that are in force, but not in the ledger yet. */
uint64_t cm_store_waiting(const struct cm_store_reader *reader);
CM_MUST_CHECK int cm_store_root(struct cm_store_reader *reader,
				struct cm_hash *ret_root, struct cm_error *err);
/* Event bytes by sequence number, 0-based; copied to the arena. */
CM_MUST_CHECK int cm_store_event(struct cm_store_reader *reader, uint64_t seq,
				 struct cm_span *ret_json,
				 struct cm_error *err);
/* Sequence numbers of one contact's events, ascending. */
CM_MUST_CHECK int cm_store_events_of(struct cm_store_reader *reader,
				     const struct cm_id *contact,
				     uint64_t **ret_seqs, size_t *ret_count,
				     struct cm_error *err);
/* The text a notice hash stands for; CM_ENOTFOUND. */
CM_MUST_CHECK int cm_store_notice(struct cm_store_reader *reader,
				  const struct cm_hash *hash,
				  struct cm_span *ret_text,
				  struct cm_error *err);

/* ---- proofs: what the tree says of any size up to the present one ------- */

CM_MUST_CHECK int cm_store_root_at(struct cm_store_reader *reader,
				   uint64_t size, struct cm_hash *ret_root,
				   struct cm_error *err);
/* "Event seq is in the tree of size": RFC 9162, 2.1.3. */
CM_MUST_CHECK int cm_store_inclusion(struct cm_store_reader *reader,
				     uint64_t size, uint64_t seq,
				     struct cm_merkle_proof *ret_proof,
				     struct cm_error *err);
/* "The tree of new_size begins with that of old_size (not 0)": 2.1.4. */
CM_MUST_CHECK int cm_store_consistency(struct cm_store_reader *reader,
				       uint64_t old_size, uint64_t new_size,
				       struct cm_merkle_proof *ret_proof,
				       struct cm_error *err);

/* ---- writing (CM_STORE_WRITE) ----------------------------------------- */

/*
 * An event to append.  address: written to private, NULL if known already.
 * evidence: JSON text to keep in private, "" for none; the store salts it and
 * sets event.evidence.  Direct acts (event.at == 0) get at = max(now, the
 * contact's newest + 1 ms).  rec is always the store's.  family must be set.
 */
struct cm_store_entry {
	struct cm_event event;
	const struct cm_address *address;
	struct cm_span as_given; /* the address as it came, for private */
	struct cm_span evidence;
};

/*
 * Append in order, folding stop first; one transaction, durable on return.
 * Grants are refused (CM_EAGAIN) while now is more than CM_CLOCK_SLACK_MS
 * before the newest rec.  CM_EAGAIN when the lock was not free in time.
 */
CM_MUST_CHECK int cm_store_append(struct cm_store *store,
				  struct cm_store_entry *entries, size_t count,
				  int64_t now, uint64_t *ret_first_seq,
				  struct cm_error *err);

/*
 * The same for an import: add keeps about 100 octets of an event and its
 * private texts, so a million rows need no million struct cm_event.  Nothing
 * is locked or written before commit, which is one transaction; it may be
 * called again after CM_EAGAIN.
 */
struct cm_store_batch;
CM_MUST_CHECK int cm_store_batch_begin(struct cm_store *store,
				       struct cm_store_batch **ret_batch,
				       struct cm_error *err);
CM_MUST_CHECK int cm_store_batch_add(struct cm_store_batch *batch,
				     const struct cm_store_entry *entry,
				     struct cm_error *err);
CM_MUST_CHECK int cm_store_batch_commit(struct cm_store_batch *batch,
					int64_t now, uint64_t *ret_first_seq,
					struct cm_error *err);
void cm_store_batch_free(struct cm_store_batch **batch);

/*
 * See what a writer committed that was killed in that very moment.  LMDB shows
 * it to readers only when the next writer begins (the number of the last
 * transaction in lock.mdb is set behind the meta page, and put right by who
 * finds the dead one's mutex).  For who must know whether something of theirs
 * is there already, once, before they look.  CM_EAGAIN as cm_store_append().
 */
CM_MUST_CHECK int cm_store_catch_up(struct cm_store *store, int64_t now,
				    struct cm_error *err);

/* Keep the exact text shown to people; the hash is its name. Idempotent. */
CM_MUST_CHECK int cm_store_put_notice(struct cm_store *store,
				      struct cm_span text,
				      struct cm_hash *ret_hash,
				      struct cm_error *err);

/*
 * Refusals that must be answered at once: durable in stop on return, obeyed
 * by every reader from then on.  Takes no writer.lock, and threads that call
 * at the same time share one sync.  Only types that refuse; event.at as in
 * append.
 */
CM_MUST_CHECK int cm_store_stop(struct cm_store *store,
				const struct cm_event *events, size_t count,
				int64_t now, struct cm_error *err);
/*
 * The same for one refusal with evidence of at most CM_STOP_EVIDENCE_MAX
 * octets.  In stop, which the milter reads, it is sealed; folding puts it into
 * private and its commitment into the event.
 */
enum { CM_STOP_EVIDENCE_MAX = 1024 };
CM_MUST_CHECK int cm_store_stop_proven(struct cm_store *store,
				       const struct cm_event *event,
				       struct cm_span evidence, int64_t now,
				       struct cm_error *err);
/* Move what stop holds into the ledger; CM_EAGAIN if the lock is taken. */
CM_MUST_CHECK int cm_store_fold_stop(struct cm_store *store, int64_t now,
				     size_t *ret_count, struct cm_error *err);

/* Private data by id; CM_ENOTFOUND. Canonical and as given, arena's. */
CM_MUST_CHECK int cm_store_address(struct cm_store *store,
				   const struct cm_id *contact,
				   struct cm_arena *arena,
				   struct cm_span *ret_canonical,
				   struct cm_span *ret_as_given,
				   struct cm_error *err);
/* Every address that is kept, in no order; a code other than CM_OK ends it.
 * Others wait for private meanwhile: do little in each(). */
CM_MUST_CHECK int cm_store_addresses(struct cm_store *store,
				     int (*each)(void *ctx,
						 const struct cm_id *contact,
						 struct cm_span canonical,
						 struct cm_error *err),
				     void *ctx, struct cm_error *err);
CM_MUST_CHECK int cm_store_evidence(struct cm_store *store, uint64_t seq,
				    struct cm_arena *arena,
				    struct cm_span *ret_evidence,
				    struct cm_error *err);
/*
 * What the event's commitment is the SHA-256 of: CM_SALT_OPEN_LEN octets of
 * salt, then the evidence.  For who must prove it to others.
 */
enum { CM_SALT_OPEN_LEN = 16 };
CM_MUST_CHECK int cm_store_opening(struct cm_store *store, uint64_t seq,
				   struct cm_arena *arena,
				   struct cm_span *ret_salted,
				   struct cm_error *err);

/*
 * What private keeps of many events, read in one go: evidence and address are
 * "" where there is none, or none any more.  A code other than CM_OK ends it.
 * Others wait for private meanwhile: do little in each().
 */
struct cm_store_trace {
	uint64_t seq;
	struct cm_id contact;
	bool has_evidence;
	struct cm_hash evidence; /* as in the event: other evidence is none */
};
CM_MUST_CHECK int cm_store_traces(
	struct cm_store *store, const struct cm_store_trace *traces,
	size_t count,
	int (*each)(void *ctx, size_t i, struct cm_span evidence,
		    struct cm_span canonical, struct cm_error *err),
	void *ctx, struct cm_error *err);

/* ---- erasing (GDPR 17) -------------------------------------------------- */

struct cm_erased {
	uint64_t addresses; /* rows that are gone */
	uint64_t evidence;
};
/*
 * Append events, all of type erased, then write private anew without these
 * people's addresses and evidence: nothing of them is left in any file.  Their
 * ids stay, as do the commitments; no later event brings an address back but
 * those of the person.  Costs a copy of private, however many they are.  When
 * it fails or the process dies after the events, they are erased by the next
 * cm_store_open() for writing.
 *
 * Events of type erased may also go through cm_store_stop(), which waits for
 * nobody: folding notes them, and cm_store_erase_finish() does the rest.
 */
CM_MUST_CHECK int cm_store_erase(struct cm_store *store,
				 const struct cm_event *events, size_t count,
				 int64_t now, uint64_t *ret_first_seq,
				 struct cm_erased *ret_erased,
				 struct cm_error *err);
/* What an earlier one left undone; quick if there is nothing. */
CM_MUST_CHECK int cm_store_erase_finish(struct cm_store *store,
					struct cm_erased *ret_erased,
					struct cm_error *err);

/* ---- upkeep ------------------------------------------------------------ */

/* Called now and then during long work: done of total. NULL = quiet. */
typedef void (*cm_progress_fn)(void *ctx, uint64_t done, uint64_t total);

/*
 * Make contacts, family, by_contact and hashes anew from the ledger, and erase
 * again whoever was erased: private may be an old backup.  A store of an older
 * format is one of ours then.
 */
CM_MUST_CHECK int cm_store_rebuild(struct cm_store *store,
				   cm_progress_fn progress, void *ctx,
				   struct cm_error *err);
/*
 * Recompute everything from the ledger and compare; ret_report gets a line
 * per disagreement (at most 100) and a summary.  CM_ECORRUPT if any.
 */
CM_MUST_CHECK int cm_store_verify(struct cm_store *store, struct cm_buf *report,
				  cm_progress_fn progress, void *ctx,
				  struct cm_error *err);

/*
 * The same for a few rows, in no time: that there are as many events as the
 * head says, under its root; count views of each kind and count events, by
 * chance.  A seed gives the same ones again.  Reads only.  CM_ECORRUPT.
 */
CM_MUST_CHECK int cm_store_sample(struct cm_store *store, size_t count,
				  uint64_t seed, struct cm_error *err);

struct cm_store_usage {
	const char *name; /* "ledger" */
	uint64_t map_size, bytes;
	unsigned slots, slots_max; /* of readers */
	uint64_t lag;              /* struct cm_kv_usage */
};
enum { CM_STORE_USAGES = 2 }; /* what every program has open */
CM_MUST_CHECK int cm_store_usage(
	struct cm_store *store,
	struct cm_store_usage ret_usage[CM_STORE_USAGES], struct cm_error *err);

struct cm_store_counts {
	uint64_t events, contacts, families, stop_pending;
	uint64_t erase_pending; /* people whose erasure was interrupted */
	uint64_t addresses;     /* 0 for CM_STORE_READ, which cannot see them */
	int64_t newest_rec;
	struct cm_hash root;
};
CM_MUST_CHECK int cm_store_count(struct cm_store *store,
				 struct cm_store_counts *ret_counts,
				 struct cm_error *err);

/* ---- backup and restore ------------------------------------------------- */

enum { CM_BACKUP_FILES = 3 };

struct cm_backup_file {
	uint64_t octets;
	uint8_t sha256[CM_HASH_LEN];
};
struct cm_backup {
	struct cm_backup_file files[CM_BACKUP_FILES];
	uint64_t events;
	int64_t newest_rec;
	struct cm_hash root;
};
const char *cm_backup_file_name(size_t i); /* below the backup's folder */

/*
 * A copy of one moment of everything below folder, which must be there and
 * empty: a store that can be opened, mode 0600, durable.  Writers wait only
 * until the moment is fixed, those of addresses and evidence until that file
 * is written.  The keys are not in it.  On failure nothing is left.
 */
CM_MUST_CHECK int cm_store_backup(struct cm_store *store, const char *folder,
				  cm_progress_fn progress, void *ctx,
				  struct cm_backup *ret_backup,
				  struct cm_error *err);
/* As cm_store_init(), with what a backup in folder holds. */
CM_MUST_CHECK int cm_store_init_from(const struct cm_store_options *options,
				     const struct cm_keys *keys,
				     const struct cm_backup *backup,
				     const char *folder, struct cm_error *err);

/* The files of a store, or a part of one, below folder. */
void cm_store_remove(const char *folder);

/*
 * Every event that refuses, of the ledger in its order, then of stop; not
 * those that were undone.  A code other than CM_OK ends it.
 */
CM_MUST_CHECK int cm_store_refusals(struct cm_store *store,
				    int (*each)(void *ctx,
						const struct cm_event *event,
						struct cm_error *err),
				    void *ctx, struct cm_error *err);
/*
 * Append these refusals, with their own times, but for those that change
 * nothing; people erased are erased from private, too.  ret_new: appended.
 */
CM_MUST_CHECK int cm_store_replay(struct cm_store *store,
				  const struct cm_event *events, size_t count,
				  int64_t now, uint64_t *ret_new,
				  struct cm_error *err);

/* Keep all writers out of the store at options->path. */
struct cm_store_hold {
	int writer;
	int stop;
};
#define CM_STORE_HOLD_NONE                                                     \
	{                                                                      \
		-1, -1                                                         \
	}
CM_MUST_CHECK int cm_store_hold(const struct cm_store_options *options,
				const struct cm_keys *keys,
				struct cm_store_hold *ret_hold,
				struct cm_error *err);
void cm_store_release(struct cm_store_hold *hold);
/*
 * Put WITH/store in the place of PATH/store, in one step: whoever looks, or
 * dies, sees the one or the other.  replace: what was there is in WITH then;
 * otherwise nothing may be there.  Hold the one that goes.
 */
CM_MUST_CHECK int cm_store_take_place(const char *path, const char *with,
				      bool replace, struct cm_error *err);

#endif
