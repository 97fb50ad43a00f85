/*
 * fuzz_edit: any octets as a message through the whole edit.
 *
 * Whatever comes: no crash, never a result that the proof refuses (two
 * readers agree), nothing but the splices changed and the footer shown once
 * (tests/unit/edit_check.h, which shares nothing with the proof), and a
 * second pass changes nothing.
 *
 * No message begins with a control character, so one below 32 says that what
 * follows is the text of a leaf, which is put into a message here: so the
 * fuzzer need not learn base64 to get at texts.  Its five bits say how, the
 * next octet names a charset.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/charset.h"
#include "lib/enc.h"
#include "milter/codec.h"
#include "milter/edit_word.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/edit_check.h"
#include "tests/unit/message.h"

enum { HTML = 1, FLOWED = 2, TWO_LEAVES = 4, CTE = 8, MESSAGE_MAX = 1 << 22 };

static struct test_world world;
static size_t charsets;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	test_world_open(&world);
	while (cm_charset_at(charsets) != NULL)
		charsets++;
	return 0;
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_edit: %s\n", what);
	abort();
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
	if (had_footer && edit.outcome != CM_BODY_NOT_WANTED)
		(void)fprintf(stderr, "second pass: %s\n",
			      edit.why != NULL ? edit.why : "no reason");
	if (had_footer)
		must(edit.outcome == CM_BODY_NOT_WANTED,
		     "a second pass does not see the footer");
	free(copy);
}

/* What is left alone may be wrapped: both readers agree, or it is not. */
static void wrap(const void *data, size_t size)
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

/* ---- a leaf's text becomes a message ------------------------------------ */

static void put_encoded(struct cm_buf *out, unsigned cte, struct cm_span text)
{
	char *base64;
	size_t n;
	size_t i;

	if (cte == 2) {
		must(cm_qp_encode(text, out) == CM_OK, "no QP");
		return;
	}
	if (cte != 3) {
		(void)cm_buf_add(out, text.p, text.n);
		return;
	}
	base64 = malloc(CM_BASE64_LEN(text.n) + 1);
	must(base64 != NULL, "no memory");
	n = cm_base64_encode(text.p, text.n, base64);
	for (i = 0; i < n; i += 76) {
		(void)cm_buf_add(out, base64 + i, n - i < 76 ? n - i : 76);
		(void)cm_buf_adds(out, "\r\n");
	}
	free(base64);
}

static void put_leaf(struct cm_buf *out, unsigned how, const char *charset,
		     struct cm_span text)
{
	static const char *const ctes[] = {"7bit", "8bit", "quoted-printable",
					   "base64"};

	(void)cm_buf_addf(out,
			  "Content-Type: text/%s; charset=\"%s\"%s\r\n"
			  "Content-Transfer-Encoding: %s\r\n\r\n",
			  (how & HTML) != 0 ? "html" : "plain", charset,
			  (how & FLOWED) != 0 ? "; format=flowed" : "",
			  ctes[how / CTE % 4]);
	put_encoded(out, how / CTE % 4, text);
}

static void put_message(struct cm_buf *out, const uint8_t *data, size_t size)
{
	const char *charset = cm_charset_at(data[1] % charsets)->name;
	struct cm_span text = cm_span_n((const char *)data + 2, size - 2);

	(void)cm_buf_adds(out, "MIME-Version: 1.0\r\n");
	if ((data[0] & TWO_LEAVES) == 0) {
		put_leaf(out, data[0], charset, text);
		return;
	}
	(void)cm_buf_adds(out, "Content-Type: multipart/alternative; "
			       "boundary=\"=_b\"\r\n\r\n--=_b\r\n");
	put_leaf(out, data[0] & ~(unsigned)HTML, charset, text);
	(void)cm_buf_adds(out, "\r\n--=_b\r\n");
	put_leaf(out, data[0] | HTML, charset, text);
	(void)cm_buf_adds(out, "\r\n--=_b--\r\n");
}

static void edit_one(const void *data, size_t size)
{
	struct cm_edit edit = {0};
	struct edit_check check = {""};

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
		edit_check(&world, &edit, &check);
		must(check.why[0] == '\0', check.why);
	}
	second_pass(&edit);
	if (edit.outcome == CM_BODY_UNEDITABLE)
		wrap(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cm_buf message;

	/* Both footers, one of which is ASCII, without a byte of its own. */
	world.request.language = size % 2 == 0 ? "cs" : "en";
	if (size < 2 || data[0] >= 32) {
		edit_one(data, size);
		return 0;
	}
	cm_buf_init(&message, MESSAGE_MAX);
	put_message(&message, data, size);
	if (cm_buf_ok(&message) == CM_OK)
		edit_one(cm_buf_text(&message), message.len);
	cm_buf_free(&message);
	return 0;
}
