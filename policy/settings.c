/*
 * See settings.h.  Help texts are plain sentences for the person who
 * installs; tools/mansettings sets them as mdoc.
 */
#include "policy/settings.h"

#include <string.h>

#include "lib/colour.h"
#include "policy/decide.h"
#include "policy/header_value.h"
#include "policy/note.h"

static const struct cm_section sections[CM_SECTIONS] = {
	[CM_SECTION_GLOBAL] = {"", NULL, false, false,
			       "These stand outside any section."},
	[CM_SECTION_CONTROLLER] =
		{"controller", "id", false, true,
		 "Who sends: the company that people gave their consent to. "
		 "Its id is the root of all purposes. One instance serves one "
		 "controller."},
	[CM_SECTION_STORE] = {"store", NULL, false, false,
			      "Where consent is kept."},
	[CM_SECTION_KEYS] = {"keys", NULL, false, false,
			     "Where the secret keys lie. The keys themselves "
			     "never stand in this file."},
	[CM_SECTION_LISTENER] =
		{"listener", "name", true, false,
		 "A socket on which the mail server asks consent-milter. Give "
		 "marketing tools a listener of their own where you can: "
		 "there, unknown mail is marketing."},
	[CM_SECTION_MILTER] = {"milter", NULL, false, false,
			       "The program consent-milter."},
	[CM_SECTION_SAMPLES] =
		{"samples", NULL, false, false,
		 "Where messages are kept whose footer did not pass its proof: "
		 "a bug of ours, and what we need to find it. Each is two "
		 "files, the message as it came and as it would have become, "
		 "with the word of the proof in their names. They hold "
		 "personal data: consent-milter never deletes them, so do it "
		 "when you have reported them. Without this section none is "
		 "kept."},
	[CM_SECTION_WEB] =
		{"web", NULL, false, false,
		 "The program consent-web, which people reach when they "
		 "unsubscribe. Without this section no marketing stream may "
		 "be in mode edit or enforce, because its mail would have no "
		 "way out."},
	[CM_SECTION_MAIL] = {"mail", NULL, false, false,
			     "Mail of our own: addresses and submission."},
	[CM_SECTION_CHECKPOINT] =
		{"checkpoint", NULL, false, false,
		 "Signed heads of the ledger (consentctl checkpoint): what "
		 "they say and where they go. A head that somebody else holds "
		 "shows any later change of what was recorded before it."},
	[CM_SECTION_RETENTION] =
		{"retention", NULL, false, false,
		 "How long data is kept that nothing rests on any more; "
		 "consentctl retention erases it then, as consentctl erase "
		 "does: a keyed id stays that refuses. Run it daily "
		 "(consent-retention.timer). What is restricted, and whoever "
		 "waits for an answer, is kept."},
	[CM_SECTION_PURPOSE] =
		{"purpose", "path", true, false,
		 "What people agree to, as a path below the controller's id. "
		 "A consent to a purpose covers all below it."},
	[CM_SECTION_NOTICE] =
		{"notice", "hash", true, false,
		 "What is to be known of a text that people were shown, by its "
		 "SHA-256 (sha256sum prints it for the file, and consentctl "
		 "history what a consent rests on). Only texts need it that "
		 "are not as they should be, or that tell for how long mail "
		 "goes on after a contract."},
	[CM_SECTION_FORM] =
		{"form", "name", true, false,
		 "A form by which people subscribe, at base-url/s/NAME; "
		 "base-url/s is the first one. Nothing in it is ticked "
		 "beforehand. Who sends it gets a letter, and no mail but that "
		 "one until they press the button behind its link. It needs a "
		 "web and a mail section; consentctl form prints what to put "
		 "on your own pages."},
	[CM_SECTION_STREAM] =
		{"stream", "name", true, false,
		 "A kind of mail. Streams are tried in the order in which "
		 "they stand; the first whose conditions all hold takes the "
		 "message. Of one condition, any of the values will do."},
};

static const struct cm_setting_word facilities[] = {
	{"mail", 0},   {"daemon", 0}, {"local0", 0}, {"local1", 0},
	{"local2", 0}, {"local3", 0}, {"local4", 0}, {"local5", 0},
	{"local6", 0}, {"local7", 0}, {NULL, 0},
};
static const struct cm_setting_word submit_tls[] = {
	{"auto", CM_SUBMIT_TLS_AUTO},
	{"required", CM_SUBMIT_TLS_REQUIRED},
	{"when-offered", CM_SUBMIT_TLS_WHEN_OFFERED},
	{"none", CM_SUBMIT_TLS_NONE},
	{NULL, 0},
};
static const struct cm_setting_word complaint_scopes[] = {
	{"all", CM_COMPLAINT_ALL},
	{"purpose", CM_COMPLAINT_PURPOSE},
	{NULL, 0},
};
static const struct cm_setting_word bulks[] = {
	{"report", CM_BULK_REPORT},
	{"tempfail", CM_BULK_TEMPFAIL},
	{NULL, 0},
};
static const struct cm_setting_word unmatched[] = {{"pass", 0}, {NULL, 0}};
static const struct cm_setting_word levels[] = {
	{"single", CM_LEVEL_SINGLE},
	{"double", CM_LEVEL_DOUBLE},
	{NULL, 0},
};
static const struct cm_setting_word uses[] = {
	{"mailed", CM_USE_MAILED},
	{"person", CM_USE_PERSON},
	{NULL, 0},
};
static const struct cm_setting_word stream_types[] = {
	{"marketing", CM_STREAM_MARKETING},
	{"service", CM_STREAM_SERVICE},
	{"renewal", CM_STREAM_RENEWAL},
	{"optin", CM_STREAM_OPTIN},
	{NULL, 0},
};
static const struct cm_setting_word refusals[] = {
	{"reject", CM_REFUSE_REJECT},
	{"drop", CM_REFUSE_DROP},
	{"rewrite", CM_REFUSE_REWRITE},
	{NULL, 0},
};
static const struct cm_setting_word uneditables[] = {
	{"headers-only", CM_UNEDITABLE_HEADERS_ONLY},
	{"wrap", CM_UNEDITABLE_WRAP},
	{"hold", CM_UNEDITABLE_HOLD},
	{"reject", CM_UNEDITABLE_REJECT},
	{NULL, 0},
};
static const struct cm_setting_word presigneds[] = {
	{"keep", CM_PRESIGNED_IS_KEPT},
	{"resign", CM_PRESIGNED_IS_RENEWED},
	{NULL, 0},
};
static const struct cm_setting_word modes[] = {
	{"observe", CM_MODE_OBSERVE},
	{"edit", CM_MODE_EDIT},
	{"enforce", CM_MODE_ENFORCE},
	{NULL, 0},
};

enum {
	BURST_PEOPLE_MAX = 100000,
	BURST_MINUTES_MAX = 1440, /* a day: no burst is longer */
	LETTERS_MAX = 10000000,   /* in an hour; no server of one host does */
	TEXT_MAX = 200,           /* a line in a footer or on a page */
	INTRO_MAX = 500,          /* a few sentences on a page */
	LIST_MAX = 1000,
	SITES_MAX = 16, /* they stand in one header field */
	/* RFC 4954 sets no limit for a login; nobody types a longer one. */
	NAME_MAX_LEN = 128,
	PROOF_MAX = 1000000,
	LOCK_WAIT_MAX = 3600,
	DARK_PAGE = 0x161b22, /* --card of conf/templates/layout.html */
	SAMPLES_MAX = 10000,  /* names that are read for each new one */
	WAVE_MAX = 100000000,
};
#define MIB (INT64_C(1) << 20)
#define TIB (INT64_C(1) << 40)

#define AT(type, member) offsetof(struct type, member)
#define IN_CONFIG(m)     AT(cm_config, m), 0
#define IN_LISTENER(m)   AT(cm_listener, m), 0
#define IN_PURPOSE(m)    AT(cm_purpose, m), 0
#define IN_NOTICE(m)     AT(cm_notice, m), 0
#define IN_FORM(m)       AT(cm_subscribe_form, m), 0
#define IN_STREAM(m)     AT(cm_stream, m), 0
/* A counted array, or a struct cm_strings. */
#define MANY(type, v, n)       AT(type, v), AT(type, n)
#define STRINGS(type, strings) AT(type, strings.v), AT(type, strings.n)

#define MARKETING CM_SETTING_MARKETING
#define RENEWAL   CM_SETTING_RENEWAL
#define OPTIN     CM_SETTING_OPTIN
#define CONDITION CM_SETTING_CONDITION
#define REQUIRED  CM_SETTING_REQUIRED
#define RESTART   CM_SETTING_RESTART
#define LIST      CM_SETTING_LIST

static const struct cm_setting settings[] = {
	/* ---- outside any section ---- */
	{CM_SECTION_GLOBAL, "own-networks", CM_SETTING_NETWORK, LIST,
	 "127.0.0.0/8 ::1", 1, LIST_MAX, NULL, CM_FOR_MILTER,
	 MANY(cm_config, own_networks, nown_networks),
	 "Addresses of our own machines. Only for a client in one of them, or "
	 "one that has authenticated, do sender, From and other headers say "
	 "which stream a message belongs to."},
	{CM_SECTION_GLOBAL, "unmatched-bulk", CM_SETTING_BULK, 0, "report", 0,
	 0, bulks, CM_FOR_MILTER, IN_CONFIG(unmatched_bulk),
	 "What happens to mail of our own that no stream takes on a listener "
	 "with unmatched = pass, but that looks like a mailing (List-* "
	 "headers, Precedence bulk, list or junk, Feedback-ID), or has an "
	 "empty sender without being an automatic reply: report it in the "
	 "log, tempfail it, or treat it as the stream named here."},
	{CM_SECTION_GLOBAL, "complaint-scope", CM_SETTING_WORD, 0, "all", 0, 0,
	 complaint_scopes, CM_FOR_ALL, IN_CONFIG(complaint_scope),
	 "What a spam complaint ends: all marketing, or only the purpose that "
	 "was complained about."},
	{CM_SECTION_GLOBAL, "dots-ignored", CM_SETTING_DOMAIN, LIST,
	 "gmail.com googlemail.com", 1, LIST_MAX, NULL, CM_FOR_ALL,
	 STRINGS(cm_config, dots_ignored),
	 "Domains where dots in the local part do not matter. A refusal there "
	 "reaches all spellings of the address. It never makes a consent reach "
	 "further."},
	{CM_SECTION_GLOBAL, "dkim-domains", CM_SETTING_DOMAIN, LIST, NULL, 1,
	 LIST_MAX, NULL, CM_FOR_MILTER, STRINGS(cm_config, dkim_domains),
	 "Domains (d=) that the signer behind consent-milter signs for, each "
	 "as it stands in the signature; for streams with presigned = resign."},
	{CM_SECTION_GLOBAL, "templates", CM_SETTING_PATH, 0,
	 "/usr/share/consent-milter/templates", 0, 0, NULL, CM_FOR_ALL,
	 IN_CONFIG(templates),
	 "Folder of the texts that people read, one folder a language in it.  "
	 "Each footer must contain {{link}}, and should contain "
	 "{{controller}}, "
	 "{{address}}, {{contact}}, {{purpose}}, {{privacy-notice}} and "
	 "{{marker}}, as the law asks for; that is checked at start, and so is "
	 "that nothing in it is hidden.  It may contain {{language}} and "
	 "{{dir}}.  Of a line with {{privacy-notice}} or {{marker}} nothing is "
	 "written where that is not set.  Keep footer.html one closed element "
	 "with "
	 "inline styles: set background and text colour together, and load "
	 "nothing from elsewhere."},
	{CM_SECTION_GLOBAL, "language", CM_SETTING_LANGUAGE, 0, "en", 0, 0,
	 NULL, CM_FOR_ALL, IN_CONFIG(language),
	 "Language of texts where neither the person's nor the message's is "
	 "known."},
	{CM_SECTION_GLOBAL, "syslog-facility", CM_SETTING_CHOICE, RESTART,
	 "mail", 0, 0, facilities, CM_FOR_ALL, IN_CONFIG(syslog_facility),
	 "Facility of log lines."},
	{CM_SECTION_GLOBAL, "pid-file", CM_SETTING_PATH, RESTART, NULL, 0, 0,
	 NULL, CM_FOR_MILTER, IN_CONFIG(pid_file),
	 "Where consent-milter writes its process id. systemd needs none."},
	{CM_SECTION_GLOBAL, "proof", CM_SETTING_NUMBER, 0, "1", 0, PROOF_MAX,
	 NULL, CM_FOR_MILTER, IN_CONFIG(proof),
	 "Let a second, independent MIME reader (GMime) check every how many "
	 "edited messages; 1 is every one, 0 none. Our own reader checks every "
	 "one always. Large senders set 100 or so."},
	{CM_SECTION_GLOBAL, "max-edit-size", CM_SETTING_SIZE, 0, "10M", 4096,
	 512 * MIB, NULL, CM_FOR_MILTER, IN_CONFIG(max_edit_size),
	 "Marketing messages with a larger body get headers, but no footer."},

	/* ---- controller ---- */
	{CM_SECTION_CONTROLLER, "name", CM_SETTING_TEXT, REQUIRED, NULL, 1,
	 TEXT_MAX, NULL, CM_FOR_ALL, IN_CONFIG(controller_name),
	 "The company's name, as people know it."},
	{CM_SECTION_CONTROLLER, "address", CM_SETTING_TEXT, REQUIRED, NULL, 1,
	 TEXT_MAX, NULL, CM_FOR_ALL, IN_CONFIG(controller_address),
	 "Its postal address, for footers and pages."},
	{CM_SECTION_CONTROLLER, "contact", CM_SETTING_ADDRESS, REQUIRED, NULL,
	 0, 0, NULL, CM_FOR_ALL, IN_CONFIG(controller_contact),
	 "Mail address for questions of privacy."},
	{CM_SECTION_CONTROLLER, "contact-name", CM_SETTING_TEXT, 0, NULL, 1,
	 TEXT_MAX, NULL, CM_FOR_CTL, IN_CONFIG(controller_contact_name),
	 "Who answers there, a person or an office, for receipts."},
	{CM_SECTION_CONTROLLER, "phone", CM_SETTING_TEXT, 0, NULL, 1, TEXT_MAX,
	 NULL, CM_FOR_CTL, IN_CONFIG(controller_phone),
	 "Telephone number for such questions, for receipts."},
	{CM_SECTION_CONTROLLER, "country", CM_SETTING_COUNTRY, 0, NULL, 0, 0,
	 NULL, CM_FOR_ALL, IN_CONFIG(controller_country),
	 "Two letters, as DE."},
	{CM_SECTION_CONTROLLER, "privacy-notice", CM_SETTING_URL, 0, NULL, 0, 0,
	 NULL, CM_FOR_ALL, IN_CONFIG(controller_privacy_notice),
	 "Where people read what becomes of their data; footers and pages of "
	 "consent-web link to it, receipts name it. What is not said here and "
	 "below is "
	 "\"unknown\" in a receipt (consentctl receipt)."},
	{CM_SECTION_CONTROLLER, "jurisdiction", CM_SETTING_TEXT, 0, NULL, 1,
	 TEXT_MAX, NULL, CM_FOR_CTL, IN_CONFIG(controller_jurisdiction),
	 "Whose law applies, for receipts; the country if it is not said."},
	{CM_SECTION_CONTROLLER, "storage-location", CM_SETTING_COUNTRY, LIST,
	 NULL, 1, LIST_MAX, NULL, CM_FOR_CTL,
	 STRINGS(cm_config, controller_storage),
	 "Countries in which the data is kept, backups too, for receipts."},
	{CM_SECTION_CONTROLLER, "third-parties", CM_SETTING_TEXT, LIST, NULL, 1,
	 LIST_MAX, NULL, CM_FOR_CTL,
	 STRINGS(cm_config, controller_third_parties),
	 "Who else gets addresses: the company that sends, for example; for "
	 "receipts."},

	/* ---- store, keys ---- */
	{CM_SECTION_STORE, "path", CM_SETTING_PATH, RESTART,
	 "/var/lib/consent-milter", 0, 0, NULL, CM_FOR_ALL,
	 IN_CONFIG(store_path), "Folder of the consent store."},
	{CM_SECTION_STORE, "group", CM_SETTING_NAME, RESTART, "consent", 1,
	 NAME_MAX_LEN, NULL, CM_FOR_CTL, IN_CONFIG(store_group),
	 "Group that may read the store; every program belongs to it. Used by "
	 "consentctl init."},
	{CM_SECTION_STORE, "write-group", CM_SETTING_NAME, RESTART,
	 "consent-write", 1, NAME_MAX_LEN, NULL, CM_FOR_CTL,
	 IN_CONFIG(store_write_group),
	 "Group that may write to it. consent-milter must not belong to it: "
	 "what reads mail from anywhere cannot forge a consent."},
	{CM_SECTION_STORE, "map-size", CM_SETTING_SIZE, RESTART, "64G", MIB,
	 16 * TIB, NULL, CM_FOR_ALL, IN_CONFIG(store_map_size),
	 "How large each database may grow. It is address space, not disk "
	 "space: be generous."},
	{CM_SECTION_STORE, "lock-wait", CM_SETTING_NUMBER, 0, "30", 1,
	 LOCK_WAIT_MAX, NULL, CM_FOR_WEB | CM_FOR_CTL,
	 IN_CONFIG(store_lock_wait),
	 "Seconds that a writer waits for another. Unsubscribing never waits."},
	{CM_SECTION_KEYS, "path", CM_SETTING_PATH, RESTART,
	 "/etc/consent-milter/keys", 0, 0, NULL, CM_FOR_ALL,
	 IN_CONFIG(keys_path),
	 "Folder of the key files. Back it up: without "
	 "the store key, nobody's record is found."},

	/* ---- listener ---- */
	{CM_SECTION_LISTENER, "socket", CM_SETTING_SOCKET, REQUIRED | RESTART,
	 NULL, 0, 0, NULL, CM_FOR_MILTER, IN_LISTENER(socket),
	 "unix:/path, inet:port@host or inet6:port@host. Debian's Postfix "
	 "runs chrooted: put unix sockets below /var/spool/postfix."},
	{CM_SECTION_LISTENER, "socket-group", CM_SETTING_NAME, RESTART, NULL, 1,
	 NAME_MAX_LEN, NULL, CM_FOR_MILTER, IN_LISTENER(socket_group),
	 "Group of a unix socket: the mail server's."},
	{CM_SECTION_LISTENER, "socket-mode", CM_SETTING_MODE, RESTART, "0660",
	 0, 0777, NULL, CM_FOR_MILTER, IN_LISTENER(socket_mode),
	 "Mode of a unix socket, in octal."},
	{CM_SECTION_LISTENER, "unmatched", CM_SETTING_STREAM_REF, 0, "pass", 0,
	 0, unmatched, CM_FOR_MILTER, IN_LISTENER(unmatched),
	 "What mail is that no stream takes: pass leaves it alone, for a mail "
	 "server where people write to people; the name of a marketing stream "
	 "makes it that, for a listener that only marketing tools use."},

	/* ---- milter, web, mail ---- */
	{CM_SECTION_MILTER, "user", CM_SETTING_NAME, RESTART, "consent-milter",
	 1, NAME_MAX_LEN, NULL, CM_FOR_MILTER, IN_CONFIG(milter_user),
	 "User that consent-milter becomes when started as root."},
	{CM_SECTION_SAMPLES, "path", CM_SETTING_PATH, REQUIRED, NULL, 0, 0,
	 NULL, CM_FOR_MILTER, IN_CONFIG(samples_path),
	 "A folder for nothing else, owned by milter's user, mode 0700 or "
	 "0750; it must be there when consent-milter starts."},
	{CM_SECTION_SAMPLES, "keep", CM_SETTING_NUMBER, 0, "100", 1,
	 SAMPLES_MAX, NULL, CM_FOR_MILTER, IN_CONFIG(samples_keep),
	 "How many to keep, and never more than 256 MiB in all. When there "
	 "are that many, further ones are only logged."},
	{CM_SECTION_WEB, "base-url", CM_SETTING_BASE_URL, REQUIRED, NULL, 0, 0,
	 NULL, CM_FOR_MILTER | CM_FOR_WEB, IN_CONFIG(web_base_url),
	 "Where people reach consent-web, for example "
	 "https://consent.acme.example: https, without query, fragment or "
	 "closing slash. Links in mail already sent lead there: keep it "
	 "working for years."},
	{CM_SECTION_WEB, "listen", CM_SETTING_LISTEN, RESTART, "127.0.0.1:8025",
	 0, 0, NULL, CM_FOR_WEB, IN_CONFIG(web_listen),
	 "Address and port that consent-web serves plain HTTP on, behind the "
	 "web server that does TLS; [::1]:8025 for IPv6. With "
	 "web.certificate it is HTTPS, for example on 0.0.0.0:443."},
	{CM_SECTION_WEB, "certificate", CM_SETTING_PATH, 0, NULL, 0, 0, NULL,
	 CM_FOR_WEB, IN_CONFIG(web_certificate),
	 "Serve HTTPS without a web server in front: a PEM file with the "
	 "certificate for base-url's host and those between it and the root. "
	 "A renewed one is read at SIGHUP."},
	{CM_SECTION_WEB, "certificate-key", CM_SETTING_PATH, 0, NULL, 0, 0,
	 NULL, CM_FOR_WEB, IN_CONFIG(web_certificate_key),
	 "Its private key, PEM, without a passphrase; mode 0600 of web.user, "
	 "or 0640 with a group of theirs."},
	{CM_SECTION_WEB, "admin-listen", CM_SETTING_LISTEN, RESTART, NULL, 0, 0,
	 NULL, CM_FOR_WEB, IN_CONFIG(web_admin_listen),
	 "Address and port for monitors, for example 127.0.0.1:8026: /metrics "
	 "for Prometheus, and /healthz. Without it there is none. Never let "
	 "the public reach it."},
	{CM_SECTION_WEB, "burst-people", CM_SETTING_NUMBER, 0, "50", 0,
	 BURST_PEOPLE_MAX, NULL, CM_FOR_WEB | CM_FOR_CTL,
	 IN_CONFIG(web_burst_people),
	 "As many different people of one network, or of one recipient domain, "
	 "who unsubscribe within burst-minutes are a burst: perhaps a security "
	 "gateway that follows links. consent-web then warns in the log, and "
	 "consentctl bursts lists it. 0: never."},
	{CM_SECTION_WEB, "burst-minutes", CM_SETTING_NUMBER, 0, "10", 1,
	 BURST_MINUTES_MAX, NULL, CM_FOR_WEB | CM_FOR_CTL,
	 IN_CONFIG(web_burst_minutes), "See burst-people."},
	{CM_SECTION_WEB, "burst-domains-ignored", CM_SETTING_DOMAIN, LIST,
	 "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com "
	 "icloud.com gmx.de gmx.net web.de seznam.cz mail.ru yandex.ru abv.bg "
	 "wp.pl o2.pl onet.pl",
	 0, LIST_MAX, NULL, CM_FOR_WEB | CM_FOR_CTL,
	 STRINGS(cm_config, web_burst_ignored),
	 "Recipient domains with so many people that many leave at once; a "
	 "burst of their network is still one."},
	{CM_SECTION_WEB, "user", CM_SETTING_NAME, RESTART, "consent-web", 1,
	 NAME_MAX_LEN, NULL, CM_FOR_WEB, IN_CONFIG(web_user),
	 "User that consent-web becomes when started as root."},
	{CM_SECTION_WEB, "trusted-proxies", CM_SETTING_NETWORK, LIST,
	 "127.0.0.0/8 ::1", 1, LIST_MAX, NULL, CM_FOR_WEB,
	 MANY(cm_config, web_trusted_proxies, nweb_trusted_proxies),
	 "Web servers in front of consent-web. Only from them does it believe "
	 "X-Forwarded-For or Forwarded, which say where a click came from; of "
	 "that it keeps the network, as evidence."},
	{CM_SECTION_WEB, "brand", CM_SETTING_TEXT, 0, NULL, 1, TEXT_MAX, NULL,
	 CM_FOR_WEB, IN_CONFIG(web_brand),
	 "The name at the top of pages, if people know the company by another "
	 "one than controller.name."},
	{CM_SECTION_WEB, "logo", CM_SETTING_PATH, 0, NULL, 0, 0, NULL,
	 CM_FOR_WEB, IN_CONFIG(web_logo),
	 "A picture to stand there instead, which consent-web serves itself: "
	 "SVG, PNG, JPEG, WebP or GIF, at most 256 KiB."},
	{CM_SECTION_WEB, "colour", CM_SETTING_COLOUR, 0, "#0b57d0",
	 CM_COLOUR_WHITE, 0, NULL, CM_FOR_WEB, IN_CONFIG(web_colour),
	 "Colour of buttons and links, dark enough to be read on white "
	 "(4.5:1, WCAG 2.1)."},
	{CM_SECTION_WEB, "colour-dark", CM_SETTING_COLOUR, 0, "#a8c7fa",
	 DARK_PAGE, 0, NULL, CM_FOR_WEB, IN_CONFIG(web_colour_dark),
	 "The same where people want dark pages, light enough for #161b22."},
	{CM_SECTION_WEB, "letters-per-hour", CM_SETTING_NUMBER, 0, "5000", 1,
	 LETTERS_MAX, NULL, CM_FOR_WEB, IN_CONFIG(web_letters_per_hour),
	 "Letters to people (to confirm a subscription, to find their "
	 "preferences or data) that leave in an hour, all together. What is "
	 "asked for beyond it is not done, and counted in the log: somebody "
	 "is playing with the form."},
	{CM_SECTION_MAIL, "domain", CM_SETTING_DOMAIN, REQUIRED, NULL, 0, 0,
	 NULL, CM_FOR_ALL, IN_CONFIG(mail_domain),
	 "Domain of our own addresses; nothing else may use it."},
	{CM_SECTION_MAIL, "from", CM_SETTING_MAILBOX, 0, NULL, 0, 0, NULL,
	 CM_FOR_ALL, IN_CONFIG(mail_from),
	 "Who our letters to people are from, as Acme "
	 "<consent@m.acme.example>. Unless it is given: web.brand (or "
	 "controller.name) and consent@ with this domain."},
	{CM_SECTION_MAIL, "submit", CM_SETTING_SUBMIT, 0, "smtp://127.0.0.1:25",
	 0, 0, NULL, CM_FOR_WEB | CM_FOR_CTL, IN_CONFIG(mail_submit),
	 "Where our own mail is handed in: smtp://host:port, or "
	 "smtps://host:465 for TLS from the first octet."},
	{CM_SECTION_MAIL, "submit-tls", CM_SETTING_WORD, 0, "auto", 0, 0,
	 submit_tls, CM_FOR_WEB | CM_FOR_CTL, IN_CONFIG(mail_submit_tls),
	 "TLS on the way there. required: nothing is handed in without it, "
	 "nor to a server whose certificate is not good for its name. "
	 "when-offered: used if the server knows STARTTLS, whoever it is. "
	 "none: not used. auto: none to this host itself (localhost, 127.*), "
	 "required to any other."},
	{CM_SECTION_MAIL, "submit-ca", CM_SETTING_PATH, 0, NULL, 0, 0, NULL,
	 CM_FOR_WEB | CM_FOR_CTL, IN_CONFIG(mail_submit_ca),
	 "A PEM file of the authorities that may vouch for that server, in "
	 "place of the system's."},
	{CM_SECTION_MAIL, "submit-user", CM_SETTING_NAME, 0, NULL, 1,
	 NAME_MAX_LEN, NULL, CM_FOR_WEB | CM_FOR_CTL,
	 IN_CONFIG(mail_submit_user), "Login name there, if one is needed."},
	{CM_SECTION_MAIL, "submit-password-file", CM_SETTING_PATH, 0, NULL, 0,
	 0, NULL, CM_FOR_WEB | CM_FOR_CTL, IN_CONFIG(mail_submit_password_file),
	 "A file whose only line is the password, mode 0600 or 0640, for "
	 "store.write-group to read."},

	/* ---- checkpoint ---- */
	{CM_SECTION_CHECKPOINT, "origin", CM_SETTING_ORIGIN, REQUIRED, NULL, 1,
	 CM_NOTE_NAME_MAX, NULL, CM_FOR_CTL, IN_CONFIG(checkpoint_origin),
	 "Name of this ledger in its checkpoints, for ever: a URL without "
	 "https://, as acme.example/consent. Nothing need answer there."},
	{CM_SECTION_CHECKPOINT, "key", CM_SETTING_PATH, 0,
	 "/etc/consent-milter/checkpoint.key", 0, 0, NULL, CM_FOR_CTL,
	 IN_CONFIG(checkpoint_key),
	 "The key that signs, mode 0600, of the user below; made by "
	 "consentctl keys checkpoint."},
	{CM_SECTION_CHECKPOINT, "path", CM_SETTING_PATH, 0,
	 "/var/lib/consent-milter/checkpoints", 0, 0, NULL,
	 CM_FOR_MILTER | CM_FOR_CTL, IN_CONFIG(checkpoint_path),
	 "Folder of every checkpoint signed. The newest tells what may be "
	 "signed next, and consent-milter sends no marketing from a store "
	 "with fewer events."},
	{CM_SECTION_CHECKPOINT, "user", CM_SETTING_NAME, 0, "consent-signer", 1,
	 128, NULL, CM_FOR_CTL, IN_CONFIG(checkpoint_user),
	 "User that consentctl checkpoint becomes when started as root. It "
	 "belongs to store.group, never to store.write-group."},
	{CM_SECTION_CHECKPOINT, "drop", CM_SETTING_PATH, 0, NULL, 0, 0, NULL,
	 CM_FOR_CTL, IN_CONFIG(checkpoint_drop),
	 "Folder that gets a copy of every checkpoint: a mounted share, or one "
	 "that somebody else collects from."},
	{CM_SECTION_CHECKPOINT, "syslog", CM_SETTING_BOOL, 0, "yes", 0, 0, NULL,
	 CM_FOR_CTL, IN_CONFIG(checkpoint_syslog),
	 "Write every checkpoint to syslog in one line, which a central log "
	 "server then holds too."},
	{CM_SECTION_CHECKPOINT, "mail-to", CM_SETTING_ADDRESS, 0, NULL, 0, 0,
	 NULL, CM_FOR_CTL, IN_CONFIG(checkpoint_mail_to),
	 "Who gets every checkpoint by mail, handed in at mail.submit: an "
	 "auditor, a notary, a mailbox elsewhere."},
	{CM_SECTION_CHECKPOINT, "tsa-url", CM_SETTING_URL, 0, NULL, 0, 0, NULL,
	 CM_FOR_CTL, IN_CONFIG(checkpoint_tsa_url),
	 "Time stamp authority (RFC 3161, over HTTP) that stamps checkpoints. "
	 "It learns a hash, nothing else."},
	{CM_SECTION_CHECKPOINT, "tsa-ca", CM_SETTING_PATH, 0, NULL, 0, 0, NULL,
	 CM_FOR_CTL, IN_CONFIG(checkpoint_tsa_ca),
	 "Certificates of the authority, in PEM; needed with tsa-url."},
	{CM_SECTION_CHECKPOINT, "tsa-every", CM_SETTING_PERIOD, 0, "1d", 0, 0,
	 NULL, CM_FOR_CTL, IN_CONFIG(checkpoint_tsa_every),
	 "How much time lies between two stamps at least; none stamps every "
	 "checkpoint."},

	/* ---- retention ---- */
	{CM_SECTION_RETENTION, "unconfirmed", CM_SETTING_PERIOD, 0, "7d", 0, 0,
	 NULL, CM_FOR_CTL, IN_CONFIG(retention_unconfirmed),
	 "After how long an address goes that was entered and never confirmed; "
	 "none keeps it."},
	{CM_SECTION_RETENTION, "ended", CM_SETTING_PERIOD, 0, "none", 0, 0,
	 NULL, CM_FOR_CTL, IN_CONFIG(retention_ended),
	 "After how long the address and the evidence of a contact go who may "
	 "get nothing any more: counted from the end of the last consent, or "
	 "from whatever happened later. France's CNIL asks for 3y at most; "
	 "none keeps them until they ask to be erased."},

	/* ---- purpose ---- */
	{CM_SECTION_PURPOSE, "title", CM_SETTING_TEXT, REQUIRED, NULL, 1,
	 TEXT_MAX, NULL, CM_FOR_ALL, IN_PURPOSE(title),
	 "What people read: in footers, on pages, in reports."},
	{CM_SECTION_PURPOSE, "title-XX", CM_SETTING_TITLE, 0, NULL, 1, TEXT_MAX,
	 NULL, CM_FOR_ALL, MANY(cm_purpose, titles, ntitles),
	 "The title in language XX, as title-cs. Every language that there is "
	 "a template folder for, and the official ones of the European Union."},
	{CM_SECTION_PURPOSE, "about", CM_SETTING_TEXT, 0, NULL, 1, TEXT_MAX,
	 NULL, CM_FOR_WEB | CM_FOR_CTL, IN_PURPOSE(about),
	 "What one gets, in plain words, under the title in forms: what it is "
	 "about, how often it comes, who else has a hand in it."},
	{CM_SECTION_PURPOSE, "about-XX", CM_SETTING_TITLE, 0, NULL, 1, TEXT_MAX,
	 NULL, CM_FOR_WEB | CM_FOR_CTL, MANY(cm_purpose, abouts, nabouts),
	 "The same in language XX, as about-cs."},
	{CM_SECTION_PURPOSE, "level", CM_SETTING_WORD, CM_SETTING_INHERITED,
	 "single", 0, 0, levels, CM_FOR_ALL, IN_PURPOSE(level),
	 "double asks for a confirmed consent (double opt-in), single is "
	 "content with a given one."},
	{CM_SECTION_PURPOSE, "lifetime", CM_SETTING_PERIOD,
	 CM_SETTING_INHERITED, "none", 0, 0, NULL, CM_FOR_ALL,
	 IN_PURPOSE(lifetime),
	 "How long a consent lasts, as 3y, 18m or 90d; none is for ever."},
	{CM_SECTION_PURPOSE, "idle", CM_SETTING_PERIOD, CM_SETTING_INHERITED,
	 "none", 0, 0, NULL, CM_FOR_ALL, IN_PURPOSE(idle),
	 "How long a consent that nobody uses lasts, as 4y; none is for ever. "
	 "It begins with the consent, and anew with each use."},
	{CM_SECTION_PURPOSE, "idle-unless", CM_SETTING_WORD,
	 CM_SETTING_INHERITED, "mailed", 0, 0, uses, CM_FOR_ALL,
	 IN_PURPOSE(idle_unless),
	 "What use is, for idle: mailed is a mail of this purpose that left, "
	 "and whatever the person did themselves; person only the latter. To "
	 "open a mail is nothing that a person did, and a mail that asks to "
	 "renew is no use."},
	{CM_SECTION_PURPOSE, "soft-opt-in", CM_SETTING_BOOL,
	 CM_SETTING_INHERITED, "no", 0, 0, NULL, CM_FOR_ALL,
	 IN_PURPOSE(soft_opt_in),
	 "Whether existing customers may be written to under ePrivacy 13(2). "
	 "All its conditions must be on record of each: that the controller "
	 "itself sold (seller), what (product-category), when (sale-date), the "
	 "sale's reference (sale-ref), and that a way to refuse was offered "
	 "then (opt-out-offered). The lifetime counts from the sale."},
	{CM_SECTION_PURPOSE, "product-category", CM_SETTING_TEXT,
	 LIST | CM_SETTING_INHERITED, NULL, 1, LIST_MAX, NULL, CM_FOR_ALL,
	 STRINGS(cm_purpose, product_categories),
	 "With soft-opt-in: the kinds of products that these mails advertise, "
	 "as your lists call them. Only who bought one of these gets them. "
	 "Case does not matter."},
	{CM_SECTION_PURPOSE, "changed", CM_SETTING_FIRST_DAY, 0, NULL, 0, 0,
	 NULL, CM_FOR_ALL, IN_PURPOSE(changed),
	 "The day (UTC) on which what people are told about this purpose "
	 "changed materially: what for, who, how often. Consents from before "
	 "it that cover this purpose no longer count, until given again."},

	/* ---- notice ---- */
	{CM_SECTION_NOTICE, "bundled", CM_SETTING_BOOL, 0, "no", 0, 0, NULL,
	 CM_FOR_ALL, IN_NOTICE(bundled),
	 "Whether it ties the consent to something else: terms of use, a "
	 "contest, a statement of age. Then it is none."},
	{CM_SECTION_NOTICE, "for-children", CM_SETTING_BOOL, 0, "no", 0, 0,
	 NULL, CM_FOR_ALL, IN_NOTICE(for_children),
	 "Whether the form is for children. Then it needs an age-check."},
	{CM_SECTION_NOTICE, "age-check", CM_SETTING_BOOL, 0, "no", 0, 0, NULL,
	 CM_FOR_ALL, IN_NOTICE(age_check),
	 "Whether the form makes sure of the age, or of a guardian's consent."},
	{CM_SECTION_NOTICE, "after-contract", CM_SETTING_PERIOD, 0, "none", 0,
	 0, NULL, CM_FOR_ALL, IN_NOTICE(after_contract),
	 "How long after the end of a contract the text says that mail goes "
	 "on, as 12m. Where a list says when it ended (contract-end), no mail "
	 "goes there after that. none: it says nothing about that."},

	/* ---- form ---- */
	{CM_SECTION_FORM, "purpose", CM_SETTING_PURPOSE_REF, LIST | REQUIRED,
	 NULL, 1, CM_SUBSCRIBE_PURPOSES_MAX, NULL, CM_FOR_WEB | CM_FOR_CTL,
	 MANY(cm_subscribe_form, purposes, npurposes),
	 "What it offers, one box each, in this order."},
	{CM_SECTION_FORM, "source", CM_SETTING_SOURCE, 0, "web-form", 0, 0,
	 NULL, CM_FOR_WEB | CM_FOR_CTL, IN_FORM(source),
	 "The source of who subscribes by it, for streams with sources."},
	{CM_SECTION_FORM, "title", CM_SETTING_TEXT, 0, NULL, 1, TEXT_MAX, NULL,
	 CM_FOR_WEB | CM_FOR_CTL, IN_FORM(title),
	 "The heading of its page; left out, a plain one."},
	{CM_SECTION_FORM, "title-XX", CM_SETTING_TITLE, 0, NULL, 1, TEXT_MAX,
	 NULL, CM_FOR_WEB | CM_FOR_CTL,
	 MANY(cm_subscribe_form, titles, ntitles),
	 "The same in language XX, as title-cs."},
	{CM_SECTION_FORM, "intro", CM_SETTING_TEXT, 0, NULL, 1, INTRO_MAX, NULL,
	 CM_FOR_WEB | CM_FOR_CTL, IN_FORM(intro),
	 "A few sentences under it. Promise nothing in return for a consent: "
	 "it would not be free."},
	{CM_SECTION_FORM, "intro-XX", CM_SETTING_TITLE, 0, NULL, 1, INTRO_MAX,
	 NULL, CM_FOR_WEB | CM_FOR_CTL,
	 MANY(cm_subscribe_form, intros, nintros),
	 "The same in language XX, as intro-cs."},
	{CM_SECTION_FORM, "embed-on", CM_SETTING_SITE, LIST, NULL, 1, SITES_MAX,
	 NULL, CM_FOR_WEB, STRINGS(cm_subscribe_form, embed_on),
	 "Sites that may show its page in a frame of theirs, as "
	 "https://shop.example; others get none."},

	/* ---- stream: conditions ---- */
	{CM_SECTION_STREAM, "type", CM_SETTING_WORD, REQUIRED, NULL, 0, 0,
	 stream_types, CM_FOR_ALL, IN_STREAM(type),
	 "marketing needs consent and gets a way out. renewal is marketing "
	 "that asks people to renew a consent that is about to end: it goes "
	 "to nobody else, and to each of them once. service (receipts, "
	 "password resets) is never touched and needs approved-by. optin is "
	 "the mail by which consent-web asks people to confirm what they asked "
	 "for (mail.from): it goes to who has asked within 7 days and has not "
	 "confirmed, cancelled or refused since, to one person at a time, and "
	 "is never changed."},
	{CM_SECTION_STREAM, "sender", CM_SETTING_SENDER, LIST | CONDITION, NULL,
	 1, LIST_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL,
	 MANY(cm_stream, senders, nsenders),
	 "Envelope sender: news@acme.example, news+*@acme.example (with or "
	 "without any +tag) or @news.acme.example (all of a domain, not of "
	 "those below it). Believed only of an authenticated client or one in "
	 "own-networks."},
	{CM_SECTION_STREAM, "from", CM_SETTING_SENDER, LIST | CONDITION, NULL,
	 1, LIST_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL,
	 MANY(cm_stream, froms, nfroms),
	 "Address in the From header, written as for sender. With several, "
	 "one is enough for marketing; for service, all must match."},
	{CM_SECTION_STREAM, "auth", CM_SETTING_NAME, LIST | CONDITION, NULL, 1,
	 LIST_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL, STRINGS(cm_stream, auth),
	 "Name that the client logged in with."},
	{CM_SECTION_STREAM, "client", CM_SETTING_NETWORK, LIST | CONDITION,
	 NULL, 1, LIST_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL,
	 MANY(cm_stream, clients, nclients),
	 "Address or network of the client, as 192.0.2.7 or 2001:db8::/32."},
	{CM_SECTION_STREAM, "listener", CM_SETTING_LISTENER_REF,
	 LIST | CONDITION, NULL, 1, LIST_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL,
	 STRINGS(cm_stream, listeners),
	 "Name of the listener that the message came in by."},
	{CM_SECTION_STREAM, "header", CM_SETTING_HEADER, LIST | CONDITION, NULL,
	 1, LIST_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL,
	 MANY(cm_stream, headers, nheaders),
	 "A header and its value, as \"X-Campaign: summer\"; \"X-Campaign: *\" "
	 "takes any value. Case does not matter. Believed as sender is."},

	/* ---- stream: what is done ---- */
	{CM_SECTION_STREAM, "purpose", CM_SETTING_PURPOSE_REF, LIST | MARKETING,
	 NULL, 1, CM_STREAM_PURPOSES_MAX, NULL, CM_FOR_ALL,
	 MANY(cm_stream, purposes, npurposes),
	 "What the recipient must have agreed to: all of these. The first is "
	 "what the way out ends. With several, the tool may choose one by the "
	 "header X-Consent-Purpose (which is removed), and nobody is refused "
	 "before the message is complete."},
	{CM_SECTION_STREAM, "sources", CM_SETTING_SOURCE, LIST | MARKETING,
	 NULL, 1, LIST_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL,
	 STRINGS(cm_stream, sources),
	 "Only to people won this way: order, web-form, popup, contest, "
	 "loyalty, event, phone, import, or your own word. Left out: any."},
	{CM_SECTION_STREAM, "mode", CM_SETTING_WORD, MARKETING | OPTIN,
	 "enforce", 0, 0, modes, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(mode),
	 "observe only logs what would happen; edit adds headers and footer "
	 "and refuses nobody; enforce does all. Start with observe. An optin "
	 "stream has nothing to edit."},
	{CM_SECTION_STREAM, "refuse", CM_SETTING_WORD, MARKETING, "reject", 0,
	 0, refusals, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(refuse),
	 "What becomes of a recipient without consent: reject answers 550, "
	 "drop removes without a word to the tool, rewrite does so and sends "
	 "one copy to rewrite-to."},
	{CM_SECTION_STREAM, "rewrite-to", CM_SETTING_ADDRESS, MARKETING, NULL,
	 0, 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(rewrite_to),
	 "Who gets the copy; needed for, and used only by, refuse = rewrite."},
	{CM_SECTION_STREAM, "uneditable", CM_SETTING_WORD, MARKETING,
	 "headers-only", 0, 0, uneditables, CM_FOR_MILTER | CM_FOR_CTL,
	 IN_STREAM(uneditable),
	 "What becomes of a message whose body cannot surely be edited "
	 "(signed, encrypted, broken). headers-only sends it with the list "
	 "headers alone. wrap makes it the first part of a new message whose "
	 "second part is the footer, so that signatures inside stay good; what "
	 "is broken, too large, itself a message or a piece of one, or "
	 "DKIM-signed before us gets headers only, because nobody could say "
	 "that the footer is shown. "
	 "hold takes out the refused, adds the headers and puts the message "
	 "into quarantine: Postfix's hold queue (postsuper -H ID releases it, "
	 "postsuper -d ID deletes it) or Sendmail's (sendmail -qQ -qIID -Q "
	 "releases it); our log line says why. A message released is delivered "
	 "as it is, and not decided again: who withdrew in between still gets "
	 "it, so look with consentctl why first. reject answers 554 5.6.0. "
	 "mode = edit, which refuses no person, does all of this, too."},
	{CM_SECTION_STREAM, "presigned", CM_SETTING_WORD, MARKETING, "keep", 0,
	 0, presigneds, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(presigned),
	 "What becomes of a message that was DKIM-signed before it came here. "
	 "keep leaves its body and every header that a signature covers as "
	 "they are, adds the list headers where none covers them, and then "
	 "goes by uneditable. resign takes out signatures of dkim-domains and "
	 "edits the message, for a signer behind consent-milter to sign; next "
	 "to a signature of any other domain, one that cannot be read, or an "
	 "ARC seal it does as keep does. Name the domain of a mailing service "
	 "in dkim-domains, too, if its signatures may go."},
	{CM_SECTION_STREAM, "footer", CM_SETTING_BOOL, MARKETING, "yes", 0, 0,
	 NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(footer),
	 "Whether messages get the footer. The headers come always."},
	{CM_SECTION_STREAM, "list-id", CM_SETTING_LIST_ID, MARKETING, NULL, 0,
	 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(list_id),
	 "Sets the List-Id header (RFC 2919): label and domain, as "
	 "news.acme.example, in a domain of yours. Never change it: people "
	 "file their mail by it."},
	{CM_SECTION_STREAM, "list-name", CM_SETTING_TEXT, MARKETING, NULL, 1,
	 CM_LIST_NAME_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL,
	 IN_STREAM(list_name),
	 "A name for people in front of the list-id, which it needs. Written "
	 "so that every mail server takes it (RFC 2047), if it is not ASCII."},
	{CM_SECTION_STREAM, "feedback-id", CM_SETTING_FEEDBACK_ID, MARKETING,
	 NULL, 0, 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(feedback_id),
	 "Sets the Feedback-ID header, by which Gmail's Postmaster Tools count "
	 "spam reports: up to three ids of your choice and a last one of 5 to "
	 "15 characters that names you in all your mail, as "
	 "spring:newsletter:acme1. Name groups of mail, never a person. Left "
	 "out, the tool's own stays."},
	{CM_SECTION_STREAM, "cfbl-address", CM_SETTING_CFBL, MARKETING, NULL, 0,
	 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(cfbl_address),
	 "Sets the CFBL-Address header (RFC 9477), to which mailbox providers "
	 "may send spam complaints: fbl@acme.example, or \"fbl@acme.example; "
	 "report=arf\" to name the format (arf or xarf). Providers heed it "
	 "only "
	 "in a valid DKIM signature that covers it: one by the domain in From, "
	 "if the address is in that domain or below it; for any other domain, "
	 "a second one by the address's own. Left out, the tool's own stays."},
	{CM_SECTION_STREAM, "language", CM_SETTING_LANGUAGE, MARKETING, NULL, 0,
	 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(language),
	 "Language of the footer where neither the person's nor the message's "
	 "is known."},
	{CM_SECTION_STREAM, "country", CM_SETTING_COUNTRY, MARKETING, NULL, 0,
	 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(country),
	 "Where its readers live, as CZ, if that is not controller.country: by "
	 "that country's law consent-milter looks at start whether the footer "
	 "has all it should."},
	{CM_SECTION_STREAM, "marker", CM_SETTING_TEXT, MARKETING, NULL, 1,
	 TEXT_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(marker),
	 "Words that say that this is advertising, in the footer's first line, "
	 "for countries whose law wants it said: \"Obchodní sdělení\" in the "
	 "Czech Republic."},
	{CM_SECTION_STREAM, "approved-by", CM_SETTING_TEXT,
	 CM_SETTING_SERVICE | RENEWAL, NULL, 1, TEXT_MAX, NULL,
	 CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(approved_by),
	 "Who approved that this mail needs no consent, and when. A service "
	 "stream must say, and a renewal stream with ask-unknown."},

	/* ---- stream: asking to renew ---- */
	{CM_SECTION_STREAM, "renew-before", CM_SETTING_PERIOD, RENEWAL, "60d",
	 0, 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(renew_before),
	 "How long before its end, by lifetime or idle, a person may be asked "
	 "to renew a consent or soft opt-in that is still valid. Each is "
	 "asked once; who does not answer hears no more after that end."},
	{CM_SECTION_STREAM, "wave-size", CM_SETTING_NUMBER, RENEWAL, "1000", 1,
	 WAVE_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(wave_size),
	 "How many people are asked in one wave; the others get 451 until the "
	 "next one begins. Begin with a hundred."},
	{CM_SECTION_STREAM, "wave-every", CM_SETTING_PERIOD, RENEWAL, "1d", 0,
	 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(wave_every),
	 "How long after the first mail of a wave the next one may begin."},
	{CM_SECTION_STREAM, "cap", CM_SETTING_NUMBER, RENEWAL, "0", 0, WAVE_MAX,
	 NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(cap),
	 "How many people this stream ever asks; 0 sets no limit."},
	{CM_SECTION_STREAM, "stop-complaints", CM_SETTING_NUMBER, RENEWAL, "3",
	 0, 1000, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(stop_complaints),
	 "When more than this many of a thousand people asked complained of "
	 "spam or objected since, the stream stops: 451, and a line in the "
	 "log. 0 stops at the first."},
	{CM_SECTION_STREAM, "ask-unknown", CM_SETTING_BOOL, RENEWAL, "no", 0, 0,
	 NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(ask_unknown),
	 "Also ask people on record of whom nothing proves a consent, each "
	 "once, ever. Companies were fined for just that, so ask a lawyer "
	 "first; it needs approved-by, legal-note, ask-until, and a sender "
	 "that no other stream has. Nobody who ever refused anything is "
	 "asked, nor anybody whose address was bought."},
	{CM_SECTION_STREAM, "legal-note", CM_SETTING_TEXT, RENEWAL, NULL, 1,
	 TEXT_MAX, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(legal_note),
	 "Why that is lawful here, in words for whoever asks later; needed "
	 "with ask-unknown."},
	{CM_SECTION_STREAM, "ask-until", CM_SETTING_LAST_DAY, RENEWAL, NULL, 0,
	 0, NULL, CM_FOR_MILTER | CM_FOR_CTL, IN_STREAM(ask_until),
	 "The last day (UTC) of ask-unknown, as 2027-03-31; needed with it. "
	 "From the day after those people are refused."},
};

const struct cm_section *cm_section(enum cm_section_kind kind)
{
	return &sections[kind];
}

enum cm_section_kind cm_section_find(const char *name)
{
	enum cm_section_kind kind;

	for (kind = CM_SECTION_CONTROLLER; kind < CM_SECTIONS; kind++)
		if (strcmp(sections[kind].name, name) == 0)
			return kind;
	return CM_SECTIONS;
}

const struct cm_setting *cm_setting_at(size_t index)
{
	if (index >= sizeof(settings) / sizeof(settings[0]))
		return NULL;
	return &settings[index];
}

const struct cm_setting *cm_setting_find(enum cm_section_kind section,
					 const char *name)
{
	const struct cm_setting *s;
	size_t i;

	for (i = 0; (s = cm_setting_at(i)) != NULL; i++)
		if (s->section == section &&
		    (strcmp(s->name, name) == 0 ||
		     cm_setting_language(s, name) != NULL))
			return s;
	return NULL;
}

const char *cm_setting_type_name(enum cm_setting_type type)
{
	static const char *const names[CM_SETTING_TYPES] = {
		[CM_SETTING_TEXT] = "text",
		[CM_SETTING_NAME] = "name",
		[CM_SETTING_SOURCE] = "word",
		[CM_SETTING_PATH] = "path",
		[CM_SETTING_WORD] = "word",
		[CM_SETTING_CHOICE] = "word",
		[CM_SETTING_BOOL] = "yes or no",
		[CM_SETTING_NUMBER] = "number",
		[CM_SETTING_MODE] = "mode",
		[CM_SETTING_SIZE] = "size",
		[CM_SETTING_PERIOD] = "time",
		[CM_SETTING_LANGUAGE] = "language",
		[CM_SETTING_COUNTRY] = "country",
		[CM_SETTING_ADDRESS] = "address",
		[CM_SETTING_DOMAIN] = "domain",
		[CM_SETTING_SENDER] = "address pattern",
		[CM_SETTING_NETWORK] = "network",
		[CM_SETTING_HEADER] = "header",
		[CM_SETTING_SOCKET] = "socket",
		[CM_SETTING_LISTEN] = "host:port",
		[CM_SETTING_BASE_URL] = "URL",
		[CM_SETTING_SUBMIT] = "URL",
		[CM_SETTING_MAILBOX] = "name and address",
		[CM_SETTING_URL] = "URL",
		[CM_SETTING_SITE] = "URL",
		[CM_SETTING_COLOUR] = "colour",
		[CM_SETTING_ORIGIN] = "name",
		[CM_SETTING_FIRST_DAY] = "date",
		[CM_SETTING_LAST_DAY] = "date",
		[CM_SETTING_LIST_ID] = "list id",
		[CM_SETTING_FEEDBACK_ID] = "ids",
		[CM_SETTING_CFBL] = "address",
		[CM_SETTING_PURPOSE_REF] = "purpose",
		[CM_SETTING_LISTENER_REF] = "listener",
		[CM_SETTING_STREAM_REF] = "pass or stream",
		[CM_SETTING_BULK] = "word or stream",
		[CM_SETTING_TITLE] = "text",
	};

	return names[type];
}

/* Letters, digits and hyphens, as BCP 47 writes languages. */
static bool is_language(const char *text)
{
	size_t n = strlen(text), i;

	for (i = 0; i < n; i++)
		if (!cm_ascii_alpha(text[i]) && !cm_ascii_digit(text[i]) &&
		    text[i] != '-')
			return false;
	return n >= 2 && n <= CM_LANGUAGE_MAX;
}

const char *cm_setting_language(const struct cm_setting *setting,
				const char *name)
{
	size_t n = strlen(setting->name) - strlen("XX");

	if (setting->type != CM_SETTING_TITLE ||
	    strncmp(name, setting->name, n) != 0 || !is_language(name + n))
		return NULL;
	return name + n;
}

bool cm_setting_has_language(const char *name)
{
	const struct cm_setting *s;
	size_t i;

	for (i = 0; (s = cm_setting_at(i)) != NULL; i++)
		if (cm_setting_language(s, name) != NULL)
			return true;
	return false;
}
