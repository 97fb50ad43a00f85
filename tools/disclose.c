/* See disclose.h. */
#include "tools/disclose.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "policy/store.h"
#include "tools/ctl_output.h"
#include "tools/ctl_person.h"
#include "tools/words.h"

/* ---- what was said ------------------------------------------------------ */

static bool is_one_line(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7F)
			return false;
	}
	return true;
}

static int check_to(const char *to, struct cm_error *err)
{
	if (cm_span_trim(cm_span(to)).n == 0)
		return cm_fail(err, CM_EUSAGE, "--to: name who gets it");
	if (strchr(to, '@') != NULL)
		return cm_fail(err, CM_EUSAGE,
			       "--to: a name, please, not an address: it goes "
			       "into the ledger, which holds no addresses");
	if (strlen(to) > CM_TO_MAX || !cm_utf8_valid(to, strlen(to)) ||
	    !is_one_line(to))
		return cm_fail(err, CM_EUSAGE,
			       "--to: one line of UTF-8 of at most %d octets",
			       CM_TO_MAX);
	return CM_OK;
}

static int check_reason(const char *reason, struct cm_error *err)
{
	size_t n = strlen(reason);

	if (cm_span_trim(cm_span(reason)).n > 0 && n <= CM_REMARK_MAX &&
	    cm_utf8_valid(reason, n))
		return CM_OK;
	return cm_fail(err, CM_EUSAGE,
		       "--reason: say why, in UTF-8, in at most %d octets",
		       CM_REMARK_MAX);
}

int cm_disclosure_read(const struct cm_args *args,
		       struct cm_disclosure *disclosure, struct cm_error *err)
{
	const char *to = cm_args_get(args, "to");
	const char *reason = cm_args_get(args, "reason");
	int rc = to != NULL ? check_to(to, err) : CM_OK;

	if (rc == CM_OK && reason != NULL)
		rc = check_reason(reason, err);
	if (rc == CM_OK && (to == NULL) != (reason == NULL))
		rc = cm_fail(err, CM_EUSAGE,
			     "--to WHO and --reason TEXT go together");
	if (rc != CM_OK)
		return rc;
	if (to != NULL)
		disclosure->to = to;
	disclosure->reason = reason;
	return CM_OK;
}

int cm_disclosure_of_list(struct cm_disclosure *disclosure, int64_t now,
			  struct cm_span content, struct cm_error *err)
{
	uint8_t hash[CM_SHA256_LEN];
	int rc = cm_sha256(content.p, content.n, hash);

	if (rc != CM_OK)
		return cm_fail(err, rc, "the list cannot be hashed");
	cm_word_batch(now, hash, disclosure->batch);
	return CM_OK;
}

/* ---- recording ---------------------------------------------------------- */

static void fill_event(struct cm_ctl *ctl,
		       const struct cm_disclosure *disclosure,
		       const struct cm_subject *person, struct cm_event *event)
{
	event->type = CM_EVENT_DISCLOSED;
	event->actor = CM_ACTOR_ADMIN;
	event->contact = person->contact;
	event->family = person->family;
	(void)snprintf(event->channel, sizeof(event->channel), "%s",
		       disclosure->kind);
	(void)snprintf(event->to, sizeof(event->to), "%s", disclosure->to);
	(void)snprintf(event->batch, sizeof(event->batch), "%s",
		       disclosure->batch);
	(void)snprintf(event->who, sizeof(event->who), "%s", cm_ctl_who(ctl));
}

int cm_disclosure_record(struct cm_ctl *ctl,
			 const struct cm_disclosure *disclosure,
			 const struct cm_subject *people, size_t count,
			 struct cm_error *err)
{
	struct cm_store_batch *batch = NULL;
	struct cm_store_entry entry;
	struct cm_buf reason;
	uint64_t seq;
	size_t i;
	int rc;

	if (disclosure->to == NULL || count == 0)
		return CM_OK;
	cm_buf_init(&reason, CM_REMARKS_ROOM);
	memset(&entry, 0, sizeof(entry));
	rc = cm_ctl_remark("reason", disclosure->reason, &reason, err);
	if (rc == CM_OK)
		rc = cm_store_batch_begin(ctl->store, &batch, err);
	entry.evidence = cm_span_n(cm_buf_text(&reason), reason.len);
	for (i = 0; rc == CM_OK && i < count; i++) {
		fill_event(ctl, disclosure, &people[i], &entry.event);
		rc = cm_store_batch_add(batch, &entry, err);
	}
	if (rc == CM_OK)
		rc = cm_store_batch_commit(batch, ctl->now, &seq, err);
	cm_store_batch_free(&batch);
	cm_buf_free(&reason);
	if (rc != CM_OK)
		(void)cm_error_prefix(err, "not handed out, because who gets "
					   "it could not be recorded: ");
	return rc;
}

/* ---- who must be told --------------------------------------------------- */

static bool same(const struct cm_event *a, const struct cm_event *b)
{
	return strcmp(a->to, b->to) == 0 && strcmp(a->channel, b->channel) == 0;
}

static int count_event(struct cm_ctl *ctl, struct cm_recipients *recipients,
		       const struct cm_event *event, struct cm_error *err)
{
	struct cm_recipient *found = NULL;
	size_t i;

	for (i = 0; i < recipients->n && found == NULL; i++) {
		if (same(&recipients->v[i].event, event))
			found = &recipients->v[i];
	}
	if (found == NULL) {
		if (recipients->n == recipients->room) {
			size_t room = recipients->room * 2 + 8;
			struct cm_recipient *more =
				cm_arena_array(ctl->arena, room, sizeof(*more));

			if (more == NULL)
				return cm_fail(err, CM_ENOMEM, "out of memory");
			if (recipients->n > 0)
				memcpy(more, recipients->v,
				       recipients->n * sizeof(*more));
			recipients->v = more;
			recipients->room = room;
		}
		found = &recipients->v[recipients->n++];
		memset(found, 0, sizeof(*found));
	}
	if (found->people == 0 || memcmp(&found->event.contact, &event->contact,
					 sizeof(event->contact)) != 0)
		found->people++;
	found->event = *event;
	return CM_OK;
}

static int each_event(struct cm_ctl *ctl, struct cm_store_reader *reader,
		      const struct cm_id *contact,
		      struct cm_recipients *recipients, struct cm_error *err)
{
	struct cm_event event;
	struct cm_span json;
	uint64_t *seqs;
	size_t count, i;
	int rc = cm_store_events_of(reader, contact, &seqs, &count, err);

	for (i = 0; rc == CM_OK && i < count; i++) {
		rc = cm_store_event(reader, seqs[i], &json, err);
		if (rc == CM_OK)
			rc = cm_event_decode(json, &event, err);
		if (rc == CM_OK && event.type == CM_EVENT_DISCLOSED &&
		    strcmp(event.to, CM_TO_PERSON) != 0)
			rc = count_event(ctl, recipients, &event, err);
	}
	return rc;
}

int cm_recipients_add(struct cm_ctl *ctl, const struct cm_id *contact,
		      struct cm_recipients *recipients, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	int rc = cm_store_read_begin(ctl->store, ctl->arena, &reader, err);

	if (rc == CM_OK)
		rc = each_event(ctl, reader, contact, recipients, err);
	cm_store_read_end(&reader);
	return rc;
}

void cm_recipients_print(const struct cm_recipients *recipients, FILE *out)
{
	char at[CM_CLOCK_TEXT];
	size_t i;

	if (recipients->n > 0)
		(void)fputs("tell them, too, for they were given the data "
			    "(GDPR 19):\n",
			    out);
	for (i = 0; i < recipients->n; i++) {
		const struct cm_recipient *one = &recipients->v[i];

		(void)fprintf(out, "  %s: %s of %s", one->event.to,
			      one->event.channel,
			      cm_clock_format(one->event.at, at));
		if (one->event.batch[0] != '\0')
			(void)fprintf(out, ", list %s", one->event.batch);
		if (one->people > 1)
			(void)fprintf(out, ", %" PRIu64 " people", one->people);
		(void)fputc('\n', out);
	}
}

void cm_recipients_json(const struct cm_recipients *recipients,
			struct cm_json_writer *w)
{
	size_t i;

	cm_json_name(w, "recipients");
	cm_json_begin_array(w);
	for (i = 0; i < recipients->n; i++) {
		const struct cm_recipient *one = &recipients->v[i];

		cm_json_begin_object(w);
		cm_json_put_text(w, "to", one->event.to);
		cm_json_put_text(w, "kind", one->event.channel);
		cm_json_put_time(w, "at", one->event.at);
		cm_json_put_text(w, "list", cm_json_or_null(one->event.batch));
		cm_json_put_int(w, "people", (int64_t)one->people);
		cm_json_end(w);
	}
	cm_json_end(w);
}
