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
	bool bare;    /* no header: one address a line */
	bool dump;    /* ditto, as "email ADDRESS" among other lines */
	bool unnamed; /* the first row is a person: columns are "#1", "#2" */
};

/*
 * charset: of the file, NULL for UTF-8 or what a byte order mark says.
 * A file whose first line is an address ("u@d", "Name <u@d>", "u@d Name") has
 * no header: its one column is called "email", and lines that begin with "#"
 * are passed over; so is a dump of Sympa's, with lines "email u@d".
 * CM_EDATA for an empty file, or one that is no text.
 */
CM_MUST_CHECK int cm_list_open(const char *path, const char *charset,
			       struct cm_arena *arena,
			       struct cm_list **ret_list, struct cm_error *err);
/* CM_EDATA if a column is named twice. */
CM_MUST_CHECK int cm_list_check_names(const struct cm_list *list,
				      struct cm_error *err);
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

/*
 * A cell of the latest row without blanks around it, and without what
 * spreadsheets put in front to keep a text a text: ' or ="...".
 */
struct cm_span cm_list_cell(const struct cm_list *list, size_t column);

/* Put file, row and column in front of *err, for a cell that makes no sense.
 * Returns CM_EDATA. */
int cm_list_bad_cell(const struct cm_list *list, size_t column,
		     struct cm_error *err);

/* Octets read and in all, for progress. */
uint64_t cm_list_done(const struct cm_list *list);
uint64_t cm_list_total(const struct cm_list *list);

#endif
