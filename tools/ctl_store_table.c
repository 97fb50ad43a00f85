/* The commands of consentctl that ctl_table.c leaves: store and proofs. */
#include "tools/ctl_commands.h"

static const struct cm_option doctor_options[] = {
	{.name = "strict", .help = "a warning alone is exit code 1, too"},
	{.name = "quick", .help = "do not read the whole ledger"},
	{.name = "dns", .help = "look names up"},
	{.name = "postfix",
	 .value = "DIR",
	 .help = "Postfix's config_directory (default: its own)"},
	{.name = "sendmail",
	 .value = "FILE",
	 .help = "Sendmail's .cf (default: /etc/mail/sendmail.cf)"},
	{.name = "list", .help = "only say what is checked"},
	{.name = NULL},
};

static const struct cm_option evidence_options[] = {
	{.name = "output",
	 .value = "DIR",
	 .letter = 'o',
	 .help = "the new folder",
	 .required = true},
	{.name = "to",
	 .value = "WHO",
	 .help = "who gets it: a court, an authority; recorded"},
	{.name = "reason",
	 .value = "TEXT",
	 .help = "why they get it; kept with the evidence"},
	{.name = NULL},
};

static const struct cm_option export_options[] = {
	{.name = "output",
	 .value = "DIR",
	 .letter = 'o',
	 .help = "the new folder",
	 .required = true},
	{.name = NULL},
};

static const char doctor_help[] =
	"Looks at everything that can be wrong on this machine and says what "
	"to\n"
	"do about it: configuration, users, keys, modes, store, daemons, and "
	"how\n"
	"Postfix or Sendmail ask.  Run it as root; it changes nothing, and "
	"says\n"
	"\"-\" where it cannot know.  Exit code 0: nothing is wrong, though "
	"there\n"
	"may be warnings; 1: something is; 78: the configuration cannot be "
	"read.\n"
	"What is checked: consentctl-doctor(1), or --list.\n";

static const char export_help[] =
	"Writes all events up to the newest checkpoint, every signed head and "
	"the\n"
	"public key to a new folder, for an auditor: consent-verify checks it\n"
	"with the public key alone.  Events hold no addresses.  Exit code 1 "
	"if\n"
	"nothing was signed yet.\n";

static const char evidence_help[] =
	"One folder about one person, for a court or a supervisory authority:\n"
	"who, when, how, the exact text shown, both steps of an opt-in, what "
	"was\n"
	"kept as evidence, what followed; a page to hand over (index.html); "
	"the\n"
	"proofs; and a README with the commands that check them.  What is not "
	"on\n"
	"record is said.  The folder must be new or empty.\n";

static const struct cm_option try_options[] = {
	{.name = "from",
	 .value = "SENDER",
	 .help = "the envelope's sender",
	 .required = true},
	{.name = "rcpt",
	 .value = "ADDR",
	 .help = "the envelope's recipients",
	 .many = true,
	 .required = true},
	{.name = "stream",
	 .value = "S",
	 .help = "take it for mail of this stream (default: find out)"},
	{.name = "listener",
	 .value = "NAME",
	 .help = "as if it came in there (default: the config's first)"},
	{.name = NULL},
};

static const char try_help[] =
	"Prints FILE (an e-mail; \"-\" is standard input) as consent-milter "
	"would\nrelease it, and to standard error who gets it, who not and "
	"why, each header\nand piece of the body that changes, or why a body "
	"stays as it came.  With\n--json, all of it is one document, the "
	"message in base64.  The sender\ncounts as one of our own machines.  "
	"Sends and writes nothing.  Exit code 1\nif nobody would get it.\n";

static const struct cm_option breach_options[] = {
	{.name = "from",
	 .value = "TIME",
	 .help = "as 2026-01-31T12:00:00Z",
	 .required = true},
	{.name = "to",
	 .value = "TIME",
	 .help = "the first moment after it",
	 .required = true},
	{.name = "addresses", .help = "addresses, too, not only keyed ids"},
	{.name = NULL},
};

static const char breach_help[] =
	"Whose data was written in a span of time, and which kinds, for the\n"
	"notice to the authority within 72 hours (GDPR 33).  Shows keyed "
	"ids.\n"
	"Exit code 1 if nothing was written then.\n";

static const char ropa_help[] =
	"The record of processing activities (GDPR 30), as far as "
	"configuration\n"
	"and store can tell: purposes, basis, how long, whose data and which, "
	"who\n"
	"gets it, what protects it.  What it does not know it names.\n";

static const char status_help[] =
	"How much is in the store, how fresh it is, the root of its hash "
	"tree,\n"
	"and the streams that are not in mode enforce.\n";

static const char verify_help[] =
	"Recomputes hash tree, contacts, families and indexes from the ledger\n"
	"and compares; checks every text, address and piece of evidence; asks\n"
	"whether the ledger extends every checkpoint that was signed.  Says "
	"what\n"
	"was checked and names what differs.  Exit code 65 if anything does.\n";

static const struct cm_option api_key_options[] = {
	{.name = "may",
	 .value = "RIGHTS",
	 .help = "with add: some of grant,request,withdraw,look-up"},
	{.name = "purpose",
	 .value = "P",
	 .help = "with add: for these and what is below them (default: all)",
	 .many = true},
	{.name = NULL},
};

static const char api_key_help[] =
	"Which programs, shops and CRMs, may use the API of consent-web\n"
	"(consent-web-api(7)), and for what.  \"api-key add\" makes a key and\n"
	"shows its secret, this once; the file has a hash of it alone.  The "
	"name\n"
	"stands in every event that comes by the key.  \"api-key remove\" ends "
	"one.\n"
	"Run both as root, and reload consent-web after.\n";

static const struct cm_option form_options[] = {
	{.name = "html", .help = "print a form to put on a page"},
	{.name = "frame", .help = "print a frame that shows ours"},
	{.name = "language",
	 .value = "LANG",
	 .help = "in that language, as cs (default: the configured one)"},
	{.name = NULL},
};

static const char form_help[] =
	"The forms by which people subscribe (section form): their addresses "
	"and\n"
	"what they offer.  Link to the address, or put one of these on your "
	"own\n"
	"page: --html is a field for the address and a button that leads to "
	"our\n"
	"form, which asks for the rest; --frame shows our form in a frame, on "
	"the\n"
	"sites named in embed-on.  Neither needs a script.\n";

static const struct cm_option keys_options[] = {
	{.name = "rotate", .help = "with checkpoint: a new key for it"},
	{.name = "compromised",
	 .value = "TIME",
	 .help = "with checkpoint: others may have had the old key since"},
	{.name = NULL},
};

static const char keys_help[] =
	"Without a word: which keys there are, and since when; no secrets.\n"
	"\"keys rotate\" makes new keys for the links and addresses in mails: "
	"of\n"
	"the kinds header, footer, verp, confirm, preference, mailed, or of "
	"those\n"
	"named.  Old keys stay, so links that were sent go on working; the "
	"store\n"
	"key never changes.  Run it as root.  The new keys are used after a\n"
	"reload: consent-web first, then consent-milter.\n"
	"\"keys checkpoint\" makes the key that signs the ledger's head, its\n"
	"folder and a first checkpoint, for the user checkpoint.user: run it "
	"as\n"
	"root.  A key that is there is never touched.  Prints the public key:\n"
	"give that line to whoever shall check the ledger, by a way of its "
	"own.\n"
	"\"keys checkpoint --rotate\" puts a new key in its place: both sign "
	"what\n"
	"the ledger is now, and a note of the change; the old one is wiped.\n"
	"--compromised TIME says that others may have had the old one since\n"
	"then: what it signed counts only where something else bears it out.\n";

static const char checkpoint_help[] =
	"Signs how many events the ledger has and the root of their hash tree\n"
	"(c2sp.org/tlog-checkpoint), keeps the checkpoint in checkpoint.path,\n"
	"prints it and brings copies where the config says.  Started as root "
	"it\n"
	"becomes checkpoint.user first, which cannot write to the store.\n"
	"Signs nothing that does not extend what it signed before: exit code\n"
	"65, and an error in syslog.  75: signed, but a copy could not be "
	"made.\n";

static const char rebuild_help[] =
	"Makes contacts, families, indexes and hash tree anew from the "
	"ledger,\n"
	"byte for byte.  Safe while everything runs.  A store that an older\n"
	"version made is one of this version's then.\n";

static const struct cm_option backup_options[] = {
	{.name = "refusals-only",
	 .value = "FILE",
	 .help = "instead, only who must not get mail"},
	{.name = NULL},
};

static const char backup_help[] =
	"Copies the store, as it is at one moment, into a new or empty "
	"folder,\n"
	"while everything goes on: mode 0700, for it holds people's "
	"addresses.\n"
	"The folder is a store: \"consentctl verify\" with a config whose\n"
	"store.path it is checks it.  The keys are not in it: keep a copy of\n"
	"keys.path in another place.\n"
	"\n"
	"--refusals-only writes everyone's refusals into one file, in place "
	"of\n"
	"the one before.  Small, and without addresses: do it often, and keep\n"
	"it on another disk, so that \"restore\" gives nobody mail who has\n"
	"left since the last backup.\n";

static const struct cm_option restore_options[] = {
	{.name = "yes", .help = "put the store that is there aside"},
	{.name = "refusals",
	 .value = "FILE",
	 .help = "what backup --refusals-only wrote"},
	{.name = "without-refusals",
	 .help = "nobody can have refused since: all was stopped"},
	{.name = NULL},
};

static const char restore_help[] =
	"Makes the store of a backup.  It is checked first, all of it.  Who\n"
	"withdrew, objected, complained, was erased, restricted or found\n"
	"undeliverable since is read from the store that is replaced and from\n"
	"the file, and stays so; other changes since are lost.  Needs the one\n"
	"or the other.  The store before is put aside, in one step at the "
	"very\n"
	"end.  Restart consent-milter and consent-web then.\n";

const struct cm_command cm_store_commands[] = {
	{
		.name = "try",
		.usage = "FILE --from SENDER --rcpt ADDR... [--stream S]",
		.summary = "What would become of a message",
		.help = try_help,
		.access = CM_CTL_CONFIG,
		.json = true,
		.min = 1,
		.max = 1,
		.options = try_options,
		.run = cm_cmd_try,
	},
	{
		.name = "breach-scope",
		.usage = "--from TIME --to TIME [--addresses]",
		.summary = "Whose data was written in a span of time",
		.help = breach_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.options = breach_options,
		.run = cm_cmd_breach_scope,
	},
	{
		.name = "ropa",
		.usage = "",
		.summary = "The record of processing, from the configuration",
		.help = ropa_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.run = cm_cmd_ropa,
	},
	{
		.name = "status",
		.usage = "",
		.summary = "What is in the store, and whether it is enforced",
		.help = status_help,
		.access = CM_CTL_CONFIG,
		.json = true,
		.run = cm_cmd_status,
	},
	{
		.name = "doctor",
		.usage = "[--strict] [--quick] [--dns]",
		.summary = "What is wrong on this machine, and what to do",
		.help = doctor_help,
		.access = CM_CTL_NOTHING,
		.json = true,
		.options = doctor_options,
		.run = cm_cmd_doctor,
	},
	{
		.name = "verify",
		.usage = "",
		.summary = "Prove the store against its ledger",
		.help = verify_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.run = cm_cmd_verify,
	},
	{
		.name = "rebuild",
		.usage = "",
		.summary = "Make the views anew from the ledger",
		.help = rebuild_help,
		.access = CM_CTL_REBUILD,
		.run = cm_cmd_rebuild,
	},
	{
		.name = "backup",
		.usage = "DIR | --refusals-only FILE",
		.summary = "Copy the store while it is used",
		.help = backup_help,
		.access = CM_CTL_WRITE,
		.json = true,
		.max = 1,
		.options = backup_options,
		.run = cm_cmd_backup,
	},
	{
		.name = "restore",
		.usage = "DIR [--yes] [--refusals FILE]",
		.summary = "Make the store of a backup; refusals stay",
		.help = restore_help,
		.access = CM_CTL_KEYS,
		.json = true,
		.min = 1,
		.max = 1,
		.options = restore_options,
		.run = cm_cmd_restore,
	},
	{
		.name = "keys",
		.usage = "[rotate [KIND...] | checkpoint [--rotate]]",
		.summary = "List keys, make new ones, make the signer's",
		.help = keys_help,
		.options = keys_options,
		.access = CM_CTL_CONFIG,
		.json = true,
		.max = 8, /* "rotate" and each kind */
		.run = cm_cmd_keys,
	},
	{
		.name = "api-key",
		.usage = "[list | add NAME --may RIGHTS | remove NAME]",
		.summary = "Say which programs may use the API",
		.help = api_key_help,
		.options = api_key_options,
		.access = CM_CTL_CONFIG,
		.json = true,
		.max = 2,
		.run = cm_cmd_api_key,
	},
	{
		.name = "form",
		.usage = "[NAME [--html | --frame]]",
		.summary = "Where people subscribe, and what to put on a site",
		.help = form_help,
		.options = form_options,
		.access = CM_CTL_CONFIG,
		.json = true,
		.max = 1,
		.run = cm_cmd_form,
	},
	{
		.name = "checkpoint",
		.usage = "",
		.summary = "Sign the ledger's head, for others to keep",
		.help = checkpoint_help,
		.access = CM_CTL_CONFIG,
		.json = true,
		.run = cm_cmd_checkpoint,
	},
	{
		.name = "evidence",
		.usage = "ADDR -o DIR [--to WHO --reason TEXT]",
		.summary = "All about one person in a folder, with proofs",
		.help = evidence_help,
		.access = CM_CTL_WRITE,
		.min = 1,
		.max = 1,
		.options = evidence_options,
		.run = cm_cmd_evidence,
	},
	{
		.name = "export-proof",
		.usage = "-o DIR",
		.summary = "The whole ledger in a folder, for an auditor",
		.help = export_help,
		.access = CM_CTL_READ,
		.options = export_options,
		.run = cm_cmd_export_proof,
	},
	{
		.name = "help",
		.usage = "[COMMAND]",
		.summary = "What consentctl can do, or how one command works",
		.max = 1,
		.run = cm_cmd_help,
	},
};

const size_t cm_store_ncommands =
	sizeof(cm_store_commands) / sizeof(cm_store_commands[0]);
