/*
 * See keys.h.  A file is FOLDER/<kind>.key.  New files are written beside
 * their name and linked to it, so a crash leaves either a whole key or none,
 * and an existing key is never replaced.  A rotation writes the old lines and
 * a new one beside the name and renames that (secret_file.h).
 */
#include "policy/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/path.h"
#include "policy/secret_file.h"

enum {
	CM_KEYS_PATH_MAX = 4096,
	/* 256 lines of "255 ", 128 hex digits and a day: 36,864 octets. */
	CM_KEY_FILE_MAX = 64 * 1024,
	CM_KEY_FIRST_ID = 1,
};

struct ring {
	struct cm_key *keys; /* the current one is the last */
	size_t count;
};

struct cm_keys {
	struct ring rings[CM_KEY_KINDS];
	struct cm_key decoy;
};

static const struct {
	const char *name;
	size_t len;
	bool write_group;
} kinds[CM_KEY_KINDS] = {
	[CM_KEY_STORE] = {"store", 32, false},
	[CM_KEY_HEADER] = {"header", CM_SIV_KEY_LEN, false},
	[CM_KEY_FOOTER] = {"footer", CM_SIV_KEY_LEN, false},
	[CM_KEY_VERP] = {"verp", CM_SIV_KEY_LEN, false},
	[CM_KEY_CONFIRM] = {"confirm", CM_SIV_KEY_LEN, true},
	[CM_KEY_PREFERENCE] = {"preference", CM_SIV_KEY_LEN, true},
	[CM_KEY_MAILED] = {"mailed", CM_SIV_KEY_LEN, true},
};

const char *cm_key_kind_name(enum cm_key_kind kind)
{
	return kinds[kind].name;
}

bool cm_key_kind_is_writers(enum cm_key_kind kind)
{
	return kinds[kind].write_group;
}

static int key_path(const char *folder, enum cm_key_kind kind, char *out,
		    struct cm_error *err)
{
	int n = snprintf(out, CM_KEYS_PATH_MAX, "%s/%s.key", folder,
			 kinds[kind].name);

	if (n < 0 || n >= CM_KEYS_PATH_MAX)
		return cm_fail(err, CM_ECONFIG, "keys.path is too long");
	return CM_OK;
}

/* ---- reading ------------------------------------------------------------ */

/* Up to the next blank, which is taken away, too: was there one? */
static bool next_word(struct cm_span *line, struct cm_span *ret_word)
{
	const char *blank = line->n > 0 ? memchr(line->p, ' ', line->n) : NULL;
	size_t n = blank != NULL ? (size_t)(blank - line->p) : line->n;

	*ret_word = cm_span_n(line->p, n);
	n += blank != NULL;
	line->p += n;
	line->n -= n;
	return blank != NULL;
}

static int parse_line(struct cm_span line, size_t len, struct cm_key *ret_key)
{
	struct cm_key key = {.len = len};
	struct cm_span id, hex;
	uint64_t value;
	bool dated;
	size_t n;

	(void)next_word(&line, &id);
	dated = next_word(&line, &hex);
	if (cm_parse_u64(id, CM_KEY_IDS - 1, &value) != CM_OK ||
	    cm_hex_decode(hex, key.bytes, len, &n) != CM_OK || n != len ||
	    (dated && cm_clock_parse_day(line, &key.made) != CM_OK)) {
		cm_wipe(&key, sizeof(key));
		return CM_EDATA;
	}
	key.id = (uint8_t)value;
	*ret_key = key;
	cm_wipe(&key, sizeof(key));
	return CM_OK;
}

static const struct cm_key *ring_find(const struct ring *ring, uint8_t id)
{
	size_t i;

	for (i = 0; i < ring->count; i++)
		if (ring->keys[i].id == id)
			return &ring->keys[i];
	return NULL;
}

/* The texts never quote a line: it holds the key. */
static int parse_file(struct cm_span text, size_t len, struct ring *ring,
		      struct cm_error *err)
{
	size_t number = 0;

	ring->keys = calloc(CM_KEY_IDS, sizeof(*ring->keys));
	if (ring->keys == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for keys");
	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end != NULL ? (size_t)(end - text.p) : text.n;
		struct cm_key key;

		number++;
		if (parse_line(cm_span_n(text.p, n), len, &key) != CM_OK)
			return cm_fail(err, CM_ECONFIG,
				       "line %zu is not \"ID HEX\" or \"ID HEX "
				       "DATE\" with %zu hex digits in lower "
				       "case and a date as 2026-01-31",
				       number, CM_HEX_LEN(len));
		if (ring_find(ring, key.id) != NULL)
			return cm_fail(err, CM_ECONFIG,
				       "line %zu repeats key id %u", number,
				       key.id);
		ring->keys[ring->count++] = key;
		cm_wipe(&key, sizeof(key));
		n += end != NULL;
		text.p += n;
		text.n -= n;
	}
	if (ring->count == 0)
		return cm_fail(err, CM_ECONFIG, "there is no key in it");
	return CM_OK;
}

static int read_key_file(int fd, enum cm_key_kind kind, struct ring *ring,
			 struct cm_error *err)
{
	struct cm_buf buf;
	int rc;

	rc = cm_secret_buf(&buf, CM_KEY_FILE_MAX, err);
	if (rc == CM_OK)
		rc = cm_secret_read(fd, &buf, err);
	if (rc == CM_OK)
		rc = parse_file(cm_span_n(buf.data, buf.len), kinds[kind].len,
				ring, err);
	if (rc == CM_OK && kind == CM_KEY_STORE && ring->count > 1)
		rc = cm_fail(err, CM_ECONFIG,
			     "has %zu keys; the store key never changes, so "
			     "it must have exactly one",
			     ring->count);
	cm_secret_forget(&buf);
	return rc;
}

static int read_ring(const char *folder, enum cm_key_kind kind,
		     struct ring *ring, struct cm_error *err)
{
	char path[CM_KEYS_PATH_MAX];
	int fd, rc;

	rc = key_path(folder, kind, path, err);
	if (rc != CM_OK)
		return rc;
	fd = cm_secret_open(path);
	if (fd < 0 && errno == EACCES && kinds[kind].write_group)
		return CM_OK; /* not for this program */
	if (fd < 0 && errno == ENOENT && kind != CM_KEY_STORE)
		return CM_OK;
	if (fd < 0) {
		rc = cm_fail_errno(err, errno,
				   "key file cannot be opened (is "
				   "`consentctl init` done, and this user in "
				   "its group?)");
	} else {
		rc = read_key_file(fd, kind, ring, err);
		close(fd);
	}
	if (rc != CM_OK)
		cm_error_prefix(err, "%s: ", path);
	return rc;
}

/* What tokens are made with, set up once. */
static int set_up(struct cm_key *key, const char *associated,
		  struct cm_error *err)
{
	if (key->len != CM_SIV_KEY_LEN)
		return CM_OK;
	return cm_siv_new(key->bytes, cm_span(associated), &key->siv, err);
}

static int set_up_ring(struct ring *ring, const char *associated,
		       struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; i < ring->count && rc == CM_OK; i++)
		rc = set_up(&ring->keys[i], associated, err);
	return rc;
}

static int set_up_decoy(struct cm_key *decoy, struct cm_error *err)
{
	int rc;

	decoy->len = CM_SIV_KEY_LEN;
	rc = cm_random(decoy->bytes, decoy->len, err);
	return rc == CM_OK ? set_up(decoy, "decoy", err) : rc;
}

int cm_keys_open(const char *folder, struct cm_keys **ret_keys,
		 struct cm_error *err)
{
	struct cm_keys *keys = calloc(1, sizeof(*keys));
	int kind, rc = CM_OK;

	if (keys == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for keys");
	for (kind = 0; kind < CM_KEY_KINDS && rc == CM_OK; kind++) {
		rc = read_ring(folder, kind, &keys->rings[kind], err);
		if (rc == CM_OK)
			rc = set_up_ring(&keys->rings[kind], kinds[kind].name,
					 err);
	}
	if (rc == CM_OK)
		rc = set_up_decoy(&keys->decoy, err);
	if (rc != CM_OK) {
		cm_keys_free(&keys);
		return rc;
	}
	*ret_keys = keys;
	return CM_OK;
}

static void clear(struct cm_key *key)
{
	cm_siv_free(&key->siv);
	cm_wipe(key, sizeof(*key));
}

static void ring_free(struct ring *ring)
{
	size_t i;

	for (i = 0; i < ring->count; i++)
		clear(&ring->keys[i]);
	free(ring->keys);
}

void cm_keys_free(struct cm_keys **keys)
{
	size_t i;

	if (*keys == NULL)
		return;
	for (i = 0; i < CM_KEY_KINDS; i++)
		ring_free(&(*keys)->rings[i]);
	clear(&(*keys)->decoy);
	free(*keys);
	*keys = NULL;
}

const struct cm_key *cm_keys_current(const struct cm_keys *keys,
				     enum cm_key_kind kind)
{
	const struct ring *ring = &keys->rings[kind];

	return ring->count > 0 ? &ring->keys[ring->count - 1] : NULL;
}

size_t cm_keys_count(const struct cm_keys *keys, enum cm_key_kind kind)
{
	return keys->rings[kind].count;
}

const struct cm_key *cm_keys_at(const struct cm_keys *keys,
				enum cm_key_kind kind, size_t n)
{
	return &keys->rings[kind].keys[n];
}

const struct cm_key *cm_keys_find(const struct cm_keys *keys,
				  enum cm_key_kind kind, uint8_t id)
{
	return ring_find(&keys->rings[kind], id);
}

const struct cm_key *cm_keys_decoy(const struct cm_keys *keys)
{
	return &keys->decoy;
}

/* ---- making ------------------------------------------------------------- */

static int make_key(struct cm_key *key, enum cm_key_kind kind, uint8_t id,
		    struct cm_error *err)
{
	int64_t now = cm_clock_now();

	*key = (struct cm_key){.id = id, .len = kinds[kind].len};
	key->made = now - now % CM_DAY_MS;
	return cm_random(key->bytes, key->len, err);
}

static void add_line(struct cm_buf *buf, const struct cm_key *key)
{
	char hex[CM_HEX_LEN(CM_KEY_MAX_LEN) + 1];
	char day[CM_CLOCK_TEXT] = "";

	(void)cm_hex_encode(key->bytes, key->len, hex);
	(void)cm_buf_addf(buf, "%u ", key->id);
	(void)cm_buf_add(buf, hex, CM_HEX_LEN(key->len));
	if (key->made != 0)
		(void)cm_buf_addf(buf, " %.*s", CM_CLOCK_DAY_N,
				  cm_clock_format(key->made, day));
	(void)cm_buf_addc(buf, '\n');
	cm_wipe(hex, sizeof(hex));
}

/* The file of a ring, in a buffer of cm_secret_buf(). */
static int render_ring(const struct ring *ring, struct cm_buf *buf,
		       struct cm_error *err)
{
	size_t i;
	int rc = cm_secret_buf(buf, CM_KEY_FILE_MAX, err);

	for (i = 0; rc == CM_OK && i < ring->count; i++)
		add_line(buf, &ring->keys[i]);
	if (rc == CM_OK && cm_buf_ok(buf) != CM_OK)
		rc = cm_fail(err, CM_ENOMEM, "no memory for keys");
	return rc;
}

/* Fill an open file with keys and give it to the group; durable then. */
static int fill_key_file(int fd, const struct ring *ring, gid_t group,
			 struct cm_error *err)
{
	struct cm_buf buf;
	int rc = render_ring(ring, &buf, err);

	if (rc == CM_OK)
		rc = cm_secret_fill(fd, cm_span_n(buf.data, buf.len), group,
				    err);
	cm_secret_forget(&buf);
	return rc;
}

static int replace_key_file(const char *path, const struct ring *ring,
			    gid_t group, struct cm_error *err)
{
	struct cm_buf buf;
	int rc = render_ring(ring, &buf, err);

	if (rc == CM_OK)
		rc = cm_secret_replace(path, cm_span_n(buf.data, buf.len),
				       group, err);
	cm_secret_forget(&buf);
	return rc;
}

static int fill_with_one(int fd, enum cm_key_kind kind, gid_t group,
			 struct cm_error *err)
{
	struct cm_key key;
	struct ring ring = {&key, 1};
	int rc = make_key(&key, kind, CM_KEY_FIRST_ID, err);

	if (rc == CM_OK)
		rc = fill_key_file(fd, &ring, group, err);
	cm_wipe(&key, sizeof(key));
	return rc;
}

static int make_key_file(const char *folder, enum cm_key_kind kind, gid_t group,
			 struct cm_error *err)
{
	char path[CM_KEYS_PATH_MAX], temp[CM_KEYS_PATH_MAX + 16];
	int fd, rc;

	rc = key_path(folder, kind, path, err);
	if (rc != CM_OK)
		return rc;
	if (access(path, F_OK) == 0)
		return CM_OK;
	snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
	fd = mkstemp(temp);
	if (fd < 0)
		return cm_fail_errno(err, errno, "%s cannot be made", temp);
	rc = fill_with_one(fd, kind, group, err);
	if (rc != CM_OK)
		cm_error_prefix(err, "%s: ", path);
	else if (link(temp, path) != 0 && errno != EEXIST)
		rc = cm_fail_errno(err, errno, "%s cannot be made", path);
	close(fd);
	(void)unlink(temp);
	return rc;
}

static int make_folder(const char *folder, gid_t group, struct cm_error *err)
{
	if (mkdir(folder, 0700) != 0)
		return errno == EEXIST
			       ? CM_OK
			       : cm_fail_errno(err, errno, "%s cannot be made",
					       folder);
	if (group != (gid_t)-1 && chown(folder, (uid_t)-1, group) != 0)
		return cm_fail_errno(err, errno, "%s: chown", folder);
	if (chmod(folder, CM_KEYS_FOLDER_MODE) != 0)
		return cm_fail_errno(err, errno, "%s: chmod", folder);
	return CM_OK;
}

int cm_keys_init(const char *folder, gid_t group, gid_t write_group,
		 struct cm_error *err)
{
	int kind, rc;

	rc = make_folder(folder, group, err);
	for (kind = 0; kind < CM_KEY_KINDS && rc == CM_OK; kind++)
		rc = make_key_file(
			folder, kind,
			kinds[kind].write_group ? write_group : group, err);
	return rc == CM_OK ? cm_path_sync_folder(folder, err) : rc;
}

/* ---- rotating ----------------------------------------------------------- */

/*
 * What the file has.  Reading for use passes over files of the write group;
 * here that would throw all old keys away, and with them every link made.
 */
static int read_for_rotation(const char *folder, enum cm_key_kind kind,
			     struct ring *ring, struct cm_error *err)
{
	char path[CM_KEYS_PATH_MAX];
	int rc = read_ring(folder, kind, ring, err);

	if (rc == CM_OK)
		rc = key_path(folder, kind, path, err);
	if (rc != CM_OK || ring->count > 0)
		return rc;
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return cm_fail(err, CM_EIO,
			       "%s cannot be read by this user (this needs "
			       "root)",
			       path);
	ring->keys = calloc(1, sizeof(*ring->keys));
	return ring->keys != NULL
		       ? CM_OK
		       : cm_fail(err, CM_ENOMEM, "no memory for keys");
}

/* The id is one octet of every link: 256 keys, and none of them twice. */
static int free_id(const struct ring *ring, uint8_t *ret_id,
		   struct cm_error *err)
{
	unsigned last = ring->count > 0 ? ring->keys[ring->count - 1].id
					: CM_KEY_FIRST_ID - 1;
	unsigned step;

	for (step = 1; step <= CM_KEY_IDS; step++) {
		uint8_t id = (uint8_t)((last + step) % CM_KEY_IDS);

		if (ring_find(ring, id) == NULL) {
			*ret_id = id;
			return CM_OK;
		}
	}
	return cm_fail(err, CM_ELIMIT,
		       "all %d key ids are used: take lines of the oldest keys "
		       "out, after which links made with them are dead",
		       CM_KEY_IDS);
}

static int add_key(const char *folder, enum cm_key_kind kind, gid_t group,
		   uint8_t *ret_id, struct cm_error *err)
{
	struct ring ring = {NULL, 0};
	char path[CM_KEYS_PATH_MAX];
	int rc = key_path(folder, kind, path, err);
	uint8_t id = 0;

	if (rc == CM_OK)
		rc = read_for_rotation(folder, kind, &ring, err);
	if (rc == CM_OK) {
		rc = free_id(&ring, &id, err);
		if (rc != CM_OK)
			cm_error_prefix(err, "%s: ", path);
	}
	if (rc == CM_OK)
		rc = make_key(&ring.keys[ring.count], kind, id, err);
	if (rc == CM_OK) {
		ring.count++;
		rc = replace_key_file(path, &ring, group, err);
	}
	ring_free(&ring);
	if (rc == CM_OK)
		*ret_id = id;
	return rc;
}

int cm_keys_rotate(const char *folder, enum cm_key_kind kind, gid_t group,
		   gid_t write_group, uint8_t *ret_id, struct cm_error *err)
{
	uint8_t id = 0;
	int fd = -1;
	int rc;

	if (kind == CM_KEY_STORE)
		return cm_fail(
			err, CM_EREFUSED,
			"the store key never changes: everybody's record "
			"is found by it");
	rc = cm_secret_lock(folder, &fd, err);
	if (rc != CM_OK)
		return rc;
	rc = add_key(folder, kind,
		     kinds[kind].write_group ? write_group : group, &id, err);
	if (rc == CM_OK && fsync(fd) != 0)
		rc = cm_fail_errno(err, errno, "%s: fsync", folder);
	close(fd);
	if (rc == CM_OK)
		*ret_id = id;
	return rc;
}
