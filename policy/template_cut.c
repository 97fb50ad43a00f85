/* See template_cut.h. */
#include "policy/template_cut.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"

static const struct cm_template_name names[] = {
	{"controller", CM_TEMPLATE_USE_FOOTER, false},
	{"address", CM_TEMPLATE_USE_FOOTER, false},
	{"contact", CM_TEMPLATE_USE_FOOTER, false},
	{"purpose", CM_TEMPLATE_USE_FOOTER, false},
	{"link", CM_TEMPLATE_USE_FOOTER, false},
	{"language", CM_TEMPLATE_USE_FOOTER, false},
	{"dir", CM_TEMPLATE_USE_FOOTER, false},
	{"marker", CM_TEMPLATE_USE_OPTIONAL, false},
	/* Of every page. */
	{"brand", CM_TEMPLATE_USE_PAGE, false},
	{"title", CM_TEMPLATE_USE_PAGE, false},
	{"base", CM_TEMPLATE_USE_PAGE, false},
	{"colour", CM_TEMPLATE_USE_PAGE, false},
	{"on-colour", CM_TEMPLATE_USE_PAGE, false},
	{"colour-dark", CM_TEMPLATE_USE_PAGE, false},
	{"on-colour-dark", CM_TEMPLATE_USE_PAGE, false},
	{"privacy-notice", CM_TEMPLATE_USE_OPTIONAL, false},
	{"main", CM_TEMPLATE_USE_PAGE, true},
	{"who", CM_TEMPLATE_USE_PAGE, true},
	{"privacy", CM_TEMPLATE_USE_PAGE, true},
	/* Of some. */
	{"everything", CM_TEMPLATE_USE_PAGE, false},
	{"depth", CM_TEMPLATE_USE_PAGE, false},
	{"email", CM_TEMPLATE_USE_PAGE, false},
	{"path", CM_TEMPLATE_USE_PAGE, false},
	{"preferences", CM_TEMPLATE_USE_PAGE, false},
	{"purposes", CM_TEMPLATE_USE_PAGE, true},
	{"ticket", CM_TEMPLATE_USE_PAGE, false},
	{"about-text", CM_TEMPLATE_USE_PAGE, false},
	{"label", CM_TEMPLATE_USE_PAGE, false},
	{"number", CM_TEMPLATE_USE_PAGE, false},
	{"value", CM_TEMPLATE_USE_PAGE, false},
	{"about-person", CM_TEMPLATE_USE_PAGE, true},
	{"erase", CM_TEMPLATE_USE_PAGE, true},
	{"events", CM_TEMPLATE_USE_PAGE, true},
	{"lost", CM_TEMPLATE_USE_PAGE, true},
	{"rights", CM_TEMPLATE_USE_PAGE, true},
	{"rows", CM_TEMPLATE_USE_PAGE, true},
	{"send", CM_TEMPLATE_USE_PAGE, true},
	{"sent", CM_TEMPLATE_USE_PAGE, true},
	{"standings", CM_TEMPLATE_USE_PAGE, true},
	{"take", CM_TEMPLATE_USE_PAGE, true},
	{"form", CM_TEMPLATE_USE_PAGE, false},
	{"heading", CM_TEMPLATE_USE_PAGE, false},
	{"intro-text", CM_TEMPLATE_USE_PAGE, false},
	{"about", CM_TEMPLATE_USE_PAGE, true},
	{"again", CM_TEMPLATE_USE_PAGE, true},
	{"all", CM_TEMPLATE_USE_PAGE, true},
	{"choices", CM_TEMPLATE_USE_PAGE, true},
	{"intro", CM_TEMPLATE_USE_PAGE, true},
	{"manage", CM_TEMPLATE_USE_PAGE, true},
	{"notice", CM_TEMPLATE_USE_PAGE, true},
	{"reasons", CM_TEMPLATE_USE_PAGE, true},
	{"ticked", CM_TEMPLATE_USE_PAGE, true},
	{"undo", CM_TEMPLATE_USE_PAGE, true},
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static const char text_prefix[] = "text:";

size_t cm_template_names(void)
{
	return NAMES;
}

const struct cm_template_name *cm_template_name_at(size_t index)
{
	return &names[index];
}

/* ---- files -------------------------------------------------------------- */

static int read_all(FILE *stream, const char *path, struct cm_buf *buf,
		    struct cm_error *err)
{
	if (cm_buf_reserve(buf, CM_TEMPLATE_FILE_MAX + 1) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "no memory for template %s",
			       path);
	buf->len = fread(buf->data, 1, CM_TEMPLATE_FILE_MAX + 1, stream);
	if (ferror(stream))
		return cm_fail_errno(err, errno, "cannot read template %s",
				     path);
	if (buf->len > CM_TEMPLATE_FILE_MAX)
		return cm_fail(err, CM_ECONFIG,
			       "template %s is over %d octets; shorten it",
			       path, (int)CM_TEMPLATE_FILE_MAX);
	if (!cm_utf8_valid(buf->data, buf->len) ||
	    memchr(buf->data, '\0', buf->len) != NULL)
		return cm_fail(err, CM_ECONFIG,
			       "template %s is not UTF-8 text; save it as "
			       "UTF-8",
			       path);
	return CM_OK;
}

int cm_template_file_read(struct cm_template_file *file, struct cm_error *err)
{
	FILE *stream = fopen(file->path, "re");
	struct cm_buf buf;
	const char *copy;
	int rc;

	if (stream == NULL)
		return cm_fail_errno(err, errno, "cannot read template %s",
				     file->path);
	cm_buf_init(&buf, CM_TEMPLATE_FILE_MAX + 1);
	rc = read_all(stream, file->path, &buf, err);
	(void)fclose(stream);
	if (rc == CM_OK) {
		copy = cm_arena_dup(file->arena, buf.data, buf.len);
		if (copy != NULL)
			file->all = cm_span_n(copy, buf.len);
		else
			rc = cm_fail(err, CM_ENOMEM,
				     "no memory for template %s", file->path);
	}
	cm_buf_free(&buf);
	return rc;
}

int cm_template_line(const struct cm_template_file *file, const char *at)
{
	const char *p;
	int line = 1;

	for (p = file->all.p; p < at; p++)
		line += *p == '\n';
	return line;
}

/* ---- cutting ------------------------------------------------------------ */

static const char *find2(const char *p, const char *end, const char *what)
{
	for (; p + 2 <= end; p++)
		if (p[0] == what[0] && p[1] == what[1])
			return p;
	return NULL;
}

static size_t count_pieces(struct cm_span part)
{
	const char *end = part.p + part.n;
	const char *p = part.p;
	size_t n = 1;

	while ((p = find2(p, end, "{{")) != NULL) {
		p += 2;
		n++;
	}
	return n;
}

static bool may_stand(const struct cm_template_file *file, size_t i)
{
	return names[i].use != CM_TEMPLATE_USE_PAGE ||
	       file->use == CM_TEMPLATE_USE_PAGE;
}

static int bad_name(const struct cm_template_file *file, struct cm_span word,
		    struct cm_error *err)
{
	const char *known[NAMES];
	char text[32];
	const char *like;
	struct cm_buf list;
	size_t i, n = 0;

	cm_buf_init(&list, CM_ERROR_MAX);
	for (i = 0; i < NAMES; i++) {
		if (!may_stand(file, i))
			continue;
		(void)cm_buf_addf(&list, "%s%s", n > 0 ? ", " : "",
				  names[i].name);
		known[n++] = names[i].name;
	}
	(void)snprintf(text, sizeof(text), "%.*s",
		       (int)(word.n < 31 ? word.n : 31), word.p);
	like = cm_suggest(text, known, n);
	(void)cm_fail(err, CM_ECONFIG,
		      "%s:%d: unknown name {{%s}}%s%s%s; known are %s%s",
		      file->path, cm_template_line(file, word.p), text,
		      like != NULL ? " (did you mean {{" : "",
		      like != NULL ? like : "", like != NULL ? "}}?)" : "",
		      cm_buf_text(&list),
		      file->find_text != NULL ? ", and text:KEY" : "");
	cm_buf_free(&list);
	return CM_ECONFIG;
}

static int resolve(const struct cm_template_file *file, struct cm_span word,
		   struct cm_piece *piece, struct cm_error *err)
{
	size_t skip = sizeof(text_prefix) - 1;
	size_t i;

	if (file->find_text != NULL && cm_span_starts(word, text_prefix)) {
		piece->kind = CM_PIECE_TEXT;
		return file->find_text(file->ctx,
				       cm_span_n(word.p + skip, word.n - skip),
				       file, cm_template_line(file, word.p),
				       &piece->index, err);
	}
	for (i = 0; i < NAMES; i++) {
		if (!cm_span_eq(word, cm_span(names[i].name)) ||
		    !may_stand(file, i))
			continue;
		piece->kind = CM_PIECE_VALUE;
		piece->index = i;
		return CM_OK;
	}
	return bad_name(file, word, err);
}

int cm_template_cut(const struct cm_template_file *file, struct cm_span part,
		    struct cm_pieces *ret_pieces, struct cm_error *err)
{
	const char *p = part.p;
	const char *end = p + part.n;
	const char *open;
	struct cm_piece *list =
		cm_arena_array(file->arena, count_pieces(part), sizeof(*list));
	size_t n = 0;
	int rc;

	if (list == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for %s", file->path);
	while ((open = find2(p, end, "{{")) != NULL) {
		const char *close = find2(open + 2, end, "}}");
		struct cm_span word;

		if (close == NULL)
			return cm_fail(
				err, CM_ECONFIG, "%s:%d: \"{{\" without \"}}\"",
				file->path, cm_template_line(file, open));
		word = cm_span_n(open + 2, (size_t)(close - open - 2));
		rc = resolve(file, cm_span_trim(word), &list[n], err);
		if (rc != CM_OK)
			return rc;
		list[n++].literal = cm_span_n(p, (size_t)(open - p));
		p = close + 2;
	}
	list[n].literal = cm_span_n(p, (size_t)(end - p));
	list[n++].kind = CM_PIECE_END;
	ret_pieces->list = list;
	ret_pieces->count = n;
	return CM_OK;
}
