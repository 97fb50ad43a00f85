/*
 * proof - a folder of records and proofs, checked with a public key alone.
 *
 * What consentctl evidence and export-proof write, and consent-verify reads:
 *
 *   SHA256SUMS                  of every other file, in the order of names
 *   vkey                        the public key (c2sp.org/signed-note)
 *   heads/N.checkpoint          signed heads; N = events, ten digits or more
 *   heads/N.consistency         the newest head extends this one
 *   heads/N.tsr                 a time stamp of it (RFC 3161)
 *   heads/N.text, heads/N.sig   the same in two files, for openssl
 *   heads/N.pem                 the key, if it is not the newest
 *   keys/N.rotation             the key was changed (policy/rotation.h)
 *   keys/N.compromise           others may have had the key before that
 *   events/N.json               one event, as it stands in the ledger
 *   events/N.tlog-proof         its place under one of the heads
 *   events/N.opening            salt and evidence that its commitment is of
 *   notices/HASH.txt            a text that was shown
 *   ledger/events.jsonl         or: all events, one a line
 *   ledger/leaves.txt           and their hashes, so that each can be named
 *
 * A head of a key that others may have had is believed only if something that
 * they could not make bears it out: a later head by a later key, which has to
 * extend it; that this key signed the same head itself; a time stamp from
 * before; or a checkpoint that the reader kept, of the same events.
 *
 * Every octet of these counts; any other file (README.txt, index.html) is
 * held by SHA256SUMS alone.  Pure: files are in memory, nothing is opened.
 */
#ifndef CM_TOOLS_PROOF_H
#define CM_TOOLS_PROOF_H

#include "lib/arena.h"
#include "policy/rotation.h"

#define CM_PROOF_SUMS   "SHA256SUMS"
#define CM_PROOF_KEY    "vkey"
#define CM_PROOF_KEYS   "keys" /* a folder */
#define CM_PROOF_EVENTS "ledger/events.jsonl"
#define CM_PROOF_LEAVES "ledger/leaves.txt"
#define CM_PROOF_NAME   "%010llu" /* of heads and events */
#define CM_PROOF_STOLEN ".compromise"

enum {
	CM_PROOF_NAME_MAX = 200,  /* octets of a file's name in the folder */
	CM_PROOF_FAULTS_MAX = 100 /* lines; the rest is only counted */
};

struct cm_proof_file {
	const char *name; /* "events/0000000005.json" */
	struct cm_span text;
};

/* A checkpoint that somebody kept; its signature has been checked. */
struct cm_proof_head {
	const char *name; /* the file it came from */
	struct cm_checkpoint checkpoint;
	size_t key;         /* of the ring: the one that signed it */
	int64_t stamped_at; /* ms, of a good time stamp; 0 = none checked */
};

/* CM_OK and when it was, CM_EDATA and why not; of a head's whole file. */
typedef int cm_proof_stamp_fn(void *ctx, struct cm_span note,
			      struct cm_span token, int64_t *ret_ms,
			      struct cm_error *err);

struct cm_proof {
	const struct cm_note_key *key;
	/* Keys that are known to follow or precede it; NULL: it alone. */
	const struct cm_keyring *known;
	struct cm_arena *arena;
	const struct cm_proof_file *files; /* sorted by name, strcmp order */
	size_t nfiles;
	const struct cm_proof_head *held;
	size_t nheld;
	cm_proof_stamp_fn *stamp; /* NULL: time stamps are not checked */
	void *stamp_ctx;
	/* ---- found ---- */
	struct cm_keyring ring; /* known, and what the folder adds */
	struct cm_buf faults;   /* one line each */
	uint64_t nfaults;
	struct cm_buf facts;         /* what holds, one line each */
	struct cm_proof_head *heads; /* of the folder, by size */
	size_t nheads;
	uint64_t nevents; /* shown to be in the ledger */
	uint64_t nopenings, nnotices, nstamps;
	bool whole; /* all events of the ledger up to the newest head */
};

/* CM_OK whatever was found; CM_ENOMEM and the like only. */
CM_MUST_CHECK int cm_proof_check(struct cm_proof *proof, struct cm_error *err);

/* Is this a name that such a folder may hold? */
bool cm_proof_name_good(struct cm_span name);

/* Two heads that cannot both be of one ledger: true, and a line why. */
bool cm_proof_forked(const struct cm_proof_head *a,
		     const struct cm_proof_head *b);

#endif
