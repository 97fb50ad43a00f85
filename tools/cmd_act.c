/*
 * consentctl grant, withdraw, object, restrict, clear: what an admin does on
 * behalf of one person.
 *
 * Each act is one event (withdraw: one a root) with the admin's name on it,
 * and prints what the person's state is now.  A refusal is never lost: when
 * another writer holds the ledger it goes to "stop", which every reader
 * obeys at once.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/grant.h"
#include "policy/purpose.h"
#include "tools/ctl_person.h"
#include "tools/dialect.h"
#include "tools/file.h"
#include "tools/request.h"
#include "tools/when.h"
#include "tools/words.h"

enum {
	ROOTS_MAX = 64,    /* withdrawn at once; brands of one controller */
	SALE_REF_MAX = 64, /* octets; as in a list */
};

/* One act on one person: its events and what they rest on. */
struct act {
	struct cm_ctl *ctl;
	const char *given; /* the address as it was typed */
	struct cm_person person;
	struct cm_store_entry entries[ROOTS_MAX];
	size_t count;
	struct cm_buf evidence;
	uint64_t first_seq;
	bool in_stop; /* the ledger was busy; see the file's comment */
};

static int act_begin(struct cm_ctl *ctl, const struct cm_args *args,
		     struct act **ret_act, struct cm_error *err)
{
	struct act *act = cm_arena_alloc(ctl->arena, sizeof(*act));
	int rc;

	if (act == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	act->ctl = ctl;
	act->given = cm_args_word(args, 0);
	cm_buf_init(&act->evidence, CM_REMARKS_ROOM);
	rc = cm_person_find(ctl, act->given, &act->person, err);
	if (rc == CM_OK)
		*ret_act = act;
	return rc;
}

/* One event more; purpose "" stands above all. */
static struct cm_event *add_event(struct act *act, enum cm_event_type type,
				  struct cm_span purpose)
{
	struct cm_store_entry *entry = &act->entries[act->count++];
	struct cm_event *event = &entry->event;

	event->type = type;
	event->actor = CM_ACTOR_ADMIN;
	event->contact = act->person.contact;
	event->family = act->person.family;
	(void)snprintf(event->purpose, sizeof(event->purpose), "%.*s",
		       (int)purpose.n, purpose.p != NULL ? purpose.p : "");
	(void)snprintf(event->channel, sizeof(event->channel), "cli");
	(void)snprintf(event->who, sizeof(event->who), "%s",
		       cm_ctl_who(act->ctl));
	entry->address = &act->person.address;
	entry->as_given = cm_span(act->given);
	return event;
}

/* What the act rests on, kept in private. */
static int set_evidence(struct act *act, const char *const *pairs,
			struct cm_error *err)
{
	int rc = cm_ctl_remarks(pairs, &act->evidence, err);
	size_t i;

	if (rc != CM_OK)
		return rc;
	for (i = 0; i < act->count; i++)
		act->entries[i].evidence =
			cm_span_n(act->evidence.data, act->evidence.len);
	return CM_OK;
}

static bool only_refuses(const struct act *act)
{
	size_t i;

	for (i = 0; i < act->count; i++) {
		if (!cm_fact_refuses(cm_event_fact(&act->entries[i].event)))
			return false;
	}
	return true;
}

static int stop_instead(struct act *act, struct cm_error *err)
{
	struct cm_event *events =
		cm_arena_array(act->ctl->arena, act->count, sizeof(*events));
	size_t i;

	if (events == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; i < act->count; i++)
		events[i] = act->entries[i].event;
	act->in_stop = true;
	return cm_store_stop(act->ctl->store, events, act->count, act->ctl->now,
			     err);
}

static int act_write(struct act *act, struct cm_error *err)
{
	int rc = cm_store_append(act->ctl->store, act->entries, act->count,
				 act->ctl->now, &act->first_seq, err);

	if (rc == CM_EAGAIN && only_refuses(act))
		rc = stop_instead(act, err);
	return rc;
}

static void print_event(const struct act *act, const struct cm_event *event)
{
	const char *what = event->purpose;

	if (event->type == CM_EVENT_CLEARED)
		what = cm_event_type_name(event->mark);
	(void)fprintf(act->ctl->out, "%s%s%s for %s",
		      cm_event_type_name(event->type),
		      what[0] != '\0' ? " " : "", what,
		      act->person.address.canonical);
}

static void print_done(const struct act *act)
{
	FILE *out = act->ctl->out;
	size_t i;

	for (i = 0; i < act->count; i++) {
		print_event(act, &act->entries[i].event);
		if (!act->in_stop)
			(void)fprintf(out, " (event %" PRIu64 ")",
				      act->first_seq + i);
		(void)fputc('\n', out);
	}
	if (act->in_stop)
		(void)fputs("another program is writing to the store, so this "
			    "waits its turn there; it is obeyed already\n",
			    out);
}

/* Write, then say what was done and where the person stands now. */
static int act_finish(struct act *act, struct cm_error *err)
{
	struct cm_standing *standings;
	int rc = act_write(act, err);

	if (rc != CM_OK)
		return rc;
	print_done(act);
	rc = cm_person_read(act->ctl, &act->person, err);
	if (rc == CM_OK)
		rc = cm_person_standings(act->ctl, &act->person, &standings,
					 err);
	if (rc != CM_OK)
		return cm_error_prefix(err, "it is written, but cannot be "
					    "shown: ");
	cm_person_print_marks(act->ctl, &act->person);
	(void)fputs("may be sent marketing now:\n", act->ctl->out);
	cm_person_print_standings(act->ctl, standings);
	return CM_OK;
}

/* ---- grant -------------------------------------------------------------- */

/* Marks that only the person can lift (design 5, rule 2). */
static int check_marks(const struct act *act, struct cm_error *err)
{
	static const enum cm_fact_kind lasting[] = {
		CM_FACT_OBJECTED, CM_FACT_COMPLAINED, CM_FACT_ERASED};
	char at[CM_CLOCK_TEXT];
	size_t i;

	for (i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
		const struct cm_fact *mark =
			cm_person_mark(act->ctl, &act->person.own, lasting[i]);

		if (mark != NULL)
			return cm_fail(
				err, CM_EREFUSED,
				"nothing was written: %s since %s; only the "
				"person can lift that, by confirming with the "
				"link in a mail to them",
				cm_fact_kind_name(mark->kind),
				cm_clock_format(mark->at, at));
	}
	return CM_OK;
}

static int set_source(const struct cm_args *args, struct cm_event *event,
		      struct cm_error *err)
{
	const char *source = cm_args_get(args, "source");

	if (cm_word_source(cm_span(source), event->source, err) != CM_OK)
		return cm_word_bad_option("--source", err);
	if (cm_grant_check_source(event->source, err) == CM_OK)
		return CM_OK;
	return cm_error_prefix(err, "nothing was written: ");
}

static int set_basis(const struct cm_args *args, struct cm_event *event,
		     struct cm_error *err)
{
	const char *basis = cm_args_get(args, "basis");

	event->basis = CM_BASIS_CONSENT;
	if (basis != NULL &&
	    cm_word_basis(cm_span(basis), &event->basis, err) != CM_OK)
		return cm_word_bad_option("--basis", err);
	return CM_OK;
}

static int set_language(const struct cm_args *args, struct cm_event *event,
			struct cm_error *err)
{
	const char *language = cm_args_get(args, "language");

	if (language != NULL &&
	    cm_word_language(cm_span(language), event->language, err) != CM_OK)
		return cm_word_bad_option("--language", err);
	return CM_OK;
}

/* A name of the command line: of a company, a kind of product, a sale. */
static int set_name(const struct cm_args *args, const char *option, size_t max,
		    char *out, struct cm_error *err)
{
	const char *name = cm_args_get(args, option + strlen("--"));

	if (name == NULL || cm_word_name(cm_span(name), max, out, err) == CM_OK)
		return CM_OK;
	return cm_word_bad_option(option, err);
}

static int set_opt_out(const struct cm_args *args, struct cm_event *event,
		       struct cm_error *err)
{
	const char *said = cm_args_get(args, "opt-out-offered");

	if (said != NULL &&
	    cm_dialect_said(cm_span(said), &event->optout, err) != CM_OK)
		return cm_word_bad_option("--opt-out-offered", err);
	return CM_OK;
}

static int set_sale_date(const struct act *act, const struct cm_args *args,
			 struct cm_event *event, struct cm_error *err)
{
	const char *date = cm_args_get(args, "sale-date");
	struct cm_when_how how = {.dates = CM_DATES_PLAIN};
	struct cm_when when;
	int rc;

	if (date == NULL)
		return CM_OK;
	rc = cm_zone_open("UTC", act->ctl->now, act->ctl->arena, &how.zone,
			  err);
	if (rc != CM_OK)
		return rc;
	if (cm_when_parse(cm_span(date), &how, &when, err) != CM_OK)
		return cm_word_bad_option("--sale-date", err);
	if (when.first > act->ctl->now)
		return cm_fail(err, CM_EUSAGE,
			       "--sale-date: \"%s\" is yet to come", date);
	event->sold = when.first;
	return CM_OK;
}

/*
 * Whom it was given to, and the sale of a soft opt-in.  What is missing there
 * is no error: it is kept as it is, and the answer says what it lacks.
 */
static int set_terms(const struct act *act, const struct cm_args *args,
		     struct cm_event *event, struct cm_error *err)
{
	char ref[SALE_REF_MAX + 1] = "";
	int rc = set_name(args, "--controller", CM_PARTY_MAX, event->controller,
			  err);

	if (rc == CM_OK)
		rc = set_name(args, "--seller", CM_PARTY_MAX, event->seller,
			      err);
	if (rc == CM_OK)
		rc = set_name(args, "--product-category", CM_CATEGORY_MAX,
			      event->category, err);
	if (rc == CM_OK)
		rc = set_name(args, "--sale-ref", SALE_REF_MAX, ref, err);
	if (rc == CM_OK)
		rc = set_opt_out(args, event, err);
	if (rc == CM_OK)
		rc = set_sale_date(act, args, event, err);
	event->has_sale_ref = ref[0] != '\0';
	return rc;
}

/* The exact text the person was shown, kept under its hash. */
static int set_notice(struct act *act, const struct cm_args *args,
		      struct cm_event *event, struct cm_error *err)
{
	const char *path = cm_args_get(args, "notice");
	int rc;

	if (path == NULL)
		return CM_OK;
	rc = cm_ctl_notice(act->ctl, path, true, &event->notice, err);
	event->has_notice = rc == CM_OK;
	return rc;
}

static int check_grant_words(const struct cm_args *args, struct cm_error *err)
{
	const char *attest = cm_args_get(args, "attest");

	if (attest == NULL && !cm_args_has(args, "notice"))
		return cm_fail(err, CM_EUSAGE,
			       "grant: what proves it? Give --notice FILE (the "
			       "text the person was shown) or --attest WHO "
			       "(who answers for it)");
	if (attest != NULL && cm_span_trim(cm_span(attest)).n == 0)
		return cm_fail(err, CM_EUSAGE, "--attest: name somebody");
	return CM_OK;
}

static int fill_grant(struct act *act, const struct cm_args *args,
		      struct cm_error *err)
{
	const char *attest = cm_args_get(args, "attest");
	const char *notice = cm_args_get(args, "notice");
	const char *const evidence[] = {
		"attested_by", attest,
		"notice_file", notice != NULL ? cm_file_name(notice) : NULL,
		"sale_ref",    cm_args_get(args, "sale-ref"),
		NULL};
	const struct cm_purpose *purpose;
	struct cm_event *event;
	int rc = cm_word_purpose(act->ctl->config,
				 cm_span(cm_args_get(args, "purpose")),
				 &purpose, err);

	if (rc != CM_OK)
		return cm_word_bad_option("--purpose", err);
	event = add_event(act, CM_EVENT_GRANTED, cm_span(purpose->path));
	event->attested = attest != NULL;
	rc = set_source(args, event, err);
	if (rc == CM_OK)
		rc = set_basis(args, event, err);
	if (rc == CM_OK)
		rc = set_terms(act, args, event, err);
	if (rc == CM_OK)
		rc = set_language(args, event, err);
	if (rc == CM_OK)
		rc = check_marks(act, err);
	if (rc == CM_OK)
		rc = set_notice(act, args, event, err);
	if (rc == CM_OK)
		rc = set_evidence(act, evidence, err);
	return rc;
}

int cm_cmd_grant(struct cm_ctl *ctl, const struct cm_args *args,
		 struct cm_error *err)
{
	struct act *act;
	int rc = check_grant_words(args, err);

	if (rc == CM_OK)
		rc = act_begin(ctl, args, &act, err);
	if (rc != CM_OK)
		return rc;
	rc = fill_grant(act, args, err);
	if (rc == CM_OK)
		rc = act_finish(act, err);
	cm_buf_free(&act->evidence);
	return rc;
}

/* ---- withdraw, object, restrict ----------------------------------------- */

/* Every root: of the config, and of consents to purposes it has no more. */
static void withdraw_all(struct act *act)
{
	struct cm_span roots[ROOTS_MAX];
	size_t count = cm_person_roots(act->ctl->config, &act->person.own,
				       roots, ROOTS_MAX);
	size_t i;

	for (i = 0; i < count; i++)
		(void)add_event(act, CM_EVENT_WITHDRAWN, roots[i]);
}

/*
 * Also a purpose that the config has no more may be withdrawn: the consent
 * to it is still on record.
 */
static int withdraw_one(struct act *act, const char *path, struct cm_error *err)
{
	const struct cm_purpose *purpose;
	size_t i;

	for (i = 0; i < act->person.own.count; i++) {
		struct cm_span had = act->person.own.facts[i].purpose;

		if (had.n > 0 && cm_span_eq(had, cm_span(path))) {
			(void)add_event(act, CM_EVENT_WITHDRAWN, had);
			return CM_OK;
		}
	}
	if (cm_word_purpose(act->ctl->config, cm_span(path), &purpose, err) !=
	    CM_OK)
		return cm_word_bad_option("--purpose", err);
	(void)add_event(act, CM_EVENT_WITHDRAWN, cm_span(purpose->path));
	return CM_OK;
}

int cm_cmd_withdraw(struct cm_ctl *ctl, const struct cm_args *args,
		    struct cm_error *err)
{
	const char *path = cm_args_get(args, "purpose");
	struct act *act;
	int rc = act_begin(ctl, args, &act, err);

	if (rc != CM_OK)
		return rc;
	if (path == NULL)
		withdraw_all(act);
	else
		rc = withdraw_one(act, path, err);
	return rc == CM_OK ? act_finish(act, err) : rc;
}

static int put_mark(struct cm_ctl *ctl, const struct cm_args *args,
		    enum cm_event_type type, const char *right,
		    struct cm_error *err)
{
	struct act *act;
	int rc = act_begin(ctl, args, &act, err);

	if (rc != CM_OK)
		return rc;
	(void)add_event(act, type, cm_span(""));
	rc = act_finish(act, err);
	if (rc == CM_OK && !act->in_stop)
		cm_request_fulfil(ctl, &act->person.contact, right);
	return rc;
}

int cm_cmd_object(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	return put_mark(ctl, args, CM_EVENT_OBJECTED, "objection", err);
}

int cm_cmd_restrict(struct cm_ctl *ctl, const struct cm_args *args,
		    struct cm_error *err)
{
	return put_mark(ctl, args, CM_EVENT_RESTRICTED, "restriction", err);
}

/* ---- clear -------------------------------------------------------------- */

static const struct {
	const char *name;
	enum cm_event_type type;
	enum cm_fact_kind fact;
	bool admin_may; /* else only the person can lift it */
} marks[] = {
	{"restricted", CM_EVENT_RESTRICTED, CM_FACT_RESTRICTED, true},
	{"undeliverable", CM_EVENT_UNDELIVERABLE, CM_FACT_UNDELIVERABLE, true},
	{"objected", CM_EVENT_OBJECTED, CM_FACT_OBJECTED, false},
	{"complained", CM_EVENT_COMPLAINED, CM_FACT_COMPLAINED, false},
	{"erased", CM_EVENT_ERASED, CM_FACT_ERASED, false},
	{"withdrawn", CM_EVENT_WITHDRAWN, CM_FACT_WITHDRAWN, false},
};

enum { NMARKS = sizeof(marks) / sizeof(marks[0]) };

static int find_mark(const char *name, size_t *ret_index, struct cm_error *err)
{
	size_t i;

	for (i = 0; i < NMARKS; i++) {
		if (!cm_span_is(cm_span(name), marks[i].name))
			continue;
		if (!marks[i].admin_may)
			return cm_fail(err, CM_EREFUSED,
				       "nothing was written: only the person "
				       "can lift \"%s\", by confirming with "
				       "the link in a mail to them",
				       marks[i].name);
		*ret_index = i;
		return CM_OK;
	}
	return cm_fail(err, CM_EUSAGE,
		       "there is no mark \"%.40s\" (restricted or "
		       "undeliverable can be cleared)",
		       name);
}

static int check_note(const char *note, struct cm_error *err)
{
	if (cm_span_trim(cm_span(note)).n == 0)
		return cm_fail(err, CM_EUSAGE,
			       "--note: say why, for whoever asks later");
	if (strlen(note) > CM_REMARK_MAX)
		return cm_fail(err, CM_EUSAGE,
			       "--note: at most %d octets, please",
			       CM_REMARK_MAX);
	return CM_OK;
}

static int clear_mark(struct act *act, size_t index, const char *note,
		      struct cm_error *err)
{
	const char *const evidence[] = {"note", note, NULL};
	struct cm_event *event;
	int rc;

	if (cm_person_mark(act->ctl, &act->person.own, marks[index].fact) ==
	    NULL)
		return cm_fail(err, CM_ENOTFOUND,
			       "nothing was written: %s is not marked %s",
			       act->person.address.canonical,
			       marks[index].name);
	event = add_event(act, CM_EVENT_CLEARED, cm_span(""));
	event->mark = marks[index].type;
	rc = set_evidence(act, evidence, err);
	return rc == CM_OK ? act_finish(act, err) : rc;
}

int cm_cmd_clear(struct cm_ctl *ctl, const struct cm_args *args,
		 struct cm_error *err)
{
	const char *note = cm_args_get(args, "note");
	struct act *act;
	size_t index = 0;
	int rc = find_mark(cm_args_word(args, 1), &index, err);

	if (rc == CM_OK)
		rc = check_note(note, err);
	if (rc == CM_OK)
		rc = act_begin(ctl, args, &act, err);
	if (rc != CM_OK)
		return rc;
	rc = clear_mark(act, index, note, err);
	cm_buf_free(&act->evidence);
	return rc;
}
