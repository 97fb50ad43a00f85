/*
 * consentctl verify: is everything what it was when it was written?
 *
 * First the store against its own ledger, then the ledger against every
 * checkpoint that was signed: whoever rewrites the whole store can make it
 * agree with itself, but not with a signature of before.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "lib/enc.h"
#include "policy/store.h"
#include "tools/ctl_output.h"
#include "tools/heads.h"

enum { REPORT_MAX = 1024 * 1024 }; /* 100 lines of the store, and heads */

struct verify {
	struct cm_ctl *ctl;
	struct cm_buf report; /* a line for each thing that is wrong */
	struct cm_store_counts counts;
	bool store_good;
	struct cm_heads heads;
	bool has_heads;
	char no_heads[CM_ERROR_MAX]; /* why not */
	size_t bad_heads;
};

/* ---- checkpoints -------------------------------------------------------- */

static int check_head(struct verify *v, struct cm_store_reader *reader,
		      const struct cm_signed_head *head, struct cm_error *err)
{
	const struct cm_checkpoint *checkpoint = &head->checkpoint;
	uint64_t size = cm_store_size(reader);
	struct cm_hash root;
	int rc;

	if (checkpoint->size > size) {
		v->bad_heads++;
		(void)cm_buf_addf(&v->report,
				  "checkpoint of %" PRIu64
				  " events: the ledger has only %" PRIu64
				  ": its end was cut off, or an old copy was "
				  "put in its place\n",
				  checkpoint->size, size);
		return CM_OK;
	}
	rc = cm_store_root_at(reader, checkpoint->size, &root, err);
	if (rc != CM_OK && rc != CM_ECORRUPT)
		return rc;
	if (rc == CM_OK &&
	    memcmp(root.b, checkpoint->root.b, sizeof(root.b)) == 0)
		return CM_OK;
	v->bad_heads++;
	(void)cm_buf_addf(&v->report,
			  "checkpoint of %" PRIu64
			  " events: the ledger does not extend it: something "
			  "among its first %" PRIu64
			  " events was changed after they were signed for\n",
			  checkpoint->size, checkpoint->size);
	return CM_OK;
}

static int check_heads(struct verify *v, struct cm_error *err)
{
	struct cm_ctl *ctl = v->ctl;
	struct cm_store_reader *reader = NULL;
	struct cm_error why;
	size_t i;
	int rc = cm_heads_read(ctl, &v->heads, &why);

	(void)snprintf(v->no_heads, sizeof(v->no_heads), "%s",
		       rc == CM_OK ? "" : why.text);
	v->has_heads = rc == CM_OK;
	if (rc == CM_ENOTFOUND)
		return CM_OK;
	if (rc == CM_ECORRUPT) {
		v->bad_heads++;
		(void)cm_buf_addf(&v->report, "checkpoints: %s\n", why.text);
		return CM_OK;
	}
	if (rc != CM_OK)
		return cm_fail(err, rc, "%s", why.text);
	rc = cm_store_read_begin(ctl->store, ctl->arena, &reader, err);
	if (rc != CM_OK)
		return rc;
	for (i = 0; rc == CM_OK && i < v->heads.count; i++)
		rc = check_head(v, reader, &v->heads.heads[i], err);
	cm_store_read_end(&reader);
	return rc;
}

/* ---- in words ----------------------------------------------------------- */

static const struct {
	const char *what, *rule;
} checks[] = {
	{"events", "each is the one that its hash in the tree was made of"},
	{"hash tree", "made of these events and no others, in this order"},
	{"people and families",
	 "what their events add up to, no more, no less"},
	{"texts shown", "each is the one that its hash was made of"},
	{"addresses, evidence", "as they were written, each with its event"},
	{"waiting refusals", "as they were written"},
};

enum { NCHECKS = sizeof(checks) / sizeof(checks[0]) };

static void text_heads(const struct verify *v)
{
	FILE *out = v->ctl->out;

	(void)fprintf(out, "  %-20s ", "checkpoints");
	if (!v->has_heads) {
		(void)fputs("NONE: nothing outside of this store vouches for "
			    "it",
			    out);
		if (v->no_heads[0] != '\0')
			(void)fprintf(out, " (%s)", v->no_heads);
		(void)fputc('\n', out);
		return;
	}
	cm_out_plural(out, v->heads.count, "signed head");
	(void)fprintf(out, " by %s: the ledger extends each\n",
		      v->heads.key.name);
}

static void verify_text(struct verify *v, bool good)
{
	FILE *out = v->ctl->out;
	char root[CM_HEX_LEN(CM_HASH_LEN) + 1];
	size_t i;

	if (!good) {
		(void)fwrite(cm_buf_text(&v->report), 1, v->report.len, out);
		(void)fputs("NOT GOOD: see above\n", out);
		return;
	}
	(void)fputs("checked:\n", out);
	for (i = 0; i < NCHECKS; i++)
		(void)fprintf(out, "  %-20s %s\n", checks[i].what,
			      checks[i].rule);
	text_heads(v);
	(void)cm_hex_encode(v->counts.root.b, CM_HASH_LEN, root);
	(void)fputs("good: ", out);
	cm_out_plural(out, v->counts.events, "event");
	(void)fprintf(out, ", root %s\n", root);
}

static void json_report(struct cm_json_writer *w, const struct cm_buf *report)
{
	struct cm_span rest = cm_span_n(cm_buf_text(report), report->len);

	cm_json_begin_array(w);
	while (rest.n > 0)
		cm_json_add_text(w, cm_span_cut(&rest, '\n'));
	cm_json_end(w);
}

static int verify_json(struct verify *v, bool good, struct cm_error *err)
{
	struct cm_out_json json;
	struct cm_json_writer *w = &json.w;
	size_t i, n = v->has_heads ? v->heads.count : 0;

	cm_out_json_begin(&json);
	cm_json_begin_object(w);
	cm_json_put_bool(w, "good", good);
	cm_json_name(w, "report");
	json_report(w, &v->report);
	cm_json_name(w, "checked");
	cm_json_begin_object(w);
	for (i = 0; i < NCHECKS; i++)
		cm_json_put_text(w, checks[i].what, checks[i].rule);
	cm_json_end(w);
	cm_json_put_int(w, "events", (int64_t)v->counts.events);
	cm_json_name(w, "checkpoints");
	cm_json_begin_object(w);
	cm_json_put_int(w, "count", (int64_t)n);
	cm_json_put_int(w, "not_extended", (int64_t)v->bad_heads);
	cm_json_name(w, "newest");
	if (n > 0)
		cm_json_add_int(w,
				(int64_t)v->heads.heads[n - 1].checkpoint.size);
	else
		cm_json_add_null(w);
	cm_json_put_text(w, "why_none",
			 v->no_heads[0] != '\0' ? v->no_heads : NULL);
	cm_json_end(w);
	cm_json_end(w);
	return cm_out_json_end(&json, v->ctl->out, err);
}

/* ---- the command -------------------------------------------------------- */

static int check_store(struct verify *v, struct cm_error *err)
{
	struct cm_progress progress;
	int rc;

	cm_progress_init(&progress, v->ctl->notes);
	progress.what = "verifying";
	rc = cm_store_verify(v->ctl->store, &v->report, cm_progress_show,
			     &progress, err);
	cm_progress_end(&progress);
	v->store_good = rc == CM_OK;
	if (rc == CM_OK) {
		cm_buf_reset(&v->report); /* its summary is ours to say */
		rc = cm_store_count(v->ctl->store, &v->counts, err);
	}
	return rc == CM_ECORRUPT ? CM_OK : rc;
}

int cm_cmd_verify(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	struct verify *v = cm_arena_alloc(ctl->arena, sizeof(*v));
	struct cm_error store;
	bool good;
	int rc;

	(void)args;
	if (v == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	v->ctl = ctl;
	cm_buf_init(&v->report, REPORT_MAX);
	rc = check_store(v, err);
	store = *err;
	if (rc == CM_OK)
		rc = check_heads(v, err);
	good = v->store_good && v->bad_heads == 0;
	if (rc == CM_OK && ctl->json)
		rc = verify_json(v, good, err);
	else if (rc == CM_OK)
		verify_text(v, good);
	cm_buf_free(&v->report);
	if (rc != CM_OK || good)
		return rc;
	if (!v->store_good)
		return cm_fail(err, CM_ECORRUPT, "%s", store.text);
	return cm_fail(err, CM_ECORRUPT,
		       "the ledger does not agree with what was signed");
}
