/* See asking.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/asking.h"

#include <string.h>

enum {
	/* Events looked at for one ask; what is left waits for the next. */
	CM_NEWS_EVENTS = 100000,
	CM_NEWS_CHUNK = 1024, /* a reader's work at a time */
	CM_NEWS_MAX = 256,    /* complaints taken in with one ask */
	CM_NEWS_ARENA_MAX = 64 << 20,
};

/* ---- what the ledger says since ----------------------------------------- */

struct news {
	struct cm_id complained[CM_NEWS_MAX];
	size_t count;
	uint64_t seen;
	uint64_t left; /* events still to be looked at in this go */
	int64_t since; /* the campaign's beginning */
};

/* The bytes are canonical JSON: most events need no decoding. */
static bool may_complain(struct cm_span json)
{
	static const char *const types[] = {"\"type\":\"complained\"",
					    "\"type\":\"objected\""};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (memmem(json.p, json.n, types[i], strlen(types[i])) != NULL)
			return true;
	return false;
}

static int read_event(struct news *news, struct cm_store_reader *reader,
		      struct cm_error *err)
{
	struct cm_event event;
	struct cm_span json;
	int rc = cm_store_event(reader, news->seen, &json, err);

	if (rc != CM_OK)
		return rc;
	news->seen++;
	news->left--;
	if (!may_complain(json))
		return CM_OK;
	rc = cm_event_decode(json, &event, err);
	if (rc == CM_OK && event.at >= news->since)
		news->complained[news->count++] = event.contact;
	return rc;
}

static int read_chunk(struct news *news, struct cm_store *store,
		      struct cm_arena *arena, bool *ret_done,
		      struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	uint64_t size;
	size_t n;
	int rc = cm_store_read_begin(store, arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	size = cm_store_size(reader);
	/* Of a campaign that begins now nobody has complained; and a ledger
	 * that is shorter than before is read anew, nothing is counted twice.
	 */
	if (news->since == 0)
		news->seen = size;
	else if (news->seen > size)
		news->seen = 0;
	for (n = 0; rc == CM_OK && n < CM_NEWS_CHUNK && news->left > 0 &&
		    news->seen < size && news->count < CM_NEWS_MAX;
	     n++)
		rc = read_event(news, reader, err);
	*ret_done = news->left == 0 || news->seen >= size ||
		    news->count == CM_NEWS_MAX;
	cm_store_read_end(&reader);
	cm_arena_reset(arena);
	return rc;
}

static int read_news(struct cm_engine *engine, const struct cm_stream *stream,
		     struct news *news, struct cm_error *err)
{
	struct cm_campaign campaign;
	struct cm_arena *arena = NULL;
	struct cm_loan loan;
	bool done = false;
	int rc = cm_memory_campaign(cm_engine_memory(engine), stream->name,
				    &campaign, err);

	if (rc != CM_OK)
		return rc;
	news->count = 0;
	news->seen = campaign.seen;
	news->since = campaign.began;
	news->left = CM_NEWS_EVENTS;
	if (cm_arena_new(CM_NEWS_ARENA_MAX, &arena) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_engine_lend(engine, &loan, err);
	if (rc == CM_OK) {
		while (rc == CM_OK && !done)
			rc = read_chunk(news, loan.store, arena, &done, err);
		cm_engine_return(engine, &loan, rc, err);
	}
	cm_arena_free(&arena);
	return rc;
}

/* ---- spending ----------------------------------------------------------- */

static size_t collect(const struct cm_message *message, struct cm_ask *asks)
{
	size_t i, n = 0;

	for (i = 0; i < message->nrcpts; i++) {
		const struct cm_recipient *rcpt = &message->rcpts[i];

		if (rcpt->fate != CM_FATE_ALLOWED)
			continue;
		asks[n].contact = rcpt->contact;
		asks[n].since = rcpt->grant_at;
		asks[n++].spent = false;
	}
	return n;
}

/* Back to be planned anew, those who were not won with another verdict. */
static void give_back(struct cm_message *message, const struct cm_ask *asks,
		      enum cm_reason reason)
{
	size_t i, n = 0;

	if (cm_reason_verdict(reason) == CM_VERDICT_ALLOW)
		reason = CM_REASON_ASKED_BEFORE;
	for (i = 0; i < message->nrcpts; i++) {
		struct cm_recipient *rcpt = &message->rcpts[i];

		if (rcpt->fate != CM_FATE_ALLOWED)
			continue;
		rcpt->fate = CM_FATE_PENDING;
		if (asks[n++].spent)
			continue;
		rcpt->reason = reason;
		rcpt->verdict = cm_reason_verdict(reason);
	}
}

static bool all_won(const struct cm_ask *asks, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!asks[i].spent)
			return false;
	return true;
}

int cm_asking_spend(struct cm_engine *engine, const struct cm_stream *stream,
		    struct cm_message *message, bool *ret_again,
		    struct cm_error *err)
{
	struct cm_ask *asks = cm_arena_array(
		message->arena, message->nrcpts + 1, sizeof(*asks));
	enum cm_reason reason = CM_REASON_ALLOWED_RENEWAL;
	struct news news;
	size_t count;
	int rc;

	if (asks == NULL)
		return cm_fail(err, CM_ELIMIT, "the message's memory is full");
	count = collect(message, asks);
	*ret_again = false;
	if (count == 0)
		return CM_OK;
	rc = read_news(engine, stream, &news, err);
	if (rc == CM_OK) {
		const struct cm_ask_news found = {
			news.complained,
			news.count,
			news.seen,
		};

		rc = cm_memory_ask(cm_engine_memory(engine), stream, asks,
				   count, &found, cm_engine_now(engine),
				   &reason, err);
	}
	if (rc != CM_OK)
		return rc;
	*ret_again = !all_won(asks, count);
	if (*ret_again)
		give_back(message, asks, reason);
	return CM_OK;
}
