/* See term_text.h. */
#include "policy/term_text.h"

static const struct {
	const char *column;
	const char *json;
} terms[CM_TERM_TEXTS] = {
	{"controller", "controller"},
	{"seller", "seller"},
	{"sale-date", "sale_date"},
	{"product-category", "product_category"},
	{"opt-out-offered", "opt_out_offered"},
	{"contract-end", "contract_end"},
};

const char *cm_term_column(size_t i)
{
	return terms[i].column;
}

static const char *date(int64_t at, char out[CM_CLOCK_TEXT])
{
	return at != 0 ? cm_clock_format(at, out) : "";
}

const char *cm_term_text(const struct cm_event *event, size_t i,
			 char out[CM_CLOCK_TEXT])
{
	switch (i) {
	case 0:
		return event->controller;
	case 1:
		return event->seller;
	case 2:
		return date(event->sold, out);
	case 3:
		return event->category;
	case 4:
		return cm_yes_no_name(event->optout);
	default:
		return date(event->ended, out);
	}
}

void cm_term_json(struct cm_json_writer *w, const struct cm_event *event)
{
	char out[CM_CLOCK_TEXT];
	size_t i;

	for (i = 0; i < CM_TERM_TEXTS; i++) {
		const char *text = cm_term_text(event, i, out);

		if (text[0] != '\0')
			cm_json_put_text(w, terms[i].json, text);
	}
}
