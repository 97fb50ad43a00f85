/*
 * See view.h.  Packed: version, newest_at, person_at, language_at, language,
 * count, then the facts in order.  A number is a varint (seven bits an octet,
 * the low ones first, shortest form); a time is kept as its distance back
 * from newest_at; a purpose equal to the one before is not repeated.  There
 * is one packed form of a view, so rebuilding a store gives the same bytes,
 * and unpacking takes no other.  Most grants have no terms of their own, and
 * then nothing of them is packed.
 */
#include "policy/view.h"

#include <string.h>

#include "policy/purpose.h"

enum {
	CM_VIEW_VERSION = 2,
	CM_VIEW_ROOM_FIRST = 8, /* facts; most people need three */
	CM_VIEW_SAME = 0x80,    /* flag on the kind: purpose as before */
	CM_VIEW_TERMS = 0x40,   /* ditto: terms follow the source */
	CM_VIEW_SALE_REF = 1,   /* in the terms' octet; beside it: */
	CM_VIEW_OPTOUT_SHIFT = 1,
	CM_VIEW_FACT_LEAST = 4,       /* octets of the shortest packed fact */
	CM_VIEW_PACKED_MAX = 1 << 21, /* 4,096 facts at their longest */
};

const char *cm_fact_kind_name(enum cm_fact_kind kind)
{
	static const char *const names[CM_FACT_KINDS] = {
		[CM_FACT_GRANTED] = "granted",
		[CM_FACT_CONFIRMED] = "confirmed",
		[CM_FACT_PERSON_CONFIRMED] = "person-confirmed",
		[CM_FACT_SOFT_OPT_IN] = "soft-opt-in",
		[CM_FACT_UNPROVEN] = "unproven",
		[CM_FACT_REQUESTED] = "requested",
		[CM_FACT_WITHDRAWN] = "withdrawn",
		[CM_FACT_OBJECTED] = "objected",
		[CM_FACT_COMPLAINED] = "complained",
		[CM_FACT_ERASED] = "erased",
		[CM_FACT_RESTRICTED] = "restricted",
		[CM_FACT_UNDELIVERABLE] = "undeliverable",
		[CM_FACT_CLEARED_RESTRICTED] = "cleared-restricted",
		[CM_FACT_CLEARED_UNDELIVERABLE] = "cleared-undeliverable",
		[CM_FACT_ASKED] = "asked",
		[CM_FACT_TAKEN_BACK] = "taken-back",
		[CM_FACT_PERSON_REQUESTED] = "person-requested",
	};

	return names[kind];
}

bool cm_fact_refuses(enum cm_fact_kind kind)
{
	return kind >= CM_FACT_WITHDRAWN && kind <= CM_FACT_UNDELIVERABLE;
}

bool cm_fact_is_pending(enum cm_fact_kind kind)
{
	return kind == CM_FACT_REQUESTED || kind == CM_FACT_PERSON_REQUESTED;
}

bool cm_fact_is_of_family(enum cm_fact_kind kind)
{
	return cm_fact_refuses(kind) || kind == CM_FACT_TAKEN_BACK;
}

static enum cm_fact_kind grant_fact(const struct cm_event *event)
{
	if (!cm_event_is_proven(event))
		return CM_FACT_UNPROVEN;
	if (event->basis == CM_BASIS_SOFT_OPT_IN)
		return CM_FACT_SOFT_OPT_IN;
	if (event->type == CM_EVENT_GRANTED)
		return CM_FACT_GRANTED;
	return event->actor == CM_ACTOR_PERSON ? CM_FACT_PERSON_CONFIRMED
					       : CM_FACT_CONFIRMED;
}

enum cm_fact_kind cm_event_fact(const struct cm_event *event)
{
	switch (event->type) {
	case CM_EVENT_REQUESTED:
		return event->actor == CM_ACTOR_PERSON
			       ? CM_FACT_PERSON_REQUESTED
			       : CM_FACT_REQUESTED;
	case CM_EVENT_GRANTED:
	case CM_EVENT_CONFIRMED:
		return grant_fact(event);
	case CM_EVENT_WITHDRAWN:
		return CM_FACT_WITHDRAWN;
	case CM_EVENT_OBJECTED:
		return CM_FACT_OBJECTED;
	case CM_EVENT_COMPLAINED:
		return CM_FACT_COMPLAINED;
	case CM_EVENT_UNDELIVERABLE:
		return CM_FACT_UNDELIVERABLE;
	case CM_EVENT_RESTRICTED:
		return CM_FACT_RESTRICTED;
	case CM_EVENT_ERASED:
		return CM_FACT_ERASED;
	case CM_EVENT_CLEARED:
		return event->mark == CM_EVENT_RESTRICTED
			       ? CM_FACT_CLEARED_RESTRICTED
			       : CM_FACT_CLEARED_UNDELIVERABLE;
	case CM_EVENT_ASKED:
		return CM_FACT_ASKED;
	case CM_EVENT_CORRECTED:
		return event->actor == CM_ACTOR_PERSON ? CM_FACT_TAKEN_BACK
						       : CM_FACT_KINDS;
	default:
		return CM_FACT_KINDS;
	}
}

/* ---- folding events in -------------------------------------------------- */

/* Grants, and what asks for one. */
static bool has_source(enum cm_fact_kind kind)
{
	return kind <= CM_FACT_UNPROVEN || cm_fact_is_pending(kind);
}

static bool is_proven_grant(enum cm_fact_kind kind)
{
	return kind <= CM_FACT_SOFT_OPT_IN;
}

struct cm_fact cm_fact_of(const struct cm_event *event, uint64_t seq)
{
	struct cm_fact fact = {
		.kind = cm_event_fact(event),
		.purpose = cm_span(event->purpose),
		.source = cm_span(""),
		.at = event->at,
		.seq = seq,
	};

	if (has_source(fact.kind))
		fact.source = cm_span(event->source);
	if (!is_proven_grant(fact.kind))
		return fact;
	fact.ended = event->ended;
	fact.terms.controller = cm_span(event->controller);
	if (event->has_notice)
		fact.terms.notice = cm_span_n((const char *)event->notice.b,
					      sizeof(event->notice.b));
	if (fact.kind != CM_FACT_SOFT_OPT_IN)
		return fact;
	fact.sold = event->sold;
	fact.terms.seller = cm_span(event->seller);
	fact.terms.category = cm_span(event->category);
	fact.terms.has_sale_ref = event->has_sale_ref;
	fact.terms.optout = event->optout;
	return fact;
}

static int terms_cmp(const struct cm_terms *a, const struct cm_terms *b)
{
	int order = cm_span_cmp(a->controller, b->controller);

	if (order == 0)
		order = cm_span_cmp(a->notice, b->notice);
	if (order == 0)
		order = cm_span_cmp(a->seller, b->seller);
	if (order == 0)
		order = cm_span_cmp(a->category, b->category);
	if (order == 0)
		order = (int)a->has_sale_ref - (int)b->has_sale_ref;
	return order != 0 ? order : (int)a->optout - (int)b->optout;
}

int cm_fact_cmp(const struct cm_fact *a, const struct cm_fact *b)
{
	int order = cm_span_cmp(a->purpose, b->purpose);

	if (order != 0)
		return order;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	order = cm_span_cmp(a->source, b->source);
	return order != 0 ? order : terms_cmp(&a->terms, &b->terms);
}

bool cm_fact_is_newer(const struct cm_fact *a, const struct cm_fact *b)
{
	if (a->sold != b->sold)
		return b->sold > a->sold;
	return b->at > a->at || (b->at == a->at && b->seq > a->seq);
}

/* The first fact that does not sort before the wanted one. */
static size_t find_place(const struct cm_view *view, const struct cm_fact *fact)
{
	size_t low = 0, high = view->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cm_fact_cmp(&view->facts[middle], fact) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct cm_fact *cm_view_find(const struct cm_view *view,
				   const struct cm_fact *like)
{
	size_t place = find_place(view, like);

	if (place == view->count || cm_fact_cmp(&view->facts[place], like) != 0)
		return NULL;
	return &view->facts[place];
}

bool cm_fact_says_more(const struct cm_fact *fact, const struct cm_fact *told)
{
	struct cm_fact same = *told;

	same.seq = fact->seq; /* of one time: nothing later */
	return cm_fact_is_newer(fact, &same) ||
	       (!cm_fact_is_newer(&same, fact) && told->ended != fact->ended);
}

int cm_view_copy(const struct cm_view *view, struct cm_arena *arena,
		 struct cm_view *ret_copy)
{
	struct cm_view copy = *view;

	if (view->count > 0) {
		copy.facts =
			cm_arena_array(arena, view->count, sizeof(*copy.facts));
		if (copy.facts == NULL)
			return CM_ENOMEM;
		memcpy(copy.facts, view->facts,
		       view->count * sizeof(*copy.facts));
	}
	copy.room = copy.count;
	*ret_copy = copy;
	return CM_OK;
}

static int make_room(struct cm_view *view, struct cm_arena *arena)
{
	size_t room = view->room * 2;
	struct cm_fact *facts;

	if (view->count < view->room)
		return CM_OK;
	if (view->count >= CM_VIEW_FACTS_MAX)
		return CM_ELIMIT;
	if (room < CM_VIEW_ROOM_FIRST)
		room = CM_VIEW_ROOM_FIRST;
	facts = cm_arena_array(arena, room, sizeof(*facts));
	if (facts == NULL)
		return CM_ENOMEM;
	if (view->count > 0)
		memcpy(facts, view->facts, view->count * sizeof(*facts));
	view->facts = facts;
	view->room = room;
	return CM_OK;
}

/* A fact outlives the event whose texts it has. */
static int keep_texts(struct cm_fact *fact, struct cm_arena *arena)
{
	struct cm_span *const texts[] = {
		&fact->purpose,          &fact->source,
		&fact->terms.controller, &fact->terms.notice,
		&fact->terms.seller,     &fact->terms.category,
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i]->n == 0) {
			*texts[i] = cm_span("");
			continue;
		}
		texts[i]->p = cm_arena_dup(arena, texts[i]->p, texts[i]->n);
		if (texts[i]->p == NULL)
			return CM_ENOMEM;
	}
	return CM_OK;
}

static int insert_fact(struct cm_view *view, size_t place, struct cm_fact fact,
		       struct cm_arena *arena)
{
	int rc = make_room(view, arena);

	if (rc == CM_OK)
		rc = keep_texts(&fact, arena);
	if (rc != CM_OK)
		return rc;
	memmove(&view->facts[place + 1], &view->facts[place],
		(view->count - place) * sizeof(fact));
	view->facts[place] = fact;
	view->count++;
	return CM_OK;
}

static struct cm_span fact_source(enum cm_fact_kind kind,
				  const struct cm_event *event,
				  char name[CM_BATCH_MAX + 1])
{
	if (has_source(kind))
		return cm_span(event->source);
	if (kind == CM_FACT_TAKEN_BACK)
		return cm_span(event->batch);
	if (!cm_event_is_click(event))
		return cm_span("");
	cm_event_click_name(event, name);
	return cm_span(name);
}

static int apply_fact(struct cm_view *view, const struct cm_event *event,
		      uint64_t seq, struct cm_arena *arena)
{
	struct cm_fact fact = cm_fact_of(event, seq);
	char name[CM_BATCH_MAX + 1];
	struct cm_fact *old;
	size_t place;

	if (fact.kind == CM_FACT_KINDS)
		return CM_OK;
	fact.source = fact_source(fact.kind, event, name);
	place = find_place(view, &fact);
	old = place < view->count ? &view->facts[place] : NULL;
	if (old == NULL || cm_fact_cmp(old, &fact) != 0)
		return insert_fact(view, place, fact, arena);
	if (cm_fact_is_newer(old, &fact)) {
		old->at = fact.at;
		old->seq = seq;
		old->sold = fact.sold;
		old->ended = fact.ended;
	}
	return CM_OK;
}

/* Two languages of one instant: either will do, but always the same one. */
static void apply_language(struct cm_view *view, const struct cm_event *event)
{
	if (event->language[0] == '\0' || event->at < view->language_at)
		return;
	if (event->at == view->language_at &&
	    strcmp(event->language, view->language) <= 0)
		return;
	view->language_at = event->at;
	memcpy(view->language, event->language, sizeof(view->language));
}

int cm_view_apply(struct cm_view *view, const struct cm_event *event,
		  uint64_t seq, struct cm_arena *arena)
{
	int rc = apply_fact(view, event, seq, arena);

	if (rc != CM_OK)
		return rc;
	if (event->at > view->newest_at)
		view->newest_at = event->at;
	if (cm_event_type_is_remark(event->type))
		return CM_OK;
	/* Anybody may have typed the address into a form. */
	if (event->actor == CM_ACTOR_PERSON &&
	    event->type == CM_EVENT_REQUESTED)
		return CM_OK;
	/* Taking a click back says nothing of the mailbox or its owner. */
	if (event->actor == CM_ACTOR_PERSON &&
	    event->type != CM_EVENT_CORRECTED && event->at > view->person_at)
		view->person_at = event->at;
	apply_language(view, event);
	return CM_OK;
}

int cm_view_apply_family(struct cm_view *view, const struct cm_event *event,
			 uint64_t seq, struct cm_arena *arena)
{
	int rc;

	if (!cm_fact_is_of_family(cm_event_fact(event)))
		return CM_OK;
	rc = apply_fact(view, event, seq, arena);
	if (rc == CM_OK && event->at > view->newest_at)
		view->newest_at = event->at;
	return rc;
}

/* ---- what was taken back ------------------------------------------------ */

/* "I did not ask for this": that, and what was asked before, is over. */
static bool is_cancelled(const struct cm_view *view,
			 const struct cm_fact *request)
{
	size_t i;

	if (!cm_fact_is_pending(request->kind))
		return false;
	for (i = 0; i < view->count; i++)
		if (view->facts[i].kind == CM_FACT_TAKEN_BACK &&
		    cm_span_starts(view->facts[i].source, CM_OPTIN_PREFIX) &&
		    cm_span_eq(view->facts[i].purpose, request->purpose) &&
		    view->facts[i].at >= request->at)
			return true;
	return false;
}

static bool is_taken_back(const struct cm_view *view,
			  const struct cm_fact *click)
{
	size_t i;

	if (click->kind != CM_FACT_WITHDRAWN || click->source.n == 0)
		return false;
	for (i = 0; i < view->count; i++)
		if (view->facts[i].kind == CM_FACT_TAKEN_BACK &&
		    cm_span_eq(view->facts[i].source, click->source) &&
		    cm_span_eq(view->facts[i].purpose, click->purpose))
			return true;
	return false;
}

int cm_view_settle(const struct cm_view *view, struct cm_arena *arena,
		   struct cm_view *ret_view)
{
	struct cm_view settled = *view;
	size_t i, back = 0;

	for (i = 0; i < view->count; i++)
		back += view->facts[i].kind == CM_FACT_TAKEN_BACK;
	if (back > 0) {
		settled.facts = cm_arena_array(arena, view->count,
					       sizeof(*settled.facts));
		if (settled.facts == NULL)
			return CM_ENOMEM;
		settled.room = view->count;
		settled.count = 0;
	}
	for (i = 0; back > 0 && i < view->count; i++)
		if (view->facts[i].kind != CM_FACT_TAKEN_BACK &&
		    !is_taken_back(view, &view->facts[i]) &&
		    !is_cancelled(view, &view->facts[i]))
			settled.facts[settled.count++] = view->facts[i];
	*ret_view = settled;
	return CM_OK;
}

/* ---- packing ------------------------------------------------------------ */

static void pack_number(struct cm_buf *out, uint64_t value)
{
	while (value >= 0x80) {
		(void)cm_buf_addc(out, (char)(value | 0x80));
		value >>= 7;
	}
	(void)cm_buf_addc(out, (char)value);
}

static void pack_text(struct cm_buf *out, struct cm_span text)
{
	pack_number(out, text.n);
	(void)cm_buf_add(out, text.p, text.n);
}

static bool same_purpose(const struct cm_view *view, size_t i)
{
	return i > 0 &&
	       cm_span_eq(view->facts[i].purpose, view->facts[i - 1].purpose);
}

static bool has_terms(const struct cm_fact *fact)
{
	const struct cm_terms *terms = &fact->terms;

	return terms->controller.n > 0 || terms->notice.n > 0 ||
	       terms->seller.n > 0 || terms->category.n > 0 ||
	       terms->has_sale_ref || terms->optout != CM_SAID_NOTHING ||
	       fact->sold != 0 || fact->ended != 0;
}

static void pack_terms(struct cm_buf *out, const struct cm_fact *fact)
{
	const struct cm_terms *terms = &fact->terms;

	pack_text(out, terms->controller);
	pack_text(out, terms->notice);
	pack_text(out, terms->seller);
	pack_text(out, terms->category);
	(void)cm_buf_addc(out,
			  (char)((terms->has_sale_ref ? CM_VIEW_SALE_REF : 0) |
				 (int)terms->optout << CM_VIEW_OPTOUT_SHIFT));
	pack_number(out, (uint64_t)fact->sold);
	pack_number(out, (uint64_t)fact->ended);
}

static void pack_fact(struct cm_buf *out, const struct cm_view *view, size_t i)
{
	const struct cm_fact *fact = &view->facts[i];
	bool same = same_purpose(view, i);
	bool terms = has_terms(fact);

	(void)cm_buf_addc(out, (char)((unsigned)fact->kind |
				      (same ? CM_VIEW_SAME : 0) |
				      (terms ? CM_VIEW_TERMS : 0)));
	if (!same)
		pack_text(out, fact->purpose);
	pack_text(out, fact->source);
	if (terms)
		pack_terms(out, fact);
	pack_number(out, (uint64_t)(view->newest_at - fact->at));
	pack_number(out, fact->seq);
}

int cm_view_pack(const struct cm_view *view, struct cm_buf *out)
{
	size_t i;

	pack_number(out, CM_VIEW_VERSION);
	pack_number(out, (uint64_t)view->newest_at);
	pack_number(out, (uint64_t)view->person_at);
	pack_number(out, (uint64_t)view->language_at);
	pack_text(out, cm_span(view->language));
	pack_number(out, view->count);
	for (i = 0; i < view->count; i++)
		pack_fact(out, view, i);
	return cm_buf_ok(out);
}

static int unpack_octet(struct cm_span *bytes, unsigned char *ret_octet)
{
	if (bytes->n == 0)
		return CM_ECORRUPT;
	*ret_octet = (unsigned char)*bytes->p;
	bytes->p++;
	bytes->n--;
	return CM_OK;
}

static int unpack_number(struct cm_span *bytes, uint64_t max,
			 uint64_t *ret_value)
{
	uint64_t value = 0;
	unsigned char octet;
	unsigned shift;

	for (shift = 0; shift < 64; shift += 7) {
		if (unpack_octet(bytes, &octet) != CM_OK)
			return CM_ECORRUPT;
		if (shift == 63 && octet > 1)
			return CM_ECORRUPT; /* over 64 bits */
		value |= (uint64_t)(octet & 0x7f) << shift;
		if ((octet & 0x80) != 0)
			continue;
		if ((octet == 0 && shift > 0) || value > max)
			return CM_ECORRUPT; /* not the shortest form */
		*ret_value = value;
		return CM_OK;
	}
	return CM_ECORRUPT;
}

static int unpack_time(struct cm_span *bytes, int64_t *ret_ms)
{
	uint64_t value;
	int rc = unpack_number(bytes, INT64_MAX, &value);

	if (rc == CM_OK)
		*ret_ms = (int64_t)value;
	return rc;
}

static int unpack_text(struct cm_span *bytes, size_t max,
		       struct cm_span *ret_text)
{
	uint64_t n;

	if (unpack_number(bytes, max, &n) != CM_OK || n > bytes->n)
		return CM_ECORRUPT;
	*ret_text = cm_span_n(bytes->p, (size_t)n);
	bytes->p += n;
	bytes->n -= (size_t)n;
	return CM_OK;
}

static int unpack_head(struct cm_span *bytes, struct cm_view *view)
{
	struct cm_span language;
	uint64_t version, count;

	if (unpack_number(bytes, UINT64_MAX, &version) != CM_OK ||
	    version != CM_VIEW_VERSION ||
	    unpack_time(bytes, &view->newest_at) != CM_OK ||
	    unpack_time(bytes, &view->person_at) != CM_OK ||
	    unpack_time(bytes, &view->language_at) != CM_OK ||
	    unpack_text(bytes, CM_LANGUAGE_MAX, &language) != CM_OK ||
	    unpack_number(bytes, CM_VIEW_FACTS_MAX, &count) != CM_OK ||
	    count > bytes->n / CM_VIEW_FACT_LEAST)
		return CM_ECORRUPT;
	if (view->person_at > view->newest_at ||
	    view->language_at > view->newest_at ||
	    (language.n > 0 && memchr(language.p, '\0', language.n) != NULL))
		return CM_ECORRUPT;
	if (language.n > 0)
		memcpy(view->language, language.p, language.n);
	view->count = (size_t)count;
	return CM_OK;
}

static int unpack_terms(struct cm_span *bytes, struct cm_fact *fact)
{
	struct cm_terms *terms = &fact->terms;
	unsigned char octet;

	if (unpack_text(bytes, CM_PARTY_MAX, &terms->controller) != CM_OK ||
	    unpack_text(bytes, CM_HASH_LEN, &terms->notice) != CM_OK ||
	    unpack_text(bytes, CM_PARTY_MAX, &terms->seller) != CM_OK ||
	    unpack_text(bytes, CM_CATEGORY_MAX, &terms->category) != CM_OK ||
	    unpack_octet(bytes, &octet) != CM_OK ||
	    unpack_time(bytes, &fact->sold) != CM_OK ||
	    unpack_time(bytes, &fact->ended) != CM_OK ||
	    (terms->notice.n != 0 && terms->notice.n != CM_HASH_LEN) ||
	    octet >> CM_VIEW_OPTOUT_SHIFT >= CM_SAIDS)
		return CM_ECORRUPT;
	terms->has_sale_ref = (octet & CM_VIEW_SALE_REF) != 0;
	terms->optout = (enum cm_yes_no)(octet >> CM_VIEW_OPTOUT_SHIFT);
	return has_terms(fact) ? CM_OK : CM_ECORRUPT;
}

static int unpack_fact(struct cm_span *bytes, const struct cm_view *view,
		       size_t i)
{
	struct cm_fact *fact = &view->facts[i];
	unsigned char octet;
	uint64_t back;
	bool same, terms;

	if (unpack_octet(bytes, &octet) != CM_OK)
		return CM_ECORRUPT;
	same = (octet & CM_VIEW_SAME) != 0;
	terms = (octet & CM_VIEW_TERMS) != 0;
	fact->kind =
		(enum cm_fact_kind)(octet & ~(CM_VIEW_SAME | CM_VIEW_TERMS));
	if (fact->kind >= CM_FACT_KINDS || (same && i == 0) ||
	    (terms && !is_proven_grant(fact->kind)))
		return CM_ECORRUPT;
	if (same)
		fact->purpose = view->facts[i - 1].purpose;
	else if (unpack_text(bytes, CM_PURPOSE_MAX, &fact->purpose) != CM_OK)
		return CM_ECORRUPT;
	if (unpack_text(bytes, CM_SOURCE_MAX, &fact->source) != CM_OK ||
	    (terms && unpack_terms(bytes, fact) != CM_OK) ||
	    unpack_number(bytes, (uint64_t)view->newest_at, &back) != CM_OK ||
	    unpack_number(bytes, UINT64_MAX, &fact->seq) != CM_OK)
		return CM_ECORRUPT;
	fact->at = view->newest_at - (int64_t)back;
	if (i > 0 &&
	    (cm_fact_cmp(fact - 1, fact) >= 0 || same != same_purpose(view, i)))
		return CM_ECORRUPT;
	return CM_OK;
}

int cm_view_unpack(struct cm_span bytes, struct cm_arena *arena,
		   struct cm_view *ret_view)
{
	struct cm_view view;
	size_t i;

	memset(&view, 0, sizeof(view));
	if (bytes.n > CM_VIEW_PACKED_MAX || unpack_head(&bytes, &view) != CM_OK)
		return CM_ECORRUPT;
	if (view.count > 0) {
		view.facts =
			cm_arena_array(arena, view.count, sizeof(*view.facts));
		if (view.facts == NULL)
			return CM_ENOMEM;
		view.room = view.count;
	}
	for (i = 0; i < view.count; i++)
		if (unpack_fact(&bytes, &view, i) != CM_OK)
			return CM_ECORRUPT;
	if (bytes.n > 0)
		return CM_ECORRUPT;
	*ret_view = view;
	return CM_OK;
}
