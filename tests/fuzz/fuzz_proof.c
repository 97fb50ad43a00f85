/*
 * Any octets as a folder that consent-verify is given: no crash, no leak, and
 * never valid but with a genuine checkpoint.  "== NAME" begins a file.
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/proof.h"

#include "tests/fuzz/fuzz.h"

enum { FILES_MAX = 64, ARENA_MAX = 1 << 26 };

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

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cm_proof_file *)a)->name,
		      ((const struct cm_proof_file *)b)->name);
}

/* A folder has one file of a name. */
static size_t drop_doubles(struct cm_proof_file *files, size_t count)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++) {
		if (kept > 0 &&
		    strcmp(files[kept - 1].name, files[i].name) == 0)
			continue;
		files[kept++] = files[i];
	}
	return kept;
}

static const char *next_mark(struct cm_span text)
{
	return text.n < 3 ? NULL : memmem(text.p, text.n, "== ", 3);
}

/* Up to FILES_MAX of them; what stands before the first is nobody's. */
static size_t split(struct cm_span rest, struct cm_arena *arena,
		    struct cm_proof_file *files)
{
	const char *mark;
	size_t count = 0;

	while (count < FILES_MAX && (mark = next_mark(rest)) != NULL) {
		struct cm_span name, body;

		body = cm_span_n(mark + 3,
				 rest.n - (size_t)(mark + 3 - rest.p));
		name = cm_span_cut(&body, '\n');
		rest = body;
		mark = next_mark(rest);
		body.n = mark == NULL ? rest.n : (size_t)(mark - rest.p);
		if (name.n > 4 * CM_PROOF_NAME_MAX)
			continue;
		files[count].name = cm_arena_dup(arena, name.p, name.n);
		files[count++].text = body;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cm_proof_file files[FILES_MAX];
	struct cm_note_key key;
	struct cm_proof proof = {.key = &key, .files = files};
	struct cm_error err;

	must(cm_note_key_parse(cm_span(vkey), &key, &err) == CM_OK);
	must(cm_arena_new(ARENA_MAX, &proof.arena) == CM_OK);
	proof.nfiles =
		split(cm_span_n((const char *)data, n), proof.arena, files);
	qsort(files, proof.nfiles, sizeof(files[0]), by_name);
	proof.nfiles = drop_doubles(files, proof.nfiles);
	cm_buf_init(&proof.faults, 1 << 22);
	cm_buf_init(&proof.facts, 1 << 22);
	must(cm_proof_check(&proof, &err) == CM_OK);
	must(proof.nfaults > 0 || proof.nheads > 0);
	must((proof.nfaults > 0) == (proof.faults.len > 0));
	cm_buf_free(&proof.faults);
	cm_buf_free(&proof.facts);
	cm_arena_free(&proof.arena);
	return 0;
}
