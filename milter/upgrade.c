/* See upgrade.h. */
#include "milter/upgrade.h"

#include <string.h>

#define CHARSET "utf-8"

enum { LINE_MAX_LEN = 997 }; /* RFC 5322, 2.1.1: 998 */

/* One change within a field's value. */
struct change {
	size_t at;
	size_t remove;
	const char *insert;
};

static bool within(struct cm_span inner, struct cm_span outer)
{
	return inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n;
}

/* The charset's value, or a new parameter behind the subtype. */
static bool change_type(const struct cm_mime_part *part, struct change *change)
{
	struct cm_span field = part->type_field;

	/* Raw 8-bit in a header: no two readers see the same word. */
	if (!cm_ascii_only(field.p, field.n))
		return false;
	if (part->charset.p == NULL) {
		change->at =
			(size_t)(part->subtype.p + part->subtype.n - field.p);
		change->remove = 0;
		change->insert = "; charset=" CHARSET;
		return true;
	}
	/* Written with escapes, so it is a copy: the place is not known. */
	if (!within(part->charset, field))
		return false;
	change->at = (size_t)(part->charset.p - field.p);
	change->remove = part->charset.n;
	change->insert = CHARSET;
	return true;
}

static struct change change_encoding(const struct cm_mime_part *part,
				     const char *encoding)
{
	struct change change = {
		(size_t)(part->encoding.p - part->encoding_field.p),
		part->encoding.n, encoding};

	return change;
}

/* ---- the message's own header ------------------------------------------ */

static const char *changed(struct cm_span field, const struct change *change,
			   struct cm_arena *arena)
{
	struct cm_span head = cm_span_n(field.p, change->at);
	struct cm_span tail = cm_span_n(field.p + change->at + change->remove,
					field.n - change->at - change->remove);
	char *text = cm_arena_printf(arena, "%.*s%s%.*s", (int)head.n, head.p,
				     change->insert, (int)tail.n, tail.p);
	char *to = text;
	const char *p;

	if (text == NULL)
		return NULL;
	for (p = text; *p != '\0'; p++)
		if (*p != '\r') /* libmilter folds by LF */
			*to++ = *p;
	*to = '\0';
	for (p = text; *p == ' ' || *p == '\t'; p++)
		;
	return p;
}

/* Of a folded value; the name stands on the first. */
static size_t longest_line(const char *value)
{
	size_t column = strlen("Content-Type: ");
	size_t longest = column;

	for (; *value != '\0'; value++) {
		column = *value == '\n' ? 0 : column + 1;
		if (column > longest)
			longest = column;
	}
	return longest;
}

static int plan_message(const struct cm_edit_request *request,
			const struct cm_mime_part *part, const char *encoding,
			struct cm_arena *arena, struct cm_upgrade *upgrade,
			const char **ret_why)
{
	struct change change;

	upgrade->values.mime_version = cm_headers_mime_version(request);
	upgrade->values.content_type = "text/plain; charset=" CHARSET;
	if (part->type.n > 0) {
		if (!change_type(part, &change)) {
			*ret_why = "charset";
			return CM_OK;
		}
		upgrade->values.content_type =
			changed(part->type_field, &change, arena);
		if (upgrade->values.content_type == NULL)
			return CM_ENOMEM;
		if (longest_line(upgrade->values.content_type) > LINE_MAX_LEN)
			*ret_why = "line";
	}
	upgrade->values.content_transfer_encoding = encoding;
	return CM_OK;
}

/* ---- a part's header --------------------------------------------------- */

static void add(struct cm_upgrade *upgrade, size_t at, size_t remove,
		const char *insert)
{
	struct cm_splice splice = {
		.at = at, .remove = remove, .insert = cm_span(insert)};

	upgrade->splices[upgrade->nsplices++] = splice;
}

static int plan_part(struct cm_span body, const struct cm_mime_part *part,
		     const char *encoding, struct cm_arena *arena,
		     struct cm_upgrade *upgrade, const char **ret_why)
{
	struct change change;
	const char *field;

	if (part->type.n == 0) {
		add(upgrade, part->head_at, 0,
		    "Content-Type: text/plain; charset=" CHARSET "\r\n");
	} else if (change_type(part, &change)) {
		add(upgrade, (size_t)(part->type_field.p - body.p) + change.at,
		    change.remove, change.insert);
	} else {
		*ret_why = "charset";
		return CM_OK;
	}
	if (encoding == NULL)
		return CM_OK;
	if (part->has_cte) {
		change = change_encoding(part, encoding);
		add(upgrade,
		    (size_t)(part->encoding_field.p - body.p) + change.at,
		    change.remove, change.insert);
		return CM_OK;
	}
	field = cm_arena_printf(arena, "Content-Transfer-Encoding: %s\r\n",
				encoding);
	if (field == NULL)
		return CM_ENOMEM;
	add(upgrade, part->head_at, 0, field);
	return CM_OK;
}

int cm_upgrade_plan(const struct cm_edit_request *request,
		    const struct cm_mime_part *part, const char *encoding,
		    struct cm_arena *arena, struct cm_upgrade *ret_upgrade,
		    const char **ret_why)
{
	struct cm_upgrade upgrade = {0};
	int rc = CM_OK;

	*ret_why = NULL;
	if (part->depth == 0)
		rc = plan_message(request, part, encoding, arena, &upgrade,
				  ret_why);
	else
		rc = plan_part(request->body, part, encoding, arena, &upgrade,
			       ret_why);
	if (rc == CM_OK)
		*ret_upgrade = upgrade;
	return rc;
}
