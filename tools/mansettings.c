/*
 * mansettings FRAME - print consent-milter.conf(5).
 *
 * Copies FRAME and puts, in place of the line "@SETTINGS@", every row of
 * policy/settings.c as mdoc.  Used by the build alone.
 */
#include <stdio.h>
#include <string.h>

#include "policy/settings.h"
#include "tools/mdoc.h"

/* The words, parted as a syntax parts them. */
static void print_words(const struct cm_setting *s)
{
	const struct cm_setting_word *word;
	const char *separator = "Cm";

	/* mdoc sets a "|" between arguments as what it is. */
	for (word = s->words; word->word != NULL; word++) {
		if (word->value < 0)
			continue;
		printf(" %s %s", separator, word->word);
		separator = "|";
	}
	if (s->type == CM_SETTING_BULK || s->type == CM_SETTING_STREAM_REF)
		fputs(" | Ar stream", stdout);
}

static void print_head(const struct cm_setting *s)
{
	const char *type = cm_setting_type_name(s->type);

	printf(".It Cm %s No =", s->name);
	if ((s->flags & CM_SETTING_LIST) != 0)
		printf(" Brq Ar %s , ...", type);
	else if (s->words != NULL)
		print_words(s);
	else if (s->type == CM_SETTING_BOOL)
		fputs(" Cm yes | no", stdout);
	else
		printf(" Ar %s", type);
	putchar('\n');
}

static void print_default(const struct cm_setting *s)
{
	const char *p = s->fallback;

	if ((s->flags & CM_SETTING_REQUIRED) != 0) {
		puts("Must be given.");
		return;
	}
	if (p == NULL)
		return;
	fputs("Default:\n.Li ", stdout);
	if ((s->flags & CM_SETTING_LIST) == 0) {
		printf("%s .\n", p);
		return;
	}
	putchar('{');
	for (; *p != '\0'; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		printf("%.*s%s", (int)n, p, p[n] == '\0' ? "} .\n" : ",\\ ");
		p += n;
	}
}

/* Whom to restart or reload; nothing where it is everybody's. */
static void print_programs(unsigned programs)
{
	static const struct {
		unsigned program;
		const char *page;
	} names[] = {
		{CM_FOR_MILTER, "consent-milter 8"},
		{CM_FOR_WEB, "consent-web 8"},
		{CM_FOR_CTL, "consentctl 1"},
	};
	const char *before = "Read by\n";
	size_t i;

	if (programs == CM_FOR_ALL)
		return;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((programs & names[i].program) == 0)
			continue;
		printf("%s.Xr %s", before, names[i].page);
		before = " ,\n";
	}
	puts(" .");
}

static void print_notes(const struct cm_setting *s)
{
	if ((s->flags & CM_SETTING_INHERITED) != 0)
		puts("If a purpose does not say, the nearest one above it "
		     "does.");
	if ((s->flags & CM_SETTING_MARKETING) != 0)
		puts((s->flags & CM_SETTING_OPTIN) != 0
			     ? "Marketing and optin streams only."
			     : "Marketing streams only.");
	if ((s->flags & CM_SETTING_SERVICE) != 0)
		puts("Service streams only.");
	print_programs(s->programs);
	if ((s->flags & CM_SETTING_RESTART) != 0)
		puts("A change needs a restart.");
}

static void print_section(enum cm_section_kind kind)
{
	const struct cm_section *section = cm_section(kind);
	const struct cm_setting *s;
	size_t i;

	if (kind == CM_SECTION_GLOBAL)
		puts(".Ss Outside sections");
	else if (section->title == NULL)
		printf(".Ss Section %s\n", section->name);
	else
		printf(".Ss Section %s Qq Ar %s\n", section->name,
		       section->title);
	cm_mdoc_text(section->help);
	puts(".Bl -tag -width Ds");
	for (i = 0; (s = cm_setting_at(i)) != NULL; i++) {
		if (s->section != kind)
			continue;
		print_head(s);
		cm_mdoc_text(s->help);
		print_default(s);
		print_notes(s);
	}
	puts(".El");
}

static void print_all(void)
{
	enum cm_section_kind kind;

	for (kind = CM_SECTION_GLOBAL; kind < CM_SECTIONS; kind++)
		print_section(kind);
}

int main(int argc, char **argv)
{
	return cm_mdoc_page(argc, argv, "@SETTINGS@\n", print_all);
}
