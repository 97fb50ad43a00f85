/* See headers.h. */
#include "milter/headers.h"

#include <string.h>

#include "milter/field.h"
#include "lib/phrase.h"
#include "milter/signature.h"

#define ONE_CLICK "List-Unsubscribe=One-Click" /* RFC 8058, 5: byte-exact */

enum field {
	LIST_UNSUBSCRIBE,
	LIST_UNSUBSCRIBE_POST,
	LIST_ID,
	FEEDBACK_ID,
	CFBL_ADDRESS,
	PURPOSE,
	SIGNATURE,
	CONTENT_MD5,
	CONTENT_LENGTH,
	LINES,
	MIME_VERSION,
	CONTENT_TYPE,
	CONTENT_ENCODING,
	FIELDS
};

static const char *const names[FIELDS] = {
	[LIST_UNSUBSCRIBE] = "List-Unsubscribe",
	[LIST_UNSUBSCRIBE_POST] = "List-Unsubscribe-Post",
	[LIST_ID] = "List-Id",
	[FEEDBACK_ID] = "Feedback-ID",
	[CFBL_ADDRESS] = "CFBL-Address",
	[PURPOSE] = CM_PURPOSE_HEADER,
	[SIGNATURE] = "DKIM-Signature",
	[CONTENT_MD5] = "Content-MD5",
	[CONTENT_LENGTH] = "Content-Length",
	[LINES] = "Lines",
	[MIME_VERSION] = "MIME-Version",
	[CONTENT_TYPE] = "Content-Type",
	[CONTENT_ENCODING] = "Content-Transfer-Encoding",
};

struct planner {
	const struct cm_edit_request *request;
	struct cm_arena *arena;
	struct cm_header_edit *edits;
	size_t count;
	const char *wanted[FIELDS]; /* the value it leaves with; NULL: none */
	bool managed[FIELDS];       /* else left as it came */
	bool content_moved;         /* Content-* that has no row here goes */
	struct cm_error *err;
};

/* ---- what we want ------------------------------------------------------ */

static int no_memory(const struct planner *p)
{
	return cm_fail(p->err, CM_ENOMEM, "no memory for headers");
}

/*
 * The one way in for what the config says.  It was checked when it was read;
 * but a line of its own in a header is what must never be (R5322-2).
 */
static int want_text(struct planner *p, enum field field, const char *value)
{
	const char *c;

	if (value == NULL)
		return no_memory(p);
	for (c = value; *c != '\0'; c++)
		if ((*c < ' ' || *c > '~') &&
		    !(c[0] == '\n' && c[1] == ' ' && c[2] > ' '))
			/* Not shown: it may name a person. */
			return cm_fail(p->err, CM_EDATA,
				       "%s would have octets that no header "
				       "may have; look at web base-url, mail "
				       "domain and the stream's settings",
				       names[field]);
	p->managed[field] = true;
	p->wanted[field] = value;
	return CM_OK;
}

/* RFC 2369, 2: printable ASCII that cannot end its brackets. */
static bool uri_ok(const char *uri)
{
	if (uri == NULL)
		return true;
	for (; *uri != '\0'; uri++)
		if (*uri <= ' ' || *uri > '~' || strchr("<>\"\\^`{|}", *uri))
			return false;
	return true;
}

/* Folded between the URIs only: one folded inside is no URI any more. */
static const char *unsubscribe_value(const struct planner *p)
{
	const struct cm_way_out *way = &p->request->way_out;
	const size_t room = 78 - strlen("List-Unsubscribe: ");
	const char *gap;

	if (way->https == NULL || way->mailto == NULL)
		return cm_arena_printf(p->arena, "<%s>",
				       way->https != NULL ? way->https
							  : way->mailto);
	gap = strlen(way->https) + strlen(way->mailto) + 6 > room ? "\n " : " ";
	return cm_arena_printf(p->arena, "<%s>,%s<%s>", way->https, gap,
			       way->mailto);
}

static bool has_way_out(const struct cm_edit_request *request)
{
	return request->way_out.https != NULL ||
	       request->way_out.mailto != NULL;
}

/* RFC 8058, 4: both go together. */
static bool way_out_is_signed(const struct cm_edit_request *request)
{
	return cm_signature_covers(request, names[LIST_UNSUBSCRIBE]) ||
	       cm_signature_covers(request, names[LIST_UNSUBSCRIBE_POST]);
}

static int want_unsubscribe(struct planner *p)
{
	const struct cm_way_out *way = &p->request->way_out;
	int rc;

	if (!uri_ok(way->https) || !uri_ok(way->mailto))
		return cm_fail(p->err, CM_EDATA,
			       "a link for List-Unsubscribe has octets that a "
			       "URI may not have; look at web base-url and "
			       "mail domain");
	rc = want_text(p, LIST_UNSUBSCRIBE, unsubscribe_value(p));
	if (rc != CM_OK)
		return rc;
	p->managed[LIST_UNSUBSCRIBE_POST] = true;
	if (way->one_click && way->https != NULL)
		p->wanted[LIST_UNSUBSCRIBE_POST] = ONE_CLICK;
	return CM_OK;
}

/* RFC 2919, 3: [phrase] "<" list-id ">". */
static const char *list_id_value(const struct planner *p)
{
	const struct cm_stream *stream = p->request->stream;
	const size_t column = strlen("List-Id: ");
	const char *phrase;
	size_t n;

	if (stream->list_name == NULL)
		return cm_arena_printf(p->arena, "<%s>", stream->list_id);
	phrase = cm_phrase(stream->list_name, column, p->arena);
	if (phrase == NULL)
		return NULL;
	n = column + strlen(phrase) + strlen(stream->list_id) + 3;
	return cm_arena_printf(p->arena, "%s%s<%s>", phrase,
			       n > 76 ? "\n " : " ", stream->list_id);
}

/* What the stream says, in place of what the tool sent. */
static int want_stream(struct planner *p)
{
	const struct cm_stream *stream = p->request->stream;
	const struct {
		enum field field;
		const char *value;
	} rows[] = {
		{LIST_ID, stream->list_id},
		{FEEDBACK_ID, stream->feedback_id},
		{CFBL_ADDRESS, stream->cfbl_address},
	};
	size_t i;
	int rc = CM_OK;

	for (i = 0; i < sizeof(rows) / sizeof(*rows) && rc == CM_OK; i++) {
		enum field field = rows[i].field;

		if (rows[i].value == NULL ||
		    cm_signature_covers(p->request, names[field]))
			continue;
		rc = want_text(p, field,
			       field == LIST_ID ? list_id_value(p)
						: rows[i].value);
	}
	return rc;
}

static void want_value(struct planner *p, enum field field, const char *value)
{
	p->managed[field] = value != NULL;
	p->wanted[field] = value;
}

/* NULL: as it came, or gone with the other Content-* fields. */
static void want_mime(struct planner *p, const struct cm_header_values *values)
{
	/* RMIME-10: wrong after a change, so gone. */
	p->managed[CONTENT_MD5] = true;
	p->managed[CONTENT_LENGTH] = true;
	p->managed[LINES] = true;
	want_value(p, MIME_VERSION, values->mime_version);
	want_value(p, CONTENT_TYPE, values->content_type);
	want_value(p, CONTENT_ENCODING, values->content_transfer_encoding);
	p->content_moved = values->content_moved;
	if (p->content_moved)
		p->managed[CONTENT_ENCODING] = true;
}

static int want(struct planner *p, const struct cm_header_values *values)
{
	int rc;

	p->managed[PURPOSE] = !cm_signature_covers(p->request, names[PURPOSE]);
	if (values != NULL)
		want_mime(p, values);
	if (has_way_out(p->request) && !way_out_is_signed(p->request)) {
		rc = want_unsubscribe(p);
		if (rc != CM_OK)
			return rc;
	}
	return want_stream(p);
}

/* ---- what a reader of the result sees ---------------------------------- */

const char *cm_headers_mime_version(const struct cm_edit_request *request)
{
	size_t i;

	for (i = 0; i < request->nheaders; i++)
		if (cm_span_is(request->headers[i].name, names[MIME_VERSION]))
			return NULL;
	return "1.0";
}

/* Is the field one of those, not true any more, or moved into a part? */
static bool is_replaced(struct cm_span name,
			const struct cm_facts_header *values, size_t count,
			bool content_moved)
{
	size_t i;

	if (cm_field_is_measure(name) ||
	    (content_moved && cm_span_starts(name, "Content-")))
		return true;
	for (i = 0; i < count; i++)
		if (cm_span_caseeq(name, values[i].name))
			return true;
	return false;
}

int cm_headers_after(const struct cm_edit_request *request,
		     const struct cm_header_values *values,
		     struct cm_arena *arena,
		     const struct cm_facts_header **ret_headers,
		     size_t *ret_count)
{
	const struct {
		enum field field;
		const char *value;
	} mime[] = {
		{MIME_VERSION, values->mime_version},
		{CONTENT_TYPE, values->content_type},
		{CONTENT_ENCODING, values->content_transfer_encoding},
	};
	const size_t nmime = sizeof(mime) / sizeof(*mime);
	struct cm_facts_header *headers = cm_arena_array(
		arena, request->nheaders + nmime, sizeof(*headers));
	size_t nvalues, n = 0;
	size_t i;

	if (headers == NULL)
		return CM_ENOMEM;
	for (i = 0; i < nmime; i++)
		if (mime[i].value != NULL) {
			headers[n].name = cm_span(names[mime[i].field]);
			headers[n++].value = cm_span(mime[i].value);
		}
	nvalues = n;
	for (i = 0; i < request->nheaders; i++)
		if (!is_replaced(request->headers[i].name, headers, nvalues,
				 values->content_moved))
			headers[n++] = request->headers[i];
	*ret_headers = headers;
	*ret_count = n;
	return CM_OK;
}

/* ---- edits ------------------------------------------------------------- */

/* The next octet of a folded value, each run of blanks as one; 0 at the end. */
static char next_octet(struct cm_span *rest)
{
	char c;

	if (rest->n == 0)
		return '\0';
	c = *rest->p;
	if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
		*rest = cm_span_n(rest->p + 1, rest->n - 1);
		return c;
	}
	while (rest->n > 0 && (*rest->p == ' ' || *rest->p == '\t' ||
			       *rest->p == '\r' || *rest->p == '\n'))
		*rest = cm_span_n(rest->p + 1, rest->n - 1);
	return ' ';
}

/* Equal but for how it is folded. */
static bool same_value(struct cm_span have, struct cm_span want_value)
{
	char c;

	have = cm_span_trim(have);
	do {
		c = next_octet(&have);
		if (c != next_octet(&want_value))
			return false;
	} while (c != '\0');
	return have.n == 0 && want_value.n == 0;
}

static unsigned copies(const struct cm_edit_request *request, const char *name,
		       struct cm_span *ret_last)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < request->nheaders; i++)
		if (cm_span_is(request->headers[i].name, name)) {
			*ret_last = request->headers[i].value;
			n++;
		}
	return n;
}

static bool is_as_wanted(const struct planner *p, enum field field)
{
	struct cm_span last = {0};
	unsigned n = copies(p->request, names[field], &last);

	if (!p->managed[field])
		return true;
	if (p->wanted[field] == NULL)
		return n == 0;
	if (n != 1)
		return false;
	/* R8058-2: octet by octet, and an MTA shows us all blanks but one. */
	if (field == LIST_UNSUBSCRIBE_POST)
		return cm_span_eq(last, cm_span(p->wanted[field]));
	return same_value(last, cm_span(p->wanted[field]));
}

static bool add(struct planner *p, enum cm_header_op op, const char *name,
		unsigned nth, const char *value)
{
	struct cm_header_edit *edit = &p->edits[p->count];

	if (name == NULL)
		return false;
	edit->op = op;
	edit->name = name;
	edit->nth = nth;
	edit->value = value;
	p->count++;
	return true;
}

/* From the last upward: right whether or not an MTA renumbers at once. */
static bool delete_copies(struct planner *p, enum field field)
{
	const struct cm_edit_request *request = p->request;
	struct cm_span last;
	unsigned nth = copies(request, names[field], &last);
	size_t i;

	for (i = request->nheaders; i > 0; i--) {
		struct cm_span name = request->headers[i - 1].name;

		if (!cm_span_is(name, names[field]))
			continue;
		if (!add(p, CM_HEADER_DELETE,
			 cm_arena_dup(p->arena, name.p, name.n), nth--, NULL))
			return false;
	}
	return true;
}

static bool has_row(struct cm_span name)
{
	int field;

	for (field = 0; field < FIELDS; field++)
		if (cm_span_is(name, names[field]))
			return true;
	return false;
}

/* The place of a header among those of its name. */
static unsigned place_of(const struct cm_edit_request *request, size_t index)
{
	struct cm_span name = request->headers[index].name;
	unsigned nth = 0;
	size_t i;

	for (i = 0; i <= index; i++)
		nth += cm_span_caseeq(request->headers[i].name, name);
	return nth;
}

/* Content-Language, Content-Disposition and whatever else moved along. */
static bool delete_moved(struct planner *p)
{
	const struct cm_edit_request *request = p->request;
	size_t i;

	for (i = request->nheaders; p->content_moved && i > 0; i--) {
		struct cm_span name = request->headers[i - 1].name;

		if (!cm_span_starts(name, "Content-") || has_row(name))
			continue;
		if (!add(p, CM_HEADER_DELETE,
			 cm_arena_dup(p->arena, name.p, name.n),
			 place_of(request, i - 1), NULL))
			return false;
	}
	return true;
}

/* Octets on the wire, 0 if a line is too long. */
static size_t wire_length(const struct cm_header_edit *edit)
{
	size_t column = strlen(edit->name) + 2;
	size_t all = column + strlen(edit->value) + 2;
	const char *p;

	for (p = edit->value; *p != '\0'; p++) {
		column = *p == '\n' ? 0 : column + 1;
		all += *p == '\n';
		if (column > CM_HEADERS_LINE_MAX)
			return 0;
	}
	return all;
}

/* A MIME field in place of one that was there is as long as that was. */
static bool is_mime(const char *name)
{
	return name == names[CONTENT_TYPE] || name == names[CONTENT_ENCODING];
}

static int check_lengths(const struct planner *p)
{
	size_t all = 0;
	bool fit = true;
	size_t i;

	for (i = 0; i < p->count; i++) {
		const struct cm_header_edit *edit = &p->edits[i];
		size_t n;

		if (edit->op == CM_HEADER_DELETE || is_mime(edit->name))
			continue;
		n = wire_length(edit);
		fit = fit && n > 0;
		all += n;
	}
	if (fit && all <= CM_HEADERS_ADDED_MAX)
		return CM_OK;
	return cm_fail(p->err, CM_ELIMIT,
		       "header fields to add are too long; shorten web "
		       "base-url, mail domain or list-id");
}

/*
 * R8058-12: a signature that may go goes with the first thing that it would
 * not hold for any more.
 */
static void want_no_signature(struct planner *p, bool body_changes)
{
	bool changes = body_changes;
	int field;

	for (field = 0; field < FIELDS; field++)
		changes = changes || !is_as_wanted(p, (enum field)field);
	p->managed[SIGNATURE] = changes && cm_signature_presigned(p->request) ==
						   CM_PRESIGNED_RENEW;
}

static int write_edits(struct planner *p)
{
	int field;

	for (field = 0; field < FIELDS; field++)
		if (!is_as_wanted(p, (enum field)field) &&
		    !delete_copies(p, (enum field)field))
			return CM_ENOMEM;
	if (!delete_moved(p))
		return CM_ENOMEM;
	for (field = 0; field < FIELDS; field++)
		if (!is_as_wanted(p, (enum field)field) &&
		    p->wanted[field] != NULL)
			(void)add(p, CM_HEADER_INSERT, names[field], 0,
				  p->wanted[field]);
	return CM_OK;
}

int cm_headers_plan(const struct cm_edit_request *request,
		    const struct cm_header_values *values,
		    struct cm_arena *arena, struct cm_header_edit **ret_edits,
		    size_t *ret_count, struct cm_error *err)
{
	struct planner p = {.request = request, .arena = arena, .err = err};
	int rc;

	p.edits = cm_arena_array(arena, request->nheaders + FIELDS,
				 sizeof(*p.edits));
	if (p.edits == NULL)
		return no_memory(&p);
	rc = want(&p, values);
	if (rc != CM_OK)
		return rc;
	want_no_signature(&p, values != NULL);
	if (write_edits(&p) != CM_OK)
		return no_memory(&p);
	rc = check_lengths(&p);
	if (rc != CM_OK)
		return rc;
	*ret_edits = p.edits;
	*ret_count = p.count;
	return CM_OK;
}

bool cm_headers_are_locked(const struct cm_edit_request *request,
			   struct cm_arena *arena)
{
	struct planner p = {.request = request, .arena = arena};

	return has_way_out(request) && way_out_is_signed(request) &&
	       (want_unsubscribe(&p) != CM_OK ||
		!is_as_wanted(&p, LIST_UNSUBSCRIBE));
}
