/* See log_line.h. */
#include "tools/log_line.h"

#include <stdio.h>

#include "lib/clock.h"

enum {
	STAMP_LEN = 15, /* "Nov 22 05:36:39" */
	/* Clocks of two machines may differ, and days by their zones. */
	AHEAD_MS = 24 * 3600 * 1000,
};

static struct cm_span next_word(struct cm_span *line)
{
	struct cm_span rest = cm_span_trim(*line);
	struct cm_span word = cm_span_cut(&rest, ' ');

	*line = rest;
	return word;
}

/* RFC 3164, 4.1.2: the day is padded with a blank. */
static int parse_stamp(struct cm_span stamp, int year, int64_t *ret_local)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char text[CM_CLOCK_TEXT];
	int month;

	for (month = 0; month < 12; month++)
		if (cm_span_eq(cm_span_n(months + month * 3, 3),
			       cm_span_n(stamp.p, 3)))
			break;
	if (month == 12 || stamp.p[3] != ' ' || stamp.p[6] != ' ')
		return CM_EDATA;
	(void)snprintf(text, sizeof(text), "%04d-%02d-%c%cT%.8sZ", year,
		       month + 1, stamp.p[4] == ' ' ? '0' : stamp.p[4],
		       stamp.p[5], stamp.p + 7);
	return cm_clock_parse(cm_span(text), ret_local);
}

static int this_year(int64_t now)
{
	char text[CM_CLOCK_TEXT];
	uint64_t year = 0;

	(void)cm_clock_format(now, text);
	if (cm_parse_u64(cm_span_n(text, 4), 9999, &year) != CM_OK)
		return 1970;
	return (int)year;
}

/* The last one that is not ahead of now; 29 February may be years ago. */
static int resolve_stamp(struct cm_span stamp, int64_t now,
			 const struct cm_zone *zone, int64_t *ret_at)
{
	int year = this_year(now) + 1;
	int64_t local, first, last;
	int i;

	for (i = 0; i < 9 && year - i >= 1970; i++) {
		if (parse_stamp(stamp, year - i, &local) != CM_OK)
			continue;
		cm_zone_instants(zone, local, &first, &last);
		if (first > now + AHEAD_MS)
			continue;
		*ret_at = first;
		return CM_OK;
	}
	return CM_EDATA;
}

/* "consent-milter[12]:" */
static int take_tag(struct cm_span *rest, struct cm_span *ret_program)
{
	struct cm_span tag = next_word(rest);

	if (tag.n < 2 || tag.p[tag.n - 1] != ':')
		return CM_EDATA;
	tag.n--;
	*ret_program = cm_span_cut(&tag, '[');
	return CM_OK;
}

/* VERSION TIMESTAMP HOST APP PROCID MSGID STRUCTURED-DATA MSG: RFC 5424, 6. */
static int parse_5424(struct cm_span rest, struct cm_log_line *line)
{
	struct cm_span data;

	(void)next_word(&rest);
	if (cm_clock_parse(next_word(&rest), &line->at) != CM_OK)
		return CM_EDATA;
	(void)next_word(&rest);
	line->program = next_word(&rest);
	(void)next_word(&rest);
	(void)next_word(&rest);
	data = next_word(&rest);
	if (!cm_span_is(data, "-")) {
		/* Its values may hold blanks; ours have none. */
		while (data.n > 0 && data.p[data.n - 1] != ']' && rest.n > 0)
			data = next_word(&rest);
	}
	line->text = cm_span_trim(rest);
	return CM_OK;
}

int cm_log_line_parse(struct cm_span text, int64_t now,
		      const struct cm_zone *zone, struct cm_log_line *ret_line)
{
	struct cm_log_line line = {.at = 0};
	struct cm_span rest = text;
	int rc;

	if (rest.n > 0 && rest.p[0] == '<') {
		(void)cm_span_cut(&rest, '>');
		if (rest.n > 2 && rest.p[0] == '1' && rest.p[1] == ' ') {
			rc = parse_5424(rest, &line);
			if (rc == CM_OK)
				*ret_line = line;
			return rc;
		}
	}
	if (rest.n > STAMP_LEN && cm_ascii_alpha(rest.p[0])) {
		rc = resolve_stamp(cm_span_n(rest.p, STAMP_LEN), now, zone,
				   &line.at);
		rest = cm_span_n(rest.p + STAMP_LEN, rest.n - STAMP_LEN);
	} else {
		rc = cm_clock_parse(next_word(&rest), &line.at);
	}
	if (rc != CM_OK)
		return CM_EDATA;
	(void)next_word(&rest); /* the host */
	rc = take_tag(&rest, &line.program);
	line.text = cm_span_trim(rest);
	if (rc == CM_OK)
		*ret_line = line;
	return rc;
}
