/*
 * letter - a mail of our own to one person: "did you ask for this?", a link to
 * their preferences, a link to their data.
 *
 * From templates and values to the octets of RFC 5322, lines in CR LF: text
 * and HTML of the same words in multipart/alternative, UTF-8, quoted-printable
 * or base64, whichever is shorter.  Nothing in it advertises, shows a picture
 * or counts who reads it (DE-2), and no List-* field makes it a mailing
 * (R8058-15).  Pure.
 */
#ifndef CM_WEB_LETTER_H
#define CM_WEB_LETTER_H

#include "policy/address.h"
#include "policy/config.h"
#include "policy/queue.h"
#include "policy/template.h"

enum { CM_LETTER_MAX = 256 * 1024 }; /* octets; 32 purposes of long titles */

struct cm_letter_want {
	enum cm_letter_kind kind;
	const char *language;
	const char *to;   /* canonical */
	const char *link; /* of CONFIRM, LOST, DATA: its own */
	/* Of CONFIRM: paths, as asked for. */
	const struct cm_span *purposes;
	size_t npurposes;
	/* Names it: the same letter again is the same Message-ID. */
	uint64_t number;
	uint8_t request[CM_REQUEST_REF_LEN];
	int64_t made; /* ms */
};

CM_MUST_CHECK int cm_letter_make(const struct cm_config *config,
				 const struct cm_templates *templates,
				 const struct cm_letter_want *want,
				 struct cm_buf *out, struct cm_error *err);

/* Whom our letters are from: mail.from's address or its default. */
CM_MUST_CHECK int cm_letter_from(const struct cm_config *config,
				 struct cm_address *ret_address,
				 struct cm_error *err);
/*
 * MAIL FROM: our address of a letter to confirm; "" (<>) of what answers a
 * person, as RFC 3834, 3.3 wants it of automatic replies.
 */
const char *cm_letter_sender(enum cm_letter_kind kind,
			     const struct cm_address *from);
/* "confirm", for the log. */
const char *cm_letter_kind_name(enum cm_letter_kind kind);

#endif
