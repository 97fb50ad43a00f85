/*
 * consentctl ropa: the record of processing activities (GDPR 30(1)), as far
 * as configuration and store can tell; the rest is named for others to fill
 * in.
 */
#include "tools/ctl_commands.h"

#include <inttypes.h>

#include "policy/config.h"
#include "policy/store.h"
#include "tools/ctl_output.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, TERM_LEN = 80 };

struct ropa {
	struct cm_ctl *ctl;
	struct cm_store_counts counts;
};

/* What holds of every installation; a program does not guess the rest. */
static const char *const data[] = {
	"e-mail address, as given and in one form for comparing",
	"keyed id of the address; its language",
	"what was agreed to, refused or asked for, when, how and where",
	"the text shown; evidence, as a note or a row of a list",
};

static const char *const measures[] = {
	"events hold a keyed id, not the address; its key is kept apart",
	"addresses and evidence: where the mail filter cannot read",
	"the mail filter cannot write to the store: users, groups",
	"a hash tree over all events: consentctl verify checks it",
	"erasure writes files anew: no freed page keeps data",
	"whatever cannot be decided is not sent",
};

static const char *const unknown[] = {
	"a representative and a data protection officer, if there are any",
	"joint controllers, processors, other recipients of the mail",
	"transfers to third countries, and what safeguards them",
	"backups: where, how long",
};

enum {
	NDATA = sizeof(data) / sizeof(data[0]),
	NMEASURES = sizeof(measures) / sizeof(measures[0]),
	NUNKNOWN = sizeof(unknown) / sizeof(unknown[0])
};

static const char *term(const struct cm_purpose *purpose, char out[TERM_LEN])
{
	bool idle = cm_period_is_none(purpose->lifetime);
	const struct cm_period *p = idle ? &purpose->idle : &purpose->lifetime;
	const char *unused = idle ? " without use" : "";

	if (cm_period_is_none(*p))
		(void)snprintf(out, TERM_LEN, "until taken back");
	else if (p->ms == 0)
		(void)snprintf(out, TERM_LEN,
			       "%" PRIu32 " months%s, or until taken back",
			       p->months, unused);
	else
		(void)snprintf(out, TERM_LEN,
			       "%" PRIu32 " months and %" PRId64
			       " days%s, or until taken back",
			       p->months, p->ms / DAY_MS, unused);
	return out;
}

static const char *basis(const struct cm_purpose *purpose)
{
	return purpose->soft_opt_in
		       ? "consent, GDPR 6(1)(a); existing customers, Directive "
			 "2002/58/EC 13(2)"
		       : "consent, GDPR 6(1)(a)";
}

static const char *level(const struct cm_purpose *purpose)
{
	return purpose->level == CM_LEVEL_DOUBLE ? "double" : "single";
}

static bool uses(const struct cm_stream *stream,
		 const struct cm_purpose *purpose)
{
	size_t i;

	for (i = 0; i < stream->npurposes; i++) {
		if (stream->purposes[i] == purpose)
			return true;
	}
	return false;
}

/* ---- JSON --------------------------------------------------------------- */

static void json_purpose(struct cm_json_writer *w,
			 const struct cm_config *config,
			 const struct cm_purpose *purpose)
{
	char text[TERM_LEN];
	size_t i;

	cm_json_begin_object(w);
	cm_json_put_text(w, "purpose", purpose->path);
	cm_json_put_text(w, "title", purpose->title);
	cm_json_put_text(w, "basis", basis(purpose));
	cm_json_put_text(w, "opt_in", level(purpose));
	cm_json_put_text(w, "term", term(purpose, text));
	cm_json_name(w, "streams");
	cm_json_begin_array(w);
	for (i = 0; i < config->nstreams; i++) {
		if (uses(&config->streams[i], purpose))
			cm_json_add_text(w, cm_span(config->streams[i].name));
	}
	cm_json_end(w);
	cm_json_end(w);
}

static void json_recipients(struct cm_json_writer *w,
			    const struct cm_config *config)
{
	size_t i;

	cm_json_name(w, "recipients");
	cm_json_begin_array(w);
	cm_json_add_text(w, cm_span("the mail servers on the way to the "
				    "person"));
	for (i = 0; i < config->nstreams; i++) {
		if (config->streams[i].rewrite_to != NULL)
			cm_json_add_text(
				w, cm_span(config->streams[i].rewrite_to));
	}
	cm_json_end(w);
}

static int tell_json(const struct ropa *r, struct cm_error *err)
{
	const struct cm_config *config = r->ctl->config;
	struct cm_out_json json;
	struct cm_json_writer *w = &json.w;
	size_t i;

	cm_out_json_begin(&json);
	cm_json_begin_object(w);
	cm_json_put_time(w, "made", r->ctl->now);
	cm_json_put_text(w, "controller", config->controller_name);
	cm_json_put_text(w, "address", config->controller_address);
	cm_json_put_text(w, "contact", config->controller_contact);
	cm_json_put_text(w, "country", config->controller_country);
	cm_json_name(w, "purposes");
	cm_json_begin_array(w);
	for (i = 0; i < config->npurposes; i++)
		json_purpose(w, config, &config->purposes[i]);
	cm_json_end(w);
	cm_json_put_int(w, "contacts", (int64_t)r->counts.contacts);
	cm_json_put_int(w, "addresses", (int64_t)r->counts.addresses);
	cm_json_put_int(w, "events", (int64_t)r->counts.events);
	cm_out_json_texts(w, "data", data, NDATA);
	json_recipients(w, config);
	cm_json_put_text(w, "samples", config->samples_path);
	cm_json_put_text(w, "checkpoints", config->checkpoint_origin);
	cm_out_json_texts(w, "measures", measures, NMEASURES);
	cm_out_json_texts(w, "to_be_filled_in", unknown, NUNKNOWN);
	cm_json_end(w);
	return cm_out_json_end(&json, r->ctl->out, err);
}

/* ---- text --------------------------------------------------------------- */

static void tell_list(FILE *out, const char *title, const char *const *texts,
		      size_t n)
{
	size_t i;

	(void)fprintf(out, "\n%s\n", title);
	for (i = 0; i < n; i++)
		(void)fprintf(out, "  - %s\n", texts[i]);
}

static void tell_purpose(FILE *out, const struct cm_config *config,
			 const struct cm_purpose *purpose)
{
	char text[TERM_LEN];
	size_t i;

	(void)fprintf(out,
		      "  %s (%s)\n    basis    %s, %s opt-in\n"
		      "    counts   %s\n",
		      purpose->title, purpose->path, basis(purpose),
		      level(purpose), term(purpose, text));
	for (i = 0; i < config->nstreams; i++) {
		if (uses(&config->streams[i], purpose))
			(void)fprintf(out, "    stream   %s\n",
				      config->streams[i].name);
	}
}

static void tell_recipients(FILE *out, const struct cm_config *config)
{
	size_t i;

	(void)fputs("\nWho gets it (30(1)(d))\n"
		    "  - the mail servers on the way to the person\n",
		    out);
	for (i = 0; i < config->nstreams; i++) {
		if (config->streams[i].rewrite_to != NULL)
			(void)fprintf(out,
				      "  - %s: a copy of refused mail of the "
				      "stream \"%s\"\n",
				      config->streams[i].rewrite_to,
				      config->streams[i].name);
	}
}

static void tell_limits(FILE *out, const struct cm_config *config)
{
	(void)fputs("\nHow long (30(1)(f))\n"
		    "  - a consent counts as said with its purpose\n"
		    "  - address and evidence: until erased (consentctl "
		    "erase, retention)\n"
		    "  - events and keyed ids: not deleted; they prove what "
		    "was said, and keep\n"
		    "    marketing from who refused\n",
		    out);
	if (config->samples_path != NULL)
		(void)fprintf(out,
			      "  - whole messages that could not be edited: "
			      "in %s, until deleted there\n",
			      config->samples_path);
}

static void tell_text(const struct ropa *r)
{
	const struct cm_config *config = r->ctl->config;
	FILE *out = r->ctl->out;
	char n[CM_COUNT_LEN];
	size_t i;

	(void)fprintf(out,
		      "Record of processing: consent to marketing by e-mail "
		      "(GDPR 30(1))\n\n"
		      "Controller (30(1)(a))\n  %s, %s, %s\n  %s\n\n"
		      "What for (30(1)(b))\n",
		      config->controller_name, config->controller_address,
		      config->controller_country, config->controller_contact);
	for (i = 0; i < config->npurposes; i++)
		tell_purpose(out, config, &config->purposes[i]);
	(void)fprintf(out, "\nWhose data (30(1)(c))\n  %s contacts, ",
		      cm_out_count(r->counts.contacts, n));
	(void)fprintf(out, "of whom %s have an address kept; ",
		      cm_out_count(r->counts.addresses, n));
	(void)fprintf(out, "%s events\n", cm_out_count(r->counts.events, n));
	tell_list(out, "Which data (30(1)(c))", data, NDATA);
	tell_recipients(out, config);
	tell_limits(out, config);
	tell_list(out, "What protects it (30(1)(g))", measures, NMEASURES);
	if (config->checkpoint_origin != NULL)
		(void)fprintf(out, "  - signed checkpoints as %s\n",
			      config->checkpoint_origin);
	tell_list(out, "For you to fill in: this program does not know",
		  unknown, NUNKNOWN);
}

int cm_cmd_ropa(struct cm_ctl *ctl, const struct cm_args *args,
		struct cm_error *err)
{
	struct ropa r = {.ctl = ctl};
	int rc = cm_store_count(ctl->store, &r.counts, err);

	(void)args;
	if (rc != CM_OK)
		return rc;
	if (ctl->json)
		return tell_json(&r, err);
	tell_text(&r);
	return CM_OK;
}
