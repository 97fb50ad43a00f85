/*
 * Every check of `consentctl doctor`, in the order it is told: what stands in
 * "what" is what is good, for whoever reads the answer, --list and
 * consentctl-doctor(1), which is made of it.
 */
#include "tools/doctor.h"

#define WRONG    CM_FINDING_WRONG
#define WARNING  CM_FINDING_WARNING
#define STORE    CM_NEED_STORE
#define POSTFIX  CM_NEED_POSTFIX
#define SENDMAIL CM_NEED_SENDMAIL
#define NOTHING  CM_NEED_NOTHING

const struct cm_doctor_check cm_doctor_checks[] = {
	{"config", WRONG, NOTHING,
	 "The configuration can be read and served by, as consent-milter -t "
	 "checks it.",
	 cm_doctor_config},
	{"modes", WARNING, NOTHING,
	 "Every marketing stream is in mode enforce.", cm_doctor_modes},
	{"languages", WARNING, NOTHING,
	 "There are texts for every language that streams and titles name, all "
	 "of them complete.",
	 cm_doctor_languages},
	{"country", WARNING, NOTHING,
	 "Purposes are as strict as the profile of the controller's country.",
	 cm_doctor_country},
	{"footers", WARNING, NOTHING,
	 "Every footer shows who sends, where they are, where to write, why, "
	 "the link, the privacy notice, and that it is advertising where the "
	 "law of its readers' country asks for that; nothing of it is hidden.",
	 cm_doctor_footers},
	{"opt-in", WARNING, NOTHING,
	 "The letters that ask people to confirm have a stream of their own.",
	 cm_doctor_optin},

	{"accounts", WRONG, NOTHING,
	 "Users and groups are there; the daemons have a user each, none is "
	 "root, and those that only read are not among the writers.",
	 cm_doctor_accounts},
	{"key-modes", WRONG, NOTHING,
	 "The keys' folder and each key have the owner, group and mode that "
	 "init gave them; nobody can replace a folder above.",
	 cm_doctor_key_modes},
	{"keys-apart", WRONG, NOTHING,
	 "Keys do not lie in the store, nor the signing key beside them; it is "
	 "its user's alone.",
	 cm_doctor_keys_apart},
	{"store-modes", WRONG, NOTHING,
	 "Every folder, data and lock file of the store has the owner, group "
	 "and mode that init gave it; nobody can replace a folder above.",
	 cm_doctor_store_modes},
	{"milter-reach", WRONG, NOTHING,
	 "consent-milter's user may read consent and refusals, and neither "
	 "write them nor read addresses.",
	 cm_doctor_milter_reach},

	{"store", WRONG, NOTHING,
	 "The store can be opened, is of this version's format, and of this "
	 "key.",
	 cm_doctor_store},
	{"sample", WRONG, STORE,
	 "There are as many events as there should be, and 500 of them and 500 "
	 "people's views, by chance, are as they were written.",
	 cm_doctor_sample},
	{"checkpoint", WRONG, STORE,
	 "The ledger goes on from the head that was signed last: no older copy "
	 "was put in its place.",
	 cm_doctor_checkpoint},
	{"signed", WARNING, NOTHING, "The ledger's head was signed lately.",
	 cm_doctor_checkpoint_age},
	{"erasures", WRONG, STORE, "No erasure was left unfinished.",
	 cm_doctor_erasures},
	{"waiting", WARNING, STORE,
	 "No refusal waits to be written into the ledger.", cm_doctor_stop},
	{"clock", WRONG, STORE, "The clock is not behind the newest event.",
	 cm_doctor_clock},
	{"readers", WARNING, STORE,
	 "Programs that read have slots left, and none reads without end.",
	 cm_doctor_readers},
	{"map", WARNING, STORE, "No file is near store.map-size.",
	 cm_doctor_map},
	{"disk", WARNING, STORE,
	 "The disk has room for the next import, or erasure.", cm_doctor_disk},
	{"attested", WARNING, STORE,
	 "Somebody answers for every list that was imported.",
	 cm_doctor_attested},
	{"sources", WARNING, STORE,
	 "It is known where each consent came from, and none was bought.",
	 cm_doctor_sources},

	{"listeners", WRONG, NOTHING,
	 "A milter answers on the socket of every listener.",
	 cm_doctor_listeners},
	{"ours", WRONG, NOTHING,
	 "It is consent-milter: it holds the lock file.", cm_doctor_ours},
	{"reload", WARNING, NOTHING,
	 "consent-milter serves by the configuration that is on disk.",
	 cm_doctor_reload},
	{"process", WRONG, NOTHING,
	 "Its process is neither root's nor in the group of the writers.",
	 cm_doctor_process},
	{"sockets", WRONG, NOTHING,
	 "Only the mail server can connect, and nobody can put another socket "
	 "in the place of ours.",
	 cm_doctor_sockets},
	{"web", WRONG, NOTHING,
	 "consent-web answers at web.listen: /u, /u/ with a token, /healthz.",
	 cm_doctor_web},
	{"web-name", WRONG, NOTHING,
	 "The name in web.base-url can be looked up (with --dns).",
	 cm_doctor_web_url},
	{"submission", WRONG, NOTHING,
	 "Our own letters can be handed in: web.user can read the password and "
	 "the authorities' certificates, and nobody else the password.",
	 cm_doctor_submission},
	{"timers", WARNING, NOTHING,
	 "systemd's timers for checkpoints and the list of refusals run.",
	 cm_doctor_timers},

	{"mail-server", WARNING, NOTHING,
	 "Postfix or Sendmail runs here, and how it asks can be read.",
	 cm_doctor_mta},
	{"postfix-asked", WRONG, POSTFIX,
	 "Some smtpd of Postfix asks consent-milter.", cm_doctor_postfix_asked},
	{"postfix-ports", WARNING, POSTFIX, "Every smtpd does.",
	 cm_doctor_postfix_ports},
	{"postfix-sendmail", WRONG, POSTFIX,
	 "Mail by sendmail(1) is asked about, too (non_smtpd_milters).",
	 cm_doctor_postfix_sendmail},
	{"postfix-chroot", WRONG, POSTFIX,
	 "Paths of sockets are right for services that are chrooted, and for "
	 "those that are not.",
	 cm_doctor_postfix_chroot},
	{"postfix-socket", WRONG, POSTFIX,
	 "Postfix's user may connect to the sockets.",
	 cm_doctor_postfix_socket},
	{"postfix-action", WRONG, POSTFIX,
	 "While consent-milter is down, mail waits: default_action is "
	 "tempfail.",
	 cm_doctor_postfix_action},
	{"postfix-protocol", WARNING, POSTFIX, "milter_protocol is 6.",
	 cm_doctor_postfix_protocol},
	{"postfix-order", WRONG, POSTFIX,
	 "consent-milter stands before the milter that signs.",
	 cm_doctor_postfix_order},
	{"postfix-timeouts", WARNING, POSTFIX,
	 "Postfix waits long enough for an answer, and no longer than clients "
	 "do.",
	 cm_doctor_postfix_timeouts},
	{"postfix-disabled", WARNING, POSTFIX,
	 "No client is kept from milters (smtpd_milter_maps).",
	 cm_doctor_postfix_disabled},
	{"postfix-original", WARNING, POSTFIX,
	 "The log says to whom mail was sent before Postfix rewrote or "
	 "expanded "
	 "it (enable_original_recipient).",
	 cm_doctor_postfix_original},
	{"postfix-copies", WARNING, POSTFIX,
	 "Nobody gets copies of other people's mail, and their links with it "
	 "(always_bcc, recipient_bcc_maps, sender_bcc_maps).",
	 cm_doctor_postfix_bcc},
	{"postfix-aliases", WARNING, POSTFIX,
	 "Aliases do not hand one person's link to several "
	 "(virtual_alias_maps without no_address_mappings).",
	 cm_doctor_postfix_aliases},
	{"postfix-errors", WARNING, POSTFIX,
	 "A mailing is not hung up on because of its refused recipients "
	 "(smtpd_hard_error_limit).",
	 cm_doctor_postfix_errors},
	{"postfix-utf8", WARNING, POSTFIX,
	 "Addresses in all letters get mail (smtputf8_enable).",
	 cm_doctor_postfix_utf8},
	{"postfix-ids", WARNING, POSTFIX,
	 "Queue ids are never used again (enable_long_queue_ids).",
	 cm_doctor_postfix_ids},
	{"postfix-names", WARNING, POSTFIX,
	 "milter_macro_daemon_name tells mail by sendmail(1) from other mail.",
	 cm_doctor_postfix_names},

	{"sendmail-asked", WRONG, SENDMAIL,
	 "Every InputMailFilters of sendmail.cf names consent-milter.",
	 cm_doctor_sendmail_asked},
	{"sendmail-flags", WRONG, SENDMAIL,
	 "While consent-milter is down, mail waits: F=T.",
	 cm_doctor_sendmail_flags},
	{"sendmail-order", WRONG, SENDMAIL,
	 "consent-milter stands before the filter that signs.",
	 cm_doctor_sendmail_order},
	{"sendmail-timeouts", WARNING, SENDMAIL,
	 "Sendmail waits long enough for an answer.",
	 cm_doctor_sendmail_timeouts},
};

const size_t cm_ndoctor_checks =
	sizeof(cm_doctor_checks) / sizeof(cm_doctor_checks[0]);
