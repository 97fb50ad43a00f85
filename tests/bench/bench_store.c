/*
 * bench_store - what the store costs: import, bytes, durable acts, lookups.
 *
 * usage: bench_store [CONTACTS]     default 1,000,000
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/store_kit.h"

enum { DURABLE = 500, ROUND = 50, LOOKUPS = 1000000, THREADS = 16 };

/* On a shared machine the CPU's time is the one to compare. */
struct span {
	double wall, cpu;
};

static double clock_of(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct span begin(void)
{
	return (struct span){clock_of(CLOCK_MONOTONIC),
			     clock_of(CLOCK_PROCESS_CPUTIME_ID)};
}

static struct span since(struct span start)
{
	struct span now = begin();

	return (struct span){now.wall - start.wall, now.cpu - start.cpu};
}

static void say(const char *what, struct span span, uint64_t count)
{
	printf("%-34s %8.2f s, %8.2f s CPU; %8.0f/s, %8.0f ns CPU each\n", what,
	       span.wall, span.cpu, (double)count / span.wall,
	       span.cpu * 1e9 / (double)count);
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

/* As consentctl import does: the address is parsed once. */
static struct cm_event event_of(struct kit *kit, uint64_t i,
				const struct cm_address *address)
{
	struct cm_event event = {
		.type = i % 10 == 0 ? CM_EVENT_WITHDRAWN : CM_EVENT_GRANTED,
		.actor = CM_ACTOR_IMPORT,
		.purpose = KIT_PURPOSE,
		.channel = "import",
		.batch = "20261121T101500-1f2e3d4c",
		.who = "root",
		.attested = true,
		.at = KIT_NOW - (int64_t)(i % 1000) * 86400,
	};
	struct cm_error err = {0};

	if (event.type == CM_EVENT_GRANTED)
		(void)snprintf(event.source, sizeof(event.source), "order");
	stop_if(cm_address_id(address, kit->hmac, &event.contact), &err);
	event.family = event.contact;
	return event;
}

static void import(struct kit *kit, uint64_t contacts)
{
	struct cm_store_batch *batch;
	struct cm_error err = {0};
	struct span start = begin();
	uint64_t first;

	stop_if(cm_store_batch_begin(kit->store, &batch, &err), &err);
	for (uint64_t i = 0; i < contacts; i++) {
		struct cm_address address;
		char text[64];

		address_of(i, text);
		stop_if(cm_address_parse(cm_span(text), &address, &err), &err);
		stop_if(cm_store_batch_add(
				batch,
				&(struct cm_store_entry){
					.event = event_of(kit, i, &address),
					.address = &address,
					.as_given = cm_span(text)},
				&err),
			&err);
	}
	say("import: parse, hash, add", since(start), contacts);
	start = begin();
	stop_if(cm_store_batch_commit(batch, KIT_NOW, &first, &err), &err);
	say("import: commit", since(start), contacts);
	cm_store_batch_free(&batch);
}

static uint64_t file_bytes(const struct kit *kit, const char *name)
{
	char path[160];
	struct stat st;

	kit_path(kit, name, path);
	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

/* What the disk itself gives: a page written and synced, again and again. */
static void sync_pages(int fd)
{
	char page[4096] = "";

	for (int i = 0; i < ROUND; i++) {
		page[0] = (char)i;
		if (pwrite(fd, page, sizeof(page), 0) != sizeof(page) ||
		    fdatasync(fd) != 0)
			exit(1);
	}
}

static void append_acts(struct kit *kit, uint64_t from)
{
	for (uint64_t i = from; i < from + ROUND; i++) {
		struct cm_event event;
		char text[64];

		address_of(i * 7919, text);
		event = kit_event(kit, text, CM_EVENT_WITHDRAWN);
		(void)kit_append(kit, &event, KIT_NOW);
	}
}

static void stop_acts(struct kit *kit, uint64_t from)
{
	for (uint64_t i = from; i < from + ROUND; i++) {
		struct cm_error err = {0};
		struct cm_event event;
		char text[64];

		address_of(i * 7907, text);
		event = kit_event(kit, text, CM_EVENT_WITHDRAWN);
		stop_if(cm_store_stop(kit->store, &event, 1, KIT_NOW, &err),
			&err);
	}
}

static void add_span(struct span *sum, struct span start)
{
	struct span more = since(start);

	sum->wall += more.wall;
	sum->cpu += more.cpu;
}

/* By turns, for a disk has its moods. */
static void durable(struct kit *kit)
{
	struct span disk = {0, 0}, append = {0, 0}, stop = {0, 0};
	char path[160];
	int fd;

	kit_path(kit, "synced", path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		exit(1);
	for (uint64_t i = 0; i < DURABLE; i += ROUND) {
		struct span start = begin();

		sync_pages(fd);
		add_span(&disk, start);
		start = begin();
		append_acts(kit, i);
		add_span(&append, start);
		start = begin();
		stop_acts(kit, i);
		add_span(&stop, start);
	}
	(void)close(fd);
	say("the disk: 4 KiB and fdatasync", disk, DURABLE);
	say("append, one durable act at a time", append, DURABLE);
	say("stop, one durable act at a time", stop, DURABLE);
	printf("of the disk's own rate: append %.2f, stop %.2f\n",
	       disk.wall / append.wall, disk.wall / stop.wall);
}

struct stopper {
	struct cm_store *store;
	struct cm_event event;
};

static void *stop_on(void *ctx)
{
	struct stopper *stopper = ctx;
	struct cm_error err = {0};

	for (uint64_t i = 0; i < DURABLE / THREADS; i++)
		stop_if(cm_store_stop(stopper->store, &stopper->event, 1,
				      KIT_NOW, &err),
			&err);
	return NULL;
}

/* One-click after a newsletter: many at once, one sync for all. */
static void durable_threads(struct kit *kit)
{
	struct stopper stoppers[THREADS];
	pthread_t threads[THREADS];
	struct span start = begin();

	for (uint64_t i = 0; i < THREADS; i++) {
		char text[64];

		address_of(i, text);
		stoppers[i].store = kit->store;
		stoppers[i].event = kit_event(kit, text, CM_EVENT_WITHDRAWN);
		if (pthread_create(&threads[i], NULL, stop_on, &stoppers[i]))
			exit(1);
	}
	for (uint64_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	say("stop, 16 threads at once", since(start),
	    DURABLE / THREADS * THREADS);
}

static void lookups(struct kit *kit, uint64_t contacts, unsigned per_read)
{
	struct cm_id ids[1024][2];
	struct cm_error err = {0};
	uint64_t done = 0, found = 0;
	struct span start;
	char what[64];

	for (uint64_t i = 0; i < 1024; i++) {
		char text[64];

		address_of(i * 2654435761U % contacts, text);
		kit_ids(kit, text, &ids[i][0], &ids[i][1]);
	}
	start = begin();
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
	(void)snprintf(what, sizeof(what), "lookup, %u a transaction",
		       per_read);
	say(what, since(start), done);
	if (found == 0)
		exit(1);
}

int main(int argc, char **argv)
{
	uint64_t contacts = 1000000;
	struct cm_error err = {0};
	struct rusage usage;
	struct span start;
	struct kit kit;

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
	durable_threads(&kit);
	lookups(&kit, contacts, 50);
	start = begin();
	kit_verify(&kit, true);
	say("verify", since(start), contacts);
	start = begin();
	stop_if(cm_store_rebuild(kit.store, NULL, NULL, &err), &err);
	say("rebuild", since(start), contacts);
	kit_free(&kit);
	return 0;
}
