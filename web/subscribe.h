/*
 * subscribe - the form at /s/NAME.
 *
 * No box is ticked beforehand, and boxes stay ticked only if our own page was
 * sent: another site's form may bring an address, never a choice (G4).  What
 * is sent well asks the person by mail, and the page says that they are not
 * subscribed yet, the same to everybody.
 */
#ifndef CM_WEB_SUBSCRIBE_H
#define CM_WEB_SUBSCRIBE_H

struct cm_work;

void cm_subscribe(struct cm_work *work);

#endif
