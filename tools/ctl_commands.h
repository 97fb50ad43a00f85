/*
 * ctl_commands - the functions behind the rows of the command table.
 *
 * tools/ctl_main.c says what each does and takes; struct cm_command in
 * tools/ctl.h says what they return.
 */
#ifndef CM_TOOLS_CTL_COMMANDS_H
#define CM_TOOLS_CTL_COMMANDS_H

#include "tools/ctl.h"

typedef int cm_command_fn(struct cm_ctl *ctl, const struct cm_args *args,
			  struct cm_error *err);

cm_command_fn cm_cmd_help;

#endif
