/* See edit.h. */
#include "milter/edit.h"

#include <string.h>

#include "milter/display.h"
#include "milter/field.h"
#include "milter/footer.h"
#include "milter/headers.h"
#include "milter/leaf.h"
#include "milter/mime.h"
#include "milter/proof.h"
#include "milter/signature.h"
#include "milter/wrap.h"

enum {
	KEPT_MAX = 1024 * 1024, /* octets of a text kept until it is proven */
};

struct editor {
	const struct cm_edit_request *request;
	struct cm_arena *arena;
	struct cm_error *err;
	struct cm_mime tree;
	struct cm_leaf leaves[CM_DISPLAY_MAX];
	size_t count;
	struct cm_span html_lang;
	struct cm_footer footer;
	struct cm_header_values values; /* of the message itself */
	bool signed_by_others;          /* DKIM: no octet of it may change */
	struct cm_edit edit;
};

const char *cm_body_outcome_name(enum cm_body_outcome outcome)
{
	static const char *const names[] = {
		[CM_BODY_FOOTER] = "footer",
		[CM_BODY_NOT_WANTED] = "not-wanted",
		[CM_BODY_UNEDITABLE] = "uneditable",
		[CM_BODY_DISPROVED] = "disproved",
		[CM_BODY_WRAPPED] = "wrapped",
	};

	return names[outcome];
}

bool cm_edit_has_body(const struct cm_edit *edit)
{
	return edit->outcome == CM_BODY_FOOTER ||
	       edit->outcome == CM_BODY_WRAPPED;
}

static bool leave(struct editor *e, enum cm_body_outcome outcome,
		  const char *why)
{
	e->edit.outcome = outcome;
	e->edit.why = why;
	return false;
}

static int no_memory(struct editor *e)
{
	return cm_fail(e->err, CM_ENOMEM, "no memory to edit a message");
}

/* ---- is it ours to edit ------------------------------------------------ */

static bool is_wanted(struct editor *e)
{
	const struct cm_edit_request *request = e->request;

	if (!request->stream->footer)
		return leave(e, CM_BODY_NOT_WANTED, "off");
	if (request->way_out.footer_link == NULL)
		return leave(e, CM_BODY_NOT_WANTED, "nolink");
	if (request->body.n > request->config->max_edit_size)
		return leave(e, CM_BODY_UNEDITABLE, "size");
	return true;
}

static int read_leaves(struct editor *e, bool *ret_go_on)
{
	struct cm_display display = cm_display_choose(&e->tree);
	const char *why = display.why;
	size_t missing = 0; /* in so many leaves */
	size_t i;

	*ret_go_on = false;
	for (i = 0; why == NULL && i < display.count; i++) {
		struct cm_leaf *leaf = &e->leaves[e->count++];
		int rc = cm_leaf_read(e->request, &e->tree, display.parts[i],
				      e->arena, leaf, &why);

		if (rc != CM_OK)
			return no_memory(e);
		if (e->html_lang.p == NULL)
			e->html_lang = leaf->lang;
		missing += !leaf->done;
	}
	if (why != NULL)
		(void)leave(e, CM_BODY_UNEDITABLE, why);
	else if (missing == 0)
		(void)leave(e, CM_BODY_NOT_WANTED, "done");
	else
		*ret_go_on = true;
	return CM_OK;
}

/* ---- the splices ------------------------------------------------------- */

static int make_leaf(struct editor *e, struct cm_leaf *leaf,
		     const char **ret_why)
{
	struct cm_leaf_edit edit = {
		.splices = e->edit.splices + e->edit.nsplices,
	};
	int rc = cm_leaf_make(e->request, &e->tree, &e->footer, e->arena, leaf,
			      &edit, ret_why);

	if (rc == CM_ELIMIT)
		return cm_fail(e->err, CM_ELIMIT,
			       "no room for the footer; shorten its template");
	if (rc != CM_OK)
		return no_memory(e);
	e->edit.nsplices += edit.nsplices;
	if (leaf->part == 0)
		e->values = edit.values;
	return CM_OK;
}

/*
 * RMIME-10: what a header says of the length or the digest of something that
 * is edited goes, from the leaf up; the message's own: milter/headers.
 */
static int drop_measures(struct editor *e, size_t index)
{
	const struct cm_mime_part *part = &e->tree.parts[index];
	const char *body = e->request->body.p;
	struct cm_span rest =
		cm_span_n(body + part->head_at, part->body_at - part->head_at);
	struct cm_span field;

	while ((field = cm_field_next(&rest)).n > 0) {
		struct cm_span name = cm_field_name(field);
		struct cm_splice *splice = &e->edit.splices[e->edit.nsplices];

		if (!cm_field_is_measure(name))
			continue;
		splice->at = (size_t)(field.p - body);
		splice->remove = field.n;
		splice->insert = cm_span("");
		splice->part = cm_mime_path(&e->tree, index, e->arena);
		splice->what = cm_arena_dup(e->arena, name.p, name.n);
		if (splice->part == NULL || splice->what == NULL)
			return no_memory(e);
		e->edit.nsplices++;
	}
	return CM_OK;
}

static bool holds_edited(const struct editor *e, size_t part)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		if (!e->leaves[i].done &&
		    cm_mime_is_within(&e->tree, e->leaves[i].part, part))
			return true;
	return false;
}

/* A part's, in the order of the body; at one place as they were added. */
static void sort_splices(struct cm_splice *splices, size_t count)
{
	size_t i, j;

	for (i = 1; i < count; i++) {
		struct cm_splice splice = splices[i];

		for (j = i; j > 0 && splices[j - 1].at > splice.at; j--)
			splices[j] = splices[j - 1];
		splices[j] = splice;
	}
}

static int make_part(struct editor *e, size_t index, struct cm_leaf *leaf,
		     const char **ret_why)
{
	size_t first = e->edit.nsplices;
	int rc = CM_OK;

	if (leaf != NULL && !leaf->done)
		rc = make_leaf(e, leaf, ret_why);
	/* Before the new body is made: memory for one at a time. */
	if (leaf != NULL && leaf->text.n > KEPT_MAX)
		cm_leaf_forget_text(leaf);
	if (rc == CM_OK && index > 0 && e->tree.parts[index].measures > 0 &&
	    holds_edited(e, index))
		rc = drop_measures(e, index);
	sort_splices(e->edit.splices + first, e->edit.nsplices - first);
	return rc;
}

static int begin_splices(struct editor *e)
{
	size_t room = CM_LEAF_SPLICES * e->count;
	size_t i;

	for (i = 0; i < e->tree.count; i++)
		room += e->tree.parts[i].measures;
	e->edit.splices =
		cm_arena_array(e->arena, room, sizeof(*e->edit.splices));
	return e->edit.splices != NULL ? CM_OK : no_memory(e);
}

/* All leaves get it, or none does. */
static int make_splices(struct editor *e, bool *ret_go_on)
{
	const char *why = NULL;
	int rc = cm_footer_make(e->request, e->html_lang, e->arena, &e->footer,
				e->err);
	size_t leaf = 0;
	size_t i;

	*ret_go_on = false;
	if (rc == CM_OK)
		rc = begin_splices(e);
	for (i = 0; rc == CM_OK && why == NULL && i < e->tree.count; i++) {
		bool is_leaf = leaf < e->count && e->leaves[leaf].part == i;

		rc = make_part(e, i, is_leaf ? &e->leaves[leaf] : NULL, &why);
		leaf += is_leaf;
	}
	if (rc != CM_OK)
		return rc;
	if (why != NULL) {
		(void)leave(e, CM_BODY_UNEDITABLE, why);
		return CM_OK;
	}
	e->edit.language = e->footer.language;
	*ret_go_on = true;
	return CM_OK;
}

static int build(struct editor *e)
{
	struct cm_span body = e->request->body;
	size_t n = body.n;
	size_t from = 0;
	size_t i;
	char *out;
	char *p;

	for (i = 0; i < e->edit.nsplices; i++)
		n = n + e->edit.splices[i].insert.n - e->edit.splices[i].remove;
	out = p = cm_arena_room(e->arena, n);
	if (out == NULL)
		return no_memory(e);
	for (i = 0; i < e->edit.nsplices; i++) {
		const struct cm_splice *s = &e->edit.splices[i];

		if (s->at > from)
			memcpy(p, body.p + from, s->at - from);
		p += s->at - from;
		memcpy(p, s->insert.p, s->insert.n);
		p += s->insert.n;
		from = s->at + s->remove;
	}
	if (body.n > from)
		memcpy(p, body.p + from, body.n - from);
	e->edit.body = cm_span_n(out, n);
	return CM_OK;
}

/* ---- the proof --------------------------------------------------------- */

/* Kept in the arena: whoever keeps a sample, or doubts, can prove it again. */
static int make_claim(struct editor *e, struct cm_proof_leaf **ret_leaves,
		      struct cm_proof **ret_proof)
{
	struct cm_proof *proof = cm_arena_array(e->arena, 1, sizeof(*proof));
	struct cm_mime *tree = cm_arena_array(e->arena, 1, sizeof(*tree));
	struct cm_proof_leaf *leaves =
		cm_arena_array(e->arena, e->count, sizeof(*leaves));
	size_t i;

	if (proof == NULL || tree == NULL || leaves == NULL)
		return no_memory(e);
	*tree = e->tree;
	proof->headers = e->request->headers;
	proof->nheaders = e->request->nheaders;
	proof->before = e->request->body;
	proof->after = e->edit.body;
	proof->tree = tree;
	proof->leaves = leaves;
	for (i = 0; i < e->count; i++)
		if (!e->leaves[i].done)
			leaves[proof->nleaves++] = cm_leaf_claim(&e->leaves[i]);
	*ret_leaves = leaves;
	*ret_proof = proof;
	return cm_headers_after(e->request, &e->values, e->arena,
				&proof->headers_after,
				&proof->nheaders_after) == CM_OK
		       ? CM_OK
		       : no_memory(e);
}

static int prove(struct editor *e)
{
	struct cm_proof_leaf *leaves = NULL;
	struct cm_proof *proof = NULL;
	const char *why = NULL;
	size_t i;
	int rc = make_claim(e, &leaves, &proof);

	if (rc != CM_OK)
		return rc;
	rc = cm_proof_scan(proof, e->arena, &why);
	if (rc == CM_OK && why == NULL && e->request->prove_with_gmime) {
		rc = cm_proof_gmime(proof, &why);
		e->edit.gmime_agreed = rc == CM_OK && why == NULL;
	}
	if (rc != CM_OK)
		return no_memory(e);
	if (why != NULL) {
		(void)leave(e, CM_BODY_DISPROVED, why);
		e->edit.disproof = why;
		e->edit.disproved = e->edit.body;
	} else
		e->edit.outcome = CM_BODY_FOOTER;
	/* The texts go with the leaves; they can be decoded again. */
	for (i = 0; i < proof->nleaves; i++)
		leaves[i].text = cm_span_n(NULL, 0);
	e->edit.proof = proof;
	return CM_OK;
}

/*
 * What else would have stopped us is no matter then.  A message that shows
 * its way out already (off is the admin's choice, done is our own) needs none.
 */
static void respect_signature(struct editor *e)
{
	bool done = e->edit.outcome == CM_BODY_NOT_WANTED &&
		    strcmp(e->edit.why, "done") == 0;

	if (!e->signed_by_others || done)
		return;
	if (cm_headers_are_locked(e->request, e->arena))
		(void)leave(e, CM_BODY_UNEDITABLE, "dkim-list");
	else if (e->edit.outcome == CM_BODY_UNEDITABLE)
		(void)leave(e, CM_BODY_UNEDITABLE, "dkim");
}

/* ---- instead of a footer inside ---------------------------------------- */

/* Where the scan was not sure, no reader is sure to show what is around it. */
static bool may_wrap(const struct editor *e)
{
	return e->request->stream->uneditable == CM_UNEDITABLE_WRAP &&
	       e->tree.count > 0 && e->tree.unsure == NULL &&
	       !e->signed_by_others &&
	       (e->edit.outcome == CM_BODY_UNEDITABLE ||
		e->edit.outcome == CM_BODY_DISPROVED);
}

static int wrap_body(struct editor *e)
{
	struct cm_wrap wrap;
	const char *why;
	bool made;
	int rc;

	if (!may_wrap(e))
		return CM_OK;
	rc = cm_wrap_make(e->request, &e->tree, e->html_lang, e->arena, &wrap,
			  &made, e->err);
	if (rc != CM_OK || !made)
		return rc;
	if (cm_wrap_prove(e->request, &e->tree, &wrap, e->arena, &why) != CM_OK)
		return no_memory(e);
	if (why != NULL) {
		(void)leave(e, CM_BODY_DISPROVED, why);
		e->edit.disproof = why;
		e->edit.disproved = wrap.body;
		return CM_OK;
	}
	e->edit.outcome = CM_BODY_WRAPPED;
	e->edit.body = wrap.body;
	e->edit.language = wrap.language;
	e->edit.gmime_agreed = e->request->prove_with_gmime;
	e->values = wrap.values;
	return CM_OK;
}

/* A wrapper of ours is no reason for another one. */
static int find_wrapper(struct editor *e, bool *ret_go_on)
{
	bool done;

	if (cm_wrap_is_done(e->request, &e->tree, &done) != CM_OK)
		return no_memory(e);
	if (done)
		(void)leave(e, CM_BODY_NOT_WANTED, "done");
	*ret_go_on = !done;
	return CM_OK;
}

static int edit_body(struct editor *e)
{
	const struct cm_edit_request *request = e->request;
	bool go_on = false;
	int rc;

	if (!is_wanted(e))
		return CM_OK;
	rc = cm_mime_scan(request->headers, request->nheaders, request->body,
			  e->arena, &e->tree);
	if (rc != CM_OK)
		return no_memory(e);
	if (e->tree.unsure != NULL) {
		(void)leave(e, CM_BODY_UNEDITABLE, e->tree.unsure);
		return CM_OK;
	}
	rc = find_wrapper(e, &go_on);
	if (rc == CM_OK && go_on)
		rc = read_leaves(e, &go_on);
	if (rc == CM_OK && go_on && e->signed_by_others) {
		(void)leave(e, CM_BODY_UNEDITABLE, "dkim");
		go_on = false;
	}
	if (rc == CM_OK && go_on)
		rc = make_splices(e, &go_on);
	if (rc == CM_OK && go_on)
		rc = build(e);
	if (rc == CM_OK && go_on)
		rc = prove(e);
	return rc;
}

int cm_edit_make(const struct cm_edit_request *request, struct cm_arena *arena,
		 struct cm_edit *ret_edit, struct cm_error *err)
{
	struct editor e = {.request = request, .arena = arena, .err = err};
	size_t i;
	int rc;

	e.signed_by_others =
		cm_signature_presigned(request) == CM_PRESIGNED_KEEP;
	rc = edit_body(&e);
	if (rc == CM_OK)
		respect_signature(&e);
	if (rc == CM_OK)
		rc = wrap_body(&e);
	for (i = 0; i < e.count; i++)
		cm_leaf_free(&e.leaves[i]);
	if (rc == CM_OK) {
		bool edited = cm_edit_has_body(&e.edit);

		rc = cm_headers_plan(request, edited ? &e.values : NULL, arena,
				     &e.edit.headers, &e.edit.nheaders, err);
	}
	if (rc != CM_OK)
		return rc;
	if (!cm_edit_has_body(&e.edit))
		e.edit.body = cm_span_n(NULL, 0);
	if (e.edit.outcome != CM_BODY_FOOTER)
		e.edit.nsplices = 0;
	*ret_edit = e.edit;
	return CM_OK;
}
