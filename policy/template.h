/*
 * template - texts people read, one folder a language.
 *
 * FOLDER/<lang>/footer.txt, footer.html, and the pages of consent-web:
 * ask.html, done.html, invalid.html, no-token.html, later.html.  UTF-8.
 * "{{name}}" is replaced by a value; in .html files values are escaped.
 * An unknown name, an unclosed "{{", a file that is not UTF-8 or is missing
 * in one language is a start-up error (pitfall 37): no raw placeholder ever
 * reaches a person.  So is a footer that lacks {{link}}.
 *
 * Names: controller, address, contact, purpose, link are the caller's;
 * language ("pt-br") and dir ("ltr", "rtl") are always filled in here.
 */
#ifndef CM_POLICY_TEMPLATE_H
#define CM_POLICY_TEMPLATE_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/str.h"

enum cm_template_kind {
	CM_TEMPLATE_FOOTER_TEXT,
	CM_TEMPLATE_FOOTER_HTML,
	CM_TEMPLATE_PAGE_ASK,       /* "stop ... ?" with one button */
	CM_TEMPLATE_PAGE_ASK_AGAIN, /* the link is older than the grant */
	CM_TEMPLATE_PAGE_DONE,      /* "you will get no more ..." */
	CM_TEMPLATE_PAGE_INVALID,   /* not one of our links */
	CM_TEMPLATE_PAGE_NO_TOKEN,  /* mail to several; how to leave */
	CM_TEMPLATE_PAGE_LATER,     /* we failed; try again */
	CM_TEMPLATE_KINDS
};

struct cm_template_value {
	const char *name;
	const char *value;
};

struct cm_templates; /* read-only after loading; shared by threads */

CM_MUST_CHECK int cm_templates_load(const char *folder,
				    const char *default_language,
				    struct cm_templates **ret_templates,
				    struct cm_error *err);
void cm_templates_free(struct cm_templates **templates);

/*
 * The language to use: the first of the wanted ones ("cs", "pt-br", an
 * Accept-Language or Content-Language list; NULL skipped) that there is a
 * folder for, exact tag first, then its primary subtag; else the default.
 */
const char *cm_templates_language(const struct cm_templates *templates,
				  const char *const *wanted, size_t count);

/* Fill one in; names not given are empty. Appends to out. */
CM_MUST_CHECK int cm_template_fill(const struct cm_templates *templates,
				   enum cm_template_kind kind,
				   const char *language,
				   const struct cm_template_value *values,
				   size_t count, struct cm_buf *out);

/* True for right-to-left languages (ar, fa, he, ur, yi ...). */
bool cm_language_is_rtl(const char *language);

#endif
