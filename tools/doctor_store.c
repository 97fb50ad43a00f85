/* The store, as it is and as it was signed.  See doctor.h. */
#include "tools/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "policy/config.h"
#include "policy/decide.h"
#include "policy/store.h"
#include "tools/ctl_output.h"
#include "tools/heads.h"
#include "tools/ledger_scan.h"

enum {
	SAMPLE_ROWS = 500, /* some 20 ms */
	READERS_MANY = 800,
	LAG_LONG = 10000, /* commits; an import is one */
	MAP_FULL_PERCENT = 80,
	BATCHES_NAMED = 5,
	/* The timer signs every hour; one that was missed is no news. */
	SIGN_LATE_MS = 3 * 3600 * 1000,
};
/* What the next import needs at least. */
#define DISK_LEAST (UINT64_C(1) << 30)

/* Only root and the groups can look; for others it is not wrong. */
void cm_doctor_store(struct cm_doctor *doctor)
{
	const struct cm_error *err = &doctor->store_missing;
	const char *path = cm_doctor_text(doctor, "%s/store/ledger/data.mdb",
					  doctor->ctl->config->store_path);

	if (err->code == CM_OK)
		cm_doctor_note(doctor, "%s/store",
			       doctor->ctl->config->store_path);
	else if (geteuid() != 0 && access(path, R_OK) != 0 && errno == EACCES)
		cm_doctor_unknown(doctor, "%s", err->text);
	else
		cm_doctor_find(doctor, "%s", err->text);
}

void cm_doctor_sample(struct cm_doctor *doctor)
{
	struct cm_error err;

	if (cm_store_sample(doctor->ctl->store, SAMPLE_ROWS,
			    (uint64_t)doctor->ctl->now, &err) != CM_OK)
		cm_doctor_find(doctor, "%s", err.text);
}

/* ---- what was signed ---------------------------------------------------- */

static bool read_heads(struct cm_doctor *doctor, struct cm_heads *heads)
{
	struct cm_error err;
	int rc = cm_heads_read(doctor->ctl, heads, &err);

	if (rc == CM_ECORRUPT)
		cm_doctor_find(doctor, "%s", err.text);
	else if (rc != CM_OK)
		cm_doctor_unknown(doctor, "%s", err.text);
	return rc == CM_OK && heads->count > 0;
}

/* Compare with the head that was signed last; smaller ones it has proven. */
static void compare(struct cm_doctor *doctor, struct cm_store_reader *reader,
		    const struct cm_checkpoint *signed_head)
{
	uint64_t size = cm_store_size(reader);
	struct cm_hash root;
	struct cm_error err;

	if (size < signed_head->size) {
		cm_doctor_find(doctor,
			       "the ledger has %" PRIu64 " events, the last "
			       "checkpoint %" PRIu64 ": an older copy of the "
			       "store was put in its place, and refusals since "
			       "are lost (consentctl restore brings them back "
			       "from the list that consent-refusals keeps)",
			       size, signed_head->size);
		return;
	}
	if (cm_store_root_at(reader, signed_head->size, &root, &err) != CM_OK)
		cm_doctor_find(doctor, "%s", err.text);
	else if (memcmp(root.b, signed_head->root.b, sizeof(root.b)) != 0)
		cm_doctor_find(doctor,
			       "the first %" PRIu64 " events are not those "
			       "that were signed: the ledger was changed, or "
			       "is another one",
			       signed_head->size);
}

void cm_doctor_checkpoint(struct cm_doctor *doctor)
{
	struct cm_store_reader *reader = NULL;
	struct cm_heads heads;
	struct cm_error err;

	if (!read_heads(doctor, &heads))
		return;
	if (cm_store_read_begin(doctor->ctl->store, doctor->ctl->arena, &reader,
				&err) != CM_OK) {
		cm_doctor_find(doctor, "%s", err.text);
		return;
	}
	compare(doctor, reader, &heads.heads[heads.count - 1].checkpoint);
	cm_store_read_end(&reader);
}

static bool count_store(struct cm_doctor *doctor,
			struct cm_store_counts *counts)
{
	struct cm_error err;

	if (cm_store_count(doctor->ctl->store, counts, &err) == CM_OK)
		return true;
	cm_doctor_unknown(doctor, "%s", err.text);
	return false;
}

void cm_doctor_checkpoint_age(struct cm_doctor *doctor)
{
	const struct cm_signed_head *newest;
	struct cm_store_counts counts;
	struct cm_heads heads;
	struct stat st;

	if (doctor->ctl->config->checkpoint_origin == NULL) {
		cm_doctor_find(doctor,
			       "there is no checkpoint section: nobody "
			       "outside could show that records were changed "
			       "or lost");
		return;
	}
	if (!read_heads(doctor, &heads) || !count_store(doctor, &counts))
		return;
	newest = &heads.heads[heads.count - 1];
	if (counts.events <= newest->checkpoint.size ||
	    stat(cm_heads_path(doctor->ctl, newest->name), &st) != 0)
		return;
	if (doctor->ctl->now - (int64_t)st.st_mtime * CM_SECOND_MS >
	    SIGN_LATE_MS)
		cm_doctor_find(doctor,
			       "%" PRIu64 " events are not signed yet and the "
			       "last checkpoint is older than %d hours: does "
			       "the timer run? (consentctl checkpoint)",
			       counts.events - newest->checkpoint.size,
			       SIGN_LATE_MS / 3600000);
}

/* ---- what waits --------------------------------------------------------- */

void cm_doctor_erasures(struct cm_doctor *doctor)
{
	struct cm_store_counts counts;

	if (count_store(doctor, &counts) && counts.erase_pending > 0)
		cm_doctor_find(doctor,
			       "the data of %" PRIu64 " people is not erased "
			       "yet, because it was interrupted: any command "
			       "that writes finishes it, or says why it cannot",
			       counts.erase_pending);
}

void cm_doctor_stop(struct cm_doctor *doctor)
{
	struct cm_store_counts counts;

	if (count_store(doctor, &counts) && counts.stop_pending > 0)
		cm_doctor_find(doctor,
			       "%" PRIu64 " refusals wait to be written into "
			       "the ledger; they are obeyed already, and "
			       "consent-web writes them within a minute: does "
			       "it run?",
			       counts.stop_pending);
}

void cm_doctor_clock(struct cm_doctor *doctor)
{
	struct cm_store_counts counts;

	if (count_store(doctor, &counts) &&
	    doctor->ctl->now < counts.newest_rec - CM_CLOCK_SLACK_MS)
		cm_doctor_find(doctor,
			       "the clock is %" PRId64 " s behind the newest "
			       "event: marketing is put off (451) until it is "
			       "right",
			       (counts.newest_rec - doctor->ctl->now) /
				       CM_SECOND_MS);
}

/* ---- room --------------------------------------------------------------- */

void cm_doctor_readers(struct cm_doctor *doctor)
{
	struct cm_store_usage usage[CM_STORE_USAGES];
	struct cm_error err;
	int i;

	if (cm_store_usage(doctor->ctl->store, usage, &err) != CM_OK) {
		cm_doctor_unknown(doctor, "%s", err.text);
		return;
	}
	for (i = 0; i < CM_STORE_USAGES; i++) {
		if (usage[i].slots > READERS_MANY)
			cm_doctor_find(doctor,
				       "%s: %u of %u readers' slots were in "
				       "use at once; when all are, marketing "
				       "is put off",
				       usage[i].name, usage[i].slots,
				       usage[i].slots_max);
		if (usage[i].lag > LAG_LONG)
			cm_doctor_find(doctor,
				       "%s: some program has read for %" PRIu64
				       " commits without end, so the file "
				       "grows: restart the daemons",
				       usage[i].name, usage[i].lag);
	}
}

static void check_map(struct cm_doctor *doctor, const char *name,
		      uint64_t bytes)
{
	uint64_t size = doctor->ctl->config->store_map_size;

	if (bytes / MAP_FULL_PERCENT > size / 100)
		cm_doctor_find(doctor,
			       "%s has %" PRIu64 " MB of the %" PRIu64 " MB "
			       "that store.map-size allows: raise it in the "
			       "config of every program and restart them",
			       name, bytes >> 20, size >> 20);
}

void cm_doctor_map(struct cm_doctor *doctor)
{
	struct cm_store_usage usage[CM_STORE_USAGES];
	struct cm_error err;
	struct stat st;
	int i;

	if (cm_store_usage(doctor->ctl->store, usage, &err) != CM_OK) {
		cm_doctor_unknown(doctor, "%s", err.text);
		return;
	}
	for (i = 0; i < CM_STORE_USAGES; i++)
		check_map(doctor, usage[i].name, usage[i].bytes);
	if (stat(cm_doctor_text(doctor, "%s/store/private/data.mdb",
				doctor->ctl->config->store_path),
		 &st) == 0)
		check_map(doctor, "private", (uint64_t)st.st_blocks * 512);
}

/* Erasing writes private anew beside itself. */
void cm_doctor_disk(struct cm_doctor *doctor)
{
	const char *path = cm_doctor_text(doctor, "%s/store",
					  doctor->ctl->config->store_path);
	uint64_t need = DISK_LEAST, have;
	struct statvfs fs;
	struct stat st;

	if (statvfs(path, &fs) != 0) {
		cm_doctor_unknown(doctor, "%s: %s", path, strerror(errno));
		return;
	}
	if (stat(cm_doctor_text(doctor, "%s/private/data.mdb", path), &st) == 0)
		need += (uint64_t)st.st_blocks * 512;
	have = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (have < need)
		cm_doctor_find(doctor,
			       "%s has %" PRIu64 " MB left; the next import or "
			       "erasure may need %" PRIu64 ", and on a full "
			       "disk nobody can unsubscribe",
			       path, have >> 20, need >> 20);
}

/* ---- what the ledger says ----------------------------------------------- */

struct batch {
	char name[CM_BATCH_MAX + 1];
	uint64_t unproven; /* grants that nobody answers for */
	bool undone;
};

/* What one reading of all events gives to several checks. */
struct cm_doctor_ledger {
	struct cm_error failed; /* CM_OK: it was read to the end */
	struct cm_arena *arena;
	struct batch *batches;
	size_t count, room;
	uint64_t unknown;   /* grants of no source that may send */
	uint64_t purchased; /* of them */
};

static bool is_grant(const struct cm_event *event)
{
	return event->type == CM_EVENT_GRANTED ||
	       event->type == CM_EVENT_CONFIRMED;
}

/* Events of a batch stand together: look from the end. */
static struct batch *find_batch(struct cm_doctor_ledger *scan, const char *name)
{
	size_t i;

	for (i = scan->count; i > 0; i--)
		if (strcmp(scan->batches[i - 1].name, name) == 0)
			return &scan->batches[i - 1];
	if (scan->count == scan->room) {
		size_t room = scan->room == 0 ? 64 : scan->room * 2;
		struct batch *grown =
			cm_arena_array(scan->arena, room, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		if (scan->count > 0)
			memcpy(grown, scan->batches,
			       scan->count * sizeof(*grown));
		scan->batches = grown;
		scan->room = room;
	}
	memset(&scan->batches[scan->count], 0, sizeof(*scan->batches));
	(void)snprintf(scan->batches[scan->count].name,
		       sizeof(scan->batches[0].name), "%s", name);
	return &scan->batches[scan->count++];
}

static int look(void *ctx, const struct cm_event *event, uint64_t seq,
		struct cm_error *err)
{
	struct cm_doctor_ledger *scan = ctx;
	struct batch *batch;

	(void)seq;
	if (event->actor == CM_ACTOR_IMPORT && event->batch[0] != '\0') {
		batch = find_batch(scan, event->batch);
		if (batch == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		if (is_grant(event) && !event->attested && !event->has_notice)
			batch->unproven++;
	} else if (event->type == CM_EVENT_CORRECTED &&
		   event->actor != CM_ACTOR_PERSON &&
		   !cm_event_is_of_burst(event)) {
		batch = find_batch(scan, event->batch);
		if (batch != NULL)
			batch->undone = true;
	}
	if (!is_grant(event))
		return CM_OK;
	if (strcmp(event->source, "purchased") == 0)
		scan->purchased++;
	else if (event->source[0] == '\0' ||
		 strcmp(event->source, "unknown") == 0)
		scan->unknown++;
	return CM_OK;
}

static const struct cm_doctor_ledger *scan_ledger(struct cm_doctor *doctor)
{
	struct cm_doctor_ledger *scan = doctor->ledger;

	if (doctor->quick) {
		cm_doctor_unknown(doctor, "--quick does not read all events");
		return NULL;
	}
	if (scan == NULL) {
		scan = cm_arena_alloc(doctor->ctl->arena, sizeof(*scan));
		if (scan == NULL) {
			cm_doctor_unknown(doctor, "out of memory");
			return NULL;
		}
		scan->arena = doctor->ctl->arena;
		if (cm_ledger_scan(doctor->ctl, look, scan, &scan->failed) ==
		    CM_OK)
			scan->failed.code = CM_OK;
		doctor->ledger = scan;
	}
	if (scan->failed.code == CM_OK)
		return scan;
	cm_doctor_unknown(doctor, "%s", scan->failed.text);
	return NULL;
}

void cm_doctor_attested(struct cm_doctor *doctor)
{
	const struct cm_doctor_ledger *scan = scan_ledger(doctor);
	size_t i, found = 0;

	if (scan == NULL)
		return;
	for (i = 0; i < scan->count; i++) {
		const struct batch *batch = &scan->batches[i];

		if (batch->unproven == 0 || batch->undone)
			continue;
		if (++found <= BATCHES_NAMED)
			cm_doctor_find(doctor,
				       "batch %s: nobody answers for %" PRIu64
				       " consents in it, so they do not count "
				       "(import it again with --attest)",
				       batch->name, batch->unproven);
	}
	if (found > BATCHES_NAMED)
		cm_doctor_find(doctor,
			       "and %zu batches more (see: consentctl batches)",
			       found - BATCHES_NAMED);
}

void cm_doctor_sources(struct cm_doctor *doctor)
{
	const struct cm_doctor_ledger *scan = scan_ledger(doctor);

	if (scan == NULL)
		return;
	if (scan->unknown > 0)
		cm_doctor_find(doctor,
			       "%" PRIu64 " consents are of unknown source and "
			       "do not count: who knows where they came from "
			       "imports them again with --source",
			       scan->unknown);
	if (scan->purchased > 0)
		cm_doctor_find(doctor,
			       "%" PRIu64 " consents come from purchased "
			       "lists and never count",
			       scan->purchased);
}
