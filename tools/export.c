/* See export.h. */
#include "tools/export.h"

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

static int add_note(struct cm_ctl *ctl, struct cm_bundle *bundle,
		    const char *note_name, struct cm_span note,
		    struct cm_error *err)
{
	const char *name =
		note_name == NULL
			? NULL
			: cm_arena_printf(ctl->arena, CM_PROOF_KEYS "/%s",
					  note_name);

	if (name == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return cm_bundle_add(bundle, name, note, err);
}

/* How the key changed, and which of them others may have had. */
static int add_notes(struct cm_ctl *ctl, struct cm_bundle *bundle,
		     const struct cm_heads *heads, struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i + 1 < heads->ring.count; i++) {
		rc = add_note(ctl, bundle, cm_heads_rotation(ctl, i + 1),
			      heads->rotations[i], err);
		if (rc == CM_OK && heads->stolen[i].n > 0)
			rc = add_note(ctl, bundle,
				      cm_heads_compromise(ctl, i + 1),
				      heads->stolen[i], err);
	}
	return rc;
}

int cm_export_key(struct cm_ctl *ctl, struct cm_bundle *bundle,
		  const struct cm_heads *heads, struct cm_error *err)
{
	char text[CM_NOTE_KEY_TEXT], pem[CM_NOTE_PEM_TEXT];
	const char *vkey;
	int rc;

	cm_note_key_public(&heads->key, text);
	cm_note_key_pem(&heads->key, pem);
	vkey = cm_arena_printf(ctl->arena, "%s\n", text);
	if (vkey == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_bundle_add(bundle, CM_PROOF_KEY, cm_span(vkey), err);
	if (rc == CM_OK)
		rc = cm_bundle_add(bundle, "public.pem", cm_span(pem), err);
	return rc == CM_OK ? add_notes(ctl, bundle, heads, err) : rc;
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
	const struct cm_note_key *key = &heads->ring.keys[head->key];
	char pem[CM_NOTE_PEM_TEXT];
	int rc = cm_note_open(key, head->note, &text, sig, err);

	if (rc == CM_OK)
		rc = add(ctl, bundle, size, ".checkpoint", head->note, err);
	if (rc == CM_OK)
		rc = add(ctl, bundle, size, ".text", text, err);
	if (rc == CM_OK)
		rc = add(ctl, bundle, size, ".sig",
			 cm_span_n((const char *)sig, sizeof(sig)), err);
	cm_note_key_pem(key, pem);
	if (rc == CM_OK && head->key + 1 < heads->ring.count)
		rc = add(ctl, bundle, size, ".pem", cm_span(pem), err);
	if (rc == CM_OK)
		rc = add_stamp(ctl, bundle, head, err);
	if (rc == CM_OK && head != newest && size > 0)
		rc = add_consistency(ctl, bundle, size, newest->checkpoint.size,
				     reader, err);
	return rc;
}
