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
	/* A few templates of 64 KiB, filled; what is on record about one
	 * person, thousands of events with what was shown and kept. */
	CM_PAGE_MAX = 16 * 1024 * 1024,
	/* Fixed words, styles, and the sites of a form in frame-ancestors. */
	CM_PAGE_CSP_MAX = 6144,
	CM_PAGE_STYLES_MAX = 8, /* style elements of one page */
	CM_PAGE_VALUES_MAX = 48,
	CM_PAGE_INDENT_MAX = 2, /* levels that the layout knows */
};

struct cm_page {
	struct cm_buf body;
	char csp[CM_PAGE_CSP_MAX];
	const char *language; /* the templates' */
};

void cm_page_init(struct cm_page *page);
void cm_page_free(struct cm_page *page);

/* A row of the preferences, or of a form. */
struct cm_page_choice {
	const struct cm_purpose *purpose;
	size_t depth; /* below the first level */
	bool on;      /* such mail may be sent; of a form: it is ticked */
};

/* What stands on top of the preferences or the form. */
enum cm_page_said {
	CM_PAGE_SAID_NOTHING,
	CM_PAGE_SAID_STOPPED,
	CM_PAGE_SAID_BACK,
	CM_PAGE_SAID_AGAIN, /* the form was old or strange: press once more */
	CM_PAGE_SAID_ASKED, /* a letter is on its way: "I want this" */
	CM_PAGE_SAID_CHECK, /* the form is not of our page: look, then press */
	CM_PAGE_SAID_NO_ADDRESS,
	CM_PAGE_SAID_NO_BOX,
	CM_PAGE_SAID_SENT, /* a link to their data is on its way */
	CM_PAGE_SAID_ERASED,
	CM_PAGE_SAID_KEPT, /* restricted: nothing is erased */
};

/* What is to be shown, and to whom. */
struct cm_page_want {
	enum cm_template_kind kind;
	const char *language; /* the contact's, "" if unknown */
	const char *accept;   /* Accept-Language, NULL if there is none */
	/* The path that the page is about, "" for none; it is shown itself if
	 * the config no longer has it. */
	struct cm_span purpose;
	bool may_stop_all; /* offer to stop everything, too */
	/* Texts below may be NULL or "": then what needs them is left out. */
	bool ask_why;            /* offer to say a reason */
	const char *ticket;      /* that takes a click back; of preferences,
				  * the one of their forms */
	const char *preferences; /* token of the link to them */
	/* Of CM_TEMPLATE_PAGE_PREFERENCES. */
	const char *click; /* ticket that takes the last click back */
	bool may_ask_more; /* a button where mail is off */
	/* These, too, and of forms and what comes of them: */
	const char *email; /* masked; of a form: as typed */
	enum cm_page_said said;
	const struct cm_page_choice *choices;
	size_t nchoices;
	const struct cm_subscribe_form *form;
	const char *form_path; /* "newsletter", "newsletter/cs" */
	bool may_lose;         /* there is a way to who lost the mail */
	bool may_send;         /* of preferences: a link to their data */
	/* Of CM_TEMPLATE_PAGE_MY_DATA and what comes of it: */
	const struct cm_template_value *values; /* of my_data_page.h */
	size_t nvalues;
	bool may_erase; /* else it says why not */
	bool to_keep;   /* a file: no buttons, nothing from elsewhere */
};

CM_MUST_CHECK int cm_page_make(const struct cm_config *config,
			       const struct cm_templates *templates,
			       const struct cm_page_want *want,
			       struct cm_page *page);

/*
 * What stands in the page's <main>, in just that language, appended to out:
 * with no ticket, address or remark in it, it is what everybody is shown.
 */
CM_MUST_CHECK int cm_page_main(const struct cm_config *config,
			       const struct cm_templates *templates,
			       const struct cm_page_want *want,
			       struct cm_buf *out);

/* The policy for a body; 'none' of everything if it has no style.  sites may
 * show the page in a frame (NULL: none). */
CM_MUST_CHECK int cm_page_csp(struct cm_span html, bool pictures,
			      const struct cm_strings *sites,
			      char out[CM_PAGE_CSP_MAX]);

#endif
