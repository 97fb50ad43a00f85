/*
 * usable - is a config good to serve mail by?
 *
 * A config is only as good as the texts and sockets it names.  The daemon asks
 * at start and reload, so do `consent-milter -t` and `consentctl doctor`.
 */
#ifndef CM_MILTER_USABLE_H
#define CM_MILTER_USABLE_H

#include "policy/config.h"

CM_MUST_CHECK int cm_usable(const struct cm_config *config,
			    struct cm_error *err);

#endif
