/* See shown.h. */
#include "web/shown.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/crypto.h"
#include "policy/purpose.h"
#include "web/page.h"

enum {
	CM_SHOWN_MAX = 1 << 29, /* octets of all texts: a few KB each */
};

struct text {
	const void *of; /* a form or a purpose of the config */
	const char *language;
	struct cm_span words;
	struct cm_hash hash;
};

struct cm_shown {
	struct cm_arena *arena;
	struct text *texts;
	size_t count;
	size_t put; /* the first of them are in the ledger */
};

/* ---- making ------------------------------------------------------------- */

static int add_text(struct cm_shown *shown, const struct cm_config *config,
		    const struct cm_templates *templates,
		    const struct cm_page_want *want, const void *of)
{
	struct text *text = &shown->texts[shown->count];
	struct cm_buf words;
	int rc;

	cm_buf_init(&words, CM_PAGE_MAX);
	rc = cm_page_main(config, templates, want, &words);
	if (rc == CM_OK)
		rc = cm_sha256(words.data, words.len, text->hash.b);
	if (rc == CM_OK) {
		const char *copy =
			cm_arena_dup(shown->arena, words.data, words.len);

		text->of = of;
		text->language = want->language;
		text->words = cm_span_n(copy, words.len);
		rc = copy != NULL ? CM_OK : CM_ENOMEM;
	}
	cm_buf_free(&words);
	shown->count += rc == CM_OK;
	return rc;
}

static int add_form(struct cm_shown *shown, const struct cm_config *config,
		    const struct cm_templates *templates, const char *language,
		    const struct cm_subscribe_form *form)
{
	struct cm_page_choice choices[CM_SUBSCRIBE_PURPOSES_MAX];
	struct cm_page_want want = {
		.kind = CM_TEMPLATE_PAGE_SUBSCRIBE,
		.language = language,
		.form = form,
		.choices = choices,
		.nchoices = form->npurposes,
	};
	size_t i;

	memset(choices, 0, sizeof(choices));
	for (i = 0; i < form->npurposes; i++)
		choices[i].purpose = form->purposes[i];
	return add_text(shown, config, templates, &want, form);
}

static int add_purpose(struct cm_shown *shown, const struct cm_config *config,
		       const struct cm_templates *templates,
		       const char *language, const struct cm_purpose *purpose)
{
	struct cm_page_choice choice = {.purpose = purpose};
	struct cm_page_want want = {
		.kind = CM_TEMPLATE_PAGE_PREFERENCES,
		.language = language,
		.may_ask_more = true,
		.choices = &choice,
		.nchoices = 1,
	};

	return add_text(shown, config, templates, &want, purpose);
}

static int add_language(struct cm_shown *shown, const struct cm_config *config,
			const struct cm_templates *templates,
			const char *language)
{
	int rc = CM_OK;
	size_t i;

	for (i = 0; rc == CM_OK && i < config->nforms; i++)
		rc = add_form(shown, config, templates, language,
			      &config->forms[i]);
	for (i = 0; rc == CM_OK && i < config->npurposes; i++)
		rc = add_purpose(shown, config, templates, language,
				 &config->purposes[i]);
	return rc;
}

int cm_shown_make(const struct cm_config *config,
		  const struct cm_templates *templates,
		  struct cm_shown **ret_shown, struct cm_error *err)
{
	struct cm_shown *shown = calloc(1, sizeof(*shown));
	size_t languages = cm_templates_count(templates), i;
	int rc = CM_ENOMEM;

	if (shown == NULL || cm_arena_new(CM_SHOWN_MAX, &shown->arena) != CM_OK)
		goto out;
	shown->texts = cm_arena_array(
		shown->arena,
		languages * (config->nforms + config->npurposes) + 1,
		sizeof(*shown->texts));
	if (shown->texts == NULL)
		goto out;
	rc = CM_OK;
	for (i = 0; rc == CM_OK && i < languages; i++)
		rc = add_language(shown, config, templates,
				  cm_templates_at(templates, i));
	if (rc != CM_OK)
		goto out;
	*ret_shown = shown;
	return CM_OK;
out:
	cm_shown_free(&shown);
	return cm_fail(err, rc, "no memory for the texts of forms");
}

void cm_shown_free(struct cm_shown **shown)
{
	if (*shown == NULL)
		return;
	cm_arena_free(&(*shown)->arena);
	free(*shown);
	*shown = NULL;
}

/* ---- using -------------------------------------------------------------- */

int cm_shown_put(struct cm_shown *shown, struct cm_store *store,
		 struct cm_error *err)
{
	struct cm_hash hash;

	while (shown->put < shown->count) {
		int rc = cm_store_put_notice(
			store, shown->texts[shown->put].words, &hash, err);

		if (rc != CM_OK)
			return rc;
		shown->put++;
	}
	return CM_OK;
}

void cm_shown_again(struct cm_shown *shown)
{
	if (shown != NULL)
		shown->put = 0;
}

static bool find(const struct cm_shown *shown, const void *of,
		 const char *language, struct cm_hash *ret_hash)
{
	size_t i;

	for (i = 0; i < shown->count; i++) {
		const struct text *text = &shown->texts[i];

		if (text->of != of || strcmp(text->language, language) != 0)
			continue;
		*ret_hash = text->hash;
		return true;
	}
	return false;
}

bool cm_shown_form(const struct cm_shown *shown,
		   const struct cm_subscribe_form *form, const char *language,
		   struct cm_hash *ret_hash)
{
	return find(shown, form, language, ret_hash);
}

bool cm_shown_more(const struct cm_shown *shown,
		   const struct cm_purpose *purpose, const char *language,
		   struct cm_hash *ret_hash)
{
	return find(shown, purpose, language, ret_hash);
}
