/*
 * log_line - one line of a mail log, as syslog daemons and journalctl write
 * them.
 *
 *   Nov 22 05:36:39 host consent-milter[12]: text     RFC 3164, journalctl
 *   2026-11-22T05:36:39.123+01:00 host consent-milter[12]: text
 *   <22>1 2026-11-22T04:36:39Z host consent-milter 12 - - text    RFC 5424
 *
 * The first has neither year nor zone: it is the last such time before now,
 * by the clocks of the zone given.  Pure.
 */
#ifndef CM_TOOLS_LOG_LINE_H
#define CM_TOOLS_LOG_LINE_H

#include "lib/str.h"
#include "tools/zone.h"

struct cm_log_line {
	int64_t at; /* ms */
	struct cm_span program;
	struct cm_span text;
};

/* CM_EDATA: not a line of these forms. */
CM_MUST_CHECK int cm_log_line_parse(struct cm_span line, int64_t now,
				    const struct cm_zone *zone,
				    struct cm_log_line *ret_line);

#endif
