/*
 * consentctl access: everything on record about a person, for that person
 * (GDPR 15 and 20).
 */
#include "tools/ctl_commands.h"

#include <string.h>

#include "tools/access.h"
#include "tools/bundle.h"
#include "tools/ctl_past.h"
#include "tools/ctl_person.h"
#include "tools/disclose.h"
#include "tools/request.h"

enum { TEXT_MAX = 64 * 1024 * 1024 }; /* a file on one person */

static const struct {
	const char *name;
	void (*print)(const struct cm_record *record, struct cm_buf *out);
} files[] = {
	{"index.html", cm_access_page},
	{"data.json", cm_record_json},
	{"data.csv", cm_access_csv},
};

static int collect(struct cm_ctl *ctl, const char *address,
		   struct cm_record *record, struct cm_error *err)
{
	struct cm_record_source source = {
		.config = ctl->config,
		.store = ctl->store,
		.arena = ctl->arena,
		.now = ctl->now,
	};
	struct cm_person person;
	size_t folded;
	/* What was refused a moment ago belongs to it, if it can be had. */
	int rc = cm_store_fold_stop(ctl->store, ctl->now, &folded, err);

	if (rc == CM_OK || rc == CM_EAGAIN)
		rc = cm_person_find(ctl, address, &person, err);
	if (rc == CM_OK)
		rc = cm_ctl_sent(ctl, &source.sent, err);
	if (rc == CM_OK)
		rc = cm_record_read(&source, &person.contact, &person.family,
				    record, err);
	if (rc == CM_ENOTFOUND)
		return cm_fail(err, rc,
			       "nothing is on record for %s; nothing was "
			       "written",
			       person.address.canonical);
	if (rc != CM_OK)
		return rc;
	record->email = cm_arena_strdup(ctl->arena, person.address.canonical);
	return record->email != NULL ? CM_OK
				     : cm_fail(err, CM_ENOMEM, "out of memory");
}

static int add_file(const struct cm_record *r, struct cm_bundle *bundle,
		    size_t i, struct cm_error *err)
{
	struct cm_buf text;
	int rc;

	cm_buf_init(&text, TEXT_MAX);
	files[i].print(r, &text);
	rc = cm_bundle_add_printed(bundle, files[i].name, &text, err);
	cm_buf_free(&text);
	return rc;
}

static int note(struct cm_ctl *ctl, const struct cm_record *r,
		const struct cm_disclosure *disclosure, struct cm_error *err)
{
	const struct cm_subject who = {r->contact, r->family};

	return cm_disclosure_record(ctl, disclosure, &who, 1, err);
}

static void fulfil(struct cm_ctl *ctl, const struct cm_record *r,
		   const struct cm_disclosure *disclosure)
{
	if (strcmp(disclosure->to, CM_TO_PERSON) != 0)
		return;
	cm_request_fulfil(ctl, &r->contact, "access");
	cm_request_fulfil(ctl, &r->contact, "portability");
}

static int write_folder(struct cm_ctl *ctl, const struct cm_record *r,
			const char *path,
			const struct cm_disclosure *disclosure,
			struct cm_error *err)
{
	struct cm_bundle *bundle = NULL;
	size_t i;
	int rc = cm_bundle_begin(path, ctl->arena, &bundle, err);

	for (i = 0; rc == CM_OK && i < sizeof(files) / sizeof(files[0]); i++)
		rc = add_file(r, bundle, i, err);
	if (rc == CM_OK)
		rc = note(ctl, r, disclosure, err);
	if (rc == CM_OK)
		rc = cm_bundle_finish(bundle, err);
	cm_bundle_end(bundle);
	if (rc != CM_OK)
		return rc;
	fulfil(ctl, r, disclosure);
	cm_out_plural(ctl->out, r->count, "event");
	(void)fprintf(ctl->out,
		      " of %s written to %s\n"
		      "give all of it to the person, at this address only: "
		      "%s/index.html is for reading\n",
		      r->email, path, path);
	return CM_OK;
}

static int print_json(struct cm_ctl *ctl, const struct cm_record *r,
		      const struct cm_disclosure *disclosure,
		      struct cm_error *err)
{
	struct cm_buf text;
	int rc = note(ctl, r, disclosure, err);

	if (rc != CM_OK)
		return rc;
	cm_buf_init(&text, TEXT_MAX);
	cm_record_json(r, &text);
	rc = cm_buf_ok(&text);
	if (rc == CM_OK)
		(void)fwrite(text.data, 1, text.len, ctl->out);
	else
		rc = cm_fail(err, rc, "the record could not be printed");
	cm_buf_free(&text);
	return rc;
}

int cm_cmd_access(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	struct cm_record r;
	const char *path = cm_args_get(args, "output");
	struct cm_disclosure disclosure = {
		.kind = "access", .to = path != NULL ? CM_TO_PERSON : NULL};
	int rc = cm_disclosure_read(args, &disclosure, err);

	if (rc != CM_OK)
		return rc;
	rc = collect(ctl, cm_args_word(args, 0), &r, err);
	if (rc != CM_OK)
		return rc;
	return path != NULL ? write_folder(ctl, &r, path, &disclosure, err)
			    : print_json(ctl, &r, &disclosure, err);
}
