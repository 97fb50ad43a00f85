/*
 * A request as strangers send it: the first line is the Content-Type and the
 * path, the rest the body.  No crash; what asks for something says so in its
 * bytes; unescaping never grows; a token is never longer than its room.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web/form.h"
#include "web/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void check_form(struct cm_span type, struct cm_span body)
{
	enum cm_form_act act;
	struct cm_form form;
	size_t i;

	cm_form_read(type, body, &form);
	act = form.act;
	must(act == CM_FORM_NONE || body.n >= strlen("stop="));
	must(form.ticket.n <= sizeof(form.ticket.text));
	must(form.purpose.n <= sizeof(form.purpose.text));
	must(form.token.n <= sizeof(form.token.text));
	must(form.email_n <= sizeof(form.email) && form.email_n <= body.n);
	must(form.npurposes <= CM_FORM_PURPOSES_MAX);
	for (i = 0; i < form.npurposes; i++)
		must(form.purposes[i].n > 0 &&
		     form.purposes[i].n <= sizeof(form.purposes[i].text));
	must(form.reason < CM_FORM_REASONS);
	must(act != CM_FORM_ONE_CLICK ||
	     body.n >= strlen("List-Unsubscribe=One-Click"));
	must(act == CM_FORM_NONE || body.n <= CM_FORM_MAX);
}

static void check_escapes(struct cm_span text)
{
	char *out = malloc(text.n + 1);

	must(out != NULL);
	must(cm_form_unescape(text, true, out) <= text.n);
	free(out);
}

/* Places whose path ends in a word: a token, a form's name, a call. */
static bool has_word(enum cm_place place)
{
	switch (place) {
	case CM_PLACE_TOKEN:
	case CM_PLACE_PREFERENCES:
	case CM_PLACE_SUBSCRIBE:
	case CM_PLACE_CONFIRM:
	case CM_PLACE_MY_DATA:
	case CM_PLACE_API:
		return true;
	default:
		return false;
	}
}

static void check_route(const char *base, struct cm_span url)
{
	struct cm_route route = cm_route_find(base, url);

	must(route.place <= CM_PLACE_NONE);
	must(route.token_n < sizeof(route.token));
	must(has_word(route.place) || route.token_n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cm_span all = {(const char *)data, n};
	const char *end = n > 0 ? memchr(data, '\n', n) : NULL;
	struct cm_span first = all, rest = {NULL, 0};

	if (end != NULL) {
		first.n = (size_t)(end - all.p);
		rest = cm_span_n(end + 1, n - first.n - 1);
	}
	check_form(first, rest);
	check_form(cm_span(""), all);
	check_escapes(all);
	check_route("https://h.example", first);
	check_route("https://h.example/out", first);
	return 0;
}
