/* See note.h. */
#include "policy/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/enc.h"

enum { TYPE_ED25519 = 1, SIGNED_LEN = CM_NOTE_ID_LEN + CM_ED25519_SIG_LEN };

static const char em_dash[] = "\xE2\x80\x94 ";
static const char private_prefix[] = "PRIVATE+KEY+";

/* ---- names and keys ----------------------------------------------------- */

/* The octets of a Unicode space that stands here, 0 if none does. */
static size_t space_at(const char *p, size_t n)
{
	static const char *const spaces[] = {
		"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
		"\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
	};
	size_t i;

	/* U+2000 to U+200A */
	if (n >= 3 && memcmp(p, "\xE2\x80", 2) == 0 && (uint8_t)p[2] >= 0x80 &&
	    (uint8_t)p[2] <= 0x8A)
		return 3;
	for (i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		size_t len = strlen(spaces[i]);

		if (n >= len && memcmp(p, spaces[i], len) == 0)
			return len;
	}
	return 0;
}

bool cm_note_name_good(struct cm_span name)
{
	size_t i;

	if (name.n == 0 || name.n > CM_NOTE_NAME_MAX ||
	    !cm_utf8_valid(name.p, name.n))
		return false;
	for (i = 0; i < name.n; i++) {
		if ((uint8_t)name.p[i] <= ' ' || name.p[i] == '+' ||
		    name.p[i] == 0x7F || space_at(name.p + i, name.n - i) > 0)
			return false;
	}
	return true;
}

/* SHA-256(name || 0x0A || type || public key), the first four octets. */
static int set_id(struct cm_note_key *key)
{
	static const char between[] = {'\n', TYPE_ED25519};
	const struct cm_span parts[] = {
		cm_span(key->name),
		cm_span_n(between, sizeof(between)),
		cm_span_n((const char *)key->public_key,
			  sizeof(key->public_key)),
	};
	uint8_t hash[CM_SHA256_LEN];
	int rc = cm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), hash);

	if (rc == CM_OK)
		memcpy(key->id, hash, sizeof(key->id));
	return rc;
}

int cm_note_key_make(struct cm_span name,
		     const uint8_t seed[CM_ED25519_SEED_LEN],
		     struct cm_note_key *ret_key, struct cm_error *err)
{
	struct cm_note_key key;
	int rc;

	memset(&key, 0, sizeof(key));
	if (!cm_note_name_good(name))
		return cm_fail(err, CM_EDATA,
			       "a key's name has 1 to %d octets, no spaces and "
			       "no \"+\"",
			       CM_NOTE_NAME_MAX);
	memcpy(key.name, name.p, name.n);
	memcpy(key.seed, seed, sizeof(key.seed));
	key.can_sign = true;
	rc = cm_ed25519_public(key.seed, key.public_key, err);
	if (rc == CM_OK && set_id(&key) != CM_OK)
		rc = cm_fail(err, CM_ECRYPTO, "no SHA-256 for the key's id");
	if (rc == CM_OK)
		*ret_key = key;
	cm_wipe(&key, sizeof(key));
	return rc;
}

/* "KEY": base64 of the type and 32 octets. */
static int parse_octets(struct cm_span text, uint8_t out[32])
{
	uint8_t typed[33];
	size_t n = 0;
	int rc = cm_base64_decode(text, typed, sizeof(typed), &n);

	if (rc != CM_OK || n != sizeof(typed) || typed[0] != TYPE_ED25519)
		rc = CM_EDATA;
	else
		memcpy(out, typed + 1, 32);
	cm_wipe(typed, sizeof(typed));
	return rc;
}

static int parse_parts(struct cm_span text, bool private_key,
		       struct cm_note_key *key, struct cm_error *err)
{
	struct cm_span name = cm_span_cut(&text, '+');
	struct cm_span id = cm_span_cut(&text, '+');
	uint8_t want[CM_NOTE_ID_LEN], octets[32];
	size_t n = 0;
	int rc;

	if (!cm_note_name_good(name) ||
	    cm_hex_decode(id, want, sizeof(want), &n) != CM_OK ||
	    n != sizeof(want) || parse_octets(text, octets) != CM_OK)
		return cm_fail(err, CM_EDATA,
			       "not a key (NAME+8 hex digits+44 characters of "
			       "base64, Ed25519)");
	memcpy(key->name, name.p, name.n);
	if (private_key) {
		rc = cm_note_key_make(name, octets, key, err);
	} else {
		memcpy(key->public_key, octets, sizeof(key->public_key));
		rc = set_id(key);
		if (rc != CM_OK)
			(void)cm_fail(err, rc, "no SHA-256 for the key's id");
	}
	cm_wipe(octets, sizeof(octets));
	if (rc == CM_OK && memcmp(want, key->id, sizeof(want)) != 0)
		return cm_fail(err, CM_EDATA,
			       "the key is not the one that its id says: a "
			       "character was changed or lost");
	return rc;
}

int cm_note_key_parse(struct cm_span text, struct cm_note_key *ret_key,
		      struct cm_error *err)
{
	size_t skip = strlen(private_prefix);
	struct cm_note_key key;
	bool private_key;
	int rc;

	memset(&key, 0, sizeof(key));
	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n--;
	private_key =
		text.n >= skip && memcmp(text.p, private_prefix, skip) == 0;
	if (private_key)
		text = cm_span_n(text.p + skip, text.n - skip);
	rc = parse_parts(text, private_key, &key, err);
	if (rc == CM_OK)
		*ret_key = key;
	cm_wipe(&key, sizeof(key));
	return rc;
}

static void print_key(const struct cm_note_key *key, const char *prefix,
		      const uint8_t octets[32], char out[CM_NOTE_KEY_TEXT])
{
	uint8_t typed[33] = {TYPE_ED25519};
	char base64[CM_BASE64_LEN(sizeof(typed)) + 1];
	char id[CM_HEX_LEN(CM_NOTE_ID_LEN) + 1];

	memcpy(typed + 1, octets, 32);
	(void)cm_hex_encode(key->id, sizeof(key->id), id);
	(void)cm_base64_encode(typed, sizeof(typed), base64);
	(void)snprintf(out, CM_NOTE_KEY_TEXT, "%s%s+%s+%s", prefix, key->name,
		       id, base64);
	cm_wipe(typed, sizeof(typed));
	cm_wipe(base64, sizeof(base64));
}

void cm_note_key_public(const struct cm_note_key *key,
			char out[CM_NOTE_KEY_TEXT])
{
	print_key(key, "", key->public_key, out);
}

void cm_note_key_private(const struct cm_note_key *key,
			 char out[CM_NOTE_KEY_TEXT])
{
	print_key(key, private_prefix, key->seed, out);
}

void cm_note_key_pem(const struct cm_note_key *key, char out[CM_NOTE_PEM_TEXT])
{
	/* RFC 8410, 4: SubjectPublicKeyInfo of Ed25519 up to the key. */
	static const uint8_t spki[] = {0x30, 0x2A, 0x30, 0x05, 0x06, 0x03,
				       0x2B, 0x65, 0x70, 0x03, 0x21, 0x00};
	uint8_t der[sizeof(spki) + CM_ED25519_PUBLIC_LEN];
	char base64[CM_BASE64_LEN(sizeof(der)) + 1];

	memcpy(der, spki, sizeof(spki));
	memcpy(der + sizeof(spki), key->public_key, sizeof(key->public_key));
	(void)cm_base64_encode(der, sizeof(der), base64);
	(void)snprintf(out, CM_NOTE_PEM_TEXT,
		       "-----BEGIN PUBLIC KEY-----\n%s\n"
		       "-----END PUBLIC KEY-----\n",
		       base64);
}

/* ---- notes -------------------------------------------------------------- */

int cm_note_cosign(const struct cm_note_key *key, struct cm_span text,
		   struct cm_buf *out, struct cm_error *err)
{
	uint8_t all[SIGNED_LEN];
	char base64[CM_BASE64_LEN(SIGNED_LEN) + 1];
	int rc;

	memcpy(all, key->id, CM_NOTE_ID_LEN);
	rc = cm_ed25519_sign(key->seed, text, all + CM_NOTE_ID_LEN, err);
	if (rc != CM_OK)
		return rc;
	(void)cm_base64_encode(all, sizeof(all), base64);
	rc = cm_buf_addf(out, "%s%s %s\n", em_dash, key->name, base64);
	return rc == CM_OK ? rc : cm_fail(err, rc, "no room for a signature");
}

int cm_note_sign(const struct cm_note_key *key, struct cm_span text,
		 struct cm_buf *out, struct cm_error *err)
{
	(void)cm_buf_add(out, text.p, text.n);
	(void)cm_buf_addc(out, '\n');
	return cm_note_cosign(key, text, out, err);
}

/* UTF-8 without control characters but newlines. */
static bool plain(struct cm_span note)
{
	size_t i;

	for (i = 0; i < note.n; i++) {
		if ((uint8_t)note.p[i] < ' ' && note.p[i] != '\n')
			return false;
	}
	return cm_utf8_valid(note.p, note.n);
}

/* The last empty line parts text and signatures. */
static bool split(struct cm_span note, struct cm_span *text,
		  struct cm_span *signatures)
{
	size_t i;

	for (i = note.n; i >= 2; i--) {
		if (note.p[i - 1] != '\n' || note.p[i - 2] != '\n')
			continue;
		*text = cm_span_n(note.p, i - 1);
		*signatures = cm_span_n(note.p + i, note.n - i);
		return signatures->n > 0;
	}
	return false;
}

/* One signature line, without its newline; more than fits is another's. */
static int parse_signature(struct cm_span line, struct cm_span *name,
			   uint8_t out[SIGNED_LEN], size_t *ret_n)
{
	size_t skip = strlen(em_dash);

	if (line.n < skip || memcmp(line.p, em_dash, skip) != 0)
		return CM_EDATA;
	line = cm_span_n(line.p + skip, line.n - skip);
	*name = cm_span_cut(&line, ' ');
	if (!cm_note_name_good(*name))
		return CM_EDATA;
	return cm_base64_decode(line, out, SIGNED_LEN, ret_n);
}

static int find_signature(const struct cm_note_key *key, struct cm_span lines,
			  uint8_t sig[CM_ED25519_SIG_LEN], struct cm_error *err)
{
	bool found = false;

	while (lines.n > 0) {
		struct cm_span line = cm_span_cut(&lines, '\n'), name;
		uint8_t all[SIGNED_LEN];
		size_t n = 0;
		int rc = parse_signature(line, &name, all, &n);

		if (rc == CM_EDATA)
			return cm_fail(err, CM_EDATA,
				       "a signature line is damaged");
		if (rc != CM_OK || n != SIGNED_LEN ||
		    !cm_span_eq(name, cm_span(key->name)) ||
		    memcmp(all, key->id, sizeof(key->id)) != 0)
			continue; /* by another key */
		if (found)
			return cm_fail(err, CM_EDATA,
				       "it is signed twice by one key");
		found = true;
		memcpy(sig, all + CM_NOTE_ID_LEN, CM_ED25519_SIG_LEN);
	}
	if (found)
		return CM_OK;
	return cm_fail(err, CM_EDATA, "it is not signed by the key of %s",
		       key->name);
}

bool cm_note_split(struct cm_span note, struct cm_span *ret_text)
{
	struct cm_span signatures;

	return note.n > 0 && note.n <= CM_NOTE_MAX &&
	       note.p[note.n - 1] == '\n' && plain(note) &&
	       split(note, ret_text, &signatures);
}

int cm_note_open(const struct cm_note_key *key, struct cm_span note,
		 struct cm_span *ret_text, uint8_t ret_sig[CM_ED25519_SIG_LEN],
		 struct cm_error *err)
{
	uint8_t sig[CM_ED25519_SIG_LEN];
	struct cm_span text, signatures;
	int rc;

	if (note.n > CM_NOTE_MAX || note.n == 0 || note.p[note.n - 1] != '\n' ||
	    !plain(note) || !split(note, &text, &signatures))
		return cm_fail(err, CM_EDATA,
			       "it is not a signed note (a text, an empty "
			       "line, signatures)");
	rc = find_signature(key, signatures, sig, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_ed25519_verify(key->public_key, text, sig);
	if (rc != CM_OK)
		return cm_fail(err, rc,
			       "it is not what was signed: a character was "
			       "changed, or somebody else signed it");
	*ret_text = text;
	memcpy(ret_sig, sig, sizeof(sig));
	return CM_OK;
}

/* ---- checkpoints -------------------------------------------------------- */

int cm_checkpoint_text(const struct cm_checkpoint *checkpoint,
		       struct cm_buf *out)
{
	char root[CM_BASE64_LEN(CM_HASH_LEN) + 1];

	(void)cm_base64_encode(checkpoint->root.b, sizeof(checkpoint->root.b),
			       root);
	return cm_buf_addf(out, "%s\n%" PRIu64 "\n%s\n", checkpoint->origin,
			   checkpoint->size, root);
}

int cm_checkpoint_parse(struct cm_span text,
			struct cm_checkpoint *ret_checkpoint,
			struct cm_error *err)
{
	struct cm_checkpoint checkpoint;
	struct cm_span origin = cm_span_cut(&text, '\n');
	struct cm_span size = cm_span_cut(&text, '\n');
	struct cm_span root = cm_span_cut(&text, '\n');
	size_t n = 0;

	memset(&checkpoint, 0, sizeof(checkpoint));
	if (!cm_note_name_good(origin) || size.n == 0 ||
	    (size.p[0] == '0' && size.n > 1) ||
	    cm_parse_u64(size, INT64_MAX, &checkpoint.size) != CM_OK ||
	    cm_base64_decode(root, checkpoint.root.b, CM_HASH_LEN, &n) !=
		    CM_OK ||
	    n != CM_HASH_LEN || text.n != 0)
		return cm_fail(err, CM_EDATA,
			       "it is not a checkpoint (origin, number of "
			       "events, root of the tree)");
	memcpy(checkpoint.origin, origin.p, origin.n);
	*ret_checkpoint = checkpoint;
	return CM_OK;
}

int cm_checkpoint_open(const struct cm_note_key *key, struct cm_span note,
		       struct cm_checkpoint *ret_checkpoint,
		       struct cm_error *err)
{
	uint8_t sig[CM_ED25519_SIG_LEN];
	struct cm_checkpoint checkpoint;
	struct cm_span text;
	int rc = cm_note_open(key, note, &text, sig, err);

	if (rc == CM_OK)
		rc = cm_checkpoint_parse(text, &checkpoint, err);
	if (rc != CM_OK)
		return rc;
	if (strcmp(checkpoint.origin, key->name) != 0)
		return cm_fail(err, CM_EDATA,
			       "it is of another ledger (%s), though signed by "
			       "the key of %s",
			       checkpoint.origin, key->name);
	*ret_checkpoint = checkpoint;
	return CM_OK;
}
