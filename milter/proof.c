/* See proof.h. */
#define _GNU_SOURCE /* memrchr */
#include "milter/proof.h"

#include <string.h>

#include "milter/codec.h"
#include "milter/field.h"

#define TYPE_FIELD     "Content-Type:"
#define ENCODING_FIELD "Content-Transfer-Encoding:"

enum {
	CHUNK = 16 * 1024, /* decoded at a time: a level-1 cache's worth */
	COMPARED = 512,    /* at a time: a call costs less than these octets */
};

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

/*
 * Is cm_span_longest_line() at most max?  A yes is certain, a no is not: it
 * steps from the last line end within reach to the next, so that 50 KB in short
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
	size_t longest = cm_span_longest_line(is);

	return longest > CM_PROOF_LINE_MAX &&
	       longest > cm_span_longest_line(was);
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
	struct cm_span old = cm_span_slice(was, head, was.n);
	struct cm_span new = cm_span_slice(is, head, is.n);
	size_t tail = common_tail(old, new);
	struct text t;
	size_t from, to;

	if (!decoded_length(cte, cm_span_slice(old, old.n - tail, old.n),
			    &to) ||
	    !decoded_length(cte, cm_span_slice(old, 0, old.n - tail), &from) ||
	    to > leaf->text.n || from > leaf->text.n - to)
		return false;
	to = leaf->text.n - to;
	from = to - from;
	if (leaf->at < from || leaf->at > to)
		return false;
	text_init(&t, cte, cm_span_slice(old, 0, old.n - tail));
	if (!text_is(&t, cm_span_slice(leaf->text, from, to)) || !text_ends(&t))
		return false;
	new.n -= tail;
	/* Quoted-printable takes 8-bit as it is, and we write none. */
	if (cte == CM_CTE_QP && !cm_ascii_only(new.p, new.n) &&
	    cm_ascii_only(old.p, old.n - tail))
		return false;
	text_init(&t, cte, new);
	return text_is(&t, cm_span_slice(leaf->text, from, leaf->at)) &&
	       text_is(&t, leaf->piece) &&
	       text_is(&t, cm_span_slice(leaf->text, leaf->at, to)) &&
	       text_ends(&t);
}

/* The old text as it was planned on, or decoded again where it was let go. */
static bool is_old_and_piece(const struct cm_proof_leaf *leaf,
			     struct cm_span was, struct cm_span is,
			     enum cm_cte cte)
{
	enum cm_cte cte_is = leaf->upgraded ? leaf->cte : cte;
	struct text old;
	struct text new;

	if (leaf->text.p != NULL && !leaf->upgraded && cte != CM_CTE_BASE64)
		return changed_lines_are(leaf, was, is, cte);
	text_init(&old, cte, was);
	text_init(&new, cte_is, is);
	if (!cm_cte_is_plain(cte_is) && !cm_ascii_only(is.p, is.n) &&
	    cm_ascii_only(was.p, was.n))
		return false;
	return texts_agree(&old, &new, leaf->at) &&
	       text_is(&new, leaf->piece) && texts_agree(&old, &new, SIZE_MAX);
}

static const char *check_leaf(const struct cm_proof_leaf *leaf,
			      struct cm_span was, struct cm_span is,
			      enum cm_cte cte)
{
	const char *why = cm_proof_characters(
		leaf, cte, was, leaf->upgraded ? leaf->cte : cte, is);

	if (why != NULL)
		return why;
	/* Converted octets are others; their characters were compared. */
	if (leaf->reading != CM_PROOF_CONVERTED &&
	    !is_old_and_piece(leaf, was, is, cte))
		return "text";
	/* RFC 6152: 8-bit only where there was 8-bit before. */
	if (cm_cte_is_plain(cte) && cm_ascii_only(was.p, was.n) &&
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
	       cm_span_eq(a->boundary, b->boundary) &&
	       cm_span_eq(a->start, b->start) &&
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

/* The octets of a field's value but for its folding. */
static bool next_octet(struct cm_span *value, char *ret)
{
	while (value->n > 0 && (*value->p == '\r' || *value->p == '\n')) {
		value->p++;
		value->n--;
	}
	if (value->n == 0)
		return false;
	*ret = *value->p++;
	value->n--;
	return true;
}

static bool same_unfolded(struct cm_span a, struct cm_span b)
{
	char from_a = '\0';
	char from_b = '\0';

	while (next_octet(&a, &from_a))
		if (!next_octet(&b, &from_b) || from_a != from_b)
			return false;
	return !next_octet(&b, &from_b);
}

/* What stands before and behind the charset in a Content-Type. */
static void around_charset(const struct cm_mime_part *part,
			   struct cm_span *ret_head, struct cm_span *ret_tail)
{
	struct cm_span all = part->type_field;
	const char *end = all.p + all.n;
	/* Without one: where it would be put. */
	const char *at = part->charset.p != NULL
				 ? part->charset.p
				 : part->subtype.p + part->subtype.n;

	*ret_head = cm_span_n(all.p, (size_t)(at - all.p));
	at += part->charset.n;
	*ret_tail = cm_span_n(at, (size_t)(end - at));
	while (ret_head->n > 0 &&
	       (*ret_head->p == ' ' || *ret_head->p == '\t')) {
		ret_head->p++;
		ret_head->n--;
	}
}

/* Nothing but the charset is another, or is there at all (pitfall 18). */
static bool same_type_field(const struct cm_mime_part *was,
			    const struct cm_mime_part *is)
{
	static const char added[] = "; charset=";
	struct cm_span old_head, old_tail, new_head, new_tail;

	around_charset(is, &new_head, &new_tail);
	if (was->type.n == 0)
		return same_unfolded(cm_span("text/plain; charset="),
				     new_head) &&
		       cm_span_trim(new_tail).n == 0;
	around_charset(was, &old_head, &old_tail);
	if (was->charset.p == NULL) {
		size_t n = strlen(added);

		if (new_head.n < n ||
		    memcmp(new_head.p + new_head.n - n, added, n) != 0)
			return false;
		new_head.n -= n;
	}
	return same_unfolded(old_head, new_head) &&
	       same_unfolded(old_tail, new_tail);
}

/* Plain text before and after, and otherwise what was announced. */
static bool is_upgraded(const struct cm_proof_leaf *leaf,
			const struct cm_mime_part *was,
			const struct cm_mime_part *is)
{
	return cm_mime_is(was, "text", "plain") &&
	       cm_mime_is(is, "text", "plain") && is->charset.p != NULL &&
	       cm_span_eq(is->charset, leaf->charset) && is->cte == leaf->cte &&
	       same_type_field(was, is);
}

/* What may be another in a part's header. */
struct allowed {
	bool upgraded; /* changed where they stand, or put first */
	bool measured; /* fields that measure are gone */
};

static struct cm_span next_kept_field(struct cm_span *rest,
				      const struct allowed *allowed)
{
	struct cm_span field;

	do
		field = cm_field_next(rest);
	while (allowed->measured && cm_field_is_measure(cm_field_name(field)));
	return field;
}

static bool same_field(struct cm_span a, struct cm_span b,
		       const struct allowed *allowed)
{
	return cm_span_eq(a, b) ||
	       (allowed->upgraded && ((cm_span_starts(a, TYPE_FIELD) &&
				       cm_span_starts(b, TYPE_FIELD)) ||
				      (cm_span_starts(a, ENCODING_FIELD) &&
				       cm_span_starts(b, ENCODING_FIELD))));
}

static bool same_fields(const struct cm_mime_part *was,
			const struct allowed *allowed, struct cm_span a,
			struct cm_span b)
{
	struct cm_span from_a = next_kept_field(&a, allowed);
	struct cm_span from_b = cm_field_next(&b);

	while (allowed->upgraded &&
	       ((was->type.n == 0 && cm_span_starts(from_b, TYPE_FIELD)) ||
		(!was->has_cte && cm_span_starts(from_b, ENCODING_FIELD))))
		from_b = cm_field_next(&b);
	while (same_field(from_a, from_b, allowed)) {
		if (from_a.n == 0)
			return true;
		from_a = next_kept_field(&a, allowed);
		from_b = cm_field_next(&b);
	}
	return false;
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

/* Was something edited in it? */
static bool holds_edited(const struct cm_proof *proof, size_t part)
{
	size_t i;

	for (i = 0; i < proof->nleaves; i++)
		if (cm_mime_is_within(proof->tree, proof->leaves[i].part, part))
			return true;
	return false;
}

/* How far both bodies have been compared. */
struct compared {
	size_t before;
	size_t after;
};

/*
 * Up to the part's content: delimiters, preambles, headers.  Where its header
 * may be another it is compared field by field.
 */
static const char *check_header(const struct cm_proof *proof,
				struct compared *done, size_t index,
				const struct cm_mime_part *is)
{
	const struct cm_mime_part *was = &proof->tree->parts[index];
	const struct cm_proof_leaf *leaf = find_leaf(proof, index);
	const struct allowed allowed = {
		.upgraded = leaf != NULL && leaf->upgraded,
		.measured = was->measures > 0 && holds_edited(proof, index),
	};
	bool another = allowed.upgraded || allowed.measured;
	size_t to_was = another ? was->head_at : was->body_at;
	size_t to_is = another ? is->head_at : is->body_at;

	if (!cm_span_eq(cm_span_slice(proof->before, done->before, to_was),
			cm_span_slice(proof->after, done->after, to_is)))
		return "between";
	if (allowed.upgraded ? !is_upgraded(leaf, was, is)
			     : !same_type(was, is))
		return "type";
	if (another &&
	    !same_fields(was, &allowed,
			 cm_span_slice(proof->before, to_was, was->body_at),
			 cm_span_slice(proof->after, to_is, is->body_at)))
		return "fields";
	done->before = was->body_at;
	done->after = is->body_at;
	return NULL;
}

static const char *check_content(const struct cm_proof *proof,
				 struct compared *done, size_t index,
				 const struct cm_mime_part *is)
{
	const struct cm_mime_part *was = &proof->tree->parts[index];
	const struct cm_proof_leaf *leaf = find_leaf(proof, index);
	struct cm_span old =
		cm_span_slice(proof->before, was->body_at, was->end);
	struct cm_span new = cm_span_slice(proof->after, is->body_at, is->end);
	const char *why = NULL;

	if (leaf != NULL)
		why = check_leaf(leaf, old, new, was->cte);
	else if (!cm_span_eq(old, new))
		why = "other";
	/* An empty part had no line end of its own; edited, it has. */
	done->before = was->end;
	done->after = is->end;
	if (leaf != NULL && was->joined && !is->joined)
		done->after += 2;
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
		const char *why;

		if (!same_shape(&proof->tree->parts[i], part))
			return "shape";
		if (part->measures > 0 && holds_edited(proof, i))
			return "fields";
		why = check_header(proof, &done, i, part);
		if (why == NULL && !cm_mime_is_multipart(part))
			why = check_content(proof, &done, i, part);
		if (why != NULL)
			return why;
	}
	return cm_span_eq(
		       cm_span_slice(proof->before, done.before,
				     proof->before.n),
		       cm_span_slice(proof->after, done.after, proof->after.n))
		       ? NULL
		       : "between";
}

/* ---- the message's own header ------------------------------------------ */

/*
 * Measures are gone (check_tree() saw to that); of others an upgrade of the
 * only part brings its own.
 */
static bool is_replaced(const struct cm_proof *proof, struct cm_span name)
{
	const struct cm_proof_leaf *root = find_leaf(proof, 0);

	if (cm_field_is_measure(name))
		return true;
	return root != NULL && root->upgraded &&
	       (cm_span_is(name, "MIME-Version") ||
		cm_span_is(name, "Content-Type") ||
		cm_span_is(name, "Content-Transfer-Encoding"));
}

static size_t next_kept(const struct cm_proof *proof,
			const struct cm_facts_header *headers, size_t count,
			size_t i)
{
	while (i < count && is_replaced(proof, headers[i].name))
		i++;
	return i;
}

static bool same_headers(const struct cm_proof *proof)
{
	const struct cm_facts_header *a = proof->headers;
	const struct cm_facts_header *b = proof->headers_after;
	size_t na = proof->nheaders;
	size_t nb = proof->nheaders_after;
	size_t i = next_kept(proof, a, na, 0);
	size_t j = next_kept(proof, b, nb, 0);

	while (i < na && j < nb) {
		if (!cm_span_eq(a[i].name, b[j].name) ||
		    !cm_span_eq(a[i].value, b[j].value))
			return false;
		i = next_kept(proof, a, na, i + 1);
		j = next_kept(proof, b, nb, j + 1);
	}
	return i == na && j == nb;
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
	else if (!same_headers(proof))
		*ret_why = "headers";
	else if (tree.count != proof->tree->count)
		*ret_why = "shape";
	else
		*ret_why = check_tree(proof, &tree);
	return CM_OK;
}
