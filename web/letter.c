/* See letter.h. */
#include "web/letter.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/colour.h"
#include "lib/enc.h"
#include "lib/phrase.h"
#include "policy/address.h"

enum {
	TEXT_WIDTH = 72,    /* characters of a line of text */
	ENCODED_WIDTH = 76, /* RFC 2045, 6.7 and 6.8 */
	HEADER_WIDTH = 76,
	VALUES = 16,
};

static const struct {
	const char *name;
	enum cm_template_kind text, html;
	const char *auto_submitted; /* RFC 3834, 5 */
	bool answers;               /* what the person just asked of us */
} kinds[CM_LETTERS] = {
	[CM_LETTER_CONFIRM] = {"confirm", CM_TEMPLATE_LETTER_CONFIRM_TEXT,
			       CM_TEMPLATE_LETTER_CONFIRM_HTML,
			       "auto-generated", false},
	[CM_LETTER_LOST] = {"lost", CM_TEMPLATE_LETTER_LOST_TEXT,
			    CM_TEMPLATE_LETTER_LOST_HTML, "auto-replied", true},
	[CM_LETTER_DATA] = {"data", CM_TEMPLATE_LETTER_DATA_TEXT,
			    CM_TEMPLATE_LETTER_DATA_HTML, "auto-replied", true},
};

const char *cm_letter_kind_name(enum cm_letter_kind kind)
{
	return kinds[kind].name;
}

const char *cm_letter_sender(enum cm_letter_kind kind,
			     const struct cm_address *from)
{
	return kinds[kind].answers ? "" : from->canonical;
}

/* ---- who it is from ----------------------------------------------------- */

static const char *brand_of(const struct cm_config *config)
{
	return config->web_brand != NULL ? config->web_brand
					 : config->controller_name;
}

int cm_letter_from(const struct cm_config *config,
		   struct cm_address *ret_address, struct cm_error *err)
{
	char address[CM_ADDRESS_MAX + 1];

	if (config->mail_from != NULL)
		return cm_address_parse(cm_span(config->mail_from), ret_address,
					err);
	(void)snprintf(address, sizeof(address), "consent@%s",
		       config->mail_domain);
	return cm_address_parse(cm_span(address), ret_address, err);
}

/* The name before "<", or our own; quotes around it are not of it. */
static const char *name_of(const struct cm_config *config,
			   struct cm_arena *arena)
{
	struct cm_span rest = cm_span(config->mail_from), name;

	if (rest.n == 0)
		return brand_of(config);
	name = cm_span_trim(cm_span_cut(&rest, '<'));
	if (rest.n == 0 || name.n == 0)
		return brand_of(config);
	if (name.n > 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
		name = cm_span_n(name.p + 1, name.n - 2);
	return cm_arena_dup(arena, name.p, name.n);
}

/* ---- what stands in it -------------------------------------------------- */

struct making {
	const struct cm_config *config;
	const struct cm_templates *templates;
	const struct cm_letter_want *want;
	const char *language;
	struct cm_arena *arena;
	struct cm_template_value values[VALUES];
	size_t count;
};

static void set(struct making *m, const char *name, const char *value)
{
	m->values[m->count++] = (struct cm_template_value){name, value};
}

static int no_room(int rc, struct cm_error *err)
{
	return cm_fail(err, rc, "no room for a letter");
}

/* What a template makes of the values so far, in the arena. */
static int fill(struct making *m, enum cm_template_kind kind, bool title,
		const char **ret_text, struct cm_error *err)
{
	struct cm_buf out;
	int rc;

	cm_buf_init(&out, CM_LETTER_MAX);
	rc = (title ? cm_template_title : cm_template_fill)(
		m->templates, kind, m->language, m->values, m->count, &out);
	if (rc == CM_OK) {
		*ret_text = cm_arena_dup(m->arena, cm_buf_text(&out), out.len);
		if (*ret_text == NULL)
			rc = CM_ENOMEM;
	}
	cm_buf_free(&out);
	return rc == CM_OK ? rc : no_room(rc, err);
}

static const char *title_of(const struct making *m, struct cm_span path)
{
	const struct cm_purpose *purpose = cm_config_purpose(m->config, path);

	return purpose != NULL ? cm_purpose_title(purpose, m->language)
			       : cm_arena_dup(m->arena, path.p, path.n);
}

/* A row for each purpose. */
static int list_purposes(struct making *m, enum cm_template_kind kind,
			 const char **ret_text, struct cm_error *err)
{
	size_t before = m->count, i;
	struct cm_buf rows;
	int rc = CM_OK;

	cm_buf_init(&rows, CM_LETTER_MAX);
	for (i = 0; rc == CM_OK && i < m->want->npurposes; i++) {
		set(m, "purpose", title_of(m, m->want->purposes[i]));
		rc = cm_template_fill(m->templates, kind, m->language,
				      m->values, m->count, &rows);
		m->count = before;
	}
	if (rc == CM_OK) {
		*ret_text =
			cm_arena_dup(m->arena, cm_buf_text(&rows), rows.len);
		if (*ret_text == NULL)
			rc = CM_ENOMEM;
	}
	cm_buf_free(&rows);
	return rc == CM_OK ? rc : no_room(rc, err);
}

static void set_all(struct making *m)
{
	const struct cm_config *config = m->config;
	uint32_t rgb = CM_COLOUR_WHITE;

	if (cm_colour_parse(config->web_colour, &rgb) != CM_OK)
		rgb = CM_COLOUR_WHITE; /* the loader refuses it */
	set(m, "controller", config->controller_name);
	set(m, "address", config->controller_address);
	set(m, "contact", config->controller_contact);
	set(m, "brand", brand_of(config));
	set(m, "colour", config->web_colour);
	set(m, "on-colour", cm_colour_on(rgb));
	set(m, "link", m->want->link);
}

/* One of the two forms, in what is around it. */
static int make_form(struct making *m, bool html, const char *subject,
		     const char **ret_text, struct cm_error *err)
{
	enum cm_template_kind kind =
		html ? kinds[m->want->kind].html : kinds[m->want->kind].text;
	size_t before = m->count;
	const char *purposes, *main_text;
	int rc = list_purposes(m,
			       html ? CM_TEMPLATE_LETTER_PURPOSE_HTML
				    : CM_TEMPLATE_LETTER_PURPOSE_TEXT,
			       &purposes, err);

	if (rc != CM_OK)
		return rc;
	set(m, "purposes", purposes);
	set(m, "title", subject);
	rc = fill(m, kind, false, &main_text, err);
	if (rc == CM_OK) {
		set(m, "main", main_text);
		rc = fill(m,
			  html ? CM_TEMPLATE_LETTER_HTML
			       : CM_TEMPLATE_LETTER_TEXT,
			  false, ret_text, err);
	}
	m->count = before;
	return rc;
}

/* ---- lines -------------------------------------------------------------- */

static size_t characters(struct cm_span text)
{
	size_t n = 0, i;

	for (i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static bool is_row(struct cm_span line)
{
	return line.n > 4 && memcmp(line.p, "  * ", 4) == 0;
}

/* Words of one line, on as many as they need; a link is one word. */
static void wrap_line(struct cm_span line, struct cm_buf *out)
{
	const char *indent = is_row(line) ? "    " : "";
	size_t column = 0;

	if (is_row(line)) {
		(void)cm_buf_adds(out, "  *");
		line = cm_span_n(line.p + 4, line.n - 4);
		column = 3;
	}
	while (line.n > 0) {
		struct cm_span word = cm_span_cut(&line, ' ');
		size_t n = characters(word);

		if (column > 0 && column + 1 + n > TEXT_WIDTH) {
			(void)cm_buf_addf(out, "\n%s", indent);
			column = strlen(indent);
		} else if (column > 0) {
			(void)cm_buf_addc(out, ' ');
			column++;
		}
		(void)cm_buf_add(out, word.p, word.n);
		column += n;
	}
	(void)cm_buf_addc(out, '\n');
}

static void wrap(const char *text, struct cm_buf *out)
{
	struct cm_span rest = cm_span(text);

	while (rest.n > 0)
		wrap_line(cm_span_cut(&rest, '\n'), out);
}

/* ---- encodings ---------------------------------------------------------- */

static bool qp_is_literal(struct cm_span text, size_t i)
{
	unsigned char c = (unsigned char)text.p[i];
	bool last = i + 1 == text.n || text.p[i + 1] == '\n';

	if (c == ' ')
		return !last;
	/* "From " and "." at the start of a line are changed by some. */
	if ((c == 'F' || c == '.') && (i == 0 || text.p[i - 1] == '\n'))
		return false;
	return c > ' ' && c < 127 && c != '=';
}

/* RFC 2045, 6.7; line ends are LF. */
static void add_qp(struct cm_span text, struct cm_buf *out)
{
	size_t column = 0, i;

	for (i = 0; i < text.n; i++) {
		bool literal = qp_is_literal(text, i);
		size_t n = literal ? 1 : 3;

		if (text.p[i] == '\n') {
			(void)cm_buf_adds(out, "\r\n");
			column = 0;
			continue;
		}
		if (column + n >= ENCODED_WIDTH) {
			(void)cm_buf_adds(out, "=\r\n");
			column = 0;
		}
		if (literal)
			(void)cm_buf_addc(out, text.p[i]);
		else
			(void)cm_buf_addf(out, "=%02X",
					  (unsigned char)text.p[i]);
		column += n;
	}
}

/* RFC 2045, 6.8: of text whose line ends are CR LF. */
static void add_base64(struct cm_span text, struct cm_buf *out)
{
	enum { LINE = ENCODED_WIDTH / 4 * 3 };
	char encoded[CM_BASE64_LEN(LINE) + 1];
	struct cm_buf crlf;
	size_t i;

	cm_buf_init(&crlf, 2 * CM_LETTER_MAX);
	for (i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			(void)cm_buf_addc(&crlf, '\r');
		(void)cm_buf_addc(&crlf, text.p[i]);
	}
	for (i = 0; i < crlf.len; i += LINE) {
		size_t n = crlf.len - i < LINE ? crlf.len - i : LINE;

		(void)cm_base64_encode(crlf.data + i, n, encoded);
		(void)cm_buf_addf(out, "%s\r\n", encoded);
	}
	cm_buf_free(&crlf);
}

/* Base64 makes 4 of 3 octets, quoted-printable 3 of each that is not ASCII. */
static bool is_shorter_in_base64(struct cm_span text)
{
	size_t high = 0, i;

	for (i = 0; i < text.n; i++)
		high += (unsigned char)text.p[i] > 126 || text.p[i] == '=';
	return high * 6 > text.n;
}

static void add_part(const char *type, struct cm_span text,
		     const char *boundary, struct cm_buf *out)
{
	bool base64 = is_shorter_in_base64(text);

	(void)cm_buf_addf(out,
			  "--%s\r\nContent-Type: %s; charset=utf-8\r\n"
			  "Content-Transfer-Encoding: %s\r\n\r\n",
			  boundary, type,
			  base64 ? "base64" : "quoted-printable");
	if (base64)
		add_base64(text, out);
	else
		add_qp(text, out);
	(void)cm_buf_adds(out, "\r\n");
}

/* ---- header ------------------------------------------------------------- */

/* Lines of cm_phrase() end in LF. */
static void add_folded(const char *text, struct cm_buf *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			(void)cm_buf_addc(out, '\r');
		(void)cm_buf_addc(out, *text);
	}
}

/* Of words for people: folded at blanks, or encoded (RFC 2047). */
static int add_subject(const char *subject, struct cm_arena *arena,
		       struct cm_buf *out)
{
	static const char name[] = "Subject:";
	struct cm_span rest = cm_span(subject);
	size_t column = sizeof(name) - 1;

	(void)cm_buf_adds(out, name);
	if (!cm_ascii_only(rest.p, rest.n) || strstr(subject, "=?") != NULL) {
		const char *encoded = cm_phrase(subject, column + 1, arena);

		if (encoded == NULL)
			return CM_ENOMEM;
		(void)cm_buf_addc(out, ' ');
		add_folded(encoded, out);
		return cm_buf_adds(out, "\r\n");
	}
	while (rest.n > 0) {
		struct cm_span word = cm_span_cut(&rest, ' ');

		if (column + 1 + word.n > HEADER_WIDTH) {
			(void)cm_buf_adds(out, "\r\n");
			column = 0;
		}
		(void)cm_buf_addf(out, " %.*s", (int)word.n, word.p);
		column += 1 + word.n;
	}
	return cm_buf_adds(out, "\r\n");
}

static int add_from(const struct making *m, const struct cm_address *from,
		    struct cm_buf *out)
{
	static const char name[] = "From: ";
	const char *who = name_of(m->config, m->arena);
	const char *phrase = NULL;
	const char *last;

	if (who != NULL)
		phrase = cm_phrase(who, sizeof(name) - 1, m->arena);
	if (phrase == NULL)
		return CM_ENOMEM;
	last = strrchr(phrase, '\n');
	last = last != NULL ? last + 1 : phrase;
	(void)cm_buf_adds(out, name);
	add_folded(phrase, out);
	return cm_buf_addf(out, "%s<%s>\r\n",
			   strlen(last) + sizeof(name) + from->n + 2 >
					   HEADER_WIDTH
				   ? "\r\n "
				   : " ",
			   from->canonical);
}

static int add_header(const struct making *m, const char *subject,
		      const struct cm_address *from, const char *boundary,
		      struct cm_buf *out)
{
	const struct cm_letter_want *want = m->want;
	char hex[CM_HEX_LEN(CM_REQUEST_REF_LEN) + 1], date[CM_CLOCK_TEXT];
	int rc = add_from(m, from, out);

	(void)cm_hex_encode(want->request, CM_REQUEST_REF_LEN, hex);
	(void)cm_buf_addf(out, "To: %s\r\n", want->to);
	if (rc == CM_OK)
		rc = add_subject(subject, m->arena, out);
	(void)cm_buf_addf(
		out,
		"Date: %s\r\nMessage-ID: <letter.%llu.%s@%s>\r\n"
		"Auto-Submitted: %s\r\nContent-Language: %s\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/alternative;\r\n"
		" boundary=\"%s\"\r\n\r\n",
		cm_clock_mail(want->made, date),
		(unsigned long long)want->number, hex, m->config->mail_domain,
		kinds[want->kind].auto_submitted, m->language, boundary);
	return rc;
}

/* ---- all of it ---------------------------------------------------------- */

static int add_body(struct making *m, const char *subject, const char *boundary,
		    struct cm_buf *out, struct cm_error *err)
{
	const char *text, *html;
	struct cm_buf wrapped;
	int rc = make_form(m, false, subject, &text, err);

	if (rc == CM_OK)
		rc = make_form(m, true, subject, &html, err);
	if (rc != CM_OK)
		return rc;
	cm_buf_init(&wrapped, CM_LETTER_MAX);
	wrap(text, &wrapped);
	add_part("text/plain", cm_span_n(wrapped.data, wrapped.len), boundary,
		 out);
	add_part("text/html", cm_span(html), boundary, out);
	rc = cm_buf_ok(&wrapped);
	cm_buf_free(&wrapped);
	return rc == CM_OK ? rc : no_room(rc, err);
}

static int make(struct making *m, struct cm_buf *out, struct cm_error *err)
{
	/* No line of either encoding can be it: "=_" is in none. */
	char boundary[64];
	struct cm_address from;
	const char *subject;
	int rc = cm_letter_from(m->config, &from, err);

	if (rc != CM_OK)
		return rc;
	(void)snprintf(boundary, sizeof(boundary), "=_letter-%llu",
		       (unsigned long long)m->want->number);
	set_all(m);
	rc = fill(m, kinds[m->want->kind].text, true, &subject, err);
	if (rc == CM_OK &&
	    add_header(m, subject, &from, boundary, out) != CM_OK)
		rc = no_room(CM_ENOMEM, err);
	if (rc == CM_OK)
		rc = add_body(m, subject, boundary, out, err);
	(void)cm_buf_addf(out, "--%s--\r\n", boundary);
	if (rc == CM_OK && cm_buf_ok(out) != CM_OK)
		rc = no_room(out->failed, err);
	return rc;
}

int cm_letter_make(const struct cm_config *config,
		   const struct cm_templates *templates,
		   const struct cm_letter_want *want, struct cm_buf *out,
		   struct cm_error *err)
{
	const char *const wanted[] = {want->language};
	struct making m = {
		.config = config,
		.templates = templates,
		.want = want,
		.language = cm_templates_language(templates, wanted, 1),
	};
	int rc = cm_arena_new(4 * CM_LETTER_MAX, &m.arena);

	if (rc != CM_OK)
		return no_room(rc, err);
	rc = make(&m, out, err);
	cm_arena_free(&m.arena);
	return rc;
}
