/* See clock.h. */
#include "lib/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CM_MINUTE_MS (60 * CM_SECOND_MS)
#define CM_HOUR_MS   (60 * CM_MINUTE_MS)

enum {
	CM_YEAR_MIN = 1970,
	CM_YEAR_MAX = 9999,
	CM_PERIOD_YEARS = 1000, /* no law counts longer; keeps sums in range */
};

struct civil {
	int64_t year;
	unsigned month; /* 1..12 */
	unsigned day;   /* 1..31 */
};

int64_t cm_clock_now(void)
{
	struct timespec ts;

	/* Cannot fail for CLOCK_REALTIME and a good pointer. */
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * CM_SECOND_MS + ts.tv_nsec / 1000000;
}

int64_t cm_clock_steady_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t cm_clock_steady_ms(void)
{
	return cm_clock_steady_us() / 1000;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in(int64_t year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30,
					     31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

/* Leap days before 1 January of a year, counted from year 1. */
static int64_t leap_days_before(int64_t year)
{
	int64_t y = year - 1;

	return y / 4 - y / 100 + y / 400;
}

/* Days from 1970-01-01 to 1 January of a year, 1970 or later. */
static int64_t days_before_year(int64_t year)
{
	return 365 * (year - 1970) + leap_days_before(year) -
	       leap_days_before(1970);
}

static int64_t days_from_civil(struct civil c)
{
	int64_t days = days_before_year(c.year) + c.day - 1;
	unsigned month;

	for (month = 1; month < c.month; month++)
		days += days_in(c.year, month);
	return days;
}

static struct civil civil_from_days(int64_t days)
{
	/* 400 years have 146,097 days; the estimate is at most one late. */
	struct civil c = {1970 + days * 400 / 146097, 1, 1};

	while (days_before_year(c.year) > days)
		c.year--;
	while (days_before_year(c.year + 1) <= days)
		c.year++;
	days -= days_before_year(c.year);
	while (days >= days_in(c.year, c.month))
		days -= days_in(c.year, c.month++);
	c.day = (unsigned)days + 1;
	return c;
}

/* Take n digits off the front of *text; false if there are not n. */
static bool take_digits(struct cm_span *text, size_t n, unsigned *ret_value)
{
	uint64_t value;

	if (text->n < n ||
	    cm_parse_u64(cm_span_n(text->p, n), 9999, &value) != CM_OK)
		return false;
	*ret_value = (unsigned)value;
	text->p += n;
	text->n -= n;
	return true;
}

static bool take_char(struct cm_span *text, const char *one_of)
{
	if (text->n == 0 || text->p[0] == '\0' ||
	    strchr(one_of, text->p[0]) == NULL)
		return false;
	text->p++;
	text->n--;
	return true;
}

/* "." 1*DIGIT, of which milliseconds are kept. */
static bool take_fraction(struct cm_span *text, unsigned *ret_ms)
{
	unsigned scale = 100, ms = 0;

	if (text->n == 0 || !cm_ascii_digit(text->p[0]))
		return false;
	while (text->n > 0 && cm_ascii_digit(text->p[0])) {
		ms += (unsigned)(text->p[0] - '0') * scale;
		scale /= 10;
		text->p++;
		text->n--;
	}
	*ret_ms = ms;
	return true;
}

static bool take_date(struct cm_span *text, int64_t *ret_days)
{
	unsigned year, month, day;
	struct civil c;

	if (!take_digits(text, 4, &year) || !take_char(text, "-") ||
	    !take_digits(text, 2, &month) || !take_char(text, "-") ||
	    !take_digits(text, 2, &day))
		return false;
	if (year < CM_YEAR_MIN || month < 1 || month > 12 || day < 1 ||
	    day > days_in(year, month))
		return false;
	c.year = year;
	c.month = month;
	c.day = day;
	*ret_days = days_from_civil(c);
	return true;
}

static bool take_time(struct cm_span *text, int64_t *ret_ms)
{
	unsigned hour, minute, second, ms = 0;

	if (!take_digits(text, 2, &hour) || !take_char(text, ":") ||
	    !take_digits(text, 2, &minute) || !take_char(text, ":") ||
	    !take_digits(text, 2, &second))
		return false;
	if (take_char(text, ".") && !take_fraction(text, &ms))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (second == 60) /* a leap second, RFC 3339, 5.7 */
		second = 59;
	*ret_ms = hour * CM_HOUR_MS + minute * CM_MINUTE_MS +
		  second * CM_SECOND_MS + ms;
	return true;
}

/* "Z" or "+02:00": what to subtract to have UTC. */
static bool take_offset(struct cm_span *text, int64_t *ret_ms)
{
	unsigned hour, minute;
	bool east;

	if (take_char(text, "Zz")) {
		*ret_ms = 0;
		return true;
	}
	if (text->n == 0)
		return false;
	east = text->p[0] == '+';
	if (!take_char(text, "+-") || !take_digits(text, 2, &hour) ||
	    !take_char(text, ":") || !take_digits(text, 2, &minute) ||
	    hour > 23 || minute > 59)
		return false;
	*ret_ms = hour * CM_HOUR_MS + minute * CM_MINUTE_MS;
	if (!east)
		*ret_ms = -*ret_ms;
	return true;
}

int cm_clock_parse(struct cm_span text, int64_t *ret_ms)
{
	int64_t days, time, offset, ms;

	/* "T" or, as RFC 3339's note allows, a space: what databases write. */
	if (!take_date(&text, &days) || !take_char(&text, "Tt ") ||
	    !take_time(&text, &time) || !take_offset(&text, &offset) ||
	    text.n > 0)
		return CM_EDATA;
	ms = days * CM_DAY_MS + time - offset;
	if (ms < 0 || ms >= days_before_year(CM_YEAR_MAX + 1) * CM_DAY_MS)
		return CM_EDATA;
	*ret_ms = ms;
	return CM_OK;
}

int cm_clock_parse_day(struct cm_span text, int64_t *ret_ms)
{
	char whole[CM_CLOCK_TEXT];

	if (text.n != CM_CLOCK_DAY_N)
		return CM_EDATA;
	(void)snprintf(whole, sizeof(whole), "%.*sT00:00:00Z", (int)text.n,
		       text.p);
	return cm_clock_parse(cm_span(whole), ret_ms);
}

char *cm_clock_format(int64_t ms, char out[CM_CLOCK_TEXT])
{
	int64_t last = days_before_year(CM_YEAR_MAX + 1) * CM_DAY_MS - 1;
	int64_t rest;
	struct civil c;
	int n;

	/* What no parse gives must still not overrun a log line. */
	if (ms < 0)
		ms = 0;
	if (ms > last)
		ms = last;
	c = civil_from_days(ms / CM_DAY_MS);
	rest = ms % CM_DAY_MS;
	n = snprintf(out, CM_CLOCK_TEXT, "%04d-%02u-%02uT%02d:%02d:%02d",
		     (int)c.year, c.month, c.day, (int)(rest / CM_HOUR_MS),
		     (int)(rest / CM_MINUTE_MS % 60),
		     (int)(rest / CM_SECOND_MS % 60));
	if (rest % CM_SECOND_MS != 0)
		n += snprintf(out + n, CM_CLOCK_TEXT - (size_t)n, ".%03d",
			      (int)(rest % CM_SECOND_MS));
	(void)snprintf(out + n, CM_CLOCK_TEXT - (size_t)n, "Z");
	return out;
}

char *cm_clock_mail(int64_t ms, char out[CM_CLOCK_TEXT])
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed",
				       "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr",
					 "May", "Jun", "Jul", "Aug",
					 "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(ms / CM_SECOND_MS);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)snprintf(out, CM_CLOCK_TEXT, "%s, %d %s %d %02d:%02d:%02d +0000",
		       days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		       tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return out;
}

int cm_period_parse(struct cm_span text, struct cm_period *ret_period)
{
	static const struct {
		const char *unit;
		unsigned months;
		int64_t ms;
		uint64_t max; /* CM_PERIOD_YEARS, in this unit */
	} units[] = {
		{"s", 0, CM_SECOND_MS, CM_PERIOD_YEARS * 366ULL * 86400},
		{"min", 0, CM_MINUTE_MS, CM_PERIOD_YEARS * 366ULL * 1440},
		{"h", 0, CM_HOUR_MS, CM_PERIOD_YEARS * 366ULL * 24},
		{"d", 0, CM_DAY_MS, CM_PERIOD_YEARS * 366ULL},
		{"w", 0, 7 * CM_DAY_MS, CM_PERIOD_YEARS * 53ULL},
		{"m", 1, 0, CM_PERIOD_YEARS * 12ULL},
		{"y", 12, 0, CM_PERIOD_YEARS},
	};
	struct cm_span unit, number = text;
	uint64_t value;
	size_t i;

	for (i = 0; i < text.n && cm_ascii_digit(text.p[i]); i++)
		;
	number.n = i;
	unit = cm_span_n(text.p + i, text.n - i);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!cm_span_eq(unit, cm_span(units[i].unit)))
			continue;
		if (cm_parse_u64(number, units[i].max, &value) != CM_OK)
			return CM_EDATA;
		ret_period->months = (uint32_t)value * units[i].months;
		ret_period->ms = (int64_t)value * units[i].ms;
		return CM_OK;
	}
	return CM_EDATA;
}

bool cm_period_is_none(struct cm_period period)
{
	return period.months == 0 && period.ms == 0;
}

int64_t cm_period_add(int64_t from_ms, struct cm_period period)
{
	int64_t months;
	struct civil c;

	if (from_ms < 0 || period.months == 0)
		return from_ms + period.ms;
	c = civil_from_days(from_ms / CM_DAY_MS);
	months = c.year * 12 + c.month - 1 + period.months;
	c.year = months / 12;
	c.month = (unsigned)(months % 12) + 1;
	if (c.day > days_in(c.year, c.month))
		c.day = days_in(c.year, c.month);
	return days_from_civil(c) * CM_DAY_MS + from_ms % CM_DAY_MS + period.ms;
}
