/*
 * queue_act - an act and a letter as the octets of a row.  Pure.
 *
 * Numbers are big-endian, texts have two octets of length before them; a row
 * is taken whole or not at all.
 */
#ifndef CM_POLICY_QUEUE_ACT_H
#define CM_POLICY_QUEUE_ACT_H

#include "lib/buf.h"
#include "policy/queue.h"

/* CM_ELIMIT names the text that is too long. */
CM_MUST_CHECK int cm_act_pack(const struct cm_act *act, struct cm_buf *out,
			      struct cm_error *err);
/* Texts point into row.  CM_ECORRUPT. */
CM_MUST_CHECK int cm_act_unpack(struct cm_span row, struct cm_act *ret_act);

enum {
	/* kind, contact, request, purpose, made, due, tries */
	CM_LETTER_HEAD = 1 + CM_CONTACT_ID_LEN + CM_REQUEST_REF_LEN +
			 CM_PURPOSE_ID_LEN + 8 + 8 + 4,
	CM_LETTER_ROW_MAX = CM_LETTER_HEAD + CM_LANGUAGE_MAX,
};
size_t cm_letter_pack(const struct cm_letter *letter,
		      uint8_t out[CM_LETTER_ROW_MAX]);
CM_MUST_CHECK int cm_letter_unpack(struct cm_span row,
				   struct cm_letter *ret_letter);

#endif
