/*
 * --map: a dialect of the admin's own, and a proposal for one; see dialect.h.
 */
#include "tools/dialect.h"

#include <stdlib.h>
#include <string.h>

#include "tools/ctl_output.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { MAP_WORDS = 64, MAP_NAMES = 32, ROLE_NAME = 32 };

struct map {
	const struct cm_list *list;
	struct cm_dialect *dialect;
	size_t ncolumns;
	struct cm_dialect_word *words; /* MAP_WORDS + the end */
	size_t nwords;
};

/* ---- roles -------------------------------------------------------------- */

static const char time_of[] = "-time";

/* "withdrawn-time": when the person withdrew. */
static bool time_role(struct cm_span name, struct cm_dialect_column *column)
{
	size_t n = sizeof(time_of) - 1;
	enum cm_status status;

	if (name.n <= n ||
	    !cm_span_is(cm_span_n(name.p + name.n - n, n), time_of) ||
	    cm_word_status(cm_span_n(name.p, name.n - n), &status, NULL) !=
		    CM_OK)
		return false;
	column->role = CM_ROLE_TIME;
	column->of = CM_SAYS_BIT(cm_says_of(status));
	return true;
}

/* A status that refuses: a column with anything but a no. */
static bool refusal_role(struct cm_span name, struct cm_dialect_column *column)
{
	enum cm_status status;

	if (cm_word_is_nothing(name) ||
	    cm_word_status(name, &status, NULL) != CM_OK ||
	    cm_says_of(status) < CM_SAYS_UNDELIVERABLE)
		return false;
	column->role = CM_ROLE_FILLED;
	column->says = cm_says_of(status);
	return true;
}

static bool find_role(struct cm_span name, struct cm_dialect_column *column)
{
	size_t i;

	for (i = 0; i < CM_DIALECT_COLUMNS; i++) {
		const struct cm_dialect_column *own =
			&cm_dialect_plain.columns[i];

		if (own->name != NULL && cm_span_is(name, own->name)) {
			*column = *own;
			return true;
		}
	}
	return time_role(name, column) || refusal_role(name, column);
}

/* ---- one pair ----------------------------------------------------------- */

static int by_number(const struct map *map, struct cm_span text,
		     struct cm_dialect_column *column, struct cm_error *err)
{
	uint64_t number;

	if (text.n < 2 || text.p[0] != '#' ||
	    cm_parse_u64(cm_span_n(text.p + 1, text.n - 1), UINT32_MAX,
			 &number) != CM_OK)
		return CM_ENOTFOUND;
	if (number < 1 || number > map->list->ncolumns)
		return cm_fail(err, CM_EUSAGE,
			       "--map: %s has no column number %u (it has %zu)",
			       map->list->path, (unsigned)number,
			       map->list->ncolumns);
	column->number = (size_t)number;
	return CM_OK;
}

static int no_column(const struct map *map, struct cm_span text,
		     struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	const char *similar =
		cm_suggest(cm_quote(text, quoted), map->list->columns,
			   map->list->ncolumns);

	if (similar == NULL)
		return cm_fail(err, CM_EUSAGE, "--map: %s has no column \"%s\"",
			       map->list->path, quoted);
	return cm_fail(err, CM_EUSAGE,
		       "--map: %s has no column \"%s\"; did you mean \"%s\"?",
		       map->list->path, quoted, similar);
}

static int by_name(const struct map *map, struct cm_span text,
		   struct cm_dialect_column *column, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	size_t i;

	for (i = 0; i < map->list->ncolumns; i++) {
		if (!cm_span_caseeq(cm_span(map->list->columns[i]), text))
			continue;
		if (column->number != 0)
			return cm_fail(err, CM_EUSAGE,
				       "--map: column \"%s\" stands twice; "
				       "say which one: #%zu or #%zu",
				       cm_quote(text, quoted), column->number,
				       i + 1);
		column->number = i + 1;
	}
	return column->number != 0 ? CM_OK : CM_ENOTFOUND;
}

static int add_column(struct map *map, struct cm_dialect_column column,
		      struct cm_span text, struct cm_error *err)
{
	int rc;

	column.number = 0;
	rc = by_name(map, text, &column, err);
	if (rc == CM_ENOTFOUND)
		rc = by_number(map, text, &column, err);
	if (rc == CM_ENOTFOUND)
		return no_column(map, text, err);
	if (rc == CM_OK && map->ncolumns == CM_DIALECT_COLUMNS)
		return cm_fail(err, CM_EUSAGE, "--map: more than %d columns",
			       CM_DIALECT_COLUMNS);
	if (rc == CM_OK)
		map->dialect->columns[map->ncolumns++] = column;
	return rc;
}

static int add_word(struct map *map, struct cm_span value,
		    struct cm_span status, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	enum cm_status meant = CM_STATUS_UNKNOWN;
	struct cm_dialect_word *word = &map->words[map->nwords];
	char *copy;
	size_t i, n = 0;

	if (cm_word_status(status, &meant, NULL) != CM_OK)
		return cm_fail(
			err, CM_EUSAGE,
			"--map: \"%s\" is neither a role (email, "
			"purpose, status, source, basis, time, language, "
			"controller, seller, sale-ref, sale-date, "
			"product-category, opt-out-offered, contract-end, "
			"withdrawn, objected, complained, undeliverable) "
			"nor followed by a status",
			cm_quote(value, quoted));
	if (map->nwords == MAP_WORDS)
		return cm_fail(err, CM_EUSAGE, "--map: more than %d words",
			       MAP_WORDS);
	copy = cm_arena_alloc(map->list->arena, 2 * value.n + 1);
	if (copy == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	/* As a pattern, it stands for itself. */
	for (i = 0; i < value.n; i++) {
		if (value.p[i] == '*' || value.p[i] == '\\')
			copy[n++] = '\\';
		copy[n++] = value.p[i];
	}
	copy[n] = '\0';
	word->word = copy;
	word->says = cm_says_of(meant);
	map->nwords++;
	return CM_OK;
}

static int add_pair(struct map *map, struct cm_span pair, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	struct cm_dialect_column column = {.name = NULL};
	struct cm_span rest = pair;
	struct cm_span name = cm_span_trim(cm_span_cut(&rest, '='));

	if (memchr(pair.n > 0 ? pair.p : "", '=', pair.n) == NULL)
		return cm_fail(err, CM_EUSAGE,
			       "--map: \"%s\" should be ROLE=COLUMN or "
			       "VALUE=STATUS",
			       cm_quote(pair, quoted));
	if (find_role(name, &column))
		return add_column(map, column, cm_span_trim(rest), err);
	return add_word(map, name, cm_span_trim(rest), err);
}

/* ---- all ---------------------------------------------------------------- */

static bool has_role(const struct map *map, enum cm_role role)
{
	size_t i;

	for (i = 0; i < map->ncolumns; i++) {
		if (map->dialect->columns[i].role == role)
			return true;
	}
	return false;
}

static int finish(struct map *map, struct cm_error *err)
{
	size_t i;

	if (!has_role(map, CM_ROLE_EMAIL))
		return cm_fail(err, CM_EUSAGE,
			       "--map: say which column has the addresses: "
			       "email=COLUMN");
	if (map->nwords > 0 && !has_role(map, CM_ROLE_STATUS))
		return cm_fail(err, CM_EUSAGE,
			       "--map: \"%s\" is a word of which column? say "
			       "status=COLUMN",
			       map->words[0].word);
	/* The end of the table: an unknown word gets a hint. */
	map->words[map->nwords].word = NULL;
	map->words[map->nwords].says = CM_SAYS_UNKNOWN;
	for (i = 0; i < map->ncolumns; i++) {
		if (map->dialect->columns[i].role == CM_ROLE_STATUS)
			map->dialect->columns[i].words = map->words;
	}
	return CM_OK;
}

int cm_dialect_map(const struct cm_list *list, const char *text,
		   const struct cm_dialect **ret_dialect, struct cm_error *err)
{
	struct map map = {.list = list};
	struct cm_csv_row *row = cm_arena_alloc(list->arena, sizeof(*row));
	struct cm_csv csv;
	size_t i;
	int rc;

	map.dialect = cm_arena_alloc(list->arena, sizeof(*map.dialect));
	map.words =
		cm_arena_array(list->arena, MAP_WORDS + 1, sizeof(*map.words));
	if (row == NULL || map.dialect == NULL || map.words == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	memset(map.dialect, 0, sizeof(*map.dialect));
	map.dialect->name = "map";
	map.dialect->title = "columns as given by --map";
	map.dialect->says = CM_SAYS_UNKNOWN;
	cm_csv_init(&csv, cm_span(text), ',');
	rc = cm_csv_next(&csv, row, err);
	if (rc == CM_EDATA)
		(void)cm_error_prefix(err, "--map: ");
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		rc = CM_EUSAGE;
	for (i = 0; rc == CM_OK && i < row->count; i++)
		rc = add_pair(&map, row->cells[i], err);
	if (rc == CM_OK || rc == CM_ENOTFOUND)
		rc = finish(&map, err);
	cm_csv_free(&csv);
	if (rc == CM_OK)
		*ret_dialect = map.dialect;
	else if (err != NULL)
		err->code = rc;
	return rc;
}

/* ---- a proposal --------------------------------------------------------- */

static const struct {
	const char *names;
	const char *role;
	enum cm_says says; /* if it sounds like a refusal */
} sounds[] = {
	{"*never*subscri*|*nonsubscri*", NULL, CM_SAYS_NOTHING},
	{"*opt*out*offer*", "opt-out-offered", CM_SAYS_NOTHING},
	{"*sale*date*|*order*date*|*purchase*date*", "sale-date",
	 CM_SAYS_NOTHING},
	{"*complain*|*spam*|*abuse*", "complained", CM_SAYS_COMPLAINED},
	{"*bounce*|*undeliver*|*unzustell*|*invalid*", "undeliverable",
	 CM_SAYS_UNDELIVERABLE},
	{"*unsub*|*opt*out*|*opted*|*black*list*|*block*list*|*suppress*|"
	 "*do*not*contact*|*do*not*mail*|*do*not*email*|dnc|*abgemeldet*|"
	 "*abmeld*|*desinscri*|*wypis*|*odhlas*|*otpis*|*withdrawn*|"
	 "*revoked*|*widerruf*",
	 "withdrawn", CM_SAYS_WITHDRAWN},
	{"*objected*|*objection*|*widerspr*", "objected", CM_SAYS_OBJECTED},
	{"*mail*|address|recipient|adresse", "email", CM_SAYS_NOTHING},
	{"*status*|*state|*consent*|*subscri*|*permission*|*opt*in*", "status",
	 CM_SAYS_NOTHING},
	{"*time*|*date*|*datum*|*_at|created*|entered", "time",
	 CM_SAYS_NOTHING},
	{"*lang*|*locale*|sprache", "language", CM_SAYS_NOTHING},
	{"*source*|*origin*|*herkunft*", "source", CM_SAYS_NOTHING},
};

enum cm_says cm_dialect_sounds_like(const char *column)
{
	size_t i;

	for (i = 0; i < COUNT(sounds); i++) {
		if (cm_dialect_matches(sounds[i].names, cm_span(column)))
			return sounds[i].says;
	}
	return CM_SAYS_NOTHING;
}

/* Can the name stand in the line as it is, in a shell's single quotes? */
static bool is_plain_name(const struct cm_list *list, size_t column)
{
	const char *name = list->columns[column];
	size_t i;

	if (name[0] == '\0' || strpbrk(name, ",\"'=#\n\r\t\x1b") != NULL)
		return false;
	for (i = 0; i < list->ncolumns; i++) {
		if (i != column &&
		    cm_span_caseeq(cm_span(list->columns[i]), cm_span(name)))
			return false;
	}
	return true;
}

static void propose_column(const struct cm_list *list, size_t column,
			   const char *role, bool first, struct cm_buf *out)
{
	char number[CM_COUNT_LEN];
	char quoted[CM_QUOTE_LEN];

	if (!first)
		(void)cm_buf_addc(out, ',');
	(void)cm_buf_adds(out, role);
	(void)cm_buf_addc(out, '=');
	(void)snprintf(number, sizeof(number), "#%zu", column + 1);
	(void)cm_buf_adds(
		out, is_plain_name(list, column)
			     ? cm_quote(cm_span(list->columns[column]), quoted)
			     : number);
}

void cm_dialect_propose(const struct cm_list *list, struct cm_buf *out)
{
	bool taken[COUNT(sounds)] = {false};
	bool any = false;
	size_t i, k;

	(void)cm_buf_adds(out, "--map '");
	for (k = 0; k < list->ncolumns; k++) {
		for (i = 0; i < COUNT(sounds); i++) {
			if (cm_dialect_matches(sounds[i].names,
					       cm_span(list->columns[k])))
				break;
		}
		if (i == COUNT(sounds) || sounds[i].role == NULL ||
		    (taken[i] && sounds[i].says == CM_SAYS_NOTHING))
			continue;
		taken[i] = true;
		propose_column(list, k, sounds[i].role, !any, out);
		any = true;
	}
	if (!any)
		(void)cm_buf_adds(out, "email=COLUMN,status=COLUMN");
	(void)cm_buf_addc(out, '\'');
}
