/*
 * consentctl erase: forget people, all but the keyed id that keeps them from
 * being taken in again (GDPR 17).
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "policy/config.h"
#include "tools/ctl_person.h"
#include "tools/disclose.h"
#include "tools/list.h"
#include "tools/request.h"

enum fate { TO_ERASE, UNKNOWN, ALREADY, RESTRICTED, FATES };

struct one {
	struct cm_id contact;
	struct cm_id family;
	const char *address;
	enum fate fate;
};

struct erase {
	struct cm_ctl *ctl;
	struct one *ones;
	size_t count, room;
	uint64_t by_fate[FATES];
	int64_t restricted_at; /* of the last that is */
	uint64_t first_seq;
	struct cm_erased erased;
	struct cm_recipients recipients;
};

/* ---- who ---------------------------------------------------------------- */

static int add_one(struct erase *e, struct cm_span text, struct cm_error *err)
{
	struct cm_person person;
	struct one *one;
	int rc = cm_person_identify(e->ctl, text, &person, err);

	if (rc != CM_OK)
		return rc;
	if (e->count == e->room) {
		size_t room = e->room == 0 ? 16 : 2 * e->room;
		struct one *more =
			cm_arena_array(e->ctl->arena, room, sizeof(*more));

		if (more == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		if (e->count > 0)
			memcpy(more, e->ones, e->count * sizeof(*more));
		e->ones = more;
		e->room = room;
	}
	one = &e->ones[e->count++];
	one->contact = person.contact;
	one->family = person.family;
	one->fate = TO_ERASE;
	one->address = cm_arena_strdup(e->ctl->arena, person.address.canonical);
	return one->address != NULL ? CM_OK
				    : cm_fail(err, CM_ENOMEM, "out of memory");
}

static int add_rows(struct erase *e, struct cm_list *list, struct cm_error *err)
{
	size_t column = cm_list_column(list, "email");
	int rc;

	if (column == CM_CSV_NO_COLUMN)
		return cm_fail(err, CM_EDATA,
			       "%s: one address a line, please, or a column "
			       "\"email\"",
			       list->path);
	while ((rc = cm_list_next(list, err)) == CM_OK) {
		rc = add_one(e, cm_list_cell(list, column), err);
		if (rc == CM_EDATA)
			return cm_list_bad_cell(list, column, err);
		if (rc != CM_OK)
			return rc;
	}
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int add_file(struct erase *e, const char *path, struct cm_error *err)
{
	struct cm_list *list = NULL;
	int rc = cm_list_open(path, NULL, e->ctl->arena, &list, err);

	if (rc == CM_OK)
		rc = add_rows(e, list, err);
	cm_list_close(&list);
	return rc;
}

static int add_word(struct erase *e, const char *word, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	int rc = add_one(e, cm_span(word), err);

	if (rc == CM_EDATA)
		return cm_error_prefix(err, "\"%s\" is not a mail address: ",
				       cm_quote(cm_span(word), quoted));
	return rc;
}

static int compare(const void *a, const void *b)
{
	return memcmp(&((const struct one *)a)->contact,
		      &((const struct one *)b)->contact, sizeof(struct cm_id));
}

/* A list may name somebody twice. */
static void drop_doubles(struct erase *e)
{
	size_t kept = 0;

	if (e->count == 0)
		return;
	qsort(e->ones, e->count, sizeof(*e->ones), compare);
	for (size_t i = 1; i < e->count; i++) {
		if (compare(&e->ones[kept], &e->ones[i]) != 0)
			e->ones[++kept] = e->ones[i];
	}
	e->count = kept + 1;
}

static int find_all(struct erase *e, const struct cm_args *args,
		    struct cm_error *err)
{
	const char *path = cm_args_get(args, "from");
	int rc = CM_OK;

	if (path == NULL && cm_args_count(args) == 0)
		return cm_fail(err, CM_EUSAGE,
			       "erase: whom? Name an ADDR, or --from FILE");
	if (cm_args_count(args) > 0)
		rc = add_word(e, cm_args_word(args, 0), err);
	if (rc == CM_OK && path != NULL)
		rc = add_file(e, path, err);
	if (rc == CM_OK)
		drop_doubles(e);
	return rc;
}

/* ---- what is to be done with each ---------------------------------------- */

static int has_address(struct erase *e, const struct one *one, bool *ret_has,
		       struct cm_arena *arena, struct cm_error *err)
{
	struct cm_span canonical, as_given;
	int rc = cm_store_address(e->ctl->store, &one->contact, arena,
				  &canonical, &as_given, err);

	*ret_has = rc == CM_OK;
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

/* Article 18(2): while restricted, data is kept, for that is what it is for. */
static int judge(struct erase *e, struct one *one,
		 const struct cm_person *person, struct cm_arena *arena,
		 struct cm_error *err)
{
	const struct cm_fact *restricted =
		cm_person_mark(e->ctl, &person->own, CM_FACT_RESTRICTED);
	bool has = true;
	int rc = CM_OK;

	if (!cm_person_known(person)) {
		one->fate = UNKNOWN;
		return CM_OK;
	}
	if (restricted != NULL) {
		one->fate = RESTRICTED;
		e->restricted_at = restricted->at;
		return CM_OK;
	}
	if (cm_person_mark(e->ctl, &person->own, CM_FACT_ERASED) != NULL)
		rc = has_address(e, one, &has, arena, err);
	if (rc == CM_OK && !has)
		one->fate = ALREADY;
	return rc;
}

static int judge_all(struct erase *e, struct cm_arena *arena,
		     struct cm_error *err)
{
	struct cm_arena *lasting = e->ctl->arena;
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < e->count; i++) {
		struct cm_person person = {.contact = e->ones[i].contact,
					   .family = e->ones[i].family};

		cm_arena_reset(arena);
		e->ctl->arena = arena; /* a view is needed for a moment */
		rc = cm_person_read(e->ctl, &person, err);
		e->ctl->arena = lasting;
		if (rc == CM_OK)
			rc = judge(e, &e->ones[i], &person, arena, err);
		e->by_fate[e->ones[i].fate]++;
	}
	return rc;
}

static int look_at_all(struct erase *e, struct cm_error *err)
{
	struct cm_arena *arena = NULL;
	int rc = cm_arena_new(1 << 24, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = judge_all(e, arena, err);
	cm_arena_free(&arena);
	return rc;
}

/* ---- asking, doing ------------------------------------------------------- */

static int confirm(struct erase *e, const struct cm_args *args,
		   struct cm_error *err)
{
	FILE *notes = e->ctl->notes;
	char line[16] = "";

	if (cm_args_has(args, "yes"))
		return CM_OK;
	if (isatty(STDIN_FILENO) != 1)
		return cm_fail(err, CM_EUSAGE,
			       "nothing was erased: this cannot be undone, so "
			       "say --yes where nobody can be asked");
	(void)fputs("Erase what is kept about ", notes);
	if (e->by_fate[TO_ERASE] == 1 && e->count == 1)
		(void)fputs(e->ones[0].address, notes);
	else
		(void)fprintf(notes, "%" PRIu64 " addresses",
			      e->by_fate[TO_ERASE]);
	(void)fputs("? It cannot be undone. Type yes: ", notes);
	(void)fflush(notes);
	if (fgets(line, sizeof(line), stdin) != NULL &&
	    strcmp(line, "yes\n") == 0)
		return CM_OK;
	return cm_fail(err, CM_EREFUSED, "nothing was erased");
}

static void fill_event(const struct erase *e, const struct one *one,
		       struct cm_event *event)
{
	event->type = CM_EVENT_ERASED;
	event->actor = CM_ACTOR_ADMIN;
	event->contact = one->contact;
	event->family = one->family;
	(void)snprintf(event->channel, sizeof(event->channel), "cli");
	(void)snprintf(event->who, sizeof(event->who), "%s",
		       cm_ctl_who(e->ctl));
}

static int erase_all(struct erase *e, struct cm_error *err)
{
	struct cm_event *events = calloc(e->count, sizeof(*events));
	size_t n = 0;
	int rc;

	if (events == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (size_t i = 0; i < e->count; i++) {
		if (e->ones[i].fate == TO_ERASE)
			fill_event(e, &e->ones[i], &events[n++]);
	}
	rc = cm_store_erase(e->ctl->store, events, n, e->ctl->now,
			    &e->first_seq, &e->erased, err);
	free(events);
	return rc;
}

/* Who was given their data has to be told; who asked has their answer. */
static int follow_up(struct erase *e, struct cm_error *err)
{
	int rc = CM_OK;

	for (size_t i = 0; rc == CM_OK && i < e->count; i++) {
		const struct one *one = &e->ones[i];

		if (one->fate == TO_ERASE)
			rc = cm_recipients_add(e->ctl, &one->contact,
					       &e->recipients, err);
		if (rc == CM_OK && one->fate == TO_ERASE)
			cm_request_fulfil(e->ctl, &one->contact, "erasure");
	}
	return rc == CM_OK ? rc
			   : cm_error_prefix(err, "they are erased, but who "
						  "must be told cannot be "
						  "read: ");
}

/* ---- telling ------------------------------------------------------------- */

static int tell_json(const struct erase *e, struct cm_error *err)
{
	static const char *const names[FATES] = {
		"erased", "unknown", "already_erased", "restricted"};
	struct cm_out_json json;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	for (int i = 0; i < FATES; i++)
		cm_json_put_int(&json.w, names[i], (int64_t)e->by_fate[i]);
	cm_json_put_int(&json.w, "addresses", (int64_t)e->erased.addresses);
	cm_json_put_int(&json.w, "evidence", (int64_t)e->erased.evidence);
	cm_json_name(&json.w, "contacts");
	cm_json_begin_array(&json.w);
	for (size_t i = 0; i < e->count; i++) {
		char id[CM_ID_TEXT_LEN];

		if (e->ones[i].fate == TO_ERASE)
			cm_json_add_text(
				&json.w,
				cm_span(cm_out_id(&e->ones[i].contact, id)));
	}
	cm_json_end(&json.w);
	cm_recipients_json(&e->recipients, &json.w);
	cm_json_end(&json.w);
	return cm_out_json_end(&json, e->ctl->out, err);
}

static void tell_count(FILE *out, uint64_t n, const char *what)
{
	if (n == 0)
		return;
	cm_out_plural(out, n, "contact");
	(void)fprintf(out, " %s\n", what);
}

static void tell_text(const struct erase *e)
{
	FILE *out = e->ctl->out;

	if (e->by_fate[TO_ERASE] > 0) {
		if (e->count == 1)
			(void)fprintf(out, "erased %s (event %" PRIu64 ")\n",
				      e->ones[0].address, e->first_seq);
		else
			tell_count(out, e->by_fate[TO_ERASE], "erased");
		(void)fputs("gone from every file of the store: the address "
			    "of ",
			    out);
		cm_out_plural(out, e->erased.addresses, "contact");
		(void)fputs(", ", out);
		cm_out_plural(out, e->erased.evidence, "piece");
		(void)fputs(" of evidence\n"
			    "what stays is a keyed id: no marketing goes "
			    "there, and no import brings it back\n"
			    "not reached: backups, files that others got or "
			    "that you made (import --reject-to,\n"
			    "check -o, evidence), and the lists of your tools: "
			    "tell those who have them\n",
			    out);
		cm_recipients_print(&e->recipients, out);
	}
	if (e->count == 1 && e->by_fate[ALREADY] == 1)
		(void)fprintf(out, "%s was erased already\n",
			      e->ones[0].address);
	else
		tell_count(out, e->by_fate[ALREADY], "erased already");
	if (e->count > 1) {
		tell_count(out, e->by_fate[UNKNOWN], "not on record");
		tell_count(out, e->by_fate[RESTRICTED],
			   "left as they are, for they are restricted");
	}
}

/* Where people were sent who asked to be forgotten. */
static void tell_samples(const struct erase *e)
{
	const struct cm_config *config = e->ctl->config;

	if (config->samples_path != NULL && config->samples_path[0] != '\0')
		(void)fprintf(e->ctl->notes,
			      "note: whole messages may be kept in %s: look "
			      "there, too\n",
			      config->samples_path);
}

static int answer(const struct erase *e, struct cm_error *err)
{
	char at[CM_CLOCK_TEXT];
	int rc = CM_OK;

	if (e->ctl->json)
		rc = tell_json(e, err);
	else
		tell_text(e);
	if (rc != CM_OK)
		return rc;
	if (e->by_fate[TO_ERASE] > 0)
		tell_samples(e);
	if (e->count == 1 && e->by_fate[RESTRICTED] == 1)
		return cm_fail(err, CM_EREFUSED,
			       "nothing was erased: %s is restricted since %s, "
			       "and what is restricted is kept (GDPR 18); "
			       "first: clear %s restricted --note TEXT",
			       e->ones[0].address,
			       cm_clock_format(e->restricted_at, at),
			       e->ones[0].address);
	if (e->by_fate[RESTRICTED] > 0)
		return CM_EREFUSED;
	if (e->by_fate[UNKNOWN] == e->count)
		return cm_fail(err, CM_ENOTFOUND,
			       "nothing is on record for %s; nothing was "
			       "written (to keep marketing away from it: "
			       "consentctl object)",
			       e->count == 1 ? e->ones[0].address
					     : "any of them");
	return CM_OK;
}

int cm_cmd_erase(struct cm_ctl *ctl, const struct cm_args *args,
		 struct cm_error *err)
{
	struct erase e = {.ctl = ctl};
	int rc = find_all(&e, args, err);

	if (rc == CM_OK && e.count == 0)
		rc = cm_fail(err, CM_EDATA, "the list names nobody");
	if (rc == CM_OK)
		rc = look_at_all(&e, err);
	if (rc == CM_OK && e.by_fate[TO_ERASE] > 0) {
		rc = confirm(&e, args, err);
		if (rc == CM_OK)
			rc = erase_all(&e, err);
		if (rc == CM_OK)
			rc = follow_up(&e, err);
	}
	return rc == CM_OK ? answer(&e, err) : rc;
}
