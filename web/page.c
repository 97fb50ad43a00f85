/* See page.h. */
#include "web/page.h"

#include <stdio.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/enc.h"
#include "policy/purpose.h"

void cm_page_init(struct cm_page *page)
{
	memset(page, 0, sizeof(*page));
	cm_buf_init(&page->body, CM_PAGE_MAX);
}

void cm_page_free(struct cm_page *page)
{
	cm_buf_free(&page->body);
}

/* The first place of a word in text; NULL if it is not there. */
static const char *find(struct cm_span text, const char *word)
{
	size_t n = strlen(word);
	size_t i;

	for (i = 0; i + n <= text.n; i++)
		if (memcmp(text.p + i, word, n) == 0)
			return text.p + i;
	return NULL;
}

/* The next style element's content; false if there is no more. */
static bool next_style(struct cm_span *rest, struct cm_span *ret_style)
{
	static const char open[] = "<style>", close[] = "</style>";
	const char *from = find(*rest, open);
	const char *to;

	if (from == NULL)
		return false;
	from += sizeof(open) - 1;
	rest->n -= (size_t)(from - rest->p);
	rest->p = from;
	to = find(*rest, close);
	if (to == NULL)
		return false;
	*ret_style = cm_span_n(from, (size_t)(to - from));
	rest->n -= (size_t)(to - rest->p);
	rest->p = to;
	return true;
}

/* As browsers do: over the text after CRLF became LF (HTML, 13.2.3.5). */
static int hash_style(struct cm_span style, uint8_t out[CM_SHA256_LEN])
{
	struct cm_buf lf;
	size_t i;
	int rc;

	cm_buf_init(&lf, CM_PAGE_MAX);
	for (i = 0; i < style.n; i++)
		if (style.p[i] != '\r' || i + 1 == style.n ||
		    style.p[i + 1] != '\n')
			(void)cm_buf_addc(&lf, style.p[i]);
	rc = cm_buf_ok(&lf);
	if (rc == CM_OK)
		rc = cm_sha256(lf.data, lf.len, out);
	cm_buf_free(&lf);
	return rc;
}

int cm_page_csp(struct cm_span html, char out[CM_PAGE_CSP_MAX])
{
	struct cm_span rest = html, style;
	struct cm_buf csp;
	int styles, rc;

	cm_buf_init(&csp, CM_PAGE_CSP_MAX - 1);
	(void)cm_buf_adds(&csp, "default-src 'none'; form-action 'self'; "
				"frame-ancestors 'none'; base-uri 'none'");
	for (styles = 0; next_style(&rest, &style); styles++) {
		char base64[CM_BASE64_LEN(CM_SHA256_LEN) + 1];
		uint8_t digest[CM_SHA256_LEN];

		if (styles == CM_PAGE_STYLES_MAX)
			break; /* what is not named is not applied */
		rc = hash_style(style, digest);
		if (rc != CM_OK) {
			cm_buf_free(&csp);
			return rc;
		}
		cm_base64_encode(digest, sizeof(digest), base64);
		(void)cm_buf_addf(&csp, "%s 'sha256-%s'",
				  styles == 0 ? "; style-src" : "", base64);
	}
	rc = cm_buf_ok(&csp);
	if (rc == CM_OK)
		memcpy(out, cm_buf_text(&csp), csp.len + 1);
	cm_buf_free(&csp);
	return rc;
}

int cm_page_make(const struct cm_config *config,
		 const struct cm_templates *templates,
		 enum cm_template_kind kind, const char *language,
		 const char *accept, struct cm_span purpose,
		 struct cm_page *page)
{
	const char *const wanted[] = {language, accept};
	const struct cm_purpose *known = cm_config_purpose(config, purpose);
	struct cm_template_value values[] = {
		{"controller", config->controller_name},
		{"address", config->controller_address},
		{"contact", config->controller_contact},
		{"purpose", NULL},
	};
	char path[CM_PURPOSE_MAX + 1];
	int rc;

	page->language = cm_templates_language(templates, wanted, 2);
	(void)snprintf(path, sizeof(path), "%.*s", (int)purpose.n,
		       purpose.n > 0 ? purpose.p : "");
	values[3].value =
		known != NULL ? cm_purpose_title(known, page->language) : path;
	rc = cm_template_fill(templates, kind, page->language, values,
			      sizeof(values) / sizeof(values[0]), &page->body);
	if (rc == CM_OK)
		rc = cm_page_csp(cm_span_n(page->body.data, page->body.len),
				 page->csp);
	return rc;
}
