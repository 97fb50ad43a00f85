/* See codec.h. */
#define _GNU_SOURCE /* memrchr */
#include "milter/codec.h"

#include <endian.h>
#include <string.h>

void cm_decoder_init(struct cm_decoder *d, enum cm_cte cte,
		     struct cm_span encoded)
{
	memset(d, 0, sizeof(*d));
	d->cte = cte;
	d->start = encoded.n > 0 ? encoded.p : "";
	d->p = d->start;
	d->end = d->start + encoded.n;
}

/* Table of hex digits, one more than their value; 0 for other octets. */
static const uint8_t hex_values[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

static int hex_value(char c)
{
	return hex_values[(unsigned char)c] - 1;
}

/*
 * The "=" at p: an octet, or nothing for a soft line break.  Returns what it
 * takes up, 0 if readers differ on it.  "=" as the very last octet is a soft
 * break whose CRLF belongs to the delimiter that follows.
 */
static size_t qp_escape(const char *p, const char *end, int *ret_octet)
{
	int high;
	int low;

	*ret_octet = -1;
	if (end - p == 1)
		return 1;
	if (p[1] == '\n')
		return 2;
	if (end - p < 3)
		return 0;
	if (p[1] == '\r')
		return p[2] == '\n' ? 3 : 0;
	high = hex_value(p[1]);
	low = hex_value(p[2]);
	if (high < 0 || low < 0)
		return 0;
	*ret_octet = high * 16 + low;
	return 3;
}

/* Copies up to n octets, until "=" or 8-bit; eight at a time. */
static size_t qp_run(const char *p, char *out, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;

	while (n - i >= sizeof(uint64_t)) {
		uint64_t word;
		uint64_t equals; /* an octet is 0 where word has "=" */
		uint64_t stop;

		memcpy(&word, p + i, sizeof(word));
		memcpy(out + i, &word, sizeof(word));
		word = le64toh(word);
		equals = word ^ ones * '=';
		stop = (((equals - ones) & ~equals) | word) & ones * 0x80;
		if (stop != 0)
			return i + (size_t)__builtin_ctzll(stop) / 8;
		i += sizeof(word);
	}
	for (; i < n && p[i] != '=' && (p[i] & 0x80) == 0; i++)
		out[i] = p[i];
	return i;
}

static int qp_read(struct cm_decoder *d, char *out, size_t room, size_t *ret_n)
{
	size_t n = 0;

	while (d->p < d->end && n < room) {
		size_t run = (size_t)(d->end - d->p);
		size_t used;
		int octet;

		if (run > room - n)
			run = room - n;
		used = qp_run(d->p, out + n, run);
		n += used;
		d->p += used;
		if (used == run)
			continue;
		/* 8-bit has no place here, and everyone takes it as it is. */
		if (*d->p != '=') {
			out[n++] = *d->p++;
			continue;
		}
		if (d->end - d->p >= 3 && hex_value(d->p[1]) >= 0 &&
		    hex_value(d->p[2]) >= 0) {
			out[n++] = (char)(hex_value(d->p[1]) * 16 +
					  hex_value(d->p[2]));
			d->p += 3;
			continue;
		}
		used = qp_escape(d->p, d->end, &octet);
		if (used == 0)
			return CM_EDATA;
		d->p += used;
		if (octet >= 0)
			out[n++] = (char)octet;
	}
	*ret_n = n;
	return CM_OK;
}

enum { B64_JUNK = 0, B64_PAD = 65, B64_BLANK = 66, B64_BAD = 67 };

/*
 * One more than the value of each character; B64_* for the others.  Junk is
 * ignored (RFC 2045, 6.8), but what is 62 and 63 in URLs is not junk to all.
 */
static const uint8_t b64_values[256] = {
	['A'] = 1,          ['B'] = 2,          ['C'] = 3,
	['D'] = 4,          ['E'] = 5,          ['F'] = 6,
	['G'] = 7,          ['H'] = 8,          ['I'] = 9,
	['J'] = 10,         ['K'] = 11,         ['L'] = 12,
	['M'] = 13,         ['N'] = 14,         ['O'] = 15,
	['P'] = 16,         ['Q'] = 17,         ['R'] = 18,
	['S'] = 19,         ['T'] = 20,         ['U'] = 21,
	['V'] = 22,         ['W'] = 23,         ['X'] = 24,
	['Y'] = 25,         ['Z'] = 26,         ['a'] = 27,
	['b'] = 28,         ['c'] = 29,         ['d'] = 30,
	['e'] = 31,         ['f'] = 32,         ['g'] = 33,
	['h'] = 34,         ['i'] = 35,         ['j'] = 36,
	['k'] = 37,         ['l'] = 38,         ['m'] = 39,
	['n'] = 40,         ['o'] = 41,         ['p'] = 42,
	['q'] = 43,         ['r'] = 44,         ['s'] = 45,
	['t'] = 46,         ['u'] = 47,         ['v'] = 48,
	['w'] = 49,         ['x'] = 50,         ['y'] = 51,
	['z'] = 52,         ['0'] = 53,         ['1'] = 54,
	['2'] = 55,         ['3'] = 56,         ['4'] = 57,
	['5'] = 58,         ['6'] = 59,         ['7'] = 60,
	['8'] = 61,         ['9'] = 62,         ['+'] = 63,
	['/'] = 64,         ['='] = B64_PAD,    [' '] = B64_BLANK,
	['\t'] = B64_BLANK, ['\r'] = B64_BLANK, ['\n'] = B64_BLANK,
	['-'] = B64_BAD,    ['_'] = B64_BAD,
};

static unsigned b64_value(char c)
{
	return b64_values[(unsigned char)c];
}

/* The next four characters of the alphabet; fewer than four at the end. */
static int b64_quantum(struct cm_decoder *d, unsigned v[4], unsigned *ret_n)
{
	unsigned n = 0;

	while (n < 4 && d->p < d->end) {
		unsigned value = b64_value(*d->p++);

		if (value == B64_BLANK || (value == B64_JUNK && !d->padded))
			continue;
		if (value == B64_BAD || d->padded)
			return CM_EDATA;
		v[n++] = value;
	}
	*ret_n = n;
	return CM_OK;
}

/* v holds table values, which are one too many. */
static void b64_join(const unsigned v[4], char out[3])
{
	unsigned bits = (v[0] - 1) << 18 | (v[1] - 1) << 12 | (v[2] - 1) << 6 |
			(v[3] - 1);

	out[0] = (char)(bits >> 16);
	out[1] = (char)(bits >> 8);
	out[2] = (char)bits;
}

/* Whole groups of a line, as nearly all are. */
static size_t b64_fast(struct cm_decoder *d, char *out, size_t room)
{
	size_t n = 0;

	while (d->end - d->p >= 4 && room - n >= 3 && !d->padded) {
		const unsigned v[4] = {b64_value(d->p[0]), b64_value(d->p[1]),
				       b64_value(d->p[2]), b64_value(d->p[3])};
		unsigned i = 0;

		while (i < 4 && v[i] - 1 < 64)
			i++;
		if (i < 4)
			break;
		b64_join(v, out + n);
		n += 3;
		d->p += 4;
	}
	return n;
}

/* Three octets, or fewer when padded; 0 at the end. */
static int b64_group(struct cm_decoder *d, char out[3], unsigned *ret_n)
{
	unsigned v[4];
	unsigned n;
	unsigned count = 3;
	int rc = b64_quantum(d, v, &n);

	if (rc != CM_OK)
		return rc;
	*ret_n = 0;
	if (n == 0)
		return CM_OK;
	if (n < 4 || v[0] == B64_PAD || v[1] == B64_PAD)
		return CM_EDATA;
	if (v[3] == B64_PAD) {
		d->padded = true;
		count = v[2] == B64_PAD ? 1 : 2;
		v[3] = 1;
		if (count == 1)
			v[2] = 1;
	}
	if (v[2] == B64_PAD)
		return CM_EDATA;
	b64_join(v, out);
	*ret_n = count;
	return CM_OK;
}

static int b64_read(struct cm_decoder *d, char *out, size_t room, size_t *ret_n)
{
	size_t n = 0;

	while (n < room) {
		int rc;

		if (d->held_at < d->nheld) {
			out[n++] = d->held[d->held_at++];
			continue;
		}
		d->held_at = 0;
		d->nheld = 0;
		if (room - n >= 3) {
			unsigned got;

			n += b64_fast(d, out + n, room - n);
			if (room - n < 3)
				continue;
			rc = b64_group(d, out + n, &got);
			n += rc == CM_OK ? got : 0;
			if (rc == CM_OK && got == 0)
				break;
		} else {
			rc = b64_group(d, d->held, &d->nheld);
			if (rc == CM_OK && d->nheld == 0)
				break;
		}
		if (rc != CM_OK)
			return rc;
	}
	*ret_n = n;
	return CM_OK;
}

static int plain_read(struct cm_decoder *d, char *out, size_t room,
		      size_t *ret_n)
{
	size_t n = (size_t)(d->end - d->p);

	if (n > room)
		n = room;
	memcpy(out, d->p, n);
	d->p += n;
	*ret_n = n;
	return CM_OK;
}

int cm_decoder_read(struct cm_decoder *d, char *out, size_t room, size_t *ret_n)
{
	int rc = CM_EDATA;

	*ret_n = 0;
	switch (d->cte) {
	case CM_CTE_7BIT:
	case CM_CTE_8BIT:
		return plain_read(d, out, room, ret_n);
	case CM_CTE_QP:
		/* Soft breaks alone give nothing and are not the end. */
		rc = CM_OK;
		while (rc == CM_OK && *ret_n == 0 && d->p < d->end)
			rc = qp_read(d, out, room, ret_n);
		return rc;
	case CM_CTE_BASE64:
		return b64_read(d, out, room, ret_n);
	case CM_CTE_OTHER:
		break;
	}
	return rc;
}

int cm_decode(enum cm_cte cte, struct cm_span encoded, struct cm_buf *out)
{
	struct cm_decoder d;
	size_t n;
	int rc;

	cm_decoder_init(&d, cte, encoded);
	/* Decoded is never longer than encoded. */
	rc = cm_buf_reserve(out, encoded.n);
	if (rc != CM_OK || encoded.n == 0)
		return rc;
	rc = cm_decoder_read(&d, out->data + out->len, encoded.n, &n);
	if (rc != CM_OK)
		return rc;
	out->len += n;
	out->data[out->len] = '\0';
	return CM_OK;
}

/* ---- quoted-printable -------------------------------------------------- */

static bool is_crlf(struct cm_span text, size_t i)
{
	return i + 1 < text.n && text.p[i] == '\r' && text.p[i + 1] == '\n';
}

/* "From " and a lone "." at a line's start are changed by some MTAs. */
static bool qp_fragile(struct cm_span text, size_t i, size_t column)
{
	if (column != 0)
		return false;
	if (text.p[i] == '.')
		return i + 1 == text.n || is_crlf(text, i + 1);
	return text.n - i >= 5 && memcmp(text.p + i, "From ", 5) == 0;
}

static bool qp_literal(struct cm_span text, size_t i, size_t column)
{
	char c = text.p[i];

	if (c == ' ' || c == '\t') /* not before a line end: 6.7 rule 3 */
		return i + 1 < text.n && !is_crlf(text, i + 1);
	return c > ' ' && c <= '~' && c != '=' && !qp_fragile(text, i, column);
}

/* What qp_literal() takes wherever it stands, but at a line's start. */
static bool qp_plain(char c)
{
	return c > ' ' && c <= '~' && c != '=';
}

/* A line being made: added whole, not octet by octet. */
struct qp_line {
	char text[CM_CODEC_LINE + 2];
	size_t n;
};

/* Words are most of a text: copied at once, 2.5 us less for two footers. */
static size_t qp_word(struct qp_line *line, const char *p, size_t n)
{
	size_t room = CM_CODEC_LINE - 1 - line->n;
	size_t i = 0;

	if (line->n == 0) /* what is fragile there is looked at singly */
		return 0;
	while (i < n && i < room && qp_plain(p[i])) {
		line->text[line->n + i] = p[i];
		i++;
	}
	line->n += i;
	return i;
}

static void qp_end_line(struct qp_line *line, const char *end,
			struct cm_buf *out)
{
	(void)cm_buf_add(out, line->text, line->n);
	(void)cm_buf_adds(out, end);
	line->n = 0;
}

int cm_qp_encode(struct cm_span text, struct cm_buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	struct qp_line line = {.n = 0};
	size_t i;

	for (i = 0; i < text.n; i++) {
		unsigned char c;
		bool literal;

		i += qp_word(&line, text.p + i, text.n - i);
		if (i == text.n)
			break;
		c = (unsigned char)text.p[i];
		if (is_crlf(text, i)) {
			qp_end_line(&line, "\r\n", out);
			i++;
			continue;
		}
		literal = qp_literal(text, i, line.n);
		/* Room for the "=" that any line may have to end with. */
		if (line.n + (literal ? 1 : 3) > CM_CODEC_LINE - 1) {
			qp_end_line(&line, "=\r\n", out);
			literal = qp_literal(text, i, line.n);
		}
		if (literal) {
			line.text[line.n++] = (char)c;
		} else {
			line.text[line.n++] = '=';
			line.text[line.n++] = digits[c >> 4];
			line.text[line.n++] = digits[c & 15];
		}
	}
	qp_end_line(&line, "", out);
	return cm_buf_ok(out);
}

/* A soft line break that ends at `at`: its length, else 0. */
static size_t qp_soft_break(struct cm_span encoded, size_t at)
{
	size_t n = 0;

	if (at > 0 && encoded.p[at - 1] == '\n')
		n = at > 1 && encoded.p[at - 2] == '\r' ? 2 : 1;
	else if (at != encoded.n)
		return 0;
	return at > n && encoded.p[at - n - 1] == '=' ? n + 1 : 0;
}

/*
 * The first offset in encoded behind which `left` octets are decoded: from
 * the end, since that is where footers go.
 */
static size_t qp_seek_back(struct cm_span encoded, size_t left)
{
	size_t at = encoded.n;
	size_t soft;

	while (left > 0) {
		const char *equals = memrchr(encoded.p, '=', at);
		size_t from = 0;
		int octet = -1;

		if (equals != NULL)
			from = (size_t)(equals - encoded.p) +
			       qp_escape(equals, encoded.p + encoded.n, &octet);
		if (at - from >= left) {
			at -= left;
			break;
		}
		left -= at - from;
		at = equals != NULL ? (size_t)(equals - encoded.p) : 0;
		left -= octet >= 0;
	}
	while ((soft = qp_soft_break(encoded, at)) > 0)
		at -= soft;
	return at;
}

static size_t column_of(struct cm_span encoded, size_t at)
{
	size_t n = 0;

	while (n < at && encoded.p[at - n - 1] != '\n')
		n++;
	return n;
}

static int qp_splice(struct cm_span encoded, size_t left, struct cm_span insert,
		     struct cm_buf *out, struct cm_codec_splice *splice)
{
	size_t e = encoded.n > 0 ? qp_seek_back(encoded, left) : 0;

	splice->at = e;
	/* A blank must not come to stand before our line end (6.7, rule 3);
	 * text must not go on behind "=0D=0A" without a line of its own. */
	if ((e > 0 && (encoded.p[e - 1] == ' ' || encoded.p[e - 1] == '\t')) ||
	    (!is_crlf(insert, 0) && column_of(encoded, e) > 0))
		(void)cm_buf_add(out, "=\r\n", 3);
	(void)cm_qp_encode(insert, out);
	/* UTF-16 ends in no CRLF: what follows goes on a line of its own. */
	if (left > 0 && (insert.n == 0 || insert.p[insert.n - 1] != '\n'))
		(void)cm_buf_add(out, "=\r\n", 3);
	return cm_buf_ok(out);
}

/* ---- base64 ------------------------------------------------------------ */

/* Offset of the n-th (0-based) character that counts. */
static size_t b64_seek(struct cm_span encoded, size_t n)
{
	size_t i;

	for (i = 0; i < encoded.n; i++) {
		if (b64_value(encoded.p[i]) == B64_BLANK ||
		    b64_value(encoded.p[i]) == B64_JUNK)
			continue;
		if (n-- == 0)
			break;
	}
	return i;
}

static void b64_add(struct cm_buf *out, size_t *column, const char *in,
		    size_t n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)in;
	unsigned long v = (unsigned long)p[0] << 16;
	char word[4];

	v |= n > 1 ? (unsigned long)p[1] << 8 : 0;
	v |= n > 2 ? (unsigned long)p[2] : 0;
	word[0] = alphabet[v >> 18 & 63];
	word[1] = alphabet[v >> 12 & 63];
	word[2] = n > 1 ? alphabet[v >> 6 & 63] : '=';
	word[3] = n > 2 ? alphabet[v & 63] : '=';
	if (*column + 4 > CM_CODEC_LINE) {
		(void)cm_buf_add(out, "\r\n", 2);
		*column = 0;
	}
	(void)cm_buf_add(out, word, 4);
	*column += 4;
}

/* Encodes pieces as one text, without joining them in memory. */
static void b64_encode(struct cm_buf *out, size_t column,
		       const struct cm_span *pieces, size_t count)
{
	char group[3];
	size_t held = 0;
	size_t i, j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < pieces[i].n; j++) {
			group[held++] = pieces[i].p[j];
			if (held == 3) {
				b64_add(out, &column, group, 3);
				held = 0;
			}
		}
	}
	if (held > 0)
		b64_add(out, &column, group, held);
}

/*
 * Whatever follows shifts by the footer's length, so from the group that
 * holds `at` everything is encoded anew; in HTML that is "</body></html>".
 */
static int b64_splice(struct cm_span encoded, struct cm_span decoded, size_t at,
		      struct cm_span insert, struct cm_buf *out,
		      struct cm_codec_splice *splice)
{
	size_t whole = at / 3 * 3;
	const struct cm_span pieces[] = {
		{decoded.p + whole, at - whole},
		insert,
		{decoded.p + at, decoded.n - at},
	};
	size_t last = encoded.n;

	splice->at = b64_seek(encoded, at / 3 * 4);
	while (last > splice->at && b64_value(encoded.p[last - 1]) == B64_BLANK)
		last--;
	/* After the last group: no line of ours behind its line end. */
	if (splice->at == encoded.n)
		splice->at = last;
	splice->remove = last - splice->at;
	b64_encode(out, column_of(encoded, splice->at), pieces, 3);
	return cm_buf_ok(out);
}

/* Generous: QP triples, base64 takes 4/3 and line ends. */
static size_t splice_max(size_t decoded, size_t insert)
{
	return (decoded + insert) * 4 + 1024;
}

int cm_codec_splice(enum cm_cte cte, struct cm_span encoded,
		    struct cm_span decoded, size_t at, struct cm_span insert,
		    struct cm_arena *arena, struct cm_codec_splice *ret_splice)
{
	struct cm_codec_splice splice = {.at = at};
	struct cm_buf out;
	const char *copy;
	int rc;

	cm_buf_init(&out, splice_max(decoded.n, insert.n));
	if (cte == CM_CTE_QP)
		rc = qp_splice(encoded, decoded.n - at, insert, &out, &splice);
	else if (cte == CM_CTE_BASE64)
		rc = b64_splice(encoded, decoded, at, insert, &out, &splice);
	else
		rc = cm_buf_add(&out, insert.p, insert.n);
	copy = rc == CM_OK ? cm_arena_dup(arena, cm_buf_text(&out), out.len)
			   : NULL;
	splice.text = cm_span_n(copy, out.len);
	cm_buf_free(&out);
	if (copy == NULL)
		return rc != CM_OK ? rc : CM_ENOMEM;
	*ret_splice = splice;
	return CM_OK;
}

int cm_encode(enum cm_cte cte, struct cm_span text, struct cm_buf *out)
{
	if (cte == CM_CTE_QP)
		return cm_qp_encode(text, out);
	if (cte != CM_CTE_BASE64)
		return cm_buf_add(out, text.p, text.n);
	b64_encode(out, 0, &text, 1);
	return cm_buf_ok(out);
}
