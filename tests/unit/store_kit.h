/*
 * store_kit - a store in a temporary folder, for tests and benchmarks.
 *
 * Everything that can fail ends the program with a message: it is not what
 * the tests are about.
 */
#ifndef CM_TESTS_UNIT_STORE_KIT_H
#define CM_TESTS_UNIT_STORE_KIT_H

#include "lib/kv.h"
#include "policy/store.h"

#define KIT_PURPOSE "acme/newsletter"
#define KIT_NOW     INT64_C(1795212000000) /* 2026-11-21T00:00:00Z */

struct kit {
	char folder[64];
	char keys_path[96];
	struct cm_store_options options;
	struct cm_keys *keys;
	struct cm_hmac *hmac; /* of the store key; for one thread */
	struct cm_store *store;
	struct cm_arena *arena;
};

/* A new store, open for writing. */
void kit_new(struct kit *kit);
/* The same, the files for these groups (root only). */
void kit_new_for(struct kit *kit, gid_t group, gid_t write_group);
void kit_free(struct kit *kit); /* removes the folder */
void kit_reopen(struct kit *kit, enum cm_store_access access);
void kit_close(struct kit *kit);
/* One database of an environment, for looking behind the store's back. */
struct cm_kv *kit_open_db(struct kit *kit, const char *env, const char *db);
void kit_path(const struct kit *kit, const char *name, char out[160]);

/* Contact and family ids of an address. */
void kit_ids(struct kit *kit, const char *address, struct cm_id *contact,
	     struct cm_id *family);
/* An event of that person; at = 0. */
struct cm_event kit_event(struct kit *kit, const char *address,
			  enum cm_event_type type);
/* Append one event, return its seq. */
uint64_t kit_append(struct kit *kit, const struct cm_event *event, int64_t now);
void kit_lookup(struct kit *kit, const char *address, struct cm_view *own,
		struct cm_view *family);
/* The newest fact of that kind; NULL if there is none. */
const struct cm_fact *kit_fact(const struct cm_view *view,
			       enum cm_fact_kind kind);
/* The refusal of that person, into stop. */
void kit_stop(struct kit *kit, const char *address, enum cm_event_type type,
	      int64_t now);
/* Every row of a database as text lines, hex key and value. */
void kit_dump(struct kit *kit, const char *env, const char *db,
	      struct cm_buf *out);
/* cp -a of a file or folder; both names below the kit's folder. */
void kit_copy(const struct kit *kit, const char *from, const char *to);
/* Fails the program unless verify agrees (or disagrees). */
void kit_verify(struct kit *kit, bool agrees);

#endif
