/*
 * when - times as exports write them.
 *
 *   2026-01-31T12:00:00Z, 2026-01-31 12:00:00+01:00     RFC 3339
 *   2024-01-02 03:04:05.678 +0000 UTC                    Go
 *   Fri, 18 Oct 2024 18:28:14 UTC, 18 Oct 2024           RFC 5322 and alike
 *   Jan 2, 2024 3:04 PM
 *   31.12.2025 10:00, 31/12/2025, 12/31/2025 10:00 PM    day and month: how
 *   1735689600, 1735689600000                            s or ms since 1970
 *
 * What is not written is never made up: a day without a time is all of it, a
 * time without a zone is none unless one is given, and a date whose day could
 * be its month is an error.  So the answer has two ends: a refusal is taken
 * for as late, a consent for as early as the text allows.  Pure.
 */
#ifndef CM_TOOLS_WHEN_H
#define CM_TOOLS_WHEN_H

#include "tools/zone.h"

enum cm_dates {
	CM_DATES_PLAIN, /* only those that can be read in one way */
	CM_DATES_DMY,
	CM_DATES_MDY,
};

struct cm_when_how {
	enum cm_dates dates;
	const struct cm_zone *zone; /* of times without one; NULL = none */
};

struct cm_when {
	int64_t first; /* ms */
	int64_t last;
};

/* CM_EDATA says what is missing and which option gives it. */
CM_MUST_CHECK int cm_when_parse(struct cm_span text,
				const struct cm_when_how *how,
				struct cm_when *ret_when, struct cm_error *err);

#endif
