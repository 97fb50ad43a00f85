/* See form.h. */
#include "web/form.h"

#include <string.h>

enum {
	CM_BOUNDARY_MAX =
		256, /* RFC 2046, 5.1.1 says 70; odd ones are longer */
	CM_PARAMETER_MAX = CM_BOUNDARY_MAX,
};

/* ---- pairs -------------------------------------------------------------- */

static const char *const reasons[CM_FORM_REASONS] = {
	[CM_REASON_NOT_SAID] = "not-said",
	[CM_REASON_TOO_MANY] = "too-many",
	[CM_REASON_NOT_INTERESTING] = "not-interesting",
	[CM_REASON_NOT_ASKED_FOR] = "not-asked-for",
	[CM_REASON_OTHER] = "other",
};

const char *cm_form_reason(enum cm_form_reason reason)
{
	return reasons[reason];
}

static void keep_text(struct cm_span value, char *text, size_t room, size_t *n)
{
	*n = value.n <= room ? value.n : 0;
	if (*n > 0)
		memcpy(text, value.p, *n);
}

static void keep(struct cm_form_value *kept, struct cm_span value)
{
	keep_text(value, kept->text, sizeof(kept->text), &kept->n);
}

static void act_as(struct cm_form *form, enum cm_form_act act)
{
	if (act > form->act)
		form->act = act;
}

static void take_email(struct cm_form *form, struct cm_span value)
{
	keep_text(value, form->email, sizeof(form->email), &form->email_n);
}

static void take_purpose(struct cm_form *form, struct cm_span value)
{
	if (form->npurposes == CM_FORM_PURPOSES_MAX)
		return;
	keep(&form->purposes[form->npurposes], value);
	form->npurposes += form->purposes[form->npurposes].n > 0;
}

static void take_reason(struct cm_form *form, struct cm_span value)
{
	int i;

	for (i = 0; i < CM_FORM_REASONS; i++)
		if (cm_span_is(value, reasons[i]))
			form->reason = (enum cm_form_reason)i;
}

static void take_stop(struct cm_form *form, struct cm_span value)
{
	keep(&form->purpose, value);
	act_as(form, CM_FORM_PURPOSE);
}

/* Who presses both wants less. */
static void take_more(struct cm_form *form, struct cm_span value)
{
	if (form->act == CM_FORM_PURPOSE)
		return;
	keep(&form->purpose, value);
	act_as(form, CM_FORM_MORE);
}

static void take_ticket(struct cm_form *form, struct cm_span value)
{
	keep(&form->ticket, value);
}

static void take_token(struct cm_form *form, struct cm_span value)
{
	keep(&form->token, value);
}

static void take_trap(struct cm_form *form, struct cm_span value)
{
	(void)value;
	form->trapped = true;
}

/* Fields whose values are theirs; one without a value says nothing. */
static void take_field(struct cm_form *form, struct cm_span name,
		       struct cm_span value)
{
	static const struct {
		const char *name;
		void (*take)(struct cm_form *form, struct cm_span value);
	} fields[] = {
		{"email", take_email},   {"form", take_token},
		{"more", take_more},     {"purpose", take_purpose},
		{"reason", take_reason}, {"stop", take_stop},
		{"ticket", take_ticket}, {"website", take_trap},
	};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (value.n > 0 && cm_span_is(name, fields[i].name))
			fields[i].take(form, value);
}

static void take_pair(struct cm_form *form, struct cm_span name,
		      struct cm_span value)
{
	static const struct {
		const char *name, *value;
		enum cm_form_act act;
	} known[] = {
		/* RFC 8058, 5: an ABNF literal, so of either case. */
		{"List-Unsubscribe", "One-Click", CM_FORM_ONE_CLICK},
		{"act", "subscribe", CM_FORM_SUBSCRIBE},
		{"act", "confirm", CM_FORM_CONFIRM},
		{"act", "cancel", CM_FORM_CANCEL},
		{"act", "lost", CM_FORM_LOST},
		{"act", "data", CM_FORM_DATA},
		{"act", "take-page", CM_FORM_TAKE_PAGE},
		{"act", "take-file", CM_FORM_TAKE_FILE},
		{"act", "erase-ask", CM_FORM_ERASE_ASK},
		{"act", "erase", CM_FORM_ERASE},
		{"act", "keep", CM_FORM_KEEP},
		{"act", "why", CM_FORM_WHY},
		{"act", "undo", CM_FORM_UNDO},
		{"act", "stop", CM_FORM_STOP},
		{"act", "stop-all", CM_FORM_ALL},
	};
	size_t i;

	name = cm_span_trim(name);
	value = cm_span_trim(value);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (cm_span_is(name, known[i].name) &&
		    cm_span_is(value, known[i].value))
			act_as(form, known[i].act);
	take_field(form, name, value);
}

/* ---- application/x-www-form-urlencoded ---------------------------------- */

static int hex_value(char c)
{
	c = cm_ascii_lower(c);
	if (cm_ascii_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t cm_form_unescape(struct cm_span text, bool plus, char *out)
{
	size_t i, n = 0;

	for (i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%' && text.n - i > 2 &&
		    hex_value(text.p[i + 1]) >= 0 &&
		    hex_value(text.p[i + 2]) >= 0) {
			c = (char)(hex_value(text.p[i + 1]) << 4 |
				   hex_value(text.p[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[n++] = c;
	}
	return n;
}

static void read_urlencoded(struct cm_span body, struct cm_form *form)
{
	char name[CM_FORM_MAX], value[CM_FORM_MAX];

	while (body.n > 0) {
		struct cm_span pair = cm_span_cut(&body, '&');
		struct cm_span key = cm_span_cut(&pair, '=');
		size_t name_n = cm_form_unescape(key, true, name);
		size_t value_n = cm_form_unescape(pair, true, value);

		take_pair(form, cm_span_n(name, name_n),
			  cm_span_n(value, value_n));
	}
}

/* ---- parameters: type; name=value; name="value" ------------------------- */

struct parameter {
	struct cm_span name;
	char value[CM_PARAMETER_MAX];
	size_t n;
};

/* A quoted-string from behind its first quote; false if it does not end. */
static bool take_quoted(struct cm_span *rest, struct parameter *out)
{
	for (; rest->n > 0; rest->p++, rest->n--) {
		char c = rest->p[0];

		if (c == '"') {
			rest->p++;
			rest->n--;
			return true;
		}
		if (c == '\\' && rest->n > 1) {
			rest->p++;
			rest->n--;
			c = rest->p[0];
		}
		if (out->n == sizeof(out->value))
			return false;
		out->value[out->n++] = c;
	}
	return false;
}

static bool take_bare(struct cm_span *rest, struct parameter *out)
{
	struct cm_span bare = *rest;

	/* "name" without "=": rest may be NULL then. */
	if (rest->n == 0)
		return true;
	bare.n = 0;
	while (bare.n < rest->n && rest->p[bare.n] != ';')
		bare.n++;
	rest->p += bare.n;
	rest->n -= bare.n;
	bare = cm_span_trim(bare);
	if (bare.n > sizeof(out->value))
		return false;
	if (bare.n > 0)
		memcpy(out->value, bare.p, bare.n);
	out->n = bare.n;
	return true;
}

/* Find a parameter behind the first ";"; the first of a name counts. */
static bool find_parameter(struct cm_span field, const char *name,
			   struct parameter *out)
{
	(void)cm_span_cut(&field, ';');
	while (field.n > 0) {
		bool fits;

		out->name = cm_span_trim(cm_span_cut(&field, '='));
		out->n = 0;
		while (field.n > 0 && (field.p[0] == ' ' || field.p[0] == '\t'))
			(void)cm_span_cut(&field, field.p[0]);
		if (field.n > 0 && field.p[0] == '"') {
			field.p++;
			field.n--;
			fits = take_quoted(&field, out);
		} else {
			fits = take_bare(&field, out);
		}
		if (cm_span_is(out->name, name))
			return fits;
		(void)cm_span_cut(&field, ';');
	}
	return false;
}

/* ---- multipart/form-data ------------------------------------------------ */

/* A line without its end; CRLF or, from sloppy clients, LF alone. */
static struct cm_span take_line(struct cm_span *rest)
{
	struct cm_span line = cm_span_cut(rest, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

enum delimiter { NO_DELIMITER, DELIMITER, LAST_DELIMITER };

/* RFC 2046, 5.1.1: "--" boundary ["--"] and padding, alone on a line. */
static enum delimiter delimiter_of(struct cm_span line,
				   const struct parameter *boundary)
{
	bool last = false;

	if (line.n < boundary->n + 2 || memcmp(line.p, "--", 2) != 0 ||
	    memcmp(line.p + 2, boundary->value, boundary->n) != 0)
		return NO_DELIMITER;
	line.p += boundary->n + 2;
	line.n -= boundary->n + 2;
	if (line.n >= 2 && memcmp(line.p, "--", 2) == 0) {
		line.p += 2;
		line.n -= 2;
		last = true;
	}
	if (cm_span_trim(line).n > 0)
		return NO_DELIMITER;
	return last ? LAST_DELIMITER : DELIMITER;
}

/* Read a part's header; leaves *rest at its content. */
static void read_part_header(struct cm_span *rest, struct parameter *name)
{
	name->n = 0;
	while (rest->n > 0) {
		struct cm_span line = take_line(rest);
		struct cm_span field = cm_span_cut(&line, ':');

		if (field.n == 0)
			return; /* the empty line */
		if (cm_span_is(cm_span_trim(field), "Content-Disposition") &&
		    !find_parameter(line, "name", name))
			name->n = 0;
	}
}

/*
 * The content up to the next delimiter, which is said in *ret_next; without
 * one the content goes to the end (a client that forgot to close).
 */
static struct cm_span take_content(struct cm_span *rest,
				   const struct parameter *boundary,
				   enum delimiter *ret_next)
{
	struct cm_span content = {rest->p, 0};

	*ret_next = LAST_DELIMITER;
	while (rest->n > 0) {
		const char *start = rest->p;
		struct cm_span line = take_line(rest);
		enum delimiter found = delimiter_of(line, boundary);

		if (found != NO_DELIMITER) {
			*ret_next = found;
			return content;
		}
		content.n += (size_t)(rest->n > 0 ? rest->p - start
						  : line.p + line.n - start);
	}
	return content;
}

static void read_multipart(struct cm_span body,
			   const struct parameter *boundary,
			   struct cm_form *form)
{
	enum delimiter next;

	(void)take_content(&body, boundary, &next); /* the preamble */
	while (body.n > 0 && next == DELIMITER) {
		struct cm_span value;
		struct parameter name;

		read_part_header(&body, &name);
		value = take_content(&body, boundary, &next);
		take_pair(form, cm_span_n(name.value, name.n), value);
	}
}

void cm_form_read(struct cm_span content_type, struct cm_span body,
		  struct cm_form *ret_form)
{
	struct cm_span type = content_type;
	struct parameter boundary;

	memset(ret_form, 0, sizeof(*ret_form));
	if (body.n > CM_FORM_MAX)
		return;
	type = cm_span_trim(cm_span_cut(&type, ';'));
	if (!cm_span_starts(type, "multipart/"))
		read_urlencoded(body, ret_form);
	else if (find_parameter(content_type, "boundary", &boundary) &&
		 boundary.n > 0)
		read_multipart(body, &boundary, ret_form);
}
