/*
 * record - all that is kept about one person, of every store, for that person
 * and for who must prove it: what happened, the texts shown, what proves it,
 * where they stand, their address, what consent-milter remembers.
 */
#ifndef CM_POLICY_RECORD_H
#define CM_POLICY_RECORD_H

#include "policy/person.h"
#include "policy/sent.h"

struct cm_record_source {
	const struct cm_config *config;
	struct cm_store *store;
	struct cm_sent *sent;   /* NULL: the milter never remembered anything */
	struct cm_arena *arena; /* what is read lives there */
	int64_t now;
};

struct cm_record_event {
	uint64_t seq;
	struct cm_span json;
	struct cm_event event;
	struct cm_span salted; /* salt and evidence; n = 0 if there is none */
	bool evidence_erased;  /* there was some */
	struct cm_span notice; /* the text shown; n = 0 if there is none */
};

struct cm_record {
	const struct cm_config *config;
	int64_t now;
	const char *email; /* that was asked about; NULL: only the id was */
	struct cm_id contact;
	struct cm_id family;
	struct cm_view own;
	struct cm_view of_family;
	struct cm_standing *standings; /* a row a purpose of the config */
	struct cm_record_event *events;
	size_t count;
	struct cm_span as_given; /* n = 0: no address is kept */
	struct cm_span canonical;
	/* What consent-milter remembers of them. */
	struct cm_asked *asked;
	size_t nasked;
	struct cm_sent_mail *mailed;
	size_t nmailed;
};

/* Everything; CM_ENOTFOUND if nothing ever happened. */
CM_MUST_CHECK int cm_record_read(const struct cm_record_source *source,
				 const struct cm_id *contact,
				 const struct cm_id *family,
				 struct cm_record *ret_record,
				 struct cm_error *err);

/* ---- parts of it -------------------------------------------------------- */

/* An event by its place in the ledger, with its strings. */
CM_MUST_CHECK int cm_record_event(const struct cm_record_source *source,
				  uint64_t seq, struct cm_event *ret_event,
				  struct cm_span *ret_json,
				  struct cm_error *err);
/* Every purpose of the config, in its order. */
CM_MUST_CHECK int cm_record_standings(const struct cm_record_source *source,
				      const struct cm_id *contact,
				      const struct cm_view *own,
				      const struct cm_view *of_family,
				      struct cm_standing **ret_standings,
				      struct cm_error *err);
/* Every event of the contact, in the ledger's order; none is no error. */
CM_MUST_CHECK int cm_record_events(const struct cm_record_source *source,
				   const struct cm_id *contact,
				   struct cm_record_event **ret_events,
				   size_t *ret_count, struct cm_error *err);

/* ---- what may be said of it --------------------------------------------- */

/* The evidence without its salt. */
struct cm_span cm_record_evidence(const struct cm_record_event *item);
/* May the person see it?  Not if it names another address. */
bool cm_record_shows_evidence(const struct cm_record_event *item);
/* The path of such a row's purpose; NULL if the config no longer has it. */
const char *cm_record_purpose(const struct cm_record *record,
			      const uint8_t id[CM_PURPOSE_ID_LEN]);

/*
 * All of it as a program reads it (GDPR 20).  It is for the person, so it
 * says nothing about others: no administrator's login, no other address of
 * the mailbox, no id but their own.  The buffer's state says the rest.
 */
void cm_record_json(const struct cm_record *record, struct cm_buf *out);

#endif
