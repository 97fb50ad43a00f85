/*
 * colour - "#1a2b3c", and whether people can read one on another.  Pure.
 */
#ifndef CM_LIB_COLOUR_H
#define CM_LIB_COLOUR_H

#include <stdint.h>

#include "lib/err.h"

enum {
	CM_COLOUR_WHITE = 0xffffff,
	CM_COLOUR_BLACK = 0,
	CM_CONTRAST_TEXT = 450, /* WCAG 2.1, 1.4.3: 4.5:1 */
};

/* "#rrggbb" in either case; CM_EDATA for another form. */
CM_MUST_CHECK int cm_colour_parse(const char *text, uint32_t *ret_rgb);

/* Contrast ratio of WCAG 2.1 in hundredths: 100 (the same) to 2100. */
int cm_colour_contrast(uint32_t a, uint32_t b);

/* "#ffffff" or "#000000": what is read better on it; always 4.5:1. */
const char *cm_colour_on(uint32_t background);

#endif
