/*
 * classify - which stream a message belongs to.
 *
 * Streams in file order, the first whose conditions all hold (design 5).
 * Sender and From count only for an authenticated client or one in
 * own-networks.  Nothing matched: what the listener says.  Pure.
 */
#ifndef CM_POLICY_CLASSIFY_H
#define CM_POLICY_CLASSIFY_H

#include "policy/address.h"
#include "policy/config.h"

struct cm_facts_header {
	struct cm_span name;
	struct cm_span value; /* as sent, folding included */
};

/* All that is known of a message; spans are the session's. */
struct cm_facts {
	const struct cm_listener *listener;
	bool has_client;
	uint8_t client[16];    /* v4-mapped for IPv4 */
	struct cm_span auth;   /* SASL login; empty if not authenticated */
	struct cm_span sender; /* as typed, with or without brackets */
	bool null_sender;      /* MAIL FROM:<> */
	bool headers_known;    /* false at RCPT, true at end of message */
	const struct cm_facts_header *headers;
	size_t nheaders;
};

enum cm_class {
	CM_CLASS_STREAM,    /* .stream says which */
	CM_CLASS_PASS,      /* not ours: untouched */
	CM_CLASS_BULK,      /* passes, but looks like a mailing: see config */
	CM_CLASS_LATER,     /* only the headers can tell (at RCPT only) */
	CM_CLASS_AUTO_REPLY /* null sender and a real report or reply */
};

struct cm_classified {
	enum cm_class class;
	const struct cm_stream *stream; /* of STREAM and of BULK if set */
	/* Purposes asked of a recipient: the stream's, or the one that
	 * X-Consent-Purpose chose among them.  First = what its link ends. */
	const struct cm_purpose *const *purposes;
	size_t npurposes;
	const char *rule; /* for the log: "sender", "listener default", ... */
};

/* The header a tool may choose a marketing purpose with; never leaves us. */
#define CM_PURPOSE_HEADER "X-Consent-Purpose"

void cm_classify(const struct cm_config *config, const struct cm_facts *facts,
		 struct cm_classified *ret_class);

#endif
