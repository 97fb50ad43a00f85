/*
 * config - one immutable snapshot of consent-milter.conf.
 *
 * Read by policy/config_load.c (the only file that includes <confuse.h>),
 * driven by the one table in policy/settings.c, which also makes the manual's
 * settings part and the checks.  A snapshot is shared between threads and
 * freed by its last user; everything in it is read-only.
 */
#ifndef CM_POLICY_CONFIG_H
#define CM_POLICY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "policy/event.h"
#include "policy/id.h"

#define CM_CONFIG_DEFAULT "/etc/consent-milter/consent-milter.conf"

enum cm_level { CM_LEVEL_SINGLE, CM_LEVEL_DOUBLE };
/* What keeps a consent from going idle: a mail of ours, too, or only what the
 * person does. */
enum cm_use { CM_USE_MAILED, CM_USE_PERSON };
/* A renewal stream is marketing that asks for consent (UK-2); an optin stream
 * is our own mail that asks who wants to be asked (DE-2). */
enum cm_stream_type {
	CM_STREAM_MARKETING,
	CM_STREAM_SERVICE,
	CM_STREAM_RENEWAL,
	CM_STREAM_OPTIN
};
enum cm_mode { CM_MODE_OBSERVE, CM_MODE_EDIT, CM_MODE_ENFORCE };
enum cm_refusal { CM_REFUSE_REJECT, CM_REFUSE_DROP, CM_REFUSE_REWRITE };
enum cm_uneditable {
	CM_UNEDITABLE_HEADERS_ONLY,
	CM_UNEDITABLE_WRAP,
	CM_UNEDITABLE_HOLD,
	CM_UNEDITABLE_REJECT
};
enum cm_presigned { CM_PRESIGNED_IS_KEPT, CM_PRESIGNED_IS_RENEWED };
enum cm_bulk { CM_BULK_REPORT, CM_BULK_TEMPFAIL, CM_BULK_STREAM };
/* AUTO: none to this host, required to any other. */
enum cm_submit_tls {
	CM_SUBMIT_TLS_AUTO,
	CM_SUBMIT_TLS_REQUIRED,
	CM_SUBMIT_TLS_WHEN_OFFERED,
	CM_SUBMIT_TLS_NONE
};
enum cm_complaint_scope { CM_COMPLAINT_ALL, CM_COMPLAINT_PURPOSE };

struct cm_strings {
	const char **v;
	size_t n;
};

/* "news@d", "news+*@d" or "@d"; canonical at load. */
struct cm_sender_pattern {
	const char *local; /* "" = any of the domain */
	const char *domain;
	bool any_tag; /* "news+*@d": news@d and news+anything@d */
};

/* "192.0.2.0/24", "2001:db8::/32"; v4 is kept v4-mapped. */
struct cm_network {
	uint8_t addr[16];
	unsigned prefix; /* 0..128 */
};

/* `header = {"X-Campaign: *", "List-Id: <shop.example>"}` */
struct cm_header_pattern {
	const char *name;
	const char *value; /* "*" = any; else compared trimmed, ASCII case */
};

struct cm_title {
	const char *language; /* lower case, "cs" */
	const char *text;
};

struct cm_purpose {
	const char *path;
	uint8_t id[CM_PURPOSE_ID_LEN];
	const char *title; /* the default language's */
	struct cm_title *titles;
	size_t ntitles;
	const char *about; /* what one gets; NULL = not said */
	struct cm_title *abouts;
	size_t nabouts;
	/* Inherited from the nearest ancestor that says, at load. */
	enum cm_level level;
	struct cm_period lifetime; /* none = does not expire */
	struct cm_period idle;     /* unused so long it ends; none = never */
	enum cm_use idle_unless;   /* what counts as use */
	bool soft_opt_in;
	struct cm_strings
		product_categories; /* soft opt-in: what is advertised */
	/* Consents to it from before do not count, ms; 0 = none (G7-4).  Of
	 * this node alone: decide walks the path. */
	int64_t changed;
	const struct cm_purpose *parent; /* NULL for a root */
	int line;
};

/* By which people subscribe. */
enum { CM_SUBSCRIBE_PURPOSES_MAX = 32 };
struct cm_subscribe_form {
	const char *name;
	const struct cm_purpose **purposes;
	size_t npurposes;
	const char *source; /* of events */
	const char *title;  /* the default language's; NULL: the page's own */
	struct cm_title *titles;
	size_t ntitles;
	const char *intro; /* ditto; NULL: none */
	struct cm_title *intros;
	size_t nintros;
	struct cm_strings embed_on; /* "https://shop.example" */
	int line;
};

/* What is known of a text that people were shown. */
struct cm_notice {
	uint8_t hash[CM_HASH_LEN]; /* SHA-256 of its octets */
	bool bundled;              /* tied to something else: no consent */
	bool for_children;
	bool age_check; /* or a guardian's consent */
	/* How long it tells that mail goes on after a contract's end. */
	struct cm_period after_contract;
};

struct cm_stream {
	const char *name;
	enum cm_stream_type type;
	enum cm_mode mode;
	enum cm_refusal refuse;
	enum cm_uneditable uneditable;
	enum cm_presigned presigned;
	/* Conditions: all kinds given must match, one of each kind. */
	struct cm_sender_pattern *senders;
	size_t nsenders;
	struct cm_sender_pattern *froms;
	size_t nfroms;
	struct cm_strings auth;     /* SASL login names */
	struct cm_network *clients; /* client addresses */
	size_t nclients;
	struct cm_strings listeners;
	struct cm_header_pattern *headers;
	size_t nheaders;
	/* What a recipient must have agreed to. */
	const struct cm_purpose **purposes;
	size_t npurposes;
	struct cm_strings sources; /* empty = any sending source */
	const char *rewrite_to;    /* canonical, NULL unless REWRITE */
	/* Header fields, checked by policy/header_value; NULL = as it came. */
	const char *list_id;      /* "label.domain" */
	const char *list_name;    /* phrase before it, UTF-8 */
	const char *feedback_id;  /* "a:b:c:sender" */
	const char *cfbl_address; /* "fbl@acme.example; report=arf" */
	bool footer;              /* false: headers only, by choice */
	const char *language;     /* last resort before the global one */
	const char *country;      /* of its readers; NULL = the controller's */
	const char *marker;       /* "obchodní sdělení"; NULL = none */
	const char *approved_by;  /* of a service stream, or of ask_unknown */
	/* Of a renewal stream. */
	struct cm_period renew_before; /* how long before a consent's end */
	unsigned wave_size;            /* people asked in one wave */
	struct cm_period wave_every;
	unsigned cap;             /* people asked in all; 0 = no limit */
	unsigned stop_complaints; /* of a thousand asked */
	bool ask_unknown;         /* also those without evidence */
	const char *legal_note;   /* of ask_unknown */
	int64_t ask_until;        /* ditto: over from this instant on */
	int line;
};

struct cm_listener {
	const char *name;
	const char *socket; /* "unix:/path" or "inet:port@host" for libmilter */
	const char *socket_group; /* NULL = leave */
	unsigned socket_mode;
	const struct cm_stream *unmatched; /* NULL = pass */
	int line;
};

struct cm_config {
	const char *file;
	/* SHA-256 of its words, of included files, too: equal for the same
	 * settings, whatever the comments say. */
	uint8_t digest[CM_HASH_LEN];

	const char *controller_id; /* "acme": the root purpose */
	const char *controller_name;
	const char *controller_address;
	const char *controller_contact;
	const char *controller_country;
	/* For receipts; NULL or none = not said. */
	const char *controller_contact_name;
	const char *controller_phone;
	const char *controller_jurisdiction;
	struct cm_strings controller_storage; /* countries, "DE" */
	struct cm_strings controller_third_parties;
	const char *controller_privacy_notice; /* NULL = none */

	const char *store_path;
	uint64_t store_map_size; /* octets */
	const char *store_group; /* reads: every program */
	const char *store_write_group;
	int store_lock_wait; /* seconds a writer waits for another */
	const char *keys_path;

	struct cm_network *own_networks;
	size_t nown_networks;
	struct cm_strings dots_ignored; /* canonical domains */
	struct cm_strings dkim_domains; /* d= that our own signer uses */

	/* web section; base_url NULL if there is none */
	const char *web_base_url;    /* https://host[/path], no closing slash */
	const char *web_listen;      /* "127.0.0.1:8025" */
	const char *web_certificate; /* NULL = plain HTTP */
	const char *web_certificate_key;
	const char *web_admin_listen; /* NULL = none */
	unsigned web_burst_people;    /* 0 = no alarm; policy/burst.h */
	unsigned web_burst_minutes;
	struct cm_strings web_burst_ignored; /* canonical domains */
	const char *web_user;
	struct cm_network *web_trusted_proxies;
	size_t nweb_trusted_proxies;
	unsigned web_letters_per_hour;
	const char *web_brand;  /* NULL = the controller's name */
	const char *web_logo;   /* NULL = none */
	const char *web_colour; /* "#0b57d0" */
	const char *web_colour_dark;

	const char *mail_domain; /* mail section; NULL if there is none */
	const char *mail_from;   /* "Acme <consent@...>"; NULL = see manual */
	const char *mail_submit; /* smtp:// or smtps:// */
	enum cm_submit_tls mail_submit_tls;
	const char *mail_submit_ca;   /* NULL = the system's */
	const char *mail_submit_user; /* NULL = none */
	const char *mail_submit_password_file;

	/* checkpoint section; origin NULL if there is none */
	const char *checkpoint_origin;
	const char *checkpoint_key;
	const char *checkpoint_path;
	const char *checkpoint_user;
	const char *checkpoint_drop; /* NULL = none */
	bool checkpoint_syslog;
	const char *checkpoint_mail_to; /* NULL = none; canonical */
	const char *checkpoint_tsa_url; /* NULL = none */
	const char *checkpoint_tsa_ca;
	struct cm_period checkpoint_tsa_every;

	struct cm_period retention_unconfirmed; /* none = for ever */
	struct cm_period retention_ended;

	const char *samples_path; /* samples section; NULL if there is none */
	unsigned samples_keep;

	const char *milter_user;
	const char *pid_file;        /* NULL = none */
	const char *templates;       /* folder of <lang>/footer.txt ... */
	const char *language;        /* default language of texts */
	const char *syslog_facility; /* "mail" */
	unsigned proof;              /* GMime re-reads every Nth; 0 = never */
	uint64_t max_edit_size; /* octets; larger bodies get headers only */
	enum cm_complaint_scope complaint_scope;
	enum cm_bulk unmatched_bulk;
	const struct cm_stream *unmatched_bulk_stream;

	struct cm_purpose *purposes;
	size_t npurposes;
	struct cm_notice *notices;
	size_t nnotices;
	struct cm_subscribe_form *forms;
	size_t nforms;
	struct cm_stream *streams;
	size_t nstreams;
	struct cm_listener *listeners;
	size_t nlisteners;
};

/*
 * Read, check and freeze a config file.  On failure *err holds one line,
 * "file:line: section \"title\": what is wrong (what to do)", CM_ECONFIG.
 * One load at a time in a process: libConfuse's lexer is global.
 */
CM_MUST_CHECK int cm_config_load(const char *file,
				 struct cm_config **ret_config,
				 struct cm_error *err);
struct cm_config *cm_config_ref(struct cm_config *config);
void cm_config_unref(struct cm_config **config); /* sets it to NULL */

/* Needs consent and gets a way out: marketing and renewal. */
bool cm_stream_is_marketing(const struct cm_stream *stream);
/* The store is asked for each of its recipients: all but service. */
bool cm_stream_asks_store(const struct cm_stream *stream);
const char *cm_stream_type_name(enum cm_stream_type type); /* "renewal" */
const struct cm_stream *cm_config_stream(const struct cm_config *config,
					 const char *name);
const struct cm_purpose *cm_config_purpose(const struct cm_config *config,
					   struct cm_span path);
/* NULL if no purpose of this config has the id. */
const struct cm_purpose *cm_config_purpose_by_id(
	const struct cm_config *config, const uint8_t id[CM_PURPOSE_ID_LEN]);
const struct cm_listener *cm_config_listener(const struct cm_config *config,
					     const char *name);
/* "" is the first one; NULL if there is none. */
const struct cm_subscribe_form *cm_config_form(const struct cm_config *config,
					       struct cm_span name);
/* A text in a language ("pt-br", else "pt"), else the default's. */
const char *cm_title_in(const char *text, const struct cm_title *titles,
			size_t count, const char *language);
const char *cm_purpose_title(const struct cm_purpose *purpose,
			     const char *language);
/* addr: 16 octets, v4-mapped for IPv4. */
bool cm_network_has(const struct cm_network *networks, size_t count,
		    const uint8_t addr[16]);

#endif
