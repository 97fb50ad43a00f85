/* What the configuration itself says.  See doctor.h. */
#include "tools/doctor.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "milter/advice.h"
#include "milter/usable.h"
#include "policy/config.h"
#include "policy/template.h"

void cm_doctor_config(struct cm_doctor *doctor)
{
	struct cm_config *config = NULL;
	struct cm_error err;
	int rc = cm_config_load(doctor->ctl->config_file, &config, &err);

	if (rc == CM_OK)
		rc = cm_usable(config, &err);
	cm_config_unref(&config);
	if (rc != CM_OK)
		cm_doctor_find(doctor, "%s", err.text);
	else
		cm_doctor_note(doctor, "%s", doctor->ctl->config_file);
}

void cm_doctor_modes(struct cm_doctor *doctor)
{
	static const char *const effects[] = {
		[CM_MODE_OBSERVE] = "observe: it changes and refuses nothing",
		[CM_MODE_EDIT] = "edit: it refuses nobody",
	};
	const struct cm_config *config = doctor->ctl->config;
	size_t i;

	for (i = 0; i < config->nstreams; i++) {
		const struct cm_stream *stream = &config->streams[i];

		if (cm_stream_asks_store(stream) &&
		    stream->mode != CM_MODE_ENFORCE)
			cm_doctor_find(doctor,
				       "stream \"%s\" is in mode %s (set mode "
				       "= enforce when its log looks right)",
				       stream->name, effects[stream->mode]);
	}
}

/* ---- languages ---------------------------------------------------------- */

static void check_language(struct cm_doctor *doctor,
			   const struct cm_templates *templates,
			   const char *language, const char *who,
			   const char *name)
{
	const char *got;

	if (language == NULL)
		return;
	got = cm_templates_language(templates, &language, 1);
	/* "pt" for "pt-br" is what readers of it understand. */
	if (strncmp(got, language, strcspn(got, "-")) == 0 &&
	    strcspn(got, "-") == strcspn(language, "-"))
		return;
	cm_doctor_find(doctor,
		       "%s \"%s\" names language \"%s\", which %s has no "
		       "folder for: people get \"%s\" (make %s/%s)",
		       who, name, language, doctor->ctl->config->templates, got,
		       doctor->ctl->config->templates, language);
}

void cm_doctor_languages(struct cm_doctor *doctor)
{
	const struct cm_config *config = doctor->ctl->config;
	struct cm_templates *templates = NULL;
	struct cm_error err;
	size_t i, t;

	if (cm_templates_load(config->templates, config->language, &templates,
			      &err) != CM_OK) {
		cm_doctor_find(doctor, "%s", err.text);
		return;
	}
	for (i = 0; i < config->nstreams; i++)
		check_language(doctor, templates, config->streams[i].language,
			       "stream", config->streams[i].name);
	for (i = 0; i < config->npurposes; i++)
		for (t = 0; t < config->purposes[i].ntitles; t++)
			check_language(doctor, templates,
				       config->purposes[i].titles[t].language,
				       "purpose", config->purposes[i].path);
	cm_templates_free(&templates);
}

/* ---- country ------------------------------------------------------------ */

/* What the profiles in conf/countries ask of the purposes below them; a test
 * compares.  A consent ends after so many months (0: no limit), or when it is
 * not used for as long, where that will do. */
static const struct profile {
	const char *country;
	unsigned months;
	bool unused;
} profiles[] = {
	{"BG", 36, false}, {"CA", 0, false},  {"CZ", 36, false},
	{"DE", 48, true},  {"ES", 36, false}, {"FR", 36, true},
	{"GB", 36, false}, {"IT", 36, false}, {"PL", 36, false},
	{"SE", 36, false}, {"US", 36, false},
};

static const struct profile *find_profile(const char *country)
{
	size_t i;

	for (i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (strcmp(profiles[i].country, country) == 0)
			return &profiles[i];
	return NULL;
}

static bool is_within(struct cm_period period, unsigned months)
{
	const struct cm_period longest = {.months = months};

	return !cm_period_is_none(period) &&
	       cm_period_add(0, period) <= cm_period_add(0, longest);
}

static void check_purpose(struct cm_doctor *doctor,
			  const struct profile *profile,
			  const struct cm_stream *stream,
			  const struct cm_purpose *purpose)
{
	unsigned months = profile->months;

	if (purpose->level != CM_LEVEL_DOUBLE && !purpose->soft_opt_in)
		cm_doctor_find(doctor,
			       "stream \"%s\", purpose \"%s\": the profile of "
			       "%s asks for level = double, so that each "
			       "consent is confirmed by its person",
			       stream->name, purpose->path, profile->country);
	if (months > 0 && !is_within(purpose->lifetime, months) &&
	    !(profile->unused && is_within(purpose->idle, months)))
		cm_doctor_find(
			doctor,
			"stream \"%s\", purpose \"%s\": the profile of "
			"%s ends a consent after %u years%s (set %s = "
			"%uy)",
			stream->name, purpose->path, profile->country,
			months / 12, profile->unused ? " without use" : "",
			profile->unused ? "idle" : "lifetime", months / 12);
	if (purpose->soft_opt_in)
		cm_doctor_find(doctor,
			       "stream \"%s\", purpose \"%s\": soft-opt-in "
			       "is on, which the profile of %s leaves off: "
			       "are all its conditions on record of everybody?",
			       stream->name, purpose->path, profile->country);
}

void cm_doctor_country(struct cm_doctor *doctor)
{
	const struct cm_config *config = doctor->ctl->config;
	const char *country = config->controller_country;
	const struct profile *profile;
	size_t i, p;

	if (country == NULL) {
		cm_doctor_unknown(doctor, "controller.country is not set");
		return;
	}
	profile = find_profile(country);
	if (profile == NULL) {
		cm_doctor_unknown(doctor,
				  "there is no profile of %s in "
				  "conf/countries",
				  country);
		return;
	}
	for (i = 0; i < config->nstreams; i++) {
		const struct cm_stream *stream = &config->streams[i];

		if (stream->type != CM_STREAM_MARKETING)
			continue;
		for (p = 0; p < stream->npurposes; p++)
			check_purpose(doctor, profile, stream,
				      stream->purposes[p]);
		if (!stream->footer)
			cm_doctor_find(doctor,
				       "stream \"%s\": footer = no, but the "
				       "footer has what the law of %s wants "
				       "to see in each message",
				       stream->name, country);
	}
}

static void find_gap(void *ctx, const char *text)
{
	cm_doctor_find(ctx, "%s", text);
}

void cm_doctor_footers(struct cm_doctor *doctor)
{
	struct cm_error err;

	if (cm_advice_footers(doctor->ctl->config, find_gap, doctor, &err) !=
	    CM_OK)
		cm_doctor_unknown(doctor, "%s", err.text);
}

void cm_doctor_optin(struct cm_doctor *doctor)
{
	char text[CM_ERROR_MAX];

	if (!cm_advice_optin(doctor->ctl->config, text))
		cm_doctor_find(doctor, "%s", text);
}

/* ---- names -------------------------------------------------------------- */

/* config_value has seen that it is https://host[:port][/path]. */
void cm_doctor_web_url(struct cm_doctor *doctor)
{
	const char *url = doctor->ctl->config->web_base_url;
	struct addrinfo *found = NULL;
	struct cm_span host;
	const char *name;
	int why;

	if (url == NULL) {
		cm_doctor_unknown(doctor, "there is no web section");
		return;
	}
	if (!doctor->dns) {
		cm_doctor_unknown(doctor,
				  "%s: its name is looked up with --dns only, "
				  "and nothing is fetched from outside",
				  url);
		return;
	}
	host = cm_span(url + strlen("https://"));
	host.n = strcspn(host.p, ":/");
	name = cm_doctor_text(doctor, "%.*s", (int)host.n, host.p);
	why = getaddrinfo(name, "443", NULL, &found);
	if (why != 0)
		cm_doctor_find(doctor,
			       "web.base-url: %s: %s: links in mail lead "
			       "nowhere",
			       name, gai_strerror(why));
	else
		freeaddrinfo(found);
}
