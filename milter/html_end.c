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
	BODY = 1024,
	HTML = 2048,
	FRAMESET = 4096,
	PLAINTEXT = 8192,
};

struct element {
	const char *name;
	size_t n;
	unsigned what;
};

#define E(name, what)                                                          \
	{                                                                      \
		name, sizeof(name) - 1, what                                   \
	}

/* html.spec.whatwg.org, 13.1.2, 13.2.4.2 and 13.2.6, by first letter. */
static const struct element names_a[] = {
	E("a", FORMATTING),
	E("applet", SCOPE | NOPLACE),
	E("area", VOID | QUIET),
	E("audio", NOPLACE),
};
static const struct element names_b[] = {
	E("b", FORMATTING),          E("base", VOID | QUIET),
	E("basefont", VOID | QUIET), E("bgsound", VOID | QUIET),
	E("big", FORMATTING),        E("body", BODY),
	E("br", VOID | QUIET),       E("button", NOPLACE),
};
static const struct element names_c[] = {
	E("canvas", NOPLACE),          E("caption", SCOPE | CELL | NOPLACE),
	E("code", FORMATTING),         E("col", VOID | QUIET),
	E("colgroup", CELL | NOPLACE),
};
static const struct element names_d[] = {
	E("datalist", NOPLACE),
	E("details", NOPLACE),
	E("dialog", NOPLACE),
};
static const struct element names_e[] = {
	E("em", FORMATTING),
	E("embed", VOID),
};
static const struct element names_f[] = {
	E("font", FORMATTING),
	E("frame", VOID),
	E("frameset", FRAMESET),
};
static const struct element names_h[] = {
	E("hr", VOID),
	E("html", HTML),
};
static const struct element names_i[] = {
	E("i", FORMATTING),
	E("iframe", RAW),
	E("img", VOID | QUIET),
	E("input", VOID),
};
static const struct element names_k[] = {
	E("keygen", VOID),
};
static const struct element names_l[] = {
	E("link", VOID | QUIET),
};
static const struct element names_m[] = {
	E("marquee", SCOPE | NOPLACE),
	E("math", SCOPE | FOREIGN | NOPLACE),
	E("meta", VOID | QUIET),
};
static const struct element names_n[] = {
	E("nobr", FORMATTING),
	E("noembed", RAW),
	E("noframes", RAW),
	E("noscript", NOPLACE),
};
static const struct element names_o[] = {
	E("object", SCOPE | NOPLACE),
	E("optgroup", NOPLACE),
	E("option", NOPLACE),
};
static const struct element names_p[] = {
	E("param", VOID | QUIET),
	E("plaintext", PLAINTEXT),
};
static const struct element names_s[] = {
	E("s", FORMATTING),
	E("script", RAW | SCRIPT),
	E("select", NOPLACE),
	E("small", FORMATTING),
	E("source", VOID | QUIET),
	E("strike", FORMATTING),
	E("strong", FORMATTING),
	E("style", RAW),
	E("svg", SCOPE | FOREIGN | NOPLACE),
};
static const struct element names_t[] = {
	E("table", SCOPE | TABLE | NOPLACE),
	E("tbody", CELL | NOPLACE),
	E("td", SCOPE | CELL | NOPLACE),
	E("template", SCOPE | TABLE | NOPLACE),
	E("textarea", RAW),
	E("tfoot", CELL | NOPLACE),
	E("th", SCOPE | CELL | NOPLACE),
	E("thead", CELL | NOPLACE),
	E("title", RAW),
	E("tr", CELL | NOPLACE),
	E("track", VOID | QUIET),
	E("tt", FORMATTING),
};
static const struct element names_u[] = {
	E("u", FORMATTING),
};
static const struct element names_v[] = {
	E("video", NOPLACE),
};
static const struct element names_w[] = {
	E("wbr", VOID | QUIET),
};
static const struct element names_x[] = {
	E("xmp", RAW),
};

static const struct {
	const struct element *names;
	size_t count;
} elements[26] = {
#define LETTER(c)                                                              \
	{                                                                      \
		names_##c, sizeof(names_##c) / sizeof(*names_##c)              \
	}
	['a' - 'a'] = LETTER(a), ['b' - 'a'] = LETTER(b),
	['c' - 'a'] = LETTER(c), ['d' - 'a'] = LETTER(d),
	['e' - 'a'] = LETTER(e), ['f' - 'a'] = LETTER(f),
	['h' - 'a'] = LETTER(h), ['i' - 'a'] = LETTER(i),
	['k' - 'a'] = LETTER(k), ['l' - 'a'] = LETTER(l),
	['m' - 'a'] = LETTER(m), ['n' - 'a'] = LETTER(n),
	['o' - 'a'] = LETTER(o), ['p' - 'a'] = LETTER(p),
	['s' - 'a'] = LETTER(s), ['t' - 'a'] = LETTER(t),
	['u' - 'a'] = LETTER(u), ['v' - 'a'] = LETTER(v),
	['w' - 'a'] = LETTER(w), ['x' - 'a'] = LETTER(x),
#undef LETTER
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
};

static bool unsure(struct reader *r, const char *why)
{
	r->result.unsure = why;
	return false;
}

static bool same_name(struct cm_span name, const char *lower)
{
	size_t i;

	/* Lower case by the bit: e has letters only, so no other octet fits. */
	for (i = 0; i < name.n; i++)
		if ((name.p[i] | 0x20) != lower[i])
			return false;
	return lower[i] == '\0';
}

static unsigned what_is(struct cm_span name)
{
	unsigned letter = (unsigned)(name.p[0] | 0x20) - 'a';
	size_t i;

	if (letter >= 26)
		return 0;
	for (i = 0; i < elements[letter].count; i++)
		if (name.n == elements[letter].names[i].n &&
		    same_name(name, elements[letter].names[i].name))
			return elements[letter].names[i].what;
	return 0;
}

/* What ends a name, and what separates: asked of most octets of a tag. */
enum { SPACE = 1, NAME_END = 2, ATTRIBUTE_END = 4 };

static const uint8_t octets[256] = {
	[' '] = SPACE | NAME_END | ATTRIBUTE_END,
	['\t'] = SPACE | NAME_END | ATTRIBUTE_END,
	['\n'] = SPACE | NAME_END | ATTRIBUTE_END,
	['\r'] = SPACE | NAME_END | ATTRIBUTE_END,
	['\f'] = SPACE | NAME_END | ATTRIBUTE_END,
	['/'] = NAME_END | ATTRIBUTE_END,
	['>'] = NAME_END | ATTRIBUTE_END,
	['='] = ATTRIBUTE_END,
};

static bool is(char c, unsigned what)
{
	return (octets[(unsigned char)c] & what) != 0;
}

static bool is_space(char c)
{
	return is(c, SPACE);
}

static const char *find(const char *p, const char *end, const char *what)
{
	return p < end ? memmem(p, (size_t)(end - p), what, strlen(what))
		       : NULL;
}

/* ---- what is hidden ---------------------------------------------------- */

static bool is_zero(struct cm_span value)
{
	return value.n > 0 && value.p[0] == '0' &&
	       (value.n == 1 ||
		(value.p[1] != '.' && !cm_ascii_digit(value.p[1])));
}

static bool declaration_hides(struct cm_span name, struct cm_span value)
{
	if (cm_span_is(name, "display"))
		return cm_span_starts(value, "none");
	if (cm_span_is(name, "visibility"))
		return cm_span_starts(value, "hidden");
	if (cm_span_is(name, "mso-hide"))
		return cm_span_starts(value, "all");
	if (cm_span_is(name, "max-height") || cm_span_is(name, "opacity"))
		return is_zero(value);
	return false;
}

/* What stands behind the colon, up to the end of its declaration. */
static struct cm_span value_of(const char *colon, const char *end)
{
	const char *semicolon = memchr(colon, ';', (size_t)(end - colon));

	if (semicolon != NULL)
		end = semicolon;
	return cm_span_trim(cm_span_n(colon + 1, (size_t)(end - colon - 1)));
}

/* The name in front of the colon: few are as long as those that hide. */
static bool text_hides(const char *from, const char *colon, const char *end)
{
	const char *stop = colon;
	const char *p;

	while (from < stop && is_space(stop[-1]))
		stop--;
	for (p = stop; from < p && p[-1] != ';' && !is_space(p[-1]);)
		p--;
	switch (stop - p) {
	case sizeof("display") - 1: /* and opacity */
	case sizeof("mso-hide") - 1:
	case sizeof("visibility") - 1: /* and max-height */
		return declaration_hides(cm_span_n(p, (size_t)(stop - p)),
					 value_of(colon, end));
	default:
		return false;
	}
}

/* A colon within a value is asked too: that can only make us more careful. */
static bool style_hides(struct cm_span style)
{
	const char *p = style.p;
	const char *end;

	if (style.n == 0)
		return false;
	end = p + style.n;
	while (p < end) {
		const char *colon = memchr(p, ':', (size_t)(end - p));

		if (colon == NULL)
			return false;
		if (text_hides(p, colon, end))
			return true;
		p = colon + 1;
	}
	return false;
}

static void note_attribute(struct tag *tag, struct cm_span name,
			   struct cm_span value)
{
	if (name.n == 5 && same_name(name, "style"))
		tag->hidden |= style_hides(value);
	else if (name.n == 6 && same_name(name, "hidden"))
		tag->hidden = true;
	else if (name.n == 4 && same_name(name, "lang") && tag->lang.p == NULL)
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
	while (p < end && !is_space(*p) && *p != '>')
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
		for (; p < r->end && (is_space(*p) || *p == '/'); p++)
			tag->closes_itself = *p == '/';
		if (p == r->end)
			break;
		if (*p == '>') {
			r->p = p + 1;
			return true;
		}
		name.p = p++; /* even "=" may begin a name */
		while (p < r->end && !is(*p, ATTRIBUTE_END))
			p++;
		name.n = (size_t)(p - name.p);
		while (p < r->end && is_space(*p))
			p++;
		p = take_value(p, r->end, &value);
		note_attribute(tag, name, value);
	}
	return unsure(r, "html"); /* ends within a tag */
}

/*
 * r->p behind "<" or "</", at a letter.  Written in place: a copy of octets
 * just written one by one stalls, and a newsletter has a thousand tags.
 */
static bool take_tag(struct reader *r, bool end, struct tag *tag)
{
	const char *p = r->p;

	while (p < r->end && !is(*p, NAME_END))
		p++;
	tag->name = cm_span_n(r->p, (size_t)(p - r->p));
	tag->what = what_is(tag->name);
	tag->end = end;
	tag->closes_itself = false;
	tag->hidden = false;
	tag->lang = cm_span_n(NULL, 0);
	r->p = p;
	return take_attributes(r, tag);
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
