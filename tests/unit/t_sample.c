/*
 * What ships beside the table: the sample, the streams for common tools and
 * the manual load, name every setting in its section, and name no other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/config.h"
#include "policy/settings.h"
#include "tests/unit/test.h"

#define SAMPLE SOURCE_FOLDER "/conf/consent-milter.conf.sample"

/* A text file, each line with its newline; the caller frees it. */
static char *read_text(const char *file)
{
	FILE *fp = fopen(file, "r");
	char *text = calloc(1, 1 << 20);
	size_t n;

	if (fp == NULL)
		fail_msg("cannot open %s", file);
	assert_non_null(text);
	n = fread(text, 1, (1 << 20) - 1, fp);
	assert_true(n > 0 && n < (1 << 20) - 1);
	fclose(fp);
	return text;
}

static void must_load(const char *text, const char *include)
{
	char name[] = "/tmp/t_sample.XXXXXX";
	int fd = mkstemp(name);
	FILE *fp = fd < 0 ? NULL : fdopen(fd, "w");
	struct cm_config *config = NULL;
	struct cm_error err = {CM_OK, ""};

	assert_non_null(fp);
	fputs(text, fp);
	if (include != NULL)
		fprintf(fp, "include(\"%s\")\n", include);
	assert_int_equal(fclose(fp), 0);
	(void)!cm_config_load(name, &config, &err);
	unlink(name);
	assert_string_equal(err.text, "");
	cm_config_unref(&config);
}

/* "#name" is a setting, "# text" is not: switch every setting on. */
static void uncomment(char *text)
{
	char *p;

	for (p = text; p != NULL; p = strchr(p, '\n')) {
		p += strspn(p, "\n ");
		if (p[0] == '#' && (cm_ascii_alpha(p[1]) || p[1] == '}'))
			p[0] = ' ';
	}
}

static void the_sample_loads(void **state)
{
	char *text = read_text(SAMPLE);

	(void)state;
	must_load(text, NULL);
	uncomment(text);
	must_load(text, NULL);
	free(text);
}

static void the_streams_load_beside_the_sample(void **state)
{
	static const char *const names[] = {
		"listmonk", "magento",    "mailman",
		"mautic",   "odoo",       "several-purposes",
		"shopware", "smtp-login", "wordpress-mailpoet",
	};
	char *text = read_text(SAMPLE);
	char file[4096];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(file, sizeof(file), "%s/conf/streams/%s.conf",
			 SOURCE_FOLDER, names[i]);
		must_load(text, file);
	}
	free(text);
}

/* Each on its own, and all of them together. */
static void the_countries_load_beside_the_sample(void **state)
{
	static const char *const names[] = {
		"bg", "ca", "cz", "de", "es", "fr",
		"gb", "it", "pl", "se", "us",
	};
	char *text = read_text(SAMPLE);
	char *all = calloc(1, 1 << 20);
	char file[4096];
	size_t n, i;

	(void)state;
	assert_non_null(all);
	n = (size_t)snprintf(all, 1 << 20, "%s", text);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(file, sizeof(file), "%s/conf/countries/%s.conf",
			 SOURCE_FOLDER, names[i]);
		must_load(text, file);
		n += (size_t)snprintf(all + n, (1 << 20) - n,
				      "include(\"%s\")\n", file);
	}
	must_load(all, NULL);
	free(all);
	free(text);
}

/* The settings that a text names, section by section. */
struct seen {
	enum cm_section_kind section;
	unsigned times[256]; /* by row of the table */
};

static void see(struct seen *seen, struct cm_span name)
{
	const struct cm_setting *setting;
	char word[64];
	size_t i;

	assert_true(name.n < sizeof(word));
	memcpy(word, name.p, name.n);
	word[name.n] = '\0';
	setting = cm_setting_find(seen->section, word);
	if (setting == NULL)
		fail_msg("\"%s\" is no setting of section \"%s\"", word,
			 cm_section(seen->section)->name);
	for (i = 0; cm_setting_at(i) != setting; i++)
		;
	seen->times[i]++;
}

static void all_were_seen(const struct seen *seen, const char *where)
{
	const struct cm_setting *setting;
	size_t i;

	for (i = 0; (setting = cm_setting_at(i)) != NULL; i++)
		if (seen->times[i] == 0)
			fail_msg("%s does not name \"%s\" of section \"%s\"",
				 where, setting->name,
				 cm_section(setting->section)->name);
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (cm_ascii_alpha(p[n]) || cm_ascii_digit(p[n]) || p[n] == '-')
		n++;
	return n;
}

/* One line of the sample: a section's begin or end, a setting, or neither. */
static void see_sample_line(struct seen *seen, const char *p)
{
	char word[64] = "";
	size_t n = word_length(p), after;

	if (p[0] == '}')
		seen->section = CM_SECTION_GLOBAL;
	if (n == 0 || n >= sizeof(word))
		return;
	memcpy(word, p, n);
	after = n + strspn(p + n, " ");
	if (p[after] == '=')
		see(seen, cm_span_n(p, n));
	else if (cm_section_find(word) != CM_SECTIONS)
		seen->section = cm_section_find(word);
}

static void the_sample_names_every_setting(void **state)
{
	char *text = read_text(SAMPLE);
	struct seen seen = {.section = CM_SECTION_GLOBAL};
	char *p;

	(void)state;
	uncomment(text);
	for (p = text; p != NULL; p = strchr(p, '\n')) {
		p += strspn(p, "\n ");
		see_sample_line(&seen, p);
	}
	all_were_seen(&seen, "the sample");
	free(text);
}

static void the_manual_names_every_setting(void **state)
{
	char *text = read_text("conf/consent-milter.conf.5");
	struct seen seen = {.section = CM_SECTIONS};
	size_t i;
	char *p, name[64];

	(void)state;
	p = strstr(text, ".Sh SETTINGS");
	assert_non_null(p);
	*strstr(p + 1, "\n.Sh ") = '\0';
	for (; (p = strchr(p, '\n')) != NULL; p++) {
		if (strncmp(p + 1, ".Ss Outside", 11) == 0)
			seen.section = CM_SECTION_GLOBAL;
		if (strncmp(p + 1, ".Ss Section ", 12) == 0) {
			snprintf(name, sizeof(name), "%.*s",
				 (int)word_length(p + 13), p + 13);
			seen.section = cm_section_find(name);
			assert_int_not_equal(seen.section, CM_SECTIONS);
		}
		if (strncmp(p + 1, ".It Cm ", 7) == 0)
			see(&seen, cm_span_n(p + 8, word_length(p + 8)));
	}
	all_were_seen(&seen, "the manual");
	for (i = 0; cm_setting_at(i) != NULL; i++)
		assert_int_equal(seen.times[i], 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_loads),
		cmocka_unit_test(the_streams_load_beside_the_sample),
		cmocka_unit_test(the_countries_load_beside_the_sample),
		cmocka_unit_test(the_sample_names_every_setting),
		cmocka_unit_test(the_manual_names_every_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
