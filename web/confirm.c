/* See confirm.h. */
#include "web/confirm.h"

#include <string.h>

#include "policy/optin.h"
#include "policy/purpose.h"
#include "web/asking.h"
#include "web/visitor.h"

/* A link to the preferences of whoever got the letter. */
static void set_preferences(const struct cm_work *work,
			    char out[CM_TOKEN_URL_LEN + 1])
{
	struct cm_token token = {
		.kind = CM_KEY_PREFERENCE,
		.contact = work->token.contact,
		.day = (uint16_t)(work->now / CM_DAY_MS),
	};

	if (cm_purpose_id(cm_span(work->site->config->controller_id),
			  token.purpose) != CM_OK ||
	    cm_token_url(work->site->keys, &token, out, NULL) != CM_OK)
		out[0] = '\0';
}

static void show(struct cm_work *work, int status, enum cm_template_kind kind,
		 const struct cm_optin *optin)
{
	const struct cm_config *config = work->site->config;
	struct cm_page_choice choices[CM_ACT_PURPOSES_MAX];
	char preferences[CM_TOKEN_URL_LEN + 1] = "";
	struct cm_page_want want = {
		.kind = kind,
		.choices = choices,
		.preferences = preferences,
	};
	size_t i;

	memset(choices, 0, sizeof(choices));
	for (i = 0; i < optin->npurposes; i++)
		choices[i].purpose =
			cm_config_purpose(config, optin->purposes[i]);
	want.nchoices = optin->npurposes;
	if (kind == CM_TEMPLATE_PAGE_CONFIRMED)
		set_preferences(work, preferences);
	cm_work_page(work, status, &want);
}

/* Nobody confirms what is not there any more; the answer is made then. */
static bool all_known(struct cm_work *work, const struct cm_optin *optin)
{
	size_t i;

	for (i = 0; i < optin->npurposes; i++) {
		if (cm_config_purpose(work->site->config, optin->purposes[i]) !=
		    NULL)
			continue;
		cm_line_span(&work->line, "purpose", optin->purposes[i]);
		cm_work_invalid(work, "unknown-purpose");
		return false;
	}
	return true;
}

/* Has the link's time come? */
static enum cm_template_kind page_of(const struct cm_work *work,
				     const struct cm_optin *optin)
{
	if (optin->cancelled || optin->overtaken)
		return CM_TEMPLATE_PAGE_CONFIRM_OVER;
	if (optin->confirmed)
		return CM_TEMPLATE_PAGE_CONFIRMED;
	return cm_optin_is_open(optin, work->now)
		       ? CM_TEMPLATE_PAGE_CONFIRM
		       : CM_TEMPLATE_PAGE_CONFIRM_OLD;
}

static bool put(struct cm_work *work, enum cm_act_kind kind)
{
	struct cm_act act = {.kind = kind, .contact = work->token.contact};

	memcpy(act.request, work->token.message, sizeof(act.request));
	return cm_asking_put(work, &act, "");
}

static void act(struct cm_work *work, const struct cm_optin *optin,
		enum cm_template_kind page)
{
	bool open = page == CM_TEMPLATE_PAGE_CONFIRM;

	if (work->form.act == CM_FORM_CANCEL) {
		/* Who did not ask may say so at any time. */
		if (!optin->cancelled && !put(work, CM_ACT_CANCEL))
			return;
		show(work, 200, CM_TEMPLATE_PAGE_CANCELLED, optin);
		work->outcome = optin->cancelled ? "already" : "cancelled";
	} else if (work->form.act == CM_FORM_CONFIRM && open) {
		if (!put(work, CM_ACT_CONFIRM))
			return;
		show(work, 200, CM_TEMPLATE_PAGE_CONFIRMED, optin);
		work->outcome = "confirmed";
	} else {
		show(work, open ? 400 : 200, page, optin);
		work->outcome = open ? "no-known-pair" : "not-open";
	}
}

/* What was asked for, if the link is of just that. */
static int read_optin(struct cm_work *work, struct cm_optin *optin,
		      struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	uint8_t first[CM_PURPOSE_ID_LEN];
	int rc = cm_store_read_begin(work->site->store, work->arena, &reader,
				     err);

	if (rc != CM_OK)
		return rc;
	rc = cm_optin_read(reader, &work->token.contact, work->token.message,
			   work->arena, optin, err);
	cm_store_read_end(&reader);
	if (rc == CM_OK && optin->found)
		optin->found =
			optin->npurposes > 0 &&
			cm_purpose_id(optin->purposes[0], first) == CM_OK &&
			memcmp(first, work->token.purpose, sizeof(first)) == 0;
	return rc;
}

void cm_confirm(struct cm_work *work)
{
	static const enum cm_key_kind kinds[] = {CM_KEY_CONFIRM};
	enum cm_template_kind page;
	struct cm_optin optin;
	struct cm_error err;

	if (work->site->queue == NULL) {
		cm_work_invalid(work, "not-found");
		return;
	}
	if (!cm_visitor_find(work, kinds, 1))
		return;
	cm_work_describe(work);
	if (read_optin(work, &optin, &err) != CM_OK) {
		cm_work_later(work, &err);
		return;
	}
	if (!optin.found) {
		cm_work_invalid(work, "unknown-request");
		return;
	}
	if (!all_known(work, &optin))
		return;
	memcpy(work->view.language, optin.language,
	       sizeof(work->view.language));
	page = page_of(work, &optin);
	if (work->method == CM_METHOD_POST) {
		act(work, &optin, page);
	} else {
		show(work, 200, page, &optin);
		work->outcome =
			page == CM_TEMPLATE_PAGE_CONFIRM ? "shown" : "not-open";
	}
}
