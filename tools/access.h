/*
 * access - what consentctl access tells one person, and the files it makes of
 * that (cmd_access.c writes them; cm_record_json() is one more).
 *
 * It is for the person, so it says nothing about others: no administrator's
 * login, no other address of the mailbox, no id but their own.  What was kept
 * as proof of their consent is shown as it was kept.
 */
#ifndef CM_TOOLS_ACCESS_H
#define CM_TOOLS_ACCESS_H

#include "policy/record.h"

/* Who wrote it down, and by which way, in words for the person. */
const char *cm_access_actor(const struct cm_event *event);
const char *cm_access_way(const struct cm_event *event);

/* Each appends a whole file to out; the buffer's state says the rest. */
void cm_access_page(const struct cm_record *record, struct cm_buf *out);
void cm_access_csv(const struct cm_record *record, struct cm_buf *out);

#endif
