/* template: every mistake stops the start; values never become mark-up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/template.h"

#include "tests/unit/test.h"

static const char *const files[] = {
	"footer.txt", "footer.html",  "ask.html",      "ask-again.html",
	"done.html",  "invalid.html", "no-token.html", "later.html"};
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

static void puts_all(const struct folder *f, const char *language)
{
	char text[160];
	int i;

	for (i = 0; i < NFILES; i++) {
		int n = snprintf(text, sizeof(text),
				 "[%s %s] {{purpose}} {{link}} {{ language }} "
				 "{{dir}}.\n",
				 language, files[i]);
		put(f, language, files[i], text, (size_t)n);
	}
}

static void make(struct folder *f)
{
	(void)snprintf(f->path, sizeof(f->path), "/tmp/t_template.XXXXXX");
	assert_non_null(mkdtemp(f->path));
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
		const char *file;
		const char *data;
		size_t n;
		const char *error;
	} rows[] = {
#define ROW(file, text, error) {file, text, sizeof(text) - 1, error}
		ROW("ask.html", "a\nb {{lnk}}",
		    "cs/ask.html:2: unknown name "
		    "{{lnk}} (did you mean "
		    "{{link}}?)"),
		ROW("ask.html", "{{unsubscribe_url}}", "unknown name"),
		ROW("ask.html", "{{}}", "unknown name"),
		ROW("ask.html", "{{link}} {{link", "\"{{\" without \"}}\""),
		ROW("ask.html", "{{", "\"{{\" without \"}}\""),
		ROW("done.html", "caf\xe9", "not UTF-8"),
		ROW("done.html", "a\0b", "not UTF-8"),
		ROW("footer.txt", "goodbye", "no {{link}}"),
		ROW("footer.html", "goodbye", "no {{link}}"),
#undef ROW
	};
	struct folder f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		make(&f);
		put(&f, "cs", rows[i].file, rows[i].data, rows[i].n);
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
	(void)snprintf(path, sizeof(path), "%s/cs/later.html", f.path);
	(void)unlink(path);
	refused(&f, "cs/later.html: No such file");
	assert_non_null(big);
	memset(big, 'x', 70000);
	put(&f, "cs", "later.html", big, 70000);
	free(big);
	refused(&f, "cs/later.html is over 65536 octets");
	puts_all(&f, "cs");
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

static void values_are_escaped_in_html_only(void **state)
{
	static const struct cm_template_value values[] = {
		{"purpose", "<b>\"Q&A\" 'x' {{link}}"}, {"link", NULL}};
	struct folder f;
	struct cm_templates *t;
	struct cm_buf out;

	(void)state;
	make(&f);
	t = loaded(&f);
	cm_buf_init(&out, 4096);
	assert_int_equal(cm_template_fill(t, CM_TEMPLATE_PAGE_ASK, "cs", values,
					  2, &out),
			 CM_OK);
	assert_string_equal(cm_buf_text(&out),
			    "[cs ask.html] &lt;b&gt;&quot;Q&amp;A&quot; "
			    "&#39;x&#39; {{link}}  cs ltr.\n");
	cm_buf_reset(&out);
	assert_int_equal(cm_template_fill(t, CM_TEMPLATE_FOOTER_TEXT, "ar",
					  values, 2, &out),
			 CM_OK);
	assert_string_equal(cm_buf_text(&out),
			    "[ar footer.txt] <b>\"Q&A\" 'x' {{link}}  ar "
			    "rtl.\n");
	cm_buf_free(&out);
	cm_buf_init(&out, 10);
	assert_int_equal(cm_template_fill(t, CM_TEMPLATE_PAGE_ASK, NULL, values,
					  2, &out),
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_stop_the_start),
		cmocka_unit_test(a_missing_file_is_named),
		cmocka_unit_test(other_files_are_passed_over),
		cmocka_unit_test(the_language_is_the_first_there_is),
		cmocka_unit_test(values_are_escaped_in_html_only),
		cmocka_unit_test(direction_follows_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
