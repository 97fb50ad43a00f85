/*
 * consentctl breach-scope: whose data was written in a span of time, and
 * which, for the notice within 72 hours (GDPR 33(3)).
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/store.h"
#include "tools/ctl_output.h"

enum { ARENA_MAX = 1 << 24 };

/* One event of the span; sorted by contact to count people. */
struct touch {
	struct cm_id contact;
	bool evidence;
};

struct breach {
	struct cm_ctl *ctl;
	int64_t from, to;
	bool addresses; /* show them */
	struct cm_store_reader *reader;
	struct cm_arena *arena; /* of the reader, emptied now and then */
	struct touch *touches;
	size_t count, room;
	uint64_t by_type[CM_EVENT_TYPES];
	uint64_t people, evidence;
	uint64_t before; /* events recorded before the end */
};

static int event_at(struct breach *b, uint64_t seq, struct cm_event *ret_event,
		    struct cm_error *err)
{
	struct cm_span json;
	int rc;

	cm_arena_reset(b->arena);
	rc = cm_store_event(b->reader, seq, &json, err);
	return rc == CM_OK ? cm_event_decode(json, ret_event, err) : rc;
}

/* The first event recorded at that time or later; rec never goes back. */
static int first_since(struct breach *b, int64_t at, uint64_t *ret_seq,
		       struct cm_error *err)
{
	uint64_t low = 0;
	uint64_t high = cm_store_size(b->reader);

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct cm_event event;
		int rc = event_at(b, middle, &event, err);

		if (rc != CM_OK)
			return rc;
		if (event.rec < at)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_seq = low;
	return CM_OK;
}

static int add_touch(struct breach *b, const struct cm_event *event,
		     struct cm_error *err)
{
	if (b->count == b->room) {
		size_t room = b->room == 0 ? 256 : 2 * b->room;
		struct touch *more = realloc(b->touches, room * sizeof(*more));

		if (more == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		b->touches = more;
		b->room = room;
	}
	b->touches[b->count].contact = event->contact;
	b->touches[b->count++].evidence = event->has_evidence;
	b->by_type[event->type]++;
	b->evidence += event->has_evidence;
	return CM_OK;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct cm_id));
}

static bool is_first(const struct breach *b, size_t i)
{
	return i == 0 ||
	       compare(&b->touches[i - 1].contact, &b->touches[i].contact) != 0;
}

static int collect(struct breach *b, struct cm_error *err)
{
	uint64_t seq = 0;
	int rc = first_since(b, b->to, &b->before, err);

	if (rc == CM_OK)
		rc = first_since(b, b->from, &seq, err);
	for (; rc == CM_OK && seq < b->before; seq++) {
		struct cm_event event;

		rc = event_at(b, seq, &event, err);
		if (rc == CM_OK)
			rc = add_touch(b, &event, err);
	}
	if (rc != CM_OK || b->count == 0)
		return rc;
	qsort(b->touches, b->count, sizeof(*b->touches), compare);
	for (size_t i = 0; i < b->count; i++)
		b->people += is_first(b, i);
	return CM_OK;
}

/* ---- the answer --------------------------------------------------------- */

/* "" unless asked for and kept. */
static int address_of(struct breach *b, const struct cm_id *contact,
		      struct cm_span *ret_address, struct cm_error *err)
{
	struct cm_span as_given;
	int rc = CM_OK;

	*ret_address = cm_span("");
	if (!b->addresses)
		return CM_OK;
	cm_arena_reset(b->arena);
	rc = cm_store_address(b->ctl->store, contact, b->arena, ret_address,
			      &as_given, err);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int tell_json(struct breach *b, struct cm_error *err)
{
	struct cm_out_json json;
	struct cm_json_writer *w = &json.w;
	struct cm_span address;
	char id[CM_ID_TEXT_LEN];
	int rc = CM_OK;

	cm_out_json_begin(&json);
	cm_json_begin_object(w);
	cm_json_put_time(w, "from", b->from);
	cm_json_put_time(w, "to", b->to);
	cm_json_put_int(w, "people", (int64_t)b->people);
	cm_json_put_int(w, "events", (int64_t)b->count);
	cm_json_put_int(w, "evidence", (int64_t)b->evidence);
	cm_json_put_int(w, "events_until_then", (int64_t)b->before);
	cm_json_name(w, "by_type");
	cm_json_begin_object(w);
	for (int i = 0; i < CM_EVENT_TYPES; i++)
		cm_json_put_int(w, cm_event_type_name((enum cm_event_type)i),
				(int64_t)b->by_type[i]);
	cm_json_end(w);
	cm_json_name(w, "contacts");
	cm_json_begin_array(w);
	for (size_t i = 0; rc == CM_OK && i < b->count; i++) {
		if (!is_first(b, i))
			continue;
		rc = address_of(b, &b->touches[i].contact, &address, err);
		cm_json_begin_object(w);
		cm_json_put_text(w, "contact",
				 cm_out_id(&b->touches[i].contact, id));
		if (address.n > 0)
			cm_json_put_span(w, "address", address);
		cm_json_end(w);
	}
	cm_json_end(w);
	cm_json_end(w);
	if (rc == CM_OK)
		return cm_out_json_end(&json, b->ctl->out, err);
	cm_buf_free(&json.buf);
	return rc;
}

static int tell_text(struct breach *b, struct cm_error *err)
{
	FILE *out = b->ctl->out;
	char n[CM_COUNT_LEN], id[CM_ID_TEXT_LEN];
	struct cm_span address;
	int rc = CM_OK;

	cm_out_plural(out, b->people, "contact");
	(void)fputs(" and ", out);
	cm_out_plural(out, b->count, "event");
	(void)fprintf(out, " were written in that time, %s with evidence\n",
		      cm_out_count(b->evidence, n));
	for (int i = 0; i < CM_EVENT_TYPES; i++) {
		if (b->by_type[i] > 0)
			(void)fprintf(out, "  %-14s %s\n",
				      cm_event_type_name((enum cm_event_type)i),
				      cm_out_count(b->by_type[i], n));
	}
	(void)fprintf(out,
		      "if all of the store was read: %s events written until "
		      "then, and who is in them\n",
		      cm_out_count(b->before, n));
	for (size_t i = 0; rc == CM_OK && i < b->count; i++) {
		if (!is_first(b, i))
			continue;
		rc = address_of(b, &b->touches[i].contact, &address, err);
		if (rc == CM_OK)
			(void)fprintf(out, "%s%s%.*s\n",
				      cm_out_id(&b->touches[i].contact, id),
				      address.n > 0 ? "  " : "", (int)address.n,
				      address.p);
	}
	return rc;
}

static int parse_time(const struct cm_args *args, const char *option,
		      int64_t *ret_at, struct cm_error *err)
{
	const char *text = cm_args_get(args, option);

	if (cm_clock_parse(cm_span(text), ret_at) == CM_OK)
		return CM_OK;
	return cm_fail(err, CM_EUSAGE,
		       "--%s: \"%.40s\" is not a time like "
		       "2026-01-31T12:00:00Z",
		       option, text);
}

static int parse(struct breach *b, const struct cm_args *args,
		 struct cm_error *err)
{
	int rc = parse_time(args, "from", &b->from, err);

	if (rc == CM_OK)
		rc = parse_time(args, "to", &b->to, err);
	if (rc == CM_OK && b->from >= b->to)
		rc = cm_fail(err, CM_EUSAGE, "--from must be before --to");
	b->addresses = cm_args_has(args, "addresses");
	return rc;
}

static int read_all(struct breach *b, struct cm_error *err)
{
	int rc = cm_store_read_begin(b->ctl->store, b->arena, &b->reader, err);

	if (rc == CM_OK)
		rc = collect(b, err);
	cm_store_read_end(&b->reader);
	return rc;
}

int cm_cmd_breach_scope(struct cm_ctl *ctl, const struct cm_args *args,
			struct cm_error *err)
{
	struct breach b = {.ctl = ctl};
	size_t folded;
	int rc = parse(&b, args, err);

	/* What waits in stop was written, too. */
	if (rc == CM_OK)
		rc = cm_store_fold_stop(ctl->store, ctl->now, &folded, err);
	if (rc == CM_OK && cm_arena_new(ARENA_MAX, &b.arena) != CM_OK)
		rc = cm_fail(err, CM_ENOMEM, "out of memory");
	if (rc == CM_OK)
		rc = read_all(&b, err);
	if (rc == CM_OK)
		rc = ctl->json ? tell_json(&b, err) : tell_text(&b, err);
	if (rc == CM_OK && b.count == 0)
		rc = CM_ENOTFOUND;
	cm_arena_free(&b.arena);
	free(b.touches);
	return rc;
}
