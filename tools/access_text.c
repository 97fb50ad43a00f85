/* Words of the page, and CSV that an import reads again: see access.h. */
#include "tools/access.h"

#include <string.h>

#include "lib/clock.h"
#include "policy/term_text.h"
#include "tools/csv.h"

const char *cm_access_actor(const struct cm_event *event)
{
	static const char *const actors[CM_ACTORS] = {
		[CM_ACTOR_PERSON] = "you, by the link in a mail to you",
		[CM_ACTOR_ADMIN] = "somebody of ours, for you",
		[CM_ACTOR_IMPORT] = "a list that we took over",
		[CM_ACTOR_SYSTEM] = "the mail system",
	};

	return actors[event->actor];
}

const char *cm_access_way(const struct cm_event *event)
{
	static const struct {
		const char *channel, *words;
	} ways[] = {
		{"cli", "entered by hand"},
		{"import", "taken over from a list"},
		{"one-click", "your mail program's unsubscribe button"},
		{"page", "our unsubscribe page"},
		{"api", "by one of our systems, a shop or the like"},
		{"merge", "brought along from another address of yours"},
		{"correct", "brought along from the address that was wrong"},
		{"retired", "given up for another address of yours"},
	};
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].channel, event->channel) == 0)
			return ways[i].words;
	}
	return event->channel;
}

/* ---- CSV ---------------------------------------------------------------- */

/* The words of a plain import list; the others say nothing about consent. */
static const char *status_of(const struct cm_event *event)
{
	static const char *const words[CM_EVENT_TYPES] = {
		[CM_EVENT_REQUESTED] = "pending",
		[CM_EVENT_GRANTED] = "granted",
		[CM_EVENT_CONFIRMED] = "confirmed",
		[CM_EVENT_WITHDRAWN] = "withdrawn",
		[CM_EVENT_OBJECTED] = "objected",
		[CM_EVENT_COMPLAINED] = "complained",
		[CM_EVENT_UNDELIVERABLE] = "undeliverable",
	};

	return words[event->type] != NULL ? words[event->type] : "unknown";
}

static void csv_cell(struct cm_span cell, bool first, struct cm_buf *out)
{
	int rc;

	if (!first)
		(void)cm_buf_addc(out, ',');
	rc = cm_csv_put(out, cell, ',', true);
	(void)rc; /* the buffer remembers */
}

static void csv_row(const struct cm_record *r,
		    const struct cm_record_event *item, struct cm_buf *out)
{
	const struct cm_event *event = &item->event;
	bool grants = cm_event_type_grants(event->type);
	char at[CM_CLOCK_TEXT], rec[CM_CLOCK_TEXT];
	char dates[CM_TERM_TEXTS][CM_CLOCK_TEXT];
	const struct cm_span cells[] = {
		cm_span(r->email),
		cm_span(event->purpose),
		cm_span(status_of(event)),
		cm_span(event->source),
		cm_span(grants ? cm_basis_name(event->basis) : ""),
		cm_span(event->untimed ? "" : cm_clock_format(event->at, at)),
		cm_span(event->language),
		cm_span(cm_event_type_name(event->type)),
		cm_span(cm_clock_format(event->rec, rec)),
		cm_span(cm_actor_name(event->actor)),
		cm_span(event->channel),
		item->notice,
		cm_record_shows_evidence(item) ? cm_record_evidence(item)
					       : cm_span(""),
	};
	size_t n = sizeof(cells) / sizeof(cells[0]);
	size_t i;

	for (i = 0; i < n; i++)
		csv_cell(cells[i], i == 0, out);
	for (i = 0; i < CM_TERM_TEXTS; i++)
		csv_cell(cm_span(cm_term_text(event, i, dates[i])), false, out);
	(void)cm_buf_adds(out, "\r\n");
}

void cm_access_csv(const struct cm_record *r, struct cm_buf *out)
{
	size_t i;

	(void)cm_buf_adds(out, "email,purpose,status,source,basis,time,"
			       "language,event,recorded,by,way,text_shown,"
			       "evidence");
	for (i = 0; i < CM_TERM_TEXTS; i++)
		(void)cm_buf_addf(out, ",%s", cm_term_column(i));
	(void)cm_buf_adds(out, "\r\n");
	/* A list of what they said; what was asked of us is no part of it. */
	for (i = 0; i < r->count; i++)
		if (!cm_event_type_is_remark(r->events[i].event.type))
			csv_row(r, &r->events[i], out);
}
