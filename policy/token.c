/* See token.h. */
#include "policy/token.h"

#include <string.h>

#include "lib/enc.h"

enum {
	CM_TOKEN_DAY_LEN = 2,
	CM_TOKEN_PLAIN_MAIL =
		CM_CONTACT_ID_LEN + CM_PURPOSE_ID_LEN + CM_TOKEN_DAY_LEN,
	CM_TOKEN_PLAIN_URL = CM_TOKEN_PLAIN_MAIL + CM_MESSAGE_REF_LEN,
	CM_TOKEN_HEAD = 1 + CM_SIV_TAG_LEN, /* key id and tag */
	CM_TOKEN_BYTES_MAIL = CM_TOKEN_HEAD + CM_TOKEN_PLAIN_MAIL,
	CM_TOKEN_BYTES_URL = CM_TOKEN_HEAD + CM_TOKEN_PLAIN_URL,
};

_Static_assert(CM_BASE64URL_LEN(CM_TOKEN_BYTES_URL) == CM_TOKEN_URL_LEN,
	       "a URL's token has 58 characters");
_Static_assert(CM_BASE32_LEN(CM_TOKEN_BYTES_MAIL) == CM_TOKEN_MAIL_LEN,
	       "a mail address's token has 56 characters");

static void pack(const struct cm_token *token, uint8_t out[CM_TOKEN_PLAIN_URL])
{
	uint8_t *p = out;

	memcpy(p, token->contact.b, CM_CONTACT_ID_LEN);
	p += CM_CONTACT_ID_LEN;
	memcpy(p, token->purpose, CM_PURPOSE_ID_LEN);
	p += CM_PURPOSE_ID_LEN;
	*p++ = (uint8_t)(token->day >> 8);
	*p++ = (uint8_t)token->day;
	if (token->has_message)
		memcpy(p, token->message, CM_MESSAGE_REF_LEN);
	else
		memset(p, 0, CM_MESSAGE_REF_LEN);
}

static void unpack(const uint8_t *p, size_t n, struct cm_token *token)
{
	static const uint8_t none[CM_MESSAGE_REF_LEN];

	memcpy(token->contact.b, p, CM_CONTACT_ID_LEN);
	p += CM_CONTACT_ID_LEN;
	memcpy(token->purpose, p, CM_PURPOSE_ID_LEN);
	p += CM_PURPOSE_ID_LEN;
	token->day = (uint16_t)(p[0] << 8 | p[1]);
	p += CM_TOKEN_DAY_LEN;
	if (n < CM_TOKEN_PLAIN_URL)
		return;
	memcpy(token->message, p, CM_MESSAGE_REF_LEN);
	token->has_message = memcmp(p, none, CM_MESSAGE_REF_LEN) != 0;
}

/* plain_n octets of the packed token, sealed, to CM_TOKEN_HEAD + plain_n. */
static int seal(const struct cm_keys *keys, const struct cm_token *token,
		size_t plain_n, uint8_t *out, struct cm_error *err)
{
	const struct cm_key *key = cm_keys_current(keys, token->kind);
	uint8_t plain[CM_TOKEN_PLAIN_URL];
	int rc;

	if (key == NULL || key->siv == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "there is no %s key for links: run `consentctl "
			       "init`, and let this user read it",
			       cm_key_kind_name(token->kind));
	pack(token, plain);
	out[0] = key->id;
	rc = cm_siv_seal(key->siv, cm_span_n((const char *)plain, plain_n),
			 out + 1);
	if (rc != CM_OK)
		return cm_fail(err, rc, "a %s token cannot be sealed",
			       cm_key_kind_name(token->kind));
	return CM_OK;
}

int cm_token_url(const struct cm_keys *keys, const struct cm_token *token,
		 char out[CM_TOKEN_URL_LEN + 1], struct cm_error *err)
{
	uint8_t bytes[CM_TOKEN_BYTES_URL];
	int rc = seal(keys, token, CM_TOKEN_PLAIN_URL, bytes, err);

	if (rc == CM_OK)
		cm_base64url_encode(bytes, sizeof(bytes), out);
	return rc;
}

int cm_token_mail(const struct cm_keys *keys, const struct cm_token *token,
		  char out[CM_TOKEN_MAIL_LEN + 1], struct cm_error *err)
{
	uint8_t bytes[CM_TOKEN_BYTES_MAIL];
	int rc = seal(keys, token, CM_TOKEN_PLAIN_MAIL, bytes, err);

	if (rc == CM_OK)
		cm_base32_encode(bytes, sizeof(bytes), out);
	return rc;
}

/*
 * The octets a text spells; 0 if it is none of ours.  The lengths differ, so
 * the length tells the form; another length takes the time of ours.
 */
static size_t decode(struct cm_span text, uint8_t out[CM_TOKEN_BYTES_URL])
{
	char other[CM_TOKEN_URL_LEN + 1];
	size_t n = 0;
	int rc = CM_EDATA;

	if (text.n != CM_TOKEN_URL_LEN && text.n != CM_TOKEN_MAIL_LEN) {
		memset(other, '~', sizeof(other));
		text = cm_span_n(other, CM_TOKEN_URL_LEN);
	}
	if (text.n == CM_TOKEN_URL_LEN)
		rc = cm_base64url_decode(text, out, CM_TOKEN_BYTES_URL, &n);
	else if (text.n == CM_TOKEN_MAIL_LEN)
		rc = cm_base32_decode(text, out, CM_TOKEN_BYTES_URL, &n);
	return rc == CM_OK ? n : 0;
}

int cm_token_read(const struct cm_keys *keys, enum cm_key_kind kind,
		  struct cm_span text, struct cm_token *ret_token)
{
	uint8_t bytes[CM_TOKEN_BYTES_URL] = {0};
	uint8_t plain[CM_TOKEN_PLAIN_URL];
	const struct cm_key *key;
	struct cm_token token;
	size_t n = decode(text, bytes);
	bool known = n > 0;
	int rc;

	if (!known) {
		memset(bytes, 0, sizeof(bytes));
		n = sizeof(bytes);
	}
	key = cm_keys_find(keys, kind, bytes[0]);
	if (key == NULL || key->siv == NULL) {
		known = false;
		key = cm_keys_decoy(keys);
	}
	rc = cm_siv_open(key->siv, cm_span_n((const char *)bytes + 1, n - 1),
			 plain);
	if (rc != CM_OK && rc != CM_EDATA)
		return rc;
	if (rc != CM_OK || !known)
		return CM_EDATA;
	memset(&token, 0, sizeof(token));
	token.kind = kind;
	unpack(plain, n - CM_TOKEN_HEAD, &token);
	*ret_token = token;
	return CM_OK;
}
