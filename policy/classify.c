/*
 * See classify.h and design 5.
 *
 * What a message says of itself (sender, From, headers, X-Consent-Purpose)
 * is believed only of a client that is ours: authenticated, or in
 * own-networks.  Where belief could free a mailing, it takes more: for a
 * service stream every From address must match, for marketing one is enough.
 */
#include "policy/classify.h"

#include <string.h>

#include "policy/config_pattern.h"

/* What the log says decided: one row a reason, one column a use made of
 * X-Consent-Purpose. */
enum rule {
	BY_SENDER,
	BY_FROM,
	BY_AUTH,
	BY_CLIENT,
	BY_LISTENER,
	BY_HEADER,
	BY_DEFAULT,
	BY_BULK_MARKS,
	BY_NULL_SENDER,
	RULES
};
enum purpose_header { PURPOSE_ABSENT, PURPOSE_CHOSEN, PURPOSE_IGNORED };

#define RULE(text)                                                             \
	{                                                                      \
		text, text "; purpose by header",                              \
			text "; purpose header ignored"                        \
	}
static const char *const rules[RULES][3] = {
	[BY_SENDER] = RULE("sender"),
	[BY_FROM] = RULE("from"),
	[BY_AUTH] = RULE("auth"),
	[BY_CLIENT] = RULE("client"),
	[BY_LISTENER] = RULE("listener"),
	[BY_HEADER] = RULE("header"),
	[BY_DEFAULT] = RULE("listener default"),
	[BY_BULK_MARKS] = RULE("unmatched bulk"),
	[BY_NULL_SENDER] = RULE("empty sender, no automatic reply"),
};

struct sorter {
	const struct cm_config *config;
	const struct cm_facts *facts;
	bool own;
	bool has_sender;
	struct cm_address sender;
};

/* ---- headers
 * ----------------------------------------------------------------- */

/* The nth header of a name; NULL if there are fewer. */
static const struct cm_facts_header *header_at(const struct cm_facts *facts,
					       const char *name, size_t nth)
{
	size_t i;

	for (i = 0; i < facts->nheaders; i++)
		if (cm_span_is(facts->headers[i].name, name) && nth-- == 0)
			return &facts->headers[i];
	return NULL;
}

/* The value up to a parameter, comment or blank. */
static struct cm_span first_word(const struct cm_facts *facts, const char *name)
{
	const struct cm_facts_header *header = header_at(facts, name, 0);
	struct cm_span value;
	size_t n = 0;

	if (header == NULL)
		return cm_span("");
	value = cm_span_trim(header->value);
	while (n < value.n && value.p[n] != '\0' &&
	       strchr("; \t\r\n(", value.p[n]) == NULL)
		n++;
	return cm_span_n(value.p, n);
}

/* What mailings carry and people's mail does not (pitfall of VERP tools). */
static bool has_bulk_marks(const struct cm_facts *facts)
{
	struct cm_span precedence = first_word(facts, "Precedence");
	size_t i;

	for (i = 0; i < facts->nheaders; i++)
		if (cm_span_starts(facts->headers[i].name, "List-") ||
		    cm_span_is(facts->headers[i].name, "Feedback-ID"))
			return true;
	return cm_span_is(precedence, "bulk") ||
	       cm_span_is(precedence, "list") || cm_span_is(precedence, "junk");
}

/*
 * A report (RFC 6522), or a reply that says so (RFC 3834, 5) and to what
 * (3.1.5).  A mailing with an empty sender has neither; one that carries bulk
 * marks is none whatever else it claims.
 */
static bool is_auto_reply(const struct cm_facts *facts)
{
	struct cm_span submitted = first_word(facts, "Auto-Submitted");
	bool reply = header_at(facts, "In-Reply-To", 0) != NULL ||
		     header_at(facts, "References", 0) != NULL;

	if (has_bulk_marks(facts))
		return false;
	if (cm_span_is(first_word(facts, "Content-Type"), "multipart/report"))
		return true;
	return reply && submitted.n > 0 && !cm_span_is(submitted, "no");
}

/* ---- From
 * -------------------------------------------------------------------- */

/* One From header, read octet by octet; text holds the address so far. */
struct from {
	struct cm_span rest;
	char text[CM_ADDRESS_MAX + 1];
	size_t n;
	unsigned comment; /* depth */
	bool quoted, bracket, done, too_long;
};

static void keep(struct from *f, char c)
{
	if (f->done)
		return;
	if (f->n < sizeof(f->text))
		f->text[f->n++] = c;
	else
		f->too_long = true;
}

static void forget(struct from *f)
{
	f->n = 0;
	f->too_long = false;
}

/* Inside a quoted string or a comment; a backslash takes one more along. */
static void take_enclosed(struct from *f, char c)
{
	if (c == '\\' && f->rest.n > 0) {
		if (f->quoted) {
			keep(f, c);
			keep(f, *f->rest.p);
		}
		f->rest.p++;
		f->rest.n--;
	} else if (f->quoted) {
		f->quoted = c != '"';
		keep(f, c);
	} else if (c == '(') {
		f->comment++;
	} else if (c == ')') {
		f->comment--;
	}
}

/* Everywhere else.  True when a mailbox ends here. */
static bool take_plain(struct from *f, char c)
{
	switch (c) {
	case '"':
		f->quoted = true;
		keep(f, c);
		break;
	case '(':
		f->comment = 1;
		break;
	case '<':
		forget(f);
		f->bracket = true;
		break;
	case '>':
		f->done = f->bracket;
		break;
	case ':': /* the name of a group ends (RFC 5322, 3.4) */
		if (!f->bracket)
			forget(f);
		break;
	case ',':
	case ';':
		return true;
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		break;
	default:
		keep(f, c);
	}
	return false;
}

/* False at the end.  ret_good: the mailbox is an address. */
static bool next_mailbox(struct from *f, struct cm_address *ret_address,
			 bool *ret_good)
{
	bool end = false;

	do {
		forget(f);
		f->quoted = f->bracket = f->done = end = false;
		f->comment = 0;
		while (f->rest.n > 0 && !end) {
			char c = *f->rest.p++;

			f->rest.n--;
			if (f->quoted || f->comment > 0)
				take_enclosed(f, c);
			else
				end = take_plain(f, c);
		}
	} while (f->n == 0 && f->rest.n > 0);
	if (f->n == 0)
		return false;
	*ret_good =
		!f->too_long && cm_address_parse(cm_span_n(f->text, f->n),
						 ret_address, NULL) == CM_OK;
	return true;
}

static bool any_sender(const struct cm_sender_pattern *patterns, size_t count,
		       const struct cm_address *address)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (cm_sender_pattern_has(&patterns[i], address))
			return true;
	return false;
}

static bool from_matches(const struct cm_facts *facts,
			 const struct cm_stream *stream)
{
	size_t i, matching = 0, others = 0;
	struct cm_address address;
	bool good;

	for (i = 0; i < facts->nheaders; i++) {
		struct from f = {.rest = facts->headers[i].value};

		if (!cm_span_is(facts->headers[i].name, "From"))
			continue;
		while (next_mailbox(&f, &address, &good)) {
			if (good &&
			    any_sender(stream->froms, stream->nfroms, &address))
				matching++;
			else
				others++;
		}
	}
	return matching > 0 && (cm_stream_is_marketing(stream) || others == 0);
}

/* ---- one stream -------------------------------------------------------------
 */

static bool has_text(const struct cm_strings *strings, struct cm_span text)
{
	size_t i;

	for (i = 0; i < strings->n; i++)
		if (cm_span_eq(cm_span(strings->v[i]), text))
			return true;
	return false;
}

static bool needs_headers(const struct cm_stream *stream)
{
	return stream->nfroms + stream->nheaders > 0;
}

/* The conditions that RCPT knows of; false too if there are none at all. */
static bool envelope_matches(const struct sorter *s,
			     const struct cm_stream *stream)
{
	const struct cm_facts *facts = s->facts;
	size_t said = stream->nsenders + stream->nfroms + stream->nheaders;

	if (said + stream->auth.n + stream->nclients + stream->listeners.n == 0)
		return false;
	if (said > 0 && !s->own)
		return false;
	if (stream->nsenders > 0 &&
	    !(s->has_sender &&
	      any_sender(stream->senders, stream->nsenders, &s->sender)))
		return false;
	if (stream->auth.n > 0 && !has_text(&stream->auth, facts->auth))
		return false;
	if (stream->nclients > 0 &&
	    !(facts->has_client &&
	      cm_network_has(stream->clients, stream->nclients, facts->client)))
		return false;
	return stream->listeners.n == 0 ||
	       (facts->listener != NULL &&
		has_text(&stream->listeners, cm_span(facts->listener->name)));
}

static bool header_matches(const struct cm_facts *facts,
			   const struct cm_stream *stream)
{
	size_t i, j;

	for (i = 0; i < facts->nheaders; i++)
		for (j = 0; j < stream->nheaders; j++)
			if (cm_header_pattern_has(&stream->headers[j],
						  facts->headers[i].name,
						  facts->headers[i].value))
				return true;
	return false;
}

static bool message_matches(const struct cm_facts *facts,
			    const struct cm_stream *stream)
{
	return (stream->nfroms == 0 || from_matches(facts, stream)) &&
	       (stream->nheaders == 0 || header_matches(facts, stream));
}

/* What to name in the log: the condition that says most. */
static enum rule rule_of(const struct cm_stream *stream)
{
	if (stream->nsenders > 0)
		return BY_SENDER;
	if (stream->nfroms > 0)
		return BY_FROM;
	if (stream->auth.n > 0)
		return BY_AUTH;
	if (stream->nheaders > 0)
		return BY_HEADER;
	return stream->nclients > 0 ? BY_CLIENT : BY_LISTENER;
}

/* ---- the answer
 * --------------------------------------------------------------- */

static struct cm_classified answer(enum cm_class class, const char *rule)
{
	return (struct cm_classified){.class = class, .rule = rule};
}

static struct cm_classified later(void)
{
	return answer(CM_CLASS_LATER, "the headers will tell");
}

/* Which of the stream's purposes the header names; the only one, or none. */
static enum purpose_header chosen_purpose(const struct sorter *s,
					  const struct cm_stream *stream,
					  size_t *ret_index)
{
	const struct cm_facts_header *header =
		header_at(s->facts, CM_PURPOSE_HEADER, 0);
	size_t i;

	if (header == NULL || !cm_stream_is_marketing(stream))
		return PURPOSE_ABSENT;
	if (!s->own || header_at(s->facts, CM_PURPOSE_HEADER, 1) != NULL)
		return PURPOSE_IGNORED;
	for (i = 0; i < stream->npurposes; i++) {
		if (!cm_span_eq(cm_span_trim(header->value),
				cm_span(stream->purposes[i]->path)))
			continue;
		*ret_index = i;
		return PURPOSE_CHOSEN;
	}
	return PURPOSE_IGNORED;
}

static struct cm_classified of_stream(const struct sorter *s,
				      const struct cm_stream *stream,
				      enum rule rule)
{
	struct cm_classified class = answer(CM_CLASS_STREAM, NULL);
	enum purpose_header header;
	size_t index = 0;

	/* The header may yet ask for less than all purposes. */
	if (!s->facts->headers_known && s->own && stream->npurposes > 1)
		return later();
	header = chosen_purpose(s, stream, &index);
	class.stream = stream;
	class.purposes = stream->purposes;
	class.npurposes = stream->npurposes;
	if (header == PURPOSE_CHOSEN) {
		class.purposes += index;
		class.npurposes = 1;
	}
	class.rule = rules[rule][header];
	return class;
}

/* Our own, and no stream's, on a listener that lets such mail pass. */
static struct cm_classified of_own(const struct sorter *s)
{
	const struct cm_config *config = s->config;
	enum rule rule = BY_BULK_MARKS;

	if (!s->facts->headers_known)
		return later();
	if (!has_bulk_marks(s->facts)) {
		if (!s->facts->null_sender)
			return answer(CM_CLASS_PASS, "no stream");
		rule = BY_NULL_SENDER;
	}
	if (config->unmatched_bulk_stream != NULL)
		return of_stream(s, config->unmatched_bulk_stream, rule);
	return answer(CM_CLASS_BULK, rules[rule][PURPOSE_ABSENT]);
}

static struct cm_classified of_unmatched(const struct sorter *s)
{
	const struct cm_listener *listener = s->facts->listener;

	if (listener != NULL && listener->unmatched != NULL)
		return of_stream(s, listener->unmatched, BY_DEFAULT);
	if (!s->own)
		return answer(CM_CLASS_PASS, "not from our own");
	return of_own(s);
}

static struct cm_classified sort(const struct sorter *s)
{
	bool known = s->facts->headers_known, maybe = false;
	size_t i;

	if (s->facts->null_sender && !known)
		return later();
	if (s->facts->null_sender && is_auto_reply(s->facts))
		return answer(CM_CLASS_AUTO_REPLY, "automatic reply");
	for (i = 0; i < s->config->nstreams; i++) {
		const struct cm_stream *stream = &s->config->streams[i];

		if (!envelope_matches(s, stream))
			continue;
		if (!known && needs_headers(stream))
			maybe = true;
		else if (!known || message_matches(s->facts, stream))
			return maybe ? later()
				     : of_stream(s, stream, rule_of(stream));
	}
	return maybe ? later() : of_unmatched(s);
}

void cm_classify(const struct cm_config *config, const struct cm_facts *facts,
		 struct cm_classified *ret_class)
{
	struct sorter s = {.config = config, .facts = facts};

	s.own = facts->auth.n > 0 ||
		(facts->has_client &&
		 cm_network_has(config->own_networks, config->nown_networks,
				facts->client));
	s.has_sender =
		!facts->null_sender &&
		cm_address_parse(facts->sender, &s.sender, NULL) == CM_OK;
	*ret_class = sort(&s);
}
