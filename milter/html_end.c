/* See html_end.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/html_end.h"

#include <string.h>

/* What an element means for us; most mean nothing. */
enum {
	VOID = 1,        /* has no end tag */
	RAW = 2,         /* text until its end tag */
	SCRIPT = 4,      /* raw text that can hold "</script>" itself */
	SCOPE = 8,       /* end tags do not reach out of it */
	TABLE = 16,      /* end tags of cells do not reach out of it */
	NOPLACE = 32,    /* what is put inside is hidden or moved */
	FORMATTING = 64, /* reopened after its parent is closed */
	FOREIGN = 128,   /* SVG, MathML: other rules for raw text */
	CELL = 256,      /* closed within its table only */
	QUIET = 512,     /* shows no text by itself */
	BODY = 1024,     /* these by name */
	HTML = 2048,
	FRAMESET = 4096,
	PLAINTEXT = 8192,
};

struct element {
	const char *name;
	unsigned what;
};

/* html.spec.whatwg.org, 13.1.2, 13.2.4.2 and 13.2.6.  Sorted. */
static const struct element elements[] = {
	{"a", FORMATTING},
	{"applet", SCOPE | NOPLACE},
	{"area", VOID | QUIET},
	{"audio", NOPLACE},
	{"b", FORMATTING},
	{"base", VOID | QUIET},
	{"basefont", VOID | QUIET},
	{"bgsound", VOID | QUIET},
	{"big", FORMATTING},
	{"body", BODY},
	{"br", VOID | QUIET},
	{"button", NOPLACE},
	{"canvas", NOPLACE},
	{"caption", SCOPE | CELL | NOPLACE},
	{"code", FORMATTING},
	{"col", VOID | QUIET},
	{"colgroup", CELL | NOPLACE},
	{"datalist", NOPLACE},
	{"details", NOPLACE},
	{"dialog", NOPLACE},
	{"em", FORMATTING},
	{"embed", VOID},
	{"font", FORMATTING},
	{"frame", VOID},
	{"frameset", FRAMESET},
	{"head", 0},
	{"hr", VOID},
	{"html", HTML},
	{"i", FORMATTING},
	{"iframe", RAW},
	{"img", VOID | QUIET},
	{"input", VOID},
	{"keygen", VOID},
	{"link", VOID | QUIET},
	{"marquee", SCOPE | NOPLACE},
	{"math", SCOPE | FOREIGN | NOPLACE},
	{"meta", VOID | QUIET},
	{"nobr", FORMATTING},
	{"noembed", RAW},
	{"noframes", RAW},
	{"noscript", NOPLACE},
	{"object", SCOPE | NOPLACE},
	{"optgroup", NOPLACE},
	{"option", NOPLACE},
	{"param", VOID | QUIET},
	{"plaintext", PLAINTEXT},
	{"s", FORMATTING},
	{"script", RAW | SCRIPT},
	{"select", NOPLACE},
	{"small", FORMATTING},
	{"source", VOID | QUIET},
	{"strike", FORMATTING},
	{"strong", FORMATTING},
	{"style", RAW},
	{"svg", SCOPE | FOREIGN | NOPLACE},
	{"table", SCOPE | TABLE | NOPLACE},
	{"tbody", CELL | NOPLACE},
	{"td", SCOPE | CELL | NOPLACE},
	{"template", SCOPE | TABLE | NOPLACE},
	{"textarea", RAW},
	{"tfoot", CELL | NOPLACE},
	{"th", SCOPE | CELL | NOPLACE},
	{"thead", CELL | NOPLACE},
	{"title", RAW},
	{"tr", CELL | NOPLACE},
	{"track", VOID | QUIET},
	{"tt", FORMATTING},
	{"u", FORMATTING},
	{"video", NOPLACE},
	{"wbr", VOID | QUIET},
	{"xmp", RAW},
};

struct open {
	struct cm_span name;
	unsigned what;
	bool hidden;
};

struct tag {
	struct cm_span name;
	unsigned what;
	bool end;
	bool closes_itself; /* "/>" */
	bool hidden;
	struct cm_span lang;
};

/* Of elements[] by first letter: where they begin, lengths as bits. */
struct index {
	unsigned char from[27];
	unsigned lengths[26];
};

#define NOWHERE SIZE_MAX

struct reader {
	const char *base;
	const char *p;
	const char *end;
	struct cm_html_end result;
	struct open stack[CM_HTML_DEPTH_MAX];
	size_t depth;
	size_t nplace;  /* open NOPLACE elements */
	size_t nhidden; /* open hidden elements */
	size_t nforeign;
	size_t body_at; /* of the last real </body>; NOWHERE */
	size_t html_at;
	const char *place_why; /* why the place at body_at is not one */
	bool shows_after;      /* text or pictures since then */
	struct index index;
};

static bool unsure(struct reader *r, const char *why)
{
	r->result.unsure = why;
	return false;
}

enum { ELEMENTS = sizeof(elements) / sizeof(*elements) };

static void make_index(struct index *index)
{
	size_t i;
	unsigned letter = 0;

	memset(index, 0, sizeof(*index));
	for (i = 0; i < ELEMENTS; i++) {
		unsigned first = (unsigned)(elements[i].name[0] - 'a');

		while (letter <= first)
			index->from[letter++] = (unsigned char)i;
		index->lengths[first] |= 1u << strlen(elements[i].name);
	}
	while (letter <= 26)
		index->from[letter++] = ELEMENTS;
}

/* Most names are none of ours, and most of those by length alone. */
static unsigned what_is(const struct index *index, struct cm_span name)
{
	unsigned first = (unsigned)(cm_ascii_lower(name.p[0]) - 'a');
	size_t i;

	if (name.n > 31 || (index->lengths[first] & 1u << name.n) == 0)
		return 0;
	for (i = index->from[first]; i < index->from[first + 1]; i++)
		if (cm_span_is(name, elements[i].name))
			return elements[i].what;
	return 0;
}

/* Characters that end a name or a value within a tag. */
enum { BLANK = 1, SLASH = 2, CLOSE = 4, EQUALS = 8 };

static const unsigned char classes[256] = {
	['\t'] = BLANK, ['\n'] = BLANK, ['\f'] = BLANK, ['\r'] = BLANK,
	[' '] = BLANK,  ['/'] = SLASH,  ['>'] = CLOSE,  ['='] = EQUALS,
};

static bool is_one_of(char c, unsigned which)
{
	return (classes[(unsigned char)c] & which) != 0;
}

static bool is_space(char c)
{
	return is_one_of(c, BLANK);
}

static const char *find(const char *p, const char *end, const char *what)
{
	return p < end ? memmem(p, (size_t)(end - p), what, strlen(what))
		       : NULL;
}

/* ---- what is hidden ---------------------------------------------------- */

/* Does a declaration that hides stand round the colon at text[at]? */
static bool hides_at(const char *text, size_t at, size_t n)
{
	static const struct {
		size_t colon; /* octets in front of the ":" */
		const char *text;
	} hides[] = {
		{7, "display:none"},    {10, "visibility:hidden"},
		{8, "mso-hide:all"},    {10, "max-height:0;"},
		{10, "max-height:0px"}, {7, "opacity:0;"},
	};
	size_t i;

	for (i = 0; i < sizeof(hides) / sizeof(*hides); i++) {
		size_t len = strlen(hides[i].text);

		if (at >= hides[i].colon && n - at >= len - hides[i].colon &&
		    memcmp(text + at - hides[i].colon, hides[i].text, len) == 0)
			return true;
	}
	return false;
}

/*
 * Cheap, and true of every declaration that hides: the letter in front of
 * the colon and the one behind it, blanks apart, are of those in hides[].
 */
static bool may_hide(struct cm_span style)
{
	const char *end = style.p + style.n;
	const char *at = style.p;

	while (at < end && (at = memchr(at, ':', (size_t)(end - at))) != NULL) {
		const char *before = at++;
		const char *after = at;
		char c;

		while (before > style.p && is_space(before[-1]))
			before--;
		while (after < end && is_space(*after))
			after++;
		if (before == style.p || after == end)
			continue;
		c = cm_ascii_lower(before[-1]);
		if (c != 'y' && c != 'e' && c != 't')
			continue;
		c = cm_ascii_lower(*after);
		if (c == 'n' || c == 'h' || c == 'a' || c == '0')
			return true;
	}
	return false;
}

/* Style declarations that make an element invisible, blanks taken out. */
static bool style_hides(struct cm_span style)
{
	char text[1024];
	const char *colon;
	size_t n = 0;
	size_t i;

	if (!may_hide(style))
		return false;
	for (i = 0; i < style.n && n < sizeof(text) - 1; i++)
		if (!is_space(style.p[i]))
			text[n++] = cm_ascii_lower(style.p[i]);
	text[n++] = ';';
	for (colon = memchr(text, ':', n); colon != NULL;
	     colon = memchr(colon + 1, ':', n - (size_t)(colon + 1 - text)))
		if (hides_at(text, (size_t)(colon - text), n))
			return true;
	return false;
}

static void note_attribute(struct tag *tag, struct cm_span name,
			   struct cm_span value)
{
	if (name.n == 6 && cm_span_is(name, "hidden"))
		tag->hidden = true;
	else if (name.n == 5 && cm_span_is(name, "style") && value.n > 0 &&
		 style_hides(value))
		tag->hidden = true;
	else if (name.n == 4 && cm_span_is(name, "lang") && tag->lang.p == NULL)
		tag->lang = value;
}

/* ---- tokens ------------------------------------------------------------ */

/* 13.2.5.35 to 38: p behind the name and blanks; NULL if never ended. */
static const char *take_value(const char *p, const char *end,
			      struct cm_span *ret_value)
{
	const char *quote;

	if (p == end || *p != '=')
		return p;
	p++;
	while (p < end && is_space(*p))
		p++;
	if (p < end && (*p == '"' || *p == '\'')) {
		quote = memchr(p + 1, *p, (size_t)(end - p - 1));
		if (quote == NULL)
			return NULL;
		*ret_value = cm_span_n(p + 1, (size_t)(quote - p - 1));
		return quote + 1;
	}
	ret_value->p = p;
	while (p < end && !is_one_of(*p, BLANK | CLOSE))
		p++;
	ret_value->n = (size_t)(p - ret_value->p);
	return p;
}

/* 13.2.5.32 to 40: from behind the tag's name to behind its ">". */
static bool take_attributes(struct reader *r, struct tag *tag)
{
	const char *p = r->p;

	while (p != NULL && p < r->end) {
		struct cm_span name = {0};
		struct cm_span value = {0};

		tag->closes_itself = false;
		for (; p < r->end && is_one_of(*p, BLANK | SLASH); p++)
			tag->closes_itself = *p == '/';
		if (p == r->end)
			break;
		if (*p == '>') {
			r->p = p + 1;
			return true;
		}
		name.p = p++; /* even "=" may begin a name */
		while (p < r->end &&
		       !is_one_of(*p, BLANK | SLASH | CLOSE | EQUALS))
			p++;
		name.n = (size_t)(p - name.p);
		while (p < r->end && is_space(*p))
			p++;
		p = take_value(p, r->end, &value);
		note_attribute(tag, name, value);
	}
	return unsure(r, "html"); /* ends within a tag */
}

/* r->p behind "<" or "</", at a letter. */
static bool take_tag(struct reader *r, bool end, struct tag *ret_tag)
{
	struct tag tag = {.end = end};
	const char *p = r->p;

	while (p < r->end && !is_one_of(*p, BLANK | SLASH | CLOSE))
		p++;
	tag.name = cm_span_n(r->p, (size_t)(p - r->p));
	tag.what = what_is(&r->index, tag.name);
	r->p = p;
	if (!take_attributes(r, &tag))
		return false;
	*ret_tag = tag;
	return true;
}

/* 13.2.5.43 to 51: r->p behind "<!--". */
static bool skip_comment(struct reader *r)
{
	const char *p = r->p;
	const char *dash = find(p, r->end, "-->");
	const char *bang;

	if (p < r->end && *p == '>') {
		r->p = p + 1;
		return true;
	}
	if (r->end - p >= 2 && p[0] == '-' && p[1] == '>') {
		r->p = p + 2;
		return true;
	}
	bang = find(p, dash != NULL ? dash : r->end, "--!>");
	if (bang != NULL)
		r->p = bang + 4;
	else if (dash != NULL)
		r->p = dash + 3;
	else
		return unsure(r, "html"); /* never closed */
	return true;
}

/* "<!...>" and "<?...>": a doctype or a comment, either ends at ">". */
static bool skip_bogus(struct reader *r)
{
	const char *gt = memchr(r->p, '>', (size_t)(r->end - r->p));

	if (gt == NULL)
		return unsure(r, "html");
	/* In SVG and MathML this is text, elsewhere a comment. */
	if (r->nforeign > 0 && *r->p == '[')
		return unsure(r, "html");
	r->p = gt + 1;
	return true;
}

static bool is_end_of(const struct reader *r, const char *p,
		      struct cm_span name)
{
	return (size_t)(r->end - p) > name.n &&
	       cm_span_caseeq(cm_span_n(p, name.n), name) &&
	       (is_space(p[name.n]) || p[name.n] == '/' || p[name.n] == '>');
}

/*
 * 13.2.5.15 to 31: within <script>, after "<!--" another "<script" makes
 * "</script" text, until the next one or "-->".
 */
static const char *end_of_script(const struct reader *r, struct cm_span name)
{
	const char *p = r->p;
	bool escaped = false;
	bool twice = false;

	for (; p < r->end; p++) {
		bool end_tag = *p == '<' && r->end - p > 2 && p[1] == '/' &&
			       is_end_of(r, p + 2, name);

		if (escaped && r->end - p >= 3 && memcmp(p, "-->", 3) == 0) {
			escaped = false;
			twice = false;
		} else if (!escaped && r->end - p >= 4 &&
			   memcmp(p, "<!--", 4) == 0) {
			escaped = true;
			p++; /* "<!-->" ends it at once: let "-->" be seen */
		} else if (end_tag && !twice) {
			return p;
		} else if (end_tag) {
			twice = false;
		} else if (escaped && *p == '<' && is_end_of(r, p + 1, name)) {
			twice = true;
		}
	}
	return NULL;
}

static bool skip_raw(struct reader *r, const struct tag *tag)
{
	const char *p = r->p;
	struct tag end;

	if (tag->what & SCRIPT) {
		p = end_of_script(r, tag->name);
	} else {
		while ((p = find(p, r->end, "</")) != NULL &&
		       !is_end_of(r, p + 2, tag->name))
			p += 2;
	}
	if (p == NULL)
		return unsure(r, "html"); /* never closed */
	r->p = p + 2;
	return take_tag(r, true, &end);
}

/* ---- the stack of open elements ---------------------------------------- */

static void count(struct reader *r, const struct open *e, bool opened)
{
	size_t one = opened ? 1 : (size_t)-1;

	r->nplace += e->what & NOPLACE ? one : 0;
	r->nforeign += e->what & FOREIGN ? one : 0;
	r->nhidden += e->hidden ? one : 0;
}

static bool push(struct reader *r, const struct tag *tag)
{
	struct open *e = &r->stack[r->depth];

	if (r->depth == CM_HTML_DEPTH_MAX)
		return unsure(r, "depth");
	e->name = tag->name;
	e->what = tag->what;
	e->hidden = tag->hidden;
	r->depth++;
	count(r, e, true);
	return true;
}

/*
 * Close down to the element of that name, if it can be reached.  A hidden
 * formatting element closed in passing is reopened by browsers (13.2.4.3).
 */
static bool pop(struct reader *r, const struct tag *tag)
{
	unsigned stop = tag->what & (CELL | TABLE) ? TABLE : SCOPE;
	size_t i = r->depth;

	while (i > 0 && !cm_span_caseeq(r->stack[i - 1].name, tag->name)) {
		if (r->stack[i - 1].what & stop)
			return true;
		i--;
	}
	if (i == 0)
		return true;
	while (r->depth >= i) {
		const struct open *e = &r->stack[--r->depth];

		if (e->hidden && e->what & FORMATTING && r->depth >= i)
			return unsure(r, "hidden");
		count(r, e, false);
	}
	return true;
}

/* ---- where to ---------------------------------------------------------- */

static const char *why_no_place(const struct reader *r)
{
	if (r->nhidden > 0)
		return "hidden";
	return r->nplace > 0 ? "html" : NULL;
}

/* 13.2.6.4.7: </body> counts where no cell, template ... is open. */
static void mark(struct reader *r, size_t *place, size_t at)
{
	size_t i;

	for (i = 0; i < r->depth; i++)
		if (r->stack[i].what & SCOPE)
			return;
	*place = at;
	r->place_why = why_no_place(r);
	r->shows_after = false;
}

static bool end_tag(struct reader *r, const struct tag *tag, size_t at)
{
	if (tag->what & BODY)
		mark(r, &r->body_at, at);
	else if (tag->what & HTML && r->body_at == NOWHERE)
		mark(r, &r->html_at, at);
	else
		return pop(r, tag);
	return true;
}

static bool start_tag(struct reader *r, const struct tag *tag)
{
	if (tag->what & FRAMESET)
		return unsure(r, "frameset");
	if (tag->what & PLAINTEXT)
		return unsure(r, "plaintext");
	if (tag->what & HTML && r->result.lang.p == NULL)
		r->result.lang = tag->lang;
	if (!(tag->what & (QUIET | RAW)))
		r->shows_after = true;
	if (tag->what & RAW) {
		/* A <style> in an SVG is an element like others. */
		if (r->nforeign > 0)
			return unsure(r, "html");
		return skip_raw(r, tag);
	}
	if (tag->what & VOID)
		return true;
	if (tag->closes_itself && (r->nforeign > 0 || tag->what & FOREIGN))
		return true;
	return push(r, tag);
}

/* Markup at r->p, which is at "<" and not at the end. */
static bool take_markup(struct reader *r)
{
	size_t at = (size_t)(r->p - r->base);
	const char *p = r->p;
	size_t left = (size_t)(r->end - p);
	struct tag tag;

	if (left >= 4 && memcmp(p, "<!--", 4) == 0) {
		r->p += 4;
		return skip_comment(r);
	}
	if (left >= 2 && (p[1] == '!' || p[1] == '?')) {
		r->p += 2;
		return skip_bogus(r);
	}
	if (left >= 2 && cm_ascii_alpha(p[1])) {
		r->p += 1;
		return take_tag(r, false, &tag) && start_tag(r, &tag);
	}
	if (left >= 3 && p[1] == '/' && cm_ascii_alpha(p[2])) {
		r->p += 2;
		return take_tag(r, true, &tag) && end_tag(r, &tag, at);
	}
	if (left >= 3 && p[1] == '/') { /* "</>" is nothing, "</3>" a comment */
		r->p += 2;
		return skip_bogus(r);
	}
	/* A lone "<" is text; "</" before our line end begins a comment. */
	r->p += 1;
	r->shows_after = true;
	return left != 2 || p[1] != '/' || unsure(r, "html");
}

static void note_text(struct reader *r, const char *from, const char *to)
{
	if (r->shows_after || (r->body_at == NOWHERE && r->html_at == NOWHERE))
		return;
	while (from < to && is_space(*from))
		from++;
	r->shows_after = from < to;
}

static void decide(struct reader *r)
{
	size_t place = r->body_at != NOWHERE ? r->body_at : r->html_at;

	if (place != NOWHERE && !r->shows_after) {
		r->result.at = place;
		r->result.unsure = r->place_why;
		return;
	}
	r->result.at = (size_t)(r->end - r->base);
	r->result.unsure = why_no_place(r);
}

struct cm_html_end cm_html_end(struct cm_span html)
{
	struct reader r;

	/* Not the stack: 20 KB that are written before they are read. */
	memset(&r, 0, offsetof(struct reader, stack));
	r.depth = r.nplace = r.nhidden = r.nforeign = 0;
	r.body_at = r.html_at = NOWHERE;
	r.place_why = NULL;
	r.shows_after = false;
	make_index(&r.index);
	r.base = r.p = html.n > 0 ? html.p : "";
	r.end = r.p + html.n;
	while (r.p < r.end) {
		const char *lt = memchr(r.p, '<', (size_t)(r.end - r.p));

		note_text(&r, r.p, lt != NULL ? lt : r.end);
		if (lt == NULL)
			break;
		r.p = lt;
		if (!take_markup(&r))
			return r.result;
	}
	decide(&r);
	return r.result;
}
