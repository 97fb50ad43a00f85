/* See edit_check.h. */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/edit_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <gmime/gmime.h>

#include "lib/charset.h"

enum { LINE_MAX_OCTETS = 998, PATH_MAX_OCTETS = 64 };

struct checker {
	const struct test_world *world;
	const struct cm_edit *edit;
	struct edit_check *check;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct checker *c,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (c->check->why[0] == '\0')
		(void)vsnprintf(c->check->why, sizeof(c->check->why), format,
				args);
	va_end(args);
	return false;
}

/* ---- texts ------------------------------------------------------------- */

static GByteArray *content_of(GMimePart *part, bool decoded)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *out = g_mime_stream_mem_new();
	GByteArray *bytes = g_byte_array_new();

	g_mime_stream_mem_set_byte_array((GMimeStreamMem *)out, bytes);
	if (content != NULL && decoded)
		(void)g_mime_data_wrapper_write_to_stream(content, out);
	else if (content != NULL)
		(void)g_mime_stream_write_to_stream(
			g_mime_data_wrapper_get_stream(content), out);
	g_object_unref(out);
	return bytes;
}

static GString *octets_of(GMimePart *part)
{
	GByteArray *bytes = content_of(part, true);
	GString *text =
		g_string_new_len((const char *)bytes->data, (gssize)bytes->len);

	g_byte_array_free(bytes, TRUE);
	return text;
}

/* RFC 1843 to EUC-CN, in place: iconv has the one and not the other. */
static void read_hz(GByteArray *bytes)
{
	guint8 *to = bytes->data;
	const guint8 *p = bytes->data;
	const guint8 *end = p + bytes->len;
	guint8 high = 0;

	while (p < end) {
		if (end - p > 1 && p[0] == '~' && strchr("{}\n", p[1])) {
			high = p[1] == '{' ? 0x80 : 0;
			p += 2;
		} else if (end - p > 1 && p[0] == '~' && p[1] == '~' && !high) {
			*to++ = '~';
			p += 2;
		} else {
			*to++ = *p > ' ' ? *p | high : *p;
			p++;
		}
	}
	g_byte_array_set_size(bytes, (guint)(to - bytes->data));
}

/* Where an octet is a character: one that is none is another, of its own. */
static char *octets_read(const GByteArray *bytes, const char *reader, gsize *n)
{
	GString *out = g_string_new("");
	guint i;

	for (i = 0; i < bytes->len; i++) {
		char *utf8 = g_convert((const char *)bytes->data + i, 1,
				       "UTF-8", reader, NULL, NULL, NULL);

		if (utf8 != NULL)
			g_string_append(out, utf8);
		else
			g_string_append_unichar(out, 0xE000 + bytes->data[i]);
		g_free(utf8);
	}
	*n = out->len;
	return g_string_free(out, FALSE);
}

/* As UTF-8, read with the readers' iconv; NULL if iconv cannot. */
static GString *text_of(GMimePart *part)
{
	const char *label = g_mime_object_get_content_type_parameter(
		(GMimeObject *)part, "charset");
	const struct cm_charset *charset =
		cm_charset_find(cm_span(label != NULL ? label : "us-ascii"));
	GByteArray *bytes = content_of(part, true);
	GString *text = NULL;
	gsize n = 0;
	char *utf8 = NULL;
	size_t i;

	if (charset != NULL)
		charset = cm_charset_resolve(
			charset,
			cm_span_n((const char *)bytes->data, bytes->len));
	if (charset == NULL || charset->readers[0] == NULL || bytes->len == 0) {
		g_byte_array_free(bytes, TRUE);
		return octets_of(part);
	}
	if (strcmp(charset->name, "hz-gb-2312") == 0)
		read_hz(bytes);
	for (i = 0; utf8 == NULL && i < CM_CHARSET_READERS &&
		    charset->readers[i] != NULL;
	     i++)
		utf8 = g_convert((const char *)bytes->data, (gssize)bytes->len,
				 "UTF-8", charset->readers[i], NULL, &n, NULL);
	if (utf8 == NULL && charset->kind == CM_CHARSET_OCTET)
		utf8 = octets_read(bytes, charset->readers[0], &n);
	if (utf8 != NULL)
		text = g_string_new_len(utf8, (gssize)n);
	g_free(utf8);
	g_byte_array_free(bytes, TRUE);
	return text;
}

/* The characters that entities stand for, blanks and line ends as one. */
static GString *as_shown(const char *text, size_t n, bool html)
{
	static const struct {
		const char *entity;
		char c;
	} named[] = {{"&amp;", '&'},
		     {"&lt;", '<'},
		     {"&gt;", '>'},
		     {"&quot;", '"'},
		     {"&#39;", '\''}};
	GString *out = g_string_new("");
	size_t i = 0;

	while (i < n) {
		size_t k = 0;
		char *end = NULL;

		while (html && k < G_N_ELEMENTS(named) &&
		       strncmp(text + i, named[k].entity,
			       strlen(named[k].entity)) != 0)
			k++;
		if (html && k < G_N_ELEMENTS(named)) {
			g_string_append_c(out, named[k].c);
			i += strlen(named[k].entity);
		} else if (html && text[i] == '&' && text[i + 1] == '#') {
			g_string_append_unichar(
				out, (gunichar)g_ascii_strtoull(text + i + 2,
								&end, 10));
			i = (size_t)(end - text) + 1;
		} else if (strchr(" \t\r\n", text[i]) != NULL) {
			if (out->len > 0 && out->str[out->len - 1] != ' ')
				g_string_append_c(out, ' ');
			i++;
		} else {
			g_string_append_c(out, text[i++]);
		}
	}
	return out;
}

static unsigned count(const GString *text, const char *what)
{
	const char *p = text->str;
	unsigned n = 0;

	while ((p = memmem(p, text->len - (size_t)(p - text->str), what,
			   strlen(what))) != NULL) {
		p += strlen(what);
		n++;
	}
	return n;
}

static bool shows_the_footer(struct checker *c, const char *path,
			     const char *piece, size_t n, bool html)
{
	const struct cm_config *config = &c->world->config;
	GString *shown = as_shown(piece, n, html);
	GString *name = as_shown(config->controller_name,
				 strlen(config->controller_name), false);
	unsigned links = count(shown, c->world->request.way_out.footer_link);
	bool named = count(shown, name->str) > 0;

	g_string_free(shown, TRUE);
	g_string_free(name, TRUE);
	if (links != 1)
		return wrong(c, "part %s shows the link %u times", path, links);
	return named || wrong(c, "part %s does not name the controller", path);
}

/* The old text, and one insertion that is the footer. */
static bool check_texts(struct checker *c, const char *path, const GString *was,
			const GString *is, bool html)
{
	size_t head = 0;
	size_t tail = 0;
	size_t most;

	if (is->len <= was->len)
		return wrong(c, "part %s is not longer", path);
	most = was->len;
	while (head < most && was->str[head] == is->str[head])
		head++;
	while (tail < most &&
	       was->str[was->len - 1 - tail] == is->str[is->len - 1 - tail])
		tail++;
	if (head + tail < was->len)
		return wrong(c, "part %s lost text", path);
	tail = was->len - head;
	return shows_the_footer(c, path, is->str + head, is->len - head - tail,
				html);
}

/* ---- parts ------------------------------------------------------------- */

static bool is_edited(const struct checker *c, const char *path)
{
	size_t i;

	for (i = 0; i < c->edit->nsplices; i++)
		if (c->edit->splices[i].insert.n > 0 &&
		    strcmp(c->edit->splices[i].part, path) == 0)
			return true;
	return false;
}

static bool same_octets(GByteArray *a, GByteArray *b)
{
	bool same = a->len == b->len &&
		    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);

	g_byte_array_free(a, TRUE);
	g_byte_array_free(b, TRUE);
	return same;
}

static bool check_leaf(struct checker *c, const char *path, GMimePart *was,
		       GMimePart *is)
{
	GMimeContentType *type =
		g_mime_object_get_content_type((GMimeObject *)was);
	bool html = g_mime_content_type_is_type(type, "text", "html");
	GString *a, *b;
	bool ok;

	if (!is_edited(c, path))
		return same_octets(content_of(was, false),
				   content_of(is, false)) ||
		       wrong(c, "part %s was not to be edited", path);
	a = text_of(was);
	b = text_of(is);
	/* The label lies: then its ASCII is all that anybody can read. */
	if (a == NULL) {
		a = octets_of(was);
		if (b != NULL)
			g_string_free(b, TRUE);
		b = octets_of(is);
	}
	ok = b != NULL ? check_texts(c, path, a, b, html)
		       : wrong(c, "part %s is no text any more", path);
	g_string_free(a, TRUE);
	if (b != NULL)
		g_string_free(b, TRUE);
	return ok;
}

static bool is_measure(const char *name)
{
	static const char *const names[] = {"Content-MD5", "Content-Length",
					    "Lines"};
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_ascii_strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Footers are put in, fields are taken out. */
static bool holds_footer(const struct checker *c, const char *path)
{
	size_t n = strlen(path);
	size_t i;

	for (i = 0; i < c->edit->nsplices; i++) {
		const struct cm_splice *s = &c->edit->splices[i];

		if (s->insert.n > 0 && strncmp(s->part, path, n) == 0 &&
		    (n == 0 || s->part[n] == '\0' || s->part[n] == '.'))
			return true;
	}
	return false;
}

/* The next field that an edit must not touch. */
static GMimeHeader *next_field(GMimeHeaderList *list, int *at, bool measures,
			       bool types)
{
	while (*at < g_mime_header_list_get_count(list)) {
		GMimeHeader *header =
			g_mime_header_list_get_header_at(list, (*at)++);
		const char *name = g_mime_header_get_name(header);

		if ((measures || !is_measure(name)) &&
		    (types ||
		     (g_ascii_strcasecmp(name, "Content-Type") != 0 &&
		      g_ascii_strcasecmp(name, "Content-Transfer-Encoding") !=
			      0)))
			return header;
	}
	return NULL;
}

/* RMIME-10: gone from an edited part up, and nothing else is. */
static bool check_fields(struct checker *c, const char *path, GMimeObject *was,
			 GMimeObject *is)
{
	GMimeHeaderList *a = g_mime_object_get_header_list(was);
	GMimeHeaderList *b = g_mime_object_get_header_list(is);
	bool holds = holds_footer(c, path);
	bool types = !is_edited(c, *path != '\0' ? path : "1");
	GMimeHeader *one, *other;
	int i = 0;
	int k = 0;

	do {
		one = next_field(a, &i, !holds, types);
		other = next_field(b, &k, true, types);
	} while (one != NULL && other != NULL &&
		 strcmp(g_mime_header_get_name(one),
			g_mime_header_get_name(other)) == 0 &&
		 strcmp(g_mime_header_get_raw_value(one),
			g_mime_header_get_raw_value(other)) == 0);
	return (one == NULL && other == NULL) ||
	       wrong(c, "part %s has another header", path);
}

static bool check_objects(struct checker *c, const char *path, GMimeObject *was,
			  GMimeObject *is)
{
	char *a, *b;
	bool same;
	int i, n;

	if (was == NULL || is == NULL ||
	    G_OBJECT_TYPE(was) != G_OBJECT_TYPE(is))
		return wrong(c, "part %s is of another kind", path);
	if (!check_fields(c, path, was, is))
		return false;
	if (GMIME_IS_PART(was))
		return check_leaf(c, *path != '\0' ? path : "1",
				  (GMimePart *)was, (GMimePart *)is);
	if (!GMIME_IS_MULTIPART(was)) {
		a = g_mime_object_to_string(was, NULL);
		b = g_mime_object_to_string(is, NULL);
		same = strcmp(a, b) == 0;
		g_free(a);
		g_free(b);
		return same || wrong(c, "message %s is another", path);
	}
	n = g_mime_multipart_get_count((GMimeMultipart *)was);
	if (n != g_mime_multipart_get_count((GMimeMultipart *)is))
		return wrong(c, "part %s has other parts", path);
	for (i = 0; i < n; i++) {
		char child[PATH_MAX_OCTETS];

		(void)snprintf(child, sizeof(child), "%s%s%d", path,
			       *path != '\0' ? "." : "", i + 1);
		if (!check_objects(
			    c, child,
			    g_mime_multipart_get_part((GMimeMultipart *)was, i),
			    g_mime_multipart_get_part((GMimeMultipart *)is, i)))
			return false;
	}
	return true;
}

/* ---- octets ------------------------------------------------------------ */

static bool check_splices(struct checker *c)
{
	struct cm_span old = c->world->request.body;
	struct cm_span new = c->edit->body;
	size_t from = 0;
	size_t at = 0;
	size_t i;

	for (i = 0; i <= c->edit->nsplices; i++) {
		const struct cm_splice *s = &c->edit->splices[i];
		size_t to = i < c->edit->nsplices ? s->at : old.n;

		if (to < from || to > old.n || new.n - at < to - from ||
		    (to > from &&
		     memcmp(old.p + from, new.p + at, to - from) != 0))
			return wrong(c, "changed outside its splices");
		at += to - from;
		if (i == c->edit->nsplices)
			break;
		if (new.n - at < s->insert.n ||
		    memcmp(new.p + at, s->insert.p, s->insert.n) != 0)
			return wrong(c, "a splice says otherwise");
		at += s->insert.n;
		from = to + s->remove;
	}
	return at == new.n || wrong(c, "longer than its splices say");
}

static size_t longest_line(struct cm_span text)
{
	size_t longest = 0, line = 0, i;

	for (i = 0; i < text.n; i++) {
		line = text.p[i] == '\n' ? 0 : line + (text.p[i] != '\r');
		if (line > longest)
			longest = line;
	}
	return longest;
}

/* RFC 6152; RFC 5322, 2.1.1. */
static bool check_lines(struct checker *c)
{
	struct cm_span old = c->world->request.body;
	size_t longest = longest_line(old);

	if (cm_ascii_only(old.p, old.n) &&
	    !cm_ascii_only(c->edit->body.p, c->edit->body.n))
		return wrong(c, "8-bit where there was none");
	return longest_line(c->edit->body) <= (longest > LINE_MAX_OCTETS
						       ? longest
						       : LINE_MAX_OCTETS) ||
	       wrong(c, "a long line");
}

static GMimeObject *parse(struct cm_span all, GMimeMessage **ret_message)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(all.p, all.n);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);

	*ret_message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	return *ret_message != NULL ? g_mime_message_get_mime_part(*ret_message)
				    : NULL;
}

static bool check_trees(struct checker *c, struct test_world *world)
{
	const struct cm_edit nothing = {.outcome = CM_BODY_UNEDITABLE};
	struct cm_span before = test_world_apply(world, &nothing);
	struct cm_span after = test_world_apply(world, c->edit);
	GMimeMessage *was = NULL;
	GMimeMessage *is = NULL;
	GMimeObject *a = parse(before, &was);
	GMimeObject *b = parse(after, &is);
	bool ok = check_objects(c, "", a, b);

	if (was != NULL)
		g_object_unref(was);
	if (is != NULL)
		g_object_unref(is);
	return ok;
}

void edit_check(const struct test_world *world, const struct cm_edit *edit,
		struct edit_check *ret_check)
{
	/* Applying takes memory of its arena, and nothing else. */
	struct test_world copy = *world;
	struct checker c = {world, edit, ret_check};

	ret_check->why[0] = '\0';
	if (check_splices(&c) && check_lines(&c))
		(void)check_trees(&c, &copy);
}
