/* See keep.h. */
#include "web/keep.h"

#include <stdio.h>
#include <string.h>

#include "lib/enc.h"
#include "lib/json.h"
#include "policy/decide.h"
#include "policy/renewal.h"

enum { EVIDENCE_MAX = 1024 };

int cm_keep_init(struct cm_keep *keep, struct cm_error *err)
{
	int rc = pthread_mutex_init(&keep->lock, NULL);

	keep->sent = NULL;
	return rc == 0 ? CM_OK : cm_fail_errno(err, rc, "no lock can be made");
}

void cm_keep_deinit(struct cm_keep *keep)
{
	cm_sent_close(&keep->sent);
	(void)pthread_mutex_destroy(&keep->lock);
}

/* ---- what the milter remembers ------------------------------------------ */

static int open_sent(struct cm_keep *keep, const struct cm_config *config)
{
	const struct cm_sent_options options = {
		.path = config->store_path,
		.map_size = config->store_map_size,
	};

	if (keep->sent != NULL)
		return CM_OK;
	return cm_sent_open(&options, &keep->sent, NULL);
}

struct cm_sent *cm_keep_borrow(struct cm_keep *keep,
			       const struct cm_config *config)
{
	(void)pthread_mutex_lock(&keep->lock);
	return open_sent(keep, config) == CM_OK ? keep->sent : NULL;
}

void cm_keep_return(struct cm_keep *keep, bool good)
{
	if (!good)
		cm_sent_close(&keep->sent); /* it may be another file now */
	(void)pthread_mutex_unlock(&keep->lock);
}

void cm_keep_recall(struct cm_keep *keep, const struct cm_config *config,
		    const struct cm_id *contact,
		    const struct cm_purpose *purpose, int64_t *ret_asked,
		    int64_t *ret_mailed)
{
	struct cm_sent *sent = cm_keep_borrow(keep, config);
	int rc = CM_OK;

	*ret_asked = *ret_mailed = 0;
	if (sent != NULL)
		rc = cm_sent_asked(sent, contact, purpose, ret_asked, NULL);
	if (sent != NULL && rc == CM_OK)
		rc = cm_sent_mailed(sent, contact, &purpose, 1, ret_mailed,
				    NULL);
	cm_keep_return(keep, rc == CM_OK);
}

/* ---- the question ------------------------------------------------------- */

static const struct cm_stream *asking_stream(const struct cm_config *config,
					     const struct cm_purpose *purpose)
{
	size_t i;

	for (i = 0; i < config->nstreams; i++)
		if (config->streams[i].type == CM_STREAM_RENEWAL &&
		    config->streams[i].purposes[0] == purpose)
			return &config->streams[i];
	return NULL;
}

static void take_source(const struct cm_view *own, uint64_t seq,
			char source[CM_SOURCE_MAX + 1])
{
	size_t i;

	for (i = 0; i < own->count; i++)
		if (own->facts[i].seq == seq &&
		    own->facts[i].kind <= CM_FACT_SOFT_OPT_IN &&
		    own->facts[i].source.n <= CM_SOURCE_MAX)
			(void)snprintf(source, CM_SOURCE_MAX + 1, "%.*s",
				       (int)own->facts[i].source.n,
				       own->facts[i].source.p);
}

bool cm_keep_offers(struct cm_keep *keep, const struct cm_config *config,
		    const struct cm_token *token, const struct cm_view *own,
		    const struct cm_view *family, int64_t now,
		    struct cm_keep_offer *ret_offer)
{
	const struct cm_purpose *purpose =
		cm_config_purpose_by_id(config, token->purpose);
	const struct cm_stream *stream;
	int64_t mailed, asked, recorded;
	const struct cm_past past = {.mailed = &mailed};
	struct cm_decision now_is;

	if (token->kind != CM_KEY_FOOTER || purpose == NULL)
		return false;
	stream = asking_stream(config, purpose);
	if (stream == NULL)
		return false;
	cm_keep_recall(keep, config, &token->contact, purpose, &asked, &mailed);
	recorded = cm_renewal_asked(own, purpose);
	if (recorded > asked)
		asked = recorded;
	cm_decide_purpose(config, purpose, own, family, &past, now, &now_is);
	memset(ret_offer, 0, sizeof(*ret_offer));
	ret_offer->purpose = purpose;
	ret_offer->asked = asked;
	(void)snprintf(ret_offer->source, sizeof(ret_offer->source),
		       "web-form");
	if (now_is.verdict != CM_VERDICT_ALLOW)
		return asked > 0 && stream->ask_unknown &&
		       now_is.reason == CM_REASON_NO_EVIDENCE;
	take_source(own, now_is.grants[0].seq, ret_offer->source);
	return asked >= now_is.grants[0].at;
}

bool cm_keep_stands(const struct cm_config *config,
		    const struct cm_token *token, const struct cm_view *own,
		    const struct cm_view *family, int64_t now)
{
	const struct cm_purpose *purpose =
		cm_config_purpose_by_id(config, token->purpose);
	struct cm_decision decision;

	if (token->kind != CM_KEY_FOOTER || purpose == NULL)
		return false;
	cm_decide_purpose(config, purpose, own, family, NULL, now, &decision);
	return decision.verdict == CM_VERDICT_ALLOW;
}

/* ---- the answer --------------------------------------------------------- */

/* What they did: when they were asked, by which mail's link they came. */
static int make_evidence(const struct cm_keep_offer *offer,
			 const struct cm_token *token, const char *language,
			 int64_t now, struct cm_buf *out)
{
	char hex[CM_HEX_LEN(CM_MESSAGE_REF_LEN) + 1];
	char at[CM_CLOCK_TEXT];
	struct cm_json_writer w;

	cm_json_init(&w, out, CM_JSON_COMPACT);
	cm_json_begin_object(&w);
	cm_json_put_text(&w, "act", "pressed \"keep\" on our page");
	cm_json_put_text(&w, "asked", cm_clock_format(offer->asked, at));
	cm_json_put_text(&w, "answered", cm_clock_format(now, at));
	cm_json_put_text(&w, "link", cm_key_kind_name(token->kind));
	cm_json_put_text(&w, "link_made",
			 cm_clock_format(token->day * CM_DAY_MS, at));
	if (token->has_message) {
		(void)cm_hex_encode(token->message, CM_MESSAGE_REF_LEN, hex);
		cm_json_put_text(&w, "message", hex);
	}
	cm_json_put_text(&w, "page_language", language);
	cm_json_end(&w);
	return cm_json_done(&w);
}

int cm_keep_write(struct cm_store *store, const struct cm_keep_offer *offer,
		  const struct cm_token *token, const struct cm_id *family,
		  struct cm_span page, const char *language, int64_t now,
		  struct cm_error *err)
{
	struct cm_store_entry entry = {
		.event =
			{
				.type = offer->purpose->level == CM_LEVEL_DOUBLE
						? CM_EVENT_CONFIRMED
						: CM_EVENT_GRANTED,
				.actor = CM_ACTOR_PERSON,
				.basis = CM_BASIS_CONSENT,
				.contact = token->contact,
				.family = *family,
				.has_notice = true,
			},
	};
	struct cm_event *event = &entry.event;
	struct cm_buf evidence;
	uint64_t seq;
	int rc = cm_store_put_notice(store, page, &event->notice, err);

	if (rc != CM_OK)
		return rc;
	(void)snprintf(event->purpose, sizeof(event->purpose), "%s",
		       offer->purpose->path);
	(void)snprintf(event->source, sizeof(event->source), "%s",
		       offer->source);
	(void)snprintf(event->channel, sizeof(event->channel), "page");
	cm_buf_init(&evidence, EVIDENCE_MAX);
	rc = make_evidence(offer, token, language, now, &evidence);
	if (rc != CM_OK)
		rc = cm_fail(err, rc, "no evidence could be made");
	entry.evidence = cm_span_n(cm_buf_text(&evidence), evidence.len);
	if (rc == CM_OK)
		rc = cm_store_append(store, &entry, 1, now, &seq, err);
	cm_buf_free(&evidence);
	return rc;
}
