/*
 * consentctl renewal status and record: what came of the people asked, and
 * what the ledger should know of it.
 */
#include "tools/renewal.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/purpose.h"
#include "policy/renewal.h"
#include "tools/ctl_past.h"
#include "tools/ctl_person.h"

/* Views of one person after another: a new reader now and then, so that it is
 * short, and memory free again. */
enum { ARENA_MAX = 64 << 20, PEOPLE_PER_READER = 1000 };

struct look {
	struct cm_ctl *ctl;
	struct cm_arena *arena;
	struct cm_store_reader *reader;
	unsigned people;
};

static int look_begin(struct look *look, struct cm_ctl *ctl,
		      struct cm_error *err)
{
	look->ctl = ctl;
	if (cm_arena_new(ARENA_MAX, &look->arena) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return CM_OK;
}

static void look_end(struct look *look)
{
	cm_store_read_end(&look->reader);
	cm_arena_free(&look->arena);
}

/* What is on record of a contact itself; until the next call. */
static int look_at(struct look *look, const struct cm_id *contact,
		   struct cm_view *ret_own, struct cm_error *err)
{
	struct cm_view family;
	int rc = CM_OK;

	if (look->people++ % PEOPLE_PER_READER == 0) {
		if (look->reader != NULL)
			cm_store_read_end(&look->reader);
		cm_arena_reset(look->arena);
		rc = cm_store_read_begin(look->ctl->store, look->arena,
					 &look->reader, err);
	}
	if (rc != CM_OK)
		return rc;
	return cm_store_lookup(look->reader, contact, contact, ret_own, &family,
			       err);
}

/* What one person did since they were asked. */
enum outcome { OUT_KEPT, OUT_LEFT, OUT_COMPLAINED, OUT_SILENT, OUTCOMES };

static const char *const outcome_names[OUTCOMES] = {
	[OUT_KEPT] = "kept",
	[OUT_LEFT] = "left",
	[OUT_COMPLAINED] = "complained",
	[OUT_SILENT] = "silent",
};

struct tally {
	struct cm_ctl *ctl;
	const struct cm_stream *stream;
	struct look look;
	uint64_t counts[OUTCOMES];
};

static enum outcome outcome_of(const struct cm_view *view, struct cm_span path,
			       int64_t asked)
{
	enum outcome outcome = OUT_SILENT;
	size_t i;

	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];
		enum outcome now = OUT_SILENT;

		if (fact->at <= asked)
			continue;
		if (fact->kind == CM_FACT_COMPLAINED ||
		    fact->kind == CM_FACT_OBJECTED)
			now = OUT_COMPLAINED;
		else if ((fact->kind == CM_FACT_WITHDRAWN &&
			  cm_purpose_covers(fact->purpose, path)) ||
			 fact->kind == CM_FACT_ERASED)
			now = OUT_LEFT;
		else if (fact->kind <= CM_FACT_PERSON_CONFIRMED &&
			 cm_purpose_covers(fact->purpose, path))
			now = OUT_KEPT;
		/* The strongest thing they said. */
		if (now == OUT_COMPLAINED || outcome == OUT_SILENT ||
		    (now == OUT_LEFT && outcome == OUT_KEPT))
			outcome = now != OUT_SILENT ? now : outcome;
	}
	return outcome;
}

static int count_one(void *ctx, const struct cm_asked *asked,
		     struct cm_error *err)
{
	struct tally *tally = ctx;
	const struct cm_purpose *purpose = tally->stream->purposes[0];
	struct cm_view own;
	int rc;

	if (!cm_span_eq(asked->stream, cm_span(tally->stream->name)))
		return CM_OK;
	rc = look_at(&tally->look, &asked->contact, &own, err);
	if (rc == CM_OK)
		tally->counts[outcome_of(&own, cm_span(purpose->path),
					 asked->at)]++;
	return rc;
}

static int count_all(struct tally *tally, struct cm_sent *sent,
		     struct cm_error *err)
{
	int rc = look_begin(&tally->look, tally->ctl, err);

	if (rc == CM_OK)
		rc = cm_sent_each_asked(sent, NULL, count_one, tally, err);
	look_end(&tally->look);
	return rc;
}

/* What it would say to the next person. */
static const char *state_of(const struct cm_ctl *ctl,
			    const struct cm_stream *stream,
			    const struct cm_campaign *campaign)
{
	enum cm_reason room = cm_campaign_room(campaign, stream, 0, ctl->now);

	return cm_reason_verdict(room) == CM_VERDICT_ALLOW
		       ? "asking"
		       : cm_reason_code(room);
}

static void status_text(const struct tally *tally,
			const struct cm_campaign *campaign)
{
	const struct cm_stream *stream = tally->stream;
	FILE *out = tally->ctl->out;
	char count[CM_COUNT_LEN], at[CM_CLOCK_TEXT];
	size_t i;

	(void)fprintf(out, "stream \"%s\": %s\n", stream->name,
		      state_of(tally->ctl, stream, campaign));
	if (campaign->began == 0) {
		(void)fputs("  nobody was asked yet\n", out);
		return;
	}
	(void)fprintf(out, "  asked      %12s  since %s\n",
		      cm_out_count(campaign->asked, count),
		      cm_clock_format(campaign->began, at));
	for (i = 0; i < OUTCOMES; i++)
		(void)fprintf(out, "  %-10s %12s\n", outcome_names[i],
			      cm_out_count(tally->counts[i], count));
	(void)fprintf(
		out, "  wave %-5" PRIu64 " %12s  of %u, since %s\n",
		campaign->waves, cm_out_count(campaign->wave_asked, count),
		stream->wave_size, cm_clock_format(campaign->wave_began, at));
}

static void status_json(const struct tally *tally,
			const struct cm_campaign *campaign,
			struct cm_json_writer *w)
{
	const struct cm_stream *stream = tally->stream;
	size_t i;

	cm_json_begin_object(w);
	cm_json_put_text(w, "stream", stream->name);
	cm_json_put_text(w, "purpose", stream->purposes[0]->path);
	cm_json_put_text(w, "state", state_of(tally->ctl, stream, campaign));
	cm_json_put_time(w, "began", campaign->began);
	cm_json_put_int(w, "asked", (int64_t)campaign->asked);
	for (i = 0; i < OUTCOMES; i++)
		cm_json_put_int(w, outcome_names[i], (int64_t)tally->counts[i]);
	cm_json_put_int(w, "waves", (int64_t)campaign->waves);
	cm_json_put_int(w, "wave_asked", (int64_t)campaign->wave_asked);
	cm_json_put_int(w, "wave_size", stream->wave_size);
	cm_json_put_time(w, "wave_began", campaign->wave_began);
	cm_json_end(w);
}

static int status_one(struct cm_ctl *ctl, const struct cm_stream *stream,
		      struct cm_sent *sent, struct cm_json_writer *w,
		      struct cm_error *err)
{
	struct tally tally = {.ctl = ctl, .stream = stream};
	struct cm_campaign campaign = {0};
	int rc = CM_OK;

	if (sent != NULL)
		rc = cm_sent_campaign(sent, stream->name, &campaign, err);
	if (rc == CM_OK && campaign.asked > 0)
		rc = count_all(&tally, sent, err);
	if (rc != CM_OK)
		return rc;
	if (w != NULL)
		status_json(&tally, &campaign, w);
	else
		status_text(&tally, &campaign);
	return CM_OK;
}

int cm_renewal_status(struct cm_ctl *ctl, const struct cm_args *args,
		      struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	const struct cm_stream *only = NULL;
	struct cm_sent *sent = NULL;
	struct cm_out_json json;
	size_t i, shown = 0;
	int rc = CM_OK;

	if (cm_args_has(args, "stream"))
		rc = cm_renewal_stream(ctl, args, &only, err);
	if (rc == CM_OK)
		rc = cm_ctl_sent(ctl, &sent, err);
	if (rc != CM_OK)
		return rc;
	cm_out_json_begin(&json);
	cm_json_begin_array(&json.w);
	for (i = 0; rc == CM_OK && i < config->nstreams; i++) {
		const struct cm_stream *stream = &config->streams[i];

		if (stream->type != CM_STREAM_RENEWAL ||
		    (only != NULL && only != stream))
			continue;
		rc = status_one(ctl, stream, sent, ctl->json ? &json.w : NULL,
				err);
		shown++;
	}
	cm_json_end(&json.w);
	if (rc == CM_OK && ctl->json)
		return cm_out_json_end(&json, ctl->out, err);
	cm_buf_free(&json.buf);
	if (rc == CM_OK && shown == 0)
		return cm_fail(err, CM_ENOTFOUND,
			       "no stream of the config is of type renewal");
	return rc;
}

/* ---- record ------------------------------------------------------------- */

struct recording {
	struct cm_ctl *ctl;
	struct look look;
	struct cm_store_batch *batch;
	uint64_t added, there, strange;
};

static int family_of(struct recording *r, const struct cm_id *contact,
		     struct cm_id *ret_family, struct cm_error *err)
{
	struct cm_span canonical, given;
	struct cm_person person;
	int rc = cm_store_address(r->ctl->store, contact, r->ctl->arena,
				  &canonical, &given, err);

	*ret_family = *contact;
	if (rc == CM_ENOTFOUND) /* erased: the id is all there is */
		return CM_OK;
	if (rc == CM_OK &&
	    cm_person_identify(r->ctl, canonical, &person, NULL) == CM_OK)
		*ret_family = person.family;
	return rc;
}

static int record_one(void *ctx, const struct cm_asked *asked,
		      struct cm_error *err)
{
	struct recording *r = ctx;
	const struct cm_purpose *purpose =
		cm_config_purpose_by_id(r->ctl->config, asked->purpose);
	struct cm_store_entry entry = {
		.event =
			{
				.type = CM_EVENT_ASKED,
				.actor = CM_ACTOR_SYSTEM,
				.basis = CM_BASIS_CONSENT,
				.contact = asked->contact,
				.at = asked->at,
			},
	};
	struct cm_view own;
	int rc;

	if (purpose == NULL) {
		r->strange++;
		return CM_OK;
	}
	rc = look_at(&r->look, &asked->contact, &own, err);
	if (rc != CM_OK)
		return rc;
	if (cm_renewal_asked(&own, purpose) >= asked->at) {
		r->there++;
		return CM_OK;
	}
	rc = family_of(r, &asked->contact, &entry.event.family, err);
	if (rc != CM_OK)
		return rc;
	memcpy(entry.event.purpose, purpose->path, strlen(purpose->path) + 1);
	memcpy(entry.event.channel, "mail", sizeof("mail"));
	r->added++;
	return cm_store_batch_add(r->batch, &entry, err);
}

static int record_all(struct recording *r, struct cm_sent *sent,
		      struct cm_error *err)
{
	uint64_t seq;
	int rc = look_begin(&r->look, r->ctl, err);

	if (rc == CM_OK)
		rc = cm_store_batch_begin(r->ctl->store, &r->batch, err);
	if (rc == CM_OK)
		rc = cm_sent_each_asked(sent, NULL, record_one, r, err);
	look_end(&r->look);
	if (rc == CM_OK && r->added > 0)
		rc = cm_store_batch_commit(r->batch, r->ctl->now, &seq, err);
	cm_store_batch_free(&r->batch);
	return rc;
}

int cm_renewal_record(struct cm_ctl *ctl, const struct cm_args *args,
		      struct cm_error *err)
{
	struct recording r = {.ctl = ctl};
	struct cm_sent *sent = NULL;
	struct cm_out_json json;
	int rc = cm_ctl_sent(ctl, &sent, err);

	(void)args;
	if (rc == CM_OK && sent != NULL)
		rc = record_all(&r, sent, err);
	if (rc != CM_OK)
		return rc;
	if (ctl->json) {
		cm_out_json_begin(&json);
		cm_json_begin_object(&json.w);
		cm_json_put_int(&json.w, "recorded", (int64_t)r.added);
		cm_json_put_int(&json.w, "there", (int64_t)r.there);
		cm_json_put_int(&json.w, "unknown_purpose", (int64_t)r.strange);
		cm_json_end(&json.w);
		return cm_out_json_end(&json, ctl->out, err);
	}
	cm_out_plural(ctl->out, r.added, "ask");
	(void)fprintf(ctl->out, " recorded, %" PRIu64 " were there already\n",
		      r.there);
	if (r.strange > 0)
		(void)fprintf(ctl->notes,
			      "note: %" PRIu64 " more are of purposes that the "
			      "config does not have, and stay where they are\n",
			      r.strange);
	return CM_OK;
}
