/*
 * lost - "I lost the mail", /lost: whoever enters an address has a link to its
 * preferences mailed there.
 *
 * One answer, after the same work, for known, unknown and suppressed ones
 * (DOI-4); nothing else comes of it, so nobody can stop or start another's
 * mail here.
 */
#ifndef CM_WEB_LOST_H
#define CM_WEB_LOST_H

#include "web/work.h"

void cm_lost(struct cm_work *work);

#endif
