/*
 * dialect - which columns the exports of known tools have, and what they say.
 *
 * A dialect is one row of the table in dialect.c: the columns that give it
 * away, and for each column that matters its role.  Cells add up to what a
 * row says: opt-outs always count; "active", "enabled", "subscribed" and the
 * like say nothing about consent (G4-11) and are "unknown".
 *
 * Names of columns and words: ASCII case does not count; "a|b" is one or the
 * other; "*" takes anything, "\\*" is a star.  Pure.
 */
#ifndef CM_TOOLS_DIALECT_H
#define CM_TOOLS_DIALECT_H

#include "tools/list.h"
#include "tools/words.h"

/* What a row may say of a person, from the most to the least generous. */
enum cm_says {
	CM_SAYS_NOTHING,
	CM_SAYS_CONFIRMED,
	CM_SAYS_GRANTED,
	CM_SAYS_PENDING,
	CM_SAYS_UNKNOWN,
	CM_SAYS_UNDELIVERABLE,
	CM_SAYS_WITHDRAWN, /* from the list's purpose */
	CM_SAYS_STOPPED,   /* withdrawn from everything */
	CM_SAYS_COMPLAINED,
	CM_SAYS_OBJECTED,
	CM_SAYS
};
#define CM_SAYS_BIT(says) (1U << (says))
/* Times of a column without .of belong to whatever the row says. */
#define CM_SAYS_ALL ((1U << CM_SAYS) - 1)

enum cm_says cm_says_of(enum cm_status status);
enum cm_status cm_says_status(enum cm_says says);

enum cm_role {
	CM_ROLE_EMAIL,
	CM_ROLE_PURPOSE,
	CM_ROLE_SOURCE,
	CM_ROLE_BASIS,
	CM_ROLE_LANGUAGE,
	CM_ROLE_STATUS, /* a word of .words */
	CM_ROLE_YES,    /* .says if the cell is a yes */
	CM_ROLE_NO,     /* .says if the cell is a no */
	CM_ROLE_FILLED, /* .says if the cell has anything but a no */
	CM_ROLE_TIME,   /* when what .of names happened */
	CM_ROLE_OTHER,  /* .says if it is a yes; it need not be a no */
	/* The terms of a grant: see struct cm_event. */
	CM_ROLE_CONTROLLER,
	CM_ROLE_SELLER,
	CM_ROLE_SALE_REF,
	CM_ROLE_SALE_DATE,
	CM_ROLE_CATEGORY,
	CM_ROLE_OPT_OUT_OFFERED,
	CM_ROLE_CONTRACT_END,
	CM_ROLES
};

struct cm_dialect_word {
	const char *word;
	enum cm_says says;
};

struct cm_dialect_column {
	const char *name;
	enum cm_role role;
	enum cm_says says;                   /* YES, NO, FILLED */
	unsigned of;                         /* TIME: CM_SAYS_BITs */
	const struct cm_dialect_word *words; /* STATUS; NULL word ends it.
					      * NULL: ours, of "status" */
	size_t number; /* counted from 1, instead of a name; 0 = none */
};

enum { CM_DIALECT_NEEDS = 6, CM_DIALECT_COLUMNS = 16 };

struct cm_dialect {
	const char *name;  /* "mailchimp-cleaned": family, then kind */
	const char *title; /* "Mailchimp, cleaned contacts" */
	/* Part of the file's name: where columns alone do not tell. */
	const char *file;
	const char *needs[CM_DIALECT_NEEDS];
	bool exact; /* no column but those in needs */
	/* Of a row whose cells say nothing. */
	enum cm_says says;
	bool utc; /* documented: its times without a zone are UTC */
	/* What a yes in any other column says; NOTHING = it is not read. */
	enum cm_says others;
	struct cm_dialect_column columns[CM_DIALECT_COLUMNS];
};

extern const struct cm_dialect cm_dialects[];
extern const size_t cm_ndialects;
extern const struct cm_dialect cm_dialect_plain; /* our own columns */
extern const struct cm_dialect cm_dialect_lines; /* one address a line */

/*
 * The dialect of a list: format is "auto" (or NULL), a dialect's name, or a
 * family's ("mailchimp"), from which the columns choose.  CM_EDATA with the
 * --map line to use if the columns are nobody's; CM_EUSAGE for an unknown
 * format.
 */
CM_MUST_CHECK int cm_dialect_find(const struct cm_list *list,
				  const char *format,
				  const struct cm_dialect **ret_dialect,
				  struct cm_error *err);

/*
 * A dialect of the admin's own, from --map: "ROLE=COLUMN" and "VALUE=STATUS"
 * with commas between, quoted as in CSV.  A role is a column's name of a
 * plain list, or a status that refuses, for a column that holds yes or no;
 * a column is its name, or "#3".  Lives in the list's arena.
 */
CM_MUST_CHECK int cm_dialect_map(const struct cm_list *list, const char *map,
				 const struct cm_dialect **ret_dialect,
				 struct cm_error *err);

/* The column of the list that this is; CM_CSV_NO_COLUMN. */
size_t cm_dialect_column(const struct cm_list *list,
			 const struct cm_dialect_column *column, size_t from);

/* Is the text one of "a|b*|c"? */
bool cm_dialect_matches(const char *patterns, struct cm_span text);

/* A cell of role STATUS.  CM_EDATA names the word. */
CM_MUST_CHECK int cm_dialect_status(const struct cm_dialect_column *column,
				    struct cm_span cell, enum cm_says *ret_says,
				    struct cm_error *err);
/* Ditto of YES, NO and FILLED. */
CM_MUST_CHECK int cm_dialect_flag(const struct cm_dialect_column *column,
				  struct cm_span cell, enum cm_says *ret_says,
				  struct cm_error *err);

/* A cell of yes or no; empty says nothing. */
CM_MUST_CHECK int cm_dialect_said(struct cm_span cell, enum cm_yes_no *ret_said,
				  struct cm_error *err);

/* What a column's name makes one think it says: "opt_out", "bounced"; NOTHING
 * for a name that does not sound like a refusal. */
enum cm_says cm_dialect_sounds_like(const char *column);

/*
 * "--map 'email=E-Mail,withdrawn=Opt-Out'": a line for these columns, as far
 * as their names tell.  Appended to out.
 */
void cm_dialect_propose(const struct cm_list *list, struct cm_buf *out);

#endif
