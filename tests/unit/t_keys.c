/* keys: made once, read strictly, never quoted. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/keys.h"

#include "tests/unit/test.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX64 HEX32 HEX32

#define LINE_1                                                                 \
	"line 1 is not \"ID HEX\" or \"ID HEX DATE\" with 64 hex digits in "   \
	"lower case and a date as 2026-01-31"

enum { PATH_SIZE = 256 };

static int setup(void **state)
{
	char *folder = strdup("/tmp/t_keys.XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	*state = folder;
	return 0;
}

static void path_of(const char *folder, const char *name, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/%s", folder, name);
}

static int teardown(void **state)
{
	char *folder = *state;
	char path[PATH_SIZE];
	int kind;

	for (kind = 0; kind < CM_KEY_KINDS; kind++) {
		snprintf(path, sizeof(path), "%s/%s.key", folder,
			 cm_key_kind_name(kind));
		(void)unlink(path);
	}
	assert_int_equal(rmdir(folder), 0); /* nothing else is left */
	free(folder);
	return 0;
}

static void write_file(const char *folder, const char *name, const char *text,
		       size_t n, unsigned mode)
{
	char path[PATH_SIZE];
	FILE *f;

	path_of(folder, name, path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void init_makes_what_open_reads(void **state)
{
	const char *folder = *state;
	struct cm_keys *keys = NULL, *again = NULL;
	char path[PATH_SIZE];
	struct stat st;
	int kind;

	assert_int_equal(cm_keys_init(folder, (gid_t)-1, (gid_t)-1, NULL),
			 CM_OK);
	assert_int_equal(cm_keys_open(folder, &keys, NULL), CM_OK);
	/* A second init changes nothing. */
	assert_int_equal(cm_keys_init(folder, (gid_t)-1, (gid_t)-1, NULL),
			 CM_OK);
	assert_int_equal(cm_keys_open(folder, &again, NULL), CM_OK);
	for (kind = 0; kind < CM_KEY_KINDS; kind++) {
		const struct cm_key *key = cm_keys_current(keys, kind);
		const struct cm_key *same = cm_keys_current(again, kind);

		assert_non_null(key);
		assert_int_equal(key->len, kind == CM_KEY_STORE ? 32 : 64);
		assert_memory_equal(key->bytes, same->bytes, key->len);
		assert_ptr_equal(cm_keys_find(keys, kind, key->id), key);
		assert_null(cm_keys_find(keys, kind, 200));
		snprintf(path, sizeof(path), "%s/%s.key", folder,
			 cm_key_kind_name(kind));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	assert_memory_not_equal(cm_keys_current(keys, CM_KEY_HEADER)->bytes,
				cm_keys_current(keys, CM_KEY_FOOTER)->bytes,
				64);
	cm_keys_free(&keys);
	cm_keys_free(&again);
	assert_null(keys);
}

static void the_last_line_is_the_current_key(void **state)
{
	static const char text[] = "7 " HEX64 "\n9 ff" HEX32
				   "000102030405060708090a0b0c0d0e0f101112"
				   "131415161718191a1b1c1d1e\n";
	struct cm_keys *keys = NULL;
	const char *folder = *state;

	write_file(folder, "store.key", "1 " HEX32 "\n", 67, 0640);
	write_file(folder, "header.key", text, sizeof(text) - 1, 0600);
	assert_int_equal(cm_keys_open(folder, &keys, NULL), CM_OK);
	assert_int_equal(cm_keys_current(keys, CM_KEY_HEADER)->id, 9);
	assert_int_equal(cm_keys_current(keys, CM_KEY_HEADER)->bytes[0], 0xff);
	assert_int_equal(cm_keys_find(keys, CM_KEY_HEADER, 7)->bytes[1], 1);
	/* A kind without a file is a kind this process does not have. */
	assert_null(cm_keys_current(keys, CM_KEY_FOOTER));
	cm_keys_free(&keys);
}

static void what_is_wrong_is_named_and_not_quoted(void **state)
{
	static const struct {
		const char *text;
		unsigned mode;
		const char *error; /* after the path; NULL: fine */
	} cases[] = {
		{"1 " HEX32 "\n", 0640, NULL},
		{"1 " HEX32, 0600, NULL}, /* no final newline */
		{"1 " HEX32 " 2026-01-31\n", 0640, NULL},
		{"1 " HEX32 " 2026-02-30\n", 0640, LINE_1},
		{"1 " HEX32 " 2026-01-31 \n", 0640, LINE_1},
		{"1 " HEX32 " \n", 0640, LINE_1},
		{"1 " HEX32 "\n", 0644,
		 "has mode 0644, which lets others in: chmod 0640 it"},
		{"1 " HEX32 "\n", 0660,
		 "has mode 0660, which lets others in: chmod 0640 it"},
		{"", 0640, "there is no key in it"},
		{"\n", 0640, LINE_1},
		{"1 " HEX32 "\n2 " HEX32 "\n", 0640,
		 "has 2 keys; the store key never changes, so it must have "
		 "exactly one"},
		{"1 " HEX32 "\n1 " HEX32 "\n", 0640, "line 2 repeats key id 1"},
		{"1 " HEX64 "\n", 0640, LINE_1},
		{"1 00ff\n", 0640, LINE_1},
		{"256 " HEX32 "\n", 0640, LINE_1},
		{"1 " HEX32 "\r\n", 0640, LINE_1},
		{HEX32 "\n", 0640, LINE_1},
	};
	const char *folder = *state;
	char want[PATH_SIZE * 2];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_keys *keys = NULL;
		struct cm_error err = {CM_OK, ""};
		int rc;

		write_file(folder, "store.key", cases[i].text,
			   strlen(cases[i].text), cases[i].mode);
		rc = cm_keys_open(folder, &keys, &err);
		if (cases[i].error == NULL) {
			assert_int_equal(rc, CM_OK);
			cm_keys_free(&keys);
			continue;
		}
		assert_int_equal(rc, CM_ECONFIG);
		assert_null(keys);
		snprintf(want, sizeof(want), "%s/store.key: %s", folder,
			 cases[i].error);
		assert_string_equal(err.text, want);
	}
}

static void a_missing_store_key_is_an_error(void **state)
{
	struct cm_keys *keys = NULL;
	struct cm_error err = {CM_OK, ""};

	assert_int_equal(cm_keys_open(*state, &keys, &err), CM_EIO);
	assert_null(keys);
	assert_non_null(strstr(err.text, "store.key: key file cannot be "
					 "opened"));
	assert_non_null(strstr(err.text, "consentctl init"));
}

enum { NOBODY = 65534 };

/* What cm_keys_open says to a user who is not root; -100, -101: ours. */
static int open_as_nobody(const char *folder, bool confirm, bool mailed)
{
	struct cm_keys *keys = NULL;
	struct cm_error err;
	int rc;

	if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		return -100;
	rc = cm_keys_open(folder, &keys, &err);
	if (rc != CM_OK)
		return rc;
	if ((cm_keys_current(keys, CM_KEY_CONFIRM) != NULL) != confirm ||
	    (cm_keys_current(keys, CM_KEY_MAILED) != NULL) != mailed)
		rc = -101;
	cm_keys_free(&keys);
	return rc;
}

static int open_in_child(const char *folder, bool confirm, bool mailed)
{
	pid_t pid = fork();
	int status = -1;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(-open_as_nobody(folder, confirm, mailed));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

/* The write group's keys are not the milter's to read; the others are. */
static void keys_of_the_write_group_may_be_out_of_reach(void **state)
{
	const char *folder = *state;
	char path[PATH_SIZE];
	int kind;

	assert_int_equal(cm_keys_init(folder, (gid_t)-1, (gid_t)-1, NULL),
			 CM_OK);
	if (geteuid() == 0) {
		assert_int_equal(chown(folder, NOBODY, NOBODY), 0);
		for (kind = 0; kind < CM_KEY_KINDS; kind++) {
			snprintf(path, sizeof(path), "%s/%s.key", folder,
				 cm_key_kind_name(kind));
			assert_int_equal(chown(path, NOBODY, NOBODY), 0);
		}
	}
	assert_int_equal(open_in_child(folder, true, true), CM_OK);
	path_of(folder, "confirm.key", path);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(open_in_child(folder, false, true), CM_OK);
	path_of(folder, "header.key", path);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(open_in_child(folder, false, true), CM_EIO);
}

/* ---- rotation: R8058-14 -------------------------------------------------- */

static size_t read_file(const char *folder, const char *name, char *out,
			size_t room)
{
	char path[PATH_SIZE];
	FILE *f;
	size_t n;

	path_of(folder, name, path);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(out, 1, room, f);
	assert_int_equal(fclose(f), 0);
	return n;
}

static void init(const char *folder)
{
	assert_int_equal(cm_keys_init(folder, (gid_t)-1, (gid_t)-1, NULL),
			 CM_OK);
}

static int rotate(const char *folder, enum cm_key_kind kind, uint8_t *ret_id,
		  struct cm_error *err)
{
	return cm_keys_rotate(folder, kind, (gid_t)-1, (gid_t)-1, ret_id, err);
}

static void a_rotation_adds_a_key_and_keeps_the_others(void **state)
{
	const char *folder = *state;
	static char before[512], after[1024];
	char path[PATH_SIZE];
	struct cm_keys *keys = NULL;
	struct stat st;
	size_t n;
	int kind;

	init(folder);
	for (kind = CM_KEY_STORE + 1; kind < CM_KEY_KINDS; kind++) {
		char name[64];
		uint8_t id = 0;

		snprintf(name, sizeof(name), "%s.key", cm_key_kind_name(kind));
		n = read_file(folder, name, before, sizeof(before));
		assert_int_equal(rotate(folder, kind, &id, NULL), CM_OK);
		assert_int_equal(id, 2);
		assert_true(read_file(folder, name, after, sizeof(after)) > n);
		assert_memory_equal(before, after, n);
		path_of(folder, name, path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	assert_int_equal(cm_keys_open(folder, &keys, NULL), CM_OK);
	for (kind = CM_KEY_STORE + 1; kind < CM_KEY_KINDS; kind++) {
		assert_int_equal(cm_keys_count(keys, kind), 2);
		assert_int_equal(cm_keys_at(keys, kind, 0)->id, 1);
		assert_int_equal(cm_keys_current(keys, kind)->id, 2);
		assert_true(cm_keys_current(keys, kind)->made > 0);
		assert_memory_not_equal(cm_keys_find(keys, kind, 1)->bytes,
					cm_keys_find(keys, kind, 2)->bytes, 64);
	}
	cm_keys_free(&keys);
}

static void the_store_key_never_rotates(void **state)
{
	const char *folder = *state;
	struct cm_error err;
	uint8_t id = 77;

	init(folder);
	assert_int_equal(rotate(folder, CM_KEY_STORE, &id, &err), CM_EREFUSED);
	assert_string_equal(err.text, "the store key never changes: "
				      "everybody's record is found by it");
	assert_int_equal(id, 77);
}

/* What a rotation killed before its rename leaves, and after it. */
static void a_killed_rotation_leaves_a_working_set(void **state)
{
	const char *folder = *state;
	struct cm_keys *keys = NULL;
	char path[PATH_SIZE];
	uint8_t id;

	init(folder);
	write_file(folder, "header.key.new", "1 00", 4, 0600);
	assert_int_equal(cm_keys_open(folder, &keys, NULL), CM_OK);
	assert_int_equal(cm_keys_current(keys, CM_KEY_HEADER)->id, 1);
	cm_keys_free(&keys);
	assert_int_equal(rotate(folder, CM_KEY_HEADER, &id, NULL), CM_OK);
	path_of(folder, "header.key.new", path);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void rotate_for_ever(const char *folder)
{
	uint8_t id;

	while (rotate(folder, CM_KEY_FOOTER, &id, NULL) == CM_OK)
		;
	_exit(0);
}

/* kill -9 at any moment: all keys that there were are there still. */
static void a_kill_at_any_moment_loses_no_key(void **state)
{
	const char *folder = *state;
	static char before[64 * 1024], after[64 * 1024];
	size_t had, has;
	char path[PATH_SIZE];
	int round;

	init(folder);
	had = read_file(folder, "footer.key", before, sizeof(before));
	for (round = 0; round < 40; round++) {
		struct cm_keys *keys = NULL;
		pid_t pid = fork();

		if (pid == 0)
			rotate_for_ever(folder);
		assert_true(pid > 0);
		usleep((unsigned)(round * 97 % 4000));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		has = read_file(folder, "footer.key", after, sizeof(after));
		assert_true(has >= had);
		assert_memory_equal(before, after, had);
		assert_int_equal(cm_keys_open(folder, &keys, NULL), CM_OK);
		cm_keys_free(&keys);
		memcpy(before, after, has);
		had = has;
	}
	path_of(folder, "footer.key.new", path);
	(void)unlink(path);
}

static void ids_run_out_and_say_so(void **state)
{
	const char *folder = *state;
	static char text[64 * 1024];
	struct cm_error err;
	uint8_t id;
	size_t n = 0;
	int i;

	init(folder);
	/* 200 to 255, 0 to 198: after 198 comes 199. */
	for (i = 200; i < 200 + 255; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%d %s\n",
				      i % 256, HEX64);
	write_file(folder, "header.key", text, n, 0640);
	assert_int_equal(rotate(folder, CM_KEY_HEADER, &id, NULL), CM_OK);
	assert_int_equal(id, 199);
	assert_int_equal(rotate(folder, CM_KEY_HEADER, &id, &err), CM_ELIMIT);
	assert_non_null(strstr(err.text, "header.key: all 256 key ids are "
					 "used"));
}

static void a_rotation_never_starts_from_what_it_cannot_read(void **state)
{
	const char *folder = *state;
	char path[PATH_SIZE];
	struct cm_error err;
	uint8_t id;
	int fd;

	init(folder);
	write_file(folder, "header.key", "nonsense\n", 9, 0640);
	assert_int_equal(rotate(folder, CM_KEY_HEADER, &id, &err), CM_ECONFIG);
	assert_int_equal(read_file(folder, "header.key", path, PATH_SIZE), 9);
	/* A kind that was never made begins with its first key. */
	path_of(folder, "verp.key", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rotate(folder, CM_KEY_VERP, &id, NULL), CM_OK);
	assert_int_equal(id, 1);
	/* Two at a time would lose one's key. */
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(rotate(folder, CM_KEY_VERP, &id, &err), CM_EAGAIN);
	assert_int_equal(close(fd), 0);
	assert_int_equal(rotate(folder, CM_KEY_VERP, &id, NULL), CM_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(init_makes_what_open_reads,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_last_line_is_the_current_key, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_wrong_is_named_and_not_quoted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_missing_store_key_is_an_error,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			keys_of_the_write_group_may_be_out_of_reach, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_rotation_adds_a_key_and_keeps_the_others, setup,
			teardown),
		cmocka_unit_test_setup_teardown(the_store_key_never_rotates,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_killed_rotation_leaves_a_working_set, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_kill_at_any_moment_loses_no_key, setup, teardown),
		cmocka_unit_test_setup_teardown(ids_run_out_and_say_so, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_rotation_never_starts_from_what_it_cannot_read, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
