/* See mta_record.h. */
#include "milter/mta_record.h"

#include <stdlib.h>
#include <string.h>

enum {
	MACROS_MAX = 8,
	CALLS_MAX = 64 << 20,
	BODY_CHUNK = 65535, /* MILTER_CHUNK_SIZE of libmilter */
};

struct header {
	struct header *next;
	const char *name;
	const char *value;  /* unfolded lines joined by LF, no first blank */
	struct cm_span raw; /* as it came, without its last line end */
	bool deleted;
};

struct rcpt {
	struct rcpt *next;
	const char *typed;
	bool deleted;
};

struct cm_record {
	struct cm_arena *arena;
	bool crlf; /* of the message as it came */
	const char *oddity;
	struct header *headers;
	struct cm_buf body; /* CRLF */
	struct cm_buf new_body;
	bool replaced;
	struct rcpt *rcpts; /* the last first */
	struct cm_buf calls;
	char reply[256];
	struct {
		const char *name;
		const char *value;
	} macros[MACROS_MAX];
	unsigned fail_in; /* changes until the one that fails; 0 = never */
};

/* ---- reading a message ------------------------------------------------ */

/* The next line of *text without its end; false when there is none. */
static bool next_line(struct cm_span *text, struct cm_span *ret_line)
{
	const char *end;
	size_t n;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	n = end != NULL ? (size_t)(end - text->p) : text->n;
	*ret_line = cm_span_n(text->p, n);
	if (n > 0 && text->p[n - 1] == '\r')
		ret_line->n--;
	if (end != NULL)
		n++;
	*text = cm_span_n(text->p + n, text->n - n);
	return true;
}

static struct cm_span line_of(struct cm_span text)
{
	struct cm_span line = {NULL, 0};

	(void)next_line(&text, &line);
	return line;
}

/* A name of printable ASCII, perhaps blanks, a colon (RFC 5322, 4.5). */
static bool is_header(struct cm_span line)
{
	const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
	struct cm_span name;
	size_t i;

	if (colon == NULL)
		return false;
	name = cm_span_n(line.p, (size_t)(colon - line.p));
	while (name.n > 0 &&
	       (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	for (i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	return name.n > 0;
}

static bool is_continuation(struct cm_span rest)
{
	return rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

/* What the MTA hands over: LF between lines, one blank after ":" eaten. */
static const char *value_of(struct cm_arena *arena, struct cm_span raw)
{
	char *value;
	size_t i;
	size_t n = 0;

	if (raw.n > 0 && raw.p[0] == ' ')
		raw = cm_span_n(raw.p + 1, raw.n - 1);
	value = cm_arena_alloc(arena, raw.n + 1);
	if (value == NULL)
		return NULL;
	for (i = 0; i < raw.n; i++)
		if (raw.p[i] != '\r')
			value[n++] = raw.p[i];
	return value;
}

static int add_header(struct cm_record *record, struct cm_span raw,
		      struct header ***tail)
{
	const char *colon = memchr(raw.p, ':', raw.n);
	struct header *header = cm_arena_alloc(record->arena, sizeof(*header));
	size_t n;

	if (colon == NULL || header == NULL)
		return colon == NULL ? CM_EDATA : CM_ELIMIT;
	n = (size_t)(colon - raw.p);
	header->raw = raw;
	header->name = cm_arena_dup(record->arena, raw.p,
				    cm_span_trim(cm_span_n(raw.p, n)).n);
	header->value =
		value_of(record->arena, cm_span_n(colon + 1, raw.n - n - 1));
	if (header->name == NULL || header->value == NULL)
		return CM_ELIMIT;
	**tail = header;
	*tail = &header->next;
	return CM_OK;
}

#define NO_HEADER                                                              \
	"the file does not begin with a header field, so all of it is body"
#define NO_EMPTY_LINE                                                          \
	"the header ends without an empty line, at a line that is no header "  \
	"field"

/* Not a header field called From, as cm_span_starts() would have it. */
static bool has_from_line(struct cm_span text)
{
	return text.n >= 5 && memcmp(text.p, "From ", 5) == 0 &&
	       !is_header(line_of(text));
}

static int read_headers(struct cm_record *record, struct cm_span *text)
{
	struct header **tail = &record->headers;
	struct cm_span rest = *text;
	struct cm_span line;
	int rc = CM_OK;

	if (has_from_line(rest)) {
		(void)next_line(&rest, &line);
		record->oddity = "the first line, \"From \" of a mailbox file, "
				 "is no part of the message and left out";
	}
	*text = rest;
	while (rc == CM_OK && next_line(&rest, &line)) {
		struct cm_span raw = line;

		if (line.n == 0) {
			*text = rest;
			break;
		}
		if (!is_header(line)) {
			record->oddity = tail == &record->headers
						 ? NO_HEADER
						 : NO_EMPTY_LINE;
			break;
		}
		while (is_continuation(rest)) {
			(void)next_line(&rest, &line);
			raw.n = (size_t)(line.p + line.n - raw.p);
		}
		rc = add_header(record, raw, &tail);
		*text = rest;
	}
	return rc;
}

static int read_body(struct cm_record *record, struct cm_span text)
{
	struct cm_span line;

	while (next_line(&text, &line)) {
		(void)cm_buf_add(&record->body, line.p, line.n);
		(void)cm_buf_add(&record->body, "\r\n", 2);
	}
	return cm_buf_ok(&record->body);
}

static bool uses_crlf(struct cm_span eml)
{
	const char *lf = eml.n > 0 ? memchr(eml.p, '\n', eml.n) : NULL;

	return lf != NULL && lf > eml.p && lf[-1] == '\r';
}

int cm_record_new(struct cm_span eml, struct cm_record **ret_record,
		  struct cm_error *err)
{
	struct cm_record *record = calloc(1, sizeof(*record));
	struct cm_span text;
	int rc;

	if (record == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	cm_buf_init(&record->body, CM_RECORD_MAX);
	cm_buf_init(&record->new_body, CM_RECORD_MAX);
	cm_buf_init(&record->calls, CALLS_MAX);
	rc = cm_arena_new(CM_RECORD_MAX, &record->arena);
	if (rc == CM_OK) {
		text.p = cm_arena_dup(record->arena, eml.p, eml.n);
		text.n = eml.n;
		record->crlf = uses_crlf(eml);
		rc = text.p != NULL ? read_headers(record, &text) : CM_ELIMIT;
	}
	if (rc == CM_OK)
		rc = read_body(record, text);
	if (rc != CM_OK) {
		cm_record_free(&record);
		return cm_fail(err, (enum cm_code)rc,
			       "the message is too large for this program");
	}
	*ret_record = record;
	return CM_OK;
}

void cm_record_free(struct cm_record **record)
{
	if (*record == NULL)
		return;
	cm_buf_free(&(*record)->body);
	cm_buf_free(&(*record)->new_body);
	cm_buf_free(&(*record)->calls);
	cm_arena_free(&(*record)->arena);
	free(*record);
	*record = NULL;
}

/* ---- cm_mta_ops ------------------------------------------------------- */

void cm_record_set_macro(struct cm_record *record, const char *name,
			 const char *value)
{
	size_t i;

	for (i = 0; i < MACROS_MAX - 1; i++)
		if (record->macros[i].name == NULL ||
		    strcmp(record->macros[i].name, name) == 0)
			break;
	record->macros[i].name = name;
	record->macros[i].value = value;
}

void cm_record_fail_at(struct cm_record *record, unsigned nth)
{
	record->fail_in = nth;
}

static bool fails_now(struct cm_record *record)
{
	return record->fail_in > 0 && --record->fail_in == 0;
}

static const char *record_macro(void *ctx, const char *name)
{
	const struct cm_record *record = ctx;
	size_t i;

	for (i = 0; i < MACROS_MAX; i++)
		if (record->macros[i].name != NULL &&
		    strcmp(record->macros[i].name, name) == 0)
			return record->macros[i].value;
	return NULL;
}

/* Postfix compares byte for byte, and keeps no source routes. */
static bool is_named(const char *typed, const char *rcpt)
{
	size_t n = strlen(typed);
	size_t tail = strlen(rcpt);

	if (strcmp(typed, rcpt) == 0)
		return true;
	if (typed[0] != '<' || typed[1] != '@')
		return false;
	/* Without its "<", all of rcpt is behind the route's colon. */
	return rcpt[0] == '<' && n > tail && typed[n - tail] == ':' &&
	       memcmp(typed + n - tail + 1, rcpt + 1, tail - 1) == 0;
}

static int record_delete_recipient(void *ctx, const char *rcpt)
{
	struct cm_record *record = ctx;
	struct rcpt *r;

	if (fails_now(record))
		return CM_EIO;
	(void)cm_buf_addf(&record->calls, "delete %s\n", rcpt);
	for (r = record->rcpts; r != NULL; r = r->next)
		if (is_named(r->typed, rcpt))
			r->deleted = true;
	return CM_OK;
}

static int put_rcpt(struct cm_record *record, const char *typed)
{
	struct rcpt *r = cm_arena_alloc(record->arena, sizeof(*r));

	if (r == NULL)
		return CM_ELIMIT;
	r->typed = cm_arena_strdup(record->arena, typed);
	r->next = record->rcpts;
	record->rcpts = r;
	return r->typed != NULL ? CM_OK : CM_ELIMIT;
}

static int record_add_recipient(void *ctx, const char *rcpt, const char *params)
{
	struct cm_record *record = ctx;

	if (fails_now(record))
		return CM_EIO;
	(void)cm_buf_addf(&record->calls, "add %s%s%s\n", rcpt,
			  params != NULL ? " " : "",
			  params != NULL ? params : "");
	return put_rcpt(record, rcpt);
}

static int record_insert_header(void *ctx, int index, const char *name,
				const char *value)
{
	struct cm_record *record = ctx;
	struct header *header;
	struct header **at = &record->headers;

	if (fails_now(record))
		return CM_EIO;
	(void)cm_buf_addf(&record->calls, "insert %d %s: %s\n", index, name,
			  value);
	header = cm_arena_alloc(record->arena, sizeof(*header));
	if (header == NULL)
		return CM_ELIMIT;
	header->name = cm_arena_strdup(record->arena, name);
	header->value = cm_arena_strdup(record->arena, value);
	if (header->name == NULL || header->value == NULL)
		return CM_ELIMIT;
	/* 0 would be above the MTA's Received, which is not shown here. */
	for (; index > 1 && *at != NULL; index--)
		at = &(*at)->next;
	header->next = *at;
	*at = header;
	return CM_OK;
}

static int record_delete_header(void *ctx, const char *name, unsigned nth)
{
	struct cm_record *record = ctx;
	struct header *header;

	if (fails_now(record))
		return CM_EIO;
	(void)cm_buf_addf(&record->calls, "remove %u %s\n", nth, name);
	for (header = record->headers; header != NULL; header = header->next) {
		if (header->deleted || !cm_span_is(cm_span(header->name), name))
			continue;
		if (--nth == 0) {
			header->deleted = true;
			break;
		}
	}
	return CM_OK;
}

static int record_replace_body(void *ctx, struct cm_span piece)
{
	struct cm_record *record = ctx;

	if (fails_now(record))
		return CM_EIO;
	(void)cm_buf_addf(&record->calls, "body %zu\n", piece.n);
	record->replaced = true;
	return cm_buf_add(&record->new_body, piece.p, piece.n);
}

static int record_quarantine(void *ctx, const char *reason)
{
	struct cm_record *record = ctx;

	if (fails_now(record))
		return CM_EIO;
	return cm_buf_addf(&record->calls, "quarantine %s\n", reason);
}

static int record_set_reply(void *ctx, const char *code, const char *status,
			    const char *text)
{
	struct cm_record *record = ctx;
	struct cm_buf reply;

	cm_buf_init(&reply, sizeof(record->reply) - 1);
	(void)cm_buf_addf(&reply, "%s %s %s", code, status, text);
	memcpy(record->reply, cm_buf_text(&reply), reply.len + 1);
	cm_buf_free(&reply);
	return CM_OK;
}

static const struct cm_mta_ops ops = {
	.macro = record_macro,
	.delete_recipient = record_delete_recipient,
	.add_recipient = record_add_recipient,
	.insert_header = record_insert_header,
	.delete_header = record_delete_header,
	.replace_body = record_replace_body,
	.quarantine = record_quarantine,
	.set_reply = record_set_reply,
};

const char *cm_record_oddity(const struct cm_record *record)
{
	return record->oddity;
}

struct cm_mta cm_record_mta(struct cm_record *record)
{
	const struct cm_mta mta = {&ops, record};

	return mta;
}

/* ---- being the MTA ---------------------------------------------------- */

void cm_record_mail(struct cm_record *record, struct cm_session *session,
		    const char *sender)
{
	record->reply[0] = '\0';
	record->rcpts = NULL;
	cm_session_mail(session, sender);
}

enum cm_answer cm_record_rcpt(struct cm_record *record,
			      struct cm_session *session, const char *rcpt)
{
	enum cm_answer answer = cm_session_rcpt(session, rcpt);

	if (answer == CM_ANSWER_CONTINUE && put_rcpt(record, rcpt) != CM_OK)
		return CM_ANSWER_TEMPFAIL;
	return answer;
}

static void forget_rcpts(struct cm_record *record)
{
	struct rcpt *r;

	for (r = record->rcpts; r != NULL; r = r->next)
		r->deleted = true;
}

enum cm_answer cm_record_data(struct cm_record *record,
			      struct cm_session *session)
{
	const struct header *header;
	enum cm_answer answer;
	size_t at;
	size_t n;

	for (header = record->headers; header != NULL; header = header->next)
		cm_session_header(session, header->name, header->value);
	for (at = 0; at < record->body.len; at += n) {
		n = record->body.len - at;
		if (n > BODY_CHUNK)
			n = BODY_CHUNK;
		cm_session_body(session, record->body.data + at, n);
	}
	answer = cm_session_eom(session);
	if (answer != CM_ANSWER_CONTINUE)
		forget_rcpts(record);
	return answer;
}

/* ---- what became of it ------------------------------------------------ */

const char *cm_record_calls(const struct cm_record *record)
{
	return cm_buf_text(&record->calls);
}

const char *cm_record_reply(const struct cm_record *record)
{
	return record->reply;
}

const char *cm_record_left(const struct cm_record *record, size_t n)
{
	const struct rcpt *r;
	size_t left = 0;

	for (r = record->rcpts; r != NULL; r = r->next)
		if (!r->deleted)
			left++;
	if (n >= left)
		return NULL;
	for (r = record->rcpts; r != NULL; r = r->next)
		if (!r->deleted && --left == n)
			return r->typed;
	return NULL;
}

static void put_header(const struct header *header, struct cm_buf *out)
{
	const char *p;

	if (header->raw.p != NULL) {
		(void)cm_buf_add(out, header->raw.p, header->raw.n);
		(void)cm_buf_add(out, "\r\n", 2);
		return;
	}
	(void)cm_buf_addf(out, "%s: ", header->name);
	for (p = header->value; *p != '\0'; p++) {
		if (*p == '\n')
			(void)cm_buf_addc(out, '\r');
		(void)cm_buf_addc(out, *p);
	}
	(void)cm_buf_add(out, "\r\n", 2);
}

static int without_cr(struct cm_buf *wire, struct cm_buf *out)
{
	size_t i;

	for (i = 0; i < wire->len; i++)
		if (wire->data[i] != '\r' || i + 1 == wire->len ||
		    wire->data[i + 1] != '\n')
			(void)cm_buf_addc(out, wire->data[i]);
	return cm_buf_ok(out);
}

int cm_record_message(const struct cm_record *record, struct cm_buf *out)
{
	const struct cm_buf *body =
		record->replaced ? &record->new_body : &record->body;
	const struct header *header;
	struct cm_buf wire;
	int rc;

	cm_buf_init(&wire, 2 * (size_t)CM_RECORD_MAX);
	for (header = record->headers; header != NULL; header = header->next)
		if (!header->deleted)
			put_header(header, &wire);
	(void)cm_buf_add(&wire, "\r\n", 2);
	(void)cm_buf_add(&wire, body->data, body->len);
	/* As an MTA does: SMTP has no last line without an end. */
	if (body->len > 0 && body->data[body->len - 1] != '\n')
		(void)cm_buf_add(&wire, "\r\n", 2);
	rc = cm_buf_ok(&wire);
	if (rc == CM_OK && record->crlf)
		rc = cm_buf_add(out, wire.data, wire.len);
	else if (rc == CM_OK)
		rc = without_cr(&wire, out);
	cm_buf_free(&wire);
	return rc;
}
