/*
 * See when.h.
 *
 * A text is cut into numbers, words and the signs between them; three forms
 * of a date are tried on what stands in front, then a time, AM or PM, and a
 * zone.  What is left over makes it no time.
 */
#include "tools/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "tools/ctl_output.h"

enum {
	EPOCH_S_DIGITS = 10,  /* 2001 to 2286 */
	EPOCH_MS_DIGITS = 13, /* ditto */
	YEAR_DIGITS = 4,
	MONTHS = 12,
	NOON = 12,
};

#define MINUTE_MS (60 * CM_SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)

struct reading {
	struct cm_span rest;
	const struct cm_when_how *how;
	bool ambiguous; /* day and month could be either */
	uint64_t year, month, day;
	int64_t of_day;    /* ms */
	int64_t precision; /* ms that the text leaves open */
	bool has_offset;
	int64_t offset; /* ms */
};

/* ---- pieces ------------------------------------------------------------- */

static void skip(struct reading *r, size_t n)
{
	r->rest = cm_span_n(r->rest.p + n, r->rest.n - n);
}

static bool skip_char(struct reading *r, const char *one_of)
{
	if (r->rest.n == 0 || r->rest.p[0] == '\0' ||
	    strchr(one_of, r->rest.p[0]) == NULL)
		return false;
	skip(r, 1);
	return true;
}

static void skip_blanks(struct reading *r)
{
	while (skip_char(r, " \t"))
		;
}

/* From min to max digits. */
static bool take_number(struct reading *r, size_t min, size_t max,
			uint64_t *ret_value)
{
	size_t n = 0;

	while (n < r->rest.n && n <= max && cm_ascii_digit(r->rest.p[n]))
		n++;
	if (n < min || n > max ||
	    cm_parse_u64(cm_span_n(r->rest.p, n), UINT64_MAX, ret_value) !=
		    CM_OK)
		return false;
	skip(r, n);
	return true;
}

static struct cm_span peek_word(const struct reading *r)
{
	size_t n = 0;

	while (n < r->rest.n && cm_ascii_alpha(r->rest.p[n]))
		n++;
	return cm_span_n(r->rest.p, n);
}

static bool take_month(struct reading *r)
{
	static const char *const names[MONTHS] = {
		"january",   "february", "march",    "april",
		"may",       "june",     "july",     "august",
		"september", "october",  "november", "december"};
	struct cm_span word = peek_word(r);
	size_t i;

	for (i = 0; i < MONTHS; i++) {
		if (!cm_span_is(word, names[i]) &&
		    !(word.n == 3 &&
		      cm_span_is(word, (char[4]){names[i][0], names[i][1],
						 names[i][2], '\0'})))
			continue;
		r->month = i + 1;
		skip(r, word.n);
		(void)skip_char(r, ".");
		return true;
	}
	return false;
}

/* ---- dates -------------------------------------------------------------- */

/* 2026-01-31, 2026/01/31, 20260131 is not one. */
static bool year_first(struct reading *r)
{
	return take_number(r, YEAR_DIGITS, YEAR_DIGITS, &r->year) &&
	       skip_char(r, "-/.") && take_number(r, 1, 2, &r->month) &&
	       skip_char(r, "-/.") && take_number(r, 1, 2, &r->day);
}

/* Which of the two is the day: dots are never American. */
static void settle_day(struct reading *r, uint64_t a, uint64_t b, char sign)
{
	bool dmy = sign == '.' || r->how->dates == CM_DATES_DMY;
	bool mdy = !dmy && r->how->dates == CM_DATES_MDY;

	if (!dmy && !mdy) {
		dmy = a > MONTHS;
		mdy = b > MONTHS;
		r->ambiguous = !dmy && !mdy && a != b;
	}
	r->day = mdy ? b : a;
	r->month = mdy ? a : b;
}

static bool year_last(struct reading *r)
{
	uint64_t a, b;
	char sign;

	if (!take_number(r, 1, 2, &a) || r->rest.n == 0)
		return false;
	sign = r->rest.p[0];
	if (!skip_char(r, "./-") || !take_number(r, 1, 2, &b) ||
	    r->rest.n == 0 || r->rest.p[0] != sign)
		return false;
	skip(r, 1);
	settle_day(r, a, b, sign);
	return take_number(r, YEAR_DIGITS, YEAR_DIGITS, &r->year);
}

/* [Fri,] 18 Oct 2024, 18-Oct-2024 */
static bool day_month_name(struct reading *r)
{
	struct cm_span word = peek_word(r);

	if (word.n == 3 && word.n < r->rest.n && word.p[3] == ',') {
		skip(r, word.n + 1);
		skip_blanks(r);
	}
	if (!take_number(r, 1, 2, &r->day) || !skip_char(r, " -."))
		return false;
	skip_blanks(r);
	if (!take_month(r) || !skip_char(r, " -"))
		return false;
	return take_number(r, YEAR_DIGITS, YEAR_DIGITS, &r->year);
}

/* Jan 2, 2024 */
static bool month_name_day(struct reading *r)
{
	if (!take_month(r))
		return false;
	skip_blanks(r);
	if (!take_number(r, 1, 2, &r->day) || !skip_char(r, ", "))
		return false;
	skip_blanks(r);
	return take_number(r, YEAR_DIGITS, YEAR_DIGITS, &r->year);
}

static bool take_date(struct reading *r)
{
	static bool (*const forms[])(struct reading *) = {
		year_first, year_last, day_month_name, month_name_day};
	struct reading start = *r;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		*r = start;
		if (forms[i](r))
			return true;
	}
	return false;
}

/* ---- times -------------------------------------------------------------- */

static bool take_noon(struct reading *r, uint64_t *hour)
{
	struct cm_span word;

	skip_blanks(r);
	word = peek_word(r);
	if (!cm_span_is(word, "am") && !cm_span_is(word, "pm"))
		return true;
	if (*hour < 1 || *hour > NOON)
		return false;
	*hour %= NOON;
	if (cm_span_is(word, "pm"))
		*hour += NOON;
	skip(r, word.n);
	return true;
}

static void take_fraction(struct reading *r)
{
	int64_t scale = CM_SECOND_MS / 10;

	while (r->rest.n > 0 && cm_ascii_digit(r->rest.p[0])) {
		r->of_day += (r->rest.p[0] - '0') * scale;
		scale /= 10;
		skip(r, 1);
	}
	r->precision = 0;
}

/* Nothing at all is a day without a time; false only for nonsense. */
static bool take_time(struct reading *r)
{
	uint64_t hour, minute, second = 0;

	r->precision = CM_DAY_MS - 1;
	skip_blanks(r);
	(void)skip_char(r, "T,");
	skip_blanks(r);
	if (!take_number(r, 1, 2, &hour))
		return r->rest.n == 0;
	if (!skip_char(r, ":") || !take_number(r, 2, 2, &minute))
		return false;
	r->precision = MINUTE_MS - 1;
	if (skip_char(r, ":")) {
		if (!take_number(r, 2, 2, &second))
			return false;
		r->precision = 0;
	}
	if (skip_char(r, "."))
		take_fraction(r);
	if (!take_noon(r, &hour) || hour > 23 || minute > 59 || second > 59)
		return false;
	r->of_day += (int64_t)hour * HOUR_MS + (int64_t)minute * MINUTE_MS +
		     (int64_t)second * CM_SECOND_MS;
	return true;
}

/* "+0100", "+01:00" */
static bool take_offset(struct reading *r, bool west)
{
	uint64_t hour, minute;

	if (!take_number(r, 2, 2, &hour) && !take_number(r, 4, 4, &hour))
		return false;
	if (hour > 99) { /* four digits */
		minute = hour % 100;
		hour /= 100;
	} else {
		(void)skip_char(r, ":");
		if (!take_number(r, 2, 2, &minute))
			minute = 0;
	}
	if (hour > 23 || minute > 59)
		return false;
	r->has_offset = true;
	r->offset = (int64_t)hour * HOUR_MS + (int64_t)minute * MINUTE_MS;
	if (west)
		r->offset = -r->offset;
	return true;
}

/* An offset may be followed by its name, as Go does: "+0000 UTC". */
static bool take_zone(struct reading *r)
{
	struct cm_span word;

	skip_blanks(r);
	if (r->rest.n > 0 && (r->rest.p[0] == '+' || r->rest.p[0] == '-')) {
		bool west = r->rest.p[0] == '-';

		skip(r, 1);
		if (!take_offset(r, west))
			return false;
		skip_blanks(r);
		skip(r, peek_word(r).n);
		return r->rest.n == 0;
	}
	word = peek_word(r);
	if (cm_span_is(word, "utc") || cm_span_is(word, "gmt") ||
	    cm_span_is(word, "z")) {
		r->has_offset = true;
		skip(r, word.n);
	}
	return r->rest.n == 0;
}

/* ---- all ---------------------------------------------------------------- */

/* Of clocks that show UTC; the calendar's rules are lib/clock's. */
static int to_local(const struct reading *r, int64_t *ret_ms)
{
	char text[CM_CLOCK_TEXT];
	int64_t midnight;
	int rc;

	if (r->year > 9999 || r->month > 99 || r->day > 99)
		return CM_EDATA;
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT00:00:00Z",
		       (int)r->year, (int)r->month, (int)r->day);
	rc = cm_clock_parse(cm_span(text), &midnight);
	if (rc == CM_OK)
		*ret_ms = midnight + r->of_day;
	return rc;
}

static bool all_digits(struct cm_span text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		if (!cm_ascii_digit(text.p[i]))
			return false;
	}
	return text.n > 0;
}

static int since_1970(struct cm_span text, struct cm_when *ret_when)
{
	uint64_t value;

	if (!all_digits(text) ||
	    (text.n != EPOCH_S_DIGITS && text.n != EPOCH_MS_DIGITS) ||
	    cm_parse_u64(text, INT64_MAX / CM_SECOND_MS, &value) != CM_OK)
		return CM_EDATA;
	if (text.n == EPOCH_S_DIGITS)
		value *= CM_SECOND_MS;
	ret_when->first = (int64_t)value;
	ret_when->last = (int64_t)value;
	return CM_OK;
}

static bool is_shortened(struct cm_span text)
{
	size_t i;

	for (i = 1; i + 1 < text.n; i++) {
		if (cm_ascii_lower(text.p[i]) == 'e' &&
		    cm_ascii_digit(text.p[i - 1]) &&
		    (text.p[i + 1] == '+' || cm_ascii_digit(text.p[i + 1])))
			return true;
	}
	return false;
}

static int not_a_time(struct cm_span text, const char *why,
		      struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];

	return cm_fail(err, CM_EDATA, "\"%s\" %s", cm_quote(text, quoted), why);
}

static int finish(const struct reading *r, struct cm_span text,
		  struct cm_when *ret_when, struct cm_error *err)
{
	int64_t local;

	if (to_local(r, &local) != CM_OK)
		return not_a_time(text, "is not a date of the calendar", err);
	if (r->has_offset) {
		ret_when->first = local - r->offset;
		ret_when->last = ret_when->first + r->precision;
	} else if (r->how->zone != NULL) {
		cm_zone_instants(r->how->zone, local, &ret_when->first,
				 &ret_when->last);
		ret_when->last += r->precision;
	} else {
		return not_a_time(text,
				  "has no zone; say --zone Europe/Berlin, or "
				  "--zone +01:00",
				  err);
	}
	return CM_OK;
}

int cm_when_parse(struct cm_span text, const struct cm_when_how *how,
		  struct cm_when *ret_when, struct cm_error *err)
{
	struct reading r = {.rest = text, .how = how};

	/* What nearly all lists have. */
	if (cm_clock_parse(text, &ret_when->first) == CM_OK) {
		ret_when->last = ret_when->first;
		return CM_OK;
	}
	if (since_1970(text, ret_when) == CM_OK)
		return CM_OK;
	if (take_date(&r) && take_time(&r) && take_zone(&r)) {
		if (!r.ambiguous)
			return finish(&r, text, ret_when, err);
		return not_a_time(text,
				  "could be day/month or month/day; say "
				  "--dates dmy, or --dates mdy",
				  err);
	}
	if (is_shortened(text))
		return not_a_time(text,
				  "is a number that a spreadsheet shortened; "
				  "export the list again without opening it",
				  err);
	return not_a_time(
		text, "is not a time (write it as 2026-01-31T12:00:00Z)", err);
}
