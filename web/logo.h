/*
 * logo - the picture at the top of our pages, which we serve ourselves.
 *
 * Read once, at start and reload.  What it is, its first octets say, and no
 * browser is asked to guess.
 */
#ifndef CM_WEB_LOGO_H
#define CM_WEB_LOGO_H

#include "lib/buf.h"

enum { CM_LOGO_MAX = 256 * 1024 }; /* octets; one for 4 rem has ten KiB */

struct cm_logo {
	struct cm_buf picture;
	const char *type; /* "image/png" */
};

/* path may be NULL: no logo, *ret_logo NULL. */
CM_MUST_CHECK int cm_logo_load(const char *path, struct cm_logo **ret_logo,
			       struct cm_error *err);
void cm_logo_free(struct cm_logo **logo);

#endif
