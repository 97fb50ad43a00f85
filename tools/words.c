/* See words.h. */
#include "tools/words.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/quote.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int cm_word_bad_option(const char *option, struct cm_error *err)
{
	(void)cm_error_prefix(err, "%s: ", option);
	return err->code = CM_EUSAGE;
}

static const char *const status_names[] = {
	[CM_STATUS_GRANTED] = "granted",
	[CM_STATUS_CONFIRMED] = "confirmed",
	[CM_STATUS_PENDING] = "pending",
	[CM_STATUS_WITHDRAWN] = "withdrawn",
	[CM_STATUS_OBJECTED] = "objected",
	[CM_STATUS_COMPLAINED] = "complained",
	[CM_STATUS_UNDELIVERABLE] = "undeliverable",
	[CM_STATUS_UNKNOWN] = "unknown",
};

const char *cm_status_name(enum cm_status status)
{
	return status_names[status];
}

bool cm_word_is_nothing(struct cm_span text)
{
	static const char *const words[] = {
		"null", "(null)", "\\n", "n/a",  "#n/a", "na",
		"nil",  "none",   "nan", "0x00", "-",    "undefined",
	};
	struct cm_span trimmed = cm_span_trim(text);
	size_t i;

	if (trimmed.n == 0)
		return true;
	for (i = 0; i < COUNT(words); i++) {
		if (cm_span_is(trimmed, words[i]))
			return true;
	}
	return false;
}

/*
 * Words other tools write for "this row is switched on", or that a person
 * might type: they say nothing about what anybody agreed to (G4-11).
 */
static bool is_no_consent(struct cm_span text)
{
	static const char *const words[] = {
		"enabled",    "active",     "yes", "y",  "true",   "1",
		"subscribed", "subscriber", "ok",  "on", "member",
	};
	size_t i;

	for (i = 0; i < COUNT(words); i++) {
		if (cm_span_is(text, words[i]))
			return true;
	}
	return false;
}

int cm_word_status(struct cm_span text, enum cm_status *ret_status,
		   struct cm_error *err)
{
	struct cm_span trimmed = cm_span_trim(text);
	char quoted[CM_QUOTE_LEN];
	const char *similar;
	size_t i;

	for (i = 0; i < CM_STATUSES; i++) {
		if (cm_span_is(trimmed, status_names[i])) {
			*ret_status = (enum cm_status)i;
			return CM_OK;
		}
	}
	if (cm_word_is_nothing(trimmed)) {
		*ret_status = CM_STATUS_UNKNOWN;
		return CM_OK;
	}
	(void)cm_quote(trimmed, quoted);
	if (is_no_consent(trimmed))
		return cm_fail(err, CM_EDATA,
			       "\"%s\" does not say that the person consented: "
			       "write granted or confirmed if there is proof, "
			       "else unknown",
			       quoted);
	similar = cm_suggest(quoted, status_names, CM_STATUSES);
	if (similar != NULL)
		return cm_fail(err, CM_EDATA,
			       "\"%s\" is not a status; did you mean \"%s\"?",
			       quoted, similar);
	return cm_fail(err, CM_EDATA,
		       "\"%s\" is not a status (granted, confirmed, pending, "
		       "withdrawn, objected, complained, undeliverable or "
		       "unknown)",
		       quoted);
}

void cm_word_batch(int64_t now, const uint8_t tag[4],
		   char out[CM_BATCH_MAX + 1])
{
	enum { TIME_LEN = 15 }; /* "20261121T101500" */
	char time[CM_CLOCK_TEXT];
	char hex[CM_HEX_LEN(4) + 1];
	size_t n = 0;
	const char *p;

	(void)cm_hex_encode(tag, 4, hex);
	for (p = cm_clock_format(now, time); *p != '\0' && n < TIME_LEN; p++) {
		if (*p != '-' && *p != ':')
			time[n++] = *p;
	}
	time[n] = '\0';
	(void)snprintf(out, CM_BATCH_MAX + 1, "%.*s-%s", (int)TIME_LEN, time,
		       hex);
}
