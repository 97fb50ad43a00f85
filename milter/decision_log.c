/* See decision_log.h. */
#include "milter/decision_log.h"

#include <string.h>

#include "lib/enc.h"

/* Until the first RCPT is accepted Postfix has no queue id (mta.md, 1). */
#define NO_QUEUE_ID "NOQUEUE"

static const char *const result_names[] = {
	[CM_RESULT_PASSED] = "passed",     [CM_RESULT_OBSERVED] = "observed",
	[CM_RESULT_ACCEPTED] = "accepted", [CM_RESULT_REJECTED] = "rejected",
	[CM_RESULT_HELD] = "held",         [CM_RESULT_DISCARDED] = "discarded",
	[CM_RESULT_TEMPFAIL] = "tempfail", [CM_RESULT_ABORTED] = "aborted",
};

struct counts {
	size_t rcpts, allowed, refused, deferred, unsent, would_refuse;
	size_t by_reason[CM_REASONS];
};

const char *cm_result_name(enum cm_result result)
{
	return result_names[result];
}

/* Where a recipient still in the envelope ends up with the message. */
static size_t *count_of(struct counts *counts, enum cm_result result)
{
	switch (result) {
	case CM_RESULT_TEMPFAIL:
		return &counts->deferred;
	case CM_RESULT_REJECTED:
	case CM_RESULT_DISCARDED:
		return &counts->refused;
	case CM_RESULT_ABORTED:
		return &counts->unsent;
	default:
		return &counts->allowed;
	}
}

static void count_one(struct counts *counts, enum cm_result result,
		      const struct cm_recipient *rcpt)
{
	switch (rcpt->fate) {
	case CM_FATE_REFUSED_RCPT:
		counts->refused++;
		break;
	case CM_FATE_DEFERRED_RCPT:
		counts->deferred++;
		if (rcpt->verdict == CM_VERDICT_TEMPFAIL)
			counts->by_reason[rcpt->reason]++;
		break;
	case CM_FATE_REFUSED:
		/* Deleted, unless the message as a whole went nowhere. */
		if (result == CM_RESULT_TEMPFAIL)
			counts->deferred++;
		else
			counts->refused++;
		break;
	default:
		(*count_of(counts, result))++;
		if (rcpt->verdict == CM_VERDICT_REFUSE)
			counts->would_refuse++;
		break;
	}
	if (rcpt->verdict == CM_VERDICT_REFUSE)
		counts->by_reason[rcpt->reason]++;
}

static void count_all(struct counts *counts, const struct cm_decided *decided)
{
	const struct cm_message *message = decided->message;
	size_t i;

	memset(counts, 0, sizeof(*counts));
	counts->rcpts =
		message->nrcpts + message->rcpts_lost + message->rcpts_deferred;
	counts->deferred = message->rcpts_deferred;
	*count_of(counts, decided->result) += message->rcpts_lost;
	for (i = 0; i < message->nrcpts; i++)
		count_one(counts, decided->result, &message->rcpts[i]);
}

static void add_stream(struct cm_line *line,
		       const struct cm_classified *classified)
{
	static const char *const modes[] = {
		[CM_MODE_OBSERVE] = "observe",
		[CM_MODE_EDIT] = "edit",
		[CM_MODE_ENFORCE] = "enforce",
	};
	static const char *const classes[] = {
		[CM_CLASS_STREAM] = "none",
		[CM_CLASS_PASS] = "none",
		[CM_CLASS_BULK] = "bulk",
		[CM_CLASS_LATER] = "unclear",
		[CM_CLASS_AUTO_REPLY] = "auto-reply",
	};
	const struct cm_stream *stream;

	if (classified == NULL)
		return;
	stream = classified->stream;
	if (stream == NULL) {
		cm_line_text(line, "class", classes[classified->class]);
	} else {
		cm_line_text(line, "stream", stream->name);
		cm_line_text(line, "type", cm_stream_type_name(stream->type));
		if (cm_stream_asks_store(stream))
			cm_line_text(line, "mode", modes[stream->mode]);
	}
	if (classified->rule != NULL)
		cm_line_text(line, "rule", classified->rule);
}

static void add_counts(struct cm_line *line, const struct counts *counts)
{
	size_t i;

	cm_line_int(line, "rcpts", (int64_t)counts->rcpts);
	cm_line_int(line, "allowed", (int64_t)counts->allowed);
	cm_line_int(line, "refused", (int64_t)counts->refused);
	cm_line_int(line, "deferred", (int64_t)counts->deferred);
	if (counts->unsent > 0)
		cm_line_int(line, "unsent", (int64_t)counts->unsent);
	if (counts->would_refuse > 0)
		cm_line_int(line, "would-refuse",
			    (int64_t)counts->would_refuse);
	for (i = 0; i < CM_REASONS; i++)
		if (counts->by_reason[i] > 0)
			cm_line_int(line, cm_reason_code((enum cm_reason)i),
				    (int64_t)counts->by_reason[i]);
}

static void add_edit(struct cm_line *line, const struct cm_edit *edit)
{
	switch (edit->outcome) {
	case CM_BODY_FOOTER:
	case CM_BODY_WRAPPED:
		cm_line_text(line, "edit", cm_body_outcome_name(edit->outcome));
		if (edit->language != NULL)
			cm_line_text(line, "lang", edit->language);
		cm_line_text(line, "proof",
			     edit->gmime_agreed ? "gmime" : "scanner");
		if (edit->outcome == CM_BODY_WRAPPED && edit->disproof == NULL)
			cm_line_text(line, "word", edit->why);
		break;
	case CM_BODY_NOT_WANTED:
		cm_line_text(line, "edit", "headers");
		break;
	case CM_BODY_UNEDITABLE:
		cm_line_text(line, "edit", edit->why);
		break;
	case CM_BODY_DISPROVED:
		cm_line_text(line, "edit", "disproved");
		break;
	}
	/* Whatever became of it then: this is our bug. */
	if (edit->disproof != NULL)
		cm_line_text(line, "disproof", edit->disproof);
}

static struct cm_span subject(const struct cm_decided *decided)
{
	return cm_span(decided->queue_id != NULL ? decided->queue_id
						 : NO_QUEUE_ID);
}

static void log_summary(struct cm_log *log, const struct cm_decided *decided)
{
	struct cm_line line;
	struct counts counts;

	count_all(&counts, decided);
	cm_line_init(&line, subject(decided));
	add_stream(&line, decided->classified);
	cm_line_text(&line, "result", cm_result_name(decided->result));
	if (decided->why != NULL)
		cm_line_text(&line, "why", decided->why);
	add_counts(&line, &counts);
	if (decided->edit != NULL)
		add_edit(&line, decided->edit);
	cm_line_ms(&line, "ms", decided->us);
	cm_line_write(&line, log, CM_LOG_INFO);
	cm_line_free(&line);
}

static bool is_told(const struct cm_recipient *rcpt)
{
	return rcpt->fate == CM_FATE_REFUSED ||
	       rcpt->fate == CM_FATE_REFUSED_RCPT;
}

static void log_refused(struct cm_log *log, const struct cm_decided *decided,
			const struct cm_recipient *rcpt)
{
	struct cm_line line;

	cm_line_init(&line, subject(decided));
	(void)cm_buf_adds(&line.buf, " refused");
	if (rcpt->has_contact)
		cm_line_hex(&line, "contact", rcpt->contact.b,
			    sizeof(rcpt->contact.b));
	else
		cm_line_text(&line, "contact", "unreadable");
	cm_line_text(&line, "reason", cm_reason_code(rcpt->reason));
	cm_line_text(&line, "stage",
		     rcpt->fate == CM_FATE_REFUSED_RCPT ? "rcpt" : "eom");
	if (rcpt->has_event)
		cm_line_int(&line, "event", (int64_t)rcpt->seq);
	if (rcpt->by_family)
		cm_line_text(&line, "by", "family");
	if (decided->classified != NULL && decided->classified->stream != NULL)
		cm_line_text(&line, "stream",
			     decided->classified->stream->name);
	cm_line_write(&line, log, CM_LOG_INFO);
	cm_line_free(&line);
}

void cm_decision_log(struct cm_log *log, const struct cm_decided *decided)
{
	const struct cm_message *message = decided->message;
	size_t i;

	log_summary(log, decided);
	/* After a 451 the message comes again, and is decided again. */
	for (i = 0; i < message->nrcpts; i++) {
		const struct cm_recipient *rcpt = &message->rcpts[i];

		if (is_told(rcpt) && (rcpt->fate == CM_FATE_REFUSED_RCPT ||
				      decided->result != CM_RESULT_TEMPFAIL))
			log_refused(log, decided, rcpt);
	}
}

/* ---- read again --------------------------------------------------------- */

/* Values of these keys need no quotes, but for a stream's odd name. */
static struct cm_span unquote(struct cm_span value)
{
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		return cm_span_n(value.p + 1, value.n - 2);
	return value;
}

/* One "key=value" of the rest; a value in quotes may hold blanks. */
static struct cm_span next_pair(struct cm_span *rest)
{
	struct cm_span pair = cm_span_trim(*rest);
	bool quoted = false;
	size_t n;

	for (n = 0; n < pair.n && (quoted || pair.p[n] != ' '); n++)
		if (pair.p[n] == '"' && (n == 0 || pair.p[n - 1] != '\\'))
			quoted = !quoted;
	*rest = cm_span_n(pair.p + n, pair.n - n);
	return cm_span_n(pair.p, n);
}

static bool find_reason(struct cm_span code, enum cm_reason *ret_reason)
{
	size_t i;

	for (i = 0; i < CM_REASONS; i++) {
		if (!cm_span_eq(code,
				cm_span(cm_reason_code((enum cm_reason)i))))
			continue;
		*ret_reason = (enum cm_reason)i;
		return true;
	}
	return false;
}

/* Takes what it knows; false for a value that nobody wrote. */
static bool take_pair(struct cm_refused_line *line, struct cm_span pair,
		      bool *has_reason)
{
	struct cm_span value = pair;
	struct cm_span key = cm_span_cut(&value, '=');
	size_t n;

	if (cm_span_is(key, "contact")) {
		if (cm_span_is(value, "unreadable"))
			return true;
		line->has_contact = true;
		return cm_hex_decode(value, line->contact.b,
				     sizeof(line->contact.b), &n) == CM_OK &&
		       n == sizeof(line->contact.b);
	}
	if (cm_span_is(key, "reason")) {
		*has_reason = true;
		return find_reason(value, &line->reason);
	}
	if (cm_span_is(key, "stage"))
		line->at_rcpt = cm_span_is(value, "rcpt");
	else if (cm_span_is(key, "stream"))
		line->stream = unquote(value);
	return true;
}

int cm_decision_log_refused(struct cm_span text,
			    struct cm_refused_line *ret_line)
{
	struct cm_refused_line line = {.has_contact = false};
	struct cm_span rest = text;
	bool has_reason = false;

	line.queue_id = cm_span_cut(&rest, ':');
	if (!cm_span_is(next_pair(&rest), "refused"))
		return CM_ENOTFOUND;
	while (rest.n > 0)
		if (!take_pair(&line, next_pair(&rest), &has_reason))
			return CM_EDATA;
	if (!has_reason)
		return CM_EDATA;
	*ret_line = line;
	return CM_OK;
}
