/*
 * list - a CSV file of people, opened: its text in UTF-8, its columns by
 * name, its rows one after another with errors that say where.
 */
#ifndef CM_TOOLS_LIST_H
#define CM_TOOLS_LIST_H

#include "lib/arena.h"
#include "lib/crypto.h"
#include "tools/csv.h"

struct cm_list {
	const char *path; /* for messages, as typed */
	struct cm_buf text;
	uint8_t sha256[CM_SHA256_LEN]; /* of the file as it is on disk */
	struct cm_csv csv;
	struct cm_csv_row row; /* the latest */
	struct cm_arena *arena;
	struct cm_span header; /* the header row, raw */
	const char **columns;  /* names as they stand, trimmed */
	size_t ncolumns;
	bool bare; /* no header: one address a line */
};

enum cm_list_form {
	CM_LIST_HEADER, /* there must be a header row with "email" */
	CM_LIST_EITHER  /* or the first row is one bare address */
};

/*
 * charset: of the file, NULL for UTF-8.  CM_EDATA for no header, no "email"
 * column, a column named twice, an empty file.
 */
CM_MUST_CHECK int cm_list_open(const char *path, const char *charset,
			       enum cm_list_form form, struct cm_arena *arena,
			       struct cm_list **ret_list, struct cm_error *err);
void cm_list_close(struct cm_list **list);

/* Index of a column by name (ASCII case does not count), or
 * CM_CSV_NO_COLUMN. */
size_t cm_list_column(const struct cm_list *list, const char *name);

/*
 * The next row that has anything in it, into list->row.  CM_ENOTFOUND at the
 * end; CM_EDATA with "list.csv:row 17, column \"time\": ..." for a bad row,
 * after which reading goes on unless list->csv.lost.
 */
CM_MUST_CHECK int cm_list_next(struct cm_list *list, struct cm_error *err);

/* Put file, row and column in front of *err, for a cell that makes no sense.
 * Returns CM_EDATA. */
int cm_list_bad_cell(const struct cm_list *list, size_t column,
		     struct cm_error *err);

/* Octets read and in all, for progress. */
uint64_t cm_list_done(const struct cm_list *list);
uint64_t cm_list_total(const struct cm_list *list);

#endif
