/*
 * codec - content transfer encodings: decode, and put a piece in the middle.
 *
 * Decoding is strict: CM_EDATA at anything on which readers differ ("=" before
 * what is not hex, data after or without padding, the alphabet of URLs), so
 * what is decoded here is what everyone sees.  Octets outside the alphabet of
 * base64 are ignored, 8-bit in quoted-printable and 7bit is taken as it is.
 * Blanks before a line end in quoted-printable are kept as they are.
 * RFC 2045, 6.7 and 6.8.
 */
#ifndef CM_MILTER_CODEC_H
#define CM_MILTER_CODEC_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "milter/mime.h"

enum { CM_CODEC_LINE = 76 }; /* RFC 2045: encoded lines, CRLF not counted */

/* Decodes piece by piece, so that 25 MB never stand in memory twice. */
struct cm_decoder {
	enum cm_cte cte;
	const char *start;
	const char *p;
	const char *end;
	bool padded;  /* base64: only blanks may follow */
	char held[3]; /* base64: decoded, no room for it yet */
	unsigned nheld;
	unsigned held_at;
};

void cm_decoder_init(struct cm_decoder *d, enum cm_cte cte,
		     struct cm_span encoded);
/* Up to room octets; *ret_n is 0 only at the end. */
CM_MUST_CHECK int cm_decoder_read(struct cm_decoder *d, char *out, size_t room,
				  size_t *ret_n);

/* All of it at once, appended. */
CM_MUST_CHECK int cm_decode(enum cm_cte cte, struct cm_span encoded,
			    struct cm_buf *out);

/*
 * How to put insert (plain) at offset `at` of the decoded text: ret_at and
 * ret_remove are offsets in encoded, ret_text (the arena's) replaces what is
 * removed.  insert must begin with a line end unless the text before `at`
 * ends with one, and end with one unless `at` is the end.  encoded must have
 * decoded without CM_EDATA, to `decoded`.  Added lines are at most
 * CM_CODEC_LINE long where the encoding says so.
 */
struct cm_codec_splice {
	size_t at;
	size_t remove;
	struct cm_span text;
};
CM_MUST_CHECK int cm_codec_splice(enum cm_cte cte, struct cm_span encoded,
				  struct cm_span decoded, size_t at,
				  struct cm_span insert, struct cm_arena *arena,
				  struct cm_codec_splice *ret_splice);

/* Text with CRLF line ends as quoted-printable; appended. */
int cm_qp_encode(struct cm_span text, struct cm_buf *out);

/* All of a text, CRLF line ends; appended. */
CM_MUST_CHECK int cm_encode(enum cm_cte cte, struct cm_span text,
			    struct cm_buf *out);

#endif
