/* See refusals.h. */
#include "tools/refusals.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/enc.h"
#include "policy/store.h"
#include "tools/file.h"

enum {
	FILE_MAX = INT32_MAX, /* some eight million refusals */
	HEX = CM_HEX_LEN(CM_SHA256_LEN),
};

static const char first_words[] = "consent-milter refusals 1 ";
static const char last_words[] = "end ";

/* Contact ids are HMACs with this key, too, but of texts without a LF. */
static int mac_of(struct cm_ctl *ctl, struct cm_span text, char out[HEX + 1],
		  struct cm_error *err)
{
	const struct cm_span parts[] = {cm_span("refusals\n"), text};
	uint8_t mac[CM_SHA256_LEN];
	int rc = cm_hmac(ctl->hmac, parts, 2, mac);

	if (rc != CM_OK)
		return cm_fail(err, rc, "cannot seal the list of refusals");
	(void)cm_hex_encode(mac, sizeof(mac), out);
	return CM_OK;
}

/* ---- writing ------------------------------------------------------------ */

struct writing {
	struct cm_buf text;
	uint64_t count;
};

static int write_one(void *ctx, const struct cm_event *event,
		     struct cm_error *err)
{
	struct writing *w = ctx;
	int rc = cm_event_encode(event, &w->text);

	if (rc == CM_OK)
		rc = cm_buf_addc(&w->text, '\n');
	if (rc != CM_OK)
		return cm_fail(err, rc, "the list of refusals is too long");
	w->count++;
	return CM_OK;
}

int cm_refusals_write(struct cm_ctl *ctl, const char *path, uint64_t *ret_count,
		      struct cm_error *err)
{
	struct writing w = {0};
	char now[CM_CLOCK_TEXT];
	char mac[HEX + 1];
	int rc;

	cm_buf_init(&w.text, FILE_MAX);
	rc = cm_buf_addf(&w.text, "%s%s\n", first_words,
			 cm_clock_format(ctl->now, now));
	if (rc == CM_OK)
		rc = cm_store_refusals(ctl->store, write_one, &w, err);
	if (rc == CM_OK)
		rc = mac_of(ctl, cm_span_n(cm_buf_text(&w.text), w.text.len),
			    mac, err);
	if (rc == CM_OK && cm_buf_addf(&w.text, "%s%" PRIu64 " %s\n",
				       last_words, w.count, mac) != CM_OK)
		rc = cm_fail(err, CM_ELIMIT,
			     "the list of refusals is too long");
	if (rc == CM_OK)
		rc = cm_file_replace(
			path, cm_span_n(cm_buf_text(&w.text), w.text.len), 0600,
			err);
	cm_buf_free(&w.text);
	if (rc == CM_OK)
		*ret_count = w.count;
	return rc;
}

/* ---- reading ------------------------------------------------------------ */

static int not_whole(const char *path, struct cm_error *err)
{
	return cm_fail(err, CM_ECORRUPT,
		       "%s is not a whole list of refusals of this store: it "
		       "was cut off, changed, or made with another store key",
		       path);
}

/* What stands between the first line and the last; all of it is good. */
static int check_all(struct cm_ctl *ctl, const char *path, struct cm_span text,
		     int64_t *ret_made, struct cm_span *ret_lines,
		     struct cm_error *err)
{
	size_t n = text.n > 0 && text.p[text.n - 1] == '\n' ? text.n - 1 : 0;
	char mac[HEX + 1];
	struct cm_span body, last, line;
	int rc;

	while (n > 0 && text.p[n - 1] != '\n')
		n--;
	body = cm_span_n(text.p, n);
	last = cm_span_n(text.p + n, text.n - n);
	rc = mac_of(ctl, body, mac, err);
	if (rc != CM_OK)
		return rc;
	if (n == 0 || !cm_span_starts(last, last_words) || last.n < HEX + 1 ||
	    !cm_equal_ct(last.p + last.n - 1 - HEX, mac, HEX))
		return not_whole(path, err);
	line = cm_span_cut(&body, '\n');
	if (!cm_span_starts(line, first_words) ||
	    cm_clock_parse(cm_span_n(line.p + strlen(first_words),
				     line.n - strlen(first_words)),
			   ret_made) != CM_OK)
		return not_whole(path, err);
	*ret_lines = body;
	return CM_OK;
}

static int each_line(struct cm_span lines, cm_refusal_fn *each, void *ctx,
		     struct cm_error *err)
{
	int rc = CM_OK;

	while (rc == CM_OK && lines.n > 0) {
		struct cm_span line = cm_span_cut(&lines, '\n');
		struct cm_event event;

		rc = cm_event_decode(line, &event, err);
		if (rc == CM_OK)
			rc = each(ctx, &event, err);
	}
	return rc;
}

int cm_refusals_read(struct cm_ctl *ctl, const char *path, cm_refusal_fn *each,
		     void *ctx, int64_t *ret_made, struct cm_error *err)
{
	struct cm_buf text;
	struct cm_span lines;
	int64_t made = 0;
	int rc;

	cm_buf_init(&text, FILE_MAX);
	rc = cm_file_read(path, &text, err);
	if (rc == CM_OK)
		rc = check_all(ctl, path,
			       cm_span_n(cm_buf_text(&text), text.len), &made,
			       &lines, err);
	if (rc == CM_OK)
		rc = each_line(lines, each, ctx, err);
	cm_buf_free(&text);
	if (rc == CM_OK)
		*ret_made = made;
	return rc;
}
