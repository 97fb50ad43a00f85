/* See list.h. */
#include "tools/list.h"

#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "tools/ctl_output.h"
#include "tools/file.h"
#include "tools/list_json.h"

/* 10 million rows of 200 octets; the text is kept whole while it is read. */
#define LIST_FILE_MAX (UINT64_C(2) * 1024 * 1024 * 1024)

static struct cm_span list_span(const struct cm_list *list)
{
	return cm_span_n(cm_buf_text(&list->text), list->text.len);
}

static bool starts(const struct cm_list *list, const char *bytes, size_t n)
{
	return list->text.len >= n && memcmp(list->text.data, bytes, n) == 0;
}

static int convert(struct cm_list *list, const char *charset,
		   struct cm_error *err)
{
	struct cm_buf utf8;
	int rc;

	cm_buf_init(&utf8, LIST_FILE_MAX);
	rc = cm_file_to_utf8(list_span(list), charset, &utf8, err);
	if (rc != CM_OK) {
		cm_buf_free(&utf8);
		return rc;
	}
	cm_buf_free(&list->text);
	list->text = utf8;
	return CM_OK;
}

static int load(struct cm_list *list, const char *path, const char *charset,
		struct cm_error *err)
{
	int rc = cm_file_read(path, &list->text, err);

	if (rc != CM_OK)
		return rc;
	if (list->text.len == 0)
		return cm_fail(err, CM_EDATA,
			       "%s is empty: it needs a header row with "
			       "\"email\"",
			       list->path);
	if (cm_sha256(list->text.data, list->text.len, list->sha256) != CM_OK)
		return cm_fail(err, CM_ECRYPTO, "%s: SHA-256 failed",
			       list->path);
	if (charset == NULL &&
	    (starts(list, "\xFF\xFE", 2) || starts(list, "\xFE\xFF", 2)))
		charset = "utf-16"; /* as "Unicode text" of a spreadsheet */
	if (charset != NULL) {
		rc = convert(list, charset, err);
		return rc == CM_OK ? rc
				   : cm_error_prefix(err, "%s: ", list->path);
	}
	if (starts(list, "PK\x03\x04", 4))
		return cm_fail(err, CM_EDATA,
			       "%s is a spreadsheet or archive, not CSV: save "
			       "it as CSV (UTF-8)",
			       list->path);
	return CM_OK;
}

size_t cm_list_column(const struct cm_list *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->ncolumns; i++) {
		if (cm_span_is(cm_span(list->columns[i]), name))
			return i;
	}
	return CM_CSV_NO_COLUMN;
}

int cm_list_check_names(const struct cm_list *list, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	size_t i;
	size_t k;

	for (i = 1; i < list->ncolumns; i++) {
		struct cm_span name = cm_span(list->columns[i]);

		for (k = 0; name.n > 0 && k < i; k++) {
			if (cm_span_is(name, list->columns[k]))
				return cm_fail(
					err, CM_EDATA,
					"%s:row %u: column \"%s\" stands twice "
					"(as number %zu and %zu); which one "
					"counts? (--map email=#1,... says "
					"it by number)",
					list->path, list->row.number,
					cm_quote(name, quoted), k + 1, i + 1);
		}
	}
	return CM_OK;
}

static int name_columns(struct cm_list *list, struct cm_error *err)
{
	const struct cm_csv_row *row = &list->row;
	size_t i;

	list->columns =
		cm_arena_array(list->arena, row->count, sizeof(*list->columns));
	if (list->columns == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; i < row->count; i++) {
		struct cm_span name = cm_span_trim(row->cells[i]);

		list->columns[i] = cm_arena_dup(list->arena, name.p, name.n);
		if (list->columns[i] == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
	}
	list->ncolumns = row->count;
	list->header = row->raw;
	return CM_OK;
}

/* ---- lists without a header --------------------------------------------- */

/* "u@d", "Name <u@d>", or, as Sympa writes it, "u@d Name". */
static struct cm_span address_of(struct cm_span line)
{
	if (line.n == 0 || memchr(line.p, '<', line.n) != NULL)
		return line;
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == ' ' || line.p[i] == '\t')
			return cm_span_n(line.p, i);
	}
	return line;
}

static bool is_address(struct cm_span line)
{
	struct cm_address address;

	return cm_address_parse(address_of(cm_span_trim(line)), &address,
				NULL) == CM_OK;
}

static const char dump_key[] = "email ";

static bool is_dump_line(struct cm_span line)
{
	return cm_span_starts(line, dump_key) &&
	       is_address(cm_span_n(line.p + sizeof(dump_key) - 1,
				    line.n - (sizeof(dump_key) - 1)));
}

enum { DUMP_LINES = 16 }; /* a person's lines in Sympa's dump, and more */

/* What the first lines are: addresses, a dump of Sympa's, neither. */
static bool has_no_header(struct cm_list *list)
{
	struct cm_csv csv;
	size_t n;
	bool first = true;

	cm_csv_init(&csv, list_span(list), CM_CSV_LINES);
	for (n = 0; n < DUMP_LINES; n++) {
		struct cm_span line;

		if (cm_csv_next(&csv, &list->row, NULL) != CM_OK)
			break;
		line = cm_span_trim(list->row.raw);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		list->bare = first && is_address(line);
		list->dump = is_dump_line(line);
		if (list->bare || list->dump)
			break;
		first = false;
	}
	cm_csv_free(&csv);
	list->bare = list->bare || list->dump;
	return list->bare;
}

/* "u@d\tName": rather a table. */
static bool is_table(const struct cm_list *list)
{
	struct cm_span line = list->row.raw;

	return memchr(line.p, '<', line.n) == NULL &&
	       memchr(line.p, '\t', line.n) != NULL;
}

static int name_bare(struct cm_list *list, struct cm_error *err)
{
	static const char *const email[] = {"email"};

	list->columns = cm_arena_array(list->arena, 1, sizeof(*list->columns));
	if (list->columns == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	list->columns[0] = email[0];
	list->ncolumns = 1;
	list->header = cm_span_n(NULL, 0);
	cm_csv_free(&list->csv);
	cm_csv_init(&list->csv, list_span(list), CM_CSV_LINES);
	return CM_OK;
}

/* The address of the row read last; false to pass the line over. */
static bool cut_line(struct cm_list *list)
{
	struct cm_span line = cm_span_trim(list->row.raw);

	if (line.n > 0 && line.p[0] == '#')
		return false;
	if (list->dump) {
		if (!cm_span_starts(line, dump_key))
			return false;
		line = cm_span_trim(cm_span_n(line.p + sizeof(dump_key) - 1,
					      line.n - (sizeof(dump_key) - 1)));
	}
	list->row.cells[0] = address_of(line);
	list->row.count = 1;
	return true;
}

/* "u@d,BOUNCE": the first row is a person, so columns have numbers only. */
static bool has_person(const struct cm_csv_row *row)
{
	for (size_t i = 0; i < row->count; i++) {
		struct cm_span cell = cm_span_trim(row->cells[i]);

		if (cell.n > 0 && memchr(cell.p, '@', cell.n) != NULL &&
		    is_address(cell))
			return true;
	}
	return false;
}

static int number_columns(struct cm_list *list, struct cm_error *err)
{
	char name[CM_COUNT_LEN];
	char delimiter = list->csv.delimiter;

	for (size_t i = 0; i < list->ncolumns; i++) {
		(void)snprintf(name, sizeof(name), "#%zu", i + 1);
		list->columns[i] = cm_arena_strdup(list->arena, name);
		if (list->columns[i] == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
	}
	list->header = cm_span_n(NULL, 0);
	list->unnamed = true;
	cm_csv_free(&list->csv);
	cm_csv_init(&list->csv, list_span(list), delimiter);
	return CM_OK;
}

/* ---- opening ------------------------------------------------------------ */

static int read_header(struct cm_list *list, struct cm_error *err)
{
	int rc = cm_csv_next(&list->csv, &list->row, err);

	if (rc == CM_ENOTFOUND)
		return cm_fail(err, CM_EDATA,
			       "%s has no rows: it needs a header row with "
			       "\"email\"",
			       list->path);
	if (rc != CM_OK)
		return cm_list_bad_cell(list, list->row.bad_column, err);
	rc = name_columns(list, err);
	if (rc == CM_OK && has_person(&list->row))
		rc = number_columns(list, err);
	return rc;
}

/* What is JSON, as CSV; the hash stays that of the file. */
static int take_json(struct cm_list *list, struct cm_error *err)
{
	struct cm_buf csv;
	int rc;

	if (!cm_list_is_json(list_span(list)))
		return CM_OK;
	cm_buf_init(&csv, LIST_FILE_MAX);
	rc = cm_list_from_json(list_span(list), &csv, err);
	if (rc != CM_OK) {
		cm_buf_free(&csv);
		return cm_error_prefix(err, "%s: ", list->path);
	}
	cm_buf_free(&list->text);
	list->text = csv;
	return CM_OK;
}

int cm_list_open(const char *path, const char *charset, struct cm_arena *arena,
		 struct cm_list **ret_list, struct cm_error *err)
{
	struct cm_list *list = calloc(1, sizeof(*list));
	int rc;

	if (list == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	list->path = cm_arena_strdup(
		arena, strcmp(path, "-") == 0 ? "standard input" : path);
	list->arena = arena;
	cm_buf_init(&list->text, LIST_FILE_MAX);
	rc = list->path == NULL ? cm_fail(err, CM_ENOMEM, "out of memory")
				: load(list, path, charset, err);
	if (rc == CM_OK)
		rc = take_json(list, err);
	if (rc == CM_OK && has_no_header(list) && !is_table(list)) {
		rc = name_bare(list, err);
	} else if (rc == CM_OK) {
		struct cm_span text = list_span(list);

		list->bare = false;
		cm_csv_init(&list->csv, text, cm_csv_sniff(text, "email"));
		rc = read_header(list, err);
	}
	if (rc == CM_OK)
		*ret_list = list;
	else
		cm_list_close(&list);
	return rc;
}

void cm_list_close(struct cm_list **list)
{
	if (*list == NULL)
		return;
	cm_csv_free(&(*list)->csv);
	cm_buf_free(&(*list)->text);
	free(*list);
	*list = NULL;
}

int cm_list_bad_cell(const struct cm_list *list, size_t column,
		     struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];

	if (column == CM_CSV_NO_COLUMN)
		(void)cm_error_prefix(err, "%s:row %u: ", list->path,
				      list->row.number);
	else if (column < list->ncolumns && list->columns[column][0] != '\0')
		(void)cm_error_prefix(
			err, "%s:row %u, column \"%s\": ", list->path,
			list->row.number,
			cm_quote(cm_span(list->columns[column]), quoted));
	else
		(void)cm_error_prefix(err,
				      "%s:row %u, column %zu: ", list->path,
				      list->row.number, column + 1);
	return CM_EDATA;
}

/* Spreadsheets write rows that only look empty: ";;;". */
static bool row_is_blank(const struct cm_csv_row *row)
{
	size_t i;

	for (i = 0; i < row->count; i++) {
		if (cm_span_trim(row->cells[i]).n > 0)
			return false;
	}
	return true;
}

int cm_list_next(struct cm_list *list, struct cm_error *err)
{
	int rc;

	do {
		rc = cm_csv_next(&list->csv, &list->row, err);
	} while (rc == CM_OK &&
		 (row_is_blank(&list->row) || (list->bare && !cut_line(list))));
	if (rc == CM_EDATA)
		return cm_list_bad_cell(list, list->row.bad_column, err);
	if (rc == CM_ELIMIT)
		return cm_error_prefix(err, "%s: ", list->path);
	if (rc != CM_OK || list->row.count == list->ncolumns)
		return rc;
	(void)cm_fail(err, CM_EDATA,
		      "the row has %zu cells, the header has %zu (is a quote "
		      "or a delimiter missing?)",
		      list->row.count, list->ncolumns);
	return cm_list_bad_cell(list, CM_CSV_NO_COLUMN, err);
}

uint64_t cm_list_done(const struct cm_list *list)
{
	return list->csv.at;
}

uint64_t cm_list_total(const struct cm_list *list)
{
	return list->text.len;
}

/* What spreadsheets put in front of a cell, so that it stays a text. */
static struct cm_span unguard(struct cm_span cell)
{
	static const char formula[] = "=\"";

	if (cell.n > 3 && memcmp(cell.p, formula, 2) == 0 &&
	    cell.p[cell.n - 1] == '"')
		return cm_span_n(cell.p + 2, cell.n - 3);
	if (cell.n > 1 && cell.p[0] == '\'')
		return cm_span_n(cell.p + 1, cell.n - 1);
	return cell;
}

struct cm_span cm_list_cell(const struct cm_list *list, size_t column)
{
	return cm_span_trim(unguard(cm_span_trim(list->row.cells[column])));
}
