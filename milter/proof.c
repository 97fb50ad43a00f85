/* See proof.h. */
#define _GNU_SOURCE /* memrchr */
#include "milter/proof.h"

#include <string.h>

#include "milter/codec.h"

enum {
	CHUNK = 16 * 1024, /* decoded at a time: a level-1 cache's worth */
	COMPARED = 512,    /* at a time: a call costs less than these octets */
};

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

/*
 * Is longest_line() at most max?  A yes is certain, a no is not: it steps
 * from the last line end within reach to the next, so that 50 KB in short
 * lines take 50 looks instead of 700.
 */
static bool lines_are_short(struct cm_span text, size_t max)
{
	while (text.n > max) {
		const char *nl = memrchr(text.p, '\n', max + 1);
		size_t n;

		if (nl == NULL)
			return false;
		n = (size_t)(nl - text.p) + 1;
		text.p += n;
		text.n -= n;
	}
	return true;
}

static bool text_ends(struct text *t)
{
	return text_left(t) == 0 && !t->bad;
}

/* A line over the limit, and longer than those there were. */
static bool has_longer_line(struct cm_span is, struct cm_span was)
{
	size_t longest = longest_line(is);

	return longest > CM_PROOF_LINE_MAX && longest > longest_line(was);
}

/* Octets that both begin with, up to and with a line end. */
static size_t common_head(struct cm_span a, struct cm_span b)
{
	size_t max = a.n < b.n ? a.n : b.n;
	size_t i = 0;

	while (max - i >= COMPARED && memcmp(a.p + i, b.p + i, COMPARED) == 0)
		i += COMPARED;
	while (i < max && a.p[i] == b.p[i])
		i++;
	while (i > 0 && a.p[i - 1] != '\n')
		i--;
	return i;
}

/* Octets that both end with, behind a line end. */
static size_t common_tail(struct cm_span a, struct cm_span b)
{
	size_t max = a.n < b.n ? a.n : b.n;
	size_t i = 0;

	while (i < max && a.p[a.n - i - 1] == b.p[b.n - i - 1])
		i++;
	while (i > 0 && a.p[a.n - i] != '\n')
		i--;
	return i > 0 ? i - 1 : 0;
}

static bool decoded_length(enum cm_cte cte, struct cm_span encoded,
			   size_t *ret_n)
{
	struct text t;

	*ret_n = 0;
	text_init(&t, cte, encoded);
	while (text_left(&t) > 0) {
		*ret_n += t.n;
		t.used = t.n;
	}
	return !t.bad;
}

/*
 * Lines decode by themselves but in base64, so lines that are the same octets
 * before and after are the same text: only those between are decoded.
 */
static bool changed_lines_are(const struct cm_proof_leaf *leaf,
			      struct cm_span was, struct cm_span is,
			      enum cm_cte cte)
{
	size_t head = common_head(was, is);
	struct cm_span old = slice(was, head, was.n);
	struct cm_span new = slice(is, head, is.n);
	size_t tail = common_tail(old, new);
	struct text t;
	size_t from, to;

	if (!decoded_length(cte, slice(old, old.n - tail, old.n), &to) ||
	    !decoded_length(cte, slice(old, 0, old.n - tail), &from) ||
	    to > leaf->text.n || from > leaf->text.n - to)
		return false;
	to = leaf->text.n - to;
	from = to - from;
	if (leaf->at < from || leaf->at > to)
		return false;
	text_init(&t, cte, slice(old, 0, old.n - tail));
	if (!text_is(&t, slice(leaf->text, from, to)) || !text_ends(&t))
		return false;
	text_init(&t, cte, slice(new, 0, new.n - tail));
	return text_is(&t, slice(leaf->text, from, leaf->at)) &&
	       text_is(&t, leaf->piece) &&
	       text_is(&t, slice(leaf->text, leaf->at, to)) && text_ends(&t);
}

/* The old text as it was planned on, or decoded again where it was let go. */
static bool is_old_and_piece(const struct cm_proof_leaf *leaf,
			     struct cm_span was, struct cm_span is,
			     enum cm_cte cte)
{
	struct text old;
	struct text new;

	if (leaf->text.p != NULL && !leaf->upgraded && cte != CM_CTE_BASE64)
		return changed_lines_are(leaf, was, is, cte);
	text_init(&old, cte, was);
	text_init(&new, leaf->upgraded ? leaf->cte : cte, is);
	return texts_agree(&old, &new, leaf->at) &&
	       text_is(&new, leaf->piece) && texts_agree(&old, &new, SIZE_MAX);
}

static const char *check_leaf(const struct cm_proof_leaf *leaf,
			      struct cm_span was, struct cm_span is,
			      enum cm_cte cte)
{
	if (!is_old_and_piece(leaf, was, is, cte))
		return "text";
	/* RFC 6152: 8-bit only where there was 8-bit before. */
	if (cte == CM_CTE_8BIT && cm_ascii_only(was.p, was.n) &&
	    !cm_ascii_only(is.p, is.n))
		return "8bit";
	if (lines_are_short(is, CM_PROOF_LINE_MAX))
		return NULL;
	return has_longer_line(is, was) ? "line" : NULL;
}

/* ---- the tree ---------------------------------------------------------- */

static bool same_shape(const struct cm_mime_part *a,
		       const struct cm_mime_part *b)
{
	return a->parent == b->parent && a->number == b->number &&
	       a->children == b->children && a->named == b->named &&
	       cm_span_eq(a->disposition, b->disposition) &&
	       cm_span_eq(a->content_id, b->content_id) &&
	       cm_span_eq(a->format, b->format) &&
	       cm_span_eq(a->delsp, b->delsp);
}

static bool same_type(const struct cm_mime_part *a,
		      const struct cm_mime_part *b)
{
	return cm_span_eq(a->type, b->type) &&
	       cm_span_eq(a->subtype, b->subtype) &&
	       cm_span_eq(a->charset, b->charset) && a->cte == b->cte;
}

/* Plain text before and after, and otherwise what was announced. */
static bool is_upgraded(const struct cm_proof_leaf *leaf,
			const struct cm_mime_part *was,
			const struct cm_mime_part *is)
{
	return cm_mime_is(was, "text", "plain") &&
	       cm_mime_is(is, "text", "plain") &&
	       cm_span_eq(is->charset, leaf->charset) && is->cte == leaf->cte;
}

/* Fields but those that an upgrade changes, one after the other. */
static struct cm_span next_other_field(struct cm_span *rest)
{
	struct cm_span field = {0};

	while (rest->n > 0) {
		const char *p = rest->p;
		const char *end = p + rest->n;

		do {
			const char *nl = memchr(p, '\n', (size_t)(end - p));

			p = nl != NULL ? nl + 1 : end;
		} while (p < end && (*p == ' ' || *p == '\t'));
		field = cm_span_n(rest->p, (size_t)(p - rest->p));
		rest->n -= field.n;
		rest->p = p;
		if (!cm_span_starts(field, "Content-Type:") &&
		    !cm_span_starts(field, "Content-Transfer-Encoding:"))
			return field;
	}
	return cm_span_n(NULL, 0);
}

static bool same_other_fields(struct cm_span a, struct cm_span b)
{
	struct cm_span from_a;
	struct cm_span from_b;

	do {
		from_a = next_other_field(&a);
		from_b = next_other_field(&b);
		if (!cm_span_eq(from_a, from_b))
			return false;
	} while (from_a.n > 0);
	return true;
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

/* How far both bodies have been compared. */
struct compared {
	size_t before;
	size_t after;
};

/* Between the last content and this one: delimiters, headers, preambles. */
static const char *check_between(const struct cm_proof *proof,
				 const struct compared *done,
				 const struct cm_proof_leaf *leaf,
				 const struct cm_mime_part *was,
				 const struct cm_mime_part *is)
{
	bool upgraded = leaf != NULL && leaf->upgraded;
	size_t to_was = upgraded ? was->head_at : was->body_at;
	size_t to_is = upgraded ? is->head_at : is->body_at;

	if (!cm_span_eq(slice(proof->before, done->before, to_was),
			slice(proof->after, done->after, to_is)))
		return "between";
	if (upgraded ? !is_upgraded(leaf, was, is) : !same_type(was, is))
		return "type";
	if (upgraded &&
	    !same_other_fields(slice(proof->before, to_was, was->body_at),
			       slice(proof->after, to_is, is->body_at)))
		return "fields";
	return NULL;
}

static const char *check_part(const struct cm_proof *proof,
			      struct compared *done, size_t index,
			      const struct cm_mime_part *is)
{
	const struct cm_mime_part *was = &proof->tree->parts[index];
	const struct cm_proof_leaf *leaf = find_leaf(proof, index);
	struct cm_span old = slice(proof->before, was->body_at, was->end);
	struct cm_span new = slice(proof->after, is->body_at, is->end);
	const char *why = check_between(proof, done, leaf, was, is);

	if (why == NULL && leaf != NULL)
		why = check_leaf(leaf, old, new, was->cte);
	else if (why == NULL && !cm_span_eq(old, new))
		why = "other";
	/* An empty part had no line end of its own; now it has. */
	done->before = was->end;
	done->after = is->end + (was->joined && !is->joined ? 2 : 0);
	return why;
}

/*
 * Part by part, in order: what lies between contents is the same, and so is
 * each content, unless it was edited.
 */
static const char *check_tree(const struct cm_proof *proof,
			      const struct cm_mime *tree)
{
	struct compared done = {0, 0};
	size_t i;

	for (i = 0; i < tree->count; i++) {
		const struct cm_mime_part *part = &tree->parts[i];
		const char *why = NULL;

		if (!same_shape(&proof->tree->parts[i], part))
			return "shape";
		if (!cm_mime_is_multipart(part))
			why = check_part(proof, &done, i, part);
		else if (!same_type(&proof->tree->parts[i], part))
			why = "type";
		if (why != NULL)
			return why;
	}
	return cm_span_eq(slice(proof->before, done.before, proof->before.n),
			  slice(proof->after, done.after, proof->after.n))
		       ? NULL
		       : "between";
}

int cm_proof_scan(const struct cm_proof *proof, struct cm_arena *arena,
		  const char **ret_why)
{
	struct cm_mime tree;
	int rc = cm_mime_scan(proof->headers_after, proof->nheaders_after,
			      proof->after, arena, &tree);

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
