/*
 * store: three users, and what file modes let each of them do (design 2).
 * Only root can be three users; anybody else skips, and says so.
 */
#define _GNU_SOURCE /* setresuid */
#include "policy/store.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

enum {
	GROUP = 61001,       /* every program of ours */
	WRITE_GROUP = 61002, /* web, intake, consentctl */
	MILTER = 61011,
	WEB = 61012,
	STRANGER = 61013, /* in neither group */
};

static const char person[] = "eva@example.com";

/* As init as root leaves it: everything is root's. */
static int set_up(void **state)
{
	struct kit *kit = malloc(sizeof(*kit));

	assert_non_null(kit);
	if (geteuid() != 0) {
		*state = NULL;
		free(kit);
		return 0;
	}
	kit_new_for(kit, GROUP, WRITE_GROUP);
	assert_int_equal(chmod(kit->folder, 0755), 0);
	*state = kit;
	return 0;
}

static int tear_down(void **state)
{
	if (*state != NULL)
		kit_free(*state);
	free(*state);
	return 0;
}

static struct kit *kit_of(void **state)
{
	if (*state == NULL) {
		print_message("SKIPPED: only root can act as three users\n");
		skip();
	}
	return *state;
}

static void become(uid_t uid)
{
	const gid_t groups[] = {GROUP, WRITE_GROUP};
	size_t n = uid == WEB ? 2 : uid == MILTER ? 1 : 0;

	if (setgroups(n, groups) != 0 || setresgid(uid, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		_exit(90);
}

/* Run as that user in a child; its exit status. The store must be closed. */
static int run_as(uid_t uid, struct kit *kit, int (*act)(struct kit *kit))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		become(uid);
		_exit(act(kit));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int open_as(struct kit *kit, enum cm_store_access access)
{
	return cm_store_open(&kit->options, access, kit->keys, &kit->store,
			     NULL);
}

static int read_the_store(struct kit *kit)
{
	struct cm_store_reader *reader;
	struct cm_view own, of_family;
	struct cm_id contact, family;

	if (open_as(kit, CM_STORE_READ) != CM_OK)
		return 1;
	kit_ids(kit, person, &contact, &family);
	if (cm_store_read_begin(kit->store, kit->arena, &reader, NULL) != CM_OK)
		return 2;
	if (cm_store_lookup(reader, &contact, &family, &own, &of_family,
			    NULL) != CM_OK)
		return 3;
	cm_store_read_end(&reader);
	kit_close(kit);
	return own.count == 1 ? 0 : 4;
}

/* Is there any file below the store that this user can open for writing? */
static int write_any_file(struct kit *kit)
{
	static const char *const names[] = {
		"store/ledger/data.mdb",
		"store/stop/data.mdb",
		"store/private/data.mdb",
		"store/private/lock.mdb",
		"store/private/private.lock",
		"store/writer.lock",
		"store/stop.lock",
		"store/new",
		"store/ledger/new",
		"store/stop/new",
		"store/private/new",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[160];
		bool makes = strstr(names[i], "/new") != NULL;
		int fd;

		kit_path(kit, names[i], path);
		fd = open(path, makes ? O_RDWR | O_CREAT : O_RDWR, 0600);
		if (fd >= 0)
			return 10 + (int)i;
		/* Nor swap it for one of its own. */
		if (rename(path, "/tmp/t_store_modes.stolen") == 0 ||
		    unlink(path) == 0)
			return 30 + (int)i;
	}
	return 0;
}

static int read_private(struct kit *kit)
{
	char path[160];

	kit_path(kit, "store/private/data.mdb", path);
	return open(path, O_RDONLY) < 0 ? 0 : 1;
}

static int write_through_the_store(struct kit *kit)
{
	struct cm_event event = kit_event(kit, person, CM_EVENT_WITHDRAWN);
	struct cm_store_entry entry = {.event = event};
	struct cm_error err = {0};
	uint64_t seq;

	if (cm_store_open(&kit->options, CM_STORE_WRITE, kit->keys, &kit->store,
			  &err) != CM_OK)
		return 1;
	if (cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err) !=
	    CM_OK)
		return 2;
	if (cm_store_stop(kit->store, &event, 1, KIT_NOW, &err) != CM_OK)
		return 3;
	kit_verify(kit, true);
	kit_close(kit);
	return 0;
}

static int write_with_private_data(struct kit *kit)
{
	struct cm_error err = {0};
	struct cm_span a, b;
	struct cm_address address;
	struct cm_store_entry entry = {
		.event = kit_event(kit, person, CM_EVENT_CONFIRMED),
		.address = &address,
		.as_given = cm_span(person),
		.evidence = cm_span("x"),
	};
	uint64_t seq;

	if (cm_address_parse(cm_span(person), &address, &err) != CM_OK ||
	    open_as(kit, CM_STORE_WRITE) != CM_OK ||
	    cm_store_append(kit->store, &entry, 1, KIT_NOW, &seq, &err) !=
		    CM_OK)
		return 1;
	if (cm_store_address(kit->store, &entry.event.contact, kit->arena, &a,
			     &b, &err) != CM_OK)
		return 2;
	kit_close(kit);
	return 0;
}

static int cannot_open(struct kit *kit)
{
	return open_as(kit, CM_STORE_READ) == CM_EIO ? 0 : 1;
}

static void fill(struct kit *kit)
{
	struct cm_event event = kit_event(kit, person, CM_EVENT_GRANTED);

	(void)kit_append(kit, &event, KIT_NOW);
	kit_close(kit);
}

static void test_the_milter_reads_and_cannot_write(void **state)
{
	struct kit *kit = kit_of(state);

	fill(kit);
	assert_int_equal(run_as(MILTER, kit, read_the_store), 0);
	assert_int_equal(run_as(MILTER, kit, write_any_file), 0);
	assert_int_equal(run_as(MILTER, kit, read_private), 0);
	/* Not through the library either: LMDB cannot open for writing. */
	assert_int_equal(run_as(MILTER, kit, write_through_the_store), 1);
	assert_int_equal(run_as(MILTER, kit, read_the_store), 0);
}

static void test_the_web_writes(void **state)
{
	struct kit *kit = kit_of(state);

	fill(kit);
	assert_int_equal(run_as(WEB, kit, read_the_store), 0);
	assert_int_equal(run_as(WEB, kit, write_through_the_store), 0);
	assert_int_equal(run_as(WEB, kit, write_with_private_data), 0);
	/* and what it wrote is still the milter's to read */
	assert_int_equal(run_as(MILTER, kit, write_any_file), 0);
	assert_int_equal(run_as(MILTER, kit, read_the_store), 4);
	kit_reopen(kit, CM_STORE_WRITE);
	kit_verify(kit, true);
}

static void test_strangers_see_nothing(void **state)
{
	struct kit *kit = kit_of(state);

	fill(kit);
	assert_int_equal(run_as(STRANGER, kit, cannot_open), 0);
	assert_int_equal(run_as(STRANGER, kit, write_any_file), 0);
	assert_int_equal(run_as(STRANGER, kit, read_private), 0);
}

/* Whoever comes first makes the lock's contents anew, the modes stay. */
static void test_the_first_to_come_is_the_milter(void **state)
{
	struct kit *kit = kit_of(state);

	kit_close(kit);
	assert_int_equal(run_as(MILTER, kit, read_the_store), 4);
	assert_int_equal(run_as(WEB, kit, write_with_private_data), 0);
	assert_int_equal(run_as(MILTER, kit, read_the_store), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_the_milter_reads_and_cannot_write),
		TEST(test_the_web_writes),
		TEST(test_strangers_see_nothing),
		TEST(test_the_first_to_come_is_the_milter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
