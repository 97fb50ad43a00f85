/*
 * form - what the body of a POST asks for.
 *
 * RFC 8058, 3.2: receivers should send multipart/form-data (RFC 7578) and may
 * send application/x-www-form-urlencoded; both are read, and what comes
 * without a type is read as the latter, because some clients forget it.
 * Unknown pairs are passed over.  Nothing here fails: a body that cannot be
 * read asks for nothing.  Pure.
 */
#ifndef CM_WEB_FORM_H
#define CM_WEB_FORM_H

#include "lib/str.h"

enum {
	/* R8058-17.  The pair of a one-click has 26 octets; policy/
	 * config_check.c sees to it that a form with all boxes ticked fits. */
	CM_FORM_MAX = 4096,
	CM_FORM_EMAIL_MAX = 512, /* an address has 320 at most, and blanks */
	CM_FORM_PURPOSES_MAX = 32,
};

enum cm_form_act {
	CM_FORM_NONE,      /* none of the pairs that we know */
	CM_FORM_SUBSCRIBE, /* act=subscribe: address, purposes, form token */
	CM_FORM_LOST,      /* act=lost: address, form token */
	CM_FORM_DATA,      /* act=data: a link to what is on record, please */
	CM_FORM_TAKE_PAGE, /* act=take-page: what is on record, as a page */
	CM_FORM_TAKE_FILE, /* act=take-file: as JSON */
	CM_FORM_ERASE_ASK, /* act=erase-ask: what would go? */
	CM_FORM_ERASE,     /* act=erase */
	CM_FORM_MORE,      /* more=PATH, of the preferences */
	CM_FORM_CONFIRM,   /* act=confirm: the button behind a mailed link */
	CM_FORM_CANCEL,    /* act=cancel: "I did not ask for this" */
	CM_FORM_KEEP,      /* act=keep: yes to a mail that asked to renew */
	CM_FORM_WHY,       /* act=why and a reason */
	CM_FORM_UNDO,      /* act=undo and a ticket */
	CM_FORM_PURPOSE,   /* stop=PATH, of the preferences */
	CM_FORM_STOP,      /* act=stop: the button of our own page */
	CM_FORM_ALL,       /* act=stop-all: from the root on */
	CM_FORM_ONE_CLICK, /* List-Unsubscribe=One-Click */
};

enum { CM_FORM_VALUE_MAX = 128 }; /* a purpose's path, a ticket */

struct cm_form_value {
	char text[CM_FORM_VALUE_MAX];
	size_t n; /* 0: missing, or longer than any of ours */
};

/* Why somebody leaves; nothing that could tell who they are. */
enum cm_form_reason {
	CM_REASON_NOT_SAID,
	CM_REASON_TOO_MANY,
	CM_REASON_NOT_INTERESTING,
	CM_REASON_NOT_ASKED_FOR,
	CM_REASON_OTHER,
	CM_FORM_REASONS
};
const char *cm_form_reason(enum cm_form_reason reason); /* "too-many" */

struct cm_form {
	enum cm_form_act act; /* the strongest of what the body holds */
	enum cm_form_reason reason;
	struct cm_form_value ticket;
	struct cm_form_value purpose; /* of stop= or more= */
	struct cm_form_value token;   /* form=, of web/form_token.h */
	/* email=, as typed but for blanks around it; any octets. */
	char email[CM_FORM_EMAIL_MAX];
	size_t email_n; /* 0: missing or too long */
	/* purpose=, once each box that is ticked; what is beyond our room or
	 * no path by its length is left out. */
	struct cm_form_value purposes[CM_FORM_PURPOSES_MAX];
	size_t npurposes;
	bool trapped; /* website=: only machines see this field */
};

void cm_form_read(struct cm_span content_type, struct cm_span body,
		  struct cm_form *ret_form);

/*
 * %XX and, if plus is set, "+" undone; what is no escape stays as it is.  out
 * has room for text.n octets; returns how many are used.
 */
size_t cm_form_unescape(struct cm_span text, bool plus, char *out);

#endif
