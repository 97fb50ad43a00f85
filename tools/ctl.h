/*
 * ctl - what the commands of consentctl share: the command table's row, the
 * parsed command line, and the open config, keys and store.
 *
 * A command is one row in tools/ctl_table.c and one function.  The function
 * prints its answer to ctl->out and returns a code of lib/err.h; main() then
 * prints err->text, if the command wrote one, and exits with cm_exit_code().
 * So a plain "no" is CM_EREFUSED or CM_ENOTFOUND with err->text left empty.
 */
#ifndef CM_TOOLS_CTL_H
#define CM_TOOLS_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "lib/arena.h"
#include "lib/err.h"

struct cm_args;
struct cm_config;
struct cm_hmac;
struct cm_keys;
struct cm_sent;
struct cm_store;

struct cm_option {
	const char *name;  /* without "--" */
	const char *value; /* what the usage calls its value; NULL = switch */
	const char *help;  /* one line */
	char letter;       /* 'o' for "-o"; 0 = none */
	bool many;         /* may repeat; takes words up to the next option */
	bool required;
};

/* What must be open before the command runs; nothing more is. */
enum cm_ctl_access {
	CM_CTL_NOTHING,
	CM_CTL_CONFIG,  /* ctl->config */
	CM_CTL_KEYS,    /* and ctl->keys, ->hmac */
	CM_CTL_READ,    /* and ctl->store read-only */
	CM_CTL_WRITE,   /* ditto, the store for writing */
	CM_CTL_REBUILD, /* ditto, also one of an older format */
};

struct cm_ctl {
	const char *config_file;
	bool json;                /* --json was given */
	FILE *out;                /* answers */
	FILE *notes;              /* remarks and progress for a person */
	int64_t now;              /* when the command began, ms */
	struct cm_arena *arena;   /* lives as long as the command */
	struct cm_config *config; /* NULL unless the access asked for it */
	struct cm_keys *keys;     /* ditto */
	struct cm_hmac *hmac;     /* with the store key, for contact ids */
	struct cm_store *store;   /* ditto */
	struct cm_sent *sent;     /* by cm_ctl_sent() */
	bool sent_tried;          /* sent NULL: there is nothing */
};

struct cm_command {
	const char *name;
	const char *usage;   /* its words and most used options */
	const char *summary; /* one line, no full stop */
	const char *help;    /* paragraphs for `consentctl help NAME` */
	enum cm_ctl_access access;
	bool json;                       /* takes --json */
	size_t min, max;                 /* how many words besides options */
	const struct cm_option *options; /* ends with a NULL name */
	int (*run)(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err);
};

/* ---- the command line (ctl_args.c) -------------------------------------- */

/*
 * Parse argv (which holds what follows the command's name) by the command's
 * options, "--json", "--config FILE" and "--help" (with which nothing else
 * need be complete).  CM_EUSAGE with what to do instead.
 */
CM_MUST_CHECK int cm_args_parse(const struct cm_command *command,
				const char *const *argv, size_t argc,
				struct cm_arena *arena,
				struct cm_args **ret_args,
				struct cm_error *err);
size_t cm_args_count(const struct cm_args *args); /* words */
/* The nth word, 0-based; the caller knows there is one. */
const char *cm_args_word(const struct cm_args *args, size_t n);
bool cm_args_has(const struct cm_args *args, const char *option);
/* The value of an option; NULL if it was not given. */
const char *cm_args_get(const struct cm_args *args, const char *option);
/* All values of an option that may repeat, in order; NULL and 0 for none. */
const char *const *cm_args_all(const struct cm_args *args, const char *option,
			       size_t *ret_count);

/* ---- what a command works on (ctl_open.c) ------------------------------- */

/* Open what access asks for and is not open yet. */
CM_MUST_CHECK int cm_ctl_open(struct cm_ctl *ctl, enum cm_ctl_access access,
			      struct cm_error *err);
void cm_ctl_close(struct cm_ctl *ctl);
/* The groups that files are given to; only root can, others get (gid_t)-1. */
CM_MUST_CHECK int cm_ctl_groups(const struct cm_config *config,
				gid_t *ret_group, gid_t *ret_write_group,
				struct cm_error *err);
/* May this user write the store?  Needs ctl->config. */
bool cm_ctl_may_write(const struct cm_ctl *ctl);

#endif
