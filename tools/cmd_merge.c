/*
 * consentctl merge, correct: one person, two addresses, of which one goes on.
 * The corrected one may be new to the store.
 *
 * Events, not edits: what refuses mail to the one is written again for the
 * other, and the one is withdrawn from everything.  A consent is never moved,
 * for it was given for the address it was given for (G16); so the person is
 * sent what both allow, and all that both ever said stays on record.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "policy/purpose.h"
#include "tools/ctl_past.h"
#include "tools/ctl_person.h"
#include "tools/disclose.h"
#include "tools/request.h"

enum { ENTRIES_MAX = 512 }; /* purposes and marks of one person */

/* What tells a correction from a merge. */
struct words {
	const char *channel; /* of what the one brings along */
	const char *into;    /* names in the evidence */
	const char *from;
};

struct merge {
	struct cm_ctl *ctl;
	const struct words *words;
	const char *note;        /* may be NULL */
	const char *new_address; /* as typed, to be kept; NULL: it is known */
	struct cm_person from;
	struct cm_person into;
	struct cm_store_entry *entries; /* ENTRIES_MAX */
	size_t count;
	struct cm_buf from_text; /* evidence of what is written for from */
	struct cm_buf into_text;
};

static const struct {
	enum cm_fact_kind kind;
	enum cm_event_type type;
} marks[] = {
	{CM_FACT_OBJECTED, CM_EVENT_OBJECTED},
	{CM_FACT_COMPLAINED, CM_EVENT_COMPLAINED},
	{CM_FACT_RESTRICTED, CM_EVENT_RESTRICTED},
	/* Undeliverable is the mailbox's, not the person's. */
};

/* ---- what is written ---------------------------------------------------- */

/* Channels: of an address that is given up, and of what it brings along. */
static const char retired[] = "retired";
static const struct words merges = {"merge", "merged_into", "merged_from"};
static const struct words corrects = {"correct", "corrected_to",
				      "corrected_from"};

static void set_channel(struct cm_event *event, const char *channel)
{
	(void)snprintf(event->channel, sizeof(event->channel), "%s", channel);
}

static int add(struct merge *m, const struct cm_person *person,
	       enum cm_event_type type, struct cm_span purpose,
	       struct cm_error *err)
{
	struct cm_store_entry *entry = &m->entries[m->count];
	struct cm_event *event = &entry->event;

	if (m->count == ENTRIES_MAX)
		return cm_fail(err, CM_ELIMIT,
			       "more than %d events would be needed",
			       ENTRIES_MAX);
	m->count++;
	event->type = type;
	event->actor = CM_ACTOR_ADMIN;
	event->contact = person->contact;
	event->family = person->family;
	(void)snprintf(event->purpose, sizeof(event->purpose), "%.*s",
		       (int)purpose.n, purpose.n > 0 ? purpose.p : "");
	set_channel(event, m->words->channel);
	(void)snprintf(event->who, sizeof(event->who), "%s",
		       cm_ctl_who(m->ctl));
	return CM_OK;
}

/* A withdrawal stands unless what it withdrew from is allowed again; also if
 * that cannot be known. */
static bool stands(const struct merge *m, const struct cm_person *person,
		   struct cm_span path)
{
	const struct cm_purpose *purpose =
		cm_config_purpose(m->ctl->config, path);
	struct cm_decision decision;

	if (purpose == NULL)
		return true;
	return cm_ctl_decide_purpose(m->ctl, purpose, &person->contact,
				     &person->own, NULL, m->ctl->now, &decision,
				     NULL) != CM_OK ||
	       decision.verdict != CM_VERDICT_ALLOW;
}

static bool has_withdrawn(const struct cm_person *person, struct cm_span path)
{
	size_t i;

	for (i = 0; i < person->own.count; i++) {
		if (person->own.facts[i].kind == CM_FACT_WITHDRAWN &&
		    cm_span_eq(person->own.facts[i].purpose, path))
			return true;
	}
	return false;
}

/* An earlier merge gave the address up: nothing that the person said. */
static int is_retirement(struct merge *m, const struct cm_fact *fact,
			 bool *ret_is, struct cm_error *err)
{
	struct cm_event event;
	struct cm_span json;
	int rc;

	*ret_is = false;
	if (fact->seq == CM_STORE_SEQ_PENDING)
		return CM_OK;
	rc = cm_ctl_event(m->ctl, fact->seq, &event, &json, err);
	if (rc == CM_OK)
		*ret_is = strcmp(event.channel, retired) == 0;
	return rc;
}

static int carry_withdrawals(struct merge *m, struct cm_error *err)
{
	bool given_up;
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < m->from.own.count; i++) {
		const struct cm_fact *fact = &m->from.own.facts[i];

		if (fact->kind != CM_FACT_WITHDRAWN ||
		    !stands(m, &m->from, fact->purpose) ||
		    (has_withdrawn(&m->into, fact->purpose) &&
		     stands(m, &m->into, fact->purpose)))
			continue;
		rc = is_retirement(m, fact, &given_up, err);
		if (rc == CM_OK && !given_up)
			rc = add(m, &m->into, CM_EVENT_WITHDRAWN, fact->purpose,
				 err);
	}
	return rc;
}

static int carry_marks(struct merge *m, struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < sizeof(marks) / sizeof(marks[0]); i++) {
		const struct cm_fact *fact =
			cm_person_mark(m->ctl, &m->from.own, marks[i].kind);

		if (fact == NULL ||
		    cm_person_mark(m->ctl, &m->into.own, marks[i].kind) != NULL)
			continue;
		rc = add(m, &m->into, marks[i].type, fact->purpose, err);
	}
	return rc;
}

/* The address that is given up gets nothing any more. */
static int retire(struct merge *m, struct cm_error *err)
{
	const struct cm_config *config = m->ctl->config;
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < config->npurposes; i++) {
		const struct cm_purpose *purpose = &config->purposes[i];
		struct cm_span path = cm_span(purpose->path);

		if (purpose->parent != NULL || (has_withdrawn(&m->from, path) &&
						stands(m, &m->from, path)))
			continue;
		rc = add(m, &m->from, CM_EVENT_WITHDRAWN, path, err);
		if (rc == CM_OK)
			set_channel(&m->entries[m->count - 1].event, retired);
	}
	return rc;
}

/* Ids, not addresses: each is erased with its own person's data. */
static int write_evidence(const char *name, const struct cm_id *other,
			  const char *note, struct cm_buf *out,
			  struct cm_error *err)
{
	char id[CM_ID_TEXT_LEN];
	const char *const pairs[] = {name, cm_out_id(other, id), "note", note,
				     NULL};

	cm_buf_init(out, CM_REMARKS_ROOM);
	return cm_ctl_remarks(pairs, out, err);
}

static void set_evidence(struct merge *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		struct cm_store_entry *entry = &m->entries[i];
		bool from = memcmp(entry->event.contact.b, m->from.contact.b,
				   sizeof(m->from.contact.b)) == 0;
		const struct cm_buf *text =
			from ? &m->from_text : &m->into_text;

		entry->evidence = cm_span_n(text->data, text->len);
		if (!from && m->new_address != NULL) {
			entry->address = &m->into.address;
			entry->as_given = cm_span(m->new_address);
		}
	}
}

/* ---- the answer --------------------------------------------------------- */

static const char *address_of(const struct merge *m,
			      const struct cm_event *event)
{
	return memcmp(event->contact.b, m->from.contact.b,
		      sizeof(event->contact.b)) == 0
		       ? m->from.address.canonical
		       : m->into.address.canonical;
}

static void print_merge(const struct merge *m, bool dry_run)
{
	FILE *out = m->ctl->out;
	size_t i;

	if (m->count == 0)
		(void)fprintf(out,
			      "nothing to write: %s refuses all that %s "
			      "refused\n",
			      m->into.address.canonical,
			      m->from.address.canonical);
	for (i = 0; i < m->count; i++) {
		const struct cm_event *event = &m->entries[i].event;

		(void)fprintf(out, "%s  %s%s%s\n", address_of(m, event),
			      cm_event_type_name(event->type),
			      event->purpose[0] != '\0' ? "  " : "",
			      event->purpose);
	}
	if (dry_run)
		(void)fputs("dry run: nothing was written\n", out);
}

static int json_merge(const struct merge *m, bool dry_run, struct cm_error *err)
{
	struct cm_out_json json;
	char id[CM_ID_TEXT_LEN];
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "from", cm_out_id(&m->from.contact, id));
	cm_json_put_text(&json.w, "into", cm_out_id(&m->into.contact, id));
	cm_json_put_bool(&json.w, "dry_run", dry_run);
	cm_json_name(&json.w, "events");
	cm_json_begin_array(&json.w);
	for (i = 0; i < m->count; i++) {
		const struct cm_event *event = &m->entries[i].event;

		cm_json_begin_object(&json.w);
		cm_json_put_text(&json.w, "contact",
				 cm_out_id(&event->contact, id));
		cm_json_put_text(&json.w, "type",
				 cm_event_type_name(event->type));
		cm_json_put_text(&json.w, "purpose", event->purpose);
		cm_json_end(&json.w);
	}
	cm_json_end(&json.w);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, m->ctl->out, err);
}

/* ---- the command -------------------------------------------------------- */

static int find_known(struct cm_ctl *ctl, const char *text,
		      struct cm_person *ret_person, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	int rc = cm_person_find(ctl, text, ret_person, err);

	if (rc != CM_OK)
		return rc;
	if (!cm_person_known(ret_person))
		return cm_fail(err, CM_ENOTFOUND, "nothing is on record for %s",
			       cm_quote(cm_span(text), quoted));
	if (cm_person_mark(ctl, &ret_person->own, CM_FACT_ERASED) != NULL)
		return cm_fail(err, CM_EREFUSED,
			       "%s had their data erased: there is nothing "
			       "to take along",
			       cm_quote(cm_span(text), quoted));
	return CM_OK;
}

static int check_two(const struct merge *m, struct cm_error *err)
{
	if (memcmp(m->from.contact.b, m->into.contact.b,
		   sizeof(m->from.contact.b)) == 0)
		return cm_fail(err, CM_EUSAGE, "these are one address already");
	return CM_OK;
}

static int find_both(struct merge *m, const struct cm_args *args,
		     struct cm_error *err)
{
	int rc;

	if (!cm_span_is(cm_span(cm_args_word(args, 1)), "into"))
		return cm_fail(err, CM_EUSAGE,
			       "usage: consentctl merge ADDR into ADDR");
	rc = find_known(m->ctl, cm_args_word(args, 0), &m->from, err);
	if (rc == CM_OK)
		rc = find_known(m->ctl, cm_args_word(args, 2), &m->into, err);
	return rc == CM_OK ? check_two(m, err) : rc;
}

/* The right address is new, as a rule; who was erased stays so. */
static int find_corrected(struct merge *m, const struct cm_args *args,
			  struct cm_error *err)
{
	const char *text = cm_args_get(args, "to");
	int rc = find_known(m->ctl, cm_args_word(args, 0), &m->from, err);

	if (rc == CM_OK)
		rc = cm_person_find(m->ctl, text, &m->into, err);
	if (rc == CM_OK && cm_person_known(&m->into))
		rc = find_known(m->ctl, text, &m->into, err);
	else
		m->new_address = text;
	return rc == CM_OK ? check_two(m, err) : rc;
}

static int plan(struct merge *m, struct cm_error *err)
{
	int rc = carry_marks(m, err);

	if (rc == CM_OK)
		rc = carry_withdrawals(m, err);
	if (rc == CM_OK)
		rc = retire(m, err);
	if (rc == CM_OK)
		rc = write_evidence(m->words->into, &m->into.contact, m->note,
				    &m->from_text, err);
	if (rc == CM_OK)
		rc = write_evidence(m->words->from, &m->from.contact, m->note,
				    &m->into_text, err);
	if (rc == CM_OK)
		set_evidence(m);
	return rc;
}

static int begin(struct cm_ctl *ctl, const struct words *words,
		 const struct cm_args *args, struct merge *m,
		 struct cm_error *err)
{
	*m = (struct merge){
		.ctl = ctl, .words = words, .note = cm_args_get(args, "note")};
	m->entries =
		cm_arena_array(ctl->arena, ENTRIES_MAX, sizeof(*m->entries));
	return m->entries != NULL ? CM_OK
				  : cm_fail(err, CM_ENOMEM, "out of memory");
}

static int finish(struct merge *m, bool dry_run, struct cm_error *err)
{
	uint64_t seq;
	int rc = plan(m, err);

	if (rc == CM_OK && !dry_run && m->count > 0)
		rc = cm_store_append(m->ctl->store, m->entries, m->count,
				     m->ctl->now, &seq, err);
	if (rc == CM_OK && m->ctl->json)
		rc = json_merge(m, dry_run, err);
	else if (rc == CM_OK)
		print_merge(m, dry_run);
	cm_buf_free(&m->from_text);
	cm_buf_free(&m->into_text);
	return rc;
}

int cm_cmd_merge(struct cm_ctl *ctl, const struct cm_args *args,
		 struct cm_error *err)
{
	struct merge m;
	int rc = begin(ctl, &merges, args, &m, err);

	if (rc == CM_OK)
		rc = find_both(&m, args, err);
	return rc == CM_OK ? finish(&m, cm_args_has(args, "dry-run"), err) : rc;
}

/* Who was given the wrong one has to be told (GDPR 19). */
static int follow_correction(struct merge *m, struct cm_error *err)
{
	struct cm_recipients recipients = {.n = 0};
	int rc = cm_recipients_add(m->ctl, &m->from.contact, &recipients, err);

	if (rc != CM_OK)
		return cm_error_prefix(err, "it is corrected, but who must be "
					    "told cannot be read: ");
	cm_request_fulfil(m->ctl, &m->from.contact, "correction");
	cm_recipients_print(&recipients,
			    m->ctl->json ? m->ctl->notes : m->ctl->out);
	return CM_OK;
}

int cm_cmd_correct(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	struct merge m;
	int rc = begin(ctl, &corrects, args, &m, err);

	if (rc == CM_OK)
		rc = find_corrected(&m, args, err);
	if (rc == CM_OK)
		rc = finish(&m, cm_args_has(args, "dry-run"), err);
	if (rc == CM_OK && !ctl->json)
		(void)fprintf(ctl->out,
			      "no consent moves: %s gets marketing only for "
			      "what was agreed to there\n",
			      m.into.address.canonical);
	if (rc == CM_OK && !cm_args_has(args, "dry-run"))
		rc = follow_correction(&m, err);
	return rc;
}
