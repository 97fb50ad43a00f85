/*
 * See csv.h.
 *
 * A row is split in one pass that only notes where cells begin and end; then
 * its bytes are checked (NUL, UTF-8); cells that hold "" are copied last,
 * into a buffer large enough beforehand for the whole row, so that spans into
 * it stay true.
 */
#include "tools/csv.h"

#include <string.h>

static const char csv_bom[] = "\xEF\xBB\xBF";

static const char csv_sep[] = "sep=";

enum {
	CSV_BOM_LEN = 3,
	CSV_SEP_LEN = 5,    /* "sep=" and the delimiter */
	CSV_SNIFF_ROWS = 20 /* enough to see which delimiter is none */
};

/* Behind a byte order mark; *ret_sep: what Excel's hint says, or '\0'. */
static size_t skip_front(struct cm_span text, char *ret_sep)
{
	size_t at = 0;

	if (text.n >= CSV_BOM_LEN && memcmp(text.p, csv_bom, CSV_BOM_LEN) == 0)
		at = CSV_BOM_LEN;
	*ret_sep = '\0';
	if (text.n - at <= CSV_SEP_LEN ||
	    !cm_span_is(cm_span_n(text.p + at, CSV_SEP_LEN - 1), csv_sep) ||
	    (text.p[at + CSV_SEP_LEN] != '\n' &&
	     text.p[at + CSV_SEP_LEN] != '\r'))
		return at;
	*ret_sep = text.p[at + CSV_SEP_LEN - 1];
	return at + CSV_SEP_LEN;
}

void cm_csv_init(struct cm_csv *csv, struct cm_span text, char delimiter)
{
	char sep;

	memset(csv, 0, sizeof(*csv));
	csv->text = text;
	csv->delimiter = delimiter;
	csv->at = skip_front(text, &sep);
	cm_buf_init(&csv->scratch,
		    (size_t)CM_CSV_CELL_MAX * CM_CSV_COLUMNS_MAX);
}

void cm_csv_free(struct cm_csv *csv)
{
	cm_buf_free(&csv->scratch);
}

/* Remember the first thing wrong with a row; splitting goes on. */
static int flaw(struct cm_csv_row *row, size_t column, struct cm_error *err,
		int was, const char *text)
{
	if (was != CM_OK)
		return was;
	row->bad_column = column;
	return cm_fail(err, CM_EDATA, "%s", text);
}

static bool ends_row(char c)
{
	return c == '\n' || c == '\r';
}

/* From the opening quote to behind the closing one; cell gets the inside. */
static bool take_quoted(struct cm_csv *csv, struct cm_span *cell, bool *doubled)
{
	const char *p = csv->text.p;
	size_t end = csv->text.n;
	size_t start = ++csv->at;
	const char *quote;

	for (;;) {
		quote = memchr(p + csv->at, '"', end - csv->at);
		if (quote == NULL)
			return false;
		csv->at = (size_t)(quote - p) + 1;
		if (csv->at == end || p[csv->at] != '"')
			break;
		*doubled = true;
		csv->at++;
	}
	*cell = cm_span_n(p + start, csv->at - 1 - start);
	return true;
}

static struct cm_span take_plain(struct cm_csv *csv)
{
	const char *p = csv->text.p;
	size_t start = csv->at;

	if (csv->delimiter == CM_CSV_LINES) {
		while (csv->at < csv->text.n && !ends_row(p[csv->at]))
			csv->at++;
		return cm_span_n(p + start, csv->at - start);
	}
	while (csv->at < csv->text.n && p[csv->at] != csv->delimiter &&
	       !ends_row(p[csv->at]))
		csv->at++;
	return cm_span_n(p + start, csv->at - start);
}

/* One cell; csv->at is left on the delimiter, the line end or the end. */
static int take_cell(struct cm_csv *csv, struct cm_csv_row *row, int rc,
		     struct cm_error *err)
{
	size_t column = row->count;
	struct cm_span cell = {NULL, 0};
	bool doubled = false;
	bool keep = column < CM_CSV_COLUMNS_MAX;

	if (csv->at < csv->text.n && csv->text.p[csv->at] == '"' &&
	    csv->delimiter != CM_CSV_LINES) {
		if (!take_quoted(csv, &cell, &doubled)) {
			csv->lost = true;
			csv->at = csv->text.n;
			return flaw(row, column, err, CM_OK,
				    "a quote is opened here and never closed");
		}
		if (take_plain(csv).n > 0)
			rc = flaw(row, column, err, rc,
				  "text follows the closing quote (a quote "
				  "inside a quoted cell is written \"\")");
	} else {
		cell = take_plain(csv);
	}
	if (cell.n > CM_CSV_CELL_MAX)
		rc = flaw(row, column, err, rc,
			  "the cell is longer than 1 MiB (is a closing quote "
			  "missing?)");
	if (!keep)
		return flaw(row, CM_CSV_NO_COLUMN, err, rc,
			    "the row has more than 1024 columns");
	row->cells[column] = cell;
	row->doubled[column] = doubled;
	row->count++;
	return rc;
}

static int split(struct cm_csv *csv, struct cm_csv_row *row,
		 struct cm_error *err)
{
	size_t start = csv->at;
	int rc = CM_OK;

	row->count = 0;
	row->bad_column = CM_CSV_NO_COLUMN;
	for (;;) {
		rc = take_cell(csv, row, rc, err);
		if (csv->at == csv->text.n ||
		    csv->text.p[csv->at] != csv->delimiter)
			break;
		csv->at++;
	}
	row->raw = cm_span_n(csv->text.p + start, csv->at - start);
	return rc;
}

static void skip_line_end(struct cm_csv *csv)
{
	if (csv->at == csv->text.n)
		return;
	if (csv->text.p[csv->at] == '\r' && csv->at + 1 < csv->text.n &&
	    csv->text.p[csv->at + 1] == '\n')
		csv->at++;
	csv->at++;
}

/* Offset of the first octet that cannot be UTF-8; s.n if all of it is. */
static size_t utf8_until(struct cm_span s)
{
	size_t i = 0;
	size_t n;

	while (i < s.n) {
		/* RFC 3629: the first octet tells how many there are. */
		unsigned char c = (unsigned char)s.p[i];

		n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
		if (n > s.n - i || !cm_utf8_valid(s.p + i, n))
			return i;
		i += n;
	}
	return i;
}

static int bad_bytes(struct cm_csv_row *row, struct cm_error *err)
{
	size_t i;
	size_t at;

	for (i = 0; i < row->count; i++) {
		struct cm_span cell = row->cells[i];
		const char *nul =
			cell.n > 0 ? memchr(cell.p, '\0', cell.n) : NULL;

		row->bad_column = i;
		if (nul != NULL)
			return cm_fail(err, CM_EDATA,
				       "byte %zu of the cell is NUL (is this "
				       "UTF-16? then give --charset utf-16)",
				       (size_t)(nul - cell.p) + 1);
		at = utf8_until(cell);
		if (at < cell.n)
			return cm_fail(err, CM_EDATA,
				       "byte %zu of the cell, 0x%02X, is not "
				       "UTF-8 (save the list as UTF-8, or give "
				       "its encoding: --charset windows-1252)",
				       at + 1, (unsigned char)cell.p[at]);
	}
	row->bad_column = CM_CSV_NO_COLUMN;
	return cm_fail(err, CM_EDATA, "the row is not UTF-8");
}

static bool clean_bytes(struct cm_span raw)
{
	return raw.n == 0 || (memchr(raw.p, '\0', raw.n) == NULL &&
			      cm_utf8_valid(raw.p, raw.n));
}

/* Copy the cells that hold "" with one quote for two. */
static int undouble(struct cm_csv *csv, struct cm_csv_row *row)
{
	struct cm_buf *scratch = &csv->scratch;
	size_t i;
	size_t k;

	cm_buf_reset(scratch);
	if (cm_buf_reserve(scratch, row->raw.n) != CM_OK)
		return cm_buf_ok(scratch);
	for (i = 0; i < row->count; i++) {
		struct cm_span cell = row->cells[i];
		size_t start = scratch->len;

		if (!row->doubled[i])
			continue;
		for (k = 0; k < cell.n; k++) {
			(void)cm_buf_addc(scratch, cell.p[k]);
			if (cell.p[k] == '"')
				k++;
		}
		row->cells[i] =
			cm_span_n(scratch->data + start, scratch->len - start);
	}
	return cm_buf_ok(scratch);
}

static bool any_doubled(const struct cm_csv_row *row)
{
	return memchr(row->doubled, true, row->count) != NULL;
}

int cm_csv_next(struct cm_csv *csv, struct cm_csv_row *row,
		struct cm_error *err)
{
	int rc;

	do {
		if (csv->at >= csv->text.n)
			return CM_ENOTFOUND;
		if (csv->row >= CM_CSV_ROWS_MAX)
			return cm_fail(err, CM_ELIMIT,
				       "the list has more than %d rows; "
				       "import it in parts",
				       CM_CSV_ROWS_MAX);
		rc = split(csv, row, err);
		skip_line_end(csv);
		row->number = ++csv->row;
	} while (rc == CM_OK && row->raw.n == 0);
	if (rc == CM_OK && !clean_bytes(row->raw))
		rc = bad_bytes(row, err);
	if (rc == CM_OK && any_doubled(row) && undouble(csv, row) != CM_OK)
		rc = cm_fail(err, CM_ENOMEM, "out of memory");
	return rc;
}

static bool row_has(const struct cm_csv_row *row, const char *key)
{
	size_t i;

	for (i = 0; i < row->count; i++) {
		if (cm_span_is(cm_span_trim(row->cells[i]), key))
			return true;
	}
	return false;
}

/*
 * How well a delimiter fits: cells of the first row, if the next rows have as
 * many; much more if one of them is the key.
 */
static size_t score_of(struct cm_span text, char delimiter, const char *key)
{
	enum { EVEN = CM_CSV_COLUMNS_MAX, KEY = 4 * CM_CSV_COLUMNS_MAX };
	struct cm_csv csv;
	struct cm_csv_row row;
	size_t cells = 0;
	size_t n;
	bool even = true;
	bool keyed = false;

	cm_csv_init(&csv, text, delimiter);
	for (n = 0; n < CSV_SNIFF_ROWS; n++) {
		/* Also of a bad row: then the error names the right column. */
		if (cm_csv_next(&csv, &row, NULL) == CM_ENOTFOUND)
			break;
		if (n == 0) {
			cells = row.count;
			keyed = row_has(&row, key);
		}
		even = even && row.count == cells;
	}
	cm_csv_free(&csv);
	if (cells <= 1 && !keyed)
		return cells;
	return cells + (even ? EVEN : 0) + (keyed ? KEY : 0);
}

char cm_csv_sniff(struct cm_span text, const char *key)
{
	static const char delimiters[] = {',', ';', '\t', '|'};
	size_t best = 0;
	char found;
	size_t i;

	(void)skip_front(text, &found);
	if (found != '\0')
		return found;
	found = ',';
	for (i = 0; i < sizeof(delimiters); i++) {
		size_t score = score_of(text, delimiters[i], key);

		if (score > best) {
			best = score;
			found = delimiters[i];
		}
	}
	return found;
}

/* What a spreadsheet would run or break on: OWASP, "CSV injection". */
static bool is_formula(struct cm_span cell)
{
	return cell.n > 0 && strchr("=+-@\t\r", cell.p[0]) != NULL &&
	       cell.p[0] != '\0';
}

static bool needs_quotes(struct cm_span cell, char delimiter)
{
	size_t i;

	for (i = 0; i < cell.n; i++) {
		char c = cell.p[i];

		if (c == delimiter || c == '"' || ends_row(c))
			return true;
	}
	return cell.n > 0 && (cell.p[0] == ' ' || cell.p[cell.n - 1] == ' ');
}

int cm_csv_put(struct cm_buf *out, struct cm_span cell, char delimiter,
	       bool guard)
{
	bool quote = needs_quotes(cell, delimiter);
	size_t i;

	if (quote)
		(void)cm_buf_addc(out, '"');
	if (guard && is_formula(cell))
		(void)cm_buf_addc(out, '\'');
	for (i = 0; i < cell.n; i++) {
		if (cell.p[i] == '"')
			(void)cm_buf_addc(out, '"');
		(void)cm_buf_addc(out, cell.p[i]);
	}
	if (quote)
		(void)cm_buf_addc(out, '"');
	return cm_buf_ok(out);
}

/* A line that is one cell may hold more than that: a name, an address. */
static uint64_t count_formulas(const struct cm_csv_row *row, char delimiter)
{
	uint64_t formulas = 0;
	size_t i;

	if (delimiter == CM_CSV_LINES)
		return is_formula(row->raw);
	for (i = 0; i < row->count; i++)
		formulas += is_formula(row->cells[i]);
	return formulas;
}

static void put_guarded(struct cm_buf *out, const struct cm_csv_row *row,
			char delimiter)
{
	size_t i;

	if (delimiter == CM_CSV_LINES) {
		(void)cm_buf_addc(out, '\'');
		(void)cm_buf_add(out, row->raw.p, row->raw.n);
		return;
	}
	for (i = 0; i < row->count; i++) {
		if (i > 0)
			(void)cm_buf_addc(out, delimiter);
		(void)cm_csv_put(out, row->cells[i], delimiter, true);
	}
}

void cm_csv_put_row(struct cm_buf *out, const struct cm_csv_row *row,
		    char delimiter, uint64_t *guarded)
{
	uint64_t formulas =
		guarded != NULL ? count_formulas(row, delimiter) : 0;

	if (formulas > 0)
		put_guarded(out, row, delimiter);
	else
		(void)cm_buf_add(out, row->raw.p, row->raw.n);
	(void)cm_buf_adds(out, "\r\n");
	if (guarded != NULL)
		*guarded += formulas;
}
