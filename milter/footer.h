/*
 * footer - the text that shows the way out, in the person's language.
 *
 * Filled from footer.txt and footer.html (policy/template) and made fit for
 * one leaf: its line ends, its charset, its rules.  Language: the contact's,
 * else the message's (Content-Language, then <html lang>), else the stream's,
 * else the config's.
 */
#ifndef CM_MILTER_FOOTER_H
#define CM_MILTER_FOOTER_H

#include "milter/edit.h"

enum {
	CM_FOOTER_MAX = 64 * 1024, /* octets, filled in; a usual one has 600 */
};

struct cm_footer {
	const char *language;
	struct cm_span text; /* UTF-8, LF line ends, none at either end */
	struct cm_span html;
};

/* html_lang: of the message's own <html>; empty if there is none. */
CM_MUST_CHECK int cm_footer_make(const struct cm_edit_request *request,
				 struct cm_span html_lang,
				 struct cm_arena *arena,
				 struct cm_footer *ret_footer,
				 struct cm_error *err);

/* The footer_link as it stands in HTML, "&" escaped; NULL: no memory. */
const char *cm_footer_link_html(const char *link, struct cm_arena *arena);

/* Where in a plain text it goes: before a "-- " line, else the end. */
size_t cm_footer_place(struct cm_span text);

/* How the leaf wants its footer. */
struct cm_footer_shape {
	const char *eol; /* "\r\n", or "\n" in a base64 text that has those */
	bool ascii;      /* HTML: entities for all that is not ASCII */
	bool flowed;     /* RFC 3676: space-stuffed, no blanks at line ends */
	bool html;
};

/*
 * The piece to insert at `at` of text: on lines of its own, a plain one
 * behind an empty line; what ended without a line end still does.
 */
CM_MUST_CHECK int cm_footer_piece(const struct cm_footer *footer,
				  const struct cm_footer_shape *shape,
				  struct cm_span text, size_t at,
				  struct cm_arena *arena,
				  struct cm_span *ret_piece);

#endif
