/* proc: who we are, who holds the lock, what systemd hears. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/proc.h"

#include "tests/unit/test.h"

struct fixture {
	char folder[64];
	char file[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/t_proc.XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	(void)snprintf(f->file, sizeof(f->file), "%s/x", f->folder);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->file);
	(void)rmdir(f->folder);
	free(f);
	return 0;
}

static void unknown_names_say_what_to_do(void **state)
{
	struct cm_proc_user user;
	struct cm_error err;
	gid_t gid;

	(void)state;
	assert_int_equal(cm_proc_user("nosuchuser", &user, &err), CM_ECONFIG);
	assert_non_null(strstr(err.text, "\"nosuchuser\""));
	assert_non_null(strstr(err.text, "adduser --system"));
	assert_int_equal(cm_proc_group("nosuchgroup", &gid, &err), CM_ECONFIG);
	assert_non_null(strstr(err.text, "addgroup --system"));
	assert_int_equal(cm_proc_user("daemon", &user, &err), CM_OK);
	assert_true(user.uid != 0 && user.ngroups > 0);
	assert_int_equal(cm_proc_group("daemon", &gid, &err), CM_OK);
	assert_int_equal(cm_proc_add_group(&user, gid, &err), CM_OK);
}

/* In a child, because there is no way back. */
static int drop_in_child(const struct cm_proc_user *user)
{
	struct cm_error err;
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(cm_proc_drop(user, &err) == CM_OK &&
				      getuid() == user->uid &&
				      getgroups(0, NULL) == user->ngroups
			      ? 0
			      : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void privileges_go_for_good(void **state)
{
	struct cm_proc_user user;
	struct cm_error err;

	(void)state;
	assert_int_equal(cm_proc_user("daemon", &user, &err), CM_OK);
	/* Nobody but root may become somebody else. */
	assert_int_equal(drop_in_child(&user), geteuid() == 0 ? 0 : 1);
}

static void a_second_instance_is_told_of_the_first(void **state)
{
	struct fixture *f = *state;
	struct cm_error err;
	char pid[32];
	int first = -1;
	int second = -1;

	assert_int_equal(cm_proc_lock(f->file, &first, &err), CM_OK);
	assert_int_equal(cm_proc_lock(f->file, &second, &err), CM_EAGAIN);
	(void)snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(err.text, pid));
	assert_int_equal(second, -1);
	assert_int_equal(close(first), 0);
	assert_int_equal(cm_proc_lock(f->file, &second, &err), CM_OK);
	assert_int_equal(close(second), 0);
}

static void a_lock_is_no_way_through_a_link(void **state)
{
	struct fixture *f = *state;
	struct cm_error err;
	int fd = -1;

	assert_int_equal(symlink("/dev/null", f->file), 0);
	assert_int_equal(cm_proc_lock(f->file, &fd, &err), CM_EIO);
	assert_int_equal(cm_proc_pid_file(f->file, &err), CM_EIO);
}

static void the_pid_file_holds_the_pid(void **state)
{
	struct fixture *f = *state;
	struct cm_error err;
	FILE *in;
	long pid = 0;
	char text[32] = "";

	assert_int_equal(cm_proc_pid_file(f->file, &err), CM_OK);
	in = fopen(f->file, "r");
	assert_non_null(in);
	assert_non_null(fgets(text, sizeof(text), in));
	(void)fclose(in);
	pid = (long)getpid();
	assert_int_equal(strtoull(text, NULL, 10), pid);
}

static void systemd_hears(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char text[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", f->file);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", f->file, 1), 0);
	cm_proc_notify("READY=1");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 7);
	assert_string_equal(text, "READY=1");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	cm_proc_notify("READY=1");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
	(void)close(fd);
}

/* The typed command ends with the status the daemon reports. */
static void detach_reports_the_outcome(void **state)
{
	struct cm_error err;
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		int ready = -1;

		if (cm_proc_detach(&ready, &err) != CM_OK)
			_exit(99);
		cm_proc_ready(&ready, 78);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 78);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_names_say_what_to_do),
		cmocka_unit_test(privileges_go_for_good),
		cmocka_unit_test_setup_teardown(
			a_second_instance_is_told_of_the_first, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_lock_is_no_way_through_a_link,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_pid_file_holds_the_pid,
						setup, teardown),
		cmocka_unit_test_setup_teardown(systemd_hears, setup, teardown),
		cmocka_unit_test(detach_reports_the_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
