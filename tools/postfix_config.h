/*
 * postfix_config - Postfix's configuration, as postconf(1) prints it.
 *
 * Three texts: `postconf -x` (every setting of main.cf), `postconf -M` (every
 * service of master.cf) and `postconf -x -P` (what services set otherwise).
 * Pure but for cm_postfix_read(); texts are the arena's.
 */
#ifndef CM_TOOLS_POSTFIX_CONFIG_H
#define CM_TOOLS_POSTFIX_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/err.h"

struct cm_postfix_setting {
	const char *service; /* "smtp/inet"; "" = of main.cf */
	const char *name;
	const char *value;
};

struct cm_postfix_service {
	const char *name; /* "smtp/inet" */
	const char *command;
	bool chroot;
};

struct cm_postfix {
	struct cm_postfix_setting *settings;
	size_t nsettings;
	struct cm_postfix_service *services;
	size_t nservices;
};

CM_MUST_CHECK int cm_postfix_parse(const char *main_text,
				   const char *services_text,
				   const char *overrides_text,
				   struct cm_arena *arena,
				   struct cm_postfix **ret_postfix,
				   struct cm_error *err);
/* Ask postconf; folder: config_directory, NULL for the usual one.
 * CM_ENOTFOUND: there is no Postfix. */
CM_MUST_CHECK int cm_postfix_read(const char *folder, struct cm_arena *arena,
				  struct cm_postfix **ret_postfix,
				  struct cm_error *err);

/* What holds for a service; for NULL, what main.cf says.  "" if nothing. */
const char *cm_postfix_get(const struct cm_postfix *postfix,
			   const struct cm_postfix_service *service,
			   const char *name);
/* The first service that runs a program; NULL. */
const struct cm_postfix_service *cm_postfix_service_of(
	const struct cm_postfix *postfix, const char *command);

/* One of smtpd_milters: "unix:x" or "{ unix:x, command_timeout=30s }". */
struct cm_postfix_milter {
	const char *endpoint;
	const char *options; /* "" or what stands behind it */
};
CM_MUST_CHECK int cm_postfix_milters(const char *value, struct cm_arena *arena,
				     struct cm_postfix_milter **ret_milters,
				     size_t *ret_count, struct cm_error *err);
/* "command_timeout" of a milter, else of "milter_command_timeout". */
const char *cm_postfix_milter_option(const struct cm_postfix *postfix,
				     const struct cm_postfix_service *service,
				     const struct cm_postfix_milter *milter,
				     const char *name, struct cm_arena *arena);

/* Does the socket look like that of a program that signs (OpenDKIM, rspamd)? */
bool cm_milter_is_signer(const char *endpoint);

/* "30s", "5m", "300": postconf(5), time; CM_EDATA. */
CM_MUST_CHECK int cm_postfix_seconds(const char *text, uint64_t *ret_seconds);
/* Is the word in a list parted by blanks and commas? */
bool cm_postfix_list_has(const char *list, const char *word);

/*
 * The socket that "unix:x" means to a service, as everybody else would name
 * it: relative ones are below queue_directory, and in a chroot all are.
 */
const char *cm_postfix_socket(const struct cm_postfix *postfix, bool chroot,
			      const char *path, struct cm_arena *arena);

#endif
