/*
 * log - one line at a time, to syslog, to stderr, or to a test.
 *
 * No address and no token ever reaches a log, whoever writes the line: every
 * line passes cm_log_redact(), which leaves of an address only its domain and
 * of anything as long as our tokens nothing.  Control characters become
 * "\xNN", so no mail can forge a line.
 *
 * A cm_log may be used by many threads at once.  Only main(), the log code of
 * a program and its request handlers log; libraries return errors.
 */
#ifndef CM_LIB_LOG_H
#define CM_LIB_LOG_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

enum cm_log_level {
	CM_LOG_ERROR,   /* somebody must act */
	CM_LOG_WARNING, /* somebody should look */
	CM_LOG_NOTICE,  /* start, stop, reload, change of state */
	CM_LOG_INFO,    /* one line a message or request */
	CM_LOG_DEBUG,
};

enum { CM_LOG_LINE_MAX = 2048 }; /* octets; syslogd may cut longer ones */

struct cm_log;

/* program: as in "program[pid]: text"; copied. */
CM_MUST_CHECK int cm_log_stderr(const char *program, struct cm_log **ret_log);
/*
 * facility: "mail", "daemon", "local0" ... "local7".  One such log a process:
 * syslog(3) is the process's own.
 */
CM_MUST_CHECK int cm_log_syslog(const char *program, const char *facility,
				struct cm_log **ret_log, struct cm_error *err);
/* For tests: each finished line is handed over; called by any thread. */
typedef void (*cm_log_fn)(void *ctx, enum cm_log_level level, const char *line);
CM_MUST_CHECK int cm_log_call(cm_log_fn fn, void *ctx, struct cm_log **ret_log);
void cm_log_free(struct cm_log **log);

/* CM_OK if syslog_facility names one; for checks of a config. */
CM_MUST_CHECK int cm_log_facility(const char *name, int *ret_facility);

/* A NULL log takes everything and writes nothing; no log writes DEBUG. */
void cm_log(struct cm_log *log, enum cm_log_level level, const char *fmt, ...)
	CM_PRINTF(3, 4);
/* "what: err->text". */
void cm_log_error(struct cm_log *log, enum cm_log_level level, const char *what,
		  const struct cm_error *err);

/*
 * "SUBJECT: key=value key=value".  A value with anything but
 * [A-Za-z0-9._:/+,-] is quoted and escaped; an empty one is "".
 */
struct cm_line {
	struct cm_buf buf;
};
void cm_line_init(struct cm_line *line, struct cm_span subject);
void cm_line_free(struct cm_line *line);
void cm_line_text(struct cm_line *line, const char *key, const char *value);
void cm_line_span(struct cm_line *line, const char *key, struct cm_span value);
void cm_line_int(struct cm_line *line, const char *key, int64_t value);
void cm_line_hex(struct cm_line *line, const char *key, const void *data,
		 size_t n);
/* Milliseconds with one decimal, from microseconds. */
void cm_line_ms(struct cm_line *line, const char *key, int64_t us);
void cm_line_write(struct cm_line *line, struct cm_log *log,
		   enum cm_log_level level);

/*
 * In place, never longer: "who@host" becomes "*@host", a word of
 * CM_LOG_WORD_MAX or more of [A-Za-z0-9_-] that is not plain hex becomes
 * "[...]".  "inet:PORT@HOST", a socket, stays.
 */
enum { CM_LOG_WORD_MAX = 50 }; /* our shortest token has 56 */
void cm_log_redact(char *text);

#endif
