/* See random_message.h. */
#include "tests/unit/random_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/charset.h"
#include "lib/enc.h"

#include "tests/unit/chance.h"
#include "tests/unit/test.h"

enum { MESSAGE_MAX = 1 << 20, TEXT_MAX = 1 << 16, BOUNDARY_MAX = 72 };

unsigned random_below(struct random_message *m, unsigned n)
{
	return chance_below(&m->state, n);
}

#define below random_below

static bool one_in(struct random_message *m, unsigned n)
{
	return below(m, n) == 0;
}

static void put(struct random_message *m, const char *text)
{
	assert_int_equal(cm_buf_adds(&m->out, text), CM_OK);
}

static const char *pick(struct random_message *m, const char *const *words,
			unsigned n)
{
	return words[below(m, n)];
}

#define PICK(m, words) pick(m, words, sizeof(words) / sizeof(*(words)))

/* ---- texts, in UTF-8 --------------------------------------------------- */

/* Words of many scripts; which of them a charset has is asked of it. */
static const char *const foreign[] = {
	"\xc3\xa9t\xc3\xa9 ",
	"M\xc3\xbcller ",
	"\xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd ",
	"\xe2\x82\xac ",
	"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 ",
	"\xce\xb3\xce\xb5\xce\xb9\xce\xac ",
	"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d ",
	"\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85 ",
	"\xe6\x97\xa5\xe6\x9c\xac ",
	"\xe3\x82\xab\xe3\x83\x8a ",
	"\xe4\xb8\xad\xe6\x96\x87 ",
	"\xed\x95\x9c\xea\xb8\x80 ",
	"\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2 ",
	"ti\xe1\xba\xbfng ",
	"\xf0\x9f\x98\x80 ",
	"\xe8\xa1\xa8\xe5\x8d\x81\xe3\x82\xbd "};

/* A word that the charset has, else nothing. */
static void put_foreign(struct random_message *m,
			const struct cm_charset *charset, struct cm_buf *text)
{
	const char *word = PICK(m, foreign);
	struct cm_buf trial;

	cm_buf_init(&trial, TEXT_MAX);
	if (charset->kind == CM_CHARSET_UTF8 ||
	    cm_charset_encode(charset, cm_span(word), &trial) == CM_OK)
		(void)cm_buf_adds(text, word);
	cm_buf_free(&trial);
}

static void random_plain(struct random_message *m,
			 const struct cm_charset *charset, bool foreigners,
			 struct cm_buf *text)
{
	static const char *const any[] = {
		"Hello ",
		"a",
		"=",
		".",
		"From ",
		"\r\n",
		"\r\n\r\n",
		"\r\n-- \r\n",
		"-- ",
		"--",
		"> ",
		"\t",
		" ",
		"offer ",
		"\r\n.",
		"=3D",
		"<b>",
		"&amp;",
		"100% ",
		"https://x.example/u/?a=1&b=2 ",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	unsigned n = below(m, 60);

	while (n-- > 0) {
		if (foreigners && one_in(m, 4))
			put_foreign(m, charset, text);
		else
			(void)cm_buf_adds(text, PICK(m, any));
	}
	if (one_in(m, 20))
		for (n = 0; n < 900; n++)
			(void)cm_buf_addc(text, 'w');
}

/* Balanced, so that the place is certain. */
static void random_html(struct random_message *m,
			const struct cm_charset *charset, bool foreigners,
			struct cm_buf *text)
{
	static const char *const any[] = {
		"<p>Hello</p>",
		"<!-- </body> -->",
		"<!-->",
		"<br/>",
		"\r\n",
		"a &lt; b ",
		"<script>x=\"</body>\"</script>",
		"<style>p>a{}</style>",
		"<table><tr><td>x</td></tr></table>",
		"<table><tr><td>x<td>y</table>",
		"<!--[if mso]><table><![endif]-->",
		"<div style=\"display:none\">pre</div>",
		"<img alt='a>b' src=x>",
		"<textarea></body></textarea>",
		"< ",
		"<a href=\"https://x.example/?a=1&amp;b=2\">x</a>"};
	static const char *const heads[] = {
		"", "<html><body>", "<!DOCTYPE html>\r\n<html lang=cs><body>",
		"<html dir=\"rtl\" lang=\"ar\"><body>",
		"<html><head><title>x</title></head><body bgcolor=#fff>"};
	static const char *const tails[] = {"", "</body></html>", "</body>",
					    "</body></html>\r\n", "\r\n"};
	unsigned n = below(m, 30);

	(void)cm_buf_adds(text, PICK(m, heads));
	while (n-- > 0) {
		if (foreigners && one_in(m, 4))
			put_foreign(m, charset, text);
		else
			(void)cm_buf_adds(text, PICK(m, any));
	}
	(void)cm_buf_adds(text, PICK(m, tails));
}

/* ---- encodings --------------------------------------------------------- */

static void put_base64(struct random_message *m, const struct cm_buf *text)
{
	unsigned width = one_in(m, 3) ? 4 + below(m, 90) : 76;
	char *coded = malloc(CM_BASE64_LEN(text->len) + 1);
	size_t n;
	size_t i;

	assert_non_null(coded);
	n = cm_base64_encode(cm_buf_text(text), text->len, coded);
	for (i = 0; i < n; i += width) {
		size_t step = n - i < width ? n - i : width;

		if (i > 0)
			put(m, "\r\n");
		assert_int_equal(cm_buf_add(&m->out, coded + i, step), CM_OK);
	}
	if (one_in(m, 2))
		put(m, "\r\n");
	free(coded);
}

/* As it may be written, not as we write it: R2045, 6.7. */
static void put_qp(struct random_message *m, const struct cm_buf *text)
{
	bool lower = one_in(m, 8);
	size_t column = 0;
	size_t i;

	for (i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];
		bool ends = i + 1 < text->len && c == '\r' &&
			    text->data[i + 1] == '\n';
		bool blank = c == ' ' || c == '\t';
		bool open = i + 1 < text->len && text->data[i + 1] != '\r' &&
			    text->data[i + 1] != '\n';

		if (ends) {
			put(m, "\r\n");
			column = 0;
			i++;
			continue;
		}
		if (column > 70 || one_in(m, 60)) {
			put(m, "=\r\n");
			column = 0;
		}
		if (((c > ' ' && c < 127) || (blank && open)) && c != '=' &&
		    !one_in(m, 50)) {
			assert_int_equal(cm_buf_addc(&m->out, (char)c), CM_OK);
			column++;
		} else {
			assert_int_equal(
				lower ? cm_buf_addf(&m->out, "=%02x", c)
				      : cm_buf_addf(&m->out, "=%02X", c),
				CM_OK);
			column += 3;
		}
	}
	if (one_in(m, 4))
		put(m, one_in(m, 2) ? "=\r\n" : "=");
}

/* ---- leaves ------------------------------------------------------------ */

static const char *eol_or_fold(struct random_message *m)
{
	static const char *const gaps[] = {"; ", "; ", ";", ";\r\n\t",
					   ";\r\n "};

	return PICK(m, gaps);
}

static const char *field(struct random_message *m, const char *name)
{
	static const char *const odd[] = {
		"CONTENT-TYPE: ", "content-type:", "Content-type: "};

	put(m, one_in(m, 6) ? PICK(m, odd) : name);
	return name;
}

enum cte { SEVEN, EIGHT, QP, BASE64 };

static void put_encoding(struct random_message *m, enum cte cte)
{
	static const char *const ctes[][2] = {
		{"7bit", "7BIT"},
		{"8bit", "8Bit"},
		{"quoted-printable", "Quoted-Printable"},
		{"base64", "BASE64"}};

	put(m, "Content-Transfer-Encoding: ");
	put(m, ctes[cte][one_in(m, 4)]);
	put(m, "\r\n");
}

static void put_charset(struct random_message *m,
			const struct cm_charset *charset)
{
	const char *end = strchr(charset->labels, ' ');
	const char *quote = one_in(m, 2) ? "\"" : "";

	put(m, eol_or_fold(m));
	assert_int_equal(
		cm_buf_addf(&m->out, "%s=%s%.*s%s",
			    one_in(m, 6) ? "CHARSET" : "charset",
			    strchr(charset->name, ':') != NULL ? "\"" : quote,
			    end != NULL ? (int)(end - charset->labels)
					: (int)strlen(charset->labels),
			    charset->labels,
			    strchr(charset->name, ':') != NULL ? "\"" : quote),
		CM_OK);
}

/* Mostly what mail has; else any that lib/charset knows. */
static const struct cm_charset *random_charset(struct random_message *m,
					       bool html)
{
	static const char *const usual[] = {"utf-8", "us-ascii", "utf-8"};
	const struct cm_charset *charset;
	size_t n = 0;

	if (!one_in(m, 3))
		return cm_charset_find(cm_span(PICK(m, usual)));
	while (cm_charset_at(n) != NULL)
		n++;
	charset = cm_charset_at(below(m, (unsigned)n));
	/* Without a mark the order is anybody's guess, lines that stand as
	 * they look (RFC 1556) take nothing but ASCII, and in UTF-7 a tag may
	 * begin within an octet. */
	if (charset->visual || (html && strcmp(charset->name, "utf-7") == 0) ||
	    (charset->readers[0] == NULL && charset->kind == CM_CHARSET_WIDE))
		return cm_charset_find(cm_span("utf-16le"));
	return charset;
}

/* LF alone is seen in base64 only; elsewhere lines are SMTP's. */
static void unix_lines(struct cm_buf *text)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < text->len; i++)
		if (text->data[i] != '\r')
			text->data[n++] = text->data[i];
	text->len = n;
}

static void in_charset(const struct cm_charset *charset, struct cm_buf *text)
{
	struct cm_buf out;

	if (charset->kind == CM_CHARSET_ASCII ||
	    charset->kind == CM_CHARSET_UTF8)
		return;
	cm_buf_init(&out, 4 * TEXT_MAX);
	/* RFC 1557: once, before the first character of two octets. */
	if (strcmp(charset->name, "iso-2022-kr") == 0)
		(void)cm_buf_adds(&out, "\x1b$)C");
	assert_int_equal(
		cm_charset_encode(
			charset, cm_span_n(cm_buf_text(text), text->len), &out),
		CM_OK);
	cm_buf_free(text);
	*text = out;
}

static bool is_ascii(const struct cm_buf *text)
{
	return cm_ascii_only(cm_buf_text(text), text->len);
}

static enum cte random_cte(struct random_message *m,
			   const struct cm_charset *charset,
			   const struct cm_buf *text)
{
	if (charset->kind == CM_CHARSET_WIDE)
		return BASE64;
	return is_ascii(text) ? (enum cte)below(m, 4)
			      : (enum cte)(1 + below(m, 3));
}

static void put_text(struct random_message *m, enum cte cte,
		     const struct cm_buf *text)
{
	if (cte == BASE64)
		put_base64(m, text);
	else if (cte == QP)
		put_qp(m, text);
	else
		assert_int_equal(
			cm_buf_add(&m->out, cm_buf_text(text), text->len),
			CM_OK);
}

static void is_shown(struct random_message *m)
{
	assert_true(m->nshown < RANDOM_SHOWN_MAX);
	(void)snprintf(m->shown[m->nshown++], RANDOM_PATH_MAX, "%s",
		       *m->path != '\0' ? m->path : "1");
}

/* RMIME-10: true or not, an edit makes it wrong. */
static void random_measure(struct random_message *m)
{
	static const char *const measures[] = {
		"Content-Length: 3\r\n",
		"content-length:\r\n 12\r\n",
		"Content-MD5: XrY7u+Ae7tCTyyK7j1rNww==\r\n",
		"CONTENT-MD5: \r\n\tXrY7u+Ae7tCTyyK7j1rNww==\r\n",
		"Lines: 1\r\n",
		"Lines:\r\n",
		"lines: 2\r\nX-Lines: 2\r\nLines: 2\r\n"};

	if (one_in(m, 8))
		put(m, PICK(m, measures));
}

/* Header fields of a leaf in some order, then its text. */
static void put_leaf(struct random_message *m, bool html)
{
	static const char *const formats[] = {
		"format=flowed", "format=flowed; delsp=yes", "format=\"fixed\"",
		"x-unknown=\"a;b\""};
	const struct cm_charset *charset = random_charset(m, html);
	bool foreigners = charset->kind != CM_CHARSET_ASCII && !one_in(m, 3);
	bool labelled = charset->kind != CM_CHARSET_ASCII || one_in(m, 2);
	struct cm_buf text;
	enum cte cte;

	cm_buf_init(&text, TEXT_MAX);
	if (html)
		random_html(m, charset, foreigners, &text);
	else
		random_plain(m, charset, foreigners, &text);
	in_charset(charset, &text);
	cte = random_cte(m, charset, &text);
	if (cte == BASE64 && one_in(m, 4) && cm_charset_has_ascii(charset))
		unix_lines(&text);
	random_measure(m);
	if (cte != SEVEN || one_in(m, 2))
		put_encoding(m, cte);
	random_measure(m);
	if (one_in(m, 5))
		put(m, "Content-Disposition: inline\r\n");
	if (labelled || html || one_in(m, 2)) {
		(void)field(m, "Content-Type: ");
		put(m, html           ? "text/html"
		       : one_in(m, 5) ? "Text/PLAIN"
				      : "text/plain");
		if (!html && one_in(m, 3)) {
			put(m, eol_or_fold(m));
			put(m, PICK(m, formats));
		}
		if (labelled)
			put_charset(m, charset);
		put(m, one_in(m, 8) ? ";\r\n" : "\r\n");
	}
	random_measure(m);
	put(m, "\r\n");
	put_text(m, cte, &text);
	cm_buf_free(&text);
	is_shown(m);
}

static void put_attachment(struct random_message *m)
{
	static const char *const kinds[] = {
		"Content-Type: application/pdf; name=\"x.pdf\"\r\n"
		"Content-Transfer-Encoding: base64\r\n"
		"Content-Disposition: attachment; filename=\"x.pdf\"\r\n\r\n"
		"JVBERi0xLjQK\r\n",
		"Content-Type: text/plain\r\n"
		"Content-Disposition: attachment\r\n\r\nnot shown\r\n-- \r\n",
		"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nHello",
		"Content-Type: message/rfc822\r\n\r\nContent-Type: "
		"multipart/mixed; boundary=\"inner bound\"\r\n\r\n--inner "
		"bound\r\n\r\n"
		"<html></body>\r\n--inner bound--\r\n",
		"Content-Type: image/gif\r\nContent-ID: <i@x>\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAACw="
		"\r\n\r\n",
		"Content-Type: text/calendar; method=REQUEST\r\n"
		"Content-Disposition: attachment\r\n\r\nBEGIN:VCALENDAR\r\n",
		"Content-Type: application/octet-stream\r\n"
		"Content-Transfer-Encoding: x-uuencode\r\n\r\n"
		"begin 644 a\r\n#0V%T\r\n`\r\nend\r\n",
		"Content-Type: text/html; charset=windows-1250; name=a.html\r\n"
		"Content-Disposition: attachment; filename*=utf-8''%C5%BE.html"
		"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\x9e\r\n"};

	random_measure(m);
	put(m, PICK(m, kinds));
}

/* ---- multiparts -------------------------------------------------------- */

static void put_display(struct random_message *m, unsigned depth);

static void random_boundary(struct random_message *m,
			    char boundary[BOUNDARY_MAX])
{
	static const char *const heads[] = {
		"=_",
		"b",
		"----=_P_",
		"",
		"a b",
		"------------------------------------------------------"};
	static const char *const tails[] = {"_x", ".", "-", "'()+_,-./:=?"};

	/* The number's end must differ, so that none begins another. */
	m->boundaries++;
	(void)snprintf(boundary, BOUNDARY_MAX, "%s%u%s", PICK(m, heads),
		       m->boundaries, PICK(m, tails));
}

static void open_multipart(struct random_message *m, const char *subtype,
			   const char *parameters, char boundary[BOUNDARY_MAX])
{
	random_boundary(m, boundary);
	random_measure(m);
	if (one_in(m, 6))
		put(m, "Content-Transfer-Encoding: 8bit\r\n");
	(void)field(m, "Content-Type: ");
	put(m, "multipart/");
	put(m, subtype);
	put(m, parameters);
	put(m, eol_or_fold(m));
	put(m, "boundary=\"");
	put(m, boundary);
	put(m, "\"\r\n\r\n");
	if (one_in(m, 3))
		put(m, "This is a multipart message.\r\n-- \r\n");
}

static void delimiter(struct random_message *m, const char *boundary,
		      bool first, bool last)
{
	if (!first)
		put(m, "\r\n");
	put(m, "--");
	put(m, boundary);
	put(m, last ? "--" : "");
	put(m, one_in(m, 10) ? " \t\r\n" : "\r\n");
}

/* One part of several: what it is called, and its delimiter. */
struct place {
	char parent[RANDOM_PATH_MAX];
	char boundary[BOUNDARY_MAX];
	unsigned next;
};

static void begin(struct random_message *m, struct place *place)
{
	(void)snprintf(place->parent, sizeof(place->parent), "%s", m->path);
	place->next = 1;
}

static void next_part(struct random_message *m, struct place *place)
{
	delimiter(m, place->boundary, place->next == 1, false);
	(void)snprintf(m->path, sizeof(m->path), "%.40s%s%u", place->parent,
		       *place->parent != '\0' ? "." : "", place->next++);
}

static void end(struct random_message *m, struct place *place)
{
	delimiter(m, place->boundary, false, true);
	(void)snprintf(m->path, sizeof(m->path), "%s", place->parent);
	if (one_in(m, 3))
		put(m, one_in(m, 2) ? "epilogue" : "\r\n\r\n");
}

static void put_alternative(struct random_message *m, unsigned depth)
{
	static const char *const bare[] = {
		"Content-Type: text/x-amp-html\r\n\r\n<html amp4email>",
		"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:",
		"Content-Type: text/watch-html\r\n\r\n<b>x</b>"};
	struct place place;
	unsigned n = 1 + below(m, 2);

	begin(m, &place);
	open_multipart(m, "alternative", "", place.boundary);
	next_part(m, &place);
	put_leaf(m, false);
	if (one_in(m, 4)) {
		next_part(m, &place);
		put(m, PICK(m, bare));
	}
	while (n-- > 0) {
		next_part(m, &place);
		put_display(m, depth + 1);
	}
	end(m, &place);
}

static void put_picture(struct random_message *m)
{
	put(m, "Content-Type: image/png; name=\"p.png\"\r\n"
	       "Content-ID: <p@x>\r\nContent-Disposition: inline\r\n"
	       "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n");
}

/* RFC 2387: the root first, or wherever start= says. */
static void put_related(struct random_message *m, unsigned depth)
{
	struct place place;
	bool named = one_in(m, 3);
	unsigned before = named ? below(m, 3) : 0;
	unsigned after = below(m, 3);

	begin(m, &place);
	open_multipart(m, "related",
		       named ? "; start=\"<root@x>\"; type=\"text/html\"" : "",
		       place.boundary);
	while (before-- > 0) {
		next_part(m, &place);
		put_picture(m);
	}
	next_part(m, &place);
	if (named)
		put(m, "Content-ID: <root@x>\r\n");
	put_display(m, depth + 1);
	while (after-- > 0) {
		next_part(m, &place);
		put_picture(m);
	}
	end(m, &place);
}

static void put_mixed(struct random_message *m, unsigned depth)
{
	static const char *const names[] = {"mixed", "mixed", "Mixed",
					    "x-nobody-knows"};
	struct place place;
	unsigned n = below(m, 4);

	begin(m, &place);
	open_multipart(m, PICK(m, names), "", place.boundary);
	if (one_in(m, 4)) {
		next_part(m, &place);
		put_attachment(m);
	}
	next_part(m, &place);
	put_display(m, depth + 1);
	while (n-- > 0) {
		next_part(m, &place);
		put_attachment(m);
	}
	end(m, &place);
}

/* Anything that has a text a person is shown. */
static void put_display(struct random_message *m, unsigned depth)
{
	unsigned kind = below(m, depth > 3 ? 2 : 5);

	if (kind < 2 || m->nshown > 3)
		put_leaf(m, kind == 0);
	else if (kind == 2)
		put_alternative(m, depth);
	else if (kind == 3)
		put_related(m, depth);
	else
		put_mixed(m, depth);
}

void random_message_make(struct random_message *m)
{
	static const char *const more[] = {
		"",
		"",
		"List-Unsubscribe: <https://tool.example/u>\r\n",
		"LIST-ID: Acme\r\n <l.acme.example>\r\n",
		"Content-Language: cs\r\n",
		"X-Long: a\r\n b\r\n\tc\r\n",
		"Content-Language: he, en\r\n"};

	cm_buf_reset(&m->out);
	m->boundaries = 0;
	m->nshown = 0;
	m->path[0] = '\0';
	put(m, "From: a@acme.example\r\nSubject: x\r\n");
	put(m, PICK(m, more));
	random_measure(m);
	put(m, "MIME-Version: 1.0\r\n");
	put(m, PICK(m, more));
	put_display(m, 0);
}

void random_message_init(struct random_message *m)
{
	memset(m, 0, sizeof(*m));
	cm_buf_init(&m->out, MESSAGE_MAX);
}

void random_message_free(struct random_message *m)
{
	cm_buf_free(&m->out);
}
