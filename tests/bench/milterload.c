/*
 * milterload - load a milter as an MTA would, and say how it did.
 *
 * Closed loop (every connection sends the next message when the last one is
 * answered) or, with -r, open loop: messages are due at fixed times, and a
 * message's time runs from when it was due, so a milter that falls behind
 * shows it.  Prints one line of JSON.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/json.h"
#include "tests/bench/load.h"

enum {
	CONNECTIONS_MAX = 1000,
	RCPTS_MAX = 5000,
	ADDRESS_MAX = 64,
	/* Every tenth contact of the bench's store has withdrawn. */
	REFUSED_EVERY = 10,
	OUT_MAX = 4096,
};

static const char usage[] =
	"usage: milterload -u SOCKET -m FILE [options]\n"
	"  -c N   connections, each a thread (1)\n"
	"  -t MS  how long (1000)\n"
	"  -n N   recipients of a message (1)\n"
	"  -k N   contacts that recipients are drawn from (1000000)\n"
	"  -d P   percent of recipients that have withdrawn (0)\n"
	"  -a     every contact once, in turn, however long it takes\n"
	"  -y US  pause before each command, as SMTP makes it (0)\n"
	"  -r N   open loop: messages a second, all connections together\n"
	"  -s     a connection of its own for each message\n"
	"  -p PID the milter's, to count its CPU\n"
	"  -f A   envelope sender (<news@acme.example>)\n";

struct options {
	const char *path;
	const char *file;
	const char *sender;
	uint64_t connections, ms, rcpts, contacts, drop, pause_us, rate, pid;
	bool single, all;
};

/* Shared by the threads of one run. */
struct run {
	const struct options *options;
	struct cm_load_message message;
	int64_t begin, end;   /* ns */
	atomic_ullong ticket; /* of the open loop, of -a */
	atomic_bool failed;
};

/* What one thread has seen. */
struct worker {
	struct run *run;
	pthread_t thread;
	uint64_t seed;
	uint64_t *times; /* ns; owned */
	size_t count, room;
	uint64_t passed, refused, deferred, dropped;
	uint64_t rcpts_refused, rcpts_later, rcpts_deleted, headers, bodies;
	char (*rcpts)[ADDRESS_MAX];
	const char **list;
	size_t nrcpts; /* of the next message */
};

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t draw(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (*seed * UINT64_C(2685821657736338717) >> 20) % below;
}

/* ---- the threads ----------------------------------------------------------
 */

static void name_recipient(struct worker *w, uint64_t who)
{
	char *rcpt = w->rcpts[w->nrcpts];

	(void)snprintf(rcpt, ADDRESS_MAX, "<user%" PRIu64 "@example.com>", who);
	w->list[w->nrcpts++] = rcpt;
}

/* The next ones in turn; none when all have had theirs. */
static void take_recipients(struct worker *w)
{
	const struct options *o = w->run->options;
	uint64_t who = atomic_fetch_add(&w->run->ticket, 1) * o->rcpts;

	w->nrcpts = 0;
	for (; w->nrcpts < o->rcpts && who < o->contacts; who++)
		name_recipient(w, who);
}

static void draw_recipients(struct worker *w)
{
	const struct options *o = w->run->options;
	uint64_t i;

	w->nrcpts = 0;
	for (i = 0; i < o->rcpts; i++) {
		uint64_t who = draw(&w->seed, o->contacts / REFUSED_EVERY) *
			       REFUSED_EVERY;

		if (draw(&w->seed, 100) >= o->drop)
			who += 1 + draw(&w->seed, REFUSED_EVERY - 1);
		name_recipient(w, who);
	}
}

static bool keep_time(struct worker *w, int64_t ns)
{
	if (w->count == w->room) {
		size_t room = w->room > 0 ? w->room * 2 : 4096;
		uint64_t *times = realloc(w->times, room * sizeof(*times));

		if (times == NULL)
			return false;
		w->times = times;
		w->room = room;
	}
	w->times[w->count++] = (uint64_t)ns;
	return true;
}

static void count_result(struct worker *w, const struct cm_load_result *r)
{
	switch (r->verdict) {
	case 'c':
	case 'a':
		w->passed++;
		break;
	case 't':
		w->deferred++;
		break;
	case 'd':
		w->dropped++;
		break;
	default:
		w->refused++;
		break;
	}
	w->rcpts_refused += r->refused;
	w->rcpts_later += r->later;
	w->rcpts_deleted += r->deleted;
	w->headers += r->headers;
	w->bodies += r->body > 0 ? 1 : 0;
}

/* When the next message is due; open loop: sleeps until then. */
static int64_t next_due(struct run *run)
{
	uint64_t rate = run->options->rate, ticket;
	struct timespec t;
	int64_t due;

	if (rate == 0)
		return now_ns();
	ticket = atomic_fetch_add(&run->ticket, 1);
	due = run->begin + (int64_t)(ticket * UINT64_C(1000000000) / rate);
	t.tv_sec = due / 1000000000;
	t.tv_nsec = due % 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		continue;
	return due;
}

static int send_one(struct worker *w, struct cm_load_connection *c, bool *open)
{
	const struct options *o = w->run->options;
	struct cm_load_result result;
	int64_t due = next_due(w->run);

	if (w->nrcpts == 0 || (!o->all && due >= w->run->end))
		return CM_ENOTFOUND; /* over */
	if (!*open && cm_load_open(c, o->path, (unsigned)o->pause_us) != CM_OK)
		return CM_EIO;
	*open = true;
	if (cm_load_send(c, o->sender, w->list, w->nrcpts, &w->run->message,
			 &result) != CM_OK)
		return CM_EIO;
	if (o->single) {
		cm_load_close(c);
		*open = false;
	}
	if (!keep_time(w, now_ns() - due))
		return CM_ENOMEM;
	count_result(w, &result);
	return CM_OK;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct cm_load_connection c;
	bool open = false;
	int rc = CM_OK;

	while (rc == CM_OK && !atomic_load(&w->run->failed)) {
		if (w->run->options->all)
			take_recipients(w);
		else
			draw_recipients(w);
		rc = send_one(w, &c, &open);
	}
	if (rc != CM_ENOTFOUND)
		atomic_store(&w->run->failed, true);
	if (open)
		cm_load_close(&c);
	return NULL;
}

/* ---- the milter's CPU ------------------------------------------------------
 */

/* utime + stime of /proc/PID/stat (fields 14 and 15) in microseconds. */
static uint64_t cpu_us(uint64_t pid)
{
	char path[64], line[1024];
	uint64_t spent = 0, ticks;
	unsigned field;
	char *at, *end;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	at = fgets(line, sizeof(line), f);
	(void)fclose(f);
	at = at != NULL ? strrchr(line, ')') : NULL;
	for (field = 2; at != NULL && field < 15; field++) {
		at = strchr(at, ' ');
		if (at == NULL)
			return 0;
		at++;
		end = at + strcspn(at, " ");
		if (field >= 13 &&
		    cm_parse_u64(cm_span_n(at, (size_t)(end - at)), UINT64_MAX,
				 &ticks) == CM_OK)
			spent += ticks;
	}
	return spent * (1000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* ---- the report ------------------------------------------------------------
 */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* All times of all workers, sorted; owned by the caller. */
static uint64_t *merge_times(const struct worker *workers, size_t n,
			     size_t *ret_count)
{
	size_t i, count = 0;
	uint64_t *all;

	for (i = 0; i < n; i++)
		count += workers[i].count;
	all = calloc(count + 1, sizeof(*all));
	if (all == NULL)
		return NULL;
	count = 0;
	for (i = 0; i < n; i++) {
		if (workers[i].count > 0)
			memcpy(all + count, workers[i].times,
			       workers[i].count * sizeof(*all));
		count += workers[i].count;
	}
	qsort(all, count, sizeof(*all), by_value);
	*ret_count = count;
	return all;
}

static int64_t percentile_us(const uint64_t *sorted, size_t n, size_t percent)
{
	return n > 0 ? (int64_t)(sorted[(n - 1) * percent / 100] / 1000) : 0;
}

static uint64_t sum(const struct worker *workers, size_t n, size_t offset)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < n; i++)
		total += *(const uint64_t
				   *)(const void *)((const char *)&workers[i] +
						    offset);
	return total;
}

static int report(const struct worker *workers, size_t n, int64_t ns,
		  uint64_t cpu)
{
	static const struct {
		const char *name;
		size_t offset;
	} sums[] = {
		{"bodies", offsetof(struct worker, bodies)},
		{"deferred", offsetof(struct worker, deferred)},
		{"dropped", offsetof(struct worker, dropped)},
		{"headers", offsetof(struct worker, headers)},
		{"passed", offsetof(struct worker, passed)},
		{"rcpts_deleted", offsetof(struct worker, rcpts_deleted)},
		{"rcpts_later", offsetof(struct worker, rcpts_later)},
		{"rcpts_refused", offsetof(struct worker, rcpts_refused)},
		{"refused", offsetof(struct worker, refused)},
	};
	struct cm_json_writer writer;
	struct cm_buf out;
	uint64_t *times;
	size_t i, count;
	int rc;

	times = merge_times(workers, n, &count);
	if (times == NULL)
		return CM_ENOMEM;
	cm_buf_init(&out, OUT_MAX);
	cm_json_init(&writer, &out, CM_JSON_COMPACT);
	cm_json_begin_object(&writer);
	cm_json_put_int(&writer, "messages", (int64_t)count);
	cm_json_put_int(&writer, "elapsed_us", ns / 1000);
	cm_json_put_int(&writer, "cpu_us", (int64_t)cpu);
	cm_json_put_int(&writer, "p50_us", percentile_us(times, count, 50));
	cm_json_put_int(&writer, "p99_us", percentile_us(times, count, 99));
	for (i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		cm_json_put_int(&writer, sums[i].name,
				(int64_t)sum(workers, n, sums[i].offset));
	cm_json_end(&writer);
	rc = cm_json_done(&writer);
	if (rc == CM_OK && printf("%s\n", cm_buf_text(&out)) < 0)
		rc = CM_EIO;
	cm_buf_free(&out);
	free(times);
	return rc;
}

/* ---- main ------------------------------------------------------------------
 */

static int take_option(struct options *o, int letter, const char *text)
{
	const struct {
		char letter;
		uint64_t *value;
		uint64_t max;
	} numbers[] = {
		{'c', &o->connections, CONNECTIONS_MAX},
		{'t', &o->ms, 3600000},
		{'n', &o->rcpts, RCPTS_MAX},
		{'k', &o->contacts, 1000000000},
		{'d', &o->drop, 100},
		{'y', &o->pause_us, 999999},
		{'r', &o->rate, 1000000},
		{'p', &o->pid, 1 << 30},
	};
	size_t i;

	if (letter == 'u')
		o->path = text;
	if (letter == 'm')
		o->file = text;
	if (letter == 'f')
		o->sender = text;
	if (letter == 's')
		o->single = true;
	if (letter == 'a')
		o->all = true;
	if (letter == '?')
		return CM_EUSAGE;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].letter == letter)
			return cm_parse_u64(cm_span(text), numbers[i].max,
					    numbers[i].value);
	return CM_OK;
}

static int take_options(int argc, char **argv, struct options *o)
{
	int letter;

	while ((letter = getopt(argc, argv, "u:m:f:c:t:n:k:d:y:r:p:sa")) != -1)
		if (take_option(o, letter, optarg) != CM_OK)
			return CM_EUSAGE;
	if (optind != argc || o->path == NULL || o->file == NULL ||
	    o->connections == 0 || o->rcpts == 0 ||
	    o->contacts < REFUSED_EVERY || (o->all && o->rate > 0))
		return CM_EUSAGE;
	return CM_OK;
}

static int start_workers(struct run *run, struct worker *workers, size_t n)
{
	size_t i, rcpts = run->options->rcpts;

	for (i = 0; i < n; i++) {
		workers[i].run = run;
		workers[i].seed = 88172645463325252u + i * 7919u;
		workers[i].rcpts = calloc(rcpts, ADDRESS_MAX);
		workers[i].list = calloc(rcpts, sizeof(char *));
		if (workers[i].rcpts == NULL || workers[i].list == NULL ||
		    pthread_create(&workers[i].thread, NULL, work,
				   &workers[i]) != 0)
			return CM_ENOMEM;
	}
	for (i = 0; i < n; i++)
		(void)pthread_join(workers[i].thread, NULL);
	return atomic_load(&run->failed) ? CM_EIO : CM_OK;
}

int main(int argc, char **argv)
{
	struct options o = {
		.sender = "<news@acme.example>",
		.connections = 1,
		.ms = 1000,
		.rcpts = 1,
		.contacts = 1000000,
	};
	struct run run = {.options = &o};
	struct worker *workers;
	uint64_t cpu = 0;
	int rc;

	if (take_options(argc, argv, &o) != CM_OK) {
		(void)fputs(usage, stderr);
		return 64;
	}
	workers = calloc(o.connections, sizeof(*workers));
	if (workers == NULL ||
	    cm_load_read_message(o.file, &run.message) != CM_OK) {
		(void)fprintf(stderr,
			      "milterload: %s: not a message with CRLF line "
			      "ends\n",
			      o.file);
		return 65;
	}
	if (o.pid > 0)
		cpu = cpu_us(o.pid);
	run.begin = now_ns();
	run.end = run.begin + (int64_t)o.ms * 1000000;
	rc = start_workers(&run, workers, o.connections);
	if (rc != CM_OK) {
		(void)fprintf(stderr,
			      "milterload: %s: no connection, or the milter "
			      "hung up\n",
			      o.path);
		return 75; /* the process ends, memory with it */
	}
	if (o.pid > 0)
		cpu = cpu_us(o.pid) - cpu;
	rc = report(workers, o.connections, now_ns() - run.begin, cpu);
	return cm_exit_code(rc);
}
