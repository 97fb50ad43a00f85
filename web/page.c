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

static void add_sites(struct cm_buf *csp, const struct cm_strings *sites)
{
	size_t i;

	(void)cm_buf_adds(csp, "; frame-ancestors");
	if (sites == NULL || sites->n == 0)
		(void)cm_buf_adds(csp, " 'none'");
	for (i = 0; sites != NULL && i < sites->n; i++)
		(void)cm_buf_addf(csp, " %s", sites->v[i]);
}

int cm_page_csp(struct cm_span html, bool pictures,
		const struct cm_strings *sites, char out[CM_PAGE_CSP_MAX])
{
	struct cm_span rest = html, style;
	struct cm_buf csp;
	int styles, rc;

	cm_buf_init(&csp, CM_PAGE_CSP_MAX - 1);
	(void)cm_buf_adds(&csp, "default-src 'none'; form-action 'self'");
	add_sites(&csp, sites);
	(void)cm_buf_adds(&csp, "; base-uri 'none'");
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
		 config->web_logo != NULL && !m->want->to_keep
			 ? CM_TEMPLATE_PART_LOGO
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

static void set_about(struct making *m, const struct cm_purpose *purpose)
{
	const char *about = cm_title_in(purpose->about, purpose->abouts,
					purpose->nabouts, m->language);

	if (about == NULL)
		return;
	set(m, "about-text", about);
	set_part(m, "about", CM_TEMPLATE_PART_ABOUT);
}

/* A row, whose values are forgotten behind it. */
static void add_choice(struct making *m, const struct cm_page_choice *choice,
		       enum cm_template_kind part, struct cm_buf *rows)
{
	static const char *const depths[] = {"0", "1", "2"};
	size_t depth = choice->depth < CM_PAGE_INDENT_MAX ? choice->depth
							  : CM_PAGE_INDENT_MAX;
	size_t before = m->count;

	set(m, "purpose", cm_purpose_title(choice->purpose, m->language));
	set(m, "path", choice->purpose->path);
	set(m, "depth", depths[depth]);
	set(m, "ticked", choice->on ? " checked" : "");
	set_about(m, choice->purpose);
	if (m->rc == CM_OK)
		m->rc = cm_template_fill(m->templates, part, m->language,
					 m->values, m->count, rows);
	m->count = before;
}

/* on, off: the rows that are, and those that are not. */
static void set_choices(struct making *m, enum cm_template_kind on,
			enum cm_template_kind off)
{
	struct cm_buf rows;
	size_t i;

	cm_buf_init(&rows, CM_PAGE_MAX);
	for (i = 0; i < m->want->nchoices; i++)
		add_choice(m, &m->want->choices[i],
			   m->want->choices[i].on ? on : off, &rows);
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
		[CM_PAGE_SAID_ASKED] = CM_TEMPLATE_PART_SAID_ASKED,
		[CM_PAGE_SAID_CHECK] = CM_TEMPLATE_PART_SAID_CHECK,
		[CM_PAGE_SAID_NO_ADDRESS] = CM_TEMPLATE_PART_SAID_NO_ADDRESS,
		[CM_PAGE_SAID_NO_BOX] = CM_TEMPLATE_PART_SAID_NO_BOX,
		[CM_PAGE_SAID_SENT] = CM_TEMPLATE_PART_SAID_SENT,
		[CM_PAGE_SAID_ERASED] = CM_TEMPLATE_PART_SAID_ERASED,
		[CM_PAGE_SAID_KEPT] = CM_TEMPLATE_PART_SAID_KEPT,
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

	set(m, "email", want->email);
	set_notice(m);
	set(m, "ticket", want->ticket);
	set_part(m, "all",
		 want->may_stop_all ? CM_TEMPLATE_PART_STOP_ALL
				    : CM_TEMPLATE_PART_NOTHING);
	set_choices(m, CM_TEMPLATE_PART_CHOICE_ON,
		    want->may_ask_more ? CM_TEMPLATE_PART_CHOICE_MORE
				       : CM_TEMPLATE_PART_CHOICE_OFF);
	if (want->may_send)
		set_part(m, "send", CM_TEMPLATE_PART_DATA_SEND);
}

static void set_my_data(struct making *m)
{
	const struct cm_page_want *want = m->want;
	size_t i;

	for (i = 0; i < want->nvalues; i++)
		set(m, want->values[i].name, want->values[i].value);
	set(m, "email", want->email);
	set_notice(m);
	set(m, "ticket", want->ticket);
	set_part(m, "rights", CM_TEMPLATE_PART_DATA_RIGHTS);
	if (want->to_keep)
		return;
	set_part(m, "take", CM_TEMPLATE_PART_DATA_TAKE);
	set_part(m, "erase",
		 want->may_erase ? CM_TEMPLATE_PART_DATA_ERASE
				 : CM_TEMPLATE_PART_DATA_KEPT);
}

/* For who has no link that works. */
static void set_lost(struct making *m)
{
	if (m->want->may_lose)
		set_part(m, "lost", CM_TEMPLATE_PART_LOST_LINK);
}

static void set_subscribe(struct making *m)
{
	const struct cm_page_want *want = m->want;
	const struct cm_subscribe_form *form = want->form;
	const char *title = cm_title_in(form->title, form->titles,
					form->ntitles, m->language);
	const char *intro = cm_title_in(form->intro, form->intros,
					form->nintros, m->language);

	set(m, "email", want->email);
	set_notice(m);
	set(m, "ticket", want->ticket);
	set(m, "intro-text", intro);
	if (intro != NULL)
		set_part(m, "intro", CM_TEMPLATE_PART_INTRO);
	set_choices(m, CM_TEMPLATE_PART_BOX, CM_TEMPLATE_PART_BOX);
	set_filled(m, "heading", cm_template_title, want->kind);
	if (title != NULL)
		set(m, "heading", title);
}

static void set_manage(struct making *m)
{
	if (!given(m->want->preferences))
		return;
	set(m, "preferences", m->want->preferences);
	set_part(m, "manage", CM_TEMPLATE_PART_MANAGE);
}

/* What comes of the form, and of the letter's link. */
static void set_asking(struct making *m)
{
	set(m, "form", m->want->form_path);
	set_choices(m, CM_TEMPLATE_PART_ITEM, CM_TEMPLATE_PART_ITEM);
	set_manage(m);
	if (m->config->nforms > 0)
		set_part(m, "again", CM_TEMPLATE_PART_AGAIN);
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
	set_manage(m);
}

static void set_page(struct making *m)
{
	static void (*const more[CM_TEMPLATE_KINDS])(struct making * m) = {
		[CM_TEMPLATE_PAGE_PREFERENCES] = set_preferences,
		[CM_TEMPLATE_PAGE_SUBSCRIBE] = set_subscribe,
		[CM_TEMPLATE_PAGE_ASKED] = set_asking,
		[CM_TEMPLATE_PAGE_CONFIRM] = set_asking,
		[CM_TEMPLATE_PAGE_CONFIRMED] = set_asking,
		[CM_TEMPLATE_PAGE_CONFIRM_OLD] = set_asking,
		[CM_TEMPLATE_PAGE_CONFIRM_OVER] = set_asking,
		[CM_TEMPLATE_PAGE_MY_DATA] = set_my_data,
		[CM_TEMPLATE_PAGE_MY_DATA_GONE] = set_my_data,
		[CM_TEMPLATE_PAGE_MY_DATA_NONE] = set_my_data,
		[CM_TEMPLATE_PAGE_MY_DATA_ENDED] = set_lost,
		[CM_TEMPLATE_PAGE_ERASE] = set_my_data,
		[CM_TEMPLATE_PAGE_LOST] = set_my_data,
		[CM_TEMPLATE_PAGE_LOST_SENT] = set_lost,
		[CM_TEMPLATE_PAGE_INVALID] = set_lost,
		[CM_TEMPLATE_PAGE_NO_TOKEN] = set_lost,
	};
	const struct cm_page_want *want = m->want;

	set_title_of(m, "purpose", want->purpose);
	set_title_of(m, "everything", cm_span(m->config->controller_id));
	if (more[want->kind] != NULL)
		more[want->kind](m);
	else
		set_way_out(m);
	set_part(m, "main", want->kind);
	set_filled(m, "title", cm_template_title, want->kind);
}

static int begin(struct making *m, const struct cm_config *config,
		 const struct cm_templates *templates,
		 const struct cm_page_want *want)
{
	const char *const wanted[] = {want->language, want->accept};
	int rc;

	memset(m, 0, sizeof(*m));
	m->config = config;
	m->templates = templates;
	m->want = want;
	m->language = cm_templates_language(templates, wanted, 2);
	rc = cm_arena_new(3 * CM_PAGE_MAX, &m->arena);
	if (rc != CM_OK)
		return rc;
	set_controller(m);
	set_page(m);
	return m->rc;
}

int cm_page_make(const struct cm_config *config,
		 const struct cm_templates *templates,
		 const struct cm_page_want *want, struct cm_page *page)
{
	struct making m;
	int rc = begin(&m, config, templates, want);

	page->language = m.language;
	if (rc == CM_OK)
		rc = cm_template_fill(templates, CM_TEMPLATE_LAYOUT, m.language,
				      m.values, m.count, &page->body);
	if (rc == CM_OK)
		rc = cm_page_csp(cm_span_n(page->body.data, page->body.len),
				 config->web_logo != NULL,
				 want->form != NULL ? &want->form->embed_on
						    : NULL,
				 page->csp);
	cm_arena_free(&m.arena);
	return rc;
}

static struct cm_span value_of(const struct making *m, const char *name)
{
	size_t i;

	for (i = m->count; i > 0; i--)
		if (strcmp(m->values[i - 1].name, name) == 0)
			return cm_span(m->values[i - 1].value);
	return cm_span("");
}

int cm_page_main(const struct cm_config *config,
		 const struct cm_templates *templates,
		 const struct cm_page_want *want, struct cm_buf *out)
{
	struct making m;
	int rc = begin(&m, config, templates, want);

	if (rc == CM_OK)
		rc = cm_buf_addf(out, "<main lang=\"%s\">\n", m.language);
	if (rc == CM_OK) {
		struct cm_span text = value_of(&m, "main");

		rc = cm_buf_add(out, text.p, text.n);
	}
	if (rc == CM_OK)
		rc = cm_buf_adds(out, "</main>\n");
	cm_arena_free(&m.arena);
	return rc;
}
