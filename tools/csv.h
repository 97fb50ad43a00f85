/*
 * csv - lists as spreadsheets write them, row by row (RFC 4180).
 *
 * Pure over bytes in memory; nothing is copied but cells that hold "".
 * Taken besides the RFC: a byte order mark, Excel's first line "sep=;", LF
 * and bare CR as line ends, a quote inside an unquoted cell as itself, empty
 * rows (passed over, counted).
 * Not taken: NULs, anything but UTF-8, text after a closing quote, a cell or
 * a row over its limit.  What is wrong with a row never makes the reader
 * lose the rows after it, except a quote that is never closed.
 */
#ifndef CM_TOOLS_CSV_H
#define CM_TOOLS_CSV_H

#include "lib/buf.h"
#include "lib/str.h"

enum {
	CM_CSV_CELL_MAX = 1024 * 1024, /* octets; E-8: the longest real cell */
	CM_CSV_COLUMNS_MAX = 1024,     /* the widest export seen has 300 */
	CM_CSV_ROWS_MAX = 50000000,    /* ten times the largest list known */
};

#define CM_CSV_NO_COLUMN SIZE_MAX
/* As delimiter: there is none, and no quotes; a line is one cell. */
#define CM_CSV_LINES '\0'

struct cm_csv {
	struct cm_span text; /* borrowed */
	size_t at;           /* the next octet to read */
	uint32_t row;        /* rows read; the header is row 1 */
	char delimiter;
	bool lost; /* a quote was never closed: nothing more can be read */
	struct cm_buf scratch; /* cells that held "", of the latest row */
};

/* Reused from row to row; some 17 KB, so not for the stack of a thread. */
struct cm_csv_row {
	uint32_t number;    /* as a spreadsheet counts: the header is 1 */
	struct cm_span raw; /* as it stands, without its line end */
	size_t count;
	struct cm_span cells[CM_CSV_COLUMNS_MAX]; /* quotes taken off */
	bool doubled[CM_CSV_COLUMNS_MAX];         /* held "" in the text */
	size_t bad_column; /* after CM_EDATA: which, or CM_CSV_NO_COLUMN */
};

/* text must outlive csv.  delimiter: ',' ';' '\t' '|' or CM_CSV_LINES. */
void cm_csv_init(struct cm_csv *csv, struct cm_span text, char delimiter);
void cm_csv_free(struct cm_csv *csv);

/*
 * The delimiter of a list, of comma, semicolon, tab and bar: what "sep=" says;
 * or else the one that gives the first row a cell named key; or else the one
 * that cuts the first rows into the same number of cells, the more the better.
 */
char cm_csv_sniff(struct cm_span text, const char *key);

/*
 * The next row.  Cells live as long as the text, or until the next call.
 * CM_ENOTFOUND: no more.  CM_EDATA: this row is bad, with what is wrong in
 * *err; number, raw and bad_column are set, and the next call reads on unless
 * csv->lost.  CM_ELIMIT: too many rows.
 */
CM_MUST_CHECK int cm_csv_next(struct cm_csv *csv, struct cm_csv_row *row,
			      struct cm_error *err);

/*
 * Append one cell, quoted if it must be.  guard: a cell that a spreadsheet
 * would take for a formula gets a "'" in front (requirements E-9).
 */
int cm_csv_put(struct cm_buf *out, struct cm_span cell, char delimiter,
	       bool guard);
/*
 * Append a row that was read, with a line end: octet for octet, unless a
 * spreadsheet would take cells of it for formulas; then these are guarded, and
 * *guarded grows by their number.  guarded NULL: octet for octet in any case.
 */
void cm_csv_put_row(struct cm_buf *out, const struct cm_csv_row *row,
		    char delimiter, uint64_t *guarded);

#endif
