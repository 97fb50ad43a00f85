/*
 * consentctl access: everything on record about a person, for that person
 * (GDPR 15 and 20).
 */
#include "tools/ctl_commands.h"

#include <string.h>

#include "tools/access.h"
#include "tools/ctl_past.h"
#include "tools/disclose.h"
#include "tools/request.h"

enum { TEXT_MAX = 64 * 1024 * 1024 }; /* a file on one person */

static const struct {
	const char *name;
	void (*print)(const struct cm_access *access, struct cm_buf *out);
} files[] = {
	{"index.html", cm_access_page},
	{"data.json", cm_access_json},
	{"data.csv", cm_access_csv},
};

enum { SENT_MAX = 1000 }; /* purposes, and asks of them, of one person */

static int keep_asked(void *ctx, const struct cm_asked *asked,
		      struct cm_error *err)
{
	struct cm_access *a = ctx;
	struct cm_asked *kept = &a->asked[a->nasked];

	if (a->nasked == SENT_MAX)
		return cm_fail(err, CM_ELIMIT, "asked more than %d times",
			       SENT_MAX);
	*kept = *asked;
	kept->stream.p = cm_arena_dup(a->record.ctl->arena, asked->stream.p,
				      asked->stream.n);
	if (kept->stream.p == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	a->nasked++;
	return CM_OK;
}

static int keep_mailed(void *ctx, const struct cm_sent_mail *mail,
		       struct cm_error *err)
{
	struct cm_access *a = ctx;

	if (a->nmailed == SENT_MAX)
		return cm_fail(err, CM_ELIMIT, "mail of more than %d purposes",
			       SENT_MAX);
	a->mailed[a->nmailed++] = *mail;
	return CM_OK;
}

/* G15: of every store, so of this one, too. */
static int collect_sent(struct cm_access *a, struct cm_error *err)
{
	struct cm_ctl *ctl = a->record.ctl;
	const struct cm_id *contact = &a->record.person.contact;
	struct cm_sent *sent;
	int rc = cm_ctl_sent(ctl, &sent, err);

	if (rc != CM_OK || sent == NULL)
		return rc;
	a->asked = cm_arena_array(ctl->arena, SENT_MAX, sizeof(*a->asked));
	a->mailed = cm_arena_array(ctl->arena, SENT_MAX, sizeof(*a->mailed));
	if (a->asked == NULL || a->mailed == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_sent_each_asked(sent, contact, keep_asked, a, err);
	if (rc == CM_OK)
		rc = cm_sent_each_mailed(sent, contact, keep_mailed, a, err);
	return rc;
}

static int collect(struct cm_access *a, const char *address,
		   struct cm_error *err)
{
	struct cm_ctl *ctl = a->record.ctl;
	int rc = cm_evidence_collect(&a->record, address, err);

	if (rc == CM_OK)
		rc = cm_store_address(ctl->store, &a->record.person.contact,
				      ctl->arena, &a->canonical, &a->as_given,
				      err);
	if (rc == CM_ENOTFOUND && a->record.count > 0)
		rc = CM_OK;
	return rc == CM_OK ? collect_sent(a, err) : rc;
}

static int add_file(struct cm_access *a, struct cm_bundle *bundle, size_t i,
		    struct cm_error *err)
{
	struct cm_buf text;
	int rc;

	cm_buf_init(&text, TEXT_MAX);
	files[i].print(a, &text);
	rc = cm_buf_ok(&text);
	rc = rc == CM_OK ? cm_bundle_add(bundle, files[i].name,
					 cm_span_n(text.data, text.len), err)
			 : cm_fail(err, rc, "no room for %s", files[i].name);
	cm_buf_free(&text);
	return rc;
}

static int record(struct cm_access *a, const struct cm_disclosure *disclosure,
		  struct cm_error *err)
{
	const struct cm_subject who = {a->record.person.contact,
				       a->record.person.family};

	return cm_disclosure_record(a->record.ctl, disclosure, &who, 1, err);
}

static void fulfil(struct cm_access *a, const struct cm_disclosure *disclosure)
{
	const struct cm_id *contact = &a->record.person.contact;

	if (strcmp(disclosure->to, CM_TO_PERSON) != 0)
		return;
	cm_request_fulfil(a->record.ctl, contact, "access");
	cm_request_fulfil(a->record.ctl, contact, "portability");
}

static int write_folder(struct cm_access *a, const char *path,
			const struct cm_disclosure *disclosure,
			struct cm_error *err)
{
	struct cm_ctl *ctl = a->record.ctl;
	struct cm_bundle *bundle = NULL;
	size_t i;
	int rc = cm_bundle_begin(path, ctl->arena, &bundle, err);

	for (i = 0; rc == CM_OK && i < sizeof(files) / sizeof(files[0]); i++)
		rc = add_file(a, bundle, i, err);
	if (rc == CM_OK)
		rc = record(a, disclosure, err);
	if (rc == CM_OK)
		rc = cm_bundle_finish(bundle, err);
	cm_bundle_end(bundle);
	if (rc != CM_OK)
		return rc;
	fulfil(a, disclosure);
	cm_out_plural(ctl->out, a->record.count, "event");
	(void)fprintf(ctl->out,
		      " of %s written to %s\n"
		      "give all of it to the person, at this address only: "
		      "%s/index.html is for reading\n",
		      a->record.person.address.canonical, path, path);
	return CM_OK;
}

static int print_json(struct cm_access *a,
		      const struct cm_disclosure *disclosure,
		      struct cm_error *err)
{
	struct cm_buf text;
	int rc = record(a, disclosure, err);

	if (rc != CM_OK)
		return rc;
	cm_buf_init(&text, TEXT_MAX);
	cm_access_json(a, &text);
	rc = cm_buf_ok(&text);
	if (rc == CM_OK)
		(void)fwrite(text.data, 1, text.len, a->record.ctl->out);
	else
		rc = cm_fail(err, rc, "the record could not be printed");
	cm_buf_free(&text);
	return rc;
}

int cm_cmd_access(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	struct cm_access a = {.record = {.ctl = ctl}};
	const char *path = cm_args_get(args, "output");
	struct cm_disclosure disclosure = {
		.kind = "access", .to = path != NULL ? CM_TO_PERSON : NULL};
	int rc = cm_disclosure_read(args, &disclosure, err);

	if (rc != CM_OK)
		return rc;
	cm_buf_init(&a.record.missing, TEXT_MAX);
	rc = collect(&a, cm_args_word(args, 0), err);
	if (rc == CM_OK)
		rc = path != NULL ? write_folder(&a, path, &disclosure, err)
				  : print_json(&a, &disclosure, err);
	cm_buf_free(&a.record.missing);
	return rc;
}
