/*
 * enc - bytes as text: hex, base32, base64url, base64 (RFC 4648).
 *
 * Encoders write a closing NUL and return the length without it; out must
 * have room for CM_*_LEN(n) + 1.  Decoders take only the one encoding that
 * the encoder would have made (no padding in base32 and base64url, zero
 * spare bits), so that two texts never name the same bytes; base32 also
 * takes upper case, because mail systems fold local parts.
 */
#ifndef CM_LIB_ENC_H
#define CM_LIB_ENC_H

#include <stdint.h>

#include "lib/str.h"

#define CM_HEX_LEN(n)       ((n)*2)
#define CM_BASE32_LEN(n)    (((n)*8 + 4) / 5)
#define CM_BASE64URL_LEN(n) (((n)*4 + 2) / 3)
#define CM_BASE64_LEN(n)    (((n) + 2) / 3 * 4)

size_t cm_hex_encode(const void *data, size_t n, char *out);
size_t cm_base32_encode(const void *data, size_t n, char *out); /* a-z2-7 */
size_t cm_base64url_encode(const void *data, size_t n, char *out);
size_t cm_base64_encode(const void *data, size_t n, char *out);

/* max: room in out; CM_ELIMIT if the text holds more, CM_EDATA if bad. */
CM_MUST_CHECK int cm_hex_decode(struct cm_span text, void *out, size_t max,
				size_t *ret_n);
CM_MUST_CHECK int cm_base32_decode(struct cm_span text, void *out, size_t max,
				   size_t *ret_n);
CM_MUST_CHECK int cm_base64url_decode(struct cm_span text, void *out,
				      size_t max, size_t *ret_n);
/* With the padding that the encoder writes, and no line ends. */
CM_MUST_CHECK int cm_base64_decode(struct cm_span text, void *out, size_t max,
				   size_t *ret_n);

/* Eight octets, the highest first: such keys sort as their numbers do. */
void cm_put_u64(uint64_t value, uint8_t out[8]);
uint64_t cm_get_u64(const void *from);

#endif
