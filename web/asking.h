/*
 * asking - what somebody asks for goes into the queue, and nothing else is
 * done about it here.
 *
 * The same work, answer and time for every address there is (DOI-4): who it
 * is, whether they may be written to, and how often, is the worker's question.
 */
#ifndef CM_WEB_ASKING_H
#define CM_WEB_ASKING_H

#include "policy/queue.h"
#include "web/form_token.h"
#include "web/work.h"

/* Is the form that was sent one of our page at this place ("s/shop")?  Logs
 * what it is. */
enum cm_form_token cm_asking_check(struct cm_work *work, struct cm_span place);
/*
 * The hidden field of the next one: what was sent as long as it is good, so
 * that who mends an address need not wait; else a new one.  False: the answer
 * is made already.
 */
bool cm_asking_token(struct cm_work *work, struct cm_span place,
		     char out[CM_FORM_TOKEN_LEN + 1]);

/*
 * Put it, with what is known of the request: time, network, language,
 * evidence.  form: its name, for the evidence; "" for none.  A REQUEST gets a
 * new reference.  False: the answer is made already.
 */
bool cm_asking_put(struct cm_work *work, struct cm_act *act, const char *form);

/* The address as typed, to be shown again; "" if no page can show it. */
void cm_asking_email(const struct cm_work *work,
		     char out[CM_FORM_EMAIL_MAX + 1]);
/* Could mail be sent there?  That says nothing about who is on record. */
bool cm_asking_has_address(const struct cm_work *work);

/* The language that its pages are in. */
const char *cm_asking_language(const struct cm_work *work);

#endif
