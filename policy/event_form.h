/*
 * event_form - the bytes of many events of one kind.
 *
 * A batch's events differ in ids, times and evidence and in little else.  A
 * form is the canonical JSON of one of them with these seven left open, so
 * that filling it in gives, to the octet, what cm_event_encode() writes.
 */
#ifndef CM_POLICY_EVENT_FORM_H
#define CM_POLICY_EVENT_FORM_H

#include "policy/event.h"

enum { CM_EVENT_FORM_OPEN = 7 };

struct cm_event_form {
	struct cm_buf text;
	/* Where each open member starts in text, and its value; nothing of a
	 * member that this type of event cannot have. */
	struct {
		size_t at, value, end;
	} open[CM_EVENT_FORM_OPEN];
};

/* What is filled in. */
struct cm_event_own {
	const struct cm_id *contact;
	const struct cm_id *family;     /* equal to contact if it is its own */
	const struct cm_hash *evidence; /* NULL = none */
	int64_t at;
	int64_t rec;
	int64_t sold;  /* 0 = not said, as in struct cm_event */
	int64_t ended; /* ditto */
};

/* A form zeroed is empty; set may be called again for another kind. */
CM_MUST_CHECK int cm_event_form_set(struct cm_event_form *form,
				    const struct cm_event *kind);
void cm_event_form_free(struct cm_event_form *form);
/* Appended to out.  CM_EDATA for a time that no event can have. */
CM_MUST_CHECK int cm_event_form_write(const struct cm_event_form *form,
				      const struct cm_event_own *own,
				      struct cm_buf *out);

#endif
