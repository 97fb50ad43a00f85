/* import: what becomes of rows about people the store has heard of. */
#include "tools/import.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "tools/ctl_person.h"

#define NOW INT64_C(1793000000000) /* 2026-10-26 */

static struct cm_purpose purposes[] = {
	{.path = "acme", .id = {1}},
	{.path = "acme/news", .id = {2}, .parent = &purposes[0]},
	{.path = "brand", .id = {3}},
};

struct world {
	char folder[64];
	char keys[80];
	struct cm_config config;
	struct cm_ctl ctl;
	struct cm_import import;
};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct cm_store_options options = {.map_size = 1 << 26,
					   .lock_wait_ms = 1000,
					   .group = (gid_t)-1,
					   .write_group = (gid_t)-1};
	const struct cm_key *key;

	assert_non_null(w);
	(void)snprintf(w->folder, sizeof(w->folder), "t_import.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	(void)snprintf(w->keys, sizeof(w->keys), "%s/keys", w->folder);
	options.path = w->folder;
	w->config.purposes = purposes;
	w->config.npurposes = 3;
	w->ctl.config = &w->config;
	w->ctl.now = NOW;
	w->ctl.notes = stderr;
	assert_int_equal(cm_arena_new(1 << 26, &w->ctl.arena), CM_OK);
	assert_int_equal(cm_keys_init(w->keys, (gid_t)-1, (gid_t)-1, NULL),
			 CM_OK);
	assert_int_equal(cm_keys_open(w->keys, &w->ctl.keys, NULL), CM_OK);
	key = cm_keys_current(w->ctl.keys, CM_KEY_STORE);
	assert_int_equal(cm_hmac_new(key->bytes, key->len, &w->ctl.hmac, NULL),
			 CM_OK);
	assert_int_equal(cm_store_init(&options, w->ctl.keys, NULL), CM_OK);
	assert_int_equal(cm_store_open(&options, CM_STORE_WRITE, w->ctl.keys,
				       &w->ctl.store, NULL),
			 CM_OK);
	w->import.ctl = &w->ctl;
	w->import.arena = w->ctl.arena;
	w->import.who = "tester";
	return w;
}

static void world_free(struct world *w)
{
	char command[96];

	cm_list_close(&w->import.list);
	cm_buf_free(&w->import.rejects);
	free(w->import.rows);
	cm_store_close(&w->ctl.store);
	cm_hmac_free(&w->ctl.hmac);
	cm_keys_free(&w->ctl.keys);
	cm_arena_free(&w->ctl.arena);
	(void)snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	assert_int_equal(system(command), 0);
	free(w);
}

/* Something that happened to somebody before. */
static void happen(struct world *w, const char *who, enum cm_event_type type,
		   enum cm_actor actor, const char *purpose, int64_t at)
{
	struct cm_store_entry entry = {.event = {.type = type,
						 .actor = actor,
						 .attested = true,
						 .source = "web-form",
						 .at = at}};
	struct cm_person person;
	uint64_t seq;

	assert_int_equal(
		cm_person_identify(&w->ctl, cm_span(who), &person, NULL),
		CM_OK);
	entry.event.contact = person.contact;
	entry.event.family = person.family;
	(void)snprintf(entry.event.purpose, sizeof(entry.event.purpose), "%s",
		       purpose);
	assert_int_equal(
		cm_store_append(w->ctl.store, &entry, 1, NOW, &seq, NULL),
		CM_OK);
}

static void read_list(struct world *w, const char *text)
{
	struct cm_error err = {.text = ""};
	char path[96];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/list.csv", w->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0 && fclose(f) == 0, 1);
	assert_int_equal(
		cm_list_open(path, NULL, w->ctl.arena, &w->import.list, &err),
		CM_OK);
	cm_progress_init(&w->import.progress, stderr);
	w->import.attest = "J. Doe";
	w->import.dialect = &cm_dialect_plain;
	assert_int_equal(cm_import_columns(&w->import, &err), CM_OK);
	assert_int_equal(cm_import_read(&w->import, &err), CM_OK);
	cm_import_sort(&w->import);
	assert_int_equal(cm_import_preview(&w->import, &err), CM_OK);
	assert_string_equal(err.text, "");
}

static enum cm_import_fate fate_of(const struct world *w, uint32_t number)
{
	size_t i;

	for (i = 0; i < w->import.nrows; i++) {
		if (w->import.rows[i].number == number)
			return (enum cm_import_fate)w->import.rows[i].fate;
	}
	fail();
	return CM_IMPORT_WRITE;
}

/* Design 6: erasure blocks imports, but not the person's own opt-in. */
static void test_erased(void **state)
{
	struct world *w = world_new();
	static const char *const paths[] = {"acme", "brand"};
	size_t i;

	(void)state;
	happen(w, "ann@b.example", CM_EVENT_ERASED, CM_ACTOR_PERSON, "",
	       NOW - 9000);
	happen(w, "bob@b.example", CM_EVENT_ERASED, CM_ACTOR_PERSON, "",
	       NOW - 9000);
	for (i = 0; i < 2; i++)
		happen(w, "bob@b.example", CM_EVENT_CONFIRMED, CM_ACTOR_PERSON,
		       paths[i], NOW - 8000);
	read_list(w, "email,purpose,status,source,time\n"
		     "ann@b.example,acme/news,granted,order,"
		     "2026-10-01T00:00:00Z\n"
		     "bob@b.example,acme/news,granted,order,"
		     "2026-10-01T00:00:00Z\n"
		     "Ann@B.example,,objected,,\n");
	assert_int_equal(fate_of(w, 2), CM_IMPORT_ERASED);
	assert_int_equal(fate_of(w, 3), CM_IMPORT_WRITE);
	assert_int_equal(fate_of(w, 4), CM_IMPORT_ERASED);
	assert_int_equal(w->import.by_fate[CM_IMPORT_ERASED], 2);
	assert_int_equal(cm_import_events(&w->import), 1);
	assert_int_equal(w->import.conflicts, 1);
	assert_int_equal(w->import.conflict[0].reason, CM_REASON_ERASED);
	world_free(w);
}

/* B9, E-7: the store knows better, knows already, or learns something. */
static void test_fates(void **state)
{
	struct world *w = world_new();
	static const struct {
		uint32_t number;
		enum cm_import_fate fate;
	} want[] = {
		{2, CM_IMPORT_NOTHING_NEW}, /* the same grant */
		{3, CM_IMPORT_NOTHING_NEW}, /* an older one */
		{4, CM_IMPORT_WRITE},       /* a newer one */
		{5, CM_IMPORT_WRITE},       /* another source */
		{6, CM_IMPORT_WRITE},       /* first time without proof */
		{7, CM_IMPORT_NOTHING_NEW}, /* refused already */
		{8, CM_IMPORT_WRITE},       /* consented since: news */
		{9, CM_IMPORT_WRITE},       /* one root of two is news */
	};
	size_t i;

	(void)state;
	happen(w, "ann@b.example", CM_EVENT_GRANTED, CM_ACTOR_ADMIN,
	       "acme/news", INT64_C(1790812800000)); /* 2026-10-01 */
	happen(w, "bob@b.example", CM_EVENT_OBJECTED, CM_ACTOR_PERSON, "",
	       NOW - 9000);
	happen(w, "joe@b.example", CM_EVENT_WITHDRAWN, CM_ACTOR_PERSON,
	       "acme/news", NOW - 9000);
	happen(w, "joe@b.example", CM_EVENT_CONFIRMED, CM_ACTOR_PERSON,
	       "acme/news", NOW - 8000);
	happen(w, "eve@b.example", CM_EVENT_WITHDRAWN, CM_ACTOR_PERSON, "acme",
	       NOW - 9000);
	read_list(w, "email,purpose,status,source,time\n"
		     "ann@b.example,acme/news,granted,web-form,"
		     "2026-10-01T00:00:00Z\n"
		     "ann@b.example,acme/news,granted,web-form,"
		     "2026-09-01T00:00:00Z\n"
		     "ann@b.example,acme/news,granted,web-form,"
		     "2026-10-02T00:00:00Z\n"
		     "ann@b.example,acme/news,granted,order,"
		     "2026-09-01T00:00:00Z\n"
		     "ann@b.example,acme/news,unknown,,\n"
		     "bob@b.example,,objected,,\n"
		     "joe@b.example,acme/news,withdrawn,,\n"
		     "eve@b.example,,withdrawn,,\n");
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(fate_of(w, want[i].number), want[i].fate);
	/* eve's row makes one event a root. */
	assert_int_equal(cm_import_events(&w->import), 6);
	assert_int_equal(w->import.people, 4);
	assert_int_equal(w->import.doubles, 4);
	world_free(w);
}

/* What the preview says is what the store says afterwards. */
static void test_entries(void **state)
{
	struct world *w = world_new();
	struct cm_import_cursor cursor;
	struct cm_store_entry entry;

	(void)state;
	read_list(w, "email,status,time\n"
		     "\"Ann \"\"A.\"\" <Ann@B.example>\",withdrawn,"
		     "2026-10-01T00:00:00Z\n");
	assert_int_equal(cm_import_begin(&w->import, &cursor, NULL), CM_OK);
	assert_int_equal(cm_import_next(&w->import, &cursor, &entry), CM_OK);
	assert_string_equal(entry.event.purpose, "acme");
	assert_string_equal(entry.address->canonical, "ann@b.example");
	assert_true(cm_span_is(cm_address_domain(entry.address), "b.example"));
	assert_true(cm_span_is(entry.as_given, "Ann \"A.\" <Ann@B.example>"));
	assert_int_equal(entry.event.at, INT64_C(1790812800000));
	assert_false(entry.event.untimed);
	assert_non_null(strstr(cursor.evidence,
			       "{\"attested_by\":\"J. Doe\",\"file\":\"list"
			       ".csv\",\"row\":2,\"sha256\":\""));
	assert_int_equal(entry.evidence.p[entry.evidence.n - 1], '}');
	assert_int_equal(cm_import_next(&w->import, &cursor, &entry), CM_OK);
	assert_string_equal(entry.event.purpose, "brand");
	assert_int_equal(cm_import_next(&w->import, &cursor, &entry),
			 CM_ENOTFOUND);
	w->import.attest = "\xFF";
	assert_int_equal(cm_import_begin(&w->import, &cursor, NULL), CM_EUSAGE);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_erased),
		cmocka_unit_test(test_fates),
		cmocka_unit_test(test_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
