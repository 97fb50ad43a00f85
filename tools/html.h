/*
 * html - pieces of the pages that consentctl hands out: one file, no script,
 * nothing from elsewhere; prints well.
 *
 * Whatever comes from people is escaped, and shown as it was kept.
 */
#ifndef CM_TOOLS_HTML_H
#define CM_TOOLS_HTML_H

#include "lib/buf.h"
#include "lib/str.h"

/* Up to and with <body>; style, if not NULL, follows the common one. */
void cm_html_page_begin(struct cm_buf *out, const char *title,
			const char *style);
void cm_html_page_end(struct cm_buf *out);
void cm_html_put(struct cm_buf *out, struct cm_span text);
void cm_html_puts(struct cm_buf *out, const char *text);
/* "2026-01-31 12:00:00 UTC" */
void cm_html_time(struct cm_buf *out, int64_t ms);
/* A row of a table with a heading of its own. */
void cm_html_row_begin(struct cm_buf *out, const char *name);
void cm_html_row_end(struct cm_buf *out);
void cm_html_row(struct cm_buf *out, const char *name, const char *text);
/* Evidence: named texts and numbers as lines; anything else as it is. */
void cm_html_evidence(struct cm_buf *out, struct cm_span text);

#endif
