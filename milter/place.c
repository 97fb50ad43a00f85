/* See place.h. */
#include "milter/place.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"

static int parse_unix(const char *path, struct cm_place *place,
		      struct cm_error *err)
{
	if (path[0] != '/')
		return cm_fail(err, CM_ECONFIG,
			       "socket \"unix:%s\": the path must begin with "
			       "\"/\"",
			       path);
	if (strlen(path) >= sizeof(place->path))
		return cm_fail(err, CM_ECONFIG,
			       "socket \"unix:%s\": the path is longer than "
			       "the %zu octets a socket may have",
			       path, sizeof(place->path) - 1);
	place->family = AF_UNIX;
	(void)snprintf(place->path, sizeof(place->path), "%s", path);
	return CM_OK;
}

static int parse_inet(const char *socket, const char *rest, int family,
		      struct cm_place *place, struct cm_error *err)
{
	const char *at = strchr(rest, '@');
	struct cm_span host;
	uint64_t port;

	if (at == NULL || at[1] == '\0')
		return cm_fail(err, CM_ECONFIG,
			       "socket \"%s\" names no host (write "
			       "\"inet:8891@127.0.0.1\")",
			       socket);
	if (cm_parse_u64(cm_span_n(rest, (size_t)(at - rest)), 65535, &port) !=
		    CM_OK ||
	    port == 0)
		return cm_fail(err, CM_ECONFIG,
			       "socket \"%s\": the port must be a number from "
			       "1 to 65535",
			       socket);
	host = cm_span(at + 1);
	/* Both "inet6:1@::1" and "inet6:1@[::1]" are in use. */
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = cm_span_n(host.p + 1, host.n - 2);
	if (host.n == 0 || host.n >= sizeof(place->host))
		return cm_fail(err, CM_ECONFIG,
			       "socket \"%s\": the host is too long or empty",
			       socket);
	place->family = family;
	memcpy(place->host, host.p, host.n);
	place->host[host.n] = '\0';
	(void)snprintf(place->port, sizeof(place->port), "%u", (unsigned)port);
	return CM_OK;
}

int cm_place_parse(const char *socket, struct cm_place *ret_place,
		   struct cm_error *err)
{
	static const struct {
		const char *prefix;
		int family;
	} kinds[] = {
		{"unix:", AF_UNIX},
		{"local:", AF_UNIX},
		{"inet:", AF_INET},
		{"inet6:", AF_INET6},
	};
	struct cm_place place = {.family = AF_UNSPEC};
	size_t i;
	int rc;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(socket, kinds[i].prefix, n) != 0)
			continue;
		rc = kinds[i].family == AF_UNIX
			     ? parse_unix(socket + n, &place, err)
			     : parse_inet(socket, socket + n, kinds[i].family,
					  &place, err);
		if (rc == CM_OK)
			*ret_place = place;
		return rc;
	}
	return cm_fail(err, CM_ECONFIG,
		       "socket \"%s\" is neither \"unix:/PATH\" nor "
		       "\"inet:PORT@HOST\" nor \"inet6:PORT@HOST\"",
		       socket);
}
