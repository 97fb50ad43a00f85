/* See listen.h. */
#include "web/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/str.h"

enum {
	CM_LISTEN_BACKLOG = 256, /* a provider's burst of one-clicks */
	CM_LISTEN_HOST_MAX = 64, /* INET6_ADDRSTRLEN is 46 */
};

struct parts {
	char host[CM_LISTEN_HOST_MAX];
	char port[8];
};

static bool split(const char *address, struct parts *parts)
{
	const char *colon = strrchr(address, ':');
	struct cm_span host;
	uint64_t port;

	if (colon == NULL ||
	    cm_parse_u64(cm_span(colon + 1), 65535, &port) != CM_OK ||
	    port == 0)
		return false;
	host = cm_span_n(address, (size_t)(colon - address));
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = cm_span_n(host.p + 1, host.n - 2);
	else if (host.n > 0 && memchr(host.p, ':', host.n) != NULL)
		return false; /* IPv6 needs its brackets */
	if (host.n == 0 || host.n >= sizeof(parts->host))
		return false;
	memcpy(parts->host, host.p, host.n);
	parts->host[host.n] = '\0';
	(void)snprintf(parts->port, sizeof(parts->port), "%u", (unsigned)port);
	return true;
}

static int resolve(const char *setting, const char *address,
		   struct addrinfo **ret_found, struct cm_error *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct parts parts;

	if (!split(address, &parts) ||
	    getaddrinfo(parts.host, parts.port, &hints, ret_found) != 0)
		return cm_fail(err, CM_ECONFIG,
			       "%s \"%s\" is not ADDRESS:PORT, as "
			       "127.0.0.1:8025 or [::1]:8025",
			       setting, address);
	return CM_OK;
}

int cm_listen_check(const char *setting, const char *address,
		    struct cm_error *err)
{
	struct addrinfo *found = NULL;
	int rc = resolve(setting, address, &found, err);

	if (rc == CM_OK)
		freeaddrinfo(found);
	return rc;
}

static int bind_to(const struct addrinfo *where)
{
	int one = 1;
	int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0)
		return -1;
	/* Not to wait for old connections at a restart. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 &&
	    listen(fd, CM_LISTEN_BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int cm_listen_open(const char *setting, const char *address, int *ret_fd,
		   struct cm_error *err)
{
	struct addrinfo *found = NULL;
	int fd, rc;

	rc = resolve(setting, address, &found, err);
	if (rc != CM_OK)
		return rc;
	fd = bind_to(found);
	if (fd < 0)
		rc = cm_fail_errno(err, errno,
				   "%s \"%s\": is another program "
				   "listening there?",
				   setting, address);
	freeaddrinfo(found);
	if (rc == CM_OK)
		*ret_fd = fd;
	return rc;
}
