/* listen: names of sockets, and what stands where one should be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "milter/listen.h"
#include "milter/place.h"

#include "tests/unit/test.h"

static const struct {
	const char *socket;
	const char *why; /* NULL = good */
} rows[] = {
	{"unix:/run/x.sock", NULL},
	{"local:/run/x.sock", NULL},
	{"inet:8891@127.0.0.1", NULL},
	{"inet:8891@localhost", NULL},
	{"inet6:8891@::1", NULL},
	{"inet6:8891@[::1]", NULL},
	{"unix:run/x.sock", "must begin with"},
	{"unix:", "must begin with"},
	/* 108 octets with the closing NUL, unix(7) */
	{"unix:/23456789012345678901234567890123456789012345678901234567890"
	 "1234567890123456789012345678901234567890123456789",
	 "longer than the 107"},
	{"inet:8891", "names no host"},
	{"inet:8891@", "names no host"},
	{"inet:0@127.0.0.1", "from 1 to 65535"},
	{"inet:65536@127.0.0.1", "from 1 to 65535"},
	{"inet:smtp@127.0.0.1", "from 1 to 65535"},
	{"inet:+25@127.0.0.1", "from 1 to 65535"},
	{"inet6:8891@[]", "too long or empty"},
	{"/run/x.sock", "is neither"},
	{"", "is neither"},
	{"fd:3", "is neither"},
};

static void names_are_checked(void **state)
{
	struct cm_place place;
	struct cm_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = cm_place_parse(rows[i].socket, &place, &err);

		if (rows[i].why == NULL) {
			assert_int_equal(rc, CM_OK);
			continue;
		}
		assert_int_equal(rc, CM_ECONFIG);
		if (strstr(err.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].socket, err.text);
	}
}

struct place {
	char folder[64];
	char path[96];
	char name[104];
	struct cm_listener listener;
	struct cm_listening listening;
};

static void set_up(struct place *p)
{
	memset(p, 0, sizeof(*p));
	(void)snprintf(p->folder, sizeof(p->folder), "/tmp/t_listen.XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	(void)snprintf(p->path, sizeof(p->path), "%s/in/s", p->folder);
	(void)snprintf(p->name, sizeof(p->name), "unix:%s", p->path);
	p->listener.socket = p->name;
	p->listener.socket_mode = 0620;
	p->listening.fd = -1;
	p->listening.lock_fd = -1;
}

static int try_open(struct place *p, struct cm_error *err)
{
	return cm_listen_open(&p->listener, (uid_t)-1, &p->listening, err);
}

static void tear_down(struct place *p)
{
	char command[128];

	cm_listen_close(&p->listening);
	(void)snprintf(command, sizeof(command), "rm -rf %s", p->folder);
	assert_int_equal(system(command), 0);
}

static bool answers(const struct place *p)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool yes;

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", p->path);
	yes = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	(void)close(fd);
	return yes;
}

/* Folder and socket are made, with the mode asked for and no other. */
static void a_socket_is_made_and_held(void **state)
{
	struct place p;
	struct cm_listening second;
	struct cm_error err;
	struct stat st;

	(void)state;
	set_up(&p);
	assert_int_equal(try_open(&p, &err), CM_OK);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0620);
	assert_true(answers(&p));
	assert_int_equal(cm_listen_open(&p.listener, (uid_t)-1, &second, &err),
			 CM_EAGAIN);
	assert_non_null(strstr(err.text, "another instance"));
	assert_true(answers(&p));
	/* A stale one is no obstacle. */
	cm_listen_close(&p.listening);
	assert_int_equal(access(p.path, F_OK), 0);
	assert_int_equal(try_open(&p, &err), CM_OK);
	assert_true(answers(&p));
	tear_down(&p);
}

/* Somebody else's program without our lock keeps its socket. */
static void a_served_socket_is_not_stolen(void **state)
{
	struct place p;
	struct cm_error err;
	char lock[104];

	(void)state;
	set_up(&p);
	assert_int_equal(try_open(&p, &err), CM_OK);
	(void)close(p.listening.lock_fd);
	p.listening.lock_fd = -1;
	assert_int_equal(cm_listen_open(&p.listener, (uid_t)-1,
					&(struct cm_listening){0}, &err),
			 CM_EAGAIN);
	assert_non_null(strstr(err.text, "another program serves"));
	assert_true(answers(&p));
	(void)snprintf(lock, sizeof(lock), "%s.lock", p.path);
	assert_int_equal(access(lock, F_OK), 0);
	tear_down(&p);
}

static void a_file_is_not_removed(void **state)
{
	struct place p;
	struct cm_error err;
	FILE *out;

	(void)state;
	set_up(&p);
	assert_int_equal(try_open(&p, &err), CM_OK);
	cm_listen_close(&p.listening);
	assert_int_equal(unlink(p.path), 0);
	out = fopen(p.path, "w");
	assert_non_null(out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(try_open(&p, &err), CM_ECONFIG);
	assert_non_null(strstr(err.text, "is no socket"));
	assert_int_equal(access(p.path, F_OK), 0);
	tear_down(&p);
}

static void a_group_that_is_not_there_is_named(void **state)
{
	struct place p;
	struct cm_error err;

	(void)state;
	set_up(&p);
	p.listener.socket_group = "nosuchgroup";
	assert_int_equal(try_open(&p, &err), CM_ECONFIG);
	assert_non_null(strstr(err.text, "\"nosuchgroup\""));
	tear_down(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(a_socket_is_made_and_held),
		cmocka_unit_test(a_served_socket_is_not_stolen),
		cmocka_unit_test(a_file_is_not_removed),
		cmocka_unit_test(a_group_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
