/* See postfix_config.h. */
#include "tools/postfix_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/str.h"
#include "tools/program.h"

enum {
	SERVICE_COLUMNS = 7, /* before the command, master(5) */
	CHROOT_COLUMN = 4,
	NAME_MAX_LEN = 128,
};

static const char usual_file[] = "/etc/postfix/main.cf";
static const char separators[] = ", \t\r\n";

static int no_memory(struct cm_error *err)
{
	return cm_fail(err, CM_ENOMEM, "out of memory");
}

/* ---- parsing ------------------------------------------------------------ */

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* "name = value"; name may be "service/type/name". */
static int add_setting(struct cm_postfix *postfix, struct cm_span line,
		       bool of_service, struct cm_arena *arena)
{
	struct cm_postfix_setting *out = &postfix->settings[postfix->nsettings];
	struct cm_span rest = line;
	struct cm_span name = cm_span_trim(cm_span_cut(&rest, '='));
	size_t slash = name.n;

	if (name.n == 0)
		return CM_OK;
	while (of_service && slash > 0 && name.p[slash - 1] != '/')
		slash--;
	if (!of_service || slash == 0)
		slash = 0;
	rest = cm_span_trim(rest);
	out->service = cm_arena_dup(arena, name.p, slash > 0 ? slash - 1 : 0);
	out->name = cm_arena_dup(arena, name.p + slash, name.n - slash);
	out->value = cm_arena_dup(arena, rest.p, rest.n);
	if (out->service == NULL || out->name == NULL || out->value == NULL)
		return CM_ENOMEM;
	postfix->nsettings++;
	return CM_OK;
}

static struct cm_span next_column(struct cm_span *line)
{
	struct cm_span word;

	*line = cm_span_trim(*line);
	word = *line;
	word.n = 0;
	while (word.n < line->n && line->p[word.n] != ' ' &&
	       line->p[word.n] != '\t')
		word.n++;
	line->p += word.n;
	line->n -= word.n;
	return word;
}

/* service type private unpriv chroot wakeup maxproc command: master(5).  "-"
 * is the default, which is "n" since Postfix 3.0. */
static int add_service(struct cm_postfix *postfix, struct cm_span line,
		       struct cm_arena *arena)
{
	struct cm_postfix_service *out = &postfix->services[postfix->nservices];
	struct cm_span columns[SERVICE_COLUMNS + 1];
	size_t i;

	for (i = 0; i <= SERVICE_COLUMNS; i++)
		columns[i] = next_column(&line);
	if (columns[SERVICE_COLUMNS].n == 0)
		return CM_OK;
	out->name =
		cm_arena_printf(arena, "%.*s/%.*s", (int)columns[0].n,
				columns[0].p, (int)columns[1].n, columns[1].p);
	out->command = cm_arena_dup(arena, columns[SERVICE_COLUMNS].p,
				    columns[SERVICE_COLUMNS].n);
	out->chroot = cm_span_is(columns[CHROOT_COLUMN], "y");
	if (out->name == NULL || out->command == NULL)
		return CM_ENOMEM;
	postfix->nservices++;
	return CM_OK;
}

int cm_postfix_parse(const char *main_text, const char *services_text,
		     const char *overrides_text, struct cm_arena *arena,
		     struct cm_postfix **ret_postfix, struct cm_error *err)
{
	struct cm_postfix *postfix = cm_arena_alloc(arena, sizeof(*postfix));
	struct cm_span text[] = {cm_span(main_text), cm_span(overrides_text),
				 cm_span(services_text)};
	int rc = CM_OK;
	size_t i;

	if (postfix == NULL)
		return no_memory(err);
	memset(postfix, 0, sizeof(*postfix));
	postfix->settings = cm_arena_array(
		arena, count_lines(main_text) + count_lines(overrides_text),
		sizeof(*postfix->settings));
	postfix->services = cm_arena_array(arena, count_lines(services_text),
					   sizeof(*postfix->services));
	if (postfix->settings == NULL || postfix->services == NULL)
		return no_memory(err);
	for (i = 0; i < 3; i++) {
		while (rc == CM_OK && text[i].n > 0) {
			struct cm_span line = cm_span_cut(&text[i], '\n');

			rc = i == 2 ? add_service(postfix, line, arena)
				    : add_setting(postfix, line, i == 1, arena);
		}
	}
	if (rc != CM_OK)
		return no_memory(err);
	*ret_postfix = postfix;
	return CM_OK;
}

/* ---- asking postconf ---------------------------------------------------- */

static int postconf(const char *folder, const char *const *options,
		    struct cm_arena *arena, char **ret_out,
		    struct cm_error *err)
{
	const char *argv[8] = {"postconf"};
	size_t n = 1;
	int status;
	int rc;

	if (folder != NULL) {
		argv[n++] = "-c";
		argv[n++] = folder;
	}
	while (*options != NULL)
		argv[n++] = *options++;
	argv[n] = NULL;
	rc = cm_program_run(argv, arena, ret_out, &status, err);
	if (rc == CM_OK && status != 0)
		return cm_fail(err, CM_EDATA,
			       "postconf cannot read the configuration in %s "
			       "(see: postfix check)",
			       folder != NULL ? folder : "its usual folder");
	return rc;
}

int cm_postfix_read(const char *folder, struct cm_arena *arena,
		    struct cm_postfix **ret_postfix, struct cm_error *err)
{
	static const char *const settings[] = {"-x", NULL};
	static const char *const services[] = {"-M", NULL};
	static const char *const overrides[] = {"-x", "-P", NULL};
	char *text[3];
	int rc;

	/* postconf would wait for a second before it says so. */
	if (folder == NULL && getenv("MAIL_CONFIG") == NULL &&
	    access(usual_file, F_OK) != 0 && errno == ENOENT)
		return cm_fail(err, CM_ENOTFOUND, "Postfix is not here");
	rc = postconf(folder, settings, arena, &text[0], err);
	if (rc == CM_ENOTFOUND)
		return cm_fail(err, rc, "Postfix is not here");
	if (rc == CM_OK)
		rc = postconf(folder, services, arena, &text[1], err);
	if (rc == CM_OK)
		rc = postconf(folder, overrides, arena, &text[2], err);
	if (rc != CM_OK)
		return rc;
	return cm_postfix_parse(text[0], text[1], text[2], arena, ret_postfix,
				err);
}

/* ---- looking things up -------------------------------------------------- */

static const char *find(const struct cm_postfix *postfix, const char *service,
			const char *name)
{
	size_t i;

	/* The last one holds, as in Postfix. */
	for (i = postfix->nsettings; i > 0; i--) {
		const struct cm_postfix_setting *s = &postfix->settings[i - 1];

		if (strcmp(s->service, service) == 0 &&
		    strcmp(s->name, name) == 0)
			return s->value;
	}
	return NULL;
}

const char *cm_postfix_get(const struct cm_postfix *postfix,
			   const struct cm_postfix_service *service,
			   const char *name)
{
	const char *value = NULL;

	if (service != NULL)
		value = find(postfix, service->name, name);
	if (value == NULL)
		value = find(postfix, "", name);
	return value != NULL ? value : "";
}

const struct cm_postfix_service *cm_postfix_service_of(
	const struct cm_postfix *postfix, const char *command)
{
	size_t i;

	for (i = 0; i < postfix->nservices; i++)
		if (strcmp(postfix->services[i].command, command) == 0)
			return &postfix->services[i];
	return NULL;
}

/* ---- milters ------------------------------------------------------------ */

/* Up to the next separator outside of braces. */
static size_t word_length(const char *p)
{
	size_t depth = 0, n;

	for (n = 0; p[n] != '\0'; n++) {
		if (p[n] == '{')
			depth++;
		else if (p[n] == '}' && depth > 0)
			depth--;
		else if (depth == 0 && strchr(separators, p[n]) != NULL)
			break;
	}
	return n;
}

static int add_milter(const char *p, size_t n, struct cm_arena *arena,
		      struct cm_postfix_milter *out)
{
	size_t end;

	if (n >= 2 && p[0] == '{' && p[n - 1] == '}') {
		struct cm_span inner = cm_span_trim(cm_span_n(p + 1, n - 2));

		p = inner.p;
		n = inner.n;
	}
	for (end = 0; end < n && strchr(separators, p[end]) == NULL; end++)
		;
	out->endpoint = cm_arena_dup(arena, p, end);
	out->options = cm_arena_dup(arena, p + end, n - end);
	return out->endpoint == NULL || out->options == NULL ? CM_ENOMEM
							     : CM_OK;
}

int cm_postfix_milters(const char *value, struct cm_arena *arena,
		       struct cm_postfix_milter **ret_milters,
		       size_t *ret_count, struct cm_error *err)
{
	size_t max = strlen(value) / 2 + 1, count = 0;
	struct cm_postfix_milter *milters =
		cm_arena_array(arena, max, sizeof(*milters));

	if (milters == NULL)
		return no_memory(err);
	for (;;) {
		size_t n;

		value += strspn(value, separators);
		n = word_length(value);
		if (n == 0)
			break;
		if (add_milter(value, n, arena, &milters[count++]) != CM_OK)
			return no_memory(err);
		value += n;
	}
	*ret_milters = milters;
	*ret_count = count;
	return CM_OK;
}

const char *cm_postfix_milter_option(const struct cm_postfix *postfix,
				     const struct cm_postfix_service *service,
				     const struct cm_postfix_milter *milter,
				     const char *name, struct cm_arena *arena)
{
	char setting[NAME_MAX_LEN];
	const char *p = milter->options;
	size_t n = strlen(name);

	for (;;) {
		p += strspn(p, separators);
		if (*p == '\0')
			break;
		if (strncmp(p, name, n) == 0 && p[n] == '=') {
			const char *value = cm_arena_dup(
				arena, p + n + 1, strcspn(p + n + 1, ", \t"));

			return value != NULL ? value : "";
		}
		p += strcspn(p, separators);
	}
	(void)snprintf(setting, sizeof(setting), "milter_%s", name);
	return cm_postfix_get(postfix, service, setting);
}

/* Names that signers have: OpenDKIM's by its package, rspamd's by its port. */
bool cm_milter_is_signer(const char *endpoint)
{
	static const char *const parts[] = {"dkim", ":8891", ":11332",
					    "rspamd"};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(endpoint, parts[i]) != NULL)
			return true;
	return false;
}

/* ---- values ------------------------------------------------------------- */

int cm_postfix_seconds(const char *text, uint64_t *ret_seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {
		{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	size_t n = strspn(text, "0123456789"), i;
	uint64_t value;

	if (cm_parse_u64(cm_span_n(text, n), UINT32_MAX, &value) != CM_OK)
		return CM_EDATA;
	if (text[n] == '\0') {
		*ret_seconds = value; /* all that we ask for are in seconds */
		return CM_OK;
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[n] != units[i].unit || text[n + 1] != '\0')
			continue;
		*ret_seconds = value * units[i].seconds;
		return CM_OK;
	}
	return CM_EDATA;
}

bool cm_postfix_list_has(const char *list, const char *word)
{
	for (;;) {
		size_t n;

		list += strspn(list, separators);
		n = strcspn(list, separators);
		if (n == 0)
			return false;
		if (n == strlen(word) && strncmp(list, word, n) == 0)
			return true;
		list += n;
	}
}

const char *cm_postfix_socket(const struct cm_postfix *postfix, bool chroot,
			      const char *path, struct cm_arena *arena)
{
	const char *queue = cm_postfix_get(postfix, NULL, "queue_directory");
	const char *full;

	if (path[0] == '/' && !chroot)
		return path;
	full = cm_arena_printf(arena, "%s%s%s", queue,
			       path[0] == '/' ? "" : "/", path);
	return full != NULL ? full : "";
}
