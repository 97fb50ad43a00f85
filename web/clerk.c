/* See clerk.h. */
#include "web/clerk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "policy/limits.h"
#include "policy/optin.h"
#include "policy/person.h"
#include "policy/purpose.h"

enum {
	ARENA_MAX = 1 << 22,
	AGAIN_MS = 1000,   /* another writer has the ledger */
	IDLE_MS = 60000,   /* what was put while we were not woken */
	BROKEN_MS = 15000, /* the ledger cannot be read or written */
	CONTACT_HEX = CM_HEX_LEN(CM_CONTACT_ID_LEN) + 1,
	WHOM_MAX = 320, /* text that a count goes by */
};

#define HOUR_MS (3600 * CM_SECOND_MS)
/* "I did not ask for this": forms may not make us write to them for a year. */
#define CANCELLED_MS (365 * CM_DAY_MS)

struct cm_clerk {
	const struct cm_site *site;
	struct cm_duty *duty;
	struct cm_duty *letters;
	uint64_t over[CM_LIMITS]; /* not yet in the log */
	int64_t said;             /* when it was */
	int64_t forgot;           /* when counts were last cleared away */
	/* All that one of us may have written before a kill can be seen. */
	bool caught_up;
};

/* One act on its way. */
struct desk {
	struct cm_clerk *clerk;
	const struct cm_site *site;
	struct cm_arena *arena;
	int64_t now;
	uint64_t number;
	struct cm_act act;
	struct cm_person person;
	struct cm_optin optin;
	int64_t cancelled; /* by this person, newest */
	struct cm_limit_count counts[CM_LIMITS];
	size_t ncounts;
	struct cm_letter letter;
	bool has_letter;
	const char *outcome; /* for the log */
};

/* ---- who ---------------------------------------------------------------- */

static int identify(struct desk *d, struct cm_span text, struct cm_error *err)
{
	const struct cm_key *key = cm_keys_current(d->site->keys, CM_KEY_STORE);
	struct cm_hmac *hmac = NULL;
	int rc;

	if (key == NULL)
		return cm_fail(err, CM_ECONFIG, "there is no store key");
	rc = cm_hmac_new(key->bytes, key->len, &hmac, err);
	if (rc == CM_OK)
		rc = cm_person_of(d->site->config, hmac, text, &d->person, err);
	cm_hmac_free(&hmac);
	return rc;
}

/* CM_ENOTFOUND: no address is on record of who acts. */
static int find_person(struct desk *d, struct cm_error *err)
{
	struct cm_span canonical, as_given;
	int rc;

	if (d->act.address.n > 0)
		return identify(d, d->act.address, err);
	rc = cm_store_address(d->site->store, &d->act.contact, d->arena,
			      &canonical, &as_given, err);
	return rc == CM_OK ? identify(d, canonical, err) : rc;
}

static int look_up(struct desk *d, const struct cm_id *contact,
		   bool with_person, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	int rc = cm_store_read_begin(d->site->store, d->arena, &reader, err);

	if (rc == CM_OK)
		rc = cm_optin_read(reader, contact, d->act.request, d->arena,
				   &d->optin, err);
	if (rc == CM_OK && with_person)
		rc = cm_person_look_up(reader, &d->person, err);
	if (rc == CM_OK && with_person)
		rc = cm_optin_cancelled_at(reader, contact, &d->cancelled, err);
	cm_store_read_end(&reader);
	return rc;
}

/* Did they refuse, or does their mailbox, since they last said yes? */
static bool has_refused(const struct cm_view *view)
{
	int64_t yes = -1, no = -1;
	size_t i;

	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		if (fact->kind == CM_FACT_PERSON_CONFIRMED && fact->at > yes)
			yes = fact->at;
		if (cm_fact_refuses(fact->kind) && fact->at > no)
			no = fact->at;
	}
	return no > yes;
}

/* ---- limits ------------------------------------------------------------- */

static int add_count(struct desk *d, enum cm_limit limit, const char *whom,
		     struct cm_error *err)
{
	struct cm_limit_count *count = &d->counts[d->ncounts++];

	*count = (struct cm_limit_count){.limit = limit};
	if (whom == NULL)
		return CM_OK;
	return cm_queue_digest(d->site->queue, cm_span(whom), &count->whom,
			       err);
}

static int add_counts(struct desk *d, enum cm_letter_kind kind,
		      struct cm_error *err)
{
	static const struct cm_id unknown;
	struct cm_span domain = cm_address_domain(&d->person.address);
	/* Who comes by a link of their own is known to be who they are. */
	bool refused = kind == CM_LETTER_CONFIRM && d->act.address.n > 0 &&
		       has_refused(&d->person.own);
	char hex[CONTACT_HEX], whom[WHOM_MAX];
	int rc;

	(void)cm_hex_encode(d->person.contact.b, CM_CONTACT_ID_LEN, hex);
	(void)snprintf(whom, sizeof(whom), "letter %d %s", (int)kind, hex);
	rc = add_count(d, CM_LIMIT_PAUSE, whom, err);
	if (rc == CM_OK)
		rc = add_count(d, CM_LIMIT_DAY, whom, err);
	if (rc == CM_OK && refused)
		rc = add_count(d, CM_LIMIT_REFUSED, whom, err);
	(void)snprintf(whom, sizeof(whom), "domain %.*s", (int)domain.n,
		       domain.p);
	if (rc == CM_OK)
		rc = add_count(d, CM_LIMIT_DOMAIN, whom, err);
	if (rc == CM_OK)
		rc = add_count(d, CM_LIMIT_ALL, NULL, err);
	if (rc == CM_OK &&
	    memcmp(&d->act.network, &unknown, sizeof(unknown)) != 0) {
		rc = add_count(d, CM_LIMIT_NETWORK, NULL, err);
		d->counts[d->ncounts - 1].whom = d->act.network;
	}
	if (rc == CM_OK)
		rc = cm_queue_counts(d->site->queue, d->counts, d->ncounts,
				     err);
	return rc;
}

/* False: nothing is counted, and nothing will be sent. */
static bool spend(struct desk *d)
{
	unsigned max = d->site->config->web_letters_per_hour;
	size_t i;

	for (i = 0; i < d->ncounts; i++) {
		enum cm_limit limit = d->counts[i].limit;

		if (cm_limit_room(&d->counts[i], max, d->now))
			continue;
		d->clerk->over[limit]++;
		cm_metrics_add_of(d->site->metrics, CM_METRIC_OVER_LIMIT,
				  cm_limit_rules[limit].name, 1);
		d->ncounts = 0;
		d->outcome = "over-limit";
		return false;
	}
	for (i = 0; i < d->ncounts; i++)
		cm_limit_spend(&d->counts[i], d->now);
	return true;
}

/* Once an hour: a warning for each act would fill the disk instead. */
static void tell_of_limits(struct cm_clerk *clerk, int64_t now)
{
	uint64_t all = 0;
	int i;

	for (i = 0; i < CM_LIMITS; i++)
		all += clerk->over[i];
	if (all == 0 || (now >= clerk->said && now < clerk->said + HOUR_MS))
		return;
	cm_log(clerk->site->log, CM_LOG_WARNING,
	       "letters not sent, over a limit: pause=%" PRIu64 " day=%" PRIu64
	       " refused=%" PRIu64 " network=%" PRIu64 " domain=%" PRIu64
	       " all=%" PRIu64,
	       clerk->over[CM_LIMIT_PAUSE], clerk->over[CM_LIMIT_DAY],
	       clerk->over[CM_LIMIT_REFUSED], clerk->over[CM_LIMIT_NETWORK],
	       clerk->over[CM_LIMIT_DOMAIN], clerk->over[CM_LIMIT_ALL]);
	memset(clerk->over, 0, sizeof(clerk->over));
	clerk->said = now;
}

/* ---- events ------------------------------------------------------------- */

static void set_text(char *out, size_t room, struct cm_span text)
{
	(void)snprintf(out, room, "%.*s", (int)text.n, text.p);
}

static struct cm_event an_event(const struct desk *d, enum cm_event_type type,
				struct cm_span purpose)
{
	struct cm_event event = {
		.type = type,
		.actor = CM_ACTOR_PERSON,
		.basis = CM_BASIS_CONSENT,
	};

	set_text(event.purpose, sizeof(event.purpose), purpose);
	cm_optin_name(d->act.request, event.batch);
	return event;
}

static int append(struct desk *d, struct cm_store_entry *entries, size_t n,
		  struct cm_error *err)
{
	uint64_t seq;

	return cm_store_append(d->site->store, entries, n, d->now, &seq, err);
}

/* One event for each purpose that the config still has. */
static int record_request(struct desk *d, struct cm_error *err)
{
	const struct cm_act *act = &d->act;
	struct cm_store_entry entries[CM_ACT_PURPOSES_MAX];
	size_t n = 0, i;

	memset(entries, 0, sizeof(entries));
	for (i = 0; i < act->npurposes; i++) {
		struct cm_event *event = &entries[n].event;

		if (cm_config_purpose(d->site->config, act->purposes[i]) ==
		    NULL)
			continue;
		*event = an_event(d, CM_EVENT_REQUESTED, act->purposes[i]);
		event->contact = d->person.contact;
		event->family = d->person.family;
		event->notice = act->notice;
		event->has_notice = act->has_notice;
		set_text(event->language, sizeof(event->language),
			 act->language);
		set_text(event->source, sizeof(event->source), act->source);
		set_text(event->channel, sizeof(event->channel), act->channel);
		entries[n].evidence = act->evidence;
		if (act->address.n > 0 && n == 0) {
			entries[n].address = &d->person.address;
			entries[n].as_given = cm_span_trim(act->address);
		}
		n++;
	}
	if (n == 0)
		return cm_fail(err, CM_EDATA,
			       "nothing that is asked for is "
			       "in the configuration");
	return append(d, entries, n, err);
}

static int record_answer(struct desk *d, enum cm_event_type type,
			 const char *channel, struct cm_error *err)
{
	const struct cm_optin *optin = &d->optin;
	struct cm_store_entry entries[CM_ACT_PURPOSES_MAX];
	bool grants = cm_event_type_grants(type);
	size_t i;

	memset(entries, 0, sizeof(entries));
	for (i = 0; i < optin->npurposes; i++) {
		struct cm_event *event = &entries[i].event;

		*event = an_event(d, type, optin->purposes[i]);
		event->contact = d->act.contact;
		event->family = optin->family;
		event->has_notice = grants && optin->has_notice;
		if (event->has_notice)
			event->notice = optin->notice;
		if (grants) {
			memcpy(event->language, optin->language,
			       sizeof(event->language));
			memcpy(event->source, optin->source,
			       sizeof(event->source));
		}
		set_text(event->channel, sizeof(event->channel),
			 cm_span(channel));
		entries[i].evidence = d->act.evidence;
	}
	return append(d, entries, optin->npurposes, err);
}

/* ---- letters ------------------------------------------------------------ */

static void write_letter(struct desk *d, enum cm_letter_kind kind)
{
	struct cm_letter *letter = &d->letter;
	const struct cm_act *act = &d->act;

	*letter = (struct cm_letter){
		.kind = kind,
		.contact = d->person.contact,
		.made = d->now,
		.due = d->now,
	};
	memcpy(letter->request, act->request, sizeof(letter->request));
	set_text(letter->language, sizeof(letter->language), act->language);
	d->has_letter =
		cm_purpose_id(act->npurposes > 0
				      ? act->purposes[0]
				      : cm_span(d->site->config->controller_id),
			      letter->purpose) == CM_OK;
}

/* ---- one act of each kind ----------------------------------------------- */

static bool is_cancelled(const struct desk *d)
{
	return d->act.address.n > 0 && d->cancelled != 0 &&
	       d->now < d->cancelled + CANCELLED_MS;
}

static int do_request(struct desk *d, struct cm_error *err)
{
	int rc = find_person(d, err);

	if (rc == CM_OK)
		rc = look_up(d, &d->person.contact, true, err);
	if (rc == CM_OK && is_cancelled(d)) {
		d->outcome = "cancelled-before";
		return CM_OK;
	}
	if (rc == CM_OK)
		rc = add_counts(d, CM_LETTER_CONFIRM, err);
	if (rc != CM_OK || !spend(d))
		return rc;
	/* Found: we were killed behind the ledger, before the queue. */
	if (!d->optin.found)
		rc = record_request(d, err);
	if (rc == CM_OK)
		write_letter(d, CM_LETTER_CONFIRM);
	d->outcome = "asked";
	return rc;
}

static int do_confirm(struct desk *d, struct cm_error *err)
{
	int rc = look_up(d, &d->act.contact, false, err);

	if (rc != CM_OK)
		return rc;
	d->outcome = "already";
	if (d->optin.confirmed)
		return CM_OK;
	d->outcome = "too-late";
	if (!cm_optin_is_open(&d->optin, d->act.at))
		return CM_OK;
	d->outcome = "confirmed";
	return record_answer(d, CM_EVENT_CONFIRMED, "confirm", err);
}

/* Whoever pressed both buttons wants no mail. */
static int do_cancel(struct desk *d, struct cm_error *err)
{
	int rc = look_up(d, &d->act.contact, false, err);

	if (rc != CM_OK)
		return rc;
	d->outcome = d->optin.found ? "already" : "unknown";
	if (!d->optin.found || d->optin.cancelled)
		return CM_OK;
	if (d->optin.confirmed && !d->optin.overtaken)
		rc = record_answer(d, CM_EVENT_WITHDRAWN, "confirm", err);
	if (rc == CM_OK)
		rc = record_answer(d, CM_EVENT_CORRECTED, "confirm", err);
	d->outcome = "cancelled";
	return rc;
}

/* To who is on record, with the address; a letter tells nobody else. */
static int do_link(struct desk *d, enum cm_letter_kind kind,
		   struct cm_error *err)
{
	struct cm_span canonical, as_given;
	int rc = find_person(d, err);

	if (rc == CM_OK)
		rc = cm_store_address(d->site->store, &d->person.contact,
				      d->arena, &canonical, &as_given, err);
	if (rc == CM_OK)
		rc = add_counts(d, kind, err);
	if (rc == CM_OK && spend(d)) {
		write_letter(d, kind);
		d->outcome = "letter";
	}
	return rc;
}

static int do_act(struct desk *d, struct cm_error *err)
{
	switch (d->act.kind) {
	case CM_ACT_REQUEST:
		return do_request(d, err);
	case CM_ACT_CONFIRM:
		return do_confirm(d, err);
	case CM_ACT_CANCEL:
		return do_cancel(d, err);
	case CM_ACT_LOST:
		return do_link(d, CM_LETTER_LOST, err);
	default:
		return do_link(d, CM_LETTER_DATA, err);
	}
}

/* ---- the thread --------------------------------------------------------- */

static void tell(const struct desk *d)
{
	static const struct cm_id nobody;
	const struct cm_id *contact =
		memcmp(&d->person.contact, &nobody, sizeof(nobody)) != 0
			? &d->person.contact
			: &d->act.contact;
	char hex[CONTACT_HEX];

	(void)cm_hex_encode(contact->b, CM_CONTACT_ID_LEN, hex);
	cm_metrics_add_of(d->site->metrics, CM_METRIC_ACTS,
			  cm_act_kind_name(d->act.kind), 1);
	cm_log(d->site->log, CM_LOG_INFO, "act: kind=%s contact=%s outcome=%s",
	       cm_act_kind_name(d->act.kind), hex, d->outcome);
}

/* What will fail again, however often it is tried. */
static bool is_hopeless(int rc)
{
	return rc == CM_EDATA || rc == CM_EUSAGE || rc == CM_ELIMIT ||
	       rc == CM_ENOTFOUND || rc == CM_EREFUSED;
}

/* CM_EAGAIN and the like: the act stays where it is. */
static int do_one(struct desk *d, struct cm_error *err)
{
	int rc = do_act(d, err);

	if (is_hopeless(rc)) {
		d->outcome = rc == CM_ENOTFOUND ? "unknown" : "impossible";
		d->has_letter = false;
		d->ncounts = 0;
		rc = CM_OK;
	}
	if (rc == CM_OK)
		rc = cm_queue_done(d->site->queue, d->number,
				   d->has_letter ? &d->letter : NULL, d->counts,
				   d->ncounts, err);
	if (rc == CM_OK) {
		tell(d);
		if (d->has_letter)
			cm_duty_wake(d->clerk->letters);
	}
	return rc;
}

static int catch_up(struct desk *d, struct cm_error *err)
{
	int rc = CM_OK;

	if (!d->clerk->caught_up)
		rc = cm_store_catch_up(d->site->store, d->now, err);
	d->clerk->caught_up = rc == CM_OK;
	return rc;
}

static int take_one(struct desk *d, struct cm_error *err)
{
	int rc = catch_up(d, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_queue_take(d->site->queue, 0, d->arena, &d->number, &d->act,
			   err);

	if (rc == CM_OK)
		return do_one(d, err);
	if (rc != CM_ECORRUPT || d->number == 0)
		return rc;
	cm_log_error(d->site->log, CM_LOG_ERROR, "a request is given up", err);
	return cm_queue_done(d->site->queue, d->number, NULL, NULL, 0, err);
}

static void look_after(struct cm_clerk *clerk, int64_t now)
{
	const struct cm_site *site = clerk->site;
	struct cm_queue_counts counts;
	struct cm_error err;

	tell_of_limits(clerk, now);
	if (cm_queue_count(site->queue, &counts, NULL) == CM_OK)
		cm_metrics_set(site->metrics, CM_METRIC_ACTS_WAITING,
			       counts.acts);
	if (now >= clerk->forgot && now < clerk->forgot + HOUR_MS)
		return;
	clerk->forgot = now;
	if (cm_queue_forget(site->queue, now, &err) != CM_OK ||
	    cm_queue_reap(site->queue, &err) != CM_OK)
		cm_log_error(site->log, CM_LOG_WARNING,
			     "the queue cannot be tidied", &err);
}

static int pause_after(struct cm_clerk *clerk, int rc,
		       const struct cm_error *err)
{
	switch (rc) {
	case CM_OK:
		return 0; /* pressed */
	case CM_ENOTFOUND:
		return IDLE_MS;
	case CM_EAGAIN:
		return AGAIN_MS;
	default:
		cm_log_error(clerk->site->log, CM_LOG_ERROR,
			     "what people ask for cannot be done now", err);
		return BROKEN_MS;
	}
}

static int work(void *ctx, struct cm_duty *duty)
{
	struct cm_clerk *clerk = ctx;
	struct cm_arena *arena = NULL;
	struct cm_error err = {CM_OK, ""};
	int rc = CM_OK;

	if (clerk->site->queue == NULL)
		return IDLE_MS;
	if (cm_arena_new(ARENA_MAX, &arena) != CM_OK)
		return AGAIN_MS;
	do {
		struct desk desk = {
			.clerk = clerk,
			.site = clerk->site,
			.arena = arena,
			.now = cm_clock_now(),
			.outcome = "nothing",
		};

		cm_arena_reset(arena);
		rc = take_one(&desk, &err);
	} while (rc == CM_OK && !cm_duty_is_pressed(duty));
	cm_arena_free(&arena);
	look_after(clerk, cm_clock_now());
	return pause_after(clerk, rc, &err);
}

int cm_clerk_start(const struct cm_site *site, struct cm_duty *letters,
		   struct cm_clerk **ret_clerk, struct cm_error *err)
{
	struct cm_clerk *clerk = calloc(1, sizeof(*clerk));
	int rc;

	if (clerk == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for a thread");
	clerk->site = site;
	clerk->letters = letters;
	rc = cm_duty_start(work, clerk, &clerk->duty, err);
	if (rc != CM_OK) {
		free(clerk);
		return rc;
	}
	*ret_clerk = clerk;
	return CM_OK;
}

void cm_clerk_wake(void *clerk)
{
	cm_duty_wake(((struct cm_clerk *)clerk)->duty);
}

void cm_clerk_use(struct cm_clerk *clerk, const struct cm_site *site)
{
	cm_duty_hold(clerk->duty);
	clerk->site = site;
	clerk->caught_up = false;
	cm_duty_release(clerk->duty);
}

void cm_clerk_end(struct cm_clerk **clerk)
{
	if (*clerk == NULL)
		return;
	cm_duty_end(&(*clerk)->duty);
	free(*clerk);
	*clerk = NULL;
}
