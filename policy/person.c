/* See person.h. */
#include "policy/person.h"

#include <string.h>

#include "lib/enc.h"
#include "policy/purpose.h"
#include "policy/term_text.h"

const enum cm_fact_kind cm_person_marks[] = {
	CM_FACT_OBJECTED,   CM_FACT_COMPLAINED,    CM_FACT_ERASED,
	CM_FACT_RESTRICTED, CM_FACT_UNDELIVERABLE, CM_FACT_KINDS,
};

int cm_person_of(const struct cm_config *config, struct cm_hmac *hmac,
		 struct cm_span text, struct cm_person *ret_person,
		 struct cm_error *err)
{
	struct cm_person person;
	int rc;

	memset(&person, 0, sizeof(person));
	rc = cm_address_parse(text, &person.address, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_address_ids(&person.address, config->dots_ignored.v,
			    config->dots_ignored.n, hmac, &person.contact,
			    &person.family);
	if (rc != CM_OK)
		return cm_fail(err, rc, "the contact id could not be made");
	*ret_person = person;
	return CM_OK;
}

int cm_person_look_up(struct cm_store_reader *reader, struct cm_person *person,
		      struct cm_error *err)
{
	person->newest_rec = cm_store_newest_rec(reader);
	return cm_store_lookup(reader, &person->contact, &person->family,
			       &person->own, &person->family_view, err);
}

bool cm_person_known(const struct cm_person *person)
{
	return person->own.count > 0 || person->own.newest_at != 0;
}

/* It stands while it refuses anything. */
const struct cm_fact *cm_person_has_mark(const struct cm_config *config,
					 const struct cm_view *view,
					 enum cm_fact_kind kind, int64_t now)
{
	const struct cm_fact *mark = NULL;
	size_t i;

	for (i = 0; mark == NULL && i < config->npurposes; i++)
		mark = cm_decide_mark(config, &config->purposes[i], view, kind,
				      now);
	return mark;
}

static size_t add_root(struct cm_span path, struct cm_span *roots, size_t count,
		       size_t max)
{
	size_t i;

	while (cm_purpose_depth(path) > 1)
		path = cm_purpose_parent(path);
	for (i = 0; i < count; i++)
		if (cm_span_eq(roots[i], path))
			return count;
	if (path.n > 0 && count < max)
		roots[count++] = path;
	return count;
}

size_t cm_person_roots(const struct cm_config *config,
		       const struct cm_view *view, struct cm_span *ret_roots,
		       size_t max)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < config->npurposes; i++)
		count = add_root(cm_span(config->purposes[i].path), ret_roots,
				 count, max);
	for (i = 0; i < view->count; i++)
		count = add_root(view->facts[i].purpose, ret_roots, count, max);
	return count;
}

/* A refusal still in "stop" has no event yet. */
int cm_standing_read(struct cm_store_reader *reader,
		     struct cm_standing *standing, struct cm_error *err)
{
	const struct cm_decision *decision = &standing->decision;
	struct cm_span json;
	int rc;

	if (decision->ngrants > 0)
		standing->until = decision->grants[0].until;
	if (!decision->has_event || decision->seq == CM_STORE_SEQ_PENDING)
		return CM_OK;
	rc = cm_store_event(reader, decision->seq, &json, err);
	return rc == CM_OK ? cm_event_decode(json, &standing->event, err) : rc;
}

/* ---- JSON --------------------------------------------------------------- */

static void json_standing(struct cm_json_writer *w,
			  const struct cm_standing *standing)
{
	const struct cm_decision *decision = &standing->decision;
	bool yes = decision->verdict == CM_VERDICT_ALLOW;

	cm_json_name(w, standing->purpose->path);
	cm_json_begin_object(w);
	cm_json_put_text(w, "state", cm_reason_code(decision->reason));
	cm_json_put_bool(w, "allowed", yes);
	cm_json_put_text(w, "basis",
			 yes ? cm_basis_name(decision->basis) : NULL);
	cm_json_put_text(w, "source", cm_json_or_null(standing->event.source));
	cm_term_json(w, &standing->event);
	cm_json_put_time(w, "at", decision->has_event ? decision->at : 0);
	cm_json_put_time(w, "until", standing->until);
	cm_json_name(w, "seq");
	if (decision->has_event && decision->seq != CM_STORE_SEQ_PENDING)
		cm_json_add_int(w, (int64_t)decision->seq);
	else
		cm_json_add_null(w);
	cm_json_put_bool(w, "by_family", decision->by_family);
	cm_json_end(w);
}

void cm_standing_json(struct cm_json_writer *w,
		      const struct cm_standing *standings, size_t count)
{
	size_t i;

	cm_json_begin_object(w);
	for (i = 0; i < count; i++)
		json_standing(w, &standings[i]);
	cm_json_end(w);
}

static void json_flags(struct cm_json_writer *w, const struct cm_config *config,
		       const struct cm_view *view, int64_t now)
{
	const enum cm_fact_kind *kind;

	cm_json_begin_array(w);
	for (kind = cm_person_marks; *kind != CM_FACT_KINDS; kind++) {
		if (cm_person_has_mark(config, view, *kind, now) != NULL)
			cm_json_add_text(w, cm_span(cm_fact_kind_name(*kind)));
	}
	cm_json_end(w);
}

/* Facts are sorted by purpose, so equal ones stand together. */
bool cm_person_next_orphan(const struct cm_config *config,
			   const struct cm_view *view, size_t *at,
			   struct cm_span *ret_purpose)
{
	struct cm_span last = *ret_purpose;

	for (; *at < view->count; (*at)++) {
		struct cm_span purpose = view->facts[*at].purpose;

		if (purpose.n == 0 || cm_span_eq(purpose, last) ||
		    cm_config_purpose(config, purpose) != NULL)
			continue;
		*ret_purpose = purpose;
		return true;
	}
	return false;
}

static void json_orphans(struct cm_json_writer *w,
			 const struct cm_config *config,
			 const struct cm_view *view)
{
	struct cm_span orphan = {NULL, 0};
	size_t i;

	cm_json_begin_array(w);
	for (i = 0; cm_person_next_orphan(config, view, &i, &orphan); i++)
		cm_json_add_text(w, orphan);
	cm_json_end(w);
}

void cm_person_json(struct cm_json_writer *w, const struct cm_config *config,
		    const struct cm_person *person,
		    const struct cm_standing *standings, size_t count,
		    int64_t now)
{
	char id[CM_HEX_LEN(CM_CONTACT_ID_LEN) + 1];

	(void)cm_hex_encode(person->contact.b, sizeof(person->contact.b), id);
	cm_json_put_text(w, "contact", id);
	cm_json_put_text(w, "address", person->address.canonical);
	cm_json_put_text(w, "language", cm_json_or_null(person->own.language));
	cm_json_put_bool(w, "known", cm_person_known(person));
	cm_json_name(w, "purposes");
	cm_standing_json(w, standings, count);
	cm_json_name(w, "flags");
	json_flags(w, config, &person->own, now);
	cm_json_name(w, "family_flags");
	json_flags(w, config, &person->family_view, now);
	cm_json_name(w, "purposes_not_in_config");
	json_orphans(w, config, &person->own);
}
