/*
 * head: how long the ledger was when it was last signed for (AT-ROYALMAIL);
 * a checkpoint that cannot be believed is no reason to send.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/head.h"
#include "policy/note.h"

#include "tests/unit/test.h"

static struct cm_note_key make_key(uint8_t octet)
{
	uint8_t seed[CM_ED25519_SEED_LEN];
	struct cm_note_key key;

	memset(seed, octet, sizeof(seed));
	assert_int_equal(cm_note_key_make(cm_span("acme.example/consent"), seed,
					  &key, NULL),
			 CM_OK);
	return key;
}

static void write_file(const char *name, const char *text, size_t n)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

/* A checkpoint of 4711 events, signed, by next too; octets up to n. */
static void write_signed(const struct cm_note_key *key,
			 const struct cm_note_key *next, size_t n)
{
	struct cm_checkpoint checkpoint = {.size = 4711};
	struct cm_buf text, note;

	(void)snprintf(checkpoint.origin, sizeof(checkpoint.origin),
		       "acme.example/consent");
	cm_buf_init(&text, CM_NOTE_MAX);
	cm_buf_init(&note, CM_NOTE_MAX);
	assert_int_equal(cm_checkpoint_text(&checkpoint, &text), CM_OK);
	assert_int_equal(cm_note_sign(key,
				      cm_span_n(cm_buf_text(&text), text.len),
				      &note, NULL),
			 CM_OK);
	if (next != NULL)
		assert_int_equal(
			cm_note_cosign(next,
				       cm_span_n(cm_buf_text(&text), text.len),
				       &note, NULL),
			CM_OK);
	write_file("checkpoint", cm_buf_text(&note),
		   n < note.len ? n : note.len);
	cm_buf_free(&text);
	cm_buf_free(&note);
}

static void write_checkpoint(const struct cm_note_key *key, size_t n)
{
	write_signed(key, NULL, n);
}

static void write_vkey(const struct cm_note_key *key)
{
	char text[CM_NOTE_KEY_TEXT];

	cm_note_key_public(key, text);
	write_file("vkey", text, strlen(text));
}

/* What the folder says; -1 for a refusal that names the file. */
static int64_t events(const char *named)
{
	struct cm_error err = {.text = ""};
	uint64_t found = 42;

	if (cm_head_events(".", &found, &err) == CM_OK)
		return (int64_t)found;
	assert_non_null(strstr(err.text, named));
	assert_int_equal(found, 42);
	return -1;
}

static void test_checkpoint(void **state)
{
	struct cm_note_key ours = make_key(1), other = make_key(2);

	(void)state;
	assert_int_equal(events(""), 0); /* nothing was signed yet */
	write_vkey(&ours);
	assert_int_equal(events(""), 0);
	write_checkpoint(&ours, SIZE_MAX);
	assert_int_equal(events(""), 4711);
	write_checkpoint(&ours, 60);
	assert_int_equal(events("checkpoint"), -1);
	write_checkpoint(&other, SIZE_MAX);
	assert_int_equal(events("checkpoint"), -1);
	write_vkey(&other);
	assert_int_equal(events(""), 4711);
	assert_int_equal(unlink("vkey"), 0);
	assert_int_equal(events("vkey"), -1);
}

/* While the key is changed (F-14), either one may stand beside it. */
static void test_two_signatures(void **state)
{
	struct cm_note_key old_key = make_key(1), new_key = make_key(2);
	struct cm_note_key other = make_key(3);

	(void)state;
	write_signed(&old_key, &new_key, SIZE_MAX);
	write_vkey(&old_key);
	assert_int_equal(events(""), 4711);
	write_vkey(&new_key);
	assert_int_equal(events(""), 4711);
	write_vkey(&other);
	assert_int_equal(events("checkpoint"), -1);
}

static void test_too_large(void **state)
{
	struct cm_note_key key = make_key(1);

	(void)state;
	write_vkey(&key);
	write_checkpoint(&key, SIZE_MAX);
	assert_int_equal(events(""), 4711);
	assert_int_equal(truncate("checkpoint", CM_NOTE_MAX + 1), 0);
	assert_int_equal(events("checkpoint"), -1);
}

static int in_a_folder(void **state)
{
	char folder[] = "/tmp/t_head.XXXXXX";

	(void)state;
	return mkdtemp(folder) == NULL ? -1 : chdir(folder);
}

static int out_of_it(void **state)
{
	char folder[64];

	(void)state;
	(void)unlink("vkey");
	(void)unlink("checkpoint");
	if (getcwd(folder, sizeof(folder)) == NULL || chdir("/") != 0)
		return -1;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_checkpoint, in_a_folder,
						out_of_it),
		cmocka_unit_test_setup_teardown(test_two_signatures,
						in_a_folder, out_of_it),
		cmocka_unit_test_setup_teardown(test_too_large, in_a_folder,
						out_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
