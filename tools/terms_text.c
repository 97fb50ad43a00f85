/* See terms_text.h. */
#include "tools/terms_text.h"

#include "lib/quote.h"
#include "tools/html.h"

/* In the order of cm_term_text(). */
static const char *const labels[CM_TERM_TEXTS] = {
	"Given to",
	"Sold by",
	"Sold on",
	"What was sold",
	"Way to refuse offered then",
	"Contract ended",
};

void cm_term_print(FILE *out, const struct cm_event *event)
{
	char date[CM_CLOCK_TEXT], quoted[CM_QUOTE_LEN];
	size_t i;

	for (i = 0; i < CM_TERM_TEXTS; i++) {
		const char *text = cm_term_text(event, i, date);

		if (text[0] != '\0')
			(void)fprintf(out, "  %s %s", cm_term_column(i),
				      cm_quote(cm_span(text), quoted));
	}
}

void cm_term_rows(struct cm_buf *out, const struct cm_event *event)
{
	char date[CM_CLOCK_TEXT];
	size_t i;

	for (i = 0; i < CM_TERM_TEXTS; i++) {
		const char *text = cm_term_text(event, i, date);

		if (text[0] != '\0')
			cm_html_row(out, labels[i], text);
	}
}
