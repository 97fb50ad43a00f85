/* See ctl_output.h. */
#include "tools/ctl_output.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/enc.h"

enum {
	OUT_JSON_MAX = 512 * 1024 * 1024, /* a report on a whole list */
	PROGRESS_EVERY_MS = 200,          /* faster only flickers */
};

char *cm_out_count(uint64_t n, char out[CM_COUNT_LEN])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	size_t used = 0;
	int i;

	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[used++] = ',';
		out[used++] = digits[i];
	}
	out[used] = '\0';
	return out;
}

char *cm_out_id(const struct cm_id *id, char out[CM_ID_TEXT_LEN])
{
	(void)cm_hex_encode(id->b, sizeof(id->b), out);
	return out;
}

void cm_out_plural(FILE *f, uint64_t n, const char *noun)
{
	char count[CM_COUNT_LEN];

	(void)fprintf(f, "%s %s%s", cm_out_count(n, count), noun,
		      n == 1 ? "" : "s");
}

void cm_out_json_begin(struct cm_out_json *json)
{
	cm_buf_init(&json->buf, OUT_JSON_MAX);
	cm_json_init(&json->w, &json->buf, CM_JSON_PRETTY);
}

int cm_out_json_end(struct cm_out_json *json, FILE *f, struct cm_error *err)
{
	int rc = cm_json_done(&json->w);

	if (rc == CM_OK)
		(void)fwrite(json->buf.data, 1, json->buf.len, f);
	else
		rc = cm_fail(err, rc, "the answer could not be put in JSON");
	cm_buf_free(&json->buf);
	return rc;
}

void cm_out_json_texts(struct cm_json_writer *w, const char *name,
		       const char *const *texts, size_t n)
{
	size_t i;

	cm_json_name(w, name);
	cm_json_begin_array(w);
	for (i = 0; i < n; i++)
		cm_json_add_text(w, cm_span(texts[i]));
	cm_json_end(w);
}

void cm_progress_init(struct cm_progress *progress, FILE *f)
{
	memset(progress, 0, sizeof(*progress));
	progress->f = f;
	progress->what = "working";
	progress->on = isatty(fileno(f)) == 1;
}

void cm_progress_show(void *ctx, uint64_t done, uint64_t total)
{
	struct cm_progress *progress = ctx;
	char a[CM_COUNT_LEN];
	char b[CM_COUNT_LEN];
	int64_t now;

	if (!progress->on || total == 0)
		return;
	now = cm_clock_now();
	if (now - progress->shown_at < PROGRESS_EVERY_MS)
		return;
	progress->shown_at = now;
	progress->dirty = true;
	(void)fprintf(progress->f, "\r\033[K%s: %s of %s (%u %%)",
		      progress->what, cm_out_count(done, a),
		      cm_out_count(total, b),
		      (unsigned)((double)done * 100 / (double)total));
	(void)fflush(progress->f);
}

void cm_progress_say(struct cm_progress *progress, const char *what)
{
	if (!progress->on)
		return;
	progress->dirty = true;
	(void)fprintf(progress->f, "\r\033[K%s ...", what);
	(void)fflush(progress->f);
}

void cm_progress_end(struct cm_progress *progress)
{
	if (progress->dirty)
		(void)fputs("\r\033[K", progress->f);
	progress->dirty = false;
	progress->shown_at = 0;
}
