/* edit_word: every word has one row, and the manual says the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/edit_word.h"

#include "lib/buf.h"
#include "tests/unit/test.h"

#define MANUAL  CM_SRCDIR "/milter/consent-milter.8"
#define SECTION "\n.Sh BODIES LEFT ALONE\n"

static void each_word_once(void **state)
{
	const struct cm_edit_word *row;
	const struct cm_edit_word *other;
	size_t i, j;

	(void)state;
	for (i = 0; (row = cm_edit_word_at(i)) != NULL; i++) {
		struct cm_edit edit = {.outcome = row->outcome,
				       .why = row->word};
		size_t n = strlen(row->sentence);

		assert_ptr_equal(cm_edit_word_of(&edit), row);
		assert_int_equal(row->sentence[n - 1], '.');
		for (j = 0; j < i; j++) {
			other = cm_edit_word_at(j);
			assert_string_not_equal(other->word, row->word);
		}
	}
	assert_true(i > 30);
}

static void what_has_no_row(void **state)
{
	struct cm_edit edit = {.outcome = CM_BODY_FOOTER};

	(void)state;
	assert_null(cm_edit_word_of(&edit));
	edit.outcome = CM_BODY_UNEDITABLE;
	edit.why = "done"; /* of another outcome */
	assert_null(cm_edit_word_of(&edit));
	/* Whatever the proof found, a person reads the same. */
	edit.outcome = CM_BODY_DISPROVED;
	edit.why = "shape";
	assert_string_equal(cm_edit_word_of(&edit)->word, "disproved");
}

/* As one would write the section, but for line breaks. */
static struct cm_buf section(void)
{
	const struct cm_edit_word *row;
	struct cm_buf text;
	size_t i;

	cm_buf_init(&text, 1 << 20);
	for (i = 0; (row = cm_edit_word_at(i)) != NULL; i++)
		(void)cm_buf_addf(&text, ".It Ql %s %s%s%s ", row->word,
				  row->sentence, row->advice != NULL ? " " : "",
				  row->advice != NULL ? row->advice : "");
	assert_int_equal(cm_buf_ok(&text), CM_OK);
	return text;
}

static char *read_manual(void)
{
	FILE *fp = fopen(MANUAL, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(fp);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, fp) > 0);
	(void)fclose(fp);
	return text;
}

/* The log documentation: what "edit=charset" means stands in the manual. */
static void the_manual_has_the_same_rows(void **state)
{
	struct cm_buf want = section();
	char *text = read_manual();
	char *p = strstr(text, SECTION);
	char *end;

	(void)state;
	assert_non_null(p);
	p = strstr(p, ".It Ql ");
	assert_non_null(p);
	end = strstr(p, ".El");
	assert_non_null(end);
	*end = '\0';
	for (end = p; *end != '\0'; end++)
		if (*end == '\n')
			*end = ' ';
	assert_string_equal(p, cm_buf_text(&want));
	cm_buf_free(&want);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_once),
		cmocka_unit_test(what_has_no_row),
		cmocka_unit_test(the_manual_has_the_same_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
