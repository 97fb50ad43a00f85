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
	struct cm_address family;
	int rc;

	cm_address_family(address, hearing->config->dots_ignored.v,
			  hearing->config->dots_ignored.n, &family);
	rc = cm_address_id(address, hearing->hmac, &rcpt->contact);
	/* Most people are their own family. */
	if (rc == CM_OK && family.n == address->n &&
	    memcmp(family.canonical, address->canonical, family.n) == 0)
		rcpt->family = rcpt->contact;
	else if (rc == CM_OK)
		rc = cm_address_id(&family, hearing->hmac, &rcpt->family);
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

static int hear(const struct hearing *hearing, struct cm_recipient *rcpt,
		struct cm_error *err)
{
	struct cm_decision decision;
	struct cm_view own;
	struct cm_view family;
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
			     &own, &family, err);
	if (rc != CM_OK)
		return rc;
	cm_decide(hearing->config, hearing->classified, &own, &family,
		  NULL, cm_store_newest_rec(hearing->reader), hearing->now,
		  &decision);
	return take(hearing, rcpt, &decision, err);
}

static int hear_all(struct hearing *hearing, const struct cm_loan *loan,
		    struct cm_recipient *rcpts, size_t count,
		    struct cm_arena *arena, struct cm_error *err)
{
	size_t i;
	int rc = cm_store_read_begin(loan->store, arena, &hearing->reader, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_engine_saw(hearing->engine, loan,
			   cm_store_size(hearing->reader), err);
	for (i = 0; i < count && rc == CM_OK; i++)
		if (rcpts[i].fate == CM_FATE_PENDING)
			rc = hear(hearing, &rcpts[i], err);
	cm_store_read_end(&hearing->reader);
	return rc;
}

int cm_judge_all(struct cm_judge *judge, const struct cm_config *config,
		 const struct cm_classified *classified,
		 struct cm_recipient *rcpts, size_t count,
		 struct cm_arena *arena, struct cm_error *err)
{
	struct hearing hearing = {
		.engine = judge->engine,
		.config = config,
		.classified = classified,
		.arena = arena,
		.now = cm_engine_now(judge->engine),
	};
	struct cm_loan loan;
	int rc = cm_engine_lend(judge->engine, &loan, err);

	if (rc != CM_OK)
		return rc;
	rc = have_hmac(judge, &loan, err);
	if (rc == CM_OK) {
		hearing.hmac = judge->hmac;
		hearing.generation = judge->generation;
		rc = hear_all(&hearing, &loan, rcpts, count, arena, err);
	}
	cm_engine_return(judge->engine, &loan, rc, err);
	return rc;
}
