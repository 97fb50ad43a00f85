/*
 * renewal - what the parts of `consentctl renewal` share.
 */
#ifndef CM_TOOLS_RENEWAL_H
#define CM_TOOLS_RENEWAL_H

#include "policy/config.h"
#include "tools/ctl.h"
#include "tools/ctl_commands.h"

cm_command_fn cm_renewal_plan;   /* who may be asked */
cm_command_fn cm_renewal_status; /* what came of it */
cm_command_fn cm_renewal_record; /* asks into the ledger */

/* The stream of --stream, which must be of type renewal; CM_EUSAGE. */
CM_MUST_CHECK int cm_renewal_stream(struct cm_ctl *ctl,
				    const struct cm_args *args,
				    const struct cm_stream **ret_stream,
				    struct cm_error *err);

#endif
