/* See config_kit.h. */
#include "tests/unit/config_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The shape people know us by. */
const char design[] =
	"controller \"acme\" { name = \"Acme GmbH\"  address = \"Main Street "
	"1, 10115 Berlin\"  contact = \"privacy@acme.example\"  country = "
	"\"DE\" }\n"
	"store  { path = \"/var/lib/consent-milter\" }\n"
	"keys   { path = \"/etc/consent-milter/keys\" }\n"
	"own-networks = {\"127.0.0.0/8\", \"::1\"}\n"
	"listener \"main\"      { socket = "
	"\"unix:/var/spool/postfix/consent-milter/main.sock\"       unmatched "
	"= pass  socket-group = \"postfix\"  socket-mode = \"0660\" }\n"
	"listener \"marketing\" { socket = "
	"\"unix:/var/spool/postfix/consent-milter/marketing.sock\"  unmatched "
	"= \"newsletter\" }\n"
	"web    { base-url = \"https://consent.acme.example\"  listen = "
	"\"127.0.0.1:8025\" }\n"
	"mail   { domain = \"m.acme.example\"  submit = "
	"\"smtp://127.0.0.1:25\" }\n"
	"\n"
	"purpose \"acme\"            { title = \"Everything from Acme\" }\n"
	"purpose \"acme/newsletter\" { title = \"Acme newsletter\"  title-cs "
	"= \"Zpravodaj Acme\"  level = single  lifetime = \"3y\"  soft-opt-in "
	"= false }\n"
	"\n"
	"stream \"newsletter\" {\n"
	"    type    = marketing\n"
	"    sender  = {\"news@acme.example\", \"@news.acme.example\"}    # "
	"also: auth, client, listener, header\n"
	"    purpose = {\"acme/newsletter\"}                            # all "
	"must allow\n"
	"    refuse  = reject                                         # reject "
	"| drop | rewrite\n"
	"    rewrite-to = \"audit@acme.example\"\n"
	"    uneditable = headers-only                                # "
	"headers-only | wrap | hold | reject\n"
	"    mode    = enforce                                        # "
	"observe | edit | enforce\n"
	"}\n"
	"stream \"receipts\" { type = service  sender = "
	"{\"shop@acme.example\"}  client = {\"127.0.0.1\"}  approved-by = "
	"\"Data protection officer, 2026-01-10\" }\n";

void put(const char *name, const char *data, size_t n)
{
	FILE *fp = fopen(name, "w");

	assert_non_null(fp);
	assert_int_equal(fwrite(data, 1, n, fp), n);
	assert_int_equal(fclose(fp), 0);
}

int load_bytes(const char *data, size_t n, struct cm_config **config,
	       struct cm_error *err)
{
	*config = NULL;
	err->text[0] = '\0';
	put("c.conf", data, n);
	return cm_config_load("c.conf", config, err);
}

struct cm_config *load_good(const char *text)
{
	struct cm_config *config;
	struct cm_error err;
	int rc = load_bytes(text, strlen(text), &config, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(rc, CM_OK);
	return config;
}

void all_fail(const struct wrong *cases, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct cm_config *c;
		struct cm_error err;
		char expected[CM_ERROR_MAX];
		int rc = load_bytes(cases[i].text, strlen(cases[i].text), &c,
				    &err);

		snprintf(expected, sizeof(expected), "c.conf:%s",
			 cases[i].error);
		assert_string_equal(err.text, expected);
		assert_int_equal(rc, CM_ECONFIG);
		assert_null(c);
		/* A failed load leaves nothing behind that spoils the next. */
		c = load_good(design);
		cm_config_unref(&c);
	}
}

int config_set_up(void **state)
{
	char *folder = strdup("/tmp/config_kit.XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	*state = folder;
	return 0;
}

int config_tear_down(void **state)
{
	char *folder = *state;

	unlink("c.conf");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(folder), 0);
	free(folder);
	return 0;
}
