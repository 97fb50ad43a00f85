/* See html_tag.h. */
#include "milter/html_tag.h"

#include <string.h>

/* The eight octets at p; zeros for those behind the end. */
static uint64_t word_at(const char *p, const char *end)
{
	char word[CM_HTML_NAME] = {0};

	if (end - p >= CM_HTML_NAME)
		return cm_html_load(p);
	memcpy(word, p, (size_t)(end - p));
	return cm_html_load(word);
}

/* ---- elements ---------------------------------------------------------- */

#define NAME_8(a, b, c, d, e, f, g, h, ...)                                    \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 |            \
	 (uint64_t)(d) << 24 | (uint64_t)(e) << 32 | (uint64_t)(f) << 40 |     \
	 (uint64_t)(g) << 48 | (uint64_t)(h) << 56)
#define NAME(...) NAME_8(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0)

/* Two names at one place do not compile (-Woverride-init). */
#define E(what, ...)                                                           \
	[CM_HTML_PLACE(NAME(__VA_ARGS__))] = {NAME(__VA_ARGS__), what}

#define BLOCK     (CM_HTML_SPECIAL | CM_HTML_BLOCK | CM_HTML_CLOSES_P)
#define PART      (CM_HTML_SPECIAL | CM_HTML_PART | CM_HTML_NOPLACE)
#define OWN_SCOPE (CM_HTML_SPECIAL | CM_HTML_SCOPE | CM_HTML_NOPLACE)
#define QUIET     (CM_HTML_VOID | CM_HTML_QUIET)

/* The factor of CM_HTML_PLACE was found by trying. */
const struct cm_html_element cm_html_elements[1024] = {
	E(CM_HTML_FORMATTING | CM_HTML_ONCE | CM_HTML_IN_SVG, 'a'),
	E(BLOCK, 'a', 'd', 'd', 'r', 'e', 's', 's'),
	E(BLOCK, 'a', 'r', 't', 'i', 'c', 'l', 'e'),
	E(BLOCK, 'a', 's', 'i', 'd', 'e'),
	E(BLOCK, 'c', 'e', 'n', 't', 'e', 'r'),
	E(BLOCK, 'd', 'i', 'r'),
	E(BLOCK, 'd', 'i', 'v'),
	E(BLOCK, 'd', 'l'),
	E(BLOCK, 'f', 'i', 'e', 'l', 'd', 's', 'e', 't'),
	E(BLOCK, 'f', 'i', 'g', 'u', 'r', 'e'),
	E(BLOCK, 'f', 'o', 'o', 't', 'e', 'r'),
	E(BLOCK, 'h', 'e', 'a', 'd', 'e', 'r'),
	E(BLOCK, 'h', 'g', 'r', 'o', 'u', 'p'),
	E(BLOCK, 'l', 'i', 's', 't', 'i', 'n', 'g'),
	E(BLOCK, 'm', 'a', 'i', 'n'),
	E(BLOCK, 'm', 'e', 'n', 'u'),
	E(BLOCK, 'n', 'a', 'v'),
	E(BLOCK, 'p', 'r', 'e'),
	E(BLOCK, 's', 'e', 'a', 'r', 'c', 'h'),
	E(BLOCK, 's', 'e', 'c', 't', 'i', 'o', 'n'),
	E(BLOCK, 's', 'u', 'm', 'm', 'a', 'r', 'y'),
	E(OWN_SCOPE | CM_HTML_BLOCK, 'a', 'p', 'p', 'l', 'e', 't'),
	E(OWN_SCOPE | CM_HTML_BLOCK, 'm', 'a', 'r', 'q', 'u', 'e', 'e'),
	E(OWN_SCOPE | CM_HTML_BLOCK, 'o', 'b', 'j', 'e', 'c', 't'),
	E(QUIET, 'a', 'r', 'e', 'a'),
	E(QUIET, 'b', 'a', 's', 'e'),
	E(QUIET, 'b', 'a', 's', 'e', 'f', 'o', 'n', 't'),
	E(QUIET, 'b', 'g', 's', 'o', 'u', 'n', 'd'),
	E(QUIET, 'b', 'r'),
	E(QUIET, 'i', 'm', 'g'),
	E(QUIET, 'l', 'i', 'n', 'k'),
	E(QUIET, 'm', 'e', 't', 'a'),
	E(QUIET, 'p', 'a', 'r', 'a', 'm'),
	E(QUIET, 's', 'o', 'u', 'r', 'c', 'e'),
	E(QUIET, 't', 'r', 'a', 'c', 'k'),
	E(QUIET, 'w', 'b', 'r'),
	E(CM_HTML_NOPLACE, 'a', 'u', 'd', 'i', 'o'),
	E(CM_HTML_NOPLACE, 'c', 'a', 'n', 'v', 'a', 's'),
	E(CM_HTML_NOPLACE, 'd', 'a', 't', 'a', 'l', 'i', 's', 't'),
	E(CM_HTML_NOPLACE, 'm', 'e', 't', 'e', 'r'),
	E(CM_HTML_NOPLACE, 'p', 'r', 'o', 'g', 'r', 'e', 's', 's'),
	E(CM_HTML_NOPLACE, 'r', 'p'),
	E(CM_HTML_NOPLACE, 'r', 't'),
	E(CM_HTML_NOPLACE, 'v', 'i', 'd', 'e', 'o'),
	E(CM_HTML_FORMATTING, 'b'),
	E(CM_HTML_FORMATTING, 'b', 'i', 'g'),
	E(CM_HTML_FORMATTING, 'c', 'o', 'd', 'e'),
	E(CM_HTML_FORMATTING, 'e', 'm'),
	E(CM_HTML_FORMATTING, 'f', 'o', 'n', 't'),
	E(CM_HTML_FORMATTING, 'i'),
	E(CM_HTML_FORMATTING, 's'),
	E(CM_HTML_FORMATTING, 's', 'm', 'a', 'l', 'l'),
	E(CM_HTML_FORMATTING, 's', 't', 'r', 'i', 'k', 'e'),
	E(CM_HTML_FORMATTING, 's', 't', 'r', 'o', 'n', 'g'),
	E(CM_HTML_FORMATTING, 't', 't'),
	E(CM_HTML_FORMATTING, 'u'),
	E(CM_HTML_ROOT, 'b', 'o', 'd', 'y'),
	E(CM_HTML_ROOT, 'h', 'e', 'a', 'd'),
	E(CM_HTML_ROOT, 'h', 't', 'm', 'l'),
	E(CM_HTML_SPECIAL | CM_HTML_BLOCK | CM_HTML_NOPLACE | CM_HTML_BUTTON,
	  'b', 'u', 't', 't', 'o', 'n'),
	E(PART | CM_HTML_SCOPE, 'c', 'a', 'p', 't', 'i', 'o', 'n'),
	E(QUIET | CM_HTML_PART, 'c', 'o', 'l'),
	E(PART, 'c', 'o', 'l', 'g', 'r', 'o', 'u', 'p'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_ITEM, 'd', 'd'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_ITEM, 'd', 't'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_ITEM, 'l', 'i'),
	E(CM_HTML_IN_SVG | CM_HTML_TEXT_ONLY, 'd', 'e', 's', 'c'),
	E(CM_HTML_IN_SVG | CM_HTML_TEXT_ONLY, 'm', 'i'),
	E(CM_HTML_IN_SVG | CM_HTML_TEXT_ONLY, 'm', 'n'),
	E(CM_HTML_IN_SVG | CM_HTML_TEXT_ONLY, 'm', 'o'),
	E(CM_HTML_IN_SVG | CM_HTML_TEXT_ONLY, 'm', 's'),
	E(CM_HTML_IN_SVG | CM_HTML_TEXT_ONLY, 'm', 't', 'e', 'x', 't'),
	E(BLOCK | CM_HTML_NOPLACE, 'd', 'e', 't', 'a', 'i', 'l', 's'),
	E(CM_HTML_BLOCK | CM_HTML_CLOSES_P | CM_HTML_NOPLACE, 'd', 'i', 'a',
	  'l', 'o', 'g'),
	E(CM_HTML_VOID, 'e', 'm', 'b', 'e', 'd'),
	E(CM_HTML_VOID, 'f', 'r', 'a', 'm', 'e'),
	E(CM_HTML_VOID, 'i', 'n', 'p', 'u', 't'),
	E(CM_HTML_VOID, 'k', 'e', 'y', 'g', 'e', 'n'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_FORM, 'f', 'o', 'r',
	  'm'),
	E(CM_HTML_NEVER, 'f', 'r', 'a', 'm', 'e', 's', 'e', 't'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_HEADING, 'h', '1'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_HEADING, 'h', '2'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_HEADING, 'h', '3'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_HEADING, 'h', '4'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_HEADING, 'h', '5'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_HEADING, 'h', '6'),
	E(CM_HTML_VOID | CM_HTML_CLOSES_P, 'h', 'r'),
	E(CM_HTML_RAW, 'i', 'f', 'r', 'a', 'm', 'e'),
	E(CM_HTML_RAW, 'n', 'o', 'e', 'm', 'b', 'e', 'd'),
	E(CM_HTML_RAW, 'n', 'o', 'f', 'r', 'a', 'm', 'e', 's'),
	E(CM_HTML_RAW, 't', 'e', 'x', 't', 'a', 'r', 'e', 'a'),
	E(CM_HTML_VOID | CM_HTML_IN_SVG, 'i', 'm', 'a', 'g', 'e'),
	E(CM_HTML_NOPLACE | CM_HTML_FOREIGN, 'm', 'a', 't', 'h'),
	E(CM_HTML_NOPLACE | CM_HTML_FOREIGN, 's', 'v', 'g'),
	E(CM_HTML_FORMATTING | CM_HTML_ONCE, 'n', 'o', 'b', 'r'),
	E(CM_HTML_SPECIAL | CM_HTML_NOPLACE | CM_HTML_NOSCRIPT, 'n', 'o', 's',
	  'c', 'r', 'i', 'p', 't'),
	E(BLOCK | CM_HTML_LIST, 'o', 'l'),
	E(BLOCK | CM_HTML_LIST, 'u', 'l'),
	E(CM_HTML_NOPLACE | CM_HTML_OPTION, 'o', 'p', 't', 'g', 'r', 'o', 'u',
	  'p'),
	E(CM_HTML_NOPLACE | CM_HTML_OPTION, 'o', 'p', 't', 'i', 'o', 'n'),
	E(CM_HTML_SPECIAL | CM_HTML_CLOSES_P | CM_HTML_P, 'p'),
	E(0, 'r', 'u', 'b', 'y'),
	E(0, 's', 'p', 'a', 'n'),
	E(0, 's', 'u', 'b'),
	E(0, 's', 'u', 'p'),
	E(0, 'v', 'a', 'r'),
	E(CM_HTML_RAW | CM_HTML_IN_SVG, 's', 'c', 'r', 'i', 'p', 't'),
	E(CM_HTML_RAW | CM_HTML_IN_SVG, 's', 't', 'y', 'l', 'e'),
	E(CM_HTML_SPECIAL | CM_HTML_NOPLACE | CM_HTML_SELECT, 's', 'e', 'l',
	  'e', 'c', 't'),
	E(OWN_SCOPE | CM_HTML_CLOSES_P | CM_HTML_TABLE, 't', 'a', 'b', 'l',
	  'e'),
	E(PART | CM_HTML_GROUP, 't', 'b', 'o', 'd', 'y'),
	E(PART | CM_HTML_GROUP, 't', 'f', 'o', 'o', 't'),
	E(PART | CM_HTML_GROUP, 't', 'h', 'e', 'a', 'd'),
	E(PART | CM_HTML_SCOPE | CM_HTML_CELL, 't', 'd'),
	E(PART | CM_HTML_SCOPE | CM_HTML_CELL, 't', 'h'),
	E(OWN_SCOPE | CM_HTML_TEMPLATE, 't', 'e', 'm', 'p', 'l', 'a', 't', 'e'),
	E(CM_HTML_RAW | CM_HTML_IN_SVG | CM_HTML_TEXT_ONLY, 't', 'i', 't', 'l',
	  'e'),
	E(PART | CM_HTML_ROW, 't', 'r'),
	E(CM_HTML_RAW | CM_HTML_CLOSES_P, 'x', 'm', 'p'),
};

/* Longer than a word; none of them is frequent. */
static const struct {
	const char *name;
	uint32_t what;
} long_elements[] = {
	{"annotation-xml", 0},        {"blockquote", BLOCK},
	{"figcaption", BLOCK},        {"foreignobject", 0},
	{"plaintext", CM_HTML_NEVER},
};

/* What nobody knows is an element without rules, in SVG as well. */
enum { UNKNOWN = CM_HTML_IN_SVG };

static bool is_known(uint64_t name, uint32_t *ret_what)
{
	const struct cm_html_element *e =
		&cm_html_elements[CM_HTML_PLACE(name)];

	if (e->name != name)
		return false;
	*ret_what = e->what;
	return true;
}

static uint32_t what_long(struct cm_span spelled)
{
	size_t i;

	for (i = 0; i < sizeof(long_elements) / sizeof(*long_elements); i++)
		if (cm_span_is(spelled, long_elements[i].name))
			return long_elements[i].what;
	return UNKNOWN;
}

bool cm_html_same(const struct cm_html_tag *a, const struct cm_html_tag *b)
{
	return a->name == b->name && a->n == b->n &&
	       (a->n <= CM_HTML_NAME ||
		cm_span_caseeq(cm_span_n(a->text, a->n),
			       cm_span_n(b->text, b->n)));
}

/* ---- octets ------------------------------------------------------------ */

/* What ends a name, and what separates: asked of most octets of a tag. */
enum { SPACE = 1, NAME_END = 2, ATTRIBUTE_END = 4 };

static const uint8_t octets[256] = {
	[' '] = SPACE | NAME_END | ATTRIBUTE_END,
	['\t'] = SPACE | NAME_END | ATTRIBUTE_END,
	['\n'] = SPACE | NAME_END | ATTRIBUTE_END,
	['\r'] = SPACE | NAME_END | ATTRIBUTE_END,
	['\f'] = SPACE | NAME_END | ATTRIBUTE_END,
	['/'] = NAME_END | ATTRIBUTE_END,
	['>'] = NAME_END | ATTRIBUTE_END,
	['='] = ATTRIBUTE_END,
};

static bool is(char c, unsigned what)
{
	return (octets[(unsigned char)c] & what) != 0;
}

static const char *skip_spaces(const char *p, const char *end)
{
	while (p < end && is(*p, SPACE))
		p++;
	return p;
}

/* ---- what is hidden ---------------------------------------------------- */

/* "0", "0px", "0 auto"; not "0.9" or "05". */
static bool is_zero(struct cm_span value)
{
	return value.n > 0 && value.p[0] == '0' &&
	       (value.n == 1 ||
		(value.p[1] != '.' && !cm_ascii_digit(value.p[1])));
}

/*
 * Declarations that hide an element, or put it where nobody looks.  Opacity
 * near zero, tiny or white letters are nobody's mistake: the footer sets its
 * own size and colour, and who hides it on purpose needs no help from us.
 */
static const struct {
	uint64_t starts; /* the name's first octets */
	const char *name;
	const char *value; /* begins so; NULL: is zero */
} hiding[] = {
#define HIDES(name, value, ...)                                                \
	{                                                                      \
		NAME(__VA_ARGS__), name, value                                 \
	}
	HIDES("clip", "rect", 'c', 'l', 'i', 'p'),
	HIDES("clip-path", "", 'c', 'l', 'i', 'p'),
	HIDES("display", "none", 'd', 'i', 's', 'p'),
	HIDES("height", NULL, 'h', 'e', 'i', 'g'),
	HIDES("max-height", NULL, 'm', 'a', 'x', '-'),
	HIDES("max-width", NULL, 'm', 'a', 'x', '-'),
	HIDES("mso-hide", "all", 'm', 's', 'o', '-'),
	HIDES("opacity", NULL, 'o', 'p', 'a', 'c'),
	HIDES("position", "absolute", 'p', 'o', 's', 'i'),
	HIDES("position", "fixed", 'p', 'o', 's', 'i'),
	HIDES("transform", "scale(0", 't', 'r', 'a', 'n'),
	HIDES("visibility", "hidden", 'v', 'i', 's', 'i'),
	HIDES("visibility", "collapse", 'v', 'i', 's', 'i'),
	HIDES("width", NULL, 'w', 'i', 'd', 't'),
	HIDES("zoom", NULL, 'z', 'o', 'o', 'm'),
#undef HIDES
};

/* Asked of every declaration: few are looked at twice. */
static bool may_hide(uint64_t starts)
{
	switch (starts) {
	case NAME('c', 'l', 'i', 'p'):
	case NAME('d', 'i', 's', 'p'):
	case NAME('h', 'e', 'i', 'g'):
	case NAME('m', 'a', 'x', '-'):
	case NAME('m', 's', 'o', '-'):
	case NAME('o', 'p', 'a', 'c'):
	case NAME('p', 'o', 's', 'i'):
	case NAME('t', 'r', 'a', 'n'):
	case NAME('v', 'i', 's', 'i'):
	case NAME('w', 'i', 'd', 't'):
	case NAME('z', 'o', 'o', 'm'):
		return true;
	default:
		return false;
	}
}

static bool declaration_hides(const char *p, const char *end)
{
	uint64_t starts = (word_at(p, end) | 0x20202020) & 0xffffffff;
	struct cm_span value;
	struct cm_span name;
	size_t i;

	if (!may_hide(starts))
		return false;
	value = cm_span_n(p, (size_t)(end - p));
	name = cm_span_trim(cm_span_cut(&value, ':'));
	value = cm_span_trim(value);
	for (i = 0; i < sizeof(hiding) / sizeof(*hiding); i++)
		if (hiding[i].starts == starts &&
		    cm_span_is(name, hiding[i].name) &&
		    (hiding[i].value != NULL
			     ? cm_span_starts(value, hiding[i].value)
			     : is_zero(value)))
			return true;
	return false;
}

/* A ";" in quotes cuts, too: that can only make us more careful. */
static bool style_hides(const char *p, const char *end)
{
	while (p < end) {
		const char *stop;

		p = skip_spaces(p, end);
		if (p == end)
			return false;
		stop = memchr(p, ';', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		if (declaration_hides(p, stop))
			return true;
		p = stop + 1;
	}
	return false;
}

/* ---- tags -------------------------------------------------------------- */

/* 13.2.5.33: p at a name; behind it.  One of several words is not named. */
static inline const char *take_name(const char *p, const char *end,
				    uint64_t *ret_name)
{
	uint64_t word = word_at(p, end);
	unsigned n = cm_html_letters(word);

	*ret_name = 0;
	if (n > 0 && n < CM_HTML_NAME && p + n < end &&
	    is(p[n], ATTRIBUTE_END)) {
		*ret_name = cm_html_name(word, n);
		return p + n;
	}
	p += n > 0 ? n : 1; /* even "=" may begin a name */
	while (p < end && !is(*p, ATTRIBUTE_END))
		p++;
	return p;
}

/* 13.2.5.34 to 39: p behind the name; NULL if never ended. */
static inline const char *take_value(const char *p, const char *end,
				     struct cm_span *ret_value)
{
	const char *stop;

	p = skip_spaces(p, end);
	*ret_value = cm_span_n(p, 0);
	if (p == end || *p != '=')
		return p;
	p++;
	p = skip_spaces(p, end);
	if (p < end && (*p == '"' || *p == '\'')) {
		stop = cm_html_find(p + 1, end, *p);
		if (stop == NULL)
			return NULL;
		*ret_value = cm_span_n(p + 1, (size_t)(stop - p - 1));
		return stop + 1;
	}
	for (stop = p; stop < end && !is(*stop, SPACE) && *stop != '>';)
		stop++;
	*ret_value = cm_span_n(p, (size_t)(stop - p));
	return stop;
}

/* 13.2.5.32: to the next name or the tag's ">"; NULL if never ended. */
static inline const char *next_attribute(const char *p, const char *end)
{
	while (p < end && is(*p, SPACE | NAME_END) && *p != '>')
		p++;
	return p < end ? p : NULL;
}

struct cm_html_attributes cm_html_attributes(const struct cm_html_tag *tag,
					     const char *end)
{
	struct cm_html_attributes ret = {0};
	const char *p = tag->text + tag->n;

	while ((p = next_attribute(p, end)) != NULL && *p != '>') {
		struct cm_span value;
		uint64_t name;

		p = take_value(take_name(p, end, &name), end, &value);
		if (p == NULL)
			break;
		if (name == NAME('s', 't', 'y', 'l', 'e'))
			ret.hides |= style_hides(value.p, value.p + value.n);
		else if (name == NAME('h', 'i', 'd', 'd', 'e', 'n') ||
			 name == NAME('p', 'o', 'p', 'o', 'v', 'e', 'r'))
			ret.hides = true;
		else if (name == NAME('l', 'a', 'n', 'g') && ret.lang.p == NULL)
			ret.lang = value;
		if (p < end && *p == '>')
			return ret; /* "/" in front of it was the value's */
	}
	ret.closes_itself = p != NULL && p[-1] == '/';
	return ret;
}

/*
 * A name and its value: NULL if never ended.  Almost all are letters, "="
 * and a value in double quotes.
 */
static inline const char *skip_attribute(const char *p, const char *end)
{
	const char *q = p;
	struct cm_span value;
	uint64_t name;
	unsigned n;

	do {
		if (end - q < 2 * CM_HTML_NAME)
			return take_value(take_name(p, end, &name), end,
					  &value);
		n = cm_html_letters(cm_html_load(q));
		q += n;
	} while (n == CM_HTML_NAME);
	if (q == p || q[0] != '=' || q[1] != '"')
		return take_value(take_name(p, end, &name), end, &value);
	q = cm_html_find(q + 2, end, '"');
	return q != NULL ? q + 1 : NULL;
}

const char *cm_html_skip(const char *p, const char *end)
{
	while (p < end) {
		if (*p == ' ')
			p++;
		if (p == end || is(*p, SPACE | NAME_END))
			p = next_attribute(p, end);
		if (p == NULL)
			return NULL;
		if (*p == '>')
			return p + 1;
		p = skip_attribute(p, end);
		if (p == NULL)
			return NULL;
	}
	return NULL;
}

/* A name that is not letters of one word only: "h1", "o:p", "blockquote". */
static const char *take_odd_name(const char *p, const char *end,
				 struct cm_html_tag *tag)
{
	char lower[CM_HTML_NAME] = {0};
	size_t n = 0;

	for (; p + n < end && !is(p[n], NAME_END); n++)
		if (n < sizeof(lower))
			lower[n] = cm_ascii_lower(p[n]);
	tag->n = (uint32_t)n;
	tag->name = cm_html_load(lower);
	tag->what = UNKNOWN;
	if (n > sizeof(lower))
		tag->what = what_long(cm_span_n(p, n));
	else
		(void)is_known(tag->name, &tag->what);
	return p + n;
}

const char *cm_html_tag(const char *p, const char *end,
			struct cm_html_tag *ret_tag)
{
	uint64_t word = word_at(p, end);
	unsigned n = cm_html_letters(word);

	ret_tag->name = cm_html_name(word, n);
	ret_tag->text = p;
	ret_tag->n = n;
	if (p + n < end && is(p[n], NAME_END) &&
	    is_known(ret_tag->name, &ret_tag->what))
		p += n;
	else
		p = take_odd_name(p, end, ret_tag);
	return cm_html_skip(p, end);
}

/* ---- comments, raw text ------------------------------------------------ */

const char *cm_html_comment(const char *p, const char *end)
{
	const char *gt = p;

	/* The dashes of "<!--" may be those of "-->", not of "--!>". */
	while ((gt = memchr(gt, '>', (size_t)(end - gt))) != NULL) {
		gt++;
		if (gt[-2] == '-' && gt[-3] == '-')
			return gt;
		if (gt - p >= 4 && memcmp(gt - 4, "--!", 3) == 0)
			return gt;
	}
	return NULL;
}

static bool is_name_at(const char *p, const char *end, struct cm_span name)
{
	return (size_t)(end - p) > name.n &&
	       cm_span_caseeq(cm_span_n(p, name.n), name) &&
	       is(p[name.n], NAME_END);
}

/*
 * 13.2.5.15 to 31: within <script>, after "<!--" another "<script" makes
 * "</script" text, until the next one or "-->".
 */
static const char *end_of_script(const char *p, const char *end,
				 struct cm_span name)
{
	bool escaped = false;
	bool twice = false;

	for (; p < end; p++) {
		bool end_tag = *p == '<' && end - p > 2 && p[1] == '/' &&
			       is_name_at(p + 2, end, name);

		if (escaped && end - p >= 3 && memcmp(p, "-->", 3) == 0) {
			escaped = false;
			twice = false;
		} else if (!escaped && end - p >= 4 &&
			   memcmp(p, "<!--", 4) == 0) {
			escaped = true;
			p++; /* "<!-->" ends it at once: let "-->" be seen */
		} else if (end_tag && !twice) {
			return p;
		} else if (end_tag) {
			twice = false;
		} else if (escaped && *p == '<' &&
			   is_name_at(p + 1, end, name)) {
			twice = true;
		}
	}
	return NULL;
}

const char *cm_html_raw(const char *p, const char *end,
			const struct cm_html_tag *tag)
{
	struct cm_span name = cm_span_n(tag->text, tag->n);

	if (cm_span_is(name, "script"))
		return end_of_script(p, end, name);
	while ((p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		if (end - p > 2 && p[1] == '/' && is_name_at(p + 2, end, name))
			return p;
		p++;
	}
	return NULL;
}
