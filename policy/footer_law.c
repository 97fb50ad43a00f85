/* See footer_law.h. */
#define _GNU_SOURCE /* memmem */
#include "policy/footer_law.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/colour.h"

enum {
	CM_FOOTER_LOOK_MAX = 256 * 1024, /* a template's values escaped */
	CM_FOOTER_PX_MIN = 10,           /* what can be read (FT-1) */
	CM_FOOTER_PT_MIN = 7,            /* 7.5pt are 10px; whole ones */
};

static const struct cm_country_law laws[] = {
	{"BG", "Electronic Commerce Act (ZET), Article 6", true, true},
	{"CA", "Anti-Spam Legislation (CASL), sections 6, 10, 11 and 13", false,
	 false},
	{"CZ", "Act No. 480/2004, section 7", true, true},
	{"DE", "Act against Unfair Competition (UWG), section 7", true, false},
	{"ES", "Act 34/2002 (LSSI), Articles 21 and 22", true, false},
	{"FR", "Post and Electronic Communications Code (CPCE), L34-5; CNIL",
	 true, false},
	{"GB", "Privacy and Electronic Communications Regulations (PECR)", true,
	 false},
	{"IT",
	 "Privacy Code, section 130; guidelines of the Garante on spam, "
	 "2013",
	 true, false},
	{"PL", "Electronic Communications Act (PKE), Article 398, since 2024",
	 true, false},
	{"SE", "Marketing Act (MFL), sections 19 and 20", true, false},
	{"US", "CAN-SPAM Act, 15 USC 7704; 16 CFR 316.5", false, true},
};

const struct cm_country_law *cm_country_law(const char *country)
{
	size_t i;

	for (i = 0; i < sizeof(laws) / sizeof(laws[0]); i++)
		if (strcmp(laws[i].country, country) == 0)
			return &laws[i];
	return NULL;
}

/* Of a stream's readers; NULL = not known. */
static const char *country_of(const struct cm_config *config,
			      const struct cm_stream *stream)
{
	return stream->country != NULL ? stream->country
				       : config->controller_country;
}

/* What a footer shows; samples that no template has in it. */
enum item { NAME, ADDRESS, CONTACT, WHY, LINK, NOTICE, MARKER, ITEMS };

static const struct {
	const char *value; /* in the template */
	const char *sample;
	const char *what;
	const char *law; /* of everybody; countries may have their own */
} items[ITEMS] = {
	[NAME] = {"controller", "qqNAMEqq", "who sends it",
		  "ePrivacy Directive, 13(4)"},
	[ADDRESS] = {"address", "qqADDRESSqq", "the postal address",
		     "E-Commerce Directive, 5(1)(b)"},
	[CONTACT] = {"contact", "qq@contact.invalid",
		     "an address to which a stop can be sent",
		     "ePrivacy Directive, 13(4)"},
	[WHY] = {"purpose", "qqPURPOSEqq", "why the person gets it",
		 "GDPR, 13(1)(c)"},
	[LINK] = {"link", "https://link.invalid/qq",
		  "a link that can be clicked", "ePrivacy Directive, 13(2)"},
	[NOTICE] = {"privacy-notice", "https://notice.invalid/qq",
		    "the privacy notice", "GDPR, 12(1) and 13"},
	[MARKER] = {"marker", "qqMARKERqq", "that it is advertising",
		    "E-Commerce Directive, 6(a)"},
};

struct look {
	const struct cm_config *config;
	const struct cm_templates *templates;
	cm_footer_gap_fn *tell;
	void *ctx;
	struct cm_buf countries; /* their laws, for those who must act */
	bool notice;             /* somebody's readers are to be told */
	bool marker;
	const char *language;
	const char *file; /* "footer.html" */
};

static void tell(const struct look *look, const char *format, ...)
	CM_PRINTF(2, 3);

static void tell(const struct look *look, const char *format, ...)
{
	char text[CM_ERROR_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	look->tell(look->ctx, text);
}

/* ---- as a reader sees it ------------------------------------------------ */

/* The words, each tag gone. */
static void strip_tags(struct cm_span html, struct cm_buf *out)
{
	bool tag = false;
	size_t i;

	for (i = 0; i < html.n; i++) {
		if (html.p[i] == '<')
			tag = true;
		if (!tag)
			(void)cm_buf_addc(out, html.p[i]);
		if (html.p[i] == '>')
			tag = false;
	}
}

static bool holds(struct cm_span text, const char *what)
{
	return memmem(text.p, text.n, what, strlen(what)) != NULL;
}

/* A link is <a href="IT"> with a word in it. */
static bool is_linked(struct cm_span html, const char *link)
{
	char href[64];
	const char *at, *end, *word;
	int n = snprintf(href, sizeof(href), "<a href=\"%s\"", link);

	at = memmem(html.p, html.n, href, (size_t)n);
	if (at == NULL)
		return false;
	html = cm_span_n(at, html.n - (size_t)(at - html.p));
	word = memchr(html.p, '>', html.n);
	end = memmem(html.p, html.n, "</a>", 4);
	if (word == NULL || end == NULL || end < word)
		return false;
	return cm_span_trim(cm_span_n(word + 1, (size_t)(end - word) - 1)).n >
	       0;
}

static bool is_shown(struct cm_span filled, struct cm_span words,
		     enum item item, bool html)
{
	if (html && (item == LINK || item == NOTICE))
		return is_linked(filled, items[item].sample);
	return holds(words, items[item].sample);
}

static void look_for_items(const struct look *look, struct cm_span filled,
			   struct cm_span words, bool html)
{
	enum item item;

	for (item = NAME; item < ITEMS; item++) {
		if ((item == NOTICE && !look->notice) ||
		    (item == MARKER && !look->marker) ||
		    is_shown(filled, words, item, html))
			continue;
		tell(look, "%s/%s/%s does not show {{%s}}, %s: %s%s",
		     look->config->templates, look->language, look->file,
		     items[item].value, items[item].what, items[item].law,
		     cm_buf_text(&look->countries));
	}
}

/* ---- nothing hidden ----------------------------------------------------- */

static void tell_hidden(const struct look *look, const char *by)
{
	tell(look,
	     "%s/%s/%s hides some of it or makes it hard to read (%s): what "
	     "must be said must be seen: ePrivacy Directive, 13(4)%s",
	     look->config->templates, look->language, look->file, by,
	     cm_buf_text(&look->countries));
}

/* Small letters, and no blanks: "display : NONE" as well. */
static void squeeze(struct cm_span html, struct cm_buf *out)
{
	size_t i;

	for (i = 0; i < html.n; i++)
		if (memchr(" \t\r\n", html.p[i], 4) == NULL)
			(void)cm_buf_addc(out, cm_ascii_lower(html.p[i]));
}

static const char *next_of(struct cm_span all, const char *from,
			   const char *what)
{
	return memmem(from, all.n - (size_t)(from - all.p), what, strlen(what));
}

static void look_for_small(const struct look *look, struct cm_span css)
{
	static const char size[] = "font-size:";
	const char *at = css.p;

	while ((at = next_of(css, at, size)) != NULL) {
		const char *unit;
		unsigned n = 0;

		at += strlen(size);
		for (unit = at; cm_ascii_digit(*unit) && n < 1000; unit++)
			n = n * 10 + (unsigned)(*unit - '0');
		unit += *unit == '.' ? 1 + strspn(unit + 1, "0123456789") : 0;
		if (unit > at &&
		    ((strncmp(unit, "px", 2) == 0 && n < CM_FOOTER_PX_MIN) ||
		     (strncmp(unit, "pt", 2) == 0 && n < CM_FOOTER_PT_MIN))) {
			tell_hidden(look, "font-size");
			return;
		}
	}
}

/* "#rrggbb" at p; false for any other way to write a colour. */
static bool read_colour(const char *p, uint32_t *ret_rgb)
{
	char text[8];
	size_t n = strspn(p, "#0123456789abcdef");

	if (n != sizeof(text) - 1)
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	return cm_colour_parse(text, ret_rgb) == CM_OK;
}

/* Each colour on the background named last before it. */
static void look_for_pale(const struct look *look, struct cm_span css)
{
	uint32_t under = CM_COLOUR_WHITE, colour;
	const char *p;

	for (p = css.p; p < css.p + css.n; p++) {
		if (strncmp(p, "background:#", 12) == 0)
			(void)read_colour(p + 11, &under);
		else if (strncmp(p, "background-color:#", 18) == 0)
			(void)read_colour(p + 17, &under);
		else if (strncmp(p, "color:#", 7) == 0 && p > css.p &&
			 p[-1] != '-' && read_colour(p + 6, &colour) &&
			 cm_colour_contrast(colour, under) < CM_CONTRAST_TEXT) {
			tell_hidden(look, "color");
			return;
		}
	}
}

static void look_for_hidden(const struct look *look, struct cm_span filled)
{
	static const char *const hiding[] = {
		"display:none",      "visibility:hidden", "visibility:collapse",
		"opacity:0;",        "opacity:0\"",       "opacity:0!",
		"max-height:0",      ";height:0",         "\"height:0",
		"mso-hide:all",      "clip:rect(",        "text-indent:-",
		"font-size:0;",      "font-size:0!",      "font-size:0\"",
		"color:transparent",
	};
	struct cm_buf css;
	size_t i;

	cm_buf_init(&css, CM_FOOTER_LOOK_MAX);
	squeeze(filled, &css);
	for (i = 0; i < sizeof(hiding) / sizeof(hiding[0]); i++)
		if (holds(cm_span(cm_buf_text(&css)), hiding[i]))
			tell_hidden(look, hiding[i]);
	look_for_small(look, cm_span(cm_buf_text(&css)));
	look_for_pale(look, cm_span(cm_buf_text(&css)));
	cm_buf_free(&css);
}

/* ---- all footers -------------------------------------------------------- */

static int look_at_footer(const struct look *look, enum cm_template_kind kind,
			  bool html)
{
	struct cm_template_value values[ITEMS];
	struct cm_buf filled, words;
	enum item item;
	int rc;

	for (item = NAME; item < ITEMS; item++) {
		values[item].name = items[item].value;
		values[item].value = items[item].sample;
	}
	cm_buf_init(&filled, CM_FOOTER_LOOK_MAX);
	cm_buf_init(&words, CM_FOOTER_LOOK_MAX);
	rc = cm_template_fill(look->templates, kind, look->language, values,
			      ITEMS, &filled);
	if (rc == CM_OK && html)
		strip_tags(cm_span(cm_buf_text(&filled)), &words);
	else
		(void)cm_buf_adds(&words, cm_buf_text(&filled));
	if (rc == CM_OK)
		look_for_items(look, cm_span(cm_buf_text(&filled)),
			       cm_span(cm_buf_text(&words)), html);
	if (rc == CM_OK && html)
		look_for_hidden(look, cm_span(cm_buf_text(&filled)));
	cm_buf_free(&filled);
	cm_buf_free(&words);
	return rc;
}

static void add_country(struct look *look, const struct cm_country_law *law)
{
	if (holds(cm_span(cm_buf_text(&look->countries)), law->law))
		return;
	(void)cm_buf_addf(&look->countries, "; %s: %s", law->country, law->law);
}

/* Which laws, and do the settings say what they ask for? */
static void look_at_streams(struct look *look)
{
	const struct cm_config *config = look->config;
	size_t i;

	for (i = 0; i < config->nstreams; i++) {
		const struct cm_stream *stream = &config->streams[i];
		const char *country = country_of(config, stream);
		const struct cm_country_law *law =
			country != NULL ? cm_country_law(country) : NULL;

		if (!cm_stream_is_marketing(stream) || !stream->footer)
			continue;
		look->notice = look->notice || law == NULL || law->notice;
		look->marker = look->marker || stream->marker != NULL;
		if (law == NULL)
			continue;
		add_country(look, law);
		if (!law->marker)
			continue;
		look->marker = true;
		if (stream->marker == NULL)
			tell(look,
			     "stream \"%s\" has no marker, which says in the "
			     "footer that it is advertising: %s: %s",
			     stream->name, law->country, law->law);
	}
	if (look->notice && config->controller_privacy_notice == NULL)
		tell(look,
		     "controller.privacy-notice is not set: the footer cannot "
		     "link to it: %s",
		     items[NOTICE].law);
}

int cm_footer_law_check(const struct cm_config *config,
			const struct cm_templates *templates,
			cm_footer_gap_fn *gap, void *ctx, struct cm_error *err)
{
	struct look look = {config, templates, gap, ctx, .language = NULL};
	size_t i;
	int rc = CM_OK;

	cm_buf_init(&look.countries, CM_ERROR_MAX);
	look_at_streams(&look);
	for (i = 0; rc == CM_OK && i < cm_templates_count(templates); i++) {
		look.language = cm_templates_at(templates, i);
		look.file = "footer.txt";
		rc = look_at_footer(&look, CM_TEMPLATE_FOOTER_TEXT, false);
		look.file = "footer.html";
		if (rc == CM_OK)
			rc = look_at_footer(&look, CM_TEMPLATE_FOOTER_HTML,
					    true);
	}
	cm_buf_free(&look.countries);
	return rc == CM_OK ? CM_OK
			   : cm_fail(err, CM_ENOMEM, "no memory for footers");
}
