/*
 * queue - what persons asked consent-web for, until it is done: PATH/web.
 *
 *   acts     number -> what was asked, sealed
 *   letters  number -> a letter to be sent: ids only, no address
 *   limits   digest -> how often in a span of time
 *
 * Who answers HTTP only puts: one durable, synced write that waits for no
 * ledger and is the same for everybody, so that neither the answer nor its
 * time tells who is on record (DOI-4).  One worker takes acts in their order,
 * appends events and finishes: the act goes, its letter and the counts come,
 * in one transaction.
 *
 * Addresses stand here only inside acts, sealed with the mailed key, which the
 * milter cannot read.  The folder is the write group's.  It is not part of a
 * backup: what was recorded of a request is in the ledger.
 */
#ifndef CM_POLICY_QUEUE_H
#define CM_POLICY_QUEUE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/arena.h"
#include "policy/event.h"
#include "policy/keys.h"
#include "policy/limits.h"
#include "policy/token.h"

enum cm_act_kind {
	CM_ACT_REQUEST, /* an address was typed, purposes ticked: ask them */
	CM_ACT_CONFIRM, /* the button behind the mailed link */
	CM_ACT_CANCEL,  /* "I did not ask for this" */
	CM_ACT_LOST,    /* a link to the preferences, for who lost the mail */
	CM_ACT_DATA,    /* a link to see or erase what is on record */
	CM_ACT_KINDS
};

enum {
	CM_REQUEST_REF_LEN = CM_MESSAGE_REF_LEN,
	CM_ACT_ADDRESS_MAX = 512, /* as typed, with blanks and a name */
	CM_ACT_PURPOSES_MAX = 32,
	CM_ACT_EVIDENCE_MAX = 2048,
	/* Nobody fills the disk while the ledger is busy: an hour of the most
	 * that a server of ours takes. */
	CM_QUEUE_ACTS_MAX = 200000,
};

struct cm_act {
	enum cm_act_kind kind;
	int64_t at;             /* ms, when the person acted */
	struct cm_span address; /* as typed; empty: contact says who */
	/* Of CONFIRM and CANCEL; of others when there is no address. */
	struct cm_id contact;
	struct cm_id network; /* cm_queue_digest() of it; 0 = unknown */
	/* Which request; of REQUEST new, by cm_random(). */
	uint8_t request[CM_REQUEST_REF_LEN];
	struct cm_span purposes[CM_ACT_PURPOSES_MAX]; /* paths, of REQUEST */
	size_t npurposes;
	struct cm_span language; /* "cs" */
	struct cm_span source;   /* event.source: "web-form" */
	struct cm_span channel;  /* event.channel: "form" */
	struct cm_hash notice;   /* cm_store_put_notice() of the text shown */
	bool has_notice;
	struct cm_span evidence; /* JSON */
};

const char *cm_act_kind_name(enum cm_act_kind kind); /* "request" */

struct cm_queue;

struct cm_queue_options {
	const char *path; /* config store.path */
	uint64_t map_size;
	int lock_wait_ms; /* how long a writer waits for another */
};

/* What PATH/web is made of, for who checks modes. */
enum {
	CM_QUEUE_FOLDER_MODE = 02770,
	CM_QUEUE_FILE_MODE = 0660,
};

/* The folder below store.path, for that group ((gid_t)-1: as made).  No error
 * if it is there; CM_ENOTFOUND without a store.path. */
CM_MUST_CHECK int cm_queue_make(const char *store_path, gid_t write_group,
				struct cm_error *err);
/* Makes the files that are missing; CM_ENOTFOUND without the folder. */
CM_MUST_CHECK int cm_queue_open(const struct cm_queue_options *options,
				const struct cm_keys *keys,
				struct cm_queue **ret_queue,
				struct cm_error *err);
void cm_queue_close(struct cm_queue **queue);
/* Keys that were read anew: what was sealed by any of them can be opened. */
CM_MUST_CHECK int cm_queue_use_keys(struct cm_queue *queue,
				    const struct cm_keys *keys,
				    struct cm_error *err);

/* A name for what limits count by ("192.0.2.0/24"); nobody else can make it. */
CM_MUST_CHECK int cm_queue_digest(struct cm_queue *queue, struct cm_span what,
				  struct cm_id *ret_id, struct cm_error *err);

/*
 * Durable on return.  Thread safe: who calls at the same time shares a sync.
 * CM_ELIMIT: too many wait, or a text of the act is too long; CM_EIO: full.
 */
CM_MUST_CHECK int cm_queue_put(struct cm_queue *queue, const struct cm_act *act,
			       struct cm_error *err);

/* ---- the worker --------------------------------------------------------- */

/*
 * The oldest act after that number (0: of all); texts are the arena's.
 * CM_ENOTFOUND; CM_ECORRUPT for one that cannot be opened, *ret_number is set.
 */
CM_MUST_CHECK int cm_queue_take(struct cm_queue *queue, uint64_t after,
				struct cm_arena *arena, uint64_t *ret_number,
				struct cm_act *ret_act, struct cm_error *err);

enum cm_letter_kind {
	CM_LETTER_CONFIRM, /* "did you ask for this?" */
	CM_LETTER_LOST,
	CM_LETTER_DATA,
	CM_LETTERS
};

struct cm_letter {
	uint64_t number; /* given by cm_queue_done() */
	enum cm_letter_kind kind;
	struct cm_id contact;
	uint8_t request[CM_REQUEST_REF_LEN];
	uint8_t purpose[CM_PURPOSE_ID_LEN]; /* CONFIRM: the first asked for */
	char language[CM_LANGUAGE_MAX + 1];
	int64_t made; /* ms */
	int64_t due;  /* not to be tried before, ms */
	uint32_t tries;
};

/* The counts of these rules and whom they are about; a count never heard of
 * is all 0. */
CM_MUST_CHECK int cm_queue_counts(struct cm_queue *queue,
				  struct cm_limit_count *counts, size_t count,
				  struct cm_error *err);

/*
 * The act is done: it goes, letter comes (NULL: none), counts are written; one
 * transaction.  CM_ENOTFOUND if it was done before, then nothing is written.
 */
CM_MUST_CHECK int cm_queue_done(struct cm_queue *queue, uint64_t number,
				const struct cm_letter *letter,
				const struct cm_limit_count *counts,
				size_t count, struct cm_error *err);

/* ---- letters ------------------------------------------------------------ */

/* The first letter after that number that is due; CM_ENOTFOUND, then ret_next
 * (may be NULL) is when one will be, INT64_MAX if there is none. */
CM_MUST_CHECK int cm_queue_due(struct cm_queue *queue, uint64_t after,
			       int64_t now, struct cm_letter *ret_letter,
			       int64_t *ret_next, struct cm_error *err);
/* It was sent, or given up. */
CM_MUST_CHECK int cm_queue_sent(struct cm_queue *queue, uint64_t number,
				struct cm_error *err);
/* As it is now: another time, one try more. */
CM_MUST_CHECK int cm_queue_later(struct cm_queue *queue,
				 const struct cm_letter *letter,
				 struct cm_error *err);

/* ---- upkeep ------------------------------------------------------------- */

struct cm_queue_counts {
	uint64_t acts, letters, limits;
};
CM_MUST_CHECK int cm_queue_count(struct cm_queue *queue,
				 struct cm_queue_counts *ret_counts,
				 struct cm_error *err);
/* Counts whose time is over. */
CM_MUST_CHECK int cm_queue_forget(struct cm_queue *queue, int64_t now,
				  struct cm_error *err);
/* Free the reader slots of processes that died. */
CM_MUST_CHECK int cm_queue_reap(struct cm_queue *queue, struct cm_error *err);

#endif
