/* See tlog.h. */
#include "policy/tlog.h"

#include <inttypes.h>
#include <string.h>

#include "lib/enc.h"

static const char inclusion_head[] = "c2sp.org/tlog-proof@v1";
static const char consistency_head[] = "consent-milter/consistency-proof@v1";

int cm_tlog_print_hash(const struct cm_hash *hash, struct cm_buf *out)
{
	char base64[CM_BASE64_LEN(CM_HASH_LEN) + 1];

	(void)cm_base64_encode(hash->b, sizeof(hash->b), base64);
	return cm_buf_addf(out, "%s\n", base64);
}

int cm_tlog_parse_hash(struct cm_span line, struct cm_hash *ret_hash)
{
	struct cm_hash hash;
	size_t n = 0;

	if (cm_base64_decode(line, hash.b, sizeof(hash.b), &n) != CM_OK ||
	    n != sizeof(hash.b))
		return CM_EDATA;
	*ret_hash = hash;
	return CM_OK;
}

static void print_path(const struct cm_merkle_proof *path, struct cm_buf *out)
{
	size_t i;

	for (i = 0; i < path->count; i++)
		(void)cm_tlog_print_hash(&path->hashes[i], out);
}

/* The next line, which must end in a newline; false at the end. */
static bool next_line(struct cm_span *rest, struct cm_span *ret_line)
{
	if (rest->n == 0 || memchr(rest->p, '\n', rest->n) == NULL)
		return false;
	*ret_line = cm_span_cut(rest, '\n');
	return true;
}

static bool is(struct cm_span line, const char *text)
{
	return cm_span_eq(line, cm_span(text));
}

/* "NAME 123": decimal without leading zeroes. */
static bool next_number(struct cm_span *rest, const char *name,
			uint64_t *ret_value)
{
	struct cm_span line, word;

	if (!next_line(rest, &line))
		return false;
	word = cm_span_cut(&line, ' ');
	if (!is(word, name) || line.n == 0 || (line.p[0] == '0' && line.n > 1))
		return false;
	return cm_parse_u64(line, INT64_MAX, ret_value) == CM_OK;
}

/* Hashes up to an empty line, or to the end. */
static bool parse_path(struct cm_span *rest, struct cm_merkle_proof *path,
		       bool *ret_blank)
{
	struct cm_span line;
	struct cm_hash hash;

	path->count = 0;
	*ret_blank = false;
	while (!*ret_blank && next_line(rest, &line)) {
		*ret_blank = line.n == 0;
		if (*ret_blank)
			break;
		if (path->count == CM_MERKLE_PROOF_MAX ||
		    cm_tlog_parse_hash(line, &hash) != CM_OK)
			return false;
		path->hashes[path->count++] = hash;
	}
	return *ret_blank || rest->n == 0;
}

int cm_tlog_print_inclusion(const struct cm_tlog_inclusion *proof,
			    struct cm_buf *out)
{
	(void)cm_buf_addf(out, "%s\nindex %" PRIu64 "\n", inclusion_head,
			  proof->index);
	print_path(&proof->path, out);
	(void)cm_buf_addc(out, '\n');
	return cm_buf_add(out, proof->checkpoint.p, proof->checkpoint.n);
}

int cm_tlog_parse_inclusion(struct cm_span text,
			    struct cm_tlog_inclusion *ret_proof,
			    struct cm_error *err)
{
	struct cm_tlog_inclusion proof;
	struct cm_span line;
	bool blank = false;

	memset(&proof, 0, sizeof(proof));
	if (text.n > CM_TLOG_MAX || !next_line(&text, &line) ||
	    !is(line, inclusion_head) ||
	    !next_number(&text, "index", &proof.index) ||
	    !parse_path(&text, &proof.path, &blank) || !blank || text.n == 0)
		return cm_fail(err, CM_EDATA,
			       "it is not a proof that an event is in the "
			       "ledger (%s)",
			       inclusion_head);
	proof.checkpoint = text;
	*ret_proof = proof;
	return CM_OK;
}

int cm_tlog_print_consistency(const struct cm_tlog_consistency *proof,
			      struct cm_buf *out)
{
	(void)cm_buf_addf(out, "%s\nfrom %" PRIu64 "\nto %" PRIu64 "\n",
			  consistency_head, proof->from, proof->to);
	print_path(&proof->path, out);
	return cm_buf_ok(out);
}

int cm_tlog_parse_consistency(struct cm_span text,
			      struct cm_tlog_consistency *ret_proof,
			      struct cm_error *err)
{
	struct cm_tlog_consistency proof;
	struct cm_span line;
	bool blank = false;

	memset(&proof, 0, sizeof(proof));
	if (text.n > CM_TLOG_MAX || !next_line(&text, &line) ||
	    !is(line, consistency_head) ||
	    !next_number(&text, "from", &proof.from) ||
	    !next_number(&text, "to", &proof.to) ||
	    !parse_path(&text, &proof.path, &blank) || blank)
		return cm_fail(err, CM_EDATA,
			       "it is not a proof that one checkpoint extends "
			       "another (%s)",
			       consistency_head);
	*ret_proof = proof;
	return CM_OK;
}
