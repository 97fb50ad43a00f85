/*
 * proof - the edited body, read again and compared with what it was.
 *
 * Two readers that share no code: cm_proof_scan() uses our scanner and
 * decoders, cm_proof_gmime() GMime (the only file that includes <gmime/...>).
 * Both check the same claim: the same tree, every leaf that was not edited
 * bit-identical, every edited one its old text plus the piece at one place.
 * Headers are the same, too, but for what an upgrade announces, and for the
 * fields that measure what was edited (cm_field_is_measure()): those are gone
 * from the leaf's header up to the message's, all of them, and no other.
 */
#ifndef CM_MILTER_PROOF_H
#define CM_MILTER_PROOF_H

#include "lib/buf.h"
#include "lib/charset.h"
#include "milter/mime.h"

enum { CM_PROOF_LINE_MAX = 998 }; /* RFC 5322, 2.1.1: octets, CRLF apart */

/* How much of an edited leaf is read as characters, too. */
enum cm_proof_reading {
	CM_PROOF_OCTETS,    /* nothing: the piece is ASCII, or all is UTF-8 */
	CM_PROOF_PIECE,     /* the piece; octets are characters (koi8-r) */
	CM_PROOF_TEXT,      /* all of it, before and after (shift_jis) */
	CM_PROOF_CONVERTED, /* the same, and it is UTF-8 now */
};

struct cm_proof_leaf {
	size_t part;          /* index in the old tree */
	size_t at;            /* offset in the decoded octets */
	struct cm_span piece; /* decoded */
	struct cm_span text;  /* decoded as it was; NULL: decode it again */
	enum cm_proof_reading reading;
	const struct cm_charset *charset_was;
	size_t utf8_at;
	struct cm_span utf8_piece;
	/* What the leaf is now, when it was upgraded; else as it was. */
	bool upgraded;
	enum cm_cte cte;
	struct cm_span charset;
};

struct cm_proof {
	const struct cm_facts_header *headers;
	size_t nheaders;
	const struct cm_facts_header *headers_after;
	size_t nheaders_after;
	struct cm_span before;
	struct cm_span after;
	const struct cm_mime *tree; /* of before */
	const struct cm_proof_leaf *leaves;
	size_t nleaves;
};

/* The leaf as it was, in UTF-8; appended.  CM_EDATA: not its charset's. */
CM_MUST_CHECK int cm_proof_old_utf8(const struct cm_proof_leaf *leaf,
				    enum cm_cte cte, struct cm_span encoded,
				    struct cm_buf *out);

/*
 * Beyond octets: does the edited leaf say in its charset what it said before,
 * and the footer?  For cm_proof_scan(); NULL or a word.
 */
const char *cm_proof_characters(const struct cm_proof_leaf *leaf,
				enum cm_cte cte_was, struct cm_span was,
				enum cm_cte cte_is, struct cm_span is);

/*
 * *ret_why is NULL when the claim holds, else one word for what does not.
 * Fails only when out of memory.
 */
CM_MUST_CHECK int cm_proof_scan(const struct cm_proof *proof,
				struct cm_arena *arena, const char **ret_why);
CM_MUST_CHECK int cm_proof_gmime(const struct cm_proof *proof,
				 const char **ret_why);

/*
 * The other edit: the message as the first part of a new one (milter/wrap),
 * .leaves none, and a second part whose text is the footer.  As above.
 */
CM_MUST_CHECK int cm_proof_wrap_scan(const struct cm_proof *proof,
				     struct cm_span footer,
				     struct cm_arena *arena,
				     const char **ret_why);
CM_MUST_CHECK int cm_proof_wrap_gmime(const struct cm_proof *proof,
				      struct cm_span footer,
				      const char **ret_why);

#endif
