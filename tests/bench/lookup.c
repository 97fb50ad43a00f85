/*
 * lookup - what asking the store costs, beside bare LMDB.
 *
 *   lookup CONFIG CONTACTS
 *
 * Ours: read the address, two HMACs (contact and family), a read transaction
 * of the store, both views checked and unpacked, the decision.  Bare: one
 * HMAC with the key set up once, mdb_get in a held transaction of a plain
 * environment with as many records of 12 and 64 octets.  Interleaved; each
 * line is a median over rounds, in nanoseconds an address.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#include "policy/address.h"
#include "policy/config.h"
#include "policy/decide.h"
#include "policy/store.h"

enum {
	ROUNDS = 15,
	ASKED = 20000, /* addresses a round */
	VALUE_LEN = 64,
	ARENA_MAX = 64 << 20,
};

struct bench {
	struct cm_config *config;
	struct cm_keys *keys;
	struct cm_hmac *hmac;
	struct cm_store *store;
	struct cm_arena *arena;
	MDB_env *env;
	MDB_dbi dbi;
	uint64_t contacts;
	uint64_t seed;
	uint64_t found; /* so that no work is optimised away */
};

static void die(const char *what, const struct cm_error *err)
{
	(void)fprintf(stderr, "lookup: %s: %s\n", what,
		      err != NULL ? err->text : "failed");
	exit(75);
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static size_t draw_address(struct bench *b, char out[64])
{
	b->seed ^= b->seed >> 12;
	b->seed ^= b->seed << 25;
	b->seed ^= b->seed >> 27;
	return (size_t)snprintf(
		out, 64, "<user%" PRIu64 "@example.com>",
		(b->seed * UINT64_C(2685821657736338717) >> 20) % b->contacts);
}

/* ---- bare LMDB -------------------------------------------------------------
 */

struct record {
	uint8_t key[CM_CONTACT_ID_LEN];
};

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct record));
}

static void bare_key(struct bench *b, const char *text, size_t n,
		     struct record *record)
{
	struct cm_span part = cm_span_n(text + 1, n - 2); /* no brackets */
	uint8_t mac[CM_SHA256_LEN];

	if (cm_hmac(b->hmac, &part, 1, mac) != CM_OK)
		die("hmac", NULL);
	memcpy(record->key, mac, sizeof(record->key));
}

static struct record *all_records(struct bench *b)
{
	struct record *records = calloc(b->contacts, sizeof(*records));
	uint64_t i;

	if (records == NULL)
		die("memory", NULL);
	for (i = 0; i < b->contacts; i++) {
		char text[64];
		int n = snprintf(text, sizeof(text),
				 "<user%" PRIu64 "@example.com>", i);

		bare_key(b, text, (size_t)n, &records[i]);
	}
	qsort(records, b->contacts, sizeof(*records), by_key);
	return records;
}

static void make_bare(struct bench *b, const char *folder)
{
	struct record *records = all_records(b);
	char value[VALUE_LEN] = {0};
	MDB_txn *txn;
	uint64_t i;

	if (mkdir(folder, 0700) != 0 || mdb_env_create(&b->env) != 0 ||
	    mdb_env_set_mapsize(b->env, (size_t)8 << 30) != 0 ||
	    mdb_env_open(b->env, folder, MDB_NORDAHEAD | MDB_NOSYNC, 0600) !=
		    0 ||
	    mdb_txn_begin(b->env, NULL, 0, &txn) != 0 ||
	    mdb_dbi_open(txn, NULL, 0, &b->dbi) != 0)
		die("bare LMDB", NULL);
	for (i = 0; i < b->contacts; i++) {
		MDB_val k = {sizeof(records[i].key), records[i].key};
		MDB_val v = {sizeof(value), value};

		if (mdb_put(txn, b->dbi, &k, &v, MDB_APPEND) != 0)
			die("mdb_put", NULL);
	}
	if (mdb_txn_commit(txn) != 0)
		die("mdb_txn_commit", NULL);
	free(records);
}

static double ask_bare(struct bench *b)
{
	int64_t begin = now_ns();
	MDB_txn *txn;
	int i;

	if (mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn) != 0)
		die("mdb_txn_begin", NULL);
	for (i = 0; i < ASKED; i++) {
		struct record record;
		char text[64];
		size_t n = draw_address(b, text);
		MDB_val v, k = {sizeof(record.key), record.key};

		bare_key(b, text, n, &record);
		if (mdb_get(txn, b->dbi, &k, &v) == 0)
			b->found += v.mv_size;
	}
	mdb_txn_abort(txn);
	return (double)(now_ns() - begin) / ASKED;
}

/* ---- ours
 * -------------------------------------------------------------------- */

static void ask_one(struct bench *b, struct cm_store_reader *reader,
		    const struct cm_classified *classified)
{
	struct cm_address address;
	struct cm_view own, of_family;
	struct cm_decision decision;
	struct cm_id id, family_id;
	struct cm_error err;
	char text[64];
	size_t n = draw_address(b, text);

	if (cm_address_parse(cm_span_n(text, n), &address, &err) != CM_OK)
		die("address", &err);
	if (cm_address_ids(&address, b->config->dots_ignored.v,
			   b->config->dots_ignored.n, b->hmac, &id,
			   &family_id) != CM_OK)
		die("id", NULL);
	if (cm_store_lookup(reader, &id, &family_id, &own, &of_family, &err) !=
	    CM_OK)
		die("lookup", &err);
	cm_decide(b->config, classified, &own, &of_family, NULL,
		  cm_store_newest_rec(reader), cm_clock_now(), &decision);
	b->found += decision.verdict == CM_VERDICT_ALLOW;
}

static double ask_ours(struct bench *b, int per_read)
{
	const struct cm_stream *stream = &b->config->streams[0];
	struct cm_classified classified = {
		.class = CM_CLASS_STREAM,
		.stream = stream,
		.purposes = stream->purposes,
		.npurposes = stream->npurposes,
	};
	int64_t begin = now_ns();
	int i, k;

	for (i = 0; i < ASKED; i += per_read) {
		struct cm_store_reader *reader;
		struct cm_error err;

		cm_arena_reset(b->arena);
		if (cm_store_read_begin(b->store, b->arena, &reader, &err) !=
		    CM_OK)
			die("read", &err);
		for (k = 0; k < per_read; k++)
			ask_one(b, reader, &classified);
		cm_store_read_end(&reader);
	}
	return (double)(now_ns() - begin) / ASKED;
}

/* ---- main
 * --------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof(values[0]), by_size);
	return values[ROUNDS / 2];
}

static void open_ours(struct bench *b, const char *file)
{
	struct cm_store_options options = {0};
	const struct cm_key *key;
	struct cm_error err;

	if (cm_config_load(file, &b->config, &err) != CM_OK ||
	    cm_keys_open(b->config->keys_path, &b->keys, &err) != CM_OK)
		die(file, &err);
	options.path = b->config->store_path;
	options.map_size = b->config->store_map_size;
	options.lock_wait_ms = 1000;
	options.group = options.write_group = (gid_t)-1;
	key = cm_keys_current(b->keys, CM_KEY_STORE);
	if (cm_store_open(&options, CM_STORE_READ, b->keys, &b->store, &err) !=
		    CM_OK ||
	    cm_hmac_new(key->bytes, key->len, &b->hmac, &err) != CM_OK ||
	    cm_arena_new(ARENA_MAX, &b->arena) != CM_OK)
		die(b->config->store_path, &err);
}

static void compare(struct bench *b)
{
	double bare[ROUNDS], one[ROUNDS], fifty[ROUNDS];
	double ratio_one[ROUNDS], ratio_fifty[ROUNDS];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		bare[i] = ask_bare(b);
		one[i] = ask_ours(b, 1);
		fifty[i] = ask_ours(b, 50);
		ratio_one[i] = one[i] / bare[i];
		ratio_fifty[i] = fifty[i] / bare[i];
	}
	(void)printf("lookups, %" PRIu64 " contacts, ns an address: "
		     "bare HMAC + mdb_get %.0f; ours, a transaction each "
		     "%.0f (x %.2f), 50 a transaction %.0f (x %.2f)\n",
		     b->contacts, median(bare), median(one), median(ratio_one),
		     median(fifty), median(ratio_fifty));
	(void)printf("lookups/s: bare %.0f, ours %.0f and %.0f\n",
		     1e9 / median(bare), 1e9 / median(one),
		     1e9 / median(fifty));
}

int main(int argc, char **argv)
{
	struct bench b = {.seed = 88172645463325252u};
	char folder[4096];

	if (argc != 3 ||
	    cm_parse_u64(cm_span(argv[2]), UINT32_MAX, &b.contacts) != CM_OK ||
	    b.contacts == 0) {
		(void)fprintf(stderr, "usage: lookup CONFIG CONTACTS\n");
		return 64;
	}
	open_ours(&b, argv[1]);
	(void)snprintf(folder, sizeof(folder), "%s.bare", argv[1]);
	make_bare(&b, folder);
	compare(&b);
	return b.found > 0 ? 0 : 1; /* the process ends, memory with it */
}
