/*
 * timestamp - "this was there at that moment", on the word of a time stamp
 * authority (RFC 3161).
 *
 * The only file that includes <openssl/ts.h>, and besides lib/crypto.c the
 * only one of OpenSSL.  Requests and answers are DER;
 * the imprint is SHA-256.  Nothing is sent: see lib/transfer.h.
 */
#ifndef CM_LIB_TIMESTAMP_H
#define CM_LIB_TIMESTAMP_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

enum { CM_TIMESTAMP_MAX = 1 << 20 }; /* octets of an answer; 5 KB is usual */

/* A request for a stamp of data, with a nonce and asking for certificates. */
CM_MUST_CHECK int cm_timestamp_ask(struct cm_span data, struct cm_buf *out,
				   struct cm_error *err);
/*
 * Is the answer a stamp of data by an authority whose certificates are in the
 * PEM file ca?  With a request (else the empty span), also the answer to just
 * this one.  A certificate has to have been good when the stamp was made, so
 * that old stamps stay good.  CM_EDATA says why not; CM_EUSAGE is about ca.
 */
CM_MUST_CHECK int cm_timestamp_check(struct cm_span data,
				     struct cm_span request,
				     struct cm_span answer, const char *ca,
				     int64_t *ret_ms, struct cm_error *err);

#endif
