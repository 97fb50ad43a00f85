/* See optin.h. */
#include "policy/optin.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "policy/purpose.h"

void cm_optin_name(const uint8_t ref[CM_REQUEST_REF_LEN],
		   char out[CM_BATCH_MAX + 1])
{
	char hex[CM_HEX_LEN(CM_REQUEST_REF_LEN) + 1];

	(void)cm_hex_encode(ref, CM_REQUEST_REF_LEN, hex);
	(void)snprintf(out, CM_BATCH_MAX + 1, "%s%s", CM_OPTIN_PREFIX, hex);
}

/* ---- what happened to a contact ----------------------------------------- */

typedef int each_fn(void *ctx, const struct cm_event *event,
		    struct cm_error *err);

static int each_event(struct cm_store_reader *reader,
		      const struct cm_id *contact, each_fn *each, void *ctx,
		      struct cm_error *err)
{
	uint64_t *seqs;
	size_t count, i;
	int rc = cm_store_events_of(reader, contact, &seqs, &count, err);

	for (i = 0; rc == CM_OK && i < count; i++) {
		struct cm_event event;
		struct cm_span json;

		rc = cm_store_event(reader, seqs[i], &json, err);
		if (rc == CM_OK)
			rc = cm_event_decode(json, &event, err);
		if (rc == CM_OK)
			rc = each(ctx, &event, err);
	}
	return rc;
}

/* ---- one request -------------------------------------------------------- */

struct reading {
	char name[CM_BATCH_MAX + 1];
	struct cm_arena *arena;
	struct cm_optin optin;
};

static int add_request(struct reading *r, const struct cm_event *event,
		       struct cm_error *err)
{
	struct cm_optin *o = &r->optin;
	const char *path = cm_arena_strdup(r->arena, event->purpose);

	if (path == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (o->npurposes == CM_ACT_PURPOSES_MAX)
		return CM_OK; /* none of ours has more */
	o->purposes[o->npurposes++] = cm_span(path);
	o->found = true;
	if (event->at > o->at)
		o->at = event->at;
	o->family = event->family;
	memcpy(o->language, event->language, sizeof(o->language));
	memcpy(o->source, event->source, sizeof(o->source));
	memcpy(o->channel, event->channel, sizeof(o->channel));
	o->notice = event->notice;
	o->has_notice = event->has_notice;
	return CM_OK;
}

static int read_event(void *ctx, const struct cm_event *event,
		      struct cm_error *err)
{
	struct reading *r = ctx;

	if (event->actor != CM_ACTOR_PERSON ||
	    strcmp(event->batch, r->name) != 0)
		return CM_OK;
	switch (event->type) {
	case CM_EVENT_REQUESTED:
		return add_request(r, event, err);
	case CM_EVENT_CONFIRMED:
		r->optin.confirmed = true;
		return CM_OK;
	case CM_EVENT_CORRECTED:
		r->optin.cancelled = true;
		return CM_OK;
	default:
		return CM_OK;
	}
}

/* By the view, which knows what stop holds and which clicks were taken back. */
static bool is_overtaken(const struct cm_optin *optin,
			 const struct cm_view *view)
{
	size_t i, p;

	for (i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		if (fact->kind < CM_FACT_WITHDRAWN ||
		    fact->kind > CM_FACT_ERASED || fact->at < optin->at)
			continue;
		for (p = 0; p < optin->npurposes; p++)
			if (cm_purpose_covers(fact->purpose,
					      optin->purposes[p]))
				return true;
	}
	return false;
}

int cm_optin_read(struct cm_store_reader *reader, const struct cm_id *contact,
		  const uint8_t ref[CM_REQUEST_REF_LEN], struct cm_arena *arena,
		  struct cm_optin *ret_optin, struct cm_error *err)
{
	struct reading r = {.arena = arena};
	struct cm_view own, family;
	int rc;

	cm_optin_name(ref, r.name);
	rc = each_event(reader, contact, read_event, &r, err);
	if (rc != CM_OK)
		return rc;
	if (r.optin.found) {
		rc = cm_store_lookup(reader, contact, &r.optin.family, &own,
				     &family, err);
		if (rc != CM_OK)
			return rc;
		r.optin.overtaken = is_overtaken(&r.optin, &own);
	}
	*ret_optin = r.optin;
	return CM_OK;
}

/* A day more: the link names only the day on which it was made. */
bool cm_optin_is_open(const struct cm_optin *optin, int64_t now)
{
	return optin->found && !optin->cancelled && !optin->overtaken &&
	       now < optin->at + (CM_OPTIN_DAYS + 1) * CM_DAY_MS;
}

/* ---- all of them -------------------------------------------------------- */

static int keep_newest_cancel(void *ctx, const struct cm_event *event,
			      struct cm_error *err)
{
	int64_t *newest = ctx;

	(void)err;
	if (event->type == CM_EVENT_CORRECTED &&
	    event->actor == CM_ACTOR_PERSON &&
	    cm_span_starts(cm_span(event->batch), CM_OPTIN_PREFIX) &&
	    event->at > *newest)
		*newest = event->at;
	return CM_OK;
}

int cm_optin_cancelled_at(struct cm_store_reader *reader,
			  const struct cm_id *contact, int64_t *ret_at,
			  struct cm_error *err)
{
	int64_t newest = 0;
	int rc = each_event(reader, contact, keep_newest_cancel, &newest, err);

	if (rc == CM_OK)
		*ret_at = newest;
	return rc;
}
