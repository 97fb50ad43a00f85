/*
 * place: cm_html_end() for tests in other languages.
 *
 * Standard input: texts, each behind its length (four octets, the highest
 * first).  Standard output, a line a text: offset, "-" or why not, language.
 */
#include <stdio.h>
#include <stdlib.h>

#include "milter/html_end.h"

static bool take_text(char **ret_text, size_t *ret_n)
{
	unsigned char length[4];
	size_t n;

	if (fread(length, 1, sizeof(length), stdin) != sizeof(length))
		return false;
	n = (size_t)length[0] << 24 | (size_t)length[1] << 16 |
	    (size_t)length[2] << 8 | length[3];
	/* As long as the text and no longer: a sanitizer sees each octet. */
	*ret_text = malloc(n > 0 ? n : 1);
	*ret_n = n;
	return *ret_text != NULL && fread(*ret_text, 1, n, stdin) == n;
}

int main(void)
{
	struct cm_html_end end;
	char *text = NULL;
	size_t n;

	while (take_text(&text, &n)) {
		end = cm_html_end(cm_span_n(text, n));
		(void)printf("%zu %s %.*s\n", end.at,
			     end.unsure != NULL ? end.unsure : "-",
			     (int)end.lang.n,
			     end.lang.p != NULL ? end.lang.p : "");
		(void)fflush(stdout);
		free(text);
		text = NULL;
	}
	free(text);
	return 0;
}
