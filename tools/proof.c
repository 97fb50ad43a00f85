/* See proof.h. */
#include "tools/proof_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "policy/tlog.h"

enum { LINE_MAX_LEN = 1200, SUMS_HEX = 64 };

typedef unsigned long long ull;

/* ---- words -------------------------------------------------------------- */

static void line(struct cm_buf *buf, const char *fmt, va_list ap)
	CM_PRINTF(2, 0);

static void line(struct cm_buf *buf, const char *fmt, va_list ap)
{
	char text[LINE_MAX_LEN];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	(void)cm_buf_addf(buf, "%s\n", text);
}

void cm_proof_fault(struct cm_proof *proof, const char *fmt, ...)
{
	va_list ap;

	if (++proof->nfaults > CM_PROOF_FAULTS_MAX)
		return;
	va_start(ap, fmt);
	line(&proof->faults, fmt, ap);
	va_end(ap);
}

void cm_proof_fact(struct cm_proof *proof, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(&proof->facts, fmt, ap);
	va_end(ap);
}

/* ---- files -------------------------------------------------------------- */

bool cm_proof_name_good(struct cm_span name)
{
	size_t i;

	if (name.n == 0 || name.n > CM_PROOF_NAME_MAX || name.p[0] == '/' ||
	    name.p[0] == '.' || name.p[name.n - 1] == '/')
		return false;
	for (i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!cm_ascii_alpha(c) && !cm_ascii_digit(c) && c != '-' &&
		    c != '_' && c != '.' && c != '/')
			return false;
		if (c == '/' && (name.p[i + 1] == '/' || name.p[i + 1] == '.'))
			return false;
	}
	return true;
}

static int by_name(const void *key, const void *file)
{
	return strcmp(key, ((const struct cm_proof_file *)file)->name);
}

const struct cm_proof_file *cm_proof_find(const struct cm_proof *proof,
					  const char *name)
{
	if (proof->nfiles == 0)
		return NULL;
	return bsearch(name, proof->files, proof->nfiles, sizeof(*proof->files),
		       by_name);
}

bool cm_proof_numbered(const char *name, const char *folder, const char *suffix,
		       uint64_t *ret_number)
{
	size_t n = strlen(name), head = strlen(folder), tail = strlen(suffix);
	struct cm_span digits;
	char again[32];
	uint64_t number;

	if (n <= head + 1 + tail || strncmp(name, folder, head) != 0 ||
	    name[head] != '/' || strcmp(name + n - tail, suffix) != 0)
		return false;
	digits = cm_span_n(name + head + 1, n - head - 1 - tail);
	if (cm_parse_u64(digits, INT64_MAX, &number) != CM_OK)
		return false;
	(void)snprintf(again, sizeof(again), CM_PROOF_NAME, (ull)number);
	if (!cm_span_eq(digits, cm_span(again)))
		return false;
	*ret_number = number;
	return true;
}

const char *cm_proof_name(const struct cm_proof *proof, const char *folder,
			  uint64_t number, const char *suffix)
{
	return cm_arena_printf(proof->arena, "%s/" CM_PROOF_NAME "%s", folder,
			       (ull)number, suffix);
}

/* ---- the list of files -------------------------------------------------- */

/* "HEX  NAME" */
static bool parse_sum(struct cm_span text, uint8_t hash[CM_HASH_LEN],
		      struct cm_span *ret_name)
{
	size_t n = 0;

	if (text.n <= SUMS_HEX + 2 || memcmp(text.p + SUMS_HEX, "  ", 2) != 0 ||
	    cm_hex_decode(cm_span_n(text.p, SUMS_HEX), hash, CM_HASH_LEN, &n) !=
		    CM_OK)
		return false;
	*ret_name = cm_span_n(text.p + SUMS_HEX + 2, text.n - SUMS_HEX - 2);
	return cm_proof_name_good(*ret_name);
}

static int check_sum(struct cm_proof *proof, struct cm_span name,
		     const uint8_t want[CM_HASH_LEN], bool *seen)
{
	const char *text = cm_arena_dup(proof->arena, name.p, name.n);
	const struct cm_proof_file *file;
	uint8_t got[CM_HASH_LEN];
	int rc;

	if (text == NULL)
		return CM_ENOMEM;
	file = cm_proof_find(proof, text);
	if (file == NULL) {
		cm_proof_fault(proof, "%s is missing: it was taken out", text);
		return CM_OK;
	}
	seen[file - proof->files] = true;
	rc = cm_sha256(file->text.p, file->text.n, got);
	if (rc == CM_OK && memcmp(got, want, sizeof(got)) != 0)
		cm_proof_fault(proof,
			       "%s is not as it was handed out: something in "
			       "it, or in its line of " CM_PROOF_SUMS
			       ", was changed",
			       text);
	return rc;
}

static int check_listed(struct cm_proof *proof, struct cm_span rest, bool *seen)
{
	struct cm_span last = cm_span(""), name, one;
	uint8_t hash[CM_HASH_LEN];
	size_t number = 0;
	int rc = CM_OK;

	while (rc == CM_OK && rest.n > 0) {
		bool ended = memchr(rest.p, '\n', rest.n) != NULL;

		number++;
		one = cm_span_cut(&rest, '\n');
		if (!ended || !parse_sum(one, hash, &name) ||
		    cm_span_cmp(last, name) >= 0) {
			cm_proof_fault(proof,
				       CM_PROOF_SUMS
				       ", line %zu, was changed: it is not "
				       "\"HASH  FILE\" in the order of names",
				       number);
			continue;
		}
		last = name;
		rc = check_sum(proof, name, hash, seen);
	}
	return rc;
}

static int check_sums(struct cm_proof *proof)
{
	const struct cm_proof_file *sums = cm_proof_find(proof, CM_PROOF_SUMS);
	bool *seen =
		cm_arena_array(proof->arena, proof->nfiles + 1, sizeof(*seen));
	size_t i;
	int rc;

	if (seen == NULL)
		return CM_ENOMEM;
	if (sums == NULL) {
		cm_proof_fault(proof, CM_PROOF_SUMS
			       ", the list of all files, is missing");
		return CM_OK;
	}
	seen[sums - proof->files] = true;
	rc = check_listed(proof, sums->text, seen);
	for (i = 0; rc == CM_OK && i < proof->nfiles; i++) {
		if (!seen[i])
			cm_proof_fault(proof,
				       "%s was added: the list of files does "
				       "not have it",
				       proof->files[i].name);
	}
	return rc;
}

/* ---- the key ------------------------------------------------------------ */

static void check_key(struct cm_proof *proof)
{
	const struct cm_proof_file *file = cm_proof_find(proof, CM_PROOF_KEY);
	char text[CM_NOTE_KEY_TEXT];
	struct cm_note_key key;

	if (file == NULL) {
		cm_proof_fault(proof,
			       CM_PROOF_KEY ", the public key, is missing");
		return;
	}
	if (cm_note_key_parse(file->text, &key, NULL) == CM_OK &&
	    cm_keyring_find(&proof->ring, &key) >= 0) {
		cm_note_key_public(&key, text);
		if (file->text.n == strlen(text) + 1 &&
		    memcmp(file->text.p, text, strlen(text)) == 0)
			return;
	}
	cm_note_key_public(proof->key, text);
	cm_proof_fault(proof,
		       CM_PROOF_KEY " is not the key that you trust (%s)",
		       text);
}

/* After all changes: it is by a key that followed. */
static void add_compromise(struct cm_proof *proof,
			   const struct cm_proof_file *file)
{
	struct cm_compromise compromise;
	struct cm_error err;
	int rc = cm_compromise_open(file->text, &compromise, &err);

	if (rc == CM_OK)
		rc = cm_keyring_compromise(&proof->ring, &compromise, &err);
	if (rc != CM_OK)
		cm_proof_fault(proof,
			       "%s, a note that a key was stolen, does not "
			       "hold: %s",
			       file->name, err.text);
}

static bool is_compromise(const struct cm_proof_file *file)
{
	uint64_t number;

	return cm_proof_numbered(file->name, CM_PROOF_KEYS, CM_PROOF_STOLEN,
				 &number);
}

static void add_rotation(struct cm_proof *proof,
			 const struct cm_proof_file *file)
{
	struct cm_rotation rotation;
	struct cm_error err;
	uint64_t number;
	int rc = CM_EDATA;

	if (is_compromise(file))
		return;
	if (!cm_proof_numbered(file->name, CM_PROOF_KEYS, ".rotation",
			       &number)) {
		cm_proof_fault(proof, "%s is no change of the key", file->name);
		return;
	}
	rc = cm_rotation_open(file->text, &rotation, &err);
	if (rc == CM_OK)
		rc = cm_keyring_add(&proof->ring, &rotation, &err);
	if (rc != CM_OK)
		cm_proof_fault(proof,
			       "%s, a change of the key, does not hold: "
			       "%s",
			       file->name, err.text);
}

static bool is_of_keys(const struct cm_proof_file *file)
{
	return strncmp(file->name, CM_PROOF_KEYS "/", 5) == 0;
}

/* Who trusts the last key may go back from change to change. */
static void link_backwards(struct cm_proof *proof)
{
	struct cm_rotation rotation;
	size_t i;

	for (i = proof->nfiles; i-- > 0;) {
		if (is_of_keys(&proof->files[i]) &&
		    cm_rotation_open(proof->files[i].text, &rotation, NULL) ==
			    CM_OK &&
		    cm_keyring_find(&proof->ring, &rotation.new_key) >= 0 &&
		    cm_keyring_add(&proof->ring, &rotation, NULL) != CM_OK)
			return; /* said when it is its turn */
	}
}

static void tell_stolen(struct cm_proof *proof)
{
	char text[CM_NOTE_KEY_TEXT], at[CM_CLOCK_TEXT];
	size_t i;

	for (i = 0; i < proof->ring.count; i++) {
		if (proof->ring.since[i] == 0)
			continue;
		cm_note_key_public(&proof->ring.keys[i], text);
		cm_proof_fact(proof,
			      "others may have had the key %s since %s: what "
			      "it signed counts only where something else "
			      "bears it out",
			      text, cm_clock_format(proof->ring.since[i], at));
	}
}

static void check_keys(struct cm_proof *proof)
{
	char text[CM_NOTE_KEY_TEXT];
	size_t i;

	if (proof->known != NULL)
		proof->ring = *proof->known;
	else
		cm_keyring_init(&proof->ring, proof->key);
	link_backwards(proof);
	for (i = 0; i < proof->nfiles; i++) {
		if (is_of_keys(&proof->files[i]))
			add_rotation(proof, &proof->files[i]);
	}
	for (i = 0; i < proof->nfiles; i++) {
		if (is_compromise(&proof->files[i]))
			add_compromise(proof, &proof->files[i]);
	}
	check_key(proof);
	for (i = 0; i + 1 < proof->ring.count; i++) {
		cm_note_key_public(&proof->ring.keys[i + 1], text);
		cm_proof_fact(proof,
			      "the key changed at %llu events: from then on it "
			      "is %s, as the key before it and this one both "
			      "signed",
			      (ull)proof->ring.until[i], text);
	}
	tell_stolen(proof);
}

/* ---- heads -------------------------------------------------------------- */

bool cm_proof_forked(const struct cm_proof_head *a,
		     const struct cm_proof_head *b)
{
	return a->checkpoint.size == b->checkpoint.size &&
	       memcmp(&a->checkpoint.root, &b->checkpoint.root,
		      sizeof(a->checkpoint.root)) != 0;
}

const struct cm_proof_head *cm_proof_head_of(const struct cm_proof *proof,
					     uint64_t size)
{
	size_t i;

	for (i = 0; i < proof->nheads; i++) {
		if (proof->heads[i].checkpoint.size == size)
			return &proof->heads[i];
	}
	return NULL;
}

/* The names sort as the numbers do, up to ten digits. */
static int by_size(const void *a, const void *b)
{
	uint64_t x = ((const struct cm_proof_head *)a)->checkpoint.size;
	uint64_t y = ((const struct cm_proof_head *)b)->checkpoint.size;

	return x < y ? -1 : x > y ? 1 : 0;
}

static void take_head(struct cm_proof *proof, const struct cm_proof_file *file,
		      uint64_t number)
{
	struct cm_proof_head *head = &proof->heads[proof->nheads];
	struct cm_error err;

	if (cm_keyring_open(&proof->ring, file->text, &head->checkpoint,
			    &head->key, &err) != CM_OK)
		cm_proof_fault(proof, "%s is not genuine: %s", file->name,
			       err.text);
	else if (head->checkpoint.size != number)
		cm_proof_fault(proof,
			       "%s is the head of %llu events, not of those "
			       "that its name says",
			       file->name, (ull)head->checkpoint.size);
	else {
		head->name = file->name;
		proof->nheads++;
	}
}

/* Which file of heads/ is this one? */
static bool belongs_to_head(const struct cm_proof *proof, const char *name)
{
	static const char *const suffixes[] = {".consistency", ".tsr", ".text",
					       ".sig", ".pem"};
	uint64_t number;
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (cm_proof_numbered(name, "heads", suffixes[i], &number))
			return cm_proof_head_of(proof, number) != NULL;
	}
	return false;
}

/* What both keys signed at a change is what the head of that size says. */
static void check_changes(struct cm_proof *proof)
{
	struct cm_rotation rotation;
	size_t i;

	for (i = 0; i < proof->nfiles; i++) {
		const struct cm_proof_file *file = &proof->files[i];
		const struct cm_proof_head *head;

		if (!is_of_keys(file) ||
		    cm_rotation_open(file->text, &rotation, NULL) != CM_OK)
			continue;
		head = cm_proof_head_of(proof, rotation.head.size);
		if (head != NULL &&
		    memcmp(&head->checkpoint.root, &rotation.head.root,
			   sizeof(rotation.head.root)) != 0)
			cm_proof_fault(proof,
				       "there are two histories: %s and %s are "
				       "both signed for %llu events, but not "
				       "for the same ones",
				       file->name, head->name,
				       (ull)rotation.head.size);
	}
}

static int read_heads(struct cm_proof *proof)
{
	uint64_t number;
	size_t i;

	proof->heads = cm_arena_array(proof->arena, proof->nfiles + 1,
				      sizeof(*proof->heads));
	if (proof->heads == NULL)
		return CM_ENOMEM;
	for (i = 0; i < proof->nfiles; i++) {
		if (cm_proof_numbered(proof->files[i].name, "heads",
				      ".checkpoint", &number))
			take_head(proof, &proof->files[i], number);
	}
	if (proof->nheads > 1)
		qsort(proof->heads, proof->nheads, sizeof(*proof->heads),
		      by_size);
	for (i = 0; i < proof->nfiles; i++) {
		const char *name = proof->files[i].name;

		if (strncmp(name, "heads/", 6) == 0 &&
		    !cm_proof_numbered(name, "heads", ".checkpoint", &number) &&
		    !belongs_to_head(proof, name))
			cm_proof_fault(proof,
				       "%s belongs to no genuine checkpoint "
				       "here",
				       name);
	}
	if (proof->nheads == 0)
		cm_proof_fault(proof,
			       "there is no genuine checkpoint: nothing here "
			       "was signed by %s",
			       proof->key->name);
	return CM_OK;
}

/* A part that README hands to openssl is that of the checkpoint. */
static void check_part(struct cm_proof *proof, const char *name,
		       struct cm_span want)
{
	const struct cm_proof_file *file = cm_proof_find(proof, name);

	if (file != NULL && !cm_span_eq(file->text, want))
		cm_proof_fault(proof,
			       "%s is not what stands in the checkpoint of "
			       "that name",
			       name);
}

static int check_parts(struct cm_proof *proof, const struct cm_proof_head *head)
{
	uint64_t size = head->checkpoint.size;
	const char *text = cm_proof_name(proof, "heads", size, ".text");
	const char *part = cm_proof_name(proof, "heads", size, ".sig");
	const char *pem = cm_proof_name(proof, "heads", size, ".pem");
	const struct cm_note_key *key = &proof->ring.keys[head->key];
	char pem_text[CM_NOTE_PEM_TEXT];
	uint8_t sig[CM_ED25519_SIG_LEN];
	struct cm_span want;
	int rc;

	if (text == NULL || part == NULL || pem == NULL)
		return CM_ENOMEM;
	cm_note_key_pem(key, pem_text);
	check_part(proof, pem, cm_span(pem_text));
	if (cm_proof_find(proof, text) == NULL &&
	    cm_proof_find(proof, part) == NULL)
		return CM_OK;
	rc = cm_note_open(key, cm_proof_find(proof, head->name)->text, &want,
			  sig, NULL);
	if (rc != CM_OK)
		return rc;
	check_part(proof, text, want);
	check_part(proof, part, cm_span_n((const char *)sig, sizeof(sig)));
	return CM_OK;
}

static int check_stamp(struct cm_proof *proof, struct cm_proof_head *head,
		       struct cm_error *err)
{
	const char *name =
		cm_proof_name(proof, "heads", head->checkpoint.size, ".tsr");
	const struct cm_proof_file *token;
	char at[CM_CLOCK_TEXT];
	struct cm_error why;
	int64_t when = 0;
	int rc;

	if (name == NULL)
		return CM_ENOMEM;
	token = cm_proof_find(proof, name);
	if (token == NULL)
		return CM_OK;
	proof->nstamps++;
	if (proof->stamp == NULL)
		return CM_OK;
	rc = proof->stamp(proof->stamp_ctx,
			  cm_proof_find(proof, head->name)->text, token->text,
			  &when, &why);
	if (rc == CM_EDATA)
		cm_proof_fault(proof, "%s, a time stamp, does not hold: %s",
			       name, why.text);
	else if (rc != CM_OK && err != NULL)
		*err = why; /* about the certificates that were given */
	if (rc == CM_OK)
		head->stamped_at = when;
	if (rc == CM_OK)
		cm_proof_fact(proof,
			      "the first %llu event%s recorded before %s: a "
			      "time stamp of that moment is upon the "
			      "checkpoint",
			      (ull)head->checkpoint.size,
			      head->checkpoint.size == 1 ? " was" : "s were",
			      cm_clock_format(when, at));
	return rc == CM_EDATA ? CM_OK : rc;
}

/* An older head of this folder: does the newest extend it? */
static int check_extends(struct cm_proof *proof,
			 const struct cm_proof_head *head,
			 const struct cm_proof_head *newest)
{
	const char *name = cm_proof_name(proof, "heads", head->checkpoint.size,
					 ".consistency");
	struct cm_tlog_consistency read;
	const struct cm_proof_file *file;
	struct cm_error err;
	int rc;

	if (name == NULL)
		return CM_ENOMEM;
	file = cm_proof_find(proof, name);
	if (file == NULL && (proof->whole || head->checkpoint.size == 0))
		return CM_OK; /* all events tell, or there were none */
	if (file == NULL) {
		cm_proof_fault(proof,
			       "%s is missing: that the newest checkpoint "
			       "extends the one of %llu events is not shown",
			       name, (ull)head->checkpoint.size);
		return CM_OK;
	}
	if (cm_tlog_parse_consistency(file->text, &read, &err) != CM_OK) {
		cm_proof_fault(proof, "%s was changed: %s", name, err.text);
		return CM_OK;
	}
	rc = read.from == head->checkpoint.size &&
			     read.to == newest->checkpoint.size
		     ? cm_merkle_check_consistency(
			       read.from, &head->checkpoint.root, read.to,
			       &newest->checkpoint.root, &read.path)
		     : CM_EDATA;
	if (rc == CM_EDATA)
		cm_proof_fault(proof,
			       "%s does not hold: that the ledger of %llu "
			       "events begins with the one of %llu is not "
			       "shown, so what was signed first may have been "
			       "changed",
			       name, (ull)newest->checkpoint.size,
			       (ull)head->checkpoint.size);
	return rc == CM_EDATA ? CM_OK : rc;
}

static int check_heads(struct cm_proof *proof, struct cm_error *err)
{
	const struct cm_proof_head *newest;
	size_t i;
	int rc = CM_OK;

	if (proof->nheads == 0)
		return CM_OK;
	newest = &proof->heads[proof->nheads - 1];
	for (i = 0; rc == CM_OK && i < proof->nheads; i++) {
		rc = check_parts(proof, &proof->heads[i]);
		if (rc == CM_OK)
			rc = check_stamp(proof, &proof->heads[i], err);
		if (rc == CM_OK && i + 1 < proof->nheads)
			rc = check_extends(proof, &proof->heads[i], newest);
	}
	return rc;
}

/* ---- heads that somebody kept ------------------------------------------- */

/* Of the same number of events; proof_ledger.c looks at the others. */
static void check_held(struct cm_proof *proof)
{
	size_t i;

	for (i = 0; i < proof->nheld; i++) {
		const struct cm_proof_head *held = &proof->held[i];
		const struct cm_proof_head *own =
			cm_proof_head_of(proof, held->checkpoint.size);

		if (own == NULL && !proof->whole)
			cm_proof_fact(proof,
				      "%s, which you kept, was not compared: "
				      "nothing here is of %llu events (an "
				      "export of the whole ledger is of all)",
				      held->name, (ull)held->checkpoint.size);
		if (own != NULL && cm_proof_forked(own, held))
			cm_proof_fault(proof,
				       "there are two histories: %s and %s are "
				       "both signed for %llu events, but not "
				       "for the same ones",
				       held->name, own->name,
				       (ull)held->checkpoint.size);
	}
}

static bool is_kept(const struct cm_proof *proof,
		    const struct cm_proof_head *head)
{
	size_t i;

	for (i = 0; i < proof->nheld; i++) {
		if (proof->held[i].checkpoint.size == head->checkpoint.size &&
		    !cm_proof_forked(&proof->held[i], head))
			return true;
	}
	return false;
}

/* The others have to be a part of the newest one. */
static void check_stolen(struct cm_proof *proof)
{
	const struct cm_proof_head *newest;
	char at[CM_CLOCK_TEXT];
	int64_t since;

	if (proof->nheads == 0)
		return;
	newest = &proof->heads[proof->nheads - 1];
	since = proof->ring.since[newest->key];
	if (since == 0 ||
	    cm_keyring_confirms(&proof->ring, newest->key,
				&newest->checkpoint) ||
	    (newest->stamped_at != 0 && newest->stamped_at < since) ||
	    is_kept(proof, newest))
		return;
	cm_proof_fault(proof,
		       "%s is signed by a key that others may have had since "
		       "%s, and nothing else bears it out: no checkpoint by a "
		       "later key, none that you kept, no time stamp from "
		       "before that you can check (-t)",
		       newest->name, cm_clock_format(since, at));
}

int cm_proof_check(struct cm_proof *proof, struct cm_error *err)
{
	int rc = check_sums(proof);

	proof->whole = cm_proof_find(proof, CM_PROOF_EVENTS) != NULL;
	if (rc == CM_OK) {
		check_keys(proof);
		rc = read_heads(proof);
	}
	if (rc == CM_OK)
		rc = check_heads(proof, err);
	if (rc == CM_OK) {
		check_changes(proof);
		check_held(proof);
		check_stolen(proof);
	}
	if (rc == CM_EUSAGE)
		return rc;
	if (rc != CM_OK)
		return cm_fail(err, rc, "the proof cannot be checked");
	rc = cm_proof_check_events(proof, err);
	if (rc == CM_OK && proof->whole)
		rc = cm_proof_check_ledger(proof, err);
	return rc;
}
