/*
 * Any octets as the export of some tool: no crash, whatever dialect or --map
 * is found or forced; cells are read as what their columns say, as times in
 * every way; an error always has a text, a time is never before its begin.
 *
 * Input: one octet that chooses, then the file; with --map, the first line is
 * the map.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tools/dialect.h"
#include "tools/when.h"

#define ARENA_MAX (64 * 1024 * 1024)

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

static void try_time(struct cm_span cell, const struct cm_zone *zone)
{
	struct cm_when_how how = {.zone = zone};
	struct cm_error err = {.text = ""};
	struct cm_when when;
	int dates;

	for (dates = CM_DATES_PLAIN; dates <= CM_DATES_MDY; dates++) {
		how.dates = (enum cm_dates)dates;
		if (cm_when_parse(cell, &how, &when, &err) == CM_OK)
			must(when.first <= when.last);
		else
			must(err.text[0] != '\0');
	}
}

static void try_cell(const struct cm_dialect_column *as, struct cm_span cell,
		     const struct cm_zone *zone)
{
	struct cm_error err = {.text = ""};
	enum cm_says says = CM_SAYS_NOTHING;
	int rc = CM_OK;

	if (as->role == CM_ROLE_STATUS)
		rc = cm_dialect_status(as, cell, &says, &err);
	else if (as->role >= CM_ROLE_YES && as->role <= CM_ROLE_FILLED)
		rc = cm_dialect_flag(as, cell, &says, &err);
	must(rc == CM_OK || err.text[0] != '\0');
	must(says >= CM_SAYS_NOTHING && says < CM_SAYS);
	try_time(cell, zone);
}

static void read_rows(struct cm_list *list, const struct cm_dialect *dialect,
		      const struct cm_zone *zone)
{
	struct cm_error err;
	size_t i;
	int rc;

	while ((rc = cm_list_next(list, &err)) != CM_ENOTFOUND) {
		must(rc == CM_OK || rc == CM_EDATA);
		if (list->csv.lost)
			break;
		for (i = 0; rc == CM_OK && i < CM_DIALECT_COLUMNS; i++) {
			const struct cm_dialect_column *as =
				&dialect->columns[i];
			size_t at = CM_CSV_NO_COLUMN;

			if (as->name != NULL || as->number != 0)
				at = cm_dialect_column(list, as, 0);
			if (at != CM_CSV_NO_COLUMN)
				try_cell(as, cm_list_cell(list, at), zone);
		}
	}
}

static void try_list(const char *path, const char *map, uint8_t choice,
		     struct cm_arena *arena)
{
	const struct cm_dialect *dialect = NULL;
	const struct cm_zone *zone = NULL;
	struct cm_list *list = NULL;
	struct cm_error err = {.text = ""};
	struct cm_buf line;
	int rc = cm_list_open(path, NULL, arena, &list, &err);

	if (rc != CM_OK) {
		must(err.text[0] != '\0');
		return;
	}
	must(cm_zone_open("+01:00", 0, arena, &zone, &err) == CM_OK);
	cm_buf_init(&line, 1024 * 1024);
	cm_dialect_propose(list, &line);
	cm_buf_free(&line);
	if (map != NULL)
		rc = cm_dialect_map(list, map, &dialect, &err);
	else if (choice % 2 == 0)
		rc = cm_dialect_find(list, NULL, &dialect, &err);
	else
		dialect = &cm_dialects[choice / 2 % cm_ndialects];
	if (rc == CM_OK)
		read_rows(list, dialect, zone);
	else
		must(err.text[0] != '\0');
	cm_list_close(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cm_arena *arena = NULL;
	char path[64];
	char *map = NULL;
	uint8_t choice;
	const uint8_t *end;
	FILE *file = tmpfile();

	must(file != NULL && cm_arena_new(ARENA_MAX, &arena) == CM_OK);
	choice = n > 0 ? data[0] : 0;
	/* An export as it is has a letter or quote there: found by columns. */
	if (choice == '=' && n > 1) {
		data++;
		n--;
		end = memchr(data, '\n', n);
		if (end != NULL) {
			map = cm_arena_dup(arena, (const char *)data,
					   (size_t)(end - data));
			n -= (size_t)(end + 1 - data);
			data = end + 1;
		}
	} else if (choice < ' ' && n > 1) {
		data++;
		n--;
	} else {
		choice = 0;
	}
	must(fwrite(data, 1, n, file) == n && fflush(file) == 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file));
	try_list(path, map, choice, arena);
	cm_arena_free(&arena);
	(void)fclose(file);
	return 0;
}
