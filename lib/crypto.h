/*
 * crypto - the only file that includes <openssl/...>.
 *
 * Objects are for one thread at a time but for cm_siv.  Failure here means
 * the library or the machine failed, never that input was bad; the exception
 * is what says CM_EDATA of anything it cannot authenticate.
 */
#ifndef CM_LIB_CRYPTO_H
#define CM_LIB_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/str.h"

enum {
	CM_SHA256_LEN = 32,
	CM_SIV_KEY_LEN = 64, /* AES-256-SIV (RFC 5297): two 256-bit halves */
	CM_SIV_TAG_LEN = 16,
	CM_ED25519_SEED_LEN = 32, /* RFC 8032: the private key */
	CM_ED25519_PUBLIC_LEN = 32,
	CM_ED25519_SIG_LEN = 64,
	CM_TIMESTAMP_MAX = 1 << 20, /* octets of an answer; 5 KB is usual */
};

CM_MUST_CHECK int cm_random(void *out, size_t n, struct cm_error *err);

CM_MUST_CHECK int cm_sha256(const void *data, size_t n,
			    uint8_t out[CM_SHA256_LEN]);
/* The digest of several pieces as if they stood in one. */
CM_MUST_CHECK int cm_sha256_parts(const struct cm_span *parts, size_t count,
				  uint8_t out[CM_SHA256_LEN]);

/* The same, set up once for many: half the time (a tree, an import). */
struct cm_hasher;
CM_MUST_CHECK int cm_hasher_new(struct cm_hasher **ret_hasher,
				struct cm_error *err);
void cm_hasher_free(struct cm_hasher **hasher);
CM_MUST_CHECK int cm_hasher_sum(struct cm_hasher *hasher,
				const struct cm_span *parts, size_t count,
				uint8_t out[CM_SHA256_LEN]);

/* HMAC-SHA-256 with the key set up once (0.5 us a call, shared/perf.md). */
struct cm_hmac;
CM_MUST_CHECK int cm_hmac_new(const void *key, size_t n,
			      struct cm_hmac **ret_hmac, struct cm_error *err);
void cm_hmac_free(struct cm_hmac **hmac);
CM_MUST_CHECK int cm_hmac(struct cm_hmac *hmac, const struct cm_span *parts,
			  size_t count, uint8_t out[CM_SHA256_LEN]);

/*
 * AES-256-SIV, deterministic (no nonce), under one key and one associated
 * text, set up once: a quarter of the time.  Unlike the others a cm_siv may be
 * used by many threads at once.  sealed = tag | ciphertext, so it is
 * CM_SIV_TAG_LEN longer than plain, which has 1 octet to 1 MiB.  What did not
 * verify is not left in out_plain.
 */
struct cm_siv;
CM_MUST_CHECK int cm_siv_new(const uint8_t key[CM_SIV_KEY_LEN],
			     struct cm_span associated, struct cm_siv **ret_siv,
			     struct cm_error *err);
void cm_siv_free(struct cm_siv **siv);
CM_MUST_CHECK int cm_siv_seal(const struct cm_siv *siv, struct cm_span plain,
			      uint8_t *out_sealed);
CM_MUST_CHECK int cm_siv_open(const struct cm_siv *siv, struct cm_span sealed,
			      uint8_t *out_plain);

/*
 * Ed25519 (RFC 8032, pure, one shot).  A signature that does not hold, or a
 * public key that is none, is CM_EDATA.
 */
CM_MUST_CHECK int cm_ed25519_public(const uint8_t seed[CM_ED25519_SEED_LEN],
				    uint8_t out_public[CM_ED25519_PUBLIC_LEN],
				    struct cm_error *err);
CM_MUST_CHECK int cm_ed25519_sign(const uint8_t seed[CM_ED25519_SEED_LEN],
				  struct cm_span text,
				  uint8_t out_sig[CM_ED25519_SIG_LEN],
				  struct cm_error *err);
CM_MUST_CHECK int cm_ed25519_verify(
	const uint8_t public_key[CM_ED25519_PUBLIC_LEN], struct cm_span text,
	const uint8_t sig[CM_ED25519_SIG_LEN]);

/*
 * "This was there at that moment", on the word of a time stamp authority (RFC
 * 3161).  Requests and answers are DER; the imprint is SHA-256.  Nothing is
 * sent: see lib/transfer.h.
 */
/* A request for a stamp of data, with a nonce and asking for certificates. */
CM_MUST_CHECK int cm_timestamp_ask(struct cm_span data, struct cm_buf *out,
				   struct cm_error *err);
/*
 * Is the answer a stamp of data by an authority whose certificates are in the
 * PEM file ca?  With a request (else the empty span), also the answer to just
 * this one.  A certificate has to have been good when the stamp was made, so
 * that old stamps stay good.  CM_EDATA says why not; CM_EUSAGE is about ca.
 */
CM_MUST_CHECK int cm_timestamp_check(struct cm_span data,
				     struct cm_span request,
				     struct cm_span answer, const char *ca,
				     int64_t *ret_ms, struct cm_error *err);

/* Constant time. */
bool cm_equal_ct(const void *a, const void *b, size_t n);
/* memset to zero that the compiler keeps. */
void cm_wipe(void *p, size_t n);

/*
 * chain: PEM, the host's own certificate first.  key: PEM, its private key.
 * Do they belong together, and is the certificate for this host?  CM_ECONFIG
 * if not.  An ended one is no error: see *ret_until, seconds since 1970.
 */
CM_MUST_CHECK int cm_certificate_check(struct cm_span chain, struct cm_span key,
				       const char *host, int64_t *ret_until,
				       struct cm_error *err);

#endif
