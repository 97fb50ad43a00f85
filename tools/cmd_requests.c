/*
 * consentctl requests: what people asked for and until when they must have an
 * answer (GDPR 12(3)).
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tools/ctl_person.h"
#include "tools/ledger_scan.h"
#include "tools/request.h"

enum {
	DATE_LEN = 11, /* "2026-01-31" */
};

/* The day itself, in UTC. */
static const char *date_of(int64_t at, char out[CM_CLOCK_TEXT])
{
	(void)cm_clock_format(at, out);
	out[DATE_LEN - 1] = '\0';
	return out;
}

static const char *due_of(const struct cm_right_request *request,
			  char out[CM_CLOCK_TEXT])
{
	return date_of(
		cm_request_late_at(request->received, request->extended) - 1,
		out);
}

/* ---- the list ----------------------------------------------------------- */

struct list {
	struct cm_ctl *ctl;
	struct cm_right_request *v;
	size_t n, room;
	size_t late;
};

/* Few are ever open, and whoever asked once may ask again. */
static struct cm_right_request *find(const struct list *list,
				     const struct cm_event *event)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (memcmp(&list->v[i].contact, &event->contact,
			   sizeof(event->contact)) == 0 &&
		    strcmp(list->v[i].right, event->right) == 0)
			return &list->v[i];
	}
	return NULL;
}

static int add(struct list *list, const struct cm_event *event,
	       struct cm_error *err)
{
	struct cm_right_request *request;

	if (list->n == list->room) {
		size_t room = list->room * 2 + 16;
		void *more = realloc(list->v, room * sizeof(*list->v));

		if (more == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		list->v = more;
		list->room = room;
	}
	request = &list->v[list->n++];
	memset(request, 0, sizeof(*request));
	request->contact = event->contact;
	request->family = event->family;
	memcpy(request->right, event->right, sizeof(request->right));
	cm_request_apply(request, event);
	return CM_OK;
}

static int look(void *ctx, const struct cm_event *event, uint64_t seq,
		struct cm_error *err)
{
	struct list *list = ctx;
	struct cm_right_request *request;

	(void)seq;
	if (!cm_event_type_is_request(event->type))
		return CM_OK;
	request = find(list, event);
	if (request == NULL)
		return event->type == CM_EVENT_REQUEST_OPENED
			       ? add(list, event, err)
			       : CM_OK;
	cm_request_apply(request, event);
	if (!request->open)
		*request = list->v[--list->n];
	return CM_OK;
}

static int64_t late_at(const struct cm_right_request *request)
{
	return cm_request_late_at(request->received, request->extended);
}

/* The most urgent first; those overdue are that anyway. */
static int by_due(const void *a, const void *b)
{
	int64_t x = late_at(a), y = late_at(b);

	if (x != y)
		return x < y ? -1 : 1;
	return memcmp(&((const struct cm_right_request *)a)->contact,
		      &((const struct cm_right_request *)b)->contact,
		      sizeof(struct cm_id));
}

static int address_of(struct list *list, const struct cm_right_request *request,
		      struct cm_span *ret_address, struct cm_error *err)
{
	struct cm_span as_given;
	int rc =
		cm_store_address(list->ctl->store, &request->contact,
				 list->ctl->arena, ret_address, &as_given, err);

	if (rc == CM_ENOTFOUND)
		*ret_address = cm_span("");
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static bool is_late(const struct list *list,
		    const struct cm_right_request *request)
{
	return list->ctl->now >= late_at(request);
}

static int print_one(struct list *list, const struct cm_right_request *request,
		     struct cm_error *err)
{
	FILE *out = list->ctl->out;
	char due[CM_CLOCK_TEXT], received[CM_CLOCK_TEXT];
	char id[CM_ID_TEXT_LEN];
	struct cm_span address;
	int rc = address_of(list, request, &address, err);

	if (rc != CM_OK)
		return rc;
	if (address.n == 0)
		address = cm_span(cm_out_id(&request->contact, id));
	(void)fprintf(out, "%-8s %s  %-11s  %.*s  (received %s%s)\n",
		      is_late(list, request) ? "OVERDUE" : "due",
		      due_of(request, due), request->right, (int)address.n,
		      address.p, date_of(request->received, received),
		      request->extended ? ", extended" : "");
	return CM_OK;
}

static int json_one(struct list *list, const struct cm_right_request *request,
		    struct cm_json_writer *w, struct cm_error *err)
{
	char due[CM_CLOCK_TEXT], id[CM_ID_TEXT_LEN];
	struct cm_span address;
	int rc = address_of(list, request, &address, err);

	if (rc != CM_OK)
		return rc;
	cm_json_begin_object(w);
	cm_json_put_text(w, "contact", cm_out_id(&request->contact, id));
	cm_json_name(w, "address");
	if (address.n > 0)
		cm_json_add_text(w, address);
	else
		cm_json_add_null(w);
	cm_json_put_text(w, "right", request->right);
	cm_json_put_time(w, "received", request->received);
	cm_json_put_text(w, "due", due_of(request, due));
	cm_json_put_bool(w, "extended", request->extended);
	cm_json_put_bool(w, "overdue", is_late(list, request));
	cm_json_end(w);
	return CM_OK;
}

static int print_json(struct list *list, struct cm_error *err)
{
	struct cm_out_json json;
	size_t i;
	int rc = CM_OK;

	cm_out_json_begin(&json);
	cm_json_begin_object(&json.w);
	cm_json_put_int(&json.w, "open", (int64_t)list->n);
	cm_json_put_int(&json.w, "overdue", (int64_t)list->late);
	cm_json_name(&json.w, "requests");
	cm_json_begin_array(&json.w);
	for (i = 0; rc == CM_OK && i < list->n; i++)
		rc = json_one(list, &list->v[i], &json.w, err);
	cm_json_end(&json.w);
	cm_json_end(&json.w);
	if (rc == CM_OK)
		return cm_out_json_end(&json, list->ctl->out, err);
	cm_buf_free(&json.buf);
	return rc;
}

static int print_text(struct list *list, struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	if (list->n == 0)
		(void)fputs("no request is open\n", list->ctl->out);
	for (i = 0; rc == CM_OK && i < list->n; i++)
		rc = print_one(list, &list->v[i], err);
	return rc;
}

static int list_all(struct cm_ctl *ctl, struct cm_error *err)
{
	struct list list = {.ctl = ctl};
	size_t i;
	int rc = cm_ledger_scan(ctl, look, &list, err);

	if (rc == CM_OK && list.n > 0)
		qsort(list.v, list.n, sizeof(*list.v), by_due);
	for (i = 0; rc == CM_OK && i < list.n; i++)
		list.late += is_late(&list, &list.v[i]);
	if (rc == CM_OK)
		rc = ctl->json ? print_json(&list, err)
			       : print_text(&list, err);
	free(list.v);
	return rc == CM_OK && list.late > 0 ? CM_EREFUSED : rc;
}

/* ---- open, extend, done ------------------------------------------------- */

struct step {
	struct cm_ctl *ctl;
	const struct cm_args *args;
	const char *given; /* the address as it was typed */
	struct cm_person person;
	struct cm_right_request request;
	const char *note;
	int64_t received;
};

/* "2026-01-31", or a whole time. */
static int read_received(struct step *step, struct cm_error *err)
{
	const char *text = cm_args_get(step->args, "received");
	char whole[DATE_LEN + sizeof("T00:00:00Z")];
	char quoted[CM_QUOTE_LEN];

	step->received = step->ctl->now;
	if (text == NULL)
		return CM_OK;
	(void)snprintf(whole, sizeof(whole), "%.*sT00:00:00Z", DATE_LEN - 1,
		       text);
	if (cm_clock_parse(cm_span(strlen(text) < DATE_LEN ? whole : text),
			   &step->received) != CM_OK)
		return cm_fail(err, CM_EUSAGE,
			       "--received: \"%s\" is not a day like "
			       "2026-01-31",
			       cm_quote(cm_span(text), quoted));
	if (step->received > step->ctl->now)
		return cm_fail(err, CM_EUSAGE, "--received: %s is yet to come",
			       text);
	return CM_OK;
}

static int read_note(struct step *step, struct cm_error *err)
{
	const char *note = cm_args_get(step->args, "note");

	if (note != NULL && (cm_span_trim(cm_span(note)).n == 0 ||
			     strlen(note) > CM_REMARK_MAX ||
			     !cm_utf8_valid(note, strlen(note))))
		return cm_fail(err, CM_EUSAGE,
			       "--note: words in UTF-8, at most %d octets",
			       CM_REMARK_MAX);
	step->note = note;
	return CM_OK;
}

/* The address is kept: the answer has to go to it (GDPR 12(6)). */
static int append(struct step *step, enum cm_event_type type, int64_t at,
		  struct cm_error *err)
{
	struct cm_store_entry entry = {
		.event = {.type = type,
			  .actor = CM_ACTOR_ADMIN,
			  .contact = step->person.contact,
			  .family = step->person.family,
			  .channel = "cli",
			  .at = at},
		.address = &step->person.address,
		.as_given = cm_span(step->given)};
	struct cm_buf note;
	uint64_t seq;
	int rc;

	memcpy(entry.event.right, step->request.right,
	       sizeof(entry.event.right));
	(void)snprintf(entry.event.who, sizeof(entry.event.who), "%s",
		       cm_ctl_who(step->ctl));
	cm_buf_init(&note, CM_REMARKS_ROOM);
	rc = cm_ctl_remark("note", step->note, &note, err);
	entry.evidence = cm_span_n(cm_buf_text(&note), note.len);
	if (rc == CM_OK)
		rc = cm_store_append(step->ctl->store, &entry, 1,
				     step->ctl->now, &seq, err);
	cm_buf_free(&note);
	if (rc == CM_OK)
		cm_request_apply(&step->request, &entry.event);
	return rc;
}

static int tell(struct step *step, const char *what)
{
	char due[CM_CLOCK_TEXT];

	(void)fprintf(step->ctl->out, "%s: %s for %s", what,
		      step->request.right, step->person.address.canonical);
	if (step->request.open)
		(void)fprintf(step->ctl->out, ", to be answered by %s",
			      due_of(&step->request, due));
	(void)fputc('\n', step->ctl->out);
	return CM_OK;
}

static int not_open(const struct step *step, struct cm_error *err)
{
	return cm_fail(err, CM_ENOTFOUND,
		       "nothing was written: no request for %s is open for %s "
		       "(see: consentctl requests)",
		       step->request.right, step->person.address.canonical);
}

static int do_open(struct step *step, struct cm_error *err)
{
	char due[CM_CLOCK_TEXT];
	int rc = read_received(step, err);

	if (rc == CM_OK && step->request.open)
		rc = cm_fail(err, CM_EREFUSED,
			     "nothing was written: a request for %s is open "
			     "already for %s, to be answered by %s",
			     step->request.right,
			     step->person.address.canonical,
			     due_of(&step->request, due));
	if (rc == CM_OK)
		rc = append(step, CM_EVENT_REQUEST_OPENED, step->received, err);
	return rc == CM_OK ? tell(step, "opened") : rc;
}

/* The person must be told why, within the first month. */
static int do_extend(struct step *step, struct cm_error *err)
{
	char due[CM_CLOCK_TEXT];
	int rc;

	if (!step->request.open)
		return not_open(step, err);
	if (step->request.extended)
		return cm_fail(err, CM_EREFUSED,
			       "nothing was written: it was extended already, "
			       "and can be once (GDPR 12(3))");
	if (step->note == NULL)
		return cm_fail(err, CM_EUSAGE,
			       "--note: say why it takes longer, as you told "
			       "the person (GDPR 12(3))");
	if (step->ctl->now >= late_at(&step->request))
		return cm_fail(err, CM_EREFUSED,
			       "nothing was written: the person had to be told "
			       "by %s; now only an answer helps",
			       due_of(&step->request, due));
	rc = append(step, CM_EVENT_REQUEST_EXTENDED, 0, err);
	return rc == CM_OK ? tell(step, "extended") : rc;
}

static int do_done(struct step *step, struct cm_error *err)
{
	int rc;

	if (!step->request.open)
		return not_open(step, err);
	rc = append(step, CM_EVENT_REQUEST_CLOSED, 0, err);
	return rc == CM_OK ? tell(step, "closed") : rc;
}

static const struct {
	const char *word;
	int (*run)(struct step *step, struct cm_error *err);
} steps[] = {
	{"open", do_open},
	{"extend", do_extend},
	{"done", do_done},
};

enum { NSTEPS = sizeof(steps) / sizeof(steps[0]) };

static int find_step(const char *word, size_t *ret_step, struct cm_error *err)
{
	const char *words[NSTEPS];
	char quoted[CM_QUOTE_LEN];
	const char *similar;
	size_t i;

	for (i = 0; i < NSTEPS; i++) {
		words[i] = steps[i].word;
		if (strcmp(word, steps[i].word) == 0) {
			*ret_step = i;
			return CM_OK;
		}
	}
	similar = cm_suggest(word, words, NSTEPS);
	return cm_fail(err, CM_EUSAGE,
		       "requests: \"%s\" is not open, extend or done%s%s%s",
		       cm_quote(cm_span(word), quoted),
		       similar != NULL ? "; did you mean " : "",
		       similar != NULL ? similar : "",
		       similar != NULL ? "?" : "");
}

int cm_cmd_requests(struct cm_ctl *ctl, const struct cm_args *args,
		    struct cm_error *err)
{
	struct step step = {.ctl = ctl, .args = args};
	const char *right = NULL;
	size_t which = 0;
	int rc;

	if (cm_args_count(args) == 0)
		return list_all(ctl, err);
	rc = find_step(cm_args_word(args, 0), &which, err);
	if (rc == CM_OK && cm_args_count(args) != 3)
		rc = cm_fail(err, CM_EUSAGE,
			     "usage: consentctl requests %s ADDR RIGHT",
			     steps[which].word);
	if (rc == CM_OK)
		rc = cm_request_right(cm_args_word(args, 2), &right, err);
	if (rc == CM_OK)
		rc = read_note(&step, err);
	if (rc != CM_OK)
		return rc;
	step.given = cm_args_word(args, 1);
	rc = cm_person_find(ctl, step.given, &step.person, err);
	if (rc == CM_OK)
		rc = cm_request_read(ctl, &step.person.contact, right,
				     &step.request, err);
	return rc == CM_OK ? steps[which].run(&step, err) : rc;
}
