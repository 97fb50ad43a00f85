/* footer_law: FT-1, C-US2, C-CA1, EP13-4: each thing that a footer must show is
 * missed when it is gone, by its name, file and law; and what ships is whole.
 */
#include "policy/footer_law.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

static const struct {
	const char *country;
	const char *marker; /* where the law wants one */
	const char *law;    /* a part of it */
	bool notice;
} countries[] = {
	{"BG", "Търговско съобщение", "BG: Electronic Commerce Act", true},
	{"CA", NULL, "CA: Anti-Spam Legislation", false},
	{"CZ", "Obchodní sdělení", "CZ: Act No. 480/2004", true},
	{"DE", NULL, "DE: Act against Unfair Competition", true},
	{"ES", NULL, "ES: Act 34/2002", true},
	{"FR", NULL, "FR: Post and Electronic", true},
	{"GB", NULL, "GB: Privacy and Electronic", true},
	{"IT", NULL, "IT: Privacy Code", true},
	{"PL", NULL, "PL: Electronic Communications Act", true},
	{"SE", NULL, "SE: Marketing Act", true},
	{"US", "Advertisement", "US: CAN-SPAM", false},
};
enum { COUNTRIES = sizeof(countries) / sizeof(countries[0]) };

struct desk {
	char folder[64];
	struct cm_buf told;
	size_t count;
};

static void run(const char *command, const char *folder, const char *below)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "%s %s%s", command, folder, below);
	assert_int_equal(system(line), 0);
}

static void take_desk(struct desk *desk)
{
	(void)snprintf(desk->folder, sizeof(desk->folder),
		       "/tmp/t_footer_law.XXXXXX");
	assert_non_null(mkdtemp(desk->folder));
	cm_buf_init(&desk->told, 1 << 20);
	run("cp -r " CM_SRCDIR "/conf/templates", desk->folder, "/t");
}

static void leave_desk(struct desk *desk)
{
	cm_buf_free(&desk->told);
	run("rm -r", desk->folder, "");
}

static void note(void *ctx, const char *text)
{
	struct desk *desk = ctx;

	desk->count++;
	(void)cm_buf_addf(&desk->told, "%s\n", text);
}

/* Every place of one text in a file of the desk; at least one. */
static void replace(const struct desk *desk, const char *file, const char *what,
		    const char *by)
{
	char path[128], *text = calloc(1, 1 << 16), *at;
	FILE *stream;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/t/%s", desk->folder, file);
	stream = fopen(path, "r+");
	assert_non_null(stream);
	assert_non_null(text);
	n = fread(text, 1, (1 << 16) - 1, stream);
	assert_non_null(strstr(text, what));
	assert_int_equal(fclose(stream), 0);
	stream = fopen(path, "w");
	assert_non_null(stream);
	for (at = text; n > 0 && strstr(at, what) != NULL;) {
		char *found = strstr(at, what);

		(void)fprintf(stream, "%.*s%s", (int)(found - at), at, by);
		at = found + strlen(what);
	}
	(void)fputs(at, stream);
	assert_int_equal(fclose(stream), 0);
	free(text);
}

static struct cm_config *config_of(const struct desk *desk,
				   const char *controller, const char *stream)
{
	struct cm_config *config = NULL;
	struct cm_error err;
	char path[128];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/c", desk->folder);
	out = fopen(path, "w");
	assert_non_null(out);
	(void)fprintf(out,
		      "controller \"acme\" { name = \"Acme\" address = \"Main "
		      "Street 1\" contact = \"privacy@acme.example\" %s }\n"
		      "templates = \"%s/t\"\n"
		      "purpose \"acme\" { title = \"All\" }\n"
		      "stream \"news\" { type = marketing mode = observe\n"
		      "sender = {\"news@acme.example\"} purpose = {\"acme\"} "
		      "%s }\n",
		      controller, desk->folder, stream);
	assert_int_equal(fclose(out), 0);
	if (cm_config_load(path, &config, &err) != CM_OK)
		fail_msg("%s", err.text);
	return config;
}

static int look(struct desk *desk, const char *controller, const char *stream)
{
	struct cm_config *config = config_of(desk, controller, stream);
	struct cm_templates *templates = NULL;
	struct cm_error err;
	int rc = cm_templates_load(config->templates, "en", &templates, &err);

	cm_buf_reset(&desk->told);
	desk->count = 0;
	if (rc == CM_OK)
		assert_int_equal(cm_footer_law_check(config, templates, note,
						     desk, &err),
				 CM_OK);
	else
		note(desk, err.text);
	cm_templates_free(&templates);
	cm_config_unref(&config);
	return rc;
}

static void look_in(struct desk *desk, size_t country)
{
	char stream[160];

	(void)snprintf(
		stream, sizeof(stream), "country = \"%s\" marker = \"%s\"",
		countries[country].country,
		countries[country].marker != NULL ? countries[country].marker
						  : "Advertisement");
	(void)look(desk, "privacy-notice = \"https://acme.example/p\"", stream);
}

static void must_tell(const struct desk *desk, const char *what)
{
	if (strstr(cm_buf_text(&desk->told), what) == NULL)
		fail_msg("no \"%s\" in:\n%s", what, cm_buf_text(&desk->told));
}

/* What ships is good in every country, in every language. */
static void what_ships_is_whole(void **state)
{
	struct desk desk;
	size_t i;

	(void)state;
	take_desk(&desk);
	for (i = 0; i < COUNTRIES; i++) {
		look_in(&desk, i);
		assert_string_equal(cm_buf_text(&desk.told), "");
	}
	leave_desk(&desk);
}

static void each_thing_is_missed(void **state)
{
	static const struct {
		const char *file;
		const char *what;
		const char *told;
		bool notice; /* only where the law asks for one */
	} rows[] = {
		{"cs/footer.txt", "{{controller}}",
		 "/t/cs/footer.txt does not show {{controller}}, who sends it: "
		 "ePrivacy Directive, 13(4); ",
		 false},
		{"cs/footer.txt", "{{address}}",
		 "/t/cs/footer.txt does not show {{address}}, the postal "
		 "address: ",
		 false},
		{"cs/footer.txt", "{{contact}}",
		 "/t/cs/footer.txt does not show {{contact}}, an address to "
		 "which a stop can be sent: ",
		 false},
		{"cs/footer.txt", "{{purpose}}",
		 "/t/cs/footer.txt does not show {{purpose}}, why the person "
		 "gets it: GDPR, 13(1)(c); ",
		 false},
		{"cs/footer.txt", "{{privacy-notice}}",
		 "/t/cs/footer.txt does not show {{privacy-notice}}, the "
		 "privacy notice: GDPR, 12(1) and 13; ",
		 true},
		{"cs/footer.txt", "{{marker}}",
		 "/t/cs/footer.txt does not show {{marker}}, that it is "
		 "advertising: E-Commerce Directive, 6(a); ",
		 false},
		{"cs/footer.html", "{{controller}}",
		 "/t/cs/footer.html does not show {{controller}}, ", false},
		{"cs/footer.html", "{{address}}",
		 "/t/cs/footer.html does not show {{address}}, ", false},
		{"cs/footer.html", "{{contact}}",
		 "/t/cs/footer.html does not show {{contact}}, ", false},
		{"cs/footer.html", "{{purpose}}",
		 "/t/cs/footer.html does not show {{purpose}}, ", false},
		{"cs/footer.html", "href=\"{{link}}\"", "template ", false},
		{"cs/footer.html", "<a href=\"{{link}}\"", "template ", false},
		{"cs/footer.html", "{{privacy-notice}}",
		 "/t/cs/footer.html does not show {{privacy-notice}}, ", true},
		{"cs/footer.html", "{{marker}}",
		 "/t/cs/footer.html does not show {{marker}}, ", false},
	};
	struct desk desk;
	size_t i, c;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		take_desk(&desk);
		replace(&desk, rows[i].file, rows[i].what, "");
		for (c = 0; c < COUNTRIES; c++) {
			look_in(&desk, c);
			if (rows[i].notice && !countries[c].notice) {
				assert_int_equal(desk.count, 0);
				continue;
			}
			assert_int_equal(desk.count, 1);
			must_tell(&desk, rows[i].told);
			if (strcmp(rows[i].told, "template ") != 0)
				must_tell(&desk, countries[c].law);
		}
		leave_desk(&desk);
	}
}

/* EP13-4: there, but nobody sees it, or cannot click it. */
static void nothing_is_hidden(void **state)
{
	static const struct {
		const char *what;
		const char *by;
		const char *told;
	} rows[] = {
		{"<a href=\"{{link}}\"", "<b title=\"{{link}}\"",
		 "does not show {{link}}, a link that can be clicked"},
		{">Stop these e-mails</a>", "> </a>",
		 "does not show {{link}}, a link that can be clicked"},
		{"{{address}}", "<i title=\"{{address}}\"></i>",
		 "does not show {{address}}"},
		{"display:inline!important", "display : NONE !important",
		 "hides some of it or makes it hard to read (display:none)"},
		{"opacity:1!important", "opacity:0!important",
		 "hard to read (opacity:0!)"},
		{"font-size:13px", "font-size:9px", "hard to read (font-size)"},
		{"font-size:13px", "font-size: 6.9pt",
		 "hard to read (font-size)"},
		{"color:#444444", "color:#aaaaaa", "hard to read (color)"},
		{"background:#ffffff", "background-color:#333333",
		 "hard to read (color)"},
	};
	struct desk desk;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		take_desk(&desk);
		replace(&desk, "en/footer.html", rows[i].what, rows[i].by);
		look_in(&desk, 3);
		assert_int_equal(desk.count, 1);
		must_tell(&desk, "/t/en/footer.html ");
		must_tell(&desk, rows[i].told);
		must_tell(&desk, "DE: Act against Unfair Competition");
		leave_desk(&desk);
	}
}

static void settings_that_are_missing(void **state)
{
	struct desk desk;
	size_t c;

	(void)state;
	take_desk(&desk);
	for (c = 0; c < COUNTRIES; c++) {
		char own[64], all[120];
		size_t want = (countries[c].marker != NULL) +
			      (countries[c].notice ? 1u : 0u);

		/* of the stream, and of the controller */
		(void)snprintf(own, sizeof(own), "country = \"%s\"",
			       countries[c].country);
		(void)look(&desk, "", own);
		assert_int_equal(desk.count, want);
		if (countries[c].marker != NULL)
			must_tell(&desk, "stream \"news\" has no marker");
		if (countries[c].notice)
			must_tell(&desk, "controller.privacy-notice is not "
					 "set");
		(void)look(&desk, own, "");
		assert_int_equal(desk.count, want);
		(void)snprintf(all, sizeof(all), "%s footer = no", own);
		(void)look(&desk, "", all);
		assert_int_equal(desk.count, 0);
	}
	/* No country, or one without a profile: what all ask for. */
	(void)look(&desk, "country = \"AT\"", "");
	assert_int_equal(desk.count, 1);
	must_tell(&desk, "controller.privacy-notice is not set");
	replace(&desk, "sv/footer.txt", "{{address}}", "");
	(void)look(&desk, "privacy-notice = \"https://acme.example/p\"", "");
	assert_int_equal(desk.count, 1);
	must_tell(&desk, "/t/sv/footer.txt does not show {{address}}, the "
			 "postal address: E-Commerce Directive, 5(1)(b)\n");
	leave_desk(&desk);
}

/* The table cites what the profiles cite. */
static void profiles_say_the_same(void **state)
{
	size_t c;

	(void)state;
	for (c = 0; c < COUNTRIES; c++) {
		const struct cm_country_law *law =
			cm_country_law(countries[c].country);
		char path[128], line[160], want[160];
		FILE *file;

		assert_non_null(law);
		assert_int_equal(law->marker, countries[c].marker != NULL);
		assert_int_equal(law->notice, countries[c].notice);
		(void)snprintf(path, sizeof(path),
			       CM_SRCDIR "/conf/countries/%c%c.conf",
			       law->country[0] + 32, law->country[1] + 32);
		file = fopen(path, "r");
		assert_non_null(file);
		assert_non_null(fgets(line, sizeof(line), file));
		(void)fclose(file);
		(void)snprintf(want, sizeof(want), ": %s\n", law->law);
		assert_non_null(strstr(line, want));
	}
	assert_null(cm_country_law("AT"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ships_is_whole),
		cmocka_unit_test(each_thing_is_missed),
		cmocka_unit_test(nothing_is_hidden),
		cmocka_unit_test(settings_that_are_missing),
		cmocka_unit_test(profiles_say_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
