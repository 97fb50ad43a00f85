/*
 * sendmail_config - what sendmail.cf says about milters.
 *
 *   Xconsent, S=local:/run/x.sock, F=T, T=C:10s;S:10s;R:30s;E:60s
 *   O InputMailFilters=consent, opendkim
 *   O DaemonPortOptions=Name=MTA, Addr=127.0.0.1, InputMailFilters=consent
 *
 * Pure but for cm_sendmail_read(); texts are the arena's.
 */
#ifndef CM_TOOLS_SENDMAIL_CONFIG_H
#define CM_TOOLS_SENDMAIL_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/err.h"

struct cm_sendmail_filter {
	const char *name;
	const char *socket;   /* S=, as libmilter writes it */
	const char *flags;    /* F=, "" = none */
	const char *timeouts; /* T=, "" = the defaults */
};

/* A way in: a daemon, or all that have no list of their own. */
struct cm_sendmail_port {
	const char *name;    /* "MTA"; "" = InputMailFilters */
	const char *filters; /* names, in order */
};

struct cm_sendmail {
	const char *file;
	struct cm_sendmail_filter *filters;
	size_t nfilters;
	struct cm_sendmail_port *ports;
	size_t nports;
};

CM_MUST_CHECK int cm_sendmail_parse(const char *file, const char *text,
				    struct cm_arena *arena,
				    struct cm_sendmail **ret_sendmail,
				    struct cm_error *err);
/* file: NULL for /etc/mail/sendmail.cf.  CM_ENOTFOUND: there is none. */
CM_MUST_CHECK int cm_sendmail_read(const char *file, struct cm_arena *arena,
				   struct cm_sendmail **ret_sendmail,
				   struct cm_error *err);

/* Seconds of one letter of T=: C connect, S send, R reply, E end of message;
 * what holds without one if it is not there. */
uint64_t cm_sendmail_timeout(const struct cm_sendmail_filter *filter,
			     char letter);

#endif
