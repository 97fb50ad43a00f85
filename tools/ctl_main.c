/*
 * consentctl - the admin's hand on the consent store.
 *
 * The way from the command line into the command table (ctl_table.c), and
 * help.  The commands are one file each, or one a closely related group,
 * tools/cmd_*.c.
 */
#include "tools/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "policy/config.h"
#include "tools/ctl_commands.h"

enum {
	/* What one command may keep: views, rows' words, output. */
	CTL_ARENA_MAX = 256 * 1024 * 1024,
	COLUMN_NAME = 10, /* wide enough for the longest command name */
	NAMES_MAX = 64,
};

/* In the order that help lists them; NULL after the last. */
static const struct cm_command *command_at(size_t i)
{
	if (i < cm_people_ncommands)
		return &cm_people_commands[i];
	i -= cm_people_ncommands;
	return i < cm_store_ncommands ? &cm_store_commands[i] : NULL;
}

static const struct cm_command *find_command(const char *name)
{
	const struct cm_command *command;
	size_t i;

	for (i = 0; (command = command_at(i)) != NULL; i++)
		if (strcmp(command->name, name) == 0)
			break;
	return command;
}

static int unknown_command(const char *name, struct cm_error *err)
{
	const struct cm_command *command;
	const char *names[NAMES_MAX];
	const char *like;
	size_t i;

	for (i = 0; i < NAMES_MAX && (command = command_at(i)) != NULL; i++)
		names[i] = command->name;
	like = cm_suggest(name, names, i);
	if (like != NULL)
		return cm_fail(err, CM_EUSAGE,
			       "unknown command \"%s\"; did you mean %s?", name,
			       like);
	return cm_fail(err, CM_EUSAGE,
		       "unknown command \"%s\" (see: consentctl help)", name);
}

static void help_all(FILE *out)
{
	const struct cm_command *command;
	size_t i;

	(void)fputs("usage: consentctl [-c FILE] COMMAND [WORDS] [OPTIONS]\n\n"
		    "The admin's hand on the consent store: who may be sent "
		    "marketing, and why.\n\n",
		    out);
	for (i = 0; (command = command_at(i)) != NULL; i++)
		(void)fprintf(out, "  %-*s  %s\n", COLUMN_NAME, command->name,
			      command->summary);
	(void)fprintf(out,
		      "\n  -c FILE     config file (default %s)\n"
		      "\nHow one works: consentctl help COMMAND. "
		      "Everything: man consentctl.\n"
		      "Exit codes: 0 yes or done, 1 no, refused or nothing "
		      "found, 64 usage,\n65 bad data, 75 try again, "
		      "78 configuration.\n",
		      CM_CONFIG_DEFAULT);
}

static void help_option(FILE *out, const struct cm_option *option)
{
	char name[48];
	char letter[8] = "    ";

	if (option->letter != '\0')
		(void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	(void)snprintf(name, sizeof(name), "--%s%s%s%s", option->name,
		       option->value != NULL ? " " : "",
		       option->value != NULL ? option->value : "",
		       option->many ? "..." : "");
	(void)fprintf(out, "  %s%-20s  %s\n", letter, name, option->help);
}

static void help_command(FILE *out, const struct cm_command *command)
{
	const struct cm_option *o;
	const struct cm_option json = {.name = "json",
				       .help = "answer in JSON, for programs"};

	(void)fprintf(out, "usage: consentctl [-c FILE] %s%s%s\n\n%s.\n",
		      command->name, command->usage[0] != '\0' ? " " : "",
		      command->usage, command->summary);
	if (command->help != NULL)
		(void)fprintf(out, "\n%s", command->help);
	if (command->options == NULL && !command->json)
		return;
	(void)fputs("\noptions:\n", out);
	for (o = command->options; o != NULL && o->name != NULL; o++)
		help_option(out, o);
	if (command->json)
		help_option(out, &json);
}

int cm_cmd_help(struct cm_ctl *ctl, const struct cm_args *args,
		struct cm_error *err)
{
	const struct cm_command *command;

	if (cm_args_count(args) == 0) {
		help_all(ctl->out);
		return CM_OK;
	}
	command = find_command(cm_args_word(args, 0));
	if (command == NULL)
		return unknown_command(cm_args_word(args, 0), err);
	help_command(ctl->out, command);
	return CM_OK;
}

static int run_command(struct cm_ctl *ctl, const struct cm_command *command,
		       const char *const *argv, size_t argc,
		       struct cm_error *err)
{
	struct cm_args *args;
	int rc = cm_args_parse(command, argv, argc, ctl->arena, &args, err);

	if (rc != CM_OK)
		return rc;
	if (cm_args_has(args, "help")) {
		help_command(ctl->out, command);
		return CM_OK;
	}
	if (cm_args_has(args, "config"))
		ctl->config_file = cm_args_get(args, "config");
	ctl->json = cm_args_has(args, "json");
	rc = cm_ctl_open(ctl, command->access, err);
	if (rc != CM_OK)
		return rc;
	return command->run(ctl, args, err);
}

/* What stands before the command: -c FILE, --help, --version. */
static int run_line(struct cm_ctl *ctl, const char *const *argv, size_t argc,
		    struct cm_error *err)
{
	const struct cm_command *command;
	size_t i = 0;

	if (i + 1 < argc &&
	    (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0)) {
		ctl->config_file = argv[i + 1];
		i += 2;
	}
	if (i < argc &&
	    (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0))
		return cm_fail(err, CM_EUSAGE, "%s needs a FILE and a COMMAND",
			       argv[i]);
	if (i == argc) {
		help_all(ctl->notes);
		return CM_EUSAGE;
	}
	if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
		help_all(ctl->out);
		return CM_OK;
	}
	if (strcmp(argv[i], "--version") == 0) {
		(void)fprintf(ctl->out, "consentctl %s\n", PACKAGE_VERSION);
		return CM_OK;
	}
	command = find_command(argv[i]);
	if (command == NULL)
		return unknown_command(argv[i], err);
	return run_command(ctl, command, argv + i + 1, argc - i - 1, err);
}

/* An answer that could not be written is not an answer. */
static int finish(struct cm_ctl *ctl, int rc, struct cm_error *err)
{
	bool lost = fflush(ctl->out) != 0;

	if (lost || ferror(ctl->out))
		rc = cm_fail(err, CM_EIO, "the answer could not be written");
	if (rc != CM_OK && err->text[0] != '\0')
		(void)fprintf(ctl->notes, "consentctl: %s\n", err->text);
	return cm_exit_code(rc);
}

int main(int argc, char **argv)
{
	struct cm_error err = {.code = CM_OK};
	struct cm_ctl ctl = {.config_file = CM_CONFIG_DEFAULT,
			     .out = stdout,
			     .notes = stderr,
			     .now = cm_clock_now()};
	int rc = cm_arena_new(CTL_ARENA_MAX, &ctl.arena);

	if (rc == CM_OK)
		rc = run_line(&ctl, (const char *const *)argv + 1,
			      argc > 0 ? (size_t)argc - 1 : 0, &err);
	else
		rc = cm_fail(&err, rc, "out of memory");
	rc = finish(&ctl, rc, &err);
	cm_ctl_close(&ctl);
	cm_arena_free(&ctl.arena);
	return rc;
}
