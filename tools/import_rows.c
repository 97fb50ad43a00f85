/*
 * Cells to rows; see import.h.
 *
 * What a cell may hold is in one table of readers, one a column.  A missing
 * time stays missing; an empty status is "unknown"; nothing is guessed.
 */
#include "tools/import.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/purpose.h"
#include "tools/ctl_person.h"

enum {
	ROWS_FIRST = 4096,
	GIVEN_MAX = 1024, /* a display name longer than that is a trick */
	REJECTS_MAX = 2147483647, /* no more than a list can be */
	PROGRESS_ROWS = 4096,     /* between looks at the clock */
};

static const char *const column_names[CM_IMPORT_COLUMNS] = {
	[CM_IMPORT_EMAIL] = "email",       [CM_IMPORT_PURPOSE] = "purpose",
	[CM_IMPORT_STATUS] = "status",     [CM_IMPORT_SOURCE] = "source",
	[CM_IMPORT_BASIS] = "basis",       [CM_IMPORT_TIME] = "time",
	[CM_IMPORT_LANGUAGE] = "language",
};

/* ---- columns ------------------------------------------------------------ */

static bool is_known(const char *name)
{
	size_t i;

	for (i = 0; i < CM_IMPORT_COLUMNS; i++) {
		if (cm_span_is(cm_span(name), column_names[i]))
			return true;
	}
	return false;
}

static void tell_unknown(const struct cm_import *import)
{
	const struct cm_list *list = import->list;
	FILE *notes = import->ctl->notes;
	char quoted[CM_QUOTE_LEN];
	const char *lead = "note: not imported, for consentctl does not know "
			   "these columns: ";
	size_t i;
	bool any = false;

	for (i = 0; i < list->ncolumns; i++) {
		if (list->columns[i][0] == '\0' || is_known(list->columns[i]))
			continue;
		(void)fprintf(notes, "%s%s", any ? ", " : lead,
			      cm_out_quote(cm_span(list->columns[i]), quoted));
		any = true;
	}
	if (any)
		(void)fputc('\n', notes);
}

static void start_rejects(struct cm_import *import)
{
	const struct cm_list *list = import->list;
	char delimiter = list->csv.delimiter;
	size_t i;

	cm_buf_init(&import->rejects, REJECTS_MAX);
	(void)cm_buf_adds(&import->rejects, "reason");
	for (i = 0; i < list->ncolumns; i++) {
		(void)cm_buf_addc(&import->rejects, delimiter);
		(void)cm_csv_put(&import->rejects, cm_span(list->columns[i]),
				 delimiter, true);
	}
	(void)cm_buf_adds(&import->rejects, "\r\n");
}

void cm_import_columns(struct cm_import *import)
{
	size_t i;

	for (i = 0; i < CM_IMPORT_COLUMNS; i++)
		import->column[i] =
			cm_list_column(import->list, column_names[i]);
	tell_unknown(import);
	start_rejects(import);
}

/* ---- words seen again and again ----------------------------------------- */

static int intern(struct cm_import *import, struct cm_import_words *words,
		  const char *word, uint16_t *ret_index, struct cm_error *err)
{
	size_t i;

	if (words->v == NULL) {
		words->v = cm_arena_array(import->arena, CM_IMPORT_WORDS_MAX,
					  sizeof(*words->v));
		if (words->v == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		words->n = 1;
	}
	i = words->last;
	if (strcmp(words->v[i], word) != 0) {
		for (i = 0; i < words->n; i++) {
			if (strcmp(words->v[i], word) == 0)
				break;
		}
	}
	if (i == CM_IMPORT_WORDS_MAX)
		return cm_fail(err, CM_EDATA,
			       "the list has more than %d different words in "
			       "this column",
			       CM_IMPORT_WORDS_MAX);
	if (i == words->n) {
		(void)snprintf(words->v[i], sizeof(words->v[i]), "%s", word);
		words->n++;
	}
	words->last = i;
	*ret_index = (uint16_t)i;
	return CM_OK;
}

/* ---- readers of one cell ------------------------------------------------ */

/* The list's own octets if they outlive the row, else a copy. */
static const char *keep(struct cm_import *import, struct cm_span text)
{
	const struct cm_span all = import->list->csv.text;

	if ((uintptr_t)text.p - (uintptr_t)all.p < all.n)
		return text.p;
	return cm_arena_dup(import->arena, text.p, text.n);
}

static int read_email(struct cm_import *import, struct cm_span cell,
		      struct cm_import_row *row, struct cm_error *err)
{
	struct cm_person person;
	char quoted[CM_QUOTE_LEN];
	struct cm_span given = cm_span_trim(cell);
	struct cm_span canonical;
	int rc = cm_person_identify(import->ctl, given, &person, err);

	if (rc == CM_EDATA)
		return cm_error_prefix(err, "\"%s\" is not a mail address: ",
				       cm_out_quote(given, quoted));
	if (rc != CM_OK)
		return rc;
	row->contact = person.contact;
	row->family = person.family;
	canonical = cm_span_n(person.address.canonical, person.address.n);
	if (given.n > GIVEN_MAX)
		given = canonical;
	row->given = keep(import, given);
	row->given_n = (uint16_t)given.n;
	row->canonical = row->given;
	if (row->given != NULL && !cm_span_eq(given, canonical))
		row->canonical =
			cm_arena_dup(import->arena, canonical.p, canonical.n);
	row->canonical_n = (uint16_t)canonical.n;
	row->at_sign = (uint16_t)person.address.at;
	if (row->given == NULL || row->canonical == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return CM_OK;
}

static int read_purpose(struct cm_import *import, struct cm_span cell,
			struct cm_import_row *row, struct cm_error *err)
{
	const struct cm_purpose *purpose;
	int rc;

	row->purpose = CM_IMPORT_NO_PURPOSE;
	if (cm_word_is_nothing(cell))
		return CM_OK;
	rc = cm_word_purpose(import->ctl->config, cell, &purpose, err);
	if (rc == CM_OK)
		row->purpose =
			(uint16_t)(purpose - import->ctl->config->purposes);
	return rc;
}

static int read_status(struct cm_import *import, struct cm_span cell,
		       struct cm_import_row *row, struct cm_error *err)
{
	enum cm_status status;
	int rc = cm_word_status(cell, &status, err);

	(void)import;
	if (rc == CM_OK)
		row->status = (uint8_t)status;
	return rc;
}

static int read_source(struct cm_import *import, struct cm_span cell,
		       struct cm_import_row *row, struct cm_error *err)
{
	char source[CM_SOURCE_MAX + 1];
	int rc = cm_word_source(cm_word_is_nothing(cell) ? cm_span("") : cell,
				source, err);

	if (rc != CM_OK)
		return cm_error_prefix(err, "source ");
	if (strcmp(source, "unknown") == 0)
		source[0] = '\0';
	return intern(import, &import->sources, source, &row->source, err);
}

static int read_basis(struct cm_import *import, struct cm_span cell,
		      struct cm_import_row *row, struct cm_error *err)
{
	enum cm_basis basis = CM_BASIS_CONSENT;
	int rc = CM_OK;

	(void)import;
	if (!cm_word_is_nothing(cell))
		rc = cm_word_basis(cell, &basis, err);
	row->basis = (uint8_t)basis;
	return rc;
}

static int read_time(struct cm_import *import, struct cm_span cell,
		     struct cm_import_row *row, struct cm_error *err)
{
	struct cm_span text = cm_span_trim(cell);
	char quoted[CM_QUOTE_LEN];

	if (cm_word_is_nothing(text))
		return CM_OK;
	if (cm_clock_parse(text, &row->at) != CM_OK)
		return cm_fail(err, CM_EDATA,
			       "\"%s\" is not an RFC 3339 time (write it as "
			       "2026-01-31T12:00:00Z)",
			       cm_out_quote(text, quoted));
	if (row->at > import->ctl->now)
		return cm_fail(err, CM_EDATA, "\"%s\" is yet to come",
			       cm_out_quote(text, quoted));
	return CM_OK;
}

static int read_language(struct cm_import *import, struct cm_span cell,
			 struct cm_import_row *row, struct cm_error *err)
{
	char language[CM_LANGUAGE_MAX + 1];
	int rc = cm_word_language(cm_word_is_nothing(cell) ? cm_span("") : cell,
				  language, err);

	if (rc == CM_OK)
		rc = intern(import, &import->languages, language,
			    &row->language, err);
	return rc;
}

static int (*const readers[CM_IMPORT_COLUMNS])(struct cm_import *,
					       struct cm_span,
					       struct cm_import_row *,
					       struct cm_error *) = {
	[CM_IMPORT_EMAIL] = read_email,
	[CM_IMPORT_PURPOSE] = read_purpose,
	[CM_IMPORT_STATUS] = read_status,
	[CM_IMPORT_SOURCE] = read_source,
	[CM_IMPORT_BASIS] = read_basis,
	[CM_IMPORT_TIME] = read_time,
	[CM_IMPORT_LANGUAGE] = read_language,
};

/* ---- one row ------------------------------------------------------------ */

static int defaults(struct cm_import *import, struct cm_import_row *row,
		    struct cm_error *err)
{
	row->status = CM_STATUS_UNKNOWN;
	row->basis = (uint8_t)import->basis;
	row->purpose = CM_IMPORT_NO_PURPOSE;
	if (import->purpose != NULL)
		row->purpose = (uint16_t)(import->purpose -
					  import->ctl->config->purposes);
	return intern(import, &import->sources, import->source, &row->source,
		      err);
}

/* Which statuses stand above purposes, and which need one. */
static int settle_purpose(struct cm_import *import, struct cm_import_row *row,
			  struct cm_error *err)
{
	switch (row->status) {
	case CM_STATUS_OBJECTED:
	case CM_STATUS_UNDELIVERABLE:
		row->purpose = CM_IMPORT_NO_PURPOSE;
		return CM_OK;
	case CM_STATUS_COMPLAINED:
		return CM_OK;
	case CM_STATUS_WITHDRAWN:
		if (row->purpose == CM_IMPORT_NO_PURPOSE)
			row->purpose = CM_IMPORT_ALL_ROOTS;
		return CM_OK;
	default:
		break;
	}
	if (row->purpose != CM_IMPORT_NO_PURPOSE)
		return CM_OK;
	(void)cm_fail(err, CM_EDATA,
		      "no purpose is given: what did the person agree to? "
		      "(--purpose says it for the whole list)");
	return cm_list_bad_cell(import->list, import->column[CM_IMPORT_PURPOSE],
				err);
}

/* CM_EDATA with place and reason if the row is bad. */
static int read_row(struct cm_import *import, struct cm_import_row *row,
		    struct cm_error *err)
{
	size_t i;
	int rc = defaults(import, row, err);

	row->number = import->list->row.number;
	for (i = 0; rc == CM_OK && i < CM_IMPORT_COLUMNS; i++) {
		size_t column = import->column[i];

		if (column == CM_CSV_NO_COLUMN)
			continue;
		rc = readers[i](import, import->list->row.cells[column], row,
				err);
		if (rc == CM_EDATA)
			return cm_list_bad_cell(import->list, column, err);
	}
	if (rc == CM_OK)
		rc = settle_purpose(import, row, err);
	return rc;
}

/* ---- bad rows ----------------------------------------------------------- */

/* Octets that are no UTF-8 text become "?": the file must be readable. */
static struct cm_span printable(struct cm_import *import, struct cm_span cell)
{
	char *copy;
	size_t i;

	if (cm_utf8_valid(cell.p, cell.n) &&
	    (cell.n == 0 || memchr(cell.p, '\0', cell.n) == NULL))
		return cell;
	copy = cm_arena_dup(import->arena, cell.p, cell.n);
	if (copy == NULL)
		return cm_span("");
	for (i = 0; i < cell.n; i++) {
		if (copy[i] == '\0' || (unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	}
	return cm_span_n(copy, cell.n);
}

static void reject_row(struct cm_import *import, const char *reason)
{
	const struct cm_csv_row *row = &import->list->row;
	char delimiter = import->list->csv.delimiter;
	size_t i;

	(void)cm_csv_put(&import->rejects, cm_span(reason), delimiter, true);
	for (i = 0; i < row->count; i++) {
		(void)cm_buf_addc(&import->rejects, delimiter);
		(void)cm_csv_put(&import->rejects,
				 printable(import, row->cells[i]), delimiter,
				 true);
	}
	(void)cm_buf_adds(&import->rejects, "\r\n");
}

static int note_bad(struct cm_import *import, const struct cm_error *bad,
		    struct cm_error *err)
{
	if (import->bad < CM_IMPORT_KEPT) {
		char *text = cm_arena_strdup(import->arena, bad->text);

		if (text == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		import->bad_texts[import->bad] = text;
	}
	import->bad++;
	if (!import->keep_rejects)
		return CM_OK;
	reject_row(import, bad->text);
	return cm_buf_ok(&import->rejects) == CM_OK
		       ? CM_OK
		       : cm_fail(err, CM_ENOMEM, "no memory for bad rows");
}

/* ---- all rows ----------------------------------------------------------- */

static struct cm_import_row *new_row(struct cm_import *import)
{
	struct cm_import_row *row;

	if (import->nrows == import->room) {
		size_t room = import->room > 0 ? import->room * 2 : ROWS_FIRST;
		struct cm_import_row *rows =
			realloc(import->rows, room * sizeof(*rows));

		if (rows == NULL)
			return NULL;
		import->rows = rows;
		import->room = room;
	}
	row = &import->rows[import->nrows];
	memset(row, 0, sizeof(*row));
	return row;
}

/* CM_ENOTFOUND at the end of the list. */
static int read_one(struct cm_import *import, struct cm_error *err)
{
	struct cm_import_row *row = new_row(import);
	struct cm_error bad = {.code = CM_OK};
	int rc;

	if (row == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_list_next(import->list, &bad);
	if (rc == CM_OK)
		rc = read_row(import, row, &bad);
	if (rc == CM_OK) {
		import->nrows++;
		import->by_status[row->status]++;
		return CM_OK;
	}
	if (rc == CM_EDATA && !import->list->csv.lost)
		return note_bad(import, &bad, err);
	if (rc != CM_ENOTFOUND && err != NULL)
		*err = bad;
	return rc;
}

int cm_import_read(struct cm_import *import, struct cm_error *err)
{
	size_t n = 0;
	int rc;

	import->progress.what = "reading (octets)";
	do {
		rc = read_one(import, err);
		if (++n % PROGRESS_ROWS == 0)
			cm_progress_show(&import->progress,
					 cm_list_done(import->list),
					 cm_list_total(import->list));
	} while (rc == CM_OK);
	cm_progress_end(&import->progress);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int compare_rows(const void *a, const void *b)
{
	const struct cm_import_row *x = a;
	const struct cm_import_row *y = b;
	int order = memcmp(x->family.b, y->family.b, sizeof(x->family.b));

	if (order == 0)
		order = memcmp(x->contact.b, y->contact.b,
			       sizeof(x->contact.b));
	if (order != 0)
		return order;
	if (x->purpose != y->purpose)
		return x->purpose < y->purpose ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

void cm_import_sort(struct cm_import *import)
{
	if (import->nrows > 1)
		qsort(import->rows, import->nrows, sizeof(*import->rows),
		      compare_rows);
}
