/* See transfer.h. */
#include "lib/transfer.h"

#include <curl/curl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HTTP_OK = 200,
	HEADER_MAX = 200,
	URL_MAX = 1024,
	CODE_LEN = 4,  /* "550 " */
	CODES_LEN = 9, /* "550 5.1.1" */
};

struct upload {
	struct cm_span rest;
};

static size_t take(char *data, size_t size, size_t count, void *ctx)
{
	struct cm_buf *out = ctx;

	return cm_buf_add(out, data, size * count) == CM_OK ? size * count : 0;
}

static size_t give(char *to, size_t size, size_t count, void *ctx)
{
	struct upload *upload = ctx;
	size_t n =
		size * count < upload->rest.n ? size * count : upload->rest.n;

	memcpy(to, upload->rest.p, n);
	upload->rest.p += n;
	upload->rest.n -= n;
	return n;
}

/* NULL if the library cannot be started. */
static CURL *start(const char *url, const char *protocols, char *why)
{
	CURL *curl = NULL;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	curl = curl_easy_init();
	if (curl == NULL) {
		curl_global_cleanup();
		return NULL;
	}
	why[0] = '\0';
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT,
			       (long)CM_TRANSFER_SECONDS);
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	return curl;
}

static void stop(CURL *curl)
{
	curl_easy_cleanup(curl);
	curl_global_cleanup();
}

static int perform(CURL *curl, const char *url, const char *why,
		   struct cm_error *err)
{
	CURLcode code = curl_easy_perform(curl);

	if (code == CURLE_OK)
		return CM_OK;
	return cm_fail(err, CM_EAGAIN, "%.300s: %s", url,
		       why[0] != '\0' ? why : curl_easy_strerror(code));
}

int cm_transfer_post(const char *url, const char *type, struct cm_span body,
		     struct cm_buf *out, struct cm_error *err)
{
	char why[CURL_ERROR_SIZE], header[HEADER_MAX];
	CURL *curl = start(url, "http,https", why);
	struct curl_slist *headers = NULL;
	long status = 0;
	int rc;

	if (curl == NULL)
		return cm_fail(err, CM_ENOMEM, "libcurl does not start");
	(void)snprintf(header, sizeof(header), "Content-Type: %s", type);
	headers = curl_slist_append(NULL, header);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
			       (curl_off_t)body.n);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
	rc = perform(curl, url, why, err);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	stop(curl);
	if (rc == CM_OK && status != HTTP_OK)
		rc = cm_fail(err, CM_EAGAIN, "%.300s: status %ld", url, status);
	return rc;
}

/* ---- mail --------------------------------------------------------------- */

struct cm_mailer {
	CURL *curl;
	char url[URL_MAX];
	char why[CURL_ERROR_SIZE];
	struct upload upload;
	bool bad_address; /* a reply said so */
	bool (*wanted)(void *ctx);
	void *ctx;
};

/* RFC 3463, 3.2: 5.1.0 may be of anybody, 5.1.7 and 5.1.8 are of the sender. */
static bool is_of_recipient(struct cm_span line)
{
	return line.n > CODES_LEN && line.p[0] == '5' &&
	       cm_span_starts(cm_span_slice(line, CODE_LEN, line.n), "5.1.") &&
	       (strchr("078", line.p[CODES_LEN - 1]) == NULL ||
		cm_ascii_digit(line.p[CODES_LEN]));
}

/* A line of the server: only its codes are looked at, it may quote people.
 * The last one answers our QUIT. */
static size_t hear(char *data, size_t size, size_t count, void *ctx)
{
	struct cm_mailer *mailer = ctx;
	struct cm_span line = cm_span_n(data, size * count);

	mailer->bad_address = mailer->bad_address || is_of_recipient(line);
	return line.n;
}

static int is_interrupted(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c,
			  curl_off_t d)
{
	const struct cm_mailer *mailer = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return mailer->wanted != NULL && mailer->wanted(mailer->ctx);
}

static void set_server(struct cm_mailer *mailer,
		       const struct cm_transfer_server *server)
{
	static const long tls[] = {
		[CM_TRANSFER_TLS_NONE] = CURLUSESSL_NONE,
		[CM_TRANSFER_TLS_WHEN_OFFERED] = CURLUSESSL_TRY,
		[CM_TRANSFER_TLS_REQUIRED] = CURLUSESSL_ALL,
	};
	/* Who may be anybody need not prove who it is (RFC 7435). */
	bool check = server->tls != CM_TRANSFER_TLS_WHEN_OFFERED;
	CURL *curl = mailer->curl;

	(void)curl_easy_setopt(curl, CURLOPT_USE_SSL, tls[server->tls]);
	(void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, check ? 1L : 0L);
	(void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, check ? 2L : 0L);
	if (server->ca != NULL) {
		(void)curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca);
		(void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (server->user != NULL) {
		(void)curl_easy_setopt(curl, CURLOPT_USERNAME, server->user);
		(void)curl_easy_setopt(curl, CURLOPT_PASSWORD,
				       server->password);
	}
}

int cm_mailer_open(const struct cm_transfer_server *server,
		   struct cm_mailer **ret_mailer, struct cm_error *err)
{
	struct cm_mailer *mailer = calloc(1, sizeof(*mailer));
	bool named = server->hello != NULL;
	int n;

	if (mailer == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	n = snprintf(mailer->url, sizeof(mailer->url), "%s%s%s", server->url,
		     named ? "/" : "", named ? server->hello : "");
	if (n < 0 || (size_t)n >= sizeof(mailer->url)) {
		free(mailer);
		return cm_fail(err, CM_EUSAGE, "%.300s is too long a name",
			       server->url);
	}
	mailer->curl = start(mailer->url, "smtp,smtps", mailer->why);
	if (mailer->curl == NULL) {
		free(mailer);
		return cm_fail(err, CM_ENOMEM, "libcurl does not start");
	}
	set_server(mailer, server);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_READFUNCTION, give);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_READDATA, &mailer->upload);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_HEADERFUNCTION, hear);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_HEADERDATA, mailer);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_XFERINFOFUNCTION,
			       is_interrupted);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_XFERINFODATA, mailer);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_NOPROGRESS, 0L);
	*ret_mailer = mailer;
	return CM_OK;
}

void cm_mailer_close(struct cm_mailer **mailer)
{
	if (*mailer == NULL)
		return;
	stop((*mailer)->curl);
	free(*mailer);
	*mailer = NULL;
}

void cm_mailer_interrupt(struct cm_mailer *mailer, bool (*wanted)(void *ctx),
			 void *ctx)
{
	mailer->wanted = wanted;
	mailer->ctx = ctx;
}

int cm_mailer_send(struct cm_mailer *mailer, const char *from, const char *to,
		   struct cm_span message, struct cm_error *err)
{
	struct curl_slist *rcpt = curl_slist_append(NULL, to);
	int rc;

	if (rcpt == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	mailer->upload.rest = message;
	mailer->bad_address = false;
	mailer->why[0] = '\0';
	(void)curl_easy_setopt(mailer->curl, CURLOPT_MAIL_FROM, from);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_MAIL_RCPT, rcpt);
	rc = perform(mailer->curl, mailer->url, mailer->why, err);
	(void)curl_easy_setopt(mailer->curl, CURLOPT_MAIL_RCPT, NULL);
	curl_slist_free_all(rcpt);
	if (rc == CM_EAGAIN && mailer->bad_address)
		rc = cm_fail(err, CM_EREFUSED,
			     "%.300s says that there is no such address",
			     mailer->url);
	return rc;
}

int cm_transfer_mail(const struct cm_transfer_server *server, const char *from,
		     const char *to, struct cm_span message,
		     struct cm_error *err)
{
	struct cm_mailer *mailer = NULL;
	int rc = cm_mailer_open(server, &mailer, err);

	if (rc == CM_OK)
		rc = cm_mailer_send(mailer, from, to, message, err);
	cm_mailer_close(&mailer);
	return rc;
}
