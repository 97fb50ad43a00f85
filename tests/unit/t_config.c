/* config: what loads, what it becomes, and the exact words of refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/settings.h"

#include "tests/unit/config_kit.h"

static void design_globals_load(void **state)
{
	struct cm_config *c = load_good(design);

	(void)state;
	assert_string_equal(c->file, "c.conf");
	assert_string_equal(c->controller_id, "acme");
	assert_string_equal(c->controller_name, "Acme GmbH");
	assert_string_equal(c->controller_address,
			    "Main Street 1, 10115 Berlin");
	assert_string_equal(c->controller_contact, "privacy@acme.example");
	assert_string_equal(c->controller_country, "DE");
	assert_string_equal(c->store_path, "/var/lib/consent-milter");
	assert_string_equal(c->keys_path, "/etc/consent-milter/keys");
	assert_string_equal(c->web_base_url, "https://consent.acme.example");
	assert_string_equal(c->web_listen, "127.0.0.1:8025");
	assert_string_equal(c->mail_domain, "m.acme.example");
	assert_string_equal(c->mail_submit, "smtp://127.0.0.1:25");
	assert_int_equal(c->nown_networks, 2);
	assert_int_equal(c->own_networks[0].prefix, 96 + 8);
	assert_int_equal(c->own_networks[1].prefix, 128);
	cm_config_unref(&c);
	assert_null(c);
}

static void defaults_are_the_tables(void **state)
{
	struct cm_config *c = load_good(design);

	(void)state;
	assert_int_equal(c->store_map_size, UINT64_C(64) << 30);
	assert_string_equal(c->store_group, "consent");
	assert_string_equal(c->store_write_group, "consent-write");
	assert_int_equal(c->store_lock_wait, 30);
	assert_int_equal(c->dots_ignored.n, 2);
	assert_string_equal(c->dots_ignored.v[1], "googlemail.com");
	assert_string_equal(c->milter_user, "consent-milter");
	assert_string_equal(c->web_user, "consent-web");
	assert_null(c->pid_file);
	assert_string_equal(c->templates,
			    "/usr/share/consent-milter/templates");
	assert_string_equal(c->language, "en");
	assert_string_equal(c->syslog_facility, "mail");
	assert_int_equal(c->proof, 1);
	assert_int_equal(c->max_edit_size, 10 << 20);
	assert_int_equal(c->complaint_scope, CM_COMPLAINT_ALL);
	assert_int_equal(c->unmatched_bulk, CM_BULK_REPORT);
	assert_null(c->unmatched_bulk_stream);
	cm_config_unref(&c);
}

static void design_streams_load(void **state)
{
	struct cm_config *c = load_good(design);
	const struct cm_stream *news = cm_config_stream(c, "newsletter");
	const struct cm_stream *receipts = cm_config_stream(c, "receipts");

	(void)state;
	assert_int_equal(c->nstreams, 2);
	assert_ptr_equal(news, &c->streams[0]);
	assert_int_equal(news->line, 13);
	assert_int_equal(news->type, CM_STREAM_MARKETING);
	assert_int_equal(news->mode, CM_MODE_ENFORCE);
	assert_int_equal(news->refuse, CM_REFUSE_REJECT);
	assert_int_equal(news->uneditable, CM_UNEDITABLE_HEADERS_ONLY);
	assert_null(news->rewrite_to); /* only refuse = rewrite uses it */
	assert_true(news->footer);
	assert_int_equal(news->nsenders, 2);
	assert_string_equal(news->senders[0].local, "news");
	assert_string_equal(news->senders[0].domain, "acme.example");
	assert_string_equal(news->senders[1].local, "");
	assert_int_equal(news->npurposes, 1);
	assert_ptr_equal(news->purposes[0],
			 cm_config_purpose(c, cm_span("acme/newsletter")));
	assert_int_equal(receipts->type, CM_STREAM_SERVICE);
	assert_int_equal(receipts->nclients, 1);
	assert_int_equal(receipts->clients[0].prefix, 128);
	assert_string_equal(receipts->approved_by,
			    "Data protection officer, 2026-01-10");
	assert_null(cm_config_stream(c, "nosuch"));
	cm_config_unref(&c);
}

static void design_listeners_load(void **state)
{
	struct cm_config *c = load_good(design);
	const struct cm_listener *main_one = cm_config_listener(c, "main");
	const struct cm_listener *marketing =
		cm_config_listener(c, "marketing");

	(void)state;
	assert_null(main_one->unmatched);
	assert_string_equal(main_one->socket_group, "postfix");
	assert_int_equal(main_one->socket_mode, 0660);
	assert_string_equal(main_one->socket,
			    "unix:/var/spool/postfix/consent-milter/main.sock");
	assert_ptr_equal(marketing->unmatched, &c->streams[0]);
	assert_null(marketing->socket_group);
	assert_null(cm_config_listener(c, "nosuch"));
	cm_config_unref(&c);
}

static void purposes_have_ids_and_titles(void **state)
{
	struct cm_config *c = load_good(design);
	const struct cm_purpose *p =
		cm_config_purpose(c, cm_span("acme/newsletter"));
	uint8_t wrong[CM_PURPOSE_ID_LEN];

	(void)state;
	assert_non_null(p);
	assert_ptr_equal(cm_config_purpose_by_id(c, p->id), p);
	memcpy(wrong, p->id, sizeof(wrong));
	wrong[0] ^= 1;
	assert_null(cm_config_purpose_by_id(c, wrong));
	assert_string_equal(cm_purpose_title(p, "cs"), "Zpravodaj Acme");
	assert_string_equal(cm_purpose_title(p, "CS-cz"), "Zpravodaj Acme");
	assert_string_equal(cm_purpose_title(p, "de"), "Acme newsletter");
	assert_string_equal(cm_purpose_title(p, NULL), "Acme newsletter");
	assert_ptr_equal(p->parent, cm_config_purpose(c, cm_span("acme")));
	cm_config_unref(&c);
}

#define SHOP                                                                   \
	"stream \"shop\" { type = service sender = {\"shop@a.example\"} "      \
	"client = {\"127.0.0.1\"} approved-by = \"me\" }\n"

/* Two lines. */
#define OPTIN                                                                  \
	"type = optin sender = {\"consent@a.example\"}\n"                      \
	"client = {\"127.0.0.1\"} "

static void purposes_inherit_downward(void **state)
{
	struct cm_config *c = load_good(
		CONTROLLER
		/* Children first: the order in the file must not matter. */
		"purpose \"acme/shoes/sale/weekly\" { title = \"a\" }\n"
		"purpose \"acme/shoes\" { title = \"b\" level = double "
		"soft-opt-in = yes product-category = {\"shoes\", \"socks\"} "
		"}\n"
		"purpose \"acme\" { title = \"c\" lifetime = \"2y\" }\n"
		"purpose \"acme/shoes/sale\" { title = \"d\" level = single "
		"lifetime = none }\n"
		"purpose \"acme/hats/old\" { title = \"e\" }\n");
	static const struct {
		const char *path;
		enum cm_level level;
		unsigned months;
		bool soft;
		const char *parent;
	} cases[] = {
		{"acme", CM_LEVEL_SINGLE, 24, false, NULL},
		{"acme/shoes", CM_LEVEL_DOUBLE, 24, true, "acme"},
		{"acme/shoes/sale", CM_LEVEL_SINGLE, 0, true, "acme/shoes"},
		{"acme/shoes/sale/weekly", CM_LEVEL_SINGLE, 0, true,
		 "acme/shoes/sale"},
		/* "acme/hats" has no section: the next above counts. */
		{"acme/hats/old", CM_LEVEL_SINGLE, 24, false, "acme"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct cm_purpose *p =
			cm_config_purpose(c, cm_span(cases[i].path));

		assert_non_null(p);
		assert_int_equal(p->level, cases[i].level);
		assert_int_equal(p->lifetime.months, cases[i].months);
		assert_int_equal(p->soft_opt_in, cases[i].soft);
		assert_int_equal(p->product_categories.n,
				 cases[i].soft ? 2 : 0);
		if (cases[i].soft)
			assert_string_equal(p->product_categories.v[1],
					    "socks");
		if (cases[i].parent == NULL)
			assert_null(p->parent);
		else
			assert_string_equal(p->parent->path, cases[i].parent);
	}
	cm_config_unref(&c);
}

static void snapshots_live_as_long_as_their_users(void **state)
{
	struct cm_config *c = load_good(design);
	struct cm_config *pinned = cm_config_ref(c);

	(void)state;
	assert_ptr_equal(pinned, c);
	cm_config_unref(&c);
	assert_string_equal(pinned->controller_id, "acme");
	cm_config_unref(&pinned);
	cm_config_unref(&pinned); /* NULL is fine */
}

/* Every kind of value in its other spellings. */
static void values_have_many_spellings(void **state)
{
	struct cm_config *c = load_good(
		"\xef\xbb\xbf" CONTROLLER /* a BOM is no part of a name */
			WEB LISTENER PURPOSES
		"/* a comment\n   of two lines */ proof = 0\r\n"
		"unmatched-bulk = 'news' // and one more\n"
		"dots-ignored = {\"GMail.com.\", # inside a list, too\n"
		"  \"b\xc3\xbc\x63her.example\", }\n"
		"own-networks = 2001:db8::/32\n"
		"own-networks += {10.0.0.0/8}\n"
		"store { map-size = 1T lock-wait = 5 }\n"
		"stream news { " NEWS " sender = {\"News+*@A.example\"}\n"
		"  header = {\"X-Campaign: Summer\", "
		"\"List-Id:<n.a.example>\"}\n"
		"  sources = {order, my-own-word} language = CS footer = off\n"
		"  refuse = rewrite rewrite-to = \"Audit@A.Example\"\n"
		"  list-id = \"news.a.example\"\n"
		"  list-name = \" Zpr\xc3\xa1vy \"\n"
		"  feedback-id = \"spring:news:acme1\"\n"
		"  cfbl-address = \"Fbl@A.example ;  report=arf\" }\n");
	const struct cm_stream *s = cm_config_stream(c, "news");

	(void)state;
	assert_int_equal(c->proof, 0);
	assert_int_equal(c->unmatched_bulk, CM_BULK_STREAM);
	assert_ptr_equal(c->unmatched_bulk_stream, s);
	assert_string_equal(c->dots_ignored.v[0], "gmail.com");
	assert_string_equal(c->dots_ignored.v[1], "xn--bcher-kva.example");
	assert_int_equal(c->nown_networks, 2);
	assert_int_equal(c->store_map_size, UINT64_C(1) << 40);
	assert_int_equal(c->store_lock_wait, 5);
	assert_true(s->senders[0].any_tag);
	assert_string_equal(s->senders[0].local, "news");
	assert_string_equal(s->headers[0].name, "X-Campaign");
	assert_string_equal(s->headers[0].value, "Summer");
	assert_string_equal(s->headers[1].value, "<n.a.example>");
	assert_string_equal(s->sources.v[1], "my-own-word");
	assert_string_equal(s->language, "cs");
	assert_false(s->footer);
	assert_string_equal(s->rewrite_to, "audit@a.example");
	assert_string_equal(s->list_id, "news.a.example");
	assert_string_equal(s->list_name, "Zpr\xc3\xa1vy");
	assert_string_equal(s->feedback_id, "spring:news:acme1");
	assert_string_equal(s->cfbl_address, "Fbl@A.example; report=arf");
	cm_config_unref(&c);
}

static void includes_keep_their_lines(void **state)
{
	static const char main_file[] =
		PRELUDE "include(\"d/news.conf\")\n"
			"stream \"b\" { " NEWS "sender = {\"b@a.example\"} }\n";
	static const char good[] =
		"# one\nstream \"a\" { " NEWS "sender = {\"a@a.example\"} }\n"
		"include('more.conf')\n";
	static const char bad[] = "# one\n\nstream \"c\" { typ = marketing }";
	struct cm_config *c;
	struct cm_error err;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	put("d/news.conf", good, strlen(good));
	put("d/more.conf", "proof = 7", strlen("proof = 7"));
	c = load_good(main_file);
	assert_int_equal(c->nstreams, 2);
	assert_string_equal(c->streams[0].name, "a"); /* file order */
	assert_int_equal(c->streams[0].line, 2);
	assert_int_equal(c->streams[1].line, 7);
	assert_int_equal(c->proof, 7);
	cm_config_unref(&c);

	put("d/more.conf", bad, strlen(bad));
	assert_int_equal(load_bytes(main_file, strlen(main_file), &c, &err),
			 CM_ECONFIG);
	assert_string_equal(err.text, "d/more.conf:3: stream \"c\": unknown "
				      "setting \"typ\" (did you mean "
				      "\"type\"?)");
	put("d/more.conf", "include(\"more.conf\")", 20);
	assert_int_equal(load_bytes(main_file, strlen(main_file), &c, &err),
			 CM_ECONFIG);
	assert_string_equal(err.text, "d/more.conf:1: files include one "
				      "another too deeply");
	assert_int_equal(unlink("d/more.conf"), 0);
	assert_int_equal(load_bytes(main_file, strlen(main_file), &c, &err),
			 CM_ECONFIG);
	assert_string_equal(err.text, "d/news.conf:3: cannot read "
				      "\"d/more.conf\": No such file or "
				      "directory");
	assert_int_equal(unlink("d/news.conf"), 0);
	assert_int_equal(rmdir("d"), 0);
}

/* The traps of design 14, and other ways to write what is no config. */
static void syntax_is_refused_with_its_line(void **state)
{
	static const struct wrong cases[] = {
		{PRELUDE "store {\n path = \"/a\"\n\n path = \"/b\"\n}",
		 "9: store: \"path\" is set twice"},
		{PRELUDE "proof = 1\nproof = 1", "7: \"proof\" is set twice"},
		{PRELUDE "dots-ignored = {a.example, b.example}\n\n"
			 "dots-ignored = {c.example}",
		 "8: \"dots-ignored\" is set twice"},
		{PRELUDE "\npurpose \"acme/news\" { title = \"x\" }",
		 "7: there are two sections of the name "
		 "\"acme/news\""},
		{PRELUDE "web {\n listen = \"127.0.0.1:1\"\n}",
		 "6: web: there are two sections of this kind"},
		{PRELUDE "pid-file = \"${HOME}/x\"",
		 "6: \"${\": variables of the environment are not expanded "
		 "here (write the value itself)"},
		{PRELUDE "# fine\nstream \"a\" {\n type = marketing\n\n"
			 "stream \"b\" { }",
		 "7: this section has no \"}\" before the next one begins at "
		 "line 10"},
		{PRELUDE "store {\n path = \"/a\"\n",
		 "6: this section has no \"}\""},
		{PRELUDE "dots-ignored = {\"a.example\" \"b.example\"}",
		 "6: \",\" or \"}\" is missing in the list that begins at line "
		 "6"},
		{PRELUDE "dots-ignored = {\"a.example\",\n",
		 "6: this list has no \"}\""},
		{PRELUDE "dots-ignored = {}",
		 "6: an empty list (leave the setting out)"},
		{PRELUDE "}", "6: \"}\" closes nothing"},
		{PRELUDE "web { base-url = \"https://h.example\" colour = "
			 "\"#ffcc00\" }",
		 "6: web: colour: \"#ffcc00\" has a contrast of "
		 "1.51:1 on #ffffff, and people need 4.5:1 to read it (WCAG "
		 "2.1): take a darker colour"},
		{PRELUDE "web { base-url = \"https://h.example\" "
			 "colour-dark = \"#0b57d0\" }",
		 "6: web: colour-dark: \"#0b57d0\" has a contrast of 2.70:1 on "
		 "#161b22, and people need 4.5:1 to read it (WCAG 2.1): take a "
		 "lighter colour"},
		{PRELUDE "web { base-url = \"https://h.example\" colour = "
			 "\"blue\" }",
		 "6: web: colour: \"blue\" is not a colour (write \"#0b57d0\": "
		 "red, green, blue in hex)"},
		{PRELUDE "templates = \"/a\nb\"",
		 "6: the closing quote is missing"},
		{PRELUDE "templates = \"/a", "6: the closing quote is missing"},
		{PRELUDE "templates = \"/a\\n\"",
		 "6: a backslash may only stand before a quote or another "
		 "backslash"},
		{PRELUDE "/* so much\n", "6: this comment has no \"*/\""},
		{PRELUDE "stream \"n\" { sender = {news+*@a.example} }",
		 "6: \"+\" stands outside quotes (write values in \"double "
		 "quotes\")"},
		{PRELUDE "\nlanguage = \"\xe4\"",
		 "7: not UTF-8 (save the file in that encoding)"},
		{PRELUDE "language en", "6: \"=\" and a value must follow "
					"\"language\""},
		{PRELUDE "store\n{ path \"/a\" }",
		 "7: store: \"=\" and a value must follow \"path\""},
		{PRELUDE "stream {\n}",
		 "6: a name in quotes must follow \"stream\""},
		{PRELUDE "store \"x\" { }",
		 "6: \"{\" must follow \"store\" (only listener, purpose, "
		 "notice, "
		 "form, stream and controller have a name)"},
		{PRELUDE "proof += 1",
		 "6: \"+=\" is for lists, \"proof\" takes one value"},
		{PRELUDE "proof = {1}", "6: \"{\" cannot stand here"},
		{PRELUDE "include \"x\"",
		 "6: write it as include(\"name of the file\")"},
		{PRELUDE "store { include(\"x\") }",
		 "6: include stands outside sections"},
	};
	static const char nul[] = "proof = 1\nlanguage = \"e\0n\"";
	struct cm_config *c;
	struct cm_error err;

	(void)state;
	ALL_FAIL(cases);
	assert_int_equal(load_bytes(nul, sizeof(nul) - 1, &c, &err),
			 CM_ECONFIG);
	assert_string_equal(err.text,
			    "c.conf:2: a NUL octet: this is not a text file");
}

static void names_are_suggested(void **state)
{
	static const struct wrong cases[] = {
		{PRELUDE "\nstraem \"x\" { }",
		 "7: unknown setting \"straem\" (did you mean \"stream\"?)"},
		{PRELUDE "own-network = {\"::1\"}",
		 "6: unknown setting \"own-network\" (did you mean "
		 "\"own-networks\"?)"},
		{PRELUDE "stream \"n\" {\n " NEWS "\n sendr = {\"a@b\"} }",
		 "8: stream \"n\": unknown setting \"sendr\" (did you mean "
		 "\"sender\"?)"},
		{PRELUDE "xyzzy = 1", "6: unknown setting \"xyzzy\""},
		{PRELUDE "stream \"n\" { " NEWS "\n\n mode = enforse }",
		 "8: stream \"n\": mode: \"enforse\" is not one of: observe, "
		 "edit, enforce (did you mean \"enforce\"?)"},
		{PRELUDE "stream \"news\" { type = marketing\n"
			 " sender = {\"n@a.example\"}\n"
			 " purpose = {\"acme/news\",\n  \"acme/mews\"} }",
		 "9: stream \"news\": purpose \"acme/mews\" is not defined "
		 "(did you mean \"acme/news\"?)"},
		{PRELUDE "stream \"news\" { " NEWS " listener = {\"mains\"} }",
		 "6: stream \"news\": listener \"mains\" is not defined (did "
		 "you mean \"main\"?)"},
		{PRELUDE "listener \"m\" { socket = \"inet:1@::1\"\n"
			 " unmatched = news }\n"
			 "stream \"newz\" { " NEWS
			 "sender = {\"n@a.example\"} }",
		 "7: listener \"m\": stream \"news\" is not defined (did you "
		 "mean \"newz\"?)"},
		{PRELUDE "unmatched-bulk = raport",
		 "6: stream \"raport\" is not defined (did you mean "
		 "\"report\"?)"},
		{CONTROLLER "purpose \"acme\" { title = \"x\"\n title-cz = "
			    "\"y\" }",
		 "3: purpose \"acme\": \"cz\" is no language of the European "
		 "Union, and there are no templates in it (did you mean "
		 "\"cs\"?)"},
		{PRELUDE "language = \"xx\"",
		 "6: \"xx\" is no language of the European Union, and there "
		 "are no templates in it"},
		{PRELUDE "stream \"n\" { type = renewl }",
		 "6: stream \"n\": type: \"renewl\" is not one of: marketing, "
		 "service, renewal, optin (did you mean \"renewal\"?)"},
		{PRELUDE "stream \"n\" { uneditable = wrp }",
		 "6: stream \"n\": uneditable: \"wrp\" is not one of: "
		 "headers-only, wrap, hold, reject (did you mean \"wrap\"?)"},
		{PRELUDE "syslog-facility = mial",
		 "6: syslog-facility: \"mial\" is not one of: mail, daemon, "
		 "local0, local1, local2, local3, local4, local5, local6, "
		 "local7"},
	};

	(void)state;
	ALL_FAIL(cases);
}

/* What a consent's terms are weighed by (policy/terms.h). */
static void terms_are_checked(void **state)
{
	static const struct wrong cases[] = {
		{PRELUDE "purpose \"acme/x\" { title = \"x\"\nchanged = "
			 "\"2026-02-30\" }",
		 "7: purpose \"acme/x\": changed: \"2026-02-30\" is not a "
		 "date (write 2027-03-31)"},
		{PRELUDE "notice \"form 7\" { bundled = yes }",
		 "6: notice \"form 7\": a notice is called by the SHA-256 of "
		 "its text, 64 hex digits in lower case (sha256sum prints "
		 "it)"},
	};

	(void)state;
	ALL_FAIL(cases);
}

static void values_are_checked(void **state)
{
	static const struct wrong cases[] = {
		{PRELUDE "proof = -1",
		 "6: proof: \"-1\" is not a number from 0 to 1000000"},
		{PRELUDE "store { map-size = 64Q }",
		 "6: store: map-size: \"64Q\" is not a size from 1048576 to "
		 "17592186044416 octets (write 64G, 10M, 512K)"},
		{PRELUDE "store { map-size = 17592186044416T }",
		 "6: store: map-size: \"17592186044416T\" is not a size from "
		 "1048576 to 17592186044416 octets (write 64G, 10M, 512K)"},
		{PRELUDE "store { path = \"var/lib\" }",
		 "6: store: path: \"var/lib\" is not an absolute path (begin "
		 "it with \"/\")"},
		{PRELUDE "listener \"l\" { socket = \"unix:rel\" }",
		 "6: listener \"l\": socket: \"unix:rel\" is not a socket "
		 "(write unix:/path, inet:port@host or inet6:port@host)"},
		{PRELUDE "listener \"l\" { socket = \"inet:8891\" }",
		 "6: listener \"l\": socket: \"inet:8891\" is not a socket "
		 "(write unix:/path, inet:port@host or inet6:port@host)"},
		{PRELUDE "listener \"l\" { socket = "
			 "\"unix:/23456789012345678901234567890123456789012345"
			 "678901234567890123456789012345678901234567890123456"
			 "789012345678\" }",
		 "6: listener \"l\": socket: \"unix:/234567890123456789012345"
		 "67890123456789012345678901234567890123456789012345678901234"
		 "567890123456789012345678\": the path has 108 octets, the "
		 "system takes 107"},
		{PRELUDE "listener \"l\" { socket-mode = 0888 }",
		 "6: listener \"l\": socket-mode: \"0888\" is not a file mode "
		 "(octal, as 0660)"},
		{PRELUDE "own-networks = {\"10.0.0.0/8\",\n\"10.0.0.0/33\"}",
		 "7: own-networks: \"10.0.0.0/33\": the number after \"/\" "
		 "must be from 0 to 32"},
		{PRELUDE "own-networks = {\"10.1.0.0/8\"}",
		 "6: own-networks: \"10.1.0.0/8\" is not the first address of "
		 "its network"},
		{PRELUDE "own-networks = {\"localhost\"}",
		 "6: own-networks: \"localhost\" is not an address or network "
		 "(write 192.0.2.0/24 or 2001:db8::/32)"},
		{PRELUDE "purpose \"acme/x\" { title = \"x\"\nlifetime = "
			 "\"3 years\" }",
		 "7: purpose \"acme/x\": lifetime: \"3 years\" is not a length "
		 "of time (write 3y, 18m, 90d or none)"},
		{PRELUDE "stream \"n\" { sources = {purchased} }",
		 "6: stream \"n\": sources: contacts of source \"purchased\" "
		 "never get marketing (leave it out)"},
		{PRELUDE "stream \"n\" { sender = {\"n*@a.example\"} }",
		 "6: stream \"n\": sender: \"n*@a.example\": \"*\" may only "
		 "stand as \"+*\" before the \"@\"; all of a domain is "
		 "\"@a.example\""},
		{PRELUDE "stream \"n\" { sender = {news} }",
		 "6: stream \"n\": sender: \"news\" has no \"@\" (write "
		 "news@domain, news+*@domain or @domain)"},
		{PRELUDE "stream \"n\" { header = {\"X-Campaign\"} }",
		 "6: stream \"n\": header: \"X-Campaign\" is not a header and "
		 "its value (write \"X-Campaign: summer\" or \"X-Campaign: "
		 "*\")"},
		{PRELUDE "stream \"n\" { footer = maybe }",
		 "6: stream \"n\": footer: \"maybe\" is neither yes nor no"},
		/* R2919-1 */
		/* R8058-1, R5322-1: what the way out's link is made of. */
		{CONTROLLER "web { base-url = \"http://a.example\" }",
		 "2: web: base-url: \"http://a.example\": it must begin with "
		 "https:// (RFC 8058, 3.1)"},
		{CONTROLLER "web { base-url = \"https://a.example/?c=1\" }",
		 "2: web: base-url: \"https://a.example/?c=1\": it must have "
		 "no query (?) and no fragment (#)"},
		{CONTROLLER "web { base-url = \"https://a.example/\" }",
		 "2: web: base-url: \"https://a.example/\": it must not end "
		 "with a slash"},
		{CONTROLLER "web { base-url = \"https://u:p@a.example\" }",
		 "2: web: base-url: \"https://u:p@a.example\": the host must "
		 "be a domain, as ASCII, with an optional port and no user"},
		{CONTROLLER "web { base-url = \"https://a.example/a>b\" }",
		 "2: web: base-url: \"https://a.example/a>b\": a character "
		 "stands in the path that must not"},
		{CONTROLLER
		 "web { base-url = \"https://a.example/0123456789/0123456789/"
		 "0123456789/0123456789/0123456789/0123456789/0123456789/"
		 "0123456789/0123456789/0123456789/0123456789ab\" }",
		 "2: web: base-url: \"https://a.example/0123456789/0123456789/"
		 "0123456789/0123456789/0123456789/0123456789/0123456789/"
		 "0123456789/0123456789/0123456789/0123456789ab\": too long: "
		 "with "
		 "a token, links must not exceed 200 octets"},
		{CONTROLLER "web { base-url = \"https://a.example\"\n"
			    "listen = \"localhost:80\" }",
		 "3: web: listen: \"localhost:80\" is not an address and port "
		 "(write 127.0.0.1:8025 or [::1]:8025)"},
	};

	(void)state;
	ALL_FAIL(cases);
}

#define LOGIN(server, tls)                                                     \
	"mail { domain = \"m.a.example\"\nsubmit = \"" server "\"\n"           \
	"submit-tls = " tls "\nsubmit-user = \"me\"\n"                         \
	"submit-password-file = \"/etc/p\" }"
#define NOT_PRIVATE                                                            \
	"6: mail: the password would go over the network in clear, or to "     \
	"whoever answers: submit-tls = required, or a server on this host"

static void submission_is_checked(void **state)
{
	static const struct wrong cases[] = {
		{PRELUDE "mail { domain = \"m.a.example\"\n"
			 "submit = \"smtp://me:secret@127.0.0.1:25\" }",
		 "7: mail: submit: a user or password must not stand in this "
		 "file (submit-user and submit-password-file say who we are "
		 "there)"},
		{PRELUDE "mail { domain = \"m.a.example\"\n"
			 "submit = \"https://a.example\" }",
		 "7: mail: submit: \"https://a.example\" is not a mail server "
		 "(write smtp://127.0.0.1:25 or "
		 "smtps://mail.acme.example:465)"},
		{PRELUDE "mail { domain = \"m.a.example\"\n"
			 "from = \"Acme\" }",
		 "7: mail: from: \"Acme\" (write Acme "
		 "<consent@acme.example>): no \"@\" and domain"},
		{PRELUDE "mail { domain = \"m.a.example\"\n"
			 "submit-user = \"me\" }",
		 "6: mail: submit-user and submit-password-file go together"},
		{PRELUDE LOGIN("smtp://mail.a.example", "when-offered"),
		 NOT_PRIVATE},
		{PRELUDE LOGIN("smtp://mail.a.example", "none"), NOT_PRIVATE},
		/* TLS with whoever answers. */
		{PRELUDE LOGIN("smtps://mail.a.example", "when-offered"),
		 NOT_PRIVATE},
		/* These only look like this host. */
		{PRELUDE LOGIN("smtp://localhost.a.example", "none"),
		 NOT_PRIVATE},
		{PRELUDE LOGIN("smtp://127.a.example:25", "none"), NOT_PRIVATE},
	};

	(void)state;
	ALL_FAIL(cases);
}

static void a_password_goes_where_nobody_reads_it(void **state)
{
	static const char *const good[] = {
		PRELUDE LOGIN("smtp://mail.a.example", "required"),
		PRELUDE LOGIN("smtp://mail.a.example", "auto"),
		PRELUDE LOGIN("smtps://mail.a.example:465", "none"),
		PRELUDE LOGIN("smtp://localhost:587", "none"),
		PRELUDE LOGIN("smtp://127.0.0.1:25", "when-offered"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct cm_config *c = load_good(good[i]);

		assert_string_equal(c->mail_submit_user, "me");
		cm_config_unref(&c);
	}
}

/* What becomes a header field or is shown to people. */
static void fields_are_checked(void **state)
{
	static const struct wrong cases[] = {
		{PRELUDE "stream \"n\" { list-id = \"<n.a.example>\" }",
		 "6: stream \"n\": list-id: \"<n.a.example>\": write "
		 "label.domain, without brackets, name or blanks (a name goes "
		 "into list-name)"},
		{PRELUDE "stream \"n\" { feedback-id = \"news\" }",
		 "6: stream \"n\": feedback-id: \"news\": its last field, the "
		 "sender's own id, must have 5 to 15 characters"},
		{PRELUDE "stream \"n\" { cfbl-address = \"a@b.example; x\" }",
		 "6: stream \"n\": cfbl-address: \"a@b.example; x\": only \"; "
		 "report=arf\" or \"; report=xarf\" may follow the address "
		 "(RFC 9477, 5.1)"},
		/* R5322-2: a line end that is none of ASCII's. */
		{PRELUDE "stream \"n\" { list-name = \"a\xe2\x80\xa8"
			 "b\" }",
		 "6: stream \"n\": list-name: a control character or line "
		 "separator stands in the text"},
		{PRELUDE "purpose \"acme/x\" { title = \"a\xc2\x85"
			 "b\" }",
		 "6: purpose \"acme/x\": title: a control character or line "
		 "separator stands in the text"},
	};

	(void)state;
	ALL_FAIL(cases);
}

/* Settings that are each fine, and do not fit together. */
static void parts_must_fit(void **state)
{
	static const struct wrong cases[] = {
		{WEB, "1: no controller section says who sends"},
		{"controller \"ac/me\" { }",
		 "1: controller \"ac/me\": the id must not hold a \"/\""},
		{"controller \"a\" { name = \"a\"\naddress = \"b\" }",
		 "1: controller \"a\": \"contact\" is missing"},
		{PRELUDE "purpose \"other/news\" { title = \"x\" }",
		 "6: purpose \"other/news\": every purpose lies below the "
		 "controller: \"acme/...\""},
		{PRELUDE "purpose \"acme/x\" { level = double }",
		 "6: purpose \"acme/x\": \"title\" is missing"},
		{PRELUDE "stream \"a b\" { }",
		 "6: stream \"a b\": a name has 1 to 64 letters, digits, "
		 "\"-\", \"_\" or \".\""},
		{PRELUDE "stream \"pass\" { }",
		 "6: stream \"pass\": the name has a meaning of its own "
		 "(choose another)"},
		{PRELUDE "stream \"n\" { sender = {\"a@a.example\"} }",
		 "6: stream \"n\": \"type\" is missing"},
		{PRELUDE "listener \"two\" {\n socket = \"unix:/run/main\" }",
		 "7: listener \"two\": listener \"main\" has the same socket"},
		{PRELUDE "\nstream \"n\" { type = marketing sender = "
			 "{\"a@a.example\"} }",
		 "7: stream \"n\": a marketing stream needs a purpose: what "
		 "must people have agreed to?"},
		{PRELUDE "stream \"n\" { " NEWS " }",
		 "6: stream \"n\": nothing says which mail belongs to it (give "
		 "it a sender or another condition, or name it in a "
		 "listener's \"unmatched\")"},
		{PRELUDE "stream \"n\" { type = marketing sender = "
			 "{\"@a.example\"}\npurpose = {acme, acme} }",
		 "7: stream \"n\": purpose \"acme\" is named twice"},
		{PRELUDE "stream \"n\" { " NEWS "sender = {\"@a.example\"}\n"
			 "refuse = rewrite }",
		 "6: stream \"n\": refuse = rewrite needs \"rewrite-to\""},
		{PRELUDE "stream \"n\" { " NEWS "sender = {\"@a.example\"}\n"
			 "presigned = resign }",
		 "7: stream \"n\": presigned = resign needs "
		 "\"dkim-domains\": whose signatures may be taken out?"},
		{PRELUDE "stream \"n\" { " NEWS "sender = {\"@a.example\"}\n"
			 "approved-by = \"me\" }",
		 "7: stream \"n\": \"approved-by\" means nothing in a "
		 "stream of type marketing (remove it)"},
		{PRELUDE "stream \"s\" { type = service\nrefuse = drop }",
		 "7: stream \"s\": \"refuse\" means nothing in a stream "
		 "of type service (remove it)"},
		{PRELUDE "stream \"n\" { " NEWS "sender = {\"@a.example\"}\n"
			 "list-name = \"News\" }",
		 "7: stream \"n\": \"list-name\" is shown in front of a "
		 "\"list-id\" (add one)"},
		/* Design 7: a way out that works, or none. */
		{CONTROLLER PURPOSES "stream \"n\" { " NEWS
				     "sender = {\"@a.example\"}\nmode = edit }",
		 "5: stream \"n\": its mail would have no way out: add a web "
		 "section with base-url (or set mode = observe)"},
		{PRELUDE "stream \"s\" { type = service\n"
			 "client = {\"127.0.0.1\"} }",
		 "6: stream \"s\": a stream of type service needs \"sender\": "
		 "consent is not asked for its mail"},
		{PRELUDE "stream \"s\" { type = service\n"
			 "sender = {\"s@a.example\"} }",
		 "6: stream \"s\": a stream of type service needs \"auth\", "
		 "\"client\" or \"listener\" besides the sender, which anybody "
		 "can write"},
		{PRELUDE "stream \"s\" { type = service auth = {crm}\n"
			 "sender = {\"s@a.example\"} }",
		 "6: stream \"s\": a service stream needs \"approved-by\": who "
		 "says that its mail needs no consent?"},
		{PRELUDE SHOP "listener \"l\" { socket = \"unix:/l\"\n"
			      "unmatched = shop }",
		 "8: listener \"l\": stream \"shop\" is of type service: "
		 "unknown mail must not pass as service"},
		{PRELUDE SHOP "unmatched-bulk = shop",
		 "7: stream \"shop\" is of type service: unknown mail must "
		 "not pass as service"},
		{PRELUDE "stream \"n\" { " NEWS "sender = {\"@a.example\"}\n"
			 "client = {\"192.0.2.1\"} }",
		 "7: stream \"n\": no client here is in own-networks, so its "
		 "sender and headers are not believed (add it there)"},
		/* SHA-256 of these two paths begins with the same 4 octets. */
		{PRELUDE "purpose \"acme/c8681\" { title = \"x\" }\n"
			 "purpose \"acme/c27746\" { title = \"x\" }",
		 "7: purpose \"acme/c27746\": its short id is the same as that "
		 "of \"acme/c8681\" (rename one of them)"},
	};

	(void)state;
	ALL_FAIL(cases);
}

/* A marketing and a service stream: may one message be both? (design 5) */
static void marketing_and_service_stay_apart(void **state)
{
	static const struct {
		const char *marketing; /* its conditions */
		bool apart;
	} cases[] = {
		{"sender = {\"news@a.example\"}", true},
		{"sender = {\"@news.a.example\"}", true},
		{"sender = {\"shop+*@b.example\"}", true},
		{"sender = {\"shop@a.example\"}", false},
		{"sender = {\"SHOP@A.example\"}", false},
		{"sender = {\"@a.example\"}", false},
		{"sender = {\"shop+*@a.example\"}", false},
		{"sender = {\"shop+x@a.example\"}", true},
		{"sender = {\"shop@a.example\"} client = {\"127.0.0.2\"}",
		 true},
		{"sender = {\"shop@a.example\"} client = {\"127.0.0.0/8\"}",
		 false},
		/* The service stream takes any login and any listener. */
		{"sender = {\"shop@a.example\"} auth = {\"crm\"}", false},
		{"listener = {\"main\"}", false},
		{"client = {\"10.0.0.0/8\"}", true},
		/* What the message says of itself keeps nothing apart. */
		{"header = {\"X-Campaign: *\"}", false},
		{"from = {\"news@a.example\"}", false},
		{"sender = {\"shop@a.example\"} header = {\"Precedence: "
		 "bulk\"}",
		 false},
	};
	char text[2048];
	size_t i, order;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (order = 0; order < 2; order++) {
			struct cm_config *c;
			struct cm_error err;
			int rc;

			snprintf(text, sizeof(text),
				 PRELUDE "%sstream \"n\" { " NEWS "%s }\n%s",
				 order == 0 ? SHOP : "", cases[i].marketing,
				 order == 1 ? SHOP : "");
			rc = load_bytes(text, strlen(text), &c, &err);
			if (cases[i].apart) {
				assert_string_equal(err.text, "");
				cm_config_unref(&c);
				continue;
			}
			assert_int_equal(rc, CM_ECONFIG);
			assert_string_equal(
				err.text,
				order == 0
					? "c.conf:7: stream \"n\": mail of "
					  "service stream \"shop\" (line 6) "
					  "could be of this stream too: "
					  "sender, auth, client or listener "
					  "must keep them apart (headers and "
					  "From do not count)"
					: "c.conf:6: stream \"n\": mail of "
					  "service stream \"shop\" (line 7) "
					  "could be of this stream too: "
					  "sender, auth, client or listener "
					  "must keep them apart (headers and "
					  "From do not count)");
		}
	}
}

static void opt_in_mail_that_does_not_fit(void **state)
{
	static const struct wrong cases[] = {
		{PRELUDE "stream \"n\" { type = opt-in }",
		 "6: stream \"n\": type: \"opt-in\" is not one of: marketing, "
		 "service, renewal, optin (did you mean \"optin\"?)"},
		{PRELUDE "stream \"o\" { type = optin\n"
			 "client = {\"127.0.0.1\"} }",
		 "6: stream \"o\": a stream of type optin needs \"sender\": "
		 "consent is not asked for its mail"},
		{PRELUDE "stream \"o\" { type = optin\n"
			 "sender = {\"c@a.example\"} }",
		 "6: stream \"o\": a stream of type optin needs \"auth\", "
		 "\"client\" or \"listener\" besides the sender, which anybody "
		 "can write"},
		{PRELUDE "stream \"o\" { " OPTIN "\nmode = edit }",
		 "8: stream \"o\": mail of an optin stream is never edited "
		 "(set observe or enforce)"},
		{PRELUDE "stream \"o\" { " OPTIN "\nfooter = no }",
		 "8: stream \"o\": \"footer\" means nothing in a stream of "
		 "type optin (remove it)"},
		{PRELUDE "stream \"o\" { " OPTIN "\napproved-by = \"DPO\" }",
		 "8: stream \"o\": \"approved-by\" means nothing in a stream "
		 "of type optin (remove it)"},
		{PRELUDE "stream \"o\" { " OPTIN "\npurpose = {\"acme\"} }",
		 "8: stream \"o\": \"purpose\" means nothing in a stream of "
		 "type optin (remove it)"},
		{PRELUDE "stream \"o\" { " OPTIN " }\nunmatched-bulk = o",
		 "8: stream \"o\" is of type optin: unknown mail must not "
		 "pass as optin"},
		{PRELUDE SHOP "stream \"o\" { type = optin auth = {crm}\n"
			      "sender = {\"shop@a.example\"} }",
		 "7: stream \"o\": mail of service stream \"shop\" (line 6) "
		 "could be of this stream too: sender, auth, client or "
		 "listener "
		 "must keep them apart (headers and From do not count)"},

	};

	(void)state;
	ALL_FAIL(cases);
}

/* Opt-in mail: what it is sent by, and no marketing beside it. */
static void opt_in_mail_has_an_envelope_of_its_own(void **state)
{
	struct cm_config *c =
		load_good(PRELUDE "stream \"o\" { " OPTIN " }\n"
				  "stream \"o2\" { " OPTIN " mode = observe }\n"
				  "stream \"n\" { " NEWS
				  "sender = {\"news@a.example\"} }\n" SHOP);
	static const char beside[] =
		PRELUDE "stream \"o\" { " OPTIN " }\nstream \"n\" { " NEWS
			"sender = {\"@a.example\"} }";
	const struct cm_stream *stream = cm_config_stream(c, "o");
	struct cm_error err;

	(void)state;
	assert_int_equal(stream->type, CM_STREAM_OPTIN);
	assert_string_equal(cm_stream_type_name(stream->type), "optin");
	assert_int_equal(stream->mode, CM_MODE_ENFORCE);
	assert_int_equal(stream->refuse, CM_REFUSE_REJECT);
	assert_true(cm_stream_asks_store(stream));
	assert_false(cm_stream_is_marketing(stream));
	assert_false(cm_stream_asks_store(cm_config_stream(c, "shop")));
	assert_int_equal(cm_config_stream(c, "o2")->mode, CM_MODE_OBSERVE);
	cm_config_unref(&c);
	c = NULL;
	assert_int_equal(load_bytes(beside, strlen(beside), &c, &err),
			 CM_ECONFIG);
	assert_string_equal(
		err.text, "c.conf:8: stream \"n\": mail of optin stream \"o\" "
			  "(line 6) could be of this stream too: sender, "
			  "auth, client or listener must keep them apart "
			  "(headers and From do not count)");
}

/* Observe needs no way out; so does an instance without marketing. */
static void no_web_is_needed_to_observe(void **state)
{
	struct cm_config *c = load_good(CONTROLLER PURPOSES
					"stream \"n\" { " NEWS
					"sender = {\"@a.example\"} mode = "
					"observe }");

	(void)state;
	assert_null(c->web_base_url);
	cm_config_unref(&c);
	c = load_good(CONTROLLER SHOP);
	cm_config_unref(&c);
}

/* R5322-1: 139 octets of base-url and 61 behind it are 200. */
static void the_longest_base_url_loads(void **state)
{
	char url[140] = "https://a.example/";
	char text[1024];
	struct cm_config *c;

	(void)state;
	memset(url + strlen(url), 'x', sizeof(url) - 1 - strlen(url));
	snprintf(text, sizeof(text), CONTROLLER "web { base-url = \"%s\" }",
		 url);
	c = load_good(text);
	assert_int_equal(strlen(c->web_base_url), 139);
	cm_config_unref(&c);
}

static void files_that_are_none(void **state)
{
	struct cm_config *c = NULL;
	struct cm_error err;

	(void)state;
	assert_int_equal(cm_config_load("nosuch.conf", &c, &err), CM_ECONFIG);
	assert_string_equal(err.text, "cannot read \"nosuch.conf\": No such "
				      "file or directory");
	assert_int_equal(cm_config_load(".", &c, &err), CM_ECONFIG);
	assert_string_equal(err.text, "cannot read \".\": Is a directory");
	assert_int_equal(load_bytes("", 0, &c, &err), CM_ECONFIG);
	assert_string_equal(err.text, "c.conf:1: no controller section says "
				      "who sends");
	assert_null(c);
}

/* Every row's default must be a value of its own type, and fits the manual. */
static void the_table_is_sound(void **state)
{
	const struct cm_setting *s;
	size_t i, j;

	(void)state;
	for (i = 0; (s = cm_setting_at(i)) != NULL; i++) {
		const struct cm_setting *other;

		assert_ptr_equal(cm_setting_find(s->section, s->name), s);
		assert_non_null(cm_setting_type_name(s->type));
		assert_true(strlen(s->help) > 5);
		assert_true(s->programs != 0);
		for (j = 0; j < i && (other = cm_setting_at(j)) != NULL; j++)
			assert_false(s->section == other->section &&
				     (s->offset == other->offset ||
				      strcmp(s->name, other->name) == 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(design_globals_load),
		cmocka_unit_test(defaults_are_the_tables),
		cmocka_unit_test(design_streams_load),
		cmocka_unit_test(design_listeners_load),
		cmocka_unit_test(purposes_have_ids_and_titles),
		cmocka_unit_test(purposes_inherit_downward),
		cmocka_unit_test(snapshots_live_as_long_as_their_users),
		cmocka_unit_test(values_have_many_spellings),
		cmocka_unit_test(includes_keep_their_lines),
		cmocka_unit_test(syntax_is_refused_with_its_line),
		cmocka_unit_test(names_are_suggested),
		cmocka_unit_test(terms_are_checked),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(submission_is_checked),
		cmocka_unit_test(a_password_goes_where_nobody_reads_it),
		cmocka_unit_test(fields_are_checked),
		cmocka_unit_test(parts_must_fit),
		cmocka_unit_test(marketing_and_service_stay_apart),
		cmocka_unit_test(opt_in_mail_that_does_not_fit),
		cmocka_unit_test(opt_in_mail_has_an_envelope_of_its_own),
		cmocka_unit_test(no_web_is_needed_to_observe),
		cmocka_unit_test(the_longest_base_url_loads),
		cmocka_unit_test(files_that_are_none),
		cmocka_unit_test(the_table_is_sound),
	};

	return cmocka_run_group_tests(tests, config_set_up, config_tear_down);
}
