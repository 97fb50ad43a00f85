/* See transfer.h. */
#include "lib/transfer.h"

#include <curl/curl.h>

#include <stdio.h>
#include <string.h>

enum { HTTP_OK = 200, HEADER_MAX = 200 };

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

int cm_transfer_mail(const char *url, const char *from, const char *to,
		     struct cm_span message, struct cm_error *err)
{
	char why[CURL_ERROR_SIZE];
	struct upload upload = {.rest = message};
	CURL *curl = start(url, "smtp", why);
	struct curl_slist *rcpt = NULL;
	int rc;

	if (curl == NULL)
		return cm_fail(err, CM_ENOMEM, "libcurl does not start");
	rcpt = curl_slist_append(NULL, to);
	(void)curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
	(void)curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, rcpt);
	(void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	(void)curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
	rc = perform(curl, url, why, err);
	curl_slist_free_all(rcpt);
	stop(curl);
	return rc;
}
