/* See subscribe.h. */
#include "web/subscribe.h"

#include <stdio.h>
#include <string.h>

#include "web/asking.h"

/* The form on its way: whose, what of it is ticked, what was typed. */
struct filled {
	const struct cm_subscribe_form *form;
	char place[CM_SOURCE_MAX + 3]; /* "s/newsletter" */
	struct cm_page_choice choices[CM_SUBSCRIBE_PURPOSES_MAX];
	bool ticked; /* any of them */
	char email[CM_FORM_EMAIL_MAX + 1];
};

static bool is_ticked(const struct cm_form *form, const char *path)
{
	size_t i;

	for (i = 0; i < form->npurposes; i++)
		if (cm_span_eq(cm_span_n(form->purposes[i].text,
					 form->purposes[i].n),
			       cm_span(path)))
			return true;
	return false;
}

static void fill(const struct cm_work *work, struct filled *filled,
		 bool with_ticks)
{
	size_t i;

	(void)snprintf(filled->place, sizeof(filled->place), "s/%s",
		       filled->form->name);
	cm_asking_email(work, filled->email);
	for (i = 0; i < filled->form->npurposes; i++) {
		const struct cm_purpose *purpose = filled->form->purposes[i];

		filled->choices[i].purpose = purpose;
		filled->choices[i].on =
			with_ticks && is_ticked(&work->form, purpose->path);
		filled->ticked = filled->ticked || filled->choices[i].on;
	}
}

static void show(struct cm_work *work, const struct filled *filled, int status,
		 enum cm_page_said said)
{
	char token[CM_FORM_TOKEN_LEN + 1];
	const struct cm_page_want want = {
		.kind = CM_TEMPLATE_PAGE_SUBSCRIBE,
		.form = filled->form,
		.ticket = token,
		.email = filled->email,
		.said = said,
		.choices = filled->choices,
		.nchoices = filled->form->npurposes,
	};

	if (cm_asking_token(work, cm_span(filled->place), token))
		cm_work_page(work, status, &want);
}

/* It tells nobody whether the address is on record, or could ever be. */
static void show_asked(struct cm_work *work, const struct filled *filled)
{
	const struct cm_page_want want = {
		.kind = CM_TEMPLATE_PAGE_ASKED,
		.form = filled->form,
		.form_path = work->route.token,
	};

	cm_work_page(work, 200, &want);
}

static void ask(struct cm_work *work, const struct filled *filled)
{
	struct cm_act act = {
		.kind = CM_ACT_REQUEST,
		.address = cm_span_n(work->form.email, work->form.email_n),
		.source = cm_span(filled->form->source),
		.channel = cm_span("form"),
	};
	size_t i;

	act.has_notice = cm_shown_form(work->site->shown, filled->form,
				       cm_asking_language(work), &act.notice);
	for (i = 0; i < filled->form->npurposes; i++)
		if (filled->choices[i].on)
			act.purposes[act.npurposes++] =
				cm_span(filled->form->purposes[i]->path);
	if (!cm_asking_put(work, &act, filled->form->name))
		return;
	show_asked(work, filled);
	work->outcome = "asked";
}

static void say(struct cm_work *work, const struct filled *filled, int status,
		enum cm_page_said said, const char *outcome)
{
	show(work, filled, status, said);
	if (work->answer->status == status)
		work->outcome = outcome;
}

static void send(struct cm_work *work, struct filled *filled)
{
	enum cm_form_token token;

	(void)snprintf(filled->place, sizeof(filled->place), "s/%s",
		       filled->form->name);
	token = cm_asking_check(work, cm_span(filled->place));
	fill(work, filled, token != CM_FORM_TOKEN_BAD);
	if (work->request->body_too_long) {
		say(work, filled, 413, CM_PAGE_SAID_CHECK, "too-long");
	} else if (token != CM_FORM_TOKEN_GOOD) {
		say(work, filled, 200, CM_PAGE_SAID_CHECK, "shown-again");
	} else if (!cm_asking_has_address(work)) {
		say(work, filled, 400, CM_PAGE_SAID_NO_ADDRESS, "no-address");
	} else if (!filled->ticked) {
		say(work, filled, 400, CM_PAGE_SAID_NO_BOX, "no-box");
	} else if (work->form.trapped) {
		show_asked(work, filled);
		work->outcome = "trapped";
	} else {
		ask(work, filled);
	}
}

/* "name/language" of the route; the language goes before the browser's. */
static const struct cm_subscribe_form *find_form(struct cm_work *work)
{
	struct cm_span language =
		cm_span_n(work->route.token, work->route.token_n);
	struct cm_span name = cm_span_cut(&language, '/');

	if (work->site->queue == NULL ||
	    language.n >= sizeof(work->view.language))
		return NULL;
	if (language.n > 0)
		memcpy(work->view.language, language.p, language.n);
	return cm_config_form(work->site->config, name);
}

void cm_subscribe(struct cm_work *work)
{
	struct filled filled = {.form = find_form(work)};

	if (filled.form == NULL) {
		cm_work_invalid(work, "not-found");
		return;
	}
	cm_line_text(&work->line, "name", filled.form->name);
	if (work->method == CM_METHOD_POST) {
		send(work, &filled);
		return;
	}
	fill(work, &filled, false);
	say(work, &filled, 200, CM_PAGE_SAID_NOTHING, "shown");
}
