/*
 * Lists to dialects, and cells to what they say; see dialect.h.
 */
#include "tools/dialect.h"

#include <string.h>

#include "tools/ctl_output.h"
#include "tools/file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { FORMATS_TEXT = 1024 }; /* all names, for an error */

/* ---- patterns ----------------------------------------------------------- */

/* One pattern without "|".  Where a star failed, it takes one more. */
static bool glob(struct cm_span pattern, struct cm_span text)
{
	size_t p = 0, t = 0;
	size_t star = SIZE_MAX, from = 0;

	while (t < text.n) {
		size_t escaped = p < pattern.n && pattern.p[p] == '\\';

		if (p < pattern.n && pattern.p[p] == '*') {
			star = ++p;
			from = t;
		} else if (p + escaped < pattern.n &&
			   cm_ascii_lower(pattern.p[p + escaped]) ==
				   cm_ascii_lower(text.p[t])) {
			p += 1 + escaped;
			t++;
		} else if (star != SIZE_MAX) {
			p = star;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

bool cm_dialect_matches(const char *patterns, struct cm_span text)
{
	struct cm_span rest = cm_span(patterns);

	while (rest.n > 0) {
		if (glob(cm_span_cut(&rest, '|'), text))
			return true;
	}
	return false;
}

/* ---- says --------------------------------------------------------------- */

static const struct {
	enum cm_status status;
	enum cm_says says;
} meanings[] = {
	{CM_STATUS_GRANTED, CM_SAYS_GRANTED},
	{CM_STATUS_CONFIRMED, CM_SAYS_CONFIRMED},
	{CM_STATUS_PENDING, CM_SAYS_PENDING},
	{CM_STATUS_WITHDRAWN, CM_SAYS_WITHDRAWN},
	{CM_STATUS_WITHDRAWN, CM_SAYS_STOPPED},
	{CM_STATUS_OBJECTED, CM_SAYS_OBJECTED},
	{CM_STATUS_COMPLAINED, CM_SAYS_COMPLAINED},
	{CM_STATUS_UNDELIVERABLE, CM_SAYS_UNDELIVERABLE},
	{CM_STATUS_UNKNOWN, CM_SAYS_UNKNOWN},
};

enum cm_says cm_says_of(enum cm_status status)
{
	size_t i;

	for (i = 0; i < COUNT(meanings); i++) {
		if (meanings[i].status == status)
			return meanings[i].says;
	}
	return CM_SAYS_UNKNOWN;
}

enum cm_status cm_says_status(enum cm_says says)
{
	size_t i;

	for (i = 0; i < COUNT(meanings); i++) {
		if (meanings[i].says == says)
			return meanings[i].status;
	}
	return CM_STATUS_UNKNOWN;
}

/* ---- columns ------------------------------------------------------------ */

static size_t find_column(const struct cm_list *list, const char *names,
			  size_t from)
{
	size_t i;

	for (i = from; i < list->ncolumns; i++) {
		if (cm_dialect_matches(names, cm_span(list->columns[i])))
			return i;
	}
	return CM_CSV_NO_COLUMN;
}

size_t cm_dialect_column(const struct cm_list *list,
			 const struct cm_dialect_column *column, size_t from)
{
	if (column->number == 0)
		return find_column(list, column->name, from);
	if (column->number > list->ncolumns || column->number <= from)
		return CM_CSV_NO_COLUMN;
	return column->number - 1;
}

static bool has_part(struct cm_span text, const char *part)
{
	size_t n = strlen(part);
	size_t i;

	for (i = 0; i + n <= text.n; i++) {
		if (cm_span_is(cm_span_n(text.p + i, n), part))
			return true;
	}
	return false;
}

static bool fits(const struct cm_list *list, const struct cm_dialect *dialect,
		 bool any_file)
{
	size_t i;

	if (dialect->file != NULL && !any_file &&
	    !has_part(cm_span(cm_file_name(list->path)), dialect->file))
		return false;
	for (i = 0; i < CM_DIALECT_NEEDS && dialect->needs[i] != NULL; i++) {
		if (find_column(list, dialect->needs[i], 0) == CM_CSV_NO_COLUMN)
			return false;
	}
	return !dialect->exact || i == list->ncolumns;
}

/* ---- which one ---------------------------------------------------------- */

/* "mailchimp" is "mailchimp-cleaned", too. */
static bool is_of(const struct cm_dialect *dialect, const char *format)
{
	struct cm_span name = cm_span(dialect->name);
	size_t n = strlen(format);

	return name.n >= n && cm_span_is(cm_span_n(name.p, n), format) &&
	       (name.n == n || name.p[n] == '-');
}

static const struct cm_dialect *first_fit(const struct cm_list *list,
					  const char *format)
{
	size_t i;

	for (i = 0; i < cm_ndialects; i++) {
		const struct cm_dialect *d = &cm_dialects[i];
		/* Named in full, its file may be called what it likes. */
		bool named =
			format != NULL && cm_span_is(cm_span(format), d->name);

		if ((format == NULL || is_of(d, format)) &&
		    fits(list, d, named))
			return d;
	}
	return NULL;
}

static int unknown_format(const char *format, struct cm_error *err)
{
	char all[FORMATS_TEXT] = "";
	size_t n = 0;
	size_t i;

	for (i = 0; i < cm_ndialects && n < sizeof(all); i++) {
		if (i == 0 ||
		    strcmp(cm_dialects[i].name, cm_dialects[i - 1].name) != 0)
			n += (size_t)snprintf(all + n, sizeof(all) - n, " %s",
					      cm_dialects[i].name);
	}
	return cm_fail(err, CM_EUSAGE,
		       "--format: \"%s\" is not one of auto plain lines%s",
		       format, all);
}

static bool is_format(const char *format)
{
	size_t i;

	for (i = 0; i < cm_ndialects; i++) {
		if (is_of(&cm_dialects[i], format))
			return true;
	}
	return false;
}

static int not_that_format(const struct cm_list *list, const char *format,
			   struct cm_error *err)
{
	size_t i;
	size_t n = 0;
	char needs[FORMATS_TEXT] = "";

	for (i = 0; i < cm_ndialects; i++) {
		if (is_of(&cm_dialects[i], format))
			break;
	}
	for (size_t k = 0; k < CM_DIALECT_NEEDS; k++) {
		if (cm_dialects[i].needs[k] == NULL)
			break;
		n += (size_t)snprintf(needs + n, sizeof(needs) - n, "%s\"%s\"",
				      k > 0 ? ", " : "",
				      cm_dialects[i].needs[k]);
	}
	return cm_fail(err, CM_EDATA,
		       "%s is not %s: it would have the columns %s", list->path,
		       cm_dialects[i].title, needs);
}

/* ---- our own columns ---------------------------------------------------- */

static bool is_ours(const char *column)
{
	size_t i;

	for (i = 0; i < CM_DIALECT_COLUMNS; i++) {
		const char *name = cm_dialect_plain.columns[i].name;

		if (name != NULL && cm_span_is(cm_span(column), name))
			return true;
	}
	return column[0] == '\0';
}

/* Whether a list with "email" is one of ours, or a tool's we do not know. */
static bool speaks_our_words(const struct cm_list *list)
{
	size_t i;

	if (cm_list_column(list, "email") == CM_CSV_NO_COLUMN)
		return false;
	if (cm_list_column(list, "status") != CM_CSV_NO_COLUMN)
		return true;
	for (i = 0; i < list->ncolumns; i++) {
		if (!is_ours(list->columns[i]))
			return false;
	}
	return true;
}

/* Leaving out who said no would be the worst way to read a list. */
static int check_left_out(const struct cm_list *list, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	struct cm_buf line;
	size_t i;
	int rc = CM_OK;

	for (i = 0; i < list->ncolumns; i++) {
		if (!is_ours(list->columns[i]) &&
		    cm_dialect_sounds_like(list->columns[i]) != CM_SAYS_NOTHING)
			break;
	}
	if (i == list->ncolumns)
		return CM_OK;
	cm_buf_init(&line, FORMATS_TEXT * 4);
	cm_dialect_propose(list, &line);
	rc = cm_fail(err, CM_EDATA,
		     "%s: column \"%s\" sounds like people who said no; say "
		     "what it is with %s, or --format plain to leave it out",
		     list->path, cm_quote(cm_span(list->columns[i]), quoted),
		     cm_buf_text(&line));
	cm_buf_free(&line);
	return rc;
}

static int nobodys(const struct cm_list *list, struct cm_error *err)
{
	struct cm_buf line;
	int rc;

	cm_buf_init(&line, FORMATS_TEXT * 4);
	cm_dialect_propose(list, &line);
	rc = cm_fail(err, CM_EDATA,
		     "%s: these are not the columns of an export that "
		     "consentctl knows; say which is what: %s",
		     list->path, cm_buf_text(&line));
	cm_buf_free(&line);
	return rc;
}

static int guess(const struct cm_list *list,
		 const struct cm_dialect **ret_dialect, struct cm_error *err)
{
	const struct cm_dialect *found = first_fit(list, NULL);

	if (found == NULL && list->bare)
		found = &cm_dialect_lines;
	if (found == NULL && speaks_our_words(list)) {
		found = &cm_dialect_plain;
		if (check_left_out(list, err) != CM_OK)
			return CM_EDATA;
	}
	if (found == NULL)
		return nobodys(list, err);
	*ret_dialect = found;
	return CM_OK;
}

int cm_dialect_find(const struct cm_list *list, const char *format,
		    const struct cm_dialect **ret_dialect, struct cm_error *err)
{
	const struct cm_dialect *found = NULL;

	if (format == NULL || cm_span_is(cm_span(format), "auto"))
		return guess(list, ret_dialect, err);
	if (cm_span_is(cm_span(format), cm_dialect_plain.name)) {
		found = &cm_dialect_plain;
		if (!fits(list, found, true))
			return cm_fail(err, CM_EDATA,
				       "%s:row %u: no column is named "
				       "\"email\"; the first row must name the "
				       "columns",
				       list->path, list->row.number);
	} else if (cm_span_is(cm_span(format), cm_dialect_lines.name)) {
		found = &cm_dialect_lines;
	} else if (is_format(format)) {
		found = first_fit(list, format);
		if (found == NULL)
			return not_that_format(list, format, err);
	} else {
		return unknown_format(format, err);
	}
	*ret_dialect = found;
	return CM_OK;
}

/* ---- cells -------------------------------------------------------------- */

static bool is_yes(struct cm_span cell)
{
	return cm_dialect_matches("true|yes|y|t|1|x|on|wahr|ja|vrai|oui|"
				  "verdadero|si|vero|prawda|tak|ano|da",
				  cell);
}

static bool is_no(struct cm_span cell)
{
	return cm_dialect_matches("false|no|n|f|0|off|falsch|nein|faux|non|"
				  "falso|nie|ne|[]",
				  cell);
}

int cm_dialect_said(struct cm_span cell, enum cm_yes_no *ret_said,
		    struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];

	*ret_said = CM_SAID_NOTHING;
	if (cm_word_is_nothing(cell))
		return CM_OK;
	if (!is_yes(cell) && !is_no(cell))
		return cm_fail(err, CM_EDATA, "\"%s\" is neither yes nor no",
			       cm_quote(cell, quoted));
	*ret_said = is_no(cell) ? CM_SAID_NO : CM_SAID_YES;
	return CM_OK;
}

int cm_dialect_flag(const struct cm_dialect_column *column, struct cm_span cell,
		    enum cm_says *ret_says, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	bool nothing, yes, no;

	cell = cm_span_trim(cell);
	nothing = cm_word_is_nothing(cell);
	no = is_no(cell);
	yes = !no && (is_yes(cell) || column->role == CM_ROLE_FILLED);
	*ret_says = CM_SAYS_NOTHING;
	if (nothing)
		return CM_OK;
	if (!yes && !no)
		return cm_fail(err, CM_EDATA, "\"%s\" is neither yes nor no",
			       cm_quote(cell, quoted));
	if (column->role == CM_ROLE_NO ? no : yes)
		*ret_says = column->says;
	return CM_OK;
}

static int own_status(struct cm_span cell, enum cm_says *ret_says,
		      struct cm_error *err)
{
	enum cm_status status = CM_STATUS_UNKNOWN;
	int rc = cm_word_status(cell, &status, err);

	if (rc == CM_OK)
		*ret_says = cm_says_of(status);
	return rc;
}

int cm_dialect_status(const struct cm_dialect_column *column,
		      struct cm_span cell, enum cm_says *ret_says,
		      struct cm_error *err)
{
	const struct cm_dialect_word *word = column->words;
	char quoted[CM_QUOTE_LEN];

	if (word == NULL)
		return own_status(cell, ret_says, err);
	cell = cm_span_trim(cell);
	for (; word->word != NULL; word++) {
		if (cell.n > 0 && cm_dialect_matches(word->word, cell)) {
			*ret_says = word->says;
			return CM_OK;
		}
	}
	*ret_says = CM_SAYS_NOTHING;
	if (cm_word_is_nothing(cell))
		return CM_OK;
	/* A word of ours, or one that the end of the table gives a hint for. */
	if (word->says != CM_SAYS_NOTHING)
		return own_status(cell, ret_says, err) == CM_OK
			       ? CM_OK
			       : cm_fail(err, CM_EDATA,
					 "\"%s\" is not a status; say what it "
					 "means at the end of --map: "
					 "...,%s=unknown",
					 cm_quote(cell, quoted), quoted);
	return cm_fail(err, CM_EDATA,
		       "\"%s\" is not one of the words this tool is known to "
		       "write; say what the columns are with --map",
		       cm_quote(cell, quoted));
}
