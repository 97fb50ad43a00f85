/*
 * api_body - what a request to the API says: one JSON object, read strictly.
 *
 * A member that the call does not know, one of another type, a value that
 * cannot be: an error that names the member and the value (never the address),
 * and nothing is guessed.  Pure.
 */
#ifndef CM_WEB_API_BODY_H
#define CM_WEB_API_BODY_H

#include "lib/json.h"
#include "policy/config.h"
#include "policy/event.h"
#include "policy/queue.h"

enum {
	/* Sixteen times a form: a consent's text is in it the first time. */
	CM_API_BODY_MAX = 64 * 1024,
	CM_API_NOTICE_MAX = 32 * 1024, /* octets; long ones have a few KB */
	CM_API_PURPOSES = CM_ACT_PURPOSES_MAX, /* of one call */
	CM_API_EVIDENCE_MEMBERS = 32,
	/* The clock of a shop may run so far ahead of ours. */
	CM_API_CLOCK_SLACK_MS = 60000,
	CM_API_FIELD_MAX = 64, /* "purposes/31", "evidence/order" */
	CM_API_SALE_REF_MAX = 64,
};

enum cm_api_call_kind {
	CM_API_GRANTS,
	CM_API_REQUESTS,
	CM_API_WITHDRAWALS,
	CM_API_LOOKUPS,
	CM_API_CALLS
};

struct cm_api_call {
	enum cm_api_call_kind kind;
	struct cm_span address; /* as given, not parsed yet */
	const struct cm_purpose *purposes[CM_API_PURPOSES];
	size_t npurposes;      /* 0: none was named */
	int64_t at;            /* never after now */
	struct cm_span notice; /* the text; empty: by its hash, or none */
	struct cm_hash notice_hash;
	bool has_notice_hash;
	char sale_ref[CM_API_SALE_REF_MAX + 1];
	/* source, language, basis, terms: as they will stand in the event. */
	struct cm_event event;
	const struct cm_json_value *evidence; /* NULL: none */
	struct cm_json *json;                 /* what the spans point into */
};

/* What is wrong with a request, for the client. */
struct cm_api_fault {
	int status;                   /* 400 or 422 */
	const char *code;             /* "not-json", "missing-field" ... */
	char field[CM_API_FIELD_MAX]; /* "" = none */
	struct cm_error err;          /* .text: the sentence */
};

/*
 * CM_OK, or CM_EDATA and *ret_fault.  In both cases *ret_call is to be freed;
 * it points into config.
 */
CM_MUST_CHECK int cm_api_body_read(const struct cm_config *config,
				   enum cm_api_call_kind kind,
				   struct cm_span body, int64_t now,
				   struct cm_api_call *ret_call,
				   struct cm_api_fault *ret_fault);
void cm_api_call_free(struct cm_api_call *call);

/*
 * The evidence to keep: that of the call, and by which key and from which
 * network (NULL: unknown) it came, as one canonical JSON object in out, whose
 * limit is the caller's.  CM_EDATA and *ret_fault if it does not fit.
 */
CM_MUST_CHECK int cm_api_evidence(const struct cm_api_call *call,
				  const char *key, const char *network,
				  struct cm_buf *out,
				  struct cm_api_fault *ret_fault);

#endif
