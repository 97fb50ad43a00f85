/*
 * consentctl receipt: each consent of a person as a Kantara Consent Receipt
 * 1.1 and as a record of ISO/IEC TS 27560.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <string.h>

#include "tools/disclose.h"
#include "tools/receipt.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

typedef void print_fn(const struct cm_evidence *evidence,
		      const struct cm_evidence_event *item, struct cm_buf *out);

static const struct {
	const char *name;
	print_fn *print;
} formats[] = {
	{"kantara", cm_receipt_kantara},
	{"27560", cm_receipt_dpv},
};

enum { NFORMATS = sizeof(formats) / sizeof(formats[0]) };

static int find_format(const char *name, size_t *ret_format,
		       struct cm_error *err)
{
	for (size_t i = 0; i < NFORMATS; i++) {
		if (name == NULL || strcmp(name, formats[i].name) == 0) {
			*ret_format = i;
			return CM_OK;
		}
	}
	return cm_fail(err, CM_EUSAGE,
		       "--format: \"%.40s\" is not kantara or 27560", name);
}

static int add_file(const struct cm_evidence *e, struct cm_bundle *bundle,
		    const struct cm_evidence_event *item, size_t format,
		    struct cm_error *err)
{
	char name[64];
	struct cm_buf text;
	int rc;

	cm_buf_init(&text, TEXT_MAX);
	formats[format].print(e, item, &text);
	(void)snprintf(name, sizeof(name),
		       format == 0 ? "kantara-%010" PRIu64 ".json"
				   : "record-27560-%010" PRIu64 ".jsonld",
		       item->kept->seq);
	rc = cm_bundle_add_printed(bundle, name, &text, err);
	cm_buf_free(&text);
	return rc;
}

static int record(const struct cm_evidence *e,
		  const struct cm_disclosure *disclosure, struct cm_error *err)
{
	const struct cm_subject who = {e->person.contact, e->person.family};

	return cm_disclosure_record(e->ctl, disclosure, &who, 1, err);
}

static int write_all(const struct cm_evidence *e, const char *path,
		     const struct cm_disclosure *disclosure,
		     struct cm_error *err)
{
	struct cm_bundle *bundle = NULL;
	size_t i, f, consents = 0;
	int rc = cm_bundle_begin(path, e->ctl->arena, &bundle, err);

	for (i = 0; rc == CM_OK && i < e->count; i++) {
		if (!cm_receipt_fits(&e->events[i].kept->event))
			continue;
		for (f = 0; rc == CM_OK && f < NFORMATS; f++)
			rc = add_file(e, bundle, &e->events[i], f, err);
		consents++;
	}
	if (rc == CM_OK)
		rc = record(e, disclosure, err);
	if (rc == CM_OK)
		rc = cm_bundle_finish(bundle, err);
	if (rc == CM_OK) {
		cm_out_plural(e->ctl->out, consents, "consent");
		(void)fprintf(e->ctl->out, " of %s written to %s\n",
			      e->person.address.canonical, path);
	}
	cm_bundle_end(bundle);
	return rc;
}

static int print_one(const struct cm_evidence *e,
		     const struct cm_evidence_event *item, size_t format,
		     const struct cm_disclosure *disclosure,
		     struct cm_error *err)
{
	struct cm_buf text;
	int rc = record(e, disclosure, err);

	if (rc != CM_OK)
		return rc;
	cm_buf_init(&text, TEXT_MAX);
	formats[format].print(e, item, &text);
	rc = cm_buf_ok(&text);
	if (rc == CM_OK)
		(void)fwrite(text.data, 1, text.len, e->ctl->out);
	else
		rc = cm_fail(err, rc, "the receipt could not be printed");
	cm_buf_free(&text);
	return rc;
}

static const struct cm_evidence_event *newest(const struct cm_evidence *e)
{
	for (size_t i = e->count; i-- > 0;) {
		if (cm_receipt_fits(&e->events[i].kept->event))
			return &e->events[i];
	}
	return NULL;
}

static int answer(const struct cm_evidence *e, const struct cm_args *args,
		  size_t format, const struct cm_disclosure *disclosure,
		  struct cm_error *err)
{
	const char *path = cm_args_get(args, "output");
	const struct cm_evidence_event *item = newest(e);

	if (item == NULL)
		return cm_fail(err, CM_ENOTFOUND,
			       "%s has given no consent that counts (see: "
			       "consentctl history)",
			       e->person.address.canonical);
	return path != NULL ? write_all(e, path, disclosure, err)
			    : print_one(e, item, format, disclosure, err);
}

int cm_cmd_receipt(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	struct cm_disclosure disclosure = {
		.kind = "receipt",
		.to = cm_args_has(args, "output") ? CM_TO_PERSON : NULL};
	struct cm_evidence e = {.ctl = ctl};
	size_t format = 0;
	int rc = cm_disclosure_read(args, &disclosure, err);

	if (rc == CM_OK)
		rc = find_format(cm_args_get(args, "format"), &format, err);
	if (rc != CM_OK)
		return rc;
	cm_buf_init(&e.missing, TEXT_MAX);
	rc = cm_evidence_collect(&e, cm_args_word(args, 0), err);
	if (rc == CM_OK)
		rc = answer(&e, args, format, &disclosure, err);
	cm_buf_free(&e.missing);
	return rc;
}
