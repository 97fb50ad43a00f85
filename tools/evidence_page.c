/*
 * The page that one hands over: index.html of an evidence folder.
 *
 * One file, no script, nothing from elsewhere; prints well.  Whatever comes
 * from people is escaped, and shown as it was kept.
 */
#include "tools/evidence.h"

#include "tools/html.h"
#include "tools/terms_text.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/json.h"
#include "policy/config.h"
#include "policy/reason.h"

/* ---- pieces ------------------------------------------------------------- */

static void lack(struct cm_buf *out, const char *text)
{
	(void)cm_buf_addf(out, "<span class=\"lack\">%s</span>", text);
}

static void put_purpose(const struct cm_evidence *e, struct cm_buf *out,
			const char *path)
{
	const struct cm_purpose *purpose =
		cm_config_purpose(e->ctl->config, cm_span(path));

	if (purpose != NULL) {
		cm_html_puts(out, purpose->title);
		(void)cm_buf_adds(out, " (");
	}
	(void)cm_buf_adds(out, "<code>");
	cm_html_puts(out, path);
	(void)cm_buf_adds(out, purpose != NULL ? "</code>)" : "</code>");
}

static void put_verdict(struct cm_buf *out, const struct cm_decision *decision)
{
	bool yes = decision->verdict == CM_VERDICT_ALLOW;

	(void)cm_buf_addf(out,
			  "<span class=\"%s\">%s</span>: ", yes ? "may" : "not",
			  yes ? "may be sent" : "may not be sent");
	cm_html_puts(out, cm_reason_text(decision->reason));
	if (decision->by_family)
		(void)cm_buf_adds(out, ", said by another address of the same "
				       "mailbox");
}

/* ---- an event ----------------------------------------------------------- */

static void put_when(const struct cm_evidence_event *item, struct cm_buf *out)
{
	cm_html_row_begin(out, "Happened");
	if (item->kept->event.untimed)
		lack(out, "no time was given");
	else
		cm_html_time(out, item->kept->event.at);
	cm_html_row_end(out);
	cm_html_row_begin(out, "Recorded");
	cm_html_time(out, item->kept->event.rec);
	cm_html_row_end(out);
}

/* What the words of the ledger mean to who never saw it. */
static const char *way(const char *channel)
{
	static const struct {
		const char *channel, *words;
	} ways[] = {
		{"cli", "entered by hand, with consentctl"},
		{"import", "taken over from a list, with consentctl"},
		{"one-click", "the mail program's unsubscribe button"},
		{"page", "the unsubscribe page"},
		{"api", "a program of ours, with an API key"},
		{"merge", "brought along from another address of this person"},
		{"correct", "brought along from an address that was wrong"},
		{"retired", "given up for another address of this person"},
	};
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].channel, channel) == 0)
			return ways[i].words;
	}
	return channel;
}

static void put_who(const struct cm_event *event, struct cm_buf *out)
{
	static const char *const actors[CM_ACTORS] = {
		[CM_ACTOR_PERSON] = "the person, by the link in a mail to them",
		[CM_ACTOR_ADMIN] = "an administrator on the person's behalf",
		[CM_ACTOR_IMPORT] = "a list that was imported",
		[CM_ACTOR_SYSTEM] = "the mail system",
	};

	cm_html_row_begin(out, "Recorded by");
	cm_html_puts(out, actors[event->actor]);
	if (event->who[0] != '\0') {
		(void)cm_buf_adds(out, " (");
		cm_html_puts(out, event->who);
		(void)cm_buf_adds(out, ")");
	}
	cm_html_row_end(out);
	if (event->channel[0] != '\0')
		cm_html_row(out, "Way", way(event->channel));
	if (event->batch[0] != '\0')
		cm_html_row(out, "Import", event->batch);
}

static void put_basis(const struct cm_event *event, struct cm_buf *out)
{
	if (!cm_event_type_asks(event->type))
		return;
	cm_html_row_begin(out, "Given at");
	if (event->source[0] != '\0')
		cm_html_puts(out, event->source);
	else
		lack(out, "no record");
	cm_html_row_end(out);
	cm_html_row(out, "Basis",
		    event->basis == CM_BASIS_SOFT_OPT_IN
			    ? "existing customer, soft opt-in (Directive "
			      "2002/58/EC, "
			      "Article 13(2))"
			    : "consent (GDPR, Article 6(1)(a))");
	cm_term_rows(out, event);
	if (event->attested)
		cm_html_row(out, "Attested",
			    "yes, by a named person: see evidence");
}

static void put_notice(const struct cm_evidence_event *item, struct cm_buf *out)
{
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1];

	if (!cm_event_type_asks(item->kept->event.type) &&
	    !item->kept->event.has_notice)
		return;
	cm_html_row_begin(out, "Text shown");
	if (item->kept->notice.n > 0) {
		(void)cm_buf_adds(out, "<div class=\"text\">");
		cm_html_put(out, item->kept->notice);
		(void)cm_buf_adds(out, "</div>");
	} else {
		lack(out, "no record of the text shown");
	}
	if (item->kept->event.has_notice) {
		(void)cm_hex_encode(item->kept->event.notice.b, CM_HASH_LEN,
				    hex);
		(void)cm_buf_addf(out, "<code>SHA-256 %s</code>", hex);
	}
	cm_html_row_end(out);
}

static void put_evidence(const struct cm_evidence_event *item,
			 struct cm_buf *out)
{
	if (!cm_event_type_asks(item->kept->event.type) &&
	    !item->kept->event.has_evidence)
		return;
	cm_html_row_begin(out, "Evidence kept");
	if (item->kept->salted.n > 0)
		cm_html_evidence(out, cm_record_evidence(item->kept));
	else
		lack(out, item->kept->evidence_erased
				  ? "erased since"
				  : "none besides this record");
	cm_html_row_end(out);
}

static void put_states(const struct cm_evidence_event *item, struct cm_buf *out)
{
	size_t i;

	cm_html_row_begin(out, "What followed");
	if (item->nstates == 0)
		(void)cm_buf_adds(out, "nothing changed");
	for (i = 0; i < item->nstates; i++) {
		(void)cm_buf_adds(out, "<div>");
		cm_html_puts(out, item->states[i].purpose->title);
		(void)cm_buf_adds(out, " ");
		put_verdict(out, &item->states[i].decision);
		(void)cm_buf_adds(out, "</div>");
	}
	cm_html_row_end(out);
}

static void put_place(const struct cm_evidence *e,
		      const struct cm_evidence_event *item, struct cm_buf *out)
{
	cm_html_row_begin(out, "In the ledger");
	(void)cm_buf_addf(out, "event %" PRIu64, item->kept->seq);
	if (item->head != NULL) {
		(void)cm_buf_addf(out,
				  ", vouched for by the signed head of %" PRIu64
				  " events",
				  item->head->checkpoint.size);
		if (cm_evidence_stamped(e->ctl, item->head))
			(void)cm_buf_adds(out, ", which bears a time stamp");
	} else {
		(void)cm_buf_adds(out, "; ");
		lack(out, "not signed for yet");
	}
	cm_html_row_end(out);
}

/* Green for what allows, red for what refuses, grey for the rest. */
static const char *colour(const struct cm_event *event)
{
	enum cm_fact_kind kind = cm_event_fact(event);

	if (kind != CM_FACT_KINDS && cm_fact_refuses(kind))
		return " no";
	return cm_event_type_grants(event->type) && cm_event_is_proven(event)
		       ? " yes"
		       : "";
}

static void put_event(const struct cm_evidence *e, size_t i, struct cm_buf *out)
{
	const struct cm_evidence_event *item = &e->events[i];
	const struct cm_event *event = &item->kept->event;

	(void)cm_buf_addf(out, "<section class=\"event%s\"><h3>%zu. %s",
			  colour(event), i + 1, cm_evidence_heading(event));
	if (event->type == CM_EVENT_CLEARED)
		(void)cm_buf_addf(out, ": %s", cm_event_type_name(event->mark));
	(void)cm_buf_adds(out, "</h3>\n<table>\n");
	if (event->to[0] != '\0')
		cm_html_row(out, "To", event->to);
	if (event->right[0] != '\0')
		cm_html_row(out, "Right", event->right);
	cm_html_row_begin(out, "What for");
	if (event->purpose[0] != '\0')
		put_purpose(e, out, event->purpose);
	else
		(void)cm_buf_adds(out, "everything");
	cm_html_row_end(out);
	put_when(item, out);
	put_who(event, out);
	put_basis(event, out);
	put_notice(item, out);
	put_evidence(item, out);
	put_states(item, out);
	put_place(e, item, out);
	(void)cm_buf_adds(out, "</table></section>\n");
}

/* ---- the page ----------------------------------------------------------- */

static void put_head(const struct cm_evidence *e, struct cm_buf *out)
{
	const struct cm_config *config = e->ctl->config;
	char id[CM_ID_TEXT_LEN];
	const char *title;

	title = cm_arena_printf(e->ctl->arena, "Record of consent: %s",
				e->person.address.canonical);
	cm_html_page_begin(out, title != NULL ? title : "Record of consent",
			   NULL);
	(void)cm_buf_adds(out, "<h1>Record of consent</h1>\n<p class=\"sub\">");
	cm_html_puts(out, e->person.address.canonical);
	(void)cm_buf_adds(out, "</p>\n<table>\n");
	cm_html_row_begin(out, "Kept by");
	cm_html_puts(out, config->controller_name);
	(void)cm_buf_adds(out, ", ");
	cm_html_puts(out, config->controller_address);
	cm_html_row_end(out);
	cm_html_row(out, "Contact", config->controller_contact);
	cm_html_row_begin(out, "Person");
	cm_html_puts(out, e->person.address.canonical);
	(void)cm_buf_addf(out, "<br>in the ledger as <code>%s</code>",
			  cm_out_id(&e->person.contact, id));
	cm_html_row_end(out);
	cm_html_row_begin(out, "Handed out");
	cm_html_time(out, e->ctl->now);
	(void)cm_buf_adds(out, " by ");
	cm_html_puts(out, e->who);
	cm_html_row_end(out);
	(void)cm_buf_adds(out, "</table>\n");
}

static void put_today(const struct cm_evidence *e, struct cm_buf *out)
{
	const struct cm_config *config = e->ctl->config;
	size_t i;

	(void)cm_buf_adds(out, "<h2>Where the person stands</h2>\n"
			       "<table class=\"list\">\n");
	for (i = 0; i < config->npurposes; i++) {
		const struct cm_decision *decision = &e->standings[i].decision;

		(void)cm_buf_adds(out, "<tr><td>");
		put_purpose(e, out, config->purposes[i].path);
		(void)cm_buf_adds(out, "</td><td>");
		put_verdict(out, decision);
		if (decision->has_event) {
			(void)cm_buf_adds(out, ", since ");
			cm_html_time(out, decision->at);
		}
		if (e->standings[i].until != 0 &&
		    decision->verdict == CM_VERDICT_ALLOW) {
			(void)cm_buf_adds(out, ", until ");
			cm_html_time(out, e->standings[i].until);
		}
		cm_html_row_end(out);
	}
	(void)cm_buf_adds(out, "</table>\n");
}

static void put_missing(const struct cm_evidence *e, struct cm_buf *out)
{
	struct cm_span rest =
		cm_span_n(cm_buf_text(&e->missing), e->missing.len);

	(void)cm_buf_adds(out, "<h2>What is missing</h2>\n");
	if (rest.n == 0) {
		(void)cm_buf_adds(out, "<p>Nothing that these records should "
				       "have.</p>\n");
		return;
	}
	(void)cm_buf_adds(out, "<ul class=\"lack\">\n");
	while (rest.n > 0) {
		(void)cm_buf_adds(out, "<li>");
		cm_html_put(out, cm_span_cut(&rest, '\n'));
		(void)cm_buf_adds(out, "</li>\n");
	}
	(void)cm_buf_adds(out, "</ul>\n");
}

static void put_proofs(const struct cm_evidence *e, struct cm_buf *out)
{
	char key[CM_NOTE_KEY_TEXT];

	(void)cm_buf_adds(out, "<h2>How far this can be trusted</h2>\n");
	if (!e->has_heads) {
		(void)cm_buf_adds(out, "<p>There is no signed head of the "
				       "ledger: these records rest on the "
				       "word of who keeps them.</p>\n");
		return;
	}
	cm_note_key_public(&e->heads.key, key);
	(void)cm_buf_adds(
		out,
		"<p>Every event above was written into a ledger that can only "
		"grow. Its head was signed from time to time; whoever holds "
		"one of these heads can tell whether anything before it was "
		"changed, taken out, moved or put in later. The files beside "
		"this page prove it for each event, with the public key "
		"alone:</p>\n<p><code>");
	cm_html_puts(out, key);
	(void)cm_buf_adds(
		out,
		"</code></p>\n<p>Compare this key with one that you have by "
		"another way. <code>README.txt</code> tells how to check "
		"everything, with <code>consent-verify</code> or with nothing "
		"but <code>openssl</code>.</p>\n"
		"<p>The proofs say that these records are as they were "
		"written, and in this order. They do not say that what was "
		"written is true, nor that everything was written down. This "
		"page only shows the records; where it and a record differ, "
		"the record counts.</p>\n");
}

void cm_evidence_page(const struct cm_evidence *e, struct cm_buf *out)
{
	size_t i;

	put_head(e, out);
	put_today(e, out);
	put_missing(e, out);
	(void)cm_buf_adds(out, "<h2>What happened</h2>\n<p class=\"sub\">In "
			       "the order in which it was recorded.</p>\n");
	for (i = 0; i < e->count; i++)
		put_event(e, i, out);
	put_proofs(e, out);
	cm_html_page_end(out);
}
