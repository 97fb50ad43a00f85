/*
 * certificate - consent-web's own, for who has no web server in front.
 */
#ifndef CM_WEB_CERTIFICATE_H
#define CM_WEB_CERTIFICATE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "policy/config.h"

struct cm_certificate {
	struct cm_buf chain; /* PEM, with a closing NUL */
	struct cm_buf key;   /* ditto; wiped when freed */
	int64_t until;       /* seconds since 1970 */
};

/*
 * By web.certificate and web.certificate-key; *ret_certificate stays NULL if
 * there is none.  CM_ECONFIG if the two do not fit each other or base-url's
 * host, or if others may read the key.
 */
CM_MUST_CHECK int cm_certificate_load(const struct cm_config *config,
				      struct cm_certificate **ret_certificate,
				      struct cm_error *err);
bool cm_certificate_is_same(const struct cm_certificate *a,
			    const struct cm_certificate *b);
void cm_certificate_free(struct cm_certificate **certificate);

#endif
