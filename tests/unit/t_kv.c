/* kv and lockfile: what survives, what is refused, what is noticed. */
#include "lib/kv.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/lockfile.h"
#include "tests/unit/test.h"

enum { FRUIT, TREES, NDBS };

static const char *const db_names[NDBS] = {"fruit", "trees"};

struct fixture {
	char folder[64];
	char data[96];
	char lock[96];
};

static void sh_remove(struct fixture *f)
{
	(void)unlink(f->data);
	(void)unlink(f->lock);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/t_kv.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->data, sizeof(f->data), "%s/data.mdb", f->folder);
	(void)snprintf(f->lock, sizeof(f->lock), "%s/lock.mdb", f->folder);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	sh_remove(f);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static int open_at(const struct fixture *f, bool create, bool read_only,
		   struct cm_kv **ret_kv, struct cm_error *err)
{
	const struct cm_kv_options options = {
		.path = f->folder,
		.dbs = db_names,
		.ndbs = NDBS,
		.map_size = UINT64_C(1) << 30,
		.read_only = read_only,
		.create = create,
	};

	return cm_kv_open(&options, ret_kv, err);
}

static struct cm_kv *must_open(const struct fixture *f, bool create,
			       bool read_only)
{
	struct cm_error err = {0};
	struct cm_kv *kv = NULL;

	if (open_at(f, create, read_only, &kv, &err) != CM_OK)
		fail_msg("open: %s", err.text);
	return kv;
}

static void must_put(struct cm_kv *kv, const char *key, const char *value)
{
	struct cm_kv_txn *txn;
	struct cm_error err = {0};

	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	assert_int_equal(
		cm_kv_put(txn, FRUIT, cm_span(key), cm_span(value), &err),
		CM_OK);
	assert_int_equal(cm_kv_commit(&txn, &err), CM_OK);
}

static void check_get(struct cm_kv *kv, const char *key, const char *want)
{
	struct cm_kv_txn *txn;
	struct cm_error err = {0};
	struct cm_span got;
	int rc;

	assert_int_equal(cm_kv_begin_read(kv, &txn, &err), CM_OK);
	rc = cm_kv_get(txn, FRUIT, cm_span(key), &got, &err);
	if (want == NULL) {
		assert_int_equal(rc, CM_ENOTFOUND);
		assert_string_equal(err.text, "");
	} else {
		assert_int_equal(rc, CM_OK);
		assert_true(cm_span_eq(got, cm_span(want)));
	}
	cm_kv_abort(&txn);
}

static void test_rows_survive_reopening(void **state)
{
	struct fixture *f = *state;
	struct cm_kv *kv = must_open(f, true, false);

	must_put(kv, "apple", "red");
	cm_kv_close(&kv);
	assert_null(kv);
	kv = must_open(f, false, true);
	check_get(kv, "apple", "red");
	check_get(kv, "pear", NULL);
	cm_kv_close(&kv);
	cm_kv_close(&kv); /* NULL is fine */
}

static void test_abort_leaves_nothing(void **state)
{
	struct cm_kv *kv = must_open(*state, true, false);
	struct cm_kv_txn *txn;
	struct cm_error err;

	must_put(kv, "apple", "red");
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	assert_int_equal(
		cm_kv_put(txn, FRUIT, cm_span("plum"), cm_span("blue"), &err),
		CM_OK);
	assert_int_equal(cm_kv_clear(txn, TREES, &err), CM_OK);
	cm_kv_abort(&txn);
	check_get(kv, "plum", NULL);
	check_get(kv, "apple", "red");
	cm_kv_close(&kv);
}

static void test_cursor_goes_in_order(void **state)
{
	static const char *const keys[] = {"a", "b", "c", "d"};
	struct cm_kv *kv = must_open(*state, true, false);
	struct cm_kv_cursor *cursor;
	struct cm_kv_txn *txn;
	struct cm_span key, value;
	struct cm_error err;
	uint64_t count;

	for (size_t i = 4; i-- > 0;)
		must_put(kv, keys[i], "");
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	assert_int_equal(cm_kv_cursor_open(txn, FRUIT, &cursor, &err), CM_OK);
	assert_int_equal(cm_kv_seek(cursor, cm_span("aa"), &key, &value, &err),
			 CM_OK);
	assert_true(cm_span_is(key, "b"));
	assert_int_equal(cm_kv_cursor_del(cursor, &err), CM_OK);
	assert_int_equal(cm_kv_next(cursor, &key, &value, &err), CM_OK);
	assert_true(cm_span_is(key, "c"));
	assert_int_equal(cm_kv_next(cursor, &key, &value, &err), CM_OK);
	assert_int_equal(cm_kv_next(cursor, &key, &value, &err), CM_ENOTFOUND);
	assert_int_equal(cm_kv_seek(cursor, cm_span(""), &key, &value, &err),
			 CM_OK);
	assert_true(cm_span_is(key, "a"));
	assert_int_equal(cm_kv_seek(cursor, cm_span("e"), &key, &value, &err),
			 CM_ENOTFOUND);
	cm_kv_cursor_close(&cursor);
	assert_int_equal(cm_kv_count(txn, FRUIT, &count, &err), CM_OK);
	assert_int_equal(count, 3);
	cm_kv_abort(&txn);
	cm_kv_close(&kv);
}

static void test_append_wants_the_last_key(void **state)
{
	struct cm_kv *kv = must_open(*state, true, false);
	struct cm_kv_txn *txn;
	struct cm_error err;

	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	assert_int_equal(
		cm_kv_append(txn, FRUIT, cm_span("b"), cm_span("1"), &err),
		CM_OK);
	assert_int_equal(
		cm_kv_append(txn, FRUIT, cm_span("c"), cm_span("1"), &err),
		CM_OK);
	assert_int_equal(
		cm_kv_append(txn, FRUIT, cm_span("a"), cm_span("1"), &err),
		CM_ECORRUPT);
	cm_kv_abort(&txn);
	cm_kv_close(&kv);
}

static void test_readers_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct cm_kv *kv = must_open(f, true, false);
	struct cm_kv_txn *txn = NULL;
	struct cm_error err;

	cm_kv_close(&kv);
	kv = must_open(f, false, true);
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_EUSAGE);
	assert_null(txn);
	cm_kv_close(&kv);
}

static void test_nothing_there(void **state)
{
	struct cm_kv *kv = NULL;
	struct cm_error err = {0};

	assert_int_equal(open_at(*state, false, true, &kv, &err), CM_ENOTFOUND);
	assert_null(kv);
	assert_non_null(strstr(err.text, "data.mdb"));
}

static void test_open_once_per_process(void **state)
{
	struct fixture *f = *state;
	struct cm_kv *kv = must_open(f, true, false);
	struct cm_kv *second = NULL;
	struct cm_error err = {0};

	assert_int_equal(open_at(f, false, true, &second, &err), CM_EREFUSED);
	assert_null(second);
	assert_non_null(strstr(err.text, "already"));
	cm_kv_close(&kv);
	kv = must_open(f, false, true);
	cm_kv_close(&kv);
}

static void test_not_across_fork(void **state)
{
	struct cm_kv *kv = must_open(*state, true, false);
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct cm_kv_txn *txn;
		int rc = cm_kv_begin_read(kv, &txn, NULL);

		_exit(rc == CM_EREFUSED ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_get(kv, "apple", NULL);
	cm_kv_close(&kv);
}

/* What happens to the file under an open environment. */
enum harm { REMOVED, REPLACED, EMPTIED, HALVED, UNHARMED };

static void copy_file(const char *from, const char *to)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static void do_harm(const struct fixture *f, enum harm harm, uint64_t bytes)
{
	char other[128];

	(void)snprintf(other, sizeof(other), "%s/other", f->folder);
	switch (harm) {
	case REMOVED:
		assert_int_equal(unlink(f->data), 0);
		break;
	case REPLACED:
		copy_file(f->data, other);
		assert_int_equal(rename(other, f->data), 0);
		break;
	case EMPTIED:
		assert_int_equal(truncate(f->data, 0), 0);
		break;
	case HALVED:
		assert_int_equal(truncate(f->data, (off_t)(bytes / 2)), 0);
		break;
	case UNHARMED:
		break;
	}
}

static void check_harm(struct fixture *f, enum harm harm, int want)
{
	struct cm_kv *kv = must_open(f, true, false);
	struct cm_kv_txn *txn = NULL;
	struct cm_error err = {0};

	for (int i = 0; i < 400; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "key%d", i);
		must_put(kv, key, "a value that takes some room in a page");
	}
	do_harm(f, harm, cm_kv_bytes(kv));
	assert_int_equal(cm_kv_begin_read(kv, &txn, &err), want);
	if (want == CM_OK) {
		cm_kv_abort(&txn);
	} else {
		assert_null(txn);
		assert_non_null(strstr(err.text, f->data));
		/* A write would be lost: it must not be acknowledged. */
		assert_int_equal(cm_kv_begin_write(kv, &txn, &err), want);
	}
	cm_kv_close(&kv);
	sh_remove(f);
}

static void test_a_file_moved_away_is_missed_at_once(void **state)
{
	struct fixture *f = *state;
	const struct cm_kv_options options = {
		.path = f->folder,
		.dbs = db_names,
		.ndbs = NDBS,
		.map_size = UINT64_C(1) << 30,
		.create = true,
	};
	struct cm_kv *kv = NULL;
	struct cm_kv_txn *txn = NULL;
	struct cm_error err = {0};
	char other[128];

	assert_int_equal(cm_kv_open(&options, &kv, NULL), CM_OK);
	(void)snprintf(other, sizeof(other), "%s/other", f->folder);
	must_put(kv, "key", "value");
	check_get(kv, "key", "value"); /* has just looked */
	assert_int_equal(rename(f->data, other), 0);
	copy_file(other, f->data);
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_ECORRUPT);
	assert_int_equal(cm_kv_begin_read(kv, &txn, &err), CM_ECORRUPT);
	cm_kv_close(&kv);
	assert_int_equal(unlink(other), 0);
}

static void test_the_file_changed_under_us(void **state)
{
	static const struct {
		enum harm harm;
		int want;
	} cases[] = {
		{REMOVED, CM_EIO},      {REPLACED, CM_ECORRUPT},
		{EMPTIED, CM_ECORRUPT}, {HALVED, CM_ECORRUPT},
		{UNHARMED, CM_OK},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_harm(*state, cases[i].harm, cases[i].want);
}

static void test_opening_what_is_no_database(void **state)
{
	static const size_t sizes[] = {0, 1, 4096, 8192, 100000};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int read_only = 0; read_only < 2; read_only++) {
			struct cm_kv *kv = NULL;
			struct cm_error err = {0};
			struct stat st;
			int fd =
				open(f->data, O_CREAT | O_TRUNC | O_RDWR, 0600);

			assert_true(fd >= 0);
			assert_int_equal(ftruncate(fd, (off_t)sizes[i]), 0);
			(void)close(fd);
			assert_int_equal(
				open_at(f, false, read_only, &kv, &err),
				CM_ECORRUPT);
			assert_null(kv);
			/* and nothing was made of it */
			assert_int_equal(stat(f->data, &st), 0);
			assert_int_equal(st.st_size, sizes[i]);
		}
	}
}

static void test_opening_what_was_cut(void **state)
{
	struct fixture *f = *state;
	struct cm_kv *kv = must_open(f, true, false);
	struct cm_error err = {0};
	uint64_t bytes;

	for (int i = 0; i < 200; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "key%d", i);
		must_put(kv, key, "a value that takes some room in a page");
	}
	bytes = cm_kv_bytes(kv);
	cm_kv_close(&kv);
	assert_int_equal(truncate(f->data, (off_t)bytes - 1), 0);
	assert_int_equal(open_at(f, false, true, &kv, &err), CM_ECORRUPT);
	assert_non_null(strstr(err.text, "cut short"));
	assert_int_equal(open_at(f, false, false, &kv, &err), CM_ECORRUPT);
	assert_int_equal(truncate(f->data, (off_t)bytes), 0);
	/* The last page is lost, but not one that anybody reads by now. */
	kv = must_open(f, false, true);
	cm_kv_close(&kv);
}

/* Readers can write lock.mdb; what stands there must not undo a commit. */
static void test_a_lie_in_the_lock_file(void **state)
{
	/* LMDB 0.9 on Linux: magic(4), format(4), mutex, id of the last. */
	enum { LAST_AT = 8 + sizeof(pthread_mutex_t) };
	struct fixture *f = *state;
	struct cm_kv *kv = must_open(f, true, false);
	struct cm_kv_txn *txn = NULL;
	struct cm_error err = {0};
	uint64_t last, lie;
	int fd;

	for (int i = 0; i < 3; i++)
		must_put(kv, "apple", i == 2 ? "red" : "green");
	fd = open(f->lock, O_RDWR);
	assert_int_equal(pread(fd, &last, sizeof(last), LAST_AT), sizeof(last));
	lie = last - 1;
	assert_int_equal(pwrite(fd, &lie, sizeof(lie), LAST_AT), sizeof(lie));
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_ECORRUPT);
	assert_null(txn);
	assert_non_null(strstr(err.text, "lock.mdb"));
	assert_int_equal(pwrite(fd, &last, sizeof(last), LAST_AT),
			 sizeof(last));
	check_get(kv, "apple", "red");
	must_put(kv, "plum", "blue");
	check_get(kv, "apple", "red");
	cm_kv_close(&kv);
	(void)close(fd);
}

/* A page that a full disk has no room for would be SIGBUS, not ENOSPC. */
static void test_the_lock_file_has_no_holes(void **state)
{
	struct fixture *f = *state;
	struct cm_kv *kv = must_open(f, true, false);
	struct stat st;
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(stat(f->lock, &st), 0);
		assert_true(st.st_size > 0);
		assert_true(st.st_blocks * 512 >= st.st_size);
		cm_kv_close(&kv);
		/* Another time with one as LMDB makes it. */
		assert_int_equal(truncate(f->lock, 0), 0);
		assert_int_equal(truncate(f->lock, st.st_size), 0);
		kv = must_open(f, false, false);
	}
	cm_kv_close(&kv);
}

static void test_map_full_is_told(void **state)
{
	struct fixture *f = *state;
	const struct cm_kv_options options = {
		.path = f->folder,
		.dbs = db_names,
		.ndbs = NDBS,
		.map_size = 1 << 18,
		.create = true,
	};
	struct cm_kv *kv = NULL;
	struct cm_error err = {0};
	struct cm_kv_txn *txn;
	int rc = CM_OK;

	assert_int_equal(cm_kv_open(&options, &kv, &err), CM_OK);
	must_put(kv, "apple", "red");
	assert_int_equal(cm_kv_begin_write(kv, &txn, &err), CM_OK);
	for (int i = 0; rc == CM_OK && i < 100000; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "key%d", i);
		rc = cm_kv_put(txn, FRUIT, cm_span(key), cm_span("value"),
			       &err);
	}
	assert_int_equal(rc, CM_EIO);
	assert_non_null(strstr(err.text, "store.map-size"));
	cm_kv_abort(&txn);
	check_get(kv, "apple", "red");
	must_put(kv, "plum", "blue");
	cm_kv_close(&kv);
}

static void test_lockfile_deadline(void **state)
{
	struct fixture *f = *state;
	struct cm_error err = {0};
	int fd = open(f->data, O_CREAT | O_RDWR, 0600);
	int first = -1, second = -1;

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(cm_lockfile_take(f->data, 0, &first, &err), CM_OK);
	assert_int_equal(cm_lockfile_take(f->data, 30, &second, &err),
			 CM_EAGAIN);
	assert_int_equal(second, -1);
	assert_non_null(strstr(err.text, f->data));
	cm_lockfile_drop(&first);
	assert_int_equal(first, -1);
	assert_int_equal(cm_lockfile_take(f->data, 30, &second, &err), CM_OK);
	cm_lockfile_drop(&second);
	cm_lockfile_drop(&second);
	assert_int_equal(cm_lockfile_take("/nowhere/lock", 0, &first, &err),
			 CM_EIO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_rows_survive_reopening),
		TEST(test_abort_leaves_nothing),
		TEST(test_cursor_goes_in_order),
		TEST(test_append_wants_the_last_key),
		TEST(test_readers_cannot_write),
		TEST(test_nothing_there),
		TEST(test_open_once_per_process),
		TEST(test_not_across_fork),
		TEST(test_the_file_changed_under_us),
		TEST(test_a_file_moved_away_is_missed_at_once),
		TEST(test_opening_what_is_no_database),
		TEST(test_opening_what_was_cut),
		TEST(test_a_lie_in_the_lock_file),
		TEST(test_the_lock_file_has_no_holes),
		TEST(test_map_full_is_told),
		TEST(test_lockfile_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
