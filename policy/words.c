/* See words.h. */
#include "policy/words.h"

#include <string.h>

#include "lib/quote.h"

enum { SUGGEST_MAX = 1024 }; /* names looked through for "did you mean" */

/* Lower-case the text into out; CM_EDATA if a character is not allowed. */
static int take_word(struct cm_span text, const char *also, size_t max,
		     char *out, struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	size_t i;

	if (text.n > max)
		return cm_fail(err, CM_EDATA,
			       "\"%s\" is too long (at most %zu characters)",
			       cm_quote(text, quoted), max);
	for (i = 0; i < text.n; i++) {
		char c = cm_ascii_lower(text.p[i]);

		if (!cm_ascii_alpha(c) && !cm_ascii_digit(c) &&
		    (c == '\0' || strchr(also, c) == NULL))
			return cm_fail(err, CM_EDATA,
				       "\"%s\" may only have letters a-z, "
				       "digits and \"-\"",
				       cm_quote(text, quoted));
	}
	memcpy(out, text.p != NULL ? text.p : "", text.n);
	out[text.n] = '\0';
	cm_ascii_lower_n(out, text.n);
	return CM_OK;
}

int cm_word_source(struct cm_span text, char ret_source[CM_SOURCE_MAX + 1],
		   struct cm_error *err)
{
	return take_word(cm_span_trim(text), "-", CM_SOURCE_MAX, ret_source,
			 err);
}

/* Those of design and manuals. */
static const char *const usual_sources[] = {
	"order",   "web-form", "popup", "contest",
	"loyalty", "event",    "phone", "import",
};
enum { USUAL_SOURCES = sizeof(usual_sources) / sizeof(usual_sources[0]) };

static size_t known_sources(const struct cm_config *config,
			    const char *names[SUGGEST_MAX])
{
	size_t n = 0;
	size_t i, k;

	for (i = 0; i < USUAL_SOURCES; i++)
		names[n++] = usual_sources[i];
	for (i = 0; i < config->nforms && n < SUGGEST_MAX; i++)
		names[n++] = config->forms[i].source;
	for (i = 0; i < config->nstreams; i++)
		for (k = 0; k < config->streams[i].sources.n && n < SUGGEST_MAX;
		     k++)
			names[n++] = config->streams[i].sources.v[k];
	return n;
}

const char *cm_word_meant_source(const struct cm_config *config,
				 const char *source)
{
	const char *names[SUGGEST_MAX];
	size_t n = known_sources(config, names);
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(names[i], source) == 0)
			return NULL;
	return cm_suggest(source, names, n);
}

int cm_word_language(struct cm_span text,
		     char ret_language[CM_LANGUAGE_MAX + 1],
		     struct cm_error *err)
{
	char *p;
	int rc = take_word(cm_span_trim(text), "-_", CM_LANGUAGE_MAX,
			   ret_language, err);

	if (rc != CM_OK) {
		(void)cm_error_prefix(err, "language ");
		return rc;
	}
	for (p = ret_language; *p != '\0'; p++) {
		if (*p == '_')
			*p = '-';
	}
	return CM_OK;
}

int cm_word_name(struct cm_span text, size_t max, char *ret_name,
		 struct cm_error *err)
{
	struct cm_span name = cm_span_trim(text);
	char quoted[CM_QUOTE_LEN];
	size_t i;

	if (name.n > max)
		return cm_fail(err, CM_EDATA,
			       "\"%s\" is too long (at most %zu octets)",
			       cm_quote(name, quoted), max);
	for (i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			break;
	if (i < name.n || !cm_utf8_valid(name.p, name.n))
		return cm_fail(err, CM_EDATA, "\"%s\" is not printable text",
			       cm_quote(name, quoted));
	memcpy(ret_name, name.p != NULL ? name.p : "", name.n);
	ret_name[name.n] = '\0';
	return CM_OK;
}

int cm_word_basis(struct cm_span text, enum cm_basis *ret_basis,
		  struct cm_error *err)
{
	char quoted[CM_QUOTE_LEN];
	char word[32];
	struct cm_span trimmed = cm_span_trim(text);

	if (trimmed.n < sizeof(word)) {
		memcpy(word, trimmed.p != NULL ? trimmed.p : "", trimmed.n);
		cm_ascii_lower_n(word, trimmed.n);
		if (cm_basis_parse(cm_span_n(word, trimmed.n), ret_basis) ==
		    CM_OK)
			return CM_OK;
	}
	return cm_fail(err, CM_EDATA,
		       "\"%s\" is not a basis (consent or soft-opt-in; "
		       "nothing else may send marketing)",
		       cm_quote(trimmed, quoted));
}

static const char *like(struct cm_span text, const char *const *names,
			size_t count)
{
	char word[CM_QUOTE_LEN];

	return cm_suggest(cm_quote(text, word), names, count);
}

int cm_word_purpose(const struct cm_config *config, struct cm_span text,
		    const struct cm_purpose **ret_purpose, struct cm_error *err)
{
	struct cm_span trimmed = cm_span_trim(text);
	const struct cm_purpose *found = cm_config_purpose(config, trimmed);
	const char *names[SUGGEST_MAX];
	char quoted[CM_QUOTE_LEN];
	const char *similar;
	size_t n;

	if (found != NULL) {
		*ret_purpose = found;
		return CM_OK;
	}
	for (n = 0; n < config->npurposes && n < SUGGEST_MAX; n++)
		names[n] = config->purposes[n].path;
	similar = like(trimmed, names, n);
	(void)cm_quote(trimmed, quoted);
	if (similar == NULL)
		return cm_fail(err, CM_EDATA,
			       "\"%s\" is not a purpose of the config", quoted);
	return cm_fail(err, CM_EDATA,
		       "\"%s\" is not a purpose of the config; did you mean "
		       "\"%s\"?",
		       quoted, similar);
}

int cm_word_stream(const struct cm_config *config, const char *text,
		   const struct cm_stream **ret_stream, struct cm_error *err)
{
	const struct cm_stream *found = cm_config_stream(config, text);
	const char *names[SUGGEST_MAX];
	char quoted[CM_QUOTE_LEN];
	const char *similar;
	size_t n;

	if (found != NULL) {
		*ret_stream = found;
		return CM_OK;
	}
	for (n = 0; n < config->nstreams && n < SUGGEST_MAX; n++)
		names[n] = config->streams[n].name;
	similar = like(cm_span(text), names, n);
	(void)cm_quote(cm_span(text), quoted);
	if (similar == NULL)
		return cm_fail(err, CM_EUSAGE,
			       "the config has no stream \"%s\"", quoted);
	return cm_fail(err, CM_EUSAGE,
		       "the config has no stream \"%s\"; did you mean \"%s\"?",
		       quoted, similar);
}
