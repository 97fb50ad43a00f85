/* See event_form.h. */
#include "policy/event_form.h"

#include <string.h>

#include "lib/enc.h"

enum { FORM_MAX = 4096 }; /* twice an event at its longest */

enum open {
	OPEN_AT,
	OPEN_CONTACT,
	OPEN_ENDED,
	OPEN_EVIDENCE,
	OPEN_FAMILY,
	OPEN_REC,
	OPEN_SOLD
};

/*
 * In the order of the keys.  None is an event's first member, so each begins
 * with a comma; and a quote inside a text is never without its backslash, so
 * none of these stands anywhere else.
 */
static const struct {
	const char *lead;
	size_t value; /* octets that are left open */
} members[CM_EVENT_FORM_OPEN] = {
	[OPEN_AT] = {",\"at\":", 1},
	[OPEN_CONTACT] = {",\"contact\":\"", CM_HEX_LEN(CM_CONTACT_ID_LEN)},
	[OPEN_ENDED] = {",\"ended\":", 1},
	[OPEN_EVIDENCE] = {",\"evidence\":\"", CM_HEX_LEN(CM_HASH_LEN)},
	[OPEN_FAMILY] = {",\"family\":\"", CM_HEX_LEN(CM_CONTACT_ID_LEN)},
	[OPEN_REC] = {",\"rec\":", 1},
	[OPEN_SOLD] = {",\"sold\":", 1},
};

/* All that the type may have are written, times as one digit. */
static int write_sample(const struct cm_event *kind, struct cm_buf *out)
{
	struct cm_event sample = *kind;

	sample.at = 0;
	sample.rec = 0;
	memset(&sample.contact, 0, sizeof(sample.contact));
	memset(&sample.family, 0xff, sizeof(sample.family));
	memset(&sample.evidence, 0, sizeof(sample.evidence));
	sample.has_evidence = true;
	sample.sold = sample.ended = cm_event_type_asks(kind->type) ? 1 : 0;
	return cm_event_encode(&sample, out);
}

int cm_event_form_set(struct cm_event_form *form, const struct cm_event *kind)
{
	const char *text;
	size_t i;
	int rc;

	if (form->text.max == 0)
		cm_buf_init(&form->text, FORM_MAX);
	cm_buf_reset(&form->text);
	rc = write_sample(kind, &form->text);
	if (rc != CM_OK)
		return rc;
	text = cm_buf_text(&form->text);
	for (i = 0; i < CM_EVENT_FORM_OPEN; i++) {
		const char *found = strstr(text, members[i].lead);
		size_t quoted = members[i].value > 1 ? 1 : 0;

		if (found == NULL) {
			size_t end = i > 0 ? form->open[i - 1].end : 0;

			form->open[i].at = form->open[i].value = end;
			form->open[i].end = end;
			continue;
		}
		form->open[i].at = (size_t)(found - text);
		form->open[i].value =
			form->open[i].at + strlen(members[i].lead);
		form->open[i].end = form->open[i].value + members[i].value;
		/* With an optional member goes its closing quote. */
		form->open[i].end += quoted;
	}
	return CM_OK;
}

void cm_event_form_free(struct cm_event_form *form)
{
	cm_buf_free(&form->text);
}

static void put_hex(struct cm_buf *out, const void *bytes, size_t n)
{
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 2];
	size_t len = cm_hex_encode(bytes, n, hex);

	hex[len++] = '"';
	(void)cm_buf_add(out, hex, len);
}

static void put_value(enum open open, const struct cm_event_own *own,
		      struct cm_buf *out)
{
	switch (open) {
	case OPEN_AT:
		(void)cm_buf_add_int(out, own->at);
		break;
	case OPEN_CONTACT:
		put_hex(out, own->contact->b, sizeof(own->contact->b));
		break;
	case OPEN_EVIDENCE:
		put_hex(out, own->evidence->b, sizeof(own->evidence->b));
		break;
	case OPEN_FAMILY:
		put_hex(out, own->family->b, sizeof(own->family->b));
		break;
	case OPEN_REC:
		(void)cm_buf_add_int(out, own->rec);
		break;
	case OPEN_ENDED:
		(void)cm_buf_add_int(out, own->ended);
		break;
	case OPEN_SOLD:
		(void)cm_buf_add_int(out, own->sold);
		break;
	}
}

static bool is_absent(enum open open, const struct cm_event_own *own)
{
	if (open == OPEN_EVIDENCE)
		return own->evidence == NULL;
	if (open == OPEN_ENDED)
		return own->ended == 0;
	if (open == OPEN_SOLD)
		return own->sold == 0;
	return open == OPEN_FAMILY &&
	       memcmp(own->family, own->contact, sizeof(*own->family)) == 0;
}

static bool is_time(int64_t ms)
{
	return ms >= 0 && ms <= CM_EVENT_TIME_MAX;
}

int cm_event_form_write(const struct cm_event_form *form,
			const struct cm_event_own *own, struct cm_buf *out)
{
	const char *text = form->text.data;
	size_t done = 0;
	size_t i;

	if (!is_time(own->at) || !is_time(own->rec) || !is_time(own->sold) ||
	    !is_time(own->ended))
		return CM_EDATA;
	for (i = 0; i < CM_EVENT_FORM_OPEN; i++) {
		bool absent = is_absent((enum open)i, own);
		size_t to;

		if (!absent && form->open[i].end == form->open[i].value)
			return CM_EDATA; /* the type cannot have it */
		to = absent ? form->open[i].at : form->open[i].value;

		(void)cm_buf_add(out, text + done, to - done);
		if (!absent)
			put_value((enum open)i, own, out);
		done = form->open[i].end;
	}
	(void)cm_buf_add(out, text + done, form->text.len - done);
	return cm_buf_ok(out);
}
