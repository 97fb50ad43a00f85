/*
 * message - what a session collects of one message, within limits.
 *
 * Everything but the body lives in one arena that is reset when the message
 * ends.  Limits never lose a recipient silently: what is over is counted, and
 * marked so that marketing mail gets 451 (R5321-2); mail that we have no
 * business with passes whatever its size.
 */
#ifndef CM_MILTER_MESSAGE_H
#define CM_MILTER_MESSAGE_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/classify.h"
#include "policy/decide.h"

enum {
	/* Postfix takes 1,000 a message by default, Sendmail any number. */
	CM_MESSAGE_RCPTS_MAX = 50000,
	/* Postfix cuts a single header at 100 KiB. */
	CM_MESSAGE_HEADERS_MAX = 10000,
	CM_MESSAGE_HEADER_OCTETS_MAX = 4 << 20,
	/* Recipients and headers at their limits, and what the store says
	 * of every recipient. */
	CM_MESSAGE_ARENA_MAX = 128 << 20,
	/* A body buffer this big is not kept for the next message. */
	CM_MESSAGE_BODY_KEEP = 256 << 10,
};

/* What became of one recipient. */
enum cm_fate {
	CM_FATE_PENDING,
	CM_FATE_ALLOWED,
	CM_FATE_REFUSED,       /* at end of message */
	CM_FATE_REFUSED_RCPT,  /* answered 5xx at RCPT: not in the envelope */
	CM_FATE_DEFERRED_RCPT, /* answered 4xx at RCPT: ditto */
};

struct cm_recipient {
	const char *typed; /* the RCPT argument, NUL-terminated */
	/*
	 * As the MTA keeps it: typed, but without a source route.  Postfix
	 * and Sendmail deliver "<@a,@b:u@d>" to u@d, and delete it by "<u@d>"
	 * and no other way (mta.md, 1).
	 */
	const char *kept;
	bool routed; /* kept is not typed */
	enum cm_fate fate;
	bool elusive;     /* the MTA may not find it to delete it */
	bool has_contact; /* the address could be read */
	struct cm_id contact;
	struct cm_id family;
	uint64_t generation; /* of the keys that both ids were made with */
	/* What decide said, or would have said in observe and edit. */
	enum cm_verdict verdict;
	enum cm_reason reason;
	bool by_family;
	bool has_event;
	uint64_t seq;
	int64_t grant_at;     /* renewal: of the consent that ends; 0 = none */
	const char *language; /* of the person; NULL if unknown */
};

struct cm_message {
	struct cm_arena *arena;
	const char *sender; /* as typed */
	struct cm_recipient *rcpts;
	size_t nrcpts;
	size_t rcpts_room;
	size_t rcpts_lost;     /* over the limit, counted only */
	size_t rcpts_deferred; /* ditto, and answered 452 at RCPT */
	struct cm_facts_header *headers;
	size_t nheaders;
	size_t headers_room;
	size_t header_octets;
	bool headers_lost; /* some are missing: do not trust the rest */
	struct cm_buf body;
	bool body_lost; /* longer than max_edit_size */
};

CM_MUST_CHECK int cm_message_new(struct cm_message **ret_message);
void cm_message_free(struct cm_message **message);
/* A new message begins; max_body: octets of body to keep. */
CM_MUST_CHECK int cm_message_begin(struct cm_message *message,
				   const char *sender, uint64_t max_body);
void cm_message_end(struct cm_message *message);

/* NULL when over the limit: then it has been counted in rcpts_lost. */
struct cm_recipient *cm_message_rcpt(struct cm_message *message,
				     const char *typed);
void cm_message_header(struct cm_message *message, const char *name,
		       const char *value);
void cm_message_body(struct cm_message *message, const void *data, size_t n);

#endif
