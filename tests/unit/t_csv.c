/* csv: rows as spreadsheets write them, and what is wrong with others. */
#include "tools/csv.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

#define SPAN(text) cm_span_n(text, sizeof(text) - 1)

struct reading {
	struct cm_csv csv;
	struct cm_csv_row row;
	struct cm_error err;
};

static struct reading *start(struct cm_span text, char delimiter)
{
	struct reading *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	cm_csv_init(&r->csv, text, delimiter);
	return r;
}

static void stop(struct reading *r)
{
	cm_csv_free(&r->csv);
	free(r);
}

/* All rows in one text: cells in <>, rows ended by "|", faults as "!". */
static void read_all(struct cm_span text, char delimiter, struct cm_buf *out)
{
	struct reading *r = start(text, delimiter);
	size_t i;
	int rc;

	while ((rc = cm_csv_next(&r->csv, &r->row, &r->err)) != CM_ENOTFOUND) {
		if (rc == CM_EDATA) {
			assert_int_equal(
				cm_buf_addf(out, "!%u|", r->row.number), CM_OK);
			continue;
		}
		assert_int_equal(rc, CM_OK);
		for (i = 0; i < r->row.count; i++) {
			(void)cm_buf_addc(out, '<');
			(void)cm_buf_add(out, r->row.cells[i].p,
					 r->row.cells[i].n);
			(void)cm_buf_addc(out, '>');
		}
		(void)cm_buf_addc(out, '|');
	}
	stop(r);
}

/* E-8: quoting, embedded newlines, BOM, delimiters, line ends. */
static void test_rows(void **state)
{
	static const struct {
		const char *text;
		char delimiter;
		const char *want;
	} cases[] = {
		{"", ',', ""},
		{"a", ',', "<a>|"},
		{"a,b\r\nc,d\r\n", ',', "<a><b>|<c><d>|"},
		{"a,b\nc,d", ',', "<a><b>|<c><d>|"},
		{"a,b\rc,d\r", ',', "<a><b>|<c><d>|"},
		{"a;b,c\n", ';', "<a><b,c>|"},
		{"a\tb\n", '\t', "<a><b>|"},
		{"\xEF\xBB\xBFname\nx\n", ',', "<name>|<x>|"},
		{"\"a\",\"b\"\n", ',', "<a><b>|"},
		{"\"a,b\",c\n", ',', "<a,b><c>|"},
		{"\"a\"\"b\",\"\"\"\"\n", ',', "<a\"b><\">|"},
		{"\"\"\"a\"\"\",b\n", ',', "<\"a\"><b>|"},
		{"\"a\nb\",c\r\nd,e\r\n", ',', "<a\nb><c>|<d><e>|"},
		{"\"a\r\nb\"\r\nc\r\n", ',', "<a\r\nb>|<c>|"},
		{",\n", ',', "<><>|"},
		{",,\n", ',', "<><><>|"},
		{"\"\",\n", ',', "<><>|"},
		{"a,\"\"", ',', "<a><>|"},
		{"a\n\n\nb\n", ',', "<a>|<b>|"},
		{"\n\r\n\ra\n", ',', "<a>|"},
		{"John \"Jo\" Doe,x\n", ',', "<John \"Jo\" Doe><x>|"},
		{" \"a\" ,b\n", ',', "< \"a\" ><b>|"},
		{"J\xC3\xBCrgen\n", ',', "<J\xC3\xBCrgen>|"},
		/* Bad rows are named, and do not take others with them. */
		{"a\n\"b\"c,d\ne\n", ',', "<a>|!2|<e>|"},
		{"a\n\"b\" \ne\n", ',', "<a>|!2|<e>|"},
		{"a\nJ\xFCrgen\ne\n", ',', "<a>|!2|<e>|"},
		{"a\n\"b\nc,d\ne\n", ',', "<a>|!2|"},
		{"\"", ',', "!1|"},
		{"\"\"\"", ',', "!1|"},
	};
	struct cm_buf out;
	size_t i;

	(void)state;
	cm_buf_init(&out, 4096);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cm_buf_reset(&out);
		read_all(cm_span(cases[i].text), cases[i].delimiter, &out);
		assert_string_equal(cm_buf_text(&out), cases[i].want);
	}
	cm_buf_free(&out);
}

/* Row numbers are those a spreadsheet shows, blank rows counted. */
static void test_numbers(void **state)
{
	struct reading *r = start(SPAN("h\n\n\"a\nb\"\nc\n"), ',');
	static const unsigned want[] = {1, 3, 4};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(cm_csv_next(&r->csv, &r->row, &r->err), CM_OK);
		assert_int_equal(r->row.number, want[i]);
	}
	assert_int_equal(cm_csv_next(&r->csv, &r->row, &r->err), CM_ENOTFOUND);
	assert_int_equal(cm_csv_next(&r->csv, &r->row, &r->err), CM_ENOTFOUND);
	stop(r);
}

static void test_faults(void **state)
{
	static const struct {
		struct cm_span text;
		size_t column;
		const char *says;
	} cases[] = {
		{{"a,b\0c\n", 6}, 1, "byte 2 of the cell is NUL"},
		{{"a,\"b\0\"\n", 7}, 1, "byte 2 of the cell is NUL"},
		{{"a,J\xFCr\n", 6},
		 1,
		 "byte 2 of the cell, 0xFC, is not UTF-8"},
		{{"\xC0\xAF,b\n", 5}, 0, "byte 1 of the cell, 0xC0"},
		{{"x\xE2\x82,b\n", 6}, 0, "byte 2 of the cell, 0xE2"},
		{{"a,\"b\"c\n", 7}, 1, "text follows the closing quote"},
		{{"a,\"b\nc", 6}, 1, "never closed"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading *r = start(cases[i].text, ',');

		assert_int_equal(cm_csv_next(&r->csv, &r->row, &r->err),
				 CM_EDATA);
		assert_int_equal(r->row.number, 1);
		assert_int_equal(r->row.bad_column, cases[i].column);
		assert_non_null(strstr(r->err.text, cases[i].says));
		stop(r);
	}
}

static struct reading *long_cell(size_t n, bool quoted, char *text)
{
	memset(text, 'x', n + 3);
	if (quoted)
		text[0] = text[n + 1] = '"';
	return start(cm_span_n(text, quoted ? n + 2 : n), ',');
}

/* E-8: the 1 MiB limit, to the octet, with and without quotes. */
static void test_cell_limit(void **state)
{
	char *text = malloc(CM_CSV_CELL_MAX + 8);
	size_t over;

	(void)state;
	assert_non_null(text);
	for (over = 0; over < 4; over++) {
		bool fits = over < 2;
		struct reading *r =
			long_cell(CM_CSV_CELL_MAX + !fits, over % 2 == 1, text);

		assert_int_equal(cm_csv_next(&r->csv, &r->row, &r->err),
				 fits ? CM_OK : CM_EDATA);
		if (!fits)
			assert_non_null(strstr(r->err.text, "1 MiB"));
		stop(r);
	}
	free(text);
}

static void test_column_limit(void **state)
{
	char text[CM_CSV_COLUMNS_MAX + 3];
	struct reading *r;

	(void)state;
	memset(text, ',', sizeof(text));
	r = start(cm_span_n(text, CM_CSV_COLUMNS_MAX - 1), ',');
	assert_int_equal(cm_csv_next(&r->csv, &r->row, &r->err), CM_OK);
	assert_int_equal(r->row.count, CM_CSV_COLUMNS_MAX);
	stop(r);
	r = start(cm_span_n(text, CM_CSV_COLUMNS_MAX), ',');
	assert_int_equal(cm_csv_next(&r->csv, &r->row, &r->err), CM_EDATA);
	assert_non_null(strstr(r->err.text, "1024 columns"));
	stop(r);
}

static void test_sniff(void **state)
{
	static const struct {
		const char *text;
		char want;
	} cases[] = {
		{"email,purpose\n", ','},
		{"email;purpose,a,b,c\n", ';'},
		{"\xEF\xBB\xBF"
		 "Email\tname\n",
		 '\t'},
		{"\"email\";\"a;b;c;d\"\n", ';'},
		{"name;E-Mail;x\n", ';'},
		{"email\n", ','},
		{"", ','},
		{"a,b; email ;c\n", ';'},
		{"email,\"unclosed\n", ','},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(cm_csv_sniff(cm_span(cases[i].text), "email"),
				 cases[i].want);
}

/* E-9: a cell is never a formula for the spreadsheet that opens the file. */
static void test_put(void **state)
{
	static const struct {
		const char *cell;
		bool guard;
		const char *want;
	} cases[] = {
		{"", true, ""},
		{"plain", true, "plain"},
		{"a,b", true, "\"a,b\""},
		{"say \"hi\"", true, "\"say \"\"hi\"\"\""},
		{"a\nb", true, "\"a\nb\""},
		{"a\rb", true, "\"a\rb\""},
		{" a", true, "\" a\""},
		{"=1+1", true, "'=1+1"},
		{"=1+1", false, "=1+1"},
		{"+49 30", true, "'+49 30"},
		{"-1", true, "'-1"},
		{"@SUM(A1)", true, "'@SUM(A1)"},
		{"\tx", true, "'\tx"},
		{"\r=x", true, "\"'\r=x\""},
		{"=HYPERLINK(\"http://x\",\"y\")", true,
		 "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""},
	};
	struct cm_buf out;
	size_t i;

	(void)state;
	cm_buf_init(&out, 4096);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cm_buf_reset(&out);
		assert_int_equal(cm_csv_put(&out, cm_span(cases[i].cell), ',',
					    cases[i].guard),
				 CM_OK);
		assert_string_equal(cm_buf_text(&out), cases[i].want);
	}
	cm_buf_free(&out);
}

/* E-9, of whole rows: those without formulas keep each octet. */
static void test_put_row(void **state)
{
	static const struct {
		const char *text;
		char delimiter;
		const char *want;
		uint64_t guarded;
	} cases[] = {
		{"a, \"b\"\"\",c", ',', "a, \"b\"\"\",c\r\n", 0},
		{"=a,b", ',', "'=a,b\r\n", 1},
		{"\"x;y\";\"@b\";-c", ';', "\"x;y\";'@b;'-c\r\n", 2},
		{"+\"a\"@b", CM_CSV_LINES, "'+\"a\"@b\r\n", 1},
		{"", ',', "", 0},
	};
	struct reading *r;
	struct cm_buf out;
	uint64_t guarded;
	size_t i;

	(void)state;
	cm_buf_init(&out, 4096);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cm_buf_reset(&out);
		guarded = 0;
		r = start(cm_span(cases[i].text), cases[i].delimiter);
		if (cm_csv_next(&r->csv, &r->row, &r->err) == CM_OK)
			cm_csv_put_row(&out, &r->row, cases[i].delimiter,
				       &guarded);
		assert_string_equal(cm_buf_text(&out), cases[i].want);
		assert_int_equal(guarded, cases[i].guarded);
		if (guarded > 0) {
			cm_buf_reset(&out);
			cm_csv_put_row(&out, &r->row, cases[i].delimiter, NULL);
			assert_memory_equal(out.data, cases[i].text,
					    strlen(cases[i].text));
		}
		stop(r);
	}
	cm_buf_free(&out);
}

/* What is put can be read: every cell comes back as it was. */
static void test_round_trip(void **state)
{
	static const char *const cells[] = {
		"a", "", "a,b", "\"", "\"\"", "a\nb", " ", "\r\n", "x\"y,z\n"};
	enum { N = sizeof(cells) / sizeof(cells[0]) };
	struct cm_buf out;
	struct reading *r;
	size_t i;

	(void)state;
	cm_buf_init(&out, 4096);
	for (i = 0; i < N; i++) {
		if (i > 0)
			(void)cm_buf_addc(&out, ',');
		assert_int_equal(
			cm_csv_put(&out, cm_span(cells[i]), ',', false), CM_OK);
	}
	r = start(cm_span_n(out.data, out.len), ',');
	assert_int_equal(cm_csv_next(&r->csv, &r->row, &r->err), CM_OK);
	assert_int_equal(r->row.count, N);
	for (i = 0; i < N; i++)
		assert_true(cm_span_eq(r->row.cells[i], cm_span(cells[i])));
	stop(r);
	cm_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_cell_limit),
		cmocka_unit_test(test_column_limit),
		cmocka_unit_test(test_sniff),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_put_row),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
