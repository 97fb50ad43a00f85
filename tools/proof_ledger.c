/*
 * All events of a ledger; see proof.h.
 *
 * A root alone says that something is wrong, not where.  So the export brings
 * the hash of every event along: first the list of hashes is held against the
 * signed heads, then each event against its hash.
 */
#include "tools/proof_internal.h"

#include <stdlib.h>
#include <string.h>

#include "policy/event.h"
#include "policy/tlog.h"

typedef unsigned long long ull;

struct ledger {
	struct cm_proof *proof;
	struct cm_hash *leaves; /* as leaves.txt has them */
	size_t nleaves;
	struct cm_hash *events; /* as the events are */
	size_t nevents;
	bool signed_leaves; /* the list of hashes is what was signed */
};

static size_t count_lines(struct cm_span text)
{
	size_t i, n = 0;

	for (i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n + (text.n > 0 && text.p[text.n - 1] != '\n');
}

/* ---- reading ------------------------------------------------------------ */

static int read_leaves(struct ledger *l, struct cm_error *err)
{
	const struct cm_proof_file *file =
		cm_proof_find(l->proof, CM_PROOF_LEAVES);
	struct cm_span rest;

	if (file == NULL) {
		cm_proof_fault(l->proof, CM_PROOF_LEAVES
			       ", the list of the events' hashes, is missing");
		return CM_OK;
	}
	rest = file->text;
	l->leaves = calloc(count_lines(rest) + 1, sizeof(*l->leaves));
	if (l->leaves == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for the hashes");
	if (rest.n > 0 && rest.p[rest.n - 1] != '\n')
		cm_proof_fault(l->proof, CM_PROOF_LEAVES
			       " breaks off in the middle of a line");
	while (rest.n > 0) {
		struct cm_span one = cm_span_cut(&rest, '\n');

		if (cm_tlog_parse_hash(one, &l->leaves[l->nleaves]) != CM_OK)
			cm_proof_fault(l->proof,
				       CM_PROOF_LEAVES
				       ", line %zu, was changed: it is no hash",
				       l->nleaves + 1);
		l->nleaves++;
	}
	return CM_OK;
}

static int read_events(struct ledger *l, struct cm_error *err)
{
	struct cm_span rest = cm_proof_find(l->proof, CM_PROOF_EVENTS)->text;
	struct cm_event event;
	struct cm_error why;

	l->events = calloc(count_lines(rest) + 1, sizeof(*l->events));
	if (l->events == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for the events");
	if (rest.n > 0 && rest.p[rest.n - 1] != '\n')
		cm_proof_fault(l->proof, CM_PROOF_EVENTS
			       " breaks off in the middle of an event: its end "
			       "was cut off");
	while (rest.n > 0) {
		struct cm_span one = cm_span_cut(&rest, '\n');
		int rc = cm_merkle_leaf(one, &l->events[l->nevents]);

		if (rc != CM_OK)
			return cm_fail(err, rc, "cannot hash an event");
		if (cm_event_decode(one, &event, &why) != CM_OK)
			cm_proof_fault(l->proof, "event %zu is none: %s",
				       l->nevents, why.text);
		l->nevents++;
	}
	return CM_OK;
}

/* ---- the hashes against the heads --------------------------------------- */

static int no_tile(void *ctx, unsigned level, uint64_t index,
		   struct cm_span *ret_hashes)
{
	(void)ctx, (void)level, (void)index, (void)ret_hashes;
	return CM_ENOTFOUND;
}

static int forget_tile(void *ctx, unsigned level, uint64_t index,
		       struct cm_span hashes)
{
	(void)ctx, (void)level, (void)index, (void)hashes;
	return CM_OK;
}

/* A head that the list of hashes does not lead to. */
static void no_such_head(struct ledger *l, const struct cm_proof_head *head,
			 bool held)
{
	cm_proof_fault(l->proof,
		       "the ledger was rewritten: %s%s%s was signed for its "
		       "first %llu events, and these are not the same any more",
		       held ? "the checkpoint that you kept, " : "", head->name,
		       held ? "," : "", (ull)head->checkpoint.size);
}

/* A head of the folder, or one that somebody kept. */
struct wanted {
	const struct cm_proof_head *head;
	bool held;
};

static int by_size(const void *a, const void *b)
{
	uint64_t x = ((const struct wanted *)a)->head->checkpoint.size;
	uint64_t y = ((const struct wanted *)b)->head->checkpoint.size;

	return x < y ? -1 : x > y ? 1 : 0;
}

static struct wanted *sort_wanted(const struct cm_proof *proof,
				  size_t *ret_count)
{
	size_t count = proof->nheads + proof->nheld, i;
	struct wanted *wanted = calloc(count + 1, sizeof(*wanted));

	if (wanted == NULL)
		return NULL;
	for (i = 0; i < proof->nheads; i++)
		wanted[i] = (struct wanted){&proof->heads[i], false};
	for (i = 0; i < proof->nheld; i++)
		wanted[proof->nheads + i] =
			(struct wanted){&proof->held[i], true};
	qsort(wanted, count, sizeof(*wanted), by_size);
	*ret_count = count;
	return wanted;
}

/* All heads of the size that the appender has now; *at goes past them. */
static int compare_heads(struct ledger *l, struct cm_merkle_appender *appender,
			 const struct wanted *wanted, size_t count, size_t *at,
			 size_t size, struct cm_error *err)
{
	struct cm_hash root;
	uint64_t n;

	while (*at < count && wanted[*at].head->checkpoint.size == size) {
		const struct wanted *one = &wanted[(*at)++];
		int rc = cm_merkle_append_finish(appender, &n, &root, err);

		if (rc != CM_OK)
			return rc;
		if (memcmp(&root, &one->head->checkpoint.root, sizeof(root)) ==
		    0)
			continue;
		l->signed_leaves = false;
		no_such_head(l, one->head, one->held);
	}
	return CM_OK;
}

static int check_leaves(struct ledger *l, struct cm_error *err)
{
	const struct cm_merkle_tiles none = {.read = no_tile,
					     .write = forget_tile};
	struct cm_merkle_appender *appender = NULL;
	size_t i, count = 0, at = 0;
	struct wanted *wanted = sort_wanted(l->proof, &count);
	int rc;

	if (wanted == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for the heads");
	rc = cm_merkle_append_begin(&none, 0, &appender, err);
	for (i = 0; rc == CM_OK && i <= l->nleaves; i++) {
		rc = compare_heads(l, appender, wanted, count, &at, i, err);
		if (rc == CM_OK && i < l->nleaves)
			rc = cm_merkle_append_leaf(appender, &l->leaves[i],
						   err);
	}
	cm_merkle_append_free(&appender);
	free(wanted);
	return rc;
}

static void check_size(struct ledger *l)
{
	struct cm_proof *proof = l->proof;
	uint64_t newest =
		proof->nheads == 0
			? 0
			: proof->heads[proof->nheads - 1].checkpoint.size;
	size_t i;

	if (proof->nheads > 0 && newest != l->nleaves)
		cm_proof_fault(
			proof,
			"%s: %llu events were signed for, and " CM_PROOF_LEAVES
			" has %zu",
			newest > l->nleaves ? "the end was cut off"
					    : "something was added at "
					      "the end",
			(ull)newest, l->nleaves);
	l->signed_leaves = proof->nheads > 0 && newest == l->nleaves;
	for (i = 0; i < proof->nheld; i++) {
		if (proof->held[i].checkpoint.size > newest)
			cm_proof_fault(proof,
				       "the end was cut off: the checkpoint "
				       "that you kept, %s, is of %llu events, "
				       "and this export ends at %llu",
				       proof->held[i].name,
				       (ull)proof->held[i].checkpoint.size,
				       (ull)newest);
	}
}

/* ---- the events against their hashes ------------------------------------ */

struct place {
	struct cm_hash leaf;
	size_t at;
};

static int by_leaf(const void *a, const void *b)
{
	return memcmp(((const struct place *)a)->leaf.b,
		      ((const struct place *)b)->leaf.b, CM_HASH_LEN);
}

/* All hashes in their order, to look a displaced event up. */
static struct place *sort_places(const struct ledger *l)
{
	struct place *places = calloc(l->nleaves + 1, sizeof(*places));
	size_t i;

	if (places == NULL)
		return NULL;
	for (i = 0; i < l->nleaves; i++)
		places[i] = (struct place){l->leaves[i], i};
	qsort(places, l->nleaves, sizeof(*places), by_leaf);
	return places;
}

static void displaced(struct ledger *l, const struct place *places, size_t i)
{
	struct place key = {.leaf = l->events[i]};
	const struct place *found =
		bsearch(&key, places, l->nleaves, sizeof(*places), by_leaf);

	if (found == NULL)
		cm_proof_fault(l->proof,
			       "event %zu was changed: it is not the one that "
			       "was recorded at this place",
			       i);
	else
		cm_proof_fault(l->proof,
			       "the order was changed: what stands as event "
			       "%zu was recorded as event %zu",
			       i, found->at);
}

static int check_each(struct ledger *l, struct cm_error *err)
{
	size_t both = l->nevents < l->nleaves ? l->nevents : l->nleaves;
	struct place *places = NULL;
	size_t i, good = 0;

	for (i = 0; i < both; i++) {
		if (memcmp(&l->events[i], &l->leaves[i], sizeof(*l->events)) ==
		    0) {
			good++;
			continue;
		}
		if (places == NULL)
			places = sort_places(l);
		if (places == NULL)
			return cm_fail(err, CM_ENOMEM, "no memory to compare");
		displaced(l, places, i);
	}
	free(places);
	if (l->nevents < l->nleaves)
		cm_proof_fault(l->proof,
			       "events are missing: there are %zu of the %zu "
			       "that were recorded",
			       l->nevents, l->nleaves);
	if (l->nevents > l->nleaves)
		cm_proof_fault(l->proof,
			       "events were added: there are %zu, and %zu were "
			       "recorded",
			       l->nevents, l->nleaves);
	if (l->signed_leaves)
		l->proof->nevents += good;
	return CM_OK;
}

int cm_proof_check_ledger(struct cm_proof *proof, struct cm_error *err)
{
	struct ledger l = {.proof = proof};
	int rc = read_leaves(&l, err);

	if (rc == CM_OK)
		rc = read_events(&l, err);
	if (rc == CM_OK) {
		check_size(&l);
		rc = check_leaves(&l, err);
	}
	if (rc == CM_OK)
		rc = check_each(&l, err);
	free(l.leaves);
	free(l.events);
	return rc;
}
