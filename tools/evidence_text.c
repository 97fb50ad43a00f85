/* README.txt, check.sh and record.json of an evidence folder. */
#include "tools/evidence.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "policy/config.h"
#include "policy/reason.h"
#include "policy/term_text.h"
#include "tools/proof.h"

typedef unsigned long long ull;

/* ---- check.sh ----------------------------------------------------------- */

/*
 * Written to be read by an expert of the other side.  RFC 9162, 2.1.3.2, in
 * the shell's own arithmetic.
 */
const char cm_evidence_script[] =
	"#!/bin/sh\n"
	"# Check this folder with sh, sha256sum, base64 and openssl alone.\n"
	"#\n"
	"#     sh check.sh [CA.pem]\n"
	"#\n"
	"# CA.pem: certificates of the time stamp authority, for heads/*.tsr.\n"
	"# Prints a line a check; exits with 0 if all hold.\n"
	"cd \"$(dirname \"$0\")\" || exit 2\n"
	"bad=0\n"
	"tell() {\n"
	"\tif [ \"$1\" = 0 ]; then echo \"good: $2\"\n"
	"\telse echo \"NOT GOOD: $2\"; bad=1; fi\n"
	"}\n"
	"sha() { openssl dgst -sha256 -binary | base64; }\n"
	"# A node of the tree above two others (RFC 9162, 2.1.1).\n"
	"node() {\n"
	"\t{ printf '\\001'; echo \"$1\" | base64 -d; echo \"$2\" | base64 -d; "
	"} | sha\n"
	"}\n"
	"# Is event $1.json where $1.tlog-proof says (RFC 9162, 2.1.3.2)?\n"
	"place() {\n"
	"\tfn=$(sed -n '2s/^index //p' \"$1.tlog-proof\")\n"
	"\tsn=$(sed '1,/^$/d' \"$1.tlog-proof\" | sed -n 2p)\n"
	"\troot=$(sed '1,/^$/d' \"$1.tlog-proof\" | sed -n 3p)\n"
	"\tsn=$((sn - 1))\n"
	"\tr=$({ printf '\\000'; cat \"$1.json\"; } | sha)\n"
	"\tfor p in $(sed '1,2d;/^$/,$d' \"$1.tlog-proof\"); do\n"
	"\t\t[ $sn -gt 0 ] || return 1\n"
	"\t\tif [ $((fn % 2)) = 1 ] || [ $fn = $sn ]; then\n"
	"\t\t\tr=$(node \"$p\" \"$r\")\n"
	"\t\t\twhile [ $((fn % 2)) = 0 ] && [ $fn != 0 ]; do\n"
	"\t\t\t\tfn=$((fn / 2)); sn=$((sn / 2))\n"
	"\t\t\tdone\n"
	"\t\telse\n"
	"\t\t\tr=$(node \"$r\" \"$p\")\n"
	"\t\tfi\n"
	"\t\tfn=$((fn / 2)); sn=$((sn / 2))\n"
	"\tdone\n"
	"\t[ $sn = 0 ] && [ \"$r\" = \"$root\" ]\n"
	"}\n"
	"# The head in a proof is one of those in heads/.\n"
	"head_of() {\n"
	"\tfor h in heads/*.checkpoint; do\n"
	"\t\tsed '1,/^$/d' \"$1.tlog-proof\" | cmp -s - \"$h\" && return 0\n"
	"\tdone\n"
	"\treturn 1\n"
	"}\n"
	"sha256sum -c --quiet SHA256SUMS\n"
	"tell $? 'all files are as they were handed out'\n"
	"for text in heads/*.text; do\n"
	"\t[ -e \"$text\" ] || continue\n"
	"\thead=${text%.text}\n"
	"\tpem=public.pem\n"
	"\t[ -e \"$head.pem\" ] && pem=$head.pem\n"
	"\topenssl pkeyutl -verify -rawin -pubin -inkey \"$pem\" \\\n"
	"\t\t-in \"$text\" -sigfile \"$head.sig\" >/dev/null 2>&1 &&\n"
	"\t\tsed '/^$/,$d' \"$head.checkpoint\" | cmp -s - \"$text\"\n"
	"\ttell $? \"$head was signed with $pem\"\n"
	"\t[ -n \"$1\" ] && [ -e \"$head.tsr\" ] || continue\n"
	"\topenssl ts -verify -data \"$head.checkpoint\" -in \"$head.tsr\" \\\n"
	"\t\t-CAfile \"$1\" >/dev/null 2>&1\n"
	"\ttell $? \"$head bears a time stamp: $(openssl ts -reply \\\n"
	"\t\t-in \"$head.tsr\" -text 2>/dev/null | sed -n "
	"'s/^Time stamp: //p')\"\n"
	"done\n"
	"for json in events/*.json; do\n"
	"\t[ -e \"$json\" ] || continue\n"
	"\tevent=${json%.json}\n"
	"\tplace \"$event\" && head_of \"$event\"\n"
	"\ttell $? \"$event stands in the ledger that was signed\"\n"
	"done\n"
	"for opening in events/*.opening unsigned/*.opening; do\n"
	"\t[ -e \"$opening\" ] || continue\n"
	"\thash=$(openssl dgst -sha256 -r \"$opening\" | cut -c1-64)\n"
	"\tgrep -q \"\\\"evidence\\\":\\\"$hash\\\"\" "
	"\"${opening%.opening}.json\"\n"
	"\ttell $? \"$opening is the evidence that was recorded\"\n"
	"done\n"
	"for notice in notices/*.txt; do\n"
	"\t[ -e \"$notice\" ] || continue\n"
	"\thash=$(openssl dgst -sha256 -r \"$notice\" | cut -c1-64)\n"
	"\t[ \"notices/$hash.txt\" = \"$notice\" ]\n"
	"\ttell $? \"$notice is the text that was shown\"\n"
	"done\n"
	"exit $bad\n";

/* ---- README.txt --------------------------------------------------------- */

static void readme_files(struct cm_buf *out)
{
	(void)cm_buf_adds(
		out,
		"What is here\n"
		"------------\n"
		"index.html            the record as a page to read and print\n"
		"record.json           the same for programs\n"
		"events/N.json         each event, letter for letter as it "
		"stands in the\n"
		"                      ledger; N is its place there\n"
		"events/N.tlog-proof   proof of that place under a signed "
		"head\n"
		"events/N.opening      16 octets of salt, then the evidence "
		"kept; its SHA-256\n"
		"                      stands in the event as \"evidence\"\n"
		"notices/HASH.txt      texts that were shown, named by their "
		"SHA-256\n"
		"heads/N.checkpoint    signed heads: the state of the ledger "
		"at "
		"N events\n"
		"heads/N.text, .sig    the same in two files, for openssl\n"
		"heads/N.consistency   proof that the newest head extends this "
		"one\n"
		"heads/N.tsr           a time stamp of it (RFC 3161)\n"
		"unsigned/             events since the last signed head: not "
		"proven\n"
		"vkey, public.pem      the public key, in two ways of writing\n"
		"heads/N.pem           the key before it, if that one signed\n"
		"keys/N.rotation       the key was changed: signed by the old "
		"one and the new\n"
		"\n");
}

static void readme_start(const struct cm_evidence *e, struct cm_buf *out)
{
	char at[CM_CLOCK_TEXT];

	(void)cm_buf_addf(out,
			  "Record of consent: %s\n"
			  "Kept by %s, %s\n"
			  "Handed out %s by %s\n"
			  "\n",
			  e->person.address.canonical,
			  e->ctl->config->controller_name,
			  e->ctl->config->controller_address,
			  cm_clock_format(e->ctl->now, at), e->who);
	if (e->missing.len > 0)
		(void)cm_buf_addf(out,
				  "What is missing\n"
				  "---------------\n"
				  "%s\n",
				  cm_buf_text(&e->missing));
}

static const struct cm_evidence_event *first_with(const struct cm_evidence *e,
						  bool opening)
{
	size_t i;

	for (i = 0; i < e->count; i++) {
		const struct cm_evidence_event *item = &e->events[i];

		if (item->head != NULL &&
		    (opening ? item->kept->salted.n : item->kept->notice.n) > 0)
			return item;
	}
	return NULL;
}

static void readme_commands(const struct cm_evidence *e, struct cm_buf *out)
{
	const struct cm_signed_head *newest =
		&e->heads.heads[e->heads.count - 1];
	const struct cm_evidence_event *opening = first_with(e, true);
	const struct cm_evidence_event *notice = first_with(e, false);
	char head[32], pem[48], hex[CM_HEX_LEN(CM_HASH_LEN) + 1];

	(void)snprintf(head, sizeof(head), CM_PROOF_NAME,
		       (ull)newest->checkpoint.size);
	if (newest->key + 1 == e->heads.ring.count)
		(void)snprintf(pem, sizeof(pem), "public.pem");
	else
		(void)snprintf(pem, sizeof(pem), "heads/%s.pem", head);
	(void)cm_buf_adds(out, "All files are as they were handed out:\n\n"
			       "    sha256sum -c SHA256SUMS\n\n");
	(void)cm_buf_addf(out,
			  "The head was signed with the key in %s:\n\n"
			  "    openssl pkeyutl -verify -rawin -pubin "
			  "-inkey %s -in heads/%s.text -sigfile "
			  "heads/%s.sig\n\n",
			  pem, pem, head, head);
	if (opening != NULL)
		(void)cm_buf_addf(
			out,
			"Evidence is what was recorded with its event: the "
			"first command prints a\nnumber that the second finds "
			"in the event (do so for each):\n\n"
			"    openssl dgst -sha256 -r "
			"events/" CM_PROOF_NAME ".opening\n"
			"    grep \"$(openssl dgst -sha256 -r "
			"events/" CM_PROOF_NAME
			".opening | cut -c1-64)\" events/" CM_PROOF_NAME
			".json\n\n",
			(ull)opening->kept->seq, (ull)opening->kept->seq,
			(ull)opening->kept->seq);
	if (notice != NULL) {
		(void)cm_hex_encode(notice->kept->event.notice.b, CM_HASH_LEN,
				    hex);
		(void)cm_buf_addf(
			out,
			"A text is the one that was shown: its number is its "
			"name, and stands in\nthe event:\n\n"
			"    openssl dgst -sha256 -r notices/%s.txt\n"
			"    grep '\"notice\":\"%s\"' events/" CM_PROOF_NAME
			".json\n\n",
			hex, hex, (ull)notice->kept->seq);
	}
	(void)cm_buf_adds(
		out,
		"All of this for every file, and that each event stands in the "
		"signed ledger\n(RFC 9162, 2.1.3.2), in one script that uses "
		"sh, base64 and openssl alone;\nread it before you run it:\n\n"
		"    sh check.sh\n\n");
}

static void readme_stamps(const struct cm_evidence *e, struct cm_buf *out)
{
	size_t i;

	for (i = 0; i < e->count; i++) {
		const struct cm_signed_head *head = e->events[i].head;

		if (head == NULL || !cm_evidence_stamped(e->ctl, head))
			continue;
		(void)cm_buf_addf(
			out,
			"When a head was there at the latest, on the word of "
			"the time stamp authority\n(CA.pem: its certificates, "
			"which you have from the authority itself):\n\n"
			"  $ openssl ts -verify -data "
			"heads/" CM_PROOF_NAME
			".checkpoint -in heads/" CM_PROOF_NAME
			".tsr -CAfile CA.pem\n"
			"  $ openssl ts -reply -in heads/" CM_PROOF_NAME
			".tsr -text\n\n",
			(ull)head->checkpoint.size, (ull)head->checkpoint.size,
			(ull)head->checkpoint.size);
		return;
	}
}

void cm_evidence_readme(const struct cm_evidence *e, struct cm_buf *out)
{
	char key[CM_NOTE_KEY_TEXT];

	readme_start(e, out);
	readme_files(out);
	(void)cm_buf_adds(out, "How to check it\n"
			       "---------------\n");
	if (!e->has_heads) {
		(void)cm_buf_adds(out, "Nothing here is signed.  This only "
				       "shows that no file was changed since "
				       "it was\nhanded out:\n\n"
				       "    sha256sum -c SHA256SUMS\n");
		return;
	}
	cm_note_key_public(&e->heads.key, key);
	(void)cm_buf_addf(out,
			  "You need the public key by another way than this "
			  "folder.  It should be\n\n"
			  "  %s\n\n"
			  "With the program consent-verify, everything at "
			  "once:\n\n"
			  "  $ consent-verify -k KEY .\n\n"
			  "Without it, in this folder, with openssl 3:\n\n",
			  key);
	readme_commands(e, out);
	readme_stamps(e, out);
	(void)cm_buf_adds(
		out,
		"This shows that the records are as they were written, and in "
		"this order.  It\ndoes not show that what was written is true, "
		"nor that everything was written\ndown.\n");
}

/* ---- record.json -------------------------------------------------------- */

static void json_decision(struct cm_json_writer *w,
			  const struct cm_purpose *purpose,
			  const struct cm_decision *decision)
{
	cm_json_begin_object(w);
	cm_json_put_text(w, "purpose", purpose->path);
	cm_json_put_text(w, "title", purpose->title);
	cm_json_put_bool(w, "allowed", decision->verdict == CM_VERDICT_ALLOW);
	cm_json_put_text(w, "state", cm_reason_code(decision->reason));
	cm_json_put_text(w, "text", cm_reason_text(decision->reason));
	cm_json_end(w);
}

static void json_texts(struct cm_json_writer *w,
		       const struct cm_evidence_event *item)
{
	struct cm_span evidence = cm_record_evidence(item->kept);

	cm_json_name(w, "text_shown");
	if (item->kept->notice.n > 0 &&
	    cm_utf8_valid(item->kept->notice.p, item->kept->notice.n))
		cm_json_add_text(w, item->kept->notice);
	else
		cm_json_add_null(w);
	cm_json_name(w, "evidence");
	if (evidence.n > 0 && cm_utf8_valid(evidence.p, evidence.n))
		cm_json_add_text(w, evidence);
	else
		cm_json_add_null(w);
	cm_json_put_bool(w, "evidence_erased", item->kept->evidence_erased);
}

static void json_event(struct cm_json_writer *w,
		       const struct cm_evidence_event *item)
{
	const struct cm_event *event = &item->kept->event;
	size_t i;

	cm_json_begin_object(w);
	cm_json_put_int(w, "seq", (int64_t)item->kept->seq);
	cm_json_put_span(w, "event", item->kept->json);
	cm_json_put_text(w, "type", cm_event_type_name(event->type));
	cm_json_put_text(w, "purpose", cm_json_or_null(event->purpose));
	cm_json_put_time(w, "at", event->untimed ? 0 : event->at);
	cm_json_put_time(w, "recorded", event->rec);
	cm_json_put_text(w, "actor", cm_actor_name(event->actor));
	cm_json_put_text(w, "who", cm_json_or_null(event->who));
	cm_json_put_text(w, "channel", cm_json_or_null(event->channel));
	cm_json_put_text(w, "source", cm_json_or_null(event->source));
	cm_json_put_text(w, "to", cm_json_or_null(event->to));
	cm_json_put_text(w, "right", cm_json_or_null(event->right));
	cm_term_json(w, event);
	cm_json_put_text(w, "batch", cm_json_or_null(event->batch));
	json_texts(w, item);
	cm_json_name(w, "signed_head");
	if (item->head != NULL)
		cm_json_add_int(w, (int64_t)item->head->checkpoint.size);
	else
		cm_json_add_null(w);
	cm_json_name(w, "followed");
	cm_json_begin_array(w);
	for (i = 0; i < item->nstates; i++)
		json_decision(w, item->states[i].purpose,
			      &item->states[i].decision);
	cm_json_end(w);
	cm_json_end(w);
}

static void json_missing(struct cm_json_writer *w, const struct cm_buf *missing)
{
	struct cm_span rest = cm_span_n(cm_buf_text(missing), missing->len);

	cm_json_begin_array(w);
	while (rest.n > 0)
		cm_json_add_text(w, cm_span_cut(&rest, '\n'));
	cm_json_end(w);
}

void cm_evidence_json(const struct cm_evidence *e, struct cm_buf *out)
{
	const struct cm_config *config = e->ctl->config;
	struct cm_json_writer w;
	char id[CM_ID_TEXT_LEN];
	size_t i;

	cm_json_init(&w, out, CM_JSON_PRETTY);
	cm_json_begin_object(&w);
	cm_json_put_text(&w, "address", e->person.address.canonical);
	cm_json_put_text(&w, "contact", cm_out_id(&e->person.contact, id));
	cm_json_put_text(&w, "controller", config->controller_name);
	cm_json_put_time(&w, "exported", e->ctl->now);
	cm_json_put_text(&w, "exported_by", e->who);
	cm_json_name(&w, "today");
	cm_json_begin_array(&w);
	for (i = 0; i < config->npurposes; i++)
		json_decision(&w, e->standings[i].purpose,
			      &e->standings[i].decision);
	cm_json_end(&w);
	cm_json_name(&w, "missing");
	json_missing(&w, &e->missing);
	cm_json_name(&w, "events");
	cm_json_begin_array(&w);
	for (i = 0; i < e->count; i++)
		json_event(&w, &e->events[i]);
	cm_json_end(&w);
	cm_json_end(&w);
	if (cm_json_done(&w) != CM_OK)
		out->failed = CM_EDATA;
}
