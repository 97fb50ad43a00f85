/*
 * memory - what the milter itself remembers (policy/sent.h), for sessions.
 *
 * Asks to renew are on disk before the reply that lets them go.  The day of
 * the last mail is not: it gathers in memory, and a thread writes it every few
 * seconds, so that no reply waits for it.  What a crash loses makes a consent
 * seem less used than it was, never more.
 *
 * Thread safe.  What cannot be opened is tried again, at most once a second;
 * ordinary mail needs none of it.
 */
#ifndef CM_MILTER_MEMORY_H
#define CM_MILTER_MEMORY_H

#include "lib/log.h"
#include "policy/sent.h"

struct cm_memory;

struct cm_memory_options {
	const char *store_path;
	uint64_t map_size;
	bool write; /* the daemon; else nothing is ever noted or spent */
	struct cm_log *log;
	int64_t (*now)(void);
};

CM_MUST_CHECK int cm_memory_new(const struct cm_memory_options *options,
				struct cm_memory **ret_memory,
				struct cm_error *err);
void cm_memory_free(struct cm_memory **memory); /* after cm_memory_stop() */
/* Begin to write what is noted; after fork. */
CM_MUST_CHECK int cm_memory_start(struct cm_memory *memory,
				  struct cm_error *err);
/* Write what is left and end the thread; nothing may be noted any more. */
void cm_memory_stop(struct cm_memory *memory);

/*
 * Mail of these purposes leaves for a contact.  May do nothing at all: when
 * the disk does not keep up, new notes are dropped, and counted in the log.
 */
void cm_memory_note(struct cm_memory *memory, const struct cm_id *contact,
		    const struct cm_purpose *const *purposes, size_t count);

/* A ledger that was seen; written with the notes. */
void cm_memory_saw(struct cm_memory *memory, const struct cm_sent_head *head);

/* As the functions of policy/sent.h; nothing there is nothing remembered. */
CM_MUST_CHECK int cm_memory_mailed(struct cm_memory *memory,
				   const struct cm_id *contact,
				   const struct cm_purpose *const *purposes,
				   size_t count, int64_t *ret_at,
				   struct cm_error *err);
CM_MUST_CHECK int cm_memory_head(struct cm_memory *memory,
				 struct cm_sent_head *ret_head,
				 struct cm_error *err);
CM_MUST_CHECK int cm_memory_asked(struct cm_memory *memory,
				  const struct cm_id *contact,
				  const struct cm_purpose *purpose,
				  int64_t *ret_at, struct cm_error *err);
CM_MUST_CHECK int cm_memory_campaign(struct cm_memory *memory,
				     const char *stream,
				     struct cm_campaign *ret_campaign,
				     struct cm_error *err);
/* CM_EUSAGE where nothing may be written. */
CM_MUST_CHECK int cm_memory_ask(struct cm_memory *memory,
				const struct cm_stream *stream,
				struct cm_ask *asks, size_t count,
				const struct cm_ask_news *news, int64_t now,
				enum cm_reason *ret_reason,
				struct cm_error *err);

/* Why a stream gives 451, and what to do: in the log, once an hour at most. */
void cm_memory_say_stopped(struct cm_memory *memory,
			   const struct cm_stream *stream,
			   const struct cm_campaign *campaign);

#endif
