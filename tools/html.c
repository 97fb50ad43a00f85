/* See html.h. */
#include "tools/html.h"

#include <inttypes.h>

#include "lib/clock.h"
#include "lib/json.h"

static const char style[] =
	"@page{margin:2cm}"
	"body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif;"
	"color:#1b1f24;background:#fff;max-width:47rem;margin:2.5rem auto;"
	"padding:0 1.25rem}"
	"h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}"
	"h2{font-size:1.2rem;margin:2.4rem 0 .7rem;padding-bottom:.25rem;"
	"border-bottom:1px solid #c9d0d8}"
	"h3{font-size:1.02rem;margin:0 0 .5rem}"
	"p{margin:.4rem 0}"
	".sub{color:#57606a}"
	"table{border-collapse:collapse;width:100%;margin:.4rem 0;"
	"table-layout:fixed}"
	"th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;"
	"overflow-wrap:anywhere}"
	"th{font-weight:600;color:#57606a;width:10.5rem}"
	".list th,.list td{border-bottom:1px solid #e3e7ec;width:auto}"
	".event{border:1px solid #c9d0d8;border-left:4px solid #57606a;"
	"border-radius:4px;padding:.8rem 1rem .6rem;margin:0 0 1rem;"
	"break-inside:avoid}"
	".yes{border-left-color:#1a7f37}.no{border-left-color:#b42318}"
	".may{color:#1a7f37;font-weight:600}"
	".not{color:#b42318;font-weight:600}"
	".text{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f8fa;"
	"border:1px solid #e3e7ec;border-radius:4px;padding:.6rem .8rem;"
	"margin:.2rem 0;font:inherit}"
	".lack{color:#8a4b00;background:#fff6e5;border:1px solid #f0d9a8;"
	"border-radius:4px;padding:.1rem .45rem}"
	"ul.lack{padding:.7rem 1rem .7rem 2rem}"
	".time{white-space:nowrap}"
	"code{font:.82rem/1.45 ui-monospace,'DejaVu Sans Mono',monospace;"
	"overflow-wrap:anywhere}"
	"@media(max-width:34rem){th{width:7rem}.time{white-space:normal}}"
	"@media print{body{margin:0;max-width:none;font-size:11pt}"
	".event{border-color:#999}}";

void cm_html_page_begin(struct cm_buf *out, const char *title, const char *more)
{
	(void)cm_buf_adds(
		out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
		     "<meta charset=\"utf-8\">\n"
		     "<meta http-equiv=\"Content-Security-Policy\" "
		     "content=\"default-src 'none'; "
		     "style-src 'unsafe-inline'\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width\">\n"
		     "<title>");
	cm_html_puts(out, title);
	(void)cm_buf_addf(out, "</title>\n<style>%s%s</style></head>\n<body>\n",
			  style, more != NULL ? more : "");
}

void cm_html_page_end(struct cm_buf *out)
{
	(void)cm_buf_adds(out, "</body></html>\n");
}

void cm_html_put(struct cm_buf *out, struct cm_span text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case '&':
			(void)cm_buf_adds(out, "&amp;");
			break;
		case '<':
			(void)cm_buf_adds(out, "&lt;");
			break;
		case '>':
			(void)cm_buf_adds(out, "&gt;");
			break;
		case '"':
			(void)cm_buf_adds(out, "&quot;");
			break;
		case '\0': /* not a character of HTML */
			(void)cm_buf_adds(out, "\xEF\xBF\xBD");
			break;
		default:
			(void)cm_buf_addc(out, text.p[i]);
		}
	}
}

void cm_html_puts(struct cm_buf *out, const char *text)
{
	cm_html_put(out, cm_span(text));
}

void cm_html_time(struct cm_buf *out, int64_t ms)
{
	char text[CM_CLOCK_TEXT];

	(void)cm_clock_format(ms, text);
	(void)cm_buf_addf(out, "<span class=\"time\">%.10s %.8s UTC</span>",
			  text, text + 11);
}

void cm_html_row_begin(struct cm_buf *out, const char *name)
{
	(void)cm_buf_addf(out, "<tr><th scope=\"row\">%s</th><td>", name);
}

void cm_html_row_end(struct cm_buf *out)
{
	(void)cm_buf_adds(out, "</td></tr>\n");
}

void cm_html_row(struct cm_buf *out, const char *name, const char *text)
{
	cm_html_row_begin(out, name);
	cm_html_puts(out, text);
	cm_html_row_end(out);
}

/* A name of the evidence's JSON as words. */
static void put_name(struct cm_buf *out, const char *name)
{
	for (; *name != '\0'; name++)
		(void)cm_buf_addc(out, *name == '_' ? ' ' : *name);
}

static void put_member(struct cm_buf *out, const char *name,
		       const struct cm_json_value *value)
{
	(void)cm_buf_adds(out, "<div>");
	put_name(out, name);
	(void)cm_buf_adds(out, ": ");
	if (cm_json_kind(value) == CM_JSON_INT)
		(void)cm_buf_addf(out, "%" PRId64, cm_json_int(value));
	else if (cm_json_kind(value) == CM_JSON_BOOL)
		(void)cm_buf_adds(out, cm_json_bool(value) ? "yes" : "no");
	else
		cm_html_put(out, cm_json_text(value));
	(void)cm_buf_adds(out, "</div>");
}

void cm_html_evidence(struct cm_buf *out, struct cm_span text)
{
	const struct cm_json_value *root, *value;
	struct cm_json_iter iter = {NULL, false};
	struct cm_json *json = NULL;
	const char *name;
	bool flat = cm_json_read(text, text.n, &json, NULL) == CM_OK;

	root = flat ? cm_json_root(json) : NULL;
	flat = flat && cm_json_kind(root) == CM_JSON_OBJECT;
	while (flat && cm_json_next(root, &iter, &name, &value))
		flat = cm_json_kind(value) == CM_JSON_TEXT ||
		       cm_json_kind(value) == CM_JSON_INT ||
		       cm_json_kind(value) == CM_JSON_BOOL;
	iter = (struct cm_json_iter){NULL, false};
	while (flat && cm_json_next(root, &iter, &name, &value))
		put_member(out, name, value);
	if (!flat) {
		(void)cm_buf_adds(out, "<div class=\"text\">");
		cm_html_put(out, text);
		(void)cm_buf_adds(out, "</div>");
	}
	cm_json_free(&json);
}
