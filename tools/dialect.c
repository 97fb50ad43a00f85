/*
 * The table of dialects; see dialect.h.
 *
 * The first that matches is taken, so the particular stand before the
 * general.  Columns are those of each tool's own documentation or source; a
 * column that no tool documents as proof of consent is not taken for one: the
 * time a row was made or changed is not the time a person agreed.
 */
#include "tools/dialect.h"

#define SUBSCRIBED                                                             \
	(CM_SAYS_BIT(CM_SAYS_GRANTED) | CM_SAYS_BIT(CM_SAYS_CONFIRMED))
#define EMAIL(column)                                                          \
	{                                                                      \
		.name = (column), .role = CM_ROLE_EMAIL                        \
	}
#define YES(column, what)                                                      \
	{                                                                      \
		.name = (column), .role = CM_ROLE_YES, .says = (what)          \
	}
#define NO(column, what)                                                       \
	{                                                                      \
		.name = (column), .role = CM_ROLE_NO, .says = (what)           \
	}
#define FILLED(column, what)                                                   \
	{                                                                      \
		.name = (column), .role = CM_ROLE_FILLED, .says = (what)       \
	}
#define TIME(column, which)                                                    \
	{                                                                      \
		.name = (column), .role = CM_ROLE_TIME, .of = (which)          \
	}
#define WORDS(column, table)                                                   \
	{                                                                      \
		.name = (column), .role = CM_ROLE_STATUS, .words = (table)     \
	}
#define LANGUAGE(column)                                                       \
	{                                                                      \
		.name = (column), .role = CM_ROLE_LANGUAGE                     \
	}

static const struct cm_dialect_word listmonk_status[] = {
	{"enabled", CM_SAYS_UNKNOWN},
	{"disabled", CM_SAYS_STOPPED},
	{"blocklisted|blacklisted", CM_SAYS_OBJECTED},
	{NULL, CM_SAYS_NOTHING},
};

static const struct cm_dialect_word klaviyo_consent[] = {
	{"subscribe*", CM_SAYS_GRANTED},
	{"never_subscribed|never subscribed", CM_SAYS_UNKNOWN},
	{"unsubscribe*", CM_SAYS_WITHDRAWN},
	{NULL, CM_SAYS_NOTHING},
};

static const struct cm_dialect_word constant_contact_status[] = {
	{"active*", CM_SAYS_UNKNOWN},
	{"explicit|express|implied*|not set|no permissions set",
	 CM_SAYS_UNKNOWN},
	{"pending*|awaiting*|unconfirmed", CM_SAYS_PENDING},
	{"bounced|non-existent|nonexistent|undeliverable|blocked|suspended",
	 CM_SAYS_UNDELIVERABLE},
	{"unsubscribed|opted out|optout|opt-out|removed|deleted|no longer*",
	 CM_SAYS_WITHDRAWN},
	{NULL, CM_SAYS_NOTHING},
};

static const struct cm_dialect_word kit_status[] = {
	{"active|confirmed", CM_SAYS_UNKNOWN},
	{"inactive|unconfirmed", CM_SAYS_PENDING},
	{"bounced", CM_SAYS_UNDELIVERABLE},
	{"cancelled|canceled|unsubscribed", CM_SAYS_WITHDRAWN},
	{"complained", CM_SAYS_COMPLAINED},
	{NULL, CM_SAYS_NOTHING},
};

static const struct cm_dialect_word active_campaign_status[] = {
	{"active", CM_SAYS_UNKNOWN},
	{"unconfirmed", CM_SAYS_PENDING},
	{"bounced", CM_SAYS_UNDELIVERABLE},
	{"unsubscribed", CM_SAYS_WITHDRAWN},
	{NULL, CM_SAYS_NOTHING},
};

static const struct cm_dialect_word ses_reason[] = {
	{"bounce", CM_SAYS_UNDELIVERABLE},
	{"complaint", CM_SAYS_COMPLAINED},
	{NULL, CM_SAYS_NOTHING},
};

/* RFC 3463: 4 may pass, anything else has failed. */
static const struct cm_dialect_word bounce_code[] = {
	{"4*", CM_SAYS_UNKNOWN},
	{"*", CM_SAYS_UNDELIVERABLE},
	{NULL, CM_SAYS_NOTHING},
};

/* "*" is every mail of the domain; a tag is one kind of it. */
static const struct cm_dialect_word mailgun_tags[] = {
	{"\\*|[\"\\*\"]|[\\*]", CM_SAYS_STOPPED},
	{"*", CM_SAYS_WITHDRAWN},
	{NULL, CM_SAYS_NOTHING},
};

const struct cm_dialect cm_dialect_plain = {
	.name = "plain",
	.title = "plain list",
	.needs = {"email"},
	.says = CM_SAYS_UNKNOWN,
	.columns = {EMAIL("email"),
		    {.name = "purpose", .role = CM_ROLE_PURPOSE},
		    WORDS("status", NULL),
		    {.name = "source", .role = CM_ROLE_SOURCE},
		    {.name = "basis", .role = CM_ROLE_BASIS},
		    TIME("time", CM_SAYS_ALL),
		    LANGUAGE("language"),
		    {.name = "controller", .role = CM_ROLE_CONTROLLER},
		    {.name = "seller", .role = CM_ROLE_SELLER},
		    {.name = "sale-ref", .role = CM_ROLE_SALE_REF},
		    {.name = "sale-date", .role = CM_ROLE_SALE_DATE},
		    {.name = "product-category", .role = CM_ROLE_CATEGORY},
		    {.name = "opt-out-offered",
		     .role = CM_ROLE_OPT_OUT_OFFERED},
		    {.name = "contract-end", .role = CM_ROLE_CONTRACT_END}},
};

const struct cm_dialect cm_dialect_lines = {
	.name = "lines",
	.title = "one address a line",
	.says = CM_SAYS_UNKNOWN,
	.columns = {EMAIL("email")},
};

const struct cm_dialect cm_dialects[] = {
	{.name = "mailchimp-unsubscribed",
	 .title = "Mailchimp, unsubscribed contacts",
	 .needs = {"email address", "unsub_time"},
	 .says = CM_SAYS_WITHDRAWN,
	 .utc = true,
	 .columns = {EMAIL("email address"), TIME("unsub_time", CM_SAYS_ALL)}},
	{.name = "mailchimp-cleaned",
	 .title = "Mailchimp, cleaned contacts",
	 .needs = {"email address", "clean_time"},
	 .says = CM_SAYS_UNDELIVERABLE,
	 .utc = true,
	 .columns = {EMAIL("email address"), TIME("clean_time", CM_SAYS_ALL)}},
	{.name = "mailchimp-unsubscribed",
	 .title = "Mailchimp, unsubscribed contacts",
	 .file = "unsubscribed",
	 .needs = {"email address", "optin_time", "leid|euid"},
	 .says = CM_SAYS_WITHDRAWN,
	 .columns = {EMAIL("email address")}},
	{.name = "mailchimp-cleaned",
	 .title = "Mailchimp, cleaned contacts",
	 .file = "cleaned",
	 .needs = {"email address", "optin_time", "leid|euid"},
	 .says = CM_SAYS_UNDELIVERABLE,
	 .columns = {EMAIL("email address")}},
	{.name = "mailchimp-nonsubscribed",
	 .title = "Mailchimp, contacts that never subscribed",
	 .file = "nonsubscribed",
	 .needs = {"email address", "optin_time", "leid|euid"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email address")}},
	/* Without OPTIN_TIME there was no form: somebody added the person.
	 * CONFIRM_TIME stands beside every row, with double opt-in or not. */
	{.name = "mailchimp",
	 .title = "Mailchimp, subscribed contacts",
	 .needs = {"email address", "optin_time", "leid|euid"},
	 .says = CM_SAYS_UNKNOWN,
	 .utc = true,
	 .columns = {EMAIL("email address"),
		     FILLED("optin_time", CM_SAYS_GRANTED),
		     TIME("optin_time", SUBSCRIBED)}},

	{.name = "hubspot-unsubscribes",
	 .title = "HubSpot, unsubscribes and bounces",
	 .needs = {"email", "portal unsubscribe"},
	 .says = CM_SAYS_UNKNOWN,
	 /* One more column for each kind of mail: TRUE has left it. */
	 .others = CM_SAYS_WITHDRAWN,
	 .columns = {EMAIL("email"), YES("portal unsubscribe", CM_SAYS_STOPPED),
		     YES("portal spam report", CM_SAYS_COMPLAINED),
		     FILLED("portal bounce", CM_SAYS_UNDELIVERABLE),
		     FILLED("global bounce", CM_SAYS_UNDELIVERABLE),
		     YES("global unsubscribe", CM_SAYS_STOPPED)}},
	{.name = "hubspot",
	 .title = "HubSpot, contacts",
	 .needs = {"email", "unsubscribed from all email|hs_email_optout"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"),
		     YES("unsubscribed from all email|hs_email_optout",
			 CM_SAYS_STOPPED),
		     YES("opted out of email*|hs_email_optout_*",
			 CM_SAYS_WITHDRAWN),
		     FILLED("email hard bounce reason*|"
			    "hs_email_hard_bounce_reason*",
			    CM_SAYS_UNDELIVERABLE),
		     FILLED("invalid email address|hs_email_bad_address",
			    CM_SAYS_UNDELIVERABLE)}},

	{.name = "listmonk",
	 .title = "listmonk, subscribers",
	 .needs = {"uuid", "email", "attributes", "status"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"), WORDS("status", listmonk_status)}},

	{.name = "mautic",
	 .title = "Mautic, contacts",
	 .needs = {"email", "donotcontact|do_not_contact|do not contact"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"),
		     YES("donotcontact|do_not_contact|do not contact",
			 CM_SAYS_STOPPED),
		     LANGUAGE("preferred_locale|preferred locale")}},
	{.name = "mautic",
	 .title = "Mautic, contacts",
	 .needs = {"id", "firstname", "lastname", "email", "stage"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"), LANGUAGE("preferred_locale")}},

	{.name = "phplist",
	 .title = "phpList, subscribers",
	 .needs = {"email", "list membership"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"),
		     NO("confirmed|is this user confirmed|"
			"is this subscriber confirmed|"
			"is the email of this * confirmed",
			CM_SAYS_PENDING),
		     YES("blacklisted|is this user blacklisted|"
			 "is this subscriber blacklisted",
			 CM_SAYS_OBJECTED),
		     YES("disabled|is this account disabled?",
			 CM_SAYS_STOPPED)}},

	{.name = "brevo",
	 .title = "Brevo, contacts",
	 .needs = {"email", "email_blacklisted|email_blocklisted|"
			    "blacklisted|blocklisted"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"),
		     YES("email_blacklisted|email_blocklisted|blacklisted|"
			 "blocklisted",
			 CM_SAYS_STOPPED),
		     LANGUAGE("language")}},

	{.name = "sendgrid-bounces",
	 .title = "SendGrid, bounces or blocks",
	 .needs = {"status", "reason", "email", "created"},
	 .exact = true,
	 .says = CM_SAYS_UNDELIVERABLE,
	 .columns = {EMAIL("email"), WORDS("status", bounce_code),
		     TIME("created", CM_SAYS_ALL)}},
	{.name = "sendgrid-invalid",
	 .title = "SendGrid, invalid addresses",
	 .needs = {"reason", "email", "created"},
	 .exact = true,
	 .says = CM_SAYS_UNDELIVERABLE,
	 .columns = {EMAIL("email"), TIME("created", CM_SAYS_ALL)}},
	{.name = "sendgrid-spam-reports",
	 .title = "SendGrid, spam reports",
	 .needs = {"ip", "email", "created"},
	 .exact = true,
	 .says = CM_SAYS_COMPLAINED,
	 .columns = {EMAIL("email"), TIME("created", CM_SAYS_ALL)}},
	/* Two columns that any list may have: by name only. */
	{.name = "sendgrid-spam-reports",
	 .title = "SendGrid, spam reports",
	 .file = "spam_report",
	 .needs = {"email", "created"},
	 .exact = true,
	 .says = CM_SAYS_COMPLAINED,
	 .columns = {EMAIL("email"), TIME("created", CM_SAYS_ALL)}},
	{.name = "sendgrid-unsubscribes",
	 .title = "SendGrid, global unsubscribes",
	 .file = "unsubscribe",
	 .needs = {"email", "created"},
	 .exact = true,
	 .says = CM_SAYS_STOPPED,
	 .columns = {EMAIL("email"), TIME("created", CM_SAYS_ALL)}},
	{.name = "sendgrid",
	 .title = "SendGrid, contacts",
	 .needs = {"email", "first_name", "contact_id", "created_at",
		   "updated_at"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email")}},

	{.name = "mailgun-bounces",
	 .title = "Mailgun, bounces",
	 .needs = {"address", "code", "error"},
	 .says = CM_SAYS_UNDELIVERABLE,
	 .columns = {EMAIL("address"), WORDS("code", bounce_code),
		     TIME("created_at", CM_SAYS_ALL)}},
	{.name = "mailgun-unsubscribes",
	 .title = "Mailgun, unsubscribes",
	 .needs = {"address", "tags|tag"},
	 /* Documented: no tag means all of them. */
	 .says = CM_SAYS_STOPPED,
	 .columns = {EMAIL("address"), WORDS("tags|tag", mailgun_tags),
		     TIME("created_at", CM_SAYS_ALL)}},
	{.name = "mailgun-complaints",
	 .title = "Mailgun, complaints",
	 .file = "complaint",
	 .needs = {"address", "created_at"},
	 .says = CM_SAYS_COMPLAINED,
	 .columns = {EMAIL("address"), TIME("created_at", CM_SAYS_ALL)}},

	{.name = "ses",
	 .title = "Amazon SES, suppression list",
	 .needs = {"emailaddress|email address", "reason"},
	 .says = CM_SAYS_UNDELIVERABLE,
	 .columns = {EMAIL("emailaddress|email address"),
		     WORDS("reason", ses_reason),
		     TIME("lastupdatetime|last update time|date added",
			  CM_SAYS_ALL)}},

	/* What its bulk import takes: no header. */
	{.name = "ses-list",
	 .title = "Amazon SES, list for its bulk import",
	 .file = "suppress",
	 .needs = {"#1", "#2"},
	 .exact = true,
	 .says = CM_SAYS_UNDELIVERABLE,
	 .columns = {EMAIL("#1"), WORDS("#2", ses_reason)}},

	{.name = "klaviyo",
	 .title = "Klaviyo, profiles",
	 .needs = {"email", "email marketing consent"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"),
		     WORDS("email marketing consent", klaviyo_consent),
		     FILLED("email suppressions|suppressed", CM_SAYS_STOPPED),
		     TIME("email marketing consent timestamp",
			  SUBSCRIBED | CM_SAYS_BIT(CM_SAYS_WITHDRAWN))}},

	{.name = "constant-contact",
	 .title = "Constant Contact, contacts",
	 .needs = {"email address", "email status"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email address"),
		     WORDS("email status", constant_contact_status),
		     WORDS("email permission status", constant_contact_status),
		     FILLED("confirmed opt-out date", CM_SAYS_WITHDRAWN),
		     TIME("confirmed opt-out date",
			  CM_SAYS_BIT(CM_SAYS_WITHDRAWN))}},

	{.name = "ghost",
	 .title = "Ghost, members",
	 .needs = {"email", "subscribed_to_emails"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"),
		     NO("subscribed_to_emails", CM_SAYS_WITHDRAWN),
		     FILLED("deleted_at", CM_SAYS_WITHDRAWN)}},
	{.name = "substack",
	 .title = "Substack, subscribers",
	 .needs = {"email", "active_subscription"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"), YES("email_disabled", CM_SAYS_WITHDRAWN)}},

	{.name = "shopify",
	 .title = "Shopify, customers",
	 .needs = {"email", "accepts email marketing|accepts marketing"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"),
		     NO("accepts email marketing|accepts marketing",
			CM_SAYS_WITHDRAWN),
		     LANGUAGE("language")}},

	{.name = "salesforce",
	 .title = "Salesforce, contacts or leads",
	 .needs = {"email", "hasoptedoutofemail"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"), YES("hasoptedoutofemail", CM_SAYS_STOPPED),
		     FILLED("emailbounceddate", CM_SAYS_UNDELIVERABLE),
		     TIME("emailbounceddate",
			  CM_SAYS_BIT(CM_SAYS_UNDELIVERABLE))}},
	{.name = "vtiger",
	 .title = "Vtiger, contacts, or a Salesforce report",
	 .needs = {"email|primary email", "email opt out|emailoptout"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("primary email|email"),
		     YES("email opt out|emailoptout", CM_SAYS_STOPPED)}},

	{.name = "kit",
	 .title = "Kit, subscribers",
	 .needs = {"first_name", "email|email_address", "status|state",
		   "created_at"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email|email_address"),
		     WORDS("status|state", kit_status)}},
	{.name = "activecampaign",
	 .title = "ActiveCampaign, contacts",
	 .needs = {"email", "date created", "ip*", "status"},
	 .says = CM_SAYS_UNKNOWN,
	 .columns = {EMAIL("email"), WORDS("status", active_campaign_status)}},
};

const size_t cm_ndialects = sizeof(cm_dialects) / sizeof(cm_dialects[0]);
