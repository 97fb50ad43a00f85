/*
 * note, tlog: signed notes and checkpoints (F-4), against the example of Go's
 * note package, which a key of ours signs to the octet; every changed octet
 * is refused.
 */
#include <stdio.h>
#include <string.h>

#include "policy/note.h"
#include "policy/rotation.h"
#include "policy/tlog.h"

#include "tests/unit/test.h"

/* golang.org/x/mod/sumdb/note, documentation of Sign and Open. */
static const char go_private[] = "PRIVATE+KEY+PeterNeumann+c74f20a3+"
				 "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
static const char go_public[] =
	"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_text[] =
	"If you think cryptography is the answer to your problem,\n"
	"then you don't know what your problem is.\n";
static const char go_note[] =
	"If you think cryptography is the answer to your problem,\n"
	"then you don't know what your problem is.\n"
	"\n"
	"\xE2\x80\x94 PeterNeumann "
	"x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
	"qdngotpRZb6KE6RyyBwJnAM=\n";

static struct cm_note_key key_of(const char *text)
{
	struct cm_note_key key;

	assert_int_equal(cm_note_key_parse(cm_span(text), &key, NULL), CM_OK);
	return key;
}

static void test_go_example(void **state)
{
	struct cm_note_key private_key = key_of(go_private);
	struct cm_note_key public_key = key_of(go_public);
	uint8_t sig[CM_ED25519_SIG_LEN];
	char text[CM_NOTE_KEY_TEXT];
	struct cm_span got;
	struct cm_buf buf;

	(void)state;
	assert_true(private_key.can_sign);
	assert_false(public_key.can_sign);
	cm_note_key_public(&private_key, text);
	assert_string_equal(text, go_public);
	cm_note_key_private(&private_key, text);
	assert_string_equal(text, go_private);
	cm_buf_init(&buf, CM_NOTE_MAX);
	assert_int_equal(
		cm_note_sign(&private_key, cm_span(go_text), &buf, NULL),
		CM_OK);
	assert_string_equal(cm_buf_text(&buf), go_note);
	assert_int_equal(
		cm_note_open(&public_key, cm_span(go_note), &got, sig, NULL),
		CM_OK);
	assert_true(cm_span_eq(got, cm_span(go_text)));
	cm_buf_free(&buf);
}

/* F-15: no octet of a note by one key can be another. */
static void test_every_octet(void **state)
{
	struct cm_note_key key = key_of(go_public);
	uint8_t sig[CM_ED25519_SIG_LEN];
	char note[sizeof(go_note)];
	struct cm_span got;
	size_t n = strlen(go_note);
	size_t i;
	int bit;

	(void)state;
	for (i = 0; i < n; i++) {
		for (bit = 0; bit < 8; bit++) {
			memcpy(note, go_note, sizeof(note));
			note[i] = (char)(note[i] ^ (1 << bit));
			assert_int_equal(cm_note_open(&key, cm_span_n(note, n),
						      &got, sig, NULL),
					 CM_EDATA);
		}
		assert_int_equal(cm_note_open(&key, cm_span_n(go_note, i), &got,
					      sig, NULL),
				 CM_EDATA);
	}
}

/* Signatures by others, witnesses, are passed over; two of ours are not. */
static void test_other_signatures(void **state)
{
	static const char other[] = "\xE2\x80\x94 w.example AAAAAAAAAAA=\n";
	struct cm_note_key key = key_of(go_public);
	uint8_t sig[CM_ED25519_SIG_LEN];
	struct cm_span got;
	char note[1024];

	(void)state;
	(void)snprintf(note, sizeof(note), "%s%s", go_note, other);
	assert_int_equal(cm_note_open(&key, cm_span(note), &got, sig, NULL),
			 CM_OK);
	(void)snprintf(note, sizeof(note), "%s%s", go_note,
		       strstr(go_note, "\xE2\x80\x94"));
	assert_int_equal(cm_note_open(&key, cm_span(note), &got, sig, NULL),
			 CM_EDATA);
	(void)snprintf(note, sizeof(note), "%s\n%s", go_text, other);
	assert_int_equal(cm_note_open(&key, cm_span(note), &got, sig, NULL),
			 CM_EDATA);
}

static void test_bad_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"+",
		"PeterNeumann",
		"PeterNeumann+c74f20a3",
		"PeterNeumann+c74f20a3+",
		"PeterNeumann+c74f20a4+"
		"ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumanm+c74f20a3+"
		"ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+"
		"ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
		"Peter Neumann+c74f20a3+"
		"ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+"
		"AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	};
	static const char *const names[] = {
		"",           "a b",          "a+b",  "a\nb",
		"a\xC2\xA0z", "\xE3\x80\x80", "\xFF", "a\x7F"};
	struct cm_note_key key;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cm_note_key_parse(cm_span(bad[i]), &key, NULL),
				 CM_EDATA);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(cm_note_name_good(cm_span(names[i])));
	assert_true(cm_note_name_good(cm_span("acme.example/b\xC3\xBC"
					      "cher")));
}

static void test_checkpoint_texts(void **state)
{
	static const char good[] =
		"example.com/behind-the-sofa\n20852163\n"
		"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	static const char *const bad[] = {
		"",
		"a\n1\n",
		"a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nx\n",
		("a\n18446744073709551616\n"
		 "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"),
	};
	struct cm_checkpoint checkpoint;
	struct cm_buf buf;
	size_t i;

	(void)state;
	assert_int_equal(cm_checkpoint_parse(cm_span(good), &checkpoint, NULL),
			 CM_OK);
	assert_int_equal(checkpoint.size, 20852163);
	assert_string_equal(checkpoint.origin, "example.com/behind-the-sofa");
	cm_buf_init(&buf, 1024);
	assert_int_equal(cm_checkpoint_text(&checkpoint, &buf), CM_OK);
	assert_string_equal(cm_buf_text(&buf), good);
	cm_buf_free(&buf);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			cm_checkpoint_parse(cm_span(bad[i]), &checkpoint, NULL),
			CM_EDATA);
}

/* A good signature over a checkpoint of another ledger is not ours. */
static void test_checkpoint_origin(void **state)
{
	struct cm_note_key key = key_of(go_private);
	struct cm_checkpoint checkpoint = {.origin = "PeterNeumann", .size = 7};
	struct cm_checkpoint got;
	struct cm_buf text, note;
	int i;

	(void)state;
	cm_buf_init(&text, 1024);
	cm_buf_init(&note, 4096);
	for (i = 0; i < 2; i++) {
		cm_buf_reset(&text);
		cm_buf_reset(&note);
		assert_int_equal(cm_checkpoint_text(&checkpoint, &text), CM_OK);
		assert_int_equal(cm_note_sign(&key,
					      cm_span_n(text.data, text.len),
					      &note, NULL),
				 CM_OK);
		assert_int_equal(
			cm_checkpoint_open(&key, cm_span_n(note.data, note.len),
					   &got, NULL),
			i == 0 ? CM_OK : CM_EDATA);
		(void)snprintf(checkpoint.origin, sizeof(checkpoint.origin),
			       "somebody.example");
	}
	cm_buf_free(&text);
	cm_buf_free(&note);
}

static struct cm_merkle_proof path_of(size_t count)
{
	struct cm_merkle_proof path = {.count = count};
	size_t i;

	for (i = 0; i < count; i++)
		memset(path.hashes[i].b, (int)i + 1, CM_HASH_LEN);
	return path;
}

static void test_inclusion_text(void **state)
{
	struct cm_tlog_inclusion proof = {.index = 73894,
					  .path = path_of(3),
					  .checkpoint = cm_span(go_note)};
	struct cm_tlog_inclusion got;
	struct cm_buf buf, again;
	size_t i;

	(void)state;
	cm_buf_init(&buf, CM_TLOG_MAX);
	cm_buf_init(&again, CM_TLOG_MAX);
	assert_int_equal(cm_tlog_print_inclusion(&proof, &buf), CM_OK);
	assert_true(cm_span_starts(cm_span(cm_buf_text(&buf)),
				   "c2sp.org/tlog-proof@v1\nindex 73894\n"
				   "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
				   "=\n"));
	/* What reads at all reads as something else, or prints the same. */
	for (i = 0; i < buf.len * 8; i++) {
		buf.data[i / 8] = (char)(buf.data[i / 8] ^ (1 << i % 8));
		cm_buf_reset(&again);
		if (cm_tlog_parse_inclusion(cm_span_n(buf.data, buf.len), &got,
					    NULL) == CM_OK) {
			assert_int_equal(cm_tlog_print_inclusion(&got, &again),
					 CM_OK);
			assert_int_equal(again.len, buf.len);
			assert_memory_equal(again.data, buf.data, buf.len);
		}
		buf.data[i / 8] = (char)(buf.data[i / 8] ^ (1 << i % 8));
	}
	assert_int_equal(cm_tlog_parse_inclusion(cm_span_n(buf.data, buf.len),
						 &got, NULL),
			 CM_OK);
	assert_int_equal(got.index, 73894);
	assert_int_equal(got.path.count, 3);
	assert_true(cm_span_eq(got.checkpoint, cm_span(go_note)));
	cm_buf_free(&buf);
	cm_buf_free(&again);
}

static void test_consistency_text(void **state)
{
	struct cm_tlog_consistency proof = {
		.from = 3, .to = 70, .path = path_of(5)};
	struct cm_tlog_consistency got;
	struct cm_buf buf;
	size_t i;

	(void)state;
	cm_buf_init(&buf, CM_TLOG_MAX);
	assert_int_equal(cm_tlog_print_consistency(&proof, &buf), CM_OK);
	assert_int_equal(cm_tlog_parse_consistency(cm_span_n(buf.data, buf.len),
						   &got, NULL),
			 CM_OK);
	assert_int_equal(got.from, 3);
	assert_int_equal(got.to, 70);
	assert_int_equal(got.path.count, 5);
	for (i = 0; i < buf.len; i++) {
		if (cm_tlog_parse_consistency(cm_span_n(buf.data, i), &got,
					      NULL) == CM_OK)
			assert_true(got.path.count < 5);
	}
	/* A line too many, a blank one, no number, one with a zero first. */
	assert_int_equal(cm_buf_adds(&buf, "\n"), CM_OK);
	assert_int_equal(cm_tlog_parse_consistency(cm_span_n(buf.data, buf.len),
						   &got, NULL),
			 CM_EDATA);
	assert_int_equal(cm_tlog_parse_consistency(
				 cm_span("consent-milter/consistency-proof@v1\n"
					 "from 01\nto 2\n"),
				 &got, NULL),
			 CM_EDATA);
	cm_buf_free(&buf);
}

/* ---- a key that others may have had (F-14) ------------------------------ */

static struct cm_note_key seeded(uint8_t octet)
{
	uint8_t seed[CM_ED25519_SEED_LEN];
	struct cm_note_key key;

	memset(seed, octet, sizeof(seed));
	assert_int_equal(cm_note_key_make(cm_span("acme.example/consent"), seed,
					  &key, NULL),
			 CM_OK);
	return key;
}

static struct cm_checkpoint head_of(uint64_t size, uint8_t root)
{
	struct cm_checkpoint head = {.size = size};

	(void)snprintf(head.origin, sizeof(head.origin),
		       "acme.example/consent");
	memset(head.root.b, root, sizeof(head.root.b));
	return head;
}

/* Keys 1, 2, 3: changed at 10 and 20 events. */
static void three_keys(struct cm_keyring *ring)
{
	struct cm_note_key first = seeded(1);
	uint8_t i;

	cm_keyring_init(ring, &first);
	for (i = 1; i <= 2; i++) {
		const struct cm_rotation rotation = {
			.old_key = seeded(i),
			.new_key = seeded((uint8_t)(i + 1)),
			.head = head_of(10U * i, i)};
		struct cm_rotation other = rotation;

		assert_int_equal(cm_keyring_add(ring, &rotation, NULL), CM_OK);
		assert_int_equal(cm_keyring_add(ring, &rotation, NULL), CM_OK);
		/* Of as many events, but of others. */
		other.head = head_of(10U * i, 9);
		assert_int_equal(cm_keyring_add(ring, &other, NULL), CM_EDATA);
	}
}

static int said(struct cm_keyring *ring, uint8_t key, uint8_t by, int64_t since,
		struct cm_checkpoint head)
{
	struct cm_compromise compromise = {.key = seeded(key),
					   .by = seeded(by),
					   .since = since,
					   .head = head};
	struct cm_compromise read;
	struct cm_buf note;
	int rc;

	cm_buf_init(&note, CM_NOTE_MAX);
	assert_int_equal(cm_compromise_sign(&compromise, &note, NULL), CM_OK);
	assert_int_equal(
		cm_compromise_open(cm_span_n(note.data, note.len), &read, NULL),
		CM_OK);
	assert_int_equal(read.since, since);
	assert_int_equal(read.head.size, head.size);
	rc = cm_keyring_compromise(ring, &read, NULL);
	cm_buf_free(&note);
	return rc;
}

static void test_only_who_follows_may_say_it(void **state)
{
	struct cm_keyring ring;

	(void)state;
	three_keys(&ring);
	assert_int_equal(said(&ring, 2, 1, 1000, head_of(5, 5)), CM_EDATA);
	assert_int_equal(said(&ring, 1, 4, 1000, head_of(5, 5)), CM_EDATA);
	assert_int_equal(said(&ring, 4, 3, 1000, head_of(5, 5)), CM_EDATA);
	assert_int_equal(ring.since[0] + ring.since[1] + ring.since[2], 0);
	assert_int_equal(said(&ring, 1, 3, 1000, head_of(15, 5)), CM_OK);
	assert_int_equal(ring.since[0], 1000);
	assert_int_equal(said(&ring, 1, 3, 1000, head_of(15, 5)), CM_OK);
	assert_int_equal(said(&ring, 1, 2, 1000, head_of(15, 5)), CM_OK);
	/* Two notes that do not say the same. */
	assert_int_equal(said(&ring, 1, 3, 2000, head_of(15, 5)), CM_EDATA);
	assert_int_equal(said(&ring, 1, 3, 1000, head_of(16, 5)), CM_EDATA);
	assert_int_equal(said(&ring, 1, 3, 1000, head_of(15, 6)), CM_EDATA);
	assert_int_equal(ring.since[0], 1000);
}

static void test_what_a_later_key_confirms(void **state)
{
	struct cm_checkpoint change = head_of(10, 1), other = head_of(10, 2);
	struct cm_checkpoint note = head_of(15, 5), before = head_of(9, 1);
	struct cm_keyring ring;

	(void)state;
	three_keys(&ring);
	assert_int_equal(said(&ring, 1, 3, 1000, note), CM_OK);
	assert_true(cm_keyring_confirms(&ring, 0, &change));
	assert_true(cm_keyring_confirms(&ring, 0, &note));
	assert_false(cm_keyring_confirms(&ring, 0, &other));
	assert_false(cm_keyring_confirms(&ring, 0, &before));
	/* If the next one was stolen as well, its word is none. */
	assert_int_equal(said(&ring, 2, 3, 1000, head_of(20, 2)), CM_OK);
	assert_false(cm_keyring_confirms(&ring, 0, &change));
	assert_true(cm_keyring_confirms(&ring, 0, &note));
}

/* A key that joins in front moves the others along with what is said. */
static void test_notes_stay_with_their_keys(void **state)
{
	const struct cm_rotation first = {.old_key = seeded(1),
					  .new_key = seeded(2),
					  .head = head_of(10, 1)};
	const struct cm_rotation second = {.old_key = seeded(2),
					   .new_key = seeded(3),
					   .head = head_of(20, 2)};
	struct cm_checkpoint change = head_of(20, 2);
	struct cm_note_key last = seeded(3);
	struct cm_keyring ring;

	(void)state;
	cm_keyring_init(&ring, &last);
	assert_int_equal(cm_keyring_add(&ring, &second, NULL), CM_OK);
	assert_int_equal(said(&ring, 2, 3, 1000, head_of(25, 5)), CM_OK);
	assert_int_equal(cm_keyring_add(&ring, &first, NULL), CM_OK);
	assert_int_equal(ring.since[0], 0);
	assert_int_equal(ring.since[1], 1000);
	assert_int_equal(ring.said[1].size, 25);
	assert_true(cm_keyring_confirms(&ring, 1, &change));
}

/* Each field in the one spelling that there is. */
static void test_compromise_texts(void **state)
{
	static const char *const times[] = {"2026-01-31T12:00:00.5Z",
					    "2026-01-31", "", "now",
					    "1970-01-01T00:00:00Z"};
	struct cm_note_key key = seeded(1), by = seeded(2);
	char key_text[CM_NOTE_KEY_TEXT], by_text[CM_NOTE_KEY_TEXT];
	struct cm_compromise read;
	struct cm_buf text, note;
	size_t i;

	(void)state;
	cm_note_key_public(&key, key_text);
	cm_note_key_public(&by, by_text);
	cm_buf_init(&text, CM_NOTE_MAX);
	cm_buf_init(&note, CM_NOTE_MAX);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		cm_buf_reset(&text);
		cm_buf_reset(&note);
		assert_int_equal(
			cm_buf_addf(
				&text,
				"consent-milter compromise 1\n%s\n%s\n%s\n"
				"1\n"
				"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
				"\n",
				key_text, by_text, times[i]),
			CM_OK);
		assert_int_equal(cm_note_sign(&by,
					      cm_span_n(text.data, text.len),
					      &note, NULL),
				 CM_OK);
		assert_int_equal(
			cm_compromise_open(cm_span_n(note.data, note.len),
					   &read, NULL),
			CM_EDATA);
	}
	cm_buf_free(&text);
	cm_buf_free(&note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go_example),
		cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_other_signatures),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_checkpoint_texts),
		cmocka_unit_test(test_checkpoint_origin),
		cmocka_unit_test(test_inclusion_text),
		cmocka_unit_test(test_consistency_text),
		cmocka_unit_test(test_only_who_follows_may_say_it),
		cmocka_unit_test(test_what_a_later_key_confirms),
		cmocka_unit_test(test_notes_stay_with_their_keys),
		cmocka_unit_test(test_compromise_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
