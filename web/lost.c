/* See lost.h. */
#include "web/lost.h"

#include "web/asking.h"

static const char place[] = "lost";

static void show(struct cm_work *work, int status, enum cm_page_said said,
		 bool with_email, const char *outcome)
{
	char token[CM_FORM_TOKEN_LEN + 1], email[CM_FORM_EMAIL_MAX + 1] = "";
	const struct cm_page_want want = {
		.kind = CM_TEMPLATE_PAGE_LOST,
		.ticket = token,
		.email = email,
		.said = said,
	};

	if (with_email)
		cm_asking_email(work, email);
	if (!cm_asking_token(work, cm_span(place), token))
		return;
	cm_work_page(work, status, &want);
	if (work->answer->status == status)
		work->outcome = outcome;
}

static void show_sent(struct cm_work *work, const char *outcome)
{
	const struct cm_page_want want = {.kind = CM_TEMPLATE_PAGE_LOST_SENT};

	cm_work_page(work, 200, &want);
	if (work->answer->status == 200)
		work->outcome = outcome;
}

static void ask(struct cm_work *work)
{
	struct cm_act act = {
		.kind = CM_ACT_LOST,
		.address = cm_span_n(work->form.email, work->form.email_n),
		.source = cm_span("web-form"),
		.channel = cm_span("form"),
	};

	if (cm_asking_put(work, &act, place))
		show_sent(work, "asked");
}

static void send(struct cm_work *work)
{
	enum cm_form_token token = cm_asking_check(work, cm_span(place));

	if (work->request->body_too_long)
		show(work, 413, CM_PAGE_SAID_CHECK, false, "too-long");
	else if (token != CM_FORM_TOKEN_GOOD)
		show(work, 200, CM_PAGE_SAID_CHECK, true, "shown-again");
	else if (!cm_asking_has_address(work))
		show(work, 400, CM_PAGE_SAID_NO_ADDRESS, true, "no-address");
	else if (work->form.trapped)
		show_sent(work, "trapped");
	else
		ask(work);
}

void cm_lost(struct cm_work *work)
{
	if (work->site->queue == NULL)
		cm_work_invalid(work, "not-found");
	else if (work->method == CM_METHOD_POST)
		send(work);
	else
		show(work, 200, CM_PAGE_SAID_NOTHING, false, "shown");
}
