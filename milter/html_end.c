/* See html_end.h. */
#include "milter/html_end.h"

#include <string.h>

#include "milter/html_tag.h"

#define NOWHERE SIZE_MAX

struct reader {
	const char *base;
	const char *end;
	struct cm_html_end result;
	size_t body_at; /* of the last real </body>; NOWHERE */
	size_t html_at;
	const char *place_why;    /* why the place at one of them is none */
	const char *noscript_end; /* of the last one opened, read as text */
	bool shows_after;         /* text or pictures since then */
	bool reopens; /* a formatting element was closed in passing */
	/*
	 * Open elements.  stack[0] stands for <html> and <body>, which are
	 * never closed; the one at depth is what is being read.
	 */
	size_t depth;
	size_t paragraphs; /* open p, a and nobr: spares looking for them */
	struct cm_html_tag stack[CM_HTML_DEPTH_MAX + 2];
};

static bool unsure(struct reader *r, const char *why)
{
	r->result.unsure = why;
	return false;
}

/* ---- the stack of open elements ---------------------------------------- */

static bool is(const struct cm_html_tag *tag, const char *name)
{
	return cm_span_is(cm_span_n(tag->text, tag->n), name);
}

static bool hides(const struct reader *r, const struct cm_html_tag *tag)
{
	return tag->what & CM_HTML_HIDDEN ||
	       (tag->text != NULL && cm_html_attributes(tag, r->end).hides);
}

enum { COUNTED = CM_HTML_P | CM_HTML_ONCE };

static uint32_t top(const struct reader *r)
{
	return r->stack[r->depth - 1].what;
}

/* The innermost open element that is one of these; 0: none within `stop`. */
static size_t find_kind(const struct reader *r, uint32_t kind, uint32_t stop)
{
	size_t i = r->depth;

	while (--i > 0)
		if (r->stack[i].what & kind)
			return i;
		else if (r->stack[i].what & stop)
			return 0;
	return 0;
}

static size_t find_name(const struct reader *r, const struct cm_html_tag *tag,
			uint32_t stop)
{
	size_t i = r->depth;

	while (--i > 0)
		if (cm_html_same(&r->stack[i], tag))
			return i;
		else if (r->stack[i].what & stop)
			return 0;
	return 0;
}

/*
 * Close stack[i] and all within it.  A formatting element closed in passing
 * is reopened by browsers (13.2.4.3), and what ends it is then no end of an
 * outer one; what a noscript holds is known if it is read with and without
 * scripts alike.
 */
static bool close_from(struct reader *r, size_t i)
{
	size_t j;

	for (j = i; j < r->depth; j++) {
		if (j > i && r->stack[j].what & CM_HTML_NOSCRIPT)
			return unsure(r, "html");
		if (!(r->stack[j].what & CM_HTML_FORMATTING))
			continue;
		r->reopens = true;
		if (hides(r, &r->stack[j]))
			return unsure(r, "hidden");
	}
	for (j = i; j < r->depth; j++)
		r->paragraphs -= (r->stack[j].what & COUNTED) != 0;
	r->depth = i;
	return true;
}

/* As close_from(), where nothing found is nothing to close. */
static bool close_found(struct reader *r, size_t i)
{
	return i == 0 || close_from(r, i);
}

/* The tag was read into the stack, at its depth before others were closed. */
static bool push(struct reader *r, const struct cm_html_tag *tag)
{
	struct cm_html_tag *place = &r->stack[r->depth];

	if (r->depth > CM_HTML_DEPTH_MAX)
		return unsure(r, "depth");
	if (place != tag)
		*place = *tag;
	r->paragraphs += (place->what & COUNTED) != 0;
	r->depth++;
	return true;
}

/* ---- where to ---------------------------------------------------------- */

/*
 * In a cell text stays, in a table outside of one it is moved in front of
 * it (13.2.6.1, foster parenting).
 */
static const char *why_no_place(const struct reader *r)
{
	const char *why = NULL;
	bool in_cell = false;
	size_t i;

	if (r->depth > CM_HTML_DEPTH_MAX - CM_HTML_DEPTH_FOOTER)
		return "depth";
	for (i = r->depth; i-- > 0;) {
		uint32_t what = r->stack[i].what;

		if (hides(r, &r->stack[i]))
			return "hidden";
		if (what & CM_HTML_CELL)
			in_cell = true;
		else if (what & CM_HTML_NOPLACE &&
			 !(in_cell && what & (CM_HTML_ROW | CM_HTML_GROUP |
					      CM_HTML_TABLE)))
			why = "html";
		if (what & CM_HTML_TABLE)
			in_cell = false;
	}
	return why;
}

/* 13.2.6.4.7: </body> counts where no cell, template ... is open. */
static void mark(struct reader *r, size_t *place, size_t at)
{
	if (find_kind(r, CM_HTML_SCOPE, 0) != 0)
		return;
	*place = at;
	r->place_why = why_no_place(r);
	r->shows_after = false;
}

/* <html>, <head> and <body> only add attributes to the ones there are. */
static bool start_root(struct reader *r, const struct cm_html_tag *tag)
{
	struct cm_html_attributes of = cm_html_attributes(tag, r->end);

	if (is(tag, "html") && r->result.lang.p == NULL)
		r->result.lang = of.lang;
	if (of.hides)
		r->stack[0].what |= CM_HTML_HIDDEN;
	r->shows_after = true;
	return true;
}

static bool end_root(struct reader *r, const struct cm_html_tag *tag, size_t at)
{
	if (is(tag, "body"))
		mark(r, &r->body_at, at);
	else if (is(tag, "html") && r->body_at == NOWHERE)
		mark(r, &r->html_at, at);
	return true;
}

/* ---- SVG, MathML, <select>: rules of their own ------------------------- */

static bool in_select(const struct reader *r)
{
	return find_kind(r, CM_HTML_SELECT, ~(uint32_t)CM_HTML_OPTION) != 0;
}

/* 13.2.6.5: an element of HTML ends the picture: that is not awaited. */
static bool start_foreign(struct reader *r, struct cm_html_tag *tag)
{
	uint32_t in = CM_HTML_IN_SVG | CM_HTML_FOREIGN;

	if (!(tag->what & in) || top(r) & CM_HTML_TEXT_ONLY)
		return unsure(r, "html");
	if (cm_html_attributes(tag, r->end).closes_itself)
		return true;
	tag->what = CM_HTML_FOREIGN | CM_HTML_NOPLACE |
		    (tag->what & CM_HTML_TEXT_ONLY);
	return push(r, tag);
}

static bool end_foreign(struct reader *r, const struct cm_html_tag *tag)
{
	size_t i = find_name(r, tag, ~(uint32_t)CM_HTML_FOREIGN);

	if (i == 0 || !(r->stack[i].what & CM_HTML_FOREIGN) ||
	    top(r) & CM_HTML_TEXT_ONLY)
		return unsure(r, "html");
	return close_from(r, i);
}

/* Browsers of 2024 and of 2025 differ in what else they take there. */
static bool start_in_select(struct reader *r, const struct cm_html_tag *tag)
{
	bool group = is(tag, "optgroup");

	if (!(tag->what & CM_HTML_OPTION))
		return unsure(r, "html");
	if (is(&r->stack[r->depth - 1], "option"))
		r->depth--;
	if (group && top(r) & CM_HTML_OPTION)
		r->depth--;
	return push(r, tag);
}

static bool end_in_select(struct reader *r, const struct cm_html_tag *tag)
{
	size_t i = find_name(r, tag, CM_HTML_SELECT);

	if (!(tag->what & (CM_HTML_OPTION | CM_HTML_SELECT)) || i == 0)
		return unsure(r, "html");
	return close_from(r, i);
}

/* ---- tables ------------------------------------------------------------ */

/* 13.2.6.4.9 to 15: a part closes what cannot hold it; alone it is nothing. */
static bool start_part(struct reader *r, const struct cm_html_tag *tag)
{
	uint32_t holder = CM_HTML_TABLE;
	size_t i;

	if (tag->what & (CM_HTML_CELL | CM_HTML_ROW))
		holder |= CM_HTML_GROUP;
	if (tag->what & CM_HTML_CELL)
		holder |= CM_HTML_ROW;
	i = find_kind(r, holder, CM_HTML_TEMPLATE);
	if (i == 0)
		return true;
	if (i + 1 < r->depth && !close_from(r, i + 1))
		return false;
	return tag->what & CM_HTML_VOID || push(r, tag);
}

/* 13.2.6.4.9: a table right in a table ends the outer one. */
static bool end_outer_table(struct reader *r)
{
	uint32_t kind = CM_HTML_TABLE | CM_HTML_PART | CM_HTML_TEMPLATE;
	size_t i = find_kind(r, kind, 0);

	/* A caption holds tables as a cell does; it is the part in a scope. */
	if (i == 0 || r->stack[i].what & CM_HTML_TEMPLATE ||
	    (r->stack[i].what & CM_HTML_PART &&
	     r->stack[i].what & CM_HTML_SCOPE))
		return true;
	return close_found(r, find_kind(r, CM_HTML_TABLE, 0));
}

/* ---- start tags -------------------------------------------------------- */

static bool all_show(const struct reader *r, size_t i)
{
	for (; i < r->depth; i++)
		if (r->stack[i].what & CM_HTML_NOPLACE ||
		    hides(r, &r->stack[i]))
			return false;
	return true;
}

/* 13.2.6.4.7, "close a p element". */
static bool close_p(struct reader *r)
{
	return r->paragraphs == 0 ||
	       close_found(r, find_kind(r, CM_HTML_P,
					CM_HTML_SCOPE | CM_HTML_BUTTON));
}

/* Of old, and without a doctype, a table stays in its paragraph. */
static bool close_p_for_table(struct reader *r)
{
	size_t i = find_kind(r, CM_HTML_P, CM_HTML_SCOPE | CM_HTML_BUTTON);

	if (i != 0 && !all_show(r, i))
		return unsure(r, "hidden");
	return close_p(r);
}

/* <li> ends an open <li>, <dd> and <dt> either of them. */
static bool close_item(struct reader *r, const struct cm_html_tag *tag)
{
	bool li = is(tag, "li");
	size_t i = r->depth;

	while (--i > 0) {
		const struct cm_html_tag *e = &r->stack[i];

		if (e->what & CM_HTML_ITEM && is(e, "li") == li)
			return close_from(r, i);
		if (e->what & CM_HTML_SPECIAL && !(e->what & CM_HTML_P) &&
		    !is(e, "div") && !is(e, "address"))
			return true;
	}
	return true;
}

static bool end_formatting(struct reader *r, const struct cm_html_tag *tag);

/* What a start tag closes before its element is opened. */
static bool close_before(struct reader *r, const struct cm_html_tag *tag)
{
	uint32_t what = tag->what;

	if (what & CM_HTML_TABLE)
		return end_outer_table(r) && close_p_for_table(r);
	if (what & CM_HTML_ITEM && !close_item(r, tag))
		return false;
	if (what & CM_HTML_CLOSES_P && !close_p(r))
		return false;
	if (what & CM_HTML_HEADING && top(r) & CM_HTML_HEADING)
		return close_from(r, r->depth - 1);
	if (what & CM_HTML_OPTION && is(&r->stack[r->depth - 1], "option"))
		return close_from(r, r->depth - 1);
	if (what & CM_HTML_BUTTON)
		return close_found(r,
				   find_kind(r, CM_HTML_BUTTON, CM_HTML_SCOPE));
	if (what & CM_HTML_ONCE && r->paragraphs > 0 &&
	    find_name(r, tag, CM_HTML_SCOPE) != 0)
		return end_formatting(r, tag);
	return true;
}

static const char *skip_raw(struct reader *r, const char *p,
			    const struct cm_html_tag *tag)
{
	struct cm_html_tag end;

	p = cm_html_raw(p, r->end, tag);
	if (p != NULL)
		p = cm_html_tag(p + 2, r->end, &end);
	if (p == NULL)
		(void)unsure(r, "html"); /* never closed */
	return p;
}

/* Without scripts what is in it is markup, with scripts it is text. */
static bool start_noscript(struct reader *r, const char *p,
			   const struct cm_html_tag *tag)
{
	r->noscript_end = cm_html_raw(p, r->end, tag);
	return r->noscript_end != NULL || unsure(r, "html");
}

enum {
	CLOSING = CM_HTML_TABLE | CM_HTML_ITEM | CM_HTML_CLOSES_P |
		  CM_HTML_HEADING | CM_HTML_OPTION | CM_HTML_BUTTON |
		  CM_HTML_ONCE,
	/* What is more than an element on the stack. */
	RULES = CM_HTML_ROOT | CM_HTML_PART | CM_HTML_NEVER | CM_HTML_RAW |
		CM_HTML_NOSCRIPT | CM_HTML_FOREIGN | CM_HTML_VOID | CLOSING,
	OWN_RULES_WITHIN = CM_HTML_FOREIGN | CM_HTML_SELECT | CM_HTML_OPTION,
};

static bool start_ruled(struct reader *r, const char *p,
			const struct cm_html_tag *tag)
{
	uint32_t what = tag->what;

	if (what & CM_HTML_PART)
		return start_part(r, tag);
	if (what & CLOSING && !close_before(r, tag))
		return false;
	if (what & CM_HTML_NEVER)
		return unsure(r,
			      tag->n > CM_HTML_NAME ? "plaintext" : "frameset");
	if (what & CM_HTML_NOSCRIPT && !start_noscript(r, p, tag))
		return false;
	if (what & CM_HTML_VOID ||
	    (what & CM_HTML_FOREIGN &&
	     cm_html_attributes(tag, r->end).closes_itself))
		return true;
	return push(r, tag);
}

/* The tag is in stack[depth] and ends at p; behind it, or NULL. */
static const char *start_tag(struct reader *r, const char *p)
{
	struct cm_html_tag *tag = &r->stack[r->depth];
	uint32_t what = tag->what;
	bool ok;

	if (!(what & (CM_HTML_QUIET | CM_HTML_RAW)))
		r->shows_after = true;
	if (what & CM_HTML_ROOT)
		ok = start_root(r, tag);
	else if (top(r) & CM_HTML_FOREIGN)
		ok = start_foreign(r, tag);
	else if (top(r) & OWN_RULES_WITHIN && in_select(r))
		ok = start_in_select(r, tag);
	else if (what & CM_HTML_RAW)
		return close_before(r, tag) ? skip_raw(r, p, tag) : NULL;
	else if (what & RULES)
		ok = start_ruled(r, p, tag);
	else
		ok = push(r, tag);
	return ok ? p : NULL;
}

/* ---- end tags ---------------------------------------------------------- */

enum { ADOPTED_MAX = 3 }; /* 13.2.6.4.7: after three, clones are dropped */

/*
 * The adoption agency, 13.2.6.4.7: a formatting element that ends within
 * others takes all with it that is not special; those stay, and formatting
 * elements around them are opened again.
 */
static bool adopt(struct reader *r, size_t formatting, size_t last_special)
{
	size_t kept = formatting;
	size_t clones = 0;
	size_t i;

	for (i = formatting; i < r->depth; i++) {
		uint32_t what = r->stack[i].what;
		bool clone = i > formatting && i < last_special &&
			     what & CM_HTML_FORMATTING;

		clones += clone;
		if (clone || what & CM_HTML_SPECIAL)
			r->stack[kept++] = r->stack[i];
		else
			r->paragraphs -= (what & COUNTED) != 0;
	}
	r->depth = kept;
	return clones <= ADOPTED_MAX || unsure(r, "html");
}

static bool end_formatting(struct reader *r, const struct cm_html_tag *tag)
{
	size_t i = find_name(r, tag, CM_HTML_SCOPE);
	size_t special = 0;
	size_t j;

	if (i == 0)
		return true;
	for (j = i; j < r->depth; j++)
		if (r->stack[j].what & CM_HTML_SPECIAL)
			special = j;
	if ((special != 0 || r->reopens) && !all_show(r, i))
		return unsure(r, "hidden");
	if (special != 0)
		return adopt(r, i, special);
	if (i + 1 < r->depth && !close_from(r, i + 1))
		return false;
	r->paragraphs -= (r->stack[i].what & COUNTED) != 0;
	r->depth = i;
	return true;
}

/* It leaves the stack alone; what is open within stays, and stays in it. */
static bool end_form(struct reader *r)
{
	size_t i = find_kind(r, CM_HTML_FORM, CM_HTML_SCOPE);

	if (i == 0)
		return true;
	if (hides(r, &r->stack[i]))
		return unsure(r, "hidden");
	memmove(&r->stack[i], &r->stack[i + 1],
		(r->depth - i - 1) * sizeof(r->stack[i]));
	r->depth--;
	return true;
}

static bool end_noscript(struct reader *r, const struct cm_html_tag *tag,
			 size_t at)
{
	size_t i = find_name(r, tag, CM_HTML_SPECIAL);

	if (i == 0)
		return true;
	/* In a head it ends where a body begins: what is open stays open. */
	if (r->base + at != r->noscript_end || !all_show(r, i + 1))
		return unsure(r, "html");
	return close_from(r, i);
}

/* 13.2.6.4.7: how far the end tag of an element may reach. */
static uint32_t reach(uint32_t what)
{
	if (what & (CM_HTML_PART | CM_HTML_TABLE))
		return CM_HTML_TABLE | CM_HTML_TEMPLATE;
	if (what & CM_HTML_P)
		return CM_HTML_SCOPE | CM_HTML_BUTTON;
	if (what & CM_HTML_ITEM)
		return CM_HTML_SCOPE | CM_HTML_LIST;
	if (what & (CM_HTML_BLOCK | CM_HTML_HEADING))
		return CM_HTML_SCOPE;
	return what & CM_HTML_TEMPLATE ? 0 : CM_HTML_SPECIAL;
}

static bool end_tag(struct reader *r, const struct cm_html_tag *tag, size_t at)
{
	uint32_t what = tag->what;

	if (top(r) & CM_HTML_FOREIGN)
		return end_foreign(r, tag);
	if (top(r) & OWN_RULES_WITHIN && in_select(r))
		return end_in_select(r, tag);
	if (what & CM_HTML_ROOT)
		return end_root(r, tag, at);
	if (what & CM_HTML_FORMATTING)
		return end_formatting(r, tag);
	if (what & CM_HTML_FORM)
		return end_form(r);
	if (what & CM_HTML_NOSCRIPT)
		return end_noscript(r, tag, at);
	if (what & CM_HTML_HEADING) /* any of the six ends any other */
		return close_found(
			r, find_kind(r, CM_HTML_HEADING, CM_HTML_SCOPE));
	return close_found(r, find_name(r, tag, reach(what)));
}

static const char *take_end_tag(struct reader *r, const char *p)
{
	struct cm_html_tag *tag = &r->stack[r->depth];
	const char *next = cm_html_tag(p + 2, r->end, tag);

	if (next == NULL) {
		(void)unsure(r, "html");
		return NULL;
	}
	return end_tag(r, tag, (size_t)(p - r->base)) ? next : NULL;
}

/* ---- markup ------------------------------------------------------------ */

/* "<!...>", "<?...>", "</3...>": a doctype or a comment, it ends at ">". */
static const char *skip_bogus(struct reader *r, const char *p)
{
	static const char cdata[] = "[CDATA[";
	size_t left = (size_t)(r->end - p);
	const char *gt;

	/* In SVG and MathML that is text, elsewhere a comment. */
	if (top(r) & CM_HTML_FOREIGN && left > sizeof(cdata) &&
	    memcmp(p, cdata, sizeof(cdata) - 1) == 0) {
		while ((gt = memchr(p, '>', (size_t)(r->end - p))) != NULL) {
			if (gt[-1] == ']' && gt[-2] == ']')
				return gt + 1;
			p = gt + 1;
		}
	}
	gt = memchr(p, '>', (size_t)(r->end - p));
	if (gt == NULL)
		(void)unsure(r, "html");
	return gt != NULL ? gt + 1 : NULL;
}

/* A tag, a comment ...: p at "<"; behind it, or NULL where it is unsure. */
static const char *take_markup(struct reader *r, const char *p)
{
	size_t left = (size_t)(r->end - p);
	const char *next = NULL;

	if (left >= 2 && cm_ascii_alpha(p[1])) {
		next = cm_html_tag(p + 1, r->end, &r->stack[r->depth]);
		if (next != NULL)
			return start_tag(r, next);
	} else if (left >= 3 && p[1] == '/' && cm_ascii_alpha(p[2])) {
		return take_end_tag(r, p);
	} else if (left >= 4 && memcmp(p, "<!--", 4) == 0) {
		next = cm_html_comment(p + 4, r->end);
	} else if (left >= 2 && (p[1] == '!' || p[1] == '?')) {
		return skip_bogus(r, p + 2);
	} else if (left >= 3 && p[1] == '/') { /* "</>" is nothing */
		return skip_bogus(r, p + 2);
	} else if (left != 2 || p[1] != '/') {
		r->shows_after = true; /* a lone "<" is text */
		return p + 1;
	} /* "</" at the end begins a comment with our line end */
	if (next == NULL)
		(void)unsure(r, "html"); /* never closed */
	return next;
}

/* Text that stands where it might matter whether there is any. */
static void note_text(struct reader *r, const char *from, const char *to)
{
	if (r->body_at == NOWHERE && r->html_at == NOWHERE)
		return;
	for (; from < to && !r->shows_after; from++)
		r->shows_after = memchr(" \t\r\n\f", *from, 5) == NULL;
}

/* ---- the frequent few, without a call ---------------------------------- */

/*
 * The same answers as take_markup(), or NULL: ask it.  Nine of ten tags are
 * these; word: the octets behind "</", of which six count.  Where the tag
 * ends is known from what was opened last, before its octets are there.
 */
static inline const char *end_quickly(struct reader *r, const char *p,
				      uint64_t word)
{
	const struct cm_html_tag *last = &r->stack[r->depth - 1];
	unsigned n = last->n;

	if (n - 1 >= CM_HTML_NAME - 2 || cm_html_name(word, n) != last->name ||
	    p[n + 2] != '>' || last->what & CM_HTML_NOSCRIPT ||
	    (r->reopens && last->what & CM_HTML_FORMATTING))
		return NULL;
	r->paragraphs -= (last->what & COUNTED) != 0;
	r->depth--;
	return p + n + 3;
}

/* Whether an element closes nothing where it is opened. */
static inline bool fits(const struct reader *r, uint32_t what)
{
	uint32_t last = top(r);

	if (what & CM_HTML_PART)
		return what & CM_HTML_CELL ? (last & CM_HTML_ROW) != 0
		       : what & CM_HTML_ROW
			       ? (last & (CM_HTML_GROUP | CM_HTML_TABLE)) != 0
			       : (last & CM_HTML_TABLE) != 0;
	if (what & CM_HTML_TABLE && r->depth > 1 && !(last & CM_HTML_CELL))
		return false;
	return r->paragraphs == 0 ||
	       !(what & (CM_HTML_CLOSES_P | CM_HTML_ONCE));
}

/* word: the octets behind "<". */
static inline const char *start_quickly(struct reader *r, const char *p,
					uint64_t word)
{
	enum {
		EASY = CM_HTML_VOID | CM_HTML_TABLE | CM_HTML_PART |
		       CM_HTML_CLOSES_P | CM_HTML_ONCE,
		HARD = (RULES & ~EASY) | CM_HTML_ITEM | CM_HTML_HEADING |
		       CM_HTML_OPTION | CM_HTML_BUTTON,
	};
	struct cm_html_tag *tag = &r->stack[r->depth];
	unsigned n = cm_html_letters(word);
	uint64_t name = cm_html_name(word, n);
	const struct cm_html_element *e =
		&cm_html_elements[CM_HTML_PLACE(name)];
	const char *next = p + n + 1;

	if (n == 0 || e->name != name || e->what & HARD ||
	    top(r) & OWN_RULES_WITHIN || !fits(r, e->what) ||
	    r->depth > CM_HTML_DEPTH_MAX)
		return NULL;
	if (*next == '>')
		next++;
	else if (*next == ' ')
		next = cm_html_skip(next, r->end);
	else
		return NULL;
	if (next == NULL)
		return NULL;
	r->shows_after |= !(e->what & CM_HTML_QUIET);
	if (e->what & CM_HTML_VOID)
		return next;
	*tag = (struct cm_html_tag){name, p + 1, n, e->what};
	r->paragraphs += (e->what & COUNTED) != 0;
	r->depth++;
	return next;
}

/* Markup at p, behind it; NULL where it is unsure. */
static inline const char *take(struct reader *r, const char *p)
{
	const char *next = NULL;

	if (r->end - p >= 2 * CM_HTML_NAME) {
		if (p[1] == '/')
			next = end_quickly(r, p, cm_html_load(p) >> 16);
		else
			next = start_quickly(r, p, cm_html_load(p + 1));
	}
	return next != NULL ? next : take_markup(r, p);
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
	const char *p = html.n > 0 ? html.p : "";

	/* Not the stack: 30 KB that are written before they are read. */
	memset(&r, 0, offsetof(struct reader, stack));
	memset(r.stack, 0, sizeof(*r.stack));
	r.depth = 1;
	r.body_at = r.html_at = NOWHERE;
	r.base = p;
	r.end = p + html.n;
	while (p < r.end) {
		if (*p != '<') {
			const char *lt = cm_html_find(p, r.end, '<');

			note_text(&r, p, lt != NULL ? lt : r.end);
			if (lt == NULL)
				break;
			p = lt;
		}
		p = take(&r, p);
		if (p == NULL)
			return r.result;
	}
	decide(&r);
	return r.result;
}
