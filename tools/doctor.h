/*
 * doctor - everything that can be wrong on this machine, a row a check.
 *
 * tools/doctor_table.c has the rows; doctor_*.c the functions behind them, by
 * subject.  A check says what it found with cm_doctor_find() (the row says how
 * bad that is) and what it cannot know with cm_doctor_unknown(); one that says
 * neither is good.  Checks only look: they change nothing, take no lock that
 * anybody waits for, and ask no other machine unless told to.
 */
#ifndef CM_TOOLS_DOCTOR_H
#define CM_TOOLS_DOCTOR_H

#include "lib/proc.h"
#include "tools/ctl.h"

struct cm_doctor_ledger;
struct cm_postfix;
struct cm_sendmail;

enum cm_finding {
	CM_FINDING_GOOD,
	CM_FINDING_UNKNOWN, /* not checked, and why */
	CM_FINDING_WARNING, /* works, but somebody should look */
	CM_FINDING_WRONG,   /* does not do what it is for */
	CM_FINDINGS
};
const char *cm_finding_name(enum cm_finding finding); /* "wrong" */

/* What a check cannot do without; if it cannot be had, the check says why.
 * Those of a mail server that is not on this machine are left out. */
enum cm_doctor_need {
	CM_NEED_NOTHING,
	CM_NEED_STORE,
	CM_NEED_POSTFIX,
	CM_NEED_SENDMAIL,
};

struct cm_doctor;

struct cm_doctor_check {
	const char *id;
	enum cm_finding severity; /* of what it finds */
	enum cm_doctor_need need;
	const char *what; /* what is good; for the manual and --list */
	void (*run)(struct cm_doctor *doctor);
};
extern const struct cm_doctor_check cm_doctor_checks[];
extern const size_t cm_ndoctor_checks;

struct cm_said {
	enum cm_finding finding;
	const char *text;
	struct cm_said *next;
};

struct cm_doctor {
	struct cm_ctl *ctl;
	bool dns;             /* names may be looked up */
	bool quick;           /* do not read the whole ledger */
	const char *postfix;  /* its config_directory; NULL = its own */
	const char *sendmail; /* its .cf; NULL = the usual one */

	/* What several checks go by, or why there is none. */
	struct cm_error store_missing;
	struct cm_doctor_ledger *ledger; /* NULL = not read yet */
	struct cm_postfix *mta;
	struct cm_error mta_missing;
	struct cm_sendmail *other_mta;
	struct cm_error other_mta_missing;

	/* Of the check that runs. */
	const struct cm_doctor_check *check;
	struct cm_said *first;
	struct cm_said **last;
};

void cm_doctor_find(struct cm_doctor *doctor, const char *fmt, ...)
	CM_PRINTF(2, 3);
void cm_doctor_unknown(struct cm_doctor *doctor, const char *fmt, ...)
	CM_PRINTF(2, 3);
/* Remarks beside "good": what was looked at. */
void cm_doctor_note(struct cm_doctor *doctor, const char *fmt, ...)
	CM_PRINTF(2, 3);
/* In the command's arena, "" without memory: for texts that are shown. */
const char *cm_doctor_text(struct cm_doctor *doctor, const char *fmt, ...)
	CM_PRINTF(2, 3);

/* ---- doctor_files.c: who may do what with a file ------------------------ */

/* May the user do that (R_OK, W_OK, X_OK) with path, by owner, group and mode
 * of it and of all folders above?  *ret_where: what stands in the way. */
bool cm_doctor_may(struct cm_doctor *doctor, const struct cm_proc_user *user,
		   const char *path, int mode, const char **ret_where);
/* A user with all groups that a daemon of ours would have. */
bool cm_doctor_user(struct cm_doctor *doctor, const char *name,
		    const char *const *groups, size_t ngroups,
		    struct cm_proc_user *ret_user);

/* ---- the checks, by the file they are in -------------------------------- */

typedef void cm_doctor_fn(struct cm_doctor *doctor);

/* doctor_config.c */
cm_doctor_fn cm_doctor_config, cm_doctor_modes, cm_doctor_languages,
	cm_doctor_country, cm_doctor_footers, cm_doctor_optin,
	cm_doctor_web_url;
/* doctor_files.c */
cm_doctor_fn cm_doctor_accounts, cm_doctor_key_modes, cm_doctor_keys_apart,
	cm_doctor_store_modes, cm_doctor_milter_reach, cm_doctor_submission;
/* doctor_store.c */
cm_doctor_fn cm_doctor_store, cm_doctor_sample, cm_doctor_checkpoint,
	cm_doctor_checkpoint_age, cm_doctor_erasures, cm_doctor_stop,
	cm_doctor_readers, cm_doctor_map, cm_doctor_disk, cm_doctor_clock,
	cm_doctor_attested, cm_doctor_sources;
/* doctor_daemon.c */
cm_doctor_fn cm_doctor_listeners, cm_doctor_ours, cm_doctor_reload,
	cm_doctor_process, cm_doctor_sockets, cm_doctor_web, cm_doctor_timers;
/* doctor_postfix.c */
cm_doctor_fn cm_doctor_mta, cm_doctor_postfix_asked, cm_doctor_postfix_ports,
	cm_doctor_postfix_sendmail, cm_doctor_postfix_chroot,
	cm_doctor_postfix_socket, cm_doctor_postfix_action,
	cm_doctor_postfix_protocol, cm_doctor_postfix_order,
	cm_doctor_postfix_timeouts, cm_doctor_postfix_disabled,
	cm_doctor_postfix_original, cm_doctor_postfix_bcc,
	cm_doctor_postfix_aliases, cm_doctor_postfix_errors,
	cm_doctor_postfix_utf8, cm_doctor_postfix_ids, cm_doctor_postfix_names;
/* doctor_sendmail.c */
cm_doctor_fn cm_doctor_sendmail_asked, cm_doctor_sendmail_flags,
	cm_doctor_sendmail_order, cm_doctor_sendmail_timeouts;

#endif
