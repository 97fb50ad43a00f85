/* See api_body.h. */
#include "web/api_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "lib/quote.h"
#include "policy/grant.h"
#include "policy/words.h"

enum { EVIDENCE_NAME_MAX = 32 };

/* What reads one member works on. */
struct reading {
	const struct cm_config *config;
	int64_t now;
	struct cm_api_call *call;
	struct cm_api_fault *fault;
};

#define FOR(kind) (1U << (kind))
#define FOR_ALL   (FOR(CM_API_CALLS) - 1)
#define FOR_YES   (FOR(CM_API_GRANTS) | FOR(CM_API_REQUESTS))

static void set_fault(struct cm_api_fault *fault, int status, const char *code,
		      const char *field)
{
	fault->status = status;
	fault->code = code;
	(void)snprintf(fault->field, sizeof(fault->field), "%s", field);
}

/* ---- members ------------------------------------------------------------ */

static int take_address(struct reading *r, const struct cm_json_value *value,
			struct cm_error *err)
{
	r->call->address = cm_json_text(value);
	if (r->call->address.n <= CM_ACT_ADDRESS_MAX)
		return CM_OK;
	return cm_fail(err, CM_EDATA, "at most %d octets", CM_ACT_ADDRESS_MAX);
}

static int take_purpose(struct reading *r, const struct cm_json_value *value,
			struct cm_error *err)
{
	struct cm_api_call *call = r->call;
	const struct cm_purpose *purpose;
	size_t i;

	if (cm_json_kind(value) != CM_JSON_TEXT)
		return cm_fail(err, CM_EDATA, "each has to be a text");
	if (cm_word_purpose(r->config, cm_json_text(value), &purpose, err) !=
	    CM_OK) {
		r->fault->code = "unknown-purpose";
		return CM_EDATA;
	}
	for (i = 0; i < call->npurposes; i++)
		if (call->purposes[i] == purpose)
			return cm_fail(err, CM_EDATA, "\"%s\" stands twice",
				       purpose->path);
	call->purposes[call->npurposes++] = purpose;
	return CM_OK;
}

static int take_purposes(struct reading *r, const struct cm_json_value *value,
			 struct cm_error *err)
{
	size_t count = cm_json_count(value);
	size_t i;
	int rc = CM_OK;

	if (count == 0 || count > CM_API_PURPOSES)
		return cm_fail(err, CM_EDATA,
			       "has %zu; one to %d purposes are possible",
			       count, CM_API_PURPOSES);
	for (i = 0; rc == CM_OK && i < count; i++) {
		(void)snprintf(r->fault->field, sizeof(r->fault->field),
			       "purposes/%zu", i);
		rc = take_purpose(r, cm_json_item(value, i), err);
	}
	return rc;
}

static int take_language(struct reading *r, const struct cm_json_value *value,
			 struct cm_error *err)
{
	return cm_word_language(cm_json_text(value), r->call->event.language,
				err);
}

static int take_source(struct reading *r, const struct cm_json_value *value,
		       struct cm_error *err)
{
	char *source = r->call->event.source;
	const char *similar;
	int rc = cm_word_source(cm_json_text(value), source, err);

	if (rc == CM_OK)
		rc = cm_grant_check_source(source, err);
	if (rc != CM_OK)
		return rc;
	similar = cm_word_meant_source(r->config, source);
	if (similar == NULL)
		return CM_OK;
	return cm_fail(err, CM_EDATA,
		       "\"%s\" is no source that anybody uses here; did you "
		       "mean \"%s\"?",
		       source, similar);
}

static int take_basis(struct reading *r, const struct cm_json_value *value,
		      struct cm_error *err)
{
	return cm_word_basis(cm_json_text(value), &r->call->event.basis, err);
}

/* A clock that runs a little ahead of ours is no reason to lose a consent. */
static int take_at(struct reading *r, const struct cm_json_value *value,
		   struct cm_error *err)
{
	struct cm_span text = cm_json_text(value);
	char quoted[CM_QUOTE_LEN];
	int64_t at;

	(void)cm_quote(text, quoted);
	/* 0 is "now" to the store. */
	if (cm_clock_parse(text, &at) != CM_OK || at <= 0)
		return cm_fail(err, CM_EDATA,
			       "\"%s\" is no time as 2026-01-31T12:00:00Z (RFC "
			       "3339)",
			       quoted);
	if (at > r->now + CM_API_CLOCK_SLACK_MS)
		return cm_fail(err, CM_EDATA, "\"%s\" is yet to come", quoted);
	r->call->at = at < r->now ? at : r->now;
	return CM_OK;
}

static int take_notice(struct reading *r, const struct cm_json_value *value,
		       struct cm_error *err)
{
	r->call->notice = cm_json_text(value);
	if (r->call->notice.n > 0 && r->call->notice.n <= CM_API_NOTICE_MAX)
		return CM_OK;
	return cm_fail(err, CM_EDATA,
		       "has %zu octets; the exact text that was shown has 1 to "
		       "%d",
		       r->call->notice.n, CM_API_NOTICE_MAX);
}

static int take_notice_hash(struct reading *r,
			    const struct cm_json_value *value,
			    struct cm_error *err)
{
	struct cm_hash *hash = &r->call->notice_hash;
	char quoted[CM_QUOTE_LEN];
	size_t n;

	r->call->has_notice_hash = true;
	if (cm_hex_decode(cm_json_text(value), hash->b, sizeof(hash->b), &n) ==
		    CM_OK &&
	    n == sizeof(hash->b))
		return CM_OK;
	return cm_fail(err, CM_EDATA,
		       "\"%s\" is not 64 hex digits in lower case",
		       cm_quote(cm_json_text(value), quoted));
}

static int take_controller(struct reading *r, const struct cm_json_value *value,
			   struct cm_error *err)
{
	return cm_word_name(cm_json_text(value), CM_PARTY_MAX,
			    r->call->event.controller, err);
}

static int take_seller(struct reading *r, const struct cm_json_value *value,
		       struct cm_error *err)
{
	return cm_word_name(cm_json_text(value), CM_PARTY_MAX,
			    r->call->event.seller, err);
}

static int take_category(struct reading *r, const struct cm_json_value *value,
			 struct cm_error *err)
{
	return cm_word_name(cm_json_text(value), CM_CATEGORY_MAX,
			    r->call->event.category, err);
}

static int take_sale_ref(struct reading *r, const struct cm_json_value *value,
			 struct cm_error *err)
{
	int rc = cm_word_name(cm_json_text(value), CM_API_SALE_REF_MAX,
			      r->call->sale_ref, err);

	r->call->event.has_sale_ref = rc == CM_OK && r->call->sale_ref[0] != 0;
	return rc;
}

static int read_date(const struct cm_json_value *value, int64_t *ret_at,
		     struct cm_error *err)
{
	struct cm_span text = cm_json_text(value);
	char quoted[CM_QUOTE_LEN];

	if (cm_clock_parse_day(text, ret_at) == CM_OK ||
	    cm_clock_parse(text, ret_at) == CM_OK)
		return CM_OK;
	return cm_fail(err, CM_EDATA,
		       "\"%s\" is no date as 2026-01-31, nor a time as "
		       "2026-01-31T12:00:00Z",
		       cm_quote(text, quoted));
}

static int take_sale_date(struct reading *r, const struct cm_json_value *value,
			  struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	int rc = read_date(value, &r->call->event.sold, err);

	if (rc == CM_OK && r->call->event.sold > r->now)
		return cm_fail(err, CM_EDATA, "\"%s\" is yet to come",
			       cm_quote(cm_json_text(value), quoted));
	return rc;
}

static int take_contract_end(struct reading *r,
			     const struct cm_json_value *value,
			     struct cm_error *err)
{
	return read_date(value, &r->call->event.ended, err);
}

static int take_opt_out(struct reading *r, const struct cm_json_value *value,
			struct cm_error *err)
{
	(void)err;
	r->call->event.optout = cm_json_bool(value) ? CM_SAID_YES : CM_SAID_NO;
	return CM_OK;
}

/* ---- evidence ----------------------------------------------------------- */

/* Members that we add ourselves. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = {"api_key", "network", "sale_ref"};
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(name, ours[i]) == 0)
			return true;
	return false;
}

static int check_evidence_name(const char *name, struct cm_error *err)
{
	size_t n = strlen(name);
	char quoted[CM_QUOTE_LEN];
	size_t i;

	(void)cm_quote(cm_span(name), quoted);
	if (is_ours(name))
		return cm_fail(err, CM_EDATA, "\"%s\" is put there by us",
			       quoted);
	for (i = 0; i < n && i < EVIDENCE_NAME_MAX; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') &&
		    !cm_ascii_digit(name[i]) && name[i] != '_')
			break;
	if (i > 0 && i == n)
		return CM_OK;
	return cm_fail(err, CM_EDATA,
		       "\"%s\" cannot be a name: letters a-z, digits and "
		       "\"_\", at most %d",
		       quoted, EVIDENCE_NAME_MAX);
}

static int take_evidence(struct reading *r, const struct cm_json_value *value,
			 struct cm_error *err)
{
	struct cm_json_iter iter = {NULL, false};
	const struct cm_json_value *member;
	const char *name;
	int rc = CM_OK;

	if (cm_json_count(value) > CM_API_EVIDENCE_MEMBERS)
		return cm_fail(err, CM_EDATA, "has %zu members; at most %d",
			       cm_json_count(value), CM_API_EVIDENCE_MEMBERS);
	while (rc == CM_OK && cm_json_next(value, &iter, &name, &member)) {
		enum cm_json_kind kind = cm_json_kind(member);

		rc = check_evidence_name(name, err);
		if (rc == CM_OK && kind != CM_JSON_TEXT &&
		    kind != CM_JSON_INT && kind != CM_JSON_BOOL)
			rc = cm_fail(err, CM_EDATA,
				     "\"%s\" has to be a text, an integer, "
				     "true or false",
				     name);
	}
	r->call->evidence = value;
	return rc;
}

struct member {
	const char *name;
	const struct cm_json_value *value; /* NULL: text */
	const char *text;
};

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->name,
		      ((const struct member *)b)->name);
}

static size_t gather(const struct cm_api_call *call, const char *key,
		     const char *network, struct member *out)
{
	const struct member ours[] = {
		{"api_key", NULL, key},
		{"network", NULL, network},
		{"sale_ref", NULL, call->sale_ref[0] ? call->sale_ref : NULL},
	};
	struct cm_json_iter iter = {NULL, false};
	size_t n = 0;
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (ours[i].text != NULL)
			out[n++] = ours[i];
	while (call->evidence != NULL &&
	       cm_json_next(call->evidence, &iter, &out[n].name, &out[n].value))
		out[n++].text = NULL;
	qsort(out, n, sizeof(*out), compare_members);
	return n;
}

static void put_member(struct cm_json_writer *w, const struct member *member)
{
	const struct cm_json_value *value = member->value;

	cm_json_name(w, member->name);
	if (value == NULL)
		cm_json_add_text(w, cm_span(member->text));
	else if (cm_json_kind(value) == CM_JSON_INT)
		cm_json_add_int(w, cm_json_int(value));
	else if (cm_json_kind(value) == CM_JSON_BOOL)
		cm_json_add_bool(w, cm_json_bool(value));
	else
		cm_json_add_text(w, cm_json_text(value));
}

int cm_api_evidence(const struct cm_api_call *call, const char *key,
		    const char *network, struct cm_buf *out,
		    struct cm_api_fault *ret_fault)
{
	/* Ours, and one more that the iterator may write to at its end. */
	struct member members[CM_API_EVIDENCE_MEMBERS + 4];
	size_t n = gather(call, key, network, members);
	struct cm_json_writer w;
	size_t i;

	cm_json_init(&w, out, CM_JSON_CANONICAL);
	cm_json_begin_object(&w);
	for (i = 0; i < n; i++)
		put_member(&w, &members[i]);
	cm_json_end(&w);
	if (cm_json_done(&w) == CM_OK)
		return CM_OK;
	set_fault(ret_fault, 422, "bad-field", "evidence");
	return cm_fail(&ret_fault->err, CM_EDATA,
		       "is more than the %zu octets of JSON that are kept",
		       out->max);
}

/* ---- the body ----------------------------------------------------------- */

static const struct field {
	const char *name;
	enum cm_json_kind kind;
	unsigned known;    /* to which calls */
	unsigned required; /* by which calls */
	int (*take)(struct reading *r, const struct cm_json_value *value,
		    struct cm_error *err);
} fields[] = {
	{"address", CM_JSON_TEXT, FOR_ALL, FOR_ALL, take_address},
	{"purposes", CM_JSON_ARRAY, FOR_YES | FOR(CM_API_WITHDRAWALS), FOR_YES,
	 take_purposes},
	{"source", CM_JSON_TEXT, FOR_YES, FOR_YES, take_source},
	{"at", CM_JSON_TEXT, FOR(CM_API_GRANTS), FOR(CM_API_GRANTS), take_at},
	{"language", CM_JSON_TEXT, FOR_YES, 0, take_language},
	{"basis", CM_JSON_TEXT, FOR(CM_API_GRANTS), 0, take_basis},
	{"notice", CM_JSON_TEXT, FOR_YES, 0, take_notice},
	{"notice_sha256", CM_JSON_TEXT, FOR_YES, 0, take_notice_hash},
	{"controller", CM_JSON_TEXT, FOR(CM_API_GRANTS), 0, take_controller},
	{"seller", CM_JSON_TEXT, FOR(CM_API_GRANTS), 0, take_seller},
	{"sale_ref", CM_JSON_TEXT, FOR(CM_API_GRANTS), 0, take_sale_ref},
	{"sale_date", CM_JSON_TEXT, FOR(CM_API_GRANTS), 0, take_sale_date},
	{"product_category", CM_JSON_TEXT, FOR(CM_API_GRANTS), 0,
	 take_category},
	{"opt_out_offered", CM_JSON_BOOL, FOR(CM_API_GRANTS), 0, take_opt_out},
	{"contract_end", CM_JSON_TEXT, FOR(CM_API_GRANTS), 0,
	 take_contract_end},
	{"evidence", CM_JSON_OBJECT, FOR_YES | FOR(CM_API_WITHDRAWALS), 0,
	 take_evidence},
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static const struct field *find_field(enum cm_api_call_kind kind,
				      const char *name)
{
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if ((fields[i].known & FOR(kind)) != 0 &&
		    strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static int unknown_field(struct reading *r, const char *name)
{
	const char *names[FIELDS];
	char quoted[CM_QUOTE_LEN];
	const char *similar;
	size_t n = 0;
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if ((fields[i].known & FOR(r->call->kind)) != 0)
			names[n++] = fields[i].name;
	similar = cm_suggest(name, names, n);
	(void)cm_quote(cm_span(name), quoted);
	set_fault(r->fault, 422, "unknown-field", "");
	if (similar == NULL)
		return cm_fail(&r->fault->err, CM_EDATA,
			       "there is no member \"%s\" in this call",
			       quoted);
	return cm_fail(&r->fault->err, CM_EDATA,
		       "there is no member \"%s\" in this call; did you mean "
		       "\"%s\"?",
		       quoted, similar);
}

static const char *kind_name(enum cm_json_kind kind)
{
	switch (kind) {
	case CM_JSON_TEXT:
		return "a text";
	case CM_JSON_ARRAY:
		return "an array";
	case CM_JSON_OBJECT:
		return "an object";
	default:
		return "true or false";
	}
}

static int take_member(struct reading *r, const char *name,
		       const struct cm_json_value *value)
{
	const struct field *field = find_field(r->call->kind, name);

	if (field == NULL)
		return unknown_field(r, name);
	set_fault(r->fault, 422, "bad-field", name);
	if (cm_json_kind(value) != field->kind)
		return cm_fail(&r->fault->err, CM_EDATA, "has to be %s",
			       kind_name(field->kind));
	if (field->take(r, value, &r->fault->err) == CM_OK)
		return CM_OK;
	return CM_EDATA;
}

static int missing(struct reading *r, const char *name, const char *why)
{
	set_fault(r->fault, 422, "missing-field", name);
	return cm_fail(&r->fault->err, CM_EDATA, "%s", why);
}

/* What shows that they were told: the text itself, or its hash. */
static int check_notice(struct reading *r)
{
	const struct cm_api_call *call = r->call;
	bool text = call->notice.n > 0;

	if ((FOR(call->kind) & FOR_YES) == 0 || text != call->has_notice_hash)
		return CM_OK;
	if (!text)
		return missing(r, "notice",
			       "what were they shown? Give the exact text as "
			       "\"notice\", or the SHA-256 of one that was "
			       "given before as \"notice_sha256\"");
	set_fault(r->fault, 422, "bad-field", "notice_sha256");
	return cm_fail(&r->fault->err, CM_EDATA,
		       "give either the text or its hash, not both");
}

static int check_complete(struct reading *r)
{
	const struct cm_json_value *root = cm_json_root(r->call->json);
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if ((fields[i].required & FOR(r->call->kind)) != 0 &&
		    cm_json_member(root, fields[i].name) == NULL)
			return missing(r, fields[i].name, "has to be given");
	return check_notice(r);
}

static int take_members(struct reading *r)
{
	const struct cm_json_value *root = cm_json_root(r->call->json);
	struct cm_json_iter iter = {NULL, false};
	const struct cm_json_value *value;
	const char *name;
	int rc = CM_OK;

	if (cm_json_kind(root) != CM_JSON_OBJECT) {
		set_fault(r->fault, 400, "not-json", "");
		return cm_fail(&r->fault->err, CM_EDATA,
			       "the body has to be a JSON object");
	}
	while (rc == CM_OK && cm_json_next(root, &iter, &name, &value))
		rc = take_member(r, name, value);
	return rc == CM_OK ? check_complete(r) : rc;
}

int cm_api_body_read(const struct cm_config *config, enum cm_api_call_kind kind,
		     struct cm_span body, int64_t now,
		     struct cm_api_call *ret_call,
		     struct cm_api_fault *ret_fault)
{
	struct reading r = {config, now, ret_call, ret_fault};

	memset(ret_call, 0, sizeof(*ret_call));
	memset(ret_fault, 0, sizeof(*ret_fault));
	ret_call->kind = kind;
	ret_call->at = now;
	if (cm_json_read(body, CM_API_BODY_MAX, &ret_call->json,
			 &ret_fault->err) != CM_OK) {
		set_fault(ret_fault, 400, "not-json", "");
		return CM_EDATA;
	}
	return take_members(&r);
}

void cm_api_call_free(struct cm_api_call *call)
{
	cm_json_free(&call->json);
}
