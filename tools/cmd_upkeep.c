/*
 * consentctl status, rebuild: what is in the store, and its views anew.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "policy/config.h"
#include "policy/decide.h"
#include "policy/store.h"
#include "tools/ctl_output.h"

/* ---- status ------------------------------------------------------------- */

static const char *mode_name(enum cm_mode mode)
{
	static const char *const names[] = {[CM_MODE_OBSERVE] = "observe",
					    [CM_MODE_EDIT] = "edit",
					    [CM_MODE_ENFORCE] = "enforce"};

	return names[mode];
}

static bool enforces(const struct cm_stream *stream)
{
	return !cm_stream_asks_store(stream) || stream->mode == CM_MODE_ENFORCE;
}

static bool clock_behind(const struct cm_ctl *ctl,
			 const struct cm_store_counts *counts)
{
	return ctl->now < counts->newest_rec - CM_CLOCK_SLACK_MS;
}

static int status_json(struct cm_ctl *ctl, const struct cm_store_counts *counts,
		       const char *root, struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	struct cm_out_json json;
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "config", config->file);
	cm_json_put_text(&json.w, "store", config->store_path);
	cm_json_put_int(&json.w, "events", (int64_t)counts->events);
	cm_json_put_int(&json.w, "contacts", (int64_t)counts->contacts);
	cm_json_put_int(&json.w, "families", (int64_t)counts->families);
	cm_json_name(&json.w, "addresses");
	if (cm_ctl_may_write(ctl))
		cm_json_add_int(&json.w, (int64_t)counts->addresses);
	else
		cm_json_add_null(&json.w);
	cm_json_put_int(&json.w, "stop_pending", (int64_t)counts->stop_pending);
	cm_json_put_int(&json.w, "erase_pending",
			(int64_t)counts->erase_pending);
	cm_json_put_time(&json.w, "newest", counts->newest_rec);
	cm_json_put_bool(&json.w, "clock_behind", clock_behind(ctl, counts));
	cm_json_put_text(&json.w, "root", root);
	cm_json_name(&json.w, "streams_not_enforced");
	cm_json_begin_object(&json.w);
	for (i = 0; i < config->nstreams; i++) {
		if (!enforces(&config->streams[i]))
			cm_json_put_text(&json.w, config->streams[i].name,
					 mode_name(config->streams[i].mode));
	}
	cm_json_end(&json.w);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

static void status_count(FILE *out, const char *what, uint64_t n)
{
	char text[CM_COUNT_LEN];

	(void)fprintf(out, "%-12s %s\n", what, cm_out_count(n, text));
}

static void status_text(struct cm_ctl *ctl,
			const struct cm_store_counts *counts, const char *root)
{
	const struct cm_config *config = ctl->config;
	char at[CM_CLOCK_TEXT];
	size_t i;

	(void)fprintf(ctl->out, "%-12s %s\n%-12s %s\n", "config", config->file,
		      "store", config->store_path);
	status_count(ctl->out, "events", counts->events);
	status_count(ctl->out, "contacts", counts->contacts);
	status_count(ctl->out, "families", counts->families);
	if (cm_ctl_may_write(ctl))
		status_count(ctl->out, "addresses", counts->addresses);
	if (counts->newest_rec != 0)
		(void)fprintf(ctl->out, "%-12s %s\n", "newest event",
			      cm_clock_format(counts->newest_rec, at));
	(void)fprintf(ctl->out, "%-12s %s\n", "tree root", root);
	if (counts->stop_pending > 0)
		(void)fprintf(ctl->out,
			      "%-12s %" PRIu64 " refusals wait to be written "
			      "into the ledger; they are obeyed already\n",
			      "waiting", counts->stop_pending);
	if (counts->erase_pending > 0)
		(void)fprintf(ctl->out,
			      "WARNING: %" PRIu64 " erasures were interrupted; "
			      "any command that writes finishes them, or says "
			      "why it cannot\n",
			      counts->erase_pending);
	if (clock_behind(ctl, counts))
		(void)fputs("WARNING: the clock is behind the newest event: "
			    "marketing is put off (451) until it is right\n",
			    ctl->out);
	for (i = 0; i < config->nstreams; i++) {
		if (!enforces(&config->streams[i]))
			(void)fprintf(ctl->out,
				      "note: stream \"%s\" is in mode %s: it "
				      "refuses nobody\n",
				      config->streams[i].name,
				      mode_name(config->streams[i].mode));
	}
}

int cm_cmd_status(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	char root[CM_HEX_LEN(CM_HASH_LEN) + 1];
	struct cm_store_counts counts;
	/* Who only reads sees all but the number of addresses. */
	int rc = cm_ctl_open(
		ctl, cm_ctl_may_write(ctl) ? CM_CTL_WRITE : CM_CTL_READ, err);

	(void)args;
	if (rc == CM_OK)
		rc = cm_store_count(ctl->store, &counts, err);
	if (rc != CM_OK)
		return rc;
	(void)cm_hex_encode(counts.root.b, sizeof(counts.root.b), root);
	if (ctl->json)
		return status_json(ctl, &counts, root, err);
	status_text(ctl, &counts, root);
	return CM_OK;
}

/* ---- rebuild ------------------------------------------------------------ */

int cm_cmd_rebuild(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	struct cm_progress progress;
	struct cm_store_counts counts;
	int rc;

	(void)args;
	cm_progress_init(&progress, ctl->notes);
	progress.what = "rebuilding";
	rc = cm_store_rebuild(ctl->store, cm_progress_show, &progress, err);
	cm_progress_end(&progress);
	if (rc == CM_OK)
		rc = cm_store_count(ctl->store, &counts, err);
	if (rc != CM_OK)
		return rc;
	(void)fputs("made anew from ", ctl->out);
	cm_out_plural(ctl->out, counts.events, "event");
	(void)fputs(": ", ctl->out);
	cm_out_plural(ctl->out, counts.contacts, "contact");
	(void)fputs(", their families, indexes and the hash tree\n", ctl->out);
	return CM_OK;
}
