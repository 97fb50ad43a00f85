/*
 * json - canonical JSON out, strict JSON in.
 *
 * The writer appends to a cm_buf.  CM_JSON_CANONICAL is the part of RFC 8785
 * that we use: no spaces, members in ascending order of their names, integers
 * that a double holds exactly, the shortest escapes; names are printable
 * ASCII, so that octet order is the order the RFC asks for.  The other two
 * styles keep the caller's order, for --json output.  A value in the wrong
 * place, a name out of order, text that is not UTF-8: the writer fails for
 * good, and cm_json_done() tells once at the end.
 *
 * The reader takes one value and nothing after it: no duplicate names, no
 * fractions or exponents, no NUL in text, at most CM_JSON_DEPTH levels.
 *
 * The only file that includes <jansson.h>.  Not thread safe per object.
 */
#ifndef CM_LIB_JSON_H
#define CM_LIB_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

enum {
	CM_JSON_DEPTH = 16,    /* our own documents need five */
	CM_JSON_NAME_MAX = 320 /* octets of a name; an address fits */
};

/* RFC 8785, 3.2.2.3: what every reader in the world takes as it stands. */
#define CM_JSON_INT_MAX ((INT64_C(1) << 53) - 1)

/* ---- writing ---------------------------------------------------------- */

enum cm_json_style {
	CM_JSON_CANONICAL, /* RFC 8785; hashed and signed things */
	CM_JSON_COMPACT,   /* one line, in the caller's order */
	CM_JSON_PRETTY     /* ditto, indented by two, a final newline */
};

struct cm_json_writer {
	struct cm_buf *out; /* the caller's */
	enum cm_json_style style;
	int failed; /* CM_OK or the first error; sticks */
	size_t depth;
	bool done;  /* the one value at the top is complete */
	bool named; /* a name was written, its value is due */
	struct {
		bool object;
		size_t count;
		size_t name_at; /* where in out the last name stands */
		size_t name_n;
	} level[CM_JSON_DEPTH];
};

void cm_json_init(struct cm_json_writer *writer, struct cm_buf *out,
		  enum cm_json_style style);

void cm_json_begin_object(struct cm_json_writer *writer);
void cm_json_begin_array(struct cm_json_writer *writer);
void cm_json_end(struct cm_json_writer *writer); /* of the innermost */
void cm_json_name(struct cm_json_writer *writer, const char *name);
void cm_json_name_span(struct cm_json_writer *writer, struct cm_span name);

void cm_json_add_text(struct cm_json_writer *writer, struct cm_span text);
void cm_json_add_int(struct cm_json_writer *writer, int64_t value);
void cm_json_add_bool(struct cm_json_writer *writer, bool value);
void cm_json_add_null(struct cm_json_writer *writer);

/* A name and its value in one; text NULL gives null. */
void cm_json_put_text(struct cm_json_writer *writer, const char *name,
		      const char *text);
void cm_json_put_span(struct cm_json_writer *writer, const char *name,
		      struct cm_span text);
void cm_json_put_int(struct cm_json_writer *writer, const char *name,
		     int64_t value);
void cm_json_put_bool(struct cm_json_writer *writer, const char *name,
		      bool value);

/* A time in RFC 3339, or null for 0. */
void cm_json_put_time(struct cm_json_writer *writer, const char *name,
		      int64_t ms);
/* NULL for "": to put null. */
const char *cm_json_or_null(const char *text);

/* CM_OK if the value is complete and nothing went wrong; else CM_EDATA, or
 * what the buffer says.  On failure out holds the beginning of a text. */
CM_MUST_CHECK int cm_json_done(struct cm_json_writer *writer);

/* ---- reading ----------------------------------------------------------- */

enum cm_json_kind {
	CM_JSON_ABSENT, /* what asking for a missing member gives */
	CM_JSON_NULL,
	CM_JSON_BOOL,
	CM_JSON_INT,
	CM_JSON_TEXT,
	CM_JSON_ARRAY,
	CM_JSON_OBJECT
};

struct cm_json;       /* a document; owns its values */
struct cm_json_value; /* borrowed from the document; NULL is an absent one */

/*
 * max: octets of text that are accepted, CM_ELIMIT beyond.  CM_EDATA with
 * line and reason otherwise; the text of *err never quotes the input.
 */
CM_MUST_CHECK int cm_json_read(struct cm_span text, size_t max,
			       struct cm_json **ret_json, struct cm_error *err);
void cm_json_free(struct cm_json **json);

const struct cm_json_value *cm_json_root(const struct cm_json *json);
enum cm_json_kind cm_json_kind(const struct cm_json_value *value);

/* NULL if value is no object or has no such member. */
const struct cm_json_value *cm_json_member(const struct cm_json_value *value,
					   const char *name);
/* Items of an array, members of an object; 0 for anything else. */
size_t cm_json_count(const struct cm_json_value *value);
/* NULL if value is no array or has no such item. */
const struct cm_json_value *cm_json_item(const struct cm_json_value *value,
					 size_t index);

/* Of another kind: the empty span, 0, false. */
struct cm_span cm_json_text(const struct cm_json_value *value);
int64_t cm_json_int(const struct cm_json_value *value);
bool cm_json_bool(const struct cm_json_value *value);

/* Members of an object in any order: init with {NULL}, false at the end. */
struct cm_json_iter {
	void *at; /* the library's */
	bool begun;
};
bool cm_json_next(const struct cm_json_value *object, struct cm_json_iter *iter,
		  const char **ret_name,
		  const struct cm_json_value **ret_value);

#endif
