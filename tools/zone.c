/*
 * See zone.h.
 *
 * POSIX has no function that takes a time zone: localtime_r() knows only the
 * process's own.  So a child process sets TZ for itself and tells where the
 * offset changed; the C library reads its database, not we.
 */
#include "tools/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"

enum {
	ZONE_NAME_MAX = 64,
	ZONE_STEP = 12 * 3600,   /* no place changed its clocks twice in it */
	ZONE_CHANGES_MAX = 1024, /* Morocco's 57 years have under 200 */
};

struct change {
	int64_t from;   /* s; this offset holds from here on */
	int64_t offset; /* s east of UTC */
};

struct cm_zone {
	size_t count;
	struct change change[];
};

/* ---- offsets ------------------------------------------------------------ */

static bool take_two(struct cm_span *text, uint64_t max, uint64_t *ret_value)
{
	if (text->n < 2 ||
	    cm_parse_u64(cm_span_n(text->p, 2), max, ret_value) != CM_OK)
		return false;
	*text = cm_span_n(text->p + 2, text->n - 2);
	return true;
}

/* "Z", "UTC", "+01:00", "-0530", "+2:00" is not one. */
static bool read_offset(struct cm_span text, int64_t *ret_seconds)
{
	uint64_t hours, minutes;
	bool west;

	if (cm_span_is(text, "z") || cm_span_is(text, "utc") ||
	    cm_span_is(text, "gmt")) {
		*ret_seconds = 0;
		return true;
	}
	if (text.n == 0 || (text.p[0] != '+' && text.p[0] != '-'))
		return false;
	west = text.p[0] == '-';
	text = cm_span_n(text.p + 1, text.n - 1);
	if (!take_two(&text, 23, &hours))
		return false;
	if (text.n > 0 && text.p[0] == ':')
		text = cm_span_n(text.p + 1, text.n - 1);
	if (!take_two(&text, 59, &minutes) || text.n > 0)
		return false;
	*ret_seconds = (int64_t)(hours * 3600 + minutes * 60);
	if (west)
		*ret_seconds = -*ret_seconds;
	return true;
}

static int make_zone(const struct change *changes, size_t count,
		     struct cm_arena *arena, const struct cm_zone **ret_zone,
		     struct cm_error *err)
{
	struct cm_zone *zone = cm_arena_alloc(
		arena, sizeof(*zone) + count * sizeof(zone->change[0]));

	if (zone == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	zone->count = count;
	memcpy(zone->change, changes, count * sizeof(changes[0]));
	*ret_zone = zone;
	return CM_OK;
}

/* ---- names -------------------------------------------------------------- */

/* glibc takes a name that it does not know for UTC, without a word. */
static bool is_zone_file(const char *name)
{
	char path[sizeof(ZONE_FOLDER) + ZONE_NAME_MAX];
	char magic[4];
	FILE *f;
	bool is;

	if (name[0] == '\0' || strlen(name) > ZONE_NAME_MAX || name[0] == '/' ||
	    strstr(name, "..") != NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%s%s", ZONE_FOLDER, name);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	is = fread(magic, 1, sizeof(magic), f) == sizeof(magic) &&
	     memcmp(magic, "TZif", sizeof(magic)) == 0; /* RFC 9636, 3.1 */
	(void)fclose(f);
	return is;
}

static int64_t offset_at(int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? tm.tm_gmtoff : 0;
}

/* Between from, where the offset is known, and to, where it is another one. */
static int64_t find_change(int64_t from, int64_t to)
{
	int64_t offset = offset_at(from);

	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;

		if (offset_at(middle) == offset)
			from = middle;
		else
			to = middle;
	}
	return to;
}

static bool tell(FILE *to, int64_t from)
{
	struct change change = {from, offset_at(from)};

	return fwrite(&change, sizeof(change), 1, to) == 1;
}

/* In the child: never returns. */
static void tell_changes(const char *name, int64_t until, int fd)
{
	FILE *to = fdopen(fd, "w");
	bool good = to != NULL && setenv("TZ", name, 1) == 0;
	int64_t at;

	if (good) {
		tzset();
		good = tell(to, 0);
	}
	for (at = 0; good && at < until; at += ZONE_STEP) {
		if (offset_at(at) != offset_at(at + ZONE_STEP))
			good = tell(to, find_change(at, at + ZONE_STEP));
	}
	_exit(good && fclose(to) == 0 ? 0 : 1);
}

static size_t hear_changes(int fd, struct change *changes, size_t room)
{
	FILE *from = fdopen(fd, "r");
	size_t n;

	if (from == NULL) {
		(void)close(fd);
		return 0;
	}
	n = fread(changes, sizeof(changes[0]), room, from);
	(void)fclose(from);
	return n;
}

static bool ended_well(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int ask_child(const char *name, int64_t until, struct cm_arena *arena,
		     const struct cm_zone **ret_zone, struct cm_error *err)
{
	struct change *changes =
		cm_arena_array(arena, ZONE_CHANGES_MAX, sizeof(*changes));
	size_t count = 0;
	int fds[2];
	pid_t child;

	if (changes == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (pipe(fds) != 0)
		return cm_fail_errno(err, errno, "pipe");
	child = fork();
	if (child == 0) {
		(void)close(fds[0]);
		tell_changes(name, until, fds[1]);
	}
	(void)close(fds[1]);
	count = hear_changes(fds[0], changes, ZONE_CHANGES_MAX);
	if (child < 0 || !ended_well(child) || count == 0)
		return cm_fail(err, CM_EIO,
			       "the system could not say what "
			       "the clocks of \"%s\" showed",
			       name);
	return make_zone(changes, count, arena, ret_zone, err);
}

int cm_zone_open(const char *text, int64_t now, struct cm_arena *arena,
		 const struct cm_zone **ret_zone, struct cm_error *err)
{
	struct change only = {0, 0};

	if (read_offset(cm_span(text), &only.offset))
		return make_zone(&only, 1, arena, ret_zone, err);
	if (is_zone_file(text))
		return ask_child(text, now / CM_SECOND_MS, arena, ret_zone,
				 err);
	return cm_fail(err, CM_EUSAGE,
		       "\"%s\" is not a zone that this system knows (write "
		       "+01:00, UTC, or a name below %s, as Europe/Berlin; "
		       "package tzdata has them)",
		       text, ZONE_FOLDER);
}

/* ---- asking ------------------------------------------------------------- */

static void widen(int64_t instant, bool *any, int64_t *first, int64_t *last)
{
	if (!*any || instant < *first)
		*first = instant;
	if (!*any || instant > *last)
		*last = instant;
	*any = true;
}

void cm_zone_instants(const struct cm_zone *zone, int64_t local,
		      int64_t *ret_first, int64_t *ret_last)
{
	int64_t first = local - zone->change[0].offset * CM_SECOND_MS;
	int64_t last = first;
	bool any = false;
	size_t i;

	for (i = 0; i < zone->count; i++) {
		const struct change *c = &zone->change[i];
		int64_t instant = local - c->offset * CM_SECOND_MS;
		bool begun = i == 0 || instant >= c->from * CM_SECOND_MS;
		bool over = i + 1 < zone->count &&
			    instant >= c[1].from * CM_SECOND_MS;

		if (begun && !over)
			widen(instant, &any, &first, &last);
		/* In the gap before the next one: both sides of it. */
		if (over && local - c[1].offset * CM_SECOND_MS <
				    c[1].from * CM_SECOND_MS) {
			widen(instant, &any, &first, &last);
			widen(local - c[1].offset * CM_SECOND_MS, &any, &first,
			      &last);
		}
	}
	*ret_first = first;
	*ret_last = last;
}

/* A link into the database, as timedatectl makes it. */
const char *cm_zone_here(struct cm_arena *arena)
{
	char target[sizeof(ZONE_FOLDER) + ZONE_NAME_MAX];
	ssize_t n = readlink("/etc/localtime", target, sizeof(target) - 1);
	const char *name = NULL;

	if (n > 0) {
		target[n] = '\0';
		if (strncmp(target, ZONE_FOLDER, strlen(ZONE_FOLDER)) == 0)
			name = cm_arena_strdup(arena,
					       target + strlen(ZONE_FOLDER));
	}
	return name != NULL ? name : "UTC";
}
