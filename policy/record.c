/* See record.h. */
#include "policy/record.h"

#include <string.h>

#include "policy/past.h"

enum { SENT_MAX = 1000 }; /* purposes, and asks of them, of one person */

/* ---- events ------------------------------------------------------------- */

int cm_record_event(const struct cm_record_source *source, uint64_t seq,
		    struct cm_event *ret_event, struct cm_span *ret_json,
		    struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_span json;
	int rc =
		cm_store_read_begin(source->store, source->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_store_event(reader, seq, &json, err);
	cm_store_read_end(&reader);
	if (rc == CM_OK)
		rc = cm_event_decode(json, ret_event, err);
	if (rc == CM_OK)
		*ret_json = json;
	return rc;
}

static int read_event(struct cm_store_reader *reader,
		      struct cm_record_event *item, struct cm_error *err)
{
	int rc = cm_store_event(reader, item->seq, &item->json, err);

	if (rc == CM_OK)
		rc = cm_event_decode(item->json, &item->event, err);
	if (rc != CM_OK || !item->event.has_notice)
		return rc;
	rc = cm_store_notice(reader, &item->event.notice, &item->notice, err);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int read_all(const struct cm_record_source *source,
		    struct cm_store_reader *reader, const struct cm_id *contact,
		    struct cm_record_event **ret_events, size_t *ret_count,
		    struct cm_error *err)
{
	struct cm_record_event *events;
	uint64_t *seqs;
	size_t count, i;
	int rc = cm_store_events_of(reader, contact, &seqs, &count, err);

	if (rc != CM_OK)
		return rc;
	events = cm_arena_array(source->arena, count + 1, sizeof(*events));
	if (events == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; rc == CM_OK && i < count; i++) {
		events[i].seq = seqs[i];
		rc = read_event(reader, &events[i], err);
	}
	*ret_events = events;
	*ret_count = count;
	return rc;
}

static int read_openings(const struct cm_record_source *source,
			 struct cm_record_event *events, size_t count,
			 struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	for (i = 0; rc == CM_OK && i < count; i++) {
		struct cm_record_event *item = &events[i];

		if (!item->event.has_evidence)
			continue;
		rc = cm_store_opening(source->store, item->seq, source->arena,
				      &item->salted, err);
		item->evidence_erased = rc == CM_ENOTFOUND;
		if (rc == CM_ENOTFOUND)
			rc = CM_OK;
	}
	return rc;
}

int cm_record_events(const struct cm_record_source *source,
		     const struct cm_id *contact,
		     struct cm_record_event **ret_events, size_t *ret_count,
		     struct cm_error *err)
{
	struct cm_record_event *events = NULL;
	struct cm_store_reader *reader = NULL;
	size_t count = 0;
	int rc =
		cm_store_read_begin(source->store, source->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	rc = read_all(source, reader, contact, &events, &count, err);
	cm_store_read_end(&reader);
	if (rc == CM_OK)
		rc = read_openings(source, events, count, err);
	if (rc == CM_OK) {
		*ret_events = events;
		*ret_count = count;
	}
	return rc;
}

/* ---- where they stand --------------------------------------------------- */

static int decide(const struct cm_record_source *source,
		  const struct cm_id *contact, const struct cm_view *own,
		  const struct cm_view *of_family, struct cm_standing *standing,
		  struct cm_error *err)
{
	bool matters = cm_past_matters(&standing->purpose, 1);
	struct cm_past_known known;
	int rc = cm_past_read(matters ? source->sent : NULL, contact,
			      &standing->purpose, 1, false, &known, err);

	if (rc == CM_OK)
		cm_decide_purpose(source->config, standing->purpose, own,
				  of_family, &known.past, source->now,
				  &standing->decision);
	return rc;
}

int cm_record_standings(const struct cm_record_source *source,
			const struct cm_id *contact, const struct cm_view *own,
			const struct cm_view *of_family,
			struct cm_standing **ret_standings,
			struct cm_error *err)
{
	const struct cm_config *config = source->config;
	struct cm_standing *standings = cm_arena_array(
		source->arena, config->npurposes + 1, sizeof(*standings));
	struct cm_store_reader *reader = NULL;
	size_t i;
	int rc;

	if (standings == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_store_read_begin(source->store, source->arena, &reader, err);
	for (i = 0; rc == CM_OK && i < config->npurposes; i++) {
		standings[i].purpose = &config->purposes[i];
		rc = decide(source, contact, own, of_family, &standings[i],
			    err);
		if (rc == CM_OK)
			rc = cm_standing_read(reader, &standings[i], err);
	}
	cm_store_read_end(&reader);
	if (rc == CM_OK)
		*ret_standings = standings;
	return rc;
}

/* ---- what the milter remembers ------------------------------------------ */

struct keeping {
	struct cm_record *record;
	struct cm_arena *arena;
};

static int keep_asked(void *ctx, const struct cm_asked *asked,
		      struct cm_error *err)
{
	struct keeping *k = ctx;
	struct cm_asked *kept = &k->record->asked[k->record->nasked];

	if (k->record->nasked == SENT_MAX)
		return cm_fail(err, CM_ELIMIT, "asked more than %d times",
			       SENT_MAX);
	*kept = *asked;
	kept->stream.p =
		cm_arena_dup(k->arena, asked->stream.p, asked->stream.n);
	if (kept->stream.p == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	k->record->nasked++;
	return CM_OK;
}

static int keep_mailed(void *ctx, const struct cm_sent_mail *mail,
		       struct cm_error *err)
{
	struct keeping *k = ctx;

	if (k->record->nmailed == SENT_MAX)
		return cm_fail(err, CM_ELIMIT, "mail of more than %d purposes",
			       SENT_MAX);
	k->record->mailed[k->record->nmailed++] = *mail;
	return CM_OK;
}

/* G15: of every store, so of this one, too. */
static int read_sent(const struct cm_record_source *source,
		     struct cm_record *record, struct cm_error *err)
{
	struct keeping k = {record, source->arena};
	int rc;

	if (source->sent == NULL)
		return CM_OK;
	record->asked =
		cm_arena_array(source->arena, SENT_MAX, sizeof(*record->asked));
	record->mailed = cm_arena_array(source->arena, SENT_MAX,
					sizeof(*record->mailed));
	if (record->asked == NULL || record->mailed == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = cm_sent_each_asked(source->sent, &record->contact, keep_asked, &k,
				err);
	if (rc == CM_OK)
		rc = cm_sent_each_mailed(source->sent, &record->contact,
					 keep_mailed, &k, err);
	return rc;
}

/* ---- all of it ---------------------------------------------------------- */

static int read_views(const struct cm_record_source *source,
		      struct cm_record *record, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	int rc =
		cm_store_read_begin(source->store, source->arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	rc = cm_store_lookup(reader, &record->contact, &record->family,
			     &record->own, &record->of_family, err);
	cm_store_read_end(&reader);
	return rc;
}

static int read_address(const struct cm_record_source *source,
			struct cm_record *record, struct cm_error *err)
{
	int rc =
		cm_store_address(source->store, &record->contact, source->arena,
				 &record->canonical, &record->as_given, err);

	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

int cm_record_read(const struct cm_record_source *source,
		   const struct cm_id *contact, const struct cm_id *family,
		   struct cm_record *ret_record, struct cm_error *err)
{
	struct cm_record record = {
		.config = source->config,
		.now = source->now,
		.contact = *contact,
		.family = *family,
	};
	int rc = read_views(source, &record, err);

	if (rc == CM_OK)
		rc = cm_record_standings(source, contact, &record.own,
					 &record.of_family, &record.standings,
					 err);
	if (rc == CM_OK)
		rc = cm_record_events(source, contact, &record.events,
				      &record.count, err);
	if (rc == CM_OK && record.count == 0 && record.own.newest_at == 0)
		return cm_fail(err, CM_ENOTFOUND, "nothing is on record");
	if (rc == CM_OK)
		rc = read_address(source, &record, err);
	if (rc == CM_OK)
		rc = read_sent(source, &record, err);
	if (rc == CM_OK)
		*ret_record = record;
	return rc;
}

/* ---- what may be said of it --------------------------------------------- */

struct cm_span cm_record_evidence(const struct cm_record_event *item)
{
	if (item->salted.n < CM_SALT_OPEN_LEN)
		return cm_span_n(NULL, 0);
	return cm_span_n(item->salted.p + CM_SALT_OPEN_LEN,
			 item->salted.n - CM_SALT_OPEN_LEN);
}

bool cm_record_shows_evidence(const struct cm_record_event *item)
{
	static const char *const of_two[] = {"merge", "correct", "retired"};
	size_t i;

	for (i = 0; i < sizeof(of_two) / sizeof(of_two[0]); i++) {
		if (strcmp(item->event.channel, of_two[i]) == 0)
			return false;
	}
	return item->salted.n > 0;
}

const char *cm_record_purpose(const struct cm_record *record,
			      const uint8_t id[CM_PURPOSE_ID_LEN])
{
	const struct cm_purpose *purpose =
		cm_config_purpose_by_id(record->config, id);

	return purpose != NULL ? purpose->path : NULL;
}
