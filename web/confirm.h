/*
 * confirm - behind the link of the letter that asks, at /c/TOKEN.
 *
 * GET shows what would be subscribed, and that nothing is yet: scanners follow
 * links (DOI-1).  The button says yes, another one "I did not ask for this".
 * The link is good for what was asked and for the address that it was mailed
 * to (DOI-6), for some days (DOI-3), and until the person refuses.
 */
#ifndef CM_WEB_CONFIRM_H
#define CM_WEB_CONFIRM_H

struct cm_work;

void cm_confirm(struct cm_work *work);

#endif
