/*
 * store_crash - kill -9 at random moments; nothing acknowledged is missing.
 *
 * Three programs share a store: one appends, one stops and folds, one reads.
 * What was acknowledged goes down a pipe, one person an act.  The parent
 * kills all three, opens the store again, and asks for everything it was
 * told (R8058-18, D7): it is there, once, with its evidence, and verify
 * agrees.  50 rounds; with CM_LONG set, 1,000.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/store_kit.h"

enum {
	ROUNDS = 50,
	ROUNDS_LONG = 1000,
	VERIFY_EVERY_LONG = 10,
	LIFE_MAX_MS = 60,
	PROGRAMS = 3,
	ACTS_MAX = 1 << 21,
};

enum act_kind { APPENDED, STOPPED };

struct act {
	uint32_t kind;
	uint32_t number; /* of the person */
};

struct acts {
	struct act *act;
	size_t count;
};

static void stop_if(int rc, const char *what, const struct cm_error *err)
{
	if (rc == CM_OK)
		return;
	(void)fprintf(stderr, "%s: %d: %s\n", what, rc, err->text);
	exit(1);
}

static void address_of(uint32_t number, char out[64])
{
	(void)snprintf(out, 64, "p%" PRIu32 "@example.com", number);
}

/* ---- what is killed ----------------------------------------------------- */

static void acknowledge(int fd, enum act_kind kind, uint32_t number)
{
	const struct act act = {.kind = kind, .number = number};

	if (write(fd, &act, sizeof(act)) != (ssize_t)sizeof(act))
		_exit(3);
}

static int append(struct kit *kit, uint32_t number)
{
	struct cm_error err = {0};
	struct cm_address address;
	char text[64];
	struct cm_store_entry entry = {.address = &address};
	uint64_t seq;
	int rc;

	address_of(number, text);
	entry.as_given = cm_span(text);
	entry.evidence = cm_span(text);
	entry.event = kit_event(kit, text, CM_EVENT_GRANTED);
	rc = cm_address_parse(cm_span(text), &address, &err);
	if (rc == CM_OK)
		rc = cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq,
				     &err);
	if (rc != CM_OK && rc != CM_EAGAIN)
		(void)fprintf(stderr, "append: %d: %s\n", rc, err.text);
	return rc;
}

static void append_for_ever(struct kit *kit, int fd, uint32_t number)
{
	for (;; number++) {
		int rc = append(kit, number);

		if (rc == CM_OK)
			acknowledge(fd, APPENDED, number);
		else if (rc != CM_EAGAIN)
			_exit(4);
	}
}

static void stop_for_ever(struct kit *kit, int fd, uint32_t number)
{
	for (;; number++) {
		struct cm_error err = {0};
		struct cm_event event;
		char text[64];
		size_t count;
		int rc;

		address_of(number, text);
		event = kit_event(kit, text, CM_EVENT_WITHDRAWN);
		rc = cm_store_stop(kit->store, &event, 1, KIT_NOW, &err);
		if (rc == CM_OK)
			acknowledge(fd, STOPPED, number);
		if (rc == CM_OK && number % 8 == 0)
			rc = cm_store_fold_stop(kit->store, KIT_NOW, &count,
						&err);
		if (rc != CM_OK && rc != CM_EAGAIN) {
			(void)fprintf(stderr, "stop: %d: %s\n", rc, err.text);
			_exit(5);
		}
	}
}

static void read_for_ever(struct kit *kit, int fd, uint32_t number)
{
	(void)fd;
	for (;; number++) {
		struct cm_view own, family;
		char text[64];

		cm_arena_reset(kit->arena);
		address_of(number % 1000, text);
		kit_lookup(kit, text, &own, &family);
	}
}

static pid_t start(struct kit *kit, int program, int fd, uint32_t number)
{
	void (*const programs[PROGRAMS])(struct kit *, int, uint32_t) = {
		append_for_ever, stop_for_ever, read_for_ever};
	pid_t pid = fork();

	if (pid < 0)
		exit(1);
	if (pid > 0)
		return pid;
	kit_reopen(kit, program == 2 ? CM_STORE_READ : CM_STORE_WRITE);
	programs[program](kit, fd, number);
	_exit(0);
}

/* ---- one life ----------------------------------------------------------- */

static void sleep_random(unsigned *seed)
{
	const struct timespec ts = {
		.tv_nsec =
			1000000 + rand_r(seed) % (LIFE_MAX_MS * 1000) * 1000L};

	(void)nanosleep(&ts, NULL);
}

static void drain(int fd, struct acts *acts)
{
	ssize_t n;

	while (acts->count < ACTS_MAX &&
	       (n = read(fd, &acts->act[acts->count], sizeof(struct act))) ==
		       (ssize_t)sizeof(struct act))
		acts->count++;
}

static void one_life(struct kit *kit, unsigned round, unsigned *seed,
		     struct acts *acts)
{
	pid_t pids[PROGRAMS];
	int fds[2];

	if (pipe(fds) != 0)
		exit(1);
	/* More acts in one life than the pipe holds only make it wait. */
	for (int i = 0; i < PROGRAMS; i++)
		pids[i] = start(kit, i, fds[1],
				round * 100000U + (uint32_t)i * 50000U);
	(void)close(fds[1]);
	sleep_random(seed);
	for (int i = 0; i < PROGRAMS; i++)
		(void)kill(pids[i], SIGKILL);
	for (int i = 0; i < PROGRAMS; i++) {
		int status;

		(void)waitpid(pids[i], &status, 0);
		if (!WIFSIGNALED(status)) {
			(void)fprintf(stderr,
				      "round %u: program %d ended by "
				      "itself: %d\n",
				      round, i, WEXITSTATUS(status));
			exit(1);
		}
	}
	drain(fds[0], acts);
	(void)close(fds[0]);
}

/* ---- what must be there ------------------------------------------------- */

static void missing(const struct act *act, const char *what)
{
	(void)fprintf(stderr, "%s of person %" PRIu32 ": %s\n",
		      act->kind == APPENDED ? "append" : "stop", act->number,
		      what);
	exit(1);
}

static void check_act(struct kit *kit, struct cm_store_reader *reader,
		      const struct act *act)
{
	enum cm_fact_kind kind =
		act->kind == APPENDED ? CM_FACT_GRANTED : CM_FACT_WITHDRAWN;
	const struct cm_fact *fact;
	struct cm_id contact, family;
	struct cm_view own, of_family;
	struct cm_error err = {0};
	struct cm_span text;
	uint64_t *seqs;
	size_t count;
	char address[64];

	address_of(act->number, address);
	kit_ids(kit, address, &contact, &family);
	stop_if(cm_store_lookup(reader, &contact, &family, &own, &of_family,
				&err),
		"lookup", &err);
	stop_if(cm_store_events_of(reader, &contact, &seqs, &count, &err),
		"events of", &err);
	fact = kit_fact(&own, kind);
	if (fact == NULL)
		missing(act, "acknowledged, and not there");
	else if (count != (fact->seq == CM_STORE_SEQ_PENDING ? 0 : 1))
		missing(act, "not exactly one event");
	else if (act->kind == APPENDED &&
		 (cm_store_evidence(kit->store, fact->seq, kit->arena, &text,
				    &err) != CM_OK ||
		  !cm_span_is(text, address)))
		missing(act, "without its evidence");
}

static void check_acts(struct kit *kit, const struct acts *acts, size_t from)
{
	struct cm_store_reader *reader;
	struct cm_error err = {0};

	cm_arena_reset(kit->arena);
	stop_if(cm_store_read_begin(kit->store, kit->arena, &reader, &err),
		"read", &err);
	for (size_t i = from; i < acts->count; i++)
		check_act(kit, reader, &acts->act[i]);
	cm_store_read_end(&reader);
}

int main(void)
{
	bool is_long = getenv("CM_LONG") != NULL;
	unsigned rounds = is_long ? ROUNDS_LONG : ROUNDS;
	unsigned seed = (unsigned)time(NULL);
	struct acts acts = {.act = calloc(ACTS_MAX, sizeof(struct act))};
	struct kit kit;

	if (acts.act == NULL)
		return 1;
	kit_new(&kit);
	printf("seed %u, %u rounds, %s\n", seed, rounds, kit.folder);
	for (unsigned round = 1; round <= rounds; round++) {
		size_t before = acts.count;

		kit_close(&kit);
		one_life(&kit, round, &seed, &acts);
		kit_reopen(&kit, CM_STORE_WRITE);
		check_acts(&kit, &acts, before);
		if (!is_long || round % VERIFY_EVERY_LONG == 0)
			kit_verify(&kit, true);
	}
	kit_verify(&kit, true);
	check_acts(&kit, &acts, 0);
	printf("%zu acts acknowledged, all there\n", acts.count);
	kit_free(&kit);
	free(acts.act);
	return acts.count > 0 ? 0 : 1;
}
