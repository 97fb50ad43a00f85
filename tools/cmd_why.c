/*
 * consentctl why: may this stream go to this person, and what says so?
 *
 * With --at it answers for an earlier moment: over the events that had been
 * written by then, under the config as it is today.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "tools/ctl_past.h"
#include "tools/ctl_person.h"
#include "tools/ledger_scan.h"
#include "tools/words.h"

struct question {
	struct cm_ctl *ctl;
	const char *given;
	const struct cm_stream *stream;
	bool in_the_past;
	int64_t at;
	bool has_person; /* the address could be read */
	struct cm_person person;
	struct cm_decision decision;
};

/* ---- the views as they were --------------------------------------------- */

static bool same_id(const struct cm_id *a, const struct cm_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static int event_at(struct cm_store_reader *reader, uint64_t seq,
		    struct cm_event *ret_event, struct cm_error *err)
{
	struct cm_span json;
	int rc = cm_store_event(reader, seq, &json, err);

	return rc == CM_OK ? cm_event_decode(json, ret_event, err) : rc;
}

/* Events of one person or family, as they had been written by then. */
struct past {
	struct cm_event *events; /* of the command's arena */
	uint64_t *seqs;
	size_t count;
	size_t room;
};

static int keep_event(const struct question *q, struct past *past,
		      const struct cm_event *event, uint64_t seq,
		      struct cm_error *err)
{
	enum { FIRST = 16 };

	if (past->count == past->room) {
		size_t room = past->room > 0 ? past->room * 2 : FIRST;
		struct past more = *past;

		more.events = cm_arena_array(q->ctl->arena, room,
					     sizeof(*more.events));
		more.seqs =
			cm_arena_array(q->ctl->arena, room, sizeof(*more.seqs));
		if (more.events == NULL || more.seqs == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		if (past->count > 0) {
			memcpy(more.events, past->events,
			       past->count * sizeof(*more.events));
			memcpy(more.seqs, past->seqs,
			       past->count * sizeof(*more.seqs));
		}
		more.room = room;
		*past = more;
	}
	past->events[past->count] = *event;
	past->seqs[past->count++] = seq;
	return CM_OK;
}

static bool is_undone(const struct past *past, const struct cm_event *event)
{
	size_t i;

	for (i = 0; i < past->count; i++) {
		if (same_id(&past->events[i].contact, &event->contact) &&
		    cm_event_undoes(&past->events[i], event))
			return true;
	}
	return false;
}

typedef int apply_fn(struct cm_view *view, const struct cm_event *event,
		     uint64_t seq, struct cm_arena *arena);

static int fold_past(const struct question *q, const struct past *past,
		     apply_fn *apply, struct cm_view *view)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < past->count; i++) {
		if (!is_undone(past, &past->events[i]))
			rc = apply(view, &past->events[i], past->seqs[i],
				   q->ctl->arena);
	}
	return rc == CM_OK ? cm_view_settle(view, q->ctl->arena, view) : rc;
}

static int own_view_then(const struct question *q,
			 struct cm_store_reader *reader, struct cm_view *view,
			 struct cm_error *err)
{
	struct past past = {0};
	struct cm_event event;
	uint64_t *seqs;
	size_t count;
	size_t i;
	int rc = cm_store_events_of(reader, &q->person.contact, &seqs, &count,
				    err);

	for (i = 0; rc == CM_OK && i < count; i++) {
		rc = event_at(reader, seqs[i], &event, err);
		if (rc == CM_OK && event.rec <= q->at)
			rc = keep_event(q, &past, &event, seqs[i], err);
	}
	return rc == CM_OK ? fold_past(q, &past, cm_view_apply, view) : rc;
}

struct family_past {
	const struct question *q;
	struct past past;
};

static int keep_relative(void *ctx, const struct cm_event *event, uint64_t seq,
			 struct cm_error *err)
{
	struct family_past *family = ctx;
	const struct question *q = family->q;

	if (event->rec > q->at || !same_id(&event->family, &q->person.family))
		return CM_OK;
	return keep_event(q, &family->past, event, seq, err);
}

/*
 * A view keeps the newest of each fact only, and nothing that was undone, so
 * what stood then has to be looked for in the ledger itself.
 */
static int family_view_then(const struct question *q, struct cm_view *view,
			    struct cm_error *err)
{
	struct family_past family = {.q = q};
	int rc = cm_ledger_scan(q->ctl, keep_relative, &family, err);

	return rc == CM_OK
		       ? fold_past(q, &family.past, cm_view_apply_family, view)
		       : rc;
}

static int views_then(struct question *q, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_view own;
	struct cm_view family;
	int rc =
		cm_store_read_begin(q->ctl->store, q->ctl->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	memset(&own, 0, sizeof(own));
	memset(&family, 0, sizeof(family));
	rc = own_view_then(q, reader, &own, err);
	cm_store_read_end(&reader);
	if (rc == CM_OK)
		rc = family_view_then(q, &family, err);
	q->person.own = own;
	q->person.family_view = family;
	/* Whether the clock was right then is not on record. */
	q->person.newest_rec = 0;
	return rc;
}

/* ---- the question ------------------------------------------------------- */

static int decide(struct question *q, struct cm_error *err)
{
	struct cm_ctl *ctl = q->ctl;
	const struct cm_classified classified = {
		.class = CM_CLASS_STREAM,
		.stream = q->stream,
		.purposes = q->stream->purposes,
		.npurposes = q->stream->npurposes,
		.rule = "asked",
	};
	int rc = cm_person_identify(ctl, cm_span(q->given), &q->person, err);

	if (rc == CM_EDATA && cm_stream_asks_store(q->stream)) {
		q->decision.verdict = CM_VERDICT_REFUSE;
		q->decision.reason = CM_REASON_BAD_ADDRESS;
		return CM_OK;
	}
	if (rc == CM_OK)
		rc = cm_person_read(ctl, &q->person, err);
	if (rc == CM_OK && q->in_the_past)
		rc = views_then(q, err);
	if (rc != CM_OK)
		return rc;
	q->has_person = true;
	if (!q->in_the_past)
		return cm_ctl_decide(ctl, q->stream, &q->person.contact,
				     &q->person.own, &q->person.family_view,
				     q->person.newest_rec, &q->decision, err);
	cm_decide(ctl->config, &classified, &q->person.own,
		  &q->person.family_view, NULL, q->person.newest_rec, q->at,
		  &q->decision);
	return CM_OK;
}

/* Does this event lift a withdrawal that came in a burst? */
static int each_lift(const struct question *q,
		     void (*each)(const struct question *q,
				  const struct cm_event *event, uint64_t seq,
				  void *ctx),
		     void *ctx, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_event event;
	uint64_t *seqs;
	size_t count, i;
	int rc;

	if (!q->has_person)
		return CM_OK;
	rc = cm_store_read_begin(q->ctl->store, q->ctl->arena, &reader, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_store_events_of(reader, &q->person.contact, &seqs, &count, err);
	for (i = 0; rc == CM_OK && i < count; i++) {
		rc = event_at(reader, seqs[i], &event, err);
		if (rc == CM_OK && event.rec <= q->at &&
		    cm_event_is_of_burst(&event))
			each(q, &event, seqs[i], ctx);
	}
	cm_store_read_end(&reader);
	return rc;
}

static void json_lift(const struct question *q, const struct cm_event *event,
		      uint64_t seq, void *ctx)
{
	struct cm_json_writer *w = ctx;

	(void)q;
	cm_json_begin_object(w);
	cm_json_put_int(w, "seq", (int64_t)seq);
	cm_json_put_time(w, "at", event->at);
	cm_json_put_text(w, "who", event->who);
	cm_json_end(w);
}

static void print_lift(const struct question *q, const struct cm_event *event,
		       uint64_t seq, void *ctx)
{
	char at[CM_CLOCK_TEXT];

	(void)ctx;
	(void)fprintf(q->ctl->out,
		      "note       a withdrawal that came in a burst was taken "
		      "back by %s on %s (event %" PRIu64 ")\n",
		      event->who, cm_clock_format(event->at, at), seq);
}

static void json_seq(struct cm_json_writer *w, bool has, uint64_t seq)
{
	cm_json_name(w, "seq");
	if (has && seq != CM_STORE_SEQ_PENDING)
		cm_json_add_int(w, (int64_t)seq);
	else
		cm_json_add_null(w);
}

static void json_purposes(const struct question *q, struct cm_json_writer *w)
{
	const struct cm_decision *d = &q->decision;
	size_t i;

	cm_json_begin_array(w);
	for (i = 0; i < d->ngrants; i++) {
		cm_json_begin_object(w);
		cm_json_put_text(w, "purpose", d->grants[i].purpose->path);
		cm_json_put_text(w, "basis", cm_basis_name(d->grants[i].basis));
		json_seq(w, true, d->grants[i].seq);
		cm_json_put_time(w, "at", d->grants[i].at);
		cm_json_put_time(w, "until", d->grants[i].until);
		cm_json_end(w);
	}
	if (d->ngrants == 0 && d->purpose != NULL) {
		cm_json_begin_object(w);
		cm_json_put_text(w, "purpose", d->purpose->path);
		cm_json_put_text(w, "basis", NULL);
		json_seq(w, d->has_event, d->seq);
		cm_json_end(w);
	}
	cm_json_end(w);
}

static int why_json(const struct question *q, struct cm_error *err)
{
	const struct cm_decision *d = &q->decision;
	struct cm_out_json json;
	char id[CM_ID_TEXT_LEN];
	int rc;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "decision", cm_verdict_name(d->verdict));
	cm_json_put_text(&json.w, "reason", cm_reason_code(d->reason));
	cm_json_put_text(&json.w, "text", cm_reason_text(d->reason));
	cm_json_put_text(&json.w, "stream", q->stream->name);
	cm_json_put_text(&json.w, "address",
			 q->has_person ? q->person.address.canonical : NULL);
	cm_json_put_text(&json.w, "contact",
			 q->has_person ? cm_out_id(&q->person.contact, id)
				       : NULL);
	cm_json_put_time(&json.w, "asked_for", q->at);
	json_seq(&json.w, d->has_event, d->seq);
	cm_json_put_time(&json.w, "at", d->has_event ? d->at : 0);
	cm_json_put_bool(&json.w, "by_family", d->by_family);
	cm_json_name(&json.w, "purposes");
	json_purposes(q, &json.w);
	cm_json_name(&json.w, "taken_back");
	cm_json_begin_array(&json.w);
	rc = each_lift(q, json_lift, &json.w, err);
	cm_json_end(&json.w);
	cm_json_end(&json.w);
	if (rc == CM_OK)
		return cm_out_json_end(&json, q->ctl->out, err);
	cm_buf_free(&json.buf);
	return rc;
}

/* "event 12 of 2026-01-10T12:00:00Z: granted acme/newsletter, by ..." */
static int print_event(const struct question *q, const char *label,
		       uint64_t seq, struct cm_error *err)
{
	FILE *out = q->ctl->out;
	struct cm_event event;
	struct cm_span json;
	char at[CM_CLOCK_TEXT];
	int rc;

	if (seq == CM_STORE_SEQ_PENDING) {
		(void)fprintf(out,
			      "%-10s a refusal that waits to be written "
			      "into the ledger\n",
			      label);
		return CM_OK;
	}
	rc = cm_ctl_event(q->ctl, seq, &event, &json, err);
	if (rc != CM_OK)
		return rc;
	(void)fprintf(out, "%-10s event %" PRIu64 " of %s: %s%s%s by %s", label,
		      seq, cm_clock_format(event.at, at),
		      cm_event_type_name(event.type),
		      event.purpose[0] != '\0' ? " " : "", event.purpose,
		      cm_actor_name(event.actor));
	if (event.who[0] != '\0')
		(void)fprintf(out, ":%s", event.who);
	if (event.source[0] != '\0')
		(void)fprintf(out, ", source %s", event.source);
	(void)fputc('\n', out);
	return CM_OK;
}

static int print_grants(const struct question *q, struct cm_error *err)
{
	const struct cm_decision *d = &q->decision;
	char until[CM_CLOCK_TEXT];
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < d->ngrants; i++) {
		(void)fprintf(
			q->ctl->out, "%-10s %s, basis %s%s%s\n", "purpose",
			d->grants[i].purpose->path,
			cm_basis_name(d->grants[i].basis),
			d->grants[i].until != 0 ? ", until " : "",
			d->grants[i].until != 0
				? cm_clock_format(d->grants[i].until, until)
				: "");
		rc = print_event(q, "rests on", d->grants[i].seq, err);
	}
	return rc;
}

static int why_text(const struct question *q, struct cm_error *err)
{
	const struct cm_decision *d = &q->decision;
	FILE *out = q->ctl->out;
	char at[CM_CLOCK_TEXT];
	char quoted[CM_QUOTE_LEN];

	(void)fprintf(out, "%s: %s%s\n", cm_verdict_name(d->verdict),
		      cm_reason_text(d->reason),
		      d->by_family ? " (by another address of the same mailbox)"
				   : "");
	(void)fprintf(out, "%-10s %s\n%-10s %s\n", "address",
		      q->has_person ? q->person.address.canonical
				    : cm_quote(cm_span(q->given), quoted),
		      "stream", q->stream->name);
	if (q->stream->mode != CM_MODE_ENFORCE &&
	    cm_stream_asks_store(q->stream))
		(void)fputs("note       the stream is not in mode enforce: "
			    "nobody is refused\n",
			    out);
	if (q->in_the_past)
		(void)fprintf(out, "%-10s %s, by the config of today\n",
			      "as of", cm_clock_format(q->at, at));
	if (d->ngrants > 0)
		return print_grants(q, err);
	if (d->purpose != NULL)
		(void)fprintf(out, "%-10s %s\n", "purpose", d->purpose->path);
	return d->has_event ? print_event(q, "rests on", d->seq, err) : CM_OK;
}

static int read_at(const struct cm_args *args, struct question *q,
		   struct cm_error *err)
{
	const char *at = cm_args_get(args, "at");
	char quoted[CM_QUOTE_LEN];

	q->at = q->ctl->now;
	if (at == NULL)
		return CM_OK;
	if (cm_clock_parse(cm_span(at), &q->at) != CM_OK)
		return cm_fail(err, CM_EUSAGE,
			       "--at: \"%s\" is not an RFC 3339 time, as "
			       "2026-01-31T12:00:00Z",
			       cm_quote(cm_span(at), quoted));
	if (q->at > q->ctl->now)
		return cm_fail(err, CM_EUSAGE, "--at: \"%s\" is yet to come",
			       at);
	q->in_the_past = true;
	return CM_OK;
}

int cm_cmd_why(struct cm_ctl *ctl, const struct cm_args *args,
	       struct cm_error *err)
{
	struct question q = {.ctl = ctl, .given = cm_args_word(args, 0)};
	int rc = cm_word_stream(ctl->config, cm_args_get(args, "stream"),
				&q.stream, err);

	if (rc == CM_OK)
		rc = read_at(args, &q, err);
	if (rc == CM_OK)
		rc = decide(&q, err);
	if (rc == CM_OK)
		rc = ctl->json ? why_json(&q, err) : why_text(&q, err);
	if (rc == CM_OK && !ctl->json)
		rc = each_lift(&q, print_lift, NULL, err);
	if (rc != CM_OK)
		return rc;
	switch (q.decision.verdict) {
	case CM_VERDICT_ALLOW:
		return CM_OK;
	case CM_VERDICT_TEMPFAIL:
		return CM_EAGAIN;
	default:
		return CM_EREFUSED;
	}
}
