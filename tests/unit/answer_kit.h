/*
 * answer_kit - consent-web without HTTP: a store, a site over it, links, and
 * what a client asks.
 */
#ifndef CM_TESTS_ANSWER_KIT_H
#define CM_TESTS_ANSWER_KIT_H

#include "policy/purpose.h"
#include "policy/token.h"
#include "web/answer.h"
#include "web/form.h"

#include "tests/unit/store_kit.h"
#include "tests/unit/test.h"

#define PETR      "petr@example.com"
#define ONE_CLICK "List-Unsubscribe=One-Click"
#define BUTTON    "act=stop"
#define TODAY     ((uint16_t)(KIT_NOW / CM_DAY_MS))

struct fixture {
	struct kit kit;
	struct cm_config *config;
	struct cm_templates *templates;
	struct cm_site site;
	struct cm_buf log;
	unsigned told;  /* calls of site.withdrawn */
	unsigned asked; /* of site.asked */
	struct cm_shown *shown;
};

struct link {
	char url[CM_TOKEN_URL_LEN + 8];
};

/* Of each test; *state is a struct fixture. */
int web_set_up(void **state);
int web_tear_down(void **state);

struct link link_of(struct fixture *f, enum cm_key_kind kind,
		    const char *address, const char *purpose, uint16_t day);
struct link petrs_link(struct fixture *f);

void web_ask(struct fixture *f, const char *method, const char *url,
	     const char *body, const char *accept, struct cm_answer *answer);
/* The status, and that the body holds a text ("" for any). */
void assert_answer(struct fixture *f, const char *method, const char *url,
		   const char *body, int status, const char *text);
void assert_page_lacks(struct fixture *f, const char *url, const char *text);
const char *web_header(const struct cm_answer *answer, const char *name);

struct cm_store_counts web_counts(struct fixture *f);
void web_grant(struct fixture *f, const char *address, const char *purpose,
	       int64_t now);
bool is_withdrawn(struct fixture *f, const char *address, const char *purpose);

#endif
