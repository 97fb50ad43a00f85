/* See colour.h. */
#include "lib/colour.h"

#include <string.h>

#include "lib/enc.h"
#include "lib/str.h"

int cm_colour_parse(const char *text, uint32_t *ret_rgb)
{
	uint8_t bytes[3];
	size_t n = 0;
	char lower[7];

	if (text[0] != '#' || strlen(text) != sizeof(lower))
		return CM_EDATA;
	memcpy(lower, text + 1, sizeof(lower) - 1);
	cm_ascii_lower_n(lower, sizeof(lower) - 1);
	if (cm_hex_decode(cm_span_n(lower, sizeof(lower) - 1), bytes,
			  sizeof(bytes), &n) != CM_OK)
		return CM_EDATA;
	*ret_rgb =
		(uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
	return CM_OK;
}

enum { CM_ROOT_STEPS = 32 }; /* of Newton's: more than a double can tell */

/* x to the power of 2.4 for x from 0.09 to 1: x * x * fifth root of x * x. */
static double power_2_4(double x)
{
	double square = x * x;
	double root = 1;
	int i;

	for (i = 0; i < CM_ROOT_STEPS; i++)
		root -= (root * root * root * root * root - square) /
			(5 * root * root * root * root);
	return square * root;
}

/* One of red, green and blue, as light (WCAG 2.1, "relative luminance"). */
static double light(uint32_t value)
{
	double c = (double)(value & 0xff) / 255;

	return c <= 0.04045 ? c / 12.92 : power_2_4((c + 0.055) / 1.055);
}

static double luminance(uint32_t rgb)
{
	return 0.2126 * light(rgb >> 16) + 0.7152 * light(rgb >> 8) +
	       0.0722 * light(rgb);
}

int cm_colour_contrast(uint32_t a, uint32_t b)
{
	double x = luminance(a);
	double y = luminance(b);

	if (x < y)
		return cm_colour_contrast(b, a);
	return (int)(100 * (x + 0.05) / (y + 0.05));
}

const char *cm_colour_on(uint32_t background)
{
	return cm_colour_contrast(CM_COLOUR_WHITE, background) >=
			       CM_CONTRAST_TEXT
		       ? "#ffffff"
		       : "#000000";
}
