/* See api_keys.h. */
#include "policy/api_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/quote.h"
#include "policy/purpose.h"
#include "policy/secret_file.h"

enum {
	SECRET_BYTES = 32,
	/* A line: name, hash, rights, day, and purposes of a usual length. */
	FILE_MAX = CM_API_KEYS_MAX * 1024,
};

static const char prefix[] = "consent-api-";

struct cm_api_keys {
	struct cm_buf text; /* what the spans of keys point into */
	struct cm_api_key keys[CM_API_KEYS_MAX];
	size_t count;
};

static const char *const rights[CM_API_RIGHTS] = {
	[CM_API_GRANT] = "grant",
	[CM_API_REQUEST] = "request",
	[CM_API_WITHDRAW] = "withdraw",
	[CM_API_LOOK_UP] = "look-up",
};

const char *cm_api_right_name(enum cm_api_right right)
{
	return rights[right];
}

int cm_api_right_parse(const char *word, enum cm_api_right *ret_right,
		       struct cm_error *err)
{
	const char *similar = cm_suggest(word, rights, CM_API_RIGHTS);
	char quoted[CM_QUOTE_LEN];
	int i;

	for (i = 0; i < CM_API_RIGHTS; i++) {
		if (strcmp(word, rights[i]) == 0) {
			*ret_right = (enum cm_api_right)i;
			return CM_OK;
		}
	}
	(void)cm_quote(cm_span(word), quoted);
	if (similar != NULL)
		return cm_fail(err, CM_EDATA,
			       "\"%s\" is no right; did you mean \"%s\"?",
			       quoted, similar);
	return cm_fail(err, CM_EDATA,
		       "\"%s\" is no right (grant, request, withdraw, look-up)",
		       quoted);
}

int cm_api_name_check(const char *name, struct cm_error *err)
{
	size_t n = strlen(name);
	char quoted[CM_QUOTE_LEN];
	size_t i;

	for (i = 0; i < n && i < CM_API_NAME_MAX; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') &&
		    !cm_ascii_digit(name[i]) && name[i] != '-')
			break;
	if (i > 0 && i == n)
		return CM_OK;
	return cm_fail(err, CM_EDATA,
		       "\"%s\" cannot be the name of a key: letters a-z, "
		       "digits and \"-\", at most %d",
		       cm_quote(cm_span(name), quoted), CM_API_NAME_MAX);
}

/* ---- reading ------------------------------------------------------------ */

static int parse_rights(struct cm_span text, unsigned *ret_rights)
{
	unsigned found = 0;

	while (text.n > 0) {
		struct cm_span word = cm_span_cut(&text, ',');
		unsigned before = found;
		int i;

		for (i = 0; i < CM_API_RIGHTS; i++)
			if (cm_span_eq(word, cm_span(rights[i])))
				found |= 1U << i;
		if (found == before)
			return CM_EDATA;
	}
	*ret_rights = found;
	return found != 0 ? CM_OK : CM_EDATA;
}

static int parse_purposes(struct cm_span text, struct cm_api_key *key)
{
	while (text.n > 0) {
		struct cm_span path = cm_span_cut(&text, ' ');

		if (key->npurposes == CM_API_PURPOSES_MAX ||
		    cm_purpose_check(path, NULL) != CM_OK)
			return CM_EDATA;
		key->purposes[key->npurposes++] = path;
	}
	return CM_OK;
}

static int parse_line(struct cm_span line, struct cm_api_key *ret_key)
{
	struct cm_span name = cm_span_cut(&line, ' ');
	struct cm_span hash = cm_span_cut(&line, ' ');
	struct cm_span words = cm_span_cut(&line, ' ');
	struct cm_span day = cm_span_cut(&line, ' ');
	struct cm_api_key key = {.npurposes = 0};
	size_t n;

	if (name.n == 0 || name.n > CM_API_NAME_MAX)
		return CM_EDATA;
	memcpy(key.name, name.p, name.n);
	if (cm_api_name_check(key.name, NULL) != CM_OK ||
	    cm_hex_decode(hash, key.hash, sizeof(key.hash), &n) != CM_OK ||
	    n != sizeof(key.hash) ||
	    parse_rights(words, &key.rights) != CM_OK ||
	    cm_clock_parse_day(day, &key.made) != CM_OK ||
	    parse_purposes(line, &key) != CM_OK)
		return CM_EDATA;
	*ret_key = key;
	return CM_OK;
}

static const struct cm_api_key *by_name(const struct cm_api_keys *keys,
					const char *name)
{
	size_t i;

	for (i = 0; i < keys->count; i++)
		if (strcmp(keys->keys[i].name, name) == 0)
			return &keys->keys[i];
	return NULL;
}

static int parse_file(struct cm_api_keys *keys, struct cm_error *err)
{
	struct cm_span rest = cm_span_n(keys->text.data, keys->text.len);
	struct cm_api_key key;
	size_t number = 0;

	while (rest.n > 0) {
		struct cm_span line = cm_span_cut(&rest, '\n');

		number++;
		if (parse_line(line, &key) != CM_OK)
			return cm_fail(err, CM_ECONFIG,
				       "line %zu is not \"NAME SHA-256 RIGHTS "
				       "DAY [PURPOSE...]\" as `consentctl "
				       "api-key add` writes it",
				       number);
		if (by_name(keys, key.name) != NULL)
			return cm_fail(err, CM_ECONFIG,
				       "line %zu repeats the name \"%s\"",
				       number, key.name);
		if (keys->count == CM_API_KEYS_MAX)
			return cm_fail(err, CM_ECONFIG, "has more than %d keys",
				       CM_API_KEYS_MAX);
		keys->keys[keys->count++] = key;
	}
	return CM_OK;
}

static int file_path(const char *folder, char out[CM_SECRET_PATH_MAX],
		     struct cm_error *err)
{
	int n = snprintf(out, CM_SECRET_PATH_MAX, "%s/api", folder);

	if (n < 0 || n >= CM_SECRET_PATH_MAX)
		return cm_fail(err, CM_ECONFIG, "keys.path is too long");
	return CM_OK;
}

static int read_file(const char *path, struct cm_api_keys *keys,
		     struct cm_error *err)
{
	int fd = cm_secret_open(path);
	int rc;

	if (fd < 0 && errno == ENOENT)
		return CM_OK;
	if (fd < 0)
		return cm_fail_errno(err, errno, "%s cannot be opened", path);
	rc = cm_secret_read(fd, &keys->text, err);
	if (rc == CM_OK)
		rc = parse_file(keys, err);
	close(fd);
	return rc == CM_OK ? rc : cm_error_prefix(err, "%s: ", path);
}

int cm_api_keys_open(const char *folder, struct cm_api_keys **ret_keys,
		     struct cm_error *err)
{
	struct cm_api_keys *keys = calloc(1, sizeof(*keys));
	char path[CM_SECRET_PATH_MAX];
	int rc;

	if (keys == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for keys");
	rc = cm_secret_buf(&keys->text, FILE_MAX, err);
	if (rc == CM_OK)
		rc = file_path(folder, path, err);
	if (rc == CM_OK)
		rc = read_file(path, keys, err);
	if (rc != CM_OK) {
		cm_api_keys_free(&keys);
		return rc;
	}
	*ret_keys = keys;
	return CM_OK;
}

void cm_api_keys_free(struct cm_api_keys **keys)
{
	if (*keys == NULL)
		return;
	cm_secret_forget(&(*keys)->text);
	free(*keys);
	*keys = NULL;
}

size_t cm_api_keys_count(const struct cm_api_keys *keys)
{
	return keys->count;
}

const struct cm_api_key *cm_api_keys_at(const struct cm_api_keys *keys,
					size_t n)
{
	return &keys->keys[n];
}

/* ---- asking ------------------------------------------------------------- */

const struct cm_api_key *cm_api_keys_find(const struct cm_api_keys *keys,
					  struct cm_span secret)
{
	const struct cm_api_key *found = NULL;
	uint8_t hash[CM_SHA256_LEN];
	size_t i;

	if (keys == NULL || cm_sha256(secret.p, secret.n, hash) != CM_OK)
		return NULL;
	for (i = 0; i < keys->count; i++)
		if (cm_equal_ct(hash, keys->keys[i].hash, sizeof(hash)))
			found = &keys->keys[i];
	return found;
}

bool cm_api_key_may(const struct cm_api_key *key, enum cm_api_right right)
{
	return (key->rights & 1U << right) != 0;
}

bool cm_api_key_covers(const struct cm_api_key *key, struct cm_span path)
{
	size_t i;

	for (i = 0; i < key->npurposes; i++)
		if (cm_purpose_covers(key->purposes[i], path))
			return true;
	return key->npurposes == 0;
}

/* ---- changing ----------------------------------------------------------- */

static void add_line(struct cm_buf *out, const struct cm_api_key *key)
{
	char hex[CM_HEX_LEN(CM_SHA256_LEN) + 1];
	char day[CM_CLOCK_TEXT];
	const char *between = " ";
	size_t i;

	(void)cm_hex_encode(key->hash, sizeof(key->hash), hex);
	(void)cm_buf_addf(out, "%s %s", key->name, hex);
	for (i = 0; i < CM_API_RIGHTS; i++) {
		if (!cm_api_key_may(key, (enum cm_api_right)i))
			continue;
		(void)cm_buf_addf(out, "%s%s", between, rights[i]);
		between = ",";
	}
	(void)cm_buf_addf(out, " %.*s", CM_CLOCK_DAY_N,
			  cm_clock_format(key->made, day));
	for (i = 0; i < key->npurposes; i++)
		(void)cm_buf_addf(out, " %.*s", (int)key->purposes[i].n,
				  key->purposes[i].p);
	(void)cm_buf_addc(out, '\n');
}

/* All keys but one, and one more; either may be NULL. */
static int write_file(const char *folder, const struct cm_api_keys *keys,
		      const struct cm_api_key *without,
		      const struct cm_api_key *more, gid_t group,
		      struct cm_error *err)
{
	char path[CM_SECRET_PATH_MAX];
	struct cm_buf text;
	size_t i;
	int rc = cm_secret_buf(&text, FILE_MAX, err);

	for (i = 0; rc == CM_OK && i < keys->count; i++)
		if (&keys->keys[i] != without)
			add_line(&text, &keys->keys[i]);
	if (rc == CM_OK && more != NULL)
		add_line(&text, more);
	if (rc == CM_OK && cm_buf_ok(&text) != CM_OK)
		rc = cm_fail(err, CM_ELIMIT, "the file would be too long");
	if (rc == CM_OK)
		rc = file_path(folder, path, err);
	if (rc == CM_OK)
		rc = cm_secret_replace(path, cm_span_n(text.data, text.len),
				       group, err);
	cm_secret_forget(&text);
	return rc;
}

static int make_secret(char out[CM_API_SECRET_LEN + 1],
		       uint8_t hash[CM_SHA256_LEN], struct cm_error *err)
{
	uint8_t bits[SECRET_BYTES];
	int rc = cm_random(bits, sizeof(bits), err);

	if (rc != CM_OK)
		return rc;
	memcpy(out, prefix, sizeof(prefix) - 1);
	(void)cm_base64url_encode(bits, sizeof(bits), out + sizeof(prefix) - 1);
	cm_wipe(bits, sizeof(bits));
	rc = cm_sha256(out, CM_API_SECRET_LEN, hash);
	return rc == CM_OK ? CM_OK : cm_fail(err, rc, "no SHA-256");
}

static int check_new(const struct cm_api_keys *keys, const char *name,
		     struct cm_error *err)
{
	if (by_name(keys, name) != NULL)
		return cm_fail(err, CM_EREFUSED,
			       "there is a key \"%s\" already: remove it "
			       "first, or take another name",
			       name);
	if (keys->count == CM_API_KEYS_MAX)
		return cm_fail(err, CM_ELIMIT, "there are %d keys already",
			       CM_API_KEYS_MAX);
	return CM_OK;
}

/* The folder locked, and what is in the file. */
static int begin_change(const char *folder, int *ret_lock,
			struct cm_api_keys **ret_keys, struct cm_error *err)
{
	int rc = cm_secret_lock(folder, ret_lock, err);

	if (rc == CM_OK)
		rc = cm_api_keys_open(folder, ret_keys, err);
	return rc;
}

static int end_change(const char *folder, int lock, struct cm_api_keys **keys,
		      int rc, struct cm_error *err)
{
	cm_api_keys_free(keys);
	if (rc == CM_OK && fsync(lock) != 0)
		rc = cm_fail_errno(err, errno, "%s: fsync", folder);
	if (lock >= 0)
		close(lock);
	return rc;
}

int cm_api_keys_add(const char *folder, const struct cm_api_key *key,
		    int64_t now, gid_t group,
		    char out_secret[CM_API_SECRET_LEN + 1],
		    struct cm_error *err)
{
	char secret[CM_API_SECRET_LEN + 1];
	struct cm_api_keys *keys = NULL;
	struct cm_api_key made = *key;
	int lock = -1;
	int rc = cm_api_name_check(key->name, err);

	if (rc == CM_OK)
		rc = begin_change(folder, &lock, &keys, err);
	if (rc == CM_OK)
		rc = check_new(keys, key->name, err);
	if (rc == CM_OK)
		rc = make_secret(secret, made.hash, err);
	made.made = now - now % CM_DAY_MS;
	if (rc == CM_OK)
		rc = write_file(folder, keys, NULL, &made, group, err);
	rc = end_change(folder, lock, &keys, rc, err);
	if (rc == CM_OK)
		memcpy(out_secret, secret, sizeof(secret));
	cm_wipe(secret, sizeof(secret));
	return rc;
}

static int no_such_key(const struct cm_api_keys *keys, const char *name,
		       struct cm_error *err)
{
	const char *names[CM_API_KEYS_MAX];
	char quoted[CM_QUOTE_LEN];
	const char *similar;
	size_t i;

	for (i = 0; i < keys->count; i++)
		names[i] = keys->keys[i].name;
	similar = cm_suggest(name, names, keys->count);
	(void)cm_quote(cm_span(name), quoted);
	if (similar != NULL)
		return cm_fail(err, CM_ENOTFOUND,
			       "there is no key \"%s\"; did you mean \"%s\"?",
			       quoted, similar);
	return cm_fail(err, CM_ENOTFOUND, "there is no key \"%s\"", quoted);
}

int cm_api_keys_remove(const char *folder, const char *name, gid_t group,
		       struct cm_error *err)
{
	struct cm_api_keys *keys = NULL;
	const struct cm_api_key *key = NULL;
	int lock = -1;
	int rc = begin_change(folder, &lock, &keys, err);

	if (rc == CM_OK) {
		key = by_name(keys, name);
		if (key == NULL)
			rc = no_such_key(keys, name, err);
	}
	if (rc == CM_OK)
		rc = write_file(folder, keys, key, NULL, group, err);
	return end_change(folder, lock, &keys, rc, err);
}
