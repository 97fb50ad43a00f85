/* See field.h. */
#include "milter/field.h"

#include <string.h>

struct lexer {
	const char *p;
	const char *end;
	struct cm_field_ctx *ctx;
};

static struct lexer lexer_of(struct cm_field_ctx *ctx, struct cm_span value)
{
	const char *p = value.n > 0 ? value.p : "";
	struct lexer l = {p, p + value.n, ctx};

	return l;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blank(struct lexer *l)
{
	while (l->p < l->end && is_blank(*l->p))
		l->p++;
}

static bool take_char(struct lexer *l, char c)
{
	if (l->p == l->end || *l->p != c)
		return false;
	l->p++;
	return true;
}

/* RFC 2045, 5.1: any CHAR except SPACE, CTLs, or tspecials. */
static bool is_token_char(char c)
{
	return c > ' ' && c < 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static bool take_token(struct lexer *l, struct cm_span *ret)
{
	const char *start = l->p;

	while (l->p < l->end && is_token_char(*l->p))
		l->p++;
	*ret = cm_span_n(start, (size_t)(l->p - start));
	return ret->n > 0;
}

static struct cm_span unescape(struct cm_field_ctx *ctx, struct cm_span raw)
{
	char *out = cm_arena_alloc(ctx->arena, raw.n);
	size_t i;
	size_t n = 0;

	if (out == NULL) {
		ctx->nomem = true;
		return cm_span_n(NULL, 0);
	}
	for (i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\' && i + 1 < raw.n)
			i++;
		out[n++] = raw.p[i];
	}
	return cm_span_n(out, n);
}

/* After the opening quote; folded strings are read differently: refused. */
static bool take_quoted(struct lexer *l, struct cm_span *ret)
{
	const char *start = l->p;
	bool escaped = false;

	for (; l->p < l->end && *l->p != '"'; l->p++) {
		if (*l->p == '\\') {
			escaped = true;
			l->p++;
		}
		if (l->p == l->end || *l->p == '\r' || *l->p == '\n')
			return false;
	}
	*ret = cm_span_n(start, (size_t)(l->p - start));
	if (escaped)
		*ret = unescape(l->ctx, *ret);
	return take_char(l, '"');
}

static bool take_value(struct lexer *l, struct cm_span *ret)
{
	return take_char(l, '"') ? take_quoted(l, ret) : take_token(l, ret);
}

/* What a parameter is called and where its value goes. */
struct slot {
	const char *name;
	struct cm_span *value;
	bool *seen; /* set even for an empty value */
};

/* "charset*" and "charset*0" (RFC 2231) name "charset" too. */
static bool is_extended(struct cm_span attribute, const char *name)
{
	const char *star = memchr(attribute.p, '*', attribute.n);

	return star != NULL &&
	       cm_span_is(cm_span_n(attribute.p, (size_t)(star - attribute.p)),
			  name);
}

/* RFC 2231, 7: name, name*, name*0, name*0*; other stars are read at will. */
static bool is_attribute(struct cm_span word)
{
	const char *end = word.p + word.n;
	const char *p = memchr(word.p, '*', word.n);

	if (p == NULL)
		return true;
	p++;
	while (p < end && cm_ascii_digit(*p))
		p++;
	return p == end || (*p == '*' && p + 1 == end && p[-1] != '*');
}

static const char *keep(struct cm_span attribute, struct cm_span value,
			const struct slot *slots, size_t count)
{
	/* Where there is no star, and that is nearly always, none is sought
	 * for each slot. */
	bool star = memchr(attribute.p, '*', attribute.n) != NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (slots[i].value == NULL) {
			if (cm_span_is(attribute, slots[i].name) ||
			    (star && is_extended(attribute, slots[i].name)))
				*slots[i].seen = true;
			continue;
		}
		if (star && is_extended(attribute, slots[i].name))
			return "parameter";
		if (!cm_span_is(attribute, slots[i].name))
			continue;
		if (slots[i].value->p != NULL)
			return "duplicate";
		*slots[i].value = value;
	}
	return NULL;
}

/* *(";" attribute "=" value); one ";" too many at the end is common. */
static const char *take_parameters(struct lexer *l, const struct slot *slots,
				   size_t count)
{
	while (skip_blank(l), l->p < l->end) {
		struct cm_span attribute;
		struct cm_span value = {0};
		const char *why;

		if (!take_char(l, ';'))
			return "header";
		skip_blank(l);
		if (l->p == l->end)
			break;
		if (!take_token(l, &attribute) || !is_attribute(attribute) ||
		    !take_char(l, '=') || !take_value(l, &value))
			return "header";
		why = keep(attribute, value, slots, count);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static bool boundary_ok(struct cm_span boundary)
{
	size_t i;

	/* RFC 2046, 5.1.1: 1 to 70 bchars, the last not a blank. */
	if (boundary.n == 0 || boundary.n > CM_MIME_BOUNDARY_MAX ||
	    boundary.p[boundary.n - 1] == ' ')
		return false;
	for (i = 0; i < boundary.n; i++)
		if (boundary.p[i] < ' ' || boundary.p[i] > '~')
			return false;
	return true;
}

static const char *take_type(struct cm_field_ctx *ctx, struct cm_span value,
			     struct cm_mime_part *part)
{
	const struct slot slots[] = {
		{"charset", &part->charset, NULL},
		{"boundary", &part->boundary, NULL},
		{"start", &part->start, NULL},
		{"format", &part->format, NULL},
		{"delsp", &part->delsp, NULL},
		{"name", NULL, &part->named},
	};
	struct lexer l = lexer_of(ctx, value);
	const char *why;

	if (part->type.n > 0)
		return "duplicate";
	part->type_field = value;
	skip_blank(&l);
	if (!take_token(&l, &part->type) || !take_char(&l, '/') ||
	    !take_token(&l, &part->subtype))
		return "header";
	skip_blank(&l);
	if (l.p < l.end && *l.p != ';')
		return "header";
	why = take_parameters(&l, slots, sizeof(slots) / sizeof(*slots));
	/* "name=my file.csv" hurts nobody where we neither look nor edit. */
	if (!cm_mime_is_multipart(part)) {
		part->unsure = cm_mime_is(part, "text", NULL) ? why : NULL;
		return NULL;
	}
	if (why == NULL && !boundary_ok(part->boundary))
		return "boundary";
	return why;
}

static const char *take_encoding(struct cm_field_ctx *ctx, struct cm_span value,
				 struct cm_mime_part *part)
{
	static const struct {
		const char *name;
		enum cm_cte cte;
	} known[] = {
		{"7bit", CM_CTE_7BIT},
		{"8bit", CM_CTE_8BIT},
		{"quoted-printable", CM_CTE_QP},
		{"base64", CM_CTE_BASE64},
		/* Common slips, that readers know or take octets for. */
		{"7-bit", CM_CTE_7BIT},
		{"8-bit", CM_CTE_8BIT},
		/* What comes by DATA is lines; see cm_mime_scan(). */
		{"binary", CM_CTE_8BIT},
	};
	struct lexer l = lexer_of(ctx, value);
	struct cm_span word;
	size_t i;

	if (part->has_cte)
		return "duplicate";
	part->has_cte = true;
	part->encoding_field = value;
	part->cte = CM_CTE_OTHER;
	skip_blank(&l);
	if (!take_token(&l, &word))
		return "encoding";
	part->encoding = word;
	skip_blank(&l);
	if (l.p != l.end)
		return "encoding";
	ctx->binary = ctx->binary || cm_span_is(word, "binary");
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (cm_span_is(word, known[i].name))
			part->cte = known[i].cte;
	return NULL;
}

static const char *take_disposition(struct cm_field_ctx *ctx,
				    struct cm_span value,
				    struct cm_mime_part *part)
{
	const struct slot slots[] = {{"filename", NULL, &part->named}};
	struct lexer l = lexer_of(ctx, value);

	if (part->disposition.n > 0)
		return "duplicate";
	skip_blank(&l);
	if (!take_token(&l, &part->disposition))
		return "header";
	/* Parameters nobody can read are a file name gone wrong. */
	if (take_parameters(&l, slots, 1) != NULL)
		part->named = true;
	return NULL;
}

static const char *take_id(struct cm_field_ctx *ctx, struct cm_span value,
			   struct cm_mime_part *part)
{
	(void)ctx;
	if (part->content_id.n > 0)
		return "duplicate";
	part->content_id = cm_span_trim(value);
	return NULL;
}

static const char *take_measure(struct cm_field_ctx *ctx, struct cm_span value,
				struct cm_mime_part *part)
{
	(void)ctx;
	(void)value;
	part->measures++;
	return NULL;
}

static const struct {
	const char *name;
	const char *(*take)(struct cm_field_ctx *, struct cm_span,
			    struct cm_mime_part *);
} fields[] = {
	{"Content-Type", take_type},
	{"Content-Transfer-Encoding", take_encoding},
	{"Content-Disposition", take_disposition},
	{"Content-ID", take_id},
	{"Content-MD5", take_measure},
	{"Content-Length", take_measure},
	{"Lines", take_measure},
};

bool cm_field_is_measure(struct cm_span name)
{
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (fields[i].take == take_measure &&
		    cm_span_is(name, fields[i].name))
			return true;
	return false;
}

struct cm_span cm_field_next(struct cm_span *rest)
{
	const char *p = rest->p;
	const char *end = p + rest->n;
	struct cm_span field;

	if (rest->n == 0)
		return cm_span_n(NULL, 0);
	do {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl != NULL ? nl + 1 : end;
	} while (p < end && (*p == ' ' || *p == '\t'));
	field = cm_span_n(rest->p, (size_t)(p - rest->p));
	rest->n -= field.n;
	rest->p = p;
	return field;
}

struct cm_span cm_field_name(struct cm_span field)
{
	return cm_span_cut(&field, ':');
}

const char *cm_field_take(struct cm_field_ctx *ctx, struct cm_span name,
			  struct cm_span value, struct cm_mime_part *part)
{
	size_t i;

	if (name.n > CM_FIELD_NAME_MAX)
		return "header";
	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (cm_span_is(name, fields[i].name))
			return value.n > 0 && memchr(value.p, '\0', value.n)
				       ? "header"
				       : fields[i].take(ctx, value, part);
	return NULL;
}

bool cm_field_version_ok(struct cm_span value)
{
	char text[4];
	size_t n = 0;
	size_t i;
	int depth = 0;

	for (i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (depth > 0 && c == '\\')
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
		else if (depth == 0 && !is_blank(c) && n < sizeof(text))
			text[n++] = c;
	}
	return depth == 0 && cm_span_is(cm_span_n(text, n), "1.0");
}
