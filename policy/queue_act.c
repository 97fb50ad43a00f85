/* See queue_act.h. */
#include "policy/queue_act.h"

#include <string.h>

#include "lib/enc.h"
#include "policy/purpose.h"

enum { ACT_FORMAT = 1 };

static const char *const kind_names[CM_ACT_KINDS] = {
	[CM_ACT_REQUEST] = "request", [CM_ACT_CONFIRM] = "confirm",
	[CM_ACT_CANCEL] = "cancel",   [CM_ACT_LOST] = "lost",
	[CM_ACT_DATA] = "data",
};

const char *cm_act_kind_name(enum cm_act_kind kind)
{
	return kind_names[kind];
}

/* ---- acts --------------------------------------------------------------- */

static int add_text(struct cm_buf *out, struct cm_span text, size_t max,
		    const char *name, struct cm_error *err)
{
	if (text.n > max)
		return cm_fail(err, CM_ELIMIT,
			       "the %s of an act has %zu octets; at most %zu "
			       "are kept",
			       name, text.n, max);
	(void)cm_buf_addc(out, (char)(text.n >> 8));
	(void)cm_buf_addc(out, (char)text.n);
	(void)cm_buf_add(out, text.p, text.n);
	return CM_OK;
}

static int add_texts(const struct cm_act *act, struct cm_buf *out,
		     struct cm_error *err)
{
	size_t i;
	int rc =
		add_text(out, act->address, CM_ACT_ADDRESS_MAX, "address", err);

	if (rc == CM_OK)
		rc = add_text(out, act->language, CM_LANGUAGE_MAX, "language",
			      err);
	if (rc == CM_OK)
		rc = add_text(out, act->source, CM_SOURCE_MAX, "source", err);
	if (rc == CM_OK)
		rc = add_text(out, act->channel, CM_CHANNEL_MAX, "channel",
			      err);
	if (rc == CM_OK)
		rc = add_text(out, act->evidence, CM_ACT_EVIDENCE_MAX,
			      "evidence", err);
	(void)cm_buf_addc(out, (char)act->npurposes);
	for (i = 0; rc == CM_OK && i < act->npurposes; i++)
		rc = add_text(out, act->purposes[i], CM_PURPOSE_MAX, "purpose",
			      err);
	return rc;
}

int cm_act_pack(const struct cm_act *act, struct cm_buf *out,
		struct cm_error *err)
{
	uint8_t at[8];
	int rc;

	if (act->npurposes > CM_ACT_PURPOSES_MAX)
		return cm_fail(err, CM_ELIMIT,
			       "%zu purposes in one request; at most %d",
			       act->npurposes, (int)CM_ACT_PURPOSES_MAX);
	cm_put_u64((uint64_t)act->at, at);
	(void)cm_buf_addc(out, ACT_FORMAT);
	(void)cm_buf_addc(out, (char)act->kind);
	(void)cm_buf_add(out, at, sizeof(at));
	(void)cm_buf_add(out, act->contact.b, sizeof(act->contact.b));
	(void)cm_buf_add(out, act->network.b, sizeof(act->network.b));
	(void)cm_buf_add(out, act->request, sizeof(act->request));
	(void)cm_buf_addc(out, act->has_notice);
	(void)cm_buf_add(out, act->notice.b, sizeof(act->notice.b));
	rc = add_texts(act, out, err);
	if (rc == CM_OK && cm_buf_ok(out) != CM_OK)
		rc = cm_fail(err, out->failed, "no room for an act");
	return rc;
}

/* What is not yet read of a row; bad sticks. */
struct rest {
	struct cm_span row;
	bool bad;
};

static struct cm_span take(struct rest *rest, size_t n)
{
	struct cm_span taken;

	if (rest->row.n < n)
		rest->bad = true;
	if (rest->bad)
		return cm_span_n("", 0);
	taken = cm_span_n(rest->row.p, n);
	rest->row = cm_span_n(rest->row.p + n, rest->row.n - n);
	return taken;
}

static void take_to(struct rest *rest, void *out, size_t n)
{
	struct cm_span octets = take(rest, n);

	if (!rest->bad)
		memcpy(out, octets.p, n);
}

static uint8_t take_octet(struct rest *rest)
{
	uint8_t octet = 0;

	take_to(rest, &octet, 1);
	return octet;
}

static struct cm_span take_text(struct rest *rest)
{
	size_t high = take_octet(rest);

	return take(rest, high << 8 | take_octet(rest));
}

static void take_texts(struct rest *rest, struct cm_act *act)
{
	size_t i;

	act->address = take_text(rest);
	act->language = take_text(rest);
	act->source = take_text(rest);
	act->channel = take_text(rest);
	act->evidence = take_text(rest);
	act->npurposes = take_octet(rest);
	if (act->npurposes > CM_ACT_PURPOSES_MAX)
		rest->bad = true;
	for (i = 0; !rest->bad && i < act->npurposes; i++)
		act->purposes[i] = take_text(rest);
}

int cm_act_unpack(struct cm_span row, struct cm_act *ret_act)
{
	struct rest rest = {.row = row};
	struct cm_act act = {.kind = CM_ACT_KINDS};
	uint8_t kind, at[8] = {0};

	if (take_octet(&rest) != ACT_FORMAT)
		return CM_ECORRUPT;
	kind = take_octet(&rest);
	take_to(&rest, at, sizeof(at));
	take_to(&rest, act.contact.b, sizeof(act.contact.b));
	take_to(&rest, act.network.b, sizeof(act.network.b));
	take_to(&rest, act.request, sizeof(act.request));
	act.has_notice = take_octet(&rest) == 1;
	take_to(&rest, act.notice.b, sizeof(act.notice.b));
	take_texts(&rest, &act);
	if (rest.bad || rest.row.n != 0 || kind >= CM_ACT_KINDS)
		return CM_ECORRUPT;
	act.kind = (enum cm_act_kind)kind;
	act.at = (int64_t)cm_get_u64(at);
	*ret_act = act;
	return CM_OK;
}

/* ---- letters ------------------------------------------------------------ */

size_t cm_letter_pack(const struct cm_letter *letter,
		      uint8_t out[CM_LETTER_ROW_MAX])
{
	size_t n = strnlen(letter->language, CM_LANGUAGE_MAX);
	uint8_t *at = out;
	uint8_t tries[8];

	*at++ = (uint8_t)letter->kind;
	memcpy(at, letter->contact.b, CM_CONTACT_ID_LEN);
	at += CM_CONTACT_ID_LEN;
	memcpy(at, letter->request, CM_REQUEST_REF_LEN);
	at += CM_REQUEST_REF_LEN;
	memcpy(at, letter->purpose, CM_PURPOSE_ID_LEN);
	at += CM_PURPOSE_ID_LEN;
	cm_put_u64((uint64_t)letter->made, at);
	cm_put_u64((uint64_t)letter->due, at + 8);
	cm_put_u64(letter->tries, tries);
	memcpy(at + 16, tries + 4, 4);
	memcpy(at + 20, letter->language, n);
	return CM_LETTER_HEAD + n;
}

int cm_letter_unpack(struct cm_span row, struct cm_letter *ret_letter)
{
	struct rest rest = {.row = row};
	struct cm_letter letter = {.number = 0};
	uint8_t kind = take_octet(&rest);
	uint8_t made[8] = {0}, due[8] = {0}, tries[8] = {0};

	take_to(&rest, letter.contact.b, CM_CONTACT_ID_LEN);
	take_to(&rest, letter.request, CM_REQUEST_REF_LEN);
	take_to(&rest, letter.purpose, CM_PURPOSE_ID_LEN);
	take_to(&rest, made, 8);
	take_to(&rest, due, 8);
	take_to(&rest, tries + 4, 4);
	if (rest.bad || rest.row.n > CM_LANGUAGE_MAX || kind >= CM_LETTERS)
		return CM_ECORRUPT;
	take_to(&rest, letter.language, rest.row.n);
	letter.kind = (enum cm_letter_kind)kind;
	letter.made = (int64_t)cm_get_u64(made);
	letter.due = (int64_t)cm_get_u64(due);
	letter.tries = (uint32_t)cm_get_u64(tries);
	*ret_letter = letter;
	return CM_OK;
}
