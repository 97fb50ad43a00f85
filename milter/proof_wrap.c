/*
 * See proof.h.  A wrapped message, read again: the old one is the first part,
 * octet for octet, its Content-* fields are that part's header and nothing
 * else is, and the second part decodes to the footer.
 */
#include <string.h>

#include "milter/codec.h"
#include "milter/proof.h"

/* Takes text from the front of *rest if it stands there. */
static bool take(struct cm_span *rest, const char *p, size_t n)
{
	if (rest->n < n || (n > 0 && memcmp(rest->p, p, n) != 0))
		return false;
	rest->p += n;
	rest->n -= n;
	return true;
}

/* A field's lines, whichever line ends the MTA gave it with. */
static bool take_value(struct cm_span *rest, struct cm_span value)
{
	while (value.n > 0) {
		const char *nl = memchr(value.p, '\n', value.n);
		size_t n = nl != NULL ? (size_t)(nl - value.p) : value.n;
		size_t line = nl != NULL && n > 0 && nl[-1] == '\r' ? n - 1 : n;

		if (!take(rest, value.p, line) ||
		    (nl != NULL && !take(rest, "\r\n", 2)))
			return false;
		n += nl != NULL;
		value.p += n;
		value.n -= n;
	}
	return true;
}

/* The part's header is the old Content-* fields, in order, and no more. */
static bool fields_are(struct cm_span header, const struct cm_proof *proof)
{
	size_t i;

	for (i = 0; i < proof->nheaders; i++) {
		const struct cm_facts_header *field = &proof->headers[i];

		if (cm_span_starts(field->name, "Content-") &&
		    (!take(&header, field->name.p, field->name.n) ||
		     !take(&header, ": ", 2) ||
		     !take_value(&header, field->value) ||
		     !take(&header, "\r\n", 2)))
			return false;
	}
	return cm_span_eq(header, cm_span("\r\n"));
}

static bool is_footer(const struct cm_proof *proof,
		      const struct cm_mime_part *part, struct cm_span footer)
{
	struct cm_buf text;
	bool is;

	if (part->depth != 1 || part->number != 2 ||
	    !cm_mime_is(part, "text", "plain") || part->cte != CM_CTE_QP ||
	    !cm_span_is(part->charset, "utf-8") || part->named ||
	    !cm_span_is(part->disposition, "inline"))
		return false;
	cm_buf_init(&text, part->end - part->body_at + 1);
	is = cm_decode(part->cte,
		       cm_span_slice(proof->after, part->body_at, part->end),
		       &text) == CM_OK &&
	     cm_span_eq(cm_span_n(cm_buf_text(&text), text.len), footer);
	cm_buf_free(&text);
	return is;
}

/* Every part stands where it stood, one level deeper and `by` further on. */
static bool is_moved(const struct cm_mime_part *was,
		     const struct cm_mime_part *is, size_t by)
{
	return is->depth == was->depth + 1 && is->children == was->children &&
	       is->body_at == was->body_at + by && is->end == was->end + by &&
	       cm_span_eq(is->type, was->type) &&
	       cm_span_eq(is->subtype, was->subtype) && is->cte == was->cte;
}

static const char *check_tree(const struct cm_proof *proof,
			      const struct cm_mime *tree, struct cm_span footer)
{
	const struct cm_mime_part *root = &tree->parts[0];
	const struct cm_mime_part *inner = &tree->parts[1];
	size_t i;

	if (!cm_mime_is(root, "multipart", "mixed") || root->children != 2)
		return "shape";
	if (inner->body_at > proof->after.n ||
	    proof->after.n - inner->body_at < proof->before.n ||
	    !cm_span_eq(cm_span_slice(proof->after, inner->body_at,
				      inner->body_at + proof->before.n),
			proof->before))
		return "other";
	/* A multipart ends behind its last delimiter, a leaf with the body. */
	for (i = 0; i < proof->tree->count; i++)
		if (!is_moved(&proof->tree->parts[i], &tree->parts[i + 1],
			      inner->body_at))
			return "shape";
	if (!fields_are(
		    cm_span_slice(proof->after, inner->head_at, inner->body_at),
		    proof))
		return "fields";
	return is_footer(proof, &tree->parts[tree->count - 1], footer) ? NULL
								       : "text";
}

int cm_proof_wrap_scan(const struct cm_proof *proof, struct cm_span footer,
		       struct cm_arena *arena, const char **ret_why)
{
	struct cm_mime tree;
	int rc = cm_mime_scan(proof->headers_after, proof->nheaders_after,
			      proof->after, arena, &tree);

	if (rc != CM_OK)
		return rc;
	if (tree.unsure != NULL)
		*ret_why = tree.unsure;
	else if (tree.count != proof->tree->count + 2)
		*ret_why = "shape";
	else
		*ret_why = check_tree(proof, &tree, footer);
	return CM_OK;
}
