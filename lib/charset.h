/*
 * charset - texts in the charsets of mail and of old files, to UTF-8 and back.
 *
 * A whitelist: names as IANA, WHATWG and real mail write them, each leading
 * to one row of a table (charset_names.c).  iconv(3) never sees a name that
 * came with a message; ISO-2022-CN-EXT is left out for good (CVE-2024-2961).
 *
 * Programs do not read one label alike: iso-8859-1 is windows-1252 to most,
 * gb2312 is GBK.  A row names these readers, the widest first.  Text is
 * decoded as the first of them that can read all of it; written is only what
 * all of them read alike.
 *
 * Strict, both ways: nothing is replaced, dropped or transliterated.  Pure
 * but for what the C library caches; safe in threads.  Where the C library
 * has no tables for a charset (Fedora: glibc-gconv-extra), it is CM_EDATA.
 */
#ifndef CM_LIB_CHARSET_H
#define CM_LIB_CHARSET_H

#include "lib/buf.h"
#include "lib/str.h"

enum cm_charset_kind {
	CM_CHARSET_ASCII, /* us-ascii itself */
	CM_CHARSET_UTF8,
	CM_CHARSET_OCTET, /* an octet a character, ASCII below 128 */
	CM_CHARSET_HIGH,  /* several, all of them over 127 (EUC) */
	CM_CHARSET_TRAIL, /* several, the later ones may look like ASCII */
	CM_CHARSET_SHIFT, /* 7-bit with states (ISO-2022, HZ, UTF-7) */
	CM_CHARSET_WIDE,  /* UTF-16 and UTF-32: ASCII, too, has NULs */
};

enum { CM_CHARSET_READERS = 3 };

struct cm_charset {
	const char *name; /* lower case */
	enum cm_charset_kind kind;
	const char *labels;                      /* all names, blanks between */
	const char *readers[CM_CHARSET_READERS]; /* iconv's names, NULL: none */
	bool visual; /* right-to-left text stands as it looks (RFC 1556) */
};

/* NULL: nobody's charset, or one that is not to be touched. */
const struct cm_charset *cm_charset_find(struct cm_span label);
/* All of them, one after the other, for tables and tests; NULL at the end. */
const struct cm_charset *cm_charset_at(size_t index);

/* Octets below 128 are ASCII, whatever stands around them. */
static inline bool cm_charset_has_ascii(const struct cm_charset *charset)
{
	return charset->kind <= CM_CHARSET_TRAIL;
}

/*
 * utf-16 and utf-32 say nothing of the order of octets, and readers guess
 * unless the text begins with a mark: by that mark, the -le or -be charset;
 * NULL without one.  Any other charset is itself.
 */
const struct cm_charset *cm_charset_resolve(const struct cm_charset *charset,
					    struct cm_span text);

/*
 * Text to UTF-8, appended.  CM_EDATA: not this charset's text.  A byte order
 * mark stays, as U+FEFF.  utf-16 and utf-32 must have been resolved.
 */
CM_MUST_CHECK int cm_charset_decode(const struct cm_charset *charset,
				    struct cm_span text, struct cm_buf *out);

/*
 * UTF-8 to text, appended; begins and ends in the initial state.  CM_EDATA:
 * not all of it can be written so that all readers agree.  iso-2022-kr:
 * without its designator (RFC 1557), which a text has once.
 */
CM_MUST_CHECK int cm_charset_encode(const struct cm_charset *charset,
				    struct cm_span utf8, struct cm_buf *out);

/* The texts, one behind the other, read as these UTF-8 texts together. */
bool cm_charset_reads_as(const struct cm_charset *charset,
			 const struct cm_span *texts, size_t ntexts,
			 const struct cm_span *utf8, size_t nutf8);

/*
 * Where in text stands what is at offset `at` of its UTF-8: *ret_at is such
 * that both sides, each read from the initial state, are both sides of utf8.
 * CM_EDATA: there is no such place.
 */
CM_MUST_CHECK int cm_charset_cut(const struct cm_charset *charset,
				 struct cm_span text, struct cm_span utf8,
				 size_t at, size_t *ret_at);

#endif
