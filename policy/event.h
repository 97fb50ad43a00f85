/*
 * event - one thing that happened to one contact's consent.
 *
 * Events are only ever appended.  Their bytes are RFC 8785 canonical JSON of
 * integers and strings, the same on every node: no sequence number, hash,
 * address, IP or token in them; what is personal stands in the private
 * environment and is bound by a salted commitment ("evidence").
 *
 * JSON keys (absent when empty): actor at attested basis batch category
 * channel contact controller ended evidence family language mark notice optout
 * purpose rec right saleref seller sold source to type untimed v who.  ids and
 * hashes are lower-case hex, times milliseconds; attested, saleref and untimed
 * are 1, optout "yes" or "no"; family is absent when it is the contact; basis
 * stands where something is asked or granted, and only there may category,
 * controller, ended, optout, saleref, seller and sold; mark where one is
 * cleared, to where something is disclosed, right where a request is meant.  A
 * corrected event takes back what a batch said of the contact, as if it had
 * never been said; see cm_event_undoes().  One of the person's own takes back
 * one click of theirs; see cm_event_is_click().
 */
#ifndef CM_POLICY_EVENT_H
#define CM_POLICY_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/id.h"

enum cm_event_type {
	CM_EVENT_REQUESTED,  /* asked for; not confirmed yet */
	CM_EVENT_GRANTED,    /* single opt-in, soft opt-in, attested import */
	CM_EVENT_CONFIRMED,  /* double opt-in completed */
	CM_EVENT_WITHDRAWN,  /* of one purpose and all below it */
	CM_EVENT_OBJECTED,   /* to all marketing, GDPR 21(2) */
	CM_EVENT_COMPLAINED, /* marked as spam */
	CM_EVENT_UNDELIVERABLE, /* the mailbox does not take mail */
	CM_EVENT_RESTRICTED,    /* GDPR 18 */
	CM_EVENT_CLEARED,       /* lifts restricted or undeliverable */
	CM_EVENT_ERASED,        /* GDPR 17; a tombstone remains */
	CM_EVENT_ASKED,         /* renewal or re-permission mail was sent */
	CM_EVENT_CORRECTED,     /* an import batch or a click was undone */
	CM_EVENT_DISCLOSED,     /* their data was handed to somebody, GDPR 19 */
	CM_EVENT_REQUEST_OPENED,   /* they asked for a right; its clock runs */
	CM_EVENT_REQUEST_EXTENDED, /* by two months, GDPR 12(3) */
	CM_EVENT_REQUEST_CLOSED,   /* they were answered */
	CM_EVENT_TYPES
};

enum cm_actor {
	CM_ACTOR_PERSON, /* by their own token: confirm, withdraw, prefer */
	CM_ACTOR_ADMIN,  /* consentctl */
	CM_ACTOR_IMPORT, /* a row of a batch */
	CM_ACTOR_SYSTEM, /* bounces, complaints, expiry */
	CM_ACTORS
};

enum cm_basis {
	CM_BASIS_CONSENT,
	CM_BASIS_SOFT_OPT_IN, /* ePrivacy 13(2) */
	CM_BASES
};

/* What somebody was asked and may not have said. */
enum cm_yes_no { CM_SAID_NOTHING, CM_SAID_NO, CM_SAID_YES, CM_SAIDS };

enum {
	CM_SOURCE_MAX = 32,   /* [a-z0-9-]; the known words or the admin's */
	CM_PARTY_MAX = 64,    /* UTF-8: "acme", "Acme GmbH" */
	CM_CATEGORY_MAX = 64, /* UTF-8: "bicycles" */
	CM_LANGUAGE_MAX = 16, /* BCP 47, as "pt-br" */
	CM_CHANNEL_MAX = 32,  /* "one-click", "page", "cli", "import" */
	CM_WHO_MAX = 64,      /* user name of an admin; "" for a person */
	CM_BATCH_MAX = 32,    /* "20261121T101500-1f2e3d4c" */
	CM_TO_MAX = 64,       /* who got data: a name, never an address */
	CM_RIGHT_MAX = 16,    /* "access", "erasure" ... */
};

/* Of DISCLOSED: whom data about a person goes to when nobody is named. */
#define CM_TO_PERSON "the person"

/* 9999-12-31T23:59:59.999Z, the last instant RFC 3339 can write. */
#define CM_EVENT_TIME_MAX INT64_C(253402300799999)

struct cm_event {
	enum cm_event_type type;
	enum cm_actor actor;
	enum cm_basis basis;
	struct cm_id contact;
	struct cm_id family;            /* = contact if it is its own */
	char purpose[121];              /* CM_PURPOSE_MAX; "" = above all */
	char source[CM_SOURCE_MAX + 1]; /* "" = unknown */
	char language[CM_LANGUAGE_MAX + 1];
	char channel[CM_CHANNEL_MAX + 1];
	char who[CM_WHO_MAX + 1];
	char batch[CM_BATCH_MAX + 1];
	char to[CM_TO_MAX + 1];       /* of DISCLOSED only */
	char right[CM_RIGHT_MAX + 1]; /* of REQUEST_* only */
	/* Whom a consent was given to; "" = the controller of its purpose. */
	char controller[CM_PARTY_MAX + 1];
	/* The sale that a soft opt-in rests on (ePrivacy 13(2)). */
	char seller[CM_PARTY_MAX + 1];
	char category[CM_CATEGORY_MAX + 1]; /* of what was sold */
	enum cm_yes_no optout; /* was one offered when the address was taken? */
	bool has_sale_ref;     /* "sale_ref" stands in the evidence */
	int64_t sold;          /* when, ms; 0 = not said */
	int64_t ended;         /* when the contract ended, ms; 0 = not said */
	/* Of CLEARED: RESTRICTED or UNDELIVERABLE.  Of CORRECTED: WITHDRAWN,
	 * when refusals are taken back, too; else 0. */
	enum cm_event_type mark;
	int64_t at;      /* when it happened, ms */
	int64_t rec;     /* when it was written, ms */
	bool untimed;    /* the source had no time; at is only rec's echo */
	bool attested;   /* somebody named answers for the batch */
	bool has_notice; /* notice: SHA-256 of the text shown */
	bool has_evidence;
	struct cm_hash notice;
	struct cm_hash evidence; /* SHA-256(salt | private evidence) */
};

const char *cm_event_type_name(enum cm_event_type type); /* "granted" */
/* Granted or confirmed. */
bool cm_event_type_grants(enum cm_event_type type);
/* These, or requested: whatever has a basis. */
bool cm_event_type_asks(enum cm_event_type type);
/* A remark about the record: no consent, no refusal, no act of theirs. */
bool cm_event_type_is_remark(enum cm_event_type type);
/* opened, extended, closed */
bool cm_event_type_is_request(enum cm_event_type type);
const char *cm_actor_name(enum cm_actor actor);
const char *cm_basis_name(enum cm_basis basis); /* "soft-opt-in" */
CM_MUST_CHECK int cm_basis_parse(struct cm_span name, enum cm_basis *ret_basis);
const char *cm_yes_no_name(enum cm_yes_no said); /* "", "no", "yes" */

/* The canonical bytes, appended to out. */
CM_MUST_CHECK int cm_event_encode(const struct cm_event *event,
				  struct cm_buf *out);
/* Refuses unknown keys, types and versions: CM_EDATA with the reason. */
CM_MUST_CHECK int cm_event_decode(struct cm_span json,
				  struct cm_event *ret_event,
				  struct cm_error *err);

/*
 * Does this granted or confirmed event count (design 5, rule 4): a source
 * that may send (not "", unknown, purchased), a time, and a notice or an
 * attestation?
 */
bool cm_event_is_proven(const struct cm_event *event);

/*
 * Does a corrected event take this event of the same contact back?  Rows of
 * its batch that ask or grant; with mark WITHDRAWN also those that withdraw
 * or call a mailbox dead.  Objections, complaints, erasures and restrictions
 * are never taken back: only the person can (G21).  One of a burst takes back
 * the one click that it names, and nothing else.
 */
bool cm_event_undoes(const struct cm_event *corrected,
		     const struct cm_event *event);

/*
 * What the batch of a person's request for mail begins with, in the events of
 * asking, confirming and "I did not ask"; policy/optin.h has the rest.
 */
#define CM_OPTIN_PREFIX "ask-"

/*
 * A withdrawal by a button on a page of ours, which the person may take back
 * as long as that page is before them.  Its name, the batch of the corrected
 * event, is made of its time and contact: no two clicks have the same.
 */
bool cm_event_is_click(const struct cm_event *event);
/*
 * A withdrawal by nothing but a link, which a program that follows links makes
 * as well as a person: a one-click, or the page's button.  As part of a burst
 * (policy/burst.h) an admin may take it back; preferences ask for more.
 */
bool cm_event_is_machine_like(const struct cm_event *event);
#define CM_CHANNEL_BURST "burst"
/* Does an admin take such a click back?  Then batch is the click's name. */
bool cm_event_is_of_burst(const struct cm_event *corrected);
void cm_event_click_name(const struct cm_event *click,
			 char out[CM_BATCH_MAX + 1]);

#endif
