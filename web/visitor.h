/*
 * visitor - who stands behind a link, and what they do.
 *
 * Each act is an event of the person's own: durable when these return.
 */
#ifndef CM_WEB_VISITOR_H
#define CM_WEB_VISITOR_H

#include "web/work.h"

/*
 * Whose link is in the route?  kinds: those that open this place; all are
 * tried always, so that time tells nothing about which it was.  False: the
 * answer is made already.
 */
bool cm_visitor_find(struct cm_work *work, const enum cm_key_kind *kinds,
		     size_t count);
/* Then at(); POSTs of one person one at a time, so that twins make one event.
 */
void cm_visitor_meet(struct cm_work *work, const enum cm_key_kind *kinds,
		     size_t count, void (*at)(struct cm_work *work));
/* What the store knows of them; fills view, of_family, family. */
CM_MUST_CHECK int cm_visitor_read(struct cm_work *work, struct cm_error *err);

/*
 * Withdraw from work->path, unless they did within the hour (*ret_new false).
 * channel: "one-click", "page", "preferences".
 */
CM_MUST_CHECK int cm_visitor_leave(struct cm_work *work, const char *channel,
				   bool *ret_new, struct cm_error *err);

/*
 * How an act came about, as JSON: by which link, from which network, not from
 * which person.  form: "" or a form's name where consent is asked for; then
 * the browser's name is in it.
 */
CM_MUST_CHECK int cm_visitor_evidence(const struct cm_work *work,
				      const char *form, struct cm_buf *out);

/*
 * A ticket in a form's hidden field proves that the form is of our page, made
 * for this person today or yesterday (PREF-3).  That of a click can take it
 * back, and nothing else.
 */
struct cm_ticket {
	char text[CM_TOKEN_URL_LEN + 1]; /* "" if there is none to give */
};
/* Which page of ours has the form: a ticket of one is none of another. */
enum cm_step {
	CM_STEP_FORM = 1, /* of the preferences */
	CM_STEP_DATA,     /* of what is on record */
	CM_STEP_ERASE,    /* of what erasing does */
};
void cm_visitor_step_ticket(const struct cm_work *work, enum cm_step step,
			    struct cm_ticket *ret_ticket);
bool cm_visitor_has_step(const struct cm_work *work, enum cm_step step);
/* The same of CM_STEP_FORM. */
void cm_visitor_form_ticket(const struct cm_work *work,
			    struct cm_ticket *ret_ticket);
/* Of the newest click on work->path; to be called after it was read again. */
void cm_visitor_click_ticket(const struct cm_work *work,
			     struct cm_ticket *ret_ticket);
bool cm_visitor_has_form_ticket(const struct cm_work *work);

/*
 * Take the click of the form's ticket back; sets work->path.  CM_EDATA if the
 * ticket is no good, CM_OK also if it was taken back before.
 */
CM_MUST_CHECK int cm_visitor_take_back(struct cm_work *work,
				       const char *channel,
				       struct cm_error *err);

/* "p•••@e•••.org", or "" if the address is not on record. */
enum { CM_MASKED_MAX = 96 };
void cm_visitor_masked(struct cm_work *work, char out[CM_MASKED_MAX]);

#endif
