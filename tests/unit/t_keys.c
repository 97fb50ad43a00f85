/* keys: made once, read strictly, never quoted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/keys.h"

#include "tests/unit/test.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HEX64 HEX32 HEX32

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
		{"1 " HEX32 "\n", 0644,
		 "has mode 0644, which lets others in: chmod 0640 it"},
		{"1 " HEX32 "\n", 0660,
		 "has mode 0660, which lets others in: chmod 0640 it"},
		{"", 0640, "there is no key in it"},
		{"\n", 0640,
		 "line 1 is not \"ID HEX\" with 64 hex digits in lower case"},
		{"1 " HEX32 "\n2 " HEX32 "\n", 0640,
		 "has 2 keys; the store key never changes, so it must have "
		 "exactly one"},
		{"1 " HEX32 "\n1 " HEX32 "\n", 0640, "line 2 repeats key id 1"},
		{"1 " HEX64 "\n", 0640,
		 "line 1 is not \"ID HEX\" with 64 hex digits in lower case"},
		{"1 00ff\n", 0640,
		 "line 1 is not \"ID HEX\" with 64 hex digits in lower case"},
		{"256 " HEX32 "\n", 0640,
		 "line 1 is not \"ID HEX\" with 64 hex digits in lower case"},
		{"1 " HEX32 "\r\n", 0640,
		 "line 1 is not \"ID HEX\" with 64 hex digits in lower case"},
		{HEX32 "\n", 0640,
		 "line 1 is not \"ID HEX\" with 64 hex digits in lower case"},
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
