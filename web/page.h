/*
 * page - a page of consent-web, from its template, with its headers.
 *
 * Pages have no script and load nothing but the logo, from us.  Their style
 * stands in them, and the Content-Security-Policy names it by its SHA-256, so
 * that an admin may change a template and nobody else can add anything.  Pure.
 */
#ifndef CM_WEB_PAGE_H
#define CM_WEB_PAGE_H

#include "lib/buf.h"
#include "policy/config.h"
#include "policy/template.h"

enum {
	CM_PAGE_MAX = 512 * 1024, /* a few templates of 64 KiB, filled */
	CM_PAGE_CSP_MAX = 1024,
	CM_PAGE_STYLES_MAX = 8, /* style elements of one page */
	CM_PAGE_VALUES_MAX = 24,
};

struct cm_page {
	struct cm_buf body;
	char csp[CM_PAGE_CSP_MAX];
	const char *language; /* the templates' */
};

void cm_page_init(struct cm_page *page);
void cm_page_free(struct cm_page *page);

/* What is to be shown, and to whom. */
struct cm_page_want {
	enum cm_template_kind kind;
	const char *language; /* the contact's, "" if unknown */
	const char *accept;   /* Accept-Language, NULL if there is none */
	/* The path that the page is about, "" for none; it is shown itself if
	 * the config no longer has it. */
	struct cm_span purpose;
	bool may_stop_all; /* offer to stop everything, too */
};

CM_MUST_CHECK int cm_page_make(const struct cm_config *config,
			       const struct cm_templates *templates,
			       const struct cm_page_want *want,
			       struct cm_page *page);

/* The policy for a body; 'none' of everything if it has no style. */
CM_MUST_CHECK int cm_page_csp(struct cm_span html, bool pictures,
			      char out[CM_PAGE_CSP_MAX]);

#endif
