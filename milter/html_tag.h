/*
 * html_tag - the tokens of an HTML text: tags, comments, raw text.
 *
 * The rules of html.spec.whatwg.org, 13.2.5, for what can hide a tag, and
 * what each element means to somebody who looks for a place.  Asked of every
 * octet of every newsletter, so it jumps from mark to mark (memchr) and
 * looks names up by their octets as one number.  ASCII-compatible charsets.
 */
#ifndef CM_MILTER_HTML_TAG_H
#define CM_MILTER_HTML_TAG_H

#include <string.h>

#include "lib/str.h"

/* What an element means: 13.1.2, 13.2.4.2, 13.2.4.3 and 13.2.6 there. */
enum {
	CM_HTML_VOID = 1 << 0,       /* has no end tag */
	CM_HTML_RAW = 1 << 1,        /* text until its end tag */
	CM_HTML_SPECIAL = 1 << 2,    /* end tags of others stop at it */
	CM_HTML_SCOPE = 1 << 3,      /* end tags do not reach out of it */
	CM_HTML_BLOCK = 1 << 4,      /* its end tag closes all within */
	CM_HTML_CLOSES_P = 1 << 5,   /* its start tag ends a paragraph */
	CM_HTML_FORMATTING = 1 << 6, /* reopened after its parent is closed */
	CM_HTML_ONCE = 1 << 7,       /* a, nobr: the next one closes it */
	CM_HTML_QUIET = 1 << 8,      /* shows no text by itself */
	CM_HTML_NOPLACE = 1 << 9,    /* what is put inside is hidden or moved */
	CM_HTML_HIDDEN = 1 << 10,    /* by its attributes; where noted */
	CM_HTML_NEVER = 1 << 11,     /* frameset, plaintext: no place at all */
	CM_HTML_ROOT = 1 << 12,      /* html, head, body */
	/* Tables, from the outside in. */
	CM_HTML_TABLE = 1 << 13,
	CM_HTML_GROUP = 1 << 14, /* tbody and its like */
	CM_HTML_ROW = 1 << 15,
	CM_HTML_CELL = 1 << 16, /* td, th: text stays where it is put */
	CM_HTML_PART = 1 << 17, /* one of these, or caption, col, colgroup */
	/* Those with rules of their own. */
	CM_HTML_P = 1 << 18,
	CM_HTML_LIST = 1 << 19,    /* ol, ul */
	CM_HTML_ITEM = 1 << 20,    /* li, dd, dt */
	CM_HTML_HEADING = 1 << 21, /* h1 to h6 */
	CM_HTML_BUTTON = 1 << 22,
	CM_HTML_FORM = 1 << 23,
	CM_HTML_SELECT = 1 << 24,
	CM_HTML_OPTION = 1 << 25, /* option, optgroup */
	CM_HTML_TEMPLATE = 1 << 26,
	CM_HTML_NOSCRIPT = 1 << 27,
	CM_HTML_IN_SVG = 1 << 28,    /* means nothing in SVG or MathML */
	CM_HTML_FOREIGN = 1 << 29,   /* svg, math and what is in them */
	CM_HTML_TEXT_ONLY = 1 << 30, /* in these: HTML begins again within */
};

struct cm_html_element {
	uint64_t name; /* in lower case, as a number */
	uint32_t what;
};

/* One multiplication finds a name's place, CM_HTML_PLACE. */
extern const struct cm_html_element cm_html_elements[1024];
#define CM_HTML_PLACE(name) ((name)*UINT64_C(0xbba86df75009c0a9) >> 54)

struct cm_html_tag {
	uint64_t name;    /* in lower case, as a number; its first octets */
	const char *text; /* the name as written */
	uint32_t n;       /* octets of it */
	uint32_t what;
};

/* p at what follows a tag's name; behind its ">", or NULL if never ended. */
const char *cm_html_skip(const char *p, const char *end);

/* p behind "<" or "</", at a letter; behind ">", or NULL if never ended. */
const char *cm_html_tag(const char *p, const char *end,
			struct cm_html_tag *ret_tag);

bool cm_html_same(const struct cm_html_tag *a, const struct cm_html_tag *b);

/*
 * What stands behind the name.  Read on demand, since most elements are
 * closed before anybody asks whether they are hidden.
 */
struct cm_html_attributes {
	bool hides;          /* the element, by hidden= or style= */
	bool closes_itself;  /* "/>" */
	struct cm_span lang; /* of lang=; as written */
};
struct cm_html_attributes cm_html_attributes(const struct cm_html_tag *tag,
					     const char *end);

/* 13.2.5.43 to 51: p behind "<!--"; behind its end, or NULL. */
const char *cm_html_comment(const char *p, const char *end);

/* p behind a raw text element's start tag; at its end tag, or NULL. */
const char *cm_html_raw(const char *p, const char *end,
			const struct cm_html_tag *tag);

enum { CM_HTML_NAME = sizeof(uint64_t) };

/* The eight octets at p, the first one lowest. */
static inline uint64_t cm_html_load(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/*
 * How many letters a word begins with, judged by one bit that letters have
 * and blanks, digits, "-", "/", "=" and ">" have not.
 */
static inline unsigned cm_html_letters(uint64_t word)
{
	uint64_t others = ~word & UINT64_C(0x4040404040404040);

	return others == 0 ? CM_HTML_NAME
			   : (unsigned)__builtin_ctzll(others) / 8;
}

/* Those letters as a name. */
static inline uint64_t cm_html_name(uint64_t word, unsigned letters)
{
	uint64_t lower = word | UINT64_C(0x2020202020202020);

	return letters == CM_HTML_NAME
		       ? lower
		       : lower & ((UINT64_C(1) << 8 * letters) - 1);
}

/*
 * As memchr(), for what is mostly near: eight octets at once (an octet is 0
 * where it borrows from its highest bit), and no call.
 */
static inline const char *cm_html_find(const char *p, const char *end, char c)
{
	const uint64_t low = UINT64_C(0x0101010101010101);
	uint64_t wanted = low * (unsigned char)c;
	int i;

	for (i = 0; i < 3 && end - p >= CM_HTML_NAME; i++) {
		uint64_t word = cm_html_load(p) ^ wanted;
		uint64_t zero = (word - low) & ~word & low << 7;

		if (zero != 0)
			return p + __builtin_ctzll(zero) / 8;
		p += CM_HTML_NAME;
	}
	return memchr(p, c, (size_t)(end - p));
}

#endif
