/* See header_value.h. */
#include "policy/header_value.h"

#include <string.h>

#include "policy/address.h"

enum {
	FEEDBACK_FIELDS = 4,
	/* "Mandatory unique Identifier (5-15 characters)", says Google. */
	SENDER_ID_MIN = 5,
	SENDER_ID_MAX = 15,
	LABEL_MAX = 63, /* RFC 1035, 2.3.4 */
};

static bool is_alnum(char c)
{
	return cm_ascii_alpha(c) || cm_ascii_digit(c);
}

/* RFC 5322, 3.2.3 */
static bool is_atext(char c)
{
	return is_alnum(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

bool cm_text_is_plain(struct cm_span text)
{
	size_t i;

	if (!cm_utf8_valid(text.p, text.n))
		return false;
	for (i = 0; i < text.n; i++) {
		const unsigned char *p = (const unsigned char *)text.p + i;

		if (p[0] < ' ' || p[0] == 0x7f)
			return false;
		/* It is valid, so the octets that follow are there. */
		if (p[0] == 0xc2 && p[1] < 0xa0)
			return false;
		if (p[0] == 0xe2 && p[1] == 0x80 &&
		    (p[2] == 0xa8 || p[2] == 0xa9))
			return false;
	}
	return true;
}

/* ---- List-Id ------------------------------------------------------------- */

/* Behind the list's own label: host names, as somebody can own them. */
static bool is_host_label(struct cm_span label)
{
	size_t i;

	if (label.n > LABEL_MAX || label.p[0] == '-' ||
	    label.p[label.n - 1] == '-')
		return false;
	for (i = 0; i < label.n; i++)
		if (!is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
	return true;
}

/* RFC 2919, 2: dot-atom "." domain; no comments, no blanks. */
const char *cm_list_id_fault(struct cm_span id)
{
	struct cm_span rest = id;
	size_t labels = 0;
	size_t hosts = 0;
	size_t i;

	if (id.n > CM_LIST_ID_MAX)
		return "it is longer than 255 octets (RFC 2919, 3)";
	for (i = 0; i < id.n; i++)
		if (!is_atext(id.p[i]) && id.p[i] != '.')
			return "write label.domain, without brackets, name or "
			       "blanks (a name goes into list-name)";
	if (id.n > 0 && id.p[id.n - 1] == '.')
		return "it must not end with a dot";
	while (rest.n > 0) {
		struct cm_span label = cm_span_cut(&rest, '.');

		if (label.n == 0)
			return "it has an empty label";
		labels++;
		hosts = is_host_label(label) ? hosts + 1 : 0;
	}
	if (labels < 2)
		return "write label.domain, as news.acme.example";
	if (hosts == 0)
		return "it must end with a domain of yours";
	return NULL;
}

/* ---- Feedback-ID --------------------------------------------------------- */

static bool is_feedback_char(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("-_.+=", c) != NULL);
}

static const char *feedback_fault(const struct cm_span *fields, size_t count)
{
	struct cm_span sender = fields[count - 1];
	size_t i, j;

	if (sender.n < SENDER_ID_MIN || sender.n > SENDER_ID_MAX)
		return "its last field, the sender's own id, must have 5 to 15 "
		       "characters";
	for (i = 0; i < count; i++) {
		for (j = 0; j < fields[i].n; j++)
			if (!is_feedback_char(fields[i].p[j]))
				return "only letters, digits and - _ . + = may "
				       "stand between the colons";
		/* Else data of unrelated mail would be added up. */
		for (j = 0; j < i; j++)
			if (fields[i].n > 0 && cm_span_eq(fields[i], fields[j]))
				return "two of its fields are the same";
	}
	return NULL;
}

/*
 * "Feedback-ID: a:b:c:SenderId" (support.google.com/mail/answer/6254652):
 * the first four fields from the right count, any but SenderId may be empty.
 */
const char *cm_feedback_id_fault(struct cm_span id)
{
	struct cm_span fields[FEEDBACK_FIELDS];
	struct cm_span rest = id;
	size_t count = 0;

	if (id.n > CM_FEEDBACK_ID_MAX)
		return "it is longer than 128 octets";
	if (id.n == 0 || id.p[id.n - 1] == ':')
		return "write up to three ids and the sender's own, as "
		       "spring:newsletter:acme1";
	while (rest.n > 0) {
		if (count == FEEDBACK_FIELDS)
			return "it has more than four fields";
		fields[count++] = cm_span_cut(&rest, ':');
	}
	return feedback_fault(fields, count);
}

/* ---- CFBL-Address -------------------------------------------------------- */

/* RFC 5322, 3.4.1: no quotes, so that nobody can read it otherwise. */
static bool is_plain_addr_spec(struct cm_span address)
{
	size_t i;

	for (i = 0; i < address.n; i++)
		if (!is_atext(address.p[i]) && address.p[i] != '.' &&
		    address.p[i] != '@')
			return false;
	return true;
}

/* What stands behind the semicolon, as it goes out; NULL if it is wrong. */
static const char *report_format(struct cm_span text)
{
	text = cm_span_trim(text);
	if (cm_span_eq(text, cm_span("report=arf")))
		return "; report=arf";
	if (cm_span_eq(text, cm_span("report=xarf")))
		return "; report=xarf";
	return NULL;
}

int cm_cfbl_parse(struct cm_span text, struct cm_arena *arena,
		  const char **ret_value, struct cm_error *err)
{
	bool has_format = text.n > 0 && memchr(text.p, ';', text.n) != NULL;
	struct cm_span rest = text;
	struct cm_span address = cm_span_trim(cm_span_cut(&rest, ';'));
	const char *format = has_format ? report_format(rest) : "";
	struct cm_address parsed;
	int rc;

	if (format == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "only \"; report=arf\" or \"; report=xarf\" may "
			       "follow the address (RFC 9477, 5.1)");
	if (address.n > CM_CFBL_MAX || !is_plain_addr_spec(address))
		return cm_fail(err, CM_ECONFIG,
			       "write a plain address in ASCII, as "
			       "fbl@acme.example, without name, brackets and "
			       "quotes");
	rc = cm_address_parse(address, &parsed, err);
	if (rc != CM_OK)
		return rc;
	*ret_value = cm_arena_printf(arena, "%.*s%s", (int)address.n, address.p,
				     format);
	if (*ret_value == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return CM_OK;
}
