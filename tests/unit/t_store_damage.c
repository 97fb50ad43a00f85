/* store: files that were changed, cut, swapped, and crashes in between. */
#include "policy/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/store_internal.h"
#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

static const char person[] = "eva@example.com";

static int set_up(void **state)
{
	struct kit *kit = malloc(sizeof(*kit));

	assert_non_null(kit);
	kit_new(kit);
	*state = kit;
	return 0;
}

static int tear_down(void **state)
{
	kit_free(*state);
	free(*state);
	return 0;
}

/* Append with address and evidence. */
static uint64_t append_private(struct kit *kit, const char *address,
			       const char *evidence)
{
	struct cm_error err = {0};
	struct cm_address parsed;
	struct cm_store_entry entry = {
		.event = kit_event(kit, address, CM_EVENT_GRANTED),
		.address = &parsed,
		.as_given = cm_span(address),
		.evidence = cm_span(evidence),
	};
	uint64_t seq = 0;

	assert_int_equal(cm_address_parse(cm_span(address), &parsed, &err),
			 CM_OK);
	assert_int_equal(
		cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err),
		CM_OK);
	return seq;
}

static int try_lookup(struct kit *kit);

/* ---- another format ----------------------------------------------------- */

/* The head of that format: sealed as all are, and longer than ours is. */
static void set_format(struct kit *kit, uint8_t format, size_t more)
{
	struct cm_kv *kv = kit_open_db(kit, "ledger", "meta");
	struct cm_store *store = NULL;
	struct cm_hmac *hmac = NULL;
	struct cm_kv_txn *txn = NULL;
	struct cm_error err = {0};
	struct cm_span value;
	struct cm_buf row;

	cm_buf_init(&row, 1024);
	assert_int_equal(cm_store_prepare(&kit->options, CM_STORE_READ,
					  kit->keys, &store, &err),
			 CM_OK);
	assert_int_equal(cm_store_hmac(store, &hmac, &err), CM_OK);
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	assert_int_equal(cm_kv_get(txn, 0, cm_span("head"), &value, &err),
			 CM_OK);
	assert_int_equal(cm_buf_add(&row, value.p, value.n - CM_MAC_LEN),
			 CM_OK);
	row.data[3] = (char)format;
	while (more-- > 0)
		assert_int_equal(cm_buf_addc(&row, 'x'), CM_OK);
	assert_int_equal(cm_row_seal(hmac, CM_MAC_META, cm_span("head"), &row),
			 CM_OK);
	assert_int_equal(cm_kv_put(txn, 0, cm_span("head"),
				   cm_span_n(row.data, row.len), &err),
			 CM_OK);
	assert_int_equal(cm_kv_commit(&txn, &err), CM_OK);
	cm_buf_free(&row);
	cm_hmac_free(&hmac);
	cm_store_close(&store);
	cm_kv_close(&kv);
}

static void refuses_format(struct kit *kit, const char *says)
{
	static const enum cm_store_access accesses[] = {CM_STORE_READ,
							CM_STORE_WRITE};
	struct cm_store *store = NULL;

	for (size_t i = 0; i < 2; i++) {
		struct cm_error err = {0};

		assert_int_equal(cm_store_open(&kit->options, accesses[i],
					       kit->keys, &store, &err),
				 CM_ECORRUPT);
		assert_non_null(strstr(err.text, says));
		assert_non_null(strstr(err.text, kit->folder));
	}
}

/* As format 1 had them: views of their version 1, sealed. */
static void make_old(struct kit *kit)
{
	struct cm_kv *kv = kit_open_db(kit, "ledger", "contacts");
	struct cm_store *store = NULL;
	struct cm_hmac *hmac = NULL;
	struct cm_kv_txn *txn = NULL;
	struct cm_kv_cursor *cursor = NULL;
	struct cm_error err = {0};
	struct cm_span key, value;
	struct cm_buf row;
	char id[CM_CONTACT_ID_LEN];

	cm_buf_init(&row, 1024);
	assert_int_equal(cm_store_prepare(&kit->options, CM_STORE_READ,
					  kit->keys, &store, &err),
			 CM_OK);
	assert_int_equal(cm_store_hmac(store, &hmac, &err), CM_OK);
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	assert_int_equal(cm_kv_cursor_open(txn, 0, &cursor, &err), CM_OK);
	assert_int_equal(cm_kv_seek(cursor, cm_span(""), &key, &value, &err),
			 CM_OK);
	assert_int_equal(cm_buf_add(&row, value.p, value.n - CM_MAC_LEN),
			 CM_OK);
	memcpy(id, key.p, sizeof(id));
	cm_kv_cursor_close(&cursor);
	key = cm_span_n(id, sizeof(id));
	assert_int_equal(row.data[0], CM_STORE_FORMAT);
	row.data[0] = 1;
	assert_int_equal(cm_row_seal(hmac, CM_MAC_CONTACTS, key, &row), CM_OK);
	assert_int_equal(
		cm_kv_put(txn, 0, key, cm_span_n(row.data, row.len), &err),
		CM_OK);
	assert_int_equal(cm_kv_commit(&txn, &err), CM_OK);
	cm_buf_free(&row);
	cm_hmac_free(&hmac);
	cm_store_close(&store);
	cm_kv_close(&kv);
	set_format(kit, 1, 0);
}

/* A store that the version before made: nobody reads it, rebuild mends it. */
static void test_an_older_format(void **state)
{
	struct kit *kit = *state;
	struct cm_error err = {0};
	struct cm_buf was, is;
	uint64_t seq;

	cm_buf_init(&was, 1 << 16);
	cm_buf_init(&is, 1 << 16);
	seq = append_private(kit, person, "{}");
	kit_close(kit);
	kit_dump(kit, "ledger", "contacts", &was);
	make_old(kit);
	refuses_format(kit, "run \"consentctl rebuild\"");
	assert_int_equal(cm_store_open(&kit->options, CM_STORE_REBUILD,
				       kit->keys, &kit->store, &err),
			 CM_OK);
	assert_true(cm_store_is_old(kit->store));
	assert_int_not_equal(try_lookup(kit), CM_OK);
	assert_int_equal(cm_store_rebuild(kit->store, NULL, NULL, &err), CM_OK);
	assert_false(cm_store_is_old(kit->store));
	assert_int_equal(try_lookup(kit), CM_OK);
	kit_verify(kit, true);
	kit_close(kit);
	kit_dump(kit, "ledger", "contacts", &is);
	assert_string_equal(cm_buf_text(&is), cm_buf_text(&was));
	kit_reopen(kit, CM_STORE_WRITE);
	assert_int_equal(append_private(kit, person, "{}"), seq + 1);
	kit_verify(kit, true);
	cm_buf_free(&is);
	cm_buf_free(&was);
}

/* Issue 4, 8: a store of another version is refused, not "repaired". */
static void test_another_format(void **state)
{
	struct kit *kit = *state;
	struct cm_error err = {0};

	(void)append_private(kit, person, "{}");
	kit_close(kit);
	set_format(kit, CM_STORE_FORMAT + 1, 0);
	refuses_format(kit, "format 3, and this program works with format 2");
	set_format(kit, 0, 0);
	refuses_format(kit, "open it with the version that made it");
	assert_int_equal(cm_store_open(&kit->options, CM_STORE_REBUILD,
				       kit->keys, &kit->store, &err),
			 CM_ECORRUPT);
	set_format(kit, CM_STORE_FORMAT, 0);
	kit_reopen(kit, CM_STORE_WRITE);
	kit_verify(kit, true);
	assert_int_equal(cm_store_rebuild(kit->store, NULL, NULL, &err), CM_OK);
	kit_close(kit);
	set_format(kit, CM_STORE_FORMAT + 1, 40);
	refuses_format(kit, "update consent-milter");
}

/* ---- every byte of every row -------------------------------------------- */

static int begin(struct kit *kit, struct cm_store_reader **ret_reader)
{
	return cm_store_read_begin(kit->store, kit->arena, ret_reader, NULL);
}

static int try_lookup(struct kit *kit)
{
	struct cm_store_reader *reader;
	struct cm_id contact, family;
	struct cm_view own, of_family;
	int rc;

	kit_ids(kit, person, &contact, &family);
	rc = begin(kit, &reader);
	if (rc != CM_OK)
		return rc;
	rc = cm_store_lookup(reader, &contact, &family, &own, &of_family, NULL);
	cm_store_read_end(&reader);
	return rc;
}

static int try_events(struct kit *kit)
{
	struct cm_store_reader *reader;
	struct cm_span json;
	int rc = begin(kit, &reader);

	if (rc != CM_OK)
		return rc;
	for (uint64_t seq = 0; rc == CM_OK && seq < cm_store_size(reader);
	     seq++)
		rc = cm_store_event(reader, seq, &json, NULL);
	cm_store_read_end(&reader);
	return rc;
}

static int try_notice(struct kit *kit)
{
	struct cm_store_reader *reader;
	struct cm_span text;
	struct cm_hash hash;
	int rc = begin(kit, &reader);

	if (rc != CM_OK)
		return rc;
	assert_int_equal(cm_sha256("terms", 5, hash.b), CM_OK);
	rc = cm_store_notice(reader, &hash, &text, NULL);
	cm_store_read_end(&reader);
	return rc;
}

static int try_address(struct kit *kit)
{
	struct cm_id contact, family;
	struct cm_span canonical, given;

	kit_ids(kit, person, &contact, &family);
	return cm_store_address(kit->store, &contact, kit->arena, &canonical,
				&given, NULL);
}

static int try_evidence(struct kit *kit)
{
	struct cm_span evidence;

	return cm_store_evidence(kit->store, 0, kit->arena, &evidence, NULL);
}

/* Only verify can see it: a row nobody is asked for is missing or too many. */
static int try_nothing(struct kit *kit)
{
	(void)kit;
	return CM_ECORRUPT;
}

/* key: also when the row's key is changed, so that it is not found. */
static const struct {
	const char *env;
	const char *db;
	int (*try)(struct kit *kit);
} dbs[] = {
	{"ledger", "ledger", try_events},
	{"ledger", "hashes", try_events},
	{"ledger", "contacts", try_lookup},
	{"ledger", "family", try_lookup},
	{"ledger", "by_contact", try_nothing},
	{"ledger", "notices", try_notice},
	{"ledger", "meta", try_lookup},
	{"stop", "stop", try_lookup},
	{"private", "addresses", try_address},
	{"private", "evidence", try_evidence},
	{"private", "meta", try_nothing},
};

enum { ROWS_MAX = 16 };

struct row {
	struct cm_span key;
	struct cm_span value;
};

static size_t read_rows(struct kit *kit, const char *env, const char *db,
			struct row *rows)
{
	struct cm_kv *kv = kit_open_db(kit, env, db);
	struct cm_kv_cursor *cursor;
	struct cm_kv_txn *txn;
	struct cm_error err;
	struct row row;
	size_t n = 0;
	int rc;

	assert_int_equal(cm_kv_begin_read(kv, &txn, &err), CM_OK);
	assert_int_equal(cm_kv_cursor_open(txn, 0, &cursor, &err), CM_OK);
	rc = cm_kv_seek(cursor, cm_span(""), &row.key, &row.value, &err);
	for (; rc == CM_OK; n++) {
		assert_true(n < ROWS_MAX);
		rows[n].key = cm_span_n(
			cm_arena_dup(kit->arena, row.key.p, row.key.n),
			row.key.n);
		rows[n].value = cm_span_n(
			cm_arena_dup(kit->arena, row.value.p, row.value.n),
			row.value.n);
		rc = cm_kv_next(cursor, &row.key, &row.value, &err);
	}
	cm_kv_cursor_close(&cursor);
	cm_kv_abort(&txn);
	cm_kv_close(&kv);
	return n;
}

static void swap_row(struct kit *kit, const char *env, const char *db,
		     const struct row *from, const struct row *to)
{
	struct cm_kv *kv = kit_open_db(kit, env, db);
	struct cm_kv_txn *txn;
	struct cm_error err;

	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	assert_int_equal(cm_kv_del(txn, 0, from->key, &err), CM_OK);
	assert_int_equal(cm_kv_put(txn, 0, to->key, to->value, &err), CM_OK);
	assert_int_equal(cm_kv_commit(&txn, &err), CM_OK);
	cm_kv_close(&kv);
}

static struct row flipped(struct kit *kit, const struct row *row, size_t at)
{
	struct row out = *row;
	char *key = cm_arena_dup(kit->arena, row->key.p, row->key.n);
	char *value = cm_arena_dup(kit->arena, row->value.p, row->value.n);

	if (at < row->key.n)
		key[at] ^= 4;
	else
		value[at - row->key.n] ^= 4;
	out.key.p = key;
	out.value.p = value;
	return out;
}

static bool opens(struct kit *kit)
{
	int rc = cm_store_open(&kit->options, CM_STORE_WRITE, kit->keys,
			       &kit->store, NULL);

	/* The head row's key check: the whole store is refused. */
	assert_true(rc == CM_OK || rc == CM_ECORRUPT);
	return rc == CM_OK;
}

static void flip_one(struct kit *kit, size_t db, const struct row *row,
		     size_t at)
{
	struct row bad = flipped(kit, row, at);

	kit_close(kit);
	swap_row(kit, dbs[db].env, dbs[db].db, row, &bad);
	if (opens(kit)) {
		int rc = dbs[db].try(kit);

		kit_verify(kit, false);
		/* A changed key is a row that is not there. */
		if (at < row->key.n)
			assert_true(rc == CM_ECORRUPT || rc == CM_ENOTFOUND ||
				    rc == CM_OK);
		else if (rc != CM_ECORRUPT)
			fail_msg("%s/%s: octet %zu of a value: lookup gives %d",
				 dbs[db].env, dbs[db].db, at - row->key.n, rc);
	}
	kit_close(kit);
	swap_row(kit, dbs[db].env, dbs[db].db, &bad, row);
}

/* A little of everything: the rows of one person only, so that every row is
 * one that the lookups above ask for. */
static void fill_every_db(struct kit *kit)
{
	struct cm_event event = kit_event(kit, person, CM_EVENT_WITHDRAWN);
	struct cm_error err = {0};
	struct cm_hash hash;
	size_t count;

	(void)append_private(kit, person, "{\"ip\":\"192.0.2.7\"}");
	(void)kit_append(kit, &event, KIT_NOW);
	assert_int_equal(
		cm_store_put_notice(kit->store, cm_span("terms"), &hash, &err),
		CM_OK);
	/* A row that is folded and not deleted, and one not folded. */
	kit_stop(kit, person, CM_EVENT_OBJECTED, KIT_NOW);
	kit_close(kit);
	kit_copy(kit, "store/stop", "was");
	kit_reopen(kit, CM_STORE_WRITE);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK);
	kit_close(kit);
	kit_copy(kit, "was", "store/stop");
	kit_reopen(kit, CM_STORE_WRITE);
	kit_stop(kit, person, CM_EVENT_COMPLAINED, KIT_NOW);
	kit_verify(kit, true);
}

static void test_flip_any_byte(void **state)
{
	struct kit *kit = *state;
	size_t step = getenv("CM_LONG") != NULL ? 1 : 7;

	fill_every_db(kit);
	kit_close(kit);
	for (size_t db = 0; db < sizeof(dbs) / sizeof(dbs[0]); db++) {
		struct row rows[ROWS_MAX];
		size_t n = read_rows(kit, dbs[db].env, dbs[db].db, rows);

		assert_true(n > 0);
		for (size_t i = 0; i < n; i++)
			for (size_t at = i % step;
			     at < rows[i].key.n + rows[i].value.n; at += step)
				flip_one(kit, db, &rows[i], at);
	}
	kit_reopen(kit, CM_STORE_WRITE);
	kit_verify(kit, true);
}

static void put_head(struct kit *kit, const char row[CM_HEAD_ROW_LEN])
{
	struct cm_kv_txn *txn = NULL;
	struct cm_error err;

	assert_int_equal(cm_kv_begin_write(kit->store->ledger, &txn, &err),
			 CM_OK);
	assert_int_equal(cm_kv_put(txn, CM_DB_META, cm_span("head"),
				   cm_span_n(row, CM_HEAD_ROW_LEN), &err),
			 CM_OK);
	assert_int_equal(cm_kv_commit(&txn, &err), CM_OK);
}

/* A reader that found the head whole once looks again when it is another. */
static void test_head_changed_between_reads(void **state)
{
	static const char zeros[CM_HEAD_ROW_LEN];
	struct kit *kit = *state;
	char good[CM_HEAD_ROW_LEN];
	struct cm_kv_txn *txn = NULL;
	struct cm_span value;
	struct cm_error err;
	size_t at;

	(void)append_private(kit, person, "x");
	assert_int_equal(cm_kv_begin_read(kit->store->ledger, &txn, &err),
			 CM_OK);
	assert_int_equal(
		cm_kv_get(txn, CM_DB_META, cm_span("head"), &value, &err),
		CM_OK);
	assert_int_equal(value.n, sizeof(good));
	memcpy(good, value.p, sizeof(good));
	cm_kv_abort(&txn);
	put_head(kit, zeros);
	assert_int_equal(try_lookup(kit), CM_ECORRUPT);
	for (at = 0; at < sizeof(good); at += 5) {
		put_head(kit, good);
		assert_int_equal(try_lookup(kit), CM_OK);
		assert_int_equal(try_lookup(kit), CM_OK);
		good[at] ^= 4;
		put_head(kit, good);
		assert_int_equal(try_lookup(kit), CM_ECORRUPT);
		assert_int_equal(try_lookup(kit), CM_ECORRUPT);
		good[at] ^= 4;
	}
	put_head(kit, good);
	assert_int_equal(try_lookup(kit), CM_OK);
}

/* A view that lost a refusal by an old copy of its row: the MAC is right. */
static void test_verify_names_the_contact_and_rebuild_mends(void **state)
{
	struct kit *kit = *state;
	struct cm_event event = kit_event(kit, person, CM_EVENT_GRANTED);
	struct row old[ROWS_MAX], now[ROWS_MAX];
	struct cm_error err = {0};
	struct cm_buf report;
	char hex[32];

	(void)kit_append(kit, &event, KIT_NOW);
	kit_close(kit);
	assert_int_equal(read_rows(kit, "ledger", "contacts", old), 1);
	kit_reopen(kit, CM_STORE_WRITE);
	event = kit_event(kit, person, CM_EVENT_WITHDRAWN);
	(void)kit_append(kit, &event, KIT_NOW);
	kit_close(kit);
	assert_int_equal(read_rows(kit, "ledger", "contacts", now), 1);
	swap_row(kit, "ledger", "contacts", &now[0], &old[0]);
	kit_reopen(kit, CM_STORE_WRITE);

	cm_buf_init(&report, 1 << 16);
	assert_int_equal(cm_store_verify(kit->store, &report, NULL, NULL, &err),
			 CM_ECORRUPT);
	for (size_t i = 0; i < sizeof(event.contact.b); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", event.contact.b[i]);
	assert_non_null(strstr(cm_buf_text(&report), hex));
	assert_non_null(strstr(cm_buf_text(&report), "1 disagreements"));
	cm_buf_free(&report);
	assert_int_equal(cm_store_rebuild(kit->store, NULL, NULL, &err), CM_OK);
	kit_verify(kit, true);
}

/* ---- the files ---------------------------------------------------------- */

enum harm { REMOVED, REPLACED, CUT, EMPTIED, UNHARMED };

static void do_harm(struct kit *kit, const char *name, enum harm harm)
{
	char path[160], copy[200];
	struct stat st;

	kit_path(kit, name, path);
	(void)snprintf(copy, sizeof(copy), "%s.copy", path);
	assert_int_equal(stat(path, &st), 0);
	switch (harm) {
	case REMOVED:
		assert_int_equal(rename(path, copy), 0);
		break;
	case REPLACED:
		kit_copy(kit, name, "copy");
		kit_path(kit, "copy", copy);
		assert_int_equal(rename(copy, path), 0);
		break;
	case CUT:
		assert_int_equal(truncate(path, 2 * 4096 + 1), 0);
		break;
	case EMPTIED:
		assert_int_equal(truncate(path, 0), 0);
		break;
	case UNHARMED:
		break;
	}
}

/* Between two messages the store goes; the next is refused, not allowed. */
static void test_store_gone_between_reads(void **state)
{
	static const char *const files[] = {"store/ledger/data.mdb",
					    "store/stop/data.mdb"};
	static const struct {
		enum harm harm;
		int want;
	} cases[] = {
		{UNHARMED, CM_OK},       {REMOVED, CM_EIO},
		{REPLACED, CM_ECORRUPT}, {CUT, CM_ECORRUPT},
		{EMPTIED, CM_ECORRUPT},
	};
	(void)state;

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_store_reader *reader = NULL;
		struct cm_error err = {0};
		struct kit kit;

		kit_new(&kit);
		(void)append_private(&kit, person, "x");
		kit_reopen(&kit, CM_STORE_READ);
		assert_int_equal(try_lookup(&kit), CM_OK);
		do_harm(&kit, files[i % 2], cases[i / 2].harm);
		assert_int_equal(cm_store_read_begin(kit.store, kit.arena,
						     &reader, &err),
				 cases[i / 2].want);
		if (cases[i / 2].want == CM_OK) {
			cm_store_read_end(&reader);
		} else {
			assert_null(reader);
			assert_non_null(strstr(err.text, files[i % 2]));
		}
		kit_free(&kit);
	}
}

/* A daemon that writes into a file that is no longer the store loses data. */
static void test_no_acknowledgement_into_a_replaced_file(void **state)
{
	struct kit *kit = *state;
	struct cm_event event = kit_event(kit, person, CM_EVENT_WITHDRAWN);
	struct cm_store_entry entry = {.event = event};
	struct cm_error err = {0};
	uint64_t seq;

	do_harm(kit, "store/ledger/data.mdb", REPLACED);
	assert_int_equal(
		cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err),
		CM_ECORRUPT);
	/* Leaving is still possible: stop is what it was. */
	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			 CM_OK);
	do_harm(kit, "store/stop/data.mdb", REPLACED);
	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			 CM_ECORRUPT);
}

/* ---- crashes in between ------------------------------------------------- */

static void check_events(struct kit *kit, uint64_t events, uint64_t pending)
{
	struct cm_store_counts counts;
	struct cm_error err = {0};

	if (cm_store_count(kit->store, &counts, &err) != CM_OK)
		fail_msg("count: %s", err.text);
	assert_int_equal(counts.events, events);
	assert_int_equal(counts.stop_pending, pending);
}

/* Died after the ledger's commit, before stop was emptied. */
static void test_a_crash_in_folding_doubles_nothing(void **state)
{
	struct kit *kit = *state;
	struct cm_error err = {0};
	struct cm_view own, family;
	size_t count = 77;

	kit_stop(kit, person, CM_EVENT_WITHDRAWN, KIT_NOW);
	kit_stop(kit, person, CM_EVENT_OBJECTED, KIT_NOW);
	kit_close(kit);
	kit_copy(kit, "store/stop", "was");
	kit_reopen(kit, CM_STORE_WRITE);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK);
	assert_int_equal(count, 2);
	check_events(kit, 2, 0);

	for (int again = 0; again < 3; again++) {
		kit_close(kit);
		kit_copy(kit, "was", "store/stop");
		kit_reopen(kit, CM_STORE_WRITE);
		kit_verify(kit, true);
		check_events(kit, 2, 2);
		kit_lookup(kit, person, &own, &family);
		assert_true(kit_fact(&own, CM_FACT_OBJECTED)->seq < 2);
		assert_int_equal(
			cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			CM_OK);
		assert_int_equal(count, 0);
		check_events(kit, 2, 0);
	}
	kit_verify(kit, true);
	/* Notes of rows that are gone do not pile up. */
	kit_stop(kit, person, CM_EVENT_COMPLAINED, KIT_NOW);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, &err),
			 CM_OK);
	kit_close(kit);
	{
		struct row rows[ROWS_MAX];

		assert_int_equal(read_rows(kit, "ledger", "meta", rows), 2);
	}
	kit_reopen(kit, CM_STORE_WRITE);
}

/* Died after private's commit, before the ledger's. */
static void test_orphans_are_swept(void **state)
{
	struct kit *kit = *state;
	struct cm_event event = kit_event(kit, person, CM_EVENT_WITHDRAWN);
	struct cm_span a, b;
	struct cm_id contact, family;
	struct row rows[ROWS_MAX];

	(void)append_private(kit, "first@example.com", "one");
	kit_close(kit);
	kit_copy(kit, "store/ledger", "was");
	kit_reopen(kit, CM_STORE_WRITE);
	assert_int_equal(append_private(kit, "ghost@example.com", "two"), 1);
	kit_close(kit);
	kit_copy(kit, "was", "store/ledger");
	kit_reopen(kit, CM_STORE_WRITE);
	kit_verify(kit, true);
	/* An event takes the place; the ghost's evidence is not its. */
	assert_int_equal(kit_append(kit, &event, KIT_NOW), 1);
	assert_int_equal(cm_store_evidence(kit->store, 1, kit->arena, &a, NULL),
			 CM_ENOTFOUND);
	kit_verify(kit, true);

	assert_int_equal(append_private(kit, person, "three"), 2);
	kit_ids(kit, "ghost@example.com", &contact, &family);
	assert_int_equal(cm_store_address(kit->store, &contact, kit->arena, &a,
					  &b, NULL),
			 CM_ENOTFOUND);
	kit_ids(kit, "first@example.com", &contact, &family);
	assert_int_equal(cm_store_address(kit->store, &contact, kit->arena, &a,
					  &b, NULL),
			 CM_OK);
	assert_int_equal(cm_store_evidence(kit->store, 2, kit->arena, &a, NULL),
			 CM_OK);
	assert_true(cm_span_is(a, "three"));
	kit_verify(kit, true);
	kit_close(kit);
	assert_int_equal(read_rows(kit, "private", "evidence", rows), 2);
	kit_reopen(kit, CM_STORE_WRITE);
}

/* ---- the disk is full --------------------------------------------------- */

static void limit_files(uint64_t bytes)
{
	const struct rlimit limit = {bytes, bytes};

	/* With the signal ignored, write(2) fails with EFBIG. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		_exit(90);
}

/* In a child: every write of a file over the limit fails. 0 = as wished. */
static int append_until_full(struct kit *kit, uint64_t bytes)
{
	struct cm_event event = kit_event(kit, person, CM_EVENT_WITHDRAWN);
	struct cm_store_entry entry = {.event = event};
	struct cm_error err = {0};
	uint64_t seq, done = 0;
	int rc = CM_OK;

	if (cm_store_open(&kit->options, CM_STORE_WRITE, kit->keys, &kit->store,
			  &err) != CM_OK)
		return 91;
	limit_files(bytes);
	while (rc == CM_OK && done < 2000) {
		rc = cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq,
				     &err);
		done += rc == CM_OK;
		entry.event = event;
	}
	if (rc == CM_OK || err.text[0] == '\0')
		return 92;
	/* And what was acknowledged is there, for readers of this process. */
	if (try_lookup(kit) != CM_OK && done > 0)
		return 93;
	return 0;
}

static void test_disk_full(void **state)
{
	struct kit *kit = *state;
	struct cm_event event =
		kit_event(kit, "first@example.com", CM_EVENT_GRANTED);

	(void)kit_append(kit, &event, KIT_NOW);
	for (uint64_t pages = 0; pages < 60; pages += 5) {
		int status;
		pid_t pid;

		kit_close(kit);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(append_until_full(kit, pages * 4096));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		kit_reopen(kit, CM_STORE_WRITE);
		kit_verify(kit, true);
	}
	event = kit_event(kit, person, CM_EVENT_WITHDRAWN);
	(void)kit_append(kit, &event, KIT_NOW);
	kit_verify(kit, true);
}

static void test_map_full(void **state)
{
	struct kit *kit = *state;
	struct cm_event event = kit_event(kit, person, CM_EVENT_WITHDRAWN);
	struct cm_store_entry entry;
	struct cm_error err = {0};
	uint64_t seq;
	int rc = CM_OK;

	kit_close(kit);
	kit->options.map_size = 60 * 4096;
	kit_reopen(kit, CM_STORE_WRITE);
	for (int i = 0; rc == CM_OK && i < 2000; i++) {
		entry = (struct cm_store_entry){.event = event};
		rc = cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq,
				     &err);
	}
	assert_int_equal(rc, CM_EIO);
	if (strstr(err.text, "store.map-size") == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(try_lookup(kit), CM_OK);
	/* Refusals have an environment of their own. */
	kit_stop(kit, person, CM_EVENT_OBJECTED, KIT_NOW);
	kit_close(kit);
	kit->options.map_size = UINT64_C(1) << 30;
	kit_reopen(kit, CM_STORE_WRITE);
	(void)kit_append(kit, &event, KIT_NOW);
	kit_verify(kit, true);
}

/* ---- a sample ----------------------------------------------------------- */

enum { SAMPLE_PEOPLE = 30, SAMPLE_ALL = 400 };

static struct cm_span first_key(struct kit *kit, struct cm_kv *kv, char *room,
				size_t size)
{
	struct cm_kv_cursor *cursor;
	struct cm_kv_txn *txn;
	struct cm_span key, value;
	struct cm_error err;

	(void)kit;
	assert_int_equal(cm_kv_begin_read(kv, &txn, &err), CM_OK);
	assert_int_equal(cm_kv_cursor_open(txn, 0, &cursor, &err), CM_OK);
	assert_int_equal(
		cm_kv_seek(cursor, cm_span_n(NULL, 0), &key, &value, &err),
		CM_OK);
	assert_true(key.n <= size);
	memcpy(room, key.p, key.n);
	key.p = room;
	cm_kv_cursor_close(&cursor);
	cm_kv_abort(&txn);
	return key;
}

/* One row of a database gets another value, or goes (NULL). */
static void spoil_row(struct kit *kit, const char *db, const char *value)
{
	struct cm_kv *kv = kit_open_db(kit, "ledger", db);
	struct cm_kv_txn *txn;
	struct cm_error err;
	struct cm_span key;
	char room[64];
	int rc;

	key = first_key(kit, kv, room, sizeof(room));
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	rc = value != NULL ? cm_kv_put(txn, 0, key, cm_span(value), &err)
			   : cm_kv_del(txn, 0, key, &err);
	assert_int_equal(rc, CM_OK);
	assert_int_equal(cm_kv_commit(&txn, &err), CM_OK);
	cm_kv_close(&kv);
}

/* A sample of everything finds what is wrong anywhere. */
static void test_a_sample_finds_damage(void **state)
{
	static const struct {
		const char *db;
		const char *value;
		const char *says;
	} rows[] = {
		{"ledger", "{}", "event 0"},
		{"ledger", NULL, "holds 29 events, its head says 30"},
		{"contacts", "x", "view of contact"},
		{"family", "x", "view of family"},
		{"hashes", "x", ""},
	};
	struct kit *kit = *state;
	struct cm_store_usage usage[CM_STORE_USAGES];
	struct cm_error err = {0};
	char address[32];
	size_t i;

	for (i = 0; i < SAMPLE_PEOPLE; i++) {
		struct cm_event event;

		(void)snprintf(address, sizeof(address), "p%zu@b.example", i);
		/* Families are kept for those who refuse. */
		event = kit_event(kit, address,
				  i % 2 == 0 ? CM_EVENT_GRANTED
					     : CM_EVENT_WITHDRAWN);
		(void)kit_append(kit, &event, KIT_NOW);
	}
	assert_int_equal(cm_store_sample(kit->store, SAMPLE_ALL, 0, &err),
			 CM_OK);
	assert_int_equal(cm_store_usage(kit->store, usage, &err), CM_OK);
	assert_string_equal(usage[0].name, "ledger");
	assert_true(usage[0].bytes > 0 && usage[0].bytes < usage[0].map_size);
	assert_int_equal(usage[0].lag, 0);
	kit_close(kit);
	kit_copy(kit, "store", "good");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spoil_row(kit, rows[i].db, rows[i].value);
		kit_reopen(kit, CM_STORE_READ);
		if (cm_store_sample(kit->store, SAMPLE_ALL, i, &err) !=
		    CM_ECORRUPT)
			fail_msg("%s: not found: %s", rows[i].db, err.text);
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].db, err.text);
		kit_close(kit);
		kit_copy(kit, "good", "store");
	}
	kit_reopen(kit, CM_STORE_WRITE);
	assert_int_equal(cm_store_sample(kit->store, SAMPLE_ALL, 7, &err),
			 CM_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_another_format),
		TEST(test_head_changed_between_reads),
		TEST(test_an_older_format),
		TEST(test_flip_any_byte),
		TEST(test_verify_names_the_contact_and_rebuild_mends),
		TEST(test_store_gone_between_reads),
		TEST(test_no_acknowledgement_into_a_replaced_file),
		TEST(test_a_crash_in_folding_doubles_nothing),
		TEST(test_orphans_are_swept),
		TEST(test_disk_full),
		TEST(test_map_full),
		TEST(test_a_sample_finds_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
