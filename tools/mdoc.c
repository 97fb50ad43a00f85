/* See mdoc.h. */
#include "tools/mdoc.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"

enum { LINE_MAX_LEN = 512, WIDTH = 72 };

/* One word of a text line; mdoc reads a "." or "'" at its start. */
static void print_word(struct cm_span word, size_t *column)
{
	size_t i;

	if (*column > 0 && *column + 1 + word.n > WIDTH) {
		putchar('\n');
		*column = 0;
	}
	if (*column > 0)
		putchar(' ');
	else if (word.p[0] == '.' || word.p[0] == '\'')
		fputs("\\&", stdout);
	*column += word.n + (*column > 0);
	for (i = 0; i < word.n; i++) {
		if (word.p[i] == '\\')
			fputs("\\e", stdout);
		else
			putchar(word.p[i]);
	}
}

/* A plain text, each sentence on lines of its own as mdoc wants it. */
void cm_mdoc_text(const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		print_word(cm_span_n(text, n), &column);
		if (n > 0 && text[n - 1] == '.') {
			putchar('\n');
			column = 0;
		}
		text += n + strspn(text + n, " ");
	}
	if (column > 0)
		putchar('\n');
}

static int print_page(FILE *frame, const char *mark, void (*list)(void))
{
	char line[LINE_MAX_LEN];

	while (fgets(line, sizeof(line), frame) != NULL) {
		if (strcmp(line, mark) == 0)
			list();
		else
			fputs(line, stdout);
	}
	return ferror(frame) || fflush(stdout) != 0 ? 1 : 0;
}

int cm_mdoc_page(int argc, char **argv, const char *mark, void (*list)(void))
{
	FILE *frame;
	int rc;

	if (argc != 2) {
		fputs("usage: give the frame of the page\n", stderr);
		return 64;
	}
	frame = fopen(argv[1], "r");
	if (frame == NULL) {
		perror(argv[1]);
		return 1;
	}
	rc = print_page(frame, mark, list);
	fclose(frame);
	return rc;
}
