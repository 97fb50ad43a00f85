/*
 * fuzz_edit: any octets as a message through the whole edit.
 *
 * Whatever comes: no crash, never a result that the proof refuses (two
 * readers agree), nothing changed outside the splices, and a second pass
 * changes nothing.  With libFuzzer, or replayed by tests/fuzz/replay.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/edit_word.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/message.h"

static struct test_world world;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	test_world_open(&world);
	return 0;
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_edit: %s\n", what);
	abort();
}

static void outside_is_kept(const struct cm_edit *edit)
{
	struct cm_span old = world.request.body;
	size_t from = 0;
	size_t at = 0;
	size_t i;

	for (i = 0; i < edit->nsplices; i++) {
		const struct cm_splice *s = &edit->splices[i];

		must(s->at >= from && s->at + s->remove <= old.n,
		     "splices are out of order");
		must(memcmp(edit->body.p + at, old.p + from, s->at - from) == 0,
		     "changed outside the splices");
		at += s->at - from + s->insert.n;
		from = s->at + s->remove;
	}
	must(edit->body.n == at + old.n - from, "another length");
	must(old.n == from ||
		     memcmp(edit->body.p + at, old.p + from, old.n - from) == 0,
	     "changed behind the splices");
}

static void second_pass(const struct cm_edit *first)
{
	struct cm_span all = test_world_apply(&world, first);
	char *copy = malloc(all.n + 1);
	struct cm_edit edit = {0};
	bool had_footer = cm_edit_has_body(first);

	must(copy != NULL, "no memory");
	memcpy(copy, all.p, all.n);
	test_world_message(&world, copy, all.n);
	must(cm_edit_make(&world.request, world.arena, &edit, NULL) == CM_OK,
	     "a second pass fails");
	must(!cm_edit_has_body(&edit), "a second pass edits");
	must(edit.nheaders == 0, "a second pass changes headers");
	if (had_footer)
		must(edit.outcome == CM_BODY_NOT_WANTED,
		     "a second pass does not see the footer");
	free(copy);
}

/* What is left alone may be wrapped: both readers agree, or it is not. */
static void wrap(const uint8_t *data, size_t size)
{
	struct cm_edit edit = {0};

	world.stream.uneditable = CM_UNEDITABLE_WRAP;
	test_world_message(&world, data, size);
	must(cm_edit_make(&world.request, world.arena, &edit, NULL) == CM_OK,
	     "wrapping fails");
	if (edit.disproof != NULL)
		(void)fprintf(stderr, "wrapper disproved: %s\n", edit.disproof);
	must(edit.disproof == NULL, "the proof refuses a wrapper");
	if (edit.outcome == CM_BODY_WRAPPED)
		second_pass(&edit);
	world.stream.uneditable = CM_UNEDITABLE_HEADERS_ONLY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cm_edit edit = {0};

	/* Both footers, one of which is ASCII, without a byte of its own. */
	world.request.language = size % 2 == 0 ? "cs" : "en";
	test_world_message(&world, data, size);
	must(cm_edit_make(&world.request, world.arena, &edit, NULL) == CM_OK,
	     "it fails");
	if (edit.outcome == CM_BODY_DISPROVED)
		(void)fprintf(stderr, "disproved: %s\n", edit.why);
	must(edit.outcome != CM_BODY_DISPROVED, "the proof refuses");
	must(edit.outcome == CM_BODY_FOOTER || cm_edit_word_of(&edit) != NULL,
	     "a word that milter/edit_word.c does not have");
	if (edit.outcome == CM_BODY_FOOTER) {
		must(edit.gmime_agreed, "GMime was not asked");
		outside_is_kept(&edit);
	}
	second_pass(&edit);
	if (edit.outcome == CM_BODY_UNEDITABLE)
		wrap(data, size);
	return 0;
}
