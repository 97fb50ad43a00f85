/*
 * consentctl retention: what may no longer be kept is erased (GDPR 5(1)(e)).
 *
 * Who never confirmed, and who could get nothing any more for as long as the
 * setting says; as by erase: a keyed id stays that refuses.  Nobody is judged
 * by anything but a view and a moment, so running it twice erases nobody more.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/config.h"
#include "tools/ctl_past.h"
#include "tools/ctl_person.h"
#include "tools/disclose.h"
#include "tools/request.h"

enum { ARENA_MAX = 1 << 24 };

enum fate { STAYS, UNCONFIRMED, ENDED, RESTRICTED, ASKED, FATES };

static const struct {
	const char *name, *words;
} fates[FATES] = {
	[UNCONFIRMED] = {"unconfirmed", "never confirmed what was asked for"},
	[ENDED] = {"ended", "have had no consent for longer than "
			    "retention.ended"},
	[RESTRICTED] = {"restricted", "are due but kept: restricted (GDPR 18)"},
	[ASKED] = {"request_open", "are due but kept: a request is open"},
};

struct one {
	struct cm_id contact;
	struct cm_id family;
	enum fate fate;
};

struct retention {
	struct cm_ctl *ctl;
	struct cm_arena *arena; /* of one person */
	bool dry_run;
	int64_t ended_before; /* 0: the setting is none */
	struct one *ones;
	size_t count, room;
	uint64_t by_fate[FATES];
	struct cm_erased erased;
	struct cm_recipients recipients;
};

/* ---- who is due --------------------------------------------------------- */

/* The last moment that lies the whole period back. */
static int64_t moment_before(int64_t now, struct cm_period period)
{
	int64_t at;

	if (cm_period_is_none(period))
		return 0;
	at = now - (cm_period_add(now, period) - now);
	while (cm_period_add(at, period) > now)
		at -= CM_DAY_MS;
	return at;
}

static int add_known(void *ctx, const struct cm_id *contact,
		     struct cm_span canonical, struct cm_error *err)
{
	struct retention *r = ctx;
	struct cm_person person;
	int rc = cm_person_identify(r->ctl, canonical, &person, err);

	if (rc != CM_OK)
		return rc;
	if (r->count == r->room) {
		size_t room = r->room * 2 + 64;
		void *more = realloc(r->ones, room * sizeof(*r->ones));

		if (more == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		r->ones = more;
		r->room = room;
	}
	r->ones[r->count++] =
		(struct one){.contact = *contact, .family = person.family};
	return CM_OK;
}

/* What was before it went with all else that we knew of them. */
static int64_t erased_at(const struct cm_view *view)
{
	int64_t at = 0;
	size_t i;

	for (i = 0; i < view->count; i++)
		if (view->facts[i].kind == CM_FACT_ERASED &&
		    view->facts[i].at > at)
			at = view->facts[i].at;
	return at;
}

/* Asked for and nothing else, for longer than a confirmation may take. */
static bool is_unconfirmed(const struct retention *r,
			   const struct cm_view *view)
{
	struct cm_period life = r->ctl->config->retention_unconfirmed;
	int64_t erased = erased_at(view);
	bool asked = false;
	size_t i;

	if (cm_period_is_none(life))
		return false;
	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		bool pending = cm_fact_is_pending(fact->kind);

		if ((fact->kind >= CM_FACT_RESTRICTED && !pending) ||
		    fact->at <= erased)
			continue; /* of the mailbox, said by us, or gone */
		if (!pending || cm_period_add(fact->at, life) > r->ctl->now)
			return false;
		asked = true;
	}
	return asked;
}

/*
 * Nothing happened since, and nothing was allowed then: time alone allows
 * nothing more.  Mail that left since kept a consent from going idle.
 */
static int has_ended(struct retention *r, const struct cm_person *person,
		     bool *ret_ended, struct cm_error *err)
{
	const struct cm_config *config = r->ctl->config;
	struct cm_decision decision;
	size_t i;

	*ret_ended = false;
	if (r->ended_before == 0 || person->own.newest_at > r->ended_before)
		return CM_OK;
	for (i = 0; i < config->npurposes; i++) {
		int rc = cm_ctl_decide_purpose(
			r->ctl, &config->purposes[i], &person->contact,
			&person->own, NULL, r->ended_before, &decision, err);

		if (rc != CM_OK || decision.verdict == CM_VERDICT_ALLOW)
			return rc;
	}
	*ret_ended = true;
	return CM_OK;
}

static int judge(struct retention *r, struct one *one, struct cm_error *err)
{
	struct cm_person person = {.contact = one->contact,
				   .family = one->family};
	bool ended, open = false;
	int rc = cm_person_read(r->ctl, &person, err);

	if (rc == CM_OK)
		rc = has_ended(r, &person, &ended, err);
	if (rc != CM_OK)
		return rc;
	if (is_unconfirmed(r, &person.own))
		one->fate = UNCONFIRMED;
	else if (ended)
		one->fate = ENDED;
	if (one->fate == STAYS)
		return CM_OK;
	rc = cm_request_any_open(r->ctl, &one->contact, &open, err);
	if (open)
		one->fate = ASKED;
	if (cm_person_mark(r->ctl, &person.own, CM_FACT_RESTRICTED) != NULL)
		one->fate = RESTRICTED;
	return rc;
}

static int judge_all(struct retention *r, struct cm_error *err)
{
	struct cm_arena *lasting = r->ctl->arena;
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < r->count; i++) {
		cm_arena_reset(r->arena);
		r->ctl->arena = r->arena; /* a view is needed for a moment */
		rc = judge(r, &r->ones[i], err);
		r->ctl->arena = lasting;
		r->by_fate[r->ones[i].fate]++;
	}
	return rc;
}

/* ---- erasing ------------------------------------------------------------ */

static bool goes(const struct one *one)
{
	return one->fate == UNCONFIRMED || one->fate == ENDED;
}

static int erase_due(struct retention *r, struct cm_error *err)
{
	struct cm_event *events = calloc(r->count + 1, sizeof(*events));
	uint64_t seq;
	size_t i, n = 0;
	int rc = CM_OK;

	if (events == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; rc == CM_OK && i < r->count; i++) {
		if (!goes(&r->ones[i]))
			continue;
		events[n].type = CM_EVENT_ERASED;
		events[n].actor = CM_ACTOR_SYSTEM;
		events[n].contact = r->ones[i].contact;
		events[n].family = r->ones[i].family;
		(void)snprintf(events[n].channel, sizeof(events[n].channel),
			       "retention");
		(void)snprintf(events[n].who, sizeof(events[n].who), "%s",
			       cm_ctl_who(r->ctl));
		n++;
		rc = cm_recipients_add(r->ctl, &r->ones[i].contact,
				       &r->recipients, err);
	}
	if (rc == CM_OK && n > 0 && !r->dry_run)
		rc = cm_store_erase(r->ctl->store, events, n, r->ctl->now, &seq,
				    &r->erased, err);
	free(events);
	return rc;
}

/* ---- telling ------------------------------------------------------------ */

static int address_of(const struct retention *r, const struct one *one,
		      struct cm_span *ret_address, struct cm_error *err)
{
	struct cm_span as_given;

	return cm_store_address(r->ctl->store, &one->contact, r->ctl->arena,
				ret_address, &as_given, err);
}

static int json_kept(const struct retention *r, struct cm_json_writer *w,
		     struct cm_error *err)
{
	struct cm_span address;
	size_t i;
	int rc = CM_OK;

	cm_json_name(w, "kept");
	cm_json_begin_array(w);
	for (i = 0; rc == CM_OK && i < r->count; i++) {
		const struct one *one = &r->ones[i];

		if (one->fate == STAYS || goes(one))
			continue;
		rc = address_of(r, one, &address, err);
		if (rc != CM_OK)
			return rc;
		cm_json_begin_object(w);
		cm_json_put_span(w, "address", address);
		cm_json_put_text(w, "why", fates[one->fate].name);
		cm_json_end(w);
	}
	cm_json_end(w);
	return rc;
}

static int tell_json(const struct retention *r, struct cm_error *err)
{
	struct cm_out_json json;
	int i, rc;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_bool(&json.w, "dry_run", r->dry_run);
	for (i = STAYS + 1; i < FATES; i++)
		cm_json_put_int(&json.w, fates[i].name, (int64_t)r->by_fate[i]);
	cm_json_put_int(&json.w, "addresses", (int64_t)r->erased.addresses);
	cm_json_put_int(&json.w, "evidence", (int64_t)r->erased.evidence);
	rc = json_kept(r, &json.w, err);
	cm_recipients_json(&r->recipients, &json.w);
	cm_json_end(&json.w);
	if (rc == CM_OK)
		return cm_out_json_end(&json, r->ctl->out, err);
	cm_buf_free(&json.buf);
	return rc;
}

static int tell_text(const struct retention *r, struct cm_error *err)
{
	FILE *out = r->ctl->out;
	struct cm_span address;
	size_t i;
	int f, rc = CM_OK;

	for (f = STAYS + 1; f < FATES; f++) {
		if (r->by_fate[f] == 0)
			continue;
		cm_out_plural(out, r->by_fate[f], "contact");
		(void)fprintf(out, " %s\n", fates[f].words);
		for (i = 0; rc == CM_OK && f >= RESTRICTED && i < r->count;
		     i++) {
			if ((int)r->ones[i].fate != f)
				continue;
			rc = address_of(r, &r->ones[i], &address, err);
			if (rc == CM_OK)
				(void)fprintf(out, "  %.*s\n", (int)address.n,
					      address.p);
		}
	}
	if (r->by_fate[UNCONFIRMED] + r->by_fate[ENDED] == 0)
		(void)fputs("nothing is kept for too long\n", out);
	else if (r->dry_run)
		(void)fputs("dry run: nothing was erased\n", out);
	else
		(void)fputs("erased: their keyed ids stay, and refuse\n", out);
	cm_recipients_print(&r->recipients, out);
	return rc;
}

int cm_cmd_retention(struct cm_ctl *ctl, const struct cm_args *args,
		     struct cm_error *err)
{
	struct retention r = {.ctl = ctl,
			      .dry_run = cm_args_has(args, "dry-run")};
	int rc = cm_arena_new(ARENA_MAX, &r.arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	r.ended_before = moment_before(ctl->now, ctl->config->retention_ended);
	rc = cm_store_addresses(ctl->store, add_known, &r, err);
	if (rc == CM_OK)
		rc = judge_all(&r, err);
	if (rc == CM_OK)
		rc = erase_due(&r, err);
	if (rc == CM_OK)
		rc = ctl->json ? tell_json(&r, err) : tell_text(&r, err);
	cm_arena_free(&r.arena);
	free(r.ones);
	return rc;
}
