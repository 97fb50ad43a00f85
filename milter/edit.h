/*
 * edit - what one message becomes: headers, footer, and the proof.
 *
 * Pure: bytes and facts in, a complete set of edits out; nothing is sent
 * before all of it is known (design 7).  Free of libmilter, so consentctl,
 * tests and fuzzers link it too.
 *
 * The body edit is planned by our own scanner over byte offsets
 * (milter/mime), spliced, re-scanned always, and re-read by GMime when asked
 * (milter/proof): where the readers do not agree, the body stays as it came.
 *
 * The words of .why are those of milter/edit_word.c; of CM_BODY_DISPROVED it
 * is whatever the proof found.
 *
 * The footer is written in each leaf's charset (lib/charset) and encoding.
 * What cannot be written there goes into HTML as entities; plain text becomes
 * utf-8 for it, in quoted-printable or base64 where its path has 7 bits
 * (milter/upgrade), and for nothing else.
 */
#ifndef CM_MILTER_EDIT_H
#define CM_MILTER_EDIT_H

#include "lib/arena.h"
#include "policy/classify.h"
#include "policy/config.h"
#include "policy/keys.h"
#include "policy/template.h"

/* What the links say; every URI is complete, ASCII and safe in <>. */
struct cm_way_out {
	const char *https;       /* for List-Unsubscribe; NULL = none */
	const char *mailto;      /* ditto, "mailto:u+...@m.example" */
	bool one_click;          /* add List-Unsubscribe-Post (RFC 8058) */
	const char *footer_link; /* for the footer; NULL = no footer */
};

struct cm_edit_request {
	const struct cm_config *config;
	const struct cm_stream *stream;
	const struct cm_purpose *purpose; /* that the way out withdraws */
	const struct cm_templates *templates;
	const char *language; /* contact's; NULL = message's or default */
	const struct cm_facts_header *headers; /* in order, as received */
	size_t nheaders;
	struct cm_span body; /* after the empty line, CRLF line ends */
	struct cm_way_out way_out;
	/* To know our footer again (RMIME-11); NULL: by footer_link alone. */
	const struct cm_keys *keys;
	const struct cm_id *contact; /* the only recipient's; NULL: several */
	bool prove_with_gmime;
	const char *queue_id; /* of a wrapper's boundary; NULL = unknown */
};

enum cm_header_op { CM_HEADER_DELETE, CM_HEADER_INSERT };

struct cm_header_edit {
	enum cm_header_op op;
	const char *name;  /* DELETE: as the message spells it */
	unsigned nth;      /* DELETE: 1 = first of that name (any case) */
	const char *value; /* INSERT: no leading blank, folded by LF+blank */
};

enum cm_body_outcome {
	CM_BODY_FOOTER,     /* .body is the new body */
	CM_BODY_NOT_WANTED, /* stream has footer = false, or no link */
	CM_BODY_UNEDITABLE, /* left alone; .why says what stopped us */
	CM_BODY_DISPROVED,  /* the proof failed: our bug; left alone */
	CM_BODY_WRAPPED /* .body is the new body; .why as of the two above */
};

/* One inserted piece, for `try`, the log and tests. */
struct cm_splice {
	size_t at;     /* offset in the old body */
	size_t remove; /* octets of the old body that give way */
	struct cm_span insert;
	const char *part; /* "1.2" (IMAP numbering; "1" = single part) */
	/* "text/html quoted-printable windows-1250": as it came.  Where
	 * nothing is inserted: the header field that goes, by name. */
	const char *what;
};

struct cm_edit {
	struct cm_header_edit *headers; /* deletions before insertions */
	size_t nheaders;
	enum cm_body_outcome outcome;
	const char *why;      /* one word, see edit_word.h; NULL of FOOTER */
	const char *language; /* of the footer */
	struct cm_splice *splices;
	size_t nsplices;
	struct cm_span body; /* of FOOTER and WRAPPED; in the arena */
	bool gmime_agreed;   /* GMime read the result and agrees */
	/* An edit that did not pass its proof, whatever came after it. */
	const char *disproof; /* what the proof found; NULL = all well */
	struct cm_span disproved;
	/* What was proven of the body, NULL if nothing was (milter/proof.h). */
	const struct cm_proof *proof;
};

/*
 * Fails only when out of memory or over a limit, or when what the config
 * gave cannot be used (a link that is no URI, texts that are not UTF-8);
 * everything a message can do wrong is an outcome.  Results live in the arena.
 */
CM_MUST_CHECK int cm_edit_make(const struct cm_edit_request *request,
			       struct cm_arena *arena, struct cm_edit *ret_edit,
			       struct cm_error *err);

/* True if the message leaves with .body. */
bool cm_edit_has_body(const struct cm_edit *edit);

const char *cm_body_outcome_name(enum cm_body_outcome outcome);

#endif
