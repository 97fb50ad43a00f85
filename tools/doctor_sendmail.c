/* Is Sendmail attached as it has to be?  See doctor.h. */
#include "tools/doctor.h"

#include <string.h>

#include "milter/place.h"
#include "policy/config.h"
#include "tools/postfix_config.h"
#include "tools/sendmail_config.h"

enum {
	REPLY_SECONDS_LEAST = 10,
	END_SECONDS_LEAST = 30,
};

/* "local:" and "unix:" are one; the rest is written alike. */
static bool is_ours(const struct cm_config *config,
		    const struct cm_sendmail_filter *filter)
{
	struct cm_place theirs, ours;
	size_t i;

	if (cm_place_parse(filter->socket, &theirs, NULL) != CM_OK)
		return false;
	for (i = 0; i < config->nlisteners; i++)
		if (cm_place_parse(config->listeners[i].socket, &ours, NULL) ==
			    CM_OK &&
		    ours.family == theirs.family &&
		    strcmp(ours.path, theirs.path) == 0 &&
		    strcmp(ours.host, theirs.host) == 0 &&
		    strcmp(ours.port, theirs.port) == 0)
			return true;
	return false;
}

static const struct cm_sendmail_filter *find_filter(
	const struct cm_sendmail *sendmail, struct cm_span name)
{
	size_t i;

	for (i = 0; i < sendmail->nfilters; i++)
		if (cm_span_eq(name, cm_span(sendmail->filters[i].name)))
			return &sendmail->filters[i];
	return NULL;
}

static struct cm_span next_name(struct cm_span *rest)
{
	size_t n = 0;

	while (n < rest->n && strchr(",; \t", rest->p[n]) == NULL)
		n++;
	if (n == 0 && rest->n > 0) {
		rest->p++;
		rest->n--;
		return next_name(rest);
	}
	rest->p += n;
	rest->n -= n;
	return cm_span_n(rest->p - n, n);
}

static bool port_asks(const struct cm_doctor *doctor,
		      const struct cm_sendmail_port *port)
{
	struct cm_span rest = cm_span(port->filters);

	while (rest.n > 0) {
		const struct cm_sendmail_filter *filter =
			find_filter(doctor->other_mta, next_name(&rest));

		if (filter != NULL && is_ours(doctor->ctl->config, filter))
			return true;
	}
	return false;
}

void cm_doctor_sendmail_asked(struct cm_doctor *doctor)
{
	const struct cm_sendmail *mta = doctor->other_mta;
	size_t i;

	if (mta->nports == 0)
		cm_doctor_find(doctor,
			       "%s names no InputMailFilters: nobody's mail is "
			       "checked (see consent-milter.mc.snippet)",
			       mta->file);
	for (i = 0; i < mta->nports; i++)
		if (!port_asks(doctor, &mta->ports[i]))
			cm_doctor_find(
				doctor,
				"%s: InputMailFilters%s%s has no filter "
				"on a listener's socket: \"%s\"",
				mta->file,
				mta->ports[i].name[0] != '\0' ? " of " : "",
				mta->ports[i].name, mta->ports[i].filters);
}

typedef void filter_fn(struct cm_doctor *doctor,
		       const struct cm_sendmail_filter *filter);

static void each_of_ours(struct cm_doctor *doctor, filter_fn *check)
{
	const struct cm_sendmail *mta = doctor->other_mta;
	size_t i;

	for (i = 0; i < mta->nfilters; i++)
		if (is_ours(doctor->ctl->config, &mta->filters[i]))
			check(doctor, &mta->filters[i]);
}

static void check_flags(struct cm_doctor *doctor,
			const struct cm_sendmail_filter *filter)
{
	if (strcmp(filter->flags, "T") != 0)
		cm_doctor_find(doctor,
			       "filter %s: F=%s: while consent-milter is down, "
			       "mail %s (write F=T)",
			       filter->name, filter->flags,
			       filter->flags[0] == '\0'
				       ? "goes out to everybody"
				       : "is not put off");
}

void cm_doctor_sendmail_flags(struct cm_doctor *doctor)
{
	each_of_ours(doctor, check_flags);
}

void cm_doctor_sendmail_order(struct cm_doctor *doctor)
{
	const struct cm_sendmail *mta = doctor->other_mta;
	size_t i;

	for (i = 0; i < mta->nports; i++) {
		struct cm_span rest = cm_span(mta->ports[i].filters);

		while (port_asks(doctor, &mta->ports[i]) && rest.n > 0) {
			const struct cm_sendmail_filter *filter =
				find_filter(mta, next_name(&rest));

			if (filter == NULL)
				continue;
			if (is_ours(doctor->ctl->config, filter))
				break;
			if (strstr(filter->name, "dkim") != NULL ||
			    cm_milter_is_signer(filter->socket))
				cm_doctor_find(doctor,
					       "filter %s comes before "
					       "consent-milter, which breaks "
					       "the signature it makes: put "
					       "consent-milter first",
					       filter->name);
			else
				cm_doctor_unknown(
					doctor,
					"if filter %s signs mail, it must come "
					"behind consent-milter",
					filter->name);
		}
	}
}

static void check_timeouts(struct cm_doctor *doctor,
			   const struct cm_sendmail_filter *filter)
{
	uint64_t reply = cm_sendmail_timeout(filter, 'R');
	uint64_t end = cm_sendmail_timeout(filter, 'E');

	if (reply < REPLY_SECONDS_LEAST)
		cm_doctor_find(doctor,
			       "filter %s: T=R:%us: an answer to RCPT may take "
			       "%d s and would be put off",
			       filter->name, (unsigned)reply,
			       REPLY_SECONDS_LEAST);
	if (end < END_SECONDS_LEAST)
		cm_doctor_find(doctor,
			       "filter %s: T=E:%us: a large message may take "
			       "%d s and would be put off",
			       filter->name, (unsigned)end, END_SECONDS_LEAST);
}

void cm_doctor_sendmail_timeouts(struct cm_doctor *doctor)
{
	each_of_ours(doctor, check_timeouts);
}
