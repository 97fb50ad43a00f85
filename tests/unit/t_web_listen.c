/* listen: addresses as admins write them; one port, one listener. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web/listen.h"

#include "tests/unit/test.h"

static void addresses(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{"127.0.0.1:8025", CM_OK},
		{"0.0.0.0:80", CM_OK},
		{"[::1]:8025", CM_OK},
		{"[::]:65535", CM_OK},
		{"127.0.0.1", CM_ECONFIG},
		{"127.0.0.1:", CM_ECONFIG},
		{"127.0.0.1:0", CM_ECONFIG},
		{"127.0.0.1:65536", CM_ECONFIG},
		{"127.0.0.1:http", CM_ECONFIG},
		{"127.0.0.1:-1", CM_ECONFIG},
		{":8025", CM_ECONFIG},
		{"8025", CM_ECONFIG},
		{"::1:8025", CM_ECONFIG}, /* is that a port? */
		{"[::1:8025", CM_ECONFIG},
		{"[]:8025", CM_ECONFIG},
		{"[127.0.0.1.5]:8025", CM_ECONFIG},
		{"localhost:8025", CM_ECONFIG}, /* no resolver decides */
		{"999.0.0.1:8025", CM_ECONFIG},
		{"0123456789012345678901234567890123456789012345678901234567890"
		 "123456789:8025",
		 CM_ECONFIG},
		{"", CM_ECONFIG},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_error err = {CM_OK, ""};

		if (cm_listen_check("web.listen", cases[i].text, &err) !=
		    cases[i].rc)
			fail_msg("\"%s\": want %d, %s", cases[i].text,
				 cases[i].rc, err.text);
		if (cases[i].rc != CM_OK)
			assert_non_null(strstr(err.text, cases[i].text));
	}
}

static void a_port_that_is_taken_is_named(void **state)
{
	struct sockaddr_in bound;
	socklen_t n = sizeof(bound);
	struct cm_error err;
	char address[32];
	int first, second = -1;

	(void)state;
	/* The kernel chooses a free port, which then is taken. */
	first = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(first >= 0);
	memset(&bound, 0, sizeof(bound));
	bound.sin_family = AF_INET;
	bound.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(first, (struct sockaddr *)&bound, n), 0);
	assert_int_equal(listen(first, 1), 0);
	assert_int_equal(getsockname(first, (struct sockaddr *)&bound, &n), 0);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%u",
		       ntohs(bound.sin_port));
	assert_int_equal(cm_listen_open("web.listen", address, &second, &err),
			 CM_EIO);
	assert_non_null(strstr(err.text, address));
	assert_non_null(strstr(err.text, "is another program listening"));
	assert_int_equal(second, -1);
	close(first);
	assert_int_equal(cm_listen_open("web.listen", address, &second, &err),
			 CM_OK);
	close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(a_port_that_is_taken_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
