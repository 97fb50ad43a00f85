/*
 * consentctl api-key: which programs may use the API of consent-web.
 *
 * A secret is shown when it is made, and never again.
 */
#include "tools/ctl_commands.h"

#include <string.h>

#include "lib/clock.h"
#include "policy/api_keys.h"
#include "policy/config.h"
#include "tools/ctl_output.h"
#include "tools/words.h"

/* ---- list --------------------------------------------------------------- */

static void print_rights(FILE *out, const struct cm_api_key *key)
{
	const char *between = "";
	int i;

	for (i = 0; i < CM_API_RIGHTS; i++) {
		if (!cm_api_key_may(key, (enum cm_api_right)i))
			continue;
		(void)fprintf(out, "%s%s", between,
			      cm_api_right_name((enum cm_api_right)i));
		between = ",";
	}
}

static void print_key(FILE *out, const struct cm_api_key *key)
{
	char day[CM_CLOCK_TEXT];
	size_t i;

	(void)fprintf(out, "%-16s  %.*s  ", key->name, CM_CLOCK_DAY_N,
		      cm_clock_format(key->made, day));
	print_rights(out, key);
	(void)fputs(key->npurposes == 0 ? "  all purposes" : "  only", out);
	for (i = 0; i < key->npurposes; i++)
		(void)fprintf(out, " %.*s", (int)key->purposes[i].n,
			      key->purposes[i].p);
	(void)fputc('\n', out);
}

static void json_key(struct cm_json_writer *w, const struct cm_api_key *key)
{
	char day[CM_CLOCK_TEXT];
	size_t i;

	cm_json_begin_object(w);
	cm_json_put_text(w, "name", key->name);
	cm_json_put_span(
		w, "made",
		cm_span_n(cm_clock_format(key->made, day), CM_CLOCK_DAY_N));
	cm_json_name(w, "may");
	cm_json_begin_array(w);
	for (i = 0; i < CM_API_RIGHTS; i++) {
		enum cm_api_right right = (enum cm_api_right)i;

		if (cm_api_key_may(key, right))
			cm_json_add_text(w, cm_span(cm_api_right_name(right)));
	}
	cm_json_end(w);
	cm_json_name(w, "purposes");
	cm_json_begin_array(w);
	for (i = 0; i < key->npurposes; i++)
		cm_json_add_text(w, key->purposes[i]);
	cm_json_end(w);
	cm_json_end(w);
}

static int list_json(struct cm_ctl *ctl, const struct cm_api_keys *keys,
		     struct cm_error *err)
{
	struct cm_out_json json;
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_name(&json.w, "keys");
	cm_json_begin_array(&json.w);
	for (i = 0; i < cm_api_keys_count(keys); i++)
		json_key(&json.w, cm_api_keys_at(keys, i));
	cm_json_end(&json.w);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

static int list_keys(struct cm_ctl *ctl, struct cm_error *err)
{
	struct cm_api_keys *keys = NULL;
	size_t i;
	int rc = cm_api_keys_open(ctl->config->keys_path, &keys, err);

	if (rc != CM_OK)
		return rc;
	if (ctl->json)
		rc = list_json(ctl, keys, err);
	else
		for (i = 0; i < cm_api_keys_count(keys); i++)
			print_key(ctl->out, cm_api_keys_at(keys, i));
	if (!ctl->json && cm_api_keys_count(keys) == 0)
		(void)fputs("nobody may use the API\n", ctl->out);
	cm_api_keys_free(&keys);
	return rc;
}

/* ---- add and remove ----------------------------------------------------- */

static int wanted_rights(const struct cm_args *args, struct cm_api_key *key,
			 struct cm_error *err)
{
	const char *words = cm_args_get(args, "may");
	struct cm_span rest = cm_span(words);
	enum cm_api_right right;
	int rc = CM_OK;

	if (words == NULL)
		return cm_fail(err, CM_EUSAGE,
			       "api-key add: what may it do? Give --may "
			       "grant,request,withdraw,look-up or some of "
			       "them");
	while (rc == CM_OK && rest.n > 0) {
		struct cm_span cut = cm_span_trim(cm_span_cut(&rest, ','));
		char word[32];

		(void)snprintf(word, sizeof(word), "%.*s", (int)cut.n, cut.p);
		rc = cm_api_right_parse(word, &right, err);
		if (rc == CM_OK)
			key->rights |= 1U << right;
	}
	if (rc == CM_OK && key->rights == 0)
		rc = cm_fail(err, CM_EDATA, "name a right");
	return rc == CM_OK ? CM_OK : cm_word_bad_option("--may", err);
}

static int wanted_purposes(const struct cm_ctl *ctl, const struct cm_args *args,
			   struct cm_api_key *key, struct cm_error *err)
{
	const struct cm_purpose *purpose;
	const char *const *paths;
	size_t count, i;

	paths = cm_args_all(args, "purpose", &count);
	if (count > CM_API_PURPOSES_MAX)
		return cm_fail(err, CM_EUSAGE,
			       "--purpose: a key has at most %d; name one "
			       "above them",
			       CM_API_PURPOSES_MAX);
	for (i = 0; i < count; i++) {
		if (cm_word_purpose(ctl->config, cm_span(paths[i]), &purpose,
				    err) != CM_OK)
			return cm_word_bad_option("--purpose", err);
		key->purposes[key->npurposes++] = cm_span(purpose->path);
	}
	return CM_OK;
}

static void tell_reload(struct cm_ctl *ctl)
{
	(void)fputs("consent-web knows after: systemctl reload consent-web\n",
		    ctl->notes);
}

static int secret_json(struct cm_ctl *ctl, const char *name, const char *secret,
		       struct cm_error *err)
{
	struct cm_out_json json;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_text(&json.w, "name", name);
	cm_json_put_text(&json.w, "secret", secret);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

static int show_secret(struct cm_ctl *ctl, const char *name, const char *secret,
		       struct cm_error *err)
{
	int rc = CM_OK;

	if (ctl->json)
		rc = secret_json(ctl, name, secret, err);
	else
		(void)fprintf(ctl->out, "%s\n", secret);
	(void)fputs("this is shown once, and kept nowhere but where you put "
		    "it; a request brings it as\n"
		    "  Authorization: Bearer consent-api-...\n",
		    ctl->notes);
	tell_reload(ctl);
	return rc;
}

static int named_key(const struct cm_args *args, struct cm_api_key *key,
		     struct cm_error *err)
{
	const char *name =
		cm_args_count(args) == 2 ? cm_args_word(args, 1) : "";
	int rc = cm_api_name_check(name, err);

	if (rc != CM_OK) {
		(void)cm_error_prefix(err,
				      "api-key %s: ", cm_args_word(args, 0));
		return err->code = CM_EUSAGE;
	}
	memcpy(key->name, name, strlen(name) + 1);
	return CM_OK;
}

static int add_key(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	char secret[CM_API_SECRET_LEN + 1];
	struct cm_api_key key = {.rights = 0};
	gid_t group, write_group;
	int rc = named_key(args, &key, err);

	if (rc == CM_OK)
		rc = wanted_rights(args, &key, err);
	if (rc == CM_OK)
		rc = wanted_purposes(ctl, args, &key, err);
	if (rc == CM_OK)
		rc = cm_ctl_groups(ctl->config, &group, &write_group, err);
	if (rc == CM_OK)
		rc = cm_api_keys_add(ctl->config->keys_path, &key, ctl->now,
				     write_group, secret, err);
	if (rc == CM_OK)
		rc = show_secret(ctl, key.name, secret, err);
	cm_wipe(secret, sizeof(secret));
	return rc;
}

static int remove_key(struct cm_ctl *ctl, const struct cm_args *args,
		      struct cm_error *err)
{
	struct cm_api_key key;
	gid_t group, write_group;
	int rc = named_key(args, &key, err);

	if (rc == CM_OK)
		rc = cm_ctl_groups(ctl->config, &group, &write_group, err);
	if (rc == CM_OK)
		rc = cm_api_keys_remove(ctl->config->keys_path, key.name,
					write_group, err);
	if (rc != CM_OK)
		return rc;
	(void)fprintf(ctl->out, "removed %s\n", key.name);
	tell_reload(ctl);
	return CM_OK;
}

int cm_cmd_api_key(struct cm_ctl *ctl, const struct cm_args *args,
		   struct cm_error *err)
{
	static const struct {
		const char *word;
		cm_command_fn *run;
		bool options;
	} acts[] = {{"add", add_key, true}, {"remove", remove_key, false}};
	const char *word =
		cm_args_count(args) > 0 ? cm_args_word(args, 0) : "list";
	bool options = cm_args_has(args, "may") || cm_args_has(args, "purpose");
	size_t i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(word, acts[i].word) == 0 &&
		    (acts[i].options || !options))
			return acts[i].run(ctl, args, err);
	if (strcmp(word, "list") == 0 && cm_args_count(args) < 2 && !options)
		return list_keys(ctl, err);
	return cm_fail(err, CM_EUSAGE,
		       "api-key: \"%.40s\" is not understood here (api-key "
		       "list; api-key add NAME --may RIGHTS [--purpose P...]; "
		       "api-key remove NAME)",
		       word);
}
