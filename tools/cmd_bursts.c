/*
 * consentctl bursts, undo --burst: many who left at once, and to take that
 * back where it was a scanner.
 *
 * One corrected event a click names that click, and takes back nothing else
 * (cm_event_undoes()).  So what the person said otherwise stays: objections,
 * complaints, withdrawals by any other way.  Whoever did anything since is
 * left alone altogether.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/config.h"
#include "policy/store.h"
#include "tools/burst_scan.h"
#include "tools/ctl_person.h"
#include "tools/undo.h"

enum {
	BURSTS_DAYS = 30,      /* without --since */
	PURPOSES_SHOWN = 16,   /* of one burst; it has one or two */
	WRITE_PROGRESS = 4096, /* clicks between looks at the clock */
};

/* ---- what a burst is ---------------------------------------------------- */

struct count {
	const char *name;
	uint64_t n;
};

struct summary {
	const struct cm_burst_click *first, *last;
	struct count channels[2];
	struct count purposes[PURPOSES_SHOWN];
	uint64_t undone;
	int64_t undone_at;
	const char *undone_by;
};

static void count_name(struct count *counts, size_t room, const char *name)
{
	size_t i;

	for (i = 0; i < room; i++) {
		if (counts[i].name != NULL && strcmp(counts[i].name, name) != 0)
			continue;
		counts[i].name = name;
		counts[i].n++;
		return;
	}
}

static void sum_up(const struct cm_burst_scan *scan,
		   const struct cm_burst *burst, struct summary *sum)
{
	size_t i;

	memset(sum, 0, sizeof(*sum));
	sum->first = &scan->clicks[burst->first];
	sum->last = sum->first + burst->count - 1;
	for (i = 0; i < burst->count; i++) {
		const struct cm_burst_item *item =
			cm_burst_item(scan, burst, i);

		count_name(sum->channels, 2, item->channel);
		count_name(sum->purposes, PURPOSES_SHOWN, item->purpose);
		if (item->undone_at == 0)
			continue;
		sum->undone++;
		sum->undone_at = item->undone_at;
		sum->undone_by = item->undone_by;
	}
}

/* ---- bursts ------------------------------------------------------------- */

static void print_counts(FILE *out, const struct count *counts, size_t room)
{
	char text[CM_COUNT_LEN];
	size_t i;

	for (i = 0; i < room && counts[i].name != NULL; i++)
		(void)fprintf(out, "%s%s %s", i > 0 ? ", " : "",
			      cm_out_count(counts[i].n, text), counts[i].name);
	(void)fputc('\n', out);
}

static void print_burst(FILE *out, const struct cm_burst *burst,
			const struct summary *sum)
{
	char from[CM_CLOCK_TEXT], until[CM_CLOCK_TEXT], text[CM_COUNT_LEN];

	(void)fprintf(out, "%s  %s %s\n    %s different people, %s to %s\n    ",
		      burst->id, cm_burst_kind_name(sum->first->kind),
		      sum->first->of, cm_out_count(burst->people, text),
		      cm_clock_format(sum->first->at, from),
		      cm_clock_format(sum->last->at, until));
	print_counts(out, sum->channels, 2);
	(void)fputs("    ", out);
	print_counts(out, sum->purposes, PURPOSES_SHOWN);
	if (sum->undone > 0)
		(void)fprintf(out, "    %s taken back by %s on %s\n",
			      cm_out_count(sum->undone, text), sum->undone_by,
			      cm_clock_format(sum->undone_at, from));
}

static void json_counts(struct cm_json_writer *w, const char *name,
			const struct count *counts, size_t room)
{
	size_t i;

	cm_json_name(w, name);
	cm_json_begin_object(w);
	for (i = 0; i < room && counts[i].name != NULL; i++)
		cm_json_put_int(w, counts[i].name, (int64_t)counts[i].n);
	cm_json_end(w);
}

static void json_burst(struct cm_json_writer *w, const struct cm_burst *burst,
		       const struct summary *sum)
{
	cm_json_begin_object(w);
	cm_json_put_text(w, "burst", burst->id);
	cm_json_put_text(w, "of", cm_burst_kind_name(sum->first->kind));
	cm_json_put_text(w, "place", sum->first->of);
	cm_json_put_int(w, "people", (int64_t)burst->people);
	cm_json_put_int(w, "withdrawals", (int64_t)burst->count);
	cm_json_put_time(w, "first", sum->first->at);
	cm_json_put_time(w, "last", sum->last->at);
	json_counts(w, "channels", sum->channels, 2);
	json_counts(w, "purposes", sum->purposes, PURPOSES_SHOWN);
	cm_json_put_int(w, "undone", (int64_t)sum->undone);
	cm_json_end(w);
}

static int list_bursts(struct cm_ctl *ctl, const struct cm_burst_scan *scan,
		       struct cm_error *err)
{
	struct cm_out_json json;
	struct summary sum;
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_array(&json.w);
	for (i = 0; i < scan->nbursts; i++) {
		sum_up(scan, &scan->bursts[i], &sum);
		if (ctl->json)
			json_burst(&json.w, &scan->bursts[i], &sum);
		else
			print_burst(ctl->out, &scan->bursts[i], &sum);
	}
	cm_json_end(&json.w);
	if (ctl->json)
		return cm_out_json_end(&json, ctl->out, err);
	cm_buf_free(&json.buf);
	return CM_OK;
}

static int check_rule(const struct cm_ctl *ctl, struct cm_error *err)
{
	if (ctl->config->web_burst_people > 0)
		return CM_OK;
	return cm_fail(err, CM_ECONFIG,
		       "web.burst-people is 0, so nothing is a burst: say how "
		       "many people are one");
}

static int read_since(const struct cm_ctl *ctl, const struct cm_args *args,
		      int64_t *ret_since, struct cm_error *err)
{
	*ret_since = ctl->now - BURSTS_DAYS * CM_DAY_MS;
	return cm_ctl_time(args, "since", ret_since, err);
}

int cm_cmd_bursts(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	struct cm_burst_scan scan = {0};
	char since[CM_CLOCK_TEXT];
	int rc = check_rule(ctl, err);

	if (rc == CM_OK)
		rc = read_since(ctl, args, &scan.since, err);
	if (rc == CM_OK)
		rc = cm_burst_scan(ctl, &scan, err);
	if (rc == CM_OK && scan.nbursts == 0 && !ctl->json)
		rc = cm_fail(err, CM_ENOTFOUND,
			     "no burst of %u people within %u minutes since %s",
			     ctl->config->web_burst_people,
			     ctl->config->web_burst_minutes,
			     cm_clock_format(scan.since, since));
	if (rc == CM_OK)
		rc = list_bursts(ctl, &scan, err);
	if (rc == CM_OK && scan.nbursts == 0)
		rc = CM_ENOTFOUND;
	cm_burst_scan_free(&scan);
	return rc;
}

/* ---- undo --burst ------------------------------------------------------- */

struct undo {
	struct cm_ctl *ctl;
	struct cm_burst_scan scan;
	const struct cm_burst *burst;
	const char *note;
	bool dry_run;
	uint64_t write;  /* clicks that are taken back */
	uint64_t left;   /* whose people did something since */
	uint64_t before; /* taken back already */
};

static bool is_written(const struct undo *undo, size_t i)
{
	return cm_burst_item(&undo->scan, undo->burst, i)->undone_at == 0 &&
	       !cm_burst_acted_since(&undo->scan, undo->burst, i);
}

static void count_clicks(struct undo *undo)
{
	size_t i;

	for (i = 0; i < undo->burst->count; i++) {
		bool before =
			cm_burst_item(&undo->scan, undo->burst, i)->undone_at !=
			0;
		bool written = is_written(undo, i);

		undo->before += before;
		undo->write += written;
		undo->left += !before && !written;
	}
}

static int find_burst(struct undo *undo, const char *id, struct cm_error *err)
{
	size_t i;

	for (i = 0; i < undo->scan.nbursts; i++) {
		if (strcmp(undo->scan.bursts[i].id, id) != 0)
			continue;
		undo->burst = &undo->scan.bursts[i];
		return CM_OK;
	}
	return cm_fail(err, CM_ENOTFOUND,
		       "there is no burst \"%.64s\" by burst-people and "
		       "burst-minutes of today (consentctl bursts lists them; "
		       "older ones with --since)",
		       id);
}

static int make_evidence(const struct undo *undo, struct cm_buf *out,
			 struct cm_error *err)
{
	const struct cm_burst_click *first =
		&undo->scan.clicks[undo->burst->first];
	const char *const pairs[] = {
		"burst",   undo->burst->id, cm_burst_kind_name(first->kind),
		first->of, "note",          undo->note,
		NULL};
	return cm_ctl_remarks(pairs, out, err);
}

static int add_clicks(const struct undo *undo, struct cm_span evidence,
		      struct cm_store_batch *batch, struct cm_error *err)
{
	struct cm_store_entry entry = {.evidence = evidence};
	struct cm_event *event = &entry.event;
	struct cm_progress progress;
	size_t i;
	int rc = CM_OK;

	event->type = CM_EVENT_CORRECTED;
	event->actor = CM_ACTOR_ADMIN;
	event->mark = CM_EVENT_WITHDRAWN;
	(void)snprintf(event->channel, sizeof(event->channel), "%s",
		       CM_CHANNEL_BURST);
	(void)snprintf(event->who, sizeof(event->who), "%s",
		       cm_ctl_who(undo->ctl));
	cm_progress_init(&progress, undo->ctl->notes);
	progress.what = "preparing";
	for (i = 0; rc == CM_OK && i < undo->burst->count; i++) {
		const struct cm_burst_item *item =
			cm_burst_item(&undo->scan, undo->burst, i);

		if (!is_written(undo, i))
			continue;
		event->contact = item->contact;
		event->family = item->family;
		event->at = item->at;
		cm_event_click_name(event, event->batch);
		event->at = undo->ctl->now;
		rc = cm_store_batch_add(batch, &entry, err);
		if (i % WRITE_PROGRESS == 0)
			cm_progress_show(&progress, i, undo->burst->count);
	}
	cm_progress_end(&progress);
	return rc;
}

static int write_undo(const struct undo *undo, struct cm_error *err)
{
	struct cm_store_batch *batch = NULL;
	struct cm_buf evidence;
	uint64_t seq;
	int rc;

	cm_buf_init(&evidence, CM_REMARKS_ROOM);
	rc = make_evidence(undo, &evidence, err);
	if (rc == CM_OK)
		rc = cm_store_batch_begin(undo->ctl->store, &batch, err);
	if (rc == CM_OK)
		rc = add_clicks(undo,
				cm_span_n(cm_buf_text(&evidence), evidence.len),
				batch, err);
	if (rc == CM_OK)
		rc = cm_store_batch_commit(batch, undo->ctl->now, &seq, err);
	cm_store_batch_free(&batch);
	cm_buf_free(&evidence);
	return rc;
}

static void print_row(FILE *out, const char *what, uint64_t n,
		      const char *remark)
{
	char text[CM_COUNT_LEN];

	if (n > 0)
		(void)fprintf(out, "  %-10s %12s  withdrawals%s\n", what,
			      cm_out_count(n, text), remark);
}

static void print_undo(const struct undo *undo)
{
	FILE *out = undo->ctl->out;
	struct summary sum;

	sum_up(&undo->scan, undo->burst, &sum);
	print_burst(out, undo->burst, &sum);
	print_row(out, "taken back", undo->write, "");
	print_row(out, "left alone", undo->left,
		  " of people who did something since");
	print_row(out, "before", undo->before, " were taken back already");
	if (undo->dry_run)
		(void)fputs("dry run: nothing was written; ", out);
	cm_out_plural(out, undo->write, "corrected event");
	(void)fputs(undo->dry_run ? " would be\n" : " written\n", out);
}

static int json_undo(const struct undo *undo, struct cm_error *err)
{
	struct cm_out_json json;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "burst", undo->burst->id);
	cm_json_put_bool(&json.w, "dry_run", undo->dry_run);
	cm_json_put_int(&json.w, "people", (int64_t)undo->burst->people);
	cm_json_put_int(&json.w, "events", (int64_t)undo->write);
	cm_json_put_int(&json.w, "left_alone", (int64_t)undo->left);
	cm_json_put_int(&json.w, "before", (int64_t)undo->before);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, undo->ctl->out, err);
}

/*
 * A row of a list that only repeats an opt-out on record is not written: what
 * a list said since may rest on these clicks alone.
 */
static int ask_for_lists(const struct undo *undo, const struct cm_args *args,
			 struct cm_error *err)
{
	const struct cm_burst_scan *scan = &undo->scan;
	uint64_t first = UINT64_MAX;
	size_t i;

	for (i = 0; i < undo->burst->count; i++)
		if (cm_burst_item(scan, undo->burst, i)->seq < first)
			first = cm_burst_item(scan, undo->burst, i)->seq;
	if (undo->dry_run || cm_args_has(args, "checked") ||
	    scan->import_seq < first)
		return CM_OK;
	return cm_fail(err, CM_EREFUSED,
		       "nothing was written: list %s was taken in since, and a "
		       "row that only repeats an opt-out is not written: first "
		       "take in the lists that still hold with import "
		       "--repeat, then say --checked, too",
		       scan->import_batch);
}

static int finish(struct undo *undo, const struct cm_args *args,
		  struct cm_error *err)
{
	int rc = ask_for_lists(undo, args, err);

	if (rc == CM_OK && !undo->dry_run && undo->write > 0)
		rc = write_undo(undo, err);
	if (rc != CM_OK)
		return rc;
	if (undo->ctl->json)
		rc = json_undo(undo, err);
	else
		print_undo(undo);
	if (rc != CM_OK)
		return rc;
	return cm_undo_end(args, undo->dry_run, undo->write, err);
}

static int read_undo(struct undo *undo, const struct cm_args *args,
		     struct cm_error *err)
{
	if (cm_args_has(args, "refusals"))
		return cm_fail(err, CM_EUSAGE,
			       "--refusals is about a list; a burst is of "
			       "refusals anyway");
	undo->note = cm_args_get(args, "note");
	undo->dry_run =
		cm_args_has(args, "dry-run") || !cm_args_has(args, "yes");
	if (undo->note == NULL && !undo->dry_run)
		return cm_fail(err, CM_EUSAGE,
			       "--burst makes people who were out get mail "
			       "again: say why, with --note TEXT");
	return read_since(undo->ctl, args, &undo->scan.since, err);
}

int cm_undo_burst(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	struct undo undo = {.ctl = ctl};
	size_t folded;
	int rc = read_undo(&undo, args, err);

	if (rc == CM_OK)
		rc = cm_ctl_open(ctl, CM_CTL_WRITE, err);
	if (rc == CM_OK)
		rc = check_rule(ctl, err);
	/* What waits in stop may be of it, too. */
	if (rc == CM_OK && !undo.dry_run)
		rc = cm_store_fold_stop(ctl->store, ctl->now, &folded, err);
	if (rc == CM_OK)
		rc = cm_burst_scan(ctl, &undo.scan, err);
	if (rc == CM_OK)
		rc = find_burst(&undo, cm_args_get(args, "burst"), err);
	if (rc == CM_OK) {
		count_clicks(&undo);
		rc = finish(&undo, args, err);
	}
	cm_burst_scan_free(&undo.scan);
	return rc;
}
