/*
 * evidence - what consentctl evidence knows of one person, and the files it
 * makes of that (cmd_evidence.c collects and writes; the others print).
 */
#ifndef CM_TOOLS_EVIDENCE_H
#define CM_TOOLS_EVIDENCE_H

#include "policy/record.h"
#include "tools/bundle.h"
#include "tools/ctl_person.h"
#include "tools/heads.h"

/* What one purpose's state became by an event. */
struct cm_evidence_state {
	const struct cm_purpose *purpose;
	struct cm_decision decision;
};

struct cm_evidence_event {
	const struct cm_record_event *kept;
	const struct cm_signed_head *head; /* the first signed after it; NULL =
					    * none yet */
	struct cm_evidence_state *states;  /* that it changed */
	size_t nstates;
};

struct cm_evidence {
	struct cm_ctl *ctl;
	struct cm_person person;
	struct cm_standing *standings; /* today, a row a purpose */
	struct cm_heads heads;
	bool has_heads;
	const char *no_heads; /* why not */
	struct cm_evidence_event *events;
	size_t count;
	size_t stop_pending;   /* refusals that wait to be recorded */
	const char *who;       /* exports it */
	struct cm_buf missing; /* one sentence a line, for people */
};

/*
 * Everything but .ctl, and .missing, which must be ready; CM_ENOTFOUND if
 * nothing is on record for that address.
 */
CM_MUST_CHECK int cm_evidence_collect(struct cm_evidence *evidence,
				      const char *address,
				      struct cm_error *err);
/* "Consent confirmed (second step)" */
const char *cm_evidence_heading(const struct cm_event *event);
/* Is there a time stamp of this head? */
bool cm_evidence_stamped(struct cm_ctl *ctl, const struct cm_signed_head *head);

/* Each appends a whole file to out; the buffer's state says the rest. */
void cm_evidence_page(const struct cm_evidence *evidence, struct cm_buf *out);
void cm_evidence_readme(const struct cm_evidence *evidence, struct cm_buf *out);
void cm_evidence_json(const struct cm_evidence *evidence, struct cm_buf *out);
/* A script of the same checks, in sh and openssl. */
extern const char cm_evidence_script[];

#endif
