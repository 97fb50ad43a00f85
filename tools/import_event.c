/* Rows to events; see import.h. */
#include "tools/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/enc.h"
#include "lib/json.h"
#include "tools/file.h"

enum {
	/* ,"sale_ref":"" and a reference all of which is escaped */
	SALE_REF_ROOM = 16 + 2 * CM_IMPORT_REF_MAX,
};

static const enum cm_event_type types[CM_STATUSES] = {
	[CM_STATUS_GRANTED] = CM_EVENT_GRANTED,
	[CM_STATUS_CONFIRMED] = CM_EVENT_CONFIRMED,
	[CM_STATUS_PENDING] = CM_EVENT_REQUESTED,
	[CM_STATUS_WITHDRAWN] = CM_EVENT_WITHDRAWN,
	[CM_STATUS_OBJECTED] = CM_EVENT_OBJECTED,
	[CM_STATUS_COMPLAINED] = CM_EVENT_COMPLAINED,
	[CM_STATUS_UNDELIVERABLE] = CM_EVENT_UNDELIVERABLE,
	/* Kept, but never attested: so it never counts (G4-11). */
	[CM_STATUS_UNKNOWN] = CM_EVENT_GRANTED,
};

const char *cm_import_purpose(const struct cm_import *import,
			      const struct cm_import_row *row)
{
	if (row->purpose >= CM_IMPORT_ALL_ROOTS)
		return "";
	return import->ctl->config->purposes[row->purpose].path;
}

/* As snprintf("%s"), which a million rows would feel. */
static void put(char *out, size_t room, const char *text)
{
	size_t n = strnlen(text, room - 1);

	memcpy(out, text, n);
	out[n] = '\0';
}

const char *cm_import_each(const struct cm_import *import,
			   const struct cm_import_row *row, size_t *at)
{
	const struct cm_config *config = import->ctl->config;

	if (row->purpose != CM_IMPORT_ALL_ROOTS)
		return (*at)++ == 0 ? cm_import_purpose(import, row) : NULL;
	for (; *at < config->npurposes; (*at)++) {
		if (config->purposes[*at].parent == NULL)
			return config->purposes[(*at)++].path;
	}
	return NULL;
}

static const struct cm_import_terms *terms_of(const struct cm_import *import,
					      const struct cm_import_row *row)
{
	return row->terms != 0 ? &import->terms[row->terms - 1] : &import->all;
}

static void put_name(const struct cm_import *import, uint16_t index, char *out,
		     size_t room)
{
	if (index != 0)
		put(out, room, import->names.v[index]);
}

static void put_terms(const struct cm_import *import,
		      const struct cm_import_terms *terms,
		      struct cm_event *event)
{
	put_name(import, terms->controller, event->controller,
		 sizeof(event->controller));
	put_name(import, terms->seller, event->seller, sizeof(event->seller));
	put_name(import, terms->category, event->category,
		 sizeof(event->category));
	event->optout = (enum cm_yes_no)terms->optout;
	event->has_sale_ref = terms->sale_ref.n > 0;
	event->sold = terms->sold;
	event->ended = terms->ended;
}

void cm_import_event(const struct cm_import *import,
		     const struct cm_import_row *row, const char *purpose,
		     struct cm_event *ret_event)
{
	struct cm_event *event = ret_event;

	memset(event, 0, sizeof(*event));
	event->type = types[row->status];
	event->actor = CM_ACTOR_IMPORT;
	event->contact = row->contact;
	event->family = row->family;
	event->at = row->at != 0 ? row->at : import->ctl->now;
	event->untimed = row->at == 0;
	put(event->purpose, sizeof(event->purpose), purpose);
	put(event->channel, sizeof(event->channel), "import");
	put(event->who, sizeof(event->who), import->who);
	put(event->batch, sizeof(event->batch), import->batch);
	if (import->languages.n > 0)
		put(event->language, sizeof(event->language),
		    import->languages.v[row->language]);
	if (!cm_event_type_asks(event->type))
		return;
	event->basis = (enum cm_basis)row->basis;
	event->attested =
		import->attest != NULL && row->status != CM_STATUS_UNKNOWN;
	event->has_notice =
		import->notice_file != NULL && row->status != CM_STATUS_UNKNOWN;
	if (event->has_notice)
		event->notice = import->notice;
	put(event->source, sizeof(event->source),
	    import->sources.v[row->source]);
	put_terms(import, terms_of(import, row), event);
}

/* ---- entries ------------------------------------------------------------ */

/* {"attested_by", "file", "notice_file", "row", "sale_ref", "sha256"}: where
 * the record comes from.  sale_ref is put in row by row. */
static int write_evidence(const struct cm_import *import, struct cm_buf *out)
{
	char sha256[CM_HEX_LEN(CM_SHA256_LEN) + 1];
	struct cm_json_writer w;

	(void)cm_hex_encode(import->list->sha256, CM_SHA256_LEN, sha256);
	cm_json_init(&w, out, CM_JSON_CANONICAL);
	cm_json_begin_object(&w);
	if (import->attest != NULL)
		cm_json_put_text(&w, "attested_by", import->attest);
	cm_json_put_text(&w, "file", cm_file_name(import->list->path));
	if (import->notice_file != NULL)
		cm_json_put_text(&w, "notice_file",
				 cm_file_name(import->notice_file));
	cm_json_put_int(&w, "row", 0);
	cm_json_put_text(&w, "sha256", sha256);
	cm_json_end(&w);
	return cm_json_done(&w);
}

int cm_import_begin(const struct cm_import *import,
		    struct cm_import_cursor *ret_cursor, struct cm_error *err)
{
	static const char before_number[] = "\"row\":";
	struct cm_import_cursor *cursor = ret_cursor;
	struct cm_buf buf;
	const char *number = NULL;
	int rc;

	memset(cursor, 0, sizeof(*cursor));
	cm_buf_init(&buf,
		    sizeof(cursor->evidence) - CM_COUNT_LEN - SALE_REF_ROOM);
	rc = write_evidence(import, &buf);
	/* Names are quoted in JSON, so this cannot stand in one of them. */
	if (rc == CM_OK)
		number = strstr(buf.data, before_number);
	if (number != NULL) {
		number += sizeof(before_number) - 1;
		cursor->number_at = (size_t)(number - buf.data);
		memcpy(cursor->evidence, buf.data, cursor->number_at);
		put(cursor->after, sizeof(cursor->after), number + 1);
		cursor->nafter = strlen(cursor->after);
	}
	cm_buf_free(&buf);
	if (rc == CM_OK)
		return CM_OK;
	return cm_fail(err, CM_EUSAGE,
		       "--attest, --notice and the list's name must be UTF-8, "
		       "and together under 300 octets");
}

/* A member more: ,"sale_ref":"...", in RFC 8785's spelling. */
static size_t put_sale_ref(char *out, struct cm_span ref)
{
	static const char name[] = ",\"sale_ref\":\"";
	size_t n = sizeof(name) - 1;
	size_t i;

	if (ref.n == 0)
		return 0;
	memcpy(out, name, n);
	for (i = 0; i < ref.n; i++) {
		if (ref.p[i] == '"' || ref.p[i] == '\\')
			out[n++] = '\\';
		out[n++] = ref.p[i];
	}
	out[n++] = '"';
	return n;
}

static void fill_entry(const struct cm_import *import,
		       const struct cm_import_row *row, const char *purpose,
		       struct cm_import_cursor *cursor,
		       struct cm_store_entry *entry)
{
	struct cm_address *address = &cursor->address;
	char *number = cursor->evidence + cursor->number_at;
	size_t n =
		(size_t)snprintf(number, CM_COUNT_LEN, "%" PRIu32, row->number);

	memset(entry, 0, sizeof(*entry));
	cm_import_event(import, row, purpose, &entry->event);
	memcpy(address->canonical, row->canonical, row->canonical_n);
	address->canonical[row->canonical_n] = '\0';
	address->n = row->canonical_n;
	address->at = row->at_sign;
	entry->address = address;
	entry->as_given = cm_span_n(row->given, row->given_n);
	if (entry->event.has_sale_ref)
		n += put_sale_ref(number + n, terms_of(import, row)->sale_ref);
	memcpy(number + n, cursor->after, cursor->nafter);
	entry->evidence = cm_span_n(cursor->evidence,
				    cursor->number_at + n + cursor->nafter);
}

int cm_import_next(const struct cm_import *import,
		   struct cm_import_cursor *cursor,
		   struct cm_store_entry *ret_entry)
{
	for (; cursor->row < import->nrows; cursor->row++, cursor->each = 0) {
		const struct cm_import_row *row = &import->rows[cursor->row];
		const char *purpose;

		if (row->fate != CM_IMPORT_WRITE)
			continue;
		purpose = cm_import_each(import, row, &cursor->each);
		if (purpose == NULL)
			continue;
		fill_entry(import, row, purpose, cursor, ret_entry);
		return CM_OK;
	}
	return CM_ENOTFOUND;
}

uint64_t cm_import_events(const struct cm_import *import)
{
	uint64_t events = 0;
	size_t i;

	for (i = 0; i < import->nrows; i++) {
		size_t at = 0;

		if (import->rows[i].fate != CM_IMPORT_WRITE)
			continue;
		while (cm_import_each(import, &import->rows[i], &at) != NULL)
			events++;
	}
	return events;
}
