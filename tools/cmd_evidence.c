/*
 * consentctl evidence: one folder for the judge.
 *
 * Who, when, how, the exact text shown, both steps of an opt-in, on whose
 * word, what followed; and the proofs.  What is not on record is said.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/enc.h"
#include "policy/config.h"
#include "policy/tlog.h"
#include "tools/disclose.h"
#include "tools/evidence.h"
#include "tools/export.h"
#include "tools/proof.h"

enum { TEXT_MAX = 64 * 1024 * 1024 }; /* a page on one person */

typedef unsigned long long ull;

bool cm_evidence_stamped(struct cm_ctl *ctl, const struct cm_signed_head *head)
{
	const char *path = cm_heads_path(
		ctl, cm_arena_printf(ctl->arena, CM_PROOF_NAME ".tsr",
				     (ull)head->checkpoint.size));

	return path != NULL && access(path, F_OK) == 0;
}

const char *cm_evidence_heading(const struct cm_event *event)
{
	static const char *const headings[CM_EVENT_TYPES] = {
		[CM_EVENT_REQUESTED] = "Asked for (first step of the opt-in)",
		[CM_EVENT_GRANTED] = "Consent given",
		[CM_EVENT_CONFIRMED] = "Confirmed (second step of the opt-in)",
		[CM_EVENT_WITHDRAWN] = "Consent withdrawn",
		[CM_EVENT_OBJECTED] = "Objection to all marketing",
		[CM_EVENT_COMPLAINED] = "Complaint of spam",
		[CM_EVENT_UNDELIVERABLE] = "Mailbox takes no mail",
		[CM_EVENT_RESTRICTED] = "Processing restricted",
		[CM_EVENT_CLEARED] = "Mark lifted",
		[CM_EVENT_ERASED] = "Data erased",
		[CM_EVENT_ASKED] = "Asked whether to go on",
		[CM_EVENT_CORRECTED] = "Import undone",
		[CM_EVENT_DISCLOSED] = "Data handed out",
		[CM_EVENT_REQUEST_OPENED] = "Request received",
		[CM_EVENT_REQUEST_EXTENDED] = "Time for a request extended",
		[CM_EVENT_REQUEST_CLOSED] = "Request answered",
	};

	if (cm_event_type_grants(event->type) && !cm_event_is_proven(event))
		return "Said to have consented, without proof: does not count";
	if (event->type == CM_EVENT_GRANTED &&
	    event->basis == CM_BASIS_SOFT_OPT_IN)
		return "Existing customer (soft opt-in)";
	if (cm_event_is_of_burst(event))
		return "Withdrawal undone: part of a burst, as by a scanner";
	if (cm_event_fact(event) == CM_FACT_TAKEN_BACK)
		return "Click taken back: withdrawal undone by the person";
	return headings[event->type];
}

/* ---- collecting --------------------------------------------------------- */

/* The first head that vouches for the event: the earliest proof of time. */
static const struct cm_signed_head *head_after(const struct cm_heads *heads,
					       uint64_t seq)
{
	size_t i;

	for (i = 0; i < heads->count; i++) {
		if (heads->heads[i].checkpoint.size > seq)
			return &heads->heads[i];
	}
	return NULL;
}

static int read_events(struct cm_evidence *e, struct cm_error *err)
{
	const struct cm_record_source source = {
		.config = e->ctl->config,
		.store = e->ctl->store,
		.arena = e->ctl->arena,
		.now = e->ctl->now,
	};
	struct cm_record_event *kept;
	size_t i;
	int rc = cm_record_events(&source, &e->person.contact, &kept, &e->count,
				  err);

	if (rc != CM_OK)
		return rc;
	e->events =
		cm_arena_array(e->ctl->arena, e->count + 1, sizeof(*e->events));
	if (e->events == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; i < e->count; i++)
		e->events[i].kept = &kept[i];
	return CM_OK;
}

static bool was_undone(const struct cm_evidence *e, size_t upto, size_t i)
{
	size_t k;

	for (k = 0; k <= upto; k++) {
		if (cm_event_undoes(&e->events[k].kept->event,
				    &e->events[i].kept->event))
			return true;
	}
	return false;
}

/* A view cannot forget: after an undo it is made anew, without what went. */
static int view_after(struct cm_evidence *e, size_t upto, struct cm_view *view)
{
	bool anew = e->events[upto].kept->event.type == CM_EVENT_CORRECTED;
	size_t i;
	int rc = CM_OK;

	if (anew)
		memset(view, 0, sizeof(*view));
	for (i = anew ? 0 : upto; rc == CM_OK && i <= upto; i++) {
		if (!was_undone(e, upto, i))
			rc = cm_view_apply(view, &e->events[i].kept->event,
					   e->events[i].kept->seq,
					   e->ctl->arena);
	}
	return rc;
}

/* What each event changed, purpose by purpose, at the time it was recorded;
 * of this address alone. */
static int follow_states(struct cm_evidence *e, struct cm_error *err)
{
	const struct cm_config *config = e->ctl->config;
	struct cm_decision *before = cm_arena_array(
		e->ctl->arena, config->npurposes + 1, sizeof(*before));
	struct cm_view view, settled, nobody;
	size_t i, p;

	if (before == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	memset(&view, 0, sizeof(view));
	memset(&nobody, 0, sizeof(nobody));
	for (p = 0; p < config->npurposes; p++)
		cm_decide_purpose(config, &config->purposes[p], &view, &nobody,
				  NULL, e->ctl->now, &before[p]);
	for (i = 0; i < e->count; i++) {
		struct cm_evidence_event *item = &e->events[i];

		item->states =
			cm_arena_array(e->ctl->arena, config->npurposes + 1,
				       sizeof(*item->states));
		if (item->states == NULL || view_after(e, i, &view) != CM_OK ||
		    cm_view_settle(&view, e->ctl->arena, &settled) != CM_OK)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		for (p = 0; p < config->npurposes; p++) {
			struct cm_evidence_state *state =
				&item->states[item->nstates];

			state->purpose = &config->purposes[p];
			cm_decide_purpose(config, state->purpose, &settled,
					  &nobody, NULL, item->kept->event.rec,
					  &state->decision);
			if (state->decision.reason == before[p].reason)
				continue;
			before[p] = state->decision;
			item->nstates++;
		}
	}
	return CM_OK;
}

/* Numbered as on the page. */
static void miss(struct cm_evidence *e, size_t i, const char *what)
{
	(void)cm_buf_addf(&e->missing, "No. %zu (event %llu): %s\n", i + 1,
			  (ull)e->events[i].kept->seq, what);
}

/* What a court would ask for and will not find, in plain words. */
static void find_missing(struct cm_evidence *e)
{
	size_t i;

	if (!e->has_heads)
		(void)cm_buf_addf(&e->missing,
				  "No signed head of the ledger: nothing but "
				  "the keeper's word says that these records "
				  "were not changed (%s).\n",
				  e->no_heads);
	for (i = 0; i < e->count; i++) {
		const struct cm_evidence_event *item = &e->events[i];
		const struct cm_event *event = &item->kept->event;
		bool asks = cm_event_type_asks(event->type);

		if (event->has_notice && item->kept->notice.n == 0)
			miss(e, i,
			     "a text was shown, of which only the hash is on "
			     "record.");
		if (asks && !event->has_notice)
			miss(e, i, "no record of the text shown.");
		if (asks && event->untimed)
			miss(e, i, "no record of when it happened.");
		if (asks && event->source[0] == '\0')
			miss(e, i, "no record of where it was given.");
		if (item->kept->evidence_erased)
			miss(e, i,
			     "what proved it was erased; that there was such "
			     "evidence is still on record.");
		else if (asks && !event->has_evidence)
			miss(e, i, "no evidence was kept besides the record.");
		if (e->has_heads && item->head == NULL)
			miss(e, i,
			     "recorded after the last signed head; not proven "
			     "yet.");
	}
	if (e->stop_pending > 0)
		(void)cm_buf_addf(&e->missing,
				  "%zu refusals, perhaps one of this person, "
				  "wait to be recorded; they are obeyed "
				  "already.\n",
				  e->stop_pending);
}

/* What was refused a moment ago belongs to the record, if it can be had. */
static int fold(struct cm_evidence *e, struct cm_error *err)
{
	struct cm_store_counts counts;
	size_t folded;
	int rc = cm_store_fold_stop(e->ctl->store, e->ctl->now, &folded, err);

	if (rc == CM_OK || rc == CM_EAGAIN)
		rc = cm_store_count(e->ctl->store, &counts, err);
	if (rc == CM_OK)
		e->stop_pending = counts.stop_pending;
	return rc;
}

static int read_heads(struct cm_evidence *e, struct cm_error *err)
{
	size_t i;
	int rc = cm_export_begin(e->ctl, &e->heads, err);

	e->has_heads = rc == CM_OK;
	if (rc == CM_EREFUSED) {
		e->no_heads = cm_arena_strdup(e->ctl->arena, err->text);
		return e->no_heads != NULL
			       ? CM_OK
			       : cm_fail(err, CM_ENOMEM, "out of memory");
	}
	for (i = 0; rc == CM_OK && i < e->count; i++)
		e->events[i].head =
			head_after(&e->heads, e->events[i].kept->seq);
	return rc;
}

int cm_evidence_collect(struct cm_evidence *e, const char *address,
			struct cm_error *err)
{
	int rc = fold(e, err);

	if (rc == CM_OK)
		rc = cm_person_find(e->ctl, address, &e->person, err);
	if (rc == CM_OK)
		rc = cm_person_standings(e->ctl, &e->person, &e->standings,
					 err);
	if (rc == CM_OK)
		rc = read_events(e, err);
	if (rc == CM_OK && e->count == 0)
		rc = cm_fail(err, CM_ENOTFOUND,
			     "nothing is on record for %s; nothing was written",
			     e->person.address.canonical);
	if (rc == CM_OK)
		rc = read_heads(e, err);
	if (rc == CM_OK)
		rc = follow_states(e, err);
	if (rc != CM_OK)
		return rc;
	e->who = cm_ctl_who(e->ctl);
	find_missing(e);
	return CM_OK;
}

/* ---- writing ------------------------------------------------------------ */

static int add(struct cm_evidence *e, struct cm_bundle *bundle,
	       const struct cm_evidence_event *item, const char *suffix,
	       struct cm_span text, struct cm_error *err)
{
	const char *name =
		cm_arena_printf(e->ctl->arena, "%s/" CM_PROOF_NAME "%s",
				item->head != NULL ? "events" : "unsigned",
				(ull)item->kept->seq, suffix);

	if (name == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return cm_bundle_add(bundle, name, text, err);
}

static int add_place(struct cm_evidence *e, struct cm_bundle *bundle,
		     const struct cm_evidence_event *item,
		     struct cm_store_reader *reader, struct cm_error *err)
{
	struct cm_tlog_inclusion proof = {.index = item->kept->seq,
					  .checkpoint = item->head->note};
	struct cm_buf text;
	int rc = cm_store_inclusion(reader, item->head->checkpoint.size,
				    item->kept->seq, &proof.path, err);

	if (rc != CM_OK)
		return rc;
	cm_buf_init(&text, CM_TLOG_MAX);
	rc = cm_tlog_print_inclusion(&proof, &text);
	rc = rc == CM_OK ? add(e, bundle, item, ".tlog-proof",
			       cm_span_n(text.data, text.len), err)
			 : cm_fail(err, rc, "no room for a proof");
	cm_buf_free(&text);
	return rc;
}

/* Texts are named by their hash; several events may show the same. */
static int add_notice(struct cm_evidence *e, struct cm_bundle *bundle, size_t i,
		      struct cm_error *err)
{
	const struct cm_evidence_event *item = &e->events[i];
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1];
	const char *name;
	size_t j;

	if (item->kept->notice.n == 0)
		return CM_OK;
	for (j = 0; j < i; j++) {
		if (e->events[j].kept->notice.n > 0 &&
		    memcmp(&e->events[j].kept->event.notice,
			   &item->kept->event.notice,
			   sizeof(item->kept->event.notice)) == 0)
			return CM_OK;
	}
	(void)cm_hex_encode(item->kept->event.notice.b, CM_HASH_LEN, hex);
	name = cm_arena_printf(e->ctl->arena, "notices/%s.txt", hex);
	if (name == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return cm_bundle_add(bundle, name, item->kept->notice, err);
}

static int add_event(struct cm_evidence *e, struct cm_bundle *bundle, size_t i,
		     struct cm_store_reader *reader, struct cm_error *err)
{
	const struct cm_evidence_event *item = &e->events[i];
	int rc = add(e, bundle, item, ".json", item->kept->json, err);

	if (rc == CM_OK && item->head != NULL)
		rc = add_place(e, bundle, item, reader, err);
	if (rc == CM_OK && item->kept->salted.n > 0)
		rc = add(e, bundle, item, ".opening", item->kept->salted, err);
	return rc == CM_OK ? add_notice(e, bundle, i, err) : rc;
}

/* The heads that events rest on, and the newest. */
static bool needed(const struct cm_evidence *e, size_t head)
{
	size_t i;

	for (i = 0; i < e->count; i++) {
		if (e->events[i].head == &e->heads.heads[head])
			return true;
	}
	return head + 1 == e->heads.count;
}

static int add_proofs(struct cm_evidence *e, struct cm_bundle *bundle,
		      struct cm_error *err)
{
	struct cm_ctl *ctl = e->ctl;
	struct cm_store_reader *reader = NULL;
	size_t i;
	int rc = cm_store_read_begin(ctl->store, ctl->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	if (e->has_heads)
		rc = cm_export_key(ctl, bundle, &e->heads, err);
	for (i = 0; rc == CM_OK && i < e->heads.count; i++) {
		if (needed(e, i))
			rc = cm_export_head(ctl, bundle, &e->heads, i, reader,
					    err);
	}
	for (i = 0; rc == CM_OK && i < e->count; i++)
		rc = add_event(e, bundle, i, reader, err);
	cm_store_read_end(&reader);
	return rc;
}

typedef void print_fn(const struct cm_evidence *evidence, struct cm_buf *out);

static int add_text(struct cm_evidence *e, struct cm_bundle *bundle,
		    const char *name, print_fn *print, struct cm_error *err)
{
	struct cm_buf text;
	int rc;

	cm_buf_init(&text, TEXT_MAX);
	print(e, &text);
	rc = cm_bundle_add_printed(bundle, name, &text, err);
	cm_buf_free(&text);
	return rc;
}

static int write_all(struct cm_evidence *e, const char *path,
		     const struct cm_disclosure *disclosure,
		     struct cm_error *err)
{
	const struct cm_subject who = {e->person.contact, e->person.family};
	struct cm_bundle *bundle = NULL;
	int rc = cm_bundle_begin(path, e->ctl->arena, &bundle, err);

	if (rc == CM_OK)
		rc = add_proofs(e, bundle, err);
	if (rc == CM_OK)
		rc = add_text(e, bundle, "index.html", cm_evidence_page, err);
	if (rc == CM_OK)
		rc = add_text(e, bundle, "README.txt", cm_evidence_readme, err);
	if (rc == CM_OK)
		rc = add_text(e, bundle, "record.json", cm_evidence_json, err);
	if (rc == CM_OK)
		rc = cm_bundle_add(bundle, "check.sh",
				   cm_span(cm_evidence_script), err);
	if (rc == CM_OK)
		rc = cm_disclosure_record(e->ctl, disclosure, &who, 1, err);
	if (rc == CM_OK)
		rc = cm_bundle_finish(bundle, err);
	cm_bundle_end(bundle);
	return rc;
}

int cm_cmd_evidence(struct cm_ctl *ctl, const struct cm_args *args,
		    struct cm_error *err)
{
	struct cm_evidence e = {.ctl = ctl};
	const char *path = cm_args_get(args, "output");
	struct cm_disclosure disclosure = {.kind = "evidence",
					   .to = "not named"};
	int rc = cm_disclosure_read(args, &disclosure, err);

	if (rc != CM_OK)
		return rc;
	cm_buf_init(&e.missing, TEXT_MAX);
	rc = cm_evidence_collect(&e, cm_args_word(args, 0), err);
	if (rc == CM_OK)
		rc = write_all(&e, path, &disclosure, err);
	if (rc == CM_OK) {
		cm_out_plural(ctl->out, e.count, "event");
		(void)fprintf(ctl->out, " of %s written to %s\n",
			      e.person.address.canonical, path);
		if (e.missing.len > 0)
			(void)fprintf(ctl->out, "missing:\n%s",
				      cm_buf_text(&e.missing));
		(void)fprintf(ctl->out,
			      "read %s/index.html; check with README.txt\n",
			      path);
		if (disclosure.reason == NULL)
			(void)fputs("note: who gets it was not said (--to WHO "
				    "--reason TEXT), so an erasure cannot "
				    "name them\n",
				    ctl->notes);
	}
	cm_buf_free(&e.missing);
	return rc;
}
