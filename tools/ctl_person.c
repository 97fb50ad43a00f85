/* See ctl_person.h. */
#include "tools/ctl_person.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "policy/past.h"
#include "policy/record.h"
#include "tools/ctl_past.h"
#include "tools/file.h"
#include "tools/terms_text.h"

enum { NOTICE_MAX = 1024 * 1024 }; /* the longest consent text is a few KB */

int cm_person_identify(struct cm_ctl *ctl, struct cm_span text,
		       struct cm_person *ret_person, struct cm_error *err)
{
	return cm_person_of(ctl->config, ctl->hmac, text, ret_person, err);
}

int cm_person_read(struct cm_ctl *ctl, struct cm_person *person,
		   struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	int rc = cm_store_read_begin(ctl->store, ctl->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_person_look_up(reader, person, err);
	cm_store_read_end(&reader);
	return rc;
}

int cm_person_find(struct cm_ctl *ctl, const char *text,
		   struct cm_person *ret_person, struct cm_error *err)
{
	struct cm_person person;
	char quoted[CM_QUOTE_LEN];
	int rc = cm_person_identify(ctl, cm_span(text), &person, err);

	if (rc == CM_EDATA)
		return cm_error_prefix(err, "\"%s\" is not a mail address: ",
				       cm_quote(cm_span(text), quoted));
	if (rc == CM_OK)
		rc = cm_person_read(ctl, &person, err);
	if (rc == CM_OK)
		*ret_person = person;
	return rc;
}

const struct cm_fact *cm_person_mark(const struct cm_ctl *ctl,
				     const struct cm_view *view,
				     enum cm_fact_kind kind)
{
	return cm_person_has_mark(ctl->config, view, kind, ctl->now);
}

static struct cm_record_source source_of(const struct cm_ctl *ctl)
{
	return (struct cm_record_source){
		.config = ctl->config,
		.store = ctl->store,
		.arena = ctl->arena,
		.now = ctl->now,
	};
}

int cm_ctl_event(struct cm_ctl *ctl, uint64_t seq, struct cm_event *ret_event,
		 struct cm_span *ret_json, struct cm_error *err)
{
	struct cm_record_source source = source_of(ctl);

	return cm_record_event(&source, seq, ret_event, ret_json, err);
}

int cm_person_standings(struct cm_ctl *ctl, const struct cm_person *person,
			struct cm_standing **ret_standings,
			struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	struct cm_record_source source = source_of(ctl);
	size_t i;
	int rc = CM_OK;

	/* Who may not read what the milter remembers can ask all else. */
	for (i = 0; rc == CM_OK && i < config->npurposes; i++) {
		const struct cm_purpose *purpose = &config->purposes[i];

		if (cm_past_matters(&purpose, 1))
			rc = cm_ctl_sent(ctl, &source.sent, err);
	}
	return rc == CM_OK
		       ? cm_record_standings(&source, &person->contact,
					     &person->own, &person->family_view,
					     ret_standings, err)
		       : rc;
}

static int widest_path(const struct cm_config *config)
{
	size_t widest = 0;
	size_t i;

	for (i = 0; i < config->npurposes; i++) {
		size_t n = strlen(config->purposes[i].path);

		widest = n > widest ? n : widest;
	}
	return (int)widest;
}

static void print_standing(FILE *out, int width,
			   const struct cm_standing *standing)
{
	const struct cm_decision *decision = &standing->decision;
	char at[CM_CLOCK_TEXT];
	bool yes = decision->verdict == CM_VERDICT_ALLOW;

	(void)fprintf(out, "  %-*s  %-3s  %s", width, standing->purpose->path,
		      yes ? "yes" : "no", cm_reason_text(decision->reason));
	if (decision->by_family)
		(void)fputs(", said by another address of the same mailbox",
			    out);
	if (decision->has_event)
		(void)fprintf(out, ", since %s",
			      cm_clock_format(decision->at, at));
	if (yes && standing->until != 0)
		(void)fprintf(out, " until %s",
			      cm_clock_format(standing->until, at));
	if (standing->event.source[0] != '\0')
		(void)fprintf(out, ", source %s", standing->event.source);
	if (decision->has_event && decision->seq == CM_STORE_SEQ_PENDING)
		(void)fputs(" (waits to be written into the ledger)", out);
	else if (decision->has_event)
		(void)fprintf(out, " (event %" PRIu64 ")", decision->seq);
	cm_term_print(out, &standing->event);
	(void)fputc('\n', out);
}

void cm_person_print_standings(struct cm_ctl *ctl,
			       const struct cm_standing *standings)
{
	int width = widest_path(ctl->config);
	size_t i;

	for (i = 0; i < ctl->config->npurposes; i++)
		print_standing(ctl->out, width, &standings[i]);
}

void cm_person_print_marks(struct cm_ctl *ctl, const struct cm_person *person)
{
	const enum cm_fact_kind *kind;
	char at[CM_CLOCK_TEXT];

	for (kind = cm_person_marks; *kind != CM_FACT_KINDS; kind++) {
		const struct cm_fact *mark =
			cm_person_mark(ctl, &person->own, *kind);

		if (mark != NULL)
			(void)fprintf(ctl->out, "marked     %s since %s\n",
				      cm_fact_kind_name(*kind),
				      cm_clock_format(mark->at, at));
	}
}

int cm_ctl_remarks(const char *const *pairs, struct cm_buf *out,
		   struct cm_error *err)
{
	struct cm_json_writer w;
	bool any = false, good = true;
	size_t i;

	cm_json_init(&w, out, CM_JSON_CANONICAL);
	for (i = 0; pairs[i] != NULL; i += 2) {
		if (pairs[i + 1] == NULL)
			continue;
		if (!any)
			cm_json_begin_object(&w);
		any = true;
		cm_json_put_text(&w, pairs[i], pairs[i + 1]);
		good = good && strlen(pairs[i + 1]) <= CM_REMARK_MAX;
	}
	if (!any)
		return CM_OK;
	cm_json_end(&w);
	if (cm_json_done(&w) == CM_OK && good)
		return CM_OK;
	return cm_fail(err, CM_EUSAGE,
		       "the words given must be UTF-8, and at most %d octets",
		       CM_REMARK_MAX);
}

int cm_ctl_remark(const char *name, const char *text, struct cm_buf *out,
		  struct cm_error *err)
{
	const char *const pairs[] = {name, text, NULL};

	return cm_ctl_remarks(pairs, out, err);
}

int cm_ctl_notice(struct cm_ctl *ctl, const char *path, bool keep,
		  struct cm_hash *ret_hash, struct cm_error *err)
{
	struct cm_buf text;
	int rc;

	cm_buf_init(&text, NOTICE_MAX);
	rc = cm_file_read(path, &text, err);
	if (rc == CM_OK &&
	    (text.len == 0 || !cm_utf8_valid(text.data, text.len)))
		rc = cm_fail(err, CM_EDATA,
			     "%s: the text shown must be UTF-8, and not empty",
			     path);
	if (rc == CM_OK && keep)
		rc = cm_store_put_notice(ctl->store,
					 cm_span_n(text.data, text.len),
					 ret_hash, err);
	else if (rc == CM_OK &&
		 cm_sha256(text.data, text.len, ret_hash->b) != CM_OK)
		rc = cm_fail(err, CM_ECRYPTO, "no SHA-256");
	cm_buf_free(&text);
	return rc;
}

/* Event texts are ASCII words; a login name may be anything. */
static bool plain_name(const char *name)
{
	const char *p;

	if (name == NULL || name[0] == '\0' || strlen(name) > CM_WHO_MAX)
		return false;
	for (p = name; *p != '\0'; p++) {
		if (*p <= ' ' || *p >= 0x7F || *p == '"' || *p == '\\')
			return false;
	}
	return true;
}

const char *cm_ctl_who(struct cm_ctl *ctl)
{
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	const char *login = getenv("LOGNAME");
	const struct passwd *user;
	const char *name;

	if (plain_name(sudo))
		return sudo;
	if (plain_name(login))
		return login;
	user = getpwuid(getuid());
	if (user != NULL && plain_name(user->pw_name))
		return cm_arena_strdup(ctl->arena, user->pw_name);
	name = cm_arena_printf(ctl->arena, "uid-%lu", (unsigned long)getuid());
	return name != NULL ? name : "unknown";
}

int cm_ctl_time(const struct cm_args *args, const char *option, int64_t *ret_at,
		struct cm_error *err)
{
	const char *text = cm_args_get(args, option);
	char day[CM_CLOCK_TEXT];

	if (text == NULL)
		return CM_OK;
	(void)snprintf(day, sizeof(day), "%.10sT00:00:00Z", text);
	if (cm_clock_parse(cm_span(strlen(text) == 10 ? day : text), ret_at) !=
	    CM_OK)
		return cm_fail(err, CM_EUSAGE,
			       "--%s \"%s\" is no time (write "
			       "2026-01-31T12:00:00Z, or 2026-01-31)",
			       option, text);
	return CM_OK;
}
