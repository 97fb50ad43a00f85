/*
 * consentctl refused: who was refused, when, by which stream, and why?
 *
 * Reads what consent-milter wrote to the mail log (milter/decision_log.h); the
 * log has ids, the addresses are in the private part of the store.
 */
#define _GNU_SOURCE /* memmem */
#include "tools/ctl_person.h"
#include "tools/ctl_commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "milter/decision_log.h"
#include "policy/config.h"
#include "policy/store.h"
#include "tools/csv.h"
#include "tools/ctl_output.h"
#include "tools/file.h"
#include "tools/log_line.h"
#include "tools/words.h"

enum {
	ROWS_MAX = 5000000, /* 600 MB of memory; ask for less time */
	STREAM_ROOM = 64,
	QUEUE_ID_ROOM = 32,
	CSV_MAX = 1 << 30,
};

struct refusal {
	int64_t at;
	struct cm_id contact;
	bool has_contact; /* else its address could not be read */
	bool at_rcpt;
	enum cm_reason reason;
	char stream[STREAM_ROOM];
	char queue_id[QUEUE_ID_ROOM];
	const char *address; /* NULL = not known */
};

struct refused {
	struct cm_ctl *ctl;
	const char *log;    /* its name */
	const char *stream; /* NULL = all */
	int64_t since, until;
	const struct cm_zone *zone;
	struct refusal *rows; /* malloc'ed */
	size_t count, room;
	uint64_t lines, ours, damaged;
	uint64_t by_reason[CM_REASONS];
	bool addresses; /* this user may see them */
};

/* ---- reading ------------------------------------------------------------ */

static void copy(char *out, size_t room, struct cm_span text)
{
	(void)snprintf(out, room, "%.*s", (int)text.n,
		       text.n > 0 ? text.p : "");
}

static int keep(struct refused *r, int64_t at,
		const struct cm_refused_line *line, struct cm_error *err)
{
	struct refusal *row;

	if (r->count == ROWS_MAX)
		return cm_fail(err, CM_ELIMIT,
			       "more than %d refusals: ask for less time "
			       "(--since, --until)",
			       ROWS_MAX);
	if (r->count == r->room) {
		size_t room = r->room == 0 ? 1024 : r->room * 2;
		struct refusal *grown = realloc(r->rows, room * sizeof(*grown));

		if (grown == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		r->rows = grown;
		r->room = room;
	}
	row = &r->rows[r->count++];
	memset(row, 0, sizeof(*row));
	row->at = at;
	row->contact = line->contact;
	row->has_contact = line->has_contact;
	row->at_rcpt = line->at_rcpt;
	row->reason = line->reason;
	copy(row->stream, sizeof(row->stream), line->stream);
	copy(row->queue_id, sizeof(row->queue_id), line->queue_id);
	r->by_reason[line->reason]++;
	return CM_OK;
}

static int read_line(struct refused *r, struct cm_span text,
		     struct cm_error *err)
{
	struct cm_refused_line refused;
	struct cm_log_line line;
	int rc;

	r->lines++;
	if (cm_log_line_parse(text, r->ctl->now, r->zone, &line) != CM_OK) {
		/* Other programs' may be of any form; ours may be cut. */
		r->damaged +=
			memmem(text.p, text.n, " refused contact=", 17) != NULL;
		return CM_OK;
	}
	if (!cm_span_is(line.program, "consent-milter"))
		return CM_OK;
	r->ours++;
	rc = cm_decision_log_refused(line.text, &refused);
	if (rc == CM_EDATA)
		r->damaged++;
	if (rc != CM_OK || line.at < r->since || line.at >= r->until ||
	    (r->stream != NULL && !cm_span_is(refused.stream, r->stream)))
		return CM_OK;
	return keep(r, line.at, &refused, err);
}

static int read_lines(struct refused *r, FILE *file, struct cm_error *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int rc = CM_OK;

	while (rc == CM_OK && (n = getline(&line, &room, file)) > 0) {
		if (r->lines == 0 && n > 1 && line[0] == '\x1f' &&
		    line[1] == '\x8b')
			rc = cm_fail(err, CM_EDATA,
				     "%s is compressed: zcat %s | consentctl "
				     "refused ... --log -",
				     r->log, r->log);
		else
			rc = read_line(r,
				       cm_span_trim(cm_span_n(line, (size_t)n)),
				       err);
	}
	if (rc == CM_OK && ferror(file))
		rc = cm_fail_errno(err, errno, "%s", r->log);
	free(line);
	return rc;
}

static int read_log(struct refused *r, struct cm_error *err)
{
	FILE *file = stdin;
	int rc;

	if (strcmp(r->log, "-") != 0)
		file = fopen(r->log, "re");
	if (file == NULL)
		return cm_fail(err, CM_EUSAGE,
			       "%s: %s (name the mail log: --log FILE; or: "
			       "journalctl -t consent-milter -o short-iso | "
			       "consentctl refused ... --log -)",
			       r->log, strerror(errno));
	rc = read_lines(r, file, err);
	if (file != stdin)
		(void)fclose(file);
	return rc;
}

/* Where syslog daemons put a facility by default, on Debian and others. */
static const char *usual_log(const struct cm_config *config)
{
	static const struct {
		const char *facility;
		const char *file;
	} rows[] = {{"mail", "/var/log/mail.log"},
		    {"mail", "/var/log/maillog"},
		    {"daemon", "/var/log/daemon.log"}};
	const char *found = "/var/log/syslog";
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *file;

		if (strcmp(rows[i].facility, config->syslog_facility) != 0)
			continue;
		file = fopen(rows[i].file, "re");
		if (file == NULL)
			continue;
		(void)fclose(file);
		return rows[i].file;
	}
	return found;
}

/* ---- addresses ---------------------------------------------------------- */

static int by_contact(const void *a, const void *b)
{
	const struct refusal *const *x = a, *const *y = b;

	return memcmp((*x)->contact.b, (*y)->contact.b,
		      sizeof((*x)->contact.b));
}

static int find_address(struct refused *r, struct refusal *row,
			struct cm_error *err)
{
	struct cm_span canonical, as_given;
	int rc = cm_store_address(r->ctl->store, &row->contact, r->ctl->arena,
				  &canonical, &as_given, err);

	if (rc == CM_OK) {
		row->address =
			cm_arena_dup(r->ctl->arena, canonical.p, canonical.n);
		if (row->address == NULL)
			rc = cm_fail(err, CM_ENOMEM, "out of memory");
	}
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

/* Each once: private is opened anew for each that is asked for. */
static int find_addresses(struct refused *r, struct cm_error *err)
{
	struct refusal **order;
	size_t i;
	int rc = CM_OK;

	if (!r->addresses || r->count == 0)
		return CM_OK;
	order = calloc(r->count, sizeof(struct refusal *));
	if (order == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; i < r->count; i++)
		order[i] = &r->rows[i];
	qsort(order, r->count, sizeof(struct refusal *), by_contact);
	for (i = 0; rc == CM_OK && i < r->count; i++) {
		if (i > 0 && by_contact(&order[i - 1], &order[i]) == 0)
			order[i]->address = order[i - 1]->address;
		else if (order[i]->has_contact)
			rc = find_address(r, order[i], err);
	}
	free(order);
	return rc;
}

/* ---- the answer --------------------------------------------------------- */

static const char *who(const struct refusal *row, char hex[CM_ID_TEXT_LEN])
{
	if (row->address != NULL)
		return row->address;
	return row->has_contact ? cm_out_id(&row->contact, hex)
				: "(unreadable address)";
}

static const char *stage(const struct refusal *row)
{
	return row->at_rcpt ? "rcpt" : "eom";
}

static void print_text(const struct refused *r)
{
	FILE *out = r->ctl->out;
	char at[CM_CLOCK_TEXT], hex[CM_ID_TEXT_LEN], quoted[CM_QUOTE_LEN];
	char count[CM_COUNT_LEN];
	size_t i;

	for (i = 0; i < r->count; i++) {
		const struct refusal *row = &r->rows[i];

		(void)fprintf(out, "%-24s  %-14s  %-16s  %-16s  %s\n",
			      cm_clock_format(row->at, at), row->queue_id,
			      row->stream, cm_reason_code(row->reason),
			      cm_quote(cm_span(who(row, hex)), quoted));
	}
	if (r->count > 0)
		(void)fputc('\n', out);
	cm_out_plural(out, r->count, "refusal");
	(void)fprintf(out, " in %s\n", r->log);
	for (i = 0; i < CM_REASONS; i++)
		if (r->by_reason[i] > 0)
			(void)fprintf(out, "  %12s  %-16s %s\n",
				      cm_out_count(r->by_reason[i], count),
				      cm_reason_code((enum cm_reason)i),
				      cm_reason_text((enum cm_reason)i));
	if (r->damaged > 0)
		(void)fprintf(r->ctl->notes,
			      "note: %s damaged lines of consent-milter were "
			      "passed over\n",
			      cm_out_count(r->damaged, count));
	if (!r->addresses && r->count > 0)
		(void)fputs("note: people are named by their ids: addresses "
			    "need root, or the group that writes the store\n",
			    r->ctl->notes);
	if (r->ours == 0)
		(void)fprintf(r->ctl->notes,
			      "note: no line of consent-milter in %s: is it "
			      "the right log? (--log)\n",
			      r->log);
}

static void put_row(struct cm_json_writer *w, const struct refusal *row)
{
	char hex[CM_ID_TEXT_LEN];

	cm_json_begin_object(w);
	cm_json_put_time(w, "time", row->at);
	cm_json_put_text(w, "queue_id", row->queue_id);
	cm_json_put_text(w, "stream",
			 row->stream[0] != '\0' ? row->stream : NULL);
	cm_json_put_text(w, "contact",
			 row->has_contact ? cm_out_id(&row->contact, hex)
					  : NULL);
	cm_json_put_text(w, "address", row->address);
	cm_json_put_text(w, "reason", cm_reason_code(row->reason));
	cm_json_put_text(w, "stage", stage(row));
	cm_json_end(w);
}

static int print_json(const struct refused *r, struct cm_error *err)
{
	struct cm_out_json json;
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_name(&json.w, "refused");
	cm_json_begin_array(&json.w);
	for (i = 0; i < r->count; i++)
		put_row(&json.w, &r->rows[i]);
	cm_json_end(&json.w);
	cm_json_name(&json.w, "reasons");
	cm_json_begin_object(&json.w);
	for (i = 0; i < CM_REASONS; i++)
		if (r->by_reason[i] > 0)
			cm_json_put_int(&json.w,
					cm_reason_code((enum cm_reason)i),
					(int64_t)r->by_reason[i]);
	cm_json_end(&json.w);
	cm_json_put_text(&json.w, "log", r->log);
	cm_json_put_int(&json.w, "lines", (int64_t)r->lines);
	cm_json_put_int(&json.w, "of_consent_milter", (int64_t)r->ours);
	cm_json_put_int(&json.w, "damaged", (int64_t)r->damaged);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, r->ctl->out, err);
}

/* For a spreadsheet: E-9. */
static int write_csv(const struct refused *r, const char *to,
		     struct cm_error *err)
{
	static const char header[] =
		"time,queue_id,stream,address,contact,reason,stage\r\n";
	struct cm_buf out;
	size_t i, c;
	int rc;

	cm_buf_init(&out, CSV_MAX);
	(void)cm_buf_adds(&out, header);
	for (i = 0; i < r->count; i++) {
		const struct refusal *row = &r->rows[i];
		char at[CM_CLOCK_TEXT], hex[CM_ID_TEXT_LEN] = "";
		const char *cells[] = {
			cm_clock_format(row->at, at),
			row->queue_id,
			row->stream,
			row->address != NULL ? row->address : "",
			row->has_contact ? cm_out_id(&row->contact, hex) : "",
			cm_reason_code(row->reason),
			stage(row),
		};

		for (c = 0; c < sizeof(cells) / sizeof(cells[0]); c++) {
			if (c > 0)
				(void)cm_buf_addc(&out, ',');
			(void)cm_csv_put(&out, cm_span(cells[c]), ',', true);
		}
		(void)cm_buf_adds(&out, "\r\n");
	}
	rc = cm_buf_ok(&out);
	if (rc == CM_OK)
		rc = cm_file_write_new(to, cm_span_n(out.data, out.len), err);
	else
		rc = cm_fail(err, rc, "no memory for %s", to);
	cm_buf_free(&out);
	return rc;
}

/* ---- the command -------------------------------------------------------- */

/* "2026-01-31T12:00:00Z", or a day. */
static int prepare(struct refused *r, const struct cm_args *args,
		   struct cm_error *err)
{
	const struct cm_stream *stream;
	const char *zone = cm_args_get(args, "zone");
	int rc = cm_ctl_time(args, "since", &r->since, err);

	if (rc == CM_OK)
		rc = cm_ctl_time(args, "until", &r->until, err);
	if (rc == CM_OK && r->since >= r->until)
		rc = cm_fail(err, CM_EUSAGE, "--until is not after --since");
	if (rc == CM_OK && cm_args_has(args, "stream")) {
		rc = cm_word_stream(r->ctl->config, cm_args_get(args, "stream"),
				    &stream, err);
		if (rc == CM_OK)
			r->stream = stream->name;
	}
	if (rc == CM_OK)
		rc = cm_zone_open(zone != NULL ? zone
					       : cm_zone_here(r->ctl->arena),
				  r->ctl->now, r->ctl->arena, &r->zone, err);
	r->log = cm_args_get(args, "log");
	if (r->log == NULL)
		r->log = usual_log(r->ctl->config);
	r->addresses = cm_ctl_may_write(r->ctl);
	if (rc == CM_OK && r->addresses)
		rc = cm_ctl_open(r->ctl, CM_CTL_WRITE, err);
	return rc;
}

static int answer(struct refused *r, const struct cm_args *args,
		  struct cm_error *err)
{
	const char *to = cm_args_get(args, "output");
	int rc = read_log(r, err);

	if (rc == CM_OK)
		rc = find_addresses(r, err);
	if (rc == CM_OK && to != NULL)
		rc = write_csv(r, to, err);
	if (rc != CM_OK)
		return rc;
	if (r->ctl->json)
		rc = print_json(r, err);
	else
		print_text(r);
	return rc == CM_OK && r->count == 0 ? CM_ENOTFOUND : rc;
}

int cm_cmd_refused(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	struct refused r = {.ctl = ctl, .until = INT64_MAX};
	int rc = prepare(&r, args, err);

	if (rc == CM_OK)
		rc = answer(&r, args, err);
	free(r.rows);
	return rc;
}
