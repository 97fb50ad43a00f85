/* See crypto.h. */
#include "lib/crypto.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

enum { CM_OPENSSL_TEXT = 256 }; /* ERR_error_string_n(3) asks for 256 */

/* Say what OpenSSL says, and empty its queue. */
static int fail_openssl(struct cm_error *err, const char *what)
{
	char text[CM_OPENSSL_TEXT];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return cm_fail(err, CM_ECRYPTO, "OpenSSL: %s: %s", what, text);
}

int cm_random(void *out, size_t n, struct cm_error *err)
{
	if (RAND_priv_bytes_ex(NULL, out, n, 0) != 1)
		return fail_openssl(err, "no random numbers");
	return CM_OK;
}

struct cm_hasher {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

int cm_hasher_new(struct cm_hasher **ret_hasher, struct cm_error *err)
{
	struct cm_hasher *hasher = calloc(1, sizeof(*hasher));

	if (hasher == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for a hasher");
	/* Fetched once: looking it up costs more than hashing 64 octets. */
	hasher->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	hasher->ctx = EVP_MD_CTX_new();
	if (hasher->md == NULL || hasher->ctx == NULL) {
		cm_hasher_free(&hasher);
		return fail_openssl(err, "no SHA-256");
	}
	*ret_hasher = hasher;
	return CM_OK;
}

void cm_hasher_free(struct cm_hasher **hasher)
{
	if (*hasher == NULL)
		return;
	EVP_MD_CTX_free((*hasher)->ctx);
	EVP_MD_free((*hasher)->md);
	free(*hasher);
	*hasher = NULL;
}

int cm_hasher_sum(struct cm_hasher *hasher, const struct cm_span *parts,
		  size_t count, uint8_t out[CM_SHA256_LEN])
{
	size_t i;

	if (EVP_DigestInit_ex(hasher->ctx, hasher->md, NULL) != 1)
		return CM_ECRYPTO;
	for (i = 0; i < count; i++)
		if (EVP_DigestUpdate(hasher->ctx, parts[i].p, parts[i].n) != 1)
			return CM_ECRYPTO;
	if (EVP_DigestFinal_ex(hasher->ctx, out, NULL) != 1)
		return CM_ECRYPTO;
	return CM_OK;
}

int cm_sha256_parts(const struct cm_span *parts, size_t count,
		    uint8_t out[CM_SHA256_LEN])
{
	struct cm_hasher *hasher = NULL;
	int rc = cm_hasher_new(&hasher, NULL);

	if (rc == CM_OK)
		rc = cm_hasher_sum(hasher, parts, count, out);
	cm_hasher_free(&hasher);
	return rc;
}

int cm_sha256(const void *data, size_t n, uint8_t out[CM_SHA256_LEN])
{
	struct cm_span part = {data, n};

	return cm_sha256_parts(&part, 1, out);
}

struct cm_hmac {
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx;
};

static int hmac_set_key(struct cm_hmac *hmac, const void *key, size_t n)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};

	hmac->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (hmac->mac == NULL)
		return 0;
	hmac->ctx = EVP_MAC_CTX_new(hmac->mac);
	if (hmac->ctx == NULL)
		return 0;
	return EVP_MAC_init(hmac->ctx, key, n, params);
}

int cm_hmac_new(const void *key, size_t n, struct cm_hmac **ret_hmac,
		struct cm_error *err)
{
	struct cm_hmac *hmac;

	/* OpenSSL takes a key of no octets as "the key of before". */
	if (n == 0)
		return cm_fail(err, CM_ECRYPTO, "an HMAC key has no octets");
	hmac = calloc(1, sizeof(*hmac));
	if (hmac == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for an HMAC");
	if (hmac_set_key(hmac, key, n) != 1) {
		cm_hmac_free(&hmac);
		return fail_openssl(err, "no HMAC-SHA-256");
	}
	*ret_hmac = hmac;
	return CM_OK;
}

void cm_hmac_free(struct cm_hmac **hmac)
{
	if (*hmac == NULL)
		return;
	EVP_MAC_CTX_free((*hmac)->ctx);
	EVP_MAC_free((*hmac)->mac);
	free(*hmac);
	*hmac = NULL;
}

int cm_hmac(struct cm_hmac *hmac, const struct cm_span *parts, size_t count,
	    uint8_t out[CM_SHA256_LEN])
{
	size_t i, n;

	/* NULL: the key is set already, which saves a third of the time. */
	if (EVP_MAC_init(hmac->ctx, NULL, 0, NULL) != 1)
		return CM_ECRYPTO;
	for (i = 0; i < count; i++) {
		const void *p = parts[i].p;

		if (EVP_MAC_update(hmac->ctx, p, parts[i].n) != 1)
			return CM_ECRYPTO;
	}
	if (EVP_MAC_final(hmac->ctx, out, &n, CM_SHA256_LEN) != 1)
		return CM_ECRYPTO;
	return CM_OK;
}

/* OpenSSL counts octets in int; nothing we seal comes near. */
enum { CM_SIV_MAX = 1 << 20 };

/*
 * A context takes one text and is spent; setting up another costs three key
 * schedules and three look-ups.  So two that are never spent are copied.
 */
struct cm_siv {
	EVP_CIPHER_CTX *sealing, *opening;
};

static EVP_CIPHER_CTX *siv_context(EVP_CIPHER *cipher, const uint8_t *key,
				   struct cm_span associated, bool seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const void *p = associated.p;
	int n = 0;

	if (ctx == NULL ||
	    EVP_CipherInit_ex2(ctx, cipher, key, NULL, seal, NULL) != 1 ||
	    (associated.n > 0 &&
	     EVP_CipherUpdate(ctx, NULL, &n, p, (int)associated.n) != 1)) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int cm_siv_new(const uint8_t key[CM_SIV_KEY_LEN], struct cm_span associated,
	       struct cm_siv **ret_siv, struct cm_error *err)
{
	EVP_CIPHER *cipher;
	struct cm_siv *siv;

	if (associated.n > CM_SIV_MAX)
		return cm_fail(err, CM_ECRYPTO, "too much associated data");
	siv = calloc(1, sizeof(*siv));
	if (siv == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for a cipher");
	cipher = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
	if (cipher != NULL) {
		siv->sealing = siv_context(cipher, key, associated, true);
		siv->opening = siv_context(cipher, key, associated, false);
	}
	EVP_CIPHER_free(cipher); /* contexts hold their own reference */
	if (siv->sealing == NULL || siv->opening == NULL) {
		cm_siv_free(&siv);
		return fail_openssl(err, "no AES-256-SIV");
	}
	*ret_siv = siv;
	return CM_OK;
}

void cm_siv_free(struct cm_siv **siv)
{
	if (*siv == NULL)
		return;
	EVP_CIPHER_CTX_free((*siv)->sealing);
	EVP_CIPHER_CTX_free((*siv)->opening);
	free(*siv);
	*siv = NULL;
}

/* A context to spend; NULL if OpenSSL fails. */
static EVP_CIPHER_CTX *siv_copy(const EVP_CIPHER_CTX *from)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx == NULL || EVP_CIPHER_CTX_copy(ctx, from) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int cm_siv_seal(const struct cm_siv *siv, struct cm_span plain,
		uint8_t *out_sealed)
{
	EVP_CIPHER_CTX *ctx;
	const void *p = plain.p;
	int rc = CM_ECRYPTO;
	int n = 0;

	if (plain.n == 0 || plain.n > CM_SIV_MAX)
		return CM_ECRYPTO;
	ctx = siv_copy(siv->sealing);
	if (ctx != NULL &&
	    EVP_CipherUpdate(ctx, out_sealed + CM_SIV_TAG_LEN, &n, p,
			     (int)plain.n) == 1 &&
	    EVP_CipherFinal_ex(ctx, out_sealed + CM_SIV_TAG_LEN, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CM_SIV_TAG_LEN,
				out_sealed) == 1)
		rc = CM_OK;
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

int cm_siv_open(const struct cm_siv *siv, struct cm_span sealed,
		uint8_t *out_plain)
{
	uint8_t tag[CM_SIV_TAG_LEN];
	EVP_CIPHER_CTX *ctx;
	size_t plain_n;
	const void *p;
	int rc, n = 0;

	if (sealed.n <= CM_SIV_TAG_LEN || sealed.n > CM_SIV_MAX)
		return CM_EDATA;
	plain_n = sealed.n - CM_SIV_TAG_LEN;
	p = sealed.p + CM_SIV_TAG_LEN;
	memcpy(tag, sealed.p, sizeof(tag));
	ctx = siv_copy(siv->opening);
	if (ctx == NULL || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
					       sizeof(tag), tag) != 1)
		rc = CM_ECRYPTO;
	else if (EVP_CipherUpdate(ctx, out_plain, &n, p, (int)plain_n) == 1 &&
		 EVP_CipherFinal_ex(ctx, out_plain, &n) == 1)
		rc = CM_OK;
	else
		rc = CM_EDATA;
	if (rc != CM_OK)
		cm_wipe(out_plain, plain_n);
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

int cm_ed25519_public(const uint8_t seed[CM_ED25519_SEED_LEN],
		      uint8_t out_public[CM_ED25519_PUBLIC_LEN],
		      struct cm_error *err)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(
		NULL, "ED25519", NULL, seed, CM_ED25519_SEED_LEN);
	size_t n = CM_ED25519_PUBLIC_LEN;
	bool good = key != NULL &&
		    EVP_PKEY_get_raw_public_key(key, out_public, &n) == 1;

	EVP_PKEY_free(key);
	return good ? CM_OK : fail_openssl(err, "no Ed25519 key");
}

int cm_ed25519_sign(const uint8_t seed[CM_ED25519_SEED_LEN],
		    struct cm_span text, uint8_t out_sig[CM_ED25519_SIG_LEN],
		    struct cm_error *err)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(
		NULL, "ED25519", NULL, seed, CM_ED25519_SEED_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = CM_ED25519_SIG_LEN;
	const void *p = text.p;
	bool good = key != NULL && ctx != NULL &&
		    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(ctx, out_sig, &n, p, text.n) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good ? CM_OK : fail_openssl(err, "cannot sign");
}

int cm_ed25519_verify(const uint8_t public_key[CM_ED25519_PUBLIC_LEN],
		      struct cm_span text,
		      const uint8_t sig[CM_ED25519_SIG_LEN])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(
		NULL, "ED25519", NULL, public_key, CM_ED25519_PUBLIC_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const void *p = text.p;
	int rc = CM_ECRYPTO;

	if (key != NULL && ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		rc = EVP_DigestVerify(ctx, sig, CM_ED25519_SIG_LEN, p,
				      text.n) == 1
			     ? CM_OK
			     : CM_EDATA;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return rc;
}

bool cm_equal_ct(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void cm_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
