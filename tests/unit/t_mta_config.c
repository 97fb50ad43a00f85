/* postfix_config, sendmail_config, program: what mail servers say. */
#include <string.h>

#include "tools/postfix_config.h"
#include "tools/program.h"
#include "tools/sendmail_config.h"

#include "tests/unit/test.h"

enum { ARENA_MAX = 1 << 20 };

static struct cm_arena *arena;

static int set_up(void **state)
{
	(void)state;
	return cm_arena_new(ARENA_MAX, &arena) == CM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	cm_arena_free(&arena);
	return 0;
}

/* As postconf of Debian 12 prints them. */
static const char main_text[] =
	"always_bcc =\n"
	"queue_directory = /var/spool/postfix\n"
	"milter_command_timeout = 30s\n"
	"smtpd_milters = { unix:consent-milter/main.sock, "
	"default_action=tempfail, command_timeout=5m } inet:127.0.0.1:8891\n"
	"milter_rcpt_macros = i {rcpt_addr}\n";
static const char services_text[] =
	"smtp       inet  n       -       y       -       -       smtpd -o "
	"milter_macro_daemon_name=smtpd\n"
	"2587       inet  n       -       -       -       -       smtpd\n"
	"cleanup    unix  n       -       n       -       0       cleanup\n"
	"broken line\n";
static const char overrides_text[] =
	"smtp/inet/milter_macro_daemon_name = smtpd\n"
	"2587/inet/smtpd_milters = unix:/run/x.sock,inet:localhost:1\n"
	"127.0.0.1:2526/inet/always_bcc = a@b.example\n";

static struct cm_postfix *parse(void)
{
	struct cm_postfix *postfix = NULL;
	struct cm_error err;

	assert_int_equal(cm_postfix_parse(main_text, services_text,
					  overrides_text, arena, &postfix,
					  &err),
			 CM_OK);
	return postfix;
}

static void test_settings(void **state)
{
	const struct cm_postfix *postfix = parse();
	const struct cm_postfix_service *smtp =
		cm_postfix_service_of(postfix, "smtpd");
	const struct cm_postfix_service *other = &postfix->services[1];

	(void)state;
	assert_int_equal(postfix->nservices, 3);
	assert_string_equal(smtp->name, "smtp/inet");
	assert_true(smtp->chroot);
	assert_false(other->chroot); /* "-" is no, since 3.0 */
	assert_null(cm_postfix_service_of(postfix, "qmqpd"));
	assert_string_equal(
		cm_postfix_get(postfix, smtp, "milter_macro_daemon_name"),
		"smtpd");
	assert_string_equal(
		cm_postfix_get(postfix, other, "milter_macro_daemon_name"), "");
	assert_string_equal(cm_postfix_get(postfix, smtp, "always_bcc"), "");
	assert_string_equal(cm_postfix_get(postfix, NULL, "milter_rcpt_macros"),
			    "i {rcpt_addr}");
	assert_string_equal(cm_postfix_get(postfix, other, "smtpd_milters"),
			    "unix:/run/x.sock,inet:localhost:1");
	assert_string_equal(cm_postfix_get(postfix, NULL, "no_such"), "");
}

static void test_milters(void **state)
{
	static const struct {
		const char *value;
		const char *endpoints; /* parted by one blank */
	} rows[] = {
		{"", ""},
		{"  ", ""},
		{"inet:h:1", "inet:h:1"},
		{"inet:h:1, unix:/x", "inet:h:1 unix:/x"},
		{"inet:h:1 unix:/x", "inet:h:1 unix:/x"},
		{"{ inet:h:1, a=b } { unix:/x , c=d,e=f}", "inet:h:1 unix:/x"},
		{"{unix:x,a=b},inet:[::1]:8", "unix:x inet:[::1]:8"},
		{"{ unix:x", "{"}, /* Postfix refuses it, too */
		{"{}", ""},
	};
	struct cm_postfix_milter *milters;
	struct cm_error err;
	size_t i, m, count;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *all = "";

		assert_int_equal(cm_postfix_milters(rows[i].value, arena,
						    &milters, &count, &err),
				 CM_OK);
		for (m = 0; m < count; m++)
			all = cm_arena_printf(arena, "%s%s%s", all,
					      m > 0 ? " " : "",
					      milters[m].endpoint);
		assert_string_equal(all, rows[i].endpoints);
	}
}

static void test_milter_options(void **state)
{
	const struct cm_postfix *postfix = parse();
	struct cm_postfix_milter *milters;
	struct cm_error err;
	size_t count;

	(void)state;
	assert_int_equal(cm_postfix_milters(
				 cm_postfix_get(postfix, NULL, "smtpd_milters"),
				 arena, &milters, &count, &err),
			 CM_OK);
	assert_int_equal(count, 2);
	assert_string_equal(cm_postfix_milter_option(postfix, NULL, &milters[0],
						     "command_timeout", arena),
			    "5m");
	assert_string_equal(cm_postfix_milter_option(postfix, NULL, &milters[0],
						     "default_action", arena),
			    "tempfail");
	assert_string_equal(cm_postfix_milter_option(postfix, NULL, &milters[1],
						     "command_timeout", arena),
			    "30s");
	/* Not the end of another name. */
	assert_string_equal(cm_postfix_milter_option(postfix, NULL, &milters[0],
						     "timeout", arena),
			    "");
}

static void test_sockets(void **state)
{
	static const struct {
		const char *path;
		bool chroot;
		const char *want;
	} rows[] = {
		{"x.sock", false, "/var/spool/postfix/x.sock"},
		{"x.sock", true, "/var/spool/postfix/x.sock"},
		{"/run/x.sock", false, "/run/x.sock"},
		{"/run/x.sock", true, "/var/spool/postfix/run/x.sock"},
	};
	const struct cm_postfix *postfix = parse();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(cm_postfix_socket(postfix, rows[i].chroot,
						      rows[i].path, arena),
				    rows[i].want);
	assert_true(cm_milter_is_signer("inet:127.0.0.1:8891"));
	assert_true(cm_milter_is_signer("local:/run/opendkim/x.sock"));
	assert_false(cm_milter_is_signer("unix:/run/clamav.sock"));
}

static void test_values(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t seconds;
	} rows[] = {
		{"30s", CM_OK, 30},
		{"30", CM_OK, 30},
		{"5m", CM_OK, 300},
		{"2h", CM_OK, 7200},
		{"1d", CM_OK, 86400},
		{"1w", CM_OK, 604800},
		{"", CM_EDATA, 0},
		{"s", CM_EDATA, 0},
		{"5mm", CM_EDATA, 0},
		{"5x", CM_EDATA, 0},
		{"99999999999999999999", CM_EDATA, 0},
	};
	uint64_t seconds = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(cm_postfix_seconds(rows[i].text, &seconds),
				 rows[i].rc);
		if (rows[i].rc == CM_OK)
			assert_int_equal(seconds, rows[i].seconds);
	}
	assert_true(cm_postfix_list_has("a, no_address_mappings", "a"));
	assert_true(cm_postfix_list_has("a no_address_mappings",
					"no_address_mappings"));
	assert_false(cm_postfix_list_has("no_address_mapping", "no_address"));
	assert_false(cm_postfix_list_has("", "a"));
}

/* ---- sendmail ----------------------------------------------------------- */

static void test_sendmail(void **state)
{
	static const char text[] =
		"# X is no filter here\n"
		"Xconsent, S=local:/run/x.sock, F=T, T=C:10s;S:10s;R:30s;E:5m\n"
		"Xbare\n"
		"O InputMailFilters=consent, bare\n"
		"O DaemonPortOptions=Name=MTA, Addr=127.0.0.1\n"
		"O DaemonPortOptions=Name=MSA, InputMailFilters=bare\n"
		"OInputMailFilters=no\n"
		"X";
	struct cm_sendmail *mta = NULL;
	struct cm_error err;

	(void)state;
	assert_int_equal(cm_sendmail_parse("f.cf", text, arena, &mta, &err),
			 CM_OK);
	assert_int_equal(mta->nfilters, 2);
	assert_string_equal(mta->filters[0].name, "consent");
	assert_string_equal(mta->filters[0].socket, "local:/run/x.sock");
	assert_string_equal(mta->filters[0].flags, "T");
	assert_int_equal(cm_sendmail_timeout(&mta->filters[0], 'R'), 30);
	assert_int_equal(cm_sendmail_timeout(&mta->filters[0], 'E'), 300);
	assert_string_equal(mta->filters[1].flags, "");
	assert_int_equal(cm_sendmail_timeout(&mta->filters[1], 'R'), 10);
	assert_int_equal(cm_sendmail_timeout(&mta->filters[1], '?'), 0);
	assert_int_equal(mta->nports, 2);
	assert_string_equal(mta->ports[0].filters, "consent, bare");
	assert_string_equal(mta->ports[1].name, "MSA");
	assert_string_equal(mta->ports[1].filters, "bare");
	assert_int_equal(cm_sendmail_read("/nowhere/x.cf", arena, &mta, &err),
			 CM_EUSAGE);
}

/* ---- program ------------------------------------------------------------ */

static void test_program(void **state)
{
	const char *const good[] = {"sh", "-c", "echo a; echo b >&2; exit 3",
				    NULL};
	const char *const none[] = {"/nowhere/program", NULL};
	const char *const loud[] = {"head", "-c", "2000000", "/dev/zero", NULL};
	const char *const killed[] = {"sh", "-c", "kill -9 $$", NULL};
	struct cm_error err;
	char *out = NULL;
	int status = -1;

	(void)state;
	assert_int_equal(cm_program_run(good, arena, &out, &status, &err),
			 CM_OK);
	assert_string_equal(out, "a\n");
	assert_int_equal(status, 3);
	assert_int_equal(cm_program_run(none, arena, &out, &status, &err),
			 CM_ENOTFOUND);
	assert_int_equal(cm_program_run(loud, arena, &out, &status, &err),
			 CM_ELIMIT);
	assert_int_equal(cm_program_run(killed, arena, &out, &status, &err),
			 CM_EIO);
	assert_int_equal(status, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_milters),
		cmocka_unit_test(test_milter_options),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_sendmail),
		cmocka_unit_test(test_program),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
