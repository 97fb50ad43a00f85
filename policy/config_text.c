/* See config_text.h. */
#include "policy/config_text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/str.h"

/* What the last token was, as far as the next one depends on it. */
enum token { NOTHING, STRING, EQUALS, LIST_OPEN, LIST_COMMA, OTHER };

struct scan {
	struct cm_config_text *out;
	struct cm_error *err;
	const char *file;
	const char *p, *end;
	int line;
	unsigned depth; /* of includes */
	enum token last;
	bool in_list, in_section;
	int list_line, section_line;
};

static int scan_file(struct scan *s, const char *file);

/* "file:line: " and the rest. */
static int fail_at(struct scan *s, int line, const char *what)
{
	return cm_fail(s->err, CM_ECONFIG, "%s:%d: %s", s->file, line, what);
}

static int fail(struct scan *s, const char *what)
{
	return fail_at(s, s->line, what);
}

static int full(struct scan *s)
{
	return cm_fail(s->err, CM_ELIMIT,
		       "%s: the configuration is larger than %d octets, or "
		       "memory is short",
		       s->file, CM_CONFIG_TEXT_MAX);
}

/* Begin a line of text that stands for the present line of the file. */
static int mark_line(struct scan *s)
{
	struct cm_config_line line = {s->file, s->line};

	if (cm_buf_add(&s->out->lines, &line, sizeof(line)) != CM_OK)
		return full(s);
	return CM_OK;
}

static int new_line(struct scan *s)
{
	if (cm_buf_addc(&s->out->text, '\n') != CM_OK)
		return full(s);
	return mark_line(s);
}

static int end_of_line(struct scan *s)
{
	s->p++;
	s->line++;
	return new_line(s);
}

static void skip_to_line_end(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

static int skip_comment(struct scan *s)
{
	int begin = s->line;
	int rc;

	for (s->p += 2; s->p < s->end;) {
		if (*s->p == '\n') {
			rc = end_of_line(s);
			if (rc != CM_OK)
				return rc;
		} else if (s->end - s->p >= 2 && memcmp(s->p, "*/", 2) == 0) {
			s->p += 2;
			return CM_OK;
		} else {
			s->p++;
		}
	}
	return fail_at(s, begin, "this comment has no \"*/\"");
}

/* A word or string goes on in single quotes, where nothing is expanded. */
static int emit_string(struct scan *s, struct cm_span value)
{
	struct cm_buf *out = &s->out->text;
	size_t i;

	if (s->in_list && s->last == STRING)
		return cm_fail(s->err, CM_ECONFIG,
			       "%s:%d: \",\" or \"}\" is missing in the list "
			       "that begins at line %d",
			       s->file, s->line, s->list_line);
	cm_buf_adds(out, " '");
	for (i = 0; i < value.n; i++) {
		if (value.p[i] == '\'' || value.p[i] == '\\')
			cm_buf_addc(out, '\\');
		cm_buf_addc(out, value.p[i]);
	}
	s->last = STRING;
	if (cm_buf_adds(out, "'") != CM_OK)
		return full(s);
	return CM_OK;
}

/* The next octet of a quoted string is fine, or why not. */
static int check_quoted(struct scan *s, char quote)
{
	bool two = s->end - s->p >= 2;

	if (*s->p == '\n' || *s->p == '\r')
		return fail(s, "the closing quote is missing");
	if ((unsigned char)*s->p < ' ' || *s->p == 0x7f)
		return fail(s, "a control character stands in the string");
	if (quote == '"' && two && s->p[0] == '$' && s->p[1] == '{')
		return fail(s, "\"${\": variables of the environment are not "
			       "expanded here (write the value itself)");
	if (*s->p == '\\' &&
	    !(two && (s->p[1] == '\\' || s->p[1] == '"' || s->p[1] == '\'')))
		return fail(s, "a backslash may only stand before a quote or "
			       "another backslash");
	return CM_OK;
}

static int read_quoted(struct scan *s, struct cm_buf *ret_value)
{
	char quote = *s->p;
	int rc;

	for (s->p++; s->p < s->end && *s->p != quote; s->p++) {
		rc = check_quoted(s, quote);
		if (rc != CM_OK)
			return rc;
		if (*s->p == '\\')
			s->p++;
		if (cm_buf_addc(ret_value, *s->p) != CM_OK)
			return full(s);
	}
	if (s->p == s->end)
		return fail(s, "the closing quote is missing");
	s->p++;
	return CM_OK;
}

static int quoted(struct scan *s)
{
	struct cm_buf value;
	int rc;

	cm_buf_init(&value, CM_CONFIG_TEXT_MAX);
	rc = read_quoted(s, &value);
	if (rc == CM_OK)
		rc = emit_string(s, cm_span_n(cm_buf_text(&value), value.len));
	cm_buf_free(&value);
	return rc;
}

static bool is_word(char c)
{
	return cm_ascii_alpha(c) || cm_ascii_digit(c) ||
	       (c != '\0' && strchr("-_./:@", c) != NULL);
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

/* A path in an include counts from the folder of the file it stands in. */
static int include_path(struct scan *s, struct cm_span name,
			const char **ret_path)
{
	const char *slash = strrchr(s->file, '/');
	int folder = slash == NULL ? 0 : (int)(slash - s->file + 1);
	char *path;

	if (name.n == 0)
		return fail(s, "include needs the name of a file");
	if (name.p[0] == '/')
		folder = 0;
	path = cm_arena_printf(s->out->arena, "%.*s%.*s", folder, s->file,
			       (int)name.n, name.p);
	if (path == NULL)
		return full(s);
	*ret_path = path;
	return CM_OK;
}

/* After the word: ("name"). */
static int include_name(struct scan *s, const char **ret_path)
{
	static const char usage[] = "write it as include(\"name of the file\")";
	struct cm_buf name;
	int rc;

	cm_buf_init(&name, PATH_MAX);
	skip_blanks(s);
	if (s->p == s->end || *s->p++ != '(')
		return fail(s, usage);
	skip_blanks(s);
	if (s->p == s->end || (*s->p != '"' && *s->p != '\''))
		return fail(s, usage);
	rc = read_quoted(s, &name);
	skip_blanks(s);
	if (rc == CM_OK && (s->p == s->end || *s->p++ != ')'))
		rc = fail(s, usage);
	if (rc == CM_OK)
		rc = include_path(s, cm_span_n(name.data, name.len), ret_path);
	cm_buf_free(&name);
	return rc;
}

static int include(struct scan *s)
{
	struct scan inner = *s;
	const char *path = NULL;
	int rc;

	if (s->in_section || s->last == EQUALS)
		return fail(s, "include stands outside sections");
	rc = include_name(s, &path);
	if (rc != CM_OK)
		return rc;
	if (++inner.depth > CM_CONFIG_INCLUDES)
		return fail(s, "files include one another too deeply");
	inner.line = s->line; /* for what is wrong with the file as a whole */
	rc = scan_file(&inner, path);
	s->last = NOTHING;
	return rc == CM_OK ? new_line(s) : rc;
}

static int word(struct scan *s)
{
	const char *begin = s->p;
	struct cm_span text;

	while (s->p < s->end && is_word(*s->p))
		s->p++;
	text = cm_span_n(begin, (size_t)(s->p - begin));
	if (cm_span_eq(text, cm_span("include")))
		return include(s);
	return emit_string(s, text);
}

static int open_brace(struct scan *s)
{
	int line;

	if (s->last == EQUALS) {
		s->in_list = true;
		s->list_line = s->line;
		s->last = LIST_OPEN;
		return CM_OK;
	}
	if (s->in_list)
		return fail(s, "a list cannot hold another");
	if (s->in_section)
		return cm_fail(s->err, CM_ECONFIG,
			       "%s:%d: this section has no \"}\" before the "
			       "next one begins at line %d",
			       s->file, s->section_line, s->line);
	s->in_section = true;
	s->section_line = s->line;
	s->last = OTHER;
	line = (int)(s->out->lines.len / sizeof(struct cm_config_line));
	if (cm_buf_add(&s->out->sections, &line, sizeof(line)) != CM_OK)
		return full(s);
	return CM_OK;
}

static int close_brace(struct scan *s)
{
	if (s->in_list) {
		if (s->last == LIST_OPEN)
			return fail(s, "an empty list (leave the setting out)");
		s->in_list = false;
	} else if (s->in_section) {
		s->in_section = false;
	} else {
		return fail(s, "\"}\" closes nothing");
	}
	s->last = OTHER;
	return CM_OK;
}

static int punctuation(struct scan *s)
{
	int rc = CM_OK;

	switch (*s->p) {
	case '{':
		rc = open_brace(s);
		break;
	case '}':
		rc = close_brace(s);
		break;
	case '+': /* of "+=" */
	case '=':
		s->last = EQUALS;
		break;
	default:
		s->last = s->in_list ? LIST_COMMA : OTHER;
	}
	if (rc == CM_OK && cm_buf_addc(&s->out->text, *s->p++) != CM_OK)
		rc = full(s);
	return rc;
}

static int stray(struct scan *s)
{
	unsigned char c = (unsigned char)*s->p;

	if (c <= ' ' || c >= 0x7f)
		return fail(s, "a control or non-ASCII character outside "
			       "quotes (write values in \"double quotes\")");
	return cm_fail(s->err, CM_ECONFIG,
		       "%s:%d: \"%c\" stands outside quotes (write values in "
		       "\"double quotes\")",
		       s->file, s->line, c);
}

static int next_token(struct scan *s)
{
	char c = *s->p;
	char after = s->end - s->p >= 2 ? s->p[1] : '\0';

	if (c == '\n')
		return end_of_line(s);
	if (c == ' ' || c == '\t' || (c == '\r' && after == '\n')) {
		s->p++;
		return CM_OK;
	}
	if (c == '#' || (c == '/' && after == '/')) {
		skip_to_line_end(s);
		return CM_OK;
	}
	if (c == '/' && after == '*')
		return skip_comment(s);
	if (c == '"' || c == '\'')
		return quoted(s);
	if (is_word(c))
		return word(s);
	if ((c != '\0' && strchr("{}=,", c) != NULL) ||
	    (c == '+' && after == '='))
		return punctuation(s);
	return stray(s);
}

static int check_octets(struct scan *s, struct cm_span bytes)
{
	const char *begin = bytes.p;
	const char *end = bytes.p + bytes.n;
	int line = 1;

	while (begin < end) {
		const char *stop = memchr(begin, '\n', (size_t)(end - begin));
		size_t n = (size_t)((stop == NULL ? end : stop) - begin);

		if (memchr(begin, '\0', n) != NULL)
			return fail_at(s, line,
				       "a NUL octet: this is not a "
				       "text file");
		if (!cm_utf8_valid(begin, n))
			return fail_at(s, line,
				       "not UTF-8 (save the file in "
				       "that encoding)");
		begin += n + 1;
		line++;
	}
	return CM_OK;
}

static int scan_bytes(struct scan *s, struct cm_span bytes)
{
	static const char bom[] = "\xef\xbb\xbf";
	int rc = check_octets(s, bytes);

	s->p = bytes.p;
	s->end = bytes.p + bytes.n;
	s->line = 1;
	if (cm_span_starts(bytes, bom))
		s->p += strlen(bom);
	if (rc == CM_OK)
		rc = new_line(s);
	while (rc == CM_OK && s->p < s->end)
		rc = next_token(s);
	if (rc != CM_OK)
		return rc;
	if (s->in_list)
		return fail_at(s, s->list_line, "this list has no \"}\"");
	if (s->in_section)
		return fail_at(s, s->section_line, "this section has no \"}\"");
	return CM_OK;
}

static int read_all(FILE *fp, struct cm_buf *ret_bytes)
{
	char chunk[8192];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), fp)) > 0)
		if (cm_buf_add(ret_bytes, chunk, n) != CM_OK)
			return CM_ELIMIT;
	return ferror(fp) ? CM_EIO : CM_OK;
}

/* s->file and s->line still say who names the file. */
static int cannot_read(struct scan *s, const char *file, int errnum)
{
	int rc = cm_fail_errno(s->err, errnum, "cannot read \"%s\"", file);

	if (s->depth > 0)
		cm_error_prefix(s->err, "%s:%d: ", s->file, s->line);
	return rc;
}

static int scan_file(struct scan *s, const char *file)
{
	struct cm_buf bytes;
	struct stat st;
	FILE *fp = NULL;
	int rc;

	cm_buf_init(&bytes, CM_CONFIG_TEXT_MAX);
	/* Looked at before opening: to open a FIFO is to wait for ever. */
	if (stat(file, &st) != 0 || (!S_ISREG(st.st_mode) && (errno = EISDIR)))
		return cannot_read(s, file, errno);
	fp = fopen(file, "re");
	if (fp == NULL)
		return cannot_read(s, file, errno);
	rc = read_all(fp, &bytes);
	if (rc == CM_EIO)
		rc = cannot_read(s, file, errno);
	s->file = file;
	if (rc == CM_ELIMIT)
		rc = full(s);
	if (rc == CM_OK)
		rc = scan_bytes(s, cm_span_n(cm_buf_text(&bytes), bytes.len));
	fclose(fp);
	cm_buf_free(&bytes);
	return rc;
}

int cm_config_text_read(const char *file, struct cm_arena *arena,
			struct cm_config_text *text, struct cm_error *err)
{
	struct scan s = {.out = text, .err = err, .line = 1};
	int rc;

	text->arena = arena;
	cm_buf_init(&text->text, 2 * CM_CONFIG_TEXT_MAX);
	cm_buf_init(&text->lines,
		    CM_CONFIG_TEXT_MAX * sizeof(struct cm_config_line));
	cm_buf_init(&text->sections, CM_CONFIG_TEXT_MAX * sizeof(int));
	s.file = cm_arena_strdup(arena, file);
	if (s.file == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = mark_line(&s);
	return rc == CM_OK ? scan_file(&s, s.file) : rc;
}

void cm_config_text_free(struct cm_config_text *text)
{
	cm_buf_free(&text->text);
	cm_buf_free(&text->lines);
	cm_buf_free(&text->sections);
}

struct cm_config_line cm_config_text_where(const struct cm_config_text *text,
					   int line)
{
	size_t count = text->lines.len / sizeof(struct cm_config_line);
	struct cm_config_line found = {"", 0};
	size_t at;

	if (count == 0)
		return found;
	at = line < 1 ? 0 : (size_t)line - 1;
	if (at >= count)
		at = count - 1;
	memcpy(&found, text->lines.data + at * sizeof(found), sizeof(found));
	return found;
}

int cm_config_text_section(const struct cm_config_text *text, size_t nth)
{
	int line;

	if (nth >= text->sections.len / sizeof(line))
		return 0;
	memcpy(&line, text->sections.data + nth * sizeof(line), sizeof(line));
	return line;
}
