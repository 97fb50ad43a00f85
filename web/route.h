/*
 * route - which of our few places a request is for.  Pure.
 *
 *   /u/TOKEN   the way out of one person from one purpose
 *   /p/TOKEN   what this person gets, and how to stop it
 *   /u         the link in mail that went to several people
 *   /s, /s/NAME, /s/NAME/LANGUAGE   a form to subscribe; /s is the first
 *   /c/TOKEN   the link of the letter that asks to confirm
 *   /api/v1/CALL  for programs
 *   /lost      an address, for who lost the mail
 *   /m/TOKEN   what is on record about this person, by a mailed link
 *   /healthz   for monitors
 *   /logo      the picture on our pages
 *   /metrics   what is counted; on the admin address only
 *
 * The path of web.base-url may stand in front or not: some proxies strip it.
 */
#ifndef CM_WEB_ROUTE_H
#define CM_WEB_ROUTE_H

#include "lib/str.h"

enum cm_method {
	CM_METHOD_GET,
	CM_METHOD_HEAD,
	CM_METHOD_POST,
	CM_METHOD_OPTIONS,
	CM_METHOD_OTHER,
	CM_METHODS
};

enum cm_place {
	CM_PLACE_TOKEN,
	CM_PLACE_PREFERENCES,
	CM_PLACE_NO_TOKEN,
	CM_PLACE_SUBSCRIBE,
	CM_PLACE_CONFIRM,
	CM_PLACE_LOST,
	CM_PLACE_MY_DATA,
	CM_PLACE_HEALTH,
	CM_PLACE_LOGO,
	CM_PLACE_METRICS,
	CM_PLACE_API,  /* the token is the call */
	CM_PLACE_NONE, /* nothing of ours */
	CM_PLACES
};

enum { CM_ROUTE_TOKEN_MAX = 64 }; /* the longest token has 58 */

struct cm_route {
	enum cm_place place;
	/* Of places with one: as sent, unchecked, with a closing NUL.  Of a
	 * form its name, perhaps with "/" and a language. */
	char token[CM_ROUTE_TOKEN_MAX + 1];
	size_t token_n;
};

enum cm_method cm_method_of(const char *name);     /* "GET" */
const char *cm_method_name(enum cm_method method); /* "GET", "other" */

/* url: the path without a query, escapes as sent. */
struct cm_route cm_route_find(const char *base_url, struct cm_span url);
/* The same on the admin address: for monitors, never for persons. */
struct cm_route cm_route_find_admin(struct cm_span url);

bool cm_route_allows(enum cm_place place, enum cm_method method);
const char *cm_route_allow(enum cm_place place); /* "GET, HEAD, OPTIONS" */
const char *cm_place_name(enum cm_place place);  /* for the log */
/* A form is sent there by whoever has no link: it can be sent again. */
bool cm_place_has_form(enum cm_place place);

#endif
