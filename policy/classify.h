/*
 * classify - which stream a message belongs to.
 *
 * Streams in file order, the first whose conditions all hold (design 5).
 * Sender, From and other headers count only for an authenticated client or
 * one in own-networks.  Nothing matched: what the listener says; and what it
 * lets pass, but looks like a mailing of our own, is what unmatched-bulk
 * says: CM_CLASS_STREAM if it names one, else CM_CLASS_BULK.  Pure.
 *
 * An empty sender passes before any stream is asked, if the message is a
 * report (multipart/report), or says that it is an automatic reply and to
 * what (Auto-Submitted other than "no", with In-Reply-To or References), and
 * has no mark of a mailing (List-*, Feedback-ID, Precedence bulk, list or
 * junk).  Else it is like other mail; where no stream takes it and the
 * listener passes, it is treated as bulk.
 *
 * X-Consent-Purpose names one of the purposes of the marketing stream that
 * takes the message; nothing else it says counts, and two of them are none.
 * A stream with several purposes is therefore never certain at RCPT.
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
	CM_CLASS_BULK,      /* looks like a mailing: report or tempfail it */
	CM_CLASS_LATER,     /* only the headers can tell (at RCPT only) */
	CM_CLASS_AUTO_REPLY /* null sender and a real report or reply */
};

struct cm_classified {
	enum cm_class class;
	const struct cm_stream *stream; /* of STREAM, else NULL */
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
