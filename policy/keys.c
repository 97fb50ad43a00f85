/*
 * See keys.h.  A file is FOLDER/<kind>.key.  New files are written beside
 * their name and linked to it, so a crash leaves either a whole key or none,
 * and an existing key is never replaced.
 */
#include "policy/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/enc.h"

enum {
	CM_KEYS_PATH_MAX = 4096,
	/* 256 lines of "255 " and 128 hex digits have 34,048 octets. */
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

static int parse_line(struct cm_span line, size_t len, struct cm_key *ret_key)
{
	struct cm_key key = {.len = len};
	struct cm_span id = {line.p, 0};
	struct cm_span hex;
	uint64_t value;
	size_t n;

	while (id.n < line.n && line.p[id.n] != ' ')
		id.n++;
	if (id.n == line.n || cm_parse_u64(id, CM_KEY_IDS - 1, &value) != CM_OK)
		return CM_EDATA;
	hex = cm_span_n(line.p + id.n + 1, line.n - id.n - 1);
	if (cm_hex_decode(hex, key.bytes, len, &n) != CM_OK || n != len) {
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
				       "line %zu is not \"ID HEX\" with %zu "
				       "hex digits in lower case",
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

static int check_mode(int fd, struct cm_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return cm_fail_errno(err, errno, "cannot be examined");
	if (!S_ISREG(st.st_mode))
		return cm_fail(err, CM_ECONFIG, "is not a regular file");
	if ((st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		return cm_fail(err, CM_ECONFIG,
			       "has mode %04o, which lets others in: "
			       "chmod 0640 it",
			       (unsigned)st.st_mode & 07777U);
	return CM_OK;
}

static int read_all(int fd, struct cm_buf *buf, struct cm_error *err)
{
	char chunk[4096];
	int rc = CM_OK;

	while (rc == CM_OK) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = cm_fail_errno(err, errno, "cannot be read");
		if (n <= 0)
			break;
		if (cm_buf_add(buf, chunk, (size_t)n) != CM_OK)
			rc = cm_fail(err, CM_ECONFIG,
				     "is longer than any key file");
	}
	cm_wipe(chunk, sizeof(chunk));
	return rc;
}

static int read_key_file(int fd, enum cm_key_kind kind, struct ring *ring,
			 struct cm_error *err)
{
	struct cm_buf buf;
	int rc;

	cm_buf_init(&buf, CM_KEY_FILE_MAX);
	/* At once: growing would leave copies of keys in freed memory. */
	rc = cm_buf_reserve(&buf, CM_KEY_FILE_MAX);
	if (rc != CM_OK)
		rc = cm_fail(err, rc, "no memory for keys");
	if (rc == CM_OK)
		rc = check_mode(fd, err);
	if (rc == CM_OK)
		rc = read_all(fd, &buf, err);
	if (rc == CM_OK)
		rc = parse_file(cm_span_n(buf.data, buf.len), kinds[kind].len,
				ring, err);
	if (rc == CM_OK && kind == CM_KEY_STORE && ring->count > 1)
		rc = cm_fail(err, CM_ECONFIG,
			     "has %zu keys; the store key never changes, so "
			     "it must have exactly one",
			     ring->count);
	if (buf.data != NULL)
		cm_wipe(buf.data, buf.len);
	cm_buf_free(&buf);
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
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
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

static int write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Fill an open file with one new key and give it to the group. */
static int fill_key_file(int fd, enum cm_key_kind kind, gid_t group,
			 struct cm_error *err)
{
	size_t len = kinds[kind].len;
	char line[8 + CM_HEX_LEN(CM_KEY_MAX_LEN) + 2];
	uint8_t bytes[CM_KEY_MAX_LEN];
	size_t n;
	int rc;

	rc = cm_random(bytes, len, err);
	if (rc != CM_OK)
		return rc;
	n = (size_t)snprintf(line, sizeof(line), "%d ", CM_KEY_FIRST_ID);
	n += cm_hex_encode(bytes, len, line + n);
	line[n++] = '\n';
	if (write_all(fd, line, n) != 0 ||
	    (group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) != 0) ||
	    fchmod(fd, 0640) != 0 || fsync(fd) != 0)
		rc = cm_fail_errno(err, errno, "cannot be written");
	cm_wipe(bytes, sizeof(bytes));
	cm_wipe(line, sizeof(line));
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
	rc = fill_key_file(fd, kind, group, err);
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
	if (chmod(folder, 0750) != 0)
		return cm_fail_errno(err, errno, "%s: chmod", folder);
	return CM_OK;
}

static int sync_folder(const char *folder, struct cm_error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = CM_OK;

	if (fd < 0 || fsync(fd) != 0)
		rc = cm_fail_errno(err, errno, "%s: fsync", folder);
	if (fd >= 0)
		close(fd);
	return rc;
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
	return rc == CM_OK ? sync_folder(folder, err) : rc;
}
