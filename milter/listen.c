/* See listen.h. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "milter/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/enc.h"
#include "lib/proc.h"
#include "milter/place.h"

enum {
	BACKLOG = 1024, /* Postfix opens one for each smtpd and cleanup */
	FOLDER_MODE = 0710,
};

/* ---- unix ------------------------------------------------------------- */

/* A folder of the package's is there; one named by hand may not be. */
static int make_folder(const char *path, uid_t owner, gid_t group,
		       struct cm_error *err)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return CM_OK;
	*slash = '\0';
	if (mkdir(folder, FOLDER_MODE) != 0)
		return errno == EEXIST
			       ? CM_OK
			       : cm_fail_errno(err, errno,
					       "making folder \"%s\" for the "
					       "socket",
					       folder);
	/* umask may have taken away what the MTA's group needs. */
	if (chmod(folder, FOLDER_MODE) != 0 || chown(folder, owner, group) != 0)
		return cm_fail_errno(err, errno, "giving folder \"%s\" away",
				     folder);
	return CM_OK;
}

/* Somebody else's program may serve it without our lock. */
static bool is_served(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool served;

	if (fd < 0)
		return false;
	served = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;
	(void)close(fd);
	return served;
}

static int remove_stale(const struct sockaddr_un *at, struct cm_error *err)
{
	struct stat st;

	if (lstat(at->sun_path, &st) != 0)
		return errno == ENOENT ? CM_OK
				       : cm_fail_errno(err, errno, "\"%s\"",
						       at->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" exists and is no socket (name another "
			       "path or remove it)",
			       at->sun_path);
	if (is_served(at))
		return cm_fail(err, CM_EAGAIN, "another program serves \"%s\"",
			       at->sun_path);
	if (unlink(at->sun_path) != 0)
		return cm_fail_errno(err, errno, "removing the old \"%s\"",
				     at->sun_path);
	return CM_OK;
}

/* Nobody can connect before mode and group are right: bind() comes with
 * none, and listen() comes last. */
static int bind_unix(int fd, const struct sockaddr_un *at, gid_t group,
		     unsigned mode, struct cm_error *err)
{
	mode_t old = umask(0777);
	int rc = bind(fd, (const struct sockaddr *)at, sizeof(*at));
	int errnum = errno;

	(void)umask(old);
	if (rc != 0)
		return cm_fail_errno(err, errnum, "binding \"%s\"",
				     at->sun_path);
	if (chown(at->sun_path, (uid_t)-1, group) != 0)
		return cm_fail_errno(
			err, errno,
			"giving \"%s\" to its socket-group (start "
			"as root, or put the user into that group)",
			at->sun_path);
	if (chmod(at->sun_path, (mode_t)mode) != 0)
		return cm_fail_errno(err, errno, "chmod \"%s\"", at->sun_path);
	return CM_OK;
}

static int lock_beside(const char *path, uid_t owner, int *ret_fd,
		       struct cm_error *err)
{
	char lock[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	int rc;

	(void)snprintf(lock, sizeof(lock), "%s.lock", path);
	rc = cm_proc_lock(lock, ret_fd, err);
	/* So that the next start may be as that user. */
	if (rc == CM_OK && fchown(*ret_fd, owner, (gid_t)-1) != 0)
		rc = cm_fail_errno(err, errno, "giving \"%s\" away", lock);
	return rc;
}

static int open_unix(const struct cm_listener *listener, uid_t owner,
		     const struct cm_place *place, struct cm_listening *out,
		     struct cm_error *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	gid_t group = (gid_t)-1;
	int rc;

	memcpy(at.sun_path, place->path, sizeof(at.sun_path));
	if (listener->socket_group != NULL) {
		rc = cm_proc_group(listener->socket_group, &group, err);
		if (rc != CM_OK)
			return rc;
	}
	rc = make_folder(place->path, owner, group, err);
	if (rc == CM_OK)
		rc = lock_beside(place->path, owner, &out->lock_fd, err);
	if (rc == CM_OK)
		rc = remove_stale(&at, err);
	if (rc != CM_OK)
		return rc;
	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out->fd < 0)
		return cm_fail_errno(err, errno, "socket");
	return bind_unix(out->fd, &at, group, listener->socket_mode, err);
}

/* ---- inet ------------------------------------------------------------- */

static int bind_inet(int fd, const struct addrinfo *at, const char *name,
		     struct cm_error *err)
{
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
				 sizeof(on));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0)
		return CM_OK;
	if (errno == EADDRINUSE)
		return cm_fail(err, CM_EAGAIN,
			       "another program listens on \"%s\"", name);
	return cm_fail_errno(err, errno, "binding \"%s\"", name);
}

static int open_inet(const struct cm_place *place, const char *name,
		     struct cm_listening *out, struct cm_error *err)
{
	const struct addrinfo hints = {
		.ai_family = place->family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *found = NULL;
	int why = getaddrinfo(place->host, place->port, &hints, &found);
	int rc;

	if (why != 0)
		return cm_fail(err, CM_ECONFIG, "socket \"%s\": host: %s", name,
			       gai_strerror(why));
	out->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out->fd < 0)
		rc = cm_fail_errno(err, errno, "socket");
	else
		rc = bind_inet(out->fd, found, name, err);
	freeaddrinfo(found);
	return rc;
}

/* ---- both ------------------------------------------------------------- */

int cm_listen_open(const struct cm_listener *listener, uid_t owner,
		   struct cm_listening *ret, struct cm_error *err)
{
	struct cm_listening out = {listener, -1, -1};
	struct cm_place place;
	int rc = cm_place_parse(listener->socket, &place, err);

	if (rc != CM_OK)
		return rc;
	if (place.family == AF_UNIX)
		rc = open_unix(listener, owner, &place, &out, err);
	else
		rc = open_inet(&place, listener->socket, &out, err);
	if (rc == CM_OK && listen(out.fd, BACKLOG) != 0)
		rc = cm_fail_errno(err, errno, "listening on \"%s\"",
				   listener->socket);
	if (rc != CM_OK) {
		cm_listen_close(&out);
		return rc;
	}
	*ret = out;
	return CM_OK;
}

void cm_listen_close(struct cm_listening *listening)
{
	if (listening->fd >= 0)
		(void)close(listening->fd);
	if (listening->lock_fd >= 0)
		(void)close(listening->lock_fd);
	listening->fd = -1;
	listening->lock_fd = -1;
}

void cm_listen_note(const struct cm_listening *listening,
		    const struct cm_config *config)
{
	char hex[CM_HEX_LEN(sizeof(config->digest)) + 1];
	char text[sizeof(hex) + 24];
	int n;

	if (listening->lock_fd < 0)
		return;
	(void)cm_hex_encode(config->digest, sizeof(config->digest), hex);
	n = snprintf(text, sizeof(text), "%ld\n%s\n", (long)getpid(), hex);
	/* Longer than what stands there, or as long: nothing to cut off. */
	if (pwrite(listening->lock_fd, text, (size_t)n, 0) != n)
		return;
}
