/*
 * note - signed notes and checkpoints (c2sp.org/signed-note,
 * c2sp.org/tlog-checkpoint): the tree's head, as somebody signed it.
 *
 *     acme.example/consent          origin, and the key's name
 *     4711                          events
 *     CsUYapGGPo4dkMgI...           base64 of the root
 *                                   (an empty line ends the text)
 *     — acme.example/consent Az3grl...   base64 of key id and signature
 *
 * A checkpoint of ours has no extension lines; signatures by others under it
 * (witnesses) are passed over, as the format wants.  Keys are written as Go's
 * note package does: "NAME+ID+KEY" for the public one, "PRIVATE+KEY+..." for
 * the other.  Pure; texts are borrowed.
 */
#ifndef CM_POLICY_NOTE_H
#define CM_POLICY_NOTE_H

#include "lib/buf.h"
#include "lib/crypto.h"
#include "policy/id.h"

enum {
	CM_NOTE_NAME_MAX = 200, /* octets of a key's name, of an origin */
	CM_NOTE_ID_LEN = 4,
	CM_NOTE_MAX = 65536, /* 16 signatures of 5 kB are no 16 of ours */
	/* "PRIVATE+KEY+" NAME "+" 8 digits "+" 44 characters, newline, NUL */
	CM_NOTE_KEY_TEXT = CM_NOTE_NAME_MAX + 80,
	CM_NOTE_PEM_TEXT = 120,
};

struct cm_note_key {
	char name[CM_NOTE_NAME_MAX + 1];
	uint8_t id[CM_NOTE_ID_LEN];
	uint8_t public_key[CM_ED25519_PUBLIC_LEN];
	bool can_sign;
	uint8_t seed[CM_ED25519_SEED_LEN]; /* wipe it after use */
};

/* No spaces, no "+", no control characters, UTF-8, 1 to NAME_MAX octets. */
bool cm_note_name_good(struct cm_span name);

/* A new key from 32 random octets. */
CM_MUST_CHECK int cm_note_key_make(struct cm_span name,
				   const uint8_t seed[CM_ED25519_SEED_LEN],
				   struct cm_note_key *ret_key,
				   struct cm_error *err);
/* Either form; a newline at the end is taken.  CM_EDATA says what is wrong
 * and never quotes a private key. */
CM_MUST_CHECK int cm_note_key_parse(struct cm_span text,
				    struct cm_note_key *ret_key,
				    struct cm_error *err);
/* Without newline; of cm_note_key_private() only if can_sign. */
void cm_note_key_public(const struct cm_note_key *key,
			char out[CM_NOTE_KEY_TEXT]);
void cm_note_key_private(const struct cm_note_key *key,
			 char out[CM_NOTE_KEY_TEXT]);
/* The public key as openssl reads it, with newlines. */
void cm_note_key_pem(const struct cm_note_key *key, char out[CM_NOTE_PEM_TEXT]);

/* Append text (which ends in a newline), the empty line and one signature. */
CM_MUST_CHECK int cm_note_sign(const struct cm_note_key *key,
			       struct cm_span text, struct cm_buf *out,
			       struct cm_error *err);
/* Append one signature more, to a note of this text. */
CM_MUST_CHECK int cm_note_cosign(const struct cm_note_key *key,
				 struct cm_span text, struct cm_buf *out,
				 struct cm_error *err);
/* The text of a note, whoever signed it; false if it is none. */
bool cm_note_split(struct cm_span note, struct cm_span *ret_text);
/*
 * The text of a note that this key has signed.  CM_EDATA: it is no note, or
 * not signed by the key, or not as it was signed; err says which.
 */
CM_MUST_CHECK int cm_note_open(const struct cm_note_key *key,
			       struct cm_span note, struct cm_span *ret_text,
			       uint8_t ret_sig[CM_ED25519_SIG_LEN],
			       struct cm_error *err);

struct cm_checkpoint {
	char origin[CM_NOTE_NAME_MAX + 1];
	uint64_t size;
	struct cm_hash root;
};

/* The three lines, appended. */
CM_MUST_CHECK int cm_checkpoint_text(const struct cm_checkpoint *checkpoint,
				     struct cm_buf *out);
CM_MUST_CHECK int cm_checkpoint_parse(struct cm_span text,
				      struct cm_checkpoint *ret_checkpoint,
				      struct cm_error *err);
/* A note by this key, whose text is a checkpoint of the origin of its name. */
CM_MUST_CHECK int cm_checkpoint_open(const struct cm_note_key *key,
				     struct cm_span note,
				     struct cm_checkpoint *ret_checkpoint,
				     struct cm_error *err);

#endif
