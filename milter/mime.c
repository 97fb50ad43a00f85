/* See mime.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/mime.h"

#include <string.h>

#include "milter/field.h"

enum { FIRST_PARTS = 8 }; /* most messages have fewer */

/* Between parts (preamble, epilogue) no part is current. */
#define NO_PART SIZE_MAX

struct scan {
	const char *base;
	const char *end;
	struct cm_field_ctx field;
	struct cm_mime_part *parts;
	size_t count;
	size_t room;
	size_t open[CM_MIME_DEPTH_MAX]; /* multiparts not yet closed */
	unsigned depth;
	size_t current;
	const char *unsure;
};

bool cm_mime_is(const struct cm_mime_part *part, const char *type,
		const char *subtype)
{
	if (part->type.n == 0)
		return strcmp(type, "text") == 0 &&
		       (subtype == NULL || strcmp(subtype, "plain") == 0);
	return cm_span_is(part->type, type) &&
	       (subtype == NULL || cm_span_is(part->subtype, subtype));
}

bool cm_mime_is_multipart(const struct cm_mime_part *part)
{
	return cm_span_is(part->type, "multipart");
}

bool cm_mime_is_within(const struct cm_mime *mime, size_t part, size_t outer)
{
	while (part > outer)
		part = mime->parts[part].parent;
	return part == outer;
}

const char *cm_cte_name(enum cm_cte cte)
{
	static const char *const names[] = {
		[CM_CTE_7BIT] = "7bit",           [CM_CTE_8BIT] = "8bit",
		[CM_CTE_QP] = "quoted-printable", [CM_CTE_BASE64] = "base64",
		[CM_CTE_OTHER] = "other",
	};

	return names[cte];
}

static bool unsure(struct scan *s, const char *why)
{
	if (s->unsure == NULL)
		s->unsure = why;
	return false;
}

static struct cm_mime_part *new_part(struct scan *s)
{
	struct cm_mime_part *part = &s->parts[s->count++];

	part->cte = CM_CTE_8BIT;
	return part;
}

static struct cm_mime_part *add_part(struct scan *s)
{
	struct cm_mime_part *parts;

	if (s->count == CM_MIME_PARTS_MAX) {
		(void)unsure(s, "parts");
		return NULL;
	}
	if (s->count < s->room)
		return new_part(s);
	parts = cm_arena_array(s->field.arena, s->room + s->room + FIRST_PARTS,
			       sizeof(*parts));
	if (parts == NULL) {
		s->field.nomem = true;
		return NULL;
	}
	if (s->count > 0)
		memcpy(parts, s->parts, s->count * sizeof(*parts));
	s->parts = parts;
	s->room += s->room + FIRST_PARTS;
	return new_part(s);
}

static bool begins(struct cm_span text, struct cm_span with)
{
	return text.n >= with.n && memcmp(text.p, with.p, with.n) == 0;
}

/* A multipart's header is complete: its delimiters count from here on. */
static bool open_multipart(struct scan *s, size_t index)
{
	const struct cm_mime_part *part = &s->parts[index];
	unsigned i;

	/* RFC 2045, 6.4: no encoding but 7bit and 8bit. */
	if (part->cte != CM_CTE_7BIT && part->cte != CM_CTE_8BIT)
		return unsure(s, "encoding");
	if (s->depth == CM_MIME_DEPTH_MAX)
		return unsure(s, "depth");
	for (i = 0; i < s->depth; i++) {
		struct cm_span outer = s->parts[s->open[i]].boundary;

		if (begins(part->boundary, outer) ||
		    begins(outer, part->boundary))
			return unsure(s, "boundary");
	}
	s->open[s->depth++] = index;
	s->current = NO_PART;
	return true;
}

static bool begin_content(struct scan *s, size_t index)
{
	if (cm_mime_is_multipart(&s->parts[index]))
		return open_multipart(s, index);
	s->current = index;
	return true;
}

/* One unfolded field; p at its name, end after its last line end. */
static bool take_field(struct scan *s, const char *p, const char *end,
		       struct cm_mime_part *part)
{
	const char *colon = memchr(p, ':', (size_t)(end - p));
	const char *why;
	const char *q;

	if (colon == NULL || colon == p)
		return unsure(s, "header");
	/* RFC 5322, 3.6.8 allows more; readers do not. */
	for (q = p; q < colon; q++)
		if (!cm_ascii_alpha(*q) && !cm_ascii_digit(*q) && *q != '-' &&
		    *q != '_' && *q != '.')
			return unsure(s, "header");
	why = cm_field_take(&s->field, cm_span_n(p, (size_t)(colon - p)),
			    cm_span_n(colon + 1, (size_t)(end - colon - 1)),
			    part);
	return why == NULL || unsure(s, why);
}

/* The line at p without its CRLF; a bare CR or LF is not sure. */
static bool header_line(struct scan *s, const char *p, const char **ret_next)
{
	const char *nl = memchr(p, '\n', (size_t)(s->end - p));

	if (nl == NULL)
		return unsure(s, "header"); /* ends within a header */
	if (nl == p || nl[-1] != '\r' ||
	    memchr(p, '\r', (size_t)(nl - p)) != nl - 1)
		return unsure(s, "line");
	*ret_next = nl + 1;
	return true;
}

static bool is_delimiter_like(const struct scan *s, const char *p)
{
	unsigned i;

	if (s->end - p < 3 || p[0] != '-' || p[1] != '-')
		return false;
	for (i = 0; i < s->depth; i++)
		if (begins(cm_span_n(p + 2, (size_t)(s->end - p - 2)),
			   s->parts[s->open[i]].boundary))
			return true;
	return false;
}

/* Read a part's header; *p is moved to its content. */
static bool take_header(struct scan *s, const char **p, size_t index)
{
	const char *start = *p;

	while (true) {
		const char *field = *p;
		const char *next;

		if (!header_line(s, field, &next))
			return false;
		*p = next;
		if (next - start > CM_MIME_HEADER_MAX)
			return unsure(s, "header");
		if (next - field == 2)
			return true;
		if (is_delimiter_like(s, field))
			return unsure(s, "header");
		while (*p < s->end && (**p == ' ' || **p == '\t')) {
			if (!header_line(s, *p, &next))
				return false;
			*p = next;
		}
		if (!take_field(s, field, *p, &s->parts[index]))
			return false;
	}
}

static bool begin_part(struct scan *s, const char **p)
{
	size_t parent = s->open[s->depth - 1];
	struct cm_mime_part *part = add_part(s);
	size_t index = s->count - 1;

	if (part == NULL)
		return false;
	part->parent = parent;
	part->depth = s->depth;
	part->number = (unsigned)++s->parts[parent].children;
	part->head_at = (size_t)(*p - s->base);
	/* RFC 2046, 5.1.5: in a digest no type means message/rfc822. */
	if (!take_header(s, p, index))
		return false;
	part = &s->parts[index];
	if (part->type.n == 0 &&
	    cm_mime_is(&s->parts[parent], "multipart", "digest")) {
		part->type = cm_span("message");
		part->subtype = cm_span("rfc822");
	}
	part->body_at = (size_t)(*p - s->base);
	return begin_content(s, index);
}

/*
 * A message within the message may be a multipart whose delimiters are ours:
 * readers that look into it would end it elsewhere.
 */
static bool message_is_apart(struct scan *s, const struct cm_mime_part *part)
{
	const char *p = s->base + part->body_at;
	unsigned i;

	if (!cm_mime_is(part, "message", NULL) || part->end == part->body_at)
		return true;
	for (i = 0; i < s->depth; i++) {
		struct cm_span boundary = s->parts[s->open[i]].boundary;

		if (memmem(p, part->end - part->body_at, boundary.p,
			   boundary.n) != NULL)
			return unsure(s, "boundary");
	}
	return true;
}

/* The delimiter line at p ends what was current. */
static bool end_content(struct scan *s, const char *p)
{
	size_t at = (size_t)(p - s->base);
	struct cm_mime_part *part;

	if (at > 0 && (at < 2 || p[-2] != '\r'))
		return unsure(s, "line");
	if (s->current == NO_PART)
		return true;
	part = &s->parts[s->current];
	part->joined = part->body_at == at;
	part->end = part->joined ? at : at - 2;
	s->current = NO_PART;
	return message_is_apart(s, part);
}

/*
 * The rest of a delimiter line: LWSP only, then CRLF.  RFC 2046 lets the very
 * last one go without; GMime reads that as text, and SMTP always has it.
 */
static bool rest_is_blank(struct scan *s, const char *p, const char *next)
{
	if (next[-1] != '\n')
		return unsure(s, "boundary");
	if (next - p < 2 || next[-2] != '\r')
		return unsure(s, "line");
	for (; p < next - 2; p++)
		if (*p != ' ' && *p != '\t')
			return unsure(s, "boundary");
	return true;
}

static bool close_multipart(struct scan *s, const char *next)
{
	size_t index = s->open[--s->depth];

	if (s->parts[index].children == 0)
		return unsure(s, "boundary");
	s->parts[index].end = (size_t)(next - s->base);
	return true;
}

/* A line that begins like an open delimiter; *p is moved behind it. */
static bool take_delimiter(struct scan *s, const char **p, const char *next)
{
	struct cm_span boundary = s->parts[s->open[s->depth - 1]].boundary;
	const char *rest = *p + 2 + boundary.n;
	bool closes;

	/* An outer one: the inner multipart was never closed. */
	if (!begins(cm_span_n(*p + 2, (size_t)(next - *p - 2)), boundary))
		return unsure(s, "boundary");
	closes = next - rest >= 2 && rest[0] == '-' && rest[1] == '-';
	if (!rest_is_blank(s, closes ? rest + 2 : rest, next) ||
	    !end_content(s, *p))
		return false;
	*p = next;
	return closes ? close_multipart(s, next) : begin_part(s, p);
}

/* Only lines that begin with "--" can delimit. */
static bool scan_lines(struct scan *s)
{
	const struct cm_span all =
		cm_span_n(s->base, (size_t)(s->end - s->base));
	const char *p = s->base;

	while (s->depth > 0) {
		const char *nl;
		const char *next;

		p = s->base + cm_span_dashes(all, (size_t)(p - s->base));
		if (p == s->end)
			break;
		nl = memchr(p, '\n', (size_t)(s->end - p));
		next = nl != NULL ? nl + 1 : s->end;
		if (!is_delimiter_like(s, p))
			p = next;
		else if (!take_delimiter(s, &p, next))
			return false;
	}
	return s->depth == 0 || unsure(s, "boundary");
}

static bool take_root(struct scan *s, const struct cm_facts_header *headers,
		      size_t nheaders)
{
	struct cm_mime_part *root = add_part(s);
	size_t i;

	if (root == NULL)
		return false;
	root->number = 1;
	for (i = 0; i < nheaders; i++) {
		const char *why;

		/* Twice is what scripts do, and all read it as once. */
		if (cm_span_is(headers[i].name, "MIME-Version")) {
			if (!cm_field_version_ok(headers[i].value))
				return unsure(s, "version");
			continue;
		}
		why = cm_field_take(&s->field, headers[i].name,
				    headers[i].value, root);
		if (why != NULL)
			return unsure(s, why);
	}
	root->end = (size_t)(s->end - s->base);
	return begin_content(s, 0);
}

/* All the CRs and LFs are those of its line ends. */
static bool is_lines(struct cm_span body)
{
	size_t i;

	for (i = 0; i < body.n; i++) {
		if (body.p[i] == '\n')
			return false;
		if (body.p[i] == '\r' && (++i == body.n || body.p[i] != '\n'))
			return false;
	}
	return true;
}

int cm_mime_scan(const struct cm_facts_header *headers, size_t nheaders,
		 struct cm_span body, struct cm_arena *arena,
		 struct cm_mime *ret_mime)
{
	const char *base = body.n > 0 ? body.p : "";
	struct scan s = {.base = base,
			 .end = base + body.n,
			 .field = {.arena = arena},
			 .current = NO_PART};

	/* RFC 3030: a body may hold NULs, and then lines mean nothing. */
	if (body.n > 0 && memchr(body.p, '\0', body.n) != NULL)
		(void)unsure(&s, "binary");
	else if (take_root(&s, headers, nheaders))
		(void)scan_lines(&s);
	/*
	 * R3030-1: with BINARYMIME a line means nothing.  But whole programs
	 * call their lines binary (MIME::Lite does), and lines they are.
	 */
	if (s.field.binary && !is_lines(body))
		(void)unsure(&s, "binary");
	if (s.field.nomem)
		return CM_ENOMEM;
	ret_mime->parts = s.parts;
	ret_mime->count = s.count;
	ret_mime->unsure = s.unsure;
	return CM_OK;
}

const char *cm_mime_path(const struct cm_mime *mime, size_t part,
			 struct cm_arena *arena)
{
	const char *path = NULL;

	if (part == 0)
		return "1";
	for (; part != 0; part = mime->parts[part].parent) {
		unsigned number = mime->parts[part].number;

		path = path == NULL
			       ? cm_arena_printf(arena, "%u", number)
			       : cm_arena_printf(arena, "%u.%s", number, path);
		if (path == NULL)
			return NULL;
	}
	return path;
}
