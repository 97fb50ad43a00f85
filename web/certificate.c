/* See certificate.h. */
#include "web/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/crypto.h"

enum {
	CM_CERTIFICATE_MAX = 256 * 1024, /* a chain has some 10 KB */
	CM_HOST_MAX = 253,               /* RFC 1035, 2.3.4 */
};

static int check_mode(FILE *file, bool secret, struct cm_error *err)
{
	struct stat st;

	if (fstat(fileno(file), &st) != 0)
		return cm_fail_errno(err, errno, "cannot be examined");
	if (!S_ISREG(st.st_mode))
		return cm_fail(err, CM_ECONFIG, "is not a regular file");
	if (secret && (st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		return cm_fail(err, CM_ECONFIG,
			       "has mode %04o, which lets others in: "
			       "chmod 0640 it",
			       (unsigned)st.st_mode & 07777U);
	return CM_OK;
}

/* Reserved at once, so that no copy of a key is left in freed memory. */
static int read_file(FILE *file, struct cm_buf *buf, struct cm_error *err)
{
	int rc = cm_buf_reserve(buf, CM_CERTIFICATE_MAX + 1);

	if (rc != CM_OK)
		return cm_fail(err, rc, "no memory for it");
	setbuf(file, NULL);
	buf->len = fread(buf->data, 1, CM_CERTIFICATE_MAX + 1, file);
	if (ferror(file))
		return cm_fail_errno(err, errno, "cannot be read");
	if (buf->len > CM_CERTIFICATE_MAX)
		return cm_fail(err, CM_ECONFIG, "is over %d octets",
			       (int)CM_CERTIFICATE_MAX);
	buf->data[buf->len] = '\0';
	return CM_OK;
}

static int load(const char *path, bool secret, struct cm_buf *buf,
		struct cm_error *err)
{
	FILE *file = fopen(path, "re");
	int rc;

	if (file == NULL)
		return cm_fail_errno(err, errno, "cannot read %s", path);
	rc = check_mode(file, secret, err);
	if (rc == CM_OK)
		rc = read_file(file, buf, err);
	(void)fclose(file);
	return rc == CM_OK ? CM_OK : cm_error_prefix(err, "%s ", path);
}

/* "https://HOST[:PORT][/PATH]" has been checked with the config. */
static void host_of(const char *base_url, char host[CM_HOST_MAX + 1])
{
	const char *from = strstr(base_url, "://");
	size_t n;

	from = from != NULL ? from + 3 : base_url;
	n = strcspn(from, ":/");
	if (n > CM_HOST_MAX)
		n = CM_HOST_MAX;
	memcpy(host, from, n);
	host[n] = '\0';
}

static int check(const struct cm_config *config,
		 struct cm_certificate *certificate, struct cm_error *err)
{
	char host[CM_HOST_MAX + 1];
	int rc;

	host_of(config->web_base_url, host);
	rc = cm_certificate_check(
		cm_span_n(certificate->chain.data, certificate->chain.len),
		cm_span_n(certificate->key.data, certificate->key.len), host,
		&certificate->until, err);
	if (rc == CM_OK)
		return CM_OK;
	return cm_error_prefix(err, "%s, %s: ", config->web_certificate,
			       config->web_certificate_key);
}

int cm_certificate_load(const struct cm_config *config,
			struct cm_certificate **ret_certificate,
			struct cm_error *err)
{
	const char *chain = config->web_certificate;
	const char *key = config->web_certificate_key;
	struct cm_certificate *certificate;
	int rc;

	if (chain == NULL && key == NULL)
		return CM_OK;
	if (chain == NULL || key == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "%s: web.certificate and web.certificate-key "
			       "go together: add %s",
			       config->file,
			       chain == NULL ? "certificate"
					     : "certificate-key");
	certificate = calloc(1, sizeof(*certificate));
	if (certificate == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for %s", chain);
	cm_buf_init(&certificate->chain, CM_CERTIFICATE_MAX + 1);
	cm_buf_init(&certificate->key, CM_CERTIFICATE_MAX + 1);
	rc = load(chain, false, &certificate->chain, err);
	if (rc == CM_OK)
		rc = load(key, true, &certificate->key, err);
	if (rc == CM_OK)
		rc = check(config, certificate, err);
	if (rc != CM_OK) {
		cm_certificate_free(&certificate);
		return rc;
	}
	*ret_certificate = certificate;
	return CM_OK;
}

static bool same(const struct cm_buf *a, const struct cm_buf *b)
{
	return a->len == b->len && cm_equal_ct(a->data, b->data, a->len);
}

bool cm_certificate_is_same(const struct cm_certificate *a,
			    const struct cm_certificate *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return same(&a->chain, &b->chain) && same(&a->key, &b->key);
}

void cm_certificate_free(struct cm_certificate **certificate)
{
	struct cm_certificate *gone = *certificate;

	if (gone == NULL)
		return;
	if (gone->key.data != NULL)
		cm_wipe(gone->key.data, gone->key.cap);
	cm_buf_free(&gone->key);
	cm_buf_free(&gone->chain);
	free(gone);
	*certificate = NULL;
}
