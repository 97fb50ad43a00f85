/*
 * consentctl check: who of my list would get it, and why the others not?
 *
 * Asks the store what the milter would ask, so a marketer can clean a list
 * before sending.  -o writes the rows that would get it, for the tool the list
 * is for: as they came, but for cells that a spreadsheet would run (E-9);
 * --raw, octet for octet.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "policy/reason.h"
#include "tools/ctl_past.h"
#include "tools/ctl_person.h"
#include "tools/dialect.h"
#include "tools/disclose.h"
#include "tools/file.h"
#include "tools/list.h"
#include "tools/words.h"

enum {
	CHECK_OUT_MAX = 2147483647, /* no larger than the list itself */
	CHECK_CHUNK = 5000,         /* rows per reader: keep it short */
};

struct check {
	struct cm_ctl *ctl;
	const struct cm_stream *stream;
	struct cm_list *list;
	size_t email;           /* column */
	struct cm_arena *arena; /* of one chunk */
	struct cm_buf passed;   /* header, rows that would get it */
	bool raw;               /* --raw */
	uint64_t guarded;       /* cells of passed */
	struct cm_disclosure disclosure;
	struct cm_buf people; /* struct cm_subject of each of them */
	uint64_t rows;
	uint64_t by_reason[CM_REASONS];
	uint64_t by_verdict[CM_VERDICT_TEMPFAIL + 1];
};

static int decide_row(struct check *check, struct cm_store_reader *reader,
		      struct cm_decision *decision, struct cm_subject *ret_who,
		      struct cm_error *err)
{
	struct cm_span cell = cm_list_cell(check->list, check->email);
	struct cm_person person;
	int rc = cm_person_identify(check->ctl, cell, &person, NULL);

	if (rc == CM_EDATA) {
		decision->verdict = CM_VERDICT_REFUSE;
		decision->reason = CM_REASON_BAD_ADDRESS;
		return CM_OK;
	}
	if (rc != CM_OK)
		return cm_fail(err, rc, "a contact id could not be made");
	rc = cm_store_lookup(reader, &person.contact, &person.family,
			     &person.own, &person.family_view, err);
	if (rc != CM_OK)
		return rc;
	*ret_who = (struct cm_subject){person.contact, person.family};
	return cm_ctl_decide(check->ctl, check->stream, &person.contact,
			     &person.own, &person.family_view,
			     cm_store_newest_rec(reader), decision, err);
}

static void put_row(struct check *check, const struct cm_csv_row *row)
{
	cm_csv_put_row(&check->passed, row, check->list->csv.delimiter,
		       check->raw ? NULL : &check->guarded);
}

/* The row that names the columns, which was read when the list was opened. */
static int put_header(struct check *check, struct cm_error *err)
{
	const struct cm_list *list = check->list;
	struct cm_csv_row *row;
	struct cm_csv csv;
	int rc;

	if (list->bare || list->unnamed)
		return CM_OK;
	row = cm_arena_alloc(check->ctl->arena, sizeof(*row));
	if (row == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	cm_csv_init(&csv, list->header, list->csv.delimiter);
	rc = cm_csv_next(&csv, row, err);
	if (rc == CM_OK)
		put_row(check, row);
	cm_csv_free(&csv);
	return rc;
}

static void count_row(struct check *check, const struct cm_decision *decision,
		      const struct cm_subject *who)
{
	check->rows++;
	check->by_reason[decision->reason]++;
	check->by_verdict[decision->verdict]++;
	if (decision->verdict != CM_VERDICT_ALLOW)
		return;
	put_row(check, &check->list->row);
	if (check->disclosure.to != NULL)
		(void)cm_buf_add(&check->people, (const char *)who,
				 sizeof(*who));
}

/* CM_ENOTFOUND when the list is at its end. */
static int check_chunk(struct check *check, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_decision decision;
	struct cm_subject who;
	size_t n;
	int rc = cm_store_read_begin(check->ctl->store, check->arena, &reader,
				     err);

	for (n = 0; rc == CM_OK && n < CHECK_CHUNK; n++) {
		rc = cm_list_next(check->list, err);
		if (rc == CM_OK)
			rc = decide_row(check, reader, &decision, &who, err);
		if (rc == CM_OK)
			count_row(check, &decision, &who);
	}
	cm_store_read_end(&reader);
	cm_arena_reset(check->arena);
	return rc;
}

static int check_all(struct check *check, struct cm_error *err)
{
	enum { CHUNK_ARENA_MAX = 256 * 1024 * 1024 };
	struct cm_progress progress;
	int rc = cm_arena_new(CHUNK_ARENA_MAX, &check->arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	cm_progress_init(&progress, check->ctl->notes);
	progress.what = "checking (octets)";
	do {
		rc = check_chunk(check, err);
		cm_progress_show(&progress, cm_list_done(check->list),
				 cm_list_total(check->list));
	} while (rc == CM_OK);
	cm_progress_end(&progress);
	cm_arena_free(&check->arena);
	if (rc != CM_ENOTFOUND)
		return rc;
	return cm_buf_ok(&check->passed) == CM_OK &&
			       cm_buf_ok(&check->people) == CM_OK
		       ? CM_OK
		       : cm_fail(err, CM_ENOMEM, "no memory for the rows");
}

static int check_json(const struct check *check, struct cm_error *err)
{
	struct cm_out_json json;
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "stream", check->stream->name);
	cm_json_put_int(&json.w, "rows", (int64_t)check->rows);
	cm_json_put_int(&json.w, "guarded", (int64_t)check->guarded);
	for (i = 0; i <= CM_VERDICT_TEMPFAIL; i++)
		cm_json_put_int(&json.w, cm_verdict_name((enum cm_verdict)i),
				(int64_t)check->by_verdict[i]);
	cm_json_name(&json.w, "reasons");
	cm_json_begin_object(&json.w);
	for (i = 0; i < CM_REASONS; i++) {
		if (check->by_reason[i] > 0)
			cm_json_put_int(&json.w,
					cm_reason_code((enum cm_reason)i),
					(int64_t)check->by_reason[i]);
	}
	cm_json_end(&json.w);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, check->ctl->out, err);
}

static void check_text(const struct check *check, const char *to)
{
	FILE *out = check->ctl->out;
	char count[CM_COUNT_LEN];
	size_t i;

	cm_out_plural(out, check->by_verdict[CM_VERDICT_ALLOW], "row");
	(void)fprintf(out, " of %s would get stream \"%s\"\n",
		      cm_out_count(check->rows, count), check->stream->name);
	for (i = 0; i < CM_REASONS; i++) {
		enum cm_reason reason = (enum cm_reason)i;

		if (check->by_reason[i] > 0)
			(void)fprintf(
				out, "  %-8s %12s  %-16s %s\n",
				cm_verdict_name(cm_reason_verdict(reason)),
				cm_out_count(check->by_reason[i], count),
				cm_reason_code(reason), cm_reason_text(reason));
	}
	if (check->stream->mode != CM_MODE_ENFORCE &&
	    cm_stream_asks_store(check->stream))
		(void)fputs("note: the stream is not in mode enforce: nobody "
			    "is refused\n",
			    out);
	if (to == NULL)
		return;
	(void)fprintf(out, "those who would get it: %s\n", to);
	if (check->guarded > 0)
		(void)fprintf(out,
			      "note: cells that a spreadsheet would run got a "
			      "' in front, so that they stay texts: %s (--raw "
			      "leaves all as it came)\n",
			      cm_out_count(check->guarded, count));
}

/* Before the file is there: nothing is handed out unrecorded. */
static int record_list(struct check *check, struct cm_span content,
		       struct cm_error *err)
{
	int rc;

	if (check->disclosure.to == NULL)
		return CM_OK;
	rc = cm_disclosure_of_list(&check->disclosure, check->ctl->now, content,
				   err);
	return rc == CM_OK
		       ? cm_disclosure_record(
				 check->ctl, &check->disclosure,
				 (const struct cm_subject *)(const void *)
					 check->people.data,
				 check->people.len / sizeof(struct cm_subject),
				 err)
		       : rc;
}

static int write_passed(struct check *check, const char *to,
			struct cm_error *err)
{
	struct cm_span all =
		cm_span_n(cm_buf_text(&check->passed), check->passed.len);
	int rc = record_list(check, all, err);

	return rc == CM_OK ? cm_file_write_new(to, all, err) : rc;
}

static int answer(struct check *check, const struct cm_args *args,
		  struct cm_error *err)
{
	const char *to = cm_args_get(args, "output");
	int rc = put_header(check, err);

	if (rc == CM_OK)
		rc = check_all(check, err);
	if (rc == CM_OK && to != NULL)
		rc = write_passed(check, to, err);
	if (rc != CM_OK)
		return rc;
	if (check->ctl->json)
		rc = check_json(check, err);
	else
		check_text(check, to);
	if (rc == CM_OK && check->by_verdict[CM_VERDICT_ALLOW] == 0)
		return CM_EREFUSED;
	return rc;
}

/* The column of addresses, in the exports of tools that we know, too. */
static int find_email(struct check *check, struct cm_error *err)
{
	const struct cm_dialect *dialect = NULL;
	size_t i;
	int rc;

	check->email = cm_list_column(check->list, "email");
	if (check->email != CM_CSV_NO_COLUMN)
		return CM_OK;
	rc = cm_dialect_find(check->list, NULL, &dialect, NULL);
	for (i = 0; rc == CM_OK && i < CM_DIALECT_COLUMNS; i++) {
		if (dialect->columns[i].name == NULL ||
		    dialect->columns[i].role != CM_ROLE_EMAIL)
			continue;
		check->email =
			cm_dialect_column(check->list, &dialect->columns[i], 0);
		return CM_OK;
	}
	return cm_fail(err, CM_EDATA,
		       "%s:row %u: no column is named \"email\"; the first row "
		       "must name the columns",
		       check->list->path, check->list->row.number);
}

/* Only whoever writes to the store can say who gets the list. */
static int read_recipient(struct check *check, const struct cm_args *args,
			  struct cm_error *err)
{
	int rc = cm_disclosure_read(args, &check->disclosure, err);

	if (rc == CM_OK && check->raw && !cm_args_has(args, "output"))
		return cm_fail(err, CM_EUSAGE,
			       "--raw goes with -o FILE, whose rows it is "
			       "about");
	if (rc == CM_OK && check->disclosure.to != NULL &&
	    !cm_args_has(args, "output"))
		return cm_fail(err, CM_EUSAGE,
			       "--to goes with -o FILE: what do they get?");
	return rc == CM_OK
		       ? cm_ctl_open(check->ctl,
				     check->disclosure.to != NULL ? CM_CTL_WRITE
								  : CM_CTL_READ,
				     err)
		       : rc;
}

int cm_cmd_check(struct cm_ctl *ctl, const struct cm_args *args,
		 struct cm_error *err)
{
	struct check check = {.ctl = ctl,
			      .raw = cm_args_has(args, "raw"),
			      .disclosure = {.kind = "check"}};
	int rc = read_recipient(&check, args, err);

	if (rc == CM_OK)
		rc = cm_word_stream(ctl->config, cm_args_get(args, "stream"),
				    &check.stream, err);
	if (rc == CM_OK)
		rc = cm_list_open(cm_args_word(args, 0),
				  cm_args_get(args, "charset"), ctl->arena,
				  &check.list, err);
	if (rc == CM_OK)
		rc = find_email(&check, err);
	if (rc != CM_OK) {
		cm_list_close(&check.list);
		return rc;
	}
	cm_buf_init(&check.passed, CHECK_OUT_MAX);
	cm_buf_init(&check.people, CHECK_OUT_MAX);
	rc = answer(&check, args, err);
	cm_buf_free(&check.passed);
	cm_buf_free(&check.people);
	cm_list_close(&check.list);
	return rc;
}
