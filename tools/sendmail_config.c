/* See sendmail_config.h. */
#include "tools/sendmail_config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/str.h"
#include "tools/file.h"

enum { CF_MAX = 4 << 20 }; /* some 60 KB are usual */

static const char usual_file[] = "/etc/mail/sendmail.cf";
static const char filters_option[] = "InputMailFilters=";
static const char port_option[] = "DaemonPortOptions=";

static const char *copy(struct cm_arena *arena, struct cm_span text)
{
	const char *out;

	text = cm_span_trim(text);
	out = cm_arena_dup(arena, text.p, text.n);
	return out != NULL ? out : "";
}

/* The value of "key=" among equates parted by commas; "" if there is none. */
static struct cm_span equate(struct cm_span rest, const char *key)
{
	size_t n = strlen(key);

	while (rest.n > 0) {
		struct cm_span part = cm_span_trim(cm_span_cut(&rest, ','));

		if (cm_span_starts(part, key))
			return cm_span_n(part.p + n, part.n - n);
	}
	return cm_span_n(NULL, 0);
}

/* "Xname, S=..., F=..., T=...": mail filters, in the order they stand. */
static void add_filter(struct cm_sendmail *sendmail, struct cm_span line,
		       struct cm_arena *arena)
{
	struct cm_sendmail_filter *out =
		&sendmail->filters[sendmail->nfilters++];
	struct cm_span rest = cm_span_n(line.p + 1, line.n - 1);

	out->name = copy(arena, cm_span_cut(&rest, ','));
	out->socket = copy(arena, equate(rest, "S="));
	out->flags = copy(arena, equate(rest, "F="));
	out->timeouts = copy(arena, equate(rest, "T="));
}

static void add_port(struct cm_sendmail *sendmail, struct cm_span name,
		     struct cm_span filters, struct cm_arena *arena)
{
	struct cm_sendmail_port *out = &sendmail->ports[sendmail->nports++];

	out->name = copy(arena, name);
	out->filters = copy(arena, filters);
}

/* An option's line is "O Name=value". */
static void add_option(struct cm_sendmail *sendmail, struct cm_span option,
		       struct cm_arena *arena)
{
	size_t n = strlen(filters_option);
	struct cm_span own;

	if (cm_span_starts(option, filters_option)) {
		add_port(sendmail, cm_span(""),
			 cm_span_n(option.p + n, option.n - n), arena);
		return;
	}
	n = strlen(port_option);
	if (!cm_span_starts(option, port_option))
		return;
	option = cm_span_n(option.p + n, option.n - n);
	/* A list of its own ends with the next blank: its names are parted
	 * by ";" there. */
	own = equate(option, filters_option);
	if (own.p != NULL)
		add_port(sendmail, equate(option, "Name="), own, arena);
}

int cm_sendmail_parse(const char *file, const char *text,
		      struct cm_arena *arena, struct cm_sendmail **ret_sendmail,
		      struct cm_error *err)
{
	struct cm_sendmail *sendmail = cm_arena_alloc(arena, sizeof(*sendmail));
	struct cm_span rest = cm_span(text);
	size_t lines = 1, i;

	for (i = 0; i < rest.n; i++)
		lines += rest.p[i] == '\n';
	if (sendmail == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	memset(sendmail, 0, sizeof(*sendmail));
	sendmail->file = file;
	sendmail->filters =
		cm_arena_array(arena, lines, sizeof(*sendmail->filters));
	sendmail->ports =
		cm_arena_array(arena, lines, sizeof(*sendmail->ports));
	if (sendmail->filters == NULL || sendmail->ports == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	while (rest.n > 0) {
		struct cm_span line = cm_span_cut(&rest, '\n');

		if (line.n > 1 && line.p[0] == 'X')
			add_filter(sendmail, line, arena);
		else if (line.n > 2 && line.p[0] == 'O' && line.p[1] == ' ')
			add_option(
				sendmail,
				cm_span_trim(cm_span_n(line.p + 2, line.n - 2)),
				arena);
	}
	*ret_sendmail = sendmail;
	return CM_OK;
}

int cm_sendmail_read(const char *file, struct cm_arena *arena,
		     struct cm_sendmail **ret_sendmail, struct cm_error *err)
{
	struct cm_buf text;
	int rc;

	if (file == NULL && access(usual_file, F_OK) != 0 && errno == ENOENT)
		return cm_fail(err, CM_ENOTFOUND, "Sendmail is not here");
	if (file == NULL)
		file = usual_file;
	cm_buf_init(&text, CF_MAX);
	rc = cm_file_read(file, &text, err);
	if (rc == CM_OK)
		rc = cm_sendmail_parse(file, cm_buf_text(&text), arena,
				       ret_sendmail, err);
	cm_buf_free(&text);
	return rc;
}

/* ---- time-outs ---------------------------------------------------------- */

/* "10s", "5m"; a bare number is minutes in sendmail. */
static uint64_t seconds_of(struct cm_span text)
{
	uint64_t unit = 60;
	uint64_t value = 0;

	if (text.n > 0 && !cm_ascii_digit(text.p[text.n - 1])) {
		switch (text.p[text.n - 1]) {
		case 's':
			unit = 1;
			break;
		case 'h':
			unit = 3600;
			break;
		case 'd':
			unit = 86400;
			break;
		default:
			break;
		}
		text.n--;
	}
	if (cm_parse_u64(text, UINT32_MAX, &value) != CM_OK)
		return 0;
	return value * unit;
}

uint64_t cm_sendmail_timeout(const struct cm_sendmail_filter *filter,
			     char letter)
{
	static const struct {
		char letter;
		uint64_t seconds; /* libmilter's and sendmail's own */
	} defaults[] = {{'C', 300}, {'S', 10}, {'R', 10}, {'E', 300}};
	struct cm_span rest = cm_span(filter->timeouts);
	size_t i;

	while (rest.n > 0) {
		struct cm_span part = cm_span_trim(cm_span_cut(&rest, ';'));

		if (part.n > 2 && part.p[0] == letter && part.p[1] == ':')
			return seconds_of(cm_span_n(part.p + 2, part.n - 2));
	}
	for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (defaults[i].letter == letter)
			return defaults[i].seconds;
	return 0;
}
