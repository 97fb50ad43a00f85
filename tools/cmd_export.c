/*
 * consentctl export-proof: the whole ledger for an auditor, who needs a
 * public key and consent-verify, and neither this store nor its keys.
 *
 * Events name nobody: they hold keyed ids.  Addresses and evidence stay here.
 */
#include "tools/ctl_commands.h"

#include <string.h>

#include "policy/merkle.h"
#include "policy/tlog.h"
#include "tools/ctl_output.h"
#include "tools/export.h"
#include "tools/proof.h"

enum {
	CHUNK = 4096, /* events read at a time; they are copied */
	CHUNK_ARENA_MAX = 64 * 1024 * 1024,
	LEDGER_MAX = INT32_MAX, /* what consent-verify takes in one file */
};

struct export
{
	struct cm_ctl *ctl;
	struct cm_heads heads;
	uint64_t size; /* of the newest head */
	struct cm_bundle *bundle;
	struct cm_buf events, leaves;
};

static const char readme[] =
	"The ledger of consents, for checking\n"
	"====================================\n"
	"\n"
	"ledger/events.jsonl   every event, one a line, in the order of the "
	"ledger\n"
	"ledger/leaves.txt     the hash of each\n"
	"heads/                signed heads: N.checkpoint vouches for the "
	"first "
	"N\n"
	"vkey                  the public key that signs them\n"
	"keys/                 where the key was changed: N.rotation is "
	"signed by\n"
	"                      the old key and the new one\n"
	"\n"
	"    consent-verify -k KEY FOLDER CHECKPOINT...\n"
	"\n"
	"KEY is the public key, which you have by another way than this "
	"folder;\n"
	"CHECKPOINT, any that you kept from before.  People stand in events "
	"as\n"
	"keyed ids (contact, family), never as addresses.\n";

static int read_chunk(struct export *x, struct cm_arena *arena, uint64_t *seq,
		      struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	uint64_t end = *seq + CHUNK < x->size ? *seq + CHUNK : x->size;
	struct cm_hash leaf;
	struct cm_span json;
	int rc = cm_store_read_begin(x->ctl->store, arena, &reader, err);

	for (; rc == CM_OK && *seq < end; (*seq)++) {
		rc = cm_store_event(reader, *seq, &json, err);
		if (rc == CM_OK && cm_merkle_leaf(json, &leaf) != CM_OK)
			rc = cm_fail(err, CM_ECRYPTO, "no SHA-256");
		if (rc != CM_OK)
			break;
		(void)cm_buf_add(&x->events, json.p, json.n);
		(void)cm_buf_addc(&x->events, '\n');
		(void)cm_tlog_print_hash(&leaf, &x->leaves);
		if (cm_buf_ok(&x->events) != CM_OK ||
		    cm_buf_ok(&x->leaves) != CM_OK)
			rc = cm_fail(err, CM_ELIMIT,
				     "the ledger is too large for one export");
	}
	cm_store_read_end(&reader);
	return rc;
}

static int read_ledger(struct export *x, struct cm_error *err)
{
	struct cm_progress progress;
	struct cm_arena *arena = NULL;
	uint64_t seq = 0;
	int rc = cm_arena_new(CHUNK_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	cm_progress_init(&progress, x->ctl->notes);
	progress.what = "reading the ledger";
	while (rc == CM_OK && seq < x->size) {
		rc = read_chunk(x, arena, &seq, err);
		cm_arena_reset(arena);
		cm_progress_show(&progress, seq, x->size);
	}
	cm_progress_end(&progress);
	cm_arena_free(&arena);
	return rc;
}

static int write_heads(struct export *x, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	size_t i;
	int rc =
		cm_store_read_begin(x->ctl->store, x->ctl->arena, &reader, err);

	for (i = 0; rc == CM_OK && i < x->heads.count; i++)
		rc = cm_export_head(x->ctl, x->bundle, &x->heads, i, reader,
				    err);
	cm_store_read_end(&reader);
	return rc;
}

static int write_all(struct export *x, struct cm_error *err)
{
	int rc = cm_export_key(x->ctl, x->bundle, &x->heads, err);

	if (rc == CM_OK)
		rc = write_heads(x, err);
	if (rc == CM_OK)
		rc = cm_bundle_add(
			x->bundle, CM_PROOF_EVENTS,
			cm_span_n(cm_buf_text(&x->events), x->events.len), err);
	if (rc == CM_OK)
		rc = cm_bundle_add(
			x->bundle, CM_PROOF_LEAVES,
			cm_span_n(cm_buf_text(&x->leaves), x->leaves.len), err);
	if (rc == CM_OK)
		rc = cm_bundle_add(x->bundle, "README.txt", cm_span(readme),
				   err);
	return rc == CM_OK ? cm_bundle_finish(x->bundle, err) : rc;
}

int cm_cmd_export_proof(struct cm_ctl *ctl, const struct cm_args *args,
			struct cm_error *err)
{
	struct export x = {.ctl = ctl};
	const char *path = cm_args_get(args, "output");
	int rc = cm_export_begin(ctl, &x.heads, err);

	if (rc != CM_OK)
		return rc;
	x.size = x.heads.heads[x.heads.count - 1].checkpoint.size;
	cm_buf_init(&x.events, LEDGER_MAX);
	cm_buf_init(&x.leaves, LEDGER_MAX);
	rc = cm_bundle_begin(path, ctl->arena, &x.bundle, err);
	if (rc == CM_OK)
		rc = read_ledger(&x, err);
	if (rc == CM_OK)
		rc = write_all(&x, err);
	cm_bundle_end(x.bundle);
	cm_buf_free(&x.events);
	cm_buf_free(&x.leaves);
	if (rc != CM_OK)
		return rc;
	cm_out_plural(ctl->out, x.size, "event");
	(void)fprintf(ctl->out, " and ");
	cm_out_plural(ctl->out, x.heads.count, "signed head");
	(void)fprintf(ctl->out,
		      " written to %s\ncheck with: consent-verify -k "
		      "KEY %s\n",
		      path, path);
	return CM_OK;
}
