/*
 * consent-verify's checks over folders in memory (F-15): every octet of
 * every file is changed, by one who also mends the list of hashes; tails are
 * cut, events moved, added and taken out, histories forked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/enc.h"
#include "policy/event.h"
#include "policy/merkle.h"
#include "policy/tlog.h"
#include "tools/proof.h"

#include "tests/unit/test.h"

enum { EVENTS = 7, OLD = 3, FILES = 40, TILES = 4 };

/* A tree of so few leaves has one tile, level 0. */
struct world {
	struct cm_note_key key;
	struct cm_arena *arena;
	uint8_t tile[CM_MERKLE_TILE_MAX];
	size_t tile_len;
	char *json[EVENTS];
	char opening[64];
	char notice[64];
	struct cm_proof_file files[FILES];
	size_t nfiles;
	struct cm_proof_head held;
	size_t nheld;
};

static int tile_read(void *ctx, unsigned level, uint64_t index,
		     struct cm_span *ret_hashes)
{
	struct world *w = ctx;

	if (level != 0 || index != 0 || w->tile_len == 0)
		return CM_ENOTFOUND;
	*ret_hashes = cm_span_n((char *)w->tile, w->tile_len);
	return CM_OK;
}

static int tile_write(void *ctx, unsigned level, uint64_t index,
		      struct cm_span hashes)
{
	struct world *w = ctx;

	assert_int_equal(level, 0);
	assert_int_equal(index, 0);
	memcpy(w->tile, hashes.p, hashes.n);
	w->tile_len = hashes.n;
	return CM_OK;
}

static void put(struct world *w, const char *name, const void *text, size_t n)
{
	assert_true(w->nfiles < FILES);
	w->files[w->nfiles].name = cm_arena_strdup(w->arena, name);
	w->files[w->nfiles++].text =
		cm_span_n(cm_arena_dup(w->arena, text, n), n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cm_proof_file *)a)->name,
		      ((const struct cm_proof_file *)b)->name);
}

/* Make the list of hashes, in the place of the old one. */
static void make_sums(struct world *w)
{
	struct cm_buf sums;
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1];
	uint8_t hash[CM_HASH_LEN];
	size_t i;

	for (i = 0; i < w->nfiles; i++) {
		if (strcmp(w->files[i].name, CM_PROOF_SUMS) == 0)
			w->files[i] = w->files[--w->nfiles];
	}
	qsort(w->files, w->nfiles, sizeof(w->files[0]), by_name);
	cm_buf_init(&sums, 65536);
	for (i = 0; i < w->nfiles; i++) {
		assert_int_equal(
			cm_sha256(w->files[i].text.p, w->files[i].text.n, hash),
			CM_OK);
		(void)cm_hex_encode(hash, sizeof(hash), hex);
		(void)cm_buf_addf(&sums, "%s  %s\n", hex, w->files[i].name);
	}
	put(w, CM_PROOF_SUMS, sums.data, sums.len);
	w->files[w->nfiles - 1].name = CM_PROOF_SUMS; /* outlives any arena */
	cm_buf_free(&sums);
	qsort(w->files, w->nfiles, sizeof(w->files[0]), by_name);
}

static char *event_json(struct world *w, size_t number)
{
	struct cm_event event = {
		.type = number % 2 == 0 ? CM_EVENT_GRANTED : CM_EVENT_WITHDRAWN,
		.actor = CM_ACTOR_ADMIN,
		.purpose = "acme/newsletter",
		.channel = "cli",
		.at = 1000 * (int64_t)number + 1,
		.rec = 1000 * (int64_t)number + 1,
	};
	struct cm_buf buf;
	char *copy;

	memset(event.contact.b, (int)number, sizeof(event.contact.b));
	event.family = event.contact;
	if (event.type == CM_EVENT_GRANTED)
		(void)snprintf(event.source, sizeof(event.source), "order");
	if (number == 2) {
		event.has_evidence = event.has_notice = true;
		assert_int_equal(cm_sha256(w->opening, strlen(w->opening),
					   event.evidence.b),
				 CM_OK);
		assert_int_equal(
			cm_sha256(w->notice, strlen(w->notice), event.notice.b),
			CM_OK);
	}
	cm_buf_init(&buf, 4096);
	assert_int_equal(cm_event_encode(&event, &buf), CM_OK);
	copy = cm_arena_dup(w->arena, buf.data, buf.len);
	cm_buf_free(&buf);
	return copy;
}

static struct cm_span sign_head(struct world *w, uint64_t size,
				struct cm_checkpoint *ret_checkpoint)
{
	const struct cm_merkle_tiles tiles = {w, tile_read, tile_write};
	struct cm_checkpoint checkpoint = {.size = size};
	struct cm_buf text, note;
	struct cm_span copy;

	(void)snprintf(checkpoint.origin, sizeof(checkpoint.origin), "%s",
		       w->key.name);
	assert_int_equal(cm_merkle_root(&tiles, size, &checkpoint.root, NULL),
			 CM_OK);
	cm_buf_init(&text, 4096);
	cm_buf_init(&note, 4096);
	assert_int_equal(cm_checkpoint_text(&checkpoint, &text), CM_OK);
	assert_int_equal(cm_note_sign(&w->key, cm_span_n(text.data, text.len),
				      &note, NULL),
			 CM_OK);
	copy = cm_span_n(cm_arena_dup(w->arena, note.data, note.len), note.len);
	cm_buf_free(&text);
	cm_buf_free(&note);
	*ret_checkpoint = checkpoint;
	return copy;
}

static void world_begin(struct world *w, const char *notice)
{
	static const uint8_t seed[CM_ED25519_SEED_LEN] = {1, 2, 3};
	const struct cm_merkle_tiles tiles = {w, tile_read, tile_write};
	struct cm_merkle_appender *appender = NULL;
	struct cm_hash root;
	uint64_t size;
	size_t i;

	memset(w, 0, sizeof(*w));
	assert_int_equal(cm_arena_new(1 << 28, &w->arena), CM_OK);
	assert_int_equal(cm_note_key_make(cm_span("acme.example/consent"), seed,
					  &w->key, NULL),
			 CM_OK);
	(void)snprintf(w->opening, sizeof(w->opening),
		       "0123456789abcdef{\"note\":\"a call\"}");
	(void)snprintf(w->notice, sizeof(w->notice), "%s", notice);
	assert_int_equal(cm_merkle_append_begin(&tiles, 0, &appender, NULL),
			 CM_OK);
	for (i = 0; i < EVENTS; i++) {
		w->json[i] = event_json(w, i);
		assert_int_equal(
			cm_merkle_append(appender, cm_span(w->json[i]), NULL),
			CM_OK);
	}
	assert_int_equal(cm_merkle_append_finish(appender, &size, &root, NULL),
			 CM_OK);
	cm_merkle_append_free(&appender);
}

static void put_key(struct world *w)
{
	char text[CM_NOTE_KEY_TEXT + 1];

	cm_note_key_public(&w->key, text);
	(void)strncat(text, "\n", 2);
	put(w, CM_PROOF_KEY, text, strlen(text));
}

static void put_head(struct world *w, uint64_t size, bool parts)
{
	struct cm_checkpoint checkpoint;
	struct cm_span note = sign_head(w, size, &checkpoint), text;
	uint8_t sig[CM_ED25519_SIG_LEN];
	char name[64];

	(void)snprintf(name, sizeof(name), "heads/" CM_PROOF_NAME ".checkpoint",
		       (unsigned long long)size);
	put(w, name, note.p, note.n);
	if (!parts)
		return;
	assert_int_equal(cm_note_open(&w->key, note, &text, sig, NULL), CM_OK);
	(void)snprintf(name, sizeof(name), "heads/" CM_PROOF_NAME ".text",
		       (unsigned long long)size);
	put(w, name, text.p, text.n);
	(void)snprintf(name, sizeof(name), "heads/" CM_PROOF_NAME ".sig",
		       (unsigned long long)size);
	put(w, name, sig, sizeof(sig));
}

static void put_inclusion(struct world *w, uint64_t number, uint64_t size)
{
	const struct cm_merkle_tiles tiles = {w, tile_read, tile_write};
	struct cm_tlog_inclusion proof = {.index = number};
	struct cm_checkpoint checkpoint;
	struct cm_buf buf;
	char name[64];

	proof.checkpoint = sign_head(w, size, &checkpoint);
	assert_int_equal(
		cm_merkle_inclusion(&tiles, size, number, &proof.path, NULL),
		CM_OK);
	cm_buf_init(&buf, CM_TLOG_MAX);
	assert_int_equal(cm_tlog_print_inclusion(&proof, &buf), CM_OK);
	(void)snprintf(name, sizeof(name),
		       "events/" CM_PROOF_NAME ".tlog-proof",
		       (unsigned long long)number);
	put(w, name, buf.data, buf.len);
	cm_buf_free(&buf);
	(void)snprintf(name, sizeof(name), "events/" CM_PROOF_NAME ".json",
		       (unsigned long long)number);
	put(w, name, w->json[number], strlen(w->json[number]));
}

static void put_consistency(struct world *w)
{
	const struct cm_merkle_tiles tiles = {w, tile_read, tile_write};
	struct cm_tlog_consistency proof = {.from = OLD, .to = EVENTS};
	struct cm_buf buf;

	assert_int_equal(
		cm_merkle_consistency(&tiles, OLD, EVENTS, &proof.path, NULL),
		CM_OK);
	cm_buf_init(&buf, CM_TLOG_MAX);
	assert_int_equal(cm_tlog_print_consistency(&proof, &buf), CM_OK);
	put(w, "heads/0000000003.consistency", buf.data, buf.len);
	cm_buf_free(&buf);
}

/* One person's events 2 and 5. */
static void evidence_folder(struct world *w)
{
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1], name[128];
	uint8_t hash[CM_HASH_LEN];

	world_begin(w, "I want the newsletter.\n");
	put_key(w);
	put_head(w, OLD, true);
	put_head(w, EVENTS, false);
	put_consistency(w);
	put_inclusion(w, 2, OLD);
	put_inclusion(w, 5, EVENTS);
	put(w, "events/0000000002.opening", w->opening, strlen(w->opening));
	assert_int_equal(cm_sha256(w->notice, strlen(w->notice), hash), CM_OK);
	(void)cm_hex_encode(hash, sizeof(hash), hex);
	(void)snprintf(name, sizeof(name), "notices/%s.txt", hex);
	put(w, name, w->notice, strlen(w->notice));
	make_sums(w);
}

static void ledger_folder(struct world *w)
{
	struct cm_buf events, leaves;
	struct cm_hash leaf;
	size_t i;

	world_begin(w, "I want the newsletter.\n");
	put_key(w);
	put_head(w, OLD, false);
	put_head(w, EVENTS, true);
	cm_buf_init(&events, 65536);
	cm_buf_init(&leaves, 65536);
	for (i = 0; i < EVENTS; i++) {
		(void)cm_buf_addf(&events, "%s\n", w->json[i]);
		assert_int_equal(cm_merkle_leaf(cm_span(w->json[i]), &leaf),
				 CM_OK);
		(void)cm_tlog_print_hash(&leaf, &leaves);
	}
	put(w, CM_PROOF_EVENTS, events.data, events.len);
	put(w, CM_PROOF_LEAVES, leaves.data, leaves.len);
	cm_buf_free(&events);
	cm_buf_free(&leaves);
	make_sums(w);
}

static void world_end(struct world *w)
{
	cm_arena_free(&w->arena);
}

/* The number of faults; their words if asked for. */
static uint64_t faults(const struct world *w, char *words, size_t room)
{
	struct cm_proof proof = {.key = &w->key,
				 .files = w->files,
				 .nfiles = w->nfiles,
				 .held = &w->held,
				 .nheld = w->nheld};
	uint64_t n;

	assert_int_equal(cm_arena_new(1 << 24, &proof.arena), CM_OK);
	cm_buf_init(&proof.faults, 65536);
	cm_buf_init(&proof.facts, 65536);
	assert_int_equal(cm_proof_check(&proof, NULL), CM_OK);
	n = proof.nfaults;
	if (words != NULL)
		(void)snprintf(words, room, "%s", cm_buf_text(&proof.faults));
	cm_buf_free(&proof.faults);
	cm_buf_free(&proof.facts);
	cm_arena_free(&proof.arena);
	return n;
}

/* words NULL: all is well. */
static void expect(const struct world *w, const char *words)
{
	char got[8192];
	uint64_t n = faults(w, got, sizeof(got));

	if (words == NULL)
		assert_string_equal(got, "");
	else if (n == 0 || strstr(got, words) == NULL)
		fail_msg("got: %swant: %s", got, words);
}

static struct cm_proof_file *file_of(struct world *w, const char *name)
{
	size_t i;

	for (i = 0; i < w->nfiles; i++)
		if (strcmp(w->files[i].name, name) == 0)
			return &w->files[i];
	fail_msg("no %s", name);
	return NULL;
}

static void replace(struct world *w, const char *name, const char *text)
{
	file_of(w, name)->text =
		cm_span_n(cm_arena_strdup(w->arena, text), strlen(text));
	make_sums(w);
}

/* ---- every octet -------------------------------------------------------- */

static bool cm_long(void)
{
	return getenv("CM_LONG") != NULL;
}

static void flip_file(struct world *w, const char *name, bool mend)
{
	struct cm_span was = file_of(w, name)->text;
	char *copy = cm_arena_dup(w->arena, was.p, was.n);
	struct cm_arena *outer = w->arena;
	size_t i;

	file_of(w, name)->text.p = copy;
	/* Without mending, the list of hashes sees all in one way. */
	for (i = 0; i < was.n; i += mend || cm_long() ? 1 : 5) {
		copy[i] = (char)(copy[i] ^ (1 << i % 8));
		if (mend) {
			assert_int_equal(cm_arena_new(1 << 20, &w->arena),
					 CM_OK);
			make_sums(w);
		}
		if (faults(w, NULL, 0) == 0)
			fail_msg("%s: octet %zu was changed, and nobody saw",
				 name, i);
		if (mend) {
			cm_arena_free(&w->arena);
			w->arena = outer;
		}
		copy[i] = (char)(copy[i] ^ (1 << i % 8));
	}
	file_of(w, name)->text = was;
	make_sums(w);
	expect(w, NULL);
}

/* By accident, and by one who mends the list of hashes. */
static void flip_all(struct world *w)
{
	size_t i, n = w->nfiles;
	const char *names[FILES];

	for (i = 0; i < n; i++)
		names[i] = w->files[i].name;
	for (i = 0; i < n; i++) {
		flip_file(w, names[i], false);
		if (strcmp(names[i], CM_PROOF_SUMS) != 0)
			flip_file(w, names[i], true);
	}
}

static void test_every_octet_of_evidence(void **state)
{
	struct world w;

	(void)state;
	evidence_folder(&w);
	expect(&w, NULL);
	flip_all(&w);
	world_end(&w);
}

static void test_every_octet_of_a_ledger(void **state)
{
	struct world w;

	(void)state;
	ledger_folder(&w);
	expect(&w, NULL);
	flip_all(&w);
	world_end(&w);
}

/* Each file cut at every place, and taken out, by one who mends the list. */
static void test_cut_and_missing(void **state)
{
	static void (*const make[])(struct world *) = {evidence_folder,
						       ledger_folder};
	struct world w;
	size_t k, i, n;

	(void)state;
	for (k = 0; k < 2; k++) {
		make[k](&w);
		n = w.nfiles;
		for (i = 0; i < n; i++) {
			const char *name = w.files[i].name;
			struct cm_span was = file_of(&w, name)->text;
			size_t cut;

			if (strcmp(name, CM_PROOF_SUMS) == 0)
				continue;
			for (cut = 0; cut < was.n; cut += 1 + was.n / 40) {
				file_of(&w, name)->text.n = cut;
				make_sums(&w);
				if (faults(&w, NULL, 0) == 0)
					fail_msg("%s: cut at %zu", name, cut);
			}
			file_of(&w, name)->text = was;
			make_sums(&w);
		}
		expect(&w, NULL);
		world_end(&w);
	}
}

/* ---- what is said ------------------------------------------------------- */

static void test_a_ledger_in_words(void **state)
{
	struct world w;
	char text[8192];
	char *leaf;

	(void)state;
	ledger_folder(&w);
	(void)snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s\n%s\n",
		       w.json[0], w.json[1], w.json[2], w.json[3], w.json[4],
		       w.json[5]);
	replace(&w, CM_PROOF_EVENTS, text);
	expect(&w, "events are missing: there are 6 of the 7");
	(void)snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s\n%s\n%s\n",
		       w.json[0], w.json[2], w.json[1], w.json[3], w.json[4],
		       w.json[5], w.json[6]);
	replace(&w, CM_PROOF_EVENTS, text);
	expect(&w, "what stands as event 1 was recorded as event 2");
	(void)snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s\n%s\n%s\n",
		       w.json[0], w.json[1], w.json[2], w.json[3], w.json[3],
		       w.json[5], w.json[6]);
	replace(&w, CM_PROOF_EVENTS, text);
	expect(&w, "what stands as event 4 was recorded as event 3");
	/* The list of hashes is cut as well: the head knows better. */
	leaf = strdup(file_of(&w, CM_PROOF_LEAVES)->text.p);
	leaf[6 * 45] = '\0';
	replace(&w, CM_PROOF_LEAVES, leaf);
	expect(&w, "the end was cut off: 7 events were signed for");
	free(leaf);
	world_end(&w);
}

/* Another history, signed by the same key: named with a head that was kept. */
static void test_forks_in_words(void **state)
{
	struct world w, other;

	(void)state;
	world_begin(&other, "Another text.\n");
	ledger_folder(&w);
	w.nheld = 1;
	w.held.name = "kept.checkpoint";
	(void)sign_head(&w, EVENTS, &w.held.checkpoint);
	expect(&w, NULL);
	(void)sign_head(&w, 5, &w.held.checkpoint);
	expect(&w, NULL);
	(void)sign_head(&other, EVENTS, &w.held.checkpoint);
	expect(&w, "two histories");
	(void)sign_head(&other, 5, &w.held.checkpoint);
	expect(&w, "the checkpoint that you kept, kept.checkpoint, was signed "
		   "for its first 5 events");
	w.held.checkpoint.size = EVENTS + 1;
	expect(&w, "the end was cut off: the checkpoint that you kept");
	world_end(&w);
	evidence_folder(&w);
	w.nheld = 1;
	w.held.name = "kept.checkpoint";
	(void)sign_head(&other, OLD, &w.held.checkpoint);
	expect(&w, "two histories");
	world_end(&w);
	world_end(&other);
}

static void test_others_in_words(void **state)
{
	struct world w;

	(void)state;
	evidence_folder(&w);
	put(&w, "events/0000000009.opening", "x", 1);
	make_sums(&w);
	expect(&w, "events/0000000009.json is missing");
	world_end(&w);
	evidence_folder(&w);
	put(&w, "notes.txt", "x", 1);
	qsort(w.files, w.nfiles, sizeof(w.files[0]), by_name);
	expect(&w, "notes.txt was added");
	make_sums(&w);
	expect(&w, NULL);
	w.key.public_key[0] ^= 1;
	expect(&w, "is not the key that you trust");
	world_end(&w);
	evidence_folder(&w);
	file_of(&w, "events/0000000002.tlog-proof")->text =
		file_of(&w, "events/0000000005.tlog-proof")->text;
	make_sums(&w);
	expect(&w, "is about another event, number 5");
	world_end(&w);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"",     "/a",   "../a",    "a/../b",
					  "a//b", "a/",   ".hidden", "a b",
					  "a\n",  "a/.b", "\xC3\xBC"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(cm_proof_name_good(cm_span(bad[i])));
	assert_true(cm_proof_name_good(cm_span("heads/0000000003.tsr")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_octet_of_evidence),
		cmocka_unit_test(test_every_octet_of_a_ledger),
		cmocka_unit_test(test_cut_and_missing),
		cmocka_unit_test(test_a_ledger_in_words),
		cmocka_unit_test(test_forks_in_words),
		cmocka_unit_test(test_others_in_words),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
