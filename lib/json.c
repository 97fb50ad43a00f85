/*
 * See json.h.  Writing is our own: jansson sorts by octets only when asked,
 * escapes more than RFC 8785 does, and builds a tree where one pass will do.
 * A document is jansson's json_t seen through an incomplete type, so values
 * cost nothing.
 */
#include "lib/json.h"

#include <string.h>

#include <jansson.h>

#include "lib/clock.h"

/* ---- writing ---------------------------------------------------------- */

void cm_json_init(struct cm_json_writer *writer, struct cm_buf *out,
		  enum cm_json_style style)
{
	memset(writer, 0, sizeof(*writer));
	writer->out = out;
	writer->style = style;
}

static void fail(struct cm_json_writer *writer, int code)
{
	if (writer->failed == CM_OK)
		writer->failed = code;
}

static void new_line(struct cm_json_writer *writer)
{
	size_t i;

	if (writer->style != CM_JSON_PRETTY)
		return;
	(void)cm_buf_addc(writer->out, '\n');
	for (i = 0; i < writer->depth; i++)
		(void)cm_buf_add(writer->out, "  ", 2);
}

/* What stands between the items of one level. */
static void separate(struct cm_json_writer *writer)
{
	if (writer->level[writer->depth - 1].count++ > 0)
		(void)cm_buf_addc(writer->out, ',');
	new_line(writer);
}

/* May a value stand here?  If so, write what separates it from the last. */
static bool open_value(struct cm_json_writer *writer)
{
	if (writer->failed != CM_OK)
		return false;
	if (writer->depth == 0 && !writer->done)
		return true;
	if (writer->depth > 0 && writer->level[writer->depth - 1].object &&
	    writer->named) {
		writer->named = false;
		return true;
	}
	if (writer->depth > 0 && !writer->level[writer->depth - 1].object) {
		separate(writer);
		return true;
	}
	fail(writer, CM_EDATA);
	return false;
}

static void close_value(struct cm_json_writer *writer)
{
	if (writer->depth > 0)
		return;
	writer->done = true;
	if (writer->style == CM_JSON_PRETTY)
		(void)cm_buf_addc(writer->out, '\n');
}

static void begin(struct cm_json_writer *writer, bool object)
{
	if (!open_value(writer))
		return;
	if (writer->depth == CM_JSON_DEPTH) {
		fail(writer, CM_ELIMIT);
		return;
	}
	memset(&writer->level[writer->depth], 0, sizeof(writer->level[0]));
	writer->level[writer->depth].object = object;
	writer->depth++;
	(void)cm_buf_addc(writer->out, object ? '{' : '[');
}

void cm_json_begin_object(struct cm_json_writer *writer)
{
	begin(writer, true);
}

void cm_json_begin_array(struct cm_json_writer *writer)
{
	begin(writer, false);
}

void cm_json_end(struct cm_json_writer *writer)
{
	bool object, empty;

	if (writer->failed != CM_OK)
		return;
	if (writer->depth == 0 || writer->named) {
		fail(writer, CM_EDATA);
		return;
	}
	object = writer->level[writer->depth - 1].object;
	empty = writer->level[writer->depth - 1].count == 0;
	writer->depth--;
	if (!empty)
		new_line(writer);
	(void)cm_buf_addc(writer->out, object ? '}' : ']');
	close_value(writer);
}

static bool needs_escape(char c)
{
	return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

/* RFC 8785, 3.2.2.2: two-character escapes where there are any, \u00xx for
 * other control characters. */
static void write_escape(struct cm_buf *out, unsigned char c)
{
	static const char short_escape[32] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',
		['\f'] = 'f', ['\r'] = 'r',
	};

	if (c >= 0x20)
		(void)cm_buf_addf(out, "\\%c", c);
	else if (short_escape[c] != '\0')
		(void)cm_buf_addf(out, "\\%c", short_escape[c]);
	else
		(void)cm_buf_addf(out, "\\u%04x", c);
}

/* Octets from p on that need no escape; eight at a time. */
static size_t plain_run(const char *p, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;

	for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t word, quote, slash;

		/* zero octets where there is one; a borrow says it too soon */
		memcpy(&word, p + i, sizeof(word));
		quote = word ^ (ones * '"');
		slash = word ^ (ones * '\\');
		if (((((word - ones * 0x20) & ~word) |
		      ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) &
		     (ones << 7)) != 0)
			break;
	}
	while (i < n && !needs_escape(p[i]))
		i++;
	return i;
}

/* "text", with what may follow it (':'), as one piece: most need no escape. */
static bool write_plain(struct cm_buf *out, struct cm_span text, bool colon)
{
	char *to;

	if (plain_run(text.p, text.n) < text.n ||
	    cm_buf_reserve(out, text.n + 2 + colon) != CM_OK)
		return false;
	to = out->data + out->len;
	*to++ = '"';
	if (text.n > 0)
		memcpy(to, text.p, text.n);
	to += text.n;
	*to++ = '"';
	if (colon)
		*to++ = ':';
	*to = '\0';
	out->len = (size_t)(to - out->data);
	return true;
}

/* Everything but what needs an escape stands as it is. */
static void write_text(struct cm_buf *out, struct cm_span text)
{
	if (write_plain(out, text, false))
		return;
	(void)cm_buf_addc(out, '"');
	while (text.n > 0) {
		size_t run = plain_run(text.p, text.n);

		(void)cm_buf_add(out, text.p, run);
		if (run < text.n)
			write_escape(out, (unsigned char)text.p[run++]);
		text.p += run;
		text.n -= run;
	}
	(void)cm_buf_addc(out, '"');
}

/* Printable ASCII without escapes, so that octets sort as RFC 8785 asks. */
static bool is_plain_name(struct cm_span name)
{
	return plain_run(name.p, name.n) == name.n &&
	       cm_ascii_only(name.p, name.n) &&
	       (name.n == 0 || memchr(name.p, 0x7f, name.n) == NULL);
}

static bool name_may_follow(struct cm_json_writer *writer, struct cm_span name)
{
	size_t at, n;

	if (name.n > CM_JSON_NAME_MAX)
		return false;
	if (writer->style != CM_JSON_CANONICAL)
		return cm_utf8_valid(name.p, name.n);
	if (!is_plain_name(name))
		return false;
	if (writer->level[writer->depth - 1].count == 0)
		return true;
	at = writer->level[writer->depth - 1].name_at;
	n = writer->level[writer->depth - 1].name_n;
	return cm_span_cmp(cm_span_n(writer->out->data + at, n), name) < 0;
}

void cm_json_name_span(struct cm_json_writer *writer, struct cm_span name)
{
	if (writer->failed != CM_OK || cm_buf_ok(writer->out) != CM_OK)
		return;
	if (writer->depth == 0 || writer->named ||
	    !writer->level[writer->depth - 1].object ||
	    !name_may_follow(writer, name)) {
		fail(writer, CM_EDATA);
		return;
	}
	separate(writer);
	writer->level[writer->depth - 1].name_at = writer->out->len + 1;
	writer->level[writer->depth - 1].name_n = name.n;
	if (!write_plain(writer->out, name, true)) {
		write_text(writer->out, name);
		(void)cm_buf_addc(writer->out, ':');
	}
	if (writer->style == CM_JSON_PRETTY)
		(void)cm_buf_addc(writer->out, ' ');
	writer->named = true;
}

void cm_json_name(struct cm_json_writer *writer, const char *name)
{
	cm_json_name_span(writer, cm_span(name));
}

void cm_json_add_text(struct cm_json_writer *writer, struct cm_span text)
{
	if (!open_value(writer))
		return;
	if (!cm_utf8_valid(text.p, text.n)) {
		fail(writer, CM_EDATA);
		return;
	}
	write_text(writer->out, text);
	close_value(writer);
}

void cm_json_add_int(struct cm_json_writer *writer, int64_t value)
{
	if (value > CM_JSON_INT_MAX || value < -CM_JSON_INT_MAX) {
		fail(writer, CM_EDATA);
		return;
	}
	if (!open_value(writer))
		return;
	(void)cm_buf_add_int(writer->out, value);
	close_value(writer);
}

static void add_word(struct cm_json_writer *writer, const char *word)
{
	if (!open_value(writer))
		return;
	(void)cm_buf_adds(writer->out, word);
	close_value(writer);
}

void cm_json_add_bool(struct cm_json_writer *writer, bool value)
{
	add_word(writer, value ? "true" : "false");
}

void cm_json_add_null(struct cm_json_writer *writer)
{
	add_word(writer, "null");
}

void cm_json_put_text(struct cm_json_writer *writer, const char *name,
		      const char *text)
{
	cm_json_name(writer, name);
	if (text != NULL)
		cm_json_add_text(writer, cm_span(text));
	else
		cm_json_add_null(writer);
}

void cm_json_put_span(struct cm_json_writer *writer, const char *name,
		      struct cm_span text)
{
	cm_json_name(writer, name);
	cm_json_add_text(writer, text);
}

void cm_json_put_int(struct cm_json_writer *writer, const char *name,
		     int64_t value)
{
	cm_json_name(writer, name);
	cm_json_add_int(writer, value);
}

void cm_json_put_bool(struct cm_json_writer *writer, const char *name,
		      bool value)
{
	cm_json_name(writer, name);
	cm_json_add_bool(writer, value);
}

void cm_json_put_time(struct cm_json_writer *writer, const char *name,
		      int64_t ms)
{
	char text[CM_CLOCK_TEXT];

	cm_json_put_text(writer, name,
			 ms == 0 ? NULL : cm_clock_format(ms, text));
}

const char *cm_json_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

int cm_json_done(struct cm_json_writer *writer)
{
	if (cm_buf_ok(writer->out) != CM_OK)
		return cm_buf_ok(writer->out);
	if (writer->failed != CM_OK)
		return writer->failed;
	return writer->done ? CM_OK : CM_EDATA;
}

/* ---- reading ----------------------------------------------------------- */

static const json_t *tree(const struct cm_json_value *value)
{
	return (const json_t *)value;
}

static const struct cm_json_value *value_of(const json_t *node)
{
	return (const struct cm_json_value *)node;
}

/* Only what the writer can write, and no deeper. */
static int check_tree(const json_t *node, size_t depth)
{
	const json_t *child;
	const char *name;
	size_t i;

	if (json_is_real(node))
		return CM_EDATA;
	if (json_is_integer(node)) {
		json_int_t v = json_integer_value(node);

		return v <= CM_JSON_INT_MAX && v >= -CM_JSON_INT_MAX ? CM_OK
								     : CM_EDATA;
	}
	if (!json_is_object(node) && !json_is_array(node))
		return CM_OK;
	if (depth == CM_JSON_DEPTH)
		return CM_ELIMIT;
	json_array_foreach(node, i, child)
	{
		int rc = check_tree(child, depth + 1);

		if (rc != CM_OK)
			return rc;
	}
	/* The macro wants a json_t it may change; nothing here changes it. */
	json_object_foreach((json_t *)(uintptr_t)node, name, child)
	{
		int rc = check_tree(child, depth + 1);

		if (rc != CM_OK)
			return rc;
	}
	return CM_OK;
}

int cm_json_read(struct cm_span text, size_t max, struct cm_json **ret_json,
		 struct cm_error *err)
{
	json_error_t why;
	json_t *node;
	int rc;

	if (text.n > max)
		return cm_fail(err, CM_ELIMIT,
			       "JSON of %zu octets, more than the %zu allowed",
			       text.n, max);
	node = json_loadb(text.n > 0 ? text.p : "", text.n,
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (node == NULL)
		return cm_fail(err, CM_EDATA,
			       "line %d, column %d is not the JSON that was "
			       "expected",
			       why.line, why.column);
	rc = check_tree(node, 0);
	if (rc != CM_OK) {
		json_decref(node);
		return cm_fail(err, rc,
			       rc == CM_ELIMIT
				       ? "JSON nested deeper than %d levels"
				       : "JSON with a number that is no "
					 "integer of at most 53 bits",
			       (int)CM_JSON_DEPTH);
	}
	*ret_json = (struct cm_json *)node;
	return CM_OK;
}

void cm_json_free(struct cm_json **json)
{
	json_decref((json_t *)*json); /* takes NULL */
	*json = NULL;
}

const struct cm_json_value *cm_json_root(const struct cm_json *json)
{
	return (const struct cm_json_value *)json;
}

enum cm_json_kind cm_json_kind(const struct cm_json_value *value)
{
	static const enum cm_json_kind kinds[] = {
		[JSON_OBJECT] = CM_JSON_OBJECT, [JSON_ARRAY] = CM_JSON_ARRAY,
		[JSON_STRING] = CM_JSON_TEXT,   [JSON_INTEGER] = CM_JSON_INT,
		[JSON_TRUE] = CM_JSON_BOOL,     [JSON_FALSE] = CM_JSON_BOOL,
		[JSON_NULL] = CM_JSON_NULL,
	};

	return value != NULL ? kinds[json_typeof(tree(value))] : CM_JSON_ABSENT;
}

const struct cm_json_value *cm_json_member(const struct cm_json_value *value,
					   const char *name)
{
	return value_of(json_object_get(tree(value), name));
}

size_t cm_json_count(const struct cm_json_value *value)
{
	return cm_json_kind(value) == CM_JSON_ARRAY
		       ? json_array_size(tree(value))
		       : json_object_size(tree(value));
}

const struct cm_json_value *cm_json_item(const struct cm_json_value *value,
					 size_t index)
{
	return value_of(json_array_get(tree(value), index));
}

struct cm_span cm_json_text(const struct cm_json_value *value)
{
	if (cm_json_kind(value) != CM_JSON_TEXT)
		return cm_span_n("", 0);
	return cm_span_n(json_string_value(tree(value)),
			 json_string_length(tree(value)));
}

int64_t cm_json_int(const struct cm_json_value *value)
{
	return json_integer_value(tree(value)); /* 0 for other kinds */
}

bool cm_json_bool(const struct cm_json_value *value)
{
	return value != NULL && json_is_true(tree(value));
}

bool cm_json_next(const struct cm_json_value *object, struct cm_json_iter *iter,
		  const char **ret_name, const struct cm_json_value **ret_value)
{
	json_t *node = (json_t *)(uintptr_t)object; /* iterating needs it */

	iter->at = iter->begun ? json_object_iter_next(node, iter->at)
			       : json_object_iter(node);
	iter->begun = true;
	if (iter->at == NULL)
		return false;
	*ret_name = json_object_iter_key(iter->at);
	*ret_value = value_of(json_object_iter_value(iter->at));
	return true;
}
