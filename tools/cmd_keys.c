/*
 * consentctl keys: which secret keys there are, and new ones.
 *
 * Keys are named by kind, id and day; nothing of a key itself is ever shown.
 * "keys checkpoint" stands in cmd_checkpoint.c.
 */
#include "tools/ctl_commands.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "policy/config.h"
#include "policy/keys.h"
#include "tools/ctl_output.h"

enum { DAY_LEN = 10 }; /* "2026-11-22" */

/* ---- what there is ------------------------------------------------------ */

static const char *day_of(const struct cm_key *key, char out[CM_CLOCK_TEXT])
{
	if (key->made == 0)
		return NULL;
	(void)cm_clock_format(key->made, out);
	out[DAY_LEN] = '\0';
	return out;
}

static void list_kind(FILE *out, const struct cm_keys *keys,
		      enum cm_key_kind kind)
{
	size_t count = cm_keys_count(keys, kind);
	char day[CM_CLOCK_TEXT];
	size_t i;

	if (count == 0)
		(void)fprintf(out, "%-10s  none that you may read\n",
			      cm_key_kind_name(kind));
	for (i = count; i-- > 0;) {
		const struct cm_key *key = cm_keys_at(keys, kind, i);
		const char *made = day_of(key, day);

		(void)fprintf(out, "%-10s  %3u  %-10s  %s\n",
			      cm_key_kind_name(kind), key->id,
			      made != NULL ? made : "no date",
			      i + 1 == count ? "in use" : "for older links");
	}
}

static void json_key(struct cm_json_writer *w, enum cm_key_kind kind,
		     const struct cm_key *key, bool current)
{
	char day[CM_CLOCK_TEXT];

	cm_json_begin_object(w);
	cm_json_put_text(w, "kind", cm_key_kind_name(kind));
	cm_json_put_int(w, "id", key->id);
	cm_json_put_text(w, "made", day_of(key, day));
	cm_json_put_bool(w, "current", current);
	cm_json_end(w);
}

static int list_json(struct cm_ctl *ctl, const struct cm_keys *keys,
		     struct cm_error *err)
{
	struct cm_out_json json;
	int kind;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_name(&json.w, "keys");
	cm_json_begin_array(&json.w);
	for (kind = 0; kind < CM_KEY_KINDS; kind++) {
		size_t count = cm_keys_count(keys, (enum cm_key_kind)kind);
		size_t i;

		for (i = count; i-- > 0;)
			json_key(&json.w, (enum cm_key_kind)kind,
				 cm_keys_at(keys, (enum cm_key_kind)kind, i),
				 i + 1 == count);
	}
	cm_json_end(&json.w);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

static int list_keys(struct cm_ctl *ctl, struct cm_error *err)
{
	int rc = cm_keys_open(ctl->config->keys_path, &ctl->keys, err);
	int kind;

	if (rc != CM_OK)
		return rc;
	if (ctl->json)
		return list_json(ctl, ctl->keys, err);
	for (kind = 0; kind < CM_KEY_KINDS; kind++)
		list_kind(ctl->out, ctl->keys, (enum cm_key_kind)kind);
	return CM_OK;
}

/* ---- rotate ------------------------------------------------------------- */

static int find_kind(const char *word, enum cm_key_kind *ret_kind,
		     struct cm_error *err)
{
	const char *names[CM_KEY_KINDS];
	const char *near;
	int kind;

	for (kind = 0; kind < CM_KEY_KINDS; kind++) {
		names[kind] = cm_key_kind_name((enum cm_key_kind)kind);
		if (strcmp(names[kind], word) == 0) {
			*ret_kind = (enum cm_key_kind)kind;
			return CM_OK;
		}
	}
	near = cm_suggest(word, names, CM_KEY_KINDS);
	if (near != NULL)
		return cm_fail(err, CM_EUSAGE,
			       "keys rotate: \"%.40s\" is no kind of key; did "
			       "you mean %s?",
			       word, near);
	return cm_fail(err, CM_EUSAGE,
		       "keys rotate: \"%.40s\" is no kind of key (header, "
		       "footer, verp, confirm, preference, mailed)",
		       word);
}

/* All words are looked at before anything changes. */
static int wanted_kinds(const struct cm_args *args, bool wanted[CM_KEY_KINDS],
			struct cm_error *err)
{
	size_t words = cm_args_count(args);
	enum cm_key_kind kind = CM_KEY_STORE;
	size_t i;
	int rc;

	for (i = 0; i < CM_KEY_KINDS; i++)
		wanted[i] = words == 1 && i != CM_KEY_STORE;
	for (i = 1; i < words; i++) {
		rc = find_kind(cm_args_word(args, i), &kind, err);
		if (rc != CM_OK)
			return rc;
		if (kind == CM_KEY_STORE)
			return cm_fail(err, CM_EREFUSED,
				       "the store key never changes: "
				       "everybody's record is found by it");
		wanted[kind] = true;
	}
	return CM_OK;
}

/* One file after the other; what was done before an error stays. */
static int rotate_kinds(struct cm_ctl *ctl, const bool wanted[CM_KEY_KINDS],
			struct cm_error *err)
{
	gid_t group, write_group;
	int kind;
	int rc = cm_ctl_groups(ctl->config, &group, &write_group, err);

	for (kind = 0; kind < CM_KEY_KINDS && rc == CM_OK; kind++) {
		uint8_t id;

		if (!wanted[kind])
			continue;
		rc = cm_keys_rotate(ctl->config->keys_path,
				    (enum cm_key_kind)kind, group, write_group,
				    &id, err);
		if (rc == CM_OK && !ctl->json)
			(void)fprintf(
				ctl->out, "%-10s  %3u  made; older keys stay\n",
				cm_key_kind_name((enum cm_key_kind)kind), id);
	}
	return rc;
}

static int rotate(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	bool wanted[CM_KEY_KINDS];
	int rc = wanted_kinds(args, wanted, err);

	if (rc == CM_OK)
		rc = rotate_kinds(ctl, wanted, err);
	if (rc != CM_OK)
		return rc;
	(void)fputs("running programs go on with the old keys until they "
		    "reload; this one first, it\n"
		    "must understand new links before any is sent:\n"
		    "  systemctl reload consent-web\n"
		    "  systemctl reload consent-milter\n"
		    "and back the keys up: without these, new links are dead\n",
		    ctl->notes);
	return ctl->json ? list_keys(ctl, err) : CM_OK;
}

int cm_cmd_keys(struct cm_ctl *ctl, const struct cm_args *args,
		struct cm_error *err)
{
	const char *what =
		cm_args_count(args) > 0 ? cm_args_word(args, 0) : NULL;

	if (cm_args_has(args, "rotate") &&
	    (what == NULL || strcmp(what, "checkpoint") != 0))
		return cm_fail(err, CM_EUSAGE,
			       "keys: --rotate is for \"keys checkpoint "
			       "--rotate\"; of the others new ones are made "
			       "with \"keys rotate\"");
	if (cm_args_has(args, "compromised") &&
	    (what == NULL || strcmp(what, "checkpoint") != 0))
		return cm_fail(
			err, CM_EUSAGE,
			"keys: --compromised is for \"keys checkpoint\"; "
			"of the others, whose old ones go on opening "
			"links, nothing can be said");
	if (what == NULL)
		return list_keys(ctl, err);
	if (strcmp(what, "rotate") == 0)
		return rotate(ctl, args, err);
	if (strcmp(what, "checkpoint") == 0)
		return cm_cmd_keys_checkpoint(ctl, args, err);
	return cm_fail(err, CM_EUSAGE,
		       "keys: \"%.40s\" is nothing to do with keys (rotate "
		       "makes new ones, checkpoint the one that signs "
		       "checkpoints; no word at all lists them)",
		       what);
}
