/* Single events, their evidence and the texts shown; see proof.h. */
#include "tools/proof_internal.h"

#include <string.h>

#include "lib/enc.h"
#include "policy/event.h"
#include "policy/tlog.h"

typedef unsigned long long ull;

/* The head of the folder that this note is, octet for octet. */
static const struct cm_proof_head *head_with(const struct cm_proof *proof,
					     struct cm_span note)
{
	size_t i;

	for (i = 0; i < proof->nheads; i++) {
		const struct cm_proof_file *file =
			cm_proof_find(proof, proof->heads[i].name);

		if (cm_span_eq(file->text, note))
			return &proof->heads[i];
	}
	return NULL;
}

/* The proof names a head of this folder, and the head has the event. */
static int check_place(struct cm_proof *proof, uint64_t number,
		       struct cm_span json, struct cm_error *err)
{
	const char *name =
		cm_proof_name(proof, "events", number, ".tlog-proof");
	const struct cm_proof_file *file;
	struct cm_tlog_inclusion read;
	const struct cm_proof_head *head;
	struct cm_error why;
	struct cm_hash leaf;
	int rc;

	if (name == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	file = cm_proof_find(proof, name);
	if (file == NULL) {
		cm_proof_fault(proof,
			       "%s is missing: that event %llu is in the "
			       "ledger is not shown",
			       name, (ull)number);
		return CM_OK;
	}
	if (cm_tlog_parse_inclusion(file->text, &read, &why) != CM_OK) {
		cm_proof_fault(proof, "%s was changed: %s", name, why.text);
		return CM_OK;
	}
	head = head_with(proof, read.checkpoint);
	if (head == NULL) {
		cm_proof_fault(proof,
			       "%s rests on a checkpoint that is none of the "
			       "genuine ones here",
			       name);
		return CM_OK;
	}
	rc = cm_merkle_leaf(json, &leaf);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot hash an event");
	if (read.index != number)
		cm_proof_fault(proof, "%s is about another event, number %llu",
			       name, (ull)read.index);
	else if (cm_merkle_check_inclusion(&leaf, number, head->checkpoint.size,
					   &read.path,
					   &head->checkpoint.root) != CM_OK)
		cm_proof_fault(proof,
			       "event %llu is not the one that stands at this "
			       "place in the ledger: it, or its proof, was "
			       "changed",
			       (ull)number);
	else
		proof->nevents++;
	return CM_OK;
}

static int check_opening(struct cm_proof *proof, uint64_t number,
			 const struct cm_event *event, struct cm_error *err)
{
	const char *name = cm_proof_name(proof, "events", number, ".opening");
	const struct cm_proof_file *file;
	uint8_t hash[CM_HASH_LEN];
	int rc;

	if (name == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	file = cm_proof_find(proof, name);
	if (file == NULL)
		return CM_OK;
	rc = cm_sha256(file->text.p, file->text.n, hash);
	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot hash evidence");
	if (!event->has_evidence ||
	    memcmp(hash, event->evidence.b, sizeof(hash)) != 0)
		cm_proof_fault(proof,
			       "%s is not the evidence that was recorded with "
			       "event %llu",
			       name, (ull)number);
	else
		proof->nopenings++;
	return CM_OK;
}

static int check_event(struct cm_proof *proof, const struct cm_proof_file *file,
		       uint64_t number, struct cm_error *err)
{
	struct cm_event event;
	struct cm_error why;
	int rc = check_place(proof, number, file->text, err);

	if (rc != CM_OK)
		return rc;
	if (cm_event_decode(file->text, &event, &why) != CM_OK) {
		cm_proof_fault(proof, "%s is not an event: %s", file->name,
			       why.text);
		return CM_OK;
	}
	return check_opening(proof, number, &event, err);
}

/* "notices/HASH.txt" */
static int check_notice(struct cm_proof *proof,
			const struct cm_proof_file *file, struct cm_error *err)
{
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1];
	uint8_t hash[CM_HASH_LEN];
	const char *want;
	int rc = cm_sha256(file->text.p, file->text.n, hash);

	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot hash a text");
	(void)cm_hex_encode(hash, sizeof(hash), hex);
	want = cm_arena_printf(proof->arena, "notices/%s.txt", hex);
	if (want == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	if (strcmp(want, file->name) != 0)
		cm_proof_fault(proof,
			       "%s is not the text that was shown: it was "
			       "changed",
			       file->name);
	else
		proof->nnotices++;
	return CM_OK;
}

static bool starts(const char *name, const char *folder)
{
	return strncmp(name, folder, strlen(folder)) == 0;
}

/* A proof or an opening without its event, or nothing of ours. */
static int check_other(struct cm_proof *proof, const char *name,
		       struct cm_error *err)
{
	const char *event;
	uint64_t number;

	if (cm_proof_numbered(name, "events", ".tlog-proof", &number) ||
	    cm_proof_numbered(name, "events", ".opening", &number)) {
		event = cm_proof_name(proof, "events", number, ".json");
		if (event == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		if (cm_proof_find(proof, event) != NULL)
			return CM_OK;
		cm_proof_fault(proof, "%s is missing: %s is about it", event,
			       name);
		return CM_OK;
	}
	cm_proof_fault(proof, "%s is nothing that belongs to an event", name);
	return CM_OK;
}

int cm_proof_check_events(struct cm_proof *proof, struct cm_error *err)
{
	uint64_t number;
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < proof->nfiles; i++) {
		const struct cm_proof_file *file = &proof->files[i];

		if (starts(file->name, "notices/"))
			rc = check_notice(proof, file, err);
		else if (!starts(file->name, "events/"))
			continue;
		else if (cm_proof_numbered(file->name, "events", ".json",
					   &number))
			rc = check_event(proof, file, number, err);
		else
			rc = check_other(proof, file->name, err);
	}
	return rc;
}
