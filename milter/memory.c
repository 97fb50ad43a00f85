/*
 * See memory.h.
 *
 * One lock is for the environment: held for reading while it is used, for
 * writing while it is opened or closed.  Another is for the notes.  Nobody
 * holds both.
 */
#define _GNU_SOURCE /* reallocarray */
#include "milter/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/cond.h"

enum {
	CM_NOTES_FIRST = 1024,
	/* A minute of what two cores let through; 3.6 MB. */
	CM_NOTES_MAX = 200000,
	CM_NOTES_SOON = 20000, /* so many do not wait for the next round */
	CM_FLUSH_MS = 5000,
	CM_REOPEN_WAIT_MS = 1000,
	CM_SAY_STOPPED_MS = 3600000,
	CM_SAID_STREAMS = 8,      /* more that stop at once share the last */
	CM_SAID_NAME = 65,        /* config_check allows 64 */
	CM_WRITER_WAIT_MS = 5000, /* a batch of notes is written in less */
};

/* Of which stream it was said, and when; 0 = never. */
struct said {
	char stream[CM_SAID_NAME];
	int64_t at; /* ms */
};

struct cm_memory {
	struct cm_memory_options with;
	char *store_path;

	pthread_rwlock_t use; /* of the next three */
	struct cm_sent *sent;
	bool bad;
	bool said_bad; /* in the log */
	int64_t try_again;

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	struct cm_sent_mail *notes;
	size_t nnotes, room;
	uint64_t dropped;
	struct cm_sent_head head;  /* the longest ledger that was seen */
	struct cm_sent_head known; /* on record, as far as we know */
	bool knows;                /* it was read */
	struct said said[CM_SAID_STREAMS]; /* that they stopped */
	bool ending;
	bool started;
	bool said_lost; /* in the log; the thread's own */
	pthread_t thread;
};

int cm_memory_new(const struct cm_memory_options *options,
		  struct cm_memory **ret_memory, struct cm_error *err)
{
	struct cm_memory *memory = calloc(1, sizeof(*memory));

	if (memory == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	memory->with = *options;
	memory->store_path = strdup(options->store_path);
	if (memory->store_path == NULL || cm_cond_init(&memory->changed) != 0) {
		free(memory->store_path);
		free(memory);
		return cm_fail(err, CM_ENOMEM, "out of memory");
	}
	memory->with.store_path = memory->store_path;
	(void)pthread_rwlock_init(&memory->use, NULL);
	(void)pthread_mutex_init(&memory->mutex, NULL);
	*ret_memory = memory;
	return CM_OK;
}

void cm_memory_free(struct cm_memory **memory)
{
	struct cm_memory *m = *memory;

	if (m == NULL)
		return;
	cm_sent_close(&m->sent);
	(void)pthread_cond_destroy(&m->changed);
	(void)pthread_mutex_destroy(&m->mutex);
	(void)pthread_rwlock_destroy(&m->use);
	free(m->notes);
	free(m->store_path);
	free(m);
	*memory = NULL;
}

/* ---- the environment ---------------------------------------------------- */

static int open_sent(struct cm_memory *memory, struct cm_error *err)
{
	const struct cm_sent_options options = {
		.path = memory->store_path,
		.map_size = memory->with.map_size,
		.lock_wait_ms = CM_WRITER_WAIT_MS,
		.write = memory->with.write,
	};
	int rc = memory->with.write ? cm_sent_make(memory->store_path,
						   (uid_t)-1, (gid_t)-1, err)
				    : CM_OK;

	return rc == CM_OK ? cm_sent_open(&options, &memory->sent, err) : rc;
}

/* With the lock held for writing. */
static int reopen(struct cm_memory *memory, struct cm_error *err)
{
	int64_t now = memory->with.now();
	struct cm_error why;
	int rc;

	if (memory->bad)
		cm_sent_close(&memory->sent);
	memory->bad = false;
	if (memory->sent != NULL)
		return CM_OK;
	if (now < memory->try_again &&
	    now > memory->try_again - 2 * CM_REOPEN_WAIT_MS)
		return cm_fail(err, CM_EAGAIN,
			       "what was sent could not be read a moment ago");
	rc = open_sent(memory, &why);
	if (rc == CM_OK && memory->said_bad)
		cm_log(memory->with.log, CM_LOG_NOTICE,
		       "what was sent can be remembered again");
	if (rc != CM_OK && err != NULL)
		*err = why;
	if (rc == CM_OK || rc == CM_ENOTFOUND) {
		memory->said_bad = false;
		return rc;
	}
	memory->try_again = now + CM_REOPEN_WAIT_MS;
	if (!memory->said_bad)
		cm_log_error(memory->with.log, CM_LOG_ERROR,
			     "what was sent cannot be remembered, mail to "
			     "renew a consent gets 451",
			     &why);
	memory->said_bad = true;
	return rc;
}

/* CM_OK: held for reading, and open. */
static int take(struct cm_memory *memory, struct cm_error *err)
{
	int rc;

	(void)pthread_rwlock_rdlock(&memory->use);
	if (memory->sent != NULL && !memory->bad)
		return CM_OK;
	(void)pthread_rwlock_unlock(&memory->use);
	(void)pthread_rwlock_wrlock(&memory->use);
	rc = reopen(memory, err);
	(void)pthread_rwlock_unlock(&memory->use);
	if (rc != CM_OK)
		return rc;
	(void)pthread_rwlock_rdlock(&memory->use);
	if (memory->sent != NULL && !memory->bad)
		return CM_OK;
	(void)pthread_rwlock_unlock(&memory->use);
	return cm_fail(err, CM_EAGAIN, "what was sent is being reopened");
}

static int give_back(struct cm_memory *memory, int rc)
{
	bool bad = rc == CM_EIO || rc == CM_ECORRUPT;

	(void)pthread_rwlock_unlock(&memory->use);
	if (!bad)
		return rc;
	(void)pthread_rwlock_wrlock(&memory->use);
	memory->bad = true;
	(void)pthread_rwlock_unlock(&memory->use);
	return rc;
}

int cm_memory_mailed(struct cm_memory *memory, const struct cm_id *contact,
		     const struct cm_purpose *const *purposes, size_t count,
		     int64_t *ret_at, struct cm_error *err)
{
	int rc = take(memory, err);

	memset(ret_at, 0, count * sizeof(*ret_at));
	if (rc != CM_OK)
		return rc == CM_ENOTFOUND ? CM_OK : rc;
	return give_back(memory, cm_sent_mailed(memory->sent, contact, purposes,
						count, ret_at, err));
}

int cm_memory_head(struct cm_memory *memory, struct cm_sent_head *ret_head,
		   struct cm_error *err)
{
	int rc = take(memory, err);

	memset(ret_head, 0, sizeof(*ret_head));
	if (rc != CM_OK)
		return rc == CM_ENOTFOUND ? CM_OK : rc;
	rc = give_back(memory, cm_sent_head(memory->sent, ret_head, err));
	if (rc != CM_OK)
		return rc;
	(void)pthread_mutex_lock(&memory->mutex);
	memory->known = *ret_head;
	memory->knows = true;
	(void)pthread_mutex_unlock(&memory->mutex);
	return CM_OK;
}

int cm_memory_asked(struct cm_memory *memory, const struct cm_id *contact,
		    const struct cm_purpose *purpose, int64_t *ret_at,
		    struct cm_error *err)
{
	int rc = take(memory, err);

	*ret_at = 0;
	if (rc != CM_OK)
		return rc == CM_ENOTFOUND ? CM_OK : rc;
	return give_back(memory, cm_sent_asked(memory->sent, contact, purpose,
					       ret_at, err));
}

int cm_memory_campaign(struct cm_memory *memory, const char *stream,
		       struct cm_campaign *ret_campaign, struct cm_error *err)
{
	int rc = take(memory, err);

	memset(ret_campaign, 0, sizeof(*ret_campaign));
	if (rc != CM_OK)
		return rc == CM_ENOTFOUND ? CM_OK : rc;
	return give_back(memory, cm_sent_campaign(memory->sent, stream,
						  ret_campaign, err));
}

int cm_memory_ask(struct cm_memory *memory, const struct cm_stream *stream,
		  struct cm_ask *asks, size_t count,
		  const struct cm_ask_news *news, int64_t now,
		  enum cm_reason *ret_reason, struct cm_error *err)
{
	int rc;

	if (!memory->with.write)
		return cm_fail(err, CM_EUSAGE, "nothing may be asked here");
	rc = take(memory, err);
	if (rc != CM_OK)
		return rc;
	return give_back(memory, cm_sent_ask(memory->sent, stream, asks, count,
					     news, now, ret_reason, err));
}

/* With the mutex held: is it time to say it (again) of this stream? */
static bool is_news(struct cm_memory *memory, const char *stream, int64_t now)
{
	struct said *said = memory->said;
	const struct said *last = &memory->said[CM_SAID_STREAMS - 1];

	while (said < last && said->at != 0 &&
	       strcmp(said->stream, stream) != 0)
		said++;
	if (strcmp(said->stream, stream) == 0 &&
	    now < said->at + CM_SAY_STOPPED_MS)
		return false;
	(void)snprintf(said->stream, sizeof(said->stream), "%s", stream);
	said->at = now;
	return true;
}

void cm_memory_say_stopped(struct cm_memory *memory,
			   const struct cm_stream *stream,
			   const struct cm_campaign *campaign)
{
	bool say;

	(void)pthread_mutex_lock(&memory->mutex);
	say = is_news(memory, stream->name, memory->with.now());
	(void)pthread_mutex_unlock(&memory->mutex);
	if (!say)
		return;
	cm_log(memory->with.log, CM_LOG_ERROR,
	       "stream \"%s\" is stopped, its mail gets 451: of %llu people "
	       "asked %llu complained or objected, more than stop-complaints = "
	       "%u of a thousand allows; see \"consentctl renewal status\", "
	       "then end it (take the stream out), or raise the setting and "
	       "reload",
	       stream->name, (unsigned long long)campaign->asked,
	       (unsigned long long)campaign->complained,
	       stream->stop_complaints);
}

/* ---- notes -------------------------------------------------------------- */

/* With the mutex held. */
static bool make_room(struct cm_memory *memory, size_t more)
{
	size_t room = memory->room > 0 ? memory->room * 2 : CM_NOTES_FIRST;
	struct cm_sent_mail *notes;

	if (memory->nnotes + more <= memory->room)
		return true;
	if (memory->nnotes + more > CM_NOTES_MAX)
		return false;
	notes = reallocarray(memory->notes, room, sizeof(*notes));
	if (notes == NULL)
		return false;
	memory->notes = notes;
	memory->room = room;
	return true;
}

void cm_memory_note(struct cm_memory *memory, const struct cm_id *contact,
		    const struct cm_purpose *const *purposes, size_t count)
{
	uint16_t day = (uint16_t)(memory->with.now() / CM_DAY_MS);
	size_t i;

	if (!memory->with.write)
		return;
	(void)pthread_mutex_lock(&memory->mutex);
	if (!make_room(memory, count)) {
		memory->dropped += count;
		count = 0;
	}
	for (i = 0; i < count; i++) {
		struct cm_sent_mail *note = &memory->notes[memory->nnotes++];

		note->contact = *contact;
		memcpy(note->purpose, purposes[i]->id, sizeof(note->purpose));
		note->day = day;
	}
	if (memory->nnotes >= CM_NOTES_SOON)
		(void)pthread_cond_signal(&memory->changed);
	(void)pthread_mutex_unlock(&memory->mutex);
}

void cm_memory_saw(struct cm_memory *memory, const struct cm_sent_head *head)
{
	if (!memory->with.write)
		return;
	(void)pthread_mutex_lock(&memory->mutex);
	if (head->size > memory->head.size)
		memory->head = *head;
	(void)pthread_mutex_unlock(&memory->mutex);
}

/* A crash before that loses some seconds: an old copy of these is not told
 * from the new one. */
static void write_head(struct cm_memory *memory)
{
	struct cm_sent_head head, known, now;
	struct cm_error err;
	bool knows;

	(void)pthread_mutex_lock(&memory->mutex);
	head = memory->head;
	known = memory->known;
	knows = memory->knows;
	(void)pthread_mutex_unlock(&memory->mutex);
	/* Could not be read at the start: by then it can, or it waits. */
	if (!knows && cm_memory_head(memory, &known, &err) != CM_OK)
		return;
	if (head.size <= known.size || take(memory, &err) != CM_OK ||
	    give_back(memory, cm_sent_saw(memory->sent, &known, &head, &now,
					  &err)) != CM_OK)
		return;
	(void)pthread_mutex_lock(&memory->mutex);
	/* Forgotten meanwhile: what comes next is for the next start to see. */
	if (now.forgotten == known.forgotten)
		memory->known = now;
	else
		memory->known.size = head.size;
	(void)pthread_mutex_unlock(&memory->mutex);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, CM_CONTACT_ID_LEN + CM_PURPOSE_ID_LEN);
}

/* In the order of the keys, one of each: LMDB likes that best. */
static size_t sort_out(struct cm_sent_mail *notes, size_t count)
{
	size_t i, kept = 0;

	qsort(notes, count, sizeof(*notes), by_key);
	for (i = 0; i < count; i++)
		if (kept == 0 || by_key(&notes[kept - 1], &notes[i]) != 0)
			notes[kept++] = notes[i];
		else if (notes[i].day > notes[kept - 1].day)
			notes[kept - 1].day = notes[i].day;
	return kept;
}

static void write_notes(struct cm_memory *memory, struct cm_sent_mail *notes,
			size_t count, uint64_t dropped)
{
	struct cm_error err;
	int rc;

	if (dropped > 0)
		cm_log(memory->with.log, CM_LOG_WARNING,
		       "%llu last-mailed days were not remembered: the disk "
		       "does not keep up",
		       (unsigned long long)dropped);
	if (count == 0)
		return;
	count = sort_out(notes, count);
	/* Why it cannot be opened has been said. */
	if (take(memory, &err) != CM_OK)
		return;
	rc = give_back(memory, cm_sent_mails(memory->sent, notes, count, &err));
	if (rc != CM_OK && !memory->said_lost)
		cm_log_error(memory->with.log, CM_LOG_ERROR,
			     "last-mailed days are not remembered", &err);
	memory->said_lost = rc != CM_OK;
}

/* With the mutex held: until there is enough, or the time is over. */
static void gather(struct cm_memory *memory)
{
	int64_t until = cm_clock_steady_ms() + CM_FLUSH_MS;

	while (!memory->ending && memory->nnotes < CM_NOTES_SOON)
		if (!cm_cond_wait(&memory->changed, &memory->mutex, until))
			return;
}

static void *run(void *ctx)
{
	struct cm_memory *memory = ctx;
	bool ending = false;

	while (!ending) {
		struct cm_sent_mail *notes;
		uint64_t dropped;
		size_t count;

		(void)pthread_mutex_lock(&memory->mutex);
		gather(memory);
		notes = memory->notes;
		count = memory->nnotes;
		dropped = memory->dropped;
		memory->notes = NULL;
		memory->nnotes = memory->room = 0;
		memory->dropped = 0;
		ending = memory->ending;
		(void)pthread_mutex_unlock(&memory->mutex);
		write_notes(memory, notes, count, dropped);
		write_head(memory);
		free(notes);
	}
	return NULL;
}

int cm_memory_start(struct cm_memory *memory, struct cm_error *err)
{
	int errnum;

	if (!memory->with.write)
		return CM_OK;
	errnum = pthread_create(&memory->thread, NULL, run, memory);
	if (errnum != 0)
		return cm_fail_errno(err, errnum, "starting a thread");
	memory->started = true;
	return CM_OK;
}

void cm_memory_stop(struct cm_memory *memory)
{
	if (!memory->started)
		return;
	(void)pthread_mutex_lock(&memory->mutex);
	memory->ending = true;
	(void)pthread_cond_signal(&memory->changed);
	(void)pthread_mutex_unlock(&memory->mutex);
	(void)pthread_join(memory->thread, NULL);
	memory->started = false;
}
