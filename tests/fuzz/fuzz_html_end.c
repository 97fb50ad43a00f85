/*
 * fuzz_html_end: where a footer goes in any HTML.
 *
 * The place lies within the text and is the same at every reading; what
 * stands behind it shows nothing; and a footer put there is again followed
 * by nothing that shows: a second one would go right behind the first.
 */
#include <stdlib.h>
#include <string.h>

#include "milter/html_end.h"

#include "tests/fuzz/fuzz.h"

static const char footer[] =
	"\r\n<table><tr><td>x <a href=\"https://a.example/u/T\">y</a></td></tr>"
	"</table>\r\n";

/* A copy as long as the text: a sanitizer sees an octet too many. */
static struct cm_html_end end_of(const char *text, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	struct cm_html_end end;

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy, text, n);
	end = cm_html_end(cm_span_n(copy, n));
	end.lang = cm_span_n(NULL, 0);
	free(copy);
	return end;
}

static void twice(const char *text, size_t n, size_t at)
{
	size_t more = sizeof(footer) - 1;
	char *longer = malloc(n + more);
	struct cm_html_end end;

	if (longer == NULL)
		abort();
	memcpy(longer, text, at);
	memcpy(longer + at, footer, more);
	memcpy(longer + at + more, text + at, n - at);
	end = end_of(longer, n + more);
	if (end.unsure == NULL && end.at != at + more)
		abort();
	/* Only how deep it may go can be another answer. */
	if (end.unsure != NULL && strcmp(end.unsure, "depth") != 0)
		abort();
	free(longer);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";
	struct cm_html_end end = end_of(text, size);

	if (end.unsure == NULL && end.at > size)
		abort();
	if (end.unsure == NULL)
		twice(text, size, end.at);
	return 0;
}
