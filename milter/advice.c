/* See advice.h. */
#include "milter/advice.h"

#include <stdio.h>
#include <string.h>

#include "policy/config_pattern.h"

/* mail.from's address, or what it is unless given. */
static int letters_are_from(const struct cm_config *config,
			    struct cm_address *ret_address)
{
	char address[CM_ADDRESS_MAX + 16];
	struct cm_span from = cm_span(config->mail_from);
	const char *open;

	(void)snprintf(address, sizeof(address), "consent@%s",
		       config->mail_domain);
	if (config->mail_from == NULL)
		from = cm_span(address);
	open = memchr(from.p, '<', from.n);
	if (open != NULL)
		from = cm_span_n(open, from.n - (size_t)(open - from.p));
	return cm_address_parse(from, ret_address, NULL);
}

static bool takes(const struct cm_stream *stream,
		  const struct cm_address *sender)
{
	size_t i;

	if (stream->type != CM_STREAM_OPTIN)
		return false;
	for (i = 0; i < stream->nsenders; i++)
		if (cm_sender_pattern_has(&stream->senders[i], sender))
			return true;
	return false;
}

bool cm_advice_optin(const struct cm_config *config, char text[CM_ERROR_MAX])
{
	struct cm_address from;
	size_t i;

	if (config->mail_domain == NULL || config->nforms == 0 ||
	    letters_are_from(config, &from) != CM_OK)
		return true;
	for (i = 0; i < config->nstreams; i++)
		if (takes(&config->streams[i], &from))
			return true;
	(void)snprintf(
		text, CM_ERROR_MAX,
		"no stream of type optin has the sender \"%s\", which "
		"letters that ask people to confirm are from (mail.from):"
		" where unknown mail is marketing they are refused (add "
		"such a stream, with the client or login that hands them "
		"in)",
		from.canonical);
	return false;
}

int cm_advice_footers(const struct cm_config *config, cm_footer_gap_fn *tell,
		      void *ctx, struct cm_error *err)
{
	struct cm_templates *templates = NULL;
	int rc = cm_templates_load(config->templates, config->language,
				   &templates, err);

	if (rc == CM_OK)
		rc = cm_footer_law_check(config, templates, tell, ctx, err);
	cm_templates_free(&templates);
	return rc;
}

static void log_gap(void *ctx, const char *text)
{
	cm_log(ctx, CM_LOG_WARNING, "%s", text);
}

void cm_advice_log(const struct cm_config *config, struct cm_log *log)
{
	struct cm_error err;
	char text[CM_ERROR_MAX];

	if (!cm_advice_optin(config, text))
		cm_log(log, CM_LOG_WARNING, "%s", text);
	if (cm_advice_footers(config, log_gap, log, &err) != CM_OK)
		cm_log_error(log, CM_LOG_WARNING,
			     "footers could not be looked at", &err);
}
