/*
 * mime - a message as a tree of parts, by offsets into its body.
 *
 * One pass over the lines, nothing copied.  Strict: the scanner says "not
 * sure" with one word at the first thing on which two readers could disagree
 * (a missing end, a doubled header, a boundary that begins another, a bare
 * LF around a delimiter), because an edit planned on a guess destroys mail.
 * RFC 2045, RFC 2046, RFC 2183.  A message within the
 * message is a leaf: never looked into.
 */
#ifndef CM_MILTER_MIME_H
#define CM_MILTER_MIME_H

#include "lib/arena.h"
#include "policy/classify.h"

enum {
	CM_MIME_PARTS_MAX = 1000, /* a newsletter has ten; a bomb, millions */
	CM_MIME_DEPTH_MAX = 32,   /* Postfix stops at 100, people at 5 */
	CM_MIME_HEADER_MAX = 64 * 1024, /* octets of one part's header */
	CM_MIME_BOUNDARY_MAX = 70,      /* RFC 2046, 5.1.1 */
};

enum cm_cte {
	CM_CTE_7BIT,
	CM_CTE_8BIT,
	CM_CTE_QP,
	CM_CTE_BASE64,
	CM_CTE_OTHER /* x-uuencode and what nobody knows */
};

struct cm_mime_part {
	size_t parent;   /* index; its own for the root, which is 0 */
	size_t children; /* of a multipart */
	unsigned number; /* 1 = first child of its parent */
	unsigned depth;  /* 0 = root */
	/* As written; empty type = no Content-Type = text/plain. */
	struct cm_span type;
	struct cm_span subtype;
	struct cm_span charset;
	struct cm_span boundary;
	struct cm_span start; /* of multipart/related */
	struct cm_span format;
	struct cm_span delsp;
	struct cm_span content_id;
	struct cm_span disposition;
	struct cm_span type_field; /* the whole value, where it stands */
	struct cm_span encoding;   /* the word in encoding_field */
	struct cm_span encoding_field;
	/*
	 * 8bit if none is given: RFC 2045, 6.1 says 7bit, but tools send raw
	 * UTF-8 like that, and every reader takes the octets as they are.
	 */
	enum cm_cte cte;
	bool has_cte;
	/* Of a text: one word if its type has parameters that readers read
	 * differently; no matter to who neither edits nor looks into it. */
	const char *unsure;
	bool named;        /* has a file name: attached rather than shown */
	unsigned measures; /* fields that cm_field_is_measure() */
	/*
	 * Offsets into the body: header, content, end (without the line end
	 * that belongs to the delimiter).  joined: content is empty and the
	 * empty line after the header is the delimiter's too.
	 */
	size_t head_at;
	size_t body_at;
	size_t end;
	bool joined;
};

struct cm_mime {
	struct cm_mime_part *parts; /* in the order of the message */
	size_t count;
	const char *unsure; /* one word, NULL if all is well */
};

/*
 * headers: the message's, of which Content-* and MIME-Version are read.
 * CM_ENOMEM is the only failure; spans point into headers, body and arena.
 */
CM_MUST_CHECK int cm_mime_scan(const struct cm_facts_header *headers,
			       size_t nheaders, struct cm_span body,
			       struct cm_arena *arena,
			       struct cm_mime *ret_mime);

bool cm_mime_is(const struct cm_mime_part *part, const char *type,
		const char *subtype); /* subtype NULL = any */
bool cm_mime_is_multipart(const struct cm_mime_part *part);
/* Is the part that one, or in it?  Both are indexes. */
bool cm_mime_is_within(const struct cm_mime *mime, size_t part, size_t outer);
const char *cm_cte_name(enum cm_cte cte);
/* The octets are the text: RFC 2045, 6.2. */
static inline bool cm_cte_is_plain(enum cm_cte cte)
{
	return cte == CM_CTE_7BIT || cte == CM_CTE_8BIT;
}

/* IMAP's numbering: "1" for a single part, "1.2" below a multipart. */
const char *cm_mime_path(const struct cm_mime *mime, size_t part,
			 struct cm_arena *arena);

#endif
