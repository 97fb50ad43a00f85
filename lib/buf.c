/* See buf.h. */
#include "lib/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CM_BUF_FIRST = 256 }; /* most texts we build fit in this */

void cm_buf_init(struct cm_buf *buf, size_t max)
{
	memset(buf, 0, sizeof(*buf));
	buf->max = max;
}

void cm_buf_free(struct cm_buf *buf)
{
	size_t max = buf->max;

	free(buf->data);
	cm_buf_init(buf, max);
}

void cm_buf_reset(struct cm_buf *buf)
{
	buf->len = 0;
	buf->failed = CM_OK;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

void cm_buf_cut(struct cm_buf *buf, size_t len)
{
	if (len >= buf->len)
		return;
	buf->len = len;
	buf->data[len] = '\0';
}

int cm_buf_reserve(struct cm_buf *buf, size_t len)
{
	size_t cap;
	char *data;

	if (buf->failed != CM_OK)
		return buf->failed;
	/* cap is at most max + 1, so what fits is allowed */
	if (len < buf->cap - buf->len)
		return CM_OK;
	if (len > buf->max - buf->len || buf->max == SIZE_MAX)
		return buf->failed = CM_ELIMIT;
	/* Half as much again: a large realloc moves pages, not bytes. */
	cap = buf->cap + buf->cap / 2;
	if (cap < buf->len + len + 1)
		cap = buf->len + len + 1;
	if (cap < CM_BUF_FIRST)
		cap = CM_BUF_FIRST;
	if (cap > buf->max + 1)
		cap = buf->max + 1;
	data = realloc(buf->data, cap);
	if (data == NULL)
		return buf->failed = CM_ENOMEM;
	buf->data = data;
	buf->cap = cap;
	buf->data[buf->len] = '\0';
	return CM_OK;
}

int cm_buf_add(struct cm_buf *buf, const void *data, size_t len)
{
	int rc = cm_buf_reserve(buf, len);

	if (rc != CM_OK)
		return rc;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return CM_OK;
}

int cm_buf_adds(struct cm_buf *buf, const char *text)
{
	return cm_buf_add(buf, text, strlen(text));
}

int cm_buf_addc(struct cm_buf *buf, char c)
{
	int rc = cm_buf_reserve(buf, 1);

	if (rc != CM_OK)
		return rc;
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
	return CM_OK;
}

int cm_buf_add_int(struct cm_buf *buf, int64_t value)
{
	char digits[20]; /* "-9223372036854775808" */
	size_t at = sizeof(digits);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		digits[--at] = '-';
	return cm_buf_add(buf, digits + at, sizeof(digits) - at);
}

int cm_buf_addf(struct cm_buf *buf, const char *fmt, ...)
{
	size_t room = buf->failed == CM_OK ? buf->cap - buf->len : 0;
	va_list ap;
	int n;

	/* Where it is to go: most fits, and formatting is what costs. */
	va_start(ap, fmt);
	n = vsnprintf(room > 0 ? buf->data + buf->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < room) {
		buf->len += (size_t)n;
		return CM_OK;
	}
	if (room > 0)
		buf->data[buf->len] = '\0';
	if (n < 0)
		return buf->failed = CM_EDATA;
	if (cm_buf_reserve(buf, (size_t)n) != CM_OK)
		return buf->failed;
	va_start(ap, fmt);
	(void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)n;
	return CM_OK;
}

int cm_buf_ok(const struct cm_buf *buf)
{
	return buf->failed;
}

const char *cm_buf_text(const struct cm_buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}
