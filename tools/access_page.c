/* The page of an access folder, in words for the person: see access.h. */
#include "tools/access.h"

#include "policy/config.h"
#include "policy/reason.h"
#include "tools/ctl_output.h"
#include "tools/html.h"
#include "tools/terms_text.h"

static const char style[] =
	".list td:first-child{width:34%}"
	"dl{margin:.4rem 0}dt{font-weight:600;margin-top:.6rem}"
	"dd{margin:0 0 0 1rem}";

static void put_purpose(const struct cm_record *r, struct cm_buf *out,
			const char *path)
{
	const struct cm_purpose *purpose =
		path[0] != '\0' ? cm_config_purpose(r->config, cm_span(path))
				: NULL;

	if (path[0] == '\0')
		(void)cm_buf_adds(out, "all marketing");
	else
		cm_html_puts(out, purpose != NULL ? purpose->title : path);
}

static const char *heading(const struct cm_event *event)
{
	static const char *const headings[CM_EVENT_TYPES] = {
		[CM_EVENT_REQUESTED] = "You were signed up, unconfirmed",
		[CM_EVENT_GRANTED] = "You agreed",
		[CM_EVENT_CONFIRMED] = "You confirmed that you agree",
		[CM_EVENT_WITHDRAWN] = "You took your consent back",
		[CM_EVENT_OBJECTED] = "You objected to all marketing",
		[CM_EVENT_COMPLAINED] = "You marked a mail as spam",
		[CM_EVENT_UNDELIVERABLE] = "Mail to you came back",
		[CM_EVENT_RESTRICTED] = "The use of your data was restricted",
		[CM_EVENT_CLEARED] = "A mark was lifted",
		[CM_EVENT_ERASED] = "Your data was erased",
		[CM_EVENT_ASKED] = "You were asked whether to go on",
		[CM_EVENT_CORRECTED] = "A list that we took over was undone",
		[CM_EVENT_DISCLOSED] = "Your data was handed out",
		[CM_EVENT_REQUEST_OPENED] = "You asked us for something",
		[CM_EVENT_REQUEST_EXTENDED] = "We took more time for it",
		[CM_EVENT_REQUEST_CLOSED] = "We answered what you asked",
	};
	bool proven = cm_event_is_proven(event);

	if (!proven && cm_event_type_grants(event->type))
		return "A list said that you agreed, without proof: it does "
		       "not count";
	if (event->type == CM_EVENT_GRANTED &&
	    event->basis == CM_BASIS_SOFT_OPT_IN)
		return "You bought from us, so that we may write about "
		       "similar things";
	if (cm_event_is_of_burst(event))
		return "We undid your unsubscribing: a program seems to have "
		       "done it, for many people at once";
	if (cm_event_fact(event) == CM_FACT_TAKEN_BACK)
		return "You took your click back and get these mails again";
	return headings[event->type];
}

static void put_head(const struct cm_record *r, struct cm_buf *out)
{
	const struct cm_config *config = r->config;
	char id[CM_ID_TEXT_LEN];

	cm_html_page_begin(out, "What we keep about you", style);
	(void)cm_buf_adds(out, "<h1>What we keep about you</h1>\n"
			       "<p class=\"sub\">An answer under Article 15 of "
			       "the GDPR, about consent to marketing by "
			       "e-mail</p>\n<table>\n");
	cm_html_row_begin(out, "From");
	cm_html_puts(out, config->controller_name);
	(void)cm_buf_adds(out, ", ");
	cm_html_puts(out, config->controller_address);
	cm_html_row_end(out);
	cm_html_row(out, "Contact", config->controller_contact);
	cm_html_row_begin(out, "Made");
	cm_html_time(out, r->now);
	cm_html_row_end(out);
	(void)cm_buf_adds(out, "</table>\n<h2>Your address</h2>\n<table>\n");
	cm_html_row(out, "Asked about", r->email);
	cm_html_row_begin(out, "Kept as");
	if (r->canonical.n > 0)
		cm_html_put(out, r->canonical);
	else
		(void)cm_buf_adds(out, "not kept: only the id below is");
	cm_html_row_end(out);
	if (r->as_given.n > 0 && !cm_span_eq(r->as_given, r->canonical)) {
		cm_html_row_begin(out, "As it came to us");
		cm_html_put(out, r->as_given);
		cm_html_row_end(out);
	}
	cm_html_row_begin(out, "Your id");
	(void)cm_buf_addf(out,
			  "<code>%s</code><br>made of your address with a "
			  "secret key; it stands for you in our records",
			  cm_out_id(&r->contact, id));
	cm_html_row_end(out);
	if (r->own.language[0] != '\0')
		cm_html_row(out, "Language", r->own.language);
	(void)cm_buf_adds(out, "</table>\n");
}

static void put_standing(const struct cm_standing *standing, struct cm_buf *out)
{
	const struct cm_decision *d = &standing->decision;
	bool yes = d->verdict == CM_VERDICT_ALLOW;

	(void)cm_buf_adds(out, "<tr><td>");
	cm_html_puts(out, standing->purpose->title);
	(void)cm_buf_addf(out, "</td><td><span class=\"%s\">%s</span>: ",
			  yes ? "may" : "not",
			  yes ? "we may write to you" : "we do not write");
	cm_html_puts(out, cm_reason_text(d->reason));
	if (d->by_family)
		(void)cm_buf_adds(out, ", as said for another form of this "
				       "address");
	if (d->has_event) {
		(void)cm_buf_adds(out, ", since ");
		cm_html_time(out, d->at);
	}
	if (yes && standing->until != 0) {
		(void)cm_buf_adds(out, ", until ");
		cm_html_time(out, standing->until);
	}
	cm_html_row_end(out);
}

static void put_event(const struct cm_record *r, size_t i, struct cm_buf *out)
{
	const struct cm_record_event *item = &r->events[i];
	const struct cm_event *event = &item->event;

	(void)cm_buf_addf(out,
			  "<section class=\"event\"><h3>%zu. %s</h3>\n"
			  "<table>\n",
			  i + 1, heading(event));
	if (event->to[0] != '\0')
		cm_html_row(out, "Who got it", event->to);
	if (event->right[0] != '\0')
		cm_html_row(out, "You asked for", event->right);
	if (!cm_event_type_is_remark(event->type)) {
		cm_html_row_begin(out, "What for");
		put_purpose(r, out, event->purpose);
		cm_html_row_end(out);
	}
	cm_html_row_begin(out, "When");
	if (event->untimed)
		(void)cm_buf_adds(out, "not known");
	else
		cm_html_time(out, event->at);
	(void)cm_buf_adds(out, "; written down ");
	cm_html_time(out, event->rec);
	cm_html_row_end(out);
	cm_html_row(out, "Written down by", cm_access_actor(event));
	if (event->channel[0] != '\0')
		cm_html_row(out, "Way", cm_access_way(event));
	if (event->source[0] != '\0')
		cm_html_row(out, "Where we got it", event->source);
	cm_term_rows(out, event);
	if (event->batch[0] != '\0')
		cm_html_row(out, "List", event->batch);
	if (item->notice.n > 0) {
		cm_html_row_begin(out, "What you were shown");
		(void)cm_buf_adds(out, "<div class=\"text\">");
		cm_html_put(out, item->notice);
		(void)cm_buf_adds(out, "</div>");
		cm_html_row_end(out);
	}
	if (item->evidence_erased) {
		cm_html_row(out, "Kept as proof", "erased since");
	} else if (cm_record_shows_evidence(item)) {
		cm_html_row_begin(out, "Kept as proof");
		cm_html_evidence(out, cm_record_evidence(item));
		cm_html_row_end(out);
	}
	(void)cm_buf_adds(out, "</table></section>\n");
}

static void put_sent_row(const struct cm_record *r, const char *what,
			 const uint8_t purpose[CM_PURPOSE_ID_LEN], int64_t at,
			 struct cm_buf *out)
{
	const char *path = cm_record_purpose(r, purpose);

	(void)cm_buf_addf(out, "<tr><td>%s</td><td>", what);
	if (path != NULL)
		put_purpose(r, out, path);
	else
		(void)cm_buf_adds(out, "no longer offered");
	(void)cm_buf_adds(out, ", ");
	cm_html_time(out, at);
	cm_html_row_end(out);
}

/* What left for them, as far as it is remembered. */
static void put_sent(const struct cm_record *r, struct cm_buf *out)
{
	size_t i;

	if (r->nasked + r->nmailed == 0)
		return;
	(void)cm_buf_adds(out, "<h2>Mail that we sent you</h2>\n"
			       "<table class=\"list\">\n");
	for (i = 0; i < r->nmailed; i++)
		put_sent_row(r, "The last day", r->mailed[i].purpose,
			     r->mailed[i].day * CM_DAY_MS, out);
	for (i = 0; i < r->nasked; i++)
		put_sent_row(r, "Asked whether to go on", r->asked[i].purpose,
			     r->asked[i].at, out);
	(void)cm_buf_adds(out, "</table>\n");
}

/* Article 15(1)(a) to (h): no more is said than this program knows. */
static void put_rest(const struct cm_record *r, struct cm_buf *out)
{
	const struct cm_config *config = r->config;

	(void)cm_buf_adds(
		out,
		"<h2>How it is used</h2>\n<dl>"
		"<dt>What for</dt><dd>To write marketing only to who agreed, "
		"and to prove it; to keep it from who did not.</dd>"
		"<dt>Kinds of data</dt><dd>Your address; what you agreed to, "
		"refused or asked for, when and how; what proves it.</dd>"
		"<dt>Who gets it</dt><dd>Whoever is named above, where it "
		"says that your data was handed out; our mail servers get your "
		"address to deliver mail to "
		"you. For others, ask the contact above.</dd>"
		"<dt>How long</dt><dd>A consent counts until the time named "
		"above, or until you take it back. The record is kept as "
		"proof until you ask us to erase it; a refusal is kept, "
		"without your address if you wish, for else we could not "
		"obey it.</dd>"
		"<dt>Decisions by machine</dt><dd>Whether a marketing mail "
		"may go to you is decided by these records alone; there is "
		"no profile.</dd></dl>\n"
		"<h2>What you can ask for</h2>\n<p>To have data corrected "
		"(Article 16), erased (17), restricted (18), or given to you "
		"as a file (20, beside this page); to object to marketing at "
		"any time (21); to take a consent back at any time (7). "
		"Write to ");
	cm_html_puts(out, config->controller_contact);
	(void)cm_buf_adds(out, ". You may also complain to a data protection "
			       "authority (77).</p>\n");
}

void cm_access_page(const struct cm_record *r, struct cm_buf *out)
{
	size_t i;

	put_head(r, out);
	(void)cm_buf_adds(out, "<h2>Where you stand</h2>\n"
			       "<table class=\"list\">\n");
	for (i = 0; i < r->config->npurposes; i++)
		put_standing(&r->standings[i], out);
	(void)cm_buf_adds(out, "</table>\n<h2>What happened</h2>\n");
	for (i = 0; i < r->count; i++)
		put_event(r, i, out);
	put_sent(r, out);
	put_rest(r, out);
	cm_html_page_end(out);
}
