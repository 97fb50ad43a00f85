/*
 * Any octets as a list: no crash, spans inside the text or the scratch,
 * every octet of a good row in its cells, reading always ends.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tools/csv.h"

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

static void check_row(const struct cm_csv *csv, const struct cm_csv_row *row,
		      struct cm_buf *out)
{
	size_t i;

	must(row->raw.p >= csv->text.p &&
	     row->raw.p + row->raw.n <= csv->text.p + csv->text.n);
	must(row->count >= 1 && row->count <= CM_CSV_COLUMNS_MAX);
	for (i = 0; i < row->count; i++) {
		must(row->cells[i].n <= row->raw.n);
		must(cm_utf8_valid(row->cells[i].p, row->cells[i].n));
		must(cm_csv_put(out, row->cells[i], csv->delimiter, true) ==
		     CM_OK);
	}
	cm_buf_reset(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cm_span text = cm_span_n((const char *)data, n);
	struct cm_csv_row *row = calloc(1, sizeof(*row));
	struct cm_error err;
	struct cm_buf out;
	struct cm_csv csv;
	size_t rows = 0;
	int rc;

	must(row != NULL);
	cm_buf_init(&out, 4 * n + 4096);
	cm_csv_init(&csv, text, cm_csv_sniff(text, "email"));
	while ((rc = cm_csv_next(&csv, row, &err)) != CM_ENOTFOUND) {
		must(rc == CM_OK || rc == CM_EDATA);
		must(++rows <= n);
		if (rc == CM_OK)
			check_row(&csv, row, &out);
		else
			must(memchr(err.text, '\0', sizeof(err.text)) != NULL);
	}
	cm_csv_free(&csv);
	cm_buf_free(&out);
	free(row);
	return 0;
}
