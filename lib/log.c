/* See log.h. */
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum cm_log_sink { CM_LOG_TO_STDERR, CM_LOG_TO_SYSLOG, CM_LOG_TO_CALL };

struct cm_log {
	enum cm_log_sink sink;
	bool journal; /* stderr is systemd's: put "<N>" in front */
	char *program;
	cm_log_fn fn;
	void *ctx;
};

static const struct {
	const char *name;
	int facility;
} facilities[] = {
	{"mail", LOG_MAIL},     {"daemon", LOG_DAEMON}, {"user", LOG_USER},
	{"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},
	{"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},
	{"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

static const int priorities[] = {
	[CM_LOG_ERROR] = LOG_ERR,     [CM_LOG_WARNING] = LOG_WARNING,
	[CM_LOG_NOTICE] = LOG_NOTICE, [CM_LOG_INFO] = LOG_INFO,
	[CM_LOG_DEBUG] = LOG_DEBUG,
};

static int log_new(enum cm_log_sink sink, const char *program,
		   struct cm_log **ret_log)
{
	struct cm_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return CM_ENOMEM;
	log->program = strdup(program);
	if (log->program == NULL) {
		free(log);
		return CM_ENOMEM;
	}
	log->sink = sink;
	*ret_log = log;
	return CM_OK;
}

int cm_log_stderr(const char *program, struct cm_log **ret_log)
{
	int rc = log_new(CM_LOG_TO_STDERR, program, ret_log);

	if (rc == CM_OK)
		(*ret_log)->journal = getenv("JOURNAL_STREAM") != NULL;
	return rc;
}

int cm_log_facility(const char *name, int *ret_facility)
{
	size_t i;

	for (i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++) {
		if (strcmp(name, facilities[i].name) == 0) {
			*ret_facility = facilities[i].facility;
			return CM_OK;
		}
	}
	return CM_ENOTFOUND;
}

int cm_log_syslog(const char *program, const char *facility,
		  struct cm_log **ret_log, struct cm_error *err)
{
	struct cm_log *log = NULL;
	int number;

	if (cm_log_facility(facility, &number) != CM_OK)
		return cm_fail(err, CM_ECONFIG,
			       "syslog facility \"%.40s\" is unknown (use "
			       "mail, daemon, user or local0 to local7)",
			       facility);
	if (log_new(CM_LOG_TO_SYSLOG, program, &log) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	/* Keeps the pointer: program lives as long as the log. */
	openlog(log->program, LOG_PID | LOG_NDELAY, number);
	*ret_log = log;
	return CM_OK;
}

int cm_log_call(cm_log_fn fn, void *ctx, struct cm_log **ret_log)
{
	int rc = log_new(CM_LOG_TO_CALL, "", ret_log);

	if (rc == CM_OK) {
		(*ret_log)->fn = fn;
		(*ret_log)->ctx = ctx;
	}
	return rc;
}

void cm_log_free(struct cm_log **log)
{
	if (*log == NULL)
		return;
	if ((*log)->sink == CM_LOG_TO_SYSLOG)
		closelog();
	free((*log)->program);
	free(*log);
	*log = NULL;
}

/* ---- redaction -------------------------------------------------------- */

static bool is_word(char c)
{
	return cm_ascii_alpha(c) || cm_ascii_digit(c) || c == '_' || c == '-';
}

/* What may stand in a local part or beside one; a blank or quote ends it. */
static bool is_local(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f &&
	       strchr("<>()[]\",;:@\\", c) == NULL;
}

static bool is_hex(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!cm_ascii_digit(p[i]) && (p[i] < 'a' || p[i] > 'f'))
			return false;
	return true;
}

/* True where "inet:8025" or "inet6:8025" ends at end. */
static bool is_socket(const char *text, const char *local, const char *end)
{
	const char *p;

	for (p = local; p < end; p++)
		if (!cm_ascii_digit(*p))
			return false;
	if (local - text >= 5 && memcmp(local - 5, "inet:", 5) == 0)
		return true;
	return local - text >= 6 && memcmp(local - 6, "inet6:", 6) == 0;
}

static size_t long_word(const char *p)
{
	size_t n = 0;

	while (is_word(p[n]))
		n++;
	return n >= CM_LOG_WORD_MAX && !is_hex(p, n) ? n : 0;
}

static void redact_words(char *text)
{
	char *to = text;
	const char *from = text;
	size_t n;

	while (*from != '\0') {
		bool starts = from == text || !is_word(from[-1]);

		n = starts ? long_word(from) : 0;
		if (n == 0) {
			*to++ = *from++;
			continue;
		}
		memcpy(to, "[...]", 5);
		to += 5;
		from += n;
	}
	*to = '\0';
}

/* The beginning of the local part that ends before the "@" at end. */
static char *local_start(char *text, char *end)
{
	char *p = end;

	/* A quoted local part may hold blanks and quotes behind backslashes:
	 * back to its first quote, or further rather than too short. */
	if (p > text && p[-1] == '"') {
		for (p -= 1; p > text; p--)
			if (p[-1] == '"' && (p - 1 == text || p[-2] != '\\'))
				return p - 1;
		return p;
	}
	while (p > text && is_local(p[-1]))
		p--;
	return p;
}

static void redact_addresses(char *text)
{
	char *at;
	char *p = text;

	while ((at = strchr(p, '@')) != NULL) {
		char *local = local_start(text, at);

		p = at + 1;
		if (local == at || is_socket(text, local, at))
			continue;
		*local = '*';
		memmove(local + 1, at, strlen(at) + 1);
		p = local + 2;
	}
}

void cm_log_redact(char *text)
{
	redact_addresses(text);
	redact_words(text);
}

/* ---- writing ---------------------------------------------------------- */

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* Control characters as \xNN; UTF-8 is left, syslog takes octets. */
static void escape_controls(const char *text, struct cm_buf *out)
{
	while (*text != '\0') {
		size_t n = 0;

		while (text[n] != '\0' && !is_control(text[n]) &&
		       n < out->max - out->len)
			n++;
		if (cm_buf_add(out, text, n) != CM_OK)
			return;
		text += n;
		if (n == 0)
			(void)cm_buf_addf(out, "\\x%02x",
					  (unsigned char)*text++);
	}
}

/* One write() for a line: dprintf() asks for the file's size and place too. */
static void to_stderr(struct cm_log *log, enum cm_log_level level,
		      const char *line)
{
	struct cm_buf out;
	size_t at = 0;

	cm_buf_init(&out, CM_LOG_LINE_MAX + strlen(log->program) + 4);
	if (log->journal)
		(void)cm_buf_addf(&out, "<%d>", priorities[level]);
	else
		(void)cm_buf_addf(&out, "%s: ", log->program);
	(void)cm_buf_adds(&out, line);
	(void)cm_buf_addc(&out, '\n');
	while (at < out.len) {
		ssize_t done =
			write(STDERR_FILENO, out.data + at, out.len - at);

		if (done < 0 && errno != EINTR)
			break;
		at += done > 0 ? (size_t)done : 0;
	}
	cm_buf_free(&out);
}

static void emit(struct cm_log *log, enum cm_log_level level, const char *line)
{
	switch (log->sink) {
	case CM_LOG_TO_SYSLOG:
		syslog(priorities[level], "%s", line);
		break;
	case CM_LOG_TO_STDERR:
		to_stderr(log, level, line);
		break;
	case CM_LOG_TO_CALL:
		log->fn(log->ctx, level, line);
		break;
	}
}

static void write_line(struct cm_log *log, enum cm_log_level level, char *text)
{
	struct cm_buf out;

	cm_log_redact(text);
	/* An addition that would not fit is left out; the rest stands. */
	cm_buf_init(&out, CM_LOG_LINE_MAX);
	escape_controls(text, &out);
	emit(log, level, cm_buf_text(&out));
	cm_buf_free(&out);
}

static bool is_dropped(const struct cm_log *log, enum cm_log_level level)
{
	return log == NULL || level > CM_LOG_INFO;
}

void cm_log(struct cm_log *log, enum cm_log_level level, const char *fmt, ...)
{
	char text[CM_LOG_LINE_MAX];
	va_list ap;

	if (is_dropped(log, level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_line(log, level, text);
}

void cm_log_error(struct cm_log *log, enum cm_log_level level, const char *what,
		  const struct cm_error *err)
{
	cm_log(log, level, "%s: %s", what, err->text);
}

/* ---- key=value -------------------------------------------------------- */

static bool is_plain(struct cm_span value)
{
	size_t i;

	for (i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (!is_word(c) && (c == '\0' || strchr(".:/+,", c) == NULL))
			return false;
	}
	return value.n > 0;
}

static void add_quoted(struct cm_buf *buf, struct cm_span value)
{
	size_t i;

	(void)cm_buf_addc(buf, '"');
	for (i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c == '"' || c == '\\')
			(void)cm_buf_addf(buf, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			(void)cm_buf_addf(buf, "\\x%02x", c);
		else
			(void)cm_buf_addc(buf, (char)c);
	}
	(void)cm_buf_addc(buf, '"');
}

void cm_line_init(struct cm_line *line, struct cm_span subject)
{
	cm_buf_init(&line->buf, CM_LOG_LINE_MAX);
	if (subject.n > 0)
		(void)cm_buf_add(&line->buf, subject.p, subject.n);
	(void)cm_buf_addc(&line->buf, ':');
}

void cm_line_free(struct cm_line *line)
{
	cm_buf_free(&line->buf);
}

static void add_key(struct cm_line *line, const char *key)
{
	(void)cm_buf_addc(&line->buf, ' ');
	(void)cm_buf_adds(&line->buf, key);
	(void)cm_buf_addc(&line->buf, '=');
}

void cm_line_span(struct cm_line *line, const char *key, struct cm_span value)
{
	add_key(line, key);
	if (is_plain(value))
		(void)cm_buf_add(&line->buf, value.p, value.n);
	else
		add_quoted(&line->buf, value);
}

void cm_line_text(struct cm_line *line, const char *key, const char *value)
{
	cm_line_span(line, key, cm_span(value));
}

void cm_line_int(struct cm_line *line, const char *key, int64_t value)
{
	(void)cm_buf_addf(&line->buf, " %s=%" PRId64, key, value);
}

void cm_line_hex(struct cm_line *line, const char *key, const void *data,
		 size_t n)
{
	const unsigned char *p = data;
	size_t i;

	add_key(line, key);
	for (i = 0; i < n; i++)
		(void)cm_buf_addf(&line->buf, "%02x", p[i]);
}

void cm_line_ms(struct cm_line *line, const char *key, int64_t us)
{
	(void)cm_buf_addf(&line->buf, " %s=%" PRId64 ".%d", key, us / 1000,
			  (int)(us % 1000 / 100));
}

void cm_line_write(struct cm_line *line, struct cm_log *log,
		   enum cm_log_level level)
{
	if (is_dropped(log, level) || line->buf.data == NULL)
		return;
	write_line(log, level, line->buf.data);
}
