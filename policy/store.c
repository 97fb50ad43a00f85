/* See store.h and store_internal.h. */
#include "policy/store_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/path.h"

enum { HEAD_FIXED = CM_HEAD_ROW_LEN - CM_MAC_LEN };

static const char *const ledger_dbs[CM_LEDGER_DBS] = {
	[CM_DB_LEDGER] = "ledger",
	[CM_DB_HASHES] = "hashes",
	[CM_DB_CONTACTS] = "contacts",
	[CM_DB_FAMILY] = "family",
	[CM_DB_BY_CONTACT] = "by_contact",
	[CM_DB_NOTICES] = "notices",
	[CM_DB_META] = "meta",
};
static const char *const stop_dbs[CM_STOP_DBS] = {[CM_DB_STOP] = "stop"};
static const char *const private_dbs[CM_PRIVATE_DBS] = {
	[CM_DB_ADDRESSES] = "addresses",
	[CM_DB_EVIDENCE] = "evidence",
	[CM_DB_PRIVATE_META] = "meta",
};

static const struct {
	const char *folder;
	const char *const *dbs;
	unsigned ndbs;
} envs[CM_ENVS] = {
	[CM_ENV_LEDGER] = {"ledger", ledger_dbs, CM_LEDGER_DBS},
	[CM_ENV_STOP] = {"stop", stop_dbs, CM_STOP_DBS},
	[CM_ENV_PRIVATE] = {"private", private_dbs, CM_PRIVATE_DBS},
};

/* ---- numbers and names -------------------------------------------------- */

struct cm_span cm_id_span(const struct cm_id *id)
{
	return cm_span_n((const char *)id->b, sizeof(id->b));
}

void cm_id_hex(const struct cm_id *id, char out[2 * CM_CONTACT_ID_LEN + 1])
{
	(void)cm_hex_encode(id->b, sizeof(id->b), out);
}

/* ---- MACs --------------------------------------------------------------- */

int cm_store_hmac(const struct cm_store *store, struct cm_hmac **ret_hmac,
		  struct cm_error *err)
{
	return cm_hmac_new(store->mac_key, sizeof(store->mac_key), ret_hmac,
			   err);
}

/* Keys of one database have one length, so tag | key | bytes is unambiguous. */
int cm_row_mac(struct cm_hmac *hmac, enum cm_mac_tag tag, struct cm_span key,
	       struct cm_span bytes, uint8_t out[CM_MAC_LEN])
{
	const char c = (char)tag;
	const struct cm_span parts[] = {cm_span_n(&c, 1), key, bytes};
	uint8_t full[CM_SHA256_LEN];
	int rc = cm_hmac(hmac, parts, sizeof(parts) / sizeof(parts[0]), full);

	if (rc == CM_OK)
		memcpy(out, full, CM_MAC_LEN);
	return rc;
}

int cm_row_open(struct cm_hmac *hmac, enum cm_mac_tag tag, struct cm_span key,
		struct cm_span value, struct cm_span *ret_bytes)
{
	uint8_t mac[CM_MAC_LEN];
	struct cm_span bytes;
	int rc;

	if (value.n < CM_MAC_LEN)
		return CM_ECORRUPT;
	bytes = cm_span_n(value.p, value.n - CM_MAC_LEN);
	rc = cm_row_mac(hmac, tag, key, bytes, mac);
	if (rc != CM_OK)
		return rc;
	if (!cm_equal_ct(mac, value.p + bytes.n, CM_MAC_LEN))
		return CM_ECORRUPT;
	*ret_bytes = bytes;
	return CM_OK;
}

int cm_row_seal(struct cm_hmac *hmac, enum cm_mac_tag tag, struct cm_span key,
		struct cm_buf *buf)
{
	uint8_t mac[CM_MAC_LEN];
	int rc = cm_buf_ok(buf);

	if (rc == CM_OK)
		rc = cm_row_mac(hmac, tag, key,
				cm_span_n(cm_buf_text(buf), buf->len), mac);
	return rc == CM_OK ? cm_buf_add(buf, mac, sizeof(mac)) : rc;
}

/* ---- the head row ------------------------------------------------------- */

static const char head_key[] = "head";

/* format(4) | key check(8) | size | newest rec | root | mark | MAC */
static struct cm_span head_bytes(const struct cm_store *store,
				 const struct cm_head *head,
				 uint8_t out[HEAD_FIXED])
{
	uint8_t *p = out;

	memset(p, 0, 3);
	p[3] = CM_STORE_FORMAT;
	memcpy(p + 4, store->key_check, CM_MAC_LEN);
	p += 4 + CM_MAC_LEN;
	cm_put_u64(head->size, p);
	cm_put_u64((uint64_t)head->newest_rec, p + 8);
	memcpy(p + 16, head->root.b, CM_HASH_LEN);
	memcpy(p + 16 + CM_HASH_LEN, head->private_mark, CM_MARK_LEN);
	return cm_span_n((const char *)out, HEAD_FIXED);
}

int cm_head_put(const struct cm_store *store, struct cm_kv_txn *txn,
		struct cm_hmac *hmac, const struct cm_head *head,
		struct cm_error *err)
{
	uint8_t row[CM_HEAD_ROW_LEN];
	struct cm_span bytes = head_bytes(store, head, row);
	int rc = cm_row_mac(hmac, CM_MAC_META, cm_span(head_key), bytes,
			    row + HEAD_FIXED);

	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot seal the store's head");
	return cm_kv_put(txn, CM_DB_META, cm_span(head_key),
			 cm_span_n((const char *)row, sizeof(row)), err);
}

static const char *what_to_do(uint32_t format)
{
	if (format > CM_STORE_FORMAT)
		return "update consent-milter, or restore a backup that this "
		       "version made";
	if (format < CM_STORE_FORMAT_FIRST)
		return "open it with the version that made it";
	return "make a backup with the version that made it, stop the "
	       "programs that use it, and run \"consentctl rebuild\"";
}

/*
 * What all formats have in common: the head row begins with the format's
 * number and ends with a MAC, so that another format is told from damage.
 * From 1 on events have stayed what they are, so an older store becomes ours
 * by making its views anew.
 */
static int check_format(const struct cm_store *store, struct cm_span value,
			bool old_too, struct cm_error *err)
{
	static const uint8_t ours[4] = {0, 0, 0, CM_STORE_FORMAT};
	struct cm_hmac *hmac = NULL;
	struct cm_span bytes;
	uint32_t format;
	int rc;

	if (value.n < sizeof(ours) || memcmp(value.p, ours, sizeof(ours)) == 0)
		return CM_OK;
	rc = cm_store_hmac(store, &hmac, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_row_open(hmac, CM_MAC_META, cm_span(head_key), value, &bytes);
	cm_hmac_free(&hmac);
	if (rc != CM_OK ||
	    bytes.n < sizeof(ours)) /* damage is cm_head_get()'s to tell */
		return CM_OK;
	format = (uint32_t)(uint8_t)bytes.p[0] << 24 |
		 (uint32_t)(uint8_t)bytes.p[1] << 16 |
		 (uint32_t)(uint8_t)bytes.p[2] << 8 | (uint8_t)bytes.p[3];
	if (old_too && format >= CM_STORE_FORMAT_FIRST &&
	    format < CM_STORE_FORMAT)
		return CM_OK;
	return cm_fail(err, CM_ECORRUPT,
		       "%s has store format %u, and this program works with "
		       "format %d: %s; nothing was changed",
		       store->folder, (unsigned)format, CM_STORE_FORMAT,
		       what_to_do(format));
}

int cm_head_check_key(const struct cm_store *store, struct cm_kv_txn *txn,
		      bool old_too, struct cm_error *err)
{
	struct cm_span value;
	int rc = cm_kv_get(txn, CM_DB_META, cm_span(head_key), &value, err);

	if (rc != CM_OK) /* damage is cm_head_get()'s to tell */
		return rc == CM_ENOTFOUND ? CM_OK : rc;
	if (value.n != CM_HEAD_ROW_LEN ||
	    cm_equal_ct(value.p + 4, store->key_check, CM_MAC_LEN))
		return check_format(store, value, old_too, err);
	return cm_fail(err, CM_ECORRUPT,
		       "%s was made with another store key: restore the "
		       "key file \"%s\" that belongs to it",
		       store->folder, cm_key_kind_name(CM_KEY_STORE));
}

static void read_head(const char *bytes, struct cm_head *head)
{
	const char *p = bytes + 4 + CM_MAC_LEN;

	head->size = cm_get_u64(p);
	head->newest_rec = (int64_t)cm_get_u64(p + 8);
	memcpy(head->root.b, p + 16, CM_HASH_LEN);
	memcpy(head->private_mark, p + 16 + CM_HASH_LEN, CM_MARK_LEN);
}

int cm_head_get(const struct cm_store *store, struct cm_kv_txn *txn,
		struct cm_hmac *hmac, struct cm_head *ret_head,
		struct cm_error *err)
{
	struct cm_span value, bytes;
	int rc = cm_head_check_key(store, txn, false, err);

	if (rc == CM_OK)
		rc = cm_kv_get(txn, CM_DB_META, cm_span(head_key), &value, err);
	if (rc != CM_OK && rc != CM_ENOTFOUND)
		return rc;
	if (rc == CM_OK)
		rc = cm_row_open(hmac, CM_MAC_META, cm_span(head_key), value,
				 &bytes);
	if (rc != CM_OK || bytes.n != HEAD_FIXED)
		return cm_fail(err, CM_ECORRUPT,
			       "%s: the head row is missing or damaged: run "
			       "\"consentctl verify\", then \"rebuild\"",
			       store->env_path[CM_ENV_LEDGER]);
	read_head(bytes.p, ret_head);
	return CM_OK;
}

int cm_head_get_again(const struct cm_store *store, struct cm_kv_txn *txn,
		      struct cm_hmac *hmac, struct cm_head_seen *seen,
		      struct cm_head *ret_head, struct cm_error *err)
{
	struct cm_span value;
	bool there = cm_kv_get(txn, CM_DB_META, cm_span(head_key), &value,
			       NULL) == CM_OK &&
		     value.n == CM_HEAD_ROW_LEN;
	int rc;

	if (there && seen->good &&
	    memcmp(value.p, seen->row, CM_HEAD_ROW_LEN) == 0) {
		read_head(value.p, ret_head);
		return CM_OK;
	}
	rc = cm_head_get(store, txn, hmac, ret_head, err);
	seen->good = there && rc == CM_OK;
	if (seen->good)
		memcpy(seen->row, value.p, CM_HEAD_ROW_LEN);
	return rc;
}

/* ---- tiles -------------------------------------------------------------- */

static int read_tile(void *ctx, unsigned level, uint64_t index,
		     struct cm_span *ret_hashes)
{
	struct cm_tile_store *tiles = ctx;
	uint8_t key[CM_MERKLE_KEY_LEN];

	cm_merkle_key(level, index, key);
	return cm_kv_get(tiles->txn, CM_DB_HASHES,
			 cm_span_n((const char *)key, sizeof(key)), ret_hashes,
			 &tiles->why);
}

static int write_tile(void *ctx, unsigned level, uint64_t index,
		      struct cm_span hashes)
{
	struct cm_tile_store *tiles = ctx;
	uint8_t key[CM_MERKLE_KEY_LEN];

	cm_merkle_key(level, index, key);
	return cm_kv_put(tiles->txn, CM_DB_HASHES,
			 cm_span_n((const char *)key, sizeof(key)), hashes,
			 &tiles->why);
}

void cm_tile_store_init(struct cm_tile_store *tiles, struct cm_kv_txn *txn)
{
	memset(tiles, 0, sizeof(*tiles));
	tiles->txn = txn;
	tiles->tiles = (struct cm_merkle_tiles){
		.ctx = tiles, .read = read_tile, .write = write_tile};
}

int cm_tile_store_why(const struct cm_tile_store *tiles, int rc,
		      struct cm_error *err)
{
	if (rc != CM_OK && err != NULL && (int)tiles->why.code == rc)
		*err = tiles->why;
	return rc;
}

/* ---- opening ------------------------------------------------------------ */

static int make_paths(struct cm_store *store, const char *path,
		      struct cm_error *err)
{
	bool ok;

	store->folder = cm_path_join(path, "store");
	ok = store->folder != NULL;
	for (int i = 0; ok && i < CM_ENVS; i++) {
		store->env_path[i] =
			cm_path_join(store->folder, envs[i].folder);
		ok = store->env_path[i] != NULL;
	}
	if (ok) {
		store->writer_lock = cm_path_join(store->folder, "writer.lock");
		store->stop_lock = cm_path_join(store->folder, "stop.lock");
		store->private_lock = cm_path_join(
			store->env_path[CM_ENV_PRIVATE], "private.lock");
	}
	if (!ok || store->writer_lock == NULL || store->stop_lock == NULL ||
	    store->private_lock == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return CM_OK;
}

static int derive(struct cm_hmac *hmac, const char *label, void *out, size_t n)
{
	const struct cm_span part = cm_span(label);
	uint8_t full[CM_SHA256_LEN];
	int rc = cm_hmac(hmac, &part, 1, full);

	if (rc == CM_OK)
		memcpy(out, full, n);
	cm_wipe(full, sizeof(full));
	return rc;
}

static int make_keys(struct cm_store *store, const struct cm_keys *keys,
		     struct cm_error *err)
{
	const struct cm_key *key = cm_keys_current(keys, CM_KEY_STORE);
	struct cm_hmac *hmac;
	uint8_t seal[CM_SIV_KEY_LEN];
	int rc;

	if (key == NULL)
		return cm_fail(err, CM_ECONFIG, "there is no store key");
	rc = cm_hmac_new(key->bytes, key->len, &hmac, err);
	if (rc != CM_OK)
		return rc;
	if (derive(hmac, "consent-milter 1 row mac", store->mac_key,
		   sizeof(store->mac_key)) != CM_OK ||
	    derive(hmac, "consent-milter 1 key check", store->key_check,
		   sizeof(store->key_check)) != CM_OK ||
	    derive(hmac, "consent-milter 1 stop seal a", seal, CM_SHA256_LEN) !=
		    CM_OK ||
	    derive(hmac, "consent-milter 1 stop seal b", seal + CM_SHA256_LEN,
		   CM_SHA256_LEN) != CM_OK)
		rc = cm_fail(err, CM_ECRYPTO, "cannot derive the store's keys");
	cm_hmac_free(&hmac);
	if (rc == CM_OK)
		rc = cm_siv_new(seal, cm_span("stop evidence"),
				&store->stop_seal, err);
	cm_wipe(seal, sizeof(seal));
	return rc;
}

int cm_store_prepare(const struct cm_store_options *options,
		     enum cm_store_access access, const struct cm_keys *keys,
		     struct cm_store **ret_store, struct cm_error *err)
{
	struct cm_store *store = calloc(1, sizeof(*store));
	int rc;

	if (store == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (pthread_mutex_init(&store->mutex, NULL) != 0 ||
	    pthread_cond_init(&store->stop_done, NULL) != 0) {
		free(store);
		return cm_fail(err, CM_ENOMEM, "out of memory");
	}
	store->access = access;
	store->map_size = options->map_size;
	store->lock_wait_ms = options->lock_wait_ms;
	rc = make_paths(store, options->path, err);
	if (rc == CM_OK)
		rc = make_keys(store, keys, err);
	if (rc != CM_OK) {
		cm_store_close(&store);
		return rc;
	}
	*ret_store = store;
	return CM_OK;
}

int cm_store_open_env(const struct cm_store *store, enum cm_env env,
		      bool read_only, bool create, struct cm_kv **ret_kv,
		      struct cm_error *err)
{
	const struct cm_kv_options options = {
		.path = store->env_path[env],
		.dbs = envs[env].dbs,
		.ndbs = envs[env].ndbs,
		.map_size = store->map_size,
		.read_only = read_only,
		.create = create,
	};

	return cm_kv_open(&options, ret_kv, err);
}

int cm_store_open_private_at(const struct cm_store *store, const char *path,
			     struct cm_kv **ret_kv, struct cm_error *err)
{
	const struct cm_kv_options options = {
		.path = path,
		.dbs = private_dbs,
		.ndbs = CM_PRIVATE_DBS,
		.map_size = store->map_size,
		.create = true,
	};

	return cm_kv_open(&options, ret_kv, err);
}

static int check_key(struct cm_store *store, bool old_too, struct cm_error *err)
{
	struct cm_kv_txn *txn;
	int rc = cm_kv_begin_read(store->ledger, &txn, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_head_check_key(store, txn, old_too, err);
	cm_kv_abort(&txn);
	return rc;
}

int cm_store_open(const struct cm_store_options *options,
		  enum cm_store_access access, const struct cm_keys *keys,
		  struct cm_store **ret_store, struct cm_error *err)
{
	bool read_only = access == CM_STORE_READ;
	struct cm_store *store = NULL;
	int rc = cm_store_prepare(options,
				  read_only ? CM_STORE_READ : CM_STORE_WRITE,
				  keys, &store, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_store_open_env(store, CM_ENV_LEDGER, read_only, false,
			       &store->ledger, err);
	if (rc == CM_OK)
		rc = cm_store_open_env(store, CM_ENV_STOP, read_only, false,
				       &store->stop, err);
	if (rc == CM_ENOTFOUND)
		rc = cm_fail(err, CM_EIO,
			     "no store in %s: run \"consentctl init\"",
			     options->path);
	if (rc == CM_OK)
		rc = check_key(store, access == CM_STORE_REBUILD, err);
	if (rc != CM_OK) {
		cm_store_close(&store);
		return rc;
	}
	if (!read_only)
		cm_erase_resume(store);
	*ret_store = store;
	return CM_OK;
}

bool cm_store_is_old(const struct cm_store *store)
{
	struct cm_kv_txn *txn;
	bool old;

	if (cm_kv_begin_read(store->ledger, &txn, NULL) != CM_OK)
		return false;
	old = cm_head_check_key(store, txn, false, NULL) != CM_OK &&
	      cm_head_check_key(store, txn, true, NULL) == CM_OK;
	cm_kv_abort(&txn);
	return old;
}

void cm_store_close(struct cm_store **store_p)
{
	struct cm_store *store = *store_p;

	if (store == NULL)
		return;
	cm_readers_free(store);
	cm_kv_close(&store->ledger);
	cm_kv_close(&store->stop);
	cm_siv_free(&store->stop_seal);
	for (int i = 0; i < CM_ENVS; i++)
		free(store->env_path[i]);
	free(store->folder);
	free(store->writer_lock);
	free(store->stop_lock);
	free(store->private_lock);
	(void)pthread_cond_destroy(&store->stop_done);
	(void)pthread_mutex_destroy(&store->mutex);
	cm_wipe(store, sizeof(*store));
	free(store);
	*store_p = NULL;
}
