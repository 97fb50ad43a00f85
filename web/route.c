/* See route.h. */
#include "web/route.h"

#include <string.h>

#include "web/form.h"

#define BIT(method) (1U << (method))
#define READING                                                                \
	(BIT(CM_METHOD_GET) | BIT(CM_METHOD_HEAD) | BIT(CM_METHOD_OPTIONS))

static const struct {
	const char *name;
	unsigned methods;
	const char *allow;
} places[CM_PLACES] = {
	[CM_PLACE_TOKEN] = {"token", READING | BIT(CM_METHOD_POST),
			    "GET, HEAD, POST, OPTIONS"},
	[CM_PLACE_PREFERENCES] = {"preferences", READING | BIT(CM_METHOD_POST),
				  "GET, HEAD, POST, OPTIONS"},
	[CM_PLACE_NO_TOKEN] = {"no-token", READING, "GET, HEAD, OPTIONS"},
	[CM_PLACE_SUBSCRIBE] = {"subscribe", READING | BIT(CM_METHOD_POST),
				"GET, HEAD, POST, OPTIONS"},
	[CM_PLACE_CONFIRM] = {"confirm", READING | BIT(CM_METHOD_POST),
			      "GET, HEAD, POST, OPTIONS"},
	[CM_PLACE_LOST] = {"lost", READING | BIT(CM_METHOD_POST),
			   "GET, HEAD, POST, OPTIONS"},
	[CM_PLACE_MY_DATA] = {"my-data", READING | BIT(CM_METHOD_POST),
			      "GET, HEAD, POST, OPTIONS"},
	[CM_PLACE_HEALTH] = {"healthz", READING, "GET, HEAD, OPTIONS"},
	[CM_PLACE_LOGO] = {"logo", READING, "GET, HEAD, OPTIONS"},
	[CM_PLACE_METRICS] = {"metrics", READING, "GET, HEAD, OPTIONS"},
	/* It says itself what is wrong, as a program reads it. */
	[CM_PLACE_API] = {"api", ~0U, "POST, OPTIONS"},
	/* Nothing is there for any method: 404 says more than 405. */
	[CM_PLACE_NONE] = {"none", ~0U, ""},
};

/* RFC 9110, 9.1: methods are case-sensitive. */
static const char *const methods[CM_METHODS] = {
	[CM_METHOD_GET] = "GET",     [CM_METHOD_HEAD] = "HEAD",
	[CM_METHOD_POST] = "POST",   [CM_METHOD_OPTIONS] = "OPTIONS",
	[CM_METHOD_OTHER] = "other",
};

enum cm_method cm_method_of(const char *name)
{
	int i;

	for (i = 0; i < CM_METHOD_OTHER; i++)
		if (strcmp(name, methods[i]) == 0)
			return (enum cm_method)i;
	return CM_METHOD_OTHER;
}

const char *cm_method_name(enum cm_method method)
{
	return methods[method];
}

/* "/path" of "https://host/path", else "". */
static struct cm_span path_of(struct cm_span url)
{
	size_t slashes = 0, i;

	for (i = 0; i < url.n; i++)
		if (url.p[i] == '/' && ++slashes == 3)
			return cm_span_n(url.p + i, url.n - i);
	return cm_span_n(NULL, 0);
}

/* Take a prefix off; false, and nothing taken, if it is not there. */
static bool take(struct cm_span *path, struct cm_span prefix)
{
	if (path->n < prefix.n ||
	    !cm_span_eq(cm_span_n(path->p, prefix.n), prefix))
		return false;
	path->p += prefix.n;
	path->n -= prefix.n;
	return true;
}

/*
 * Escapes of what needs none are the same path (RFC 3986, 6.2.2.2), and some
 * mail clients make them.  An escaped slash gives a token that is refused.
 */
static void set_token(struct cm_route *route, enum cm_place place,
		      struct cm_span path)
{
	char plain[3 * CM_ROUTE_TOKEN_MAX];
	size_t n;

	route->place = CM_PLACE_NONE;
	if (path.n > sizeof(plain) || memchr(path.p, '/', path.n) != NULL)
		return;
	n = cm_form_unescape(path, false, plain);
	if (n > CM_ROUTE_TOKEN_MAX)
		return;
	memcpy(route->token, plain, n);
	route->token_n = n;
	route->place = place;
}

/* A name or name/language: of what needs no escapes, else of nobody's form. */
static void set_form(struct cm_route *route, struct cm_span path)
{
	size_t i, slashes = 0;

	if (cm_span_eq(path, cm_span("/s")))
		path.n = 0;
	for (i = 0; i < path.n; i++) {
		slashes += path.p[i] == '/';
		if (!cm_ascii_alpha(path.p[i]) && !cm_ascii_digit(path.p[i]) &&
		    path.p[i] != '-' && path.p[i] != '/')
			return;
	}
	if (path.n > CM_ROUTE_TOKEN_MAX || slashes > 1)
		return;
	if (path.n > 0)
		memcpy(route->token, path.p, path.n);
	route->token_n = path.n;
	route->place = CM_PLACE_SUBSCRIBE;
}

static struct cm_route find_below(struct cm_span path)
{
	struct cm_route route = {CM_PLACE_NONE, "", 0};

	if (cm_span_eq(path, cm_span("/healthz")))
		route.place = CM_PLACE_HEALTH;
	else if (cm_span_eq(path, cm_span("/logo")))
		route.place = CM_PLACE_LOGO;
	else if (cm_span_eq(path, cm_span("/u")) ||
		 cm_span_eq(path, cm_span("/u/")))
		route.place = CM_PLACE_NO_TOKEN;
	else if (take(&path, cm_span("/u/")))
		set_token(&route, CM_PLACE_TOKEN, path);
	else if (take(&path, cm_span("/p/")))
		set_token(&route, CM_PLACE_PREFERENCES, path);
	else if (cm_span_eq(path, cm_span("/lost")))
		route.place = CM_PLACE_LOST;
	else if (take(&path, cm_span("/m/")))
		set_token(&route, CM_PLACE_MY_DATA, path);
	else if (take(&path, cm_span("/c/")))
		set_token(&route, CM_PLACE_CONFIRM, path);
	else if (take(&path, cm_span("/s/")) || cm_span_eq(path, cm_span("/s")))
		set_form(&route, path);
	else if (take(&path, cm_span("/api/v1/")))
		set_token(&route, CM_PLACE_API, path);
	return route;
}

struct cm_route cm_route_find(const char *base_url, struct cm_span url)
{
	struct cm_span base = path_of(cm_span(base_url));
	struct cm_route route = {CM_PLACE_NONE, "", 0};
	struct cm_span below;

	/* RFC 9112, 3.2.2: servers take the absolute form, too. */
	if (cm_span_starts(url, "http://") || cm_span_starts(url, "https://"))
		url = path_of(url);
	below = url;
	if (take(&below, base))
		route = find_below(below);
	return route.place != CM_PLACE_NONE ? route : find_below(url);
}

struct cm_route cm_route_find_admin(struct cm_span url)
{
	struct cm_route route = {CM_PLACE_NONE, "", 0};

	if (cm_span_eq(url, cm_span("/metrics")))
		route.place = CM_PLACE_METRICS;
	else if (cm_span_eq(url, cm_span("/healthz")))
		route.place = CM_PLACE_HEALTH;
	return route;
}

bool cm_route_allows(enum cm_place place, enum cm_method method)
{
	return (places[place].methods & BIT(method)) != 0;
}

const char *cm_route_allow(enum cm_place place)
{
	return places[place].allow;
}

bool cm_place_has_form(enum cm_place place)
{
	return place == CM_PLACE_SUBSCRIBE || place == CM_PLACE_LOST;
}

const char *cm_place_name(enum cm_place place)
{
	return places[place].name;
}
