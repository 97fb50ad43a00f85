/* See submit.h. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "policy/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto.h"

enum { PASSWORD_MAX = 512 }; /* octets; SASL PLAIN takes 255 (RFC 4616) */

/* Not "localhost.acme.example", nor "127.acme.example". */
static bool is_this_host(const char *url)
{
	struct cm_span rest = cm_span(strstr(url, "://") + 3);
	struct cm_span host = cm_span_cut(&rest, ':');

	return cm_span_caseeq(host, cm_span("localhost")) ||
	       (cm_span_starts(host, "127.") &&
		strspn(host.p, "0123456789.") >= host.n);
}

static enum cm_transfer_tls tls_of(const struct cm_config *config)
{
	switch (config->mail_submit_tls) {
	case CM_SUBMIT_TLS_REQUIRED:
		return CM_TRANSFER_TLS_REQUIRED;
	case CM_SUBMIT_TLS_WHEN_OFFERED:
		return CM_TRANSFER_TLS_WHEN_OFFERED;
	case CM_SUBMIT_TLS_NONE:
		return CM_TRANSFER_TLS_NONE;
	default:
		return is_this_host(config->mail_submit)
			       ? CM_TRANSFER_TLS_NONE
			       : CM_TRANSFER_TLS_REQUIRED;
	}
}

/* Without a look at the certificate, TLS may end at anybody's. */
bool cm_submit_is_private(const struct cm_config *config)
{
	enum cm_transfer_tls tls = tls_of(config);

	return is_this_host(config->mail_submit) ||
	       tls == CM_TRANSFER_TLS_REQUIRED ||
	       (tls != CM_TRANSFER_TLS_WHEN_OFFERED &&
		cm_span_starts(cm_span(config->mail_submit), "smtps://"));
}

/* As keys: nobody else reads it, and only its owner may change it. */
static int check_mode(int fd, const char *path, struct cm_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return cm_fail_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0037) != 0)
		return cm_fail(err, CM_ECONFIG,
			       "%s has mode %04o: a password's file must be a "
			       "plain one of mode 0600 or 0640",
			       path, (unsigned)st.st_mode & 07777);
	return CM_OK;
}

static int read_password(const char *path, struct cm_arena *arena,
			 const char **ret_password, struct cm_error *err)
{
	char room[PASSWORD_MAX + 2];
	struct cm_span rest, line;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc;

	if (fd < 0)
		return cm_fail_errno(err, errno, "cannot read %s", path);
	rc = check_mode(fd, path, err);
	if (rc == CM_OK)
		n = read(fd, room, sizeof(room));
	(void)close(fd);
	if (rc != CM_OK)
		return rc;
	rest = cm_span_n(room, n > 0 ? (size_t)n : 0);
	line = cm_span_cut(&rest, '\n');
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0 || line.n > PASSWORD_MAX || rest.n != 0 ||
	    memchr(line.p, '\0', line.n) != NULL)
		rc = cm_fail(err, CM_ECONFIG,
			     "%s must hold one line, the password, of at most "
			     "%d octets",
			     path, PASSWORD_MAX);
	if (rc == CM_OK) {
		*ret_password = cm_arena_dup(arena, line.p, line.n);
		if (*ret_password == NULL)
			rc = cm_fail(err, CM_ENOMEM, "out of memory");
	}
	cm_wipe(room, sizeof(room));
	return rc;
}

/* The name behind the server's is the one that we greet it with. */
int cm_submit_server(const struct cm_config *config, struct cm_arena *arena,
		     struct cm_transfer_server *ret_server,
		     struct cm_error *err)
{
	struct cm_transfer_server server = {
		.url = config->mail_submit,
		.hello = config->mail_domain,
		.tls = tls_of(config),
		.ca = config->mail_submit_ca,
		.user = config->mail_submit_user,
	};
	int rc = CM_OK;

	if (config->mail_submit_password_file != NULL)
		rc = read_password(config->mail_submit_password_file, arena,
				   &server.password, err);
	if (rc == CM_OK)
		*ret_server = server;
	return rc;
}

void cm_submit_forget(struct cm_transfer_server *server)
{
	if (server->password != NULL)
		cm_wipe((char *)(uintptr_t)server->password,
			strlen(server->password));
	server->password = NULL;
}
