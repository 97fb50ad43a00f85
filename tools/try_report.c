/* See try_report.h. */
#include "tools/try_report.h"

#include <inttypes.h>
#include <string.h>

#include "milter/edit_word.h"
#include "tools/ctl_output.h"

enum { SHOWN_MAX = 60 }; /* octets of a piece that stand in the plan itself */

static const char *const modes[] = {
	[CM_MODE_OBSERVE] = "observe",
	[CM_MODE_EDIT] = "edit",
	[CM_MODE_ENFORCE] = "enforce",
};

/* ---- words ------------------------------------------------------------- */

static bool is_passed(enum cm_result result)
{
	return result == CM_RESULT_PASSED;
}

static const char *fate_of(const struct cm_decided *decided,
			   const struct cm_recipient *rcpt)
{
	switch (rcpt->fate) {
	case CM_FATE_REFUSED:
	case CM_FATE_REFUSED_RCPT:
		return "refused";
	case CM_FATE_DEFERRED_RCPT:
		return "deferred";
	default:
		break;
	}
	if (decided->result == CM_RESULT_TEMPFAIL)
		return "deferred";
	if (is_passed(decided->result))
		return "not asked for";
	return rcpt->verdict == CM_VERDICT_REFUSE ? "would be refused"
						  : "allowed";
}

/* A reason was found, and not only a default. */
static bool has_reason(const struct cm_recipient *rcpt)
{
	return rcpt->verdict == CM_VERDICT_REFUSE || rcpt->has_event;
}

static const char *result_of(const struct cm_decided *decided)
{
	return decided->result == CM_RESULT_ABORTED
		       ? "nobody is left"
		       : cm_result_name(decided->result);
}

/* On one line and printable, whatever the message or a template held. */
static const char *printable(const struct cm_try_report *report,
			     struct cm_span text)
{
	char *copy = cm_arena_dup(report->arena, text.p, text.n);
	char *to = copy;
	size_t i;

	if (copy == NULL)
		return "";
	for (i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c != '\n' && c != '\r')
			*to++ = c >= ' ' && c <= '~' ? c : '?';
	}
	*to = '\0';
	return copy;
}

static bool is_shown(struct cm_span piece)
{
	size_t i;

	for (i = 0; i < piece.n; i++)
		if (piece.p[i] < ' ' || piece.p[i] > '~')
			return false;
	return piece.n > 0 && piece.n <= SHOWN_MAX;
}

/* ---- for a person ------------------------------------------------------ */

static void text_stream(const struct cm_try_report *report, FILE *out)
{
	const struct cm_classified *c = report->decided->classified;

	if (c == NULL)
		return;
	if (c->stream == NULL)
		(void)fputs("stream: none", out);
	else
		(void)fprintf(out, "stream: %s", c->stream->name);
	if (c->rule != NULL)
		(void)fprintf(out, " (rule: %s)", c->rule);
	if (c->stream != NULL && !cm_stream_is_marketing(c->stream))
		(void)fprintf(out, ", %s: untouched",
			      cm_stream_type_name(c->stream->type));
	if (c->stream != NULL && cm_stream_asks_store(c->stream))
		(void)fprintf(out, ", mode %s", modes[c->stream->mode]);
	(void)fputc('\n', out);
}

static void text_recipient(const struct cm_try_report *report,
			   const struct cm_recipient *rcpt, FILE *out)
{
	char typed[CM_QUOTE_LEN];

	(void)fprintf(out, "%s: %s", cm_quote(cm_span(rcpt->typed), typed),
		      fate_of(report->decided, rcpt));
	if (has_reason(rcpt))
		(void)fprintf(out, ", %s", cm_reason_text(rcpt->reason));
	if (rcpt->by_family)
		(void)fputs(" (of an address of the same family)", out);
	if (rcpt->has_event)
		(void)fprintf(out, ", event %" PRIu64, rcpt->seq);
	(void)fputc('\n', out);
}

static void text_header(const struct cm_try_report *report,
			const struct cm_header_edit *header, FILE *out)
{
	const char *name = printable(report, cm_span(header->name));

	if (header->op == CM_HEADER_DELETE)
		(void)fprintf(out, "header: remove %s, number %u of the name\n",
			      name, header->nth);
	else
		(void)fprintf(out, "header: insert %s: %s\n", name,
			      printable(report, cm_span(header->value)));
}

static void text_splice(const struct cm_try_report *report,
			const struct cm_splice *splice, FILE *out)
{
	char insert[CM_COUNT_LEN];
	char remove[CM_COUNT_LEN];
	char at[CM_COUNT_LEN];

	(void)cm_out_count(splice->insert.n, insert);
	(void)cm_out_count(splice->at, at);
	(void)fprintf(out, "  part %s %s: ", splice->part, splice->what);
	if (splice->insert.n == 0)
		(void)fprintf(out, "not true any more, remove %s bytes",
			      cm_out_count(splice->remove, remove));
	else if (splice->remove > 0)
		(void)fprintf(out, "put %s bytes in place of %s", insert,
			      cm_out_count(splice->remove, remove));
	else
		(void)fprintf(out, "insert %s bytes", insert);
	(void)fprintf(out, " at %s", at);
	if (is_shown(splice->insert))
		(void)fprintf(out, ": \"%s\"",
			      printable(report, splice->insert));
	(void)fputc('\n', out);
}

static void text_new_body(const struct cm_try_report *report, FILE *out)
{
	const struct cm_edit *edit = report->decided->edit;
	size_t i;

	(void)fprintf(
		out, "body: %s",
		edit->outcome == CM_BODY_WRAPPED
			? "as the first part of a new message, the footer "
			  "as the second"
			: "footer");
	if (edit->language != NULL)
		(void)fprintf(out, ", language %s (%s/%s)", edit->language,
			      report->config->templates, edit->language);
	(void)fputc('\n', out);
	for (i = 0; i < edit->nsplices; i++)
		text_splice(report, &edit->splices[i], out);
	(void)fprintf(out, "  proved by our own reader%s\n",
		      edit->gmime_agreed ? " and GMime" : "");
}

static void text_body(const struct cm_try_report *report, FILE *out)
{
	const struct cm_edit *edit = report->decided->edit;
	const struct cm_edit_word *word = cm_edit_word_of(edit);

	if (cm_edit_has_body(edit))
		text_new_body(report, out);
	else
		(void)fputs("body: left as it came\n", out);
	if (word == NULL)
		return;
	(void)fprintf(out, "  %s: %s", word->word, word->sentence);
	if (word->advice != NULL)
		(void)fprintf(out, " %s", word->advice);
	(void)fputc('\n', out);
}

static void text_edit(const struct cm_try_report *report, FILE *out)
{
	const struct cm_edit *edit = report->decided->edit;
	size_t i;

	if (report->decided->result == CM_RESULT_OBSERVED)
		(void)fputs("mode observe: what follows is not done\n", out);
	for (i = 0; i < edit->nheaders; i++)
		text_header(report, &edit->headers[i], out);
	text_body(report, out);
}

void cm_try_report_text(const struct cm_try_report *report, FILE *out)
{
	const struct cm_decided *decided = report->decided;
	size_t i;

	text_stream(report, out);
	for (i = 0; i < decided->message->nrcpts; i++)
		text_recipient(report, &decided->message->rcpts[i], out);
	if (decided->edit != NULL)
		text_edit(report, out);
	if (decided->why != NULL)
		(void)fprintf(out, "because: %s\n", decided->why);
	if (decided->result != CM_RESULT_ACCEPTED && report->reply[0] != '\0')
		(void)fprintf(out, "reply: %s\n", report->reply);
	(void)fprintf(out, "result: %s\n", result_of(decided));
}

/* ---- for a program ----------------------------------------------------- */

static void json_stream(const struct cm_classified *c, struct cm_json_writer *w)
{
	cm_json_name(w, "stream");
	if (c == NULL || c->stream == NULL) {
		cm_json_add_null(w);
	} else {
		bool service = c->stream->type == CM_STREAM_SERVICE;

		cm_json_begin_object(w);
		cm_json_put_text(w, "name", c->stream->name);
		cm_json_put_text(w, "type",
				 cm_stream_type_name(c->stream->type));
		cm_json_put_text(w, "mode",
				 service ? NULL : modes[c->stream->mode]);
		cm_json_end(w);
	}
	cm_json_put_text(w, "rule", c != NULL ? c->rule : NULL);
}

static void json_recipients(const struct cm_decided *decided,
			    struct cm_json_writer *w)
{
	size_t i;

	cm_json_name(w, "recipients");
	cm_json_begin_array(w);
	for (i = 0; i < decided->message->nrcpts; i++) {
		const struct cm_recipient *r = &decided->message->rcpts[i];
		char typed[CM_QUOTE_LEN];

		cm_json_begin_object(w);
		cm_json_put_text(w, "recipient",
				 cm_quote(cm_span(r->typed), typed));
		cm_json_put_text(w, "fate", fate_of(decided, r));
		cm_json_put_text(w, "reason",
				 has_reason(r) ? cm_reason_code(r->reason)
					       : NULL);
		cm_json_put_bool(w, "family", r->by_family);
		cm_json_name(w, "seq");
		if (r->has_event)
			cm_json_add_int(w, (int64_t)r->seq);
		else
			cm_json_add_null(w);
		cm_json_end(w);
	}
	cm_json_end(w);
}

static void json_headers(const struct cm_try_report *report,
			 struct cm_json_writer *w)
{
	const struct cm_edit *edit = report->decided->edit;
	size_t i;

	cm_json_name(w, "headers");
	cm_json_begin_array(w);
	for (i = 0; edit != NULL && i < edit->nheaders; i++) {
		const struct cm_header_edit *h = &edit->headers[i];

		cm_json_begin_object(w);
		cm_json_put_text(w, "do",
				 h->op == CM_HEADER_DELETE ? "remove"
							   : "insert");
		cm_json_put_text(w, "name",
				 printable(report, cm_span(h->name)));
		if (h->op == CM_HEADER_DELETE)
			cm_json_put_int(w, "number", h->nth);
		else
			cm_json_put_text(w, "value",
					 printable(report, cm_span(h->value)));
		cm_json_end(w);
	}
	cm_json_end(w);
}

static void json_splices(const struct cm_edit *edit, struct cm_json_writer *w)
{
	size_t i;

	cm_json_name(w, "changes");
	cm_json_begin_array(w);
	for (i = 0; i < edit->nsplices; i++) {
		const struct cm_splice *splice = &edit->splices[i];

		cm_json_begin_object(w);
		cm_json_put_text(w, "part", splice->part);
		cm_json_put_text(w, "what", splice->what);
		cm_json_put_int(w, "at", (int64_t)splice->at);
		cm_json_put_int(w, "remove", (int64_t)splice->remove);
		cm_json_put_int(w, "insert", (int64_t)splice->insert.n);
		cm_json_end(w);
	}
	cm_json_end(w);
}

static void json_readers(const struct cm_edit *edit, struct cm_json_writer *w)
{
	cm_json_name(w, "readers");
	cm_json_begin_array(w);
	if (cm_edit_has_body(edit))
		cm_json_add_text(w, cm_span("scanner"));
	if (edit->gmime_agreed)
		cm_json_add_text(w, cm_span("gmime"));
	cm_json_end(w);
}

static void json_body(const struct cm_edit *edit, struct cm_json_writer *w)
{
	const struct cm_edit_word *word;

	cm_json_name(w, "body");
	if (edit == NULL) {
		cm_json_add_null(w);
		return;
	}
	word = cm_edit_word_of(edit);
	cm_json_begin_object(w);
	cm_json_put_text(w, "outcome", cm_body_outcome_name(edit->outcome));
	cm_json_put_text(w, "why", word != NULL ? word->word : NULL);
	cm_json_put_text(w, "sentence", word != NULL ? word->sentence : NULL);
	cm_json_put_text(w, "advice", word != NULL ? word->advice : NULL);
	cm_json_put_text(w, "language",
			 cm_edit_has_body(edit) ? edit->language : NULL);
	json_readers(edit, w);
	json_splices(edit, w);
	cm_json_end(w);
}

void cm_try_report_json(const struct cm_try_report *report,
			struct cm_json_writer *w)
{
	const struct cm_decided *decided = report->decided;

	cm_json_put_text(w, "result", cm_result_name(decided->result));
	cm_json_put_text(w, "because", decided->why);
	cm_json_put_text(w, "reply",
			 decided->result != CM_RESULT_ACCEPTED &&
					 report->reply[0] != '\0'
				 ? report->reply
				 : NULL);
	json_stream(decided->classified, w);
	json_recipients(decided, w);
	json_headers(report, w);
	json_body(decided->edit, w);
}
