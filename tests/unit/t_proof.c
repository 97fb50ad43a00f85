/* proof: both readers say no to every way an edit can go wrong. */
#include <stdio.h>
#include <string.h>

#include "milter/proof.h"

#include "tests/unit/test.h"

#define HEAD  "--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
#define QP    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
#define OTHER "\r\n--b\r\nContent-Type: image/gif\r\n\r\nGIF\r\n--b--\r\n"

static const char before[] = HEAD QP "Caf=C3=A9\r\nend" OTHER;

struct claim {
	const char *after;
	size_t at;
	const char *piece;
	bool kept; /* the decoded text is at hand */
};

static void ask(const struct claim *claim, const char **ret_scan,
		const char **ret_gmime)
{
	const struct cm_facts_header headers[] = {
		{cm_span("Content-Type"),
		 cm_span("multipart/mixed; boundary=b")}};
	struct cm_proof_leaf leaf = {
		.part = 1,
		.at = claim->at,
		.charset_was = cm_charset_find(cm_span("utf-8")),
	};
	struct cm_arena *arena = NULL;
	struct cm_mime tree;
	struct cm_proof proof = {
		.headers = headers,
		.nheaders = 1,
		.headers_after = headers,
		.nheaders_after = 1,
		.before = cm_span(before),
		.after = cm_span(claim->after),
		.tree = &tree,
		.leaves = &leaf,
		.nleaves = 1,
	};

	assert_int_equal(cm_arena_new(1 << 20, &arena), CM_OK);
	assert_int_equal(cm_mime_scan(headers, 1, proof.before, arena, &tree),
			 CM_OK);
	assert_null(tree.unsure);
	leaf.piece = cm_span(claim->piece);
	if (claim->kept)
		leaf.text = cm_span("Caf\xc3\xa9\r\nend");
	assert_int_equal(cm_proof_scan(&proof, arena, ret_scan), CM_OK);
	assert_int_equal(cm_proof_gmime(&proof, ret_gmime), CM_OK);
	cm_arena_free(&arena);
}

static const char *or_holds(const char *why)
{
	return why != NULL ? why : "holds";
}

static void what_holds_and_what_does_not(void **state)
{
	static const struct {
		struct claim claim;
		const char *scan;
		const char *gmime;
	} rows[] = {
		{{HEAD QP "Caf=C3=A9\r\nend\r\nSt=C3=B3p" OTHER, 10,
		  "\r\nSt\xc3\xb3p", false},
		 "holds",
		 "holds"},
		{{HEAD QP "Caf=C3=A9\r\nStop\r\nend" OTHER, 7, "Stop\r\n",
		  false},
		 "holds",
		 "holds"},
		/* another footer than claimed */
		{{HEAD QP "Caf=C3=A9\r\nend\r\nStep" OTHER, 10, "\r\nStop",
		  false},
		 "text",
		 "text"},
		/* in another place */
		{{HEAD QP "St\r\nCaf=C3=A9\r\nend" OTHER, 10, "\r\nSt", false},
		 "text",
		 "text"},
		/* twice */
		{{HEAD QP "Caf=C3=A9\r\nend\r\nSt\r\nSt" OTHER, 10, "\r\nSt",
		  false},
		 "text",
		 "text"},
		/* the old text changed */
		{{HEAD QP "Cafe=C3=A9\r\nend\r\nSt" OTHER, 10, "\r\nSt", false},
		 "text",
		 "text"},
		{{HEAD QP "Caf=C3=A9\r\nen\r\nSt" OTHER, 10, "\r\nSt", false},
		 "text",
		 "text"},
		/* raw "=" where it means something */
		{{HEAD QP "Caf=C3=A9\r\nend\r\n=S" OTHER, 10, "\r\n=S", false},
		 "text",
		 "text"},
		/* 8-bit where there was none */
		{{HEAD QP "Caf=C3=A9\r\nend\r\nSt\xc3\xb3p" OTHER, 10,
		  "\r\nSt\xc3\xb3p", false},
		 "text",
		 "8bit"},
		/* a delimiter made or lost */
		{{HEAD QP "Caf=C3=A9\r\nend\r\n--b\r\n\r\nx" OTHER, 10,
		  "\r\n--b\r\n\r\nx", false},
		 "shape",
		 "shape"},
		{{HEAD QP "Caf=C3=A9\r\nend\r\n--b--\r\n", 10, "", false},
		 "shape",
		 "shape"},
		/* the other part changed */
		{{HEAD QP "Caf=C3=A9\r\nend\r\nSt"
			  "\r\n--b\r\nContent-Type: image/gif\r\n\r\nGIG\r\n"
			  "--b--\r\n",
		  10, "\r\nSt", false},
		 "other",
		 "content"},
		{{HEAD QP "Caf=C3=A9\r\nend\r\nSt"
			  "\r\n--b\r\nContent-Type: image/png\r\n\r\nGIF\r\n"
			  "--b--\r\n",
		  10, "\r\nSt", false},
		 "between",
		 "type"},
		/* its header changed */
		{{"--b\r\nContent-Type: text/plain; charset=latin1\r\n" QP
		  "Caf=C3=A9\r\nend\r\nSt" OTHER,
		  10, "\r\nSt", false},
		 "between",
		 "fields"},
		/* something behind the end */
		{{HEAD QP "Caf=C3=A9\r\nend\r\nSt" OTHER "x", 10, "\r\nSt",
		  false},
		 "between",
		 "holds"},
	};
	size_t i;
	int kept;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (kept = 0; kept < 2; kept++) {
			struct claim claim = rows[i].claim;
			const char *scan = NULL;
			const char *gmime = NULL;

			claim.kept = kept == 1;
			ask(&claim, &scan, &gmime);
			if (strcmp(or_holds(scan), rows[i].scan) != 0 ||
			    strcmp(or_holds(gmime), rows[i].gmime) != 0)
				fail_msg("row %zu: %s and %s", i,
					 or_holds(scan), or_holds(gmime));
		}
	}
}

/* RFC 5322, 2.1.1: 998 octets, however many short lines stand around. */
static void a_new_line_over_the_limit_is_seen(void **state)
{
	static const char *const behind[] = {"", "\r\nmore",
					     "\r\n\r\nmore\r\n"};
	char line[1100];
	size_t n, i;

	(void)state;
	memset(line, 'x', sizeof(line));
	for (n = 990; n < 1010; n++)
		for (i = 0; i < sizeof(behind) / sizeof(*behind); i++) {
			char piece[1200], after[1500];
			struct claim claim = {after, 10, piece, i % 2 == 0};
			const char *scan = NULL;
			const char *gmime = NULL;

			(void)snprintf(piece, sizeof(piece), "\r\n%.*s%s",
				       (int)n, line, behind[i]);
			(void)snprintf(after, sizeof(after),
				       HEAD QP "Caf=C3=A9\r\nend%s" OTHER,
				       piece);
			ask(&claim, &scan, &gmime);
			assert_string_equal(or_holds(scan),
					    n > CM_PROOF_LINE_MAX ? "line"
								  : "holds");
		}
}

/* ---- fields that measure what is edited (RMIME-10) ---------------------- */

#define LENGTH "Content-Length: 7\r\n"
#define GIF    "--b\r\nContent-Type: image/gif\r\n"

static const char measured[] =
	"--b\r\n" LENGTH "Content-Type: text/plain\r\nX-Other: 1\r\n"
	"Lines:\r\n 1\r\n\r\nHello\r\n" GIF LENGTH "\r\nGIF\r\n--b--\r\n";

static void ask_of_measured(const char *after, bool top_kept,
			    const char **ret_scan, const char **ret_gmime)
{
	const struct cm_facts_header headers[] = {
		{cm_span("Content-Type"),
		 cm_span("multipart/mixed; boundary=b")},
		{cm_span("Content-Length"), cm_span("90")},
	};
	const struct cm_proof_leaf leaf = {
		.part = 1,
		.at = 5,
		.piece = cm_span("\r\nStop"),
		.charset_was = cm_charset_find(cm_span("us-ascii")),
	};
	struct cm_arena *arena = NULL;
	struct cm_mime tree;
	const struct cm_proof proof = {
		.headers = headers,
		.nheaders = 2,
		.headers_after = headers,
		.nheaders_after = top_kept ? 2 : 1,
		.before = cm_span(measured),
		.after = cm_span(after),
		.tree = &tree,
		.leaves = &leaf,
		.nleaves = 1,
	};

	assert_int_equal(cm_arena_new(1 << 20, &arena), CM_OK);
	assert_int_equal(cm_mime_scan(headers, 2, proof.before, arena, &tree),
			 CM_OK);
	assert_null(tree.unsure);
	assert_int_equal(cm_proof_scan(&proof, arena, ret_scan), CM_OK);
	assert_int_equal(cm_proof_gmime(&proof, ret_gmime), CM_OK);
	cm_arena_free(&arena);
}

/* Those go, all of them, where something was edited; no other, and nowhere
 * else. */
static void what_measured_it_is_gone(void **state)
{
	static const char type[] = "--b\r\nContent-Type: text/plain\r\n";
	static const struct {
		const char *header;
		const char *other; /* of the part beside it */
		bool top_kept;
		const char *scan;
		const char *gmime;
	} rows[] = {
		{"X-Other: 1\r\n", LENGTH, false, "holds", "holds"},
		{"X-Other: 1\r\n" LENGTH, LENGTH, false, "fields", "fields"},
		{"X-Other: 1\r\nLines:\r\n 1\r\n", LENGTH, false, "fields",
		 "fields"},
		{"X-Other: 1\r\nLines: 3\r\n", LENGTH, false, "fields",
		 "fields"},
		{"", LENGTH, false, "fields", "fields"},
		{"X-Other: 2\r\n", LENGTH, false, "fields", "fields"},
		{"X-Other: 1\r\nX-New: 1\r\n", LENGTH, false, "fields",
		 "fields"},
		{"X-Other: 1\r\n", "", false, "between", "fields"},
		{"X-Other: 1\r\n", LENGTH "Lines: 1\r\n", false, "between",
		 "fields"},
		{"X-Other: 1\r\n", LENGTH, true, "fields", "fields"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *scan = NULL;
		const char *gmime = NULL;
		char after[512];

		(void)snprintf(after, sizeof(after),
			       "%s%s\r\nHello\r\nStop\r\n" GIF
			       "%s\r\nGIF\r\n--b--\r\n",
			       type, rows[i].header, rows[i].other);
		ask_of_measured(after, rows[i].top_kept, &scan, &gmime);
		if (strcmp(or_holds(scan), rows[i].scan) != 0 ||
		    strcmp(or_holds(gmime), rows[i].gmime) != 0)
			fail_msg("row %zu: %s and %s", i, or_holds(scan),
				 or_holds(gmime));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_and_what_does_not),
		cmocka_unit_test(a_new_line_over_the_limit_is_seen),
		cmocka_unit_test(what_measured_it_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
