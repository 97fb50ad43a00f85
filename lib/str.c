/* See str.h. */
#include "lib/str.h"

#include <endian.h>
#include <string.h>

struct cm_span cm_span(const char *text)
{
	struct cm_span span = {text, text != NULL ? strlen(text) : 0};

	return span;
}

bool cm_span_eq(struct cm_span a, struct cm_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool cm_span_caseeq(struct cm_span a, struct cm_span b)
{
	size_t i;

	if (a.n != b.n)
		return false;
	for (i = 0; i < a.n; i++)
		if (cm_ascii_lower(a.p[i]) != cm_ascii_lower(b.p[i]))
			return false;
	return true;
}

bool cm_span_is_all(struct cm_span a, const char *text)
{
	size_t i;

	for (i = 0; i < a.n; i++) {
		if (text[i] == '\0')
			return false;
		if (a.p[i] != text[i] &&
		    cm_ascii_lower(a.p[i]) != cm_ascii_lower(text[i]))
			return false;
	}
	return text[a.n] == '\0';
}

bool cm_span_starts(struct cm_span a, const char *prefix)
{
	struct cm_span want = cm_span(prefix);

	return a.n >= want.n && cm_span_caseeq(cm_span_n(a.p, want.n), want);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct cm_span cm_span_trim(struct cm_span a)
{
	while (a.n > 0 && is_blank(a.p[0])) {
		a.p++;
		a.n--;
	}
	while (a.n > 0 && is_blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

struct cm_span cm_span_cut(struct cm_span *rest, char separator)
{
	const char *at =
		rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
	struct cm_span first = *rest;

	if (at == NULL) {
		*rest = cm_span_n(NULL, 0);
		return first;
	}
	first.n = (size_t)(at - rest->p);
	rest->n -= first.n + 1;
	rest->p = at + 1;
	return first;
}

enum { CM_DASH_BLOCK = 64 };

/*
 * No branch that depends on an octet, so compilers make vectors of it: for
 * 50 KB in lines of 60 octets 3 us instead of 9 by memchr() for each line.
 */
static bool has_dashes(const char *p)
{
	unsigned char found = 0;
	size_t i;

	for (i = 0; i < CM_DASH_BLOCK; i++)
		found |= (unsigned char)((p[i] == '-') & (p[i + 1] == '-'));
	return found != 0;
}

size_t cm_span_dashes(struct cm_span a, size_t from)
{
	size_t i = from;

	if (a.n - i >= 2 && a.p[i] == '-' && a.p[i + 1] == '-')
		return i;
	while (a.n - i >= 3) {
		size_t stop = a.n - 2;

		if (a.n - i >= CM_DASH_BLOCK + 2) {
			stop = i + CM_DASH_BLOCK;
			if (!has_dashes(a.p + i + 1))
				i = stop;
		}
		for (; i < stop; i++)
			if (a.p[i] == '\n' && a.p[i + 1] == '-' &&
			    a.p[i + 2] == '-')
				return i + 1;
	}
	return a.n;
}

size_t cm_span_longest_line(struct cm_span a)
{
	size_t longest = 0;

	while (a.n > 0) {
		const char *nl = memchr(a.p, '\n', a.n);
		size_t n = nl != NULL ? (size_t)(nl - a.p) : a.n;

		if (n > 0 && a.p[n - 1] == '\r')
			n--;
		if (n > longest)
			longest = n;
		n = nl != NULL ? (size_t)(nl - a.p) + 1 : a.n;
		a.p += n;
		a.n -= n;
	}
	return longest;
}

int cm_span_cmp(struct cm_span a, struct cm_span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

void cm_ascii_lower_n(char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = cm_ascii_lower(p[i]);
}

int cm_parse_u64(struct cm_span text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	size_t i;

	if (text.n == 0)
		return CM_EDATA;
	for (i = 0; i < text.n; i++) {
		uint64_t digit = (uint64_t)(text.p[i] - '0');

		if (!cm_ascii_digit(text.p[i]))
			return CM_EDATA;
		if (digit > max || value > (max - digit) / 10)
			return CM_ELIMIT;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return CM_OK;
}

/* Octets of the sequence at p, 0 if it is not valid UTF-8 (RFC 3629, 4). */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
	size_t len, i;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static uint64_t word_at(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Octets at p, up to n, that are ASCII; many at a time, bodies are long. */
static size_t ascii_run(const char *p, size_t n)
{
	const uint64_t tops = UINT64_C(0x8080808080808080);
	size_t i = 0;

	while (n - i >= 32 && ((word_at(p + i) | word_at(p + i + 8) |
				word_at(p + i + 16) | word_at(p + i + 24)) &
			       tops) == 0)
		i += 32;
	for (; n - i >= 8; i += 8) {
		uint64_t high = le64toh(word_at(p + i)) & tops;

		if (high != 0)
			return i + (size_t)__builtin_ctzll(high) / 8;
	}
	while (i < n && (p[i] & 0x80) == 0)
		i++;
	return i;
}

bool cm_utf8_valid(const char *p, size_t n)
{
	while (n > 0) {
		size_t len =
			(*p & 0x80) == 0
				? ascii_run(p, n)
				: utf8_sequence((const unsigned char *)p, n);

		if (len == 0)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

bool cm_ascii_only(const char *p, size_t n)
{
	return ascii_run(p, n) == n;
}

enum { CM_SUGGEST_MAX = 64 }; /* longer words are not typing mistakes */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein distance, one row at a time; both words <= CM_SUGGEST_MAX. */
static size_t distance(struct cm_span a, struct cm_span b)
{
	size_t row[CM_SUGGEST_MAX + 1];
	size_t i, j;

	for (j = 0; j <= b.n; j++)
		row[j] = j;
	for (i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= b.n; j++) {
			size_t above = row[j];
			size_t cost = cm_ascii_lower(a.p[i - 1]) !=
				      cm_ascii_lower(b.p[j - 1]);

			row[j] = min3(above + 1, row[j - 1] + 1,
				      diagonal + cost);
			diagonal = above;
		}
	}
	return row[b.n];
}

const char *cm_suggest(const char *word, const char *const *words, size_t count)
{
	struct cm_span want = cm_span(word);
	size_t best = want.n / 3 < 3 ? want.n / 3 : 3;
	const char *found = NULL;
	size_t i;

	if (want.n > CM_SUGGEST_MAX)
		return NULL;
	if (best == 0)
		best = 1;
	for (i = 0; i < count; i++) {
		struct cm_span have = cm_span(words[i]);
		size_t d;

		if (have.n > CM_SUGGEST_MAX || have.n == 0)
			continue;
		d = distance(want, have);
		if (d < best || (d == best && found == NULL)) {
			best = d;
			found = words[i];
		}
	}
	return found;
}
