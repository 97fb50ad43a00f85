/*
 * consentctl renewal: plan, status, record.
 *
 * plan asks of everybody with an address what the milter would say, in the
 * order in which their consents end, and sorts them into waves.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/reason.h"
#include "tools/csv.h"
#include "tools/ctl_past.h"
#include "tools/ctl_person.h"
#include "tools/file.h"
#include "tools/renewal.h"
#include "tools/words.h"

enum {
	FIRST_ROOM = 1024,
	CHUNK = 5000, /* people per reader: keep it short */
	CHUNK_ARENA_MAX = 256 << 20,
	LIST_MAX = INT32_MAX,
};

int cm_renewal_stream(struct cm_ctl *ctl, const struct cm_args *args,
		      const struct cm_stream **ret_stream, struct cm_error *err)
{
	const char *name = cm_args_get(args, "stream");
	const struct cm_stream *stream = NULL;
	int rc;

	if (name == NULL)
		return cm_fail(err, CM_EUSAGE,
			       "which stream? (write --stream NAME)");
	rc = cm_word_stream(ctl->config, name, &stream, err);
	if (rc != CM_OK)
		return rc;
	if (stream->type != CM_STREAM_RENEWAL)
		return cm_fail(err, CM_EUSAGE,
			       "stream \"%s\" is of type %s: it asks nobody to "
			       "renew (give one of type renewal)",
			       stream->name, cm_stream_type_name(stream->type));
	*ret_stream = stream;
	return CM_OK;
}

/* ---- plan: everybody ---------------------------------------------------- */

struct candidate {
	struct cm_id contact;
	struct cm_id family;
	struct cm_span address; /* canonical */
	enum cm_reason reason;
	int64_t until; /* the consent's end; 0 = none */
	uint64_t wave; /* 1 is the present one; 0 = not asked */
};

struct plan {
	struct cm_ctl *ctl;
	const struct cm_stream *stream;
	bool raw; /* --raw: no address of the list is guarded (E-9) */
	struct candidate *people;
	size_t count, room;
	struct cm_campaign campaign;
	uint64_t by_reason[CM_REASONS];
	uint64_t waves;
};

static int add_person(void *ctx, const struct cm_id *contact,
		      struct cm_span canonical, struct cm_error *err)
{
	struct plan *plan = ctx;
	struct cm_person person;
	struct candidate *who;

	if (cm_person_identify(plan->ctl, canonical, &person, NULL) != CM_OK)
		return CM_OK; /* nobody can write to it */
	if (plan->count == plan->room) {
		size_t room = plan->room > 0 ? plan->room * 2 : FIRST_ROOM;

		who = reallocarray(plan->people, room, sizeof(*who));
		if (who == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		plan->people = who;
		plan->room = room;
	}
	who = &plan->people[plan->count];
	memset(who, 0, sizeof(*who));
	who->contact = *contact;
	who->family = person.family;
	who->address.p =
		cm_arena_dup(plan->ctl->arena, canonical.p, canonical.n);
	who->address.n = canonical.n;
	if (who->address.p == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	plan->count++;
	return CM_OK;
}

static int decide_one(struct plan *plan, struct cm_store_reader *reader,
		      struct candidate *who, struct cm_error *err)
{
	struct cm_decision decision;
	struct cm_view own, family;
	int rc = cm_store_lookup(reader, &who->contact, &who->family, &own,
				 &family, err);

	if (rc == CM_OK)
		rc = cm_ctl_decide(plan->ctl, plan->stream, &who->contact, &own,
				   &family, cm_store_newest_rec(reader),
				   &decision, err);
	if (rc != CM_OK)
		return rc;
	who->reason = decision.reason;
	if (decision.ngrants > 0)
		who->until = decision.grants[0].until;
	return CM_OK;
}

static int decide_chunk(struct plan *plan, struct cm_arena *arena, size_t from,
			size_t to, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	int rc = cm_store_read_begin(plan->ctl->store, arena, &reader, err);

	for (; rc == CM_OK && from < to; from++)
		rc = decide_one(plan, reader, &plan->people[from], err);
	cm_store_read_end(&reader);
	cm_arena_reset(arena);
	return rc;
}

static int decide_all(struct plan *plan, struct cm_error *err)
{
	struct cm_arena *arena = NULL;
	struct cm_progress progress;
	size_t from = 0;
	int rc = cm_arena_new(CHUNK_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	cm_progress_init(&progress, plan->ctl->notes);
	progress.what = "deciding";
	while (rc == CM_OK && from < plan->count) {
		size_t to =
			plan->count - from > CHUNK ? from + CHUNK : plan->count;

		rc = decide_chunk(plan, arena, from, to, err);
		from = to;
		cm_progress_show(&progress, from, plan->count);
	}
	cm_progress_end(&progress);
	cm_arena_free(&arena);
	return rc;
}

/* ---- plan: waves -------------------------------------------------------- */

static bool is_asked(const struct candidate *who)
{
	return cm_reason_verdict(who->reason) == CM_VERDICT_ALLOW;
}

/* Who is asked before who is not; then whose consent ends first. */
static int in_order(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;

	if (is_asked(x) != is_asked(y))
		return is_asked(x) ? -1 : 1;
	if (x->until != y->until)
		return (x->until == 0 ? INT64_MAX : x->until) <
				       (y->until == 0 ? INT64_MAX : y->until)
			       ? -1
			       : 1;
	return cm_span_cmp(x->address, y->address);
}

/* How many the wave that is under way can still take. */
static uint64_t room_now(const struct plan *plan)
{
	const struct cm_campaign *campaign = &plan->campaign;
	size_t ahead = 0;

	while (ahead < plan->stream->wave_size &&
	       cm_campaign_room(campaign, plan->stream, ahead,
				plan->ctl->now) != CM_REASON_WAVE_FULL)
		ahead++;
	return ahead;
}

static void make_waves(struct plan *plan)
{
	const struct cm_stream *stream = plan->stream;
	uint64_t room = room_now(plan), wave = room > 0 ? 1 : 2;
	uint64_t asked = plan->campaign.asked;
	size_t i;

	if (room == 0)
		room = stream->wave_size;
	for (i = 0; i < plan->count; i++) {
		struct candidate *who = &plan->people[i];

		if (is_asked(who) && stream->cap > 0 && asked >= stream->cap)
			who->reason = CM_REASON_CAP_REACHED;
		plan->by_reason[who->reason]++;
		if (!is_asked(who))
			continue;
		who->wave = wave;
		plan->waves = wave;
		asked++;
		if (--room == 0) {
			room = stream->wave_size;
			wave++;
		}
	}
}

static int64_t wave_begins(const struct plan *plan, uint64_t wave)
{
	int64_t at = plan->campaign.wave_began;
	uint64_t n;

	if (plan->campaign.waves == 0 ||
	    cm_period_add(at, plan->stream->wave_every) <= plan->ctl->now)
		at = plan->ctl->now;
	for (n = 1; n < wave; n++)
		at = cm_period_add(at, plan->stream->wave_every);
	return at > plan->ctl->now ? at : plan->ctl->now;
}

static uint64_t in_wave(const struct plan *plan, uint64_t wave)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < plan->count; i++)
		n += plan->people[i].wave == wave;
	return n;
}

/* ---- plan: answers ------------------------------------------------------ */

static bool is_stopped(const struct plan *plan)
{
	return cm_campaign_room(&plan->campaign, plan->stream, 0,
				plan->ctl->now) == CM_REASON_STOPPED;
}

static void plan_people_json(const struct plan *plan, struct cm_json_writer *w)
{
	char id[CM_ID_TEXT_LEN];
	size_t i;

	cm_json_name(w, "contacts");
	cm_json_begin_array(w);
	for (i = 0; i < plan->count; i++) {
		const struct candidate *who = &plan->people[i];

		cm_json_begin_object(w);
		cm_json_put_text(w, "contact", cm_out_id(&who->contact, id));
		cm_json_put_text(w, "reason", cm_reason_code(who->reason));
		if (who->wave > 0)
			cm_json_put_int(w, "wave", (int64_t)who->wave);
		if (who->wave > 0)
			cm_json_put_time(w, "until", who->until);
		cm_json_end(w);
	}
	cm_json_end(w);
}

static int plan_json(const struct plan *plan, struct cm_error *err)
{
	struct cm_out_json json;
	struct cm_json_writer *w = &json.w;
	uint64_t wave;
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_object(w);
	cm_json_put_text(w, "stream", plan->stream->name);
	cm_json_put_text(w, "purpose", plan->stream->purposes[0]->path);
	cm_json_put_bool(w, "stopped", is_stopped(plan));
	cm_json_name(w, "waves");
	cm_json_begin_array(w);
	for (wave = 1; wave <= plan->waves; wave++) {
		if (in_wave(plan, wave) == 0)
			continue;
		cm_json_begin_object(w);
		cm_json_put_int(w, "wave", (int64_t)wave);
		cm_json_put_int(w, "people", (int64_t)in_wave(plan, wave));
		cm_json_put_time(w, "from", wave_begins(plan, wave));
		cm_json_end(w);
	}
	cm_json_end(w);
	cm_json_name(w, "reasons");
	cm_json_begin_object(w);
	for (i = 0; i < CM_REASONS; i++)
		if (plan->by_reason[i] > 0)
			cm_json_put_int(w, cm_reason_code((enum cm_reason)i),
					(int64_t)plan->by_reason[i]);
	cm_json_end(w);
	plan_people_json(plan, w);
	cm_json_end(w);
	return cm_out_json_end(&json, plan->ctl->out, err);
}

static void plan_waves_text(const struct plan *plan, FILE *out)
{
	enum { SHOWN = 10 };
	char count[CM_COUNT_LEN], at[CM_CLOCK_TEXT];
	uint64_t wave, shown = 0;

	for (wave = 1; wave <= plan->waves && shown < SHOWN; wave++) {
		uint64_t people = in_wave(plan, wave);

		if (people == 0)
			continue;
		shown++;
		(void)fprintf(out, "  wave %-6" PRIu64 " %12s  from %s\n", wave,
			      cm_out_count(people, count),
			      cm_clock_format(wave_begins(plan, wave), at));
	}
	if (wave <= plan->waves)
		(void)fprintf(out, "  ... and so on to wave %" PRIu64 "\n",
			      plan->waves);
}

static void plan_text(const struct plan *plan, uint64_t asked, const char *to)
{
	FILE *out = plan->ctl->out;
	char count[CM_COUNT_LEN];
	size_t i;

	cm_out_plural(out, asked, "contact");
	(void)fprintf(out, " of %s may be asked by stream \"%s\" to renew %s\n",
		      cm_out_count(plan->count, count), plan->stream->name,
		      plan->stream->purposes[0]->path);
	plan_waves_text(plan, out);
	for (i = 0; i < CM_REASONS; i++)
		if (plan->by_reason[i] > 0)
			(void)fprintf(out, "  %-8s %12s  %-16s %s\n",
				      cm_verdict_name(cm_reason_verdict(
					      (enum cm_reason)i)),
				      cm_out_count(plan->by_reason[i], count),
				      cm_reason_code((enum cm_reason)i),
				      cm_reason_text((enum cm_reason)i));
	if (is_stopped(plan))
		(void)fputs("note: the stream is stopped: too many people who "
			    "were asked complained or objected\n",
			    out);
	if (to != NULL)
		(void)fprintf(out, "those who may be asked: %s\n", to);
}

/* For the tool that sends: the first wave first, and when each ends. */
static int write_list(const struct plan *plan, const char *to,
		      struct cm_error *err)
{
	struct cm_buf text;
	char until[CM_CLOCK_TEXT];
	size_t i;
	int rc;

	cm_buf_init(&text, LIST_MAX);
	(void)cm_buf_adds(&text, "email,wave,until\r\n");
	for (i = 0; i < plan->count; i++) {
		const struct candidate *who = &plan->people[i];

		if (who->wave == 0)
			continue;
		(void)!cm_csv_put(&text, who->address, ',', !plan->raw);
		(void)cm_buf_addf(&text, ",%" PRIu64 ",%s\r\n", who->wave,
				  who->until > 0
					  ? cm_clock_format(who->until, until)
					  : "");
	}
	rc = cm_buf_ok(&text);
	if (rc == CM_OK)
		rc = cm_file_write_new(
			to, cm_span_n(cm_buf_text(&text), text.len), err);
	else
		rc = cm_fail(err, rc, "no memory for %s", to);
	cm_buf_free(&text);
	return rc;
}

static int answer(struct plan *plan, const char *to, struct cm_error *err)
{
	uint64_t asked = 0;
	size_t i;
	int rc = CM_OK;

	for (i = 0; i < plan->count; i++)
		asked += plan->people[i].wave > 0;
	if (to != NULL)
		rc = write_list(plan, to, err);
	if (rc != CM_OK)
		return rc;
	if (plan->ctl->json)
		rc = plan_json(plan, err);
	else
		plan_text(plan, asked, to);
	return rc == CM_OK && asked == 0 ? CM_EREFUSED : rc;
}

int cm_renewal_plan(struct cm_ctl *ctl, const struct cm_args *args,
		    struct cm_error *err)
{
	struct plan plan = {.ctl = ctl, .raw = cm_args_has(args, "raw")};
	struct cm_sent *sent = NULL;
	int rc = cm_renewal_stream(ctl, args, &plan.stream, err);

	if (rc == CM_OK)
		rc = cm_ctl_sent(ctl, &sent, err);
	if (rc == CM_OK && sent != NULL)
		rc = cm_sent_campaign(sent, plan.stream->name, &plan.campaign,
				      err);
	if (rc == CM_OK)
		rc = cm_store_addresses(ctl->store, add_person, &plan, err);
	if (rc == CM_OK)
		rc = decide_all(&plan, err);
	if (rc == CM_OK) {
		if (plan.count > 0)
			qsort(plan.people, plan.count, sizeof(*plan.people),
			      in_order);
		make_waves(&plan);
		rc = answer(&plan, cm_args_get(args, "output"), err);
	}
	free(plan.people);
	return rc;
}

int cm_cmd_renewal(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	static const struct {
		const char *word;
		cm_command_fn *run;
	} acts[] = {
		{"plan", cm_renewal_plan},
		{"status", cm_renewal_status},
		{"record", cm_renewal_record},
	};
	const char *word = cm_args_word(args, 0);
	size_t i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(word, acts[i].word) == 0)
			return acts[i].run(ctl, args, err);
	return cm_fail(err, CM_EUSAGE,
		       "\"%.60s\" is not one of: plan, status, record", word);
}
