/* See burst_scan.h. */
#include "tools/burst_scan.h"

#include <stdlib.h>
#include <string.h>

#include "policy/config.h"
#include "policy/store.h"
#include "tools/ledger_scan.h"
#include "tools/undo.h"

enum {
	SCAN_FIRST = 1024,
	MINUTE_MS = 60 * 1000,
};

static int grow(void *items_p, size_t count, size_t *room, size_t size,
		struct cm_error *err)
{
	size_t more = *room > 0 ? *room * 2 : SCAN_FIRST;
	void **items = items_p;
	void *grown;

	if (count < *room)
		return CM_OK;
	grown = realloc(*items, more * size);
	if (grown == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	*items = grown;
	*room = more;
	return CM_OK;
}

/* ---- what the ledger says ----------------------------------------------- */

static int add_item(struct cm_burst_scan *scan, const struct cm_event *event,
		    uint64_t seq, struct cm_error *err)
{
	struct cm_burst_item *item;
	int rc = grow(&scan->items, scan->nitems, &scan->items_room,
		      sizeof(*scan->items), err);

	if (rc != CM_OK)
		return rc;
	item = &scan->items[scan->nitems++];
	memset(item, 0, sizeof(*item));
	item->contact = event->contact;
	item->family = event->family;
	item->at = event->at;
	item->seq = seq;
	item->has_evidence = event->has_evidence;
	item->evidence = event->evidence;
	memcpy(item->purpose, event->purpose, sizeof(item->purpose));
	memcpy(item->channel, event->channel, sizeof(item->channel));
	return CM_OK;
}

static int look(void *ctx, const struct cm_event *event, uint64_t seq,
		struct cm_error *err)
{
	struct cm_burst_scan *scan = ctx;
	int rc = CM_OK;

	if (cm_event_is_machine_like(event) && event->at >= scan->since)
		rc = add_item(scan, event, seq, err);
	if (rc != CM_OK || scan->nitems == 0)
		return rc;
	if (event->actor == CM_ACTOR_IMPORT) {
		scan->import_seq = seq;
		memcpy(scan->import_batch, event->batch,
		       sizeof(scan->import_batch));
	} else if (cm_event_is_of_burst(event)) {
		rc = grow(&scan->undone, scan->nundone, &scan->undone_room,
			  sizeof(*scan->undone), err);
		if (rc == CM_OK)
			scan->undone[scan->nundone++] = *event;
	} else if (cm_undo_is_an_act(event)) {
		rc = grow(&scan->acts, scan->nacts, &scan->acts_room,
			  sizeof(*scan->acts), err);
		if (rc == CM_OK)
			scan->acts[scan->nacts++] =
				(struct cm_burst_act){event->contact, seq};
	}
	return rc;
}

/* ---- what belongs together ---------------------------------------------- */

static int compare_ids(const struct cm_id *a, const struct cm_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

static int compare_items(const void *a, const void *b)
{
	const struct cm_burst_item *x = a;
	const struct cm_burst_item *y = b;
	int order = compare_ids(&x->contact, &y->contact);

	return order != 0 ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

static int compare_acts(const void *a, const void *b)
{
	const struct cm_burst_act *x = a;
	const struct cm_burst_act *y = b;
	int order = compare_ids(&x->contact, &y->contact);

	return order != 0 ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

/* How many of a sorted array's elements compare as less than key. */
static size_t lower(const void *items, size_t count, size_t size,
		    const void *key, int (*compare)(const void *, const void *))
{
	size_t from = 0, to = count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare((const char *)items + middle * size, key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void mark_undone(struct cm_burst_scan *scan,
			const struct cm_event *corrected)
{
	const struct cm_burst_item key = {.contact = corrected->contact};
	struct cm_event click = {.type = CM_EVENT_WITHDRAWN,
				 .actor = CM_ACTOR_PERSON,
				 .contact = corrected->contact};
	size_t i = lower(scan->items, scan->nitems, sizeof(key), &key,
			 compare_items);

	for (; i < scan->nitems &&
	       compare_ids(&scan->items[i].contact, &key.contact) == 0;
	     i++) {
		struct cm_burst_item *item = &scan->items[i];

		click.at = item->at;
		memcpy(click.channel, item->channel, sizeof(click.channel));
		if (!cm_event_undoes(corrected, &click))
			continue;
		item->undone_at = corrected->at;
		memcpy(item->undone_by, corrected->who,
		       sizeof(item->undone_by));
	}
}

struct places {
	struct cm_burst_scan *scan;
	const struct cm_config *config;
};

static int add_places(void *ctx, size_t i, struct cm_span evidence,
		      struct cm_span canonical, struct cm_error *err)
{
	struct places *places = ctx;
	struct cm_burst_scan *scan = places->scan;
	struct cm_burst_click *clicks = &scan->clicks[scan->nclicks];
	size_t n = cm_burst_places(places->config, evidence, canonical,
				   &scan->items[i].contact, scan->items[i].at,
				   clicks);

	(void)err;
	scan->nclicks += n;
	while (n > 0)
		clicks[--n].item = i;
	return CM_OK;
}

static int find_places(struct cm_ctl *ctl, struct cm_burst_scan *scan,
		       struct cm_error *err)
{
	struct places places = {scan, ctl->config};
	struct cm_store_trace *traces =
		calloc(scan->nitems + 1, sizeof(*traces));
	size_t i;
	int rc = CM_OK;

	scan->clicks = calloc(scan->nitems * CM_BURST_PLACES + 1,
			      sizeof(*scan->clicks));
	if (traces == NULL || scan->clicks == NULL)
		rc = cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; rc == CM_OK && i < scan->nitems; i++)
		traces[i] = (struct cm_store_trace){
			scan->items[i].seq, scan->items[i].contact,
			scan->items[i].has_evidence, scan->items[i].evidence};
	if (rc == CM_OK)
		rc = cm_store_traces(ctl->store, traces, scan->nitems,
				     add_places, &places, err);
	free(traces);
	return rc;
}

int cm_burst_scan(struct cm_ctl *ctl, struct cm_burst_scan *scan,
		  struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	size_t i;
	int rc = cm_ledger_scan(ctl, look, scan, err);

	if (rc != CM_OK || scan->nitems == 0)
		return rc;
	qsort(scan->items, scan->nitems, sizeof(*scan->items), compare_items);
	if (scan->nacts > 0)
		qsort(scan->acts, scan->nacts, sizeof(*scan->acts),
		      compare_acts);
	for (i = 0; i < scan->nundone; i++)
		mark_undone(scan, &scan->undone[i]);
	rc = find_places(ctl, scan, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_burst_find(scan->clicks, scan->nclicks,
			   config->web_burst_people,
			   (int64_t)config->web_burst_minutes * MINUTE_MS,
			   &scan->bursts, &scan->nbursts);
	return rc == CM_OK ? CM_OK : cm_fail(err, rc, "out of memory");
}

void cm_burst_scan_free(struct cm_burst_scan *scan)
{
	free(scan->items);
	free(scan->acts);
	free(scan->undone);
	free(scan->clicks);
	free(scan->bursts);
	memset(scan, 0, sizeof(*scan));
}

/* ---- asking ------------------------------------------------------------- */

const struct cm_burst_item *cm_burst_item(const struct cm_burst_scan *scan,
					  const struct cm_burst *burst,
					  size_t i)
{
	return &scan->items[scan->clicks[burst->first + i].item];
}

static bool is_of(const struct cm_burst_scan *scan,
		  const struct cm_burst *burst, const struct cm_burst_act *act)
{
	const struct cm_burst_item key = {.contact = act->contact,
					  .seq = act->seq};
	size_t at = lower(scan->items, scan->nitems, sizeof(key), &key,
			  compare_items);
	const struct cm_burst_click *clicks = scan->clicks + burst->first;
	const struct cm_burst_item *item;
	size_t i;

	if (at == scan->nitems || compare_items(&scan->items[at], &key) != 0)
		return false;
	item = &scan->items[at];
	/* Its place in the burst is by time. */
	if (item->at < clicks[0].at || item->at > clicks[burst->count - 1].at)
		return false;
	for (i = 0; i < burst->count; i++)
		if (clicks[i].item == at)
			return true;
	return false;
}

bool cm_burst_acted_since(const struct cm_burst_scan *scan,
			  const struct cm_burst *burst, size_t i)
{
	const struct cm_burst_item *item = cm_burst_item(scan, burst, i);
	const struct cm_burst_act key = {item->contact, item->seq + 1};
	size_t at =
		lower(scan->acts, scan->nacts, sizeof(key), &key, compare_acts);

	for (; at < scan->nacts &&
	       compare_ids(&scan->acts[at].contact, &item->contact) == 0;
	     at++)
		if (!is_of(scan, burst, &scan->acts[at]))
			return true;
	return false;
}
