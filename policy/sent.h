/*
 * sent - what consent-milter remembers of mail that left: PATH/milter.
 *
 *   asked    contact | purpose | when  ->  stream, complained since
 *   mailed   contact | purpose         ->  day of the last mail
 *   streams  name                      ->  counts of a renewal stream
 *   meta     "head"                    ->  the longest ledger that was seen
 *
 * The milter's user owns and writes it, in as many processes as it has; others
 * of the store's group read it.  The ledger stays read-only to the milter:
 * what happened here gets there by `consentctl renewal record`.
 *
 * Contact ids only, no address.  Who is erased keeps their rows: "asked once,
 * ever" must hold for them more than for anybody.
 */
#ifndef CM_POLICY_SENT_H
#define CM_POLICY_SENT_H

#include <sys/types.h>

#include "policy/config.h"
#include "policy/reason.h"

struct cm_sent;

struct cm_sent_options {
	const char *path; /* config store.path */
	uint64_t map_size;
	int lock_wait_ms; /* how long a writer waits for another */
	bool write;       /* make what is missing in the folder */
};

/* What lies in the folder, whose mode is 0750; all of the milter's user. */
struct cm_sent_file {
	const char *name;
	mode_t mode;
};
enum { CM_SENT_FILES = 3 };
extern const struct cm_sent_file cm_sent_files[CM_SENT_FILES];

/* The folder below store.path (root: for that user and group).  No error if
 * it is there. */
CM_MUST_CHECK int cm_sent_make(const char *store_path, uid_t owner, gid_t group,
			       struct cm_error *err);
/* CM_ENOTFOUND if nothing was ever remembered (and not opened to write). */
CM_MUST_CHECK int cm_sent_open(const struct cm_sent_options *options,
			       struct cm_sent **ret_sent, struct cm_error *err);
void cm_sent_close(struct cm_sent **sent);

/* ---- mail that left ----------------------------------------------------- */

struct cm_sent_mail {
	struct cm_id contact;
	uint8_t purpose[CM_PURPOSE_ID_LEN];
	uint16_t day; /* since 1970 */
};
/* One synced transaction; a day before the one on record changes nothing. */
CM_MUST_CHECK int cm_sent_mails(struct cm_sent *sent,
				const struct cm_sent_mail *mails, size_t count,
				struct cm_error *err);
/* ret_at[i]: the beginning of the last day of purposes[i], ms; 0 = never. */
CM_MUST_CHECK int cm_sent_mailed(struct cm_sent *sent,
				 const struct cm_id *contact,
				 const struct cm_purpose *const *purposes,
				 size_t count, int64_t *ret_at,
				 struct cm_error *err);

/* ---- the ledger --------------------------------------------------------- */

/* A ledger only grows: one that is shorter, or begins otherwise, is not the
 * one that was seen. */
struct cm_sent_head {
	uint64_t size; /* events; 0 = none was seen */
	struct cm_hash root;
	uint64_t forgotten; /* how often; of what is on record */
};
CM_MUST_CHECK int cm_sent_head(struct cm_sent *sent,
			       struct cm_sent_head *ret_head,
			       struct cm_error *err);
/*
 * Keep the longer one.  known: what cm_sent_head() or this said last; if it
 * was forgotten since, on purpose, nothing is written.  ret_head: what is on
 * record then.
 */
CM_MUST_CHECK int cm_sent_saw(struct cm_sent *sent,
			      const struct cm_sent_head *known,
			      const struct cm_sent_head *head,
			      struct cm_sent_head *ret_head,
			      struct cm_error *err);
/* Of the store at path, which is another one from now on.  No error if
 * nothing was ever remembered there. */
CM_MUST_CHECK int cm_sent_forget_head(const char *store_path, uint64_t map_size,
				      int lock_wait_ms, struct cm_error *err);

/* ---- people asked to renew ---------------------------------------------- */

/* What a renewal stream came to so far. */
struct cm_campaign {
	int64_t began; /* first ask, ms; 0 = none yet */
	uint64_t asked;
	uint64_t complained; /* of them, since: complained or objected */
	uint64_t waves;      /* begun */
	int64_t wave_began;
	uint64_t wave_asked;
	uint64_t seen; /* events of the ledger looked at for complaints */
};
/* All 0 if it never asked anybody. */
CM_MUST_CHECK int cm_sent_campaign(struct cm_sent *sent, const char *stream,
				   struct cm_campaign *ret_campaign,
				   struct cm_error *err);
/*
 * May it ask one more, with so many asked in the same breath?  An allowing
 * reason, WAVE_FULL, STOPPED or CAP_REACHED.  Pure.
 */
enum cm_reason cm_campaign_room(const struct cm_campaign *campaign,
				const struct cm_stream *stream, size_t ahead,
				int64_t now);

struct cm_ask {
	struct cm_id contact;
	/* An ask at or after it is in the way; 0 = any. */
	int64_t since;
	bool spent; /* out: this call asks them, and nobody else ever did */
};
/* What the ledger says of people asked since campaign.seen. */
struct cm_ask_news {
	const struct cm_id *complained;
	size_t count;
	uint64_t seen; /* new campaign.seen */
};
/*
 * Spend asks of the stream's purpose, once each, whoever else asks at the
 * same time; on disk when it returns.  ret_reason: as cm_campaign_room(); if
 * it does not allow, nobody's is spent.
 */
CM_MUST_CHECK int cm_sent_ask(struct cm_sent *sent,
			      const struct cm_stream *stream,
			      struct cm_ask *asks, size_t count,
			      const struct cm_ask_news *news, int64_t now,
			      enum cm_reason *ret_reason, struct cm_error *err);
/* When a contact was last asked for the purpose; 0 = never. */
CM_MUST_CHECK int cm_sent_asked(struct cm_sent *sent,
				const struct cm_id *contact,
				const struct cm_purpose *purpose,
				int64_t *ret_at, struct cm_error *err);

struct cm_asked {
	struct cm_id contact;
	uint8_t purpose[CM_PURPOSE_ID_LEN];
	int64_t at;
	struct cm_span stream;
	bool complained;
};
/* Every ask, or those of one contact (not NULL); each() ends it by a code. */
CM_MUST_CHECK int cm_sent_each_asked(struct cm_sent *sent,
				     const struct cm_id *contact,
				     int (*each)(void *ctx,
						 const struct cm_asked *asked,
						 struct cm_error *err),
				     void *ctx, struct cm_error *err);
/* Ditto, every last mail. */
CM_MUST_CHECK int cm_sent_each_mailed(struct cm_sent *sent,
				      const struct cm_id *contact,
				      int (*each)(void *ctx,
						  const struct cm_sent_mail *m,
						  struct cm_error *err),
				      void *ctx, struct cm_error *err);

/* ---- copies ------------------------------------------------------------- */

/* A copy of this moment below folder, as folder/milter; durable, mode 0600. */
CM_MUST_CHECK int cm_sent_backup(struct cm_sent *sent, const char *folder,
				 struct cm_error *err);
/*
 * Take in what another remembers: asks that are missing, later days of mails,
 * campaigns that asked more.  What is here stays.
 */
CM_MUST_CHECK int cm_sent_merge(struct cm_sent *into, struct cm_sent *from,
				struct cm_error *err);

#endif
