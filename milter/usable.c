/* See usable.h. */
#include "milter/usable.h"

#include "milter/place.h"
#include "policy/template.h"

int cm_usable(const struct cm_config *config, struct cm_error *err)
{
	struct cm_templates *templates = NULL;
	struct cm_place place;
	size_t i;
	int rc;

	if (config->nlisteners == 0)
		return cm_fail(err, CM_ECONFIG,
			       "%s: there is no listener section: nothing "
			       "could connect",
			       config->file);
	for (i = 0; i < config->nlisteners; i++) {
		const struct cm_listener *listener = &config->listeners[i];

		rc = cm_place_parse(listener->socket, &place, err);
		if (rc != CM_OK)
			return cm_error_prefix(err, "%s:%d: ", config->file,
					       listener->line);
	}
	rc = cm_templates_load(config->templates, config->language, &templates,
			       err);
	cm_templates_free(&templates);
	return rc;
}
