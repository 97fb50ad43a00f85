/* See phrase.h. */
#include "lib/phrase.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/enc.h"

#define WORD_BEGIN "=?utf-8?B?"
#define WORD_END   "?="

enum {
	LINE_MAX_LEN = 76, /* RFC 2047, 2 */
	/* Octets of text in a word on a line of its own, after the blank;
	 * base64 makes 4 of 3. */
	WORD_ROOM =
		(LINE_MAX_LEN - 1 - (int)sizeof(WORD_BEGIN WORD_END)) / 4 * 3,
	/* Of a text of any length that a config may have. */
	PHRASE_MAX = 4096,
};

/* RFC 5322, 3.2.3, and blanks between words. */
static bool is_atoms(struct cm_span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!cm_ascii_alpha(text.p[i]) && !cm_ascii_digit(text.p[i]) &&
		    strchr(" !#$%&'*+-/=?^_`{|}~", text.p[i]) == NULL)
			return false;
	/* It would be taken for what it looks like. */
	return text.n > 0 && strstr(text.p, "=?") == NULL;
}

static void quote(struct cm_span text, struct cm_buf *out)
{
	size_t i;

	(void)cm_buf_addc(out, '"');
	for (i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			(void)cm_buf_addc(out, '\\');
		(void)cm_buf_addc(out, text.p[i]);
	}
	(void)cm_buf_addc(out, '"');
}

/* No character is cut in two (RFC 2047, 5). */
static size_t whole_characters(struct cm_span text, size_t room)
{
	size_t n = text.n < room ? text.n : room;

	while (n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Blanks between two encoded-words are nobody's, so each may fold. */
static void encode(struct cm_span text, size_t column, struct cm_buf *out)
{
	char word[CM_BASE64_LEN(WORD_ROOM) + 1];
	size_t frame = sizeof(WORD_BEGIN WORD_END) - 1;
	size_t left = column + frame < LINE_MAX_LEN
			      ? LINE_MAX_LEN - column - frame
			      : 0;
	size_t room = left / 4 * 3 < WORD_ROOM ? left / 4 * 3 : WORD_ROOM;

	while (text.n > 0) {
		size_t n = whole_characters(text, room);

		if (n > 0) {
			(void)cm_base64_encode(text.p, n, word);
			(void)cm_buf_addf(out, WORD_BEGIN "%s" WORD_END, word);
			text = cm_span_n(text.p + n, text.n - n);
		}
		if (text.n > 0)
			(void)cm_buf_adds(out, "\n ");
		room = WORD_ROOM;
	}
}

const char *cm_phrase(const char *text, size_t column, struct cm_arena *arena)
{
	struct cm_span span = cm_span(text);
	const char *copy = NULL;
	struct cm_buf out;

	cm_buf_init(&out, PHRASE_MAX);
	if (!cm_ascii_only(span.p, span.n) || strstr(text, "=?") != NULL)
		encode(span, column, &out);
	else if (is_atoms(span))
		(void)cm_buf_adds(&out, text);
	else
		quote(span, &out);
	if (cm_buf_ok(&out) == CM_OK)
		copy = cm_arena_dup(arena, cm_buf_text(&out), out.len);
	cm_buf_free(&out);
	return copy;
}
