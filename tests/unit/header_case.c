/* See header_case.h. */
#include "tests/unit/header_case.h"

#include <stdio.h>
#include <string.h>

#include "milter/headers.h"
#include "milter/signature.h"
#include "milter/release.h"
#include "policy/config_value.h"
#include "policy/settings.h"
#include "tests/unit/test.h"

#define TOKEN "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKys"
#define MAILBX                                                                 \
	"mailto:u+abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuv@"

enum {
	ARENA_MAX = 64 << 20,
	LINE_MAX_LEN = 998, /* RFC 5322, 2.1.1 */
	ADDED_MAX = 2047,   /* requirement B14 */
};

static const char *const ours[] = {
	"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id",
	"Feedback-ID",      "CFBL-Address",          CM_PURPOSE_HEADER,
};
enum { OURS = sizeof(ours) / sizeof(*ours) };

void header_case_open(struct header_case *c)
{
	memset(c, 0, sizeof(*c));
	assert_int_equal(cm_arena_new(ARENA_MAX, &c->arena), CM_OK);
	header_case_reset(c);
}

void header_case_close(struct header_case *c)
{
	cm_arena_free(&c->arena);
}

void header_case_reset(struct header_case *c)
{
	struct cm_arena *arena = c->arena;

	cm_arena_reset(arena);
	memset(c, 0, sizeof(*c));
	c->arena = arena;
	c->stream.name = "s";
	c->request.stream = &c->stream;
}

/* False if the config would not load with this text. */
static bool set(struct header_case *c, const char *name, const char *text)
{
	const struct {
		const char *name;
		enum cm_section_kind section;
		const char **to;
	} rows[] = {
		{"base-url", CM_SECTION_WEB, &c->base_url},
		{"domain", CM_SECTION_MAIL, &c->domain},
		{"list-id", CM_SECTION_STREAM, &c->stream.list_id},
		{"list-name", CM_SECTION_STREAM, &c->stream.list_name},
		{"feedback-id", CM_SECTION_STREAM, &c->stream.feedback_id},
		{"cfbl-address", CM_SECTION_STREAM, &c->stream.cfbl_address},
	};
	const struct cm_value_context context = {c->arena, NULL, name};
	struct cm_error err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return cm_value_convert(
				       &context,
				       cm_setting_find(rows[i].section, name),
				       text, rows[i].to, &err) == CM_OK;
	return false;
}

static struct cm_span next_line(struct cm_span *text)
{
	struct cm_span line = cm_span_cut(text, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool is_name(struct cm_span name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	return name.n > 0;
}

/* As an MTA hands them over: no blanks before the colon, one behind eaten. */
static void read_headers(struct header_case *c, struct cm_span text)
{
	struct cm_facts_header *headers =
		cm_arena_array(c->arena, text.n + 1, sizeof(*headers));
	size_t count = 0;

	assert_non_null(headers);
	while (text.n > 0) {
		struct cm_span line = next_line(&text);
		struct cm_span value = line;
		struct cm_span name = cm_span_trim(cm_span_cut(&value, ':'));

		if (count > 0 && line.n > 0 &&
		    (*line.p == ' ' || *line.p == '\t')) {
			struct cm_span *last = &headers[count - 1].value;

			last->n = (size_t)(line.p + line.n - last->p);
			continue;
		}
		if (!is_name(name) || name.n == line.n)
			continue;
		if (value.n > 0 && *value.p == ' ')
			value = cm_span_n(value.p + 1, value.n - 1);
		/* An empty one still has its place, to go on from. */
		if (value.n == 0)
			value = cm_span_n(line.p + line.n, 0);
		headers[count].name = name;
		headers[count++].value = value;
	}
	c->request.headers = headers;
	c->request.nheaders = count;
}

unsigned header_case_read(struct header_case *c, struct cm_span text)
{
	unsigned taken = 0;

	header_case_reset(c);
	text.p = cm_arena_dup(c->arena, text.p, text.n);
	assert_non_null(text.p);
	while (text.n > 0) {
		struct cm_span value = next_line(&text);
		struct cm_span name = cm_span_cut(&value, ' ');

		if (name.n == 0 && value.n == 0)
			break;
		taken += set(c, cm_arena_dup(c->arena, name.p, name.n),
			     cm_arena_dup(c->arena, value.p, value.n));
	}
	/* The loader wants both (policy/config_check). */
	if (c->stream.list_id == NULL)
		c->stream.list_name = NULL;
	read_headers(c, text);
	return taken;
}

/* ---- an MTA ------------------------------------------------------------ */

struct field {
	struct cm_span name;
	struct cm_span value;
	bool deleted;
	bool added;
};

struct mta {
	struct cm_arena *arena;
	bool renumbers; /* a deleted field does not count any more */
	struct field *fields;
	size_t count;
};

static int mta_insert(void *ctx, int index, const char *name, const char *value)
{
	struct mta *mta = ctx;

	assert_int_equal(index, 1);
	memmove(mta->fields + 1, mta->fields,
		mta->count * sizeof(*mta->fields));
	memset(mta->fields, 0, sizeof(*mta->fields));
	mta->fields[0].name = cm_span(name);
	mta->fields[0].value = cm_span(value);
	mta->fields[0].added = true;
	mta->count++;
	return CM_OK;
}

static int mta_delete(void *ctx, const char *name, unsigned nth)
{
	struct mta *mta = ctx;
	size_t i;

	for (i = 0; i < mta->count; i++) {
		struct field *field = &mta->fields[i];

		if (!cm_span_is(field->name, name) ||
		    (mta->renumbers && field->deleted))
			continue;
		if (--nth > 0)
			continue;
		field->deleted = true;
		return CM_OK;
	}
	return CM_EIO; /* there is none: a wrong plan */
}

/* What is left of the request's fields after the plan. */
static int run(const struct header_case *c, const struct cm_edit *edit,
	       struct mta *mta)
{
	static const struct cm_mta_ops ops = {.insert_header = mta_insert,
					      .delete_header = mta_delete};
	const struct cm_mta calls = {&ops, mta};
	const struct cm_message nobody = {.nrcpts = 0};
	const struct cm_release release = {
		.result = CM_RESULT_ACCEPTED, .has_edit = true, .edit = *edit};
	size_t i;
	size_t kept = 0;
	int rc;

	mta->arena = c->arena;
	mta->fields = cm_arena_array(c->arena,
				     c->request.nheaders + edit->nheaders + 1,
				     sizeof(*mta->fields));
	assert_non_null(mta->fields);
	mta->count = c->request.nheaders;
	memset(mta->fields, 0, mta->count * sizeof(*mta->fields));
	for (i = 0; i < mta->count; i++) {
		mta->fields[i].name = c->request.headers[i].name;
		mta->fields[i].value = c->request.headers[i].value;
	}
	rc = cm_release_apply(&release, &nobody, &calls);
	for (i = 0; i < mta->count; i++)
		if (!mta->fields[i].deleted)
			mta->fields[kept++] = mta->fields[i];
	mta->count = kept;
	return rc;
}

/* ---- what must hold ---------------------------------------------------- */

static unsigned copies(const struct mta *mta, const char *name,
		       const struct field **ret_field)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < mta->count; i++)
		if (cm_span_is(mta->fields[i].name, name)) {
			*ret_field = &mta->fields[i];
			n++;
		}
	return n;
}

static bool is_ours(struct cm_span name)
{
	size_t i;

	for (i = 0; i < OURS; i++)
		if (cm_span_is(name, ours[i]))
			return true;
	return false;
}

/* Everybody else's field stays, in its place, octet by octet. */
static const char *others_stay(const struct header_case *c,
			       const struct mta *mta)
{
	size_t at = 0;
	size_t i;

	while (at < mta->count && mta->fields[at].added)
		at++;
	for (i = 0; i < c->request.nheaders; i++) {
		const struct cm_facts_header *was = &c->request.headers[i];

		if (at < mta->count &&
		    mta->fields[at].value.p == was->value.p &&
		    mta->fields[at].name.p == was->name.p)
			at++;
		else if (!is_ours(was->name))
			return "somebody else's field is gone or moved";
	}
	return at == mta->count ? NULL : "a field came from nowhere";
}

/* R5322-1, R5322-2: one field, its lines, and nothing that ends one. */
static const char *form_is_right(const struct mta *mta)
{
	size_t all = 0;
	size_t i, k;

	for (i = 0; i < mta->count && mta->fields[i].added; i++) {
		struct cm_span name = mta->fields[i].name;
		struct cm_span value = mta->fields[i].value;
		size_t line = name.n + 2;

		all += name.n + 2 + value.n + 2;
		for (k = 0; k < value.n; k++) {
			unsigned char o = (unsigned char)value.p[k];

			line++;
			if (o == '\n' && k + 2 < value.n &&
			    value.p[k + 1] == ' ' && value.p[k + 2] > ' ') {
				line = 0;
				all++;
			} else if (o < ' ' || o > '~') {
				return "an octet that no header may have";
			}
			if (line > LINE_MAX_LEN)
				return "a line over 998 octets";
		}
		if (value.n == 0 || value.p[0] == ' ')
			return "an empty value, or a blank of its own";
	}
	return all <= ADDED_MAX ? NULL : "more than 2 KB are added";
}

/* RFC 2369, 2, read by other code than made it. */
static const char *uris_are_right(struct cm_span value, unsigned *ret_https)
{
	const char *p = value.p;
	const char *end = p + value.n;

	*ret_https = 0;
	for (;;) {
		const char *close;

		if (p == end || *p != '<')
			return "no URI in brackets";
		close = memchr(p, '>', (size_t)(end - p));
		if (close == NULL)
			return "a bracket is open";
		*ret_https += cm_span_starts(
			cm_span_n(p + 1, (size_t)(close - p - 1)), "https://");
		if (!cm_span_starts(cm_span_n(p + 1, (size_t)(close - p - 1)),
				    "https://") &&
		    !cm_span_starts(cm_span_n(p + 1, (size_t)(close - p - 1)),
				    "mailto:"))
			return "neither https nor mailto";
		while (++p < close)
			if (*p <= ' ' || *p > '~' || *p == '<' || *p == '"' ||
			    *p == ',')
				return "folded or unsafe within a URI";
		if (++p == end)
			return NULL;
		if (*p++ != ',')
			return "no comma between URIs";
		p += p < end && *p == '\n';
		p += p < end && *p == ' ';
	}
}

/* R8058-1, R8058-2 */
static const char *way_out_is_right(const struct header_case *c,
				    const struct mta *mta)
{
	const struct field *list = NULL;
	const struct field *post = NULL;
	unsigned https = 0;
	const char *why;

	if (copies(mta, ours[0], &list) != 1)
		return "not one List-Unsubscribe";
	/* It may have been there, folded in its own way. */
	if (list->added) {
		why = uris_are_right(list->value, &https);
		if (why != NULL)
			return why;
		if (https != (c->base_url != NULL))
			return "not one https URI";
	}
	if (copies(mta, ours[1], &post) != (c->base_url != NULL))
		return "not one List-Unsubscribe-Post";
	if (post != NULL &&
	    !cm_span_eq(post->value, cm_span("List-Unsubscribe=One-Click")))
		return "another List-Unsubscribe-Post";
	return NULL;
}

static bool has_signature(const struct header_case *c)
{
	return cm_signature_presigned(&c->request) != CM_PRESIGNED_NOT;
}

static const char *fields_are_right(const struct header_case *c,
				    const struct mta *mta)
{
	const char *const values[] = {c->stream.list_id, c->stream.feedback_id,
				      c->stream.cfbl_address};
	const struct field *field = NULL;
	size_t i;

	if (copies(mta, CM_PURPOSE_HEADER, &field) != 0)
		return "the purpose header went out";
	for (i = 0; i < 3; i++) {
		if (values[i] == NULL)
			continue;
		if (copies(mta, ours[2 + i], &field) != 1)
			return "not one of a field that the stream sets";
		if (field->added && field->value.n < strlen(values[i]))
			return "a field is not what the stream says";
	}
	if (c->base_url == NULL && c->domain == NULL)
		return NULL;
	return way_out_is_right(c, mta);
}

static const char *check_pass(struct header_case *c, bool renumbers,
			      struct mta *ret_mta, size_t *ret_edits)
{
	struct cm_edit edit = {.outcome = CM_BODY_NOT_WANTED, .why = "off"};
	struct mta mta = {.renumbers = renumbers};
	struct cm_error err;
	const char *why;

	if (cm_headers_plan(&c->request, NULL, c->arena, &edit.headers,
			    &edit.nheaders, &err) != CM_OK)
		return "what the config took fails with the first mail";
	if (run(c, &edit, &mta) != CM_OK)
		return "a deletion finds nothing";
	why = others_stay(c, &mta);
	if (why == NULL)
		why = form_is_right(&mta);
	/* Signed fields stay as they came, however many. */
	if (why == NULL && !has_signature(c))
		why = fields_are_right(c, &mta);
	*ret_mta = mta;
	*ret_edits = edit.nheaders;
	return why;
}

static void make_way_out(struct header_case *c)
{
	struct cm_way_out *way = &c->request.way_out;

	if (c->base_url != NULL)
		way->https =
			cm_arena_printf(c->arena, "%s/u/" TOKEN, c->base_url);
	if (c->domain != NULL)
		way->mailto = cm_arena_printf(c->arena, MAILBX "%s", c->domain);
	way->one_click = true;
}

/* The message comes again (R2369-1, RMIME-11). */
static const char *again(struct header_case *c, const struct mta *mta)
{
	struct cm_facts_header *headers =
		cm_arena_array(c->arena, mta->count + 1, sizeof(*headers));
	struct mta second;
	const char *why;
	size_t edits = 0;
	size_t i;

	assert_non_null(headers);
	for (i = 0; i < mta->count; i++) {
		headers[i].name = mta->fields[i].name;
		headers[i].value = mta->fields[i].value;
	}
	c->request.headers = headers;
	c->request.nheaders = mta->count;
	why = check_pass(c, true, &second, &edits);
	if (why != NULL)
		return why;
	return edits == 0 ? NULL : "a second pass changes it again";
}

const char *header_case_check(struct header_case *c)
{
	struct mta kept;
	struct mta renumbered;
	const char *why;
	size_t edits;
	size_t i;

	make_way_out(c);
	why = check_pass(c, false, &kept, &edits);
	if (why == NULL)
		why = check_pass(c, true, &renumbered, &edits);
	if (why != NULL)
		return why;
	if (kept.count != renumbered.count)
		return "the MTA's way to count matters";
	for (i = 0; i < kept.count; i++)
		if (!cm_span_eq(kept.fields[i].value,
				renumbered.fields[i].value))
			return "the MTA's way to count matters";
	return again(c, &renumbered);
}
