/*
 * The command line of one command: see ctl.h.
 *
 * Options may stand before, between and after words; "--name value" and
 * "--name=value" are the same; "--" ends options.  An option that may repeat
 * takes every word up to the next option, as in "--rcpt a@b c@d".
 */
#include "tools/ctl.h"

#include <string.h>

#include "lib/str.h"

struct given {
	const struct cm_option *option;
	const char **values;
	size_t count;
};

struct cm_args {
	const char **words;
	size_t nwords;
	struct given *given;
	size_t ngiven;
};

/* Taken by commands without being in their tables. */
static const struct cm_option option_json = {
	.name = "json", .help = "answer in JSON, for programs"};
static const struct cm_option option_help = {
	.name = "help", .help = "show this help", .letter = 'h'};
static const struct cm_option option_config = {
	.name = "config", .value = "FILE", .help = "config", .letter = 'c'};

struct parse {
	const struct cm_command *command;
	const char *const *argv;
	size_t argc;
	size_t next;
	bool words_only; /* after "--" */
	struct cm_arena *arena;
	struct cm_args *args;
	struct cm_error *err;
};

static bool option_is(const struct cm_option *option, struct cm_span name)
{
	return cm_span_eq(name, cm_span(option->name));
}

static const struct cm_option *find_long(const struct cm_command *command,
					 struct cm_span name)
{
	const struct cm_option *o;

	for (o = command->options; o != NULL && o->name != NULL; o++) {
		if (option_is(o, name))
			return o;
	}
	if (command->json && option_is(&option_json, name))
		return &option_json;
	if (option_is(&option_config, name))
		return &option_config;
	return option_is(&option_help, name) ? &option_help : NULL;
}

static const struct cm_option *find_short(const struct cm_command *command,
					  char letter)
{
	const struct cm_option *o;

	for (o = command->options; o != NULL && o->name != NULL; o++) {
		if (o->letter == letter)
			return o;
	}
	if (letter == option_config.letter)
		return &option_config;
	return letter == option_help.letter ? &option_help : NULL;
}

static int unknown_option(struct parse *parse, const char *word,
			  struct cm_span name)
{
	const char *names[32];
	const char *like = NULL;
	const struct cm_option *o;
	char *text;
	size_t n = 0;

	for (o = parse->command->options; o != NULL && o->name != NULL; o++) {
		if (n < sizeof(names) / sizeof(names[0]))
			names[n++] = o->name;
	}
	text = cm_arena_dup(parse->arena, name.p, name.n);
	if (text == NULL)
		return cm_fail(parse->err, CM_ENOMEM, "out of memory");
	if (name.n > 1)
		like = cm_suggest(text, names, n);
	if (like != NULL)
		return cm_fail(parse->err, CM_EUSAGE,
			       "%s: unknown option %s; did you mean --%s?",
			       parse->command->name, word, like);
	return cm_fail(parse->err, CM_EUSAGE,
		       "%s: unknown option %s (see: consentctl help %s)",
		       parse->command->name, word, parse->command->name);
}

static struct given *find_given(const struct cm_args *args, const char *name)
{
	size_t i;

	for (i = 0; i < args->ngiven; i++) {
		if (strcmp(args->given[i].option->name, name) == 0)
			return &args->given[i];
	}
	return NULL;
}

/* The place for an option's values; at most argc of them can come. */
static struct given *note_given(struct parse *parse,
				const struct cm_option *option)
{
	struct given *given = find_given(parse->args, option->name);

	if (given != NULL)
		return given;
	given = &parse->args->given[parse->args->ngiven];
	given->values = cm_arena_array(parse->arena, parse->argc + 1,
				       sizeof(*given->values));
	if (given->values == NULL)
		return NULL;
	given->option = option;
	parse->args->ngiven++;
	return given;
}

static bool looks_like_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static int take_values(struct parse *parse, const struct cm_option *option,
		       struct given *given)
{
	if (parse->next == parse->argc)
		return cm_fail(
			parse->err, CM_EUSAGE, "%s: --%s needs a value (%s)",
			parse->command->name, option->name, option->value);
	given->values[given->count++] = parse->argv[parse->next++];
	while (option->many && parse->next < parse->argc &&
	       !looks_like_option(parse->argv[parse->next]))
		given->values[given->count++] = parse->argv[parse->next++];
	return CM_OK;
}

static int take_option(struct parse *parse, const struct cm_option *option,
		       const char *inline_value)
{
	bool again = find_given(parse->args, option->name) != NULL;
	struct given *given = note_given(parse, option);

	if (given == NULL)
		return cm_fail(parse->err, CM_ENOMEM, "out of memory");
	if (again && !option->many)
		return cm_fail(parse->err, CM_EUSAGE, "%s: --%s is given twice",
			       parse->command->name, option->name);
	if (option->value == NULL) {
		if (inline_value != NULL)
			return cm_fail(parse->err, CM_EUSAGE,
				       "%s: --%s takes no value",
				       parse->command->name, option->name);
		return CM_OK;
	}
	if (inline_value == NULL)
		return take_values(parse, option, given);
	given->values[given->count++] = inline_value;
	return CM_OK;
}

static int take_long(struct parse *parse, const char *word)
{
	const char *name = word + 2;
	const char *equals = strchr(name, '=');
	struct cm_span span = cm_span(name);
	const struct cm_option *option;

	if (equals != NULL)
		span.n = (size_t)(equals - name);
	option = find_long(parse->command, span);
	if (option == NULL)
		return unknown_option(parse, word, span);
	return take_option(parse, option, equals != NULL ? equals + 1 : NULL);
}

static int take_word(struct parse *parse, const char *word)
{
	const struct cm_option *option;

	if (parse->words_only || !looks_like_option(word)) {
		parse->args->words[parse->args->nwords++] = word;
		return CM_OK;
	}
	if (strcmp(word, "--") == 0) {
		parse->words_only = true;
		return CM_OK;
	}
	if (word[1] == '-')
		return take_long(parse, word);
	option = find_short(parse->command, word[1]);
	if (option == NULL)
		return unknown_option(parse, word, cm_span(word + 1));
	return take_option(parse, option, word[2] != '\0' ? word + 2 : NULL);
}

/* After all: enough words, and every option that must be there. */
static int check_complete(const struct parse *parse)
{
	const struct cm_command *command = parse->command;
	const struct cm_option *o;

	if (parse->args->nwords < command->min)
		return cm_fail(parse->err, CM_EUSAGE, "usage: consentctl %s %s",
			       command->name, command->usage);
	if (parse->args->nwords > command->max)
		return cm_fail(parse->err, CM_EUSAGE,
			       "%s: \"%s\" is one word too many (usage: "
			       "consentctl %s %s)",
			       command->name, parse->args->words[command->max],
			       command->name, command->usage);
	for (o = command->options; o != NULL && o->name != NULL; o++) {
		if (o->required && find_given(parse->args, o->name) == NULL)
			return cm_fail(parse->err, CM_EUSAGE,
				       "%s: --%s %s is missing (%s)",
				       command->name, o->name, o->value,
				       o->help);
	}
	return CM_OK;
}

int cm_args_parse(const struct cm_command *command, const char *const *argv,
		  size_t argc, struct cm_arena *arena,
		  struct cm_args **ret_args, struct cm_error *err)
{
	struct parse parse = {.command = command,
			      .argv = argv,
			      .argc = argc,
			      .arena = arena,
			      .err = err};
	struct cm_args *args = cm_arena_alloc(arena, sizeof(*args));
	int rc;

	if (args == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	args->words = cm_arena_array(arena, argc + 1, sizeof(*args->words));
	args->given = cm_arena_array(arena, argc + 1, sizeof(*args->given));
	if (args->words == NULL || args->given == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	parse.args = args;
	while (parse.next < argc) {
		rc = take_word(&parse, argv[parse.next++]);
		if (rc != CM_OK)
			return rc;
	}
	if (find_given(args, option_help.name) == NULL) {
		rc = check_complete(&parse);
		if (rc != CM_OK)
			return rc;
	}
	*ret_args = args;
	return CM_OK;
}

size_t cm_args_count(const struct cm_args *args)
{
	return args->nwords;
}

const char *cm_args_word(const struct cm_args *args, size_t n)
{
	return args->words[n];
}

bool cm_args_has(const struct cm_args *args, const char *option)
{
	return find_given(args, option) != NULL;
}

const char *cm_args_get(const struct cm_args *args, const char *option)
{
	const struct given *given = find_given(args, option);

	return given != NULL && given->count > 0 ? given->values[0] : NULL;
}

const char *const *cm_args_all(const struct cm_args *args, const char *option,
			       size_t *ret_count)
{
	const struct given *given = find_given(args, option);

	*ret_count = given != NULL ? given->count : 0;
	return given != NULL ? given->values : NULL;
}
