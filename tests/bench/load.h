/*
 * load - the MTA's side of the milter protocol, as Postfix speaks it.
 *
 * Version 6.  A macro packet goes before every command, header and body
 * chunk, and before steps that were switched off, with the names the milter
 * asked for (smfi_setsymlist) or Postfix's defaults.  What needs no answer
 * stays in the buffer until an answer is waited for (vstream's way).
 */
#ifndef CM_TESTS_BENCH_LOAD_H
#define CM_TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

enum {
	CM_LOAD_STAGES = 7, /* of smfi_setsymlist */
	CM_LOAD_HEADERS_MAX = 200,
	CM_LOAD_CHUNK = 65535, /* MILTER_CHUNK_SIZE */
	CM_LOAD_WRITE = 4096,  /* VSTREAM_BUFSIZE */
};

/* A message file, cut up as the protocol wants it. */
struct cm_load_message {
	char *text; /* the file; owned */
	char *names[CM_LOAD_HEADERS_MAX];
	char *values[CM_LOAD_HEADERS_MAX]; /* folding as LF and blank */
	size_t nheaders;
	struct cm_span body; /* CRLF line ends */
};

CM_MUST_CHECK int cm_load_read_message(const char *file,
				       struct cm_load_message *ret_message);

/* What came back for one message. */
struct cm_load_result {
	char verdict;     /* the protocol's letter: c a r t d y; A = all
			   * recipients were refused, message not sent */
	unsigned taken;   /* RCPTs answered with yes or not at all */
	unsigned refused; /* RCPTs answered 5xx */
	unsigned later;   /* RCPTs answered 4xx */
	unsigned deleted; /* recipients deleted at end of message */
	unsigned headers; /* header changes */
	size_t body;      /* octets of the new body, 0 = unchanged */
};

struct cm_load_connection {
	int fd;
	unsigned pause_us; /* before each command, as SMTP makes it */
	uint32_t steps;    /* SMFIP_*, as negotiated */
	char macros[CM_LOAD_STAGES][512]; /* names and values, NULs between */
	size_t nmacros[CM_LOAD_STAGES];   /* octets */
	struct cm_buf out;
	struct cm_buf in;
};

/* Connect to a unix socket's path, negotiate, CONNECT and HELO. */
CM_MUST_CHECK int cm_load_open(struct cm_load_connection *connection,
			       const char *path, unsigned pause_us);
void cm_load_close(struct cm_load_connection *connection);

/* One message; rcpts are "<u@d>".  Fails if the milter hangs up. */
CM_MUST_CHECK int cm_load_send(struct cm_load_connection *connection,
			       const char *sender, const char *const *rcpts,
			       size_t nrcpts,
			       const struct cm_load_message *message,
			       struct cm_load_result *ret_result);

#endif
