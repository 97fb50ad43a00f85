/*
 * Events as small rows.  An import's million events differ in person and
 * time and in little else, so what they share is kept once, as a "kind": an
 * event without ids, times (those of a sale or contract, too) and evidence.
 */
#include "policy/store_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_ROOM = 16,
	/* uint32_t row numbers, one of them taken for "none" */
	ROWS_MAX = INT32_MAX,
};

/* ---- collecting --------------------------------------------------------- */

void cm_rows_free(struct cm_rows *rows)
{
	free(rows->row);
	free(rows->kinds);
	free(rows->table);
	free(rows->evidence);
	free(rows->dates);
	free(rows->by_contact);
	memset(rows, 0, sizeof(*rows));
}

int cm_grow(void *items_p, size_t count, size_t *room, size_t size)
{
	size_t more = *room == 0 ? FIRST_ROOM : *room + *room / 2;
	void *items;

	if (count < *room)
		return CM_OK;
	if (more > ROWS_MAX)
		return CM_ELIMIT;
	memcpy(&items, items_p, sizeof(items));
	items = realloc(items, more * size);
	if (items == NULL)
		return CM_ENOMEM;
	memcpy(items_p, &items, sizeof(items));
	*room = more;
	return CM_OK;
}

/* Also zeroes what follows the text, so that kinds compare by memcmp. */
static bool copy_text(char *to, const char *from, size_t size)
{
	size_t n = strnlen(from, size);

	if (n == size)
		return false;
	memcpy(to, from, n);
	return true;
}

#define COPY_TEXT(field)                                                       \
	copy_text(kind->field, event->field, sizeof(kind->field))

static bool to_kind(const struct cm_event *event, struct cm_event *kind)
{
	memset(kind, 0, sizeof(*kind));
	kind->type = event->type;
	kind->actor = event->actor;
	kind->basis = event->basis;
	kind->mark = event->mark;
	kind->untimed = event->untimed;
	kind->attested = event->attested;
	kind->optout = event->optout;
	kind->has_sale_ref = event->has_sale_ref;
	kind->has_notice = event->has_notice;
	if (event->has_notice)
		kind->notice = event->notice;
	return COPY_TEXT(purpose) && COPY_TEXT(source) && COPY_TEXT(language) &&
	       COPY_TEXT(channel) && COPY_TEXT(who) && COPY_TEXT(batch) &&
	       COPY_TEXT(to) && COPY_TEXT(right) && COPY_TEXT(controller) &&
	       COPY_TEXT(seller) && COPY_TEXT(category);
}

#undef COPY_TEXT

/* All but ids and times is checked here, once a kind. */
static int check_kind(const struct cm_event *kind, struct cm_error *err)
{
	struct cm_buf json;
	int rc;

	cm_buf_init(&json, CM_STORE_JSON_MAX);
	rc = cm_event_encode(kind, &json);
	cm_buf_free(&json);
	if (rc == CM_EDATA && (unsigned)kind->type < CM_EVENT_TYPES)
		return cm_fail(err, CM_EUSAGE,
			       "a %s event for purpose \"%s\", source \"%s\", "
			       "language \"%s\" is not well formed",
			       cm_event_type_name(kind->type), kind->purpose,
			       kind->source, kind->language);
	if (rc != CM_OK)
		return cm_fail(err, CM_EUSAGE, "an event is not well formed");
	return CM_OK;
}

static size_t hash_kind(const struct cm_event *kind)
{
	const char *p = (const char *)kind;
	uint64_t hash = 0;

	for (size_t i = 0; i + 8 <= sizeof(*kind); i += 8) {
		uint64_t word;

		memcpy(&word, p + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return (size_t)hash;
}

static uint32_t *find_slot(const struct cm_rows *rows,
			   const struct cm_event *kind)
{
	size_t at = hash_kind(kind) & (rows->table_size - 1);

	while (rows->table[at] != 0 &&
	       memcmp(&rows->kinds[rows->table[at] - 1], kind, sizeof(*kind)))
		at = (at + 1) & (rows->table_size - 1);
	return &rows->table[at];
}

/* At most half full; sizes are powers of two. */
static int grow_table(struct cm_rows *rows)
{
	size_t size = rows->table_size == 0 ? FIRST_ROOM : rows->table_size * 2;
	uint32_t *table;

	if (rows->nkinds * 2 < rows->table_size)
		return CM_OK;
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return CM_ENOMEM;
	free(rows->table);
	rows->table = table;
	rows->table_size = size;
	for (size_t i = 0; i < rows->nkinds; i++)
		*find_slot(rows, &rows->kinds[i]) = (uint32_t)i + 1;
	return CM_OK;
}

static int add_kind(struct cm_rows *rows, const struct cm_event *kind,
		    uint32_t *slot, struct cm_error *err)
{
	int rc = check_kind(kind, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_grow(&rows->kinds, rows->nkinds, &rows->kinds_room,
		     sizeof(*rows->kinds));
	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rows->kinds[rows->nkinds++] = *kind;
	*slot = (uint32_t)rows->nkinds;
	return CM_OK;
}

static int intern(struct cm_rows *rows, const struct cm_event *kind,
		  uint32_t *ret_kind, struct cm_error *err)
{
	uint32_t *slot;
	int rc;

	/* Most rows are of the kind of the one before. */
	if (rows->count > 0) {
		uint32_t last = rows->row[rows->count - 1].kind;

		if (memcmp(&rows->kinds[last], kind, sizeof(*kind)) == 0) {
			*ret_kind = last;
			return CM_OK;
		}
	}
	rc = grow_table(rows);
	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	slot = find_slot(rows, kind);
	if (*slot == 0) {
		rc = add_kind(rows, kind, slot, err);
		if (rc != CM_OK)
			return rc;
	}
	*ret_kind = *slot - 1;
	return CM_OK;
}

static int add_evidence(struct cm_rows *rows, const struct cm_event *event,
			uint32_t *ret_evidence)
{
	int rc = cm_grow(&rows->evidence, rows->nevidence, &rows->evidence_room,
			 sizeof(*rows->evidence));

	if (rc != CM_OK)
		return rc;
	rows->evidence[rows->nevidence++] = event->evidence;
	*ret_evidence = (uint32_t)rows->nevidence;
	return CM_OK;
}

static int add_dates(struct cm_rows *rows, const struct cm_event *event,
		     uint32_t *ret_dates)
{
	int rc = cm_grow(&rows->dates, rows->ndates, &rows->dates_room,
			 sizeof(*rows->dates));

	if (rc != CM_OK)
		return rc;
	rows->dates[rows->ndates++] =
		(struct cm_row_dates){event->sold, event->ended};
	*ret_dates = (uint32_t)rows->ndates;
	return CM_OK;
}

static bool is_zero(const struct cm_id *id)
{
	static const struct cm_id zero;

	return memcmp(id, &zero, sizeof(zero)) == 0;
}

int cm_rows_add(struct cm_rows *rows, const struct cm_event *event,
		struct cm_error *err)
{
	struct cm_row row = {
		.at = event->at,
		.contact = event->contact,
		.family = event->family,
	};
	struct cm_event kind;
	int rc;

	if (is_zero(&event->contact) || is_zero(&event->family))
		return cm_fail(err, CM_EUSAGE,
			       "an event needs a contact and a family id");
	if (!to_kind(event, &kind))
		return cm_fail(err, CM_EUSAGE,
			       "a text of an event is too long");
	rc = intern(rows, &kind, &row.kind, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_grow(&rows->row, rows->count, &rows->room, sizeof(*rows->row));
	if (rc == CM_OK && event->has_evidence)
		rc = add_evidence(rows, event, &row.evidence);
	if (rc == CM_OK && (event->sold != 0 || event->ended != 0))
		rc = add_dates(rows, event, &row.dates);
	if (rc == CM_ELIMIT)
		return cm_fail(err, rc, "more than %d events at once",
			       ROWS_MAX);
	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rows->row[rows->count++] = row;
	return CM_OK;
}

void cm_rows_event(const struct cm_rows *rows, size_t i, int64_t rec,
		   struct cm_event *ret_event)
{
	const struct cm_row *row = &rows->row[i];

	*ret_event = rows->kinds[row->kind];
	ret_event->contact = row->contact;
	ret_event->family = row->family;
	ret_event->at = row->at;
	ret_event->rec = rec;
	ret_event->has_evidence = row->evidence != 0;
	if (row->evidence != 0)
		ret_event->evidence = rows->evidence[row->evidence - 1];
	if (row->dates != 0) {
		ret_event->sold = rows->dates[row->dates - 1].sold;
		ret_event->ended = rows->dates[row->dates - 1].ended;
	}
}

bool cm_rows_refuses(const struct cm_rows *rows, size_t i)
{
	return cm_fact_refuses(cm_event_fact(&rows->kinds[rows->row[i].kind]));
}

bool cm_rows_correct(const struct cm_rows *rows)
{
	for (size_t i = 0; i < rows->nkinds; i++) {
		if (rows->kinds[i].type == CM_EVENT_CORRECTED &&
		    rows->kinds[i].actor != CM_ACTOR_PERSON)
			return true;
	}
	return false;
}

/* ---- sorting ------------------------------------------------------------ */

enum order { BY_CONTACT, BY_FAMILY };

static const struct cm_id *id_of(const struct cm_row *row, enum order by)
{
	return by == BY_CONTACT ? &row->contact : &row->family;
}

/* The id as numbers that compare as its octets, beside the row's number. */
struct sort_key {
	uint64_t high;
	uint32_t low;
	uint32_t number;
};

_Static_assert(sizeof(struct cm_id) == 12, "sort_key holds an id of 12");

static struct sort_key sort_key(const struct cm_id *id, uint32_t number)
{
	struct sort_key key = {
		.high = cm_get_u64(id->b),
		.low = (uint32_t)cm_get_u64(id->b + 4),
		.number = number,
	};

	return key;
}

static int compare(const void *a, const void *b)
{
	const struct sort_key *x = a;
	const struct sort_key *y = b;

	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static bool is_of_family(const struct cm_rows *rows, size_t i)
{
	return cm_fact_is_of_family(
		cm_event_fact(&rows->kinds[rows->row[i].kind]));
}

static int sort(const struct cm_rows *rows, enum order by, uint32_t **ret_order,
		size_t *ret_count, struct cm_error *err)
{
	struct sort_key *keys = malloc((rows->count + 1) * sizeof(*keys));
	uint32_t *order = malloc((rows->count + 1) * sizeof(*order));
	size_t n = 0;

	if (keys == NULL || order == NULL) {
		free(keys);
		free(order);
		return cm_fail(err, CM_ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < rows->count; i++)
		if (by == BY_CONTACT ||
		    (!rows->row[i].undone && is_of_family(rows, i)))
			keys[n++] =
				sort_key(id_of(&rows->row[i], by), (uint32_t)i);
	qsort(keys, n, sizeof(*keys), compare);
	for (size_t i = 0; i < n; i++)
		order[i] = keys[i].number;
	free(keys);
	*ret_order = order;
	*ret_count = n;
	return CM_OK;
}

int cm_rows_sort(struct cm_rows *rows, struct cm_error *err)
{
	if (rows->by_contact != NULL && rows->sorted == rows->count)
		return CM_OK;
	free(rows->by_contact);
	rows->by_contact = NULL;
	return sort(rows, BY_CONTACT, &rows->by_contact, &rows->sorted, err);
}

/* ---- views -------------------------------------------------------------- */

struct views {
	struct cm_rows *rows;
	uint64_t first;
	int64_t now;
	int64_t rec;
	struct cm_hmac *hmac;
	const struct cm_view_sink *sink;
	struct cm_arena *arena; /* of one contact at a time */
	struct cm_buf packed;
	enum order by;
	enum cm_ledger_db db;
	enum cm_mac_tag tag;
};

static int fail_contact(struct views *views, const struct cm_id *id, int rc,
			const char *what, struct cm_error *err)
{
	char hex[2 * CM_CONTACT_ID_LEN + 1];

	cm_id_hex(id, hex);
	return cm_fail(err, rc, "%s %s: %s",
		       views->by == BY_CONTACT ? "contact" : "family", hex,
		       what);
}

static int load(struct views *views, const struct cm_id *id,
		struct cm_view *view, struct cm_error *err)
{
	struct cm_span value, bytes;
	int rc;

	memset(view, 0, sizeof(*view));
	if (views->sink->load == NULL)
		return CM_OK;
	rc = views->sink->load(views->sink->ctx, views->db, cm_id_span(id),
			       &value, err);
	if (rc == CM_ENOTFOUND)
		return CM_OK;
	if (rc != CM_OK)
		return rc;
	rc = cm_row_open(views->hmac, views->tag, cm_id_span(id), value,
			 &bytes);
	if (rc == CM_OK) {
		/* The page may move when the view is written. */
		bytes.p = cm_arena_dup(views->arena, bytes.p, bytes.n);
		rc = bytes.p == NULL
			     ? CM_ENOMEM
			     : cm_view_unpack(bytes, views->arena, view);
	}
	if (rc != CM_OK)
		return fail_contact(views, id, rc,
				    "the view is damaged: run \"consentctl "
				    "rebuild\"",
				    err);
	return CM_OK;
}

/* When a direct act happened: after all that is known of the contact. */
static void set_time(struct views *views, struct cm_row *row,
		     const struct cm_view *view)
{
	if (row->at != 0)
		return;
	if (views->rows->kinds[row->kind].untimed)
		row->at = views->rec;
	else
		row->at = view->newest_at >= views->now ? view->newest_at + 1
							: views->now;
}

static int apply(struct views *views, const uint32_t *order, size_t n,
		 struct cm_view *view)
{
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < n; i++) {
		uint64_t seq = views->first + order[i];
		struct cm_event event;

		if (views->rows->row[order[i]].undone)
			continue;
		if (views->by == BY_CONTACT)
			set_time(views, &views->rows->row[order[i]], view);
		cm_rows_event(views->rows, order[i], views->rec, &event);
		rc = views->by == BY_CONTACT
			     ? cm_view_apply(view, &event, seq, views->arena)
			     : cm_view_apply_family(view, &event, seq,
						    views->arena);
	}
	return rc;
}

/*
 * Whoever was erased has nothing kept again until they confirm by their own
 * token; what they themselves give on the way there is needed for that.
 */
static void mark_erased(struct views *views, const uint32_t *order, size_t n,
			const struct cm_view *view)
{
	int64_t erased = INT64_MIN;
	int64_t confirmed = INT64_MIN;

	for (size_t i = 0; i < view->count; i++) {
		const struct cm_fact *fact = &view->facts[i];

		if (fact->kind == CM_FACT_ERASED && fact->at > erased)
			erased = fact->at;
		if (fact->kind == CM_FACT_PERSON_CONFIRMED &&
		    fact->at > confirmed)
			confirmed = fact->at;
	}
	if (erased == INT64_MIN || confirmed > erased)
		return;
	for (size_t i = 0; i < n; i++) {
		struct cm_row *row = &views->rows->row[order[i]];

		row->erased =
			views->rows->kinds[row->kind].actor != CM_ACTOR_PERSON;
	}
}

/* All rows of one contact or family. */
static int one_group(struct views *views, const uint32_t *order, size_t n,
		     struct cm_error *err)
{
	const struct cm_id *id = id_of(&views->rows->row[order[0]], views->by);
	struct cm_view view;
	int rc;

	cm_arena_reset(views->arena);
	cm_buf_reset(&views->packed);
	rc = load(views, id, &view, err);
	if (rc != CM_OK)
		return rc;
	rc = apply(views, order, n, &view);
	if (rc == CM_OK && views->by == BY_CONTACT)
		mark_erased(views, order, n, &view);
	if (rc == CM_OK)
		rc = cm_view_pack(&view, &views->packed);
	if (rc == CM_OK)
		rc = cm_row_seal(views->hmac, views->tag, cm_id_span(id),
				 &views->packed);
	if (rc != CM_OK)
		return fail_contact(views, id, rc,
				    rc == CM_ELIMIT
					    ? "more facts than a view can hold"
					    : "cannot make the view",
				    err);
	return views->sink->emit(
		views->sink->ctx, views->db, cm_id_span(id),
		cm_span_n(views->packed.data, views->packed.len), err);
}

static int each_group(struct views *views, const uint32_t *order, size_t count,
		      struct cm_error *err)
{
	const struct cm_row *row = views->rows->row;
	size_t from = 0;
	int rc = CM_OK;

	while (rc == CM_OK && from < count) {
		const struct cm_id *id = id_of(&row[order[from]], views->by);
		size_t to = from + 1;

		while (to < count &&
		       memcmp(id, id_of(&row[order[to]], views->by),
			      sizeof(*id)) == 0)
			to++;
		rc = one_group(views, order + from, to - from, err);
		from = to;
	}
	return rc;
}

static int index_rows(struct views *views, struct cm_error *err)
{
	const struct cm_rows *rows = views->rows;
	uint8_t key[CM_CONTACT_ID_LEN + CM_SEQ_LEN];
	struct cm_span k = cm_span_n((const char *)key, sizeof(key));
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < rows->count; i++) {
		uint32_t number = rows->by_contact[i];

		memcpy(key, rows->row[number].contact.b, CM_CONTACT_ID_LEN);
		cm_put_u64(views->first + number, key + CM_CONTACT_ID_LEN);
		rc = views->sink->emit(views->sink->ctx, CM_DB_BY_CONTACT, k,
				       cm_span_n("", 0), err);
	}
	return rc;
}

/* Rows of one contact that a corrected one among them takes back. */
static void undo_group(struct cm_rows *rows, const uint32_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct cm_event *corrected =
			&rows->kinds[rows->row[order[i]].kind];

		if (corrected->type != CM_EVENT_CORRECTED)
			continue;
		for (size_t k = 0; k < n; k++) {
			struct cm_row *row = &rows->row[order[k]];
			struct cm_event event = rows->kinds[row->kind];

			/* A click's name is made of these. */
			event.contact = row->contact;
			event.at = row->at;
			if (cm_event_undoes(corrected, &event))
				row->undone = true;
		}
	}
}

static void undo_rows(struct cm_rows *rows)
{
	size_t from = 0;

	while (from < rows->count) {
		const struct cm_id *id =
			&rows->row[rows->by_contact[from]].contact;
		size_t to = from + 1;

		while (to < rows->count &&
		       memcmp(id, &rows->row[rows->by_contact[to]].contact,
			      sizeof(*id)) == 0)
			to++;
		undo_group(rows, rows->by_contact + from, to - from);
		from = to;
	}
}

static int fold_contacts(struct views *views, struct cm_error *err)
{
	struct cm_rows *rows = views->rows;
	int rc = cm_rows_sort(rows, err);

	if (rc != CM_OK)
		return rc;
	if (cm_rows_correct(rows))
		undo_rows(rows);
	views->by = BY_CONTACT;
	views->db = CM_DB_CONTACTS;
	views->tag = CM_MAC_CONTACTS;
	rc = each_group(views, rows->by_contact, rows->count, err);
	return rc == CM_OK ? index_rows(views, err) : rc;
}

/* Only refusals reach the family. */
static int fold_families(struct views *views, struct cm_error *err)
{
	uint32_t *order;
	size_t count;
	int rc = sort(views->rows, BY_FAMILY, &order, &count, err);

	if (rc != CM_OK)
		return rc;
	views->by = BY_FAMILY;
	views->db = CM_DB_FAMILY;
	views->tag = CM_MAC_FAMILY;
	rc = each_group(views, order, count, err);
	free(order);
	return rc;
}

int cm_rows_to_views(struct cm_rows *rows, uint64_t first, int64_t now,
		     int64_t rec, struct cm_hmac *hmac,
		     const struct cm_view_sink *sink, struct cm_error *err)
{
	struct views views = {
		.rows = rows,
		.first = first,
		.now = now,
		.rec = rec,
		.hmac = hmac,
		.sink = sink,
	};
	int rc = cm_arena_new(CM_VIEW_ARENA_MAX, &views.arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	cm_buf_init(&views.packed, CM_PACKED_MAX);
	rc = fold_contacts(&views, err);
	if (rc == CM_OK) /* by now every row has its time */
		rc = fold_families(&views, err);
	cm_buf_free(&views.packed);
	cm_arena_free(&views.arena);
	return rc;
}
