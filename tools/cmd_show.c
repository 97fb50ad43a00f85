/*
 * consentctl show, history: where a person stands, and how they got there.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "policy/purpose.h"
#include "tools/ctl_person.h"
#include "tools/terms_text.h"

/* ---- show --------------------------------------------------------------- */

static int show_json(struct cm_ctl *ctl, const struct cm_person *person,
		     const struct cm_standing *standings, struct cm_error *err)
{
	struct cm_out_json json;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_person_json(&json.w, ctl->config, person, standings,
		       ctl->config->npurposes, ctl->now);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

static void show_text(struct cm_ctl *ctl, const struct cm_person *person,
		      const struct cm_standing *standings)
{
	const struct cm_view *view = &person->own;
	struct cm_span orphan = {NULL, 0};
	char id[CM_ID_TEXT_LEN];
	char quoted[CM_QUOTE_LEN];
	size_t i;

	(void)fprintf(ctl->out, "address    %s\ncontact    %s\n",
		      person->address.canonical,
		      cm_out_id(&person->contact, id));
	if (view->language[0] != '\0')
		(void)fprintf(ctl->out, "language   %s\n", view->language);
	cm_person_print_marks(ctl, person);
	if (!cm_person_known(person))
		(void)fputs("nothing is on record for this address\n",
			    ctl->out);
	(void)fputs("may be sent marketing:\n", ctl->out);
	cm_person_print_standings(ctl, standings);
	for (i = 0; cm_person_next_orphan(ctl->config, view, &i, &orphan); i++)
		(void)fprintf(ctl->out,
			      "  %s  has records, but is not in the config\n",
			      cm_quote(orphan, quoted));
}

int cm_cmd_show(struct cm_ctl *ctl, const struct cm_args *args,
		struct cm_error *err)
{
	struct cm_standing *standings;
	struct cm_person person;
	int rc = cm_person_find(ctl, cm_args_word(args, 0), &person, err);

	if (rc == CM_OK)
		rc = cm_person_standings(ctl, &person, &standings, err);
	if (rc != CM_OK)
		return rc;
	if (ctl->json)
		rc = show_json(ctl, &person, standings, err);
	else
		show_text(ctl, &person, standings);
	if (rc == CM_OK && !cm_person_known(&person))
		return CM_ENOTFOUND;
	return rc;
}

/* ---- history ------------------------------------------------------------ */

struct history {
	struct cm_ctl *ctl;
	const struct cm_person *person;
	struct cm_arena *arena; /* of some events at a time */
	uint64_t *seqs;
	size_t count;
	struct cm_out_json json;
};

typedef void history_fn(struct history *history, uint64_t seq,
			const struct cm_event *event);

static int read_seqs(struct history *history, struct cm_error *err)
{
	struct cm_ctl *ctl = history->ctl;
	struct cm_store_reader *reader = NULL;
	int rc = cm_store_read_begin(ctl->store, ctl->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_store_events_of(reader, &history->person->contact,
				&history->seqs, &history->count, err);
	cm_store_read_end(&reader);
	return rc;
}

/* A person who is in every night's list may have many: a few at a time. */
static int tell_some(struct history *history, size_t *at, history_fn *tell,
		     struct cm_error *err)
{
	enum { SOME = 1000 };
	struct cm_store_reader *reader = NULL;
	struct cm_event event;
	struct cm_span json;
	size_t n;
	int rc = cm_store_read_begin(history->ctl->store, history->arena,
				     &reader, err);

	for (n = 0; rc == CM_OK && n < SOME && *at < history->count; n++) {
		uint64_t seq = history->seqs[(*at)++];

		rc = cm_store_event(reader, seq, &json, err);
		if (rc == CM_OK)
			rc = cm_event_decode(json, &event, err);
		if (rc == CM_OK)
			tell(history, seq, &event);
	}
	cm_store_read_end(&reader);
	cm_arena_reset(history->arena);
	return rc;
}

static int tell_all(struct history *history, history_fn *tell,
		    struct cm_error *err)
{
	enum { SOME_ARENA_MAX = 64 * 1024 * 1024 };
	size_t at = 0;
	int rc = cm_arena_new(SOME_ARENA_MAX, &history->arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	while (rc == CM_OK && at < history->count)
		rc = tell_some(history, &at, tell, err);
	cm_arena_free(&history->arena);
	return rc;
}

static void json_hash(struct cm_json_writer *w, const char *name, bool has,
		      const struct cm_hash *hash)
{
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1];

	if (has)
		(void)cm_hex_encode(hash->b, sizeof(hash->b), hex);
	cm_json_put_text(w, name, has ? hex : NULL);
}

static void json_event(struct history *history, uint64_t seq,
		       const struct cm_event *event)
{
	struct cm_json_writer *w = &history->json.w;

	cm_json_begin_object(w);
	cm_json_put_int(w, "seq", (int64_t)seq);
	cm_json_put_text(w, "type", cm_event_type_name(event->type));
	cm_json_put_text(w, "purpose", cm_json_or_null(event->purpose));
	cm_json_put_time(w, "at", event->at);
	cm_json_put_bool(w, "untimed", event->untimed);
	cm_json_put_time(w, "recorded", event->rec);
	cm_json_put_text(w, "actor", cm_actor_name(event->actor));
	cm_json_put_text(w, "who", cm_json_or_null(event->who));
	cm_json_put_text(w, "channel", cm_json_or_null(event->channel));
	if (cm_event_type_grants(event->type)) {
		cm_json_put_text(w, "basis", cm_basis_name(event->basis));
		cm_json_put_bool(w, "proven", cm_event_is_proven(event));
		cm_json_put_bool(w, "attested", event->attested);
	}
	cm_term_json(w, event);
	if (event->type == CM_EVENT_CLEARED)
		cm_json_put_text(w, "mark", cm_event_type_name(event->mark));
	cm_json_put_text(w, "to", cm_json_or_null(event->to));
	cm_json_put_text(w, "right", cm_json_or_null(event->right));
	cm_json_put_text(w, "source", cm_json_or_null(event->source));
	cm_json_put_text(w, "language", cm_json_or_null(event->language));
	cm_json_put_text(w, "batch", cm_json_or_null(event->batch));
	json_hash(w, "notice", event->has_notice, &event->notice);
	json_hash(w, "evidence", event->has_evidence, &event->evidence);
	cm_json_end(w);
}

static int history_json(struct history *history, struct cm_error *err)
{
	struct cm_json_writer *w = &history->json.w;
	char id[CM_ID_TEXT_LEN];
	int rc;

	cm_out_json_begin(&history->json);
	cm_json_begin_object(w);
	cm_json_put_text(w, "contact",
			 cm_out_id(&history->person->contact, id));
	cm_json_put_text(w, "address", history->person->address.canonical);
	cm_json_name(w, "events");
	cm_json_begin_array(w);
	rc = tell_all(history, json_event, err);
	cm_json_end(w);
	cm_json_end(w);
	if (rc != CM_OK) {
		cm_buf_free(&history->json.buf);
		return rc;
	}
	return cm_out_json_end(&history->json, history->ctl->out, err);
}

static void text_actor(FILE *out, const struct cm_event *event)
{
	(void)fprintf(out, "  by %s", cm_actor_name(event->actor));
	if (event->who[0] != '\0')
		(void)fprintf(out, ":%s", event->who);
	if (event->channel[0] != '\0')
		(void)fprintf(out, " (%s)", event->channel);
}

static void text_event(struct history *history, uint64_t seq,
		       const struct cm_event *event)
{
	FILE *out = history->ctl->out;
	char at[CM_CLOCK_TEXT];
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1];

	(void)fprintf(out, "%8" PRIu64 "  %-24s  %-16s", seq,
		      cm_clock_format(event->at, at),
		      cm_event_type_name(event->type));
	if (event->type == CM_EVENT_CLEARED)
		(void)fprintf(out, "  %s", cm_event_type_name(event->mark));
	if (event->purpose[0] != '\0')
		(void)fprintf(out, "  %s", event->purpose);
	if (event->right[0] != '\0')
		(void)fprintf(out, "  %s", event->right);
	if (event->to[0] != '\0')
		(void)fprintf(out, "  to %s", event->to);
	text_actor(out, event);
	if (event->source[0] != '\0')
		(void)fprintf(out, "  source %s", event->source);
	if (cm_event_type_grants(event->type) &&
	    event->basis != CM_BASIS_CONSENT)
		(void)fprintf(out, "  basis %s", cm_basis_name(event->basis));
	cm_term_print(out, event);
	if (cm_event_type_grants(event->type) && !cm_event_is_proven(event))
		(void)fputs("  NOT PROVEN, does not count", out);
	if (event->untimed)
		(void)fputs("  (no time was given; this is when it was "
			    "written)",
			    out);
	if (event->batch[0] != '\0')
		(void)fprintf(out, "  batch %s", event->batch);
	if (event->has_notice) {
		(void)cm_hex_encode(event->notice.b, sizeof(event->notice.b),
				    hex);
		(void)fprintf(out, "  text shown %.12s", hex);
	}
	(void)fputc('\n', out);
}

int cm_cmd_history(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	struct cm_person person;
	struct history history = {.ctl = ctl, .person = &person};
	int rc = cm_person_find(ctl, cm_args_word(args, 0), &person, err);

	if (rc == CM_OK)
		rc = read_seqs(&history, err);
	if (rc == CM_OK)
		rc = ctl->json ? history_json(&history, err)
			       : tell_all(&history, text_event, err);
	if (rc == CM_OK && history.count == 0)
		return ctl->json ? CM_ENOTFOUND
				 : cm_fail(err, CM_ENOTFOUND,
					   "nothing is on record for %s",
					   person.address.canonical);
	return rc;
}
