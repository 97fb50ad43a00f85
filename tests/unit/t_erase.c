/*
 * erase: no file holds the address, whenever the process dies (GDPR 17,
 * G17-1, G17-2, F-11).
 *
 * The system calls that change files are this program's own here, so that a
 * child can be killed before the first, the second ... of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

#define GONE  "petr.Novak@Example.com"
#define STAYS "eva@example.com"

enum { PEOPLE = 6, STAYS_SEQ = PEOPLE };

/* ---- dying at a chosen write -------------------------------------------- */

static int writes;      /* so far */
static int deadly = -1; /* the one before which to die; -1 = none */

static void count_write(void)
{
	if (writes++ == deadly)
		(void)syscall(SYS_kill, (long)getpid(), (long)SIGKILL);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	count_write();
	return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	count_write();
	return syscall(SYS_writev, fd, v, n);
}

int fdatasync(int fd)
{
	count_write();
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	count_write();
	return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t n)
{
	count_write();
	return (int)syscall(SYS_ftruncate, fd, n);
}

int rename(const char *from, const char *to)
{
	count_write();
	return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path)
{
	count_write();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	count_write();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
	count_write();
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* ---- the store ---------------------------------------------------------- */

static bool file_has(const char *path, const char *text)
{
	size_t n = strlen(text);
	FILE *f = fopen(path, "r");
	char *bytes = NULL;
	size_t size = 0, at;
	bool found = false;

	assert_non_null(f);
	bytes = malloc(1 << 26);
	assert_non_null(bytes);
	size = fread(bytes, 1, 1 << 26, f);
	for (at = 0; !found && at + n <= size; at++)
		found = cm_ascii_lower(bytes[at]) == text[0] &&
			strncasecmp(bytes + at, text, n) == 0;
	free(bytes);
	(void)fclose(f);
	return found;
}

/* In how many files below the folder does it stand, in any case? */
static int files_with(const char *folder, const char *text)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int found = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[512];
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
			       entry->d_name);
		assert_int_equal(lstat(path, &st), 0);
		if (S_ISDIR(st.st_mode))
			found += files_with(path, text);
		else if (st.st_size > 0 && file_has(path, text))
			found++;
	}
	(void)closedir(dir);
	return found;
}

static void give(struct kit *kit, const char *address, enum cm_event_type type,
		 enum cm_actor actor)
{
	struct cm_store_entry entry = {0};
	struct cm_address parsed;
	struct cm_error err;
	char evidence[128];
	uint64_t seq;

	assert_int_equal(cm_address_parse(cm_span(address), &parsed, &err),
			 CM_OK);
	(void)snprintf(evidence, sizeof(evidence), "{\"said\":\"%s\"}",
		       address);
	entry.event = kit_event(kit, address, type);
	entry.event.actor = actor;
	entry.address = &parsed;
	entry.as_given = cm_span(address);
	entry.evidence = cm_span(evidence);
	assert_int_equal(
		cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err),
		CM_OK);
}

static struct cm_event erasure(struct kit *kit, const char *address,
			       enum cm_actor actor)
{
	struct cm_event event = kit_event(kit, address, CM_EVENT_ERASED);

	event.actor = actor;
	event.has_notice = false;
	event.purpose[0] = '\0';
	event.source[0] = '\0';
	event.language[0] = '\0';
	event.attested = false;
	return event;
}

static int erase(struct kit *kit, const char *address,
		 struct cm_erased *ret_erased)
{
	struct cm_event event = erasure(kit, address, CM_ACTOR_ADMIN);
	struct cm_error err;
	uint64_t seq;
	int rc;

	rc = cm_store_erase(kit->store, &event, 1, KIT_NOW, &seq, ret_erased,
			    &err);
	if (rc != CM_OK)
		print_message("%s\n", err.text);
	return rc;
}

static int set_up(void **state)
{
	struct kit *kit = malloc(sizeof(*kit));
	char address[64];

	assert_non_null(kit);
	kit_new(kit);
	for (int i = 0; i < PEOPLE; i++) {
		(void)snprintf(address, sizeof(address), "p%d@example.com", i);
		give(kit, address, CM_EVENT_GRANTED, CM_ACTOR_ADMIN);
	}
	give(kit, STAYS, CM_EVENT_GRANTED, CM_ACTOR_ADMIN);
	give(kit, GONE, CM_EVENT_GRANTED, CM_ACTOR_ADMIN);
	give(kit, GONE, CM_EVENT_GRANTED, CM_ACTOR_ADMIN);
	*state = kit;
	return 0;
}

static int tear_down(void **state)
{
	kit_free(*state);
	free(*state);
	return 0;
}

static int address_rc(struct kit *kit, const char *address)
{
	struct cm_id contact, family;
	struct cm_span canonical, as_given;

	kit_ids(kit, address, &contact, &family);
	return cm_store_address(kit->store, &contact, kit->arena, &canonical,
				&as_given, NULL);
}

static int evidence_rc(struct kit *kit, uint64_t seq)
{
	struct cm_span evidence;

	return cm_store_evidence(kit->store, seq, kit->arena, &evidence, NULL);
}

static bool stands_erased(struct kit *kit, const char *address)
{
	struct cm_view own, family;

	kit_lookup(kit, address, &own, &family);
	return kit_fact(&own, CM_FACT_ERASED) != NULL;
}

/* What holds after an erasure, however it came about. */
static void check_erased(struct kit *kit)
{
	struct cm_store_counts counts;

	assert_int_equal(files_with(kit->folder, GONE), 0);
	assert_true(files_with(kit->folder, STAYS) > 0);
	assert_true(stands_erased(kit, GONE));
	assert_int_equal(address_rc(kit, GONE), CM_ENOTFOUND);
	assert_int_equal(address_rc(kit, STAYS), CM_OK);
	assert_int_equal(evidence_rc(kit, STAYS_SEQ), CM_OK);
	assert_int_equal(evidence_rc(kit, STAYS_SEQ + 1), CM_ENOTFOUND);
	assert_int_equal(evidence_rc(kit, STAYS_SEQ + 2), CM_ENOTFOUND);
	assert_int_equal(cm_store_count(kit->store, &counts, NULL), CM_OK);
	assert_int_equal(counts.addresses, PEOPLE + 1);
	assert_int_equal(counts.erase_pending, 0);
	kit_verify(kit, true);
}

static void test_nothing_is_left(void **state)
{
	struct kit *kit = *state;
	struct cm_erased erased;

	assert_int_equal(files_with(kit->folder, GONE), 1);
	assert_int_equal(erase(kit, GONE, &erased), CM_OK);
	assert_int_equal(erased.addresses, 1);
	assert_int_equal(erased.evidence, 2);
	check_erased(kit);
	/* Once more changes nothing else. */
	assert_int_equal(erase(kit, GONE, &erased), CM_OK);
	assert_int_equal(erased.addresses + erased.evidence, 0);
	check_erased(kit);
	/* And the store goes on. */
	give(kit, "new@example.com", CM_EVENT_GRANTED, CM_ACTOR_ADMIN);
	assert_int_equal(address_rc(kit, "new@example.com"), CM_OK);
	kit_verify(kit, true);
}

/* Owner, group and mode are those of the file it replaces (G32). */
static void test_the_file_keeps_its_mode(void **state)
{
	struct kit *kit = *state;
	struct cm_erased erased;
	struct stat before, after;
	char path[160];

	kit_path(kit, "store/private/data.mdb", path);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(erase(kit, GONE, &erased), CM_OK);
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(before.st_uid, after.st_uid);
	assert_int_equal(before.st_gid, after.st_gid);
	kit_path(kit, "store/private/new", path);
	assert_int_equal(access(path, F_OK), -1);
}

/* G17-2: what others say later brings no address back; the person does. */
static void test_only_the_person_comes_back(void **state)
{
	struct kit *kit = *state;
	struct cm_erased erased;
	uint64_t seq;
	struct cm_store_counts counts;

	assert_int_equal(erase(kit, GONE, &erased), CM_OK);
	give(kit, GONE, CM_EVENT_WITHDRAWN, CM_ACTOR_ADMIN);
	give(kit, GONE, CM_EVENT_GRANTED, CM_ACTOR_IMPORT);
	check_erased(kit);
	give(kit, GONE, CM_EVENT_REQUESTED, CM_ACTOR_PERSON);
	assert_int_equal(address_rc(kit, GONE), CM_OK);
	give(kit, GONE, CM_EVENT_CONFIRMED, CM_ACTOR_PERSON);
	assert_int_equal(cm_store_count(kit->store, &counts, NULL), CM_OK);
	seq = counts.events - 1;
	assert_int_equal(evidence_rc(kit, seq), CM_OK);
	kit_verify(kit, true);
	/* Rebuild erases again what was before, not what came after. */
	assert_int_equal(cm_store_rebuild(kit->store, NULL, NULL, NULL), CM_OK);
	assert_int_equal(address_rc(kit, GONE), CM_OK);
	assert_int_equal(evidence_rc(kit, seq), CM_OK);
	assert_int_equal(evidence_rc(kit, STAYS_SEQ + 1), CM_ENOTFOUND);
	kit_verify(kit, true);
	/* Now others may record what they say, and they may be erased again. */
	give(kit, GONE, CM_EVENT_GRANTED, CM_ACTOR_ADMIN);
	assert_int_equal(evidence_rc(kit, seq + 1), CM_OK);
	assert_int_equal(erase(kit, GONE, &erased), CM_OK);
	assert_int_equal(files_with(kit->folder, GONE), 0);
	kit_verify(kit, true);
}

/* A backup of private from before is erased again by rebuild. */
static void test_rebuild_erases_an_old_backup(void **state)
{
	struct kit *kit = *state;
	struct cm_erased erased;
	char path[160];

	kit_copy(kit, "store/private/data.mdb", "old");
	assert_int_equal(erase(kit, GONE, &erased), CM_OK);
	kit_path(kit, "old", path);
	kit_copy(kit, "old", "store/private/data.mdb");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(files_with(kit->folder, GONE), 1);
	assert_int_equal(cm_store_rebuild(kit->store, NULL, NULL, NULL), CM_OK);
	check_erased(kit);
}

/* As consent-web does it: refused at once, without the ledger's lock; the
 * rest later. */
static int erase_by_stop(struct kit *kit, const char *address,
			 struct cm_erased *ret_erased)
{
	struct cm_event event = erasure(kit, address, CM_ACTOR_PERSON);
	size_t count;
	int rc = cm_store_stop(kit->store, &event, 1, KIT_NOW, NULL);

	if (rc == CM_OK)
		rc = cm_store_fold_stop(kit->store, KIT_NOW, &count, NULL);
	return rc == CM_OK ? cm_store_erase_finish(kit->store, ret_erased, NULL)
			   : rc;
}

/* G17-1: a person's own word: obeyed before the ledger has it, then gone. */
static void test_erased_through_stop(void **state)
{
	struct kit *kit = *state;
	struct cm_event event = erasure(kit, GONE, CM_ACTOR_PERSON);
	struct cm_store_counts counts;
	struct cm_erased erased;
	size_t count;

	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, NULL),
			 CM_OK);
	assert_true(stands_erased(kit, GONE));
	assert_int_equal(files_with(kit->folder, GONE), 1);
	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, NULL),
			 CM_OK);
	assert_int_equal(count, 1);
	assert_int_equal(cm_store_count(kit->store, &counts, NULL), CM_OK);
	assert_int_equal(counts.erase_pending, 1);
	assert_int_equal(cm_store_erase_finish(kit->store, &erased, NULL),
			 CM_OK);
	assert_int_equal(erased.addresses, 1);
	assert_int_equal(erased.evidence, 2);
	check_erased(kit);
	/* Said twice it is no more erased; and any writer may have folded. */
	assert_int_equal(erase_by_stop(kit, GONE, &erased), CM_OK);
	assert_int_equal(erased.addresses + erased.evidence, 0);
	check_erased(kit);
	event = erasure(kit, STAYS, CM_ACTOR_PERSON);
	assert_int_equal(cm_store_stop(kit->store, &event, 1, KIT_NOW, NULL),
			 CM_OK);
	give(kit, "new@example.com", CM_EVENT_GRANTED, CM_ACTOR_ADMIN);
	kit_reopen(kit, CM_STORE_WRITE);
	assert_int_equal(files_with(kit->folder, STAYS), 0);
	kit_verify(kit, true);
}

/* Looking at what is left is no new start: an old backup is erased again. */
static void test_looking_brings_nothing_back(void **state)
{
	struct kit *kit = *state;
	struct cm_store_entry entry = {0};
	struct cm_erased erased;
	char path[160];
	uint64_t seq;

	kit_copy(kit, "store/private/data.mdb", "old");
	assert_int_equal(erase_by_stop(kit, GONE, &erased), CM_OK);
	entry.event = erasure(kit, GONE, CM_ACTOR_PERSON);
	entry.event.type = CM_EVENT_DISCLOSED;
	(void)snprintf(entry.event.to, sizeof(entry.event.to), "the person");
	assert_int_equal(
		cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, NULL),
		CM_OK);
	kit_copy(kit, "old", "store/private/data.mdb");
	kit_path(kit, "old", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(files_with(kit->folder, GONE), 1);
	assert_int_equal(cm_store_rebuild(kit->store, NULL, NULL, NULL), CM_OK);
	check_erased(kit);
}

/* Whoever opens it for writing next finishes what a kill interrupted. */
typedef int erase_fn(struct kit *kit, const char *address,
		     struct cm_erased *ret_erased);

static int die_at(struct kit *kit, int write, erase_fn *by)
{
	pid_t child;
	int status;

	kit_close(kit);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct cm_erased erased;

		kit_reopen(kit, CM_STORE_WRITE);
		writes = 0;
		deadly = write;
		_exit(by(kit, GONE, &erased) == CM_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

/* What the thread of consent-web does when it starts. */
static void start_again(struct kit *kit)
{
	struct cm_erased erased;
	size_t count;

	assert_int_equal(cm_store_fold_stop(kit->store, KIT_NOW, &count, NULL),
			 CM_OK);
	assert_int_equal(cm_store_erase_finish(kit->store, &erased, NULL),
			 CM_OK);
}

static void kill_at_every_write(struct kit *kit, erase_fn *by)
{
	int before = 0, between = 0, after = 0;
	int write = 0;

	kit_close(kit);
	kit_copy(kit, "store", "saved");
	for (;; write++) {
		char path[160];
		bool said, left;

		if (write > 0) {
			kit_close(kit);
			kit_copy(kit, "saved", "store");
		}
		if (!die_at(kit, write, by))
			break;
		kit_path(kit, "store", path);
		left = files_with(path, GONE) > 0;
		kit_reopen(kit, CM_STORE_READ);
		said = stands_erased(kit, GONE);
		kit_reopen(kit, CM_STORE_WRITE);
		start_again(kit);
		if (!said) { /* the old state, whole */
			assert_true(left);
			assert_int_equal(address_rc(kit, GONE), CM_OK);
			assert_int_equal(evidence_rc(kit, STAYS_SEQ + 1),
					 CM_OK);
			kit_verify(kit, true);
			before++;
			continue;
		}
		between += left;
		after += !left;
		kit_path(kit, "store", path);
		assert_int_equal(files_with(path, GONE), 0);
		kit_verify(kit, true);
	}
	print_message("%d writes: %d before, %d between, %d after\n", write,
		      before, between, after);
	assert_true(before > 0 && between > 0 && after > 0);
	kit_reopen(kit, CM_STORE_WRITE);
}

static void test_killed_at_every_write(void **state)
{
	kill_at_every_write(*state, erase);
}

static void test_killed_behind_the_answer(void **state)
{
	kill_at_every_write(*state, erase_by_stop);
}

/* An orphan of a write without its ledger commit may be the person's. */
static void test_orphans_go_too(void **state)
{
	struct kit *kit = *state;
	struct cm_erased erased;

	kit_close(kit);
	kit_copy(kit, "store/ledger", "ledger-before");
	kit_reopen(kit, CM_STORE_WRITE);
	give(kit, GONE, CM_EVENT_GRANTED, CM_ACTOR_ADMIN);
	kit_close(kit);
	kit_copy(kit, "ledger-before", "store/ledger");
	kit_reopen(kit, CM_STORE_WRITE);
	assert_int_equal(erase(kit, GONE, &erased), CM_OK);
	assert_int_equal(files_with(kit->folder, GONE), 0);
	kit_verify(kit, true);
}

/* No room: the mark stands, the old file is whole, the next open does it. */
static void test_cannot_be_rewritten(void **state)
{
	struct kit *kit = *state;
	struct cm_erased erased;
	struct cm_store_counts counts;
	char path[160];

	kit_path(kit, "store/private/new", path);
	assert_int_equal(mkdir(path, 0700), 0);
	kit_path(kit, "store/private/new/stranger", path);
	(void)close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_not_equal(erase(kit, GONE, &erased), CM_OK);
	assert_true(stands_erased(kit, GONE));
	kit_verify(kit, true);
	assert_int_equal(cm_store_count(kit->store, &counts, NULL), CM_OK);
	assert_int_equal(counts.erase_pending, 1);
	assert_int_equal(unlink(path), 0);
	kit_reopen(kit, CM_STORE_WRITE);
	check_erased(kit);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_is_left),
		TEST(test_the_file_keeps_its_mode),
		TEST(test_only_the_person_comes_back),
		TEST(test_rebuild_erases_an_old_backup),
		TEST(test_erased_through_stop),
		TEST(test_looking_brings_nothing_back),
		TEST(test_killed_at_every_write),
		TEST(test_killed_behind_the_answer),
		TEST(test_orphans_go_too),
		TEST(test_cannot_be_rewritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
