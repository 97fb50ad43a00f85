/*
 * my_data - the page behind a mailed link, /m/TOKEN: what is on record about
 * a person, for that person, to see, to take along and to have erased (GDPR
 * 15, 17 and 20).
 *
 * Only a link that was mailed opens it (pitfall 10): links of headers and
 * footers are forwarded and quoted.  It works for CM_MY_DATA_DAYS days.  GET
 * writes nothing; that a copy was taken is recorded before it is given.
 */
#ifndef CM_WEB_MY_DATA_H
#define CM_WEB_MY_DATA_H

#include "web/work.h"

enum { CM_MY_DATA_DAYS = 1 };

void cm_my_data(struct cm_work *work);

#endif
