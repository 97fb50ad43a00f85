/* What follows from an act: its letter and the counts; see queue.h. */
#include <string.h>

#include "lib/enc.h"
#include "policy/queue_act.h"
#include "policy/queue_internal.h"

enum {
	COUNT_KEY_LEN = 1 + CM_CONTACT_ID_LEN,
	COUNT_LEN = 16, /* since, n */
};

/* ---- counts ------------------------------------------------------------- */

struct count_key {
	uint8_t b[COUNT_KEY_LEN];
};

static struct cm_span count_key(const struct cm_limit_count *count,
				struct count_key *room)
{
	room->b[0] = (uint8_t)count->limit;
	memcpy(room->b + 1, count->whom.b, CM_CONTACT_ID_LEN);
	return cm_span_n((const char *)room->b, sizeof(room->b));
}

static bool read_count(struct cm_span value, struct cm_limit_count *count)
{
	if (value.n != COUNT_LEN)
		return false;
	count->since = (int64_t)cm_get_u64(value.p);
	count->n = (uint32_t)cm_get_u64(value.p + 8);
	return true;
}

int cm_queue_counts(struct cm_queue *queue, struct cm_limit_count *counts,
		    size_t count, struct cm_error *err)
{
	struct cm_kv_txn *txn = NULL;
	int rc = cm_kv_begin_read(queue->kv, &txn, err);
	size_t i;

	for (i = 0; rc == CM_OK && i < count; i++) {
		struct count_key room;
		struct cm_span value;

		counts[i].since = 0;
		counts[i].n = 0;
		rc = cm_kv_get(txn, CM_QUEUE_LIMITS,
			       count_key(&counts[i], &room), &value, err);
		if (rc == CM_ENOTFOUND)
			rc = CM_OK;
		else if (rc == CM_OK && !read_count(value, &counts[i]))
			rc = cm_queue_damaged(queue, err);
	}
	cm_kv_abort(&txn);
	return rc;
}

static int put_count(struct cm_kv_txn *txn, const struct cm_limit_count *count,
		     struct cm_error *err)
{
	struct count_key room;
	uint8_t value[COUNT_LEN];

	cm_put_u64((uint64_t)count->since, value);
	cm_put_u64(count->n, value + 8);
	return cm_kv_put(txn, CM_QUEUE_LIMITS, count_key(count, &room),
			 cm_span_n((const char *)value, sizeof(value)), err);
}

/* A row that is none of ours is forgotten, too. */
static bool is_over(struct cm_span key, struct cm_span value, int64_t now)
{
	struct cm_limit_count count = {.n = 0};

	if (key.n != COUNT_KEY_LEN || (uint8_t)key.p[0] >= CM_LIMITS)
		return true;
	count.limit = (enum cm_limit)key.p[0];
	return !read_count(value, &count) || cm_limit_is_over(&count, now);
}

int cm_queue_forget(struct cm_queue *queue, int64_t now, struct cm_error *err)
{
	struct cm_queue_change change;
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value;
	int rc = cm_queue_begin(queue, &change, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_cursor_open(change.txn, CM_QUEUE_LIMITS, &cursor, err);
	if (rc == CM_OK)
		rc = cm_kv_seek(cursor, cm_span(""), &key, &value, err);
	while (rc == CM_OK) {
		if (is_over(key, value, now))
			rc = cm_kv_cursor_del(cursor, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return cm_queue_end(&change, rc == CM_ENOTFOUND ? CM_OK : rc, err);
}

/* ---- letters ------------------------------------------------------------ */

static int put_letter(struct cm_kv_txn *txn, const struct cm_letter *letter,
		      struct cm_error *err)
{
	struct cm_queue_key room;
	uint8_t row[CM_LETTER_ROW_MAX];
	size_t n = cm_letter_pack(letter, row);

	return cm_kv_put(txn, CM_QUEUE_LETTERS,
			 cm_queue_key(letter->number, &room),
			 cm_span_n((const char *)row, n), err);
}

static int put_new_letter(struct cm_queue *queue, struct cm_kv_txn *txn,
			  const struct cm_letter *letter, struct cm_error *err)
{
	struct cm_letter numbered = *letter;
	int rc = cm_queue_number(queue, txn, &numbered.number, err);

	return rc == CM_OK ? put_letter(txn, &numbered, err) : rc;
}

int cm_queue_done(struct cm_queue *queue, uint64_t number,
		  const struct cm_letter *letter,
		  const struct cm_limit_count *counts, size_t count,
		  struct cm_error *err)
{
	struct cm_queue_key room;
	struct cm_queue_change change;
	size_t i;
	int rc = cm_queue_begin(queue, &change, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_del(change.txn, CM_QUEUE_ACTS, cm_queue_key(number, &room),
		       err);
	if (rc == CM_OK && letter != NULL)
		rc = put_new_letter(queue, change.txn, letter, err);
	for (i = 0; rc == CM_OK && i < count; i++)
		rc = put_count(change.txn, &counts[i], err);
	return cm_queue_end(&change, rc, err);
}

static int read_letter(struct cm_queue *queue, struct cm_span key,
		       struct cm_span row, struct cm_letter *letter,
		       struct cm_error *err)
{
	if (key.n != sizeof(struct cm_queue_key) ||
	    cm_letter_unpack(row, letter) != CM_OK)
		return cm_queue_damaged(queue, err);
	letter->number = cm_get_u64(key.p);
	return CM_OK;
}

/* From the cursor's row on; letters are few, and most are due. */
static int find_due(struct cm_queue *queue, struct cm_kv_cursor *cursor,
		    struct cm_span from, int64_t now,
		    struct cm_letter *ret_letter, int64_t *next,
		    struct cm_error *err)
{
	struct cm_span key, row;
	int rc = cm_kv_seek(cursor, from, &key, &row, err);

	while (rc == CM_OK) {
		struct cm_letter letter;

		rc = read_letter(queue, key, row, &letter, err);
		if (rc == CM_OK && letter.due <= now) {
			*ret_letter = letter;
			return CM_OK;
		}
		if (rc == CM_OK && letter.due < *next)
			*next = letter.due;
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &row, err);
	}
	return rc;
}

int cm_queue_due(struct cm_queue *queue, uint64_t after, int64_t now,
		 struct cm_letter *ret_letter, int64_t *ret_next,
		 struct cm_error *err)
{
	struct cm_queue_key room;
	struct cm_kv_txn *txn = NULL;
	struct cm_kv_cursor *cursor = NULL;
	int64_t next = INT64_MAX;
	int rc = cm_kv_begin_read(queue->kv, &txn, err);

	if (rc == CM_OK)
		rc = cm_kv_cursor_open(txn, CM_QUEUE_LETTERS, &cursor, err);
	if (rc == CM_OK)
		rc = find_due(queue, cursor, cm_queue_key(after + 1, &room),
			      now, ret_letter, &next, err);
	cm_kv_cursor_close(&cursor);
	cm_kv_abort(&txn);
	if (rc == CM_ENOTFOUND && ret_next != NULL)
		*ret_next = next;
	return rc;
}

int cm_queue_sent(struct cm_queue *queue, uint64_t number, struct cm_error *err)
{
	struct cm_queue_key room;
	struct cm_queue_change change;
	int rc = cm_queue_begin(queue, &change, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_del(change.txn, CM_QUEUE_LETTERS,
		       cm_queue_key(number, &room), err);
	return cm_queue_end(&change, rc, err);
}

int cm_queue_later(struct cm_queue *queue, const struct cm_letter *letter,
		   struct cm_error *err)
{
	struct cm_queue_change change;
	int rc = cm_queue_begin(queue, &change, err);

	if (rc != CM_OK)
		return rc;
	rc = put_letter(change.txn, letter, err);
	return cm_queue_end(&change, rc, err);
}

/* ---- how many ----------------------------------------------------------- */

int cm_queue_count(struct cm_queue *queue, struct cm_queue_counts *ret_counts,
		   struct cm_error *err)
{
	struct cm_queue_counts counts = {0};
	struct cm_kv_txn *txn = NULL;
	int rc = cm_kv_begin_read(queue->kv, &txn, err);

	if (rc == CM_OK)
		rc = cm_kv_count(txn, CM_QUEUE_ACTS, &counts.acts, err);
	if (rc == CM_OK)
		rc = cm_kv_count(txn, CM_QUEUE_LETTERS, &counts.letters, err);
	if (rc == CM_OK)
		rc = cm_kv_count(txn, CM_QUEUE_LIMITS, &counts.limits, err);
	cm_kv_abort(&txn);
	if (rc == CM_OK)
		*ret_counts = counts;
	return rc;
}
