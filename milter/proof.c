/* See proof.h. */
#include "milter/proof.h"

#include <string.h>

#include "milter/codec.h"

enum { CHUNK = 16 * 1024 }; /* decoded at a time: a level-1 cache's worth */

static struct cm_span slice(struct cm_span all, size_t from, size_t to)
{
	return cm_span_n(all.p + from, to - from);
}

/* ---- the text of an edited leaf ---------------------------------------- */

/* Walks decoded text, a chunk at a time, octet runs at the caller's pace. */
struct text {
	struct cm_decoder decoder;
	char chunk[CHUNK];
	size_t n;
	size_t used;
	bool bad;
};

static void text_init(struct text *t, enum cm_cte cte, struct cm_span encoded)
{
	cm_decoder_init(&t->decoder, cte, encoded);
	t->n = t->used = 0;
	t->bad = false;
}

/* Octets at hand, reading on if there are none; 0 at the end. */
static size_t text_left(struct text *t)
{
	if (t->used == t->n && !t->bad) {
		t->used = t->n = 0;
		if (cm_decoder_read(&t->decoder, t->chunk, sizeof(t->chunk),
				    &t->n) != CM_OK) {
			t->bad = true;
			t->n = 0;
		}
	}
	return t->n - t->used;
}

static bool text_is(struct text *t, struct cm_span wanted)
{
	while (wanted.n > 0) {
		size_t n = text_left(t);

		if (n > wanted.n)
			n = wanted.n;
		if (n == 0 || memcmp(t->chunk + t->used, wanted.p, n) != 0)
			return false;
		t->used += n;
		wanted.p += n;
		wanted.n -= n;
	}
	return true;
}

/* The next n octets of both (SIZE_MAX: all there are) are the same. */
static bool texts_agree(struct text *a, struct text *b, size_t n)
{
	while (n > 0) {
		size_t na = text_left(a);
		size_t nb = text_left(b);
		size_t step = na < nb ? na : nb;

		if (step > n)
			step = n;
		if (step == 0)
			return n == SIZE_MAX && na == nb && !a->bad && !b->bad;
		if (memcmp(a->chunk + a->used, b->chunk + b->used, step) != 0)
			return false;
		a->used += step;
		b->used += step;
		if (n != SIZE_MAX)
			n -= step;
	}
	return true;
}

static size_t longest_line(struct cm_span text)
{
	size_t longest = 0;

	while (text.n > 0) {
		const char *nl = memchr(text.p, '\n', text.n);
		size_t n = nl != NULL ? (size_t)(nl - text.p) : text.n;

		if (n > 0 && text.p[n - 1] == '\r')
			n--;
		if (n > longest)
			longest = n;
		n = nl != NULL ? (size_t)(nl - text.p) + 1 : text.n;
		text.p += n;
		text.n -= n;
	}
	return longest;
}

static const char *check_leaf(const struct cm_proof_leaf *leaf,
			      struct cm_span was, struct cm_span is,
			      enum cm_cte cte)
{
	struct text old;
	struct text new;
	size_t longest;

	text_init(&old, cte, was);
	text_init(&new, cte, is);
	if (!texts_agree(&old, &new, leaf->at) || !text_is(&new, leaf->piece) ||
	    !texts_agree(&old, &new, SIZE_MAX))
		return "text";
	/* RFC 6152: 8-bit only where there was 8-bit before. */
	if (cm_ascii_only(was.p, was.n) && !cm_ascii_only(is.p, is.n))
		return "8bit";
	longest = longest_line(is);
	if (longest > CM_PROOF_LINE_MAX && longest > longest_line(was))
		return "line";
	return NULL;
}

/* ---- the tree ---------------------------------------------------------- */

static bool same_shape(const struct cm_mime_part *a,
		       const struct cm_mime_part *b)
{
	return a->parent == b->parent && a->number == b->number &&
	       a->children == b->children && a->cte == b->cte &&
	       cm_span_eq(a->type, b->type) &&
	       cm_span_eq(a->subtype, b->subtype) &&
	       cm_span_eq(a->charset, b->charset);
}

static const struct cm_proof_leaf *find_leaf(const struct cm_proof *proof,
					     size_t part)
{
	size_t i;

	for (i = 0; i < proof->nleaves; i++)
		if (proof->leaves[i].part == part)
			return &proof->leaves[i];
	return NULL;
}

/*
 * Part by part, in order: what lies between contents (headers, delimiters,
 * preambles) is the same, and so is each content, unless it was edited.
 */
static const char *check_tree(const struct cm_proof *proof,
			      const struct cm_mime *tree)
{
	size_t done_before = 0;
	size_t done_after = 0;
	size_t i;

	for (i = 0; i < tree->count; i++) {
		const struct cm_mime_part *was = &proof->tree->parts[i];
		const struct cm_mime_part *is = &tree->parts[i];
		const struct cm_proof_leaf *leaf = find_leaf(proof, i);
		struct cm_span old;
		struct cm_span new;
		const char *why = NULL;

		if (!same_shape(was, is))
			return "shape";
		if (cm_mime_is_multipart(was))
			continue;
		if (!cm_span_eq(slice(proof->before, done_before, was->body_at),
				slice(proof->after, done_after, is->body_at)))
			return "between";
		old = slice(proof->before, was->body_at, was->end);
		new = slice(proof->after, is->body_at, is->end);
		if (leaf != NULL)
			why = check_leaf(leaf, old, new, was->cte);
		else if (!cm_span_eq(old, new))
			why = "other";
		if (why != NULL)
			return why;
		/* An empty part had no line end of its own; now it has. */
		done_before = was->end;
		done_after = is->end + (was->joined && !is->joined ? 2 : 0);
	}
	return cm_span_eq(slice(proof->before, done_before, proof->before.n),
			  slice(proof->after, done_after, proof->after.n))
		       ? NULL
		       : "between";
}

int cm_proof_scan(const struct cm_proof *proof, struct cm_arena *arena,
		  const char **ret_why)
{
	struct cm_mime tree;
	int rc = cm_mime_scan(proof->headers, proof->nheaders, proof->after,
			      arena, &tree);

	if (rc != CM_OK)
		return rc;
	if (tree.unsure != NULL)
		*ret_why = tree.unsure;
	else if (tree.count != proof->tree->count)
		*ret_why = "shape";
	else
		*ret_why = check_tree(proof, &tree);
	return CM_OK;
}
