/*
 * consentctl doctor: is all well on this machine?
 *
 * Runs the rows of tools/doctor_table.c and prints what they found, in words
 * that somebody can act on.
 */
#include "tools/ctl_commands.h"

#include <stdarg.h>
#include <string.h>

#include "policy/config.h"
#include "tools/ctl_output.h"
#include "tools/doctor.h"
#include "tools/postfix_config.h"
#include "tools/sendmail_config.h"

enum {
	TEXT_COLUMN = 28, /* of a finding's words */
	LINE_WIDTH = 79,
};

static const struct {
	const char *name;  /* in --json */
	const char *shown; /* to a person */
} findings[CM_FINDINGS] = {
	[CM_FINDING_GOOD] = {"good", "good"},
	[CM_FINDING_UNKNOWN] = {"unknown", "-"},
	[CM_FINDING_WARNING] = {"warning", "warning"},
	[CM_FINDING_WRONG] = {"wrong", "WRONG"},
};

const char *cm_finding_name(enum cm_finding finding)
{
	return findings[finding].name;
}

/* ---- what checks say ---------------------------------------------------- */

__attribute__((format(printf, 3, 0))) static void say(struct cm_doctor *doctor,
						      enum cm_finding finding,
						      const char *fmt,
						      va_list ap)
{
	struct cm_said *said =
		cm_arena_alloc(doctor->ctl->arena, sizeof(*said));
	char text[CM_ERROR_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (said == NULL)
		return; /* finish() tells that memory is short */
	said->finding = finding;
	said->text = cm_arena_strdup(doctor->ctl->arena, text);
	*doctor->last = said;
	doctor->last = &said->next;
}

void cm_doctor_find(struct cm_doctor *doctor, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(doctor, doctor->check->severity, fmt, ap);
	va_end(ap);
}

void cm_doctor_unknown(struct cm_doctor *doctor, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(doctor, CM_FINDING_UNKNOWN, fmt, ap);
	va_end(ap);
}

void cm_doctor_note(struct cm_doctor *doctor, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(doctor, CM_FINDING_GOOD, fmt, ap);
	va_end(ap);
}

const char *cm_doctor_text(struct cm_doctor *doctor, const char *fmt, ...)
{
	char text[CM_ERROR_MAX];
	const char *copy;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	copy = cm_arena_strdup(doctor->ctl->arena, text);
	return copy != NULL ? copy : "";
}

/* ---- the answer --------------------------------------------------------- */

/* Words of a paragraph that begins at TEXT_COLUMN. */
static void print_words(FILE *out, const char *text)
{
	size_t column = TEXT_COLUMN;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column > TEXT_COLUMN && column + 1 + n > LINE_WIDTH) {
			(void)fprintf(out, "\n%*s", TEXT_COLUMN, "");
			column = TEXT_COLUMN;
		}
		if (column > TEXT_COLUMN) {
			(void)fputc(' ', out);
			column++;
		}
		(void)fwrite(text, 1, n, out);
		column += n;
		text += n + strspn(text + n, " ");
	}
	(void)fputc('\n', out);
}

static void print_line(FILE *out, enum cm_finding finding, const char *id,
		       const char *text)
{
	char safe[CM_ERROR_MAX];
	size_t i;

	/* Names of files come from elsewhere. */
	(void)snprintf(safe, sizeof(safe), "%s", text);
	for (i = 0; safe[i] != '\0'; i++)
		if ((unsigned char)safe[i] < ' ' || safe[i] == 0x7f)
			safe[i] = '?';
	(void)fprintf(out, "%-8s%-*s", findings[finding].shown, TEXT_COLUMN - 8,
		      id);
	print_words(out, safe);
}

struct answer {
	struct cm_out_json json;
	uint64_t counts[CM_FINDINGS]; /* checks */
};

static enum cm_finding worst(const struct cm_doctor *doctor)
{
	enum cm_finding found = CM_FINDING_GOOD;
	const struct cm_said *said;

	for (said = doctor->first; said != NULL; said = said->next)
		if (said->finding > found)
			found = said->finding;
	return found;
}

static void tell_json(const struct cm_doctor *doctor, struct answer *answer)
{
	struct cm_json_writer *w = &answer->json.w;
	const struct cm_said *said;

	cm_json_begin_object(w);
	cm_json_put_text(w, "check", doctor->check->id);
	cm_json_put_text(w, "result", cm_finding_name(worst(doctor)));
	cm_json_name(w, "said");
	cm_json_begin_array(w);
	for (said = doctor->first; said != NULL; said = said->next) {
		cm_json_begin_object(w);
		cm_json_put_text(w, "result", cm_finding_name(said->finding));
		cm_json_put_text(w, "text", said->text);
		cm_json_end(w);
	}
	cm_json_end(w);
	cm_json_end(w);
}

static void tell_text(const struct cm_doctor *doctor)
{
	FILE *out = doctor->ctl->out;
	const char *id = doctor->check->id;
	const struct cm_said *said;

	if (doctor->first == NULL)
		print_line(out, CM_FINDING_GOOD, id, doctor->check->what);
	for (said = doctor->first; said != NULL; said = said->next) {
		print_line(out, said->finding, id, said->text);
		id = "";
	}
}

static void tell(const struct cm_doctor *doctor, struct answer *answer)
{
	answer->counts[worst(doctor)]++;
	if (doctor->ctl->json)
		tell_json(doctor, answer);
	else
		tell_text(doctor);
}

static const struct cm_error *missing(const struct cm_doctor *doctor)
{
	switch (doctor->check->need) {
	case CM_NEED_STORE:
		return &doctor->store_missing;
	case CM_NEED_POSTFIX:
		return &doctor->mta_missing;
	case CM_NEED_SENDMAIL:
		return &doctor->other_mta_missing;
	default:
		return NULL;
	}
}

static void run_check(struct cm_doctor *doctor,
		      const struct cm_doctor_check *check,
		      struct answer *answer)
{
	const struct cm_error *why;

	doctor->check = check;
	doctor->first = NULL;
	doctor->last = &doctor->first;
	why = missing(doctor);
	if (why != NULL && why->code == CM_ENOTFOUND &&
	    check->need != CM_NEED_STORE)
		return; /* the other mail server's */
	if (why != NULL && why->code != CM_OK)
		cm_doctor_unknown(doctor, "%s", why->text);
	else
		check->run(doctor);
	tell(doctor, answer);
}

static void count_text(const struct answer *answer, FILE *out)
{
	char wrong[CM_COUNT_LEN], unknown[CM_COUNT_LEN], good[CM_COUNT_LEN];

	(void)fprintf(out, "\n%s wrong, ",
		      cm_out_count(answer->counts[CM_FINDING_WRONG], wrong));
	cm_out_plural(out, answer->counts[CM_FINDING_WARNING], "warning");
	(void)fprintf(out, ", %s not checked, %s good\n",
		      cm_out_count(answer->counts[CM_FINDING_UNKNOWN], unknown),
		      cm_out_count(answer->counts[CM_FINDING_GOOD], good));
}

static int end_json(struct answer *answer, struct cm_ctl *ctl,
		    struct cm_error *err)
{
	enum cm_finding finding;

	cm_json_end(&answer->json.w);
	for (finding = CM_FINDING_GOOD; finding < CM_FINDINGS; finding++)
		cm_json_put_int(&answer->json.w, cm_finding_name(finding),
				(int64_t)answer->counts[finding]);
	cm_json_end(&answer->json.w);
	return cm_out_json_end(&answer->json, ctl->out, err);
}

static int list_checks(struct cm_ctl *ctl, struct cm_error *err)
{
	struct cm_out_json json;
	size_t i;

	if (!ctl->json) {
		for (i = 0; i < cm_ndoctor_checks; i++)
			print_line(ctl->out, cm_doctor_checks[i].severity,
				   cm_doctor_checks[i].id,
				   cm_doctor_checks[i].what);
		return CM_OK;
	}
	cm_out_json_begin(&json);
	cm_json_begin_array(&json.w);
	for (i = 0; i < cm_ndoctor_checks; i++) {
		const struct cm_doctor_check *check = &cm_doctor_checks[i];

		cm_json_begin_object(&json.w);
		cm_json_put_text(&json.w, "check", check->id);
		cm_json_put_text(&json.w, "severity",
				 cm_finding_name(check->severity));
		cm_json_put_text(&json.w, "what", check->what);
		cm_json_end(&json.w);
	}
	cm_json_end(&json.w);
	return cm_out_json_end(&json, ctl->out, err);
}

/* ---- the command -------------------------------------------------------- */

/* Without a config nobody knows where anything else is: one check, and 78. */
static void run_all(struct cm_doctor *doctor, struct answer *answer)
{
	bool known = doctor->ctl->config != NULL;
	size_t i;

	for (i = 0; i < (known ? cm_ndoctor_checks : 1); i++)
		run_check(doctor, &cm_doctor_checks[i], answer);
}

static int examine(struct cm_doctor *doctor, struct answer *answer,
		   struct cm_error *err)
{
	struct cm_ctl *ctl = doctor->ctl;

	if (ctl->json) {
		cm_out_json_begin(&answer->json);
		cm_json_begin_object(&answer->json.w);
		cm_json_name(&answer->json.w, "checks");
		cm_json_begin_array(&answer->json.w);
	}
	run_all(doctor, answer);
	if (ctl->json)
		return end_json(answer, ctl, err);
	count_text(answer, ctl->out);
	return CM_OK;
}

/* What several checks look at, and what is in the way of that. */
static void prepare(struct cm_doctor *doctor)
{
	struct cm_arena *arena = doctor->ctl->arena;

	if (doctor->ctl->config == NULL)
		return;
	if (cm_ctl_open(doctor->ctl, CM_CTL_READ, &doctor->store_missing) ==
	    CM_OK)
		doctor->store_missing.code = CM_OK;
	if (cm_postfix_read(doctor->postfix, arena, &doctor->mta,
			    &doctor->mta_missing) == CM_OK)
		doctor->mta_missing.code = CM_OK;
	if (cm_sendmail_read(doctor->sendmail, arena, &doctor->other_mta,
			     &doctor->other_mta_missing) == CM_OK)
		doctor->other_mta_missing.code = CM_OK;
}

int cm_cmd_doctor(struct cm_ctl *ctl, const struct cm_args *args,
		  struct cm_error *err)
{
	struct cm_doctor doctor = {
		.ctl = ctl,
		.dns = cm_args_has(args, "dns"),
		.quick = cm_args_has(args, "quick"),
		.postfix = cm_args_get(args, "postfix"),
		.sendmail = cm_args_get(args, "sendmail"),
	};
	struct answer answer = {.counts = {0}};
	struct cm_error unread;
	int rc;

	if (cm_args_has(args, "list"))
		return list_checks(ctl, err);
	rc = cm_ctl_open(ctl, CM_CTL_CONFIG, &unread);
	if (rc != CM_OK && rc != CM_ECONFIG)
		return cm_fail(err, rc, "%s", unread.text);
	prepare(&doctor);
	rc = examine(&doctor, &answer, err);
	if (rc != CM_OK)
		return rc;
	if (ctl->config == NULL)
		return CM_ECONFIG;
	if (answer.counts[CM_FINDING_WRONG] > 0 ||
	    (cm_args_has(args, "strict") &&
	     answer.counts[CM_FINDING_WARNING] > 0))
		return CM_EREFUSED;
	return CM_OK;
}
