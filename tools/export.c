/* See export.h. */
#include "tools/export.h"

#include <string.h>

#include "lib/enc.h"
#include "policy/tlog.h"
#include "tools/proof.h"

typedef unsigned long long ull;

int cm_export_begin(struct cm_ctl *ctl, struct cm_heads *ret_heads,
		    struct cm_error *err)
{
	int rc = cm_heads_read(ctl, ret_heads, err);

	if (rc == CM_ENOTFOUND) {
		(void)cm_error_prefix(err,
				      "nothing was signed that a proof could "
				      "rest on: ");
		return err->code = CM_EREFUSED;
	}
	if (rc != CM_OK)
		return rc;
	if (ret_heads->count == 0 ||
	    ret_heads->heads[ret_heads->count - 1].checkpoint.size == 0)
		return cm_fail(err, CM_EREFUSED,
			       "nothing was signed that a proof could rest on "
			       "(sign the ledger first: consentctl "
			       "checkpoint)");
	return CM_OK;
}

int cm_export_key(struct cm_ctl *ctl, struct cm_bundle *bundle,
		  const struct cm_note_key *key, struct cm_error *err)
{
	/* RFC 8410, 4: SubjectPublicKeyInfo of Ed25519 up to the key. */
	static const uint8_t spki[] = {0x30, 0x2A, 0x30, 0x05, 0x06, 0x03,
				       0x2B, 0x65, 0x70, 0x03, 0x21, 0x00};
	uint8_t der[sizeof(spki) + CM_ED25519_PUBLIC_LEN];
	char base64[CM_BASE64_LEN(sizeof(der)) + 1];
	char text[CM_NOTE_KEY_TEXT];
	const char *vkey, *pem;
	int rc;

	memcpy(der, spki, sizeof(spki));
	memcpy(der + sizeof(spki), key->public_key, sizeof(key->public_key));
	(void)cm_base64_encode(der, sizeof(der), base64);
	cm_note_key_public(key, text);
	vkey = cm_arena_printf(ctl->arena, "%s\n", text);
	pem = cm_arena_printf(ctl->arena,
			      "-----BEGIN PUBLIC KEY-----\n%s\n"
			      "-----END PUBLIC KEY-----\n",
			      base64);
	if (vkey == NULL || pem == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_bundle_add(bundle, CM_PROOF_KEY, cm_span(vkey), err);
	if (rc == CM_OK)
		rc = cm_bundle_add(bundle, "public.pem", cm_span(pem), err);
	return rc;
}

static int add(struct cm_ctl *ctl, struct cm_bundle *bundle, uint64_t size,
	       const char *suffix, struct cm_span text, struct cm_error *err)
{
	const char *name = cm_arena_printf(
		ctl->arena, "heads/" CM_PROOF_NAME "%s", (ull)size, suffix);

	if (name == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return cm_bundle_add(bundle, name, text, err);
}

static int add_consistency(struct cm_ctl *ctl, struct cm_bundle *bundle,
			   uint64_t from, uint64_t to,
			   struct cm_store_reader *reader, struct cm_error *err)
{
	struct cm_tlog_consistency proof = {.from = from, .to = to};
	struct cm_buf text;
	int rc = cm_store_consistency(reader, from, to, &proof.path, err);

	if (rc != CM_OK)
		return rc;
	cm_buf_init(&text, CM_TLOG_MAX);
	rc = cm_tlog_print_consistency(&proof, &text);
	rc = rc == CM_OK ? add(ctl, bundle, from, ".consistency",
			       cm_span_n(text.data, text.len), err)
			 : cm_fail(err, rc, "no room for a proof");
	cm_buf_free(&text);
	return rc;
}

static int add_stamp(struct cm_ctl *ctl, struct cm_bundle *bundle,
		     const struct cm_signed_head *head, struct cm_error *err)
{
	const char *path = cm_heads_path(
		ctl, cm_arena_printf(ctl->arena, CM_PROOF_NAME ".tsr",
				     (ull)head->checkpoint.size));
	struct cm_span token;
	int rc = cm_heads_file(ctl, path, &token, err);

	if (rc == CM_ENOTFOUND)
		return CM_OK;
	if (rc == CM_OK)
		rc = add(ctl, bundle, head->checkpoint.size, ".tsr", token,
			 err);
	return rc;
}

int cm_export_head(struct cm_ctl *ctl, struct cm_bundle *bundle,
		   const struct cm_heads *heads, size_t i,
		   struct cm_store_reader *reader, struct cm_error *err)
{
	const struct cm_signed_head *head = &heads->heads[i];
	const struct cm_signed_head *newest = &heads->heads[heads->count - 1];
	uint64_t size = head->checkpoint.size;
	uint8_t sig[CM_ED25519_SIG_LEN];
	struct cm_span text;
	int rc = cm_note_open(&heads->key, head->note, &text, sig, err);

	if (rc == CM_OK)
		rc = add(ctl, bundle, size, ".checkpoint", head->note, err);
	if (rc == CM_OK)
		rc = add(ctl, bundle, size, ".text", text, err);
	if (rc == CM_OK)
		rc = add(ctl, bundle, size, ".sig",
			 cm_span_n((const char *)sig, sizeof(sig)), err);
	if (rc == CM_OK)
		rc = add_stamp(ctl, bundle, head, err);
	if (rc == CM_OK && head != newest && size > 0)
		rc = add_consistency(ctl, bundle, size, newest->checkpoint.size,
				     reader, err);
	return rc;
}
