/* See timestamp.h. */
#include "lib/timestamp.h"

#include <openssl/err.h>
#include <openssl/ts.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/crypto.h"

enum { NONCE_LEN = 8, REQUEST_MAX = 4096 };

static int bad(struct cm_error *err, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());
	int rc = cm_fail(err, CM_EDATA, "%s%s%s", what, why != NULL ? ": " : "",
			 why != NULL ? why : "");

	ERR_clear_error();
	return rc;
}

/* ---- asking ------------------------------------------------------------- */

static TS_MSG_IMPRINT *imprint_of(struct cm_span data)
{
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	uint8_t hash[CM_SHA256_LEN];
	bool good = imprint != NULL && algorithm != NULL &&
		    cm_sha256(data.p, data.n, hash) == CM_OK &&
		    X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256),
				    V_ASN1_NULL, NULL) == 1 &&
		    TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
		    TS_MSG_IMPRINT_set_msg(imprint, hash, sizeof(hash)) == 1;

	X509_ALGOR_free(algorithm);
	if (good)
		return imprint;
	TS_MSG_IMPRINT_free(imprint);
	return NULL;
}

/* Version 1, the imprint, and that certificates are to come along. */
static TS_REQ *request_for(struct cm_span data)
{
	TS_REQ *request = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = imprint_of(data);
	bool good = request != NULL && imprint != NULL &&
		    TS_REQ_set_version(request, 1) == 1 &&
		    TS_REQ_set_msg_imprint(request, imprint) == 1 &&
		    TS_REQ_set_cert_req(request, 1) == 1;

	TS_MSG_IMPRINT_free(imprint);
	if (good)
		return request;
	TS_REQ_free(request);
	return NULL;
}

static bool set_nonce(TS_REQ *request)
{
	uint8_t octets[NONCE_LEN];
	BIGNUM *number = NULL;
	ASN1_INTEGER *nonce = NULL;
	bool good = cm_random(octets, sizeof(octets), NULL) == CM_OK;

	octets[0] |= 0x40; /* never zero, never negative, always as long */
	octets[0] &= 0x7F;
	if (good)
		number = BN_bin2bn(octets, sizeof(octets), NULL);
	if (number != NULL)
		nonce = BN_to_ASN1_INTEGER(number, NULL);
	good = nonce != NULL && TS_REQ_set_nonce(request, nonce) == 1;
	ASN1_INTEGER_free(nonce);
	BN_free(number);
	return good;
}

int cm_timestamp_ask(struct cm_span data, struct cm_buf *out,
		     struct cm_error *err)
{
	TS_REQ *request = request_for(data);
	unsigned char *der = NULL;
	int n = request != NULL && set_nonce(request)
			? i2d_TS_REQ(request, &der)
			: -1;
	int rc = n > 0 ? cm_buf_add(out, der, (size_t)n) : CM_ECRYPTO;

	OPENSSL_free(der);
	TS_REQ_free(request);
	ERR_clear_error();
	if (rc != CM_OK)
		return cm_fail(err, rc, "no request for a time stamp");
	return CM_OK;
}

/* ---- checking ----------------------------------------------------------- */

/* All of the octets, or nothing. */
static TS_RESP *read_answer(struct cm_span answer)
{
	const unsigned char *p = (const void *)answer.p;
	TS_RESP *response = answer.n > CM_TIMESTAMP_MAX
				    ? NULL
				    : d2i_TS_RESP(NULL, &p, (long)answer.n);

	if (response != NULL && (const char *)p == answer.p + answer.n)
		return response;
	TS_RESP_free(response);
	return NULL;
}

static TS_REQ *read_request(struct cm_span data, struct cm_span request)
{
	const unsigned char *p = (const void *)request.p;

	if (request.n == 0)
		return request_for(data);
	return request.n > REQUEST_MAX ? NULL
				       : d2i_TS_REQ(NULL, &p, (long)request.n);
}

static int read_time(TS_RESP *response, struct tm *ret_tm, int64_t *ret_ms)
{
	const TS_TST_INFO *info = TS_RESP_get_tst_info(response);
	char text[CM_CLOCK_TEXT];
	struct tm tm;

	if (info == NULL ||
	    ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm) != 1)
		return CM_EDATA;
	if (snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
		     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		     tm.tm_min, tm.tm_sec) >= (int)sizeof(text))
		return CM_EDATA;
	*ret_tm = tm;
	return cm_clock_parse(cm_span(text), ret_ms);
}

/* Trust in ca alone, as of the moment of the stamp. */
static X509_STORE *trust(const char *ca, int64_t at_ms)
{
	X509_STORE *store = X509_STORE_new();

	if (store != NULL && X509_STORE_load_file(store, ca) == 1) {
		X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store),
					   (time_t)(at_ms / CM_SECOND_MS));
		return store;
	}
	X509_STORE_free(store);
	return NULL;
}

static int verify(TS_REQ *request, TS_RESP *response, const char *ca,
		  int64_t at_ms, struct cm_error *err)
{
	TS_VERIFY_CTX *ctx = TS_REQ_to_TS_VERIFY_CTX(request, NULL);
	X509_STORE *store = trust(ca, at_ms);
	int rc = CM_OK;

	if (store == NULL) {
		ERR_clear_error();
		rc = cm_fail(err, CM_EUSAGE,
			     "%s holds no certificate of a time stamp "
			     "authority that can be read (PEM)",
			     ca);
	} else if (ctx == NULL) {
		X509_STORE_free(store);
		rc = bad(err, "cannot be checked");
	} else {
		(void)TS_VERIFY_CTX_set_store(ctx, store); /* its own now */
		(void)TS_VERIFY_CTX_add_flags(ctx, TS_VFY_SIGNATURE);
		if (TS_RESP_verify_response(ctx, response) != 1)
			rc = bad(err, "not a time stamp of this by an "
				      "authority that is trusted");
	}
	TS_VERIFY_CTX_free(ctx);
	return rc;
}

int cm_timestamp_check(struct cm_span data, struct cm_span request,
		       struct cm_span answer, const char *ca, int64_t *ret_ms,
		       struct cm_error *err)
{
	TS_RESP *response = read_answer(answer);
	TS_REQ *asked = read_request(data, request);
	struct tm tm;
	int64_t ms = 0;
	int rc;

	if (response == NULL || asked == NULL)
		rc = bad(err, "not an answer of a time stamp authority");
	else if (read_time(response, &tm, &ms) != CM_OK)
		rc = bad(err, "the authority gave no stamp");
	else
		rc = verify(asked, response, ca, ms, err);
	TS_REQ_free(asked);
	TS_RESP_free(response);
	ERR_clear_error();
	if (rc == CM_OK)
		*ret_ms = ms;
	return rc;
}
