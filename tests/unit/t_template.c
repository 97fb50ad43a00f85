/* template: every mistake stops the start; values never become mark-up. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/template.h"

#include "tests/unit/test.h"

static const char *const files[] = {"footer.txt", "footer.html", "pages.txt",
				    "data.txt"};
enum { NFILES = sizeof(files) / sizeof(*files) };

struct folder {
	char path[64];
};

static void put(const struct folder *f, const char *language, const char *file,
		const char *data, size_t n)
{
	char path[160];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/%s", f->path, language);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s/%s", f->path, language, file);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, n, out), n);
	(void)fclose(out);
}

/* The words that ship: every page has its title among them. */
static size_t shipped_words(const char *name, char *out, size_t room)
{
	char path[160];
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), CM_SRCDIR "/conf/templates/en/%s",
		       name);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(out, 1, room, file);
	assert_true(n > 0 && n < room);
	(void)fclose(file);
	return n;
}

static void puts_all(const struct folder *f, const char *language)
{
	static const size_t room = 65536;
	char *text = malloc(room);
	int i, n;

	assert_non_null(text);
	for (i = 0; i < 2; i++) {
		n = snprintf(text, room,
			     "[%s %s] {{purpose}} {{link}} {{ language }} "
			     "{{dir}}.\n",
			     language, files[i]);
		put(f, language, files[i], text, (size_t)n);
	}
	n = snprintf(text, room, "# %s\n\nwhat = [%s <&>] {{purpose}}=\n",
		     language, language);
	put(f, language, "pages.txt", text,
	    (size_t)n + shipped_words("pages.txt", text + n, room - (size_t)n));
	put(f, language, "data.txt", text,
	    shipped_words("data.txt", text, room));
	free(text);
}

/* The pages and letters that ship: the names of all that there must be. */
static int is_page(const struct dirent *entry)
{
	return strstr(entry->d_name, ".html") != NULL ||
	       strstr(entry->d_name, ".txt") != NULL;
}

static void each_page(const struct folder *f,
		      void (*act)(const struct folder *f, const char *name))
{
	struct dirent **entries = NULL;
	int n = scandir(CM_SRCDIR "/conf/templates", &entries, is_page, NULL);
	int i;

	assert_true(n > 5);
	for (i = 0; i < n; i++) {
		act(f, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

static void put_page(const struct folder *f, const char *name)
{
	static const char text[] = "<p>{{text:what}} {{main}} {{purpose}}</p>";
	static const char letter[] = "{{text:what}} {{main}} {{link}}";

	if (strncmp(name, "letter", strlen("letter")) == 0)
		put(f, ".", name, letter, sizeof(letter) - 1);
	else
		put(f, ".", name, text, sizeof(text) - 1);
}

static void drop_page(const struct folder *f, const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", f->path, name);
	(void)unlink(path);
}

static void make(struct folder *f)
{
	(void)snprintf(f->path, sizeof(f->path), "/tmp/t_template.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	each_page(f, put_page);
	puts_all(f, "en");
	puts_all(f, "cs");
	puts_all(f, "pt-BR");
	puts_all(f, "ar");
}

static void drop(const struct folder *f)
{
	static const char *const languages[] = {"en", "cs", "pt-BR", "ar"};
	char path[160];
	size_t l;
	int i;

	for (l = 0; l < 4; l++) {
		for (i = 0; i < NFILES; i++) {
			(void)snprintf(path, sizeof(path), "%s/%s/%s", f->path,
				       languages[l], files[i]);
			(void)unlink(path);
		}
		(void)snprintf(path, sizeof(path), "%s/%s", f->path,
			       languages[l]);
		(void)rmdir(path);
	}
	each_page(f, drop_page);
	(void)snprintf(path, sizeof(path), "%s/README", f->path);
	(void)unlink(path);
	assert_int_equal(rmdir(f->path), 0);
}

static void refused(const struct folder *f, const char *wanted)
{
	struct cm_templates *t = NULL;
	struct cm_error err = {0};

	assert_int_not_equal(cm_templates_load(f->path, "en", &t, &err), CM_OK);
	assert_null(t);
	if (strstr(err.text, wanted) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", wanted, err.text);
}

static struct cm_templates *loaded(const struct folder *f)
{
	struct cm_templates *t = NULL;
	struct cm_error err = {0};

	if (cm_templates_load(f->path, "en", &t, &err) != CM_OK)
		fail_msg("%s", err.text);
	return t;
}

/* Pitfall 37: raw placeholders reach nobody. */
static void mistakes_stop_the_start(void **state)
{
	static const struct {
		const char *folder, *file;
		const char *data;
		size_t n;
		const char *error;
	} rows[] = {
#define ROW(folder, file, text, error)                                         \
	{folder, file, text, sizeof(text) - 1, error}
		ROW(".", "letter-lost.txt", "{{text:what}}",
		    "/letter-lost.txt has no {{link}}, which is all that the "
		    "letter is for"),
		ROW(".", "ask.html", "a\nb {{lnk}}",
		    "ask.html:2: unknown name {{lnk}} (did you mean "
		    "{{link}}?)"),
		ROW(".", "ask.html", "{{unsubscribe_url}}", "unknown name"),
		ROW(".", "ask.html", "{{}}", "unknown name"),
		ROW(".", "ask.html", "{{link}} {{link",
		    "\"{{\" without \"}}\""),
		ROW(".", "ask.html", "{{", "\"{{\" without \"}}\""),
		ROW(".", "ask.html", "x\n{{text:wat}}",
		    "pages.txt has no text \"wat\", which "),
		ROW(".", "ask.html", "x\n{{text:wat}}",
		    "ask.html:2 asks for (is \"what\" meant?)"),
		ROW(".", "layout.html", "caf\xe9", "not UTF-8"),
		ROW(".", "done.html", "a\0b", "not UTF-8"),
		ROW("cs", "footer.txt", "goodbye", "no {{link}}"),
		ROW("cs", "footer.html", "goodbye", "no {{link}}"),
		/* What pages alone have is no word for a mail. */
		ROW("cs", "footer.html", "{{link}}\n{{ticket}}",
		    "cs/footer.html:2: unknown name {{ticket}}"),
		ROW("cs", "footer.txt", "{{link}} {{text:what}}",
		    "unknown name {{text:what}}"),
		ROW("cs", "pages.txt", "what",
		    "pages.txt:1: write \"key = text"),
		ROW("cs", "pages.txt", "\n=x",
		    "pages.txt:2: write \"key = text"),
		ROW("cs", "pages.txt", "what =", "pages.txt:1: write"),
		ROW("cs", "pages.txt", "what = a\nwhat = b",
		    "cs/pages.txt:2: the text \"what\" stands here twice"),
		ROW("cs", "pages.txt", "#\nwhat = {{pourpose}}",
		    "cs/pages.txt:2: unknown name {{pourpose}} (did you mean "
		    "{{purpose}}?)"),
		ROW("cs", "pages.txt", "what = a {{text:what}}",
		    "unknown name {{text:what}}"),
		ROW("cs", "pages.txt", "wath = a", "has no text \"what\""),
		ROW("cs", "data.txt", "data-titel = a",
		    "cs/data.txt has no text \"data-title\""),
		ROW("cs", "data.txt", "data-titel = a",
		    "(is \"data-titel\" meant?)"),
#undef ROW
	};
	struct folder f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		make(&f);
		put(&f, rows[i].folder, rows[i].file, rows[i].data, rows[i].n);
		refused(&f, rows[i].error);
		drop(&f);
	}
}

static void a_missing_file_is_named(void **state)
{
	struct folder f;
	struct cm_templates *t = NULL;
	struct cm_error err = {0};
	char path[160];
	char *big = calloc(1, 70000);

	(void)state;
	make(&f);
	(void)snprintf(path, sizeof(path), "%s/cs/pages.txt", f.path);
	(void)unlink(path);
	refused(&f, "cs/pages.txt: No such file");
	assert_non_null(big);
	memset(big, 'x', 70000);
	put(&f, "cs", "pages.txt", big, 70000);
	free(big);
	refused(&f, "cs/pages.txt is over 65536 octets");
	puts_all(&f, "cs");
	drop_page(&f, "done.html");
	refused(&f, "/done.html: No such file");
	put_page(&f, "done.html");
	assert_int_equal(cm_templates_load(f.path, "de", &t, &err), CM_ECONFIG);
	assert_non_null(strstr(err.text, "default language \"de\""));
	assert_int_equal(cm_templates_load("/nowhere", "de", &t, &err), CM_EIO);
	t = loaded(&f);
	cm_templates_free(&t);
	assert_null(t);
	drop(&f);
}

static void other_files_are_passed_over(void **state)
{
	struct folder f;
	struct cm_templates *t;

	(void)state;
	make(&f);
	put(&f, ".", "README", "x", 1);
	t = loaded(&f);
	cm_templates_free(&t);
	drop(&f);
}

static void the_language_is_the_first_there_is(void **state)
{
	static const struct {
		const char *wanted[3];
		const char *language;
	} rows[] = {
		{{"cs", NULL, NULL}, "cs"},
		{{NULL, "de", "CS"}, "cs"},
		{{"cs-CZ", NULL, NULL}, "cs"},
		{{"pt-BR", NULL, NULL}, "pt-br"},
		{{"pt", NULL, NULL}, "en"},
		{{"pt-br-x-y", NULL, NULL}, "pt-br"},
		{{"de, cs;q=0.3, ar;q=0.9", "pt-br", NULL}, "ar"},
		{{"cs;q=0, ar;q=0.001", NULL, NULL}, "ar"},
		{{"*, ;;,=,cs", NULL, NULL}, "cs"},
		{{"csx", "", "../../etc"}, "en"},
		{{NULL, NULL, NULL}, "en"},
	};
	struct folder f;
	struct cm_templates *t;
	size_t i;

	(void)state;
	make(&f);
	t = loaded(&f);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(cm_templates_language(t, rows[i].wanted, 3),
				    rows[i].language);
	cm_templates_free(&t);
	drop(&f);
}

#define QUOTED "&lt;b&gt;&quot;Q&amp;A&quot; &#39;x&#39; {{link}}"

static void values_are_escaped_in_html_only(void **state)
{
	static const struct cm_template_value values[] = {
		{"purpose", "<b>\"Q&A\" 'x' {{link}}"},
		{"link", NULL},
		{"main", "<i>"}};
	struct folder f;
	struct cm_templates *t;
	struct cm_buf out;

	(void)state;
	make(&f);
	t = loaded(&f);
	cm_buf_init(&out, 4096);
	assert_int_equal(cm_template_fill(t, CM_TEMPLATE_PAGE_ASK, "cs", values,
					  3, &out),
			 CM_OK);
	assert_string_equal(cm_buf_text(&out), "<p>[cs &lt;&amp;&gt;] " QUOTED
					       "= <i> " QUOTED "</p>");
	cm_buf_reset(&out);
	assert_int_equal(cm_template_title(t, CM_TEMPLATE_PAGE_DONE, "cs",
					   values, 3, &out),
			 CM_OK);
	assert_string_equal(cm_buf_text(&out), "Done");
	cm_buf_reset(&out);
	assert_int_equal(cm_template_fill(t, CM_TEMPLATE_FOOTER_TEXT, "ar",
					  values, 3, &out),
			 CM_OK);
	assert_string_equal(cm_buf_text(&out),
			    "[ar footer.txt] <b>\"Q&A\" 'x' {{link}}  ar "
			    "rtl.\n");
	cm_buf_free(&out);
	cm_buf_init(&out, 10);
	assert_int_equal(cm_template_fill(t, CM_TEMPLATE_PAGE_ASK, NULL, values,
					  3, &out),
			 CM_ELIMIT);
	cm_buf_free(&out);
	cm_templates_free(&t);
	drop(&f);
}

static void direction_follows_script(void **state)
{
	(void)state;
	assert_true(cm_language_is_rtl("ar"));
	assert_true(cm_language_is_rtl("he-IL"));
	assert_true(cm_language_is_rtl("az-Arab"));
	assert_false(cm_language_is_rtl("ur-Latn-PK"));
	assert_false(cm_language_is_rtl("en"));
	assert_false(cm_language_is_rtl("arx"));
	assert_false(cm_language_is_rtl(NULL));
}

/* PREF-2: every language that ships has every word, and no other's. */
static void the_languages_that_ship_are_complete(void **state)
{
	static const char *const languages[] = {"bg", "cs", "en",
						"pl", "ru", "sv"};
	struct cm_templates *t = NULL;
	struct cm_error err = {0};
	char text[6][512];
	size_t i, k;

	(void)state;
	if (cm_templates_load(CM_SRCDIR "/conf/templates", "en", &t, &err) !=
	    CM_OK)
		fail_msg("%s", err.text);
	for (i = 0; i < 6; i++) {
		struct cm_buf out;

		assert_string_equal(cm_templates_language(t, &languages[i], 1),
				    languages[i]);
		cm_buf_init(&out, 4096);
		assert_int_equal(cm_template_title(t, CM_TEMPLATE_PAGE_LATER,
						   languages[i], NULL, 0, &out),
				 CM_OK);
		(void)snprintf(text[i], sizeof(text[i]), "%s",
			       cm_buf_text(&out));
		cm_buf_free(&out);
		for (k = 0; k < i; k++)
			assert_string_not_equal(text[i], text[k]);
	}
	cm_templates_free(&t);
}

/* FT-1: no "Privacy notice:" without one; the other lines stay. */
static void what_is_not_given_takes_its_line_along(void **state)
{
	static const char text[] = "{{marker}}\n{{link}}{{address}}\n"
				   "Notice: {{privacy-notice}} here";
	static const struct {
		struct cm_template_value values[3];
		const char *filled;
	} rows[] = {
		{{{"link", "L"}, {"marker", "M"}, {"privacy-notice", "P"}},
		 "M\nL\nNotice: P here"},
		{{{"link", "L"}, {"marker", NULL}, {"privacy-notice", "P"}},
		 "L\nNotice: P here"},
		{{{"link", "L"}, {"marker", "M"}, {"privacy-notice", ""}},
		 "M\nL\n"},
		{{{"link", "L"}}, "L\n"},
	};
	struct cm_templates *t = NULL;
	struct cm_error err;
	struct cm_buf out;
	struct folder f;
	size_t i;

	(void)state;
	make(&f);
	puts_all(&f, "en");
	put(&f, "en", "footer.txt", text, strlen(text));
	assert_int_equal(cm_templates_load(f.path, "en", &t, &err), CM_OK);
	cm_buf_init(&out, 4096);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cm_buf_reset(&out);
		assert_int_equal(
			cm_template_fill(t, CM_TEMPLATE_FOOTER_TEXT, "en",
					 rows[i].values,
					 rows[i].values[1].name != NULL ? 3 : 1,
					 &out),
			CM_OK);
		assert_string_equal(cm_buf_text(&out), rows[i].filled);
	}
	cm_buf_free(&out);
	cm_templates_free(&t);
	drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_stop_the_start),
		cmocka_unit_test(a_missing_file_is_named),
		cmocka_unit_test(other_files_are_passed_over),
		cmocka_unit_test(the_language_is_the_first_there_is),
		cmocka_unit_test(values_are_escaped_in_html_only),
		cmocka_unit_test(direction_follows_script),
		cmocka_unit_test(the_languages_that_ship_are_complete),
		cmocka_unit_test(what_is_not_given_takes_its_line_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
