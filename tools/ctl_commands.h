/*
 * ctl_commands - the functions behind the rows of the command table.
 *
 * Their rows say what each does and takes; struct cm_command in
 * tools/ctl.h says what they return.
 */
#ifndef CM_TOOLS_CTL_COMMANDS_H
#define CM_TOOLS_CTL_COMMANDS_H

#include "tools/ctl.h"

typedef int cm_command_fn(struct cm_ctl *ctl, const struct cm_args *args,
			  struct cm_error *err);

cm_command_fn cm_cmd_help;
cm_command_fn cm_cmd_init;
cm_command_fn cm_cmd_import;
cm_command_fn cm_cmd_batches;
cm_command_fn cm_cmd_undo;
cm_command_fn cm_cmd_grant;
cm_command_fn cm_cmd_withdraw;
cm_command_fn cm_cmd_object;
cm_command_fn cm_cmd_restrict;
cm_command_fn cm_cmd_clear;
cm_command_fn cm_cmd_access;
cm_command_fn cm_cmd_ropa;
cm_command_fn cm_cmd_breach_scope;
cm_command_fn cm_cmd_receipt;
cm_command_fn cm_cmd_requests;
cm_command_fn cm_cmd_retention;
cm_command_fn cm_cmd_correct;
cm_command_fn cm_cmd_erase;
cm_command_fn cm_cmd_show;
cm_command_fn cm_cmd_history;
cm_command_fn cm_cmd_why;
cm_command_fn cm_cmd_check;
cm_command_fn cm_cmd_renewal; /* "renewal plan" ... */
cm_command_fn cm_cmd_doctor;
cm_command_fn cm_cmd_duplicates;
cm_command_fn cm_cmd_refused;
cm_command_fn cm_cmd_merge;
cm_command_fn cm_cmd_try;
cm_command_fn cm_cmd_status;
cm_command_fn cm_cmd_verify;
cm_command_fn cm_cmd_rebuild;
cm_command_fn cm_cmd_bursts;
cm_command_fn cm_cmd_backup;
cm_command_fn cm_cmd_restore;
cm_command_fn cm_cmd_api_key;
cm_command_fn cm_cmd_form;
cm_command_fn cm_cmd_keys;
cm_command_fn cm_cmd_keys_checkpoint; /* "keys checkpoint" */
cm_command_fn cm_cmd_checkpoint;
cm_command_fn cm_cmd_export_proof;
cm_command_fn cm_cmd_evidence;

/* The table, in two files: tools/ctl_table.c, tools/ctl_store_table.c. */
extern const struct cm_command cm_people_commands[];
extern const size_t cm_people_ncommands;
extern const struct cm_command cm_store_commands[];
extern const size_t cm_store_ncommands;

#endif
