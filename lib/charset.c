/* See charset.h.  The only file that includes <iconv.h>. */
#include "lib/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

enum {
	CHUNK = 4096,
	/* Longest sequence without a character: "ESC $ ( D" and a spare one. */
	SHIFT_MAX = 8,
};

#define NO_CD ((iconv_t)-1)

/* ISO 2022 G1 <- KS X 1001: once in a text, before what needs it. */
#define KR_DESIGNATOR "\x1b$)C"

/* ---- reading ----------------------------------------------------------- */

/* One reader of texts that stand one behind the other. */
struct reader {
	iconv_t cd;
	bool hz; /* RFC 1843: not the C library's, so pairs are unmasked here */
	bool gb; /* hz: between "~{" and "~}" */
	const struct cm_span *texts;
	size_t ntexts;
	struct cm_span text; /* what is left of the first */
};

static bool is_hz(const struct cm_charset *charset)
{
	return strcmp(charset->name, "hz-gb-2312") == 0;
}

static bool reader_open(struct reader *r, const struct cm_charset *charset,
			size_t index)
{
	const char *name = charset->readers[index];

	memset(r, 0, sizeof(*r));
	r->cd = name != NULL ? iconv_open("UTF-8", name) : NO_CD;
	r->hz = is_hz(charset);
	return r->cd != NO_CD;
}

static void reader_close(struct reader *r)
{
	if (r->cd != NO_CD)
		(void)iconv_close(r->cd);
	r->cd = NO_CD;
}

static void reader_start(struct reader *r, const struct cm_span *texts,
			 size_t ntexts)
{
	(void)iconv(r->cd, NULL, NULL, NULL, NULL);
	r->gb = false;
	r->texts = texts;
	r->ntexts = ntexts;
	r->text = cm_span_n(NULL, 0);
}

/* CM_ELIMIT: no room for the next character. */
static int step(iconv_t cd, struct cm_span *text, char **out, size_t *room)
{
	char *in = (char *)(uintptr_t)text->p; /* iconv never writes there */
	size_t n = text->n;
	size_t lossy = iconv(cd, &in, &n, out, room);
	int error = errno;

	*text = cm_span_n(in, n);
	if (lossy == (size_t)-1)
		return error == E2BIG ? CM_ELIMIT : CM_EDATA;
	return lossy == 0 ? CM_OK : CM_EDATA;
}

static int hz_pair(struct reader *r, char **out, size_t *room)
{
	const char octets[2] = {(char)(r->text.p[0] | 0x80),
				(char)(r->text.p[1] | 0x80)};
	struct cm_span pair = cm_span_n(octets, 2);

	return step(r->cd, &pair, out, room);
}

static int hz_octet(char c, char **out, size_t *room)
{
	if (*room == 0)
		return CM_ELIMIT;
	*(*out)++ = c;
	--*room;
	return CM_OK;
}

/* The next thing in the text; *ret_n: octets it takes. */
static int hz_next(struct reader *r, char **out, size_t *room, size_t *ret_n)
{
	char c = r->text.p[0];

	*ret_n = 1;
	if ((c & 0x80) != 0)
		return CM_EDATA;
	if (!r->gb && c != '~')
		return hz_octet(c, out, room);
	if (r->text.n < 2 || (r->text.p[1] & 0x80) != 0)
		return CM_EDATA;
	*ret_n = 2;
	if (c != '~')
		return hz_pair(r, out, room);
	c = r->text.p[1];
	if (c == (r->gb ? '}' : '{')) {
		r->gb = !r->gb;
		return CM_OK;
	}
	if (!r->gb && c == '\n') /* a line that goes on */
		return CM_OK;
	return !r->gb && c == '~' ? hz_octet(c, out, room) : CM_EDATA;
}

static int hz_step(struct reader *r, char **out, size_t *room)
{
	while (r->text.n > 0) {
		size_t n;
		int rc = hz_next(r, out, room, &n);

		if (rc != CM_OK)
			return rc;
		r->text.p += n;
		r->text.n -= n;
	}
	return CM_OK;
}

/* As much as there is room for; *ret_n is 0 at the end. */
static int reader_read(struct reader *r, char *out, size_t room, size_t *ret_n)
{
	char *to = out;
	int rc = CM_OK;

	while (rc == CM_OK && (r->text.n > 0 || r->ntexts > 0)) {
		if (r->text.n == 0) {
			r->text = *r->texts++;
			r->ntexts--;
			continue;
		}
		rc = r->hz ? hz_step(r, &to, &room)
			   : step(r->cd, &r->text, &to, &room);
	}
	/* A letter that waited for an accent (windows-1258). */
	if (rc == CM_OK && iconv(r->cd, NULL, NULL, &to, &room) == (size_t)-1)
		rc = errno == E2BIG ? CM_ELIMIT : CM_EDATA;
	if (rc != CM_OK && rc != CM_ELIMIT)
		return rc;
	*ret_n = (size_t)(to - out);
	return CM_OK;
}

/* The next octets of utf8 are these. */
static bool takes(const struct cm_span **utf8, size_t *count, size_t *used,
		  const char *p, size_t n)
{
	while (n > 0) {
		size_t step = *count > 0 ? (*utf8)->n - *used : 0;

		if (*count == 0)
			return false;
		if (step > n)
			step = n;
		if (step > 0 && memcmp((*utf8)->p + *used, p, step) != 0)
			return false;
		p += step;
		n -= step;
		*used += step;
		if (*used == (*utf8)->n) {
			++*utf8;
			--*count;
			*used = 0;
		}
	}
	return true;
}

static bool reader_agrees(struct reader *r, const struct cm_span *texts,
			  size_t ntexts, const struct cm_span *utf8,
			  size_t nutf8)
{
	char chunk[CHUNK];
	size_t used = 0;
	size_t n;

	reader_start(r, texts, ntexts);
	while (true) {
		if (reader_read(r, chunk, sizeof(chunk), &n) != CM_OK ||
		    !takes(&utf8, &nutf8, &used, chunk, n))
			return false;
		if (n == 0)
			break;
	}
	while (nutf8 > 0 && utf8->n == used) {
		used = 0;
		utf8++;
		nutf8--;
	}
	return nutf8 == 0;
}

static int reader_decode(struct reader *r, struct cm_span text,
			 struct cm_buf *out)
{
	char chunk[CHUNK];
	size_t n;
	int rc;

	reader_start(r, &text, 1);
	do {
		rc = reader_read(r, chunk, sizeof(chunk), &n);
		if (rc == CM_OK)
			rc = cm_buf_add(out, chunk, n);
	} while (rc == CM_OK && n > 0);
	return rc;
}

/* ---- texts that are UTF-8 already -------------------------------------- */

static bool is_utf8_already(const struct cm_charset *charset)
{
	return charset->kind == CM_CHARSET_ASCII ||
	       charset->kind == CM_CHARSET_UTF8;
}

static int copy(const struct cm_charset *charset, struct cm_span text,
		struct cm_buf *out)
{
	bool ok = charset->kind == CM_CHARSET_ASCII
			  ? cm_ascii_only(text.p, text.n)
			  : cm_utf8_valid(text.p, text.n);

	return ok ? cm_buf_add(out, text.p, text.n) : CM_EDATA;
}

static bool copies_as(const struct cm_span *texts, size_t ntexts,
		      const struct cm_span *utf8, size_t nutf8)
{
	size_t used = 0;
	size_t i;

	for (i = 0; i < ntexts; i++)
		if (!takes(&utf8, &nutf8, &used, texts[i].p, texts[i].n))
			return false;
	while (nutf8 > 0 && utf8->n == used) {
		used = 0;
		utf8++;
		nutf8--;
	}
	return nutf8 == 0;
}

/* ---- decoding ---------------------------------------------------------- */

int cm_charset_decode(const struct cm_charset *charset, struct cm_span text,
		      struct cm_buf *out)
{
	size_t before = out->len;
	int rc = CM_EDATA;
	size_t i;

	if (is_utf8_already(charset))
		return copy(charset, text, out);
	for (i = 0; rc == CM_EDATA && i < CM_CHARSET_READERS; i++) {
		struct reader r;

		if (!reader_open(&r, charset, i))
			continue;
		rc = reader_decode(&r, text, out);
		reader_close(&r);
		if (rc == CM_EDATA && before < out->len) {
			out->len = before;
			out->data[before] = '\0';
		}
	}
	return rc;
}

bool cm_charset_reads_as(const struct cm_charset *charset,
			 const struct cm_span *texts, size_t ntexts,
			 const struct cm_span *utf8, size_t nutf8)
{
	bool ok = false;
	size_t i;

	if (is_utf8_already(charset))
		return copies_as(texts, ntexts, utf8, nutf8);
	for (i = 0; !ok && i < CM_CHARSET_READERS; i++) {
		struct reader r;

		if (!reader_open(&r, charset, i))
			continue;
		ok = reader_agrees(&r, texts, ntexts, utf8, nutf8);
		reader_close(&r);
	}
	return ok;
}

/* Octets of text behind which `at` octets of UTF-8 have been read. */
static bool reader_seek(struct reader *r, struct cm_span text, size_t at,
			size_t *ret_n)
{
	char chunk[CHUNK];
	size_t n;

	reader_start(r, &text, 1);
	while (at > 0) {
		size_t room = at < sizeof(chunk) ? at : sizeof(chunk);

		if (reader_read(r, chunk, room, &n) != CM_OK || n == 0)
			return false;
		at -= n;
	}
	*ret_n = r->ntexts > 0 ? 0 : text.n - r->text.n;
	return true;
}

static bool reader_cut(struct reader *r, bool wide, struct cm_span text,
		       struct cm_span utf8, size_t at, size_t *ret_at)
{
	const struct cm_span probe = cm_span("a"); /* else, half of something */
	const struct cm_span tail = cm_span_n(utf8.p + at, utf8.n - at);
	const struct cm_span head[] = {cm_span_n(utf8.p, at), probe};
	const size_t nhead = wide ? 1 : 2;
	size_t first;
	size_t i;

	if (!reader_seek(r, text, at, &first))
		return false;
	for (i = first; i <= text.n && i - first <= SHIFT_MAX; i++) {
		const struct cm_span before[] = {cm_span_n(text.p, i), probe};
		const struct cm_span after = cm_span_n(text.p + i, text.n - i);

		if (reader_agrees(r, &after, 1, &tail, 1) &&
		    reader_agrees(r, before, nhead, head, nhead)) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

int cm_charset_cut(const struct cm_charset *charset, struct cm_span text,
		   struct cm_span utf8, size_t at, size_t *ret_at)
{
	bool found = false;
	size_t i;

	if (is_utf8_already(charset) ||
	    (at == utf8.n && charset->kind != CM_CHARSET_SHIFT)) {
		*ret_at = at == utf8.n ? text.n : at;
		return CM_OK;
	}
	for (i = 0; !found && i < CM_CHARSET_READERS; i++) {
		struct reader r;

		if (!reader_open(&r, charset, i))
			continue;
		found = reader_cut(&r, charset->kind == CM_CHARSET_WIDE, text,
				   utf8, at, ret_at);
		reader_close(&r);
	}
	return found ? CM_OK : CM_EDATA;
}

/* ---- encoding ---------------------------------------------------------- */

struct writer {
	const struct cm_charset *charset;
	iconv_t cd; /* of the narrowest reader */
	struct reader readers[CM_CHARSET_READERS];
	size_t nreaders;
};

static bool writer_open(struct writer *w, const struct cm_charset *charset)
{
	const char *narrowest = NULL;
	size_t i;

	memset(w, 0, sizeof(*w));
	w->charset = charset;
	w->cd = NO_CD;
	for (i = 0; i < CM_CHARSET_READERS; i++) {
		if (charset->readers[i] == NULL)
			break;
		narrowest = charset->readers[i];
		if (!reader_open(&w->readers[w->nreaders++], charset, i))
			return false;
		w->readers[i].hz = false; /* compared before they are masked */
	}
	if (narrowest != NULL)
		w->cd = iconv_open(narrowest, "UTF-8");
	return w->cd != NO_CD;
}

static void writer_close(struct writer *w)
{
	size_t i;

	for (i = 0; i < w->nreaders; i++)
		reader_close(&w->readers[i]);
	if (w->cd != NO_CD)
		(void)iconv_close(w->cd);
}

/* Ends in the initial state. */
static int write_octets(struct writer *w, struct cm_span utf8,
			struct cm_buf *out)
{
	char chunk[CHUNK];
	int rc = CM_ELIMIT;

	(void)iconv(w->cd, NULL, NULL, NULL, NULL);
	while (rc == CM_ELIMIT) {
		char *to = chunk;
		size_t room = sizeof(chunk);

		rc = step(w->cd, &utf8, &to, &room);
		if (rc == CM_OK &&
		    iconv(w->cd, NULL, NULL, &to, &room) == (size_t)-1)
			rc = CM_ELIMIT;
		if (rc != CM_EDATA &&
		    cm_buf_add(out, chunk, (size_t)(to - chunk)) != CM_OK)
			return cm_buf_ok(out);
	}
	return rc;
}

static size_t characters(struct cm_span utf8)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < utf8.n; i++)
		n += (utf8.p[i] & 0xc0) != 0x80;
	return n;
}

static void drop_designator(struct cm_buf *out, size_t from)
{
	const size_t n = sizeof(KR_DESIGNATOR) - 1;

	if (out->len - from < n ||
	    memcmp(out->data + from, KR_DESIGNATOR, n) != 0)
		return;
	out->len -= n;
	memmove(out->data + from, out->data + from + n, out->len - from + 1);
}

/* Characters that every reader takes for these, and no others. */
static int write_run(struct writer *w, struct cm_span utf8, struct cm_buf *out)
{
	size_t from = out->len;
	struct cm_span octets;
	size_t i;
	int rc = write_octets(w, utf8, out);

	if (rc != CM_OK)
		return rc;
	drop_designator(out, from);
	octets = cm_span_n(cm_buf_text(out) + from, out->len - from);
	/* Letter and accent apart: windows-1258, where readers compose. */
	if (w->charset->kind == CM_CHARSET_OCTET &&
	    octets.n != characters(utf8))
		return CM_EDATA;
	for (i = 0; i < w->nreaders; i++)
		if (!reader_agrees(&w->readers[i], &octets, 1, &utf8, 1))
			return CM_EDATA;
	return CM_OK;
}

static int write_gb(struct writer *w, struct cm_span utf8, struct cm_buf *out)
{
	size_t from;
	size_t i;
	int rc;

	(void)cm_buf_adds(out, "~{");
	from = out->len;
	rc = write_run(w, utf8, out);
	for (i = from; rc == CM_OK && i < out->len; i++)
		out->data[i] &= 0x7f;
	(void)cm_buf_adds(out, "~}");
	return rc;
}

static struct cm_span cut_run(struct cm_span *rest, bool *ret_ascii)
{
	struct cm_span run = *rest;
	size_t n = 1;

	*ret_ascii = (rest->p[0] & 0x80) == 0;
	while (n < rest->n && ((rest->p[n] & 0x80) == 0) == *ret_ascii)
		n++;
	run.n = n;
	rest->p += n;
	rest->n -= n;
	return run;
}

static void write_ascii(struct writer *w, struct cm_span run,
			struct cm_buf *out)
{
	bool hz = is_hz(w->charset);
	size_t i;

	if (!hz)
		(void)cm_buf_add(out, run.p, run.n);
	for (i = 0; hz && i < run.n; i++) {
		if (run.p[i] == '~')
			(void)cm_buf_addc(out, '~');
		(void)cm_buf_addc(out, run.p[i]);
	}
}

/* ASCII as it is: where a tilde looks like a bar, it always did. */
static int write_runs(struct writer *w, struct cm_span utf8, struct cm_buf *out)
{
	int rc = CM_OK;

	while (rc == CM_OK && utf8.n > 0) {
		bool ascii;
		struct cm_span run = cut_run(&utf8, &ascii);

		if (ascii)
			write_ascii(w, run, out);
		else if (is_hz(w->charset))
			rc = write_gb(w, run, out);
		else
			rc = write_run(w, run, out);
	}
	return rc == CM_OK ? cm_buf_ok(out) : rc;
}

int cm_charset_encode(const struct cm_charset *charset, struct cm_span utf8,
		      struct cm_buf *out)
{
	struct writer w;
	int rc = CM_EDATA;

	if (is_utf8_already(charset))
		return copy(charset, utf8, out);
	if (!cm_utf8_valid(utf8.p, utf8.n))
		return CM_EDATA;
	/* Text as it looks is not for us to lay out. */
	if (charset->visual && !cm_ascii_only(utf8.p, utf8.n))
		return CM_EDATA;
	if (writer_open(&w, charset))
		rc = cm_charset_has_ascii(charset) || is_hz(charset)
			     ? write_runs(&w, utf8, out)
			     : write_run(&w, utf8, out);
	writer_close(&w);
	return rc;
}
