/* See watch.h. */
#define _GNU_SOURCE /* memmem */
#include "web/watch.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/burst.h"

enum {
	CM_WATCH_CHUNK = 1024, /* events of one transaction */
	CM_WATCH_ARENA_MAX = 32 << 20,
	CM_WATCH_BACK = 4096,          /* at the start: what may be one still */
	CM_WATCH_CLICKS_MAX = 1 << 16, /* 10 MB; more are a burst anyway */
	CM_MINUTE_MS = 60 * 1000,
};

struct cm_watch {
	struct cm_store *store;
	struct cm_log *log;
	struct cm_metrics *metrics;
	struct cm_arena *arena;
	bool begun;
	uint64_t next; /* the first event that was not looked at */
	struct cm_burst_click *clicks;
	size_t count;
	/* Of one chunk: */
	struct cm_store_trace traces[CM_WATCH_CHUNK];
	int64_t at[CM_WATCH_CHUNK];
	size_t ntraces;
	const struct cm_config *config;
};

int cm_watch_new(struct cm_store *store, struct cm_log *log,
		 struct cm_metrics *metrics, struct cm_watch **ret_watch,
		 struct cm_error *err)
{
	struct cm_watch *watch = calloc(1, sizeof(*watch));

	if (watch != NULL)
		watch->clicks =
			calloc(CM_WATCH_CLICKS_MAX, sizeof(*watch->clicks));
	if (watch == NULL || watch->clicks == NULL ||
	    cm_arena_new(CM_WATCH_ARENA_MAX, &watch->arena) != CM_OK) {
		cm_watch_free(&watch);
		return cm_fail(err, CM_ENOMEM, "no memory to see bursts");
	}
	watch->store = store;
	watch->log = log;
	watch->metrics = metrics;
	*ret_watch = watch;
	return CM_OK;
}

void cm_watch_free(struct cm_watch **watch)
{
	if (*watch == NULL)
		return;
	cm_arena_free(&(*watch)->arena);
	free((*watch)->clicks);
	free(*watch);
	*watch = NULL;
}

/* ---- what came to the ledger -------------------------------------------- */

/* Few events of an import are; the bytes are canonical (policy/event.h). */
static bool may_be_one(struct cm_span json)
{
	static const char type[] = "\"type\":\"withdrawn\"";

	return memmem(json.p, json.n, type, sizeof(type) - 1) != NULL;
}

static int take_event(struct cm_watch *watch, struct cm_span json, int64_t from,
		      struct cm_error *err)
{
	struct cm_event event;
	int rc;

	if (!may_be_one(json))
		return CM_OK;
	rc = cm_event_decode(json, &event, err);
	if (rc != CM_OK || !cm_event_is_machine_like(&event) || event.at < from)
		return rc;
	watch->at[watch->ntraces] = event.at;
	watch->traces[watch->ntraces++] = (struct cm_store_trace){
		.seq = watch->next,
		.contact = event.contact,
		.has_evidence = event.has_evidence,
		.evidence = event.evidence,
	};
	return CM_OK;
}

static void begin(struct cm_watch *watch, uint64_t size)
{
	if (!watch->begun || watch->next > size)
		watch->next = size > CM_WATCH_BACK ? size - CM_WATCH_BACK : 0;
	watch->begun = true;
}

/* CM_ENOTFOUND when nothing is left. */
static int read_chunk(struct cm_watch *watch, int64_t from,
		      struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_span json;
	uint64_t end;
	int rc = cm_store_read_begin(watch->store, watch->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	begin(watch, cm_store_size(reader));
	end = cm_store_size(reader);
	if (watch->next == end)
		rc = CM_ENOTFOUND;
	if (end - watch->next > CM_WATCH_CHUNK)
		end = watch->next + CM_WATCH_CHUNK;
	watch->ntraces = 0;
	for (; rc == CM_OK && watch->next < end; watch->next++) {
		rc = cm_store_event(reader, watch->next, &json, err);
		if (rc == CM_OK)
			rc = take_event(watch, json, from, err);
	}
	cm_store_read_end(&reader);
	cm_arena_reset(watch->arena);
	return rc;
}

static int add_click(void *ctx, size_t i, struct cm_span evidence,
		     struct cm_span canonical, struct cm_error *err)
{
	struct cm_watch *watch = ctx;

	(void)err;
	if (watch->count + CM_BURST_PLACES <= CM_WATCH_CLICKS_MAX)
		watch->count +=
			cm_burst_places(watch->config, evidence, canonical,
					&watch->traces[i].contact, watch->at[i],
					&watch->clicks[watch->count]);
	return CM_OK;
}

static int read_news(struct cm_watch *watch, int64_t from, struct cm_error *err)
{
	int rc;

	while ((rc = read_chunk(watch, from, err)) == CM_OK) {
		if (watch->ntraces > 0)
			rc = cm_store_traces(watch->store, watch->traces,
					     watch->ntraces, add_click, watch,
					     err);
		if (rc != CM_OK)
			return rc;
	}
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

/* ---- what it adds up to ------------------------------------------------- */

static void forget(struct cm_watch *watch, int64_t from)
{
	size_t kept = 0, i;

	for (i = 0; i < watch->count; i++)
		if (watch->clicks[i].at >= from)
			watch->clicks[kept++] = watch->clicks[i];
	watch->count = kept;
}

static void warn(struct cm_watch *watch, const struct cm_burst *burst)
{
	const struct cm_burst_click *click = &watch->clicks[burst->first];
	const char *kind = cm_burst_kind_name(click->kind);

	cm_metrics_add_of(watch->metrics, CM_METRIC_BURSTS, kind, 1);
	cm_log(watch->log, CM_LOG_WARNING,
	       "burst: %zu people of %s %s unsubscribed within %u minutes, "
	       "perhaps a scanner that follows links: \"consentctl bursts\" "
	       "tells, and \"consentctl undo --burst %s\" takes it back",
	       burst->people, kind, click->of, watch->config->web_burst_minutes,
	       burst->id);
}

static void tell(struct cm_watch *watch, const struct cm_burst *burst)
{
	struct cm_burst_click *clicks = watch->clicks + burst->first;
	bool known = false;
	size_t i;

	for (i = 0; i < burst->count; i++)
		known = known || clicks[i].known;
	if (!known)
		warn(watch, burst);
	for (i = 0; i < burst->count; i++)
		clicks[i].known = true;
}

void cm_watch_look(struct cm_watch *watch, const struct cm_config *config,
		   int64_t now)
{
	int64_t window_ms = (int64_t)config->web_burst_minutes * CM_MINUTE_MS;
	struct cm_burst *bursts = NULL;
	struct cm_error err = {CM_OK, ""};
	size_t count = 0, i;
	int rc;

	watch->config = config;
	forget(watch, now - window_ms);
	rc = read_news(watch, now - window_ms, &err);
	if (rc != CM_OK)
		cm_log_error(watch->log, CM_LOG_WARNING,
			     "bursts cannot be seen now", &err);
	if (cm_burst_find(watch->clicks, watch->count, config->web_burst_people,
			  window_ms, &bursts, &count) != CM_OK)
		return;
	for (i = 0; i < count; i++)
		tell(watch, &bursts[i]);
	free(bursts);
}
