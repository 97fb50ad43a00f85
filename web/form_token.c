/* See form_token.h. */
#include "web/form_token.h"

#include <string.h>

#include "lib/enc.h"

enum {
	TIME_LEN = 8,
	PLACE_LEN = 8, /* of its SHA-256: no two of ours are alike */
	PLAIN_LEN = TIME_LEN + CM_FORM_NONCE_LEN + PLACE_LEN,
	BYTES_LEN = 1 + CM_SIV_TAG_LEN + PLAIN_LEN,
};

_Static_assert(CM_BASE64URL_LEN(BYTES_LEN) == CM_FORM_TOKEN_LEN,
	       "a form's token has 55 characters");

static int digest_place(struct cm_span place, uint8_t out[PLACE_LEN])
{
	uint8_t digest[CM_SHA256_LEN];
	int rc = cm_sha256(place.p, place.n, digest);

	if (rc == CM_OK)
		memcpy(out, digest, PLACE_LEN);
	return rc;
}

int cm_form_token_make(const struct cm_keys *keys, struct cm_span place,
		       int64_t now, const uint8_t nonce[CM_FORM_NONCE_LEN],
		       char out[CM_FORM_TOKEN_LEN + 1], struct cm_error *err)
{
	const struct cm_key *key = cm_keys_current(keys, CM_KEY_PREFERENCE);
	uint8_t plain[PLAIN_LEN], bytes[BYTES_LEN];
	size_t i;
	int rc;

	if (key == NULL || key->siv == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "there is no %s key for forms: run `consentctl "
			       "init`, and let this user read it",
			       cm_key_kind_name(CM_KEY_PREFERENCE));
	for (i = 0; i < TIME_LEN; i++)
		plain[i] = (uint8_t)((uint64_t)now >> (56 - 8 * i));
	memcpy(plain + TIME_LEN, nonce, CM_FORM_NONCE_LEN);
	rc = digest_place(place, plain + TIME_LEN + CM_FORM_NONCE_LEN);
	bytes[0] = key->id;
	if (rc == CM_OK)
		rc = cm_siv_seal(key->siv,
				 cm_span_n((const char *)plain, PLAIN_LEN),
				 bytes + 1);
	if (rc != CM_OK)
		return cm_fail(err, rc, "a form's token cannot be sealed");
	cm_base64url_encode(bytes, BYTES_LEN, out);
	return CM_OK;
}

static bool open_token(const struct cm_keys *keys, struct cm_span text,
		       uint8_t plain[PLAIN_LEN])
{
	uint8_t bytes[BYTES_LEN];
	const struct cm_key *key;
	size_t n;

	if (cm_base64url_decode(text, bytes, BYTES_LEN, &n) != CM_OK ||
	    n != BYTES_LEN)
		return false;
	key = cm_keys_find(keys, CM_KEY_PREFERENCE, bytes[0]);
	return key != NULL && key->siv != NULL &&
	       cm_siv_open(key->siv,
			   cm_span_n((const char *)bytes + 1, BYTES_LEN - 1),
			   plain) == CM_OK;
}

enum cm_form_token cm_form_token_check(const struct cm_keys *keys,
				       struct cm_span place,
				       struct cm_span text, int64_t now)
{
	uint8_t plain[PLAIN_LEN], digest[PLACE_LEN];
	uint64_t made = 0;
	int64_t age;
	size_t i;

	if (!open_token(keys, text, plain) ||
	    digest_place(place, digest) != CM_OK ||
	    memcmp(digest, plain + TIME_LEN + CM_FORM_NONCE_LEN, PLACE_LEN) !=
		    0)
		return CM_FORM_TOKEN_BAD;
	for (i = 0; i < TIME_LEN; i++)
		made = made << 8 | plain[i];
	age = now - (int64_t)made;
	if (age < CM_FORM_AGE_MIN_MS)
		return CM_FORM_TOKEN_EARLY;
	return age <= CM_FORM_AGE_MAX_MS ? CM_FORM_TOKEN_GOOD
					 : CM_FORM_TOKEN_OLD;
}

const char *cm_form_token_name(enum cm_form_token said)
{
	static const char *const names[] = {
		[CM_FORM_TOKEN_GOOD] = "good",
		[CM_FORM_TOKEN_EARLY] = "early",
		[CM_FORM_TOKEN_OLD] = "old",
		[CM_FORM_TOKEN_BAD] = "bad",
	};

	return names[said];
}
