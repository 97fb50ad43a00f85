/* See judge.h. */
#include "milter/judge.h"

#include <string.h>

struct hearing {
	struct cm_engine *engine;
	const struct cm_config *config;
	const struct cm_classified *classified;
	struct cm_hmac *hmac;
	uint64_t generation; /* of the keys */
	struct cm_store_reader *reader;
	struct cm_arena *arena;
	int64_t now;
	size_t ahead; /* told yes before, of a renewal stream */
	struct cm_campaign campaign;
};

void cm_judge_init(struct cm_judge *judge, struct cm_engine *engine)
{
	memset(judge, 0, sizeof(*judge));
	judge->engine = engine;
}

void cm_judge_free(struct cm_judge *judge)
{
	cm_hmac_free(&judge->hmac);
}

static int have_hmac(struct cm_judge *judge, const struct cm_loan *loan,
		     struct cm_error *err)
{
	const struct cm_key *key;
	int rc;

	if (judge->hmac != NULL && judge->generation == loan->generation)
		return CM_OK;
	cm_hmac_free(&judge->hmac);
	key = cm_keys_current(loan->keys, CM_KEY_STORE);
	if (key == NULL)
		return cm_fail(err, CM_EIO, "there is no store key");
	rc = cm_hmac_new(key->bytes, key->len, &judge->hmac, err);
	if (rc == CM_OK)
		judge->generation = loan->generation;
	return rc;
}

static int take(const struct hearing *hearing, struct cm_recipient *rcpt,
		const struct cm_decision *decision, struct cm_error *err)
{
	rcpt->verdict = decision->verdict;
	rcpt->reason = decision->reason;
	rcpt->by_family = decision->by_family;
	rcpt->has_event = decision->has_event;
	rcpt->seq = decision->seq;
	rcpt->grant_at = decision->reason == CM_REASON_ALLOWED_RENEWAL
				 ? decision->at
				 : 0;
	if (decision->language == NULL)
		return CM_OK;
	/* It stands in the view, and that is gone in a moment. */
	rcpt->language = cm_arena_strdup(hearing->arena, decision->language);
	if (rcpt->language == NULL)
		return cm_fail(err, CM_ELIMIT, "the message's memory is full");
	return CM_OK;
}

static int ids_of(const struct hearing *hearing,
		  const struct cm_address *address, struct cm_recipient *rcpt,
		  struct cm_error *err)
{
	int rc = cm_address_ids(address, hearing->config->dots_ignored.v,
				hearing->config->dots_ignored.n, hearing->hmac,
				&rcpt->contact, &rcpt->family);

	if (rc != CM_OK)
		return cm_fail(err, (enum cm_code)rc,
			       "the contact id could not be computed");
	rcpt->has_contact = true;
	rcpt->generation = hearing->generation;
	return CM_OK;
}

/* What RCPT has found out of the address holds at the end of the message. */
static int identify(const struct hearing *hearing, struct cm_recipient *rcpt,
		    bool *ret_readable, struct cm_error *err)
{
	struct cm_address address;

	*ret_readable = true;
	if (rcpt->has_contact && rcpt->generation == hearing->generation)
		return CM_OK;
	*ret_readable =
		cm_address_parse(cm_span(rcpt->kept), &address, NULL) == CM_OK;
	return *ret_readable ? ids_of(hearing, &address, rcpt, err) : CM_OK;
}

static bool asks_to_renew(const struct hearing *hearing)
{
	return hearing->classified->stream->type == CM_STREAM_RENEWAL;
}

struct views {
	struct cm_view own;
	struct cm_view family;
};

static void decide(const struct hearing *hearing, const struct views *views,
		   const struct cm_past *past, struct cm_decision *decision)
{
	cm_decide(hearing->config, hearing->classified, &views->own,
		  &views->family, past, cm_store_newest_rec(hearing->reader),
		  hearing->now, decision);
}

/* It is not the store that fails here: that stays open. */
static int forgotten(struct cm_error *err)
{
	err->code = CM_EAGAIN;
	return CM_EAGAIN;
}

static int decide_with_past(const struct hearing *hearing,
			    const struct cm_recipient *rcpt,
			    const struct views *views,
			    struct cm_decision *decision, struct cm_error *err)
{
	const struct cm_classified *classified = hearing->classified;
	struct cm_memory *memory = cm_engine_memory(hearing->engine);
	int64_t mailed[CM_STREAM_PURPOSES_MAX];
	struct cm_past past = {.mailed = mailed};
	int rc = cm_memory_mailed(memory, &rcpt->contact, classified->purposes,
				  classified->npurposes, mailed, err);

	if (rc == CM_OK && asks_to_renew(hearing))
		rc = cm_memory_asked(memory, &rcpt->contact,
				     classified->purposes[0], &past.asked, err);
	if (rc != CM_OK)
		return forgotten(err);
	decide(hearing, views, &past, decision);
	return CM_OK;
}

/* A wave has an end, and so has people's patience. */
static void find_room(struct hearing *hearing, struct cm_decision *decision)
{
	const struct cm_stream *stream = hearing->classified->stream;
	enum cm_reason room;

	if (decision->verdict != CM_VERDICT_ALLOW)
		return;
	room = cm_campaign_room(&hearing->campaign, stream, hearing->ahead,
				hearing->now);
	if (cm_reason_verdict(room) == CM_VERDICT_ALLOW) {
		hearing->ahead++;
		return;
	}
	decision->reason = room;
	decision->verdict = cm_reason_verdict(room);
	if (room == CM_REASON_STOPPED)
		cm_memory_say_stopped(cm_engine_memory(hearing->engine), stream,
				      &hearing->campaign);
}

/* What the milter remembers is asked only where it can matter. */
static int decide_one(struct hearing *hearing, const struct cm_recipient *rcpt,
		      const struct views *views, struct cm_decision *decision,
		      struct cm_error *err)
{
	int rc = CM_OK;

	if (!asks_to_renew(hearing)) {
		decide(hearing, views, NULL, decision);
		if (decision->reason == CM_REASON_IDLE)
			rc = decide_with_past(hearing, rcpt, views, decision,
					      err);
		return rc;
	}
	rc = decide_with_past(hearing, rcpt, views, decision, err);
	if (rc == CM_OK)
		find_room(hearing, decision);
	return rc;
}

static int hear(struct hearing *hearing, struct cm_recipient *rcpt,
		struct cm_error *err)
{
	struct cm_decision decision;
	struct views views;
	bool readable;
	int rc = identify(hearing, rcpt, &readable, err);

	if (rc != CM_OK)
		return rc;
	if (!readable) {
		rcpt->verdict = CM_VERDICT_REFUSE;
		rcpt->reason = CM_REASON_BAD_ADDRESS;
		return CM_OK;
	}
	rc = cm_store_lookup(hearing->reader, &rcpt->contact, &rcpt->family,
			     &views.own, &views.family, err);
	if (rc == CM_OK)
		rc = decide_one(hearing, rcpt, &views, &decision, err);
	return rc == CM_OK ? take(hearing, rcpt, &decision, err) : rc;
}

static int hear_all(struct hearing *hearing, const struct cm_loan *loan,
		    struct cm_recipient *rcpts, size_t count,
		    struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	if (asks_to_renew(hearing) &&
	    cm_memory_campaign(cm_engine_memory(hearing->engine),
			       hearing->classified->stream->name,
			       &hearing->campaign, err) != CM_OK)
		return forgotten(err);
	rc = cm_store_read_begin(loan->store, hearing->arena, &hearing->reader,
				 err);
	if (rc != CM_OK)
		return rc;
	rc = cm_engine_saw(hearing->engine, loan, hearing->reader, err);
	for (i = 0; i < count && rc == CM_OK; i++)
		if (rcpts[i].fate == CM_FATE_PENDING)
			rc = hear(hearing, &rcpts[i], err);
	cm_store_read_end(&hearing->reader);
	return rc;
}

int cm_judge_all(struct cm_judge *judge, const struct cm_config *config,
		 const struct cm_classified *classified,
		 struct cm_recipient *rcpts, size_t count, size_t ahead,
		 struct cm_arena *arena, struct cm_error *err)
{
	struct hearing hearing = {
		.engine = judge->engine,
		.config = config,
		.classified = classified,
		.arena = arena,
		.now = cm_engine_now(judge->engine),
		.ahead = ahead,
	};
	struct cm_loan loan;
	int rc = cm_engine_lend(judge->engine, &loan, err);

	if (rc != CM_OK)
		return rc;
	rc = have_hmac(judge, &loan, err);
	if (rc == CM_OK) {
		hearing.hmac = judge->hmac;
		hearing.generation = judge->generation;
		rc = hear_all(&hearing, &loan, rcpts, count, err);
	}
	cm_engine_return(judge->engine, &loan, rc, err);
	return rc;
}
