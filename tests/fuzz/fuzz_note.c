/*
 * Any octets as a key, a signed note, a checkpoint, a proof: no crash; what
 * reads prints to the very octets that were read.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/note.h"
#include "policy/rotation.h"
#include "policy/tlog.h"

#include "tests/fuzz/fuzz.h"

/* The seeds are signed by it. */
static const char vkey[] = "acme.example/consent+db6ee219+"
			   "Aa8Nniw7BGtCR2MK/S+ICZbueJyvrX/kdGVI1BtvVsqD";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void must_be(const struct cm_buf *buf, struct cm_span text)
{
	must(cm_buf_ok(buf) == CM_OK && buf->len == text.n &&
	     memcmp(cm_buf_text(buf), text.p, text.n) == 0);
}

static void as_key(struct cm_span text)
{
	char again[CM_NOTE_KEY_TEXT];
	struct cm_note_key key;
	struct cm_error err;

	if (cm_note_key_parse(text, &key, &err) != CM_OK)
		return;
	if (key.can_sign)
		cm_note_key_private(&key, again);
	else
		cm_note_key_public(&key, again);
	must(memcmp(again, text.p, strlen(again)) == 0);
	must(text.n - strlen(again) <= 1);
}

static void as_note(struct cm_span text)
{
	struct cm_checkpoint checkpoint;
	struct cm_note_key key;
	struct cm_error err;
	struct cm_span body;
	uint8_t sig[CM_ED25519_SIG_LEN];

	must(cm_note_key_parse(cm_span(vkey), &key, &err) == CM_OK);
	if (cm_note_open(&key, text, &body, sig, &err) != CM_OK)
		return;
	must(body.p == text.p && body.n < text.n);
	(void)!cm_checkpoint_open(&key, text, &checkpoint, &err);
}

static void as_texts(struct cm_span text)
{
	struct cm_tlog_inclusion inclusion;
	struct cm_tlog_consistency consistency;
	struct cm_checkpoint checkpoint;
	struct cm_error err;
	struct cm_buf buf;

	cm_buf_init(&buf, 1 << 20);
	if (cm_tlog_parse_inclusion(text, &inclusion, &err) == CM_OK) {
		(void)!cm_tlog_print_inclusion(&inclusion, &buf);
		must_be(&buf, text);
	}
	cm_buf_reset(&buf);
	if (cm_tlog_parse_consistency(text, &consistency, &err) == CM_OK) {
		(void)!cm_tlog_print_consistency(&consistency, &buf);
		must_be(&buf, text);
	}
	cm_buf_reset(&buf);
	if (cm_checkpoint_parse(text, &checkpoint, &err) == CM_OK) {
		(void)!cm_checkpoint_text(&checkpoint, &buf);
		must_be(&buf, text);
	}
	cm_buf_free(&buf);
}

static void as_notes_about_keys(struct cm_span text)
{
	struct cm_compromise compromise;
	struct cm_rotation rotation;

	(void)!cm_rotation_open(text, &rotation, NULL);
	if (cm_compromise_open(text, &compromise, NULL) == CM_OK)
		must(compromise.since > 0 && !compromise.by.can_sign);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cm_span text = cm_span_n((const char *)data, n);

	as_key(text);
	as_note(text);
	as_texts(text);
	as_notes_about_keys(text);
	return 0;
}
