/* See burst.h. */
#include "policy/burst.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/enc.h"
#include "lib/json.h"
#include "policy/config.h"

enum { CM_BURST_ID_OCTETS = 4 };

const char *cm_burst_kind_name(enum cm_burst_kind kind)
{
	static const char *const names[CM_BURST_KINDS] = {
		[CM_BURST_NETWORK] = "network",
		[CM_BURST_DOMAIN] = "domain",
	};

	return names[kind];
}

/* ---- where a withdrawal belongs ----------------------------------------- */

static bool is_ignored(const struct cm_config *config, struct cm_span domain)
{
	size_t i;

	for (i = 0; i < config->web_burst_ignored.n; i++)
		if (cm_span_is(domain, config->web_burst_ignored.v[i]))
			return true;
	return false;
}

static bool set_place(struct cm_burst_click *click, enum cm_burst_kind kind,
		      struct cm_span of)
{
	if (of.n == 0)
		return false;
	if (of.n > CM_BURST_OF_MAX)
		of = cm_span_n(of.p + of.n - CM_BURST_OF_MAX, CM_BURST_OF_MAX);
	memset(click, 0, sizeof(*click));
	click->kind = kind;
	memcpy(click->of, of.p, of.n);
	return true;
}

static bool set_network(struct cm_burst_click *click, struct cm_span evidence)
{
	struct cm_json *json = NULL;
	bool has = false;

	if (evidence.n > 0 &&
	    cm_json_read(evidence, evidence.n, &json, NULL) == CM_OK)
		has = set_place(click, CM_BURST_NETWORK,
				cm_json_text(cm_json_member(cm_json_root(json),
							    "network")));
	cm_json_free(&json);
	return has;
}

/* A quoted local part may have an @, too. */
static struct cm_span domain_of(struct cm_span canonical)
{
	size_t i = canonical.n;

	while (i > 0 && canonical.p[i - 1] != '@')
		i--;
	return i > 0 ? cm_span_n(canonical.p + i, canonical.n - i)
		     : cm_span("");
}

size_t cm_burst_places(const struct cm_config *config, struct cm_span evidence,
		       struct cm_span canonical, const struct cm_id *contact,
		       int64_t at,
		       struct cm_burst_click ret_clicks[CM_BURST_PLACES])
{
	struct cm_span domain = domain_of(canonical);
	size_t n = 0, i;

	n += set_network(&ret_clicks[n], evidence);
	if (!is_ignored(config, domain))
		n += set_place(&ret_clicks[n], CM_BURST_DOMAIN, domain);
	for (i = 0; i < n; i++) {
		ret_clicks[i].contact = *contact;
		ret_clicks[i].at = at;
	}
	return n;
}

/* ---- finding ------------------------------------------------------------ */

static int compare_places(const struct cm_burst_click *x,
			  const struct cm_burst_click *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->of, y->of);
}

static int compare_times(const struct cm_burst_click *x,
			 const struct cm_burst_click *y)
{
	return (x->at > y->at) - (x->at < y->at);
}

static int compare_people(const struct cm_burst_click *x,
			  const struct cm_burst_click *y)
{
	return memcmp(x->contact.b, y->contact.b, sizeof(x->contact.b));
}

static int by_person(const void *a, const void *b)
{
	int order = compare_places(a, b);

	if (order == 0)
		order = compare_people(a, b);
	return order != 0 ? order : compare_times(a, b);
}

static int by_time(const void *a, const void *b)
{
	int order = compare_places(a, b);

	if (order == 0)
		order = compare_times(a, b);
	return order != 0 ? order : compare_people(a, b);
}

/* Of clicks sorted by person: who stands in a stretch already counts once. */
static void mark_again(struct cm_burst_click *clicks, size_t count,
		       int64_t window_ms)
{
	size_t counted = 0, i;

	for (i = 0; i < count; i++) {
		clicks[i].is_part = false;
		clicks[i].again =
			i > 0 &&
			compare_places(&clicks[counted], &clicks[i]) == 0 &&
			compare_people(&clicks[counted], &clicks[i]) == 0 &&
			clicks[i].at - clicks[counted].at <= window_ms;
		if (!clicks[i].again)
			counted = i;
	}
}

/* Of clicks sorted by time: two ends of a stretch go over them together. */
static void mark_parts(struct cm_burst_click *clicks, size_t count,
		       size_t people, int64_t window_ms)
{
	size_t left = 0, seen = 0, marked = 0, right, i;

	for (right = 0; right < count; right++) {
		if (compare_places(&clicks[left], &clicks[right]) != 0) {
			left = right;
			seen = 0;
		}
		seen += !clicks[right].again;
		for (; clicks[right].at - clicks[left].at > window_ms; left++)
			seen -= !clicks[left].again;
		if (seen < people)
			continue;
		for (i = marked > left ? marked : left; i <= right; i++)
			clicks[i].is_part = true;
		marked = right + 1;
	}
}

/* By its first click: so it keeps its name while it goes on. */
static int name(const struct cm_burst_click *click,
		char id[CM_BURST_ID_MAX + 1])
{
	const struct cm_span parts[] = {
		cm_span(cm_burst_kind_name(click->kind)), cm_span(click->of),
		cm_span_n((const char *)click->contact.b,
			  sizeof(click->contact.b))};
	char text[CM_CLOCK_TEXT], hex[CM_HEX_LEN(CM_BURST_ID_OCTETS) + 1];
	struct cm_hash hash = {{0}};
	size_t n = 0, i;
	int rc = cm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]),
				 hash.b);

	if (rc != CM_OK)
		return rc;
	(void)cm_clock_format(click->at, text);
	for (i = 0; text[i] != '\0' && text[i] != '.' && text[i] != 'Z'; i++)
		if (text[i] != '-' && text[i] != ':')
			id[n++] = text[i];
	(void)cm_hex_encode(hash.b, CM_BURST_ID_OCTETS, hex);
	(void)snprintf(id + n, CM_BURST_ID_MAX + 1 - n, "-%s", hex);
	return CM_OK;
}

/* Does the burst go on from one of these neighbours to the next? */
static bool goes_on(const struct cm_burst_click *from,
		    const struct cm_burst_click *to, int64_t window_ms)
{
	return from->is_part && to->is_part && compare_places(from, to) == 0 &&
	       to->at - from->at <= window_ms;
}

static size_t count_people(const struct cm_burst_click *clicks, size_t count)
{
	size_t people = 0, i;

	for (i = 0; i < count; i++)
		people += !clicks[i].again;
	return people;
}

static size_t collect(const struct cm_burst_click *clicks, size_t count,
		      int64_t window_ms, struct cm_burst *bursts)
{
	size_t n = 0, i = 0;

	while (i < count) {
		size_t end = i + 1;

		while (end < count &&
		       goes_on(&clicks[end - 1], &clicks[end], window_ms))
			end++;
		if (clicks[i].is_part && bursts != NULL) {
			bursts[n].first = i;
			bursts[n].count = end - i;
			bursts[n].people = count_people(clicks + i, end - i);
		}
		n += clicks[i].is_part;
		i = end;
	}
	return n;
}

int cm_burst_find(struct cm_burst_click *clicks, size_t count, size_t people,
		  int64_t window_ms, struct cm_burst **ret_bursts,
		  size_t *ret_count)
{
	struct cm_burst *bursts;
	size_t n, i;
	int rc = CM_OK;

	if (people == 0 || count == 0) {
		*ret_bursts = NULL;
		*ret_count = 0;
		return CM_OK;
	}
	qsort(clicks, count, sizeof(*clicks), by_person);
	mark_again(clicks, count, window_ms);
	qsort(clicks, count, sizeof(*clicks), by_time);
	mark_parts(clicks, count, people, window_ms);
	n = collect(clicks, count, window_ms, NULL);
	bursts = calloc(n + 1, sizeof(*bursts));
	if (bursts == NULL)
		return CM_ENOMEM;
	(void)collect(clicks, count, window_ms, bursts);
	for (i = 0; rc == CM_OK && i < n; i++)
		rc = name(&clicks[bursts[i].first], bursts[i].id);
	if (rc != CM_OK) {
		free(bursts);
		return rc;
	}
	*ret_bursts = bursts;
	*ret_count = n;
	return CM_OK;
}
