/*
 * way_out - the links of one message (design 8).
 *
 * With exactly one recipient they carry that person's tokens: one for the
 * header, which can only withdraw, another for the footer, so that the log
 * shows which was used.  With several they carry none, and there is no
 * one-click (RFC 8058, 3.1): a token that names one person never reaches
 * another.
 */
#ifndef CM_MILTER_WAY_OUT_H
#define CM_MILTER_WAY_OUT_H

#include "lib/arena.h"
#include "milter/edit.h"
#include "policy/token.h"

/* Where the links live under web.base-url; consent-web serves it. */
#define CM_WAY_OUT_PATH "/u"

/* First octets of HMAC(store key; time, queue id): another each message. */
CM_MUST_CHECK int cm_way_out_ref(struct cm_hmac *hmac, struct cm_span queue_id,
				 int64_t now, uint8_t out[CM_MESSAGE_REF_LEN]);

struct cm_way_out_request {
	const struct cm_config *config;
	const struct cm_keys *keys;
	const struct cm_purpose *purpose; /* that the links withdraw */
	const struct cm_id *contact;      /* NULL: for several people */
	uint8_t message[CM_MESSAGE_REF_LEN];
	int64_t now;
	struct cm_span header_token; /* the message's own; empty = make one */
};

/*
 * A message that comes through us twice gets the same links again, and so
 * stays as it is: if its List-Unsubscribe holds this very person's token for
 * this very purpose, that token stays, whichever key made it, and the footer's
 * takes its reference and day.
 */
void cm_way_out_reuse(struct cm_way_out_request *request,
		      const struct cm_facts_header *headers, size_t count);

/* All is in the arena; without a web section there are no links at all. */
CM_MUST_CHECK int cm_way_out_make(const struct cm_way_out_request *request,
				  struct cm_arena *arena,
				  struct cm_way_out *ret_way_out,
				  struct cm_error *err);

/*
 * Does a text show our way out already?  With one recipient that is any
 * footer token of theirs for this purpose, by any of our keys, so nothing
 * that somebody could guess (RMIME-11); with several, the link as it is
 * written in such a text, and not one that only begins like it.
 */
bool cm_way_out_is_shown(const struct cm_edit_request *request,
			 const char *link, struct cm_span text);

#endif
