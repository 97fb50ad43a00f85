/* See store_kit.h. */
#include "tests/unit/store_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dots_ignored[] = {"gmail.com", "googlemail.com"};

static void must(int rc, const struct cm_error *err, const char *what)
{
	if (rc == CM_OK)
		return;
	(void)fprintf(stderr, "%s: %d: %s\n", what, rc, err->text);
	abort();
}

void kit_path(const struct kit *kit, const char *name, char out[160])
{
	(void)snprintf(out, 160, "%s/%s", kit->folder, name);
}

void kit_new_for(struct kit *kit, gid_t group, gid_t write_group)
{
	struct cm_error err = {0};
	const struct cm_key *key;

	memset(kit, 0, sizeof(*kit));
	(void)snprintf(kit->folder, sizeof(kit->folder),
		       "/tmp/cm_store.XXXXXX");
	if (mkdtemp(kit->folder) == NULL)
		must(CM_EIO, &err, "mkdtemp");
	(void)snprintf(kit->keys_path, sizeof(kit->keys_path), "%s/keys",
		       kit->folder);
	kit->options = (struct cm_store_options){
		.path = kit->folder,
		.map_size = UINT64_C(64) << 30,
		.lock_wait_ms = 200,
		.group = group,
		.write_group = write_group,
	};
	must(cm_keys_init(kit->keys_path, (gid_t)-1, (gid_t)-1, &err), &err,
	     "keys init");
	must(cm_keys_open(kit->keys_path, &kit->keys, &err), &err, "keys open");
	key = cm_keys_current(kit->keys, CM_KEY_STORE);
	must(cm_hmac_new(key->bytes, key->len, &kit->hmac, &err), &err, "hmac");
	must(cm_arena_new(SIZE_MAX / 2, &kit->arena), &err, "arena");
	must(cm_store_init(&kit->options, kit->keys, &err), &err, "init");
	kit_reopen(kit, CM_STORE_WRITE);
}

void kit_new(struct kit *kit)
{
	kit_new_for(kit, (gid_t)-1, (gid_t)-1);
}

void kit_close(struct kit *kit)
{
	cm_store_close(&kit->store);
}

void kit_reopen(struct kit *kit, enum cm_store_access access)
{
	struct cm_error err = {0};

	kit_close(kit);
	must(cm_store_open(&kit->options, access, kit->keys, &kit->store, &err),
	     &err, "open");
}

void kit_free(struct kit *kit)
{
	char command[128];

	kit_close(kit);
	cm_arena_free(&kit->arena);
	cm_hmac_free(&kit->hmac);
	cm_keys_free(&kit->keys);
	(void)snprintf(command, sizeof(command), "rm -rf %s", kit->folder);
	if (system(command) != 0)
		(void)fprintf(stderr, "left behind: %s\n", kit->folder);
}

void kit_ids(struct kit *kit, const char *text, struct cm_id *contact,
	     struct cm_id *family)
{
	const struct cm_key *key = cm_keys_current(kit->keys, CM_KEY_STORE);
	struct cm_hmac *hmac = NULL;
	struct cm_address address;
	struct cm_error err = {0};

	/* Its own: an HMAC is one thread's, and tests have several. */
	must(cm_hmac_new(key->bytes, key->len, &hmac, &err), &err, "hmac");
	must(cm_address_parse(cm_span(text), &address, &err), &err, text);
	must(cm_address_ids(&address, dots_ignored, 2, hmac, contact, family),
	     &err, "ids");
	cm_hmac_free(&hmac);
}

struct cm_event kit_event(struct kit *kit, const char *address,
			  enum cm_event_type type)
{
	bool grants = type == CM_EVENT_GRANTED || type == CM_EVENT_CONFIRMED;
	struct cm_event event = {
		.type = type,
		.actor = CM_ACTOR_PERSON,
		.basis = CM_BASIS_CONSENT,
		.channel = "page",
		.attested = grants,
		.mark = CM_EVENT_RESTRICTED,
	};

	kit_ids(kit, address, &event.contact, &event.family);
	if (grants || type == CM_EVENT_REQUESTED) {
		(void)snprintf(event.source, sizeof(event.source), "web-form");
		(void)snprintf(event.language, sizeof(event.language), "cs");
	}
	if (grants || type == CM_EVENT_REQUESTED ||
	    type == CM_EVENT_WITHDRAWN || type == CM_EVENT_ASKED)
		(void)snprintf(event.purpose, sizeof(event.purpose),
			       KIT_PURPOSE);
	if (type == CM_EVENT_DISCLOSED)
		(void)snprintf(event.to, sizeof(event.to), "The court");
	if (cm_event_type_is_request(type))
		(void)snprintf(event.right, sizeof(event.right), "access");
	return event;
}

uint64_t kit_append(struct kit *kit, const struct cm_event *event, int64_t now)
{
	struct cm_store_entry entry = {.event = *event};
	struct cm_error err = {0};
	uint64_t seq = 0;

	must(cm_store_append(kit->store, &entry, 1, now, &seq, &err), &err,
	     "append");
	return seq;
}

void kit_lookup(struct kit *kit, const char *address, struct cm_view *own,
		struct cm_view *family)
{
	struct cm_store_reader *reader;
	struct cm_error err = {0};
	struct cm_id contact, of;

	kit_ids(kit, address, &contact, &of);
	must(cm_store_read_begin(kit->store, kit->arena, &reader, &err), &err,
	     "read");
	must(cm_store_lookup(reader, &contact, &of, own, family, &err), &err,
	     "lookup");
	cm_store_read_end(&reader);
}

void kit_stop(struct kit *kit, const char *address, enum cm_event_type type,
	      int64_t now)
{
	struct cm_event event = kit_event(kit, address, type);
	struct cm_error err = {0};

	must(cm_store_stop(kit->store, &event, 1, now, &err), &err, "stop");
}

struct cm_kv *kit_open_db(struct kit *kit, const char *env, const char *db)
{
	char name[64], path[160];
	struct cm_error err = {0};
	struct cm_kv *kv = NULL;
	const struct cm_kv_options options = {
		.path = path,
		.dbs = &db,
		.ndbs = 1,
		.map_size = kit->options.map_size,
	};

	(void)snprintf(name, sizeof(name), "store/%s", env);
	kit_path(kit, name, path);
	must(cm_kv_open(&options, &kv, &err), &err, "open behind the store");
	return kv;
}

static void dump_row(struct cm_span key, struct cm_span value,
		     struct cm_buf *out)
{
	for (size_t i = 0; i < key.n; i++)
		(void)cm_buf_addf(out, "%02x", (uint8_t)key.p[i]);
	(void)cm_buf_addc(out, ' ');
	for (size_t i = 0; i < value.n; i++)
		(void)cm_buf_addf(out, "%02x", (uint8_t)value.p[i]);
	(void)cm_buf_addc(out, '\n');
}

void kit_dump(struct kit *kit, const char *env, const char *db,
	      struct cm_buf *out)
{
	struct cm_kv *kv = kit_open_db(kit, env, db);
	struct cm_kv_cursor *cursor = NULL;
	struct cm_kv_txn *txn = NULL;
	struct cm_span key, value;
	struct cm_error err = {0};
	int rc;

	must(cm_kv_begin_read(kv, &txn, &err), &err, "dump");
	must(cm_kv_cursor_open(txn, 0, &cursor, &err), &err, "dump");
	rc = cm_kv_seek(cursor, cm_span(""), &key, &value, &err);
	while (rc == CM_OK) {
		dump_row(key, value, out);
		rc = cm_kv_next(cursor, &key, &value, &err);
	}
	must(rc == CM_ENOTFOUND ? cm_buf_ok(out) : rc, &err, "dump");
	cm_kv_cursor_close(&cursor);
	cm_kv_abort(&txn);
	cm_kv_close(&kv);
}

void kit_copy(const struct kit *kit, const char *from, const char *to)
{
	char a[160], b[160], command[512];
	struct cm_error err = {0};

	kit_path(kit, from, a);
	kit_path(kit, to, b);
	(void)snprintf(command, sizeof(command), "rm -rf %s && cp -a %s %s", b,
		       a, b);
	if (system(command) != 0)
		must(CM_EIO, &err, command);
}

const struct cm_fact *kit_fact(const struct cm_view *view,
			       enum cm_fact_kind kind)
{
	const struct cm_fact *newest = NULL;

	for (size_t i = 0; i < view->count; i++)
		if (view->facts[i].kind == kind &&
		    (newest == NULL || view->facts[i].at > newest->at))
			newest = &view->facts[i];
	return newest;
}

void kit_verify(struct kit *kit, bool agrees)
{
	struct cm_error err = {0};
	struct cm_buf report;
	int rc;

	cm_buf_init(&report, 1 << 20);
	rc = cm_store_verify(kit->store, &report, NULL, NULL, &err);
	if (rc != (agrees ? CM_OK : CM_ECORRUPT)) {
		(void)fprintf(stderr, "verify: %d: %s\n%s", rc, err.text,
			      cm_buf_text(&report));
		abort();
	}
	cm_buf_free(&report);
}
