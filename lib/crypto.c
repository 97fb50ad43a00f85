/* See crypto.h. */
#include "lib/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/clock.h"

enum {
	CM_OPENSSL_TEXT = 256, /* ERR_error_string_n(3) asks for 256 */
	NONCE_LEN = 8,         /* of a time stamp's request */
	REQUEST_MAX = 4096,    /* ditto, octets; 60 is usual */
};

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

/* ---- time stamps: asking ------------------------------------------------ */

static int not_a_stamp(struct cm_error *err, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());
	int rc = cm_fail(err, CM_EDATA, "%s%s%s", what, why != NULL ? ": " : "",
			 why != NULL ? why : "");

	ERR_clear_error();
	return rc;
}

static TS_MSG_IMPRINT *imprint_of(struct cm_span data)
{
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	uint8_t hash[CM_SHA256_LEN];
	bool good = imprint != NULL && algorithm != NULL &&
		    cm_sha256(data.p, data.n, hash) == CM_OK &&
		    X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256),
				    V_ASN1_NULL, NULL) == 1 &&
		    TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
		    TS_MSG_IMPRINT_set_msg(imprint, hash, sizeof(hash)) == 1;

	X509_ALGOR_free(algorithm);
	if (good)
		return imprint;
	TS_MSG_IMPRINT_free(imprint);
	return NULL;
}

/* Version 1, the imprint, and that certificates are to come along. */
static TS_REQ *request_for(struct cm_span data)
{
	TS_REQ *request = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = imprint_of(data);
	bool good = request != NULL && imprint != NULL &&
		    TS_REQ_set_version(request, 1) == 1 &&
		    TS_REQ_set_msg_imprint(request, imprint) == 1 &&
		    TS_REQ_set_cert_req(request, 1) == 1;

	TS_MSG_IMPRINT_free(imprint);
	if (good)
		return request;
	TS_REQ_free(request);
	return NULL;
}

static bool set_nonce(TS_REQ *request)
{
	uint8_t octets[NONCE_LEN];
	BIGNUM *number = NULL;
	ASN1_INTEGER *nonce = NULL;
	bool good = cm_random(octets, sizeof(octets), NULL) == CM_OK;

	octets[0] |= 0x40; /* never zero, never negative, always as long */
	octets[0] &= 0x7F;
	if (good)
		number = BN_bin2bn(octets, sizeof(octets), NULL);
	if (number != NULL)
		nonce = BN_to_ASN1_INTEGER(number, NULL);
	good = nonce != NULL && TS_REQ_set_nonce(request, nonce) == 1;
	ASN1_INTEGER_free(nonce);
	BN_free(number);
	return good;
}

int cm_timestamp_ask(struct cm_span data, struct cm_buf *out,
		     struct cm_error *err)
{
	TS_REQ *request = request_for(data);
	unsigned char *der = NULL;
	int n = request != NULL && set_nonce(request)
			? i2d_TS_REQ(request, &der)
			: -1;
	int rc = n > 0 ? cm_buf_add(out, der, (size_t)n) : CM_ECRYPTO;

	OPENSSL_free(der);
	TS_REQ_free(request);
	ERR_clear_error();
	if (rc != CM_OK)
		return cm_fail(err, rc, "no request for a time stamp");
	return CM_OK;
}

/* ---- time stamps: checking ---------------------------------------------- */

/* All of the octets, or nothing. */
static TS_RESP *read_answer(struct cm_span answer)
{
	const unsigned char *p = (const void *)answer.p;
	TS_RESP *response = answer.n > CM_TIMESTAMP_MAX
				    ? NULL
				    : d2i_TS_RESP(NULL, &p, (long)answer.n);

	if (response != NULL && (const char *)p == answer.p + answer.n)
		return response;
	TS_RESP_free(response);
	return NULL;
}

static TS_REQ *read_request(struct cm_span data, struct cm_span request)
{
	const unsigned char *p = (const void *)request.p;

	if (request.n == 0)
		return request_for(data);
	return request.n > REQUEST_MAX ? NULL
				       : d2i_TS_REQ(NULL, &p, (long)request.n);
}

static int read_stamp_time(TS_RESP *response, int64_t *ret_ms)
{
	const TS_TST_INFO *info = TS_RESP_get_tst_info(response);
	char text[CM_CLOCK_TEXT];
	struct tm tm;

	if (info == NULL ||
	    ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm) != 1)
		return CM_EDATA;
	if (snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
		     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		     tm.tm_min, tm.tm_sec) >= (int)sizeof(text))
		return CM_EDATA;
	return cm_clock_parse(cm_span(text), ret_ms);
}

/* Trust in ca alone, as of the moment of the stamp. */
static X509_STORE *trust_in(const char *ca, int64_t at_ms)
{
	X509_STORE *store = X509_STORE_new();

	if (store != NULL && X509_STORE_load_file(store, ca) == 1) {
		X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store),
					   (time_t)(at_ms / CM_SECOND_MS));
		return store;
	}
	X509_STORE_free(store);
	return NULL;
}

static int verify_stamp(TS_REQ *request, TS_RESP *response, const char *ca,
			int64_t at_ms, struct cm_error *err)
{
	TS_VERIFY_CTX *ctx = TS_REQ_to_TS_VERIFY_CTX(request, NULL);
	X509_STORE *store = trust_in(ca, at_ms);
	int rc = CM_OK;

	if (store == NULL) {
		ERR_clear_error();
		rc = cm_fail(err, CM_EUSAGE,
			     "%s holds no certificate of a time stamp "
			     "authority that can be read (PEM)",
			     ca);
	} else if (ctx == NULL) {
		X509_STORE_free(store);
		rc = not_a_stamp(err, "cannot be checked");
	} else {
		(void)TS_VERIFY_CTX_set_store(ctx, store); /* its own now */
		(void)TS_VERIFY_CTX_add_flags(ctx, TS_VFY_SIGNATURE);
		if (TS_RESP_verify_response(ctx, response) != 1)
			rc = not_a_stamp(err, "not a time stamp of this by an "
					      "authority that is trusted");
	}
	TS_VERIFY_CTX_free(ctx);
	return rc;
}

int cm_timestamp_check(struct cm_span data, struct cm_span request,
		       struct cm_span answer, const char *ca, int64_t *ret_ms,
		       struct cm_error *err)
{
	TS_RESP *response = read_answer(answer);
	TS_REQ *asked = read_request(data, request);
	int64_t ms = 0;
	int rc;

	if (response == NULL || asked == NULL)
		rc = not_a_stamp(err,
				 "not an answer of a time stamp authority");
	else if (read_stamp_time(response, &ms) != CM_OK)
		rc = not_a_stamp(err, "the authority gave no stamp");
	else
		rc = verify_stamp(asked, response, ca, ms, err);
	TS_REQ_free(asked);
	TS_RESP_free(response);
	ERR_clear_error();
	if (rc == CM_OK)
		*ret_ms = ms;
	return rc;
}

/* ---- certificates ------------------------------------------------------- */

struct pair {
	X509 *certificate;
	EVP_PKEY *key;
};

/* A daemon has nobody to ask. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static BIO *open_text(struct cm_span text)
{
	return text.n <= INT_MAX ? BIO_new_mem_buf(text.p, (int)text.n) : NULL;
}

static int read_pair(struct cm_span chain, struct cm_span key,
		     struct pair *pair, struct cm_error *err)
{
	BIO *chain_bio = open_text(chain);
	BIO *key_bio = open_text(key);
	int rc = CM_OK;

	if (chain_bio != NULL)
		pair->certificate =
			PEM_read_bio_X509(chain_bio, NULL, no_passphrase, NULL);
	if (key_bio != NULL)
		pair->key = PEM_read_bio_PrivateKey(key_bio, NULL,
						    no_passphrase, NULL);
	if (pair->certificate == NULL)
		rc = cm_fail(err, CM_ECONFIG,
			     "there is no PEM certificate in the first");
	else if (pair->key == NULL)
		rc = cm_fail(err, CM_ECONFIG,
			     "there is no PEM private key without a passphrase "
			     "in the second");
	BIO_free(chain_bio);
	BIO_free(key_bio);
	return rc;
}

static int check_pair(const struct pair *pair, const char *host,
		      int64_t *ret_until, struct cm_error *err)
{
	struct tm until;

	if (X509_check_private_key(pair->certificate, pair->key) != 1)
		return cm_fail(err, CM_ECONFIG,
			       "the key is not that of the certificate");
	if (X509_check_host(pair->certificate, host, 0, 0, NULL) != 1)
		return cm_fail(err, CM_ECONFIG,
			       "the certificate is not for %s, where "
			       "web.base-url leads",
			       host);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(pair->certificate), &until) != 1)
		return cm_fail(err, CM_ECONFIG,
			       "the certificate does not say when it ends");
	*ret_until = (int64_t)timegm(&until);
	return CM_OK;
}

int cm_certificate_check(struct cm_span chain, struct cm_span key,
			 const char *host, int64_t *ret_until,
			 struct cm_error *err)
{
	struct pair pair = {NULL, NULL};
	int rc = read_pair(chain, key, &pair, err);

	if (rc == CM_OK)
		rc = check_pair(&pair, host, ret_until, err);
	X509_free(pair.certificate);
	EVP_PKEY_free(pair.key);
	return rc;
}
