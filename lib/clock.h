/*
 * clock - instants as milliseconds since 1970-01-01T00:00:00Z.
 *
 * Only cm_clock_now() and cm_clock_steady_*() ask the system; everything else
 * is pure.  No leap seconds, no time zones but the offset written in an RFC
 * 3339 text.
 */
#ifndef CM_LIB_CLOCK_H
#define CM_LIB_CLOCK_H

#include <stdint.h>

#include "lib/str.h"

enum {
	CM_CLOCK_TEXT = 32,  /* room for "2026-01-10T12:34:56.789Z" */
	CM_CLOCK_DAY_N = 10, /* of these the day */
};

#define CM_SECOND_MS INT64_C(1000)
#define CM_DAY_MS    (INT64_C(86400) * CM_SECOND_MS)

int64_t cm_clock_now(void); /* wall clock */
/* For deadlines and durations: since some moment, never set back. */
int64_t cm_clock_steady_ms(void);
int64_t cm_clock_steady_us(void);

/*
 * RFC 3339, section 5.6: date and time with an offset; fractions are cut to
 * milliseconds; a leap second counts as the second before.  Years 1970-9999.
 */
CM_MUST_CHECK int cm_clock_parse(struct cm_span text, int64_t *ret_ms);

/* "2026-01-31": its midnight in UTC. */
CM_MUST_CHECK int cm_clock_parse_day(struct cm_span text, int64_t *ret_ms);

/* RFC 3339 in UTC; milliseconds only when there are any. Returns out. */
char *cm_clock_format(int64_t ms, char out[CM_CLOCK_TEXT]);
/* As mail has it (RFC 5322, 3.3), in UTC, in English whatever the locale. */
char *cm_clock_mail(int64_t ms, char out[CM_CLOCK_TEXT]);

/*
 * A length of time as admins write it: a number and one of s min h d w m y
 * ("3y", "30d").  m is a month.  Months and years are kept as such because
 * law counts in them.
 */
struct cm_period {
	uint32_t months; /* calendar months, years included */
	int64_t ms;      /* the rest */
};
CM_MUST_CHECK int cm_period_parse(struct cm_span text,
				  struct cm_period *ret_period);
bool cm_period_is_none(struct cm_period period);
/* from + period in the UTC calendar; 31 Jan + 1 month = the last of Feb. */
int64_t cm_period_add(int64_t from_ms, struct cm_period period);

#endif
