/*
 * edit, random: MIME trees and footers nobody thought of.
 *
 * A well-formed editable message (random_message.h) is never left untouched:
 * exactly the parts that its maker meant get a footer, the proof holds with
 * both readers, a third that shares nothing with them agrees (edit_check.h),
 * and a second pass changes nothing.  A damaged one is edited provably or
 * left alone, never disproved.
 *
 * CM_ROUNDS and CM_SEED as in chance.h; CM_EDIT_OUT in the environment is a
 * folder that gets the messages before and after, for tests/corpus/check.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/chance.h"
#include "tests/unit/edit_check.h"
#include "tests/unit/message.h"
#include "tests/unit/random_message.h"
#include "tests/unit/test.h"

enum { ROUNDS = 1500, FOLDERS = 8, PATH_OCTETS = 256, SPLICES_MAX = 1 << 20 };

/* ---- footers ----------------------------------------------------------- */

static const char *const footer_files[][2] = {
	{"footer.txt", "\n  > From {{controller}} = \"{{purpose}}\"\n\n"
		       "<{{link}}>\nFrom here.\n{{address}}\n{{contact}}\n"},
	{"footer.html", "<p dir=\"{{dir}}\">{{controller}} {{purpose}} &mdash; "
			"<a href=\"{{link}}\">\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85 "
			"\xf0\x9f\x91\x8b"
			"</a><br>{{address}} {{contact}}</p>"},
	{"footer.txt", "{{controller}}: {{link}}.\n--\n{{address}} "
		       "{{contact}} {{purpose}} \xd0\x9e\xd1\x82\xd0\xbf"},
	{"footer.html",
	 "<div lang=\"{{language}}\"><!-- ours --><a href='{{link}}'>x</a>"
	 " {{controller}}, {{address}},\n{{contact}}: {{purpose}}</div>\n\n"},
	{"footer.txt", "\n\n{{purpose}}\n\t{{address}}\n{{contact}}\n"
		       "({{controller}})\n\n\nStop = {{link}}\n\n"},
	{"footer.html",
	 "<table><tr><td>&nbsp;<b>{{controller}}</b>{{address}}</td></tr>"
	 "<tr><td>{{purpose}} {{contact}} <a href=\"{{link}}\">\xe5\x81\x9c"
	 "</a></td></tr></table>"},
};

/* The other templates, which a folder must have, are the tree's own. */
static void link_pages(const char *folder)
{
	char command[2 * PATH_OCTETS];

	(void)snprintf(command, sizeof(command), "ln -s %s/*.* '%s'",
		       CM_SRCDIR "/conf/templates", folder);
	assert_int_equal(system(command), 0);
}

/* Those of one language that are not its footers; English will do. */
static void link_texts(const char *folder, const char *language)
{
	char command[3 * PATH_OCTETS];

	(void)snprintf(command, sizeof(command),
		       "for f in %s/*.txt; do case $f in */footer.*) ;; *) "
		       "ln -s \"$f\" '%s/%s' || exit 1;; esac; done",
		       CM_SRCDIR "/conf/templates/en", folder, language);
	assert_int_equal(system(command), 0);
}

static void write_footer(const char *folder, const char *language, size_t index)
{
	char path[PATH_OCTETS];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", folder, language,
		       footer_files[index][0]);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(footer_files[index][1], file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void remove_folder(const char *folder)
{
	char command[PATH_OCTETS];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

/* Languages of both directions, each with footers of its own. */
static struct cm_templates *make_templates(unsigned number)
{
	static const char *const languages[] = {"en", "cs", "he", "zh"};
	char folder[] = "/tmp/t_edit_random.XXXXXX";
	char path[PATH_OCTETS];
	struct cm_templates *templates = NULL;
	struct cm_error err = {0};
	size_t i;

	assert_non_null(mkdtemp(folder));
	link_pages(folder);
	for (i = 0; i < sizeof(languages) / sizeof(*languages); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
			       languages[i]);
		assert_int_equal(mkdir(path, 0755), 0);
		write_footer(folder, languages[i], 2 * ((number + i) % 3));
		write_footer(folder, languages[i],
			     1 + 2 * ((number / 2 + i) % 3));
		link_texts(folder, languages[i]);
	}
	if (cm_templates_load(folder, "en", &templates, &err) != CM_OK)
		fail_msg("%s", err.text);
	remove_folder(folder);
	return templates;
}

static void random_footer(struct test_world *w, struct random_message *m,
			  struct cm_templates *const *templates)
{
	static const char *const names[] = {
		"Acme",
		"M\xc3\xbcller & S\xc3\xb6hne",
		"A<b>\"c'",
		"\xd0\x9e\xd0\x9e\xd0\x9e \xd0\x90",
		"\xe6\xa0\xaa\xe5\xbc\x8f\xe4\xbc\x9a\xe7\xa4\xbe",
		"\xd8\xb4\xd8\xb1\xd9\x83\xd8\xa9 ACME",
		"\xf0\x9f\x8e\x81 Gifts \xf0\x9f\x8e\x81",
		"100% &amp; =3D Ltd."};
	static const char *const languages[] = {NULL, "cs", "he", "zh", "en"};
	static const char *const addresses[] = {
		"Main Street 1, 10115 Berlin",
		"\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd 1-1",
		"From here, and very far away, behind the hills, where the "
		"street has no name and the houses no numbers, ask for the "
		"third door, 0000 Nowhere, in a country that one may look for "
		"on any map and not find, all year round = closed on Sundays"};
	unsigned set = random_below(m, FOLDERS + 1);

	w->config.controller_name = names[random_below(m, 8)];
	w->config.controller_address = addresses[random_below(m, 3)];
	w->request.language = languages[random_below(m, 5)];
	w->request.templates = set == FOLDERS ? w->templates : templates[set];
}

/* ---- checks ------------------------------------------------------------ */

static void keep(const struct random_message *m, uint64_t seed)
{
	FILE *file = fopen("t_edit_random.eml", "w");

	if (file != NULL) {
		(void)fwrite(cm_buf_text(&m->out), 1, m->out.len, file);
		(void)fclose(file);
	}
	print_error("CM_SEED=%llu, message in t_edit_random.eml\n",
		    (unsigned long long)seed);
}

static struct cm_edit edit_it(struct test_world *w,
			      const struct random_message *m, uint64_t seed)
{
	struct cm_edit edit = {0};

	test_world_message(w, cm_buf_text(&m->out), m->out.len);
	if (cm_edit_make(&w->request, w->arena, &edit, NULL) != CM_OK) {
		keep(m, seed);
		fail_msg("it fails");
	}
	return edit;
}

/* Exactly the parts that a person is shown, in their order. */
static bool as_meant(const struct random_message *m, const struct cm_edit *edit)
{
	const char *last = "";
	unsigned n = 0;
	size_t i;

	for (i = 0; i < edit->nsplices; i++) {
		const char *part = edit->splices[i].part;

		/* Upgrades have more than one splice a part, and a field
		 * that goes is no footer. */
		if (edit->splices[i].insert.n == 0 || strcmp(part, last) == 0)
			continue;
		last = part;
		if (n == m->nshown || strcmp(part, m->shown[n++]) != 0)
			return false;
	}
	return n == m->nshown;
}

static void write_file(uint64_t seed, const char *suffix, const void *data,
		       size_t n)
{
	char path[PATH_OCTETS];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%llu%s", getenv("CM_EDIT_OUT"),
		       (unsigned long long)seed, suffix);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void write_out(const struct random_message *m,
		      const struct cm_edit *edit, struct cm_span after,
		      uint64_t seed)
{
	struct cm_buf expect;
	unsigned i;

	cm_buf_init(&expect, SPLICES_MAX);
	(void)cm_buf_adds(&expect, "parts:");
	for (i = 0; i < m->nshown; i++)
		(void)cm_buf_addf(&expect, " %s", m->shown[i]);
	(void)cm_buf_adds(&expect, "\n");
	write_file(seed, ".eml", cm_buf_text(&m->out), m->out.len);
	write_file(seed, ".new", after.p, after.n);
	write_file(seed, ".expect", cm_buf_text(&expect), expect.len);
	cm_buf_reset(&expect);
	assert_int_equal(test_splices(edit, &expect), CM_OK);
	write_file(seed, ".splices", cm_buf_text(&expect), expect.len);
	cm_buf_free(&expect);
}

static void well_formed(struct test_world *w, const struct random_message *m,
			uint64_t seed)
{
	struct cm_edit edit = edit_it(w, m, seed);
	struct edit_check check;
	struct cm_span all;
	char *copy;

	if (edit.outcome != CM_BODY_FOOTER || !edit.gmime_agreed ||
	    !as_meant(m, &edit)) {
		keep(m, seed);
		fail_msg("well-formed, and %s (%s), %zu splices for %u parts",
			 cm_body_outcome_name(edit.outcome),
			 edit.why != NULL ? edit.why : "-", edit.nsplices,
			 m->nshown);
	}
	edit_check(w, &edit, &check);
	if (check.why[0] != '\0') {
		keep(m, seed);
		fail_msg("%s", check.why);
	}
	all = test_world_apply(w, &edit);
	if (getenv("CM_EDIT_OUT") != NULL)
		write_out(m, &edit, all, seed);
	copy = malloc(all.n);
	assert_non_null(copy);
	memcpy(copy, all.p, all.n);
	test_world_message(w, copy, all.n);
	free(copy);
	assert_int_equal(cm_edit_make(&w->request, w->arena, &edit, NULL),
			 CM_OK);
	if (edit.outcome != CM_BODY_NOT_WANTED || edit.nheaders != 0) {
		keep(m, seed);
		fail_msg("a second pass changes it");
	}
}

static void damaged(struct test_world *w, struct random_message *m,
		    uint64_t seed)
{
	static const char *const junk[] = {"\r\n", "--", "=", "\n", "\"", ";",
					   "\xff", "<",  ">", " ",  "/"};
	unsigned n = 1 + random_below(m, 4);
	struct edit_check check = {""};
	struct cm_edit edit;

	while (n-- > 0) {
		size_t at = random_below(m, (unsigned)m->out.len);
		const char *bytes = junk[random_below(m, 11)];

		if (at + strlen(bytes) <= m->out.len)
			memcpy(m->out.data + at, bytes, strlen(bytes));
	}
	if (random_below(m, 4) == 0)
		m->out.len = random_below(m, (unsigned)m->out.len);
	edit = edit_it(w, m, seed);
	if (edit.outcome == CM_BODY_FOOTER)
		edit_check(w, &edit, &check);
	if (edit.outcome == CM_BODY_DISPROVED || check.why[0] != '\0') {
		keep(m, seed);
		fail_msg("damaged, and %s (%s)", check.why,
			 edit.why != NULL ? edit.why : "-");
	}
}

static void random_messages(void **state)
{
	const struct chance_rounds rounds = chance_rounds(ROUNDS);
	struct cm_templates *templates[FOLDERS];
	struct random_message m;
	struct test_world w;
	uint64_t i;

	(void)state;
	test_world_open(&w);
	for (i = 0; i < FOLDERS; i++)
		templates[i] = make_templates((unsigned)i);
	random_message_init(&m);
	for (i = 0; i < rounds.count; i++) {
		uint64_t seed = rounds.first + i;

		m.state = chance_of(seed);
		random_footer(&w, &m, templates);
		random_message_make(&m);
		well_formed(&w, &m, seed);
		damaged(&w, &m, seed);
	}
	print_message("%llu messages, each whole and damaged\n",
		      (unsigned long long)rounds.count);
	random_message_free(&m);
	for (i = 0; i < FOLDERS; i++)
		cm_templates_free(&templates[i]);
	test_world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
