/* See receipt.h. */
#include "tools/receipt.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/enc.h"
#include "policy/config.h"
#include "policy/purpose.h"

enum { UUID_LEN = 37, UUID_OCTETS = 16 };

static const char unknown[] = "unknown";

bool cm_receipt_fits(const struct cm_event *event)
{
	return cm_event_type_grants(event->type) &&
	       event->basis == CM_BASIS_CONSENT && cm_event_is_proven(event);
}

/* ---- what both say ------------------------------------------------------ */

static const char *or_unknown(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : unknown;
}

/* RFC 9562, 5.8, of the event's octets: the same whenever it is asked for. */
static const char *identifier(const struct cm_evidence_event *item,
			      char out[UUID_LEN])
{
	uint8_t hash[CM_SHA256_LEN];
	char hex[CM_HEX_LEN(UUID_OCTETS) + 1];

	if (cm_sha256(item->kept->json.p, item->kept->json.n, hash) != CM_OK)
		return unknown;
	hash[6] = (uint8_t)((hash[6] & 0x0F) | 0x80);
	hash[8] = (uint8_t)((hash[8] & 0x3F) | 0x80);
	(void)cm_hex_encode(hash, UUID_OCTETS, hex);
	(void)snprintf(out, UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		       hex + 12, hex + 16, hex + 20);
	return out;
}

static const char *title_of(const struct cm_evidence *e, const char *path)
{
	const struct cm_purpose *purpose =
		cm_config_purpose(e->ctl->config, cm_span(path));

	return purpose != NULL ? purpose->title : path;
}

/* Until when, if the config says so; 0 = until it is taken back. */
static int64_t ends_at(const struct cm_evidence *e,
		       const struct cm_event *event)
{
	const struct cm_purpose *purpose =
		cm_config_purpose(e->ctl->config, cm_span(event->purpose));

	if (purpose == NULL || cm_period_is_none(purpose->lifetime))
		return 0;
	return cm_period_add(event->at, purpose->lifetime);
}

static const char *method_of(const struct cm_evidence *e,
			     const struct cm_event *event)
{
	const char *text =
		cm_arena_printf(e->ctl->arena, "%s, recorded by %s",
				event->source, or_unknown(event->channel));

	return text != NULL ? text : unknown;
}

static const char *jurisdiction(const struct cm_config *config)
{
	return or_unknown(config->controller_jurisdiction != NULL
				  ? config->controller_jurisdiction
				  : config->controller_country);
}

static void put_one(struct cm_json_writer *w, const char *name,
		    const char *text)
{
	cm_out_json_texts(w, name, &text, 1);
}

/* ---- Kantara Consent Receipt 1.1 ---------------------------------------- */

static void kantara_controller(const struct cm_config *config,
			       struct cm_json_writer *w)
{
	cm_json_name(w, "piiControllers");
	cm_json_begin_array(w);
	cm_json_begin_object(w);
	cm_json_put_text(w, "piiController", config->controller_name);
	cm_json_put_bool(w, "onBehalf", false);
	cm_json_put_text(w, "contact",
			 or_unknown(config->controller_contact_name));
	cm_json_name(w, "address");
	cm_json_begin_object(w);
	cm_json_put_text(w, "streetAddress", config->controller_address);
	cm_json_put_text(w, "addressCountry",
			 or_unknown(config->controller_country));
	cm_json_end(w);
	cm_json_put_text(w, "email", config->controller_contact);
	cm_json_put_text(w, "phone", or_unknown(config->controller_phone));
	cm_json_end(w);
	cm_json_end(w);
}

/* "true" is the careful answer while nobody said that there are none. */
static void kantara_third_parties(const struct cm_evidence *e,
				  struct cm_json_writer *w)
{
	const struct cm_strings *names =
		&e->ctl->config->controller_third_parties;
	struct cm_buf all;
	size_t i;

	cm_json_put_bool(w, "thirdPartyDisclosure", true);
	cm_buf_init(&all, 1 << 16);
	for (i = 0; i < names->n; i++)
		(void)cm_buf_addf(&all, "%s%s", i > 0 ? ", " : "", names->v[i]);
	cm_json_put_text(w, "thirdPartyName",
			 names->n > 0 ? cm_buf_text(&all) : unknown);
	cm_buf_free(&all);
}

static void kantara_service(const struct cm_evidence *e,
			    const struct cm_event *event,
			    struct cm_json_writer *w)
{
	int64_t end = ends_at(e, event);
	char at[CM_CLOCK_TEXT];

	cm_json_name(w, "services");
	cm_json_begin_array(w);
	cm_json_begin_object(w);
	cm_json_put_text(w, "service", "E-mail");
	cm_json_name(w, "purposes");
	cm_json_begin_array(w);
	cm_json_begin_object(w);
	cm_json_put_text(w, "purpose", title_of(e, event->purpose));
	put_one(w, "purposeCategory", "Marketing");
	cm_json_put_text(w, "consentType", "EXPLICIT");
	put_one(w, "piiCategory", "Contact");
	cm_json_put_bool(w, "primaryPurpose", false);
	cm_json_put_text(w, "termination",
			 end == 0 ? "until it is taken back"
				  : cm_clock_format(end, at));
	kantara_third_parties(e, w);
	cm_json_end(w);
	cm_json_end(w);
	cm_json_end(w);
	cm_json_end(w);
}

void cm_receipt_kantara(const struct cm_evidence *e,
			const struct cm_evidence_event *item,
			struct cm_buf *out)
{
	const struct cm_config *config = e->ctl->config;
	const struct cm_event *event = &item->kept->event;
	struct cm_json_writer w;
	char id[UUID_LEN];

	cm_json_init(&w, out, CM_JSON_PRETTY);
	cm_json_begin_object(&w);
	cm_json_put_text(&w, "version", "KI-CR-v1.1.0");
	cm_json_put_text(&w, "jurisdiction", jurisdiction(config));
	cm_json_put_int(&w, "consentTimestamp", event->at / CM_SECOND_MS);
	cm_json_put_text(&w, "collectionMethod", method_of(e, event));
	cm_json_put_text(&w, "consentReceiptID", identifier(item, id));
	/* BCP 47: "und" is a language that is not known. */
	cm_json_put_text(&w, "language",
			 event->language[0] != '\0' ? event->language : "und");
	cm_json_put_text(&w, "piiPrincipalId", e->person.address.canonical);
	kantara_controller(config, &w);
	cm_json_put_text(&w, "policyUrl",
			 or_unknown(config->controller_privacy_notice));
	kantara_service(e, event, &w);
	cm_json_put_bool(&w, "sensitive", false);
	cm_out_json_texts(&w, "spiCat", NULL, 0);
	cm_json_end(&w);
	if (cm_json_done(&w) != CM_OK)
		out->failed = CM_EDATA;
}

/* ---- ISO/IEC TS 27560 in DPV -------------------------------------------- */

#define CONTROLLER "entity:controller"

static void dpv_context(struct cm_json_writer *w)
{
	static const char *const prefixes[][2] = {
		{"dct", "http://purl.org/dc/terms/"},
		{"dpv", "https://w3id.org/dpv#"},
		{"dpv-27560", "https://w3id.org/dpv/schema/dpv-27560#"},
		{"entity", "urn:consent-milter:entity:"},
		{"eu-gdpr", "https://w3id.org/dpv/legal/eu/gdpr#"},
		{"loc", "https://w3id.org/dpv/loc#"},
		{"pd", "https://w3id.org/dpv/pd#"},
		{"rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"},
		{"skos", "http://www.w3.org/2004/02/skos/core#"},
	};
	size_t i;

	cm_json_name(w, "@context");
	cm_json_begin_object(w);
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		cm_json_put_text(w, prefixes[i][0], prefixes[i][1]);
	cm_json_end(w);
}

static const char *party(const struct cm_evidence *e, size_t i)
{
	const char *key =
		cm_arena_printf(e->ctl->arena, "entity:third-%zu", i + 1);

	return key != NULL ? key : unknown;
}

static void dpv_entities(const struct cm_evidence *e, struct cm_json_writer *w)
{
	const struct cm_config *config = e->ctl->config;
	const struct cm_strings *names = &config->controller_third_parties;
	size_t i;

	cm_json_name(w, "dpv:hasEntity");
	cm_json_begin_object(w);
	cm_json_name(w, CONTROLLER);
	cm_json_begin_object(w);
	put_one(w, "@type", "dpv:DataController");
	cm_json_put_text(w, "dpv:hasName", config->controller_name);
	cm_json_put_text(w, "dpv:hasAddress", config->controller_address);
	cm_json_put_text(w, "dpv:hasContact", config->controller_contact);
	cm_json_end(w);
	for (i = 0; i < names->n; i++) {
		cm_json_name(w, party(e, i));
		cm_json_begin_object(w);
		put_one(w, "@type", "dpv:ThirdParty");
		cm_json_put_text(w, "dpv:hasName", names->v[i]);
		cm_json_end(w);
	}
	if (names->n == 0) {
		cm_json_name(w, "entity:unknown");
		cm_json_begin_object(w);
		put_one(w, "@type", "dpv:Entity");
		cm_json_put_text(w, "skos:prefLabel", unknown);
		cm_json_end(w);
	}
	cm_json_end(w);
}

static void dpv_recipients(const struct cm_evidence *e,
			   struct cm_json_writer *w)
{
	size_t i, n = e->ctl->config->controller_third_parties.n;

	cm_json_name(w, "dpv:hasRecipient");
	cm_json_begin_array(w);
	cm_json_add_text(w, cm_span(CONTROLLER));
	for (i = 0; i < n; i++)
		cm_json_add_text(w, cm_span(party(e, i)));
	if (n == 0)
		cm_json_add_text(w, cm_span("entity:unknown"));
	cm_json_end(w);
}

static void dpv_storage(const struct cm_evidence *e,
			const struct cm_event *event, struct cm_json_writer *w)
{
	const struct cm_strings *in = &e->ctl->config->controller_storage;
	int64_t end = ends_at(e, event);
	char at[CM_CLOCK_TEXT];
	size_t i;

	cm_json_name(w, "dpv:hasStorageCondition");
	cm_json_begin_array(w);
	for (i = 0; i < in->n || i == 0; i++) {
		const char *place =
			in->n == 0 ? unknown
				   : cm_arena_printf(e->ctl->arena, "loc:%s",
						     in->v[i]);

		cm_json_begin_object(w);
		put_one(w, "@type", "dpv:StorageLocation");
		cm_json_put_text(w, "dpv:hasLocation", or_unknown(place));
		cm_json_end(w);
	}
	cm_json_begin_object(w);
	put_one(w, "@type", "dpv:StorageDuration");
	cm_json_name(w, "dpv:hasDuration");
	cm_json_begin_object(w);
	cm_json_put_text(w, "@type",
			 end == 0 ? "dpv:UntilEventDuration"
				  : "dpv:UntilTimeDuration");
	cm_json_put_text(w, "rdf:value",
			 end == 0 ? "the consent is taken back"
				  : cm_clock_format(end, at));
	cm_json_end(w);
	cm_json_end(w);
	cm_json_end(w);
}

static const char *status_of(const struct cm_event *event)
{
	if (event->type == CM_EVENT_REQUESTED)
		return "dpv:ConsentRequested";
	if (cm_receipt_fits(event))
		return "dpv:ConsentGiven";
	if (event->type == CM_EVENT_WITHDRAWN ||
	    event->type == CM_EVENT_OBJECTED)
		return "dpv:ConsentWithdrawn";
	if (event->type == CM_EVENT_ERASED)
		return "dpv:ConsentInvalidated";
	return NULL;
}

static void dpv_status(const struct cm_evidence *e, const char *status,
		       int64_t at, const char *where, struct cm_json_writer *w)
{
	char text[CM_CLOCK_TEXT];

	(void)e;
	cm_json_begin_object(w);
	put_one(w, "@type", status);
	cm_json_put_text(w, "dpv:isIndicatedAtTime", cm_clock_format(at, text));
	cm_json_put_text(w, "dpv:isExercisedAt", where);
	cm_json_end(w);
}

/* What became of this consent, in the order in which it was written. */
static void dpv_statuses(const struct cm_evidence *e,
			 const struct cm_event *event, struct cm_json_writer *w)
{
	struct cm_span path = cm_span(event->purpose);
	int64_t end = ends_at(e, event);
	size_t i;

	cm_json_name(w, "dpv:hasConsentStatus");
	cm_json_begin_array(w);
	for (i = 0; i < e->count; i++) {
		const struct cm_event *other = &e->events[i].kept->event;
		const char *status = status_of(other);
		bool same = cm_span_eq(cm_span(other->purpose), path);

		if (status == NULL ||
		    (cm_event_type_asks(other->type)
			     ? !same
			     : other->purpose[0] != '\0' &&
				       !cm_purpose_covers(
					       cm_span(other->purpose), path)))
			continue;
		dpv_status(e, status, other->at,
			   or_unknown(other->source[0] != '\0'
					      ? other->source
					      : other->channel),
			   w);
	}
	if (end != 0 && end <= e->ctl->now)
		dpv_status(e, "dpv:ConsentExpired", end, "its time", w);
	cm_json_end(w);
}

static void dpv_process(const struct cm_evidence *e,
			const struct cm_event *event, struct cm_json_writer *w)
{
	cm_json_name(w, "dpv:hasProcess");
	cm_json_begin_array(w);
	cm_json_begin_object(w);
	put_one(w, "@type", "dpv:Process");
	cm_json_name(w, "dpv:hasPurpose");
	cm_json_begin_array(w);
	cm_json_begin_object(w);
	put_one(w, "@type", "dpv:Purpose");
	cm_json_put_text(w, "skos:broader", "dpv:DirectMarketing");
	cm_json_put_text(w, "skos:prefLabel", title_of(e, event->purpose));
	cm_json_end(w);
	cm_json_end(w);
	put_one(w, "dpv:hasPersonalData", "pd:EmailAddress");
	put_one(w, "dpv:hasProcessing", "dpv:Use");
	put_one(w, "dpv:hasDataController", CONTROLLER);
	put_one(w, "dpv:hasDataSource", "dpv:DataSubjectDataSource");
	dpv_storage(e, event, w);
	dpv_recipients(e, w);
	put_one(w, "dpv:hasLegalBasis", "dpv:Consent");
	cm_json_put_text(w, "dpv:hasJurisdiction",
			 jurisdiction(e->ctl->config));
	cm_json_put_text(w, "dpv:hasConsentControl",
			 e->ctl->config->web_base_url != NULL
				 ? e->ctl->config->web_base_url
				 : e->ctl->config->controller_contact);
	dpv_statuses(e, event, w);
	cm_json_end(w);
	cm_json_end(w);
}

static void dpv_notices(const struct cm_evidence *e,
			const struct cm_evidence_event *item,
			struct cm_json_writer *w)
{
	char hex[CM_HEX_LEN(CM_HASH_LEN) + 1] = "unknown";

	if (item->kept->event.has_notice)
		(void)cm_hex_encode(item->kept->event.notice.b, CM_HASH_LEN,
				    hex);
	cm_json_name(w, "dpv:hasNotice");
	cm_json_begin_array(w);
	cm_json_begin_object(w);
	put_one(w, "@type", "dpv:ConsentNotice");
	cm_json_put_text(w, "dpv:hasIdentifier", hex);
	if (item->kept->notice.n > 0 &&
	    cm_utf8_valid(item->kept->notice.p, item->kept->notice.n))
		cm_json_put_span(w, "rdf:value", item->kept->notice);
	else
		cm_json_put_text(w, "rdf:value", unknown);
	cm_json_end(w);
	cm_json_begin_object(w);
	put_one(w, "@type", "dpv:PrivacyNotice");
	cm_json_put_text(w, "dpv:hasIdentifier",
			 or_unknown(e->ctl->config->controller_privacy_notice));
	cm_json_end(w);
	cm_json_end(w);
}

static void dpv_subject(const struct cm_evidence *e, struct cm_json_writer *w)
{
	char id[CM_ID_TEXT_LEN];

	cm_json_name(w, "dpv:hasDataSubject");
	cm_json_begin_object(w);
	put_one(w, "@type", "dpv:DataSubject");
	cm_json_put_text(w, "dpv:hasIdentifier",
			 cm_out_id(&e->person.contact, id));
	cm_json_put_text(w, "dpv:hasContact", e->person.address.canonical);
	cm_json_end(w);
}

void cm_receipt_dpv(const struct cm_evidence *e,
		    const struct cm_evidence_event *item, struct cm_buf *out)
{
	struct cm_json_writer w;
	char id[UUID_LEN], at[CM_CLOCK_TEXT];
	const char *uuid = identifier(item, id);
	const char *language = e->ctl->config->language;

	cm_json_init(&w, out, CM_JSON_PRETTY);
	cm_json_begin_object(&w);
	dpv_context(&w);
	cm_json_put_text(&w, "@id",
			 cm_arena_printf(e->ctl->arena, "urn:uuid:%s", uuid));
	put_one(&w, "@type", "dpv:ConsentRecord");
	cm_json_put_text(&w, "dct:conformsTo", "dpv-27560:record-2");
	cm_json_put_text(&w, "dpv:hasIdentifier", uuid);
	dpv_subject(e, &w);
	cm_json_put_text(&w, "dct:created",
			 cm_clock_format(item->kept->event.rec, at));
	cm_json_put_text(&w, "dct:creator", CONTROLLER);
	/* Of the titles in it; two letters, says the schema. */
	cm_json_put_span(&w, "dct:language", cm_span_n(language, 2));
	dpv_entities(e, &w);
	dpv_process(e, &item->kept->event, &w);
	dpv_notices(e, item, &w);
	cm_json_end(&w);
	if (cm_json_done(&w) != CM_OK)
		out->failed = CM_EDATA;
}
