/*
 * Amazon SES hands out its suppression list as JSON only
 * (`aws sesv2 list-suppressed-destinations`): it becomes the same list as
 * CSV, so that all that is known of lists holds for it, too.  See list.h.
 */
#include "tools/list_json.h"

#include "lib/json.h"
#include "tools/csv.h"

/* 1,000,000 entries of 200 octets; the tree of it takes five times that. */
enum { LIST_JSON_MAX = 200 * 1024 * 1024 };

static const char *const members[] = {"EmailAddress", "Reason",
				      "LastUpdateTime"};
enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

static struct cm_span without_bom(struct cm_span text)
{
	if (cm_span_starts(text, "\xEF\xBB\xBF"))
		return cm_span_n(text.p + 3, text.n - 3);
	return text;
}

bool cm_list_is_json(struct cm_span text)
{
	text = cm_span_trim(without_bom(text));
	return text.n > 0 && text.p[0] == '{';
}

/* A time is a text; or a number, seconds since 1970. */
static int add_cell(struct cm_buf *out, const struct cm_json_value *value)
{
	if (cm_json_kind(value) == CM_JSON_INT)
		return cm_buf_addf(out, "%lld", (long long)cm_json_int(value));
	return cm_csv_put(out, cm_json_text(value), ',', false);
}

static int add_entry(struct cm_buf *out, const struct cm_json_value *entry)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; i < MEMBERS && rc == CM_OK; i++) {
		rc = add_cell(out, cm_json_member(entry, members[i]));
		if (rc == CM_OK)
			rc = cm_buf_addc(out, i + 1 < MEMBERS ? ',' : '\n');
	}
	return rc;
}

static int add_entries(struct cm_buf *out, const struct cm_json_value *entries,
		       struct cm_error *err)
{
	size_t count = cm_json_count(entries);
	size_t i;
	int rc = cm_buf_addf(out, "%s,%s,%s\n", members[0], members[1],
			     members[2]);

	for (i = 0; i < count && rc == CM_OK; i++) {
		const struct cm_json_value *entry = cm_json_item(entries, i);

		/* An empty row is passed over: a refusal would be lost. */
		if (cm_json_text(cm_json_member(entry, members[0])).n == 0)
			return cm_fail(err, CM_EDATA, "entry %zu has no %s",
				       i + 1, members[0]);
		rc = add_entry(out, entry);
	}
	return rc == CM_OK ? rc : cm_fail(err, rc, "is too long");
}

static int convert(const struct cm_json_value *root, struct cm_buf *out,
		   struct cm_error *err)
{
	const struct cm_json_value *entries =
		cm_json_member(root, "SuppressedDestinationSummaries");

	if (cm_json_kind(entries) != CM_JSON_ARRAY)
		return cm_fail(err, CM_EDATA,
			       "is JSON, of which only what `aws sesv2 "
			       "list-suppressed-destinations` prints is known: "
			       "export it as CSV");
	/* Half a list of refusals would look like all of them. */
	if (cm_json_kind(cm_json_member(root, "NextToken")) == CM_JSON_TEXT)
		return cm_fail(err, CM_EDATA,
			       "is one page of a longer list (it has a "
			       "NextToken): ask aws for all of it, without "
			       "--max-items and --no-paginate");
	return add_entries(out, entries, err);
}

int cm_list_from_json(struct cm_span text, struct cm_buf *out,
		      struct cm_error *err)
{
	struct cm_json *json = NULL;
	int rc = cm_json_read(without_bom(text), LIST_JSON_MAX, &json, err);

	if (rc != CM_OK)
		return cm_error_prefix(
			err, "is no JSON that can be read here (times "
			     "must be texts: --cli-timestamp-format "
			     "iso8601): ");
	rc = convert(cm_json_root(json), out, err);
	cm_json_free(&json);
	return rc;
}
