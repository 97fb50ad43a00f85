/* See enc.h. */
#include "lib/enc.h"

#include <stdint.h>
#include <string.h>

/*
 * base16, base32 and base64 differ only in the bits of a character and the
 * alphabet (RFC 4648), so one encoder and one decoder serve all.
 */
struct alphabet {
	unsigned bits;
	bool fold; /* upper case reads as lower */
	const char *chars;
};

static const struct alphabet hex = {4, false, "0123456789abcdef"};
static const struct alphabet base32 = {5, true,
				       "abcdefghijklmnopqrstuvwxyz234567"};
static const struct alphabet base64 = {
	6, false,
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"};
static const struct alphabet base64url = {
	6, false,
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

static size_t encode(const struct alphabet *alphabet, const uint8_t *data,
		     size_t n, char *out)
{
	unsigned mask = (1U << alphabet->bits) - 1;
	unsigned held = 0; /* bits of acc not yet written */
	uint32_t acc = 0;
	size_t i, len = 0;

	for (i = 0; i < n; i++) {
		acc = (acc << 8) | data[i];
		held += 8;
		while (held >= alphabet->bits) {
			held -= alphabet->bits;
			out[len++] = alphabet->chars[(acc >> held) & mask];
		}
	}
	if (held > 0) {
		acc <<= alphabet->bits - held;
		out[len++] = alphabet->chars[acc & mask];
	}
	out[len] = '\0';
	return len;
}

/* The value of a character, -1 if it is not in the alphabet. */
static int value_of(const struct alphabet *alphabet, char c)
{
	const char *at;

	if (alphabet->fold)
		c = cm_ascii_lower(c);
	at = memchr(alphabet->chars, c, (size_t)1 << alphabet->bits);
	return at != NULL ? (int)(at - alphabet->chars) : -1;
}

static int decode(const struct alphabet *alphabet, struct cm_span text,
		  uint8_t *out, size_t max, size_t *ret_n)
{
	unsigned held = 0;
	uint32_t acc = 0;
	bool strange = false;
	size_t i, n = 0;

	/* To the end in any case: where a token is wrong, time does not tell.
	 */
	for (i = 0; i < text.n; i++) {
		int value = value_of(alphabet, text.p[i]);

		strange = strange || value < 0;
		acc = (acc << alphabet->bits) | (uint32_t)(value & 0xff);
		held += alphabet->bits;
		if (held < 8)
			continue;
		if (n == max)
			return CM_ELIMIT;
		held -= 8;
		out[n++] = (uint8_t)(acc >> held);
	}
	/* A whole character too many, or spare bits that are not zero. */
	if (strange || held >= alphabet->bits ||
	    (acc & ((1U << held) - 1)) != 0)
		return CM_EDATA;
	*ret_n = n;
	return CM_OK;
}

size_t cm_hex_encode(const void *data, size_t n, char *out)
{
	return encode(&hex, data, n, out);
}

size_t cm_base32_encode(const void *data, size_t n, char *out)
{
	return encode(&base32, data, n, out);
}

size_t cm_base64url_encode(const void *data, size_t n, char *out)
{
	return encode(&base64url, data, n, out);
}

size_t cm_base64_encode(const void *data, size_t n, char *out)
{
	size_t len = encode(&base64, data, n, out);

	while (len % 4 != 0)
		out[len++] = '=';
	out[len] = '\0';
	return len;
}

int cm_hex_decode(struct cm_span text, void *out, size_t max, size_t *ret_n)
{
	return decode(&hex, text, out, max, ret_n);
}

int cm_base32_decode(struct cm_span text, void *out, size_t max, size_t *ret_n)
{
	return decode(&base32, text, out, max, ret_n);
}

int cm_base64url_decode(struct cm_span text, void *out, size_t max,
			size_t *ret_n)
{
	return decode(&base64url, text, out, max, ret_n);
}

int cm_base64_decode(struct cm_span text, void *out, size_t max, size_t *ret_n)
{
	size_t pad = 0;

	if (text.n % 4 != 0)
		return CM_EDATA;
	while (pad < 2 && pad < text.n && text.p[text.n - pad - 1] == '=')
		pad++;
	/* A quartet's rest says how much it was padded: no other will do. */
	text.n -= pad;
	if (pad > 0 && text.n % 4 != 4 - pad)
		return CM_EDATA;
	return decode(&base64, text, out, max, ret_n);
}

/* ---- numbers ------------------------------------------------------------ */

void cm_put_u64(uint64_t value, uint8_t out[8])
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		out[i] = (uint8_t)value;
}

uint64_t cm_get_u64(const void *from)
{
	const uint8_t *p = from;
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | p[i];
	return value;
}
