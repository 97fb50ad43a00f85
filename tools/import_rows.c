/*
 * Cells to rows; see import.h.
 *
 * What a cell may hold is in one table of readers, one a column.  A missing
 * time stays missing; an empty status is "unknown"; nothing is guessed.
 */
#include "tools/import.h"

#include <stdlib.h>
#include <string.h>

#include "policy/purpose.h"
#include "tools/ctl_person.h"

enum {
	ROWS_FIRST = 4096,
	GIVEN_MAX = 1024, /* a display name longer than that is a trick */
	REJECTS_MAX = 2147483647, /* no more than a list can be */
	PROGRESS_ROWS = 4096,     /* between looks at the clock */
};

/* ---- columns ------------------------------------------------------------ */

static bool is_bound(const struct cm_import *import, size_t at)
{
	size_t i;

	for (i = 0; i < import->ncolumns; i++) {
		if (import->column[i].at == at)
			return true;
	}
	return false;
}

bool cm_import_has(const struct cm_import *import, enum cm_role role)
{
	size_t i;

	for (i = 0; i < import->ncolumns; i++) {
		if (import->column[i].as.role == role)
			return true;
	}
	return false;
}

static void tell_unknown(const struct cm_import *import)
{
	const struct cm_list *list = import->list;
	FILE *notes = import->ctl->notes;
	char quoted[CM_QUOTE_LEN];
	const char *lead = "note: not imported, for they say nothing that "
			   "consentctl keeps: ";
	size_t i;
	bool any = false;

	for (i = 0; i < list->ncolumns; i++) {
		if (list->columns[i][0] == '\0' || is_bound(import, i))
			continue;
		(void)fprintf(notes, "%s%s", any ? ", " : lead,
			      cm_quote(cm_span(list->columns[i]), quoted));
		any = true;
	}
	if (any)
		(void)fputc('\n', notes);
}

static int bind(struct cm_import *import, size_t at,
		const struct cm_dialect_column *as, struct cm_error *err)
{
	if (import->ncolumns == CM_IMPORT_COLUMNS)
		return cm_fail(err, CM_EDATA,
			       "%s has more than %d columns that say who may "
			       "be sent mail; import it in parts, with --map",
			       import->list->path, CM_IMPORT_COLUMNS);
	import->column[import->ncolumns].at = at;
	import->column[import->ncolumns].as = *as;
	import->has_terms = import->has_terms || as->role >= CM_ROLE_CONTROLLER;
	import->ncolumns++;
	return CM_OK;
}

/* A name with a star may be several columns; an address is in one only. */
static int bind_one(struct cm_import *import,
		    const struct cm_dialect_column *as, struct cm_error *err)
{
	size_t at = cm_dialect_column(import->list, as, 0);
	int rc = CM_OK;

	while (rc == CM_OK && at != CM_CSV_NO_COLUMN) {
		rc = bind(import, at, as, err);
		if (as->role == CM_ROLE_EMAIL || as->role == CM_ROLE_STATUS)
			break;
		at = cm_dialect_column(import->list, as, at + 1);
	}
	return rc;
}

static int bind_others(struct cm_import *import, struct cm_error *err)
{
	const struct cm_dialect_column others = {
		.role = CM_ROLE_OTHER, .says = import->dialect->others};
	size_t i;
	int rc = CM_OK;

	if (others.says == CM_SAYS_NOTHING)
		return CM_OK;
	for (i = 0; rc == CM_OK && i < import->list->ncolumns; i++) {
		if (!is_bound(import, i))
			rc = bind(import, i, &others, err);
	}
	return rc;
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

int cm_import_columns(struct cm_import *import, struct cm_error *err)
{
	const struct cm_dialect *dialect = import->dialect;
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < CM_DIALECT_COLUMNS; i++) {
		const struct cm_dialect_column *as = &dialect->columns[i];

		if (as->name != NULL || as->number != 0)
			rc = bind_one(import, as, err);
	}
	if (rc == CM_OK)
		rc = bind_others(import, err);
	if (import->says == CM_SAYS_NOTHING)
		import->says = dialect->says;
	tell_unknown(import);
	start_rejects(import);
	return rc;
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
				       cm_quote(given, quoted));
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

/* ---- the terms of a grant ------------------------------------------------ */

int cm_import_name(struct cm_import *import, struct cm_span text,
		   uint16_t *ret_index, struct cm_error *err)
{
	char name[CM_PARTY_MAX + 1];
	int rc = cm_word_name(cm_word_is_nothing(text) ? cm_span("") : text,
			      CM_PARTY_MAX, name, err);

	if (rc == CM_OK)
		rc = intern(import, &import->names, name, ret_index, err);
	return rc;
}

_Static_assert(CM_CATEGORY_MAX == CM_PARTY_MAX, "names hold categories, too");

static int read_controller(struct cm_import *import, struct cm_span cell,
			   struct cm_import_row *row, struct cm_error *err)
{
	(void)row;
	return cm_import_name(import, cell, &import->reading.controller, err);
}

static int read_seller(struct cm_import *import, struct cm_span cell,
		       struct cm_import_row *row, struct cm_error *err)
{
	(void)row;
	return cm_import_name(import, cell, &import->reading.seller, err);
}

static int read_category(struct cm_import *import, struct cm_span cell,
			 struct cm_import_row *row, struct cm_error *err)
{
	(void)row;
	return cm_import_name(import, cell, &import->reading.category, err);
}

static int read_sale_ref(struct cm_import *import, struct cm_span cell,
			 struct cm_import_row *row, struct cm_error *err)
{
	char checked[CM_IMPORT_REF_MAX + 1];
	struct cm_span ref =
		cm_word_is_nothing(cell) ? cm_span("") : cm_span_trim(cell);
	int rc = cm_word_name(ref, CM_IMPORT_REF_MAX, checked, err);

	(void)row;
	if (rc != CM_OK)
		return rc;
	import->reading.sale_ref = cm_span_n(keep(import, ref), ref.n);
	return import->reading.sale_ref.p != NULL
		       ? CM_OK
		       : cm_fail(err, CM_ENOMEM, "out of memory");
}

static int read_opt_out_offered(struct cm_import *import, struct cm_span cell,
				struct cm_import_row *row, struct cm_error *err)
{
	enum cm_yes_no said = CM_SAID_NOTHING;
	int rc = cm_dialect_said(cell, &said, err);

	(void)row;
	import->reading.optout = (uint8_t)said;
	return rc;
}

/* The first instant that the text may mean: what rests on it ends soonest. */
static int read_date(struct cm_import *import, struct cm_span cell,
		     int64_t *ret_at, struct cm_error *err)
{
	struct cm_when when;
	int rc;

	*ret_at = 0;
	if (cm_word_is_nothing(cell))
		return CM_OK;
	rc = cm_when_parse(cell, &import->of_sale, &when, err);
	if (rc == CM_OK)
		*ret_at = when.first;
	return rc;
}

static int read_sale_date(struct cm_import *import, struct cm_span cell,
			  struct cm_import_row *row, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	int rc = read_date(import, cell, &import->reading.sold, err);

	(void)row;
	if (rc == CM_OK && import->reading.sold > import->ctl->now)
		return cm_fail(err, CM_EDATA, "\"%s\" is yet to come",
			       cm_quote(cell, quoted));
	return rc;
}

static int read_contract_end(struct cm_import *import, struct cm_span cell,
			     struct cm_import_row *row, struct cm_error *err)
{
	(void)row;
	return read_date(import, cell, &import->reading.ended, err);
}

static int keep_terms(struct cm_import *import, uint32_t *ret_index,
		      struct cm_error *err)
{
	size_t room =
		import->terms_room > 0 ? import->terms_room * 2 : ROWS_FIRST;

	if (!import->has_terms)
		return CM_OK;
	if (import->nterms == import->terms_room) {
		struct cm_import_terms *terms =
			realloc(import->terms, room * sizeof(*terms));

		if (terms == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		import->terms = terms;
		import->terms_room = room;
	}
	import->terms[import->nterms++] = import->reading;
	*ret_index = (uint32_t)import->nterms;
	return CM_OK;
}

static int (*const readers[CM_ROLES])(struct cm_import *, struct cm_span,
				      struct cm_import_row *,
				      struct cm_error *) = {
	[CM_ROLE_EMAIL] = read_email,
	[CM_ROLE_PURPOSE] = read_purpose,
	[CM_ROLE_SOURCE] = read_source,
	[CM_ROLE_BASIS] = read_basis,
	[CM_ROLE_LANGUAGE] = read_language,
	[CM_ROLE_CONTROLLER] = read_controller,
	[CM_ROLE_SELLER] = read_seller,
	[CM_ROLE_SALE_REF] = read_sale_ref,
	[CM_ROLE_SALE_DATE] = read_sale_date,
	[CM_ROLE_CATEGORY] = read_category,
	[CM_ROLE_OPT_OUT_OFFERED] = read_opt_out_offered,
	[CM_ROLE_CONTRACT_END] = read_contract_end,
};

/* ---- what a row says ---------------------------------------------------- */

static int read_saying(const struct cm_dialect_column *as, struct cm_span cell,
		       enum cm_says *ret_says, struct cm_error *err)
{
	*ret_says = CM_SAYS_NOTHING;
	switch (as->role) {
	case CM_ROLE_STATUS:
		return cm_dialect_status(as, cell, ret_says, err);
	case CM_ROLE_YES:
	case CM_ROLE_NO:
	case CM_ROLE_FILLED:
		return cm_dialect_flag(as, cell, ret_says, err);
	case CM_ROLE_OTHER:
		/* Not a yes or no: a column about something else. */
		if (cm_dialect_flag(as, cell, ret_says, NULL) != CM_OK)
			*ret_says = CM_SAYS_NOTHING;
		return CM_OK;
	default:
		return CM_OK;
	}
}

/*
 * Opt-outs win: with one, nothing that allows counts (E-7).  Of what allows,
 * the least.  A bounce says nothing about what the person wants.
 */
static unsigned settle(unsigned said)
{
	const unsigned refused =
		CM_SAYS_BIT(CM_SAYS_WITHDRAWN) | CM_SAYS_BIT(CM_SAYS_STOPPED) |
		CM_SAYS_BIT(CM_SAYS_COMPLAINED) | CM_SAYS_BIT(CM_SAYS_OBJECTED);
	const unsigned bounced = CM_SAYS_BIT(CM_SAYS_UNDELIVERABLE);
	unsigned allowed = said & ~(refused | bounced);
	enum cm_says least;

	if ((said & CM_SAYS_BIT(CM_SAYS_STOPPED)) != 0)
		said &= ~CM_SAYS_BIT(CM_SAYS_WITHDRAWN);
	if ((said & refused) != 0 || allowed == 0)
		return said & (refused | bounced);
	for (least = CM_SAYS_UNKNOWN; (allowed & CM_SAYS_BIT(least)) == 0;)
		least--;
	if (least == CM_SAYS_UNKNOWN && (said & bounced) != 0)
		return bounced;
	return CM_SAYS_BIT(least) | (said & bounced);
}

static bool is_refusal(enum cm_says says)
{
	return says >= CM_SAYS_UNDELIVERABLE;
}

/* As late as the text allows for a refusal, as early for all else. */
static int read_time(struct cm_import *import, struct cm_span cell,
		     enum cm_says says, struct cm_import_row *row,
		     struct cm_error *err)
{
	int64_t now = import->ctl->now;
	char quoted[CM_QUOTE_LEN];
	struct cm_when when;
	int rc = cm_when_parse(cell, &import->how, &when, err);

	if (rc != CM_OK)
		return rc;
	if (when.first > now)
		return cm_fail(err, CM_EDATA, "\"%s\" is yet to come",
			       cm_quote(cell, quoted));
	row->at = is_refusal(says) ? when.last : when.first;
	if (row->at > now)
		row->at = now;
	return CM_OK;
}

/* The first of its times that is written; a missing one stays missing. */
static int find_time(struct cm_import *import, enum cm_says says,
		     struct cm_import_row *row, struct cm_error *err)
{
	size_t i;

	row->at = 0;
	for (i = 0; i < import->ncolumns; i++) {
		const struct cm_import_column *column = &import->column[i];
		struct cm_span cell;

		if (column->as.role != CM_ROLE_TIME ||
		    (column->as.of & CM_SAYS_BIT(says)) == 0)
			continue;
		cell = cm_list_cell(import->list, column->at);
		if (cm_word_is_nothing(cell))
			continue;
		if (read_time(import, cell, says, row, err) != CM_OK)
			return cm_list_bad_cell(import->list, column->at, err);
		return CM_OK;
	}
	return CM_OK;
}

static int defaults(struct cm_import *import, struct cm_import_row *row,
		    struct cm_error *err)
{
	memset(row, 0, sizeof(*row));
	row->number = import->list->row.number;
	import->reading = import->all;
	row->basis = (uint8_t)import->basis;
	row->purpose = CM_IMPORT_NO_PURPOSE;
	if (import->purpose != NULL)
		row->purpose = (uint16_t)(import->purpose -
					  import->ctl->config->purposes);
	return intern(import, &import->sources, import->source, &row->source,
		      err);
}

static size_t column_of(const struct cm_import *import, enum cm_role role)
{
	size_t i;

	for (i = 0; i < import->ncolumns; i++) {
		if (import->column[i].as.role == role)
			return import->column[i].at;
	}
	return CM_CSV_NO_COLUMN;
}

/* Which statuses stand above purposes, and which need one. */
static int settle_purpose(struct cm_import *import, enum cm_says says,
			  struct cm_import_row *row, struct cm_error *err)
{
	switch (says) {
	case CM_SAYS_OBJECTED:
	case CM_SAYS_UNDELIVERABLE:
		row->purpose = CM_IMPORT_NO_PURPOSE;
		return CM_OK;
	case CM_SAYS_COMPLAINED:
		return CM_OK;
	case CM_SAYS_STOPPED:
		row->purpose = CM_IMPORT_ALL_ROOTS;
		return CM_OK;
	case CM_SAYS_WITHDRAWN:
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
	return cm_list_bad_cell(import->list,
				column_of(import, CM_ROLE_PURPOSE), err);
}

/* One thing that the row says; row has what all of them share. */
static int add_saying(struct cm_import *import, struct cm_import_row *made,
		      enum cm_says says, const struct cm_import_row *row,
		      struct cm_error *err)
{
	int rc;

	*made = *row;
	made->status = (uint8_t)cm_says_status(says);
	rc = settle_purpose(import, says, made, err);
	if (rc == CM_OK)
		rc = find_time(import, says, made, err);
	return rc;
}

/* CM_EDATA with place and reason if the row is bad. */
static int read_row(struct cm_import *import, struct cm_import_row *row,
		    unsigned *ret_said, struct cm_error *err)
{
	unsigned said = 0;
	size_t i;
	int rc = defaults(import, row, err);

	for (i = 0; rc == CM_OK && i < import->ncolumns; i++) {
		const struct cm_import_column *column = &import->column[i];
		struct cm_span cell = cm_list_cell(import->list, column->at);
		enum cm_says says = CM_SAYS_NOTHING;

		if (readers[column->as.role] != NULL)
			rc = readers[column->as.role](import, cell, row, err);
		else
			rc = read_saying(&column->as, cell, &says, err);
		if (rc == CM_EDATA)
			return cm_list_bad_cell(import->list, column->at, err);
		if (says != CM_SAYS_NOTHING)
			said |= CM_SAYS_BIT(says);
	}
	if (said == 0)
		said = CM_SAYS_BIT(import->says);
	*ret_said = settle(said);
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

/* Room for all that one row of the list can say. */
static int make_room(struct cm_import *import, struct cm_error *err)
{
	size_t room = import->room > 0 ? import->room * 2 : ROWS_FIRST;
	struct cm_import_row *rows;

	if (import->nrows + CM_SAYS <= import->room)
		return CM_OK;
	rows = realloc(import->rows, room * sizeof(*rows));
	if (rows == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	import->rows = rows;
	import->room = room;
	return CM_OK;
}

/* CM_EDATA: the row is bad, and nothing of it was added. */
static int add_row(struct cm_import *import, struct cm_error *err)
{
	struct cm_import_row row;
	unsigned said = 0;
	size_t n = import->nrows;
	enum cm_says says;
	int rc = read_row(import, &row, &said, err);

	if (rc == CM_OK)
		rc = keep_terms(import, &row.terms, err);
	for (says = 0; rc == CM_OK && says < CM_SAYS; says++) {
		if ((said & CM_SAYS_BIT(says)) == 0)
			continue;
		rc = add_saying(import, &import->rows[n++], says, &row, err);
	}
	if (rc != CM_OK)
		return rc;
	for (; import->nrows < n; import->nrows++)
		import->by_status[import->rows[import->nrows].status]++;
	import->read++;
	return CM_OK;
}

/* CM_ENOTFOUND at the end of the list. */
static int read_one(struct cm_import *import, struct cm_error *err)
{
	struct cm_error bad = {.code = CM_OK};
	int rc = make_room(import, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_list_next(import->list, &bad);
	if (rc == CM_OK)
		rc = add_row(import, &bad);
	if (rc == CM_EDATA && !import->list->csv.lost)
		return note_bad(import, &bad, err);
	if (rc != CM_OK && rc != CM_ENOTFOUND && err != NULL)
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
