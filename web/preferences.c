/*
 * Preferences at /p: what somebody gets, and a button to stop each of it.
 *
 * Less takes effect at once.  More needs the person's own word by mail: a
 * button asks for the letter (PREF-1).  A form must bring the ticket of a page
 * of ours (PREF-3), so nobody else's page can press its buttons.
 */
#include "web/work.h"

#include <string.h>

#include "policy/decide.h"
#include "policy/past.h"
#include "policy/purpose.h"
#include "web/asking.h"
#include "web/leave.h"
#include "web/visitor.h"

/* As consent-milter would: where silence ends a consent, its last mail counts,
 * too. */
static bool may_be_mailed(const struct cm_work *work,
			  const struct cm_purpose *purpose)
{
	int64_t asked, mailed = 0;
	const struct cm_past past = {.mailed = &mailed};
	struct cm_decision decision;

	if (cm_past_matters(&purpose, 1))
		cm_keep_recall(&work->site->keep, work->site->config,
			       &work->token.contact, purpose, &asked, &mailed);
	cm_decide_purpose(work->site->config, purpose, &work->view,
			  &work->of_family, &past, work->now, &decision);
	return decision.verdict == CM_VERDICT_ALLOW;
}

/* Each purpose below the root, and whether mail of it may be sent. */
static size_t list_choices(const struct cm_work *work,
			   struct cm_page_choice *choices)
{
	const struct cm_config *config = work->site->config;
	struct cm_span root = cm_span(config->controller_id);
	size_t i, n = 0;

	for (i = 0; i < config->npurposes; i++) {
		const struct cm_purpose *purpose = &config->purposes[i];
		struct cm_span path = cm_span(purpose->path);

		if (cm_span_eq(path, root) || !cm_purpose_covers(root, path))
			continue;
		choices[n].purpose = purpose;
		choices[n].depth = cm_purpose_depth(path) - 2;
		choices[n++].on = may_be_mailed(work, purpose);
	}
	return n;
}

static void show(struct cm_work *work, int status, enum cm_page_said said)
{
	struct cm_page_want want = {
		.kind = CM_TEMPLATE_PAGE_PREFERENCES,
		.purpose = work->path,
		.said = said,
	};
	struct cm_page_choice *choices =
		cm_arena_array(work->arena, work->site->config->npurposes + 1,
			       sizeof(*choices));
	char masked[CM_MASKED_MAX];
	struct cm_ticket form, click = {""};
	struct cm_error err;
	size_t i;

	if (choices == NULL || cm_visitor_read(work, &err) != CM_OK) {
		if (choices == NULL)
			(void)cm_fail(&err, CM_ENOMEM, "out of memory");
		cm_work_later(work, &err);
		return;
	}
	want.choices = choices;
	want.nchoices = list_choices(work, choices);
	for (i = 0; i < want.nchoices; i++)
		want.may_stop_all = want.may_stop_all || choices[i].on;
	cm_visitor_masked(work, masked);
	want.email = masked;
	/* Nobody can be asked whose address is not on record. */
	want.may_ask_more = work->site->queue != NULL && masked[0] != '\0';
	want.may_send = want.may_ask_more;
	cm_visitor_form_ticket(work, &form);
	want.ticket = form.text;
	if (said == CM_PAGE_SAID_STOPPED)
		cm_visitor_click_ticket(work, &click);
	want.click = click.text;
	cm_work_page(work, status, &want);
}

static void leave(struct cm_work *work, struct cm_span path)
{
	struct cm_error err;
	bool fresh;

	work->path = path;
	cm_line_span(&work->line, "purpose", path);
	if (cm_visitor_leave(work, "preferences", &fresh, &err) != CM_OK) {
		cm_work_later(work, &err);
		return;
	}
	show(work, 200, CM_PAGE_SAID_STOPPED);
	work->outcome = fresh ? "withdrawn" : "already";
}

static void take_back(struct cm_work *work)
{
	struct cm_error err;
	int rc = cm_visitor_take_back(work, "preferences", &err);

	if (rc != CM_OK && rc != CM_EDATA) {
		cm_work_later(work, &err);
		return;
	}
	if (rc == CM_OK)
		cm_line_span(&work->line, "back", work->path);
	show(work, rc == CM_OK ? 200 : 400,
	     rc == CM_OK ? CM_PAGE_SAID_BACK : CM_PAGE_SAID_AGAIN);
	work->outcome = rc == CM_OK ? "taken-back" : "no-ticket";
}

/* What is on record opens by a mailed link only (pitfall 10). */
static void ask_data(struct cm_work *work)
{
	struct cm_act act = {
		.kind = CM_ACT_DATA,
		.contact = work->token.contact,
		.source = cm_span("preferences"),
		.channel = cm_span("preferences"),
	};

	if (!cm_asking_put(work, &act, ""))
		return;
	show(work, 200, CM_PAGE_SAID_SENT);
	work->outcome = "asked";
}

/* The address is whose link this is, so only they are ever written to. */
static void ask_more(struct cm_work *work, const struct cm_purpose *purpose)
{
	struct cm_act act = {
		.kind = CM_ACT_REQUEST,
		.contact = work->token.contact,
		.purposes = {cm_span(purpose->path)},
		.npurposes = 1,
		.source = cm_span("preferences"),
		.channel = cm_span("preferences"),
	};

	work->path = cm_span(purpose->path);
	cm_line_span(&work->line, "purpose", work->path);
	act.has_notice = cm_shown_more(work->site->shown, purpose,
				       cm_asking_language(work), &act.notice);
	if (!cm_asking_put(work, &act, ""))
		return;
	show(work, 200, CM_PAGE_SAID_ASKED);
	work->outcome = "asked";
}

static void act(struct cm_work *work)
{
	const struct cm_config *config = work->site->config;
	const struct cm_purpose *purpose =
		cm_config_purpose(config, cm_span_n(work->form.purpose.text,
						    work->form.purpose.n));

	if (work->form.act == CM_FORM_UNDO) {
		take_back(work);
	} else if (!cm_visitor_has_form_ticket(work)) {
		show(work, 400, CM_PAGE_SAID_AGAIN);
		work->outcome = "no-ticket";
	} else if (work->form.act == CM_FORM_ALL) {
		leave(work, cm_span(config->controller_id));
	} else if (work->form.act == CM_FORM_PURPOSE && purpose != NULL) {
		leave(work, cm_span(purpose->path));
	} else if (work->form.act == CM_FORM_MORE && purpose != NULL &&
		   work->site->queue != NULL) {
		ask_more(work, purpose);
	} else if (work->form.act == CM_FORM_DATA &&
		   work->site->queue != NULL) {
		ask_data(work);
	} else {
		show(work, 400, CM_PAGE_SAID_AGAIN);
		work->outcome = "no-known-pair";
	}
}

static void at_persons(struct cm_work *work)
{
	struct cm_error err;

	if (cm_visitor_read(work, &err) != CM_OK) {
		cm_work_later(work, &err);
		return;
	}
	if (work->method == CM_METHOD_POST) {
		act(work);
	} else {
		work->outcome = "shown";
		show(work, 200, CM_PAGE_SAID_NOTHING);
	}
}

void cm_preferences(struct cm_work *work)
{
	static const enum cm_key_kind kinds[] = {CM_KEY_FOOTER,
						 CM_KEY_PREFERENCE};

	cm_visitor_meet(work, kinds, sizeof(kinds) / sizeof(kinds[0]),
			at_persons);
}
