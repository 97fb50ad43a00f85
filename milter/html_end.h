/*
 * html_end - where in an HTML text something is shown last.
 *
 * A tokenizer with the rules of html.spec.whatwg.org, 13.2.5, for what can
 * hide a tag: comments ("<!-->", "--!>", conditional ones), raw text
 * (script with its escapes, style, title, textarea, xmp, iframe, noembed,
 * noframes), attributes, doctypes; and a stack of open elements to tell
 * whether the place is visible.  ASCII-compatible charsets only.
 *
 * The place is before the last real </body>, else the last real </html>,
 * else the end; if text follows that tag, the end.  Where a browser would
 * hide what is put there, or two browsers differ, it says so in one word.
 */
#ifndef CM_MILTER_HTML_END_H
#define CM_MILTER_HTML_END_H

#include "lib/str.h"

enum {
	/* Deeper than this is a bomb: builders nest some 60 tables deep. */
	CM_HTML_DEPTH_MAX = 512,
	/* Of these for the footer, or a second pass would not see it. */
	CM_HTML_DEPTH_FOOTER = 64,
};

struct cm_html_end {
	size_t at;           /* offset */
	struct cm_span lang; /* of <html lang=...>; as written */
	const char *unsure;  /* NULL, or "frameset", "hidden", "html" ... */
};

struct cm_html_end cm_html_end(struct cm_span html);

#endif
