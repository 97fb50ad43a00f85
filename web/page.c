/* See page.h. */
#include "web/page.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/colour.h"
#include "lib/crypto.h"
#include "lib/enc.h"

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

int cm_page_csp(struct cm_span html, bool pictures, char out[CM_PAGE_CSP_MAX])
{
	struct cm_span rest = html, style;
	struct cm_buf csp;
	int styles, rc;

	cm_buf_init(&csp, CM_PAGE_CSP_MAX - 1);
	(void)cm_buf_adds(&csp, "default-src 'none'; form-action 'self'; "
				"frame-ancestors 'none'; base-uri 'none'");
	if (pictures)
		(void)cm_buf_adds(&csp, "; img-src 'self'");
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

/* ---- making one --------------------------------------------------------- */

/* A page on its way: its values, and the parts that are values of others. */
struct making {
	const struct cm_config *config;
	const struct cm_templates *templates;
	const struct cm_page_want *want;
	const char *language;
	struct cm_arena *arena;
	struct cm_template_value values[CM_PAGE_VALUES_MAX];
	size_t count;
	int rc;
};

static void set(struct making *m, const char *name, const char *value)
{
	if (m->count == CM_PAGE_VALUES_MAX)
		m->rc = CM_ELIMIT;
	else
		m->values[m->count++] = (struct cm_template_value){name, value};
}

static void set_copy(struct making *m, const char *name, struct cm_span value)
{
	const char *copy = cm_arena_dup(m->arena, value.p, value.n);

	if (copy == NULL)
		m->rc = CM_ENOMEM;
	set(m, name, copy);
}

typedef int fill_fn(const struct cm_templates *templates,
		    enum cm_template_kind kind, const char *language,
		    const struct cm_template_value *values, size_t count,
		    struct cm_buf *out);

/* What a template makes of the values so far becomes one more. */
static void set_filled(struct making *m, const char *name, fill_fn *fill,
		       enum cm_template_kind kind)
{
	struct cm_buf out;

	if (m->rc != CM_OK)
		return;
	cm_buf_init(&out, CM_PAGE_MAX);
	m->rc = fill(m->templates, kind, m->language, m->values, m->count,
		     &out);
	if (m->rc == CM_OK)
		set_copy(m, name, cm_span_n(out.data, out.len));
	cm_buf_free(&out);
}

static void set_part(struct making *m, const char *name,
		     enum cm_template_kind kind)
{
	set_filled(m, name, cm_template_fill, kind);
}

static const char *path_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;

	return path != NULL ? path : "";
}

/* A button in the colour, and its words in what can be read on it. */
static void set_colour(struct making *m, const char *colour, const char *name,
		       const char *on_name)
{
	uint32_t rgb = CM_COLOUR_WHITE;

	if (cm_colour_parse(colour, &rgb) != CM_OK)
		m->rc = CM_ECONFIG; /* the loader refuses it */
	set(m, name, colour);
	set(m, on_name, cm_colour_on(rgb));
}

static void set_controller(struct making *m)
{
	const struct cm_config *config = m->config;
	const char *brand = config->web_brand;

	set(m, "controller", config->controller_name);
	set(m, "address", config->controller_address);
	set(m, "contact", config->controller_contact);
	set(m, "brand", brand != NULL ? brand : config->controller_name);
	set(m, "base", path_of(config->web_base_url));
	set(m, "privacy-notice", config->controller_privacy_notice);
	set_colour(m, config->web_colour, "colour", "on-colour");
	set_colour(m, config->web_colour_dark, "colour-dark", "on-colour-dark");
	set_part(m, "who",
		 config->web_logo != NULL ? CM_TEMPLATE_PART_LOGO
					  : CM_TEMPLATE_PART_WHO);
	if (config->controller_privacy_notice != NULL)
		set_part(m, "privacy", CM_TEMPLATE_PART_PRIVACY);
}

static void set_title_of(struct making *m, const char *name,
			 struct cm_span path)
{
	const struct cm_purpose *purpose = cm_config_purpose(m->config, path);

	if (purpose != NULL)
		set(m, name, cm_purpose_title(purpose, m->language));
	else
		set_copy(m, name, path);
}

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* A row, whose values are forgotten behind it. */
static void add_choice(struct making *m, const struct cm_page_choice *choice,
		       struct cm_buf *rows)
{
	static const char *const depths[] = {"0", "1", "2"};
	size_t depth = choice->depth < CM_PAGE_INDENT_MAX ? choice->depth
							  : CM_PAGE_INDENT_MAX;
	size_t before = m->count;

	set(m, "purpose", cm_purpose_title(choice->purpose, m->language));
	set(m, "path", choice->purpose->path);
	set(m, "depth", depths[depth]);
	if (m->rc == CM_OK)
		m->rc = cm_template_fill(
			m->templates,
			choice->on ? CM_TEMPLATE_PART_CHOICE_ON
				   : CM_TEMPLATE_PART_CHOICE_OFF,
			m->language, m->values, m->count, rows);
	m->count = before;
}

static void set_choices(struct making *m)
{
	struct cm_buf rows;
	size_t i;

	cm_buf_init(&rows, CM_PAGE_MAX);
	for (i = 0; i < m->want->nchoices; i++)
		add_choice(m, &m->want->choices[i], &rows);
	set_copy(m, "choices", cm_span_n(rows.data, rows.len));
	cm_buf_free(&rows);
}

/* The notice's own button has another ticket than those of the list, which is
 * set behind it. */
static void set_notice(struct making *m)
{
	static const enum cm_template_kind parts[] = {
		[CM_PAGE_SAID_STOPPED] = CM_TEMPLATE_PART_SAID_STOPPED,
		[CM_PAGE_SAID_BACK] = CM_TEMPLATE_PART_SAID_BACK,
		[CM_PAGE_SAID_AGAIN] = CM_TEMPLATE_PART_SAID_AGAIN,
	};
	const struct cm_page_want *want = m->want;

	if (given(want->click)) {
		set(m, "ticket", want->click);
		set_part(m, "undo", CM_TEMPLATE_PART_UNDO);
	}
	if (want->said != CM_PAGE_SAID_NOTHING)
		set_part(m, "notice", parts[want->said]);
}

static void set_preferences(struct making *m)
{
	const struct cm_page_want *want = m->want;

	set_notice(m);
	set(m, "email", want->email);
	set(m, "ticket", want->ticket);
	set_part(m, "all",
		 want->may_stop_all ? CM_TEMPLATE_PART_STOP_ALL
				    : CM_TEMPLATE_PART_NOTHING);
	set_choices(m);
}

static void set_way_out(struct making *m)
{
	const struct cm_page_want *want = m->want;

	if (want->may_stop_all)
		set_part(m, "all", CM_TEMPLATE_PART_ALL);
	if (given(want->ticket)) {
		set(m, "ticket", want->ticket);
		set_part(m, "undo", CM_TEMPLATE_PART_UNDO);
	}
	if (want->ask_why)
		set_part(m, "reasons", CM_TEMPLATE_PART_REASONS);
	if (given(want->preferences)) {
		set(m, "preferences", want->preferences);
		set_part(m, "manage", CM_TEMPLATE_PART_MANAGE);
	}
}

static void set_page(struct making *m)
{
	const struct cm_page_want *want = m->want;

	set_title_of(m, "purpose", want->purpose);
	set_title_of(m, "everything", cm_span(m->config->controller_id));
	if (want->kind == CM_TEMPLATE_PAGE_PREFERENCES)
		set_preferences(m);
	else
		set_way_out(m);
	set_part(m, "main", want->kind);
	set_filled(m, "title", cm_template_title, want->kind);
}

int cm_page_make(const struct cm_config *config,
		 const struct cm_templates *templates,
		 const struct cm_page_want *want, struct cm_page *page)
{
	const char *const wanted[] = {want->language, want->accept};
	struct making m = {
		.config = config,
		.templates = templates,
		.want = want,
		.language = cm_templates_language(templates, wanted, 2),
	};
	int rc = cm_arena_new(CM_PAGE_MAX, &m.arena);

	if (rc != CM_OK)
		return rc;
	page->language = m.language;
	set_controller(&m);
	set_page(&m);
	rc = m.rc;
	if (rc == CM_OK)
		rc = cm_template_fill(templates, CM_TEMPLATE_LAYOUT, m.language,
				      m.values, m.count, &page->body);
	if (rc == CM_OK)
		rc = cm_page_csp(cm_span_n(page->body.data, page->body.len),
				 config->web_logo != NULL, page->csp);
	cm_arena_free(&m.arena);
	return rc;
}
