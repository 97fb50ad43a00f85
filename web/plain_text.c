/* See plain_text.h. */
#include "web/plain_text.h"

#include <string.h>

bool cm_plain_text_is_html(struct cm_span text)
{
	struct cm_span trimmed = cm_span_trim(text);

	return cm_span_starts(trimmed, "<!doctype html") ||
	       cm_span_starts(trimmed, "<html") ||
	       cm_span_starts(trimmed, "<main");
}

static bool is_one_of(struct cm_span name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (cm_span_is(name, *names))
			return true;
	return false;
}

/* The tag's name, "/" and all before it taken off the rest. */
static struct cm_span take_tag(struct cm_span *rest, bool *ret_closes)
{
	struct cm_span tag = cm_span_cut(rest, '>');
	struct cm_span name = tag;
	size_t n = 0;

	*ret_closes = name.n > 0 && name.p[0] == '/';
	if (*ret_closes)
		name = cm_span_n(name.p + 1, name.n - 1);
	while (n < name.n &&
	       (cm_ascii_alpha(name.p[n]) || cm_ascii_digit(name.p[n])))
		n++;
	return cm_span_n(name.p, n);
}

/* Up to the end of an element that nobody reads. */
static void skip(struct cm_span *rest, struct cm_span element)
{
	bool closes = false;

	while (rest->n > 0) {
		struct cm_span name;

		(void)cm_span_cut(rest, '<');
		name = take_tag(rest, &closes);
		if (closes && cm_span_eq(name, element))
			return;
	}
}

static char character_of(struct cm_span *rest)
{
	static const struct {
		const char *entity;
		char c;
	} entities[] = {
		{"&amp;", '&'},  {"&lt;", '<'},   {"&gt;", '>'},
		{"&quot;", '"'}, {"&#39;", '\''},
	};
	char c = rest->p[0];
	size_t taken = 1;
	size_t i;

	for (i = 0; c == '&' && i < sizeof(entities) / sizeof(*entities); i++) {
		if (!cm_span_starts(*rest, entities[i].entity))
			continue;
		c = entities[i].c;
		taken = strlen(entities[i].entity);
		break;
	}
	rest->p += taken;
	rest->n -= taken;
	return c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
}

static char last_of(const struct cm_buf *out)
{
	return out->len > 0 ? out->data[out->len - 1] : '\n';
}

void cm_plain_text(struct cm_span html, struct cm_buf *out)
{
	static const char *const unread[] = {"head", "style", "script", NULL};
	static const char *const inside[] = {"a", "b",    "bdi",    "em",
					     "i", "span", "strong", NULL};
	struct cm_span rest = html;

	while (rest.n > 0) {
		struct cm_span name;
		bool closes;
		char c;

		if (rest.p[0] != '<') {
			c = character_of(&rest);
			if (c != ' ' ||
			    (last_of(out) != ' ' && last_of(out) != '\n'))
				(void)cm_buf_addc(out, c);
			continue;
		}
		rest.p++;
		rest.n--;
		name = take_tag(&rest, &closes);
		if (!closes && is_one_of(name, unread))
			skip(&rest, name);
		else if (!is_one_of(name, inside) && last_of(out) != '\n')
			(void)cm_buf_addc(out, '\n');
	}
}
