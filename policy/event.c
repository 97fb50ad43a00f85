/*
 * See event.h.  One table says how each field is written; encoding walks it
 * in order (it is sorted by key, as RFC 8785 asks), decoding looks members up
 * in it.  Both end in the same checks, and decoding also encodes again: bytes
 * that we would not have written ourselves are not taken.
 */
#include "policy/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/enc.h"
#include "lib/json.h"
#include "policy/purpose.h"

enum {
	CM_EVENT_VERSION = 1,
	/* All fields at their longest are some 1,300 octets. */
	CM_EVENT_JSON_MAX = 2048,
};

#define TIME_MAX CM_EVENT_TIME_MAX

static const char *const type_names[CM_EVENT_TYPES] = {
	[CM_EVENT_REQUESTED] = "requested",
	[CM_EVENT_GRANTED] = "granted",
	[CM_EVENT_CONFIRMED] = "confirmed",
	[CM_EVENT_WITHDRAWN] = "withdrawn",
	[CM_EVENT_OBJECTED] = "objected",
	[CM_EVENT_COMPLAINED] = "complained",
	[CM_EVENT_UNDELIVERABLE] = "undeliverable",
	[CM_EVENT_RESTRICTED] = "restricted",
	[CM_EVENT_CLEARED] = "cleared",
	[CM_EVENT_ERASED] = "erased",
	[CM_EVENT_ASKED] = "asked",
	[CM_EVENT_CORRECTED] = "corrected",
	[CM_EVENT_DISCLOSED] = "disclosed",
	[CM_EVENT_REQUEST_OPENED] = "request-opened",
	[CM_EVENT_REQUEST_EXTENDED] = "request-extended",
	[CM_EVENT_REQUEST_CLOSED] = "request-closed",
};

static const char *const actor_names[CM_ACTORS] = {
	[CM_ACTOR_PERSON] = "person",
	[CM_ACTOR_ADMIN] = "admin",
	[CM_ACTOR_IMPORT] = "import",
	[CM_ACTOR_SYSTEM] = "system",
};

static const char *const basis_names[CM_BASES] = {
	[CM_BASIS_CONSENT] = "consent",
	[CM_BASIS_SOFT_OPT_IN] = "soft-opt-in",
};

static const char *const said_names[CM_SAIDS] = {
	[CM_SAID_NOTHING] = "",
	[CM_SAID_NO] = "no",
	[CM_SAID_YES] = "yes",
};

const char *cm_event_type_name(enum cm_event_type type)
{
	return type_names[type];
}

bool cm_event_type_grants(enum cm_event_type type)
{
	return type == CM_EVENT_GRANTED || type == CM_EVENT_CONFIRMED;
}

bool cm_event_type_asks(enum cm_event_type type)
{
	return type == CM_EVENT_REQUESTED || cm_event_type_grants(type);
}

bool cm_event_type_is_request(enum cm_event_type type)
{
	return type == CM_EVENT_REQUEST_OPENED ||
	       type == CM_EVENT_REQUEST_EXTENDED ||
	       type == CM_EVENT_REQUEST_CLOSED;
}

bool cm_event_type_is_remark(enum cm_event_type type)
{
	return type == CM_EVENT_DISCLOSED || cm_event_type_is_request(type);
}

const char *cm_actor_name(enum cm_actor actor)
{
	return actor_names[actor];
}

const char *cm_basis_name(enum cm_basis basis)
{
	return basis_names[basis];
}

const char *cm_yes_no_name(enum cm_yes_no said)
{
	return said_names[said];
}

static int find_name(const char *const *names, size_t count,
		     struct cm_span name, unsigned *ret_index)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (cm_span_eq(name, cm_span(names[i]))) {
			*ret_index = (unsigned)i;
			return CM_OK;
		}
	}
	return CM_EDATA;
}

int cm_basis_parse(struct cm_span name, enum cm_basis *ret_basis)
{
	unsigned index;

	if (find_name(basis_names, CM_BASES, name, &index) != CM_OK)
		return CM_EDATA;
	*ret_basis = (enum cm_basis)index;
	return CM_OK;
}

/* ---- what a well-formed event is --------------------------------------- */

/* Marks that stand above all purposes (design 5, rule 2). */
static bool has_no_purpose(enum cm_event_type type)
{
	return type == CM_EVENT_OBJECTED || type == CM_EVENT_UNDELIVERABLE ||
	       type == CM_EVENT_RESTRICTED || type == CM_EVENT_CLEARED ||
	       type == CM_EVENT_ERASED || cm_event_type_is_remark(type);
}

static bool is_word(const char *text)
{
	for (; *text != '\0'; text++)
		if (!cm_ascii_digit(*text) && *text != '-' &&
		    (*text < 'a' || *text > 'z'))
			return false;
	return true;
}

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static int check_purpose(const struct cm_event *event, struct cm_error *err)
{
	struct cm_span purpose = cm_span(event->purpose);

	if (purpose.n == 0)
		return cm_event_type_asks(event->type)
			       ? cm_fail(err, CM_EDATA,
					 "a %s event must name a purpose",
					 type_names[event->type])
			       : CM_OK;
	if (has_no_purpose(event->type))
		return cm_fail(err, CM_EDATA,
			       "a %s event stands above all purposes and "
			       "cannot name one",
			       type_names[event->type]);
	return cm_purpose_check(purpose, err);
}

static int check_words(const struct cm_event *event, struct cm_error *err)
{
	const struct {
		const char *key;
		const char *text;
	} words[] = {
		{"source", event->source},
		{"language", event->language},
		{"channel", event->channel},
		{"right", event->right},
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!is_word(words[i].text))
			return cm_fail(err, CM_EDATA,
				       "%s may hold a-z, 0-9 and - only",
				       words[i].key);
	if (!is_printable(event->batch) ||
	    !cm_utf8_valid(event->who, strlen(event->who)) ||
	    !cm_utf8_valid(event->to, strlen(event->to)))
		return cm_fail(err, CM_EDATA,
			       "batch, who or to is not printable text");
	return CM_OK;
}

/* The ledger holds no addresses: a recipient is named (design 6). */
static int check_remark(const struct cm_event *event, struct cm_error *err)
{
	bool disclosed = event->type == CM_EVENT_DISCLOSED;
	bool request = cm_event_type_is_request(event->type);

	if (disclosed != (event->to[0] != '\0') ||
	    strchr(event->to, '@') != NULL)
		return cm_fail(err, CM_EDATA,
			       "a disclosed event names who got the data, "
			       "without an address; others name nobody");
	if (request != (event->right[0] != '\0'))
		return cm_fail(err, CM_EDATA,
			       "a request's event says which right is meant; "
			       "others none");
	return CM_OK;
}

/* Names as people write them: UTF-8 without control characters. */
static bool is_name(const char *text)
{
	const char *p;

	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return cm_utf8_valid(text, strlen(text));
}

/* Whom it was given to, the sale it rests on, the contract it belongs to. */
static int check_terms(const struct cm_event *event, struct cm_error *err)
{
	bool any = event->controller[0] != '\0' || event->seller[0] != '\0' ||
		   event->category[0] != '\0' || event->has_sale_ref ||
		   event->optout != CM_SAID_NOTHING || event->sold != 0 ||
		   event->ended != 0;

	if (!any)
		return CM_OK;
	if (!cm_event_type_asks(event->type))
		return cm_fail(err, CM_EDATA,
			       "a %s event has no controller, sale or contract",
			       type_names[event->type]);
	if (!is_name(event->controller) || !is_name(event->seller) ||
	    !is_name(event->category))
		return cm_fail(err, CM_EDATA,
			       "controller, seller or category is not "
			       "printable text");
	if (event->sold < 0 || event->sold > TIME_MAX || event->ended < 0 ||
	    event->ended > TIME_MAX || (unsigned)event->optout >= CM_SAIDS)
		return cm_fail(err, CM_EDATA,
			       "the sale's or contract's date, or optout, is "
			       "out of range");
	return CM_OK;
}

static int check_event(const struct cm_event *event, struct cm_error *err)
{
	int rc;

	if ((unsigned)event->type >= CM_EVENT_TYPES ||
	    (unsigned)event->actor >= CM_ACTORS ||
	    (unsigned)event->basis >= CM_BASES)
		return cm_fail(err, CM_EDATA,
			       "event type %d, actor %d or basis %d is none "
			       "of ours",
			       (int)event->type, (int)event->actor,
			       (int)event->basis);
	if (event->type == CM_EVENT_CLEARED &&
	    event->mark != CM_EVENT_RESTRICTED &&
	    event->mark != CM_EVENT_UNDELIVERABLE)
		return cm_fail(err, CM_EDATA,
			       "a cleared event must say which mark: "
			       "restricted or undeliverable");
	if (event->type == CM_EVENT_CORRECTED &&
	    (event->batch[0] == '\0' || (event->mark != CM_EVENT_REQUESTED &&
					 event->mark != CM_EVENT_WITHDRAWN)))
		return cm_fail(err, CM_EDATA,
			       "a corrected event must name its batch, and "
			       "may have the mark withdrawn");
	if (event->at < 0 || event->at > TIME_MAX || event->rec < 0 ||
	    event->rec > TIME_MAX)
		return cm_fail(err, CM_EDATA,
			       "time %" PRId64 " or %" PRId64
			       " is not between 1970 and 9999",
			       event->at, event->rec);
	rc = check_purpose(event, err);
	if (rc == CM_OK)
		rc = check_remark(event, err);
	if (rc == CM_OK)
		rc = check_words(event, err);
	return rc == CM_OK ? check_terms(event, err) : rc;
}

/* ---- the fields -------------------------------------------------------- */

/* How a field is kept in the struct and written in JSON. */
enum field_kind {
	FIELD_ACTOR,
	FIELD_SAID, /* absent when not said */
	FIELD_BASIS,
	FIELD_DATE, /* int64_t, absent when 0 */
	FIELD_FLAG, /* bool: 1 or absent */
	FIELD_HASH, /* cm_hash, and a bool that it is there */
	FIELD_ID,   /* cm_id; family is absent when it is the contact */
	FIELD_MARK, /* event type, of cleared and corrected only */
	FIELD_TEXT, /* char array; absent when empty */
	FIELD_TIME, /* int64_t */
	FIELD_TYPE,
	FIELD_VERSION
};

struct field {
	const char *key;
	enum field_kind kind;
	size_t at;    /* offset in struct cm_event */
	size_t extra; /* TEXT: octets of the array; HASH: offset of the bool */
};

#define AT(name) offsetof(struct cm_event, name)
#define TEXT(name)                                                             \
	{                                                                      \
#name, FIELD_TEXT, AT(name),                                   \
			sizeof(((struct cm_event *)0)->name)                   \
	}

static const struct field fields[] = {
	{"actor", FIELD_ACTOR, AT(actor), 0},
	{"at", FIELD_TIME, AT(at), 0},
	{"attested", FIELD_FLAG, AT(attested), 0},
	{"basis", FIELD_BASIS, AT(basis), 0},
	TEXT(batch),
	TEXT(category),
	TEXT(channel),
	{"contact", FIELD_ID, AT(contact), 0},
	TEXT(controller),
	{"ended", FIELD_DATE, AT(ended), 0},
	{"evidence", FIELD_HASH, AT(evidence), AT(has_evidence)},
	{"family", FIELD_ID, AT(family), 0},
	TEXT(language),
	{"mark", FIELD_MARK, AT(mark), 0},
	{"notice", FIELD_HASH, AT(notice), AT(has_notice)},
	{"optout", FIELD_SAID, AT(optout), 0},
	TEXT(purpose),
	{"rec", FIELD_TIME, AT(rec), 0},
	TEXT(right),
	{"saleref", FIELD_FLAG, AT(has_sale_ref), 0},
	TEXT(seller),
	{"sold", FIELD_DATE, AT(sold), 0},
	TEXT(source),
	TEXT(to),
	{"type", FIELD_TYPE, AT(type), 0},
	{"untimed", FIELD_FLAG, AT(untimed), 0},
	{"v", FIELD_VERSION, 0, 0},
	TEXT(who),
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

#undef AT
#undef TEXT

static void put_hex(struct cm_json_writer *writer, const char *key,
		    const void *bytes, size_t n)
{
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1];

	(void)cm_hex_encode(bytes, n, hex);
	cm_json_put_text(writer, key, hex);
}

static void put_id(struct cm_json_writer *writer, const struct field *field,
		   const struct cm_event *event)
{
	const struct cm_id *id =
		(const void *)((const char *)event + field->at);

	if (id != &event->contact &&
	    memcmp(id->b, event->contact.b, sizeof(id->b)) == 0)
		return;
	put_hex(writer, field->key, id->b, sizeof(id->b));
}

static void put_field(struct cm_json_writer *writer, const struct field *field,
		      const struct cm_event *event)
{
	const char *base = (const char *)event;
	const void *at = base + field->at;

	switch (field->kind) {
	case FIELD_ACTOR:
		cm_json_put_text(writer, field->key, actor_names[event->actor]);
		break;
	case FIELD_SAID:
		if (event->optout != CM_SAID_NOTHING)
			cm_json_put_text(writer, field->key,
					 said_names[event->optout]);
		break;
	case FIELD_BASIS:
		if (cm_event_type_asks(event->type))
			cm_json_put_text(writer, field->key,
					 basis_names[event->basis]);
		break;
	case FIELD_DATE:
		if (*(const int64_t *)at != 0)
			cm_json_put_int(writer, field->key,
					*(const int64_t *)at);
		break;
	case FIELD_FLAG:
		if (*(const bool *)at)
			cm_json_put_int(writer, field->key, 1);
		break;
	case FIELD_HASH:
		if (*(const bool *)(const void *)(base + field->extra))
			put_hex(writer, field->key, at, CM_HASH_LEN);
		break;
	case FIELD_ID:
		put_id(writer, field, event);
		break;
	case FIELD_MARK:
		if (event->type == CM_EVENT_CLEARED ||
		    (event->type == CM_EVENT_CORRECTED &&
		     event->mark == CM_EVENT_WITHDRAWN))
			cm_json_put_text(writer, field->key,
					 type_names[event->mark]);
		break;
	case FIELD_TEXT:
		if (*(const char *)at != '\0')
			cm_json_put_text(writer, field->key, at);
		break;
	case FIELD_TIME:
		cm_json_put_int(writer, field->key, *(const int64_t *)at);
		break;
	case FIELD_TYPE:
		cm_json_put_text(writer, field->key, type_names[event->type]);
		break;
	case FIELD_VERSION:
		cm_json_put_int(writer, field->key, CM_EVENT_VERSION);
		break;
	}
}

int cm_event_encode(const struct cm_event *event, struct cm_buf *out)
{
	struct cm_json_writer writer;
	size_t i;

	if (check_event(event, NULL) != CM_OK)
		return CM_EDATA;
	cm_json_init(&writer, out, CM_JSON_CANONICAL);
	cm_json_begin_object(&writer);
	for (i = 0; i < FIELDS; i++)
		put_field(&writer, &fields[i], event);
	cm_json_end(&writer);
	return cm_json_done(&writer);
}

/* ---- reading ----------------------------------------------------------- */

static int take_hex(struct cm_span text, void *out, size_t n)
{
	uint8_t bytes[CM_HASH_LEN];
	size_t got = 0;

	if (cm_hex_decode(text, bytes, n, &got) != CM_OK || got != n)
		return CM_EDATA;
	memcpy(out, bytes, n);
	return CM_OK;
}

static int take_text(struct cm_span text, char *out, size_t size)
{
	if (text.n == 0 || text.n >= size)
		return CM_EDATA;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return CM_OK;
}

static int take_name(const char *const *names, size_t count,
		     struct cm_span text, void *out)
{
	unsigned index;

	if (find_name(names, count, text, &index) != CM_OK)
		return CM_EDATA;
	/* The enums of struct cm_event are all as large as an unsigned. */
	memcpy(out, &index, sizeof(index));
	return CM_OK;
}

_Static_assert(sizeof(enum cm_event_type) == sizeof(unsigned) &&
		       sizeof(enum cm_actor) == sizeof(unsigned) &&
		       sizeof(enum cm_yes_no) == sizeof(unsigned) &&
		       sizeof(enum cm_basis) == sizeof(unsigned),
	       "take_name() writes enums as unsigned");

static int take_text_field(const struct field *field, struct cm_span text,
			   struct cm_event *event)
{
	char *base = (char *)event;
	void *at = base + field->at;

	switch (field->kind) {
	case FIELD_ACTOR:
		return take_name(actor_names, CM_ACTORS, text, at);
	case FIELD_SAID:
		return take_name(said_names, CM_SAIDS, text, at);
	case FIELD_BASIS:
		return take_name(basis_names, CM_BASES, text, at);
	case FIELD_MARK:
	case FIELD_TYPE:
		return take_name(type_names, CM_EVENT_TYPES, text, at);
	case FIELD_HASH:
		*(bool *)(void *)(base + field->extra) = true;
		return take_hex(text, at, CM_HASH_LEN);
	case FIELD_ID:
		return take_hex(text, at, CM_CONTACT_ID_LEN);
	case FIELD_TEXT:
		return take_text(text, at, field->extra);
	default:
		return CM_EDATA;
	}
}

static int take_int_field(const struct field *field, int64_t value,
			  struct cm_event *event)
{
	void *at = (char *)event + field->at;

	switch (field->kind) {
	case FIELD_FLAG:
		*(bool *)at = true;
		return value == 1 ? CM_OK : CM_EDATA;
	case FIELD_DATE:
	case FIELD_TIME:
		*(int64_t *)at = value;
		return CM_OK;
	case FIELD_VERSION:
		return value == CM_EVENT_VERSION ? CM_OK : CM_EDATA;
	default:
		return CM_EDATA;
	}
}

static int take_member(const char *name, const struct cm_json_value *value,
		       struct cm_event *event, struct cm_error *err)
{
	size_t i;
	int rc;

	for (i = 0; i < FIELDS; i++)
		if (strcmp(fields[i].key, name) == 0)
			break;
	if (i == FIELDS)
		return cm_fail(err, CM_EDATA,
			       "an event has no member like this one "
			       "(written by a newer version?)");
	if (cm_json_kind(value) == CM_JSON_TEXT)
		rc = take_text_field(&fields[i], cm_json_text(value), event);
	else if (cm_json_kind(value) == CM_JSON_INT)
		rc = take_int_field(&fields[i], cm_json_int(value), event);
	else
		rc = CM_EDATA;
	return rc == CM_OK ? CM_OK
			   : cm_fail(err, CM_EDATA,
				     "the member \"%s\" of an event holds "
				     "something else than it may",
				     fields[i].key);
}

static bool skip(struct cm_span *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return false;
	*rest = cm_span_n(rest->p + 1, rest->n - 1);
	return true;
}

static bool skip_key(struct cm_span *rest, const char *key)
{
	size_t n = strlen(key);

	if (rest->n < n + 3 || rest->p[0] != '"' ||
	    memcmp(rest->p + 1, key, n) != 0 || rest->p[n + 1] != '"' ||
	    rest->p[n + 2] != ':')
		return false;
	*rest = cm_span_n(rest->p + n + 3, rest->n - n - 3);
	return true;
}

/* A text up to the next quote, or a number. */
static bool read_value(struct cm_span *rest, const struct field *field,
		       struct cm_event *event)
{
	bool text = skip(rest, '"');
	uint64_t number;
	size_t n = 0;

	while (n < rest->n &&
	       (text ? rest->p[n] != '"' : cm_ascii_digit(rest->p[n])))
		n++;
	if (text &&
	    take_text_field(field, cm_span_n(rest->p, n), event) != CM_OK)
		return false;
	if (!text &&
	    (cm_parse_u64(cm_span_n(rest->p, n), INT64_MAX, &number) != CM_OK ||
	     take_int_field(field, (int64_t)number, event) != CM_OK))
		return false;
	*rest = cm_span_n(rest->p + n, rest->n - n);
	return !text || skip(rest, '"');
}

/*
 * What we write ourselves, without a tree of it: members in the table's order,
 * nothing escaped.  A ledger is read a million events at a time.  False where
 * the general reader must look, which also says what is wrong; check_bytes()
 * comes after both.
 */
static bool read_own(struct cm_span json, struct cm_event *event)
{
	bool family = false;
	size_t i;

	if (!skip(&json, '{'))
		return false;
	for (i = 0; i < FIELDS; i++) {
		if (!skip_key(&json, fields[i].key))
			continue;
		if (!read_value(&json, &fields[i], event))
			return false;
		if (fields[i].at == offsetof(struct cm_event, family))
			family = true;
		if (!skip(&json, ','))
			break;
	}
	if (!family)
		event->family = event->contact;
	return skip(&json, '}') && json.n == 0;
}

/* The bytes are hashed and compared, so there is one spelling of an event. */
static int check_bytes(const struct cm_event *event, struct cm_span json,
		       struct cm_error *err)
{
	struct cm_buf again;
	int rc;

	rc = check_event(event, err);
	if (rc != CM_OK)
		return rc;
	cm_buf_init(&again, CM_EVENT_JSON_MAX);
	rc = cm_event_encode(event, &again);
	if (rc == CM_OK && !cm_span_eq(json, cm_span_n(again.data, again.len)))
		rc = cm_fail(err, CM_EDATA,
			     "an event that is not canonical: a member is "
			     "missing, not allowed here, or out of order");
	cm_buf_free(&again);
	return rc;
}

static int read_any(struct cm_span json, struct cm_event *event,
		    struct cm_error *err)
{
	struct cm_json_iter iter = {NULL, false};
	const struct cm_json_value *value;
	struct cm_json *document = NULL;
	const char *name;
	int rc = cm_json_read(json, CM_EVENT_JSON_MAX, &document, err);

	if (rc != CM_OK)
		return rc;
	while (rc == CM_OK &&
	       cm_json_next(cm_json_root(document), &iter, &name, &value))
		rc = take_member(name, value, event, err);
	if (cm_json_kind(cm_json_member(cm_json_root(document), "family")) ==
	    CM_JSON_ABSENT)
		event->family = event->contact;
	cm_json_free(&document);
	return rc;
}

int cm_event_decode(struct cm_span json, struct cm_event *ret_event,
		    struct cm_error *err)
{
	struct cm_event event;
	int rc = CM_OK;

	memset(&event, 0, sizeof(event));
	if (!read_own(json, &event)) {
		memset(&event, 0, sizeof(event));
		rc = read_any(json, &event, err);
	}
	if (rc == CM_OK)
		rc = check_bytes(&event, json, err);
	if (rc == CM_OK)
		*ret_event = event;
	return rc;
}

/* ---- what an event is worth -------------------------------------------- */

bool cm_event_is_proven(const struct cm_event *event)
{
	static const char *const never[] = {"", "unknown", "purchased"};
	size_t i;

	if (event->type != CM_EVENT_GRANTED &&
	    event->type != CM_EVENT_CONFIRMED)
		return false;
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strcmp(event->source, never[i]) == 0)
			return false;
	return !event->untimed && (event->has_notice || event->attested);
}

bool cm_event_is_machine_like(const struct cm_event *event)
{
	return event->type == CM_EVENT_WITHDRAWN &&
	       event->actor == CM_ACTOR_PERSON &&
	       (strcmp(event->channel, "one-click") == 0 ||
		strcmp(event->channel, "page") == 0);
}

bool cm_event_is_of_burst(const struct cm_event *corrected)
{
	return corrected->type == CM_EVENT_CORRECTED &&
	       corrected->actor == CM_ACTOR_ADMIN &&
	       strcmp(corrected->channel, CM_CHANNEL_BURST) == 0;
}

static bool takes_click_back(const struct cm_event *corrected,
			     const struct cm_event *event)
{
	char name[CM_BATCH_MAX + 1];

	if (corrected->mark != CM_EVENT_WITHDRAWN ||
	    !cm_event_is_machine_like(event))
		return false;
	cm_event_click_name(event, name);
	return strcmp(corrected->batch, name) == 0;
}

bool cm_event_undoes(const struct cm_event *corrected,
		     const struct cm_event *event)
{
	if (cm_event_is_of_burst(corrected))
		return takes_click_back(corrected, event);
	if (corrected->type != CM_EVENT_CORRECTED ||
	    corrected->actor == CM_ACTOR_PERSON ||
	    event->actor != CM_ACTOR_IMPORT ||
	    strcmp(corrected->batch, event->batch) != 0)
		return false;
	switch (event->type) {
	case CM_EVENT_REQUESTED:
	case CM_EVENT_GRANTED:
	case CM_EVENT_CONFIRMED:
		return true;
	case CM_EVENT_WITHDRAWN:
	case CM_EVENT_UNDELIVERABLE:
		return corrected->mark == CM_EVENT_WITHDRAWN;
	default:
		return false;
	}
}

bool cm_event_is_click(const struct cm_event *event)
{
	return event->type == CM_EVENT_WITHDRAWN &&
	       event->actor == CM_ACTOR_PERSON &&
	       (strcmp(event->channel, "page") == 0 ||
		strcmp(event->channel, "preferences") == 0);
}

void cm_event_click_name(const struct cm_event *click,
			 char out[CM_BATCH_MAX + 1])
{
	/* Half an id tells those apart who clicked in the same millisecond. */
	char hex[CM_HEX_LEN(CM_CONTACT_ID_LEN / 2) + 1];

	(void)cm_hex_encode(click->contact.b, CM_CONTACT_ID_LEN / 2, hex);
	(void)snprintf(out, CM_BATCH_MAX + 1, "%" PRIx64 "-%s",
		       (uint64_t)click->at, hex);
}
