/* See display.h. */
#include "milter/display.h"

struct chooser {
	const struct cm_mime *mime;
	struct cm_display display;
};

bool cm_display_is_html(const struct cm_mime_part *part)
{
	return cm_mime_is(part, "text", "html");
}

static bool fail(struct chooser *c, const char *why)
{
	if (c->display.why == NULL)
		c->display.why = why;
	return false;
}

/* Types that stop all editing wherever they stand. */
static const char *sealed(const struct cm_mime_part *part)
{
	static const struct {
		const char *type;
		const char *subtype;
		const char *why;
	} table[] = {
		{"multipart", "signed", "signed"},
		{"multipart", "encrypted", "encrypted"},
		{"application", "pkcs7-mime", "smime"},
		{"application", "x-pkcs7-mime", "smime"},
		{"application", "pkcs7-signature", "signed"},
		{"application", "x-pkcs7-signature", "signed"},
		{"application", "pgp-signature", "signed"},
		{"application", "pgp-encrypted", "encrypted"},
		{"application", "pgp", "pgp"},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (cm_mime_is(part, table[i].type, table[i].subtype))
			return table[i].why;
	return NULL;
}

/* RFC 2183, 2.8: a disposition nobody knows is an attachment. */
static bool is_sent_along(const struct cm_mime_part *part)
{
	return part->disposition.n > 0 &&
	       !cm_span_is(part->disposition, "inline");
}

/* In a mixed, what has a file name is a file beside the message. */
static bool is_attachment(const struct cm_mime_part *part)
{
	return is_sent_along(part) || part->named ||
	       cm_mime_is(part, "multipart", "appledouble");
}

static size_t next_child(const struct chooser *c, size_t parent, size_t after)
{
	size_t i;

	for (i = after + 1; i < c->mime->count; i++) {
		if (c->mime->parts[i].parent == parent)
			return i;
		if (c->mime->parts[i].depth <= c->mime->parts[parent].depth)
			break;
	}
	return c->mime->count;
}

static bool choose(struct chooser *c, size_t index);

static bool is_text(const struct cm_mime_part *part)
{
	return cm_mime_is(part, "text", "plain") ||
	       cm_mime_is(part, "text", "html");
}

static bool add(struct chooser *c, size_t index)
{
	if (c->display.count == CM_DISPLAY_MAX)
		return fail(c, "parts");
	c->display.parts[c->display.count++] = index;
	return true;
}

/* Alternatives that some readers prefer, and that take no footer. */
static bool may_stay_bare(const struct cm_mime_part *part)
{
	return is_sent_along(part) || (part->named && !is_text(part)) ||
	       cm_mime_is(part, "text", "calendar") ||
	       cm_mime_is(part, "text", "x-amp-html") ||
	       cm_mime_is(part, "text", "watch-html") ||
	       cm_mime_is(part, "application", "ics");
}

/* Some readers show a text alternative that says it is an attachment: only
 * beside one of its kind that is not is it surely sent along. */
static bool has_twin(const struct chooser *c, size_t index, size_t from)
{
	const struct cm_mime_part *part = &c->mime->parts[index];

	for (; from < c->display.count; from++)
		if (cm_display_is_html(part) ==
		    cm_display_is_html(&c->mime->parts[c->display.parts[from]]))
			return true;
	return false;
}

static bool check_attached(struct chooser *c, size_t index, size_t from)
{
	size_t i;

	for (i = next_child(c, index, index); i < c->mime->count;
	     i = next_child(c, index, i)) {
		const struct cm_mime_part *part = &c->mime->parts[i];

		if (is_text(part) && is_sent_along(part) &&
		    !has_twin(c, i, from))
			return fail(c, "attachment");
	}
	return true;
}

/* A file name makes no alternative an attachment. */
static bool choose_alternative(struct chooser *c, size_t index)
{
	size_t before = c->display.count;
	size_t i;

	for (i = next_child(c, index, index); i < c->mime->count;
	     i = next_child(c, index, i)) {
		const struct cm_mime_part *part = &c->mime->parts[i];
		size_t had = c->display.count;

		if (may_stay_bare(part))
			continue;
		if (!choose(c, i))
			return false;
		/* A picture, text/enriched ...: shown by some, and bare. */
		if (c->display.count == had)
			return fail(c, "type");
	}
	return check_attached(c, index, before);
}

static struct cm_span without_brackets(struct cm_span id)
{
	id = cm_span_trim(id);
	if (id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
		return cm_span_n(id.p + 1, id.n - 2);
	return id;
}

/*
 * RFC 2387, 3.2: the root is what start names, else the first.  Where start
 * names nothing or two, readers differ.
 */
static size_t related_root(const struct chooser *c, size_t index)
{
	struct cm_span start = c->mime->parts[index].start;
	size_t root = c->mime->count;
	size_t i;

	if (start.p == NULL)
		return next_child(c, index, index);
	for (i = next_child(c, index, index); i < c->mime->count;
	     i = next_child(c, index, i)) {
		if (!cm_span_eq(without_brackets(start),
				without_brackets(c->mime->parts[i].content_id)))
			continue;
		if (root < c->mime->count)
			return c->mime->count;
		root = i;
	}
	return root;
}

static bool choose_related(struct chooser *c, size_t index)
{
	size_t root = related_root(c, index);

	if (root == c->mime->count)
		return fail(c, "start");
	if (is_sent_along(&c->mime->parts[root]))
		return fail(c, "attachment");
	return choose(c, root);
}

/*
 * RFC 2046, 5.1.3: in order; the first that has text is the message.  Not
 * the last: a list's footer, or what Apple Mail puts behind a picture, is an
 * attachment to some readers.
 */
static bool choose_mixed(struct chooser *c, size_t index)
{
	size_t before = c->display.count;
	size_t i;

	for (i = next_child(c, index, index); i < c->mime->count;
	     i = next_child(c, index, i)) {
		if (is_attachment(&c->mime->parts[i]))
			continue;
		if (!choose(c, i))
			return false;
		if (c->display.count > before)
			return true;
	}
	return true;
}

/* Multiparts that say what their parts are: none is the message's text. */
static bool is_shape_of_its_own(const struct cm_mime_part *part)
{
	static const char *const subtypes[] = {
		"report",          "digest",      "form-data",
		"byteranges",      "header-set",  "voice-message",
		"x-mixed-replace", "fax-message", "appledouble",
	};
	size_t i;

	for (i = 0; i < sizeof(subtypes) / sizeof(*subtypes); i++)
		if (cm_span_is(part->subtype, subtypes[i]))
			return true;
	return false;
}

static bool choose(struct chooser *c, size_t index)
{
	const struct cm_mime_part *part = &c->mime->parts[index];

	if (is_text(part))
		return add(c, index);
	if (!cm_mime_is_multipart(part))
		return true;
	if (cm_span_is(part->subtype, "alternative"))
		return choose_alternative(c, index);
	if (cm_span_is(part->subtype, "related"))
		return choose_related(c, index);
	if (is_shape_of_its_own(part))
		return fail(c, "shape");
	/* RFC 2046, 5.1.3: one that nobody knows is read as mixed. */
	return choose_mixed(c, index);
}

struct cm_display cm_display_choose(const struct cm_mime *mime)
{
	struct chooser c = {.mime = mime};
	size_t i;

	for (i = 0; i < mime->count; i++)
		if (sealed(&mime->parts[i]) != NULL) {
			c.display.why = sealed(&mime->parts[i]);
			return c.display;
		}
	/* The root is the message, whatever file it came from. */
	if (is_sent_along(&mime->parts[0]))
		(void)fail(&c, "attachment");
	else if (cm_mime_is(&mime->parts[0], "message", "partial"))
		(void)fail(&c, "partial");
	else if (choose(&c, 0) && c.display.count == 0)
		(void)fail(&c, "notext");
	return c.display;
}
