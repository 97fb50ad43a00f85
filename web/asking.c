/* See asking.h. */
#include "web/asking.h"

#include <string.h>

#include "policy/address.h"
#include "policy/header_value.h"
#include "web/visitor.h"

enum cm_form_token cm_asking_check(struct cm_work *work, struct cm_span place)
{
	const struct cm_form_value *sent = &work->form.token;
	enum cm_form_token said =
		cm_form_token_check(work->site->keys, place,
				    cm_span_n(sent->text, sent->n), work->now);

	cm_line_text(&work->line, "form", cm_form_token_name(said));
	return said;
}

bool cm_asking_token(struct cm_work *work, struct cm_span place,
		     char out[CM_FORM_TOKEN_LEN + 1])
{
	const struct cm_form_value *sent = &work->form.token;
	uint8_t nonce[CM_FORM_NONCE_LEN];
	struct cm_error err;

	/* The length as well: what was not sent is no token. */
	if (sent->n == CM_FORM_TOKEN_LEN &&
	    cm_form_token_check(work->site->keys, place,
				cm_span_n(sent->text, sent->n),
				work->now) < CM_FORM_TOKEN_OLD) {
		memcpy(out, sent->text, sent->n);
		out[sent->n] = '\0';
		return true;
	}
	if (cm_random(nonce, sizeof(nonce), &err) == CM_OK &&
	    cm_form_token_make(work->site->keys, place, work->now, nonce, out,
			       &err) == CM_OK)
		return true;
	cm_work_later(work, &err);
	return false;
}

void cm_asking_email(const struct cm_work *work,
		     char out[CM_FORM_EMAIL_MAX + 1])
{
	struct cm_span text = cm_span_n(work->form.email, work->form.email_n);

	out[0] = '\0';
	if (text.n == 0 || !cm_utf8_valid(text.p, text.n) ||
	    !cm_text_is_plain(text))
		return;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
}

bool cm_asking_has_address(const struct cm_work *work)
{
	struct cm_address address;

	return cm_address_parse(cm_span_n(work->form.email, work->form.email_n),
				&address, NULL) == CM_OK;
}

const char *cm_asking_language(const struct cm_work *work)
{
	const char *const wanted[] = {work->view.language,
				      work->request->accept_language};

	return cm_templates_language(work->site->templates, wanted, 2);
}

/* For limits: a network, and nobody can tell which. */
static int set_network(struct cm_work *work, struct cm_act *act,
		       struct cm_error *err)
{
	char network[CM_CLIENT_TEXT_MAX];

	if (!work->client.known)
		return CM_OK;
	cm_client_network(&work->client, network);
	return cm_queue_digest(work->site->queue, cm_span(network),
			       &act->network, err);
}

static int put(struct cm_work *work, struct cm_act *act, const char *form,
	       struct cm_error *err)
{
	struct cm_buf evidence;
	int rc = set_network(work, act, err);

	if (rc == CM_OK && act->kind == CM_ACT_REQUEST)
		rc = cm_random(act->request, sizeof(act->request), err);
	if (rc != CM_OK)
		return rc;
	cm_buf_init(&evidence, CM_ACT_EVIDENCE_MAX);
	if (cm_visitor_evidence(work, form, &evidence) == CM_OK)
		act->evidence = cm_span_n(evidence.data, evidence.len);
	act->at = work->now;
	act->language = cm_span(cm_asking_language(work));
	rc = cm_queue_put(work->site->queue, act, err);
	cm_buf_free(&evidence);
	return rc;
}

bool cm_asking_put(struct cm_work *work, struct cm_act *act, const char *form)
{
	struct cm_error err = {CM_OK, ""};

	cm_line_text(&work->line, "act", cm_act_kind_name(act->kind));
	if (put(work, act, form, &err) != CM_OK) {
		cm_work_later(work, &err);
		return false;
	}
	if (work->site->asked != NULL)
		work->site->asked(work->site->asked_ctx);
	return true;
}
