/*
 * page - a page of consent-web, from its template, with its headers.
 *
 * Pages have no script and load nothing.  Their style stands in them, and the
 * Content-Security-Policy names it by its SHA-256, so that an admin may
 * change a template and nobody else can add anything.  Pure.
 */
#ifndef CM_WEB_PAGE_H
#define CM_WEB_PAGE_H

#include "lib/buf.h"
#include "policy/config.h"
#include "policy/template.h"

enum {
	CM_PAGE_MAX = 256 * 1024, /* a template's 64 KiB and what fills it */
	CM_PAGE_CSP_MAX = 1024,
	CM_PAGE_STYLES_MAX = 8, /* style elements of one page */
};

struct cm_page {
	struct cm_buf body;
	char csp[CM_PAGE_CSP_MAX];
	const char *language; /* the templates' */
};

void cm_page_init(struct cm_page *page);
void cm_page_free(struct cm_page *page);

/*
 * language: the contact's, "" if unknown; accept: the Accept-Language field,
 * NULL if there is none.  purpose: the path that the page is about, "" for
 * none; it is shown itself if the config no longer has it.
 */
CM_MUST_CHECK int cm_page_make(const struct cm_config *config,
			       const struct cm_templates *templates,
			       enum cm_template_kind kind, const char *language,
			       const char *accept, struct cm_span purpose,
			       struct cm_page *page);

/* The policy for a body; 'none' of everything if it has no style. */
CM_MUST_CHECK int cm_page_csp(struct cm_span html, char out[CM_PAGE_CSP_MAX]);

#endif
