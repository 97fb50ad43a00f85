/*
 * settings - the one table of everything consent-milter.conf may say.
 *
 * The loader reads values by it, the checks take their limits from it, and
 * tools/mansettings prints the manual's settings part from it; a lint compares
 * it with the sample file.  A setting is named here and nowhere else: a row
 * says where in struct cm_config (or cm_listener, cm_purpose, cm_stream) its
 * value goes.
 */
#ifndef CM_POLICY_SETTINGS_H
#define CM_POLICY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/str.h"

enum cm_section_kind {
	CM_SECTION_GLOBAL, /* outside any section */
	CM_SECTION_CONTROLLER,
	CM_SECTION_STORE,
	CM_SECTION_KEYS,
	CM_SECTION_LISTENER,
	CM_SECTION_MILTER,
	CM_SECTION_SAMPLES,
	CM_SECTION_WEB,
	CM_SECTION_MAIL,
	CM_SECTION_CHECKPOINT,
	CM_SECTION_RETENTION,
	CM_SECTION_PURPOSE,
	CM_SECTION_NOTICE,
	CM_SECTION_FORM,
	CM_SECTION_STREAM,
	CM_SECTIONS
};

struct cm_section {
	const char *name;  /* "" of CM_SECTION_GLOBAL */
	const char *title; /* what the quoted word after it is; NULL = none */
	bool many;         /* may stand more than once, with other titles */
	bool required;
	const char *help;
};

/* How a value is written; policy/config_value.c has one converter each. */
enum cm_setting_type {
	CM_SETTING_TEXT,   /* min..max octets of UTF-8 */
	CM_SETTING_NAME,   /* login, user, group */
	CM_SETTING_SOURCE, /* [a-z0-9-] */
	CM_SETTING_PATH,   /* absolute */
	CM_SETTING_WORD,   /* one of .words, kept as its number */
	CM_SETTING_CHOICE, /* one of .words, kept as text */
	CM_SETTING_BOOL,
	CM_SETTING_NUMBER,    /* min..max, kept in an unsigned */
	CM_SETTING_MODE,      /* octal file mode */
	CM_SETTING_SIZE,      /* min..max octets, with K M G T; a uint64_t */
	CM_SETTING_PERIOD,    /* "3y", none */
	CM_SETTING_FIRST_DAY, /* "2026-05-01": the int64_t ms it begins, UTC */
	CM_SETTING_LAST_DAY,  /* "2027-03-31": ditto, it ends */
	CM_SETTING_LANGUAGE,
	CM_SETTING_COUNTRY,
	CM_SETTING_ADDRESS, /* kept canonical */
	CM_SETTING_DOMAIN,  /* ditto */
	CM_SETTING_SENDER,  /* struct cm_sender_pattern */
	CM_SETTING_NETWORK, /* struct cm_network */
	CM_SETTING_HEADER,  /* struct cm_header_pattern */
	CM_SETTING_SOCKET,  /* for libmilter */
	CM_SETTING_LISTEN,  /* "host:port" */
	CM_SETTING_BASE_URL,
	CM_SETTING_SUBMIT,
	CM_SETTING_MAILBOX, /* "Acme <consent@acme.example>" */
	CM_SETTING_URL,     /* http or https */
	CM_SETTING_SITE,    /* "https://shop.example": no path */
	CM_SETTING_COLOUR,  /* "#0b57d0"; text on one of min */
	CM_SETTING_ORIGIN,  /* of checkpoints */
	CM_SETTING_LIST_ID,
	CM_SETTING_FEEDBACK_ID,
	CM_SETTING_CFBL,         /* RFC 9477; kept as the field's value */
	CM_SETTING_PURPOSE_REF,  /* const struct cm_purpose * */
	CM_SETTING_LISTENER_REF, /* name of a listener */
	CM_SETTING_STREAM_REF,   /* const struct cm_stream *, pass = NULL */
	CM_SETTING_BULK,         /* report, tempfail or a stream */
	CM_SETTING_TITLE,        /* struct cm_title; named as "title-XX" */
	CM_SETTING_TYPES
};

enum {
	CM_FOR_MILTER = 1,
	CM_FOR_WEB = 2,
	CM_FOR_CTL = 4,
	CM_FOR_ALL = CM_FOR_MILTER | CM_FOR_WEB | CM_FOR_CTL,
};

enum {
	CM_SETTING_LIST = 1,      /* {"a", "b"}; min..max values */
	CM_SETTING_REQUIRED = 2,  /* where its section stands */
	CM_SETTING_MARKETING = 4, /* only in streams of this type, or renewal */
	CM_SETTING_SERVICE = 8,   /* ditto */
	CM_SETTING_CONDITION = 16, /* says which mail a stream takes */
	CM_SETTING_RESTART = 32,   /* a reload does not change it */
	CM_SETTING_INHERITED = 64, /* by purposes below */
	CM_SETTING_RENEWAL = 128,  /* in renewal streams */
	CM_SETTING_OPTIN = 256,    /* in optin streams */
};

/* value < 0: a word of the design that this version does not know yet. */
struct cm_setting_word {
	const char *word;
	int value;
};

struct cm_setting {
	enum cm_section_kind section;
	const char *name;
	enum cm_setting_type type;
	unsigned flags;
	/* As one would write it, list values parted by blanks; NULL = none. */
	const char *fallback;
	int64_t min, max; /* of lists: how many values */
	const struct cm_setting_word *words;
	unsigned programs;
	/* Of the value in its struct; of lists: of the array and its size. */
	size_t offset, count_offset;
	const char *help;
};

const struct cm_section *cm_section(enum cm_section_kind kind);
/* CM_SECTIONS if there is none of that name. */
enum cm_section_kind cm_section_find(const char *name);

/* Rows come in order of section; index beyond the last gives NULL. */
const struct cm_setting *cm_setting_at(size_t index);
/* By name in a section; "title-cs" finds "title-XX".  NULL if unknown. */
const struct cm_setting *cm_setting_find(enum cm_section_kind section,
					 const char *name);
/* "path", "yes or no": how the manual calls the type's values. */
const char *cm_setting_type_name(enum cm_setting_type type);
/* "cs" of "title-cs", if the setting is "title-XX"; else NULL. */
const char *cm_setting_language(const struct cm_setting *setting,
				const char *name);
/* True for "title-cs" and what else some setting has a language in. */
bool cm_setting_has_language(const char *name);

#endif
