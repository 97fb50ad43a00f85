/*
 * post - sends the letters of the queue.
 *
 * A letter is made anew at each try, from ids: who was erased, refused or has
 * answered meanwhile gets none.  It leaves the queue when the mail server has
 * taken it; a kill in between sends it twice, with one Message-ID.  Tries get
 * rarer, and end after three days.
 */
#ifndef CM_WEB_POST_H
#define CM_WEB_POST_H

#include "web/answer.h"
#include "web/duty.h"

struct cm_post;

/* site: until another is given. */
CM_MUST_CHECK int cm_post_start(const struct cm_site *site,
				struct cm_post **ret_post,
				struct cm_error *err);
/* Whom to wake when there is a letter. */
struct cm_duty *cm_post_duty(struct cm_post *post);
/* Ends what it is sending, if need be in vain: it will be tried again. */
void cm_post_use(struct cm_post *post, const struct cm_site *site);
void cm_post_end(struct cm_post **post);

/* How long after its nth failure (1, 2 ...) a letter is tried again, ms. */
int64_t cm_post_pause(uint32_t tries);

#endif
