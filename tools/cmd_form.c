/*
 * consentctl form: where people subscribe, and what to put on one's own pages.
 */
#include "tools/ctl_commands.h"

#include <string.h>

#include "policy/config.h"
#include "policy/template.h"
#include "tools/ctl_output.h"

enum { SNIPPET_MAX = 64 * 1024 };

static const char *url_of(struct cm_ctl *ctl,
			  const struct cm_subscribe_form *form,
			  const char *language)
{
	return cm_arena_printf(ctl->arena, "%s/s/%s%s%s",
			       ctl->config->web_base_url, form->name,
			       language != NULL ? "/" : "",
			       language != NULL ? language : "");
}

/* ---- what there is ------------------------------------------------------ */

static void print_form(struct cm_ctl *ctl, const struct cm_subscribe_form *form)
{
	size_t i;

	(void)fprintf(ctl->out, "%s\n  %s\n", form->name,
		      url_of(ctl, form, NULL));
	for (i = 0; i < form->npurposes; i++)
		(void)fprintf(ctl->out, "  %-24s %s\n", form->purposes[i]->path,
			      form->purposes[i]->title);
	for (i = 0; i < form->embed_on.n; i++)
		(void)fprintf(ctl->out, "  may stand on %s\n",
			      form->embed_on.v[i]);
}

static void json_form(struct cm_ctl *ctl, struct cm_json_writer *w,
		      const struct cm_subscribe_form *form)
{
	size_t i;

	cm_json_begin_object(w);
	cm_json_put_text(w, "name", form->name);
	cm_json_put_text(w, "url", url_of(ctl, form, NULL));
	cm_json_put_text(w, "source", form->source);
	cm_json_name(w, "purposes");
	cm_json_begin_array(w);
	for (i = 0; i < form->npurposes; i++)
		cm_json_add_text(w, cm_span(form->purposes[i]->path));
	cm_json_end(w);
	cm_out_json_texts(w, "embed_on", form->embed_on.v, form->embed_on.n);
	cm_json_end(w);
}

static int list(struct cm_ctl *ctl, const struct cm_subscribe_form *only,
		struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	struct cm_out_json json;
	size_t i;

	if (ctl->json) {
		cm_out_json_begin(&json);
		cm_json_begin_object(&json.w);
		cm_json_name(&json.w, "forms");
		cm_json_begin_array(&json.w);
	}
	for (i = 0; i < config->nforms; i++) {
		if (only != NULL && only != &config->forms[i])
			continue;
		if (ctl->json)
			json_form(ctl, &json.w, &config->forms[i]);
		else
			print_form(ctl, &config->forms[i]);
	}
	if (!ctl->json)
		return CM_OK;
	cm_json_end(&json.w);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

/* ---- for pages of others ------------------------------------------------ */

static bool has_language(const struct cm_templates *templates,
			 const char *language)
{
	size_t i;

	for (i = 0; i < cm_templates_count(templates); i++)
		if (strcmp(cm_templates_at(templates, i), language) == 0)
			return true;
	return false;
}

static int unknown_language(const struct cm_templates *templates,
			    const char *language, struct cm_error *err)
{
	struct cm_buf known;
	size_t i;

	cm_buf_init(&known, CM_ERROR_MAX);
	for (i = 0; i < cm_templates_count(templates); i++)
		(void)cm_buf_addf(&known, "%s%s", i > 0 ? ", " : "",
				  cm_templates_at(templates, i));
	(void)cm_fail(err, CM_EUSAGE, "there are no templates in \"%s\" (%s)",
		      language, cm_buf_text(&known));
	cm_buf_free(&known);
	return CM_EUSAGE;
}

static int print_snippet(struct cm_ctl *ctl,
			 const struct cm_templates *templates,
			 enum cm_template_kind kind,
			 const struct cm_subscribe_form *form,
			 const char *language, struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	const struct cm_template_value values[] = {
		{"link", url_of(ctl, form, language)},
		{"brand", config->web_brand != NULL ? config->web_brand
						    : config->controller_name},
	};
	struct cm_buf out;
	int rc;

	cm_buf_init(&out, SNIPPET_MAX);
	rc = cm_template_fill(templates, kind,
			      language != NULL ? language : config->language,
			      values, sizeof(values) / sizeof(values[0]), &out);
	if (rc == CM_OK)
		(void)fwrite(out.data, 1, out.len, ctl->out);
	else
		(void)cm_fail(err, rc, "no memory for the snippet");
	cm_buf_free(&out);
	return rc;
}

static int embed(struct cm_ctl *ctl, const struct cm_args *args,
		 const struct cm_subscribe_form *form, struct cm_error *err)
{
	const char *language = cm_args_get(args, "language");
	bool frame = cm_args_has(args, "frame");
	struct cm_templates *templates;
	int rc = cm_templates_load(ctl->config->templates,
				   ctl->config->language, &templates, err);

	if (rc != CM_OK)
		return rc;
	if (language != NULL && !has_language(templates, language))
		rc = unknown_language(templates, language, err);
	else
		rc = print_snippet(ctl, templates,
				   frame ? CM_TEMPLATE_PART_FRAME
					 : CM_TEMPLATE_PART_EMBED,
				   form, language, err);
	cm_templates_free(&templates);
	if (rc == CM_OK && frame && form->embed_on.n == 0)
		(void)fprintf(ctl->notes,
			      "browsers will not show it: name your site in "
			      "embed-on of form \"%s\"\n",
			      form->name);
	return rc;
}

/* ---- the command -------------------------------------------------------- */

static int no_form(const struct cm_config *config, const char *name,
		   struct cm_error *err)
{
	const char *names[CM_SUBSCRIBE_PURPOSES_MAX], *like;
	size_t n = 0;

	while (n < config->nforms && n < CM_SUBSCRIBE_PURPOSES_MAX) {
		names[n] = config->forms[n].name;
		n++;
	}
	like = cm_suggest(name, names, n);
	return cm_fail(err, CM_ENOTFOUND, "there is no form \"%s\" in %s%s%s%s",
		       name, config->file,
		       like != NULL ? " (did you mean \"" : "",
		       like != NULL ? like : "", like != NULL ? "\"?)" : "");
}

int cm_cmd_form(struct cm_ctl *ctl, const struct cm_args *args,
		struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	const char *name =
		cm_args_count(args) > 0 ? cm_args_word(args, 0) : NULL;
	bool snippet = cm_args_has(args, "html") || cm_args_has(args, "frame");
	const struct cm_subscribe_form *form = NULL;

	if (config->nforms == 0)
		return cm_fail(err, CM_ENOTFOUND,
			       "%s has no form: add form \"shop\" { purpose = "
			       "{\"%s/...\"} }",
			       config->file, config->controller_id);
	if (name != NULL)
		form = cm_config_form(config, cm_span(name));
	if (name != NULL && (form == NULL || name[0] == '\0'))
		return no_form(config, name, err);
	if (!snippet && cm_args_has(args, "language"))
		return cm_fail(err, CM_EUSAGE,
			       "--language goes with --html or --frame");
	if (cm_args_has(args, "html") && cm_args_has(args, "frame"))
		return cm_fail(err, CM_EUSAGE,
			       "give one of --html and --frame");
	if (!snippet)
		return list(ctl, form, err);
	return embed(ctl, args, form != NULL ? form : &config->forms[0], err);
}
