/*
 * ctl_person - one person as consentctl speaks of them: ids, views, and what
 * they add up to for every purpose of the config.
 */
#ifndef CM_TOOLS_CTL_PERSON_H
#define CM_TOOLS_CTL_PERSON_H

#include "policy/person.h"
#include "tools/ctl.h"
#include "tools/ctl_output.h"

/* Address to ids; needs ctl->keys.  CM_EDATA names what is wrong. */
CM_MUST_CHECK int cm_person_identify(struct cm_ctl *ctl, struct cm_span text,
				     struct cm_person *ret_person,
				     struct cm_error *err);
/* Fill in the views, as they are now. */
CM_MUST_CHECK int cm_person_read(struct cm_ctl *ctl, struct cm_person *person,
				 struct cm_error *err);
/* Both, from a word of the command line. */
CM_MUST_CHECK int cm_person_find(struct cm_ctl *ctl, const char *text,
				 struct cm_person *ret_person,
				 struct cm_error *err);

/* As cm_person_has_mark(). */
const struct cm_fact *cm_person_mark(const struct cm_ctl *ctl,
				     const struct cm_view *view,
				     enum cm_fact_kind kind);

/* Every purpose of the config, in its order; the array is the arena's. */
CM_MUST_CHECK int cm_person_standings(struct cm_ctl *ctl,
				      const struct cm_person *person,
				      struct cm_standing **ret_standings,
				      struct cm_error *err);
void cm_person_print_standings(struct cm_ctl *ctl,
			       const struct cm_standing *standings);
void cm_person_print_marks(struct cm_ctl *ctl, const struct cm_person *person);

/* The event with its strings, from the ledger. */
CM_MUST_CHECK int cm_ctl_event(struct cm_ctl *ctl, uint64_t seq,
			       struct cm_event *ret_event,
			       struct cm_span *ret_json, struct cm_error *err);

enum {
	CM_REMARK_MAX = 4096, /* octets of --note: a reason, not an archive */
	CM_REMARKS_ROOM = 16 * CM_REMARK_MAX, /* escaped, and several */
};

/*
 * The evidence of an act: {"name":"text",...} of names and texts by turns, in
 * the order of the names, NULL behind the last.  A text that is NULL is left
 * out, and without any there is nothing.  CM_EUSAGE: not UTF-8, or too long.
 */
CM_MUST_CHECK int cm_ctl_remarks(const char *const *pairs, struct cm_buf *out,
				 struct cm_error *err);
/* Of one. */
CM_MUST_CHECK int cm_ctl_remark(const char *name, const char *text,
				struct cm_buf *out, struct cm_error *err);
/*
 * The exact text that people were shown, from a file: its hash, and the text
 * kept in the store if that is wanted.  CM_EDATA unless it is UTF-8.
 */
CM_MUST_CHECK int cm_ctl_notice(struct cm_ctl *ctl, const char *path, bool keep,
				struct cm_hash *ret_hash, struct cm_error *err);

/* An option's time, "2026-01-31T12:00:00Z" or a day's beginning; without the
 * option *ret_at stays.  CM_EUSAGE. */
CM_MUST_CHECK int cm_ctl_time(const struct cm_args *args, const char *option,
			      int64_t *ret_at, struct cm_error *err);

/* Who is at the keyboard: SUDO_USER, LOGNAME or the uid. */
const char *cm_ctl_who(struct cm_ctl *ctl);

#endif
