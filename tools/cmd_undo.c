/*
 * consentctl batches, undo: which lists were taken in, and to take one back.
 *
 * Undoing writes one corrected event a contact; the batch's rows stay in the
 * ledger and count no more (cm_event_undoes()).  Whoever acted since is left
 * alone: what they said rests on what they were told.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tools/ctl_person.h"
#include "tools/ledger_scan.h"
#include "tools/undo.h"

enum {
	BATCHES_MAX = 100000,  /* one a night for 270 years */
	WRITE_PROGRESS = 4096, /* contacts between looks at the clock */
	LATER_NAMED = 4,       /* of the lists taken in since */
};

/* ---- a batch's people --------------------------------------------------- */

/* An event of the batch; what is known of its contact stands in the first. */
struct said {
	struct cm_id contact;
	struct cm_id family;
	uint8_t type;
	bool back;   /* the correction takes it back */
	bool later;  /* of the contact: somebody acted since */
	bool undone; /* ditto: a corrected event is there already */
};

struct undo {
	struct cm_ctl *ctl;
	bool dry_run;               /* --dry-run, or no --yes */
	bool checked;               /* --checked */
	struct cm_event correction; /* as written, but for the contact */
	struct said *said;          /* malloc'ed; by contact once sorted */
	size_t count;
	size_t room;
	bool sorted;
	int64_t undone_at;
	char undone_by[CM_WHO_MAX + 1];
	/* Of the batch's events: taken back, and not. */
	uint64_t back[CM_EVENT_TYPES];
	uint64_t stay[CM_EVENT_TYPES];
	uint64_t people;
	uint64_t left; /* people who acted since */
	uint64_t write;
	/* Lists taken in since; the newest of them by name. */
	char later[LATER_NAMED][CM_BATCH_MAX + 1];
	size_t nlater;
};

static int compare_contacts(const void *a, const void *b)
{
	const struct said *x = a;
	const struct said *y = b;

	return memcmp(x->contact.b, y->contact.b, sizeof(x->contact.b));
}

static void sort_said(struct undo *undo)
{
	if (!undo->sorted && undo->count > 1)
		qsort(undo->said, undo->count, sizeof(*undo->said),
		      compare_contacts);
	undo->sorted = true;
}

static int add_said(struct undo *undo, const struct cm_event *event,
		    struct cm_error *err)
{
	enum { FIRST = 1024 };

	if (undo->count == undo->room) {
		size_t room = undo->room > 0 ? undo->room * 2 : FIRST;
		struct said *said = realloc(undo->said, room * sizeof(*said));

		if (said == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		undo->said = said;
		undo->room = room;
	}
	undo->said[undo->count++] = (struct said){
		.contact = event->contact,
		.family = event->family,
		.type = (uint8_t)event->type,
		.back = cm_event_undoes(&undo->correction, event),
	};
	return CM_OK;
}

/* The first of what the batch said of a contact; NULL if it said nothing. */
static struct said *find_contact(struct undo *undo, const struct cm_id *contact)
{
	const struct said key = {.contact = *contact};
	struct said *found;

	sort_said(undo);
	found = bsearch(&key, undo->said, undo->count, sizeof(key),
			compare_contacts);
	while (found != NULL && found > undo->said &&
	       compare_contacts(found - 1, &key) == 0)
		found--;
	return found;
}

bool cm_undo_is_an_act(const struct cm_event *event)
{
	return event->actor != CM_ACTOR_IMPORT &&
	       event->type != CM_EVENT_ASKED &&
	       event->type != CM_EVENT_CORRECTED &&
	       !cm_event_type_is_remark(event->type);
}

static bool is_of_batch(const struct undo *undo, const struct cm_event *event)
{
	return strcmp(event->batch, undo->correction.batch) == 0;
}

/* Whoever took all back took the lesser part back, too. */
static bool is_undone_by(const struct undo *undo, const struct cm_event *event)
{
	return event->type == CM_EVENT_CORRECTED && is_of_batch(undo, event) &&
	       (undo->correction.mark != CM_EVENT_WITHDRAWN ||
		event->mark == CM_EVENT_WITHDRAWN);
}

static void note_later(struct undo *undo, const struct cm_event *event)
{
	char *name = undo->later[undo->nlater % LATER_NAMED];
	size_t last = undo->nlater + LATER_NAMED - 1;

	if (undo->count == 0 || event->actor != CM_ACTOR_IMPORT ||
	    (undo->nlater > 0 &&
	     strcmp(undo->later[last % LATER_NAMED], event->batch) == 0))
		return;
	(void)snprintf(name, sizeof(undo->later[0]), "%s", event->batch);
	undo->nlater++;
}

/* A batch is one transaction: its events stand side by side. */
static int look(void *ctx, const struct cm_event *event, uint64_t seq,
		struct cm_error *err)
{
	struct undo *undo = ctx;
	struct said *first;

	(void)seq;
	if (event->actor == CM_ACTOR_IMPORT && is_of_batch(undo, event))
		return add_said(undo, event, err);
	note_later(undo, event);
	if (undo->count == 0 ||
	    (first = find_contact(undo, &event->contact)) == NULL)
		return CM_OK;
	if (cm_undo_is_an_act(event))
		first->later = true;
	if (is_undone_by(undo, event)) {
		first->undone = true;
		undo->undone_at = event->at;
		(void)snprintf(undo->undone_by, sizeof(undo->undone_by), "%s",
			       event->who);
	}
	return CM_OK;
}

/* How many events of the batch are the contact's that starts here. */
static size_t contact_at(const struct undo *undo, size_t at, bool *ret_any)
{
	size_t n = 0;

	*ret_any = false;
	do {
		*ret_any = *ret_any || undo->said[at + n].back;
		n++;
	} while (at + n < undo->count &&
		 compare_contacts(&undo->said[at], &undo->said[at + n]) == 0);
	return n;
}

static bool is_written(const struct said *first, bool any)
{
	return any && !first->later && !first->undone;
}

static void count_people(struct undo *undo)
{
	size_t at, n, i;
	bool any;

	sort_said(undo);
	for (at = 0; at < undo->count; at += n) {
		const struct said *first = &undo->said[at];

		n = contact_at(undo, at, &any);
		undo->people++;
		undo->left += any && first->later;
		undo->write += is_written(first, any);
		for (i = 0; i < n; i++) {
			if (!first[i].back)
				undo->stay[first[i].type]++;
			else if (is_written(first, any))
				undo->back[first[i].type]++;
		}
	}
}

/* ---- the report --------------------------------------------------------- */

static void print_types(FILE *out, const uint64_t counts[CM_EVENT_TYPES],
			const char *lead, const char *remark)
{
	char count[CM_COUNT_LEN];
	size_t i;

	for (i = 0; i < CM_EVENT_TYPES; i++) {
		if (counts[i] > 0)
			(void)fprintf(out, "  %-10s %12s  %s%s\n", lead,
				      cm_out_count(counts[i], count),
				      cm_event_type_name((enum cm_event_type)i),
				      remark);
	}
}

static void print_undo(const struct undo *undo)
{
	FILE *out = undo->ctl->out;
	char count[CM_COUNT_LEN];

	(void)fprintf(out, "batch %s: ", undo->correction.batch);
	(void)fprintf(out, "%s different people\n",
		      cm_out_count(undo->people, count));
	print_types(out, undo->back, "taken back", "");
	print_types(out, undo->stay, "stays",
		    undo->correction.mark == CM_EVENT_WITHDRAWN
			    ? ": only the person can lift it"
			    : " (withdrawn and undeliverable go with "
			      "--refusals)");
	if (undo->left > 0)
		(void)fprintf(out,
			      "  %-10s %12s  people who did something since\n",
			      "left alone", cm_out_count(undo->left, count));
	if (undo->dry_run)
		(void)fputs("dry run: nothing was written; ", out);
	cm_out_plural(out, undo->write, "corrected event");
	(void)fputs(undo->dry_run ? " would be\n" : " written\n", out);
}

static void json_types(struct cm_json_writer *w, const char *name,
		       const uint64_t counts[CM_EVENT_TYPES])
{
	size_t i;

	cm_json_name(w, name);
	cm_json_begin_object(w);
	for (i = 0; i < CM_EVENT_TYPES; i++) {
		if (counts[i] > 0)
			cm_json_put_int(
				w, cm_event_type_name((enum cm_event_type)i),
				(int64_t)counts[i]);
	}
	cm_json_end(w);
}

static int json_undo(const struct undo *undo, struct cm_error *err)
{
	struct cm_out_json json;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "batch", undo->correction.batch);
	cm_json_put_bool(&json.w, "dry_run", undo->dry_run);
	cm_json_put_int(&json.w, "people", (int64_t)undo->people);
	cm_json_put_int(&json.w, "events", (int64_t)undo->write);
	cm_json_put_int(&json.w, "left_alone", (int64_t)undo->left);
	json_types(&json.w, "taken_back", undo->back);
	json_types(&json.w, "stays", undo->stay);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, undo->ctl->out, err);
}

/* ---- writing ------------------------------------------------------------ */

static int add_corrections(const struct undo *undo, struct cm_span note,
			   struct cm_store_batch *batch, struct cm_error *err)
{
	struct cm_store_entry entry = {.event = undo->correction,
				       .evidence = note};
	struct cm_progress progress;
	uint64_t written = 0;
	size_t at, n;
	bool any;
	int rc = CM_OK;

	cm_progress_init(&progress, undo->ctl->notes);
	progress.what = "preparing";
	for (at = 0; rc == CM_OK && at < undo->count; at += n) {
		n = contact_at(undo, at, &any);
		if (!is_written(&undo->said[at], any))
			continue;
		entry.event.contact = undo->said[at].contact;
		entry.event.family = undo->said[at].family;
		rc = cm_store_batch_add(batch, &entry, err);
		if (++written % WRITE_PROGRESS == 0)
			cm_progress_show(&progress, written, undo->write);
	}
	cm_progress_say(&progress, "writing");
	if (rc == CM_OK) {
		uint64_t seq;

		rc = cm_store_batch_commit(batch, undo->ctl->now, &seq, err);
	}
	cm_progress_end(&progress);
	return rc;
}

static int write_undo(const struct undo *undo, const char *note,
		      struct cm_error *err)
{
	struct cm_store_batch *batch = NULL;
	struct cm_buf text;
	int rc;

	cm_buf_init(&text, CM_REMARKS_ROOM);
	rc = cm_ctl_remark("note", note, &text, err);
	if (rc == CM_OK)
		rc = cm_store_batch_begin(undo->ctl->store, &batch, err);
	if (rc == CM_OK)
		rc = add_corrections(undo,
				     cm_span_n(cm_buf_text(&text), text.len),
				     batch, err);
	cm_store_batch_free(&batch);
	cm_buf_free(&text);
	return rc;
}

/* ---- undo --------------------------------------------------------------- */

static int read_undo(struct undo *undo, const struct cm_args *args,
		     struct cm_error *err)
{
	struct cm_event *event = &undo->correction;
	const char *batch = cm_args_word(args, 0);

	if (cm_args_has(args, "refusals") && !cm_args_has(args, "note"))
		return cm_fail(err, CM_EUSAGE,
			       "--refusals makes people who were out get mail "
			       "again: say why, with --note TEXT");
	if (strlen(batch) > CM_BATCH_MAX || batch[0] == '\0')
		return cm_fail(err, CM_EUSAGE,
			       "\"%.64s\" is not the name of a batch "
			       "(consentctl batches lists them)",
			       batch);
	undo->dry_run =
		cm_args_has(args, "dry-run") || !cm_args_has(args, "yes");
	undo->checked = cm_args_has(args, "checked");
	event->type = CM_EVENT_CORRECTED;
	event->actor = CM_ACTOR_ADMIN;
	event->at = undo->ctl->now;
	if (cm_args_has(args, "refusals"))
		event->mark = CM_EVENT_WITHDRAWN;
	(void)snprintf(event->batch, sizeof(event->batch), "%s", batch);
	(void)snprintf(event->channel, sizeof(event->channel), "cli");
	(void)snprintf(event->who, sizeof(event->who), "%s",
		       cm_ctl_who(undo->ctl));
	return CM_OK;
}

static bool lifts_refusals(const struct undo *undo)
{
	return undo->back[CM_EVENT_WITHDRAWN] +
		       undo->back[CM_EVENT_UNDELIVERABLE] >
	       0;
}

/*
 * A row that only repeats an opt-out on record is not written, so the ledger
 * cannot tell who stands on another list, too: the admin has to.
 */
static int ask_for_lists(const struct undo *undo, struct cm_error *err)
{
	char names[LATER_NAMED * (CM_BATCH_MAX + 3) + 64] = "";
	size_t shown = undo->nlater < LATER_NAMED ? undo->nlater : LATER_NAMED;
	size_t i, used = 0;

	for (i = 0; i < shown; i++) {
		size_t at = undo->nlater - 1 - i;

		(void)snprintf(names + used, sizeof(names) - used, "%s%s",
			       i == 0 ? "; imported since: " : ", ",
			       undo->later[at % LATER_NAMED]);
		used = strlen(names);
	}
	if (undo->nlater > shown)
		(void)snprintf(names + used, sizeof(names) - used,
			       " and %zu before", undo->nlater - shown);
	return cm_fail(err, CM_EREFUSED,
		       "other lists may say the same of these people, and a "
		       "row that only repeats an opt-out is not written: first "
		       "take in the lists that still hold with import "
		       "--repeat, then say --checked, too%s",
		       names);
}

static int check_undo(const struct undo *undo, struct cm_error *err)
{
	const char *batch = undo->correction.batch;
	char at[CM_CLOCK_TEXT];

	if (undo->count == 0)
		return cm_fail(err, CM_ENOTFOUND,
			       "no event is of a batch \"%s\" (consentctl "
			       "batches lists them)",
			       batch);
	if (undo->write > 0)
		return CM_OK;
	if (undo->undone_at != 0)
		return cm_fail(err, CM_EREFUSED,
			       "batch %s was undone already, by %s on %s",
			       batch, undo->undone_by,
			       cm_clock_format(undo->undone_at, at));
	return CM_OK;
}

int cm_undo_end(const struct cm_args *args, bool dry_run, uint64_t events,
		struct cm_error *err)
{
	if (events == 0)
		return CM_EREFUSED;
	if (dry_run && !cm_args_has(args, "dry-run"))
		return cm_fail(err, CM_EREFUSED,
			       "nothing was written; to do it, say it again "
			       "with --yes");
	return CM_OK;
}

static int finish_undo(struct undo *undo, const struct cm_args *args,
		       struct cm_error *err)
{
	struct cm_error ask = {0};
	int rc = check_undo(undo, err);

	if (rc == CM_OK && lifts_refusals(undo) && !undo->checked)
		(void)ask_for_lists(undo, &ask);
	if (rc == CM_OK && ask.code != CM_OK && !undo->dry_run)
		rc = cm_fail(err, ask.code, "nothing was written: %s",
			     ask.text);
	if (rc == CM_OK && !undo->dry_run && undo->write > 0)
		rc = write_undo(undo, cm_args_get(args, "note"), err);
	if (rc != CM_OK)
		return rc;
	if (undo->ctl->json)
		rc = json_undo(undo, err);
	else
		print_undo(undo);
	if (rc != CM_OK)
		return rc;
	if (!undo->dry_run && undo->write > 0)
		(void)fputs("note: a row that only repeated this list was "
			    "never written: import lists that hold once "
			    "more\n",
			    undo->ctl->notes);
	if (undo->dry_run && ask.code != CM_OK)
		(void)fprintf(undo->ctl->notes, "note: %s\n", ask.text);
	return cm_undo_end(args, undo->dry_run, undo->write, err);
}

int cm_cmd_undo(struct cm_ctl *ctl, const struct cm_args *args,
		struct cm_error *err)
{
	struct undo *undo;
	int rc;

	if (cm_args_has(args, "burst") != (cm_args_count(args) == 0))
		return cm_fail(err, CM_EUSAGE,
			       "usage: consentctl undo BATCH, or undo --burst "
			       "ID (consentctl batches and bursts list them)");
	if (cm_args_has(args, "burst"))
		return cm_undo_burst(ctl, args, err);
	undo = calloc(1, sizeof(*undo));
	if (undo == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	undo->ctl = ctl;
	rc = read_undo(undo, args, err);
	if (rc == CM_OK)
		rc = cm_ctl_open(
			ctl, undo->dry_run ? CM_CTL_READ : CM_CTL_WRITE, err);
	if (rc == CM_OK)
		rc = cm_ledger_scan(ctl, look, undo, err);
	if (rc == CM_OK) {
		count_people(undo);
		rc = finish_undo(undo, args, err);
	}
	free(undo->said);
	free(undo);
	return rc;
}

/* ---- batches ------------------------------------------------------------ */

struct batch {
	char name[CM_BATCH_MAX + 1];
	char who[CM_WHO_MAX + 1];
	int64_t at;
	uint64_t first_seq;
	uint64_t events;
	uint64_t corrected;
};

struct batches {
	struct batch *list; /* malloc'ed, as they came */
	size_t count;
	size_t room;
};

/* The newest are asked for most. */
static struct batch *find_batch(const struct batches *batches, const char *name)
{
	size_t i;

	for (i = batches->count; i > 0; i--) {
		if (strcmp(batches->list[i - 1].name, name) == 0)
			return &batches->list[i - 1];
	}
	return NULL;
}

static struct batch *new_batch(struct batches *batches,
			       const struct cm_event *event, uint64_t seq)
{
	enum { FIRST = 64 };
	struct batch *batch;

	if (batches->count == BATCHES_MAX)
		return NULL;
	if (batches->count == batches->room) {
		size_t room = batches->room > 0 ? batches->room * 2 : FIRST;
		struct batch *list =
			realloc(batches->list, room * sizeof(*list));

		if (list == NULL)
			return NULL;
		batches->list = list;
		batches->room = room;
	}
	batch = &batches->list[batches->count++];
	*batch = (struct batch){.at = event->rec, .first_seq = seq};
	(void)snprintf(batch->name, sizeof(batch->name), "%s", event->batch);
	(void)snprintf(batch->who, sizeof(batch->who), "%s", event->who);
	return batch;
}

static int count_batch(void *ctx, const struct cm_event *event, uint64_t seq,
		       struct cm_error *err)
{
	struct batches *batches = ctx;
	struct batch *batch;

	/* The person's own are clicks that they took back; a burst's, too. */
	if (event->batch[0] == '\0' || event->type == CM_EVENT_DISCLOSED ||
	    event->actor == CM_ACTOR_PERSON || cm_event_is_of_burst(event))
		return CM_OK;
	batch = find_batch(batches, event->batch);
	if (batch == NULL)
		batch = new_batch(batches, event, seq);
	if (batch == NULL)
		return cm_fail(err, CM_ENOMEM, "too many batches to list");
	if (event->type == CM_EVENT_CORRECTED)
		batch->corrected++;
	else
		batch->events++;
	return CM_OK;
}

/* What stands in private beside the first row: file, hash, who answers. */
static struct cm_json *read_origin(struct cm_ctl *ctl,
				   const struct batch *batch)
{
	struct cm_json *json = NULL;
	struct cm_span text;

	if (cm_store_evidence(ctl->store, batch->first_seq, ctl->arena, &text,
			      NULL) != CM_OK ||
	    cm_json_read(text, text.n, &json, NULL) != CM_OK)
		return NULL;
	return json;
}

static struct cm_span origin(const struct cm_json *json, const char *name)
{
	if (json == NULL)
		return cm_span("");
	return cm_json_text(cm_json_member(cm_json_root(json), name));
}

static void print_batch(struct cm_ctl *ctl, const struct batch *batch,
			const struct cm_json *from)
{
	char count[CM_COUNT_LEN];
	char at[CM_CLOCK_TEXT];
	char quoted[CM_QUOTE_LEN];

	(void)fprintf(ctl->out, "%s  %s  %s events by %s\n", batch->name,
		      cm_clock_format(batch->at, at),
		      cm_out_count(batch->events, count), batch->who);
	if (from != NULL)
		(void)fprintf(ctl->out, "    file %s",
			      cm_quote(origin(from, "file"), quoted));
	if (origin(from, "attested_by").n > 0)
		(void)fprintf(ctl->out, ", %s answers for it",
			      cm_quote(origin(from, "attested_by"), quoted));
	if (from != NULL)
		(void)fprintf(ctl->out, "\n    SHA-256 %s\n",
			      cm_quote(origin(from, "sha256"), quoted));
	if (batch->corrected > 0)
		(void)fprintf(ctl->out, "    undone for %s people\n",
			      cm_out_count(batch->corrected, count));
}

static void json_batch(struct cm_json_writer *w, const struct batch *batch,
		       const struct cm_json *from)
{
	cm_json_begin_object(w);
	cm_json_put_text(w, "batch", batch->name);
	cm_json_put_time(w, "at", batch->at);
	cm_json_put_text(w, "who", batch->who);
	cm_json_put_int(w, "events", (int64_t)batch->events);
	cm_json_put_int(w, "undone", (int64_t)batch->corrected);
	cm_json_put_span(w, "file", origin(from, "file"));
	cm_json_put_span(w, "sha256", origin(from, "sha256"));
	cm_json_put_span(w, "attested_by", origin(from, "attested_by"));
	cm_json_end(w);
}

static int list_batches(struct cm_ctl *ctl, const struct batches *batches,
			struct cm_error *err)
{
	struct cm_out_json json;
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_array(&json.w);
	for (i = 0; i < batches->count; i++) {
		struct cm_json *from = read_origin(ctl, &batches->list[i]);

		if (ctl->json)
			json_batch(&json.w, &batches->list[i], from);
		else
			print_batch(ctl, &batches->list[i], from);
		cm_json_free(&from);
	}
	cm_json_end(&json.w);
	if (ctl->json)
		return cm_out_json_end(&json, ctl->out, err);
	cm_buf_free(&json.buf);
	return CM_OK;
}

int cm_cmd_batches(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	struct batches batches = {0};
	int rc = cm_ledger_scan(ctl, count_batch, &batches, err);

	(void)args;
	if (rc == CM_OK && batches.count == 0 && !ctl->json)
		rc = cm_fail(err, CM_ENOTFOUND, "no list was imported yet");
	if (rc == CM_OK)
		rc = list_batches(ctl, &batches, err);
	if (rc == CM_OK && batches.count == 0)
		rc = CM_ENOTFOUND;
	free(batches.list);
	return rc;
}
