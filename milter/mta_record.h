/*
 * mta_record - an MTA made of memory: it hands one message to a session, as
 * Postfix would, keeps what the session asks for, and shows what would be
 * released.  For consentctl try and tests; never linked into the daemon.
 */
#ifndef CM_MILTER_MTA_RECORD_H
#define CM_MILTER_MTA_RECORD_H

#include "lib/buf.h"
#include "milter/mta.h"
#include "milter/session.h"

struct cm_record;

enum { CM_RECORD_MAX = 256 << 20 }; /* octets of a message and its changes */

/*
 * eml: copied; line ends CRLF or LF, and an mbox "From " line is left out.  A
 * line that is no header begins the body, as for Postfix.
 */
CM_MUST_CHECK int cm_record_new(struct cm_span eml,
				struct cm_record **ret_record,
				struct cm_error *err);
void cm_record_free(struct cm_record **record);
/* What a person should know of how the file was read; NULL = nothing. */
const char *cm_record_oddity(const struct cm_record *record);

struct cm_mta cm_record_mta(struct cm_record *record);
/* value is not copied; NULL: the MTA does not send it. */
void cm_record_set_macro(struct cm_record *record, const char *name,
			 const char *value);
/* Let the nth change from now on fail; 1 = the next, 0 = none. */
void cm_record_fail_at(struct cm_record *record, unsigned nth);

/* MAIL, RCPT, header, body and end of message, in this order; or all. */
void cm_record_mail(struct cm_record *record, struct cm_session *session,
		    const char *sender);
enum cm_answer cm_record_rcpt(struct cm_record *record,
			      struct cm_session *session, const char *rcpt);
enum cm_answer cm_record_data(struct cm_record *record,
			      struct cm_session *session);

/* One line a call: "delete <a@b>", "insert 1 Name: value", "body 17" ... */
const char *cm_record_calls(const struct cm_record *record);
/* "550 5.7.1 text" of the latest refusal; "" if there was none. */
const char *cm_record_reply(const struct cm_record *record);
/* The nth recipient still in the envelope; NULL when there are no more. */
const char *cm_record_left(const struct cm_record *record, size_t n);
/* The message with all changes, in the line ends that it came with. */
CM_MUST_CHECK int cm_record_message(const struct cm_record *record,
				    struct cm_buf *out);

#endif
