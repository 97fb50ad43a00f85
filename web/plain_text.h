/*
 * plain_text - what a person reads of a page of HTML, as plain text.  Pure.
 *
 * For texts that we showed: well-formed pages of our own templates.  Of other
 * HTML it may say too much or too little, never anything but text.
 */
#ifndef CM_WEB_PLAIN_TEXT_H
#define CM_WEB_PLAIN_TEXT_H

#include "lib/buf.h"
#include "lib/str.h"

bool cm_plain_text_is_html(struct cm_span text);
/* Appended to out: a line for each block, no tags, no head, no styles. */
void cm_plain_text(struct cm_span html, struct cm_buf *out);

#endif
