/* See sent.h. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "policy/sent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/kv.h"
#include "lib/lockfile.h"
#include "lib/path.h"

enum {
	FORMAT = 1,
	FOLDER_MODE = 02750, /* what is made in it is of the store's group */
	LOCK_MODE = 0660,    /* readers take slots in LMDB's */
	PATH_ROOM = 4096,
	WHO_LEN = CM_CONTACT_ID_LEN + CM_PURPOSE_ID_LEN,
	ASKED_KEY_LEN = WHO_LEN + 8,
	CAMPAIGN_LEN = 7 * 8,
	COMPLAINED = 1, /* first octet of an ask's row; the stream follows */
	HEAD_LEN = 8 + CM_HASH_LEN + 8,
};

enum { DB_ASKED, DB_MAILED, DB_STREAMS, DB_META, DBS };
static const char *const db_names[DBS] = {"asked", "mailed", "streams", "meta"};

const struct cm_sent_file cm_sent_files[CM_SENT_FILES] = {
	{"data.mdb", 0640},
	{"lock.mdb", LOCK_MODE},
	{"writer.lock", LOCK_MODE},
};

struct cm_sent {
	char folder[PATH_ROOM];
	char lock[PATH_ROOM];
	int lock_wait_ms;
	bool write;
	struct cm_kv *kv;
};

/* ---- open --------------------------------------------------------------- */

static int path_of(char out[PATH_ROOM], const char *folder, const char *name,
		   struct cm_error *err)
{
	struct cm_buf path;
	int rc;

	cm_buf_init(&path, PATH_ROOM - 1);
	rc = cm_buf_addf(&path, "%s/%s", folder, name);
	if (rc == CM_OK)
		memcpy(out, cm_buf_text(&path), path.len + 1);
	cm_buf_free(&path);
	return rc == CM_OK ? rc
			   : cm_fail(err, CM_EUSAGE, "%s: the name is too long",
				     folder);
}

int cm_sent_make(const char *store_path, uid_t owner, gid_t group,
		 struct cm_error *err)
{
	char folder[PATH_ROOM];
	int rc = path_of(folder, store_path, "milter", err);

	if (rc != CM_OK)
		return rc;
	if (mkdir(folder, FOLDER_MODE) != 0)
		return errno == EEXIST
			       ? CM_OK
			       : cm_fail_errno(err, errno, "cannot make %s",
					       folder);
	/* umask, and systems where mkdir(2) ignores the group's bit */
	if (chown(folder, owner, group) != 0 || chmod(folder, FOLDER_MODE) != 0)
		return cm_fail_errno(err, errno, "cannot give %s away", folder);
	return CM_OK;
}

static int make_lock(const struct cm_sent *sent, struct cm_error *err)
{
	int fd = open(sent->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      LOCK_MODE);

	if (fd < 0)
		return cm_fail_errno(err, errno, "cannot make %s", sent->lock);
	(void)close(fd);
	return CM_OK;
}

/* Only its owner can, and only who makes it has to.  What root makes is given
 * to the folder's owner, who could not write it otherwise. */
static void open_to_readers(const struct cm_sent *sent)
{
	char path[PATH_ROOM];
	struct stat st;
	size_t i;

	if (stat(sent->folder, &st) != 0)
		return;
	for (i = 0; i < CM_SENT_FILES; i++) {
		const struct cm_sent_file *file = &cm_sent_files[i];

		if (path_of(path, sent->folder, file->name, NULL) != CM_OK)
			continue;
		if (geteuid() == 0)
			(void)!chown(path, st.st_uid, st.st_gid);
		(void)chmod(path, file->mode);
	}
}

/* The format that is there; made where there is none. */
static int check_format(struct cm_sent *sent, struct cm_kv_txn *txn,
			bool *ret_made, struct cm_error *err)
{
	static const char name[] = "format";
	const char mine = FORMAT;
	struct cm_span value;
	int rc = cm_kv_get(txn, DB_META, cm_span(name), &value, err);

	*ret_made = false;
	if (rc == CM_OK)
		return value.n == 1 && value.p[0] == mine
			       ? CM_OK
			       : cm_fail(err, CM_ECORRUPT,
					 "%s is of another version of "
					 "consent-milter",
					 sent->folder);
	if (rc != CM_ENOTFOUND)
		return rc;
	if (!sent->write)
		return CM_OK; /* being made at this moment */
	*ret_made = true;
	return cm_kv_put(txn, DB_META, cm_span(name), cm_span_n(&mine, 1), err);
}

static int begin(struct cm_sent *sent, int *ret_lock,
		 struct cm_kv_txn **ret_txn, struct cm_error *err)
{
	int rc =
		cm_lockfile_take(sent->lock, sent->lock_wait_ms, ret_lock, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_begin_write(sent->kv, ret_txn, err);
	if (rc != CM_OK)
		cm_lockfile_drop(ret_lock);
	return rc;
}

static int end(int *lock, struct cm_kv_txn **txn, int rc, struct cm_error *err)
{
	if (rc == CM_OK)
		rc = cm_kv_commit(txn, err);
	cm_kv_abort(txn);
	cm_lockfile_drop(lock);
	return rc;
}

static int open_checked(struct cm_sent *sent, struct cm_error *err)
{
	struct cm_kv_txn *txn = NULL;
	int lock = -1;
	bool made;
	int rc;

	if (!sent->write) {
		rc = cm_kv_begin_read(sent->kv, &txn, err);
		if (rc == CM_OK)
			rc = check_format(sent, txn, &made, err);
		cm_kv_abort(&txn);
		return rc;
	}
	rc = begin(sent, &lock, &txn, err);
	if (rc != CM_OK)
		return rc;
	rc = check_format(sent, txn, &made, err);
	if (rc == CM_OK && !made)
		cm_kv_abort(&txn);
	else
		return end(&lock, &txn, rc, err);
	cm_lockfile_drop(&lock);
	return CM_OK;
}

/* Two processes that begin together would both make the databases. */
static int open_env(struct cm_sent *sent, const struct cm_kv_options *options,
		    struct cm_error *err)
{
	int lock = -1;
	int rc = CM_OK;

	if (sent->write)
		rc = make_lock(sent, err);
	if (rc == CM_OK && sent->write)
		rc = cm_lockfile_take(sent->lock, sent->lock_wait_ms, &lock,
				      err);
	if (rc == CM_OK)
		rc = cm_kv_open(options, &sent->kv, err);
	if (rc == CM_OK && sent->write)
		open_to_readers(sent);
	cm_lockfile_drop(&lock);
	return rc;
}

int cm_sent_open(const struct cm_sent_options *options,
		 struct cm_sent **ret_sent, struct cm_error *err)
{
	struct cm_sent *sent = calloc(1, sizeof(*sent));
	const struct cm_kv_options kv = {
		.path = sent != NULL ? sent->folder : NULL,
		.dbs = db_names,
		.ndbs = DBS,
		.map_size = options->map_size,
		.read_only = !options->write,
		.create = options->write,
	};
	int rc;

	if (sent == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	sent->write = options->write;
	sent->lock_wait_ms = options->lock_wait_ms;
	rc = path_of(sent->folder, options->path, "milter", err);
	if (rc == CM_OK)
		rc = path_of(sent->lock, sent->folder, "writer.lock", err);
	if (rc == CM_OK)
		rc = open_env(sent, &kv, err);
	if (rc == CM_OK)
		rc = open_checked(sent, err);
	if (rc != CM_OK) {
		cm_sent_close(&sent);
		return rc;
	}
	*ret_sent = sent;
	return CM_OK;
}

void cm_sent_close(struct cm_sent **sent)
{
	if (*sent == NULL)
		return;
	cm_kv_close(&(*sent)->kv);
	free(*sent);
	*sent = NULL;
}

/* ---- rows --------------------------------------------------------------- */

static void who_key(const struct cm_id *contact,
		    const uint8_t purpose[CM_PURPOSE_ID_LEN], uint8_t *out)
{
	memcpy(out, contact->b, CM_CONTACT_ID_LEN);
	memcpy(out + CM_CONTACT_ID_LEN, purpose, CM_PURPOSE_ID_LEN);
}

static struct cm_span octets(const uint8_t *p, size_t n)
{
	return cm_span_n((const char *)p, n);
}

static int damaged(const struct cm_sent *sent, struct cm_error *err)
{
	return cm_fail(err, CM_ECORRUPT, "%s holds a row that is none of ours",
		       sent->folder);
}

/* Rows whose key begins with prefix, in order; a code from each() ends it. */
static int each_row(struct cm_kv_txn *txn, unsigned db, struct cm_span prefix,
		    int (*each)(void *ctx, struct cm_span key,
				struct cm_span value, struct cm_error *err),
		    void *ctx, struct cm_error *err)
{
	struct cm_kv_cursor *cursor = NULL;
	struct cm_span key, value;
	int rc = cm_kv_cursor_open(txn, db, &cursor, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_seek(cursor, prefix, &key, &value, err);
	while (rc == CM_OK && key.n >= prefix.n &&
	       (prefix.n == 0 || memcmp(key.p, prefix.p, prefix.n) == 0)) {
		rc = each(ctx, key, value, err);
		if (rc == CM_OK)
			rc = cm_kv_next(cursor, &key, &value, err);
	}
	cm_kv_cursor_close(&cursor);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

/* ---- mail that left ----------------------------------------------------- */

static bool is_newer(struct cm_kv_txn *txn, struct cm_span key, uint16_t day)
{
	struct cm_span old;

	return cm_kv_get(txn, DB_MAILED, key, &old, NULL) != CM_OK ||
	       old.n != 2 || ((uint8_t)old.p[0] << 8 | (uint8_t)old.p[1]) < day;
}

int cm_sent_mails(struct cm_sent *sent, const struct cm_sent_mail *mails,
		  size_t count, struct cm_error *err)
{
	struct cm_kv_txn *txn = NULL;
	int lock = -1;
	size_t i;
	int rc = begin(sent, &lock, &txn, err);

	if (rc != CM_OK)
		return rc;
	for (i = 0; rc == CM_OK && i < count; i++) {
		const uint16_t day = mails[i].day;
		const uint8_t value[2] = {(uint8_t)(day >> 8), (uint8_t)day};
		uint8_t key[WHO_LEN];

		who_key(&mails[i].contact, mails[i].purpose, key);
		if (is_newer(txn, octets(key, WHO_LEN), day))
			rc = cm_kv_put(txn, DB_MAILED, octets(key, WHO_LEN),
				       octets(value, sizeof(value)), err);
	}
	return end(&lock, &txn, rc, err);
}

static int read_mail(struct cm_sent *sent, struct cm_span key,
		     struct cm_span value, struct cm_sent_mail *mail,
		     struct cm_error *err)
{
	if (key.n != WHO_LEN || value.n != 2)
		return damaged(sent, err);
	memcpy(mail->contact.b, key.p, CM_CONTACT_ID_LEN);
	memcpy(mail->purpose, key.p + CM_CONTACT_ID_LEN, CM_PURPOSE_ID_LEN);
	mail->day = (uint16_t)((uint8_t)value.p[0] << 8 | (uint8_t)value.p[1]);
	return CM_OK;
}

int cm_sent_mailed(struct cm_sent *sent, const struct cm_id *contact,
		   const struct cm_purpose *const *purposes, size_t count,
		   int64_t *ret_at, struct cm_error *err)
{
	struct cm_kv_txn *txn = NULL;
	size_t i;
	int rc = cm_kv_begin_read(sent->kv, &txn, err);

	for (i = 0; rc == CM_OK && i < count; i++) {
		struct cm_sent_mail mail = {.day = 0};
		struct cm_span value;
		uint8_t key[WHO_LEN];

		who_key(contact, purposes[i]->id, key);
		ret_at[i] = 0;
		rc = cm_kv_get(txn, DB_MAILED, octets(key, WHO_LEN), &value,
			       err);
		if (rc == CM_OK)
			rc = read_mail(sent, octets(key, WHO_LEN), value, &mail,
				       err);
		if (rc == CM_OK)
			ret_at[i] = mail.day * CM_DAY_MS;
		else if (rc == CM_ENOTFOUND)
			rc = CM_OK;
	}
	cm_kv_abort(&txn);
	return rc;
}

/* ---- campaigns ---------------------------------------------------------- */

static int get_campaign(struct cm_sent *sent, struct cm_kv_txn *txn,
			const char *stream, struct cm_campaign *campaign,
			struct cm_error *err)
{
	struct cm_span value;
	int rc = cm_kv_get(txn, DB_STREAMS, cm_span(stream), &value, err);

	memset(campaign, 0, sizeof(*campaign));
	if (rc == CM_ENOTFOUND)
		return CM_OK;
	if (rc != CM_OK)
		return rc;
	if (value.n != CAMPAIGN_LEN)
		return damaged(sent, err);
	campaign->began = (int64_t)cm_get_u64(value.p);
	campaign->asked = cm_get_u64(value.p + 8);
	campaign->complained = cm_get_u64(value.p + 16);
	campaign->waves = cm_get_u64(value.p + 24);
	campaign->wave_began = (int64_t)cm_get_u64(value.p + 32);
	campaign->wave_asked = cm_get_u64(value.p + 40);
	campaign->seen = cm_get_u64(value.p + 48);
	return CM_OK;
}

static int put_campaign(struct cm_kv_txn *txn, const char *stream,
			const struct cm_campaign *campaign,
			struct cm_error *err)
{
	uint8_t value[CAMPAIGN_LEN];

	cm_put_u64((uint64_t)campaign->began, value);
	cm_put_u64(campaign->asked, value + 8);
	cm_put_u64(campaign->complained, value + 16);
	cm_put_u64(campaign->waves, value + 24);
	cm_put_u64((uint64_t)campaign->wave_began, value + 32);
	cm_put_u64(campaign->wave_asked, value + 40);
	cm_put_u64(campaign->seen, value + 48);
	return cm_kv_put(txn, DB_STREAMS, cm_span(stream),
			 octets(value, sizeof(value)), err);
}

int cm_sent_campaign(struct cm_sent *sent, const char *stream,
		     struct cm_campaign *ret_campaign, struct cm_error *err)
{
	struct cm_kv_txn *txn = NULL;
	int rc = cm_kv_begin_read(sent->kv, &txn, err);

	if (rc == CM_OK)
		rc = get_campaign(sent, txn, stream, ret_campaign, err);
	cm_kv_abort(&txn);
	return rc;
}

/* A clock set back begins no wave; one that never was begins now. */
static bool begins_wave(const struct cm_campaign *campaign,
			const struct cm_stream *stream, int64_t now)
{
	return campaign->waves == 0 ||
	       now >= cm_period_add(campaign->wave_began, stream->wave_every);
}

enum cm_reason cm_campaign_room(const struct cm_campaign *campaign,
				const struct cm_stream *stream, size_t ahead,
				int64_t now)
{
	uint64_t in_wave =
		begins_wave(campaign, stream, now) ? 0 : campaign->wave_asked;

	if (campaign->complained * 1000 >
	    campaign->asked * stream->stop_complaints)
		return CM_REASON_STOPPED;
	if (stream->cap > 0 && campaign->asked + ahead >= stream->cap)
		return CM_REASON_CAP_REACHED;
	if (in_wave + ahead >= stream->wave_size)
		return CM_REASON_WAVE_FULL;
	return CM_REASON_ALLOWED_RENEWAL;
}

/* ---- the ledger --------------------------------------------------------- */

static const char head_name[] = "head";

static int get_head(struct cm_sent *sent, struct cm_kv_txn *txn,
		    struct cm_sent_head *ret_head, struct cm_error *err)
{
	struct cm_span value;
	int rc = cm_kv_get(txn, DB_META, cm_span(head_name), &value, err);

	memset(ret_head, 0, sizeof(*ret_head));
	if (rc == CM_ENOTFOUND)
		return CM_OK;
	if (rc != CM_OK)
		return rc;
	if (value.n != HEAD_LEN)
		return damaged(sent, err);
	ret_head->size = cm_get_u64(value.p);
	memcpy(ret_head->root.b, value.p + 8, CM_HASH_LEN);
	ret_head->forgotten = cm_get_u64(value.p + 8 + CM_HASH_LEN);
	return CM_OK;
}

static int put_head(struct cm_kv_txn *txn, const struct cm_sent_head *head,
		    struct cm_error *err)
{
	uint8_t row[HEAD_LEN];

	cm_put_u64(head->size, row);
	memcpy(row + 8, head->root.b, CM_HASH_LEN);
	cm_put_u64(head->forgotten, row + 8 + CM_HASH_LEN);
	return cm_kv_put(txn, DB_META, cm_span(head_name),
			 octets(row, sizeof(row)), err);
}

int cm_sent_head(struct cm_sent *sent, struct cm_sent_head *ret_head,
		 struct cm_error *err)
{
	struct cm_kv_txn *txn = NULL;
	int rc = cm_kv_begin_read(sent->kv, &txn, err);

	if (rc == CM_OK)
		rc = get_head(sent, txn, ret_head, err);
	cm_kv_abort(&txn);
	return rc;
}

int cm_sent_saw(struct cm_sent *sent, const struct cm_sent_head *known,
		const struct cm_sent_head *head, struct cm_sent_head *ret_head,
		struct cm_error *err)
{
	struct cm_sent_head now;
	struct cm_kv_txn *txn = NULL;
	int lock = -1;
	int rc = begin(sent, &lock, &txn, err);

	if (rc != CM_OK)
		return rc;
	rc = get_head(sent, txn, &now, err);
	if (rc == CM_OK && now.forgotten == known->forgotten &&
	    head->size > now.size) {
		now.size = head->size;
		now.root = head->root;
		rc = put_head(txn, &now, err);
	}
	rc = end(&lock, &txn, rc, err);
	if (rc == CM_OK)
		*ret_head = now;
	return rc;
}

int cm_sent_forget_head(const char *store_path, uint64_t map_size,
			int lock_wait_ms, struct cm_error *err)
{
	struct cm_sent_options options = {.path = store_path,
					  .map_size = map_size,
					  .lock_wait_ms = lock_wait_ms};
	struct cm_kv_txn *txn = NULL;
	struct cm_sent *sent = NULL;
	int lock = -1;
	/* For reading first: nothing is made where nothing is. */
	int rc = cm_sent_open(&options, &sent, err);

	cm_sent_close(&sent);
	if (rc != CM_OK)
		return rc == CM_ENOTFOUND ? CM_OK : rc;
	options.write = true;
	rc = cm_sent_open(&options, &sent, err);
	if (rc == CM_OK)
		rc = begin(sent, &lock, &txn, err);
	if (rc == CM_OK) {
		struct cm_sent_head head;

		rc = get_head(sent, txn, &head, err);
		head = (struct cm_sent_head){.forgotten = head.forgotten + 1};
		if (rc == CM_OK)
			rc = put_head(txn, &head, err);
		rc = end(&lock, &txn, rc, err);
	}
	cm_sent_close(&sent);
	return rc;
}

/* ---- asking ------------------------------------------------------------- */

static int read_asked(struct cm_sent *sent, struct cm_span key,
		      struct cm_span value, struct cm_asked *asked,
		      struct cm_error *err)
{
	if (key.n != ASKED_KEY_LEN || value.n < 1)
		return damaged(sent, err);
	memcpy(asked->contact.b, key.p, CM_CONTACT_ID_LEN);
	memcpy(asked->purpose, key.p + CM_CONTACT_ID_LEN, CM_PURPOSE_ID_LEN);
	asked->at = (int64_t)cm_get_u64(key.p + WHO_LEN);
	asked->complained = value.p[0] == COMPLAINED;
	asked->stream = cm_span_n(value.p + 1, value.n - 1);
	return CM_OK;
}

static int put_asked(struct cm_kv_txn *txn, const struct cm_asked *asked,
		     struct cm_error *err)
{
	uint8_t key[ASKED_KEY_LEN];
	struct cm_buf value;
	int rc;

	who_key(&asked->contact, asked->purpose, key);
	cm_put_u64((uint64_t)asked->at, key + WHO_LEN);
	cm_buf_init(&value, CM_KV_KEY_MAX);
	(void)cm_buf_addc(&value, asked->complained ? COMPLAINED : 0);
	rc = cm_buf_add(&value, asked->stream.p, asked->stream.n);
	if (rc == CM_OK)
		rc = cm_kv_put(txn, DB_ASKED, octets(key, sizeof(key)),
			       cm_span_n(value.data, value.len), err);
	else
		rc = cm_fail(err, rc, "out of memory");
	cm_buf_free(&value);
	return rc;
}

struct latest {
	struct cm_sent *sent;
	int64_t at;
};

static int keep_latest(void *ctx, struct cm_span key, struct cm_span value,
		       struct cm_error *err)
{
	struct latest *latest = ctx;
	struct cm_asked asked = {.at = 0};
	int rc = read_asked(latest->sent, key, value, &asked, err);

	if (rc == CM_OK && asked.at > latest->at)
		latest->at = asked.at;
	return rc;
}

static int latest_ask(struct cm_sent *sent, struct cm_kv_txn *txn,
		      const struct cm_id *contact,
		      const struct cm_purpose *purpose, int64_t *ret_at,
		      struct cm_error *err)
{
	struct latest latest = {sent, 0};
	uint8_t key[WHO_LEN];
	int rc;

	who_key(contact, purpose->id, key);
	rc = each_row(txn, DB_ASKED, octets(key, sizeof(key)), keep_latest,
		      &latest, err);
	if (rc == CM_OK)
		*ret_at = latest.at;
	return rc;
}

int cm_sent_asked(struct cm_sent *sent, const struct cm_id *contact,
		  const struct cm_purpose *purpose, int64_t *ret_at,
		  struct cm_error *err)
{
	struct cm_kv_txn *txn = NULL;
	int rc = cm_kv_begin_read(sent->kv, &txn, err);

	if (rc == CM_OK)
		rc = latest_ask(sent, txn, contact, purpose, ret_at, err);
	cm_kv_abort(&txn);
	return rc;
}

/* What happens within one transaction. */
struct asking {
	struct cm_sent *sent;
	struct cm_kv_txn *txn;
	const struct cm_stream *stream;
	int64_t now;
	struct cm_campaign campaign;
	struct cm_asked found; /* of note_complaint() */
	bool has_found;
};

static int find_silent(void *ctx, struct cm_span key, struct cm_span value,
		       struct cm_error *err)
{
	struct asking *asking = ctx;
	struct cm_asked asked;
	int rc = read_asked(asking->sent, key, value, &asked, err);

	if (rc != CM_OK || asked.complained ||
	    !cm_span_eq(asked.stream, cm_span(asking->stream->name)))
		return rc;
	asking->found = asked;
	asking->has_found = true;
	return CM_OK;
}

/* Counted once, whoever tells it how often. */
static int note_complaint(struct asking *asking, const struct cm_id *contact,
			  struct cm_error *err)
{
	uint8_t key[WHO_LEN];
	int rc;

	who_key(contact, asking->stream->purposes[0]->id, key);
	asking->has_found = false;
	rc = each_row(asking->txn, DB_ASKED, octets(key, sizeof(key)),
		      find_silent, asking, err);
	if (rc != CM_OK || !asking->has_found)
		return rc;
	asking->found.complained = true;
	asking->found.stream = cm_span(asking->stream->name);
	asking->campaign.complained++;
	return put_asked(asking->txn, &asking->found, err);
}

static int take_news(struct asking *asking, const struct cm_ask_news *news,
		     struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < news->count; i++)
		rc = note_complaint(asking, &news->complained[i], err);
	asking->campaign.seen = news->seen;
	return rc;
}

/* The same person twice in one message is one ask. */
static const struct cm_ask *same_before(const struct cm_ask *asks, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (memcmp(&asks[k].contact, &asks[i].contact,
			   sizeof(asks[i].contact)) == 0)
			return &asks[k];
	return NULL;
}

static int find_winners(struct asking *asking, struct cm_ask *asks,
			size_t count, size_t *ret_winners, struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	*ret_winners = 0;
	for (i = 0; rc == CM_OK && i < count; i++) {
		const struct cm_ask *before = same_before(asks, i);
		int64_t at = 0;

		if (before != NULL) {
			asks[i].spent = before->spent;
			continue;
		}
		rc = latest_ask(asking->sent, asking->txn, &asks[i].contact,
				asking->stream->purposes[0], &at, err);
		asks[i].spent = rc == CM_OK && (at == 0 || at < asks[i].since);
		*ret_winners += asks[i].spent;
	}
	return rc;
}

static int put_winners(struct asking *asking, const struct cm_ask *asks,
		       size_t count, struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < count; i++) {
		struct cm_asked asked = {
			.contact = asks[i].contact,
			.at = asking->now,
			.stream = cm_span(asking->stream->name),
		};

		memcpy(asked.purpose, asking->stream->purposes[0]->id,
		       sizeof(asked.purpose));
		if (asks[i].spent)
			rc = put_asked(asking->txn, &asked, err);
	}
	return rc;
}

static void count_winners(struct asking *asking, size_t winners)
{
	struct cm_campaign *campaign = &asking->campaign;

	if (campaign->began == 0)
		campaign->began = asking->now;
	if (begins_wave(campaign, asking->stream, asking->now)) {
		campaign->waves++;
		campaign->wave_began = asking->now;
		campaign->wave_asked = 0;
	}
	campaign->wave_asked += winners;
	campaign->asked += winners;
}

static int ask_within(struct asking *asking, struct cm_ask *asks, size_t count,
		      const struct cm_ask_news *news,
		      enum cm_reason *ret_reason, struct cm_error *err)
{
	enum cm_reason reason = CM_REASON_ALLOWED_RENEWAL;
	size_t winners, i;
	int rc = get_campaign(asking->sent, asking->txn, asking->stream->name,
			      &asking->campaign, err);

	if (rc == CM_OK)
		rc = take_news(asking, news, err);
	if (rc == CM_OK)
		rc = find_winners(asking, asks, count, &winners, err);
	if (rc != CM_OK)
		return rc;
	if (winners > 0)
		reason = cm_campaign_room(&asking->campaign, asking->stream,
					  winners - 1, asking->now);
	if (reason != CM_REASON_ALLOWED_RENEWAL) {
		for (i = 0; i < count; i++)
			asks[i].spent = false;
	} else if (winners > 0) {
		rc = put_winners(asking, asks, count, err);
		count_winners(asking, winners);
	}
	if (rc == CM_OK)
		rc = put_campaign(asking->txn, asking->stream->name,
				  &asking->campaign, err);
	*ret_reason = reason;
	return rc;
}

int cm_sent_ask(struct cm_sent *sent, const struct cm_stream *stream,
		struct cm_ask *asks, size_t count,
		const struct cm_ask_news *news, int64_t now,
		enum cm_reason *ret_reason, struct cm_error *err)
{
	struct asking asking = {.sent = sent, .stream = stream, .now = now};
	int lock = -1;
	int rc = begin(sent, &lock, &asking.txn, err);

	if (rc != CM_OK)
		return rc;
	rc = ask_within(&asking, asks, count, news, ret_reason, err);
	return end(&lock, &asking.txn, rc, err);
}

/* ---- all of them -------------------------------------------------------- */

struct listing {
	struct cm_sent *sent;
	int (*asked)(void *ctx, const struct cm_asked *asked,
		     struct cm_error *err);
	int (*mailed)(void *ctx, const struct cm_sent_mail *mail,
		      struct cm_error *err);
	void *ctx;
};

static int list_asked(void *ctx, struct cm_span key, struct cm_span value,
		      struct cm_error *err)
{
	const struct listing *listing = ctx;
	struct cm_asked asked;
	int rc = read_asked(listing->sent, key, value, &asked, err);

	return rc == CM_OK ? listing->asked(listing->ctx, &asked, err) : rc;
}

static int list_mailed(void *ctx, struct cm_span key, struct cm_span value,
		       struct cm_error *err)
{
	const struct listing *listing = ctx;
	struct cm_sent_mail mail = {.day = 0};
	int rc = read_mail(listing->sent, key, value, &mail, err);

	return rc == CM_OK ? listing->mailed(listing->ctx, &mail, err) : rc;
}

static int list(struct listing *listing, const struct cm_id *contact,
		struct cm_error *err)
{
	struct cm_span prefix = contact != NULL
					? octets(contact->b, CM_CONTACT_ID_LEN)
					: cm_span("");
	bool asked = listing->asked != NULL;
	struct cm_kv_txn *txn = NULL;
	int rc = cm_kv_begin_read(listing->sent->kv, &txn, err);

	if (rc == CM_OK)
		rc = each_row(txn, asked ? DB_ASKED : DB_MAILED, prefix,
			      asked ? list_asked : list_mailed, listing, err);
	cm_kv_abort(&txn);
	return rc;
}

int cm_sent_each_asked(struct cm_sent *sent, const struct cm_id *contact,
		       int (*each)(void *ctx, const struct cm_asked *asked,
				   struct cm_error *err),
		       void *ctx, struct cm_error *err)
{
	struct listing listing = {.sent = sent, .asked = each, .ctx = ctx};

	return list(&listing, contact, err);
}

int cm_sent_each_mailed(struct cm_sent *sent, const struct cm_id *contact,
			int (*each)(void *ctx, const struct cm_sent_mail *mail,
				    struct cm_error *err),
			void *ctx, struct cm_error *err)
{
	struct listing listing = {.sent = sent, .mailed = each, .ctx = ctx};

	return list(&listing, contact, err);
}

/* ---- copies ------------------------------------------------------------- */

static int write_copy(struct cm_sent *sent, int fd, struct cm_error *err)
{
	struct cm_kv_copy *copy = NULL;
	int rc = cm_kv_copy_begin(sent->kv, &copy, err);

	if (rc == CM_OK)
		rc = cm_kv_copy_write(copy, fd, NULL, NULL, err);
	cm_kv_copy_end(&copy);
	return rc;
}

int cm_sent_backup(struct cm_sent *sent, const char *folder,
		   struct cm_error *err)
{
	char into[PATH_ROOM], path[PATH_ROOM];
	int fd;
	int rc = path_of(into, folder, "milter", err);

	if (rc == CM_OK)
		rc = path_of(path, into, "data.mdb", err);
	if (rc != CM_OK)
		return rc;
	if (mkdir(into, 0700) != 0)
		return cm_fail_errno(err, errno, "cannot make %s", into);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cm_fail_errno(err, errno, "cannot make %s", path);
	rc = write_copy(sent, fd, err);
	if (rc == CM_OK && fsync(fd) != 0)
		rc = cm_fail_errno(err, errno, "%s", path);
	(void)close(fd);
	return rc == CM_OK ? cm_path_sync_folder(into, err) : rc;
}

struct merge {
	struct cm_sent *into;
	struct cm_kv_txn *txn; /* of into */
};

static int merge_asked(void *ctx, struct cm_span key, struct cm_span value,
		       struct cm_error *err)
{
	const struct merge *merge = ctx;
	struct cm_span there;
	int rc = cm_kv_get(merge->txn, DB_ASKED, key, &there, err);

	return rc == CM_ENOTFOUND
		       ? cm_kv_put(merge->txn, DB_ASKED, key, value, err)
		       : rc;
}

static int merge_mailed(void *ctx, struct cm_span key, struct cm_span value,
			struct cm_error *err)
{
	const struct merge *merge = ctx;
	struct cm_sent_mail mail = {.day = 0};
	int rc = read_mail(merge->into, key, value, &mail, err);

	if (rc == CM_OK && is_newer(merge->txn, key, mail.day))
		rc = cm_kv_put(merge->txn, DB_MAILED, key, value, err);
	return rc;
}

static int merge_stream(void *ctx, struct cm_span key, struct cm_span value,
			struct cm_error *err)
{
	const struct merge *merge = ctx;
	struct cm_span there;
	int rc = cm_kv_get(merge->txn, DB_STREAMS, key, &there, err);

	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	if (value.n != CAMPAIGN_LEN || (rc == CM_OK && there.n != CAMPAIGN_LEN))
		return damaged(merge->into, err);
	/* The second number is how many were asked. */
	if (rc == CM_OK && cm_get_u64(there.p + 8) >= cm_get_u64(value.p + 8))
		return CM_OK;
	return cm_kv_put(merge->txn, DB_STREAMS, key, value, err);
}

int cm_sent_merge(struct cm_sent *into, struct cm_sent *from,
		  struct cm_error *err)
{
	static const struct {
		unsigned db;
		int (*each)(void *ctx, struct cm_span key, struct cm_span value,
			    struct cm_error *err);
	} parts[] = {
		{DB_ASKED, merge_asked},
		{DB_MAILED, merge_mailed},
		{DB_STREAMS, merge_stream},
	};
	struct merge merge = {.into = into};
	struct cm_kv_txn *reading = NULL;
	int lock = -1;
	size_t i;
	int rc = begin(into, &lock, &merge.txn, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_kv_begin_read(from->kv, &reading, err);
	for (i = 0; rc == CM_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
		rc = each_row(reading, parts[i].db, cm_span(""), parts[i].each,
			      &merge, err);
	cm_kv_abort(&reading);
	return end(&lock, &merge.txn, rc, err);
}
