/* See footer.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/footer.h"

#include <string.h>

enum { HTML_COLUMN = 70 }; /* HTML lines are broken at the next blank */

/* ---- filling in -------------------------------------------------------- */

static const char *content_language(const struct cm_edit_request *request,
				    struct cm_arena *arena)
{
	size_t i;

	for (i = 0; i < request->nheaders; i++)
		if (cm_span_is(request->headers[i].name, "Content-Language"))
			return cm_arena_dup(arena, request->headers[i].value.p,
					    request->headers[i].value.n);
	return NULL;
}

/* Values come from the config: no control octet gets through. */
static struct cm_span tidy(struct cm_buf *buf)
{
	size_t n = 0;
	size_t start = 0;
	size_t i;

	for (i = 0; i < buf->len; i++) {
		unsigned char c = (unsigned char)buf->data[i];

		if (c > ' ' && c != 127) {
			buf->data[n++] = (char)c;
			continue;
		}
		if ((c < ' ' && c != '\n' && c != '\t') || c == 127)
			continue;
		/* No blanks at line ends: "-- ", format=flowed. */
		while (c == '\n' && n > 0 &&
		       (buf->data[n - 1] == ' ' || buf->data[n - 1] == '\t'))
			n--;
		buf->data[n++] = (char)c;
	}
	while (n > 0 && (buf->data[n - 1] == '\n' || buf->data[n - 1] == ' ' ||
			 buf->data[n - 1] == '\t'))
		n--;
	while (start < n && buf->data[start] == '\n')
		start++;
	return cm_span_n(buf->data + start, n - start);
}

static int fill(const struct cm_edit_request *request,
		enum cm_template_kind kind, const char *language,
		struct cm_arena *arena, struct cm_span *ret_text,
		struct cm_error *err)
{
	const struct cm_config *config = request->config;
	const struct cm_template_value values[] = {
		{"controller", config->controller_name},
		{"address", config->controller_address},
		{"contact", config->controller_contact},
		{"purpose", cm_purpose_title(request->purpose, language)},
		{"link", request->way_out.footer_link},
		{"privacy-notice", config->controller_privacy_notice},
		{"marker", request->stream->marker},
	};
	struct cm_buf buf;
	struct cm_span text;
	const char *copy = NULL;
	int rc;

	cm_buf_init(&buf, CM_FOOTER_MAX);
	rc = cm_template_fill(request->templates, kind, language, values,
			      sizeof(values) / sizeof(*values), &buf);
	if (rc != CM_OK) {
		(void)cm_fail(err, (enum cm_code)rc,
			      "the footer is over %d octets; shorten its "
			      "template or the controller's texts",
			      (int)CM_FOOTER_MAX);
		goto out;
	}
	text = tidy(&buf);
	if (!cm_utf8_valid(text.p, text.n)) {
		rc = cm_fail(err, CM_ECONFIG,
			     "the footer is not UTF-8: save the configuration "
			     "as UTF-8");
		goto out;
	}
	copy = cm_arena_dup(arena, text.p, text.n);
	if (copy != NULL)
		*ret_text = cm_span_n(copy, text.n);
	else
		rc = cm_fail(err, CM_ENOMEM, "no memory for a footer");
out:
	cm_buf_free(&buf);
	return rc;
}

int cm_footer_make(const struct cm_edit_request *request,
		   struct cm_span html_lang, struct cm_arena *arena,
		   struct cm_footer *ret_footer, struct cm_error *err)
{
	struct cm_footer footer;
	const char *wanted[] = {
		request->language,
		content_language(request, arena),
		cm_arena_dup(arena, html_lang.p, html_lang.n),
		request->stream->language,
		request->config->language,
	};
	int rc;

	footer.language = cm_templates_language(
		request->templates, wanted, sizeof(wanted) / sizeof(*wanted));
	rc = fill(request, CM_TEMPLATE_FOOTER_TEXT, footer.language, arena,
		  &footer.text, err);
	if (rc == CM_OK)
		rc = fill(request, CM_TEMPLATE_FOOTER_HTML, footer.language,
			  arena, &footer.html, err);
	if (rc == CM_OK)
		*ret_footer = footer;
	return rc;
}

const char *cm_footer_link_html(const char *link, struct cm_arena *arena)
{
	size_t n = strlen(link);
	char *out = cm_arena_alloc(arena, n * 5 + 1);
	size_t at = 0;
	size_t i;

	if (out == NULL)
		return NULL;
	for (i = 0; i < n; i++) {
		if (link[i] == '&') {
			memcpy(out + at, "&amp;", 5);
			at += 5;
		} else {
			out[at++] = link[i];
		}
	}
	return out;
}

/* ---- the place --------------------------------------------------------- */

static struct cm_span next_line(struct cm_span *rest)
{
	const char *nl = memchr(rest->p, '\n', rest->n);
	struct cm_span line = *rest;

	if (nl != NULL)
		line.n = (size_t)(nl - rest->p);
	rest->p += line.n + (nl != NULL);
	rest->n -= line.n + (nl != NULL);
	return line;
}

/*
 * Never under a signature line: programs hide or cut what is below the first
 * one (R3676-2; RFC 3676, 4.3).
 */
size_t cm_footer_place(struct cm_span text)
{
	size_t at = 0;

	while ((at = cm_span_dashes(text, at)) < text.n) {
		struct cm_span rest = cm_span_n(text.p + at, text.n - at);
		struct cm_span line = next_line(&rest);

		if (line.n == 4 && line.p[3] == '\r' && at + 4 < text.n)
			line.n--;
		if (line.n == 3 && line.p[2] == ' ')
			return at;
		at = text.n - rest.n;
	}
	return text.n;
}

/* ---- the piece --------------------------------------------------------- */

static bool needs_stuffing(struct cm_span line)
{
	return line.n > 0 && (line.p[0] == ' ' || line.p[0] == '>' ||
			      (line.n >= 5 && memcmp(line.p, "From ", 5) == 0));
}

static void add_plain(struct cm_buf *out, struct cm_span text,
		      const struct cm_footer_shape *shape)
{
	while (text.n > 0) {
		struct cm_span line = next_line(&text);

		if (shape->flowed && needs_stuffing(line))
			(void)cm_buf_addc(out, ' ');
		(void)cm_buf_add(out, line.p, line.n);
		(void)cm_buf_adds(out, shape->eol);
	}
}

/* The code point at p of valid UTF-8, and its length. */
static unsigned code_point(const char *p, size_t *ret_n)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	unsigned value = c & (0xffu >> (n + 1));
	size_t i;

	for (i = 1; i < n; i++)
		value = value << 6 | ((unsigned char)p[i] & 0x3f);
	*ret_n = n;
	return value;
}

/* The entity of the character at p; *at moves behind it.  Its length. */
static size_t add_entity(struct cm_buf *out, const char *p, size_t *at)
{
	size_t before = out->len;
	size_t n;
	unsigned point = code_point(p, &n);

	(void)cm_buf_addf(out, "&#%u;", point);
	*at += n;
	return out->len - before;
}

/* Octets that mean nothing to add_html(); most of a footer is such. */
static size_t plain_run(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] > ' ' && p[i] != '<' && p[i] != '>')
		i++;
	return i;
}

/* Lines are kept short by breaking at blanks between tags and words. */
static void add_html(struct cm_buf *out, struct cm_span html,
		     const struct cm_footer_shape *shape)
{
	bool in_tag = false;
	size_t line = 0; /* octets in it, without those from `from` on */
	size_t from = 0;
	size_t i = 0;

	while (i < html.n) {
		char c;
		bool wide;

		i += plain_run(html.p + i, html.n - i);
		if (i == html.n)
			break;
		c = html.p[i];
		wide = (unsigned char)c > 127 && shape->ascii;
		if (c == '<' || c == '>')
			in_tag = c == '<';
		if (!wide && c != '\n' &&
		    (c != ' ' || in_tag || line + (i - from) < HTML_COLUMN)) {
			i++;
			continue;
		}
		(void)cm_buf_add(out, html.p + from, i - from);
		line += i - from;
		if (wide) {
			line += add_entity(out, html.p + i, &i);
		} else {
			(void)cm_buf_adds(out, shape->eol);
			line = 0;
			i++;
		}
		from = i;
	}
	(void)cm_buf_add(out, html.p + from, html.n - from);
	(void)cm_buf_adds(out, shape->eol);
}

static bool ends_with_empty_line(struct cm_span text, size_t at)
{
	size_t i = at;

	/* "\n\n" or "\n\r\n" */
	if (i == 0 || text.p[--i] != '\n')
		return i == 0;
	if (i > 0 && text.p[i - 1] == '\r')
		i--;
	return i == 0 || text.p[i - 1] == '\n';
}

/* R3676-1: the last paragraph before `at` goes on with what comes next. */
static bool flows_on(struct cm_span text, size_t at)
{
	while (at > 0 && (text.p[at - 1] == '\n' || text.p[at - 1] == '\r'))
		at--;
	return at > 0 && text.p[at - 1] == ' ';
}

int cm_footer_piece(const struct cm_footer *footer,
		    const struct cm_footer_shape *shape, struct cm_span text,
		    size_t at, struct cm_arena *arena,
		    struct cm_span *ret_piece)
{
	bool ends_open = at == text.n && (at == 0 || text.p[at - 1] != '\n');
	struct cm_buf out;
	const char *copy = NULL;
	int rc;

	/* Entities are up to five times as long as UTF-8. */
	cm_buf_init(&out, 8 * CM_FOOTER_MAX);
	if (at > 0 && text.p[at - 1] != '\n')
		(void)cm_buf_adds(&out, shape->eol);
	if (!shape->html && at > 0 && !ends_with_empty_line(text, at))
		(void)cm_buf_adds(&out, shape->eol);
	/* The first empty line ends that paragraph; this one is seen. */
	if (shape->flowed && !shape->html && flows_on(text, at))
		(void)cm_buf_adds(&out, shape->eol);
	if (shape->html)
		add_html(&out, footer->html, shape);
	else
		add_plain(&out, footer->text, shape);
	rc = cm_buf_ok(&out);
	if (rc == CM_OK) {
		size_t n = out.len - (ends_open ? strlen(shape->eol) : 0);

		copy = cm_arena_dup(arena, out.data, n);
		rc = copy != NULL ? CM_OK : CM_ENOMEM;
		if (copy != NULL)
			*ret_piece = cm_span_n(copy, n);
	}
	cm_buf_free(&out);
	return rc;
}
