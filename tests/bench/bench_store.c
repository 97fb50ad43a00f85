/*
 * bench_store - what the store costs: import, bytes, durable acts, lookups.
 *
 * usage: bench_store [CONTACTS]     default 1,000,000
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/unit/store_kit.h"

enum { DURABLE = 500, LOOKUPS = 1000000 };

static double seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void stop_if(int rc, const struct cm_error *err)
{
	if (rc == CM_OK)
		return;
	(void)fprintf(stderr, "%d: %s\n", rc, err->text);
	exit(1);
}

static void address_of(uint64_t i, char out[64])
{
	(void)snprintf(out, 64, "person%" PRIu64 "@mail%" PRIu64 ".example.com",
		       i, i % 997);
}

static void import(struct kit *kit, uint64_t contacts)
{
	struct cm_store_batch *batch;
	struct cm_error err = {0};
	double start = seconds(), added;
	uint64_t first;

	stop_if(cm_store_batch_begin(kit->store, &batch, &err), &err);
	for (uint64_t i = 0; i < contacts; i++) {
		struct cm_store_entry entry;
		struct cm_address address;
		char text[64];

		address_of(i, text);
		stop_if(cm_address_parse(cm_span(text), &address, &err), &err);
		entry = (struct cm_store_entry){
			.event = kit_event(kit, text,
					   i % 10 == 0 ? CM_EVENT_WITHDRAWN
						       : CM_EVENT_GRANTED),
			.address = &address,
			.as_given = cm_span(text),
		};
		entry.event.actor = CM_ACTOR_IMPORT;
		entry.event.at = KIT_NOW - (int64_t)(i % 1000) * 86400;
		stop_if(cm_store_batch_add(batch, &entry, &err), &err);
	}
	added = seconds();
	stop_if(cm_store_batch_commit(batch, KIT_NOW, &first, &err), &err);
	cm_store_batch_free(&batch);
	printf("import: parse, hash and add %.2f s, append %.2f s, %.0f "
	       "events/s in all\n",
	       added - start, seconds() - added,
	       (double)contacts / (seconds() - start));
}

static uint64_t file_bytes(const struct kit *kit, const char *name)
{
	char path[160];
	struct stat st;

	kit_path(kit, name, path);
	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static void durable(struct kit *kit)
{
	double start = seconds();

	for (uint64_t i = 0; i < DURABLE; i++) {
		struct cm_event event;
		char text[64];

		address_of(i * 7919, text);
		event = kit_event(kit, text, CM_EVENT_WITHDRAWN);
		(void)kit_append(kit, &event, KIT_NOW);
	}
	printf("append, one durable event at a time: %.0f/s\n",
	       DURABLE / (seconds() - start));
	start = seconds();
	for (uint64_t i = 0; i < DURABLE; i++) {
		struct cm_error err = {0};
		struct cm_event event;
		char text[64];

		address_of(i * 7907, text);
		event = kit_event(kit, text, CM_EVENT_WITHDRAWN);
		stop_if(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			&err);
	}
	printf("stop, one durable refusal at a time: %.0f/s\n",
	       DURABLE / (seconds() - start));
}

static void lookups(struct kit *kit, uint64_t contacts, unsigned per_read)
{
	struct cm_id ids[1024][2];
	struct cm_error err = {0};
	uint64_t done = 0, found = 0;
	double start;

	for (uint64_t i = 0; i < 1024; i++) {
		char text[64];

		address_of(i * 2654435761U % contacts, text);
		kit_ids(kit, text, &ids[i][0], &ids[i][1]);
	}
	start = seconds();
	while (done < LOOKUPS) {
		struct cm_store_reader *reader;

		cm_arena_reset(kit->arena);
		stop_if(cm_store_read_begin(kit->store, kit->arena, &reader,
					    &err),
			&err);
		for (unsigned i = 0; i < per_read; i++, done++) {
			struct cm_view own, family;
			uint64_t n = done * 31 % 1024;

			stop_if(cm_store_lookup(reader, &ids[n][0], &ids[n][1],
						&own, &family, &err),
				&err);
			found += own.count;
		}
		cm_store_read_end(&reader);
	}
	printf("lookup, %u a transaction: %.0f ns (%" PRIu64 " facts)\n",
	       per_read, (seconds() - start) / (double)done * 1e9, found);
}

int main(int argc, char **argv)
{
	uint64_t contacts = 1000000;
	struct rusage usage;
	struct kit kit;
	double start;

	if (argc > 1 &&
	    cm_parse_u64(cm_span(argv[1]), UINT32_MAX, &contacts) != CM_OK)
		return 64;
	kit_new(&kit);
	import(&kit, contacts);
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("memory: %ld MiB at most\n", usage.ru_maxrss / 1024);
	printf("bytes a contact: ledger %.0f, private %.0f\n",
	       (double)file_bytes(&kit, "store/ledger/data.mdb") /
		       (double)contacts,
	       (double)file_bytes(&kit, "store/private/data.mdb") /
		       (double)contacts);
	lookups(&kit, contacts, 1);
	lookups(&kit, contacts, 50);
	durable(&kit);
	lookups(&kit, contacts, 50);
	start = seconds();
	kit_verify(&kit, true);
	printf("verify: %.1f s\n", seconds() - start);
	start = seconds();
	stop_if(cm_store_rebuild(kit.store, NULL, NULL, NULL),
		&(struct cm_error){.text = "rebuild"});
	printf("rebuild: %.1f s\n", seconds() - start);
	kit_free(&kit);
	return 0;
}
