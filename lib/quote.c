/* See quote.h. */
#include "lib/quote.h"

#include <string.h>

/* C0, DEL, and the C1 controls that UTF-8 writes as C2 80 to C2 9F. */
static size_t control_at(struct cm_span text, size_t i)
{
	unsigned char c = (unsigned char)text.p[i];

	if (c < 0x20 || c == 0x7F)
		return 1;
	if (c == 0xC2 && i + 1 < text.n &&
	    ((unsigned char)text.p[i + 1] & 0xE0) == 0x80)
		return 2;
	return 0;
}

static bool continues_char(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

char *cm_quote(struct cm_span text, char out[CM_QUOTE_LEN])
{
	const size_t room = CM_QUOTE_LEN - sizeof("...");
	bool utf8 = cm_utf8_valid(text.p, text.n);
	size_t n = 0;
	size_t i = 0;

	while (i < text.n && n < room) {
		size_t control = control_at(text, i);

		if (control > 0) {
			out[n++] = '?';
			i += control;
			continue;
		}
		out[n] = text.p[i++];
		if (!utf8 && (unsigned char)out[n] >= 0x80)
			out[n] = '?';
		n++;
	}
	if (i < text.n) {
		/* Do not cut a character in two. */
		while (n > 0 && utf8 && i < text.n &&
		       continues_char(text.p[i])) {
			n--;
			i--;
		}
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n] = '\0';
	return out;
}
