/*
 * The way out at /u: what would stop, one button, and how to take it back.
 *
 * GET shows; POST acts (pitfalls 1 to 3).  A header's link does no more than
 * stop; whoever follows a footer's link may also see what else there is.
 */
#include "web/work.h"

#include <string.h>

#include "policy/purpose.h"
#include "web/leave.h"
#include "web/visitor.h"

static struct cm_span root_of(const struct cm_work *work)
{
	return cm_span(work->site->config->controller_id);
}

/* Is there more to leave than the link's purpose? */
static bool may_stop_all(const struct cm_work *work)
{
	struct cm_span root = root_of(work);

	return cm_purpose_covers(root, work->path) &&
	       !cm_span_eq(root, work->path) &&
	       !cm_leave_stands(&work->view, root);
}

static void page(struct cm_work *work, int status, enum cm_template_kind kind,
		 const struct cm_ticket *ticket)
{
	const struct cm_page_want want = {
		.kind = kind,
		.purpose = work->path,
		.may_stop_all = may_stop_all(work),
		.ask_why = ticket != NULL,
		.ticket = ticket != NULL ? ticket->text : "",
		.preferences = work->token.kind == CM_KEY_FOOTER
				       ? work->route.token
				       : "",
	};

	cm_work_page(work, status, &want);
}

static void show(struct cm_work *work, int status)
{
	bool stands = cm_leave_stands(&work->view, work->path);
	bool older =
		cm_leave_is_older(&work->view, work->path, work->token.day);

	work->outcome = stands ? "shown-done" : older ? "shown-again" : "shown";
	page(work, status,
	     stands  ? CM_TEMPLATE_PAGE_DONE
	     : older ? CM_TEMPLATE_PAGE_ASK_AGAIN
		     : CM_TEMPLATE_PAGE_ASK,
	     NULL);
}

/* A person sees the page of a button; nobody that of a one-click. */
static void leave(struct cm_work *work)
{
	bool one_click = work->form.act == CM_FORM_ONE_CLICK;
	struct cm_ticket ticket = {""};
	struct cm_error err;
	bool fresh;

	if (cm_visitor_leave(work, one_click ? "one-click" : "page", &fresh,
			     &err) != CM_OK) {
		cm_work_later(work, &err);
		return;
	}
	work->outcome = fresh ? "withdrawn" : "already";
	if (!one_click && cm_visitor_read(work, &err) == CM_OK)
		cm_visitor_click_ticket(work, &ticket);
	page(work, 200, CM_TEMPLATE_PAGE_DONE, one_click ? NULL : &ticket);
}

static void take_back(struct cm_work *work)
{
	struct cm_error err;
	int rc = cm_visitor_take_back(work, "page", &err);

	if (rc == CM_EDATA) {
		show(work, 400);
		work->outcome = "no-ticket";
	} else if (rc != CM_OK) {
		cm_work_later(work, &err);
	} else {
		work->outcome = "taken-back";
		cm_metrics_add(work->site->metrics, CM_METRIC_TAKEN_BACK, 1);
		cm_line_span(&work->line, "back", work->path);
		page(work, 200, CM_TEMPLATE_PAGE_BACK, NULL);
	}
}

static int refused_status(const struct cm_work *work)
{
	return work->request->body_too_long ? 413 : 400;
}

/* What a POST without a known pair gets: the page, and no false 200. */
static void refuse(struct cm_work *work)
{
	show(work, refused_status(work));
	work->outcome = "no-known-pair";
}

/* Counted, and kept with nobody's name. */
static void say_why(struct cm_work *work)
{
	cm_line_text(&work->line, "reason", cm_form_reason(work->form.reason));
	page(work, 200, CM_TEMPLATE_PAGE_THANKS, NULL);
	work->outcome = "reason";
}

/* ---- a mail that asked to renew ----------------------------------------- */

static bool offers_to_keep(struct cm_work *work, struct cm_keep_offer *offer)
{
	return cm_keep_offers(&work->site->keep, work->site->config,
			      &work->token, &work->view, &work->of_family,
			      work->now, offer);
}

/* The page becomes a notice, so nothing on it is about one person. */
static void keep_page(struct cm_work *work, int status,
		      enum cm_template_kind kind)
{
	const struct cm_page_want want = {
		.kind = kind,
		.purpose = work->path,
		.may_stop_all = may_stop_all(work),
	};

	cm_work_page(work, status, &want);
}

static void ask_to_keep(struct cm_work *work, int status)
{
	work->outcome = "shown-keep";
	keep_page(work, status, CM_TEMPLATE_PAGE_KEEP);
}

/* What they were shown is made again: by the same texts, in their language. */
static void keep(struct cm_work *work, const struct cm_keep_offer *offer)
{
	struct cm_answer *answer = work->answer;
	size_t nheaders = answer->nheaders;
	struct cm_error err;

	ask_to_keep(work, 200);
	if (answer->status != 200)
		return; /* nobody can have been shown such a page */
	answer->nheaders = nheaders;
	if (cm_keep_write(
		    work->site->store, offer, &work->token, &work->family,
		    cm_span_n(answer->page.body.data, answer->page.body.len),
		    answer->page.language, work->now, &err) != CM_OK) {
		cm_work_later(work, &err);
		return;
	}
	work->outcome = "kept";
	keep_page(work, 200, CM_TEMPLATE_PAGE_KEPT);
}

static void keep_once_more(struct cm_work *work)
{
	if (!cm_keep_stands(work->site->config, &work->token, &work->view,
			    &work->of_family, work->now)) {
		refuse(work);
		return;
	}
	work->outcome = "kept-already";
	keep_page(work, 200, CM_TEMPLATE_PAGE_KEPT);
}

/* ---- acts --------------------------------------------------------------- */

/*
 * The ledger cannot be read.  That must not keep anybody from leaving what
 * the config names: stop is another file, and takes it.
 */
static void act_blindly(struct cm_work *work, const struct cm_error *err)
{
	const struct cm_purpose *purpose = cm_config_purpose_by_id(
		work->site->config, work->token.purpose);
	bool leaves = work->form.act == CM_FORM_ONE_CLICK ||
		      work->form.act == CM_FORM_STOP ||
		      work->form.act == CM_FORM_ALL;

	if (!leaves || purpose == NULL) {
		cm_work_later(work, err);
		return;
	}
	cm_log_error(work->site->log, CM_LOG_ERROR, "store", err);
	cm_metrics_add(work->site->metrics, CM_METRIC_STORE_FAILURES, 1);
	memset(&work->view, 0, sizeof(work->view));
	work->family = work->token.contact;
	work->path = work->form.act == CM_FORM_ALL ? root_of(work)
						   : cm_span(purpose->path);
	leave(work);
}

static void act(struct cm_work *work)
{
	switch (work->form.act) {
	case CM_FORM_ALL:
	case CM_FORM_STOP:
	case CM_FORM_ONE_CLICK:
		leave(work);
		break;
	case CM_FORM_UNDO:
		take_back(work);
		break;
	case CM_FORM_WHY:
		say_why(work);
		break;
	case CM_FORM_KEEP:
		keep_once_more(work);
		break;
	default:
		refuse(work);
	}
}

/* A question that is open comes first; false if there is none. */
static bool answer_question(struct cm_work *work)
{
	bool posted = work->method == CM_METHOD_POST;
	struct cm_keep_offer offer;

	if (work->form.act > CM_FORM_KEEP || !offers_to_keep(work, &offer))
		return false;
	if (posted && work->form.act == CM_FORM_KEEP)
		keep(work, &offer);
	else
		ask_to_keep(work, posted ? refused_status(work) : 200);
	return true;
}

static void at_persons(struct cm_work *work)
{
	struct cm_error err;

	if (cm_visitor_read(work, &err) != CM_OK) {
		act_blindly(work, &err);
		return;
	}
	if (cm_leave_path(work->site->config, &work->view, work->token.purpose,
			  &work->path) != CM_OK) {
		cm_line_hex(&work->line, "purpose", work->token.purpose,
			    sizeof(work->token.purpose));
		cm_work_invalid(work, "unknown-purpose");
		return;
	}
	if (work->form.act == CM_FORM_ALL &&
	    cm_purpose_covers(root_of(work), work->path))
		work->path = root_of(work);
	cm_line_span(&work->line, "purpose", work->path);
	if (answer_question(work))
		return;
	if (work->method == CM_METHOD_POST)
		act(work);
	else
		show(work, 200);
}

void cm_way_out(struct cm_work *work)
{
	static const enum cm_key_kind kinds[] = {CM_KEY_HEADER, CM_KEY_FOOTER};

	cm_visitor_meet(work, kinds, sizeof(kinds) / sizeof(kinds[0]),
			at_persons);
}
