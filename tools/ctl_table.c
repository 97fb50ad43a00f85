/*
 * The commands of consentctl about people and lists of them; those about the
 * store and its proofs are in ctl_store_table.c.  One row a command, in the
 * order `help` lists them.  Words, options and their help stand here and
 * nowhere else; tools/consentctl.1 says the same at length.
 */
#include "tools/ctl_commands.h"

static const struct cm_option import_options[] = {
	{.name = "format",
	 .value = "NAME",
	 .help = "the tool it comes from (default: auto, by its columns)"},
	{.name = "map",
	 .value = "MAP",
	 .help = "which column is what: email=COL,status=COL,...,VALUE=status"},
	{.name = "status",
	 .value = "STATUS",
	 .help = "what all rows say, if the list has no such column"},
	{.name = "purpose",
	 .value = "P",
	 .help = "what they agreed to, if the list has no such column"},
	{.name = "source",
	 .value = "S",
	 .help = "where they came from, likewise: order, web-form ..."},
	{.name = "basis",
	 .value = "B",
	 .help = "consent (default) or soft-opt-in, likewise"},
	{.name = "controller",
	 .value = "NAME",
	 .help = "whom the consent was given to, likewise (default: us)"},
	{.name = "seller",
	 .value = "NAME",
	 .help = "soft opt-in: which company sold"},
	{.name = "product-category",
	 .value = "NAME",
	 .help = "soft opt-in: what kind of product was sold"},
	{.name = "opt-out-offered",
	 .value = "YES|NO",
	 .help = "soft opt-in: was a way to refuse offered at the sale?"},
	{.name = "notice",
	 .value = "FILE",
	 .help = "the exact text that all of them were shown (UTF-8)"},
	{.name = "attest",
	 .value = "WHO",
	 .help = "who answers for what the list says"},
	{.name = "charset",
	 .value = "NAME",
	 .help = "the list's encoding if not UTF-8: windows-1252 ..."},
	{.name = "dates",
	 .value = "ORDER",
	 .help = "dmy or mdy, where a date could be either"},
	{.name = "zone",
	 .value = "ZONE",
	 .help = "of times without one: Europe/Berlin, +01:00"},
	{.name = "repeat",
	 .help = "write opt-outs also where they are on record already"},
	{.name = "dry-run", .help = "only say what would change"},
	{.name = "reject-to",
	 .value = "FILE",
	 .help = "put bad rows there, import the others"},
	{.name = NULL},
};

static const struct cm_option bursts_options[] = {
	{.name = "since",
	 .value = "TIME",
	 .help = "from then on, as 2026-01-31 (default: 30 days)"},
	{.name = NULL},
};

static const struct cm_option undo_options[] = {
	{.name = "dry-run", .help = "only say what would be taken back"},
	{.name = "yes", .help = "do it"},
	{.name = "burst",
	 .value = "ID",
	 .help = "instead of a list: take a burst back; needs --note"},
	{.name = "since",
	 .value = "TIME",
	 .help = "--burst: look for it from then on (default: 30 days)"},
	{.name = "refusals",
	 .help = "also take back withdrawn and undeliverable; needs --note"},
	{.name = "checked",
	 .help = "--refusals: the lists that hold are in with --repeat"},
	{.name = "note",
	 .value = "TEXT",
	 .help = "why, for whoever asks later"},
	{.name = NULL},
};

static const struct cm_option renewal_options[] = {
	{.name = "stream", .value = "S", .help = "a stream of type renewal"},
	{.name = "output",
	 .value = "OUT",
	 .letter = 'o',
	 .help = "plan: write those who may be asked to this new file"},
	{.name = "raw",
	 .help = "addresses as they are, also what a spreadsheet would run"},
	{.name = NULL},
};

static const struct cm_option duplicates_options[] = {
	{.name = "all", .help = "also those whose states are the same"},
	{.name = NULL},
};

static const struct cm_option merge_options[] = {
	{.name = "note",
	 .value = "TEXT",
	 .help = "why, for whoever asks later"},
	{.name = "dry-run", .help = "only say what would be written"},
	{.name = NULL},
};

static const struct cm_option grant_options[] = {
	{.name = "purpose",
	 .value = "P",
	 .help = "what the person agreed to",
	 .required = true},
	{.name = "source",
	 .value = "S",
	 .help = "where: order, web-form, event, phone ...",
	 .required = true},
	{.name = "notice",
	 .value = "FILE",
	 .help = "the exact text the person was shown (UTF-8)"},
	{.name = "attest", .value = "WHO", .help = "who answers for it"},
	{.name = "basis",
	 .value = "B",
	 .help = "consent (default) or soft-opt-in"},
	{.name = "controller",
	 .value = "NAME",
	 .help = "whom the consent was given to (default: us)"},
	{.name = "seller",
	 .value = "NAME",
	 .help = "soft opt-in: which company sold"},
	{.name = "sale-ref",
	 .value = "REF",
	 .help = "soft opt-in: number of the order or invoice"},
	{.name = "sale-date",
	 .value = "DATE",
	 .help = "soft opt-in: when it was sold: 2026-01-31"},
	{.name = "product-category",
	 .value = "NAME",
	 .help = "soft opt-in: what kind of product was sold"},
	{.name = "opt-out-offered",
	 .value = "YES|NO",
	 .help = "soft opt-in: was a way to refuse offered at the sale?"},
	{.name = "language",
	 .value = "L",
	 .help = "the person's language: en, cs, pt-br ..."},
	{.name = NULL},
};

static const struct cm_option withdraw_options[] = {
	{.name = "purpose",
	 .value = "P",
	 .help = "only this and what is below it (default: everything)"},
	{.name = NULL},
};

static const struct cm_option clear_options[] = {
	{.name = "note",
	 .value = "TEXT",
	 .help = "why, for whoever asks later",
	 .required = true},
	{.name = NULL},
};

static const struct cm_option correct_options[] = {
	{.name = "to",
	 .value = "ADDR",
	 .help = "the right address",
	 .required = true},
	{.name = "note",
	 .value = "TEXT",
	 .help = "why, for whoever asks later"},
	{.name = "dry-run", .help = "only say what would be written"},
	{.name = NULL},
};

static const struct cm_option access_options[] = {
	{.name = "output",
	 .value = "DIR",
	 .letter = 'o',
	 .help = "a new folder with a page to read, JSON and CSV"},
	{.name = "to",
	 .value = "WHO",
	 .help = "who gets it, if not the person"},
	{.name = "reason",
	 .value = "TEXT",
	 .help = "why they get it; kept with the evidence"},
	{.name = NULL},
};

static const struct cm_option erase_options[] = {
	{.name = "from",
	 .value = "FILE",
	 .help = "everybody of this list: an address a line, or CSV"},
	{.name = "yes", .help = "do not ask, for scripts"},
	{.name = NULL},
};

static const struct cm_option why_options[] = {
	{.name = "stream",
	 .value = "S",
	 .help = "a stream of the config",
	 .required = true},
	{.name = "at",
	 .value = "TIME",
	 .help = "as things stood then, as 2026-01-31T12:00:00Z"},
	{.name = NULL},
};

static const struct cm_option check_options[] = {
	{.name = "stream",
	 .value = "S",
	 .help = "a stream of the config",
	 .required = true},
	{.name = "output",
	 .value = "OUT",
	 .letter = 'o',
	 .help = "write the rows that would get it to this new file"},
	{.name = "raw",
	 .help = "octet for octet, also what a spreadsheet would run"},
	{.name = "to",
	 .value = "WHO",
	 .help = "who gets that file; recorded for each person in it"},
	{.name = "reason",
	 .value = "TEXT",
	 .help = "why they get it; kept with the evidence"},
	{.name = "charset",
	 .value = "NAME",
	 .help = "the list's encoding if not UTF-8: windows-1252 ..."},
	{.name = NULL},
};

static const struct cm_option refused_options[] = {
	{.name = "since",
	 .value = "TIME",
	 .help = "from then on, as 2026-01-31T12:00:00Z or 2026-01-31",
	 .required = true},
	{.name = "until", .value = "TIME", .help = "and before this"},
	{.name = "stream", .value = "S", .help = "only of this stream"},
	{.name = "log",
	 .value = "FILE",
	 .help = "the mail log; - for standard input (default: the system's)"},
	{.name = "zone",
	 .value = "ZONE",
	 .help = "of a log without zones: Europe/Berlin (default: here)"},
	{.name = "output",
	 .value = "FILE",
	 .letter = 'o',
	 .help = "write them to this new file, too, as CSV"},
	{.name = NULL},
};

static const struct cm_option receipt_options[] = {
	{.name = "output",
	 .value = "DIR",
	 .letter = 'o',
	 .help = "a new folder: each consent, in both formats"},
	{.name = "format",
	 .value = "NAME",
	 .help = "without -o: kantara (default) or 27560"},
	{.name = "to",
	 .value = "WHO",
	 .help = "who gets it, if not the person"},
	{.name = "reason",
	 .value = "TEXT",
	 .help = "why they get it; kept with the evidence"},
	{.name = NULL},
};

static const struct cm_option requests_options[] = {
	{.name = "received",
	 .value = "DATE",
	 .help = "open: when it came, as 2026-01-31 (default: now)"},
	{.name = "note",
	 .value = "TEXT",
	 .help = "what was said; extend needs it"},
	{.name = NULL},
};

static const struct cm_option retention_options[] = {
	{.name = "dry-run", .help = "only say what would be erased"},
	{.name = NULL},
};

static const char init_help[] =
	"Makes the keys folder (keys.path) and the store (store.path) with "
	"the\n"
	"groups of the config: programs of store.group read, those of\n"
	"store.write-group write.  Run it as root; the groups must exist.\n"
	"What is there already is never touched: run twice, it says so and\n"
	"exits with 1.  Keep a backup of the keys: without the store key the\n"
	"store cannot be read.\n";

static const char import_help[] =
	"FILE is what another tool exports, or a plain list; \"-\" is "
	"standard\n"
	"input.  Its columns tell which: Mailchimp, HubSpot, listmonk, "
	"Mautic,\n"
	"phpList, Brevo, SendGrid, Mailgun, Amazon SES, Klaviyo, Constant\n"
	"Contact, Ghost, Substack, Shopify, Salesforce, Vtiger, Kit,\n"
	"ActiveCampaign; one address a line, as Mailman and Sympa write.  Any\n"
	"other: --map 'email=COL,status=COL,withdrawn=COL,...,VALUE=STATUS'.\n"
	"\n"
	"A plain list has a header row: \"email\" and any of purpose, status,\n"
	"source, basis, time, language, controller, contract-end, and of a\n"
	"soft-opt-in seller, sale-ref, sale-date, product-category,\n"
	"opt-out-offered (all of them, or it does not count).\n"
	"\n"
	"status    granted, confirmed, pending, withdrawn, objected,\n"
	"          complained, undeliverable, unknown; empty, NULL and N/A "
	"are\n"
	"          unknown; \"yes\", \"1\" or \"enabled\" are errors, for they "
	"say\n"
	"          nothing about consent\n"
	"time      when it happened, 2026-01-31T12:00:00Z and other forms; "
	"missing\n"
	"          stays missing, and a grant without it does not count\n"
	"purpose   of the config; withdrawn without one means everything\n"
	"\n"
	"In every list opt-outs win, and \"subscribed\" alone is no consent.\n"
	"All rows or none: a bad row stops the import, unless --reject-to\n"
	"says where such rows go.  An import may lower consent; it never "
	"lifts\n"
	"an objection, a complaint or an erasure, and a withdrawal only by\n"
	"proof that is newer.  Rows that say nothing new are not written "
	"again.\n"
	"A grant counts with a source, a time and --attest WHO.\n";

static const char batches_help[] =
	"Every list that was imported: when, by whom, which file, who answers\n"
	"for it, and whether it was undone.\n";

static const char bursts_help[] =
	"Withdrawals by link of at least web.burst-people people within\n"
	"web.burst-minutes, of one network or one recipient domain: as a "
	"security\n"
	"gateway makes them that follows the links in mail.  consent-web warns "
	"of\n"
	"them in the log.  \"consentctl undo --burst ID\" takes one back.\n";

static const char undo_help[] =
	"Takes back what an import said, as if it had never been said: one\n"
	"corrected event a contact.  Whoever did something since is left "
	"alone.\n"
	"Without --yes it only says what it would do.  Opt-outs stay, for a\n"
	"person may have meant them; --refusals, for a list that was the "
	"wrong\n"
	"one, takes \"withdrawn\" and \"undeliverable\" back, too; but rows "
	"of\n"
	"other lists that only repeated these were never written, so take the\n"
	"lists that hold in again first, with import --repeat, and then say\n"
	"--checked.  Objections, complaints and erasures always stay.\n"
	"With --burst it takes back the withdrawals of that burst alone: one\n"
	"corrected event each, with who, when and the --note that it needs.\n"
	"Whoever did anything since is left alone.  Ask yourself first "
	"whether\n"
	"it was people: a shop's network, a campaign that annoyed.\n";

static const char renewal_help[] =
	"For streams of type renewal.  plan says who may be asked, in which\n"
	"wave, soonest end first, and counts why the others may not; -o "
	"writes\n"
	"a list to send to (email, wave, until).  Exit code 1 if nobody may\n"
	"be.  status counts who was asked, kept their consent, left,\n"
	"complained or objected, or is silent: silence ends with the consent.\n"
	"record puts the asks into the ledger, for history and evidence;\n"
	"consent-refusals.timer runs it.\n";

static const char duplicates_help[] =
	"Addresses that are one person's: the same but for +tag, or for dots\n"
	"where dots-ignored says so, with what each of them agreed to; those\n"
	"whose states differ.  And, as a hint only, domains that look "
	"mistyped\n"
	"where the right one is here, too.  Upper and lower case and the "
	"forms\n"
	"of international domains are one address already.  Exit code 1 if\n"
	"there are none.\n";

static const char merge_help[] =
	"For one person with two addresses, of which the second goes on: what\n"
	"the first refused is refused for the second, too, and the first gets\n"
	"nothing any more.  A consent is never moved: it was given for its\n"
	"address.  All that both said stays on record.\n";

static const char grant_help[] =
	"Records that a person agreed, now, on the word of whoever runs this:\n"
	"for a form on paper, a call, a visit to the shop.  Needs proof: the\n"
	"text the person was shown (--notice) or who answers for it "
	"(--attest).\n"
	"Lifts an earlier withdrawal, but never an objection, a complaint or "
	"an\n"
	"erasure: only the person can, by the link in a mail to them.\n";

static const char withdraw_help[] =
	"Ends consent to a purpose and all below it; without --purpose, to\n"
	"everything.  For who asks by phone or letter.\n";

static const char object_help[] =
	"The person wants no marketing at all, ever (GDPR 21(2)).  Only the\n"
	"person can lift it.\n";

static const char restrict_help[] = "No marketing until it is cleared, while a "
				    "question is open (GDPR 18).\n";

static const char clear_help[] =
	"MARK is restricted or undeliverable.  What a person said (withdrawn,\n"
	"objected, complained, erased) only the person can lift.\n";

static const char correct_help[] =
	"An address was wrong, or the person has a new one (GDPR 16).  What "
	"was\n"
	"refused is refused at the new one, too, and the old one gets nothing "
	"any\n"
	"more.  No consent moves: it was given for its address, so the person "
	"must\n"
	"agree anew at the other.  The old one stays on record until erased.\n";

static const char access_help[] =
	"Everything on record about a person, for that person (GDPR 15 and "
	"20):\n"
	"address, where they stand, every event with the text shown and what "
	"was\n"
	"kept as proof; no administrator's login, no other address.  "
	"Without\n"
	"-o, JSON on standard output.  Exit code 1 if nothing is on record.\n";

static const char receipt_help[] =
	"Consents as others' programs read them: Kantara Consent Receipt 1.1 "
	"and\n"
	"ISO/IEC TS 27560 in the Data Privacy Vocabulary (JSON-LD).  Without "
	"-o,\n"
	"the newest on standard output.  What neither the ledger nor the "
	"section\n"
	"controller says is \"unknown\".  Exit code 1 if no consent counts.\n";

static const char requests_help[] =
	"What people asked for and when they must have an answer (GDPR "
	"12(3)):\n"
	"a month after it came, three with \"extend\", which the person must "
	"be\n"
	"told in the first.  RIGHT is access, correction, erasure, "
	"restriction,\n"
	"portability or objection.  Without words: all that are open, the "
	"most\n"
	"urgent first; exit code 1 if one is overdue.  access -o, correct, "
	"erase,\n"
	"restrict and object close what they answer; \"done\" the rest.\n";

static const char retention_help[] =
	"Erases what may no longer be kept by the settings of section "
	"retention:\n"
	"addresses that were never confirmed, and contacts whose consent "
	"ended\n"
	"that long ago.  A keyed id stays, as with erase, so nobody who "
	"refused\n"
	"gets mail again.  Who is restricted, or waits for an answer to a\n"
	"request, is kept and named.  For a nightly timer.\n";

static const char erase_help[] =
	"Removes the address and all evidence about a person from every file "
	"of\n"
	"the store (GDPR 17).  A keyed id stays, so that no import takes them "
	"in\n"
	"again; only they can come back, by confirming with the link in a mail "
	"to\n"
	"them.  Events and proofs stay valid: they never held the address.\n"
	"It costs a copy of the store's private part, for one or a thousand:\n"
	"erase many with --from.  Exit code 1: not on record, or restricted.\n";

static const char show_help[] =
	"For each purpose of the config: may it be sent, why, since when, and\n"
	"the event it rests on.  Exit code 1 if nothing is on record.\n";

static const char history_help[] =
	"Everything on record for exactly this address, in the order it was\n"
	"written: when it happened, who did it, where it came from.\n";

static const char why_help[] =
	"The milter's decision for one message of the stream, and the events\n"
	"it rests on.  Exit code 0: the person would get it; 1: not; 75: it\n"
	"cannot be decided now.  With --at, over what had been written by "
	"then\n"
	"and by the config of today.\n";

static const char refused_help[] =
	"Who was refused, when, by which stream and why, out of the lines "
	"that\n"
	"consent-milter writes to the mail log; the addresses come from the "
	"store.\n"
	"For systemd: journalctl -t consent-milter -o short-iso | consentctl "
	"refused\n"
	"--since TIME --log -; for logs put by: zcat mail.log.2.gz | the "
	"same.\n"
	"Lines without a year are the last such time before now.  Exit code 1 "
	"if\n"
	"nobody was refused.\n";

static const char check_help[] =
	"LIST is CSV with a column \"email\", or one address a line.  Counts\n"
	"the rows that would get the stream, and the others by reason.  In "
	"the\n"
	"rows that -o writes, cells that a spreadsheet would run (they begin\n"
	"with =, +, -, @, tab or CR) get a ' in front; --raw leaves them as "
	"they\n"
	"came, for a tool that reads the file itself.  Writes nothing to the\n"
	"store.  Exit code 1 if nobody would get it.\n";

const struct cm_command cm_people_commands[] = {
	{
		.name = "init",
		.usage = "",
		.summary = "Make keys and store",
		.help = init_help,
		.access = CM_CTL_CONFIG,
		.run = cm_cmd_init,
	},
	{
		.name = "import",
		.usage = "FILE [--format NAME | --map MAP] [--purpose P] "
			 "[--attest WHO] ...",
		.summary = "Take a list of people in, all or nothing",
		.help = import_help,
		.access = CM_CTL_CONFIG,
		.json = true,
		.min = 1,
		.max = 1,
		.options = import_options,
		.run = cm_cmd_import,
	},
	{
		.name = "batches",
		.usage = "",
		.summary = "Which lists were imported",
		.help = batches_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.run = cm_cmd_batches,
	},
	{
		.name = "bursts",
		.usage = "[--since TIME]",
		.summary = "List withdrawals of many people at once",
		.help = bursts_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.options = bursts_options,
		.run = cm_cmd_bursts,
	},
	{
		.name = "undo",
		.usage = "BATCH | --burst ID [--dry-run | --yes] [--refusals] "
			 "[--note TEXT]",
		.summary = "Take an import or a burst of withdrawals back",
		.help = undo_help,
		.access = CM_CTL_CONFIG,
		.json = true,
		.max = 1,
		.options = undo_options,
		.run = cm_cmd_undo,
	},
	{
		.name = "grant",
		.usage = "ADDR --purpose P --source S "
			 "(--notice FILE | --attest WHO)",
		.summary = "Record that a person agreed",
		.help = grant_help,
		.access = CM_CTL_WRITE,
		.min = 1,
		.max = 1,
		.options = grant_options,
		.run = cm_cmd_grant,
	},
	{
		.name = "withdraw",
		.usage = "ADDR [--purpose P]",
		.summary = "Record that a person takes consent back",
		.help = withdraw_help,
		.access = CM_CTL_WRITE,
		.min = 1,
		.max = 1,
		.options = withdraw_options,
		.run = cm_cmd_withdraw,
	},
	{
		.name = "object",
		.usage = "ADDR",
		.summary = "Record that a person objects to all marketing",
		.help = object_help,
		.access = CM_CTL_WRITE,
		.min = 1,
		.max = 1,
		.run = cm_cmd_object,
	},
	{
		.name = "restrict",
		.usage = "ADDR",
		.summary = "Stop marketing to a person until cleared",
		.help = restrict_help,
		.access = CM_CTL_WRITE,
		.min = 1,
		.max = 1,
		.run = cm_cmd_restrict,
	},
	{
		.name = "clear",
		.usage = "ADDR MARK --note TEXT",
		.summary = "Lift \"restricted\" or \"undeliverable\"",
		.help = clear_help,
		.access = CM_CTL_WRITE,
		.min = 2,
		.max = 2,
		.options = clear_options,
		.run = cm_cmd_clear,
	},
	{
		.name = "receipt",
		.usage = "ADDR [-o DIR] [--format NAME]",
		.summary = "A person's consents in standard formats",
		.help = receipt_help,
		.access = CM_CTL_WRITE,
		.min = 1,
		.max = 1,
		.options = receipt_options,
		.run = cm_cmd_receipt,
	},
	{
		.name = "requests",
		.usage = "[open|extend|done ADDR RIGHT]",
		.summary = "What people asked for, and when it is due",
		.help = requests_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.max = 3,
		.options = requests_options,
		.run = cm_cmd_requests,
	},
	{
		.name = "retention",
		.usage = "[--dry-run]",
		.summary = "Erase what may no longer be kept",
		.help = retention_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.options = retention_options,
		.run = cm_cmd_retention,
	},
	{
		.name = "correct",
		.usage = "ADDR --to ADDR [--note TEXT] [--dry-run]",
		.summary = "Record that a person's address is another",
		.help = correct_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.min = 1,
		.max = 1,
		.options = correct_options,
		.run = cm_cmd_correct,
	},
	{
		.name = "access",
		.usage = "ADDR [-o DIR]",
		.summary = "All that is kept about a person, for them",
		.help = access_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.min = 1,
		.max = 1,
		.options = access_options,
		.run = cm_cmd_access,
	},
	{
		.name = "erase",
		.usage = "ADDR | --from FILE [--yes]",
		.summary = "Forget a person, all but a keyed id",
		.help = erase_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.max = 1,
		.options = erase_options,
		.run = cm_cmd_erase,
	},
	{
		.name = "show",
		.usage = "ADDR",
		.summary = "Where a person stands, purpose by purpose",
		.help = show_help,
		.access = CM_CTL_READ,
		.json = true,
		.min = 1,
		.max = 1,
		.run = cm_cmd_show,
	},
	{
		.name = "history",
		.usage = "ADDR",
		.summary = "All that is on record for a person",
		.help = history_help,
		.access = CM_CTL_READ,
		.json = true,
		.min = 1,
		.max = 1,
		.run = cm_cmd_history,
	},
	{
		.name = "why",
		.usage = "ADDR --stream S [--at TIME]",
		.summary = "Would a person get a stream's mail, and why",
		.help = why_help,
		.access = CM_CTL_READ,
		.json = true,
		.min = 1,
		.max = 1,
		.options = why_options,
		.run = cm_cmd_why,
	},
	{
		.name = "check",
		.usage = "LIST --stream S [-o OUT]",
		.summary = "Who of a list would get a stream's mail",
		.help = check_help,
		.access = CM_CTL_CONFIG,
		.json = true,
		.min = 1,
		.max = 1,
		.options = check_options,
		.run = cm_cmd_check,
	},
	{
		.name = "renewal",
		.usage = "plan --stream S [-o OUT] | status [--stream S] | "
			 "record",
		.summary = "Ask people to renew: whom, and what came of it",
		.help = renewal_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.min = 1,
		.max = 1,
		.options = renewal_options,
		.run = cm_cmd_renewal,
	},
	{
		.name = "refused",
		.usage = "--since TIME [--until TIME] [--stream S] "
			 "[--log FILE]",
		.summary = "Who was refused, when and why, by the mail log",
		.help = refused_help,
		.access = CM_CTL_CONFIG,
		.json = true,
		.options = refused_options,
		.run = cm_cmd_refused,
	},
	{
		.name = "duplicates",
		.usage = "[--all]",
		.summary = "People who stand in the store more than once",
		.help = duplicates_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.options = duplicates_options,
		.run = cm_cmd_duplicates,
	},
	{
		.name = "merge",
		.usage = "ADDR into ADDR [--note TEXT] [--dry-run]",
		.summary = "Join two addresses of one person",
		.help = merge_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.min = 3,
		.max = 3,
		.options = merge_options,
		.run = cm_cmd_merge,
	},
};

const size_t cm_people_ncommands =
	sizeof(cm_people_commands) / sizeof(cm_people_commands[0]);
