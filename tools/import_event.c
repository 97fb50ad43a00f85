/* Rows to events; see import.h. */
#include "tools/import.h"

#include <stdio.h>
#include <string.h>

#include "lib/enc.h"
#include "lib/json.h"
#include "tools/file.h"

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

static bool has_source(enum cm_event_type type)
{
	return type == CM_EVENT_GRANTED || type == CM_EVENT_CONFIRMED ||
	       type == CM_EVENT_REQUESTED;
}

const char *cm_import_purpose(const struct cm_import *import,
			      const struct cm_import_row *row)
{
	if (row->purpose >= CM_IMPORT_ALL_ROOTS)
		return "";
	return import->ctl->config->purposes[row->purpose].path;
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
	(void)snprintf(event->purpose, sizeof(event->purpose), "%s", purpose);
	(void)snprintf(event->channel, sizeof(event->channel), "import");
	(void)snprintf(event->who, sizeof(event->who), "%s", import->who);
	(void)snprintf(event->batch, sizeof(event->batch), "%s", import->batch);
	if (import->languages.n > 0)
		(void)snprintf(event->language, sizeof(event->language), "%s",
			       import->languages.v[row->language]);
	if (!has_source(event->type))
		return;
	event->basis = (enum cm_basis)row->basis;
	event->attested =
		import->attest != NULL && row->status != CM_STATUS_UNKNOWN;
	(void)snprintf(event->source, sizeof(event->source), "%s",
		       import->sources.v[row->source]);
}

/* ---- entries ---------------------------------------------------------------
 */

/* {"attested_by", "file", "row", "sha256"}: where the record comes from. */
static int put_evidence(const struct cm_import *import,
			const struct cm_import_row *row,
			struct cm_import_cursor *cursor,
			struct cm_store_entry *entry, struct cm_error *err)
{
	char sha256[CM_HEX_LEN(CM_SHA256_LEN) + 1];
	struct cm_json_writer w;
	struct cm_buf buf;
	int rc;

	(void)cm_hex_encode(import->list->sha256, CM_SHA256_LEN, sha256);
	cm_buf_init(&buf, sizeof(cursor->evidence));
	cm_json_init(&w, &buf, CM_JSON_CANONICAL);
	cm_json_begin_object(&w);
	if (import->attest != NULL)
		cm_json_put_text(&w, "attested_by", import->attest);
	cm_json_put_text(&w, "file", cm_file_name(import->list->path));
	cm_json_put_int(&w, "row", row->number);
	cm_json_put_text(&w, "sha256", sha256);
	cm_json_end(&w);
	rc = cm_json_done(&w);
	if (rc == CM_OK) {
		memcpy(cursor->evidence, buf.data, buf.len);
		entry->evidence = cm_span_n(cursor->evidence, buf.len);
	}
	cm_buf_free(&buf);
	return rc == CM_OK ? rc
			   : cm_fail(err, CM_EUSAGE,
				     "--attest and the file's name must be "
				     "UTF-8 and together under 300 octets");
}

static int fill_entry(const struct cm_import *import,
		      const struct cm_import_row *row, const char *purpose,
		      struct cm_import_cursor *cursor,
		      struct cm_store_entry *entry, struct cm_error *err)
{
	struct cm_address *address = &cursor->address;

	memset(entry, 0, sizeof(*entry));
	cm_import_event(import, row, purpose, &entry->event);
	memcpy(address->canonical, row->canonical, row->canonical_n);
	address->canonical[row->canonical_n] = '\0';
	address->n = row->canonical_n;
	address->at = row->at_sign;
	entry->address = address;
	entry->as_given = cm_span_n(row->given, row->given_n);
	return put_evidence(import, row, cursor, entry, err);
}

/* The next root from *at on; NULL when there is none. */
static const char *next_root(const struct cm_import *import, size_t *at)
{
	const struct cm_config *config = import->ctl->config;

	for (; *at < config->npurposes; (*at)++) {
		if (config->purposes[*at].parent == NULL)
			return config->purposes[(*at)++].path;
	}
	return NULL;
}

int cm_import_next(const struct cm_import *import,
		   struct cm_import_cursor *cursor,
		   struct cm_store_entry *ret_entry, struct cm_error *err)
{
	for (; cursor->row < import->nrows; cursor->row++, cursor->root = 0) {
		const struct cm_import_row *row = &import->rows[cursor->row];
		const char *purpose = cm_import_purpose(import, row);

		if (row->fate != CM_IMPORT_WRITE)
			continue;
		if (row->purpose == CM_IMPORT_ALL_ROOTS) {
			purpose = next_root(import, &cursor->root);
			if (purpose == NULL)
				continue;
		} else {
			cursor->row++;
		}
		return fill_entry(import, row, purpose, cursor, ret_entry, err);
	}
	return CM_ENOTFOUND;
}

static uint64_t count_roots(const struct cm_config *config)
{
	uint64_t roots = 0;
	size_t i;

	for (i = 0; i < config->npurposes; i++)
		roots += config->purposes[i].parent == NULL;
	return roots;
}

uint64_t cm_import_events(const struct cm_import *import)
{
	uint64_t roots = count_roots(import->ctl->config);
	uint64_t events = 0;
	size_t i;

	for (i = 0; i < import->nrows; i++) {
		if (import->rows[i].fate == CM_IMPORT_WRITE)
			events += import->rows[i].purpose == CM_IMPORT_ALL_ROOTS
					  ? roots
					  : 1;
	}
	return events;
}
