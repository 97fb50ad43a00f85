/*
 * str - text as pointer and length, and ASCII rules that no locale changes.
 *
 * Mail data may hold NULs and any octet, so nothing here needs a closing NUL
 * unless the argument is a plain const char *.  All functions are pure.
 */
#ifndef CM_LIB_STR_H
#define CM_LIB_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct cm_span {
	const char *p; /* borrowed; not NUL-terminated; NULL only if n is 0 */
	size_t n;
};

struct cm_span cm_span(const char *text); /* NULL gives the empty span */
static inline struct cm_span cm_span_n(const char *p, size_t n)
{
	return (struct cm_span){p, n};
}
/* The octets from .. to-1 of it. */
static inline struct cm_span cm_span_slice(struct cm_span a, size_t from,
					   size_t to)
{
	return cm_span_n(a.p + from, to - from);
}
bool cm_span_eq(struct cm_span a, struct cm_span b);
bool cm_span_caseeq(struct cm_span a, struct cm_span b);   /* ASCII case only */
bool cm_span_starts(struct cm_span a, const char *prefix); /* ditto */
struct cm_span cm_span_trim(struct cm_span a); /* SP HT CR LF, both ends */
/* What stands before the separator; *rest goes on behind it, empty at last. */
struct cm_span cm_span_cut(struct cm_span *rest, char separator);
/* From a line's start on, the next line that begins with "--"; else a.n. */
size_t cm_span_dashes(struct cm_span a, size_t from);
/* Octets of its longest line, LF or CRLF apart. */
size_t cm_span_longest_line(struct cm_span a);
/* memcmp order, the shorter first when one is the other's beginning. */
int cm_span_cmp(struct cm_span a, struct cm_span b);

/* Inline: readers of bodies ask them of every octet. */
static inline char cm_ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}
static inline bool cm_ascii_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool cm_ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}
void cm_ascii_lower_n(char *p, size_t n);

/*
 * Is a text, but for ASCII case?  A message's headers are asked for some 60
 * names each, and nearly all answers are no at the first letter: 5 us less a
 * message when that one is looked at without a call.
 */
bool cm_span_is_all(struct cm_span a, const char *text);
static inline bool cm_span_is(struct cm_span a, const char *text)
{
	if (a.n == 0)
		return text[0] == '\0';
	return ((a.p[0] ^ text[0]) & ~0x20) == 0 && cm_span_is_all(a, text);
}

/* All of it decimal digits and within [0, max]. */
CM_MUST_CHECK int cm_parse_u64(struct cm_span text, uint64_t max,
			       uint64_t *ret_value);

/* RFC 3629: shortest form, no surrogates, at most U+10FFFF. */
bool cm_utf8_valid(const char *p, size_t n);
bool cm_ascii_only(const char *p, size_t n); /* no octet over 127 */

/*
 * The word of words[] most like the given one, for "did you mean": NULL
 * unless few letters (a third of its length, at most 3) separate them.
 */
const char *cm_suggest(const char *word, const char *const *words,
		       size_t count);

#endif
