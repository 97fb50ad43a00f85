/*
 * disclose - who was given people's data (GDPR 19): one event a person, so
 * that an erasure or a correction can say who must be told.
 *
 * The ledger keeps the recipient's name, never an address; the reason stands
 * in private, with the other evidence.
 */
#ifndef CM_TOOLS_DISCLOSE_H
#define CM_TOOLS_DISCLOSE_H

#include "policy/event.h"
#include "tools/ctl.h"

struct cm_json_writer;

struct cm_disclosure {
	const char *kind;   /* "access", "evidence", "check": the command */
	const char *to;     /* NULL: to nobody; nothing is recorded */
	const char *reason; /* NULL if there is none */
	char batch[CM_BATCH_MAX + 1]; /* of a list; else "" */
};

/* --to and --reason; kind and to (unless named) stand already. */
CM_MUST_CHECK int cm_disclosure_read(const struct cm_args *args,
				     struct cm_disclosure *disclosure,
				     struct cm_error *err);
/* Name the list after its time and content. */
CM_MUST_CHECK int cm_disclosure_of_list(struct cm_disclosure *disclosure,
					int64_t now, struct cm_span content,
					struct cm_error *err);

struct cm_subject {
	struct cm_id contact;
	struct cm_id family;
};
/* One event for each, in one transaction. */
CM_MUST_CHECK int cm_disclosure_record(struct cm_ctl *ctl,
				       const struct cm_disclosure *disclosure,
				       const struct cm_subject *people,
				       size_t count, struct cm_error *err);

/* Who got what of some people, for who must tell them now. */
struct cm_recipients {
	struct cm_recipient {
		struct cm_event event; /* the newest of its kind */
		uint64_t people;
	} * v; /* the arena's */
	size_t n, room;
};
/* Add those of one person; not who got it as that person. */
CM_MUST_CHECK int cm_recipients_add(struct cm_ctl *ctl,
				    const struct cm_id *contact,
				    struct cm_recipients *recipients,
				    struct cm_error *err);
void cm_recipients_print(const struct cm_recipients *recipients, FILE *out);
/* The member "recipients". */
void cm_recipients_json(const struct cm_recipients *recipients,
			struct cm_json_writer *w);

#endif
