/*
 * import - a list of people on its way into the store.
 *
 *   import_rows.c     cells to compact rows; bad rows are kept apart
 *                     (a list's row that says two things makes two)
 *   import_preview.c  what the rows would change, and which do not count
 *   import_event.c    rows to events with evidence
 *   cmd_import.c      the command: options, the steps in order, the report
 *
 * Everything is parsed, hashed, sorted and compared with the store before a
 * writer's lock is taken.  A row is 72 octets, so a million of them fit
 * beside the list's own text.
 */
#ifndef CM_TOOLS_IMPORT_H
#define CM_TOOLS_IMPORT_H

#include "policy/config.h"
#include "policy/reason.h"
#include "policy/store.h"
#include "tools/ctl_output.h"
#include "tools/dialect.h"
#include "tools/list.h"
#include "tools/when.h"
#include "tools/words.h"

enum {
	CM_IMPORT_WORDS_MAX = 1024, /* different sources, or languages */
	CM_IMPORT_SHOWN = 20,       /* bad rows, conflicts, doubles in text */
	CM_IMPORT_KEPT = 1000,      /* ditto, kept for --json */
	CM_IMPORT_TAIL = 96,        /* of the evidence: a SHA-256 in hex */
	CM_IMPORT_REF_MAX = 64,     /* octets of a sale's reference */
	CM_IMPORT_NO_PURPOSE = 0xFFFF, /* stands above all purposes */
	CM_IMPORT_ALL_ROOTS = 0xFFFE,  /* withdrawn without a purpose */
};

/* What becomes of a row. */
enum cm_import_fate {
	CM_IMPORT_WRITE,
	CM_IMPORT_NOTHING_NEW, /* the store says so already */
	CM_IMPORT_ERASED       /* the person had their data erased */
};

struct cm_import_row {
	struct cm_id contact;
	struct cm_id family;
	uint32_t number;       /* as in the list */
	uint32_t terms;        /* index + 1; 0 = those of the whole list */
	const char *given;     /* address cell, in the list or the arena */
	const char *canonical; /* ditto */
	int64_t at;            /* 0 = the list has no time for it */
	uint16_t given_n;
	uint16_t canonical_n;
	uint16_t at_sign;  /* offset in canonical */
	uint16_t purpose;  /* index in the config, or one of the above */
	uint16_t source;   /* index in sources; 0 = unknown */
	uint16_t language; /* index in languages; 0 = none */
	uint8_t status;    /* enum cm_status */
	uint8_t basis;     /* enum cm_basis */
	uint8_t fate;      /* enum cm_import_fate */
};

/* What a row says of a grant besides; texts are indices in names. */
struct cm_import_terms {
	struct cm_span sale_ref; /* in the list or the arena */
	int64_t sold;
	int64_t ended;
	uint16_t controller;
	uint16_t seller;
	uint16_t category;
	uint8_t optout; /* enum cm_yes_no */
};

/* Different words of one column; the first is "". */
struct cm_import_words {
	char (*v)[CM_PARTY_MAX + 1];
	size_t n;
	size_t last; /* found last: lists repeat themselves */
};

/* A row that asks for more than the person allows: it does not count. */
struct cm_import_conflict {
	const struct cm_import_row *row;
	enum cm_reason reason; /* what the store says */
	int64_t since;
	bool by_family;
};

struct cm_import_double {
	const struct cm_import_row *first;
	const struct cm_import_row *second;
};

/* A column of the list that is read, and what for. */
struct cm_import_column {
	size_t at; /* in the list */
	struct cm_dialect_column as;
};

enum { CM_IMPORT_COLUMNS = 64 }; /* HubSpot has one for each kind of mail */

struct cm_import {
	struct cm_ctl *ctl;
	struct cm_list *list;
	struct cm_arena *arena; /* strings of rows */
	struct cm_progress progress;
	const struct cm_dialect *dialect;
	struct cm_import_column column[CM_IMPORT_COLUMNS];
	size_t ncolumns;
	struct cm_when_how how; /* to read its times */
	struct cm_when_how
		of_sale; /* and dates: a day has no zone of its own */

	/* For columns that the list does not have. */
	const struct cm_purpose *purpose; /* NULL = none */
	char source[CM_SOURCE_MAX + 1];
	enum cm_basis basis;
	enum cm_says says;  /* of rows that say nothing */
	const char *attest; /* who answers for the list; NULL = nobody */
	struct cm_import_terms all;
	bool repeat; /* opt-outs are written also where they are known */
	const char *notice_file; /* what all were shown; NULL = not said */
	struct cm_hash notice;

	struct cm_import_row *rows; /* malloc'ed; sorted by cm_import_sort() */
	size_t nrows;
	size_t room;
	struct cm_import_words sources;
	struct cm_import_words languages;
	struct cm_import_words names;  /* controllers, sellers, categories */
	struct cm_import_terms *terms; /* malloc'ed */
	size_t nterms, terms_room;
	struct cm_import_terms reading; /* of the row that is being read */
	bool has_terms;                 /* the list has such columns */
	char batch[CM_BATCH_MAX + 1];
	const char *who;

	/* Bad rows. */
	uint64_t bad;
	uint64_t read;                   /* rows of the list that are good */
	char *bad_texts[CM_IMPORT_KEPT]; /* the arena's */
	struct cm_buf rejects;           /* CSV; only if it is wanted */
	bool keep_rejects;

	/* What the preview found. */
	uint64_t by_status[CM_STATUSES];
	uint64_t by_fate[CM_IMPORT_ERASED + 1];
	uint64_t people;
	uint64_t unproven; /* grants without source, time or attestation */
	/* (person, purpose) pairs: reason before, reason after. */
	uint64_t change[CM_REASONS][CM_REASONS];
	uint64_t conflicts;
	struct cm_import_conflict conflict[CM_IMPORT_KEPT];
	uint64_t doubles;
	struct cm_import_double twice[CM_IMPORT_KEPT];
};

/* ---- import_rows.c ------------------------------------------------------ */

/* Bind the list's columns to import->dialect; notes about those that are kept
 * out. */
CM_MUST_CHECK int cm_import_columns(struct cm_import *import,
				    struct cm_error *err);
/* A text of the terms, with its number; "" is 0. */
CM_MUST_CHECK int cm_import_name(struct cm_import *import, struct cm_span text,
				 uint16_t *ret_index, struct cm_error *err);
/* Has the list a column of this role? */
bool cm_import_has(const struct cm_import *import, enum cm_role role);
/* All rows.  A bad row is counted, not an error; a list that cannot be read
 * to its end is. */
CM_MUST_CHECK int cm_import_read(struct cm_import *import,
				 struct cm_error *err);
/* By family, person, purpose, row number. */
void cm_import_sort(struct cm_import *import);

/* ---- import_preview.c --------------------------------------------------- */

/* Needs ctl->store open, for reading at least.  Sets fates and findings. */
CM_MUST_CHECK int cm_import_preview(struct cm_import *import,
				    struct cm_error *err);

/* ---- import_event.c ----------------------------------------------------- */

/*
 * Where in the rows the next event comes from.  A row's evidence differs from
 * the next one's by the row number only, so the text around it is made once.
 */
struct cm_import_cursor {
	size_t row;
	size_t each; /* of the row's events, for cm_import_each() */
	struct cm_address address;  /* of the entry, until the next one */
	char evidence[768];         /* ditto */
	size_t number_at;           /* in evidence: where the number goes */
	char after[CM_IMPORT_TAIL]; /* what follows the number */
	size_t nafter;
};
/* Fails if the names are too long for the evidence. */
CM_MUST_CHECK int cm_import_begin(const struct cm_import *import,
				  struct cm_import_cursor *ret_cursor,
				  struct cm_error *err);

/* The event a row makes for a purpose ("" = above all). */
void cm_import_event(const struct cm_import *import,
		     const struct cm_import_row *row, const char *purpose,
		     struct cm_event *ret_event);
/* The next entry to append; CM_ENOTFOUND after the last. */
CM_MUST_CHECK int cm_import_next(const struct cm_import *import,
				 struct cm_import_cursor *cursor,
				 struct cm_store_entry *ret_entry);
/* How many entries there will be. */
uint64_t cm_import_events(const struct cm_import *import);

/* The purpose of a row, "" for one that stands above all or means all. */
const char *cm_import_purpose(const struct cm_import *import,
			      const struct cm_import_row *row);
/* The purposes of the events a row makes, one after another: *at starts as 0;
 * NULL after the last. */
const char *cm_import_each(const struct cm_import *import,
			   const struct cm_import_row *row, size_t *at);

#endif
