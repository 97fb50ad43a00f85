/* See request.h. */
#include "tools/request.h"

#include <inttypes.h>
#include <string.h>

#include "policy/store.h"
#include "tools/ctl_output.h"
#include "tools/ctl_person.h"

static const char *const rights[] = {"access",      "correction",  "erasure",
				     "restriction", "portability", "objection"};

enum { NRIGHTS = sizeof(rights) / sizeof(rights[0]) };

int cm_request_right(const char *word, const char **ret_right,
		     struct cm_error *err)
{
	const char *similar = cm_suggest(word, rights, NRIGHTS);
	char quoted[CM_QUOTE_LEN];
	size_t i;

	for (i = 0; i < NRIGHTS; i++) {
		if (strcmp(word, rights[i]) == 0) {
			*ret_right = rights[i];
			return CM_OK;
		}
	}
	(void)cm_quote(cm_span(word), quoted);
	if (similar != NULL)
		return cm_fail(err, CM_EUSAGE,
			       "nobody can ask for \"%s\"; did you mean %s?",
			       quoted, similar);
	return cm_fail(err, CM_EUSAGE,
		       "nobody can ask for \"%s\": it is access, correction, "
		       "erasure, restriction, portability or objection",
		       quoted);
}

static int fold_events(struct cm_store_reader *reader,
		       struct cm_right_request *request, struct cm_error *err)
{
	struct cm_event event;
	struct cm_span json;
	uint64_t *seqs;
	size_t count, i;
	int rc = cm_store_events_of(reader, &request->contact, &seqs, &count,
				    err);

	for (i = 0; rc == CM_OK && i < count; i++) {
		rc = cm_store_event(reader, seqs[i], &json, err);
		if (rc == CM_OK)
			rc = cm_event_decode(json, &event, err);
		if (rc == CM_OK) {
			request->family = event.family;
			cm_request_apply(request, &event);
		}
	}
	return rc;
}

int cm_request_read(struct cm_ctl *ctl, const struct cm_id *contact,
		    const char *right, struct cm_right_request *ret_request,
		    struct cm_error *err)
{
	struct cm_right_request request = {.contact = *contact};
	struct cm_store_reader *reader = NULL;
	int rc = cm_store_read_begin(ctl->store, ctl->arena, &reader, err);

	(void)snprintf(request.right, sizeof(request.right), "%s", right);
	if (rc == CM_OK)
		rc = fold_events(reader, &request, err);
	cm_store_read_end(&reader);
	if (rc == CM_OK)
		*ret_request = request;
	return rc;
}

int cm_request_any_open(struct cm_ctl *ctl, const struct cm_id *contact,
			bool *ret_open, struct cm_error *err)
{
	struct cm_right_request request;
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < NRIGHTS; i++) {
		rc = cm_request_read(ctl, contact, rights[i], &request, err);
		if (rc == CM_OK && request.open) {
			*ret_open = true;
			return CM_OK;
		}
	}
	if (rc == CM_OK)
		*ret_open = false;
	return rc;
}

static int close_it(struct cm_ctl *ctl, const struct cm_right_request *request,
		    struct cm_error *err)
{
	struct cm_store_entry entry = {
		.event = {.type = CM_EVENT_REQUEST_CLOSED,
			  .actor = CM_ACTOR_ADMIN,
			  .contact = request->contact,
			  .family = request->family,
			  .channel = "cli"}};
	uint64_t seq;

	memcpy(entry.event.right, request->right, sizeof(request->right));
	(void)snprintf(entry.event.who, sizeof(entry.event.who), "%s",
		       cm_ctl_who(ctl));
	return cm_store_append(ctl->store, &entry, 1, ctl->now, &seq, err);
}

void cm_request_fulfil(struct cm_ctl *ctl, const struct cm_id *contact,
		       const char *right)
{
	struct cm_right_request request = {.open = false};
	struct cm_error err;
	int rc = cm_request_read(ctl, contact, right, &request, &err);

	if (rc == CM_OK && !request.open)
		return;
	if (rc == CM_OK)
		rc = close_it(ctl, &request, &err);
	if (rc == CM_OK)
		(void)fprintf(ctl->notes, "the request for %s is closed\n",
			      right);
	else
		(void)fprintf(ctl->notes,
			      "note: a request for %s may still be open: %s "
			      "(close it with: consentctl requests done)\n",
			      right, err.text);
}
